/* SPDX-License-Identifier: MIT */
#include "udp_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Whether the listener's group is to be joined on this interface. */
static bool wanted_on(const struct udp_listener *l,
                      const struct gw_interface *interface)
{
    struct gw_addr bound = l->bound, here = interface->addr;

    if (!interface->multicast || here.family != l->bound.family)
        return false;
    if (l->interface_index != 0)
        return interface->index == l->interface_index;
    if (gw_socket_is_any(&bound))
        return true;
    bound.port = 0;
    return gw_addr_same_host(&bound, &here) ||
           (gw_socket_is_loopback(&bound) && gw_socket_is_loopback(&here));
}

static int membership(struct udp_listener *l, uint32_t interface, bool join)
{
    if (l->multicast.family == 4) {
        struct ip_mreqn mreq = {.imr_ifindex = (int)interface};

        memcpy(&mreq.imr_multiaddr, l->multicast.ip, 4);
        return setsockopt(l->group_fd, IPPROTO_IP,
                          join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &mreq,
                          sizeof(mreq));
    } else {
        struct ipv6_mreq mreq = {.ipv6mr_interface = interface};

        memcpy(&mreq.ipv6mr_multiaddr, l->multicast.ip, 16);
        return setsockopt(l->group_fd, IPPROTO_IPV6,
                          join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &mreq,
                          sizeof(mreq));
    }
}

static void cannot_join(struct udp_listener *l, const char *where,
                        const char *reason)
{
    char group[GW_SOCKET_TEXT_MAX];

    if (l->join_failed)
        return;
    l->join_failed = true;
    gw_warn("udp", "cannot_join",
            "listener=%s group=%s interface=%s reason=\"%s; nodes there do "
            "not find this gateway by themselves, all else works\"",
            gw_log_text(l->name), gw_socket_text(&l->multicast, group),
            gw_log_text(where), reason);
}

static bool contains(const uint32_t *list, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == value)
            return true;
    }
    return false;
}

/* Leaves what went away, so that it can be joined when it comes back. */
static void leave_gone(struct gw_udp *udp, struct udp_listener *l)
{
    for (size_t i = l->joined_count; i-- > 0;) {
        bool there = false;

        for (size_t k = 0; k < udp->interface_count && !there; k++)
            there = udp->interface[k].index == l->joined[i] &&
                    wanted_on(l, &udp->interface[k]);
        if (there)
            continue;
        (void)membership(l, l->joined[i], false);
        l->joined[i] = l->joined[--l->joined_count];
    }
}

static void join_all(struct gw_udp *udp, struct udp_listener *l)
{
    char group[GW_SOCKET_TEXT_MAX];
    bool failed = false;

    for (size_t i = 0; i < udp->interface_count; i++) {
        const struct gw_interface *at = &udp->interface[i];

        if (!wanted_on(l, at) ||
            contains(l->joined, l->joined_count, at->index))
            continue;
        if (l->joined_count == MEMBERSHIPS_MAX ||
            membership(l, at->index, true) != 0) {
            cannot_join(l, at->name,
                        l->joined_count == MEMBERSHIPS_MAX
                            ? "too many interfaces"
                            : strerror(errno));
            failed = true;
            continue;
        }
        l->joined[l->joined_count++] = at->index;
        gw_info("udp", "group_joined", "listener=%s group=%s interface=%s",
                gw_log_text(l->name), gw_socket_text(&l->multicast, group),
                gw_log_text(at->name));
    }
    if (l->joined_count == 0 && !failed)
        cannot_join(l, l->interface[0] ? l->interface : "any",
                    "no interface with such an address does multicast");
    else if (!failed)
        l->join_failed = false;
}

void udp_rescan(struct gw_udp *udp)
{
    udp->interface_count = gw_socket_interfaces(INTERFACES_MAX, udp->interface);
    for (size_t i = 0; i < udp->listener_count; i++) {
        struct udp_listener *l = udp->listener[i];

        if (l->group_fd < 0)
            continue;
        leave_gone(udp, l);
        join_all(udp, l);
    }
}

/* Where the group's own socket is bound. A group of link-local scope has to
 * name an interface; one that is meant for all of them is heard on the
 * wildcard address instead, and the membership does the rest. */
static struct gw_addr group_bind(struct gw_udp *udp,
                                 const struct udp_listener *l)
{
    struct gw_addr at = l->multicast;

    if (at.family == 4 || (at.ip[1] & 0x0f) > 2)
        return at;
    at.scope = l->interface_index;
    for (size_t i = 0; i < udp->interface_count && at.scope == 0; i++) {
        if (!gw_socket_is_any(&l->bound) && wanted_on(l, &udp->interface[i]))
            at.scope = udp->interface[i].index;
    }
    if (at.scope == 0)
        memset(at.ip, 0, sizeof(at.ip));
    return at;
}

void udp_group_open(struct udp_listener *l)
{
    struct sockaddr_storage at;
    struct gw_addr group;
    socklen_t len;
    int fd;

    if (l->multicast.family != l->bound.family ||
        !gw_socket_is_group(&l->multicast)) {
        cannot_join(l, "any",
                    l->multicast.family != l->bound.family
                        ? "the listener is of another address family"
                        : "this is no multicast address");
        return;
    }
    if (gw_socket_is_any(&l->bound) && l->multicast.port == l->bound.port) {
        l->group_fd = l->own.fd;
        return;
    }
    group = group_bind(l->udp, l);
    len = gw_socket_to_kernel(&group, &at);
    fd = socket(at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* Other programs here may want the same group. */
    if (fd < 0 || udp_socket_prepare(l, fd) != MQTTSN_OK ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)&at, len) != 0) {
        cannot_join(l, "any", strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    l->group.fd = fd;
    l->group_fd = fd;
}
