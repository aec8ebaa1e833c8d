/* SPDX-License-Identifier: MIT */
/*
 * paho_version5.h - what MQTT 5 has and MQTT 3.1.1 has not, in words of Paho's.
 *
 * A connection of version 5 begins with CleanStart=0 and a session expiry, in
 * place of CleanSession=0. The broker's limits are respected: what it would end
 * the connection for is refused here, with the answer that the node would get
 * from a broker that answers. We send no topic aliases, and take none.
 */
#ifndef GW_PAHO_VERSION5_H
#define GW_PAHO_VERSION5_H

#include "io/outbox.h"

#include <MQTTAsync.h>

/* What the broker said in CONNACK; with MQTT 3.1.1 nothing. */
struct gw_paho_limits {
    uint16_t receive_maximum; /* 0: none known */
    uint16_t keep_alive_s;    /* that it wants; 0: ours */
    uint32_t maximum_packet;  /* octets; 0: none */
    uint8_t maximum_qos;      /* of a PUBLISH */
    bool no_retain;
    bool no_wildcards;
    bool no_identifiers;
};

/* Without limits: MQTT 3.1.1. */
extern const struct gw_paho_limits gw_paho_no_limits;

void gw_paho_read_limits(const MQTTProperties *connack,
                         struct gw_paho_limits *ret_limits);

/* The properties of a CONNECT; false: no memory. For the caller to free. */
bool gw_paho_connect_properties(uint32_t session_expiry_s,
                                MQTTProperties *ret_properties);

/* Those of an action; with 'gateway' a PUBLISH names that and its client.
 * False: no memory. For the caller to free. */
bool gw_paho_action_properties(const struct gw_outbox_entry *action,
                               const char *gateway,
                               MQTTProperties *ret_properties);

/*
 * Brings an action into the broker's limits: a QoS that it does not know is
 * lowered. NULL: it may be sent; else the reason why it must not be.
 */
const char *gw_paho_respect(const struct gw_paho_limits *limits,
                            const struct gw_outbox_entry *action,
                            const MQTTProperties *properties, int *qos);

/* What the properties of a message say. */
void gw_paho_read_message(const MQTTProperties *properties,
                          struct gw_up_event *event);

#endif
