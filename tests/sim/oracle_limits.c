/* SPDX-License-Identifier: MIT */
/*
 * What one node may have of the gateway (S9). How many of its requests are
 * unfinished is known from below: those that were taken, and for whose end
 * there is no sign yet, neither an answer nor the word of broker or store.
 */
#include "sim.h"

/* After the moment at which something is over. */
#define SLACK_MS 1500

static uint32_t exchanges(struct sim *sim)
{
    struct gw_usage u;

    gw_engine_usage(sim->gw.engine, &u);
    return u.exchanges;
}

void oracle_limits_in(struct sim *sim)
{
    sim->oracle.exchanges = exchanges(sim);
}

/* ---- unfinished requests ----------------------------------------------- */

static size_t first_up(const struct oracle *o)
{
    return o->up_count > ORACLE_UPS ? o->up_count - ORACLE_UPS : 0;
}

static bool is_open(const struct sim *sim, const struct book *book,
                    const struct up *up)
{
    return up->book == book && up->taken && !up->done && !up->refused &&
           !up->stored && !up->accepted && !up->released && !up->repeated &&
           !up->suspect && !up->unsettled &&
           up->connection == book->connection && up->wipes == book->wipes &&
           up->drops == sim->oracle.up_drops &&
           sim->now <
               up->taken_at + (mqttsn_ms)sim->o.upstream_timeout_s * 1000;
}

static size_t unfinished(const struct sim *sim, const struct book *book)
{
    const struct oracle *o = &sim->oracle;
    size_t count = 0;

    for (size_t i = first_up(o); i < o->up_count; i++)
        count += is_open(sim, book, &o->ups[i % ORACLE_UPS]);
    /* By a connection of its own a node's SUBSCRIBE goes another way. */
    for (size_t i = 0; i < book->claim_count && !sim->o.transparent; i++) {
        const struct claim *claim = &book->claims[i];

        count += claim->taken && !claim->mute && !claim->idle &&
                 claim->state != CLAIM_SETTLING &&
                 sim->now < claim->asked_at +
                                (mqttsn_ms)sim->o.upstream_timeout_s * 1000;
    }
    return count;
}

/* The request at hand is one of them now. */
static void take(struct sim *sim, struct book *book)
{
    struct oracle *o = &sim->oracle;

    if (o->frame.type == SN_SUBSCRIBE && o->claimed && book->claim_count > 0)
        book->claims[book->claim_count - 1].taken = true;
    for (size_t i = o->up_count;
         o->frame.type == SN_PUBLISH && i-- > first_up(o);) {
        struct up *up = &o->ups[i % ORACLE_UPS];

        if (up->book != book || up->msg != o->frame.msg || up->qos == 0)
            continue;
        up->taken = true;
        up->taken_at = sim->now;
        up->drops = o->up_drops;
        up->away = !o->online;
        return;
    }
}

void oracle_limits_after(struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;
    size_t before;

    if (!o->valid || o->bound == NULL || o->bound->hazy ||
        !oracle_connected(o->bound) || exchanges(sim) <= o->exchanges)
        return;
    if (f->type != SN_SUBSCRIBE && f->type != SN_UNSUBSCRIBE &&
        (f->type != SN_PUBLISH || (f->flags & SN_QOS_BITS) == 0))
        return;
    before = unfinished(sim, o->bound);
    if (before >= (size_t)sim->o.client_inflight_max)
        sim_fail(sim, "S9",
                 "a %s of %s is taken beside %zu unfinished requests",
                 sn_type_name(f->type), o->bound->id, before);
    take(sim, o->bound);
}

/* ---- the inspection ---------------------------------------------------- */

/* The octets in its queue are at least those of the messages. */
static void check_octets(struct sim *sim, const struct book *book,
                         const struct gw_session_info *info)
{
    uint64_t octets = 0;

    if (book->count != info->queue_messages)
        return;
    for (size_t i = 0; i < book->count; i++)
        octets += sim->broker.messages[book->list[i].message].len;
    if (octets > info->queue_bytes || octets > (uint64_t)sim->o.queue_max_bytes)
        sim_fail(sim, "S9", "%llu octets wait for %s, by its account %u",
                 (unsigned long long)octets, book->id, info->queue_bytes);
}

void oracle_limits_seen(struct sim *sim, const struct book *book,
                        const struct gw_session_info *info)
{
    if (info->exchanges > (uint32_t)sim->o.client_inflight_max)
        sim_fail(sim, "S9", "%u requests of %s are unfinished", info->exchanges,
                 book->id);
    if (info->topics > (uint32_t)sim->o.max_topics_per_client ||
        book->topic_count > (size_t)sim->o.max_topics_per_client)
        sim_fail(sim, "S9", "%s has %u topic ids, and knows %zu", book->id,
                 info->topics, book->topic_count);
    if (book->held != book->held_before)
        check_octets(sim, book, info);
}

/* ---- awake periods ----------------------------------------------------- */

/* Also whoever is awake, and wakes up elsewhere. */
void oracle_limits_awoke(const struct sim *sim, struct book *book)
{
    book->awoke_at = sim->now;
    book->awakes++;
    book->awake_sent = 0;
}

void oracle_limits_awake(struct sim *sim, struct book *book,
                         struct entry *entry)
{
    if (book->state != GW_AWAKE || entry->awake == book->awakes)
        return;
    entry->awake = book->awakes;
    book->awake_sent++;
    if (sim->jumped_at < book->awoke_at &&
        sim->now >
            book->awoke_at + (mqttsn_ms)sim->o.awake_max_s * 1000 + SLACK_MS)
        sim_fail(sim, "S9", "%s has been awake for %llu ms, and gets a message",
                 book->id, (unsigned long long)(sim->now - book->awoke_at));
    if (sim->o.awake_max_messages != 0 &&
        book->awake_sent > (unsigned)sim->o.awake_max_messages)
        sim_fail(sim, "S9", "%s gets message %u of this awake period", book->id,
                 book->awake_sent);
}

/* ---- congestion -------------------------------------------------------- */

/* The node has no room for the message at hand now. When that was given up for
 * its silence, it may have made room meanwhile, and this is about nothing. */
void oracle_limits_congested(struct sim *sim, struct book *book, bool all_there)
{
    mqttsn_ms most = (mqttsn_ms)(sim->o.retry_ms * (sim->o.retry_count + 1));

    if (all_there || sim->now < book->step.begun + most)
        book->congested = sim->now;
}

/* It is left alone for a while, or until it begins something anew (G12-16). */
void oracle_limits_paused(struct sim *sim, const struct book *book,
                          const struct sn_frame *f)
{
    mqttsn_ms wait = (mqttsn_ms)sim->o.congestion_wait_s * 1000;

    if (book->congested == 0 || book->congested <= book->since ||
        sim->now + 1 >= book->congested + wait)
        return;
    sim_fail(sim, "S12", "a %s to %s, which was congested %llu ms ago",
             sn_type_name(f->type), book->id,
             (unsigned long long)(sim->now - book->congested));
}
