/* SPDX-License-Identifier: MIT */
/*
 * address.h - where a datagram came from, and how to answer it.
 *
 * 'struct gw_addr' is the key: it is compared, hashed and kept. 'struct
 * gw_via' is only how the last datagram of that peer arrived; an answer goes
 * out the same way, so that it leaves from the address that was asked. Both
 * are plain values without pointers. A node behind a forwarder is the
 * forwarder's gw_addr and a node id, which the engine reads from the
 * encapsulation itself.
 */
#ifndef GW_ADDRESS_H
#define GW_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Every octet counts in a comparison, so build one from {0}. IPv4 uses the
 * first four octets of 'ip', the rest is 0. */
struct gw_addr {
    uint8_t ip[16];
    uint32_t scope; /* zone of an IPv6 link-local address, else 0 */
    uint16_t port;  /* host byte order */
    uint8_t family; /* 4, 6, or 0 for "no address" */
    uint8_t zero;
};

struct gw_via {
    uint8_t local_ip[16]; /* the address that was asked; all 0 when unknown */
    uint32_t interface;   /* interface index, 0 when unknown */
    uint16_t listener;    /* index into the listeners of gw_options */
    uint8_t family;       /* as in gw_addr */
    uint8_t multicast;    /* 1: it was sent to a group; answer by unicast */
};

/* A block of addresses; 'bits' of 'ip' count. */
struct gw_cidr {
    uint8_t ip[16];
    uint8_t bits;
    uint8_t family;
};

static inline bool gw_addr_equal(const struct gw_addr *a,
                                 const struct gw_addr *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* The host part: everything but the port. */
static inline bool gw_addr_same_host(const struct gw_addr *a,
                                     const struct gw_addr *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static inline bool gw_cidr_contains(const struct gw_cidr *block,
                                    const struct gw_addr *addr)
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;

    if (block->family != addr->family ||
        memcmp(block->ip, addr->ip, whole) != 0)
        return false;
    return rest == 0 || (block->ip[whole] ^ addr->ip[whole]) >> (8 - rest) == 0;
}

#endif
