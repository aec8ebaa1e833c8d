/* SPDX-License-Identifier: MIT */
/*
 * Unfinished requests of nodes: how they begin, what the broker's answers mean
 * for them, how they end. The lines in which publishes wait are line.c, and
 * what a durable store changes is forward.c.
 */
#include "engine_private.h"

/* QoS 0 publishes of one node that wait while the broker side is busy. */
#define QOS0_WAITING_MAX 16 /* fits its field */

/* Above so many publishes of no session the gateway's own words are not taken.
 */
#define OWN_WORDS_MAX 16

/* A publish that was with the broker side this often when the connection ended
 * is given up. */
#define TRIES_MAX 4

/* After the broker said that it has no room for a message of the gateway's. */
#define QUOTA_PAUSE_MS 10000

/* Its number names it in tokens and at the store. */
static void number(struct gw_engine *e, struct gw_exchange *x)
{
    x->place = ++e->next_place;
    if ((uint32_t)x->place == 0)
        x->place = ++e->next_place;
    x->generation = (uint32_t)x->place;
}

/* Inline here, for it is a part of every publish. */
static inline uint32_t exchange_new(struct gw_engine *e, uint32_t session,
                                    enum gw_exchange_kind kind)
{
    uint32_t index = gw_slab_take(&e->exchanges);
    struct gw_exchange *x;

    if (index == 0)
        return 0;
    x = gw_exchange_at(e, index);
    x->kind = (uint8_t)kind;
    if (kind != GW_X_PUBLISH)
        number(e, x);
    if (session != 0) {
        struct gw_session *s = gw_session_at(e, session);

        x->session = session;
        x->owner = s->number;
        x->next = s->exchanges;
        s->exchanges = index;
    }
    return index;
}

