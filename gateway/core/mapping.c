/* SPDX-License-Identifier: MIT */
/*
 * What nodes call a topic, and what the broker calls it: the prefix between the
 * two, and the client id in it and in the access lists.
 *
 * The prefix is made of whole levels, and a client id that stands in one holds
 * no '/': so all nodes' prefixes have equally many levels, and no two of them
 * begin the same topic.
 */
#include "policy.h"

#include "mqttsn/topic.h"

static const char placeholder[] = "{client_id}";
#define PLACEHOLDER_LEN (sizeof(placeholder) - 1)

/* Where it stands at or behind 'at'; the length of the text when nowhere. */
static size_t next_placeholder(struct mqttsn_span text, size_t at)
{
    for (; at + PLACEHOLDER_LEN <= text.len; at++) {
        if (memcmp(text.data + at, placeholder, PLACEHOLDER_LEN) == 0)
            return at;
    }
    return text.len;
}

size_t gw_policy_ids_in(struct mqttsn_span text, size_t *ret_first)
{
    size_t at = next_placeholder(text, 0), count = 0;

    *ret_first = at;
    for (; at < text.len; at = next_placeholder(text, at + PLACEHOLDER_LEN))
        count++;
    return count;
}

/* An id that stays within its level, and is one: no separator, no wildcard,
 * nothing for which a broker closes a connection. One that begins with '$'
 * could begin a topic. */
bool gw_policy_id_fits(struct mqttsn_span id)
{
    if (id.len == 0 || id.data[0] == '$' || !mqttsn_text_prudent(id))
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] == '/' || id.data[i] == '+' || id.data[i] == '#')
            return false;
    }
    return true;
}

static struct mqttsn_span id_of(const struct gw_policy *policy, uint32_t client)
{
    return gw_names_span(policy->names, client ? client : policy->client_id);
}

static bool append(char *buf, size_t cap, size_t *len,
                   struct mqttsn_span octets)
{
    if (octets.len > cap - *len)
        return false;
    if (octets.len != 0)
        memcpy(buf + *len, octets.data, octets.len);
    *len += octets.len;
    return true;
}

size_t gw_policy_expand(const struct gw_policy *policy, struct mqttsn_span text,
                        uint32_t client, char *buf, size_t cap)
{
    struct mqttsn_span id = id_of(policy, client);
    size_t at = next_placeholder(text, 0), from = 0, len = 0;

    if (at < text.len && !gw_policy_id_fits(id))
        return 0;
    for (; at < text.len; at = next_placeholder(text, from)) {
        if (!append(buf, cap, &len, mqttsn_span(text.data + from, at - from)) ||
            !append(buf, cap, &len, id))
            return 0;
        from = at + PLACEHOLDER_LEN;
    }
    if (!append(buf, cap, &len, mqttsn_span(text.data + from, text.len - from)))
        return 0;
    return len;
}

size_t gw_policy_len_with(struct mqttsn_span text, struct mqttsn_span id)
{
    size_t first, ids = gw_policy_ids_in(text, &first);

    return text.len - ids * PLACEHOLDER_LEN + ids * id.len;
}

size_t gw_policy_prefix_len(const struct gw_policy *policy,
                            struct mqttsn_span client_id)
{
    struct mqttsn_span prefix =
        gw_names_span(policy->names, policy->topic_prefix);

    if (!policy->prefix_by_id)
        return prefix.len;
    return gw_policy_id_fits(client_id) ? gw_policy_len_with(prefix, client_id)
                                        : GW_NAME_MAX + 1;
}

bool gw_policy_may_connect(const struct gw_policy *policy,
                           struct mqttsn_span client_id)
{
    return gw_policy_prefix_len(policy, client_id) < GW_NAME_MAX;
}

struct mqttsn_span gw_policy_map(const struct gw_policy *policy,
                                 uint32_t client, struct mqttsn_span name,
                                 char *buf)
{
    size_t len;

    if (policy->topic_prefix == 0)
        return name;
    len = gw_policy_expand(policy,
                           gw_names_span(policy->names, policy->topic_prefix),
                           client, buf, GW_NAME_MAX);
    if (len == 0 || !append(buf, GW_NAME_MAX, &len, name))
        len = 0;
    return mqttsn_span(buf, len);
}

bool gw_policy_strip(const struct gw_policy *policy, struct mqttsn_span *topic)
{
    struct mqttsn_span level;

    if (topic->len <= policy->prefix_head ||
        memcmp(topic->data,
               gw_names_span(policy->names, policy->topic_prefix).data,
               policy->prefix_head) != 0)
        return false;
    /* What else is in the prefix the filters hold that match the topic. */
    for (uint32_t i = 0; i < policy->prefix_levels; i++) {
        if (!mqttsn_topic_next_level(topic, &level))
            return false;
    }
    return topic->len != 0;
}
