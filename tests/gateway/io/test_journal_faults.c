/* SPDX-License-Identifier: MIT */
/* A disk that is full, tears what is written, or loses it. */
#include "io/journal.h"

#include <errno.h>

#include "journal_rig.h"

static void begin(struct rig *rig, bool sync)
{
    rig_begin(rig);
    rig->settings.files = &rig_files_faulty;
    rig->settings.sync = sync;
    rig_open(rig);
}

static void a_full_disk_leaves_the_file_as_it_was(void **unused)
{
    struct gw_journal_stats stats;
    struct rig rig;

    (void)unused;
    begin(&rig, false);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    for (size_t partial = 0; partial < 40; partial++) {
        rig_write_fault = (struct rig_fault){1, false, ENOSPC, partial};
        assert_int_equal(rig_keep(&rig, 1, 2, 0, "more than there is"),
                         MQTTSN_ENOSPACE);
        assert_string_equal(rig_read(&rig), "+1/1/0=one");
        assert_int_equal(rig.report.torn + rig.report.damaged, 0);
    }
    gw_journal_stats(rig.journal, &stats);
    assert_int_equal(stats.failures, 40);

    CASE("and when there is room again, it goes on");
    assert_int_equal(rig_keep(&rig, 1, 3, 0, "three"), MQTTSN_OK);
    assert_string_equal(rig_read(&rig), "+1/1/0=one +1/3/0=three");
    assert_int_equal(rig.report.last, 2);

    CASE("other errors are told apart");
    rig_write_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(rig_keep(&rig, 1, 4, 0, "four"), MQTTSN_EIO);
    rig_end(&rig);
}

static void a_tear_that_stays_is_left_behind(void **unused)
{
    struct rig rig;

    (void)unused;
    begin(&rig, false);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    rig_write_fault = (struct rig_fault){1, false, EIO, 20};
    rig_truncate_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "two"), MQTTSN_EIO);

    CASE("the next file cannot be made either");
    rig_open_fault = (struct rig_fault){1, false, EROFS, 0};
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "two"), MQTTSN_EIO);
    rig_open_fault = (struct rig_fault){1, false, ENOSPC, 0};
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "two"), MQTTSN_ENOSPACE);

    assert_int_equal(rig_keep(&rig, 1, 3, 0, "three"), MQTTSN_OK);
    assert_string_equal(rig_read(&rig), "+1/1/0=one +1/3/0=three");
    assert_int_equal(rig.report.torn, 1);
    assert_int_equal(rig.report.damaged, 0);
    rig_end(&rig);
}

/* The numbers of a batch that failed are given again. */
static void what_is_whole_of_a_torn_batch_is_passed_over(void **unused)
{
    const struct gw_journal_record batch[] = {
        {GW_JOURNAL_KEEP, 1, 2, 0, mqttsn_span("two", 3)},
        {GW_JOURNAL_KEEP, 1, 2, 1, mqttsn_span("too", 3)},
        {GW_JOURNAL_FORGET, 1, 1, 0, {NULL, 0}},
    };
    struct rig rig;

    (void)unused;
    begin(&rig, false);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    rig_write_fault = (struct rig_fault){1, false, EIO, 80}; /* two, and more */
    rig_truncate_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(gw_journal_append(rig.journal, batch, 3, NULL),
                     MQTTSN_EIO);

    assert_int_equal(rig_keep(&rig, 1, 3, 0, "three"), MQTTSN_OK);
    assert_int_equal(rig_keep(&rig, 1, 4, 0, "four"), MQTTSN_OK);
    assert_int_equal(rig_keep(&rig, 1, 5, 0, "five"), MQTTSN_OK);

    assert_string_equal(rig_read(&rig),
                        "+1/1/0=one +1/3/0=three +1/4/0=four +1/5/0=five");
    assert_int_equal(rig.report.damaged, 0);
    rig_end(&rig);
}

static void the_limit_is_kept_and_given_back(void **unused)
{
    enum mqttsn_status status = MQTTSN_OK;
    unsigned n = 0;
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    rig.settings.limit = 1000;
    rig_open(&rig);
    while (status == MQTTSN_OK && n < 100)
        status = rig_keep(&rig, 1, ++n, 0, "0123456789");
    assert_int_equal(status, MQTTSN_ENOSPACE);
    assert_in_range(gw_journal_octets(rig.journal), 900, 1000);

    assert_int_equal(
        gw_journal_drop(rig.journal, gw_journal_rotate(rig.journal, NULL)), 0);
    assert_int_equal(rig_keep(&rig, 1, n, 0, "0123456789"), MQTTSN_OK);
    assert_in_range(gw_journal_octets(rig.journal), 50, 100);

    CASE("it counts what an earlier process left");
    rig.settings.limit = 120;
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 1, 9, 0, "0123456789"), MQTTSN_ENOSPACE);
    rig_end(&rig);
}

static void without_a_new_file_the_old_one_begins_anew(void **unused)
{
    struct rig rig;
    uint64_t border;

    (void)unused;
    begin(&rig, false);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    rig_open_fault = (struct rig_fault){1, true, ENOSPC, 0};
    border = gw_journal_rotate(rig.journal, NULL);
    assert_int_equal(border, 1);

    CASE("what came since keeps it");
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "two"), MQTTSN_OK);
    assert_int_equal(gw_journal_drop(rig.journal, border), 0);
    assert_string_equal(rig_read(&rig), "+1/1/0=one +1/2/0=two");

    border = gw_journal_rotate(rig.journal, NULL);
    assert_int_equal(gw_journal_drop(rig.journal, border), 0);
    assert_int_equal(rig_keep(&rig, 1, 3, 0, "three"), MQTTSN_OK);
    rig.after = border;
    assert_string_equal(rig_read(&rig), "+1/3/0=three");
    assert_int_equal(rig.report.damaged, 0);
    assert_int_equal(rig_files(&rig, ".j"), 1);
    rig_end(&rig);
}

