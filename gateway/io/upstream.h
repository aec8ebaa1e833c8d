/* SPDX-License-Identifier: MIT */
/*
 * upstream.h - the broker connection as a port.
 *
 * The loop thread hands actions to the port and drains events from it; how
 * and on which threads the port works is its own business. Two ports exist:
 * Paho MQTT C (upstream_paho.h), and a scripted broker in memory for tests.
 * Both pass the same contract test (tests/gateway/io/upstream_contract.h).
 *
 * All functions are called from the loop thread only. None of them blocks.
 *
 * Contract:
 *  - Nothing happens before 'start'. After it the port connects and, when the
 *    connection is lost or refused, connects again with exponential back-off
 *    and jitter, for as long as it runs.
 *  - 'submit' is accepted or refused as a whole; what is accepted with a token
 *    ends in exactly one GW_UP_RESULT. Actions reach the broker in the order
 *    in which they were submitted; only while publishes must wait (a full
 *    window) may subscriptions overtake them.
 *  - An action that was accepted but is not with the broker when the
 *    connection ends, and that the port will not deliver by itself after
 *    reconnecting, ends as GW_UP_UNSENT. Those results come in the order of
 *    submission (publishes among themselves, subscriptions among themselves)
 *    and before the next GW_UP_CONNECTED. An unanswered SUBSCRIBE or
 *    UNSUBSCRIBE always ends so. Once one action has come back, no younger one
 *    of its class is delivered before it could be submitted again: what the
 *    caller submits before it has taken GW_UP_CONNECTED comes back too,
 *    possibly after it.
 *  - A publish with QoS 0 is done when it has been handed to the network.
 *  - 'take' gives events in the order in which they happened. Spans in an
 *    event hold until the next call of 'take'.
 *  - When there is something to take and there was nothing before, or when
 *    room for submitting returned, 'wake' is called on the loop thread.
 */
#ifndef GW_UPSTREAM_H
#define GW_UPSTREAM_H

#include "core/engine.h"

#include <uv.h>

struct gw_upstream;

struct gw_upstream_ops {
    /* Starts connecting. MQTTSN_EIO: a thread or a handle of the loop cannot
     * be had. MQTTSN_ENOSPACE: no memory. */
    enum mqttsn_status (*start)(struct gw_upstream *upstream);

    /* Which classes of actions there is room for: a set of gw_up_class. */
    unsigned (*room)(struct gw_upstream *upstream);

    /* Takes over a copy of 'action'. MQTTSN_ENOSPACE: no room for its class. */
    enum mqttsn_status (*submit)(struct gw_upstream *upstream,
                                 const struct gw_up_action *action);

    /* The next event; false when there is none. */
    bool (*take)(struct gw_upstream *upstream, struct gw_up_event *ret_event);

    /*
     * Waits until what was submitted is acknowledged, disconnects, and calls
     * 'stopped' on the loop thread, after at most 'limit_ms'. 'clean' is false
     * when something was not acknowledged or the broker could not be told in
     * time. Nothing can be submitted any more; results still come, also of
     * what was not sent, and may be taken until 'free'.
     */
    void (*stop)(struct gw_upstream *upstream, unsigned limit_ms,
                 void (*stopped)(void *user, bool clean), void *user);

    /* Gives back everything; only after 'stopped' (also from within it), or
     * before 'start'. The loop must turn once more to close what was on it. */
    void (*free)(struct gw_upstream *upstream);
};

/* Each port begins with this. */
struct gw_upstream {
    const struct gw_upstream_ops *ops;
    void (*wake)(void *user);
    void *user;
};

#endif
