/* SPDX-License-Identifier: MIT */
/*
 * The allocator as the daemon's own code sees it, made to fail on order. The
 * linker's --wrap leads calls of our objects here; libraries keep theirs.
 *
 * GW_FAULT=at:K fails the K-th allocation, GW_FAULT=from:K that and all after
 * it. GW_FAULT_COUNT names a file that counts them, also of a process that ends
 * without a word: a number of 32 bits (more are no atomic number on every
 * processor), and behind it for each allocation, as far as the file goes, one
 * for the place in the code that asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

/* The linker's: where the program begins, wherever it was loaded. */
extern const char __executable_start[];

static uint64_t fails_at, fails_from;
static _Atomic uint32_t own_count;
static _Atomic uint32_t *count = &own_count;
static uint32_t *askers;
static size_t askers_max;

__attribute__((constructor)) static void read_orders(void)
{
    const char *order = getenv("GW_FAULT");
    const char *path = getenv("GW_FAULT_COUNT");

    if (order != NULL && strncmp(order, "at:", 3) == 0)
        fails_at = strtoull(order + 3, NULL, 10);
    else if (order != NULL && strncmp(order, "from:", 5) == 0)
        fails_from = strtoull(order + 5, NULL, 10);
    if (path != NULL) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat file;
        void *map;

        if (fd < 0 || fstat(fd, &file) != 0 ||
            file.st_size < (off_t)sizeof(*count))
            abort();
        map = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE,
                   MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            abort();
        close(fd);
        count = map;
        askers = (void *)((char *)map + sizeof(*count));
        askers_max = ((size_t)file.st_size - sizeof(*count)) / sizeof(*askers);
    }
}

static int fails(const void *asker)
{
    uint32_t number = atomic_fetch_add(count, 1) + 1;

    if (number <= askers_max)
        askers[number - 1] =
            (uint32_t)((uintptr_t)asker - (uintptr_t)__executable_start);
    if (number != fails_at && (fails_from == 0 || number < fails_from))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails(__builtin_return_address(0)) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __real_strndup(text, len);
}
