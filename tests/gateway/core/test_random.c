/* SPDX-License-Identifier: MIT */
/*
 * Thousands of random inputs: nodes that behave, strangers that do not, a
 * broker that comes and goes, sinks that are blocked, a store that answers
 * late and in any order; in a second test gateways that die; in a third one
 * tables that are too small for all that, and other options. Whatever
 * happens, an acknowledged message is at the broker, QoS 2 is not doubled, a
 * sleeper is left alone, no message disappears uncounted, and in the end the
 * tables are empty.
 *
 * SEED=n runs one seed only; everything follows from it.
 */
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "broker.h"
#include "seeds.h"

enum { NODES = 6, STRANGERS = 4, INPUTS = 1500, SEEDS = 12, PAYLOADS = 20000 };

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[NODES];
    unsigned number; /* of the next payload */
    struct {
        uint8_t qos;
        uint8_t published; /* times at the broker */
        bool accepted;     /* its node was told so */
    } uplink[PAYLOADS];
    bool kills;
    bool starves;
};

enum mode { PLAIN, KILLS, STARVES };

static struct fixture fx;
static unsigned long seed;

static const char *const names[] = {"aa", "bb", "cc", "dd"};
static const char *const filters[] = {"aa",  "bb",    "+",   "#",     "d/+",
                                      "d/x", "d/+/z", "d/#", "other", "cc"};
static const char *const topics[] = {"aa",    "bb",   "d/x",   "d/y",
                                     "d/x/z", "none", "other", "cc"};

static uint32_t pick(uint32_t below)
{
    return world_random(&fx.w, below);
}

static void stop_test(const char *message)
{
    fail_msg("seed %lu: %s", seed, message);
}

static void on_publish(struct broker *broker,
                       const struct broker_action *publish)
{
    unsigned number = (unsigned)atoi(publish->payload + 1);

    (void)broker;
    if (publish->payload[0] != 'u' || number >= PAYLOADS)
        return;
    if (++fx.uplink[number].published > 1 && fx.uplink[number].qos == 2)
        world_fail(&fx.w, "QoS 2 '%s' was published twice", publish->payload);
}

static void on_outcome(struct actor *actor, const char *payload, uint8_t code)
{
    unsigned number = (unsigned)atoi(payload + 1);

    if (code != 0 || payload[0] != 'u' || number >= PAYLOADS)
        return;
    fx.uplink[number].accepted = true;
    if (fx.uplink[number].published == 0)
        world_fail(&fx.w, "%s was told that '%s' is accepted", actor->id,
                   payload);
}

static void settle(void)
{
    actors_settle(fx.nodes, NODES, &fx.w);
}

/* ---- what can happen --------------------------------------------------- */

static void node_publishes(struct actor *actor)
{
    uint8_t qos = (uint8_t)pick(3);
    char payload[16];

    fx.uplink[fx.number].qos = qos;
    snprintf(payload, sizeof(payload), "u%u", fx.number++);
    actor_publish(actor, &fx.w, names[pick(ARRAY_LEN(names))], payload, qos);
}

static void node_acts(void)
{
    struct actor *actor = &fx.nodes[pick(NODES)];

    if (actor_busy(actor))
        return;
    if (!actor->connected && !actor->asleep) {
        actor_connect(actor, &fx.w, (uint16_t)(60 + pick(600)), pick(4) == 0);
        return;
    }
    if (actor->asleep && pick(3) > 0) {
        actor_wake(actor, &fx.w);
        return;
    }
    switch (pick(10)) {
    case 0:
    case 1:
        actor_subscribe(actor, &fx.w, filters[pick(ARRAY_LEN(filters))],
                        (uint8_t)pick(3));
        break;
    case 2:
        actor_unsubscribe(actor, &fx.w, filters[pick(ARRAY_LEN(filters))]);
        break;
    case 3:
        actor_register(actor, &fx.w, topics[pick(ARRAY_LEN(topics))]);
        break;
    case 4:
        actor_sleep(actor, &fx.w, (uint16_t)(30 + pick(300)));
        break;
    case 5:
        if (pick(3) == 0)
            actor_disconnect(actor, &fx.w);
        break;
    case 6:
        actor_connect(actor, &fx.w, (uint16_t)(60 + pick(600)), false);
        break;
    default:
        node_publishes(actor);
        break;
    }
}

static void broker_speaks(void)
{
    char payload[16];

    for (unsigned n = 1 + pick(4); n > 0; n--) {
        snprintf(payload, sizeof(payload), "d%u", fx.number++);
        broker_publish(&fx.broker, &fx.w, topics[pick(ARRAY_LEN(topics))],
                       payload, (uint8_t)pick(3), pick(12) == 0);
    }
}

