/* SPDX-License-Identifier: MIT */
#include "key_set.h"

#include <stdlib.h>

#define SLOTS_MIN 64u

static size_t home_of(const struct gw_key_set *set, struct gw_key key)
{
    uint64_t x = ((uint64_t)key.owner << 32 | key.item) +
                 key.kind * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 31;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    return (size_t)x & (set->slot_count - 1);
}

static bool equal(struct gw_key a, struct gw_key b)
{
    return a.kind == b.kind && a.owner == b.owner && a.item == b.item;
}

/* Where it is, or where it would go. */
static size_t find(const struct gw_key_set *set, struct gw_key key)
{
    size_t at = home_of(set, key);

    while (set->slots[at].kind != 0 && !equal(set->slots[at], key))
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

/* Whether so many may be in so many slots. */
static bool fits(size_t count, size_t slots)
{
    return 4 * count <= 3 * slots;
}

static bool grow(struct gw_key_set *set, size_t count)
{
    struct gw_key_set bigger = {.slot_count = SLOTS_MIN, .count = set->count};

    while (!fits(count, bigger.slot_count))
        bigger.slot_count *= 2;

    bigger.slots = calloc(bigger.slot_count, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].kind != 0)
            bigger.slots[find(&bigger, set->slots[i])] = set->slots[i];
    }
    free(set->slots);
    *set = bigger;
    return true;
}

enum mqttsn_status gw_key_set_reserve(struct gw_key_set *set, size_t count)
{
    return fits(set->count + count, set->slot_count) ||
                   grow(set, set->count + count)
               ? MQTTSN_OK
               : MQTTSN_ENOSPACE;
}

enum mqttsn_status gw_key_set_add(struct gw_key_set *set, struct gw_key key)
{
    size_t at;

    if (gw_key_set_reserve(set, 1) != MQTTSN_OK)
        return MQTTSN_ENOSPACE;
    at = find(set, key);
    if (set->slots[at].kind == 0) {
        set->slots[at] = key;
        set->count++;
    }
    return MQTTSN_OK;
}

bool gw_key_set_has(const struct gw_key_set *set, struct gw_key key)
{
    return set->count != 0 && set->slots[find(set, key)].kind != 0;
}

void gw_key_set_remove(struct gw_key_set *set, struct gw_key key)
{
    size_t mask = set->slot_count - 1, hole;

    if (set->count == 0)
        return;
    hole = find(set, key);
    if (set->slots[hole].kind == 0)
        return;
    set->count--;
    /* Those behind it that came here because it was taken move up. */
    for (size_t at = (hole + 1) & mask; set->slots[at].kind != 0;
         at = (at + 1) & mask) {
        size_t home = home_of(set, set->slots[at]);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            set->slots[hole] = set->slots[at];
            hole = at;
        }
    }
    set->slots[hole].kind = 0;
}

void gw_key_set_free(struct gw_key_set *set)
{
    free(set->slots);
    *set = (struct gw_key_set){0};
}
