/* SPDX-License-Identifier: MIT */
/* The publisher of docs/client-footprint.md: the library and the codec built
 * with its features alone, against a gateway by hand. */
#include "rig.h"

#include "mqttsn/frame.h"

static struct rig rig;

static int set_up(void **unused)
{
    (void)unused;
    rig_init(&rig);
    rig_start(&rig);
    rig_connect(&rig);
    return 0;
}

static enum mqttsn_status publish(struct mqttsn_topic topic, const char *data,
                                  int qos)
{
    enum mqttsn_status status = mqttsn_client_publish(
        &rig.client, topic, mqttsn_span_text(data), qos, true, rig.now);

    rig_poll(&rig);
    return status;
}

static void done(unsigned result)
{
    struct rig_event e = rig_event(&rig, MQTTSN_EVENT_DONE);

    assert_int_equal(e.event.request, MQTTSN_REQUEST_PUBLISH);
    assert_int_equal(e.event.result, result);
}

static void publishes_with_each_qos_it_has_and_no_other(void **unused)
{
    static const struct {
        int qos;
        uint8_t flags;
    } rows[] = {{-1, SN_QOS_MINUS1}, {0, SN_QOS0}, {1, SN_QOS1}};
    struct sn_frame f;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(
            publish(mqttsn_topic_predefined(7), "21.5", rows[i].qos),
            MQTTSN_OK);
        f = rig_take(&rig, SN_PUBLISH);
        assert_int_equal(f.flags, rows[i].flags | SN_RETAIN | SN_PREDEFINED);
        assert_int_equal(f.topic, 7);
        assert_int_equal(f.tail_len, 4);
        assert_memory_equal(f.tail, "21.5", 4);
        if (rows[i].qos == 1)
            rig_give(&rig, sn_ack(SN_PUBACK, 7, f.msg, 0));
        done(MQTTSN_CLIENT_ACCEPTED);
        rig_quiet(&rig);
    }
    assert_int_equal(publish(mqttsn_topic_predefined(7), "x", 2),
                     MQTTSN_EINVAL);
    rig_quiet(&rig);
}

static void topics_are_ids_and_short_names(void **unused)
{
    (void)unused;
    assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 0), MQTTSN_OK);
    assert_int_equal(rig_take(&rig, SN_PUBLISH).topic, 'a' << 8 | 'b');
    done(MQTTSN_CLIENT_ACCEPTED);

    assert_int_equal(publish(mqttsn_topic_named("a/b"), "x", 0), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_short("a+"), "x", 0), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_predefined(0), "x", 0),
                     MQTTSN_EINVAL);
    assert_false(mqttsn_client_busy(&rig.client));
    rig_quiet(&rig);
}

static void a_payload_of_each_length_is_framed(void **unused)
{
    static char text[300];

    (void)unused;
    /* Around the change to the 3-octet Length. */
    for (size_t len = 246; len <= 252; len++) {
        struct sn_frame f;

        memset(text, 'p', len);
        assert_int_equal(publish(mqttsn_topic_predefined(7), text, 0),
                         MQTTSN_OK);
        f = rig_take(&rig, SN_PUBLISH);
        assert_int_equal(f.tail_len, len);
        assert_memory_equal(f.tail, text, len);
        done(MQTTSN_CLIENT_ACCEPTED);
    }
}

static void what_is_not_acknowledged_is_repeated(void **unused)
{
    uint16_t msg;
    struct sn_frame f;

    (void)unused;
    assert_int_equal(publish(mqttsn_topic_predefined(7), "x", 1), MQTTSN_OK);
    msg = rig_take(&rig, SN_PUBLISH).msg;

    rig_pass(&rig, 15000);

    f = rig_take(&rig, SN_PUBLISH);
    assert_int_equal(f.msg, msg);
    assert_true(f.flags & SN_DUP);
    rig_give(&rig, sn_ack(SN_PUBACK, 7, (uint16_t)(msg + 1), 0)); /* another */
    rig_quiet(&rig);
    rig_give(&rig, sn_ack(SN_PUBACK, 7, msg, 0));
    done(MQTTSN_CLIENT_ACCEPTED);
    rig_quiet(&rig);
}

