/* SPDX-License-Identifier: MIT */
/*
 * net.h - a network that loses, doubles, delays, reorders and damages.
 *
 * Each box (a node's radio) has its own streams for both directions. An
 * address belongs to whoever holds it when a datagram arrives, so a datagram
 * under way may reach another node when an address changes hands. A box behind
 * the forwarder has the forwarder's address and an id; the network wraps and
 * unwraps.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "address.h"
#include "frames.h"
#include "mqttsn/time.h"
#include "random.h"

struct sim;

#define NET_BOXES 64
#define NET_ID 16

/* Who talks: an address, and behind the forwarder an id. */
struct peer {
    struct gw_addr addr;
    uint8_t id_len;
    uint8_t id[NET_ID];
};

typedef void net_receive(struct sim *sim, unsigned actor, const uint8_t *data,
                         size_t len);

struct box {
    struct peer peer; /* addr.family 0: it has none now */
    net_receive *receive;
    unsigned actor;
    mqttsn_ms silent_until; /* an outage of its radio */
    bool suspect;           /* what it sends need not make sense */
    struct rng up, down;
};

struct net {
    struct box boxes[NET_BOXES];
    size_t count;
};

struct gw_datagram;

struct peer net_peer(unsigned host, unsigned port);     /* 10.0.0.host:port */
struct peer net_peer6(unsigned host, unsigned port);    /* [fd00::host]:port */
struct peer net_peer_far(unsigned host, unsigned port); /* 198.51.100.host */
/* From a network where only neighbours are. */
bool net_is_near(const struct gw_addr *addr);
bool net_is_forwarder(const struct gw_addr *addr);
/* The last octet of its host, to be printed. */
unsigned net_host(const struct gw_addr *addr);
struct peer net_peer_behind(unsigned id); /* the forwarder */
bool peer_equal(const struct peer *a, const struct peer *b);

void net_init(struct sim *sim);
/* A new box; its number. */
unsigned net_attach(struct sim *sim, struct peer peer, net_receive *receive,
                    unsigned actor);
/* Another address; who had it has none any more. */
void net_move(struct sim *sim, unsigned box, struct peer peer);
/* A message towards the gateway. */
void net_up(struct sim *sim, unsigned box, const struct octets *message);
/* The same under another's address, by a forger. */
void net_forge(struct sim *sim, unsigned box, const struct peer *as,
               const struct octets *message);
/* From another of the sender's own ports. */
void net_up_from(struct sim *sim, unsigned box, const struct peer *as,
                 const struct octets *message);
/* A datagram of the gateway's. */
void net_down(struct sim *sim, const struct gw_datagram *datagram,
              const uint8_t *data, size_t len);

#endif
