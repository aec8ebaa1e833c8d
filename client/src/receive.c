/* SPDX-License-Identifier: MIT */
/*
 * What comes in: answers to the open step, and what the gateway sends by
 * itself. A frame that changes something also leaves no second reply waiting.
 */
#include "client_private.h"

#define RECEIVES (MQTTSN_CLIENT_SUBSCRIBE || MQTTSN_CLIENT_REFUSE)

static void reply(struct mqttsn_client *c, unsigned type, unsigned topic_id,
                  unsigned msg_id, unsigned code)
{
    c->reply.type = (uint8_t)type;
    c->reply.topic_id = (uint16_t)topic_id;
    c->reply.msg_id = (uint16_t)msg_id;
    c->reply.code = (uint8_t)code;
}

/* The request that the open step belongs to has ended well. */
static void accepted(struct mqttsn_client *c)
{
    mqttsn__answered(c);
    c->attempts = 0;
    mqttsn__finish(c, MQTTSN_CLIENT_ACCEPTED, MQTTSN_ACCEPTED);
    mqttsn__advance(c);
}

static void rejected(struct mqttsn_client *c, unsigned code)
{
    mqttsn__answered(c);
    c->attempts = 0;
    mqttsn__rejected(c, code);
    mqttsn__advance(c);
}

#if MQTTSN_CLIENT_NAMES
/* REGACK, SUBACK: the id, and whether one was given. */
static void on_id(struct mqttsn_client *c, unsigned id, unsigned code)
{
    if (code != MQTTSN_ACCEPTED) {
        rejected(c, code);
        return;
    }
    if (mqttsn__request_topic(c) != NULL && mqttsn__id_valid(id))
        mqttsn__slot_set_id(c, c->request.slot, id);
    if (c->step != MQTTSN_REGISTER ||
        c->request.kind == MQTTSN_REQUEST_REGISTER) {
        accepted(c);
    } else if (!mqttsn__id_valid(id)) {
        rejected(c, MQTTSN_REJECTED_NOT_SUPPORTED);
    } else {
        mqttsn__answered(c);
        mqttsn__advance(c);
    }
}

/* The gateway says that it does not know an id. */
static void forget_id(struct mqttsn_client *c, unsigned id)
{
    unsigned slot = mqttsn__slot_of_id(c, id);

    if (slot != NO_SLOT)
        c->config->topics[slot].id = 0;
}
#endif

static void on_puback(struct mqttsn_client *c, const struct mqttsn_frame *f)
{
    unsigned code = f->puback.return_code;
    struct mqttsn_client_topic *topic = mqttsn__request_topic(c);

    if (c->step != MQTTSN_PUBLISH || f->puback.msg_id != c->request.msg_id) {
        /* An error may come for QoS 0 as well [SN 6.6]; that message is gone,
         * and the next one is spared its fate. */
#if MQTTSN_CLIENT_NAMES
        if (code == MQTTSN_REJECTED_INVALID_TOPIC_ID)
            forget_id(c, f->puback.topic_id);
#endif
        if (code == MQTTSN_REJECTED_CONGESTION)
            mqttsn__arm(c, T_WAIT, MQTTSN_CLIENT_T_WAIT_MS);
        return;
    }
    if (code == MQTTSN_ACCEPTED) {
        /* With QoS 2 it can only tell of an error (G12-47). */
        if (c->request.qos == 1)
            accepted(c);
    } else if (code == MQTTSN_REJECTED_INVALID_TOPIC_ID && topic != NULL &&
               !(c->request.flags & AGAIN)) {
        topic->id = 0;
        c->request.flags = AGAIN;
        mqttsn__answered(c);
        mqttsn__advance(c);
    } else {
        rejected(c, code);
    }
}

#if MQTTSN_CLIENT_WILL
static void on_willresp(struct mqttsn_client *c, unsigned code)
{
    if (code != MQTTSN_ACCEPTED) {
        rejected(c, code);
        return;
    }
    /* Topic first, then message. */
    c->request.flags &= c->request.flags & LEFT_WILL_TOPIC
                            ? (uint8_t)~LEFT_WILL_TOPIC
                            : (uint8_t)~LEFT_WILL_MESSAGE;
    if (c->request.flags & LEFT_WILL_MESSAGE) {
        mqttsn__answered(c);
        mqttsn__advance(c);
    } else {
        accepted(c);
    }
}
#endif

#if MQTTSN_CLIENT_QOS2 && MQTTSN_CLIENT_SUBSCRIBE
/* Whether 'f' is another copy of the message that was taken last: before its
 * PUBREL, or one that the exchange overtook. That it must say the same then is
 * for gateways that use a MsgId again at once. */
