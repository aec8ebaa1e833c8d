/* SPDX-License-Identifier: MIT */
#include "power_private.h"

#include "through_vfs.h"

#include "check.h"

struct handle {
    struct through_file base;
    int file;
    bool sync_names; /* with the first sync, as SQLite itself does */
};

static struct handle *of(sqlite3_file *file)
{
    return (struct handle *)file;
}

static int file_close(sqlite3_file *file)
{
    power_closed(of(file)->file);
    return through_real(file)->pMethods->xClose(through_real(file));
}

static int file_write(sqlite3_file *file, const void *buf, int len,
                      sqlite3_int64 at)
{
    if (!power_is_off())
        power_note_change(of(file)->file, at, buf, (size_t)len);
    return power_operate() ? through_real(file)->pMethods->xWrite(
                                 through_real(file), buf, len, at)
                           : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    if (!power_is_off())
        power_note_change(of(file)->file, len, NULL, 0);
    return power_operate() ? through_real(file)->pMethods->xTruncate(
                                 through_real(file), len)
                           : SQLITE_IOERR_TRUNCATE;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (!power_operate())
        return SQLITE_IOERR_FSYNC;
    power_sync_octets(of(file)->file);
    if (of(file)->sync_names)
        power_sync_names();
    of(file)->sync_names = false;
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    sqlite3_io_methods *methods = &of(file)->base.methods;
    int result;

    assert_non_null(name); /* no files without a name: they are in memory */
    file->pMethods = NULL;
    if (power_is_off() || (!power_has(power_base(name)) && !power_operate()))
        return SQLITE_CANTOPEN;
    result = through_open(vfs, name, file, flags, ret_flags);
    if (result != SQLITE_OK)
        return result;
    of(file)->file = power_opened(power_base(name));
    of(file)->sync_names =
        (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    methods->xClose = file_close;
    methods->xWrite = file_write;
    methods->xTruncate = file_truncate;
    methods->xSync = file_sync;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int also_names)
{
    sqlite3_vfs *below = through_below(vfs);
    int result;

    if (!power_operate())
        return SQLITE_IOERR_DELETE;
    result = below->xDelete(below, path, 0);
    if (result != SQLITE_OK)
        return result;
    power_note_renaming(power_base(path), "", POWER_NO_FILE);
    if (also_names)
        power_sync_names();
    return SQLITE_OK;
}

void power_register_vfs(void)
{
    static sqlite3_vfs vfs;

    if (vfs.zName != NULL)
        return;
    assert_true(
        through_register(&vfs, POWER_VFS, sizeof(struct handle), vfs_open));
    vfs.xDelete = vfs_delete;
}
