/* SPDX-License-Identifier: MIT */
/*
 * Every frame as a line: in the log at debug; and at any level those of nodes
 * that the configuration or somebody at the control socket wants to see.
 * Payloads are in none of them.
 */
#include "daemon_private.h"

#include <stdio.h>

#include "mqttsn/frame.h"
#include "mqttsn/text.h"

#include "json.h"
#include "log.h"
#include "socket.h"

/* The line of a frame, and true; else what is wrong with it. */
static bool text_of(struct mqttsn_span bytes, char text[MQTTSN_TEXT_MAX])
{
    struct mqttsn_frame frame;
    enum mqttsn_status status =
        mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &frame);

    if (status == MQTTSN_OK)
        mqttsn_frame_text(&frame, MQTTSN_TEXT_NO_PAYLOAD, text,
                          MQTTSN_TEXT_MAX);
    else
        snprintf(text, MQTTSN_TEXT_MAX, "malformed: %s",
                 mqttsn_status_text(status));
    return status == MQTTSN_OK;
}

/* Whose it is: it says so itself, or it is where the node talks from. */
static struct mqttsn_span client_of(const struct gw_daemon *d,
                                    const struct gw_addr *peer,
                                    struct mqttsn_span bytes)
{
    struct mqttsn_span node_id = mqttsn_span("", 0);
    struct mqttsn_frame f = {.type = MQTTSN_PINGRESP};

    if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &f) == MQTTSN_OK &&
        f.type == MQTTSN_ENCAPSULATED) {
        node_id = f.encapsulated.node_id;
        bytes = f.encapsulated.message;
        if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &f) != MQTTSN_OK)
            f.type = MQTTSN_PINGRESP;
    }
    if (f.type == MQTTSN_CONNECT)
        return f.connect.client_id;
    if (f.type == MQTTSN_PINGREQ && f.pingreq.client_id.len != 0)
        return f.pingreq.client_id;
    return gw_engine_client_at(d->engine, peer, node_id);
}

static void tell(struct gw_daemon *d, const char *event,
                 struct mqttsn_span client, const char *at, const char *text)
{
    char buf[MQTTSN_TEXT_MAX * 2 + 1024];
    struct gw_json json;

    gw_json_begin(&json, buf, sizeof(buf));
    gw_json_text(&json, "event", mqttsn_span_text(event));
    gw_json_text(&json, "client", client);
    gw_json_text(&json, "peer", mqttsn_span_text(at));
    gw_json_text(&json, "frame", mqttsn_span_text(text));
    gw_ctl_tell(d->ctl, client, gw_json_end(&json));
}

static void trace(struct gw_daemon *d, const char *event,
                  const struct gw_addr *peer, struct mqttsn_span bytes)
{
    char text[MQTTSN_TEXT_MAX], at[GW_SOCKET_TEXT_MAX];
    struct mqttsn_span client = client_of(d, peer, bytes);
    bool asked, configured;

    if (client.len == 0)
        return;
    asked = gw_ctl_traces_client(d->ctl, client);
    configured = d->traces && gw_engine_traces(d->engine, client);
    if (!asked && !configured)
        return;
    (void)text_of(bytes, text);
    gw_socket_text(peer, at);
    if (configured) /* whatever log.level is: somebody asked */
        gw_log_write(GW_LOG_INFO, "trace", event,
                     "client=%s peer=%s frame=\"%s\"", gw_log_value(client), at,
                     text);
    if (asked)
        tell(d, event, client, at, text);
}

static void log_frame(const char *event, const struct gw_addr *peer,
                      struct mqttsn_span bytes)
{
    char text[MQTTSN_TEXT_MAX], at[GW_SOCKET_TEXT_MAX];

    if (text_of(bytes, text))
        gw_debug("frame", event, "peer=%s frame=\"%s\"",
                 gw_socket_text(peer, at), text);
    else
        gw_debug("frame", event, "peer=%s octets=%zu malformed=\"%s\"",
                 gw_socket_text(peer, at), bytes.len,
                 text + strlen("malformed: "));
}

void daemon_trace(struct gw_daemon *d, const char *event,
                  const struct gw_addr *peer, struct mqttsn_span bytes)
{
    if (gw_log_is_on(GW_LOG_DEBUG))
        log_frame(event, peer, bytes);
    if (d->traces || gw_ctl_traces(d->ctl))
        trace(d, event, peer, bytes);
}

void daemon_trace_configured(struct gw_daemon *d)
{
    const struct gw_options *o = &d->config->options;

    d->traces = false;
    for (size_t i = 0; i < o->client_rule_count; i++)
        d->traces |= (o->client_rules[i].fields & GW_CLIENT_TRACE) != 0 &&
                     o->client_rules[i].settings.trace;
}
