/* SPDX-License-Identifier: MIT */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>

size_t octets_of_hex(const char *hex, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    unsigned octet;

    while (len < cap && sscanf(hex + 2 * len, "%2x", &octet) == 1)
        buf[len++] = (uint8_t)octet;
    return len;
}

uint8_t *exact_copy(const uint8_t *octets, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, octets, len);
    return copy;
}

static bool flags_equal(struct mqttsn_flags a, struct mqttsn_flags b)
{
    return a.dup == b.dup && a.qos == b.qos && a.retain == b.retain &&
           a.will == b.will && a.clean_session == b.clean_session &&
           a.topic_type == b.topic_type;
}

static bool connects_equal(const struct mqttsn_frame *a,
                           const struct mqttsn_frame *b)
{
    return flags_equal(a->connect.flags, b->connect.flags) &&
           a->connect.protocol_id == b->connect.protocol_id &&
           a->connect.duration_s == b->connect.duration_s &&
           mqttsn_span_equal(a->connect.client_id, b->connect.client_id);
}

static bool publishes_equal(const struct mqttsn_frame *a,
                            const struct mqttsn_frame *b)
{
    return flags_equal(a->publish.flags, b->publish.flags) &&
           a->publish.topic_id == b->publish.topic_id &&
           a->publish.msg_id == b->publish.msg_id &&
           mqttsn_span_equal(a->publish.data, b->publish.data);
}

static bool filters_equal(const struct mqttsn_frame *a,
                          const struct mqttsn_frame *b)
{
    return flags_equal(a->subscribe.flags, b->subscribe.flags) &&
           a->subscribe.msg_id == b->subscribe.msg_id &&
           a->subscribe.topic_id == b->subscribe.topic_id &&
           mqttsn_span_equal(a->subscribe.topic_name, b->subscribe.topic_name);
}

static bool subacks_equal(const struct mqttsn_frame *a,
                          const struct mqttsn_frame *b)
{
    return flags_equal(a->suback.flags, b->suback.flags) &&
           a->suback.topic_id == b->suback.topic_id &&
           a->suback.msg_id == b->suback.msg_id &&
           a->suback.return_code == b->suback.return_code;
}

static bool encapsulations_equal(const struct mqttsn_frame *a,
                                 const struct mqttsn_frame *b)
{
    return a->encapsulated.ctrl == b->encapsulated.ctrl &&
           mqttsn_span_equal(a->encapsulated.node_id,
                             b->encapsulated.node_id) &&
           mqttsn_span_equal(a->encapsulated.message, b->encapsulated.message);
}

bool frames_equal(const struct mqttsn_frame *a, const struct mqttsn_frame *b)
{
    if (a->type != b->type)
        return false;

    switch (a->type) {
    case MQTTSN_ADVERTISE:
        return a->advertise.gw_id == b->advertise.gw_id &&
               a->advertise.duration_s == b->advertise.duration_s;
    case MQTTSN_SEARCHGW:
        return a->searchgw.radius == b->searchgw.radius;
    case MQTTSN_GWINFO:
        return a->gwinfo.gw_id == b->gwinfo.gw_id &&
               mqttsn_span_equal(a->gwinfo.gw_add, b->gwinfo.gw_add);
    case MQTTSN_CONNECT:
        return connects_equal(a, b);
    case MQTTSN_CONNACK:
        return a->connack.return_code == b->connack.return_code;
    case MQTTSN_WILLTOPICRESP:
        return a->willtopicresp.return_code == b->willtopicresp.return_code;
    case MQTTSN_WILLMSGRESP:
        return a->willmsgresp.return_code == b->willmsgresp.return_code;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PINGRESP:
        return true;
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLTOPICUPD:
        return a->willtopic.empty == b->willtopic.empty &&
               flags_equal(a->willtopic.flags, b->willtopic.flags) &&
               mqttsn_span_equal(a->willtopic.topic, b->willtopic.topic);
    case MQTTSN_WILLMSG:
    case MQTTSN_WILLMSGUPD:
        return mqttsn_span_equal(a->willmsg.message, b->willmsg.message);
    case MQTTSN_REGISTER:
        return a->reg.topic_id == b->reg.topic_id &&
               a->reg.msg_id == b->reg.msg_id &&
               mqttsn_span_equal(a->reg.topic_name, b->reg.topic_name);
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
        return a->puback.topic_id == b->puback.topic_id &&
               a->puback.msg_id == b->puback.msg_id &&
               a->puback.return_code == b->puback.return_code;
    case MQTTSN_PUBLISH:
        return publishes_equal(a, b);
    case MQTTSN_PUBCOMP:
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_UNSUBACK:
        return a->unsuback.msg_id == b->unsuback.msg_id;
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
        return filters_equal(a, b);
    case MQTTSN_SUBACK:
        return subacks_equal(a, b);
    case MQTTSN_PINGREQ:
        return mqttsn_span_equal(a->pingreq.client_id, b->pingreq.client_id);
    case MQTTSN_DISCONNECT:
        return a->disconnect.has_duration == b->disconnect.has_duration &&
               a->disconnect.duration_s == b->disconnect.duration_s;
    case MQTTSN_ENCAPSULATED:
        return encapsulations_equal(a, b);
    }
    return false;
}
