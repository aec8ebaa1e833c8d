/* SPDX-License-Identifier: MIT */
#include "bucket.h"

/* What came since the last look. */
static void fill(struct gw_bucket *bucket, uint64_t rate, uint64_t most,
                 mqttsn_ms now)
{
    uint64_t tokens = bucket->tokens + rate * (now - bucket->since);

    bucket->since = now;
    bucket->tokens = (uint32_t)(tokens < most ? tokens : most);
}

bool gw_bucket_take(struct gw_bucket *bucket, uint32_t rate, uint32_t burst,
                    mqttsn_ms now)
{
    fill(bucket, rate, (uint64_t)burst * 1000, now);
    if (bucket->tokens < 1000)
        return false;
    bucket->tokens -= 1000;
    return true;
}

mqttsn_ms gw_bucket_due(struct gw_bucket *bucket, uint32_t rate, uint64_t most,
                        mqttsn_ms now)
{
    if (rate == 0)
        return 0;
    fill(bucket, rate, most, now);
    if (bucket->tokens >= 1000)
        return 0;
    return now + (1000 - bucket->tokens + rate - 1) / rate;
}
