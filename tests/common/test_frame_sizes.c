/* SPDX-License-Identifier: MIT */
/* The two forms of Length, at every type and around the sizes where they
 * meet. The expected octets are put together here, by [SN 5.2.1]. */
#include "mqttsn/frame.h"

#include <stdlib.h>

#include "check.h"
#include "codec.h"

enum { BUF = 70000 };

/* The types that end in a run of octets: what comes before it, and where the
 * frame keeps it. */
static const struct variable {
    uint8_t type;
    const char *fixed;
    size_t span_at;
    struct mqttsn_frame frame;
} variables[] = {
    {0x02,
     "01",
     offsetof(struct mqttsn_frame, gwinfo.gw_add),
     {.type = MQTTSN_GWINFO, .gwinfo = {.gw_id = 1}}},
    {0x04,
     "0401003c",
     offsetof(struct mqttsn_frame, connect.client_id),
     {.type = MQTTSN_CONNECT,
      .connect = {.flags = {.clean_session = true},
                  .protocol_id = 1,
                  .duration_s = 60}}},
    {0x07,
     "20",
     offsetof(struct mqttsn_frame, willtopic.topic),
     {.type = MQTTSN_WILLTOPIC, .willtopic = {.flags = {.qos = 1}}}},
    {0x09,
     "",
     offsetof(struct mqttsn_frame, willmsg.message),
     {.type = MQTTSN_WILLMSG}},
    {0x0a,
     "00010002",
     offsetof(struct mqttsn_frame, reg.topic_name),
     {.type = MQTTSN_REGISTER, .reg = {.topic_id = 1, .msg_id = 2}}},
    {0x0c,
     "2000010002",
     offsetof(struct mqttsn_frame, publish.data),
     {.type = MQTTSN_PUBLISH,
      .publish = {.flags = {.qos = 1}, .topic_id = 1, .msg_id = 2}}},
    {0x12,
     "200003",
     offsetof(struct mqttsn_frame, subscribe.topic_name),
     {.type = MQTTSN_SUBSCRIBE,
      .subscribe = {.flags = {.qos = 1}, .msg_id = 3}}},
    {0x14,
     "000003",
     offsetof(struct mqttsn_frame, unsubscribe.topic_name),
     {.type = MQTTSN_UNSUBSCRIBE, .unsubscribe = {.msg_id = 3}}},
    {0x16,
     "",
     offsetof(struct mqttsn_frame, pingreq.client_id),
     {.type = MQTTSN_PINGREQ}},
    {0x1a,
     "20",
     offsetof(struct mqttsn_frame, willtopicupd.topic),
     {.type = MQTTSN_WILLTOPICUPD, .willtopicupd = {.flags = {.qos = 1}}}},
    {0x1c,
     "",
     offsetof(struct mqttsn_frame, willmsgupd.message),
     {.type = MQTTSN_WILLMSGUPD}},
};

static uint8_t tail[BUF];
static uint8_t expected[BUF];
static uint8_t buf[BUF];

static int fill_tail(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(tail); i++)
        tail[i] = (uint8_t)('a' + i % 26);
    return 0;
}

static struct mqttsn_frame frame_of(const struct variable *v, size_t tail_len)
{
    struct mqttsn_frame frame = v->frame;
    struct mqttsn_span span = {tail, tail_len};

    memcpy((char *)&frame + v->span_at, &span, sizeof(span));
    return frame;
}

/* Puts the frame together in one of the forms; gives its length. */
static size_t expect(const struct variable *v, size_t tail_len, bool long_form)
{
    size_t at = long_form ? 4 : 2;
    size_t fixed = octets_of_hex(v->fixed, expected + at, 8);
    size_t total = at + fixed + tail_len;

    memcpy(expected + at + fixed, tail, tail_len);
    if (long_form) {
        expected[0] = 0x01;
        expected[1] = (uint8_t)(total / 256);
        expected[2] = (uint8_t)(total % 256);
    } else {
        expected[0] = (uint8_t)total;
    }
    expected[at - 1] = v->type;
    return total;
}

