/* SPDX-License-Identifier: MIT */
/*
 * Every message but encapsulation is a few fixed fields and then at most one
 * run of octets. The fixed fields are written aside first, so that the total
 * is known before the form of Length has to be chosen.
 */
#include "mqttsn/frame.h"

#include "mqttsn/writer.h"
#include "wire.h"

/* The longest fixed part is that of SUBACK. */
enum { FIXED_MAX = 6 };

struct parts {
    struct mqttsn_writer fixed;
    struct mqttsn_span tail;
    bool invalid; /* a value that no layout can carry */
};

static void put_flags(struct parts *p, const struct mqttsn_flags *flags,
                      unsigned used)
{
    unsigned octet = 0;

    if (flags->qos > 3 || flags->topic_type > 3)
        p->invalid = true;
    octet |= flags->dup ? FLAG_DUP : 0u;
    octet |= (unsigned)flags->qos << FLAG_QOS_SHIFT;
    octet |= flags->retain ? FLAG_RETAIN : 0u;
    octet |= flags->will ? FLAG_WILL : 0u;
    octet |= flags->clean_session ? FLAG_CLEAN_SESSION : 0u;
    octet |= flags->topic_type;
    mqttsn_write_u8(&p->fixed, (uint8_t)(octet & used));
}

/* A name that may not be empty. */
static void put_name(struct parts *p, struct mqttsn_span name)
{
    if (name.len == 0)
        p->invalid = true;
    p->tail = name;
}

static void encode_advertise(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u8(&p->fixed, f->advertise.gw_id);
    mqttsn_write_u16(&p->fixed, f->advertise.duration_s);
}

static void encode_searchgw(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u8(&p->fixed, f->searchgw.radius);
}

static void encode_gwinfo(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u8(&p->fixed, f->gwinfo.gw_id);
    p->tail = f->gwinfo.gw_add;
}

static void encode_connect(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->connect.flags, USED_BY_CONNECT);
    mqttsn_write_u8(&p->fixed, f->connect.protocol_id);
    mqttsn_write_u16(&p->fixed, f->connect.duration_s);
    p->tail = f->connect.client_id;
}

/* CONNACK, WILLTOPICRESP, WILLMSGRESP. */
static void encode_return_code(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u8(&p->fixed, f->connack.return_code);
}

/* WILLTOPICREQ, WILLMSGREQ, PINGRESP. */
static void encode_nothing(const struct mqttsn_frame *f, struct parts *p)
{
    (void)f;
    (void)p;
}

/* WILLTOPIC, WILLTOPICUPD. Flags without a topic are never sent (G12-43). */
static void encode_willtopic(const struct mqttsn_frame *f, struct parts *p)
{
    if (f->willtopic.empty || f->willtopic.topic.len == 0)
        return;
    put_flags(p, &f->willtopic.flags, USED_BY_WILLTOPIC);
    p->tail = f->willtopic.topic;
}

/* WILLMSG, WILLMSGUPD. */
static void encode_willmsg(const struct mqttsn_frame *f, struct parts *p)
{
    p->tail = f->willmsg.message;
}

static void encode_register(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u16(&p->fixed, f->reg.topic_id);
    mqttsn_write_u16(&p->fixed, f->reg.msg_id);
    put_name(p, f->reg.topic_name);
}

/* REGACK, PUBACK. */
static void encode_topic_ack(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u16(&p->fixed, f->puback.topic_id);
    mqttsn_write_u16(&p->fixed, f->puback.msg_id);
    mqttsn_write_u8(&p->fixed, f->puback.return_code);
}

static void encode_publish(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->publish.flags, USED_BY_PUBLISH);
    mqttsn_write_u16(&p->fixed, f->publish.topic_id);
    mqttsn_write_u16(&p->fixed, f->publish.msg_id);
    p->tail = f->publish.data;
}

/* PUBREC, PUBREL, PUBCOMP, UNSUBACK. */
static void encode_msg_id(const struct mqttsn_frame *f, struct parts *p)
{
    mqttsn_write_u16(&p->fixed, f->pubrec.msg_id);
}

static void encode_filter(const struct mqttsn_frame *f, unsigned used,
                          struct parts *p)
{
    put_flags(p, &f->subscribe.flags, used);
    mqttsn_write_u16(&p->fixed, f->subscribe.msg_id);

    switch (f->subscribe.flags.topic_type) {
    case MQTTSN_TOPIC_PREDEFINED:
    case MQTTSN_TOPIC_SHORT:
        mqttsn_write_u16(&p->fixed, f->subscribe.topic_id);
        break;
    case MQTTSN_TOPIC_NORMAL:
        put_name(p, f->subscribe.topic_name);
        break;
    default:
        p->tail = f->subscribe.topic_name;
        break;
    }
}

static void encode_subscribe(const struct mqttsn_frame *f, struct parts *p)
{
    encode_filter(f, USED_BY_SUBSCRIBE, p);
}

static void encode_unsubscribe(const struct mqttsn_frame *f, struct parts *p)
{
    encode_filter(f, USED_BY_UNSUBSCRIBE, p);
}

static void encode_suback(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->suback.flags, USED_BY_SUBACK);
    mqttsn_write_u16(&p->fixed, f->suback.topic_id);
    mqttsn_write_u16(&p->fixed, f->suback.msg_id);
    mqttsn_write_u8(&p->fixed, f->suback.return_code);
}

