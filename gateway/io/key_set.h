/* SPDX-License-Identifier: MIT */
/*
 * key_set.h - which records the database has, in memory.
 *
 * It tells whether something that is forgotten has to be deleted on the disk
 * or never got there, without asking the disk. 12 octets for each slot, at
 * most 3/4 of them in use. Keys are numbers of our own, which nobody outside
 * chooses.
 *
 * Not locked: one thread changes it, others may look under a lock that they
 * share with it.
 */
#ifndef GW_KEY_SET_H
#define GW_KEY_SET_H

#include "mqttsn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_key {
    uint32_t kind; /* not 0 */
    uint32_t owner;
    uint32_t item;
};

/* All zero is an empty one. The fields are private. */
struct gw_key_set {
    struct gw_key *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

/* MQTTSN_OK, also when it is in already; MQTTSN_ENOSPACE: no memory. */
MQTTSN_CHECKED enum mqttsn_status gw_key_set_add(struct gw_key_set *set,
                                                 struct gw_key key);
/* Makes room, so that the next 'count' additions succeed. */
MQTTSN_CHECKED enum mqttsn_status gw_key_set_reserve(struct gw_key_set *set,
                                                     size_t count);
bool gw_key_set_has(const struct gw_key_set *set, struct gw_key key);
void gw_key_set_remove(struct gw_key_set *set, struct gw_key key);
void gw_key_set_free(struct gw_key_set *set);

#endif
