/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "filters.h"
#include "policy_fixture.h"

#include "mqttsn/topic.h"

static void without_access_lists_every_good_topic_is_allowed(void **unused)
{
    static const struct {
        const char *topic;
        bool publish, subscribe;
    } rows[] = {
        {"a", true, true},
        {"a/b/c", true, true},
        {"/", true, true},
        {"a//b", true, true},
        {"+", false, true},
        {"#", false, true},
        {"a/+/b", false, true},
        {"a/#", false, true},
        {"+/#", false, true},
        {"", false, false},
        {"a+", false, false},
        {"#/a", false, false},
        {"\xff", false, false},
        {"$SYS/a", false, false},
        {"$", false, false},
        {"a/$SYS", true, true},
        {"$share/g/a", false, false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    assert_int_equal(apply(&f), MQTTSN_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].topic);
        assert_int_equal(
            gw_policy_may_publish(&f.policy, 0, text(rows[i].topic)),
            rows[i].publish);
        assert_int_equal(
            gw_policy_may_subscribe(&f.policy, 0, text(rows[i].topic)),
            rows[i].subscribe);
    }
    assert_false(gw_policy_may_publish(&f.policy, 0, mqttsn_span("a\0b", 3)));
    assert_false(gw_policy_may_subscribe(&f.policy, 0, mqttsn_span("a\0b", 3)));
    tear_down(&f);
}

static void dollar_topics_are_allowed_when_the_option_says_so(void **unused)
{
    struct fixture f;

    (void)unused;
    set_up(&f);
    f.options.dollar_topics = true;
    assert_int_equal(apply(&f), MQTTSN_OK);

    assert_true(gw_policy_may_publish(&f.policy, 0, text("$lamp/a")));
    assert_true(gw_policy_may_subscribe(&f.policy, 0, text("$SYS/#")));
    assert_true(gw_policy_may_subscribe(&f.policy, 0, text("$shared")));
    assert_false(gw_policy_may_subscribe(&f.policy, 0, text("$share/g/a")));
    assert_false(gw_policy_may_subscribe(&f.policy, 0, text("$share/")));
    tear_down(&f);
}

static void too_long_or_too_deep_is_not_allowed(void **unused)
{
    struct fixture f;
    char deep[2 * GW_FILTER_LEVELS_MAX + 2];
    char long_name[GW_NAME_MAX + 1];
    size_t allowed = 2 * GW_FILTER_LEVELS_MAX - 1;

    (void)unused;
    memset(long_name, 'a', sizeof(long_name));
    for (size_t i = 0; i < sizeof(deep); i++)
        deep[i] = i % 2 == 0 ? 'a' : '/';
    set_up(&f);
    assert_int_equal(apply(&f), MQTTSN_OK);

    for (int over = 0; over <= 1; over++) {
        struct mqttsn_span by_len =
            mqttsn_span(long_name, (size_t)(GW_NAME_MAX + over));
        struct mqttsn_span by_levels =
            mqttsn_span(deep, allowed + 2 * (size_t)over);

        assert_int_equal(gw_policy_may_publish(&f.policy, 0, by_len), !over);
        assert_int_equal(gw_policy_may_subscribe(&f.policy, 0, by_len), !over);
        assert_int_equal(gw_policy_may_publish(&f.policy, 0, by_levels), !over);
        assert_int_equal(gw_policy_may_subscribe(&f.policy, 0, by_levels),
                         !over);
    }
    tear_down(&f);
}

static void a_node_publishes_only_to_what_is_listed(void **unused)
{
    static const char *const filters[] = {"site/+/temperature", "log/#"};
    static const struct {
        const char *topic;
        bool allowed;
    } rows[] = {
        {"site/a/temperature", true},
        {"site/a/b/temperature", false},
        {"site/a/humidity", false},
        {"log", true},
        {"log/a/b", true},
        {"logs", false},
        {"site/+/temperature", false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    f.options.access_publish = filters;
    f.options.access_publish_count = ARRAY_LEN(filters);
    assert_int_equal(apply(&f), MQTTSN_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].topic);
        assert_int_equal(
            gw_policy_may_publish(&f.policy, 0, text(rows[i].topic)),
            rows[i].allowed);
    }
    assert_true(gw_policy_may_subscribe(&f.policy, 0, text("anything")));
    tear_down(&f);
}

