/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "counter_names.h"
#include "log.h"
#include "upstream_nodes.h"

/* Fields as they are put together; what does not fit is left out whole, as in
 * every line of the log. */
struct fields {
    char text[GW_LOG_LINE_MAX];
    size_t len;
};

static void field(struct fields *f, const char *name, uint64_t value)
{
    size_t left = sizeof(f->text) - f->len;
    int len;

    if (value == 0)
        return;
    len = snprintf(f->text + f->len, left, " %s=%" PRIu64, name, value);
    if (len > 0 && (size_t)len < left)
        f->len += (size_t)len;
    f->text[f->len] = '\0';
}

/* Whatever log.level is: somebody asked. */
static void say(const char *of, const struct fields *f)
{
    gw_log_write(GW_LOG_INFO, "daemon", "counters", "of=%s%s", of, f->text);
}

static void say_engine(const struct gw_daemon *d)
{
    const struct gw_counters *c = gw_engine_counters(d->engine);
    struct fields f = {.len = 0};

    for (size_t i = 0; i < GW_COUNTER_COUNT; i++)
        field(&f, gw_counter_names[i], gw_counter_at(c, i));
    say("engine", &f);
}

static void say_usage(const struct gw_daemon *d)
{
    struct fields f = {.len = 0};
    struct gw_usage u;

    gw_engine_usage(d->engine, &u);
    field(&f, "sessions", u.sessions);
    field(&f, "topics", u.topics);
    field(&f, "subscriptions", u.subscriptions);
    field(&f, "filters", u.filters);
    field(&f, "exchanges", u.exchanges);
    field(&f, "queue_entries", u.queue_entries);
    field(&f, "messages", u.messages);
    field(&f, "replies", u.replies);
    field(&f, "message_bytes", u.message_bytes);
    field(&f, "name_bytes", u.name_bytes);
    say("tables", &f);
}

static void say_listener(const struct gw_daemon *d, size_t i)
{
    struct fields f = {.len = 0};
    struct gw_udp_counters c;
    char of[4 * GW_LOG_VALUE_MAX];

    gw_udp_counters(d->udp, i, &c);
    for (size_t k = 0; k < GW_UDP_COUNTER_COUNT; k++)
        field(&f, gw_udp_counter_names[k], gw_counter_at(&c, k));
    snprintf(of, sizeof(of), "listener listener=%s",
             gw_log_text(d->config->listeners[i].name));
    say(of, &f);
}

static void upstream_fields(struct fields *f,
                            const struct gw_upstream_paho_stats *stats)
{
    field(f, "inbox_dropped", stats->inbox_dropped);
    field(f, "inbox_waits", stats->inbox_waits);
    field(f, "connects", stats->connects);
    field(f, "connect_us", stats->connect_us);
    field(f, "outstanding_max", stats->outstanding_max);
    field(f, "arrivals_kept", stats->keep.arrivals);
    field(f, "journal_refused", stats->keep.failures);
}

static void say_upstream(const struct gw_daemon *d)
{
    struct gw_upstream_paho_stats stats;
    struct fields f = {.len = 0};

    gw_upstream_paho_stats(d->upstream, &stats);
    upstream_fields(&f, &stats);
    say("upstream", &f);
}

static void say_nodes(const struct gw_daemon *d)
{
    struct gw_upstream_nodes_stats stats;
    struct fields f = {.len = 0};

    gw_upstream_nodes_stats(d->upstream, &stats);
    upstream_fields(&f, &stats.gateway);
    field(&f, "connections", stats.connections);
    field(&f, "connections_opened", stats.opened);
    field(&f, "connections_qos0_dropped", stats.qos0_dropped);
    say("upstream", &f);
}

static void say_store(const struct gw_daemon *d)
{
    struct fields f = {.len = 0};
    struct gw_disk_stats s;

    gw_disk_stats(d->disk, &s);
    field(&f, "journal_records", s.journal.records);
    field(&f, "journal_octets", s.journal.octets);
    field(&f, "journal_writes", s.journal.writes);
    field(&f, "journal_syncs", s.journal.syncs);
    field(&f, "journal_failures", s.journal.failures);
    field(&f, "journal_now_octets", s.journal_octets);
    field(&f, "changes_now_octets", s.change_octets);
    field(&f, "flushes", s.flushes);
    field(&f, "flush_failures", s.flush_errors);
    field(&f, "rows", s.rows);
    field(&f, "rows_written", s.rows_written);
    field(&f, "rows_deleted", s.rows_deleted);
    say("store", &f);
}

void daemon_log_counters(struct gw_daemon *d)
{
    if (d->udp == NULL) /* nearly gone */
        return;
    say_engine(d);
    say_usage(d);
    for (size_t i = 0; i < gw_udp_listener_count(d->udp); i++)
        say_listener(d, i);
    if (d->upstream_is_paho)
        say_upstream(d);
    if (d->upstream_is_nodes)
        say_nodes(d);
    if (d->disk != NULL)
        say_store(d);
}
