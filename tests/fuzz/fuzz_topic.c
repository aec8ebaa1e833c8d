/* SPDX-License-Identifier: MIT */
/*
 * Two topics, divided by the first line end: valid, prudent, matching and
 * intersecting as topic.c says and as a second implementation says, which
 * shares nothing with it. It works on lists of levels and on code points, and
 * tells that two filters intersect by making a name up that both match.
 */
#include "target.h"

#include "mqttsn/topic.h"

enum { LEVELS_MAX = 24 };

struct levels {
    size_t count;
    struct mqttsn_span at[LEVELS_MAX + 1];
};

/* ---- the second implementation ----------------------------------------- */

/* One code point by the arithmetic of UTF-8; -1 when it is none, or is not
 * written in the fewest octets. */
static long take_point(struct mqttsn_span *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text->data[0];
    size_t len = first < 0x80             ? 1
                 : (first & 0xe0) == 0xc0 ? 2
                 : (first & 0xf0) == 0xe0 ? 3
                 : (first & 0xf8) == 0xf0 ? 4
                                          : 0;
    uint32_t point = len == 1 ? first : first & (0x7fu >> len);

    if (len == 0 || len > text->len)
        return -1;
    for (size_t i = 1; i < len; i++) {
        if ((text->data[i] & 0xc0) != 0x80)
            return -1;
        point = point * 64 + (text->data[i] & 0x3fu);
    }
    if (point < least[len] || point > 0x10ffff || point == 0 ||
        (point >= 0xd800 && point < 0xe000))
        return -1;
    text->data += len;
    text->len -= len;
    return (long)point;
}

static bool naive_text(struct mqttsn_span text, bool prudent)
{
    while (text.len > 0) {
        long c = take_point(&text);

        if (c < 0)
            return false;
        if (prudent && (c < 32 || (c >= 127 && c <= 159) ||
                        (c >= 0xfdd0 && c <= 0xfdef) || c % 65536 >= 65534))
            return false;
    }
    return true;
}

/* False when there are more than LEVELS_MAX. */
static bool split(struct mqttsn_span text, struct levels *ret)
{
    const uint8_t *start = text.data;

    ret->count = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '/')
            continue;
        if (ret->count == LEVELS_MAX)
            return false;
        ret->at[ret->count++] =
            mqttsn_span(start, (size_t)(text.data + i - start));
        start = text.data + i + 1;
    }
    return true;
}

static bool is(struct mqttsn_span level, char only)
{
    return level.len == 1 && level.data[0] == (uint8_t)only;
}

static bool has(struct mqttsn_span level, char octet)
{
    for (size_t i = 0; i < level.len; i++) {
        if (level.data[i] == (uint8_t)octet)
            return true;
    }
    return false;
}

static bool naive_filter(struct mqttsn_span text, const struct levels *l)
{
    if (text.len == 0 || text.len > 65535 || !naive_text(text, false))
        return false;
    for (size_t i = 0; i < l->count; i++) {
        bool last = i + 1 == l->count;

        if ((has(l->at[i], '+') && !is(l->at[i], '+')) ||
            (has(l->at[i], '#') && !(is(l->at[i], '#') && last)))
            return false;
    }
    return true;
}

static bool match_from(const struct levels *f, size_t i, const struct levels *n,
                       size_t j)
{
    if (i == f->count)
        return j == n->count;
    if (is(f->at[i], '#'))
        return true;
    if (j == n->count)
        return false;
    return (is(f->at[i], '+') || mqttsn_span_equal(f->at[i], n->at[j])) &&
           match_from(f, i + 1, n, j + 1);
}

static bool naive_matches(const struct levels *f, const struct levels *n)
{
    bool dollar = n->at[0].len > 0 && n->at[0].data[0] == '$';

    if (dollar && (is(f->at[0], '+') || is(f->at[0], '#')))
        return false;
    return match_from(f, 0, n, 0);
}

