/* SPDX-License-Identifier: MIT */
#include "bench_stamp.h"

#include "check.h"

static const struct bench_stamp stamp = {0x01020304, 0xfffffffe, 77,
                                         UINT64_C(0x1122334455667788)};

static void what_was_written_is_read(void **unused)
{
    uint8_t payload[300];
    struct bench_stamp got;

    (void)unused;
    for (size_t len = BENCH_STAMP_LEN; len <= sizeof(payload); len++) {
        bench_stamp_write(payload, len, &stamp);
        assert_true(bench_stamp_read(mqttsn_span(payload, len), &got));
        assert_int_equal(got.run, stamp.run);
        assert_int_equal(got.stream, stamp.stream);
        assert_int_equal(got.number, stamp.number);
        assert_true(got.sent_us == stamp.sent_us);
    }
}

static void a_repetition_is_the_same_octets(void **unused)
{
    uint8_t first[64], second[64];

    (void)unused;
    memset(second, 0xff, sizeof(second));
    bench_stamp_write(first, sizeof(first), &stamp);
    bench_stamp_write(second, sizeof(second), &stamp);

    assert_memory_equal(first, second, sizeof(first));
}

static void one_changed_bit_anywhere_is_found(void **unused)
{
    uint8_t payload[71];
    struct bench_stamp got;

    (void)unused;
    bench_stamp_write(payload, sizeof(payload), &stamp);
    for (size_t bit = 0; bit < 8 * sizeof(payload); bit++) {
        payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(
            bench_stamp_read(mqttsn_span(payload, sizeof(payload)), &got));
        payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void another_length_is_found(void **unused)
{
    uint8_t payload[80] = {0};
    struct bench_stamp got;

    (void)unused;
    bench_stamp_write(payload, 64, &stamp);
    for (size_t len = 0; len <= sizeof(payload); len++)
        if (len != 64)
            assert_false(bench_stamp_read(mqttsn_span(payload, len), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_repetition_is_the_same_octets),
        cmocka_unit_test(one_changed_bit_anywhere_is_found),
        cmocka_unit_test(another_length_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
