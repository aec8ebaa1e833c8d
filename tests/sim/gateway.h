/* SPDX-License-Identifier: MIT */
/*
 * gateway.h - drives the engine as the daemon does: input, then polls of all
 * sinks that are not blocked, within a budget; deadlines; death, and another
 * engine made from what the store holds.
 */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "engine.h"
#include "random.h"

struct sim;

enum sink { SINK_DATAGRAM = 1, SINK_UPSTREAM = 2, SINK_STORE = 4 };

#define GATEWAY_PREDEFINED 4

struct gateway {
    struct gw_engine *engine;
    struct gw_limits limits;
    struct gw_options options;
    struct gw_listener_options listener;
    struct gw_cidr forwarder, nameless;
    struct gw_predefined predefined[GATEWAY_PREDEFINED];
    struct rng random, ends;
    mqttsn_ms ending_since; /* it was told to end; 0: it was not */
    unsigned blocked;       /* set of enum sink */
    mqttsn_ms open_since;   /* datagrams have not been blocked since */
    mqttsn_ms free_since;   /* nothing has been blocked since */
    bool turn_due;          /* an event that polls on is in the queue */
    mqttsn_ms stuck_at;     /* deadlines served at one instant ... */
    unsigned stuck;         /* ... and how many */
    unsigned lives;
    uint64_t name_bytes_at_start;
    int64_t access_at_start;
    uint8_t *buf;
};

/* The predefined topics: id and name; NULL when there is no such id. */
const char *gateway_predefined(uint16_t id);
/* Who may publish without a session: on which of them, and from where, if
 * minus1_from is 1. */
bool gateway_is_open(uint16_t id);
bool gateway_lets_nameless(const struct gw_addr *from);

void gateway_init(struct sim *sim);
void gateway_free(struct gateway *gateway);
/* Another process in the place of this one, which ended in order, or not. */
void gateway_restart(struct sim *sim, bool in_order);
/* It is told to end now and then, and does so in order; see ending.c. */
void gateway_ends_begin(struct sim *sim);
/* From now on these access lists are in force. */
void gateway_reload(struct sim *sim, int64_t access);
/* They change now and then. */
void gateway_reloads_begin(struct sim *sim);

/* Inputs; each serves the sinks afterwards. */
void gateway_datagram(struct sim *sim, const struct gw_addr *from,
                      const uint8_t *data, size_t len);
void gateway_upstream(struct sim *sim, const struct gw_up_event *event);
void gateway_stored(struct sim *sim, uint64_t op, bool ok);
void gateway_deadline(struct sim *sim);
/* Polls until nothing comes, or budgets are used up. */
void gateway_turn(struct sim *sim);

#endif
