/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <assert.h>
#include <stdlib.h>

uint64_t gw_heap_size(uint32_t capacity)
{
    return (uint64_t)capacity * sizeof(struct gw_heap_entry) +
           ((uint64_t)capacity + 1) * sizeof(uint32_t);
}

enum mqttsn_status gw_heap_init(struct gw_heap *heap, uint32_t capacity)
{
    /* malloc(0) may answer NULL, which would read as a failure. */
    size_t count = capacity > 0 ? capacity : 1;

    if (capacity == UINT32_MAX || gw_heap_size(capacity) > SIZE_MAX)
        return MQTTSN_ENOSPACE;

    struct gw_heap_entry *entries = malloc(count * sizeof(*entries));
    uint32_t *places = calloc((size_t)capacity + 1, sizeof(*places));

    if (entries == NULL || places == NULL)
        goto fail;
    *heap = (struct gw_heap){
        .entries = entries, .places = places, .capacity = capacity};
    return MQTTSN_OK;

fail:
    free(places);
    free(entries);
    return MQTTSN_ENOSPACE;
}

void gw_heap_fini(struct gw_heap *heap)
{
    free(heap->entries);
    free(heap->places);
    *heap = (struct gw_heap){0};
}

static void put(struct gw_heap *heap, uint32_t at, struct gw_heap_entry entry)
{
    heap->entries[at] = entry;
    heap->places[entry.item] = at + 1;
}

/* Puts 'entry' at the free place 'at' or above it. */
static void rise(struct gw_heap *heap, uint32_t at, struct gw_heap_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (heap->entries[parent].key <= entry.key)
            break;
        put(heap, at, heap->entries[parent]);
        at = parent;
    }
    put(heap, at, entry);
}

/* Puts 'entry' at the free place 'at' or below it. */
static void sink(struct gw_heap *heap, uint32_t at, struct gw_heap_entry entry)
{
    for (;;) {
        uint64_t child = (uint64_t)at * 2 + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            heap->entries[child + 1].key < heap->entries[child].key)
            child++;
        if (entry.key <= heap->entries[child].key)
            break;
        put(heap, at, heap->entries[child]);
        at = (uint32_t)child;
    }
    put(heap, at, entry);
}

/* Fills the free place 'at', whose former key was 'old_key'. */
static void settle(struct gw_heap *heap, uint32_t at, uint64_t old_key,
                   struct gw_heap_entry entry)
{
    if (entry.key < old_key)
        rise(heap, at, entry);
    else
        sink(heap, at, entry);
}

void gw_heap_set(struct gw_heap *heap, uint32_t item, uint64_t key)
{
    struct gw_heap_entry entry = {key, item};

    assert(item != 0 && item <= heap->capacity);
    if (heap->places[item] != 0) {
        uint32_t at = heap->places[item] - 1;

        settle(heap, at, heap->entries[at].key, entry);
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
    uint64_t key = heap->entries[at].key;

    heap->places[item] = 0;
    heap->count--;
    if (at != heap->count)
        settle(heap, at, key, heap->entries[heap->count]);
}

uint32_t gw_heap_top(const struct gw_heap *heap, uint64_t *ret_key)
{
    if (heap->count == 0)
        return 0;
    if (ret_key != NULL)
        *ret_key = heap->entries[0].key;
    return heap->entries[0].item;
}

int gw_heap_has(const struct gw_heap *heap, uint32_t item, uint64_t *ret_key)
{
    assert(item != 0 && item <= heap->capacity);
    if (heap->places[item] == 0)
        return 0;
    if (ret_key != NULL)
        *ret_key = heap->entries[heap->places[item] - 1].key;
    return 1;
}
