/* SPDX-License-Identifier: MIT */
/*
 * actor.h - a node that behaves: it answers what it is sent, repeats what was
 * not answered, and remembers what it received.
 *
 * It keeps a ledger by payload; those that begin with 'd', 'u' or 'm' the test
 * makes unique. It fails the test when the gateway breaks a promise that holds
 * whatever happens: a topic id never means two names, a QoS 2 message never
 * comes twice, nothing comes while asleep but answers.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "world.h"

#define ACTOR_NAMES 256
#define ACTOR_LEDGER 8192
#define ACTOR_OPEN2 64

struct actor_message {
    char payload[32];
    unsigned count;
    uint8_t qos;
};

struct actor {
    struct node node;
    char id[24];
    bool clean;
    bool silent;         /* answers nothing, as if out of reach */
    bool unheard;        /* hears everything, but nothing it sends arrives */
    unsigned mute_after; /* falls silent after so many messages; 0: never */
    bool connected;
    bool asleep; /* was told so by DISCONNECT or PINGRESP */
    bool awake;  /* sent PINGREQ, no PINGRESP yet */
    bool gone;   /* was told DISCONNECT without having asked */

    /* The one request it waits for; type 0: none. */
    uint8_t waits_for;
    uint16_t waits_msg;
    struct octets request;
    size_t request_flags; /* where its Flags stand; 0: none */
    mqttsn_ms asked_at;
    unsigned asked;
    char asked_payload[32];
    uint8_t answer_code;
    /* A publish was accepted (code 0) or refused. */
    void (*on_outcome)(struct actor *actor, const char *payload, uint8_t code);

    uint16_t next_msg;
    unsigned acked, refused; /* its own publishes */
    char names[ACTOR_NAMES][64];
    uint16_t open2[ACTOR_OPEN2]; /* QoS 2 received, PUBREL not yet */
    size_t open2_count;
    struct actor_message ledger[ACTOR_LEDGER];
    size_t ledger_count;
    uint64_t received;
};

void actor_init(struct actor *actor, unsigned number, bool clean);

/* Requests; each waits for its answer, see actor_busy. */
void actor_connect(struct actor *actor, struct world *world, uint16_t duration,
                   bool will);
void actor_subscribe(struct actor *actor, struct world *world,
                     const char *filter, uint8_t qos);
void actor_unsubscribe(struct actor *actor, struct world *world,
                       const char *filter);
void actor_register(struct actor *actor, struct world *world, const char *name);
/* Publishes on a short name. */
void actor_publish(struct actor *actor, struct world *world, const char *name,
                   const char *payload, uint8_t qos);
void actor_sleep(struct actor *actor, struct world *world, uint16_t duration);
void actor_wake(struct actor *actor, struct world *world);
void actor_disconnect(struct actor *actor, struct world *world);
bool actor_busy(const struct actor *actor);

/* Takes all datagrams for these actors, answers, until it is quiet. */
void actors_settle(struct actor *actors, size_t count, struct world *world);
/* Repeats requests that were not answered for T_RETRY. */
void actors_tick(struct actor *actors, size_t count, struct world *world);

/* How often a payload arrived. */
unsigned actor_count(const struct actor *actor, const char *payload);

#endif
