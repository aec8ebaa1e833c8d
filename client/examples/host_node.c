/* SPDX-License-Identifier: MIT */
#include "host_node.h"

#include <stdio.h>
#include <stdlib.h>

void node_die(const char *text)
{
    fprintf(stderr, "error: %s\n", text);
    exit(EXIT_FAILURE);
}

static void must(enum mqttsn_status status)
{
    if (status != MQTTSN_OK)
        node_die(mqttsn_status_text(status));
}

void node_open(struct node *node, const char *host, const char *port,
               const char *id)
{
    struct mqttsn_udp_place gateway;

    node->config.client_id = mqttsn_span_text(id);
    node->config.keep_alive_s = 60;
    node->config.clean_session = true;
    node->config.work = node->work;
    node->config.work_cap = sizeof(node->work);
    node->config.topics = node->topics;
    node->config.topic_cap = sizeof(node->topics) / sizeof(node->topics[0]);
    node->config.gateways = node->gateways;
    node->config.gateway_cap = 1;
    node->config.retry_ms = 5000;
    if (mqttsn_udp_resolve(host, (uint16_t)atoi(port), AF_UNSPEC, &gateway,
                           1) == 0)
        node_die("there is no such gateway");
    must(mqttsn_udp_open(&node->port, gateway.family, gateway.interface));
    must(mqttsn_udp_connect(&node->port, &gateway.address));
    must(mqttsn_client_init(&node->client, &node->config, mqttsn_udp_seed()));
    must(mqttsn_client_add_gateway(&node->client, 1, &gateway.address));
}

static void on_event(struct node *node, const struct mqttsn_client_event *event)
{
    if (event->kind == MQTTSN_EVENT_CONNECTED)
        node->resubscribe |= event->resubscribe;
    else if (event->kind == MQTTSN_EVENT_MESSAGE && node->on_message != NULL)
        node->on_message(node, event);
    else if (event->kind == MQTTSN_EVENT_DONE &&
             event->result != MQTTSN_CLIENT_ACCEPTED)
        node_die("the gateway refuses a request");
    else if (event->kind == MQTTSN_EVENT_CHECKED &&
             event->result != MQTTSN_CLIENT_ACCEPTED)
        fprintf(stderr, "the gateway did not answer this time\n");
    else if (event->kind == MQTTSN_EVENT_REFUSED)
        node_die("the gateway refuses the connection");
    else if (event->kind == MQTTSN_EVENT_LOST)
        node_die("the gateway does not answer");
}

/* What there is to send and to report; true when 'kind' was among it. */
static bool pump(struct node *node, unsigned kind)
{
    struct mqttsn_client_datagram out;
    struct mqttsn_client_event event;
    uint8_t buf[512];
    bool seen = false;

    while (
        mqttsn_client_poll_send(&node->client, now(), buf, sizeof(buf), &out))
        (void)mqttsn_udp_send(&node->port, out.to, out.radius,
                              mqttsn_span(buf, out.len));
    while (mqttsn_client_poll_event(&node->client, &event)) {
        on_event(node, &event);
        seen |= event.kind == kind;
    }
    return seen;
}

void node_await(struct node *node, enum mqttsn_status status,
                enum mqttsn_client_event_kind kind)
{
    must(status);
    while (!pump(node, kind)) {
        mqttsn_ms due = mqttsn_client_next_deadline(&node->client);
        struct mqttsn_address from;
        size_t len;

        if (due == MQTTSN_NEVER)
            return;
        (void)mqttsn_udp_wait(&node->port, -1, due, NULL);
        if (mqttsn_udp_receive(&node->port, node->datagram,
                               sizeof(node->datagram), &from,
                               &len) == MQTTSN_OK)
            mqttsn_client_on_datagram(&node->client, &from,
                                      mqttsn_span(node->datagram, len), now());
        mqttsn_client_on_deadline(&node->client, now());
    }
}
