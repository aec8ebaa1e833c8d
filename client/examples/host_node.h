/* SPDX-License-Identifier: MIT */
/*
 * host_node.h - what the examples on a host have in common: a client, a
 * socket, and the loop between them. What goes wrong ends the program.
 */
#ifndef HOST_NODE_H
#define HOST_NODE_H

#include "udp_port.h"

struct node {
    struct mqttsn_client client;
    struct mqttsn_client_config config;
    struct mqttsn_udp_port port;
    struct mqttsn_client_topic topics[8];
    struct mqttsn_client_gateway gateways[1];
    uint8_t work[256];
    uint8_t datagram[512]; /* the last one that came */
    bool resubscribe;      /* the gateway may not have our subscriptions */

    /* A message came; called while the node awaits something. May be NULL. */
    void (*on_message)(struct node *node,
                       const struct mqttsn_client_event *event);
};

/* Makes a client with that id, and a socket to the gateway. What else the
 * configuration is to say stands in 'config' before. */
void node_open(struct node *node, const char *host, const char *port,
               const char *id);

/*
 * For the status of a request: ends the program unless the client took it,
 * then runs until 'kind' is reported, or the client wants nothing any more:
 * when the gateway was lost meanwhile, it may be asleep again by another way.
 */
void node_await(struct node *node, enum mqttsn_status status,
                enum mqttsn_client_event_kind kind);

/* The clock of the calls. */
static inline mqttsn_ms now(void)
{
    return mqttsn_udp_now();
}

void node_die(const char *text);

#endif
