/* SPDX-License-Identifier: MIT */
/* One request: which route it means, whether it may, and its answer. */
#include "http_private.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "percent.h"
#include "socket.h"

#define JSON_TYPE "application/json"

/* Of whatever is no page: nobody may keep, show or run it. */
#define NO_POLICY "default-src 'none'; frame-ancestors 'none'"

/* What an error may come to: {"error":"..."}. */
#define ERROR_MAX 256

/* A request, from its first line until its answer was sent. */
struct exchange {
    struct gw_http *http;
    const struct gw_http_route *route;
    const char *allow; /* with 405: the methods that there are */
    bool begun;
    bool too_long;
    char client[GW_SOCKET_TEXT_MAX];
    struct gw_http_request request;
    char target[]; /* what it asks for; 'request' points into it */
};

void *http_on_target(void *cls, const char *target,
                     struct MHD_Connection *connection)
{
    size_t len = strlen(target);
    bool too_long = len > HTTP_TARGET_MAX;
    struct exchange *x = calloc(1, sizeof(*x) + (too_long ? 0 : len) + 1);

    (void)connection;
    if (x == NULL)
        return NULL;
    x->http = cls;
    x->too_long = too_long;
    if (!too_long)
        memcpy(x->target, target, len);
    return x;
}

void http_on_done(void *cls, struct MHD_Connection *connection, void **exchange,
                  enum MHD_RequestTerminationCode why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct gw_http *http = cls;

    (void)why;
    free(*exchange);
    *exchange = NULL;
    if (info != NULL && info->socket_context != NULL)
        ((struct http_link *)info->socket_context)->since = uv_now(http->loop);
}

/* ---- the target -------------------------------------------------------- */

bool gw_http_take(char **query, const char **ret_name,
                  struct mqttsn_span *ret_value)
{
    char *name = *query, *end = name + strcspn(name, "&");
    char *value = name + strcspn(name, "=&");
    size_t len;

    if (*name == '\0')
        return false;
    *query = end + (*end == '&');
    *ret_name = "";
    *ret_value = mqttsn_span(end, 0);
    if (value == end)
        return true;
    len = (size_t)(end - value) - 1;
    *value++ = '\0';
    if (gw_percent_decode(value, &len, true)) {
        *ret_name = name;
        *ret_value = mqttsn_span(value, len);
    }
    return true;
}

/* Whether 'path' is one of 'pattern'; what stands for '*' is in '*ret_part'. */
static bool matches(const char *pattern, char *path,
                    struct mqttsn_span *ret_part)
{
    size_t head = strcspn(pattern, "*"), part;

    if (pattern[head] == '\0')
        return strcmp(pattern, path) == 0;
    if (strncmp(pattern, path, head) != 0)
        return false;
    part = strcspn(path + head, "/");
    *ret_part = mqttsn_span(path + head, part);
    return part > 0 && strcmp(pattern + head + 1, path + head + part) == 0;
}

/* ---- answers ----------------------------------------------------------- */

void gw_http_error(struct gw_http_reply *reply, unsigned status,
                   const char *text)
{
    char *buf = malloc(ERROR_MAX);
    struct mqttsn_span body = {0};
    struct gw_json json;

    if (buf != NULL) {
        gw_json_begin(&json, buf, ERROR_MAX);
        gw_json_text(&json, "error", mqttsn_span_text(text));
        body = gw_json_end(&json);
    }
    *reply =
        (struct gw_http_reply){.status = status, .text = buf, .len = body.len};
}

static struct MHD_Response *response_of(struct gw_http_reply *reply)
{
    struct MHD_Response *response;

