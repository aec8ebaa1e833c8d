/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "predefined.h"

#include <stdlib.h>

#include "mqttsn/topic.h"

/* What is in force when no listener is configured: the UDP port of MQTT-SN. */
static const struct gw_listener_options sole_listener = {.port = 1883,
                                                         .max_datagram = 1024};

uint64_t gw_policy_size(uint32_t max_predefined)
{
    uint64_t rows =
        ((uint64_t)max_predefined + 1) * sizeof(struct gw_predefined_row);

    if (max_predefined > UINT32_MAX / 2)
        return UINT64_MAX;
    return 2 * (rows + gw_table_size(2 * max_predefined));
}

enum mqttsn_status gw_policy_init(struct gw_policy *policy,
                                  struct gw_names *names,
                                  uint32_t max_predefined,
                                  const uint8_t seed[16])
{
    memset(policy, 0, sizeof(*policy));
    if (gw_policy_size(max_predefined) > SIZE_MAX)
        return MQTTSN_ENOSPACE;
    policy->names = names;
    policy->max_predefined = max_predefined;
    memcpy(policy->seed, seed, sizeof(policy->seed));
    for (size_t i = 0; i < 2; i++) {
        struct gw_predefined_set *set = &policy->sets[i];

        set->rows = malloc(((size_t)max_predefined + 1) * sizeof(*set->rows));
        if (set->rows == NULL ||
            gw_table_init(&set->by_id, 2 * max_predefined) != MQTTSN_OK)
            goto fail;
    }
    return MQTTSN_OK;

fail:
    gw_policy_fini(policy);
    return MQTTSN_ENOSPACE;
}

static void release_names(struct gw_policy *policy)
{
    for (size_t i = 0; i < policy->options.access_publish_count; i++)
        gw_names_unref(policy->names, policy->access_publish[i]);
    for (size_t i = 0; i < policy->options.access_subscribe_count; i++)
        gw_names_unref(policy->names, policy->access_subscribe[i]);
    for (size_t i = 0; i < policy->options.client_rule_count; i++)
        gw_names_unref(policy->names, policy->rule_patterns[i]);
    for (size_t i = 0; i < policy->fixed.count; i++)
        gw_names_unref(policy->names, policy->fixed.row[i].filter);
    gw_names_unref(policy->names, policy->client_id);
    gw_names_unref(policy->names, policy->topic_prefix);
    policy->client_id = policy->topic_prefix = 0;
}

void gw_policy_fini(struct gw_policy *policy)
{
    if (policy->names != NULL)
        release_names(policy);
    for (size_t i = 0; i < 2; i++) {
        struct gw_predefined_set *set = &policy->sets[i];

        if (set->count != 0)
            gw_predefined_empty(policy, set);
        free(set->rows);
        gw_table_fini(&set->by_id);
    }
    memset(policy, 0, sizeof(*policy));
}

/* ---- what is checked before anything changes --------------------------- */

static bool in_range(uint64_t value, uint64_t min, uint64_t max)
{
    return min <= value && value <= max;
}

static bool cidrs_valid(const struct gw_cidr *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(blocks[i].family == 4 && blocks[i].bits <= 32) &&
            !(blocks[i].family == 6 && blocks[i].bits <= 128))
            return false;
    }
    return true;
}

static bool listeners_valid(const struct gw_options *o)
{
    for (size_t i = 0; i < o->listener_count; i++) {
        const struct gw_listener_options *l = &o->listeners[i];

        if (!in_range(l->max_datagram, 1, 65535) ||
            l->advertise_interval > MQTTSN_NEVER / 4 ||
            !cidrs_valid(l->forwarders, l->forwarder_count))
            return false;
    }
    return true;
}

static bool rules_valid(const struct gw_options *o)
{
    for (size_t i = 0; i < o->client_rule_count; i++) {
        const struct gw_client_rule *rule = &o->client_rules[i];

        if (!in_range(rule->settings.drop_policy, GW_DROP_OLDEST,
                      GW_DROP_LATEST_PER_TOPIC) ||
            !in_range(rule->settings.will, GW_WILL_LOST, GW_WILL_NEVER))
            return false;
        for (size_t k = 0; k < rule->subscription_count; k++) {
            if (rule->subscriptions[k].qos > 2)
                return false;
        }
    }
    return true;
}

