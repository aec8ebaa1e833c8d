/* SPDX-License-Identifier: MIT */
/*
 * A decoder per layout: it reads all its fields and is judged once, by the
 * reader. What it wrote into its frame is dropped unless it says MQTTSN_OK.
 */
#include "mqttsn/frame.h"

#include "frame_config.h"
#include "mqttsn/reader.h"
#include "wire.h"

struct header {
    size_t len; /* what Length says */
    size_t size;
    uint8_t type;
};

/* A message of fixed size has one length, so too short is as wrong as too
 * long. */
static enum mqttsn_status finish_fixed(const struct mqttsn_reader *r)
{
    return mqttsn_reader_finish(r) == MQTTSN_OK ? MQTTSN_OK : MQTTSN_ELENGTH;
}

#if MQTTSN_FRAME_GATEWAY || MQTTSN_FRAME_RECEIVE || MQTTSN_FRAME_SUBSCRIBE
static struct mqttsn_flags read_flags(struct mqttsn_reader *r, unsigned used)
{
    unsigned octet = mqttsn_read_u8(r) & used;

    return (struct mqttsn_flags){
        .dup = octet & FLAG_DUP,
        .qos = (uint8_t)((octet & FLAG_QOS) >> FLAG_QOS_SHIFT),
        .retain = octet & FLAG_RETAIN,
        .will = octet & FLAG_WILL,
        .clean_session = octet & FLAG_CLEAN_SESSION,
        .topic_type = (uint8_t)(octet & FLAG_TOPIC_TYPE),
    };
}
#endif

#if MQTTSN_FRAME_DISCOVERY
static enum mqttsn_status decode_advertise(struct mqttsn_reader *r,
                                           struct mqttsn_frame *f)
{
    f->advertise.gw_id = mqttsn_read_u8(r);
    f->advertise.duration_s = mqttsn_read_u16(r);
    return finish_fixed(r);
}

static enum mqttsn_status decode_searchgw(struct mqttsn_reader *r,
                                          struct mqttsn_frame *f)
{
    f->searchgw.radius = mqttsn_read_u8(r);
    return finish_fixed(r);
}

static enum mqttsn_status decode_gwinfo(struct mqttsn_reader *r,
                                        struct mqttsn_frame *f)
{
    f->gwinfo.gw_id = mqttsn_read_u8(r);
    f->gwinfo.gw_add = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}
#endif

#if MQTTSN_FRAME_GATEWAY
static enum mqttsn_status decode_connect(struct mqttsn_reader *r,
                                         struct mqttsn_frame *f)
{
    f->connect.flags = read_flags(r, USED_BY_CONNECT);
    f->connect.protocol_id = mqttsn_read_u8(r);
    f->connect.duration_s = mqttsn_read_u16(r);
    f->connect.client_id = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}
#endif

/* CONNACK, WILLTOPICRESP, WILLMSGRESP. */
static enum mqttsn_status decode_return_code(struct mqttsn_reader *r,
                                             struct mqttsn_frame *f)
{
    f->connack.return_code = mqttsn_read_u8(r);
    return finish_fixed(r);
}

#if MQTTSN_FRAME_WILL && MQTTSN_FRAME_GATEWAY
/* WILLTOPIC, WILLTOPICUPD. */
static enum mqttsn_status decode_willtopic(struct mqttsn_reader *r,
                                           struct mqttsn_frame *f)
{
    if (r->left == 0) {
        f->willtopic.empty = true;
        return MQTTSN_OK;
    }

    struct mqttsn_flags flags = read_flags(r, USED_BY_WILLTOPIC);

    /* Flags without a topic ask for the same as nothing at all (G12-43). */
    f->willtopic.empty = r->left == 0;
    if (!f->willtopic.empty)
        f->willtopic.flags = flags;
    f->willtopic.topic = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}

/* WILLMSG, WILLMSGUPD. */
static enum mqttsn_status decode_willmsg(struct mqttsn_reader *r,
                                         struct mqttsn_frame *f)
{
    f->willmsg.message = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}
#endif

#if MQTTSN_FRAME_RECEIVE
static enum mqttsn_status decode_register(struct mqttsn_reader *r,
                                          struct mqttsn_frame *f)
{
    f->reg.topic_id = mqttsn_read_u16(r);
    f->reg.msg_id = mqttsn_read_u16(r);
    f->reg.topic_name = mqttsn_read_rest(r);

    enum mqttsn_status status = mqttsn_reader_finish(r);

    if (status == MQTTSN_OK && f->reg.topic_name.len == 0)
        return MQTTSN_EFIELD;
    return status;
}
#endif

/* REGACK, PUBACK. */
static enum mqttsn_status decode_topic_ack(struct mqttsn_reader *r,
                                           struct mqttsn_frame *f)
{
    f->puback.topic_id = mqttsn_read_u16(r);
    f->puback.msg_id = mqttsn_read_u16(r);
    f->puback.return_code = mqttsn_read_u8(r);
    return finish_fixed(r);
}

