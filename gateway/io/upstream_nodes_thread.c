/* SPDX-License-Identifier: MIT */
/*
 * One thread for all connections: each has its turn when it was woken or its
 * time has come.
 */
#include "io/upstream_nodes_private.h"

#include <stdlib.h>
#include <unistd.h>

/* An attempt that others are before is looked at again after this. */
#define QUEUE_MS 5

void gw_nodes_wake(struct gw_nodes *nodes)
{
    uint64_t one = 1;

    /* Full means that it is awake already. */
    while (write(nodes->wake_fd, &one, sizeof(one)) < 0)
        break;
}

static void take_fresh(struct gw_nodes *nodes)
{
    struct gw_node *node;

    pthread_mutex_lock(&nodes->lock);
    node = nodes->fresh;
    nodes->fresh = NULL;
    pthread_mutex_unlock(&nodes->lock);
    for (; node; node = node->next) {
        /* There is a place for each: see the loop's side. */
        nodes->active[nodes->active_count++] = node;
        gw_paho_begin(node->port);
        node->wake_at = 0;
    }
}

/* It is the loop's again; nothing here touches it any more. */
static void hand_back(struct gw_nodes *nodes, struct gw_node *node)
{
    gw_paho_finish(node->port);
    pthread_mutex_lock(&nodes->lock);
    nodes->all_clean = nodes->all_clean && node->port->stopped_clean;
    node->next = nodes->gone;
    nodes->gone = node;
    if (nodes->async)
        uv_async_send(nodes->async);
    pthread_mutex_unlock(&nodes->lock);
}

/* Attempts under way, of those that try for the first time and of others: the
 * one kind does not wait for the other. */
struct attempts {
    size_t of_first, of_others;
};

static size_t *share_of(struct attempts *attempts, const struct gw_node *node)
{
    return node->tried ? &attempts->of_others : &attempts->of_first;
}

static struct attempts count_attempts(const struct gw_nodes *nodes)
{
    struct attempts attempts = {0};

    for (size_t i = 0; i < nodes->active_count; i++)
        if (nodes->active[i]->port->phase == GW_PAHO_CONNECTING)
            ++*share_of(&attempts, nodes->active[i]);
    return attempts;
}

/* Whether it would connect now, and too many are at it. */
static bool must_queue(const struct gw_node *node, mqttsn_ms now,
                       size_t attempts)
{
    const struct gw_paho_port *port = node->port;

    return attempts >= GW_NODES_CONNECTING && port->phase == GW_PAHO_IDLE &&
           port->next_attempt <= now && !port->stop_wanted;
}

/* False: it has ended. */
static bool turn(struct gw_node *node, struct attempts *attempts, mqttsn_ms now)
{
    struct gw_paho_port *port = node->port;
    bool waited = port->phase != GW_PAHO_CONNECTING;

    if (must_queue(node, now, *share_of(attempts, node)))
        port->next_attempt = now + QUEUE_MS;
    if (!gw_paho_turn(port, &node->wake_at))
        return false;
    if (waited && port->phase == GW_PAHO_CONNECTING)
        ++*share_of(attempts, node);
    node->tried = node->tried || (port->phase != GW_PAHO_CONNECTING &&
                                  port->attempt_started_us != 0);
    return true;
}

/* Those that are due; returns when the next one is. */
static mqttsn_ms turn_all(struct gw_nodes *nodes)
{
    struct attempts attempts = count_attempts(nodes);
    mqttsn_ms now = gw_paho_now(), next = MQTTSN_NEVER;

    for (size_t i = 0; i < nodes->active_count;) {
        struct gw_node *node = nodes->active[i];

        if ((atomic_exchange(&node->port->due, false) ||
             node->wake_at <= now) &&
            !turn(node, &attempts, now)) {
            nodes->active[i] = nodes->active[--nodes->active_count];
            hand_back(nodes, node);
            continue;
        }
        if (node->wake_at < next)
            next = node->wake_at;
        i++;
    }
    return next;
}

void *gw_nodes_thread(void *context)
{
    struct gw_nodes *nodes = context;

    gw_paho_prepare_thread();
    for (;;) {
        mqttsn_ms next;

        take_fresh(nodes);
        next = turn_all(nodes);
        if (nodes->stop_wanted && nodes->active_count == 0) {
            bool more;

            pthread_mutex_lock(&nodes->lock);
            more = nodes->fresh != NULL;
            pthread_mutex_unlock(&nodes->lock);
            if (!more)
                break;
            continue;
        }
        gw_paho_sleep(nodes->wake_fd, next);
    }
    pthread_mutex_lock(&nodes->lock);
    nodes->finished = true;
    if (nodes->async)
        uv_async_send(nodes->async);
    pthread_mutex_unlock(&nodes->lock);
    return NULL;
}
