/* SPDX-License-Identifier: MIT */
#include "mqttsn/topic.h"

#include <assert.h>

enum { TOPIC_MAX = 65535, SHORT_TOPIC_LEN = 2 };

/* The length of the well-formed UTF-8 sequence at the start of 'text', or 0.
 * The second octet's range is what keeps out over-long forms, surrogates and
 * values past U+10FFFF (Unicode, table 3-7). */
static size_t utf8_sequence(struct mqttsn_span text)
{
    uint8_t first = text.data[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t len;

    if (first < 0x80)
        return first == 0 ? 0 : 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (text.len < len)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf4)
        high = 0x8f;
    if (text.data[1] < low || text.data[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool mqttsn_utf8_valid(struct mqttsn_span text)
{
    while (text.len > 0) {
        size_t len = utf8_sequence(text);

        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

static uint32_t code_point(const uint8_t *octets, size_t len)
{
    /* What the first octet of a sequence of this length has of its own. */
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = octets[0] & first_bits[len];

    for (size_t i = 1; i < len; i++)
        value = value << 6 | (octets[i] & 0x3f);
    return value;
}

bool mqttsn_text_prudent(struct mqttsn_span text)
{
    while (text.len > 0) {
        size_t len = utf8_sequence(text);
        uint32_t c;

        if (len == 0)
            return false;
        c = code_point(text.data, len);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) ||
            (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

static bool is_wildcard(uint8_t octet)
{
    return octet == '+' || octet == '#';
}

static bool starts_with_wildcard(struct mqttsn_span span)
{
    return span.len > 0 && is_wildcard(span.data[0]);
}

static bool starts_with_dollar(struct mqttsn_span span)
{
    return span.len > 0 && span.data[0] == '$';
}

static bool is_level(struct mqttsn_span level, char wildcard)
{
    return level.len == 1 && level.data[0] == (uint8_t)wildcard;
}

static bool well_formed(struct mqttsn_span topic)
{
    return topic.len >= 1 && topic.len <= TOPIC_MAX && mqttsn_utf8_valid(topic);
}

bool mqttsn_filter_has_wildcard(struct mqttsn_span filter)
{
    for (size_t i = 0; i < filter.len; i++) {
        if (is_wildcard(filter.data[i]))
            return true;
    }
    return false;
}

bool mqttsn_topic_name_valid(struct mqttsn_span name)
{
    return well_formed(name) && !mqttsn_filter_has_wildcard(name);
}

bool mqttsn_filter_valid(struct mqttsn_span filter)
{
    struct mqttsn_span rest = filter;
    struct mqttsn_span level;

    if (!well_formed(filter))
        return false;
    while (mqttsn_topic_next_level(&rest, &level)) {
        if (!mqttsn_filter_has_wildcard(level) || is_level(level, '+'))
            continue;
        if (!is_level(level, '#') || rest.data != NULL)
            return false;
    }
    return true;
}

/* Both walk level by level; neither is copied, and neither is walked twice. */
bool mqttsn_filter_matches(struct mqttsn_span filter, struct mqttsn_span name)
{
    size_t f = 0;
    size_t n = 0;

    if (starts_with_wildcard(filter) && starts_with_dollar(name))
        return false;
    for (;;) {
        if (f < filter.len && filter.data[f] == '#')
            return true;
        if (f < filter.len && filter.data[f] == '+') {
            f++;
            while (n < name.len && name.data[n] != '/')
                n++;
        } else {
            while (f < filter.len && n < name.len && filter.data[f] != '/' &&
                   filter.data[f] == name.data[n]) {
                f++;
                n++;
            }
        }
        if (n == name.len) /* "a/#" also matches its parent, "a" */
            return f == filter.len ||
                   (filter.len - f == 2 && filter.data[f] == '/' &&
                    filter.data[f + 1] == '#');
        if (f == filter.len || filter.data[f] != '/' || name.data[n] != '/')
            return false;
        f++;
        n++;
    }
}

bool mqttsn_filters_intersect(struct mqttsn_span a, struct mqttsn_span b)
{
    struct mqttsn_span a_rest = a;
    struct mqttsn_span b_rest = b;
    struct mqttsn_span a_level;
    struct mqttsn_span b_level;
    size_t name_len = 0; /* of the shortest name that matches so far */

    if ((starts_with_wildcard(a) && starts_with_dollar(b)) ||
        (starts_with_wildcard(b) && starts_with_dollar(a)))
        return false;
    while (a_rest.data != NULL && b_rest.data != NULL) {
        (void)mqttsn_topic_next_level(&a_rest, &a_level);
        (void)mqttsn_topic_next_level(&b_rest, &b_level);
        if (is_level(a_level, '#') || is_level(b_level, '#'))
            return true;
        if (is_level(a_level, '+') && is_level(b_level, '+'))
            name_len += 1; /* any octet will do */
        else if (is_level(a_level, '+'))
            name_len += b_level.len;
        else if (is_level(b_level, '+') || mqttsn_span_equal(a_level, b_level))
            name_len += a_level.len;
        else
            return false;
        if (a_rest.data != NULL && b_rest.data != NULL)
            name_len += 1;
    }
    /* What one of them still asks for, nothing more has to satisfy; and "+"
     * and "/#" agree on nothing but the empty name, which is no name. */
    return (a_rest.data == NULL || is_level(a_rest, '#')) &&
           (b_rest.data == NULL || is_level(b_rest, '#')) && name_len > 0;
}

bool mqttsn_topic_next_level(struct mqttsn_span *rest,
                             struct mqttsn_span *ret_level)
{
    if (rest->data == NULL)
        return false;

    const uint8_t *slash =
        rest->len == 0 ? NULL : memchr(rest->data, '/', rest->len);

    if (slash == NULL) {
        *ret_level = *rest;
        *rest = mqttsn_span(NULL, 0);
        return true;
    }

    size_t len = (size_t)(slash - rest->data);

    *ret_level = mqttsn_span(rest->data, len);
    *rest = mqttsn_span(slash + 1, rest->len - len - 1);
    return true;
}

bool mqttsn_short_topic_valid(struct mqttsn_span name)
{
    return name.len == SHORT_TOPIC_LEN && mqttsn_topic_name_valid(name) &&
           mqttsn_text_prudent(name);
}

uint16_t mqttsn_short_topic_id(struct mqttsn_span name)
{
    assert(name.len == SHORT_TOPIC_LEN);
    return (uint16_t)(name.data[0] << 8 | name.data[1]);
}

void mqttsn_short_topic_name(uint16_t topic_id, uint8_t ret_name[2])
{
    ret_name[0] = (uint8_t)(topic_id >> 8);
    ret_name[1] = (uint8_t)(topic_id & 0xff);
}
