/* SPDX-License-Identifier: MIT */
/* What an operator sees: states and deadlines, topics, subscriptions, queues,
 * and connections to the broker. */
#include "check.h"

#include "broker.h"
#include "world.h"

struct fixture {
    struct world w;
    struct broker broker;
    struct node n1, n2;
};

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void init(struct fixture *fx)
{
    world_init(&fx->w);
    fx->w.fail = stop_test;
    broker_init(&fx->broker);
    fx->broker.each_copy = false;
    fx->w.broker = &fx->broker;
    fx->n1 = world_node(1);
    fx->n2 = world_node(2);
}

static void start(struct fixture *fx)
{
    init(fx);
    world_start(&fx->w);
}

static struct mqttsn_span text(const char *t)
{
    return mqttsn_span_text(t);
}

static void assert_text(struct mqttsn_span span, const char *expected)
{
    assert_int_equal(span.len, strlen(expected));
    assert_memory_equal(span.data, expected, span.len);
}

static struct gw_session_info look(const struct fixture *fx, const char *id)
{
    struct gw_session_info info;

    assert_true(gw_engine_session(fx->w.engine, text(id), &info));
    assert_text(info.client_id, id);
    return info;
}

static struct gw_totals totals(const struct fixture *fx)
{
    struct gw_totals t;

    gw_engine_totals(fx->w.engine, &t);
    return t;
}

/* ---- sessions ---------------------------------------------------------- */

static void a_client_is_seen_in_each_of_its_states(void **unused)
{
    mqttsn_ms began, expiry;
    struct gw_session_info s;
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.mode = GW_MODE_AGGREGATING;
    fx.w.start_offline = true; /* so that CONNECT waits */
    world_start(&fx.w);
    expiry = fx.w.options.session_expiry;
    began = fx.w.now;

    CASE("half-open");
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    s = look(&fx, "n1");
    assert_int_equal(s.state, GW_HALF_OPEN);
    assert_true(s.due == MQTTSN_NEVER);
    assert_true(s.ends == MQTTSN_NEVER);
    assert_int_equal(totals(&fx).clients[GW_HALF_OPEN], 1);

    CASE("active");
    broker_return(&fx.broker, &fx.w, false);
    while (look(&fx, "n1").state == GW_HALF_OPEN)
        world_until(&fx.w, gw_engine_next_deadline(fx.w.engine));
    began = fx.w.now;
    s = look(&fx, "n1");
    assert_int_equal(s.state, GW_ACTIVE);
    assert_memory_equal(&s.addr, &fx.n1.addr, sizeof(s.addr));
    assert_int_equal(s.node_id.len, 0);
    assert_int_equal(s.duration_s, 100);
    assert_true(s.due == began + 100000);
    assert_true(s.ends == began + 110000);
    assert_false(s.clean_session);
    assert_int_equal(totals(&fx).clients[GW_ACTIVE], 1);
    assert_int_equal(totals(&fx).clients[GW_HALF_OPEN], 0);

    CASE("asleep");
    world_until(&fx.w, began + 5000);
    world_send(&fx.w, &fx.n1, sn_disconnect(40));
    s = look(&fx, "n1");
    assert_int_equal(s.state, GW_ASLEEP);
    assert_int_equal(s.duration_s, 40);
    assert_true(s.state_since == began + 5000);
    assert_true(s.last_heard == began + 5000);
    assert_true(s.due == began + 45000);
    assert_true(s.ends == began + 65000);

    CASE("awake");
    fx.w.blocked = SINK_DATAGRAM;
    world_send(&fx.w, &fx.n1, sn_pingreq("n1"));
    s = look(&fx, "n1");
    assert_int_equal(s.state, GW_AWAKE);
    assert_int_equal(s.duration_s, 40);
    assert_true(s.due == MQTTSN_NEVER);
    assert_true(s.ends == MQTTSN_NEVER);
    fx.w.blocked = 0;
    world_pump(&fx.w);
    assert_int_equal(look(&fx, "n1").state, GW_ASLEEP);

    CASE("lost");
    world_until(&fx.w, began + 65001);
    s = look(&fx, "n1");
    assert_int_equal(s.state, GW_LOST);
    assert_true(s.last_heard == began + 5000);
    assert_true(s.due == MQTTSN_NEVER);
    assert_true(s.ends == s.state_since + expiry);
    assert_int_equal(totals(&fx).clients[GW_LOST], 1);

    CASE("disconnected");
    world_send(&fx.w, &fx.n1, sn_connect("n1", 0, 0));
    s = look(&fx, "n1");
    assert_true(s.due == MQTTSN_NEVER); /* a keep-alive of 0 is no word */
    assert_true(s.ends == s.last_heard + fx.w.options.idle_max);
    world_send(&fx.w, &fx.n1, sn_disconnect(-1));
    assert_int_equal(look(&fx, "n1").state, GW_DISCONNECTED);

    CASE("gone");
    world_until(&fx.w, fx.w.now + expiry);
    assert_false(gw_engine_session(fx.w.engine, text("n1"), &s));
    for (unsigned i = 0; i < GW_STATE_COUNT; i++)
        assert_int_equal(totals(&fx).clients[i], 0);
    world_stop(&fx.w);
}

