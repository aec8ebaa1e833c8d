/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "report_private.h"
#include "socket.h"

#define LIMIT 100

/* Rows of which one page looks at no more, however few of them it shows. */
#define LOOKS_MAX 2000

/* ---- words ------------------------------------------------------------- */

static const char *const names[GW_REPORT_COUNT] = {
    [GW_REPORT_STATUS] = "status",
    [GW_REPORT_CLIENTS] = "clients",
    [GW_REPORT_CLIENT] = "client",
    [GW_REPORT_QUEUE] = "queue",
    [GW_REPORT_TOPICS] = "topics",
    [GW_REPORT_SUBSCRIPTIONS] = "subscriptions",
    [GW_REPORT_UPSTREAM] = "upstream",
    [GW_REPORT_EVENTS] = "events",
};

enum gw_report gw_report_named(struct mqttsn_span name)
{
    unsigned i = 0;

    while (i < GW_REPORT_COUNT &&
           !mqttsn_span_equal(name, mqttsn_span_text(names[i])))
        i++;
    return (enum gw_report)i;
}

static const char *const states[GW_STATE_COUNT] = {
    [GW_DISCONNECTED] = "disconnected",
    [GW_HALF_OPEN] = "connecting",
    [GW_ACTIVE] = "active",
    [GW_ASLEEP] = "asleep",
    [GW_AWAKE] = "awake",
    [GW_LOST] = "lost",
};

const char *gw_report_state(enum gw_state state)
{
    return states[state];
}

/* ---- the query --------------------------------------------------------- */

void gw_report_query_init(struct gw_report_query *query)
{
    *query = (struct gw_report_query){
        .client = mqttsn_span("", 0), .limit = LIMIT, .state = -1};
}

static bool set_state(struct gw_report_query *query, struct mqttsn_span value)
{
    for (int i = 0; i < GW_STATE_COUNT; i++) {
        if (mqttsn_span_equal(value, mqttsn_span_text(states[i]))) {
            query->state = i;
            return true;
        }
    }
    return false;
}

static bool set_number(uint64_t *number, uint64_t min, uint64_t max,
                       struct mqttsn_span value)
{
    uint64_t n = 0;

    if (value.len == 0 || value.len > 19) /* more might wrap */
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        n = n * 10 + (value.data[i] - '0');
    }
    if (n < min || n > max)
        return false;
    *number = n;
    return true;
}

bool gw_report_query_set(struct gw_report_query *query, const char *key,
                         struct mqttsn_span value)
{
    uint64_t limit;

    if (strcmp(key, "client") == 0 && value.len != 0) {
        query->client = value;
        return true;
    }
    if (strcmp(key, "state") == 0)
        return set_state(query, value);
    if (strcmp(key, "cursor") == 0)
        return set_number(&query->cursor, 0, INT64_MAX, value);
    if (strcmp(key, "limit") != 0 ||
        !set_number(&limit, 1, GW_REPORT_LIMIT_MAX, value))
        return false;
    query->limit = (uint32_t)limit;
    return true;
}

/* ---- parts ------------------------------------------------------------- */

void report_page_begin(struct report_page *page, struct gw_json *json,
                       const char *key, uint32_t limit)
{
    *page =
        (struct report_page){.json = json, .left = limit, .looks = LOOKS_MAX};
    gw_json_list(json, key);
}

bool report_row(struct report_page *page)
{
    page->more = page->left == 0 || page->looks == 0;
    if (page->more)
        return false;
    page->looks--;
    page->before = *page->json;
    gw_json_open(page->json, NULL);
    return true;
}

void report_row_drop(struct report_page *page)
{
    *page->json = page->before;
}

bool report_row_keep(struct report_page *page)
{
    gw_json_close(page->json);
    page->left--;
    page->more = !gw_json_keep(page->json, &page->before, REPORT_TAIL);
    return !page->more;
}

void report_page_end(struct report_page *page, uint64_t cursor)
{
    gw_json_list_end(page->json);
    if (page->more)
        gw_json_number(page->json, "next", cursor);
}

uint32_t report_cursor(const struct gw_report_query *query)
{
    return query->cursor < UINT32_MAX ? (uint32_t)query->cursor : UINT32_MAX;
}

void report_ago(struct gw_json *json, const char *key, mqttsn_ms then,
                mqttsn_ms now)
{
    gw_json_number(json, key, now > then ? (now - then) / 1000 : 0);
}

void report_until(struct gw_json *json, const char *key, mqttsn_ms then,
                  mqttsn_ms now)
{
    if (then == MQTTSN_NEVER)
        return;
    gw_json_signed(json, key,
                   then >= now ? (int64_t)((then - now) / 1000)
                               : -(int64_t)((now - then) / 1000));
}

void report_address(struct gw_json *json, const char *key,
                    const struct gw_addr *addr)
{
    char at[GW_SOCKET_TEXT_MAX];

    if (addr->family != 0)
        gw_json_text(json, key, mqttsn_span_text(gw_socket_text(addr, at)));
}

/* ---- all of them ------------------------------------------------------- */

unsigned gw_report_lacks(const struct gw_report_source *source)
{
    return (source->upstream.connected ? 0 : GW_LACKS_UPSTREAM) |
           (source->store_fails ? GW_LACKS_STORE : 0);
}

static bool is_of_one(enum gw_report report)
{
    return report == GW_REPORT_CLIENT || report == GW_REPORT_QUEUE;
}

static void write_one(const struct gw_report_source *source,
                      enum gw_report report,
                      const struct gw_report_query *query, struct gw_json *json)
{
    switch (report) {
    case GW_REPORT_STATUS:
        report_status(source, json);
        break;
    case GW_REPORT_CLIENTS:
        report_clients(source, query, json);
        break;
    case GW_REPORT_CLIENT:
        report_client(source, query, json);
        break;
    case GW_REPORT_QUEUE:
        report_queue(source, query, json);
        break;
    case GW_REPORT_TOPICS:
        report_topics(source, query, json);
        break;
    case GW_REPORT_SUBSCRIPTIONS:
        report_subscriptions(source, query, json);
        break;
    case GW_REPORT_UPSTREAM:
        report_upstream(source, query, json);
        break;
    case GW_REPORT_EVENTS:
        report_events(source, query, json);
        break;
    case GW_REPORT_COUNT:
        break;
    }
}

enum mqttsn_status gw_report_write(const struct gw_report_source *source,
                                   enum gw_report report,
                                   const struct gw_report_query *query,
                                   char *buf, size_t cap,
                                   struct mqttsn_span *ret)
{
    struct gw_session_info info;
    struct gw_json json;

    if (query->client.len != 0) {
        if (!gw_engine_session(source->engine, query->client, &info))
            return MQTTSN_ENOTFOUND;
    } else if (is_of_one(report)) {
        return MQTTSN_EINVAL;
    }
    gw_json_begin(&json, buf, cap);
    write_one(source, report, query, &json);
    *ret = gw_json_end(&json);
    return ret->len != 0 ? MQTTSN_OK : MQTTSN_ENOSPACE;
}
