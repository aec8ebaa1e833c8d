/* SPDX-License-Identifier: MIT */
/* Names, publishing, subscribing and messages, against a gateway by hand. */
#include "rig.h"

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
        &rig.client, topic, mqttsn_span_text(data), qos, false, rig.now);

    rig_poll(&rig);
    return status;
}

static enum mqttsn_status subscribe(struct mqttsn_topic topic, int qos)
{
    enum mqttsn_status status =
        mqttsn_client_subscribe(&rig.client, topic, qos, rig.now);

    rig_poll(&rig);
    return status;
}

static struct mqttsn_client_event done(void)
{
    return rig_event(&rig, MQTTSN_EVENT_DONE).event;
}

/* Publishes 'name' with QoS 0, which must go out under 'id' at once. */
static void is_known(const char *name, uint16_t id)
{
    assert_int_equal(publish(mqttsn_topic_named(name), "k", 0), MQTTSN_OK);
    assert_int_equal(rig_take(&rig, SN_PUBLISH).topic, id);
    done();
}

static void learn(const char *name, uint16_t id)
{
    struct sn_frame f;

    assert_int_equal(
        mqttsn_client_register(&rig.client, mqttsn_topic_named(name), rig.now),
        MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_REGISTER);
    rig_give(&rig, sn_ack(SN_REGACK, id, f.msg, 0));
    assert_int_equal(done().topic_id, id);
}

static void a_name_is_registered_once_and_then_used(void **unused)
{
    struct sn_frame f;

    (void)unused;
    assert_int_equal(publish(mqttsn_topic_named("a/b"), "hi", 1), MQTTSN_OK);
    f = rig_take(&rig, SN_REGISTER);
    assert_int_equal(f.topic, 0); /* [SN12-042] */
    assert_memory_equal(f.tail, "a/b", 3);
    rig_quiet(&rig); /* [SN12-305] */
    rig_give(&rig, sn_ack(SN_REGACK, 9, (uint16_t)(f.msg + 1), 0));
    rig_quiet(&rig); /* not ours [SN12-021] */
    rig_give(&rig, sn_ack(SN_REGACK, 9, f.msg, 0));
    f = rig_take(&rig, SN_PUBLISH); /* [SN12-303] [SN12-045] */
    assert_int_equal(f.topic, 9);
    assert_int_equal(f.flags, SN_QOS1);
    assert_int_not_equal(f.msg, 0);
    assert_memory_equal(f.tail, "hi", 2);
    assert_int_equal(publish(mqttsn_topic_named("a/b"), "no", 1),
                     MQTTSN_EPROTO);
    /* [SN12-404] */
    rig_give(&rig, sn_ack(SN_PUBACK, 9, f.msg, 0));
    assert_int_equal(done().result, MQTTSN_CLIENT_ACCEPTED);
    is_known("a/b", 9);
    rig_quiet(&rig);
}

static void qos_0_has_no_msg_id_and_is_done_when_sent(void **unused)
{
    (void)unused;
    assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 0), MQTTSN_OK);
    struct sn_frame f = rig_take(&rig, SN_PUBLISH);

    assert_int_equal(f.msg, 0); /* [SN12-046] */
    assert_int_equal(f.flags, SN_SHORT);
    assert_int_equal(f.topic, 'a' << 8 | 'b'); /* [SN12-311] */
    assert_int_equal(done().request, MQTTSN_REQUEST_PUBLISH);
    rig_quiet(&rig);
}

static void qos_minus_1_needs_no_connection(void **unused)
{
    (void)unused;
    rig_init(&rig);
    rig_start(&rig);
    /* [SN12-405] [SN12-406] */
    assert_int_equal(publish(mqttsn_topic_named("abc"), "x", -1),
                     MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_predefined(3), "x", -1), MQTTSN_OK);
    struct sn_frame f = rig_take(&rig, SN_PUBLISH);

    assert_int_equal(f.flags, SN_QOS_MINUS1 | SN_PREDEFINED);
    assert_int_equal(f.topic, 3);
    assert_int_equal(f.msg, 0);
    done();
    rig_quiet(&rig);
    assert_true(rig_wait(&rig) == MQTTSN_NEVER);
}

