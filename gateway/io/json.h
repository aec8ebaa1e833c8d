/* SPDX-License-Identifier: MIT */
/*
 * json.h - writes one JSON object into a buffer.
 *
 * Texts are UTF-8 from anybody, and are escaped; what is no UTF-8 becomes
 * U+FFFD. Keys are words of our own. Numbers are written whole, all 64 bits of
 * them, which a library that keeps them as floating point would not do. Nothing
 * is allocated: an object that does not fit is none. A key that is NULL is that
 * of a member of a list, which has none.
 */
#ifndef GW_JSON_H
#define GW_JSON_H

#include "mqttsn/span.h"

struct gw_json { /* private */
    char *buf;
    size_t cap, len;
    bool follows; /* a comma comes first */
    bool full;
};

/* Begins an object in 'buf', which must outlive the writing. */
void gw_json_begin(struct gw_json *json, char *buf, size_t cap);

void gw_json_text(struct gw_json *json, const char *key,
                  struct mqttsn_span text);
void gw_json_number(struct gw_json *json, const char *key, uint64_t number);

void gw_json_signed(struct gw_json *json, const char *key, int64_t number);
void gw_json_bool(struct gw_json *json, const char *key, bool value);

/* An object in the object, or in a list. */
void gw_json_open(struct gw_json *json, const char *key);
void gw_json_close(struct gw_json *json);

void gw_json_list(struct gw_json *json, const char *key);
void gw_json_list_end(struct gw_json *json);

/* Whether all since 'before', a copy of what 'json' was, fits and leaves room
 * for 'spare' octets; else it is taken back. */
bool gw_json_keep(struct gw_json *json, const struct gw_json *before,
                  size_t spare);

/* Ends the object; what was written, empty when it did not fit. */
struct mqttsn_span gw_json_end(struct gw_json *json);

#endif
