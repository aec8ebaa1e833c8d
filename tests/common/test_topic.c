/* SPDX-License-Identifier: MIT */
#include "mqttsn/topic.h"

#include <stdlib.h>

#include "check.h"

static struct mqttsn_span text(const char *s)
{
    return mqttsn_span_text(s);
}

/* [SN12-018] */
static void utf8_is_valid_exactly_when_the_standard_says_so(void **unused)
{
    static const struct {
        const char *why;
        const char *text;
        bool valid;
    } rows[] = {
        {"nothing", "", true},
        {"ASCII", "azAZ09 ~\x7f", true},
        {"control characters, which MQTT only advises against", "\x01\x1f",
         true},
        {"the first and last of two octets", "\xc2\x80\xdf\xbf", true},
        {"the first and last of three octets", "\xe0\xa0\x80\xef\xbf\xbf",
         true},
        {"the last before the surrogates, the first behind",
         "\xed\x9f\xbf\xee\x80\x80", true},
        {"the first and last of four octets",
         "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"a byte order mark is a character [MQTT-1.5.3-3]", "\xef\xbb\xbf",
         true},
        {"a continuation alone", "\x80", false},
        {"a continuation behind ASCII", "a\xbf", false},
        {"over-long NUL", "\xc0\x80", false},
        {"over-long ASCII", "\xc1\xbf", false},
        {"over-long, three octets", "\xe0\x9f\xbf", false},
        {"over-long, four octets", "\xf0\x8f\xbf\xbf", false},
        {"the first surrogate [MQTT-1.5.3-1]", "\xed\xa0\x80", false},
        {"the last surrogate", "\xed\xbf\xbf", false},
        {"past U+10FFFF", "\xf4\x90\x80\x80", false},
        {"past U+10FFFF, by the first octet", "\xf5\x80\x80\x80", false},
        {"a five octet form", "\xf8\x88\x80\x80\x80", false},
        {"0xfe", "\xfe", false},
        {"0xff", "\xff", false},
        {"cut, two octets", "\xc2", false},
        {"cut, three octets", "\xe2\x82", false},
        {"cut, four octets", "\xf0\x9f\x98", false},
        {"a second octet that does not continue", "\xc3\x28", false},
        {"a third octet that does not continue", "\xe2\x82\x28", false},
        {"a fourth octet that does not continue", "\xf0\x9f\x98\xc0", false},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *copy = malloc(len > 0 ? len : 1);

        assert_non_null(copy);
        memcpy(copy, rows[i].text, len);
        CASE(rows[i].why);
        assert_int_equal(mqttsn_utf8_valid(mqttsn_span(copy, len)),
                         rows[i].valid);
        free(copy);
    }
    assert_false(mqttsn_utf8_valid(mqttsn_span("a\0b", 3)));
    assert_true(mqttsn_utf8_valid(mqttsn_span(NULL, 0)));
}

/* Counts against the size of Unicode: each code point has one encoding. */
static void as_many_sequences_are_valid_as_there_are_code_points(void **unused)
{
    size_t two = 0;
    size_t three = 0;

    (void)unused;
    for (unsigned a = 0x80; a <= 0xff; a++) {
        for (unsigned b = 0; b <= 0xff; b++) {
            uint8_t octets[] = {(uint8_t)a, (uint8_t)b, 0};

            two += mqttsn_utf8_valid(mqttsn_span(octets, 2));
            for (unsigned c = 0x80; c <= 0xff; c++) {
                octets[2] = (uint8_t)c;
                three += mqttsn_utf8_valid(mqttsn_span(octets, 3));
            }
        }
    }
    assert_int_equal(two, 0x800 - 0x80);
    assert_int_equal(three, 0x10000 - 0x800 - 0x800);
}

static void a_name_has_octets_and_no_wildcard(void **unused)
{
    static uint8_t longest[65536];

    (void)unused;
    memset(longest, 'a', sizeof(longest));
    assert_true(mqttsn_topic_name_valid(text("a")));
    assert_true(mqttsn_topic_name_valid(text("/")));
    assert_true(mqttsn_topic_name_valid(text("a//b/")));
    assert_true(mqttsn_topic_name_valid(text("$SYS/x y")));
    assert_true(mqttsn_topic_name_valid(mqttsn_span(longest, 65535)));
    assert_false(mqttsn_topic_name_valid(mqttsn_span(longest, 65536)));
    assert_false(mqttsn_topic_name_valid(text("")));
    assert_false(mqttsn_topic_name_valid(mqttsn_span(NULL, 0)));
    assert_false(mqttsn_topic_name_valid(text("a/+")));
    assert_false(mqttsn_topic_name_valid(text("a#")));
    assert_false(mqttsn_topic_name_valid(text("a\xff")));
    assert_false(mqttsn_topic_name_valid(mqttsn_span("a\0", 2)));
}

