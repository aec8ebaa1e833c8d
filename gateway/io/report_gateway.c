/* SPDX-License-Identifier: MIT */
#include "report_private.h"

#include <stdio.h>

#include "counter_names.h"
#include "disk_store.h"
#include "events.h"
#include "log.h"
#include "version.h"

/* ---- the broker -------------------------------------------------------- */

static const char *const link_states[GW_LINK_STATE_COUNT] = {
    [GW_LINK_UNKNOWN] = "connecting",
    [GW_LINK_DOWN] = "down",
    [GW_LINK_DENIED] = "denied",
    [GW_LINK_UP] = "up",
};

static void add_link(struct gw_json *json, const struct gw_link_info *link)
{
    gw_json_text(json, "state", mqttsn_span_text(link_states[link->state]));
    gw_json_number(json, "in_flight", link->in_flight);
    gw_json_number(json, "window", link->window);
    gw_json_number(json, "waiting", link->waiting);
}

static void add_broker(struct gw_json *json, const char *key,
                       const struct gw_config_broker *broker)
{
    char url[320];

    snprintf(url, sizeof(url),
             strchr(broker->host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
             broker->scheme, broker->host, broker->port);
    gw_json_text(json, key, mqttsn_span_text(url));
}

/* The gateway's own connection. */
static void add_upstream(const struct gw_report_source *source,
                         struct gw_json *json)
{
    const struct gw_config_upstream *config = &source->config->upstream;
    const struct gw_report_upstream *u = &source->upstream;
    struct gw_link_info link;

    gw_engine_link(source->engine, &link);
    gw_json_bool(json, "connected", u->connected);
    report_ago(json, "since_s", u->since, source->now);
    if (u->connected && u->endpoint < config->broker_count)
        add_broker(json, "url", &config->brokers[u->endpoint]);
    gw_json_text(json, "client_id", mqttsn_span_text(config->client_id));
    gw_json_number(json, "connects", u->connects);
    gw_json_number(json, "losses", u->losses);
    gw_json_number(json, "failures", u->failures);
    add_link(json, &link);
}

static void add_mode(const struct gw_report_source *source,
                     struct gw_json *json)
{
    bool own = source->config->options.mode == GW_MODE_TRANSPARENT;

    gw_json_text(json, "mode",
                 mqttsn_span_text(own ? "transparent" : "aggregating"));
}

void report_upstream(const struct gw_report_source *source,
                     const struct gw_report_query *query, struct gw_json *json)
{
    const struct gw_config_upstream *config = &source->config->upstream;
    uint32_t cursor = report_cursor(query), next = cursor;
    struct report_page page;
    struct gw_link_info link;

    add_mode(source, json);
    gw_json_open(json, "gateway");
    add_upstream(source, json);
    gw_json_close(json);
    gw_json_list(json, "brokers");
    for (size_t i = 0; i < config->broker_count; i++)
        add_broker(json, NULL, &config->brokers[i]);
    gw_json_list_end(json);
    report_page_begin(&page, json, "nodes", query->limit);
    while (gw_engine_visit_links(source->engine, &next, 1, &link) != 0 &&
           report_row(&page)) {
        gw_json_text(json, "client", link.client_id);
        add_link(json, &link);
        if (!report_row_keep(&page))
            break;
        cursor = next;
    }
    report_page_end(&page, cursor);
}

/* ---- status ------------------------------------------------------------ */

static void add_clients(struct gw_json *json, const struct gw_usage *u,
                        const struct gw_totals *t)
{
    gw_json_open(json, "clients");
    gw_json_number(json, "total", u->sessions);
    for (int i = 0; i < GW_STATE_COUNT; i++)
        gw_json_number(json, gw_report_state((enum gw_state)i), t->clients[i]);
    gw_json_close(json);
}

static void add_queues(struct gw_json *json, const struct gw_usage *u,
                       const struct gw_totals *t)
{
    gw_json_open(json, "queues");
    gw_json_number(json, "clients", t->queues);
    gw_json_number(json, "messages", t->queue_messages);
    gw_json_number(json, "bytes", t->queue_bytes);
    gw_json_close(json);
    gw_json_open(json, "uplink");
    gw_json_number(json, "backlog_messages", u->uplink_messages);
    gw_json_number(json, "backlog_bytes", u->uplink_bytes);
    gw_json_number(json, "bytes", t->uplink_bytes);
    gw_json_close(json);
}

/* What is in use of each table, and how much of it there is. */
static void add_tables(const struct gw_report_source *source,
                       struct gw_json *json, const struct gw_usage *u,
                       const struct gw_totals *t)
{
    const struct gw_limits *l = &source->config->limits;
    const struct {
        const char *name;
        uint64_t used, most;
    } rows[] = {
        {"sessions", u->sessions, l->max_sessions},
        {"topics", u->topics, l->max_topics},
        {"subscriptions", u->subscriptions, l->max_subscriptions},
        {"exchanges", u->exchanges,
         (uint64_t)l->max_exchanges + l->uplink_max_messages},
        {"queue_entries", u->queue_entries, l->max_queue_entries},
        {"queue_bytes", t->queue_bytes, l->queue_total_bytes},
        {"uplink_bytes", t->uplink_bytes, l->uplink_total_bytes},
        {"name_bytes", u->name_bytes, l->names_total_bytes},
    };

    gw_json_open(json, "tables");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gw_json_open(json, rows[i].name);
        gw_json_number(json, "used", rows[i].used);
        gw_json_number(json, "max", rows[i].most);
        gw_json_close(json);
    }
    gw_json_close(json);
}

