/* SPDX-License-Identifier: MIT */
/* Who may do what: the questions to a policy that change nothing in it. */
#include "policy.h"

#include "filters.h"

#include "mqttsn/topic.h"

bool gw_policy_own_connections(const struct gw_policy *policy)
{
    return policy->options.mode == GW_MODE_TRANSPARENT;
}

void gw_policy_client(const struct gw_policy *policy,
                      struct mqttsn_span client_id,
                      struct gw_client_settings *ret_settings)
{
    unsigned missing = GW_CLIENT_MAX_DATAGRAM | GW_CLIENT_QUEUE_MAX_MESSAGES |
                       GW_CLIENT_QUEUE_MAX_BYTES | GW_CLIENT_QUEUE_MAX_AGE |
                       GW_CLIENT_DROP_POLICY | GW_CLIENT_WILL |
                       GW_CLIENT_NO_LOCAL | GW_CLIENT_TRACE;

    *ret_settings = policy->options.client;
    for (size_t i = 0; missing != 0 && i < policy->options.client_rule_count;
         i++) {
        const struct gw_client_rule *rule = &policy->rules[i];
        unsigned fields = rule->fields & missing;

        if (fields == 0 ||
            !gw_glob_matches(
                gw_names_span(policy->names, policy->rule_patterns[i]),
                client_id))
            continue;
        if (fields & GW_CLIENT_MAX_DATAGRAM)
            ret_settings->max_datagram = rule->settings.max_datagram;
        if (fields & GW_CLIENT_QUEUE_MAX_MESSAGES)
            ret_settings->queue_max_messages =
                rule->settings.queue_max_messages;
        if (fields & GW_CLIENT_QUEUE_MAX_BYTES)
            ret_settings->queue_max_bytes = rule->settings.queue_max_bytes;
        if (fields & GW_CLIENT_QUEUE_MAX_AGE)
            ret_settings->queue_max_age = rule->settings.queue_max_age;
        if (fields & GW_CLIENT_DROP_POLICY)
            ret_settings->drop_policy = rule->settings.drop_policy;
        if (fields & GW_CLIENT_WILL)
            ret_settings->will = rule->settings.will;
        if (fields & GW_CLIENT_NO_LOCAL)
            ret_settings->no_local = rule->settings.no_local;
        if (fields & GW_CLIENT_TRACE)
            ret_settings->trace = rule->settings.trace;
        missing &= ~fields;
    }
}

size_t gw_policy_fixed(const struct gw_policy *policy,
                       struct mqttsn_span client_id,
                       const struct gw_fixed_row **ret_rows)
{
    const struct gw_fixed_rows *fixed = &policy->fixed;

    for (size_t i = 0;
         fixed->count != 0 && i < policy->options.client_rule_count; i++) {
        *ret_rows = &fixed->row[fixed->first[i]];
        if ((policy->rules[i].fields & GW_CLIENT_SUBSCRIBE) &&
            gw_glob_matches(
                gw_names_span(policy->names, policy->rule_patterns[i]),
                client_id))
            return fixed->first[i + 1] - fixed->first[i];
    }
    return 0;
}

/* ---- topics and filters ------------------------------------------------ */

static bool begins_with(struct mqttsn_span text, const char *start)
{
    size_t len = strlen(start);

    return text.len >= len && memcmp(text.data, start, len) == 0;
}

static bool is_level(struct mqttsn_span level, char wildcard)
{
    return level.len == 1 && level.data[0] == (uint8_t)wildcard;
}

/* Nothing that makes a broker close the connection it comes by (T13). */
static bool harmless(const struct gw_policy *policy, uint32_t client,
                     struct mqttsn_span topic)
{
    const struct gw_options *o = &policy->options;
    size_t levels = 1 + policy->prefix_levels;
    size_t prefix = 0;

    if (policy->topic_prefix != 0)
        prefix = gw_policy_prefix_len(
            policy,
            gw_names_span(policy->names, client ? client : policy->client_id));
    if (topic.len == 0 || topic.len > GW_NAME_MAX ||
        topic.len + prefix > GW_NAME_MAX)
        return false;
    for (size_t i = 0; i < topic.len; i++)
        levels += topic.data[i] == '/';
    if (o->max_topic_bytes != 0 && topic.len + prefix > o->max_topic_bytes)
        return false;
    if (o->max_topic_levels != 0 && levels > o->max_topic_levels)
        return false;
    return levels <= GW_FILTER_LEVELS_MAX && mqttsn_text_prudent(topic);
}

