/* SPDX-License-Identifier: MIT */
/*
 * The files of a store are its owner's alone: the database, what SQLite has
 * beside it, the journal, here and elsewhere. And one file is one store, by
 * whatever name it is called.
 */
#include "io/disk_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "disk_rig.h"

/* As a kill leaves them, so that all of them are there. */
static void begin(struct disk_rig *rig)
{
    static const char *const parts[] = {"-wal", "-shm"};
    char path[128];
    uint8_t *data[2];
    size_t len[2];

    disk_begin(rig);
    disk_open(rig);
    assert_int_equal(disk_keep(rig, 1, 1, 0, "in the log"), MQTTSN_OK);
    disk_flush(rig);
    assert_int_equal(disk_keep(rig, 1, 2, 0, "in the journal"), MQTTSN_OK);
    for (size_t i = 0; i < 2; i++) {
        disk_file(rig, parts[i], path, sizeof(path));
        data[i] = rig_load(path, &len[i]);
    }
    disk_shut(rig);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s%s", rig->path, parts[i]);
        rig_save(path, data[i], len[i]);
        assert_int_equal(chmod(path, 0600), 0);
        free(data[i]);
    }
}

static unsigned mode_of(const char *path)
{
    struct stat there;

    assert_int_equal(stat(path, &there), 0);
    return there.st_mode & 0777;
}

static void each_file_is_looked_at(void **unused)
{
    static const char *const parts[] = {"gw.db-wal", "gw.db-shm", "gw.db.j0"};

    (void)unused;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char path[128];
        struct disk_rig rig;

        begin(&rig);
        disk_file(&rig, parts[i], path, sizeof(path));
        CASE(parts[i]);
        assert_int_equal(chmod(path, 0602), 0);
        assert_int_equal(disk_try_open(&rig), MQTTSN_EPROTO);
        assert_int_equal(mode_of(path), 0602);

        assert_int_equal(chmod(path, 0640), 0);
        disk_open(&rig);
        disk_check(&rig);
        if (access(path, F_OK) == 0)
            assert_int_equal(mode_of(path), 0600);
        disk_end(&rig);
    }
}

static void what_is_no_file_is_refused(void **unused)
{
    char path[128];
    struct disk_rig rig;

    (void)unused;
    begin(&rig);
    snprintf(path, sizeof(path), "%s-shm", rig.path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(disk_try_open(&rig), MQTTSN_EPROTO);
    assert_int_equal(rmdir(path), 0);
    disk_open(&rig);
    disk_check(&rig);
    disk_end(&rig);
}

/* ---- other names ------------------------------------------------------- */

static void a_link_to_it_is_the_same_store(void **unused)
{
    char other[128], link[160];
    struct disk_rig rig;
    struct gw_disk_settings settings;
    struct gw_disk *second;

    (void)unused;
    disk_begin(&rig);
    snprintf(other, sizeof(other), "%s/elsewhere", rig.directory);
    assert_int_equal(mkdir(other, 0700), 0);
    snprintf(link, sizeof(link), "%s/name.db", other);
    assert_int_equal(symlink(rig.path, link), 0);
    settings = rig.settings;
    settings.path = link;

    CASE("a link that leads nowhere is said to be one");
    assert_int_equal(gw_disk_open(&settings, &second), MQTTSN_EIO);
    assert_int_equal(
        gw_disk_look(&settings, disk_note, &rig.found, &rig.report, rig.why),
        MQTTSN_EIO);
    assert_non_null(strstr(rig.why, "leads to no file"));

    CASE("only one uses it at a time");
    disk_open(&rig);
    assert_int_equal(disk_keep(&rig, 1, 1, 0, "one"), MQTTSN_OK);
    disk_flush(&rig);
    assert_int_equal(disk_keep(&rig, 1, 2, 0, "two"), MQTTSN_OK);
    assert_int_equal(gw_disk_open(&settings, &second), MQTTSN_EPROTO);

    CASE("by the other name all of it is there, the journal too");
    assert_int_equal(
        gw_disk_look(&settings, disk_note, &rig.found, &rig.report, rig.why),
        MQTTSN_OK);
    disk_check(&rig);
    disk_shut(&rig);
    rig.settings.path = link;
    disk_open(&rig);
    disk_check(&rig);
    assert_false(rig.report.damaged);
    disk_shut(&rig);
    rig.settings.path = rig.path;

    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(other), 0); /* nothing else was made there */
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_is_looked_at),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_link_to_it_is_the_same_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
