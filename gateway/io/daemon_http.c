/* SPDX-License-Identifier: MIT */
/* What is answered over HTTP: the dashboard, metrics, health, reports, and what
 * is ordered. */
#include "daemon_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard.h"
#include "log.h"

/* A browser takes six connections, Prometheus one; what shares an address, as
 * behind a proxy, shares its bound. */
#define CONNECTIONS 32
#define PER_ADDRESS 16
#define IDLE_S 10
#define REQUEST_S 60

#define TEXT_TYPE "text/plain; charset=utf-8"

/* The same for everybody; it asks for what is behind it. */
static void on_page(const struct gw_http_request *request,
                    struct gw_http_reply *reply)
{
    (void)request;
    reply->type = "text/html; charset=utf-8";
    reply->policy = gw_dashboard_policy;
    reply->etag = gw_dashboard_etag;
    reply->gzip = true;
    reply->fixed = gw_dashboard_page;
    reply->len = gw_dashboard_size;
}

static void on_metrics(const struct gw_http_request *request,
                       struct gw_http_reply *reply)
{
    reply->type = GW_METRICS_TYPE;
    reply->text = daemon_metrics_text(request->user, &reply->len);
    if (reply->text == NULL)
        gw_http_error(reply, 503, "there is no memory for it");
}

/* Whoever reads it knows that the loop turns. */
static void on_health(const struct gw_http_request *request,
                      struct gw_http_reply *reply)
{
    (void)request;
    reply->type = TEXT_TYPE;
    reply->fixed = "ok\n";
    reply->len = 3;
}

#define NO_UPSTREAM "\"upstream: the broker is not connected\""
#define NO_STORE "\"store: it cannot be written\""
#define NOT_READY(reasons) "{\"ready\":false,\"reasons\":[" reasons "]}"

static void on_ready(const struct gw_http_request *request,
                     struct gw_http_reply *reply)
{
    static const char *const answers[] = {
        [0] = "{\"ready\":true,\"reasons\":[]}",
        [GW_LACKS_UPSTREAM] = NOT_READY(NO_UPSTREAM),
        [GW_LACKS_STORE] = NOT_READY(NO_STORE),
        [GW_LACKS_UPSTREAM | GW_LACKS_STORE] =
            NOT_READY(NO_UPSTREAM "," NO_STORE)};
    struct gw_report_source source;
    unsigned lacks;

    daemon_report_source(request->user, &source);
    lacks = gw_report_lacks(&source);
    reply->status = lacks == 0 ? 200 : 503;
    reply->fixed = answers[lacks];
    reply->len = strlen(answers[lacks]);
}

/* ---- reports ----------------------------------------------------------- */

static bool read_query(const struct gw_http_request *request,
                       struct gw_report_query *query)
{
    struct mqttsn_span value;
    char *rest = request->query;
    const char *name;

    gw_report_query_init(query);
    while (gw_http_take(&rest, &name, &value)) {
        if (!gw_report_query_set(query, name, value))
            return false;
    }
    if (request->part.len != 0)
        query->client = request->part;
    return true;
}

static void write_report(const struct gw_http_request *request,
                         enum gw_report report,
                         const struct gw_report_query *query,
                         struct gw_http_reply *reply)
{
    struct gw_report_source source;
    struct mqttsn_span text = {0};
    char *buf = malloc(GW_REPORT_ROOM);
    enum mqttsn_status status = MQTTSN_ENOSPACE;

    daemon_report_source(request->user, &source);
    if (buf != NULL)
        status =
            gw_report_write(&source, report, query, buf, GW_REPORT_ROOM, &text);
    if (status == MQTTSN_OK) {
        reply->text = realloc(buf, text.len);
        if (reply->text == NULL) /* a smaller piece; the large one will do */
            reply->text = buf;
        reply->len = text.len;
        return;
    }
    free(buf);
    if (status == MQTTSN_ENOTFOUND)
        gw_http_error(reply, 404, "there is no such client");
    else
        gw_http_error(reply, 503, "there is no room for it");
}

static void on_report(const struct gw_http_request *request,
                      struct gw_http_reply *reply, enum gw_report report)
{
    struct gw_report_query query;

    if (read_query(request, &query))
        write_report(request, report, &query, reply);
    else
        gw_http_error(reply, 400, "the query is not understood");
}

#define REPORT(function, report)                                               \
    static void function(const struct gw_http_request *request,                \
                         struct gw_http_reply *reply)                          \
    {                                                                          \
        on_report(request, reply, report);                                     \
    }
