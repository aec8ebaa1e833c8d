/* SPDX-License-Identifier: MIT */
/*
 * memory_file.h - files that only a target has, for whoever asks fopen.
 */
#ifndef MEMORY_FILE_H
#define MEMORY_FILE_H

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target.h"

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

/* A regular file of its own, for the mode and kind of a file are looked at. */
static inline FILE *file_of(const char *octets, size_t len)
{
    int fd = memfd_create("fuzz", 0);
    FILE *file;

    MUST(fd >= 0 && fchmod(fd, 0600) == 0);
    MUST(write(fd, octets, len) == (ssize_t)len);
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    file = fdopen(fd, "r");
    MUST(file != NULL);
    return file;
}

#endif
