/* SPDX-License-Identifier: MIT */
#include "io/crc32.h"

#include "check.h"

static void the_check_value_of_the_catalogue_is_found(void **unused)
{
    (void)unused;
    assert_int_equal(gw_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(gw_crc32(0, "", 0), 0);
}

static void it_goes_on_from_any_place(void **unused)
{
    uint8_t data[67];

    (void)unused;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + 11);
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        uint32_t crc = gw_crc32(0, data, cut);

        assert_int_equal(gw_crc32(crc, data + cut, sizeof(data) - cut),
                         gw_crc32(0, data, sizeof(data)));
    }
}

static void each_flipped_bit_shows(void **unused)
{
    uint8_t data[64] = {1, 2, 3};
    uint32_t whole = gw_crc32(0, data, sizeof(data));

    (void)unused;
    for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(gw_crc32(0, data, sizeof(data)), whole);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_value_of_the_catalogue_is_found),
        cmocka_unit_test(it_goes_on_from_any_place),
        cmocka_unit_test(each_flipped_bit_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
