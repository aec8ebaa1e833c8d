/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "filters.h"
#include "policy_fixture.h"

static uint32_t client(struct fixture *f, const char *id)
{
    uint32_t name = gw_names_intern(&f->names, text(id));

    assert_int_not_equal(name, 0);
    return name;
}

static bool takes_prefix(struct fixture *f, const char *prefix)
{
    enum mqttsn_status status;

    f->options.topic_prefix = prefix;
    status = apply(f);
    assert_true(status == MQTTSN_OK || status == MQTTSN_EINVAL);
    return status == MQTTSN_OK;
}

/* 'size' octets: levels of one octet, or one long level. */
static const char *prefix_of(char *buf, size_t size, bool levels)
{
    for (size_t i = 0; i < size; i++)
        buf[i] = levels && i % 2 != 0 ? '/' : 'a';
    buf[size - 1] = '/';
    buf[size] = '\0';
    return buf;
}

static void a_prefix_is_whole_levels_of_a_topic(void **unused)
{
    static const struct {
        const char *prefix;
        bool good;
    } rows[] = {
        {"a/", true},       {"/", true},
        {"a//b/", true},    {"dev-{client_id}/x/{client_id}/", true},
        {"{other}/", true}, {"$aws/rules/x/", true},
        {"", false},        {"a", false},
        {"a/b", false},     {"a/+/", false},
        {"#/", false},      {"a\n/", false},
        {"\xff/", false},   {"$share/g/", false},
    };
    char buf[GW_PREFIX_MAX + 2];
    struct fixture f;

    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].prefix);
        assert_int_equal(takes_prefix(&f, rows[i].prefix), rows[i].good);
    }
    CASE("length and levels");
    assert_true(takes_prefix(&f, prefix_of(buf, GW_PREFIX_MAX, false)));
    assert_false(takes_prefix(&f, prefix_of(buf, GW_PREFIX_MAX + 1, false)));
    assert_true(
        takes_prefix(&f, prefix_of(buf, 2 * GW_PREFIX_LEVELS_MAX, true)));
    assert_false(
        takes_prefix(&f, prefix_of(buf, 2 * GW_PREFIX_LEVELS_MAX + 2, true)));

    CASE("the gateway's own id must fit as well");
    f.options.upstream_client_id = "a/b";
    assert_true(takes_prefix(&f, "x/"));
    assert_false(takes_prefix(&f, "{client_id}/"));
    f.options.upstream_client_id = NULL;
    assert_false(takes_prefix(&f, "{client_id}/"));
    tear_down(&f);
}

static void a_topic_has_the_prefix_at_the_broker_and_loses_it_again(void **u)
{
    static const struct {
        const char *prefix, *id, *name, *mapped;
    } rows[] = {
        {"a/", "n1", "x/y", "a/x/y"},
        {"a/", "x/+", "x/y", "a/x/y"},
        {"/", "n1", "x", "/x"},
        {"{client_id}/", "n1", "x", "n1/x"},
        {"a/d-{client_id}-/", "n1", "/", "a/d-n1-//"},
        {"{client_id}/{client_id}{client_id}/", "n1", "x", "n1/n1n1/x"},
        {"a/{client_id}/", "{client_id}", "x", "a/{client_id}/x"},
    };
    struct mqttsn_span mapped, name;
    char buf[GW_NAME_MAX];
    struct fixture f;

    (void)u;
    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t id = client(&f, rows[i].id);

        CASE(rows[i].mapped);
        assert_true(takes_prefix(&f, rows[i].prefix));
        mapped = gw_policy_map(&f.policy, id, text(rows[i].name), buf);
        assert_true(mqttsn_span_equal(mapped, text(rows[i].mapped)));
        assert_true(gw_policy_unmap(&f.policy, mapped, &name));
        assert_true(mqttsn_span_equal(name, text(rows[i].name)));
        assert_int_equal(gw_policy_prefix_len(&f.policy, text(rows[i].id)),
                         mapped.len - strlen(rows[i].name));
        gw_names_unref(&f.names, id);
    }
    CASE("without one nothing is copied");
    assert_true(takes_prefix(&f, NULL));
    mapped = gw_policy_map(&f.policy, 0, text("x"), buf);
    assert_true(mapped.data != (const uint8_t *)buf);
    assert_true(gw_policy_unmap(&f.policy, text("x"), &name));
    assert_true(mqttsn_span_equal(name, text("x")));

    CASE("who has no id goes under the gateway's own");
    assert_true(takes_prefix(&f, "{client_id}/"));
    mapped = gw_policy_map(&f.policy, 0, text("x"), buf);
    assert_true(mqttsn_span_equal(mapped, text("mqttsn-gw/x")));
    tear_down(&f);
}

