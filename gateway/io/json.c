/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>

#include "mqttsn/topic.h"

static void put(struct gw_json *json, const char *octets, size_t len)
{
    if (json->full || len > json->cap - json->len) {
        json->full = true;
        return;
    }
    memcpy(json->buf + json->len, octets, len);
    json->len += len;
}

static void put_text(struct gw_json *json, const char *text)
{
    put(json, text, strlen(text));
}

/* Octets of the UTF-8 character at the beginning; 0: there is none. */
static size_t character(struct mqttsn_span text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (mqttsn_utf8_valid(mqttsn_span(text.data, len)))
            return len;
    }
    return 0;
}

static void put_character(struct gw_json *json, const uint8_t *at, size_t len)
{
    char escape[8];

    if (len == 0) {
        put_text(json, "\\ufffd");
    } else if (*at == '"' || *at == '\\') {
        put(json, (const char[]){'\\', (char)*at}, 2);
    } else if (*at < 0x20 || *at == 0x7f) {
        snprintf(escape, sizeof(escape), "\\u%04x", *at);
        put_text(json, escape);
    } else {
        put(json, (const char *)at, len);
    }
}

static void put_string(struct gw_json *json, struct mqttsn_span text)
{
    put_text(json, "\"");
    for (size_t i = 0; i < text.len;) {
        size_t len = character(mqttsn_span(text.data + i, text.len - i));

        put_character(json, text.data + i, len);
        i += len != 0 ? len : 1;
    }
    put_text(json, "\"");
}

static void put_key(struct gw_json *json, const char *key)
{
    if (json->follows)
        put_text(json, ",");
    json->follows = true;
    if (key == NULL)
        return;
    put_string(json, mqttsn_span_text(key));
    put_text(json, ":");
}

void gw_json_begin(struct gw_json *json, char *buf, size_t cap)
{
    *json = (struct gw_json){.buf = buf, .cap = cap};
    put_text(json, "{");
}

void gw_json_text(struct gw_json *json, const char *key,
                  struct mqttsn_span text)
{
    put_key(json, key);
    put_string(json, text);
}

void gw_json_number(struct gw_json *json, const char *key, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    put_key(json, key);
    put_text(json, digits);
}

void gw_json_signed(struct gw_json *json, const char *key, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, number);
    put_key(json, key);
    put_text(json, digits);
}

void gw_json_bool(struct gw_json *json, const char *key, bool value)
{
    put_key(json, key);
    put_text(json, value ? "true" : "false");
}

void gw_json_open(struct gw_json *json, const char *key)
{
    put_key(json, key);
    put_text(json, "{");
    json->follows = false;
}

void gw_json_close(struct gw_json *json)
{
    put_text(json, "}");
    json->follows = true;
}

void gw_json_list(struct gw_json *json, const char *key)
{
    put_key(json, key);
    put_text(json, "[");
    json->follows = false;
}

void gw_json_list_end(struct gw_json *json)
{
    put_text(json, "]");
    json->follows = true;
}

bool gw_json_keep(struct gw_json *json, const struct gw_json *before,
                  size_t spare)
{
    if (!json->full && spare <= json->cap - json->len)
        return true;
    *json = *before;
    return false;
}

struct mqttsn_span gw_json_end(struct gw_json *json)
{
    put_text(json, "}");
    return mqttsn_span(json->buf, json->full ? 0 : json->len);
}
