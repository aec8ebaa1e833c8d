/* SPDX-License-Identifier: MIT */
#include "vias.h"

#include "check.h"

static const uint8_t seed[16] = {5, 6};

static struct gw_via via_of(uint8_t last)
{
    return (struct gw_via){.local_ip = {10, 0, 0, last}, .family = 4};
}

static bool is_at(const struct gw_vias *vias, uint32_t number, uint8_t last)
{
    struct gw_via expected = via_of(last);

    return memcmp(gw_via_at(vias, number), &expected, sizeof(expected)) == 0;
}

static void equal_ways_are_kept_once(void **unused)
{
    struct gw_via a = via_of(1), b = via_of(2);
    uint32_t first = 0, second = 0, third = 0;
    struct gw_vias vias;

    (void)unused;
    assert_int_equal(gw_vias_init(&vias, 3, seed), MQTTSN_OK);
    gw_via_set(&vias, &first, &a);
    gw_via_set(&vias, &second, &a);
    gw_via_set(&vias, &third, &b);

    assert_int_equal(first, second);
    assert_int_not_equal(first, third);
    assert_int_equal(vias.slab.used, 2);
    assert_true(is_at(&vias, second, 1));
    assert_true(is_at(&vias, third, 2));

    gw_via_set(&vias, &first, &b);
    assert_int_equal(first, third);
    assert_true(is_at(&vias, second, 1));
    gw_via_clear(&vias, &second);
    assert_int_equal(vias.slab.used, 1);
    gw_via_clear(&vias, &first);
    gw_via_clear(&vias, &third);
    assert_int_equal(vias.slab.used, 0);
    assert_int_equal(vias.table.used, 0);
    gw_vias_fini(&vias);
}

static void number_0_is_no_way(void **unused)
{
    struct gw_vias vias;
    uint32_t none = 0;

    (void)unused;
    assert_int_equal(gw_vias_init(&vias, 1, seed), MQTTSN_OK);
    gw_via_clear(&vias, &none);
    assert_int_equal(none, 0);
    assert_int_equal(gw_via_at(&vias, 0)->family, 0);
    gw_vias_fini(&vias);
}

static void every_holder_may_have_its_own_and_change_it(void **unused)
{
    enum { HOLDERS = 100 };
    uint32_t number[HOLDERS] = {0};
    struct gw_vias vias;

    (void)unused;
    assert_int_equal(gw_vias_init(&vias, HOLDERS, seed), MQTTSN_OK);
    for (uint8_t i = 0; i < HOLDERS; i++) {
        struct gw_via via = via_of(i);

        gw_via_set(&vias, &number[i], &via);
    }
    for (uint8_t i = 0; i < HOLDERS; i++) {
        struct gw_via via = via_of((uint8_t)(i + HOLDERS));

        gw_via_set(&vias, &number[i], &via);
    }
    for (uint8_t i = 0; i < HOLDERS; i++)
        assert_true(is_at(&vias, number[i], (uint8_t)(i + HOLDERS)));
    assert_int_equal(vias.slab.used, HOLDERS);
    gw_vias_fini(&vias);
}

static void more_holders_than_numbers_are_refused(void **unused)
{
    struct gw_vias vias;

    (void)unused;
    assert_int_equal(gw_vias_init(&vias, UINT32_MAX, seed), MQTTSN_ENOSPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ways_are_kept_once),
        cmocka_unit_test(number_0_is_no_way),
        cmocka_unit_test(every_holder_may_have_its_own_and_change_it),
        cmocka_unit_test(more_holders_than_numbers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
