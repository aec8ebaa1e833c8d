/* SPDX-License-Identifier: MIT */
/*
 * upstream_nodes_private.h - the inside of the port of transparent mode:
 * upstream_nodes.c (the loop's side), upstream_nodes_thread.c (the upstream
 * thread) and upstream_nodes_open.c (a node's settings).
 */
#ifndef GW_UPSTREAM_NODES_PRIVATE_H
#define GW_UPSTREAM_NODES_PRIVATE_H

#include "io/upstream_nodes.h"
#include "io/upstream_port.h"

struct gw_nodes;

/* One connection. Belongs to the loop before it is handed to the thread and
 * after that has handed it back; its port is shared as ever. */
struct gw_node {
    struct gw_nodes *nodes;
    struct gw_paho_port *port; /* NULL: it could not be made */
    uint32_t connection;
    struct gw_node *next; /* in the list that hands it over */

    /* Loop thread only. */
    bool listed; /* may have events */
    bool closing;
    bool gone;     /* the thread is through with it */
    bool answered; /* 'port' is NULL: and the engine knows */
    enum gw_up_event_kind answer;
    struct gw_node *next_listed;

    /* Upstream thread only. */
    mqttsn_ms wake_at;
    bool tried; /* its first attempt is over */
};

struct gw_nodes {
    struct gw_upstream base;
    uv_loop_t *loop;
    struct gw_upstream_nodes_settings settings; /* owns its strings; 'gateway'
                                                   is that port's own copy */
    /* By credentials: with their certificate; NULL where they have none. */
    struct gw_paho_tls **credential_tls;
    int wake_fd;

    /* Loop thread only. */
    struct gw_node **table; /* by connection; 0 is the gateway's */
    struct gw_node *listed;
    struct gw_node **listed_tail;
    pthread_t thread;
    bool started, joined, stop_reported;
    uv_async_t *async;    /* frees itself */
    uv_timer_t *deadline; /* of 'stop'; frees itself */
    void (*stopped)(void *user, bool clean);
    void *stopped_user;
    struct gw_nodes *next_abandoned;
    uint32_t open;
    uint64_t opened, qos0_dropped;

    pthread_mutex_t lock;  /* held for a few instructions, by anybody */
    struct gw_node *fresh; /* for the thread, newest first */
    struct gw_node *gone;  /* for the loop, newest first */
    bool all_clean;        /* so far every one has ended in order */

    atomic_bool stop_wanted;
    atomic_bool finished; /* the thread is about to end */

    /* Upstream thread only. */
    struct gw_node **active;
    size_t active_count;
    struct gw_backoff_losses losses; /* the gateway's own connection leads */
};

/* The thread; ends when 'stop_wanted' and no connection is left. */
void *gw_nodes_thread(void *nodes);
void gw_nodes_wake(struct gw_nodes *nodes);

/* ---- upstream_nodes_open.c ---------------------------------------------- */

/* Copies all but 'gateway'. MQTTSN_EINVAL: the template has no {client_id}, or
 * two. MQTTSN_ENOSPACE: no memory; what was copied can be freed. */
MQTTSN_CHECKED enum mqttsn_status
gw_nodes_copy_settings(struct gw_upstream_nodes_settings *to,
                       const struct gw_upstream_nodes_settings *from);
void gw_nodes_free_settings(struct gw_upstream_nodes_settings *settings);

/* The certificates of nodes, beside what else 'tls' says; it may be NULL, for
 * without TLS nobody shows any. As gw_paho_tls_new. */
MQTTSN_CHECKED enum mqttsn_status
gw_nodes_make_tls(struct gw_nodes *nodes, const struct gw_tls_settings *tls);
void gw_nodes_free_tls(struct gw_nodes *nodes);

/*
 * The port of a node's connection, as GW_UP_OPEN asks for.
 *
 * MQTTSN_EINVAL: the broker cannot be asked for this client id: it is too long,
 *   has an octet that ends it or one that the broker does not take, or is the
 *   gateway's own.
 * MQTTSN_ENOSPACE, MQTTSN_EIO: as gw_paho_port_new.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_nodes_make_port(struct gw_nodes *nodes, const struct gw_up_action *action,
                   struct gw_paho_port **ret_port);

#endif
