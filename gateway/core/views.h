/* SPDX-License-Identifier: MIT */
/*
 * views.h - what an operator sees of the engine, row by row.
 *
 * A part of the door: engine.h includes it. Nothing here changes anything, and
 * nothing is kept up for it while messages pass, but the numbers of totals when
 * a session changes its state.
 *
 * Walks: '*cursor' is 0 to begin with and says nothing by itself. Each call
 * fills at most 'n' rows, moves the cursor and returns how many; 0 means the
 * end. A call looks at no more than a few thousand objects once it has a row,
 * so that a walk over everything is many short calls, between which the engine
 * goes on. What is there all the while is seen once, whatever comes and goes.
 *
 * Of one client, rows begin behind the first 'skip', in an order that holds
 * while none is added or ends.
 *
 * Spans are borrowed until the engine is told something.
 */
#ifndef GW_VIEWS_H
#define GW_VIEWS_H

#include "address.h"

#include "mqttsn/span.h"
#include "mqttsn/time.h"

#include <stddef.h>

struct gw_engine;

/* The state of a client as the gateway sees it [SN 6.14]. */
enum gw_state {
    GW_DISCONNECTED,
    GW_HALF_OPEN, /* CONNECT received, CONNACK not sent yet */
    GW_ACTIVE,
    GW_ASLEEP,
    GW_AWAKE,
    GW_LOST,
};
#define GW_STATE_COUNT 6

struct gw_session_info {
    struct mqttsn_span client_id;
    enum gw_state state;
    mqttsn_ms state_since;
    struct gw_addr addr;        /* family 0: it has none */
    struct mqttsn_span node_id; /* behind the forwarder at 'addr', else empty */
    uint16_t listener;          /* by which it was heard last */
    mqttsn_ms last_heard;
    uint32_t duration_s; /* keep-alive, or sleep duration */
    mqttsn_ms due;  /* by its own word it is heard before; NEVER: no word */
    mqttsn_ms ends; /* then the gateway takes it for lost, or forgets it, if
                       nothing comes; NEVER: something else comes first */
    uint32_t topics;
    uint32_t subscriptions;
    uint32_t queue_messages;
    uint32_t queue_bytes;
    mqttsn_ms queue_since;   /* when the first in the queue arrived; 0: none */
    uint32_t exchanges;      /* unfinished requests of the node */
    uint32_t uplink_waiting; /* its publishes that the broker side has not */
    bool clean_session;
    bool has_will;
};

size_t gw_engine_visit(struct gw_engine *engine, uint32_t *cursor, size_t n,
                       struct gw_session_info ret[]);

/* That of one client id; false when there is none. */
bool gw_engine_session(const struct gw_engine *engine,
                       struct mqttsn_span client_id,
                       struct gw_session_info *ret);

/* Whose what comes from 'addr' is, behind a forwarder from 'node_id'; empty:
 * nobody's. */
struct mqttsn_span gw_engine_client_at(const struct gw_engine *engine,
                                       const struct gw_addr *addr,
                                       struct mqttsn_span node_id);

/* Whether its settings say that every frame of it is logged. */
bool gw_engine_traces(const struct gw_engine *engine,
                      struct mqttsn_span client_id);

/* A topic id as one client has it. */
struct gw_topic_info {
    struct mqttsn_span client_id;
    struct mqttsn_span name;
    uint16_t id;
    bool predefined; /* by the configuration; the client has used it */
    bool known;      /* the client knows what it means */
    bool refused;    /* it does not want the name, or says that it lacks it */
};

size_t gw_engine_visit_topics(const struct gw_engine *engine, uint32_t *cursor,
                              size_t n, struct gw_topic_info ret[]);
size_t gw_engine_topics_of(const struct gw_engine *engine,
                           struct mqttsn_span client_id, size_t skip, size_t n,
                           struct gw_topic_info ret[]);

struct gw_subscription_info {
    struct mqttsn_span client_id;
    struct mqttsn_span filter; /* as the client names it */
    uint8_t qos;               /* granted */
    bool granted;              /* the broker has it; else it is being asked */
    bool fixed;                /* the configuration has it, too or alone */
};

size_t gw_engine_visit_subscriptions(const struct gw_engine *engine,
                                     uint32_t *cursor, size_t n,
                                     struct gw_subscription_info ret[]);
size_t gw_engine_subscriptions_of(const struct gw_engine *engine,
                                  struct mqttsn_span client_id, size_t skip,
                                  size_t n, struct gw_subscription_info ret[]);

/* A message that waits for a client. */
struct gw_queued_info {
    struct mqttsn_span topic; /* as the client names it */
    uint32_t payload_len;
    uint8_t qos;
    bool retain;
    bool sent;            /* at least once, and not acknowledged yet */
    uint8_t failed_wakes; /* in which it was not acknowledged */
    mqttsn_ms received;
    mqttsn_ms expires; /* message expiry of MQTT 5; 0: never */
};

/* The first 'n' of its queue, the oldest first. */
size_t gw_engine_queue_of(const struct gw_engine *engine,
                          struct mqttsn_span client_id, size_t n,
                          struct gw_queued_info ret[]);

/* A connection to the broker as the engine sees it. */
enum gw_link_state {
    GW_LINK_UNKNOWN, /* the first attempt is still running */
    GW_LINK_DOWN,
    GW_LINK_DENIED,
    GW_LINK_UP,
};
#define GW_LINK_STATE_COUNT 4

struct gw_link_info {
    struct mqttsn_span client_id; /* whose it is; empty: the gateway's own */
    enum gw_link_state state;
    uint32_t window;    /* QoS 1 and 2 publishes that may be out at a time; 0
                           before the first connection of a node's */
    uint32_t in_flight; /* of these, that are */
    uint32_t waiting;   /* and that wait for their turn */
};

/* The gateway's own connection, which is always there; and those of nodes. */
void gw_engine_link(const struct gw_engine *engine, struct gw_link_info *ret);
size_t gw_engine_visit_links(const struct gw_engine *engine, uint32_t *cursor,
                             size_t n, struct gw_link_info ret[]);

/* Sums, at the cost of a few additions. */
struct gw_totals {
    uint32_t clients[GW_STATE_COUNT];
    uint32_t queues; /* clients for which something waits */
    uint32_t queue_messages;
    uint64_t queue_bytes; /* of bodies; one that several share counts once */
    uint64_t uplink_bytes;
};
void gw_engine_totals(const struct gw_engine *engine, struct gw_totals *ret);

#endif
