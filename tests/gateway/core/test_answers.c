/* SPDX-License-Identifier: MIT */
/* Who is answered and who is not, where there are many of them. */
#include "check.h"

#include "world.h"

enum { ANSWERS_MAX = 32 }; /* that wait for one node */

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void start(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
}

static uint64_t counter(struct world *w, const char *name)
{
    uint64_t value = 0;

    assert_true(world_counter(w, name, &value));
    return value;
}

static unsigned answers(struct world *w, const struct node *n, uint8_t type)
{
    struct output *out;
    unsigned count = 0;

    while ((out = world_take(w, OUT_DATAGRAM, n)) != NULL) {
        struct sn_frame frame;

        world_open(w, out, n, &frame);
        count += frame.type == type;
    }
    return count;
}

static void only_so_many_answers_wait_for_a_node(void **unused)
{
    struct node n1 = world_node(1);
    struct world w;

    (void)unused;
    start(&w);
    world_start(&w);
    world_send(&w, &n1, sn_connect("n1", 600, 0));
    assert_int_equal(answers(&w, &n1, SN_CONNACK), 1);
    w.blocked = SINK_DATAGRAM;
    for (unsigned i = 0; i < 2 * ANSWERS_MAX; i++)
        world_send(&w, &n1, sn_pingreq(NULL));
    /* What something hangs on is said all the same. */
    world_send(&w, &n1, sn_subscribe(SN_SUBSCRIBE, 0, 9, "a/b"));
    world_result(&w, world_take(&w, OUT_UPSTREAM, NULL)->up.token, GW_UP_DONE,
                 0);
    world_send(&w, &n1, sn_connect("n1", 600, 0));
    w.blocked = 0;
    world_pump(&w);
    assert_int_equal(world_usage(&w).replies, 0);
    world_send(&w, &n1, sn_pingreq(NULL));
    assert_true(answers(&w, &n1, SN_PINGRESP) <= ANSWERS_MAX + 1);
    world_stop(&w);
}

static void strangers_share_one_ring(void **unused)
{
    enum { STRANGERS = 3000, RING = 2048 };
    uint64_t muted;
    struct world w;
    unsigned count = 0;

    (void)unused;
    start(&w);
    w.options.stranger_reply_rate = 100000;
    world_start(&w);
    muted = counter(&w, "strangers_muted");
    w.blocked = SINK_DATAGRAM;
    for (unsigned i = 0; i < STRANGERS; i++) {
        char ip[24];
        struct node n;

        snprintf(ip, sizeof(ip), "10.1.%u.%u", i / 200, 1 + i % 200);
        n = world_node_at(ip, 2000);
        world_send(&w, &n, sn_pingreq(NULL));
    }
    w.blocked = 0;
    world_pump(&w);
    while (world_take(&w, OUT_DATAGRAM, NULL) != NULL)
        count++;
    assert_int_equal(count, RING);
    assert_int_equal(counter(&w, "strangers_muted"), muted + STRANGERS - RING);
    world_stop(&w);
}

/* [G12-27] */
static void a_frame_of_our_own_is_not_answered(void **unused)
{
    struct node self = world_node_at("10.0.0.99", 1883),
                neighbour = world_node_at("10.0.0.99", 1884);
    struct gw_listener_options listener = {.port = 1883, .max_datagram = 1024};
    struct world w;

    (void)unused;
    start(&w);
    world_listener(&w, listener);
    world_start(&w);
    self.via.family = neighbour.via.family = self.addr.family;
    memcpy(self.via.local_ip, self.addr.ip, 16);
    memcpy(neighbour.via.local_ip, self.addr.ip, 16);
    world_send(&w, &self, sn_pingreq(NULL));
    assert_int_equal(answers(&w, &self, SN_DISCONNECT), 0);
    assert_int_equal(counter(&w, "strangers_muted"), 1);
    /* Another port of this machine is a node like others. */
    world_send(&w, &neighbour, sn_pingreq(NULL));
    assert_int_equal(answers(&w, &neighbour, SN_DISCONNECT), 1);
    world_stop(&w);
}

/* [G12-27] */
static void gateways_beyond_number_are_seen_and_some_forgotten(void **unused)
{
    enum { GATEWAYS = 200 };
    unsigned answered = 0;
    struct world w;

    (void)unused;
    start(&w);
    w.options.stranger_reply_rate = 100000;
    world_start(&w);
    for (unsigned i = 0; i < GATEWAYS; i++) {
        struct node n = world_node(1 + i);
        struct sn_frame f = {
            .type = SN_ADVERTISE, .gw_id = (uint8_t)i, .duration = 900};

        world_send(&w, &n, sn_pack(&f));
        world_send(&w, &n, sn_pingreq(NULL));
        assert_int_equal(answers(&w, &n, SN_DISCONNECT), 0);
    }
    for (unsigned i = 0; i < GATEWAYS; i++) {
        struct node n = world_node(1 + i);

        world_send(&w, &n, sn_pingreq(NULL));
        answered += answers(&w, &n, SN_DISCONNECT);
    }
    assert_true(answered > 0 && answered < GATEWAYS);
    world_stop(&w);
}

