/* SPDX-License-Identifier: MIT */
/*
 * sim.h - one world, from one seed.
 *
 *   nodes, library nodes, villains        broker, store
 *             |        ^                    ^      |
 *             v        |                    |      v
 *           network (net.h)             gateway.h: the engine, its polls and
 *             |        ^                its deaths
 *             v        |                    ^
 *             +--------+--------------------+
 *                      |
 *               oracle.h watches the engine's door
 *
 * Everything that will happen is an event in one queue; time is a number. The
 * same seed gives the same run to the last octet. The oracle stands at the
 * engine's door and sees exactly what the engine sees and says; it shares no
 * code with the engine or the codec. So a promise is checked by what was said
 * at the door, not by what a node, which may lie, makes of it.
 *
 * A run has two parts. In the first, trouble: whatever the options draw. Then
 * everything is healed, and within a bounded time all that was promised must
 * have come true; at the end everybody leaves, and the tables must be empty.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <setjmp.h>
#include <stdio.h>

#include "broker.h"
#include "frames.h"
#include "gateway.h"
#include "library.h"
#include "links.h"
#include "net.h"
#include "node.h"
#include "options.h"
#include "oracle.h"
#include "queue.h"
#include "random.h"
#include "rules.h"
#include "stats.h"
#include "store.h"
#include "villain.h"

#define SIM_NODES 24
#define SIM_LIBRARIES 4
#define SIM_VILLAINS 16

struct sim {
    uint64_t seed;
    struct options o;
    mqttsn_ms now, started;
    mqttsn_ms jumped_at; /* the clock, last */
    bool healed;         /* no more trouble is made */
    bool leaving;        /* nobody begins anything */
    uint64_t hash;       /* of all that happened */
    uint64_t events;
    struct queue queue;
    struct event *running; /* taken from the queue */
    struct net net;
    struct gateway gw;
    struct store store;
    struct broker broker;
    struct links links;
    struct oracle oracle;
    struct node nodes[SIM_NODES];
    size_t node_count;
    struct library libraries[SIM_LIBRARIES];
    size_t library_count;
    struct villain villains[SIM_VILLAINS];
    size_t villain_count;
    struct stats *stats; /* over all seeds of this process */
    FILE *trace;         /* NULL: none is written */
    jmp_buf failed;
    char failure[600];
};

/* Lives one life; true when no promise was broken, else 'failure' says which.
 * 'sim' may be used again. */
bool sim_run(struct sim *sim, uint64_t seed, const struct options *options);
void sim_free(struct sim *sim);

/* A promise was broken: ends the run. 'which' is S1..S14, L1..L5 or a word. */
void sim_fail(struct sim *sim, const char *which, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

void sim_trace_line(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Costs nothing when there is no trace. */
#define sim_trace(sim, ...)                                                    \
    ((sim)->trace != NULL ? sim_trace_line((sim), __VA_ARGS__) : (void)0)

/* Has something happen once, after a pause with that mean; 0: never. */
void sim_later(struct sim *sim, struct rng *random, int64_t mean_ms,
               event_run *happens);

/* Adds to the hash by which two runs of one seed are compared. */
void sim_mix(struct sim *sim, const void *data, size_t len);

/* Lets time pass, with all that happens meanwhile. */
void sim_until(struct sim *sim, mqttsn_ms time);

/* After the trouble: heals, waits, probes, empties. See heal.c. */
void sim_heal(struct sim *sim);
/* When all is well: each node does one of everything. See errands.c. */
void errands(struct sim *sim);

#endif