static void check_decodes(const struct mqttsn_frame *frame, size_t len)
{
    struct mqttsn_frame decoded;
    uint8_t *copy = exact_copy(expected, len);

    assert_int_equal(
        mqttsn_decode(mqttsn_span(copy, len), MQTTSN_DECODE_STRICT, &decoded),
        MQTTSN_OK);
    assert_true(frames_equal(&decoded, frame));
    free(copy);
}

static void check_encodes(const struct mqttsn_frame *frame, size_t expected_len)
{
    size_t len = 0;

    assert_int_equal(mqttsn_encode(frame, buf, sizeof(buf), &len), MQTTSN_OK);
    assert_int_equal(len, expected_len);
    assert_memory_equal(buf, expected, expected_len);
    assert_int_equal(mqttsn_encode(frame, buf, expected_len - 1, &len),
                     MQTTSN_ENOSPACE);
}

/* [SN12-003] [SN12-005] [G12-07] */
static void every_type_is_accepted_in_the_three_octet_form(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        struct mqttsn_frame decoded;
        size_t len = octets_of_hex(vectors[i].hex, expected + 2, BUF - 2) + 2;

        if (vectors[i].frame.type == MQTTSN_ENCAPSULATED)
            continue;
        CASE(vectors[i].line);
        expected[0] = 0x01;
        expected[1] = 0;
        expected[2] = (uint8_t)len;
        check_decodes(&vectors[i].frame, len);
        assert_int_equal(
            mqttsn_decode(mqttsn_span(expected, len - 1), 0, &decoded),
            MQTTSN_ETRUNCATED);
        assert_int_equal(
            mqttsn_decode(mqttsn_span(expected, len + 1), 0, &decoded),
            MQTTSN_ETRAILING);
    }
}

/* [SN12-002] [SN12-003] [SN12-004] [SN12-005] [G12-07] */
static void both_forms_are_accepted_and_the_shorter_is_sent(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const struct variable *v = &variables[i];
        size_t fixed = strlen(v->fixed) / 2;

        CASE(mqttsn_type_name(v->type));
        for (size_t total = 248; total <= 262; total++) {
            struct mqttsn_frame frame = frame_of(v, total - 2 - fixed);
            size_t len = expect(v, total - 2 - fixed, true);

            check_decodes(&frame, len);
            if (total <= 255) {
                len = expect(v, total - 2 - fixed, false);
                check_decodes(&frame, len);
            }
            check_encodes(&frame, len);
        }
    }
}

/* [SN12-003] [SN12-005] [G12-07] */
static void a_publish_of_any_small_size_is_accepted_in_both_forms(void **unused)
{
    const struct variable *publish = &variables[5];

    (void)unused;
    for (size_t tail_len = 0; tail_len <= 600; tail_len++) {
        struct mqttsn_frame frame = frame_of(publish, tail_len);
        size_t len = expect(publish, tail_len, true);

        check_decodes(&frame, len);
        if (tail_len <= 248) {
            len = expect(publish, tail_len, false);
            check_decodes(&frame, len);
        }
        check_encodes(&frame, len);
    }
}

/* [SN12-003] */
static void the_largest_message_has_65535_octets(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const struct variable *v = &variables[i];
        size_t fixed = strlen(v->fixed) / 2;
        size_t most = 65535 - 4 - fixed;
        size_t len = 99;

        CASE(mqttsn_type_name(v->type));
        for (size_t tail_len = most - 1; tail_len <= most; tail_len++) {
            struct mqttsn_frame frame = frame_of(v, tail_len);
            size_t whole = expect(v, tail_len, true);

            check_decodes(&frame, whole);
            check_encodes(&frame, whole);
        }
        for (size_t tail_len = most + 1; tail_len <= most + 4; tail_len++) {
            struct mqttsn_frame frame = frame_of(v, tail_len);

            assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                             MQTTSN_ENOSPACE);
            assert_int_equal(len, 99);
        }
    }
}

static void a_span_of_absurd_length_does_not_fit(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        struct mqttsn_frame frame = frame_of(&variables[i], SIZE_MAX);
        size_t len = 99;

        CASE(mqttsn_type_name(variables[i].type));
        assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                         MQTTSN_ENOSPACE);
    }
}

