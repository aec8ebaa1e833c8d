/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t variable_number(struct variables *variables,
                         const struct statement *at, const char *text,
                         const uint64_t *seen)
{
    if (strcmp(text, "_") == 0) {
        if (seen == NULL)
            script_error(at, "'_' can only be expected");
        return *seen;
    }
    if (text[0] != '$')
        return parse_number(at, text);
    for (size_t i = 0; i < variables->count; i++)
        if (strcmp(variables->rows[i].name, text) == 0)
            return variables->rows[i].value;
    if (seen == NULL)
        script_error(at, "'%s' has no value yet", text);
    if (variables->count == VARIABLES_MAX ||
        strlen(text) >= sizeof(variables->rows[0].name))
        script_error(at, "too many names, or '%s' is too long", text);
    snprintf(variables->rows[variables->count].name,
             sizeof(variables->rows[0].name), "%s", text);
    variables->rows[variables->count++].value = *seen;
    return *seen;
}

static void set_tail(const struct statement *at, struct sn_frame *f,
                     const char *text, size_t len)
{
    if (strncmp(text, "fill:", 5) == 0) {
        f->tail_len = (size_t)parse_number(at, text + 5);
        if (f->tail_len > sizeof(f->tail))
            script_error(at, "more than %zu octets", sizeof(f->tail));
        memset(f->tail, 'x', f->tail_len);
        return;
    }
    if (len > sizeof(f->tail))
        script_error(at, "more than %zu octets", sizeof(f->tail));
    f->tail_len = len;
    memcpy(f->tail, text, len);
}

static uint16_t number16(struct variables *variables,
                         const struct statement *at, const char *text,
                         const uint16_t *seen)
{
    uint64_t wide = seen == NULL ? 0 : *seen, value;

    value = variable_number(variables, at, text, seen == NULL ? NULL : &wide);
    if (value > 0xffff)
        script_error(at, "'%s' does not fit 16 bits", text);
    return (uint16_t)value;
}

static bool is_filter(const struct sn_frame *f)
{
    return f->type == SN_SUBSCRIBE || f->type == SN_UNSUBSCRIBE;
}

/* topic= of a message with a topic id. */
static void set_topic(struct variables *variables, const struct statement *at,
                      struct sn_frame *f, const struct sn_frame *seen,
                      const char *text)
{
    uint8_t bits = SN_NORMAL;

    if (f->type == SN_WILLTOPIC || f->type == SN_WILLTOPICUPD) {
        set_tail(at, f, text, strlen(text));
        return;
    }
    if (strncmp(text, "predefined:", 11) == 0) {
        bits = SN_PREDEFINED;
        f->topic = number16(variables, at, text + 11,
                            seen == NULL ? NULL : &seen->topic);
    } else if (strncmp(text, "short:", 6) == 0) {
        bits = SN_SHORT;
        if (strlen(text) != 8)
            script_error(at, "a short name has two octets");
        f->topic = (uint16_t)((uint8_t)text[6] * 256 + (uint8_t)text[7]);
    } else {
        f->topic =
            number16(variables, at, text, seen == NULL ? NULL : &seen->topic);
    }
    if (f->type == SN_PUBLISH || is_filter(f))
        f->flags |= bits;
    if (is_filter(f)) {
        f->tail_len = 2;
        f->tail[0] = (uint8_t)(f->topic / 256);
        f->tail[1] = (uint8_t)(f->topic % 256);
    }
}

static bool set_bit(const struct statement *at, const struct word *word,
                    const struct sn_frame *seen, struct sn_frame *f)
{
    static const struct {
        const char *key;
        uint8_t bit;
    } bits[] = {{"dup", SN_DUP},
                {"retain", SN_RETAIN},
                {"will", SN_WILL},
                {"clean", SN_CLEAN}};
    const char *value;

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if ((value = word_value(word, bits[i].key, NULL)) != NULL) {
            if (seen != NULL && strcmp(value, "_") == 0)
                f->flags |= seen->flags & bits[i].bit;
            else if (parse_number(at, value) != 0)
                f->flags |= bits[i].bit;
            return true;
        }
    if ((value = word_value(word, "qos", NULL)) != NULL) {
        if (seen != NULL && strcmp(value, "_") == 0)
            f->flags |= seen->flags & SN_QOS_BITS;
        else
            f->flags |= strcmp(value, "-1") == 0
                            ? SN_QOS_MINUS1
                            : (uint8_t)(parse_number(at, value) << 5);
        return true;
    }
    if ((value = word_value(word, "type", NULL)) != NULL) {
        f->flags = (uint8_t)((f->flags & ~SN_TYPE_BITS) |
                             (parse_number(at, value) & SN_TYPE_BITS));
        return true;
    }
    if ((value = word_value(word, "flags", NULL)) != NULL) {
        f->flags = (uint8_t)parse_number(at, value);
        return true;
    }
    return false;
}

