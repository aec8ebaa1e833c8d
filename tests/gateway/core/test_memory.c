/* SPDX-License-Identifier: MIT */
/*
 * The memory of the engine: what it takes when it is made, that it may fail at
 * each step of that, and that this is all. The linker lays the allocator in our
 * hands (--wrap).
 */
#include <stdlib.h>

#include "check.h"

#include "engine.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);

enum { NEVER = -1 };

static int fail_at = NEVER; /* counts down; this one fails and all after it */
static bool counting;
static unsigned taken, given;
static uint64_t octets;

/* More is never there. */
#define MACHINE_OCTETS ((uint64_t)1 << 30)

static bool is_refused(uint64_t size)
{
    if (counting && size > MACHINE_OCTETS)
        return true;
    if (!counting || fail_at == NEVER)
        return false;
    if (fail_at > 0) {
        fail_at--;
        return false;
    }
    return true;
}

static void *note(void *block, size_t size)
{
    if (counting && block != NULL) {
        taken++;
        octets += size;
    }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return is_refused(size) ? NULL : note(__real_malloc(size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused((uint64_t)count * size)
               ? NULL
               : note(__real_calloc(count, size), count * size);
}

void __wrap_free(void *block)
{
    if (counting && block != NULL)
        given++;
    __real_free(block);
}

static struct gw_limits small_limits(void)
{
    struct gw_limits limits;

    gw_limits_default(&limits);
    limits.max_sessions = limits.max_topics = limits.max_subscriptions = 8;
    limits.max_exchanges = limits.max_queue_entries = 8;
    limits.max_predefined = 2;
    limits.queue_total_bytes = limits.uplink_total_bytes = 4096;
    limits.names_total_bytes = 65536;
    return limits;
}

static enum mqttsn_status make(const struct gw_limits *limits, int failing,
                               struct gw_engine **ret)
{
    static const uint8_t seed[16] = {1};
    struct gw_options options;
    enum mqttsn_status status;

    gw_options_default(&options);
    taken = given = 0;
    octets = 0;
    fail_at = failing;
    counting = true;
    status = gw_engine_new(limits, &options, seed, 0, ret);
    counting = false;
    return status;
}

static void let_go(struct gw_engine *engine)
{
    counting = true;
    gw_engine_free(engine);
    counting = false;
}

static void an_engine_that_gets_no_memory_leaves_nothing_behind(void **unused)
{
    struct gw_limits limits = small_limits();
    struct gw_engine *engine = NULL;
    unsigned steps;

    (void)unused;
    assert_int_equal(make(&limits, NEVER, &engine), MQTTSN_OK);
    steps = taken;
    let_go(engine);
    assert_int_equal(taken, given);
    assert_true(steps > 20);
    for (unsigned at = 0; at < steps; at++) {
        engine = NULL;
        assert_int_equal(make(&limits, (int)at, &engine), MQTTSN_ENOSPACE);
        assert_null(engine);
        assert_int_equal(taken, at);
        assert_int_equal(given, at);
    }
}

static void it_says_beforehand_how_much_it_will_take(void **unused)
{
    struct gw_limits limits = small_limits();

    (void)unused;
    for (unsigned i = 0; i < 6; i++) {
        struct gw_engine *engine = NULL;
        uint64_t said = gw_engine_size(&limits);

        assert_int_equal(make(&limits, NEVER, &engine), MQTTSN_OK);
        let_go(engine);
        /* An upper bound, and not one that would frighten anybody. */
        assert_true(octets <= said);
        assert_true(said < octets + octets / 4 + 1048576);
        limits.max_sessions *= 3;
        limits.max_topics *= 5;
        limits.max_queue_entries *= 4;
        limits.queue_total_bytes *= 3;
        limits.names_total_bytes *= 2;
    }
}

static void a_table_without_places_is_refused(void **unused)
{
    struct gw_limits good = small_limits();
    struct gw_limits bad[8];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = good;
    bad[0].max_sessions = 0;
    bad[1].max_topics = 0;
    bad[2].max_subscriptions = 0;
    bad[3].max_exchanges = 0;
    bad[4].max_queue_entries = 0;
    bad[5].queue_total_bytes = 0;
    bad[6].uplink_total_bytes = 0;
    bad[7].names_total_bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct gw_engine *engine = NULL;

        assert_int_equal(make(&bad[i], NEVER, &engine), MQTTSN_EINVAL);
        assert_null(engine);
        assert_int_equal(taken, 0);
    }
}

static void nor_is_one_beyond_all_numbers(void **unused)
{
    struct gw_limits bad[3];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = small_limits();
    bad[0].queue_total_bytes = UINT64_MAX / 2;
    bad[1].names_total_bytes = UINT64_MAX / 2;
    bad[2].max_predefined = UINT32_MAX;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct gw_engine *engine = NULL;

        assert_int_equal(make(&bad[i], NEVER, &engine), MQTTSN_ENOSPACE);
        assert_null(engine);
        assert_int_equal(taken, given);
    }
}

static enum mqttsn_status made_with(const struct gw_options *options)
{
    static const uint8_t seed[16] = {1};
    struct gw_limits limits = small_limits();
    struct gw_engine *engine = NULL;
    enum mqttsn_status status;

    status = gw_engine_new(&limits, options, seed, 0, &engine);
    gw_engine_free(engine);
    return status;
}

