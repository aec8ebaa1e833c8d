/* SPDX-License-Identifier: MIT */
#include "slip.h"

#include "check.h"

static struct slip slip;

/* Feeds octets; how many frames came, and the last. */
static unsigned feed(const void *octets, size_t len,
                     struct mqttsn_span *ret_last)
{
    const uint8_t *data = octets;
    unsigned frames = 0;

    for (size_t i = 0; i < len; i++) {
        struct mqttsn_span frame;

        if (slip_take(&slip, data[i], &frame)) {
            frames++;
            *ret_last = frame;
        }
    }
    return frames;
}

static void every_octet_comes_through(void **unused)
{
    uint8_t frame[SLIP_FRAME_MAX], line[SLIP_ENCODED_MAX(SLIP_FRAME_MAX)];
    struct mqttsn_span last = {0};

    (void)unused;
    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)i;
    for (size_t len = 1; len <= sizeof(frame); len += len < 300 ? 1 : 97) {
        size_t encoded = slip_encode(mqttsn_span(frame, len), line);

        assert_true(encoded <= SLIP_ENCODED_MAX(len));
        assert_int_equal(feed(line, encoded, &last), 1);
        assert_true(mqttsn_span_equal(last, mqttsn_span(frame, len)));
    }
}

static void what_is_no_frame_is_dropped_and_the_next_is_taken(void **unused)
{
    static const struct {
        const char *why;
        const char *octets;
        size_t len;
    } rows[] = {
        {"nothing between two ENDs", "\xc0\xc0\xc0", 3},
        {"an escape of nothing", "a\xdb\xc0", 3},
        {"an escape of something else", "a\xdb\x41\xc0", 4},
    };
    struct mqttsn_span last = {0};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(feed(rows[i].octets, rows[i].len, &last), 0);
        assert_int_equal(feed("\x02\x16\xc0", 3, &last), 1);
        assert_true(mqttsn_span_equal(last, mqttsn_span("\x02\x16", 2)));
    }
}

static void a_frame_that_is_too_long_is_dropped(void **unused)
{
    struct mqttsn_span last = {0};

    (void)unused;
    for (size_t i = 0; i < SLIP_FRAME_MAX + 1; i++)
        assert_int_equal(feed("x", 1, &last), 0);
    assert_int_equal(feed("\xc0", 1, &last), 0);
    assert_int_equal(feed("y\xc0", 2, &last), 1);
    assert_int_equal(last.len, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet_comes_through),
        cmocka_unit_test(what_is_no_frame_is_dropped_and_the_next_is_taken),
        cmocka_unit_test(a_frame_that_is_too_long_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
