/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

enum kind {
    TIME,
    U32,
    BOOL,
    UINT,
    REBIND,
    OVERLAPPING,
    MODE,
    POLICY,
    WILL,
    RETAIN,
    U8,
    U64
};

struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define OPTION(name, kind, member)                                             \
    {                                                                          \
        name, kind, offsetof(struct gw_options, member)                        \
    }
#define LIMIT(kind, member)                                                    \
    {                                                                          \
#member, kind, offsetof(struct gw_limits, member)                      \
    }
#define CLIENT(kind, member)                                                   \
    {                                                                          \
#member, kind, offsetof(struct gw_client_settings, member)             \
    }

static const struct setting options[] = {
    OPTION("gateway.id", U8, gw_id),
    OPTION("retry.interval", TIME, retry_interval),
    OPTION("retry.count", UINT, retry_count),
    OPTION("sleep.rebind_on_ping", REBIND, rebind_on_ping),
    OPTION("sleep.sleep_keeps_topics", BOOL, sleep_keeps_topics),
    OPTION("sleep.sleep_buffer_qos0", BOOL, sleep_buffer_qos0),
    OPTION("sleep.strict_sleep", BOOL, strict_sleep),
    OPTION("sleep.awake_max_messages", U32, awake_max_messages),
    OPTION("sleep.awake_max_time", TIME, awake_max_time),
    OPTION("limits.max_client_id", U32, max_client_id),
    OPTION("limits.max_topics_per_client", U32, max_topics_per_client),
    OPTION("limits.client_inflight_max", U32, client_inflight_max),
    OPTION("limits.client_congestion_wait", TIME, client_congestion_wait),
    OPTION("limits.idle_max", TIME, idle_max),
    OPTION("limits.session_expiry", TIME, session_expiry),
    OPTION("limits.stranger_reply_rate", U32, stranger_reply_rate),
    OPTION("limits.source_rate", U32, source_rate),
    OPTION("limits.queue_max_messages", U32, client.queue_max_messages),
    OPTION("limits.queue_max_bytes", U32, client.queue_max_bytes),
    OPTION("limits.queue_max_age", TIME, client.queue_max_age),
    OPTION("limits.drop_policy", POLICY, client.drop_policy),
    OPTION("compat.paho_len_quirk", BOOL, paho_len_quirk),
    OPTION("compat.refuse_keepalive_zero", BOOL, refuse_keepalive_zero),
    OPTION("compat.gwinfo_multicast", BOOL, gwinfo_multicast),
    OPTION("compat.gw_ping", BOOL, gw_ping),
    OPTION("compat.overlapping", OVERLAPPING, overlapping),
    OPTION("upstream.mode", MODE, mode),
    OPTION("upstream.window", U32, window),
    OPTION("upstream.qos2_window", U32, qos2_window),
    OPTION("upstream.retain_settle", TIME, retain_settle),
    OPTION("upstream.upstream_timeout", TIME, upstream_timeout),
    OPTION("upstream.upstream_down_max", TIME, upstream_down_max),
    OPTION("upstream.will_on_shutdown", BOOL, will_on_shutdown),
    OPTION("upstream.max_qos", U8, max_qos),
    OPTION("upstream.retain", RETAIN, broker_retain),
    OPTION("upstream.publish_rate", U32, publish_rate),
    OPTION("upstream.max_topic_bytes", U32, max_topic_bytes),
    OPTION("upstream.max_topic_levels", U32, max_topic_levels),
    OPTION("upstream.max_filters", U32, max_filters),
    OPTION("store.durable", BOOL, durable),
    OPTION("uplink.max_age", TIME, uplink_max_age),
    OPTION("uplink.drop_policy", POLICY, uplink_drop_policy),
    OPTION("uplink.drain_rate", U32, uplink_drain_rate),
    OPTION("uplink.qos0", BOOL, uplink_qos0),
    OPTION("topics.qos_minus1_short", BOOL, qos_minus1_short),
    OPTION("topics.qos_minus1_retain", BOOL, qos_minus1_retain),
    OPTION("access.dollar_topics", BOOL, dollar_topics),
};

static const struct setting limits[] = {
    LIMIT(U32, max_sessions),        LIMIT(U32, max_topics),
    LIMIT(U32, max_subscriptions),   LIMIT(U32, max_exchanges),
    LIMIT(U32, max_queue_entries),   LIMIT(U32, max_predefined),
    LIMIT(U64, queue_total_bytes),   LIMIT(U64, names_total_bytes),
    LIMIT(U32, uplink_max_messages), LIMIT(U64, uplink_max_bytes),
    LIMIT(U64, uplink_total_bytes),  LIMIT(U32, max_connections),
};

