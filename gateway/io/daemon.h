/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - the gateway as one object: configuration, engine, listeners,
 * upstream and store, wired together on one loop.
 *
 * It decides nothing about the protocol. Whatever arrives is told to the
 * engine, and what the engine wants done is carried out in one place, the pump
 * (daemon_pump.c), a bounded amount at a time: a burst on one side starves no
 * other, and what a sink cannot take stays in the engine.
 *
 * Life: gw_daemon_start; run the loop; gw_daemon_stop, or a signal; the loop
 * ends by itself, at the latest GW_DAEMON_STOP_MS later, whatever the broker
 * does; gw_daemon_free. Loop thread only.
 */
#ifndef GW_DAEMON_H
#define GW_DAEMON_H

#include "io/config.h"
#include "io/upstream.h"

#include <uv.h>

/* Within this the loop has ended after a stop. */
#define GW_DAEMON_STOP_MS 1900

struct gw_daemon;

struct gw_daemon_setup {
    struct gw_config *config; /* taken over when the start succeeds */

    /* What a reload reads; borrowed for as long as the daemon lives. NULL:
     * there is no reload. */
    const struct gw_config_sources *sources;

    /* The broker side, taken over in any case; NULL: Paho, as configured. */
    struct gw_upstream *upstream;

    /* SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 logs the counters. */
    bool signals;

    /* Called when stopping begins; may be NULL. */
    void (*stopping)(void *user);
    void *user;
};

/*
 * Opens the listeners and starts everything. A broker that is not there is no
 * failure. What went wrong has been logged; nothing of it is left on the loop.
 *
 * MQTTSN_OK:       '*ret_daemon' runs as soon as the loop does.
 * MQTTSN_EIO:      a listener cannot be bound, or the system refused.
 * MQTTSN_EINVAL:   the engine does not accept the configuration.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_daemon_start(uv_loop_t *loop, const struct gw_daemon_setup *setup,
                struct gw_daemon **ret_daemon);

/*
 * Stops listening, tells the broker, and closes everything. Doing it twice is
 * harmless.
 */
void gw_daemon_stop(struct gw_daemon *daemon);

/* Reads the configuration again: all of it comes into force, or none. Keys
 * that need a restart are named and keep their value. */
void gw_daemon_reload(struct gw_daemon *daemon);

/* Logs something about a configuration under that name of an event. */
struct gw_config_problem;
void gw_daemon_log_problem(const struct gw_config_problem *problem,
                           const char *event);

/* The most octets that wait between sockets, threads, engine and disk; what the
 * engine itself can come to use is gw_engine_size. */
uint64_t gw_daemon_waiting_bytes(const struct gw_config *config);

/* Where a listener is bound. */
void gw_daemon_bound(const struct gw_daemon *daemon, size_t listener,
                     struct gw_addr *ret_addr);

/*
 * Frees it, after the loop has ended. True when the broker was told in order;
 * false when it was left as it was, and threads of the library may still run:
 * leave the process without its clean-up then. NULL is fine.
 */
bool gw_daemon_free(struct gw_daemon *daemon);

#endif
