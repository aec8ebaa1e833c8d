/* SPDX-License-Identifier: MIT */
/*
 * node.h - a model node, of one of several temperaments.
 *
 * It speaks MQTT-SN by frames.h and keeps to the protocol as far as its
 * temperament lets it: one request at a time, repeated until it is answered.
 * node.c is what it does by itself, node_hears.c what it answers.
 */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "frames.h"
#include "net.h"

struct event;

enum temper {
    STEADY,   /* behaves, and stays awake */
    SLEEPER,  /* behaves, and sleeps */
    REBOOTER, /* boots, forgets everything, and counts MsgIds from 1 again */
    DEAF,     /* has no handler for REGISTER */
    FUSSY,    /* refuses DUP and QoS 2, and many a REGISTER */
    VANISHER, /* falls asleep one day and never returns */
    MOVER,    /* its host and port change, and may be another's next */
    FLOODER,  /* many requests at a time, and waits for none */
    HOARDER,  /* begins QoS 2 exchanges and never finishes one */
    TEMPERS
};

enum node_state { N_OFF, N_ACTIVE, N_ASLEEP, N_AWAKE, N_GONE };

#define NODE_NAMES 48
#define NODE_OPEN2 24

struct node {
    unsigned number, box;
    enum temper temper;
    char id[12];
    struct rng random;
    enum node_state state;
    bool clean, will;
    bool left; /* has said good-bye for ever */
    uint16_t keepalive_s, sleep_s;
    uint16_t next_msg;
    unsigned payload_number, will_number;
    unsigned acts; /* act events with another number are old */

    /* The request under way; type 0: none. */
    uint8_t request; /* its message type */
    uint16_t request_msg;
    uint8_t request_qos;
    bool released; /* PUBREC has come: PUBREL is repeated */
    unsigned tries;
    uint64_t serial; /* retry events with another number are old */
    struct octets frame;
    size_t flags_at; /* where its Flags are; 0: it has none to set DUP in */
    char request_name[BROKER_TOPIC]; /* REGISTER, SUBSCRIBE */

    struct {
        uint16_t id;
        char name[BROKER_TOPIC];
    } names[NODE_NAMES];
    size_t name_count;
    uint16_t open2[NODE_OPEN2]; /* QoS 2 taken, PUBREL not yet */
    size_t open2_count;
    bool subscribed;   /* its latest SUBSCRIBE was accepted */
    char retained[16]; /* the latest retained message, cut to fit */
};

/* What each node does once when all is well; see errands.c. */
enum errand {
    ERRAND_PUBLISH_0, /* these three in the order of QoS */
    ERRAND_PUBLISH_1,
    ERRAND_PUBLISH_2,
    ERRAND_REGISTER,
    ERRAND_WILLTOPIC,
    ERRAND_WILLMSG,
    ERRAND_SUBSCRIBE,
    ERRAND_UNSUBSCRIBE
};

void nodes_init(struct sim *sim);
/* All act soon, however long they had meant to wait. */
void nodes_stir(struct sim *sim);
/* A datagram reached its box. */
void node_hears(struct sim *sim, unsigned number, const uint8_t *data,
                size_t len);
void node_send(struct sim *sim, struct node *node, struct octets message);
void node_answered(struct node *node);
/* False when it has no such errand: no will to change. */
bool node_errand(struct sim *sim, struct node *node, enum errand errand);
/* Says good-bye, with a clean session, as often as it takes. */
void node_leave(struct sim *sim, struct node *node);
/* What others say of the node goes by this name; for villains. */
const char *node_temper_name(enum temper temper);

#endif
