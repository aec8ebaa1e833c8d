/* SPDX-License-Identifier: MIT */
/*
 * What outlives the process, driven as Paho drives it: key by key, through the
 * persistence interface. The process "ends" by forgetting everything but the
 * journal.
 */
#include "io/paho_keep.h"

#include <MQTTAsync.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal_rig.h"

enum { EXCHANGE = 77, NOTES = 4 };

static struct rig rig;
static struct gw_paho_keep *keep;
static MQTTClient_persistence *paho;

/* What gw_paho_keep_restored said. */
static struct {
    char text[1024];
    bool wanted; /* the engine has use for an acknowledgement */
} said;

static void say(const char *format, unsigned a, unsigned b)
{
    size_t len = strlen(said.text);

    snprintf(said.text + len, sizeof(said.text) - len, format, a, b);
}

static bool on_acknowledged(void *user, uint32_t exchange)
{
    (void)user;
    say("acknowledged %u ", exchange, 0);
    return said.wanted;
}

static void on_under_way(void *user, uint16_t packet_id, uint32_t exchange)
{
    (void)user;
    say("under-way %u=%u ", packet_id, exchange);
}

static bool on_arrived(void *user, const struct gw_up_event *event)
{
    (void)user;
    say("arrived %u=%c ", event->message.packet_id,
        event->message.payload.data[0]);
    return true;
}

/* ---- one process after the other --------------------------------------- */

static bool visit(void *user, const struct gw_journal_entry *entry);

struct row {
    struct gw_journal_record record;
    uint8_t octets[256];
};
static struct row rows[64];
static size_t row_count;

static bool visit(void *user, const struct gw_journal_entry *entry)
{
    const struct gw_journal_record *r = &entry->record;
    size_t i = 0;

    (void)user;
    while (i < row_count &&
           (rows[i].record.kind != r->kind ||
            rows[i].record.owner != r->owner || rows[i].record.item != r->item))
        i++;
    if (i < row_count)
        rows[i] = rows[--row_count];
    if (r->verb != GW_JOURNAL_KEEP)
        return true;
    assert_true(row_count < ARRAY_LEN(rows));
    assert_true(r->octets.len <= sizeof(rows[0].octets));
    rows[row_count].record = *r;
    if (r->octets.len > 0)
        memcpy(rows[row_count].octets, r->octets.data, r->octets.len);
    rows[row_count].record.octets.data = rows[row_count].octets;
    row_count++;
    return true;
}

static void begin_process(void)
{
    assert_int_equal(gw_paho_keep_new(rig.journal, &keep), MQTTSN_OK);
    paho = gw_paho_keep_interface(keep);
    assert_true(gw_paho_keep_attempt(keep, false));
}

static void read_rows(void)
{
    struct gw_journal_report report;

    row_count = 0;
    assert_int_equal(gw_journal_read(&rig.settings, 0, visit, NULL, &report),
                     MQTTSN_OK);
}

/* Rows of that kind, but for notes. */
static unsigned count_of(uint8_t kind)
{
    unsigned count = 0;

    for (size_t i = 0; i < row_count; i++)
        count += rows[i].record.kind == kind &&
                 !(kind == GW_SHELL_LIBRARY && rows[i].record.owner == NOTES);
    return count;
}

/* Ends it and begins the next; returns what that was told. */
static const char *next_process(void)
{
    const struct gw_paho_keep_hands hands = {on_acknowledged, on_under_way,
                                             on_arrived, NULL};

    gw_paho_keep_free(keep);
    rig_close(&rig);
    read_rows();
    rig_open(&rig);
    assert_int_equal(gw_paho_keep_new(rig.journal, &keep), MQTTSN_OK);
    paho = gw_paho_keep_interface(keep);
    for (size_t i = 0; i < row_count; i++) {
        rows[i].record.octets.data = rows[i].octets;
        assert_int_equal(gw_paho_keep_restore(
                             keep, rows[i].record.kind, rows[i].record.owner,
                             rows[i].record.item, rows[i].record.octets),
                         MQTTSN_OK);
    }
    said.text[0] = '\0';
    assert_int_equal(gw_paho_keep_restored(keep, &hands), MQTTSN_OK);
    return said.text;
}

