/* SPDX-License-Identifier: MIT */
/* Clients that are too many, too slow, or never done. */
#include "http_rig.h"

#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /open/a HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define HALF "GET /open/a HTTP/1.1\r\nHos"

static void assert_served(struct rig *r)
{
    assert_non_null(strstr(rig_ask(r, GET), "part=a"));
}

/* As a program that asks again until it is served. */
static bool is_served(struct rig *r, void *user)
{
    (void)user;
    return strstr(rig_ask(r, GET), "part=a") != NULL;
}

static void
who_holds_half_requests_is_dropped_and_others_are_served(void **state)
{
    int fds[30];
    char from[16];
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        snprintf(from, sizeof(from), "127.0.1.%zu", 1 + i);
        fds[i] = rig_connect(&r, from);
        rig_send(&r, fds[i], HALF);
    }
    CASE("while they are there: within their second of silence");
    assert_true(rig_until(&r, is_served, NULL));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        rig_wait_closed(&r, fds[i]);
    assert_served(&r);
    rig_close(&r);
}

static void one_address_does_not_take_every_place(void **state)
{
    int fds[4], more, other;
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = rig_connect(&r, "127.0.1.1");
        rig_send(&r, fds[i], GET);
        assert_non_null(strstr(rig_take(&r, fds[i], 1), "part=a"));
    }
    more = rig_connect(&r, "127.0.1.1");
    rig_wait_closed(&r, more);
    other = rig_connect(&r, "127.0.1.2");
    rig_send(&r, other, GET);
    assert_non_null(strstr(rig_take(&r, other, 1), "part=a"));
    close(other);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    rig_close(&r);
}

struct drip {
    int fd;
    uint64_t next;
    unsigned octets;
    bool closed;
};

/* An octet of a header, four times a second. */
static bool has_dripped(struct rig *r, void *user)
{
    struct drip *d = user;
    char octet;

    if (recv(d->fd, &octet, 1, 0) == 0) {
        d->closed = true;
    } else if (uv_now(&r->loop) >= d->next) {
        d->next = uv_now(&r->loop) + 250;
        d->closed = send(d->fd, "x", 1, MSG_NOSIGNAL) != 1;
        d->octets++;
    }
    return d->closed;
}

static void who_is_never_silent_has_no_more_than_his_time(void **state)
{
    struct drip d = {0};
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    d.fd = rig_connect(&r, "127.0.0.1");
    rig_send(&r, d.fd, HALF);
    assert_true(rig_until(&r, has_dripped, &d));
    /* Longer than silence would have been borne. */
    assert_true(d.octets > 4);
    close(d.fd);
    assert_served(&r);
    rig_close(&r);
}

/* Each request has the whole time, however old the connection. */
static void a_connection_may_be_used_for_long(void **state)
{
    uint64_t until;
    struct rig r;
    int fd;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    fd = rig_connect(&r, "127.0.0.1");
    until = uv_now(&r.loop) + 2500;
    while (uv_now(&r.loop) < until) {
        rig_send(&r, fd, GET);
        assert_non_null(strstr(rig_take(&r, fd, 1), "part=a"));
    }
    close(fd);
    rig_close(&r);
}

static void it_closes_whatever_clients_are_at(void **state)
{
    int half, idle;
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    half = rig_connect(&r, "127.0.0.1");
    rig_send(&r, half, HALF);
    idle = rig_connect(&r, "127.0.0.1");
    rig_send(&r, idle, "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_served(&r);
    rig_close(&r);
    close(half);
    close(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            who_holds_half_requests_is_dropped_and_others_are_served),
        cmocka_unit_test(one_address_does_not_take_every_place),
        cmocka_unit_test(who_is_never_silent_has_no_more_than_his_time),
        cmocka_unit_test(a_connection_may_be_used_for_long),
        cmocka_unit_test(it_closes_whatever_clients_are_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
