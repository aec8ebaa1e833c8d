/* SPDX-License-Identifier: MIT */
#include "bench_tally.h"

#include <stdlib.h>

#include "check.h"

static void numbers_in_order_are_all_new(void **unused)
{
    struct bench_tally tally = {0};

    (void)unused;
    for (uint32_t n = 0; n < 5000; n++)
        assert_true(bench_tally_add(&tally, n));
    assert_int_equal(tally.count, 5000);
    assert_int_equal(tally.next, 5000);
    assert_int_equal(tally.repeated + tally.late, 0);
}

static void a_number_counts_once_within_the_window(void **unused)
{
    struct bench_tally tally = {0};

    (void)unused;
    for (uint32_t n = 0; n < 3000; n++) {
        assert_true(bench_tally_add(&tally, n));
        assert_false(bench_tally_add(&tally, n));
        assert_false(bench_tally_add(&tally, n - n % 100));
    }
    assert_int_equal(tally.count, 3000);
    assert_int_equal(tally.repeated, 6000);
}

static void what_was_passed_over_may_come_late(void **unused)
{
    struct bench_tally tally = {0};

    (void)unused;
    assert_true(bench_tally_add(&tally, 0));
    assert_true(bench_tally_add(&tally, BENCH_TALLY_WINDOW));
    assert_true(bench_tally_add(&tally, 1));
    assert_false(bench_tally_add(&tally, 1));
    assert_int_equal(tally.late, 1);
    assert_int_equal(tally.count, 3);
}

static void what_is_too_old_to_tell_counts_as_repeated(void **unused)
{
    struct bench_tally tally = {0};

    (void)unused;
    assert_true(bench_tally_add(&tally, BENCH_TALLY_WINDOW));
    assert_false(bench_tally_add(&tally, 0));
    assert_int_equal(tally.repeated, 1);
    assert_int_equal(tally.count, 1);
}

static void a_jump_forgets_what_was_seen_before(void **unused)
{
    struct bench_tally tally = {0};

    (void)unused;
    for (uint32_t n = 0; n < BENCH_TALLY_WINDOW; n++)
        assert_true(bench_tally_add(&tally, n));
    assert_true(bench_tally_add(&tally, 100 * BENCH_TALLY_WINDOW));
    for (uint32_t n = 1; n < BENCH_TALLY_WINDOW; n++)
        assert_true(bench_tally_add(&tally, 100 * BENCH_TALLY_WINDOW - n));
}

static void parts_of_a_spread_are_true_to_two_in_a_hundred(void **unused)
{
    static const uint64_t scales[] = {1, 10, 1000, 60000};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        struct bench_spread *spread = calloc(1, sizeof(*spread));

        assert_non_null(spread);
        for (uint64_t n = 1; n <= 1000; n++)
            bench_spread_add(spread, n * scales[i]);
        for (unsigned share = 1; share <= 1000; share++) {
            uint64_t got = bench_spread_part(spread, share / 1000.0);
            uint64_t wanted = share * scales[i];

            assert_true(got <= wanted && got + wanted / 50 + 1 >= wanted);
        }
        assert_int_equal(spread->count, 1000);
        assert_true(spread->max == 1000 * scales[i]);
        free(spread);
    }
}

static void a_spread_of_nothing_is_nothing(void **unused)
{
    static const struct bench_spread spread;

    (void)unused;
    assert_int_equal(bench_spread_part(&spread, 0.99), 0);
}

static void values_beyond_all_places_are_the_greatest(void **unused)
{
    static struct bench_spread spread;

    (void)unused;
    bench_spread_add(&spread, UINT64_MAX);
    assert_true(bench_spread_part(&spread, 0.5) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_order_are_all_new),
        cmocka_unit_test(a_number_counts_once_within_the_window),
        cmocka_unit_test(what_was_passed_over_may_come_late),
        cmocka_unit_test(what_is_too_old_to_tell_counts_as_repeated),
        cmocka_unit_test(a_jump_forgets_what_was_seen_before),
        cmocka_unit_test(parts_of_a_spread_are_true_to_two_in_a_hundred),
        cmocka_unit_test(a_spread_of_nothing_is_nothing),
        cmocka_unit_test(values_beyond_all_places_are_the_greatest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
