/* SPDX-License-Identifier: MIT */
/*
 * client_private.h - what the files of the client share.
 *
 * The client is three things: a state with a wish (state, want), one request
 * of the application's, and one step: the message that was sent last and
 * awaits its answer. A step is named by its message type; 0 is none. When no
 * step is open, mqttsn__advance decides on the next from state, wish and
 * request. All else is the answer to some message, and goes through 'reply'.
 */
#ifndef MQTTSN_CLIENT_PRIVATE_H
#define MQTTSN_CLIENT_PRIVATE_H

#include "mqttsn/client.h"

enum { NO_STEP = 0, NO_SLOT = 0xff };

/* Flags of the request. Those of a change of will come first: what is left. */
enum {
    LEFT_WILL_TOPIC = 1,
    LEFT_WILL_MESSAGE = 2,
    SENT = 4,     /* under this MsgId, so the next time is a repetition */
    RELEASED = 8, /* PUBREC came: the gateway has the message */
    AGAIN = 16,   /* the gateway had forgotten the id once already */
    FILTER = 32,  /* 'work' holds a filter that has no slot */
};

/* Flags of a topic slot. */
enum {
    OWN = 1, /* the application's name: keeps its slot */
};

/* Deadlines. They are kept as 32 bits, which on a small core saves a seventh of
 * the code; mqttsn__enter looks after those that a long sleep left behind. */
enum timer {
    T_RETRY,  /* the open step is sent again */
    T_PING,   /* the gateway is to hear of us */
    T_WAIT,   /* a pause ends that the gateway asked for */
    T_SEARCH, /* SEARCHGW is sent */
    T_GWINFO, /* somebody's SEARCHGW is answered */
    T_COUNT,
};

/* ---- exchange.c -------------------------------------------------------- */

void mqttsn__event(struct mqttsn_client *c, enum mqttsn_client_event_kind kind);
/* Every call from outside that tells the time begins here. */
void mqttsn__enter(struct mqttsn_client *c, mqttsn_ms now);
void mqttsn__arm(struct mqttsn_client *c, enum timer timer, uint32_t delay_ms);
void mqttsn__disarm(struct mqttsn_client *c, enum timer timer);

uint32_t mqttsn__random(struct mqttsn_client *c, uint32_t below);

/* Opens a step: it is sent at the next poll. */
void mqttsn__start(struct mqttsn_client *c, unsigned step);

/* Supervision of the open step begins anew [SN 6.14]. */
void mqttsn__rearm(struct mqttsn_client *c);

/* No step is open any more. */
void mqttsn__stop(struct mqttsn_client *c);

/* The open step was answered: closes it, and takes it for a sign of life. */
void mqttsn__answered(struct mqttsn_client *c);

/* Opens the step that is next, if none is open. */
void mqttsn__advance(struct mqttsn_client *c);

/* Ends the request, if there is one, with one DONE. */
void mqttsn__finish(struct mqttsn_client *c, enum mqttsn_client_result result,
                    unsigned code);

/* The gateway refused the request; after congestion a pause follows. */
void mqttsn__rejected(struct mqttsn_client *c, unsigned code);

/* ---- connection.c ------------------------------------------------------ */

/* Connects to the gateway that is chosen, or searches for one. */
void mqttsn__connect(struct mqttsn_client *c);

/* Falls asleep, and says so with that event. */
void mqttsn__asleep(struct mqttsn_client *c,
                    enum mqttsn_client_event_kind kind);

/* The gateway does not answer, or has forgotten us. */
void mqttsn__lost(struct mqttsn_client *c, bool other_gateway);

void mqttsn__on_connack(struct mqttsn_client *c, unsigned code);
void mqttsn__on_disconnect(struct mqttsn_client *c);
void mqttsn__on_silence(struct mqttsn_client *c);

/* ---- topics.c ---------------------------------------------------------- */

#if MQTTSN_CLIENT_NAMES
/* The slot of 'name', or a free one that is given that name; NO_SLOT when the
 * table is full or the name too long. */
unsigned mqttsn__slot(struct mqttsn_client *c, struct mqttsn_span name,
                      unsigned flags);
/* The slot of the request; NULL when it has none. */
struct mqttsn_client_topic *
mqttsn__request_topic(const struct mqttsn_client *c);
unsigned mqttsn__slot_of_id(const struct mqttsn_client *c, unsigned id);
/* The gateway's word: 'id' is that name's, and no other's. */
void mqttsn__slot_set_id(struct mqttsn_client *c, unsigned slot, unsigned id);
/* A new session: no id holds, and names of the gateway's go. */
void mqttsn__forget_ids(struct mqttsn_client *c);
#else
/* No request has a name; the compiler drops what would be done with it. */
static inline struct mqttsn_client_topic *
mqttsn__request_topic(const struct mqttsn_client *c)
{
    (void)c;
    return NULL;
}
#endif
bool mqttsn__id_valid(unsigned id);

/* ---- discovery.c ------------------------------------------------------- */

#if MQTTSN_CLIENT_FAILOVER
struct mqttsn_client_gateway *
mqttsn__gateway_find(const struct mqttsn_client *c,
                     const struct mqttsn_address *address);
/* The current one. */
struct mqttsn_client_gateway *mqttsn__gateway(const struct mqttsn_client *c);
unsigned mqttsn__gateway_count(const struct mqttsn_client *c);
/* Chooses the next of the list after the current one, if there is any. */
void mqttsn__gateway_next(struct mqttsn_client *c);
#else
static inline struct mqttsn_client_gateway *
mqttsn__gateway(const struct mqttsn_client *c)
{
    return c->config->gateways;
}

static inline unsigned mqttsn__gateway_count(const struct mqttsn_client *c)
{
    return c->config->gateways->address.len != 0;
}
#endif
bool mqttsn__address_equal(const struct mqttsn_address *a,
                           const struct mqttsn_address *b);
struct mqttsn_client_gateway *
mqttsn__gateway_add(struct mqttsn_client *c, unsigned gw_id,
                    const struct mqttsn_address *address);

#if MQTTSN_CLIENT_DISCOVERY
void mqttsn__search(struct mqttsn_client *c);
/* Takes those off the list that have not advertised in time. */
void mqttsn__sweep(struct mqttsn_client *c);
/* ADVERTISE, SEARCHGW and GWINFO, from anybody. */
void mqttsn__on_discovery(struct mqttsn_client *c,
                          const struct mqttsn_address *from,
                          const struct mqttsn_frame *frame);
void mqttsn__discovery_deadline(struct mqttsn_client *c, enum timer timer);
/* Learnt gateways that did not answer go. */
void mqttsn__discovery_give_up(struct mqttsn_client *c);
bool mqttsn__discovery_send(struct mqttsn_client *c, struct mqttsn_frame *frame,
                            uint8_t gw_add[], uint8_t *ret_radius);
#endif

/* ---- receive.c --------------------------------------------------------- */

#if MQTTSN_CLIENT_SUBSCRIBE
void mqttsn__on_publish(struct mqttsn_client *c,
                        const struct mqttsn_frame *frame);
#endif
#if MQTTSN_CLIENT_WILDCARD
unsigned mqttsn__on_register(struct mqttsn_client *c,
                             const struct mqttsn_frame *frame);
#endif

#endif
