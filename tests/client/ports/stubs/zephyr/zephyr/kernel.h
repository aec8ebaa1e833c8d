/* SPDX-License-Identifier: MIT */
/* Of Zephyr, as much as a board.c needs to be compiled. */
#ifndef STUB_ZEPHYR_ZEPHYR_KERNEL_H
#define STUB_ZEPHYR_ZEPHYR_KERNEL_H

#include <stdint.h>

typedef struct {
    int64_t ticks;
} k_timeout_t;

#define K_SECONDS(s) ((k_timeout_t){(int64_t)(s)})

int64_t k_uptime_get(void);
uint32_t k_uptime_seconds(void);
int32_t k_sleep(k_timeout_t timeout);

#endif
