/* SPDX-License-Identifier: MIT */
/*
 * When a node was heard is nobody's record: signs of life, and messages that
 * nobody keeps, cost the store nothing, however many there are.
 */
#include "check.h"

#include "world.h"

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static unsigned records(struct world *w)
{
    unsigned count = 0;

    while (world_take(w, OUT_STORE, NULL) != NULL)
        count++;
    world_forget_outputs(w);
    return count;
}

static void signs_of_life_are_not_stored(void **unused)
{
    struct node n = world_node(1);
    struct world w;

    (void)unused;
    world_init(&w);
    w.fail = stop_test;
    w.options.durable = true;
    world_start(&w);
    world_send(&w, &n, sn_connect("n", 60, 0));
    assert_true(records(&w) > 0);
    for (unsigned i = 0; i < 100; i++) {
        world_until(&w, w.now + 30000);
        world_send(&w, &n, sn_pingreq(NULL));
        world_send(&w, &n, sn_publish(SN_SHORT, 0x6161, 0, "x"));
        world_message(&w, "zz", "x", 1, 0, false);
        assert_int_equal(records(&w), 0);
    }

    /* A waking for which nothing waits neither. */
    world_send(&w, &n, sn_disconnect(60));
    assert_true(records(&w) > 0);
    for (unsigned i = 0; i < 100; i++) {
        world_until(&w, w.now + 30000);
        world_send(&w, &n, sn_pingreq("n"));
        assert_int_equal(records(&w), 0);
    }
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_of_life_are_not_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
