/* SPDX-License-Identifier: MIT */
#include "udp_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

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

bool rig_next(void *user, uint8_t *buf, size_t cap,
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
           gw_udp_send(r->udp, 64, rig_next, r))
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

struct rig *rig_new(void)
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
    return r;
}

void rig_free(struct rig *r)
{
    gw_udp_close(r->udp);
    uv_close((uv_handle_t *)&r->guard, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
}

void rig_patience(struct rig *r)
{
    r->expired = false;
    uv_timer_start(&r->guard, on_guard, LIMIT_MS, 0);
}

bool rig_see(struct rig *r, size_t n)
{
    rig_patience(r);
    while (r->seen_count < n && !r->expired)
        uv_run(&r->loop, UV_RUN_ONCE);
    uv_timer_stop(&r->guard);
    return r->seen_count >= n;
}

struct gw_addr address(const char *ip, uint16_t port)
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

socklen_t to_kernel(struct gw_addr at, struct sockaddr_storage *ret)
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

uint16_t rig_listen_with(struct rig *r, struct gw_udp_listener options)
{
    struct gw_addr bound;

    assert_int_equal(gw_udp_listen(r->udp, &options), MQTTSN_OK);
    gw_udp_bound(r->udp, gw_udp_listener_count(r->udp) - 1, &bound);
    assert_int_not_equal(bound.port, 0);
    return bound.port;
}

uint16_t rig_listen(struct rig *r, const char *ip)
{
    return rig_listen_with(
        r, (struct gw_udp_listener){.name = "t", .bind = address(ip, 0)});
}

struct gw_udp_counters counters(struct rig *r, size_t listener)
{
    struct gw_udp_counters c;

    gw_udp_counters(r->udp, listener, &c);
    return c;
}

/* ---- a node ------------------------------------------------------------ */

int node(const char *ip, uint16_t port)
{
    struct sockaddr_storage to;
    socklen_t len = to_kernel(address(ip, port), &to);
    int fd = socket(to.ss_family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

void say(int fd, uint8_t first, size_t len)
{
    uint8_t bytes[2048];

    memset(bytes, first, sizeof(bytes));
    assert_int_equal(send(fd, bytes, len, 0), len);
}

int hear(int fd)
{
    struct pollfd at = {fd, POLLIN, 0};
    uint8_t bytes[2048];

    if (poll(&at, 1, LIMIT_MS) != 1 || recv(fd, bytes, sizeof(bytes), 0) < 1)
        return -1;
    return bytes[0];
}

bool has_ipv6(void)
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

uint16_t free_port(void)
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
