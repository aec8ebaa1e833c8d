/* SPDX-License-Identifier: MIT */
#include "io/memory_store.h"

#include "check.h"

static unsigned woken;

static void wake(void *user)
{
    (void)user;
    woken++;
}

static struct gw_store *open_store(uv_loop_t *loop)
{
    struct gw_store *store = NULL;

    woken = 0;
    assert_int_equal(uv_loop_init(loop), 0);
    assert_int_equal(gw_memory_store_new(loop, &store), MQTTSN_OK);
    store->wake = wake;
    return store;
}

static void close_store(struct gw_store *store, uv_loop_t *loop)
{
    store->ops->close(store, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static enum mqttsn_status submit(struct gw_store *store, uint64_t op)
{
    const struct gw_store_action action = {.verb = GW_STORE_FORGET, .op = op};

    return store->ops->submit(store, &action, mqttsn_span(NULL, 0));
}

static void an_answer_comes_on_the_next_turn_and_once(void **unused)
{
    uv_loop_t loop;
    struct gw_store *store = open_store(&loop);
    uint64_t op;
    bool ok;

    (void)unused;
    assert_int_equal(submit(store, 7), MQTTSN_OK);
    assert_int_equal(submit(store, 8), MQTTSN_OK);
    assert_false(store->ops->take(store, &op, &ok));
    assert_int_equal(woken, 0);

    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(woken, 1);
    assert_true(store->ops->take(store, &op, &ok));
    assert_int_equal(op, 7);
    assert_true(ok);

    CASE("what is submitted meanwhile waits for its own turn");
    assert_int_equal(submit(store, 9), MQTTSN_OK);
    assert_true(store->ops->take(store, &op, &ok));
    assert_int_equal(op, 8);
    assert_false(store->ops->take(store, &op, &ok));
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(store->ops->take(store, &op, &ok));
    assert_int_equal(op, 9);

    CASE("then the loop has nothing left to run for");
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_false(uv_loop_alive(&loop));
    assert_int_equal(woken, 2);
    close_store(store, &loop);
}

static void as_many_as_may_wait_find_room(void **unused)
{
    uv_loop_t loop;
    struct gw_store *store = open_store(&loop);
    uint64_t op;
    bool ok;

    (void)unused;
    for (uint64_t i = 0; i < GW_STORE_INFLIGHT; i++) {
        assert_true(store->ops->room(store));
        assert_int_equal(submit(store, i), MQTTSN_OK);
    }
    assert_false(store->ops->room(store));
    assert_int_equal(submit(store, 99999), MQTTSN_ENOSPACE);

    uv_run(&loop, UV_RUN_NOWAIT);
    for (uint64_t i = 0; i < GW_STORE_INFLIGHT; i++) {
        assert_true(store->ops->take(store, &op, &ok));
        assert_int_equal(op, i);
    }
    assert_true(store->ops->room(store));
    close_store(store, &loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_on_the_next_turn_and_once),
        cmocka_unit_test(as_many_as_may_wait_find_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
