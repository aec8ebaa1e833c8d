/* SPDX-License-Identifier: MIT */
#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mqttsn/status.h"
#include "mqttsn/text.h"
#include "mqttsn/topic.h"

/* What is being read. */
struct cursor {
    const struct args_option *table;
    size_t count;
    char *const *next; /* the argument after the current one; NULL ends */
    char option[36];   /* the current one, as it is to be named */
    char *error;
};

/* An argument, fit to be quoted in one line. */
struct quoted {
    char text[64];
};

static struct quoted quote(const char *text)
{
    struct quoted quoted = {.text = ""};
    size_t len = strlen(text);

    mqttsn_escape(mqttsn_span(text, len), quoted.text, sizeof(quoted.text));
    return quoted;
}

MQTTSN_PRINTF(2, 3)
static enum mqttsn_status wrong(const struct cursor *at, const char *format,
                                ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(at->error, ARGS_ERROR_MAX, format, list);
    va_end(list);
    return MQTTSN_EINVAL;
}

/* ---- values ------------------------------------------------------------- */

static enum mqttsn_status read_number(const struct cursor *at,
                                      const struct args_option *option,
                                      const char *value, long *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' ||
        *ret_number < option->min || *ret_number > option->max)
        return wrong(at, "%s wants a whole number from %ld to %ld, not '%s'",
                     at->option, option->min, option->max, quote(value).text);
    return MQTTSN_OK;
}

static enum mqttsn_status read_seconds(const struct cursor *at,
                                       const struct args_option *option,
                                       const char *value, mqttsn_ms *ret_ms)
{
    char *end;
    double seconds = strtod(value, &end);

    /* Written so that a NaN is wrong too. */
    if (end == value || *end != '\0' ||
        !(seconds >= (double)option->min && seconds <= (double)option->max))
        return wrong(at, "%s wants seconds from %ld to %ld, not '%s'",
                     at->option, option->min, option->max, quote(value).text);
    *ret_ms = (mqttsn_ms)(seconds * 1000 + 0.5);
    return MQTTSN_OK;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum mqttsn_status read_hex(const struct cursor *at, const char *value,
                                   struct args_octets *ret_octets)
{
    size_t len = strlen(value);

    if (len == 0 || len % 2 != 0 || len / 2 > ARGS_OCTETS_MAX)
        goto wrong_value;
    for (size_t i = 0; i < len; i += 2) {
        int high = digit(value[i]), low = digit(value[i + 1]);

        if (high < 0 || low < 0)
            goto wrong_value;
        ret_octets->octets[i / 2] = (uint8_t)(high << 4 | low);
    }
    ret_octets->len = len / 2;
    return MQTTSN_OK;

wrong_value:
    return wrong(at, "%s wants 1 to %d octets as hexadecimal digits, not '%s'",
                 at->option, ARGS_OCTETS_MAX, quote(value).text);
}

static enum mqttsn_status read_topic(const struct cursor *at,
                                     const struct args_option *option,
                                     const char *value,
                                     struct args_topics *topics)
{
    struct mqttsn_topic topic = mqttsn_topic_named(value);
    long id;

    if (option->kind == ARGS_ID) {
        enum mqttsn_status status = read_number(at, option, value, &id);

        if (status != MQTTSN_OK)
            return status;
        topic = mqttsn_topic_predefined((uint16_t)id);
    } else if (option->kind == ARGS_SHORT) {
        if (!mqttsn_short_topic_valid(mqttsn_span_text(value)))
            return wrong(at, "%s wants a name of two octets, not '%s'",
                         at->option, quote(value).text);
        topic = mqttsn_topic_short(value);
    }
    if (topics->count == ARGS_TOPICS_MAX)
        return wrong(at, "more than %d topics", ARGS_TOPICS_MAX);
    topics->topics[topics->count++] = topic;
    return MQTTSN_OK;
}

static enum mqttsn_status take(const struct cursor *at,
                               const struct args_option *option,
                               const char *value)
{
    switch (option->kind) {
    case ARGS_FLAG:
        *(bool *)option->into = true;
        return MQTTSN_OK;
    case ARGS_TEXT:
        *(const char **)option->into = value;
        return MQTTSN_OK;
    case ARGS_NUMBER:
        return read_number(at, option, value, option->into);
    case ARGS_SECONDS:
        return read_seconds(at, option, value, option->into);
    case ARGS_HEX:
        return read_hex(at, value, option->into);
    case ARGS_NAME:
    case ARGS_ID:
    case ARGS_SHORT:
        return read_topic(at, option, value, option->into);
    }
    return MQTTSN_EINVAL;
}

/* ---- options ------------------------------------------------------------ */

/* The value of an option: what is joined to it, or the next argument. */
static enum mqttsn_status take_value(struct cursor *at,
                                     const struct args_option *option,
                                     const char *joined)
{
    if (joined == NULL && *at->next == NULL)
        return wrong(at, "%s wants a value", at->option);
    if (joined == NULL)
        joined = *at->next++;
    return take(at, option, joined);
}

static enum mqttsn_status read_word(struct cursor *at, const char *argument)
{
    const char *word = argument + 2;
    size_t len = strcspn(word, "=");

    for (size_t i = 0; i < at->count; i++) {
        const struct args_option *option = &at->table[i];

        if (option->word == NULL || strlen(option->word) != len ||
            memcmp(option->word, word, len) != 0)
            continue;
        snprintf(at->option, sizeof(at->option), "--%s", option->word);
        if (option->kind != ARGS_FLAG)
            return take_value(at, option,
                              word[len] == '=' ? word + len + 1 : NULL);
        if (word[len] == '=')
            return wrong(at, "%s takes no value", at->option);
        return take(at, option, NULL);
    }
    return wrong(at, "unknown option '%s' (see --help)", quote(argument).text);
}

static enum mqttsn_status read_letters(struct cursor *at, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct args_option *option = NULL;
        enum mqttsn_status status;

        for (size_t i = 0; i < at->count; i++)
            if (at->table[i].letter == *letters)
                option = &at->table[i];
        snprintf(at->option, sizeof(at->option), "-%c", *letters);
        if (option == NULL)
            return wrong(at, "unknown option '%s' (see --help)",
                         quote(at->option).text);
        if (option->kind != ARGS_FLAG)
            return take_value(at, option,
                              letters[1] != '\0' ? letters + 1 : NULL);
        status = take(at, option, NULL);
        if (status != MQTTSN_OK)
            return status;
    }
    return MQTTSN_OK;
}

enum mqttsn_status args_parse(const struct args_option *table, size_t count,
                              int argc, char *const argv[],
                              char ret_error[ARGS_ERROR_MAX])
{
    struct cursor at = {.table = table,
                        .count = count,
                        .next = argc > 0 ? argv + 1 : argv,
                        .error = ret_error};
    enum mqttsn_status status = MQTTSN_OK;

    while (status == MQTTSN_OK && *at.next != NULL) {
        const char *argument = *at.next++;

        if (argument[0] != '-' || argument[1] == '\0')
            status = wrong(&at, "unexpected argument '%s' (see --help)",
                           quote(argument).text);
        else if (argument[1] == '-')
            status = read_word(&at, argument);
        else
            status = read_letters(&at, argument + 1);
    }
    return status;
}
