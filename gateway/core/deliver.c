/* SPDX-License-Identifier: MIT */
/*
 * From the head of the queue to the node [SN 6.10] [SN 6.14]: one message at a
 * time, its REGISTER immediately before it when the node lacks the id, each
 * handshake finished before the next begins, PINGRESP last.
 */
#include "deliver.h"

/* Awake periods that may fail on one message before it is given up. */
#define FAILED_WAKES_MAX 3

static uint16_t next_msg_id(struct gw_session *s)
{
    /* One exchange is open at a time, so no other id is in use. */
    do {
        s->next_msg_id++;
    } while (s->next_msg_id == 0);
    return s->next_msg_id;
}

void gw_deliver_enter(struct gw_engine *e, uint32_t session,
                      enum gw_down_phase phase, mqttsn_ms wait)
{
    struct gw_session *s = gw_session_at(e, session);

    struct gw_cold *c;

    s->down_phase = (uint8_t)phase;
    s->flags &= ~(unsigned)GW_S_DOWN_SEND;
    if (s->cold == 0 && wait == 0)
        return; /* it reads so already */
    c = gw_warm(e, session);
    c->down_tries = 0;
    c->down_due = wait ? e->now + wait : 0;
    if (wait)
        gw_session_arm(e, session, c->down_due);
}

void gw_deliver_go_on(struct gw_engine *e, uint32_t session)
{
    gw_deliver_enter(e, session, GW_DOWN_IDLE, 0);
    gw_session_ready(e, session);
}

void gw_deliver_suspend(struct gw_engine *e, uint32_t session)
{
    gw_deliver_enter(e, session, GW_DOWN_IDLE, 0);
}

void gw_deliver_keep(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_place *p = gw_deliver_head(e, s);
    uint64_t kept = gw_store_place(e, gw_cold(e, s)->queue_head);

    p->flags |= GW_P_UNSURE;
    gw_deliver_enter(e, session, GW_DOWN_STORE, 0);
    gw_reply_push_kept(
        e, session,
        &(struct gw_reply){.type = GW_REPLY_RESUME,
                           .msg_id = p->msg_id,
                           .return_code = p->flags & GW_P_RELEASED},
        kept);
}

/*
 * While the store fails nothing of QoS 2 goes a step further: sent without its
 * record, it would be another message to its node after a crash. It is tried
 * again, and an awake period ends meanwhile.
 */
void gw_deliver_on_kept(struct gw_engine *e, uint32_t session,
                        const struct gw_reply *resume)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_place *p = gw_deliver_head(e, s);

    if (resume->topic_id == 0) {
        /* Of an earlier head, or of what it was before: then the word on what
         * it is now is under way. */
        if (p == NULL || p->msg_id != resume->msg_id ||
            (p->flags & GW_P_RELEASED) != resume->return_code)
            return;
        if (!resume->failed)
            p->flags &= (uint8_t)~GW_P_UNSURE;
    }
    if (s->down_phase != GW_DOWN_STORE)
        return;
    if (resume->topic_id == 0 && resume->failed)
        gw_deliver_enter(e, session, GW_DOWN_PAUSED,
                         e->policy.options.retry_interval);
    else
        s->down_phase = GW_DOWN_IDLE;
}

void gw_deliver_repeat(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (s->down_phase >= GW_DOWN_REGACK && s->down_phase <= GW_DOWN_PUBCOMP)
        s->flags |= GW_S_DOWN_SEND;
    gw_session_ready(e, session);
}

/* ---- out --------------------------------------------------------------- */

enum id_choice { ID_KNOWN, ID_REGISTER, ID_REFUSED, ID_NONE };

