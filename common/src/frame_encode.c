/* SPDX-License-Identifier: MIT */
/*
 * Every message but encapsulation is a few fixed fields and then at most one
 * run of octets. The fixed fields are written aside first, so that the total
 * is known before the form of Length has to be chosen.
 */
#include "mqttsn/frame.h"

#include "frame_config.h"
#include "wire.h"

/* The longest fixed part is that of SUBACK. */
enum { FIXED_MAX = 6 };

struct parts {
    uint8_t octets[LONG_HEADER + FIXED_MAX]; /* room for either header first */
    unsigned len;                            /* of it, with that room */
    bool invalid; /* a value that no layout can carry */
    struct mqttsn_span tail;
};

static void put_u8(struct parts *p, unsigned value)
{
    p->octets[p->len++] = (uint8_t)value;
}

/* Most significant octet first. */
static void put_u16(struct parts *p, unsigned value)
{
    put_u8(p, value >> 8);
    put_u8(p, value);
}

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
    put_u8(p, octet & used);
}

#if MQTTSN_FRAME_NAMES || MQTTSN_FRAME_SUBSCRIBE
/* A name that may not be empty. */
static void put_name(struct parts *p, struct mqttsn_span name)
{
    if (name.len == 0)
        p->invalid = true;
    p->tail = name;
}
#endif

#if MQTTSN_FRAME_DISCOVERY && MQTTSN_FRAME_GATEWAY
static void encode_advertise(const struct mqttsn_frame *f, struct parts *p)
{
    put_u8(p, f->advertise.gw_id);
    put_u16(p, f->advertise.duration_s);
}
#endif

#if MQTTSN_FRAME_DISCOVERY
static void encode_searchgw(const struct mqttsn_frame *f, struct parts *p)
{
    put_u8(p, f->searchgw.radius);
}

static void encode_gwinfo(const struct mqttsn_frame *f, struct parts *p)
{
    put_u8(p, f->gwinfo.gw_id);
    p->tail = f->gwinfo.gw_add;
}
#endif

static void encode_connect(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->connect.flags, USED_BY_CONNECT);
    put_u8(p, f->connect.protocol_id);
    put_u16(p, f->connect.duration_s);
    p->tail = f->connect.client_id;
}

#if MQTTSN_FRAME_GATEWAY
/* CONNACK, WILLTOPICRESP, WILLMSGRESP. */
static void encode_return_code(const struct mqttsn_frame *f, struct parts *p)
{
    put_u8(p, f->connack.return_code);
}
#endif

#if MQTTSN_FRAME_WILL
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
#endif

#if MQTTSN_FRAME_NAMES
static void encode_register(const struct mqttsn_frame *f, struct parts *p)
{
    put_u16(p, f->reg.topic_id);
    put_u16(p, f->reg.msg_id);
    put_name(p, f->reg.topic_name);
}
#endif

#if MQTTSN_FRAME_RECEIVE
/* REGACK, PUBACK. */
static void encode_topic_ack(const struct mqttsn_frame *f, struct parts *p)
{
    put_u16(p, f->puback.topic_id);
    put_u16(p, f->puback.msg_id);
    put_u8(p, f->puback.return_code);
}
#endif

static void encode_publish(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->publish.flags, USED_BY_PUBLISH);
    put_u16(p, f->publish.topic_id);
    put_u16(p, f->publish.msg_id);
    p->tail = f->publish.data;
}

#if MQTTSN_FRAME_QOS2 || (MQTTSN_FRAME_SUBSCRIBE && MQTTSN_FRAME_GATEWAY)
/* PUBREC, PUBREL, PUBCOMP, UNSUBACK. */
static void encode_msg_id(const struct mqttsn_frame *f, struct parts *p)
{
    put_u16(p, f->pubrec.msg_id);
}
#endif

#if MQTTSN_FRAME_SUBSCRIBE
static void encode_filter(const struct mqttsn_frame *f, unsigned used,
                          struct parts *p)
{
    put_flags(p, &f->subscribe.flags, used);
    put_u16(p, f->subscribe.msg_id);

    switch (f->subscribe.flags.topic_type) {
    case MQTTSN_TOPIC_PREDEFINED:
    case MQTTSN_TOPIC_SHORT:
        put_u16(p, f->subscribe.topic_id);
        break;
    case MQTTSN_TOPIC_NORMAL:
        put_name(p, f->subscribe.topic_name);
        break;
    default:
        p->tail = f->subscribe.topic_name;
        break;
    }
}
#endif

#if MQTTSN_FRAME_SUBSCRIBE && MQTTSN_FRAME_GATEWAY
static void encode_suback(const struct mqttsn_frame *f, struct parts *p)
{
    put_flags(p, &f->suback.flags, USED_BY_SUBACK);
    put_u16(p, f->suback.topic_id);
    put_u16(p, f->suback.msg_id);
    put_u8(p, f->suback.return_code);
}
#endif

static void encode_pingreq(const struct mqttsn_frame *f, struct parts *p)
{
    p->tail = f->pingreq.client_id;
}

static void encode_disconnect(const struct mqttsn_frame *f, struct parts *p)
{
    if (f->disconnect.has_duration)
        put_u16(p, f->disconnect.duration_s);
}

