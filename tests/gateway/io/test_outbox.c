/* SPDX-License-Identifier: MIT */
#include "io/outbox.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"

/* An outbox and the eventfd of a thread that is not there. */
struct rig {
    struct gw_outbox outbox;
    int fd;
    unsigned told; /* of room */
};

static void on_room(void *user)
{
    ((struct rig *)user)->told++;
}

static void rig_init(struct rig *rig, size_t entries, size_t bytes,
                     size_t control)
{
    struct gw_outbox_limits limits = {entries, bytes, control};

    *rig = (struct rig){.fd = eventfd(0, EFD_NONBLOCK)};
    assert_true(rig->fd >= 0);
    assert_int_equal(
        gw_outbox_init(&rig->outbox, &limits, rig->fd, on_room, rig),
        MQTTSN_OK);
}

static void rig_fini(struct rig *rig)
{
    gw_outbox_fini(&rig->outbox);
    close(rig->fd);
}

/* How often the thread was signalled since the last look. */
static uint64_t signals(struct rig *rig)
{
    uint64_t count = 0;

    return read(rig->fd, &count, sizeof(count)) < 0 ? 0 : count;
}

static enum mqttsn_status put(struct rig *rig, enum gw_up_action_kind kind,
                              uint64_t token, uint8_t qos)
{
    struct gw_up_action action = {.kind = kind,
                                  .token = token,
                                  .qos = qos,
                                  .retain = true,
                                  .topic = mqttsn_span_text("t/x"),
                                  .payload = mqttsn_span_text("payload")};

    return gw_outbox_put(&rig->outbox, &action, 7);
}

static uint64_t take_one(struct rig *rig, struct gw_outbox_appetite appetite,
                         struct gw_outbox_entry **ret_entry)
{
    if (gw_outbox_take(&rig->outbox, &appetite, ret_entry, 1) == 0)
        return 0;
    return (*ret_entry)->token;
}

static void an_entry_is_a_copy_of_the_action(void **state)
{
    struct gw_outbox_appetite all = {9, 9, 9};
    struct gw_outbox_entry *entry;
    struct rig rig;

    (void)state;
    rig_init(&rig, 4, 1000, 4);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 5, 2), MQTTSN_OK);
    assert_int_equal(take_one(&rig, all, &entry), 5);

    assert_int_equal(entry->kind, GW_UP_PUBLISH);
    assert_int_equal(entry->qos, 2);
    assert_int_equal(entry->epoch, 7);
    assert_true(entry->retain);
    assert_string_equal(entry->topic, "t/x");
    assert_int_equal(entry->payload_len, 7);
    assert_memory_equal(entry->payload, "payload", 7);
    gw_outbox_done(&rig.outbox, entry);
    rig_fini(&rig);
}

static void the_thread_is_signalled_when_a_queue_was_empty(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig, 4, 1000, 4);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 1, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 2, 1), MQTTSN_OK);
    assert_int_equal(signals(&rig), 0);
    assert_true(gw_outbox_wake_due(&rig.outbox));
    gw_outbox_wake(&rig.outbox);
    assert_int_equal(signals(&rig), 1);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 3, 1), MQTTSN_OK);
    assert_false(gw_outbox_wake_due(&rig.outbox));
    gw_outbox_wake(&rig.outbox);
    assert_int_equal(signals(&rig), 0);
    /* Control may go although data may not, so it is news of its own. */
    assert_int_equal(put(&rig, GW_UP_SUBSCRIBE, 4, 1), MQTTSN_OK);
    gw_outbox_wake(&rig.outbox);
    assert_int_equal(signals(&rig), 1);
    rig_fini(&rig);
}

static void entries_leave_in_the_order_in_which_they_came(void **state)
{
    struct gw_outbox_appetite all = {99, 99, 99};
    struct gw_outbox_entry *entries[10];
    struct rig rig;

    (void)state;
    rig_init(&rig, 20, 1000, 20);
    for (uint64_t token = 1; token <= 10; token++)
        assert_int_equal(put(&rig,
                             token % 3 == 0 ? GW_UP_SUBSCRIBE : GW_UP_PUBLISH,
                             token, token % 2),
                         MQTTSN_OK);
    assert_int_equal(gw_outbox_take(&rig.outbox, &all, entries, 10), 10);

    for (uint64_t token = 1; token <= 10; token++) {
        assert_int_equal(entries[token - 1]->token, token);
        gw_outbox_done(&rig.outbox, entries[token - 1]);
    }
    assert_true(gw_outbox_empty(&rig.outbox));
    rig_fini(&rig);
}

static void control_overtakes_only_data_that_may_not_go(void **state)
{
    struct gw_outbox_appetite full_window = {0, 9, 9};
    struct gw_outbox_appetite open_window = {1, 9, 9};
    struct gw_outbox_entry *entry;
    struct rig rig;

    (void)state;
    rig_init(&rig, 20, 1000, 20);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 1, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 2, 0), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_SUBSCRIBE, 3, 0), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_SUBSCRIBE, 4, 0), MQTTSN_OK);

    assert_int_equal(take_one(&rig, full_window, &entry), 3);
    gw_outbox_done(&rig.outbox, entry);
    assert_int_equal(take_one(&rig, open_window, &entry), 1);
    gw_outbox_done(&rig.outbox, entry);
    /* No appetite for control: it waits, and data goes on. */
    assert_int_equal(
        take_one(&rig, (struct gw_outbox_appetite){0, 1, 0}, &entry), 2);
    gw_outbox_done(&rig.outbox, entry);
    assert_int_equal(
        take_one(&rig, (struct gw_outbox_appetite){9, 9, 0}, &entry), 0);
    rig_fini(&rig);
}

