/* SPDX-License-Identifier: MIT */
#include "one_node.h"

#include <stdlib.h>

#include "io/upstream_nodes_private.h"

#define ITS_CONNECTION 1u

struct one_node {
    struct gw_upstream base;
    struct gw_upstream *nodes;
    const char *client_id;
    bool opened;
};

static struct one_node *node_of(struct gw_upstream *upstream)
{
    return (struct one_node *)upstream;
}

static void on_wake(void *user)
{
    struct one_node *node = user;

    if (node->base.wake)
        node->base.wake(node->base.user);
}

static enum mqttsn_status start(struct gw_upstream *upstream)
{
    struct one_node *node = node_of(upstream);

    node->nodes->wake = on_wake;
    node->nodes->user = node;
    return node->nodes->ops->start(node->nodes);
}

/* Behind what becomes of the gateway's own connection: a stop while that is
 * being made would not be a clean one. */
static void open_it(struct one_node *node)
{
    struct gw_up_action open = {.kind = GW_UP_OPEN,
                                .connection = ITS_CONNECTION,
                                .client_id = mqttsn_span_text(node->client_id)};

    node->opened = node->opened ||
                   node->nodes->ops->submit(node->nodes, &open) == MQTTSN_OK;
}

static unsigned room(struct gw_upstream *upstream)
{
    struct one_node *node = node_of(upstream);

    return node->nodes->ops->room(node->nodes);
}

static enum mqttsn_status submit(struct gw_upstream *upstream,
                                 const struct gw_up_action *action)
{
    struct one_node *node = node_of(upstream);
    struct gw_up_action its = *action;

    its.connection = ITS_CONNECTION;
    return node->nodes->ops->submit(node->nodes, &its);
}

static bool take(struct gw_upstream *upstream, struct gw_up_event *ret_event)
{
    struct one_node *node = node_of(upstream);

    while (node->nodes->ops->take(node->nodes, ret_event)) {
        if (ret_event->connection != ITS_CONNECTION)
            open_it(node);
        else if (ret_event->kind != GW_UP_CLOSED)
            return true;
    }
    return false;
}

static void stop(struct gw_upstream *upstream, unsigned limit_ms,
                 void (*stopped)(void *user, bool clean), void *user)
{
    struct one_node *node = node_of(upstream);

    node->nodes->ops->stop(node->nodes, limit_ms, stopped, user);
}

static void one_node_free(struct gw_upstream *upstream)
{
    struct one_node *node = node_of(upstream);

    node->nodes->ops->free(node->nodes);
    free(node);
}

struct gw_upstream *one_node_new(uv_loop_t *loop,
                                 const struct gw_upstream_settings *gateway,
                                 const char *client_id)
{
    static const struct gw_upstream_ops ops = {.start = start,
                                               .room = room,
                                               .submit = submit,
                                               .take = take,
                                               .stop = stop,
                                               .free = one_node_free};
    struct gw_upstream_nodes_settings settings = {.gateway = gateway,
                                                  .max_connections =
                                                      ITS_CONNECTION,
                                                  .client_id = "{client_id}"};
    struct one_node *node = calloc(1, sizeof(*node));

    if (!node)
        return NULL;
    node->base.ops = &ops;
    node->client_id = client_id;
    if (gw_upstream_nodes_new(loop, &settings, &node->nodes) == MQTTSN_OK)
        return &node->base;
    free(node);
    return NULL;
}

size_t one_node_outstanding_max(const struct gw_upstream *upstream)
{
    const struct one_node *node = (const struct one_node *)upstream;
    const struct gw_nodes *nodes = (const struct gw_nodes *)node->nodes;
    const struct gw_node *its = nodes->table[ITS_CONNECTION];

    return its && its->port ? its->port->outstanding_max : 0;
}