static void a_client_behind_a_forwarder_has_a_node_id(void **unused)
{
    struct gw_session_info s;
    struct fixture fx;
    struct node behind;

    (void)unused;
    init(&fx);
    world_listener(&fx.w, (struct gw_listener_options){.port = 1883,
                                                       .max_datagram = 1024});
    world_listener(&fx.w, (struct gw_listener_options){.port = 1884,
                                                       .max_datagram = 1024,
                                                       .forwarders_any = true});
    world_start(&fx.w);
    behind = world_node_behind(fx.n1, "\x0a\x01", 2);
    behind.via.listener = 1;
    world_send(&fx.w, &behind, sn_connect("w7", 60, SN_CLEAN));
    s = look(&fx, "w7");
    assert_int_equal(s.node_id.len, 2);
    assert_memory_equal(s.node_id.data, "\x0a\x01", 2);
    assert_memory_equal(&s.addr, &fx.n1.addr, sizeof(s.addr));
    assert_int_equal(s.listener, 1);
    assert_true(s.clean_session);

    CASE("whose a datagram is");
    assert_text(gw_engine_client_at(fx.w.engine, &fx.n1.addr,
                                    mqttsn_span("\x0a\x01", 2)),
                "w7");
    assert_text(gw_engine_client_at(fx.w.engine, &fx.n1.addr,
                                    mqttsn_span("\x0a\x02", 2)),
                "");
    assert_text(
        gw_engine_client_at(fx.w.engine, &fx.n1.addr, mqttsn_span("", 0)), "");
    world_send(&fx.w, &fx.n2, sn_connect("n2", 60, SN_CLEAN));
    assert_text(
        gw_engine_client_at(fx.w.engine, &fx.n2.addr, mqttsn_span("", 0)),
        "n2");
    world_stop(&fx.w);
}

static void who_is_traced_says_the_configuration(void **unused)
{
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.rules[0] = (struct gw_client_rule){.pattern = "n1",
                                            .fields = GW_CLIENT_TRACE,
                                            .settings = {.trace = false}};
    fx.w.rules[1] = (struct gw_client_rule){.pattern = "n*",
                                            .fields = GW_CLIENT_TRACE,
                                            .settings = {.trace = true}};
    fx.w.options.client_rule_count = 2;
    world_start(&fx.w);
    assert_false(gw_engine_traces(fx.w.engine, text("n1")));
    assert_true(gw_engine_traces(fx.w.engine, text("n2")));
    assert_false(gw_engine_traces(fx.w.engine, text("m2")));
    world_stop(&fx.w);
}

