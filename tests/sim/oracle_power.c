/* SPDX-License-Identifier: MIT */
/*
 * What a loss of power may undo where acknowledgements do not wait for a sync:
 * all that came after the last flush, and no more. So a session with which
 * nothing happened since is held to everything that it was promised; of
 * another little is known. What a node had been acknowledged before the flush
 * comes to the broker all the same, but may come twice, for that it was there
 * may be forgotten.
 */
#include "sim.h"

void oracle_changed(struct sim *sim, struct book *book)
{
    if (book != NULL)
        book->changed_at = sim->now;
}

void oracle_flushed(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    o->flushed_at = o->idle_at;
    for (size_t i = 0; i < ORACLE_UPS && i < o->up_count; i++)
        o->ups[i].flushed |= o->ups[i].safe;
}

void oracle_power_lost(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++) {
        if (o->books[i].changed_at >= o->flushed_at)
            oracle_becomes_hazy(sim, &o->books[i]);
        else
            sim->stats->store_strict += o->books[i].exists;
    }
    o->wills_hazy = o->power_lost = true;
    for (size_t i = 0; i < ORACLE_UPS && i < o->up_count; i++) {
        o->ups[i].allowed++;
        o->ups[i].suspect |= !o->ups[i].flushed;
    }
}
