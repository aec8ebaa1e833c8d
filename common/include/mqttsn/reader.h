/* SPDX-License-Identifier: MIT */
/*
 * reader.h - takes fields off received octets.
 *
 * No read fails by itself: past the end it gives zero, or an empty span, and
 * from then on so does every other read. The octets are judged once, by
 * mqttsn_reader_finish. Nothing outside the given span is ever touched.
 *
 * The functions are inline because a datagram costs a handful of them.
 */
#ifndef MQTTSN_READER_H
#define MQTTSN_READER_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

/* The caller places it; the fields are private. */
struct mqttsn_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* Borrows 'octets' for as long as the reader and what it gave are used. */
static inline void mqttsn_reader_init(struct mqttsn_reader *reader,
                                      struct mqttsn_span octets)
{
    reader->at = octets.data;
    reader->left = octets.len;
    reader->failed = false;
}

/* After a failure nothing is left, so the next read fails too. */
static inline bool mqttsn_reader_has(struct mqttsn_reader *reader, size_t len)
{
    if (len <= reader->left)
        return true;
    reader->failed = true;
    reader->left = 0;
    return false;
}

static inline uint8_t mqttsn_read_u8(struct mqttsn_reader *reader)
{
    if (!mqttsn_reader_has(reader, 1))
        return 0;
    reader->left -= 1;
    return *reader->at++;
}

/* Most significant octet first. */
static inline uint16_t mqttsn_read_u16(struct mqttsn_reader *reader)
{
    if (!mqttsn_reader_has(reader, 2))
        return 0;

    uint16_t value = (uint16_t)(reader->at[0] * 256 + reader->at[1]);

    reader->at += 2;
    reader->left -= 2;
    return value;
}

/* The next 'len' octets, borrowed. */
static inline struct mqttsn_span mqttsn_read_bytes(struct mqttsn_reader *reader,
                                                   size_t len)
{
    if (len == 0 || !mqttsn_reader_has(reader, len))
        return mqttsn_span(NULL, 0);

    struct mqttsn_span bytes = {reader->at, len};

    reader->at += len;
    reader->left -= len;
    return bytes;
}

/* Whatever is left, borrowed; may be empty. */
static inline struct mqttsn_span mqttsn_read_rest(struct mqttsn_reader *reader)
{
    return mqttsn_read_bytes(reader, reader->left);
}

/*
 * Judges all reads so far; the reader may not be read from afterwards.
 *
 * MQTTSN_OK:         every read had its octets, and none are left.
 * MQTTSN_ETRUNCATED: a read went past the end.
 * MQTTSN_ETRAILING:  octets are left that nobody read.
 */
MQTTSN_CHECKED static inline enum mqttsn_status
mqttsn_reader_finish(const struct mqttsn_reader *reader)
{
    if (reader->failed)
        return MQTTSN_ETRUNCATED;
    return reader->left == 0 ? MQTTSN_OK : MQTTSN_ETRAILING;
}

#endif
