/* SPDX-License-Identifier: MIT */
/*
 * outbox.h - from the loop to the upstream thread: what to do at the broker.
 *
 * Two queues under one lock: publishes (data), bounded by count and octets,
 * and subscriptions (control), with room of their own, so that data can never
 * block them. Entries leave in the order in which they came in; only when the
 * oldest publish may not go, because the window is full, does control overtake
 * it.
 *
 * Neither side ever waits here. The thread is signalled, by an eventfd, when a
 * queue was empty; the loop, by a callback from the thread, when it was told
 * of no room and a quarter of the room is free again.
 */
#ifndef GW_OUTBOX_H
#define GW_OUTBOX_H

#include "core/engine.h"

#include <pthread.h>

/* A copy of an action. Belongs to whoever took it out, until it is done. */
struct gw_outbox_entry {
    struct gw_outbox_entry *next;
    uint64_t order; /* of submission, over both queues */
    uint64_t epoch; /* as given to gw_outbox_put */
    uint64_t token;
    uint32_t exchange; /* the item of its record, or 0 */
    enum gw_up_action_kind kind;
    uint8_t qos;
    bool retain;
    bool no_retained; /* as in the action, as are the next two */
    bool no_local;
    uint32_t identifier;
    uint64_t received_ms; /* PUBLISH: since 1970, by the system's clock */
    size_t topic_len;
    size_t payload_len;
    size_t client_len;
    const uint8_t *payload;
    const char *client;
    char topic[]; /* NUL-terminated; the payload and the client id follow */
};

struct gw_outbox_limits {
    size_t entries; /* publishes */
    size_t bytes;   /* of publishes; may be exceeded by one of them */
    size_t control; /* subscriptions and unsubscriptions */
};

struct gw_outbox_queue {
    struct gw_outbox_entry *head;
    struct gw_outbox_entry **tail;
    size_t entries; /* here, and taken but not done */
    size_t bytes;
};

/* The caller's memory; all fields are private. */
struct gw_outbox {
    pthread_mutex_t lock;
    struct gw_outbox_limits limits;
    struct gw_outbox_queue data;
    struct gw_outbox_queue control;
    uint64_t next_order;
    unsigned wanted; /* classes that the loop found full */
    bool wake_due;   /* something was put where nothing was; loop thread */
    int wake_fd;     /* eventfd of the thread; borrowed */
    void (*on_room)(void *user);
    void *user;
};

/* 'wake_fd' is an eventfd that wakes the thread; 'on_room' is called on the
 * thread. MQTTSN_EIO: the system has no mutex for us. */
MQTTSN_CHECKED enum mqttsn_status
gw_outbox_init(struct gw_outbox *outbox, const struct gw_outbox_limits *limits,
               int wake_fd, void (*on_room)(void *user), void *user);
void gw_outbox_fini(struct gw_outbox *outbox);

/* Which classes have room: a set of gw_up_class. Loop thread. */
unsigned gw_outbox_room(struct gw_outbox *outbox);

/*
 * Copies an action in. The thread is not woken: gw_outbox_wake does that, to be
 * called when nothing more is to be put for now. Loop thread.
 *
 * MQTTSN_OK:       it is queued.
 * MQTTSN_ENOSPACE: its class is full, or there is no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_outbox_put(struct gw_outbox *outbox, const struct gw_up_action *action,
              uint64_t epoch);

/* Whether gw_outbox_wake has something to do; and wakes the thread then. Loop
 * thread. */
bool gw_outbox_wake_due(const struct gw_outbox *outbox);
void gw_outbox_wake(struct gw_outbox *outbox);

/* How many more of each kind the thread can use. */
struct gw_outbox_appetite {
    size_t acked; /* publishes with QoS 1 or 2 */
    size_t qos0;
    size_t control;
};

/*
 * Takes up to 'n' entries, oldest first, and counts them off '*appetite'.
 * Their room stays occupied until gw_outbox_done. Upstream thread.
 */
size_t gw_outbox_take(struct gw_outbox *outbox,
                      struct gw_outbox_appetite *appetite,
                      struct gw_outbox_entry *ret_entries[], size_t n);

/* Frees an entry that was taken; its room returns. Upstream thread. */
void gw_outbox_done(struct gw_outbox *outbox, struct gw_outbox_entry *entry);

/* Puts taken entries back in front, in the order in which they were taken;
 * nothing younger may be out. Upstream thread. */
void gw_outbox_return(struct gw_outbox *outbox,
                      struct gw_outbox_entry *entries[], size_t n);

bool gw_outbox_empty(struct gw_outbox *outbox);

/* Publishes in it, and taken but not done. */
size_t gw_outbox_publishes(struct gw_outbox *outbox);

#endif
