/* SPDX-License-Identifier: MIT */
#include "ctl_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ctl_rig rig;

/* "echo/X" is said again, "big" is long, "trace/X" traces, "off" ends all. */
static struct mqttsn_span answer(void *user,
                                 const struct gw_ctl_request *request,
                                 char *buf, size_t cap,
                                 struct mqttsn_span *ret_trace)
{
    size_t len;

    assert_ptr_equal(user, &rig);
    assert_int_equal(request->uid, getuid());
    rig.asked++;
    if (mqttsn_span_equal(request->word, mqttsn_span_text("big"))) {
        memset(buf, 'x', BIG);
        return mqttsn_span(buf, BIG);
    }
    if (mqttsn_span_equal(request->word, mqttsn_span_text("trace")))
        *ret_trace = request->argument;
    if (mqttsn_span_equal(request->word, mqttsn_span_text("off")))
        *ret_trace = mqttsn_span("", 0);
    len = (size_t)snprintf(buf, cap, "{\"%.*s\"}", (int)request->argument.len,
                           (const char *)request->argument.data);
    return mqttsn_span(buf, len);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

enum mqttsn_status open_at(const char *path, const char *group,
                           unsigned idle_ms, char *why)
{
    const struct gw_ctl_setup setup = {.path = path,
                                       .group = group,
                                       .idle_ms = idle_ms,
                                       .answer = answer,
                                       .user = &rig};

    return gw_ctl_open(&rig.loop, &setup, why, &rig.ctl);
}

int set_up(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    strcpy(rig.directory, "/tmp/gw-ctl-XXXXXX");
    assert_non_null(mkdtemp(rig.directory));
    snprintf(rig.path, sizeof(rig.path), "%s/s", rig.directory);
    uv_loop_init(&rig.loop);
    uv_timer_init(&rig.loop, &rig.tick);
    uv_timer_start(&rig.tick, on_tick, 1, 1);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    gw_ctl_close(rig.ctl);
    uv_close((uv_handle_t *)&rig.tick, NULL);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    unlink(rig.path);
    assert_int_equal(rmdir(rig.directory), 0);
    return 0;
}

void start(unsigned idle_ms)
{
    char why[GW_CTL_WHY_MAX] = "";
    enum mqttsn_status status = open_at(rig.path, NULL, idle_ms, why);

    if (status != MQTTSN_OK)
        fail_msg("%s", why);
}

void turn(void)
{
    uv_run(&rig.loop, UV_RUN_ONCE);
}

int join(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(at.sun_path, rig.path, strlen(rig.path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

void say(int fd, const char *text)
{
    size_t left = strlen(text);

    for (unsigned n = 0; left > 0 && n < TURNS; n++) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

        if (sent > 0) {
            text += sent;
            left -= (size_t)sent;
        } else {
            assert_int_equal(errno, EAGAIN);
            turn();
        }
    }
    assert_int_equal(left, 0);
}

/* Reads up to a line feed, which is cut off; -1: the connection has ended. */
ssize_t hear(int fd, char *buf, size_t cap)
{
    size_t len = 0;

    for (unsigned n = 0; n < TURNS;) {
        ssize_t there = recv(fd, buf + len, cap - len, MSG_PEEK);
        char *end = there > 0 ? memchr(buf + len, '\n', (size_t)there) : NULL;

        if (there > 0) {
            /* What is behind the line stays. */
            if (end != NULL)
                there = end + 1 - (buf + len);
            assert_int_equal(read(fd, buf + len, (size_t)there), there);
            len += (size_t)there;
            assert_true(len < cap);
        } else if (there == 0 || errno != EAGAIN) {
            return -1;
        } else {
            turn();
            n++;
        }
        if (end != NULL) {
            *end = '\0';
            return (ssize_t)len - 1;
        }
    }
    fail_msg("nothing comes");
    return -1;
}

void assert_hears(int fd, const char *expected)
{
    char line[512];

    assert_true(hear(fd, line, sizeof(line)) >= 0);
    assert_string_equal(line, expected);
}

void assert_ended(int fd)
{
    char line[512];

    assert_int_equal(hear(fd, line, sizeof(line)), -1);
    close(fd);
}