uint32_t gw_exchange_new(struct gw_engine *e, uint32_t session,
                         enum gw_exchange_kind kind)
{
    return exchange_new(e, session, kind);
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

/* Inline here, for it is a part of every end. */
static inline void detach(struct gw_engine *e, struct gw_exchange *x,
                          uint32_t index)
{
    struct gw_session *s;
    uint32_t *link;

    if (x->session == 0)
        return;
    if (x->unanswered)
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

void gw_exchange_detach(struct gw_engine *e, uint32_t index)
{
    detach(e, gw_exchange_at(e, index), index);
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

/* From whichever line or list it is in on its way to the broker. */
static void leave_broker_side(struct gw_engine *e, struct gw_exchange *x,
                              uint32_t index)
{
    if (x->storing)
        gw_forward_unwait(e, index);
    if (x->state == GW_X_WAITING)
        gw_line_remove(e, index);
    else if (x->state == GW_X_HANDED) {
        struct gw_link *l = gw_link_at(e, x->up);

        gw_line_unhand(e, index);
        l->alone = l->alone && l->handed != 0;
    }
}

static void drop_message(struct gw_engine *e, struct gw_exchange *x,
                         uint32_t index)
{
    if (x->stowed)
        gw_forward_unstow(e, index);
    gw_message_unref(&e->up_messages, x->message);
    x->message = 0;
}

void gw_exchange_end(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    detach(e, x, index);
    if (x->kind == GW_X_PUBLISH) {
        bool own_qos0 = x->qos == 0 && !x->stowed;

        leave_broker_side(e, x, index);
        drop_message(e, x, index);
        gw_names_unref(&e->names, x->client);
        x->client = 0;
        e->own_qos0 -= own_qos0;
        forget(e, x);
    } else if (x->up != 0) {
        gw_link_unask(e, index);
        gw_filter_release(e, x->filter, x->wants);
    } else if (x->kind == GW_X_SUBSCRIBE) {
        if (x->window != 0)
            gw_window_leave(e, index);
        gw_filter_release(e, x->filter, x->wants);
    } else if (x->kind == GW_X_UNSUBSCRIBE && x->filter != 0) {
        unlink_from_filter(e, index);
        gw_filter_release(e, x->filter, false);
    }
    *x = (struct gw_exchange){0};
    gw_slab_give_as_is(&e->exchanges, index);
}

uint64_t gw_exchange_done(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    leave_broker_side(e, x, index);
    drop_message(e, x, index);
    x->state = GW_X_DONE;
    x->due = 0;
    return gw_store_exchange(e, index);
}

uint64_t gw_exchange_release(struct gw_engine *e, uint32_t index)
{
    if (gw_exchange_at(e, index)->state == GW_X_DONE) {
        gw_exchange_end(e, index);
    } else {
        gw_exchange_detach(e, index);
        gw_store_exchange(e, index);
    }
    return e->store_queued;
}

void gw_exchange_disown(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->mute = true;
    gw_exchange_detach(e, index);
    forget(e, x); /* a restart must not bring the MsgId back */
}

static void leave(struct gw_engine *e, uint32_t index, bool wipe)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    bool was_dup_only = x->dup_only;

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
    if (x->qos == 2 && !wipe) {
        /* The handshake goes on with the next connection (D7). */
        if (x->kept && !was_dup_only)
            gw_store_exchange(e, index);
        return;
    }
    if (x->owned) {
        gw_exchange_release(e, index); /* acknowledged: it goes on */
        return;
    }
    if (x->state == GW_X_DONE || (x->state != GW_X_HANDED && x->qos != 0 &&
                                  gw_link_at(e, x->up)->state != GW_LINK_UP)) {
        gw_exchange_end(e, index); /* never acknowledged: the node's again */
        return;
    }
    gw_exchange_detach(e, index);
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

        if (x->kind == GW_X_PUBLISH && x->qos == 0)
            oldest = i; /* the list begins with the newest */
    }
    if (oldest != 0) {
        e->counters.up_qos0_dropped++;
        gw_exchange_end(e, oldest);
    }
}

/* Whether the message is, or will be, the gateway's before the broker has it.
 * A QoS 0 one only while the broker is away, or behind such. */
static bool is_stowed(const struct gw_engine *e, uint32_t client, uint8_t qos)
{
    const struct gw_options *o = &e->policy.options;

    return o->durable &&
           (qos != 0 || (o->uplink_qos0 && (e->shared.state != GW_LINK_UP ||
                                            gw_flow_exists(e, client))));
}

/* On its way to the broker: at once, or when it, or what its node sent before
 * it, is stored. */
static void begin(struct gw_engine *e, struct gw_exchange *x, uint32_t index)
{
    uint64_t op = x->qos != 0 ? gw_store_exchange(e, index) : e->store_queued;

    if (!e->policy.options.durable || op <= e->store_done) {
        gw_line_enter(e, index);
        return;
    }
    /* Were QoS 2 handed over before, a crash between could double it. */
    if (x->qos == 2 || gw_flow_is_storing(e, x->client))
        x->state = GW_X_STORING;
    else
        gw_line_enter(e, index);
    if (x->qos != 0 || x->state == GW_X_STORING)
        gw_forward_wait(e, index, op);
}

/* Every publish passes here; without optimization each line stands once. */
#ifdef __OPTIMIZE__
#define IN_LINE inline __attribute__((always_inline))
#else
#define IN_LINE
#endif

/* 'topic_name' is the broker's. In line in both of its callers. */
static IN_LINE uint32_t publish(struct gw_engine *e, uint32_t session,
                                uint32_t client, uint32_t up,
                                uint32_t topic_name, struct mqttsn_span payload,
                                uint8_t qos, bool retain)
{
    bool stow = is_stowed(e, client, qos);
    uint32_t message, index;
    struct gw_exchange *x;

    if (stow && !gw_forward_room(e, payload.len))
        return 0;
    if (session != 0 && qos == 0 && !stow &&
        gw_session_at(e, session)->qos0_waiting >= QOS0_WAITING_MAX)
        drop_oldest_qos0(e, session);
    message =
        gw_message_new(&e->up_messages, topic_name, payload, retain, e->now);
    if (message == 0)
        return 0;
    index = exchange_new(e, stow && qos == 0 ? 0 : session, GW_X_PUBLISH);
    if (index == 0) {
        gw_message_unref(&e->up_messages, message);
        return 0;
    }
    x = gw_exchange_at(e, index);
    x->message = message;
    x->up = up;
    x->qos = qos;
    x->retain = retain;
    if (e->policy.options.durable || session == 0)
        x->client = gw_names_ref(&e->names, client);
    if (stow)
        gw_forward_stow(e, index);
    if (qos != 0) {
        number(e, x);
        x->owned = stow && session == 0;
    } else {
        x->place = e->next_place;
        x->owned = stow;
    }
    if (x->session == 0) {
        e->own_qos0 += qos == 0 && !stow;
    } else if (qos == 0) {
        gw_session_at(e, session)->qos0_waiting++;
    } else {
        x->counted = true;
        gw_session_at(e, session)->exchange_count++;
        x->due = e->now + e->policy.options.upstream_timeout;
        gw_session_arm(e, session, x->due);
    }
    begin(e, x, index);
    return index;
}

/* The name at the broker, held; 0: it would be too long, or there is no room.
 * Apart from the rest, so that who has no prefix pays nothing for it. */
static __attribute__((noinline)) uint32_t
hold_mapped(struct gw_engine *e, uint32_t client, uint32_t topic_name)
{
    char buf[GW_NAME_MAX];
    struct mqttsn_span mapped = gw_policy_map(
        &e->policy, client, gw_names_span(&e->names, topic_name), buf);

    return mapped.len != 0 ? gw_names_intern(&e->names, mapped) : 0;
}

uint32_t gw_uplink_publish(struct gw_engine *e, uint32_t session,
                           uint32_t client, uint32_t up, uint32_t topic_name,
                           struct mqttsn_span payload, uint8_t qos, bool retain)
{
    uint32_t mapped = 0, index;

    if (e->policy.topic_prefix != 0) {
        mapped = hold_mapped(e, client, topic_name);
        if (mapped == 0)
            return 0;
        topic_name = mapped;
    }
    index = publish(e, session, client, up, topic_name, payload, qos, retain);
    gw_names_unref(&e->names, mapped);
    return index;
}

bool gw_engine_publish(struct gw_engine *e, struct mqttsn_span topic,
                       struct mqttsn_span payload, bool retain, mqttsn_ms now)
{
    uint32_t index = 0, name = 0;

