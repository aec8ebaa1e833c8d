/* SPDX-License-Identifier: MIT */
/*
 * vias.h - the ways by which sessions are answered, each kept once.
 *
 * A gateway has a few addresses and interfaces, and thousands of nodes that
 * talk to them: a session keeps the number of a way and not the way itself.
 * Holders are counted. Number 0 is no way at all: all zero.
 */
#ifndef GW_VIAS_H
#define GW_VIAS_H

#include "address.h"
#include "slab.h"
#include "table.h"

struct gw_kept_via {
    uint32_t refs;
    struct gw_via via;
};

struct gw_vias {
    struct gw_slab slab;
    struct gw_table table;
    uint8_t seed[16];
};

/* For so many holders: if each has a way of its own, there is still one left
 * for the change from one to another. */
MQTTSN_CHECKED enum mqttsn_status gw_vias_init(struct gw_vias *vias,
                                               uint32_t max_holders,
                                               const uint8_t seed[16]);
void gw_vias_fini(struct gw_vias *vias);
uint64_t gw_vias_size(uint32_t max_holders);

extern const struct gw_via gw_via_none;

static inline const struct gw_via *gw_via_at(const struct gw_vias *vias,
                                             uint32_t number)
{
    const struct gw_kept_via *kept;

    if (number == 0)
        return &gw_via_none;
    kept = gw_slab_at(&vias->slab, number);
    return &kept->via;
}

/* '*number' is a holder's: it holds 'via' from here on, and what it held
 * before no more. */
void gw_via_change(struct gw_vias *vias, uint32_t *number,
                   const struct gw_via *via);

/* The same, where it will hardly ever be another. */
static inline void gw_via_set(struct gw_vias *vias, uint32_t *number,
                              const struct gw_via *via)
{
    const struct gw_via *now = gw_via_at(vias, *number);

    if (memcmp(now, via, sizeof(*via)) != 0)
        gw_via_change(vias, number, via);
}

/* It holds none. */
void gw_via_clear(struct gw_vias *vias, uint32_t *number);

#endif
