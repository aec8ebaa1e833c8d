/* SPDX-License-Identifier: MIT */
#include "io/json.h"

#include "check.h"

static char buf[256];

static void assert_written(struct gw_json *json, const char *expected)
{
    struct mqttsn_span written = gw_json_end(json);

    assert_int_equal(written.len, strlen(expected));
    assert_memory_equal(written.data, expected, written.len);
}

static void an_object_has_texts_numbers_and_objects(void **state)
{
    struct gw_json json;

    (void)state;
    gw_json_begin(&json, buf, sizeof(buf));
    assert_written(&json, "{}");

    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_text(&json, "a", mqttsn_span_text("x"));
    gw_json_number(&json, "b", UINT64_MAX);
    gw_json_open(&json, "c");
    gw_json_number(&json, "d", 0);
    gw_json_text(&json, "e", mqttsn_span(NULL, 0));
    gw_json_close(&json);
    gw_json_open(&json, "f");
    gw_json_close(&json);
    gw_json_number(&json, "g", 1);
    assert_written(&json, "{\"a\":\"x\",\"b\":18446744073709551615,"
                          "\"c\":{\"d\":0,\"e\":\"\"},\"f\":{},\"g\":1}");
}

static void texts_from_outside_are_escaped(void **state)
{
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"plain /+#", "plain /+#"},
        {"\"\\", "\\\"\\\\"},
        {"\n\t\x01\x7f", "\\u000a\\u0009\\u0001\\u007f"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xff\xc3z", "a\\ufffd\\ufffdz"},
        {"\xe2\x82", "\\ufffd\\ufffd"},
    };
    char expected[64];
    struct gw_json json;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].written);
        gw_json_begin(&json, buf, sizeof(buf));
        gw_json_text(&json, "t", mqttsn_span_text(rows[i].text));
        snprintf(expected, sizeof(expected), "{\"t\":\"%s\"}", rows[i].written);
        assert_written(&json, expected);
    }
    CASE("NUL");
    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_text(&json, "t", mqttsn_span("\0", 1));
    /* It is no text of MQTT's. */
    assert_written(&json, "{\"t\":\"\\ufffd\"}");
}

static void what_does_not_fit_is_nothing(void **state)
{
    static const char whole[] = "{\"a\":\"x\",\"b\":1}";
    struct gw_json json;

    (void)state;
    for (size_t cap = 0; cap < sizeof(whole); cap++) {
        char exact[sizeof(whole)];

        memset(exact, '?', sizeof(exact));
        gw_json_begin(&json, exact, cap);
        gw_json_text(&json, "a", mqttsn_span_text("x"));
        gw_json_number(&json, "b", 1);
        assert_int_equal(gw_json_end(&json).len,
                         cap == sizeof(whole) - 1 ? cap : 0);
        assert_int_equal(exact[cap], '?');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_has_texts_numbers_and_objects),
        cmocka_unit_test(texts_from_outside_are_escaped),
        cmocka_unit_test(what_does_not_fit_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
