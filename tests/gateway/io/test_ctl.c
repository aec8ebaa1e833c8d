/* SPDX-License-Identifier: MIT */
#include "ctl_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned refusals; /* so often calloc() will have no memory */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (refusals == 0)
        return __real_calloc(count, size);
    refusals--;
    return NULL;
}

/* ---- requests ---------------------------------------------------------- */

static void a_request_is_taken_apart(void **state)
{
    static const struct {
        const char *line;
        bool good;
        const char *word, *argument;
        size_t count;
        const char *key, *value; /* of the last parameter */
    } rows[] = {
        {"status", true, "status", "", 0, "", ""},
        {"client/n7", true, "client", "n7", 0, "", ""},
        {"client/a%20b%2fC%C3%A4", true, "client", "a b/C\xc3\xa4", 0, "", ""},
        {"client/a/b", true, "client", "a/b", 0, "", ""},
        {"clients?state=asleep", true, "clients", "", 1, "state", "asleep"},
        {"x/y?a=1&b=%26%3d", true, "x", "y", 2, "b", "&="},
        {"x?a=", true, "x", "", 1, "a", ""},
        {"x?a", false, "", "", 0, "", ""},
        {"x?", false, "", "", 0, "", ""},
        {"x?a=1&", false, "", "", 0, "", ""},
        {"x/%4", false, "", "", 0, "", ""},
        {"x/%zz", false, "", "", 0, "", ""},
        {"x/%", false, "", "", 0, "", ""},
        {"x/\x01", false, "", "", 0, "", ""},
        {"x?a=1&a=2&a=3&a=4&a=5&a=6&a=7&a=8&a=9", false, "", "", 0, "", ""},
        {"", true, "", "", 0, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_ctl_request r;
        char line[128];
        size_t n = strlen(rows[i].line);

        CASE(rows[i].line);
        memcpy(line, rows[i].line, n);
        assert_int_equal(gw_ctl_parse(line, n, &r), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_true(mqttsn_span_equal(r.word, mqttsn_span_text(rows[i].word)));
        assert_true(
            mqttsn_span_equal(r.argument, mqttsn_span_text(rows[i].argument)));
        assert_int_equal(r.parameter_count, rows[i].count);
        if (r.parameter_count == 0)
            continue;
        assert_string_equal(r.parameters[r.parameter_count - 1].key,
                            rows[i].key);
        assert_true(mqttsn_span_equal(r.parameters[r.parameter_count - 1].value,
                                      mqttsn_span_text(rows[i].value)));
    }
}

static void requests_are_answered_one_after_the_other(void **state)
{
    int fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    fd = join();
    say(fd, "echo/a\necho/b\r\nec");
    assert_hears(fd, "{\"a\"}");
    assert_hears(fd, "{\"b\"}");
    assert_int_equal(rig.asked, 2);
    say(fd, "ho/c\nx/%\n");
    assert_hears(fd, "{\"c\"}");
    assert_hears(fd, "{\"error\":\"this is no request\","
                     "\"code\":\"bad_request\"}");
    say(fd, "echo/d\n");
    assert_hears(fd, "{\"d\"}");
    close(fd);
    for (unsigned n = 0; n < 10; n++)
        turn();
}

static void a_request_without_end_ends_the_connection(void **state)
{
    char line[GW_CTL_REQUEST_MAX + 1];
    int fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    fd = join();
    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    say(fd, line);
    assert_hears(fd, "{\"error\":\"this is too long\","
                     "\"code\":\"bad_request\"}");
    assert_ended(fd);
}

/* ---- clients that misbehave -------------------------------------------- */

static void who_says_nothing_gives_way(void **state)
{
    int idle[GW_CTL_CLIENTS_MAX], fd;
    unsigned gone = 0;

    (void)state;
    start(GW_CTL_IDLE_MS);
    for (size_t i = 0; i < GW_CTL_CLIENTS_MAX; i++) {
        idle[i] = join();
        say(idle[i], "half a req");
    }
    fd = join();
    say(fd, "echo/a\n");
    assert_hears(fd, "{\"a\"}");
    for (size_t i = 0; i < GW_CTL_CLIENTS_MAX; i++) {
        char octet;

        /* Reset, if the loop had not read what it said. */
        if (recv(idle[i], &octet, 1, MSG_PEEK) == 0 || errno != EAGAIN) {
            gone++;
        } else {
            say(idle[i], "uest\n");
            assert_hears(idle[i], "{\"\"}");
        }
        close(idle[i]);
    }
    assert_int_equal(gone, 1);
    close(fd);
}

static void who_is_being_served_does_not_give_way(void **state)
{
    int busy[GW_CTL_CLIENTS_MAX], fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    for (size_t i = 0; i < GW_CTL_CLIENTS_MAX; i++) {
        busy[i] = join();
        say(busy[i], "trace/n1\n");
        assert_hears(busy[i], "{\"n1\"}");
    }
    fd = join();
    assert_ended(fd);
    for (size_t i = 0; i < GW_CTL_CLIENTS_MAX; i++)
        close(busy[i]);
}

static void who_does_nothing_for_a_while_is_closed(void **state)
{
    char *line = malloc(2 * BIG);
    int idle, stuck, traces;
    unsigned heard = 0;

    (void)state;
    start(1500);
    traces = join();
    say(traces, "trace/n1\n");
    assert_hears(traces, "{\"n1\"}");
    idle = join();
    stuck = join();
    say(stuck, "big\nbig\nbig\nbig\nbig\nbig\nbig\nbig\nbig\nbig\n");
    assert_ended(idle);

    CASE("so is who never reads: what it has in its socket is all");
    for (unsigned n = 0; n < TURNS; n++) {
        struct pollfd gone = {.fd = stuck, .events = POLLRDHUP};

        if (poll(&gone, 1, 0) == 1)
            break;
        turn();
    }
    while (hear(stuck, line, 2 * BIG) >= 0)
        heard++;
    assert_true(heard < 10);

    CASE("but not who waits for frames");
    gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span_text("{}"));
    assert_hears(traces, "{}");
    close(stuck);
    close(traces);
    free(line);
}

static void who_never_reads_holds_up_nobody(void **state)
{
    enum { REQUESTS = 40 };
    char *line = malloc(2 * BIG);
    int slow, fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    slow = join();
    for (unsigned i = 0; i < REQUESTS; i++)
        say(slow, "big\n");
    fd = join();
    for (unsigned i = 0; i < 20; i++) {
        say(fd, "echo/a\n");
        assert_hears(fd, "{\"a\"}");
    }
    /* No more was made than the socket has taken, and one. */
    assert_true(rig.asked < 20 + 10);
    for (unsigned i = 0; i < REQUESTS; i++)
        assert_int_equal(hear(slow, line, 2 * BIG), BIG);
    close(slow);
    close(fd);
    free(line);
}

static void without_memory_it_still_listens(void **state)
{
    int fd[3];

    (void)state;
    start(GW_CTL_IDLE_MS);
    CASE("nobody is served");
    refusals = 1000;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        fd[i] = join();
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        assert_ended(fd[i]);

    CASE("who came while the first was turned away has waited");
    refusals = 2;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        fd[i] = join();
    say(fd[2], "echo/a\n");
    assert_ended(fd[0]);
    assert_hears(fd[2], "{\"a\"}");
    close(fd[1]);
    close(fd[2]);
}

/* ---- the socket -------------------------------------------------------- */

static void the_socket_is_for_its_group_and_goes_with_us(void **state)
{
    struct stat there;

    (void)state;
    start(GW_CTL_IDLE_MS);
    assert_int_equal(lstat(rig.path, &there), 0);
    assert_true(S_ISSOCK(there.st_mode));
    assert_int_equal(there.st_mode & 0777, 0660);
    gw_ctl_close(rig.ctl);
    rig.ctl = NULL;
    assert_int_equal(lstat(rig.path, &there), -1);
}

static void what_is_not_ours_any_more_stays(void **state)
{
    struct stat there;

    (void)state;
    start(GW_CTL_IDLE_MS);
    assert_int_equal(unlink(rig.path), 0);
    close(open(rig.path, O_CREAT | O_WRONLY, 0600));
    gw_ctl_close(rig.ctl);
    rig.ctl = NULL;
    assert_int_equal(lstat(rig.path, &there), 0);
}

static void a_socket_that_was_left_is_taken_over(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM, 0), fd;

    (void)state;
    memcpy(at.sun_path, rig.path, strlen(rig.path) + 1);
    assert_int_equal(bind(left, (struct sockaddr *)&at, sizeof(at)), 0);
    close(left); /* as a process does that is killed */
    start(GW_CTL_IDLE_MS);
    fd = join();
    say(fd, "echo/a\n");
    assert_hears(fd, "{\"a\"}");
    close(fd);
}

