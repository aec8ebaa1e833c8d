/* SPDX-License-Identifier: MIT */
#include "predefined.h"

#include "policy_fixture.h"

static void a_client_has_its_own_row_before_that_of_everybody(void **unused)
{
    static const struct gw_predefined given[] = {
        {NULL, "all/one", 1, true},
        {"n1", "n1/one", 1, false},
        {"n1", "n1/two", 2, true},
        {"n2", "n2/two", 2, false},
    };
    static const struct {
        const char *client;
        uint16_t id;
        const char *topic;
        bool open;
    } rows[] = {
        {NULL, 1, "all/one", true}, {"n1", 1, "n1/one", false},
        {"n1", 2, "n1/two", true},  {"n2", 1, "all/one", true},
        {"n2", 2, "n2/two", false}, {"other", 1, "all/one", true},
        {"other", 2, "", false},    {NULL, 2, "", false},
        {"n1", 3, "", false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    predefine(&f, given, ARRAY_LEN(given));
    assert_int_equal(apply(&f), MQTTSN_OK);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool open = false;

        CASE(rows[i].topic);
        assert_string_equal(topic_of(&f, rows[i].client, rows[i].id, &open),
                            rows[i].topic);
        assert_int_equal(open, rows[i].open);
    }
    tear_down(&f);
}

static void an_unknown_id_leaves_open_as_it_was(void **unused)
{
    struct fixture f;
    bool open = true;

    (void)unused;
    set_up(&f);
    assert_int_equal(apply(&f), MQTTSN_OK);

    assert_int_equal(gw_policy_predefined_name(&f.policy, 0, 9, &open), 0);
    assert_true(open);
    tear_down(&f);
}

/* [G12-11] */
static void an_id_is_in_use_whoever_its_row_is_for(void **unused)
{
    static const struct gw_predefined rows[] = {
        {NULL, "a", 5, false},
        {"n1", "b", 7, false},
        {"n2", "c", 7, false},
        {NULL, "d", 65534, false},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    predefine(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(apply(&f), MQTTSN_OK);

    for (unsigned id = 0; id <= 65535; id++)
        assert_int_equal(gw_policy_predefined_uses(&f.policy, (uint16_t)id),
                         id == 5 || id == 7 || id == 65534);
    tear_down(&f);
}

static void a_reload_replaces_every_row(void **unused)
{
    static const struct gw_predefined before[] = {
        {NULL, "old/one", 1, false},
        {"n1", "old/two", 2, true},
    };
    static const struct gw_predefined after[] = {
        {NULL, "new/one", 1, true},
        {"n1", "new/three", 3, false},
    };
    struct fixture f;
    bool open = false;

    (void)unused;
    set_up(&f);
    predefine(&f, before, ARRAY_LEN(before));
    assert_int_equal(apply(&f), MQTTSN_OK);

    /* Twice there and back, so that both sets are filled a second time. */
    for (int round = 0; round < 2; round++) {
        predefine(&f, after, ARRAY_LEN(after));
        assert_int_equal(apply(&f), MQTTSN_OK);

        assert_string_equal(topic_of(&f, "n1", 1, &open), "new/one");
        assert_true(open);
        assert_string_equal(topic_of(&f, "n1", 2, &open), "");
        assert_string_equal(topic_of(&f, "n1", 3, &open), "new/three");
        assert_false(gw_policy_predefined_uses(&f.policy, 2));
        assert_int_equal(gw_names_find(&f.names, text("old/one")), 0);

        predefine(&f, before, ARRAY_LEN(before));
        assert_int_equal(apply(&f), MQTTSN_OK);

        assert_string_equal(topic_of(&f, "n1", 2, &open), "old/two");
        assert_string_equal(topic_of(&f, "n1", 3, &open), "");
        assert_int_equal(gw_names_find(&f.names, text("new/one")), 0);
    }
    assert_int_equal(f.policy.generation, 5);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_its_own_row_before_that_of_everybody),
        cmocka_unit_test(an_unknown_id_leaves_open_as_it_was),
        cmocka_unit_test(an_id_is_in_use_whoever_its_row_is_for),
        cmocka_unit_test(a_reload_replaces_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
