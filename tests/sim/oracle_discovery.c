/* SPDX-License-Identifier: MIT */
/*
 * Discovery: who searches is told of the gateway, if he is near and the broker
 * is there, but not more than once a second; all are told now and then (T7,
 * G12-44).
 */
#include "sim.h"

#include <string.h>

#define GW_ID 7

/* Answers at once, and from then on a second each. */
#define BURST 2
#define EACH_MS 1000

/* An ADVERTISE may be late by this much. */
#define SLACK_MS 3000

void oracle_discovery_begins(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    memset(o->told_at, 0, sizeof(o->told_at));
    o->told_count = 0;
    o->advertised_at = o->advertised_last = 0;
    o->group_owed = 0;
    o->online = o->tried = false;
    o->away_since = sim->now;
}

void oracle_discovery_line(struct sim *sim, bool up)
{
    struct oracle *o = &sim->oracle;

    if (!up && (o->online || !o->tried))
        o->away_since = sim->now;
    o->tried = true;
    o->online = up;
    o->online_since = sim->now;
    o->advertised_at = 0;
}

bool oracle_line_given_up(const struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    mqttsn_ms most = (mqttsn_ms)sim->o.upstream_down_max_s * 1000;

    return most != 0 && !o->online && sim->now - o->away_since > most;
}

void oracle_discovery_in(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    if (o->frame.type != SN_SEARCHGW || !o->online || !sim->o.discovery ||
        !net_is_near(&o->caller->peer.addr))
        return;
    oracle_owe(&o->caller->asks, SN_GWINFO, 0);
    o->group_owed = sim->o.gwinfo_multicast ? BURST : 0;
    o->group_radius[o->group_asked++ % ORACLE_SEARCHES] = o->frame.radius;
}

void oracle_discovery_told(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    mqttsn_ms before = o->told_at[o->told_count % BURST];

    /* What was held back by a blocked sink may come at once. */
    if (o->told_count >= BURST && sim->now < before + EACH_MS &&
        sim->gw.open_since < before)
        sim_fail(sim, "T7", "a third GWINFO within %llu ms",
                 (unsigned long long)(sim->now - before));
    o->told_at[o->told_count++ % BURST] = sim->now;
    sim->stats->searches_answered++;
}

static bool was_asked_for(const struct oracle *o, uint8_t radius)
{
    size_t count =
        o->group_asked < ORACLE_SEARCHES ? o->group_asked : ORACLE_SEARCHES;

    for (size_t i = 0; i < count; i++)
        if (o->group_radius[i] == radius)
            return true;
    return false;
}

void oracle_group_out(struct sim *sim, const struct gw_datagram *datagram,
                      const struct sn_frame *f)
{
    struct oracle *o = &sim->oracle;
    mqttsn_ms interval = (mqttsn_ms)sim->o.advertise_s * 1000;

    if (!sim->o.discovery || !o->online)
        sim_fail(sim, "T7", "a %s to all, and the gateway is not to be found",
                 sn_type_name(f->type));
    if (f->gw_id != GW_ID || datagram->via.listener != 0)
        sim_fail(sim, "S8", "a %s of gateway %u", sn_type_name(f->type),
                 f->gw_id);
    if (f->type == SN_GWINFO) {
        if (o->group_owed == 0 || f->tail_len != 0 ||
            !was_asked_for(o, datagram->radius))
            sim_fail(sim, "T7", "a GWINFO to all, radius %u, for nobody",
                     datagram->radius);
        o->group_owed--;
        return;
    }
    if (f->type != SN_ADVERTISE)
        sim_fail(sim, "S8", "a %s to all", sn_type_name(f->type));
    if (interval == 0 || f->duration != sim->o.advertise_s)
        sim_fail(sim, "S8", "an ADVERTISE that promises the next in %u s",
                 f->duration);
    if (o->advertised_at != 0 &&
        sim->now + (mqttsn_ms)sim->o.lag_ms < o->advertised_at + interval &&
        sim->gw.open_since < o->advertised_at)
        sim_fail(sim, "T7", "an ADVERTISE %llu ms after the last",
                 (unsigned long long)(sim->now - o->advertised_at));
    o->advertised_at = o->advertised_last = sim->now;
    sim->stats->advertised++;
}

void oracle_discovery_due(struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    mqttsn_ms due = (mqttsn_ms)sim->o.advertise_s * 1000 + SLACK_MS;
    mqttsn_ms last = o->advertised_last;

    if (!o->online || !sim->o.discovery || sim->o.advertise_s == 0 ||
        sim->gw.blocked != 0)
        return;
    /* The first of its life comes at once; else a short outage is none. */
    if (last == 0)
        due = SLACK_MS;
    if (last < o->online_since)
        last = o->online_since;
    if (last < sim->gw.open_since)
        last = sim->gw.open_since;
    if (last < sim->jumped_at)
        last = sim->jumped_at;
    if (sim->now > last + due)
        sim_fail(sim, "L2", "no ADVERTISE for %llu ms",
                 (unsigned long long)(sim->now - last));
}
