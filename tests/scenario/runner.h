/* SPDX-License-Identifier: MIT */
/*
 * runner.h - what the parts of the scenario runner share.
 *
 * An expectation that is not met ends the process through world_fail.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "message.h"
#include "script.h"
#include "world.h"

#define NODES_MAX 300
#define TOKENS_MAX 4096

struct runner {
    struct world world;
    struct variables variables;
    mqttsn_ms origin;
    bool loose;
    uint64_t names_at_start; /* octets of names that the options hold */
    size_t node_count;
    struct {
        char name[24];
        struct node node;
    } nodes[NODES_MAX];
    size_t token_count; /* handed over and not answered, oldest first */
    struct {
        uint64_t token;
        uint8_t qos;
        uint32_t owner, item; /* of the record that keeps it */
    } tokens[TOKENS_MAX];
};

/* Nothing that was sent may be left unexpected. */
void check_quiet(struct runner *r);

/* What was sent; 'node' NULL means the multicast group. */
void expect_datagram(struct runner *r, const struct statement *at,
                     const struct node *node);
void expect_action(struct runner *r, const struct statement *at);
void expect_note(struct runner *r, const struct statement *at, bool wanted);

/* What the engine shows. */
void expect_state(struct runner *r, const struct statement *at);
void expect_usage(struct runner *r, const struct statement *at);
void expect_counter(struct runner *r, const struct statement *at);

#endif