/* [SN12-902] */
static void an_encapsulation_of_a_long_message_has_a_short_length(void **unused)
{
    static const uint8_t header[] = {0x05, 0xfe, 0x00, 0x0a, 0x01};
    const struct variable *publish = &variables[5];
    struct mqttsn_frame inner = frame_of(publish, 1000);
    size_t inner_len = expect(publish, 1000, true);
    struct mqttsn_frame outer = {
        .type = MQTTSN_ENCAPSULATED,
        .encapsulated = {.node_id = SPAN("\x0a\x01"),
                         .message = {expected + sizeof(header), inner_len}}};
    struct mqttsn_frame decoded;

    (void)unused;
    memmove(expected + sizeof(header), expected, inner_len);
    memcpy(expected, header, sizeof(header));
    check_decodes(&outer, sizeof(header) + inner_len);
    check_encodes(&outer, sizeof(header) + inner_len);
    assert_int_equal(mqttsn_decode(outer.encapsulated.message, 0, &decoded),
                     MQTTSN_OK);
    assert_true(frames_equal(&decoded, &inner));

    outer.encapsulated.message = mqttsn_span(tail, 65535 - 5 + 1);
    assert_int_equal(mqttsn_encode(&outer, buf, sizeof(buf), &inner_len),
                     MQTTSN_ENOSPACE);
}

/* [G12-08] */
static void the_one_broken_frame_of_paho_is_taken_when_asked_for(void **unused)
{
    const struct variable *publish = &variables[5];
    struct mqttsn_frame frame = frame_of(publish, 248);
    struct mqttsn_frame decoded;
    size_t len = expect(publish, 248, true);

    (void)unused;
    assert_int_equal(len, 257);
    expected[2] = 0xff;
    expected[1] = 0;
    assert_int_equal(mqttsn_decode(mqttsn_span(expected, len),
                                   MQTTSN_DECODE_STRICT, &decoded),
                     MQTTSN_ETRAILING);
    assert_int_equal(mqttsn_decode(mqttsn_span(expected, len),
                                   MQTTSN_DECODE_PAHO_LEN_QUIRK, &decoded),
                     MQTTSN_OK);
    assert_true(frames_equal(&decoded, &frame));
}

/* [G12-08] */
static void no_other_mismatch_passes_as_the_paho_quirk(void **unused)
{
    const struct variable *publish = &variables[5];
    struct mqttsn_frame decoded;

    (void)unused;
    for (size_t datagram = 250; datagram <= 262; datagram++) {
        for (size_t length = 250; length <= 262; length++) {
            size_t len = expect(publish, datagram - 9, true);

            if (length == datagram || (length == 255 && datagram == 257))
                continue;
            expected[1] = (uint8_t)(length / 256);
            expected[2] = (uint8_t)(length % 256);
            assert_int_equal(
                mqttsn_decode(mqttsn_span(expected, len),
                              MQTTSN_DECODE_PAHO_LEN_QUIRK, &decoded),
                length > datagram ? MQTTSN_ETRUNCATED : MQTTSN_ETRAILING);
        }
    }

    /* Length 255 on 257 octets, but in the 1-octet form */
    (void)expect(publish, 248, false);
    assert_int_equal(mqttsn_decode(mqttsn_span(expected, 257),
                                   MQTTSN_DECODE_PAHO_LEN_QUIRK, &decoded),
                     MQTTSN_ETRAILING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_accepted_in_the_three_octet_form),
        cmocka_unit_test(both_forms_are_accepted_and_the_shorter_is_sent),
        cmocka_unit_test(a_publish_of_any_small_size_is_accepted_in_both_forms),
        cmocka_unit_test(the_largest_message_has_65535_octets),
        cmocka_unit_test(a_span_of_absurd_length_does_not_fit),
        cmocka_unit_test(an_encapsulation_of_a_long_message_has_a_short_length),
        cmocka_unit_test(the_one_broken_frame_of_paho_is_taken_when_asked_for),
        cmocka_unit_test(no_other_mismatch_passes_as_the_paho_quirk),
    };

    return cmocka_run_group_tests(tests, fill_tail, NULL);
}
