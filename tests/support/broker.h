/* SPDX-License-Identifier: MIT */
/*
 * broker.h - a model of an MQTT 3.1.1 broker, and of the one session that the
 * gateway has there.
 *
 * It takes upstream actions, carries each out when it answers it, and sends
 * messages, matching filters in its own naive way. An action that was taken
 * and not answered did not happen: it is forgotten by broker_crash.
 */
#ifndef BROKER_H
#define BROKER_H

#include "engine.h"

struct world;
struct output;

#define BROKER_FILTERS 256
#define BROKER_PENDING 4096
#define BROKER_RETAINED 64
#define BROKER_NAME 64

struct broker_action {
    enum gw_up_action_kind kind;
    uint64_t token;
    uint32_t owner, item; /* of the record that keeps it */
    uint8_t qos;
    bool retain;
    char topic[BROKER_NAME];
    char payload[BROKER_NAME];
};

struct broker {
    bool each_copy;     /* one copy per matching filter, else one in all */
    bool holds_results; /* takes, and does not answer */
    unsigned delay;     /* a turn answers with a chance of 1 in delay + 1 */
    bool online;
    size_t filter_count;
    struct {
        char filter[BROKER_NAME];
        uint8_t qos;
    } filters[BROKER_FILTERS];
    size_t retained_count;
    struct {
        char topic[BROKER_NAME];
        char payload[BROKER_NAME];
    } retained[BROKER_RETAINED];
    size_t pending_count;
    struct broker_action pending[BROKER_PENDING];
    uint64_t messages; /* sent to the gateway */
    uint16_t packet_id;
    /* Somebody published; for ledgers. */
    void (*on_publish)(struct broker *broker,
                       const struct broker_action *publish);
    void *arg;
};

void broker_init(struct broker *broker);

/* Whether 'filter' matches 'name'; recursive, by the book. */
bool broker_matches(const char *filter, const char *name);

/* Takes one upstream action. */
void broker_take(struct broker *broker, const struct output *action);

/* Carries out and answers what is due; true when it did anything. */
bool broker_turn(struct broker *broker, struct world *world);

/* Somebody else publishes. */
void broker_publish(struct broker *broker, struct world *world,
                    const char *topic, const char *payload, uint8_t qos,
                    bool retain);

/* The connection breaks: open actions come back unsent. And comes again. */
void broker_break(struct broker *broker, struct world *world);
void broker_return(struct broker *broker, struct world *world,
                   bool session_present);

/* The gateway died: nobody waits for results any more. */
void broker_crash(struct broker *broker);

#endif
