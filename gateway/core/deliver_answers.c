/* SPDX-License-Identifier: MIT */
/*
 * What the node answers to what is delivered to it [SN 6.10] [SN 6.14]: REGACK,
 * PUBACK, PUBREC, PUBCOMP, and what it means that it refuses.
 */
#include "deliver.h"

/* REGISTERs answered "congestion" before the message is given up (G12-15). */
#define REGISTER_BACKOFF_MAX 3

static void on_regack(struct gw_engine *e, uint32_t session,
                      const struct mqttsn_frame *frame)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c;
    uint32_t topic;

    if (s->down_phase != GW_DOWN_REGACK ||
        frame->regack.msg_id != gw_cold(e, s)->down_msg_id ||
        frame->regack.topic_id != gw_cold(e, s)->down_topic_id) {
        e->counters.rx_ignored++;
        return;
    }
    c = gw_warm(e, session);
    topic = gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, c->down_topic_id);
    if (frame->regack.return_code == MQTTSN_ACCEPTED) {
        if (topic != 0) {
            gw_topic_announce(e, topic);
            gw_store_topic(e, topic);
        }
        c->down_backoff = 0;
        gw_deliver_go_on(e, session);
        return;
    }
    if (frame->regack.return_code == MQTTSN_REJECTED_CONGESTION &&
        c->down_backoff < REGISTER_BACKOFF_MAX) {
        c->down_backoff++;
        gw_deliver_enter(e, session, GW_DOWN_PAUSED,
                         e->policy.options.retry_interval << c->down_backoff);
        gw_session_ready(e, session); /* an awake period ends here */
        return;
    }
    if (frame->regack.return_code != MQTTSN_REJECTED_CONGESTION && topic != 0) {
        uint32_t name = gw_topic_at(e, topic)->name;

        gw_topic_at(e, topic)->flags = GW_T_REFUSED;
        gw_store_topic(e, topic);
        gw_sub_refused_name(e, session, name);
    }
    gw_backlog_drop_head(e, session, &e->counters.drop_name_refused,
                         "name_refused");
    gw_deliver_go_on(e, session);
}

/* The client does not know the id (G12-16). */
static void id_unknown(struct gw_engine *e, uint32_t session, uint8_t type,
                       uint16_t id)
{
    uint32_t topic = gw_topic_by_id(e, session, type, id);

    if (topic == 0)
        return;
    if (type == MQTTSN_TOPIC_PREDEFINED)
        gw_topic_at(e, topic)->flags |= GW_T_UNKNOWN;
    else
        gw_topic_unannounce(e, topic);
}

static void on_invalid_id(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    const struct gw_cold *c = gw_cold(e, s);
    struct gw_place *p = gw_deliver_head(e, s);
    uint32_t topic =
        gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, c->down_topic_id);

    if (c->down_topic_type == MQTTSN_TOPIC_SHORT ||
        (s->flags & GW_S_SECOND_TRY)) {
        if (c->down_topic_type == MQTTSN_TOPIC_NORMAL && topic != 0) {
            gw_topic_at(e, topic)->flags = GW_T_REFUSED;
            gw_store_topic(e, topic);
            gw_sub_refused_name(e, session, gw_topic_at(e, topic)->name);
        }
        gw_backlog_drop_head(e, session, &e->counters.drop_name_refused,
                             "name_refused");
    } else {
        id_unknown(e, session, c->down_topic_type, c->down_topic_id);
        s->flags |= GW_S_SECOND_TRY;
        p->flags &= (uint8_t)~GW_P_SENT;
        p->msg_id = 0; /* it goes out once more, as new */
    }
    gw_deliver_go_on(e, session);
}

