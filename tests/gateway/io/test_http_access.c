/* SPDX-License-Identifier: MIT */
#include "io/http_access.h"

#include "check.h"

#define A "abcdefghijklmnop"
#define B "0123456789-._~+/"

static void a_file_of_tokens_is_judged_by_its_lines(void **state)
{
    static const struct {
        const char *why, *text;
        unsigned line; /* of the fault; 0 with a fault: of the whole */
        bool good;
    } rows[] = {
        {"one", A "\n", 0, true},
        {"without a line end", A, 0, true},
        {"several, with comments and blank lines",
         "# who\n\n" A "\r\n  " B "==\t\n", 0, true},
        {"none", "", 0, false},
        {"only a comment", "# " A "\n", 0, false},
        {"too short", A "\nabcdefghijklmno\n", 2, false},
        {"as long as may be", A A A A A A A A "\n" A, 0, true},
        {"longer", A A A A A A A A "a\n", 1, false},
        {"a blank in it", "\n" A " " A "\n", 2, false},
        {"no ASCII", A "\xc3\xa4\n", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned line = 99;
        const char *fault;

        CASE(rows[i].why);
        fault = gw_http_tokens_fault(mqttsn_span_text(rows[i].text), &line);
        assert_int_equal(fault == NULL, rows[i].good);
        assert_int_equal(line, rows[i].line);
    }
    assert_non_null(
        gw_http_tokens_fault(mqttsn_span(A "\0", 17), &(unsigned){0}));
}

static void a_token_is_found_by_its_line_and_only_whole(void **state)
{
    static const struct {
        const char *authorization;
        unsigned line;
    } rows[] = {
        {"Bearer " A, 2},
        {"bearer " A, 2},
        {"Bearer   " A, 2},
        {"Bearer " B, 4},
        {"Bearer " A "a", 0},
        {"Bearer abcdefghijklmno", 0},
        {"Bearer abcdefghijklmnoq", 0},
        {"Bearer ", 0},
        {"Bearer # the second", 0},
        {"Basic " A, 0},
        {A, 0},
        {"", 0},
        {NULL, 0},
    };
    struct mqttsn_span tokens =
        mqttsn_span_text("# the first\n" A "\n# the second\n" B "\n");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].authorization != NULL ? rows[i].authorization : "none");
        assert_int_equal(gw_http_token_of(tokens, rows[i].authorization),
                         rows[i].line);
    }
    CASE("there are none");
    assert_int_equal(gw_http_token_of(mqttsn_span(NULL, 0), "Bearer "), 0);
    CASE("longer than any may be");
    assert_int_equal(gw_http_token_of(mqttsn_span_text(A A A A A A A A),
                                      "Bearer " A A A A A A A A "x"),
                     0);
}

static void a_page_of_another_site_has_no_good_name_for_us(void **state)
{
    static const struct {
        const char *host;
        bool good;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:9883", true},
        {"192.0.2.7:80", true},
        {"[::1]:9883", true},
        {"[2001:db8::7]", true},
        {"localhost", true},
        {"LocalHost:9883", true},
        {"gw-kitchen", true},
        {"GW-Kitchen:9883", true},
        {"gw.example.org", true},
        {"other.example.org:9883", true},
        {"", false},
        {":9883", false},
        {"[::1", false},
        {"evil.example", false},
        {"evil.example:9883", false},
        {"example.org", false},
        {"localhost.evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"gw-kitchen.evil.example", false},
        {"1", false},
    };
    char longest[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].host);
        assert_int_equal(
            gw_http_host_good(rows[i].host, "gw-kitchen",
                              "gw.example.org,  other.example.org"),
            rows[i].good);
    }
    CASE("without any name");
    assert_false(gw_http_host_good("gw-kitchen", NULL, NULL));
    assert_true(gw_http_host_good("10.0.0.1", NULL, NULL));
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_false(gw_http_host_good(longest, longest, longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_tokens_is_judged_by_its_lines),
        cmocka_unit_test(a_token_is_found_by_its_line_and_only_whole),
        cmocka_unit_test(a_page_of_another_site_has_no_good_name_for_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
