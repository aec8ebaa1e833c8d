/* SPDX-License-Identifier: MIT */
#include "io/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal_rig.h"

static void what_was_appended_is_read_in_order(void **unused)
{
    struct gw_journal_record owner = {.verb = GW_JOURNAL_FORGET_OWNER,
                                      .owner = 4};
    uint64_t sequence = 0;
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 1, 4, 0, "session"), MQTTSN_OK);
    assert_int_equal(rig_keep(&rig, 64, 0, 9, ""), MQTTSN_OK);
    assert_int_equal(rig_forget(&rig, 64, 0, 9), MQTTSN_OK);
    assert_int_equal(gw_journal_append(rig.journal, &owner, 1, &sequence),
                     MQTTSN_OK);
    assert_int_equal(sequence, 4);

    assert_string_equal(rig_read(&rig), "+1/4/0=session +64/0/9= -64/0/9 --4");
    assert_int_equal(rig.report.last, 4);
    assert_int_equal(rig.report.last_at_s, 7);
    assert_int_equal(rig.report.torn + rig.report.damaged, 0);

    CASE("from a number on");
    rig.after = 2;
    assert_string_equal(rig_read(&rig), "-64/0/9 --4");
    rig.after = 4;
    assert_string_equal(rig_read(&rig), "");
    assert_int_equal(rig.report.last, 4);

    CASE("a later process goes on behind it, in a file of its own");
    rig.after = 0;
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 2, 5, 0, "will"), MQTTSN_OK);
    assert_string_equal(rig_read(&rig),
                        "+1/4/0=session +64/0/9= -64/0/9 --4 +2/5/0=will");
    assert_int_equal(rig.report.files, 2);
    rig_end(&rig);
}

static void many_records_take_one_write_and_large_ones_fit(void **unused)
{
    static uint8_t large[GW_JOURNAL_OCTETS_MAX + 1];
    struct gw_journal_record records[40];
    struct gw_journal_stats stats;
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    rig.settings.limit = 64 << 20;
    rig_open(&rig);
    memset(large, 'x', sizeof(large));
    for (unsigned i = 0; i < ARRAY_LEN(records); i++)
        records[i] = (struct gw_journal_record){
            GW_JOURNAL_KEEP, 5, 0, i,
            mqttsn_span(large, i % 2 ? 3 : GW_JOURNAL_OCTETS_MAX)};
    assert_int_equal(
        gw_journal_append(rig.journal, records, ARRAY_LEN(records), NULL),
        MQTTSN_OK);
    gw_journal_stats(rig.journal, &stats);
    assert_int_equal(stats.writes, 1);
    assert_int_equal(stats.records, 40);

    CASE("one that is too long is refused, and nothing of its company kept");
    records[1].octets = mqttsn_span(large, sizeof(large));
    assert_int_equal(gw_journal_append(rig.journal, records, 2, NULL),
                     MQTTSN_EINVAL);
    (void)rig_read(&rig);
    assert_int_equal(rig.report.records, 40);
    assert_int_equal(rig.report.last, 40);
    rig_end(&rig);
}

static unsigned borders;

static void on_border(void *user)
{
    (void)user;
    borders++;
}

static void what_is_in_the_database_is_dropped(void **unused)
{
    struct rig rig;
    uint64_t before;

    (void)unused;
    rig_begin(&rig);
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "a"), MQTTSN_OK);
    borders = 0;
    assert_int_equal(gw_journal_rotate(rig.journal, on_border), 1);
    assert_int_equal(borders, 1);
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "b"), MQTTSN_OK);
    assert_int_equal(rig_files(&rig, ".j"), 2);
    before = gw_journal_octets(rig.journal);

    assert_int_equal(gw_journal_drop(rig.journal, 1), 0);
    assert_int_equal(rig_files(&rig, ".j"), 1);
    assert_true(gw_journal_octets(rig.journal) < before);
    rig.after = 1;
    assert_string_equal(rig_read(&rig), "+1/2/0=b");

    CASE("the file in use stays while it has something to say");
    assert_int_equal(gw_journal_drop(rig.journal, 1), 0);
    assert_string_equal(rig_read(&rig), "+1/2/0=b");

    CASE("without anything new there is no new file");
    assert_int_equal(gw_journal_rotate(rig.journal, NULL), 2);
    assert_int_equal(gw_journal_rotate(rig.journal, NULL), 2);
    assert_int_equal(rig_files(&rig, ".j"), 2);
    assert_int_equal(gw_journal_drop(rig.journal, 2), 0);
    assert_int_equal(rig_files(&rig, ".j"), 1);
    rig_end(&rig);
}

static void a_start_drops_the_files_of_the_one_before(void **unused)
{
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    for (unsigned i = 1; i <= 3; i++) {
        rig_open(&rig);
        assert_int_equal(rig_keep(&rig, 1, i, 0, "s"), MQTTSN_OK);
    }
    assert_int_equal(rig_files(&rig, ".j"), 3);
    assert_int_equal(gw_journal_drop(rig.journal, 2), 0);
    assert_int_equal(rig_files(&rig, ".j"), 1);
    rig.after = 2;
    assert_string_equal(rig_read(&rig), "+1/3/0=s");
    rig_end(&rig);
}

