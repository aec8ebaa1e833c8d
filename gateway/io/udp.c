/* SPDX-License-Identifier: MIT */
#include "udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "udp_private.h"

/* Slots of the pool: this many octets' worth, within bounds. */
#define POOL_MIN 128u
#define POOL_MAX 1024u

/* A round gives each source a handful of small datagrams. */
#define QUANTUM 512u

/* ---- receiving --------------------------------------------------------- */

/* Where the datagram was sent to, by its packet information. */
static void read_via(const struct udp_socket *s, struct msghdr *msg,
                     struct gw_addr *ret_to, struct gw_via *ret_via)
{
    memset(ret_to, 0, sizeof(*ret_to));
    memset(ret_via, 0, sizeof(*ret_via));
    ret_via->listener = s->listener->index;
    ret_via->family = s->listener->bound.family;
    ret_to->family = ret_via->family;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
         c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(ret_to->ip, &info.ipi_addr, 4);
            memcpy(ret_via->local_ip, &info.ipi_spec_dst, 4);
            ret_via->interface = (uint32_t)info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 &&
                   c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(ret_to->ip, &info.ipi6_addr, 16);
            memcpy(ret_via->local_ip, &info.ipi6_addr, 16);
            ret_via->interface = (uint32_t)info.ipi6_ifindex;
        }
    }

    /* A broadcast too is meant for everybody: its destination is not the
     * address we answer from. */
    ret_via->multicast =
        memcmp(ret_to->ip, ret_via->local_ip, sizeof(ret_to->ip)) != 0 ||
        gw_socket_is_group(ret_to);
    if (ret_via->multicast && ret_via->family == 6)
        memset(ret_via->local_ip, 0, sizeof(ret_via->local_ip));
}

/* Whether one of our own sockets sent this: the port first, as it settles
 * nearly every case. */
static bool is_own(const struct gw_udp *udp, const struct gw_addr *from)
{
    for (size_t i = 0; i < udp->listener_count; i++) {
        const struct gw_addr *bound = &udp->listener[i]->bound;

        if (from->port != bound->port || from->family != bound->family)
            continue;
        if (!gw_socket_is_any(bound)) {
            if (gw_addr_same_host(from, bound))
                return true;
            continue;
        }
        if (gw_socket_is_loopback(from))
            return true;
        for (size_t k = 0; k < udp->interface_count; k++) {
            if (gw_addr_same_host(from, &udp->interface[k].addr))
                return true;
        }
    }
    return false;
}

static void take_in(struct udp_socket *s, unsigned i, struct mmsghdr *got,
                    const struct sockaddr_storage *source)
{
    static const struct gw_addr strangers; /* the queue they share */
    struct udp_listener *l = s->listener;
    struct gw_udp *udp = l->udp;
    struct gw_addr from, to;
    struct gw_via via;
    int dropped;

    l->counters.rx_datagrams++;
    l->counters.rx_octets += got->msg_len;
    if (got->msg_hdr.msg_flags & MSG_TRUNC) {
        l->counters.rx_oversize++;
        return;
    }
    gw_socket_from_kernel(source, &from);
    read_via(s, &got->msg_hdr, &to, &via);
    if (from.port == 0 || gw_socket_is_any(&from)) {
        l->counters.rx_unanswerable++;
        return;
    }
    if ((l->filter_interface && via.interface != l->interface_index) ||
        (gw_socket_is_group(&to) &&
         memcmp(to.ip, l->multicast.ip, sizeof(to.ip)) != 0)) {
        l->counters.rx_elsewhere++;
        return;
    }
    if (is_own(udp, &from)) {
        l->counters.rx_own++;
        return;
    }
    l->counters.rx_multicast += via.multicast;
    dropped = gw_fair_push(
        udp->fair, i,
        udp->handlers.knows(udp->handlers.user, &from) ? &from : &strangers,
        &from, &via, got->msg_len);
    if (dropped >= 0)
        udp->listener[dropped]->counters.rx_unfair++;
}

/* What the kernel had to drop on this socket since it was asked last. */
static uint32_t kernel_drops(struct udp_socket *s)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    uint32_t *last = &s->listener->kernel_dropped[s->group];
    socklen_t len = sizeof(info);
    uint32_t drops;

    if (getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
        len < sizeof(info))
        return 0;
    drops = info[SK_MEMINFO_DROPS] - *last;
    *last = info[SK_MEMINFO_DROPS];
    s->listener->counters.rx_kernel_dropped += drops;
    return drops;
}

/* Reads one batch; returns how many, and in '*ret_emptied' whether the socket
 * has no more for now. */
