/* SPDX-License-Identifier: MIT */
/*
 * links.h - the broker as it is with a connection for each node.
 *
 * An account is what the broker keeps of one client id: filters and, for who
 * is away, messages. A link is a connection of the gateway's in the name of a
 * node, by the number that the engine gave it: it is made, refused, breaks and
 * comes back for itself, and is closed when the engine says so, behind what it
 * still had. The will of an account is published when its link ends without a
 * good-bye, and then only. The gateway's own line is that of broker.h.
 *
 * There is a memory store only, so nothing of a link outlives the gateway.
 */
#ifndef SIM_LINKS_H
#define SIM_LINKS_H

#include "broker.h"
#include "queue.h"

#define LINKS 72 /* numbers, from 1 on */
#define LINK_REQUESTS 64
#define ACCOUNTS 64
#define ACCOUNT_FILTERS 48
#define ACCOUNT_QUEUE 128
#define ACCOUNT_ID 72

struct account {
    char id[ACCOUNT_ID];
    bool session; /* the broker has one */
    size_t filter_count, queue_count;
    struct {
        char filter[BROKER_TOPIC];
        uint8_t qos;
    } filters[ACCOUNT_FILTERS];
    struct outgoing queue[ACCOUNT_QUEUE];
    uint16_t packet_id;
    unsigned link;  /* that is connected as it; 0: none */
    bool abandoned; /* the latest ended without a good-bye, or never came up */
};

struct link {
    bool open;    /* between OPEN and CLOSED */
    bool online;  /* connected */
    bool closing; /* CLOSE has come */
    bool clean;
    unsigned account; /* its index */
    unsigned epoch;   /* events of another are of former connections */
    bool has_will;
    uint32_t will; /* a message */
    struct request requests[LINK_REQUESTS];
    size_t request_count;
    mqttsn_ms crowded_since; /* more is out than the window; 0: it is not */
    mqttsn_ms last_carried, last_delivery;
};

struct links {
    struct rng random;
    struct link links[LINKS];
    struct account accounts[ACCOUNTS];
    size_t account_count;
    uint64_t serial;
};

void links_init(struct sim *sim);

/* An action of a node's connection. */
void links_take(struct sim *sim, const struct gw_up_action *action);
/* A message is with the broker: to whom it goes. */
void links_route(struct sim *sim, uint32_t message);
/* Whether all that the gateway waits for by them is answered. */
bool links_have_answered(const struct sim *sim);
/* The gateway ends, and with it all its connections: the broker is told so, or
 * it publishes their wills. */
void links_died(struct sim *sim, bool told);
/* All break, so that what follows is a fresh start. */
void links_break_all(struct sim *sim);
void links_breaks_begin(struct sim *sim);

/* Whose connection it is; NULL: nobody's. */
const char *links_client(const struct sim *sim, unsigned connection);
/* Whether the last connection of this client ended without a good-bye, so that
 * its will is the broker's affair. */
bool links_abandoned(const struct sim *sim, const char *id);
/* Whether it is connected, and not being closed. */
bool links_up(const struct sim *sim, unsigned connection);
/* The connection of this client that was opened last and is not being closed;
 * 0: it has none. */
unsigned links_of(const struct sim *sim, const char *id);
/* Whether the broker has this filter for this client. */
bool links_subscribed(const struct sim *sim, const char *id,
                      const char *filter);

/* ---- between the two files --------------------------------------------- */

unsigned account_find(struct sim *sim, const char *id);
/* Its link, if it is connected; else NULL. */
struct link *account_link(struct sim *sim, const struct account *account);
/* Its session ends. */
void account_forget(struct account *account);
void account_subscribe(struct sim *sim, struct account *account,
                       const char *filter, uint8_t qos);
void account_unsubscribe(struct account *account, const char *filter);
/* Sends what waits for it, by the link that it has now. What was delivered, and
 * not acknowledged, comes again; QoS 2 does not: the client library sees to
 * that. */
void account_deliver(struct sim *sim, struct link *link);

struct account *links_account(struct sim *sim, const struct link *link);
unsigned links_number(const struct sim *sim, const struct link *link);
/* One way to the broker, or back. */
mqttsn_ms links_trip(struct sim *sim);
/* An event of this connection, and not of the next; links_meant has it then,
 * NULL when the connection is no more. */
void links_plan(struct sim *sim, const struct link *link, mqttsn_ms at,
                event_run *run, uint64_t serial);
struct link *links_meant(struct sim *sim, const struct event *event);

#endif