/* A name that both match, level by level: 'name' has those found so far. */
static bool unite(const struct levels *a, size_t i, const struct levels *b,
                  size_t j, struct levels *name)
{
    static const struct mqttsn_span any = {(const uint8_t *)"x", 1};
    bool a_ends = i == a->count, b_ends = j == b->count;
    bool a_all = !a_ends && is(a->at[i], '#');
    bool b_all = !b_ends && is(b->at[j], '#');
    struct mqttsn_span level = any;
    size_t taken = name->count;

    if ((a_ends || a_all) && (b_ends || b_all) && taken > 0 &&
        !(taken == 1 && name->at[0].len == 0) && naive_matches(a, name) &&
        naive_matches(b, name))
        return true;
    if (a_ends || b_ends || taken == LEVELS_MAX)
        return false;
    if (!a_all && !is(a->at[i], '+'))
        level = a->at[i];
    else if (!b_all && !is(b->at[j], '+'))
        level = b->at[j];
    name->at[name->count++] = level;
    /* Both '#': one level more is enough to be no empty name. */
    if (a_all && b_all)
        return naive_matches(a, name) && naive_matches(b, name);
    return unite(a, a_all ? i : i + 1, b, b_all ? j : j + 1, name);
}

/* ---- one against the other --------------------------------------------- */

static void check_one(struct mqttsn_span text, const struct levels *l)
{
    struct mqttsn_span rest = text, level;
    bool name = text.len > 0 && text.len <= 65535 && naive_text(text, false) &&
                !has(text, '+') && !has(text, '#');

    MUST(mqttsn_utf8_valid(text) == naive_text(text, false));
    MUST(mqttsn_text_prudent(text) == naive_text(text, true));
    MUST(mqttsn_topic_name_valid(text) == name);
    MUST(mqttsn_filter_valid(text) == naive_filter(text, l));
    MUST(mqttsn_filter_has_wildcard(text) ==
         (has(text, '+') || has(text, '#')));
    for (size_t i = 0; i < l->count; i++) {
        MUST(mqttsn_topic_next_level(&rest, &level));
        MUST(level.data == l->at[i].data && level.len == l->at[i].len);
    }
    MUST(!mqttsn_topic_next_level(&rest, &level));
    MUST(mqttsn_short_topic_valid(text) ==
         (name && text.len == 2 && naive_text(text, true)));
    if (text.len == 2) {
        uint8_t back[2];

        mqttsn_short_topic_name(mqttsn_short_topic_id(text), back);
        MUST(memcmp(back, text.data, 2) == 0);
    }
}

static void check_both(struct mqttsn_span a, const struct levels *al,
                       struct mqttsn_span b, const struct levels *bl)
{
    struct levels name = {0};
    bool intersect;

    if (!mqttsn_filter_valid(a) || !mqttsn_filter_valid(b))
        return;
    intersect = mqttsn_filters_intersect(a, b);
    MUST(intersect == unite(al, 0, bl, 0, &name));
    MUST(intersect == mqttsn_filters_intersect(b, a));
    MUST(mqttsn_filters_intersect(a, a));
    if (mqttsn_topic_name_valid(b)) {
        bool matches = mqttsn_filter_matches(a, b);

        MUST(matches == naive_matches(al, bl));
        MUST(matches == intersect); /* a name is the filter of itself */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t a_len = end != NULL ? (size_t)(end - data) : size;
    size_t b_len = end != NULL ? size - a_len - 1 : 0;
    uint8_t *a_copy = exact(data, a_len);
    uint8_t *b_copy = exact(end != NULL ? end + 1 : data, b_len);
    struct mqttsn_span a = {a_copy, a_len}, b = {b_copy, b_len};
    struct levels al, bl;

    if (split(a, &al) && split(b, &bl)) {
        check_one(a, &al);
        check_one(b, &bl);
        check_both(a, &al, b, &bl);
        check_both(b, &bl, a, &al);
    }
    free(a_copy);
    free(b_copy);
    return 0;
}
