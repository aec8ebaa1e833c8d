/* SPDX-License-Identifier: MIT */
#include "io/inbox.h"

#include <stdlib.h>

#include "check.h"

#define BOUND_MS 10000

/* An inbox on a loop, and threads that push into it. */
struct rig {
    uv_loop_t loop;
    uv_timer_t bound;
    struct gw_inbox inbox;
    unsigned wakes;
    bool expired;
};

static void on_wake(void *user)
{
    ((struct rig *)user)->wakes++;
}

static void on_bound(uv_timer_t *timer)
{
    ((struct rig *)timer->data)->expired = true;
}

static void rig_init(struct rig *rig, size_t entries, size_t bytes,
                     mqttsn_ms wait_ms)
{
    struct gw_inbox_limits limits = {entries, bytes, wait_ms};

    *rig = (struct rig){0};
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    uv_timer_init(&rig->loop, &rig->bound);
    rig->bound.data = rig;
    uv_timer_start(&rig->bound, on_bound, BOUND_MS, 0);
    assert_int_equal(gw_inbox_init(&rig->inbox, &limits), MQTTSN_OK);
    assert_int_equal(gw_inbox_open(&rig->inbox, &rig->loop, on_wake, rig),
                     MQTTSN_OK);
}

static void rig_fini(struct rig *rig)
{
    gw_inbox_close(&rig->inbox);
    uv_close((uv_handle_t *)&rig->bound, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    gw_inbox_fini(&rig->inbox);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
}

static void run_once(struct rig *rig)
{
    uv_run(&rig->loop, UV_RUN_ONCE);
    assert_false(rig->expired);
}

static bool push_message(struct gw_inbox *inbox, const char *topic,
                         const char *payload)
{
    struct gw_up_event event = {
        .kind = GW_UP_MESSAGE,
        .message = {.topic = mqttsn_span_text(topic),
                    .payload = mqttsn_span_text(payload)}};

    return gw_inbox_push(inbox, &event);
}

static void push_result(struct gw_inbox *inbox, uint64_t token)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT, .result.token = token};

    assert_true(gw_inbox_push(inbox, &event));
}

static void events_come_out_as_they_went_in(void **state)
{
    struct gw_up_event event;
    char topic[] = "t/x";
    struct rig rig;

    (void)state;
    rig_init(&rig, 10, 1000, 1);
    push_result(&rig.inbox, 1);
    assert_true(push_message(&rig.inbox, topic, "payload"));
    topic[0] = '!'; /* it was copied */
    push_result(&rig.inbox, 2);

    assert_true(gw_inbox_take(&rig.inbox, &event));
    assert_int_equal(event.result.token, 1);
    assert_true(gw_inbox_take(&rig.inbox, &event));
    assert_true(
        mqttsn_span_equal(event.message.topic, mqttsn_span_text("t/x")));
    assert_true(
        mqttsn_span_equal(event.message.payload, mqttsn_span_text("payload")));
    assert_true(gw_inbox_take(&rig.inbox, &event));
    assert_int_equal(event.result.token, 2);
    assert_false(gw_inbox_take(&rig.inbox, &event));
    rig_fini(&rig);
}

static void the_loop_is_woken_when_there_was_nothing(void **state)
{
    struct gw_up_event event;
    struct rig rig;

    (void)state;
    rig_init(&rig, 10, 1000, 1);
    push_result(&rig.inbox, 1);
    push_result(&rig.inbox, 2);
    run_once(&rig);
    assert_int_equal(rig.wakes, 1);
    while (gw_inbox_take(&rig.inbox, &event))
        ;
    push_result(&rig.inbox, 3);
    run_once(&rig);
    assert_int_equal(rig.wakes, 2);
    rig_fini(&rig);
}

static void what_is_too_much_is_dropped_and_counted(void **state)
{
    struct gw_up_event event;
    uint64_t dropped;
    uint64_t waits;
    struct rig rig;

    (void)state;
    rig_init(&rig, 2, 1000, 1);
    assert_true(push_message(&rig.inbox, "a", "1"));
    assert_true(push_message(&rig.inbox, "a", "2"));
    assert_false(push_message(&rig.inbox, "a", "3"));
    push_result(&rig.inbox, 1); /* has room always */
    gw_inbox_counts(&rig.inbox, &dropped, &waits);
    assert_int_equal(dropped, 1);
    assert_int_equal(waits, 1);

    /* A message that was taken makes room only when it is done with. */
    assert_true(gw_inbox_take(&rig.inbox, &event));
    assert_false(push_message(&rig.inbox, "a", "4"));
    while (gw_inbox_take(&rig.inbox, &event))
        ;
    assert_true(push_message(&rig.inbox, "a", "5"));
    rig_fini(&rig);
}