static bool is_delivered(struct mqttsn_client *c, const struct mqttsn_frame *f)
{
    uint32_t sum = f->publish.topic_id;
    bool known = f->publish.msg_id == c->release_id;

    for (size_t i = 0; i < f->publish.data.len; i++)
        sum = sum * 31 + f->publish.data.data[i];
    if (known && c->released)
        known = sum == c->release_sum &&
                (uint32_t)c->now - c->released_at < MQTTSN_CLIENT_LATE_MS;
    if (!known) {
        c->release_id = f->publish.msg_id;
        c->release_sum = sum;
        c->released = false;
    }
    return known;
}
#endif

#if MQTTSN_CLIENT_SUBSCRIBE
void mqttsn__on_publish(struct mqttsn_client *c, const struct mqttsn_frame *f)
{
    unsigned qos = f->publish.flags.qos;
    unsigned id = f->publish.topic_id;
    unsigned msg_id = f->publish.msg_id;
    unsigned slot = NO_SLOT;

    if (c->events & 1u << MQTTSN_EVENT_MESSAGE)
        return; /* as though lost */
    if (qos > 1 + MQTTSN_CLIENT_QOS2 ||
        f->publish.flags.topic_type > MQTTSN_TOPIC_SHORT) {
        reply(c, MQTTSN_PUBACK, id, msg_id, MQTTSN_REJECTED_NOT_SUPPORTED);
        return;
    }
    if (f->publish.flags.topic_type == MQTTSN_TOPIC_NORMAL) {
        slot = mqttsn__slot_of_id(c, id);
        if (slot == NO_SLOT) {
            reply(c, MQTTSN_PUBACK, id, msg_id,
                  MQTTSN_REJECTED_INVALID_TOPIC_ID);
            return;
        }
    }
    if (qos == 1)
        reply(c, MQTTSN_PUBACK, id, msg_id, MQTTSN_ACCEPTED);
#if MQTTSN_CLIENT_QOS2
    if (qos == 2) {
        reply(c, MQTTSN_PUBREC, 0, msg_id, 0);
        if (is_delivered(c, f))
            return;
    }
#endif
    c->message.data = f->publish.data;
    c->message.topic_id = (uint16_t)id;
    c->message.topic_type = f->publish.flags.topic_type;
    c->message.slot = (uint8_t)slot;
    c->message.qos = (uint8_t)qos;
    c->message.retain = f->publish.flags.retain;
    c->message.dup = f->publish.flags.dup;
    mqttsn__event(c, MQTTSN_EVENT_MESSAGE);
}
#endif

#if MQTTSN_CLIENT_WILDCARD
unsigned mqttsn__on_register(struct mqttsn_client *c,
                             const struct mqttsn_frame *f)
{
    unsigned slot;

    if (!mqttsn__id_valid(f->reg.topic_id))
        return MQTTSN_REJECTED_INVALID_TOPIC_ID;
    /* A message that waits to be polled may lie under the slot that would be
     * taken; the gateway asks again. */
    slot = mqttsn__slot(c, f->reg.topic_name, 0);
    if (slot == NO_SLOT)
        return MQTTSN_REJECTED_NOT_SUPPORTED;
    mqttsn__slot_set_id(c, slot, f->reg.topic_id);
    return MQTTSN_ACCEPTED;
}
#endif

/* The gateway's own messages: one that must be answered is left alone while
 * another answer waits, as though lost. */
static void on_request(struct mqttsn_client *c, const struct mqttsn_frame *f)
{
#if RECEIVES
    unsigned code = MQTTSN_REJECTED_NOT_SUPPORTED;
#endif

    if (c->reply.type != 0)
        return;
    switch ((unsigned)f->type) {
    case MQTTSN_PINGREQ:
        reply(c, MQTTSN_PINGRESP, 0, 0, 0);
        break;
#if RECEIVES
    case MQTTSN_REGISTER:
#if MQTTSN_CLIENT_WILDCARD
        if (c->events & 1u << MQTTSN_EVENT_MESSAGE)
            return;
        code = mqttsn__on_register(c, f);
#endif
        reply(c, MQTTSN_REGACK, f->reg.topic_id, f->reg.msg_id, code);
        break;
    case MQTTSN_PUBLISH:
#if MQTTSN_CLIENT_SUBSCRIBE
        mqttsn__on_publish(c, f);
#else
        reply(c, MQTTSN_PUBACK, f->publish.topic_id, f->publish.msg_id, code);
#endif
        break;
#endif
#if MQTTSN_CLIENT_QOS2
    case MQTTSN_PUBREL:
        if (f->pubrel.msg_id == c->release_id && !c->released) {
            c->released = true;
            c->released_at = (uint32_t)c->now;
        }
        reply(c, MQTTSN_PUBCOMP, 0, f->pubrel.msg_id, 0);
        break;
#endif
    default:
        break;
    }
}

