/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the files of mqttsn-bench share.
 *
 *   bench.c         the command line, and the order of things
 *   bench_nodes.c   nodes: sockets, exchanges, what they hear and answer
 *   bench_load.c    who publishes what, when; at the nodes and at the broker
 *   bench_sleep.c   nodes that sleep: fill and drain
 *   bench_ceiling.c what the program can do by itself, against a sink
 *   bench_report.c  progress, text, JSON
 *   bench_mqtt.c, bench_stamp.c, bench_tally.c, bench_proc.c: by themselves
 *
 * One thread. Nothing is sent by the way: datagrams of one node are collected
 * and leave together, at bench_flush at the latest.
 */
#ifndef BENCH_H
#define BENCH_H

#include "bench_mqtt.h"
#include "bench_proc.h"
#include "bench_stamp.h"
#include "bench_tally.h"
#include "mqttsn/frame.h"
#include "node.h"

enum {
    BENCH_BATCH = 64,      /* datagrams to or from one node at a time */
    BENCH_DATAGRAM = 8192, /* the largest that is received */
    BENCH_PAYLOAD_MAX = 4096,
    BENCH_WINDOW_MAX = 256,
    BENCH_TOPIC_MAX = 96,
    BENCH_FANOUTS = 64, /* messages to all that may be under way */
};

enum bench_mode {
    BENCH_CONNECT,
    BENCH_UP,
    BENCH_DOWN,
    BENCH_FAN_OUT,
    BENCH_SLEEP,
    BENCH_MIXED,
};

struct bench_options {
    struct node_options
        common; /* host, port, family, and what all tools have */
    const char *mode_name;
    enum bench_mode mode;
    long nodes, size, rate, window, seconds, count, messages, run;
    mqttsn_ms interval_ms; /* between messages; 0: none */
    bool shared, json, no_ceiling, no_broker;
    const char *prefix; /* of topics and client ids */
    const char *broker, *broker_user, *broker_password_file;
    long broker_port;
    long pid;
};

/* What a node does, or waits for. */
enum bench_step {
    STEP_NONE,    /* nothing yet */
    STEP_CONNECT, /* CONNACK */
    STEP_REGISTER,
    STEP_SUBSCRIBE,
    STEP_READY,
    STEP_SLEEP, /* DISCONNECT, as an answer to ours */
    STEP_ASLEEP,
    STEP_AWAKE, /* PINGRESP, after what was kept */
    STEP_LEAVE,
    STEP_GONE, /* for good, or refused */
};

/* A message of QoS 1 or 2 that is not finished. */
struct bench_exchange {
    bool used, released; /* released: PUBREL is out */
    uint16_t msg_id;
    uint32_t number;
    uint64_t first_us, last_us; /* sent first, and last */
};

/* Messages one way; a stream is numbered by its node. */
struct bench_stream {
    uint32_t next;    /* number of the next message */
    uint32_t settled; /* of QoS 0: all before it arrived or are given up */
    uint32_t under_way;
    uint64_t moved_us; /* when the last one left or arrived */
    struct bench_tally tally;
};

struct bench_node {
    int fd;
    enum bench_step step;
    bool listed; /* waits for its turn to publish up, or down */
    bool heard;  /* since it woke */
    uint16_t msg_id, asked_id, topic_id;
    unsigned tries;
    uint64_t asked_us, begun_us;
    unsigned round_trips, registers; /* since it woke */
    uint32_t woke_count;             /* messages since it woke */
    struct bench_stream up, down;
    struct bench_exchange *exchange; /* 'window' of them, in QoS 1 and 2 */
};

/* A message to all. */
struct bench_fanout {
    uint32_t number, left;
    uint64_t sent_us;
};

/* What is counted; of the measured time only. */
struct bench_counts {
    uint64_t sent, arrived, repeated, late, damaged, foreign, abandoned;
    uint64_t acknowledged, retransmitted, refused;
    uint64_t send_blocked, send_failed;
};

struct bench {
    struct bench_options options;
    struct bench_mqtt mqtt;
    char id[40]; /* client ids: this, and a number */
    char topic[BENCH_TOPIC_MAX / 2];
    char password[256];
    uint32_t run;

