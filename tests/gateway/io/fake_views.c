/* SPDX-License-Identifier: MIT */
/* What fake_engine.c shows to who looks: there is nobody. */
#include "core/engine.h"

size_t gw_engine_visit(struct gw_engine *engine, uint32_t *cursor, size_t n,
                       struct gw_session_info ret[])
{
    (void)engine;
    (void)cursor;
    (void)n;
    (void)ret;
    return 0;
}

bool gw_engine_session(const struct gw_engine *engine,
                       struct mqttsn_span client_id,
                       struct gw_session_info *ret)
{
    (void)engine;
    (void)client_id;
    (void)ret;
    return false;
}

size_t gw_engine_visit_topics(const struct gw_engine *engine, uint32_t *cursor,
                              size_t n, struct gw_topic_info ret[])
{
    (void)engine;
    (void)cursor;
    (void)n;
    (void)ret;
    return 0;
}

size_t gw_engine_topics_of(const struct gw_engine *engine,
                           struct mqttsn_span client_id, size_t skip, size_t n,
                           struct gw_topic_info ret[])
{
    (void)engine;
    (void)client_id;
    (void)skip;
    (void)n;
    (void)ret;
    return 0;
}

size_t gw_engine_visit_subscriptions(const struct gw_engine *engine,
                                     uint32_t *cursor, size_t n,
                                     struct gw_subscription_info ret[])
{
    (void)engine;
    (void)cursor;
    (void)n;
    (void)ret;
    return 0;
}

size_t gw_engine_subscriptions_of(const struct gw_engine *engine,
                                  struct mqttsn_span client_id, size_t skip,
                                  size_t n, struct gw_subscription_info ret[])
{
    (void)engine;
    (void)client_id;
    (void)skip;
    (void)n;
    (void)ret;
    return 0;
}

size_t gw_engine_queue_of(const struct gw_engine *engine,
                          struct mqttsn_span client_id, size_t n,
                          struct gw_queued_info ret[])
{
    (void)engine;
    (void)client_id;
    (void)n;
    (void)ret;
    return 0;
}

void gw_engine_link(const struct gw_engine *engine, struct gw_link_info *ret)
{
    (void)engine;
    *ret = (struct gw_link_info){0};
}

size_t gw_engine_visit_links(const struct gw_engine *engine, uint32_t *cursor,
                             size_t n, struct gw_link_info ret[])
{
    (void)engine;
    (void)cursor;
    (void)n;
    (void)ret;
    return 0;
}

void gw_engine_totals(const struct gw_engine *engine, struct gw_totals *ret)
{
    (void)engine;
    *ret = (struct gw_totals){0};
}

struct mqttsn_span gw_engine_client_at(const struct gw_engine *engine,
                                       const struct gw_addr *addr,
                                       struct mqttsn_span node_id)
{
    (void)engine;
    (void)addr;
    (void)node_id;
    return mqttsn_span("", 0);
}

bool gw_engine_traces(const struct gw_engine *engine,
                      struct mqttsn_span client_id)
{
    (void)engine;
    (void)client_id;
    return false;
}

enum mqttsn_status gw_engine_kick(struct gw_engine *engine,
                                  struct mqttsn_span client_id, mqttsn_ms now)
{
    (void)engine;
    (void)client_id;
    (void)now;
    return MQTTSN_ENOTFOUND;
}

bool gw_engine_purge(struct gw_engine *engine, struct mqttsn_span client_id,
                     mqttsn_ms now, uint32_t *ret_dropped)
{
    (void)engine;
    (void)client_id;
    (void)now;
    *ret_dropped = 0;
    return false;
}