static void qos_2_is_released_before_it_is_done(void **unused)
{
    struct sn_frame f;
    uint16_t msg;

    (void)unused;
    assert_int_equal(publish(mqttsn_topic_predefined(3), "x", 2), MQTTSN_OK);
    f = rig_take(&rig, SN_PUBLISH); /* [SN12-401] */
    msg = f.msg;
    rig_give(&rig, sn_ack(SN_PUBACK, 3, msg, 0)); /* means nothing, G12-47 */
    rig_quiet(&rig);
    rig_give(&rig, sn_msg(SN_PUBREC, msg)); /* [SN12-049] */
    assert_int_equal(rig_take(&rig, SN_PUBREL).msg, msg);
    rig_pass(&rig, rig_wait(&rig));
    rig_take(&rig, SN_PUBREL); /* [SN12-713] */
    rig_give(&rig, sn_msg(SN_PUBCOMP, msg));
    assert_int_equal(done().result, MQTTSN_CLIENT_ACCEPTED);
    rig_quiet(&rig);
}

static void a_forgotten_id_is_registered_again_once(void **unused)
{
    struct sn_frame f;

    (void)unused;
    learn("t", 4);
    assert_int_equal(publish(mqttsn_topic_named("t"), "x", 1), MQTTSN_OK);
    for (int i = 0; i < 2; i++) {
        f = rig_take(&rig, SN_PUBLISH);
        rig_quiet(&rig);
        assert_int_equal(f.flags, SN_QOS1); /* another one, so without DUP */
        rig_give(&rig, sn_ack(SN_PUBACK, f.topic, f.msg, 2));
        if (i == 0) {
            f = rig_take(&rig, SN_REGISTER); /* [SN12-402] */
            rig_give(&rig, sn_ack(SN_REGACK, 5, f.msg, 0));
        }
    }
    assert_int_equal(done().code, 2);
    rig_quiet(&rig);
}

static void errors_reach_qos_0_too(void **unused)
{
    (void)unused;
    learn("t", 4);
    is_known("t", 4);
    rig_give(&rig, sn_ack(SN_PUBACK, 4, 0, 2)); /* [SN12-048] */
    assert_int_equal(publish(mqttsn_topic_named("t"), "x", 0), MQTTSN_OK);
    rig_take(&rig, SN_REGISTER);
}

static void a_predefined_id_is_not_cured_by_registering(void **unused)
{
    (void)unused;
    assert_int_equal(publish(mqttsn_topic_predefined(8), "x", 1), MQTTSN_OK);
    struct sn_frame f = rig_take(&rig, SN_PUBLISH); /* [SN12-307] */

    rig_give(&rig, sn_ack(SN_PUBACK, 8, f.msg, 2));
    assert_int_equal(done().code, 2); /* [SN12-309] */
    rig_quiet(&rig);
}

static void congestion_makes_a_pause_in_all_requests(void **unused)
{
    static const uint8_t acks[] = {SN_PUBACK, SN_REGACK, SN_SUBACK};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(acks); i++) {
        struct octets ack;
        struct sn_frame f;

        if (acks[i] == SN_PUBACK) {
            assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 1), 0);
            f = rig_take(&rig, SN_PUBLISH); /* [SN12-403] */
            ack = sn_ack(SN_PUBACK, f.topic, f.msg, 1);
        } else if (acks[i] == SN_REGACK) {
            assert_int_equal(publish(mqttsn_topic_named("abc"), "x", 1), 0);
            f = rig_take(&rig, SN_REGISTER); /* [SN12-304] */
            ack = sn_ack(SN_REGACK, 0, f.msg, 1);
        } else {
            struct sn_frame suback = {.type = SN_SUBACK, .code = 1};

            assert_int_equal(subscribe(mqttsn_topic_named("x/#"), 1), 0);
            suback.msg = rig_take(&rig, SN_SUBSCRIBE).msg; /* [SN12-503] */
            ack = sn_pack(&suback);
        }
        rig_give(&rig, ack);
        assert_int_equal(done().code, 1);
        assert_true(mqttsn_client_paused(&rig.client, rig.now));
        assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 0),
                         MQTTSN_EPROTO);
        for (int minute = 0; minute < 5; minute++) {
            rig_pass(&rig, 60000);
            while (rig.out_count > 0)
                rig_take(&rig, SN_PINGREQ);
            rig_give(&rig, sn_bare(SN_PINGRESP));
        }
        assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 0),
                         MQTTSN_EPROTO);
        rig_pass(&rig, 60000);
        while (rig.out_count > 0)
            rig_take(&rig, SN_PINGREQ);
        rig_give(&rig, sn_bare(SN_PINGRESP));
        assert_int_equal(publish(mqttsn_topic_short("ab"), "x", 0), MQTTSN_OK);
        rig_take(&rig, SN_PUBLISH);
        done();
    }
}

