/* SPDX-License-Identifier: MIT */
/*
 * crc32.h - the checksum of what lies on a disk: CRC-32 as in IEEE 802.3.
 *
 * It finds what wears out or tears, and nothing that somebody forges.
 */
#ifndef GW_CRC32_H
#define GW_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from 'crc', the result for what stands before; 0 begins. */
uint32_t gw_crc32(uint32_t crc, const void *data, size_t len);

#endif
