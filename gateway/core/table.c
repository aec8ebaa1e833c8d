/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <assert.h>
#include <stdlib.h>

/* With more, the number of slots would not fit 32 bits. */
static const uint32_t most = UINT32_C(1) << 30;

static uint64_t slot_count(uint32_t capacity)
{
    uint64_t count = 2;

    while (count < (uint64_t)capacity * 2)
        count *= 2;
    return count;
}

uint64_t gw_table_size(uint32_t capacity)
{
    return slot_count(capacity) * sizeof(struct gw_table_slot);
}

enum mqttsn_status gw_table_init(struct gw_table *table, uint32_t capacity)
{
    if (capacity > most || gw_table_size(capacity) > SIZE_MAX)
        return MQTTSN_ENOSPACE;

    size_t count = (size_t)slot_count(capacity);
    struct gw_table_slot *slots = calloc(count, sizeof(*slots));

    if (slots == NULL)
        return MQTTSN_ENOSPACE;
    *table = (struct gw_table){
        .slots = slots, .mask = (uint32_t)(count - 1), .capacity = capacity};
    return MQTTSN_OK;
}

void gw_table_fini(struct gw_table *table)
{
    free(table->slots);
    *table = (struct gw_table){0};
}

/* The low half of a hash is both the tag and, masked, the slot where its probe
 * begins; so entries can be shifted without asking for their keys. */
static uint32_t home(const struct gw_table *table, uint32_t tag)
{
    return tag & table->mask;
}

uint32_t gw_table_first(const struct gw_table *table, uint64_t hash,
                        struct gw_table_probe *probe)
{
    probe->tag = (uint32_t)hash;
    probe->at = home(table, probe->tag);
    return gw_table_next(table, probe);
}

uint32_t gw_table_next(const struct gw_table *table,
                       struct gw_table_probe *probe)
{
    /* An empty slot ends it; there is one, for half of them are. */
    for (;;) {
        const struct gw_table_slot *slot = &table->slots[probe->at];

        if (slot->index == 0)
            return 0;
        probe->at = (probe->at + 1) & table->mask;
        if (slot->tag == probe->tag)
            return slot->index;
    }
}

void gw_table_insert(struct gw_table *table, uint64_t hash, uint32_t index)
{
    uint32_t tag = (uint32_t)hash;
    uint32_t at = home(table, tag);

    assert(index != 0 && table->used < table->capacity);
    while (table->slots[at].index != 0) {
        assert(table->slots[at].index != index);
        at = (at + 1) & table->mask;
    }
    table->slots[at] = (struct gw_table_slot){tag, index};
    table->used++;
}

void gw_table_remove(struct gw_table *table, uint64_t hash, uint32_t index)
{
    uint32_t mask = table->mask;
    uint32_t hole = home(table, (uint32_t)hash);

    assert(index != 0);
    while (table->slots[hole].index != index) {
        assert(table->slots[hole].index != 0);
        hole = (hole + 1) & mask;
    }
    /* Whatever follows without a gap may stand there only because the hole was
     * taken: it moves back unless that would put it before its home. */
    for (uint32_t at = (hole + 1) & mask; table->slots[at].index != 0;
         at = (at + 1) & mask) {
        uint32_t from_home = (at - home(table, table->slots[at].tag)) & mask;

        if (from_home >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct gw_table_slot){0, 0};
    table->used--;
}
