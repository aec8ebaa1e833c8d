/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "policy_fixture.h"

/* ---- settings per client --------------------------------------------------
 */

static void each_field_is_that_of_the_first_rule_that_has_it(void **unused)
{
    static const struct gw_client_rule rules[] = {
        {.pattern = "meter-*",
         .fields = GW_CLIENT_QUEUE_MAX_MESSAGES,
         .settings = {.queue_max_messages = 1, .queue_max_bytes = 111}},
        {.pattern = "*-7",
         .fields = GW_CLIENT_QUEUE_MAX_MESSAGES | GW_CLIENT_QUEUE_MAX_BYTES,
         .settings = {.queue_max_messages = 2, .queue_max_bytes = 222}},
        {.pattern = "*",
         .fields = GW_CLIENT_QUEUE_MAX_BYTES | GW_CLIENT_QUEUE_MAX_AGE |
                   GW_CLIENT_DROP_POLICY | GW_CLIENT_MAX_DATAGRAM |
                   GW_CLIENT_WILL | GW_CLIENT_NO_LOCAL,
         .settings = {.queue_max_bytes = 333,
                      .queue_max_age = 3000,
                      .max_datagram = 60,
                      .drop_policy = GW_DROP_NEWEST,
                      .will = GW_WILL_NEVER,
                      .no_local = true}},
        {.pattern = "meter-7",
         .fields = GW_CLIENT_QUEUE_MAX_MESSAGES,
         .settings = {.queue_max_messages = 4}},
    };
    static const struct {
        const char *client;
        uint32_t messages, bytes;
    } rows[] = {
        {"meter-7", 1, 222},
        {"meter-8", 1, 333},
        {"lamp-7", 2, 222},
        {"lamp-8", 100, 333},
    };
    struct fixture f;
    struct gw_client_settings s;

    (void)unused;
    set_up(&f);
    f.options.client_rules = rules;
    f.options.client_rule_count = ARRAY_LEN(rules);
    assert_int_equal(apply(&f), MQTTSN_OK);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].client);
        gw_policy_client(&f.policy, text(rows[i].client), &s);
        assert_int_equal(s.queue_max_messages, rows[i].messages);
        assert_int_equal(s.queue_max_bytes, rows[i].bytes);
        assert_int_equal(s.queue_max_age, 3000);
        assert_int_equal(s.max_datagram, 60);
        assert_int_equal(s.drop_policy, GW_DROP_NEWEST);
        assert_int_equal(s.will, GW_WILL_NEVER);
        assert_true(s.no_local);
    }
    tear_down(&f);
}

static void a_client_without_rule_has_the_global_settings(void **unused)
{
    struct fixture f;
    struct gw_client_settings s;

    (void)unused;
    set_up(&f);
    f.options.client.queue_max_age = 77;
    assert_int_equal(apply(&f), MQTTSN_OK);

    gw_policy_client(&f.policy, text("n1"), &s);

    assert_int_equal(s.max_datagram, 0);
    assert_int_equal(s.queue_max_messages, 100);
    assert_int_equal(s.queue_max_bytes, 65536);
    assert_int_equal(s.queue_max_age, 77);
    assert_int_equal(s.drop_policy, GW_DROP_OLDEST);
    tear_down(&f);
}

