/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf_private.h"

/* One piece of memory of a configuration. */
struct conf_block {
    struct conf_block *next;
    size_t secret; /* octets to overwrite at the end */
    max_align_t data[];
};

void *conf_alloc(struct conf_load *load, size_t size)
{
    struct gw_config_private *private = load->config->private;
    struct conf_block *block = calloc(1, sizeof(*block) + size);

    if (block == NULL) {
        load->no_memory = true;
        return NULL;
    }
    block->next = private->blocks;
    private->blocks = block;
    return block->data;
}

void *conf_alloc_secret(struct conf_load *load, size_t size)
{
    void *data = conf_alloc(load, size);

    if (data != NULL)
        load->config->private->blocks->secret = size;
    return data;
}

const char *conf_dup(struct conf_load *load, const char *text, size_t len)
{
    char *copy = conf_alloc(load, len + 1);

    if (copy == NULL)
        return "";
    memcpy(copy, text, len);
    return copy;
}

void *conf_grow(struct conf_load *load, void *array, size_t count, size_t size)
{
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    void *grown;

    if (!full)
        return array;
    grown = realloc(array, (count == 0 ? 8 : 2 * count) * size);
    if (grown == NULL)
        load->no_memory = true;
    return grown;
}

struct conf_place conf_keep_place(struct conf_load *load,
                                  const struct conf_place *place)
{
    struct gw_config_private *private = load->config->private;
    struct conf_place kept = *place;

    if (place->file == NULL)
        return kept;
    if (private->last_file == NULL ||
        strcmp(private->last_file, place->file) != 0)
    private->last_file = conf_dup(load, place->file, strlen(place->file));
    kept.file = private->last_file;
    return kept;
}

static void report(struct conf_load *load, bool warning,
                   const struct conf_place *place, const char *key,
                   const char *text)
{
    static const char *const names[] = {
        [CONF_DEFAULT] = "",
        [CONF_FILE] = "",
        [CONF_ENVIRONMENT] = "environment",
        [CONF_SET] = "--set",
    };
    struct gw_config_problem problem = {
        .warning = warning,
        .file = place->file != NULL ? place->file : names[place->origin],
        .line = place->line,
        .key = key,
        .text = text,
    };

    if (load->report != NULL)
        load->report(load->user, &problem);
}

