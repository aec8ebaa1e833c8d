/* SPDX-License-Identifier: MIT */
/*
 * The cold part of a session: what most sessions do not need most of the time.
 * There are as many blocks as sessions, so one is always to be had.
 */
#include "engine_private.h"

/* How long an answer may be asked for again, and a CONNECT repeated. */
static mqttsn_ms memory_of_answers(const struct gw_engine *e)
{
    const struct gw_options *o = &e->policy.options;

    return o->retry_interval * (o->retry_count + 1);
}

const struct gw_cold gw_cold_at_rest;

uint32_t gw_cold_new(struct gw_engine *e, uint32_t session)
{
    gw_session_at(e, session)->cold = gw_slab_take(&e->colds);
    gw_cold_rests(e, session);
    return gw_session_at(e, session)->cold;
}

void gw_cold_rests(struct gw_engine *e, uint32_t session)
{
    if (gw_session_at(e, session)->cold != 0)
        gw_session_arm(e, session, e->now + memory_of_answers(e) + 1);
}

/* Until when something of it may be asked for; NEVER: until that ends, which
 * then says so by gw_cold_rests. */
static mqttsn_ms wanted_until(const struct gw_engine *e,
                              const struct gw_session *s)
{
    const struct gw_cold *c = gw_cold(e, s);
    mqttsn_ms memory = memory_of_answers(e), until = c->ping_due;

    if (c->queue_head != 0 || c->down_due != 0 || c->contender != 0 ||
        c->step != GW_STEP_NONE ||
        (s->flags & (GW_S_FRESH | GW_S_WILL | GW_S_WILL_MSG)) ||
        c->new_will_topic != 0)
        return MQTTSN_NEVER;
    if (c->last_valid && c->last_done + memory > until)
        until = c->last_done + memory;
    if (c->last_sub_valid && c->last_sub_done + memory > until)
        until = c->last_sub_done + memory;
    /* A CONNECT is known again while nothing came after it (G12-21). */
    if (!(s->flags & GW_S_TALKED) && s->state_since + memory > until)
        until = s->state_since + memory;
    return until;
}

mqttsn_ms gw_cold_due(const struct gw_engine *e, const struct gw_session *s)
{
    mqttsn_ms until = s->cold != 0 ? wanted_until(e, s) : MQTTSN_NEVER;

    return until == MQTTSN_NEVER ? MQTTSN_NEVER : until + 1;
}

void gw_cold_on_deadline(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (s->cold != 0 && e->now > wanted_until(e, s))
        gw_cold_end(e, session);
}

void gw_cold_end(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (s->cold != 0)
        gw_slab_give(&e->colds, s->cold);
    s->cold = 0;
}
