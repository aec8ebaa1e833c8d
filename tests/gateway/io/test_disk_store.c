/* SPDX-License-Identifier: MIT */
#include "io/disk_store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk_rig.h"

static int64_t ask(const struct disk_rig *rig, const char *text)
{
    sqlite3 *sqlite;
    sqlite3_stmt *s;
    int64_t number;

    assert_int_equal(
        sqlite3_open_v2(rig->path, &sqlite, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sqlite, text, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(sqlite);
    return number;
}

static void what_was_appended_is_there_after_a_kill(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_true(rig.report.is_new);
    assert_int_equal(rig.found.count, 0);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 5, 0, 77, ""), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 64, 0, 1, "arrival"), MQTTSN_OK);

    CASE("from the journal");
    disk_reopen(&rig);
    assert_false(rig.report.is_new);
    assert_int_equal(rig.report.journal, 3);
    assert_int_equal(rig.report.rows, 0);

    CASE("from the database, where the journal is empty");
    disk_flush(&rig);
    assert_int_equal(disk_files(&rig, ".j"), 1);
    disk_reopen(&rig);
    assert_int_equal(rig.report.journal, 0);
    assert_int_equal(rig.report.rows, 3);

    CASE("and from both");
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "one, again"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 5, 0, 77), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "two"), MQTTSN_OK);
    disk_reopen(&rig);
    assert_int_equal(rig.report.journal, 3);
    assert_int_equal(rig.report.rows, 3);
    disk_end(&rig);
}

/* The database is asked itself, through a connection of its own. */
static void
what_comes_and_goes_between_two_flushes_never_gets_there(void **unused)
{
    struct gw_disk_stats stats;
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "stays"), MQTTSN_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(disk_keep(&rig, 7, 1, i, "comes"), MQTTSN_OK);
        assert_int_equal(disk_forget(&rig, 7, 1, i), MQTTSN_OK);
    }
    disk_flush(&rig);
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.rows_written, 1);
    assert_int_equal(stats.rows_deleted, 0);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM record"), 1);
    assert_int_equal(stats.rows, 1);

    CASE("nor does a whole owner, nor what is about it");
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "comes"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 3, 2, 5, "comes"), MQTTSN_OK);
    assert_int_equal(disk_forget_owner(&rig, 2), MQTTSN_OK);
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.change_octets, 0);

    CASE("where there is nothing to write, nothing is written");
    disk_flush(&rig);
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.flushes, 1);
    disk_reopen(&rig);
    disk_end(&rig);
}

static void an_owner_is_forgotten_as_a_whole(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    for (uint32_t owner = 1; owner <= 3; owner++) {
        assert_int_equal(disk_keep(&rig, 1, owner, 0, "session"), MQTTSN_OK);
        for (uint32_t item = 0; item < 5; item++)
            assert_int_equal(disk_keep(&rig, 6, owner, item, "place"),
                             MQTTSN_OK);
    }
    assert_int_equal(disk_keep(&rig, 65, 2, 0, "the shell's"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_forget_owner(&rig, 2), MQTTSN_OK);
    /* And begins anew. */
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "new"), MQTTSN_OK);
    assert_int_equal(disk_keep(&rig, 6, 2, 3, "new"), MQTTSN_OK);
    assert_int_equal(disk_forget(&rig, 6, 2, 4), MQTTSN_OK);
    disk_reopen(&rig);
    disk_flush(&rig);
    assert_int_equal(ask(&rig, "SELECT count(*) FROM record WHERE owner = 2"),
                     3);
    disk_reopen(&rig);
    assert_int_equal(rig.report.journal, 0);
    disk_end(&rig);
}