static void the_files_are_the_owners_alone(void **unused)
{
    struct stat there;
    char path[256];
    struct rig rig;
    mode_t mask = umask(0);

    (void)unused;
    rig_begin(&rig);
    rig_open(&rig);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    assert_int_equal(stat(path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
    umask(mask);
    rig_end(&rig);
}

static uint32_t no_clock(void *gone)
{
    (void)gone;
    fail_msg("a journal that is closed asks nobody for the time");
    return 0;
}

static void who_still_holds_it_is_told_that_it_is_closed(void **unused)
{
    const struct gw_journal_record record = {GW_JOURNAL_KEEP, 1, 1, 0,
                                             mqttsn_span("late", 4)};
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    rig.settings.clock_s = no_clock;
    rig_open(&rig);
    gw_journal_hold(rig.journal);
    gw_journal_close(rig.journal);

    errno = 0;
    assert_int_equal(gw_journal_put(rig.journal, &record), MQTTSN_EIO);
    assert_int_equal(errno, EBADF);

    gw_journal_let_go(rig.journal);
    rig.journal = NULL;
    assert_string_equal(rig_read(&rig), "");
    rig_end(&rig);
}

static void a_journal_of_another_store_is_not_read(void **unused)
{
    char aside[GW_FILES_PATH_MAX];
    uint8_t id[16];
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    assert_false(gw_journal_owner(&rig.settings, id));
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "theirs"), MQTTSN_OK);
    rig_close(&rig);
    assert_true(gw_journal_owner(&rig.settings, id));
    assert_memory_equal(id, rig.settings.id, 16);
    assert_int_equal(gw_journal_set_foreign_aside(&rig.settings, aside), 0);

    memcpy(rig.settings.id, "another one's id", 16);
    assert_string_equal(rig_read(&rig), "");
    assert_int_equal(rig.report.foreign, 1);
    assert_int_equal(rig.report.last, 0);
    assert_string_equal(rig.report.first_bad, "gw.db.j0000000000000001");
    assert_int_equal(gw_journal_set_foreign_aside(&rig.settings, aside), 1);
    assert_non_null(strstr(aside, "gw.db.j0000000000000001.damaged"));
    rig_open(&rig);
    assert_int_equal(rig.report.foreign, 0);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "ours"), MQTTSN_OK);
    assert_string_equal(rig_read(&rig), "+1/1/0=ours");
    rig_end(&rig);
}

/* ---- threads ----------------------------------------------------------- */

#define THREADS 4u
#define EACH 500u

struct writer {
    pthread_t thread;
    struct gw_journal *journal;
    uint32_t owner;
    uint64_t last;
};

static void *write_each(void *user)
{
    struct writer *w = user;

    for (uint32_t i = 0; i < EACH; i++) {
        const struct gw_journal_record record = {
            GW_JOURNAL_KEEP, 5, w->owner, i,
            mqttsn_span((const uint8_t *)"octets", i % 7)};
        uint64_t sequence;

        if (gw_journal_append(w->journal, &record, 1, &sequence) != MQTTSN_OK ||
            sequence <= w->last ||
            gw_journal_sync(w->journal, sequence) != MQTTSN_OK)
            return w;
        w->last = sequence;
    }
    return NULL;
}

struct order {
    uint32_t next[THREADS];
    bool wrong;
};

static bool in_order(void *user, const struct gw_journal_entry *entry)
{
    struct order *order = user;
    const struct gw_journal_record *r = &entry->record;

    order->wrong |= r->owner >= THREADS || r->item != order->next[r->owner]++;
    return !order->wrong;
}

/* Four threads append and sync while the files are changed below them. */
static void threads_share_it(bool sync)
{
    struct writer writers[THREADS];
    struct order order = {0};
    struct gw_journal_stats stats;
    struct rig rig;

    rig_begin(&rig);
    rig.settings.sync = sync;
    rig_open(&rig);
    for (uint32_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.journal = rig.journal, .owner = i};
        assert_int_equal(
            pthread_create(&writers[i].thread, NULL, write_each, &writers[i]),
            0);
    }
    for (unsigned i = 0; i < 20; i++)
        (void)gw_journal_rotate(rig.journal, NULL);
    for (uint32_t i = 0; i < THREADS; i++) {
        void *failed;

        pthread_join(writers[i].thread, &failed);
        assert_null(failed);
    }
    gw_journal_stats(rig.journal, &stats);
    assert_int_equal(stats.records, THREADS * EACH);
    assert_int_equal(stats.failures, 0);
    if (sync)
        assert_in_range(stats.syncs, 1, THREADS * EACH + 20);
    else
        assert_int_equal(stats.syncs, 0);
    assert_int_equal(
        gw_journal_read(&rig.settings, 0, in_order, &order, &rig.report),
        MQTTSN_OK);
    assert_false(order.wrong);
    assert_int_equal(rig.report.records, THREADS * EACH);
    assert_int_equal(rig.report.damaged, 0);
    rig_end(&rig);
}

static void threads_append_at_the_same_time(void **unused)
{
    (void)unused;
    threads_share_it(false);
}

static void threads_share_syncs(void **unused)
{
    (void)unused;
    threads_share_it(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_in_order),
        cmocka_unit_test(many_records_take_one_write_and_large_ones_fit),
        cmocka_unit_test(what_is_in_the_database_is_dropped),
        cmocka_unit_test(a_start_drops_the_files_of_the_one_before),
        cmocka_unit_test(the_files_are_the_owners_alone),
        cmocka_unit_test(who_still_holds_it_is_told_that_it_is_closed),
        cmocka_unit_test(a_journal_of_another_store_is_not_read),
        cmocka_unit_test(threads_append_at_the_same_time),
        cmocka_unit_test(threads_share_syncs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
