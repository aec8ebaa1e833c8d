/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What others publish on; nodes subscribe to filters that match some. */
static const char *const topics[] = {
    "aa",  "bb",  "t/1",     "t/2",     "t/1/x", "t/2/y",
    "cmd", "a/b", "cmd/all", "pre/one", "s",     "a/long/topic/name/of/one"};

#define TOPICS (sizeof(topics) / sizeof(topics[0]))

static bool ends_level(char c)
{
    return c == '\0' || c == '/';
}

static bool levels_match(const char *filter, const char *name)
{
    for (;; filter++, name++) {
        if (filter[0] == '#' && filter[1] == '\0')
            return true;
        if (filter[0] == '+' && ends_level(filter[1])) {
            filter++;
            while (!ends_level(*name))
                name++;
        }
        while (*filter == *name && !ends_level(*name)) {
            filter++;
            name++;
        }
        if (!ends_level(*filter) || !ends_level(*name))
            return false;
        if (*name == '\0')
            return *filter == '\0' || strcmp(filter, "/#") == 0;
        if (*filter == '\0')
            return false;
    }
}

bool filter_matches(const char *filter, const char *name)
{
    if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    return levels_match(filter, name);
}

bool broker_message_equal(const struct message *a, const struct message *b)
{
    return strcmp(a->topic, b->topic) == 0 && a->len == b->len &&
           memcmp(a->payload, b->payload, a->len) == 0;
}

struct message *broker_message_new(struct broker *broker, uint32_t *ret_index)
{
    if (broker->message_count == broker->message_room) {
        broker->message_room =
            broker->message_room == 0 ? 512 : broker->message_room * 2;
        broker->messages = realloc(
            broker->messages, broker->message_room * sizeof(*broker->messages));
        assert(broker->messages != NULL);
    }
    *ret_index = (uint32_t)broker->message_count++;
    return &broker->messages[*ret_index];
}

void broker_init(struct sim *sim)
{
    struct broker *b = &sim->broker;
    struct message *messages = b->messages;
    size_t room = b->message_room;

    memset(b, 0, sizeof(*b));
    b->messages = messages;
    b->message_room = room;
    rng_init(&b->random, sim->seed, "broker line", 0);
    rng_init(&b->others, sim->seed, "others", 0);
    b->fresh_process = true;
}

void broker_free(struct broker *broker)
{
    free(broker->messages);
    memset(broker, 0, sizeof(*broker));
}

void broker_forget_session(struct sim *sim)
{
    sim->broker.session = false;
    sim->broker.filter_count = 0;
    sim->broker.queue_count = 0;
}

/* ---- to the gateway ---------------------------------------------------- */

static void deliver(struct sim *sim, struct event *event)
{
    struct broker *b = &sim->broker;
    struct outgoing *o = NULL, copy;
    uint32_t arrival;

    if (event->actor != b->connection || !b->online)
        return;
    for (size_t i = 0; i < b->queue_count && o == NULL; i++)
        if (b->queue[i].serial == event->number)
            o = &b->queue[i];
    if (o == NULL || o->delivered)
        return;
    copy = *o;
    if (!store_arrival(sim, &copy, &arrival))
        return;
    if (o->qos == 0) {
        memmove(o, o + 1,
                (b->queue_count - (size_t)(o - b->queue) - 1) * sizeof(*o));
        b->queue_count--;
    } else {
        o->delivered = true;
        o->acked_at =
            sim->now + rng_below(&b->random, (uint32_t)sim->o.answer_ms + 1);
    }
    broker_give(sim, &copy, arrival);
}

void broker_give(struct sim *sim, const struct outgoing *outgoing,
                 uint32_t arrival)
{
    const struct message *m = &sim->broker.messages[outgoing->message];
    struct gw_up_event up = {.kind = GW_UP_MESSAGE};

    up.message.topic = mqttsn_span_text(m->topic);
    up.message.payload = mqttsn_span(m->payload, m->len);
    up.message.qos = outgoing->qos;
    up.message.retain = outgoing->retain;
    up.message.packet_id = outgoing->packet_id;
    up.message.arrival = arrival;
    oracle_message(sim, 0, outgoing);
    gateway_upstream(sim, &up);
}

