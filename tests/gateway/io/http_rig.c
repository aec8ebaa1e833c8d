/* SPDX-License-Identifier: MIT */
#include "http_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 20000

static char taken[1 << 20];

/* ---- what it serves ---------------------------------------------------- */

static void on_part(const struct gw_http_request *request,
                    struct gw_http_reply *reply)
{
    char *text = NULL, *query = request->query;
    struct mqttsn_span value;
    const char *name;
    FILE *out = open_memstream(&text, &reply->len);

    assert_non_null(out);
    fprintf(out, "part=%.*s token=%u client=%s", (int)request->part.len,
            (const char *)request->part.data, request->token, request->client);
    while (gw_http_take(&query, &name, &value))
        fprintf(out, " [%s=%.*s]", name, (int)value.len,
                (const char *)value.data);
    assert_int_equal(fclose(out), 0);
    reply->text = text;
    reply->type = "text/plain";
}

static void on_post(const struct gw_http_request *request,
                    struct gw_http_reply *reply)
{
    struct rig *r = request->user;

    r->posts++;
    reply->fixed = "{}";
    reply->len = 2;
}

static void on_long(const struct gw_http_request *request,
                    struct gw_http_reply *reply)
{
    (void)request;
    reply->text = malloc(RIG_LONG);
    assert_non_null(reply->text);
    memset(reply->text, 'a', RIG_LONG);
    reply->len = RIG_LONG;
}

static void on_page(const struct gw_http_request *request,
                    struct gw_http_reply *reply)
{
    (void)request;
    reply->type = "text/html";
    reply->policy = "default-src 'self'";
    reply->etag = "\"e1\"";
    reply->gzip = true;
    reply->fixed = "zipped";
    reply->len = 6;
}

static const struct gw_http_route routes[] = {
    {"/", GW_HTTP_OPEN, on_page, NULL},
    {"/open/*", GW_HTTP_OPEN, on_part, NULL},
    {"/read/*", GW_HTTP_READ, on_part, NULL},
    {"/read/*/act", GW_HTTP_ACT, NULL, on_post},
    {"/both", GW_HTTP_READ, on_part, on_post},
    {"/long", GW_HTTP_OPEN, on_long, NULL},
};

/* ---- life -------------------------------------------------------------- */

static void on_guard(uv_timer_t *guard)
{
    ((struct rig *)guard->data)->expired = true;
}

void rig_open(struct rig *r, const char *host, bool tokens)
{
    struct gw_http_settings settings = {.routes = routes,
                                        .route_count = ARRAY_LEN(routes),
                                        .user = r,
                                        .connections = 8,
                                        .per_address = 4,
                                        .idle_s = 1,
                                        .request_s = 2};
    struct gw_http_access_list access = {
        .tokens = tokens ? mqttsn_span_text("\n" RIG_TOKEN "\n")
                         : mqttsn_span(NULL, 0),
        .names = "gateway.example"};

    memset(r, 0, sizeof(*r));
    settings.bind.family = strchr(host, ':') != NULL ? 6 : 4;
    assert_int_equal(inet_pton(settings.bind.family == 6 ? AF_INET6 : AF_INET,
                               host, settings.bind.ip),
                     1);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    uv_timer_init(&r->loop, &r->guard);
    r->guard.data = r;
    assert_int_equal(gw_http_open(&r->loop, &settings, &access, &r->http),
                     MQTTSN_OK);
    gw_http_bound(r->http, &r->bound);
    assert_int_not_equal(r->bound.port, 0);
}