static bool subscribes(struct fixture *f, const char *listed, const char *asked)
{
    const char *filters[] = {"unlikely", listed};

    f->options.access_subscribe = filters;
    f->options.access_subscribe_count = ARRAY_LEN(filters);
    f->options.dollar_topics = true;
    assert_int_equal(apply(f), MQTTSN_OK);
    return gw_policy_may_subscribe(&f->policy, 0, text(asked));
}

static void
a_node_subscribes_only_to_what_one_listed_filter_covers(void **unused)
{
    static const struct {
        const char *listed, *asked;
        bool allowed;
    } rows[] = {
        {"a/b", "a/b", true},     {"a/b", "a", false},
        {"a/b", "a/b/c", false},  {"a/b", "a/+", false},
        {"a/b", "a/#", false},    {"a/b", "#", false},
        {"a/+", "a/b", true},     {"a/+", "a/+", true},
        {"a/+", "a/b/c", false},  {"a/+", "a/#", false},
        {"a/+", "a", false},      {"a/+", "+/b", false},
        {"+/b", "a/b", true},     {"+/b", "+/b", true},
        {"a/#", "a", true},       {"a/#", "a/b/c", true},
        {"a/#", "a/#", true},     {"a/#", "a/+/b", true},
        {"a/#", "a/+/#", true},   {"a/#", "+", false},
        {"a/#", "+/#", false},    {"a/#", "#", false},
        {"a/#", "ab", false},     {"a/+/#", "a/#", false},
        {"a/+/#", "a/b/#", true}, {"#", "a/+/b", true},
        {"#", "#", true},         {"#", "+/#", true},
        {"+/#", "#", true},       {"+/#", "a", true},
        {"+/+/#", "#", false},    {"+", "#", false},
        {"+", "a", true},         {"+", "a/b", false},
        {"#", "$SYS", false},     {"#", "$SYS/#", false},
        {"+/a", "$SYS/a", false}, {"$SYS/#", "$SYS/a", true},
        {"$SYS/#", "#", false},   {"a//b", "a//b", true},
        {"a/+/b", "a//b", true},  {"a/", "a", false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].listed);
        CASE(rows[i].asked);
        assert_int_equal(subscribes(&f, rows[i].listed, rows[i].asked),
                         rows[i].allowed);
    }
    assert_true(gw_policy_may_publish(&f.policy, 0, text("anything")));
    tear_down(&f);
}

enum { NAMES_MAX = 400 };

struct words {
    char text[NAMES_MAX][8];
    size_t count;
};

/* The word of a number in the digits of 'alphabet'; every word has one. */
static void spell(unsigned number, const char *alphabet, char *ret_word)
{
    size_t base = strlen(alphabet);

    for (; number > 0; number = (unsigned)((number - 1) / base))
        *ret_word++ = alphabet[(number - 1) % base];
    *ret_word = '\0';
}

/* Every name or filter of up to 'levels' levels, each one of the alphabet. */
static void all_words(struct words *words, const char *alphabet, size_t levels,
                      bool (*valid)(struct mqttsn_span))
{
    char digits[8];

    words->count = 0;
    for (unsigned n = 1;; n++) {
        char *to = words->text[words->count];

        spell(n, alphabet, digits);
        if (strlen(digits) > levels)
            return;
        for (const char *d = digits; *d != '\0'; d++) {
            *to++ = *d;
            *to++ = '/';
        }
        to[-1] = '\0';
        words->count += valid(text(words->text[words->count]));
        assert_true(words->count < NAMES_MAX);
    }
}

/* "Covers" is a statement about names, so names are what judges it: of one
 * level more than any filter, and with an octet no filter has. */
static void what_is_covered_matches_no_name_that_is_not_listed(void **unused)
{
    static struct words names, filters;
    struct fixture f;

    (void)unused;
    all_words(&names, "ab$", 4, mqttsn_topic_name_valid);
    all_words(&filters, "a$+#", 3, mqttsn_filter_valid);
    set_up(&f);
    for (size_t l = 0; l < filters.count; l++) {
        (void)subscribes(&f, filters.text[l], "a");
        for (size_t a = 0; a < filters.count; a++) {
            bool within = true;

            for (size_t n = 0; within && n < names.count; n++)
                within = !mqttsn_filter_matches(text(filters.text[a]),
                                                text(names.text[n])) ||
                         mqttsn_filter_matches(text(filters.text[l]),
                                               text(names.text[n]));
            if (gw_policy_may_subscribe(&f.policy, 0, text(filters.text[a])) !=
                within)
                fail_msg("'%s' and '%s'", filters.text[l], filters.text[a]);
        }
    }
    tear_down(&f);
}

