/* SPDX-License-Identifier: MIT */
/*
 * Whether the broker sends one copy of a message or one per matching filter is
 * found out once in each connection, by a topic of our own.
 */
#include "check.h"

#include "world.h"

#define TOPIC "mqttsn-gw/a_b_c/probe"
#define FILTER TOPIC "/#"

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void start(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
    w->options.overlapping = GW_OVERLAPPING_PROBE;
    /* What a topic name may not hold is replaced. */
    w->options.upstream_client_id = "a+b#c";
    world_start(w);
}

/* The broker side is told this, and nothing before it. */
static uint64_t told(struct world *w, enum gw_up_action_kind kind,
                     const char *topic)
{
    struct output *out = world_take(w, OUT_UPSTREAM, NULL);

    if (out == NULL)
        world_fail(w, "nothing for the broker, and %s was to come", topic);
    assert_int_equal(out->up.kind, kind);
    assert_true(mqttsn_span_equal(out->up.topic, mqttsn_span_text(topic)));
    return out->up.token;
}

static void is_quiet(struct world *w)
{
    assert_null(world_peek(w, OUT_UPSTREAM, NULL));
}

static void done(struct world *w, uint64_t token)
{
    world_result(w, token, GW_UP_DONE, 0);
}

static void asks(struct world *w)
{
    done(w, told(w, GW_UP_SUBSCRIBE, TOPIC));
    done(w, told(w, GW_UP_SUBSCRIBE, FILTER));
    assert_int_equal(told(w, GW_UP_PUBLISH, TOPIC), 0);
    is_quiet(w);
}

static void cleans_up(struct world *w)
{
    done(w, told(w, GW_UP_UNSUBSCRIBE, TOPIC));
    done(w, told(w, GW_UP_UNSUBSCRIBE, FILTER));
    is_quiet(w);
}

static bool has_noted(struct world *w, const char *rule)
{
    struct output *out;

    while ((out = world_take(w, OUT_NOTE, NULL)) != NULL)
        if (out->note.kind == GW_NOTE_OVERLAP_RULE)
            return strcmp(out->note.reason, rule) == 0;
    return false;
}

/* Two filters of nodes match the second message: is its copy swallowed? */
static bool swallows(struct world *w)
{
    struct node n1 = world_node(1), n2 = world_node(2);
    uint64_t before = 0, after = 0;

    world_send(w, &n1, sn_connect("n1", 600, 0));
    world_send(w, &n2, sn_connect("n2", 600, 0));
    world_send(w, &n1, sn_subscribe(SN_SUBSCRIBE, 0, 1, "a/b"));
    done(w, told(w, GW_UP_SUBSCRIBE, "a/b"));
    world_until(w, w->now + 2000); /* no retained message is waited for */
    world_send(w, &n2, sn_subscribe(SN_SUBSCRIBE, 0, 1, "a/#"));
    done(w, told(w, GW_UP_SUBSCRIBE, "a/#"));
    world_until(w, w->now + 2000);
    assert_true(world_counter(w, "down_overlap_swallowed", &before));
    world_message(w, "a/b", "x", 1, 0, false);
    world_message(w, "a/b", "x", 1, 0, false);
    assert_true(world_counter(w, "down_overlap_swallowed", &after));
    return after == before + 1;
}

static void two_copies_are_one_for_each_filter(void **unused)
{
    struct world w;

    (void)unused;
    start(&w);
    asks(&w);
    world_message(&w, TOPIC, "probe", 5, 0, false);
    is_quiet(&w);
    world_message(&w, TOPIC, "probe", 5, 0, false);
    assert_true(has_noted(&w, "each"));
    cleans_up(&w);
    /* A copy that comes late is nobody's. */
    world_message(&w, TOPIC, "probe", 5, 0, false);
    is_quiet(&w);
    assert_true(swallows(&w));
    world_stop(&w);
}

