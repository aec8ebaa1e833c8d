/* SPDX-License-Identifier: MIT */
/*
 * After the trouble. Faults stop; then, within a bounded time:
 *   L1  what was promised has come true: nothing waits for a node that is
 *       there, every subscription is with the broker, every will is out;
 *   L2  every node that can be heard is connected;
 *   L3  when all have left, nothing is left;
 *   L4  the sums hold (they are checked after each event);
 *   L5  each request is answered, and what is published or retained arrives
 *       (errands.c).
 */
#include "sim.h"

#include <string.h>

/* Long enough for every wait that a node may have begun: T_WAIT of the client
 * library, the back-off of a refused REGISTER, a pause after congestion. */
#define HEALING_MS (900 * 1000)
#define PROBING_MS (60 * 1000)
#define LEAVING_MS (200 * 1000)

/* Longer than the longest sleep, plus the expiry that follows. */
#define EMPTYING_MS ((mqttsn_ms)10 * 86400 * 1000)

static bool tables_are_small(const struct sim *sim)
{
    return sim->o.max_sessions < 64 || sim->o.max_exchanges < 128 ||
           sim->o.names_total_bytes < 65536 || sim->o.max_datagram < 1024 ||
           sim->o.source_rate != 0;
}

static void calm(struct sim *sim)
{
    sim->healed = true;
    if (sim->gw.blocked & SINK_DATAGRAM)
        sim->gw.open_since = sim->now;
    sim->gw.blocked = 0;
    sim->gw.free_since = sim->now;
    for (size_t i = 0; i < sim->net.count; i++)
        sim->net.boxes[i].silent_until = 0;
    sim_trace(sim, "--- healed");
    if (sim->o.reload_s != 0)
        gateway_reload(sim, sim->gw.access_at_start);
    /* A fresh connection: nothing of before is under way, and nobody lies. */
    if (sim->broker.online)
        broker_break(sim);
    else
        broker_connect(sim, 10);
    links_break_all(sim);
    gateway_turn(sim);
    nodes_stir(sim);
    libraries_stir(sim);
}

/* ---- L2 ---------------------------------------------------------------- */

/* A late copy of another's CONNECT has given its address to that one, or a
 * damaged one its name: the network's doing, and nobody tells the two. */
static bool is_displaced(struct sim *sim, const char *id, size_t box)
{
    const struct peer *peer = &sim->net.boxes[box].peer;
    const struct book *at = oracle_bound(sim, peer);
    const struct book *of = oracle_book(sim, id, strlen(id), false);

    return (at != NULL && strcmp(at->id, id) != 0) ||
           (of != NULL && of->exists && of->hazy && of->peer.addr.family != 0 &&
            !peer_equal(&of->peer, peer));
}

/* A late copy of an earlier CONNECT has given it a keep-alive of which it does
 * not know. */
static bool is_hurried(const struct node *node, const struct book *book)
{
    return book->keepalive != 0 && book->keepalive < node->keepalive_s;
}

/* Who has no place then has been refused because there is none. */
static bool is_full(const struct sim *sim)
{
    struct gw_usage u;

    gw_engine_usage(sim->gw.engine, &u);
    return u.sessions >= (uint32_t)sim->o.max_sessions;
}

static bool has_few_connections(const struct sim *sim)
{
    return sim->o.transparent && (size_t)sim->o.max_connections <
                                     sim->node_count + sim->library_count;
}

static void expect_connected(struct sim *sim)
{
    /* Who was refused then may wait longer than this. */
    if (sim->o.max_sessions < 64 || is_full(sim) || has_few_connections(sim))
        return;
    for (size_t i = 0; i < sim->node_count; i++) {
        const struct node *node = &sim->nodes[i];
        const struct book *book =
            oracle_book(sim, node->id, strlen(node->id), false);

        if (node->state == N_GONE ||
            sim->net.boxes[node->box].peer.addr.family == 0)
            continue; /* movers: another has its address */
        if (is_displaced(sim, node->id, node->box))
            continue;
        /* A forged CONNECT may have given its address another's name. */
        if (node->state != N_ACTIVE || book == NULL ||
            (book->state != GW_ACTIVE && !book->hazy &&
             !is_hurried(node, book)))
            sim_fail(sim, "L2", "%s is in state %d, and not connected",
                     node->id, (int)node->state);
    }
    for (size_t i = 0; i < sim->library_count; i++) {
        const struct library *library = &sim->libraries[i];

        if (mqttsn_client_state(&library->client) != MQTTSN_CLIENT_ACTIVE &&
            !is_displaced(sim, library->id, library->box))
            sim_fail(sim, "L2", "%s is in state %d, and not connected",
                     library->id, (int)mqttsn_client_state(&library->client));
    }
}

/* ---- L1 ---------------------------------------------------------------- */

static bool at_the_broker(const struct sim *sim, const struct book *book,
                          const char *filter)
{
    char name[BROKER_TOPIC];

    rules_at_broker(&sim->o, book->id, filter, name);
    if (sim->o.transparent) /* whose connection is closed, tells it later */
        return links_of(sim, book->id) == 0 ||
               links_subscribed(sim, book->id, name);
    for (size_t i = 0; i < sim->broker.filter_count; i++)
        if (strcmp(sim->broker.filters[i].filter, name) == 0)
            return true;
    return false;
}

