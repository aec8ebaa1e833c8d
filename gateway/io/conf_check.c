/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <string.h>
#include <sys/vfs.h>

#include "conf_identity.h"
#include "disk_store.h"

static const struct conf_place nowhere;

static void store_number(char *at, size_t width, uint64_t number)
{
    uint32_t four = (uint32_t)number;
    uint16_t two = (uint16_t)number;
    uint8_t one = (uint8_t)number;

    if (width == 8)
        memcpy(at, &number, 8);
    else if (width == 4)
        memcpy(at, &four, 4);
    else if (width == 2)
        memcpy(at, &two, 2);
    else
        memcpy(at, &one, 1);
}

/* Writes a value to its member; 'base' is the struct that the key's scope
 * names. */
static void store(char *base, const struct conf_key *key,
                  const struct conf_value *value)
{
    char *at = base + key->offset;

    switch (key->type) {
    case CONF_BOOL:
    case CONF_UINT:
    case CONF_DURATION:
    case CONF_SIZE:
    case CONF_CHOICE:
        store_number(at, key->width, value->number);
        break;
    case CONF_TEXT:
    case CONF_PATH:
        memcpy(at, &value->text, sizeof(value->text));
        break;
    case CONF_ADDRESS:
        memcpy(at, &value->addr, sizeof(value->addr));
        break;
    case CONF_FORWARDERS:
    case CONF_CIDRS:
    case CONF_FILTERS:
    case CONF_URLS:
    case CONF_SECRET:
        memcpy(at, &value->list, sizeof(value->list));
        memcpy(base + key->count, &value->count, sizeof(value->count));
        break;
    case CONF_SUBSCRIPTION: /* filled by hand */
        break;
    }
}

/* What is given for a key, or its default. */
static struct conf_value value_of(struct conf_load *load,
                                  const struct conf_key *key,
                                  const struct conf_section *section)
{
    const struct conf_entry *entry =
        conf_find(load->config->private, key, section);
    const char *preset = conf_profile_value(load->config->private, key);
    struct conf_value value;
    char why[CONF_WHY_MAX];

    if (entry != NULL)
        return entry->value;
    if (!conf_parse(load, key, preset != NULL ? preset : key->value, &value,
                    why))
        conf_error(load, &nowhere, key->name, "bad default: %s", why);
    return value;
}

static void fill_listener(struct conf_load *load, size_t i,
                          const struct conf_section *section)
{
    struct gw_config_private *private = load->config->private;

    private->listeners[i].name = section->name;
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        struct conf_value value;

        if (key->offset == CONF_NOWHERE ||
            (key->scope != CONF_LISTENER &&
             key->scope != CONF_LISTENER_OPTIONS))
            continue;
        value = value_of(load, key, section);
        if (key->scope == CONF_LISTENER)
            store((char *)&private->listeners[i], key, &value);
        else
            store((char *)&private->listener_options[i], key, &value);
        if (key->type == CONF_FORWARDERS)
        private->listener_options[i].forwarders_any = value.any;
    }
    private->listener_options[i].port = private->listeners[i].bind.port;
}

/* Keys that may be given once. */
static void fill_rule(struct conf_load *load, struct gw_client_rule *rule,
                      const struct conf_section *section)
{
    const struct gw_config_private *private = load->config->private;

    rule->pattern = section->name;
    for (size_t i = 0; i < private->entry_count; i++) {
        const struct conf_entry *entry = &private->entries[i];

        if (entry->section != section || entry->key->field == 0)
            continue;
        rule->fields |= entry->key->field;
        if (entry->key->type == CONF_SUBSCRIPTION)
            rule->subscription_count += entry->value.text != NULL;
        else
            store((char *)&rule->settings, entry->key, &entry->value);
    }
}

/* '*total' counts those of all rules. */
static void fill_subscriptions(struct conf_load *load,
                               struct gw_client_rule *rule,
                               const struct conf_section *section,
                               size_t *total)
{
    const struct gw_config_private *private = load->config->private;
    struct gw_fixed_subscription *list =
        conf_alloc(load, rule->subscription_count * sizeof(*list));
    size_t count = 0;

    for (size_t i = 0; i < private->entry_count && list != NULL; i++) {
        const struct conf_entry *entry = &private->entries[i];

        if (entry->section != section ||
            entry->key->type != CONF_SUBSCRIPTION || entry->value.text == NULL)
            continue;
        list[count++] = (struct gw_fixed_subscription){
            entry->value.text, (uint8_t)entry->value.number};
        if (++*total == GW_FIXED_SUBSCRIPTIONS_MAX + 1)
            conf_error(load, &entry->place, "client.subscribe",
                       "expected at most %d in all sections",
                       GW_FIXED_SUBSCRIPTIONS_MAX);
    }
    rule->subscriptions = list;
}

