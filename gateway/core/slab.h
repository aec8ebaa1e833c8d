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

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

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

/* A zeroed block, or 0 when all are taken. */
uint32_t gw_slab_take(struct gw_slab *slab);

/* Gives back a block that is taken. */
void gw_slab_give(struct gw_slab *slab, uint32_t index);

/* The block of an index that is taken. */
static inline void *gw_slab_at(const struct gw_slab *slab, uint32_t index)
{
    assert(index != 0 && index <= slab->high);
    return slab->base + (size_t)(index - 1) * slab->block_size;
}

#endif