/* How the client is to be told the topic; the first that fits (G12-12). */
static enum id_choice choose_id(struct gw_engine *e, uint32_t session,
                                uint32_t name)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);
    struct mqttsn_span octets = gw_names_span(&e->names, name);
    uint32_t normal = gw_topic_by_name(e, session, MQTTSN_TOPIC_NORMAL, name);
    uint32_t predefined, index;
    bool open;

    if (normal != 0 && gw_topic_is_announced(e, normal)) {
        c->down_topic_type = MQTTSN_TOPIC_NORMAL;
        c->down_topic_id = gw_topic_at(e, normal)->id;
        return ID_KNOWN;
    }
    predefined = gw_topic_by_name(e, session, MQTTSN_TOPIC_PREDEFINED, name);
    if (predefined != 0 &&
        !(gw_topic_at(e, predefined)->flags & GW_T_UNKNOWN) &&
        gw_policy_predefined_name(&e->policy, s->client_id,
                                  gw_topic_at(e, predefined)->id,
                                  &open) == name) {
        c->down_topic_type = MQTTSN_TOPIC_PREDEFINED;
        c->down_topic_id = gw_topic_at(e, predefined)->id;
        return ID_KNOWN;
    }
    if (mqttsn_short_topic_valid(octets)) {
        c->down_topic_type = MQTTSN_TOPIC_SHORT;
        c->down_topic_id = mqttsn_short_topic_id(octets);
        return ID_KNOWN;
    }
    if (gw_topic_register(e, session, octets, &index) != MQTTSN_OK)
        return ID_NONE;
    if (gw_topic_at(e, index)->flags & GW_T_REFUSED)
        return ID_REFUSED;
    c->down_topic_type = MQTTSN_TOPIC_NORMAL;
    c->down_topic_id = gw_topic_at(e, index)->id;
    return ID_REGISTER;
}

static void register_frame(struct gw_engine *e, const struct gw_session *s,
                           struct mqttsn_frame *f)
{
    const struct gw_cold *c = gw_cold(e, s);
    struct gw_message *m =
        gw_message_at(&e->down_messages, gw_deliver_head(e, s)->message);

    memset(f, 0, sizeof(*f));
    f->type = MQTTSN_REGISTER;
    f->reg.topic_id = c->down_topic_id;
    f->reg.msg_id = c->down_msg_id;
    f->reg.topic_name = gw_names_span(&e->names, m->topic);
}

static void publish_frame(struct gw_engine *e, const struct gw_session *s,
                          struct mqttsn_frame *f)
{
    const struct gw_cold *c = gw_cold(e, s);
    struct gw_place *p = gw_deliver_head(e, s);
    struct gw_message *m = gw_message_at(&e->down_messages, p->message);

    gw_message_copy(&e->down_messages, m, e->scratch);
    memset(f, 0, sizeof(*f));
    f->type = MQTTSN_PUBLISH;
    f->publish.flags.qos = p->qos;
    f->publish.flags.retain = m->retain;
    f->publish.flags.dup = p->qos != 0 && (p->flags & GW_P_SENT) != 0;
    f->publish.flags.topic_type = c->down_topic_type;
    f->publish.topic_id = c->down_topic_id;
    f->publish.msg_id = p->qos ? p->msg_id : 0;
    f->publish.data = mqttsn_span(e->scratch, m->payload_len);
    if (f->publish.flags.dup)
        gw_count_again(e, &e->counters.tx_again_publish);
    p->flags |= GW_P_SENT;
}

static void pubrel_frame(struct gw_place *p, struct mqttsn_frame *f)
{
    memset(f, 0, sizeof(*f));
    f->type = MQTTSN_PUBREL;
    f->pubrel.msg_id = p->msg_id;
}

/* The step under way once more. */
static bool repeat_step(struct gw_engine *e, uint32_t session,
                        struct mqttsn_frame *f)
{
    struct gw_session *s = gw_session_at(e, session);

    s->flags &= ~(unsigned)GW_S_DOWN_SEND;
    switch ((enum gw_down_phase)s->down_phase) {
    case GW_DOWN_REGACK:
        gw_count_again(e, &e->counters.tx_again_register);
        register_frame(e, s, f);
        return true;
    case GW_DOWN_PUBACK:
    case GW_DOWN_PUBREC:
        publish_frame(e, s, f);
        return true;
    case GW_DOWN_PUBCOMP:
        gw_count_again(e, &e->counters.tx_again_pubrel);
        pubrel_frame(gw_deliver_head(e, s), f);
        return true;
    case GW_DOWN_IDLE:
    case GW_DOWN_STORE:
    case GW_DOWN_PAUSED:
    case GW_DOWN_STALLED:
        break;
    }
    return false;
}

