/* SPDX-License-Identifier: MIT */
#include "slab.h"

#include <assert.h>
#include <stdlib.h>

/* The link of a free block needs it; whatever needs more has a size that is a
 * multiple of what it needs. */
enum { ALIGNMENT = sizeof(uint32_t) };

static uint64_t round_up(size_t block_size)
{
    return ((uint64_t)block_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint64_t gw_slab_size(size_t block_size, uint32_t capacity)
{
    return round_up(block_size) * capacity;
}

enum mqttsn_status gw_slab_init(struct gw_slab *slab, size_t block_size,
                                uint32_t capacity)
{
    uint8_t *base = NULL;

    /* Below 2^31 octets a block, the product cannot leave 64 bits. */
    assert(block_size > 0 && block_size <= INT32_MAX);

    uint64_t size = gw_slab_size(block_size, capacity);

    if (size > SIZE_MAX)
        return MQTTSN_ENOSPACE;
    if (size > 0) {
        base = malloc((size_t)size);
        if (base == NULL)
            return MQTTSN_ENOSPACE;
    }
    *slab = (struct gw_slab){.base = base,
                             .block_size = (uint32_t)round_up(block_size),
                             .capacity = capacity};
    return MQTTSN_OK;
}

void gw_slab_fini(struct gw_slab *slab)
{
    free(slab->base);
    *slab = (struct gw_slab){0};
}

void gw_slab_misused(void)
{
    assert(!"a block that is not taken is used");
    abort();
}

uint32_t gw_slab_take_new(struct gw_slab *slab)
{
    if (slab->high == slab->capacity)
        return 0;
    slab->high++;
    slab->used++;
    memset(gw_slab_at(slab, slab->high), 0, slab->block_size);
    return slab->high;
}
