/* SPDX-License-Identifier: MIT */
/*
 * The line to the broker. Publishes stand in one line in the order in which
 * they arrived, so the order of each node is kept; what comes back unsent is
 * put where it stood before, ahead of anything newer.
 */
#include "engine_private.h"

/* QoS 0 publishes of one node that wait while the broker side is busy. */
#define QOS0_WAITING_MAX 16

/* A publish that was with the broker side this often when the connection ended
 * goes alone, so that it is known whether it is the one that ends it; and this
 * often, it is given up. */
#define TRIES_BEFORE_ALONE 1
#define TRIES_MAX 4

uint32_t gw_exchange_new(struct gw_engine *e, uint32_t session,
                         enum gw_exchange_kind kind)
{
    uint32_t index = gw_slab_take(&e->exchanges);
    struct gw_exchange *x;

    if (index == 0)
        return 0;
    x = gw_exchange_at(e, index);
    x->kind = (uint8_t)kind;
    x->generation = ++e->next_generation;
    x->session = session;
    if (session != 0) {
        struct gw_session *s = gw_session_at(e, session);

        x->owner = s->number;
        x->next = s->exchanges;
        s->exchanges = index;
    }
    return index;
}

/* ---- the line ---------------------------------------------------------- */

static void line_insert(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t after = e->line_tail;

    /* New ones go to the end. One that returns walks past nothing but the few
     * that returned with it, when seen from the front. */
    if (after != 0 && gw_exchange_at(e, after)->place > x->place) {
        uint32_t before = e->line_head;

        while (gw_exchange_at(e, before)->place < x->place)
            before = gw_exchange_at(e, before)->line_next;
        after = gw_exchange_at(e, before)->line_prev;
    }
    x->line_prev = after;
    x->line_next = after ? gw_exchange_at(e, after)->line_next : e->line_head;
    if (after)
        gw_exchange_at(e, after)->line_next = index;
    else
        e->line_head = index;
    if (x->line_next)
        gw_exchange_at(e, x->line_next)->line_prev = index;
    else
        e->line_tail = index;
}

static void line_remove(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->line_prev)
        gw_exchange_at(e, x->line_prev)->line_next = x->line_next;
    else
        e->line_head = x->line_next;
    if (x->line_next)
        gw_exchange_at(e, x->line_next)->line_prev = x->line_prev;
    else
        e->line_tail = x->line_prev;
    x->line_prev = x->line_next = 0;
}

/* ---- ends -------------------------------------------------------------- */

void gw_exchange_answered(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (!x->unanswered)
        return;
    x->unanswered = false;
    gw_session_at(e, x->session)->subs_pending--;
    gw_session_ready(e, x->session);
}

/* Off its session's list; nobody is answered any more. */
static void detach(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    struct gw_session *s;
    uint32_t *link;

    if (x->session == 0)
        return;
    gw_exchange_answered(e, index);
    s = gw_session_at(e, x->session);
    for (link = &s->exchanges; *link != index;
         link = &gw_exchange_at(e, *link)->next)
        ;
    *link = x->next;
    if (x->counted)
        s->exchange_count--;
    if (x->kind == GW_X_PUBLISH && x->qos == 0) {
        s->qos0_waiting--;
        e->own_qos0++;
    }
    x->counted = false;
    x->session = 0;
    x->next = 0;
    x->due = 0;
}

static void unlink_from_filter(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t *link = &gw_filter_at(&e->filters, x->filter)->unsub_list;

    while (*link != index)
        link = &gw_exchange_at(e, *link)->link;
    *link = x->link;
    x->link = 0;
}

static void forget(struct gw_engine *e, struct gw_exchange *x)
{
    if (x->kept)
        gw_store_forget(e, GW_RECORD_EXCHANGE, 0, x->generation);
    x->kept = false;
}

void gw_exchange_end(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    detach(e, index);
    if (x->kind == GW_X_PUBLISH) {
        if (x->state == GW_X_WAITING)
            line_remove(e, index);
        else if (x->state == GW_X_HANDED) {
            e->handed--;
            e->alone = e->alone && e->handed != 0;
        }
        gw_message_unref(&e->up_messages, x->message);
        if (x->qos == 0)
            e->own_qos0--;
        forget(e, x);
    } else if (x->kind == GW_X_SUBSCRIBE) {
        if (x->window != 0)
            gw_window_leave(e, index);
        gw_filter_release(e, x->filter, x->wants);
    } else if (x->kind == GW_X_UNSUBSCRIBE && x->filter != 0) {
        unlink_from_filter(e, index);
        gw_filter_release(e, x->filter, false);
    }
    x->kind = GW_X_NONE;
    x->message = 0;
    gw_slab_give(&e->exchanges, index);
}

