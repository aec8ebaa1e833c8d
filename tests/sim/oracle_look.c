/* SPDX-License-Identifier: MIT */
/* Sums: what the engine says it has must be what the books add up to. */
#include "sim.h"

#include <string.h>

uint64_t oracle_drops(const struct gw_counters *c)
{
    return c->drop_queue_full + c->drop_total_full + c->drop_fair_share +
           c->drop_superseded + c->drop_expired + c->drop_message_expired +
           c->drop_session_ended + c->drop_offline_qos0 + c->drop_too_large +
           c->drop_no_topic_id + c->drop_name_refused + c->drop_rejected +
           c->drop_unresponsive + c->drop_table_full + c->drop_purged;
}

static uint64_t up_drops(const struct gw_counters *c)
{
    return c->up_drop_full + c->up_drop_expired + c->up_drop_rejected +
           c->up_rejected;
}

/* What is counted of datagrams that come to nothing. */
static bool is_of_the_door(const char *counter)
{
    return strncmp(counter, "rx_", 3) == 0;
}

static uint64_t fold(uint64_t h, uint64_t value)
{
    return (h ^ value) * UINT64_C(0x100000001b3) ^ (h >> 29);
}

uint64_t oracle_print(struct sim *sim)
{
    struct gw_session_info info[16];
    struct gw_usage u;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    uint64_t h = 0;
    uint32_t cursor = 0;
    size_t n;

#define FOLD(name, text)                                                       \
    if (!is_of_the_door(#name))                                                \
        h = fold(h, c->name);
    GW_COUNTER_MAP(FOLD)
#undef FOLD
    gw_engine_usage(sim->gw.engine, &u);
    h = fold(h, u.uplink_messages);
    h = fold(h, u.uplink_bytes);
    h = fold(h, u.connections);
    h = fold(h, u.sessions);
    h = fold(h, u.topics);
    h = fold(h, u.subscriptions);
    h = fold(h, u.filters);
    h = fold(h, u.exchanges);
    h = fold(h, u.queue_entries);
    h = fold(h, u.messages);
    h = fold(h, u.replies);
    h = fold(h, u.message_bytes);
    h = fold(h, u.name_bytes);
    while ((n = gw_engine_visit(sim->gw.engine, &cursor, 16, info)) > 0)
        for (size_t i = 0; i < n; i++) {
            h = fold(h, info[i].state);
            h = fold(h, info[i].addr.port);
            h = fold(h, net_host(&info[i].addr));
            h = fold(h, info[i].last_heard);
            h = fold(h, info[i].duration_s);
            h = fold(h, info[i].topics);
            h = fold(h, info[i].subscriptions);
            h = fold(h, info[i].queue_messages);
            h = fold(h, info[i].exchanges);
            h = fold(h, info[i].queue_bytes);
            h = fold(h, info[i].queue_since);
            h = fold(h, info[i].clean_session);
            h = fold(h, info[i].has_will);
        }
    return h;
}

/* What the session has must be what its node was promised. */
static void check_session(struct sim *sim, struct book *book,
                          const struct gw_session_info *info)
{
    uint32_t stand = 0, may = 0;

    /* Behind a gap in the journal nothing is forgotten. */
    if (book->hazy && sim->store.damaged)
        return;
    if (info->queue_messages > (uint32_t)sim->o.queue_max_messages)
        sim_fail(sim, "S9", "%u messages wait for %s", info->queue_messages,
                 book->id);
    if (info->queue_bytes > (uint32_t)sim->o.queue_max_bytes)
        sim_fail(sim, "S9", "%u octets wait for %s", info->queue_bytes,
                 book->id);
    if (book->hazy)
        return;
    oracle_limits_seen(sim, book, info);
    if (info->queue_messages > book->count && !book->offered)
        sim_fail(sim, "L4", "%u messages wait for %s, which was offered %zu",
                 info->queue_messages, book->id, book->count);
    for (size_t i = 0; i < book->sub_count; i++) {
        stand += book->subs[i].state == SUB_STANDS;
        may += book->subs[i].state != SUB_LEAVING;
    }
    if (!book->subs_overflow &&
        (info->subscriptions < stand || info->subscriptions > may))
        sim_fail(sim, "subscriptions", "%s has %u, and should have %u to %u",
                 book->id, info->subscriptions, stand, may);
}

static void check_sums(struct sim *sim, const struct gw_usage *u, uint64_t held,
                       uint64_t subs)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    uint64_t drops = oracle_drops(c), least = o->offers_must, most;
    uint64_t out = c->down_delivered - o->delivered + drops - o->dropped + held;

    if (u->queue_entries != held || u->subscriptions != subs)
        sim_fail(sim, "S9",
                 "%u places and %u subscriptions are used, not %llu "
                 "and %llu",
                 u->queue_entries, u->subscriptions, (unsigned long long)held,
                 (unsigned long long)subs);
    if (u->message_bytes >
        (uint64_t)(sim->o.queue_total_bytes + sim->o.uplink_total_bytes))
        sim_fail(sim, "S9", "%llu octets of messages",
                 (unsigned long long)u->message_bytes);
    /* What was forgotten may be back behind a gap. */
    if (!sim->store.damaged && !o->power_lost &&
        (u->uplink_messages > (uint32_t)sim->o.uplink_max_messages ||
         u->uplink_bytes > (uint64_t)sim->o.uplink_max_bytes))
        sim_fail(sim, "S9", "%u messages and %llu octets wait for the broker",
                 u->uplink_messages, (unsigned long long)u->uplink_bytes);
    most = o->offers_must + o->offers_may;
    /* No name, no body: then one drop may stand for all its readers. */
    if (c->drop_table_full > o->counters.drop_table_full)
        least = 0;
    if (!o->fresh || o->input != INPUT_MESSAGE)
        least = most = 0;
    if (out < o->held + least || out > o->held + most)
        sim_fail(sim, "L4",
                 "%llu held, %llu delivered, %llu dropped, of %llu held and "
                 "%llu to %llu offered",
                 (unsigned long long)held,
                 (unsigned long long)(c->down_delivered - o->delivered),
                 (unsigned long long)(drops - o->dropped),
                 (unsigned long long)o->held, (unsigned long long)least,
                 (unsigned long long)most);
}

/* The row-th session; whether there was none of its book before. */
static bool see(struct sim *sim, size_t row, const struct gw_session_info *info)
{
    struct roll *roll = &sim->oracle.roll;
    struct mqttsn_span id = info->client_id;
    struct book *book = roll->rows[row];
    enum gw_state before;
    bool born;

    /* Mostly whose it was at the last look. */
    if (book == NULL || !oracle_is_of(book, id.data, id.len))
        book = oracle_book(sim, id.data, id.len, false);
    if (book == NULL)
        sim_fail(sim, "state", "a session that never connected");
    if (book->seen == roll->number)
        sim_fail(sim, "state", "%s has two sessions", book->id);
    book->seen = roll->number;
    roll->rows[row] = book;
    born = !book->exists;
    if (!book->exists || book->state != info->state ||
        book->held != info->queue_messages || book->offered)
        oracle_changed(sim, book);
    before = book->state;
    oracle_state_seen(sim, book, info);
    if (before == GW_AWAKE && book->state == GW_ASLEEP)
        oracle_topics_asleep(sim, book);
    book->held_before = book->held;
    book->held = info->queue_messages;
    return born;
}

/* Of those that there were, and were born, some were not found any more. */
static void miss(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++)
        if (o->books[i].exists && o->books[i].seen != o->roll.number) {
            oracle_changed(sim, &o->books[i]);
            oracle_vanished(sim, &o->books[i]);
        }
}

