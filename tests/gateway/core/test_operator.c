/* SPDX-License-Identifier: MIT */
/* What an operator may do to one client: end its connection, empty its queue.
 */
#include "check.h"

#include "broker.h"
#include "world.h"

struct fixture {
    struct world w;
    struct broker broker;
    struct node n1, n2;
    unsigned wills;
};

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void on_publish(struct broker *broker,
                       const struct broker_action *publish)
{
    struct fixture *fx = broker->arg;

    fx->wills += strcmp(publish->topic, "wi") == 0;
}

static void init(struct fixture *fx)
{
    world_init(&fx->w);
    fx->w.fail = stop_test;
    broker_init(&fx->broker);
    fx->broker.on_publish = on_publish;
    fx->broker.arg = fx;
    fx->w.broker = &fx->broker;
    fx->n1 = world_node(1);
    fx->n2 = world_node(2);
    fx->wills = 0;
}

static void start(struct fixture *fx)
{
    init(fx);
    world_start(&fx->w);
}

static enum mqttsn_status kick_status(struct fixture *fx, const char *id)
{
    enum mqttsn_status status =
        gw_engine_kick(fx->w.engine, mqttsn_span_text(id), fx->w.now);

    world_pump(&fx->w);
    return status;
}

static bool kick(struct fixture *fx, const char *id)
{
    return kick_status(fx, id) == MQTTSN_OK;
}

static uint32_t purge(struct fixture *fx, const char *id)
{
    uint32_t dropped = 0;

    assert_true(gw_engine_purge(fx->w.engine, mqttsn_span_text(id), fx->w.now,
                                &dropped));
    world_pump(&fx->w);
    return dropped;
}

static bool state_of(struct fixture *fx, const char *id, enum gw_state *ret)
{
    struct gw_session_info info;

    if (!gw_engine_session(fx->w.engine, mqttsn_span_text(id), &info))
        return false;
    *ret = info.state;
    return true;
}

static void assert_state(struct fixture *fx, const char *id,
                         enum gw_state expected)
{
    enum gw_state state;

    assert_true(state_of(fx, id, &state));
    assert_int_equal(state, expected);
}

/* The types of all that went to a node, the last one first; 0xff: nothing. */
static uint8_t last_type(struct fixture *fx, const struct node *n)
{
    struct output *out;
    uint8_t type = 0xff;

    while ((out = world_take(&fx->w, OUT_DATAGRAM, n)) != NULL) {
        struct sn_frame frame;

        world_open(&fx->w, out, n, &frame);
        type = frame.type;
    }
    return type;
}

static unsigned notes(struct fixture *fx, enum gw_note_kind kind,
                      uint64_t *ret_value)
{
    struct output *out;
    unsigned count = 0;

    while ((out = world_take(&fx->w, OUT_NOTE, NULL)) != NULL) {
        if (out->note.kind == kind) {
            *ret_value = out->note.value;
            count++;
        }
    }
    return count;
}

static uint64_t dropped_by_purge(struct fixture *fx)
{
    uint64_t value = 0;

    assert_true(world_counter(&fx->w, "drop_purged", &value));
    return value;
}

static void connect_with_will(struct fixture *fx, uint8_t flags)
{
    world_send(&fx->w, &fx->n1, sn_connect("n1", 600, SN_WILL | flags));
    world_send(&fx->w, &fx->n1, sn_willtopic(SN_WILLTOPIC, 0, "wi"));
    world_send(&fx->w, &fx->n1, sn_willmsg(SN_WILLMSG, "gone"));
    assert_state(fx, "n1", GW_ACTIVE);
    world_forget_outputs(&fx->w);
}

/* ---- kick -------------------------------------------------------------- */

static void a_kicked_node_is_told_and_its_will_is_published(void **unused)
{
    struct gw_session_info info;
    struct fixture fx;
    uint64_t value;

    (void)unused;
    start(&fx);
    connect_with_will(&fx, 0);
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, 0, 1, "a"));
    world_forget_outputs(&fx.w);

    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);
    assert_int_equal(fx.wills, 1);
    assert_state(&fx, "n1", GW_DISCONNECTED);
    assert_int_equal(notes(&fx, GW_NOTE_KICKED, &value), 1);
    assert_true(gw_engine_session(fx.w.engine, mqttsn_span_text("n1"), &info));
    assert_int_equal(info.subscriptions, 1);

    CASE("once");
    assert_false(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), 0xff);
    CASE("it may come again");
    world_send(&fx.w, &fx.n1, sn_connect("n1", 600, 0));
    assert_int_equal(last_type(&fx, &fx.n1), SN_CONNACK);
    assert_state(&fx, "n1", GW_ACTIVE);
    world_stop(&fx.w);
}

static void a_kicked_clean_session_is_forgotten(void **unused)
{
    enum gw_state state;
    struct fixture fx;

    (void)unused;
    start(&fx);
    connect_with_will(&fx, SN_CLEAN);
    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);
    assert_int_equal(fx.wills, 1);
    assert_false(state_of(&fx, "n1", &state));
    assert_false(kick(&fx, "n1"));
    world_stop(&fx.w);
}