static void a_rejection_ends_the_request_and_congestion_pauses(void **unused)
{
    (void)unused;
    for (unsigned code = 1; code <= 3; code++) {
        unsigned congested = code == MQTTSN_REJECTED_CONGESTION;

        assert_int_equal(publish(mqttsn_topic_predefined(7), "x", 1),
                         MQTTSN_OK);
        rig_give(&rig,
                 sn_ack(SN_PUBACK, 7, rig_take(&rig, SN_PUBLISH).msg, code));
        done(MQTTSN_CLIENT_REJECTED);
        assert_int_equal(mqttsn_client_paused(&rig.client, rig.now), congested);
        rig.now += congested ? MQTTSN_CLIENT_T_WAIT_MS : 0;
    }
}

static void keeps_alive_and_answers_pings(void **unused)
{
    (void)unused;
    rig_pass(&rig, 45000);
    assert_int_equal(rig_take(&rig, SN_PINGREQ).tail_len, 0);
    rig_give(&rig, sn_bare(SN_PINGRESP));
    rig_quiet(&rig);

    rig_give(&rig, sn_pingreq(NULL));
    rig_take(&rig, SN_PINGRESP);
    rig_quiet(&rig);
}

static void sleeps_checks_and_wakes_to_publish(void **unused)
{
    struct sn_frame f;

    (void)unused;
    rig_sleep(&rig, 300);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);

    rig.now += 200000;
    assert_int_equal(mqttsn_client_check(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_PINGREQ);
    assert_memory_equal(f.tail, "n1", 2);
    rig_give(&rig, sn_bare(SN_PINGRESP));
    assert_int_equal(rig_event(&rig, MQTTSN_EVENT_CHECKED).event.result,
                     MQTTSN_CLIENT_ACCEPTED);

    /* Longer than 32 bits of milliseconds can say. */
    rig.now += (mqttsn_ms)1 << 33;
    assert_int_equal(publish(mqttsn_topic_predefined(7), "x", 1), MQTTSN_OK);
    assert_int_equal(rig_take(&rig, SN_CONNECT).flags, 0);
    rig_pass(&rig, 15000);
    rig_take(&rig, SN_CONNECT);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
    f = rig_take(&rig, SN_PUBLISH);
    rig_give(&rig, sn_ack(SN_PUBACK, 7, f.msg, 0));
    done(MQTTSN_CLIENT_ACCEPTED);
    assert_int_equal(rig_take(&rig, SN_DISCONNECT).duration, 300);
    rig_give(&rig, sn_disconnect(-1));
    rig_event(&rig, MQTTSN_EVENT_ASLEEP);
    rig_quiet(&rig);
}

static void what_comes_unasked_is_refused_where_that_is_built(void **unused)
{
    struct sn_frame f;

    (void)unused;
    rig_give(&rig, sn_register(9, 4, "a/b"));
    if (MQTTSN_CLIENT_REFUSE) {
        f = rig_take(&rig, SN_REGACK);
        assert_int_equal(f.code, MQTTSN_REJECTED_NOT_SUPPORTED);
        assert_int_equal(f.topic, 9);
        assert_int_equal(f.msg, 4);
    }
    rig_give(&rig, sn_publish(SN_QOS1, 9, 5, "on"));
    if (MQTTSN_CLIENT_REFUSE) {
        f = rig_take(&rig, SN_PUBACK);
        assert_int_equal(f.code, MQTTSN_REJECTED_NOT_SUPPORTED);
        assert_int_equal(f.msg, 5);
    }
    rig_quiet(&rig);
}

static void the_list_has_as_many_places_as_are_built(void **unused)
{
    struct mqttsn_address first = rig_address(1), second = rig_address(2);

    (void)unused;
    assert_int_equal(mqttsn_client_add_gateway(&rig.client, 1, &first),
                     MQTTSN_OK);
    assert_int_equal(mqttsn_client_add_gateway(&rig.client, 2, &second),
                     MQTTSN_CLIENT_FAILOVER ? MQTTSN_OK : MQTTSN_ENOSPACE);
}

/* Four CONNECTs to gateway k, none of which it answers. */
static void connects_in_vain(unsigned k)
{
    struct mqttsn_address address = rig_address(k);

    for (unsigned i = 0; i < 1 + MQTTSN_CLIENT_N_RETRY; i++) {
        struct rig_out out = rig_take_out(&rig);

        assert_int_equal(out.octets.data[1], SN_CONNECT);
        assert_memory_equal(out.to.octets, address.octets, address.len);
    }
}

