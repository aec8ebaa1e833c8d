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

static void a_list_has_members_without_keys(void **state)
{
    struct gw_json json;

    (void)state;
    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_list(&json, "l");
    gw_json_open(&json, NULL);
    gw_json_bool(&json, "y", true);
    gw_json_bool(&json, "n", false);
    gw_json_close(&json);
    gw_json_open(&json, NULL);
    gw_json_signed(&json, "s", -7);
    gw_json_close(&json);
    gw_json_text(&json, NULL, mqttsn_span_text("t"));
    gw_json_list_end(&json);
    gw_json_list(&json, "e");
    gw_json_list_end(&json);
    assert_written(&json, "{\"l\":[{\"y\":true,\"n\":false},{\"s\":-7},\"t\"],"
                          "\"e\":[]}");
}

static void what_does_not_fit_can_be_taken_back(void **state)
{
    struct gw_json json, before;

    (void)state;
    gw_json_begin(&json, buf, 16);
    gw_json_number(&json, "a", 1);
    before = json;
    gw_json_number(&json, "b", 2);
    assert_true(gw_json_keep(&json, &before, 4));
    assert_false(gw_json_keep(&json, &before, 5));
    gw_json_number(&json, "c", 123456789);
    assert_false(gw_json_keep(&json, &before, 0));
    gw_json_number(&json, "d", 3);
    assert_written(&json, "{\"a\":1,\"d\":3}");
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
        cmocka_unit_test(a_list_has_members_without_keys),
        cmocka_unit_test(what_does_not_fit_can_be_taken_back),
        cmocka_unit_test(texts_from_outside_are_escaped),
        cmocka_unit_test(what_does_not_fit_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