/* ---- by chance --------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static void step(struct disk_rig *rig)
{
    uint8_t kind = (uint8_t)(chance(8) == 0 ? 64 + chance(3) : 1 + chance(7));
    uint32_t owner = chance(6), item = chance(8);
    char octets[64];

    snprintf(octets, sizeof(octets), "%.*s", (int)chance(60),
             "the quick brown fox jumps over the lazy dog, and over again");
    switch (chance(20)) {
    case 0:
        if (owner != 0)
            assert_int_equal(disk_forget_owner(rig, owner), MQTTSN_OK);
        break;
    case 1:
        disk_flush(rig);
        break;
    case 2:
        if (chance(4) == 0)
            disk_reopen(rig);
        break;
    default:
        if (chance(5) < 3)
            assert_int_equal(disk_keep(rig, kind, owner, item, octets),
                             MQTTSN_OK);
        else
            assert_int_equal(disk_forget(rig, kind, owner, item), MQTTSN_OK);
    }
}

static void any_history_is_restored(void **unused)
{
    (void)unused;
    for (seed = 1; seed <= 15; seed++) {
        uint32_t first = seed;
        struct disk_rig rig;

        disk_begin(&rig);
        disk_open(&rig);
        for (unsigned i = 0; i < 600; i++)
            step(&rig);
        disk_reopen(&rig);
        assert_int_equal(rig.report.lost, 0);
        assert_false(rig.report.damaged);
        disk_flush(&rig);
        assert_int_equal(ask(&rig, "SELECT rows FROM meta"),
                         ask(&rig, "SELECT count(*) FROM record"));
        disk_end(&rig);
        seed = first;
    }
}

/* Flushes that fail at any place leave everything to the next one. */
static void a_flush_that_fails_loses_nothing(void **unused)
{
    (void)unused;
    for (seed = 100; seed <= 102; seed++) {
        uint32_t first = seed;
        sqlite3 *other;
        struct disk_rig rig;

        disk_begin(&rig);
        disk_open(&rig);
        assert_int_equal(sqlite3_open(rig.path, &other), SQLITE_OK);
        for (unsigned round = 0; round < 6; round++) {
            for (unsigned i = 0; i < 40; i++)
                step(&rig);
            assert_int_equal(disk_keep(&rig, 2, 1, 1, "new"), MQTTSN_OK);
            /* Somebody else writes: there is no way in. */
            assert_int_equal(
                sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                SQLITE_OK);
            assert_int_equal(gw_disk_flush(rig.disk, rig.why), MQTTSN_EIO);
            assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL),
                             SQLITE_OK);
            for (unsigned i = 0; i < 20; i++)
                step(&rig);
        }
        sqlite3_close(other);
        disk_flush(&rig);
        disk_reopen(&rig);
        disk_end(&rig);
        seed = first;
    }
}

/* ---- clocks ------------------------------------------------------------ */

static uint64_t age_of(const struct disk_rig *rig, uint32_t owner)
{
    const struct disk_record *r = disk_find(&rig->found, 5, owner, 0);

    assert_non_null(r);
    return r->age_s;
}

static void records_age_over_restarts(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 5, 1, 0, "old"), MQTTSN_OK);
    disk_flush(&rig);
    rig.now_s += 1000;
    rig.wall_s += 1000;
    assert_int_equal(disk_keep(&rig, 5, 2, 0, "young"), MQTTSN_OK);

    CASE("while the gateway ran, and while it did not");
    disk_shut(&rig);
    rig.now_s = 5; /* the machine started anew */
    rig.wall_s += 50;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 1050);
    assert_int_equal(age_of(&rig, 2), 50);

    CASE("a machine that thinks it is 1970 adds nothing");
    disk_flush(&rig);
    disk_shut(&rig);
    rig.wall_s = 1000;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 1050);
    rig.now_s += 10;
    assert_int_equal(disk_keep(&rig, 5, 3, 0, "new"), MQTTSN_OK);
    disk_flush(&rig);

    CASE("nor one that never knew");
    disk_shut(&rig);
    rig.wall_s = 1900000000;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 1060);
    assert_int_equal(age_of(&rig, 3), 0);
    disk_flush(&rig);

    CASE("a clock that is set back is no reason to grow young");
    disk_shut(&rig);
    rig.wall_s -= 86400;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 1060);
    disk_end(&rig);
}