#if MQTTSN_FRAME_RECEIVE
static enum mqttsn_status decode_publish(struct mqttsn_reader *r,
                                         struct mqttsn_frame *f)
{
    f->publish.flags = read_flags(r, USED_BY_PUBLISH);
    f->publish.topic_id = mqttsn_read_u16(r);
    f->publish.msg_id = mqttsn_read_u16(r);
    f->publish.data = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}
#endif

#if MQTTSN_FRAME_QOS2 || MQTTSN_FRAME_SUBSCRIBE
/* PUBREC, PUBREL, PUBCOMP, UNSUBACK. */
static enum mqttsn_status decode_msg_id(struct mqttsn_reader *r,
                                        struct mqttsn_frame *f)
{
    f->pubrec.msg_id = mqttsn_read_u16(r);
    return finish_fixed(r);
}
#endif

#if MQTTSN_FRAME_SUBSCRIBE && MQTTSN_FRAME_GATEWAY
/* A name or an id follows, as TopicIdType says. What follows a reserved type
 * is kept whole, for the frame has to be answered (G12-06). */
static enum mqttsn_status decode_filter(struct mqttsn_reader *r, unsigned used,
                                        struct mqttsn_frame *f)
{
    f->subscribe.flags = read_flags(r, used);
    f->subscribe.msg_id = mqttsn_read_u16(r);

    if (r->failed)
        return MQTTSN_ETRUNCATED;

    switch (f->subscribe.flags.topic_type) {
    case MQTTSN_TOPIC_PREDEFINED:
    case MQTTSN_TOPIC_SHORT:
        if (r->left != 2)
            return MQTTSN_EFIELD;
        f->subscribe.topic_id = mqttsn_read_u16(r);
        break;
    case MQTTSN_TOPIC_NORMAL:
        if (r->left == 0)
            return MQTTSN_EFIELD;
        f->subscribe.topic_name = mqttsn_read_rest(r);
        break;
    default:
        f->subscribe.topic_name = mqttsn_read_rest(r);
        break;
    }
    return mqttsn_reader_finish(r);
}
#endif

#if MQTTSN_FRAME_SUBSCRIBE
static enum mqttsn_status decode_suback(struct mqttsn_reader *r,
                                        struct mqttsn_frame *f)
{
    f->suback.flags = read_flags(r, USED_BY_SUBACK);
    f->suback.topic_id = mqttsn_read_u16(r);
    f->suback.msg_id = mqttsn_read_u16(r);
    f->suback.return_code = mqttsn_read_u8(r);
    return finish_fixed(r);
}
#endif

static enum mqttsn_status decode_pingreq(struct mqttsn_reader *r,
                                         struct mqttsn_frame *f)
{
    f->pingreq.client_id = mqttsn_read_rest(r);
    return mqttsn_reader_finish(r);
}

static enum mqttsn_status decode_disconnect(struct mqttsn_reader *r,
                                            struct mqttsn_frame *f)
{
    f->disconnect.has_duration = r->left != 0;
    if (f->disconnect.has_duration)
        f->disconnect.duration_s = mqttsn_read_u16(r);
    return finish_fixed(r);
}

/* By MsgType; a reserved type has none. Encapsulation is not here because its
 * Length does not cover its message. */
static enum mqttsn_status decode_body(struct mqttsn_reader *r,
                                      struct mqttsn_frame *f)
{
    switch ((unsigned)f->type) {
#if MQTTSN_FRAME_DISCOVERY
    case MQTTSN_ADVERTISE:
        return decode_advertise(r, f);
    case MQTTSN_SEARCHGW:
        return decode_searchgw(r, f);
    case MQTTSN_GWINFO:
        return decode_gwinfo(r, f);
#endif
#if MQTTSN_FRAME_GATEWAY
    case MQTTSN_CONNECT:
        return decode_connect(r, f);
#endif
#if MQTTSN_FRAME_WILL
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
#endif
    case MQTTSN_CONNACK:
        return decode_return_code(r, f);
#if MQTTSN_FRAME_WILL
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
#endif
    case MQTTSN_PINGRESP:
        return finish_fixed(r);
#if MQTTSN_FRAME_WILL && MQTTSN_FRAME_GATEWAY
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        return decode_willtopic(r, f);
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        return decode_willmsg(r, f);
#endif
#if MQTTSN_FRAME_RECEIVE
    case MQTTSN_REGISTER:
        return decode_register(r, f);
    case MQTTSN_PUBLISH:
        return decode_publish(r, f);
#endif
#if MQTTSN_FRAME_NAMES
    case MQTTSN_REGACK:
#endif
    case MQTTSN_PUBACK:
        return decode_topic_ack(r, f);
#if MQTTSN_FRAME_QOS2
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_PUBCOMP:
        return decode_msg_id(r, f);
#endif
#if MQTTSN_FRAME_SUBSCRIBE
    case MQTTSN_UNSUBACK:
        return decode_msg_id(r, f);
    case MQTTSN_SUBACK:
        return decode_suback(r, f);
#endif
#if MQTTSN_FRAME_SUBSCRIBE && MQTTSN_FRAME_GATEWAY
    case MQTTSN_SUBSCRIBE:
        return decode_filter(r, USED_BY_SUBSCRIBE, f);
    case MQTTSN_UNSUBSCRIBE:
        return decode_filter(r, USED_BY_UNSUBSCRIBE, f);
#endif
    case MQTTSN_PINGREQ:
        return decode_pingreq(r, f);
    case MQTTSN_DISCONNECT:
        return decode_disconnect(r, f);
    default:
        return MQTTSN_ETYPE;
    }
}

