/* SPDX-License-Identifier: MIT */
/*
 * udp_private.h - what the files of udp share: udp.c (life, receiving),
 * udp_send.c, udp_socket.c (opening), udp_multicast.c (groups).
 */
#ifndef GW_UDP_PRIVATE_H
#define GW_UDP_PRIVATE_H

#include "fair.h"
#include "socket.h"
#include "udp.h"

/* How long read-ahead goes on after the kernel's last drop. */
#define OVERLOAD_MS 1000u

/* Datagrams read per wake-up and socket, and the same under overload. */
#define READ_TURN 256u
#define READ_TURN_OVERLOAD 1024u

#define SEND_BATCH 64u
/* A full batch of small ones, or two of the largest. */
#define SEND_BYTES (2u * GW_DATAGRAM_MAX)
#define INTERFACES_MAX 64u
#define MEMBERSHIPS_MAX 20u /* net.ipv4.igmp_max_memberships */

/* How often interfaces that came or went are looked for. */
#define RESCAN_MS 30000u

/* Room for one packet-info and one hop-limit message, of either family;
 * a multiple of the alignment of its header. */
#define CONTROL_MAX 80u

/* A descriptor watched by the loop. */
struct udp_socket {
    uv_poll_t poll;
    int fd;      /* -1: none */
    bool polled; /* the handle is the loop's */
    bool group;
    struct udp_listener *listener;
};

struct udp_listener {
    struct gw_udp *udp;
    uint16_t index;
    char name[64];
    char interface[IF_NAMESIZE]; /* "" for any */
    uint32_t interface_index;    /* 0 for any */
    bool filter_interface;       /* the kernel does not do it for us */

    struct gw_addr bound;
    struct gw_addr multicast; /* family 0: no group */
    uint8_t hops;
    uint32_t joined[MEMBERSHIPS_MAX]; /* interface indexes */
    size_t joined_count;
    bool join_failed; /* said once, until it works */

    struct udp_socket own, group;
    int group_fd; /* where the group is joined; -1: nowhere */
    bool blocked; /* waits for 'own' to be writable */

    uint32_t kernel_dropped[2]; /* as read last: own, group */
    struct gw_udp_counters counters;
};

/* One datagram of the batch at hand. */
struct udp_out {
    struct gw_datagram datagram;
    size_t at;       /* in 'bytes' */
    uint32_t copies; /* sent so far; a group datagram goes to each interface */
    bool done;
    bool from_any; /* the address that was asked is gone */
    bool retried;
};

struct gw_udp {
    uv_loop_t *loop;
    struct gw_udp_handlers handlers;
    uint32_t max_datagram;
    uint8_t seed[16];
    struct gw_fair *fair;
    uint64_t overload_until; /* in uv_now's time */
    bool deaf;

    struct udp_listener *listener[GW_LISTENERS_MAX];
    size_t listener_count;

    struct gw_interface interface[INTERFACES_MAX];
    size_t interface_count;
    uv_timer_t rescan;

    struct udp_out out[SEND_BATCH];
    size_t out_count;
    uint8_t *bytes; /* SEND_BYTES */
    size_t bytes_used;

    unsigned handles; /* still with the loop */
    bool closing;
};

/* Opens, configures and binds the listener's own socket; logs the reason when
 * it cannot. */
MQTTSN_CHECKED enum mqttsn_status
udp_socket_open(struct udp_listener *l, const struct gw_udp_listener *options);

/* Sets what both sockets of a listener need: packet info, DF, interface. */
MQTTSN_CHECKED enum mqttsn_status udp_socket_prepare(struct udp_listener *l,
                                                     int fd);

/* Finds the socket on which the group is heard: the listener's own when that
 * is bound to every address, else one more. Logs when it cannot; udp_rescan
 * joins. */
void udp_group_open(struct udp_listener *l);

/* Looks at the interfaces again, joins those that are new and forgets those
 * that went. */
void udp_rescan(struct gw_udp *udp);

/* Starts, or changes, what the loop watches. */
void udp_watch(struct udp_socket *s);

#endif
