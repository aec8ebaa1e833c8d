/* SPDX-License-Identifier: MIT */
/*
 * What comes too late, twice, or for nobody: results of the broker side and of
 * the store that belong to nothing, and records of what is gone by the time
 * the store takes them.
 */
#include <stdlib.h>

#include "check.h"

#include "world.h"

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void start(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
    world_start(w);
}

static struct output *taken_upstream(struct world *w)
{
    struct output *out = world_take(w, OUT_UPSTREAM, NULL);

    if (out == NULL)
        world_fail(w, "nothing for the broker");
    return out;
}

/* As world_snapshot, which is what the engine tells about itself. */
static void assert_same(struct world *w, char *before)
{
    char *after = world_snapshot(w);

    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void connect_node(struct world *w, const struct node *n, const char *id,
                         uint8_t flags)
{
    world_send(w, n, sn_connect(id, 600, flags));
    world_forget_outputs(w);
}

static void a_result_of_nothing_changes_nothing(void **unused)
{
    static const enum gw_up_outcome outcomes[] = {GW_UP_DONE, GW_UP_REJECTED,
                                                  GW_UP_QUOTA, GW_UP_UNSENT};
    struct node n1 = world_node(1);
    struct world w;
    uint64_t token;

    (void)unused;
    start(&w);
    connect_node(&w, &n1, "n1", 0);
    world_send(&w, &n1, sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 1, "x"));
    token = taken_upstream(&w)->up.token;
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        const uint64_t others[] = {
            0,                         /* of no kind */
            token ^ (uint64_t)1 << 32, /* of another generation */
            (token >> 32) << 32,       /* of no exchange */
            token | 0x7fffff,          /* of one that never was */
            token | (uint64_t)0x7f << 56,
        };

        for (size_t k = 0; k < ARRAY_LEN(others); k++) {
            char *before = world_snapshot(&w);

            world_result(&w, others[k], outcomes[i], 0);
            assert_same(&w, before);
            assert_null(world_peek(&w, OUT_DATAGRAM, NULL));
        }
    }
    world_result(&w, token, GW_UP_DONE, 0);
    assert_non_null(world_take(&w, OUT_DATAGRAM, &n1));
    world_result(&w, token, GW_UP_DONE, 0); /* once more */
    assert_null(world_peek(&w, OUT_DATAGRAM, NULL));
    world_stop(&w);
}

static void nor_does_the_store_for_what_it_was_not_given(void **unused)
{
    struct node n1 = world_node(1);
    struct world w;
    uint64_t op;
    char *before;

    (void)unused;
    start(&w);
    connect_node(&w, &n1, "n1", 0);
    w.store_mode = STORE_HELD;
    world_send(&w, &n1, sn_register(0, 1, "a/b"));
    assert_true(w.waiting_count > 0);
    op = w.waiting_ops[w.waiting_count - 1];
    before = world_snapshot(&w);
    gw_engine_on_stored(w.engine, 0, true, w.now);
    gw_engine_on_stored(w.engine, op + 1, true, w.now);
    gw_engine_on_stored(w.engine, UINT64_MAX, false, w.now);
    world_pump(&w);
    assert_same(&w, before);
    assert_null(world_peek(&w, OUT_DATAGRAM, NULL));
    while (w.waiting_count > 0)
        world_stored(&w, 0, true);
    world_pump(&w);
    assert_non_null(world_peek(&w, OUT_DATAGRAM, &n1));
    before = world_snapshot(&w);
    gw_engine_on_stored(w.engine, op, false, w.now); /* once more */
    world_pump(&w);
    assert_same(&w, before);
    world_stop(&w);
}