    if (reply->text == NULL)
        return MHD_create_response_from_buffer(reply->len,
                                               (void *)(uintptr_t)reply->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer(reply->len, reply->text,
                                               MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(reply->text);
    return response;
}

static void add_headers(struct MHD_Response *response,
                        const struct gw_http_reply *reply, const char *allow)
{
    const char *const headers[][2] = {
        {"Content-Type", reply->type != NULL ? reply->type : JSON_TYPE},
        {"Content-Security-Policy",
         reply->policy != NULL ? reply->policy : NO_POLICY},
        {"Cache-Control", reply->etag != NULL ? "no-cache" : "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"ETag", reply->etag},
        {"Content-Encoding", reply->gzip ? "gzip" : NULL},
        {"Vary", reply->gzip ? "Accept-Encoding" : NULL},
        {"Allow", reply->status == MHD_HTTP_METHOD_NOT_ALLOWED ? allow : NULL},
        {"WWW-Authenticate", reply->status == MHD_HTTP_UNAUTHORIZED
                                 ? "Bearer realm=\"mqttsn-gateway\""
                                 : NULL},
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (headers[i][1] != NULL)
            MHD_add_response_header(response, headers[i][0], headers[i][1]);
    }
}

static enum MHD_Result send_reply(struct exchange *x,
                                  struct MHD_Connection *connection,
                                  struct gw_http_reply *reply)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    if (reply->etag != NULL && x->request.if_none_match != NULL &&
        strstr(x->request.if_none_match, reply->etag) != NULL) {
        reply->status = MHD_HTTP_NOT_MODIFIED;
        reply->len = 0;
    }
    response = response_of(reply);
    if (response == NULL)
        return MHD_NO; /* no memory: the connection ends */
    add_headers(response, reply, x->allow);
    result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- whether it may ---------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void find_client(struct exchange *x, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_storage from = {0};
    struct gw_addr addr;

    memcpy(&from, info->client_addr,
           info->client_addr->sa_family == AF_INET6
               ? sizeof(struct sockaddr_in6)
               : sizeof(struct sockaddr_in));
    gw_socket_from_kernel(&from, &addr);
    x->request.client = gw_socket_text(&addr, x->client);
}

static void deny(struct exchange *x, struct gw_http_reply *reply,
                 unsigned status, const char *text)
{
    uint32_t suppressed;

    if (gw_log_limited(&x->http->denied, 6, uv_now(x->http->loop), &suppressed))
        gw_warn("http", "denied",
                "client=%s path=%s status=%u suppressed=%u reason=%s",
                x->request.client, gw_log_text(x->target), status, suppressed,
                gw_log_text(text));
    gw_http_error(reply, status, text);
}

static bool may(struct exchange *x, struct MHD_Connection *connection,
                enum gw_http_access needs, struct gw_http_reply *reply)
{
    const struct gw_http_access_list *access = &x->http->access;
    const char *host = header(connection, "Host");

    x->request.token =
        gw_http_token_of(access->tokens, header(connection, "Authorization"));
    if (x->request.token != 0)
        return true;
    if (host != NULL &&
        !gw_http_host_good(host, x->http->own_name, access->names)) {
        deny(x, reply, MHD_HTTP_FORBIDDEN,
             "this name is not in http.host_names; use an address or a token");
        return false;
    }
    if (needs == GW_HTTP_ACT && access->tokens.len == 0) {
        deny(x, reply, MHD_HTTP_FORBIDDEN,
             "actions need a token, and http.token_file is not set");
        return false;
    }
    if (needs == GW_HTTP_OPEN || access->tokens.len == 0)
        return true;
    deny(x, reply, MHD_HTTP_UNAUTHORIZED, "a token is needed");
    return false;
}

/* ---- the way of a request ---------------------------------------------- */

static gw_http_handler *find(struct exchange *x, const char *method,
                             enum gw_http_access *ret_needs,
                             struct gw_http_reply *reply)
{
    const struct gw_http_settings *s = &x->http->settings;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool post = strcmp(method, "POST") == 0;
    char *query = strchr(x->target, '?');

    x->request.query = x->target + strlen(x->target);
    if (query != NULL) {
        *query = '\0';
        x->request.query = query + 1;
    }
    for (size_t i = 0; i < s->route_count; i++) {
        const struct gw_http_route *r = &s->routes[i];

        if (!matches(r->path, x->target, &x->request.part))
            continue;
        *ret_needs = post ? GW_HTTP_ACT : r->get_needs;
        if (get && r->get != NULL)
            return r->get;
        if (post && r->post != NULL)
            return r->post;
        x->allow = r->post == NULL  ? "GET, HEAD"
                   : r->get == NULL ? "POST"
                                    : "GET, HEAD, POST";
        gw_http_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "this method is not for that path");
        return NULL;
    }
    gw_http_error(reply, MHD_HTTP_NOT_FOUND, "there is no such path");
    return NULL;
}

static bool accepts_gzip(struct MHD_Connection *connection)
{
    const char *accepted = header(connection, "Accept-Encoding");

    return accepted == NULL || strstr(accepted, "gzip") != NULL ||
           strchr(accepted, '*') != NULL;
}

static void answer(struct exchange *x, struct MHD_Connection *connection,
                   const char *method, struct gw_http_reply *reply)
{
    enum gw_http_access needs = GW_HTTP_OPEN;
    gw_http_handler *handler = find(x, method, &needs, reply);
    size_t len;

    if (handler == NULL || !may(x, connection, needs, reply))
        return;
    len = x->request.part.len;
    if (!gw_percent_decode((char *)(uintptr_t)x->request.part.data, &len,
                           false)) {
        gw_http_error(reply, MHD_HTTP_BAD_REQUEST, "'%' without two digits");
        return;
    }
    x->request.part.len = len;
    x->request.user = x->http->settings.user;
    handler(&x->request, reply);
    if (reply->gzip && !accepts_gzip(connection))
        gw_http_error(reply, MHD_HTTP_NOT_ACCEPTABLE,
                      "there is only a form compressed with gzip");
}

/* A body says nothing here, so its octets are only passed over; how many there
 * will be must be known. */
static bool body_bad(struct MHD_Connection *connection,
                     struct gw_http_reply *reply)
{
    const char *length = header(connection, "Content-Length");

    if (header(connection, "Transfer-Encoding") != NULL)
        gw_http_error(reply, MHD_HTTP_LENGTH_REQUIRED,
                      "a body must say its length");
    else if (length != NULL && strtoull(length, NULL, 10) > HTTP_BODY_MAX)
        gw_http_error(reply, MHD_HTTP_CONTENT_TOO_LARGE,
                      "no body that long is needed");
    else
        return false;
    return true;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection,
                                const char *url, const char *method,
                                const char *version, const char *body,
                                size_t *body_len, void **exchange)
{
    struct gw_http_reply reply = {.status = MHD_HTTP_OK};
    struct exchange *x = *exchange;

    (void)cls;
    (void)url;
    (void)version;
    (void)body;
    if (x == NULL)
        return MHD_NO; /* there was no memory for it */
    if (!x->begun) {
        x->begun = true;
        find_client(x, connection);
        x->request.if_none_match = header(connection, "If-None-Match");
        if (x->too_long)
            gw_http_error(&reply, MHD_HTTP_URI_TOO_LONG,
                          "the target is too long");
        else if (!body_bad(connection, &reply))
            return MHD_YES; /* to be called again, with the body or its end */
        return send_reply(x, connection, &reply);
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    answer(x, connection, method, &reply);
    return send_reply(x, connection, &reply);
}
