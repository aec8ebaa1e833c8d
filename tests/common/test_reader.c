/* SPDX-License-Identifier: MIT */
#include "mqttsn/reader.h"

#include "check.h"

static struct mqttsn_reader reader_of(const uint8_t *octets, size_t len)
{
    struct mqttsn_reader reader;

    mqttsn_reader_init(&reader, mqttsn_span(octets, len));
    return reader;
}

static void fields_come_in_order_and_big_endian(void **unused)
{
    static const uint8_t octets[] = {0x01, 0xab, 0xcd, 'x', 'y', 'z'};
    struct mqttsn_reader reader = reader_of(octets, sizeof(octets));

    (void)unused;
    assert_int_equal(mqttsn_read_u8(&reader), 0x01);
    assert_int_equal(mqttsn_read_u16(&reader), 0xabcd);

    struct mqttsn_span two = mqttsn_read_bytes(&reader, 2);
    struct mqttsn_span rest = mqttsn_read_rest(&reader);

    assert_ptr_equal(two.data, octets + 3);
    assert_int_equal(two.len, 2);
    assert_ptr_equal(rest.data, octets + 5);
    assert_int_equal(rest.len, 1);
    assert_int_equal(mqttsn_reader_finish(&reader), MQTTSN_OK);
}

static void a_short_frame_reads_as_zero_and_is_reported_once(void **unused)
{
    static const uint8_t octets[] = {0xff, 0xff, 0xff};
    struct mqttsn_reader reader = reader_of(octets, sizeof(octets));

    (void)unused;
    assert_int_equal(mqttsn_read_u16(&reader), 0xffff);
    assert_int_equal(mqttsn_read_u16(&reader), 0);
    assert_int_equal(mqttsn_read_u8(&reader), 0); /* though one was left */
    assert_int_equal(mqttsn_read_bytes(&reader, 1).len, 0);
    assert_int_equal(mqttsn_read_rest(&reader).len, 0);
    assert_int_equal(mqttsn_reader_finish(&reader), MQTTSN_ETRUNCATED);
}

static void each_read_alone_fails_past_the_end(void **unused)
{
    static const uint8_t octet = 0xff;
    struct mqttsn_reader u8 = reader_of(&octet, 0);
    struct mqttsn_reader u16 = reader_of(&octet, 1);
    struct mqttsn_reader bytes = reader_of(&octet, 1);
    struct mqttsn_reader huge = reader_of(&octet, 1);

    (void)unused;
    assert_int_equal(mqttsn_read_u8(&u8), 0);
    assert_int_equal(mqttsn_reader_finish(&u8), MQTTSN_ETRUNCATED);
    assert_int_equal(mqttsn_read_u16(&u16), 0);
    assert_int_equal(mqttsn_reader_finish(&u16), MQTTSN_ETRUNCATED);
    assert_int_equal(mqttsn_read_bytes(&bytes, 2).len, 0);
    assert_int_equal(mqttsn_reader_finish(&bytes), MQTTSN_ETRUNCATED);
    assert_int_equal(mqttsn_read_bytes(&huge, SIZE_MAX).len, 0);
    assert_int_equal(mqttsn_reader_finish(&huge), MQTTSN_ETRUNCATED);
}

static void octets_that_nobody_read_are_reported(void **unused)
{
    static const uint8_t octets[] = {1, 2};
    struct mqttsn_reader reader = reader_of(octets, sizeof(octets));

    (void)unused;
    assert_int_equal(mqttsn_read_u8(&reader), 1);
    assert_int_equal(mqttsn_reader_finish(&reader), MQTTSN_ETRAILING);
}

static void nothing_at_all_is_read_as_nothing(void **unused)
{
    struct mqttsn_reader reader = reader_of(NULL, 0);

    (void)unused;
    assert_int_equal(mqttsn_read_bytes(&reader, 0).len, 0);
    assert_int_equal(mqttsn_read_rest(&reader).len, 0);
    assert_int_equal(mqttsn_reader_finish(&reader), MQTTSN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_in_order_and_big_endian),
        cmocka_unit_test(a_short_frame_reads_as_zero_and_is_reported_once),
        cmocka_unit_test(each_read_alone_fails_past_the_end),
        cmocka_unit_test(octets_that_nobody_read_are_reported),
        cmocka_unit_test(nothing_at_all_is_read_as_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
