/* SPDX-License-Identifier: MIT */
#include "io/backoff.h"

void gw_backoff_init(struct gw_backoff *backoff, mqttsn_ms min_ms,
                     mqttsn_ms max_ms, uint64_t seed)
{
    if (min_ms == 0)
        min_ms = 1;
    *backoff = (struct gw_backoff){
        .min_ms = min_ms,
        .max_ms = max_ms > min_ms ? max_ms : min_ms,
        .random = seed,
    };
}

/* splitmix64: enough to spread gateways over a second. */
static uint64_t draw(struct gw_backoff *backoff)
{
    uint64_t z = backoff->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void gw_backoff_share(struct gw_backoff *backoff,
                      struct gw_backoff_losses *losses, bool leads)
{
    backoff->shared = losses;
    backoff->leads = leads;
}

static void count_for_others(struct gw_backoff *backoff)
{
    if (backoff->shared)
        backoff->shared->of[backoff->leads]++;
}

mqttsn_ms gw_backoff_next(struct gw_backoff *backoff)
{
    mqttsn_ms range = backoff->range_ms;
    mqttsn_ms half = range / 2;

    /* A broker that is away is no sign of somebody else. */
    if (!backoff->just_lost) {
        backoff->losses = 0;
        if (range != 0) /* not the first attempt: one has failed */
            count_for_others(backoff);
    }
    backoff->just_lost = false;
    if (range == 0) {
        backoff->range_ms = backoff->min_ms;
        return 0;
    }
    if (range > backoff->max_ms / 2)
        backoff->range_ms = backoff->max_ms;
    else
        backoff->range_ms = range * 2;
    return half + draw(backoff) % (range - half + 1);
}

void gw_backoff_connected(struct gw_backoff *backoff, mqttsn_ms now)
{
    backoff->since = now;
}

static void heed_others(struct gw_backoff *backoff)
{
    const unsigned *others;

    if (!backoff->shared)
        return;
    others = &backoff->shared->of[!backoff->leads];
    if (backoff->shared_seen != *others)
        backoff->losses = 0;
    backoff->shared_seen = *others;
}

/* Whether this loss makes it enough of them. */
static bool is_contest(struct gw_backoff *backoff, mqttsn_ms now)
{
    unsigned n = backoff->losses++;
    mqttsn_ms *at = &backoff->lost_at[n % GW_BACKOFF_CONTEST_LOSSES];
    mqttsn_ms first = backoff->lost_at[(n + 1) % GW_BACKOFF_CONTEST_LOSSES];

    *at = now;
    return backoff->losses >= GW_BACKOFF_CONTEST_LOSSES &&
           now - first <= GW_BACKOFF_CONTEST_MS;
}

bool gw_backoff_lost(struct gw_backoff *backoff, mqttsn_ms now, bool at_rest)
{
    mqttsn_ms most = GW_BACKOFF_ACCEPTED_FACTOR * backoff->min_ms;
    mqttsn_ms lasted = now - backoff->since;
    bool begins;

    if (backoff->contested &&
        lasted > 2 * backoff->max_ms + GW_BACKOFF_LASTED_MS)
        backoff->contested = false;
    count_for_others(backoff);
    heed_others(backoff);
    begins = at_rest && is_contest(backoff, now) && !backoff->contested;
    backoff->contested |= begins;
    backoff->just_lost = true;
    if (backoff->contested)
        return begins;
    if (lasted >= GW_BACKOFF_LASTED_MS)
        backoff->range_ms = 0;
    else if (backoff->range_ms > most)
        backoff->range_ms = most;
    return false;
}