static void a_wildcard_of_a_filter_is_a_whole_level(void **unused)
{
    static const struct {
        const char *filter;
        bool valid;
        bool wildcard;
    } rows[] = {
        {"#", true, true},
        {"sport/tennis/#", true, true},
        {"sport/tennis#", false, true},
        {"sport/tennis/#/ranking", false, true},
        {"#/", false, true},
        {"##", false, true},
        {"+", true, true},
        {"+/tennis/#", true, true},
        {"sport+", false, true},
        {"+sport", false, true},
        {"sport/+/player1", true, true},
        {"++", false, true},
        {"+#", false, true},
        {"+/", true, true},
        {"/+", true, true},
        {"/#", true, true},
        {"/", true, false},
        {"a//b", true, false},
        {"$SYS/#", true, true},
        {"", false, false},
        {"a/\xff", false, false},
    };
    static uint8_t longest[65536];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].filter);
        assert_int_equal(mqttsn_filter_valid(text(rows[i].filter)),
                         rows[i].valid);
        assert_int_equal(mqttsn_filter_has_wildcard(text(rows[i].filter)),
                         rows[i].wildcard);
    }
    memset(longest, 'a', sizeof(longest));
    assert_true(mqttsn_filter_valid(mqttsn_span(longest, 65535)));
    assert_false(mqttsn_filter_valid(mqttsn_span(longest, 65536)));
    assert_false(mqttsn_filter_valid(mqttsn_span(NULL, 0)));
}

