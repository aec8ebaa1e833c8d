/* SPDX-License-Identifier: MIT */
/*
 * Whatever is given up is counted under its reason (L4): so each reason is
 * there only when something happened that can be it, and with options that
 * allow it.
 */
#include "sim.h"

#include <stddef.h>

#define WHEN(input) (1u << (input))
#define IN_MESSAGE WHEN(INPUT_MESSAGE)
#define IN_DATAGRAM WHEN(INPUT_DATAGRAM)
#define IN_DEADLINE WHEN(INPUT_DEADLINE)
#define IN_UPSTREAM WHEN(INPUT_UPSTREAM)
#define ALWAYS (~0u)

static bool whenever(const struct sim *sim)
{
    (void)sim;
    return true;
}

static bool never(const struct sim *sim)
{
    (void)sim;
    return false;
}

static bool latest_only(const struct sim *sim)
{
    return sim->o.drop_policy == GW_DROP_LATEST_PER_TOPIC;
}

static bool ages(const struct sim *sim)
{
    return sim->o.queue_max_age_s != 0;
}

static bool narrow(const struct sim *sim)
{
    return sim->o.max_datagram < 1024;
}

static bool refuses(const struct sim *sim)
{
    const struct oracle *o = &sim->oracle;

    return o->valid && o->frame.type == SN_PUBACK && o->frame.code > 2;
}

static bool oldest_goes(const struct sim *sim)
{
    return sim->o.durable && sim->o.uplink_drop_policy == GW_DROP_OLDEST;
}

static bool uplink_ages(const struct sim *sim)
{
    return sim->o.durable && sim->o.uplink_max_age_s != 0;
}

/* UNSUBSCRIBE takes back what was asked for. */
static bool times_out_or_leaves(const struct sim *sim)
{
    const struct oracle *o = &sim->oracle;

    return o->input == INPUT_DEADLINE ||
           (o->valid && o->frame.type == SN_UNSUBSCRIBE);
}

static const struct reason {
    const char *name;
    size_t offset;
    unsigned inputs;
    bool (*possible)(const struct sim *sim);
} reasons[] = {
#define REASON(name, inputs, possible)                                         \
    {                                                                          \
#name, offsetof(struct gw_counters, name), inputs, possible            \
    }
    REASON(drop_queue_full, IN_MESSAGE, whenever),
    REASON(drop_total_full, IN_MESSAGE, whenever),
    REASON(drop_fair_share, IN_MESSAGE, whenever),
    REASON(drop_superseded, IN_MESSAGE, latest_only),
    REASON(drop_offline_qos0, IN_MESSAGE, whenever),
    REASON(drop_table_full, IN_MESSAGE, whenever),
    REASON(drop_expired, ALWAYS, ages),
    REASON(drop_message_expired, ALWAYS, never),
    REASON(drop_too_large, ALWAYS, narrow),
    REASON(drop_rejected, IN_DATAGRAM, refuses),
    REASON(drop_unresponsive, IN_DEADLINE, whenever),
    REASON(drop_purged, ALWAYS, never),
    REASON(up_drop_full, ALWAYS, oldest_goes),
    REASON(up_drop_expired, ALWAYS, uplink_ages),
    REASON(up_drop_rejected, IN_UPSTREAM, whenever),
    REASON(up_rejected, IN_UPSTREAM, whenever),
    REASON(up_withdrawn, IN_DEADLINE | IN_DATAGRAM, times_out_or_leaves),
    REASON(clients_lost, IN_DEADLINE, whenever),
    REASON(sessions_expired, IN_DEADLINE, whenever),
#undef REASON
};

static uint64_t value(const struct gw_counters *c, const struct reason *r)
{
    return *(const uint64_t *)(const void *)((const char *)c + r->offset);
}

/* A message from the broker is somebody's, or is counted as nobody's. */
static void check_message(struct sim *sim, const struct gw_counters *now,
                          const struct gw_counters *before)
{
    uint64_t drops = oracle_drops(now) - oracle_drops(before);

    if (now->down_queued == before->down_queued && drops == 0 &&
        now->down_unmatched == before->down_unmatched &&
        now->down_foreign == before->down_foreign &&
        now->retained_unclaimed == before->retained_unclaimed)
        sim_fail(sim, "L4", "a message is neither kept nor counted");
}

void oracle_reasons(struct sim *sim, bool counted)
{
    const struct oracle *o = &sim->oracle;
    const struct gw_counters *now = gw_engine_counters(sim->gw.engine);

    for (size_t i = 0; counted && i < sizeof(reasons) / sizeof(reasons[0]);
         i++) {
        const struct reason *r = &reasons[i];

        if (value(now, r) == value(&o->counters, r))
            continue;
        if (!(r->inputs & WHEN(o->input)) || !r->possible(sim))
            sim_fail(sim, "L4", "%s, and there is no such reason", r->name);
    }
    if (o->fresh && o->input == INPUT_MESSAGE && o->message_counts)
        check_message(sim, now, &o->counters);
}