static void one_copy_and_silence_is_one(void **unused)
{
    struct world w;

    (void)unused;
    start(&w);
    asks(&w);
    world_message(&w, TOPIC, "probe", 5, 0, false);
    world_until(&w, w.now + 999);
    is_quiet(&w);
    world_until(&w, w.now + 1);
    cleans_up(&w);
    assert_false(swallows(&w));
    world_stop(&w);
}

static void no_copy_at_all_is_one_too(void **unused)
{
    struct world w;

    (void)unused;
    start(&w);
    asks(&w);
    world_until(&w, w.now + 4999);
    is_quiet(&w);
    world_until(&w, w.now + 1);
    cleans_up(&w);
    assert_false(swallows(&w));
    world_stop(&w);
}

static void a_broker_that_refuses_the_filters_is_not_asked(void **unused)
{
    (void)unused;
    for (unsigned second = 0; second < 2; second++) {
        struct world w;

        start(&w);
        if (second) {
            done(&w, told(&w, GW_UP_SUBSCRIBE, TOPIC));
            world_result(&w, told(&w, GW_UP_SUBSCRIBE, FILTER), GW_UP_REJECTED,
                         0);
        } else {
            world_result(&w, told(&w, GW_UP_SUBSCRIBE, TOPIC), GW_UP_REJECTED,
                         0);
        }
        cleans_up(&w);
        assert_false(swallows(&w));
        world_stop(&w);
    }
}

/* What each connection has found out holds for it alone. */
static void each_connection_asks_anew(void **unused)
{
    struct world w;

    (void)unused;
    start(&w);
    asks(&w);
    world_message(&w, TOPIC, "probe", 5, 0, false);
    world_message(&w, TOPIC, "probe", 5, 0, false);
    assert_true(has_noted(&w, "each"));
    cleans_up(&w);

    world_event(&w, GW_UP_LOST);
    world_connected(&w, false);
    asks(&w);
    world_until(&w, w.now + 5000);
    assert_true(has_noted(&w, "one"));
    cleans_up(&w);
    assert_false(swallows(&w));
    world_stop(&w);
}

static void a_connection_that_breaks_meanwhile_ends_the_question(void **unused)
{
    uint64_t token;
    struct world w;

    (void)unused;
    start(&w);
    token = told(&w, GW_UP_SUBSCRIBE, TOPIC);
    world_event(&w, GW_UP_LOST);
    world_result(&w, token, GW_UP_UNSENT, 0);
    is_quiet(&w);
    world_connected(&w, false);
    asks(&w);
    world_event(&w, GW_UP_LOST);
    /* The silence of the old connection says nothing. */
    world_until(&w, w.now + 10000);
    is_quiet(&w);
    world_connected(&w, false);
    asks(&w);
    world_stop(&w);
}

static void it_waits_until_the_broker_side_has_room(void **unused)
{
    struct world w;

    (void)unused;
    start(&w);
    w.up_classes = GW_UP_DATA;
    done(&w, told(&w, GW_UP_SUBSCRIBE, TOPIC));
    is_quiet(&w);
    w.up_classes = GW_UP_CONTROL;
    world_pump(&w);
    done(&w, told(&w, GW_UP_SUBSCRIBE, FILTER));
    is_quiet(&w);
    w.up_classes = GW_UP_CONTROL | GW_UP_DATA;
    world_pump(&w);
    assert_int_equal(told(&w, GW_UP_PUBLISH, TOPIC), 0);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_copies_are_one_for_each_filter),
        cmocka_unit_test(one_copy_and_silence_is_one),
        cmocka_unit_test(no_copy_at_all_is_one_too),
        cmocka_unit_test(a_broker_that_refuses_the_filters_is_not_asked),
        cmocka_unit_test(each_connection_asks_anew),
        cmocka_unit_test(a_connection_that_breaks_meanwhile_ends_the_question),
        cmocka_unit_test(it_waits_until_the_broker_side_has_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
