/* SPDX-License-Identifier: MIT */
/*
 * The engine takes no memory after its start; what it can run out of is places
 * in its tables and room for names. Each of these is refused in turn, over
 * conversations that need all of them: one alone, and all from it on until
 * there is room again. The linker's --wrap leads the calls to a table that is
 * full on order.
 *
 * Whatever is refused: what is sent is well-formed and what may be sent, no
 * promise to a node is broken, when there is room again all are served, and in
 * the end nothing is left.
 *
 * ORDER=n begins at the n-th; everything follows from it.
 */
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "broker.h"
#include "engine_private.h"

enum { NODES = 4, LINKS = 16, TICKS = 40 };

/* What a conversation is held with. */
struct setting {
    const char *name;
    void (*options)(struct world *w);
};

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[NODES];
    struct {
        uint32_t link;
        enum gw_up_event_kind answer;
    } asked[LINKS]; /* of connections for nodes */
    size_t asked_count;
    unsigned number; /* of the next payload */
    bool published[256];
};

static struct fixture fx;
static struct setting setting;

/* ---- tables that are full on order ------------------------------------- */

static struct gw_engine *engine; /* while its tables may be full */
static unsigned refuse_at, refuse_from, taken;

uint32_t __real_gw_slab_take_new(struct gw_slab *slab);
uint32_t __wrap_gw_slab_take_new(struct gw_slab *slab);
uint32_t __real_gw_names_intern(struct gw_names *names,
                                struct mqttsn_span text);
uint32_t __wrap_gw_names_intern(struct gw_names *names,
                                struct mqttsn_span text);
uint32_t __real_gw_message_new(struct gw_messages *messages, uint32_t topic,
                               struct mqttsn_span payload, bool retain,
                               mqttsn_ms now);
uint32_t __wrap_gw_message_new(struct gw_messages *messages, uint32_t topic,
                               struct mqttsn_span payload, bool retain,
                               mqttsn_ms now);
enum mqttsn_status __real_gw_engine_new(const struct gw_limits *limits,
                                        const struct gw_options *options,
                                        const uint8_t seed[16], mqttsn_ms now,
                                        struct gw_engine **ret_engine);
enum mqttsn_status __wrap_gw_engine_new(const struct gw_limits *limits,
                                        const struct gw_options *options,
                                        const uint8_t seed[16], mqttsn_ms now,
                                        struct gw_engine **ret_engine);

static bool is_refused(void)
{
    unsigned number = ++taken;

    return number == refuse_at || (refuse_from != 0 && number >= refuse_from);
}

/* Of some tables a place is never refused: there are as many as sessions, or
 * the caller has asked before whether there is one. */
static bool has_always(const struct gw_slab *slab)
{
    return slab == &engine->colds || slab == &engine->vias.slab ||
           slab == &engine->topics || slab == &engine->up_messages.messages ||
           slab == &engine->up_messages.chunks ||
           slab == &engine->down_messages.messages ||
           slab == &engine->down_messages.chunks;
}

uint32_t __wrap_gw_slab_take_new(struct gw_slab *slab)
{
    if (engine != NULL && !has_always(slab) && is_refused())
        return 0;
    return __real_gw_slab_take_new(slab);
}

uint32_t __wrap_gw_names_intern(struct gw_names *names, struct mqttsn_span text)
{
    if (engine != NULL && gw_names_find(names, text) == 0 && is_refused())
        return 0;
    return __real_gw_names_intern(names, text);
}

uint32_t __wrap_gw_message_new(struct gw_messages *messages, uint32_t topic,
                               struct mqttsn_span payload, bool retain,
                               mqttsn_ms now)
{
    if (engine != NULL && is_refused())
        return 0;
    return __real_gw_message_new(messages, topic, payload, retain, now);
}

/* At the start nothing is refused: test_memory.c does that. */
enum mqttsn_status __wrap_gw_engine_new(const struct gw_limits *limits,
                                        const struct gw_options *options,
                                        const uint8_t seed[16], mqttsn_ms now,
                                        struct gw_engine **ret_engine)
{
    enum mqttsn_status status;

    engine = NULL;
    status = __real_gw_engine_new(limits, options, seed, now, ret_engine);
    engine = *ret_engine;
    return status;
}

static void room_again(void)
{
    refuse_at = refuse_from = 0;
}

/* ---- the world --------------------------------------------------------- */

static void stop_test(const char *message)
{
    fail_msg("%s, refused at %u, from %u: %s", setting.name, refuse_at,
             refuse_from, message);
}