static void a_sleeping_node_learns_it_when_it_wakes(void **unused)
{
    struct fixture fx;

    (void)unused;
    start(&fx);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 600, 0));
    world_send(&fx.w, &fx.n1, sn_disconnect(600));
    world_forget_outputs(&fx.w);
    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), 0xff);
    assert_state(&fx, "n1", GW_DISCONNECTED);
    world_send(&fx.w, &fx.n1, sn_pingreq("n1"));
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);

    CASE("one that is awake hears it at once");
    world_send(&fx.w, &fx.n1, sn_connect("n1", 600, 0));
    world_send(&fx.w, &fx.n1, sn_disconnect(600));
    world_forget_outputs(&fx.w);
    fx.w.blocked = SINK_DATAGRAM;
    world_send(&fx.w, &fx.n1, sn_pingreq("n1"));
    assert_state(&fx, "n1", GW_AWAKE);
    assert_true(kick(&fx, "n1"));
    fx.w.blocked = 0;
    world_pump(&fx.w);
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);
    assert_state(&fx, "n1", GW_DISCONNECTED);
    world_stop(&fx.w);
}

static void half_a_connection_ends_too(void **unused)
{
    enum gw_state state;
    struct fixture fx;

    (void)unused;
    start(&fx);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 600, SN_WILL));
    assert_state(&fx, "n1", GW_HALF_OPEN);
    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);
    assert_false(state_of(&fx, "n1", &state));
    assert_int_equal(fx.wills, 0);
    world_stop(&fx.w);
}

/* Another node talks from there now. */
static void one_without_an_address_cannot_be_told(void **unused)
{
    struct fixture fx;

    (void)unused;
    start(&fx);
    connect_with_will(&fx, 0);
    world_send(&fx.w, &fx.n1, sn_connect("n9", 600, 0));
    world_forget_outputs(&fx.w);
    assert_state(&fx, "n1", GW_ACTIVE);
    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), 0xff);
    assert_state(&fx, "n1", GW_DISCONNECTED);
    assert_state(&fx, "n9", GW_ACTIVE);
    assert_int_equal(fx.wills, 1);
    world_stop(&fx.w);
}

/* As with any good-bye: after a crash it is not connected. */
static void it_is_told_when_that_is_stored(void **unused)
{
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.durable = true;
    world_start(&fx.w);
    connect_with_will(&fx, 0);
    fx.w.store_mode = STORE_HELD;
    assert_true(kick(&fx, "n1"));
    assert_int_equal(last_type(&fx, &fx.n1), 0xff);
    while (fx.w.waiting_count > 0) {
        world_stored(&fx.w, 0, true);
        world_pump(&fx.w);
    }
    assert_int_equal(last_type(&fx, &fx.n1), SN_DISCONNECT);
    world_stop(&fx.w);
}

static void it_is_kicked_though_too_many_wait_to_be_told(void **unused)
{
    enum { STRANGERS = 3000 };
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.stranger_reply_rate = 100000;
    world_start(&fx.w);
    connect_with_will(&fx, 0);
    fx.w.blocked = SINK_DATAGRAM;
    for (unsigned i = 0; i < STRANGERS; i++) {
        struct node n = world_node_at("192.168.0.1", (uint16_t)(1000 + i));

        n.addr.ip[2] = (uint8_t)(i >> 8);
        n.addr.ip[3] = (uint8_t)i;
        world_send(&fx.w, &n, sn_pingreq(NULL));
    }
    assert_true(kick(&fx, "n1"));
    fx.w.blocked = 0;
    world_pump(&fx.w);
    assert_int_equal(last_type(&fx, &fx.n1), 0xff);
    assert_state(&fx, "n1", GW_DISCONNECTED);
    world_stop(&fx.w);
}

/* ---- purge ------------------------------------------------------------- */

static void sleeper(struct fixture *fx)
{
    world_send(&fx->w, &fx->n1, sn_connect("n1", 600, 0));
    world_send(&fx->w, &fx->n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "#"));
    world_send(&fx->w, &fx->n1, sn_disconnect(600));
    world_forget_outputs(&fx->w);
}

static void send_messages(struct fixture *fx, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        broker_publish(&fx->broker, &fx->w, "ab", "x", 1, false);
}

static void what_waits_is_dropped_and_counted(void **unused)
{
    struct fixture fx;
    uint32_t dropped;
    uint64_t value;

    (void)unused;
    start(&fx);
    sleeper(&fx);
    send_messages(&fx, 3);
    world_forget_outputs(&fx.w);
    assert_int_equal(purge(&fx, "n1"), 3);
    assert_int_equal(dropped_by_purge(&fx), 3);
    assert_int_equal(notes(&fx, GW_NOTE_PURGED, &value), 1);
    assert_int_equal(value, 3);
    assert_int_equal(world_usage(&fx.w).queue_entries, 0);
    world_send(&fx.w, &fx.n1, sn_pingreq("n1"));
    assert_int_equal(last_type(&fx, &fx.n1), SN_PINGRESP);

    CASE("nothing waits");
    world_forget_outputs(&fx.w);
    assert_int_equal(purge(&fx, "n1"), 0);
    assert_int_equal(notes(&fx, GW_NOTE_PURGED, &value), 0);
    CASE("nobody");
    assert_false(gw_engine_purge(fx.w.engine, mqttsn_span_text("n2"), fx.w.now,
                                 &dropped));
    world_stop(&fx.w);
}

