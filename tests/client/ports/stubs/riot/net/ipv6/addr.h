/* SPDX-License-Identifier: MIT */
/* Of RIOT, as much as a board.c needs to be compiled. */
#ifndef STUB_RIOT_NET_IPV6_ADDR_H
#define STUB_RIOT_NET_IPV6_ADDR_H

#include <stdint.h>

typedef union {
    uint8_t u8[16];
} ipv6_addr_t;

ipv6_addr_t *ipv6_addr_from_str(ipv6_addr_t *result, const char *addr);

#endif
