/* SPDX-License-Identifier: MIT */
/*
 * Files that a disk has damaged: each octet of them, one after the other. The
 * store opens whatever is left, or says why not; it never gives out what was
 * not put in; and what it opens it can use.
 */
#include "io/disk_store.h"
#include "io/log.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk_rig.h"

/* Syncs cost nothing in memory, and there are thousands of them. */
static const char *fast_directory(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static void begin(struct disk_rig *rig)
{
    disk_begin(rig);
    assert_int_equal(rmdir(rig->directory), 0);
    snprintf(rig->directory, sizeof(rig->directory), "%s/store-XXXXXX",
             fast_directory());
    assert_non_null(mkdtemp(rig->directory));
    snprintf(rig->path, sizeof(rig->path), "%s/gw.db", rig->directory);
}

/* A few records of each kind; some in the database, some in the journal. */
static void fill(struct disk_rig *rig)
{
    disk_open(rig);
    for (uint32_t owner = 1; owner <= 4; owner++) {
        assert_int_equal(disk_keep(rig, 1, owner, 0, "a session of its own"),
                         MQTTSN_OK);
        assert_int_equal(disk_keep(rig, 6, owner, 1, "a place in a queue"),
                         MQTTSN_OK);
    }
    assert_int_equal(disk_keep(rig, 5, 0, 1, "a message to be delivered"),
                     MQTTSN_OK);
    disk_flush(rig);
    assert_int_equal(disk_keep(rig, 5, 0, 2, "another message"), MQTTSN_OK);
    assert_int_equal(disk_forget(rig, 6, 3, 1), MQTTSN_OK);
    assert_int_equal(disk_keep(rig, 7, 0, 9, "an exchange"), MQTTSN_OK);
    disk_shut(rig);
}

struct saved {
    uint8_t *data;
    size_t len;
};

static struct saved load(const char *path)
{
    struct saved s;

    s.data = rig_load(path, &s.len);
    return s;
}

static void put_back(const struct disk_rig *rig, const char *path,
                     const struct saved *file, const char *other_path,
                     const struct saved *other)
{
    disk_remove(rig, "gw.db");
    rig_save(path, file->data, file->len);
    rig_save(other_path, other->data, other->len);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(other_path, 0600), 0);
}

/* Whether something with that key and content was ever put in. */
static bool was_put_in(const struct disk_rig *rig, const struct disk_record *r)
{
    const struct disk_record *m =
        disk_find(&rig->model, r->kind, r->owner, r->item);

    /* What was forgotten may come again behind damage. */
    if (m == NULL)
        return r->kind == 6 && r->owner == 3 && r->len == 18;
    return m->len == r->len && memcmp(m->octets, r->octets, r->len) == 0;
}

struct sums {
    unsigned whole, mended, refused;
    size_t records;
};

static void open_and_use(struct disk_rig *rig, struct sums *sums)
{
    enum mqttsn_status status = disk_try_open(rig);
    size_t count;

    if (status != MQTTSN_OK) {
        /* It took itself for another's. */
        assert_int_equal(status, MQTTSN_EPROTO);
        sums->refused++;
        return;
    }
    sums->whole += rig->found.count == rig->model.count;
    sums->mended += rig->report.damaged;
    sums->records += rig->found.count;
    for (size_t i = 0; i < rig->found.count; i++)
        assert_true(was_put_in(rig, &rig->found.records[i]));
    if (rig->found.count != rig->model.count)
        assert_true(rig->report.damaged || rig->report.torn);

    /* It works, and stays whole. */
    count = rig->found.count;
    {
        struct gw_journal_record r = {
            .verb = GW_JOURNAL_KEEP, .kind = 2, .owner = 1, .item = 77};

        assert_int_equal(gw_disk_append(rig->disk, &r, 1), MQTTSN_OK);
    }
    disk_flush(rig);
    disk_shut(rig);
    disk_open(rig);
    assert_int_equal(rig->found.count, count + 1);
    assert_false(rig->report.damaged);
    disk_shut(rig);
}

