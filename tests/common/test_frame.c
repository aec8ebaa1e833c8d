/* SPDX-License-Identifier: MIT */
/* The layout of every message, and what is refused. See vectors.c for the
 * frames, test_frame_sizes.c for the two forms of Length. */
#include "mqttsn/frame.h"

#include <stdlib.h>

#include "check.h"
#include "codec.h"

enum { FRAME_MAX = 64 };

/* Decodes an exact copy; the status is all that is kept. */
static enum mqttsn_status status_of(const char *hex, unsigned options)
{
    struct mqttsn_frame frame;
    uint8_t octets[FRAME_MAX];
    size_t len = octets_of_hex(hex, octets, sizeof(octets));
    uint8_t *copy = exact_copy(octets, len);
    enum mqttsn_status status =
        mqttsn_decode(mqttsn_span(copy, len), options, &frame);

    free(copy);
    return status;
}

/* [SN12-001] [SN12-002] [SN12-004] [SN12-009] [SN12-010] [SN12-012]
 * [SN12-013] [SN12-031] [SN12-036] [SN12-037] [SN12-038] [SN12-039]
 * [SN12-041] [SN12-045] [SN12-049] [SN12-050] [SN12-051] [SN12-054]
 * [SN12-055] [SN12-061] [SN12-062] [SN12-902] [SN12-903] */
static void a_valid_frame_decodes_to_its_fields(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        struct mqttsn_frame frame;
        uint8_t octets[FRAME_MAX];
        size_t len = octets_of_hex(vectors[i].hex, octets, sizeof(octets));
        uint8_t *copy = exact_copy(octets, len);

        CASE(vectors[i].line);
        assert_int_equal(
            mqttsn_decode(mqttsn_span(copy, len), MQTTSN_DECODE_STRICT, &frame),
            MQTTSN_OK);
        assert_true(frames_equal(&frame, &vectors[i].frame));
        free(copy);
    }
}

/* [SN12-001] [SN12-002] [SN12-004] [SN12-009] [SN12-010] [SN12-012]
 * [SN12-013] [SN12-031] [SN12-036] [SN12-037] [SN12-038] [SN12-039]
 * [SN12-041] [SN12-045] [SN12-049] [SN12-050] [SN12-051] [SN12-054]
 * [SN12-055] [SN12-061] [SN12-062] [SN12-902] [SN12-903] */
static void fields_encode_to_the_octets_of_the_frame(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        uint8_t expected[FRAME_MAX];
        uint8_t buf[FRAME_MAX];
        size_t expected_len =
            octets_of_hex(vectors[i].hex, expected, sizeof(expected));
        size_t len = 0;

        CASE(vectors[i].line);
        assert_int_equal(
            mqttsn_encode(&vectors[i].frame, buf, sizeof(buf), &len),
            MQTTSN_OK);
        assert_int_equal(len, expected_len);
        assert_memory_equal(buf, expected, expected_len);
    }
}

static void a_buffer_that_is_too_small_is_refused_and_not_passed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        uint8_t octets[FRAME_MAX];
        size_t whole = octets_of_hex(vectors[i].hex, octets, sizeof(octets));

        CASE(vectors[i].line);
        for (size_t cap = 0; cap < whole; cap++) {
            uint8_t *buf = exact_copy(octets, cap);
            size_t len = 99;

            assert_int_equal(mqttsn_encode(&vectors[i].frame, buf, cap, &len),
                             MQTTSN_ENOSPACE);
            assert_int_equal(len, 99);
            free(buf);
        }
    }
}

struct malformed {
    const char *why;
    const char *hex;
    enum mqttsn_status status;
};

static void check_malformed(const struct malformed *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CASE(rows[i].why);
        assert_int_equal(status_of(rows[i].hex, MQTTSN_DECODE_STRICT),
                         rows[i].status);
        assert_int_equal(status_of(rows[i].hex, MQTTSN_DECODE_PAHO_LEN_QUIRK),
                         rows[i].status);
    }
}

