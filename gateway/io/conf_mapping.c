/* SPDX-License-Identifier: MIT */
/*
 * What stands in braces in a prefix or a filter: {gateway} is the same for all
 * and put in here, {client_id} is for the engine to put in, but for what the
 * gateway says itself.
 */
#include "conf_private.h"

#include <string.h>

#include "mqttsn/topic.h"

#define WORD_MAX 64

static const struct conf_place nowhere;

static const char *const in_prefix[] = {"{client_id}", "{gateway}", NULL};
static const char *const in_filter[] = {"{client_id}", NULL};

/* The first '{' that none of the words begins with, or NULL. */
static const char *unknown_word(const char *text, const char *const *words)
{
    for (text = strchr(text, '{'); text != NULL; text = strchr(text + 1, '{')) {
        size_t i = 0;

        while (words[i] != NULL &&
               strncmp(text, words[i], strlen(words[i])) != 0)
            i++;
        if (words[i] == NULL)
            return text;
    }
    return NULL;
}

static bool words_known(struct conf_load *load, const struct conf_place *place,
                        const char *key, const char *text,
                        const char *const *words)
{
    const char *unknown = unknown_word(text, words);
    int len;

    if (unknown == NULL)
        return true;
    len = (int)strcspn(unknown, "}") + 1;
    conf_error(load, place, key, "expected %s%s%s in braces; got '%.*s'",
               words[0], words[1] != NULL ? " or " : "",
               words[1] != NULL ? words[1] : "",
               len < WORD_MAX ? len : WORD_MAX, unknown);
    return false;
}

/* Whether it can be a part of one level of a topic, and only that. */
static bool fits_in_level(const char *text)
{
    return text[0] != '\0' && text[0] != '$' && strpbrk(text, "/+#") == NULL &&
           mqttsn_text_prudent(mqttsn_span_text(text));
}

/* 'text' with 'value' in every place of 'word', in 'buf'; false when it does
 * not fit. */
static bool put_in(const char *text, const char *word, const char *value,
                   char *buf, size_t cap)
{
    size_t len = 0;
    const char *at;

    buf[0] = '\0';
    for (; (at = strstr(text, word)) != NULL; text = at + strlen(word)) {
        len += (size_t)snprintf(buf + len, cap - len, "%.*s%s",
                                (int)(at - text), text, value);
        if (len >= cap)
            return false;
    }
    return len + (size_t)snprintf(buf + len, cap - len, "%s", text) < cap;
}

static unsigned levels_in(const char *text)
{
    unsigned levels = 0;

    for (; *text != '\0'; text++)
        levels += *text == '/';
    return levels;
}

/* What is wrong with a prefix in which all words are known, or NULL. 'made' is
 * as the engine gets it, 'whole' has the gateway's own client id in it too. */
static const char *flaw(const struct gw_config *config, const char *given,
                        const char *made, const char *whole)
{
    if (strstr(given, "{gateway}") != NULL && !fits_in_level(config->name))
        return "expected a gateway.name for {gateway} that can be part of a "
               "topic level: without '/', '+', '#', and '$' at its beginning";
    if (strstr(given, "{client_id}") != NULL &&
        !fits_in_level(config->upstream.client_id))
        return "expected an upstream.client_id that can be part of a topic "
               "level, for it stands for {client_id} in what is no node's";
    if (whole == NULL || strlen(whole) > GW_PREFIX_MAX ||
        levels_in(whole) > GW_PREFIX_LEVELS_MAX)
        return "too long; expected at most 900 octets and 64 levels";
    if (!mqttsn_topic_name_valid(mqttsn_span_text(whole)) ||
        !mqttsn_text_prudent(mqttsn_span_text(whole)))
        return "expected the beginning of a topic name, without '+' and '#'";
    if (strncmp(made, "$share/", 7) == 0 ||
        (made[0] == '$' && !config->options.dollar_topics))
        return "expected no '$' at its beginning; access.dollar_topics = yes "
               "allows it, but for $share";
    return NULL;
}

