/* SPDX-License-Identifier: MIT */
#include "io/upstream_port.h"

void gw_paho_note_session(struct gw_paho_port *port)
{
    char text[GW_ENDPOINT_TEXT_MAX];

    gw_paho_endpoint_text(port, port->endpoint, text);
    if (port->keep)
        gw_paho_keep_session(port->keep, text, port->version == MQTTVERSION_5);
    port->session_version = port->version;
}

void gw_paho_give_orphans(struct gw_paho_port *port)
{
    struct gw_up_event event;

    while (gw_paho_keep_take_orphan(port->keep, &event))
        gw_inbox_push(&port->inbox, &event);
}

void gw_paho_judge_session(struct gw_paho_port *port, bool present)
{
    bool distrusted;

    pthread_mutex_lock(&port->lock);
    distrusted = port->distrust;
    port->distrust = false;
    pthread_mutex_unlock(&port->lock);
    if (!port->keep) {
        gw_paho_note_session(port);
        return;
    }
    if (!present && !gw_paho_keep_is_lost(port->keep))
        gw_paho_keep_lose(port->keep); /* Paho has not said so */
    gw_paho_give_orphans(port);
    if (present && !distrusted && !gw_paho_keep_was_unsure(port->keep))
        gw_paho_keep_sure(port->keep);
    gw_paho_note_session(port);
}