/* Frames that are almost right, from addresses of no node. */
static void stranger_speaks(void)
{
    struct node from = world_node(100 + pick(STRANGERS));
    struct octets o;
    char id[8];

    snprintf(id, sizeof(id), "s%u", pick(STRANGERS * 2));
    switch (pick(9)) {
    case 0:
        o = sn_connect(id, (uint16_t)pick(300), (uint8_t)pick(256));
        break;
    case 1:
        o = sn_subscribe(SN_SUBSCRIBE, (uint8_t)pick(256), (uint16_t)pick(4),
                         filters[pick(ARRAY_LEN(filters))]);
        break;
    case 2:
        o = sn_register(0, (uint16_t)pick(4), topics[pick(ARRAY_LEN(topics))]);
        break;
    case 3:
        o = sn_publish((uint8_t)pick(256), (uint16_t)pick(5), (uint16_t)pick(4),
                       "s");
        break;
    case 4:
        o = sn_ack(pick(2) ? SN_PUBACK : SN_REGACK, (uint16_t)pick(5),
                   (uint16_t)pick(65536), (uint8_t)pick(5));
        break;
    case 5:
        o = sn_disconnect((int)pick(400) - 100);
        break;
    case 6:
        o = sn_pingreq(pick(2) ? id : NULL);
        break;
    case 7:
        o = sn_msg((uint8_t)(0x0e + pick(3)), (uint16_t)pick(65536));
        break;
    default:
        o = sn_willtopic((uint8_t)(pick(2) ? SN_WILLTOPIC : SN_WILLTOPICUPD),
                         (uint8_t)pick(256), "will");
        break;
    }
    if (pick(4) == 0)
        o.data[pick((uint32_t)o.len)] = (uint8_t)pick(256);
    if (pick(8) == 0)
        o.len = pick((uint32_t)o.len + 1);
    world_send_raw(&fx.w, &from, o.data, o.len);
}

static void weather_changes(void)
{
    switch (pick(8)) {
    case 0:
        /* A gateway that dies has written down what it was told: else a
         * publish that the broker has just acknowledged happens again. */
        fx.w.blocked = pick(fx.kills ? 4 : 8);
        break;
    case 1:
        fx.w.blocked = 0;
        break;
    case 2:
        fx.w.store_mode = pick(2) ? STORE_RANDOM : STORE_NEXT_TURN;
        break;
    case 3:
        fx.broker.delay = pick(4);
        break;
    case 4:
        fx.w.budget = pick(2) ? 1 + pick(3) : 0;
        break;
    case 5:
        fx.nodes[pick(NODES)].unheard ^= true;
        break;
    case 6:
        if (fx.broker.online && pick(2) == 0)
            broker_break(&fx.broker, &fx.w);
        break;
    default:
        if (!fx.broker.online)
            broker_return(&fx.broker, &fx.w, pick(2) == 0);
        break;
    }
}

static void time_passes(uint32_t ms)
{
    world_until(&fx.w, fx.w.now + ms);
    settle();
    actors_tick(fx.nodes, NODES, &fx.w);
}

/* ---- what must hold ---------------------------------------------------- */

static uint64_t counter(const char *name)
{
    uint64_t value = 0;

    assert_true(world_counter(&fx.w, name, &value));
    return value;
}

/* Queued = delivered + dropped + still there. What is never queued, QoS 0 for
 * who is away, has its own counter. */
static void check_conservation(void)
{
    static const char *const reasons[] = {
        "drop_queue_full",    "drop_total_full", "drop_fair_share",
        "drop_superseded",    "drop_expired",    "drop_message_expired",
        "drop_session_ended", "drop_too_large",  "drop_no_topic_id",
        "drop_name_refused",  "drop_rejected",   "drop_unresponsive",
        "drop_table_full"};
    uint64_t out = counter("down_delivered") + world_usage(&fx.w).queue_entries;

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        out += counter(reasons[i]);
    /* Where there is no room at all, messages are dropped before. */
    if (out == counter("down_queued") ||
        (fx.starves && out > counter("down_queued")))
        return;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        world_trace(&fx.w, "%s %llu", reasons[i],
                    (unsigned long long)counter(reasons[i]));
    world_fail(&fx.w, "%llu queued and %llu accounted for",
               (unsigned long long)counter("down_queued"),
               (unsigned long long)out);
}

static void heal(void)
{
    fx.w.blocked = 0;
    fx.w.budget = 0;
    fx.w.store_mode = STORE_NEXT_TURN;
    fx.broker.delay = 0;
    for (unsigned i = 0; i < NODES; i++)
        fx.nodes[i].unheard = false;
    world_pump(&fx.w);
    if (!fx.broker.online)
        broker_return(&fx.broker, &fx.w, true);
    for (unsigned i = 0; i < 120; i++)
        time_passes(1000);
}