static void leave(struct gw_engine *e, uint32_t index, bool wipe)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->mute = true;
    x->dup_only = true;
    gw_exchange_answered(e, index);
    if (x->kind != GW_X_PUBLISH) {
        /* SUBSCRIBE and UNSUBSCRIBE go on in silence, but for a session whose
         * subscriptions end. */
        if (wipe)
            gw_exchange_end(e, index);
        return;
    }
    if (x->qos == 2 && !wipe)
        return; /* the handshake goes on with the next connection (D7) */
    if (x->state == GW_X_DONE ||
        (x->state == GW_X_WAITING && x->qos != 0 && e->link != GW_LINK_UP)) {
        gw_exchange_end(e, index); /* never acknowledged: the node's again */
        return;
    }
    detach(e, index);
    if (wipe)
        forget(e, x); /* a restart must not bring the MsgId back */
}

void gw_exchanges_leave(struct gw_engine *e, uint32_t session, bool wipe)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t next;

    for (uint32_t i = s->exchanges; i != 0; i = next) {
        next = gw_exchange_at(e, i)->next;
        leave(e, i, wipe);
    }
}

uint32_t gw_exchange_find(const struct gw_engine *e, uint32_t session,
                          enum gw_exchange_kind kind, uint16_t msg_id)
{
    uint32_t i = gw_session_at(e, session)->exchanges;

    for (; i != 0; i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind == kind && x->msg_id == msg_id &&
            (kind != GW_X_PUBLISH || x->qos != 0))
            return i;
    }
    return 0;
}

/* ---- in ---------------------------------------------------------------- */

static void drop_oldest_qos0(struct gw_engine *e, uint32_t session)
{
    uint32_t oldest = 0;

    for (uint32_t i = gw_session_at(e, session)->exchanges; i != 0;
         i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind == GW_X_PUBLISH && x->qos == 0 &&
            (oldest == 0 || x->place < gw_exchange_at(e, oldest)->place))
            oldest = i;
    }
    if (oldest != 0) {
        e->counters.up_qos0_dropped++;
        gw_exchange_end(e, oldest);
    }
}

uint32_t gw_uplink_publish(struct gw_engine *e, uint32_t session,
                           uint32_t topic_name, struct mqttsn_span payload,
                           uint8_t qos, bool retain)
{
    uint32_t message, index;
    struct gw_exchange *x;

    if (session != 0 && qos == 0 &&
        gw_session_at(e, session)->qos0_waiting >= QOS0_WAITING_MAX)
        drop_oldest_qos0(e, session);
    message =
        gw_message_new(&e->up_messages, topic_name, payload, retain, e->now);
    if (message == 0)
        return 0;
    index = gw_exchange_new(e, session, GW_X_PUBLISH);
    if (index == 0) {
        gw_message_unref(&e->up_messages, message);
        return 0;
    }
    x = gw_exchange_at(e, index);
    x->message = message;
    x->qos = qos;
    x->retain = retain;
    x->place = ++e->next_place;
    if (session != 0) {
        struct gw_session *s = gw_session_at(e, session);

        if (qos == 0) {
            s->qos0_waiting++;
        } else {
            x->counted = true;
            s->exchange_count++;
            x->due = e->now + e->policy.options.upstream_timeout;
            gw_session_arm(e, session, x->due);
        }
    } else if (qos == 0) {
        e->own_qos0++;
    }
    line_insert(e, index);
    return index;
}

/* ---- out --------------------------------------------------------------- */

static void hand_over(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    line_remove(e, index);
    x->state = GW_X_HANDED;
    x->tries++;
    e->handed++;
}

bool gw_uplink_poll(struct gw_engine *e, uint8_t *buf,
                    struct gw_up_action *ret_action)
{
    uint32_t index = e->line_head;
    struct gw_exchange *x;
    struct gw_message *m;
    struct mqttsn_span topic;

    if (index == 0 || e->link != GW_LINK_UP)
        return false;
    x = gw_exchange_at(e, index);
    if (e->alone ||
        (x->qos != 0 &&
         e->handed >= (x->tries < TRIES_BEFORE_ALONE ? e->window_size : 1)))
        return false;
    m = gw_message_at(&e->up_messages, x->message);
    topic = gw_names_span(&e->names, m->topic);
    memcpy(buf, topic.data, topic.len);
    gw_message_copy(&e->up_messages, x->message, buf + topic.len);
    *ret_action = (struct gw_up_action){
        .kind = GW_UP_PUBLISH,
        .token =
            x->qos == 0 ? 0 : gw_token(GW_TOKEN_EXCHANGE, x->generation, index),
        .qos = x->qos,
        .retain = x->retain,
        .item = x->kept ? x->generation : 0,
        .topic = mqttsn_span(buf, topic.len),
        .payload = mqttsn_span(buf + topic.len, m->payload_len),
    };
    e->counters.up_publishes++;
    if (x->tries != 0)
        e->counters.up_resubmitted++;
    if (x->qos == 0) {
        gw_exchange_end(e, index);
        return true;
    }
    hand_over(e, index);
    e->alone = x->tries > TRIES_BEFORE_ALONE;
    return true;
}

