/* SPDX-License-Identifier: MIT */
/* What reading makes of files that are cut, flipped or missing. */
#include "io/journal.h"

#include <stdlib.h>
#include <unistd.h>

#include "journal_rig.h"

/* Five records in one file, three in another. */
static void write_some(struct rig *rig)
{
    rig_open(rig);
    assert_int_equal(rig_keep(rig, 1, 1, 0, "one"), MQTTSN_OK);
    assert_int_equal(rig_keep(rig, 1, 2, 0, "two"), MQTTSN_OK);
    assert_int_equal(rig_forget(rig, 1, 1, 0), MQTTSN_OK);
    assert_int_equal(rig_keep(rig, 1, 3, 0, "three"), MQTTSN_OK);
    assert_int_equal(rig_keep(rig, 1, 4, 0, "four"), MQTTSN_OK);
    (void)gw_journal_rotate(rig->journal, NULL);
    assert_int_equal(rig_keep(rig, 1, 5, 0, "five"), MQTTSN_OK);
    assert_int_equal(rig_forget(rig, 1, 2, 0), MQTTSN_OK);
    assert_int_equal(rig_keep(rig, 1, 6, 0, "six"), MQTTSN_OK);
    rig_close(rig);
}

#define FIRST "+1/1/0=one +1/2/0=two -1/1/0 +1/3/0=three +1/4/0=four"
#define SECOND "+1/5/0=five -1/2/0 +1/6/0=six"

static void a_tail_that_is_torn_anywhere_is_passed_over(void **unused)
{
    char path[256];
    struct rig rig;
    uint8_t *data;
    size_t len, whole = 0;

    (void)unused;
    rig_begin(&rig);
    write_some(&rig);
    rig_path(&rig, ".j", 1, path, sizeof(path));
    data = rig_load(path, &len);
    for (size_t cut = len; cut-- > 0;) {
        const char *text;
        size_t at = strlen(FIRST) + 1;

        rig_save(path, data, cut);
        text = rig_read(&rig);
        assert_int_equal(rig.report.damaged, 0);
        assert_int_equal(strncmp(text, FIRST, strlen(FIRST)), 0);
        /* What is left of the second is its beginning. */
        if (strlen(text) > at)
            assert_int_equal(strncmp(SECOND, text + at, strlen(text + at)), 0);
        if (rig.report.torn == 0)
            whole++;

        /* And the next process goes on behind it. */
        rig_open(&rig);
        assert_int_equal(rig_keep(&rig, 9, 9, 9, "new"), MQTTSN_OK);
        rig_close(&rig);
        text = rig_read(&rig);
        assert_non_null(strstr(text, "+9/9/9=new"));
        assert_int_equal(rig.report.damaged, 0);
        if (rig_files(&rig, ".j") == 3) {
            char third[256];

            rig_path(&rig, ".j", 2, third, sizeof(third));
            assert_int_equal(unlink(third), 0);
        }
    }
    /* Between records, and the head alone, which is no tear. */
    assert_int_equal(whole, 3);
    free(data);
    rig_end(&rig);
}

static void each_flipped_octet_costs_its_record_at_most(void **unused)
{
    static const char *const kept[] = {"=one",  "=two",  "=three",
                                       "=four", "=five", "=six"};
    char path[256];
    struct rig rig;
    uint8_t *data;
    size_t len;

    (void)unused;
    rig_begin(&rig);
    write_some(&rig);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    data = rig_load(path, &len);
    for (size_t at = 0; at < 8 * len; at++) {
        const char *text;
        unsigned found = 0;

        data[at / 8] ^= (uint8_t)(1 << at % 8);
        rig_save(path, data, len);
        text = rig_read(&rig);
        for (unsigned i = 0; i < ARRAY_LEN(kept); i++)
            found += strstr(text, kept[i]) != NULL;
        assert_in_range(found, 5, 6);
        /* A flip of the id in the head makes the head disagree with its
         * checksum; it never makes a file somebody else's. */
        assert_int_equal(rig.report.foreign, 0);
        assert_int_equal(rig.report.damaged, 1);
        assert_string_equal(rig.report.first_bad,
                            at / 8 < 36 || strstr(text, "=four")
                                ? "gw.db.j0000000000000001"
                                : "gw.db.j0000000000000006");
        assert_int_equal(rig.report.last, 8);
        data[at / 8] ^= (uint8_t)(1 << at % 8);
    }
    free(data);
    rig_end(&rig);
}

