/* SPDX-License-Identifier: MIT */
/*
 * through_vfs.h - a file system for SQLite that passes everything on to its
 * own, for others to begin from: they replace what they want to see.
 */
#ifndef THROUGH_VFS_H
#define THROUGH_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Each handle begins with this. */
struct through_file {
    sqlite3_file base;
    sqlite3_io_methods methods; /* of this file */
    sqlite3_file *real;
};

/* The file below. */
static inline sqlite3_file *through_real(sqlite3_file *file)
{
    return ((struct through_file *)file)->real;
}

/* Registers 'vfs', which is to stay, under that name, with handles of 'size'
 * octets. 'open' uses through_open. */
bool through_register(sqlite3_vfs *vfs, const char *name, size_t size,
                      int (*open)(sqlite3_vfs *vfs, sqlite3_filename name,
                                  sqlite3_file *file, int flags,
                                  int *ret_flags));

/* SQLite's own, which this one is above of. */
static inline sqlite3_vfs *through_below(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* As xOpen: opens the file below; the handle is 0 but for what is above. */
int through_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                 int flags, int *ret_flags);

#endif