static void a_restored_client_has_no_address_and_is_counted(void **unused)
{
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.durable = true;
    world_start(&fx.w);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n1, sn_disconnect(-1));
    world_send(&fx.w, &fx.n2, sn_connect("n2", 100, 0));
    world_send(&fx.w, &fx.n2, sn_disconnect(600));
    broker_crash(&fx.broker);
    world_restart(&fx.w);
    assert_int_equal(totals(&fx).clients[GW_DISCONNECTED], 1);
    assert_int_equal(totals(&fx).clients[GW_ASLEEP], 1);
    assert_int_equal(look(&fx, "n2").state, GW_ASLEEP);
    world_stop(&fx.w);
}

static void of_nobody_nothing_is_seen(void **unused)
{
    struct gw_subscription_info sub;
    struct gw_session_info s;
    struct gw_queued_info queued;
    struct gw_topic_info topic;
    struct fixture fx;
    struct gw_engine *e;

    (void)unused;
    start(&fx);
    e = fx.w.engine;
    assert_false(gw_engine_session(e, text("n1"), &s));
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 0, 1, &topic), 0);
    assert_int_equal(gw_engine_subscriptions_of(e, text("n1"), 0, 1, &sub), 0);
    assert_int_equal(gw_engine_queue_of(e, text("n1"), 1, &queued), 0);
    world_stop(&fx.w);
}

/* ---- topics ------------------------------------------------------------ */

static void topics_are_seen_with_what_their_client_knows(void **unused)
{
    struct gw_topic_info rows[4];
    struct fixture fx;
    uint32_t cursor = 0;
    struct gw_engine *e;

    (void)unused;
    init(&fx);
    world_predefine(&fx.w, NULL, 101, "pre/one", false);
    world_start(&fx.w);
    e = fx.w.engine;
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n2, sn_connect("n2", 100, 0));
    world_send(&fx.w, &fx.n1, sn_register(0, 1, "a/b"));
    world_send(&fx.w, &fx.n1, sn_publish(SN_PREDEFINED, 101, 0, "x"));
    world_send(&fx.w, &fx.n2, sn_register(0, 1, "c"));

    CASE("newest first");
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 0, 4, rows), 2);
    assert_text(rows[0].client_id, "n1");
    assert_text(rows[0].name, "pre/one");
    assert_int_equal(rows[0].id, 101);
    assert_true(rows[0].predefined && rows[0].known && !rows[0].refused);
    assert_text(rows[1].name, "a/b");
    assert_true(!rows[1].predefined && rows[1].known && !rows[1].refused);

    CASE("pages");
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 0, 1, rows), 1);
    assert_text(rows[0].name, "pre/one");
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 1, 1, rows), 1);
    assert_text(rows[0].name, "a/b");
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 2, 1, rows), 0);
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 9, 1, rows), 0);

    CASE("of all clients");
    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 2);
    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 1);
    assert_text(rows[0].client_id, "n2");
    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 0);

    CASE("refused, and no such predefined id");
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, 0, 2, "#"));
    broker_publish(&fx.broker, &fx.w, "pre/one", "1", 0, false);
    world_send(&fx.w, &fx.n1, sn_ack(SN_PUBACK, 101, 0, 2));
    broker_publish(&fx.broker, &fx.w, "other/name", "2", 1, false);
    {
        struct sn_frame reg;
        struct output *out;

        do {
            out = world_take(&fx.w, OUT_DATAGRAM, &fx.n1);
            assert_non_null(out);
            world_open(&fx.w, out, &fx.n1, &reg);
        } while (reg.type != SN_REGISTER);
        world_send(&fx.w, &fx.n1, sn_ack(SN_REGACK, reg.topic, reg.msg, 3));
    }
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 0, 4, rows), 3);
    assert_text(rows[0].name, "other/name");
    assert_true(!rows[0].known && rows[0].refused);
    assert_true(!rows[1].known && rows[1].refused && rows[1].predefined);

    CASE("a new connection knows none");
    world_send(&fx.w, &fx.n1, sn_connect("n1", 50, 0));
    world_send(&fx.w, &fx.n1, sn_disconnect(-1));
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    assert_int_equal(gw_engine_topics_of(e, text("n1"), 2, 1, rows), 1);
    assert_text(rows[0].name, "a/b");
    assert_false(rows[0].known);
    world_stop(&fx.w);
}