void conf_error(struct conf_load *load, const struct conf_place *place,
                const char *key, const char *format, ...)
{
    char text[2 * CONF_WHY_MAX];
    va_list args;

    /* What could not be copied is not the writer's mistake. */
    if (load->no_memory || load->errors++ >= GW_CONFIG_PROBLEMS_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    report(load, false, place, key, text);
}

void conf_warn(struct conf_load *load, const struct conf_place *place,
               const char *key, const char *format, ...)
{
    char text[2 * CONF_WHY_MAX];
    va_list args;

    if (load->merging) /* said when the new sources were read */
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    report(load, true, place, key, text);
}

const char *gw_config_problem_text(const struct gw_config_problem *problem,
                                   char *buf, size_t cap)
{
    char line[16] = "";

    if (problem->line != 0)
        snprintf(line, sizeof(line), ":%u", problem->line);
    snprintf(buf, cap, "%s%s%s%s%s%s", problem->file, line,
             problem->file[0] != '\0' ? ": " : "", problem->key,
             problem->key[0] != '\0' ? ": " : "", problem->text);
    return buf;
}

static struct gw_config *config_new(void)
{
    struct gw_config *config = calloc(1, sizeof(*config));

    if (config == NULL)
        return NULL;
    config->private = calloc(1, sizeof(*config->private));
    if (config->private == NULL) {
        free(config);
        return NULL;
    }
    return config;
}

void gw_config_free(struct gw_config *config)
{
    struct gw_config_private *private;

    if (config == NULL)
        return;
    private = config->private;
    while (private->blocks != NULL) {
        struct conf_block *block = private->blocks;

        private->blocks = block->next;
        explicit_bzero(block->data, block->secret);
        free(block);
    }
    free(private->entries);
    free(private->topics);
    free(private);
    free(config);
}

/* The end of a load: all, or nothing and the reasons. */
static enum mqttsn_status finish(struct conf_load *load, struct gw_config **ret)
{
    static const struct conf_place nowhere;

    if (!load->no_memory && load->errors == 0) {
        *ret = load->config;
        return MQTTSN_OK;
    }
    if (load->errors > GW_CONFIG_PROBLEMS_MAX) {
        char text[64];

        snprintf(text, sizeof(text), "%u more errors",
                 load->errors - GW_CONFIG_PROBLEMS_MAX);
        report(load, false, &nowhere, "", text);
    }
    gw_config_free(load->config);
    return load->no_memory ? MQTTSN_ENOSPACE : MQTTSN_EINVAL;
}

static enum mqttsn_status load_sources(const struct gw_config *running,
                                       const struct gw_config_sources *sources,
                                       gw_config_report *report_, void *user,
                                       struct gw_config **ret)
{
    struct conf_load load = {.config = config_new(),
                             .sources = sources,
                             .running = running,
                             .report = report_,
                             .user = user};

    if (load.config == NULL)
        return MQTTSN_ENOSPACE;
    conf_read_file(&load);
    conf_read_environment(&load);
    conf_read_set(&load);
    conf_resolve(&load);
    return finish(&load, ret);
}

enum mqttsn_status gw_config_load(const struct gw_config_sources *sources,
                                  gw_config_report *report_, void *user,
                                  struct gw_config **ret)
{
    return load_sources(NULL, sources, report_, user, ret);
}

/* ---- what a reload may not change ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool same_bytes(const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* The base that a key's offset counts from, for a listener or globally. */
static const char *base_of(const struct gw_config *config,
                           const struct conf_key *key, size_t listener)
{
    if (key->scope == CONF_LISTENER)
        return (const char *)&config->listeners[listener];
    if (key->scope == CONF_LISTENER_OPTIONS)
        return (const char *)&config->options.listeners[listener];
    return (const char *)config;
}

static bool same_brokers(const struct gw_config_upstream *a,
                         const struct gw_config_upstream *b)
{
    if (a->broker_count != b->broker_count)
        return false;
    for (size_t i = 0; i < a->broker_count; i++) {
        if (strcmp(a->brokers[i].uri, b->brokers[i].uri) != 0)
            return false;
    }
    return true;
}

static bool same_value(const struct gw_config *a, size_t a_listener,
                       const struct gw_config *b, size_t b_listener,
                       const struct conf_key *key)
{
    const char *a_at, *b_at, *a_text, *b_text;

    if (key->offset == CONF_NOWHERE)
        return true;
    if (key->type == CONF_SECRET) {
        struct conf_secret one = conf_secret_of(a, key);
        struct conf_secret other = conf_secret_of(b, key);

        return same_bytes(one.octets, one.len, other.octets, other.len);
    }
    if (key->type == CONF_URLS)
        return same_brokers(&a->upstream, &b->upstream);
    a_at = base_of(a, key, a_listener) + key->offset;
    b_at = base_of(b, key, b_listener) + key->offset;
    if (key->type != CONF_TEXT && key->type != CONF_PATH)
        return memcmp(a_at, b_at, key->width) == 0;
    memcpy(&a_text, a_at, sizeof(a_text));
    memcpy(&b_text, b_at, sizeof(b_text));
    return same_text(a_text, b_text);
}

static size_t listener_index(const struct gw_config *config, const char *name)
{
    size_t i = 0;

    while (i < config->options.listener_count &&
           strcmp(config->listeners[i].name, name) != 0)
        i++;
    return i;
}

struct changes {
    void (*changed)(void *user, const char *key,
                    const struct conf_place *place);
    void *user;
    size_t count;
};

static void change(struct changes *c, const char *key,
                   const struct conf_place *place)
{
    static const struct conf_place nowhere;

    c->count++;
    if (c->changed != NULL)
        c->changed(c->user, key, place != NULL ? place : &nowhere);
}

/* NULL: it has its default, or follows from another key. */
static const struct conf_place *place_of(const struct gw_config *config,
                                         const struct conf_key *key,
                                         const struct conf_section *section)
{
    const struct conf_entry *entry = conf_find(config->private, key, section);

    return entry != NULL ? &entry->place : NULL;
}

static void compare_listener(struct changes *c, const struct gw_config *before,
                             size_t i, const struct gw_config *after, size_t j)
{
    const struct conf_section *section = conf_section_named(
        after->private, CONF_LISTENER, after->listeners[j].name);
    char name[CONF_FULL_NAME_MAX];

    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];

        if ((key->scope == CONF_LISTENER ||
             key->scope == CONF_LISTENER_OPTIONS) &&
            (key->flags & CONF_RELOADS) == 0 &&
            !same_value(before, i, after, j, key))
            change(c, conf_full_name(key, section, name, sizeof(name)),
                   place_of(after, key, section));
    }
}

/* Listeners that only one of the two has; those of both are compared once,
 * where 'after' is the new configuration. */