/* [SN12-002] [SN12-003] [SN12-004] [G12-08] */
static void length_and_datagram_must_agree(void **unused)
{
    static const struct malformed rows[] = {
        {"an empty datagram", "", MQTTSN_ETRUNCATED},
        {"one octet, and it is 0", "00", MQTTSN_ETRUNCATED},
        {"the marker alone", "01", MQTTSN_ETRUNCATED},
        {"the marker and half a length", "0100", MQTTSN_ETRUNCATED},
        {"the marker and a length below 4", "010003", MQTTSN_ETRUNCATED},
        {"a 3-octet form of 3 octets", "01000317", MQTTSN_ELENGTH},
        {"a 3-octet form of 0 octets", "01000017", MQTTSN_ELENGTH},
        {"a length without a type", "02", MQTTSN_ETRUNCATED},
        {"CONNECT of 3 octets, 2 came", "0304", MQTTSN_ETRUNCATED},
        {"Length 0", "00ff", MQTTSN_ELENGTH},
        {"Length 0 before a type that exists", "0017", MQTTSN_ELENGTH},
        {"CONNECT of 10 octets, 2 came", "0a04", MQTTSN_ETRUNCATED},
        {"PINGRESP and an octet", "021700", MQTTSN_ETRAILING},
        {"PINGRESP twice", "02170217", MQTTSN_ETRAILING},
        {"PINGRESP in the 3-octet form and an octet", "0100041700",
         MQTTSN_ETRAILING},
        {"PUBLISH one octet short", "080c0000010000", MQTTSN_ETRUNCATED},
        {"3-octet form, one octet short", "0100090c00000100",
         MQTTSN_ETRUNCATED},
        {"the length is judged before the type", "0303", MQTTSN_ETRUNCATED},
        {"a surplus is judged before the type", "020300", MQTTSN_ETRAILING},
    };

    (void)unused;
    check_malformed(rows, ARRAY_LEN(rows));
}

static void a_fixed_layout_has_one_length(void **unused)
{
    static const struct malformed rows[] = {
        {"ADVERTISE short", "04000103", MQTTSN_ELENGTH},
        {"ADVERTISE long", "060001038400", MQTTSN_ELENGTH},
        {"SEARCHGW short", "0201", MQTTSN_ELENGTH},
        {"SEARCHGW long", "04010000", MQTTSN_ELENGTH},
        {"CONNACK short", "0205", MQTTSN_ELENGTH},
        {"CONNACK long", "04050000", MQTTSN_ELENGTH},
        {"WILLTOPICREQ long", "030600", MQTTSN_ELENGTH},
        {"WILLMSGREQ long", "030800", MQTTSN_ELENGTH},
        {"REGACK short", "060b00010001", MQTTSN_ELENGTH},
        {"REGACK long", "080b000100010000", MQTTSN_ELENGTH},
        {"PUBACK short", "060d00010001", MQTTSN_ELENGTH},
        {"PUBACK long", "080d000100010000", MQTTSN_ELENGTH},
        {"PUBCOMP short", "030e00", MQTTSN_ELENGTH},
        {"PUBCOMP long", "050e000200", MQTTSN_ELENGTH},
        {"PUBREC short", "030f00", MQTTSN_ELENGTH},
        {"PUBREC long", "050f000200", MQTTSN_ELENGTH},
        {"PUBREL short", "031000", MQTTSN_ELENGTH},
        {"PUBREL long", "0510000200", MQTTSN_ELENGTH},
        {"SUBACK short", "07132000010003", MQTTSN_ELENGTH},
        {"SUBACK long", "091320000100030000", MQTTSN_ELENGTH},
        {"UNSUBACK short", "031500", MQTTSN_ELENGTH},
        {"UNSUBACK long", "0515000500", MQTTSN_ELENGTH},
        {"PINGRESP long", "031700", MQTTSN_ELENGTH},
        {"DISCONNECT with half a duration", "031801", MQTTSN_ELENGTH},
        {"DISCONNECT long", "0518012c00", MQTTSN_ELENGTH},
        {"WILLTOPICRESP short", "021b", MQTTSN_ELENGTH},
        {"WILLTOPICRESP long", "041b0000", MQTTSN_ELENGTH},
        {"WILLMSGRESP short", "021d", MQTTSN_ELENGTH},
        {"WILLMSGRESP long", "041d0000", MQTTSN_ELENGTH},
    };

    (void)unused;
    check_malformed(rows, ARRAY_LEN(rows));
}