static bool is_there(struct sim *sim, const struct book *book)
{
    if (book->peer.addr.family == 0)
        return false;
    for (size_t i = 0; i < sim->node_count; i++)
        if (strcmp(sim->nodes[i].id, book->id) == 0)
            return sim->nodes[i].state != N_GONE &&
                   peer_equal(&sim->net.boxes[sim->nodes[i].box].peer,
                              &book->peer);
    for (size_t i = 0; i < sim->library_count; i++)
        if (strcmp(sim->libraries[i].id, book->id) == 0)
            return peer_equal(&sim->net.boxes[sim->libraries[i].box].peer,
                              &book->peer);
    return false;
}

void oracle_expect_rest(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        if (!book->exists)
            continue;
        for (size_t k = 0; k < book->sub_count; k++)
            /* A broker that refuses a SUBSCRIBE after an outage has ended
             * the subscription; no message can say so to the node. */
            if (book->subs[k].state == SUB_STANDS && !book->subs[k].lost &&
                !book->hazy &&
                strncmp(book->subs[k].filter, "mqttsn-gw/", 10) != 0 &&
                !at_the_broker(sim, book, book->subs[k].filter))
                sim_fail(sim, "L1", "'%s' of %s is not at the broker",
                         book->subs[k].filter, book->id);
        /* Who answers nothing, and says nothing, is left alone (G12-36). */
        if (book->step.type != 0 &&
            book->step.timed >= (unsigned)sim->o.retry_count)
            continue;
        if (book->state == GW_ACTIVE && book->held != 0 && !book->hazy &&
            is_there(sim, book))
            sim_fail(sim, "L1", "%u messages still wait for %s", book->held,
                     book->id);
    }
    oracle_up_rest(sim);
    for (size_t i = 0; i < o->will_count; i++)
        if (!o->wills_may[i] && o->up_drops == 0 &&
            gw_engine_counters(sim->gw.engine)->wills_dropped == 0)
            sim_fail(sim, "L1", "the will on %s is not out", o->wills[i].topic);
}

/* One message on every topic: whoever is subscribed gets it. */
static void probe(struct sim *sim)
{
    static const char *const topics[] = {"aa",    "t/1", "t/1/x",  "a/b",
                                         "up/qs", "cmd", "pre/two"};
    char payload[16];

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        snprintf(payload, sizeof(payload), "p%zu", i);
        rules_publish_for_all(sim, topics[i], payload, (uint8_t)(1 + i % 2),
                              false);
    }
}

/* ---- L3 ---------------------------------------------------------------- */

static void leave(struct sim *sim)
{
    sim->leaving = true;
    sim_trace(sim, "--- everybody leaves");
    for (size_t i = 0; i < sim->node_count; i++)
        node_leave(sim, &sim->nodes[i]);
    for (size_t i = 0; i < sim->library_count; i++)
        library_leave(sim, &sim->libraries[i]);
}

static void expect_nothing(struct sim *sim)
{
    struct gw_usage u;

    gw_engine_usage(sim->gw.engine, &u);
    for (size_t i = 0; i < sim->oracle.book_count; i++)
        if (sim->oracle.books[i].exists)
            sim_fail(sim, "L3", "%s is left, in state %d",
                     sim->oracle.books[i].id, (int)sim->oracle.books[i].state);
    if (u.sessions + u.topics + u.subscriptions + u.exchanges +
                u.queue_entries + u.messages + u.replies + u.uplink_messages !=
            0 ||
        u.message_bytes != 0)
        sim_fail(sim, "L3",
                 "%u sessions, %u topics, %u subscriptions, %u exchanges, %u "
                 "places, %u messages, %u replies, %llu octets are left",
                 u.sessions, u.topics, u.subscriptions, u.exchanges,
                 u.queue_entries, u.messages, u.replies,
                 (unsigned long long)u.message_bytes);
    if (u.connections != 0)
        sim_fail(sim, "L3", "%llu connections are left",
                 (unsigned long long)u.connections);
    if (u.filters != 0 || u.name_bytes != sim->gw.name_bytes_at_start)
        sim_fail(sim, "L3",
                 "%u filters, %llu octets of names for %llu are left",
                 u.filters, (unsigned long long)u.name_bytes,
                 (unsigned long long)sim->gw.name_bytes_at_start);
    store_expect_nothing(sim);
    /* A gateway that dies may take an UNSUBSCRIBE with it. */
    if (sim->broker.filter_count != 0 && sim->gw.lives == 1)
        sim_fail(sim, "L3", "'%s' is still subscribed to at the broker",
                 sim->broker.filters[0].filter);
}

static void mix_end(struct sim *sim)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);

#define MIX(name, text) sim_mix(sim, &c->name, sizeof(c->name));
    GW_COUNTER_MAP(MIX)
#undef MIX
}

void sim_heal(struct sim *sim)
{
    sim_until(sim, sim->now); /* what a jump of the clock has made due */
    calm(sim);
    sim_until(sim, sim->now + HEALING_MS);
    expect_connected(sim);
    oracle_expect_rest(sim);
    probe(sim);
    sim_until(sim, sim->now + PROBING_MS);
    oracle_expect_rest(sim);
    if (!tables_are_small(sim))
        errands(sim);
    sim_until(sim, sim->now + PROBING_MS);
    oracle_expect_rest(sim);
    leave(sim);
    sim_until(sim, sim->now + LEAVING_MS);
    sim_until(sim, sim->now + EMPTYING_MS);
    expect_nothing(sim);
    mix_end(sim);
}
