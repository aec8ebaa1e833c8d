/* SPDX-License-Identifier: MIT */
/*
 * paho_table.h - what has been handed to Paho and has no outcome yet.
 *
 * Paho 1.3.12 does not end every request that it accepts with a callback (see
 * paho_results.c), so the account is kept here. A request is known to Paho by
 * the address of its entry. One whose result was given without Paho's doing
 * becomes stale: the entry is not used again before Paho has called for it or
 * its handle is gone, so that a late callback does no harm.
 *
 * Pure bookkeeping: no lock, no Paho. All memory is taken at init.
 */
#ifndef GW_PAHO_TABLE_H
#define GW_PAHO_TABLE_H

#include "mqttsn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_paho_list {
    GW_PAHO_ACKED,   /* publishes with QoS 1 and 2 */
    GW_PAHO_QOS0,    /* publishes with QoS 0 */
    GW_PAHO_CONTROL, /* subscriptions and unsubscriptions */
    GW_PAHO_STALE,   /* settled, but Paho may still call */
};
#define GW_PAHO_OPEN_LISTS 3 /* those without a result */
#define GW_PAHO_LISTS 4

enum gw_paho_state {
    GW_PAHO_FREE,
    GW_PAHO_HELD,   /* Paho will tell */
    GW_PAHO_FAILED, /* Paho gave it up; the result is still to be given */
};

struct gw_paho_entry {
    void *owner; /* as given to init */
    uint64_t token;
    uint64_t order; /* of submission */
    uint32_t previous;
    uint32_t next;
    uint32_t exchange;  /* the caller's, with QoS 2 */
    uint16_t packet_id; /* 'resumed': under which Paho has it */
    uint8_t list;
    uint8_t state;
    uint8_t qos;
    bool resumed; /* from an earlier handle: known by packet id, not address */
};

/* The caller's memory; 'count' may be read, the rest is private. */
struct gw_paho_table {
    struct gw_paho_entry *entries;
    uint32_t capacity;
    uint32_t free;
    uint64_t next_order;
    struct {
        uint32_t first;
        uint32_t last;
        uint32_t count;
    } lists[GW_PAHO_LISTS];
    uint32_t qos2; /* of the acknowledged ones */
};

/* 'capacity' 1..65535. MQTTSN_ENOSPACE: memory cannot be had. */
MQTTSN_CHECKED enum mqttsn_status
gw_paho_table_init(struct gw_paho_table *table, uint32_t capacity, void *owner);
void gw_paho_table_fini(struct gw_paho_table *table);

/* Adds a request at the end of its list; NULL when the table is full. */
struct gw_paho_entry *gw_paho_table_add(struct gw_paho_table *table,
                                        enum gw_paho_list list, uint8_t qos,
                                        uint64_t token);
void gw_paho_table_remove(struct gw_paho_table *table,
                          struct gw_paho_entry *entry);

/* Moves an entry to the stale ones. */
void gw_paho_table_make_stale(struct gw_paho_table *table,
                              struct gw_paho_entry *entry);

/* In the order of submission; NULL at the end. */
struct gw_paho_entry *gw_paho_table_first(struct gw_paho_table *table,
                                          enum gw_paho_list list);
struct gw_paho_entry *gw_paho_table_next(struct gw_paho_table *table,
                                         const struct gw_paho_entry *entry);

/* How many have no result yet. */
uint32_t gw_paho_table_count(const struct gw_paho_table *table);

#endif
