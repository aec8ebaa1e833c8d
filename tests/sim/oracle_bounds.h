/* SPDX-License-Identifier: MIT */
/*
 * oracle_bounds.h - what one node and one source may have: a part of oracle.h,
 * which says who promises what.
 */
#ifndef SIM_ORACLE_BOUNDS_H
#define SIM_ORACLE_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "mqttsn/time.h"

struct sim;
struct book;
struct caller;
struct entry;
struct gw_session_info;

/* So many a second, and so many at once, in thousandths. */
struct rate {
    bool begun; /* else it is full */
    uint64_t left;
    mqttsn_ms since;
};

/* limits: before and after a datagram, of the inspection, and a PUBLISH */
void oracle_limits_in(struct sim *sim);
void oracle_limits_after(struct sim *sim);
void oracle_limits_seen(struct sim *sim, const struct book *book,
                        const struct gw_session_info *info);
void oracle_limits_awoke(struct book *book);
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

#endif
