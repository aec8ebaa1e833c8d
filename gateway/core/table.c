/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* With more, the number of slots would not fit 32 bits. */
static const uint32_t most = UINT32_C(1) << 31;

static uint64_t slot_count(uint32_t capacity)
{
    return (uint64_t)capacity + capacity / 4 + 2;
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
        .slots = slots, .size = (uint32_t)count, .capacity = capacity};
    return MQTTSN_OK;
}

void gw_table_fini(struct gw_table *table)
{
    free(table->slots);
    *table = (struct gw_table){0};
}

static uint32_t after(const struct gw_table *table, uint32_t at)
{
    return at + 1 == table->size ? 0 : at + 1;
}

/* Slots from 'from' on to 'to', across the end if need be. */
static uint32_t distance(const struct gw_table *table, uint32_t from,
                         uint32_t to)
{
    return to >= from ? to - from : to + (table->size - from);
}

void gw_table_insert(struct gw_table *table, uint64_t hash, uint32_t index)
{
    uint32_t tag = (uint32_t)hash;
    uint32_t at = gw_table_home(table, tag);

    assert(index != 0 && table->used < table->capacity);
    while (table->slots[at].index != 0) {
        assert(table->slots[at].index != index);
        at = after(table, at);
    }
    table->slots[at] = (struct gw_table_slot){tag, index};
    table->used++;
}

void gw_table_remove(struct gw_table *table, uint64_t hash, uint32_t index)
{
    uint32_t hole = gw_table_home(table, (uint32_t)hash);

    assert(index != 0);
    while (table->slots[hole].index != index) {
        assert(table->slots[hole].index != 0);
        hole = after(table, hole);
    }
    /* Whatever follows without a gap may stand there only because the hole was
     * taken: it moves back unless that would put it before its home. */
    for (uint32_t at = after(table, hole); table->slots[at].index != 0;
         at = after(table, at)) {
        uint32_t home = gw_table_home(table, table->slots[at].tag);

        if (distance(table, home, at) >= distance(table, hole, at)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct gw_table_slot){0, 0};
    table->used--;
}

void gw_table_empty(struct gw_table *table)
{
    if (table->used == 0)
        return;
    memset(table->slots, 0, (size_t)table->size * sizeof(*table->slots));
    table->used = 0;
}
