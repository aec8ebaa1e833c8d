/* SPDX-License-Identifier: MIT */
#include "counting_vfs.h"

#include <stdlib.h>
#include <string.h>

#include "through_vfs.h"

#define PAGE 4096
#define REGIONS 64
#define REGION (32 * 1024)

struct counting_vfs counting_vfs;

/* The one whose index was mapped last. */
static struct file *mapped;

struct file {
    struct through_file base;
    int flags;
    volatile void *region[REGIONS];
    unsigned char *before[REGIONS]; /* as it was at the last count */
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
    return through_real(file)->pMethods->xClose(through_real(file));
}

static int file_write(sqlite3_file *file, const void *buf, int len,
                      sqlite3_int64 at)
{
    if (of(file)->flags & SQLITE_OPEN_WAL)
        counting_vfs.log += (uint64_t)len;
    else
        counting_vfs.database += (uint64_t)len;
    return through_real(file)->pMethods->xWrite(through_real(file), buf, len,
                                                at);
}

static int file_sync(sqlite3_file *file, int flags)
{
    counting_vfs.syncs++;
    return through_real(file)->pMethods->xSync(through_real(file), flags);
}

static int shm_map(sqlite3_file *file, int region, int size, int extend,
                   void volatile **ret)
{
    struct file *f = of(file);
    int result = through_real(file)->pMethods->xShmMap(
        through_real(file), region, size, extend, ret);

    if (result == SQLITE_OK && *ret != NULL && size == REGION &&
        region < REGIONS && f->region[region] == NULL) {
        f->before[region] = calloc(1, REGION);
        f->region[region] = f->before[region] != NULL ? *ret : NULL;
        mapped = f;
    }
    return result;
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    memset(of(file)->region, 0, sizeof(of(file)->region));
    return through_real(file)->pMethods->xShmUnmap(through_real(file), delete);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    int result = through_open(vfs, name, file, flags, ret_flags);
    sqlite3_io_methods *methods = &of(file)->base.methods;

    if (result != SQLITE_OK)
        return result;
    of(file)->flags = flags;
    methods->xClose = file_close;
    methods->xWrite = file_write;
    methods->xSync = file_sync;
    methods->xShmMap = shm_map;
    methods->xShmUnmap = shm_unmap;
    return SQLITE_OK;
}

int counting_vfs_register(void)
{
    static sqlite3_vfs vfs;

    return through_register(&vfs, COUNTING_VFS, sizeof(struct file), vfs_open);
}
