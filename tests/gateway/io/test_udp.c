/* SPDX-License-Identifier: MIT */
#include "io/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#include "io/log.h"

#define SEEN_MAX 1024
#define LIMIT_MS 5000

struct seen {
    struct gw_addr from;
    struct gw_via via;
    size_t len;
    uint8_t first;
};

/* One set of listeners on a loop, and what came of it. */
struct rig {
    uv_loop_t loop;
    uv_timer_t guard;
    struct gw_udp *udp;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    bool echo; /* answer each datagram */
    size_t answered;
    struct gw_datagram pending[SEEN_MAX]; /* to send, with 'mark' as content */
    uint8_t mark[SEEN_MAX];
    size_t pending_count, pending_done;
    bool expired;
};

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

/* ---- the rig ----------------------------------------------------------- */

static void input(void *user, const struct gw_addr *from,
                  const struct gw_via *via, struct mqttsn_span bytes)
{
    struct rig *r = user;
    struct seen *seen = &r->seen[r->seen_count++];

    assert_true(r->seen_count < SEEN_MAX);
    *seen = (struct seen){*from, *via, bytes.len,
                          bytes.len > 0 ? bytes.data[0] : 0};
    if (r->echo) {
        r->pending[r->pending_count] = (struct gw_datagram){
            .target = GW_TO_PEER, .to = *from, .via = *via, .len = 1};
        r->mark[r->pending_count++] = seen->first;
    }
}

static bool next(void *user, uint8_t *buf, size_t cap,
                 struct gw_datagram *ret_datagram)
{
    struct rig *r = user;

    assert_true(cap >= GW_DATAGRAM_MAX);
    if (r->pending_done == r->pending_count)
        return false;
    *ret_datagram = r->pending[r->pending_done];
    memset(buf, r->mark[r->pending_done], ret_datagram->len);
    r->pending_done++;
    return true;
}

static void wake(void *user)
{
    struct rig *r = user;

    while (gw_udp_feed(r->udp, 64, input, r) ||
           gw_udp_send(r->udp, 64, next, r))
        ;
}

static bool knows(void *user, const struct gw_addr *from)
{
    (void)user;
    (void)from;
    return true;
}

static void on_guard(uv_timer_t *guard)
{
    ((struct rig *)guard->data)->expired = true;
}

static struct rig *rig_new(void)
{
    static const uint8_t seed[16] = "udp";
    struct rig *r = calloc(1, sizeof(*r));
    const struct gw_udp_handlers handlers = {r, wake, knows};

    assert_non_null(r);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(uv_timer_init(&r->loop, &r->guard), 0);
    r->guard.data = r;
    assert_int_equal(gw_udp_new(&r->loop, &handlers, 512, seed, &r->udp),
                     MQTTSN_OK);
    wire.pass = -1;
    wire.calls = 0;
    return r;
}

