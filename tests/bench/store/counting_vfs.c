/* SPDX-License-Identifier: MIT */
#include "counting_vfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096
#define REGIONS 64
#define REGION (32 * 1024)

struct counting_vfs counting_vfs;

/* The one whose index was mapped last. */
static struct file *mapped;

struct file {
    sqlite3_file base;
    sqlite3_io_methods methods;
    sqlite3_file *real;
    int flags;
    volatile void *region[REGIONS];
    unsigned char *before[REGIONS]; /* as it was at the last count */
    unsigned char octets[];         /* of 'real' */
};

static struct file *of(sqlite3_file *file)
{
    return (struct file *)file;
}

/* Pages of the mapped index that differ from what they were. */
static void count_index(struct file *f)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        if (f->region[i] == NULL)
            continue;
        for (unsigned at = 0; at < REGION; at += PAGE) {
            unsigned char now[PAGE];

            memcpy(now, (const char *)(uintptr_t)f->region[i] + at, PAGE);
            if (memcmp(now, f->before[i] + at, PAGE) == 0)
                continue;
            memcpy(f->before[i] + at, now, PAGE);
            counting_vfs.index += PAGE;
        }
    }
}

void counting_vfs_index(void)
{
    if (mapped != NULL)
        count_index(mapped);
}

static int file_close(sqlite3_file *file)
{
    struct file *f = of(file);

    for (unsigned i = 0; i < REGIONS; i++)
        free(f->before[i]);
    if (mapped == f)
        mapped = NULL;
    return f->real->pMethods != NULL ? f->real->pMethods->xClose(f->real)
                                     : SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 at)
{
    return of(file)->real->pMethods->xRead(of(file)->real, buf, len, at);
}

static int file_write(sqlite3_file *file, const void *buf, int len,
                      sqlite3_int64 at)
{
    struct file *f = of(file);

    if (f->flags & SQLITE_OPEN_WAL)
        counting_vfs.log += (uint64_t)len;
    else
        counting_vfs.database += (uint64_t)len;
    return f->real->pMethods->xWrite(f->real, buf, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return of(file)->real->pMethods->xTruncate(of(file)->real, len);
}

static int file_sync(sqlite3_file *file, int flags)
{
    counting_vfs.syncs++;
    return of(file)->real->pMethods->xSync(of(file)->real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return of(file)->real->pMethods->xFileSize(of(file)->real, ret);
}

static int file_lock(sqlite3_file *file, int kind)
{
    return of(file)->real->pMethods->xLock(of(file)->real, kind);
}

static int file_unlock(sqlite3_file *file, int kind)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, kind);
}

static int file_reserved(sqlite3_file *file, int *ret)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, op, arg);
}

static int file_sector(sqlite3_file *file)
{
    return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int file_device(sqlite3_file *file)
{
    return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

static int shm_map(sqlite3_file *file, int region, int size, int extend,
                   void volatile **ret)
{
    struct file *f = of(file);
    int result = f->real->pMethods->xShmMap(f->real, region, size, extend, ret);

    if (result == SQLITE_OK && *ret != NULL && size == REGION &&
        region < REGIONS && f->region[region] == NULL) {
        f->before[region] = calloc(1, REGION);
        f->region[region] = f->before[region] != NULL ? *ret : NULL;
        mapped = f;
    }
    return result;
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return of(file)->real->pMethods->xShmLock(of(file)->real, offset, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    of(file)->real->pMethods->xShmBarrier(of(file)->real);
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    struct file *f = of(file);

    memset(f->region, 0, sizeof(f->region));
    return f->real->pMethods->xShmUnmap(f->real, delete);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct file *f = of(file);
    int result;

    memset(f, 0, sizeof(*f));
    f->real = (sqlite3_file *)(void *)f->octets;
    f->flags = flags;
    result = real->xOpen(real, name, f->real, flags, ret_flags);
    if (result != SQLITE_OK)
        return result;
    f->methods = (sqlite3_io_methods){
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
    f->base.pMethods = &f->methods;
    return SQLITE_OK;
}

int counting_vfs_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    vfs = *real;
    vfs.zName = COUNTING_VFS;
    vfs.pNext = NULL;
    vfs.pAppData = real;
    vfs.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}