/* Nothing comes and nothing goes: a message lies in its queue. */
static void a_quiet_time_is_not_forgotten(void **unused)
{
    struct gw_disk_stats stats;
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    rig.wall_s = 1000; /* it is set later */
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 5, 1, 0, "old"), MQTTSN_OK);
    disk_flush(&rig);

    CASE("an hour of it is written, no minute of it is");
    for (unsigned minute = 0; minute < 3 * 60 + 59; minute++) {
        rig.now_s += 60;
        disk_flush(&rig);
    }
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.flushes, 1 + 3);
    disk_shut(&rig); /* a kill: the minutes are missing */
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 3 * 3600);

    CASE("at the end all of it");
    rig.now_s += 1800;
    gw_disk_ends(rig.disk);
    disk_flush(&rig);
    disk_shut(&rig);
    rig.wall_s = 1800000000;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 3 * 3600 + 1800);

    CASE("a clock that was set is known from the next flush on");
    disk_flush(&rig);
    rig.now_s += 600;
    rig.wall_s += 600;
    disk_flush(&rig);
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.flushes, 1);
    disk_shut(&rig);
    rig.wall_s += 60;
    disk_open(&rig);
    assert_int_equal(age_of(&rig, 1), 3 * 3600 + 1800 + 660);

    CASE("where nothing lies, nothing is written");
    disk_flush(&rig);
    assert_int_equal(disk_forget(&rig, 5, 1, 0), MQTTSN_OK);
    disk_flush(&rig);
    rig.now_s += 7200;
    gw_disk_ends(rig.disk);
    disk_flush(&rig);
    gw_disk_stats(rig.disk, &stats);
    assert_int_equal(stats.flushes, 1);
    disk_end(&rig);
}

/* ---- whose it is ------------------------------------------------------- */

