/* SPDX-License-Identifier: MIT */
/*
 * inbox.h - from any thread to the loop: what happened on the broker side.
 *
 * One queue for every kind of event, so that the loop sees them in the order
 * in which they happened. Messages are bounded by count and by octets; when
 * there is no room the pushing thread waits, which stops Paho from reading and
 * so becomes back-pressure on the TCP connection. It is safe to wait there
 * because the loop, who makes room, waits for nobody. Everything else
 * (results, connection state) is never refused, and waits only when there is no
 * memory: the pushing side bounds it by how much it has outstanding.
 *
 * The loop is signalled only when the queue was empty. A pushing thread that
 * knows when it will rest may put the signal off until then ('defer'), so that
 * a burst wakes the loop once; not for longer than 32 events or a millisecond,
 * as far as it goes on pushing, and not while it waits for room.
 */
#ifndef GW_INBOX_H
#define GW_INBOX_H

#include "core/engine.h"

#include <pthread.h>
#include <uv.h>

struct gw_inbox_node;

struct gw_inbox_limits {
    size_t entries;    /* messages */
    size_t bytes;      /* topics and payloads of messages */
    mqttsn_ms wait_ms; /* longest wait of a pushing thread */
};

/* The caller's memory; all fields are private. */
struct gw_inbox {
    pthread_mutex_t lock;
    pthread_cond_t room;
    uv_async_t *async; /* NULL before open and after close */
    void (*wake)(void *user);
    void *user;
    bool (*defer)(void (*tell)(void *user), void *user); /* or NULL */
    struct gw_inbox_limits limits;
    bool closing; /* nobody waits any more */

    /* Pushed and not yet fetched by the loop. */
    struct gw_inbox_node *head;
    struct gw_inbox_node **tail;
    size_t used_entries; /* messages here and in the batch */
    size_t used_bytes;
    uint64_t dropped;
    uint64_t waits;
    bool deferred; /* the signal has been put off */
    unsigned deferred_count;
    uint64_t deferred_ns;          /* when */
    struct gw_inbox_node *reserve; /* for results when there is no memory */
    size_t reserve_count;

    /* The loop's alone. */
    struct gw_inbox_node *batch;   /* fetched, not yet taken */
    struct gw_inbox_node *current; /* taken; its spans are in use */
    size_t batch_entries;          /* messages to give back at the next fetch */
    size_t batch_bytes;
    struct gw_inbox_node *spent; /* taken; goes back to the reserve */
    size_t spent_count;
};

/* MQTTSN_ENOSPACE: no memory. MQTTSN_EIO: the system has no mutex for us. */
MQTTSN_CHECKED enum mqttsn_status
gw_inbox_init(struct gw_inbox *inbox, const struct gw_inbox_limits *limits);

/*
 * From now on 'defer' is asked, on the pushing thread, to call 'tell' when that
 * thread is about to rest; false: it cannot, and the signal is given at once.
 * Before any other thread pushes.
 */
void gw_inbox_set_defer(struct gw_inbox *inbox,
                        bool (*defer)(void (*tell)(void *user), void *user));

/* Joins the inbox to a loop; 'wake' is called there. Loop thread.
 * MQTTSN_EIO, MQTTSN_ENOSPACE: the loop would not have it. */
MQTTSN_CHECKED enum mqttsn_status gw_inbox_open(struct gw_inbox *inbox,
                                                uv_loop_t *loop,
                                                void (*wake)(void *user),
                                                void *user);

/* Leaves the loop; threads may still push, unheard. The loop must turn once
 * more before it can be closed. Loop thread. */
void gw_inbox_close(struct gw_inbox *inbox);

/* Frees what is inside. No thread may push any more. */
void gw_inbox_fini(struct gw_inbox *inbox);

/*
 * Copies an event in. Any thread. A GW_UP_MESSAGE may wait; false: there was
 * no room for it in time, or no memory, and it was dropped and counted. Any
 * other kind is always taken, since an action without a result would wait for
 * ever: without memory it comes from a reserve, and the caller waits until the
 * loop has taken something. Only after gw_inbox_stop_waiting may it be false.
 */
bool gw_inbox_push(struct gw_inbox *inbox, const struct gw_up_event *event);

/* Waits until a GW_UP_MESSAGE would be taken, as gw_inbox_push does; false: it
 * will not be, and is counted as dropped. For the one thread that pushes
 * messages. */
bool gw_inbox_wait(struct gw_inbox *inbox, const struct gw_up_event *event);

/* Calls 'wake' on the loop thread soon. Any thread. */
void gw_inbox_signal(struct gw_inbox *inbox);

/* From now on no thread waits for room. Any thread. */
void gw_inbox_stop_waiting(struct gw_inbox *inbox);

/* The next event; its spans hold until the next call. Loop thread. */
bool gw_inbox_take(struct gw_inbox *inbox, struct gw_up_event *ret_event);

/* Messages dropped, and times a thread had to wait. Any thread. */
void gw_inbox_counts(struct gw_inbox *inbox, uint64_t *ret_dropped,
                     uint64_t *ret_waits);

#endif