static void subscribes_to_names_filters_ids_and_short_names(void **unused)
{
    static const struct {
        const char *why;
        struct mqttsn_topic topic;
        uint8_t flags;
        uint16_t given; /* the id of the SUBACK */
    } rows[] = {
        {"a name", {.name = {(const uint8_t *)"cmd/a", 5}}, SN_QOS1, 21},
        {"a filter", {.name = {(const uint8_t *)"cmd/+", 5}}, SN_QOS1, 0},
        {"an id [SN12-506]",
         {.type = MQTTSN_TOPIC_PREDEFINED, .id = 3},
         SN_QOS1 | SN_PREDEFINED,
         3},
        {"a short name [SN12-053]",
         {.type = MQTTSN_TOPIC_SHORT, .id = 'a' << 8 | 'b'},
         SN_QOS1 | SN_SHORT,
         21},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sn_frame suback = {
            .type = SN_SUBACK, .flags = SN_QOS0, .topic = rows[i].given};
        struct sn_frame f;

        CASE(rows[i].why);
        assert_int_equal(subscribe(rows[i].topic, 1), MQTTSN_OK);
        f = rig_take(&rig, SN_SUBSCRIBE); /* [SN12-050] */
        assert_int_equal(f.flags, rows[i].flags);
        assert_int_equal(subscribe(rows[i].topic, 1), MQTTSN_EPROTO);
        /* [SN12-508] */
        rig_pass(&rig, rig_wait(&rig));
        assert_int_equal(rig_take(&rig, SN_SUBSCRIBE).flags,
                         rows[i].flags | SN_DUP);
        suback.msg = f.msg;
        rig_give(&rig, sn_pack(&suback));
        assert_int_equal(done().qos, 0);
        rig_quiet(&rig);
    }
    rig_give(&rig, sn_publish(SN_QOS0, 21, 0, "x"));
    assert_string_equal(rig_event(&rig, MQTTSN_EVENT_MESSAGE).topic, "cmd/a");
    is_known("cmd/a", 21);
}

static void unsubscribes(void **unused)
{
    struct sn_frame f;

    (void)unused;
    assert_int_equal(mqttsn_client_unsubscribe(
                         &rig.client, mqttsn_topic_named("cmd/#"), rig.now),
                     MQTTSN_OK);
    rig_poll(&rig);
    f = rig_take(&rig, SN_UNSUBSCRIBE); /* [SN12-054] */
    assert_int_equal(f.flags, 0);
    assert_memory_equal(f.tail, "cmd/#", 5);
    rig_give(&rig, sn_msg(SN_UNSUBACK, f.msg));
    assert_int_equal(done().request, MQTTSN_REQUEST_UNSUBSCRIBE);
}

