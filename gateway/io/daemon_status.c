/* SPDX-License-Identifier: MIT */
/*
 * What the gateway says of itself at the broker, below [status] prefix:
 *
 *   state   "online" with each connection, "offline" at the end and as the
 *           will of the connection; retained
 *   stats   a JSON object every [status] interval
 *   events  a JSON object for each node that connects, sleeps, leaves or is
 *           lost
 *
 * All of it stands in the line of what nodes publish, at QoS 0 and in small
 * numbers; nothing of it is kept for a broker that is away, for it is about
 * now.
 */
#include "daemon_private.h"

#include <stdio.h>

#include "counter_names.h"
#include "json.h"
#include "socket.h"
#include "version.h"

/* More than a second's worth of events, and what a burst may be: a thousand
 * nodes that come back at once are worth a number. */
#define EVENTS_A_SECOND 20u
#define EVENTS_BURST 100u

#define STATS_MAX 8192

static bool publish(struct gw_daemon *d, const char *leaf,
                    struct mqttsn_span payload, bool retain)
{
    char topic[GW_PREFIX_MAX + 16];

    snprintf(topic, sizeof(topic), "%s/%s", d->config->status.topic, leaf);
    if (!gw_engine_publish(d->engine, mqttsn_span_text(topic), payload, retain,
                           d->now))
        return false;
    daemon_wake(d);
    return true;
}

static void say_online(struct gw_daemon *d)
{
    if (d->status.online_due && d->phase == RUNNING)
        d->status.online_due =
            !publish(d, "state", mqttsn_span_text("online"), true);
}

void daemon_status_connected(struct gw_daemon *d)
{
    d->status.online_due = d->config->status.enabled;
    say_online(d);
}

void daemon_status_stopping(struct gw_daemon *d)
{
    if (d->config->status.enabled && d->link.connected)
        (void)publish(d, "state", mqttsn_span_text("offline"), true);
}

/* ---- statistics -------------------------------------------------------- */

static void add_usage(const struct gw_daemon *d, struct gw_json *json)
{
    struct gw_usage u;

    gw_engine_usage(d->engine, &u);
    gw_json_number(json, "sessions", u.sessions);
    gw_json_number(json, "topics", u.topics);
    gw_json_number(json, "subscriptions", u.subscriptions);
    gw_json_number(json, "queued", u.queue_entries);
    gw_json_number(json, "queued_bytes", u.message_bytes);
    gw_json_number(json, "uplink_waiting", u.uplink_messages);
}

static void add_counters(const struct gw_daemon *d, struct gw_json *json)
{
    const struct gw_counters *c = gw_engine_counters(d->engine);

    gw_json_open(json, "counters");
    for (size_t i = 0; i < GW_COUNTER_COUNT; i++)
        gw_json_number(json, gw_counter_names[i], gw_counter_at(c, i));
    gw_json_close(json);
}

static void say_stats(struct gw_daemon *d)
{
    char buf[STATS_MAX];
    struct gw_json json;

    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_text(&json, "name", mqttsn_span_text(d->config->name));
    gw_json_text(&json, "version", mqttsn_span_text(gw_version()));
    gw_json_number(&json, "uptime_s", (d->now - d->status.since) / 1000);
    add_usage(d, &json);
    gw_json_number(&json, "events_dropped", d->status.dropped);
    add_counters(d, &json);
    (void)publish(d, "stats", gw_json_end(&json), false);
}

static void on_interval(uv_timer_t *timer)
{
    struct gw_daemon *d = timer->data;

    d->now = uv_now(d->loop);
    if (d->phase != RUNNING || !d->link.connected)
        return;
    say_online(d);
    say_stats(d);
}

/* ---- events ------------------------------------------------------------ */

static const char *event_of(enum gw_note_kind kind)
{
    static const char *const events[GW_NOTE_COUNT] = {
        [GW_NOTE_CONNECTED] = "connected",
        [GW_NOTE_DISCONNECTED] = "disconnected",
        [GW_NOTE_ASLEEP] = "asleep",
        [GW_NOTE_LOST] = "lost",
        [GW_NOTE_EXPIRED] = "expired",
    };

    return (unsigned)kind < GW_NOTE_COUNT ? events[kind] : NULL;
}

/* Tokens in thousandths: a millisecond brings EVENTS_A_SECOND of them. */
static bool is_allowed(struct daemon_status *status, mqttsn_ms now)
{
    uint64_t tokens =
        status->tokens + (now - status->refilled) * EVENTS_A_SECOND;

    status->refilled = now;
    status->tokens =
        tokens < EVENTS_BURST * 1000 ? tokens : EVENTS_BURST * 1000;
    if (status->tokens < 1000)
        return false;
    status->tokens -= 1000;
    return true;
}

void daemon_status_note(struct gw_daemon *d, const struct gw_note *note)
{
    const char *event = event_of(note->kind);
    char buf[1024], at[GW_SOCKET_TEXT_MAX];
    struct gw_json json;

    if (event == NULL || !d->config->status.enabled || d->phase != RUNNING ||
        !d->link.connected)
        return;
    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_text(&json, "event", mqttsn_span_text(event));
    gw_json_text(&json, "client",
                 mqttsn_span(note->client_id, note->client_id_len));
    if (note->addr.family != 0)
        gw_json_text(&json, "address",
                     mqttsn_span_text(gw_socket_text(&note->addr, at)));
    if (note->value != 0)
        gw_json_number(&json, "duration_s", note->value);
    if (note->reason != NULL)
        gw_json_text(&json, "reason", mqttsn_span_text(note->reason));
    if (!is_allowed(&d->status, d->now) ||
        !publish(d, "events", gw_json_end(&json), false))
        d->status.dropped++;
}

/* ---- life -------------------------------------------------------------- */

void daemon_status_start(struct gw_daemon *d)
{
    mqttsn_ms interval = d->config->status.interval;

    d->status.since = d->status.refilled = uv_now(d->loop);
    d->status.tokens = EVENTS_BURST * 1000;
    if (d->config->status.enabled)
        uv_timer_start(&d->status.timer, on_interval, interval, interval);
}