static void on_puback(struct gw_engine *e, uint32_t session,
                      const struct mqttsn_frame *frame)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_place *p = gw_deliver_head(e, s);
    uint8_t code = frame->puback.return_code;

    if (p == NULL || p->qos == 0 || !(p->flags & GW_P_SENT) ||
        (p->flags & GW_P_RELEASED) || frame->puback.msg_id != p->msg_id ||
        frame->puback.topic_id != gw_cold(e, s)->down_topic_id) {
        if (code == MQTTSN_REJECTED_INVALID_TOPIC_ID &&
            frame->puback.msg_id == 0) {
            /* About a QoS 0 message, which is gone. */
            id_unknown(e, session, MQTTSN_TOPIC_NORMAL, frame->puback.topic_id);
            id_unknown(e, session, MQTTSN_TOPIC_PREDEFINED,
                       frame->puback.topic_id);
        } else if (code == MQTTSN_REJECTED_CONGESTION &&
                   frame->puback.msg_id == 0 && s->down_phase == GW_DOWN_IDLE) {
            gw_deliver_enter(e, session, GW_DOWN_PAUSED,
                             e->policy.options.client_congestion_wait);
            gw_session_ready(e, session);
        } else {
            e->counters.rx_ignored++;
        }
        return;
    }
    switch (code) {
    case MQTTSN_ACCEPTED:
        if (p->qos != 1) {
            e->counters.rx_ignored++; /* G12-47 */
            return;
        }
        e->counters.down_delivered++;
        gw_backlog_pop(e, session);
        gw_deliver_go_on(e, session);
        return;
    case MQTTSN_REJECTED_CONGESTION:
        gw_deliver_enter(e, session, GW_DOWN_PAUSED,
                         e->policy.options.client_congestion_wait);
        gw_session_ready(e, session);
        return;
    case MQTTSN_REJECTED_INVALID_TOPIC_ID:
        on_invalid_id(e, session);
        return;
    default:
        gw_backlog_drop_head(e, session, &e->counters.drop_rejected,
                             "rejected");
        gw_deliver_go_on(e, session);
        return;
    }
}

static void on_pubrec(struct gw_engine *e, uint32_t session, uint16_t msg_id)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_place *p = gw_deliver_head(e, s);

    if (p == NULL || p->qos != 2 || !(p->flags & GW_P_SENT) ||
        p->msg_id != msg_id) {
        /* Not ours any more: let the node finish (G12-34). */
        if (s->state != GW_ASLEEP)
            gw_reply_push(
                e, session,
                &(struct gw_reply){.type = MQTTSN_PUBREL, .msg_id = msg_id}, 0);
        else
            e->counters.rx_ignored++;
        return;
    }
    if (p->flags & GW_P_RELEASED) {
        gw_deliver_repeat(e, session);
        return;
    }
    p->flags |= GW_P_RELEASED;
    if (s->state != GW_ASLEEP) {
        gw_deliver_keep(e, session);
        return;
    }
    p->flags |= GW_P_UNSURE; /* when it wakes, it is made sure */
    gw_store_place(e, gw_cold(e, s)->queue_head);
}

static void on_pubcomp(struct gw_engine *e, uint32_t session, uint16_t msg_id)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_place *p = gw_deliver_head(e, s);

    if (p == NULL || !(p->flags & GW_P_RELEASED) || p->msg_id != msg_id) {
        e->counters.rx_ignored++;
        return;
    }
    e->counters.down_delivered++;
    gw_backlog_pop(e, session);
    gw_deliver_go_on(e, session);
}

void gw_deliver_on_frame(struct gw_engine *e, uint32_t session,
                         const struct mqttsn_frame *frame)
{
    if (frame->type == MQTTSN_REGACK)
        on_regack(e, session, frame);
    else if (frame->type == MQTTSN_PUBACK)
        on_puback(e, session, frame);
    else if (frame->type == MQTTSN_PUBREC)
        on_pubrec(e, session, frame->pubrec.msg_id);
    else if (frame->type == MQTTSN_PUBCOMP)
        on_pubcomp(e, session, frame->pubcomp.msg_id);
}