/* No sum of a time and a duration may leave 64 bits. */
static bool durations_valid(const struct gw_options *o)
{
    const mqttsn_ms most = MQTTSN_NEVER / 4;

    return in_range(o->retry_interval, 1, most) &&
           in_range(o->idle_max, 1, most) &&
           in_range(o->session_expiry, 1, most) && o->awake_max_time <= most &&
           o->client_congestion_wait <= most && o->retain_settle <= most &&
           o->upstream_timeout <= most && o->upstream_down_max <= most &&
           o->client.queue_max_age <= most && o->uplink_max_age <= most;
}

static uint32_t levels_in(const char *prefix)
{
    uint32_t levels = 0;

    for (; *prefix != '\0'; prefix++)
        levels += *prefix == '/';
    return levels;
}

/* Whole levels, so that no client id can reach into the levels behind it. */
static bool prefix_valid(const char *prefix, const char *own_id)
{
    struct mqttsn_span text = mqttsn_span_text(prefix);
    struct mqttsn_span id = mqttsn_span_text(own_id != NULL ? own_id : "");
    size_t first, ids = gw_policy_ids_in(text, &first);

    return text.len != 0 && gw_policy_len_with(text, id) <= GW_PREFIX_MAX &&
           (ids == 0 || gw_policy_id_fits(id)) &&
           text.data[text.len - 1] == '/' &&
           levels_in(prefix) <= GW_PREFIX_LEVELS_MAX &&
           strncmp(prefix, "$share/", 7) != 0 && mqttsn_text_prudent(text) &&
           mqttsn_topic_name_valid(text);
}

static bool values_valid(const struct gw_options *o)
{
    return o->gw_id != 0 && durations_valid(o) && listeners_valid(o) &&
           rules_valid(o) &&
           (o->topic_prefix == NULL ||
            prefix_valid(o->topic_prefix, o->upstream_client_id)) &&
           cidrs_valid(o->qos_minus1_from, o->qos_minus1_from_count) &&
           in_range(o->max_client_id, 1, GW_NAMES_LONGEST) &&
           in_range(o->max_topics_per_client, 0, 65534) &&
           o->client_inflight_max != 0 && o->window != 0 &&
           o->qos2_window != 0 &&
           in_range(o->rebind_on_ping, GW_REBIND_SAME_HOST, GW_REBIND_OFF) &&
           in_range(o->mode, GW_MODE_AGGREGATING, GW_MODE_TRANSPARENT) &&
           in_range(o->overlapping, GW_OVERLAPPING_PROBE,
                    GW_OVERLAPPING_EACH) &&
           in_range(o->client.drop_policy, GW_DROP_OLDEST,
                    GW_DROP_LATEST_PER_TOPIC) &&
           in_range(o->uplink_drop_policy, GW_DROP_OLDEST, GW_DROP_NEWEST) &&
           in_range(o->uplink_drain_rate, 0, 1000000) &&
           in_range(o->max_qos, 1, 2) &&
           in_range(o->publish_rate, 0, 1000000) &&
           in_range(o->broker_retain, GW_RETAIN_FORWARD, GW_RETAIN_REFUSE);
}

static bool lists_fit(const struct gw_policy *policy,
                      const struct gw_options *o)
{
    size_t fixed = 0;

    for (size_t i = 0; i < o->listener_count && i < GW_LISTENERS_MAX; i++) {
        if (o->listeners[i].forwarder_count > GW_FORWARDERS_MAX)
            return false;
    }
    for (size_t i = 0; i < o->client_rule_count && i < GW_CLIENT_RULES_MAX; i++)
        fixed += o->client_rules[i].subscription_count;
    return o->listener_count <= GW_LISTENERS_MAX &&
           o->qos_minus1_from_count <= GW_CIDRS_MAX &&
           o->access_publish_count <= GW_ACCESS_FILTERS_MAX &&
           o->access_subscribe_count <= GW_ACCESS_FILTERS_MAX &&
           o->client_rule_count <= GW_CLIENT_RULES_MAX &&
           fixed <= GW_FIXED_SUBSCRIPTIONS_MAX &&
           o->predefined_count <= policy->max_predefined;
}

/* ---- the new policy, beside the one in force --------------------------- */

struct draft {
    uint32_t access_publish[GW_ACCESS_FILTERS_MAX];
    uint32_t access_subscribe[GW_ACCESS_FILTERS_MAX];
    uint32_t rule_patterns[GW_CLIENT_RULES_MAX];
    struct gw_fixed_rows fixed;
    uint64_t publish_by_id, subscribe_by_id;
    uint32_t client_id, topic_prefix;
};

