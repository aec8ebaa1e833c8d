/* SPDX-License-Identifier: MIT */
#include "forward_times.h"

/* Slots in which a token may be. */
#define PROBES 8u

static unsigned slot_of(uint64_t token, unsigned probe)
{
    return (unsigned)((token * UINT64_C(0x9e3779b97f4a7c15)) >> 56) + probe;
}

void gw_forward_begin(struct gw_forward_times *times, uint64_t token,
                      uint64_t now_us)
{
    for (unsigned i = 0; i < PROBES; i++) {
        unsigned slot = slot_of(token, i) % GW_FORWARD_SLOTS;

        if (times->slots[slot].token == 0) {
            times->slots[slot].token = token;
            times->slots[slot].since_us = now_us;
            return;
        }
    }
}

static void measure(struct gw_forward_times *times, uint64_t us)
{
    static const uint32_t bounds[] = GW_FORWARD_BOUNDS;
    unsigned bucket = 0;

    while (bucket < GW_FORWARD_BUCKETS - 1 && us > bounds[bucket])
        bucket++;
    times->count[bucket]++;
    times->sum_us += us;
}

void gw_forward_end(struct gw_forward_times *times, uint64_t token,
                    bool acknowledged, uint64_t now_us)
{
    for (unsigned i = 0; i < PROBES; i++) {
        unsigned slot = slot_of(token, i) % GW_FORWARD_SLOTS;

        if (times->slots[slot].token == token) {
            if (acknowledged)
                measure(times, now_us - times->slots[slot].since_us);
            times->slots[slot].token = 0;
            return;
        }
    }
}