/* What ended leaves holes; a call that has a row does not look for ever. */
static void a_walk_is_many_short_calls(void **unused)
{
    enum { HOLES = 5000 };
    struct gw_topic_info rows[2];
    struct gw_session_info sessions[2];
    struct fixture fx;
    uint32_t cursor = 0;
    struct node n3 = world_node(3);
    struct gw_engine *e;

    (void)unused;
    init(&fx);
    fx.w.limits.max_topics = HOLES + 2;
    fx.w.options.max_topics_per_client = HOLES;
    world_start(&fx.w);
    e = fx.w.engine;
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n2, sn_connect("n2", 100, SN_CLEAN));
    world_send(&fx.w, &n3, sn_connect("n3", 100, 0));
    world_send(&fx.w, &fx.n1, sn_register(0, 1, "first"));
    for (unsigned i = 0; i < HOLES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%u", i);
        world_send(&fx.w, &fx.n2, sn_register(0, 2, name));
        world_forget_outputs(&fx.w);
    }
    world_send(&fx.w, &fx.n1, sn_register(0, 3, "last"));
    assert_int_equal(world_usage(&fx.w).topics, HOLES + 2);
    world_send(&fx.w, &fx.n2, sn_disconnect(-1));

    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 1);
    assert_text(rows[0].name, "first");
    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 1);
    assert_text(rows[0].name, "last");
    assert_int_equal(gw_engine_visit_topics(e, &cursor, 2, rows), 0);

    cursor = 0;
    assert_int_equal(gw_engine_visit(e, &cursor, 2, sessions), 2);
    assert_text(sessions[0].client_id, "n1");
    assert_text(sessions[1].client_id, "n3");
    world_stop(&fx.w);
}

/* ---- subscriptions ----------------------------------------------------- */

static void filters_are_seen_as_their_client_names_them(void **unused)
{
    static const struct gw_fixed_subscription fixed[] = {{"cmd/#", 1}};
    struct gw_subscription_info rows[4];
    struct fixture fx;
    uint32_t cursor = 0;
    struct gw_engine *e;

    (void)unused;
    init(&fx);
    fx.w.options.topic_prefix = "site/{client_id}/";
    fx.w.rules[0] = (struct gw_client_rule){.pattern = "n2",
                                            .fields = GW_CLIENT_SUBSCRIBE,
                                            .subscriptions = fixed,
                                            .subscription_count = 1};
    fx.w.options.client_rule_count = 1;
    world_start(&fx.w);
    e = fx.w.engine;
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS2, 1, "a/+"));
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, 0, 2, "b"));
    world_send(&fx.w, &fx.n2, sn_connect("n2", 100, 0));

    assert_int_equal(gw_engine_subscriptions_of(e, text("n1"), 0, 4, rows), 2);
    assert_text(rows[1].filter, "a/+");
    assert_text(rows[1].client_id, "n1");
    assert_int_equal(rows[1].qos, 2);
    assert_true(rows[1].granted && !rows[1].fixed);
    assert_int_equal(gw_engine_subscriptions_of(e, text("n1"), 1, 1, rows), 1);
    assert_text(rows[0].filter, "a/+");
    assert_int_equal(gw_engine_subscriptions_of(e, text("n1"), 3, 1, rows), 0);

    assert_int_equal(gw_engine_visit_subscriptions(e, &cursor, 3, rows), 3);
    assert_text(rows[2].client_id, "n2");
    assert_text(rows[2].filter, "cmd/#");
    assert_true(rows[2].fixed);
    assert_int_equal(gw_engine_visit_subscriptions(e, &cursor, 3, rows), 0);

    world_send(&fx.w, &fx.n1, sn_subscribe(SN_UNSUBSCRIBE, 0, 3, "a/+"));
    cursor = 0;
    assert_int_equal(gw_engine_visit_subscriptions(e, &cursor, 3, rows), 2);
    world_stop(&fx.w);
}

