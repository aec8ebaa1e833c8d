/* SPDX-License-Identifier: MIT */
#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "udp_private.h"

/* What one sendmmsg is told. */
struct parcel {
    struct mmsghdr msg[SEND_BATCH];
    struct iovec iov[SEND_BATCH];
    struct sockaddr_storage to[SEND_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[SEND_BATCH][CONTROL_MAX];
    struct udp_out *out[SEND_BATCH];
    unsigned count;
};

static void *add_control(struct msghdr *msg, int level, int type, size_t len)
{
    struct cmsghdr *c =
        (struct cmsghdr *)((uint8_t *)msg->msg_control + msg->msg_controllen);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    msg->msg_controllen += CMSG_SPACE(len);
    return CMSG_DATA(c);
}

static void add_hops(struct msghdr *msg, uint8_t family, int hops)
{
    memcpy(family == 4
               ? add_control(msg, IPPROTO_IP, IP_TTL, sizeof(hops))
               : add_control(msg, IPPROTO_IPV6, IPV6_HOPLIMIT, sizeof(hops)),
           &hops, sizeof(hops));
}

/* The address to leave from and, where it is not 0, the interface. */
static void add_packet_info(struct msghdr *msg, uint8_t family,
                            const uint8_t source[16], uint32_t interface)
{
    if (family == 4) {
        struct in_pktinfo info = {.ipi_ifindex = (int)interface};

        memcpy(&info.ipi_spec_dst, source, 4);
        memcpy(add_control(msg, IPPROTO_IP, IP_PKTINFO, sizeof(info)), &info,
               sizeof(info));
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = interface};

        memcpy(&info.ipi6_addr, source, 16);
        memcpy(add_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info)),
               &info, sizeof(info));
    }
}

/*
 * The address to leave from. A listener on a single address has no choice, and
 * must say so: packet information without an address would override what the
 * socket is bound to. All 0 lets the kernel choose.
 */
static struct gw_addr source_of(const struct udp_listener *l,
                                const struct udp_out *out)
{
    struct gw_addr source = {.family = l->bound.family};

    if (!gw_socket_is_any(&l->bound))
        memcpy(source.ip, l->bound.ip, sizeof(source.ip));
    else if (out->datagram.target == GW_TO_PEER && !out->from_any)
        memcpy(source.ip, out->datagram.via.local_ip, sizeof(source.ip));
    return source;
}

static void parcel_add(struct parcel *p, const struct udp_listener *l,
                       struct udp_out *out, const uint8_t *bytes, uint32_t copy)
{
    const struct gw_datagram *d = &out->datagram;
    unsigned i = p->count++;
    struct msghdr *msg = &p->msg[i].msg_hdr;
    struct gw_addr to = d->target == GW_TO_GROUP ? l->multicast : d->to;
    struct gw_addr source = source_of(l, out);
    uint32_t interface = 0;

    memset(p->control[i], 0, sizeof(p->control[i]));
    p->out[i] = out;
    p->iov[i] = (struct iovec){(uint8_t *)(uintptr_t)bytes, d->len};
    *msg = (struct msghdr){.msg_name = &p->to[i],
                           .msg_iov = &p->iov[i],
                           .msg_iovlen = 1,
                           .msg_control = p->control[i]};

    /* An interface is named only where the address does not settle it;
     * elsewhere the routing table knows better than the last hop did. */
    if (d->target == GW_TO_GROUP)
        interface = l->joined[copy];
    else if (gw_socket_is_link_local(&to) || gw_socket_is_link_local(&source))
        interface = d->via.interface;
    add_packet_info(msg, to.family, source.ip, interface);
    if (d->target == GW_TO_GROUP)
        add_hops(msg, to.family, d->radius != 0 ? d->radius : l->hops);
    msg->msg_namelen = gw_socket_to_kernel(&to, &p->to[i]);
}

static uint32_t copies_wanted(const struct udp_listener *l,
                              const struct udp_out *out)
{
    return out->datagram.target == GW_TO_GROUP ? (uint32_t)l->joined_count : 1;
}

/* Collects what is still to be sent by 'l', in order. */
static void parcel_fill(struct parcel *p, struct gw_udp *udp,
                        struct udp_listener *l)
{
    p->count = 0;
    for (size_t i = 0; i < udp->out_count; i++) {
        struct udp_out *out = &udp->out[i];

        if (out->done || out->datagram.via.listener != l->index)
            continue;
        for (uint32_t copy = out->copies; copy < copies_wanted(l, out);
             copy++) {
            if (p->count == SEND_BATCH)
                return;
            parcel_add(p, l, out, udp->bytes + out->at, copy);
        }
        if (out->copies >= copies_wanted(l, out))
            out->done = true; /* a group that is joined nowhere */
    }
}

