/* SPDX-License-Identifier: MIT */
#include "io/daemon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fake_engine.h"

#define LIMIT_MS 5000
#define FULL (GW_UP_CONTROL | GW_UP_DATA)

/* ---- a broker side that does as it is told ----------------------------- */

static struct upstream {
    struct gw_upstream base;
    unsigned room;
    bool refuses; /* submit fails although there is room */
    bool answers; /* each token gets its result at the next turn */
    bool stuck;   /* stop takes all the time it is given */
    size_t started, submitted, stops, frees;
    unsigned stop_limit;
    uint64_t owed[FAKE_MAX];
    size_t owed_count;
    size_t messages; /* from the broker, to be taken */
    uv_timer_t *late;
    void (*stopped)(void *user, bool clean);
    void *stopped_user;
    uv_loop_t *loop;
} up;

static enum mqttsn_status up_start(struct gw_upstream *upstream)
{
    (void)upstream;
    up.started++;
    return MQTTSN_OK;
}

static unsigned up_room(struct gw_upstream *upstream)
{
    (void)upstream;
    return up.room;
}

static enum mqttsn_status up_submit(struct gw_upstream *upstream,
                                    const struct gw_up_action *action)
{
    (void)upstream;
    if (up.refuses)
        return MQTTSN_ENOSPACE;
    up.submitted++;
    if (up.owed_count < FAKE_MAX)
        up.owed[up.owed_count++] = action->token;
    if (up.answers)
        up.base.wake(up.base.user);
    return MQTTSN_OK;
}

static bool up_take(struct gw_upstream *upstream, struct gw_up_event *ret_event)
{
    (void)upstream;
    if (up.messages > 0) {
        *ret_event = (struct gw_up_event){.kind = GW_UP_MESSAGE};
        up.messages--;
        return true;
    }
    if (!up.answers || up.owed_count == 0)
        return false;
    *ret_event = (struct gw_up_event){.kind = GW_UP_RESULT};
    ret_event->result.token = up.owed[--up.owed_count];
    ret_event->result.outcome = GW_UP_DONE;
    return true;
}

static void up_late(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
    up.stopped(up.stopped_user, false);
}

static void up_stop(struct gw_upstream *upstream, unsigned limit_ms,
                    void (*stopped)(void *user, bool clean), void *user)
{
    (void)upstream;
    up.stops++;
    up.stop_limit = limit_ms;
    if (!up.stuck) {
        stopped(user, true);
        return;
    }
    up.stopped = stopped;
    up.stopped_user = user;
    up.late = malloc(sizeof(*up.late));
    uv_timer_init(up.loop, up.late);
    uv_timer_start(up.late, up_late, limit_ms, 0);
}

static void up_free(struct gw_upstream *upstream)
{
    (void)upstream;
    up.frees++;
}

static const struct gw_upstream_ops up_ops = {up_start, up_room, up_submit,
                                              up_take,  up_stop, up_free};

/* ---- the rig ----------------------------------------------------------- */

struct rig {
    uv_loop_t loop;
    uv_timer_t guard;
    bool expired;
    char file[64];
    const char *set[4];
    struct gw_config_sources sources;
    struct gw_daemon *daemon;
    int stopping;
};