static void resolve_prefix(struct conf_load *load)
{
    char made[2 * CONF_LINE_MAX], whole[2 * CONF_LINE_MAX];
    struct gw_config *config = load->config;
    const char *given = config->upstream.topic_prefix, *what;
    const struct conf_entry *entry = conf_find(
        config->private, conf_key_find("upstream", "topic_prefix", 12), NULL);
    size_t len;
    bool fits;

    if (given == NULL || entry == NULL ||
        !words_known(load, &entry->place, "upstream.topic_prefix", given,
                     in_prefix))
        return;
    fits = put_in(given, "{gateway}", config->name, made, sizeof(made) - 1);
    len = strlen(made);
    if (len > 0 && made[len - 1] != '/')
        memcpy(made + len, "/", 2);
    fits = fits && put_in(made, "{client_id}", config->upstream.client_id,
                          whole, sizeof(whole));
    what = flaw(config, given, made, fits ? whole : NULL);
    if (what != NULL)
        conf_error(load, &entry->place, "upstream.topic_prefix", "%s", what);
    else
        config->options.topic_prefix = conf_dup(load, made, strlen(made));
}

static void judge_access(struct conf_load *load, const char *name)
{
    const struct conf_entry *entry =
        conf_find(load->config->private,
                  conf_key_find("access", name, strlen(name)), NULL);
    char key[CONF_FULL_NAME_MAX];

    if (entry == NULL)
        return;
    words_known(load, &entry->place,
                conf_full_name(entry->key, NULL, key, sizeof(key)), entry->text,
                in_filter);
}

/* Topics of the gateway's own: all words are known here. */
static void resolve_status(struct conf_load *load)
{
    char named[2 * CONF_LINE_MAX], made[2 * CONF_LINE_MAX];
    struct gw_config *config = load->config;
    const char *given = config->status.prefix ? config->status.prefix : "";
    const struct conf_entry *entry =
        conf_find(config->private, conf_key_find("status", "prefix", 6), NULL);
    struct conf_place place = entry != NULL ? entry->place : nowhere;
    size_t len;

    if (!config->status.enabled ||
        !words_known(load, &place, "status.prefix", given, in_prefix))
        return;
    if (!put_in(given, "{gateway}", config->name, named, sizeof(named)) ||
        !put_in(named, "{client_id}", config->upstream.client_id, made,
                sizeof(made)))
        made[0] = '\0';
    len = strlen(made);
    if (len > 0 && made[len - 1] == '/')
        made[--len] = '\0';
    if (len > GW_PREFIX_MAX || levels_in(made) >= GW_PREFIX_LEVELS_MAX ||
        strncmp(made, "$share/", 7) == 0 ||
        !mqttsn_topic_name_valid(mqttsn_span_text(made)) ||
        !mqttsn_text_prudent(mqttsn_span_text(made)))
        conf_error(load, &place, "status.prefix",
                   "expected the beginning of a topic name, without '+' and "
                   "'#', of at most 900 octets and 64 levels");
    else
        config->status.topic = conf_dup(load, made, len);
}

/* The subscriptions of [client]. */
static void judge_fixed(struct conf_load *load)
{
    const struct gw_config_private *private = load->config->private;
    char key[CONF_FULL_NAME_MAX];

    for (size_t i = 0; i < private->entry_count; i++) {
        const struct conf_entry *entry = &private->entries[i];

        if (entry->key->type == CONF_SUBSCRIPTION)
            words_known(
                load, &entry->place,
                conf_full_name(entry->key, entry->section, key, sizeof(key)),
                entry->text, in_filter);
    }
}

void conf_resolve_mapping(struct conf_load *load)
{
    judge_fixed(load);
    resolve_prefix(load);
    resolve_status(load);
    judge_access(load, "publish");
    judge_access(load, "subscribe");
}
