/* SPDX-License-Identifier: MIT */
#include "io/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

/* Turns of the loop that a test waits for something, a millisecond each where
 * nothing happens. */
#define TURNS 20000

#define BIG 100000

static struct rig {
    uv_loop_t loop;
    uv_timer_t tick; /* so that a turn ends */
    char directory[64], path[96];
    struct gw_ctl *ctl;
    unsigned asked, refusals; /* so often calloc() will have no memory */
} rig;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (rig.refusals == 0)
        return __real_calloc(count, size);
    rig.refusals--;
    return NULL;
}

/* "echo/X" is said again, "big" is long, "trace/X" traces, "off" ends all. */
static struct mqttsn_span answer(void *user,
                                 const struct gw_ctl_request *request,
                                 char *buf, size_t cap,
                                 struct mqttsn_span *ret_trace)
{
    size_t len;

    assert_ptr_equal(user, &rig);
    assert_int_equal(request->uid, getuid());
    rig.asked++;
    if (mqttsn_span_equal(request->word, mqttsn_span_text("big"))) {
        memset(buf, 'x', BIG);
        return mqttsn_span(buf, BIG);
    }
    if (mqttsn_span_equal(request->word, mqttsn_span_text("trace")))
        *ret_trace = request->argument;
    if (mqttsn_span_equal(request->word, mqttsn_span_text("off")))
        *ret_trace = mqttsn_span("", 0);
    len = (size_t)snprintf(buf, cap, "{\"%.*s\"}", (int)request->argument.len,
                           (const char *)request->argument.data);
    return mqttsn_span(buf, len);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

static enum mqttsn_status open_at(const char *path, const char *group,
                                  unsigned idle_ms, char *why)
{
    const struct gw_ctl_setup setup = {.path = path,
                                       .group = group,
                                       .idle_ms = idle_ms,
                                       .answer = answer,
                                       .user = &rig};

    return gw_ctl_open(&rig.loop, &setup, why, &rig.ctl);
}

static int set_up(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    strcpy(rig.directory, "/tmp/gw-ctl-XXXXXX");
    assert_non_null(mkdtemp(rig.directory));
    snprintf(rig.path, sizeof(rig.path), "%s/s", rig.directory);
    uv_loop_init(&rig.loop);
    uv_timer_init(&rig.loop, &rig.tick);
    uv_timer_start(&rig.tick, on_tick, 1, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gw_ctl_close(rig.ctl);
    uv_close((uv_handle_t *)&rig.tick, NULL);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    unlink(rig.path);
    assert_int_equal(rmdir(rig.directory), 0);
    return 0;
}

static void start(unsigned idle_ms)
{
    char why[GW_CTL_WHY_MAX] = "";
    enum mqttsn_status status = open_at(rig.path, NULL, idle_ms, why);

    if (status != MQTTSN_OK)
        fail_msg("%s", why);
}

static void turn(void)
{
    uv_run(&rig.loop, UV_RUN_ONCE);
}

static int join(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(at.sun_path, rig.path, strlen(rig.path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t left = strlen(text);

    for (unsigned n = 0; left > 0 && n < TURNS; n++) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

        if (sent > 0) {
            text += sent;
            left -= (size_t)sent;
        } else {
            assert_int_equal(errno, EAGAIN);
            turn();
        }
    }
    assert_int_equal(left, 0);
}

/* Reads up to a line feed, which is cut off; -1: the connection has ended. */
static ssize_t hear(int fd, char *buf, size_t cap)
{
    size_t len = 0;

    for (unsigned n = 0; n < TURNS;) {
        ssize_t there = recv(fd, buf + len, cap - len, MSG_PEEK);
        char *end = there > 0 ? memchr(buf + len, '\n', (size_t)there) : NULL;

        if (there > 0) {
            /* What is behind the line stays. */
            if (end != NULL)
                there = end + 1 - (buf + len);
            assert_int_equal(read(fd, buf + len, (size_t)there), there);
            len += (size_t)there;
            assert_true(len < cap);
        } else if (there == 0 || errno != EAGAIN) {
            return -1;
        } else {
            turn();
            n++;
        }
        if (end != NULL) {
            *end = '\0';
            return (ssize_t)len - 1;
        }
    }
    fail_msg("nothing comes");
    return -1;
}

static void assert_hears(int fd, const char *expected)
{
    char line[512];

    assert_true(hear(fd, line, sizeof(line)) >= 0);
    assert_string_equal(line, expected);
}

static void assert_ended(int fd)
{
    char line[512];

    assert_int_equal(hear(fd, line, sizeof(line)), -1);
    close(fd);
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
    rig.refusals = 1000;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        fd[i] = join();
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        assert_ended(fd[i]);

    CASE("who came while the first was turned away has waited");
    rig.refusals = 2;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        fd[i] = join();
    say(fd[2], "echo/a\n");
    assert_ended(fd[0]);
    assert_hears(fd[2], "{\"a\"}");
    close(fd[1]);
    close(fd[2]);
}

/* ---- traces ------------------------------------------------------------ */

static void frames_are_told_to_who_wants_them(void **state)
{
    int one, other;

    (void)state;
    start(GW_CTL_IDLE_MS);
    assert_false(gw_ctl_traces(rig.ctl));
    assert_false(gw_ctl_traces(NULL));
    assert_false(gw_ctl_traces_client(NULL, mqttsn_span_text("n1")));
    one = join();
    other = join();
    say(one, "trace/n1\n");
    assert_hears(one, "{\"n1\"}");
    say(other, "trace/n2\n");
    assert_hears(other, "{\"n2\"}");
    assert_true(gw_ctl_traces(rig.ctl));
    assert_true(gw_ctl_traces_client(rig.ctl, mqttsn_span_text("n2")));
    assert_false(gw_ctl_traces_client(rig.ctl, mqttsn_span_text("n")));

    gw_ctl_tell(rig.ctl, mqttsn_span_text("n2"), mqttsn_span_text("{2}"));
    gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span_text("{1}"));
    assert_hears(one, "{1}");
    assert_hears(other, "{2}");

    CASE("off ends all of them");
    say(one, "off\n");
    assert_hears(one, "{\"trace\":\"off\"}");
    assert_hears(one, "{\"\"}");
    assert_hears(other, "{\"trace\":\"off\"}");
    assert_false(gw_ctl_traces(rig.ctl));

    CASE("so does leaving");
    say(one, "trace/n1\n");
    assert_hears(one, "{\"n1\"}");
    close(one);
    for (unsigned n = 0; n < TURNS && gw_ctl_traces(rig.ctl); n++)
        turn();
    assert_false(gw_ctl_traces(rig.ctl));
    close(other);
}

static void who_reads_too_slowly_misses_frames(void **state)
{
    enum { FRAMES = 20000 };
    char line[256];
    unsigned heard = 0, missed = 0;
    int fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    fd = join();
    say(fd, "trace/n1\n");
    assert_hears(fd, "{\"n1\"}");
    memset(line, 'x', 100);
    for (unsigned i = 0; i < FRAMES; i++)
        gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span(line, 100));
    /* It reads what there is, and then there is room for one more. */
    while (missed == 0 && heard <= FRAMES) {
        if (hear(fd, line, sizeof(line)) < 100)
            missed = (unsigned)strtoul(line + strlen("{\"missed\":"), NULL, 10);
        else
            heard++;
        memset(line, 'x', 100);
        gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span(line, 100));
    }
    assert_true(missed > 0);
    assert_true(heard < FRAMES);
    close(fd);
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
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_RIG(requests_are_answered_one_after_the_other),
        WITH_RIG(a_request_without_end_ends_the_connection),
        WITH_RIG(who_says_nothing_gives_way),
        WITH_RIG(who_is_being_served_does_not_give_way),
        WITH_RIG(who_does_nothing_for_a_while_is_closed),
        WITH_RIG(who_never_reads_holds_up_nobody),
        WITH_RIG(without_memory_it_still_listens),
        WITH_RIG(frames_are_told_to_who_wants_them),
        WITH_RIG(who_reads_too_slowly_misses_frames),
        WITH_RIG(the_socket_is_for_its_group_and_goes_with_us),
        WITH_RIG(what_is_not_ours_any_more_stays),
        WITH_RIG(a_socket_that_was_left_is_taken_over),
        WITH_RIG(what_cannot_be_had_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
