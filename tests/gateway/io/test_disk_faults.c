/* SPDX-License-Identifier: MIT */
/* A store whose disk fails now and then: what was reported as kept is kept,
 * and nothing is on the disk without what came before it. */
#include "io/disk_store.h"

#include <errno.h>
#include <stdlib.h>

#include "disk_rig.h"

#include "io/disk_private.h"

static void begin(struct disk_rig *rig)
{
    disk_begin(rig);
    rig->settings.files = &rig_files_faulty;
    disk_open(rig);
}

static enum mqttsn_status append(struct disk_rig *rig, uint8_t verb,
                                 uint8_t kind, uint32_t item)
{
    const struct gw_journal_record record = {
        verb, kind, 0, item, mqttsn_span((const uint8_t *)"octets", 6)};

    return gw_disk_append(rig->disk, &record, 1);
}

/* A message that arrived becomes a message that waits. The record of the
 * second does not fit any more, the few octets that forget the first would. */
static void an_arrival_is_not_forgotten_without_what_became_of_it(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    begin(&rig);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 64, 1), MQTTSN_OK);
    rig_write_fault = (struct rig_fault){1, false, ENOSPC, 0};
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 7), MQTTSN_ENOSPACE);
    assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 64, 1), MQTTSN_ENOSPACE);
    assert_true(gw_disk_wants_flush(rig.disk));

    CASE("a kill: it comes again");
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    assert_non_null(disk_find(&rig.found, 64, 0, 1));

    CASE("a flush: it is what it became");
    rig_write_fault = (struct rig_fault){1, false, ENOSPC, 0};
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 7), MQTTSN_ENOSPACE);
    assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 64, 1), MQTTSN_ENOSPACE);
    disk_flush(&rig);
    assert_false(gw_disk_wants_flush(rig.disk));
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 8), MQTTSN_OK);
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 2);
    assert_non_null(disk_find(&rig.found, 5, 0, 7));
    assert_non_null(disk_find(&rig.found, 5, 0, 8));
    disk_end(&rig);
}

static uint64_t small; /* records of "octets" */
static bool saw_arrival;

/* The rig's list holds no large ones. */
static bool count_small(void *unused, const struct gw_disk_entry *entry)
{
    (void)unused;
    small += entry->octets.len == 6;
    saw_arrival |= entry->kind == 64;
    return true;
}

/* More than memory holds besides: what is new of nodes is left out, for they
 * are told. What the broker was told is taken, and what of QoS 2 has come
 * further, is not. */
static void
what_memory_has_no_room_for_was_acknowledged_to_nobody(void **unused)
{
    static uint8_t large[100 * 1024];
    struct gw_journal_record record = {GW_JOURNAL_KEEP, 7, 0, 0,
                                       mqttsn_span(large, sizeof(large))};
    enum mqttsn_status status = MQTTSN_OK;
    struct gw_disk_stats stats;
    struct disk_rig rig;
    uint32_t taken;

    (void)unused;
    begin(&rig);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 64, 1), MQTTSN_OK);
    while (status == MQTTSN_OK && record.item < 1000) {
        record.item++;
        status = gw_disk_append(rig.disk, &record, 1);
    }
    assert_int_equal(status, MQTTSN_ENOSPACE);
    taken = record.item;
    for (unsigned i = 0; i < 100; i++) {
        record.item++;
        assert_int_equal(gw_disk_append(rig.disk, &record, 1), MQTTSN_ENOSPACE);
    }
    gw_disk_stats(rig.disk, &stats);
    assert_in_range(stats.change_octets, GW_DISK_HARD / 2,
                    GW_DISK_HARD + 2 * sizeof(large));
    assert_true(stats.journal_octets <= GW_DISK_HARD);

    CASE("a message for nodes, its places, another word on an exchange");
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 7), MQTTSN_ENOSPACE);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 6, 8), MQTTSN_ENOSPACE);
    assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 64, 1), MQTTSN_ENOSPACE);
    for (record.item = 1; record.item < taken; record.item++)
        assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 7, record.item),
                         MQTTSN_ENOSPACE);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 1, 0), MQTTSN_ENOSPACE);
    gw_disk_stats(rig.disk, &stats);
    assert_true(stats.change_octets < GW_DISK_HARD);

    CASE("the database follows");
    disk_flush(&rig);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 2, 1), MQTTSN_OK);
    disk_shut(&rig);
    disk_remove(&rig, "gw.db.j");
    rig.report.records = 0;
    assert_int_equal(gw_disk_open(&rig.settings, &rig.disk), MQTTSN_OK);
    assert_int_equal(gw_disk_restore(rig.disk, count_small, &rig, &rig.report),
                     MQTTSN_OK);
    assert_int_equal(rig.report.records, taken + 3);
    assert_false(saw_arrival);
    assert_int_equal(small, taken + 2);
    disk_end(&rig);
}

