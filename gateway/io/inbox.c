/* SPDX-License-Identifier: MIT */
#include "io/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Events without octets that can still be pushed when there is no memory. They
 * return with what the loop has taken, so there need not be many. */
#define RESERVE 64

/* A signal that was put off is given after so many more events, or so long. */
#define DEFERRED_MAX 32u
#define DEFERRED_NS UINT64_C(1000000)

struct gw_inbox_node {
    struct gw_inbox_node *next;
    struct gw_up_event event;
    uint8_t data[]; /* topic, payload */
};

static void free_list(struct gw_inbox_node *node)
{
    while (node) {
        struct gw_inbox_node *next = node->next;

        free(node);
        node = next;
    }
}

static bool fill_reserve(struct gw_inbox *inbox)
{
    while (inbox->reserve_count < RESERVE) {
        struct gw_inbox_node *node = malloc(sizeof(*node));

        if (!node) {
            free_list(inbox->reserve);
            return false;
        }
        node->next = inbox->reserve;
        inbox->reserve = node;
        inbox->reserve_count++;
    }
    return true;
}

enum mqttsn_status gw_inbox_init(struct gw_inbox *inbox,
                                 const struct gw_inbox_limits *limits)
{
    pthread_condattr_t attr;

    *inbox = (struct gw_inbox){.limits = *limits};
    inbox->tail = &inbox->head;
    if (!fill_reserve(inbox))
        return MQTTSN_ENOSPACE;
    if (pthread_mutex_init(&inbox->lock, NULL) != 0)
        goto fail_reserve;
    if (pthread_condattr_init(&attr) != 0)
        goto fail;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&inbox->room, &attr) != 0) {
        pthread_condattr_destroy(&attr);
        goto fail;
    }
    pthread_condattr_destroy(&attr);
    return MQTTSN_OK;

fail:
    pthread_mutex_destroy(&inbox->lock);
fail_reserve:
    free_list(inbox->reserve);
    return MQTTSN_EIO;
}

static void on_async(uv_async_t *async)
{
    struct gw_inbox *inbox = async->data;

    if (inbox)
        inbox->wake(inbox->user);
}