static int set_up(void **state)
{
    (void)state;
    rig_begin(&rig);
    rig_open(&rig);
    begin_process();
    said.wanted = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gw_paho_keep_free(keep);
    rig_end(&rig);
    return 0;
}

/* ---- as Paho calls ------------------------------------------------------ */

static int put(const char *key, const char *octets, size_t len)
{
    char *pieces[] = {(char *)(uintptr_t)octets, (char *)(uintptr_t)octets + 2};
    int lens[] = {2, (int)len - 2};

    return paho->pput(keep, (char *)(uintptr_t)key, 2, pieces, lens);
}

static void removed(const char *key)
{
    paho->premove(keep, (char *)(uintptr_t)key);
}

/* MQTTAsync_send of an exchange, and what it calls inside. */
static void queue(uint32_t exchange, int packet_id)
{
    int type = 3, zero = 0, qos = 2;
    char topic[] = "t", key[] = "c-1";
    char *pieces[] = {
        (char *)&type, (char *)&packet_id, topic,        (char *)&zero,
        topic,         (char *)&qos,       (char *)&zero};
    int lens[] = {4, 4, 2, 4, 0, 4, 4};

    gw_paho_keep_sending(keep, exchange);
    assert_int_equal(paho->pput(keep, key, 7, pieces, lens),
                     MQTTCLIENT_PERSISTENCE_ERROR);
    gw_paho_keep_sent(keep, exchange, (uint16_t)packet_id);
}

static bool contains(const char *key)
{
    return paho->pcontainskey(keep, (char *)(uintptr_t)key) == 0;
}

#define PUBLISH5 "\x34\x06\x00\x01t\x00\x05x"
#define PUBREL5 "\x62\x02\x00\x05"

static void send(uint32_t exchange)
{
    queue(exchange, 5);
    assert_int_equal(put("s-5", PUBLISH5, 8), 0);
}

static unsigned keys(void)
{
    char **list;
    int count;

    gw_paho_keep_making(keep, true, false);
    assert_int_equal(paho->pkeys(keep, &list, &count), 0);
    gw_paho_keep_made(keep);
    for (int i = 0; i < count; i++)
        MQTTAsync_free(list[i]);
    MQTTAsync_free(list);
    return (unsigned)count;
}

static bool arrive(uint16_t packet_id, uint8_t qos, const char *payload)
{
    struct gw_up_event event = {
        .kind = GW_UP_MESSAGE,
        .message = {.topic = mqttsn_span_text("t"),
                    .payload = mqttsn_span_text(payload),
                    .qos = qos,
                    .packet_id = packet_id}};

    return gw_paho_keep_arrival(keep, &event);
}

/* ---- tests -------------------------------------------------------------- */

static void a_publish_is_kept_with_its_exchange_until_it_is_released(void **s)
{
    (void)s;
    send(EXCHANGE);
    assert_string_equal(next_process(), "under-way 5=77 ");
    assert_int_equal(keys(), 1);
    assert_int_equal(gw_paho_keep_packet_of(keep, EXCHANGE), 5);

    assert_int_equal(put("sc-5", PUBREL5, 4), 0);
    assert_string_equal(next_process(), "under-way 5=77 ");
    assert_int_equal(keys(), 2);
    assert_true(contains("sc-5"));
}

static void what_is_acknowledged_is_said_until_the_engine_knows(void **s)
{
    (void)s;
    send(EXCHANGE);
    put("sc-5", PUBREL5, 4);
    removed("s5-5");
    removed("sc5-5");
    removed("s-5");
    removed("sc-5");
    assert_string_equal(next_process(), "acknowledged 77 ");
    assert_int_equal(keys(), 0);
    said.wanted = false; /* it has no such exchange: that is forgotten */
    assert_string_equal(next_process(), "acknowledged 77 ");
    assert_string_equal(next_process(), "");
}

static void a_publish_of_qos_1_and_a_command_are_not_kept(void **s)
{
    (void)s;
    queue(EXCHANGE, 5);
    assert_int_equal(put("s-5", "\x32\x06\x00\x01t\x00\x05x", 8), 0);
    assert_string_equal(next_process(), "");
    assert_int_equal(keys(), 0);
}