/* Every write of the journal may fail, in turn; audited by a plain list of
 * what was reported as kept. */
static void each_write_may_fail(void **unused)
{
    (void)unused;
    for (unsigned at = 1; at <= 24; at++) {
        struct disk_rig rig;

        begin(&rig);
        rig_write_fault = (struct rig_fault){at, false, EIO, at % 31};
        for (uint32_t i = 0; i < 20; i++) {
            (void)disk_keep(&rig, 5, 0, i, "octets");
            if (i % 5 == 4)
                (void)disk_forget(&rig, 5, 0, i - 2);
            if (i % 7 == 6)
                disk_flush(&rig);
        }
        /* The list has what was taken at once; what was refused may be there
         * besides, never the other way round. */
        disk_shut(&rig);
        rig_write_fault = (struct rig_fault){0};
        disk_open(&rig);
        assert_false(rig.report.damaged);
        for (size_t i = 0; i < rig.model.count; i++) {
            const struct disk_record *r = &rig.model.records[i];
            bool forgotten = r->item % 5 == 2;

            assert_true(forgotten || disk_find(&rig.found, r->kind, r->owner,
                                               r->item) != NULL);
        }
        disk_end(&rig);
    }
}

/* Were the next one synced in a file of its own, a power cut would leave it
 * without what came before. */
static void after_a_failed_sync_nothing_is_kept_before_a_flush(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    rig.settings.files = &rig_files_faulty;
    rig.settings.full = true;
    disk_open(&rig);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 7, 1), MQTTSN_OK);
    rig_sync_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 7, 1), MQTTSN_EIO);
    assert_true(gw_disk_wants_flush(rig.disk));
    assert_int_not_equal(append(&rig, GW_JOURNAL_KEEP, 7, 2), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 7, 3), MQTTSN_OK);
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 2);
    assert_null(disk_find(&rig.found, 7, 0, 1));
    disk_end(&rig);
}

/* As when each allocation of gw_changes_apply has failed. */
static void lose_memory(struct disk_rig *rig)
{
    gw_changes_free(rig->disk->current);
    rig->disk->current = gw_changes_new();
    rig->disk->current->incomplete = true;
}