static void subscriptions_are_those_of_the_first_rule_that_has_any(void **u)
{
    static const struct gw_fixed_subscription some[] = {{"a/#", 1}, {"b", 0}};
    static const struct gw_fixed_subscription bad[] = {{"a/#/b", 1}};
    static const struct gw_client_rule rules[] = {
        {.pattern = "*", .fields = GW_CLIENT_DROP_POLICY},
        {.pattern = "m*",
         .fields = GW_CLIENT_SUBSCRIBE,
         .subscriptions = some,
         .subscription_count = 2},
        {.pattern = "n1", .fields = GW_CLIENT_SUBSCRIBE},
        {.pattern = "n*",
         .fields = GW_CLIENT_SUBSCRIBE,
         .subscriptions = some,
         .subscription_count = 1},
    };
    const struct gw_client_rule one[] = {{.pattern = "*",
                                          .fields = GW_CLIENT_SUBSCRIBE,
                                          .subscriptions = bad,
                                          .subscription_count = 1}};
    const struct gw_fixed_row *rows;
    struct fixture f;

    (void)u;
    set_up(&f);
    f.options.client_rules = rules;
    f.options.client_rule_count = ARRAY_LEN(rules);
    assert_int_equal(apply(&f), MQTTSN_OK);

    assert_int_equal(gw_policy_fixed(&f.policy, text("m1"), &rows), 2);
    assert_true(mqttsn_span_equal(gw_names_span(&f.names, rows[0].filter),
                                  text("a/#")));
    assert_int_equal(rows[0].qos, 1);
    assert_int_equal(rows[1].qos, 0);
    assert_int_equal(gw_policy_fixed(&f.policy, text("n1"), &rows), 0);
    assert_int_equal(gw_policy_fixed(&f.policy, text("n2"), &rows), 1);
    assert_int_equal(gw_policy_fixed(&f.policy, text("x"), &rows), 0);

    f.options.client_rules = one;
    f.options.client_rule_count = 1;
    assert_int_equal(apply(&f), MQTTSN_EINVAL);
    assert_int_equal(gw_policy_fixed(&f.policy, text("n2"), &rows), 1);
    tear_down(&f);
}

/* ---- what is refused ------------------------------------------------------
 */

static char long_name[GW_NAME_MAX + 2];
static const struct gw_predefined many[PREDEFINED_MAX + 1];
static const char *const many_filters[GW_ACCESS_FILTERS_MAX + 1];
static const struct gw_cidr many_cidrs[GW_FORWARDERS_MAX + 1];
static const struct gw_client_rule many_rules[GW_CLIENT_RULES_MAX + 1];
static const struct gw_listener_options many_listeners[GW_LISTENERS_MAX + 1];

#define ROWS(...)                                                              \
    .predefined = (const struct gw_predefined[]){__VA_ARGS__},                 \
    .predefined_count = sizeof((const struct gw_predefined[]){__VA_ARGS__}) /  \
                        sizeof(struct gw_predefined)
#define LISTENER(...)                                                          \
    .listeners = &(const struct gw_listener_options){__VA_ARGS__},             \
    .listener_count = 1
#define CIDR(...)                                                              \
    .qos_minus1_from = &(const struct gw_cidr){__VA_ARGS__},                   \
    .qos_minus1_from_count = 1
#define RULE(...)                                                              \
    .client_rules = &(const struct gw_client_rule){__VA_ARGS__},               \
    .client_rule_count = 1
#define FILTER(list, filter)                                                   \
    .list = (const char *const[]){filter}, .list##_count = 1

/* A good configuration with one thing wrong. */
struct fault {
    const char *why;
    enum mqttsn_status status;
    struct gw_options options; /* what is set here takes the place */
};

