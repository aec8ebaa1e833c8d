/* SPDX-License-Identifier: MIT */
#include "scripted_broker_private.h"

#include <assert.h>
#include <stdlib.h>

/* ---- messages and matching ------------------------------------------ */

struct scripted_message *scripted_message(struct mqttsn_span topic,
                                          struct mqttsn_span payload,
                                          uint8_t qos, bool retain)
{
    struct scripted_message *message =
        malloc(sizeof(*message) + topic.len + payload.len + 1);

    assert(message);
    *message = (struct scripted_message){.topic_len = topic.len,
                                         .payload_len = payload.len,
                                         .qos = qos,
                                         .retain = retain};
    if (topic.len > 0)
        memcpy(message->octets, topic.data, topic.len);
    if (payload.len > 0)
        memcpy(message->octets + topic.len, payload.data, payload.len);
    message->octets[topic.len + payload.len] = '\0'; /* for whoever prints */
    return message;
}

struct mqttsn_span scripted_topic(const struct scripted_message *message)
{
    return mqttsn_span(message->octets, message->topic_len);
}

struct mqttsn_span scripted_payload(const struct scripted_message *message)
{
    return mqttsn_span(message->octets + message->topic_len,
                       message->payload_len);
}

/* [MQTT-3.1.1 4.7], octet by octet. */
static bool matches(const char *filter, const uint8_t *topic, size_t len)
{
    if (*filter == '#')
        return true;
    if (*filter == '\0')
        return len == 0;
    if (*filter == '+') {
        while (len > 0 && *topic != '/') {
            topic++;
            len--;
        }
        return matches(filter + 1, topic, len);
    }
    if (len == 0)
        return strcmp(filter, "/#") == 0;
    return (uint8_t)*filter == *topic &&
           matches(filter + 1, topic + 1, len - 1);
}

static bool wanted_by(const struct scripted_subscription *subscription,
                      const struct scripted_message *message)
{
    const char *filter = subscription->filter;

    if (message->topic_len > 0 && message->octets[0] == '$' &&
        (filter[0] == '#' || filter[0] == '+'))
        return false;
    return matches(filter, message->octets, message->topic_len);
}

/* ---- the broker ----------------------------------------------------- */

static void deliver(struct scripted_port *port,
                    const struct scripted_message *message, uint8_t qos,
                    bool retain)
{
    struct scripted_message *copy = scripted_message(
        scripted_topic(message), scripted_payload(message), qos, retain);
    struct gw_up_event event = {.kind = GW_UP_MESSAGE,
                                .message = {.topic = scripted_topic(copy),
                                            .payload = scripted_payload(copy),
                                            .qos = qos,
                                            .retain = retain}};

    if (qos > 0) {
        port->packet_id = port->packet_id == 0xffff ? 1 : port->packet_id + 1;
        event.message.packet_id = port->packet_id;
    }
    scripted_add_event(port, &event, copy);
}

struct scripted_session *scripted_session(struct scripted_broker *broker,
                                          const char *client_id)
{
    for (size_t i = 0; i < broker->session_count; i++)
        if (strcmp(broker->sessions[i].client_id, client_id) == 0)
            return &broker->sessions[i];
    return NULL;
}

void scripted_clear_session(struct scripted_session *session)
{
    for (size_t i = 0; i < session->count; i++)
        free(session->subscriptions[i].filter);
    session->count = 0;
}

static void route(struct scripted_broker *broker,
                  const struct scripted_message *message)
{
    for (size_t i = 0; i < broker->port_count; i++) {
        struct scripted_port *port = broker->ports[i];
        struct scripted_session *session =
            scripted_session(broker, port->settings.client_id);
        int qos = -1;

        for (size_t j = 0; port->connected && j < session->count; j++)
            if (wanted_by(&session->subscriptions[j], message) &&
                session->subscriptions[j].qos > qos)
                qos = session->subscriptions[j].qos;
        if (qos >= 0)
            deliver(port, message,
                    (uint8_t)(qos < message->qos ? qos : message->qos), false);
    }
}

static void retain(struct scripted_broker *broker,
                   const struct scripted_message *message)
{
    struct scripted_message **at = &broker->retained;
    struct scripted_message *copy;

    while (*at &&
           !mqttsn_span_equal(scripted_topic(*at), scripted_topic(message)))
        at = &(*at)->next;
    copy = *at;
    if (copy) {
        *at = copy->next;
        free(copy);
    }
    if (message->payload_len == 0)
        return;
    copy = scripted_message(scripted_topic(message), scripted_payload(message),
                            message->qos, true);
    copy->next = broker->retained;
    broker->retained = copy;
}