/* Each kind of record waits for the store when its node begins anew, clean. */
static void what_is_gone_is_not_kept(void **unused)
{
    struct node n1 = world_node(1);
    struct world w;

    (void)unused;
    start(&w);
    w.blocked = SINK_STORE;
    world_send(&w, &n1, sn_connect("n1", 600, SN_WILL));
    world_send(&w, &n1, sn_willtopic(SN_WILLTOPIC, SN_QOS1, "w"));
    world_send(&w, &n1, sn_willmsg(SN_WILLMSG, "gone"));
    w.blocked = 0;
    world_pump(&w); /* CONNACK waits for its record */
    world_send(&w, &n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 2, "d/#"));
    w.blocked = SINK_STORE;
    world_result(&w, taken_upstream(&w)->up.token, GW_UP_DONE, 1);
    world_send(&w, &n1, sn_willmsg(SN_WILLMSGUPD, "really gone"));
    world_send(&w, &n1, sn_register(0, 1, "t/1"));
    world_message(&w, "d/1", "1", 1, 1, false);
    world_send(&w, &n1, sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 3, "x"));
    world_send(&w, &n1, sn_publish(SN_QOS2 | SN_SHORT, 0x6162, 4, "x"));
    world_send(&w, &n1, sn_connect("n1", 600, SN_CLEAN));
    world_forget_outputs(&w);
    w.blocked = 0;
    world_pump(&w);
    for (size_t i = 0; i < w.records.count; i++) {
        uint8_t kind = w.records.rows[i].kind;

        /* The session that is there, and what is with the broker. */
        assert_true(kind == GW_RECORD_SESSION || kind == GW_RECORD_EXCHANGE ||
                    kind == GW_RECORD_FILTER);
    }
    world_restart(&w);
    world_stop(&w);
}

static void a_buffer_that_is_too_small_is_not_written(void **unused)
{
    struct node n1 = world_node(1);
    struct gw_up_action action;
    struct world w;
    uint8_t buf[8];

    (void)unused;
    start(&w);
    connect_node(&w, &n1, "n1", 0);
    w.blocked = SINK_UPSTREAM;
    world_send(&w, &n1, sn_publish(SN_QOS1 | SN_SHORT, 0x6162, 1, "x"));
    assert_false(gw_engine_poll_upstream(w.engine, w.now,
                                         GW_UP_CONTROL | GW_UP_DATA, buf,
                                         sizeof(buf), &action));
    w.blocked = 0;
    world_pump(&w);
    assert_int_equal(taken_upstream(&w)->up.kind, GW_UP_PUBLISH);
    world_stop(&w);
}

static void an_end_is_announced_once(void **unused)
{
    struct node n1 = world_node(1), n2 = world_node(2);
    uint64_t wills = 0;
    struct world w;

    (void)unused;
    world_init(&w);
    w.fail = stop_test;
    w.options.will_on_shutdown = true;
    world_start(&w);
    world_send(&w, &n1, sn_connect("n1", 600, SN_WILL));
    world_send(&w, &n1, sn_willtopic(SN_WILLTOPIC, 0, "w"));
    world_send(&w, &n1, sn_willmsg(SN_WILLMSG, "gone"));
    connect_node(&w, &n2, "n2", 0);
    world_send(&w, &n2, sn_disconnect(-1));
    gw_engine_shutdown(w.engine, w.now);
    gw_engine_shutdown(w.engine, w.now);
    world_pump(&w);
    assert_true(world_counter(&w, "wills_published", &wills));
    assert_int_equal(wills, 1);
    world_stop(&w);
}

/* The broker names a number below ours, and one above. */
static void the_smaller_window_counts(void **unused)
{
    static const uint16_t most[] = {0, 1, 2, 65535};
    static const unsigned handed[] = {3, 1, 2, 3};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(most); i++) {
        struct gw_up_event event = {.kind = GW_UP_CONNECTED};
        struct node n1 = world_node(1);
        unsigned count = 0;
        struct world w;

        world_init(&w);
        w.fail = stop_test;
        w.options.window = 3;
        w.start_offline = true;
        world_start(&w);
        event.connected.receive_maximum = most[i];
        gw_engine_on_upstream(w.engine, &event, w.now);
        world_pump(&w);
        connect_node(&w, &n1, "n1", 0);
        for (uint16_t msg = 1; msg <= 5; msg++)
            world_send(&w, &n1,
                       sn_publish(SN_QOS1 | SN_SHORT, 0x6162, msg, "x"));
        while (world_take(&w, OUT_UPSTREAM, NULL) != NULL)
            count++;
        assert_int_equal(count, handed[i]);
        world_stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_of_nothing_changes_nothing),
        cmocka_unit_test(nor_does_the_store_for_what_it_was_not_given),
        cmocka_unit_test(what_is_gone_is_not_kept),
        cmocka_unit_test(a_buffer_that_is_too_small_is_not_written),
        cmocka_unit_test(an_end_is_announced_once),
        cmocka_unit_test(the_smaller_window_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
