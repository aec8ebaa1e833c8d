/* SPDX-License-Identifier: MIT */
/* What views.h shows. */
#include "engine_private.h"

/* Blocks that one call looks at once it has something to show. */
#define LOOKS_MAX 4096

/* ---- walks ------------------------------------------------------------- */

/* Over the blocks of a slab, those that are free as well; what is behind their
 * first member reads as zero. The cursor is the last that was looked at. */
struct walk {
    const struct gw_slab *slab;
    uint32_t *cursor;
    unsigned looks;
};

/* The next block; 0: enough for one call, of which 'count' rows came. */
static uint32_t next_block(struct walk *w, size_t count)
{
    if (*w->cursor >= w->slab->high || (w->looks >= LOOKS_MAX && count > 0))
        return 0;
    w->looks++;
    return ++*w->cursor;
}

/* ---- sessions ---------------------------------------------------------- */

/* What a connected client has promised: to be heard once in so long. */
static mqttsn_ms promised(const struct gw_session *s)
{
    if (s->state == GW_ASLEEP)
        return s->last_heard + (mqttsn_ms)s->sleep_s * 1000;
    if (s->state == GW_ACTIVE && s->keepalive_s != 0)
        return s->last_heard + (mqttsn_ms)s->keepalive_s * 1000;
    return MQTTSN_NEVER;
}

/* Publishes that the broker side does not have. Those that the gateway answers
 * for are the client's flow, whether or not they are still the session's. */
static uint32_t uplink_waiting(const struct gw_engine *e,
                               const struct gw_session *s)
{
    uint32_t count = gw_flow_waiting(e, s->client_id);

    for (uint32_t i = s->exchanges; i != 0; i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        count += x->kind == GW_X_PUBLISH && !x->flowed && !x->queued &&
                 (x->state == GW_X_WAITING || x->state == GW_X_STORING);
    }
    return count;
}

static void describe(const struct gw_engine *e, const struct gw_session *s,
                     struct gw_session_info *ret)
{
    const struct gw_cold *c = gw_cold(e, s);
    bool sleeps = s->state == GW_ASLEEP || s->state == GW_AWAKE;
    /* Mail first, or an exchange that has deadlines of its own. */
    bool busy = s->state == GW_AWAKE || s->state == GW_HALF_OPEN;

    *ret = (struct gw_session_info){
        .client_id = gw_names_span(&e->names, s->client_id),
        .state = s->flags & GW_S_CONNACK_DUE ? GW_HALF_OPEN
                                             : (enum gw_state)s->state,
        .state_since = s->state_since,
        .node_id = gw_names_span(&e->names, s->node_id),
        .listener = gw_via_at(&e->vias, s->via)->listener,
        .last_heard = s->last_heard,
        .duration_s = sleeps ? s->sleep_s : s->keepalive_s,
        .due = promised(s),
        .ends = busy ? MQTTSN_NEVER : gw_session_supervised(e, s),
        .topics = s->topic_count,
        .subscriptions = s->sub_count,
        .queue_messages = c->queue_count,
        .queue_bytes = c->queue_bytes,
        .exchanges = s->exchange_count,
        .uplink_waiting = uplink_waiting(e, s),
        .clean_session = (s->flags & GW_S_CLEAN) != 0,
        .has_will = (s->flags & GW_S_WILL) != 0,
    };
    if (s->addr.family != 0)
        ret->addr = s->addr;
    if (c->queue_head != 0)
        ret->queue_since = gw_message_at(&e->down_messages,
                                         gw_place_at(e, c->queue_head)->message)
                               ->received;
}

size_t gw_engine_visit(struct gw_engine *engine, uint32_t *cursor, size_t n,
                       struct gw_session_info ret[])
{
    struct walk walk = {&engine->sessions, cursor, 0};
    size_t count = 0;
    uint32_t i;

