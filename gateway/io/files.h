/* SPDX-License-Identifier: MIT */
/*
 * files.h - what the store asks of a file system, so that a test can stand in
 * for it: a disk that is full, one that loses what was not synced.
 *
 * Each is the system call of its name: -1 and errno when it failed. SQLite has
 * a door of its own for the same purpose, the name of a VFS.
 */
#ifndef GW_FILES_H
#define GW_FILES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct gw_file_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *buf, size_t len);
    ssize_t (*write)(int fd, const void *buf, size_t len);
    int (*ftruncate)(int fd, off_t len);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd); /* of directories */
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    /* How many octets its file system has left; UINT64_MAX: unknown. */
    uint64_t (*room)(const char *directory);
};

/* The system's. */
extern const struct gw_file_ops gw_files_system;
uint64_t gw_files_room(const char *directory);

/* "DIRECTORY/NAMESUFFIX"; false: longer than 'cap'. */
bool gw_files_path(char *buf, size_t cap, const char *directory,
                   const char *name, const char *suffix);
#define GW_FILES_PATH_MAX 1280

/* Makes names that were added, changed or removed in 'directory' last. */
int gw_files_sync_directory(const struct gw_file_ops *files,
                            const char *directory);

/*
 * Renames 'path' so that it is out of the way and can be looked at:
 * "PATH.damaged", or with ".2" to ".9" behind it when there is such a file;
 * the ninth is replaced. Writes the new path to 'ret_path', of
 * GW_FILES_PATH_MAX. False: errno says why not.
 */
bool gw_files_set_aside(const struct gw_file_ops *files, const char *path,
                        char *ret_path);

#endif
