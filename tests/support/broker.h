/* SPDX-License-Identifier: MIT */
/*
 * broker.h - a model of an MQTT 3.1.1 broker, and of the one session that the
 * gateway has there.
 *
 * It takes upstream actions and gives results and messages, matching filters
 * in its own naive way. What it was given is kept in a ledger by payload, so
 * that tests can compare what went in with what came out.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
struct output;

#define BROKER_FILTERS 256
#define BROKER_PENDING 4096
#define BROKER_RETAINED 64

struct broker {
    bool each_copy; /* one copy per matching filter, else one in all */
    unsigned delay; /* results come this many turns later, at random */
    bool online;
    size_t filter_count;
    struct {
        char filter[256];
        uint8_t qos;
    } filters[BROKER_FILTERS];
    size_t retained_count;
    struct {
        char topic[128];
        char payload[64];
    } retained[BROKER_RETAINED];
    size_t pending_count; /* results not given yet */
    struct {
        uint64_t token;
        uint8_t granted;
    } pending[BROKER_PENDING];
    uint64_t publishes, acked, messages;
    uint16_t packet_id;
    void (*on_publish)(struct broker *broker, const char *topic,
                       const char *payload, uint8_t qos, bool retain);
    void *arg;
};

void broker_init(struct broker *broker);

/* Whether 'filter' matches 'name'; recursive, by the book. */
bool broker_matches(const char *filter, const char *name);

/* Takes one upstream action. */
void broker_take(struct broker *broker, struct world *world,
                 const struct output *action);

/* Gives results that are due; true when it gave any. */
bool broker_turn(struct broker *broker, struct world *world);

/* Somebody else publishes. */
void broker_publish(struct broker *broker, struct world *world,
                    const char *topic, const char *payload, uint8_t qos,
                    bool retain);

/* The connection breaks: open actions come back unsent. And comes again. */
void broker_break(struct broker *broker, struct world *world);
void broker_return(struct broker *broker, struct world *world,
                   bool session_present);

#endif