    while (count < n && (i = next_block(&walk, count)) != 0) {
        const struct gw_session *s = gw_session_at(engine, i);

        if (s->number != 0)
            describe(engine, s, &ret[count++]);
    }
    return count;
}

bool gw_engine_session(const struct gw_engine *engine,
                       struct mqttsn_span client_id,
                       struct gw_session_info *ret)
{
    uint32_t session = gw_session_by_client(engine, client_id);

    if (session != 0)
        describe(engine, gw_session_at(engine, session), ret);
    return session != 0;
}

static struct mqttsn_span client_of(const struct gw_engine *e, uint32_t session)
{
    return gw_names_span(&e->names, gw_session_at(e, session)->client_id);
}

struct mqttsn_span gw_engine_client_at(const struct gw_engine *engine,
                                       const struct gw_addr *addr,
                                       struct mqttsn_span node_id)
{
    struct gw_peer peer = {.addr = *addr,
                           .node_id = node_id,
                           .node_ref = gw_names_find(&engine->names, node_id)};
    uint32_t session = gw_session_by_peer(engine, &peer);

    return session != 0 ? client_of(engine, session) : mqttsn_span("", 0);
}

bool gw_engine_traces(const struct gw_engine *engine,
                      struct mqttsn_span client_id)
{
    struct gw_client_settings settings;

    gw_policy_client(&engine->policy, client_id, &settings);
    return settings.trace;
}

/* ---- topics ------------------------------------------------------------ */

static void describe_topic(const struct gw_engine *e, uint32_t index,
                           struct gw_topic_info *ret)
{
    const struct gw_topic *t = gw_topic_at(e, index);
    bool predefined = t->type == MQTTSN_TOPIC_PREDEFINED;
    bool refused = (t->flags & (GW_T_REFUSED | GW_T_UNKNOWN)) != 0;

    *ret = (struct gw_topic_info){
        .client_id = client_of(e, t->session),
        .name = gw_names_span(&e->names, t->name),
        .id = t->id,
        .predefined = predefined,
        .known = predefined ? !refused : gw_topic_is_announced(e, index),
        .refused = refused,
    };
}

size_t gw_engine_visit_topics(const struct gw_engine *engine, uint32_t *cursor,
                              size_t n, struct gw_topic_info ret[])
{
    struct walk walk = {&engine->topics, cursor, 0};
    size_t count = 0;
    uint32_t i;

    while (count < n && (i = next_block(&walk, count)) != 0) {
        if (gw_topic_at(engine, i)->name != 0)
            describe_topic(engine, i, &ret[count++]);
    }
    return count;
}

size_t gw_engine_topics_of(const struct gw_engine *engine,
                           struct mqttsn_span client_id, size_t skip, size_t n,
                           struct gw_topic_info ret[])
{
    uint32_t session = gw_session_by_client(engine, client_id);
    uint32_t i = session != 0 ? gw_session_at(engine, session)->topics : 0;
    size_t count = 0;

    for (; i != 0 && skip > 0; skip--)
        i = gw_topic_at(engine, i)->next;
    for (; i != 0 && count < n; i = gw_topic_at(engine, i)->next)
        describe_topic(engine, i, &ret[count++]);
    return count;
}

/* ---- subscriptions ----------------------------------------------------- */

static void describe_sub(const struct gw_engine *e, uint32_t index,
                         struct gw_subscription_info *ret)
{
    const struct gw_sub *b = gw_sub_at(e, index);
    struct mqttsn_span filter =
        gw_names_span(&e->names, gw_filter_at(&e->filters, b->filter)->name);

    *ret = (struct gw_subscription_info){
        .client_id = client_of(e, b->session),
        .qos = b->qos,
        .granted = b->active,
        .fixed = b->fixed,
    };
    /* All that is subscribed to has the prefix. */
    (void)gw_policy_unmap(&e->policy, filter, &ret->filter);
}

