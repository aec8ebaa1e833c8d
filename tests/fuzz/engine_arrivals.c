/* SPDX-License-Identifier: MIT */
/*
 * What stands between broker and engine where the store is durable: a message
 * is written down before the broker is told that it came, stays until the
 * engine has it forgotten, and comes again after a crash if it has not.
 */
#include "engine_world.h"

/* Octets of a MESSAGE record before the number of its arrival (records.h). */
enum { ARRIVAL_AT = 2 };

static void give(struct fz_world *w, struct fz_arrival *a)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};

    event.message.topic = mqttsn_span(a->data, a->topic_len);
    event.message.payload =
        mqttsn_span(a->data + a->topic_len, a->len - a->topic_len);
    event.message.qos = a->qos;
    event.message.retain = a->retain;
    event.message.packet_id = a->packet_id;
    event.message.arrival = a->number;
    a->given = true;
    gw_engine_on_upstream(w->engine, &event, w->now);
}

void fz_message(struct fz_world *w, const struct gw_up_event *event)
{
    struct mqttsn_span topic = event->message.topic;
    struct mqttsn_span payload = event->message.payload;
    struct fz_arrival *a;

    if (!w->connected || !w->keeps_arrivals || event->message.qos == 0) {
        fz_event(w, event);
        return;
    }
    MUST(w->arrival_count < FZ_ARRIVALS);
    a = &w->arrivals[w->arrival_count++];
    *a = (struct fz_arrival){.number = ++w->last_arrival,
                             .qos = event->message.qos,
                             .retain = event->message.retain,
                             .packet_id = event->message.packet_id,
                             .topic_len = topic.len,
                             .len = topic.len + payload.len};
    a->data = malloc(a->len > 0 ? a->len : 1);
    MUST(a->data != NULL);
    if (topic.len > 0)
        memcpy(a->data, topic.data, topic.len);
    if (payload.len > 0)
        memcpy(a->data + topic.len, payload.data, payload.len);
    give(w, a);
    fz_pump(w);
}

static struct fz_arrival *find(struct fz_world *w, uint32_t number)
{
    for (size_t i = 0; i < w->arrival_count; i++) {
        if (w->arrivals[i].number == number)
            return &w->arrivals[i];
    }
    return NULL;
}

/* Only what the engine was given, and once. */
void fz_arrival_unwanted(struct fz_world *w, uint32_t number)
{
    struct fz_arrival *a = find(w, number);

    MUST(a != NULL && a->given && !a->unwanted);
    a->unwanted = true;
}

void fz_arrival_forget(struct fz_world *w, uint32_t number)
{
    struct fz_arrival *a = find(w, number);
    size_t behind;

    if (a == NULL)
        return;
    behind = (size_t)(w->arrivals + w->arrival_count - (a + 1));
    free(a->data);
    memmove(a, a + 1, behind * sizeof(*a));
    w->arrival_count--;
}

void fz_arrivals_restart(struct fz_world *w)
{
    for (size_t i = 0; i < w->arrival_count; i++)
        w->arrivals[i].given = w->arrivals[i].unwanted = false;
    for (size_t i = 0; i < w->arrival_count; i++)
        give(w, &w->arrivals[i]);
}

static uint32_t arrival_of(const struct fz_record *r)
{
    uint32_t number = 0;

    if (r->kind != GW_RECORD_MESSAGE || r->len < ARRIVAL_AT + 4)
        return 0;
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | r->data[ARRIVAL_AT + i];
    return number;
}

void fz_arrivals_check(const struct fz_world *w)
{
    if (w->store_failed || w->foreign)
        return;
    for (size_t i = 0; i < w->record_count; i++) {
        uint32_t number = arrival_of(&w->records[i]);

        MUST(number <= w->last_arrival);
        for (size_t k = 0; number != 0 && k < i; k++)
            MUST(arrival_of(&w->records[k]) != number);
    }
}

void fz_arrivals_clear(struct fz_world *w)
{
    while (w->arrival_count > 0)
        free(w->arrivals[--w->arrival_count].data);
}
