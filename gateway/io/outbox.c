/* SPDX-License-Identifier: MIT */
#include "io/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum mqttsn_status gw_outbox_init(struct gw_outbox *outbox,
                                  const struct gw_outbox_limits *limits,
                                  int wake_fd, void (*on_room)(void *user),
                                  void *user)
{
    *outbox = (struct gw_outbox){.limits = *limits,
                                 .wake_fd = wake_fd,
                                 .on_room = on_room,
                                 .user = user};
    outbox->data.tail = &outbox->data.head;
    outbox->control.tail = &outbox->control.head;
    if (pthread_mutex_init(&outbox->lock, NULL) != 0)
        return MQTTSN_EIO;
    return MQTTSN_OK;
}

static void free_queue(struct gw_outbox_queue *queue)
{
    while (queue->head) {
        struct gw_outbox_entry *entry = queue->head;

        queue->head = entry->next;
        free(entry);
    }
}

void gw_outbox_fini(struct gw_outbox *outbox)
{
    free_queue(&outbox->data);
    free_queue(&outbox->control);
    pthread_mutex_destroy(&outbox->lock);
}

static bool is_data(enum gw_up_action_kind kind)
{
    return kind == GW_UP_PUBLISH;
}

static unsigned room(const struct gw_outbox *outbox)
{
    unsigned classes = 0;

    if (outbox->control.entries < outbox->limits.control)
        classes |= GW_UP_CONTROL;
    if (outbox->data.entries < outbox->limits.entries &&
        outbox->data.bytes < outbox->limits.bytes)
        classes |= GW_UP_DATA;
    return classes;
}

unsigned gw_outbox_room(struct gw_outbox *outbox)
{
    unsigned classes;

    pthread_mutex_lock(&outbox->lock);
    classes = room(outbox);
    outbox->wanted |= (GW_UP_CONTROL | GW_UP_DATA) & ~classes;
    pthread_mutex_unlock(&outbox->lock);
    return classes;
}

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct gw_outbox_entry *make_entry(const struct gw_up_action *action,
                                          uint64_t epoch)
{
    size_t client = action->kind == GW_UP_PUBLISH ? action->client.len : 0;
    struct gw_outbox_entry *entry = malloc(sizeof(*entry) + action->topic.len +
                                           1 + action->payload.len + client);

    if (!entry)
        return NULL;
    *entry = (struct gw_outbox_entry){.epoch = epoch,
                                      .token = action->token,
                                      .exchange = action->item,
                                      .kind = action->kind,
                                      .qos = action->qos,
                                      .retain = action->retain,
                                      .no_retained = action->no_retained,
                                      .no_local = action->no_local,
                                      .identifier = action->identifier,
                                      .topic_len = action->topic.len,
                                      .payload_len = action->payload.len,
                                      .payload = (const uint8_t *)entry->topic +
                                                 action->topic.len + 1};
    if (action->topic.len > 0)
        memcpy(entry->topic, action->topic.data, action->topic.len);
    entry->topic[action->topic.len] = '\0';
    if (action->payload.len > 0)
        memcpy(entry->topic + action->topic.len + 1, action->payload.data,
               action->payload.len);
    entry->client = entry->topic + action->topic.len + 1 + action->payload.len;
    entry->client_len = client;
    if (client > 0)
        memcpy(entry->topic + action->topic.len + 1 + action->payload.len,
               action->client.data, client);
    if (action->kind == GW_UP_PUBLISH)
        entry->received_ms = wall_ms() - action->age_ms;
    return entry;
}

enum mqttsn_status gw_outbox_put(struct gw_outbox *outbox,
                                 const struct gw_up_action *action,
                                 uint64_t epoch)
{
    bool data = is_data(action->kind);
    struct gw_outbox_queue *queue = data ? &outbox->data : &outbox->control;
    unsigned class = data ? GW_UP_DATA : GW_UP_CONTROL;
    struct gw_outbox_entry *entry = make_entry(action, epoch);
    bool was_empty;

    if (!entry)
        return MQTTSN_ENOSPACE;
    pthread_mutex_lock(&outbox->lock);
    if (!(room(outbox) & class)) {
        outbox->wanted |= class;
        pthread_mutex_unlock(&outbox->lock);
        free(entry);
        return MQTTSN_ENOSPACE;
    }
    entry->order = outbox->next_order++;
    was_empty = !queue->head;
    *queue->tail = entry;
    queue->tail = &entry->next;
    queue->entries++;
    queue->bytes += entry->topic_len + entry->payload_len;
    pthread_mutex_unlock(&outbox->lock);
    outbox->wake_due |= was_empty;
    return MQTTSN_OK;
}

