/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include "core/engine.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

/* Columns up to the comment that says where a value comes from. */
#define VALUE_COLUMNS 48

static uint64_t load_number(const char *at, size_t width)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;

    if (width == 8) {
        memcpy(&eight, at, 8);
        return eight;
    }
    if (width == 4) {
        memcpy(&four, at, 4);
        return four;
    }
    if (width == 2) {
        memcpy(&two, at, 2);
        return two;
    }
    return *(const uint8_t *)at;
}

/* What was given stands for what cannot be told from the struct. */
static const char *value_text(const char *base, const struct conf_key *key,
                              const struct conf_entry *entry, char *buf,
                              size_t cap)
{
    const char *text = entry != NULL ? entry->text : key->value;
    uint64_t number;

    if (key->offset == CONF_NOWHERE)
        return text;
    switch (key->type) {
    case CONF_BOOL:
        return load_number(base + key->offset, key->width) != 0 ? "yes" : "no";
    case CONF_UINT:
        number = load_number(base + key->offset, key->width);
        snprintf(buf, cap, "%" PRIu64, number);
        return buf;
    case CONF_DURATION:
        number = load_number(base + key->offset, key->width);
        return conf_duration_text(number, buf, cap);
    case CONF_SIZE:
        number = load_number(base + key->offset, key->width);
        return conf_size_text(number, buf, cap);
    case CONF_CHOICE:
        number = load_number(base + key->offset, key->width);
        return conf_word(key->words, number, buf, cap);
    case CONF_TEXT:
        memcpy(&text, base + key->offset, sizeof(text));
        return text == NULL ? "" : text;
    case CONF_PATH:
    case CONF_SECRET:
    case CONF_ADDRESS:
    case CONF_FORWARDERS:
    case CONF_CIDRS:
    case CONF_FILTERS:
    case CONF_SUBSCRIPTION:
    case CONF_URLS:
        break;
    }
    return text;
}

static const char *origin_text(const struct conf_place *place, char *buf,
                               size_t cap)
{
    switch (place->origin) {
    case CONF_DEFAULT:
        return "default";
    case CONF_FILE:
        snprintf(buf, cap, "line %u", place->line);
        return buf;
    case CONF_ENVIRONMENT:
        return "environment";
    case CONF_SET:
        return "--set";
    }
    return "";
}

static void print_value(FILE *out, const char *name, const char *value,
                        const char *origin)
{
    int width = fprintf(out, "%s = %s", name, value);

    fprintf(out, "%*s ; %s\n",
            width < VALUE_COLUMNS ? VALUE_COLUMNS - width : 0, "", origin);
}

static void print_line(FILE *out, const char *name, const char *value,
                       const struct conf_place *place)
{
    static const struct conf_place nowhere;
    char origin[24];

    print_value(
        out, name, value,
        origin_text(place != NULL ? place : &nowhere, origin, sizeof(origin)));
}

static void print_key(FILE *out, const char *base, const struct conf_key *key,
                      const struct conf_entry *entry)
{
    char buf[64];

    print_line(out, key->name, value_text(base, key, entry, buf, sizeof(buf)),
               entry != NULL ? &entry->place : NULL);
}

static void print_listener(const struct gw_config *config, size_t i, FILE *out)
{
    const struct conf_section *section = conf_section_named(
        config->private, CONF_LISTENER, config->listeners[i].name);

    fprintf(out, "\n[listener %s]\n", section->name);
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        const struct conf_entry *entry =
            conf_find(config->private, key, section);

        if (key->scope == CONF_LISTENER)
            print_key(out, (const char *)&config->listeners[i], key, entry);
        else if (key->scope == CONF_LISTENER_OPTIONS)
            print_key(out, (const char *)&config->options.listeners[i], key,
                      entry);
    }
}

static void print_client(const struct gw_config *config,
                         const struct conf_section *section, FILE *out)
{
    fprintf(out, "\n[client %s]\n", section->name);
    for (size_t i = 0; i < config->private->entry_count; i++) {
        const struct conf_entry *entry = &config->private->entries[i];

        if (entry->section == section)
            print_line(out, entry->key->name, entry->text, &entry->place);
    }
}

static void print_topics(const struct gw_config *config, FILE *out)
{
    const struct gw_config_private *private = config->private;

    for (size_t i = 0; i < private->topic_count; i++) {
        const struct conf_topic *topic = &private->topics[i];
        char id[8], value[CONF_LINE_MAX + 8];

        if (topic->from_csv || topic->replaced)
            continue;
        snprintf(id, sizeof(id), "%u", topic->row.topic_id);
        snprintf(value, sizeof(value), "%s%s", topic->row.topic,
                 topic->row.open ? ", open" : "");
        print_line(out, id, value, &topic->place);
    }
}

