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

static void later(struct broker *broker, uint64_t token, uint8_t granted)
{
    if (token == 0)
        return;
    assert(broker->pending_count < BROKER_PENDING);
    broker->pending[broker->pending_count].token = token;
    broker->pending[broker->pending_count++].granted = granted;
}

static size_t find_filter(const struct broker *broker, const char *filter)
{
    size_t i = 0;

    while (i < broker->filter_count &&
           strcmp(broker->filters[i].filter, filter) != 0)
        i++;
    return i;
}

void broker_take(struct broker *broker, struct world *world,
                 const struct output *action)
{
    char topic[256], payload[64];
    size_t at;

    (void)world;
    text_of(action->up.topic, topic, sizeof(topic));
    text_of(action->up.payload, payload, sizeof(payload));
    switch (action->up.kind) {
    case GW_UP_PUBLISH:
        broker->publishes++;
        if (broker->on_publish != NULL)
            broker->on_publish(broker, topic, payload, action->up.qos,
                               action->up.retain);
        break;
    case GW_UP_SUBSCRIBE:
        at = find_filter(broker, topic);
        assert(at < BROKER_FILTERS);
        if (at == broker->filter_count)
            broker->filter_count++;
        snprintf(broker->filters[at].filter, sizeof(broker->filters[at].filter),
                 "%s", topic);
        broker->filters[at].qos = action->up.qos;
        break;
    case GW_UP_UNSUBSCRIBE:
        at = find_filter(broker, topic);
        if (at < broker->filter_count)
            broker->filters[at] = broker->filters[--broker->filter_count];
        break;
    }
    later(broker, action->up.token, action->up.qos);
}

bool broker_turn(struct broker *broker, struct world *world)
{
    size_t n = broker->pending_count;

    if (!broker->online || n == 0)
        return false;
    if (broker->delay > 0 && world_random(world, broker->delay + 1) > 0)
        return false;
    for (; n > 0; n--) {
        struct gw_up_event event = {.kind = GW_UP_RESULT};

        event.result.token = broker->pending[0].token;
        event.result.granted_qos = broker->pending[0].granted;
        broker->pending_count--;
        memmove(&broker->pending[0], &broker->pending[1],
                broker->pending_count * sizeof(broker->pending[0]));
        broker->acked++;
        gw_engine_on_upstream(world->engine, &event, world->now);
    }
    return true;
}

void broker_publish(struct broker *broker, struct world *world,
                    const char *topic, const char *payload, uint8_t qos,
                    bool retain)
{
    uint8_t granted = 0;
    bool any = false;

    (void)retain; /* to those who are subscribed already it comes unretained */
    if (!broker->online)
        return;
    for (size_t i = 0; i < broker->filter_count; i++) {
        if (!broker_matches(broker->filters[i].filter, topic))
            continue;
        if (broker->each_copy) {
            broker->messages++;
            world_message(world, topic, payload, strlen(payload),
                          qos < broker->filters[i].qos ? qos
                                                       : broker->filters[i].qos,
                          false);
        } else if (!any || broker->filters[i].qos > granted) {
            granted = broker->filters[i].qos;
        }
        any = true;
    }
    if (any && !broker->each_copy) {
        broker->messages++;
        world_message(world, topic, payload, strlen(payload),
                      qos < granted ? qos : granted, false);
    }
}

void broker_break(struct broker *broker, struct world *world)
{
    broker->online = false;
    world_event(world, GW_UP_LOST);
    while (broker->pending_count > 0) {
        uint64_t token = broker->pending[--broker->pending_count].token;

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