/* Answers; those that nothing asked for change nothing. */
static void on_answer(struct mqttsn_client *c, const struct mqttsn_frame *f)
{
    switch ((unsigned)f->type) {
    case MQTTSN_CONNACK:
        mqttsn__on_connack(c, f->connack.return_code);
        break;
    case MQTTSN_DISCONNECT:
        mqttsn__on_disconnect(c);
        break;
#if MQTTSN_CLIENT_NAMES
    case MQTTSN_REGACK:
        if (c->step == MQTTSN_REGISTER && f->regack.msg_id == c->register_id)
            on_id(c, f->regack.topic_id, f->regack.return_code);
        break;
#endif
    case MQTTSN_PUBACK:
        on_puback(c, f);
        break;
    case MQTTSN_PINGRESP:
        if (c->step != MQTTSN_PINGREQ)
            break;
        if (c->state == MQTTSN_CLIENT_AWAKE) {
            c->checked_result = MQTTSN_CLIENT_ACCEPTED;
            mqttsn__asleep(c, MQTTSN_EVENT_CHECKED);
        } else {
            mqttsn__answered(c);
        }
        c->attempts = 0;
        mqttsn__advance(c);
        break;
#if MQTTSN_CLIENT_QOS2
    case MQTTSN_PUBREC:
        if (c->step == MQTTSN_PUBLISH && c->request.qos == 2 &&
            f->pubrec.msg_id == c->request.msg_id) {
            c->request.flags |= RELEASED;
            mqttsn__start(c, MQTTSN_PUBREL);
        }
        break;
    case MQTTSN_PUBCOMP:
        if (c->step == MQTTSN_PUBREL && f->pubcomp.msg_id == c->request.msg_id)
            accepted(c);
        break;
#endif
#if MQTTSN_CLIENT_SUBSCRIBE
    case MQTTSN_SUBACK:
        if (c->step != MQTTSN_SUBSCRIBE ||
            f->suback.msg_id != c->request.msg_id)
            break;
        c->request.qos = f->suback.flags.qos;
        on_id(c, f->suback.topic_id, f->suback.return_code);
        break;
    case MQTTSN_UNSUBACK:
        if (c->step == MQTTSN_UNSUBSCRIBE &&
            f->unsuback.msg_id == c->request.msg_id)
            accepted(c);
        break;
#endif
#if MQTTSN_CLIENT_WILL
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
        /* The next step of connecting; asked again, it is sent again. */
        if (c->state == MQTTSN_CLIENT_CONNECTING && c->will != NULL &&
            c->step >= MQTTSN_CONNECT && c->step <= MQTTSN_WILLMSG)
            mqttsn__start(c, f->type + 1u);
        break;
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        if (c->step + 1u == f->type || c->step == f->type - 1u)
            on_willresp(c, f->connack.return_code);
        break;
#endif
    default:
        break;
    }
}

/* Undoes the seal and the wrapping; false when it is not for us. */
static bool unpack(struct mqttsn_client *c, const struct mqttsn_address *from,
                   struct mqttsn_span bytes, struct mqttsn_frame *ret_frame)
{
#if MQTTSN_CLIENT_SEAL
    const struct mqttsn_client_seal *seal = c->config->seal;

    if (seal != NULL && !seal->open(seal->arg, from, bytes, &bytes))
        return false;
#endif
    (void)c;
    (void)from;
    if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, ret_frame) != MQTTSN_OK)
        return false;
#if MQTTSN_CLIENT_FORWARDER_FRAMES
    if (ret_frame->type == MQTTSN_ENCAPSULATED) {
        bytes = ret_frame->encapsulated.message;
        if (!mqttsn_span_equal(ret_frame->encapsulated.node_id,
                               c->config->node_id) ||
            mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, ret_frame) != MQTTSN_OK)
            return false;
    }
#endif
    return true;
}

void mqttsn_client_on_datagram(struct mqttsn_client *c,
                               const struct mqttsn_address *from,
                               struct mqttsn_span bytes, mqttsn_ms now)
{
    struct mqttsn_frame frame;

    mqttsn__enter(c, now);
    if (!unpack(c, from, bytes, &frame))
        return;
    if (frame.type <= MQTTSN_GWINFO) {
#if MQTTSN_CLIENT_DISCOVERY
        mqttsn__on_discovery(c, from, &frame);
#endif
        return;
    }
    /* A client has one gateway; what others send is not for it [SN 6.11]. */
    if (!mqttsn__address_equal(from, &mqttsn__gateway(c)->address))
        return;
    if (c->state == MQTTSN_CLIENT_AWAKE && c->step == MQTTSN_PINGREQ &&
        frame.type != MQTTSN_PINGRESP)
        mqttsn__rearm(c); /* it is at it [SN 6.14] */
    if (c->state == MQTTSN_CLIENT_ACTIVE || c->state == MQTTSN_CLIENT_AWAKE ||
        (c->state == MQTTSN_CLIENT_ASLEEP && c->step != NO_STEP))
        on_request(c, &frame);
    on_answer(c, &frame);
}
