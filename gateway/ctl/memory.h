/* SPDX-License-Identifier: MIT */
/*
 * memory.h - memory, or the end of the program: one that shows what a gateway
 * says has nothing to say without. cJSON is given ctl_malloc, too.
 */
#ifndef CTL_MEMORY_H
#define CTL_MEMORY_H

#include <stddef.h>

/* Never NULL. */
void *ctl_malloc(size_t size);
void *ctl_realloc(void *old, size_t size);

#endif
