/* SPDX-License-Identifier: MIT */
/* Of Zephyr, as much as a board.c needs to be compiled. */
#ifndef STUB_ZEPHYR_ZEPHYR_SYS_PRINTK_H
#define STUB_ZEPHYR_ZEPHYR_SYS_PRINTK_H

#include <stddef.h>

#define STUB_PRINTF(a, b) __attribute__((format(printf, a, b)))

void printk(const char *fmt, ...) STUB_PRINTF(1, 2);
int snprintk(char *str, size_t size, const char *fmt, ...) STUB_PRINTF(3, 4);

#endif