    struct bench_node *nodes;
    size_t count, connected;
    struct mqttsn_udp_place place;
    int epoll;
    uint64_t now; /* of this turn */
    uint64_t next_check;
    bool asked;  /* by a signal to end: nothing new is published */
    bool ended;  /* by another, or because it makes no sense to go on */
    bool nobody; /* listens at the gateway's address */

    /* Control exchanges that are open, and where to begin the next. */
    size_t open, open_max, next_node;
    enum bench_step first_step, last_step; /* of preparing a node */

    /* Datagrams of one node that are to leave. */
    struct bench_node *out_node;
    unsigned out_count;
    size_t out_len[BENCH_BATCH];
    uint8_t *out_bytes, *in_bytes;

    /* The load. */
    bool loading;
    uint32_t *turn; /* nodes that may publish, in a ring of 'count' */
    size_t turn_at, turn_count;
    uint64_t load_us, stop_us, due; /* began, last arrival, published so far */
    struct bench_fanout fanout[BENCH_FANOUTS];
    uint32_t fanout_next, fanout_open;

    struct bench_counts up, down;
    struct bench_spread latency;  /* from publishing to arriving */
    struct bench_spread answer;   /* CONNACK, PUBACK, PUBCOMP */
    struct bench_spread complete; /* fan-out: the last; sleep: PINGRESP */
    struct bench_spread trips;    /* sleep: round trips of a wake-up */

    struct bench_proc before, after;
    uint64_t drops_before, drops_after;
    uint64_t ceiling_out, ceiling_in; /* messages a second; 0: not known */
    uint64_t connect_took_us; /* from the first CONNECT to the last CONNACK */
    uint64_t started_us, told_us; /* for the line of progress */
};

/* ---- nodes (bench_nodes.c) --------------------------------------------- */

/* Opens a socket for each node. False: it has been said why not. */
bool bench_nodes_open(struct bench *b);
void bench_nodes_close(struct bench *b);

/* Asks for the answer that ends 'step'. */
void bench_begin(struct bench *b, struct bench_node *node,
                 enum bench_step step);

/* Puts a frame among what leaves next. */
void bench_put(struct bench *b, struct bench_node *node,
               const struct mqttsn_frame *frame);
void bench_flush(struct bench *b);

/* Publishes the message of this number up. */
void bench_put_publish(struct bench *b, struct bench_node *node,
                       uint32_t number, uint64_t sent_us, uint16_t msg_id,
                       bool dup);

/* Waits until 'until' at the latest, and works on whatever comes. */
void bench_turn(struct bench *b, uint64_t until);

/* Begins control exchanges, as many as may be open, and repeats what has not
 * been answered. */
void bench_check(struct bench *b);

/* Takes all nodes from STEP_NONE to 'last': at most 'open_max' at a time. */
void bench_prepare(struct bench *b, enum bench_step last, size_t open_max);

/* ---- the load (bench_load.c) -------------------------------------------- */

void bench_load(struct bench *b);

/* A message arrived at the broker, or at a node. */
void bench_arrived_up(void *bench, struct mqttsn_span topic,
                      struct mqttsn_span payload);
void bench_arrived_down(struct bench *b, struct bench_node *node,
                        struct mqttsn_span payload);

/* A message of QoS 1 or 2 of this node has been acknowledged. */
void bench_acknowledged(struct bench *b, struct bench_node *node,
                        struct bench_exchange *exchange, uint8_t code);

/* Repeats, or gives up, what has not arrived. */
void bench_load_check(struct bench *b, struct bench_node *node);

/* The topic of messages to this node, or from it. */
void bench_topic(const struct bench *b, const struct bench_node *node, char way,
                 char ret_topic[BENCH_TOPIC_MAX]);

/* ---- the other parts ---------------------------------------------------- */

void bench_sleep(struct bench *b);

/* Measures what this program can send and receive with nodes like these, when
 * there is no gateway to wait for. */
void bench_ceiling(struct bench *b);

/* How many copies of messages have not arrived. */
uint64_t bench_lost(const struct bench *b);

/* Tells, every few seconds, how far it is. */
void bench_progress(struct bench *b);

/* Prints what was measured; false when it cannot be printed. */
bool bench_report(const struct bench *b);

#endif
