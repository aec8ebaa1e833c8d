/* SPDX-License-Identifier: MIT */
#include "through_vfs.h"

#include <string.h>

static const sqlite3_io_methods *methods_of(sqlite3_file *file)
{
    return through_real(file)->pMethods;
}

static int file_close(sqlite3_file *file)
{
    return methods_of(file)->xClose(through_real(file));
}

static int file_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 at)
{
    return methods_of(file)->xRead(through_real(file), buf, len, at);
}

static int file_write(sqlite3_file *file, const void *buf, int len,
                      sqlite3_int64 at)
{
    return methods_of(file)->xWrite(through_real(file), buf, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return methods_of(file)->xTruncate(through_real(file), len);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return methods_of(file)->xSync(through_real(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return methods_of(file)->xFileSize(through_real(file), ret);
}

static int file_lock(sqlite3_file *file, int kind)
{
    return methods_of(file)->xLock(through_real(file), kind);
}

static int file_unlock(sqlite3_file *file, int kind)
{
    return methods_of(file)->xUnlock(through_real(file), kind);
}

static int file_reserved(sqlite3_file *file, int *ret)
{
    return methods_of(file)->xCheckReservedLock(through_real(file), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return methods_of(file)->xFileControl(through_real(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
    return methods_of(file)->xSectorSize(through_real(file));
}

static int file_device(sqlite3_file *file)
{
    return methods_of(file)->xDeviceCharacteristics(through_real(file));
}

static int shm_map(sqlite3_file *file, int region, int size, int extend,
                   void volatile **ret)
{
    return methods_of(file)->xShmMap(through_real(file), region, size, extend,
                                     ret);
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return methods_of(file)->xShmLock(through_real(file), offset, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    methods_of(file)->xShmBarrier(through_real(file));
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    return methods_of(file)->xShmUnmap(through_real(file), delete);
}

/* Version 2: mapping the database itself is not offered. */
static const sqlite3_io_methods through = {
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

int through_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                 int flags, int *ret_flags)
{
    sqlite3_vfs *below = through_below(vfs);
    struct through_file *f = (struct through_file *)file;
    size_t size = (size_t)(vfs->szOsFile - below->szOsFile);
    int result;

    memset(file, 0, size);
    f->real = (sqlite3_file *)(void *)((char *)file + size);
    result = below->xOpen(below, name, f->real, flags, ret_flags);
    if (result != SQLITE_OK)
        return result;
    f->methods = through;
    f->base.pMethods = &f->methods;
    return SQLITE_OK;
}

bool through_register(sqlite3_vfs *vfs, const char *name, size_t size,
                      int (*open)(sqlite3_vfs *vfs, sqlite3_filename name,
                                  sqlite3_file *file, int flags,
                                  int *ret_flags))
{
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);

    /* The handle below begins where it may. */
    size = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    *vfs = *below;
    vfs->zName = name;
    vfs->pNext = NULL;
    vfs->pAppData = below;
    vfs->szOsFile = (int)size + below->szOsFile;
    vfs->xOpen = open;
    return sqlite3_vfs_register(vfs, 0) == SQLITE_OK;
}
