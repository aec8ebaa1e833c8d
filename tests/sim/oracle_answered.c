/* SPDX-License-Identifier: MIT */
/* What a node is told of its state, and what that promises. */
#include "sim.h"

#include <string.h>

void oracle_states_answered(struct sim *sim, struct book *book,
                            const struct sn_frame *f)
{
    if (f->type == SN_CONNACK && f->code == 0 && book->connacks > 0)
        book->connacks--;
    if (book->hazy) {
        book->connack_due &= f->type != SN_CONNACK;
        return;
    }
    switch (f->type) {
    case SN_CONNACK:
        if (f->code != 0)
            return;
        if (book->will_barred)
            sim_fail(sim, "access",
                     "%s is accepted with a will where it may "
                     "not publish",
                     book->id);
        /* What it asked for twice may come when it sleeps already. */
        if (book->state == GW_DISCONNECTED || book->state == GW_LOST)
            sim_fail(sim, "state", "CONNACK to %s, which is %s", book->id,
                     oracle_state_word(book->state));
        if (!book->talked && book->state == GW_ACTIVE) {
            book->promised = true;
            book->promise = GW_ACTIVE;
        }
        if (book->state == GW_HALF_OPEN && book->perhaps) {
            book->state = GW_ACTIVE; /* it was accepted some time ago */
            book->talked = false;    /* and has said nothing since */
            book->heard_high = sim->now;
        }
        book->connack_due = book->newborn = book->perhaps = false;
        return;
    case SN_DISCONNECT:
        /* With strict_sleep it may be the answer to something else. */
        if ((book->state == GW_ASLEEP && !sim->o.strict_sleep) ||
            (book->state == GW_DISCONNECTED && !book->strayed)) {
            book->promised = true;
            book->promise = book->state;
        }
        return;
    default:
        break;
    }
    /* PINGRESP */
    if (book->pings > 0) {
        book->pings--; /* of before it slept, and still on its way; or not */
        book->ping_unclear = book->state == GW_AWAKE;
        return;
    }
    if (book->state == GW_AWAKE) {
        const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
        uint64_t just_gone = oracle_drops(c) - sim->oracle.dropped;

        /* What cannot be kept goes out in the next. */
        if (book->held > just_gone && !book->excused &&
            sim->oracle.failed_at < book->since &&
            (sim->o.awake_max_messages == 0 ||
             book->awake_sent < (unsigned)sim->o.awake_max_messages) &&
            sim->now < book->since + (mqttsn_ms)sim->o.awake_max_s * 1000)
            sim_fail(sim, "S7", "PINGRESP to %s, for which %u messages wait",
                     book->id, book->held);
        sim->stats->changes[1 + GW_AWAKE][1 + GW_ASLEEP]++;
        book->state = GW_ASLEEP;
        oracle_topics_asleep(sim, book);
        book->since = book->heard_low = book->heard_high = sim->now;
        memset(&book->step, 0, sizeof(book->step));
        book->release_due = 0; /* with the next waking */
        return;
    }
    if (!oracle_connected(book))
        sim_fail(sim, "state", "PINGRESP to %s, which is %s", book->id,
                 oracle_state_word(book->state));
}
