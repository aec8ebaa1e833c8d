/* SPDX-License-Identifier: MIT */
/*
 * engine_world.h - what stands around the engine of the fuzz target: eight
 * nodes, a broker side, a store that can lose its tail, sinks that can be
 * blocked; and what must hold whatever comes.
 *
 * Cheap, for it is made anew for every input: no trace, small tables, no
 * memory but for records.
 */
#ifndef ENGINE_WORLD_H
#define ENGINE_WORLD_H

#include "target.h"

#include "engine.h"

enum {
    FZ_NODES = 8,      /* the last two stand behind a forwarder */
    FZ_FORWARDED = 6,  /* the first of those */
    FZ_TOKENS = 64,    /* actions that wait for their result */
    FZ_PENDING = 1024, /* store operations that were not answered */
    FZ_OWED = 256,     /* of those, failed: fewer than events in an input */
    FZ_RECORDS = 1024,
    FZ_ARRIVALS = 256, /* more than there are events in an input */
    FZ_ANSWER = 16,    /* octets kept of the last datagram to a node */
    FZ_OPTION_OCTETS = 4,
    FZ_LINKS = 4, /* connections of nodes, in transparent mode */
    FZ_IDENTIFIERS = 8,
};

enum fz_sink { FZ_DATAGRAM = 1, FZ_UPSTREAM = 2, FZ_STORE = 4, FZ_NOTE = 8 };

struct fz_node {
    struct gw_addr addr;
    struct gw_via via;
    uint8_t wireless_len;
    uint8_t wireless[4];
    bool spoke;               /* may be sent something */
    uint8_t heard[FZ_ANSWER]; /* the last message to it, unwrapped */
    size_t heard_len;
};

struct fz_token {
    uint64_t token;
    uint32_t connection;
    enum gw_up_action_kind kind;
    uint8_t qos;
};

/* A connection of a node to the broker. */
struct fz_link {
    uint32_t number;
    bool connected, closing;
};

struct fz_record {
    uint8_t kind;
    uint32_t owner, item;
    size_t len;
    uint8_t *data;
    bool refused; /* by gw_engine_restore */
};

struct fz_pending {
    struct gw_store_action action;
    uint8_t *data;
    bool answered, kept;
};

/* A message from the broker that is not forgotten yet. */
struct fz_arrival {
    uint32_t number;
    uint8_t qos;
    bool retain;
    uint16_t packet_id;
    uint8_t *data; /* topic, then payload */
    size_t topic_len, len;
    bool given;    /* to this engine */
    bool unwanted; /* it has asked to have it forgotten */
};

struct fz_world {
    struct gw_engine *engine;
    mqttsn_ms now;
    struct gw_limits limits;
    struct gw_options options;
    struct gw_listener_options listeners[2];
    struct gw_client_rule rules[2];
    struct gw_usage empty; /* of the engine as it was made */

    unsigned blocked;    /* set of enum fz_sink */
    unsigned up_classes; /* what upstream has room for */
    unsigned budget;     /* polls per sink and turn; 0: all there is */
    bool broker_waits;   /* results only when the input says so */
    bool store_waits;
    bool connected;
    bool transparent;
    bool identifiers; /* the broker says for which subscription */
    bool keeps_arrivals;
    bool holds;   /* the broker side outlives the engine, with all its tokens */
    bool foreign; /* records that are not the engine's own */
    bool shut_down;    /* what waits, waits for the next engine */
    bool store_failed; /* at least once: something may be left in it */

    struct fz_node nodes[FZ_NODES];
    struct fz_token tokens[FZ_TOKENS];
    size_t token_count;
    struct fz_link links[FZ_LINKS];
    size_t link_count;
    uint32_t known[FZ_IDENTIFIERS]; /* that it was told; a ring */
    unsigned known_count;
    struct fz_pending pending[FZ_PENDING];
    size_t pending_count;
    struct fz_pending owed[FZ_OWED]; /* to be forgotten before what comes */
    size_t owed_count;
    struct fz_record records[FZ_RECORDS];
    size_t record_count;
    struct fz_arrival arrivals[FZ_ARRIVALS]; /* in their order */
    size_t arrival_count;
    uint32_t last_arrival;
    uint64_t last_op;
    uint64_t fed, sent; /* by this engine */
    uint64_t held;      /* publishes of former engines */
    uint64_t restored_places;
    uint8_t restarts;
};