static void data_never_takes_the_room_of_control(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig, 3, 1000, 2);
    for (uint64_t token = 1; token <= 3; token++)
        assert_int_equal(put(&rig, GW_UP_PUBLISH, token, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 4, 1), MQTTSN_ENOSPACE);
    assert_int_equal(gw_outbox_room(&rig.outbox), GW_UP_CONTROL);
    assert_int_equal(put(&rig, GW_UP_SUBSCRIBE, 5, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_UNSUBSCRIBE, 6, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_SUBSCRIBE, 7, 1), MQTTSN_ENOSPACE);
    assert_int_equal(gw_outbox_room(&rig.outbox), 0);
    rig_fini(&rig);
}

static void octets_are_bounded_too(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig, 100, 15, 2);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 1, 1), MQTTSN_OK); /* 10 */
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 2, 1), MQTTSN_OK); /* 20 */
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 3, 1), MQTTSN_ENOSPACE);
    rig_fini(&rig);
}

static void the_loop_is_told_once_a_quarter_is_free(void **state)
{
    struct gw_outbox_appetite all = {99, 99, 99};
    struct gw_outbox_entry *entries[8];
    struct rig rig;

    (void)state;
    rig_init(&rig, 8, 1000, 2);
    for (uint64_t token = 1; token <= 8; token++)
        assert_int_equal(put(&rig, GW_UP_PUBLISH, token, 1), MQTTSN_OK);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 9, 1), MQTTSN_ENOSPACE);
    assert_int_equal(gw_outbox_take(&rig.outbox, &all, entries, 8), 8);
    /* Taken is not done. */
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 9, 1), MQTTSN_ENOSPACE);

    gw_outbox_done(&rig.outbox, entries[0]);
    assert_int_equal(rig.told, 0);
    for (int i = 1; i < 8; i++)
        gw_outbox_done(&rig.outbox, entries[i]);
    assert_int_equal(rig.told, 1);
    rig_fini(&rig);
}

static void the_smallest_outbox_tells_too(void **state)
{
    struct gw_outbox_appetite all = {9, 9, 9};
    struct gw_outbox_entry *entry;
    struct rig rig;

    (void)state;
    rig_init(&rig, 1, 1, 1);
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 1, 1), MQTTSN_OK);
    assert_int_equal(gw_outbox_room(&rig.outbox), GW_UP_CONTROL);
    assert_int_equal(take_one(&rig, all, &entry), 1);
    gw_outbox_done(&rig.outbox, entry);
    assert_int_equal(rig.told, 1);
    assert_int_equal(gw_outbox_room(&rig.outbox), GW_UP_CONTROL | GW_UP_DATA);
    rig_fini(&rig);
}

static void what_is_returned_is_first_again(void **state)
{
    struct gw_outbox_appetite all = {99, 99, 99};
    struct gw_outbox_entry *entries[6];
    struct rig rig;

    (void)state;
    rig_init(&rig, 8, 1000, 8);
    for (uint64_t token = 1; token <= 6; token++)
        assert_int_equal(
            put(&rig, token == 3 ? GW_UP_SUBSCRIBE : GW_UP_PUBLISH, token, 1),
            MQTTSN_OK);
    assert_int_equal(gw_outbox_take(&rig.outbox, &all, entries, 5), 5);
    gw_outbox_done(&rig.outbox, entries[0]);
    gw_outbox_return(&rig.outbox, entries + 1, 4);
    all = (struct gw_outbox_appetite){99, 99, 99};
    assert_int_equal(gw_outbox_take(&rig.outbox, &all, entries, 6), 5);

    for (int i = 0; i < 5; i++) {
        assert_int_equal(entries[i]->token, i + 2);
        gw_outbox_done(&rig.outbox, entries[i]);
    }
    /* And the queue is whole: more can be added behind. */
    assert_int_equal(put(&rig, GW_UP_PUBLISH, 9, 1), MQTTSN_OK);
    assert_int_equal(take_one(&rig, all, entries), 9);
    gw_outbox_done(&rig.outbox, entries[0]);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_a_copy_of_the_action),
        cmocka_unit_test(the_thread_is_signalled_when_a_queue_was_empty),
        cmocka_unit_test(entries_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(control_overtakes_only_data_that_may_not_go),
        cmocka_unit_test(data_never_takes_the_room_of_control),
        cmocka_unit_test(octets_are_bounded_too),
        cmocka_unit_test(the_loop_is_told_once_a_quarter_is_free),
        cmocka_unit_test(the_smallest_outbox_tells_too),
        cmocka_unit_test(what_is_returned_is_first_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
