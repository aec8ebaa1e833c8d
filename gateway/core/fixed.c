/* SPDX-License-Identifier: MIT */
#include "fixed.h"

#include "links.h"

/* Sessions looked at each time. */
#define LOOKS_A_TURN 64

/* After there was no room. */
#define AGAIN_MS 1000

/* The broker's name of a row's filter for this session; empty when it can have
 * none. */
static struct mqttsn_span filter_of(const struct gw_engine *e, uint32_t session,
                                    const struct gw_fixed_row *row, char *buf)
{
    uint32_t client = gw_session_at(e, session)->client_id;
    char named[GW_NAME_MAX];
    struct mqttsn_span filter = mqttsn_span(
        named,
        gw_policy_expand(&e->policy, gw_names_span(&e->names, row->filter),
                         client, named, sizeof(named)));
    struct mqttsn_span mapped = {0};

    if (gw_policy_filter_sound(&e->policy, client, filter))
        mapped = gw_policy_map(&e->policy, client, filter, buf);
    /* Without a prefix that is 'named' itself. */
    if (mapped.data == filter.data && mapped.len != 0)
        memcpy(buf, filter.data, filter.len);
    return mqttsn_span(buf, mapped.len);
}

static bool is_configured(const struct gw_engine *e, uint32_t session,
                          const struct gw_fixed_row *rows, size_t count,
                          uint32_t filter)
{
    struct mqttsn_span name =
        gw_names_span(&e->names, gw_filter_at(&e->filters, filter)->name);
    char buf[GW_NAME_MAX];

    for (size_t i = 0; i < count; i++) {
        if (mqttsn_span_equal(name, filter_of(e, session, &rows[i], buf)))
            return true;
    }
    return false;
}

/* By a connection of its own the broker has to be told of each; without one it
 * is not now, but with the next CONNECT. */
static bool must_wait(const struct gw_engine *e, uint32_t session)
{
    return gw_policy_own_connections(&e->policy) &&
           gw_session_at(e, session)->up == 0;
}

/* What the configuration does not have any more: a subscription that its node
 * asked for as well stays the node's. */
static void end_others(struct gw_engine *e, uint32_t session,
                       const struct gw_fixed_row *rows, size_t count)
{
    uint32_t next;

    for (uint32_t i = gw_session_at(e, session)->subs; i != 0; i = next) {
        struct gw_sub *b = gw_sub_at(e, i);

        next = b->session_next;
        if (!b->fixed || is_configured(e, session, rows, count, b->filter))
            continue;
        if (!b->asked) {
            gw_sub_withdraw(e, i);
            continue;
        }
        b->fixed = false;
        gw_store_sub(e, i);
    }
    for (uint32_t i = gw_session_at(e, session)->exchanges; i != 0; i = next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        next = x->next;
        if (x->kind == GW_X_SUBSCRIBE && x->fixed && x->state != GW_X_DONE &&
            !is_configured(e, session, rows, count, x->filter))
            gw_exchange_end(e, i);
    }
}

static uint32_t under_way(const struct gw_engine *e, uint32_t session,
                          uint32_t filter)
{
    uint32_t i = gw_session_at(e, session)->exchanges;

    for (; i != 0; i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind == GW_X_SUBSCRIBE && x->fixed && x->filter == filter &&
            x->state != GW_X_DONE)
            return i;
    }
    return 0;
}

/* A SUBSCRIBE of ours; false when there is no room. */
static bool ask(struct gw_engine *e, uint32_t session,
                struct mqttsn_span filter, uint8_t qos)
{
    uint32_t node, index;
    struct gw_exchange *x;

    if (!gw_broker_takes_filter(e, session, filter))
        return false;
    node = gw_filter_use(e, filter, true);
    if (node == 0)
        return false;
    index = gw_exchange_new(e, session, GW_X_SUBSCRIBE);
    if (index == 0) {
        gw_filter_release(e, node, true);
        return false;
    }
    x = gw_exchange_at(e, index);
    x->filter = node;
    x->wants = true;
    x->topic_type = MQTTSN_TOPIC_NORMAL;
    x->qos = qos;
    x->mute = true;
    x->fixed = true;
    if (gw_session_at(e, session)->up != 0) {
        gw_link_ask(e, index);
    } else if (!gw_window_join(e, index)) {
        gw_exchange_end(e, index);
        return false;
    }
    return true;
}

/* False when there is no room for it. */
static bool make(struct gw_engine *e, uint32_t session,
                 const struct gw_fixed_row *row)
{
    char buf[GW_NAME_MAX];
    struct mqttsn_span filter = filter_of(e, session, row, buf);
    uint32_t node, sub, x;
    struct gw_sub *b;

    if (filter.len == 0)
        return true; /* its id has no place in it */
    node = gw_filters_find(&e->filters, filter);
    sub = node != 0 ? gw_sub_find(e, session, node) : 0;
    x = node != 0 ? under_way(e, session, node) : 0;
    if (x != 0) {
        gw_exchange_at(e, x)->qos = row->qos;
        return true;
    }
    if (sub == 0)
        return ask(e, session, filter, row->qos);
    b = gw_sub_at(e, sub);
    if (b->fixed && (b->asked || b->qos == row->qos))
        return true;
    if (gw_session_at(e, session)->up != 0 && !b->asked)
        return ask(e, session, filter, row->qos);
    /* A shared connection has it at QoS 2, whoever wants it. */
    if (!b->asked)
        b->qos = row->qos;
    b->fixed = true;
    gw_store_sub(e, sub);
    return true;
}

void gw_fixed_apply(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    const struct gw_fixed_row *rows = NULL;
    size_t count;

    e->fixed_used |= e->policy.fixed.count != 0;
    if (!e->fixed_used || s->number == 0 || s->state == GW_HALF_OPEN ||
        must_wait(e, session))
        return;
    count = gw_policy_fixed(&e->policy, gw_names_span(&e->names, s->client_id),
                            &rows);
    end_others(e, session, rows, count);
    for (size_t i = 0; i < count; i++) {
        if (make(e, session, &rows[i]))
            continue;
        gw_note(e, GW_NOTE_TABLE_FULL, session, 0, "fixed subscriptions");
        e->fixed_cursor = 0;
        e->fixed_due = e->now + AGAIN_MS;
        return;
    }
}

void gw_fixed_look_at_all(struct gw_engine *e)
{
    e->fixed_cursor = 0;
    e->fixed_due = e->now;
}

mqttsn_ms gw_fixed_next(const struct gw_engine *e)
{
    return e->fixed_due;
}

void gw_fixed_on_deadline(struct gw_engine *e)
{
    mqttsn_ms due = e->fixed_due;

    if (e->now < due)
        return;
    for (unsigned n = 0; n < LOOKS_A_TURN; n++) {
        if (e->fixed_cursor >= e->sessions.high) {
            e->fixed_due = MQTTSN_NEVER;
            return;
        }
        gw_fixed_apply(e, ++e->fixed_cursor);
        if (e->fixed_due != due)
            return; /* there is no room now */
    }
}