/* ---- addresses ------------------------------------------------------------
 */

static void the_default_takes_qos_minus1_from_neighbours_only(void **unused)
{
    const struct {
        const char *why;
        struct gw_addr addr;
        bool allowed;
    } rows[] = {
        {"loopback", v4(127, 0, 0, 1), true},
        {"10/8", v4(10, 255, 0, 1), true},
        {"below 172.16/12", v4(172, 15, 255, 255), false},
        {"172.16/12", v4(172, 16, 0, 0), true},
        {"the end of it", v4(172, 31, 255, 255), true},
        {"above it", v4(172, 32, 0, 0), false},
        {"192.168/16", v4(192, 168, 1, 1), true},
        {"192.169/16", v4(192, 169, 1, 1), false},
        {"169.254/16", v4(169, 254, 1, 1), true},
        {"anywhere", v4(8, 8, 8, 8), false},
        {"::1", v6(0, 0, 1), true},
        {"::2", v6(0, 0, 2), false},
        {"fc00::/7", v6(0xfd, 0x12, 1), true},
        {"fe80::/10", v6(0xfe, 0x80, 1), true},
        {"the end of it", v6(0xfe, 0xbf, 1), true},
        {"fec0::", v6(0xfe, 0xc0, 1), false},
        {"2001::", v6(0x20, 0x01, 1), false},
        {"10/8 read as IPv6", v6(10, 0, 0), false},
        {"no address", {.ip = {10}}, false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    assert_int_equal(apply(&f), MQTTSN_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(gw_policy_qos_minus1_source(&f.policy, &rows[i].addr),
                         rows[i].allowed);
    }
    f.options.qos_minus1_from_count = 0;
    assert_int_equal(apply(&f), MQTTSN_OK);
    assert_false(gw_policy_qos_minus1_source(&f.policy, &rows[0].addr));
    tear_down(&f);
}

/* [G12-46] */
static void
only_listed_forwarders_of_that_listener_may_encapsulate(void **unused)
{
    static const struct gw_cidr first[] = {
        {.ip = {192, 168, 1, 9}, .bits = 32, .family = 4},
        {.ip = {0xfd, 0x12}, .bits = 20, .family = 6},
    };
    static const struct gw_listener_options listeners[] = {
        {.max_datagram = 1024, .forwarders = first, .forwarder_count = 2},
        {.max_datagram = 1024},
        {.max_datagram = 1024, .forwarders_any = true},
    };
    const struct {
        const char *why;
        uint16_t listener;
        struct gw_addr addr;
        bool allowed;
    } rows[] = {
        {"listed", 0, v4(192, 168, 1, 9), true},
        {"not listed", 0, v4(192, 168, 1, 10), false},
        {"in a block, whose last octet is cut", 0, v6(0xfd, 0x12, 1), true},
        {"not in it", 0, v6(0xfd, 0x13, 1), false},
        {"none by default", 1, v4(192, 168, 1, 9), false},
        {"anybody", 2, v4(8, 8, 8, 8), true},
        {"no such listener", 3, v4(192, 168, 1, 9), false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    f.options.listeners = listeners;
    f.options.listener_count = ARRAY_LEN(listeners);
    assert_int_equal(apply(&f), MQTTSN_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(
            gw_policy_forwarder(&f.policy, rows[i].listener, &rows[i].addr),
            rows[i].allowed);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_access_lists_every_good_topic_is_allowed),
        cmocka_unit_test(dollar_topics_are_allowed_when_the_option_says_so),
        cmocka_unit_test(too_long_or_too_deep_is_not_allowed),
        cmocka_unit_test(a_node_publishes_only_to_what_is_listed),
        cmocka_unit_test(
            a_node_subscribes_only_to_what_one_listed_filter_covers),
        cmocka_unit_test(what_is_covered_matches_no_name_that_is_not_listed),
        cmocka_unit_test(the_default_takes_qos_minus1_from_neighbours_only),
        cmocka_unit_test(
            only_listed_forwarders_of_that_listener_may_encapsulate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
