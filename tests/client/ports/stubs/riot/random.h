/* SPDX-License-Identifier: MIT */
/* Of RIOT, as much as a board.c needs to be compiled. */
#ifndef STUB_RIOT_RANDOM_H
#define STUB_RIOT_RANDOM_H

#include <stdint.h>

uint32_t random_uint32(void);

#endif
