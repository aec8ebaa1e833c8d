/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - how long to wait before the next attempt.
 *
 * The first attempt is immediate, the next waits about 'min', and each further
 * one twice as long up to 'max'. A pause is drawn from the upper half of its
 * range, so that a thousand gateways do not come back to one broker at once.
 * A connection that lasted starts the row anew; one that did not, goes back to
 * a few times 'min': a broker that accepts and drops us is there, and what ends
 * the connections is found out by trying.
 *
 * When the broker accepts us and three times within a minute drops a connection
 * that was at rest, or says each time that it was taken over (MQTT 5), somebody
 * else connects under our client id, and each takes the connection over from
 * the other. To be quick is no good then: the pauses go on doubling until a
 * connection outlasts what the other can wait.
 *
 * Pure: no clock, no memory; the seed is the caller's.
 */
#ifndef GW_BACKOFF_H
#define GW_BACKOFF_H

#include "mqttsn/time.h"

#include <stdbool.h>

/* A connection that held this long is one that lasted. */
#define GW_BACKOFF_LASTED_MS 10000

/* The longest pause after one that did not, in units of 'min'. */
#define GW_BACKOFF_ACCEPTED_FACTOR 4

/* So many times within so long: the client id is contested. */
#define GW_BACKOFF_CONTEST_LOSSES 3
#define GW_BACKOFF_CONTEST_MS 60000

/* How often connections to one broker were lost or failed; zero at first. */
struct gw_backoff_losses {
    unsigned of[2]; /* of others, of the one that leads */
};

/* The caller's memory; all fields are private. */
struct gw_backoff {
    mqttsn_ms min_ms;
    mqttsn_ms max_ms;
    mqttsn_ms range_ms; /* upper end of the next pause; 0: no pause */
    mqttsn_ms since;    /* start of the connection */
    mqttsn_ms lost_at[GW_BACKOFF_CONTEST_LOSSES]; /* at rest; a ring */
    unsigned losses;                              /* with no failure between */
    struct gw_backoff_losses *shared;             /* or NULL */
    unsigned shared_seen; /* of the other kind, at the last loss of this */
    bool leads;
    bool just_lost;
    bool contested;
    uint64_t random;
};

void gw_backoff_init(struct gw_backoff *backoff, mqttsn_ms min_ms,
                     mqttsn_ms max_ms, uint64_t seed);

/* The pause before the next attempt; each call is one attempt. */
mqttsn_ms gw_backoff_next(struct gw_backoff *backoff);

/*
 * This connection is one of many to the same broker, which share 'losses': one
 * 'leads', and there are the others. Who wants one client id ends one
 * connection. So an other that is lost when the leading one is lost or fails,
 * or the leading one when any other does, has no rival: it was the broker, or
 * the way to it. 'losses' is not looked at here, but by the thread that calls
 * the others.
 */
void gw_backoff_share(struct gw_backoff *backoff,
                      struct gw_backoff_losses *losses, bool leads);

/* A connection began, or ended; 'at_rest': nothing that we sent was unanswered,
 * or the broker said that it was taken over. True when the client id turns out
 * to be contested by that. */
void gw_backoff_connected(struct gw_backoff *backoff, mqttsn_ms now);
bool gw_backoff_lost(struct gw_backoff *backoff, mqttsn_ms now, bool at_rest);

#endif
