/* SPDX-License-Identifier: MIT */
#include "args.h"

#include "check.h"

struct values {
    bool flag, other;
    const char *text;
    long number;
    mqttsn_ms seconds;
    struct args_octets octets;
    struct args_topics topics;
};

static enum mqttsn_status parse(struct values *v, const char *const words[],
                                char error[ARGS_ERROR_MAX])
{
    const struct args_option table[] = {
        {'f', "flag", ARGS_FLAG, &v->flag, 0, 0},
        {'o', NULL, ARGS_FLAG, &v->other, 0, 0},
        {'m', "message", ARGS_TEXT, &v->text, 0, 0},
        {'q', "qos", ARGS_NUMBER, &v->number, -1, 2},
        {'W', NULL, ARGS_SECONDS, &v->seconds, 0, 100},
        {0, "node-id", ARGS_HEX, &v->octets, 0, 0},
        {'t', "topic", ARGS_NAME, &v->topics, 0, 0},
        {0, "topic-id", ARGS_ID, &v->topics, 1, 65534},
        {0, "short", ARGS_SHORT, &v->topics, 0, 0},
    };
    char copies[16][80];
    char *argv[18] = {copies[0]};
    int argc = 1;

    memset(v, 0, sizeof(*v));
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < 16);
        snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    error[0] = '\0';
    enum mqttsn_status status =
        args_parse(table, ARRAY_LEN(table), argc, argv, error);

    /* The text lies in argv, which goes with this function. */
    if (v->text != NULL)
        for (int i = 1; i < argc; i++) {
            const char *found = strstr(words[i - 1], v->text);

            if (found != NULL)
                v->text = found;
        }
    return status;
}

static void an_option_may_be_written_in_four_ways(void **unused)
{
    static const char *const rows[][4] = {
        {"-q", "-1"}, {"-q-1"}, {"--qos", "-1"}, {"--qos=-1"}};
    char error[ARGS_ERROR_MAX];
    struct values v;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i][0]);
        assert_int_equal(parse(&v, rows[i], error), MQTTSN_OK);
        assert_int_equal(v.number, -1);
    }
}

static void values_reach_their_places(void **unused)
{
    static const char *const words[] = {
        "-fo", "-m", "-x",         "-W",  "1.25",    "--node-id", "0aFF",
        "-t",  "a",  "--topic-id", "258", "--short", "xy",        NULL};
    char error[ARGS_ERROR_MAX];
    struct values v;

    (void)unused;
    assert_int_equal(parse(&v, words, error), MQTTSN_OK);

    assert_true(v.flag && v.other);
    assert_string_equal(v.text, "-x");
    assert_int_equal(v.seconds, 1250);
    assert_int_equal(v.octets.len, 2);
    assert_int_equal(v.octets.octets[1], 0xff);
    assert_int_equal(v.topics.count, 3);
    assert_int_equal(v.topics.topics[0].type, MQTTSN_TOPIC_NORMAL);
    assert_int_equal(v.topics.topics[1].type, MQTTSN_TOPIC_PREDEFINED);
    assert_int_equal(v.topics.topics[1].id, 258);
    assert_int_equal(v.topics.topics[2].type, MQTTSN_TOPIC_SHORT);
    assert_int_equal(v.topics.topics[2].id, 'x' << 8 | 'y');
}

static void what_is_wrong_is_said_in_one_line(void **unused)
{
    static const struct {
        const char *words[3];
        const char *said;
    } rows[] = {
        {{"-z"}, "unknown option '-z' (see --help)"},
        {{"-fz"}, "unknown option '-z' (see --help)"},
        {{"--none"}, "unknown option '--none' (see --help)"},
        {{"--fla"}, "unknown option '--fla' (see --help)"},
        {{"--flagg"}, "unknown option '--flagg' (see --help)"},
        {{"--flag=1"}, "--flag takes no value"},
        {{"x"}, "unexpected argument 'x' (see --help)"},
        {{"-"}, "unexpected argument '-' (see --help)"},
        {{"--"}, "unknown option '--' (see --help)"},
        {{"a\nb"}, "unexpected argument 'a\\x0ab' (see --help)"},
        {{"-m"}, "-m wants a value"},
        {{"--qos"}, "--qos wants a value"},
        {{"-q", "3"}, "-q wants a whole number from -1 to 2, not '3'"},
        {{"-q", ""}, "-q wants a whole number from -1 to 2, not ''"},
        {{"-q", "1x"}, "-q wants a whole number from -1 to 2, not '1x'"},
        {{"--qos=99999999999999999999"},
         "--qos wants a whole number from -1 to 2, not "
         "'99999999999999999999'"},
        {{"-W", "nan"}, "-W wants seconds from 0 to 100, not 'nan'"},
        {{"-W", "-1"}, "-W wants seconds from 0 to 100, not '-1'"},
        {{"-W", "101"}, "-W wants seconds from 0 to 100, not '101'"},
        {{"--node-id", "abc"},
         "--node-id wants 1 to 252 octets as hexadecimal digits, not 'abc'"},
        {{"--node-id", "0g"},
         "--node-id wants 1 to 252 octets as hexadecimal digits, not '0g'"},
        {{"--topic-id", "65535"},
         "--topic-id wants a whole number from 1 to 65534, not '65535'"},
        {{"--short", "a+"}, "--short wants a name of two octets, not 'a+'"},
        {{"--short", "a"}, "--short wants a name of two octets, not 'a'"},
    };
    char error[ARGS_ERROR_MAX];
    struct values v;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].said);
        assert_int_equal(parse(&v, rows[i].words, error), MQTTSN_EINVAL);
        assert_string_equal(error, rows[i].said);
    }
}

static void topics_have_an_end(void **unused)
{
    static char option[] = "-ta", name[] = "tool";
    char *argv[ARGS_TOPICS_MAX + 3] = {name};
    struct args_topics topics = {.count = 0};
    const struct args_option table[] = {{'t', NULL, ARGS_NAME, &topics, 0, 0}};
    char error[ARGS_ERROR_MAX];

    (void)unused;
    for (int i = 1; i < ARGS_TOPICS_MAX + 2; i++)
        argv[i] = option;
    assert_int_equal(args_parse(table, 1, ARGS_TOPICS_MAX + 2, argv, error),
                     MQTTSN_EINVAL);
    assert_string_equal(error, "more than 64 topics");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_may_be_written_in_four_ways),
        cmocka_unit_test(values_reach_their_places),
        cmocka_unit_test(what_is_wrong_is_said_in_one_line),
        cmocka_unit_test(topics_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
