/* SPDX-License-Identifier: MIT */
/*
 * counting_vfs.h - SQLite's own file system, with a count of what is written.
 * Its name is for gw_disk_settings.vfs.
 */
#ifndef COUNTING_VFS_H
#define COUNTING_VFS_H

#include <stdint.h>

#define COUNTING_VFS "counting"

struct counting_vfs {
    uint64_t database, log; /* octets written to each */
    uint64_t index;         /* of pages of the mapped index that had changed
                             * at a counting_vfs_index */
    uint64_t syncs;
};
extern struct counting_vfs counting_vfs;

/* Once. False: SQLite refuses. */
int counting_vfs_register(void);

/* SQLite does not write the index of the log, it maps it, and the system
 * writes pages that have changed when they are old enough. To be called as
 * often as that; the database must be open. */
void counting_vfs_index(void);

#endif
