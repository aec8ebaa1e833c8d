/* SPDX-License-Identifier: MIT */
/*
 * What a node registers and publishes [SN 6.5] [SN 6.6] [SN 6.8].
 */
#include "handlers.h"

/* QoS -1 publishes that wait while the broker side is busy. */
#define OWN_QOS0_MAX 256

enum mqttsn_return_code gw_topic_refusal(struct gw_engine *e, uint32_t session,
                                         enum mqttsn_status status)
{
    if (status == MQTTSN_EPROTO)
        return MQTTSN_REJECTED_NOT_SUPPORTED; /* G12-11 */
    e->counters.up_congestion++;
    gw_note(e, GW_NOTE_TABLE_FULL, session, 0, "topics");
    return MQTTSN_REJECTED_CONGESTION;
}

void gw_on_register(struct gw_engine *e, uint32_t session,
                    const struct mqttsn_frame *frame)
{
    struct gw_reply reply = {.type = MQTTSN_REGACK,
                             .msg_id = frame->reg.msg_id};
    uint64_t kept = 0;
    uint32_t index;

    if (!mqttsn_topic_name_valid(frame->reg.topic_name) ||
        !gw_policy_may_publish(&e->policy, gw_session_at(e, session)->client_id,
                               frame->reg.topic_name)) {
        e->counters.up_refused_topic++;
        reply.return_code = MQTTSN_REJECTED_NOT_SUPPORTED; /* G12-40 */
    } else if (gw_store_behind(e)) {
        e->counters.up_congestion++;
        reply.return_code = MQTTSN_REJECTED_CONGESTION;
    } else {
        enum mqttsn_status status =
            gw_topic_register(e, session, frame->reg.topic_name, &index);

        if (status == MQTTSN_OK) {
            /* The client asked by name: what it refused before is forgotten
             * (G12-15); it knows the id from the REGACK (G12-13). */
            gw_topic_at(e, index)->flags &= GW_T_NEW;
            reply.announces = true;
            reply.topic_id = gw_topic_at(e, index)->id;
            kept = gw_store_topic(e, index);
        } else {
            reply.return_code = gw_topic_refusal(e, session, status);
        }
    }
    gw_reply_push(e, session, &reply, kept);
}

/* A short name, held; 0 and why there is none. */
static uint32_t intern_short(struct gw_engine *e, uint16_t topic_id,
                             enum mqttsn_return_code *ret_code)
{
    uint8_t octets[2];
    uint32_t name;

    mqttsn_short_topic_name(topic_id, octets);
    *ret_code = MQTTSN_REJECTED_INVALID_TOPIC_ID;
    if (!mqttsn_short_topic_valid(mqttsn_span(octets, 2)))
        return 0;
    *ret_code = MQTTSN_REJECTED_CONGESTION;
    name = gw_names_intern(&e->names, mqttsn_span(octets, 2));
    return name;
}

/* The topic a PUBLISH names; 0: none, and why. It lasts as long as what it was
 * found by, or until the caller gives up '*ret_held'. */
static uint32_t publish_topic(struct gw_engine *e, uint32_t session,
                              const struct mqttsn_frame *frame,
                              uint32_t *ret_held,
                              enum mqttsn_return_code *ret_code)
{
    uint32_t index, name = 0;
    bool open;

    *ret_held = 0;
    *ret_code = MQTTSN_REJECTED_INVALID_TOPIC_ID;
    switch ((enum mqttsn_topic_type)frame->publish.flags.topic_type) {
    case MQTTSN_TOPIC_NORMAL:
        index = gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL,
                               frame->publish.topic_id);
        if (index != 0)
            name = gw_topic_at(e, index)->name;
        break;
    case MQTTSN_TOPIC_PREDEFINED:
        name = gw_policy_predefined_name(&e->policy,
                                         gw_session_at(e, session)->client_id,
                                         frame->publish.topic_id, &open);
        if (name != 0) {
            /* It publishes on it, so it knows it (G12-12). */
            gw_topic_note_predefined(e, session, frame->publish.topic_id, name);
        }
        break;
    case MQTTSN_TOPIC_SHORT:
        name = *ret_held = intern_short(e, frame->publish.topic_id, ret_code);
        break;
    case MQTTSN_TOPIC_RESERVED:
        *ret_code = MQTTSN_REJECTED_NOT_SUPPORTED; /* G12-06 */
        return 0;
    }
    if (name == 0)
        return 0;
    if ((gw_policy_asks_again(&e->policy) ||
         frame->publish.flags.topic_type != MQTTSN_TOPIC_NORMAL) &&
        !gw_policy_may_publish(&e->policy, gw_session_at(e, session)->client_id,
                               gw_names_span(&e->names, name))) {
        *ret_code = MQTTSN_REJECTED_NOT_SUPPORTED;
        return 0;
    }
    return name;
}

