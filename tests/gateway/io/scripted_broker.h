/* SPDX-License-Identifier: MIT */
/*
 * scripted_broker.h - a broker in memory, and the upstream port to it.
 *
 * One broker, any number of ports on it, all on one thread. It keeps sessions
 * by client id, subscriptions, retained messages and QoS, and does what the
 * script of a test says: goes away, comes back with or without its memory,
 * denies, refuses, or falls silent. It matches topics with a matcher of its
 * own, so that a fault in ours is not confirmed by itself.
 *
 * Not supported: queues for sessions that are not connected; several copies of
 * a message for overlapping filters (the subscription with the highest QoS
 * wins).
 */
#ifndef SCRIPTED_BROKER_H
#define SCRIPTED_BROKER_H

#include "io/upstream.h"

struct scripted_broker;

struct scripted_broker *scripted_broker_new(void);

/* After all its ports. */
void scripted_broker_free(struct scripted_broker *broker);

/* Appears, or goes away: every connection is lost, nothing more is done. */
void scripted_broker_up(struct scripted_broker *broker);
void scripted_broker_down(struct scripted_broker *broker);

/* Forgets sessions and retained messages. */
void scripted_broker_forget(struct scripted_broker *broker);

/* While silent it takes what fits the window, and answers nothing. */
void scripted_broker_silent(struct scripted_broker *broker, bool silent);

/* Denies whoever connects. */
void scripted_broker_deny(struct scripted_broker *broker, bool deny);

/* Refuses subscriptions to filters that begin so; NULL: none. Borrowed. */
void scripted_broker_refuse(struct scripted_broker *broker, const char *prefix);

struct scripted_port_settings {
    const char *client_id; /* borrowed */
    unsigned window;
    size_t queue_entries; /* publishes that fit; control has room of its own */
    unsigned retry_ms;    /* pause between two attempts to connect */
    bool clean_first;     /* begins by discarding its session */
};

struct gw_upstream *
scripted_port_new(struct scripted_broker *broker, uv_loop_t *loop,
                  const struct scripted_port_settings *settings);

/* The most acknowledged publishes that were ever unanswered. */
size_t scripted_port_outstanding_max(const struct gw_upstream *upstream);

#endif