static void flip_each(struct disk_rig *rig, const char *path,
                      const char *other_path, struct sums *sums)
{
    struct saved file = load(path), other = load(other_path);

    /* Quiet: there are thousands of lines. */
    gw_log_configure(GW_LOG_ERROR, GW_LOG_TEXT, GW_LOG_STDERR);
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= 0xff;
        put_back(rig, path, &file, other_path, &other);
        open_and_use(rig, sums);
        file.data[i] ^= 0xff;
    }
    print_message("    %zu octets: %u whole, %u mended, %u refused, "
                  "%.1f of %zu records on average\n",
                  file.len, sums->whole, sums->mended, sums->refused,
                  (double)sums->records / (double)(file.len - sums->refused),
                  rig->model.count);
    free(file.data);
    free(other.data);
}

static void each_octet_of_the_database_may_be_wrong(void **unused)
{
    struct sums sums = {0};
    struct disk_rig rig;
    char journal[256];

    (void)unused;
    begin(&rig);
    fill(&rig);
    disk_file(&rig, ".j", journal, sizeof(journal));
    flip_each(&rig, rig.path, journal, &sums);
    assert_true(sums.mended > 0);
    assert_true(sums.whole > 0);
    disk_end(&rig);
}

static void each_octet_of_the_journal_may_be_wrong(void **unused)
{
    struct sums sums = {0};
    struct disk_rig rig;
    char journal[256];

    (void)unused;
    begin(&rig);
    fill(&rig);
    disk_file(&rig, ".j", journal, sizeof(journal));
    flip_each(&rig, journal, rig.path, &sums);
    assert_int_equal(sums.refused, 0);
    disk_end(&rig);
}

/* As after a kill, when the last flush is in the log beside the database. */
static void each_octet_of_the_log_may_be_wrong(void **unused)
{
    struct sums sums = {0};
    struct disk_rig rig;
    char journal[256], log[256];
    struct saved database, file, kept;
    struct disk_rig other;

    (void)unused;
    begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "in the log"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "in the journal"), MQTTSN_OK);
    disk_file(&rig, "-wal", log, sizeof(log));
    disk_file(&rig, ".j", journal, sizeof(journal));
    database = load(rig.path);
    file = load(log);
    kept = load(journal);
    disk_shut(&rig);
    other = rig;
    for (size_t i = 0; i < file.len; i++) {
        enum mqttsn_status status;

        file.data[i] ^= 0xff;
        put_back(&rig, rig.path, &database, journal, &kept);
        rig_save(log, file.data, file.len);
        assert_int_equal(chmod(log, 0600), 0);
        status = disk_try_open(&other);
        assert_int_equal(status, MQTTSN_OK);
        /* A log is believed as far as its checksums go. */
        for (size_t n = 0; n < other.found.count; n++)
            assert_true(was_put_in(&rig, &other.found.records[n]));
        if (other.found.count != 2)
            assert_true(other.report.damaged);
        sums.whole += other.found.count == 2;
        sums.records += other.found.count;
        disk_shut(&other);
        file.data[i] ^= 0xff;
    }
    print_message("    %zu octets: %u whole\n", file.len, sums.whole);
    rig.found = other.found;
    free(database.data);
    free(file.data);
    free(kept.data);
    disk_end(&rig);
}

static void a_file_that_is_cut_anywhere_is_no_obstacle(void **unused)
{
    struct sums sums = {0};
    struct disk_rig rig;
    char journal[256];
    struct saved file, other;

    (void)unused;
    begin(&rig);
    fill(&rig);
    disk_file(&rig, ".j", journal, sizeof(journal));
    file = load(rig.path);
    other = load(journal);
    for (size_t len = 0; len < file.len; len += 61) {
        size_t whole = file.len;

        file.len = len;
        put_back(&rig, rig.path, &file, journal, &other);
        file.len = whole;
        open_and_use(&rig, &sums);
    }
    assert_int_equal(sums.refused, 0);
    free(file.data);
    free(other.data);
    disk_end(&rig);
}