static void names_of_the_gateway_are_learnt_and_answered(void **unused)
{
    struct sn_frame f;
    char name[8];

    (void)unused;
    rig_give(&rig, sn_register(7, 300, "cmd/led"));
    f = rig_take(&rig, SN_REGACK); /* [SN12-603] [SN12-044] */
    assert_int_equal(f.topic, 7);
    assert_int_equal(f.msg, 300);
    assert_int_equal(f.code, 0);
    rig_give(&rig, sn_publish(SN_QOS1 | SN_RETAIN, 7, 301, "on"));
    struct rig_event e = rig_event(&rig, MQTTSN_EVENT_MESSAGE);

    assert_string_equal(e.topic, "cmd/led");
    assert_string_equal(e.data, "on");
    assert_true(e.event.retain);
    f = rig_take(&rig, SN_PUBACK); /* [SN12-047] */
    assert_int_equal(f.topic, 7);
    assert_int_equal(f.msg, 301);
    assert_int_equal(f.code, 0);

    /* More names than slots: the oldest gives way, and that shows. */
    for (unsigned i = 0; i < RIG_TOPICS; i++) {
        snprintf(name, sizeof(name), "n/%u", i);
        rig_give(&rig, sn_register((uint16_t)(20 + i), 302, name));
        assert_int_equal(rig_take(&rig, SN_REGACK).code, 0);
    }
    rig_give(&rig, sn_publish(SN_QOS1, 7, 303, "on"));
    assert_int_equal(rig_take(&rig, SN_PUBACK).code, 2); /* [SN12-608] */
    rig_quiet(&rig);
}

static void names_of_our_own_never_give_way(void **unused)
{
    (void)unused;
    learn("o/1", 1);
    learn("o/2", 2);
    learn("o/3", 3);
    learn("o/4", 4);
    rig_give(&rig, sn_register(9, 5, "cmd"));
    assert_int_equal(rig_take(&rig, SN_REGACK).code, 3);
    is_known("o/1", 1);
    is_known("o/4", 4);
    assert_int_equal(publish(mqttsn_topic_named("o/5"), "x", 0),
                     MQTTSN_ENOSPACE);
    rig_quiet(&rig);
}

static void a_long_name_or_a_reserved_id_is_refused(void **unused)
{
    char name[MQTTSN_CLIENT_NAME_MAX + 2];

    (void)unused;
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    rig_give(&rig, sn_register(9, 5, name));
    assert_int_equal(rig_take(&rig, SN_REGACK).code, 3);
    rig_give(&rig, sn_register(0, 5, "a"));
    assert_int_equal(rig_take(&rig, SN_REGACK).code, 2); /* [SN12-017] */
    rig_give(&rig, sn_publish(SN_QOS1, 0, 6, "x"));
    assert_int_equal(rig_take(&rig, SN_PUBACK).code, 2);
    assert_int_equal(publish(mqttsn_topic_predefined(0xffff), "x", 0),
                     MQTTSN_EINVAL);
    rig_quiet(&rig);
}

static void qos_2_from_the_gateway_is_delivered_once(void **unused)
{
    (void)unused;
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED, 3, 8, "x"));
    rig_event(&rig, MQTTSN_EVENT_MESSAGE);
    assert_int_equal(rig_take(&rig, SN_PUBREC).msg, 8);
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED | SN_DUP, 3, 8, "x"));
    assert_int_equal(rig_take(&rig, SN_PUBREC).msg, 8);
    rig_quiet(&rig);
    rig_give(&rig, sn_msg(SN_PUBREL, 8));
    rig_take(&rig, SN_PUBCOMP);
    rig_give(&rig, sn_msg(SN_PUBREL, 8));
    rig_take(&rig, SN_PUBCOMP);
    rig_pass(&rig, 4000); /* overtaken by PUBREL */
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED, 3, 8, "x"));
    rig_take(&rig, SN_PUBREC);
    rig_quiet(&rig);
    /* The next ones, under the same MsgId. */
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED, 3, 8, "y"));
    rig_event(&rig, MQTTSN_EVENT_MESSAGE);
    rig_take(&rig, SN_PUBREC);
    rig_give(&rig, sn_msg(SN_PUBREL, 8));
    rig_take(&rig, SN_PUBCOMP);
    rig_pass(&rig, 6000);
    rig_give(&rig, sn_publish(SN_QOS2 | SN_PREDEFINED | SN_DUP, 3, 8, "y"));
    rig_event(&rig, MQTTSN_EVENT_MESSAGE);
}

