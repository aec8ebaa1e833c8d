/* SPDX-License-Identifier: MIT */
/*
 * world.h - everything around the engine: clock, nodes, broker side, store.
 *
 * A world drives one gw_engine through its door, as a daemon would, and writes
 * down whatever comes out. After every input it serves all sinks until they
 * are quiet; the store answers one turn later, as the memory store does.
 * Sinks can be blocked and completions held back, so that tests choose the
 * order in which things happen.
 *
 * What comes out stays in 'outputs', oldest first, until somebody takes it.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdio.h>

#include "engine.h"
#include "frames.h"

struct broker;

/* Who sends datagrams: an address, and a node id when behind a forwarder. */
struct node {
    struct gw_addr addr;
    struct gw_via via;
    size_t wireless_len; /* 0: not behind a forwarder */
    uint8_t wireless[16];
};

enum output_kind { OUT_DATAGRAM, OUT_UPSTREAM, OUT_STORE, OUT_NOTE };

struct output {
    enum output_kind kind;
    mqttsn_ms at;
    bool taken;
    union {
        struct gw_datagram datagram;
        struct gw_up_action up; /* its spans lie in 'data' */
        struct gw_store_action store;
        struct gw_note note;
    };
    size_t len;
    uint8_t *data; /* datagram or record */
};

enum sink {
    SINK_DATAGRAM = 1,
    SINK_UPSTREAM = 2,
    SINK_STORE = 4,
    SINK_NOTE = 8
};

enum store_mode {
    STORE_NEXT_TURN, /* as the memory store */
    STORE_HELD,      /* only when told to */
    STORE_RANDOM     /* some now, some later, in any order */
};

struct record {
    uint8_t kind;
    uint32_t owner, item;
    mqttsn_ms kept_at;
    size_t len;
    uint8_t *data;
};

struct records {
    struct record *rows;
    size_t count, room;
};

struct missed {
    struct gw_store_action action;
    uint8_t *data;
    mqttsn_ms at;
};

#define WORLD_LISTENERS 4
#define WORLD_PREDEFINED 16
#define WORLD_RULES 8
#define WORLD_TRACE 200
#define WORLD_TEXT 512 /* enough for one message in words */

struct world {
    /* Set these between world_init and world_start. */
    struct gw_limits limits;
    struct gw_options options; /* lists point into this struct */
    struct gw_listener_options listeners[WORLD_LISTENERS];
    struct gw_cidr forwarders[WORLD_LISTENERS];
    struct gw_predefined predefined[WORLD_PREDEFINED];
    struct gw_client_rule rules[WORLD_RULES];
    uint8_t seed[16];
    bool no_records;       /* the store forgets at once: no world_restart */
    bool start_offline;    /* do not connect the upstream at start */
    bool orphans_allowed;  /* a restart may find rows whose session is gone */
    bool narrows;          /* a restart may find tables too small for rows */
    struct broker *broker; /* NULL: the test plays the broker */
    void (*fail)(const char *message); /* does not return */

    /* May change at any time. */
    unsigned blocked;    /* set of enum sink */
    uint32_t link;       /* the connection by which an event comes */
    unsigned up_classes; /* what upstream has room for; default both */
    unsigned budget;     /* polls per sink and turn; 0 = all there is */
    enum store_mode store_mode;
    bool store_fails;
    uint64_t random; /* state of the world's own random stream */

    /* Read only. */
    struct gw_engine *engine;
    mqttsn_ms now;
    struct output **outputs;
    size_t output_count, output_room;
    uint64_t *waiting_ops; /* polled, not yet answered, oldest first */
    size_t waiting_count, waiting_room;
    struct records records; /* what the store holds */
    struct missed *missed;  /* what it could not keep or forget, yet */
    size_t missed_count, missed_room;
    uint64_t datagram_total, action_total;
    void (*watch)(struct world *world, struct output *out);
    void *watch_arg;
    /* In world_restart, when every record was given back. */
    void (*before_restored)(struct world *world, void *arg);
    void *before_restored_arg;
    struct gw_counters counters_before; /* of engines that were dropped */
    char *trace[WORLD_TRACE];
    size_t trace_count;
    uint8_t *buf;
};

/* Small tables, default options, one listener that answers discovery, and a
 * broker that sends one copy of a message whatever filters overlap. */
void world_init(struct world *world);
void world_start(struct world *world);
void world_stop(struct world *world);

/* Drops the engine and builds another from what the store holds. */
void world_restart(struct world *world);

void world_listener(struct world *world, struct gw_listener_options listener);
void world_predefine(struct world *world, const char *client, uint16_t id,
                     const char *topic, bool open);

/* Node number k lives at 10.0.0.k, port 20000 + k. */
struct node world_node(unsigned k);
struct node world_node_at(const char *ip, uint16_t port);
struct node world_node_behind(struct node forwarder, const void *id,
                              size_t id_len);

/* Inputs. Each is followed by world_pump. */
void world_send(struct world *world, const struct node *node,
                struct octets message);
void world_send_raw(struct world *world, const struct node *node,
                    const void *data, size_t len);
void world_connected(struct world *world, bool session_present);
void world_event(struct world *world, enum gw_up_event_kind kind);
void world_result(struct world *world, uint64_t token,
                  enum gw_up_outcome outcome, uint8_t granted_qos);
/* The same, with all that a message may have but connection and packet id. */
void world_message_event(struct world *world, struct gw_up_event *event);

void world_message(struct world *world, const char *topic, const void *payload,
                   size_t len, uint8_t qos, bool retain);
void world_stored(struct world *world, size_t which, bool ok);

/* Runs deadlines up to and including 'time'. */
void world_until(struct world *world, mqttsn_ms time);
void world_pump(struct world *world);

/* The oldest output of a kind that was not taken, for 'node' when it is a
 * datagram and 'node' is not NULL; NULL when there is none. */
struct output *world_peek(struct world *world, enum output_kind kind,
                          const struct node *node);
struct output *world_take(struct world *world, enum output_kind kind,
                          const struct node *node);
bool output_is_for(const struct output *out, const struct node *node);
/* The message to 'node' without the forwarder's header, unpacked; fails the
 * test when it is not a well-formed message. */
void world_open(struct world *world, const struct output *out,
                const struct node *node, struct sn_frame *ret);
void world_forget_outputs(struct world *world);

/* Inspection through the door. */
bool world_session(struct world *world, const char *id,
                   struct gw_session_info *ret);
struct gw_usage world_usage(struct world *world);
/* By name, over all engines that this world had; false: no such counter. */
bool world_counter(struct world *world, const char *name, uint64_t *ret);
/* Everything that visit and usage tell, as text; the caller frees it. */
char *world_snapshot(struct world *world);

/* xorshift; 'below' > 0. */
uint32_t world_random(struct world *world, uint32_t below);

void world_trace(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the trace and the reason, then calls 'fail'. */
void world_fail(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
/* One line about an output, for messages to people. */
void output_text(const struct output *out, char *buf, size_t cap);
void datagram_text(const uint8_t *data, size_t len, char *buf, size_t cap);
void address_text(const struct gw_addr *addr, char *buf, size_t cap);
const char *state_name(enum gw_state state);

#endif
