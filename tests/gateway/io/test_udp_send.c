/* SPDX-License-Identifier: MIT */
#include "udp_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

/* ---- a sendmmsg that can be told to refuse ----------------------------- */

static struct {
    int pass;   /* datagrams that still go through; -1: all */
    int refuse; /* then this many calls fail ... */
    int error;  /* ... like this */
    int calls;
} wire = {.pass = -1};

int __real_sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
    int sent;

    wire.calls++;
    if (wire.pass == 0) {
        if (--wire.refuse == 0)
            wire.pass = -1;
        errno = wire.error;
        return -1;
    }
    if (wire.pass > 0 && n > (unsigned)wire.pass)
        n = (unsigned)wire.pass;
    sent = __real_sendmmsg(fd, msg, n, flags);
    if (wire.pass > 0 && sent > 0)
        wire.pass -= sent;
    return sent;
}

/* Fills 'pending' with 'n' datagrams to 'fd', numbered from 0. */
static void queue_to(struct rig *r, int fd, size_t n)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    for (size_t i = 0; i < n; i++) {
        struct gw_datagram *d = &r->pending[r->pending_count];

        *d = (struct gw_datagram){.target = GW_TO_PEER, .len = 8};
        d->to = address("127.0.0.1", ntohs(at.sin_port));
        d->via.family = 4;
        r->mark[r->pending_count++] = (uint8_t)i;
    }
}

static void a_full_socket_stops_the_pull_and_loses_nothing(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    queue_to(r, fd, 200);
    wire.pass = 10;
    wire.refuse = 1;
    wire.error = EAGAIN;

    assert_false(gw_udp_send(r->udp, 1000, rig_next, r));
    assert_true(gw_udp_blocked(r->udp));
    assert_int_equal(r->pending_done, 64); /* the batch at hand, no more */
    assert_int_equal(counters(r, 0).tx_blocked, 1);
    assert_int_equal(counters(r, 0).tx_datagrams, 10);
    assert_false(gw_udp_send(r->udp, 1000, rig_next, r));
    assert_int_equal(r->pending_done, 64); /* it asks the socket, not us */

    rig_patience(r);
    while (r->pending_done < 200 && !r->expired)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_false(gw_udp_blocked(r->udp));
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(hear(fd), i);
    assert_int_equal(counters(r, 0).tx_datagrams, 200);
    assert_true(wire.calls < 10); /* batches, not one call for each */
    close(fd);
    rig_free(r);
}

static void a_refused_datagram_costs_no_other_one(void **unused)
{
    static const struct {
        const char *why;
        int error;
        size_t counter;
        bool lost;
    } rows[] = {
#define ROW(why, error, field, lost)                                           \
    {why, error, offsetof(struct gw_udp_counters, field), lost}
        ROW("a packet filter", EPERM, tx_denied, true),
        ROW("no route", ENETUNREACH, tx_unreachable, true),
        ROW("no neighbour", EHOSTUNREACH, tx_unreachable, true),
        ROW("the interface went", ENODEV, tx_unreachable, true),
        ROW("the path became narrower", EMSGSIZE, tx_too_large, true),
        ROW("a port that closed, earlier", ECONNREFUSED, tx_refused, false),
        ROW("no such source", EINVAL, tx_failed, true),
        ROW("a full device queue", ENOBUFS, tx_failed, true),
#undef ROW
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = rig_new();
        int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));
        struct gw_udp_counters c;
        uint64_t counted;

        CASE(rows[i].why);
        queue_to(r, fd, 6);
        wire.pass = 2;
        wire.refuse = 1;
        wire.error = rows[i].error;

        gw_udp_send(r->udp, 1000, rig_next, r);

        c = counters(r, 0);
        memcpy(&counted, (uint8_t *)&c + rows[i].counter, sizeof(counted));
        assert_int_equal(counted, 1);
        assert_int_equal(c.tx_datagrams, rows[i].lost ? 5 : 6);
        for (int k = 0; k < 6; k++) {
            if (k != 2 || !rows[i].lost)
                assert_int_equal(hear(fd), k);
        }
        close(fd);
        rig_free(r);
    }
}

static void what_the_real_system_refuses_is_counted(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "0.0.0.0"));

    (void)unused;
    queue_to(r, fd, 3);
    r->pending[0].via.local_ip[0] = 192; /* not an address of ours */
    r->pending[0].via.local_ip[3] = 77;
    r->pending[1].to = address("255.255.255.255", 9); /* needs a permission */
    gw_udp_send(r->udp, 1000, rig_next, r);

    assert_int_equal(hear(fd), 0);
    assert_int_equal(hear(fd), 2);
    assert_int_equal(counters(r, 0).tx_source_gone, 1);
    assert_int_equal(counters(r, 0).tx_denied, 1);
    assert_int_equal(counters(r, 0).tx_datagrams, 2);
    close(fd);
    rig_free(r);
}

static void a_deaf_listener_still_speaks(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    gw_udp_deafen(r->udp);
    say(fd, 1, 1);
    queue_to(r, fd, 1);
    gw_udp_send(r->udp, 10, rig_next, r);
    uv_run(&r->loop, UV_RUN_NOWAIT);

    assert_int_equal(hear(fd), 0);
    assert_int_equal(r->seen_count, 0);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_socket_stops_the_pull_and_loses_nothing),
        cmocka_unit_test(a_refused_datagram_costs_no_other_one),
        cmocka_unit_test(what_the_real_system_refuses_is_counted),
        cmocka_unit_test(a_deaf_listener_still_speaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
