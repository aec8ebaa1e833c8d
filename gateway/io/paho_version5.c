/* SPDX-License-Identifier: MIT */
#include "io/paho_version5.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const struct gw_paho_limits gw_paho_no_limits = {.maximum_qos = 2};

/* Paho's functions only read, but do not say so. */
static MQTTProperties *unconst(const MQTTProperties *properties)
{
    return (MQTTProperties *)(uintptr_t)properties;
}

static const MQTTProperty *find(const MQTTProperties *properties,
                                enum MQTTPropertyCodes code)
{
    return MQTTProperties_getProperty(unconst(properties), code);
}

/* ---- the connection ------------------------------------------------------ */

void gw_paho_read_limits(const MQTTProperties *connack,
                         struct gw_paho_limits *ret_limits)
{
    const MQTTProperty *p;

    *ret_limits = gw_paho_no_limits;
    if ((p = find(connack, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)))
        ret_limits->receive_maximum = p->value.integer2;
    if ((p = find(connack, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE)))
        ret_limits->keep_alive_s = p->value.integer2;
    if ((p = find(connack, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE)))
        ret_limits->maximum_packet = p->value.integer4;
    if ((p = find(connack, MQTTPROPERTY_CODE_MAXIMUM_QOS)))
        ret_limits->maximum_qos = p->value.byte;
    if ((p = find(connack, MQTTPROPERTY_CODE_RETAIN_AVAILABLE)))
        ret_limits->no_retain = p->value.byte == 0;
    if ((p = find(connack, MQTTPROPERTY_CODE_WILDCARD_SUBSCRIPTION_AVAILABLE)))
        ret_limits->no_wildcards = p->value.byte == 0;
    if ((p = find(connack,
                  MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIERS_AVAILABLE)))
        ret_limits->no_identifiers = p->value.byte == 0;
}

bool gw_paho_connect_properties(uint32_t session_expiry_s,
                                MQTTProperties *ret_properties)
{
    const MQTTProperty expiry = {.identifier =
                                     MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                                 .value.integer4 = session_expiry_s};

    *ret_properties = (MQTTProperties)MQTTProperties_initializer;
    return MQTTProperties_add(ret_properties, &expiry) == 0;
}

/* ---- what goes out ------------------------------------------------------- */

static bool add_pair(MQTTProperties *properties, const char *name,
                     const char *value, size_t len)
{
    MQTTProperty pair = {.identifier = MQTTPROPERTY_CODE_USER_PROPERTY};

    pair.value.data.data = (char *)(uintptr_t)name;
    pair.value.data.len = (int)strlen(name);
    pair.value.value.data = (char *)(uintptr_t)value;
    pair.value.value.len = (int)len;
    return MQTTProperties_add(properties, &pair) == 0;
}

/* "2026-01-31T12:00:00.250Z" */
static size_t write_time(uint64_t ms, char text[40])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    size_t n;

    if (!gmtime_r(&s, &tm))
        return 0;
    n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    return n +
           (size_t)snprintf(text + n, 40 - n, ".%03uZ", (unsigned)(ms % 1000));
}

static bool add_origin(MQTTProperties *properties,
                       const struct gw_outbox_entry *action,
                       const char *gateway)
{
    char text[40];
    size_t n = write_time(action->received_ms, text);

    return (action->client_len == 0 ||
            add_pair(properties, "client-id", action->client,
                     action->client_len)) &&
           add_pair(properties, "gateway", gateway, strlen(gateway)) &&
           add_pair(properties, "received", text, n);
}

bool gw_paho_action_properties(const struct gw_outbox_entry *action,
                               const char *gateway,
                               MQTTProperties *ret_properties)
{
    MQTTProperty identifier = {0};

    identifier.identifier = MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER;
    identifier.value.integer4 = action->identifier;
    *ret_properties = (MQTTProperties)MQTTProperties_initializer;
    if (action->kind == GW_UP_SUBSCRIBE && action->identifier != 0)
        return MQTTProperties_add(ret_properties, &identifier) == 0;
    if (action->kind == GW_UP_PUBLISH && gateway)
        return add_origin(ret_properties, action, gateway);
    return true;
}

/* Octets of a variable byte integer. */
static size_t length_of_length(size_t n)
{
    return n < 128 ? 1 : n < 16384 ? 2 : n < 2097152 ? 3 : 4;
}

static size_t packet_size(const struct gw_outbox_entry *action,
                          const MQTTProperties *properties, int qos)
{
    size_t props = (size_t)properties->length;
    size_t rest = length_of_length(props) + props + 2 + action->topic_len;

    if (action->kind == GW_UP_PUBLISH)
        rest += (qos > 0 ? 2u : 0u) + action->payload_len;
    else
        rest += action->kind == GW_UP_SUBSCRIBE ? 3 : 2;
    return 1 + length_of_length(rest) + rest;
}

const char *gw_paho_respect(const struct gw_paho_limits *limits,
                            const struct gw_outbox_entry *action,
                            const MQTTProperties *properties, int *qos)
{
    bool publish = action->kind == GW_UP_PUBLISH;

    if (publish && *qos > limits->maximum_qos)
        *qos = limits->maximum_qos;
    if (limits->maximum_packet != 0 &&
        packet_size(action, properties, *qos) > limits->maximum_packet)
        return "larger than the broker takes";
    if (publish && action->retain && limits->no_retain)
        return "the broker retains nothing";
    if (action->kind == GW_UP_SUBSCRIBE && limits->no_wildcards &&
        strpbrk(action->topic, "+#"))
        return "the broker takes no wildcards";
    return NULL;
}

/* ---- what comes in ------------------------------------------------------- */

void gw_paho_read_message(const MQTTProperties *properties,
                          struct gw_up_event *event)
{
    unsigned identifiers = 0;

    for (int i = 0; i < properties->count; i++) {
        const MQTTProperty *p = &properties->array[i];

        switch ((int)p->identifier) {
        case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
            /* 0 has run out on its way here: as little as there is. */
            event->message.expiry =
                p->value.integer4 > 0 ? (mqttsn_ms)p->value.integer4 * 1000 : 1;
            break;
        case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
        case MQTTPROPERTY_CODE_CORRELATION_DATA:
            event->message.wants_answer = true;
            break;
        case MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER:
            if (identifiers < GW_UP_IDENTIFIERS_MAX)
                event->message.identifiers[identifiers] = p->value.integer4;
            identifiers++;
            break;
        default: /* of no meaning to a node */
            break;
        }
    }
    if (identifiers <= GW_UP_IDENTIFIERS_MAX)
        event->message.identifier_count = (uint8_t)identifiers;
}
