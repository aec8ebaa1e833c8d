/* SPDX-License-Identifier: MIT */
#include "io/key_set.h"

#include "check.h"

#define SPAN 4096u

static uint32_t seed = 7;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static struct gw_key key_of(uint32_t n)
{
    return (struct gw_key){1 + n % 7, n / 7 % 16, n / 112};
}

/* Against a plain array of flags. */
static void it_holds_what_was_added_and_not_removed(void **unused)
{
    static bool there[SPAN];
    struct gw_key_set set = {0};
    size_t count = 0;

    (void)unused;
    assert_false(gw_key_set_has(&set, key_of(0)));
    gw_key_set_remove(&set, key_of(0));
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t n = chance(i < 50000 ? SPAN : SPAN / 8);

        assert_int_equal(gw_key_set_has(&set, key_of(n)), there[n]);
        if (chance(2) == 0) {
            assert_int_equal(gw_key_set_add(&set, key_of(n)), MQTTSN_OK);
            count += !there[n];
            there[n] = true;
        } else {
            gw_key_set_remove(&set, key_of(n));
            count -= there[n];
            there[n] = false;
        }
        assert_int_equal(set.count, count);
    }
    for (uint32_t n = 0; n < SPAN; n++)
        assert_int_equal(gw_key_set_has(&set, key_of(n)), there[n]);
    gw_key_set_free(&set);
}

static void what_was_reserved_needs_no_more_memory(void **unused)
{
    struct gw_key_set set = {0};
    const struct gw_key *slots;

    (void)unused;
    assert_int_equal(gw_key_set_reserve(&set, 1000), MQTTSN_OK);
    slots = set.slots;
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(gw_key_set_add(&set, key_of(n)), MQTTSN_OK);
    assert_ptr_equal(set.slots, slots);
    gw_key_set_free(&set);
    assert_int_equal(set.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_added_and_not_removed),
        cmocka_unit_test(what_was_reserved_needs_no_more_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