static size_t count_sections(struct conf_load *load, enum conf_scope scope,
                             size_t max)
{
    size_t count = 0;

    for (const struct conf_section *s = load->config->private->sections;
         s != NULL; s = s->next) {
        if (s->scope != scope)
            continue;
        if (++count == max + 1)
            conf_error(load, &s->place, s->name,
                       "expected at most %zu sections of this kind", max);
    }
    return count < max ? count : max;
}

/* Without any listener section there are two. They become sections as if
 * somebody had written them, so that nothing else need know. */
static void add_default_listeners(struct conf_load *load)
{
    struct conf_target ipv4 =
        conf_open_section(load, &nowhere, "listener ipv4");
    struct conf_target ipv6 =
        conf_open_section(load, &nowhere, "listener ipv6");

    conf_set(load, &nowhere, &ipv4, "bind", "0.0.0.0:1883");
    conf_set(load, &nowhere, &ipv6, "bind", "[::]:1883");
}

static void fill_sections(struct conf_load *load)
{
    struct gw_config_private *private = load->config->private;
    struct gw_options *options = &load->config->options;
    size_t listener = 0, rule = 0, fixed = 0;

    options->listener_count =
        count_sections(load, CONF_LISTENER, GW_LISTENERS_MAX);
    if (options->listener_count == 0) {
        add_default_listeners(load);
        options->listener_count = 2;
    }
    options->client_rule_count =
        count_sections(load, CONF_CLIENT, GW_CLIENT_RULES_MAX);
    private->listeners =
        conf_alloc(load, options->listener_count * sizeof(*private->listeners));
    private->listener_options = conf_alloc(
        load, options->listener_count * sizeof(*private->listener_options));
    private->rules =
        conf_alloc(load, options->client_rule_count * sizeof(*private->rules));
    if (load->no_memory)
        return;
    for (const struct conf_section *s = private->sections; s != NULL;
         s = s->next) {
        if (s->scope == CONF_LISTENER && listener < options->listener_count)
            fill_listener(load, listener++, s);
        if (s->scope == CONF_CLIENT && rule < options->client_rule_count) {
            fill_rule(load, &private->rules[rule], s);
            fill_subscriptions(load, &private->rules[rule++], s, &fixed);
        }
    }
    load->config->listeners = private->listeners;
    options->listeners = private->listener_options;
    options->client_rules = private->rules;
}

static uint32_t derived(uint32_t given, uint32_t sessions, uint32_t each)
{
    uint64_t value = (uint64_t)sessions * each;

    if (given != 0)
        return given;
    if (value < 1024)
        return 1024; /* a few nodes may each use all that one may have */
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Twice what a node needs that registers two names and makes one subscription;
 * with max_sessions at its default the sum stays below 64 MiB. */
static void derive_limits(struct gw_limits *l)
{
    l->max_topics = derived(l->max_topics, l->max_sessions, 4);
    l->max_subscriptions = derived(l->max_subscriptions, l->max_sessions, 2);
    l->max_exchanges = derived(l->max_exchanges, l->max_sessions, 2);
    l->max_queue_entries = derived(l->max_queue_entries, l->max_sessions, 10);
    if (l->names_total_bytes == 0)
        l->names_total_bytes = derived(0, l->max_sessions, 1) * UINT64_C(512);
}

/* What waits for the broker: without a durable store only what nodes wait for,
 * which is little. */
static void derive_uplink(struct gw_limits *l, bool durable)
{
    const uint64_t little = UINT64_C(4) << 20;
    uint64_t messages = l->uplink_max_bytes / 512;

    if (!durable)
        l->uplink_max_messages = 0;
    else if (l->uplink_max_messages == 0)
        l->uplink_max_messages = derived(0, (uint32_t)messages, 1);
    if (l->uplink_total_bytes == 0)
        l->uplink_total_bytes = little + (durable ? l->uplink_max_bytes : 0);
}

static void fill_global(struct conf_load *load)
{
    struct gw_config *config = load->config;

    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        struct conf_value value;

        if (key->scope != CONF_GLOBAL)
            continue;
        value = value_of(load, key, NULL);
        if (key->offset != CONF_NOWHERE)
            store((char *)config, key, &value);
    }
    derive_limits(&config->limits);
    derive_uplink(&config->limits, config->store.type != GW_STORE_MEMORY);
    if (config->name == NULL)
        config->name = conf_host_name(load);
    if (config->upstream.client_id == NULL)
        conf_make_client_id(load);
    config->options.upstream_client_id = config->upstream.client_id;
    conf_resolve_mapping(load);
}