/* By MsgType, as in frame_decode.c. */
static void encode_body(const struct mqttsn_frame *f, struct parts *p)
{
    switch ((unsigned)f->type) {
#if MQTTSN_FRAME_DISCOVERY
#if MQTTSN_FRAME_GATEWAY
    case MQTTSN_ADVERTISE:
        encode_advertise(f, p);
        break;
#endif
    case MQTTSN_SEARCHGW:
        encode_searchgw(f, p);
        break;
    case MQTTSN_GWINFO:
        encode_gwinfo(f, p);
        break;
#endif
    case MQTTSN_CONNECT:
        encode_connect(f, p);
        break;
#if MQTTSN_FRAME_GATEWAY
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        encode_return_code(f, p);
        break;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
#endif
    case MQTTSN_PINGRESP:
        break;
#if MQTTSN_FRAME_WILL
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        encode_willtopic(f, p);
        break;
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        encode_willmsg(f, p);
        break;
#endif
#if MQTTSN_FRAME_NAMES
    case MQTTSN_REGISTER:
        encode_register(f, p);
        break;
#endif
#if MQTTSN_FRAME_RECEIVE
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
        encode_topic_ack(f, p);
        break;
#endif
    case MQTTSN_PUBLISH:
        encode_publish(f, p);
        break;
#if MQTTSN_FRAME_QOS2
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_PUBCOMP:
        encode_msg_id(f, p);
        break;
#endif
#if MQTTSN_FRAME_SUBSCRIBE
    case MQTTSN_SUBSCRIBE:
        encode_filter(f, USED_BY_SUBSCRIBE, p);
        break;
    case MQTTSN_UNSUBSCRIBE:
        encode_filter(f, USED_BY_UNSUBSCRIBE, p);
        break;
#endif
#if MQTTSN_FRAME_SUBSCRIBE && MQTTSN_FRAME_GATEWAY
    case MQTTSN_SUBACK:
        encode_suback(f, p);
        break;
    case MQTTSN_UNSUBACK:
        encode_msg_id(f, p);
        break;
#endif
    case MQTTSN_PINGREQ:
        encode_pingreq(f, p);
        break;
    case MQTTSN_DISCONNECT:
        encode_disconnect(f, p);
        break;
    default:
        p->invalid = true;
        break;
    }
}

#if MQTTSN_FRAME_FORWARDER
/* Its Length ends with the node id and never needs the 3-octet form. */
static enum mqttsn_status encode_encapsulated(const struct mqttsn_frame *f,
                                              uint8_t *buf, size_t cap,
                                              size_t *ret_len)
{
    struct mqttsn_span node_id = f->encapsulated.node_id;
    struct mqttsn_span message = f->encapsulated.message;
    size_t head = ENCAPSULATION + node_id.len;

    if (node_id.len == 0 || node_id.len > NODE_ID_MAX || message.len == 0)
        return MQTTSN_EINVAL;
    if (cap < head || cap - head < message.len)
        return MQTTSN_ENOSPACE;
    buf[0] = (uint8_t)head;
    buf[1] = MQTTSN_ENCAPSULATED;
    buf[2] = f->encapsulated.ctrl & CTRL_RADIUS;
    memcpy(buf + ENCAPSULATION, node_id.data, node_id.len);
    memcpy(buf + head, message.data, message.len);
    *ret_len = head + message.len;
    return MQTTSN_OK;
}
#endif

/* Writes the header before the fixed fields; the place where it begins. */
static unsigned put_header(struct parts *p, enum mqttsn_type type)
{
    size_t body = p->len - LONG_HEADER + p->tail.len;

    p->octets[LONG_HEADER - 1] = (uint8_t)type;
    if (SHORT_HEADER + body <= SHORT_FORM_MAX) {
        p->octets[LONG_HEADER - SHORT_HEADER] = (uint8_t)(SHORT_HEADER + body);
        return LONG_HEADER - SHORT_HEADER;
    }
    p->octets[0] = LENGTH_MARKER;
    p->octets[1] = (uint8_t)((LONG_HEADER + body) >> 8);
    p->octets[2] = (uint8_t)(LONG_HEADER + body);
    return 0;
}

enum mqttsn_status mqttsn_encode(const struct mqttsn_frame *frame, uint8_t *buf,
                                 size_t cap, size_t *ret_len)
{
    struct parts parts;
    unsigned begin;
    size_t head;

    if (cap > LONG_FORM_MAX)
        cap = LONG_FORM_MAX;
#if MQTTSN_FRAME_FORWARDER
    if (frame->type == MQTTSN_ENCAPSULATED)
        return encode_encapsulated(frame, buf, cap, ret_len);
#endif
    parts.len = LONG_HEADER;
    parts.invalid = false;
    parts.tail = mqttsn_span(NULL, 0);
    encode_body(frame, &parts);
    if (parts.invalid)
        return MQTTSN_EINVAL;

    begin = put_header(&parts, frame->type);
    head = parts.len - begin;
    if (cap < head || cap - head < parts.tail.len)
        return MQTTSN_ENOSPACE;
    memcpy(buf, parts.octets + begin, head);
    if (parts.tail.len != 0)
        memcpy(buf + head, parts.tail.data, parts.tail.len);
    *ret_len = head + parts.tail.len;
    return MQTTSN_OK;
}