static void filters_match_as_mqtt_says(void **unused)
{
    static const struct {
        const char *why;
        const char *filter;
        const char *name;
        bool matches;
    } rows[] = {
        {"[MQTT 4.7.1.2]", "sport/tennis/player1/#", "sport/tennis/player1",
         true},
        {"[MQTT 4.7.1.2]", "sport/tennis/player1/#",
         "sport/tennis/player1/ranking", true},
        {"[MQTT 4.7.1.2]", "sport/tennis/player1/#",
         "sport/tennis/player1/score/wimbledon", true},
        {"# includes the parent level", "sport/#", "sport", true},
        {"but not a longer word", "sport/#", "sports", false},
        {"nor a shorter one", "sport/#", "spor", false},
        {"# is everything", "#", "a/b/c", true},
        {"# is everything", "#", "/", true},
        {"[MQTT 4.7.1.3]", "sport/tennis/+", "sport/tennis/player1", true},
        {"+ is one level", "sport/tennis/+", "sport/tennis/player1/ranking",
         false},
        {"[MQTT 4.7.1.3]", "sport/+", "sport", false},
        {"+ may be empty", "sport/+", "sport/", true},
        {"[MQTT 4.7.1.3]", "+/+", "/finance", true},
        {"[MQTT 4.7.1.3]", "/+", "/finance", true},
        {"[MQTT 4.7.1.3]", "+", "/finance", false},
        {"+ then a level", "+/", "a/", true},
        {"+ then a level", "+/", "a", false},
        {"+ then a level", "+/", "/", true},
        {"+ then a level", "+/", "a/b", false},
        {"+ in the middle", "a/+/c", "a/b/c", true},
        {"+ in the middle, empty", "a/+/c", "a//c", true},
        {"+ in the middle, absent", "a/+/c", "a/c", false},
        {"+ before #", "+/#", "a", true},
        {"+ before #", "+/#", "/a/b", true},
        {"[MQTT-4.7.2-1]", "#", "$SYS/monitor", false},
        {"[MQTT-4.7.2-1]", "+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"[MQTT 4.7.2]", "$SYS/#", "$SYS/", true},
        {"[MQTT 4.7.2]", "$SYS/#", "$SYS", true},
        {"[MQTT 4.7.2]", "$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"$ is only special at the start", "+/$x", "a/$x", true},
        {"$ is only special at the start", "a/#", "a/$x", true},
        {"a name matches itself", "a/b", "a/b", true},
        {"[MQTT 4.7.3] case", "ACCOUNTS", "Accounts", false},
        {"[MQTT 4.7.3] a slash makes another name", "/finance", "finance",
         false},
        {"[MQTT 4.7.3] a slash makes another name", "finance/", "finance",
         false},
        {"a prefix is not enough", "a/b", "a/bc", false},
        {"a prefix is not enough", "a/bc", "a/b", false},
        {"a prefix is not enough", "a/b/c", "a/b", false},
        {"a prefix is not enough", "a/b", "a/b/c", false},
        {"only the last level may be missing", "a/+/#", "a", false},
        {"the parent of # may be empty", "a//#", "a/", true},
        {"the parent of # may be empty", "/#", "/", true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        CASE(rows[i].filter);
        assert_int_equal(
            mqttsn_filter_matches(text(rows[i].filter), text(rows[i].name)),
            rows[i].matches);
    }
}

/* An empty name or filter is valid nowhere, but must not be read past. */
static void empty_spans_are_total(void **unused)
{
    const struct mqttsn_span none = mqttsn_span(NULL, 0);

    (void)unused;
    (void)mqttsn_filter_matches(none, none);
    (void)mqttsn_filter_matches(none, text("a"));
    (void)mqttsn_filter_matches(text("a/#"), none);
    (void)mqttsn_filters_intersect(none, none);
    (void)mqttsn_filters_intersect(text("+"), none);
    assert_false(mqttsn_filter_has_wildcard(none));
    assert_false(mqttsn_short_topic_valid(none));
}

static void levels_come_one_by_one(void **unused)
{
    static const struct {
        const char *name;
        size_t count;
        const char *levels[4];
    } rows[] = {
        {"a", 1, {"a"}},
        {"a/bc", 2, {"a", "bc"}},
        {"a/", 2, {"a", ""}},
        {"/", 2, {"", ""}},
        {"//a/#", 4, {"", "", "a", "#"}},
        {"", 1, {""}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mqttsn_span rest = text(rows[i].name);
        struct mqttsn_span level;

        CASE(rows[i].name);
        for (size_t at = 0; at < rows[i].count; at++) {
            assert_true(mqttsn_topic_next_level(&rest, &level));
            assert_true(mqttsn_span_equal(level, text(rows[i].levels[at])));
        }
        assert_null(rest.data);
        assert_false(mqttsn_topic_next_level(&rest, &level));
    }
}

/* [SN12-311] [SN12-313] */
static void a_short_name_is_two_octets_of_a_name(void **unused)
{
    (void)unused;
    assert_true(mqttsn_short_topic_valid(text("ab")));
    assert_true(mqttsn_short_topic_valid(text("a/")));
    assert_true(mqttsn_short_topic_valid(text("\xc3\xa9")));
    assert_false(mqttsn_short_topic_valid(text("a")));
    assert_false(mqttsn_short_topic_valid(text("abc")));
    assert_false(mqttsn_short_topic_valid(text("a+")));
    assert_false(mqttsn_short_topic_valid(text("+/")));
    assert_false(mqttsn_short_topic_valid(text("/#")));
    assert_false(mqttsn_short_topic_valid(text("\xc3\x28")));
    assert_false(mqttsn_short_topic_valid(mqttsn_span("a\0", 2)));
    assert_false(mqttsn_short_topic_valid(mqttsn_span("\0a", 2)));
}

/* [SN12-311] */
static void a_short_name_is_its_octets_in_the_topic_id(void **unused)
{
    uint8_t name[2];

    (void)unused;
    assert_int_equal(mqttsn_short_topic_id(text("ab")), 0x6162);
    assert_int_equal(mqttsn_short_topic_id(text("\xff\x01")), 0xff01);
    mqttsn_short_topic_name(0x6162, name);
    assert_memory_equal(name, "ab", 2);
    mqttsn_short_topic_name(0xff01, name);
    assert_memory_equal(name, "\xff\x01", 2);
}

/* [MQTT-3.1.1 1.5.3]: a broker may close the connection for these. */
static void prudent_text_has_no_control_and_no_non_character(void **unused)
{
    static const struct {
        const char *text;
        bool prudent;
    } rows[] = {
        {"", true},
        {"a/b c", true},
        {"\xc2\xa0", true},          /* U+00A0 */
        {"\xef\xbf\xbd", true},      /* U+FFFD */
        {"\xef\xbb\xbf", true},      /* U+FEFF */
        {"a\x01", false},            /* U+0001 */
        {"\x1f", false},             /* U+001F */
        {"\x7f", false},             /* U+007F */
        {"\xc2\x80", false},         /* U+0080 */
        {"\xc2\x9f", false},         /* U+009F */
        {"\xef\xb7\x8f", true},      /* U+FDCF */
        {"\xef\xb7\x90", false},     /* U+FDD0 */
        {"\xef\xb7\xaf", false},     /* U+FDEF */
        {"\xef\xb7\xb0", true},      /* U+FDF0 */
        {"\xef\xbf\xbe", false},     /* U+FFFE */
        {"\xef\xbf\xbf", false},     /* U+FFFF */
        {"\xf0\x9f\xbf\xbe", false}, /* U+1FFFE */
        {"\xf4\x8f\xbf\xbf", false}, /* U+10FFFF */
        {"\xf0\x9f\x98\x80", true},  /* U+1F600 */
        {"\xff", false},             /* no UTF-8 at all */
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].text);
        assert_int_equal(mqttsn_text_prudent(mqttsn_span_text(rows[i].text)),
                         rows[i].prudent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prudent_text_has_no_control_and_no_non_character),
        cmocka_unit_test(utf8_is_valid_exactly_when_the_standard_says_so),
        cmocka_unit_test(as_many_sequences_are_valid_as_there_are_code_points),
        cmocka_unit_test(a_name_has_octets_and_no_wildcard),
        cmocka_unit_test(a_wildcard_of_a_filter_is_a_whole_level),
        cmocka_unit_test(filters_match_as_mqtt_says),
        cmocka_unit_test(empty_spans_are_total),
        cmocka_unit_test(levels_come_one_by_one),
        cmocka_unit_test(a_short_name_is_two_octets_of_a_name),
        cmocka_unit_test(a_short_name_is_its_octets_in_the_topic_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
