/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

struct event *queue_add(struct queue *queue, mqttsn_ms at, event_run *run,
                        const void *data, size_t len)
{
    struct event *event = malloc(sizeof(*event) + len);
    size_t i = queue->count;

    assert(event != NULL);
    memset(event, 0, sizeof(*event));
    event->at = at;
    event->sequence = ++queue->sequence;
    event->run = run;
    event->len = len;
    if (len > 0)
        memcpy(event->data, data, len);
    if (queue->count == queue->room) {
        queue->room = queue->room == 0 ? 256 : queue->room * 2;
        queue->heap = realloc(queue->heap, queue->room * sizeof(*queue->heap));
        assert(queue->heap != NULL);
    }
    queue->count++;
    for (; i > 0 && before(event, queue->heap[(i - 1) / 2]); i = (i - 1) / 2)
        queue->heap[i] = queue->heap[(i - 1) / 2];
    queue->heap[i] = event;
    return event;
}

const struct event *queue_peek(const struct queue *queue)
{
    return queue->count == 0 ? NULL : queue->heap[0];
}

struct event *queue_take(struct queue *queue)
{
    struct event *top, *last;
    size_t i = 0;

    if (queue->count == 0)
        return NULL;
    top = queue->heap[0];
    last = queue->heap[--queue->count];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= queue->count)
            break;
        if (child + 1 < queue->count &&
            before(queue->heap[child + 1], queue->heap[child]))
            child++;
        if (!before(queue->heap[child], last))
            break;
        queue->heap[i] = queue->heap[child];
        i = child;
    }
    queue->heap[i] = last;
    return top;
}

void queue_clear(struct queue *queue)
{
    while (queue->count > 0)
        free(queue->heap[--queue->count]);
    queue->sequence = 0;
}

void queue_free(struct queue *queue)
{
    queue_clear(queue);
    free(queue->heap);
    memset(queue, 0, sizeof(*queue));
}
