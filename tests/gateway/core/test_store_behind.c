/* SPDX-License-Identifier: MIT */
/*
 * A store that is so far behind that half its ring is taken: what would need
 * another record is refused with "congestion" or left for the node to repeat,
 * what needs none goes on, and afterwards all is as it was.
 */
#include "check.h"

#include "world.h"

enum { CHANGES = 4200 };

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void send(struct world *w, const struct node *n, struct octets o)
{
    world_send(w, n, o);
}

/* The next datagram to 'n', which must be there. */
static struct sn_frame answer(struct world *w, const struct node *n)
{
    struct output *out = world_take(w, OUT_DATAGRAM, n);
    struct sn_frame frame = {0};

    if (out == NULL)
        world_fail(w, "no answer");
    world_open(w, out, n, &frame);
    return frame;
}

static void expect(struct world *w, const struct node *n, uint8_t type,
                   uint8_t code)
{
    struct sn_frame frame = answer(w, n);

    assert_int_equal(frame.type, type);
    assert_int_equal(frame.code, code);
}

static bool is_silent(struct world *w, const struct node *n)
{
    return world_peek(w, OUT_DATAGRAM, n) == NULL;
}

static void connect_node(struct world *w, const struct node *n, const char *id)
{
    send(w, n, sn_connect(id, 600, SN_WILL));
    expect(w, n, SN_WILLTOPICREQ, 0);
    send(w, n, sn_willtopic(SN_WILLTOPIC, 0, "w"));
    expect(w, n, SN_WILLMSGREQ, 0);
    send(w, n, sn_willmsg(SN_WILLMSG, "gone"));
    expect(w, n, SN_CONNACK, 0);
}

static void start(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
    w->limits.max_queue_entries = 64; /* the ring has 8192 places */
    world_start(w);
}

/* 'n' changes its will that often, and is not answered: half the ring. */
static void fill(struct world *w, const struct node *n)
{
    w->blocked = SINK_STORE;
    for (unsigned i = 0; i < CHANGES; i++) {
        char text[16];

        snprintf(text, sizeof(text), "gone %u", i);
        send(w, n, sn_willmsg(SN_WILLMSGUPD, text));
    }
    assert_true(is_silent(w, n));
}

static uint64_t counter(struct world *w, const char *name)
{
    uint64_t value = 0;

    assert_true(world_counter(w, name, &value));
    return value;
}

static void what_needs_a_record_is_congestion(void **unused)
{
    struct node busy = world_node(1), other = world_node(2),
                fresh = world_node(3);
    struct world w;
    uint64_t full;

    (void)unused;
    start(&w);
    connect_node(&w, &busy, "busy");
    connect_node(&w, &other, "other");
    assert_false(gw_engine_is_behind(w.engine));
    fill(&w, &busy);
    assert_true(gw_engine_is_behind(w.engine));

    send(&w, &fresh, sn_connect("fresh", 60, 0));
    expect(&w, &fresh, SN_CONNACK, 1);
    send(&w, &other, sn_connect("other", 60, 0));
    expect(&w, &other, SN_CONNACK, 1);
    send(&w, &other, sn_register(0, 1, "a/b"));
    expect(&w, &other, SN_REGACK, 1);
    send(&w, &other, sn_subscribe(SN_SUBSCRIBE, 0, 2, "a/#"));
    expect(&w, &other, SN_SUBACK, 1);
    send(&w, &other, sn_publish(SN_QOS1 | SN_SHORT, 0x6161, 3, "x"));
    expect(&w, &other, SN_PUBACK, 1);
    send(&w, &other, sn_publish(SN_QOS2 | SN_SHORT, 0x6161, 4, "x"));
    expect(&w, &other, SN_PUBACK, 1);
    send(&w, &other, sn_willtopic(SN_WILLTOPICUPD, 0, "w/2"));
    expect(&w, &other, SN_WILLTOPICRESP, 1);

    /* The node repeats them: nothing but silence says "later". */
    full = counter(&w, "store_full");
    send(&w, &other, sn_subscribe(SN_UNSUBSCRIBE, 0, 5, "a/#"));
    send(&w, &other, sn_disconnect(-1));
    send(&w, &other, sn_disconnect(300));
    assert_true(is_silent(&w, &other));
    assert_int_equal(counter(&w, "store_full"), full + 3);

    /* No record, no reason to refuse. */
    send(&w, &other, sn_pingreq(NULL));
    expect(&w, &other, SN_PINGRESP, 0);
    assert_null(world_peek(&w, OUT_UPSTREAM, NULL));
    world_stop(&w);
}

