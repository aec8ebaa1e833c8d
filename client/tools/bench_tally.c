/* SPDX-License-Identifier: MIT */
#include "bench_tally.h"

static uint64_t *word_of(struct bench_tally *tally, uint32_t number)
{
    return &tally->seen[number % BENCH_TALLY_WINDOW / 64];
}

static uint64_t bit_of(uint32_t number)
{
    return UINT64_C(1) << number % 64;
}

/* Numbers up to 'number' come into sight, unseen. */
static void move_to(struct bench_tally *tally, uint32_t number)
{
    uint32_t from = tally->next;

    if (number - from >= BENCH_TALLY_WINDOW)
        from = number - BENCH_TALLY_WINDOW + 1;
    for (uint32_t n = from; n != number + 1; n++)
        *word_of(tally, n) &= ~bit_of(n);
    tally->next = number + 1;
}

bool bench_tally_add(struct bench_tally *tally, uint32_t number)
{
    if (number >= tally->next) {
        move_to(tally, number);
    } else if (tally->next - number > BENCH_TALLY_WINDOW ||
               (*word_of(tally, number) & bit_of(number)) != 0) {
        tally->repeated++;
        return false;
    } else {
        tally->late++;
    }
    *word_of(tally, number) |= bit_of(number);
    tally->count++;
    return true;
}

/* Linear up to 64, then 64 places for each doubling. */
static unsigned place_of(uint64_t value)
{
    unsigned shift = 0;
    unsigned place;

    while (value >> shift >= 2 * (uint64_t)BENCH_SPREAD_STEPS)
        shift++;
    place = shift * BENCH_SPREAD_STEPS + (unsigned)(value >> shift);
    return place < BENCH_SPREAD_PLACES ? place : BENCH_SPREAD_PLACES - 1;
}

static uint64_t value_of(unsigned place)
{
    unsigned shift = place / BENCH_SPREAD_STEPS;

    if (shift < 2)
        return place;
    return (uint64_t)(place % BENCH_SPREAD_STEPS + BENCH_SPREAD_STEPS)
           << (shift - 1);
}

void bench_spread_add(struct bench_spread *spread, uint64_t value)
{
    spread->count++;
    spread->sum += value;
    if (value > spread->max)
        spread->max = value;
    spread->at[place_of(value)]++;
}

uint64_t bench_spread_part(const struct bench_spread *spread, double share)
{
    uint64_t wanted = (uint64_t)((double)spread->count * share + 0.9999);
    uint64_t passed = 0;

    if (wanted > spread->count)
        wanted = spread->count;
    for (unsigned place = 0; place < BENCH_SPREAD_PLACES; place++) {
        passed += spread->at[place];
        if (passed >= wanted && passed > 0)
            return place + 1 == BENCH_SPREAD_PLACES ? spread->max
                                                    : value_of(place);
    }
    return 0;
}
