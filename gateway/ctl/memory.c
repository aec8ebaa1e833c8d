/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands.h"

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("mqttsn-ctl: no memory\n", stderr);
        exit(EXIT_UNREACHABLE);
    }
    return memory;
}

void *ctl_malloc(size_t size)
{
    return must(malloc(size));
}

void *ctl_realloc(void *old, size_t size)
{
    return must(realloc(old, size));
}
