/* SPDX-License-Identifier: MIT */
/*
 * The allocator as the daemon's own code sees it, made to fail on order. The
 * linker's --wrap leads calls of our objects here; libraries keep theirs.
 *
 * GW_FAULT=at:K fails the K-th allocation, GW_FAULT=from:K that and all after
 * it; GW_FAULT_COUNT names a file of eight octets that counts them, also of a
 * process that ends without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static uint64_t fails_at, fails_from;
static _Atomic uint64_t own_count;
static _Atomic uint64_t *count = &own_count;

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
        void *map = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
                         MAP_SHARED, fd, 0);

        if (fd < 0 || map == MAP_FAILED)
            abort();
        close(fd);
        count = map;
    }
}

static int fails(void)
{
    uint64_t number = atomic_fetch_add(count, 1) + 1;

    if (number != fails_at && (fails_from == 0 || number < fails_from))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}