static void compare_listeners(struct changes *c, const struct gw_config *before,
                              const struct gw_config *after, bool both)
{
    for (size_t i = 0; i < before->options.listener_count; i++) {
        const char *name = before->listeners[i].name;
        size_t j = listener_index(after, name);
        char text[CONF_FULL_NAME_MAX];

        snprintf(text, sizeof(text), "listener.%s", name);
        if (j == after->options.listener_count) {
            const struct conf_section *added =
                both ? NULL
                     : conf_section_named(before->private, CONF_LISTENER, name);

            change(c, text, added != NULL ? &added->place : NULL);
        } else if (both) {
            compare_listener(c, before, i, after, j);
        }
    }
}

size_t gw_config_changes(const struct gw_config *before,
                         const struct gw_config *after,
                         void (*changed)(void *user, const char *key,
                                         const struct conf_place *place),
                         void *user)
{
    struct changes c = {changed, user, 0};
    char name[CONF_FULL_NAME_MAX];

    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];

        if (key->scope == CONF_GLOBAL && (key->flags & CONF_RELOADS) == 0 &&
            !same_value(before, 0, after, 0, key))
            change(&c, conf_full_name(key, NULL, name, sizeof(name)),
                   place_of(after, key, NULL));
    }
    compare_listeners(&c, before, after, true);
    compare_listeners(&c, after, before, false);
    return c.count;
}

static void warn_of_restart(void *user, const char *key,
                            const struct conf_place *place)
{
    conf_warn(user, place, key, "the new value needs a restart");
}

/* Takes over what 'from' gives for keys that do reload, or that do not. */
static void take_over(struct conf_load *load, const struct gw_config *from,
                      bool reloading)
{
    const struct gw_config_private *source = from->private;

    for (size_t i = 0; i < source->entry_count; i++) {
        const struct conf_entry *entry = &source->entries[i];
        struct conf_target target = {
            conf_section_find(entry->key->section, strlen(entry->key->section)),
            NULL};

        if (((entry->key->flags & CONF_RELOADS) != 0) != reloading)
            continue;
        if (entry->section != NULL) {
            target.section =
                conf_section_named(load->config->private, entry->section->scope,
                                   entry->section->name);
            if (target.section == NULL) /* a listener of the new file only */
                continue;
        }
        conf_set(load, &entry->place, &target, entry->key->name, entry->text);
    }
}

static void take_over_sections(struct conf_load *load,
                               const struct gw_config *from,
                               enum conf_scope scope)
{
    for (const struct conf_section *s = from->private->sections; s != NULL;
         s = s->next) {
        char head[CONF_FULL_NAME_MAX];

        if (s->scope != scope)
            continue;
        snprintf(head, sizeof(head), "%s %s",
                 scope == CONF_LISTENER ? "listener" : "client", s->name);
        conf_open_section(load, &s->place, head);
    }
}

static void take_over_topics(struct conf_load *load,
                             const struct gw_config *from)
{
    const struct gw_config_private *source = from->private;

    for (size_t i = 0; i < source->topic_count; i++) {
        const struct conf_topic *topic = &source->topics[i];
        char id[8], text[CONF_LINE_MAX];

        if (topic->from_csv)
            continue;
        snprintf(id, sizeof(id), "%u", topic->row.topic_id);
        snprintf(text, sizeof(text), "%s%s", topic->row.topic,
                 topic->row.open ? ", open" : "");
        conf_add_topic(load, &topic->place, id, text);
    }
}

enum mqttsn_status gw_config_reload(const struct gw_config *running,
                                    const struct gw_config_sources *sources,
                                    gw_config_report *report_, void *user,
                                    struct gw_config **ret)
{
    struct conf_load load = {.sources = sources,
                             .running = running,
                             .report = report_,
                             .user = user};
    struct gw_config *fresh = NULL;
    enum mqttsn_status status =
        load_sources(running, sources, report_, user, &fresh);

    if (status != MQTTSN_OK)
        return status;
    (void)gw_config_changes(running, fresh, warn_of_restart, &load);
    /* Also without a change: listeners stay in the order that they have. */
    load.config = config_new();
    if (load.config == NULL) {
        gw_config_free(fresh);
        return MQTTSN_ENOSPACE;
    }
    load.merging = true;
    take_over_sections(&load, running, CONF_LISTENER);
    take_over_sections(&load, fresh, CONF_CLIENT);
    take_over(&load, running, false);
    take_over(&load, fresh, true);
    take_over_topics(&load, fresh);
    conf_resolve(&load);
    gw_config_free(fresh);
    return finish(&load, ret);
}
