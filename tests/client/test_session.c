/* SPDX-License-Identifier: MIT */
/* Connecting, losing, sleeping: client.h against a gateway played by hand. */
#include "rig.h"

static struct rig rig;

static int set_up(void **unused)
{
    (void)unused;
    rig_init(&rig);
    return 0;
}

static void connects_with_its_id_and_keep_alive(void **unused)
{
    struct sn_frame f;
    struct rig_event e;

    (void)unused;
    rig_start(&rig);

    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);

    f = rig_take(&rig, SN_CONNECT); /* [SN12-036] [SN12-014] */
    assert_int_equal(f.protocol, 1);
    assert_int_equal(f.duration, 60);
    assert_int_equal(f.flags, SN_CLEAN);
    assert_int_equal(f.tail_len, 2);
    assert_memory_equal(f.tail, "n1", 2);
    rig_quiet(&rig);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    e = rig_event(&rig, MQTTSN_EVENT_CONNECTED);
    assert_true(e.event.resubscribe);
    assert_int_equal(mqttsn_client_state(&rig.client), MQTTSN_CLIENT_ACTIVE);
}

static void ids_of_no_or_too_many_octets_are_refused(void **unused)
{
    (void)unused;
    /* [SN12-008] */
    rig.config.client_id = mqttsn_span_text("123456789012345678901234");
    assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, 1),
                     MQTTSN_EINVAL);
    rig.config.client_id = mqttsn_span("", 0);
    assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, 1),
                     MQTTSN_EINVAL);
    rig.config.client_id = mqttsn_span_text("12345678901234567890123");
    assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, 1),
                     MQTTSN_OK);
}

static void nothing_is_asked_before_a_connection(void **unused)
{
    (void)unused;
    rig_start(&rig);
    /* [SN12-201] */
    assert_int_equal(mqttsn_client_publish(&rig.client, mqttsn_topic_named("a"),
                                           mqttsn_span("", 0), 0, false,
                                           rig.now),
                     MQTTSN_EPROTO);
    assert_int_equal(mqttsn_client_sleep(&rig.client, 5, rig.now),
                     MQTTSN_EPROTO);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    assert_int_equal(
        mqttsn_client_publish(&rig.client, mqttsn_topic_predefined(5),
                              mqttsn_span("x", 1), 0, false, rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_CONNECT);
    rig_quiet(&rig);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_take(&rig, SN_PUBLISH);
}

static const struct mqttsn_client_will will = {
    .topic = {(const uint8_t *)"s/x", 3},
    .message = {(const uint8_t *)"gone", 4},
    .qos = 1,
    .retain = true};

static void a_will_is_given_when_it_is_asked_for(void **unused)
{
    struct sn_frame f;

    (void)unused;
    rig.config.will = &will;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    assert_int_equal(rig_take(&rig, SN_CONNECT).flags, SN_CLEAN | SN_WILL);

    rig_give(&rig, sn_bare(SN_WILLTOPICREQ)); /* [SN12-203] */
    f = rig_take(&rig, SN_WILLTOPIC);         /* [SN12-039] */
    assert_int_equal(f.flags, SN_QOS1 | SN_RETAIN);
    assert_int_equal(f.tail_len, 3);
    rig_pass(&rig, 15000);
    rig_take(&rig, SN_WILLTOPIC); /* it is supervised, too [SN12-713] */
    rig_give(&rig, sn_bare(SN_WILLMSGREQ));
    f = rig_take(&rig, SN_WILLMSG); /* [SN12-041] */
    assert_memory_equal(f.tail, "gone", 4);
    rig_give(&rig, sn_bare(SN_WILLMSGREQ)); /* ours was lost */
    rig_take(&rig, SN_WILLMSG);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
    rig_quiet(&rig);
}

static void an_empty_will_is_two_octets(void **unused)
{
    static const struct mqttsn_client_will none;

    (void)unused;
    rig.config.will = &none;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_CONNECT);
    rig_give(&rig, sn_bare(SN_WILLTOPICREQ));
    assert_int_equal(rig.out[0].octets.len, 2); /* [SN12-040] */
    rig_take(&rig, SN_WILLTOPIC);
}

