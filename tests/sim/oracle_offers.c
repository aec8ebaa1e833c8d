/* SPDX-License-Identifier: MIT */
/* What was offered to a node: was it taken, and who gave way for it? */
#include "sim.h"

#include <string.h>

static void list_append(struct sim *sim, struct book *book,
                        const struct entry *entry)
{
    if (book->hazy)
        return;
    if (book->count == ORACLE_LIST) {
        if (book->held >= book->count)
            sim_fail(sim, "setup", "more than %d messages", ORACLE_LIST);
        oracle_list_remove(book, 0);
        book->hazy = true; /* too many of them are gone, and not known */
    }
    book->list[book->count++] = *entry;
}

static bool fixed(const struct book *book, size_t at)
{
    const struct entry *e = &book->list[at];

    return e->qos_high == 2 && (e->sent > 0 || e->released || e->unsure);
}

/* Whether the head is under way, and so stays; false: that cannot be known. */
static bool head_is_known(const struct sim *sim, const struct book *book,
                          bool *ret_under_way)
{
    const struct entry *head = &book->list[0];
    const struct step *step = &book->step;

    *ret_under_way = false;
    if (!oracle_deliverable(book))
        return !head->unsure;
    if (step->type == 0)
        return false; /* it may wait for the store before it is sent */
    *ret_under_way = true;
    return step->entry == head->number &&
           step->timed < (unsigned)sim->o.retry_count;
}

/* The policy, where it can be known: who gave way to the new one (G12-32). */
static void give_way(struct sim *sim, struct book *book)
{
    size_t oldest = book->count;
    bool head = false;

    if (sim->o.drop_policy == GW_DROP_NEWEST) {
        book->offer_kept = false;
        return;
    }
    if (book->count > 0 && !head_is_known(sim, book, &head))
        return;
    for (size_t i = 0; i < book->count; i++) {
        if (fixed(book, i) || (i == 0 && head))
            continue;
        if (book->list[i].qos_low == 0 && book->list[i].qos_high > 0)
            return; /* QoS 0 goes first, and this may be */
        if (book->list[i].qos_high == 0) {
            oldest = i;
            break;
        }
        if (oldest == book->count)
            oldest = i;
    }
    if (oldest == book->count)
        book->offer_kept = false;
    else
        oracle_list_remove(book, oldest);
}

/* Whether one of the same topic must have given way: it is there for certain,
 * and not under way. */
static bool must_supersede(const struct sim *sim, const struct book *book)
{
    const struct message *m = sim->broker.messages;

    if (sim->o.drop_policy != GW_DROP_LATEST_PER_TOPIC || book->hazy)
        return false;
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i].may || book->list[i].unsure)
            return false;
    for (size_t i = 0; i < book->count; i++)
        if (!fixed(book, i) && (i > 0 || !oracle_deliverable(book)) &&
            strcmp(m[book->list[i].message].topic,
                   m[book->offer.message].topic) == 0)
            return true;
    return false;
}

static bool offline_qos0(const struct sim *sim, const struct book *book)
{
    return book->offer.qos_high == 0 &&
           (book->state == GW_DISCONNECTED || book->state == GW_LOST ||
            (!sim->o.sleep_buffer_qos0 &&
             (book->state == GW_ASLEEP || book->state == GW_AWAKE)));
}

void oracle_offers_taken(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    uint64_t drops = oracle_drops(c) - o->dropped;
    uint64_t full = c->drop_queue_full - o->dropped_full;
    bool alone = o->offers_must + o->offers_may == 1;

    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];
        uint32_t before = book->held_before;
        bool exact;

        if (!book->exists || !book->offered)
            continue;
        exact = book->count == before;
        sim->stats->down_offers++;
        if (offline_qos0(sim, book)) {
            if (book->held > before && !book->hazy)
                sim_fail(sim, "G12-33", "QoS 0 is kept for %s", book->id);
            continue;
        }
        if (drops == 0) {
            if (book->held == before && book->offer_must && !book->hazy)
                sim_fail(sim, "L4",
                         "a message for %s is neither kept nor "
                         "counted as dropped",
                         book->id);
            book->offer_kept = book->held > before;
            if (book->offer_kept && exact && must_supersede(sim, book))
                sim_fail(sim, "S9",
                         "two messages on '%s' wait for %s, and only the "
                         "latest may",
                         sim->broker.messages[book->offer.message].topic,
                         book->id);
        } else if (alone && exact && drops == 1 && full == 1 &&
                   book->held == before &&
                   before == (uint32_t)sim->o.queue_max_messages) {
            give_way(sim, book);
        }
        if (book->offer_kept)
            list_append(sim, book, &book->offer);
    }
}
