/* SPDX-License-Identifier: MIT */
#include "io/paho_reader.h"

#include "io/paho_frames.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

/* Each test runs on a thread of this name; assertions are made outside. */
#define RECEIVER "MQTTAsync_rcv"

static int ours, theirs; /* a connection; the thread reads 'ours' */
static unsigned told;

static void tell(void *user)
{
    (void)user;
    told++;
}

static short readable(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout) > 0 ? p.revents : 0;
}

/* Octets that the system still has for 'fd'. */
static int unread(int fd)
{
    int n = -1;

    return ioctl(fd, FIONREAD, &n) == 0 ? n : -1;
}

struct outcome {
    const char *name; /* of the thread */
    long value[8];
};

static void run(struct outcome *outcome, void *(*body)(void *))
{
    int pair[2];
    pthread_t thread;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    told = 0;
    assert_int_equal(pthread_create(&thread, NULL, body, outcome), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    gw_paho_reader_cancel(NULL);
    close(ours);
    close(theirs);
}

static void *read_in_pieces(void *arg)
{
    struct outcome *o = arg;
    char got[8];

    prctl(PR_SET_NAME, o->name);
    o->value[0] = send(theirs, "abcdefg", 7, 0);
    o->value[1] = readable(ours, 1000);
    o->value[2] = recv(ours, got, 1, 0);
    o->value[3] = unread(ours);
    o->value[4] = readable(ours, 1000);
    o->value[5] = recv(ours, got + 1, 2, 0);
    o->value[6] = recv(ours, got + 3, 5, 0);
    o->value[7] = memcmp(got, "abcdefg", 7);
    return NULL;
}

static void a_packet_is_read_with_one_call(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, read_in_pieces);

    assert_int_equal(o.value[1], POLLIN);
    assert_int_equal(o.value[2], 1);
    assert_int_equal(o.value[3], 0); /* the system has nothing left of it */
    assert_int_equal(o.value[4], POLLIN);
    assert_int_equal(o.value[5], 2);
    assert_int_equal(o.value[6], 4);
    assert_int_equal(o.value[7], 0);
}

static void another_thread_reads_as_ever(void **unused)
{
    struct outcome o = {.name = "another"};

    (void)unused;
    run(&o, read_in_pieces);

    assert_int_equal(o.value[2], 1);
    assert_int_equal(o.value[3], 6);
    assert_int_equal(o.value[6], 4);
    assert_int_equal(o.value[7], 0);
}

static void *read_to_the_end(void *arg)
{
    struct outcome *o = arg;
    char got[8];

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    send(theirs, "abc", 3, 0);
    shutdown(theirs, SHUT_WR);
    o->value[0] = recv(ours, got, 2, 0);
    o->value[1] = recv(ours, got, 8, 0);
    o->value[2] = readable(ours, 1000) & POLLIN;
    o->value[3] = recv(ours, got, 8, 0);
    return NULL;
}

static void the_end_comes_after_the_last_octet(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, read_to_the_end);

    assert_int_equal(o.value[0], 2);
    assert_int_equal(o.value[1], 1);
    assert_int_equal(o.value[2], POLLIN);
    assert_int_equal(o.value[3], 0);
}

static void *read_two(void *arg)
{
    struct outcome *o = arg;
    int other[2];
    char got[8];

    prctl(PR_SET_NAME, o->name);
    o->value[0] = socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    (void)readable(ours, 0);
    send(theirs, "abc", 3, 0);
    send(other[1], "xyz", 3, 0);
    o->value[1] = recv(ours, got, 1, 0);
    o->value[2] = recv(other[0], got + 1, 1, 0);
    o->value[3] = recv(ours, got + 2, 4, 0);
    o->value[4] = recv(other[0], got + 4, 4, 0);
    o->value[5] = memcmp(got, "axbcyz", 6);
    close(other[0]);
    close(other[1]);
    return NULL;
}

static void connections_are_not_mixed_up(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, read_two);

    assert_int_equal(o.value[1], 1);
    assert_int_equal(o.value[2], 1);
    assert_int_equal(o.value[3], 2);
    assert_int_equal(o.value[4], 2);
    assert_int_equal(o.value[5], 0);
}

static void *close_with_octets_left(void *arg)
{
    struct outcome *o = arg;
    int again[2];
    char got[8];

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    send(theirs, "old", 3, 0);
    o->value[0] = recv(ours, got, 1, 0);
    close(ours);
    o->value[1] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, again);
    o->value[2] = again[0] == ours; /* the system gives the same number */
    o->value[3] = recv(again[0], got, 8, 0);
    o->value[4] = errno;
    ours = again[0];
    close(again[1]);
    return NULL;
}

static void what_is_closed_is_forgotten(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, close_with_octets_left);

    assert_int_equal(o.value[0], 1);
    assert_int_equal(o.value[2], true);
    assert_int_equal(o.value[3], -1);
    assert_int_equal(o.value[4], EAGAIN);
}