static void plan(struct sim *sim, const struct outgoing *o)
{
    struct broker *b = &sim->broker;
    mqttsn_ms due = sim->now;
    struct event *event;

    if (!sim->healed && !o->copy)
        due += rng_below(&b->random, (uint32_t)sim->o.answer_ms / 2 + 1);
    if (due < b->last_delivery)
        due = b->last_delivery;
    b->last_delivery = due;
    event = queue_add(&sim->queue, due, deliver, NULL, 0);
    event->actor = b->connection;
    event->number = o->serial;
}

static void forget_acknowledged(struct sim *sim)
{
    struct broker *b = &sim->broker;
    size_t kept = 0;

    for (size_t i = 0; i < b->queue_count; i++)
        if (!b->queue[i].delivered || b->queue[i].acked_at > sim->now)
            b->queue[kept++] = b->queue[i];
    b->queue_count = kept;
}

static void queue_for_gateway(struct sim *sim, uint32_t message, uint8_t qos,
                              bool retain, bool copy)
{
    struct broker *b = &sim->broker;
    struct outgoing *o;

    if (qos == 0 && !b->online)
        return;
    forget_acknowledged(sim);
    if (b->queue_count == BROKER_QUEUE) {
        b->dropped++;
        return;
    }
    if (qos > 0 && ++b->packet_id == 0)
        b->packet_id = 1;
    o = &b->queue[b->queue_count++];
    *o = (struct outgoing){.serial = ++b->serial,
                           .message = message,
                           .qos = qos,
                           .retain = retain,
                           .copy = copy,
                           .packet_id = qos > 0 ? b->packet_id : 0};
    if (b->online)
        plan(sim, o);
}

