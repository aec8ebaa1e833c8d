/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    uint64_t key;
    uint32_t item;
};

uint64_t gw_heap_size(uint32_t capacity)
{
    return (uint64_t)capacity * (sizeof(uint64_t) + 2 * sizeof(uint32_t)) +
           sizeof(uint32_t);
}

enum mqttsn_status gw_heap_init(struct gw_heap *heap, uint32_t capacity)
{
    /* malloc(0) may answer NULL, which would read as a failure. */
    size_t count = capacity > 0 ? capacity : 1;

    if (capacity == UINT32_MAX || gw_heap_size(capacity) > SIZE_MAX)
        return MQTTSN_ENOSPACE;

    struct gw_heap made = {
        .keys = malloc(count * sizeof(*made.keys)),
        .items = malloc(count * sizeof(*made.items)),
        .places = calloc((size_t)capacity + 1, sizeof(*made.places)),
        .capacity = capacity};

    if (made.keys == NULL || made.items == NULL || made.places == NULL) {
        gw_heap_fini(&made);
        return MQTTSN_ENOSPACE;
    }
    *heap = made;
    return MQTTSN_OK;
}

void gw_heap_fini(struct gw_heap *heap)
{
    free(heap->keys);
    free(heap->items);
    free(heap->places);
    *heap = (struct gw_heap){0};
}

static struct entry entry_at(const struct gw_heap *heap, uint32_t at)
{
    return (struct entry){heap->keys[at], heap->items[at]};
}

static void put(struct gw_heap *heap, uint32_t at, struct entry entry)
{
    heap->keys[at] = entry.key;
    heap->items[at] = entry.item;
    heap->places[entry.item] = at + 1;
}

/* Puts 'entry' at the free place 'at' or above it. */
static void rise(struct gw_heap *heap, uint32_t at, struct entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (heap->keys[parent] <= entry.key)
            break;
        put(heap, at, entry_at(heap, parent));
        at = parent;
    }
    put(heap, at, entry);
}

/* Puts 'entry' at the free place 'at' or below it. */
static void sink(struct gw_heap *heap, uint32_t at, struct entry entry)
{
    for (;;) {
        uint64_t child = (uint64_t)at * 2 + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            heap->keys[child + 1] < heap->keys[child])
            child++;
        if (entry.key <= heap->keys[child])
            break;
        put(heap, at, entry_at(heap, child));
        at = (uint32_t)child;
    }
    put(heap, at, entry);
}

/* Fills the free place 'at', whose former key was 'old_key'. */
static void settle(struct gw_heap *heap, uint32_t at, uint64_t old_key,
                   struct entry entry)
{
    if (entry.key < old_key)
        rise(heap, at, entry);
    else
        sink(heap, at, entry);
}

void gw_heap_set(struct gw_heap *heap, uint32_t item, uint64_t key)
{
    struct entry entry = {key, item};

    assert(item != 0 && item <= heap->capacity);
    if (heap->places[item] != 0) {
        uint32_t at = heap->places[item] - 1;

        settle(heap, at, heap->keys[at], entry);
    } else {
        heap->count++;
        rise(heap, heap->count - 1, entry);
    }
}

void gw_heap_remove(struct gw_heap *heap, uint32_t item)
{
    assert(item != 0 && item <= heap->capacity);
    if (heap->places[item] == 0)
        return;

    uint32_t at = heap->places[item] - 1;
    uint64_t key = heap->keys[at];

    heap->places[item] = 0;
    heap->count--;
    if (at != heap->count)
        settle(heap, at, key, entry_at(heap, heap->count));
}

uint32_t gw_heap_top(const struct gw_heap *heap, uint64_t *ret_key)
{
    if (heap->count == 0)
        return 0;
    if (ret_key != NULL)
        *ret_key = heap->keys[0];
    return heap->items[0];
}

int gw_heap_has(const struct gw_heap *heap, uint32_t item, uint64_t *ret_key)
{
    assert(item != 0 && item <= heap->capacity);
    if (heap->places[item] == 0)
        return 0;
    if (ret_key != NULL)
        *ret_key = heap->keys[heap->places[item] - 1];
    return 1;
}