static const struct setting rules[] = {
    CLIENT(U32, max_datagram),    CLIENT(U32, queue_max_messages),
    CLIENT(U32, queue_max_bytes), CLIENT(TIME, queue_max_age),
    CLIENT(POLICY, drop_policy),  CLIENT(WILL, will),
    CLIENT(BOOL, no_local),
};

static int choice(const struct statement *at, const char *text,
                  const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    script_error(at, "'%s' is none of the values", text);
}

static void assign(const struct statement *at, const struct setting *setting,
                   void *base, const char *text)
{
    static const char *const rebinds[] = {"same-host", "any", "off"};
    static const char *const overlaps[] = {"probe", "one", "each"};
    static const char *const modes[] = {"aggregating", "transparent"};
    static const char *const policies[] = {"oldest", "newest",
                                           "latest-per-topic"};
    static const char *const wills[] = {"lost", "lost-or-shutdown", "never"};
    static const char *const retains[] = {"forward", "strip", "refuse"};
    char *to = (char *)base + setting->offset;

    switch (setting->kind) {
    case TIME:
        *(mqttsn_ms *)(void *)to = parse_time(at, text);
        break;
    case U64:
        *(uint64_t *)(void *)to = parse_number(at, text);
        break;
    case U32:
        *(uint32_t *)(void *)to = (uint32_t)parse_number(at, text);
        break;
    case UINT:
        *(unsigned *)(void *)to = (unsigned)parse_number(at, text);
        break;
    case U8:
        *(uint8_t *)to = (uint8_t)parse_number(at, text);
        break;
    case BOOL:
        *(bool *)to = parse_number(at, text) != 0;
        break;
    case REBIND:
        *(enum gw_rebind *)(void *)to =
            (enum gw_rebind)choice(at, text, rebinds, 3);
        break;
    case OVERLAPPING:
        *(enum gw_overlapping *)(void *)to =
            (enum gw_overlapping)choice(at, text, overlaps, 3);
        break;
    case MODE:
        *(enum gw_upstream_mode *)(void *)to =
            (enum gw_upstream_mode)choice(at, text, modes, 2);
        break;
    case WILL:
        *(enum gw_will_policy *)(void *)to =
            (enum gw_will_policy)choice(at, text, wills, 3);
        break;
    case POLICY:
        *(enum gw_drop_policy *)(void *)to =
            (enum gw_drop_policy)choice(at, text, policies, 3);
        break;
    case RETAIN:
        *(enum gw_broker_retain *)(void *)to =
            (enum gw_broker_retain)choice(at, text, retains, 3);
        break;
    }
}

/* Sets what 'word' (name=value) names; its index in the table. */
static size_t set(const struct statement *at, const struct word *word,
                  const struct setting *table, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = word_value(word, table[i].name, NULL);

        if (value != NULL) {
            assign(at, &table[i], base, value);
            return i;
        }
    }
    script_error(at, "there is no setting '%s'", word->text);
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void append(const struct statement *at, const char *text,
                   const char *list[GW_ACCESS_FILTERS_MAX], size_t *ret_count)
{
    if (*ret_count == GW_ACCESS_FILTERS_MAX)
        script_error(at, "too many filters");
    list[(*ret_count)++] = text;
}

static void option_line(struct world *world, const struct statement *at)
{
    for (size_t i = 1; i < at->count; i++) {
        const struct word *word = &at->words[i];
        struct gw_options *o = &world->options;
        static const char *publish[GW_ACCESS_FILTERS_MAX],
            *subscribe[GW_ACCESS_FILTERS_MAX];
        const char *value;

        if ((value = word_value(word, "upstream.topic_prefix", NULL)) != NULL) {
            o->topic_prefix = value;
        } else if ((value = word_value(word, "access.publish", NULL)) != NULL) {
            append(at, value, publish, &o->access_publish_count);
            o->access_publish = publish;
        } else if ((value = word_value(word, "access.subscribe", NULL)) !=
                   NULL) {
            append(at, value, subscribe, &o->access_subscribe_count);
            o->access_subscribe = subscribe;
        } else {
            set(at, word, options, COUNT(options), o);
        }
    }
    if (world->engine == NULL)
        return;
    world_trace(world, "new options");
    if (gw_engine_reconfigure(world->engine, &world->options, world->now) !=
        MQTTSN_OK)
        script_error(at, "the engine refuses these options");
    world_pump(world);
}