static void on_publish(struct broker *broker,
                       const struct broker_action *publish)
{
    unsigned number = (unsigned)atoi(publish->payload + 1);

    (void)broker;
    if (publish->payload[0] != 'u')
        return;
    assert_true(number < ARRAY_LEN(fx.published));
    if (fx.published[number] && publish->qos == 2)
        world_fail(&fx.w, "'%s' was published twice", publish->payload);
    fx.published[number] = true;
}

/* Without a durable store the broker has what a node was told is accepted. */
static void on_outcome(struct actor *actor, const char *payload, uint8_t code)
{
    if (code == 0 && payload[0] == 'u' && !fx.w.options.durable &&
        !fx.published[atoi(payload + 1)])
        world_fail(&fx.w, "%s was told that '%s' is accepted", actor->id,
                   payload);
}

static void on_output(struct world *w, struct output *out)
{
    (void)w;
    if (out->kind != OUT_UPSTREAM ||
        (out->up.kind != GW_UP_OPEN && out->up.kind != GW_UP_CLOSE))
        return;
    assert_true(fx.asked_count < LINKS);
    fx.asked[fx.asked_count].link = out->up.connection;
    fx.asked[fx.asked_count++].answer =
        out->up.kind == GW_UP_OPEN ? GW_UP_CONNECTED : GW_UP_CLOSED;
}

/* The broker takes every connection for a node. */
static bool answer_connections(void)
{
    bool any = fx.asked_count != 0;

    while (fx.asked_count != 0) {
        struct gw_up_event event = {.kind = fx.asked[0].answer,
                                    .connection = fx.asked[0].link};

        memmove(&fx.asked[0], &fx.asked[1],
                --fx.asked_count * sizeof(fx.asked[0]));
        gw_engine_on_upstream(fx.w.engine, &event, fx.w.now);
        world_pump(&fx.w);
    }
    return any;
}

static void settle(void)
{
    do
        actors_settle(fx.nodes, NODES, &fx.w);
    while (answer_connections());
}

static void pass(mqttsn_ms ms)
{
    settle();
    world_until(&fx.w, fx.w.now + ms);
    settle();
    actors_tick(fx.nodes, NODES, &fx.w);
    settle();
}

static void publish(struct actor *actor, const char *name, uint8_t qos)
{
    char payload[16];

    snprintf(payload, sizeof(payload), "u%u", fx.number++);
    actor_publish(actor, &fx.w, name, payload, qos);
    pass(100);
}

static const char *next_payload(void)
{
    static char payload[16];

    snprintf(payload, sizeof(payload), "d%u", fx.number++);
    return payload;
}

/* By whatever connections there are, and to each node behind its prefix. */
static void broker_says(const char *topic, uint8_t qos, bool retain)
{
    unsigned prefixes = fx.w.options.topic_prefix != NULL ? NODES : 0;

    if (prefixes == 0)
        broker_publish(&fx.broker, &fx.w, topic, next_payload(), qos, retain);
    for (unsigned i = 0; i < prefixes; i++) {
        char mapped[64];

        snprintf(mapped, sizeof(mapped), "site/%s/%s", fx.nodes[i].id, topic);
        broker_publish(&fx.broker, &fx.w, mapped, next_payload(), qos, retain);
    }
    for (fx.w.link = 1; fx.w.link <= fx.w.engine->links.high; fx.w.link++) {
        const char *payload = next_payload();

        world_message(&fx.w, topic, payload, strlen(payload), qos, retain);
    }
    fx.w.link = 0;
    pass(100);
}

/* ---- the conversation -------------------------------------------------- */

static void nodes_arrive(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        actor_connect(&fx.nodes[i], &fx.w, 3600, i == 0);
        pass(100);
    }
}

static void nodes_ask(void)
{
    struct actor *a = &fx.nodes[0], *b = &fx.nodes[1], *c = &fx.nodes[2];

    actor_subscribe(a, &fx.w, "cmd/a", 1);
    pass(100);
    actor_subscribe(a, &fx.w, "cmd/+", 2);
    pass(100);
    actor_subscribe(b, &fx.w, "cmd/#", 0);
    pass(100);
    actor_subscribe(c, &fx.w, "cmd/+", 1);
    pass(100);
    actor_register(a, &fx.w, "up/some/name");
    pass(100);
    world_send(&fx.w, &c->node,
               sn_willtopic(SN_WILLTOPICUPD, SN_QOS1, "will/of/c"));
    world_send(&fx.w, &c->node, sn_willmsg(SN_WILLMSGUPD, "changed"));
    pass(100);
}

