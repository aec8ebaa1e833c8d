/* SPDX-License-Identifier: MIT */
#include "io/fair.h"

#include "check.h"

static const uint8_t seed[16] = "0123456789abcdef";

static struct gw_addr node(uint32_t i)
{
    struct gw_addr addr = {.family = 4, .port = 1883};

    memcpy(addr.ip, &i, sizeof(i));
    return addr;
}

static struct gw_fair *fair_of(uint32_t slots, size_t size, uint32_t quantum)
{
    struct gw_fair *fair = NULL;

    assert_int_equal(gw_fair_new(slots, size, quantum, seed, &fair), MQTTSN_OK);
    return fair;
}

/* Queues a datagram of 'len' octets that begins with 'number'. */
static int push(struct gw_fair *fair, uint32_t who, uint32_t number, size_t len)
{
    struct gw_addr from = node(who);
    struct gw_via via = {.listener = (uint16_t)(who % 7)};
    unsigned room = number % GW_FAIR_BATCH;

    memcpy(gw_fair_room(fair, room), &number, sizeof(number));
    return gw_fair_push(fair, room, &from, &from, &via, len);
}

static bool pop(struct gw_fair *fair, uint32_t *ret_who, uint32_t *ret_number,
                size_t *ret_len)
{
    struct gw_fair_item item;

    if (!gw_fair_pop(fair, &item))
        return false;
    memcpy(ret_who, item.from->ip, sizeof(*ret_who));
    memcpy(ret_number, item.bytes.data, sizeof(*ret_number));
    *ret_len = item.bytes.len;
    assert_int_equal(item.via->listener, *ret_who % 7);
    return true;
}

static uint32_t draw(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void one_source_is_a_queue_as_long_as_the_pool(void **unused)
{
    struct gw_fair *fair = fair_of(100, 64, 256);
    uint32_t who, number;
    size_t len;

    (void)unused;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(push(fair, 3, i, 20), -1);
    assert_int_equal(gw_fair_spare(fair), 0);
    assert_int_equal(push(fair, 3, 100, 20), 3);

    for (uint32_t i = 0; i < 100; i++) {
        assert_true(pop(fair, &who, &number, &len));
        assert_int_equal(number, i);
        assert_int_equal(len, 20);
    }
    assert_false(pop(fair, &who, &number, &len));
    gw_fair_free(fair);
}

static void a_flooder_loses_its_own_newest_and_nobody_elses(void **unused)
{
    struct gw_fair *fair = fair_of(128, 64, 256);
    uint32_t who, number, first_flood = 0, others = 0;
    size_t len;

    (void)unused;
    for (uint32_t i = 0; i < 10000; i++)
        push(fair, 0, i, 20);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(push(fair, 1 + i % 10, i, 20), 0);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(push(fair, 0, i, 20), 0);

    while (pop(fair, &who, &number, &len)) {
        if (who == 0)
            assert_int_equal(number, first_flood++);
        else
            others++;
    }
    assert_int_equal(others, 50);
    assert_int_equal(first_flood, 128 - 50);
    gw_fair_free(fair);
}

static void a_newcomer_waits_one_round_and_not_for_the_flood(void **unused)
{
    struct gw_fair *fair = fair_of(1024, 64, 512);
    uint32_t who = 0, number, before = 0;
    size_t len;

    (void)unused;
    for (uint32_t i = 0; i < 1000; i++)
        push(fair, 0, i, 36);
    assert_true(pop(fair, &who, &number, &len));
    push(fair, 1, 7, 36);

    for (;; before++) {
        assert_true(pop(fair, &who, &number, &len));
        if (who == 1)
            break;
    }
    assert_true(before <= 512 / (36 + GW_FAIR_OVERHEAD));
    gw_fair_free(fair);
}

/* Whatever the sizes: over any stretch in which all have something queued,
 * what two sources were served differs by a quantum and a datagram at most. */
static void octets_are_shared_evenly_among_unequal_datagrams(void **unused)
{
    enum { SOURCES = 5, QUANTUM = 300, LARGEST = 1000 };
    static const size_t sizes[SOURCES] = {8, 40, 150, 600, LARGEST};
    struct gw_fair *fair = fair_of(5000, LARGEST, QUANTUM);
    uint64_t served[SOURCES] = {0};
    uint32_t who, number, queued[SOURCES];
    size_t len;

    (void)unused;
    for (uint32_t s = 0; s < SOURCES; s++) {
        queued[s] = 1000;
        for (uint32_t i = 0; i < 1000; i++)
            push(fair, s, i, sizes[s]);
    }
    while (pop(fair, &who, &number, &len)) {
        served[who] += len + GW_FAIR_OVERHEAD;
        if (--queued[who] == 0)
            break;
        for (uint32_t s = 0; s < SOURCES; s++) {
            uint64_t a = served[s], b = served[who];

            assert_true((a > b ? a - b : b - a) <=
                        2 * QUANTUM + LARGEST + GW_FAIR_OVERHEAD);
        }
    }
    assert_int_equal(who, 0); /* the one with the smallest had least to say */
    gw_fair_free(fair);
}

/* A model beside it: order per source, nothing invented, nothing lost but what
 * was said to be, no drop while there is room, no idling while there is work.
 */
static void random_traffic_is_conserved_and_keeps_its_order(void **unused)
{
    enum { SOURCES = 200, SLOTS = 64 };
    struct gw_fair *fair = fair_of(SLOTS, 128, 200);
    static uint32_t sent[SOURCES], seen[SOURCES];
    uint32_t random = 2463534242u, pushed = 0, popped = 0, dropped = 0;
    uint32_t who = 0, number = 0;
    size_t len;

    (void)unused;
    for (uint32_t step = 0; step < 200000; step++) {
        bool burst = step / 1000 % 2 == 0;

        if (draw(&random) % 100 < (burst ? 60 : 40)) {
            uint32_t s = draw(&random) % 3 == 0 ? 0 : draw(&random) % SOURCES;
            uint32_t spare = gw_fair_spare(fair);
            int lost = push(fair, s, ++sent[s], 4 + draw(&random) % 100);

            pushed++;
            dropped += lost >= 0;
            assert_int_equal(lost >= 0, spare == 0);
        } else {
            bool had = gw_fair_queued(fair) > 0;

            assert_int_equal(pop(fair, &who, &number, &len), had);
            if (!had)
                continue;
            popped++;
            assert_true(number > seen[who] && number <= sent[who]);
            seen[who] = number;
        }
        assert_int_equal(pushed, popped + dropped + gw_fair_queued(fair));
    }
    assert_true(dropped > 1000);

    /* No source has outlived its datagrams: a pool of new ones fits. */
    while (pop(fair, &who, &number, &len))
        ;
    for (uint32_t i = 0; i < SLOTS; i++)
        assert_int_equal(push(fair, SOURCES + i, i, 4), -1);
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_true(pop(fair, &who, &number, &len));
        assert_int_equal(who, SOURCES + i);
    }
    gw_fair_free(fair);
}

