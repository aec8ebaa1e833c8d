/* SPDX-License-Identifier: MIT */
#include "io/backoff.h"

#include "check.h"

static void the_first_attempt_does_not_wait(void **state)
{
    struct gw_backoff backoff;

    (void)state;
    gw_backoff_init(&backoff, 1000, 60000, 1);
    assert_int_equal(gw_backoff_next(&backoff), 0);
    assert_true(gw_backoff_next(&backoff) > 0);
}

static void pauses_double_up_to_the_longest(void **state)
{
    static const mqttsn_ms upper[] = {1000,  2000,  4000,  8000,
                                      16000, 32000, 60000, 60000};
    struct gw_backoff backoff;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        gw_backoff_init(&backoff, 1000, 60000, seed);
        gw_backoff_next(&backoff);
        for (size_t i = 0; i < ARRAY_LEN(upper); i++) {
            mqttsn_ms pause = gw_backoff_next(&backoff);

            assert_true(pause >= upper[i] / 2);
            assert_true(pause <= upper[i]);
        }
    }
}

static void two_gateways_do_not_come_back_together(void **state)
{
    struct gw_backoff a;
    struct gw_backoff b;
    unsigned equal = 0;

    (void)state;
    gw_backoff_init(&a, 1000, 60000, 1);
    gw_backoff_init(&b, 1000, 60000, 2);
    gw_backoff_next(&a);
    gw_backoff_next(&b);
    for (int i = 0; i < 20; i++)
        equal += gw_backoff_next(&a) == gw_backoff_next(&b);
    assert_true(equal <= 2);
}

static void a_connection_that_lasted_starts_anew(void **state)
{
    struct gw_backoff backoff;

    (void)state;
    gw_backoff_init(&backoff, 1000, 60000, 3);
    for (int i = 0; i < 5; i++)
        gw_backoff_next(&backoff);
    gw_backoff_connected(&backoff, 5000);
    gw_backoff_lost(&backoff, 5000 + GW_BACKOFF_LASTED_MS);
    assert_int_equal(gw_backoff_next(&backoff), 0);
}

static void a_connection_that_broke_at_once_goes_back_to_a_few(void **state)
{
    struct gw_backoff backoff;
    mqttsn_ms pause;

    (void)state;
    gw_backoff_init(&backoff, 1000, 60000, 3);
    for (int i = 0; i < 5; i++)
        gw_backoff_next(&backoff);
    gw_backoff_connected(&backoff, 5000);
    gw_backoff_lost(&backoff, 5000 + GW_BACKOFF_LASTED_MS - 1);
    pause = gw_backoff_next(&backoff);
    assert_true(pause >= 1000 * GW_BACKOFF_ACCEPTED_FACTOR / 2);
    assert_true(pause <= 1000 * GW_BACKOFF_ACCEPTED_FACTOR);
}

static void odd_limits_do_no_harm(void **state)
{
    static const mqttsn_ms limits[][2] = {
        {1, 1}, {0, 0}, {5000, 5000}, {1, 3}, {1000, UINT64_MAX}};
    struct gw_backoff backoff;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        gw_backoff_init(&backoff, limits[i][0], limits[i][1], i);
        for (int n = 0; n < 100; n++)
            assert_true(gw_backoff_next(&backoff) <=
                        (limits[i][1] > 0 ? limits[i][1] : 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_attempt_does_not_wait),
        cmocka_unit_test(pauses_double_up_to_the_longest),
        cmocka_unit_test(two_gateways_do_not_come_back_together),
        cmocka_unit_test(a_connection_that_lasted_starts_anew),
        cmocka_unit_test(a_connection_that_broke_at_once_goes_back_to_a_few),
        cmocka_unit_test(odd_limits_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
