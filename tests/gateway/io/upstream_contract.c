/* SPDX-License-Identifier: MIT */
#include "upstream_contract_rig.h"

/* ---- connecting ----------------------------------------------------- */

static void a_port_that_was_never_started_is_freed(void **state)
{
    struct rig *rig = rig_new(&contract_plain);

    (void)state;
    rig_free(rig);
}

static void it_connects_and_says_so_once(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    rig_subscribe(rig, 1, "t/#", 1);

    assert_int_equal(rig_count(rig, GW_UP_CONNECTED), 1);
    assert_int_equal(rig_count(rig, GW_UP_LOST), 0);
    assert_false(rig->seen[0].event.connected.session_present);
    assert_true(rig->wakes > 0);
    rig_free(rig);
}

static void a_broker_that_appears_later_is_found(void **state)
{
    struct rig *rig = rig_new(&contract_plain);

    (void)state;
    contract_factory->kill(contract_factory->user, false);
    rig_start(rig);
    WAIT_FOR(rig, rig_count(rig, GW_UP_UNREACHABLE) >= 2);
    assert_int_equal(rig_count(rig, GW_UP_CONNECTED), 0);

    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 1);
    rig_free(rig);
}

static void a_refusal_for_who_we_are_is_told_and_tried_again(void **state)
{
    struct rig *rig = rig_new(&contract_plain);

    (void)state;
    contract_factory->kill(contract_factory->user, false);
    contract_factory->start(contract_factory->user, CONTRACT_DENYING);
    rig_start(rig);
    WAIT_FOR(rig, rig_count(rig, GW_UP_DENIED) >= 2);

    contract_factory->kill(contract_factory->user, false);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 1);
    rig_free(rig);
}

static void a_kept_session_is_reported_and_so_is_a_lost_one(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    rig_subscribe(rig, 1, "t/#", 1);
    contract_factory->kill(contract_factory->user, true);
    WAIT_FOR(rig, rig_count(rig, GW_UP_LOST) == 1);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 2);
    assert_true(
        rig_nth(rig, GW_UP_CONNECTED, 2)->event.connected.session_present);

    /* It still has our subscription. */
    rig_publish(rig, 2, 1, 7);
    WAIT_FOR(rig, rig_count(rig, GW_UP_MESSAGE) == 1);

    contract_factory->kill(contract_factory->user, false);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 3);
    assert_false(
        rig_nth(rig, GW_UP_CONNECTED, 3)->event.connected.session_present);
    rig_free(rig);
}

static void a_fresh_process_discards_what_was_kept_for_the_last(void **state)
{
    struct contract_settings trusting = contract_plain;
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    trusting.clean_first = false;
    rig_subscribe(rig, 1, "t/#", 1);
    rig_free(rig);

    rig = rig_connected(&trusting);
    assert_true(rig->seen[0].event.connected.session_present);
    rig_free(rig);

    rig = rig_connected(&contract_plain);
    assert_false(rig->seen[0].event.connected.session_present);
    rig_free(rig);
}

/* ---- publishing and subscribing ------------------------------------- */

static void a_publish_of_each_qos_is_done(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    for (uint8_t qos = 0; qos <= 2; qos++)
        rig_publish(rig, qos + 1u, qos, qos);
    /* Without a token there is no result. */
    rig_publish(rig, 0, 1, 9);

    WAIT_FOR(rig, rig_results(rig, 1, 3) == 3);
    for (unsigned token = 1; token <= 3; token++)
        assert_int_equal(rig->fates[token].outcome, GW_UP_DONE);
    rig_free(rig);
}

static void five_hundred_messages_arrive_in_order(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    rig_subscribe(rig, 1000, "t/#", 1);
    for (unsigned i = 1; i <= 500; i++)
        rig_publish(rig, i, 1, i);
    WAIT_FOR(rig, rig_results(rig, 1, 500) == 500 &&
                      rig_count(rig, GW_UP_MESSAGE) == 500);

    for (unsigned i = 1; i <= 500; i++) {
        char payload[TEXT_MAX];

        snprintf(payload, sizeof(payload), "m%u", i);
        assert_string_equal(rig_nth(rig, GW_UP_MESSAGE, i)->payload, payload);
        assert_int_equal(rig->fates[i].outcome, GW_UP_DONE);
    }
    rig_free(rig);
}

static void the_window_is_used_and_never_exceeded(void **state)
{
    struct contract_settings narrow = contract_plain;
    struct rig *rig;

    (void)state;
    narrow.window = 5;
    rig = rig_connected(&narrow);
    contract_factory->pause(contract_factory->user);
    for (unsigned i = 1; i <= 50; i++)
        rig_publish(rig, i, (uint8_t)(1 + i % 2), i);
    WAIT_FOR(rig, contract_factory->outstanding_max(rig->up) == 5);

    contract_factory->resume(contract_factory->user);
    WAIT_FOR(rig, rig_results(rig, 1, 50) == 50);
    assert_int_equal(contract_factory->outstanding_max(rig->up), 5);
    rig_free(rig);
}