static void a_crowd_larger_than_the_pool_is_turned_away(void **unused)
{
    struct gw_fair *fair = fair_of(32, 64, 256);
    uint32_t who, number, got = 0;
    size_t len;

    (void)unused;
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(push(fair, i, i, 20), i < 32 ? -1 : (int)(i % 7));

    while (pop(fair, &who, &number, &len))
        assert_int_equal(who, got++);
    assert_int_equal(got, 32);
    gw_fair_free(fair);
}

static void impossible_sizes_are_refused(void **unused)
{
    static const struct {
        const char *why;
        uint32_t slots;
        size_t size;
        uint32_t quantum;
    } rows[] = {
        {"no slots", 0, 64, 64},
        {"more slots than an index is meant for", 32769, 64, 64},
        {"no octets", 16, 0, 64},
        {"larger than a datagram can be", 16, 65536, 64},
        {"a quantum that never lets anything pass", 16, 64, 0},
    };
    struct gw_fair *fair = NULL;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(gw_fair_new(rows[i].slots, rows[i].size,
                                     rows[i].quantum, seed, &fair),
                         MQTTSN_EINVAL);
        assert_null(fair);
    }
    gw_fair_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_is_a_queue_as_long_as_the_pool),
        cmocka_unit_test(a_flooder_loses_its_own_newest_and_nobody_elses),
        cmocka_unit_test(a_newcomer_waits_one_round_and_not_for_the_flood),
        cmocka_unit_test(octets_are_shared_evenly_among_unequal_datagrams),
        cmocka_unit_test(random_traffic_is_conserved_and_keeps_its_order),
        cmocka_unit_test(a_crowd_larger_than_the_pool_is_turned_away),
        cmocka_unit_test(impossible_sizes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
