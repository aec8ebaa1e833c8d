/* SPDX-License-Identifier: MIT */
/*
 * target.h - what a fuzz target is.
 *
 * One function that takes any octets and comes back. It is linked either with
 * libFuzzer (-Dfuzzing=true, clang), which makes the octets up, or with
 * replay.c, which reads them from files: so every file of a corpus is also a
 * plain test.
 *
 * A target keeps nothing from one input to the next, asks for no clock and no
 * file, and stops the process when something is not as it must be.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* A copy on the heap of exactly these octets, so that a sanitizer sees a read
 * past either end; to be freed. */
static inline uint8_t *exact(const uint8_t *octets, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, octets, len);
    return copy;
}

#endif
