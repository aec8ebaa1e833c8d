/* SPDX-License-Identifier: MIT */
/* Of Zephyr, as much as a board.c needs to be compiled. */
#ifndef STUB_ZEPHYR_ZEPHYR_RANDOM_RANDOM_H
#define STUB_ZEPHYR_ZEPHYR_RANDOM_RANDOM_H

#include <stdint.h>

uint32_t sys_rand32_get(void);

#endif
