/* SPDX-License-Identifier: MIT */
/*
 * herd.h - the real engine on the real store, with a herd of nodes and a broker
 * that acknowledges at once, on a clock of the program's.
 *
 * A node connects, registers and subscribes once; whenever it connects, it
 * publishes 32 octets with QoS 1, takes what waits for it, and goes back to
 * sleep for half an hour. What the shells keep of an arriving message is kept,
 * too. Anything unexpected ends the program.
 */
#ifndef HERD_H
#define HERD_H

#include "io/disk_store.h"

#include "core/engine.h"

#define HERD_MAX 10000u

struct herd_node {
    uint16_t topic_id; /* of what it publishes */
    uint16_t msg_id;
    bool up_done, down_due, down_done, awake;
};

struct herd {
    struct gw_engine *engine;
    struct gw_disk *disk;
    uint64_t now_ms;
    unsigned node_count;
    struct herd_node nodes[HERD_MAX];
    uint32_t arrival;
    uint64_t up_acked, down_acked; /* as the nodes saw it */
    uint8_t *buf;
};

/* With a store at 'path', on that VFS of SQLite's; NULL: the default. */
struct herd *herd_new(const char *path, const char *vfs, unsigned node_count);
void herd_free(struct herd *herd); /* nothing is flushed */

void herd_connect(struct herd *herd, unsigned node);

/* A command of 32 octets with QoS 1 for that node. */
void herd_command(struct herd *herd, unsigned node);

/* Everything that there is to do now. */
void herd_serve(struct herd *herd);

void herd_flush(struct herd *herd);

_Noreturn void herd_die(const char *what);

#endif
