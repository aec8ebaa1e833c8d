/* SPDX-License-Identifier: MIT */
/* Power off between wake-ups: what is kept, and what is refused. */
#include "rig.h"

static struct rig rig;
static uint8_t kept[MQTTSN_CLIENT_SNAPSHOT_MAX(RIG_TOPICS)];
static size_t kept_len;

static int set_up(void **unused)
{
    struct sn_frame f;

    (void)unused;
    rig_init(&rig);
    rig_start(&rig);
    rig_connect(&rig);
    assert_int_equal(
        mqttsn_client_register(&rig.client, mqttsn_topic_named("a/b"), rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_REGISTER);
    assert_int_equal(
        mqttsn_client_snapshot(&rig.client, kept, sizeof(kept), &kept_len),
        MQTTSN_EPROTO);
    rig_give(&rig, sn_ack(SN_REGACK, 6, f.msg, 0));
    rig_event(&rig, MQTTSN_EVENT_DONE);
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED, 3, 8, "x"));
    rig_event(&rig, MQTTSN_EVENT_MESSAGE);
    rig_take(&rig, SN_PUBREC);
    rig_sleep(&rig, 300);
    assert_int_equal(
        mqttsn_client_snapshot(&rig.client, kept, sizeof(kept), &kept_len),
        MQTTSN_OK);
    return 0;
}

static enum mqttsn_status resume(void)
{
    rig_init(&rig);
    return mqttsn_client_resume(&rig.client, &rig.config, 5,
                                mqttsn_span(kept, kept_len));
}

static void a_node_resumes_without_connect(void **unused)
{
    uint16_t msg_id = rig.client.msg_id;

    (void)unused;
    assert_int_equal(resume(), MQTTSN_OK);
    rig_quiet(&rig);
    assert_int_equal(mqttsn_client_check(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    assert_int_equal(rig.out[0].to.octets[3], 1);
    rig_take(&rig, SN_PINGREQ);
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED | SN_DUP, 3, 8, "x"));
    rig_take(&rig, SN_PUBREC);
    rig_quiet(&rig); /* it was delivered in the former life */
    rig_give(&rig, sn_publish(SN_QOS1, 6, 9, "y"));
    rig_take(&rig, SN_PUBACK);
    assert_string_equal(rig_event(&rig, MQTTSN_EVENT_MESSAGE).topic, "a/b");
    rig_give(&rig, sn_bare(SN_PINGRESP));
    rig_event(&rig, MQTTSN_EVENT_CHECKED);

    assert_int_equal(
        mqttsn_client_publish(&rig.client, mqttsn_topic_named("a/b"),
                              mqttsn_span("z", 1), 1, false, rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    assert_int_equal(rig_take(&rig, SN_CONNECT).flags, 0);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    struct sn_frame f = rig_take(&rig, SN_PUBLISH);

    assert_int_equal(f.topic, 6);
    assert_int_equal(f.msg, msg_id + 1);
}

static void no_damaged_snapshot_is_taken(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < kept_len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            kept[i] ^= (uint8_t)(1u << bit);
            assert_int_equal(resume(), MQTTSN_EFIELD);
            kept[i] ^= (uint8_t)(1u << bit);
        }
    }
    while (kept_len-- > 0)
        assert_int_equal(resume(), MQTTSN_EFIELD);
}

static void a_buffer_that_is_too_small_is_told(void **unused)
{
    size_t len = 0;

    (void)unused;
    for (size_t cap = 0; cap < kept_len; cap++) {
        uint8_t small[sizeof(kept)];

        assert_int_equal(mqttsn_client_snapshot(&rig.client, small, cap, &len),
                         MQTTSN_ENOSPACE);
    }
    assert_int_equal(len, 0);
}

static void a_smaller_table_is_told(void **unused)
{
    (void)unused;
    rig_init(&rig);
    rig.config.topic_cap = 0;
    assert_int_equal(mqttsn_client_resume(&rig.client, &rig.config, 5,
                                          mqttsn_span(kept, kept_len)),
                     MQTTSN_ENOSPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(a_node_resumes_without_connect),
        TEST(no_damaged_snapshot_is_taken),
        TEST(a_buffer_that_is_too_small_is_told),
        TEST(a_smaller_table_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