static void a_message_event_carries_everything(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    rig_subscribe(rig, 1, "t/+", 2);
    for (uint8_t qos = 0; qos <= 2; qos++)
        assert_int_equal(
            rig_try_publish(rig, 10u + qos, qos, "t/x", "payload", false),
            MQTTSN_OK);
    assert_int_equal(rig_try_publish(rig, 20, 1, "t/y", "", false), MQTTSN_OK);
    WAIT_FOR(rig, rig_count(rig, GW_UP_MESSAGE) == 4);

    for (size_t i = 1; i <= 4; i++) {
        const struct seen *seen = rig_nth(rig, GW_UP_MESSAGE, i);
        bool empty = seen->event.message.payload.len == 0;

        assert_string_equal(seen->topic, empty ? "t/y" : "t/x");
        assert_string_equal(seen->payload, empty ? "" : "payload");
        assert_false(seen->event.message.retain);
        if (seen->event.message.qos == 0)
            assert_int_equal(seen->event.message.packet_id, 0);
        else
            assert_int_not_equal(seen->event.message.packet_id, 0);
    }
    rig_free(rig);
}

static void a_retained_message_comes_with_the_subscription(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    assert_int_equal(rig_try_publish(rig, 1, 1, "r/a", "kept", true),
                     MQTTSN_OK);
    WAIT_FOR(rig, rig->fates[1].count == 1);
    rig_subscribe(rig, 2, "r/#", 1);
    WAIT_FOR(rig, rig_count(rig, GW_UP_MESSAGE) == 1);

    assert_true(rig_nth(rig, GW_UP_MESSAGE, 1)->event.message.retain);
    assert_string_equal(rig_nth(rig, GW_UP_MESSAGE, 1)->payload, "kept");
    /* In the order in which they happened. */
    assert_true(&rig->seen[rig->fates[2].place] <
                rig_nth(rig, GW_UP_MESSAGE, 1));

    assert_int_equal(rig_try_publish(rig, 3, 1, "r/a", "live", true),
                     MQTTSN_OK);
    WAIT_FOR(rig, rig_count(rig, GW_UP_MESSAGE) == 2);
    assert_false(rig_nth(rig, GW_UP_MESSAGE, 2)->event.message.retain);
    rig_free(rig);
}

static void after_an_unsubscribe_nothing_comes(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    rig_subscribe(rig, 1, "t/#", 1);
    rig_subscribe(rig, 2, "end", 1);
    rig_request(rig, GW_UP_UNSUBSCRIBE, 3, "t/#", 0);
    WAIT_FOR(rig, rig->fates[3].count == 1);
    assert_int_equal(rig->fates[3].outcome, GW_UP_DONE);
    rig_publish(rig, 4, 1, 1);
    assert_int_equal(rig_try_publish(rig, 5, 1, "end", "end", false),
                     MQTTSN_OK);
    WAIT_FOR(rig, rig_count(rig, GW_UP_MESSAGE) == 1);

    assert_string_equal(rig_nth(rig, GW_UP_MESSAGE, 1)->payload, "end");
    rig_free(rig);
}

static void a_refused_subscription_is_rejected(void **state)
{
    struct rig *rig;

    (void)state;
    if (!contract_factory->can_refuse)
        skip();
    contract_factory->kill(contract_factory->user, false);
    contract_factory->start(contract_factory->user, CONTRACT_SELECTIVE);
    rig = rig_connected(&contract_plain);
    rig_request(rig, GW_UP_SUBSCRIBE, 1, "refused/x", 1);
    WAIT_FOR(rig, rig->fates[1].count == 1);
    assert_int_equal(rig->fates[1].outcome, GW_UP_REJECTED);

    rig_subscribe(rig, 2, "t/#", 1);
    assert_int_equal(rig_count(rig, GW_UP_LOST), 0);
    rig_free(rig);
}

/* ---- room ----------------------------------------------------------- */

static void control_has_room_when_data_has_none(void **state)
{
    struct contract_settings small = contract_plain;
    struct rig *rig;
    uint64_t token = 1;
    unsigned wakes;

    (void)state;
    small.window = 2;
    small.outbox_entries = 8;
    rig = rig_connected(&small);
    contract_factory->pause(contract_factory->user);
    /* What is with the broker has left the queue: so several times. */
    while (contract_factory->outstanding_max(rig->up) < 2) {
        while (rig_try_publish(rig, token, 1, "t/m", "x", false) == MQTTSN_OK)
            token++;
        WAIT_FOR(rig, contract_factory->outstanding_max(rig->up) == 2);
    }
    while (rig_try_publish(rig, token, 1, "t/m", "x", false) == MQTTSN_OK)
        token++;
    assert_true(token <= 100);
    assert_int_equal(rig->up->ops->room(rig->up), GW_UP_CONTROL);
    rig_request(rig, GW_UP_SUBSCRIBE, 1000, "t/#", 1);

    wakes = rig->wakes;
    contract_factory->resume(contract_factory->user);
    WAIT_FOR(rig, rig_results(rig, 1, token - 1) == token - 1);
    WAIT_FOR(rig, rig->fates[1000].count == 1);
    assert_true(rig->wakes > wakes);
    assert_int_equal(rig->up->ops->room(rig->up), GW_UP_CONTROL | GW_UP_DATA);
    rig_free(rig);
}

