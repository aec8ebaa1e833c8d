/* SPDX-License-Identifier: MIT */
/*
 * faulty_disk.h - a disk of which one call fails, once or from then on: each of
 * those that the journal makes, and each that SQLite makes.
 *
 * A write that fails has written half of its octets. A sync that works does
 * nothing, for the power is not cut here.
 */
#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include "io/files.h"

#define FAULTY_VFS "faulty"

#define FAULTY_CALL_MAP(X)                                                     \
    X(FILE_OPEN, "open of the journal")                                        \
    X(FILE_READ, "read of the journal")                                        \
    X(FILE_WRITE, "write of the journal")                                      \
    X(FILE_SYNC, "sync of the journal")                                        \
    X(DIRECTORY_SYNC, "sync of the directory")                                 \
    X(FILE_UNLINK, "unlink of the journal")                                    \
    X(VFS_OPEN, "xOpen")                                                       \
    X(VFS_DELETE, "xDelete")                                                   \
    X(VFS_ACCESS, "xAccess")                                                   \
    X(VFS_READ, "xRead")                                                       \
    X(VFS_WRITE, "xWrite")                                                     \
    X(VFS_TRUNCATE, "xTruncate")                                               \
    X(VFS_SYNC, "xSync")                                                       \
    X(VFS_SIZE, "xFileSize")                                                   \
    X(VFS_LOCK, "xLock")                                                       \
    X(VFS_SHM_MAP, "xShmMap")                                                  \
    X(VFS_SHM_LOCK, "xShmLock")

enum faulty_call {
#define FAULTY_ENUM(name, text) FAULTY_##name,
    FAULTY_CALL_MAP(FAULTY_ENUM)
#undef FAULTY_ENUM
        FAULTY_CALLS
};

/* Of 'call', the 'in'-th from now. */
struct faulty_order {
    enum faulty_call call;
    unsigned in;
    bool lasting; /* and all later ones */
    bool full;    /* for want of room; else an I/O error */
};

extern const struct gw_file_ops faulty_files;

void faulty_disk_begin(const struct faulty_order *order);
/* Whether it has failed by now. */
bool faulty_disk_has_failed(void);
/* From now on everything works. */
void faulty_disk_heal(void);
const char *faulty_call_text(enum faulty_call call);

#endif
