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
    assert_false(gw_backoff_lost(&backoff, 5000 + GW_BACKOFF_LASTED_MS, true));
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
    assert_false(
        gw_backoff_lost(&backoff, 5000 + GW_BACKOFF_LASTED_MS - 1, true));
    pause = gw_backoff_next(&backoff);
    assert_true(pause >= 1000 * GW_BACKOFF_ACCEPTED_FACTOR / 2);
    assert_true(pause <= 1000 * GW_BACKOFF_ACCEPTED_FACTOR);
}

/* Accepted at 'now', dropped 'after' it; the next attempt follows. */
static bool drop(struct gw_backoff *backoff, mqttsn_ms now, mqttsn_ms after,
                 bool at_rest, mqttsn_ms *ret_pause)
{
    bool begins;

    gw_backoff_connected(backoff, now);
    begins = gw_backoff_lost(backoff, now + after, at_rest);
    *ret_pause = gw_backoff_next(backoff);
    return begins;
}

static void who_is_dropped_at_rest_three_times_a_minute_holds_back(void **state)
{
    struct gw_backoff backoff;
    mqttsn_ms pause;

    (void)state;
    gw_backoff_init(&backoff, 1000, 60000, 4);
    gw_backoff_next(&backoff);
    assert_false(drop(&backoff, 0, 100, true, &pause));
    assert_false(drop(&backoff, 20000, 100, true, &pause));
    assert_true(drop(&backoff, 60000, 100, true, &pause));
    /* It is said once, and the pauses grow, however long the other waits. */
    for (int i = 0; i < 10; i++)
        assert_false(
            drop(&backoff, 100000 + 60000u * (unsigned)i, 50000, true, &pause));
    assert_in_range(pause, 30000, 60000);
    /* Until one outlasts whatever the other can wait. */
    assert_false(drop(&backoff, 1000000, 2 * 60000 + GW_BACKOFF_LASTED_MS + 1,
                      true, &pause));
    assert_int_equal(pause, 0);
}

static void other_losses_are_no_contest(void **state)
{
    static const struct {
        const char *name;
        mqttsn_ms every;
        bool at_rest, away, together, leader_away;
    } rows[] = {
        {"too seldom", 30100, true, false, false, false},
        {"something was under way, and may be the cause", 1000, false, false,
         false, false},
        {"the broker was away between", 1000, true, true, false, false},
        {"others were lost with it", 1000, true, false, true, false},
        {"the one that leads could not connect", 1000, true, false, false,
         true},
    };
    struct gw_backoff backoff, leader;
    mqttsn_ms pause;
    struct gw_backoff_losses shared = {{0}};

    (void)state;
    gw_backoff_init(&leader, 1000, 60000, 5);
    gw_backoff_share(&leader, &shared, true);
    gw_backoff_next(&leader);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].name);
        gw_backoff_init(&backoff, 1000, 60000, 5);
        if (rows[i].together || rows[i].leader_away)
            gw_backoff_share(&backoff, &shared, false);
        gw_backoff_next(&backoff);
        for (unsigned k = 0; k < 12; k++) {
            assert_false(
                drop(&backoff, rows[i].every * k, 0, rows[i].at_rest, &pause));
            assert_in_range(pause, 0, 4000);
            if (rows[i].away)
                gw_backoff_next(&backoff);
            if (rows[i].leader_away)
                gw_backoff_next(&leader);
            if (rows[i].together)
                assert_false(drop(&leader, rows[i].every * k, 0, true, &pause));
        }
    }
}

static void who_is_lost_with_his_like_only_has_a_rival(void **state)
{
    struct gw_backoff_losses shared = {{0}};
    struct gw_backoff nodes[2];
    mqttsn_ms pause;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        gw_backoff_init(&nodes[i], 1000, 60000, i);
        gw_backoff_share(&nodes[i], &shared, false);
        gw_backoff_next(&nodes[i]);
    }
    for (unsigned k = 0; k < 3; k++)
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(drop(&nodes[i], 1000 * k, 0, true, &pause),
                             k == 2);
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
        cmocka_unit_test(
            who_is_dropped_at_rest_three_times_a_minute_holds_back),
        cmocka_unit_test(other_losses_are_no_contest),
        cmocka_unit_test(who_is_lost_with_his_like_only_has_a_rival),
        cmocka_unit_test(odd_limits_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