static void what_is_sent_again_is_written_once(void **s)
{
    struct gw_journal_stats before, after;

    (void)s;
    send(EXCHANGE);
    gw_journal_stats(rig.journal, &before);
    assert_int_equal(put("s-5", "\x3c\x06\x00\x01t\x00\x05x", 8), 0);
    gw_journal_stats(rig.journal, &after);
    assert_int_equal(before.records, after.records);
    assert_string_equal(next_process(), "under-way 5=77 ");
}

static void keys_are_listed_only_to_a_handle_that_is_made(void **s)
{
    char **list;
    int count;

    (void)s;
    send(EXCHANGE);
    put("r-5", PUBLISH5, 8);
    /* A clean connection that ends, and a handle that goes. */
    assert_true(gw_paho_keep_attempt(keep, true));
    assert_int_equal(paho->pkeys(keep, &list, &count), 0);
    assert_int_equal(count, 0);
    assert_true(gw_paho_keep_attempt(keep, false));
    gw_paho_keep_destroying(keep);
    assert_int_equal(paho->pkeys(keep, &list, &count), 0);
    assert_int_equal(count, 0);
    gw_paho_keep_made(keep);
    assert_int_equal(keys(), 2);
    assert_false(gw_paho_keep_is_lost(keep));
}

/* The session is gone: what was received will never be released. */
static void what_a_lost_session_leaves_is_delivered(void **s)
{
    struct gw_up_event event;
    char **list;
    int count;

    (void)s;
    send(EXCHANGE);
    put("r-5", PUBLISH5, 8);
    assert_int_equal(paho->pkeys(keep, &list, &count), 0);
    assert_true(gw_paho_keep_is_lost(keep));
    assert_true(gw_paho_keep_take_orphan(keep, &event));
    assert_int_equal(event.message.payload.data[0], 'x');
    assert_int_equal(event.message.qos, 2);
    assert_true(event.message.arrival != 0);
    assert_false(gw_paho_keep_take_orphan(keep, &event));
    assert_int_equal(keys(), 0);
    assert_string_equal(next_process(), "arrived 5=x ");
}

static void a_message_is_an_arrival_or_received_and_never_both(void **s)
{
    (void)s;
    put("r-5", PUBLISH5, 8);
    assert_string_equal(next_process(), "");
    assert_int_equal(keys(), 1);
    assert_true(arrive(5, 2, "x"));
    removed("r-5");
    assert_string_equal(next_process(), "arrived 5=x ");
    assert_int_equal(keys(), 0);

    /* The id comes again for another message: that is not this one. */
    put("r-5", "\x34\x06\x00\x01t\x00\x05y", 8);
    assert_string_equal(next_process(), "arrived 5=x ");
    assert_int_equal(keys(), 1);
}

/* The write that held both was cut off between them. */
static void a_message_that_was_delivered_is_not_received_any_more(void **s)
{
    struct gw_journal_record received = {.verb = GW_JOURNAL_KEEP,
                                         .kind = GW_SHELL_LIBRARY,
                                         .owner = 3,
                                         .item = 5};

    (void)s;
    put("r-5", PUBLISH5, 8);
    read_rows();
    rig_close(&rig);
    rig_open(&rig);
    gw_paho_keep_free(keep);
    begin_process();
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].record.kind == GW_SHELL_LIBRARY &&
            rows[i].record.owner == 3)
            received.octets =
                mqttsn_span(rows[i].octets, rows[i].record.octets.len);
    assert_true(received.octets.len > 0);
    assert_true(arrive(5, 2, "x"));
    assert_int_equal(gw_journal_append(rig.journal, &received, 1, NULL),
                     MQTTSN_OK);
    assert_string_equal(next_process(), "arrived 5=x ");
    assert_int_equal(keys(), 0);
}

static void arrivals_come_in_order_and_no_number_is_used_twice(void **s)
{
    (void)s;
    assert_true(arrive(1, 1, "a"));
    assert_true(arrive(2, 1, "b"));
    assert_string_equal(next_process(), "arrived 1=a arrived 2=b ");
    assert_true(arrive(3, 1, "c"));
    assert_string_equal(next_process(), "arrived 1=a arrived 2=b arrived 3=c ");
    assert_true(arrive(0, 0, "d")); /* of QoS 0: nothing to keep */
    assert_string_equal(next_process(), "arrived 1=a arrived 2=b arrived 3=c ");
}