static bool dollar_allowed(const struct gw_policy *policy,
                           struct mqttsn_span topic)
{
    return policy->options.dollar_topics || !begins_with(topic, "$");
}

/* Filter 'i' of a list as it is for this client; empty when it is none. */
static struct mqttsn_span listed(const struct gw_policy *policy,
                                 const uint32_t *names, uint64_t by_id,
                                 size_t i, uint32_t client, char *buf)
{
    struct mqttsn_span text = gw_names_span(policy->names, names[i]);

    if (!(by_id >> i & 1))
        return text;
    return mqttsn_span(
        buf, gw_policy_expand(policy, text, client, buf, GW_NAME_MAX));
}

bool gw_policy_may_publish(const struct gw_policy *policy, uint32_t client,
                           struct mqttsn_span name)
{
    char buf[GW_NAME_MAX];

    if (!harmless(policy, client, name) || !dollar_allowed(policy, name) ||
        !mqttsn_topic_name_valid(name))
        return false;
    for (size_t i = 0; i < policy->options.access_publish_count; i++) {
        struct mqttsn_span filter =
            listed(policy, policy->access_publish, policy->publish_by_id, i,
                   client, buf);

        if (filter.len != 0 && mqttsn_filter_matches(filter, name))
            return true;
    }
    return policy->options.access_publish_count == 0;
}

/* Whether 'allowed' matches every name that 'asked' matches. */
static bool covers(struct mqttsn_span allowed, struct mqttsn_span asked)
{
    struct mqttsn_span l = allowed, a = asked;
    struct mqttsn_span l_level, a_level;

    if (begins_with(asked, "$") &&
        (begins_with(allowed, "+") || begins_with(allowed, "#")))
        return false;
    /* Every name has a first level. */
    if (is_level(asked, '#') && allowed.len == 3 && begins_with(allowed, "+/#"))
        return true;
    while (mqttsn_topic_next_level(&l, &l_level)) {
        if (is_level(l_level, '#'))
            return true; /* also of the parent, when 'asked' ends there */
        if (!mqttsn_topic_next_level(&a, &a_level) || is_level(a_level, '#'))
            return false;
        if (!is_level(l_level, '+') && !mqttsn_span_equal(l_level, a_level))
            return false;
    }
    return a.data == NULL;
}

bool gw_policy_filter_sound(const struct gw_policy *policy, uint32_t client,
                            struct mqttsn_span filter)
{
    /* A shared subscription: its messages come under names it does not match,
     * and a malformed one costs everybody the connection to the broker. */
    return harmless(policy, client, filter) && mqttsn_filter_valid(filter) &&
           !begins_with(filter, "$share/");
}

bool gw_policy_may_subscribe(const struct gw_policy *policy, uint32_t client,
                             struct mqttsn_span filter)
{
    char buf[GW_NAME_MAX];

    if (!gw_policy_filter_sound(policy, client, filter) ||
        !dollar_allowed(policy, filter))
        return false;
    for (size_t i = 0; i < policy->options.access_subscribe_count; i++) {
        struct mqttsn_span allowed =
            listed(policy, policy->access_subscribe, policy->subscribe_by_id, i,
                   client, buf);

        if (allowed.len != 0 && covers(allowed, filter))
            return true;
    }
    return policy->options.access_subscribe_count == 0;
}

/* ---- addresses --------------------------------------------------------- */

static bool any_contains(const struct gw_cidr *blocks, size_t count,
                         const struct gw_addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (gw_cidr_contains(&blocks[i], addr))
            return true;
    }
    return false;
}

bool gw_policy_qos_minus1_source(const struct gw_policy *policy,
                                 const struct gw_addr *addr)
{
    return any_contains(policy->options.qos_minus1_from,
                        policy->options.qos_minus1_from_count, addr);
}

bool gw_policy_forwarder(const struct gw_policy *policy, uint16_t listener,
                         const struct gw_addr *addr)
{
    const struct gw_listener_options *l;

    if (listener >= policy->options.listener_count)
        return false;
    l = &policy->listeners[listener];
    return l->forwarders_any ||
           any_contains(l->forwarders, l->forwarder_count, addr);
}