static void what_is_under_way_stays(void **unused)
{
    struct gw_queued_info rows[4];
    struct fixture fx;

    (void)unused;
    start(&fx);
    world_send(&fx.w, &fx.n1, sn_connect("n1", 600, 0));
    world_send(&fx.w, &fx.n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "#"));
    send_messages(&fx, 3);
    assert_int_equal(purge(&fx, "n1"), 2);
    assert_int_equal(
        gw_engine_queue_of(fx.w.engine, mqttsn_span_text("n1"), 4, rows), 1);
    assert_true(rows[0].sent);
    world_stop(&fx.w);
}

static void a_long_queue_is_dropped_in_parts(void **unused)
{
    struct fixture fx;

    (void)unused;
    init(&fx);
    fx.w.options.client.queue_max_messages = 1000;
    world_start(&fx.w);
    sleeper(&fx);
    send_messages(&fx, 300);
    assert_int_equal(purge(&fx, "n1"), 256);
    assert_int_equal(purge(&fx, "n1"), 44);
    assert_int_equal(purge(&fx, "n1"), 0);
    world_stop(&fx.w);
}

static void what_was_dropped_does_not_come_back_from_the_store(void **unused)
{
    struct fixture fx;
    unsigned i = 0;

    (void)unused;
    init(&fx);
    fx.w.options.durable = true;
    world_start(&fx.w);
    sleeper(&fx);
    send_messages(&fx, 3);

    CASE("a store that is behind could not forget it");
    fx.w.blocked = SINK_STORE;
    while (!gw_engine_is_behind(fx.w.engine)) {
        struct node n = world_node(3 + i++ % 2);

        world_send(&fx.w, &n, sn_connect(i % 2 ? "x" : "y", 60, 0));
        world_send(&fx.w, &n, sn_disconnect(-1));
        world_forget_outputs(&fx.w);
    }
    assert_int_equal(purge(&fx, "n1"), 0);
    fx.w.blocked = 0;
    world_pump(&fx.w);
    assert_int_equal(purge(&fx, "n1"), 3);

    broker_crash(&fx.broker);
    world_restart(&fx.w);
    assert_int_equal(world_usage(&fx.w).queue_entries, 0);
    assert_int_equal(world_usage(&fx.w).messages, 0);
    world_stop(&fx.w);
}

/* What ends has to be forgotten, for which the store has no place left. */
static void nobody_is_kicked_while_the_store_is_behind(void **unused)
{
    struct fixture fx;
    struct node n = world_node(1), busy = world_node(2);
    char text[16];

    (void)unused;
    start(&fx);
    assert_int_equal(kick_status(&fx, "n1"), MQTTSN_ENOTFOUND);
    world_send(&fx.w, &n, sn_connect("n1", 60, SN_CLEAN));
    world_send(&fx.w, &busy, sn_connect("busy", 60, SN_CLEAN));
    world_pump(&fx.w);
    fx.w.blocked = SINK_STORE;
    for (unsigned i = 0; !gw_engine_is_behind(fx.w.engine); i++) {
        snprintf(text, sizeof(text), "gone %u", i);
        world_send(&fx.w, &busy, sn_willmsg(SN_WILLMSGUPD, text));
        world_forget_outputs(&fx.w);
    }
    assert_int_equal(kick_status(&fx, "n1"), MQTTSN_ENOSPACE);
    fx.w.blocked = 0;
    world_pump(&fx.w);
    assert_int_equal(kick_status(&fx, "n1"), MQTTSN_OK);
    assert_int_equal(kick_status(&fx, "n1"), MQTTSN_ENOTFOUND);
    world_stop(&fx.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kicked_node_is_told_and_its_will_is_published),
        cmocka_unit_test(a_kicked_clean_session_is_forgotten),
        cmocka_unit_test(nobody_is_kicked_while_the_store_is_behind),
        cmocka_unit_test(a_sleeping_node_learns_it_when_it_wakes),
        cmocka_unit_test(half_a_connection_ends_too),
        cmocka_unit_test(one_without_an_address_cannot_be_told),
        cmocka_unit_test(it_is_told_when_that_is_stored),
        cmocka_unit_test(it_is_kicked_though_too_many_wait_to_be_told),
        cmocka_unit_test(what_waits_is_dropped_and_counted),
        cmocka_unit_test(what_is_under_way_stays),
        cmocka_unit_test(a_long_queue_is_dropped_in_parts),
        cmocka_unit_test(what_was_dropped_does_not_come_back_from_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