static void listener_line(struct world *world, const struct statement *at)
{
    struct gw_listener_options l = {.max_datagram = 1024, .discovery = true};
    size_t index = world->options.listener_count;

    if (index == WORLD_LISTENERS)
        script_error(at, "too many listeners");
    for (size_t i = 1; i < at->count; i++) {
        const struct word *word = &at->words[i];
        const char *value;

        if ((value = word_value(word, "max_datagram", NULL)) != NULL) {
            l.max_datagram = (uint32_t)parse_number(at, value);
        } else if ((value = word_value(word, "discovery", NULL)) != NULL) {
            l.discovery = parse_number(at, value) != 0;
        } else if ((value = word_value(word, "advertise_interval", NULL)) !=
                   NULL) {
            l.advertise_interval = parse_time(at, value);
        } else if ((value = word_value(word, "forwarders", NULL)) != NULL) {
            struct gw_cidr *block = &world->forwarders[index];
            struct node node;

            l.forwarders_any = strcmp(value, "any") == 0;
            if (l.forwarders_any)
                continue;
            node = world_node_at(value, 0);
            memcpy(block->ip, node.addr.ip, sizeof(block->ip));
            block->family = node.addr.family;
            block->bits = node.addr.family == 4 ? 32 : 128;
            l.forwarders = block;
            l.forwarder_count = 1;
        } else {
            script_error(at, "a listener has no '%s'", word->text);
        }
    }
    world_listener(world, l);
}

static void predefined_line(struct world *world, const struct statement *at)
{
    const char *client = NULL;
    bool open = false;

    if (at->count == 2 && word_is(&at->words[1], "none")) {
        world->options.predefined_count = 0;
        return;
    }
    if (at->count < 3 || world->options.predefined_count == WORLD_PREDEFINED)
        script_error(at, "predefined ID TOPIC [open] [client=ID]");
    for (size_t i = 3; i < at->count; i++) {
        const char *value = word_value(&at->words[i], "client", NULL);

        if (value != NULL)
            client = value;
        else if (word_is(&at->words[i], "open"))
            open = true;
        else
            script_error(at, "a predefined topic has no '%s'",
                         at->words[i].text);
    }
    world_predefine(world, client,
                    (uint16_t)parse_number(at, at->words[1].text),
                    at->words[2].text, open);
}

/* "FILTER,QOS" */
static void fix(struct world *world, const struct statement *at,
                struct gw_client_rule *rule, const char *text)
{
    static struct gw_fixed_subscription rows[WORLD_RULES][8];
    struct gw_fixed_subscription *row;
    char *comma = strrchr(text, ',');

    if (comma == NULL || rule->subscription_count == 8)
        script_error(at, "subscribe=FILTER,QOS, at most eight");
    rule->subscriptions = rows[rule - world->rules];
    row = &rows[rule - world->rules][rule->subscription_count++];
    *row = (struct gw_fixed_subscription){
        .filter = text, .qos = (uint8_t)parse_number(at, comma + 1)};
    *comma = '\0'; /* the script's own copy */
    rule->fields |= GW_CLIENT_SUBSCRIBE;
}

static void rule_line(struct world *world, const struct statement *at)
{
    struct gw_client_rule *rule;

    if (at->count == 2 && word_is(&at->words[1], "none")) {
        world->options.client_rule_count = 0;
        return;
    }
    if (at->count < 3 || world->options.client_rule_count == WORLD_RULES)
        script_error(at, "rule PATTERN SETTING=VALUE...");
    rule = &world->rules[world->options.client_rule_count++];
    *rule = (struct gw_client_rule){.pattern = at->words[1].text};
    for (size_t i = 2; i < at->count; i++) {
        const char *value = word_value(&at->words[i], "subscribe", NULL);

        if (value != NULL)
            fix(world, at, rule, value);
        else
            rule->fields |= 1u << set(at, &at->words[i], rules, COUNT(rules),
                                      &rule->settings);
    }
}

bool settings_line(struct world *world, const struct statement *at)
{
    const struct word *first = &at->words[0];

    if (word_is(first, "option")) {
        option_line(world, at);
        return true;
    }
    if (!word_is(first, "limit") && !word_is(first, "listener") &&
        !word_is(first, "predefined") && !word_is(first, "rule") &&
        !word_is(first, "offline"))
        return false;
    if (world->engine != NULL && !word_is(first, "predefined") &&
        !word_is(first, "rule"))
        script_error(at, "too late: the engine runs already");
    if (word_is(first, "limit"))
        for (size_t i = 1; i < at->count; i++)
            set(at, &at->words[i], limits, COUNT(limits), &world->limits);
    else if (word_is(first, "listener"))
        listener_line(world, at);
    else if (word_is(first, "predefined"))
        predefined_line(world, at);
    else if (word_is(first, "rule"))
        rule_line(world, at);
    else
        world->start_offline = true;
    return true;
}
