/* SPDX-License-Identifier: MIT */
/*
 * store_thread.h - the store of store.h on a disk (disk_store.h).
 *
 * Two threads do its work (store_work.h): one takes what the loop submitted, as
 * much as there is, and appends it to the journal with one write, and in 'full'
 * one sync; the other flushes every 'flush_interval', or earlier when the
 * journal or memory asks for it. So no acknowledgement waits for a flush, and a
 * hundred nodes share one sync.
 *
 * A flush that fails is tried again, at first after a second, later more
 * rarely, and changes nothing for nodes until the journal is full: then what
 * is submitted is answered as failed, until there is room again.
 *
 * 'close' writes what was submitted, flushes, closes the disk, and ends the
 * threads; all on the threads, so that the loop waits for no disk.
 */
#ifndef GW_STORE_THREAD_H
#define GW_STORE_THREAD_H

#include "io/disk_store.h"
#include "io/store.h"

#include "mqttsn/time.h"

/*
 * 'disk' was restored; it is taken over and closed when the port is. The caller
 * then sets 'wake' and 'user' of '*ret_store'.
 *
 * MQTTSN_OK:       '*ret_store' is new; its 'close' gives it back.
 * MQTTSN_ENOSPACE: no memory; 'disk' is the caller's still.
 * MQTTSN_EIO:      no thread; the same.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_store_thread_new(uv_loop_t *loop, struct gw_disk *disk,
                    mqttsn_ms flush_interval, struct gw_store **ret_store);

#endif
