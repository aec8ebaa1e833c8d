/* SPDX-License-Identifier: MIT */
/*
 * one_node.h - the connection of one node of the port of transparent mode, as a
 * port of its own: so that the contract of upstream.h can be held against it.
 *
 * What is submitted goes by that connection, and what is taken came by it; the
 * gateway's own does what it does beside it.
 */
#ifndef ONE_NODE_H
#define ONE_NODE_H

#include "io/upstream_nodes.h"

/* Its client id at the broker is 'client_id'; 'gateway' is that of the
 * gateway's own connection, with a client id of its own. NULL: it could not be
 * made. */
struct gw_upstream *one_node_new(uv_loop_t *loop,
                                 const struct gw_upstream_settings *gateway,
                                 const char *client_id);

/* The most acknowledged publishes that were ever with the broker. */
size_t one_node_outstanding_max(const struct gw_upstream *upstream);

#endif
