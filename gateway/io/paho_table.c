/* SPDX-License-Identifier: MIT */
#include "io/paho_table.h"

#include <assert.h>
#include <stdlib.h>

#define NONE UINT32_MAX

enum mqttsn_status gw_paho_table_init(struct gw_paho_table *table,
                                      uint32_t capacity, void *owner)
{
    assert(capacity > 0 && capacity <= UINT16_MAX);
    *table = (struct gw_paho_table){.capacity = capacity};
    table->entries = calloc(capacity, sizeof(*table->entries));
    if (!table->entries)
        return MQTTSN_ENOSPACE;
    for (uint32_t i = 0; i < capacity; i++) {
        table->entries[i].owner = owner;
        table->entries[i].next = i + 1 < capacity ? i + 1 : NONE;
    }
    for (int i = 0; i < GW_PAHO_LISTS; i++)
        table->lists[i].first = table->lists[i].last = NONE;
    return MQTTSN_OK;
}

void gw_paho_table_fini(struct gw_paho_table *table)
{
    free(table->entries);
    table->entries = NULL;
}

static uint32_t index_of(const struct gw_paho_table *table,
                         const struct gw_paho_entry *entry)
{
    return (uint32_t)(entry - table->entries);
}

static struct gw_paho_entry *at(struct gw_paho_table *table, uint32_t index)
{
    return index == NONE ? NULL : &table->entries[index];
}

static void link_last(struct gw_paho_table *table, enum gw_paho_list list,
                      struct gw_paho_entry *entry)
{
    uint32_t index = index_of(table, entry);

    entry->list = (uint8_t)list;
    entry->previous = table->lists[list].last;
    entry->next = NONE;
    if (entry->previous == NONE)
        table->lists[list].first = index;
    else
        at(table, entry->previous)->next = index;
    table->lists[list].last = index;
    table->lists[list].count++;
    table->qos2 += list == GW_PAHO_ACKED && entry->qos == 2;
}

static void unlink_entry(struct gw_paho_table *table,
                         struct gw_paho_entry *entry)
{
    enum gw_paho_list list = entry->list;

    if (entry->previous == NONE)
        table->lists[list].first = entry->next;
    else
        at(table, entry->previous)->next = entry->next;
    if (entry->next == NONE)
        table->lists[list].last = entry->previous;
    else
        at(table, entry->next)->previous = entry->previous;
    table->lists[list].count--;
    table->qos2 -= list == GW_PAHO_ACKED && entry->qos == 2;
}

struct gw_paho_entry *gw_paho_table_add(struct gw_paho_table *table,
                                        enum gw_paho_list list, uint8_t qos,
                                        uint64_t token)
{
    struct gw_paho_entry *entry = at(table, table->free);

    if (!entry)
        return NULL;
    table->free = entry->next;
    *entry = (struct gw_paho_entry){.owner = entry->owner,
                                    .token = token,
                                    .order = table->next_order++,
                                    .state = GW_PAHO_HELD,
                                    .qos = qos};
    link_last(table, list, entry);
    return entry;
}

void gw_paho_table_remove(struct gw_paho_table *table,
                          struct gw_paho_entry *entry)
{
    assert(entry->state != GW_PAHO_FREE);
    unlink_entry(table, entry);
    entry->state = GW_PAHO_FREE;
    entry->next = table->free;
    table->free = index_of(table, entry);
}

void gw_paho_table_make_stale(struct gw_paho_table *table,
                              struct gw_paho_entry *entry)
{
    assert(entry->state == GW_PAHO_HELD);
    unlink_entry(table, entry);
    link_last(table, GW_PAHO_STALE, entry);
}

struct gw_paho_entry *gw_paho_table_first(struct gw_paho_table *table,
                                          enum gw_paho_list list)
{
    return at(table, table->lists[list].first);
}

struct gw_paho_entry *gw_paho_table_next(struct gw_paho_table *table,
                                         const struct gw_paho_entry *entry)
{
    return at(table, entry->next);
}

uint32_t gw_paho_table_count(const struct gw_paho_table *table)
{
    uint32_t count = 0;

    for (int i = 0; i < GW_PAHO_OPEN_LISTS; i++)
        count += table->lists[i].count;
    return count;
}
