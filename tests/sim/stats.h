/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what a number of seeds has covered, counted by the program.
 */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include <stdint.h>
#include <stdio.h>

/* Unknown, then enum gw_state. */
#define STATS_STATES 7
#define STATS_TYPES 32
#define STATS_ARTS 16

struct stats {
    uint64_t hash; /* of all runs; the same whatever compiled this program */
    uint64_t seeds, twice, events;
    uint64_t node_ms, gateway_ms;
    uint64_t datagrams_in, datagrams_out, malformed;
    uint64_t rate_refused; /* more than source_rate allows */
    uint64_t up_publishes, down_offers, down_delivered, dropped;
    uint64_t crashes, ends, breaks, records_restored;
    uint64_t wills, repetitions, awake_periods;
    uint64_t attacks[STATS_ARTS];
    uint64_t searches_answered, advertised;
    /* of the store on a disk: deaths in the middle of an operation, deaths by
     * what the disk kept (all, what was synced, some besides), gaps that this
     * left, sessions that were nevertheless held to everything */
    uint64_t store_failures;
    uint64_t store_cuts, store_losses[3], store_gaps, store_strict;
    uint64_t store_flushes;
    uint64_t cells[STATS_STATES][STATS_TYPES];
    uint64_t changes[STATS_STATES][STATS_STATES];
};

void stats_print(const struct stats *stats, FILE *to);

#endif