static void when_it_has_caught_up_all_is_taken_again(void **unused)
{
    struct node busy = world_node(1), other = world_node(2);
    struct gw_session_info info;
    struct world w;

    (void)unused;
    start(&w);
    connect_node(&w, &busy, "busy");
    connect_node(&w, &other, "other");
    fill(&w, &busy);
    send(&w, &other, sn_register(0, 1, "a/b"));
    expect(&w, &other, SN_REGACK, 1);
    w.blocked = 0;
    world_pump(&w);
    assert_false(gw_engine_is_behind(w.engine));
    for (unsigned answers = 0; !is_silent(&w, &busy); answers++) {
        expect(&w, &busy, SN_WILLMSGRESP, 0);
        assert_true(answers < 32);
    }
    send(&w, &other, sn_register(0, 1, "a/b"));
    expect(&w, &other, SN_REGACK, 0);
    send(&w, &other, sn_willtopic(SN_WILLTOPICUPD, 0, "w/2"));
    expect(&w, &other, SN_WILLTOPICRESP, 0);
    send(&w, &other, sn_disconnect(300));
    expect(&w, &other, SN_DISCONNECT, 0);
    assert_true(world_session(&w, "other", &info));
    assert_int_equal(info.state, GW_ASLEEP);
    world_stop(&w);
}

static void subscribe(struct world *w, const struct node *n, const char *name,
                      uint8_t qos)
{
    struct output *out;

    send(w, n, sn_subscribe(SN_SUBSCRIBE, qos, 7, name));
    out = world_take(w, OUT_UPSTREAM, NULL);
    assert_non_null(out);
    world_result(w, out->up.token, GW_UP_DONE, 2);
    expect(w, n, SN_SUBACK, 0);
}

/* Messages for 'cold', whose queue holds a few, until the ring is full. A shell
 * that asks whether the engine is behind does not come that far. */
static void overflow(struct world *w, const struct node *cold)
{
    uint64_t full = counter(w, "store_full");

    connect_node(w, cold, "cold");
    subscribe(w, cold, "cc/#", SN_QOS1);
    send(w, cold, sn_disconnect(-1));
    expect(w, cold, SN_DISCONNECT, 0);
    w->blocked = SINK_STORE;
    for (unsigned i = 0; counter(w, "store_full") == full; i++) {
        assert_true(i < 2 * CHANGES);
        world_message(w, "cc/c", "x", 1, 1, false);
    }
}

static void start_small_queues(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
    w->limits.max_queue_entries = 64;
    w->options.client.queue_max_messages = 4;
    w->options.client.drop_policy = GW_DROP_OLDEST;
    world_start(w);
}

/* Its record is written with the next word about it. */
static void a_message_that_had_no_room_in_the_ring_is_kept_later(void **unused)
{
    struct node cold = world_node(1), n = world_node(2);
    struct sn_frame frame;
    struct world w;

    (void)unused;
    start_small_queues(&w);
    connect_node(&w, &n, "n");
    subscribe(&w, &n, "aa", SN_QOS2);
    overflow(&w, &cold);
    world_message(&w, "aa", "on", 2, 2, false);
    assert_true(is_silent(&w, &n));
    w.blocked = 0;
    world_pump(&w);
    frame = answer(&w, &n);
    assert_int_equal(frame.type, SN_PUBLISH);

    send(&w, &n, sn_msg(SN_PUBREC, frame.msg));
    expect(&w, &n, SN_PUBREL, 0);
    world_restart(&w); /* fails when a record has lost its message */
    world_connected(&w, true);
    assert_int_equal(counter(&w, "drop_total_full"), 0);
    world_stop(&w);
}