static const struct fault list_faults[] = {
    {"id 0", MQTTSN_EINVAL, {ROWS({NULL, "a", 0, false})}},
    {"id 65535", MQTTSN_EINVAL, {ROWS({NULL, "a", 65535, false})}},
    {"no topic", MQTTSN_EINVAL, {ROWS({NULL, NULL, 1, false})}},
    {"an empty topic", MQTTSN_EINVAL, {ROWS({NULL, "", 1, false})}},
    {"a wildcard", MQTTSN_EINVAL, {ROWS({NULL, "a/+", 1, false})}},
    {"no UTF-8", MQTTSN_EINVAL, {ROWS({NULL, "\xff", 1, false})}},
    {"a topic too long", MQTTSN_EINVAL, {ROWS({NULL, long_name, 1, false})}},
    {"an empty client id", MQTTSN_EINVAL, {ROWS({"", "a", 1, false})}},
    {"one id twice",
     MQTTSN_EINVAL,
     {ROWS({NULL, "a", 1, false}, {NULL, "b", 1, false})}},
    {"one id twice for one client",
     MQTTSN_EINVAL,
     {ROWS({"n1", "a", 1, false}, {"n2", "a", 1, false},
           {"n1", "a", 1, false})}},
    {"more rows than there is room for",
     MQTTSN_ENOSPACE,
     {.predefined = many, .predefined_count = ARRAY_LEN(many)}},
    {"no such filter", MQTTSN_EINVAL, {FILTER(access_publish, "a/#/b")}},
    {"an empty filter", MQTTSN_EINVAL, {FILTER(access_subscribe, "")}},
    {"a filter that is missing", MQTTSN_EINVAL, {FILTER(access_publish, NULL)}},
    {"too many filters",
     MQTTSN_ENOSPACE,
     {.access_publish = many_filters,
      .access_publish_count = ARRAY_LEN(many_filters)}},
    {"too many filters to subscribe",
     MQTTSN_ENOSPACE,
     {.access_subscribe = many_filters,
      .access_subscribe_count = ARRAY_LEN(many_filters)}},
    {"an address of no family", MQTTSN_EINVAL, {CIDR(.bits = 8)}},
    {"too many bits of IPv4", MQTTSN_EINVAL, {CIDR(.bits = 33, .family = 4)}},
    {"too many bits of IPv6", MQTTSN_EINVAL, {CIDR(.bits = 129, .family = 6)}},
    {"too many blocks",
     MQTTSN_ENOSPACE,
     {.qos_minus1_from = many_cidrs,
      .qos_minus1_from_count = GW_CIDRS_MAX + 1}},
    {"a rule without pattern", MQTTSN_EINVAL, {RULE(.pattern = NULL)}},
    {"a rule with an empty pattern", MQTTSN_EINVAL, {RULE(.pattern = "")}},
    {"a rule with no such will policy",
     MQTTSN_EINVAL,
     {RULE(.pattern = "*", .settings = {.will = (enum gw_will_policy)3})}},
    {"a rule with a subscription of QoS 3",
     MQTTSN_EINVAL,
     {RULE(.pattern = "*",
           .subscriptions = &(const struct gw_fixed_subscription){"a", 3},
           .subscription_count = 1)}},
    {"too many rules",
     MQTTSN_ENOSPACE,
     {.client_rules = many_rules, .client_rule_count = ARRAY_LEN(many_rules)}},
    {"a listener that takes nothing",
     MQTTSN_EINVAL,
     {LISTENER(.max_datagram = 0)}},
    {"a listener that takes more than UDP can carry",
     MQTTSN_EINVAL,
     {LISTENER(.max_datagram = 65536)}},
    {"a bad forwarder",
     MQTTSN_EINVAL,
     {LISTENER(.max_datagram = 1024, .forwarders = many_cidrs,
               .forwarder_count = 1)}},
    {"too many forwarders",
     MQTTSN_ENOSPACE,
     {LISTENER(.max_datagram = 1024, .forwarders = many_cidrs,
               .forwarder_count = GW_FORWARDERS_MAX + 1)}},
    {"too many listeners",
     MQTTSN_ENOSPACE,
     {.listeners = many_listeners,
      .listener_count = ARRAY_LEN(many_listeners)}},
};

static void use(struct gw_options *to, const struct gw_options *from)
{
#define USE(list)                                                              \
    if (from->list##_count != 0) {                                             \
        to->list = from->list;                                                 \
        to->list##_count = from->list##_count;                                 \
    }
    USE(access_publish)
    USE(access_subscribe)
    USE(qos_minus1_from)
#undef USE
    if (from->predefined_count != 0) {
        to->predefined = from->predefined;
        to->predefined_count = from->predefined_count;
    }
    if (from->client_rule_count != 0) {
        to->client_rules = from->client_rules;
        to->client_rule_count = from->client_rule_count;
    }
    if (from->listener_count != 0) {
        to->listeners = from->listeners;
        to->listener_count = from->listener_count;
    }
}

