/* SPDX-License-Identifier: MIT */
/*
 * store.h - what outlives the process, as a port.
 *
 * The loop thread hands over what the engine wants kept or forgotten and takes
 * back which operations are done; where the records go, and on which thread,
 * is the port's own business. Ports: memory_store.h and store_thread.h.
 *
 * All functions are called from the loop thread only. None of them blocks.
 *
 * Contract:
 *  - An operation that 'submit' accepted is answered exactly once by 'take',
 *    never before the loop turn after the one in which it was submitted, so
 *    that nobody is called back from inside his own call.
 *  - Operations take effect in the order in which they were submitted; they
 *    may be answered in any order.
 *  - When there is something to take and there was nothing before, or when
 *    room returned, 'wake' is called on the loop thread.
 */
#ifndef GW_STORE_H
#define GW_STORE_H

#include "core/engine.h"

#include <uv.h>

struct gw_store;

struct gw_store_ops {
    /* Whether 'submit' would take one more. */
    bool (*room)(struct gw_store *store);

    /* Takes over a copy of 'action' and, with GW_STORE_KEEP, of its octets.
     * MQTTSN_ENOSPACE: no room. */
    enum mqttsn_status (*submit)(struct gw_store *store,
                                 const struct gw_store_action *action,
                                 struct mqttsn_span bytes);

    /* The next operation that ended; false when there is none. */
    bool (*take)(struct gw_store *store, uint64_t *ret_op, bool *ret_ok);

    /* The process is about to end, in a second or two: what can be written is
     * better written now. NULL: there is nothing to write. */
    void (*hurry)(struct gw_store *store);

    /*
     * The end: 'wake' is not called any more, and the port frees itself when
     * the loop has let go of its handles; run the loop until then. After
     * 'limit_ms' it lets go in any case: a thread that still waits for the disk
     * is left behind with all that it needs, and the process should end.
     */
    void (*close)(struct gw_store *store, unsigned limit_ms);
};

/* Each port begins with this. */
struct gw_store {
    const struct gw_store_ops *ops;
    void (*wake)(void *user);
    void *user;
};

#endif