/* What "accepted" means is that it outlives the process. */
static void what_had_no_room_in_the_ring_is_not_accepted(void **unused)
{
    struct node cold = world_node(1), n = world_node(2);
    struct output *out;
    struct world w;

    (void)unused;
    start_small_queues(&w);
    connect_node(&w, &n, "n");
    send(&w, &n, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 7, "bb/#"));
    out = world_take(&w, OUT_UPSTREAM, NULL);
    assert_non_null(out);
    overflow(&w, &cold);
    world_result(&w, out->up.token, GW_UP_DONE, 2);
    assert_true(is_silent(&w, &n));
    w.blocked = 0;
    world_pump(&w);
    expect(&w, &n, SN_SUBACK, 1);

    /* As a node does, it asks again. */
    send(&w, &n, sn_subscribe(SN_SUBSCRIBE, SN_DUP | SN_QOS1, 7, "bb/#"));
    expect(&w, &n, SN_SUBACK, 0);
    world_restart(&w);
    world_connected(&w, true);
    world_message(&w, "bb/b", "x", 1, 0, false);
    expect(&w, &n, SN_REGISTER, 0);
    world_stop(&w);
}

/*
 * Nodes that acknowledge what they have make room in queues, and each word of
 * that is a FORGET: with the store stuck they fill what is left of the ring.
 * Where nothing more fits, what they say is as if it had been lost on its way;
 * so nothing that was delivered comes again with the next process.
 */
static void nothing_is_forgotten_in_vain(void **unused)
{
    struct node busy = world_node(1), n = world_node(2);
    struct world w;
    struct sn_frame frame;
    unsigned taken = 0;

    (void)unused;
    world_init(&w);
    w.fail = stop_test;
    w.limits.max_queue_entries = 2000;
    w.limits.queue_total_bytes = 4 << 20;
    w.options.client.queue_max_messages = 2000;
    w.options.client.queue_max_bytes = 4 << 20;
    world_start(&w);
    connect_node(&w, &busy, "busy");
    connect_node(&w, &n, "n");
    subscribe(&w, &n, "aa", SN_QOS1);
    for (unsigned i = 0; i < 2000; i++)
        world_message(&w, "aa", &i, sizeof(i), 1, false);
    fill(&w, &busy);

    while (!is_silent(&w, &n)) {
        frame = answer(&w, &n);
        assert_int_equal(frame.type, SN_PUBLISH);
        send(&w, &n, sn_ack(SN_PUBACK, frame.topic, frame.msg, 0));
        taken++;
    }
    assert_in_range(taken, 100, 1999);
    assert_int_equal(gw_engine_next_deadline(w.engine), MQTTSN_NEVER);
    world_until(&w, w.now + 60000);
    assert_true(is_silent(&w, &n));

    w.blocked = 0;
    world_pump(&w);
    world_restart(&w);
    world_connected(&w, true);
    /* The last may have been among what was lost on its way. */
    assert_in_range(world_usage(&w).queue_entries, 2000 - taken,
                    2000 - taken + 1);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_a_record_is_congestion),
        cmocka_unit_test(when_it_has_caught_up_all_is_taken_again),
        cmocka_unit_test(a_message_that_had_no_room_in_the_ring_is_kept_later),
        cmocka_unit_test(what_had_no_room_in_the_ring_is_not_accepted),
        cmocka_unit_test(nothing_is_forgotten_in_vain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