static void a_topic_too_long_for_any_frame_is_counted(void **unused)
{
    static char topic[GW_NAME_MAX + 2];
    struct node n1 = world_node(1);
    struct world w;

    (void)unused;
    start(&w);
    world_start(&w);
    world_send(&w, &n1, sn_connect("n1", 600, 0));
    world_send(&w, &n1, sn_subscribe(SN_SUBSCRIBE, 0, 1, "#"));
    world_result(&w, world_take(&w, OUT_UPSTREAM, NULL)->up.token, GW_UP_DONE,
                 0);
    world_until(&w, w.now + 2000);
    (void)answers(&w, &n1, SN_SUBACK);
    memset(topic, 't', GW_NAME_MAX + 1);
    world_message(&w, topic, "x", 1, 0, false);
    assert_int_equal(counter(&w, "drop_too_large"), 1);
    world_message(&w, "a/+/b", "x", 1, 0, false);
    assert_int_equal(counter(&w, "drop_too_large"), 2);
    assert_int_equal(counter(&w, "down_queued"), 0);
    world_stop(&w);
}

static void wills_longer_than_a_name_are_refused(void **unused)
{
    static char message[2002];
    struct node n1 = world_node(1), n2 = world_node(2);
    struct gw_session_info info;
    struct world w;

    (void)unused;
    memset(message, 'm', sizeof(message) - 1);
    start(&w);
    world_listener(&w, (struct gw_listener_options){.max_datagram = 4000});
    world_start(&w);
    world_send(&w, &n1, sn_connect("n1", 600, 0));
    (void)answers(&w, &n1, SN_CONNACK);
    world_send(&w, &n1, sn_willmsg(SN_WILLMSGUPD, message));
    assert_int_equal(answers(&w, &n1, SN_WILLMSGRESP), 1);
    assert_true(world_session(&w, "n1", &info));
    assert_false(info.has_will);
    /* In the exchange of a CONNECT, that is no connection. */
    world_send(&w, &n2, sn_connect("n2", 600, SN_WILL));
    world_send(&w, &n2, sn_willtopic(SN_WILLTOPIC, 0, "w"));
    world_send(&w, &n2, sn_willmsg(SN_WILLMSG, message));
    assert_int_equal(counter(&w, "connects_refused"), 1);
    assert_false(world_session(&w, "n2", &info));
    /* A message of no octets is one. */
    world_send(&w, &n2, sn_connect("n2", 600, SN_WILL));
    world_send(&w, &n2, sn_willtopic(SN_WILLTOPIC, 0, "w"));
    world_send(&w, &n2, sn_willmsg(SN_WILLMSG, ""));
    assert_true(world_session(&w, "n2", &info));
    assert_true(info.has_will);
    world_stop(&w);
}

/* ---- for the shell --------------------------------------------------------
 */

static void the_shell_learns_whom_the_engine_knows(void **unused)
{
    struct node n1 = world_node(1), n2 = world_node(2),
                relay = world_node_at("10.0.0.77", 1884),
                other = world_node_at("10.0.0.78", 1884);
    struct world w;

    (void)unused;
    start(&w);
    w.forwarders[0] = (struct gw_cidr){.family = 4, .bits = 32};
    memcpy(w.forwarders[0].ip, relay.addr.ip, sizeof(w.forwarders[0].ip));
    world_listener(&w, (struct gw_listener_options){.max_datagram = 1024});
    world_listener(&w, (struct gw_listener_options){.max_datagram = 1024,
                                                    .forwarders = w.forwarders,
                                                    .forwarder_count = 1});
    world_start(&w);
    world_send(&w, &n1, sn_connect("n1", 600, 0));
    assert_true(gw_engine_knows(w.engine, &n1.addr));
    assert_false(gw_engine_knows(w.engine, &n2.addr));
    /* Many may talk through a forwarder that has a name. */
    assert_true(gw_engine_knows(w.engine, &relay.addr));
    assert_false(gw_engine_knows(w.engine, &other.addr));
    world_stop(&w);
}

static void a_visit_looks_at_so_many_places_a_time(void **unused)
{
    enum { NODES = 5000 };
    static struct gw_session_info rows[NODES];
    uint32_t cursor = 0;
    size_t n, seen = 0;
    unsigned calls = 0;
    struct world w;

    (void)unused;
    start(&w);
    w.limits.max_sessions = NODES;
    w.limits.names_total_bytes = 4 * 1024 * 1024;
    w.no_records = true;
    world_start(&w);
    for (unsigned i = 0; i < NODES; i++) {
        struct node node = world_node(1 + i);
        char id[8];

        snprintf(id, sizeof(id), "n%u", i);
        world_send(&w, &node, sn_connect(id, 600, SN_CLEAN));
        world_forget_outputs(&w);
    }
    /* All but each hundredth go again, and leave nothing. */
    for (unsigned i = 0; i < NODES; i++) {
        struct node node = world_node(1 + i);

        if (i % 100 != 0)
            world_send(&w, &node, sn_disconnect(-1));
        world_forget_outputs(&w);
    }
    while ((n = gw_engine_visit(w.engine, &cursor, NODES, rows)) != 0) {
        seen += n;
        calls++;
    }
    assert_int_equal(seen, NODES / 100);
    assert_true(calls > 1);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_answers_wait_for_a_node),
        cmocka_unit_test(strangers_share_one_ring),
        cmocka_unit_test(a_frame_of_our_own_is_not_answered),
        cmocka_unit_test(gateways_beyond_number_are_seen_and_some_forgotten),
        cmocka_unit_test(a_topic_too_long_for_any_frame_is_counted),
        cmocka_unit_test(wills_longer_than_a_name_are_refused),
        cmocka_unit_test(the_shell_learns_whom_the_engine_knows),
        cmocka_unit_test(a_visit_looks_at_so_many_places_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
