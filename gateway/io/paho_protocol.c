/* SPDX-License-Identifier: MIT */
#include "io/reason_codes.h"
#include "io/upstream_port.h"

int gw_paho_version_to_try(const struct gw_paho_port *port)
{
    bool old = port->fall_back || (port->old_brokers & 1u << port->endpoint);

    switch (port->settings.protocol) {
    case GW_PROTOCOL_3_1_1:
        return MQTTVERSION_3_1_1;
    case GW_PROTOCOL_5:
        return MQTTVERSION_5;
    case GW_PROTOCOL_AUTO:
        break;
    }
    return old ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
}

/* A refusal that says so, in the words of either version; or none at all. */
static bool is_older(const struct gw_paho_record *record)
{
    if (record->tls[0] != '\0')
        return false; /* it was never asked */
    return record->code == 1 || record->code == GW_REASON_UNSUPPORTED_VERSION ||
           strstr(record->text, "TCP connect completion");
}

bool gw_paho_falls_back(struct gw_paho_port *port,
                        const struct gw_paho_record *record)
{
    port->fall_back = port->settings.protocol == GW_PROTOCOL_AUTO &&
                      port->version == MQTTVERSION_5 && is_older(record);
    return port->fall_back;
}

void gw_paho_note_broker(struct gw_paho_port *port)
{
    if (port->fall_back)
        port->old_brokers |= 1u << port->endpoint;
    port->fall_back = false;
    pthread_mutex_lock(&port->lock);
    port->keep_alive_s = port->limits.keep_alive_s;
    pthread_mutex_unlock(&port->lock);
}