REPORT(on_status, GW_REPORT_STATUS)
REPORT(on_clients, GW_REPORT_CLIENTS)
REPORT(on_client, GW_REPORT_CLIENT)
REPORT(on_queue, GW_REPORT_QUEUE)
REPORT(on_topics, GW_REPORT_TOPICS)
REPORT(on_subscriptions, GW_REPORT_SUBSCRIPTIONS)
REPORT(on_upstream, GW_REPORT_UPSTREAM)
REPORT(on_events, GW_REPORT_EVENTS)
#undef REPORT

/* ---- orders ------------------------------------------------------------ */

/* Whoever changes something stands in the log, whatever its level is now. */
static void note(const struct gw_http_request *request, const char *word)
{
    bool has = request->part.len != 0;

    gw_log_write(
        GW_LOG_INFO, "http", "command", "command=%s%s%s client=%s token=%u",
        word, has ? " argument=" : "", has ? gw_log_value(request->part) : "",
        request->client, request->token);
}

static void on_order(const struct gw_http_request *request,
                     struct gw_http_reply *reply, const char *word)
{
    static const uint16_t statuses[] = {
        [DAEMON_ORDER_DONE] = 200,    [DAEMON_ORDER_TOLD] = 200,
        [DAEMON_ORDER_FAILED] = 422,  [DAEMON_ORDER_NOT_FOUND] = 404,
        [DAEMON_ORDER_REFUSED] = 409, [DAEMON_ORDER_BAD] = 400};
    char *buf = malloc(GW_REPORT_MIN);
    struct mqttsn_span text;
    enum daemon_order ended;

    if (buf == NULL) {
        gw_http_error(reply, 503, "there is no memory for it");
        return;
    }
    ended = daemon_order(request->user, mqttsn_span_text(word), request->part,
                         buf, GW_REPORT_MIN, &text);
    if (ended == DAEMON_ORDER_DONE || ended == DAEMON_ORDER_FAILED)
        note(request, word);
    reply->status = statuses[ended];
    reply->text = buf;
    reply->len = text.len;
}

#define ORDER(function, word)                                                  \
    static void function(const struct gw_http_request *request,                \
                         struct gw_http_reply *reply)                          \
    {                                                                          \
        on_order(request, reply, word);                                        \
    }
ORDER(on_kick, "kick")
ORDER(on_purge, "purge")
ORDER(on_reload, "reload")
ORDER(on_log, "log")
#undef ORDER

#define API "/api/v1/"

static const struct gw_http_route routes[] = {
    {"/", GW_HTTP_OPEN, on_page, NULL},
    {"/metrics", GW_HTTP_OPEN, on_metrics, NULL},
    {"/healthz", GW_HTTP_OPEN, on_health, NULL},
    {"/readyz", GW_HTTP_OPEN, on_ready, NULL},
    {API "status", GW_HTTP_READ, on_status, NULL},
    {API "clients", GW_HTTP_READ, on_clients, NULL},
    {API "clients/*", GW_HTTP_READ, on_client, NULL},
    {API "clients/*/queue", GW_HTTP_READ, on_queue, NULL},
    {API "clients/*/kick", GW_HTTP_ACT, NULL, on_kick},
    {API "clients/*/purge", GW_HTTP_ACT, NULL, on_purge},
    {API "reload", GW_HTTP_ACT, NULL, on_reload},
    {API "log/*", GW_HTTP_ACT, NULL, on_log},
    {API "topics", GW_HTTP_READ, on_topics, NULL},
    {API "subscriptions", GW_HTTP_READ, on_subscriptions, NULL},
    {API "upstream", GW_HTTP_READ, on_upstream, NULL},
    {API "events", GW_HTTP_READ, on_events, NULL},
};

/* ---- life -------------------------------------------------------------- */

static struct gw_http_access_list access_of(const struct gw_config_http *http)
{
    return (struct gw_http_access_list){
        .tokens = mqttsn_span(http->tokens, http->tokens_len),
        .names = http->host_names};
}

enum mqttsn_status daemon_http_start(struct gw_daemon *d)
{
    const struct gw_config_http *http = &d->config->http;
    const struct gw_http_access_list access = access_of(http);
    const struct gw_http_settings settings = {.bind = http->bind,
                                              .routes = routes,
                                              .route_count = sizeof(routes) /
                                                             sizeof(routes[0]),
                                              .user = d,
                                              .connections = CONNECTIONS,
                                              .per_address = PER_ADDRESS,
                                              .idle_s = IDLE_S,
                                              .request_s = REQUEST_S};

    if (http->bind.family == 0)
        return MQTTSN_OK;
    return gw_http_open(d->loop, &settings, &access, &d->http);
}

void daemon_http_reloaded(struct gw_daemon *d)
{
    const struct gw_http_access_list access = access_of(&d->config->http);

    if (d->http != NULL)
        gw_http_admit(d->http, &access);
}

void daemon_http_close(struct gw_daemon *d)
{
    gw_http_close(d->http);
    d->http = NULL;
}
