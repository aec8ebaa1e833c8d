/* SPDX-License-Identifier: MIT */
/*
 * population.h - a real engine with many nodes, for measurements.
 *
 * Every node has a client id of 16 octets, an IPv6 address, two registered
 * names of 24 octets and one filter; all of these are its own, none is shared
 * with another node. The broker side grants everything, the store answers at
 * once, and time is what the caller makes of it.
 */
#ifndef POPULATION_H
#define POPULATION_H

#include "engine.h"

#include "frames.h"

enum population_filter {
    FILTER_PLAIN,    /* cmd/to-node-00000001: one level of the node's own */
    FILTER_WILDCARD, /* cmd/to-node-00000001/#: two */
};

struct population {
    struct gw_engine *engine;
    struct gw_limits limits;
    struct gw_options options;
    uint32_t count;
    enum population_filter filter;
    bool shared_filter; /* all nodes have that of the first */
    mqttsn_ms now;
    uint8_t *buf;    /* of POPULATION_BUFFER octets, for whatever is polled */
    uint64_t random; /* state of population_random */
};

#define POPULATION_BUFFER (GW_RECORD_MAX + GW_UP_BUFFER)

/* Default options, and tables that 'count' such nodes fill. */
void population_init(struct population *p, uint32_t count,
                     enum population_filter filter);
/* The engine, its nodes connected, registered and subscribed, and idle. */
void population_start(struct population *p);
void population_stop(struct population *p);

/* Node numbers are 1..count. */
struct gw_addr population_addr(uint32_t node);
struct gw_via population_via(void);
void population_client_id(uint32_t node, char ret[17]);
void population_topic(uint32_t node, unsigned which, char ret[25]);
/* A topic that the node's filter matches, and no other's if they differ. */
void population_command(const struct population *p, uint32_t node,
                        char ret[32]);
uint32_t population_random(struct population *p, uint32_t below);

/* One datagram of a node goes in, nothing is polled. */
void population_send(struct population *p, uint32_t node,
                     const struct octets *message);

/* Takes what is to be kept, and answers. */
void population_store(struct population *p);

/* Serves every sink until all are quiet. Returns the datagrams that came. */
size_t population_serve(struct population *p);

/* Lets time pass, with all deadlines on the way. */
void population_pass(struct population *p, mqttsn_ms time);

#endif