bool gw_outbox_wake_due(const struct gw_outbox *outbox)
{
    return outbox->wake_due;
}

void gw_outbox_wake(struct gw_outbox *outbox)
{
    uint64_t one = 1;

    if (!outbox->wake_due)
        return;
    outbox->wake_due = false;
    /* Full means that it is awake already. */
    while (write(outbox->wake_fd, &one, sizeof(one)) < 0)
        break;
}

/* The appetite that an entry is served from. */
static size_t *share(struct gw_outbox_appetite *appetite,
                     const struct gw_outbox_entry *entry)
{
    if (!is_data(entry->kind))
        return &appetite->control;
    return entry->qos > 0 ? &appetite->acked : &appetite->qos0;
}

/* The queue whose head is to leave next, or NULL. */
static struct gw_outbox_queue *next_queue(struct gw_outbox *outbox,
                                          struct gw_outbox_appetite *appetite)
{
    const struct gw_outbox_entry *data = outbox->data.head;
    const struct gw_outbox_entry *control = outbox->control.head;

    if (data && *share(appetite, data) == 0)
        data = NULL;
    if (control && *share(appetite, control) == 0)
        control = NULL;
    if (data && (!control || data->order < control->order))
        return &outbox->data;
    return control ? &outbox->control : NULL;
}

size_t gw_outbox_take(struct gw_outbox *outbox,
                      struct gw_outbox_appetite *appetite,
                      struct gw_outbox_entry *ret_entries[], size_t n)
{
    size_t count = 0;

    pthread_mutex_lock(&outbox->lock);
    while (count < n) {
        struct gw_outbox_queue *queue = next_queue(outbox, appetite);
        struct gw_outbox_entry *entry;

        if (!queue)
            break;
        entry = queue->head;
        queue->head = entry->next;
        if (!queue->head)
            queue->tail = &queue->head;
        --*share(appetite, entry);
        ret_entries[count++] = entry;
    }
    pthread_mutex_unlock(&outbox->lock);
    return count;
}

/* The classes that the loop waits for and that have a quarter free. */
static unsigned classes_to_tell(const struct gw_outbox *outbox)
{
    const struct gw_outbox_limits *limits = &outbox->limits;
    unsigned classes = 0;

    if (outbox->control.entries <= limits->control - (limits->control + 3) / 4)
        classes |= GW_UP_CONTROL;
    if (outbox->data.entries <= limits->entries - (limits->entries + 3) / 4 &&
        outbox->data.bytes <= limits->bytes - limits->bytes / 4)
        classes |= GW_UP_DATA;
    return classes & outbox->wanted;
}

void gw_outbox_done(struct gw_outbox *outbox, struct gw_outbox_entry *entry)
{
    struct gw_outbox_queue *queue =
        is_data(entry->kind) ? &outbox->data : &outbox->control;
    unsigned told;

    pthread_mutex_lock(&outbox->lock);
    assert(queue->entries > 0);
    queue->entries--;
    queue->bytes -= entry->topic_len + entry->payload_len;
    told = classes_to_tell(outbox);
    outbox->wanted &= ~told;
    pthread_mutex_unlock(&outbox->lock);
    free(entry);
    if (told)
        outbox->on_room(outbox->user);
}

void gw_outbox_return(struct gw_outbox *outbox,
                      struct gw_outbox_entry *entries[], size_t n)
{
    pthread_mutex_lock(&outbox->lock);
    while (n-- > 0) {
        struct gw_outbox_entry *entry = entries[n];
        struct gw_outbox_queue *queue =
            is_data(entry->kind) ? &outbox->data : &outbox->control;

        entry->next = queue->head;
        if (!queue->head)
            queue->tail = &entry->next;
        queue->head = entry;
    }
    pthread_mutex_unlock(&outbox->lock);
}

bool gw_outbox_empty(struct gw_outbox *outbox)
{
    bool empty;

    pthread_mutex_lock(&outbox->lock);
    empty = !outbox->data.head && !outbox->control.head;
    pthread_mutex_unlock(&outbox->lock);
    return empty;
}

size_t gw_outbox_publishes(struct gw_outbox *outbox)
{
    size_t entries;

    pthread_mutex_lock(&outbox->lock);
    entries = outbox->data.entries;
    pthread_mutex_unlock(&outbox->lock);
    return entries;
}
