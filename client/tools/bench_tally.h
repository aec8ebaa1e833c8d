/* SPDX-License-Identifier: MIT */
/*
 * bench_tally.h - what arrived: numbers seen, and how long it took.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* How far behind the newest number an old one is still told from a repeated
 * one. */
#define BENCH_TALLY_WINDOW 512u

/* One stream's numbers. All zero is a new one. */
struct bench_tally {
    uint32_t next;  /* one above the highest number seen; 0: none was */
    uint32_t count; /* different numbers seen */
    uint32_t repeated;
    uint32_t late; /* after a higher one */
    uint64_t seen[BENCH_TALLY_WINDOW / 64];
};

/* Takes note of a number. True when it is seen for the first time. One that is
 * too old to tell counts as repeated. */
bool bench_tally_add(struct bench_tally *tally, uint32_t number);

/* Values in microseconds, to within 2 %, without limit of their number. */
#define BENCH_SPREAD_STEPS 64u
#define BENCH_SPREAD_PLACES (28u * BENCH_SPREAD_STEPS)

struct bench_spread {
    uint64_t count, sum, max;
    uint64_t at[BENCH_SPREAD_PLACES];
};

void bench_spread_add(struct bench_spread *spread, uint64_t value);

/* The value that a share of all does not exceed: 0.5 is the median. 0 when
 * there is none. */
uint64_t bench_spread_part(const struct bench_spread *spread, double share);

#endif
