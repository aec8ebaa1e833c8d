/* SPDX-License-Identifier: MIT */
#include "conf_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 48

const struct conf_section_row *conf_section_find(const char *name, size_t len)
{
    for (size_t i = 0; i < conf_section_count; i++) {
        const char *candidate = conf_section_rows[i].name;

        if (strlen(candidate) == len && memcmp(candidate, name, len) == 0)
            return &conf_section_rows[i];
    }
    return NULL;
}

const struct conf_key *conf_key_find(const char *section, const char *name,
                                     size_t len)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];

        if (strcmp(key->section, section) == 0 && strlen(key->name) == len &&
            memcmp(key->name, name, len) == 0)
            return key;
    }
    return NULL;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's, with one row. A name too long to be a slip of a known one is
 * far from all. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned row[NAME_MAX_LEN + 1];

    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return UINT32_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1,
                           diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

/* A third of the letters may be wrong, two in a short name, but never all;
 * more is another word. */
static unsigned tolerance(const char *name)
{
    size_t len = strlen(name);

    if (len < 3)
        return len < 2 ? 0 : 1;
    return len < 6 ? 2 : (unsigned)len / 3;
}

const char *conf_section_nearest(const char *name)
{
    unsigned best = tolerance(name) + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < conf_section_count; i++) {
        unsigned d = distance(name, conf_section_rows[i].name);

        if (d < best) {
            best = d;
            nearest = conf_section_rows[i].name;
        }
    }
    return nearest;
}

const struct conf_key *conf_key_nearest(const char *section, const char *name)
{
    unsigned best = tolerance(name) + 1;
    const struct conf_key *nearest = NULL;

    /* The same name elsewhere is a likelier slip than a like name here. */
    for (size_t i = 0; i < conf_key_count; i++) {
        unsigned d = distance(name, conf_keys[i].name);
        bool here = strcmp(conf_keys[i].section, section) == 0;

        if (d > 0 && !here)
            continue;
        if (d < best || (d == best && nearest == NULL)) {
            best = d;
            nearest = &conf_keys[i];
        }
    }
    return nearest;
}

static const char *unit_text(uint64_t value, const char *const names[],
                             const uint64_t sizes[], size_t count, char *buf,
                             size_t cap)
{
    size_t i = 0;

    while (i + 1 < count && (value % sizes[i] != 0 || value < sizes[i]))
        i++;
    snprintf(buf, cap, "%" PRIu64 "%s", value / sizes[i],
             value == 0 ? "" : names[i]);
    return buf;
}

const char *conf_duration_text(uint64_t ms, char *buf, size_t cap)
{
    static const char *const names[] = {"d", "h", "m", "s", "ms"};
    static const uint64_t sizes[] = {86400000, 3600000, 60000, 1000, 1};

    return unit_text(ms, names, sizes, 5, buf, cap);
}

const char *conf_size_text(uint64_t octets, char *buf, size_t cap)
{
    static const char *const names[] = {"GiB", "MiB", "KiB", "B"};
    static const uint64_t sizes[] = {UINT64_C(1) << 30, UINT64_C(1) << 20,
                                     UINT64_C(1) << 10, 1};

    return unit_text(octets, names, sizes, 4, buf, cap);
}

/* The next of "a|b|c": its begin, its length, and where to go on; NULL when
 * there is none. */
static const char *next_word(const char **rest, size_t *ret_len)
{
    const char *word = *rest;
    size_t len;

    if (*word == '\0')
        return NULL;
    len = strcspn(word, "|");
    *rest = word + len + (word[len] == '|');
    *ret_len = len;
    return word;
}

int conf_word_index(const char *words, const char *word)
{
    const char *rest = words, *candidate;
    size_t len;
    int i = 0;

    while ((candidate = next_word(&rest, &len)) != NULL) {
        if (strlen(word) == len && memcmp(word, candidate, len) == 0)
            return i;
        i++;
    }
    return -1;
}

const char *conf_word(const char *words, uint64_t index, char *buf, size_t cap)
{
    const char *rest = words, *word;
    size_t len;

    buf[0] = '\0';
    while ((word = next_word(&rest, &len)) != NULL) {
        if (index-- == 0) {
            snprintf(buf, cap, "%.*s", (int)len, word);
            break;
        }
    }
    return buf;
}

/* "a, b or c". */
static void list_words(const char *words, char *buf, size_t cap)
{
    const char *rest = words, *word, *last = NULL;
    size_t len, last_len = 0, at = 0;

    buf[0] = '\0';
    while ((word = next_word(&rest, &len)) != NULL) {
        if (last != NULL && at < cap)
            at += (size_t)snprintf(buf + at, cap - at, "%s%.*s",
                                   at == 0 ? "" : ", ", (int)last_len, last);
        last = word;
        last_len = len;
    }
    if (last != NULL && at < cap)
        snprintf(buf + at, cap - at, "%s%.*s", at == 0 ? "" : " or ",
                 (int)last_len, last);
}

const char *conf_key_expects(const struct conf_key *key, char *buf, size_t cap)
{
    char min[24], max[24];

    switch (key->type) {
    case CONF_BOOL:
        snprintf(buf, cap, "yes or no");
        break;
    case CONF_UINT:
        snprintf(buf, cap, "a number from %" PRIu64 " to %" PRIu64, key->min,
                 key->max);
        break;
    case CONF_DURATION:
        snprintf(buf, cap, "a duration from %s to %s%s",
                 conf_duration_text(key->min, min, sizeof(min)),
                 conf_duration_text(key->max, max, sizeof(max)),
                 (key->flags & CONF_SECONDS) != 0 ? " in whole seconds" : "");
        break;
    case CONF_SIZE:
        snprintf(buf, cap, "a size from %s to %s",
                 conf_size_text(key->min, min, sizeof(min)),
                 conf_size_text(key->max, max, sizeof(max)));
        break;
    case CONF_CHOICE:
        list_words(key->words, buf, cap);
        break;
    case CONF_TEXT:
        snprintf(buf, cap, "a text of at most %" PRIu64 " octets", key->max);
        break;
    case CONF_PATH:
    case CONF_SECRET:
        snprintf(buf, cap, "the path of a file");
        break;
    case CONF_ADDRESS:
        snprintf(buf, cap, "ADDRESS[:PORT], IPv6 in brackets");
        break;
    case CONF_FORWARDERS:
        snprintf(buf, cap, "at most %" PRIu64 " addresses, or any", key->max);
        break;
    case CONF_CIDRS:
        snprintf(buf, cap, "at most %" PRIu64 " networks as ADDRESS/BITS",
                 key->max);
        break;
    case CONF_FILTERS:
        snprintf(buf, cap, "at most %" PRIu64 " topic filters", key->max);
        break;
    case CONF_SUBSCRIPTION:
        snprintf(buf, cap, "a topic filter and a QoS from 0 to 2");
        break;
    case CONF_URLS:
        snprintf(buf, cap, "1 to %" PRIu64 " of SCHEME://HOST[:PORT][/PATH]",
                 key->max);
        break;
    }
    return buf;
}
