/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

/* Standard error as datagrams: what one write(2) wrote is one of them. */
static int ends[2] = {-1, -1};
static int saved_stderr;
static char line[GW_LOG_LINE_MAX + 1];

static int capture(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
    return 0;
}

static int release(void **state)
{
    (void)state;
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* What the last write wrote, or "" when there was none. */
static const char *written(void)
{
    ssize_t n = recv(ends[0], line, sizeof(line) - 1, MSG_DONTWAIT);

    line[n < 0 ? 0 : n] = '\0';
    return line;
}

static struct mqttsn_span span(const char *text)
{
    return mqttsn_span_text(text);
}

static void a_line_is_level_area_event_and_fields(void **state)
{
    (void)state;
    gw_info("sleep", "asleep", "client=%s duration_s=%u",
            gw_log_value(span("n7")), 300u);
    assert_string_equal(
        written(),
        "level=info area=sleep event=asleep client=n7 duration_s=300\n");

    gw_err("store", "store_failed", NULL);
    assert_string_equal(written(),
                        "level=error area=store event=store_failed\n");

    gw_log_configure(GW_LOG_INFO, GW_LOG_JSON, GW_LOG_STDERR);
    gw_warn("sleep", "asleep", "client=%s duration_s=%u",
            gw_log_value(span("n7")), 300u);
    assert_string_equal(written(),
                        "{\"level\":\"warn\",\"area\":\"sleep\",\"event\":"
                        "\"asleep\",\"client\":\"n7\",\"duration_s\":300}\n");
    gw_err("store", "store_failed", NULL);
    assert_string_equal(written(), "{\"level\":\"error\",\"area\":\"store\","
                                   "\"event\":\"store_failed\"}\n");
}

static unsigned evaluated;

static unsigned count_evaluation(void)
{
    return ++evaluated;
}

static void what_is_off_is_neither_written_nor_evaluated(void **state)
{
    static const struct {
        enum gw_log_level level;
        const char *why;
        unsigned lines;
    } rows[] = {
        {GW_LOG_ERROR, "error", 1},
        {GW_LOG_WARN, "warn", 2},
        {GW_LOG_INFO, "info", 3},
        {GW_LOG_DEBUG, "debug", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned lines = 0;

        CASE(rows[i].why);
        evaluated = 0;
        gw_log_configure(rows[i].level, GW_LOG_TEXT, GW_LOG_STDERR);
        gw_err("a", "b", "n=%u", count_evaluation());
        gw_warn("a", "b", "n=%u", count_evaluation());
        gw_info("a", "b", "n=%u", count_evaluation());
        gw_debug("a", "b", "n=%u", count_evaluation());
        while (written()[0] != '\0')
            lines++;
        assert_int_equal(lines, rows[i].lines);
        assert_int_equal(evaluated, rows[i].lines);
    }
}

static void values_are_escaped_in_both_forms(void **state)
{
    static const struct {
        const char *why, *octets;
        size_t len;
        const char *text, *json;
    } rows[] = {
        {"a plain word", "n-7/x.y:1", 9, "n-7/x.y:1", "\"n-7/x.y:1\""},
        {"nothing", "", 0, "\"\"", "\"\""},
        {"a blank", "a b", 3, "\"a b\"", "\"a b\""},
        {"quotes before a blank", "a\" b=\"c", 7, "\"a\\\" b=\\\"c\"",
         "\"a\\\" b=\\\"c\""},
        {"an equals sign", "a=b", 3, "\"a=b\"", "\"a=b\""},
        {"a backslash at the end", "a\\", 2, "\"a\\\\\"", "\"a\\\\\""},
        {"line ends", "a\r\n\tb", 5, "\"a\\r\\n\\tb\"", "\"a\\r\\n\\tb\""},
        {"a control and NUL", "\x01\0", 2, "\"\\x01\\x00\"",
         "\"\\\\x01\\\\x00\""},
        {"an escape sequence of terminals", "\x1b[31m", 5, "\"\\x1b[31m\"",
         "\"\\\\x1b[31m\""},
        {"UTF-8", "\xc3\xa4\xe2\x82\xac", 5, "\"\xc3\xa4\xe2\x82\xac\"",
         "\"\xc3\xa4\xe2\x82\xac\""},
        {"no UTF-8", "a\xff\xc3", 3, "\"a\\xff\\xc3\"", "\"a\\\\xff\\\\xc3\""},
        {"C1 controls", "\xc2\x9b", 2, "\"\\xc2\\x9b\"", "\"\\\\xc2\\\\x9b\""},
        {"text turned around",
         "\xe2\x80\xae"
         "a",
         4, "\"\\xe2\\x80\\xaea\"", "\"\\\\xe2\\\\x80\\\\xaea\""},
        {"a client id of digits stays a text", "42", 2, "\"42\"", "\"42\""},
        {"so does one like a fraction", "-1.5", 4, "\"-1.5\"", "\"-1.5\""},
        {"this is no number", "007", 3, "007", "\"007\""},
        {"nor this", "1e5", 3, "1e5", "\"1e5\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[256];

        CASE(rows[i].why);
        gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
        gw_info("a", "b", "v=%s n=1",
                gw_log_value(mqttsn_span(rows[i].octets, rows[i].len)));
        snprintf(expected, sizeof(expected),
                 "level=info area=a event=b v=%s n=1\n", rows[i].text);
        assert_string_equal(written(), expected);

        gw_log_configure(GW_LOG_INFO, GW_LOG_JSON, GW_LOG_STDERR);
        gw_info("a", "b", "v=%s n=1",
                gw_log_value(mqttsn_span(rows[i].octets, rows[i].len)));
        snprintf(expected, sizeof(expected),
                 "{\"level\":\"info\",\"area\":\"a\",\"event\":\"b\","
                 "\"v\":%s,\"n\":1}\n",
                 rows[i].json);
        assert_string_equal(written(), expected);
    }
}

static void fields_become_members_of_their_kind(void **state)
{
    static const struct {
        const char *why, *fields, *members;
    } rows[] = {
        {"numbers", "a=0 b=-5 c=1.25 d=18446744073709551615",
         "\"a\":0,\"b\":-5,\"c\":1.25,\"d\":18446744073709551615"},
        {"what only looks like numbers", "a=01 b=1. c=.5 d=- e=1e3 f=0x1 g=",
         "\"a\":\"01\",\"b\":\"1.\",\"c\":\".5\",\"d\":\"-\",\"e\":\"1e3\","
         "\"f\":\"0x1\",\"g\":\"\""},
        {"words", "a=yes b=accepted addr=[::1]:1883",
         "\"a\":\"yes\",\"b\":\"accepted\",\"addr\":\"[::1]:1883\""},
        {"our own text with quotes in it",
         "n=1 reason=\"cannot bind 'x' (\"y\") here\" m=2",
         "\"n\":1,\"reason\":\"cannot bind 'x' (\\\"y\\\") here\",\"m\":2"},
        {"a quote before a blank ends it, nothing gets lost",
         "reason=\"a \"b\" c\" m=2",
         "\"reason\":\"a \\\"b\",\"text\":\"c\\\" m=2\""},
        {"our own text", "reason=\"no: it is \"so\"...\" m=2",
         "\"reason\":\"no: it is \\\"so\\\"...\",\"m\":2"},
        {"what is no field", "a=1 oops b=2", "\"a\":1,\"text\":\"oops b=2\""},
        {"a line end of a careless caller", "a=x\ny", "\"a\":\"x\\u000ay\""},
        {"a quote that nobody closes", "a=\"b c", "\"a\":\"b c\""},
    };

    (void)state;
    gw_log_configure(GW_LOG_INFO, GW_LOG_JSON, GW_LOG_STDERR);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[512];

        CASE(rows[i].why);
        gw_info("x", "y", "%s", rows[i].fields);
        snprintf(expected, sizeof(expected),
                 "{\"level\":\"info\",\"area\":\"x\",\"event\":\"y\",%s}\n",
                 rows[i].members);
        assert_string_equal(written(), expected);
    }
}

static void no_text_can_begin_a_second_line(void **state)
{
    const char *at;

    (void)state;
    gw_info("x", "y", "%s", "a=\"b\nlevel=error\" c=d\x1b[2J");
    at = strchr(written(), '\n');
    assert_non_null(at);
    assert_string_equal(at, "\n");
    assert_null(strchr(line, '\x1b'));
}

static void a_long_value_is_cut_and_says_so(void **state)
{
    char id[4 * GW_LOG_VALUE_MAX];
    const char *value;

    (void)state;
    memset(id, 'x', sizeof(id));
    value = gw_log_value(mqttsn_span(id, GW_LOG_VALUE_MAX));
    assert_int_equal(strlen(value), GW_LOG_VALUE_MAX);
    value = gw_log_value(mqttsn_span(id, sizeof(id)));
    assert_int_equal(strlen(value), GW_LOG_VALUE_MAX + 5);
    assert_string_equal(value + GW_LOG_VALUE_MAX + 1, "...\"");

    CASE("the longest it can become");
    memset(id, '\xff', sizeof(id));
    value = gw_log_value(mqttsn_span(id, sizeof(id)));
    assert_int_equal(strlen(value), 4 * GW_LOG_VALUE_MAX + 5);
}

static void a_long_line_loses_whole_fields(void **state)
{
    static const enum gw_log_format formats[] = {GW_LOG_TEXT, GW_LOG_JSON};
    char id[GW_LOG_VALUE_MAX];

    (void)state;
    memset(id, '\xff', sizeof(id));
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const char *v = gw_log_value(mqttsn_span(id, sizeof(id)));

        gw_log_configure(GW_LOG_INFO, formats[i], GW_LOG_STDERR);
        gw_info("x", "y", "n=1 a=%s b=%s c=%s d=%s e=%s", v, v, v, v, v);
        assert_true(strlen(written()) <= GW_LOG_LINE_MAX);
        assert_non_null(strstr(line, formats[i] == GW_LOG_TEXT
                                         ? "\\xff\" cut=yes\n"
                                         : "xff\",\"cut\":\"yes\"}\n"));
        assert_null(strstr(line, formats[i] == GW_LOG_TEXT ? " d=" : "\"d\""));
        assert_string_equal(written(), "");
    }
}

static void eight_values_fit_one_line(void **state)
{
    (void)state;
    gw_info("x", "y", "a=%s b=%s c=%s d=%s e=%s f=%s g=%s h=%s",
            gw_log_text("1x"), gw_log_text("2x"), gw_log_text("3x"),
            gw_log_text("4x"), gw_log_text("5x"), gw_log_text("6x"),
            gw_log_text("7x"), gw_log_text(NULL));
    assert_string_equal(written(), "level=info area=x event=y a=1x b=2x c=3x "
                                   "d=4x e=5x f=6x g=7x h=\"\"\n");
}

static void syslog_takes_nothing_to_standard_error(void **state)
{
    (void)state;
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_SYSLOG);
    gw_info("x", "y", "a=1");
    assert_string_equal(written(), "");
}

