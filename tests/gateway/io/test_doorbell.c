/* SPDX-License-Identifier: MIT */
/*
 * When the doorbell rings. Its rings are counted where they are sent; in which
 * look of Paho's receiving thread they come is what the test says.
 */
#include "io/doorbell.h"

#include "io/paho_reader.h"

#include <sys/socket.h>
#include <sys/types.h>

#include "check.h"

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
unsigned __wrap_gw_paho_reader_looks(void);

static unsigned rings, look;

unsigned __wrap_gw_paho_reader_looks(void)
{
    return look;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    static const uint8_t ring[] = {0xd0, 0x00};

    rings += len == sizeof(ring) && memcmp(data, ring, len) == 0;
    return __real_send(fd, data, len, flags);
}

static void nothing_rings_before_it_is_there(void **unused)
{
    const char *reason = NULL;

    (void)unused;
    gw_doorbell_ring();
    assert_int_equal(rings, 0);

    assert_true(gw_doorbell_start(&reason));
    gw_doorbell_ring();
    assert_int_equal(rings, 1);
}

static void in_one_look_it_rings_once(void **unused)
{
    (void)unused;
    look = 5;
    rings = 0;

    gw_doorbell_ring();
    gw_doorbell_ring();

    assert_int_equal(rings, 1);
}

static void what_is_no_more_the_same_look_needs_a_new_ring(void **unused)
{
    (void)unused;
    look = 7;
    rings = 0;

    gw_doorbell_ring();
    look++; /* poll has returned, and the thread reads */
    gw_doorbell_ring();
    look++;
    gw_doorbell_ring();

    assert_int_equal(rings, 3);
}

static void where_looks_are_not_counted_each_ring_goes_out(void **unused)
{
    (void)unused;
    look = 0;
    rings = 0;

    gw_doorbell_ring();
    gw_doorbell_ring();

    assert_int_equal(rings, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_rings_before_it_is_there),
        cmocka_unit_test(in_one_look_it_rings_once),
        cmocka_unit_test(what_is_no_more_the_same_look_needs_a_new_ring),
        cmocka_unit_test(where_looks_are_not_counted_each_ring_goes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
