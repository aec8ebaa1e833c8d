/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "check.h"
#include "random.h"

#include <stdbool.h>

static bool has(const struct gw_table *table, uint64_t hash, uint32_t index)
{
    struct gw_table_probe probe;
    uint32_t i = gw_table_first(table, hash, &probe);

    while (i != 0 && i != index)
        i = gw_table_next(table, &probe);
    return i != 0;
}

static uint32_t candidates(const struct gw_table *table, uint64_t hash)
{
    struct gw_table_probe probe;
    uint32_t count = 0;

    for (uint32_t i = gw_table_first(table, hash, &probe); i != 0;
         i = gw_table_next(table, &probe))
        count++;
    return count;
}

/* The least hash whose probe begins at this slot. */
static uint64_t hash_at(const struct gw_table *table, uint32_t slot)
{
    uint64_t hash = ((uint64_t)slot << 32) / table->size;

    while (gw_table_home(table, (uint32_t)hash) != slot)
        hash++;
    return hash;
}

static void an_empty_table_has_nothing(void **unused)
{
    struct gw_table table;

    (void)unused;
    assert_int_equal(gw_table_init(&table, 0), MQTTSN_OK);
    assert_int_equal(candidates(&table, 0), 0);
    assert_int_equal(candidates(&table, UINT64_MAX), 0);
    gw_table_fini(&table);
}

static void equal_hashes_are_all_candidates(void **unused)
{
    struct gw_table table;

    (void)unused;
    assert_int_equal(gw_table_init(&table, 8), MQTTSN_OK);
    for (uint32_t i = 1; i <= 8; i++)
        gw_table_insert(&table, 0x123456789, i);

    assert_int_equal(candidates(&table, 0x123456789), 8);
    assert_int_equal(candidates(&table, 0x123456788), 0);
    assert_int_equal(table.used, 8);
    gw_table_fini(&table);
}

/* The entry that began at the last slot stands at the first ones; when the one
 * before it goes, it must come back across the end. */
static void removal_shifts_back_across_the_end(void **unused)
{
    struct gw_table table;
    uint64_t first, third, last;

    (void)unused;
    assert_int_equal(gw_table_init(&table, 6), MQTTSN_OK);
    first = hash_at(&table, 0);
    third = hash_at(&table, 2);
    last = hash_at(&table, table.size - 1);
    gw_table_insert(&table, last, 1);
    gw_table_insert(&table, last, 2);  /* at slot 0 */
    gw_table_insert(&table, first, 3); /* at slot 1 */
    gw_table_insert(&table, third, 4); /* at slot 2, its own */

    gw_table_remove(&table, last, 1);

    assert_false(has(&table, last, 1));
    assert_true(has(&table, last, 2));
    assert_true(has(&table, first, 3));
    assert_true(has(&table, third, 4));
    gw_table_remove(&table, first, 3);
    assert_true(has(&table, last, 2));
    assert_true(has(&table, third, 4));
    gw_table_fini(&table);
}

static void it_is_at_most_four_fifths_full_and_never_full(void **unused)
{
    static const uint32_t capacities[] = {0, 1, 2, 3, 4, 5, 1000, 1024, 1025};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
        struct gw_table table;

        assert_int_equal(gw_table_init(&table, capacities[i]), MQTTSN_OK);
        assert_true(table.size * UINT64_C(4) >= capacities[i] * UINT64_C(5));
        assert_true(table.size > capacities[i]);
        assert_int_equal(gw_table_size(capacities[i]),
                         (uint64_t)table.size * sizeof(struct gw_table_slot));
        gw_table_fini(&table);
    }
}

static void more_than_32_bits_can_number_is_refused(void **unused)
{
    struct gw_table table = {0};

    (void)unused;
    assert_int_equal(gw_table_init(&table, UINT32_MAX), MQTTSN_ENOSPACE);
    assert_null(table.slots);
}

/* Few hashes, around the end of the slots: long runs, many equal tags. */
static void it_agrees_with_a_plain_list(void **unused)
{
    enum { CAPACITY = 64, OPERATIONS = 100000, HASHES = 24 };
    struct gw_table table;
    bool in[CAPACITY + 1] = {false};
    uint64_t hash_of[CAPACITY + 1] = {0};
    uint64_t random = 362436069362436069;

    (void)unused;
    assert_int_equal(gw_table_init(&table, CAPACITY), MQTTSN_OK);
    for (int op = 0; op < OPERATIONS; op++) {
        uint32_t index = 1 + random_below(&random, CAPACITY);
        uint32_t slot =
            (table.size - HASHES / 2 + random_below(&random, HASHES)) %
            table.size;
        uint64_t hash = hash_at(&table, slot);
        uint32_t expected = 0;

        if (in[index]) {
            gw_table_remove(&table, hash_of[index], index);
        } else {
            hash_of[index] = hash;
            gw_table_insert(&table, hash, index);
        }
        in[index] = !in[index];

        for (uint32_t i = 1; i <= CAPACITY; i++) {
            if (in[i] && hash_of[i] == hash) {
                expected++;
                assert_true(has(&table, hash, i));
            }
        }
        assert_int_equal(candidates(&table, hash), expected);
        assert_int_equal(has(&table, hash_of[index], index), in[index]);
    }
    gw_table_fini(&table);
}

static void it_agrees_with_a_plain_list_at_random_hashes(void **unused)
{
    enum { CAPACITY = 1000, OPERATIONS = 100000 };
    struct gw_table table;
    static uint64_t hash_of[CAPACITY + 1]; /* 0: not in */
    uint64_t random = 521288629521288629;
    uint32_t used = 0;

    (void)unused;
    assert_int_equal(gw_table_init(&table, CAPACITY), MQTTSN_OK);
    for (int op = 0; op < OPERATIONS; op++) {
        uint32_t index = 1 + random_below(&random, CAPACITY);
        uint32_t other = 1 + random_below(&random, CAPACITY);

        if (hash_of[index] != 0) {
            gw_table_remove(&table, hash_of[index], index);
            assert_false(has(&table, hash_of[index], index));
            hash_of[index] = 0;
            used--;
        } else {
            hash_of[index] = random_u64(&random);
            gw_table_insert(&table, hash_of[index], index);
            used++;
        }
        assert_int_equal(table.used, used);
        if (hash_of[other] != 0)
            assert_true(has(&table, hash_of[other], other));
    }
    for (uint32_t i = 1; i <= CAPACITY; i++)
        assert_int_equal(has(&table, hash_of[i], i), hash_of[i] != 0);
    gw_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_has_nothing),
        cmocka_unit_test(equal_hashes_are_all_candidates),
        cmocka_unit_test(removal_shifts_back_across_the_end),
        cmocka_unit_test(it_is_at_most_four_fifths_full_and_never_full),
        cmocka_unit_test(more_than_32_bits_can_number_is_refused),
        cmocka_unit_test(it_agrees_with_a_plain_list),
        cmocka_unit_test(it_agrees_with_a_plain_list_at_random_hashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
