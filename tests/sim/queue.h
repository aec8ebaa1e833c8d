/* SPDX-License-Identifier: MIT */
/*
 * queue.h - what will happen, ordered by (time, sequence).
 *
 * Two events at one instant happen in the order in which they were added, so
 * a run is the same each time. Events are not taken back: who changes its mind
 * counts up a number and ignores those that carry an old one.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "mqttsn/time.h"

struct sim;
struct event;

typedef void event_run(struct sim *sim, struct event *event);

struct event {
    mqttsn_ms at;
    uint64_t sequence;
    event_run *run;
    unsigned actor;  /* of its kind; what 'run' makes of it */
    uint64_t number; /* likewise */
    bool suspect;    /* a datagram: damaged, forged, or a villain's */
    struct gw_addr from, to;
    size_t len;
    uint8_t data[];
};

struct queue {
    struct event **heap;
    size_t count, room;
    uint64_t sequence;
};

/* Adds an event; the fields beyond 'run' are 0. It belongs to the queue. */
struct event *queue_add(struct queue *queue, mqttsn_ms at, event_run *run,
                        const void *data, size_t len);
/* The next one, or NULL; the caller frees what it takes. */
const struct event *queue_peek(const struct queue *queue);
struct event *queue_take(struct queue *queue);
/* Drops all events; the sequence begins anew. */
void queue_clear(struct queue *queue);
void queue_free(struct queue *queue);

#endif
