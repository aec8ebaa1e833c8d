/* SPDX-License-Identifier: MIT */
/*
 * When all is well, each node does one of everything (L5): what it asks is
 * answered before it would ask again, what it publishes is at the broker, and
 * to who subscribes comes what is retained.
 */
#include "sim.h"

#include <string.h>

/* Less than a node waits before it repeats. */
#define ANSWERED_MS 7000
/* A SUBSCRIBE waits its turn among those whose filters intersect, for each of
 * which retained messages have some time to settle. */
#define SUBSCRIBED_MS 30000

#define KEPT_TOPIC "kept/1"
#define KEPT_PAYLOAD "kept"

/* Where it is known that the gateway has this client, and no other, at this
 * address. */
static bool is_known(struct sim *sim, unsigned box, const char *id)
{
    const struct peer *peer = &sim->net.boxes[box].peer;
    const struct book *book;

    if (peer->addr.family == 0)
        return false;
    book = oracle_bound(sim, peer);
    return book != NULL && book->exists && !book->hazy &&
           book->state == GW_ACTIVE && strcmp(book->id, id) == 0;
}

static bool is_served(struct sim *sim, const struct node *node)
{
    return node->state == N_ACTIVE &&
           (node->request == 0 || node->request == SN_PINGREQ) &&
           is_known(sim, node->box, node->id);
}

/* What the gateway has refused or given up, and counted. */
static uint64_t refused(const struct sim *sim)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);

    return c->up_congestion + c->up_unknown_topic + c->up_refused_topic +
           c->up_drop_full + c->up_drop_expired + c->up_drop_rejected +
           c->up_rejected;
}

/* All who are served begin one errand; each must have been answered in time. */
static void all_do(struct sim *sim, enum errand errand, mqttsn_ms wait)
{
    uint64_t serial[SIM_NODES];
    bool sent[SIM_NODES];

    for (size_t i = 0; i < sim->node_count; i++) {
        struct node *node = &sim->nodes[i];

        sent[i] = is_served(sim, node) && node_errand(sim, node, errand);
        serial[i] = node->serial;
    }
    sim_until(sim, sim->now + wait);
    for (size_t i = 0; i < sim->node_count; i++) {
        const struct node *node = &sim->nodes[i];

        if (sent[i] && node->serial == serial[i])
            sim_fail(sim, "L5", "%s of %s has no answer",
                     sn_type_name(node->request), node->id);
    }
}

static bool nothing_waits(const struct sim *sim)
{
    struct gw_usage u;

    gw_engine_usage(sim->gw.engine, &u);
    return u.uplink_messages == 0;
}

static void publish_unanswered(struct sim *sim)
{
    unsigned number[SIM_NODES];
    bool sent[SIM_NODES];
    uint64_t before = refused(sim);
    char payload[24];

    if (!sim->broker.online || !nothing_waits(sim))
        return;
    for (size_t i = 0; i < sim->node_count; i++) {
        struct node *node = &sim->nodes[i];

        number[i] = node->payload_number;
        sent[i] =
            is_served(sim, node) && node_errand(sim, node, ERRAND_PUBLISH_0);
    }
    sim_until(sim, sim->now + ANSWERED_MS);
    for (size_t i = 0; i < sim->node_count; i++) {
        snprintf(payload, sizeof(payload), "u%zu.%u", i, number[i]);
        if (sent[i] && refused(sim) == before &&
            !oracle_up_arrived(sim, payload))
            sim_fail(sim, "L5",
                     "'%s' (QoS 0) is not at the broker, and not counted as "
                     "given up",
                     payload);
    }
}

static void libraries_publish(struct sim *sim)
{
    uint64_t done[SIM_LIBRARIES], before = refused(sim);
    bool sent[SIM_LIBRARIES];

    for (size_t i = 0; i < sim->library_count; i++) {
        struct library *l = &sim->libraries[i];

        done[i] = l->done;
        sent[i] = mqttsn_client_state(&l->client) == MQTTSN_CLIENT_ACTIVE &&
                  is_known(sim, l->box, l->id) && library_errand(sim, l);
    }
    sim_until(sim, sim->now + ANSWERED_MS);
    for (size_t i = 0; i < sim->library_count; i++)
        if (sent[i] && refused(sim) == before &&
            sim->libraries[i].done != done[i] + 1)
            sim_fail(sim, "L5", "a publish of %s was not accepted",
                     sim->libraries[i].id);
}

static void subscribe_to_retained(struct sim *sim)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    uint64_t drops = oracle_drops(c), lost = sim->broker.dropped;

    rules_publish_for_all(sim, KEPT_TOPIC, KEPT_PAYLOAD, 1, true);
    sim_until(sim, sim->now + ANSWERED_MS);
    for (size_t i = 0; i < sim->node_count; i++)
        sim->nodes[i].retained[0] = '\0';
    all_do(sim, ERRAND_SUBSCRIBE, SUBSCRIBED_MS);
    if (oracle_drops(c) != drops || sim->broker.dropped != lost)
        return;
    for (size_t i = 0; i < sim->node_count; i++) {
        const struct node *node = &sim->nodes[i];
        char name[BROKER_TOPIC];

        rules_at_broker(&sim->o, node->id, KEPT_TOPIC, name);
        if (!is_served(sim, node) || !node->subscribed ||
            !broker_retains(&sim->broker, name) ||
            oracle_bound(sim, &sim->net.boxes[node->box].peer)->held != 0)
            continue;
        if (strcmp(node->retained, KEPT_PAYLOAD) != 0)
            sim_fail(sim, "L5",
                     "%s has subscribed to '" KEPT_TOPIC
                     "', and has not got what is retained there",
                     node->id);
    }
}

void errands(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++)
        sim->nodes[i].subscribed = false;
    publish_unanswered(sim);
    all_do(sim, ERRAND_REGISTER, ANSWERED_MS);
    all_do(sim, ERRAND_PUBLISH_1, ANSWERED_MS);
    all_do(sim, ERRAND_PUBLISH_2, ANSWERED_MS);
    all_do(sim, ERRAND_WILLTOPIC, ANSWERED_MS);
    all_do(sim, ERRAND_WILLMSG, ANSWERED_MS);
    libraries_publish(sim);
    subscribe_to_retained(sim);
    /* By its own connection a node that has as much open as it may is not
     * heard. */
    if (!sim->o.transparent || sim->o.client_inflight_max >= 8)
        all_do(sim, ERRAND_UNSUBSCRIBE, SUBSCRIBED_MS);
}