static void a_sink_that_is_gone_harms_nobody(void **state)
{
    int kept = dup(STDERR_FILENO);

    (void)state;
    close(STDERR_FILENO);
    errno = 77;
    gw_info("x", "y", "a=1");
    assert_int_equal(errno, 77);
    dup2(kept, STDERR_FILENO);
    close(kept);
}

#define LINES 200

static void *write_lines(void *name)
{
    for (int i = 0; i < LINES; i++)
        gw_info("x", "y", "thread=%s i=%d", gw_log_text(name), i);
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    static char names[2][4] = {"one", "two"};
    pthread_t threads[2];
    int lines = 0, i;
    char name[4];

    (void)state;
    for (size_t t = 0; t < 2; t++)
        assert_int_equal(
            pthread_create(&threads[t], NULL, write_lines, names[t]), 0);
    while (lines < 2 * LINES) {
        ssize_t n = recv(ends[0], line, sizeof(line) - 1, 0);

        assert_true(n > 0);
        line[n] = '\0';
        assert_int_equal(sscanf(line,
                                "level=info area=x event=y thread=%3s i=%d\n",
                                name, &i),
                         2);
        assert_int_equal(strchr(line, '\n') - line, n - 1);
        lines++;
    }
    for (size_t t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
}

static void the_limiter_lets_some_through_and_counts_the_rest(void **state)
{
    static const struct {
        const char *why;
        uint64_t now;
        bool through;
        uint32_t suppressed;
    } rows[] = {
        {"the first", 100000, true, 0},
        {"the second", 100001, true, 0},
        {"too many", 100002, false, 0},
        {"still", 159999, false, 0},
        {"a minute later", 160000, true, 2},
        {"told once", 160001, true, 0},
        {"again too many", 160002, false, 0},
        {"much later", 999999999, true, 1},
    };
    struct gw_log_limit limit = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t suppressed = 0;

        CASE(rows[i].why);
        assert_int_equal(gw_log_limited(&limit, 2, rows[i].now, &suppressed),
                         rows[i].through);
        assert_int_equal(suppressed, rows[i].suppressed);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_level_area_event_and_fields),
        TEST(what_is_off_is_neither_written_nor_evaluated),
        TEST(values_are_escaped_in_both_forms),
        TEST(fields_become_members_of_their_kind),
        TEST(no_text_can_begin_a_second_line),
        TEST(a_long_value_is_cut_and_says_so),
        TEST(a_long_line_loses_whole_fields),
        TEST(eight_values_fit_one_line),
        TEST(syslog_takes_nothing_to_standard_error),
        TEST(a_sink_that_is_gone_harms_nobody),
        TEST(lines_of_several_threads_do_not_mix),
        TEST(the_limiter_lets_some_through_and_counts_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