static bool set_code(const struct statement *at, const struct word *word,
                     const struct sn_frame *seen, struct sn_frame *f)
{
    static const char *const codes[] = {"accepted", "congestion",
                                        "invalid-topic-id", "not-supported"};
    const char *value;

    for (uint8_t i = 0; i < 4; i++)
        if (word_is(word, codes[i])) {
            f->code = i;
            return true;
        }
    if ((value = word_value(word, "code", NULL)) == NULL)
        return false;
    f->code = seen != NULL && strcmp(value, "_") == 0
                  ? seen->code
                  : (uint8_t)parse_number(at, value);
    return true;
}

static bool set_rest(const struct statement *at, const struct word *word,
                     struct sn_frame *f)
{
    static const char *const tails[] = {"id", "name"};
    const char *value;
    size_t len;

    for (size_t i = 0; i < 2; i++)
        if ((value = word_value(word, tails[i], &len)) != NULL) {
            set_tail(at, f, value, len);
            return true;
        }
    if (word->quoted)
        set_tail(at, f, word->text, word->len);
    else if ((value = word_value(word, "data", NULL)) != NULL)
        memset(f->tail, 'x', f->tail_len = parse_number(at, value));
    else if ((value = word_value(word, "add", NULL)) != NULL)
        f->tail_len = parse_hex(at, value, f->tail, sizeof(f->tail));
    else if ((value = word_value(word, "gw", NULL)) != NULL)
        f->gw_id = (uint8_t)parse_number(at, value);
    else if ((value = word_value(word, "radius", NULL)) != NULL)
        f->radius = (uint8_t)parse_number(at, value);
    else if ((value = word_value(word, "protocol", NULL)) != NULL)
        f->protocol = (uint8_t)parse_number(at, value);
    else if (word_is(word, "empty"))
        f->bare = true;
    else if (word_is(word, "long"))
        f->long_form = true;
    else
        return false;
    return true;
}

static struct octets raw(const struct statement *at, size_t first)
{
    struct octets o = {0};

    for (size_t i = first; i < at->count; i++)
        o.len += parse_hex(at, at->words[i].text, o.data + o.len,
                           sizeof(o.data) - o.len);
    return o;
}

struct octets message_of(struct variables *variables,
                         const struct statement *at, size_t first,
                         const struct sn_frame *seen)
{
    static struct sn_frame f;
    const char *value;
    int type;

    if (first >= at->count)
        script_error(at, "a message is missing");
    if (word_is(&at->words[first], "hex"))
        return raw(at, first + 1);
    type = sn_type_of(at->words[first].text);
    if (type < 0)
        script_error(at, "'%s' is no message", at->words[first].text);
    f = (struct sn_frame){.type = (uint8_t)type, .protocol = 1};
    f.bare = type == SN_DISCONNECT;
    for (size_t i = first + 1; i < at->count; i++) {
        const struct word *word = &at->words[i];

        if ((value = word_value(word, "duration", NULL)) != NULL) {
            f.bare = false;
            f.duration = number16(variables, at, value,
                                  seen == NULL ? NULL : &seen->duration);
        } else if ((value = word_value(word, "msg", NULL)) != NULL) {
            f.msg = number16(variables, at, value,
                             seen == NULL ? NULL : &seen->msg);
        } else if ((value = word_value(word, "topic", NULL)) != NULL) {
            set_topic(variables, at, &f, seen, value);
        } else if (!set_bit(at, word, seen, &f) &&
                   !set_code(at, word, seen, &f) && !set_rest(at, word, &f)) {
            script_error(at, "a %s has no '%s'", sn_type_name((unsigned)type),
                         word->text);
        }
    }
    return sn_pack(&f);
}
