/* SPDX-License-Identifier: MIT */
#include "engine_private.h"

/* Blocks that one call looks at once it has something to show. */
#define LOOKS_MAX 4096

static void describe(const struct gw_engine *e, const struct gw_session *s,
                     struct gw_session_info *ret)
{
    bool sleeps = s->state == GW_ASLEEP || s->state == GW_AWAKE;

    *ret = (struct gw_session_info){
        .client_id = gw_names_span(&e->names, s->client_id),
        .state = s->flags & GW_S_CONNACK_DUE ? GW_HALF_OPEN
                                             : (enum gw_state)s->state,
        .last_heard = s->last_heard,
        .duration_s = sleeps ? s->sleep_s : s->keepalive_s,
        .topics = s->topic_count,
        .subscriptions = s->sub_count,
        .queue_messages = gw_cold(e, s)->queue_count,
        .queue_bytes = gw_cold(e, s)->queue_bytes,
        .exchanges = s->exchange_count,
        .clean_session = (s->flags & GW_S_CLEAN) != 0,
        .has_will = (s->flags & GW_S_WILL) != 0,
    };
    if (s->addr.family != 0)
        ret->addr = s->addr;
    if (gw_cold(e, s)->queue_head != 0)
        ret->queue_since =
            gw_message_at(&e->down_messages,
                          gw_place_at(e, gw_cold(e, s)->queue_head)->message)
                ->received;
}

/* The cursor is the last block that was looked at. */
size_t gw_engine_visit(struct gw_engine *engine, uint32_t *cursor, size_t n,
                       struct gw_session_info ret[])
{
    size_t count = 0;
    unsigned looks = 0;

    while (count < n && *cursor < engine->sessions.high) {
        const struct gw_session *s = gw_session_at(engine, ++*cursor);

        if (s->number != 0)
            describe(engine, s, &ret[count++]);
        if (++looks >= LOOKS_MAX && count > 0)
            break;
    }
    return count;
}

/* Many nodes may talk through one forwarder, and its address is no session's:
 * one that the configuration names is known for all of them. One that anybody
 * could be is not. */
static bool is_named_forwarder(const struct gw_engine *e,
                               const struct gw_addr *addr)
{
    const struct gw_options *o = &e->policy.options;

    for (size_t l = 0; l < o->listener_count; l++) {
        const struct gw_listener_options *listener = &o->listeners[l];

        for (size_t i = 0; i < listener->forwarder_count; i++) {
            if (gw_cidr_contains(&listener->forwarders[i], addr))
                return true;
        }
    }
    return false;
}

bool gw_engine_knows(const struct gw_engine *engine, const struct gw_addr *addr)
{
    struct gw_peer peer = {.addr = *addr};

    return gw_session_by_peer(engine, &peer) != 0 ||
           is_named_forwarder(engine, addr);
}

const struct gw_counters *gw_engine_counters(const struct gw_engine *engine)
{
    return &engine->counters;
}

void gw_engine_usage(const struct gw_engine *engine, struct gw_usage *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->sessions = engine->sessions.used;
    ret->topics = engine->topics.used;
    ret->subscriptions = engine->subs.used;
    ret->filters = engine->filters.filters.used;
    ret->filter_levels = engine->filters.levels.used;
    ret->exchanges = engine->exchanges.used;
    ret->queue_entries = engine->places.used;
    ret->messages =
        engine->down_messages.messages.used + engine->up_messages.messages.used;
    ret->replies = engine->replies.used;
    ret->uplink_messages = engine->stowed_count;
    ret->uplink_bytes = engine->stowed_bytes;
    ret->message_bytes = gw_messages_bytes(&engine->down_messages) +
                         gw_messages_bytes(&engine->up_messages);
    ret->name_bytes = engine->names.used_bytes;
    ret->connections = engine->links.used;
}
