/* SPDX-License-Identifier: MIT */
/*
 * rig.h - one client on the bench: its buffers, its clock, and all that comes
 * out of it, in order.
 *
 * After every input the rig polls until nothing is left. Frames are read and
 * written with the tests' own codec (frames.h). When the environment names a
 * file in MQTTSN_FRAME_DUMP, every datagram is added to it as one line of hex.
 */
#ifndef RIG_H
#define RIG_H

#include "check.h"

#include "frames.h"

#include "mqttsn/client.h"

enum {
    RIG_QUEUE = 64,
    RIG_TOPICS = 4,
    RIG_GATEWAYS = 3,
    RIG_TEXT = 64,
    RIG_WORK = 400
};

struct rig_out {
    struct octets octets;
    struct mqttsn_address to; /* len 0: broadcast */
    uint8_t radius;
};

struct rig_event {
    struct mqttsn_client_event event;
    char topic[RIG_TEXT]; /* of a MESSAGE: what 'event' borrows */
    char data[RIG_TEXT];
};

struct rig {
    struct mqttsn_client client;
    struct mqttsn_client_config config;
    struct mqttsn_client_topic topics[RIG_TOPICS];
    struct mqttsn_client_gateway gateways[RIG_GATEWAYS];
    uint8_t work[RIG_WORK];
    mqttsn_ms now;

    struct rig_out out[RIG_QUEUE];
    size_t out_count;
    struct rig_event events[RIG_QUEUE];
    size_t event_count;
};

/* A client "n1", keep-alive 60 s, clean session, that knows gateway 1. Change
 * 'config' between the two. */
void rig_init(struct rig *rig);
void rig_start(struct rig *rig);

/* Gateway number k. */
struct mqttsn_address rig_address(unsigned k);

/* Connected to gateway 1, with nothing left to look at. */
void rig_connect(struct rig *rig);
void rig_sleep(struct rig *rig, uint16_t duration_s);

/* Inputs, each followed by rig_poll. */
void rig_give(struct rig *rig, struct octets octets);
void rig_give_from(struct rig *rig, unsigned gateway, struct octets octets);
/* Runs deadlines up to and including 'ms' from now. */
void rig_pass(struct rig *rig, mqttsn_ms ms);
void rig_poll(struct rig *rig);

/* The oldest datagram, which must be of that type. */
struct sn_frame rig_take(struct rig *rig, uint8_t type);
struct rig_out rig_take_out(struct rig *rig);
/* The oldest event, which must be of that kind. */
struct rig_event rig_event(struct rig *rig, unsigned kind);
/* Nothing came out that was not taken. */
void rig_quiet(const struct rig *rig);
/* The next deadline, from now; MQTTSN_NEVER when there is none. */
mqttsn_ms rig_wait(const struct rig *rig);

void rig_dump(const uint8_t *data, size_t len);

#endif
