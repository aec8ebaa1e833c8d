/* SPDX-License-Identifier: MIT */
#include "report_private.h"

#include <stdio.h>

/* Of each list in the detail of one client. */
#define DETAILS_MAX 100

/* A node id is a few octets, and not text. */
static void add_node_id(struct gw_json *json, struct mqttsn_span id)
{
    char hex[2 * 32 + 1];
    size_t len = id.len < 32 ? id.len : 32;

    if (len == 0)
        return;
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", id.data[i]);
    gw_json_text(json, "node_id", mqttsn_span(hex, 2 * len));
}

static void add_listener(const struct gw_config *config, struct gw_json *json,
                         const struct gw_session_info *info)
{
    if (info->addr.family != 0 &&
        info->listener < config->options.listener_count)
        gw_json_text(json, "listener",
                     mqttsn_span_text(config->listeners[info->listener].name));
}

static void add_client(const struct gw_report_source *source,
                       struct gw_json *json, const struct gw_session_info *info)
{
    mqttsn_ms now = source->now;

    gw_json_text(json, "client", info->client_id);
    gw_json_text(json, "state", mqttsn_span_text(gw_report_state(info->state)));
    report_ago(json, "state_s", info->state_since, now);
    report_address(json, "address", &info->addr);
    add_node_id(json, info->node_id);
    add_listener(source->config, json, info);
    report_ago(json, "heard_s", info->last_heard, now);
    gw_json_number(json, "duration_s", info->duration_s);
    report_until(json, "due_s", info->due, now);
    report_until(json, "ends_s", info->ends, now);
    gw_json_number(json, "topics", info->topics);
    gw_json_number(json, "subscriptions", info->subscriptions);
    gw_json_number(json, "queue_messages", info->queue_messages);
    gw_json_number(json, "queue_bytes", info->queue_bytes);
    if (info->queue_messages != 0)
        report_ago(json, "queue_oldest_s", info->queue_since, now);
    gw_json_number(json, "requests", info->exchanges);
    gw_json_number(json, "uplink_waiting", info->uplink_waiting);
    gw_json_bool(json, "clean", info->clean_session);
    gw_json_bool(json, "will", info->has_will);
}

static bool is_wanted(const struct gw_report_query *query,
                      const struct gw_session_info *info)
{
    return query->state < 0 || info->state == (enum gw_state)query->state;
}

void report_clients(const struct gw_report_source *source,
                    const struct gw_report_query *query, struct gw_json *json)
{
    uint32_t cursor = report_cursor(query), next = cursor;
    struct gw_session_info info;
    struct report_page page;

    report_page_begin(&page, json, "clients", query->limit);
    while (gw_engine_visit(source->engine, &next, 1, &info) != 0 &&
           report_row(&page)) {
        if (!is_wanted(query, &info)) {
            report_row_drop(&page);
        } else {
            add_client(source, json, &info);
            if (!report_row_keep(&page))
                break;
        }
        cursor = next;
    }
    report_page_end(&page, cursor);
}

/* Lists that are longer have pages of their own; how long they are is in the
 * row of the client. */
void report_client(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json)
{
    uint32_t topics = 0, subscriptions = 0;
    struct gw_session_info info;
    struct report_page page;

    if (!gw_engine_session(source->engine, query->client, &info))
        return;
    add_client(source, json, &info);
    report_page_begin(&page, json, "topic_list", DETAILS_MAX);
    report_topic_rows(source, query->client, &page, &topics);
    gw_json_list_end(json);
    report_page_begin(&page, json, "subscription_list", DETAILS_MAX);
    report_subscription_rows(source, query->client, &page, &subscriptions);
    gw_json_list_end(json);
    report_page_begin(&page, json, "queue_list", DETAILS_MAX);
    report_queue_rows(source, query->client, &page);
    gw_json_list_end(json);
}