static enum mqttsn_status read_header(struct mqttsn_span datagram,
                                      struct header *ret_header)
{
    const uint8_t *d = datagram.data;

    if (datagram.len < SHORT_HEADER)
        return MQTTSN_ETRUNCATED;
    if (d[0] == 0)
        return MQTTSN_ELENGTH;
    if (d[0] != LENGTH_MARKER) {
        *ret_header = (struct header){d[0], SHORT_HEADER, d[1]};
        return MQTTSN_OK;
    }
    if (datagram.len < LONG_HEADER)
        return MQTTSN_ETRUNCATED;

    size_t len = (size_t)d[1] << 8 | d[2];

    if (len < LONG_HEADER)
        return MQTTSN_ELENGTH;
    *ret_header = (struct header){len, LONG_HEADER, d[3]};
    return MQTTSN_OK;
}

#if MQTTSN_FRAME_GATEWAY
static bool is_paho_len_quirk(const struct header *header, size_t datagram_len)
{
    return header->size == LONG_HEADER && header->len == 255 &&
           datagram_len == 257;
}
#endif

#if MQTTSN_FRAME_FORWARDER
/* Only as far as needed to see the type; the rest is the inner decode's. */
static bool is_encapsulation(struct mqttsn_span message)
{
    struct header header;

    return read_header(message, &header) == MQTTSN_OK &&
           header.type == MQTTSN_ENCAPSULATED;
}

static enum mqttsn_status decode_encapsulated(const struct header *header,
                                              struct mqttsn_span datagram,
                                              struct mqttsn_frame *ret_frame)
{
    if (header->size != SHORT_HEADER)
        return MQTTSN_EFIELD;
    if (header->len > datagram.len)
        return MQTTSN_ETRUNCATED;
    if (header->len <= ENCAPSULATION || header->len == datagram.len)
        return MQTTSN_EFIELD;

    struct mqttsn_span message = {datagram.data + header->len,
                                  datagram.len - header->len};

    if (is_encapsulation(message))
        return MQTTSN_ENESTED;

    memset(ret_frame, 0, sizeof(*ret_frame));
    ret_frame->type = MQTTSN_ENCAPSULATED;
    ret_frame->encapsulated.ctrl = datagram.data[2] & CTRL_RADIUS;
    ret_frame->encapsulated.node_id =
        mqttsn_span(datagram.data + ENCAPSULATION, header->len - ENCAPSULATION);
    ret_frame->encapsulated.message = message;
    return MQTTSN_OK;
}
#endif

enum mqttsn_status mqttsn_decode(struct mqttsn_span datagram, unsigned options,
                                 struct mqttsn_frame *ret_frame)
{
    struct header header;
    enum mqttsn_status status = read_header(datagram, &header);

    if (status != MQTTSN_OK)
        return status;
#if MQTTSN_FRAME_FORWARDER
    if (header.type == MQTTSN_ENCAPSULATED)
        return decode_encapsulated(&header, datagram, ret_frame);
#endif
#if MQTTSN_FRAME_GATEWAY
    if ((options & MQTTSN_DECODE_PAHO_LEN_QUIRK) &&
        is_paho_len_quirk(&header, datagram.len))
        header.len = datagram.len;
#endif
    (void)options;
    if (header.len > datagram.len)
        return MQTTSN_ETRUNCATED;
    if (header.len < datagram.len)
        return MQTTSN_ETRAILING;

    struct mqttsn_reader reader;
    struct mqttsn_frame frame;

    /* The whole of it, so that a field that a layout lacks reads as zero. */
    memset(&frame, 0, sizeof(frame));
    frame.type = (enum mqttsn_type)header.type;
    mqttsn_reader_init(&reader, mqttsn_span(datagram.data + header.size,
                                            header.len - header.size));
    status = decode_body(&reader, &frame);
    if (status == MQTTSN_OK)
        *ret_frame = frame;
    return status;
}
