/* SPDX-License-Identifier: MIT */
/* What goes up adds up, always (L4). */
#include "sim.h"

/* A QoS 0 publish is taken, or it is counted why not. */
void oracle_uplink_after(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *now = &o->counters, *before = &o->before;
    const struct sn_frame *f = &o->frame;
    uint8_t qos = f->flags & SN_QOS_BITS;
    struct gw_usage u;

    if (!o->valid || f->type != SN_PUBLISH ||
        (qos != 0 && qos != SN_QOS_MINUS1))
        return;
    gw_engine_usage(sim->gw.engine, &u);
    if (u.exchanges > o->exchanges ||
        now->up_qos0_dropped > before->up_qos0_dropped ||
        now->up_drop_full > before->up_drop_full) {
        o->uplink.qos0_taken++;
        return;
    }
    if (qos == 0 && o->bound != NULL && !o->bound->hazy &&
        oracle_connected(o->bound) &&
        now->up_unknown_topic == before->up_unknown_topic &&
        now->up_refused_topic == before->up_refused_topic &&
        now->up_congestion == before->up_congestion &&
        now->store_full == before->store_full &&
        now->rx_oversize == before->rx_oversize &&
        now->strangers_answered == before->strangers_answered &&
        now->strangers_muted == before->strangers_muted)
        sim_fail(sim, "L4",
                 "a QoS 0 publish of %s is neither taken nor counted",
                 o->bound->id);
}

void oracle_uplink_look(struct sim *sim, const struct gw_usage *usage)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *c = &o->counters;
    const struct up *one = NULL;
    uint64_t missing;

    /* With a connection of its own they end with that one. */
    if (!sim->o.transparent &&
        o->uplink.qos0_taken > o->uplink.qos0_published + c->up_qos0_dropped +
                                   c->up_drop_full + c->up_drop_expired +
                                   usage->exchanges)
        sim_fail(sim, "L4",
                 "%llu QoS 0 publishes taken, %llu published, %llu given up",
                 (unsigned long long)o->uplink.qos0_taken,
                 (unsigned long long)o->uplink.qos0_published,
                 (unsigned long long)c->up_qos0_dropped);
    if (usage->uplink_messages < o->uplink.waiting && sim->o.durable &&
        !sim->store.damaged && !o->power_lost && o->up_count <= ORACLE_UPS) {
        missing = oracle_up_missing(sim, &one);
        if (missing > o->up_drops + usage->uplink_messages)
            sim_fail(sim, "L4",
                     "%llu accepted publishes are not at the broker, %llu were "
                     "given up, %u wait",
                     (unsigned long long)missing,
                     (unsigned long long)o->up_drops, usage->uplink_messages);
    }
    o->uplink.waiting = usage->uplink_messages;
}

/* ---- the backlog -------------------------------------------------------- */

/* Of those that were accepted while the broker was away, so many a second;
 * what a tenth of a second brings at once, and one at least. */
static void check_drain(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    uint64_t rate = (uint64_t)sim->o.uplink_drain_rate;
    uint64_t most = (rate > 10 ? rate * 100 : 1000) + 1000;

    if (o->uplink.line_since != o->online_since)
        o->uplink.drained = 0;
    o->uplink.line_since = o->online_since;
    o->uplink.drained++;
    most += rate * (sim->now - o->online_since);
    if (o->uplink.drained * 1000 > most)
        sim_fail(sim, "S9", "%llu of the backlog go in %llu ms",
                 (unsigned long long)o->uplink.drained,
                 (unsigned long long)(sim->now - o->online_since));
}

void oracle_uplink_begins(struct sim *sim, const struct up *up)
{
    mqttsn_ms most = (mqttsn_ms)sim->o.uplink_max_age_s * 1000;

    if (!sim->o.durable || up->qos == 0 || sim->gw.lives > 1)
        return;
    if (most != 0 && sim->now > up->since + most + 1)
        sim_fail(sim, "S9", "'%.*s' goes to the broker after %llu ms", up->len,
                 (const char *)up->payload,
                 (unsigned long long)(sim->now - up->since));
    if (sim->o.uplink_drain_rate != 0 && up->away &&
        up->accepted_at < sim->oracle.online_since)
        check_drain(sim);
}
