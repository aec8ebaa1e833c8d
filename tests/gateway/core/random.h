/* SPDX-License-Identifier: MIT */
/*
 * random.h - the same numbers in every run: Marsaglia's xorshift64.
 *
 * A model test that fails must fail again; so nothing seeds it but the test.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static inline uint64_t random_u64(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* 0..bound-1 */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((random_u64(state) >> 32) % bound);
}

#endif
