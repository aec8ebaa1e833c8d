/* SPDX-License-Identifier: MIT */
/*
 * report_private.h - what the files of reports share: report.c (which one, and
 * the query), report_clients.c, report_rows.c (topics, subscriptions, queues)
 * and report_gateway.c (status, upstream, events).
 */
#ifndef GW_REPORT_PRIVATE_H
#define GW_REPORT_PRIVATE_H

#include "json.h"
#include "report.h"

/* Octets behind the last row of a page: the end of lists and objects, "next".
 */
#define REPORT_TAIL 128

/* A list that is being written. */
struct report_page {
    struct gw_json *json;
    struct gw_json before; /* the row that is being written */
    uint32_t left;         /* rows that may still come */
    uint32_t looks;        /* rows that may still be looked at */
    bool more;             /* there are, but not in this one */
};

void report_page_begin(struct report_page *page, struct gw_json *json,
                       const char *key, uint32_t limit);

/* Opens a row; false: the page was full before it. Then it is dropped, or kept;
 * false: it does not fit, so the page is full. */
bool report_row(struct report_page *page);
void report_row_drop(struct report_page *page);
bool report_row_keep(struct report_page *page);

/* Ends the list; says where the next page begins, if there is one. */
void report_page_end(struct report_page *page, uint64_t cursor);

/* That of the query, as walks want it. */
uint32_t report_cursor(const struct gw_report_query *query);

/* Whole seconds, from then to now or from now to then; negative when that is
 * over. Nothing for MQTTSN_NEVER. */
void report_ago(struct gw_json *json, const char *key, mqttsn_ms then,
                mqttsn_ms now);
void report_until(struct gw_json *json, const char *key, mqttsn_ms then,
                  mqttsn_ms now);

void report_address(struct gw_json *json, const char *key,
                    const struct gw_addr *addr);

/* Rows of one client, or of all when it is empty; '*cursor' moves. */
void report_topic_rows(const struct gw_report_source *source,
                       struct mqttsn_span client, struct report_page *page,
                       uint32_t *cursor);
void report_subscription_rows(const struct gw_report_source *source,
                              struct mqttsn_span client,
                              struct report_page *page, uint32_t *cursor);
void report_queue_rows(const struct gw_report_source *source,
                       struct mqttsn_span client, struct report_page *page);

/* Each writes what is in the object. */
void report_status(const struct gw_report_source *source, struct gw_json *json);
void report_clients(const struct gw_report_source *source,
                    const struct gw_report_query *query, struct gw_json *json);
void report_client(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json);
void report_topics(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json);
void report_subscriptions(const struct gw_report_source *source,
                          const struct gw_report_query *query,
                          struct gw_json *json);
void report_queue(const struct gw_report_source *source,
                  const struct gw_report_query *query, struct gw_json *json);
void report_upstream(const struct gw_report_source *source,
                     const struct gw_report_query *query, struct gw_json *json);
void report_events(const struct gw_report_source *source,
                   const struct gw_report_query *query, struct gw_json *json);

#endif
