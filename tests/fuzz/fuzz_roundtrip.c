/* SPDX-License-Identifier: MIT */
/*
 * Decode, encode, decode: what the decoder takes, the encoder can write, and
 * both directions agree from then on. With the top bit of the first octet the
 * frame is not decoded but made up of the octets, values that no layout can
 * carry included; the rest of that octet is what is left of the room.
 */
#include "target.h"

#include "codec.h"
#include "mqttsn/frame.h"
#include "mqttsn/reader.h"

enum { MADE_UP = 0x80, SHORTAGE = 0x7f };

static struct mqttsn_flags make_flags(struct mqttsn_reader *r, bool dup,
                                      bool retain)
{
    uint8_t qos = mqttsn_read_u8(r) & 7, type = mqttsn_read_u8(r) & 7;

    return (struct mqttsn_flags){
        .dup = dup && (qos & 4) != 0,
        .qos = qos == 7 ? 7 : qos & 3, /* 7: no layout has it */
        .retain = retain && (type & 4) != 0,
        .topic_type = type == 7 ? 7 : type & 3,
    };
}

static void make_subscribe(struct mqttsn_reader *r, struct mqttsn_frame *f)
{
    f->subscribe.flags = make_flags(r, f->type == MQTTSN_SUBSCRIBE, false);
    if (f->type == MQTTSN_UNSUBSCRIBE && f->subscribe.flags.qos <= 3)
        f->subscribe.flags.qos = 0;
    f->subscribe.msg_id = mqttsn_read_u16(r);
    if (f->subscribe.flags.topic_type == MQTTSN_TOPIC_PREDEFINED ||
        f->subscribe.flags.topic_type == MQTTSN_TOPIC_SHORT)
        f->subscribe.topic_id = mqttsn_read_u16(r);
    else
        f->subscribe.topic_name = mqttsn_read_rest(r);
}

static void make_willtopic(struct mqttsn_reader *r, struct mqttsn_frame *f)
{
    struct mqttsn_flags flags = make_flags(r, false, true);

    flags.topic_type = 0;
    f->willtopic.topic = mqttsn_read_rest(r);
    f->willtopic.empty = f->willtopic.topic.len == 0;
    if (!f->willtopic.empty)
        f->willtopic.flags = flags;
}

/* Only what its layout has, so that it comes back equal. */
static void make_frame(struct mqttsn_reader *r, struct mqttsn_frame *f)
{
    memset(f, 0, sizeof(*f));
    f->type = (enum mqttsn_type)mqttsn_read_u8(r);
    switch (f->type) {
    case MQTTSN_ADVERTISE:
        f->advertise.gw_id = mqttsn_read_u8(r);
        f->advertise.duration_s = mqttsn_read_u16(r);
        break;
    case MQTTSN_SEARCHGW:
        f->searchgw.radius = mqttsn_read_u8(r);
        break;
    case MQTTSN_GWINFO:
        f->gwinfo.gw_id = mqttsn_read_u8(r);
        f->gwinfo.gw_add = mqttsn_read_rest(r);
        break;
    case MQTTSN_CONNECT:
        f->connect.flags.will = mqttsn_read_u8(r) & 1;
        f->connect.flags.clean_session = mqttsn_read_u8(r) & 1;
        f->connect.protocol_id = mqttsn_read_u8(r);
        f->connect.duration_s = mqttsn_read_u16(r);
        f->connect.client_id = mqttsn_read_rest(r);
        break;
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        f->connack.return_code = mqttsn_read_u8(r);
        break;
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        make_willtopic(r, f);
        break;
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        f->willmsg.message = mqttsn_read_rest(r);
        break;
    case MQTTSN_REGISTER:
        f->reg.topic_id = mqttsn_read_u16(r);
        f->reg.msg_id = mqttsn_read_u16(r);
        f->reg.topic_name = mqttsn_read_rest(r);
        break;
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
        f->puback.topic_id = mqttsn_read_u16(r);
        f->puback.msg_id = mqttsn_read_u16(r);
        f->puback.return_code = mqttsn_read_u8(r);
        break;
    case MQTTSN_PUBLISH:
        f->publish.flags = make_flags(r, true, true);
        f->publish.topic_id = mqttsn_read_u16(r);
        f->publish.msg_id = mqttsn_read_u16(r);
        f->publish.data = mqttsn_read_rest(r);
        break;
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_PUBCOMP:
    case MQTTSN_UNSUBACK:
        f->pubrec.msg_id = mqttsn_read_u16(r);
        break;
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
        make_subscribe(r, f);
        break;
    case MQTTSN_SUBACK:
        f->suback.flags = make_flags(r, false, false);
        if (f->suback.flags.topic_type <= 3)
            f->suback.flags.topic_type = 0;
        f->suback.topic_id = mqttsn_read_u16(r);
        f->suback.msg_id = mqttsn_read_u16(r);
        f->suback.return_code = mqttsn_read_u8(r);
        break;
    case MQTTSN_PINGREQ:
        f->pingreq.client_id = mqttsn_read_rest(r);
        break;
    case MQTTSN_DISCONNECT:
        f->disconnect.has_duration = mqttsn_read_u8(r) & 1;
        if (f->disconnect.has_duration)
            f->disconnect.duration_s = mqttsn_read_u16(r);
        break;
    case MQTTSN_ENCAPSULATED:
        f->encapsulated.ctrl = mqttsn_read_u8(r) & 3;
        f->encapsulated.node_id = mqttsn_read_bytes(r, mqttsn_read_u8(r));
        f->encapsulated.message = mqttsn_read_rest(r);
        break;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PINGRESP:
        break;
    }
}

