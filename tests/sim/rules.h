/* SPDX-License-Identifier: MIT */
/*
 * rules.h - what the broker calls the topics of nodes, and who may use which.
 *
 * Which prefix and which access lists there are, the options say; the engine
 * is given them as they are written, and the oracle has them from here with
 * the client id in its place. Matching is by filter_matches and by a walk of
 * its own: nothing here is the engine's.
 */
#ifndef SIM_RULES_H
#define SIM_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "broker.h"
#include "options.h"

/* So many pairs of access lists there are; the first allows everything. */
#define RULES_LISTS 6

enum rules_verb { RULES_PUBLISH, RULES_SUBSCRIBE };

/* The id that stands for who has none: the gateway's own. */
#define RULES_NOBODY "sim"

/* For gw_options: NULL when there is none; the list's length. */
const char *rules_prefix(const struct options *o);
size_t rules_list(const struct options *o, enum rules_verb verb,
                  const char *const **ret_list);

/* Whether a client of this id may connect: its id may have to stand in its
 * topics. */
bool rules_admit(const struct options *o, const char *id);

/* Whether it may publish to this name, or subscribe to this filter. */
bool rules_allow(const struct options *o, enum rules_verb verb, const char *id,
                 const char *topic);

/* The broker's name for it, cut to fit. */
void rules_at_broker(const struct options *o, const char *id, const char *topic,
                     char ret[BROKER_TOPIC]);

/* What the client calls this topic of the broker's; NULL: it is outside its
 * prefix. Points into 'topic'. */
const char *rules_of_client(const struct options *o, const char *id,
                            const char *topic);

/* The same, whoever's it is. */
const char *rules_of_anyone(const struct options *o, const char *topic);

/* What the gateway publishes to find out how the broker treats filters that
 * intersect, and subscribes to for that. */
bool rules_is_probe(const struct options *o, const char *topic);

struct sim;

/* Others publish this for nodes: to each below its own prefix where that has
 * its id. */
void rules_publish_for_all(struct sim *sim, const char *topic,
                           const char *payload, uint8_t qos, bool retain);
/* The name under which one of them, drawn, would get it. */
void rules_for_somebody(struct sim *sim, const char *topic,
                        char ret[BROKER_TOPIC]);

#endif
