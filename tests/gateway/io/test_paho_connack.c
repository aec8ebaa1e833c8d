/* SPDX-License-Identifier: MIT */
#include "io/paho_connack.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FD 7

static const uint8_t connect_5[] = {0x10, 0x0d, 0, 4, 'M', 'Q', 'T', 'T', 5};
static const uint8_t connect_4[] = {0x10, 0x0c, 0, 4, 'M', 'Q', 'T', 'T', 4};
static const uint8_t long_5[] = {0x10, 0x80, 0x80, 0x01, 0, 4,
                                 'M',  'Q',  'T',  'T',  5};

static bool reads(const uint8_t *octets, size_t len, size_t at_a_time)
{
    bool old = false;

    for (size_t at = 0; at < len; at += at_a_time) {
        size_t n = len - at < at_a_time ? len - at : at_a_time;

        old = gw_paho_connack_is_old(FD, octets + at, n) || old;
    }
    return old;
}

static void an_answer_in_the_old_words_is_known(void **state)
{
    static const struct {
        const char *why;
        const uint8_t *connect;
        size_t connect_len;
        uint8_t answer[8];
        size_t len;
        bool old;
    } rows[] = {
        {"refused in the old words",
         connect_5,
         sizeof(connect_5),
         {0x20, 2, 0, 1},
         4,
         true},
        {"accepted in the old words",
         connect_5,
         sizeof(connect_5),
         {0x20, 2, 0, 0},
         4,
         true},
        {"behind a long length",
         long_5,
         sizeof(long_5),
         {0x20, 2, 0, 1},
         4,
         true},
        {"in those of MQTT 5",
         connect_5,
         sizeof(connect_5),
         {0x20, 3, 0, 0x84, 0},
         5,
         false},
        {"to MQTT 3.1.1",
         connect_4,
         sizeof(connect_4),
         {0x20, 2, 0, 1},
         4,
         false},
        {"a CONNECT that is cut off", connect_5, 5, {0x20, 2, 0, 1}, 4, false},
        {"another packet",
         connect_5,
         sizeof(connect_5),
         {0x40, 2, 0, 1},
         4,
         false},
        {"later ones are not looked at",
         connect_5,
         sizeof(connect_5),
         {0x20, 3, 0, 0, 0, 0x20, 2, 0},
         8,
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t at_a_time = 1; at_a_time <= 8; at_a_time++) {
            CASE(rows[i].why);
            gw_paho_connack_await(FD, rows[i].connect, rows[i].connect_len);
            assert_int_equal(reads(rows[i].answer, rows[i].len, at_a_time),
                             rows[i].old);
        }
}

static void what_is_no_connect_changes_nothing(void **state)
{
    static const uint8_t publish[] = {0x30, 4, 0, 1, 'a', 'b'};
    static const uint8_t old[] = {0x20, 2, 0, 1};

    (void)state;
    gw_paho_connack_await(FD, connect_5, sizeof(connect_5));
    gw_paho_connack_await(FD, publish, sizeof(publish));
    gw_paho_connack_await(FD, publish, 0);
    assert_true(reads(old, sizeof(old), 1));
    CASE("descriptors that there are not");
    gw_paho_connack_await(-1, connect_5, sizeof(connect_5));
    gw_paho_connack_await(1 << 20, connect_5, sizeof(connect_5));
    assert_false(gw_paho_connack_is_old(-1, old, sizeof(old)));
    assert_false(gw_paho_connack_is_old(1 << 20, old, sizeof(old)));
}

/* No answer is better than one that Paho stumbles over. */
static void one_that_is_not_followed_is_shut_down(void **state)
{
    const struct rlimit many = {GW_PAHO_DESCRIPTORS_MAX + 8,
                                GW_PAHO_DESCRIPTORS_MAX + 8};
    uint8_t octet;
    int pair[2], high;

    (void)state;
    if (setrlimit(RLIMIT_NOFILE, &many) != 0)
        skip(); /* then there is none here */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    high = fcntl(pair[0], F_DUPFD, GW_PAHO_DESCRIPTORS_MAX);
    assert_true(high >= GW_PAHO_DESCRIPTORS_MAX);
    close(pair[0]);

    gw_paho_connack_await(high, connect_4, sizeof(connect_4));
    assert_int_equal(recv(pair[1], &octet, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    gw_paho_connack_await(high, connect_5, sizeof(connect_5));
    assert_int_equal(recv(pair[1], &octet, 1, MSG_DONTWAIT), 0);
    close(high);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_in_the_old_words_is_known),
        cmocka_unit_test(what_is_no_connect_changes_nothing),
        cmocka_unit_test(one_that_is_not_followed_is_shut_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