static void a_variable_layout_needs_its_fixed_fields(void **unused)
{
    static const struct malformed rows[] = {
        {"GWINFO without GwId", "0202", MQTTSN_ETRUNCATED},
        {"CONNECT of nothing", "0204", MQTTSN_ETRUNCATED},
        {"CONNECT with half a Duration", "0504000100", MQTTSN_ETRUNCATED},
        {"REGISTER of nothing", "020a", MQTTSN_ETRUNCATED},
        {"REGISTER with half a MsgId", "050a000000", MQTTSN_ETRUNCATED},
        {"REGISTER without a name", "060a00000001", MQTTSN_EFIELD},
        {"PUBLISH of nothing", "020c", MQTTSN_ETRUNCATED},
        {"PUBLISH with half a MsgId", "060c00000100", MQTTSN_ETRUNCATED},
        {"SUBSCRIBE of nothing", "0212", MQTTSN_ETRUNCATED},
        {"SUBSCRIBE with half a MsgId", "04120000", MQTTSN_ETRUNCATED},
        {"the same, of a reserved type", "04120300", MQTTSN_ETRUNCATED},
        {"SUBSCRIBE without a name", "0512000001", MQTTSN_EFIELD},
        {"SUBSCRIBE to no predefined id", "0512010001", MQTTSN_EFIELD},
        {"SUBSCRIBE to half a predefined id", "061201000100", MQTTSN_EFIELD},
        {"SUBSCRIBE to 3 octets of id", "0812010001000000", MQTTSN_EFIELD},
        {"SUBSCRIBE to no short name", "0512020001", MQTTSN_EFIELD},
        {"SUBSCRIBE to a short name of 1", "061202000161", MQTTSN_EFIELD},
        {"SUBSCRIBE to a short name of 3", "0812020001616263", MQTTSN_EFIELD},
        {"UNSUBSCRIBE of nothing", "0214", MQTTSN_ETRUNCATED},
        {"UNSUBSCRIBE with half a MsgId", "04140000", MQTTSN_ETRUNCATED},
        {"UNSUBSCRIBE without a name", "0514000001", MQTTSN_EFIELD},
        {"UNSUBSCRIBE half an id", "061401000100", MQTTSN_EFIELD},
        {"UNSUBSCRIBE a short name of 3", "0814020001616263", MQTTSN_EFIELD},
    };

    (void)unused;
    check_malformed(rows, ARRAY_LEN(rows));
}

/* [SN12-902] [G12-46] */
static void
an_encapsulation_needs_a_node_and_an_unencapsulated_message(void **unused)
{
    static const struct malformed rows[] = {
        {"no Ctrl", "02fe", MQTTSN_EFIELD},
        {"no Ctrl, but something behind", "02fe0217", MQTTSN_EFIELD},
        {"no node id", "03fe00", MQTTSN_EFIELD},
        {"no node id, but a message", "03fe000217", MQTTSN_EFIELD},
        {"no message", "04fe0001", MQTTSN_EFIELD},
        {"the node id ends early", "06fe0001", MQTTSN_ETRUNCATED},
        {"the 3-octet form", "010006fe00010217", MQTTSN_EFIELD},
        {"the 3-octet form of the whole", "010008fe00010217", MQTTSN_EFIELD},
        {"nested", "05fe000a0105fe000a010216", MQTTSN_ENESTED},
        {"nested, and the inner one cut", "04fe0001fffe", MQTTSN_ENESTED},
        {"nested in the 3-octet form", "04fe0001010004fe", MQTTSN_ENESTED},
        {"the inner length is for the inner decode", "04fe000109160000",
         MQTTSN_OK},
        {"the inner type is for the inner decode", "04fe00010203", MQTTSN_OK},
        {"an inner Length of 0 has no type", "04fe000100fe", MQTTSN_OK},
        {"the inner octets end before a type", "04fe0001010004", MQTTSN_OK},
    };

    (void)unused;
    check_malformed(rows, ARRAY_LEN(rows));
}

/* [SN12-902] */
static void an_encapsulation_holds_a_node_id_of_up_to_252_octets(void **unused)
{
    uint8_t octets[257] = {0xff, 0xfe, 0x00};
    uint8_t buf[sizeof(octets)];
    struct mqttsn_frame frame;
    size_t len = 0;

    (void)unused;
    memset(octets + 3, 'n', 252);
    octets[255] = 0x02;
    octets[256] = 0x17;
    assert_int_equal(
        mqttsn_decode(mqttsn_span(octets, sizeof(octets)), 0, &frame),
        MQTTSN_OK);
    assert_int_equal(frame.encapsulated.node_id.len, 252);
    assert_int_equal(frame.encapsulated.message.len, 2);
    assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len), MQTTSN_OK);
    assert_int_equal(len, sizeof(octets));
    assert_memory_equal(buf, octets, sizeof(octets));
}