/* Or the next process would give it again. */
static void no_number_is_given_before_it_is_noted(void **s)
{
    (void)s;
    gw_paho_keep_free(keep);
    rig.settings.files = &rig_files_faulty;
    rig_open(&rig);
    begin_process();
    rig_write_fault = (struct rig_fault){.in = 1, .why = ENOSPC};
    assert_false(arrive(1, 1, "a"));
    assert_true(arrive(1, 1, "b"));
    assert_string_equal(next_process(), "arrived 1=b ");
}

static void what_cannot_be_kept_is_refused(void **s)
{
    struct gw_paho_keep_stats stats;

    (void)s;
    put("r-5", PUBLISH5, 8);
    rig_close(&rig); /* from here on it always fails */
    assert_false(arrive(5, 2, "x"));
    assert_true(gw_paho_keep_take_broken(keep));
    assert_true(gw_paho_keep_wants_new_handle(keep));
    removed("r-5"); /* Paho believes that it is delivered */
    assert_int_equal(keys(), 1);
    assert_int_equal(put("s-6", "\x34\x06\x00\x01t\x00\x06x", 8),
                     MQTTCLIENT_PERSISTENCE_ERROR);
    gw_paho_keep_stats(keep, &stats);
    assert_true(stats.failures >= 2);
}

/* The next processes see the octets that were written, synced or not. */
static void begin_unsynced(void)
{
    gw_paho_keep_free(keep);
    rig.settings.files = &rig_files_faulty;
    rig.settings.sync = true;
    rig_open(&rig);
    begin_process();
}

/* Between any two writes the process may end: the message is an arrival, or
 * received, and the broker sends PUBREL again. */
static void what_is_not_synced_is_received_still(void **s)
{
    (void)s;
    begin_unsynced();
    assert_true(arrive(1, 1, "a")); /* numbers are noted with it */
    put("r-5", PUBLISH5, 8);
    for (unsigned writes = 0; writes < 2; writes++) {
        rig_sync_fault = (struct rig_fault){.in = 1, .why = EIO};
        if (writes == 0) /* nor can it be taken back */
            rig_write_fault =
                (struct rig_fault){.in = 2, .lasting = true, .why = EIO};
        assert_false(arrive(5, 2, "x"));
        removed("r-5"); /* Paho believes that it is delivered */
        rig_write_fault.in = 0;
        read_rows();
        assert_int_equal(
            count_of(GW_SHELL_ARRIVAL) + count_of(GW_SHELL_LIBRARY), 2);
        assert_int_equal(keys(), 1);
    }
    /* Now it can be: once, though it was there before. */
    assert_true(arrive(5, 2, "x"));
    assert_string_equal(next_process(), "arrived 1=a arrived 5=x ");
    assert_int_equal(keys(), 0);
}

/* It was in the file, and Paho sent the exchange under another id. */
static void what_is_not_synced_is_not_under_way(void **s)
{
    (void)s;
    begin_unsynced();
    rig_sync_fault = (struct rig_fault){.in = 1, .why = EIO};
    queue(EXCHANGE, 6);
    assert_int_equal(put("s-6", "\x34\x06\x00\x01t\x00\x06x", 8),
                     MQTTCLIENT_PERSISTENCE_ERROR);
    gw_paho_keep_making(keep, true, false);
    gw_paho_keep_made(keep);
    queue(EXCHANGE, 7);
    assert_int_equal(put("s-7", "\x34\x06\x00\x01t\x00\x07x", 8), 0);
    assert_string_equal(next_process(), "under-way 7=77 ");
}

static void *arrive_on_a_thread(void *unused)
{
    (void)unused;
    assert_true(arrive(1, 1, "a"));
    return NULL;
}

static void figures_wait_for_no_disk(void **s)
{
    struct gw_paho_keep_stats stats;
    pthread_t thread;

    (void)s;
    begin_unsynced();
    rig_stick(true);
    assert_int_equal(pthread_create(&thread, NULL, arrive_on_a_thread, NULL),
                     0);
    rig_wait_for_stuck();
    gw_paho_keep_stats(keep, &stats);
    assert_int_equal(stats.arrivals, 0);
    rig_stick(false);
    pthread_join(thread, NULL);
    gw_paho_keep_stats(keep, &stats);
    assert_int_equal(stats.arrivals, 1);
}

