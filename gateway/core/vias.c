/* SPDX-License-Identifier: MIT */
#include "vias.h"

#include "siphash.h"

#include <assert.h>

/* It is compared and hashed as octets. */
_Static_assert(sizeof(struct gw_via) == 24, "no octet between its members");

uint64_t gw_vias_size(uint32_t max_holders)
{
    return gw_slab_size(sizeof(struct gw_kept_via), max_holders + 1) +
           gw_table_size(max_holders + 1);
}

enum mqttsn_status gw_vias_init(struct gw_vias *vias, uint32_t max_holders,
                                const uint8_t seed[16])
{
    struct gw_vias made = {0};

    if (max_holders == UINT32_MAX)
        return MQTTSN_ENOSPACE;
    memcpy(made.seed, seed, sizeof(made.seed));
    if (gw_slab_init(&made.slab, sizeof(struct gw_kept_via), max_holders + 1) !=
            MQTTSN_OK ||
        gw_table_init(&made.table, max_holders + 1) != MQTTSN_OK) {
        gw_vias_fini(&made);
        return MQTTSN_ENOSPACE;
    }
    *vias = made;
    return MQTTSN_OK;
}

void gw_vias_fini(struct gw_vias *vias)
{
    gw_slab_fini(&vias->slab);
    gw_table_fini(&vias->table);
    *vias = (struct gw_vias){0};
}

static struct gw_kept_via *kept_at(const struct gw_vias *vias, uint32_t number)
{
    struct gw_kept_via *kept = gw_slab_at(&vias->slab, number);

    return kept;
}

const struct gw_via gw_via_none;

static uint64_t hash_of(const struct gw_vias *vias, const struct gw_via *via)
{
    return gw_siphash13(vias->seed, via, sizeof(*via));
}

static uint32_t hold(struct gw_vias *vias, const struct gw_via *via)
{
    uint64_t hash = hash_of(vias, via);
    struct gw_table_probe probe;
    uint32_t number = gw_table_first(&vias->table, hash, &probe);

    while (number != 0 &&
           memcmp(&kept_at(vias, number)->via, via, sizeof(*via)) != 0)
        number = gw_table_next(&vias->table, &probe);
    if (number == 0) {
        number = gw_slab_take(&vias->slab);
        assert(number != 0);
        kept_at(vias, number)->via = *via;
        gw_table_insert(&vias->table, hash, number);
    }
    kept_at(vias, number)->refs++;
    return number;
}

static void release(struct gw_vias *vias, uint32_t number)
{
    struct gw_kept_via *kept;

    if (number == 0)
        return;
    kept = kept_at(vias, number);
    assert(kept->refs > 0);
    if (--kept->refs > 0)
        return;
    gw_table_remove(&vias->table, hash_of(vias, &kept->via), number);
    gw_slab_give(&vias->slab, number);
}

void gw_via_change(struct gw_vias *vias, uint32_t *number,
                   const struct gw_via *via)
{
    uint32_t before = *number;

    *number = hold(vias, via);
    release(vias, before);
}

void gw_via_clear(struct gw_vias *vias, uint32_t *number)
{
    release(vias, *number);
    *number = 0;
}
