/* SPDX-License-Identifier: MIT */
/* Of RIOT, as much as a board.c needs to be compiled. */
#ifndef STUB_RIOT_ZTIMER_H
#define STUB_RIOT_ZTIMER_H

#include <stdint.h>

typedef struct {
    int unused;
} ztimer_clock_t;

extern ztimer_clock_t *const ZTIMER_MSEC;

uint32_t ztimer_now(ztimer_clock_t *clock);
void ztimer_sleep(ztimer_clock_t *clock, uint32_t duration);

#endif