/* Each octet, flipped in each bit: refused, or as good as the right one. */
static void no_damaged_packet_reaches_paho(void **s)
{
    (void)s;
    send(EXCHANGE);
    put("sc-5", PUBREL5, 4);
    put("r-5", PUBLISH5, 8);
    read_rows();
    for (size_t i = 0; i < row_count; i++) {
        const struct gw_journal_record *r = &rows[i].record;

        if (r->kind != GW_SHELL_LIBRARY || r->owner > 3)
            continue;
        for (size_t bit = 0; bit < r->octets.len * 8; bit++) {
            struct gw_paho_keep *other;
            uint8_t octets[256];

            memcpy(octets, rows[i].octets, r->octets.len);
            octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(gw_paho_keep_new(rig.journal, &other), MQTTSN_OK);
            (void)!gw_paho_keep_restore(other, r->kind, r->owner, r->item,
                                        mqttsn_span(octets, r->octets.len));
            for (size_t len = 0; len < r->octets.len; len++)
                assert_int_equal(gw_paho_keep_restore(other, r->kind, r->owner,
                                                      r->item,
                                                      mqttsn_span(octets, len)),
                                 MQTTSN_EFIELD);
            gw_paho_keep_free(other);
        }
    }
}

static void the_session_is_unsure_until_it_is_known(void **s)
{
    (void)s;
    assert_true(gw_paho_keep_is_unsure(keep));
    assert_false(gw_paho_keep_was_unsure(keep));
    next_process();
    assert_true(gw_paho_keep_is_unsure(keep));
    gw_paho_keep_sure(keep);
    gw_paho_keep_session(keep, "broker:1883", false);
    next_process();
    assert_false(gw_paho_keep_is_unsure(keep));
    assert_string_equal(gw_paho_keep_endpoint(keep), "broker:1883");
    assert_true(gw_paho_keep_attempt(keep, false));
    assert_true(gw_paho_keep_attempt(keep, false));
    assert_true(gw_paho_keep_was_unsure(keep));
}

static void no_attempt_begins_that_the_journal_does_not_know(void **s)
{
    (void)s;
    gw_paho_keep_free(keep);
    rig.settings.files = &rig_files_faulty;
    rig.settings.sync = true;
    rig_open(&rig);
    assert_int_equal(gw_paho_keep_new(rig.journal, &keep), MQTTSN_OK);
    rig_write_fault = (struct rig_fault){.in = 1, .why = ENOSPC};
    assert_false(gw_paho_keep_attempt(keep, false));
    rig_sync_fault = (struct rig_fault){.in = 1, .why = EIO};
    assert_false(gw_paho_keep_attempt(keep, false));
    assert_true(gw_paho_keep_attempt(keep, false));
    assert_false(gw_paho_keep_was_unsure(keep));
    next_process();
    assert_true(gw_paho_keep_is_unsure(keep));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_publish_is_kept_with_its_exchange_until_it_is_released),
        TEST(what_is_acknowledged_is_said_until_the_engine_knows),
        TEST(a_publish_of_qos_1_and_a_command_are_not_kept),
        TEST(what_is_sent_again_is_written_once),
        TEST(keys_are_listed_only_to_a_handle_that_is_made),
        TEST(what_a_lost_session_leaves_is_delivered),
        TEST(a_message_is_an_arrival_or_received_and_never_both),
        TEST(a_message_that_was_delivered_is_not_received_any_more),
        TEST(arrivals_come_in_order_and_no_number_is_used_twice),
        TEST(no_number_is_given_before_it_is_noted),
        TEST(what_cannot_be_kept_is_refused),
        TEST(what_is_not_synced_is_received_still),
        TEST(what_is_not_synced_is_not_under_way),
        TEST(figures_wait_for_no_disk),
        TEST(no_damaged_packet_reaches_paho),
        TEST(the_session_is_unsure_until_it_is_known),
        TEST(no_attempt_begins_that_the_journal_does_not_know),
    };

    MQTTAsync any;
    int failures;

    /* Paho's allocator keeps its books only while there is a handle. */
    assert_int_equal(MQTTAsync_create(&any, "tcp://127.0.0.1:1", "any",
                                      MQTTCLIENT_PERSISTENCE_NONE, NULL),
                     MQTTASYNC_SUCCESS);
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    MQTTAsync_destroy(&any);
    return failures;
}
