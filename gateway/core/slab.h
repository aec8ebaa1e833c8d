/* SPDX-License-Identifier: MIT */
/*
 * slab.h - a fixed number of blocks of one size, named by 32-bit index.
 *
 * The memory is reserved once and touched only when a block is first taken: a
 * high-water mark tells what was ever used, a list threads through what came
 * back. Index 0 is never given out and means "none". A pointer from 'at' holds
 * until the block is given back; the slab never moves.
 */
#ifndef GW_SLAB_H
#define GW_SLAB_H

#include "mqttsn/status.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gw_slab {
    uint8_t *base;
    uint32_t block_size; /* rounded up to 4 octets */
    uint32_t capacity;
    uint32_t high; /* blocks 1..high were taken at least once */
    uint32_t free_head;
    uint32_t used;
};

/* Reserves room for 'capacity' blocks. MQTTSN_ENOSPACE: it cannot be had. */
MQTTSN_CHECKED enum mqttsn_status
gw_slab_init(struct gw_slab *slab, size_t block_size, uint32_t capacity);
void gw_slab_fini(struct gw_slab *slab);

/* Octets that gw_slab_init would reserve. */
uint64_t gw_slab_size(size_t block_size, uint32_t capacity);

/* An assertion that failed, below. Out of line: an assertion says where it is
 * and what it asks, and these are in every look at an object. */
_Noreturn void gw_slab_misused(void);

/* The block of an index that is taken. */
static inline void *gw_slab_at(const struct gw_slab *slab, uint32_t index)
{
    if (index - 1 >= slab->high) /* 0 is none of them */
        gw_slab_misused();
    return slab->base + (size_t)(index - 1) * slab->block_size;
}

/* One that was never taken; 0 when there is none. Private. */
uint32_t gw_slab_take_new(struct gw_slab *slab);

/* A zeroed block, or 0 when all are taken. */
static inline uint32_t gw_slab_take(struct gw_slab *slab)
{
    uint32_t index = slab->free_head, no_link = 0;

    /* What came back goes out first: those pages are touched already. */
    if (index == 0)
        return gw_slab_take_new(slab);
    memcpy(&slab->free_head, gw_slab_at(slab, index), sizeof(no_link));
    memcpy(gw_slab_at(slab, index), &no_link, sizeof(no_link));
    slab->used++;
    return index;
}

/* As gw_slab_give, for a block that the caller has zeroed, or of octets that
 * mean nothing by themselves: what is in it will be in it when it is taken. */
static inline void gw_slab_give_as_is(struct gw_slab *slab, uint32_t index)
{
    void *block = gw_slab_at(slab, index);

    if (slab->used == 0 || index == slab->free_head)
        gw_slab_misused();
    memcpy(block, &slab->free_head, sizeof(slab->free_head));
    slab->free_head = index;
    slab->used--;
}

/* Gives back a block that is taken. One that is free reads as zeros behind its
 * link, so that whoever still knows its index can see that what it meant is
 * gone. */
static inline void gw_slab_give(struct gw_slab *slab, uint32_t index)
{
    memset(gw_slab_at(slab, index), 0, slab->block_size);
    gw_slab_give_as_is(slab, index);
}

#endif
