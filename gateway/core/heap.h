/* SPDX-License-Identifier: MIT */
/*
 * heap.h - indexed binary heap: numbered items ordered by a 64-bit key.
 *
 * The least key is on top. Items are block indices 1..capacity; each is in the
 * heap at most once and can be moved or removed where it stands. Used for
 * deadlines (key: due time) and for the fullest queue (key: ~octets).
 */
#ifndef GW_HEAP_H
#define GW_HEAP_H

#include "mqttsn/status.h"

#include <stdint.h>

struct gw_heap {
    uint64_t *keys; /* by place */
    uint32_t *items;
    uint32_t *places; /* by item: its place + 1, 0 when absent */
    uint32_t count;
    uint32_t capacity;
};

MQTTSN_CHECKED enum mqttsn_status gw_heap_init(struct gw_heap *heap,
                                               uint32_t capacity);
void gw_heap_fini(struct gw_heap *heap);
uint64_t gw_heap_size(uint32_t capacity);

/* Puts 'item' in, or moves it to its new key. */
void gw_heap_set(struct gw_heap *heap, uint32_t item, uint64_t key);

/* Takes 'item' out; nothing when it is not in. */
void gw_heap_remove(struct gw_heap *heap, uint32_t item);

/* The item with the least key, 0 when empty; '*ret_key' may be NULL. */
uint32_t gw_heap_top(const struct gw_heap *heap, uint64_t *ret_key);

/* Whether 'item' is in, and its key. */
int gw_heap_has(const struct gw_heap *heap, uint32_t item, uint64_t *ret_key);

#endif