uint64_t gw_uplink_held(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->kind != GW_X_PUBLISH || x->state != GW_X_WAITING)
        return 0;
    hand_over(e, index);
    x->held = true;
    return gw_token(GW_TOKEN_EXCHANGE, x->generation, index);
}

/* The node is told, if there is one to tell, and the exchange ends. */
static void refuse(struct gw_engine *e, uint32_t index,
                   enum mqttsn_return_code code)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->session != 0 && !x->mute)
        gw_reply_puback(e, x->session, x->topic_id, x->msg_id, code);
    gw_exchange_end(e, index);
}

static void done(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    e->counters.up_acked++;
    if (x->session == 0) {
        gw_exchange_end(e, index);
        return;
    }
    if (x->qos == 1) {
        if (!x->mute) {
            struct gw_cold *c = gw_warm(e, x->session);

            c->last_valid = true;
            c->last_hash = x->hash;
            c->last_msg_id = x->msg_id;
            c->last_done = e->now;
            gw_reply_puback(e, x->session, x->topic_id, x->msg_id,
                            MQTTSN_ACCEPTED);
        }
        gw_exchange_end(e, index);
        return;
    }
    /* QoS 2: the broker owns the message; the MsgId stays until PUBREL. */
    e->handed--;
    x->state = GW_X_DONE;
    x->due = 0;
    gw_message_unref(&e->up_messages, x->message);
    x->message = 0;
    uint64_t kept = gw_store_exchange(e, index);
    if (!x->mute)
        gw_reply_push(
            e, x->session,
            &(struct gw_reply){.type = MQTTSN_PUBREC, .msg_id = x->msg_id},
            kept);
}

static void rejected(struct gw_engine *e, uint32_t index,
                     enum mqttsn_return_code code, const char *reason)
{
    const struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t topic = gw_message_at(&e->up_messages, x->message)->topic;

    e->counters.up_rejected++;
    gw_note_topic(e, GW_NOTE_UP_REJECTED, x->session,
                  gw_names_span(&e->names, topic), 0, reason);
    refuse(e, index, code);
}

void gw_uplink_on_result(struct gw_engine *e, uint32_t index,
                         enum gw_up_outcome outcome)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->kind != GW_X_PUBLISH || x->state != GW_X_HANDED)
        return;
    e->alone = false;
    switch (outcome) {
    case GW_UP_DONE:
        done(e, index);
        return;
    case GW_UP_UNSENT:
        if (x->tries >= TRIES_MAX) {
            rejected(e, index, MQTTSN_REJECTED_NOT_SUPPORTED,
                     "ends_connection");
            return;
        }
        if (x->held && x->qos == 2)
            e->counters.qos2_uncertain++;
        x->held = false;
        e->handed--;
        x->state = GW_X_WAITING;
        line_insert(e, index);
        return;
    case GW_UP_REJECTED:
        rejected(e, index, MQTTSN_REJECTED_NOT_SUPPORTED, "refused");
        return;
    case GW_UP_QUOTA:
        rejected(e, index, MQTTSN_REJECTED_CONGESTION, "quota");
        return;
    }
}

void gw_exchange_on_timeout(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->due = 0;
    switch ((enum gw_exchange_kind)x->kind) {
    case GW_X_PUBLISH:
        if (x->state == GW_X_WAITING) {
            e->counters.up_withdrawn++;
            refuse(e, index, MQTTSN_REJECTED_CONGESTION);
        } else if (x->state == GW_X_HANDED && x->qos == 1 && !x->mute) {
            /* The broker side holds it: it may still arrive, and twice. */
            e->counters.up_withdrawn++;
            gw_reply_puback(e, x->session, x->topic_id, x->msg_id,
                            MQTTSN_REJECTED_CONGESTION);
            x->mute = true;
        }
        return;
    case GW_X_SUBSCRIBE:
        if (x->state == GW_X_DONE)
            return;
        e->counters.up_withdrawn++;
        if (!x->mute)
            gw_subscribe_refuse(e, x->session, x->msg_id, x->topic_id,
                                MQTTSN_REJECTED_CONGESTION);
        gw_exchange_end(e, index);
        return;
    case GW_X_UNSUBSCRIBE:
        if (!x->mute)
            gw_reply_push(e, x->session,
                          &(struct gw_reply){.type = MQTTSN_UNSUBACK,
                                             .msg_id = x->msg_id},
                          0);
        gw_exchange_end(e, index);
        return;
    case GW_X_NONE:
        return;
    }
}
