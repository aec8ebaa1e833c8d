/* SPDX-License-Identifier: MIT */
#include "report_private.h"

/* Rows of one client that are asked for at a time; a walk over all of them is
 * asked one by one, for its cursor knows no more. */
#define CHUNK 32

/* Of a queue no more are shown: what is behind them comes later. */
#define QUEUE_MAX 200

/* ---- topics ------------------------------------------------------------ */

static size_t fetch_topics(const struct gw_report_source *source,
                           struct mqttsn_span client, uint32_t *cursor,
                           struct gw_topic_info rows[CHUNK])
{
    size_t n;

    if (client.len == 0)
        return gw_engine_visit_topics(source->engine, cursor, 1, rows);
    n = gw_engine_topics_of(source->engine, client, *cursor, CHUNK, rows);
    *cursor += (uint32_t)n;
    return n;
}

static void add_topic(struct gw_json *json, const struct gw_topic_info *topic)
{
    gw_json_text(json, "client", topic->client_id);
    gw_json_number(json, "id", topic->id);
    gw_json_text(json, "type",
                 mqttsn_span_text(topic->predefined ? "predefined" : "normal"));
    gw_json_text(json, "topic", topic->name);
    gw_json_bool(json, "known", topic->known);
    gw_json_bool(json, "refused", topic->refused);
}

void report_topic_rows(const struct gw_report_source *source,
                       struct mqttsn_span client, struct report_page *page,
                       uint32_t *cursor)
{
    struct gw_topic_info rows[CHUNK];
    uint32_t next = *cursor;
    size_t n;

    while ((n = fetch_topics(source, client, &next, rows)) != 0) {
        for (size_t i = 0; i < n; i++) {
            if (!report_row(page))
                return;
            add_topic(page->json, &rows[i]);
            if (!report_row_keep(page))
                return;
            *cursor += 1;
        }
        *cursor = next;
    }
}

void report_topics(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json)
{
    uint32_t cursor = report_cursor(query);
    struct report_page page;

    report_page_begin(&page, json, "topics", query->limit);
    report_topic_rows(source, query->client, &page, &cursor);
    report_page_end(&page, cursor);
}

/* ---- subscriptions ----------------------------------------------------- */

static size_t fetch_subscriptions(const struct gw_report_source *source,
                                  struct mqttsn_span client, uint32_t *cursor,
                                  struct gw_subscription_info rows[CHUNK])
{
    size_t n;

    if (client.len == 0)
        return gw_engine_visit_subscriptions(source->engine, cursor, 1, rows);
    n = gw_engine_subscriptions_of(source->engine, client, *cursor, CHUNK,
                                   rows);
    *cursor += (uint32_t)n;
    return n;
}

static void add_subscription(struct gw_json *json,
                             const struct gw_subscription_info *sub)
{
    gw_json_text(json, "client", sub->client_id);
    gw_json_text(json, "filter", sub->filter);
    gw_json_number(json, "qos", sub->qos);
    gw_json_bool(json, "granted", sub->granted);
    gw_json_bool(json, "fixed", sub->fixed);
}

void report_subscription_rows(const struct gw_report_source *source,
                              struct mqttsn_span client,
                              struct report_page *page, uint32_t *cursor)
{
    struct gw_subscription_info rows[CHUNK];
    uint32_t next = *cursor;
    size_t n;

    while ((n = fetch_subscriptions(source, client, &next, rows)) != 0) {
        for (size_t i = 0; i < n; i++) {
            if (!report_row(page))
                return;
            add_subscription(page->json, &rows[i]);
            if (!report_row_keep(page))
                return;
            *cursor += 1;
        }
        *cursor = next;
    }
}

void report_subscriptions(const struct gw_report_source *source,
                          const struct gw_report_query *query,
                          struct gw_json *json)
{
    uint32_t cursor = report_cursor(query);
    struct report_page page;

    report_page_begin(&page, json, "subscriptions", query->limit);
    report_subscription_rows(source, query->client, &page, &cursor);
    report_page_end(&page, cursor);
}

/* ---- queues ------------------------------------------------------------ */

static void add_queued(struct gw_json *json,
                       const struct gw_queued_info *queued, mqttsn_ms now)
{
    gw_json_text(json, "topic", queued->topic);
    gw_json_number(json, "payload_bytes", queued->payload_len);
    gw_json_number(json, "qos", queued->qos);
    gw_json_bool(json, "retain", queued->retain);
    report_ago(json, "age_s", queued->received, now);
    if (queued->expires != 0)
        report_until(json, "expires_s", queued->expires, now);
    gw_json_bool(json, "sent", queued->sent);
    gw_json_number(json, "failed_wakes", queued->failed_wakes);
}

void report_queue_rows(const struct gw_report_source *source,
                       struct mqttsn_span client, struct report_page *page)
{
    struct gw_queued_info rows[QUEUE_MAX];
    size_t n = gw_engine_queue_of(source->engine, client, QUEUE_MAX, rows);

    for (size_t i = 0; i < n && report_row(page); i++) {
        add_queued(page->json, &rows[i], source->now);
        if (!report_row_keep(page))
            break;
    }
}

void report_queue(const struct gw_report_source *source,
                  const struct gw_report_query *query, struct gw_json *json)
{
    struct gw_session_info info;
    struct report_page page;

    if (!gw_engine_session(source->engine, query->client, &info))
        return;
    gw_json_text(json, "client", info.client_id);
    gw_json_number(json, "queue_messages", info.queue_messages);
    gw_json_number(json, "queue_bytes", info.queue_bytes);
    report_page_begin(&page, json, "queue", query->limit);
    report_queue_rows(source, query->client, &page);
    gw_json_list_end(json);
}
