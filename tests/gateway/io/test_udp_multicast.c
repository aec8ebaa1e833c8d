/* SPDX-License-Identifier: MIT */
#include "udp_rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "io/socket.h"

/*
 * Where groups are heard here: loopback for IPv4. Linux delivers no IPv6
 * multicast on loopback, so that takes the first other interface, with a hop
 * limit of 0: nothing leaves the machine.
 */
static bool playground(uint8_t family, struct gw_interface *ret)
{
    struct gw_interface row[64];
    size_t n = gw_socket_interfaces(64, row);

    for (size_t i = 0; i < n; i++) {
        if (row[i].addr.family == family && row[i].multicast &&
            gw_socket_is_loopback(&row[i].addr) == (family == 4) &&
            gw_socket_is_link_local(&row[i].addr) == (family == 6)) {
            *ret = row[i];
            return true;
        }
    }
    print_message("    skipped: no interface for IPv%u multicast\n", family);
    return false;
}

static bool set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* A node's socket that sends to groups on 'at'. */
static int searcher(const struct gw_interface *at)
{
    bool four = at->addr.family == 4;
    int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    struct ip_mreqn mreq = {.imr_ifindex = (int)at->index};
    struct sockaddr_storage from;
    socklen_t len = to_kernel(at->addr, &from);

    assert_int_equal(bind(fd, (struct sockaddr *)&from, len), 0);
    if (four)
        assert_int_equal(
            setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)),
            0);
    else
        assert_true(
            set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)at->index) &&
            set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 0));
    return fd;
}

/* One that has joined 'group' on 'at', and says how far what it hears came. */
static int listener_of(const struct gw_interface *at, struct gw_addr group)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ip_mreqn mreq = {.imr_ifindex = (int)at->index};
    struct sockaddr_storage to;
    socklen_t len = to_kernel(group, &to);

    memcpy(&mreq.imr_multiaddr, group.ip, 4);
    assert_true(set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
                set_int(fd, IPPROTO_IP, IP_RECVTTL, 1));
    assert_int_equal(bind(fd, (struct sockaddr *)&to, len), 0);
    assert_int_equal(
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), 0);
    return fd;
}

/* [SN12-113], and [M]: a socket on one address gets no multicast. */
static void a_group_is_heard_and_answered_from_the_listener(void **unused)
{
    static const struct {
        const char *why, *bind, *group; /* bind NULL: the interface's address */
        bool interface, same_port;
    } rows[] = {
        {"one address, another port", NULL, "225.1.1.1", false, false},
        {"one address, same port", NULL, "225.1.1.1", false, true},
        {"every address, same port", "0.0.0.0", "225.1.1.1", false, true},
        {"every address, another port", "0.0.0.0", "225.1.1.1", false, false},
        {"one interface", "0.0.0.0", "225.1.1.1", true, true},
        {"IPv6, one address", NULL, "ff05::5ea", false, false},
        {"IPv6, every address", "::", "ff05::5ea", false, true},
        {"IPv6, every address, link-local group", "::", "ff02::5ea", false,
         true},
        {"the same on another port", "::", "ff02::5ea", false, false},
        {"IPv6, one address, link-local group", NULL, "ff02::5ea", false, true},
        {"IPv6, one interface", "::", "ff02::5ea", true, true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint16_t port = free_port();
        struct gw_addr group = address(rows[i].group, port), bound, from;
        struct gw_interface at;
        struct sockaddr_storage raw, to;
        socklen_t len = sizeof(raw), to_len;
        struct rig *r;
        char answer;
        int fd;

        CASE(rows[i].why);
        if (!playground(group.family, &at))
            continue;
        if (!rows[i].same_port)
            group.port = free_port();
        bound = rows[i].bind != NULL ? address(rows[i].bind, 0) : at.addr;
        bound.port = port;
        r = rig_new();
        r->echo = true;
        rig_listen_with(r, (struct gw_udp_listener){
                               .name = "lan",
                               .bind = bound,
                               .interface = rows[i].interface ? at.name : NULL,
                               .group = group,
                               .hops = 8,
                           });
        fd = searcher(&at);
        to_len = to_kernel(group, &to);
        assert_int_equal(sendto(fd, "?", 1, 0, (struct sockaddr *)&to, to_len),
                         1);
        assert_true(rig_see(r, 1));

        assert_int_equal(r->seen[0].via.multicast, 1);
        assert_int_equal(counters(r, 0).rx_multicast, 1);
        assert_int_equal(poll(&(struct pollfd){fd, POLLIN, 0}, 1, LIMIT_MS), 1);
        assert_int_equal(
            recvfrom(fd, &answer, 1, 0, (struct sockaddr *)&raw, &len), 1);
        gw_socket_from_kernel(&raw, &from);
        assert_int_equal(from.port, port);
        if (rows[i].bind == NULL)
            assert_true(gw_addr_same_host(&from, &at.addr));

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
        struct gw_interface at;
        int fd, hops = -1;

        CASE(rows[i].why);
        rig_listen_with(
            r, (struct gw_udp_listener){.name = "lan",
                                        .bind = address("127.0.0.1", 0),
                                        .group = group,
                                        .hops = 8});
        assert_true(playground(4, &at));
        fd = listener_of(&at, group);
        r->pending[0] = (struct gw_datagram){
            .target = GW_TO_GROUP, .len = 5, .radius = rows[i].radius};
        r->mark[0] = 77;
        r->pending_count = 1;
        gw_udp_send(r->udp, 10, rig_next, r);

        assert_int_equal(poll(&(struct pollfd){fd, POLLIN, 0}, 1, LIMIT_MS), 1);
        assert_int_equal(recvmsg(fd, &msg, 0), 5);
        assert_int_equal(bytes[0], 77);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL;
             c = CMSG_NXTHDR(&msg, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
                memcpy(&hops, CMSG_DATA(c), sizeof(hops));
        }
        assert_int_equal(hops, rows[i].hops);

        rig_patience(r);
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
        assert_false(gw_udp_send(r->udp, 10, rig_next, r));
        assert_false(gw_udp_blocked(r->udp));
        close(fd);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_heard_and_answered_from_the_listener),
        cmocka_unit_test(
            what_goes_to_the_group_reaches_others_and_not_ourselves),
        cmocka_unit_test(a_group_that_cannot_be_joined_stops_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