/* [SN12-007] */
static void every_type_that_is_not_in_the_table_is_reserved(void **unused)
{
    size_t known = 0;

    (void)unused;
    for (unsigned type = 0; type <= 0xff; type++) {
        uint8_t octets[] = {4, (uint8_t)type, 0, 0};
        struct mqttsn_frame frame = {.type = (enum mqttsn_type)type};
        enum mqttsn_status status =
            mqttsn_decode(mqttsn_span(octets, sizeof(octets)), 0, &frame);
        bool reserved = type == 0x03 || type == 0x11 || type == 0x19 ||
                        (type >= 0x1e && type <= 0xfd) || type == 0xff;
        uint8_t buf[16];
        size_t len = 99;

        assert_int_equal(mqttsn_type_name(type) == NULL, reserved);
        assert_int_equal(status == MQTTSN_ETYPE, reserved);
        if (reserved)
            assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                             MQTTSN_EINVAL);
        else
            known++;
    }
    assert_int_equal(known, 28);
    assert_string_equal(mqttsn_type_name(0x0e), "PUBCOMP");
    assert_string_equal(mqttsn_type_name(0x0f), "PUBREC");
    assert_string_equal(mqttsn_type_name(0x10), "PUBREL");
    assert_string_equal(mqttsn_type_name(0xfe), "ENCAPSULATED");
    assert_null(mqttsn_type_name(0x104));
}

/* [SN12-904] [G12-05] */
static void flag_bits_that_a_message_does_not_use_are_ignored(void **unused)
{
    static const struct {
        const char *received;
        const char *sent; /* the same frame by an encoder that sends 0 */
    } rows[] = {
        {"0704f301000a41", "07040001000a41"},
        {"0704ff01000a41", "07040c01000a41"},
        {"0407ff41", "04077041"},
        {"041aff41", "041a7041"},
        {"041a8f41", "041a0041"},
        {"070c0c00010002", "070c0000010002"},
        {"06121c000161", "061200000161"},
        {"0714fd00010002", "07140100010002"},
        {"0614fc000161", "061400000161"},
        {"0813ff0001000300", "0813600001000300"},
        {"04feff010217", "04fe03010217"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t received[FRAME_MAX];
        uint8_t sent[FRAME_MAX];
        uint8_t buf[FRAME_MAX];
        size_t len = octets_of_hex(rows[i].received, received, FRAME_MAX);
        size_t sent_len = octets_of_hex(rows[i].sent, sent, FRAME_MAX);
        struct mqttsn_frame frame;
        struct mqttsn_frame clean;

        CASE(rows[i].received);
        assert_int_equal(mqttsn_decode(mqttsn_span(received, len), 0, &frame),
                         MQTTSN_OK);
        assert_int_equal(mqttsn_decode(mqttsn_span(sent, sent_len), 0, &clean),
                         MQTTSN_OK);
        assert_true(frames_equal(&frame, &clean));
        assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                         MQTTSN_OK);
        assert_int_equal(len, sent_len);
        assert_memory_equal(buf, sent, len);
    }
}

/* [G12-05] */
static void flags_that_a_message_does_not_use_are_sent_as_zero(void **unused)
{
    static const struct mqttsn_flags all = {true, 3, true, true, true, 3};
    static const struct {
        enum mqttsn_type type;
        size_t at; /* of the flags octet */
        uint8_t octet;
    } rows[] = {
        {MQTTSN_CONNECT, 2, 0x0c},      {MQTTSN_WILLTOPIC, 2, 0x70},
        {MQTTSN_PUBLISH, 2, 0xf3},      {MQTTSN_SUBSCRIBE, 2, 0xe3},
        {MQTTSN_SUBACK, 2, 0x60},       {MQTTSN_UNSUBSCRIBE, 2, 0x03},
        {MQTTSN_WILLTOPICUPD, 2, 0x70},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mqttsn_frame frame = {.type = rows[i].type};
        uint8_t buf[FRAME_MAX];
        size_t len = 0;

        CASE(mqttsn_type_name(rows[i].type));
        if (frame.type == MQTTSN_CONNECT)
            frame.connect.flags = all;
        else if (frame.type == MQTTSN_PUBLISH)
            frame.publish.flags = all;
        else if (frame.type == MQTTSN_SUBSCRIBE ||
                 frame.type == MQTTSN_UNSUBSCRIBE)
            frame.subscribe.flags = all;
        else if (frame.type == MQTTSN_SUBACK)
            frame.suback.flags = all;
        else
            frame.willtopic.flags = all;
        if (frame.type == MQTTSN_WILLTOPIC || frame.type == MQTTSN_WILLTOPICUPD)
            frame.willtopic.topic = mqttsn_span_text("t");
        assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                         MQTTSN_OK);
        assert_int_equal(buf[rows[i].at], rows[i].octet);
    }
}