static void a_second_message_waits_for_the_first_to_be_taken(void **unused)
{
    struct mqttsn_address from = rig_address(1);
    struct octets first = sn_publish(SN_QOS1 | SN_PREDEFINED, 3, 8, "1");
    struct octets second = sn_publish(SN_QOS1 | SN_PREDEFINED, 3, 9, "2");

    (void)unused;
    mqttsn_client_on_datagram(&rig.client, &from,
                              mqttsn_span(first.data, first.len), rig.now);
    mqttsn_client_on_datagram(&rig.client, &from,
                              mqttsn_span(second.data, second.len), rig.now);
    rig_poll(&rig);
    assert_string_equal(rig_event(&rig, MQTTSN_EVENT_MESSAGE).data, "1");
    assert_int_equal(rig_take(&rig, SN_PUBACK).msg, 8);
    rig_quiet(&rig);
}

static void what_cannot_be_sent_is_refused_at_the_call(void **unused)
{
    char big[RIG_WORK + 2];

    (void)unused;
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(publish(mqttsn_topic_named("a/#"), "x", 0), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_named(""), "x", 0), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_short("+a"), "x", 0), MQTTSN_EINVAL);
    /* [SN12-313] */
    assert_int_equal(subscribe(mqttsn_topic_short("a#"), 0), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_predefined(0), "x", 0),
                     MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_predefined(1), "x", 3),
                     MQTTSN_EINVAL);
    assert_int_equal(subscribe(mqttsn_topic_predefined(1), -1), MQTTSN_EINVAL);
    assert_int_equal(publish(mqttsn_topic_predefined(1), big, 0),
                     MQTTSN_ENOSPACE);
    rig.config.datagram_max = 20; /* [SN12-006] */
    assert_int_equal(publish(mqttsn_topic_predefined(1), "12345678901234", 0),
                     MQTTSN_ENOSPACE);
    rig_quiet(&rig);
    assert_int_equal(publish(mqttsn_topic_predefined(1), "1234567890123", 0),
                     MQTTSN_OK);
}

static void a_long_payload_takes_the_long_form_of_length(void **unused)
{
    char data[RIG_WORK + 1] = {0};
    struct sn_frame f;

    (void)unused;
    memset(data, 'x', RIG_WORK);
    assert_int_equal(publish(mqttsn_topic_predefined(1), data, 0), MQTTSN_OK);
    f = rig_take(&rig, SN_PUBLISH); /* [SN12-003] */
    assert_int_equal(f.tail_len, RIG_WORK);
    data[248] = '\0';
    done();
    assert_int_equal(publish(mqttsn_topic_predefined(1), data, 0), MQTTSN_OK);
    assert_int_equal(rig.out[0].octets.data[0], 255); /* [SN12-004] */
}

static void a_name_is_registered_anew_in_a_new_connection(void **unused)
{
    (void)unused;
    learn("a/b", 5);
    rig_give(&rig, sn_disconnect(-1));
    rig_take(&rig, SN_CONNECT);
    rig_event(&rig, MQTTSN_EVENT_GATEWAY_LOST);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
    /* The gateway may have given 5 to another name since. */
    assert_int_equal(publish(mqttsn_topic_named("a/b"), "x", 0), MQTTSN_OK);
    rig_take(&rig, SN_REGISTER);
}

static void msg_ids_of_another_boot_are_others(void **unused)
{
    uint16_t seen[64];

    (void)unused;
    for (uint32_t boot = 0; boot < 64; boot++) {
        rig_init(&rig);
        assert_int_equal(mqttsn_client_init(&rig.client, &rig.config, boot),
                         MQTTSN_OK);
        seen[boot] = rig.client.msg_id;
        for (uint32_t i = 0; i < boot; i++)
            assert_true((uint16_t)(seen[boot] - seen[i]) > 64 &&
                        (uint16_t)(seen[i] - seen[boot]) > 64);
    }
}