    e->now = now;
    if (e->shared.state == GW_LINK_UP && e->own_qos0 < OWN_WORDS_MAX &&
        topic.len <= GW_NAME_MAX && mqttsn_topic_name_valid(topic))
        name = gw_names_intern(&e->names, topic);
    if (name != 0)
        index = publish(e, 0, 0, 0, name, payload, 0, retain);
    gw_names_unref(&e->names, name);
    return index != 0;
}

/* ---- results ----------------------------------------------------------- */

void gw_uplink_refuse(struct gw_engine *e, uint32_t index,
                      enum mqttsn_return_code code)
{
    const struct gw_exchange x = *gw_exchange_at(e, index);

    gw_exchange_end(e, index);
    if (x.session == 0 || x.mute)
        return;
    /* Of QoS 2 it may come again at once: not before no restart can bring this
     * one back. */
    gw_reply_push(e, x.session,
                  &(struct gw_reply){.type = MQTTSN_PUBACK,
                                     .topic_id = x.topic_id,
                                     .msg_id = x.msg_id,
                                     .return_code = (uint8_t)code},
                  x.qos == 2 ? gw_store_all(e) : 0);
}

void gw_uplink_remember(struct gw_engine *e, uint32_t session,
                        const struct gw_exchange *x)
{
    struct gw_cold *c = gw_warm(e, session);

    c->last_valid = true;
    c->last_hash = x->hash;
    c->last_msg_id = x->msg_id;
    c->last_done = e->now;
}

static void done(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint64_t kept;

    if (x->session != 0 && x->qos == 2) {
        /* The broker owns the message; the MsgId stays until PUBREL. */
        kept = gw_exchange_done(e, index);
        if (!x->mute && !x->owned)
            gw_reply_push_kept(
                e, x->session,
                &(struct gw_reply){.type = MQTTSN_PUBREC, .msg_id = x->msg_id},
                kept);
        return;
    }
    if (x->session != 0 && !x->mute) {
        gw_uplink_remember(e, x->session, x);
        gw_reply_puback(e, x->session, x->topic_id, x->msg_id, MQTTSN_ACCEPTED);
    }
    gw_exchange_end(e, index);
}

static void on_done(struct gw_engine *e, uint32_t index)
{
    const struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t item = e->policy.options.durable && x->qos == 2 && x->recorded
                        ? x->generation
                        : 0;

    e->counters.up_acked++;
    done(e, index);
    /* Behind what is kept of it, as with an arrival. */
    if (item != 0)
        gw_store_forget(e, GW_RECORD_ACKNOWLEDGED, 0, item);
}

static void rejected(struct gw_engine *e, uint32_t index,
                     enum mqttsn_return_code code, const char *reason)
{
    const struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t topic = gw_message_at(&e->up_messages, x->message)->topic;

    e->counters.up_rejected++;
    gw_note_topic(e, GW_NOTE_UP_REJECTED, x->session,
                  gw_names_span(&e->names, topic), 0, reason);
    if (x->owned)
        gw_forward_drop(e, index, &e->counters.up_drop_rejected, reason);
    else
        gw_uplink_refuse(e, index, code);
}

/* The broker has no room for it now. Whoever was told that it is accepted
 * cannot be told to try again: the gateway does. */
static void on_quota(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (!x->owned) {
        rejected(e, index, MQTTSN_REJECTED_CONGESTION, "quota");
        return;
    }
    gw_line_unhand(e, index);
    x->tries = 0;
    e->late_from = e->now + QUOTA_PAUSE_MS;
    gw_line_insert(e, index, GW_LINE_LATE);
}

void gw_uplink_on_result(struct gw_engine *e, uint32_t index,
                         enum gw_up_outcome outcome)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->state != GW_X_HANDED)
        return;
    gw_link_at(e, x->up)->alone = false;
    switch (outcome) {
    case GW_UP_DONE:
        on_done(e, index);
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
        gw_line_unhand(e, index);
        gw_line_insert(e, index, GW_LINE_AGAIN);
        return;
    case GW_UP_REJECTED:
        rejected(e, index, MQTTSN_REJECTED_NOT_SUPPORTED, "refused");
        return;
    case GW_UP_QUOTA:
        on_quota(e, index);
        return;
    }
}

void gw_exchange_on_timeout(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->due = 0;
    switch ((enum gw_exchange_kind)x->kind) {
    case GW_X_PUBLISH:
        if (x->state == GW_X_STORING && x->qos == 2) {
            /* To forget it would have to wait for the store as well. */
            x->due = e->now + e->policy.options.upstream_timeout;
            gw_session_arm(e, x->session, x->due);
        } else if (x->state == GW_X_WAITING || x->state == GW_X_STORING) {
            e->counters.up_withdrawn++;
            gw_uplink_refuse(e, index, MQTTSN_REJECTED_CONGESTION);
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
                          gw_store_all(e));
        gw_exchange_end(e, index);
        return;
    case GW_X_NONE:
        return;
    }
}