static void rig_free(struct rig *r)
{
    gw_udp_close(r->udp);
    uv_close((uv_handle_t *)&r->guard, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
}

/* Runs the loop until 'n' datagrams were seen; false when time is up. */
static bool rig_see(struct rig *r, size_t n)
{
    r->expired = false;
    uv_timer_start(&r->guard, on_guard, LIMIT_MS, 0);
    while (r->seen_count < n && !r->expired)
        uv_run(&r->loop, UV_RUN_ONCE);
    uv_timer_stop(&r->guard);
    return r->seen_count >= n;
}

static struct gw_addr address(const char *ip, uint16_t port)
{
    struct gw_addr addr = {.port = port};

    if (inet_pton(AF_INET, ip, addr.ip) == 1)
        addr.family = 4;
    else if (inet_pton(AF_INET6, ip, addr.ip) == 1)
        addr.family = 6;
    else
        fail();
    return addr;
}

static socklen_t to_kernel(struct gw_addr at, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (at.family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;

        in->sin_family = AF_INET;
        in->sin_port = htons(at.port);
        memcpy(&in->sin_addr, at.ip, 4);
        return sizeof(*in);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(at.port);
        in6->sin6_scope_id = at.scope;
        memcpy(&in6->sin6_addr, at.ip, 16);
        return sizeof(*in6);
    }
}

static uint16_t rig_listen_with(struct rig *r, struct gw_udp_listener options)
{
    struct gw_addr bound;

    assert_int_equal(gw_udp_listen(r->udp, &options), MQTTSN_OK);
    gw_udp_bound(r->udp, gw_udp_listener_count(r->udp) - 1, &bound);
    assert_int_not_equal(bound.port, 0);
    return bound.port;
}

static uint16_t rig_listen(struct rig *r, const char *ip)
{
    return rig_listen_with(
        r, (struct gw_udp_listener){.name = "t", .bind = address(ip, 0)});
}

static struct gw_udp_counters counters(struct rig *r, size_t listener)
{
    struct gw_udp_counters c;

    gw_udp_counters(r->udp, listener, &c);
    return c;
}

/* ---- a node ------------------------------------------------------------ */

/* Connected: it hears nobody but 'ip'. */
static int node(const char *ip, uint16_t port)
{
    struct sockaddr_storage to;
    socklen_t len = to_kernel(address(ip, port), &to);
    int fd = socket(to.ss_family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

static void say(int fd, uint8_t first, size_t len)
{
    uint8_t bytes[2048];

    memset(bytes, first, sizeof(bytes));
    assert_int_equal(send(fd, bytes, len, 0), len);
}

/* The first octet of the next datagram, or -1. */
static int hear(int fd)
{
    struct pollfd at = {fd, POLLIN, 0};
    uint8_t bytes[2048];

    if (poll(&at, 1, LIMIT_MS) != 1 || recv(fd, bytes, sizeof(bytes), 0) < 1)
        return -1;
    return bytes[0];
}

static bool has_ipv6(void)
{
    struct sockaddr_storage at;
    socklen_t len = to_kernel(address("::1", 0), &at);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0;

    if (fd >= 0)
        close(fd);
    if (!ok)
        print_message("    skipped: this machine has no ::1\n");
    return ok;
}

/* ---- tests ------------------------------------------------------------- */

/* [ecosystem 8.1]: a node with a connected socket hears nothing else. */
static void the_answer_leaves_from_the_address_that_was_asked(void **unused)
{
    static const struct {
        const char *why, *bind, *asked;
    } rows[] = {
        {"a wildcard answers from its second address", "0.0.0.0", "127.0.0.2"},
        {"and from its first", "0.0.0.0", "127.0.0.1"},
        {"a single address", "127.0.0.3", "127.0.0.3"},
        {"IPv6 wildcard", "::", "::1"},
        {"IPv6 single address", "::1", "::1"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r;
        int fd;

        CASE(rows[i].why);
        if (strchr(rows[i].bind, ':') != NULL && !has_ipv6())
            continue;
        r = rig_new();
        r->echo = true;
        fd = node(rows[i].asked, rig_listen(r, rows[i].bind));

        say(fd, 42, 5);
        assert_true(rig_see(r, 1));

        struct gw_addr asked = address(rows[i].asked, 0);

        assert_memory_equal(r->seen[0].via.local_ip, asked.ip, 16);
        assert_int_equal(r->seen[0].via.multicast, 0);
        assert_int_not_equal(r->seen[0].via.interface, 0);
        assert_int_equal(r->seen[0].len, 5);
        assert_int_equal(hear(fd), 42);
        close(fd);
        rig_free(r);
    }
}

static void a_burst_is_read_and_answered_in_order(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    r->echo = true;
    for (unsigned i = 0; i < 200; i++)
        say(fd, (uint8_t)i, 1 + i);
    assert_true(rig_see(r, 200));

    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(r->seen[i].first, i);
        assert_int_equal(r->seen[i].len, 1 + i);
        assert_int_equal(hear(fd), i);
    }
    assert_int_equal(counters(r, 0).rx_datagrams, 200);
    assert_int_equal(counters(r, 0).tx_datagrams, 200);
    assert_int_equal(counters(r, 0).rx_kernel_dropped, 0);
    assert_true(wire.calls < 20); /* batches, not one call for each */
    close(fd);
    rig_free(r);
}

static void what_is_too_large_is_counted_and_never_seen_cut(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    say(fd, 1, 513);
    say(fd, 2, 512);
    say(fd, 3, 0);
    assert_true(rig_see(r, 2));

    assert_int_equal(r->seen[0].len, 512);
    assert_int_equal(r->seen[0].first, 2);
    assert_int_equal(r->seen[1].len, 0);
    assert_int_equal(counters(r, 0).rx_oversize, 1);
    close(fd);
    rig_free(r);
}

static void a_new_size_is_in_force_at_once(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    assert_int_equal(gw_udp_resize(r->udp, 0), MQTTSN_EINVAL);
    assert_int_equal(gw_udp_resize(r->udp, 2000), MQTTSN_OK);
    say(fd, 1, 2001);
    say(fd, 2, 2000);
    assert_true(rig_see(r, 1));

    assert_int_equal(r->seen[0].len, 2000);
    assert_int_equal(counters(r, 0).rx_oversize, 1);
    close(fd);
    rig_free(r);
}

static void each_listener_has_its_number_and_its_answers(void **unused)
{
    struct rig *r = rig_new();
    int first = node("127.0.0.1", rig_listen(r, "127.0.0.1"));
    int second = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    r->echo = true;
    say(second, 2, 1);
    say(first, 1, 1);
    assert_true(rig_see(r, 2));

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(r->seen[i].via.listener, r->seen[i].first - 1);
    assert_int_equal(hear(first), 1);
    assert_int_equal(hear(second), 2);
    close(first);
    close(second);
    rig_free(r);
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

    assert_false(gw_udp_send(r->udp, 1000, next, r));
    assert_true(gw_udp_blocked(r->udp));
    assert_int_equal(r->pending_done, 64); /* the batch at hand, no more */
    assert_int_equal(counters(r, 0).tx_blocked, 1);
    assert_int_equal(counters(r, 0).tx_datagrams, 10);
    assert_false(gw_udp_send(r->udp, 1000, next, r));
    assert_int_equal(r->pending_done, 64); /* it asks the socket, not us */

    uv_timer_start(&r->guard, on_guard, LIMIT_MS, 0);
    while (r->pending_done < 200 && !r->expired)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_false(gw_udp_blocked(r->udp));
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(hear(fd), i);
    assert_int_equal(counters(r, 0).tx_datagrams, 200);
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

        gw_udp_send(r->udp, 1000, next, r);

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
    gw_udp_send(r->udp, 1000, next, r);

    assert_int_equal(hear(fd), 0);
    assert_int_equal(hear(fd), 2);
    assert_int_equal(counters(r, 0).tx_source_gone, 1);
    assert_int_equal(counters(r, 0).tx_denied, 1);
    assert_int_equal(counters(r, 0).tx_datagrams, 2);
    close(fd);
    rig_free(r);
}

/* A port that nobody has right now. */
static uint16_t free_port(void)
{
    struct sockaddr_storage at;
    socklen_t len = to_kernel(address("0.0.0.0", 0), &at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint16_t port;

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    port = ntohs(((struct sockaddr_in *)&at)->sin_port);
    close(fd);
    return port;
}

/* A node that may send to 'group' over loopback; -1 when that cannot be. */
static int searcher(struct gw_addr group, bool join)
{
    int fd = socket(group.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    int index = (int)if_nametoindex("lo"), one = 1;
    struct sockaddr_storage to;
    socklen_t len = to_kernel(group, &to);
    bool ok;

    if (group.family == 4) {
        struct ip_mreqn mreq = {.imr_ifindex = index};

        memcpy(&mreq.imr_multiaddr, group.ip, 4);
        ok = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)) ==
             0;
        if (join)
            ok = ok &&
                 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ==
                     0 &&
                 bind(fd, (struct sockaddr *)&to, len) == 0 &&
                 setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq,
                            sizeof(mreq)) == 0;
    } else {
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index,
                        sizeof(index)) == 0;
    }
    ok =
        ok && (join || sendto(fd, "?", 1, 0, (struct sockaddr *)&to, len) == 1);
    if (!ok) {
        print_message("    skipped: multicast on loopback: %s\n",
                      strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* [SN12-113], and [M]: a socket on one address gets no multicast. */
static void a_group_is_heard_and_answered_from_the_listener(void **unused)
{
    static const struct {
        const char *why, *bind, *group, *interface;
        bool same_port;
    } rows[] = {
        {"one address, socket of its own", "127.0.0.1", "225.1.1.1", NULL,
         false},
        {"one address, same port", "127.0.0.1", "225.1.1.1", NULL, true},
        {"every address, same port", "0.0.0.0", "225.1.1.1", NULL, true},
        {"every address, another port", "0.0.0.0", "225.1.1.1", NULL, false},
        {"one interface", "0.0.0.0", "225.1.1.1", "lo", true},
        {"IPv6, one address", "::1", "ff05::5ea", NULL, false},
        {"IPv6, every address", "::", "ff02::5ea", NULL, true},
        {"IPv6, link-local group on another port", "::", "ff02::5ea", NULL,
         false},
        {"IPv6, link-local group, one address", "::1", "ff02::5ea", NULL, true},
        {"IPv6, one interface", "::", "ff02::5ea", "lo", true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint16_t port = free_port();
        struct gw_addr group = address(rows[i].group, port), bound;
        struct rig *r;
        struct pollfd at;
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        char answer;
        int fd;

        CASE(rows[i].why);
        if (group.family == 6 && !has_ipv6())
            continue;
        if (!rows[i].same_port)
            group.port = free_port();
        r = rig_new();
        r->echo = true;
        rig_listen_with(
            r, (struct gw_udp_listener){.name = "lan",
                                        .bind = address(rows[i].bind, port),
                                        .interface = rows[i].interface,
                                        .group = group,
                                        .hops = 8});
        fd = searcher(group, false);
        if (fd < 0) {
            rig_free(r);
            continue;
        }
        assert_true(rig_see(r, 1));

        assert_int_equal(r->seen[0].via.multicast, 1);
        assert_int_equal(counters(r, 0).rx_multicast, 1);
        at = (struct pollfd){fd, POLLIN, 0};
        assert_int_equal(poll(&at, 1, LIMIT_MS), 1);
        assert_int_equal(
            recvfrom(fd, &answer, 1, 0, (struct sockaddr *)&from, &len), 1);
        gw_udp_bound(r->udp, 0, &bound);
        assert_int_equal(group.family == 4
                             ? ntohs(((struct sockaddr_in *)&from)->sin_port)
                             : ntohs(((struct sockaddr_in6 *)&from)->sin6_port),
                         bound.port);
        if (strchr("1", rows[i].bind[strlen(rows[i].bind) - 1]))
            assert_memory_equal(
                group.family == 4
                    ? (const void *)&((struct sockaddr_in *)&from)->sin_addr
                    : (const void *)&((struct sockaddr_in6 *)&from)->sin6_addr,
                bound.ip, group.family == 4 ? 4 : 16);

        /* Once, although two sockets may be able to hear it. */
        uv_run(&r->loop, UV_RUN_NOWAIT);
        assert_int_equal(r->seen_count, 1);
        close(fd);
        rig_free(r);
    }
}

/* [SN12-101] G12-44: to the group, with the hops that were asked for; what
 * comes back of it is not taken for somebody else's. */
static void
what_goes_to_the_group_reaches_others_and_not_ourselves(void **unused)
{
    static const struct {
        const char *why;
        uint8_t radius;
        int hops;
    } rows[] = {{"as far as configured", 0, 8}, {"two hops", 2, 2}};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_addr group = address("225.1.1.2", free_port());
        struct rig *r = rig_new();
        uint8_t control[64], bytes[64];
        struct iovec iov = {bytes, sizeof(bytes)};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        int fd, one = 1, hops = -1;

        CASE(rows[i].why);
        rig_listen_with(
            r, (struct gw_udp_listener){.name = "lan",
                                        .bind = address("127.0.0.1", 0),
                                        .group = group,
                                        .hops = 8});
        fd = searcher(group, true);
        if (fd < 0) {
            rig_free(r);
            continue;
        }
        setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
        r->pending[0] = (struct gw_datagram){
            .target = GW_TO_GROUP, .len = 5, .radius = rows[i].radius};
        r->mark[0] = 77;
        r->pending_count = 1;
        gw_udp_send(r->udp, 10, next, r);

        assert_int_equal(poll(&(struct pollfd){fd, POLLIN, 0}, 1, LIMIT_MS), 1);
        assert_int_equal(recvmsg(fd, &msg, 0), 5);
        assert_int_equal(bytes[0], 77);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL;
             c = CMSG_NXTHDR(&msg, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
                memcpy(&hops, CMSG_DATA(c), sizeof(hops));
        }
        assert_int_equal(hops, rows[i].hops);

        uv_timer_start(&r->guard, on_guard, LIMIT_MS, 0);
        while (counters(r, 0).rx_own == 0 && !r->expired)
            uv_run(&r->loop, UV_RUN_ONCE);
        assert_int_equal(counters(r, 0).rx_own, 1);
        assert_int_equal(r->seen_count, 0);
        close(fd);
        rig_free(r);
    }
}

static void a_group_that_cannot_be_joined_stops_nothing(void **unused)
{
    static const struct {
        const char *why, *group;
    } rows[] = {
        {"not a group", "192.0.2.1"},
        {"of the other family", "ff02::1"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = rig_new();
        int fd;

        CASE(rows[i].why);
        fd = node("127.0.0.1",
                  rig_listen_with(r, (struct gw_udp_listener){
                                         .name = "lan",
                                         .bind = address("127.0.0.1", 0),
                                         .group = address(rows[i].group, 9),
                                         .hops = 1}));
        r->echo = true;
        say(fd, 9, 1);
        assert_true(rig_see(r, 1));
        assert_int_equal(hear(fd), 9);

        /* Nobody to advertise to either; that too is no error. */
        r->pending[r->pending_count++] =
            (struct gw_datagram){.target = GW_TO_GROUP, .len = 5};
        assert_false(gw_udp_send(r->udp, 10, next, r));
        assert_false(gw_udp_blocked(r->udp));
        close(fd);
        rig_free(r);
    }
}

static void an_address_that_cannot_be_had_is_an_error(void **unused)
{
    struct rig *r = rig_new();
    uint16_t port = rig_listen(r, "127.0.0.1");
    const struct {
        const char *why;
        struct gw_udp_listener options;
    } rows[] = {
        {"in use, also by a gateway",
         {.name = "t", .bind = address("127.0.0.1", port)}},
        {"in use, by a part of the wildcard",
         {.name = "t", .bind = address("0.0.0.0", port)}},
        {"not ours", {.name = "t", .bind = address("192.0.2.77", 0)}},
        {"no such interface",
         {.name = "t",
          .bind = address("127.0.0.1", 0),
          .interface = "nosuch0"}},
        {"no address at all", {.name = "t"}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(gw_udp_listen(r->udp, &rows[i].options), MQTTSN_EIO);
        assert_int_equal(gw_udp_listener_count(r->udp), 1);
    }
    rig_free(r);
}

static void what_the_kernel_drops_is_counted(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1",
                  rig_listen_with(r, (struct gw_udp_listener){
                                         .name = "t",
                                         .bind = address("127.0.0.1", 0),
                                         .receive_buffer = 16384}));

    (void)unused;
    for (unsigned i = 0; i < 500; i++)
        say(fd, 1, 10);
    assert_true(rig_see(r, 5));
    uv_run(&r->loop, UV_RUN_NOWAIT);

    struct gw_udp_counters c = counters(r, 0);

    assert_true(c.rx_kernel_dropped > 0);
    assert_int_equal(c.rx_kernel_dropped + c.rx_datagrams, 500);
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
    gw_udp_send(r->udp, 10, next, r);
    uv_run(&r->loop, UV_RUN_NOWAIT);

    assert_int_equal(hear(fd), 0);
    assert_int_equal(r->seen_count, 0);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_leaves_from_the_address_that_was_asked),
        cmocka_unit_test(a_burst_is_read_and_answered_in_order),
        cmocka_unit_test(what_is_too_large_is_counted_and_never_seen_cut),
        cmocka_unit_test(a_new_size_is_in_force_at_once),
        cmocka_unit_test(each_listener_has_its_number_and_its_answers),
        cmocka_unit_test(a_full_socket_stops_the_pull_and_loses_nothing),
        cmocka_unit_test(a_refused_datagram_costs_no_other_one),
        cmocka_unit_test(what_the_real_system_refuses_is_counted),
        cmocka_unit_test(a_group_is_heard_and_answered_from_the_listener),
        cmocka_unit_test(
            what_goes_to_the_group_reaches_others_and_not_ourselves),
        cmocka_unit_test(a_group_that_cannot_be_joined_stops_nothing),
        cmocka_unit_test(an_address_that_cannot_be_had_is_an_error),
        cmocka_unit_test(what_the_kernel_drops_is_counted),
        cmocka_unit_test(a_deaf_listener_still_speaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
