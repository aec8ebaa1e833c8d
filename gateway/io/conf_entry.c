/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <string.h>

const char *conf_full_name(const struct conf_key *key,
                           const struct conf_section *section, char *buf,
                           size_t cap)
{
    if (section != NULL)
        snprintf(buf, cap, "%s.%s.%s", key->section, section->name, key->name);
    else
        snprintf(buf, cap, "%s.%s", key->section, key->name);
    return buf;
}

struct conf_entry *conf_find(const struct gw_config_private *private,
                             const struct conf_key *key,
                             const struct conf_section *section)
{
    for (size_t i = 0; i < private->entry_count; i++) {
        if (private->entries[i].key == key &&
            private->entries[i].section == section)
            return &private->entries[i];
    }
    return NULL;
}

struct conf_section *conf_section_named(const struct gw_config_private *private,
                                        enum conf_scope scope, const char *name)
{
    for (struct conf_section *s = private->sections; s != NULL; s = s->next) {
        if (s->scope == scope && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

static struct conf_section *add_section(struct conf_load *load,
                                        const struct conf_place *place,
                                        enum conf_scope scope, const char *name)
{
    struct conf_section **tail = &load->config->private->sections;
    struct conf_section *section = conf_alloc(load, sizeof(*section));

    if (section == NULL)
        return NULL;
    section->name = conf_dup(load, name, strlen(name));
    section->scope = scope;
    section->place = conf_keep_place(load, place);
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = section;
    return section;
}

/* Names become parts of keys and of environment variables. */
static bool listener_name_valid(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= 32 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_") == len;
}

static bool name_is_right(struct conf_load *load,
                          const struct conf_place *place, const char *row,
                          const char *name)
{
    bool named = strcmp(row, "listener") == 0 || strcmp(row, "client") == 0;

    if (!named && *name != '\0')
        conf_error(load, place, row, "expected [%s] without a name", row);
    else if (strcmp(row, "listener") == 0 && !listener_name_valid(name))
        conf_error(load, place, row,
                   "expected [listener NAME], a name of 1 to 32 letters, "
                   "digits, '-' and '_'");
    else if (strcmp(row, "client") == 0 &&
             (*name == '\0' || strlen(name) > 128))
        conf_error(load, place, row,
                   "expected [client PATTERN], a pattern of at most 128 "
                   "octets");
    else
        return true;
    return false;
}

struct conf_target conf_open_section(struct conf_load *load,
                                     const struct conf_place *place,
                                     const char *head)
{
    size_t word = strcspn(head, " \t");
    const char *name = head + word + strspn(head + word, " \t");
    struct conf_target target = {conf_section_find(head, word), NULL};
    enum conf_scope scope;

    if (target.row == NULL) {
        char text[64];
        const char *nearest;

        snprintf(text, sizeof(text), "%.*s", (int)word, head);
        nearest = conf_section_nearest(text);
        if (nearest != NULL)
            conf_error(load, place, text, "unknown section; did you mean '%s'?",
                       nearest);
        else
            conf_error(load, place, text, "unknown section");
        return target;
    }
    if (!name_is_right(load, place, target.row->name, name)) {
        target.row = NULL;
        return target;
    }
    if (*name == '\0')
        return target;
    scope =
        strcmp(target.row->name, "listener") == 0 ? CONF_LISTENER : CONF_CLIENT;
    target.section = conf_section_named(load->config->private, scope, name);
    if (target.section == NULL)
        target.section = add_section(load, place, scope, name);
    if (target.section == NULL) /* no memory */
        target.row = NULL;
    return target;
}

static void unknown_key(struct conf_load *load, const struct conf_place *place,
                        const struct conf_target *target, const char *name)
{
    const struct conf_key *nearest = conf_key_nearest(target->row->name, name);
    char full[CONF_FULL_NAME_MAX];

    snprintf(full, sizeof(full), "%s%s%s.%.64s", target->row->name,
             target->section != NULL ? "." : "",
             target->section != NULL ? target->section->name : "", name);
    if (nearest == NULL)
        conf_error(load, place, full, "unknown key");
    else if (strcmp(nearest->section, target->row->name) == 0)
        conf_error(load, place, full, "unknown key; did you mean '%s'?",
                   nearest->name);
    else
        conf_error(load, place, full, "unknown key; did you mean '%s' in [%s]?",
                   nearest->name, nearest->section);
}

static bool keep(struct conf_load *load, const struct conf_entry *entry)
{
    struct gw_config_private *private = load->config->private;
    struct conf_entry *entries = conf_grow(
        load, private->entries, private->entry_count, sizeof(*entries));

    if (entries == NULL)
        return false;
    private->entries = entries;
    entries[private->entry_count++] = *entry;
    return true;
}

void conf_set(struct conf_load *load, const struct conf_place *place,
              const struct conf_target *target, const char *name,
              const char *text)
{
    const struct conf_key *key;
    char why[CONF_WHY_MAX], full[CONF_FULL_NAME_MAX];
    struct conf_entry entry, *old;

    if (target->row == NULL) /* reported with its section */
        return;
    if (strcmp(target->row->name, "predefined") == 0) {
        conf_add_topic(load, place, name, text);
        return;
    }
    key = conf_key_find(target->row->name, name, strlen(name));
    if (key == NULL) {
        unknown_key(load, place, target, name);
        return;
    }
    conf_full_name(key, target->section, full, sizeof(full));
    old = conf_find(load->config->private, key, target->section);
    if ((key->flags & CONF_REPEATS) != 0)
        old = NULL;
    if (old != NULL && place->origin == CONF_FILE &&
        old->place.origin == CONF_FILE) {
        conf_error(load, place, full, "given twice; the first is in line %u",
                   old->place.line);
        return;
    }
    entry = (struct conf_entry){.key = key,
                                .section = target->section,
                                .place = conf_keep_place(load, place),
                                .text = conf_dup(load, text, strlen(text))};
    if (!conf_parse(load, key, entry.text, &entry.value, why)) {
        conf_error(load, place, full, "%s", why);
        return;
    }
    if (old != NULL)
        *old = entry;
    else
        keep(load, &entry);
}
