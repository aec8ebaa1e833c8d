/* SPDX-License-Identifier: MIT */
/*
 * filters.h - which filters match a topic: a tree of levels.
 *
 * The tree is made of levels: each is one level of a filter, below the level
 * before it. What ends at a level hangs on it: the filter itself, and the one
 * that goes on with '#', which nothing can follow. A filter has its whole name
 * and members that belong to the caller (subscriptions, and what is known of
 * them upstream). Levels are found by a keyed hash of the level above and the
 * name, so one with a million below it is as fast as one with two. '#' and a
 * leading '+' do not match topics that begin with '$' [MQTT-3.1.1 4.7.2], as
 * nodes see them: behind 'prefix_levels', which the caller may set.
 */
#ifndef GW_FILTERS_H
#define GW_FILTERS_H

#include "names.h"
#include "slab.h"
#include "table.h"

#include <stdbool.h>

struct gw_filter {
    uint32_t level; /* where it hangs; 0: the top. Private */
    uint32_t name;  /* name reference of the whole filter; 0: it is free */

    /* The caller's; zero at first. */
    uint32_t subs_head;
    uint32_t uses;                /* whoever refers to this filter */
    uint32_t wants;               /* of these, who wants its messages */
    uint32_t window, open_window; /* SUBSCRIBE in line, SUBSCRIBE under way */
    uint32_t unsub_list;          /* UNSUBSCRIBEs that wait for the broker */
    uint32_t unsub_next;          /* line of filters to be unsubscribed */
    bool unsub_listed : 1;
    bool kept : 1;      /* the store knows that the broker may know it */
    bool unsub_out : 1; /* an UNSUBSCRIBE has no result yet */
    bool untold : 1;    /* has subscriptions the broker was never told of */
    uint8_t up_state;   /* what the broker was told */

    bool is_hash; /* it ends with a '#' below its level. Private */
};

/* Private. */
struct gw_filter_level {
    uint32_t above; /* 0: the top */
    uint32_t name;  /* reference of its octets; 0: it is empty; or '+' */
    uint32_t below; /* how many levels are right below it, '+' included */
    uint32_t plus;  /* the one of them that is '+' */
    uint32_t filter, hash_filter; /* what ends here */
};

struct gw_filters {
    struct gw_slab filters, levels;
    struct gw_table plain_levels; /* but '+' */
    struct gw_filter_level top;   /* above the first levels */
    uint32_t prefix_levels;       /* the first that nodes see is behind them */
    struct gw_names *names;
    uint8_t seed[16];
};

/* Deeper filters are refused; so a deeper topic matches by '#' alone. */
#define GW_FILTER_LEVELS_MAX 128

/* Room for as many levels, and for as many filters. */
MQTTSN_CHECKED enum mqttsn_status gw_filters_init(struct gw_filters *filters,
                                                  struct gw_names *names,
                                                  uint32_t max_levels,
                                                  const uint8_t seed[16]);
void gw_filters_fini(struct gw_filters *filters);
uint64_t gw_filters_size(uint32_t max_levels);

/* A valid filter, made if need be; 0 when a table is full (then nothing has
 * changed) or the filter has too many levels. */
uint32_t gw_filters_add(struct gw_filters *filters, struct mqttsn_span text);

/* The filter if it is there; else 0. */
uint32_t gw_filters_find(const struct gw_filters *filters,
                         struct mqttsn_span text);

/* It ends, and so do the levels that nothing else needs. */
void gw_filters_drop(struct gw_filters *filters, uint32_t filter);

struct gw_filter *gw_filter_at(const struct gw_filters *filters,
                               uint32_t filter);

/* Calls 'visit' with each filter that matches the valid topic name, each once.
 * 'visit' must not add or drop filters. */
void gw_filters_match(const struct gw_filters *filters,
                      struct mqttsn_span topic,
                      void (*visit)(void *user, uint32_t filter), void *user);

#endif
