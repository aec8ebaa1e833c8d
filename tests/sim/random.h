/* SPDX-License-Identifier: MIT */
/*
 * random.h - one stream of random numbers per actor.
 *
 * A stream follows from the seed and the name of its owner and from nothing
 * else, so another actor more, or one that asks more often, shifts nobody's.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void rng_init(struct rng *r, uint64_t seed, const char *name,
                            unsigned number)
{
    uint64_t h = seed * UINT64_C(0x2545f4914f6cdd1d) + number;

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    r->state = h;
    r->state = rng_next(r);
}

/* 0..below-1; 'below' > 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t below)
{
    return (uint32_t)((rng_next(r) >> 32) * below >> 32);
}

/* low..high, both possible. */
static inline uint64_t rng_range(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_next(r) % (high - low + 1);
}

/* True in so many of a thousand cases. */
static inline bool rng_chance(struct rng *r, int64_t permille)
{
    return (int64_t)rng_below(r, 1000) < permille;
}

/* A pause with that mean, never 0, at most eight times as long. */
static inline uint64_t rng_pause(struct rng *r, uint64_t mean)
{
    uint64_t pause = 1 + rng_next(r) % (mean + 1);

    while (pause < 4 * mean && rng_below(r, 3) == 0)
        pause += rng_next(r) % (mean + 1);
    return pause;
}

#endif
