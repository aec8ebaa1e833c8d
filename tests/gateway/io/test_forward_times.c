/* SPDX-License-Identifier: MIT */
#include "io/forward_times.h"

#include "check.h"

static struct gw_forward_times times;

static uint64_t counted(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < GW_FORWARD_BUCKETS; i++)
        sum += times.count[i];
    return sum;
}

static void a_time_is_in_the_first_bucket_that_it_fits(void **state)
{
    static const struct {
        uint64_t us;
        size_t bucket;
    } rows[] = {
        {0, 0},     {1000, 0},      {1001, 1},      {2500, 1},
        {50000, 5}, {30000000, 12}, {30000001, 13}, {UINT64_C(1) << 40, 13},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        memset(&times, 0, sizeof(times));
        gw_forward_begin(&times, 7 + i, 5000);
        gw_forward_end(&times, 7 + i, true, 5000 + rows[i].us);
        assert_int_equal(times.count[rows[i].bucket], 1);
        assert_int_equal(counted(), 1);
        assert_int_equal(times.sum_us, rows[i].us);
    }
}

static void only_what_was_noted_and_acknowledged_counts(void **state)
{
    (void)state;
    memset(&times, 0, sizeof(times));
    gw_forward_end(&times, 1, true, 10);
    gw_forward_begin(&times, 2, 10);
    gw_forward_end(&times, 2, false, 20);
    gw_forward_end(&times, 2, true, 30);
    assert_int_equal(counted(), 0);
    CASE("and its token may be used again");
    gw_forward_begin(&times, 2, 40);
    gw_forward_end(&times, 2, true, 50);
    assert_int_equal(counted(), 1);
    assert_int_equal(times.sum_us, 10);
}

/* As many as the default window lets be under way are all measured, in any
 * order; of too many, some. */
static void as_many_as_usual_are_all_measured(void **state)
{
    (void)state;
    memset(&times, 0, sizeof(times));
    for (uint64_t first = 1; first < 100000; first += 50) {
        for (uint64_t i = 0; i < 50; i++)
            gw_forward_begin(&times, first + i, 0);
        for (uint64_t i = 50; i-- > 0;)
            gw_forward_end(&times, first + i, true, 1);
    }
    assert_int_equal(counted(), 100000);
    CASE("many more");
    memset(&times, 0, sizeof(times));
    for (uint64_t i = 1; i <= 2000; i++)
        gw_forward_begin(&times, i, 0);
    for (uint64_t i = 1; i <= 2000; i++)
        gw_forward_end(&times, i, true, 1);
    assert_true(counted() >= 128 && counted() <= GW_FORWARD_SLOTS);
    CASE("none is left behind");
    for (size_t i = 0; i < GW_FORWARD_SLOTS; i++)
        assert_int_equal(times.slots[i].token, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_in_the_first_bucket_that_it_fits),
        cmocka_unit_test(only_what_was_noted_and_acknowledged_counts),
        cmocka_unit_test(as_many_as_usual_are_all_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
