/* SPDX-License-Identifier: MIT */
/*
 * policy.h - the one place that knows upstream modes and access rules.
 *
 * The engine's own copy of gw_options, with every list in place and the
 * predefined topics indexed. Answers who may do what, what a predefined id
 * stands for, and what the broker calls a topic of a node. Which mode it is, is
 * asked here alone; what follows from it is seen by a session's having a link
 * of its own (links.h) or not.
 *
 * Where a 'client' is asked for it is the name of a client id; 0 is who has
 * none (QoS -1, the gateway itself), for whom the upstream's id stands.
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

struct gw_fixed_row {
    uint32_t filter; /* name */
    uint8_t qos;
};

/* The subscriptions of all rules, those of each rule together. */
struct gw_fixed_rows {
    struct gw_fixed_row row[GW_FIXED_SUBSCRIPTIONS_MAX];
    size_t count;
    size_t first[GW_CLIENT_RULES_MAX + 1]; /* by rule; the last is 'count' */
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
    struct gw_fixed_rows fixed;
    /* Of these lists, which hold '{client_id}'; the first is bit 0. */
    uint64_t publish_by_id, subscribe_by_id;
    uint32_t client_id;     /* name of the upstream's id */
    uint32_t topic_prefix;  /* name; 0: there is none */
    uint32_t prefix_head;   /* its octets before the first '{client_id}' */
    bool broker_is_limited; /* what goes to the broker is made to fit */
    uint32_t prefix_levels;
    bool prefix_by_id;   /* there is one */
    uint32_t generation; /* counts reconfigurations */
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

/* The subscriptions that the gateway makes for a client: those of the first
 * rule that has any and matches. Returns how many. */
size_t gw_policy_fixed(const struct gw_policy *policy,
                       struct mqttsn_span client_id,
                       const struct gw_fixed_row **ret_rows);

/* Whether the broker takes this filter, and nobody else suffers from it; what
 * the node itself may do is not asked. */
bool gw_policy_filter_sound(const struct gw_policy *policy, uint32_t client,
                            struct mqttsn_span filter);

/* Topics and filters a node may use, as it names them: valid, not too long
 * behind the prefix, '$' only if allowed, in the access lists (D8, T13). A
 * filter is allowed when one of the list covers it: every topic that it matches
 * is allowed. */
bool gw_policy_may_publish(const struct gw_policy *policy, uint32_t client,
                           struct mqttsn_span name);
bool gw_policy_may_subscribe(const struct gw_policy *policy, uint32_t client,
                             struct mqttsn_span filter);

/* Whether each session has a connection to the broker of its own, in which the
 * broker knows it, its subscriptions and its will. */
bool gw_policy_own_connections(const struct gw_policy *policy);

/* Whether what was allowed when a name was registered may not be now. */
static inline bool gw_policy_asks_again(const struct gw_policy *policy)
{
    return policy->options.access_publish_count != 0 ||
           policy->topic_prefix != 0 || policy->broker_is_limited;
}

/* ---- mapping.c --------------------------------------------------------- */

/* Whether a node of this id can have topics at all. It cannot when the prefix
 * has the id in it, and that may not stand in a topic or leaves no room. */
bool gw_policy_may_connect(const struct gw_policy *policy,
                           struct mqttsn_span client_id);

/*
 * The broker's name for a topic or filter of a node: 'name' itself without a
 * prefix, else in 'buf', of GW_NAME_MAX. Empty when it is too long, or the
 * prefix cannot be made for this client; never for what may be published or
 * subscribed to.
 */
struct mqttsn_span gw_policy_map(const struct gw_policy *policy,
                                 uint32_t client, struct mqttsn_span name,
                                 char *buf);

/* Takes the prefix off; false when it is not there. Only if there is one. */
bool gw_policy_strip(const struct gw_policy *policy, struct mqttsn_span *topic);

/* The nodes' name for a topic of the broker's; false when it does not have the
 * prefix, and is nobody's. */
static inline bool gw_policy_unmap(const struct gw_policy *policy,
                                   struct mqttsn_span topic,
                                   struct mqttsn_span *ret_name)
{
    *ret_name = topic;
    return policy->topic_prefix == 0 || gw_policy_strip(policy, ret_name);
}

/* Octets of the prefix for this client id; more than GW_NAME_MAX when it cannot
 * be made. */
size_t gw_policy_prefix_len(const struct gw_policy *policy,
                            struct mqttsn_span client_id);

/* Whether an id may stand in a topic: it must not widen what its node reaches.
 */
bool gw_policy_id_fits(struct mqttsn_span client_id);

/* A text with the client id in every '{client_id}'; its length in 'buf', 0 when
 * that may not stand in a topic or it does not fit. */
size_t gw_policy_expand(const struct gw_policy *policy, struct mqttsn_span text,
                        uint32_t client, char *buf, size_t cap);

/* How often '{client_id}' stands in it, and where first: its length if nowhere.
 */
size_t gw_policy_ids_in(struct mqttsn_span text, size_t *ret_first);

/* Its length with this id instead. */
size_t gw_policy_len_with(struct mqttsn_span text, struct mqttsn_span id);

/* QoS -1 from this source (D6). */
bool gw_policy_qos_minus1_source(const struct gw_policy *policy,
                                 const struct gw_addr *addr);

/* Encapsulated frames from this source (G12-46). */
bool gw_policy_forwarder(const struct gw_policy *policy, uint16_t listener,
                         const struct gw_addr *addr);

/* fnmatch-like: '*', '?', '[a-z]', '[!a]', backslash quotes. */
bool gw_glob_matches(struct mqttsn_span pattern, struct mqttsn_span text);

#endif
