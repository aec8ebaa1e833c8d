/* SPDX-License-Identifier: MIT */
/* Every datagram of up to three octets. Short ones are where a parser reads
 * past the end, and there are few enough of them to try them all. */
#include "mqttsn/frame.h"

#include <stdlib.h>

#include "check.h"
#include "codec.h"

/* Which types take a body of none, and of one octet; the rest are reserved.
 * From the table of [SN 5.4]'s lengths, not from the decoder. */
static const uint8_t empty_ok[] = {0x06, 0x07, 0x08, 0x09, 0x16,
                                   0x17, 0x18, 0x1a, 0x1c};
static const uint8_t empty_short[] = {0x02, 0x04, 0x0a, 0x0c, 0x12, 0x14};
static const uint8_t empty_wrong[] = {0x00, 0x01, 0x05, 0x0b, 0x0d, 0x0e,
                                      0x0f, 0x10, 0x13, 0x15, 0x1b, 0x1d};
static const uint8_t one_ok[] = {0x01, 0x02, 0x05, 0x07, 0x09,
                                 0x16, 0x1a, 0x1b, 0x1c, 0x1d};
static const uint8_t one_short[] = {0x04, 0x0a, 0x0c, 0x12, 0x14};
static const uint8_t one_wrong[] = {0x00, 0x06, 0x08, 0x0b, 0x0d, 0x0e,
                                    0x0f, 0x10, 0x13, 0x15, 0x17, 0x18};

static uint8_t by_type[2][256];

static void expect_all(size_t body, const uint8_t *types, size_t count,
                       enum mqttsn_status status)
{
    for (size_t i = 0; i < count; i++)
        by_type[body][types[i]] = (uint8_t)status;
}

static int fill_tables(void **unused)
{
    (void)unused;
    memset(by_type, MQTTSN_ETYPE, sizeof(by_type));
    expect_all(0, empty_ok, sizeof(empty_ok), MQTTSN_OK);
    expect_all(0, empty_short, sizeof(empty_short), MQTTSN_ETRUNCATED);
    expect_all(0, empty_wrong, sizeof(empty_wrong), MQTTSN_ELENGTH);
    expect_all(1, one_ok, sizeof(one_ok), MQTTSN_OK);
    expect_all(1, one_short, sizeof(one_short), MQTTSN_ETRUNCATED);
    expect_all(1, one_wrong, sizeof(one_wrong), MQTTSN_ELENGTH);
    return 0;
}

static enum mqttsn_status expected(const uint8_t *octets, size_t len)
{
    if (len < 2)
        return MQTTSN_ETRUNCATED;
    if (octets[0] == 0)
        return MQTTSN_ELENGTH;
    if (octets[0] == 1 || octets[0] > len)
        return MQTTSN_ETRUNCATED; /* the 3-octet form needs four */
    if (octets[1] == 0xfe)
        return MQTTSN_EFIELD; /* three octets hold no node id */
    if (octets[0] < len)
        return MQTTSN_ETRAILING;
    return (enum mqttsn_status)by_type[len - 2][octets[1]];
}

static void check(const uint8_t *octets, size_t len, size_t *accepted)
{
    struct mqttsn_frame frame;
    struct mqttsn_frame again;
    uint8_t buf[8];
    size_t buf_len = 0;
    enum mqttsn_status status =
        mqttsn_decode(mqttsn_span(octets, len), MQTTSN_DECODE_STRICT, &frame);

    /* Not by assert_int_equal: 16.8 million calls of it take minutes. */
    if (status != expected(octets, len))
        fail_msg("%zu octets %02x %02x %02x: %s", len, octets[0],
                 len > 1 ? octets[1] : 0, len > 2 ? octets[2] : 0,
                 mqttsn_status_text(status));
    if (status != MQTTSN_OK)
        return;

    *accepted += 1;
    assert_int_equal(frame.type, octets[1]);
    assert_int_equal(mqttsn_encode(&frame, buf, sizeof(buf), &buf_len),
                     MQTTSN_OK);
    assert_int_equal(
        mqttsn_decode(mqttsn_span(buf, buf_len), MQTTSN_DECODE_STRICT, &again),
        MQTTSN_OK);
    assert_true(frames_equal(&frame, &again));
}

/* [SN12-007] */
static void
every_datagram_of_up_to_three_octets_is_judged_by_the_table(void **unused)
{
    size_t accepted = 0;
    struct mqttsn_frame frame;

    (void)unused;
    assert_int_equal(mqttsn_decode(mqttsn_span(NULL, 0), 0, &frame),
                     MQTTSN_ETRUNCATED);
    for (size_t len = 1; len <= 3; len++) {
        uint8_t *octets = malloc(len);
        uint32_t end = UINT32_C(1) << 8 * len;

        assert_non_null(octets);
        for (uint32_t value = 0; value < end; value++) {
            const uint8_t all[3] = {(uint8_t)value, (uint8_t)(value >> 8),
                                    (uint8_t)(value >> 16)};

            memcpy(octets, all, len);
            check(octets, len, &accepted);
        }
        free(octets);
    }
    assert_int_equal(accepted, sizeof(empty_ok) + 256 * sizeof(one_ok));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_datagram_of_up_to_three_octets_is_judged_by_the_table),
    };

    return cmocka_run_group_tests(tests, fill_tables, NULL);
}
