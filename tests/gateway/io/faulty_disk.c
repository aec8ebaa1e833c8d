/* SPDX-License-Identifier: MIT */
#include "faulty_disk.h"

#include <errno.h>
#include <unistd.h>

#include "through_vfs.h"

#include "check.h"

static struct {
    struct faulty_order order;
    bool failed, healed;
} disk;

const char *faulty_call_text(enum faulty_call call)
{
    static const char *const texts[] = {
#define FAULTY_TEXT(name, text) text,
        FAULTY_CALL_MAP(FAULTY_TEXT)
#undef FAULTY_TEXT
    };

    return texts[call];
}

bool faulty_disk_has_failed(void)
{
    return disk.failed;
}

void faulty_disk_heal(void)
{
    disk.healed = true;
}

static bool fails(enum faulty_call call)
{
    if (call != disk.order.call || disk.healed)
        return false;
    if (disk.order.in > 0)
        disk.order.in--;
    if (disk.order.in > 0 || (disk.failed && !disk.order.lasting))
        return false;
    disk.failed = true;
    return true;
}

/* ---- the journal's ----------------------------------------------------- */

static int refuse(void)
{
    errno = disk.order.full ? ENOSPC : EIO;
    return -1;
}

static int file_open(const char *path, int flags, mode_t mode)
{
    return fails(FAULTY_FILE_OPEN) ? refuse()
                                   : gw_files_system.open(path, flags, mode);
}

static ssize_t file_read(int fd, void *buf, size_t len)
{
    return fails(FAULTY_FILE_READ) ? refuse() : read(fd, buf, len);
}

static ssize_t file_write(int fd, const void *buf, size_t len)
{
    if (!fails(FAULTY_FILE_WRITE))
        return write(fd, buf, len);
    assert_int_equal(write(fd, buf, len / 2), len / 2);
    return refuse();
}

static int file_sync(int fd)
{
    (void)fd;
    return fails(FAULTY_FILE_SYNC) ? refuse() : 0;
}

static int directory_sync(int fd)
{
    (void)fd;
    return fails(FAULTY_DIRECTORY_SYNC) ? refuse() : 0;
}

static int file_unlink(const char *path)
{
    return fails(FAULTY_FILE_UNLINK) ? refuse() : unlink(path);
}

const struct gw_file_ops faulty_files = {
    file_open, close,          file_read, file_write,  ftruncate,
    file_sync, directory_sync, rename,    file_unlink, gw_files_room,
};

/* ---- SQLite's ---------------------------------------------------------- */

static const sqlite3_io_methods *below(sqlite3_file *file)
{
    return through_real(file)->pMethods;
}

static int vfs_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 at)
{
    return fails(FAULTY_VFS_READ)
               ? SQLITE_IOERR_READ
               : below(file)->xRead(through_real(file), buf, len, at);
}

static int vfs_write(sqlite3_file *file, const void *buf, int len,
                     sqlite3_int64 at)
{
    bool failing = fails(FAULTY_VFS_WRITE);
    int result = below(file)->xWrite(through_real(file), buf,
                                     failing ? len / 2 : len, at);

    if (!failing)
        return result;
    return disk.order.full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return fails(FAULTY_VFS_TRUNCATE)
               ? SQLITE_IOERR_TRUNCATE
               : below(file)->xTruncate(through_real(file), len);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return fails(FAULTY_VFS_SYNC) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return fails(FAULTY_VFS_SIZE)
               ? SQLITE_IOERR_FSTAT
               : below(file)->xFileSize(through_real(file), ret);
}

static int vfs_lock(sqlite3_file *file, int kind)
{
    return fails(FAULTY_VFS_LOCK)
               ? SQLITE_IOERR_LOCK
               : below(file)->xLock(through_real(file), kind);
}

static int vfs_shm_map(sqlite3_file *file, int region, int size, int extend,
                       void volatile **ret)
{
    if (!fails(FAULTY_VFS_SHM_MAP))
        return below(file)->xShmMap(through_real(file), region, size, extend,
                                    ret);
    *ret = NULL;
    return SQLITE_IOERR_SHMMAP;
}

static int vfs_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    /* What is given back is given back. */
    if ((flags & SQLITE_SHM_LOCK) && fails(FAULTY_VFS_SHM_LOCK))
        return SQLITE_IOERR_SHMLOCK;
    return below(file)->xShmLock(through_real(file), offset, n, flags);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    sqlite3_io_methods *methods = &((struct through_file *)file)->methods;
    int result;

    file->pMethods = NULL;
    if (fails(FAULTY_VFS_OPEN))
        return SQLITE_CANTOPEN;
    result = through_open(vfs, name, file, flags, ret_flags);
    if (result != SQLITE_OK)
        return result;
    methods->xRead = vfs_read;
    methods->xWrite = vfs_write;
    methods->xTruncate = vfs_truncate;
    methods->xSync = vfs_sync;
    methods->xFileSize = vfs_size;
    methods->xLock = vfs_lock;
    methods->xShmMap = vfs_shm_map;
    methods->xShmLock = vfs_shm_lock;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    return fails(FAULTY_VFS_DELETE)
               ? SQLITE_IOERR_DELETE
               : through_below(vfs)->xDelete(through_below(vfs), path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
    return fails(FAULTY_VFS_ACCESS) ? SQLITE_IOERR_ACCESS
                                    : through_below(vfs)->xAccess(
                                          through_below(vfs), path, flags, ret);
}

void faulty_disk_begin(const struct faulty_order *order)
{
    static sqlite3_vfs vfs;

    disk.order = *order;
    disk.failed = disk.healed = false;
    if (vfs.zName != NULL)
        return;
    assert_true(through_register(&vfs, FAULTY_VFS, sizeof(struct through_file),
                                 vfs_open));
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
}