enum mqttsn_status gw_inbox_open(struct gw_inbox *inbox, uv_loop_t *loop,
                                 void (*wake)(void *user), void *user)
{
    uv_async_t *async = calloc(1, sizeof(*async));

    if (!async)
        return MQTTSN_ENOSPACE;
    if (uv_async_init(loop, async, on_async) < 0) {
        free(async);
        return MQTTSN_EIO;
    }
    async->data = inbox;
    pthread_mutex_lock(&inbox->lock);
    inbox->wake = wake;
    inbox->user = user;
    inbox->async = async;
    pthread_mutex_unlock(&inbox->lock);
    return MQTTSN_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void gw_inbox_close(struct gw_inbox *inbox)
{
    uv_async_t *async;

    gw_inbox_stop_waiting(inbox);
    pthread_mutex_lock(&inbox->lock);
    async = inbox->async;
    inbox->async = NULL;
    pthread_mutex_unlock(&inbox->lock);
    if (async) {
        async->data = NULL;
        uv_close((uv_handle_t *)async, on_closed);
    }
}

void gw_inbox_fini(struct gw_inbox *inbox)
{
    assert(!inbox->async);
    free_list(inbox->head);
    free_list(inbox->batch);
    free_list(inbox->reserve);
    free_list(inbox->spent);
    free(inbox->current);
    pthread_cond_destroy(&inbox->room);
    pthread_mutex_destroy(&inbox->lock);
}

static bool has_room(const struct gw_inbox *inbox, size_t bytes)
{
    /* One message is let in whatever its size, or it would never be. */
    if (inbox->used_entries == 0)
        return true;
    return inbox->used_entries < inbox->limits.entries &&
           inbox->used_bytes <= inbox->limits.bytes &&
           bytes <= inbox->limits.bytes - inbox->used_bytes;
}

void gw_inbox_set_defer(struct gw_inbox *inbox,
                        bool (*defer)(void (*tell)(void *user), void *user))
{
    inbox->defer = defer;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Under 'lock'. */
static void signal_now(struct gw_inbox *inbox)
{
    inbox->deferred = false;
    if (inbox->async)
        uv_async_send(inbox->async);
}

static bool wait_for_room(struct gw_inbox *inbox, size_t bytes)
{
    struct timespec until;

    if (has_room(inbox, bytes))
        return true;
    inbox->waits++;
    if (inbox->deferred)
        signal_now(inbox);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(inbox->limits.wait_ms / 1000);
    until.tv_nsec += (long)(inbox->limits.wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (!inbox->closing && !has_room(inbox, bytes))
        if (pthread_cond_timedwait(&inbox->room, &inbox->lock, &until) ==
            ETIMEDOUT)
            break;
    return has_room(inbox, bytes);
}

static size_t message_bytes(const struct gw_up_event *event)
{
    if (event->kind != GW_UP_MESSAGE)
        return 0;
    return event->message.topic.len + event->message.payload.len;
}

/* Whoever pushes waits until the loop has given one back: the loop waits for
 * nobody. NULL only when nobody takes any more. */
static struct gw_inbox_node *take_reserve(struct gw_inbox *inbox)
{
    struct gw_inbox_node *node;

    if (inbox->deferred)
        signal_now(inbox);
    while (!inbox->reserve && !inbox->closing)
        pthread_cond_wait(&inbox->room, &inbox->lock);
    node = inbox->reserve;
    if (node) {
        inbox->reserve = node->next;
        inbox->reserve_count--;
    }
    return node;
}

static void fill_node(struct gw_inbox_node *node,
                      const struct gw_up_event *event)
{
    node->next = NULL;
    node->event = *event;
    if (event->kind == GW_UP_MESSAGE) {
        struct mqttsn_span *topic = &node->event.message.topic;
        struct mqttsn_span *payload = &node->event.message.payload;

        if (topic->len > 0)
            memcpy(node->data, topic->data, topic->len);
        if (payload->len > 0)
            memcpy(node->data + topic->len, payload->data, payload->len);
        topic->data = node->data;
        payload->data = node->data + topic->len;
    }
}

static void tell(void *inbox)
{
    gw_inbox_signal(inbox);
}

/* Not under 'lock': who is asked may have one of his own, and calls 'tell'
 * under that. */
static void signal_or_defer(struct gw_inbox *inbox)
{
    uint64_t now = now_ns();

    if (!inbox->defer(tell, inbox)) {
        gw_inbox_signal(inbox);
        return;
    }
    pthread_mutex_lock(&inbox->lock);
    inbox->deferred = true;
    inbox->deferred_count = 0;
    inbox->deferred_ns = now;
    pthread_mutex_unlock(&inbox->lock);
}

bool gw_inbox_push(struct gw_inbox *inbox, const struct gw_up_event *event)
{
    size_t bytes = message_bytes(event);
    struct gw_inbox_node *node = malloc(sizeof(*node) + bytes);
    bool was_empty;

    if (node)
        fill_node(node, event);
    pthread_mutex_lock(&inbox->lock);
    if (event->kind == GW_UP_MESSAGE) {
        if (!node || !wait_for_room(inbox, bytes)) {
            inbox->dropped++;
            pthread_mutex_unlock(&inbox->lock);
            free(node);
            return false;
        }
        inbox->used_entries++;
        inbox->used_bytes += bytes;
    } else if (!node) {
        node = take_reserve(inbox);
        if (!node) {
            pthread_mutex_unlock(&inbox->lock);
            return false;
        }
        fill_node(node, event);
    }
    was_empty = !inbox->head;
    *inbox->tail = node;
    inbox->tail = &node->next;
    if (was_empty && !inbox->defer)
        signal_now(inbox);
    else if (inbox->deferred && (++inbox->deferred_count >= DEFERRED_MAX ||
                                 now_ns() - inbox->deferred_ns >= DEFERRED_NS))
        signal_now(inbox);
    pthread_mutex_unlock(&inbox->lock);
    if (was_empty && inbox->defer)
        signal_or_defer(inbox);
    return true;
}

bool gw_inbox_wait(struct gw_inbox *inbox, const struct gw_up_event *event)
{
    bool ok;

    pthread_mutex_lock(&inbox->lock);
    ok = wait_for_room(inbox, message_bytes(event));
    inbox->dropped += !ok;
    pthread_mutex_unlock(&inbox->lock);
    return ok;
}

void gw_inbox_signal(struct gw_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    signal_now(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

void gw_inbox_stop_waiting(struct gw_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closing = true;
    pthread_cond_broadcast(&inbox->room);
    pthread_mutex_unlock(&inbox->lock);
}

/* What was taken is kept while the reserve may be short. */
static void dispose(struct gw_inbox *inbox, struct gw_inbox_node *node)
{
    if (!node || inbox->spent_count >= RESERVE) {
        free(node);
        return;
    }
    node->next = inbox->spent;
    inbox->spent = node;
    inbox->spent_count++;
}

static void refill_reserve(struct gw_inbox *inbox)
{
    while (inbox->spent && inbox->reserve_count < RESERVE) {
        struct gw_inbox_node *node = inbox->spent;

        inbox->spent = node->next;
        inbox->spent_count--;
        node->next = inbox->reserve;
        inbox->reserve = node;
        inbox->reserve_count++;
    }
}

/* Takes over all that waits, under one lock; the previous batch is used up,
 * and its room returns. */
static void fetch(struct gw_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    refill_reserve(inbox);
    inbox->used_entries -= inbox->batch_entries;
    inbox->used_bytes -= inbox->batch_bytes;
    inbox->batch_entries = inbox->used_entries;
    inbox->batch_bytes = inbox->used_bytes;
    inbox->batch = inbox->head;
    inbox->head = NULL;
    inbox->tail = &inbox->head;
    pthread_cond_broadcast(&inbox->room);
    pthread_mutex_unlock(&inbox->lock);
}

bool gw_inbox_take(struct gw_inbox *inbox, struct gw_up_event *ret_event)
{
    dispose(inbox, inbox->current);
    inbox->current = NULL;
    if (!inbox->batch)
        fetch(inbox);
    if (!inbox->batch)
        return false;
    inbox->current = inbox->batch;
    inbox->batch = inbox->current->next;
    *ret_event = inbox->current->event;
    return true;
}

void gw_inbox_counts(struct gw_inbox *inbox, uint64_t *ret_dropped,
                     uint64_t *ret_waits)
{
    pthread_mutex_lock(&inbox->lock);
    *ret_dropped = inbox->dropped;
    *ret_waits = inbox->waits;
    pthread_mutex_unlock(&inbox->lock);
}
