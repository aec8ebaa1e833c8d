/* SPDX-License-Identifier: MIT */
/*
 * policy.h - the one place that knows upstream modes and access rules.
 *
 * The engine's own copy of gw_options, with every list in place and the
 * predefined topics indexed. Answers who may do what, and what a predefined id
 * stands for. Aggregating is the only mode of this version: sessions need no
 * upstream connection of their own.
 */
#ifndef GW_POLICY_H
#define GW_POLICY_H

#include "limits.h"
#include "names.h"
#include "table.h"

struct gw_predefined_row {
    uint32_t client; /* name; 0: for every client */
    uint32_t topic;  /* name */
    uint16_t id;
    bool open;
};

struct gw_predefined_set {
    struct gw_predefined_row *rows; /* 1-based */
    uint32_t count;
    struct gw_table by_id;
};

struct gw_policy {
    struct gw_options options; /* its pointers lead into this struct */
    struct gw_listener_options listeners[GW_LISTENERS_MAX];
    struct gw_cidr forwarders[GW_LISTENERS_MAX][GW_FORWARDERS_MAX];
    struct gw_cidr qos_minus1_from[GW_CIDRS_MAX];
    uint32_t access_publish[GW_ACCESS_FILTERS_MAX]; /* names */
    uint32_t access_subscribe[GW_ACCESS_FILTERS_MAX];
    struct gw_client_rule rules[GW_CLIENT_RULES_MAX];
    uint32_t rule_patterns[GW_CLIENT_RULES_MAX]; /* names */
    uint32_t client_id;                          /* name of the upstream's id */
    uint32_t generation;                         /* counts reconfigurations */
    struct gw_predefined_set sets[2];
    unsigned active; /* which of the two is in force */
    struct gw_names *names;
    uint8_t seed[16];
    uint32_t max_predefined;
};

MQTTSN_CHECKED enum mqttsn_status gw_policy_init(struct gw_policy *policy,
                                                 struct gw_names *names,
                                                 uint32_t max_predefined,
                                                 const uint8_t seed[16]);
void gw_policy_fini(struct gw_policy *policy);
uint64_t gw_policy_size(uint32_t max_predefined);

/*
 * Takes a copy of 'options'. MQTTSN_ENOSPACE: a list is too long, or there is
 * no room for its names; MQTTSN_EINVAL: a value is out of range. Then what was
 * in force still is.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_policy_set(struct gw_policy *policy, const struct gw_options *options);

/* Topic name of a predefined id for a client (name reference): its own rows
 * first, then those for everybody. 0 when there is none. */
uint32_t gw_policy_predefined_name(const struct gw_policy *policy,
                                   uint32_t client, uint16_t id,
                                   bool *ret_open);

/* Whether any row uses this number; normal ids keep clear of it (G12-11). */
bool gw_policy_predefined_uses(const struct gw_policy *policy, uint16_t id);

/* The settings of one client: per field the first rule that matches. */
void gw_policy_client(const struct gw_policy *policy,
                      struct mqttsn_span client_id,
                      struct gw_client_settings *ret_settings);

/* Topics and filters a node may use: valid, not too long, '$' only if
 * allowed, in the access lists (D8, T13). */
bool gw_policy_may_publish(const struct gw_policy *policy,
                           struct mqttsn_span name);
bool gw_policy_may_subscribe(const struct gw_policy *policy,
                             struct mqttsn_span filter);

/* QoS -1 from this source (D6). */
bool gw_policy_qos_minus1_source(const struct gw_policy *policy,
                                 const struct gw_addr *addr);

/* Encapsulated frames from this source (G12-46). */
bool gw_policy_forwarder(const struct gw_policy *policy, uint16_t listener,
                         const struct gw_addr *addr);

/* fnmatch-like: '*', '?', '[a-z]', '[!a]', backslash quotes. */
bool gw_glob_matches(struct mqttsn_span pattern, struct mqttsn_span text);

#endif