static void the_will_is_changed_half_by_half_or_deleted(void **unused)
{
    static const struct mqttsn_client_will other = {
        .topic = {(const uint8_t *)"t", 1}, .message = {NULL, 0}, .qos = 0};
    struct sn_frame f;

    (void)unused;
    rig.config.will = NULL;
    rig_start(&rig);
    rig_connect(&rig);

    /* [SN12-213] */
    assert_int_equal(mqttsn_client_will_update(&rig.client, &will, 3, rig.now),
                     MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_WILLTOPICUPD);
    assert_int_equal(f.flags, SN_QOS1 | SN_RETAIN);
    rig_quiet(&rig);
    rig_give(&rig, sn_code(SN_WILLTOPICRESP, 0));
    f = rig_take(&rig, SN_WILLMSGUPD); /* [SN12-061] */
    assert_memory_equal(f.tail, "gone", 4);
    rig_give(&rig, sn_code(SN_WILLMSGRESP, 0));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_DONE).event.request,
                     MQTTSN_REQUEST_WILL_UPDATE);
    rig_quiet(&rig);

    assert_int_equal(mqttsn_client_will_update(&rig.client, &other, 2, rig.now),
                     MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_WILLMSGUPD);
    rig_give(&rig, sn_code(SN_WILLMSGRESP, 3));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_DONE).event.code, 3);

    assert_int_equal(mqttsn_client_will_update(&rig.client, NULL, 0, rig.now),
                     MQTTSN_OK);
    rig_poll(&rig);
    assert_int_equal(rig.out[0].octets.len, 2); /* [SN12-060] */
    rig_take(&rig, SN_WILLTOPICUPD);
    rig_give(&rig, sn_code(SN_WILLTOPICRESP, 0));
    rig_event(&rig, MQTTSN_EVENT_DONE);
    rig_quiet(&rig);
}

static void silence_is_answered_by_repeating_with_jitter(void **unused)
{
    mqttsn_ms waits[4];

    (void)unused;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_CONNECT);
    for (int i = 0; i < 3; i++) {
        waits[i] = rig_wait(&rig);
        assert_in_range(waits[i], 10000, 15000); /* [SN12-713] */
        rig_pass(&rig, waits[i] - 1);
        rig_quiet(&rig);
        rig_pass(&rig, 1);
        rig_take(&rig, SN_CONNECT);
    }
    assert_false(waits[0] == waits[1] && waits[1] == waits[2]);
    rig_quiet(&rig);
}

static void after_n_retry_another_gateway_then_the_former_then_none(void **u)
{
    struct mqttsn_address second = rig_address(2);

    (void)u;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_add_gateway(&rig.client, 2, &second),
                     MQTTSN_OK);
    rig_connect(&rig);
    assert_int_equal(
        mqttsn_client_publish(&rig.client, mqttsn_topic_predefined(9),
                              mqttsn_span("x", 1), 1, false, rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    for (int i = 0; i < 4; i++) {
        struct sn_frame f = rig_take(&rig, SN_PUBLISH);

        /* [SN12-011] */
        assert_int_equal(f.flags & SN_DUP, i == 0 ? 0 : SN_DUP);
        rig_quiet(&rig);
        rig_pass(&rig, rig_wait(&rig));
    }
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_LOST);   /* [SN12-714] */
    assert_int_equal(rig.out[0].to.octets[3], 2); /* [SN12-715] [SN12-706] */
    rig_take(&rig, SN_CONNECT);
    rig_give_from(&rig, 1, sn_code(SN_CONNACK, 0)); /* not asked [SN12-104] */
    rig_quiet(&rig);
    for (int i = 0; i < 3; i++) {
        rig_pass(&rig, rig_wait(&rig));
        rig_take(&rig, SN_CONNECT);
    }
    rig_pass(&rig, rig_wait(&rig));
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_LOST);
    assert_int_equal(rig.out[0].to.octets[3], 1);
    for (int i = 0; i < 4; i++) {
        rig_take(&rig, SN_CONNECT);
        rig_pass(&rig, rig_wait(&rig));
    }
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_DONE).event.result,
                     MQTTSN_CLIENT_FAILED);
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_LOST);
    rig_event(&rig, MQTTSN_EVENT_LOST);
    rig_quiet(&rig);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
}