static const char *const good_publish[] = {"site/#", "$lamp"};
static const char *const good_subscribe[] = {"cmd/+"};
static const struct gw_predefined good_rows[] = {{NULL, "site/a", 1, true},
                                                 {"n1", "site/b", 2, false}};
static const struct gw_client_rule good_rules[] = {
    {.pattern = "n*",
     .fields = GW_CLIENT_MAX_DATAGRAM,
     .settings = {.max_datagram = 99}}};
static const struct gw_cidr good_cidrs[] = {
    {.ip = {10, 1}, .bits = 16, .family = 4}};
static const struct gw_listener_options good_listeners[] = {
    {.max_datagram = 512, .forwarders = good_cidrs, .forwarder_count = 1}};

static void set_up_good(struct fixture *f, uint64_t names_bytes)
{
    set_up_with(f, names_bytes);
    f->options.gw_id = 7;
    f->options.upstream_client_id = "gw-1";
    f->options.access_publish = good_publish;
    f->options.access_publish_count = ARRAY_LEN(good_publish);
    f->options.access_subscribe = good_subscribe;
    f->options.access_subscribe_count = ARRAY_LEN(good_subscribe);
    f->options.client_rules = good_rules;
    f->options.client_rule_count = ARRAY_LEN(good_rules);
    f->options.qos_minus1_from = good_cidrs;
    f->options.qos_minus1_from_count = ARRAY_LEN(good_cidrs);
    f->options.listeners = good_listeners;
    f->options.listener_count = ARRAY_LEN(good_listeners);
    predefine(f, good_rows, ARRAY_LEN(good_rows));
    assert_int_equal(apply(f), MQTTSN_OK);
}

static void assert_good_is_in_force(const struct fixture *f)
{
    struct gw_client_settings s;
    struct gw_addr near = v4(10, 1, 2, 3), far = v4(10, 2, 2, 3);
    bool open = false;

    assert_int_equal(f->policy.options.gw_id, 7);
    assert_int_equal(f->policy.generation, 1);
    assert_true(mqttsn_span_equal(gw_names_span(&f->names, f->policy.client_id),
                                  text("gw-1")));
    assert_true(gw_policy_may_publish(&f->policy, 0, text("site/a")));
    assert_false(gw_policy_may_publish(&f->policy, 0, text("other")));
    assert_true(gw_policy_may_subscribe(&f->policy, 0, text("cmd/a")));
    assert_false(gw_policy_may_subscribe(&f->policy, 0, text("site/a")));
    gw_policy_client(&f->policy, text("n1"), &s);
    assert_int_equal(s.max_datagram, 99);
    assert_true(gw_policy_qos_minus1_source(&f->policy, &near));
    assert_false(gw_policy_qos_minus1_source(&f->policy, &far));
    assert_true(gw_policy_forwarder(&f->policy, 0, &near));
    assert_int_equal(f->policy.options.listeners[0].max_datagram, 512);
    assert_string_equal(topic_of(f, "n1", 2, &open), "site/b");
    assert_false(open);
    assert_string_equal(topic_of(f, "n1", 1, &open), "site/a");
    assert_true(open);
}

static void what_is_refused_leaves_the_old_in_force(void **unused)
{
    struct fixture f;
    uint32_t names;

    (void)unused;
    memset(long_name, 'a', sizeof(long_name) - 1);
    set_up_good(&f, 256 * 1024);
    names = f.names.used_names;
    for (size_t i = 0; i < ARRAY_LEN(list_faults); i++) {
        struct gw_options good = f.options;

        CASE(list_faults[i].why);
        f.options.gw_id = 8;
        f.options.upstream_client_id = "gw-2";
        use(&f.options, &list_faults[i].options);
        assert_int_equal(apply(&f), list_faults[i].status);
        f.options = good;

        assert_int_equal(f.names.used_names, names);
        assert_good_is_in_force(&f);
    }
    assert_int_equal(apply(&f), MQTTSN_OK);
    tear_down(&f);
}

