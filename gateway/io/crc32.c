/* SPDX-License-Identifier: MIT */
#include "crc32.h"

#include <pthread.h>

/* Four octets a step: table[n][b] is the effect of octet 'b' that n more
 * follow. */
static uint32_t table[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
        table[0][i] = crc;
    }
    for (unsigned n = 1; n < 4; n++) {
        for (uint32_t i = 0; i < 256; i++)
            table[n][i] =
                table[n - 1][i] >> 8 ^ table[0][table[n - 1][i] & 0xff];
    }
}

uint32_t gw_crc32(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;

    (void)pthread_once(&once, make_table);
    crc = ~crc;
    for (; len >= 4; len -= 4, at += 4) {
        crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
               (uint32_t)at[3] << 24;
        crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^
              table[1][crc >> 16 & 0xff] ^ table[0][crc >> 24];
    }
    for (; len > 0; len--, at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}
