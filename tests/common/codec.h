/* SPDX-License-Identifier: MIT */
/*
 * codec.h - what the tests of the codec share: the vectors, octets in hex, and
 * a comparison of frames that knows nothing of how they are encoded.
 */
#ifndef CODEC_H
#define CODEC_H

#include "mqttsn/frame.h"

/* The octets of a string literal, in an initializer. */
#define SPAN(text)                                                             \
    {                                                                          \
        (const uint8_t *)(text), sizeof(text) - 1                              \
    }

/* One frame in three forms, each written by hand. */
struct vector {
    const char *hex;
    const char *line; /* with MQTTSN_TEXT_PAYLOAD */
    struct mqttsn_frame frame;
};

extern const struct vector vectors[];
extern const size_t vector_count;

/* Reads pairs of hex digits up to the first other character; gives how many
 * octets they are. */
size_t octets_of_hex(const char *hex, uint8_t *buf, size_t cap);

/* A copy on the heap of exactly 'len' octets, so that a sanitizer sees a read
 * past either end; the caller frees it. */
uint8_t *exact_copy(const uint8_t *octets, size_t len);

/* Whether all fields that the type has are equal. */
bool frames_equal(const struct mqttsn_frame *a, const struct mqttsn_frame *b);

#endif
