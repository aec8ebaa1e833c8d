/* SPDX-License-Identifier: MIT */
/*
 * table.h - an index from hashes to block indices: open addressing.
 *
 * The table knows hashes and indices, never keys. A lookup walks the
 * candidates and the caller compares:
 *
 *     for (uint32_t i = gw_table_first(t, hash, &probe); i != 0;
 *          i = gw_table_next(t, &probe))
 *         if (is_it(i)) return i;
 *
 * It is sized for its capacity at start, at most four fifths full, and never
 * grows. Removal shifts back, so there are no tombstones.
 */
#ifndef GW_TABLE_H
#define GW_TABLE_H

#include "mqttsn/status.h"

#include <stdint.h>

struct gw_table_slot {
    uint32_t tag;   /* low half of the hash */
    uint32_t index; /* 0: empty */
};

struct gw_table {
    struct gw_table_slot *slots;
    uint32_t size; /* slots; at least one of them is empty */
    uint32_t used;
    uint32_t capacity;
};

struct gw_table_probe {
    uint32_t tag;
    uint32_t at;
};

MQTTSN_CHECKED enum mqttsn_status gw_table_init(struct gw_table *table,
                                                uint32_t capacity);
void gw_table_fini(struct gw_table *table);
uint64_t gw_table_size(uint32_t capacity);

/* The low half of a hash is the tag, and says where its probe begins: slots
 * lie in the order of tags, so entries can be shifted without asking for their
 * keys. */
static inline uint32_t gw_table_home(const struct gw_table *table, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * table->size >> 32);
}

static inline uint32_t gw_table_next(const struct gw_table *table,
                                     struct gw_table_probe *probe)
{
    for (;;) {
        const struct gw_table_slot *slot = &table->slots[probe->at];

        if (slot->index == 0)
            return 0;
        if (++probe->at == table->size)
            probe->at = 0;
        if (slot->tag == probe->tag)
            return slot->index;
    }
}

static inline uint32_t gw_table_first(const struct gw_table *table,
                                      uint64_t hash,
                                      struct gw_table_probe *probe)
{
    probe->tag = (uint32_t)hash;
    probe->at = gw_table_home(table, probe->tag);
    return gw_table_next(table, probe);
}

/* 'index' must not be in the table yet, nor the table at its capacity. */
void gw_table_insert(struct gw_table *table, uint64_t hash, uint32_t index);

/* 'index' must be in the table under 'hash'. */
void gw_table_remove(struct gw_table *table, uint64_t hash, uint32_t index);

void gw_table_empty(struct gw_table *table);

#endif
