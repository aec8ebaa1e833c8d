/* SPDX-License-Identifier: MIT */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report.h"

/* Connections that wait to be accepted. */
#define BACKLOG 32

/* Around the longest report. */
#define ANSWER_ROOM (GW_REPORT_ROOM + 256)

/* Frames that wait for who reads too slowly. */
#define TRACE_OCTETS_MAX 65536

#define TRACED_MAX 1024 /* the longest client id there can be */

struct client {
    struct client *next;
    struct gw_ctl *ctl;
    uv_pipe_t pipe;
    uv_write_t write; /* of 'answer' */
    char *answer;     /* under way; nothing is read meanwhile */
    bool reading;
    bool closing;
    bool last; /* closed behind the answer */
    uint64_t moved_ms;
    unsigned uid;
    uint64_t missed; /* frames */
    size_t traced_len;
    char traced[TRACED_MAX];
    size_t len;
    char line[GW_CTL_REQUEST_MAX];
};

struct gw_ctl {
    uv_loop_t *loop;
    struct gw_ctl_setup setup; /* its 'path' is ours */
    uv_pipe_t server;
    uv_timer_t sweep;       /* runs while there is anybody */
    uv_pipe_t spare;        /* takes who cannot be served, to be closed */
    bool spare_busy, waits; /* ...and behind it another one does */
    struct client *clients;
    unsigned client_count, tracers;
    unsigned handles; /* still with the loop, but those of clients */
    struct gw_ctl_socket socket;
    char path[];
};

/* A line of a trace that the socket did not take at once. */
struct late_line {
    uv_write_t write;
    char text[];
};

/* ---- life -------------------------------------------------------------- */

static void free_if_closed(struct gw_ctl *ctl)
{
    if (ctl->handles == 0 && ctl->clients == NULL)
        free(ctl);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    struct gw_ctl *ctl = c->ctl;
    struct client **link = &ctl->clients;

    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    free(c->answer);
    free(c);
    free_if_closed(ctl);
}

static void stop_trace(struct client *c)
{
    c->ctl->tracers -= c->traced_len != 0;
    c->traced_len = 0;
}

/* Its memory is given back when the loop has let go of it. */
static void close_client(struct client *c)
{
    if (c->closing)
        return;
    c->closing = true;
    stop_trace(c);
    if (--c->ctl->client_count == 0)
        uv_timer_stop(&c->ctl->sweep);
    uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_sweep(uv_timer_t *timer)
{
    struct gw_ctl *ctl = timer->data;
    uint64_t now = uv_now(ctl->loop), idle = ctl->setup.idle_ms;

    for (struct client *c = ctl->clients; c != NULL; c = c->next) {
        bool waits_for_us =
            c->traced_len != 0 &&
            uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) == 0;

        if (!waits_for_us && now - c->moved_ms >= idle)
            close_client(c);
    }
}

/* Whoever has been doing nothing for the longest time; NULL: all are busy. */
static struct client *idlest(const struct gw_ctl *ctl)
{
    struct client *found = NULL;

    for (struct client *c = ctl->clients; c != NULL; c = c->next) {
        if (!c->closing && c->answer == NULL && c->traced_len == 0 &&
            (found == NULL || c->moved_ms <= found->moved_ms))
            found = c;
    }
    return found;
}

/* ---- requests ---------------------------------------------------------- */

static void serve(struct client *c);

static void on_answered(uv_write_t *write, int status)
{
    struct client *c = write->data;

    free(c->answer);
    c->answer = NULL;
    c->moved_ms = uv_now(c->ctl->loop);
    if (c->closing)
        return;
    if (status != 0 || c->last)
        close_client(c);
    else
        serve(c);
}

static void put(struct client *c, const char *text, size_t len);

/* Who has one is told that it is over. */
static void end_traces(struct gw_ctl *ctl)
{
    static const char over[] = "{\"trace\":\"off\"}\n";

    for (struct client *c = ctl->clients; c != NULL; c = c->next) {
        if (c->traced_len == 0)
            continue;
        stop_trace(c);
        put(c, over, sizeof(over) - 1);
    }
}

static void set_trace(struct client *c, struct mqttsn_span client)
{
    stop_trace(c);
    if (client.len > sizeof(c->traced))
        return;
    memcpy(c->traced, client.data, client.len);
    c->traced_len = client.len;
    c->missed = 0;
    c->ctl->tracers++;
}

/* Takes over 'text', which has a line feed behind its 'len' octets. */
static void send_answer(struct client *c, char *text, size_t len)
{
    uv_buf_t buf = uv_buf_init(text, (unsigned)len);

    uv_read_stop((uv_stream_t *)&c->pipe);
    c->reading = false;
    c->answer = text;
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_answered) != 0)
        close_client(c);
}

