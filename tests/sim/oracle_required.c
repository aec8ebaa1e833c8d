/* SPDX-License-Identifier: MIT */
/* What a datagram must bring about at once. */
#include "sim.h"

void oracle_states_required(struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    struct book *book = o->bound;

    if (!o->valid || c->store_full > o->before.store_full)
        return;
    if (o->frame.type == SN_CONNECT && o->named != NULL &&
        o->named->connect.pending && o->named->exists && !o->named->hazy &&
        o->named->state != GW_ACTIVE && o->named->state != GW_AWAKE &&
        c->connects_refused == o->before.connects_refused &&
        c->connects_congestion == o->before.connects_congestion)
        sim_fail(sim, "state", "%s connects, and remains %s", o->named->id,
                 oracle_state_word(o->named->state));
    if (book == NULL || !book->exists || book->hazy)
        return;
    if (o->frame.type == SN_DISCONNECT && o->frame.duration == 0 &&
        book->state != GW_DISCONNECTED && book->state != GW_LOST)
        sim_fail(sim, "state", "%s left, and is %s", book->id,
                 oracle_state_word(book->state));
    if (o->frame.type == SN_DISCONNECT && o->frame.duration != 0 &&
        (book->state == GW_ACTIVE || book->state == GW_AWAKE))
        sim_fail(sim, "state", "%s went to sleep, and is %s", book->id,
                 oracle_state_word(book->state));
    if (o->frame.type == SN_PINGREQ && book->state == GW_ASLEEP &&
        sim->o.upstream_down_max_s == 0 &&
        (o->frame.tail_len == 0 || o->named == book))
        sim_fail(sim, "state", "%s woke up, and is asleep", book->id);
}
