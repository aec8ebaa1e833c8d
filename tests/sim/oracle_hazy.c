/* SPDX-License-Identifier: MIT */
/*
 * A session of which little is known: what is damaged, forged or a villain's
 * was sent in its name. It is as it is said to be; only what holds for all
 * (forms, limits, sums, answers to strangers) is still asked of it.
 */
#include "sim.h"

#include <string.h>

/* Something suspect was said in its name. */
void oracle_becomes_hazy(struct sim *sim, struct book *book)
{
    if (book == NULL)
        return;
    book->hazy = true;
    book->promised = false;
    book->will_hazy = true;
    sim->oracle.wills_hazy = true;
}

/* Nothing is expected of it: it is as it is said to be. */
void oracle_adopt(struct sim *sim, struct book *book,
                  const struct gw_session_info *info)
{
    struct oracle *o = &sim->oracle;

    if (!book->exists || info->state != book->state)
        book->since = sim->now;
    book->will_hazy = o->wills_hazy = true;
    book->exists = true;
    book->masked = false;
    book->accepted = info->state != GW_HALF_OPEN;
    book->connack_due &= !book->accepted;
    book->clean = info->clean_session;
    book->state = info->state;
    book->promised = false;
    if (!gw_addr_equal(&book->peer.addr, &info->addr)) {
        memset(&book->peer, 0, sizeof(book->peer));
        book->peer.addr = info->addr;
    }
    if (o->input == INPUT_DATAGRAM && o->caller != NULL &&
        (o->named == book || o->bound == book) &&
        gw_addr_equal(&info->addr, &o->caller->peer.addr))
        book->peer = o->caller->peer;
    if (info->state == GW_ACTIVE)
        book->taken.duration = book->keepalive = (uint16_t)info->duration_s;
    if (info->state == GW_ASLEEP)
        book->sleep = (uint16_t)info->duration_s;
    book->heard_low = book->heard_high = sim->now;
}

/* An acknowledgement of nothing: it must change nothing (T17). */
static bool misses(const struct book *book, const struct sn_frame *f)
{
    if (book == NULL || (f->type != SN_PUBACK && f->type != SN_REGACK &&
                         f->type != SN_PUBREC && f->type != SN_PUBCOMP))
        return false;
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i].msg == f->msg)
            return false;
    for (size_t i = 0; i < book->ghost_count; i++)
        if (book->ghosts[i].msg == f->msg)
            return false;
    return book->step.msg != f->msg && f->code < 2;
}

void oracle_suspected(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    struct book *named = o->named;

    if (misses(o->bound, &o->frame))
        return;
    oracle_becomes_hazy(sim, o->bound);
    if (named == NULL || named == o->bound)
        return;
    /* Its holder is asked first, or nothing may come of it. */
    if (o->frame.type == SN_CONNECT && !named->connect.pending)
        return;
    if (o->frame.type == SN_PINGREQ &&
        !oracle_may_rebind(sim, named, &o->caller->peer))
        return;
    oracle_becomes_hazy(sim, named);
}
