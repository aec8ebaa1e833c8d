/* SPDX-License-Identifier: MIT */
/*
 * filters.h - which filters match a topic: a tree of levels.
 *
 * Every node is one level below its parent; a node that ends a filter carries
 * the whole filter's name and the head of a list that belongs to the caller
 * (subscriptions, and what is known of them upstream). Children are found by
 * a keyed hash of parent and level, so a node with a million children is as
 * fast as one with two. '#' and a leading '+' do not match topics that begin
 * with '$' [MQTT-3.1.1 4.7.2].
 */
#ifndef GW_FILTERS_H
#define GW_FILTERS_H

#include "names.h"
#include "slab.h"
#include "table.h"

#include <stdbool.h>

struct gw_filter {
    uint32_t parent;   /* 0: first level */
    uint32_t level;    /* name reference of a plain level's octets; 0: empty
                          level or wildcard */
    uint32_t children; /* how many nodes have this one as parent */
    uint32_t name;     /* name reference of the whole filter; 0: no filter ends
                          here */

    /* The caller's, while 'name' is set; zero when it becomes set. */
    uint32_t subs_head;
    uint32_t all_prev, all_next;  /* list of all filters, kept by the caller */
    uint32_t uses;                /* whoever refers to this node */
    uint32_t wants;               /* of these, who wants its messages */
    uint32_t window, open_window; /* SUBSCRIBE in line, SUBSCRIBE under way */
    uint32_t unsub_list;          /* UNSUBSCRIBEs that wait for the broker */
    uint32_t unsub_next;          /* line of filters to be unsubscribed */
    bool unsub_listed : 1;
    bool kept : 1;      /* the store knows that the broker may know it */
    bool unsub_out : 1; /* an UNSUBSCRIBE has no result yet */
    uint8_t up_state;   /* what the broker was told */

    uint8_t level_kind;              /* plain, '+', '#' : private */
    uint32_t plus_child, hash_child; /* private */
};

struct gw_filters {
    struct gw_slab nodes;
    struct gw_table table;
    struct gw_names *names;
    uint8_t seed[16];
    uint32_t plain_levels, plus_first, hash_first; /* of the first level */
};

/* Deeper filters are refused; so a deeper topic matches by '#' alone. */
#define GW_FILTER_LEVELS_MAX 128

MQTTSN_CHECKED enum mqttsn_status gw_filters_init(struct gw_filters *filters,
                                                  struct gw_names *names,
                                                  uint32_t max_nodes,
                                                  const uint8_t seed[16]);
void gw_filters_fini(struct gw_filters *filters);
uint64_t gw_filters_size(uint32_t max_nodes);

/* The node of a valid filter, made if need be; 0 when a table is full (then
 * nothing has changed) or the filter has too many levels. */
uint32_t gw_filters_add(struct gw_filters *filters, struct mqttsn_span filter);

/* The node of a filter if one ends there; else 0. */
uint32_t gw_filters_find(const struct gw_filters *filters,
                         struct mqttsn_span filter);

/* The filter ends: its node and those above that nothing needs are freed. */
void gw_filters_drop(struct gw_filters *filters, uint32_t node);

struct gw_filter *gw_filter_at(const struct gw_filters *filters, uint32_t node);

/* Calls 'visit' with each filter that matches the valid topic name, each once.
 * 'visit' must not add or drop filters. */
void gw_filters_match(const struct gw_filters *filters,
                      struct mqttsn_span topic,
                      void (*visit)(void *user, uint32_t node), void *user);

#endif
