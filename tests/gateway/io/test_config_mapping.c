/* SPDX-License-Identifier: MIT */
/* topic_prefix, and what stands in braces there and in [access]. */
#include "config_support.h"

#define NAMED "[gateway]\nname = gw-1\n"

static void the_engine_gets_the_prefix_with_all_but_the_nodes_id(void **state)
{
    static const struct {
        const char *text, *prefix;
    } rows[] = {
        {NAMED, NULL},
        {NAMED "[upstream]\ntopic_prefix =\n", NULL},
        {NAMED "[upstream]\ntopic_prefix = a/b\n", "a/b/"},
        {NAMED "[upstream]\ntopic_prefix = a/b/\n", "a/b/"},
        {NAMED "[upstream]\ntopic_prefix = /\n", "/"},
        {NAMED "[upstream]\ntopic_prefix = {gateway}{gateway}/x\n",
         "gw-1gw-1/x/"},
        {NAMED "[upstream]\ntopic_prefix = a/{gateway}/{client_id}\n",
         "a/gw-1/{client_id}/"},
        {"[gateway]\nname = a/b\n[upstream]\ntopic_prefix = x\n", "x/"},
        {"[upstream]\nclient_id = a/b\ntopic_prefix = x\n", "x/"},
        {"[upstream]\ntopic_prefix = $aws/x\n[access]\ndollar_topics = yes\n",
         "$aws/x/"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_config *config = load_good(*state, rows[i].text);

        CASE(rows[i].text);
        if (rows[i].prefix == NULL)
            assert_null(config->options.topic_prefix);
        else
            assert_string_equal(config->options.topic_prefix, rows[i].prefix);
        gw_config_free(config);
    }
}

static void what_is_no_prefix_is_refused(void **state)
{
#define WHAT "2: upstream.topic_prefix: expected "
    static const struct {
        const char *text, *report;
    } rows[] = {
        {"[upstream]\ntopic_prefix = a/+/b\n",
         WHAT "the beginning of a topic name, without '+' and '#'\n"},
        {"[upstream]\ntopic_prefix = a\xef\xbf\xbe\n",
         WHAT "the beginning of a topic name, without '+' and '#'\n"},
        {"[upstream]\ntopic_prefix = {client}/\n",
         WHAT "{client_id} or {gateway} in braces; got '{client}'\n"},
        {"[upstream]\ntopic_prefix = a{\n",
         WHAT "{client_id} or {gateway} in braces; got '{'\n"},
        {"[upstream]\ntopic_prefix = $a/\n",
         WHAT "no '$' at its beginning; access.dollar_topics = yes allows it, "
              "but for $share\n"},
        {"[upstream]\ntopic_prefix = $share/g\n[access]\ndollar_topics = yes\n",
         WHAT "no '$' at its beginning; access.dollar_topics = yes allows it, "
              "but for $share\n"},
        {"[upstream]\ntopic_prefix = {gateway}\n[gateway]\nname = a/b\n",
         WHAT "a gateway.name for {gateway} that can be part of a topic level: "
              "without '/', '+', '#', and '$' at its beginning\n"},
        {"[upstream]\ntopic_prefix = {client_id}\nclient_id = a+b\n",
         WHAT "an upstream.client_id that can be part of a topic level, for it "
              "stands for {client_id} in what is no node's\n"},
        {"[access]\npublish = a, b/{gateway}/#\n",
         "2: access.publish: expected {client_id} in braces; got "
         "'{gateway}'\n"},
        {"[access]\nsubscribe = {client_id}/{Client_id}\n",
         "2: access.subscribe: expected {client_id} in braces; got "
         "'{Client_id}'\n"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].text);
        assert_null(load_text(f, rows[i].text));
        assert_string_equal(f->reported, rows[i].report);
    }
}

static void a_prefix_is_bounded_with_the_gateways_own_id(void **state)
{
    char text[2000], id[GW_PREFIX_MAX];
    struct fixture *f = *state;

    memset(id, 'i', sizeof(id));
    for (int over = 0; over < 2; over++) {
        int fill = GW_PREFIX_MAX - 1 - 3 * 200 + over;

        snprintf(text, sizeof(text),
                 "[upstream]\nclient_id = %.200s\n"
                 "topic_prefix = {client_id}{client_id}{client_id}%.*s\n",
                 id, fill, id);
        if (over) {
            assert_null(load_text(f, text));
            assert_string_equal(f->reported,
                                "3: upstream.topic_prefix: too long; expected "
                                "at most 900 octets and 64 levels\n");
        } else {
            gw_config_free(load_good(f, text));
        }
    }
    strcpy(text, "[upstream]\ntopic_prefix = ");
    for (int i = 0; i < GW_PREFIX_LEVELS_MAX; i++)
        strcat(text, "a/");
    gw_config_free(load_good(f, text));
    strcat(text, "b");
    assert_null(load_text(f, text));
}

