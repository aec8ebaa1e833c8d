/* SPDX-License-Identifier: MIT */
/*
 * counter_names.h - the counters of the engine and of a listener as rows, for
 * whoever shows all of them: their names once, and their numbers beside.
 */
#ifndef GW_COUNTER_NAMES_H
#define GW_COUNTER_NAMES_H

#include "core/counters.h"
#include "udp.h"

#define GW_COUNTER_COUNT (sizeof(struct gw_counters) / sizeof(uint64_t))
#define GW_UDP_COUNTER_COUNT (sizeof(struct gw_udp_counters) / sizeof(uint64_t))

/* In the order of the rows of counters.h, and of udp.h. */
extern const char *const gw_counter_names[GW_COUNTER_COUNT];
extern const char *const gw_udp_counter_names[GW_UDP_COUNTER_COUNT];

/* The number beside name 'i', of either struct. */
static inline uint64_t gw_counter_at(const void *counters, size_t i)
{
    uint64_t number;

    memcpy(&number, (const char *)counters + i * sizeof(number),
           sizeof(number));
    return number;
}

#endif
