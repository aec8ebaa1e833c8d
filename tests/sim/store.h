/* SPDX-License-Identifier: MIT */
/*
 * store.h - what outlives the gateway.
 *
 * There are two, each for a program of its own. store.c is a model: a journal,
 * and what it holds. real_store.c is the gateway's own, on a disk that ends.
 *
 * The model: operations are journalled in the order in which they were polled;
 * each is reported as stored after its own time, in any order if the options
 * say so, and some fail. A crash keeps everything up to the last one that was
 * reported and a random part of what came after: writes that were under way.
 * With durable = 0 it is the memory store: it answers, and keeps nothing.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "broker.h"
#include "engine.h"
#include "random.h"

struct sim;

struct store_op {
    struct gw_store_action action;
    bool reported, failed;
    uint8_t *data;
};

struct store_record {
    uint8_t kind;
    uint32_t owner, item;
    mqttsn_ms age; /* since it was kept, beyond what it says itself */
    size_t len;
    uint8_t *data;
};

/* A message from the broker that the engine may not have taken over: kept by
 * the shell before it is acknowledged, forgotten by the engine. */
struct store_arrival {
    uint32_t number;
    struct outgoing outgoing;
};

#define STORE_ARRIVALS 1100

struct store {
    struct rng random;
    struct store_arrival arrivals[STORE_ARRIVALS];
    size_t arrival_count;
    uint32_t next_arrival;
    struct store_op *ops; /* journalled, not yet all reported; oldest first */
    size_t op_count, op_room;
    size_t waiting;               /* of them, not reported */
    struct store_record *records; /* of what was reported without a gap */
    size_t record_count, record_room;
    uint64_t life; /* of the engine: completions of a former one are nobody's */
    mqttsn_ms last_due; /* without shuffling, completions keep their order */
    bool damaged; /* it was: it may have held more than there was at once */
};

struct options;

/* What this store makes of what was drawn. */
void store_adjust(struct options *options);

void store_init(struct sim *sim);
void store_take(struct sim *sim, const struct gw_store_action *action,
                const uint8_t *data);
/* Keeps a message that the broker delivers, before it is acknowledged; its
 * number, or 0 when nothing lasts. False: the gateway died of it, and lives
 * again. */
bool store_arrival(struct sim *sim, const struct outgoing *outgoing,
                   uint32_t *ret_number);
/* The process ends in order, and closes it: all that it was given is kept, and
 * told of no more. True: so it is, and there was room for more. */
bool store_close(struct sim *sim);
/* The process has ended: what is on the disk is in 'records', in restore order.
 * True: what it had reported as stored since its last flush may be lost. */
bool store_crash(struct sim *sim);
/* The engine would not have this one: it shall not come again. */
void store_refused(struct sim *sim, const struct store_record *record);
bool store_is_idle(const struct sim *sim);
/* Everybody has left: nothing is kept of anybody (L3). */
void store_expect_nothing(struct sim *sim);
void store_free(struct store *store);

#endif