static void print_global_key(const struct gw_config *config,
                             const struct conf_key *key, FILE *out)
{
    const struct conf_entry *entry = conf_find(config->private, key, NULL);
    char buf[64];

    if (entry == NULL && conf_profile_value(config->private, key) != NULL)
        print_value(
            out, key->name,
            value_text((const char *)config, key, NULL, buf, sizeof(buf)),
            "upstream.profile");
    else
        print_key(out, (const char *)config, key, entry);
}

static void print_global(const struct gw_config *config, const char *section,
                         FILE *out)
{
    fprintf(out, "\n[%s]\n", section);
    if (strcmp(section, "predefined") == 0)
        print_topics(config, out);
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];

        if (strcmp(key->section, section) == 0)
            print_global_key(config, key, out);
    }
}

void gw_config_print(const struct gw_config *config, FILE *out)
{
    fputs("# The configuration in force. Secrets stand in files of their own,\n"
          "# which only the keys that end in _file name.\n",
          out);
    for (size_t s = 0; s < conf_section_count; s++) {
        const char *name = conf_section_rows[s].name;

        if (strcmp(name, "listener") == 0) {
            for (size_t i = 0; i < config->options.listener_count; i++)
                print_listener(config, i, out);
        } else if (strcmp(name, "client") == 0) {
            for (const struct conf_section *c = config->private->sections;
                 c != NULL; c = c->next) {
                if (c->scope == CONF_CLIENT)
                    print_client(config, c, out);
            }
        } else {
            print_global(config, name, out);
        }
    }
}

static void print_address(const char *what, const struct gw_addr *addr,
                          FILE *out)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, text,
              sizeof(text));
    fprintf(out, addr->family == 4 ? "%s%s:%u" : "%s[%s]:%u", what, text,
            addr->port);
}

/* In the words of the configuration, not in those of the library. */
static void print_broker(const struct gw_config_broker *broker, size_t index,
                         FILE *out)
{
    bool v6 = strchr(broker->host, ':') != NULL;

    fprintf(out, "%s %s://%s%s%s:%u", index == 0 ? "" : ",", broker->scheme,
            v6 ? "[" : "", broker->host, v6 ? "]" : "", (unsigned)broker->port);
}

void gw_config_print_summary(const struct gw_config *config, FILE *out)
{
    const struct gw_limits *limits = &config->limits;
    char size[24];

    for (size_t i = 0; i < config->options.listener_count; i++) {
        const struct gw_config_listener *listener = &config->listeners[i];

        fprintf(out, "listener %s: ", listener->name);
        print_address("", &listener->bind, out);
        if (listener->multicast.family != 0)
            print_address(", group ", &listener->multicast, out);
        fputc('\n', out);
    }
    fprintf(out, "broker:");
    for (size_t i = 0; i < config->upstream.broker_count; i++)
        print_broker(&config->upstream.brokers[i], i, out);
    fprintf(out, "\nclient id at the broker: %s\n", config->upstream.client_id);
    fprintf(out,
            "limits: %" PRIu32 " sessions, %" PRIu32 " topics, %" PRIu32
            " subscriptions, %" PRIu32 " exchanges, %" PRIu32
            " queue entries, %" PRIu32 " predefined topics",
            limits->max_sessions, limits->max_topics, limits->max_subscriptions,
            limits->max_exchanges, limits->max_queue_entries,
            limits->max_predefined);
    fprintf(out, ", %s of names",
            conf_size_text(limits->names_total_bytes, size, sizeof(size)));
    fprintf(out, ", %s of messages for nodes",
            conf_size_text(limits->queue_total_bytes, size, sizeof(size)));
    fprintf(out, ", %s for the broker",
            conf_size_text(limits->uplink_total_bytes, size, sizeof(size)));
    if (limits->uplink_max_messages != 0)
        fprintf(out,
                ", of these %" PRIu32 " messages and %s acknowledged and kept",
                limits->uplink_max_messages,
                conf_size_text(limits->uplink_max_bytes, size, sizeof(size)));
    fputc('\n', out);
    fprintf(out, "memory: nodes can make the gateway use at most %.1f MiB\n",
            (double)gw_engine_size(limits) / (1 << 20));
}
