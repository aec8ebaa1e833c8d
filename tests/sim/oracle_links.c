/* SPDX-License-Identifier: MIT */
/*
 * With a connection to the broker for each node: what belongs to a node goes
 * by its own and comes by it, and what happens to one disturbs no other.
 */
#include "sim.h"

#include <string.h>

static struct book *book_of(struct sim *sim, unsigned connection)
{
    const char *id = links_client(sim, connection);

    return id != NULL ? oracle_book(sim, id, strlen(id), false) : NULL;
}

/* ---- who is not concerned ------------------------------------------------ */

static uint64_t fold(uint64_t h, uint64_t value)
{
    return (h ^ value) * UINT64_C(0x100000001b3) ^ (h >> 29);
}

/* All sessions but that of 'book'. */
static uint64_t print_but(struct sim *sim, const struct book *book)
{
    struct gw_session_info info[16];
    uint64_t h = 0;
    uint32_t cursor = 0;
    size_t n;

    while ((n = gw_engine_visit(sim->gw.engine, &cursor, 16, info)) > 0)
        for (size_t i = 0; i < n; i++) {
            if (book != NULL && info[i].client_id.len == book->id_len &&
                memcmp(info[i].client_id.data, book->id, book->id_len) == 0)
                continue;
            h = fold(h, info[i].state);
            h = fold(h, info[i].state_since);
            h = fold(h, info[i].last_heard);
            h = fold(h, info[i].ends);
            h = fold(h, info[i].topics);
            h = fold(h, info[i].subscriptions);
            h = fold(h, info[i].queue_messages);
            h = fold(h, info[i].exchanges);
        }
    return h;
}

void oracle_links_event(struct sim *sim, const struct gw_up_event *event)
{
    static const char *const words[] = {"connected", "lost",   "unreachable",
                                        "denied",    "result", "message",
                                        "closed"};
    struct oracle *o = &sim->oracle;

    if (event->connection == 0)
        return;
    o->linked = book_of(sim, event->connection);
    o->others = print_but(sim, o->linked);
    sim_trace(sim, "up > %u %s (%s)", event->connection, words[event->kind],
              o->linked != NULL ? o->linked->id : "?");
}

/* Each is up for the engine when it is, and not when another is. */
static void check_links(struct sim *sim)
{
    struct gw_link_info info[16];
    uint32_t cursor = 0;
    size_t n;

    while ((n = gw_engine_visit_links(sim->gw.engine, &cursor, 16, info)) > 0)
        for (size_t i = 0; i < n; i++) {
            char id[ORACLE_ID] = {0};
            unsigned connection;

            /* One that is to be opened anew waits for its CLOSE to go out. */
            if (info[i].state == GW_LINK_UNKNOWN ||
                info[i].client_id.len == 0 ||
                info[i].client_id.len >= sizeof(id))
                continue;
            memcpy(id, info[i].client_id.data, info[i].client_id.len);
            connection = links_of(sim, id);
            if (connection != 0 &&
                (info[i].state == GW_LINK_UP) != links_up(sim, connection))
                sim_fail(sim, "links", "the connection of %s counts as %s", id,
                         info[i].state == GW_LINK_UP ? "up" : "down");
        }
}

void oracle_links_after(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    if (sim->o.transparent && o->input == INPUT_UPSTREAM)
        check_links(sim);
    if (o->input != INPUT_UPSTREAM || o->linked == NULL)
        return;
    if (print_but(sim, o->linked) != o->others)
        sim_fail(sim, "links",
                 "what happens to the connection of %s disturbs "
                 "another",
                 o->linked->id);
}

/* ---- what goes by it ----------------------------------------------------- */

void oracle_links_action(struct sim *sim, const struct gw_up_action *action)
{
    char id[ORACLE_ID] = {0};
    const struct book *book;

    if (action->kind != GW_UP_OPEN)
        return;
    if (action->client_id.len >= sizeof(id))
        sim_fail(sim, "links", "a connection for an id of %zu octets",
                 action->client_id.len);
    memcpy(id, action->client_id.data, action->client_id.len);
    book = oracle_book(sim, id, action->client_id.len, false);
    if (book == NULL || !book->exists)
        sim_fail(sim, "links", "a connection for '%s', who is nobody", id);
    if (book->clean != action->clean)
        sim_fail(sim, "links", "the connection of %s has clean=%d", id,
                 action->clean);
}

void oracle_links_published(struct sim *sim, const struct gw_up_action *action,
                            const struct book *book)
{
    const char *id;

    if (!sim->o.transparent)
        return;
    if (book == NULL && action->connection != 0)
        sim_fail(sim, "links", "QoS -1 goes by the connection of a node");
    id = links_client(sim, action->connection);
    if (book != NULL && (id == NULL || strcmp(id, book->id) != 0))
        sim_fail(sim, "links", "a publish of %s goes by connection %u of %s",
                 book->id, action->connection, id != NULL ? id : "nobody");
}

/* ---- what comes by it ---------------------------------------------------- */

void oracle_links_offer(struct sim *sim, unsigned connection,
                        const struct outgoing *outgoing)
{
    struct oracle *o = &sim->oracle;
    struct book *book = book_of(sim, connection);
    const char *topic;
    bool must;

    for (size_t i = 0; i < o->book_count; i++)
        o->books[i].offered = false;
    o->message_loose = false;
    if (book == NULL || !book->exists)
        return;
    topic = rules_of_client(&sim->o, book->id,
                            sim->broker.messages[outgoing->message].topic);
    if (topic == NULL || topic[0] == '\0')
        return;
    /* The broker has matched it. */
    must = !book->hazy && oracle_connected(book) && links_up(sim, connection) &&
           links_of(sim, book->id) == connection;
    oracle_offer_to(sim, book, outgoing, must, outgoing->qos, outgoing->qos);
}

bool oracle_links_publish_will(const struct sim *sim, const struct book *book)
{
    return !links_abandoned(sim, book->id);
}
