/* SPDX-License-Identifier: MIT */
#include "mqttsn/text.h"

#include <assert.h>

#include "mqttsn/topic.h"

/*
 * A line being written. Octets come in pieces that are kept or left out whole
 * (an escape is never cut in two); 'safe' is the last end of a piece behind
 * which "..." still fits.
 */
struct line {
    char *buf;
    size_t room; /* without the NUL */
    size_t len;
    size_t safe;
    bool cut;
};

enum { DOTS = 3 };

static const char hex_digits[] = "0123456789abcdef";

static void line_init(struct line *line, char *buf, size_t cap)
{
    assert(cap >= 1);
    *line = (struct line){.buf = buf, .room = cap - 1};
}

static size_t line_finish(struct line *line)
{
    if (line->cut) {
        line->len = line->safe;
        while (line->len < line->room && line->len < line->safe + DOTS)
            line->buf[line->len++] = '.';
    }
    line->buf[line->len] = '\0';
    return line->len;
}

static void put_piece(struct line *line, const char *piece, size_t len)
{
    if (line->cut || line->room - line->len < len) {
        line->cut = true;
        return;
    }
    memcpy(line->buf + line->len, piece, len);
    line->len += len;
    if (line->room - line->len >= DOTS)
        line->safe = line->len;
}

static void put_text(struct line *line, const char *text)
{
    for (; *text != '\0'; text++)
        put_piece(line, text, 1);
}

static void put_number(struct line *line, size_t value)
{
    char digits[3 * sizeof(value)];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put_piece(line, digits + at, sizeof(digits) - at);
}

static void put_hex(struct line *line, struct mqttsn_span octets)
{
    for (size_t i = 0; i < octets.len && !line->cut; i++) {
        char piece[] = {hex_digits[octets.data[i] >> 4],
                        hex_digits[octets.data[i] & 0x0f]};

        put_piece(line, piece, sizeof(piece));
    }
}

static void put_escaped(struct line *line, struct mqttsn_span octets)
{
    for (size_t i = 0; i < octets.len && !line->cut; i++) {
        uint8_t octet = octets.data[i];
        char piece[] = {'\\', 'x', hex_digits[octet >> 4],
                        hex_digits[octet & 0x0f]};

        if (octet > ' ' && octet < 0x7f && octet != '"' && octet != '\\') {
            piece[0] = (char)octet;
            put_piece(line, piece, 1);
        } else {
            put_piece(line, piece, sizeof(piece));
        }
    }
}

/* " key=7" */
static void put_field(struct line *line, const char *key, size_t value)
{
    put_text(line, key);
    put_number(line, value);
}

static void put_octets(struct line *line, const char *key,
                       struct mqttsn_span octets)
{
    put_text(line, key);
    put_escaped(line, octets);
}

static void put_qos(struct line *line, const struct mqttsn_flags *flags)
{
    if (flags->qos == MQTTSN_QOS_MINUS1)
        put_text(line, " qos=-1");
    else
        put_field(line, " qos=", flags->qos);
}

static void put_return_code(struct line *line, uint8_t return_code)
{
    put_text(line, " ");
    put_text(line, mqttsn_return_code_text(return_code));
    if (return_code > MQTTSN_REJECTED_NOT_SUPPORTED)
        put_field(line, ":", return_code);
}

static void put_topic_id(struct line *line, uint8_t topic_type,
                         uint16_t topic_id)
{
    uint8_t name[2];

    switch (topic_type) {
    case MQTTSN_TOPIC_NORMAL:
        put_field(line, " topic=", topic_id);
        break;
    case MQTTSN_TOPIC_PREDEFINED:
        put_field(line, " topic=predefined:", topic_id);
        break;
    case MQTTSN_TOPIC_SHORT:
        mqttsn_short_topic_name(topic_id, name);
        put_octets(line, " topic=short:", mqttsn_span(name, sizeof(name)));
        break;
    default:
        put_field(line, " topic=reserved:", topic_id);
        break;
    }
}

/* A payload is quoted, so that an empty one can be seen. */
static void put_payload(struct line *line, struct mqttsn_span data,
                        unsigned options)
{
    put_field(line, " data=", data.len);
    if (!(options & MQTTSN_TEXT_PAYLOAD))
        return;
    put_octets(line, " \"", data);
    put_text(line, "\"");
}

static void put_connect(struct line *line, const struct mqttsn_frame *f)
{
    put_field(line, " clean=", f->connect.flags.clean_session);
    put_field(line, " will=", f->connect.flags.will);
    if (f->connect.protocol_id != MQTTSN_PROTOCOL_ID)
        put_field(line, " protocol=", f->connect.protocol_id);
    put_field(line, " duration=", f->connect.duration_s);
    put_octets(line, " id=", f->connect.client_id);
}

static void put_willtopic(struct line *line, const struct mqttsn_frame *f)
{
    if (f->willtopic.empty) {
        put_text(line, " empty");
        return;
    }
    put_qos(line, &f->willtopic.flags);
    put_field(line, " retain=", f->willtopic.flags.retain);
    put_octets(line, " topic=", f->willtopic.topic);
}

static void put_publish(struct line *line, const struct mqttsn_frame *f,
                        unsigned options)
{
    put_field(line, " dup=", f->publish.flags.dup);
    put_qos(line, &f->publish.flags);
    put_field(line, " retain=", f->publish.flags.retain);
    put_topic_id(line, f->publish.flags.topic_type, f->publish.topic_id);
    put_field(line, " msg=", f->publish.msg_id);
    put_payload(line, f->publish.data, options);
}

