/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_private.h"
#include "socket.h"

/*
 * libmicrohttpd takes no new connection while there are as many as it may have.
 * It looks whether that has ended only when it is run the next time, and asks
 * for none: with its descriptor and its time-outs alone, a few dozen clients
 * that send half a request leave it deaf for good. So it is run once more when
 * a connection has ended, and once a second as long as there are any.
 */
#define TICK_MS 1000u

#define BACKLOG 32

/* What the kernel may keep of an answer that is not taken. */
#define SEND_BUFFER (32 * 1024)

const char *gw_http_version(void)
{
    return MHD_get_version();
}

bool gw_http_available(void)
{
    return true;
}

/* ---- connections ------------------------------------------------------- */

static void link_add(struct gw_http *http, struct MHD_Connection *connection,
                     void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_link *link = calloc(1, sizeof(*link));

    *context = link;
    if (link == NULL) /* then it has no limit but the silent one */
        return;
    link->http = http;
    link->fd = info->connect_fd;
    link->since = uv_now(http->loop);
    link->next = http->links;
    link->to_this = &http->links;
    if (link->next != NULL)
        link->next->to_this = &link->next;
    http->links = link;
}

static void link_remove(struct http_link *link)
{
    if (link == NULL)
        return;
    link->http->ended = true;
    *link->to_this = link->next;
    if (link->next != NULL)
        link->next->to_this = link->to_this;
    free(link);
}

static void on_connection(void *cls, struct MHD_Connection *connection,
                          void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        link_add(cls, connection, context);
    else
        link_remove(*context);
}

/* A client that sends an octet now and then is never silent. */
static void cut_overdue(struct gw_http *http)
{
    uint64_t limit = http->settings.request_s * UINT64_C(1000);

    for (struct http_link *link = http->links; link != NULL;
         link = link->next) {
        if (uv_now(http->loop) - link->since >= limit)
            shutdown(link->fd, SHUT_RDWR);
    }
}

/* ---- on the loop ------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void run(struct gw_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;

    http->ended = false;
    MHD_run(http->mhd);
    if (http->ended)
        MHD_run(http->mhd);
    if (MHD_get_timeout(http->mhd, &ms) == MHD_YES)
        uv_timer_start(&http->timeout, on_timer, ms, 0);
    else
        uv_timer_stop(&http->timeout);
    if (http->links == NULL && !http->ended)
        uv_timer_stop(&http->tick);
    else if (!uv_is_active((uv_handle_t *)&http->tick))
        uv_timer_start(&http->tick, on_timer, TICK_MS, TICK_MS);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_http *http = timer->data;

    if (timer == &http->tick)
        cut_overdue(http);
    run(http);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

/* ---- life -------------------------------------------------------------- */

static void refused(const struct gw_addr *bind_to)
{
    char at[GW_SOCKET_TEXT_MAX];

    gw_err("http", "cannot_bind", "address=%s reason=%s",
           gw_socket_text(bind_to, at), gw_log_text(strerror(errno)));
}

/* A socket that listens, or -1. */
static int open_socket(const struct gw_addr *bind_to, struct gw_addr *ret_bound)
{
    struct sockaddr_storage address;
    socklen_t len = gw_socket_to_kernel(bind_to, &address);
    const int yes = 1, send_buffer = SEND_BUFFER;
    int fd = socket(address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    /* Connections have it from here. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer,
                     sizeof(send_buffer));
    if (address.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        listen(fd, BACKLOG) != 0)
        goto fail;
    len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        goto fail;
    gw_socket_from_kernel(&address, ret_bound);
    return fd;

fail:
    close(fd);
    return -1;
}

/* What libmicrohttpd has to say is about clients that do not keep to HTTP. */
static void MQTTSN_PRINTF(2, 0)
    on_words(void *cls, const char *format, va_list args)
{
    char text[256];

    (void)cls;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    gw_debug("http", "library", "text=%s", gw_log_text(text));
}

static struct MHD_Daemon *start(struct gw_http *http, int fd)
{
    const struct gw_http_settings *s = &http->settings;

    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, http_on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, on_words, NULL, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_done, http,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_CONNECTION_LIMIT, s->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, s->idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_OCTETS,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static void on_closed(uv_handle_t *handle)
{
    struct gw_http *http = handle->data;

    if (--http->handles == 0)
        free(http);
}

static void close_handle(struct gw_http *http, uv_handle_t *handle)
{
    handle->data = http;
    http->handles++;
    uv_close(handle, on_closed);
}

enum mqttsn_status gw_http_open(uv_loop_t *loop,
                                const struct gw_http_settings *settings,
                                const struct gw_http_access_list *access,
                                struct gw_http **ret_http)
{
    struct gw_http *http = calloc(1, sizeof(*http));
    const union MHD_DaemonInfo *info;
    char at[GW_SOCKET_TEXT_MAX];
    int fd;

    if (http == NULL)
        return MQTTSN_ENOSPACE;
    http->loop = loop;
    http->settings = *settings;
    http->access = *access;
    if (gethostname(http->own_name, sizeof(http->own_name) - 1) != 0)
        http->own_name[0] = '\0';
    fd = open_socket(&settings->bind, &http->bound);
    if (fd < 0) {
        refused(&settings->bind);
        free(http);
        return MQTTSN_EIO;
    }
    http->mhd = start(http, fd);
    if (http->mhd == NULL) {
        refused(&settings->bind);
        close(fd);
        free(http);
        return MQTTSN_EIO;
    }
    info = MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (uv_poll_init(loop, &http->poll, info->epoll_fd) != 0) {
        refused(&settings->bind);
        MHD_stop_daemon(http->mhd);
        free(http);
        return MQTTSN_EIO;
    }
    uv_timer_init(loop, &http->timeout);
    uv_timer_init(loop, &http->tick);
    http->poll.data = http->timeout.data = http->tick.data = http;
    uv_poll_start(&http->poll, UV_READABLE, on_poll);
    gw_info("http", "listening", "address=%s",
            gw_socket_text(&http->bound, at));
    *ret_http = http;
    return MQTTSN_OK;
}

void gw_http_admit(struct gw_http *http,
                   const struct gw_http_access_list *access)
{
    http->access = *access;
}

void gw_http_bound(const struct gw_http *http, struct gw_addr *ret_addr)
{
    *ret_addr = http->bound;
}

void gw_http_close(struct gw_http *http)
{
    if (http == NULL)
        return;
    uv_poll_stop(&http->poll);
    MHD_stop_daemon(http->mhd);
    http->mhd = NULL;
    close_handle(http, (uv_handle_t *)&http->poll);
    close_handle(http, (uv_handle_t *)&http->timeout);
    close_handle(http, (uv_handle_t *)&http->tick);
}