void rig_close(struct rig *r)
{
    gw_http_close(r->http);
    uv_close((uv_handle_t *)&r->guard, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

bool rig_until(struct rig *r, bool (*done)(struct rig *r, void *user),
               void *user)
{
    r->expired = false;
    uv_timer_start(&r->guard, on_guard, LIMIT_MS, 0);
    while (!done(r, user) && !r->expired) {
        /* What a client waits for comes from the loop; how much of it has come
         * is looked at a hundred times a second. */
        struct pollfd loop = {.fd = uv_backend_fd(&r->loop), .events = POLLIN};
        int timeout = uv_backend_timeout(&r->loop);

        (void)poll(&loop, 1, timeout < 0 || timeout > 10 ? 10 : timeout);
        uv_run(&r->loop, UV_RUN_NOWAIT);
    }
    uv_timer_stop(&r->guard);
    return !r->expired;
}

/* ---- clients ----------------------------------------------------------- */

int rig_connect(struct rig *r, const char *from)
{
    struct sockaddr_storage to = {0}, own = {0};
    socklen_t len;
    int fd;

    if (r->bound.family == 6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&to;

        a->sin6_family = AF_INET6;
        a->sin6_port = htons(r->bound.port);
        a->sin6_addr = in6addr_loopback;
        len = sizeof(*a);
    } else {
        struct sockaddr_in *a = (struct sockaddr_in *)&to;
        struct sockaddr_in *o = (struct sockaddr_in *)&own;

        a->sin_family = o->sin_family = AF_INET;
        a->sin_port = htons(r->bound.port);
        a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(inet_pton(AF_INET, from, &o->sin_addr), 1);
        len = sizeof(*a);
    }
    fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (own.ss_family != 0)
        assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
    if (connect(fd, (struct sockaddr *)&to, len) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

struct sending {
    int fd;
    const char *rest;
};

static bool is_sent(struct rig *r, void *user)
{
    struct sending *s = user;
    ssize_t n = send(s->fd, s->rest, strlen(s->rest), MSG_NOSIGNAL);

    (void)r;
    if (n > 0)
        s->rest += n;
    else
        assert_true(errno == EAGAIN || errno == ENOTCONN || errno == EPIPE ||
                    errno == ECONNRESET);
    return *s->rest == '\0' ||
           (n < 0 && (errno == EPIPE || errno == ECONNRESET));
}

void rig_send(struct rig *r, int fd, const char *text)
{
    struct sending s = {fd, text};

    assert_true(rig_until(r, is_sent, &s));
}

/* Octets of the first answer in 'text', or 0 when it is not complete. */
static size_t answer_len(const char *text)
{
    const char *body = strstr(text, "\r\n\r\n"), *field;

    if (body == NULL)
        return 0;
    body += 4;
    field = strstr(text, "\r\nContent-Length: ");
    if (field == NULL || field > body)
        return (size_t)(body - text);
    body += strtoul(field + 18, NULL, 10);
    return strlen(text) >= (size_t)(body - text) ? (size_t)(body - text) : 0;
}

struct taking {
    int fd;
    size_t len;
    unsigned count;
    bool head, ended;
};

static bool is_taken(struct rig *r, void *user)
{
    struct taking *t = user;
    const char *at = taken;
    ssize_t n = recv(t->fd, taken + t->len, sizeof(taken) - 1 - t->len, 0);

    (void)r;
    t->ended = n == 0 || (n < 0 && errno == ECONNRESET);
    if (n > 0)
        t->len += (size_t)n;
    taken[t->len] = '\0';
    for (unsigned i = 0; i < t->count; i++) {
        size_t len = answer_len(at);

        if (len == 0)
            return t->ended;
        at += len;
    }
    return true;
}

const char *rig_take(struct rig *r, int fd, unsigned count)
{
    struct taking t = {.fd = fd, .count = count};

    taken[0] = '\0';
    assert_true(rig_until(r, is_taken, &t));
    return taken;
}

const char *rig_ask(struct rig *r, const char *text)
{
    int fd = rig_connect(r, "127.0.0.1");
    const char *answer;

    rig_send(r, fd, text);
    answer = rig_take(r, fd, 1);
    close(fd);
    return answer;
}

static bool is_closed(struct rig *r, void *user)
{
    char octet;
    ssize_t n = recv(*(int *)user, &octet, 1, 0);

    (void)r;
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

void rig_wait_closed(struct rig *r, int fd)
{
    assert_true(rig_until(r, is_closed, &fd));
    close(fd);
}
