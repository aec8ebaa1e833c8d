/* SPDX-License-Identifier: MIT */
/*
 * forward_times.h - how long the broker takes for what it has to acknowledge.
 *
 * A publish of QoS 1 or 2 is noted under its token when it is handed to the
 * broker's side, and measured when its result is taken. There is room for as
 * many as are usually under way; one more, next to others, is not measured.
 *
 * Pure: no clock, no allocation.
 */
#ifndef GW_FORWARD_TIMES_H
#define GW_FORWARD_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#define GW_FORWARD_SLOTS 256

/* Upper bounds in microseconds; there is one more, without a bound. */
#define GW_FORWARD_BOUNDS                                                      \
    {                                                                          \
        1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,         \
            1000000, 2500000, 10000000, 30000000                               \
    }
#define GW_FORWARD_BUCKETS 14

/* Begins with zeros. */
struct gw_forward_times {
    uint64_t count[GW_FORWARD_BUCKETS]; /* not summed up */
    uint64_t sum_us;
    struct { /* private */
        uint64_t token, since_us;
    } slots[GW_FORWARD_SLOTS];
};

/* 'token' is not 0, and not noted already. */
void gw_forward_begin(struct gw_forward_times *times, uint64_t token,
                      uint64_t now_us);

/* It has ended, and unless 'acknowledged' counts for nothing. */
void gw_forward_end(struct gw_forward_times *times, uint64_t token,
                    bool acknowledged, uint64_t now_us);

#endif