static void a_second_process_is_refused(void **unused)
{
    struct disk_rig rig;
    int status;
    pid_t child;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct gw_disk *other;

        _exit(gw_disk_open(&rig.settings, &other) == MQTTSN_EPROTO ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    CASE("in the same process, too");
    {
        struct gw_disk *other;

        assert_int_equal(gw_disk_open(&rig.settings, &other), MQTTSN_EPROTO);
    }

    CASE("also one that shares the journal's directory only");
    {
        char path[128];
        struct gw_disk *other;
        struct gw_disk_settings settings = rig.settings;

        snprintf(path, sizeof(path), "%s-2/gw.db", rig.directory);
        settings.path = path;
        settings.journal_path = rig.directory;
        assert_int_equal(gw_disk_open(&settings, &other), MQTTSN_EPROTO);
        snprintf(path, sizeof(path), "%s-2/gw.db.lock", rig.directory);
        assert_int_equal(unlink(path), 0);
        snprintf(path, sizeof(path), "%s-2", rig.directory);
        assert_int_equal(rmdir(path), 0);
    }

    CASE("a process that is gone holds nothing");
    disk_reopen(&rig);
    disk_end(&rig);
}

static void the_files_are_the_owners_alone(void **unused)
{
    struct stat there;
    char path[256];
    struct disk_rig rig;
    mode_t mask = umask(0);

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "secret"), MQTTSN_OK);
    disk_flush(&rig);
    for (unsigned i = 0; i < disk_files(&rig, "gw.db"); i++) {
        struct rig other = {0};

        strcpy(other.directory, rig.directory);
        rig_path(&other, "gw.db", i, path, sizeof(path));
        assert_int_equal(stat(path, &there), 0);
        assert_int_equal(there.st_mode & 0777, 0600);
    }
    umask(mask);

    CASE("one that others can read is repaired");
    disk_shut(&rig);
    assert_int_equal(chmod(rig.path, 0644), 0);
    disk_open(&rig);
    disk_check(&rig);
    assert_int_equal(stat(rig.path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);

    CASE("one that others can write is refused, and not touched");
    disk_shut(&rig);
    assert_int_equal(chmod(rig.path, 0620), 0);
    assert_int_equal(disk_try_open(&rig), MQTTSN_EPROTO);
    assert_int_equal(stat(rig.path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0620);
    assert_int_equal(chmod(rig.path, 0600), 0);
    disk_reopen(&rig);
    disk_end(&rig);
}

/* In a directory that others can write to, such as /tmp. */
static void nothing_is_written_through_a_link(void **unused)
{
    char link[160], victim[160];
    struct stat there;
    struct disk_rig rig;
    FILE *file;

    (void)unused;
    disk_begin(&rig);
    snprintf(victim, sizeof(victim), "%s/victim", rig.directory);
    file = fopen(victim, "w");
    assert_non_null(file);
    assert_true(fputs("precious", file) >= 0);
    assert_int_equal(fclose(file), 0);
    snprintf(link, sizeof(link), "%s.j%016x", rig.path, 1u);
    assert_int_equal(symlink(victim, link), 0);
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    disk_reopen(&rig);
    assert_int_equal(stat(victim, &there), 0);
    assert_int_equal(there.st_size, 8);
    assert_int_equal(unlink(victim), 0);
    disk_end(&rig);
}

static void a_journal_in_somebody_elses_directory_is_refused(void **unused)
{
    char journal[160];
    struct disk_rig rig;

    (void)unused;
    if (geteuid() != 0)
        skip(); /* only root can make one */
    disk_begin(&rig);
    snprintf(journal, sizeof(journal), "%s/journal", rig.directory);
    rig.settings.journal_path = journal;
    assert_int_equal(mkdir(journal, 0700), 0);
    assert_int_equal(chown(journal, 1, 1), 0);
    assert_int_equal(disk_try_open(&rig), MQTTSN_EPROTO);
    assert_int_equal(chown(journal, 0, 0), 0);
    assert_int_equal(chmod(journal, 01777), 0);
    assert_int_equal(disk_try_open(&rig), MQTTSN_EPROTO);
    assert_int_equal(chmod(journal, 0755), 0);
    disk_open(&rig);
    disk_shut(&rig);
    snprintf(journal, sizeof(journal), "rm -r %s/journal", rig.directory);
    assert_int_equal(system(journal), 0);
    disk_end(&rig);
}

static void directories_are_made(void **unused)
{
    char path[160], journal[160];
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    snprintf(path, sizeof(path), "%s/var/lib/gw.db", rig.directory);
    snprintf(journal, sizeof(journal), "%s/run/gw", rig.directory);
    rig.settings.path = path;
    rig.settings.journal_path = journal;
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    disk_reopen(&rig);
    disk_flush(&rig);

    CASE("a journal that is gone, as on a tmpfs, is an empty one");
    disk_shut(&rig);
    snprintf(path, sizeof(path), "rm -r %s/run", rig.directory);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof(path), "%s/var/lib/gw.db", rig.directory);
    disk_open(&rig);
    disk_check(&rig);
    assert_false(rig.report.damaged);
    disk_shut(&rig);
    snprintf(path, sizeof(path), "rm -r %s/run %s/var", rig.directory,
             rig.directory);
    assert_int_equal(system(path), 0);
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_there_after_a_kill),
        cmocka_unit_test(
            what_comes_and_goes_between_two_flushes_never_gets_there),
        cmocka_unit_test(an_owner_is_forgotten_as_a_whole),
        cmocka_unit_test(any_history_is_restored),
        cmocka_unit_test(a_flush_that_fails_loses_nothing),
        cmocka_unit_test(records_age_over_restarts),
        cmocka_unit_test(a_quiet_time_is_not_forgotten),
        cmocka_unit_test(a_second_process_is_refused),
        cmocka_unit_test(the_files_are_the_owners_alone),
        cmocka_unit_test(nothing_is_written_through_a_link),
        cmocka_unit_test(a_journal_in_somebody_elses_directory_is_refused),
        cmocka_unit_test(directories_are_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