size_t gw_engine_visit_subscriptions(const struct gw_engine *engine,
                                     uint32_t *cursor, size_t n,
                                     struct gw_subscription_info ret[])
{
    struct walk walk = {&engine->subs, cursor, 0};
    size_t count = 0;
    uint32_t i;

    while (count < n && (i = next_block(&walk, count)) != 0) {
        if (gw_sub_at(engine, i)->filter != 0)
            describe_sub(engine, i, &ret[count++]);
    }
    return count;
}

size_t gw_engine_subscriptions_of(const struct gw_engine *engine,
                                  struct mqttsn_span client_id, size_t skip,
                                  size_t n, struct gw_subscription_info ret[])
{
    uint32_t session = gw_session_by_client(engine, client_id);
    uint32_t i = session != 0 ? gw_session_at(engine, session)->subs : 0;
    size_t count = 0;

    for (; i != 0 && skip > 0; skip--)
        i = gw_sub_at(engine, i)->session_next;
    for (; i != 0 && count < n; i = gw_sub_at(engine, i)->session_next)
        describe_sub(engine, i, &ret[count++]);
    return count;
}

/* ---- queues ------------------------------------------------------------ */

size_t gw_engine_queue_of(const struct gw_engine *engine,
                          struct mqttsn_span client_id, size_t n,
                          struct gw_queued_info ret[])
{
    uint32_t session = gw_session_by_client(engine, client_id);
    size_t count = 0;
    uint32_t i = 0;

    if (session != 0)
        i = gw_cold(engine, gw_session_at(engine, session))->queue_head;
    for (; i != 0 && count < n; i = gw_place_at(engine, i)->next) {
        const struct gw_place *p = gw_place_at(engine, i);
        const struct gw_message *m =
            gw_message_at(&engine->down_messages, p->message);

        ret[count++] = (struct gw_queued_info){
            .topic = gw_names_span(&engine->names, m->topic),
            .payload_len = m->payload_len,
            .qos = p->qos,
            .retain = m->retain,
            .sent = (p->flags & GW_P_SENT) != 0,
            .failed_wakes = p->failed_wakes,
            .received = m->received,
            .expires = m->expires,
        };
    }
    return count;
}

/* ---- connections to the broker ----------------------------------------- */

static void describe_link(const struct gw_engine *e, const struct gw_link *l,
                          struct gw_link_info *ret)
{
    *ret = (struct gw_link_info){
        .client_id =
            l->session != 0 ? client_of(e, l->session) : mqttsn_span("", 0),
        .state = (enum gw_link_state)l->state,
        .window = l->window_size,
        .in_flight = l->handed,
    };
    for (unsigned i = GW_LINE_AGAIN; i <= GW_LINE_LATE; i++)
        ret->waiting += l->lines[i].acked;
}

void gw_engine_link(const struct gw_engine *engine, struct gw_link_info *ret)
{
    describe_link(engine, &engine->shared, ret);
}

size_t gw_engine_visit_links(const struct gw_engine *engine, uint32_t *cursor,
                             size_t n, struct gw_link_info ret[])
{
    struct walk walk = {&engine->links, cursor, 0};
    size_t count = 0;
    uint32_t i;

    while (count < n && (i = next_block(&walk, count)) != 0) {
        const struct gw_link *l = gw_slab_at(&engine->links, i);

        /* One that is about to be closed is nobody's any more. */
        if (l->phase == GW_LINK_OPENING || l->phase == GW_LINK_OPEN)
            describe_link(engine, l, &ret[count++]);
    }
    return count;
}

/* ---- sums -------------------------------------------------------------- */

void gw_engine_totals(const struct gw_engine *engine, struct gw_totals *ret)
{
    *ret = (struct gw_totals){
        .queues = engine->fullest.count,
        .queue_messages = engine->places.used,
        .queue_bytes = gw_messages_bytes(&engine->down_messages),
        .uplink_bytes = gw_messages_bytes(&engine->up_messages),
    };
    memcpy(ret->clients, engine->in_state, sizeof(ret->clients));
}
