/* SPDX-License-Identifier: MIT */
/*
 * fake_engine.h - the engine's door without an engine behind it: it writes
 * down what it is told, and gives out what the test put there.
 *
 * There is one; gw_engine_new resets it, but for what is marked "kept".
 */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "core/engine.h"

#define FAKE_MAX 4096

struct fake_engine {
    /* What it was told. */
    size_t datagrams, events, stored, deadlines, reconfigured, shutdowns;
    struct gw_addr from; /* of the last datagram */
    struct gw_via via;   /* of the last datagram */
    enum gw_up_event_kind event_kind[FAKE_MAX];
    enum gw_up_outcome outcome[FAKE_MAX]; /* of GW_UP_RESULT */
    uint64_t stored_op[FAKE_MAX];
    struct gw_listener_options listener; /* the first one's, at the last call */
    uint8_t gw_id;
    mqttsn_ms last_now;

    /* What it gives. */
    bool echo;   /* each datagram is answered with itself */
    int crowd;   /* a node's socket: while there are any left, */
    size_t more; /* each datagram makes two of these come */
    mqttsn_ms deadline;
    size_t actions; /* upstream actions left; tokens count from 1 */
    bool relays;    /* each message from the broker is one more action */
    bool endless_actions;
    uint64_t action_token;
    size_t store_actions; /* left; operations count from 1 */
    bool keeps;           /* what goes out makes one more */
    uint64_t store_op;
    size_t behind_until; /* so many are stored; no message is due before */
    size_t notes;
    bool wills; /* three more actions when it is shut down */

    /* Kept over gw_engine_new: what that and reconfigure answer. */
    enum mqttsn_status new_status, reconfigure_status;

    bool inside; /* a call is being made: nobody else may call */
    struct gw_datagram out[FAKE_MAX];
    size_t out_first, out_count;
};

extern struct fake_engine fake;

#endif