/* Somebody who never reads must see what else the system has to say. */
static void *do_not_read(void *arg)
{
    struct outcome *o = arg;
    struct pollfd p = {.events = POLLIN};
    char got[8];

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    send(theirs, "abc", 3, 0);
    o->value[0] = recv(ours, got, 1, 0);
    close(theirs);
    theirs = -1;
    p.fd = ours;
    o->value[1] = poll(&p, 1, 1000);
    o->value[2] = p.revents;
    o->value[3] = poll(&p, 1, 1000);
    o->value[4] = p.revents;
    return NULL;
}

static void the_system_is_asked_when_nobody_reads(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, do_not_read);

    assert_int_equal(o.value[1], 1);
    assert_int_equal(o.value[2], POLLIN);
    assert_int_equal(o.value[3], 1);
    assert_int_equal(o.value[4], POLLIN | POLLHUP);
}

static short writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/* Fills the way to the other end, so that it cannot be written to. */
static void fill(int fd)
{
    static const char octets[4096];

    while (send(fd, octets, sizeof(octets), MSG_DONTWAIT) > 0)
        continue;
}

static void *ask_to_write(void *arg)
{
    struct outcome *o = arg;
    char got[8];

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    send(theirs, "abcdefg", 7, 0);
    o->value[0] = recv(ours, got, 1, 0);
    o->value[1] = writable(ours);
    fill(ours);
    while (o->value[2] < 100 && writable(ours) != 0)
        o->value[2]++;
    o->value[3] = recv(ours, got, 6, 0);
    o->value[4] = writable(ours);
    return NULL;
}

static void
while_there_is_more_it_stays_writable_but_not_for_long(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, ask_to_write);

    assert_int_equal(o.value[0], 1);
    assert_int_equal(o.value[1], POLLOUT);
    assert_in_range(o.value[2], 1, 99);
    assert_int_equal(o.value[3], 6);
    assert_int_equal(o.value[4], 0);
}

static void another_thread_always_asks(void **unused)
{
    struct outcome o = {.name = "another"};

    (void)unused;
    run(&o, ask_to_write);

    assert_int_equal(o.value[1], POLLOUT);
    assert_int_equal(o.value[2], 0);
}

/* Each of these makes it ask again; value[i] is what it is told then. */
static void *change_what_is_known(void *arg)
{
    struct outcome *o = arg;
    char got[8];
    char rest[1] = {0};
    struct iovec iov = {rest, 1};
    int other[2];

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    send(theirs, "abcdefg", 7, 0);
    (void)recv(ours, got, 1, 0);
    (void)writable(ours);
    fill(ours);
    o->value[0] = writable(ours); /* as before */
    close(dup(ours));
    o->value[1] = writable(ours); /* a descriptor was closed */
    (void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other);
    (void)writable(other[0]);
    fill(other[0]);
    o->value[2] = writable(other[0]); /* as before */
    o->value[3] = writable(ours);     /* another one than the last */
    o->value[4] = writable(other[0]); /* again another */
    close(other[1]);
    close(other[0]);
    (void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other);
    (void)writable(other[0]);
    fill(other[0]);
    o->value[5] = writable(other[0]); /* as before */
    o->value[6] = -1;
    if (writev(other[0], &iov, 1) < 0)
        o->value[6] = writable(other[0]); /* a write came to nothing */
    close(other[1]);
    close(other[0]);
    return NULL;
}

static void what_was_known_is_forgotten_when_it_may_be_wrong(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, change_what_is_known);

    assert_int_equal(o.value[0], POLLOUT);
    assert_int_equal(o.value[1], 0);
    assert_int_equal(o.value[2], POLLOUT);
    assert_int_equal(o.value[3], 0);
    assert_int_equal(o.value[4], 0);
    assert_int_equal(o.value[5], POLLOUT);
    assert_int_equal(o.value[6], 0);
}

static void *defer(void *arg)
{
    struct outcome *o = arg;
    static int other;
    char got[8];

    prctl(PR_SET_NAME, o->name);
    o->value[0] = gw_paho_reader_defer(tell, NULL); /* it has not polled yet */
    (void)readable(ours, 0);
    o->value[1] = gw_paho_reader_defer(tell, NULL);
    o->value[2] = gw_paho_reader_defer(tell, &other);
    send(theirs, "abc", 3, 0);
    (void)readable(ours, 1000); /* there is something: it does not rest */
    o->value[3] = told;
    (void)recv(ours, got, 1, 0);
    (void)readable(ours, 1000); /* what was read ahead, too */
    o->value[4] = told;
    (void)recv(ours, got, 8, 0);
    (void)readable(ours, 1);
    o->value[5] = told;
    (void)readable(ours, 1); /* once */
    o->value[6] = told;
    (void)gw_paho_reader_defer(tell, NULL);
    gw_paho_reader_cancel(NULL);
    (void)readable(ours, 1);
    o->value[7] = told;
    return NULL;
}

