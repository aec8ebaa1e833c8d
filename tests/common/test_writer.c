/* SPDX-License-Identifier: MIT */
#include "mqttsn/writer.h"

#include "check.h"

static void fields_go_in_order_and_big_endian(void **unused)
{
    static const uint8_t expected[] = {0x01, 0xab, 0xcd, 'x', 'y'};
    uint8_t buf[sizeof(expected)];
    struct mqttsn_writer writer;
    size_t len = 0;

    (void)unused;
    mqttsn_writer_init(&writer, buf, sizeof(buf));
    mqttsn_write_u8(&writer, 0x01);
    mqttsn_write_u16(&writer, 0xabcd);
    mqttsn_write_bytes(&writer, mqttsn_span_text("xy"));

    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_OK);
    assert_int_equal(len, sizeof(expected));
    assert_memory_equal(buf, expected, sizeof(expected));
}

static void each_write_may_end_where_the_buffer_does(void **unused)
{
    uint8_t buf[2];
    struct mqttsn_writer writer;
    size_t len = 0;

    (void)unused;
    mqttsn_writer_init(&writer, buf, 1);
    mqttsn_write_u8(&writer, 7);
    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_OK);
    mqttsn_writer_init(&writer, buf, 2);
    mqttsn_write_u16(&writer, 7);
    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_OK);
    mqttsn_writer_init(&writer, buf, 2);
    mqttsn_write_bytes(&writer, mqttsn_span_text("xy"));
    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_OK);
    assert_int_equal(len, 2);
}

static void what_does_not_fit_is_left_out_whole(void **unused)
{
    uint8_t buf[4] = {0xee, 0xee, 0xee, 0xee};
    struct mqttsn_writer writer;
    size_t len = 99;

    (void)unused;
    mqttsn_writer_init(&writer, buf, 3);
    mqttsn_write_u16(&writer, 0x0102);
    mqttsn_write_u16(&writer, 0x0304);

    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_ENOSPACE);
    assert_int_equal(len, 99);
    assert_int_equal(buf[2], 0xee);
    assert_int_equal(buf[3], 0xee);
}

static void after_a_failure_nothing_more_is_written(void **unused)
{
    uint8_t buf[2] = {0xee, 0xee};
    struct mqttsn_writer writer;
    size_t len = 0;

    (void)unused;
    mqttsn_writer_init(&writer, buf, sizeof(buf));
    mqttsn_write_bytes(&writer, mqttsn_span_text("xyz"));
    mqttsn_write_u8(&writer, 1);
    mqttsn_write_u16(&writer, 1);
    mqttsn_write_bytes(&writer, mqttsn_span_text("x"));

    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_ENOSPACE);
    assert_int_equal(buf[0], 0xee);
    assert_int_equal(buf[1], 0xee);
}

static void an_absurd_length_cannot_wrap_around(void **unused)
{
    uint8_t buf[4];
    struct mqttsn_writer writer;
    size_t len = 0;

    (void)unused;
    mqttsn_writer_init(&writer, buf, sizeof(buf));
    mqttsn_write_u8(&writer, 1);
    mqttsn_write_bytes(&writer, mqttsn_span(buf, SIZE_MAX));

    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_ENOSPACE);
}

static void nothing_fits_into_nothing(void **unused)
{
    struct mqttsn_writer writer;
    size_t len = 99;

    (void)unused;
    mqttsn_writer_init(&writer, NULL, 0);
    mqttsn_write_bytes(&writer, mqttsn_span(NULL, 0));

    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_OK);
    assert_int_equal(len, 0);

    mqttsn_write_u8(&writer, 1);
    assert_int_equal(mqttsn_writer_finish(&writer, &len), MQTTSN_ENOSPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_go_in_order_and_big_endian),
        cmocka_unit_test(each_write_may_end_where_the_buffer_does),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(after_a_failure_nothing_more_is_written),
        cmocka_unit_test(an_absurd_length_cannot_wrap_around),
        cmocka_unit_test(nothing_fits_into_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