/* The journal has it all. */
static void when_memory_is_back_the_database_follows(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    begin(&rig);
    assert_int_equal(disk_keep(&rig, 5, 0, 1, "before"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 1, 9, 0, "before"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 5, 0, 2, "without memory"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 5, 0, 1), MQTTSN_OK);
    assert_int_equal(disk_forget_owner(&rig, 9), MQTTSN_OK);
    lose_memory(&rig);
    assert_int_equal(disk_keep(&rig, 5, 0, 3, "with memory"), MQTTSN_OK);
    disk_flush(&rig);
    assert_false(rig.disk->current->incomplete);

    CASE("nothing is left in the journal, and nothing to be done");
    disk_reopen(&rig);
    assert_int_equal(rig.report.journal, 0);
    assert_int_equal(rig.found.count, 2);

    CASE("what the journal refused is in memory alone, and on top");
    assert_int_equal(disk_keep(&rig, 5, 0, 2, "changed"), MQTTSN_OK);
    lose_memory(&rig);
    rig_write_fault = (struct rig_fault){1, false, ENOSPC, 0};
    assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 5, 3), MQTTSN_ENOSPACE);
    disk_flush(&rig);
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    assert_memory_equal(disk_find(&rig.found, 5, 0, 2)->octets, "changed", 7);

    CASE("a disk that cannot be read is tried again");
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 4), MQTTSN_OK);
    lose_memory(&rig);
    rig_read_fault = (struct rig_fault){1, false, EIO, 0};
    assert_int_equal(gw_disk_flush(rig.disk, rig.why), MQTTSN_EIO);
    assert_true(gw_disk_wants_flush(rig.disk) || rig.disk->current->incomplete);
    disk_flush(&rig);
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.report.journal, 0);
    assert_int_equal(rig.found.count, 2);
    disk_end(&rig);
}

/* Beside the database, or elsewhere on its device: it is one room for both. */
static void the_journal_leaves_room_wherever_it_shares_the_device(void **unused)
{
    struct stat here, there;
    char journal[160];
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_true(rig.disk->one_device);
    disk_shut(&rig);
    snprintf(journal, sizeof(journal), "%s/journal", rig.directory);
    rig.settings.journal_path = journal;
    disk_open(&rig);
    assert_true(rig.disk->one_device);
    disk_shut(&rig);
    snprintf(journal, sizeof(journal), "rm -r %s/journal", rig.directory);
    assert_int_equal(system(journal), 0);

    CASE("on a tmpfs it has its own");
    strcpy(journal, "/dev/shm/store-XXXXXX");
    if (mkdtemp(journal) != NULL) {
        assert_int_equal(stat(rig.directory, &here), 0);
        assert_int_equal(stat(journal, &there), 0);
        disk_open(&rig);
        assert_true(rig.disk->one_device == (here.st_dev == there.st_dev));
        disk_shut(&rig);
        memmove(journal + 6, journal, strlen(journal) + 1);
        memcpy(journal, "rm -r ", 6);
        assert_int_equal(system(journal), 0);
    }
    disk_end(&rig);
}

/* A log that stays as long as it once was takes from a small disk what the
 * journal needs. */
static void where_room_is_short_the_log_of_the_database_is_cut(void **unused)
{
    char log[128];
    struct disk_rig rig;
    struct stat there;

    (void)unused;
    begin(&rig);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, i), MQTTSN_OK);
    disk_flush(&rig);
    disk_file(&rig, "-wal", log, sizeof(log));
    assert_int_equal(stat(log, &there), 0);
    assert_true(there.st_size > 0);

    rig_room = 1000;
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 99), MQTTSN_ENOSPACE);
    disk_flush(&rig);
    assert_int_equal(stat(log, &there), 0);
    assert_int_equal(there.st_size, 0);

    CASE("what only forgets is taken, and makes room");
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(append(&rig, GW_JOURNAL_FORGET, 5, i), MQTTSN_OK);
    rig_room = UINT64_MAX;
    assert_int_equal(append(&rig, GW_JOURNAL_KEEP, 5, 100), MQTTSN_OK);
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 2);
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arrival_is_not_forgotten_without_what_became_of_it),
        cmocka_unit_test(
            what_memory_has_no_room_for_was_acknowledged_to_nobody),
        cmocka_unit_test(each_write_may_fail),
        cmocka_unit_test(after_a_failed_sync_nothing_is_kept_before_a_flush),
        cmocka_unit_test(when_memory_is_back_the_database_follows),
        cmocka_unit_test(where_room_is_short_the_log_of_the_database_is_cut),
        cmocka_unit_test(the_journal_leaves_room_wherever_it_shares_the_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