static void a_topic_without_the_prefix_is_nobodys(void **unused)
{
    static const struct {
        const char *prefix, *topic;
        bool ours;
    } rows[] = {
        {"a/b/", "a/b/c", true},
        {"a/b/", "a/b//", true},
        {"a/b/", "a/b/", false},
        {"a/b/", "a/b", false},
        {"a/b/", "a/bc/d", false},
        {"a/b/", "a", false},
        {"a/b/", "", false},
        {"a/{client_id}/", "a/n1/x", true},
        {"a/{client_id}/", "a/n1", false},
        {"a/{client_id}/", "a/n1/", false},
        {"a/{client_id}/", "a/", false},
        {"a/{client_id}/", "b/n1/x", false},
        {"{client_id}/b/", "n1/x", false},
        {"{client_id}/b/", "n1/b/x", true},
    };
    struct mqttsn_span name;
    struct fixture f;

    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].prefix);
        CASE(rows[i].topic);
        assert_true(takes_prefix(&f, rows[i].prefix));
        assert_int_equal(gw_policy_unmap(&f.policy, text(rows[i].topic), &name),
                         rows[i].ours);
    }
    tear_down(&f);
}

/* An id that is more than a part of one level would let its node reach what is
 * another's, at the door and everywhere else. */
static void a_client_id_stays_within_its_level(void **unused)
{
    static const char *const bad[] = {"a/b",  "/", "+",  "a+",       "#",
                                      "$SYS", "",  "\n", "a\xc2\x85"};
    const char *publish[] = {"own/{client_id}/#"};
    const char *subscribe[] = {"{client_id}/#"};
    struct fixture f;
    char buf[GW_NAME_MAX];

    (void)unused;
    set_up(&f);
    f.options.dollar_topics = true;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint32_t id = bad[i][0] != '\0' ? client(&f, bad[i]) : 0;
        char own[32];

        CASE(bad[i]);
        f.options.access_publish_count = f.options.access_subscribe_count = 0;
        assert_true(takes_prefix(&f, "x/"));
        assert_true(gw_policy_may_connect(&f.policy, text(bad[i])));
        assert_true(takes_prefix(&f, "x/{client_id}/"));
        assert_false(gw_policy_may_connect(&f.policy, text(bad[i])));
        if (id != 0) {
            assert_false(gw_policy_may_publish(&f.policy, id, text("t")));
            assert_false(gw_policy_may_subscribe(&f.policy, id, text("t")));
            assert_int_equal(gw_policy_map(&f.policy, id, text("t"), buf).len,
                             0);
        }

        f.options.access_publish = publish;
        f.options.access_subscribe = subscribe;
        f.options.access_publish_count = f.options.access_subscribe_count = 1;
        assert_true(takes_prefix(&f, NULL));
        assert_true(gw_policy_may_connect(&f.policy, text(bad[i])));
        if (id == 0)
            continue;
        snprintf(own, sizeof(own), "own/%s/x", bad[i]);
        assert_false(gw_policy_may_publish(&f.policy, id, text(own)));
        assert_false(gw_policy_may_publish(&f.policy, id, text("own/a/x")));
        snprintf(own, sizeof(own), "%s/x", bad[i]);
        assert_false(gw_policy_may_subscribe(&f.policy, id, text(own)));
        assert_false(gw_policy_may_subscribe(&f.policy, id, text("$SYS/x")));
        gw_names_unref(&f.names, id);
    }
    tear_down(&f);
}