static void room_can_be_waited_for_before_the_push(void **state)
{
    struct gw_up_event event = {
        .kind = GW_UP_MESSAGE,
        .message = {.topic = mqttsn_span_text("a"),
                    .payload = mqttsn_span_text("123456")}};
    struct gw_up_event taken;
    uint64_t dropped;
    uint64_t waits;
    struct rig rig;

    (void)state;
    rig_init(&rig, 2, 10, 1);
    assert_true(gw_inbox_wait(&rig.inbox, &event)); /* takes no room */
    assert_true(gw_inbox_wait(&rig.inbox, &event));
    assert_true(gw_inbox_push(&rig.inbox, &event));
    assert_false(gw_inbox_wait(&rig.inbox, &event));
    gw_inbox_counts(&rig.inbox, &dropped, &waits);
    assert_int_equal(dropped, 1);
    assert_int_equal(waits, 1);
    while (gw_inbox_take(&rig.inbox, &taken))
        ;
    assert_true(gw_inbox_wait(&rig.inbox, &event));
    rig_fini(&rig);
}

static void octets_are_bounded_too(void **state)
{
    struct rig rig;
    char big[200];

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    rig_init(&rig, 100, 100, 1);
    /* One is let in whatever its size, or it would never be. */
    assert_true(push_message(&rig.inbox, "a", big));
    assert_false(push_message(&rig.inbox, "a", "1"));
    rig_fini(&rig);

    rig_init(&rig, 100, 100, 1);
    assert_true(push_message(&rig.inbox, "a", "1234"));
    assert_false(push_message(&rig.inbox, "a", big));
    assert_true(push_message(&rig.inbox, "a", "1234"));
    rig_fini(&rig);
}

static void *push_one_more(void *inbox)
{
    return push_message(inbox, "a", "late") ? inbox : NULL;
}

/* Until the other thread waits: only it can count. */
static void await_waiting(struct rig *rig)
{
    uint64_t dropped;
    uint64_t waits = 0;

    while (waits == 0) {
        uv_run(&rig->loop, UV_RUN_NOWAIT);
        assert_false(rig->expired);
        gw_inbox_counts(&rig->inbox, &dropped, &waits);
    }
}

static void a_full_inbox_makes_the_pusher_wait(void **state)
{
    struct gw_up_event event;
    struct rig rig;
    pthread_t thread;
    void *pushed;

    (void)state;
    rig_init(&rig, 1, 1000, 60000);
    assert_true(push_message(&rig.inbox, "a", "first"));
    assert_int_equal(pthread_create(&thread, NULL, push_one_more, &rig.inbox),
                     0);
    await_waiting(&rig);

    assert_true(gw_inbox_take(&rig.inbox, &event));
    while (!gw_inbox_take(&rig.inbox, &event))
        run_once(&rig);
    assert_true(
        mqttsn_span_equal(event.message.payload, mqttsn_span_text("late")));
    assert_int_equal(pthread_join(thread, &pushed), 0);
    assert_non_null(pushed);
    rig_fini(&rig);
}

static void who_stops_does_not_wait_for_who_waits(void **state)
{
    struct rig rig;
    pthread_t thread;
    void *pushed;

    (void)state;
    rig_init(&rig, 1, 1000, 60000);
    assert_true(push_message(&rig.inbox, "a", "first"));
    assert_int_equal(pthread_create(&thread, NULL, push_one_more, &rig.inbox),
                     0);
    await_waiting(&rig);
    gw_inbox_stop_waiting(&rig.inbox);

    assert_int_equal(pthread_join(thread, &pushed), 0);
    assert_null(pushed);
    rig_fini(&rig);
}

#define THREADS 3
#define EACH 5000

struct pusher {
    struct gw_inbox *inbox;
    unsigned number;
};