/* ---- what is set aside ------------------------------------------------- */

/* Behind it nothing is forgotten: it must be gone before that matters. */
static void a_gap_is_gone_with_the_first_flush(void **unused)
{
    char journal[256];
    struct disk_rig rig;
    struct saved file;
    uint8_t *at;

    (void)unused;
    begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "stays"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "comes"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 1, 2, 0), MQTTSN_OK);
    disk_shut(&rig);
    disk_file(&rig, ".j", journal, sizeof(journal));
    file = load(journal);
    at = memmem(file.data, file.len, "comes", 5);
    assert_non_null(at);
    at[0] = 'C';
    rig_save(journal, file.data, file.len);
    free(file.data);
    disk_open(&rig);
    assert_true(rig.report.damaged);

    CASE("though there is nothing to tell the database");
    disk_flush(&rig);
    assert_int_equal(disk_files(&rig, ".damaged"), 1);
    assert_int_equal(disk_keep(&rig, 1, 3, 0, "goes"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 1, 3, 0), MQTTSN_OK);
    disk_reopen(&rig);
    assert_false(rig.report.damaged);
    disk_end(&rig);
}

static void what_is_no_database_is_set_aside_as_it_is(void **unused)
{
    static const char text[] = "This is not a database, whatever its name.\n";
    char aside[256];
    struct disk_rig rig;
    struct saved kept;

    (void)unused;
    begin(&rig);
    rig_save(rig.path, (const uint8_t *)text, sizeof(text) - 1);
    assert_int_equal(chmod(rig.path, 0600), 0);
    disk_open(&rig);
    assert_true(rig.report.is_new);
    assert_true(rig.report.damaged);
    disk_file(&rig, "gw.db.damaged", aside, sizeof(aside));
    kept = load(aside);
    assert_int_equal(kept.len, sizeof(text) - 1);
    assert_memory_equal(kept.data, text, kept.len);
    free(kept.data);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "new"), MQTTSN_OK);
    disk_reopen(&rig);
    disk_end(&rig);
}

static void the_journal_outlives_a_lost_database(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "flushed"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "in the journal"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 1, 3, 0, "and gone"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 1, 3, 0), MQTTSN_OK);
    disk_shut(&rig);
    assert_int_equal(unlink(rig.path), 0);

    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    assert_non_null(disk_find(&rig.found, 1, 2, 0));

    CASE("again, before anything was flushed");
    disk_shut(&rig);
    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    assert_false(rig.report.damaged);
    disk_end(&rig);
}

static void
a_backup_in_its_place_is_not_mixed_with_the_old_journal(void **unused)
{
    char copy[256];
    struct disk_rig rig;

    (void)unused;
    begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "then"), MQTTSN_OK);
    snprintf(copy, sizeof(copy), "%s/copy", rig.directory);
    assert_int_equal(gw_disk_copy(&rig.settings, copy, &rig.report, rig.why),
                     MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "later"), MQTTSN_OK);
    disk_shut(&rig);
    disk_remove(&rig, "-wal");
    assert_int_equal(rename(copy, rig.path), 0);

    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    assert_non_null(disk_find(&rig.found, 1, 1, 0));
    assert_int_equal(disk_files(&rig, ".j"), 2);
    assert_int_equal(disk_files(&rig, ".damaged"), 1);
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_is_gone_with_the_first_flush),
        cmocka_unit_test(what_is_no_database_is_set_aside_as_it_is),
        cmocka_unit_test(the_journal_outlives_a_lost_database),
        cmocka_unit_test(
            a_backup_in_its_place_is_not_mixed_with_the_old_journal),
        cmocka_unit_test(each_octet_of_the_journal_may_be_wrong),
        cmocka_unit_test(each_octet_of_the_log_may_be_wrong),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_no_obstacle),
        cmocka_unit_test(each_octet_of_the_database_may_be_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
