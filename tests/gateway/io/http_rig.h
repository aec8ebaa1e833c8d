/* SPDX-License-Identifier: MIT */
/*
 * http_rig.h - an HTTP server on a loop, and clients of it in the same thread:
 * whatever a client waits for turns the loop.
 */
#ifndef HTTP_RIG_H
#define HTTP_RIG_H

#include "check.h"

#include "io/http.h"

#define RIG_TOKEN "token-of-the-rig"

/* Octets of the long answer. */
#define RIG_LONG 500000

struct rig {
    uv_loop_t loop;
    uv_timer_t guard;
    bool expired;
    struct gw_http *http;
    struct gw_addr bound;
    unsigned posts; /* that came */
};

/* Opened with room for 8 connections, 4 of one address, a second of silence and
 * two for a request, at 'host', without or with RIG_TOKEN. */
void rig_open(struct rig *r, const char *host, bool tokens);
void rig_close(struct rig *r);

/* A client from that address, connected; not blocking. */
int rig_connect(struct rig *r, const char *from);
void rig_send(struct rig *r, int fd, const char *text);

/* Turns the loop until 'done' holds of the client's 'count'; for as long as
 * only a failing test waits. */
bool rig_until(struct rig *r, bool (*done)(struct rig *r, void *user),
               void *user);

/* What comes until 'count' answers are complete, or the end; in a buffer that
 * the next call uses again. */
const char *rig_take(struct rig *r, int fd, unsigned count);

/* One request on a connection of its own, and all of the answer. */
const char *rig_ask(struct rig *r, const char *text);

/* Waits until the server has closed it; closes it, too. */
void rig_wait_closed(struct rig *r, int fd);

#endif
