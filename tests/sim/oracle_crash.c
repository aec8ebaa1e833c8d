/* SPDX-License-Identifier: MIT */
/*
 * What a crash may undo, and what not. A memory store forgets everything; a
 * durable one keeps what it reported as stored, and so whatever a node was
 * told because of it. What was under way may be kept or not.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static void forget_all(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        oracle_wipe(book);
        book->exists = false;
        book->held = 0;
        book->promised = false;
        book->connect.pending = false;
        book->contender_count = 0;
        book->asks.count = book->refusals.count = 0;
        book->connection++;
        book->last_submitted = 0;
    }
    for (size_t i = 0; i < o->caller_count; i++)
        o->callers[i].asks.count = 0;
    /* Its node may have to say it again. */
    for (size_t i = 0; i < ORACLE_UPS; i++)
        if (i < o->up_count)
            o->ups[i].released = true;
    o->will_count = 0;
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* What was there may be gone, what had gone may be back. */
void oracle_entries_after_crash(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        book->list[i].may = !book->list[i].safe;
    for (size_t i = 0; i < book->ghost_count && book->count < ORACLE_LIST;
         i++) {
        if (!book->ghosts[i].stored && book->ghosts[i].qos_high == 0)
            continue;
        book->ghosts[i].may = true;
        book->list[book->count++] = book->ghosts[i];
    }
    book->hazy |= book->ghosts_lost;
    book->ghosts_lost = false;
    book->ghost_count = 0;
    qsort(book->list, book->count, sizeof(book->list[0]), by_number);
    for (size_t i = 0; i < book->count; i++) {
        struct entry *e = &book->list[i];

        e->unsure = true;
        e->since = MQTTSN_NEVER;
        if (!e->final)
            e->released = false;
    }
}

void oracle_dies(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    sim->stats->crashes++;
    oracle_discovery_begins(sim);
    /* Its next connection finds the session that this one has begun, and
     * nobody knows any more that it began empty. */
    o->lied_to |= o->forgot;
    o->forgot = false;
    for (size_t i = 0; i < ORACLE_UPS && i < o->up_count; i++) {
        struct up *up = &o->ups[i];

        up->token = 0; /* of the process that is gone */
        up->taken = false;
        up->given_up |= up->book != NULL && up->submissions == 0 &&
                        up->order < up->book->last_submitted;
    }
    for (size_t i = 0; i < o->caller_count; i++)
        o->callers[i].refused = false;
    o->refusals = 0;
    for (size_t i = 0; i < o->will_count; i++)
        o->wills_token[i] = 0;
    if (!sim->o.durable) {
        forget_all(sim);
        return;
    }
    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        book->gone_at_crash =
            book->count > book->held ? book->count - book->held : 0;
        oracle_entries_after_crash(book);
        memset(book->recent, 0, sizeof(book->recent));
        memset(&book->step, 0, sizeof(book->step));
        book->release_due = book->congested = 0;
        book->contender_count = 0;
        /* A start that was not acknowledged may not have been, and what was
         * before it be back. */
        if (book->connack_due && (book->clean || book->newborn)) {
            oracle_becomes_hazy(sim, book);
        }
        for (size_t k = 0; k < book->sub_count; k++) {
            struct sub *sub = &book->subs[k];

            if (sub->state == SUB_LEAVING ||
                (sub->state == SUB_STANDS && !sub->acked && !sub->safe))
                sub->state = SUB_UNSURE;
            if (sub->former < sub->qos)
                sub->qos_low = sub->former;
            else
                sub->qos = sub->former;
        }
        /* A CONNECT that was not answered may be forgotten, and the old
         * connection go on. */
        for (size_t k = 0; k < book->topic_count && book->connack_due; k++)
            book->topics[k].told = book->topics[k].once;
        /* A SUBSCRIBE under way is forgotten; one that was granted, and not
         * yet acknowledged, may be kept. */
        book->claim_count = 0;
        book->refusals.count = 0;
        /* An answer that went out just before may go out again. */
        for (size_t k = 0; k < book->asks.count; k++)
            book->asks.rows[k].count += book->asks.rows[k].count == 0;
    }
    for (size_t i = 0; i < o->will_count; i++)
        o->wills_may[i] = true;
    /* A QoS 1 publish that was handed over before its record was stored is not
     * known any more: its node repeats it, and it is another. */
    for (size_t i = 0; i < ORACLE_UPS && i < o->up_count; i++)
        if (!o->ups[i].safe && o->ups[i].qos != 2)
            o->ups[i].allowed++;
    /* A record under way may have got there. */
    for (size_t i = 0; i < ORACLE_UPS && i < o->up_count; i++) {
        o->ups[i].stored |= o->ups[i].keep_op != 0;
        o->ups[i].keep_op = 0;
    }
    o->keeps = 0;
}

