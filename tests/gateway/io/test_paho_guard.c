/* SPDX-License-Identifier: MIT */
#include "io/paho_guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h> /* the C library's knows less */
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

/* A connection over loopback. */
struct pair {
    int listener, ours, theirs;
};

static struct pair pair_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    struct pair p = {.listener = socket(AF_INET, SOCK_STREAM, 0),
                     .ours = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(p.listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(p.listener, 1), 0);
    assert_int_equal(getsockname(p.listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(p.ours, (struct sockaddr *)&at, len), 0);
    p.theirs = accept(p.listener, NULL, NULL);
    assert_true(p.theirs >= 0);
    return p;
}

static void pair_close(const struct pair *p)
{
    close(p->listener);
    close(p->ours);
    close(p->theirs);
}

/* A packet in two pieces, as Paho writes them. */
static ssize_t write_packet(int fd, uint8_t first)
{
    uint8_t header[2] = {first, 4}, body[4] = {'a', 'b', 'c', 'd'};
    struct iovec iov[2] = {{header, sizeof(header)}, {body, sizeof(body)}};

    return writev(fd, iov, 2);
}

static void read_packets(const struct pair *p, const char *firsts)
{
    uint8_t octets[6];

    for (; *firsts != '\0'; firsts++) {
        assert_int_equal(recv(p->theirs, octets, sizeof(octets), MSG_WAITALL),
                         sizeof(octets));
        assert_int_equal(octets[0], (uint8_t)*firsts);
        assert_memory_equal(octets + 2, "abcd", 4);
    }
}

/* Segments with data that left so far. */
static uint32_t segments(const struct pair *p)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    assert_int_equal(getsockopt(p->ours, IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info.tcpi_data_segs_out;
}

static void begin_connection(const struct pair *p)
{
    assert_int_equal(write_packet(p->ours, 0x10), 6);
    read_packets(p, "\x10");
}

static void a_connection_is_told_to_send_at_once(void **unused)
{
    struct pair p = pair_open();
    int set = 0;
    socklen_t len = sizeof(set);

    (void)unused;
    begin_connection(&p);

    assert_int_equal(getsockopt(p.ours, IPPROTO_TCP, TCP_NODELAY, &set, &len),
                     0);
    assert_int_not_equal(set, 0);
    assert_true(gw_paho_guard_used());
    pair_close(&p);
}

static void publishes_that_nobody_announced_leave_one_by_one(void **unused)
{
    struct pair p = pair_open();
    uint32_t before;

    (void)unused;
    begin_connection(&p);
    before = segments(&p);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(write_packet(p.ours, 0x30), 6);

    read_packets(&p, "00000000");
    assert_int_equal(segments(&p) - before, 8);
    pair_close(&p);
}

static void publishes_that_follow_each_other_leave_together(void **unused)
{
    struct pair p = pair_open();
    uint32_t before;

    (void)unused;
    begin_connection(&p);
    before = segments(&p);
    gw_paho_guard_expect(8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(write_packet(p.ours, i % 2 == 0 ? 0x30 : 0x32), 6);

    read_packets(&p, "02020202");
    /* One; a machine that sleeps for the 200 ms of the system makes it more. */
    assert_true(segments(&p) - before < 8);
    pair_close(&p);
}

static void another_packet_does_not_wait(void **unused)
{
    struct pair p = pair_open();

    (void)unused;
    begin_connection(&p);
    gw_paho_guard_expect(100);
    assert_int_equal(write_packet(p.ours, 0x30), 6);
    assert_int_equal(write_packet(p.ours, (uint8_t)'\x82'), 6);

    read_packets(&p, "0\x82");
    gw_paho_guard_forget(100);
    pair_close(&p);
}

static void what_will_not_come_is_forgotten(void **unused)
{
    struct pair p = pair_open();
    uint32_t before;

    (void)unused;
    begin_connection(&p);
    gw_paho_guard_expect(5);
    gw_paho_guard_forget(4);
    before = segments(&p);
    assert_int_equal(write_packet(p.ours, 0x30), 6);
    assert_int_equal(write_packet(p.ours, 0x30), 6);

    read_packets(&p, "00");
    assert_int_equal(segments(&p) - before, 2);
    gw_paho_guard_forget(1); /* never below none */
    pair_close(&p);
}

static void a_new_connection_expects_nothing(void **unused)
{
    struct pair p = pair_open();
    uint32_t before;

    (void)unused;
    gw_paho_guard_expect(1000);
    begin_connection(&p);
    before = segments(&p);
    assert_int_equal(write_packet(p.ours, 0x30), 6);
    assert_int_equal(write_packet(p.ours, 0x30), 6);

    read_packets(&p, "00");
    assert_int_equal(segments(&p) - before, 2);
    pair_close(&p);
}

static void a_broken_connection_is_busy(void **unused)
{
    struct pair p = pair_open();
    struct linger hard = {1, 0};

    (void)unused;
    begin_connection(&p);
    gw_paho_guard_expect(2);
    assert_int_equal(
        setsockopt(p.theirs, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(p.theirs);
    for (unsigned i = 0; i < 2; i++) {
        errno = 0;
        assert_int_equal(write_packet(p.ours, 0x32), -1);
        assert_int_equal(errno, EAGAIN);
    }
    close(p.ours);
    close(p.listener);
}

static void what_is_no_socket_is_written_all_the_same(void **unused)
{
    uint8_t octets[6];
    int ends[2];

    (void)unused;
    assert_int_equal(pipe(ends), 0);
    gw_paho_guard_expect(2);
    assert_int_equal(write_packet(ends[1], 0x30), 6);
    assert_int_equal(read(ends[0], octets, sizeof(octets)), 6);
    gw_paho_guard_forget(2);
    close(ends[0]);
    close(ends[1]);
}

/* And as Paho makes it: without the signal of a broken pipe. */
static int on_paho_thread(void **unused)
{
    (void)unused;
    signal(SIGPIPE, SIG_IGN);
    return prctl(PR_SET_NAME, "MQTTAsync_send");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_told_to_send_at_once),
        cmocka_unit_test(publishes_that_nobody_announced_leave_one_by_one),
        cmocka_unit_test(publishes_that_follow_each_other_leave_together),
        cmocka_unit_test(another_packet_does_not_wait),
        cmocka_unit_test(what_will_not_come_is_forgotten),
        cmocka_unit_test(a_new_connection_expects_nothing),
        cmocka_unit_test(a_broken_connection_is_busy),
        cmocka_unit_test(what_is_no_socket_is_written_all_the_same),
    };

    return cmocka_run_group_tests(tests, on_paho_thread, NULL);
}