static void messages_pass(void)
{
    struct node stranger = world_node(99);

    for (uint8_t qos = 0; qos <= 2; qos++) {
        publish(&fx.nodes[0], "aa", qos);
        publish(&fx.nodes[1], "bb", qos);
        broker_says("cmd/a", qos, false);
    }
    world_send(&fx.w, &stranger,
               sn_publish(SN_QOS_MINUS1 | SN_SHORT, 0x7171, 0, "x"));
    pass(100);
    broker_says("cmd/b/c", 1, true);
    gw_engine_publish(fx.w.engine, mqttsn_span_text("own/word"),
                      mqttsn_span_text("x"), true, fx.w.now);
    world_pump(&fx.w);
}

static void nodes_sleep(void)
{
    for (unsigned i = 0; i < NODES; i += 2) {
        actor_sleep(&fx.nodes[i], &fx.w, 3600);
        pass(100);
    }
    broker_says("cmd/a", 1, false);
    broker_says("cmd/new", 2, false);
    for (unsigned i = 0; i < NODES; i += 2) {
        if (!fx.nodes[i].asleep)
            continue;
        actor_wake(&fx.nodes[i], &fx.w);
        pass(100);
    }
}

/* Somebody else says that it is the first node, twice from behind forwarders;
 * others are heard of for the first time. */
static void strangers_come(void)
{
    struct node far = world_node_at("10.9.9.9", 1000);
    struct node behind =
        world_node_behind(world_node_at("10.0.0.3", 20003), "\x0b\x0c", 2);

    world_send(&fx.w, &far, sn_connect(fx.nodes[0].id, 60, 0));
    pass(100);
    world_send(&fx.w, &behind, sn_connect(fx.nodes[0].id, 60, 0));
    world_send(&fx.w, &behind, sn_pingreq(NULL));
    pass(5000);
}

/* Other rows, and a subscription that the gateway makes. */
static void reload(void)
{
    static const struct gw_fixed_subscription fixed = {"cmd/fixed/{client_id}",
                                                       1};
    struct gw_options options = fx.w.options;
    struct gw_client_rule rule = {.pattern = "node*",
                                  .fields = GW_CLIENT_SUBSCRIBE,
                                  .subscriptions = &fixed,
                                  .subscription_count = 1};
    struct gw_predefined rows[] = {{NULL, "pre/one", 1, true},
                                   {"node2", "pre/two", 2, false}};
    enum mqttsn_status status;

    options.client_rules = &rule;
    options.client_rule_count = 1;
    options.predefined = rows;
    options.predefined_count = ARRAY_LEN(rows);
    status = gw_engine_reconfigure(fx.w.engine, &options, fx.w.now);
    assert_true(status == MQTTSN_OK || status == MQTTSN_ENOSPACE);
    world_pump(&fx.w);
    pass(1000);
}

static void links_hear(enum gw_up_event_kind kind)
{
    for (fx.w.link = 1; fx.w.link <= fx.w.engine->links.high; fx.w.link++)
        world_event(&fx.w, kind);
    fx.w.link = 0;
}

static void broker_goes(void)
{
    links_hear(GW_UP_LOST);
    broker_break(&fx.broker, &fx.w);
    publish(&fx.nodes[0], "cc", 2);
    publish(&fx.nodes[2], "cc", 1);
    actor_subscribe(&fx.nodes[1], &fx.w, "late/+", 1);
    pass(1000);
    broker_return(&fx.broker, &fx.w, false);
    links_hear(GW_UP_CONNECTED);
    pass(10000);
}

static void gateway_dies(void)
{
    broker_crash(&fx.broker);
    world_restart(&fx.w);
    fx.asked_count = 0;
    broker_return(&fx.broker, &fx.w, true);
    /* What was not restored, a node learns anew. */
    for (unsigned i = 0; i < NODES; i++)
        memset(fx.nodes[i].names, 0, sizeof(fx.nodes[i].names));
    broker_says("cmd/a", 1, false);
    publish(&fx.nodes[0], "dd", 1);
}

static void converse(void)
{
    nodes_arrive();
    nodes_ask();
    messages_pass();
    nodes_sleep();
    strangers_come();
    reload();
    broker_goes();
    gateway_dies();
}

/* ---- what must hold ---------------------------------------------------- */

