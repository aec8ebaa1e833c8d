/* SPDX-License-Identifier: MIT */
/*
 * oracle_bounds.h - what is owed, what is bounded, and what must add up: a part
 * of oracle.h, which says who promises what.
 */
#ifndef SIM_ORACLE_BOUNDS_H
#define SIM_ORACLE_BOUNDS_H

#include "broker.h"
#include "frames.h"

struct sim;
struct book;
struct caller;
struct entry;
struct up;
struct gw_session_info;
struct gw_usage;

#define ORACLE_ASKED 24
#define ORACLE_ASKS 512
#define ORACLE_SESSIONS 128 /* of the inspection, at a time */

/* Answers that are owed: one per request that came. */
struct ask {
    uint8_t type; /* of the answer */
    uint16_t msg;
    uint16_t count;
};

struct asks {
    struct ask rows[ORACLE_ASKS];
    size_t count, next;
};

/* The one thing under way towards a node. */
struct step {
    uint8_t type; /* REGISTER, PUBLISH, PUBREL; 0: none */
    uint16_t msg, topic;
    uint64_t entry; /* number of the message that it is about */
    mqttsn_ms at, begun;
    unsigned silent; /* repetitions since the node said something */
    unsigned timed;  /* repetitions in all */
    bool heard;      /* it said something since the last one */
    bool blurred;    /* 'at' is later than was meant: nothing could go out */
};

/* The sessions as the last look found them, in the order of the inspection:
 * whose they are. Their books are those that exist. */
struct roll {
    struct book *rows[ORACLE_SESSIONS]; /* beyond 'count': of earlier looks */
    size_t count;
    uint64_t number; /* of the look */
};

/* So many a second, and so many at once, in thousandths. */
struct rate {
    bool begun; /* else it is full */
    uint64_t left;
    mqttsn_ms since;
};

/* What was asked of the one at an address since he was heard. */
struct reach {
    unsigned unanswered; /* datagrams, but for those of a session */
    mqttsn_ms heard_at;
    unsigned waits; /* what came since then, and may be asked back about */
    uint8_t type;
    uint16_t msg;
    unsigned count;
};

struct filters {
    char rows[ORACLE_ASKED][BROKER_TOPIC];
    size_t count;
    bool full; /* and more were asked for */
};

/* Since the gateway was started. */
struct uplink_sums {
    uint64_t qos0_taken, qos0_published;
    uint32_t waiting; /* accepted ones, at the last look */
    /* of those that were accepted while the broker was away */
    mqttsn_ms line_since;
    uint64_t drained;
};

/* limits: before and after a datagram, of the inspection, and a PUBLISH */
void oracle_limits_in(struct sim *sim);
void oracle_limits_after(struct sim *sim);
void oracle_limits_seen(struct sim *sim, const struct book *book,
                        const struct gw_session_info *info);
void oracle_limits_awoke(const struct sim *sim, struct book *book);
/* PUBACK says so; 'all_there': nothing that was sent to it was dropped. */
void oracle_limits_congested(struct sim *sim, struct book *book,
                             bool all_there);
void oracle_limits_paused(struct sim *sim, const struct book *book,
                          const struct sn_frame *f);
void oracle_limits_awake(struct sim *sim, struct book *book,
                         struct entry *entry);

/* rates */
void oracle_rates_begin(struct sim *sim);
/* Where there is a source_rate: false when the engine, which has had the
 * datagram, did not take it. */
bool oracle_rates_admit(struct sim *sim, const struct gw_addr *from,
                        size_t len);
void oracle_rates_in(struct sim *sim);
void oracle_rates_after(struct sim *sim);
void oracle_rates_out(struct sim *sim, const struct caller *caller);

/* reach: what came from there, and what goes there */
void oracle_reach_in(struct sim *sim);
void oracle_reach_out(struct sim *sim, struct caller *caller, struct book *book,
                      const struct sn_frame *f);
void oracle_reach_begins(struct sim *sim);

/* The filter that a SUBSCRIBE or UNSUBSCRIBE names; false: none. */
bool oracle_filter_of(struct book *book, const struct sn_frame *f,
                      char filter[BROKER_TOPIC]);
/* readers: who asked for what, and gets it */
void oracle_readers_in(struct sim *sim);
void oracle_readers_out(struct sim *sim, const struct book *book,
                        const struct sn_frame *f);

/* reasons: of what was counted since the last look; whether anything was */
void oracle_reasons(struct sim *sim, bool counted);

/* uplink: sums of what goes up */
void oracle_uplink_after(struct sim *sim);
void oracle_uplink_look(struct sim *sim, const struct gw_usage *usage);
/* One goes to the broker for the first time. */
void oracle_uplink_begins(struct sim *sim, const struct up *up);
/* How many were accepted and are not known to be at the broker; one of them. */
uint64_t oracle_up_missing(struct sim *sim, const struct up **ret_one);

#endif