static void drop_too_large(struct gw_engine *e, uint32_t session)
{
    gw_backlog_count_too_large(
        e, session,
        gw_message_at(&e->down_messages,
                      gw_deliver_head(e, gw_session_at(e, session))->message)
            ->topic);
    gw_backlog_pop(e, session);
}

/* An id must be kept before the node can learn it: else it might mean another
 * name after a crash (G12-11). False: that takes a while, then it goes on. */
static bool name_is_kept(struct gw_engine *e, uint32_t session)
{
    uint16_t id = gw_cold(e, gw_session_at(e, session))->down_topic_id;
    uint32_t topic = gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, id);
    uint64_t kept;

    if (!(gw_topic_at(e, topic)->flags & GW_T_NEW))
        return true;
    kept = gw_store_topic(e, topic);
    if (kept <= e->store_done) {
        gw_topic_kept(e, topic);
        return true;
    }
    gw_deliver_enter(e, session, GW_DOWN_STORE, 0);
    gw_reply_push(e, session,
                  &(struct gw_reply){.type = GW_REPLY_RESUME, .topic_id = id},
                  kept);
    return false;
}

/* Begins to deliver the head. False: it waits, or was dropped; '*ret_again'
 * says which. */
static bool begin(struct gw_engine *e, uint32_t session, struct mqttsn_frame *f,
                  bool *ret_again)
{
    mqttsn_ms retry = e->policy.options.retry_interval;
    struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);
    struct gw_place *p = gw_deliver_head(e, s);
    struct gw_message *m = gw_message_at(&e->down_messages, p->message);

    *ret_again = true;
    if ((p->flags & GW_P_RELEASED) && (p->flags & GW_P_UNSURE)) {
        gw_deliver_keep(e, session);
        *ret_again = false;
        return false;
    }
    if (p->flags & GW_P_RELEASED) {
        gw_deliver_enter(e, session, GW_DOWN_PUBCOMP, retry);
        pubrel_frame(p, f);
        return true;
    }
    if (gw_backlog_drop_old(e, session))
        return false;
    if (s->subacks != 0 || ((p->flags & GW_P_CLAIM) && s->subs_pending != 0)) {
        *ret_again = false; /* its SUBACK goes first (G12-39) */
        return false;
    }
    if (!gw_session_carries(e, session, 7, m->payload_len)) {
        drop_too_large(e, session);
        return false;
    }
    switch (choose_id(e, session, m->topic)) {
    case ID_NONE:
        gw_backlog_drop_head(e, session, &e->counters.drop_no_topic_id,
                             "no_topic_id");
        return false;
    case ID_REFUSED:
        gw_backlog_drop_head(e, session, &e->counters.drop_name_refused,
                             "name_refused");
        return false;
    case ID_REGISTER:
        if (!gw_session_carries(e, session, 6,
                                gw_names_span(&e->names, m->topic).len)) {
            drop_too_large(e, session);
            return false;
        }
        if (!name_is_kept(e, session)) {
            *ret_again = false;
            return false;
        }
        c->down_msg_id = next_msg_id(s);
        gw_deliver_enter(e, session, GW_DOWN_REGACK, retry);
        register_frame(e, s, f);
        return true;
    case ID_KNOWN:
        break;
    }
    if (p->qos != 0 && p->msg_id == 0) {
        p->msg_id = next_msg_id(s);
        /* After a crash the node must see the same MsgId again. */
        if (p->qos == 2)
            p->flags |= GW_P_UNSURE;
    }
    if (p->flags & GW_P_UNSURE) {
        gw_deliver_keep(e, session);
        *ret_again = false;
        return false;
    }
    if (s->state == GW_AWAKE && !(s->flags & GW_S_HEAD_COUNTED)) {
        s->flags |= GW_S_HEAD_COUNTED;
        if (++c->awake_sent == e->policy.options.awake_max_messages)
            s->flags |= GW_S_AWAKE_OVER;
    }
    publish_frame(e, s, f);
    if (p->qos == 0) {
        e->counters.down_delivered++;
        gw_backlog_pop(e, session);
    } else {
        gw_deliver_enter(e, session,
                         p->qos == 1 ? GW_DOWN_PUBACK : GW_DOWN_PUBREC, retry);
    }
    return true;
}