static void a_file_that_stays_is_dropped_the_next_time(void **unused)
{
    struct rig rig;

    (void)unused;
    begin(&rig, false);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    rig_unlink_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(
        gw_journal_drop(rig.journal, gw_journal_rotate(rig.journal, NULL)), 1);
    assert_int_equal(rig_files(&rig, ".j"), 2);
    assert_int_equal(gw_journal_drop(rig.journal, 1), 0);
    assert_int_equal(rig_files(&rig, ".j"), 1);
    rig_end(&rig);
}

static void one_sync_serves_all_that_came_before(void **unused)
{
    struct gw_journal_record record = {.verb = GW_JOURNAL_FORGET, .kind = 1};
    uint64_t sequence;
    struct rig rig;

    (void)unused;
    begin(&rig, true);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(gw_journal_append(rig.journal, &record, 1, &sequence),
                         MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, sequence), MQTTSN_OK);
    for (uint64_t n = 1; n <= sequence; n++)
        assert_int_equal(gw_journal_sync(rig.journal, n), MQTTSN_OK);
    assert_int_equal(rig_syncs, 1);

    CASE("one record, as durable as configured");
    assert_int_equal(gw_journal_put(rig.journal, &record), MQTTSN_OK);
    assert_int_equal(rig_syncs, 2);

    CASE("a new file speaks for the old one, too");
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &sequence),
                     MQTTSN_OK);
    (void)gw_journal_rotate(rig.journal, NULL);
    assert_int_equal(rig_syncs, 3);
    assert_int_equal(gw_journal_sync(rig.journal, sequence), MQTTSN_OK);
    assert_int_equal(rig_syncs, 3);
    rig_end(&rig);
}

/* The next sync may succeed without the pages that the failed one lost. */
static void what_a_failed_sync_left_open_is_never_called_safe(void **unused)
{
    struct gw_journal_record record = {.verb = GW_JOURNAL_FORGET, .kind = 1};
    uint64_t safe, lost, sequence;
    struct rig rig;

    (void)unused;
    begin(&rig, true);
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &safe),
                     MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, safe), MQTTSN_OK);
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &lost),
                     MQTTSN_OK);
    rig_sync_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(gw_journal_sync(rig.journal, lost), MQTTSN_EIO);
    errno = 0; /* as of a thread that waited for another one's sync */
    assert_int_equal(gw_journal_sync(rig.journal, lost), MQTTSN_EIO);
    assert_int_equal(errno, EIO);

    assert_int_equal(gw_journal_put(rig.journal, &record), MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, lost), MQTTSN_EIO);
    assert_int_equal(gw_journal_sync(rig.journal, safe), MQTTSN_OK);
    assert_int_equal(rig_files(&rig, ".j"), 2);

    CASE("nor at a rotation");
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &lost),
                     MQTTSN_OK);
    rig_sync_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(gw_journal_rotate(rig.journal, NULL), lost);
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &sequence),
                     MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, sequence), MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, lost), MQTTSN_EIO);

    CASE("nor when the file is left for another reason");
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, &lost),
                     MQTTSN_OK);
    rig_write_fault = (struct rig_fault){1, false, EIO, 5};
    rig_truncate_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, NULL),
                     MQTTSN_EIO);
    assert_int_equal(gw_journal_put(rig.journal, &record), MQTTSN_OK);
    assert_int_equal(gw_journal_sync(rig.journal, lost), MQTTSN_EIO);

    (void)rig_read(&rig);
    assert_int_equal(rig.report.records, 7);
    assert_int_equal(rig.report.damaged, 0);
    rig_end(&rig);
}

static void a_journal_that_cannot_begin_says_so(void **unused)
{
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    rig.settings.files = &rig_files_faulty;
    rig_open_fault = (struct rig_fault){1, false, EACCES, 0};
    assert_int_equal(gw_journal_open(&rig.settings, 1, NULL, &rig.journal),
                     MQTTSN_EIO);
    assert_int_equal(errno, EACCES);
    rig_write_fault = (struct rig_fault){1, false, ENOSPC, 10};
    assert_int_equal(gw_journal_open(&rig.settings, 1, NULL, &rig.journal),
                     MQTTSN_EIO);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(rig_files(&rig, ".j"), 0);

    rig.settings.directory = "/nowhere/at/all";
    assert_int_equal(gw_journal_open(&rig.settings, 1, NULL, &rig.journal),
                     MQTTSN_EIO);
    assert_int_equal(errno, ENOENT);
    rig.journal = NULL;
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_leaves_the_file_as_it_was),
        cmocka_unit_test(a_tear_that_stays_is_left_behind),
        cmocka_unit_test(what_is_whole_of_a_torn_batch_is_passed_over),
        cmocka_unit_test(the_limit_is_kept_and_given_back),
        cmocka_unit_test(without_a_new_file_the_old_one_begins_anew),
        cmocka_unit_test(a_file_that_stays_is_dropped_the_next_time),
        cmocka_unit_test(one_sync_serves_all_that_came_before),
        cmocka_unit_test(what_a_failed_sync_left_open_is_never_called_safe),
        cmocka_unit_test(a_journal_that_cannot_begin_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