static void add_store(const struct gw_report_source *source,
                      struct gw_json *json)
{
    const struct gw_config_store *config = &source->config->store;
    bool full = config->durability == GW_DURABILITY_FULL;
    struct gw_disk_stats s;

    gw_json_open(json, "store");
    gw_json_text(json, "type",
                 mqttsn_span_text(source->disk ? "sqlite" : "memory"));
    gw_json_bool(json, "fails", source->store_fails);
    if (source->disk != NULL) {
        gw_disk_stats(source->disk, &s);
        gw_json_text(json, "durability",
                     mqttsn_span_text(full ? "full" : "batched"));
        gw_json_number(json, "rows", s.rows);
        gw_json_number(json, "journal_bytes", s.journal_octets);
        gw_json_number(json, "flushes", s.flushes);
        gw_json_number(json, "flush_errors", s.flush_errors);
        gw_json_number(json, "journal_errors", s.journal.failures);
    }
    gw_json_close(json);
}

static void add_listeners(const struct gw_report_source *source,
                          struct gw_json *json)
{
    size_t n = source->udp ? gw_udp_listener_count(source->udp) : 0;

    gw_json_list(json, "listeners");
    for (size_t i = 0; i < n; i++) {
        struct gw_udp_counters c;
        struct gw_addr bound;

        gw_udp_bound(source->udp, i, &bound);
        gw_udp_counters(source->udp, i, &c);
        gw_json_open(json, NULL);
        gw_json_text(json, "listener",
                     mqttsn_span_text(source->config->listeners[i].name));
        report_address(json, "address", &bound);
        for (size_t k = 0; k < GW_UDP_COUNTER_COUNT; k++)
            gw_json_number(json, gw_udp_counter_names[k], gw_counter_at(&c, k));
        gw_json_close(json);
    }
    gw_json_list_end(json);
}

static void add_counters(const struct gw_report_source *source,
                         struct gw_json *json)
{
    const struct gw_counters *c = gw_engine_counters(source->engine);

    gw_json_open(json, "counters");
    for (size_t i = 0; i < GW_COUNTER_COUNT; i++)
        gw_json_number(json, gw_counter_names[i], gw_counter_at(c, i));
    gw_json_close(json);
}

void report_status(const struct gw_report_source *source, struct gw_json *json)
{
    unsigned lacks = gw_report_lacks(source);
    struct gw_totals totals;
    struct gw_usage usage;

    gw_engine_usage(source->engine, &usage);
    gw_engine_totals(source->engine, &totals);
    gw_json_text(json, "name", mqttsn_span_text(source->config->name));
    gw_json_number(json, "gateway_id", source->config->options.gw_id);
    gw_json_text(json, "version", mqttsn_span_text(gw_version()));
    report_ago(json, "uptime_s", source->started, source->now);
    add_mode(source, json);
    gw_json_bool(json, "ready", lacks == 0);
    if (lacks != 0)
        gw_json_text(json, "not_ready",
                     mqttsn_span_text((lacks & GW_LACKS_UPSTREAM) != 0
                                          ? "upstream"
                                          : "store"));
    add_clients(json, &usage, &totals);
    add_queues(json, &usage, &totals);
    gw_json_open(json, "upstream");
    add_upstream(source, json);
    gw_json_close(json);
    add_store(source, json);
    add_tables(source, json, &usage, &totals);
    add_listeners(source, json);
    add_counters(source, json);
}

/* ---- events ------------------------------------------------------------ */

static void add_event(struct gw_json *json, const struct gw_event *event,
                      mqttsn_ms now)
{
    const struct gw_note *note = &event->note;

    gw_json_number(json, "number", event->number);
    report_ago(json, "ago_s", event->at, now);
    gw_json_text(json, "level",
                 mqttsn_span_text(gw_log_level_name(event->level)));
    gw_json_text(json, "event", mqttsn_span_text(event->name));
    if (note->client_id_len != 0)
        gw_json_text(json, "client",
                     mqttsn_span(note->client_id, note->client_id_len));
    report_address(json, "address", &note->addr);
    if (note->topic_len != 0)
        gw_json_text(json, "topic", mqttsn_span(note->topic, note->topic_len));
    if (event->value_name != NULL)
        gw_json_number(json, event->value_name, note->value);
    if (note->reason != NULL)
        gw_json_text(json, "reason", mqttsn_span_text(note->reason));
    if (event->suppressed != 0)
        gw_json_number(json, "suppressed", event->suppressed);
}

/* Here "next" is always there: who comes again with it sees what is new. */
void report_events(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json)
{
    uint64_t cursor = query->cursor;
    const struct gw_event *event;
    struct report_page page;

    report_page_begin(&page, json, "events", query->limit);
    while ((event = gw_events_after(source->events, cursor)) != NULL &&
           report_row(&page)) {
        add_event(json, event, source->now);
        if (!report_row_keep(&page))
            break;
        cursor = event->number;
    }
    if (cursor > source->events->count)
        cursor = source->events->count;
    page.more = true;
    report_page_end(&page, cursor);
}
