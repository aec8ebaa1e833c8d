/* SPDX-License-Identifier: MIT */
/* Finding gateways and telling of them [SN 6.1]. */
#include "rig.h"

static struct rig rig;

static int set_up(void **unused)
{
    (void)unused;
    rig_init(&rig);
    rig.config.radius = 2;
    assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, 77),
                     MQTTSN_OK);
    return 0;
}

static struct octets searchgw(uint8_t radius)
{
    struct sn_frame f = {.type = SN_SEARCHGW, .radius = radius};

    return sn_pack(&f);
}

static struct octets gwinfo(uint8_t gw_id, const void *add, size_t len)
{
    struct sn_frame f = {.type = SN_GWINFO, .gw_id = gw_id, .tail_len = len};

    if (len > 0)
        memcpy(f.tail, add, len);
    return sn_pack(&f);
}

static struct octets advertise(uint8_t gw_id, uint16_t duration)
{
    struct sn_frame f = {
        .type = SN_ADVERTISE, .gw_id = gw_id, .duration = duration};

    return sn_pack(&f);
}

static void want_to_connect(void)
{
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_quiet(&rig);
}

static void a_search_is_delayed_limited_and_repeated_ever_later(void **unused)
{
    mqttsn_ms gap = 0;

    (void)unused;
    want_to_connect();
    assert_in_range(rig_wait(&rig), 0, 5000); /* [SN12-110] */
    rig_pass(&rig, rig_wait(&rig));
    for (int i = 0; i < 14; i++) {
        assert_int_equal(rig.out[0].to.len, 0);
        assert_int_equal(rig.out[0].radius, 2); /* [SN12-112] */
        assert_int_equal(rig_take(&rig, SN_SEARCHGW).radius, 2);
        /* [SN12-032] */
        assert_true(rig_wait(&rig) >= 2 * gap || gap > 1700000);
        assert_true(rig_wait(&rig) <= 3600000); /* [SN12-116] */
        gap = rig_wait(&rig);
        rig_pass(&rig, gap);
    }
}

static void the_delay_is_random(void **unused)
{
    mqttsn_ms least = 5000, most = 0;

    (void)unused;
    for (uint32_t seed = 0; seed < 50; seed++) {
        assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, seed),
                         MQTTSN_OK);
        want_to_connect();
        mqttsn_ms wait = rig_wait(&rig);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 1000 && most > 4000 && most <= 5000);
}

static void an_identical_search_counts_as_ours(void **unused)
{
    (void)unused;
    want_to_connect();
    rig_give_from(&rig, 9, searchgw(2)); /* [SN12-111] */
    rig_pass(&rig, 5001);
    rig_quiet(&rig);
    rig_pass(&rig, 5000);
    rig_take(&rig, SN_SEARCHGW);
}

static void a_search_of_another_radius_does_not(void **unused)
{
    (void)unused;
    want_to_connect();
    rig_give_from(&rig, 9, searchgw(1));
    rig_pass(&rig, 5001);
    rig_take(&rig, SN_SEARCHGW);
}

static void the_answer_to_a_search_is_delayed_at_random(void **unused)
{
    mqttsn_ms least = 5000, most = 0;

    (void)unused;
    for (uint32_t seed = 0; seed < 50; seed++) {
        struct mqttsn_address address = rig_address(1);

        assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, seed),
                         MQTTSN_OK);
        assert_int_equal(mqttsn_client_add_gateway(&rig.client, 1, &address),
                         MQTTSN_OK);
        rig_give_from(&rig, 9, searchgw(3));
        mqttsn_ms wait = rig_wait(&rig); /* [SN12-115] */

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 1000 && most > 4000 && most <= 5000);
}

static void the_gateway_that_answers_is_connected_to(void **unused)
{
    (void)unused;
    want_to_connect();
    rig_pass(&rig, rig_wait(&rig));
    rig_take(&rig, SN_SEARCHGW);
    rig_give_from(&rig, 3, gwinfo(33, NULL, 0)); /* [SN12-105] */
    struct rig_event e = rig_event(&rig, MQTTSN_EVENT_GATEWAY_FOUND);

    assert_int_equal(e.event.gw_id, 33);
    assert_int_equal(rig.out[0].to.octets[3], 3);
    rig_take(&rig, SN_CONNECT);
    rig_give_from(&rig, 3, sn_code(SN_CONNACK, 0));
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
    rig_quiet(&rig);
}

