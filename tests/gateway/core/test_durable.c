/* SPDX-License-Identifier: MIT */
/*
 * Store and forward under random weather: a broker that comes and goes, a
 * store that answers late and in any order or fails, sessions that end, and in
 * a second test gateways that die, with a broker side that keeps what it was
 * given or loses it. Whatever happens, what a node was told is accepted comes
 * to the broker, of QoS 2 once, in the order in which the node sent it, and in
 * the end nothing is left.
 *
 * SEED=n runs one seed only; everything follows from it.
 */
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "broker.h"
#include "seeds.h"

enum { NODES = 6, INPUTS = 1200, SEEDS = 16, PAYLOADS = 8000 };

struct uplink {
    uint8_t qos, node;
    unsigned published;
    bool accepted;
};

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[NODES];
    unsigned number;        /* of the next payload */
    unsigned newest[NODES]; /* published of each node */
    struct uplink up[PAYLOADS];
    bool kills;
};

static struct fixture fx;
static unsigned long seed;
static unsigned reached; /* messages that waited while the broker was away */

static uint32_t pick(uint32_t below)
{
    return world_random(&fx.w, below);
}

static void stop_test(const char *message)
{
    fail_msg("seed %lu: %s", seed, message);
}

static void settle(void)
{
    actors_settle(fx.nodes, NODES, &fx.w);
}

static void on_publish(struct broker *broker,
                       const struct broker_action *publish)
{
    unsigned number = (unsigned)atoi(publish->payload + 1);
    struct uplink *u = &fx.up[number];

    (void)broker;
    if (publish->payload[0] != 'u')
        return;
    if (++u->published > 1 && u->qos != 1)
        world_fail(&fx.w, "'%s' of QoS %u was published twice",
                   publish->payload, u->qos);
    if (u->published > 1)
        return;
    if (number < fx.newest[u->node])
        world_fail(&fx.w, "'%s' came after 'u%u' of the same node",
                   publish->payload, fx.newest[u->node]);
    fx.newest[u->node] = number;
}

static void on_outcome(struct actor *actor, const char *payload, uint8_t code)
{
    (void)actor;
    if (code == 0 && payload[0] == 'u')
        fx.up[atoi(payload + 1)].accepted = true;
}

/* ---- what can happen --------------------------------------------------- */

static void publish(unsigned node)
{
    static const char *const names[] = {"aa", "bb", "cc"};
    struct actor *actor = &fx.nodes[node];
    uint8_t qos = (uint8_t)pick(3);
    char payload[16];

    assert_true(fx.number < PAYLOADS);
    fx.up[fx.number] = (struct uplink){.qos = qos, .node = (uint8_t)node};
    snprintf(payload, sizeof(payload), "u%u", fx.number++);
    actor_publish(actor, &fx.w, names[pick(ARRAY_LEN(names))], payload, qos);
}

static void node_acts(void)
{
    unsigned node = pick(NODES);
    struct actor *actor = &fx.nodes[node];

    if (actor_busy(actor))
        return;
    if (!actor->connected && !actor->asleep)
        actor_connect(actor, &fx.w, (uint16_t)(60 + pick(600)), false);
    else if (pick(20) == 0)
        actor_disconnect(actor, &fx.w);
    else if (pick(20) == 0)
        actor_connect(actor, &fx.w, (uint16_t)(60 + pick(600)), false);
    else
        publish(node);
}

static void weather_changes(void)
{
    switch (pick(7)) {
    case 0:
        fx.w.blocked = pick(2) ? SINK_UPSTREAM : 0;
        break;
    case 1:
        fx.w.store_mode = pick(2) ? STORE_RANDOM : STORE_NEXT_TURN;
        break;
    case 2:
        /* What a store cannot forget comes back with the next gateway. */
        fx.w.store_fails = !fx.kills && pick(4) == 0;
        break;
    case 3:
        fx.broker.delay = pick(4);
        break;
    case 4:
        fx.nodes[pick(NODES)].unheard ^= true;
        break;
    default:
        if (!fx.broker.online) {
            reached += world_usage(&fx.w).uplink_messages;
            broker_return(&fx.broker, &fx.w, true);
        } else {
            broker_break(&fx.broker, &fx.w);
        }
        break;
    }
}

static void time_passes(uint32_t ms)
{
    world_until(&fx.w, fx.w.now + ms);
    settle();
    actors_tick(fx.nodes, NODES, &fx.w);
}

