/* SPDX-License-Identifier: MIT */
/*
 * The broker side has kept the number of a publish whose own record is not
 * there: it was refused, or is forgotten already. No other publish may get
 * that number, or the outcome of the one would pass for that of the other.
 */
#include "check.h"

#include "world.h"

static uint32_t numbers[2]; /* what the broker side asks for; 0: nothing */

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void ask(struct world *w, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(numbers) && numbers[i] != 0; i++)
        assert_int_equal(gw_engine_held(w->engine, 0, numbers[i]), 0);
}

static void start(struct world *w, uint32_t first, uint32_t second)
{
    world_init(w);
    w->fail = stop_test;
    w->options.durable = true;
    numbers[0] = first;
    numbers[1] = second;
    w->before_restored = ask;
    world_start(w);
    world_restart(w);
    world_connected(w, true);
}

/* The number under which the next publish of a new node is known. */
static uint32_t next_number(struct world *w, unsigned k)
{
    struct node n = world_node(k);
    char id[8];
    struct output *out;

    snprintf(id, sizeof(id), "n%u", k);
    world_send(w, &n, sn_connect(id, 600, 0));
    world_send(w, &n, sn_publish(SN_QOS2 | SN_SHORT, 0x6161, 1, "x"));
    out = world_take(w, OUT_UPSTREAM, NULL);
    assert_non_null(out);
    assert_int_equal(out->up.kind, GW_UP_PUBLISH);
    world_result(w, out->up.token, GW_UP_DONE, 0);
    return out->up.item;
}

static void a_number_that_is_lost_is_not_given_again(void **unused)
{
    struct world w;

    (void)unused;
    start(&w, 41, 7);
    assert_int_equal(next_number(&w, 1), 42);
    assert_int_equal(next_number(&w, 2), 43);
    world_stop(&w);
}

/* Numbers begin anew at the end; 0 is none. */
static void after_the_last_number_comes_the_first(void **unused)
{
    struct world w;

    (void)unused;
    start(&w, UINT32_MAX, 0);
    assert_int_equal(next_number(&w, 1), 1);
    world_stop(&w);
}

static void what_is_asked_for_by_no_number_changes_nothing(void **unused)
{
    struct world w;

    (void)unused;
    start(&w, 0, 0);
    assert_int_equal(gw_engine_held(w.engine, 0, 0), 0);
    assert_int_equal(next_number(&w, 1), 1);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_that_is_lost_is_not_given_again),
        cmocka_unit_test(after_the_last_number_comes_the_first),
        cmocka_unit_test(what_is_asked_for_by_no_number_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