void broker_deliver_queue(struct sim *sim, bool redeliver)
{
    struct broker *b = &sim->broker;
    size_t kept = 0;

    forget_acknowledged(sim);
    b->last_delivery = sim->now;
    for (size_t i = 0; i < b->queue_count; i++) {
        struct outgoing o = b->queue[i];

        /* QoS 2 is not delivered twice: the client library sees to that. */
        if (o.delivered && (o.qos != 1 || !redeliver))
            continue;
        if (o.qos == 0)
            continue;
        o.again |= o.delivered;
        o.delivered = false;
        b->queue[kept++] = o;
    }
    b->queue_count = kept;
    for (size_t i = 0; i < kept; i++)
        plan(sim, &b->queue[i]);
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void route(struct sim *sim, uint32_t index)
{
    struct broker *b = &sim->broker;
    const char *topic = b->messages[index].topic;
    uint8_t qos = b->messages[index].qos, granted = 0;
    bool any = false;

    links_route(sim, index);
    if (!b->session)
        return;
    for (size_t i = 0; i < b->filter_count; i++) {
        if (!filter_matches(b->filters[i].filter, topic))
            continue;
        if (sim->o.each_copy)
            queue_for_gateway(sim, index, lower(qos, b->filters[i].qos), false,
                              any);
        else if (b->filters[i].qos > granted)
            granted = b->filters[i].qos;
        any = true;
    }
    if (any && !sim->o.each_copy)
        queue_for_gateway(sim, index, lower(qos, granted), false, false);
}

static void retain(struct broker *b, uint32_t index)
{
    size_t i = 0;

    while (i < b->retained_count && strcmp(b->messages[b->retained[i]].topic,
                                           b->messages[index].topic) != 0)
        i++;
    if (i == BROKER_RETAINED)
        return;
    if (i == b->retained_count)
        b->retained_count++;
    b->retained[i] = index;
    if (b->messages[index].len == 0)
        b->retained[i] = b->retained[--b->retained_count];
}

bool broker_retains(const struct broker *b, const char *topic)
{
    for (size_t i = 0; i < b->retained_count; i++)
        if (strcmp(b->messages[b->retained[i]].topic, topic) == 0)
            return true;
    return false;
}

uint32_t broker_publish(struct sim *sim, const char *topic,
                        const uint8_t *payload, size_t len, uint8_t qos,
                        bool keep)
{
    struct broker *b = &sim->broker;
    uint32_t index;
    struct message *m = broker_message_new(b, &index);

    if (len > BROKER_PAYLOAD)
        len = BROKER_PAYLOAD;
    memset(m->topic, 0, sizeof(m->topic));
    topic_copy(m->topic, topic);
    m->len = (uint16_t)len;
    m->qos = qos;
    m->retain = keep;
    if (len > 0)
        memcpy(m->payload, payload, len);
    if (keep)
        retain(b, index);
    route(sim, index);
    return index;
}

/* ---- requests of the gateway ------------------------------------------- */

static size_t find_filter(const struct broker *b, const char *filter)
{
    size_t i = 0;

    while (i < b->filter_count && strcmp(b->filters[i].filter, filter) != 0)
        i++;
    return i;
}

static void subscribe(struct sim *sim, const char *filter, uint8_t qos)
{
    struct broker *b = &sim->broker;
    size_t at = find_filter(b, filter);

    if (at == BROKER_FILTERS)
        sim_fail(sim, "S9", "more than %d filters upstream", BROKER_FILTERS);
    if (at == b->filter_count) {
        b->filter_count++;
        memset(b->filters[at].filter, 0, BROKER_TOPIC);
        topic_copy(b->filters[at].filter, filter);
    }
    b->filters[at].qos = qos;
    for (size_t i = 0; i < b->retained_count; i++) {
        const struct message *m = &b->messages[b->retained[i]];

        if (filter_matches(filter, m->topic))
            queue_for_gateway(sim, b->retained[i], lower(m->qos, qos), true,
                              false);
    }
}

void broker_carry_out(struct sim *sim, struct request *request)
{
    struct broker *b = &sim->broker;
    struct message m = b->messages[request->message];
    size_t at;

    switch (request->kind) {
    case GW_UP_PUBLISH:
        oracle_carried_out(sim, request->message);
        if (m.retain)
            retain(b, request->message);
        route(sim, request->message);
        break;
    case GW_UP_SUBSCRIBE:
        subscribe(sim, m.topic, request->qos);
        break;
    case GW_UP_UNSUBSCRIBE:
        at = find_filter(b, m.topic);
        if (at < b->filter_count)
            b->filters[at] = b->filters[--b->filter_count];
        break;
    case GW_UP_OPEN:
    case GW_UP_CLOSE:
        break; /* in transparent mode */
    }
}

/* ---- others ------------------------------------------------------------ */

static void others_publish(struct sim *sim, struct event *event)
{
    struct broker *b = &sim->broker;
    struct rng *r = &b->others;
    uint8_t payload[BROKER_PAYLOAD];
    size_t len;

    (void)event;
    if (sim->healed)
        return;
    for (unsigned n = 1 + rng_below(r, 3); n > 0; n--) {
        len = (size_t)snprintf((char *)payload, sizeof(payload), "d%u",
                               b->number++);
        if (rng_below(r, 4) == 0)
            while (len < sizeof(payload) && rng_below(r, 60) > 0)
                payload[len++] = '.';
        bool keep = rng_chance(r, sim->o.retain_permille);
        uint8_t qos = (uint8_t)rng_below(r, 3);

        const char *topic = topics[rng_below(r, TOPICS)];
        char own[BROKER_TOPIC], name[BROKER_TOPIC];

        if (sim->o.access != 0 && rng_below(r, 4) == 0) {
            snprintf(own, sizeof(own), "own/n%u/x", rng_below(r, 4));
            topic = own;
        }
        rules_for_somebody(sim, topic, name);
        broker_publish(sim, name, payload, len, qos, keep);
    }
    sim_later(sim, r, sim->o.publish_ms, others_publish);
}

void broker_others_begin(struct sim *sim)
{
    sim_later(sim, &sim->broker.others, sim->o.publish_ms, others_publish);
}