/* ---- what waits -------------------------------------------------------- */

static void a_queue_is_seen_in_its_order(void **unused)
{
    struct gw_queued_info rows[4];
    struct gw_session_info s;
    struct fixture fx;
    mqttsn_ms first;

    (void)unused;
    start(&fx);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "#"));
    world_until(&fx.w, fx.w.now + 1000);
    world_send(&fx.w, &fx.n1, sn_disconnect(600));
    first = fx.w.now;
    broker_publish(&fx.broker, &fx.w, "ab", "one", 1, false);
    world_until(&fx.w, fx.w.now + 2000);
    broker_publish(&fx.broker, &fx.w, "cd", "2", 0, false);

    assert_int_equal(gw_engine_queue_of(fx.w.engine, text("n1"), 4, rows), 2);
    assert_text(rows[0].topic, "ab");
    assert_int_equal(rows[0].payload_len, 3);
    assert_int_equal(rows[0].qos, 1);
    assert_true(rows[0].received == first && rows[0].expires == 0);
    assert_true(!rows[0].sent && !rows[0].retain);
    assert_text(rows[1].topic, "cd");
    assert_int_equal(rows[1].qos, 0);
    assert_int_equal(gw_engine_queue_of(fx.w.engine, text("n1"), 1, rows), 1);

    s = look(&fx, "n1");
    assert_int_equal(s.queue_messages, 2);
    assert_true(s.queue_since == first);
    assert_int_equal(totals(&fx).queues, 1);
    assert_int_equal(totals(&fx).queue_messages, 2);
    assert_int_equal(totals(&fx).queue_bytes, 128); /* a chunk for each */

    CASE("under way");
    world_send(&fx.w, &fx.n1, sn_pingreq("n1"));
    assert_int_equal(gw_engine_queue_of(fx.w.engine, text("n1"), 4, rows), 2);
    assert_true(rows[0].sent && !rows[1].sent);
    world_stop(&fx.w);
}

static void what_waits_for_the_broker_is_counted_for_its_client(void **unused)
{
    static const bool durable[] = {false, true};
    struct gw_link_info link;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(durable); i++) {
        struct fixture fx;

        CASE(durable[i] ? "acknowledged" : "not acknowledged");
        init(&fx);
        fx.w.options.durable = durable[i];
        world_start(&fx.w);
        world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
        world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, 0, 9, "x"));
        gw_engine_link(fx.w.engine, &link);
        assert_int_equal(link.state, GW_LINK_UP);
        assert_int_equal(link.window, fx.w.options.window);
        assert_int_equal(link.client_id.len, 0);

        broker_break(&fx.broker, &fx.w);
        world_send(&fx.w, &fx.n1,
                   sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 1, "x"));
        world_send(&fx.w, &fx.n1,
                   sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 2, "y"));
        world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, 0, 10, "y"));
        assert_int_equal(look(&fx, "n1").uplink_waiting, 2);
        gw_engine_link(fx.w.engine, &link);
        assert_int_equal(link.state, GW_LINK_DOWN);
        assert_int_equal(link.waiting, 2);
        assert_true(totals(&fx).uplink_bytes > 0);

        fx.broker.holds_results = true;
        broker_return(&fx.broker, &fx.w, true);
        world_until(&fx.w, fx.w.now + 1000);
        assert_int_equal(look(&fx, "n1").uplink_waiting, 0);
        gw_engine_link(fx.w.engine, &link);
        assert_int_equal(link.in_flight, 2);
        assert_int_equal(link.waiting, 0);
        world_stop(&fx.w);
    }
}

