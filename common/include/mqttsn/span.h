/* SPDX-License-Identifier: MIT */
/*
 * span.h - octets that belong to somebody else.
 *
 * A span borrows: it never owns what it points at, and whoever hands one out
 * says how long it holds. An empty span may have a NULL pointer.
 */
#ifndef MQTTSN_SPAN_H
#define MQTTSN_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mqttsn_span {
    const uint8_t *data;
    size_t len;
};

static inline struct mqttsn_span mqttsn_span(const void *data, size_t len)
{
    return (struct mqttsn_span){(const uint8_t *)data, len};
}

/* The octets of a C string, without its NUL. */
static inline struct mqttsn_span mqttsn_span_text(const char *text)
{
    return mqttsn_span(text, strlen(text));
}

static inline bool mqttsn_span_equal(struct mqttsn_span a, struct mqttsn_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