static void frames_can_be_wrapped_for_a_forwarder(void **unused)
{
    static const uint8_t id[] = {0x0a, 0x01};
    struct octets inner;
    struct rig_out out;

    (void)unused;
    rig_init(&rig);
    rig.config.node_id = mqttsn_span(id, sizeof(id));
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    out = rig_take_out(&rig);
    assert_true(sn_unwrap(out.octets.data, out.octets.len, id, 2, &inner));
    assert_int_equal(inner.data[1], SN_CONNECT); /* [SN12-906] */
    rig_give(&rig, sn_wrap((const uint8_t *)"x", 1, sn_code(SN_CONNACK, 0)));
    rig_quiet(&rig); /* another node's [SN12-905] */
    rig_give(&rig, sn_wrap(id, 2, sn_code(SN_CONNACK, 0)));
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
}

static bool xor_seal(void *arg, const struct mqttsn_address *to, uint8_t *buf,
                     size_t len, size_t cap, size_t *ret_len)
{
    assert_non_null(to);
    if (len + 1 > cap)
        return false;
    for (size_t i = 0; i < len; i++)
        buf[i] ^= *(uint8_t *)arg;
    buf[len] = 0x5a;
    *ret_len = len + 1;
    return true;
}

static bool xor_open(void *arg, const struct mqttsn_address *from,
                     struct mqttsn_span sealed, struct mqttsn_span *ret_plain)
{
    static uint8_t plain[64];

    (void)from;
    if (sealed.len == 0 || sealed.data[sealed.len - 1] != 0x5a)
        return false;
    for (size_t i = 0; i + 1 < sealed.len; i++)
        plain[i] = sealed.data[i] ^ *(uint8_t *)arg;
    *ret_plain = mqttsn_span(plain, sealed.len - 1);
    return true;
}

static void datagrams_pass_through_the_seal(void **unused)
{
    static uint8_t key = 0x33;
    const struct mqttsn_client_seal seal = {
        .arg = &key, .seal = xor_seal, .open = xor_open};
    struct octets answer = {.len = 4, .data = {3 ^ 0x33, 5 ^ 0x33, 0x33, 0x5a}};
    struct rig_out out;

    (void)unused;
    rig_init(&rig);
    rig.config.seal = &seal;
    rig_start(&rig);
    assert_int_equal(mqttsn_client_connect(&rig.client, rig.now), MQTTSN_OK);
    rig_poll(&rig);
    out = rig_take_out(&rig);
    assert_int_equal(out.octets.data[0], 8 ^ 0x33);
    assert_int_equal(out.octets.data[out.octets.len - 1], 0x5a);
    rig_give(&rig, sn_code(SN_CONNACK, 0));
    rig_quiet(&rig);
    rig_give(&rig, answer);
    rig_event(&rig, MQTTSN_EVENT_CONNECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        TEST(a_name_is_registered_once_and_then_used),
        TEST(qos_0_has_no_msg_id_and_is_done_when_sent),
        TEST(qos_minus_1_needs_no_connection),
        TEST(qos_2_is_released_before_it_is_done),
        TEST(a_forgotten_id_is_registered_again_once),
        TEST(errors_reach_qos_0_too),
        TEST(a_predefined_id_is_not_cured_by_registering),
        TEST(congestion_makes_a_pause_in_all_requests),
        TEST(subscribes_to_names_filters_ids_and_short_names),
        TEST(unsubscribes),
        TEST(names_of_the_gateway_are_learnt_and_answered),
        TEST(names_of_our_own_never_give_way),
        TEST(a_long_name_or_a_reserved_id_is_refused),
        TEST(qos_2_from_the_gateway_is_delivered_once),
        TEST(a_second_message_waits_for_the_first_to_be_taken),
        TEST(what_cannot_be_sent_is_refused_at_the_call),
        TEST(a_long_payload_takes_the_long_form_of_length),
        TEST(a_name_is_registered_anew_in_a_new_connection),
        TEST(msg_ids_of_another_boot_are_others),
        TEST(frames_can_be_wrapped_for_a_forwarder),
        TEST(datagrams_pass_through_the_seal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
