/* SPDX-License-Identifier: MIT */
/*
 * What goes out: replies first, then the step, then discovery. Frames are made
 * at the moment they are sent, so a repetition needs no copy.
 */
#include "client_private.h"

static struct mqttsn_span work(const struct mqttsn_client *c)
{
    return mqttsn_span(c->config->work, c->request.len);
}

#if MQTTSN_CLIENT_NAMES
static struct mqttsn_span name_of(const struct mqttsn_client_topic *topic)
{
    return mqttsn_span(topic->name, topic->name_len);
}
#endif

static void make_publish(const struct mqttsn_client *c, struct mqttsn_frame *f)
{
    const struct mqttsn_client_topic *topic = mqttsn__request_topic(c);

    f->publish.flags.dup = c->request.flags & SENT;
    f->publish.flags.qos = c->request.qos;
    f->publish.flags.retain = c->request.retain;
    f->publish.flags.topic_type = c->request.topic_type;
    f->publish.topic_id = c->request.topic_id;
    if (topic != NULL)
        f->publish.topic_id = topic->id;
    if (c->request.qos == 1 || c->request.qos == 2)
        f->publish.msg_id = c->request.msg_id;
    f->publish.data = work(c);
}

#if MQTTSN_CLIENT_SUBSCRIBE
static void make_filter(const struct mqttsn_client *c, struct mqttsn_frame *f)
{
    const struct mqttsn_client_topic *topic = mqttsn__request_topic(c);

    f->subscribe.flags.dup = c->request.flags & SENT;
    f->subscribe.flags.qos = c->request.qos;
    f->subscribe.flags.topic_type = c->request.topic_type;
    f->subscribe.msg_id = c->request.msg_id;
    f->subscribe.topic_id = c->request.topic_id;
    f->subscribe.topic_name = topic == NULL ? work(c) : name_of(topic);
}
#endif

static void make_step(const struct mqttsn_client *c, struct mqttsn_frame *f)
{
    f->type = (enum mqttsn_type)c->step;
    if (c->step == MQTTSN_PUBLISH) {
        make_publish(c, f);
    } else if (c->step == MQTTSN_CONNECT) {
        f->connect.protocol_id = MQTTSN_PROTOCOL_ID;
        f->connect.duration_s = c->config->keep_alive_s;
        f->connect.client_id = c->config->client_id;
        if (!c->wake_up) {
            f->connect.flags.clean_session =
                c->config->clean_session && !c->started;
#if MQTTSN_CLIENT_WILL
            f->connect.flags.will = c->will != NULL;
#endif
        }
#if MQTTSN_CLIENT_NAMES
    } else if (c->step == MQTTSN_REGISTER) {
        f->reg.msg_id = c->register_id;
        f->reg.topic_name = name_of(mqttsn__request_topic(c));
#endif
    } else if (c->step == MQTTSN_PINGREQ) {
        if (c->state == MQTTSN_CLIENT_AWAKE)
            f->pingreq.client_id = c->config->client_id;
    } else if (c->step == MQTTSN_DISCONNECT) {
        f->disconnect.has_duration = c->announced_s != 0;
        f->disconnect.duration_s = c->announced_s;
#if MQTTSN_CLIENT_SUBSCRIBE
    } else if (c->step == MQTTSN_SUBSCRIBE || c->step == MQTTSN_UNSUBSCRIBE) {
        make_filter(c, f);
#endif
#if MQTTSN_CLIENT_QOS2
    } else if (c->step == MQTTSN_PUBREL) {
        f->pubrel.msg_id = c->request.msg_id;
#endif
#if MQTTSN_CLIENT_WILL
    } else if (c->will == NULL) {
        f->willtopic.empty = true; /* of WILLTOPICUPD */
    } else if (c->step == MQTTSN_WILLTOPIC || c->step == MQTTSN_WILLTOPICUPD) {
        f->willtopic.flags.qos = c->will->qos;
        f->willtopic.flags.retain = c->will->retain;
        f->willtopic.topic = c->will->topic;
    } else {
        f->willmsg.message = c->will->message;
#endif
    }
}

