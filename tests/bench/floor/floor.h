/* SPDX-License-Identifier: MIT */
/*
 * floor.h - what the programs that a gateway is compared with have in common:
 * their command line, and the topics and payloads of mqttsn-bench.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include "args.h"
#include "bench_stamp.h"

enum {
    FLOOR_TOPIC_MAX = 64,
    FLOOR_PAYLOAD_MAX = 4096,
};

struct floor_options {
    const char *role; /* of the stand-in */
    long port;        /* of the stand-in */
    long broker_port; /* on 127.0.0.1 */
    long nodes, qos, size, window, run, seconds;
    long rate; /* messages a second; 0: as many as the window allows */
};

/* Reads the options, or ends the process. */
void floor_options(struct floor_options *options, const char *program, int argc,
                   char **argv);

/* The topic that a node of mqttsn-bench publishes on ('u'), or hears ('d'). */
void floor_topic(const struct floor_options *options, char way, unsigned node,
                 char ret_topic[FLOOR_TOPIC_MAX]);

/* Says why, and ends the process. */
_Noreturn void floor_fail(const char *what);

/* False when SIGTERM or SIGINT asked for the end, or 'seconds' are over. */
bool floor_goes_on(void);

#endif
