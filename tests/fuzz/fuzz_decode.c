/* SPDX-License-Identifier: MIT */
/*
 * The decoder on any octets, strict and lenient, and on what is inside an
 * encapsulation: it reads nothing outside, gives spans that lie inside, writes
 * nothing when it refuses, and says the same of the same octets. What it takes
 * has a line of text that is one line.
 */
#include "target.h"

#include "mqttsn/frame.h"
#include "mqttsn/text.h"

static void check_span(struct mqttsn_span inner, struct mqttsn_span outer)
{
    if (inner.len == 0)
        return;
    MUST(inner.data >= outer.data);
    MUST(inner.len <= outer.len);
    MUST(inner.data + inner.len <= outer.data + outer.len);
}

/* The spans that a frame of its type has. */
static void check_spans(const struct mqttsn_frame *f, struct mqttsn_span in)
{
    switch (f->type) {
    case MQTTSN_GWINFO:
        check_span(f->gwinfo.gw_add, in);
        break;
    case MQTTSN_CONNECT:
        check_span(f->connect.client_id, in);
        break;
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        check_span(f->willtopic.topic, in);
        break;
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        check_span(f->willmsg.message, in);
        break;
    case MQTTSN_REGISTER:
        check_span(f->reg.topic_name, in);
        MUST(f->reg.topic_name.len > 0);
        break;
    case MQTTSN_PUBLISH:
        check_span(f->publish.data, in);
        break;
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
        check_span(f->subscribe.topic_name, in);
        break;
    case MQTTSN_PINGREQ:
        check_span(f->pingreq.client_id, in);
        break;
    case MQTTSN_ENCAPSULATED:
        check_span(f->encapsulated.node_id, in);
        check_span(f->encapsulated.message, in);
        MUST(f->encapsulated.node_id.len > 0);
        MUST(f->encapsulated.message.len > 0);
        break;
    case MQTTSN_ADVERTISE:
    case MQTTSN_SEARCHGW:
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
    case MQTTSN_PUBCOMP:
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_SUBACK:
    case MQTTSN_UNSUBACK:
    case MQTTSN_PINGRESP:
    case MQTTSN_DISCONNECT:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        break;
    }
}

/* Printable, ended where it says, and cut where there is no more room. */
static void check_text(const struct mqttsn_frame *f, uint8_t choice)
{
    char line[MQTTSN_TEXT_MAX], cut[MQTTSN_TEXT_MAX];
    size_t len = mqttsn_frame_text(
        f, choice & 1 ? MQTTSN_TEXT_PAYLOAD : MQTTSN_TEXT_NO_PAYLOAD, line,
        sizeof(line));
    size_t room = (size_t)choice + 1;
    size_t short_len = mqttsn_frame_text(
        f, choice & 1 ? MQTTSN_TEXT_PAYLOAD : MQTTSN_TEXT_NO_PAYLOAD, cut,
        room);

    MUST(len > 0 && len < sizeof(line) && line[len] == '\0');
    for (size_t i = 0; i < len; i++)
        MUST(line[i] >= ' ' && line[i] <= '~');
    MUST(short_len < room && cut[short_len] == '\0');
    if (len < room)
        MUST(strcmp(line, cut) == 0);
}

static enum mqttsn_status decode(struct mqttsn_span in, unsigned options,
                                 struct mqttsn_frame *ret)
{
    struct mqttsn_frame before;
    enum mqttsn_status status;

    memset(ret, 0x5a, sizeof(*ret));
    memcpy(&before, ret, sizeof(before));
    status = mqttsn_decode(in, options, ret);
    if (status != MQTTSN_OK) {
        MUST(status >= MQTTSN_ETRUNCATED && status <= MQTTSN_ENESTED);
        MUST(memcmp(&before, ret, sizeof(before)) == 0);
        return status;
    }
    MUST(mqttsn_type_name(ret->type) != NULL);
    check_spans(ret, in);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mqttsn_span in = {data, size};
    struct mqttsn_frame f, lenient;
    uint8_t choice = size > 0 ? data[size - 1] : 0;
    enum mqttsn_status status = decode(in, MQTTSN_DECODE_STRICT, &f);
    enum mqttsn_status also =
        decode(in, MQTTSN_DECODE_PAHO_LEN_QUIRK, &lenient);

    /* Leniency is about one length, and never makes a good frame bad. */
    if (status == MQTTSN_OK)
        MUST(also == MQTTSN_OK && lenient.type == f.type);
    else if (also == MQTTSN_OK)
        MUST(size == 257);
    if (also != MQTTSN_OK)
        return 0;
    check_text(&lenient, choice);
    if (lenient.type == MQTTSN_ENCAPSULATED) {
        status = decode(lenient.encapsulated.message, MQTTSN_DECODE_STRICT, &f);
        if (status == MQTTSN_OK) {
            MUST(f.type != MQTTSN_ENCAPSULATED);
            check_text(&f, choice);
        }
    }
    return 0;
}