static void another_prefix_needs_a_restart(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b = NULL;

    a = load_good(f, NAMED "[upstream]\ntopic_prefix = {gateway}\n");
    write_text(f->file, "[gateway]\nname = gw-2\n[access]\npublish = x\n"
                        "[upstream]\ntopic_prefix = y\n");
    f->reported[0] = '\0';
    assert_int_equal(gw_config_reload(a, &f->sources, note_problem, f, &b),
                     MQTTSN_OK);
    assert_string_equal(
        f->reported,
        "warning: 2: gateway.name: the new value needs a restart\n"
        "warning: 6: upstream.topic_prefix: the new value needs a restart\n");
    assert_string_equal(b->options.topic_prefix, "gw-1/");
    assert_int_equal(b->options.access_publish_count, 1);
    gw_config_free(a);
    gw_config_free(b);
}

static void a_section_makes_subscriptions_for_its_nodes(void **state)
{
    static const char given[] = "[client a*]\n"
                                "subscribe = cmd/{client_id}/# 1\n"
                                "will = never\n"
                                "subscribe = two words  0\n"
                                "[client b]\n"
                                "subscribe =\n"
                                "[client *]\n"
                                "subscribe = all 2\n";
    struct gw_config *c = load_good(*state, given);
    const struct gw_client_rule *rules = c->options.client_rules;

    assert_int_equal(c->options.client_rule_count, 3);
    assert_int_equal(rules[0].fields, GW_CLIENT_SUBSCRIBE | GW_CLIENT_WILL);
    assert_int_equal(rules[0].settings.will, GW_WILL_NEVER);
    assert_int_equal(rules[0].subscription_count, 2);
    assert_string_equal(rules[0].subscriptions[0].filter, "cmd/{client_id}/#");
    assert_int_equal(rules[0].subscriptions[0].qos, 1);
    assert_string_equal(rules[0].subscriptions[1].filter, "two words");
    assert_int_equal(rules[0].subscriptions[1].qos, 0);
    CASE("none, and no later section's either");
    assert_int_equal(rules[1].fields, GW_CLIENT_SUBSCRIBE);
    assert_int_equal(rules[1].subscription_count, 0);
    assert_int_equal(rules[2].subscription_count, 1);
    gw_config_free(c);
}

static void subscriptions_are_bounded_in_number(void **state)
{
    struct fixture *f = *state;
    char text[12000] = "[client a]\n";

    for (int i = 0; i < GW_FIXED_SUBSCRIPTIONS_MAX; i++) {
        if (i == 100)
            strcat(text, "[client b]\n");
        strcat(text, "subscribe = a 0\n");
    }
    gw_config_free(load_good(f, text));
    strcat(text, "subscribe = a 0\n");
    assert_null(load_text(f, text));
    assert_string_equal(f->reported, "259: client.subscribe: expected at most "
                                     "256 in all sections\n");
}

static void status_topics_have_every_word_made_out(void **state)
{
    static const struct {
        const char *prefix, *topic;
    } rows[] = {
        {"", "mqttsn-gw/me"},
        {"prefix = {gateway}/x/\n", "gw-1/x"},
        {"prefix = $SYS/gw\n", "$SYS/gw"},
    };
    char text[160];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_config *c;

        CASE(rows[i].topic);
        snprintf(text, sizeof(text),
                 NAMED "[upstream]\nclient_id = me\n"
                       "[status]\nenabled = yes\n%s",
                 rows[i].prefix);
        c = load_good(*state, text);
        assert_string_equal(c->status.topic, rows[i].topic);
        gw_config_free(c);
    }
    CASE("what is off is not judged");
    gw_config_free(load_good(*state, "[status]\nprefix = +\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_engine_gets_the_prefix_with_all_but_the_nodes_id, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_prefix_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_prefix_is_bounded_with_the_gateways_own_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_section_makes_subscriptions_for_its_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subscriptions_are_bounded_in_number,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(status_topics_have_every_word_made_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_prefix_needs_a_restart, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
