/* SPDX-License-Identifier: MIT */
/*
 * library.h - a node that is written with the project's client library.
 *
 * What others have to be trusted with, the library promises itself: so here
 * the ends are checked too. A publish that it calls accepted has been at the
 * broker; a QoS 2 message comes once.
 */
#ifndef SIM_LIBRARY_H
#define SIM_LIBRARY_H

#include "mqttsn/client.h"
#include "net.h"

struct event;

#define LIBRARY_TOPICS 8
#define LIBRARY_WORK 320
#define LIBRARY_TAKEN 64

struct library {
    unsigned number, box;
    char id[12];
    struct rng random;
    struct mqttsn_client client;
    struct mqttsn_client_config config;
    struct mqttsn_client_topic topics[LIBRARY_TOPICS];
    struct mqttsn_client_gateway gateways[1];
    struct mqttsn_client_will will;
    char will_topic[16], will_message[24];
    uint8_t work[LIBRARY_WORK];
    uint8_t inbox[1024]; /* a message's payload lies here until it is polled */
    uint64_t serial;     /* of its timer */
    unsigned payload_number;
    unsigned acts; /* act events with another number are old */
    uint16_t sleep_s;
    bool left;
    uint64_t done, failed; /* publishes */
};

void libraries_init(struct sim *sim);
void libraries_stir(struct sim *sim);
/* Publishes with QoS 1, if the library takes that now. */
bool library_errand(struct sim *sim, struct library *library);
void library_leave(struct sim *sim, struct library *library);

#endif