static void a_name_is_bounded_with_the_prefix(void **unused)
{
    char prefix[GW_PREFIX_MAX + 1], name[GW_NAME_MAX + 1], buf[GW_NAME_MAX];
    char levels[2 * GW_FILTER_LEVELS_MAX + 1];
    uint32_t id;
    struct fixture f;

    (void)unused;
    set_up(&f);
    id = client(&f, "n123456789a"); /* as long as what it stands for */
    f.options.upstream_client_id = "gw-of-eleve";
    prefix_of(prefix, GW_PREFIX_MAX, false);
    memcpy(prefix, "{client_id}/", 12);
    assert_true(takes_prefix(&f, prefix));
    for (int over = 0; over < 2; over++) {
        size_t len = (size_t)(GW_NAME_MAX - GW_PREFIX_MAX + over);

        memset(name, 'a', len);
        assert_int_equal(
            gw_policy_may_publish(&f.policy, id, mqttsn_span(name, len)),
            !over);
        assert_int_equal(
            gw_policy_may_subscribe(&f.policy, id, mqttsn_span(name, len)),
            !over);
        assert_int_equal(
            gw_policy_map(&f.policy, id, mqttsn_span(name, len), buf).len,
            over ? 0 : GW_NAME_MAX);
    }
    CASE("an id that leaves no room is refused at the door");
    memset(name, 'i', 2 + (size_t)(GW_NAME_MAX - GW_PREFIX_MAX + 10));
    assert_true(gw_policy_may_connect(
        &f.policy,
        mqttsn_span(name, (size_t)(GW_NAME_MAX - GW_PREFIX_MAX) + 10)));
    assert_false(gw_policy_may_connect(
        &f.policy,
        mqttsn_span(name, (size_t)(GW_NAME_MAX - GW_PREFIX_MAX) + 11)));
    gw_names_unref(&f.names, id);

    CASE("levels");
    assert_true(takes_prefix(&f, "a/b/"));
    prefix_of(levels, 2 * (GW_FILTER_LEVELS_MAX - 2), true);
    assert_true(gw_policy_may_publish(
        &f.policy, 0, mqttsn_span(levels, 2 * (GW_FILTER_LEVELS_MAX - 2) - 1)));
    assert_false(gw_policy_may_publish(
        &f.policy, 0, mqttsn_span(levels, 2 * (GW_FILTER_LEVELS_MAX - 2))));
    tear_down(&f);
}

static void a_filter_with_the_id_allows_what_is_the_nodes_own(void **unused)
{
    const char *publish[] = {"never", "a/{client_id}", "x/+/{client_id}-/#"};
    static const struct {
        const char *id, *topic;
        bool allowed;
    } rows[] = {
        {"n1", "a/n1", true},        {"n1", "a/n2", false},
        {"n2", "a/n2", true},        {"n1", "a/{client_id}", false},
        {"n1", "x/y/n1-/z", true},   {"n1", "x/y/n1-", true},
        {"n1", "x/y/n12-/z", false}, {"n1", "never", true},
    };
    struct fixture f;

    (void)unused;
    set_up(&f);
    f.options.access_publish = f.options.access_subscribe = publish;
    f.options.access_publish_count = f.options.access_subscribe_count =
        ARRAY_LEN(publish);
    assert_int_equal(apply(&f), MQTTSN_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t id = client(&f, rows[i].id);

        CASE(rows[i].topic);
        assert_int_equal(
            gw_policy_may_publish(&f.policy, id, text(rows[i].topic)),
            rows[i].allowed);
        assert_int_equal(
            gw_policy_may_subscribe(&f.policy, id, text(rows[i].topic)),
            rows[i].allowed);
        gw_names_unref(&f.names, id);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_whole_levels_of_a_topic),
        cmocka_unit_test(
            a_topic_has_the_prefix_at_the_broker_and_loses_it_again),
        cmocka_unit_test(a_topic_without_the_prefix_is_nobodys),
        cmocka_unit_test(a_client_id_stays_within_its_level),
        cmocka_unit_test(a_name_is_bounded_with_the_prefix),
        cmocka_unit_test(a_filter_with_the_id_allows_what_is_the_nodes_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