static enum mqttsn_status take_name(struct gw_policy *policy, const char *text,
                                    uint32_t *ret_name)
{
    if (text == NULL || !in_range(strlen(text), 1, GW_NAMES_LONGEST))
        return MQTTSN_EINVAL;
    *ret_name = gw_names_intern(policy->names, mqttsn_span_text(text));
    return *ret_name != 0 ? MQTTSN_OK : MQTTSN_ENOSPACE;
}

static enum mqttsn_status take_filters(struct gw_policy *policy,
                                       const char *const *filters, size_t count,
                                       uint32_t *names, uint64_t *ret_by_id)
{
    enum mqttsn_status status = MQTTSN_OK;

    for (size_t i = 0; status == MQTTSN_OK && i < count; i++) {
        size_t first;

        status = take_name(policy, filters[i], &names[i]);
        if (status != MQTTSN_OK)
            break;
        if (!mqttsn_filter_valid(mqttsn_span_text(filters[i])))
            return MQTTSN_EINVAL;
        if (gw_policy_ids_in(mqttsn_span_text(filters[i]), &first) != 0)
            *ret_by_id |= UINT64_C(1) << i;
    }
    return status;
}

static enum mqttsn_status take_row(struct gw_policy *policy,
                                   struct gw_predefined_set *set,
                                   const struct gw_predefined *from)
{
    struct gw_predefined_row row = {.id = from->topic_id, .open = from->open};
    enum mqttsn_status status;

    if (!in_range(row.id, 1, 65534) || from->topic == NULL ||
        strlen(from->topic) > GW_NAME_MAX ||
        !mqttsn_topic_name_valid(mqttsn_span_text(from->topic)))
        return MQTTSN_EINVAL;
    status = take_name(policy, from->topic, &row.topic);
    if (status == MQTTSN_OK && from->client_id != NULL)
        status = take_name(policy, from->client_id, &row.client);
    if (status == MQTTSN_OK && gw_predefined_add(policy, set, &row))
        return MQTTSN_OK;
    gw_names_unref(policy->names, row.topic);
    gw_names_unref(policy->names, row.client);
    return status == MQTTSN_OK ? MQTTSN_EINVAL : status; /* two rows for one */
}

static enum mqttsn_status take_rule(struct gw_policy *policy,
                                    const struct gw_client_rule *rule,
                                    size_t index, struct draft *draft)
{
    struct gw_fixed_rows *fixed = &draft->fixed;
    enum mqttsn_status status =
        take_name(policy, rule->pattern, &draft->rule_patterns[index]);

    fixed->first[index] = fixed->count;
    for (size_t i = 0; status == MQTTSN_OK && i < rule->subscription_count;
         i++) {
        const struct gw_fixed_subscription *s = &rule->subscriptions[i];
        struct gw_fixed_row *row = &fixed->row[fixed->count];

        status = take_name(policy, s->filter, &row->filter);
        if (status != MQTTSN_OK)
            break;
        row->qos = s->qos;
        fixed->count++;
        if (!mqttsn_filter_valid(mqttsn_span_text(s->filter)))
            return MQTTSN_EINVAL;
    }
    fixed->first[index + 1] = fixed->count;
    return status;
}

static enum mqttsn_status build(struct gw_policy *policy,
                                const struct gw_options *o, struct draft *draft,
                                struct gw_predefined_set *set)
{
    enum mqttsn_status status =
        take_filters(policy, o->access_publish, o->access_publish_count,
                     draft->access_publish, &draft->publish_by_id);

    if (status == MQTTSN_OK)
        status =
            take_filters(policy, o->access_subscribe, o->access_subscribe_count,
                         draft->access_subscribe, &draft->subscribe_by_id);
    for (size_t i = 0; status == MQTTSN_OK && i < o->client_rule_count; i++)
        status = take_rule(policy, &o->client_rules[i], i, draft);
    if (status == MQTTSN_OK && o->upstream_client_id != NULL)
        status = take_name(policy, o->upstream_client_id, &draft->client_id);
    if (status == MQTTSN_OK && o->topic_prefix != NULL)
        status = take_name(policy, o->topic_prefix, &draft->topic_prefix);
    for (size_t i = 0; status == MQTTSN_OK && i < o->predefined_count; i++)
        status = take_row(policy, set, &o->predefined[i]);
    return status;
}

