/* SPDX-License-Identifier: MIT */
/*
 * The cold part of a session is there while something in it is wanted, and is
 * given back when all of it is at rest. That nothing is forgotten too early is
 * the business of the scenarios.
 */
#include "check.h"

#include "broker.h"
#include "engine_private.h"
#include "world.h"

static struct world w;
static struct broker broker;
static struct node node;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static int begin(void **unused)
{
    (void)unused;
    node = world_node(1);
    broker_init(&broker);
    world_init(&w);
    w.fail = stop_test;
    w.broker = &broker;
    world_start(&w);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    world_stop(&w);
    return 0;
}

static void send_and_forget(struct octets message)
{
    world_send(&w, &node, message);
    world_forget_outputs(&w);
}

/* Longer than a repeated request is known again with the default options. */
static void pass_a_minute(void)
{
    world_until(&w, w.now + 60 * 1000);
}

static uint32_t colds(void)
{
    return w.engine->colds.used;
}

static void a_connected_node_that_is_quiet_needs_none(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, 0));
    assert_int_equal(colds(), 1);

    send_and_forget(sn_register(0, 1, "a/b"));
    send_and_forget(sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 2, "c/#"));
    pass_a_minute();
    assert_int_equal(colds(), 0);
}

static void nor_does_one_after_its_last_publish_was_answered(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, 0));
    send_and_forget(sn_register(0, 1, "a/b"));
    pass_a_minute();
    send_and_forget(sn_publish(SN_QOS1, 1, 2, "x"));
    assert_int_equal(colds(), 1);

    pass_a_minute();
    assert_int_equal(colds(), 0);
}

static void
a_node_that_only_connected_keeps_its_place_in_the_line(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, 0));
    pass_a_minute();
    assert_int_equal(colds(), 1);

    send_and_forget(sn_pingreq(NULL));
    pass_a_minute();
    assert_int_equal(colds(), 0);
}

static void a_will_lasts(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, SN_WILL));
    send_and_forget(sn_willtopic(SN_WILLTOPIC, 0, "gone"));
    send_and_forget(sn_willmsg(SN_WILLMSG, "n1"));
    send_and_forget(sn_pingreq(NULL));
    pass_a_minute();
    assert_int_equal(colds(), 1);

    send_and_forget(sn_bare(SN_WILLTOPICUPD)); /* deletes it */
    pass_a_minute();
    assert_int_equal(colds(), 0);
}

static void so_does_a_queue_until_it_is_empty(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, 0));
    send_and_forget(sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 2, "aa"));
    pass_a_minute();
    send_and_forget(sn_disconnect(3600));
    pass_a_minute();
    assert_int_equal(colds(), 0);

    broker_publish(&broker, &w, "aa", "1", 0, false);
    pass_a_minute();
    assert_int_equal(colds(), 1);

    send_and_forget(sn_pingreq("n1"));
    pass_a_minute();
    assert_int_equal(colds(), 0);
}

static void the_end_of_a_session_gives_it_back(void **unused)
{
    (void)unused;
    send_and_forget(sn_connect("n1", 3600, SN_CLEAN));
    assert_int_equal(colds(), 1);

    send_and_forget(sn_disconnect(-1));
    assert_int_equal(colds(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_connected_node_that_is_quiet_needs_none, begin, end),
        cmocka_unit_test_setup_teardown(
            nor_does_one_after_its_last_publish_was_answered, begin, end),
        cmocka_unit_test_setup_teardown(
            a_node_that_only_connected_keeps_its_place_in_the_line, begin, end),
        cmocka_unit_test_setup_teardown(a_will_lasts, begin, end),
        cmocka_unit_test_setup_teardown(so_does_a_queue_until_it_is_empty,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_end_of_a_session_gives_it_back,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