static void refuse(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame,
                   enum mqttsn_return_code code)
{
    if (code == MQTTSN_REJECTED_INVALID_TOPIC_ID)
        e->counters.up_unknown_topic++;
    else if (code == MQTTSN_REJECTED_CONGESTION)
        e->counters.up_congestion++;
    else
        e->counters.up_refused_topic++;
    /* A QoS 0 flood earns no flood of answers (G12-47). */
    if (frame->publish.flags.qos == 0 &&
        !gw_bucket_take(gw_bucket_of(e, e->stranger_source,
                                     &gw_session_at(e, session)->addr, 3),
                        1, 3, e->now))
        return;
    gw_reply_puback(e, session, frame->publish.topic_id, frame->publish.msg_id,
                    code);
}

/* Tells one message from another: topic and payload. */
static uint64_t message_hash(const struct mqttsn_frame *frame)
{
    uint64_t key[2] = {
        gw_lasting_hash(frame->publish.data.data, frame->publish.data.len),
        (uint64_t)frame->publish.flags.qos << 32 |
            (uint64_t)frame->publish.flags.topic_type << 16 |
            frame->publish.topic_id};

    return gw_lasting_hash(key, sizeof(key));
}

/* An open QoS 2 exchange that its node has forgotten. */
static void give_up(struct gw_engine *e, uint32_t exchange)
{
    const struct gw_exchange *x = gw_exchange_at(e, exchange);

    if (x->owned)
        gw_exchange_release(e, exchange);
    else if (x->state == GW_X_HANDED)
        gw_exchange_disown(e, exchange); /* it counts until its result */
    else
        gw_exchange_end(e, exchange);
}

/* True: the frame repeats one that was taken in; it is dealt with (D7). */
static bool is_repetition(struct gw_engine *e, uint32_t session,
                          const struct mqttsn_frame *frame, uint64_t hash)
{
    const struct gw_options *o = &e->policy.options;
    const struct gw_cold *c = gw_cold(e, gw_session_at(e, session));
    uint16_t msg_id = frame->publish.msg_id;
    uint32_t open = gw_exchange_find(e, session, GW_X_PUBLISH, msg_id);

    if (open != 0) {
        struct gw_exchange *x = gw_exchange_at(e, open);

        if (x->dup_only && !(frame->publish.flags.dup && x->hash == hash)) {
            give_up(e, open); /* the MsgId has a new owner */
            return false;
        }
        e->counters.up_duplicates++;
        x->mute = false;
        if (x->due == 0 && x->qos == 1) {
            /* It was answered congestion, and waits anew. */
            x->due = e->now + o->upstream_timeout;
            gw_session_arm(e, session, x->due);
        }
        if (x->state == GW_X_DONE || x->owned)
            gw_reply_push(
                e, session,
                &(struct gw_reply){.type = MQTTSN_PUBREC, .msg_id = msg_id},
                e->store_queued);
        return true;
    }
    if (!frame->publish.flags.dup || !c->last_valid ||
        c->last_msg_id != msg_id || c->last_hash != hash ||
        e->now - c->last_done > o->retry_interval * (o->retry_count + 1))
        return false;
    e->counters.up_duplicates++;
    if (frame->publish.flags.qos == 1)
        gw_reply_puback(e, session, frame->publish.topic_id, msg_id,
                        MQTTSN_ACCEPTED);
    else /* it was overtaken by its PUBREL */
        gw_reply_push(
            e, session,
            &(struct gw_reply){.type = MQTTSN_PUBREC, .msg_id = msg_id},
            gw_store_all(e));
    return true;
}

/* Room for one more request of the node. An open QoS 2 MsgId of an earlier
 * connection that was never released gives way, oldest first: its node has
 * long begun anew. */
