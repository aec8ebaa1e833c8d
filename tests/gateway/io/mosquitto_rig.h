/* SPDX-License-Identifier: MIT */
/*
 * mosquitto_rig.h - a mosquitto of our own: on a free loopback port, with its
 * files in a directory of its own. One at a time.
 */
#ifndef MOSQUITTO_RIG_H
#define MOSQUITTO_RIG_H

#include <sys/types.h>

#include "upstream_contract.h"

struct mosquitto {
    char directory[64];
    char program[64];
    char plugin[96]; /* dynamic security; empty: none */
    uint16_t port;
    uint16_t dead_port; /* nobody listens there */
    uint16_t tls_port;  /* 0: it listens there neither */
    uint16_t ws_port;   /* the same */
    char cert[96];      /* of TLS, and what has signed it */
    pid_t pid;          /* 0: not up */
};

extern struct mosquitto broker;

/* False: there is none on this machine. */
bool mosquitto_find(void);
void mosquitto_remove(void);

/* From its next start on it also takes TLS, with a certificate for 127.0.0.1,
 * and WebSocket. False: the certificate cannot be made. */
bool mosquitto_take_all_ways(void);

/* For struct contract_factory. */
void mosquitto_start(void *user, enum contract_mood mood);
void mosquitto_kill(void *user, bool remember);
void mosquitto_pause(void *user);
void mosquitto_resume(void *user);
void mosquitto_wipe(void *user);

#endif