static void drop(struct gw_policy *policy, const struct draft *draft)
{
    for (size_t i = 0; i < GW_ACCESS_FILTERS_MAX; i++) {
        gw_names_unref(policy->names, draft->access_publish[i]);
        gw_names_unref(policy->names, draft->access_subscribe[i]);
    }
    for (size_t i = 0; i < GW_CLIENT_RULES_MAX; i++)
        gw_names_unref(policy->names, draft->rule_patterns[i]);
    for (size_t i = 0; i < draft->fixed.count; i++)
        gw_names_unref(policy->names, draft->fixed.row[i].filter);
    gw_names_unref(policy->names, draft->client_id);
    gw_names_unref(policy->names, draft->topic_prefix);
}

/* Lists of blocks point to our copies from now on; strings are kept as names
 * only, so what pointed to them points nowhere. */
static void copy_options(struct gw_policy *policy, const struct gw_options *o)
{
    struct gw_options *to = &policy->options;

    *to = *o;
    for (size_t i = 0; i < o->listener_count; i++) {
        struct gw_listener_options *l = &policy->listeners[i];

        *l = o->listeners[i];
        for (size_t k = 0; k < l->forwarder_count; k++)
            policy->forwarders[i][k] = o->listeners[i].forwarders[k];
        l->forwarders = policy->forwarders[i];
    }
    for (size_t i = 0; i < o->qos_minus1_from_count; i++)
        policy->qos_minus1_from[i] = o->qos_minus1_from[i];
    for (size_t i = 0; i < o->client_rule_count; i++) {
        policy->rules[i] = o->client_rules[i];
        policy->rules[i].pattern = NULL;
        policy->rules[i].subscriptions = NULL;
    }
    to->listeners = policy->listeners;
    to->qos_minus1_from = policy->qos_minus1_from;
    to->client_rules = policy->rules;
    to->access_publish = to->access_subscribe = NULL;
    to->predefined = NULL;
    to->upstream_client_id = NULL;
    to->topic_prefix = NULL;
    to->client.will =
        o->will_on_shutdown ? GW_WILL_LOST_OR_SHUTDOWN : GW_WILL_LOST;
}

static void put_prefix(struct gw_policy *policy, const char *prefix,
                       uint32_t name)
{
    size_t head = 0;

    policy->topic_prefix = name;
    policy->prefix_by_id = false;
    policy->prefix_levels = 0;
    if (name != 0) {
        policy->prefix_by_id =
            gw_policy_ids_in(mqttsn_span_text(prefix), &head) != 0;
        policy->prefix_levels = levels_in(prefix);
    }
    policy->prefix_head = (uint32_t)head;
}

enum mqttsn_status gw_policy_set(struct gw_policy *policy,
                                 const struct gw_options *options)
{
    struct gw_predefined_set *spare = &policy->sets[1 - policy->active];
    struct draft draft = {0};
    struct gw_options given = *options;
    enum mqttsn_status status;

    if (given.listener_count == 0) {
        given.listeners = &sole_listener;
        given.listener_count = 1;
    }
    if (!lists_fit(policy, &given))
        return MQTTSN_ENOSPACE;
    if (!values_valid(&given))
        return MQTTSN_EINVAL;
    status = build(policy, &given, &draft, spare);
    if (status != MQTTSN_OK) {
        drop(policy, &draft);
        gw_predefined_empty(policy, spare);
        return status;
    }
    release_names(policy);
    gw_predefined_empty(policy, &policy->sets[policy->active]);
    policy->active = 1 - policy->active;
    copy_options(policy, &given);
    policy->broker_is_limited =
        given.max_qos < 2 || given.broker_retain != GW_RETAIN_FORWARD ||
        given.publish_rate != 0 || given.max_topic_bytes != 0 ||
        given.max_topic_levels != 0;
    memcpy(policy->access_publish, draft.access_publish,
           sizeof(policy->access_publish));
    memcpy(policy->access_subscribe, draft.access_subscribe,
           sizeof(policy->access_subscribe));
    memcpy(policy->rule_patterns, draft.rule_patterns,
           sizeof(policy->rule_patterns));
    policy->fixed = draft.fixed;
    policy->client_id = draft.client_id;
    policy->publish_by_id = draft.publish_by_id;
    policy->subscribe_by_id = draft.subscribe_by_id;
    put_prefix(policy, given.topic_prefix, draft.topic_prefix);
    policy->generation++;
    return MQTTSN_OK;
}
