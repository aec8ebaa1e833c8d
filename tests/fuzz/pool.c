/* SPDX-License-Identifier: MIT */
/*
 * Large blocks are kept and given out again, for an engine is made for every
 * input and the system's memory would be most of the time. A sanitizer sees
 * what it saw: each block has its own size, and may not be touched while it is
 * kept. Linked with --wrap=malloc, calloc, free; single thread.
 */
#include <sanitizer/asan_interface.h>

#include "target.h"

enum { LARGE = 8192, KEPT_MAX = 128 };

static struct {
    void *block;
    size_t size;
    bool free;
} kept[KEPT_MAX];
static size_t kept_count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *block);

static void *take(size_t size)
{
    void *block;

    for (size_t i = 0; i < kept_count; i++) {
        if (kept[i].size == size && kept[i].free) {
            kept[i].free = false;
            ASAN_UNPOISON_MEMORY_REGION(kept[i].block, size);
            return kept[i].block;
        }
    }
    block = __real_malloc(size);
    if (kept_count < KEPT_MAX && block != NULL) {
        kept[kept_count].block = block;
        kept[kept_count].size = size;
        kept[kept_count++].free = false;
    }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return size < LARGE ? __real_malloc(size) : take(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block;

    if (n == 0 || size > SIZE_MAX / n || n * size < LARGE)
        return __real_calloc(n, size);
    block = take(n * size);
    if (block != NULL)
        memset(block, 0, n * size);
    return block;
}

void __wrap_free(void *block)
{
    for (size_t i = 0; block != NULL && i < kept_count; i++) {
        if (kept[i].block == block) {
            MUST(!kept[i].free);
            kept[i].free = true;
            ASAN_POISON_MEMORY_REGION(block, kept[i].size);
            return;
        }
    }
    __real_free(block);
}
