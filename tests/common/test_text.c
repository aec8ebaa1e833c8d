/* SPDX-License-Identifier: MIT */
#include "mqttsn/text.h"

#include <stdlib.h>

#include "check.h"
#include "codec.h"

static void every_message_is_one_line(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        char line[MQTTSN_TEXT_MAX];
        size_t len = mqttsn_frame_text(&vectors[i].frame, MQTTSN_TEXT_PAYLOAD,
                                       line, sizeof(line));

        assert_string_equal(line, vectors[i].line);
        assert_int_equal(len, strlen(vectors[i].line));
    }
}

/* Payloads are the users' own, so a log has to ask for them. */
static void a_payload_is_left_out_unless_asked_for(void **unused)
{
    static const struct {
        const char *line;
        struct mqttsn_frame frame;
    } rows[] = {
        {"PUBLISH dup=0 qos=0 retain=0 topic=0 msg=0 data=6",
         {.type = MQTTSN_PUBLISH, .publish = {.data = SPAN("secret")}}},
        {"WILLMSG data=6",
         {.type = MQTTSN_WILLMSG, .willmsg = {.message = SPAN("secret")}}},
        {"WILLMSGUPD data=6",
         {.type = MQTTSN_WILLMSGUPD,
          .willmsgupd = {.message = SPAN("secret")}}},
        {"ENCAPSULATED radius=0 node=6e (WILLMSG data=6)",
         {.type = MQTTSN_ENCAPSULATED,
          .encapsulated = {.node_id = SPAN("n"),
                           .message = SPAN("\x08\x09secret")}}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[MQTTSN_TEXT_MAX];

        (void)mqttsn_frame_text(&rows[i].frame, MQTTSN_TEXT_NO_PAYLOAD, line,
                                sizeof(line));
        assert_string_equal(line, rows[i].line);
    }
}

static void a_frame_that_no_decoder_gave_is_still_one_line(void **unused)
{
    static const struct {
        const char *line;
        struct mqttsn_frame frame;
    } rows[] = {
        {"reserved:3", {.type = (enum mqttsn_type)3}},
        {"ENCAPSULATED radius=3 node= (malformed: an encapsulated frame is "
         "itself encapsulated)",
         {.type = MQTTSN_ENCAPSULATED,
          .encapsulated = {.ctrl = 0xff,
                           .message = SPAN("\x04\xfe\x00\x01\x02\x17")}}},
        {"ENCAPSULATED radius=0 node= (malformed: the frame ends before its "
         "fields do)",
         {.type = MQTTSN_ENCAPSULATED}},
        {"SUBACK qos=200 topic=0 msg=0 accepted",
         {.type = MQTTSN_SUBACK, .suback = {.flags = {.qos = 200}}}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[MQTTSN_TEXT_MAX];

        (void)mqttsn_frame_text(&rows[i].frame, MQTTSN_TEXT_PAYLOAD, line,
                                sizeof(line));
        assert_string_equal(line, rows[i].line);
    }
}

static void every_octet_is_escaped_unless_it_is_plain(void **unused)
{
    static const char plain[] =
        "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`"
        "abcdefghijklmnopqrstuvwxyz{|}~";
    size_t kept = 0;

    (void)unused;
    for (unsigned i = 0; i <= 0xff; i++) {
        uint8_t octet = (uint8_t)i;
        char expected[8];
        char text[8];
        size_t len = mqttsn_escape(mqttsn_span(&octet, 1), text, sizeof(text));

        if (i != 0 && strchr(plain, (int)i) != NULL) {
            snprintf(expected, sizeof(expected), "%c", (char)i);
            kept++;
        } else {
            snprintf(expected, sizeof(expected), "\\x%02x", i);
        }
        assert_string_equal(text, expected);
        assert_int_equal(len, strlen(expected));
    }
    assert_int_equal(kept, strlen(plain));
    assert_int_equal(kept, 95 - 3);
}

static void what_does_not_fit_ends_in_dots_and_no_escape_is_cut(void **unused)
{
    static const struct {
        const char *octets;
        size_t cap;
        const char *text;
    } rows[] = {
        {"abcdef", 7, "abcdef"}, {"abcdef", 6, "ab..."},
        {"abcdef", 5, "a..."},   {"abcdef", 4, "..."},
        {"abcdef", 3, ".."},     {"abcdef", 2, "."},
        {"abcdef", 1, ""},       {"", 1, ""},
        {"abc", 4, "abc"},       {"\n\n", 9, "\\x0a\\x0a"},
        {"\n\n", 8, "\\x0a..."}, {"\n\n", 7, "..."},
        {"\n", 4, "..."},        {"a\nb", 7, "a\\x0ab"},
        {"a\nbc", 7, "a..."},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = malloc(rows[i].cap);
        size_t len = 0;

        assert_non_null(text);
        len =
            mqttsn_escape(mqttsn_span_text(rows[i].octets), text, rows[i].cap);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(len, strlen(rows[i].text));
        free(text);
    }
}

static void a_line_keeps_to_any_buffer(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < vector_count; i++) {
        const char *whole = vectors[i].line;
        size_t whole_len = strlen(whole);

        for (size_t cap = 1; cap <= whole_len + 1; cap++) {
            char *line = malloc(cap);
            size_t len;

            assert_non_null(line);
            len = mqttsn_frame_text(&vectors[i].frame, MQTTSN_TEXT_PAYLOAD,
                                    line, cap);
            assert_int_equal(len, strlen(line));
            assert_true(len < cap);
            if (cap > whole_len) {
                assert_string_equal(line, whole);
            } else {
                size_t dots = cap > 3 ? 3 : cap - 1;

                assert_memory_equal(line, whole, len - dots);
                assert_string_equal(line + len - dots, &"..."[3 - dots]);
            }
            free(line);
        }
    }
}

static void a_huge_payload_costs_no_more_than_the_buffer(void **unused)
{
    static uint8_t data[65000];
    const struct mqttsn_frame frame = {
        .type = MQTTSN_PUBLISH, .publish = {.data = {data, sizeof(data)}}};
    char line[MQTTSN_TEXT_MAX];
    size_t len = 0;

    (void)unused;
    len = mqttsn_frame_text(&frame, MQTTSN_TEXT_PAYLOAD, line, sizeof(line));
    assert_in_range(len, sizeof(line) - 8, sizeof(line) - 1);
    assert_string_equal(line + len - 7, "\\x00...");
}

/* [SN12-016] */
static void return_codes_have_their_words(void **unused)
{
    (void)unused;
    assert_string_equal(mqttsn_return_code_text(0), "accepted");
    assert_string_equal(mqttsn_return_code_text(1), "congestion");
    assert_string_equal(mqttsn_return_code_text(2), "invalid-topic-id");
    assert_string_equal(mqttsn_return_code_text(3), "not-supported");
    for (unsigned i = 4; i <= 0xff; i++)
        assert_string_equal(mqttsn_return_code_text((uint8_t)i), "reserved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_one_line),
        cmocka_unit_test(a_payload_is_left_out_unless_asked_for),
        cmocka_unit_test(a_frame_that_no_decoder_gave_is_still_one_line),
        cmocka_unit_test(every_octet_is_escaped_unless_it_is_plain),
        cmocka_unit_test(what_does_not_fit_ends_in_dots_and_no_escape_is_cut),
        cmocka_unit_test(a_line_keeps_to_any_buffer),
        cmocka_unit_test(a_huge_payload_costs_no_more_than_the_buffer),
        cmocka_unit_test(return_codes_have_their_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
