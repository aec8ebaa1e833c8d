/* SPDX-License-Identifier: MIT */
/*
 * broker.h - a model MQTT broker, the rest of the world behind it, and the
 * connection between it and the gateway.
 *
 * broker.c is the broker: the gateway's session with its filters and queue,
 * retained messages, one copy per matching filter or one in all; and others
 * who publish. broker_line.c is what the engine's port promises (io/upstream.h)
 * over a connection that can break at any step: before a request arrives, when
 * it has been carried out, before its answer is back. After a break the front
 * of the publishes may be finished by the client library itself; the rest, and
 * every SUBSCRIBE, comes back unsent. Over a crash of a durable gateway the
 * client library's own records live on, and the engine is told what it still
 * holds, as the daemon does it.
 */
#ifndef SIM_BROKER_H
#define SIM_BROKER_H

#include <string.h>

#include "engine.h"
#include "random.h"

struct sim;
struct event;

#define BROKER_TOPIC 112
#define BROKER_PAYLOAD 360
#define BROKER_FILTERS 256
#define BROKER_RETAINED 160
#define BROKER_REQUESTS 512
#define BROKER_QUEUE 512

/* Cut to fit. */
static inline void topic_copy(char to[BROKER_TOPIC], const char *from)
{
    size_t len = strlen(from);

    len = len < BROKER_TOPIC ? len : BROKER_TOPIC - 1;
    memset(to, 0, BROKER_TOPIC);
    memcpy(to, from, len);
}

struct message {
    char topic[BROKER_TOPIC];
    uint16_t len;
    uint8_t qos;
    bool retain;
    uint8_t payload[BROKER_PAYLOAD];
};

enum request_stage {
    REQUEST_SENT,     /* on its way */
    REQUEST_CARRIED,  /* carried out, not yet answered */
    REQUEST_FINISHED, /* answered, but the gateway's store may not know */
};

struct request {
    uint64_t serial, token; /* token 0: nobody waits */
    enum gw_up_action_kind kind;
    uint8_t qos;
    enum request_stage stage;
    bool orphan; /* of a gateway that died, and not held by the new one */
    uint32_t owner, item; /* the engine's record of it */
    uint32_t message;     /* PUBLISH: its index; else its topic is the filter */
};

struct outgoing {
    uint64_t serial;
    uint32_t message;
    uint8_t qos;
    bool retain;    /* because of a SUBSCRIBE */
    bool copy;      /* not the first for this message */
    bool again;     /* redelivered */
    bool kept;      /* given again by the shell, after a crash */
    bool delivered; /* and not acknowledged before 'acked_at' */
    uint16_t packet_id;
    mqttsn_ms acked_at;
};

struct broker {
    struct rng random, others;
    struct message *messages;
    size_t message_count, message_room;
    /* the gateway's session */
    bool session;
    size_t filter_count;
    struct {
        char filter[BROKER_TOPIC];
        uint8_t qos;
    } filters[BROKER_FILTERS];
    struct outgoing queue[BROKER_QUEUE];
    size_t queue_count;
    uint32_t retained[BROKER_RETAINED]; /* message indices */
    size_t retained_count;
    uint16_t packet_id;
    unsigned number; /* of the next payload of others */
    /* the connection */
    bool online;
    bool fresh_process; /* memory store: the next connection begins clean */
    unsigned connection;
    unsigned attempt;
    uint64_t serial;
    struct request requests[BROKER_REQUESTS];
    size_t request_count;
    mqttsn_ms last_carried, last_delivery;
    uint64_t dropped; /* from its queue for the gateway: full */
};

/* Whether 'filter' matches 'name', by the book [MQTT 4.7]. */
bool filter_matches(const char *filter, const char *name);

void broker_init(struct sim *sim);
void broker_free(struct broker *broker);
/* Somebody publishes; the broker routes it. The message's index. */
uint32_t broker_publish(struct sim *sim, const char *topic,
                        const uint8_t *payload, size_t len, uint8_t qos,
                        bool retain);
/* It has no room for more than BROKER_RETAINED. */
bool broker_retains(const struct broker *broker, const char *topic);
/* Others begin to publish. */
void broker_others_begin(struct sim *sim);

/* ---- the connection ---------------------------------------------------- */

/* What the port has room for, enum gw_up_class. */
unsigned broker_room(struct sim *sim);
void broker_take(struct sim *sim, const struct gw_up_action *action);
/* Connects after 'wait'. */
void broker_connect(struct sim *sim, mqttsn_ms wait);
void broker_break(struct sim *sim);
void broker_breaks_begin(struct sim *sim);
/* Whether all that the gateway waits for is answered. */
bool broker_has_answered(const struct broker *broker);
void broker_gateway_died(struct sim *sim);
/* Between the records and gw_engine_restored: tells what is still held; and
 * after it: what has become of that. */
void broker_gateway_held(struct sim *sim);
void broker_gateway_returned(struct sim *sim);
/* A message reaches the gateway. */
void broker_give(struct sim *sim, const struct outgoing *outgoing,
                 uint32_t arrival);
/* The gateway's store has everything: finished requests are forgotten. */
void broker_store_idle(struct sim *sim);

/* ---- between the two files --------------------------------------------- */

void broker_carry_out(struct sim *sim, struct request *request);
/* Plans the delivery of everything that waits for the gateway. */
void broker_deliver_queue(struct sim *sim, bool redeliver);
void broker_forget_session(struct sim *sim);
bool broker_message_equal(const struct message *a, const struct message *b);
struct message *broker_message_new(struct broker *broker, uint32_t *ret_index);

#endif
