/* SPDX-License-Identifier: MIT */
/*
 * udp_rig.h - listeners on a loop, and nodes that talk to them on loopback.
 *
 * Nothing sleeps: the loop runs until what is waited for has come, or until a
 * limit that only a failure reaches.
 */
#ifndef UDP_RIG_H
#define UDP_RIG_H

#include "io/udp.h"

#include <sys/socket.h>

#include "check.h"

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
    bool echo;                            /* answer each datagram */
    struct gw_datagram pending[SEEN_MAX]; /* to send, with 'mark' as content */
    uint8_t mark[SEEN_MAX];
    size_t pending_count, pending_done;
    bool expired;
};

/* max_datagram is 512. */
struct rig *rig_new(void);
void rig_free(struct rig *r);

/* Opens a listener; its port. */
uint16_t rig_listen_with(struct rig *r, struct gw_udp_listener options);
uint16_t rig_listen(struct rig *r, const char *ip);

/* Runs the loop until 'n' datagrams were seen in all; false when time is up. */
bool rig_see(struct rig *r, size_t n);

/* One turn more, and at most LIMIT_MS in all since rig_patience. */
void rig_patience(struct rig *r);

/* Gives gw_udp_send what is pending. */
bool rig_next(void *user, uint8_t *buf, size_t cap,
              struct gw_datagram *ret_datagram);

struct gw_udp_counters counters(struct rig *r, size_t listener);

struct gw_addr address(const char *ip, uint16_t port);
socklen_t to_kernel(struct gw_addr at, struct sockaddr_storage *ret);

/* A node's socket; connected: it hears nobody but 'ip'. */
int node(const char *ip, uint16_t port);

/* Sends 'len' octets, all of them 'first'. */
void say(int fd, uint8_t first, size_t len);

/* The first octet of the next datagram, or -1. */
int hear(int fd);

/* False, and a line that says so, when the machine has no ::1. */
bool has_ipv6(void);

/* A port that nobody has right now. */
uint16_t free_port(void);

#endif
