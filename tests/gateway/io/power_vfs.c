/* SPDX-License-Identifier: MIT */
#include "power_private.h"

#include <sqlite3.h>

#include "check.h"

struct handle {
    sqlite3_file base;
    sqlite3_io_methods methods;
    int file;
    bool sync_names; /* with the first sync, as SQLite itself does */
    _Alignas(void *) unsigned char octets[]; /* of the real one */
};

static struct handle *of(sqlite3_file *file)
{
    return (struct handle *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)of(file)->octets;
}

static int file_close(sqlite3_file *file)
{
    power_closed(of(file)->file);
    return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), buf, len, at);
}

static int file_write(sqlite3_file *file, const void *buf, int len,
                      sqlite3_int64 at)
{
    if (!power_is_off())
        power_note_change(of(file)->file, at, buf, (size_t)len);
    return power_operate()
               ? real(file)->pMethods->xWrite(real(file), buf, len, at)
               : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    if (!power_is_off())
        power_note_change(of(file)->file, len, NULL, 0);
    return power_operate() ? real(file)->pMethods->xTruncate(real(file), len)
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

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real(file)->pMethods->xFileSize(real(file), ret);
}

static int file_lock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xLock(real(file), kind);
}

static int file_unlock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xUnlock(real(file), kind);
}

static int file_reserved(sqlite3_file *file, int *ret)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int file_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int shm_map(sqlite3_file *file, int region, int size, int extend,
                   void volatile **ret)
{
    return real(file)->pMethods->xShmMap(real(file), region, size, extend, ret);
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    sqlite3_vfs *below = vfs->pAppData;
    struct handle *h = of(file);
    int result;

    assert_non_null(name); /* no files without a name: they are in memory */
    memset(h, 0, sizeof(*h));
    if (power_is_off() || (!power_has(power_base(name)) && !power_operate()))
        return SQLITE_CANTOPEN;
    result = below->xOpen(below, name, real(file), flags, ret_flags);
    if (result != SQLITE_OK)
        return result;
    h->file = power_opened(power_base(name));
    h->sync_names = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    h->methods = (sqlite3_io_methods){
        .iVersion = 2,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector,
        .xDeviceCharacteristics = file_device,
        .xShmMap = shm_map,
        .xShmLock = shm_lock,
        .xShmBarrier = shm_barrier,
        .xShmUnmap = shm_unmap,
    };
    h->base.pMethods = &h->methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int also_names)
{
    sqlite3_vfs *below = vfs->pAppData;
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
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);

    if (vfs.zName != NULL)
        return;
    vfs = *below;
    vfs.zName = POWER_VFS;
    vfs.pNext = NULL;
    vfs.pAppData = below;
    vfs.szOsFile = (int)sizeof(struct handle) + below->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    assert_int_equal(sqlite3_vfs_register(&vfs, 0), SQLITE_OK);
}