static unsigned read_batch(struct udp_socket *s, unsigned n, bool *ret_emptied)
{
    struct gw_udp *udp = s->listener->udp;
    struct sockaddr_storage source[GW_FAIR_BATCH];
    struct mmsghdr msg[GW_FAIR_BATCH];
    struct iovec iov[GW_FAIR_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[GW_FAIR_BATCH][CONTROL_MAX];
    int got;

    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){gw_fair_room(udp->fair, i), udp->max_datagram};
        msg[i].msg_hdr = (struct msghdr){.msg_name = &source[i],
                                         .msg_namelen = sizeof(source[i]),
                                         .msg_iov = &iov[i],
                                         .msg_iovlen = 1,
                                         .msg_control = control[i],
                                         .msg_controllen = sizeof(control[i])};
    }
    got = recvmmsg(s->fd, msg, n, MSG_DONTWAIT, NULL);
    *ret_emptied =
        got >= 0 ? (unsigned)got < n : errno == EAGAIN || errno == EWOULDBLOCK;
    if (got < 0) {
        /* A late error of something we sent; reading it has cleared it. */
        if (!*ret_emptied && errno != EINTR)
            s->listener->counters.rx_errors++;
        return 0;
    }
    for (int i = 0; i < got; i++)
        take_in(s, (unsigned)i, &msg[i], &source[i]);
    return (unsigned)got;
}

static void read_turn(struct udp_socket *s)
{
    struct gw_udp *udp = s->listener->udp;
    uint64_t now = uv_now(udp->loop);
    bool overload = now < udp->overload_until, emptied = false;
    unsigned left = overload ? READ_TURN_OVERLOAD : READ_TURN;

    /* Errors cost a try too, so this ends. */
    while (left > 0 && !emptied) {
        unsigned n = left < GW_FAIR_BATCH ? left : GW_FAIR_BATCH;
        unsigned got;

        if (!overload && gw_fair_spare(udp->fair) < n)
            n = gw_fair_spare(udp->fair);
        if (n == 0)
            break;
        got = read_batch(s, n, &emptied);
        left -= got > 0 ? got : 1;
    }
    if (!emptied && kernel_drops(s) > 0)
        udp->overload_until = now + OVERLOAD_MS;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct udp_socket *s = poll->data;
    struct gw_udp *udp = s->listener->udp;

    /* A negative status is an error of the descriptor that reading and
     * sending meet, count and clear by themselves. */
    if (status < 0 || (events & UV_WRITABLE)) {
        s->listener->blocked = false;
        udp_watch(s);
    }
    if (!udp->deaf && (status < 0 || (events & UV_READABLE)))
        read_turn(s);
    udp->handlers.wake(udp->handlers.user);
}

void udp_watch(struct udp_socket *s)
{
    struct gw_udp *udp = s->listener->udp;
    int events = (udp->deaf ? 0 : UV_READABLE) |
                 (!s->group && s->listener->blocked ? UV_WRITABLE : 0);

    if (!s->polled)
        return;
    if (events == 0)
        (void)uv_poll_stop(&s->poll);
    else
        (void)uv_poll_start(&s->poll, events, on_poll);
}

/* The kernel's buffer of 256 small datagrams is full in a third of a
 * millisecond at line rate: less than what it takes to feed as many. */
static void read_ahead(struct gw_udp *udp)
{
    for (size_t i = 0; i < udp->listener_count; i++) {
        struct udp_listener *l = udp->listener[i];

        read_turn(&l->own);
        if (l->group.fd >= 0)
            read_turn(&l->group);
    }
}

bool gw_udp_feed(struct gw_udp *udp, unsigned max, gw_udp_input *input,
                 void *user)
{
    struct gw_fair_item item;

    if (!udp->deaf && uv_now(udp->loop) < udp->overload_until)
        read_ahead(udp);
    for (unsigned n = 0; n < max; n++) {
        if (!gw_fair_pop(udp->fair, &item))
            return false;
        input(user, item.from, item.via, item.bytes);
    }
    return gw_fair_queued(udp->fair) > 0;
}

/* ---- life -------------------------------------------------------------- */

static void on_rescan(uv_timer_t *timer)
{
    udp_rescan(timer->data);
}

/* A pool for datagrams of this size takes the place of the old one. */
static enum mqttsn_status new_pool(struct gw_udp *udp, uint32_t max_datagram)
{
    uint32_t slots = max_datagram > 0 ? GW_UDP_POOL_OCTETS / max_datagram : 0;
    struct gw_fair *fair;
    enum mqttsn_status status;

    slots = slots < POOL_MIN ? POOL_MIN : slots > POOL_MAX ? POOL_MAX : slots;
    status = gw_fair_new(slots, max_datagram, QUANTUM, udp->seed, &fair);
    if (status != MQTTSN_OK)
        return status;
    gw_fair_free(udp->fair);
    udp->fair = fair;
    udp->max_datagram = max_datagram;
    return MQTTSN_OK;
}

enum mqttsn_status gw_udp_resize(struct gw_udp *udp, uint32_t max_datagram)
{
    if (gw_fair_queued(udp->fair) > 0)
        return MQTTSN_EPROTO;
    if (max_datagram == udp->max_datagram)
        return MQTTSN_OK;
    return new_pool(udp, max_datagram);
}

