/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <ctype.h>
#include <string.h>

#include "mqttsn/topic.h"

#define PREFIX "MQTTSN_"

/* What holds for lines of the file holds for a value from elsewhere, so that
 * --print-config can write it as a line. */
static bool printable(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
        if (*at == ';' && (at == text || at[-1] == ' '))
            return false;
    }
    return strlen(text) < CONF_LINE_MAX / 2 &&
           mqttsn_utf8_valid(mqttsn_span_text(text));
}

static void set_value(struct conf_load *load, const struct conf_place *place,
                      const struct conf_target *target, const char *name,
                      const char *value, const char *shown)
{
    char copy[CONF_LINE_MAX];

    if (!printable(value)) {
        conf_error(load, place, shown,
                   "expected at most 2047 octets of UTF-8 without control "
                   "characters and without a ';' after a blank");
        return;
    }
    snprintf(copy, sizeof(copy), "%s", value);
    conf_set(load, place, target, name, conf_trim(copy));
}

/* ---- --set section.key=value ---- */

static void set_one(struct conf_load *load, const char *text)
{
    static const struct conf_place place = {.origin = CONF_SET};
    const char *equals = strchr(text, '=');
    char name[CONF_FULL_NAME_MAX], head[CONF_FULL_NAME_MAX];
    struct conf_target target;
    const char *key;
    char *dot;

    if (equals == NULL || (size_t)(equals - text) >= sizeof(name)) {
        conf_error(load, &place, "", "expected SECTION.KEY=VALUE, got '%.80s'",
                   text);
        return;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    snprintf(head, sizeof(head), "%s", name);
    dot = strrchr(head, '.');
    if (dot == NULL) {
        conf_error(load, &place, name, "expected SECTION.KEY before '='");
        return;
    }
    *dot = '\0';
    key = name + (dot - head) + 1;
    dot = strchr(head, '.');
    if (dot != NULL)
        *dot = ' ';
    if (strcmp(head, "client") == 0 || strncmp(head, "client ", 7) == 0) {
        conf_error(load, &place, name,
                   "[client PATTERN] can only stand in the file");
        return;
    }
    if (strcmp(head, "listener") == 0) {
        conf_error(load, &place, name, "expected listener.NAME.KEY");
        return;
    }
    target = conf_open_section(load, &place, head);
    set_value(load, &place, &target, key, equals + 1, name);
}

void conf_read_set(struct conf_load *load)
{
    for (size_t i = 0; i < load->sources->set_count; i++)
        set_one(load, load->sources->set[i]);
}

/* ---- environment ---- */

/* Whether 'variable', of 'len' octets, is 'name' as a variable has it: capital
 * letters, '_' for '-'. */
static bool names(const char *variable, size_t len, const char *name)
{
    if (strlen(name) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);

        if (variable[i] != c)
            return false;
    }
    return true;
}

/* The listener of LISTENER_LAN_BIND: one that exists, else a new one called
 * in small letters. */
static struct conf_target open_listener(struct conf_load *load,
                                        const struct conf_place *place,
                                        const char *name, size_t len)
{
    const struct conf_section *s = load->config->private->sections;
    char head[CONF_FULL_NAME_MAX];

    while (s != NULL &&
           !(s->scope == CONF_LISTENER && names(name, len, s->name)))
        s = s->next;
    if (s != NULL) {
        snprintf(head, sizeof(head), "listener %s", s->name);
    } else {
        snprintf(head, sizeof(head), "listener %.*s", (int)len, name);
        for (char *at = head; *at != '\0'; at++)
            *at = (char)tolower((unsigned char)*at);
    }
    return conf_open_section(load, place, head);
}

/* A key's name at the end of 'variable', with '_' before it; a name may hold
 * '_' itself, so the longest that fits counts. */
static const struct conf_key *listener_key(const char *variable, size_t len)
{
    const struct conf_key *best = NULL;

    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        size_t n = strlen(key->name);

        if (strcmp(key->section, "listener") == 0 && n + 1 < len &&
            variable[len - n - 1] == '_' &&
            names(variable + len - n, n, key->name) &&
            (best == NULL || n > strlen(best->name)))
            best = key;
    }
    return best;
}

/* Others may use the prefix too (container links make MQTTSN_GATEWAY_PORT of
 * a service's name), so what is no key is only worth a warning. */
static void set_variable(struct conf_load *load,
                         const struct conf_section_row *row,
                         const char *variable, size_t len, const char *value,
                         const char *shown)
{
    static const struct conf_place place = {.origin = CONF_ENVIRONMENT};
    struct conf_target target = {row, NULL};
    const struct conf_key *key = NULL;

    if (strcmp(row->name, "predefined") == 0) {
        char id[8];

        snprintf(id, sizeof(id), "%.*s", (int)len, variable);
        set_value(load, &place, &target, id, value, shown);
        return;
    }
    if (strcmp(row->name, "listener") == 0) {
        key = listener_key(variable, len);
        if (key != NULL)
            target = open_listener(load, &place, variable,
                                   len - strlen(key->name) - 1);
    } else if (strcmp(row->name, "client") != 0) {
        for (size_t i = 0; i < conf_key_count && key == NULL; i++) {
            if (strcmp(conf_keys[i].section, row->name) == 0 &&
                names(variable, len, conf_keys[i].name))
                key = &conf_keys[i];
        }
    }
    if (key == NULL)
        conf_warn(load, &place, shown, "names no key, passed over");
    else
        set_value(load, &place, &target, key->name, value, shown);
}

void conf_read_environment(struct conf_load *load)
{
    char *const *environment = load->sources->environment;

    for (; environment != NULL && *environment != NULL; environment++) {
        const char *variable = *environment;
        const char *equals = strchr(variable, '=');
        char shown[CONF_FULL_NAME_MAX];

        if (strncmp(variable, PREFIX, strlen(PREFIX)) != 0 || equals == NULL ||
            equals[1] == '\0') /* empty counts as unset */
            continue;
        snprintf(shown, sizeof(shown), "%.*s", (int)(equals - variable),
                 variable);
        variable += strlen(PREFIX);
        for (size_t i = 0; i < conf_section_count; i++) {
            const struct conf_section_row *row = &conf_section_rows[i];
            size_t n = strlen(row->name);

            if ((size_t)(equals - variable) > n + 1 && variable[n] == '_' &&
                names(variable, n, row->name))
                set_variable(load, row, variable + n + 1,
                             (size_t)(equals - variable) - n - 1, equals + 1,
                             shown);
        }
    }
}
