/* SPDX-License-Identifier: MIT */
/*
 * writer.h - puts fields into a lent buffer.
 *
 * No write fails by itself: one that does not fit is left out whole, and from
 * then on so is every other. The result is judged once, by
 * mqttsn_writer_finish. Nothing outside the buffer is ever touched.
 */
#ifndef MQTTSN_WRITER_H
#define MQTTSN_WRITER_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

/* The caller places it; the fields are private. */
struct mqttsn_writer {
    uint8_t *data;
    size_t cap;
    size_t len;
    bool failed;
};

/* Borrows 'buf' until mqttsn_writer_finish. */
static inline void mqttsn_writer_init(struct mqttsn_writer *writer,
                                      uint8_t *buf, size_t cap)
{
    writer->data = buf;
    writer->cap = cap;
    writer->len = 0;
    writer->failed = false;
}

static inline bool mqttsn_writer_has(struct mqttsn_writer *writer, size_t len)
{
    if (writer->cap - writer->len < len)
        writer->failed = true;
    return !writer->failed;
}

static inline void mqttsn_write_u8(struct mqttsn_writer *writer, uint8_t value)
{
    if (mqttsn_writer_has(writer, 1))
        writer->data[writer->len++] = value;
}

/* Most significant octet first. */
static inline void mqttsn_write_u16(struct mqttsn_writer *writer,
                                    uint16_t value)
{
    if (!mqttsn_writer_has(writer, 2))
        return;
    writer->data[writer->len++] = (uint8_t)(value >> 8);
    writer->data[writer->len++] = (uint8_t)(value & 0xff);
}

/* Copies 'bytes', which must not lie in the buffer. */
static inline void mqttsn_write_bytes(struct mqttsn_writer *writer,
                                      struct mqttsn_span bytes)
{
    if (bytes.len == 0 || !mqttsn_writer_has(writer, bytes.len))
        return;
    memcpy(writer->data + writer->len, bytes.data, bytes.len);
    writer->len += bytes.len;
}

/*
 * Judges all writes so far.
 *
 * MQTTSN_OK:       '*ret_len' octets of the buffer are written.
 * MQTTSN_ENOSPACE: a write did not fit.
 */
MQTTSN_CHECKED static inline enum mqttsn_status
mqttsn_writer_finish(const struct mqttsn_writer *writer, size_t *ret_len)
{
    if (writer->failed)
        return MQTTSN_ENOSPACE;
    *ret_len = writer->len;
    return MQTTSN_OK;
}

#endif
