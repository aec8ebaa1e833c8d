/* SPDX-License-Identifier: MIT */
/*
 * What is published for a node that is lost: how it is set, changed [SN 6.4],
 * published and deleted.
 */
#include "handlers.h"

void gw_will_set_topic(struct gw_engine *e, uint32_t session, uint32_t name,
                       uint8_t qos, bool retain)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);

    gw_names_unref(&e->names, c->will_topic);
    c->will_topic = name;
    c->will_qos = qos;
    s->flags |= GW_S_WILL;
    s->flags &= ~(unsigned)GW_S_WILL_RETAIN;
    if (retain)
        s->flags |= GW_S_WILL_RETAIN;
    gw_link_will_changed(e, session);
}

void gw_will_set_message(struct gw_engine *e, uint32_t session, uint32_t name)
{
    struct gw_cold *c = gw_warm(e, session);

    gw_names_unref(&e->names, c->will_message);
    c->will_message = name;
    gw_session_at(e, session)->flags |= GW_S_WILL_MSG;
    gw_link_will_changed(e, session);
}

/* Will QoS 3 is treated as 0 (G12-06). */
uint8_t gw_will_qos(struct gw_engine *e, uint32_t session,
                    const struct mqttsn_flags *flags)
{
    if (flags->qos <= 2)
        return flags->qos;
    gw_note(e, GW_NOTE_WILL_QOS, session, flags->qos, NULL);
    return 0;
}

void gw_will_delete(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c;

    if (!(s->flags & (GW_S_WILL | GW_S_WILL_MSG)))
        return;
    c = gw_warm(e, session);
    gw_names_unref(&e->names, c->will_topic);
    gw_names_unref(&e->names, c->will_message);
    c->will_topic = c->will_message = 0;
    c->will_qos = 0;
    s->flags &= ~(unsigned)(GW_S_WILL | GW_S_WILL_MSG | GW_S_WILL_RETAIN);
    gw_link_will_changed(e, session);
    gw_cold_rests(e, session);
}

void gw_will_publish(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    const struct gw_cold *c;
    uint32_t index, up = s->up;

    if (!(s->flags & GW_S_WILL) ||
        gw_session_settings(e, session)->will == GW_WILL_NEVER)
        return;
    /* It is made anew just now, and the broker has heard good-bye for it: the
     * gateway's own takes its place. */
    if (up != 0 && gw_link_at(e, up)->parted)
        up = 0;
    /* Its own connection broke before: the broker has published it, or will. */
    if (up != 0 && gw_link_at(e, up)->state != GW_LINK_UP)
        return;
    c = gw_cold(e, s);
    if (!gw_policy_may_publish(&e->policy, s->client_id,
                               gw_names_span(&e->names, c->will_topic))) {
        /* It might when it was set. */
        e->counters.wills_dropped++;
        e->counters.up_refused_topic++;
        return;
    }
    index = gw_uplink_publish(e, 0, s->client_id, up, c->will_topic,
                              gw_names_span(&e->names, c->will_message),
                              c->will_qos, (s->flags & GW_S_WILL_RETAIN) != 0);
    if (index == 0) {
        e->counters.wills_dropped++;
        gw_note(e, GW_NOTE_TABLE_FULL, session, 0, "will dropped");
        return;
    }
    e->counters.wills_published++;
    gw_note_topic(e, GW_NOTE_WILL_PUBLISHED, session,
                  gw_names_span(&e->names, c->will_topic), c->will_qos, NULL);
}

void gw_on_willupd(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame)
{
    struct gw_reply reply = {.type = frame->type == MQTTSN_WILLTOPICUPD
                                         ? MQTTSN_WILLTOPICRESP
                                         : MQTTSN_WILLMSGRESP};
    uint32_t name = 0;
    uint64_t kept;

    if (gw_store_behind(e)) {
        reply.return_code = MQTTSN_REJECTED_CONGESTION;
    } else if (frame->type == MQTTSN_WILLTOPICUPD) {
        struct mqttsn_span topic = frame->willtopicupd.topic;

        if (frame->willtopicupd.empty || topic.len == 0)
            gw_will_delete(e, session);
        else if (!mqttsn_topic_name_valid(topic) ||
                 !gw_policy_may_publish(
                     &e->policy, gw_session_at(e, session)->client_id, topic))
            reply.return_code = MQTTSN_REJECTED_NOT_SUPPORTED;
        else if ((name = gw_names_intern(&e->names, topic)) == 0)
            reply.return_code = MQTTSN_REJECTED_CONGESTION;
        else
            gw_will_set_topic(
                e, session, name,
                gw_will_qos(e, session, &frame->willtopicupd.flags),
                frame->willtopicupd.flags.retain);
    } else {
        struct mqttsn_span message = frame->willmsgupd.message;

        if (message.len > GW_NAMES_LONGEST)
            reply.return_code = MQTTSN_REJECTED_NOT_SUPPORTED;
        else if (message.len != 0 &&
                 (name = gw_names_intern(&e->names, message)) == 0)
            reply.return_code = MQTTSN_REJECTED_CONGESTION;
        else
            gw_will_set_message(e, session, name);
    }
    kept = reply.return_code == MQTTSN_ACCEPTED ? gw_store_will(e, session) : 0;
    gw_reply_push(e, session, &reply, kept);
}