/* ---- what only shows with the whole ---- */

static struct conf_place place_of(const struct conf_load *load,
                                  const char *section, const char *name,
                                  const struct conf_section *of)
{
    const struct conf_entry *entry = conf_find(
        load->config->private, conf_key_find(section, name, strlen(name)), of);

    if (entry != NULL)
        return entry->place;
    return of != NULL ? of->place : nowhere;
}

struct conf_place conf_place_of(const struct conf_load *load,
                                const char *section, const char *name)
{
    return place_of(load, section, name, NULL);
}

static bool is_group(const struct gw_addr *addr)
{
    return addr->family == 4 ? (addr->ip[0] & 0xf0) == 0xe0
                             : addr->ip[0] == 0xff;
}

static bool same_socket(const struct gw_config_listener *a,
                        const struct gw_config_listener *b)
{
    return a->bind.port != 0 && gw_addr_equal(&a->bind, &b->bind) &&
           strcmp(a->interface == NULL ? "" : a->interface,
                  b->interface == NULL ? "" : b->interface) == 0;
}

static void check_group(struct conf_load *load,
                        const struct gw_config_listener *listener,
                        const struct conf_place *place, const char *key)
{
    const struct gw_addr *group = &listener->multicast;

    if (!is_group(group) || group->port == 0)
        conf_error(load, place, key,
                   "expected a multicast group and a port, such as "
                   "225.1.1.1:1883 or [ff18::1]:1883");
    else if (group->family != listener->bind.family)
        conf_error(load, place, key,
                   "expected a group of the same family as 'bind', IPv%u",
                   listener->bind.family);
}

static void check_listener(struct conf_load *load, size_t i)
{
    const struct gw_config *config = load->config;
    const struct gw_config_listener *listener = &config->listeners[i];
    const struct conf_section *section =
        conf_section_named(config->private, CONF_LISTENER, listener->name);
    struct conf_place place = place_of(load, "listener", "bind", section);
    char key[CONF_FULL_NAME_MAX];

    snprintf(key, sizeof(key), "listener.%s.bind", listener->name);
    if (is_group(&listener->bind))
        conf_error(load, &place, key,
                   "expected an address of this machine; a group belongs in "
                   "'multicast'");
    for (size_t j = 0; j < i; j++) {
        if (same_socket(listener, &config->listeners[j]))
            conf_error(load, &place, key,
                       "listener '%s' has the same address already",
                       config->listeners[j].name);
    }
    snprintf(key, sizeof(key), "listener.%s.multicast", listener->name);
    place = place_of(load, "listener", "multicast", section);
    if (listener->multicast.family != 0) {
        check_group(load, listener, &place, key);
    } else if (config->options.listeners[i].discovery) {
        snprintf(key, sizeof(key), "listener.%s.discovery", listener->name);
        place = place_of(load, "listener", "discovery", section);
        conf_warn(load, &place, key,
                  "without 'multicast' no ADVERTISE is sent, and only a "
                  "SEARCHGW sent to this very address is answered");
    }
}

/* Whether a directory, or the nearest one above it that is there, is in memory
 * and gone with the machine. */
static bool is_volatile(const char *directory)
{
    enum { TMPFS = 0x01021994, RAMFS = (int)0x858458f6 };
    char path[CONF_LINE_MAX + 1];
    struct statfs fs;

    snprintf(path, sizeof(path), "%s", directory);
    while (statfs(path, &fs) != 0) {
        char *slash = strrchr(path, '/');

        if (slash == NULL)
            return false;
        slash[slash == path] = '\0'; /* "/a" becomes "/" */
        if (slash == path && path[1] == '\0' && statfs(path, &fs) != 0)
            return false;
    }
    return (int)fs.f_type == TMPFS || (int)fs.f_type == RAMFS;
}