static void pings_within_the_keep_alive_and_answers_pings(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);

    assert_true(rig_wait(&rig) < 60000); /* [SN12-702] [SN12-701] */
    rig_pass(&rig, rig_wait(&rig));
    assert_int_equal(rig.out[0].octets.len, 2); /* asleep nodes tell their id */
    rig_take(&rig, SN_PINGREQ);
    rig_give(&rig, sn_bare(SN_PINGRESP));
    rig_quiet(&rig);
    assert_true(rig_wait(&rig) < 60000);

    rig_give(&rig, sn_pingreq(NULL));
    rig_take(&rig, SN_PINGRESP); /* [SN12-704] */
    rig_give_from(&rig, 2, sn_pingreq(NULL));
    rig_quiet(&rig); /* [SN12-705] */
}

static void a_disconnect_of_the_gateway_is_answered_with_connect(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_give(&rig, sn_disconnect(-1)); /* [SN12-712] */
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_LOST);
    /* Not clean: what the gateway may still have of us is to stay. */
    assert_int_equal(rig_take(&rig, SN_CONNECT).flags, 0);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    assert_true(rig_event(&rig, MQTTSN_EVENT_CONNECTED).event.resubscribe);
    rig_quiet(&rig);
}

static void a_gateway_that_always_disconnects_is_left_alone(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_give(&rig, sn_disconnect(-1));
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_give(&rig, sn_disconnect(-1));
    assert_int_equal(mqttsn_client_state(&rig.client),
                     MQTTSN_CLIENT_DISCONNECTED);
}

static void says_goodbye_and_then_needs_a_new_connection(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    mqttsn_client_disconnect(&rig.client, rig.now);
    rig_poll(&rig);
    assert_true(rig_take(&rig, SN_DISCONNECT).bare); /* [SN12-707] */
    rig_pass(&rig, rig_wait(&rig));
    rig_take(&rig, SN_DISCONNECT);
    rig_give(&rig, sn_disconnect(-1));
    rig_event(&rig, MQTTSN_EVENT_DISCONNECTED);
    rig_quiet(&rig);
    assert_int_equal(
        mqttsn_client_register(&rig.client, mqttsn_topic_named("a"), rig.now),
        MQTTSN_EPROTO); /* [SN12-709] */
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
}

static void refused_for_congestion_it_waits_and_tries_again(void **unused)
{
    (void)unused;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_CONNECT);
    rig_give(&rig, sn_code(SN_CONNACK, 1));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_REFUSED).event.code, 1);
    rig_pass(&rig, 300000);
    rig_quiet(&rig);
    rig_pass(&rig, 60000);
    rig_take(&rig, SN_CONNECT);
    rig_give(&rig, sn_code(SN_CONNACK, 3));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_REFUSED).event.code, 3);
    rig_quiet(&rig);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
}

static void sleeps_checks_and_sleeps_on(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_sleep(&rig, 300); /* [SN12-058] */
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);

    rig_pass(&rig, 250000);
    assert_int_equal(mqttsn_client_check(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    assert_memory_equal(rig_take(&rig, SN_PINGREQ).tail, "n1", 2);
    /* [SN12-056] */
    rig_give(&rig, sn_register(7, 1, "cmd/led"));
    rig_take(&rig, SN_REGACK);
    rig_give(&rig, sn_publish(SN_QOS1, 7, 2, "on"));
    rig_take(&rig, SN_PUBACK);
    assert_string_equal(rig_event(&rig, MQTTSN_EVENT_MESSAGE).topic, "cmd/led");
    rig_give(&rig, sn_bare(SN_PINGRESP));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_CHECKED).event.result,
                     MQTTSN_CLIENT_ACCEPTED);
    assert_int_equal(mqttsn_client_state(&rig.client), MQTTSN_CLIENT_ASLEEP);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
    rig_quiet(&rig); /* [SN12-817] */
    /* A late repetition of the answer to our DISCONNECT. */
    rig_give(&rig, sn_disconnect(-1));
    rig_quiet(&rig);
}