static void a_value_out_of_range_leaves_the_old_in_force(void **unused)
{
    struct fixture f;

    (void)unused;
    set_up_good(&f, 256 * 1024);
#define REFUSED(member, value)                                                 \
    do {                                                                       \
        struct gw_options good = f.options;                                    \
        CASE(#member " = " #value);                                            \
        f.options.member = value;                                              \
        assert_int_equal(apply(&f), MQTTSN_EINVAL);                            \
        f.options = good;                                                      \
        assert_good_is_in_force(&f);                                           \
    } while (0)
    REFUSED(gw_id, 0);
    REFUSED(retry_interval, 0);
    REFUSED(retry_interval, MQTTSN_NEVER);
    REFUSED(idle_max, 0);
    REFUSED(idle_max, MQTTSN_NEVER);
    REFUSED(session_expiry, 0);
    REFUSED(session_expiry, MQTTSN_NEVER);
    REFUSED(awake_max_time, MQTTSN_NEVER);
    REFUSED(client_congestion_wait, MQTTSN_NEVER);
    REFUSED(retain_settle, MQTTSN_NEVER);
    REFUSED(upstream_timeout, MQTTSN_NEVER);
    REFUSED(upstream_down_max, MQTTSN_NEVER);
    REFUSED(client.queue_max_age, MQTTSN_NEVER);
    REFUSED(max_client_id, 0);
    REFUSED(max_client_id, GW_NAMES_LONGEST + 1);
    REFUSED(max_topics_per_client, 65535);
    REFUSED(client_inflight_max, 0);
    REFUSED(window, 0);
    REFUSED(qos2_window, 0);
    REFUSED(max_qos, 0);
    REFUSED(max_qos, 3);
    REFUSED(broker_retain, (enum gw_broker_retain)3);
    REFUSED(publish_rate, 1000001);
    REFUSED(uplink_drain_rate, 1000001);
    REFUSED(uplink_drop_policy, GW_DROP_LATEST_PER_TOPIC);
    REFUSED(mode, (enum gw_upstream_mode)2);
    REFUSED(rebind_on_ping, (enum gw_rebind)3);
    REFUSED(overlapping, (enum gw_overlapping)3);
    REFUSED(client.drop_policy, (enum gw_drop_policy)3);
    REFUSED(upstream_client_id, "");
#undef REFUSED
    tear_down(&f);
}

static void without_room_for_its_names_the_old_stays_in_force(void **unused)
{
    static char topics[PREDEFINED_MAX][GW_NAME_MAX + 1];
    struct gw_predefined rows[PREDEFINED_MAX];
    struct fixture f;
    uint32_t names;

    (void)unused;
    for (size_t i = 0; i < PREDEFINED_MAX; i++) {
        memset(topics[i], 'a' + (int)i, GW_NAME_MAX);
        rows[i] =
            (struct gw_predefined){NULL, topics[i], (uint16_t)(i + 1), false};
    }
    set_up_good(&f, 16 * 1024); /* two of these in a page of 4 KiB */
    names = f.names.used_names;
    predefine(&f, rows, PREDEFINED_MAX);

    assert_int_equal(apply(&f), MQTTSN_ENOSPACE);

    assert_int_equal(f.names.used_names, names);
    assert_good_is_in_force(&f);
    tear_down(&f);
}

static void a_policy_keeps_nothing_that_it_was_lent(void **unused)
{
    struct fixture f;
    char topic[] = "site/x", pattern[] = "x*", filter[] = "x/#", id[] = "gw-x";
    const char *filters[] = {filter};
    struct gw_predefined row = {NULL, topic, 9, true};
    struct gw_client_rule rule = {.pattern = pattern,
                                  .fields = GW_CLIENT_MAX_DATAGRAM,
                                  .settings = {.max_datagram = 9}};
    struct gw_cidr cidr = {.ip = {10}, .bits = 8, .family = 4};
    struct gw_listener_options listener = {
        .max_datagram = 77, .forwarders = &cidr, .forwarder_count = 1};
    struct gw_addr inside = v4(10, 9, 9, 9);
    struct gw_client_settings s;
    bool open = false;

    (void)unused;
    set_up(&f);
    f.options.access_publish = filters;
    f.options.access_publish_count = 1;
    f.options.client_rules = &rule;
    f.options.client_rule_count = 1;
    f.options.qos_minus1_from = &cidr;
    f.options.qos_minus1_from_count = 1;
    f.options.listeners = &listener;
    f.options.listener_count = 1;
    f.options.upstream_client_id = id;
    predefine(&f, &row, 1);
    assert_int_equal(apply(&f), MQTTSN_OK);

    memset(topic, '-', sizeof(topic) - 1);
    memset(pattern, '-', sizeof(pattern) - 1);
    memset(filter, '-', sizeof(filter) - 1);
    memset(id, '-', sizeof(id) - 1);
    memset(filters, 0, sizeof(filters));
    memset(&row, 0, sizeof(row));
    memset(&rule, 0, sizeof(rule));
    memset(&cidr, 0, sizeof(cidr));
    memset(&listener, 0, sizeof(listener));

    assert_string_equal(topic_of(&f, NULL, 9, &open), "site/x");
    assert_true(open);
    assert_true(gw_policy_may_publish(&f.policy, 0, text("x/y")));
    gw_policy_client(&f.policy, text("x1"), &s);
    assert_int_equal(s.max_datagram, 9);
    assert_true(gw_policy_qos_minus1_source(&f.policy, &inside));
    assert_true(gw_policy_forwarder(&f.policy, 0, &inside));
    assert_int_equal(f.policy.options.listeners[0].max_datagram, 77);
    assert_true(mqttsn_span_equal(gw_names_span(&f.names, f.policy.client_id),
                                  text("gw-x")));
    tear_down(&f);
}

static void without_listeners_there_is_one(void **unused)
{
    struct fixture f;

    (void)unused;
    set_up(&f);
    assert_int_equal(apply(&f), MQTTSN_OK);

    assert_int_equal(f.policy.options.listener_count, 1);
    assert_int_equal(f.policy.options.listeners[0].port, 1883);
    assert_int_equal(f.policy.options.listeners[0].max_datagram, 1024);
    assert_false(f.policy.options.listeners[0].discovery);
    tear_down(&f);
}

/* ---- defaults --------------------------------------------------------------
 */

static void the_defaults_are_those_of_the_manual(void **unused)
{
    struct gw_limits l;
    struct gw_options o;

    (void)unused;
    gw_limits_default(&l);
    gw_options_default(&o);

    assert_int_equal(l.max_sessions, 10000);
    assert_int_equal(l.queue_total_bytes, 16 * 1024 * 1024);
    assert_int_equal(o.retry_interval, 10000);
    assert_int_equal(o.retry_count, 3);
    assert_int_equal(o.max_topics_per_client, 512);
    assert_int_equal(o.client.queue_max_messages, 100);
    assert_int_equal(o.client.queue_max_bytes, 64 * 1024);
    assert_int_equal(o.client.queue_max_age, 0);
    assert_int_equal(o.client.drop_policy, GW_DROP_OLDEST);
    assert_int_equal(o.session_expiry, 7ull * 24 * 3600 * 1000);
    assert_int_equal(o.upstream_timeout, 30000);
    assert_false(o.qos_minus1_short);
    assert_false(o.dollar_topics);
    assert_int_equal(o.rebind_on_ping, GW_REBIND_SAME_HOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_that_of_the_first_rule_that_has_it),
        cmocka_unit_test(a_client_without_rule_has_the_global_settings),
        cmocka_unit_test(
            subscriptions_are_those_of_the_first_rule_that_has_any),
        cmocka_unit_test(what_is_refused_leaves_the_old_in_force),
        cmocka_unit_test(a_value_out_of_range_leaves_the_old_in_force),
        cmocka_unit_test(without_room_for_its_names_the_old_stays_in_force),
        cmocka_unit_test(a_policy_keeps_nothing_that_it_was_lent),
        cmocka_unit_test(without_listeners_there_is_one),
        cmocka_unit_test(the_defaults_are_those_of_the_manual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