static void *push_many(void *context)
{
    struct pusher *pusher = context;
    char payload[32];

    for (unsigned i = 0; i < EACH; i++) {
        snprintf(payload, sizeof(payload), "%u", i);
        assert_true(push_message(pusher->inbox,
                                 pusher->number == 0   ? "0"
                                 : pusher->number == 1 ? "1"
                                                       : "2",
                                 payload));
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    struct pusher pushers[THREADS];
    pthread_t threads[THREADS];
    unsigned next[THREADS] = {0};
    struct gw_up_event event;
    unsigned total = 0;
    struct rig rig;

    (void)state;
    rig_init(&rig, 16, 1000, 60000);
    for (unsigned i = 0; i < THREADS; i++) {
        pushers[i] = (struct pusher){&rig.inbox, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, push_many, &pushers[i]), 0);
    }
    while (total < THREADS * EACH) {
        run_once(&rig);
        while (gw_inbox_take(&rig.inbox, &event)) {
            unsigned from = event.message.topic.data[0] - '0';
            char payload[32];

            snprintf(payload, sizeof(payload), "%u", next[from]++);
            assert_true(mqttsn_span_equal(event.message.payload,
                                          mqttsn_span_text(payload)));
            total++;
        }
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    rig_fini(&rig);
}

/* ---- a thread that says when it rests ----------------------------------- */

static struct {
    void (*tell)(void *user);
    void *user;
    bool refuses;
    unsigned asked;
} resting;

static bool defer(void (*tell)(void *user), void *user)
{
    resting.asked++;
    resting.tell = tell;
    resting.user = user;
    return !resting.refuses;
}

/* How often the loop is woken by what has been pushed so far. */
static unsigned wakes(struct rig *rig)
{
    unsigned before = rig->wakes;

    uv_run(&rig->loop, UV_RUN_NOWAIT);
    return rig->wakes - before;
}

static void rig_init_resting(struct rig *rig, bool refuses)
{
    memset(&resting, 0, sizeof(resting));
    resting.refuses = refuses;
    rig_init(rig, 100, 1000, 60000);
    gw_inbox_set_defer(&rig->inbox, defer);
}

static void a_burst_wakes_the_loop_when_the_thread_rests(void **state)
{
    struct gw_up_event event;
    struct rig rig;

    (void)state;
    rig_init_resting(&rig, false);
    push_result(&rig.inbox, 1);
    assert_int_equal(resting.asked, 1);
    assert_int_equal(wakes(&rig), 0);

    resting.tell(resting.user);
    assert_int_equal(wakes(&rig), 1);
    assert_true(gw_inbox_take(&rig.inbox, &event));
    assert_int_equal(event.result.token, 1);
    rig_fini(&rig);
}

static void a_thread_that_cannot_say_wakes_the_loop_at_once(void **state)
{
    struct rig rig;

    (void)state;
    rig_init_resting(&rig, true);
    push_result(&rig.inbox, 1);

    assert_int_equal(wakes(&rig), 1);
    rig_fini(&rig);
}

static void a_burst_without_rest_wakes_the_loop_all_the_same(void **state)
{
    struct rig rig;

    (void)state;
    rig_init_resting(&rig, false);
    for (unsigned i = 0; i < 33; i++)
        push_result(&rig.inbox, i);

    assert_int_equal(resting.asked, 1);
    assert_int_equal(wakes(&rig), 1);
    rig_fini(&rig);
}

static void *push_two(void *inbox)
{
    assert_true(push_message(inbox, "t", "first"));
    assert_true(push_message(inbox, "t", "second"));
    return NULL;
}

static void who_waits_for_room_has_told_before(void **state)
{
    struct gw_inbox_limits limits = {1, 1000, 60000};
    struct gw_up_event event;
    pthread_t thread;
    struct rig rig;

    (void)state;
    rig_init_resting(&rig, false);
    rig.inbox.limits = limits;
    assert_int_equal(pthread_create(&thread, NULL, push_two, &rig.inbox), 0);
    while (rig.wakes == 0)
        run_once(&rig);

    assert_true(gw_inbox_take(&rig.inbox, &event));
    while (!gw_inbox_take(&rig.inbox, &event))
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_fini(&rig);
}

static void a_closed_inbox_takes_events_unheard(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig, 10, 1000, 1);
    gw_inbox_close(&rig.inbox);
    push_result(&rig.inbox, 1);
    gw_inbox_signal(&rig.inbox);
    rig_fini(&rig);
    assert_int_equal(rig.wakes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_as_they_went_in),
        cmocka_unit_test(the_loop_is_woken_when_there_was_nothing),
        cmocka_unit_test(what_is_too_much_is_dropped_and_counted),
        cmocka_unit_test(room_can_be_waited_for_before_the_push),
        cmocka_unit_test(octets_are_bounded_too),
        cmocka_unit_test(a_full_inbox_makes_the_pusher_wait),
        cmocka_unit_test(who_stops_does_not_wait_for_who_waits),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(a_burst_wakes_the_loop_when_the_thread_rests),
        cmocka_unit_test(a_thread_that_cannot_say_wakes_the_loop_at_once),
        cmocka_unit_test(a_burst_without_rest_wakes_the_loop_all_the_same),
        cmocka_unit_test(who_waits_for_room_has_told_before),
        cmocka_unit_test(a_closed_inbox_takes_events_unheard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