static void one_copy_settled(const struct udp_listener *l, struct udp_out *out)
{
    out->from_any = out->retried = false;
    if (++out->copies >= copies_wanted(l, out))
        out->done = true;
}

/* The address that was asked may have gone; an answer from another one is
 * better than none. Kernels differ in how they say it. */
static bool another_source_may_do(const struct udp_listener *l,
                                  const struct udp_out *out, int error)
{
    return (error == EINVAL || error == EADDRNOTAVAIL ||
            error == ENETUNREACH) &&
           out->datagram.target == GW_TO_PEER && !out->from_any &&
           gw_socket_is_any(&l->bound);
}

/* The first datagram of a parcel was refused with 'error'. True when the
 * socket takes nothing at all for now. */
static bool refused(struct udp_listener *l, struct udp_out *out, int error)
{
    struct gw_udp_counters *n = &l->counters;

    if (another_source_may_do(l, out, error)) {
        out->from_any = true;
        return false;
    }
    switch (error) {
    case EAGAIN:
        n->tx_blocked++;
        return true;
    case EINTR:
        return false;
    case ECONNREFUSED:
    case EPROTO:
        /* About an earlier datagram; reporting it has cleared it, and this one
         * gets its own chance. */
        n->tx_refused++;
        if (!out->retried) {
            out->retried = true;
            return false;
        }
        break;
    case EPERM:
    case EACCES:
        n->tx_denied++;
        break;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENODEV:
    case ENXIO:
        n->tx_unreachable++;
        break;
    case EMSGSIZE:
        n->tx_too_large++;
        break;
    default: /* an errno, not an enum of ours */
        n->tx_failed++;
        break;
    }
    one_copy_settled(l, out);
    return false;
}

static void send_listener(struct gw_udp *udp, struct udp_listener *l)
{
    struct parcel p;

    while (!l->blocked) {
        int sent;

        parcel_fill(&p, udp, l);
        if (p.count == 0)
            return;
        sent = sendmmsg(l->own.fd, p.msg, p.count, MSG_DONTWAIT);
        if (sent < 0) {
            l->blocked = refused(l, p.out[0], errno);
            if (l->blocked)
                udp_watch(&l->own);
            continue;
        }
        for (int i = 0; i < sent; i++) {
            l->counters.tx_datagrams++;
            l->counters.tx_octets += p.out[i]->datagram.len;
            l->counters.tx_source_gone += p.out[i]->from_any;
            one_copy_settled(l, p.out[i]);
        }
    }
}

/* Sends the batch at hand; true when nothing of it is left. */
static bool flush(struct gw_udp *udp)
{
    size_t left = 0;

    for (size_t i = 0; i < udp->listener_count; i++)
        send_listener(udp, udp->listener[i]);
    for (size_t i = 0; i < udp->out_count; i++) {
        if (!udp->out[i].done)
            udp->out[left++] = udp->out[i];
    }
    udp->out_count = left;
    if (left == 0)
        udp->bytes_used = 0;
    return left == 0;
}

/* Pulls a batch; returns how many. */
static unsigned fill(struct gw_udp *udp, unsigned max, gw_udp_next *next,
                     void *user)
{
    unsigned n = 0;

    while (n < max && udp->out_count < SEND_BATCH &&
           udp->bytes_used + GW_DATAGRAM_MAX <= SEND_BYTES) {
        struct udp_out *out = &udp->out[udp->out_count];

        memset(out, 0, sizeof(*out));
        out->at = udp->bytes_used;
        if (!next(user, udp->bytes + out->at, SEND_BYTES - out->at,
                  &out->datagram))
            break;
        n++;
        if (out->datagram.via.listener >= udp->listener_count)
            continue; /* of a listener that did not open; nobody to count it */
        udp->bytes_used += out->datagram.len;
        udp->out_count++;
    }
    return n;
}

bool gw_udp_send(struct gw_udp *udp, unsigned max, gw_udp_next *next,
                 void *user)
{
    if (!flush(udp))
        return false;
    while (max > 0) {
        unsigned n = fill(udp, max, next, user);

        if (n == 0)
            return false;
        max -= n;
        if (!flush(udp))
            return false;
    }
    return true;
}

bool gw_udp_blocked(const struct gw_udp *udp)
{
    return udp->out_count > 0;
}