static void what_cannot_be_had_is_said(void **state)
{
    char why[GW_CTL_WHY_MAX], path[256];
    struct gw_ctl *first;
    struct stat there;

    (void)state;
    start(GW_CTL_IDLE_MS);
    CASE("another listens");
    first = rig.ctl;
    assert_int_equal(open_at(rig.path, NULL, 1000, why), MQTTSN_EIO);
    assert_string_equal(why, "another gateway listens there");
    rig.ctl = first;

    CASE("no directory");
    snprintf(path, sizeof(path), "%s/none/s", rig.directory);
    assert_int_equal(open_at(path, NULL, 1000, why), MQTTSN_ENOTFOUND);
    CASE("too long");
    memset(path, 'x', 200);
    path[200] = '\0';
    assert_int_equal(open_at(path, NULL, 1000, why), MQTTSN_EIO);
    assert_string_equal(why, "the path is too long for a socket");
    CASE("a file");
    snprintf(path, sizeof(path), "%s/f", rig.directory);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_at(path, NULL, 1000, why), MQTTSN_EIO);
    assert_string_equal(why, "there is something else of that name");
    CASE("below a file");
    strcat(path, "/s");
    assert_int_equal(open_at(path, NULL, 1000, why), MQTTSN_EIO);
    assert_string_equal(why, "cannot be looked at: Not a directory");
    *strrchr(path, '/') = '\0';
    unlink(path);
    CASE("no such group");
    assert_int_equal(open_at(path, "no-such-group-here", 1000, why),
                     MQTTSN_EIO);
    assert_non_null(strstr(why, "no such group"));
    assert_int_equal(lstat(path, &there), -1);
    rig.ctl = first;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        WITH_RIG(requests_are_answered_one_after_the_other),
        WITH_RIG(a_request_without_end_ends_the_connection),
        WITH_RIG(who_says_nothing_gives_way),
        WITH_RIG(who_is_being_served_does_not_give_way),
        WITH_RIG(who_does_nothing_for_a_while_is_closed),
        WITH_RIG(who_never_reads_holds_up_nobody),
        WITH_RIG(without_memory_it_still_listens),
        WITH_RIG(the_socket_is_for_its_group_and_goes_with_us),
        WITH_RIG(what_is_not_ours_any_more_stays),
        WITH_RIG(a_socket_that_was_left_is_taken_over),
        WITH_RIG(what_cannot_be_had_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