static void it_is_told_before_the_thread_waits(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, defer);

    assert_int_equal(o.value[0], false);
    assert_int_equal(o.value[1], true);
    assert_int_equal(o.value[2], false); /* it is somebody else's turn */
    assert_int_equal(o.value[3], 0);
    assert_int_equal(o.value[4], 0);
    assert_int_equal(o.value[5], 1);
    assert_int_equal(o.value[6], 1);
    assert_int_equal(o.value[7], 1);
}

static void another_thread_defers_nothing(void **unused)
{
    struct outcome o = {.name = "another"};

    (void)unused;
    run(&o, defer);

    assert_int_equal(o.value[1], false);
    assert_int_equal(o.value[7], 0);
}

static unsigned look_when_told;

static void note_the_look(void *user)
{
    (void)user;
    look_when_told = gw_paho_reader_looks();
}

static void *look(void *arg)
{
    struct outcome *o = arg;

    prctl(PR_SET_NAME, o->name);
    (void)readable(ours, 0);
    o->value[0] = gw_paho_reader_looks();
    (void)gw_paho_reader_defer(note_the_look, NULL);
    (void)readable(ours, 1);
    o->value[1] = look_when_told;
    o->value[2] = gw_paho_reader_looks();
    (void)writable(ours);
    o->value[3] = gw_paho_reader_looks();
    (void)readable(ours, 0);
    o->value[4] = gw_paho_reader_looks();
    return NULL;
}

/* Else a doorbell that rings between two looks would be taken for one that the
 * first of them has heard. */
static void a_look_is_over_when_poll_returns(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, look);

    assert_int_not_equal(o.value[1], o.value[0]);
    assert_int_not_equal(o.value[2], o.value[1]);
    assert_int_equal(o.value[3], o.value[2]); /* that was none */
    assert_int_not_equal(o.value[4], o.value[3]);
}

#define MANY 10 /* more than a handful */

/* A bit for each that can be read; -1 when poll returns another number. */
static long readable_of(struct pollfd *fds)
{
    int ready = poll(fds, MANY, 1000);
    long bits = 0;

    for (unsigned i = 0; i < MANY; i++)
        if (fds[i].revents & POLLIN) {
            bits |= 1L << i;
            ready--;
        }
    return ready == 0 ? bits : -1;
}

/* WebSockets: 2 and 7 have octets left, the system has some for 4. */
static void *poll_many(void *arg)
{
    static const char answer[] = "HTTP/1.1 101 Switching\r\n\r\n";
    struct outcome *o = arg;
    struct pollfd fds[MANY];
    int pairs[MANY][2];
    char got[64];

    prctl(PR_SET_NAME, o->name);
    for (unsigned i = 0; i < MANY; i++) {
        o->value[0] += socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]);
        gw_paho_frames_begin(pairs[i][0]);
        fds[i] = (struct pollfd){.fd = pairs[i][0], .events = POLLIN};
        if (i == 2 || i == 4 || i == 7)
            send(pairs[i][1], answer, sizeof(answer) - 1, 0);
    }
    o->value[1] = recv(pairs[2][0], got, 1, 0);
    o->value[2] = recv(pairs[7][0], got, 1, 0);
    o->value[3] = unread(pairs[2][0]) + unread(pairs[7][0]);
    o->value[4] = readable_of(fds);
    o->value[5] = recv(pairs[2][0], got, sizeof(got), 0);
    o->value[6] = readable_of(fds);
    for (unsigned i = 0; i < MANY; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    return NULL;
}

static void of_many_all_that_have_octets_left_are_offered(void **unused)
{
    struct outcome o = {.name = RECEIVER};

    (void)unused;
    run(&o, poll_many);

    assert_int_equal(o.value[0], 0);
    assert_int_equal(o.value[1], 1);
    assert_int_equal(o.value[2], 1);
    assert_int_equal(o.value[3], 0);
    assert_int_equal(o.value[4], 1 << 2 | 1 << 4 | 1 << 7);
    assert_int_equal(o.value[5], strlen("HTTP/1.1 101 Switching\r\n\r\n") - 1);
    assert_int_equal(o.value[6], 1 << 4 | 1 << 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read_with_one_call),
        cmocka_unit_test(another_thread_reads_as_ever),
        cmocka_unit_test(the_end_comes_after_the_last_octet),
        cmocka_unit_test(connections_are_not_mixed_up),
        cmocka_unit_test(what_is_closed_is_forgotten),
        cmocka_unit_test(the_system_is_asked_when_nobody_reads),
        cmocka_unit_test(
            while_there_is_more_it_stays_writable_but_not_for_long),
        cmocka_unit_test(another_thread_always_asks),
        cmocka_unit_test(what_was_known_is_forgotten_when_it_may_be_wrong),
        cmocka_unit_test(it_is_told_before_the_thread_waits),
        cmocka_unit_test(another_thread_defers_nothing),
        cmocka_unit_test(a_look_is_over_when_poll_returns),
        cmocka_unit_test(of_many_all_that_have_octets_left_are_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