/* [G12-43] */
static void a_will_topic_of_flags_alone_is_an_empty_one(void **unused)
{
    static const uint8_t types[] = {MQTTSN_WILLTOPIC, MQTTSN_WILLTOPICUPD};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const uint8_t received[] = {3, types[i], 0x70};
        const struct mqttsn_frame expected = {
            .type = (enum mqttsn_type)types[i], .willtopic = {.empty = true}};
        struct mqttsn_frame frame;
        uint8_t buf[4];
        size_t len = 0;

        CASE(mqttsn_type_name(types[i]));
        assert_int_equal(
            mqttsn_decode(mqttsn_span(received, sizeof(received)), 0, &frame),
            MQTTSN_OK);
        assert_true(frames_equal(&frame, &expected));

        frame.willtopic.empty = false; /* a topic of no octets */
        frame.willtopic.flags.qos = 1;
        assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &len),
                         MQTTSN_OK);
        assert_int_equal(len, 2);
        assert_int_equal(buf[0], 2);
        assert_int_equal(buf[1], types[i]);
    }
}

static void a_refused_datagram_leaves_the_frame_as_it_was(void **unused)
{
    static const char *const hex[] = {
        "00",         "021700",       "0203",       "060b00010001", "020c",
        "0512000001", "060a00000001", "03fe000101", "04fe0001fffe", "0a04"};
    struct mqttsn_frame frame;
    uint8_t before[sizeof(frame)];

    (void)unused;
    memset(&frame, 0xa5, sizeof(frame));
    memcpy(before, &frame, sizeof(frame));
    for (size_t i = 0; i < ARRAY_LEN(hex); i++) {
        uint8_t octets[FRAME_MAX];
        size_t len = octets_of_hex(hex[i], octets, sizeof(octets));

        CASE(hex[i]);
        assert_int_not_equal(mqttsn_decode(mqttsn_span(octets, len), 0, &frame),
                             MQTTSN_OK);
        assert_memory_equal(&frame, before, sizeof(frame));
    }
}

static void what_no_layout_can_carry_is_not_encoded(void **unused)
{
    static const uint8_t node_id[253] = {0};
    const struct {
        const char *why;
        struct mqttsn_frame frame;
    } rows[] = {
        {"a REGISTER without a name", {.type = MQTTSN_REGISTER}},
        {"a SUBSCRIBE without a name", {.type = MQTTSN_SUBSCRIBE}},
        {"an UNSUBSCRIBE without a name", {.type = MQTTSN_UNSUBSCRIBE}},
        {"QoS 4", {.type = MQTTSN_PUBLISH, .publish = {.flags = {.qos = 4}}}},
        {"TopicIdType 4",
         {.type = MQTTSN_PUBLISH, .publish = {.flags = {.topic_type = 4}}}},
        {"no node id",
         {.type = MQTTSN_ENCAPSULATED,
          .encapsulated = {.message = SPAN("\x02\x17")}}},
        {"a node id of 253 octets",
         {.type = MQTTSN_ENCAPSULATED,
          .encapsulated = {.node_id = {node_id, sizeof(node_id)},
                           .message = SPAN("\x02\x17")}}},
        {"no inner message",
         {.type = MQTTSN_ENCAPSULATED, .encapsulated = {.node_id = SPAN("n")}}},
        {"a type past the last", {.type = (enum mqttsn_type)0x1000}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t buf[512];
        size_t len = 99;

        CASE(rows[i].why);
        memset(buf, 0xee, sizeof(buf));
        assert_int_equal(mqttsn_encode(&rows[i].frame, buf, sizeof(buf), &len),
                         MQTTSN_EINVAL);
        assert_int_equal(len, 99);
        for (size_t at = 0; at < sizeof(buf); at++)
            assert_int_equal(buf[at], 0xee);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_frame_decodes_to_its_fields),
        cmocka_unit_test(fields_encode_to_the_octets_of_the_frame),
        cmocka_unit_test(a_buffer_that_is_too_small_is_refused_and_not_passed),
        cmocka_unit_test(length_and_datagram_must_agree),
        cmocka_unit_test(a_fixed_layout_has_one_length),
        cmocka_unit_test(a_variable_layout_needs_its_fixed_fields),
        cmocka_unit_test(
            an_encapsulation_needs_a_node_and_an_unencapsulated_message),
        cmocka_unit_test(an_encapsulation_holds_a_node_id_of_up_to_252_octets),
        cmocka_unit_test(every_type_that_is_not_in_the_table_is_reserved),
        cmocka_unit_test(flag_bits_that_a_message_does_not_use_are_ignored),
        cmocka_unit_test(flags_that_a_message_does_not_use_are_sent_as_zero),
        cmocka_unit_test(a_will_topic_of_flags_alone_is_an_empty_one),
        cmocka_unit_test(a_refused_datagram_leaves_the_frame_as_it_was),
        cmocka_unit_test(what_no_layout_can_carry_is_not_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