static void refuse(struct client *c, const char *words)
{
    char *text = malloc(128);

    if (text == NULL) {
        close_client(c);
        return;
    }
    send_answer(c, text,
                (size_t)snprintf(text, 128,
                                 "{\"error\":\"%s\","
                                 "\"code\":\"bad_request\"}\n",
                                 words));
}

static void answer_line(struct client *c, size_t len)
{
    struct mqttsn_span trace = {NULL, 0};
    struct gw_ctl_request request;
    struct mqttsn_span answer;
    char *text, *fitting;

    if (!gw_ctl_parse(c->line, len, &request)) {
        refuse(c, "this is no request");
        return;
    }
    request.uid = c->uid;
    text = malloc(ANSWER_ROOM);
    if (text == NULL) {
        close_client(c);
        return;
    }
    answer = c->ctl->setup.answer(c->ctl->setup.user, &request, text,
                                  ANSWER_ROOM - 1, &trace);
    if (trace.data != NULL && trace.len != 0)
        set_trace(c, trace);
    else if (trace.data != NULL)
        end_traces(c->ctl);
    text[answer.len] = '\n';
    /* A slow reader keeps no more than what it is sent. */
    fitting = realloc(text, answer.len + 1);
    send_answer(c, fitting != NULL ? fitting : text, answer.len + 1);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init(c->line + c->len, (unsigned)(sizeof(c->line) - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;

    (void)buf;
    if (n < 0) {
        close_client(c);
        return;
    }
    if (n == 0)
        return;
    c->len += (size_t)n;
    c->moved_ms = uv_now(c->ctl->loop);
    serve(c);
}

/* Answers the next line, if there is one; else reads on. */
static void serve(struct client *c)
{
    char *end = memchr(c->line, '\n', c->len);
    size_t len;

    if (end == NULL && c->len == sizeof(c->line)) {
        c->last = true;
        refuse(c, "this is too long");
        return;
    }
    if (end == NULL) {
        if (!c->reading &&
            uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
            close_client(c);
        c->reading = true;
        return;
    }
    len = (size_t)(end - c->line);
    answer_line(c, len > 0 && end[-1] == '\r' ? len - 1 : len);
    c->len -= len + 1;
    memmove(c->line, end + 1, c->len);
}

/* ---- connections ------------------------------------------------------- */

static unsigned uid_of(const uv_pipe_t *pipe)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof(who);
    uv_os_fd_t fd;

    if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return (unsigned)-1;
    return who.uid;
}

static void on_connection(uv_stream_t *server, int status);

static void on_spare_closed(uv_handle_t *spare)
{
    struct gw_ctl *ctl = spare->data;

    ctl->spare_busy = false;
    ctl->handles--;
    if (ctl->waits && !uv_is_closing((uv_handle_t *)&ctl->server)) {
        ctl->waits = false;
        on_connection((uv_stream_t *)&ctl->server, 0);
    }
    free_if_closed(ctl);
}

/* The loop listens no more until who has come is accepted. */
static void turn_away(struct gw_ctl *ctl)
{
    ctl->waits = ctl->spare_busy;
    if (ctl->waits)
        return;
    ctl->spare_busy = true;
    ctl->handles++;
    uv_pipe_init(ctl->loop, &ctl->spare, 0);
    ctl->spare.data = ctl;
    uv_accept((uv_stream_t *)&ctl->server, (uv_stream_t *)&ctl->spare);
    uv_close((uv_handle_t *)&ctl->spare, on_spare_closed);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct gw_ctl *ctl = server->data;
    struct client *c;

    if (status != 0)
        return;
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        turn_away(ctl);
        return;
    }
    uv_pipe_init(ctl->loop, &c->pipe, 0); /* without IPC it cannot fail */
    c->ctl = ctl;
    c->pipe.data = c;
    c->moved_ms = uv_now(ctl->loop);
    c->next = ctl->clients;
    ctl->clients = c;
    if (ctl->client_count++ == 0)
        uv_timer_start(&ctl->sweep, on_sweep, ctl->setup.idle_ms / 2,
                       ctl->setup.idle_ms / 2);
    if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0) {
        close_client(c);
        return;
    }
    c->uid = uid_of(&c->pipe);
    if (ctl->client_count > GW_CTL_CLIENTS_MAX) {
        struct client *idle;

        c->moved_ms++; /* it is the one that goes when no other can */
        idle = idlest(ctl);
        close_client(idle);
        if (idle == c)
            return;
        c->moved_ms--;
    }
    serve(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct gw_ctl *ctl = handle->data;

    ctl->handles--;
    free_if_closed(ctl);
}

enum mqttsn_status gw_ctl_open(uv_loop_t *loop,
                               const struct gw_ctl_setup *setup, char *why,
                               struct gw_ctl **ret_ctl)
{
    size_t len = strlen(setup->path) + 1;
    struct gw_ctl *ctl = calloc(1, sizeof(*ctl) + len);
    enum mqttsn_status status;
    int rc;

    if (ctl == NULL) {
        snprintf(why, GW_CTL_WHY_MAX, "no memory");
        return MQTTSN_ENOSPACE;
    }
    memcpy(ctl->path, setup->path, len);
    status = gw_ctl_socket_bind(setup->path, setup->group, why, &ctl->socket);
    if (status != MQTTSN_OK) {
        free(ctl);
        return status;
    }
    ctl->setup = *setup;
    ctl->setup.path = ctl->path;
    ctl->loop = loop;
    uv_pipe_init(loop, &ctl->server, 0);
    uv_timer_init(loop, &ctl->sweep);
    ctl->server.data = ctl->sweep.data = ctl;
    ctl->handles = 2;
    rc = uv_pipe_open(&ctl->server, ctl->socket.fd);
    if (rc != 0)
        close(ctl->socket.fd);
    else
        rc = uv_listen((uv_stream_t *)&ctl->server, BACKLOG, on_connection);
    if (rc == 0) {
        *ret_ctl = ctl;
        return MQTTSN_OK;
    }
    snprintf(why, GW_CTL_WHY_MAX, "%s", uv_strerror(rc));
    gw_ctl_close(ctl);
    return MQTTSN_EIO;
}

void gw_ctl_close(struct gw_ctl *ctl)
{
    if (ctl == NULL)
        return;
    gw_ctl_socket_remove(ctl->path, &ctl->socket);
    for (struct client *c = ctl->clients; c != NULL; c = c->next)
        close_client(c);
    uv_close((uv_handle_t *)&ctl->server, on_handle_closed);
    uv_close((uv_handle_t *)&ctl->sweep, on_handle_closed);
}

/* ---- traces ------------------------------------------------------------ */

bool gw_ctl_traces(const struct gw_ctl *ctl)
{
    return ctl != NULL && ctl->tracers != 0;
}

static bool wants(const struct client *c, struct mqttsn_span client)
{
    return c->traced_len != 0 && c->traced_len == client.len &&
           memcmp(c->traced, client.data, client.len) == 0;
}

bool gw_ctl_traces_client(const struct gw_ctl *ctl, struct mqttsn_span client)
{
    for (const struct client *c = ctl != NULL ? ctl->clients : NULL; c != NULL;
         c = c->next) {
        if (wants(c, client))
            return true;
    }
    return false;
}

static void on_late_written(uv_write_t *write, int status)
{
    struct client *c = write->handle->data;

    free(write->data);
    if (status == 0)
        c->moved_ms = uv_now(c->ctl->loop);
    else
        close_client(c);
}

/* What the socket does not take at once waits. */
static void put(struct client *c, const char *text, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
    size_t done = n > 0 ? (size_t)n : 0;
    struct late_line *late;

    if (done > 0)
        c->moved_ms = uv_now(c->ctl->loop);
    if (done == len)
        return;
    late = malloc(sizeof(*late) + len - done);
    if (late == NULL) {
        close_client(c); /* half a line would be none */
        return;
    }
    memcpy(late->text, text + done, len - done);
    late->write.data = late;
    buf = uv_buf_init(late->text, (unsigned)(len - done));
    if (uv_write(&late->write, (uv_stream_t *)&c->pipe, &buf, 1,
                 on_late_written) == 0)
        return;
    free(late);
    close_client(c);
}

static void tell(struct client *c, const char *text, size_t len)
{
    char missed[64];

    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) >
        TRACE_OCTETS_MAX) {
        c->missed++;
        return;
    }
    if (c->missed != 0) {
        int n = snprintf(missed, sizeof(missed), "{\"missed\":%llu}\n",
                         (unsigned long long)c->missed);

        c->missed = 0;
        put(c, missed, (size_t)n);
    }
    if (!c->closing)
        put(c, text, len);
}

void gw_ctl_tell(struct gw_ctl *ctl, struct mqttsn_span client,
                 struct mqttsn_span line)
{
    char text[2048];
    bool fits = line.len != 0 && line.len < sizeof(text);

    if (fits) {
        memcpy(text, line.data, line.len);
        text[line.len] = '\n';
    }
    for (struct client *c = ctl->clients; c != NULL; c = c->next) {
        if (wants(c, client) && fits)
            tell(c, text, line.len + 1);
        else if (wants(c, client))
            c->missed++;
    }
}