static bool has_room(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t oldest = 0;

    if (s->exchange_count < e->policy.options.client_inflight_max)
        return true;
    for (uint32_t i = s->exchanges; i != 0; i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind == GW_X_PUBLISH && x->qos == 2 && x->dup_only &&
            (x->state == GW_X_DONE || x->owned))
            oldest = i; /* the list begins with the newest */
    }
    if (oldest != 0)
        give_up(e, oldest);
    return oldest != 0;
}

void gw_on_publish(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame)
{
    uint8_t qos = frame->publish.flags.qos;
    enum mqttsn_return_code code;
    uint64_t hash = 0;
    uint32_t name, held, index = 0;

    if (qos != 0) {
        hash = message_hash(frame);
        if (is_repetition(e, session, frame, hash))
            return;
        if (gw_store_behind(e) || !has_room(e, session)) {
            refuse(e, session, frame, MQTTSN_REJECTED_CONGESTION);
            return;
        }
    }
    name = publish_topic(e, session, frame, &held, &code);
    if (frame->publish.flags.retain &&
        e->policy.options.broker_retain == GW_RETAIN_REFUSE) {
        code = MQTTSN_REJECTED_NOT_SUPPORTED;
        name = 0;
    }
    if (name != 0) {
        code = MQTTSN_REJECTED_CONGESTION;
        index = gw_uplink_publish(
            e, session, gw_session_at(e, session)->client_id,
            gw_session_at(e, session)->up, name, frame->publish.data, qos,
            frame->publish.flags.retain);
    }
    gw_names_unref(&e->names, held);
    if (index == 0) {
        refuse(e, session, frame, code);
        return;
    }
    if (qos != 0) {
        struct gw_exchange *x = gw_exchange_at(e, index);

        x->msg_id = frame->publish.msg_id;
        x->topic_id = frame->publish.topic_id;
        x->topic_type = frame->publish.flags.topic_type;
        x->hash = hash;
    }
}

/* [SN 6.8] as D6 allows it; never an answer, never a sign of life. */
void gw_on_publish_minus1(struct gw_engine *e, const struct gw_peer *peer,
                          const struct mqttsn_frame *frame)
{
    const struct gw_options *o = &e->policy.options;
    uint8_t octets[2];
    uint32_t name = 0;
    bool open = false;

    if (gw_policy_qos_minus1_source(&e->policy, &peer->addr)) {
        if (frame->publish.flags.topic_type == MQTTSN_TOPIC_PREDEFINED) {
            name = gw_policy_predefined_name(&e->policy, 0,
                                             frame->publish.topic_id, &open);
            name = open ? gw_names_ref(&e->names, name) : 0;
        } else if (frame->publish.flags.topic_type == MQTTSN_TOPIC_SHORT &&
                   o->qos_minus1_short) {
            mqttsn_short_topic_name(frame->publish.topic_id, octets);
            if (mqttsn_short_topic_valid(mqttsn_span(octets, 2)))
                name = gw_names_intern(&e->names, mqttsn_span(octets, 2));
        }
    }
    if (name != 0 && e->own_qos0 < OWN_QOS0_MAX &&
        gw_policy_may_publish(&e->policy, 0, gw_names_span(&e->names, name)) &&
        gw_uplink_publish(e, 0, 0, 0, name, frame->publish.data, 0,
                          frame->publish.flags.retain &&
                              o->qos_minus1_retain) != 0)
        e->counters.qos_minus1_accepted++;
    else
        e->counters.qos_minus1_refused++;
    gw_names_unref(&e->names, name);
}

void gw_on_pubrel(struct gw_engine *e, uint32_t session,
                  const struct mqttsn_frame *frame)
{
    uint16_t msg_id = frame->pubrel.msg_id;
    uint32_t open = gw_exchange_find(e, session, GW_X_PUBLISH, msg_id);
    uint64_t kept;

    /* PUBCOMP lets the node use the MsgId for the next message: no restart may
     * take that for this one. Nor when PUBREL comes again, since that may be
     * for want of this answer. */
    if (open != 0 && gw_exchange_at(e, open)->qos == 2 &&
        (gw_exchange_at(e, open)->state == GW_X_DONE ||
         gw_exchange_at(e, open)->owned)) {
        gw_uplink_remember(e, session, gw_exchange_at(e, open));
        kept = gw_exchange_release(e, open);
    } else {
        kept = gw_store_all(e);
    }
    gw_reply_push(e, session,
                  &(struct gw_reply){.type = MQTTSN_PUBCOMP, .msg_id = msg_id},
                  kept);
}