static void check_store(struct conf_load *load)
{
    const struct gw_config_store *store = &load->config->store;
    struct conf_place place;

    if (store->type == GW_STORE_MEMORY)
        return;
    if (!gw_disk_available()) {
        place = place_of(load, "store", "type", NULL);
        conf_error(load, &place, "store.type",
                   "expected memory: this build has no SQLite");
    }
    if (store->durability != GW_DURABILITY_FULL)
        return;
    if (store->journal_path != NULL && is_volatile(store->journal_path)) {
        place = place_of(load, "store", "journal_path", NULL);
        conf_error(load, &place, "store.journal_path",
                   "expected a directory on a disk with store.durability = "
                   "full: this one is in memory, and gone with the machine");
    } else if (store->journal_path == NULL && is_volatile(store->path)) {
        place = place_of(load, "store", "path", NULL);
        conf_error(load, &place, "store.path",
                   "expected a file on a disk with store.durability = full: "
                   "this one is in memory, and gone with the machine");
    }
}

/* Keys that only mean something with a durable store. */
static void check_uplink(struct conf_load *load)
{
    const struct gw_config *config = load->config;
    char name[CONF_FULL_NAME_MAX];

    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        const struct conf_entry *entry = conf_find(config->private, key, NULL);

        if (config->store.type != GW_STORE_MEMORY || entry == NULL ||
            strcmp(entry->text, key->value) == 0 ||
            (strcmp(key->section, "uplink") != 0 &&
             strcmp(key->name, "uplink_max_messages") != 0))
            continue;
        snprintf(name, sizeof(name), "%s.%s", key->section, key->name);
        conf_warn(load, &entry->place, name,
                  "means nothing with store.type = memory: no message is "
                  "acknowledged before the broker has it");
    }
    if (config->store.type != GW_STORE_MEMORY &&
        config->limits.uplink_total_bytes < config->limits.uplink_max_bytes) {
        struct conf_place place =
            place_of(load, "limits", "uplink_total_bytes", NULL);

        conf_error(load, &place, "limits.uplink_total_bytes",
                   "expected at least uplink.max_bytes, which is a part of it");
    }
}

static void check_whole(struct conf_load *load)
{
    const struct gw_config *config = load->config;
    const struct gw_config_upstream *upstream = &config->upstream;
    struct conf_place place;

    for (size_t i = 0; i < config->options.listener_count; i++)
        check_listener(load, i);
    check_store(load);
    check_uplink(load);
    conf_check_proxy(load);
    conf_check_profile(load);
    conf_check_tls(load);
    conf_check_nodes(load);
    conf_check_http(load);
    if (upstream->password != NULL && upstream->username == NULL) {
        place = place_of(load, "upstream", "password_file", NULL);
        conf_error(load, &place, "upstream.password_file",
                   "expected upstream.username too: MQTT has no password "
                   "without a user name");
    }
    if (upstream->reconnect_min > upstream->reconnect_max) {
        place = place_of(load, "upstream", "reconnect_min", NULL);
        conf_error(load, &place, "upstream.reconnect_min",
                   "expected at most upstream.reconnect_max");
    }
    if (config->options.client.queue_max_bytes >
        config->limits.queue_total_bytes) {
        place = place_of(load, "limits", "queue_max_bytes", NULL);
        conf_warn(load, &place, "limits.queue_max_bytes",
                  "more than limits.queue_total_bytes, which is reached "
                  "before");
    }
    if (config->options.predefined_count > config->limits.max_predefined) {
        place = place_of(load, "limits", "max_predefined", NULL);
        conf_error(load, &place, "limits.max_predefined",
                   "expected at least %zu, the number of predefined topics",
                   config->options.predefined_count);
    }
}

void conf_resolve(struct conf_load *load)
{
    fill_sections(load);
    fill_global(load);
    conf_resolve_topics(load);
    conf_resolve_clients(load);
    /* Members that an error left at their default would be blamed too. */
    if (load->errors == 0 && !load->no_memory)
        check_whole(load);
}