static void subscribe(struct scripted_port *port,
                      const struct scripted_job *job)
{
    struct scripted_broker *broker = port->broker;
    struct scripted_session *session =
        scripted_session(broker, port->settings.client_id);
    struct scripted_subscription *subscription = NULL;
    char *filter =
        strndup((const char *)job->message->octets, job->message->topic_len);

    assert(filter);
    if (broker->refuse &&
        strncmp(filter, broker->refuse, strlen(broker->refuse)) == 0) {
        scripted_result(port, job->token, GW_UP_REJECTED, 0);
        free(filter);
        return;
    }
    for (size_t i = 0; i < session->count; i++)
        if (strcmp(session->subscriptions[i].filter, filter) == 0)
            subscription = &session->subscriptions[i];
    if (subscription) {
        free(filter);
    } else {
        assert(session->count < FILTERS_MAX);
        subscription = &session->subscriptions[session->count++];
        subscription->filter = filter;
    }
    subscription->qos = job->message->qos;
    scripted_result(port, job->token, GW_UP_DONE, subscription->qos);
    for (struct scripted_message *m = broker->retained; m; m = m->next)
        if (wanted_by(subscription, m))
            deliver(port, m,
                    subscription->qos < m->qos ? subscription->qos : m->qos,
                    true);
}

static void unsubscribe(struct scripted_port *port,
                        const struct scripted_job *job)
{
    struct scripted_session *session =
        scripted_session(port->broker, port->settings.client_id);

    for (size_t i = 0; i < session->count; i++) {
        struct scripted_subscription *s = &session->subscriptions[i];

        if (strlen(s->filter) == job->message->topic_len &&
            memcmp(s->filter, job->message->octets, job->message->topic_len) ==
                0) {
            free(s->filter);
            *s = session->subscriptions[--session->count];
            break;
        }
    }
    scripted_result(port, job->token, GW_UP_DONE, 0);
}

void scripted_serve(struct scripted_port *port, const struct scripted_job *job)
{
    switch (job->kind) {
    case GW_UP_PUBLISH:
        if (job->message->retain)
            retain(port->broker, job->message);
        scripted_result(port, job->token, GW_UP_DONE, 0);
        route(port->broker, job->message);
        break;
    case GW_UP_SUBSCRIBE:
        subscribe(port, job);
        break;
    case GW_UP_UNSUBSCRIBE:
        unsubscribe(port, job);
        break;
    case GW_UP_OPEN:
    case GW_UP_CLOSE:
        break; /* it has the gateway's connection only */
    }
}

/* ---- the script ----------------------------------------------------- */

struct scripted_broker *scripted_broker_new(void)
{
    struct scripted_broker *broker = calloc(1, sizeof(*broker));

    assert(broker);
    return broker;
}

void scripted_broker_forget(struct scripted_broker *broker)
{
    for (size_t i = 0; i < broker->session_count; i++) {
        scripted_clear_session(&broker->sessions[i]);
        free(broker->sessions[i].client_id);
    }
    broker->session_count = 0;
    while (broker->retained) {
        struct scripted_message *message = broker->retained;

        broker->retained = message->next;
        free(message);
    }
}

void scripted_broker_free(struct scripted_broker *broker)
{
    assert(broker->port_count == 0);
    scripted_broker_forget(broker);
    free(broker);
}

void scripted_broker_up(struct scripted_broker *broker)
{
    broker->up = true;
}

void scripted_broker_down(struct scripted_broker *broker)
{
    broker->up = false;
    broker->silent = false;
    for (size_t i = 0; i < broker->port_count; i++)
        if (broker->ports[i]->connected)
            scripted_port_lose(broker->ports[i]);
}

void scripted_broker_silent(struct scripted_broker *broker, bool silent)
{
    broker->silent = silent;
    for (size_t i = 0; !silent && i < broker->port_count; i++)
        if (broker->ports[i]->started)
            scripted_port_schedule(broker->ports[i], 0);
}

void scripted_broker_deny(struct scripted_broker *broker, bool deny)
{
    broker->deny = deny;
}

void scripted_broker_refuse(struct scripted_broker *broker, const char *prefix)
{
    broker->refuse = prefix;
}
