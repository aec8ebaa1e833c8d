/* SPDX-License-Identifier: MIT */
/*
 * bucket.h - token buckets: how often something may happen.
 *
 * They have no deadlines of their own, and cost nothing while nobody asks.
 */
#ifndef GW_BUCKET_H
#define GW_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "mqttsn/time.h"

struct gw_bucket {
    uint32_t tag;    /* whose it is, where they are shared */
    uint32_t tokens; /* thousandths, so that a millisecond brings 'rate' */
    mqttsn_ms since;
};

/* Takes a token from a bucket that refills at 'rate' a second up to 'burst'. */
bool gw_bucket_take(struct gw_bucket *bucket, uint32_t rate, uint32_t burst,
                    mqttsn_ms now);

/* When a bucket of at most 'most' thousandths has a token; 0: it has one now,
 * which is the caller's to take, or 'rate' is 0, which is no limit. */
mqttsn_ms gw_bucket_due(struct gw_bucket *bucket, uint32_t rate, uint64_t most,
                        mqttsn_ms now);

#endif