static void write_file(struct rig *r, const char *text)
{
    FILE *file = fopen(r->file, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void report(void *user, const struct gw_config_problem *problem)
{
    (void)user;
    print_message("    %s: %s\n", problem->key, problem->text);
}

static void on_guard(uv_timer_t *guard)
{
    ((struct rig *)guard->data)->expired = true;
}

static void on_stopping(void *user)
{
    ((struct rig *)user)->stopping++;
}

static enum mqttsn_status rig_start(struct rig *r, const char *text)
{
    struct gw_daemon_setup setup = {.sources = &r->sources,
                                    .upstream = &up.base,
                                    .stopping = on_stopping,
                                    .user = r};
    enum mqttsn_status status;
    int fd;

    memset(r, 0, sizeof(*r));
    memset(&up, 0, sizeof(up));
    up.base.ops = &up_ops;
    up.room = FULL;
    up.loop = &r->loop;
    assert_int_equal(uv_loop_init(&r->loop), 0);
    uv_timer_init(&r->loop, &r->guard);
    r->guard.data = r;
    strcpy(r->file, "/tmp/test_daemon_XXXXXX");
    fd = mkstemp(r->file);
    assert_true(fd >= 0);
    close(fd);
    write_file(r, text);
    r->sources.file = r->file;

    assert_int_equal(gw_config_load(&r->sources, report, NULL, &setup.config),
                     MQTTSN_OK);
    status = gw_daemon_start(&r->loop, &setup, &r->daemon);
    if (status != MQTTSN_OK)
        gw_config_free(setup.config);
    return status;
}

/* Turns the loop until 'done' or the time is up. */
#define RUN_UNTIL(r, done)                                                     \
    do {                                                                       \
        (r)->expired = false;                                                  \
        uv_timer_start(&(r)->guard, on_guard, LIMIT_MS, 0);                    \
        while (!(done) && !(r)->expired)                                       \
            uv_run(&(r)->loop, UV_RUN_ONCE);                                   \
        uv_timer_stop(&(r)->guard);                                            \
        assert_true(done);                                                     \
    } while (0)

/* Runs to the end; how long it took, in milliseconds. */
static uint64_t rig_end(struct rig *r, bool *ret_in_order)
{
    uint64_t began = uv_hrtime();
    bool in_order;

    gw_daemon_stop(r->daemon);
    gw_daemon_stop(r->daemon);
    uv_close((uv_handle_t *)&r->guard, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    in_order = gw_daemon_free(r->daemon);
    if (ret_in_order != NULL)
        *ret_in_order = in_order;
    unlink(r->file);
    assert_int_equal(r->stopping, 1);
    assert_int_equal(fake.shutdowns, 1);
    assert_int_equal(up.stops, 1);
    assert_int_equal(up.frees, 1);
    return (uv_hrtime() - began) / 1000000;
}

/* A node, connected to the daemon's first listener. */
static int node(struct rig *r)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct gw_addr bound;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    gw_daemon_bound(r->daemon, 0, &bound);
    to.sin_port = htons(bound.port);
    memcpy(&to.sin_addr, bound.ip, 4);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static bool hears(int fd)
{
    char bytes[64];

    return poll(&(struct pollfd){fd, POLLIN, 0}, 1, LIMIT_MS) == 1 &&
           recv(fd, bytes, sizeof(bytes), 0) > 0;
}

static const char plain[] = "[listener lan]\nbind = 127.0.0.1:0\n";

/* ---- tests ------------------------------------------------------------- */

static void a_datagram_reaches_the_engine_and_its_answer_the_node(void **unused)
{
    struct rig r;
    struct gw_addr bound;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    assert_int_equal(up.started, 1);
    gw_daemon_bound(r.daemon, 0, &bound);
    assert_int_equal(fake.listener.port, bound.port);
    fake.echo = true;
    fd = node(&r);

    assert_int_equal(send(fd, "\x03\x01\x00", 3, 0), 3);
    RUN_UNTIL(&r, fake.datagrams == 1);

    assert_int_equal(fake.via.listener, 0);
    assert_int_equal(fake.from.family, 4);
    assert_true(hears(fd));
    close(fd);
    rig_end(&r, NULL);
}

static void a_port_that_is_taken_ends_the_start_without_remains(void **unused)
{
    char text[128];
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct rig r;

    (void)unused;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(text, sizeof(text),
             "[listener a]\nbind = 127.0.0.1:0\n"
             "[listener b]\nbind = 127.0.0.1:%u\n",
             ntohs(at.sin_port));

    assert_int_equal(rig_start(&r, text), MQTTSN_EIO);

    assert_int_equal(up.started, 0);
    assert_int_equal(up.frees, 1);
    uv_close((uv_handle_t *)&r.guard, NULL);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r.loop), 0);
    unlink(r.file);
    close(fd);
}

static void an_engine_that_refuses_ends_the_start(void **unused)
{
    struct rig r;

    (void)unused;
    fake.new_status = MQTTSN_EINVAL;
    assert_int_equal(rig_start(&r, plain), MQTTSN_EINVAL);
    fake.new_status = MQTTSN_OK;

    assert_int_equal(up.frees, 1);
    uv_close((uv_handle_t *)&r.guard, NULL);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r.loop), 0);
    unlink(r.file);
}

