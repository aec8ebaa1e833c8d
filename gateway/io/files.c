/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int open_file(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

uint64_t gw_files_room(const char *directory)
{
    struct statvfs disk;

    return statvfs(directory, &disk) == 0
               ? (uint64_t)disk.f_bavail * disk.f_frsize
               : UINT64_MAX;
}

const struct gw_file_ops gw_files_system = {
    open_file, close, read,   write,  ftruncate,
    fdatasync, fsync, rename, unlink, gw_files_room,
};

bool gw_files_path(char *buf, size_t cap, const char *directory,
                   const char *name, const char *suffix)
{
    int len = snprintf(buf, cap, "%s/%s%s", directory, name, suffix);

    return len > 0 && (size_t)len < cap;
}

int gw_files_sync_directory(const struct gw_file_ops *files,
                            const char *directory)
{
    int fd = files->open(directory, O_RDONLY | O_DIRECTORY, 0), status, why;

    if (fd < 0)
        return -1;
    status = files->fsync(fd);
    why = errno;
    files->close(fd);
    errno = why;
    return status;
}

bool gw_files_set_aside(const struct gw_file_ops *files, const char *path,
                        char *ret_path)
{
    for (unsigned n = 1; n <= 9; n++) {
        struct stat there;
        char number[8] = "";
        int len;

        if (n > 1)
            snprintf(number, sizeof(number), ".%u", n);
        len =
            snprintf(ret_path, GW_FILES_PATH_MAX, "%s.damaged%s", path, number);
        if (len < 0 || len >= GW_FILES_PATH_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (n == 9 || lstat(ret_path, &there) != 0)
            return files->rename(path, ret_path) == 0;
    }
    return false;
}