static void a_lost_gateway_is_tried_again_and_given_up(void **unused)
{
    struct mqttsn_address second = rig_address(2);

    (void)unused;
    if (MQTTSN_CLIENT_FAILOVER)
        assert_int_equal(mqttsn_client_add_gateway(&rig.client, 2, &second),
                         MQTTSN_OK);
    rig_give(&rig, sn_disconnect(-1)); /* it has forgotten us */
    rig_pass(&rig, 200000);

    connects_in_vain(1);
    if (MQTTSN_CLIENT_FAILOVER)
        connects_in_vain(2);
    assert_int_equal(rig.out_count, 0);
    assert_int_equal(rig.events[rig.event_count - 1].event.kind,
                     MQTTSN_EVENT_LOST);
    assert_int_equal(mqttsn_client_state(&rig.client),
                     MQTTSN_CLIENT_DISCONNECTED);
}

static void a_parting_is_waited_for(void **unused)
{
    (void)unused;
    mqttsn_client_disconnect(&rig.client, rig.now);
    rig_poll(&rig);
    assert_true(rig_take(&rig, SN_DISCONNECT).bare);
    rig_give(&rig, sn_disconnect(-1));
    rig_event(&rig, MQTTSN_EVENT_DISCONNECTED);
    rig_quiet(&rig);
}

/* As the codec says, and as the client does: nothing comes of them. */
static void messages_that_are_left_out_are_reserved_types(void **unused)
{
    static const uint8_t left_out[] = {
        SN_ADVERTISE,    SN_SEARCHGW,   SN_GWINFO,        SN_CONNECT,
        SN_WILLTOPICREQ, SN_WILLTOPIC,  SN_WILLMSGREQ,    SN_WILLMSG,
        SN_REGACK,       SN_PUBREC,     SN_PUBREL,        SN_PUBCOMP,
        SN_SUBSCRIBE,    SN_SUBACK,     SN_UNSUBSCRIBE,   SN_UNSUBACK,
        SN_WILLTOPICUPD, SN_WILLMSGUPD, SN_WILLTOPICRESP, SN_WILLMSGRESP,
        SN_ENCAPSULATED,
    };
    static const uint8_t sent[] = {SN_CONNECT, SN_PUBLISH, SN_PINGREQ,
                                   SN_PINGRESP, SN_DISCONNECT};
    uint8_t octets[24] = {0};
    struct mqttsn_frame frame;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
        for (size_t len = 2; len < sizeof(octets); len++) {
            octets[0] = (uint8_t)len;
            octets[1] = left_out[i];
            assert_int_equal(mqttsn_decode(mqttsn_span(octets, len),
                                           MQTTSN_DECODE_STRICT, &frame),
                             MQTTSN_ETYPE);
            rig_give(&rig, (struct octets){len, {octets[0], octets[1]}});
        }
    rig_quiet(&rig);

    for (unsigned type = 0; type <= 0xff; type++) {
        bool known =
            memchr(sent, (int)type, sizeof(sent)) != NULL ||
            (MQTTSN_CLIENT_REFUSE && (type == SN_REGACK || type == SN_PUBACK));
        size_t len;

        memset(&frame, 0, sizeof(frame));
        frame.type = (enum mqttsn_type)type;
        assert_int_equal(mqttsn_encode(&frame, octets, sizeof(octets), &len),
                         known ? MQTTSN_OK : MQTTSN_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(publishes_with_each_qos_it_has_and_no_other),
        TEST(topics_are_ids_and_short_names),
        TEST(a_payload_of_each_length_is_framed),
        TEST(what_is_not_acknowledged_is_repeated),
        TEST(a_rejection_ends_the_request_and_congestion_pauses),
        TEST(keeps_alive_and_answers_pings),
        TEST(sleeps_checks_and_wakes_to_publish),
        TEST(what_comes_unasked_is_refused_where_that_is_built),
        TEST(the_list_has_as_many_places_as_are_built),
        TEST(a_lost_gateway_is_tried_again_and_given_up),
        TEST(a_parting_is_waited_for),
        TEST(messages_that_are_left_out_are_reserved_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
