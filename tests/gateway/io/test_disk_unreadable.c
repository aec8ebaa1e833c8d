/* SPDX-License-Identifier: MIT */
/*
 * A device that will not read some of its sectors: a start takes what can be
 * read, says so, and works.
 */
#include "io/disk_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "disk_rig.h"

/* ---- SQLite's reads ----------------------------------------------------- */

enum { SECTOR = 512 };

static struct {
    ino_t file; /* 0: none is bad */
    off_t at;
    unsigned reads; /* that failed */
} bad;

static bool is_bad(int fd, off_t at, size_t len)
{
    struct stat file;

    if (bad.file == 0 || fstat(fd, &file) != 0 || file.st_ino != bad.file ||
        at >= bad.at + SECTOR || at + (off_t)len <= bad.at)
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

static void set_bad(const struct disk_rig *rig, off_t at)
{
    struct stat file;

    assert_int_equal(stat(rig->path, &file), 0);
    bad.file = file.st_ino;
    bad.at = at;
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

/* What was found was put in; and it works. */
static void check(struct disk_rig *rig)
{
    for (size_t i = 0; i < rig->found.count; i++) {
        const struct disk_record *r = &rig->found.records[i];

        assert_non_null(disk_find(&rig->model, r->kind, r->owner, r->item));
    }
    bad.file = 0;
    disk_flush(rig);
    assert_int_equal(disk_keep(rig, 7, 0, 77, "new"), MQTTSN_OK);
    disk_flush(rig);
    disk_shut(rig);
    disk_open(rig);
    assert_non_null(disk_find(&rig->found, 7, 0, 77));
    assert_false(rig->report.damaged);
}

static void any_sector_of_the_database_may_be_unreadable(void **unused)
{
    off_t sectors = 1;

    (void)unused;
    for (off_t n = 0; n < sectors; n++) {
        struct disk_rig rig;
        struct stat there;

        disk_begin(&rig);
        disk_open(&rig);
        fill(&rig);
        disk_flush(&rig);
        disk_shut(&rig);
        assert_int_equal(stat(rig.path, &there), 0);
        sectors = there.st_size / SECTOR;
        set_bad(&rig, n * SECTOR);
        disk_open(&rig);
        assert_true(bad.reads != 0);
        assert_true(rig.report.damaged || rig.found.count == RECORDS);
        check(&rig);
        disk_end(&rig);
    }
    assert_in_range(sectors, 20, 1000);
}

static void any_read_of_the_journal_may_fail(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= 4; n++) {
        struct disk_rig rig;

        disk_begin(&rig);
        rig.settings.files = &rig_files_faulty;
        disk_open(&rig);
        fill(&rig);
        disk_shut(&rig);
        rig_read_fault = (struct rig_fault){n, true, EIO, 0};
        disk_open(&rig);
        assert_int_equal(rig_read_fault.in, 1);
        rig_read_fault.in = 0;
        assert_true(rig.report.damaged);
        check(&rig);
        assert_int_equal(disk_files(&rig, ".damaged"), 1);
        disk_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sector_of_the_database_may_be_unreadable),
        cmocka_unit_test(any_read_of_the_journal_may_fail),
    };

    replace_reads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
