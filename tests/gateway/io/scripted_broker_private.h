/* SPDX-License-Identifier: MIT */
/*
 * scripted_broker_private.h - between the scripted broker and its ports.
 */
#ifndef SCRIPTED_BROKER_PRIVATE_H
#define SCRIPTED_BROKER_PRIVATE_H

#include "scripted_broker.h"

#define SESSIONS_MAX 8
#define FILTERS_MAX 256
#define PORTS_MAX 8

struct scripted_message {
    struct scripted_message *next;
    size_t topic_len;
    size_t payload_len;
    uint8_t qos;
    bool retain;
    uint8_t octets[]; /* topic, payload */
};

struct scripted_subscription {
    char *filter;
    uint8_t qos;
};

struct scripted_session {
    char *client_id;
    struct scripted_subscription subscriptions[FILTERS_MAX];
    size_t count;
};

struct scripted_broker {
    bool up;
    bool silent;
    bool deny;
    const char *refuse;
    struct scripted_session sessions[SESSIONS_MAX];
    size_t session_count;
    struct scripted_message *retained;
    struct scripted_port *ports[PORTS_MAX];
    size_t port_count;
};

/* An action that was accepted. */
struct scripted_job {
    struct scripted_job *next;
    enum gw_up_action_kind kind;
    uint64_t token;
    struct scripted_message *message; /* topic or filter, payload */
};

struct scripted_event {
    struct scripted_event *next;
    struct gw_up_event event;
    struct scripted_message *message; /* of GW_UP_MESSAGE */
};

struct scripted_port {
    struct gw_upstream base;
    struct scripted_broker *broker;
    struct scripted_port_settings settings;
    uv_timer_t *timer; /* runs when there is something to do; frees itself */
    uv_timer_t *limit;
    bool started;
    bool connected;
    bool cleaned;
    uint16_t packet_id;
    struct scripted_job *jobs;
    struct scripted_job **last_job;
    size_t data_count;
    size_t control_count;
    size_t outstanding_max;
    bool wanted; /* the caller found no room */
    struct scripted_event *events;
    struct scripted_event **last_event;
    struct scripted_event *current;
    bool stopping;
    bool stopped_called;
    void (*stopped)(void *user, bool clean);
    void *stopped_user;
};

/* ---- the broker (scripted_broker.c) --------------------------------- */

struct scripted_message *scripted_message(struct mqttsn_span topic,
                                          struct mqttsn_span payload,
                                          uint8_t qos, bool retain);
struct mqttsn_span scripted_topic(const struct scripted_message *message);
struct mqttsn_span scripted_payload(const struct scripted_message *message);

/* NULL when the broker does not know the client. */
struct scripted_session *scripted_session(struct scripted_broker *broker,
                                          const char *client_id);
void scripted_clear_session(struct scripted_session *session);

/* Does what a job asks for; the port is connected. */
void scripted_serve(struct scripted_port *port, const struct scripted_job *job);

/* ---- the port (scripted_broker_port.c) ------------------------------ */

/* Takes over 'message', which may be NULL. */
void scripted_add_event(struct scripted_port *port,
                        const struct gw_up_event *event,
                        struct scripted_message *message);
void scripted_tell(struct scripted_port *port, enum gw_up_event_kind kind);
void scripted_result(struct scripted_port *port, uint64_t token,
                     enum gw_up_outcome outcome, uint8_t granted_qos);

void scripted_port_lose(struct scripted_port *port);
void scripted_port_schedule(struct scripted_port *port, unsigned ms);

#endif