#define REFUSED(change)                                                        \
    do {                                                                       \
        struct gw_options bad = good;                                          \
        bad.change;                                                            \
        assert_int_equal(made_with(&bad), MQTTSN_EINVAL);                      \
    } while (0)

static void an_option_out_of_its_range_is_refused(void **unused)
{
    const struct gw_listener_options never = {.max_datagram = 1024,
                                              .advertise_interval = UINT64_MAX};
    const struct gw_client_rule rule = {
        .pattern = "*",
        .fields = GW_CLIENT_DROP_POLICY,
        .settings = {.drop_policy = (enum gw_drop_policy)9}};
    struct gw_options good, with;

    (void)unused;
    gw_options_default(&good);
    assert_int_equal(made_with(&good), MQTTSN_OK);
    REFUSED(gw_id = 0);
    REFUSED(client.drop_policy = (enum gw_drop_policy)9);
    REFUSED(uplink_drop_policy = (enum gw_drop_policy)9);
    REFUSED(client.queue_max_age = UINT64_MAX);
    REFUSED(uplink_max_age = UINT64_MAX);
    with = good;
    with.listeners = &never;
    with.listener_count = 1;
    assert_int_equal(made_with(&with), MQTTSN_EINVAL);
    with = good;
    with.client_rules = &rule;
    with.client_rule_count = 1;
    assert_int_equal(made_with(&with), MQTTSN_EINVAL);
}

static void a_durable_store_needs_room_for_the_uplink(void **unused)
{
    struct gw_limits bad[3];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        static const uint8_t seed[16] = {1};
        struct gw_engine *engine = NULL;
        struct gw_options options;

        bad[i] = small_limits();
        bad[i].uplink_max_messages = 4;
        bad[i].uplink_max_bytes = bad[i].uplink_total_bytes;
        gw_options_default(&options);
        options.durable = true;
        assert_int_equal(gw_engine_new(&bad[i], &options, seed, 0, &engine),
                         MQTTSN_OK);
        gw_engine_free(engine);
        engine = NULL;
        if (i == 0)
            bad[i].uplink_max_messages = 0;
        else if (i == 1)
            bad[i].uplink_max_bytes = 0;
        else
            bad[i].uplink_max_bytes++;
        assert_int_equal(gw_engine_new(&bad[i], &options, seed, 0, &engine),
                         MQTTSN_EINVAL);
        assert_null(engine);
    }
}

static void connections_for_nodes_need_numbers_and_no_store(void **unused)
{
    static const uint8_t seed[16] = {1};
    static const struct {
        uint32_t max_connections;
        bool durable;
        enum mqttsn_status status;
    } rows[] = {{4, false, MQTTSN_OK},
                {65535, false, MQTTSN_OK},
                {0, false, MQTTSN_EINVAL},
                {65536, false, MQTTSN_EINVAL},
                {4, true, MQTTSN_EINVAL}};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_limits limits = small_limits();
        struct gw_engine *engine = NULL;
        struct gw_options options;

        limits.max_connections = rows[i].max_connections;
        limits.uplink_max_messages = 4;
        limits.uplink_max_bytes = limits.uplink_total_bytes;
        gw_options_default(&options);
        options.mode = GW_MODE_TRANSPARENT;
        options.durable = rows[i].durable;
        assert_int_equal(gw_engine_new(&limits, &options, seed, 0, &engine),
                         rows[i].status);
        gw_engine_free(engine);
    }
}

static void what_holds_as_long_as_an_engine_cannot_be_changed(void **unused)
{
    static const uint8_t seed[16] = {1};
    struct gw_limits limits = small_limits();
    struct gw_options options, other;
    struct gw_engine *engine = NULL;

    (void)unused;
    gw_options_default(&options);
    options.topic_prefix = "a/";
    assert_int_equal(gw_engine_new(&limits, &options, seed, 0, &engine),
                     MQTTSN_OK);
    assert_int_equal(gw_engine_reconfigure(engine, &options, 0), MQTTSN_OK);
    other = options;
    other.topic_prefix = "b/";
    assert_int_equal(gw_engine_reconfigure(engine, &other, 0), MQTTSN_EINVAL);
    other.topic_prefix = NULL;
    assert_int_equal(gw_engine_reconfigure(engine, &other, 0), MQTTSN_EINVAL);
    other = options;
    other.mode = GW_MODE_TRANSPARENT;
    assert_int_equal(gw_engine_reconfigure(engine, &other, 0), MQTTSN_EINVAL);
    other = options;
    other.durable = true; /* there is no room for what it would take over */
    assert_int_equal(gw_engine_reconfigure(engine, &other, 0), MQTTSN_EINVAL);
    gw_engine_free(engine);
}

static void no_engine_may_be_let_go_too(void **unused)
{
    (void)unused;
    gw_engine_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_gets_no_memory_leaves_nothing_behind),
        cmocka_unit_test(it_says_beforehand_how_much_it_will_take),
        cmocka_unit_test(a_table_without_places_is_refused),
        cmocka_unit_test(nor_is_one_beyond_all_numbers),
        cmocka_unit_test(an_option_out_of_its_range_is_refused),
        cmocka_unit_test(a_durable_store_needs_room_for_the_uplink),
        cmocka_unit_test(connections_for_nodes_need_numbers_and_no_store),
        cmocka_unit_test(what_holds_as_long_as_an_engine_cannot_be_changed),
        cmocka_unit_test(no_engine_may_be_let_go_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
