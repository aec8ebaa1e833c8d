/* SPDX-License-Identifier: MIT */
/*
 * An engine begins and ends here; this is the one place where its memory is
 * asked for.
 */
#include "engine_private.h"
#include "fixed.h"

#include "siphash.h"

#include <stdlib.h>

uint64_t gw_hash(const struct gw_engine *e, const void *data, size_t len)
{
    return gw_siphash13(e->seed, data, len);
}

uint64_t gw_lasting_hash(const void *data, size_t len)
{
    static const uint8_t key[16] = "mqttsn-gateway/1";

    return gw_siphash13(key, data, len);
}

/* splitmix64, seeded from the system's random source: MsgIds need to be
 * unguessable to a blind sender, not more. */
uint32_t gw_random(struct gw_engine *e)
{
    uint64_t z = e->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

void gw_engine_shutdown(struct gw_engine *e, mqttsn_ms now)
{
    e->now = now;
    if (e->shutting_down)
        return;
    e->shutting_down = true;
    if (!e->policy.options.will_on_shutdown &&
        e->policy.options.client_rule_count == 0)
        return;
    for (uint32_t i = 1; i <= e->sessions.high; i++) {
        const struct gw_session *s = gw_session_at(e, i);

        if (s->number != 0 && gw_session_connected(s) &&
            gw_session_settings(e, i)->will == GW_WILL_LOST_OR_SHUTDOWN)
            gw_will_publish(e, i);
    }
}

/* A durable store is of no use without room for what it lets us take over; and
 * the state of a node's own connection is not kept in it. */
static bool is_consistent(const struct gw_limits *l, const struct gw_options *o)
{
    if (o->mode == GW_MODE_TRANSPARENT)
        return !o->durable && l->max_connections != 0 &&
               l->max_connections <= GW_LINKS_MAX;
    return !o->durable ||
           (l->uplink_max_messages != 0 && l->uplink_max_bytes != 0 &&
            l->uplink_max_bytes <= l->uplink_total_bytes);
}

/* What is in the tables, and at the broker, has the one in force. */
static bool is_same_prefix(const struct gw_engine *e, const char *prefix)
{
    return mqttsn_span_equal(gw_names_span(&e->names, e->policy.topic_prefix),
                             mqttsn_span_text(prefix != NULL ? prefix : ""));
}

enum mqttsn_status gw_engine_reconfigure(struct gw_engine *e,
                                         const struct gw_options *options,
                                         mqttsn_ms now)
{
    enum mqttsn_status status;
    bool fixed;

    e->now = now;
    if (!is_consistent(&e->limits, options) ||
        !is_same_prefix(e, options->topic_prefix) ||
        options->mode != e->policy.options.mode)
        return MQTTSN_EINVAL;
    fixed = e->policy.fixed.count != 0;
    status = gw_policy_set(&e->policy, options);
    if (status == MQTTSN_OK && (fixed || e->policy.fixed.count != 0))
        gw_fixed_look_at_all(e);
    gw_fixed_on_deadline(e);
    /* Durations may be shorter than those that sessions were armed with. */
    for (uint32_t i = 1; i <= e->sessions.high; i++) {
        const struct gw_session *s = gw_session_at(e, i);

        if (s->number != 0)
            gw_session_arm(e, i, gw_session_supervised(e, s));
    }
    return status;
}

/* Sizes that follow from the limits. */
static uint32_t exchange_places(const struct gw_limits *l)
{
    return l->max_exchanges + l->uplink_max_messages;
}
static uint32_t flow_places(const struct gw_limits *l)
{
    return l->uplink_max_messages != 0 ? l->uplink_max_messages : 1;
}
static uint32_t filter_levels(const struct gw_limits *l)
{
    return 4 * l->max_subscriptions + 64;
}
static uint32_t reply_places(const struct gw_limits *l)
{
    return l->max_sessions + 2 * l->max_exchanges + 1024;
}
static uint32_t contender_places(const struct gw_limits *l)
{
    return l->max_sessions / 8 + 16;
}
static uint32_t store_places(const struct gw_limits *l)
{
    uint64_t want = (uint64_t)l->max_sessions * 4 + l->max_queue_entries +
                    l->max_exchanges + 4 * GW_STORE_INFLIGHT;
    uint32_t n = 4096;

    while (n < want && n < (1u << 28))
        n *= 2;
    return n;
}

uint64_t gw_engine_size(const struct gw_limits *l)
{
    uint32_t s = l->max_sessions;

    return sizeof(struct gw_engine) + gw_names_size(l->names_total_bytes) +
           gw_vias_size(s) +
           gw_messages_size(l->queue_total_bytes, l->max_queue_entries) +
           gw_messages_size(l->uplink_total_bytes, exchange_places(l)) +
           gw_filters_size(filter_levels(l)) +
           gw_slab_size(sizeof(struct gw_session), s) +
           gw_slab_size(sizeof(struct gw_cold), s) +
           gw_slab_size(sizeof(struct gw_topic), l->max_topics) +
           gw_slab_size(sizeof(struct gw_sub), l->max_subscriptions) +
           gw_slab_size(sizeof(struct gw_place), l->max_queue_entries) +
           gw_slab_size(sizeof(struct gw_exchange), exchange_places(l)) +
           gw_slab_size(sizeof(struct gw_flow), flow_places(l)) +
           gw_table_size(flow_places(l)) +
           gw_slab_size(sizeof(struct gw_window), l->max_exchanges) +
           gw_slab_size(sizeof(struct gw_link), l->max_connections) +
           gw_slab_size(sizeof(struct gw_reply), reply_places(l)) +
           gw_slab_size(sizeof(struct gw_contender), contender_places(l)) +
           gw_table_size(contender_places(l)) + 2 * gw_table_size(s) +
           2 * gw_table_size(l->max_topics) +
           gw_table_size(l->max_subscriptions) + 2 * gw_heap_size(s) +
           gw_heap_size(l->max_exchanges) + gw_policy_size(l->max_predefined) +
           GW_STRANGERS * sizeof(struct gw_stranger) +
           2 * GW_BUCKETS * sizeof(struct gw_bucket) +
           store_places(l) * sizeof(struct gw_store_entry) +
           GW_NOTES * sizeof(struct gw_note) + 65536;
}

static bool init_tables(struct gw_engine *e)
{
    const struct gw_limits *l = &e->limits;
    uint32_t s = l->max_sessions, x = l->max_exchanges;

    return gw_names_init(&e->names, l->names_total_bytes, e->seed) ==
               MQTTSN_OK &&
           gw_vias_init(&e->vias, s, e->seed) == MQTTSN_OK &&
           gw_messages_init(&e->down_messages, &e->names, l->queue_total_bytes,
                            l->max_queue_entries) == MQTTSN_OK &&
           gw_messages_init(&e->up_messages, &e->names, l->uplink_total_bytes,
                            exchange_places(l)) == MQTTSN_OK &&
           gw_filters_init(&e->filters, &e->names, filter_levels(l), e->seed) ==
               MQTTSN_OK &&
           gw_slab_init(&e->sessions, sizeof(struct gw_session), s) ==
               MQTTSN_OK &&
           gw_slab_init(&e->colds, sizeof(struct gw_cold), s) == MQTTSN_OK &&
           gw_slab_init(&e->topics, sizeof(struct gw_topic), l->max_topics) ==
               MQTTSN_OK &&
           gw_slab_init(&e->subs, sizeof(struct gw_sub),
                        l->max_subscriptions) == MQTTSN_OK &&
           gw_slab_init(&e->places, sizeof(struct gw_place),
                        l->max_queue_entries) == MQTTSN_OK &&
           gw_slab_init(&e->exchanges, sizeof(struct gw_exchange),
                        exchange_places(l)) == MQTTSN_OK &&
           gw_slab_init(&e->flows, sizeof(struct gw_flow), flow_places(l)) ==
               MQTTSN_OK &&
           gw_table_init(&e->flows_by_client, flow_places(l)) == MQTTSN_OK &&
           gw_slab_init(&e->windows, sizeof(struct gw_window), x) ==
               MQTTSN_OK &&
           gw_slab_init(&e->links, sizeof(struct gw_link),
                        l->max_connections) == MQTTSN_OK &&
           gw_slab_init(&e->replies, sizeof(struct gw_reply),
                        reply_places(l)) == MQTTSN_OK &&
           gw_slab_init(&e->contenders, sizeof(struct gw_contender),
                        contender_places(l)) == MQTTSN_OK &&
           gw_table_init(&e->by_addr, s) == MQTTSN_OK &&
           gw_table_init(&e->by_client, s) == MQTTSN_OK &&
           gw_table_init(&e->by_contender, contender_places(l)) == MQTTSN_OK &&
           gw_table_init(&e->topics_by_id, l->max_topics) == MQTTSN_OK &&
           gw_table_init(&e->topics_by_name, l->max_topics) == MQTTSN_OK &&
           gw_table_init(&e->subs_by_key, l->max_subscriptions) == MQTTSN_OK &&
           gw_heap_init(&e->due, s) == MQTTSN_OK &&
           gw_heap_init(&e->fullest, s) == MQTTSN_OK &&
           gw_heap_init(&e->window_due, x) == MQTTSN_OK &&
           gw_policy_init(&e->policy, &e->names, l->max_predefined, e->seed) ==
               MQTTSN_OK;
}

static bool init_rings(struct gw_engine *e)
{
    uint32_t places = store_places(&e->limits);

    e->strangers = calloc(GW_STRANGERS, sizeof(*e->strangers));
    e->stranger_source = calloc(GW_BUCKETS, sizeof(*e->stranger_source));
    e->source = calloc(GW_BUCKETS, sizeof(*e->source));
    e->store_ring = calloc(places, sizeof(*e->store_ring));
    e->store_mask = places - 1;
    e->notes = calloc(GW_NOTES, sizeof(*e->notes));
    e->scratch = malloc(65536);
    return e->strangers && e->stranger_source && e->source && e->store_ring &&
           e->notes && e->scratch;
}

enum mqttsn_status gw_engine_new(const struct gw_limits *limits,
                                 const struct gw_options *options,
                                 const uint8_t seed[16], mqttsn_ms now,
                                 struct gw_engine **ret_engine)
{
    struct gw_engine *e;
    enum mqttsn_status status;

    if (limits->max_sessions == 0 || limits->max_topics == 0 ||
        limits->max_subscriptions == 0 || limits->max_exchanges == 0 ||
        limits->max_queue_entries == 0 || limits->queue_total_bytes == 0 ||
        limits->uplink_total_bytes == 0 || limits->names_total_bytes == 0 ||
        !is_consistent(limits, options))
        return MQTTSN_EINVAL;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return MQTTSN_ENOSPACE;
    e->limits = *limits;
    e->now = now;
    e->link_since = now;
    memcpy(e->seed, seed, sizeof(e->seed));
    memcpy(&e->random, seed, sizeof(e->random));
    status = MQTTSN_ENOSPACE;
    if (!init_tables(e) || !init_rings(e))
        goto fail;
    status = gw_policy_set(&e->policy, options);
    if (status != MQTTSN_OK)
        goto fail;
    e->fixed_due = MQTTSN_NEVER;
    e->filters.prefix_levels = e->policy.prefix_levels;
    e->shared.window_size = options->window;
    e->stranger_all.tokens = options->stranger_reply_rate * 1000;
    e->stranger_all.since = now;
    *ret_engine = e;
    return MQTTSN_OK;

fail:
    gw_engine_free(e);
    return status;
}

void gw_engine_free(struct gw_engine *e)
{
    if (e == NULL)
        return;
    gw_policy_fini(&e->policy);
    gw_heap_fini(&e->due);
    gw_heap_fini(&e->fullest);
    gw_heap_fini(&e->window_due);
    gw_table_fini(&e->by_addr);
    gw_table_fini(&e->by_client);
    gw_table_fini(&e->by_contender);
    gw_table_fini(&e->topics_by_id);
    gw_table_fini(&e->topics_by_name);
    gw_table_fini(&e->subs_by_key);
    gw_slab_fini(&e->sessions);
    gw_slab_fini(&e->colds);
    gw_slab_fini(&e->topics);
    gw_slab_fini(&e->subs);
    gw_slab_fini(&e->places);
    gw_slab_fini(&e->exchanges);
    gw_slab_fini(&e->flows);
    gw_table_fini(&e->flows_by_client);
    gw_slab_fini(&e->windows);
    gw_slab_fini(&e->links);
    gw_slab_fini(&e->replies);
    gw_slab_fini(&e->contenders);
    gw_filters_fini(&e->filters);
    gw_messages_fini(&e->down_messages);
    gw_messages_fini(&e->up_messages);
    gw_names_fini(&e->names);
    gw_vias_fini(&e->vias);
    free(e->strangers);
    free(e->stranger_source);
    free(e->source);
    free(e->store_ring);
    free(e->notes);
    free(e->scratch);
    free(e);
}
