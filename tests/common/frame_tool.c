/* SPDX-License-Identifier: MIT */
/*
 * frame_tool [quirk] - the codec for a foreign judge: reads frames as lines of
 * hex, writes for each one its fields, octets in hex, then what they encode to.
 * With "quirk" it decodes with MQTTSN_DECODE_PAHO_LEN_QUIRK.
 *
 *   PINGREQ client_id=6e31 | 04166e31
 *   refused: the message type is reserved
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"

enum { FRAME_MAX = 65535, LINE_MAX_LEN = 2 * FRAME_MAX + 2 };

static void number(const char *key, unsigned value)
{
    printf(" %s=%u", key, value);
}

static void octets(const char *key, struct mqttsn_span span)
{
    printf(" %s=", key);
    for (size_t i = 0; i < span.len; i++)
        printf("%02x", span.data[i]);
}

static void flags(const struct mqttsn_flags *f)
{
    printf(" dup=%d qos=%u retain=%d will=%d clean=%d type=%u", f->dup, f->qos,
           f->retain, f->will, f->clean_session, f->topic_type);
}

static void ids(uint16_t topic_id, uint16_t msg_id)
{
    number("topic_id", topic_id);
    number("msg_id", msg_id);
}

static void fields(const struct mqttsn_frame *f)
{
    switch (f->type) {
    case MQTTSN_ADVERTISE:
        number("gw_id", f->advertise.gw_id);
        number("duration", f->advertise.duration_s);
        break;
    case MQTTSN_SEARCHGW:
        number("radius", f->searchgw.radius);
        break;
    case MQTTSN_GWINFO:
        number("gw_id", f->gwinfo.gw_id);
        octets("gw_add", f->gwinfo.gw_add);
        break;
    case MQTTSN_CONNECT:
        flags(&f->connect.flags);
        number("protocol_id", f->connect.protocol_id);
        number("duration", f->connect.duration_s);
        octets("client_id", f->connect.client_id);
        break;
    case MQTTSN_CONNACK:
        number("return_code", f->connack.return_code);
        break;
    case MQTTSN_WILLTOPICRESP:
        number("return_code", f->willtopicresp.return_code);
        break;
    case MQTTSN_WILLMSGRESP:
        number("return_code", f->willmsgresp.return_code);
        break;
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        number("empty", f->willtopic.empty);
        flags(&f->willtopic.flags);
        octets("topic", f->willtopic.topic);
        break;
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        octets("message", f->willmsg.message);
        break;
    case MQTTSN_REGISTER:
        ids(f->reg.topic_id, f->reg.msg_id);
        octets("topic_name", f->reg.topic_name);
        break;
    case MQTTSN_REGACK:
        ids(f->regack.topic_id, f->regack.msg_id);
        number("return_code", f->regack.return_code);
        break;
    case MQTTSN_PUBACK:
        ids(f->puback.topic_id, f->puback.msg_id);
        number("return_code", f->puback.return_code);
        break;
    case MQTTSN_PUBLISH:
        flags(&f->publish.flags);
        ids(f->publish.topic_id, f->publish.msg_id);
        octets("data", f->publish.data);
        break;
    case MQTTSN_PUBCOMP:
        number("msg_id", f->pubcomp.msg_id);
        break;
    case MQTTSN_PUBREC:
        number("msg_id", f->pubrec.msg_id);
        break;
    case MQTTSN_PUBREL:
        number("msg_id", f->pubrel.msg_id);
        break;
    case MQTTSN_UNSUBACK:
        number("msg_id", f->unsuback.msg_id);
        break;
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
        flags(&f->subscribe.flags);
        ids(f->subscribe.topic_id, f->subscribe.msg_id);
        octets("topic_name", f->subscribe.topic_name);
        break;
    case MQTTSN_SUBACK:
        flags(&f->suback.flags);
        ids(f->suback.topic_id, f->suback.msg_id);
        number("return_code", f->suback.return_code);
        break;
    case MQTTSN_PINGREQ:
        octets("client_id", f->pingreq.client_id);
        break;
    case MQTTSN_DISCONNECT:
        number("has_duration", f->disconnect.has_duration);
        number("duration", f->disconnect.duration_s);
        break;
    case MQTTSN_ENCAPSULATED:
        number("ctrl", f->encapsulated.ctrl);
        octets("node_id", f->encapsulated.node_id);
        octets("message", f->encapsulated.message);
        break;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PINGRESP:
        break;
    }
}

static void run(const char *line, unsigned options)
{
    static uint8_t received[FRAME_MAX];
    static uint8_t sent[FRAME_MAX];
    size_t len = octets_of_hex(line, received, sizeof(received));
    uint8_t *copy = exact_copy(received, len);
    size_t sent_len = 0;
    struct mqttsn_frame frame;
    enum mqttsn_status status =
        mqttsn_decode(mqttsn_span(copy, len), options, &frame);

    if (status == MQTTSN_OK)
        status = mqttsn_encode(&frame, sent, sizeof(sent), &sent_len);
    if (status == MQTTSN_OK) {
        printf("%s", mqttsn_type_name(frame.type));
        fields(&frame);
        printf(" |");
        for (size_t i = 0; i < sent_len; i++)
            printf("%s%02x", i == 0 ? " " : "", sent[i]);
        printf("\n");
    } else {
        printf("refused: %s\n", mqttsn_status_text(status));
    }
    free(copy);
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_LEN];
    bool quirk = argc == 2 && strcmp(argv[1], "quirk") == 0;

    while (fgets(line, sizeof(line), stdin) != NULL)
        run(line, quirk ? MQTTSN_DECODE_PAHO_LEN_QUIRK : MQTTSN_DECODE_STRICT);
    return 0;
}
