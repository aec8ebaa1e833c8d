/* SPDX-License-Identifier: MIT */
#include "slab.h"

#include "check.h"
#include "random.h"

#include <stdbool.h>

static bool all_zero(const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (octets[i] != 0)
            return false;
    }
    return true;
}

static void blocks_are_zeroed_even_when_they_were_used(void **unused)
{
    struct gw_slab slab;

    (void)unused;
    assert_int_equal(gw_slab_init(&slab, 24, 2), MQTTSN_OK);
    for (int i = 0; i < 4; i++) {
        uint32_t index = gw_slab_take(&slab);

        assert_int_not_equal(index, 0);
        assert_true(all_zero(gw_slab_at(&slab, index), 24));
        memset(gw_slab_at(&slab, index), 0xff, 24);
        gw_slab_give(&slab, index);
    }
    gw_slab_fini(&slab);
}

static void an_exhausted_slab_answers_0_until_a_block_comes_back(void **unused)
{
    struct gw_slab slab;
    uint32_t last = 0;

    (void)unused;
    assert_int_equal(gw_slab_init(&slab, 8, 5), MQTTSN_OK);
    for (int i = 0; i < 5; i++) {
        last = gw_slab_take(&slab);
        assert_int_not_equal(last, 0);
    }
    assert_int_equal(gw_slab_take(&slab), 0);
    assert_int_equal(slab.used, 5);

    gw_slab_give(&slab, last);

    assert_int_equal(gw_slab_take(&slab), last);
    assert_int_equal(gw_slab_take(&slab), 0);
    gw_slab_fini(&slab);
}

static void blocks_are_touched_only_when_they_are_needed(void **unused)
{
    struct gw_slab slab;

    (void)unused;
    assert_int_equal(gw_slab_init(&slab, 64, 1000), MQTTSN_OK);
    for (int i = 0; i < 100; i++)
        gw_slab_give(&slab, gw_slab_take(&slab));

    assert_int_equal(slab.high, 1);
    assert_int_equal(slab.used, 0);
    gw_slab_fini(&slab);
}

static void a_block_keeps_room_and_alignment_for_any_member(void **unused)
{
    struct gw_slab slab;

    struct wide {
        uint64_t largest;
        uint8_t smallest;
    };

    (void)unused;
    assert_int_equal(gw_slab_size(13, 3), 48);
    assert_int_equal(gw_slab_init(&slab, sizeof(struct wide), 3), MQTTSN_OK);
    assert_int_equal(slab.block_size, sizeof(struct wide));
    for (int i = 0; i < 3; i++) {
        uint32_t index = gw_slab_take(&slab);

        assert_int_equal(
            (uintptr_t)gw_slab_at(&slab, index) % _Alignof(struct wide), 0);
    }
    gw_slab_fini(&slab);
}

static void a_slab_of_no_blocks_is_exhausted_from_the_start(void **unused)
{
    struct gw_slab slab;

    (void)unused;
    assert_int_equal(gw_slab_init(&slab, 8, 0), MQTTSN_OK);
    assert_int_equal(gw_slab_size(8, 0), 0);
    assert_int_equal(gw_slab_take(&slab), 0);
    gw_slab_fini(&slab);
}

static void no_two_holders_ever_have_the_same_block(void **unused)
{
    enum { CAPACITY = 50, OPERATIONS = 100000 };
    struct gw_slab slab;
    uint32_t held[CAPACITY];
    uint32_t held_count = 0;
    uint64_t random = 88172645463325252;

    (void)unused;
    assert_int_equal(gw_slab_init(&slab, 16, CAPACITY), MQTTSN_OK);
    for (int i = 0; i < OPERATIONS; i++) {
        if (random_below(&random, 2) == 0) {
            uint32_t index = gw_slab_take(&slab);

            assert_int_equal(index == 0, held_count == CAPACITY);
            if (index == 0)
                continue;
            memcpy(gw_slab_at(&slab, index), &index, sizeof(index));
            held[held_count++] = index;
        } else if (held_count > 0) {
            uint32_t which = random_below(&random, held_count);

            /* Had it been given out twice, the mark would be another's. */
            assert_memory_equal(gw_slab_at(&slab, held[which]), &held[which],
                                sizeof(uint32_t));
            memset(gw_slab_at(&slab, held[which]), 0xee, 16);
            gw_slab_give(&slab, held[which]);
            held[which] = held[--held_count];
        }
        assert_int_equal(slab.used, held_count);
    }
    gw_slab_fini(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_even_when_they_were_used),
        cmocka_unit_test(an_exhausted_slab_answers_0_until_a_block_comes_back),
        cmocka_unit_test(blocks_are_touched_only_when_they_are_needed),
        cmocka_unit_test(a_block_keeps_room_and_alignment_for_any_member),
        cmocka_unit_test(a_slab_of_no_blocks_is_exhausted_from_the_start),
        cmocka_unit_test(no_two_holders_ever_have_the_same_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
