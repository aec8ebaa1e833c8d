/* SPDX-License-Identifier: MIT */
/*
 * villain.h - who sends what nobody should.
 *
 * Each has one art; docs/testing.md says which attack (T1..T19) that is, and
 * which promise would break. Where an art keeps to the protocol and misuses
 * only what it offers, the oracle judges what comes of it like anybody's;
 * what is malformed, forged or out of place is 'suspect', and makes hazy in
 * whose name it was sent.
 */
#ifndef SIM_VILLAIN_H
#define SIM_VILLAIN_H

#include "net.h"

enum villain_art {
    MIXER,    /* frames out of place, ids of others, poison, noise */
    SEARCHER, /* SEARCHGW without end, and gateways that are none */
    CROWD,    /* CONNECTs under many ids from many ports */
    LINGERER, /* the longest keep-alives and sleeps, and gone */
    GRABBER,  /* REGISTERs, wake-ups, QoS 2 without end */
    NAMELESS, /* QoS -1: on what is open and what is not */
    WRAPPER,  /* a forwarder that is none; headers in headers */
    MIRROR,   /* subscribes under an address where nobody answers */
    GUESSER,  /* acknowledges blindly, in the name of a node */
    VILLAIN_ARTS
};

struct villain {
    unsigned number, box;
    enum villain_art art;
    unsigned payload_number;
    unsigned round; /* what it has done so far, in its own counting */
    uint16_t msg;
    struct rng random;
};

void villains_init(struct sim *sim);
const char *villain_art_name(enum villain_art art);

/* Among its files: one attack, of some datagrams. */
void villain_attack(struct sim *sim, struct villain *villain);

#endif
