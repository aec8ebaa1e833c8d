/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include "check.h"
#include "random.h"

#include <stdbool.h>

static void an_empty_heap_has_no_top(void **unused)
{
    struct gw_heap heap;
    uint64_t key = 77;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, 0), MQTTSN_OK);
    assert_int_equal(gw_heap_top(&heap, &key), 0);
    assert_int_equal(key, 77);
    gw_heap_fini(&heap);
}

static void items_come_out_by_key(void **unused)
{
    static const uint64_t keys[] = {50, UINT64_MAX, 0, 50, 7, 1000, 8};
    struct gw_heap heap;
    uint64_t last = 0;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, ARRAY_LEN(keys)), MQTTSN_OK);
    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++)
        gw_heap_set(&heap, i + 1, keys[i]);

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        uint64_t key;
        uint32_t item = gw_heap_top(&heap, &key);

        assert_int_not_equal(item, 0);
        assert_int_equal(key, keys[item - 1]);
        assert_true(key >= last);
        last = key;
        gw_heap_remove(&heap, item);
    }
    assert_int_equal(gw_heap_top(&heap, NULL), 0);
    gw_heap_fini(&heap);
}

static void setting_again_moves_the_item(void **unused)
{
    struct gw_heap heap;
    uint64_t key;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, 3), MQTTSN_OK);
    gw_heap_set(&heap, 1, 10);
    gw_heap_set(&heap, 2, 20);
    gw_heap_set(&heap, 3, 30);

    gw_heap_set(&heap, 3, 5);
    assert_int_equal(gw_heap_top(&heap, NULL), 3);
    gw_heap_set(&heap, 3, 15);
    assert_int_equal(gw_heap_top(&heap, NULL), 1);

    assert_int_equal(heap.count, 3);
    assert_true(gw_heap_has(&heap, 3, &key));
    assert_int_equal(key, 15);
    gw_heap_fini(&heap);
}

static void removing_what_is_not_in_does_nothing(void **unused)
{
    struct gw_heap heap;
    uint64_t key = 77;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, 2), MQTTSN_OK);
    gw_heap_set(&heap, 1, 10);

    gw_heap_remove(&heap, 2);

    assert_int_equal(heap.count, 1);
    assert_false(gw_heap_has(&heap, 2, &key));
    assert_int_equal(key, 77);
    gw_heap_fini(&heap);
}

static void it_agrees_with_a_plain_list(void **unused)
{
    enum { CAPACITY = 100, OPERATIONS = 100000 };
    struct gw_heap heap;
    bool in[CAPACITY + 1] = {false};
    uint64_t key_of[CAPACITY + 1] = {0};
    uint64_t random = 1234567890123456789;
    uint32_t count = 0;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, CAPACITY), MQTTSN_OK);
    for (int op = 0; op < OPERATIONS; op++) {
        /* Waves, so that it is nearly empty and nearly full by turns. */
        bool growing = op / 1000 % 2 == 0;
        uint32_t item = 1 + random_below(&random, CAPACITY);
        uint64_t least = UINT64_MAX;
        uint64_t key;

        if (random_below(&random, 4) < (growing ? 3U : 1U)) {
            count += !in[item];
            in[item] = true;
            key_of[item] = random_below(&random, 200); /* many are equal */
            gw_heap_set(&heap, item, key_of[item]);
        } else {
            count -= in[item];
            in[item] = false;
            gw_heap_remove(&heap, item);
        }

        for (uint32_t i = 1; i <= CAPACITY; i++) {
            if (in[i] && key_of[i] < least)
                least = key_of[i];
        }
        assert_int_equal(heap.count, count);
        item = gw_heap_top(&heap, &key);
        assert_int_equal(item != 0, count > 0);
        if (item != 0) {
            assert_true(in[item]);
            assert_int_equal(key, least);
            assert_int_equal(key_of[item], least);
        }
        item = 1 + random_below(&random, CAPACITY);
        assert_int_equal(gw_heap_has(&heap, item, &key), in[item]);
        if (in[item])
            assert_int_equal(key, key_of[item]);
    }
    gw_heap_fini(&heap);
}

static void one_beyond_all_numbers_cannot_be_had(void **unused)
{
    struct gw_heap heap;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, UINT32_MAX), MQTTSN_ENOSPACE);
}

static void whether_an_item_is_in_may_be_asked_without_its_key(void **unused)
{
    struct gw_heap heap;

    (void)unused;
    assert_int_equal(gw_heap_init(&heap, 2), MQTTSN_OK);
    gw_heap_set(&heap, 1, 5);
    assert_true(gw_heap_has(&heap, 1, NULL));
    assert_false(gw_heap_has(&heap, 2, NULL));
    gw_heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_top),
        cmocka_unit_test(items_come_out_by_key),
        cmocka_unit_test(setting_again_moves_the_item),
        cmocka_unit_test(removing_what_is_not_in_does_nothing),
        cmocka_unit_test(it_agrees_with_a_plain_list),
        cmocka_unit_test(one_beyond_all_numbers_cannot_be_had),
        cmocka_unit_test(whether_an_item_is_in_may_be_asked_without_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
