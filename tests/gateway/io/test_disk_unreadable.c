/* SPDX-License-Identifier: MIT */
/*
 * A device that will not read some of its sectors, for a while: a start changes
 * nothing, a flush is tried again, and then all of it is there.
 */
#include "io/disk_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "disk_rig.h"

#include "io/database_private.h"
#include "io/disk_private.h"

/* ---- SQLite's reads ----------------------------------------------------- */

enum { SECTOR = 512 };

static struct {
    ino_t file; /* 0: none is bad */
    off_t at, len;
    unsigned reads; /* that failed */
} bad;

static bool is_bad(int fd, off_t at, size_t len)
{
    struct stat file;

    if (bad.file == 0 || fstat(fd, &file) != 0 || file.st_ino != bad.file ||
        at >= bad.at + bad.len || at + (off_t)len <= bad.at)
        return false;
    bad.reads++;
    errno = EIO;
    return true;
}

static ssize_t bad_pread(int fd, void *buf, size_t len, off_t at)
{
    return is_bad(fd, at, len) ? -1 : pread(fd, buf, len, at);
}

static ssize_t bad_read(int fd, void *buf, size_t len)
{
    return is_bad(fd, lseek(fd, 0, SEEK_CUR), len) ? -1 : read(fd, buf, len);
}

static void set_bad(const struct disk_rig *rig, off_t at, off_t len)
{
    struct stat file;

    assert_int_equal(stat(rig->path, &file), 0);
    bad.file = file.st_ino;
    bad.at = at;
    bad.len = len;
    bad.reads = 0;
}

/* Which of them it uses is a matter of how it was built. */
static void replace_reads(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    vfs->xSetSystemCall(vfs, "pread", (sqlite3_syscall_ptr)bad_pread);
    vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)bad_pread);
    vfs->xSetSystemCall(vfs, "read", (sqlite3_syscall_ptr)bad_read);
}

/* ---- a store ------------------------------------------------------------ */

enum { RECORDS = 400 };

static void fill(struct disk_rig *rig)
{
    for (uint32_t i = 1; i <= RECORDS; i++)
        assert_int_equal(disk_keep(rig, (uint8_t)(1 + i % 7), 1 + i / 50, i,
                                   "what there is to lose"),
                         MQTTSN_OK);
}

/* Nothing is set aside; and once it can be read, nothing is missing. */
static void check(struct disk_rig *rig)
{
    bad.file = 0;
    rig_read_fault.in = 0;
    assert_int_equal(disk_files(rig, ".damaged"), 0);
    disk_open(rig);
    assert_false(rig->report.damaged);
    disk_check(rig);
}

static void any_sector_of_the_database_may_be_unreadable(void **unused)
{
    off_t sectors = 1;
    unsigned failed = 0;

    (void)unused;
    for (off_t n = 0; n < sectors; n++) {
        enum mqttsn_status status;
        struct disk_rig rig;
        struct stat there;

        disk_begin(&rig);
        disk_open(&rig);
        fill(&rig);
        disk_flush(&rig);
        disk_shut(&rig);
        assert_int_equal(stat(rig.path, &there), 0);
        sectors = there.st_size / SECTOR;
        set_bad(&rig, n * SECTOR, SECTOR);
        status = disk_try_open(&rig);
        assert_int_equal(status, bad.reads != 0 ? MQTTSN_EIO : MQTTSN_OK);
        failed += status != MQTTSN_OK;
        if (status == MQTTSN_OK)
            disk_shut(&rig);
        check(&rig);
        disk_end(&rig);
    }
    assert_in_range(failed, 20, 1000);
}

static void any_read_of_the_journal_may_fail(void **unused)
{
    (void)unused;
    for (unsigned n = 1;; n++) {
        enum mqttsn_status status;
        struct disk_rig rig;
        unsigned left;

        disk_begin(&rig);
        rig.settings.files = &rig_files_faulty;
        disk_open(&rig);
        fill(&rig);
        disk_shut(&rig);
        rig_read_fault = (struct rig_fault){n, true, EIO, 0};
        status = disk_try_open(&rig);
        left = rig_read_fault.in;
        if (status == MQTTSN_OK)
            disk_shut(&rig);
        else
            assert_int_equal(status, MQTTSN_EIO);
        check(&rig);
        disk_end(&rig);
        if (left > 1) { /* there are not so many */
            assert_int_equal(status, MQTTSN_OK);
            assert_true(n > 2);
            return;
        }
    }
}

/* All of it but the first page. */
static void a_flush_that_cannot_read_is_tried_again(void **unused)
{
    struct disk_rig rig;

    (void)unused;
    disk_begin(&rig);
    disk_open(&rig);
    fill(&rig);
    disk_flush(&rig);
    disk_reopen(&rig); /* all of it is in the database */
    assert_int_equal(disk_keep(&rig, 1, 1, 7, "changed"), MQTTSN_OK);
    sqlite3_db_release_memory(rig.disk->database->sqlite);
    set_bad(&rig, 4096, 1 << 30);
    assert_int_equal(gw_disk_flush(rig.disk, rig.why), MQTTSN_EIO);
    assert_true(bad.reads != 0);
    bad.file = 0;
    disk_flush(&rig);
    disk_shut(&rig);
    check(&rig);
    disk_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sector_of_the_database_may_be_unreadable),
        cmocka_unit_test(any_read_of_the_journal_may_fail),
        cmocka_unit_test(a_flush_that_cannot_read_is_tried_again),
    };

    replace_reads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