/* The step has been handed out. What is not answered is done with that. */
static void step_sent(struct mqttsn_client *c)
{
    c->step_due = false;
    if (c->step == MQTTSN_PUBLISH &&
        (c->request.qos == 0 || c->request.qos == MQTTSN_QOS_MINUS1)) {
        mqttsn__stop(c);
        mqttsn__finish(c, MQTTSN_CLIENT_ACCEPTED, MQTTSN_ACCEPTED);
        mqttsn__advance(c);
    } else if (c->step == MQTTSN_PUBLISH || c->step == MQTTSN_SUBSCRIBE) {
        c->request.flags |= SENT;
    }
}

static void make_reply(struct mqttsn_client *c, struct mqttsn_frame *f)
{
    f->type = (enum mqttsn_type)c->reply.type;
#if MQTTSN_CLIENT_SUBSCRIBE || MQTTSN_CLIENT_REFUSE
    if (c->reply.type == MQTTSN_REGACK || c->reply.type == MQTTSN_PUBACK) {
        f->puback.topic_id = c->reply.topic_id;
        f->puback.msg_id = c->reply.msg_id;
        f->puback.return_code = c->reply.code;
    }
#endif
#if MQTTSN_CLIENT_QOS2
    if (c->reply.type >= MQTTSN_PUBCOMP && c->reply.type <= MQTTSN_PUBREL)
        f->pubrec.msg_id = c->reply.msg_id;
#endif
    c->reply.type = 0;
}

static bool encode(const struct mqttsn_client *c,
                   const struct mqttsn_frame *frame, uint8_t *buf, size_t cap,
                   struct mqttsn_client_datagram *d)
{
    size_t head = 0;

#if MQTTSN_CLIENT_FORWARDER_FRAMES
    if (c->config->node_id.len != 0) {
        /* The wrapping with one octet in it, which then gives way. */
        static const uint8_t none = 0;
        struct mqttsn_frame outer = {
            .type = MQTTSN_ENCAPSULATED,
            .encapsulated = {.node_id = c->config->node_id,
                             .message = {&none, 1}}};

        if (d->to == NULL)
            outer.encapsulated.ctrl = d->radius < 3 ? d->radius : 3;
        if (mqttsn_encode(&outer, buf, cap, &head) != MQTTSN_OK)
            return false;
        head--;
    }
#endif
    if (mqttsn_encode(frame, buf + head, cap - head, &d->len) != MQTTSN_OK)
        return false;
    d->len += head;
#if MQTTSN_CLIENT_SEAL
    const struct mqttsn_client_seal *seal = c->config->seal;

    if (seal != NULL &&
        !seal->seal(seal->arg, d->to, buf, d->len, cap, &d->len))
        return false;
#endif
    (void)c;
    return true;
}

bool mqttsn_client_poll_send(struct mqttsn_client *c, mqttsn_ms now,
                             uint8_t *buf, size_t cap,
                             struct mqttsn_client_datagram *ret_datagram)
{
    mqttsn__enter(c, now);
    for (;;) {
        struct mqttsn_client_datagram d = {.to = &mqttsn__gateway(c)->address};
        struct mqttsn_frame frame;
        bool sent;
#if MQTTSN_CLIENT_DISCOVERY
        uint8_t gw_add[1 + MQTTSN_CLIENT_ADDRESS_MAX];
#endif

        memset(&frame, 0, sizeof(frame));
        if (c->reply.type != 0) {
            make_reply(c, &frame);
            sent = encode(c, &frame, buf, cap, &d);
        } else if (c->step_due) {
            make_step(c, &frame);
            sent = encode(c, &frame, buf, cap, &d);
            step_sent(c);
        } else {
#if MQTTSN_CLIENT_DISCOVERY
            d.to = NULL;
            if (!mqttsn__discovery_send(c, &frame, gw_add, &d.radius))
                return false;
            sent = encode(c, &frame, buf, cap, &d);
#else
            return false;
#endif
        }
        if (sent) {
            *ret_datagram = d;
            return true;
        }
    }
}