void oracle_look(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    struct gw_session_info info[ORACLE_SESSIONS];
    struct gw_usage usage;
    uint64_t held = 0, subs = 0;
    uint32_t cursor = 0;
    size_t n, known = o->roll.count;
    bool counted = memcmp(c, &o->counters, sizeof(*c)) != 0;

    n = gw_engine_visit(sim->gw.engine, &cursor, ORACLE_SESSIONS, info);
    if (n == ORACLE_SESSIONS)
        sim_fail(sim, "setup", "too many sessions to look at");
    if (c->connects_accepted != o->counters.connects_accepted)
        oracle_count_candidates(sim);
    o->roll.number++;
    o->roll.count = n;
    for (size_t i = 0; i < n; i++) {
        known += see(sim, i, &info[i]);
        held += info[i].queue_messages;
        subs += info[i].subscriptions;
    }
    if (known != n)
        miss(sim);
    gw_engine_usage(sim->gw.engine, &usage);
    check_sums(sim, &usage, held, subs);
    if (o->fresh && o->input == INPUT_DATAGRAM &&
        c->down_delivered > o->delivered)
        oracle_delivered(sim);
    if (o->fresh && o->input == INPUT_MESSAGE)
        oracle_offers_taken(sim);
    for (size_t i = 0; i < n; i++) {
        struct book *book = o->roll.rows[i];

        if (book->held == 0 && book->count > 0)
            while (book->count > 0)
                oracle_list_remove(book, 0);
        book->offered = false;
        check_session(sim, book, &info[i]);
    }
    o->delivered = c->down_delivered;
    sim->stats->dropped += oracle_drops(c) - o->dropped;
    o->dropped = oracle_drops(c);
    o->dropped_full = c->drop_queue_full;
    o->dropped_superseded = c->drop_superseded;
    o->held = held;
    o->up_drops += up_drops(c) - up_drops(&o->counters);
    oracle_reasons(sim, counted);
    if (o->fresh)
        o->before = o->counters;
    if (counted)
        o->counters = *c;
    oracle_uplink_look(sim, &usage);
}