static void what_waits_for_the_store_waits_for_the_broker_too(void **unused)
{
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.durable = true;
    world_start(&fx.w);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    broker_break(&fx.broker, &fx.w);
    fx.w.store_mode = STORE_HELD;
    world_send(&fx.w, &fx.n1, sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 1, "x"));
    assert_int_equal(look(&fx, "n1").uplink_waiting, 1);
    while (fx.w.waiting_count > 0)
        world_stored(&fx.w, 0, true);
    assert_int_equal(look(&fx, "n1").uplink_waiting, 1);
    world_stop(&fx.w);
}

/* ---- connections of nodes ---------------------------------------------- */

static void connect_link(struct fixture *fx, uint32_t number)
{
    struct gw_up_event event = {.kind = GW_UP_CONNECTED, .connection = number};

    gw_engine_on_upstream(fx->w.engine, &event, fx->w.now);
    world_pump(&fx->w);
}

static void connections_of_nodes_are_seen_with_whose_they_are(void **unused)
{
    struct gw_link_info rows[3];
    struct fixture fx;
    uint32_t cursor = 0;
    struct gw_engine *e;

    (void)unused;
    init(&fx);
    fx.w.broker = NULL;
    fx.w.options.mode = GW_MODE_TRANSPARENT;
    world_start(&fx.w);
    e = fx.w.engine;
    assert_int_equal(gw_engine_visit_links(e, &cursor, 3, rows), 0);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 100, 0));
    world_send(&fx.w, &fx.n2, sn_connect("n2", 100, 0));
    connect_link(&fx, 1);

    assert_int_equal(gw_engine_visit_links(e, &cursor, 1, rows), 1);
    assert_text(rows[0].client_id, "n1");
    assert_int_equal(rows[0].state, GW_LINK_UP);
    assert_int_equal(rows[0].window, fx.w.options.window);
    assert_int_equal(gw_engine_visit_links(e, &cursor, 1, rows), 1);
    assert_text(rows[0].client_id, "n2");
    assert_int_equal(rows[0].state, GW_LINK_UNKNOWN);
    assert_int_equal(rows[0].window, 0);
    assert_int_equal(gw_engine_visit_links(e, &cursor, 1, rows), 0);

    CASE("one that is being closed is nobody's");
    world_send(&fx.w, &fx.n1, sn_disconnect(-1));
    cursor = 0;
    assert_int_equal(gw_engine_visit_links(e, &cursor, 3, rows), 1);
    assert_text(rows[0].client_id, "n2");
    CASE("and one that is closed is none");
    {
        struct gw_up_event closed = {.kind = GW_UP_CLOSED, .connection = 1};

        gw_engine_on_upstream(e, &closed, fx.w.now);
        world_pump(&fx.w);
    }
    cursor = 0;
    assert_int_equal(gw_engine_visit_links(e, &cursor, 3, rows), 1);
    world_stop(&fx.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_seen_in_each_of_its_states),
        cmocka_unit_test(a_client_behind_a_forwarder_has_a_node_id),
        cmocka_unit_test(who_is_traced_says_the_configuration),
        cmocka_unit_test(a_restored_client_has_no_address_and_is_counted),
        cmocka_unit_test(of_nobody_nothing_is_seen),
        cmocka_unit_test(topics_are_seen_with_what_their_client_knows),
        cmocka_unit_test(a_walk_is_many_short_calls),
        cmocka_unit_test(filters_are_seen_as_their_client_names_them),
        cmocka_unit_test(a_queue_is_seen_in_its_order),
        cmocka_unit_test(what_waits_for_the_broker_is_counted_for_its_client),
        cmocka_unit_test(what_waits_for_the_store_waits_for_the_broker_too),
        cmocka_unit_test(connections_of_nodes_are_seen_with_whose_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
