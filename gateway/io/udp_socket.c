/* SPDX-License-Identifier: MIT */
#include "udp_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* What the kernel charges a receive buffer for a small datagram: the structure
 * that holds it, and its page fragment. [measured on Linux 5.10 to 6.x: the
 * default of 212992 octets holds 256] */
#define OCTETS_PER_DATAGRAM 832u

/* Absent from older C libraries; the kernel knows it since 4.20. */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * Ties the socket to the configured interface. SO_BINDTODEVICE needs no
 * privilege since Linux 5.7; before, without it, what is sent is steered by
 * IP_UNICAST_IF and what came in elsewhere is dropped by us.
 */
static int tie_to_interface(struct udp_listener *l, int fd)
{
    uint32_t index = htonl(l->interface_index);

    if (l->interface_index == 0)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->interface,
                   (socklen_t)strlen(l->interface)) == 0)
        return 0;
    if (errno != EPERM)
        return -1;
    if (l->bound.family == 4
            ? setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index, sizeof(index))
            : setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &index,
                         sizeof(index)))
        return -1;
    if (!l->filter_interface)
        gw_info("udp", "interface_filtered",
                "listener=%s interface=%s reason=\"no privilege to bind to "
                "the device; what comes in elsewhere is dropped here\"",
                gw_log_text(l->name), gw_log_text(l->interface));
    l->filter_interface = true;
    return 0;
}

enum mqttsn_status udp_socket_prepare(struct udp_listener *l, int fd)
{
    int failed;

    /* DF: a datagram that is too large for the path is our error to count,
     * not the network's to cut up [SN12 has no reassembly]. *_MULTICAST_ALL:
     * only the group's own socket gets what is sent to a group. */
    if (l->bound.family == 4) {
        failed = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) ||
                 set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) ||
                 set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    } else {
        failed =
            set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) ||
            set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
            set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO) ||
            set_int(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
        (void)set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    }
    if (failed || tie_to_interface(l, fd) != 0)
        return MQTTSN_EIO;
    return MQTTSN_OK;
}

static void receive_buffer(struct udp_listener *l, int fd, uint64_t octets)
{
    int half = octets / 2 < INT32_MAX / 2 ? (int)(octets / 2) : INT32_MAX / 2;
    int granted = 0;
    socklen_t len = sizeof(granted);
    char at[GW_SOCKET_TEXT_MAX];

    /* The kernel doubles what it is asked for, to cover its own structures. */
    if (octets != 0 && set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, half) != 0)
        (void)set_int(fd, SOL_SOCKET, SO_RCVBUF, half);
    (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &len);
    gw_info("udp", "listening",
            "listener=%s address=%s interface=%s receive_buffer=%d "
            "holds_datagrams=%u",
            gw_log_text(l->name), gw_socket_text(&l->bound, at),
            gw_log_text(l->interface[0] ? l->interface : "any"), granted,
            (unsigned)granted / OCTETS_PER_DATAGRAM);
    if (octets != 0 && (uint64_t)granted < octets)
        gw_warn("udp", "receive_buffer_small",
                "listener=%s wanted=%llu granted=%d "
                "reason=\"raise net.core.rmem_max, or run with CAP_NET_ADMIN\"",
                gw_log_text(l->name), (unsigned long long)octets, granted);
}

static void cannot_bind(const struct udp_listener *l, const char *reason)
{
    char at[GW_SOCKET_TEXT_MAX];

    gw_err("udp", "cannot_bind",
           "listener=%s address=%s interface=%s reason=\"cannot bind: %s\"",
           gw_log_text(l->name), gw_socket_text(&l->bound, at),
           gw_log_text(l->interface[0] ? l->interface : "any"), reason);
}

enum mqttsn_status udp_socket_open(struct udp_listener *l,
                                   const struct gw_udp_listener *options)
{
    struct sockaddr_storage at;
    socklen_t len;
    int fd;

    l->bound = options->bind;
    if (options->interface != NULL && options->interface[0] != '\0') {
        snprintf(l->interface, sizeof(l->interface), "%s", options->interface);
        l->interface_index = if_nametoindex(options->interface);
        if (l->interface_index == 0) {
            cannot_bind(l, "there is no such interface");
            return MQTTSN_EIO;
        }
        if (l->bound.family == 6 && gw_socket_is_link_local(&l->bound))
            l->bound.scope = l->interface_index;
    }
    len = gw_socket_to_kernel(&l->bound, &at);
    fd = len == 0 ? -1
                  : socket(at.ss_family,
                           SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        cannot_bind(l, len == 0 ? "no address" : strerror(errno));
        return MQTTSN_EIO;
    }

    /* Without SO_REUSEADDR, so that a second gateway on the same port is told
     * so instead of taking half of the datagrams. */
    if (udp_socket_prepare(l, fd) != MQTTSN_OK ||
        bind(fd, (struct sockaddr *)&at, len) != 0) {
        cannot_bind(l, strerror(errno));
        goto fail;
    }
    len = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        cannot_bind(l, strerror(errno));
        goto fail;
    }
    gw_socket_from_kernel(&at, &l->bound);
    receive_buffer(l, fd, options->receive_buffer);
    l->own.fd = fd;
    return MQTTSN_OK;

fail:
    close(fd);
    return MQTTSN_EIO;
}
