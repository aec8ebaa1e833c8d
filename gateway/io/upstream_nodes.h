/* SPDX-License-Identifier: MIT */
/*
 * upstream_nodes.h - the upstream port of transparent mode: a connection to the
 * broker for each node, and the gateway's own.
 *
 * Each connection is a port of upstream_paho.h in all but its thread: it has an
 * inbox, an outbox, a window, a back-off and a handle of its own, so that what
 * holds one up holds up no other. One thread makes every call of Paho for all
 * of them. GW_UP_OPEN makes one, under the client id that the template makes of
 * the node's, with the node's credentials, will and clean-session flag; after
 * GW_UP_CLOSE it settles what it has for a few seconds, tells the broker
 * good-bye, and ends with GW_UP_CLOSED. In between the contract of upstream.h
 * holds for each by itself.
 *
 * When a broker comes back, no more than GW_NODES_CONNECTING of those that it
 * has lost try at a time; their pauses are drawn apart as well (backoff.h). So
 * many of those that connect for the first time may try beside them.
 *
 * QoS 0 publishes that a connection does not take wait, GW_NODES_QOS0 of each;
 * more are dropped and counted, since nothing else may wait for them.
 */
#ifndef GW_UPSTREAM_NODES_H
#define GW_UPSTREAM_NODES_H

#include "io/upstream_paho.h"

#define GW_NODES_CONNECTING 50
#define GW_NODES_QOS0 32

/* Topics and payloads for one node that wait for the loop. */
#define GW_NODES_INBOX_OCTETS 65536u

/* Who a node is at the broker. */
struct gw_upstream_credentials {
    const char *pattern;  /* shell pattern of client ids */
    const char *username; /* or NULL */
    const char *password; /* or NULL */
    /* What is shown over TLS, in place of the gateway's; or both NULL. */
    const char *cert_file, *key_file;
};

/* Everything pointed at is copied by gw_upstream_nodes_new. */
struct gw_upstream_nodes_settings {
    /* The gateway's own connection. Endpoints, times and windows are those of
     * the nodes' too; no journal. */
    const struct gw_upstream_settings *gateway;
    uint32_t max_connections; /* of nodes, 1..65535 */
    const char *client_id;    /* with {client_id} once: the id at the broker */
    /* Of which the broker takes so many octets, 0: any number; and only these
     * characters, NULL: any. */
    uint32_t max_client_id;
    const char *client_id_characters;

    /* The first that fits counts; without one, those of the gateway. */
    const struct gw_upstream_credentials *credentials;
    size_t credential_count;
};

/*
 * Makes a port; nothing connects before its 'start'. As gw_upstream_paho_new.
 * MQTTSN_EINVAL also when the template has no {client_id} or two.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_upstream_nodes_new(uv_loop_t *loop,
                      const struct gw_upstream_nodes_settings *settings,
                      struct gw_upstream **ret_upstream);

struct gw_upstream_nodes_stats {
    struct gw_upstream_paho_stats gateway; /* its own connection */
    uint32_t connections;                  /* of nodes, at this moment */
    uint64_t opened;                       /* of nodes, ever */
    uint64_t qos0_dropped;
};
/* Loop thread. */
void gw_upstream_nodes_stats(const struct gw_upstream *upstream,
                             struct gw_upstream_nodes_stats *ret_stats);

#endif
