/* SPDX-License-Identifier: MIT */
/*
 * store_work.h - what was submitted to the store on a disk, and what has ended:
 * the work of the store's threads (store_thread.h), without a thread.
 *
 * Operations are collected while earlier ones are written. Each append takes
 * all that there are with one write, and in 'full' one sync, and reports them
 * in the order of submission. Who calls it decides when: the daemon has a
 * thread for that, a simulation its own clock.
 *
 * Any thread may submit and take; appending is for one at a time, flushing for
 * one at a time, and both may go on together.
 */
#ifndef GW_STORE_WORK_H
#define GW_STORE_WORK_H

#include "core/engine.h"

#include "io/disk_store.h"

struct gw_store_work;

/* The most octets that wait for it. */
#define GW_STORE_WORK_OCTETS (2u << 20)

/* 'disk' was restored, and outlives the work. NULL: no memory. */
struct gw_store_work *gw_store_work_new(struct gw_disk *disk);
/* Nobody uses it any more; what was not appended is lost. NULL is fine. */
void gw_store_work_free(struct gw_store_work *work);

/* ---- the side of the loop, as in store.h -------------------------------- */

bool gw_store_work_room(struct gw_store_work *work);
/* Fails only without room. */
MQTTSN_CHECKED enum mqttsn_status
gw_store_work_submit(struct gw_store_work *work,
                     const struct gw_store_action *action,
                     struct mqttsn_span bytes);
bool gw_store_work_take(struct gw_store_work *work, uint64_t *ret_op,
                        bool *ret_ok);
/* Something is to be taken, or there is room again after it was refused. */
bool gw_store_work_has_news(struct gw_store_work *work);
/* Takes no more operations; wakes who waits. */
void gw_store_work_stop(struct gw_store_work *work);

/* ---- the side of the disk ----------------------------------------------- */

/* Blocks until something was submitted. False: stopped, and nothing is left. */
bool gw_store_work_wait(struct gw_store_work *work);
/* Writes what was submitted until now. Failures are logged, the first and one
 * a minute, and the end of them. */
void gw_store_work_append(struct gw_store_work *work);
/* Brings it into the database; true: it worked. The first failure and the end
 * of them are logged. */
bool gw_store_work_flush(struct gw_store_work *work);

#endif
