/* SPDX-License-Identifier: MIT */
/*
 * What a later version of the gateway has written: whatever of it is unknown
 * here refuses the start, and all files stay as they were, for that version to
 * go on with. It is told from damage by its checksum, which is right.
 */
#include "io/journal_private.h"
#include "io/log.h"

#include <stdlib.h>

#include "disk_rig.h"

enum { LATER_KIND = 120, FILES = 4 };

/* ---- files as they were ------------------------------------------------ */

struct snapshot {
    uint8_t *data[FILES];
    size_t len[FILES];
    char path[FILES][128];
    size_t count;
};

static void add(struct snapshot *s, const char *path)
{
    snprintf(s->path[s->count], sizeof(s->path[0]), "%s", path);
    s->data[s->count] = rig_load(path, &s->len[s->count]);
    s->count++;
}

/* The database, its log if there is one, and the journal. */
static struct snapshot take(const struct disk_rig *rig)
{
    struct snapshot s = {.count = 0};
    char path[128];

    add(&s, rig->path);
    if (disk_files(rig, "-wal") != 0) {
        disk_file(rig, "-wal", path, sizeof(path));
        add(&s, path);
    }
    disk_file(rig, ".j0", path, sizeof(path));
    add(&s, path);
    return s;
}

static void assert_untouched(const struct disk_rig *rig, struct snapshot *s)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t len;
        uint8_t *data = rig_load(s->path[i], &len);

        assert_int_equal(len, s->len[i]);
        assert_memory_equal(data, s->data[i], len);
        free(data);
        free(s->data[i]);
    }
    assert_int_equal(disk_files(rig, ".damaged"), 0);
}

static enum mqttsn_status look(struct disk_rig *rig)
{
    rig->found.count = 0;
    return gw_disk_look(&rig->settings, disk_note, &rig->found, &rig->report,
                        rig->why);
}

/* A record of the kind that is unknown from now on, where it then is. */
static void refused(struct disk_rig *rig)
{
    struct snapshot before = take(rig);

    rig->found.unknown = LATER_KIND;
    assert_int_equal(disk_try_open(rig), MQTTSN_EPROTO);
    assert_int_equal(look(rig), MQTTSN_EPROTO);
    assert_non_null(strstr(rig->why, "later version"));
    assert_non_null(strstr(rig->why, "kind 120"));
    assert_untouched(rig, &before);
    rig->found.unknown = 0;
}

/* ---- tests ------------------------------------------------------------- */

static void a_record_in_the_journal(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "known"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, LATER_KIND, 1, 0, "new"), MQTTSN_OK);
    disk_shut(&rig);
    refused(&rig);

    CASE("who knows it has all of it");
    disk_open(&rig);
    disk_check(&rig);
    assert_false(rig.report.damaged);
    disk_end(&rig);
}

static void a_record_in_the_database(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "known"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, LATER_KIND, 1, 0, "new"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "in the journal"), MQTTSN_OK);
    disk_shut(&rig);
    refused(&rig);
    disk_open(&rig);
    disk_check(&rig);
    assert_false(rig.report.damaged);
    disk_end(&rig);
}

/* As a kill leaves it: what was flushed last is in the log of the database. */
static void a_record_in_the_log_of_the_database(void **unused)
{
    struct disk_rig rig;
    struct snapshot s;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, LATER_KIND, 1, 0, "new"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "in the journal"), MQTTSN_OK);
    s = take(&rig);
    assert_int_equal(s.count, 3);
    disk_shut(&rig);
    for (size_t i = 0; i < s.count; i++) {
        rig_save(s.path[i], s.data[i], s.len[i]);
        assert_int_equal(chmod(s.path[i], 0600), 0);
        free(s.data[i]);
    }
    refused(&rig);
    disk_open(&rig);
    disk_check(&rig);
    disk_end(&rig);
}

/* All numbers that a kind can have are looked at, or what has one would pass
 * for a row that is missing. */
static void a_record_of_the_highest_kind(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 254, 1, 0, "new"), MQTTSN_OK);
    disk_flush(&rig);
    disk_reopen(&rig);
    assert_false(rig.report.damaged);
    disk_end(&rig);
}

/* ---- the journal itself ------------------------------------------------ */

static void begin_journal(struct disk_rig *rig, char *path, size_t cap)
{
    disk_begin(rig);
    disk_open(rig);
    assert_int_equal(disk_keep(rig, 1, 1, 0, "one"), MQTTSN_OK);
    assert_int_equal(disk_keep(rig, 1, 2, 0, "two"), MQTTSN_OK);
    disk_shut(rig);
    disk_file(rig, ".j0", path, cap);
}

static void journal_refused(struct disk_rig *rig)
{
    struct snapshot before = take(rig);

    assert_int_equal(disk_try_open(rig), MQTTSN_EPROTO);
    assert_int_equal(look(rig), MQTTSN_EPROTO);
    assert_non_null(strstr(rig->why, "later version"));
    assert_untouched(rig, &before);
}

static void a_word_that_the_journal_does_not_have_yet(void **unused)
{
    struct disk_rig rig;
    char path[128];
    uint8_t *data;
    size_t len, last = JOURNAL_RECORD + 3;

    (void)unused;
    begin_journal(&rig, path, sizeof(path));
    data = rig_load(path, &len);
    data[len - last + 7] = GW_JOURNAL_FORGET_OWNER + 1;
    rig_save(path, data, len);

    CASE("with a wrong checksum it is damage");
    disk_open(&rig);
    assert_int_equal(rig.found.count, 1);
    disk_shut(&rig);

    CASE("with the right one it is a later version's");
    disk_remove(&rig, ".j");
    journal_put_u32(data + len - last,
                    journal_crc(data + 8, data + len - last, last));
    rig_save(path, data, len);
    assert_int_equal(chmod(path, 0600), 0);
    free(data);
    journal_refused(&rig);
    disk_end(&rig);
}

static void a_journal_of_another_format(void **unused)
{
    struct disk_rig rig;
    char path[128];
    uint8_t *data;
    size_t len;

    (void)unused;
    begin_journal(&rig, path, sizeof(path));
    data = rig_load(path, &len);
    data[7]++;
    journal_put_u32(data + 32, gw_crc32(0, data, 32));
    rig_save(path, data, len);
    free(data);
    journal_refused(&rig);
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_in_the_journal),
        cmocka_unit_test(a_record_in_the_database),
        cmocka_unit_test(a_record_in_the_log_of_the_database),
        cmocka_unit_test(a_record_of_the_highest_kind),
        cmocka_unit_test(a_word_that_the_journal_does_not_have_yet),
        cmocka_unit_test(a_journal_of_another_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