enum mqttsn_status gw_udp_new(uv_loop_t *loop,
                              const struct gw_udp_handlers *handlers,
                              uint32_t max_datagram, const uint8_t seed[16],
                              struct gw_udp **ret_udp)
{
    struct gw_udp *udp = calloc(1, sizeof(*udp));
    enum mqttsn_status status;

    if (udp == NULL)
        return MQTTSN_ENOSPACE;
    udp->loop = loop;
    udp->handlers = *handlers;
    memcpy(udp->seed, seed, sizeof(udp->seed));
    status = new_pool(udp, max_datagram);
    if (status != MQTTSN_OK)
        goto fail;
    udp->bytes = malloc(SEND_BYTES);
    if (udp->bytes == NULL || uv_timer_init(loop, &udp->rescan) != 0) {
        status = MQTTSN_ENOSPACE;
        goto fail;
    }
    udp->handles = 1;
    udp->rescan.data = udp;
    (void)uv_timer_start(&udp->rescan, on_rescan, RESCAN_MS, RESCAN_MS);
    uv_unref((uv_handle_t *)&udp->rescan);
    *ret_udp = udp;
    return MQTTSN_OK;

fail:
    free(udp->bytes);
    gw_fair_free(udp->fair);
    free(udp);
    return status;
}

static enum mqttsn_status poll_socket(struct udp_socket *s)
{
    struct gw_udp *udp = s->listener->udp;

    if (s->fd < 0)
        return MQTTSN_OK;
    if (uv_poll_init(udp->loop, &s->poll, s->fd) != 0)
        return MQTTSN_EIO;
    udp->handles++;
    s->polled = true;
    s->poll.data = s;
    udp_watch(s);
    return MQTTSN_OK;
}

enum mqttsn_status gw_udp_listen(struct gw_udp *udp,
                                 const struct gw_udp_listener *options)
{
    struct udp_listener *l;

    if (udp->listener_count == GW_LISTENERS_MAX)
        return MQTTSN_ENOSPACE;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return MQTTSN_ENOSPACE;
    l->udp = udp;
    l->index = (uint16_t)udp->listener_count;
    l->multicast = options->group;
    l->hops = options->hops;
    l->own = (struct udp_socket){.fd = -1, .listener = l};
    l->group = (struct udp_socket){.fd = -1, .listener = l, .group = true};
    l->group_fd = -1;
    snprintf(l->name, sizeof(l->name), "%s", options->name);

    if (udp_socket_open(l, options) != MQTTSN_OK) {
        free(l);
        return MQTTSN_EIO;
    }

    /* From here on gw_udp_close finds what is open. */
    udp->listener[udp->listener_count++] = l;
    if (udp->interface_count == 0)
        udp->interface_count =
            gw_socket_interfaces(INTERFACES_MAX, udp->interface);
    if (l->multicast.family != 0)
        udp_group_open(l);
    udp_rescan(udp);
    if (poll_socket(&l->own) != MQTTSN_OK ||
        poll_socket(&l->group) != MQTTSN_OK) {
        gw_err("udp", "cannot_watch",
               "listener=%s reason=\"the loop refused the socket\"",
               gw_log_text(l->name));
        return MQTTSN_EIO;
    }
    return MQTTSN_OK;
}

void gw_udp_bound(const struct gw_udp *udp, size_t i, struct gw_addr *ret_addr)
{
    *ret_addr = udp->listener[i]->bound;
}

size_t gw_udp_listener_count(const struct gw_udp *udp)
{
    return udp->listener_count;
}

void gw_udp_counters(struct gw_udp *udp, size_t listener,
                     struct gw_udp_counters *ret_counters)
{
    struct udp_listener *l = udp->listener[listener];

    (void)kernel_drops(&l->own);
    if (l->group.fd >= 0)
        (void)kernel_drops(&l->group);
    *ret_counters = l->counters;
}

void gw_udp_deafen(struct gw_udp *udp)
{
    udp->deaf = true;
    for (size_t i = 0; i < udp->listener_count; i++) {
        udp_watch(&udp->listener[i]->own);
        udp_watch(&udp->listener[i]->group);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct gw_udp *udp =
        handle->type == UV_TIMER
            ? handle->data
            : ((struct udp_socket *)handle->data)->listener->udp;

    if (--udp->handles > 0)
        return;
    for (size_t i = 0; i < udp->listener_count; i++)
        free(udp->listener[i]);
    gw_fair_free(udp->fair);
    free(udp->bytes);
    free(udp);
}

static void close_socket(struct udp_socket *s)
{
    if (s->polled)
        uv_close((uv_handle_t *)&s->poll, on_closed);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void gw_udp_close(struct gw_udp *udp)
{
    if (udp == NULL)
        return;
    for (size_t i = 0; i < udp->listener_count; i++) {
        close_socket(&udp->listener[i]->own);
        close_socket(&udp->listener[i]->group);
    }
    uv_close((uv_handle_t *)&udp->rescan, on_closed);
}