static void session_reborn(struct sim *sim, struct book *book,
                           const struct gw_session_info *info)
{
    uint32_t least = 0;

    if (!book->exists && !book->connect.pending) {
        /* It had just gone; the store does not know yet. */
        book->connection++;
        oracle_becomes_hazy(sim, book);
    }
    /* It had begun anew, or ended, and the store does not know yet. */
    for (size_t i = 0;
         i < book->topic_count &&
         (!oracle_connected(book) || !sim->o.sleep_keeps_topics) &&
         (info->state == GW_ACTIVE || info->state == GW_ASLEEP);
         i++)
        book->topics[i].told = book->topics[i].once;
    if (book->promised && !book->hazy && info->state != book->promise)
        sim_fail(sim, "durable", "%s was told that it is %s", book->id,
                 book->promise == GW_ASLEEP ? "asleep" : "something else");
    for (size_t i = 0; i < book->count; i++)
        least += !book->list[i].may;
    if (least > info->queue_messages + book->gone_at_crash && !book->hazy)
        sim_fail(sim, "durable", "%u messages for %s, %u are there", least,
                 book->id, info->queue_messages);
    book->exists = true;
    book->state = info->state;
    if (book->hazy)
        oracle_wipe(book);
    book->clean = info->clean_session;
    book->held = info->queue_messages;
    book->taken.len = 0; /* no CONNECT is a repetition of the former */
    book->connack_due = false;
    book->connacks = 0;
    book->accepted = true;
    book->since = book->heard_low = book->heard_high = sim->now;
    if (info->addr.family == 0)
        book->peer.addr.family = 0;
    else
        book->peer.addr = info->addr;
    if (info->state == GW_ACTIVE)
        book->taken.duration = book->keepalive = (uint16_t)info->duration_s;
    if (info->state == GW_ASLEEP)
        book->sleep = (uint16_t)info->duration_s;
}

void oracle_reborn(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    struct gw_session_info info[ORACLE_SESSIONS];
    uint32_t cursor = 0;
    size_t n = gw_engine_visit(sim->gw.engine, &cursor, ORACLE_SESSIONS, info);

    o->input = INPUT_BIRTH;
    o->last_op = 0;
    sim->stats->records_restored += sim->store.record_count;
    o->held = 0;
    o->roll.number++;
    o->roll.count = n;
    for (size_t i = 0; i < n; i++) {
        struct book *book = oracle_book(sim, info[i].client_id.data,
                                        info[i].client_id.len, o->reused);

        if (book == NULL || !sim->o.durable)
            sim_fail(sim, "durable", "a session out of nothing");
        book->seen = o->roll.number;
        o->roll.rows[i] = book;
        session_reborn(sim, book, &info[i]);
        o->held += info[i].queue_messages;
    }
    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        if (!book->exists || book->seen == o->roll.number)
            continue;
        if (book->promised && !book->hazy &&
            !(book->clean && book->promise != GW_ACTIVE &&
              book->promise != GW_ASLEEP))
            sim_fail(sim, "durable", "%s had a session", book->id);
        oracle_wipe(book);
        book->exists = false;
        book->held = 0;
    }
    for (size_t i = 0; i < o->book_count; i++)
        o->books[i].connect.pending = false;
    o->delivered = gw_engine_counters(sim->gw.engine)->down_delivered;
    o->dropped = oracle_drops(gw_engine_counters(sim->gw.engine));
    o->dropped_full = o->dropped_superseded = 0;
    o->counters = o->before = *gw_engine_counters(sim->gw.engine);
    o->bound = o->named = NULL;
    oracle_rates_begin(sim);
    oracle_reach_begins(sim);
    memset(&o->uplink, 0, sizeof(o->uplink));
}