bool gw_deliver_take(struct gw_engine *e, uint32_t session,
                     struct mqttsn_frame *ret_frame)
{
    struct gw_session *s = gw_session_at(e, session);
    bool again = true;

    if (s->addr.family == 0 || (s->flags & GW_S_CONNACK_DUE) ||
        (s->state != GW_ACTIVE && s->state != GW_AWAKE))
        return false;
    if (s->flags & GW_S_DOWN_SEND)
        return repeat_step(e, session, ret_frame);
    /* What went out in this awake period is finished in it. */
    while (s->down_phase == GW_DOWN_IDLE && gw_deliver_head(e, s) != NULL &&
           again &&
           (s->flags & (GW_S_AWAKE_OVER | GW_S_HEAD_COUNTED)) !=
               GW_S_AWAKE_OVER) {
        if (begin(e, session, ret_frame, &again))
            return true;
    }
    if (s->state == GW_AWAKE && again &&
        (s->down_phase == GW_DOWN_IDLE || s->down_phase == GW_DOWN_PAUSED)) {
        gw_sleep_end_awake(e, session, true);
        memset(ret_frame, 0, sizeof(*ret_frame));
        ret_frame->type = MQTTSN_PINGRESP;
        return true;
    }
    return false;
}

/* ---- silence ----------------------------------------------------------- */

/* The awake period ends without PINGRESP; the message waits for the next, but
 * not for ever (G12-18a). */
static void wake_failed(struct gw_engine *e, uint32_t session)
{
    struct gw_place *p = gw_deliver_head(e, gw_session_at(e, session));

    gw_deliver_suspend(e, session);
    if (++p->failed_wakes >= FAILED_WAKES_MAX)
        gw_backlog_drop_head(e, session, &e->counters.drop_unresponsive,
                             "unresponsive");
    else if (p->flags & GW_P_KEPT)
        gw_store_place(e, gw_cold(e, gw_session_at(e, session))->queue_head);
    gw_sleep_end_awake(e, session, false);
}

static void exhausted(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    const struct gw_cold *c = gw_cold(e, s);

    if (s->state == GW_AWAKE) {
        wake_failed(e, session);
        return;
    }
    if (s->down_phase == GW_DOWN_REGACK) {
        uint32_t topic =
            gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, c->down_topic_id);

        e->counters.register_timeout++;
        gw_note(e, GW_NOTE_REGISTER_TIMEOUT, session, c->down_topic_id, NULL);
        if (topic != 0) {
            gw_topic_at(e, topic)->flags = GW_T_REFUSED; /* G12-15 */
            gw_store_topic(e, topic);
        }
        gw_backlog_drop_head(e, session, &e->counters.drop_name_refused,
                             "name_refused");
        gw_deliver_go_on(e, session);
        return;
    }
    gw_note(e, GW_NOTE_UNRESPONSIVE, session, c->queue_count, NULL);
    gw_deliver_enter(e, session, GW_DOWN_STALLED, 0);
}

void gw_deliver_on_deadline(struct gw_engine *e, uint32_t session)
{
    const struct gw_options *o = &e->policy.options;
    struct gw_session *s = gw_session_at(e, session);

    struct gw_cold *c = gw_warm(e, session);

    c->down_due = 0;
    switch ((enum gw_down_phase)s->down_phase) {
    case GW_DOWN_REGACK:
    case GW_DOWN_PUBACK:
    case GW_DOWN_PUBREC:
    case GW_DOWN_PUBCOMP:
        if (c->down_tries >= o->retry_count) {
            exhausted(e, session);
            return;
        }
        c->down_tries++;
        s->flags |= GW_S_DOWN_SEND;
        c->down_due = e->now + o->retry_interval;
        gw_session_ready(e, session);
        return;
    case GW_DOWN_PAUSED:
        gw_deliver_go_on(e, session);
        return;
    case GW_DOWN_IDLE:
    case GW_DOWN_STORE:
    case GW_DOWN_STALLED:
        return;
    }
}