static void put_filter(struct line *line, const struct mqttsn_frame *f)
{
    put_field(line, " msg=", f->subscribe.msg_id);
    switch (f->subscribe.flags.topic_type) {
    case MQTTSN_TOPIC_PREDEFINED:
    case MQTTSN_TOPIC_SHORT:
        put_topic_id(line, f->subscribe.flags.topic_type,
                     f->subscribe.topic_id);
        break;
    case MQTTSN_TOPIC_NORMAL:
        put_octets(line, " name=", f->subscribe.topic_name);
        break;
    default:
        put_octets(line, " name=reserved:", f->subscribe.topic_name);
        break;
    }
}

static void put_topic_ack(struct line *line, const struct mqttsn_frame *f)
{
    put_field(line, " topic=", f->puback.topic_id);
    put_field(line, " msg=", f->puback.msg_id);
    put_return_code(line, f->puback.return_code);
}

static void put_frame(struct line *line, const struct mqttsn_frame *f,
                      unsigned options);

/* The inner message is judged here, for nobody else has. It is one level
 * deep, even in a frame that no decoder has seen (G12-46). */
static void put_encapsulated(struct line *line, const struct mqttsn_frame *f,
                             unsigned options)
{
    struct mqttsn_frame inner;
    enum mqttsn_status status = mqttsn_decode(
        f->encapsulated.message, MQTTSN_DECODE_PAHO_LEN_QUIRK, &inner);

    put_field(line, " radius=", f->encapsulated.ctrl & 0x03u);
    put_text(line, " node=");
    put_hex(line, f->encapsulated.node_id);
    put_text(line, " (");
    if (status == MQTTSN_OK && inner.type != MQTTSN_ENCAPSULATED) {
        put_frame(line, &inner, options);
    } else {
        put_text(line, "malformed: ");
        put_text(line, mqttsn_status_text(status == MQTTSN_OK ? MQTTSN_ENESTED
                                                              : status));
    }
    put_text(line, ")");
}

static void put_fields(struct line *line, const struct mqttsn_frame *f,
                       unsigned options)
{
    switch (f->type) {
    case MQTTSN_ADVERTISE:
        put_field(line, " gw=", f->advertise.gw_id);
        put_field(line, " duration=", f->advertise.duration_s);
        break;
    case MQTTSN_SEARCHGW:
        put_field(line, " radius=", f->searchgw.radius);
        break;
    case MQTTSN_GWINFO:
        put_field(line, " gw=", f->gwinfo.gw_id);
        if (f->gwinfo.gw_add.len > 0) {
            put_text(line, " add=");
            put_hex(line, f->gwinfo.gw_add);
        }
        break;
    case MQTTSN_CONNECT:
        put_connect(line, f);
        break;
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        put_return_code(line, f->connack.return_code);
        break;
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        put_willtopic(line, f);
        break;
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        put_payload(line, f->willmsg.message, options);
        break;
    case MQTTSN_REGISTER:
        put_field(line, " topic=", f->reg.topic_id);
        put_field(line, " msg=", f->reg.msg_id);
        put_octets(line, " name=", f->reg.topic_name);
        break;
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
        put_topic_ack(line, f);
        break;
    case MQTTSN_PUBLISH:
        put_publish(line, f, options);
        break;
    case MQTTSN_PUBCOMP:
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_UNSUBACK:
        put_field(line, " msg=", f->pubrec.msg_id);
        break;
    case MQTTSN_SUBSCRIBE:
        put_field(line, " dup=", f->subscribe.flags.dup);
        put_qos(line, &f->subscribe.flags);
        put_filter(line, f);
        break;
    case MQTTSN_UNSUBSCRIBE:
        put_filter(line, f);
        break;
    case MQTTSN_SUBACK:
        put_qos(line, &f->suback.flags);
        put_field(line, " topic=", f->suback.topic_id);
        put_field(line, " msg=", f->suback.msg_id);
        put_return_code(line, f->suback.return_code);
        break;
    case MQTTSN_PINGREQ:
        if (f->pingreq.client_id.len > 0)
            put_octets(line, " id=", f->pingreq.client_id);
        break;
    case MQTTSN_DISCONNECT:
        if (f->disconnect.has_duration)
            put_field(line, " duration=", f->disconnect.duration_s);
        break;
    case MQTTSN_ENCAPSULATED:
        put_encapsulated(line, f, options);
        break;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PINGRESP:
        break;
    }
}

static void put_frame(struct line *line, const struct mqttsn_frame *f,
                      unsigned options)
{
    const char *name = mqttsn_type_name(f->type);

    if (name == NULL) {
        put_field(line, "reserved:", f->type);
        return;
    }
    put_text(line, name);
    put_fields(line, f, options);
}

size_t mqttsn_frame_text(const struct mqttsn_frame *frame, unsigned options,
                         char *buf, size_t cap)
{
    struct line line;

    line_init(&line, buf, cap);
    put_frame(&line, frame, options);
    return line_finish(&line);
}

size_t mqttsn_escape(struct mqttsn_span octets, char *buf, size_t cap)
{
    struct line line;

    line_init(&line, buf, cap);
    put_escaped(&line, octets);
    return line_finish(&line);
}

const char *mqttsn_return_code_text(uint8_t return_code)
{
    switch (return_code) {
    case MQTTSN_ACCEPTED:
        return "accepted";
    case MQTTSN_REJECTED_CONGESTION:
        return "congestion";
    case MQTTSN_REJECTED_INVALID_TOPIC_ID:
        return "invalid-topic-id";
    case MQTTSN_REJECTED_NOT_SUPPORTED:
        return "not-supported";
    default:
        return "reserved";
    }
}
