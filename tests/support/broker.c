/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

/* One level of a filter and of a name at a time, by the book [MQTT 4.7]. */
static bool levels_match(const char *filter, const char *name)
{
    size_t f = strcspn(filter, "/"), n = strcspn(name, "/");

    if (strcmp(filter, "#") == 0)
        return true;
    if (!(f == 1 && filter[0] == '+') &&
        !(f == n && memcmp(filter, name, f) == 0))
        return false;
    if (filter[f] == '\0' && name[n] == '\0')
        return true;
    if (filter[f] == '\0')
        return false;
    if (name[n] == '\0')
        return strcmp(filter + f, "/#") == 0;
    return levels_match(filter + f + 1, name + n + 1);
}

bool broker_matches(const char *filter, const char *name)
{
    if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    return levels_match(filter, name);
}

void broker_init(struct broker *broker)
{
    memset(broker, 0, sizeof(*broker));
    broker->online = true;
}

static void text_of(struct mqttsn_span span, char *buf, size_t cap)
{
    size_t len = span.len < cap ? span.len : cap - 1;

    if (len > 0)
        memcpy(buf, span.data, len);
    buf[len] = '\0';
}

static size_t find_filter(const struct broker *broker, const char *filter)
{
    size_t i = 0;

    while (i < broker->filter_count &&
           strcmp(broker->filters[i].filter, filter) != 0)
        i++;
    return i;
}

static void give_message(struct broker *broker, struct world *world,
                         const char *topic, const char *payload, uint8_t qos,
                         bool retain)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};

    event.message.topic = mqttsn_span_text(topic);
    event.message.payload = mqttsn_span_text(payload);
    event.message.qos = qos;
    event.message.retain = retain;
    if (qos > 0) {
        if (++broker->packet_id == 0)
            broker->packet_id = 1;
        event.message.packet_id = broker->packet_id;
    }
    broker->messages++;
    world_trace(world, "up > PUBLISH %s qos=%u retain=%d \"%s\"", topic, qos,
                retain, payload);
    gw_engine_on_upstream(world->engine, &event, world->now);
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* To whom it may concern, among the gateway's filters. */
static void route(struct broker *broker, struct world *world, const char *topic,
                  const char *payload, uint8_t qos)
{
    uint8_t granted = 0;
    bool any = false;

    for (size_t i = 0; i < broker->filter_count; i++) {
        if (!broker_matches(broker->filters[i].filter, topic))
            continue;
        if (broker->each_copy)
            give_message(broker, world, topic, payload,
                         lower(qos, broker->filters[i].qos), false);
        else if (!any || broker->filters[i].qos > granted)
            granted = broker->filters[i].qos;
        any = true;
    }
    if (any && !broker->each_copy)
        give_message(broker, world, topic, payload, lower(qos, granted), false);
}

static void retain_message(struct broker *broker, const char *topic,
                           const char *payload)
{
    size_t i = 0;

    while (i < broker->retained_count &&
           strcmp(broker->retained[i].topic, topic) != 0)
        i++;
    if (i == BROKER_RETAINED)
        return;
    if (i == broker->retained_count)
        broker->retained_count++;
    snprintf(broker->retained[i].topic, BROKER_NAME, "%s", topic);
    snprintf(broker->retained[i].payload, BROKER_NAME, "%s", payload);
    if (payload[0] == '\0')
        broker->retained[i] = broker->retained[--broker->retained_count];
}

static void add_filter(struct broker *broker, struct world *world,
                       const struct broker_action *action)
{
    size_t at = find_filter(broker, action->topic);

    assert(at < BROKER_FILTERS);
    if (at == broker->filter_count)
        broker->filter_count++;
    snprintf(broker->filters[at].filter, BROKER_NAME, "%s", action->topic);
    broker->filters[at].qos = action->qos;
    for (size_t i = 0; i < broker->retained_count; i++)
        if (broker_matches(action->topic, broker->retained[i].topic))
            give_message(broker, world, broker->retained[i].topic,
                         broker->retained[i].payload, 0, true);
}

static void carry_out(struct broker *broker, struct world *world,
                      const struct broker_action *action)
{
    size_t at;

    switch (action->kind) {
    case GW_UP_PUBLISH:
        if (broker->on_publish != NULL)
            broker->on_publish(broker, action);
        if (action->retain)
            retain_message(broker, action->topic, action->payload);
        route(broker, world, action->topic, action->payload, action->qos);
        break;
    case GW_UP_SUBSCRIBE:
        add_filter(broker, world, action);
        break;
    case GW_UP_UNSUBSCRIBE:
        at = find_filter(broker, action->topic);
        if (at < broker->filter_count)
            broker->filters[at] = broker->filters[--broker->filter_count];
        break;
    case GW_UP_OPEN:
    case GW_UP_CLOSE:
        break; /* in transparent mode */
    }
}

void broker_take(struct broker *broker, const struct output *output)
{
    struct broker_action *action = &broker->pending[broker->pending_count++];

    assert(broker->pending_count <= BROKER_PENDING);
    *action = (struct broker_action){.kind = output->up.kind,
                                     .token = output->up.token,
                                     .owner = output->up.owner,
                                     .item = output->up.item,
                                     .qos = output->up.qos,
                                     .retain = output->up.retain};
    text_of(output->up.topic, action->topic, sizeof(action->topic));
    text_of(output->up.payload, action->payload, sizeof(action->payload));
}

bool broker_turn(struct broker *broker, struct world *world)
{
    size_t n = broker->pending_count;

    if (!broker->online || broker->holds_results || n == 0)
        return false;
    if (broker->delay > 0 && world_random(world, broker->delay + 1) > 0)
        return false;
    for (; n > 0; n--) {
        struct broker_action action = broker->pending[0];
        struct gw_up_event event = {.kind = GW_UP_RESULT};

        memmove(&broker->pending[0], &broker->pending[1],
                --broker->pending_count * sizeof(broker->pending[0]));
        carry_out(broker, world, &action);
        event.result.token = action.token;
        event.result.granted_qos = action.qos;
        if (action.token != 0)
            gw_engine_on_upstream(world->engine, &event, world->now);
    }
    return true;
}

void broker_publish(struct broker *broker, struct world *world,
                    const char *topic, const char *payload, uint8_t qos,
                    bool retain)
{
    if (retain)
        retain_message(broker, topic, payload);
    if (broker->online)
        route(broker, world, topic, payload, qos);
    world_pump(world);
}

void broker_break(struct broker *broker, struct world *world)
{
    broker->online = false;
    world_event(world, GW_UP_LOST);
    while (broker->pending_count > 0) {
        uint64_t token = broker->pending[--broker->pending_count].token;

        if (token != 0)
            world_result(world, token, GW_UP_UNSENT, 0);
    }
}

void broker_return(struct broker *broker, struct world *world,
                   bool session_present)
{
    broker->online = true;
    if (!session_present)
        broker->filter_count = 0;
    world_connected(world, session_present);
}

void broker_crash(struct broker *broker)
{
    broker->pending_count = 0;
}
