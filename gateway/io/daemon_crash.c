/* SPDX-License-Identifier: MIT */
/*
 * The state of the daemon for its last words (crash.h): a screen of numbers,
 * all read where they lie.
 */
#include "daemon_private.h"

#include "counter_names.h"
#include "crash.h"

static const char *phase_name(enum stop_phase phase)
{
    static const char *const names[] = {
        [RUNNING] = "running", [DRAINING] = "draining", [LEAVING] = "leaving",
        [LEFT] = "left",       [CLOSING] = "closing",
    };

    return (size_t)phase < sizeof(names) / sizeof(names[0]) ? names[phase]
                                                            : "unknown";
}

static void say_usage(const struct gw_daemon *d)
{
    struct gw_crash_line line;
    struct gw_usage u;

    gw_crash_begin(&line, "crash_state");
    gw_crash_number(&line, "uptime_s",
                    d->now > d->status.since ? (d->now - d->status.since) / 1000
                                             : 0);
    gw_crash_word(&line, "phase", phase_name(d->phase));
    gw_crash_word(&line, "broker", d->link.connected ? "connected" : "away");
    gw_crash_word(&line, "store", d->disk != NULL ? "sqlite" : "memory");
    gw_engine_usage(d->engine, &u);
    gw_crash_number(&line, "sessions", u.sessions);
    gw_crash_number(&line, "topics", u.topics);
    gw_crash_number(&line, "subscriptions", u.subscriptions);
    gw_crash_number(&line, "filters", u.filters);
    gw_crash_number(&line, "exchanges", u.exchanges);
    gw_crash_number(&line, "queue_entries", u.queue_entries);
    gw_crash_number(&line, "messages", u.messages);
    gw_crash_number(&line, "message_bytes", u.message_bytes);
    gw_crash_number(&line, "uplink_messages", u.uplink_messages);
    gw_crash_number(&line, "connections", u.connections);
    gw_crash_number(&line, "upstream_open", d->upstream_open);
    gw_crash_end(&line);
}

static void say_counters(const struct gw_daemon *d)
{
    const struct gw_counters *c = gw_engine_counters(d->engine);
    struct gw_crash_line line;

    gw_crash_begin(&line, "crash_counters");
    for (size_t i = 0; i < GW_COUNTER_COUNT; i++) {
        if (gw_counter_at(c, i) != 0)
            gw_crash_number(&line, gw_counter_names[i], gw_counter_at(c, i));
    }
    gw_crash_end(&line);
}

static void say_state(void *user)
{
    const struct gw_daemon *d = user;

    say_usage(d);
    say_counters(d);
}

void daemon_crash_watch(struct gw_daemon *d)
{
    gw_crash_set_state(d != NULL ? say_state : NULL, d);
}
