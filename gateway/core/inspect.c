/* SPDX-License-Identifier: MIT */
#include "engine_private.h"

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