/* A FORGET behind damage may be about something whose successor was lost. */
static void nothing_is_forgotten_behind_damage(void **unused)
{
    char path[256];
    struct rig rig;
    uint8_t *data;
    size_t len;

    (void)unused;
    rig_begin(&rig);
    write_some(&rig);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    data = rig_load(path, &len);
    data[36 + 32 + 30] ^= 1; /* in "two" */
    rig_save(path, data, len);

    assert_string_equal(rig_read(&rig), "+1/1/0=one +1/3/0=three +1/4/0=four "
                                        "+1/5/0=five +1/6/0=six");
    assert_int_equal(rig.report.passed, 2);
    free(data);
    rig_end(&rig);
}

static void a_missing_file_counts_as_damage(void **unused)
{
    char path[256];
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    write_some(&rig);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    assert_string_equal(rig_read(&rig), "+1/5/0=five +1/6/0=six");
    assert_int_equal(rig.report.damaged, 1);

    CASE("unless it was applied");
    rig.after = 5;
    assert_string_equal(rig_read(&rig), SECOND);
    assert_int_equal(rig.report.damaged, 0);
    rig_end(&rig);
}

static void octets_of_a_payload_never_pass_for_a_record(void **unused)
{
    struct gw_journal_record record = {.verb = GW_JOURNAL_KEEP, .kind = 5};
    char path[256], stolen[256];
    struct rig rig, other;
    uint8_t *data, *theirs;
    size_t len, their_len;

    (void)unused;
    /* A record as somebody would make it who knows the format, the number and
     * everything but the id of the store. */
    rig_begin(&other);
    memcpy(other.settings.id, "guessed by a foe", 16);
    rig_open(&other);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(rig_keep(&other, 5, 66, 6, "forged"), MQTTSN_OK);
    rig_path(&other, ".j", 0, stolen, sizeof(stolen));
    theirs = rig_load(stolen, &their_len);

    rig_begin(&rig);
    rig_open(&rig);
    assert_int_equal(rig_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    record.octets = mqttsn_span(theirs + 36, their_len - 36);
    assert_int_equal(gw_journal_append(rig.journal, &record, 1, NULL),
                     MQTTSN_OK);
    assert_int_equal(rig_keep(&rig, 1, 2, 0, "two"), MQTTSN_OK);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    data = rig_load(path, &len);
    data[36 + 32] ^= 1; /* the head of the record that carries them */
    rig_save(path, data, len);

    assert_string_equal(rig_read(&rig), "+1/1/0=one +1/2/0=two");
    assert_int_equal(rig.report.damaged, 1);
    free(data);
    free(theirs);
    rig_end(&rig);
    rig_end(&other);
}

static void damaged_files_are_set_aside_when_they_are_dropped(void **unused)
{
    char path[256];
    struct rig rig;
    uint8_t *data;
    size_t len;

    (void)unused;
    rig_begin(&rig);
    write_some(&rig);
    rig_path(&rig, ".j", 0, path, sizeof(path));
    data = rig_load(path, &len);
    data[36 + 30] ^= 1;
    rig_save(path, data, len);

    rig_open(&rig);
    assert_int_equal(rig.report.damaged, 1);
    assert_int_equal(gw_journal_drop(rig.journal, 8), 0);
    assert_int_equal(rig_files(&rig, "0001.damaged"), 1);
    assert_int_equal(rig_files(&rig, "0006"), 0);
    rig.after = 8;
    assert_string_equal(rig_read(&rig), "");
    assert_int_equal(rig.report.damaged, 0);
    free(data);
    rig_end(&rig);
}

static void set_aside_files_keep_their_names_apart(void **unused)
{
    char path[128], aside[GW_FILES_PATH_MAX];
    struct rig rig;

    (void)unused;
    rig_begin(&rig);
    snprintf(path, sizeof(path), "%s/file", rig.directory);
    for (unsigned i = 1; i <= 11; i++) {
        rig_save(path, (const uint8_t *)"x", 1);
        assert_true(gw_files_set_aside(&gw_files_system, path, aside));
        assert_int_equal(rig_files(&rig, "file.damaged"), i < 9 ? i : 9);
    }
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tail_that_is_torn_anywhere_is_passed_over),
        cmocka_unit_test(each_flipped_octet_costs_its_record_at_most),
        cmocka_unit_test(nothing_is_forgotten_behind_damage),
        cmocka_unit_test(a_missing_file_counts_as_damage),
        cmocka_unit_test(octets_of_a_payload_never_pass_for_a_record),
        cmocka_unit_test(damaged_files_are_set_aside_when_they_are_dropped),
        cmocka_unit_test(set_aside_files_keep_their_names_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
