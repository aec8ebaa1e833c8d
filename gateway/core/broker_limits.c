/* SPDX-License-Identifier: MIT */
/*
 * What a broker takes of one connection, and ends it for more: a service in a
 * cloud has such limits. What a node can be told is refused at its door
 * (access.c, on_publish.c, subscribe.c); what waiting cures waits here, and the
 * rest is made to fit on its way out.
 */
#include "engine_private.h"

/* Of the rate nine tenths are used, one of them at once: what is spread here
 * may arrive closer together. */
#define BURST_TENTHS 1
#define STEADY_TENTHS 8

bool gw_broker_takes_publish(struct gw_engine *e)
{
    uint32_t rate = e->policy.options.publish_rate;
    /* At least one, if there is a limit. */
    uint32_t steady = (uint32_t)((uint64_t)rate * STEADY_TENTHS / 10) +
                      (rate > 0 && rate < 10);
    uint64_t most =
        rate >= 10 ? (uint64_t)rate * 1000 * BURST_TENTHS / 10 : 1000;

    e->publish_due = gw_bucket_due(&e->publish_rate, steady, most, e->now);
    return e->publish_due == 0;
}

bool gw_broker_takes_filter(const struct gw_engine *e, uint32_t session,
                            struct mqttsn_span filter)
{
    uint32_t most = e->policy.options.max_filters;

    return most == 0 || gw_session_at(e, session)->up != 0 ||
           e->filters.filters.used < most ||
           gw_filters_find(&e->filters, filter) != 0;
}

void gw_broker_fit(struct gw_engine *e, struct gw_up_action *action)
{
    const struct gw_options *o = &e->policy.options;

    if (action->qos > o->max_qos)
        action->qos = o->max_qos;
    if (action->kind != GW_UP_PUBLISH)
        return;
    if (o->broker_retain != GW_RETAIN_FORWARD)
        action->retain = false;
    if (action->connection == 0 && o->publish_rate != 0)
        e->publish_rate.tokens -=
            e->publish_rate.tokens < 1000 ? e->publish_rate.tokens : 1000;
}
