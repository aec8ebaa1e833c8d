/* SPDX-License-Identifier: MIT */
/*
 * siphash.h - a keyed hash of 64 bits: SipHash.
 *
 * Client ids, topics and addresses are chosen by whoever sends datagrams; a
 * hash they cannot predict keeps them from choosing collisions. Every table
 * hashes with 1-3 rounds. Pure, and known to the shells too.
 */
#ifndef GW_SIPHASH_H
#define GW_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t gw_siphash13(const uint8_t key[16], const void *data, size_t len);

/* The slower one of the paper, for a value that is to last: the client id that
 * is made from the machine id (conf_identity.c). */
uint64_t gw_siphash24(const uint8_t key[16], const void *data, size_t len);

#endif