static void another_client_tells_the_address(void **unused)
{
    static const uint8_t add[] = {6, 10, 0, 0, 5, 7, 91};
    static const uint8_t wrong[] = {7, 10, 0, 0, 5, 7, 91};

    (void)unused;
    want_to_connect();
    rig_give_from(&rig, 9, gwinfo(5, wrong, sizeof(wrong))); /* [SN12-020] */
    rig_quiet(&rig);
    rig_give_from(&rig, 9, gwinfo(5, add, sizeof(add)));
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_FOUND);
    assert_int_equal(rig.out[0].to.len, 6);
    assert_memory_equal(rig.out[0].to.octets, add + 1, 6);
    rig_take(&rig, SN_CONNECT);
}

static void a_client_that_knows_answers_unless_another_did(void **unused)
{
    static const uint8_t add[] = {6, 10, 0, 0, 1, 1883 >> 8, 1883 & 0xff};
    struct sn_frame f;

    (void)unused;
    rig_init(&rig);
    rig.config.keep_alive_s = 0;
    rig_start(&rig);
    rig_connect(&rig);

    rig_give_from(&rig, 9, searchgw(3));
    rig_quiet(&rig);
    assert_in_range(rig_wait(&rig), 0, 5000); /* [SN12-115] */
    rig_pass(&rig, rig_wait(&rig));
    assert_int_equal(rig.out[0].to.len, 0);
    assert_int_equal(rig.out[0].radius, 3); /* [SN12-035] */
    f = rig_take(&rig, SN_GWINFO);          /* [SN12-114] [SN12-034] */
    assert_int_equal(f.gw_id, 1);
    assert_int_equal(f.tail_len, sizeof(add));
    assert_memory_equal(f.tail, add, sizeof(add));

    rig_give_from(&rig, 9, searchgw(3));
    rig_give_from(&rig, 1, gwinfo(1, NULL, 0));
    rig_pass(&rig, 6000);
    rig_quiet(&rig);
}

static void a_gateway_that_stops_advertising_leaves_the_list(void **unused)
{
    (void)unused;
    rig_give_from(&rig, 4, advertise(4, 1000));
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_FOUND);
    rig_pass(&rig, 2999000);
    rig_give_from(&rig, 4, advertise(4, 1000)); /* known: no event */
    rig_quiet(&rig);
    rig_pass(&rig, 2999000);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    rig_take(&rig, SN_CONNECT);
    rig_give_from(&rig, 4, sn_code(SN_CONNACK, 3));
    rig_event(&rig, MQTTSN_EVENT_REFUSED);
    rig_pass(&rig, 1001);
    want_to_connect(); /* it searches instead [SN12-107] */
    rig_pass(&rig, rig_wait(&rig));
    rig_take(&rig, SN_SEARCHGW);
}

/* The one it would have used has left the list, and another is in it. */
static void qos_minus_1_goes_to_a_gateway_that_is_there(void **unused)
{
    struct mqttsn_address fixed = rig_address(1);
    struct rig_out out;

    (void)unused;
    rig_give_from(&rig, 2, advertise(2, 60));
    assert_int_equal(mqttsn_client_add_gateway(&rig.client, 1, &fixed),
                     MQTTSN_OK);
    rig_pass(&rig, 600000);
    rig_give_from(&rig, 9, searchgw(2)); /* when others are looked after */
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_FOUND);

    assert_int_equal(
        mqttsn_client_publish(&rig.client, mqttsn_topic_predefined(3),
                              mqttsn_span("x", 1), -1, false, rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    out = rig_take_out(&rig);
    assert_int_equal(out.to.len, fixed.len);
    assert_memory_equal(out.to.octets, fixed.octets, fixed.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(a_search_is_delayed_limited_and_repeated_ever_later),
        TEST(the_delay_is_random),
        TEST(an_identical_search_counts_as_ours),
        TEST(a_search_of_another_radius_does_not),
        TEST(the_answer_to_a_search_is_delayed_at_random),
        TEST(the_gateway_that_answers_is_connected_to),
        TEST(another_client_tells_the_address),
        TEST(a_client_that_knows_answers_unless_another_did),
        TEST(a_gateway_that_stops_advertising_leaves_the_list),
        TEST(qos_minus_1_goes_to_a_gateway_that_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
