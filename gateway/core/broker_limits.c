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

/* Whether a session has room for it in its own connection: what it asks for
 * counts as what it has. */
static bool own_takes_filter(const struct gw_engine *e, uint32_t session,
                             struct mqttsn_span filter, uint32_t most)
{
    const struct gw_session *s = gw_session_at(e, session);
    uint32_t node = gw_filters_find(&e->filters, filter), count = 0;

    if (node != 0 && gw_sub_find(e, session, node) != 0)
        return true;
    for (uint32_t i = s->subs; i != 0; i = gw_sub_at(e, i)->session_next)
        count++;
    for (uint32_t i = s->exchanges; i != 0; i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind != GW_X_SUBSCRIBE)
            continue;
        if (x->filter == node && node != 0)
            return true;
        count += gw_sub_find(e, session, x->filter) == 0;
    }
    return count < most;
}

bool gw_broker_takes_filter(const struct gw_engine *e, uint32_t session,
                            struct mqttsn_span filter)
{
    uint32_t most = e->policy.options.max_filters;

    if (most != 0 && gw_session_at(e, session)->up != 0)
        return own_takes_filter(e, session, filter, most);
    return most == 0 || e->filters.filters.used < most ||
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
