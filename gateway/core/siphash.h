/* SPDX-License-Identifier: MIT */
/*
 * siphash.h - the keyed hash of every table: SipHash-1-3, 64 bits.
 *
 * Client ids, topics and addresses are chosen by whoever sends datagrams; a
 * hash they cannot predict keeps them from choosing collisions.
 */
#ifndef GW_SIPHASH_H
#define GW_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t gw_siphash13(const uint8_t key[16], const void *data, size_t len);

#endif