/* Everybody leaves; strangers' sessions run out. */
static void empty(uint64_t names_at_start)
{
    struct gw_usage u;

    for (unsigned i = 0; i < NODES; i++) {
        fx.nodes[i].clean = true;
        fx.nodes[i].waits_for = 0;
        actor_connect(&fx.nodes[i], &fx.w, 60, false);
        settle();
        time_passes(1000);
        actor_disconnect(&fx.nodes[i], &fx.w);
        settle();
    }
    world_until(&fx.w, fx.w.now + 20 * 86400000ull);
    u = world_usage(&fx.w);
    if (u.sessions + u.topics + u.subscriptions + u.filters + u.filter_levels +
                u.exchanges + u.queue_entries + u.messages + u.replies +
                u.message_bytes !=
            0 ||
        u.name_bytes != names_at_start)
        world_fail(&fx.w, "not empty:\n%s", world_snapshot(&fx.w));
    /* A gateway that dies may take an UNSUBSCRIBE with it. */
    if (fx.broker.filter_count != 0 && !fx.kills)
        world_fail(&fx.w, "'%s' is still subscribed to",
                   fx.broker.filters[0].filter);
}

/* Each table has room for a part of what happens, at times for next to
 * nothing; and of the switches, some are thrown. */
static void starve(struct gw_limits *l, struct gw_options *o)
{
    l->max_sessions = 2 + pick(NODES + STRANGERS);
    l->max_topics = 1 + pick(24);
    l->max_subscriptions = 1 + pick(12);
    l->max_exchanges = 1 + pick(12);
    l->max_queue_entries = 1 + pick(30);
    l->queue_total_bytes = 64 + pick(1500);
    l->uplink_total_bytes = 64 + pick(1000);
    o->max_topics_per_client = 1 + pick(12);
    o->client_inflight_max = 1 + pick(3);
    o->client.queue_max_messages = 1 + pick(10);
    o->client.queue_max_bytes = 16 + pick(100);
    o->client.drop_policy = (enum gw_drop_policy)pick(3);
    o->awake_max_messages = pick(4);
    o->gw_ping = pick(2);
    o->sleep_keeps_topics = pick(2);
    o->sleep_buffer_qos0 = pick(2);
    o->strict_sleep = pick(2);
    o->qos_minus1_short = pick(2);
    o->source_rate = pick(2) * 50;
    o->refuse_keepalive_zero = pick(2);
    o->upstream_down_max = pick(2) * 20000;
}

static void run(enum mode mode)
{
    bool kills = mode == KILLS;
    uint64_t names_at_start;

    memset(&fx, 0, sizeof(fx));
    fx.kills = kills;
    fx.starves = mode == STARVES;
    broker_init(&fx.broker);
    fx.broker.on_publish = on_publish;
    world_init(&fx.w);
    fx.w.fail = stop_test;
    fx.w.broker = &fx.broker;
    fx.w.orphans_allowed = kills; /* of a CONNECT that was never answered */
    seeds_plant(&fx.w, seed);
    fx.w.options.client.queue_max_messages = 10;
    fx.w.options.upstream_timeout = 60000;
    if (fx.starves)
        starve(&fx.w.limits, &fx.w.options);
    world_start(&fx.w);
    names_at_start = world_usage(&fx.w).name_bytes;
    for (unsigned i = 0; i < NODES; i++) {
        actor_init(&fx.nodes[i], i + 1, i % 3 == 2);
        fx.nodes[i].on_outcome = on_outcome;
    }
    for (unsigned i = 0; i < INPUTS; i++) {
        uint32_t dice = pick(100);

        if (dice < 40)
            node_acts();
        else if (dice < 60)
            broker_speaks();
        else if (dice < 75)
            stranger_speaks();
        else if (dice < 80)
            weather_changes();
        else
            time_passes(pick(4) == 0 ? pick(30000) : pick(500));
        if (kills && pick(100) == 0) {
            broker_crash(&fx.broker);
            world_restart(&fx.w);
            if (fx.broker.online)
                broker_return(&fx.broker, &fx.w, true);
        }
        settle();
        if (!kills)
            check_conservation();
    }
    heal();
    empty(names_at_start);
    world_stop(&fx.w);
}

static void run_seeds(enum mode mode)
{
    for (seed = 0; seeds_next(&seed, SEEDS);)
        run(mode);
}

static void nothing_is_lost_whatever_happens(void **unused)
{
    (void)unused;
    run_seeds(PLAIN);
}

static void nor_when_the_gateway_dies(void **unused)
{
    (void)unused;
    run_seeds(KILLS);
}

static void nor_when_every_table_is_too_small(void **unused)
{
    (void)unused;
    run_seeds(STARVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_whatever_happens),
        cmocka_unit_test(nor_when_the_gateway_dies),
        cmocka_unit_test(nor_when_every_table_is_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