static void the_engine_is_called_when_its_deadline_is_due(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    for (size_t i = 1; i <= 3; i++) {
        /* It is read after each input, so an input has to come. */
        fake.deadline = uv_now(&r.loop) + 20;
        assert_int_equal(send(fd, "x", 1, 0), 1);
        RUN_UNTIL(&r, fake.deadlines == i);
        assert_true(uv_now(&r.loop) >= fake.last_now);
    }
    close(fd);
    rig_end(&r, NULL);
}

/* design 8.3: a store that calls back inside 'keep'. */
static void the_store_answers_everything_on_a_later_turn(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    fake.store_actions = 3000; /* more than may be open at once */
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.stored == 3000);

    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(fake.stored_op[i], i + 1);
    close(fd);
    rig_end(&r, NULL);
}

/* engine.h: polling upstream and for datagrams gives the store work. */
static void what_goes_out_is_kept_in_the_same_turn(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    fake.keeps = true;
    fake.actions = 1;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.stored == 1);
    assert_int_equal(up.submitted, 1);

    fake.echo = true;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.stored == 2);
    close(fd);
    rig_end(&r, NULL);
}

static void what_the_port_refuses_comes_back_unsent(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    up.refuses = true;
    fake.actions = 1;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.events == 1);

    assert_int_equal(fake.event_kind[0], GW_UP_RESULT);
    assert_int_equal(fake.outcome[0], GW_UP_UNSENT);
    assert_int_equal(up.submitted, 0);
    close(fd);
    rig_end(&r, NULL);
}

static void without_room_upstream_nothing_is_polled(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    up.room = 0;
    fake.actions = 5;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.datagrams == 1);
    assert_int_equal(fake.actions, 5);

    up.room = FULL;
    up.answers = true;
    up.base.wake(up.base.user);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.events == 5);
    assert_int_equal(up.submitted, 5);
    close(fd);
    rig_end(&r, NULL);
}

static void endless_output_does_not_starve_input(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fake.echo = true;
    fd = node(&r);
    fake.endless_actions = true;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.datagrams == 100);

    assert_true(hears(fd));
    fake.endless_actions = false;
    up.answers = true;
    close(fd);
    rig_end(&r, NULL);
}

/* The port says once that there is something, not once for each. */
static void what_one_round_leaves_is_taken_when_its_output_is_out(void **unused)
{
    struct rig r;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fake.relays = true;
    up.messages = 1000;
    up.base.wake(up.base.user);
    RUN_UNTIL(&r, fake.events == 1000);

    RUN_UNTIL(&r, up.submitted == 1000);
    up.answers = true;
    rig_end(&r, NULL);
}

/* What the broker sends cannot be refused; it stays with the port. */
static void while_the_store_is_behind_the_broker_waits(void **unused)
{
    struct rig r;
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fd = node(&r);
    fake.behind_until = 3000;
    fake.store_actions = 2999;
    up.messages = 10;
    up.base.wake(up.base.user);
    RUN_UNTIL(&r, fake.stored == 2999);
    assert_int_equal(fake.events, 0);
    assert_int_equal(up.messages, 10);

    /* Nodes are heard all the while; what they ask for may end it. */
    fake.echo = true;
    fake.keeps = true;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.events == 10);
    assert_int_equal(fake.stored, 3000);
    close(fd);
    rig_end(&r, NULL);
}

static void stopping_waits_for_the_last_words(void **unused)
{
    struct rig r;
    bool in_order;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fake.wills = true;
    up.answers = true;

    assert_true(rig_end(&r, &in_order) < 500); /* not its patience */
    assert_true(in_order);
    assert_int_equal(up.submitted, 3);
    assert_int_equal(fake.events, 3);
}