/* Encodes into a heap block of exactly 'cap' octets. */
static enum mqttsn_status encode(const struct mqttsn_frame *f, size_t cap,
                                 uint8_t **ret_buf, size_t *ret_len)
{
    uint8_t *buf = malloc(cap > 0 ? cap : 1);
    enum mqttsn_status status;

    if (buf == NULL)
        abort();
    status = mqttsn_encode(f, buf, cap, ret_len);
    *ret_buf = buf;
    return status;
}

static void check_encoded(const struct mqttsn_frame *f, const uint8_t *octets,
                          size_t len, bool made_up)
{
    uint8_t *again;
    size_t again_len = 0;
    struct mqttsn_frame back;
    enum mqttsn_status status =
        mqttsn_decode(mqttsn_span(octets, len), MQTTSN_DECODE_STRICT, &back);

    /* The inner message of an encapsulation is copied unseen. */
    if (made_up && f->type == MQTTSN_ENCAPSULATED && status == MQTTSN_ENESTED)
        return;
    MUST(status == MQTTSN_OK);
    MUST(frames_equal(f, &back));
    /* Exactly enough is enough, and one octet less is not. */
    MUST(encode(&back, len, &again, &again_len) == MQTTSN_OK);
    MUST(again_len == len && memcmp(again, octets, len) == 0);
    free(again);
    MUST(encode(&back, len - 1, &again, &again_len) == MQTTSN_ENOSPACE);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mqttsn_frame f;
    bool made_up;
    size_t cap, len = 0;
    uint8_t *buf;
    enum mqttsn_status status;

    if (size == 0)
        return 0;
    made_up = (data[0] & MADE_UP) != 0;
    if (made_up) {
        struct mqttsn_reader r;

        mqttsn_reader_init(&r, mqttsn_span(data + 1, size - 1));
        make_frame(&r, &f);
    } else if (mqttsn_decode(mqttsn_span(data + 1, size - 1),
                             MQTTSN_DECODE_PAHO_LEN_QUIRK, &f) != MQTTSN_OK) {
        return 0;
    }
    cap = size + 16;
    cap -= (size_t)(data[0] & SHORTAGE) < cap ? data[0] & SHORTAGE : cap;
    status = encode(&f, cap, &buf, &len);
    /* Whatever was decoded can be written, in no more octets than it came,
     * but for the two that a broken Length had left out. */
    if (!made_up) {
        MUST(status != MQTTSN_EINVAL);
        if (cap > size + 1)
            MUST(status == MQTTSN_OK && len <= size + 1);
    }
    if (status == MQTTSN_OK) {
        MUST(len >= 2 && len <= cap);
        check_encoded(&f, buf, len, made_up);
    }
    free(buf);
    return 0;
}