static void all_are_served(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct actor *actor = &fx.nodes[i];
        uint64_t before;

        actor->waits_for = 0;
        actor->clean = true;
        actor_connect(actor, &fx.w, 3600, true);
        for (unsigned n = 0; n < TICKS && actor_busy(actor); n++)
            pass(1000);
        if (!actor->connected)
            world_fail(&fx.w, "%s is not served", actor->id);
        actor_subscribe(actor, &fx.w, "final/#", 1);
        pass(1000);
        before = actor->received;
        broker_says("final/word", 1, false);
        if (actor->received == before)
            world_fail(&fx.w, "%s is sent nothing", actor->id);
        before = actor->acked;
        publish(actor, "ee", 1);
        if (actor->acked == before)
            world_fail(&fx.w, "%s is not answered", actor->id);
    }
}

static void nothing_is_left(uint64_t names_at_start)
{
    struct gw_usage u;

    for (unsigned i = 0; i < NODES; i++) {
        actor_disconnect(&fx.nodes[i], &fx.w);
        pass(1000);
    }
    world_until(&fx.w, fx.w.now + 20 * 86400000ull);
    settle();
    u = world_usage(&fx.w);
    if (u.sessions + u.topics + u.subscriptions + u.filters + u.filter_levels +
                u.exchanges + u.queue_entries + u.messages + u.replies +
                u.message_bytes + u.uplink_messages + u.connections !=
            0 ||
        u.name_bytes != names_at_start)
        world_fail(&fx.w, "not empty:\n%s", world_snapshot(&fx.w));
}

static void start(void)
{
    memset(&fx, 0, sizeof(fx));
    broker_init(&fx.broker);
    fx.broker.on_publish = on_publish;
    world_init(&fx.w);
    fx.w.fail = stop_test;
    fx.w.broker = &fx.broker;
    fx.w.watch = on_output;
    fx.w.orphans_allowed = fx.w.narrows = true;
    fx.w.options.qos_minus1_short = true;
    fx.w.options.upstream_timeout = 30000;
    setting.options(&fx.w);
    world_listener(&fx.w, (struct gw_listener_options){.max_datagram = 1024,
                                                       .forwarders_any = true});
    world_start(&fx.w);
    for (unsigned i = 0; i < NODES; i++) {
        actor_init(&fx.nodes[i], i + 1, i == 1);
        fx.nodes[i].on_outcome = on_outcome;
    }
    fx.nodes[3].node = world_node_behind(world_node(3), "\x0a", 1);
}

/* How often something was taken while it could be refused. */
static unsigned life(unsigned at, unsigned from)
{
    uint64_t names_at_start;
    unsigned asked;

    start();
    names_at_start = world_usage(&fx.w).name_bytes;
    taken = 0;
    refuse_at = at;
    refuse_from = from;
    converse();
    asked = taken;
    room_again();
    for (unsigned n = 0; n < TICKS; n++)
        pass(10000);
    all_are_served();
    nothing_is_left(names_at_start);
    engine = NULL;
    world_stop(&fx.w);
    return asked;
}

static void sweep(const char *name, void (*options)(struct world *w))
{
    const char *first = getenv("ORDER");
    unsigned count, n = first != NULL ? (unsigned)atoi(first) : 1;

    setting = (struct setting){name, options};
    count = life(0, 0);
    assert_true(count > 50); /* it was about something */
    for (; n <= count; n++) {
        life(n, 0);
        life(0, n);
    }
    print_message("%s: each of %u, once and from then on\n", name, count);
}

static void plain(struct world *w)
{
    w->options.sleep_buffer_qos0 = true;
}

static void durable(struct world *w)
{
    w->options.durable = true;
    w->options.uplink_qos0 = true;
}

static void mapped(struct world *w)
{
    w->options.topic_prefix = "site/{client_id}/";
    w->options.overlapping = GW_OVERLAPPING_PROBE;
}

static void transparent(struct world *w)
{
    w->options.mode = GW_MODE_TRANSPARENT;
}

static void with_one_connection(void **unused)
{
    (void)unused;
    sweep("one connection", plain);
}

static void with_a_durable_store(void **unused)
{
    (void)unused;
    sweep("durable", durable);
}

static void behind_a_prefix(void **unused)
{
    (void)unused;
    sweep("prefix", mapped);
}

static void with_a_connection_for_each_node(void **unused)
{
    (void)unused;
    sweep("transparent", transparent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_one_connection),
        cmocka_unit_test(with_a_durable_store),
        cmocka_unit_test(behind_a_prefix),
        cmocka_unit_test(with_a_connection_for_each_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