/* 'options' chooses limits and options. */
void fz_start(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS]);
void fz_stop(struct fz_world *w);

/* Inputs; each is followed by fz_pump. */
void fz_datagram(struct fz_world *w, unsigned node, const uint8_t *data,
                 size_t len);
void fz_event(struct fz_world *w, const struct gw_up_event *event);
void fz_result(struct fz_world *w, size_t which, enum gw_up_outcome outcome,
               uint8_t granted_qos);
/* What is with the broker by that connection has this outcome. */
void fz_results_of(struct fz_world *w, uint32_t connection,
                   enum gw_up_outcome outcome);
void fz_stored(struct fz_world *w, size_t which, bool ok);
void fz_pass(struct fz_world *w, mqttsn_ms ms);
void fz_reconfigure(struct fz_world *w,
                    const uint8_t options[FZ_OPTION_OCTETS]);
void fz_pump(struct fz_world *w);

/* The engine is dropped; of what the store was not asked about in vain,
 * 'written' operations more had reached it. Another is made of that. */
void fz_restart(struct fz_world *w, size_t written);

/* Everything is let through and everybody leaves or is lost: nothing may be
 * left of it. */
void fz_end(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS]);

/* ---- engine_setup.c ---- */

/* 'durable' and 'transparent' are for the life of the world, the rest may be
 * chosen anew. */
void fz_setup(struct fz_world *w, bool durable, bool transparent);
void fz_choose(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS]);

/* ---- engine_links.c ---- */

/* The engine opens one, or closes it. */
void fz_link_action(struct fz_world *w, const struct gw_up_action *a);
/* What happens to the 'which'th: GW_UP_CONNECTED, _LOST, _UNREACHABLE or
 * _DENIED. */
void fz_link_event(struct fz_world *w, size_t which,
                   enum gw_up_event_kind kind);
/* The broker side does what it was asked to. */
bool fz_links_turn(struct fz_world *w);
/* May something be given by it now? */
bool fz_link_is_up(const struct fz_world *w, uint32_t number);

/* ---- engine_store.c ---- */

bool fz_drain_store(struct fz_world *w);
/* Applies what is settled, in the order of the operations. */
void fz_store_settle(struct fz_world *w);
void fz_store_crash(struct fz_world *w, size_t written);
void fz_store_restore(struct fz_world *w);
void fz_store_clear(struct fz_world *w);

/* ---- engine_arrivals.c ---- */

/* A message from the broker; it is kept if the options say so. */
void fz_message(struct fz_world *w, const struct gw_up_event *event);
/* The engine asks for it to be forgotten; and it is. */
void fz_arrival_unwanted(struct fz_world *w, uint32_t number);
void fz_arrival_forget(struct fz_world *w, uint32_t number);
/* What is left comes again. */
void fz_arrivals_restart(struct fz_world *w);
/* No two records are made of one. */
void fz_arrivals_check(const struct fz_world *w);
void fz_arrivals_clear(struct fz_world *w);

/* ---- engine_checks.c ---- */

/* A datagram that the engine gave; tells the node that it is for. */
void fz_check_datagram(struct fz_world *w, const struct gw_datagram *d,
                       const uint8_t *data);
void fz_check_action(const struct fz_world *w, const struct gw_up_action *a);
/* Between two inputs. */
void fz_check_state(struct fz_world *w);
/* A datagram that does not decode changes nothing but its counter. */
bool fz_is_malformed(const struct fz_world *w, const uint8_t *data, size_t len);
void fz_check_unchanged(struct fz_world *w, const struct gw_counters *before,
                        const struct gw_usage *usage);

#endif
