/* SPDX-License-Identifier: MIT */
/*
 * upstream_contract.h - what every port of gateway/io/upstream.h must keep.
 *
 * The suite brings nothing of a broker with it: whoever runs it gives a
 * factory, which makes ports and does to their broker what a test asks for.
 * Every wait is for an event and has a bound.
 */
#ifndef UPSTREAM_CONTRACT_H
#define UPSTREAM_CONTRACT_H

#include "io/upstream.h"

#include <uv.h>

struct contract_settings {
    unsigned window;
    size_t outbox_entries; /* publishes that fit */
    bool clean_first;
};

enum contract_mood {
    CONTRACT_WILLING,
    CONTRACT_DENYING,  /* refuses whoever connects */
    CONTRACT_SELECTIVE /* refuses subscriptions to refused/# */
};

/* Functions of the broker have come into force when they return. */
struct contract_factory {
    const char *name;
    void *user;

    void (*start)(void *user, enum contract_mood mood);
    /* Kills it; with 'remember' it has its sessions and retained messages
     * again when it is started the next time. Nothing when it is not up. */
    void (*kill)(void *user, bool remember);
    void (*pause)(void *user); /* it takes octets, and does nothing */
    void (*resume)(void *user);
    /* Forgets everything; between two tests, while it is down. */
    void (*wipe)(void *user);
    bool can_refuse; /* knows CONTRACT_SELECTIVE */
    bool doubles; /* what is under way with QoS 2 when it dies may come twice */
    bool forgets; /* over a restart, that it has sent PUBREL; so does this */

    struct gw_upstream *(*port)(void *user, uv_loop_t *loop,
                                const struct contract_settings *settings);
    /* The most acknowledged publishes that were ever with the broker. */
    size_t (*outstanding_max)(struct gw_upstream *upstream);
};

/* Runs all; returns the number of failures. */
int upstream_contract_run(const struct contract_factory *factory);

/* Of these, one of each kind: for ways to the broker that share what the whole
 * suite has looked at. */
int upstream_contract_run_brief(const struct contract_factory *factory);

#endif