static void a_silent_gateway_lets_the_sleeper_sleep_on(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_sleep(&rig, 300);
    assert_int_equal(mqttsn_client_check(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_PINGREQ);
    rig_pass(&rig, 9000);
    /* Any message but PINGRESP restarts T_RETRY [SN12-811]. */
    rig_give(&rig, sn_publish(SN_QOS0 | SN_PREDEFINED, 3, 0, "x"));
    rig_event(&rig, MQTTSN_EVENT_MESSAGE);
    rig_pass(&rig, 9999);
    rig_quiet(&rig);
    for (int i = 0; i < 3; i++) {
        rig_pass(&rig, rig_wait(&rig));
        rig_take(&rig, SN_PINGREQ); /* [SN12-812] */
        rig_quiet(&rig);
    }
    rig_pass(&rig, rig_wait(&rig)); /* [SN12-813] */
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_CHECKED).event.result,
                     MQTTSN_CLIENT_FAILED);
    rig_quiet(&rig);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
}

static void publishing_from_sleep_takes_six_datagrams(void **unused)
{
    struct sn_frame f;

    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_sleep(&rig, 300);
    assert_int_equal(
        mqttsn_client_publish(&rig.client, mqttsn_topic_predefined(9),
                              mqttsn_span("x", 1), 1, false, rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_CONNECT); /* [SN12-814] [SN12-817] */
    assert_int_equal(f.flags, 0);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    assert_false(rig_event(&rig, MQTTSN_EVENT_CONNECTED).event.resubscribe);
    f = rig_take(&rig, SN_PUBLISH);
    rig_give(&rig, sn_ack(SN_PUBACK, 9, f.msg, 0));
    rig_event(&rig, MQTTSN_EVENT_DONE);
    assert_int_equal(rig_take(&rig, SN_DISCONNECT).duration, 300);
    rig_give(&rig, sn_disconnect(-1));
    rig_event(&rig, MQTTSN_EVENT_ASLEEP);
    rig_quiet(&rig);
}

static void a_new_duration_is_told_and_goodbye_is_said_from_sleep(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig_sleep(&rig, 300);
    rig_sleep(&rig, 600); /* [SN12-816] */
    mqttsn_client_disconnect(&rig.client, rig.now);
    rig_poll(&rig);
    assert_true(rig_take(&rig, SN_DISCONNECT).bare); /* [SN12-815] */
    rig_give(&rig, sn_disconnect(-1));
    rig_event(&rig, MQTTSN_EVENT_DISCONNECTED);
}

static void deadlines_hold_over_a_month_without_a_call(void **unused)
{
    (void)unused;
    rig_start(&rig);
    rig_connect(&rig);
    rig.now += UINT64_C(30) * 86400 * 1000;
    assert_true(mqttsn_client_next_deadline(&rig.client) <= rig.now);
    mqttsn_client_on_deadline(&rig.client, rig.now);
    rig_poll(&rig);
    rig_take(&rig, SN_PINGREQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(connects_with_its_id_and_keep_alive),
        TEST(ids_of_no_or_too_many_octets_are_refused),
        TEST(nothing_is_asked_before_a_connection),
        TEST(a_will_is_given_when_it_is_asked_for),
        TEST(an_empty_will_is_two_octets),
        TEST(the_will_is_changed_half_by_half_or_deleted),
        TEST(silence_is_answered_by_repeating_with_jitter),
        TEST(after_n_retry_another_gateway_then_the_former_then_none),
        TEST(pings_within_the_keep_alive_and_answers_pings),
        TEST(a_disconnect_of_the_gateway_is_answered_with_connect),
        TEST(a_gateway_that_always_disconnects_is_left_alone),
        TEST(says_goodbye_and_then_needs_a_new_connection),
        TEST(refused_for_congestion_it_waits_and_tries_again),
        TEST(sleeps_checks_and_sleeps_on),
        TEST(a_silent_gateway_lets_the_sleeper_sleep_on),
        TEST(publishing_from_sleep_takes_six_datagrams),
        TEST(a_new_duration_is_told_and_goodbye_is_said_from_sleep),
        TEST(deadlines_hold_over_a_month_without_a_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