/* The broker side keeps what it was given and has not carried out. */
static void hold(struct world *w, void *arg)
{
    size_t kept = 0;

    (void)arg;
    for (size_t i = 0; i < fx.broker.pending_count; i++) {
        struct broker_action action = fx.broker.pending[i];

        if (action.kind != GW_UP_PUBLISH || action.token == 0)
            continue;
        action.token = gw_engine_held(w->engine, action.owner, action.item);
        if (action.token != 0)
            fx.broker.pending[kept++] = action;
    }
    fx.broker.pending_count = kept;
}

static void gateway_dies(void)
{
    bool keeps = pick(2) == 0;

    fx.w.before_restored = keeps ? hold : NULL;
    if (!keeps)
        broker_crash(&fx.broker);
    world_restart(&fx.w);
    if (!fx.broker.online)
        return;
    if (pick(2)) {
        broker_return(&fx.broker, &fx.w, true);
    } else {
        broker_break(&fx.broker, &fx.w);
    }
}

/* ---- a life ------------------------------------------------------------ */

static void start(void)
{
    memset(&fx.w, 0, sizeof(fx.w));
    world_init(&fx.w);
    fx.w.fail = stop_test;
    fx.w.broker = &fx.broker;
    fx.w.orphans_allowed = fx.kills;
    seeds_plant(&fx.w, seed);
    fx.w.options.durable = true;
    fx.w.options.upstream_timeout = 60000;
    fx.w.options.window = 1 + pick(8);
    fx.w.options.uplink_qos0 = pick(2);
    fx.w.options.uplink_drain_rate = pick(2) ? 1 + pick(20) : 0;
    fx.w.options.uplink_drop_policy = GW_DROP_NEWEST;
    fx.w.limits.uplink_max_messages = 100 + pick(100);
    world_start(&fx.w);
    for (unsigned i = 0; i < NODES; i++) {
        actor_init(&fx.nodes[i], i + 1, i % 3 == 2);
        fx.nodes[i].on_outcome = on_outcome;
    }
}

static void heal(void)
{
    fx.w.blocked = 0;
    fx.w.store_fails = false;
    fx.w.store_mode = STORE_NEXT_TURN;
    fx.broker.delay = 0;
    for (unsigned i = 0; i < NODES; i++)
        fx.nodes[i].unheard = false;
    world_pump(&fx.w);
    if (!fx.broker.online)
        broker_return(&fx.broker, &fx.w, true);
    for (unsigned i = 0; i < 300; i++)
        time_passes(1000);
}

static void check_end(uint64_t names_at_start)
{
    struct gw_usage u;

    for (unsigned i = 0; i < fx.number; i++)
        if (fx.up[i].accepted && fx.up[i].published == 0)
            world_fail(&fx.w, "'u%u' was accepted and never published", i);
    if (world_usage(&fx.w).uplink_messages != 0)
        world_fail(&fx.w, "the backlog does not empty");
    for (unsigned i = 0; i < NODES; i++)
        actor_disconnect(&fx.nodes[i], &fx.w);
    world_until(&fx.w, fx.w.now + 20 * 86400000ull);
    u = world_usage(&fx.w);
    if (u.sessions + u.exchanges + u.messages + u.replies + u.uplink_messages +
                u.uplink_bytes + u.message_bytes !=
            0 ||
        u.name_bytes != names_at_start)
        world_fail(&fx.w, "not empty:\n%s", world_snapshot(&fx.w));
    if (fx.w.records.count != 0 && !fx.w.store_fails && fx.kills)
        world_fail(&fx.w, "%zu records are left", fx.w.records.count);
}

static void run(bool kills)
{
    uint64_t names_at_start;

    memset(&fx, 0, sizeof(fx));
    fx.kills = kills;
    broker_init(&fx.broker);
    fx.broker.on_publish = on_publish;
    start();
    names_at_start = world_usage(&fx.w).name_bytes;
    for (unsigned i = 0; i < INPUTS; i++) {
        uint32_t dice = pick(100);

        if (dice < 70)
            node_acts();
        else if (dice < 80)
            weather_changes();
        else
            time_passes(pick(8) == 0 ? pick(30000) : pick(500));
        if (kills && pick(50) == 0)
            gateway_dies();
        settle();
    }
    heal();
    check_end(names_at_start);
    world_stop(&fx.w);
}

static void run_seeds(bool kills)
{
    reached = 0;
    for (seed = 0; seeds_next(&seed, SEEDS);)
        run(kills);
    assert_true(seeds_one() || reached > 1000); /* it was about something */
}

static void what_was_accepted_arrives_in_order(void **unused)
{
    (void)unused;
    run_seeds(false);
}

static void also_when_the_gateway_dies(void **unused)
{
    (void)unused;
    run_seeds(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_accepted_arrives_in_order),
        cmocka_unit_test(also_when_the_gateway_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