static void encode_pingreq(const struct mqttsn_frame *f, struct parts *p)
{
    p->tail = f->pingreq.client_id;
}

static void encode_disconnect(const struct mqttsn_frame *f, struct parts *p)
{
    if (f->disconnect.has_duration)
        mqttsn_write_u16(&p->fixed, f->disconnect.duration_s);
}

/* By MsgType, as in frame_decode.c. */
static void (*const encoders[])(const struct mqttsn_frame *, struct parts *) = {
    [MQTTSN_ADVERTISE] = encode_advertise,
    [MQTTSN_SEARCHGW] = encode_searchgw,
    [MQTTSN_GWINFO] = encode_gwinfo,
    [MQTTSN_CONNECT] = encode_connect,
    [MQTTSN_CONNACK] = encode_return_code,
    [MQTTSN_WILLTOPICREQ] = encode_nothing,
    [MQTTSN_WILLTOPIC] = encode_willtopic,
    [MQTTSN_WILLMSGREQ] = encode_nothing,
    [MQTTSN_WILLMSG] = encode_willmsg,
    [MQTTSN_REGISTER] = encode_register,
    [MQTTSN_REGACK] = encode_topic_ack,
    [MQTTSN_PUBLISH] = encode_publish,
    [MQTTSN_PUBACK] = encode_topic_ack,
    [MQTTSN_PUBCOMP] = encode_msg_id,
    [MQTTSN_PUBREC] = encode_msg_id,
    [MQTTSN_PUBREL] = encode_msg_id,
    [MQTTSN_SUBSCRIBE] = encode_subscribe,
    [MQTTSN_SUBACK] = encode_suback,
    [MQTTSN_UNSUBSCRIBE] = encode_unsubscribe,
    [MQTTSN_UNSUBACK] = encode_msg_id,
    [MQTTSN_PINGREQ] = encode_pingreq,
    [MQTTSN_PINGRESP] = encode_nothing,
    [MQTTSN_DISCONNECT] = encode_disconnect,
    [MQTTSN_WILLTOPICUPD] = encode_willtopic,
    [MQTTSN_WILLTOPICRESP] = encode_return_code,
    [MQTTSN_WILLMSGUPD] = encode_willmsg,
    [MQTTSN_WILLMSGRESP] = encode_return_code,
};

/* Its Length ends with the node id and never needs the 3-octet form. */
static enum mqttsn_status encode_encapsulated(const struct mqttsn_frame *f,
                                              struct mqttsn_writer *out,
                                              size_t *ret_len)
{
    struct mqttsn_span node_id = f->encapsulated.node_id;
    struct mqttsn_span message = f->encapsulated.message;

    if (node_id.len == 0 || node_id.len > NODE_ID_MAX || message.len == 0)
        return MQTTSN_EINVAL;
    mqttsn_write_u8(out, (uint8_t)(ENCAPSULATION + node_id.len));
    mqttsn_write_u8(out, MQTTSN_ENCAPSULATED);
    mqttsn_write_u8(out, f->encapsulated.ctrl & CTRL_RADIUS);
    mqttsn_write_bytes(out, node_id);
    mqttsn_write_bytes(out, message);
    return mqttsn_writer_finish(out, ret_len);
}

static void put_header(struct mqttsn_writer *out, size_t body,
                       enum mqttsn_type type)
{
    if (SHORT_HEADER + body <= SHORT_MAX) {
        mqttsn_write_u8(out, (uint8_t)(SHORT_HEADER + body));
    } else {
        mqttsn_write_u8(out, LENGTH_MARKER);
        mqttsn_write_u16(out, (uint16_t)(LONG_HEADER + body));
    }
    mqttsn_write_u8(out, (uint8_t)type);
}

enum mqttsn_status mqttsn_encode(const struct mqttsn_frame *frame, uint8_t *buf,
                                 size_t cap, size_t *ret_len)
{
    uint8_t fixed[FIXED_MAX];
    struct parts parts = {.invalid = false};
    struct mqttsn_writer out;
    size_t type = frame->type;
    size_t fixed_len;

    mqttsn_writer_init(&out, buf, cap < LONG_MAX ? cap : LONG_MAX);
    if (type == MQTTSN_ENCAPSULATED)
        return encode_encapsulated(frame, &out, ret_len);
    if (type >= sizeof(encoders) / sizeof(encoders[0]) ||
        encoders[type] == NULL)
        return MQTTSN_EINVAL;

    mqttsn_writer_init(&parts.fixed, fixed, sizeof(fixed));
    encoders[type](frame, &parts);
    if (parts.invalid ||
        mqttsn_writer_finish(&parts.fixed, &fixed_len) != MQTTSN_OK)
        return MQTTSN_EINVAL;
    if (parts.tail.len > LONG_MAX - LONG_HEADER - fixed_len)
        return MQTTSN_ENOSPACE;

    put_header(&out, fixed_len + parts.tail.len, frame->type);
    mqttsn_write_bytes(&out, mqttsn_span(fixed, fixed_len));
    mqttsn_write_bytes(&out, parts.tail);
    return mqttsn_writer_finish(&out, ret_len);
}