/* ---- stopping ------------------------------------------------------- */

static void a_stop_first_sends_what_was_submitted(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    for (unsigned i = 1; i <= 100; i++)
        rig_publish(rig, i, (uint8_t)(i % 3), i);
    rig_stop(rig, 5000);

    assert_true(rig->clean);
    rig_drain(rig);
    assert_int_equal(rig_results(rig, 1, 100), 100);
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(rig->fates[i].outcome, GW_UP_DONE);
    assert_int_equal(rig_try_publish(rig, 101, 1, "t/m", "late", false),
                     MQTTSN_ENOSPACE);
    assert_int_equal(rig->up->ops->room(rig->up), 0);
    rig_free(rig);
}

static void a_stuck_broker_does_not_delay_the_stop(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);
    uint64_t began;

    (void)state;
    contract_factory->pause(contract_factory->user);
    for (unsigned i = 1; i <= 30; i++)
        rig_publish(rig, i, 1, i);
    began = uv_hrtime();
    rig_stop(rig, 600);

    assert_false(rig->clean);
    assert_true(uv_hrtime() - began < (uint64_t)2000 * 1000000);
    contract_factory->resume(contract_factory->user);
    rig_free(rig);
}

static void a_stop_without_a_broker_is_quick(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    contract_factory->kill(contract_factory->user, false);
    WAIT_FOR(rig, rig_count(rig, GW_UP_UNREACHABLE) >= 1);
    rig_publish(rig, 1, 1, 1);
    rig_stop(rig, 1500);

    assert_false(rig->clean); /* the broker was not told */
    rig_drain(rig);
    assert_int_equal(rig->fates[1].count, 1);
    assert_int_equal(rig->fates[1].outcome, GW_UP_UNSENT);
    rig_free(rig);
}

#define CONTRACT_TEST(name)                                                    \
    cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

int upstream_contract_run(const struct contract_factory *run)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_port_that_was_never_started_is_freed),
        CONTRACT_TEST(it_connects_and_says_so_once),
        CONTRACT_TEST(a_broker_that_appears_later_is_found),
        CONTRACT_TEST(a_refusal_for_who_we_are_is_told_and_tried_again),
        CONTRACT_TEST(a_kept_session_is_reported_and_so_is_a_lost_one),
        CONTRACT_TEST(a_fresh_process_discards_what_was_kept_for_the_last),
        CONTRACT_TEST(a_publish_of_each_qos_is_done),
        CONTRACT_TEST(five_hundred_messages_arrive_in_order),
        CONTRACT_TEST(the_window_is_used_and_never_exceeded),
        CONTRACT_TEST(a_message_event_carries_everything),
        CONTRACT_TEST(a_retained_message_comes_with_the_subscription),
        CONTRACT_TEST(after_an_unsubscribe_nothing_comes),
        CONTRACT_TEST(a_refused_subscription_is_rejected),
        CONTRACT_TEST(every_token_has_one_result_when_the_broker_dies),
        CONTRACT_TEST(it_survives_a_broker_that_dies_again_and_again),
        CONTRACT_TEST(an_unanswered_subscription_comes_back_unsent),
        CONTRACT_TEST(control_has_room_when_data_has_none),
        CONTRACT_TEST(a_stop_first_sends_what_was_submitted),
        CONTRACT_TEST(a_stuck_broker_does_not_delay_the_stop),
        CONTRACT_TEST(a_stop_without_a_broker_is_quick),
    };

    contract_factory = run;
    return cmocka_run_group_tests_name(run->name, tests, NULL, NULL);
}

int upstream_contract_run_brief(const struct contract_factory *run)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(it_connects_and_says_so_once),
        CONTRACT_TEST(a_refusal_for_who_we_are_is_told_and_tried_again),
        CONTRACT_TEST(a_kept_session_is_reported_and_so_is_a_lost_one),
        CONTRACT_TEST(a_publish_of_each_qos_is_done),
        CONTRACT_TEST(a_message_event_carries_everything),
        CONTRACT_TEST(a_retained_message_comes_with_the_subscription),
        CONTRACT_TEST(after_an_unsubscribe_nothing_comes),
        CONTRACT_TEST(each_kind_of_flight_has_one_result_for_each_token),
        CONTRACT_TEST(an_unanswered_subscription_comes_back_unsent),
        CONTRACT_TEST(a_stop_first_sends_what_was_submitted),
    };

    contract_factory = run;
    return cmocka_run_group_tests_name(run->name, tests, NULL, NULL);
}
