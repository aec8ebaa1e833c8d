/* SPDX-License-Identifier: MIT */
/*
 * journal_private.h - what journal.c writes and journal_read.c reads. Integers
 * are big-endian.
 *
 *   file      "MQSNGWJ1", id of the store, number of the first record u64,
 *             crc u32 of all this; then records
 *   record    crc u32 of the id and of all that follows, length of the octets
 *             u24, verb u8, sequence u64, at u32, owner u32, item u32, kind u8,
 *             octets
 */
#ifndef GW_JOURNAL_PRIVATE_H
#define GW_JOURNAL_PRIVATE_H

#include "crc32.h"
#include "journal.h"

#define JOURNAL_MAGIC "MQSNGWJ1" /* the last is the version of the format */
#define JOURNAL_HEAD 36u
#define JOURNAL_RECORD 29u
#define JOURNAL_RECORD_MAX (JOURNAL_RECORD + GW_JOURNAL_OCTETS_MAX)

static inline void journal_put_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static inline uint32_t journal_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static inline void journal_put_u64(uint8_t *at, uint64_t value)
{
    journal_put_u32(at, (uint32_t)(value >> 32));
    journal_put_u32(at + 4, (uint32_t)value);
}

static inline uint64_t journal_get_u64(const uint8_t *at)
{
    return (uint64_t)journal_get_u32(at) << 32 | journal_get_u32(at + 4);
}

/* The checksum of a record of 'len' octets in all, as it stands at 'at'. */
static inline uint32_t journal_crc(const uint8_t id[16], const uint8_t *at,
                                   size_t len)
{
    return gw_crc32(gw_crc32(0, id, 16), at + 4, len - 4);
}

/* One file of the journal's row. */
struct journal_file {
    uint64_t first; /* number of its first record, as in its name */
    uint64_t octets;
    bool bad; /* set aside instead of removed */
};

/* journal_read.c: the files in the directory, in the order of their numbers;
 * to be freed. False: errno says why not. */
bool journal_list(const struct gw_journal_settings *settings,
                  struct journal_file **ret_files, size_t *ret_count);

/* The path of the file that begins with 'first'. */
bool journal_path(const struct gw_journal_settings *settings, uint64_t first,
                  char *buf, size_t cap);

#endif