/* D10: whatever the broker does. */
static void a_stuck_broker_does_not_keep_the_process(void **unused)
{
    struct rig r;
    bool in_order;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    fake.wills = true;
    up.stuck = true; /* and answers nothing */

    assert_true(rig_end(&r, &in_order) < GW_DAEMON_STOP_MS);
    assert_false(in_order);
    assert_int_equal(up.submitted, 3);
}

static void a_reload_is_all_or_nothing(void **unused)
{
    struct rig r;
    char large[1500] = {0};
    int fd;

    (void)unused;
    assert_int_equal(rig_start(&r, plain), MQTTSN_OK);
    assert_int_equal(fake.listener.max_datagram, 1024);
    fd = node(&r);

    write_file(&r, "[listener lan]\nbind = 127.0.0.1:0\nmax_datagram = 2000\n"
                   "[gateway]\nid = 7\n");
    gw_daemon_reload(r.daemon);
    assert_int_equal(fake.reconfigured, 1);
    assert_int_equal(fake.gw_id, 7);
    assert_int_equal(fake.listener.max_datagram, 2000);
    assert_int_not_equal(fake.listener.port, 0);
    assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
    RUN_UNTIL(&r, fake.datagrams == 1);

    CASE("one bad key");
    write_file(&r, "[listener lan]\nbind = 127.0.0.1:0\n"
                   "[gateway]\nid = 8\nnonsense = 1\n");
    gw_daemon_reload(r.daemon);
    assert_int_equal(fake.reconfigured, 1);
    assert_int_equal(fake.gw_id, 7);

    CASE("the engine refuses");
    fake.reconfigure_status = MQTTSN_ENOSPACE;
    write_file(&r, "[listener lan]\nbind = 127.0.0.1:0\n"
                   "[gateway]\nid = 9\n");
    gw_daemon_reload(r.daemon);
    fake.reconfigure_status = MQTTSN_OK;
    assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
    RUN_UNTIL(&r, fake.datagrams == 2);
    close(fd);
    rig_end(&r, NULL);
}

/* What comes meanwhile has time until it is done. */
static void a_reload_ends_while_more_comes_than_can_be_served(void **unused)
{
    struct rig r;

    (void)unused;
    assert_int_equal(rig_start(&r, "[listener lan]\nbind = 127.0.0.1:0\n"
                                   "receive_buffer = 256KiB\n"),
                     MQTTSN_OK);
    fake.crowd = node(&r);
    for (unsigned i = 0; i < 5000; i++) /* more than the kernel keeps */
        assert_int_equal(send(fake.crowd, "x", 1, 0), 1);
    RUN_UNTIL(&r, fake.datagrams > 0);

    fake.more = 20000;
    gw_daemon_reload(r.daemon);
    assert_int_equal(fake.reconfigured, 1);
    assert_true(fake.more > 10000);

    fake.more = 0;
    close(fake.crowd);
    rig_end(&r, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_reaches_the_engine_and_its_answer_the_node),
        cmocka_unit_test(a_port_that_is_taken_ends_the_start_without_remains),
        cmocka_unit_test(an_engine_that_refuses_ends_the_start),
        cmocka_unit_test(the_engine_is_called_when_its_deadline_is_due),
        cmocka_unit_test(the_store_answers_everything_on_a_later_turn),
        cmocka_unit_test(what_goes_out_is_kept_in_the_same_turn),
        cmocka_unit_test(what_the_port_refuses_comes_back_unsent),
        cmocka_unit_test(without_room_upstream_nothing_is_polled),
        cmocka_unit_test(while_the_store_is_behind_the_broker_waits),
        cmocka_unit_test(what_one_round_leaves_is_taken_when_its_output_is_out),
        cmocka_unit_test(endless_output_does_not_starve_input),
        cmocka_unit_test(stopping_waits_for_the_last_words),
        cmocka_unit_test(a_stuck_broker_does_not_keep_the_process),
        cmocka_unit_test(a_reload_is_all_or_nothing),
        cmocka_unit_test(a_reload_ends_while_more_comes_than_can_be_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
