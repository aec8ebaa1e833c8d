/* SPDX-License-Identifier: MIT */
#include "io/upstream_nodes_private.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/log.h"

/* How long a connection that is to be closed may wait for acknowledgements. */
#define SETTLE_MS 5000

/* A port whose thread would not end in time: as in upstream_paho.c. */
static struct gw_nodes *abandoned;

static struct gw_nodes *nodes_of(struct gw_upstream *upstream)
{
    return (struct gw_nodes *)upstream;
}

/* ---- from the threads --------------------------------------------------- */

static bool enlist(struct gw_node *node)
{
    struct gw_nodes *nodes = node->nodes;

    if (node->listed)
        return false;
    node->listed = true;
    node->next_listed = NULL;
    *nodes->listed_tail = node;
    nodes->listed_tail = &node->next_listed;
    return true;
}

static void list(struct gw_node *node)
{
    struct gw_nodes *nodes = node->nodes;

    if (enlist(node) && nodes->base.wake)
        nodes->base.wake(nodes->base.user);
}

static void on_inbox(void *user)
{
    list(user);
}

static void take_gone(struct gw_nodes *nodes)
{
    struct gw_node *node, *next;

    pthread_mutex_lock(&nodes->lock);
    node = nodes->gone;
    nodes->gone = NULL;
    pthread_mutex_unlock(&nodes->lock);
    for (; node; node = next) {
        next = node->next;
        node->gone = true;
        list(node); /* who is woken may take its end, and it is freed */
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

static void report_stopped(struct gw_nodes *nodes, bool clean)
{
    nodes->stop_reported = true;
    gw_info("upstream", "stopped", "clean=%s", clean ? "yes" : "no");
    uv_close((uv_handle_t *)nodes->deadline, on_handle_closed);
    nodes->deadline = NULL;
    nodes->stopped(nodes->stopped_user, clean);
}

static void on_async(uv_async_t *async)
{
    struct gw_nodes *nodes = async->data;

    if (!nodes)
        return;
    take_gone(nodes);
    if (!nodes->finished || nodes->joined)
        return;
    pthread_join(nodes->thread, NULL);
    nodes->joined = true;
    if (nodes->stopped && !nodes->stop_reported)
        report_stopped(nodes, nodes->all_clean);
}

/* ---- connections -------------------------------------------------------- */

static void hand_over(struct gw_nodes *nodes, struct gw_node *node)
{
    pthread_mutex_lock(&nodes->lock);
    node->next = nodes->fresh;
    nodes->fresh = node;
    pthread_mutex_unlock(&nodes->lock);
    gw_nodes_wake(nodes);
}

static void free_node(struct gw_node *node)
{
    struct gw_nodes *nodes = node->nodes;

    if (node->port) {
        gw_inbox_close(&node->port->inbox);
        if (!node->port->haunted)
            gw_paho_port_free(node->port);
    }
    nodes->open -= node->connection != 0;
    nodes->table[node->connection] = NULL;
    free(node);
}

static enum mqttsn_status add(struct gw_nodes *nodes, uint32_t connection,
                              struct gw_node **ret_node)
{
    struct gw_node *node = calloc(1, sizeof(*node));

    if (!node)
        return MQTTSN_ENOSPACE;
    node->nodes = nodes;
    node->connection = connection;
    nodes->table[connection] = node;
    nodes->open += connection != 0;
    *ret_node = node;
    return MQTTSN_OK;
}

static enum mqttsn_status open_connection(struct gw_nodes *nodes,
                                          const struct gw_up_action *action)
{
    struct gw_node *node;
    enum mqttsn_status status;

    if (action->connection > nodes->settings.max_connections ||
        nodes->table[action->connection])
        return MQTTSN_EINVAL;
    status = add(nodes, action->connection, &node);
    if (status != MQTTSN_OK)
        return status;
    nodes->opened++;
    status = gw_nodes_make_port(nodes, action, &node->port);
    if (status == MQTTSN_OK) {
        status = gw_inbox_open(&node->port->inbox, nodes->loop, on_inbox, node);
        if (status != MQTTSN_OK) {
            gw_paho_port_free(node->port);
            node->port = NULL;
        }
    }
    if (status == MQTTSN_OK) {
        hand_over(nodes, node);
        return MQTTSN_OK;
    }
    /* The engine hears it as it would from the broker. */
    node->answer = status == MQTTSN_EINVAL ? GW_UP_DENIED : GW_UP_UNREACHABLE;
    list(node);
    return MQTTSN_OK;
}

static void end(struct gw_node *node, mqttsn_ms patience)
{
    node->closing = true;
    if (!node->port) {
        node->gone = true;
        list(node);
        return;
    }
    if (node->gone)
        return;
    /* Once: the thread looks at the time as soon as it is wanted. */
    if (!node->port->stop_wanted)
        node->port->flush_until = gw_paho_now() + patience;
    node->port->stop_wanted = true;
    gw_paho_wake(node->port);
}

/* ---- the operations ------------------------------------------------------ */

static enum mqttsn_status start(struct gw_upstream *upstream)
{
    struct gw_nodes *nodes = nodes_of(upstream);
    struct gw_node *gateway = nodes->table[0];
    sigset_t all, old;
    int rc;

    assert(!nodes->started);
    nodes->async = calloc(1, sizeof(*nodes->async));
    if (!nodes->async)
        return MQTTSN_ENOSPACE;
    if (uv_async_init(nodes->loop, nodes->async, on_async) != 0) {
        free(nodes->async);
        nodes->async = NULL;
        return MQTTSN_EIO;
    }
    nodes->async->data = nodes;
    nodes->started = true;
    if (gw_inbox_open(&gateway->port->inbox, nodes->loop, on_inbox, gateway) !=
        MQTTSN_OK)
        return MQTTSN_EIO;
    hand_over(nodes, gateway);
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&nodes->thread, NULL, gw_nodes_thread, nodes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        return MQTTSN_OK;
    nodes->finished = nodes->joined = true;
    return MQTTSN_EIO;
}

static unsigned room(struct gw_upstream *upstream)
{
    return nodes_of(upstream)->stopped ? 0 : GW_UP_CONTROL | GW_UP_DATA;
}

/* Nothing may wait for one connection, so what nobody answers for gives way. */
static bool is_too_much(const struct gw_up_action *action, struct gw_node *node)
{
    return action->kind == GW_UP_PUBLISH && action->token == 0 &&
           action->qos == 0 &&
           gw_outbox_publishes(&node->port->outbox) >= GW_NODES_QOS0;
}

static enum mqttsn_status submit(struct gw_upstream *upstream,
                                 const struct gw_up_action *action)
{
    struct gw_nodes *nodes = nodes_of(upstream);
    struct gw_node *node;
    enum mqttsn_status status;

    if (nodes->stopped)
        return MQTTSN_ENOSPACE;
    if (action->kind == GW_UP_OPEN)
        return open_connection(nodes, action);
    node = action->connection <= nodes->settings.max_connections
               ? nodes->table[action->connection]
               : NULL;
    if (!node)
        return MQTTSN_EINVAL;
    if (action->kind == GW_UP_CLOSE) {
        end(node, SETTLE_MS);
        return MQTTSN_OK;
    }
    if (!node->port || node->closing)
        return MQTTSN_ENOSPACE;
    if (is_too_much(action, node)) {
        nodes->qos0_dropped++;
        return MQTTSN_OK;
    }
    status = gw_outbox_put(&node->port->outbox, action,
                           node->port->connections_taken);
    if (gw_outbox_wake_due(&node->port->outbox)) {
        atomic_store(&node->port->due, true);
        gw_outbox_wake(&node->port->outbox);
    }
    return status;
}

/* What a connection without a port has to say. */
static bool take_answer(struct gw_node *node, struct gw_up_event *ret_event)
{
    if (node->port || node->answered)
        return false;
    node->answered = true;
    ret_event->kind = node->answer;
    return true;
}

static bool take_of(struct gw_node *node, struct gw_up_event *ret_event)
{
    uint32_t connection = node->connection;

    *ret_event = (struct gw_up_event){0};
    if (node->port && gw_inbox_take(&node->port->inbox, ret_event)) {
        if (ret_event->kind == GW_UP_CONNECTED)
            node->port->connections_taken++;
    } else if (!take_answer(node, ret_event)) {
        if (!node->gone || connection == 0)
            return false;
        free_node(node);
        ret_event->kind = GW_UP_CLOSED;
    }
    ret_event->connection = connection;
    return true;
}

static bool take(struct gw_upstream *upstream, struct gw_up_event *ret_event)
{
    struct gw_nodes *nodes = nodes_of(upstream);

    while (nodes->listed) {
        struct gw_node *node = nodes->listed;
        bool ends = node->gone;

        nodes->listed = node->next_listed;
        if (!nodes->listed)
            nodes->listed_tail = &nodes->listed;
        node->listed = false;
        if (!take_of(node, ret_event))
            continue;
        /* There may be more of it, which whoever takes this will see; others
         * first. */
        if (!ends || ret_event->kind != GW_UP_CLOSED)
            (void)enlist(node);
        return true;
    }
    return false;
}

static void on_deadline(uv_timer_t *timer)
{
    struct gw_nodes *nodes = timer->data;

    if (!nodes->stop_reported)
        report_stopped(nodes, false);
}

static void stop(struct gw_upstream *upstream, unsigned limit_ms,
                 void (*stopped)(void *user, bool clean), void *user)
{
    struct gw_nodes *nodes = nodes_of(upstream);
    unsigned margin = limit_ms / 2;

    assert(nodes->started && !nodes->stopped);
    nodes->stopped = stopped;
    nodes->stopped_user = user;
    uv_timer_init(nodes->loop, nodes->deadline);
    nodes->deadline->data = nodes;
    uv_update_time(nodes->loop);
    uv_timer_start(nodes->deadline, on_deadline, limit_ms, 0);
    for (uint32_t i = 0; i <= nodes->settings.max_connections; i++)
        if (nodes->table[i] && nodes->table[i]->port) {
            gw_inbox_stop_waiting(&nodes->table[i]->port->inbox);
            end(nodes->table[i], limit_ms - margin);
        }
    nodes->stop_wanted = true;
    gw_nodes_wake(nodes);
}

static void release(struct gw_nodes *nodes)
{
    for (uint32_t i = 0; nodes->table && i <= nodes->settings.max_connections;
         i++)
        if (nodes->table[i])
            free_node(nodes->table[i]);
    pthread_mutex_destroy(&nodes->lock);
    close(nodes->wake_fd);
    gw_nodes_free_tls(nodes);
    gw_nodes_free_settings(&nodes->settings);
    free(nodes->deadline);
    free(nodes->active);
    free(nodes->table);
    free(nodes);
}

/* The thread may still use it, and the process is about to end. */
static void abandon(struct gw_nodes *nodes)
{
    pthread_detach(nodes->thread);
    for (uint32_t i = 0; i <= nodes->settings.max_connections; i++)
        if (nodes->table[i] && nodes->table[i]->port)
            gw_inbox_close(&nodes->table[i]->port->inbox);
    nodes->next_abandoned = abandoned;
    abandoned = nodes;
}

static void nodes_free(struct gw_upstream *upstream)
{
    struct gw_nodes *nodes;

    if (!upstream)
        return;
    nodes = nodes_of(upstream);
    if (nodes->async) {
        uv_async_t *async = nodes->async;

        pthread_mutex_lock(&nodes->lock);
        nodes->async = NULL;
        pthread_mutex_unlock(&nodes->lock);
        async->data = NULL;
        uv_close((uv_handle_t *)async, on_handle_closed);
    }
    if (nodes->started && nodes->finished && !nodes->joined) {
        pthread_join(nodes->thread, NULL);
        nodes->joined = true;
    }
    if (!nodes->started || nodes->joined)
        release(nodes);
    else
        abandon(nodes);
}

static const struct gw_upstream_ops ops = {
    .start = start,
    .room = room,
    .submit = submit,
    .take = take,
    .stop = stop,
    .free = nodes_free,
};

/* ---- making one --------------------------------------------------------- */

static enum mqttsn_status init(struct gw_nodes *nodes)
{
    size_t most = (size_t)nodes->settings.max_connections + 1;
    struct gw_node *gateway;
    enum mqttsn_status status;

    nodes->table = calloc(most, sizeof(struct gw_node *));
    nodes->active = calloc(most, sizeof(struct gw_node *));
    nodes->deadline = calloc(1, sizeof(*nodes->deadline));
    if (!nodes->table || !nodes->active || !nodes->deadline)
        return MQTTSN_ENOSPACE;
    status = add(nodes, 0, &gateway);
    if (status != MQTTSN_OK)
        return status;
    status = gw_paho_port_new(nodes->loop, nodes->settings.gateway,
                              nodes->wake_fd, NULL, &gateway->port);
    if (status != MQTTSN_OK)
        return status;
    gw_backoff_share(&gateway->port->backoff, &nodes->losses, true);
    nodes->settings.gateway = &gateway->port->settings;
    return MQTTSN_OK;
}

enum mqttsn_status
gw_upstream_nodes_new(uv_loop_t *loop,
                      const struct gw_upstream_nodes_settings *settings,
                      struct gw_upstream **ret_upstream)
{
    struct gw_nodes *nodes;
    enum mqttsn_status status;

    if (settings->max_connections == 0 || settings->max_connections > 65535 ||
        settings->gateway->journal)
        return MQTTSN_EINVAL;
    nodes = calloc(1, sizeof(*nodes));
    if (!nodes)
        return MQTTSN_ENOSPACE;
    nodes->base.ops = &ops;
    nodes->loop = loop;
    nodes->listed_tail = &nodes->listed;
    nodes->all_clean = true;
    nodes->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (nodes->wake_fd < 0 || pthread_mutex_init(&nodes->lock, NULL) != 0) {
        if (nodes->wake_fd >= 0)
            close(nodes->wake_fd);
        free(nodes);
        return MQTTSN_EIO;
    }
    status = gw_nodes_copy_settings(&nodes->settings, settings);
    if (status == MQTTSN_OK)
        status = gw_nodes_make_tls(nodes, settings->gateway->tls);
    if (status == MQTTSN_OK)
        status = init(nodes);
    if (status != MQTTSN_OK) {
        release(nodes);
        return status;
    }
    *ret_upstream = &nodes->base;
    return MQTTSN_OK;
}

void gw_upstream_nodes_stats(const struct gw_upstream *upstream,
                             struct gw_upstream_nodes_stats *ret_stats)
{
    const struct gw_nodes *nodes =
        nodes_of((struct gw_upstream *)(uintptr_t)upstream);

    *ret_stats =
        (struct gw_upstream_nodes_stats){.connections = nodes->open,
                                         .opened = nodes->opened,
                                         .qos0_dropped = nodes->qos0_dropped};
    gw_upstream_paho_stats(&nodes->table[0]->port->base, &ret_stats->gateway);
}
