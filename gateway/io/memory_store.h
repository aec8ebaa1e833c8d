/* SPDX-License-Identifier: MIT */
/*
 * memory_store.h - the store for those who need none: the engine has it all in
 * memory already, so nothing is copied, and what is kept is gone with the
 * process. It only answers, on the next turn of the loop, as every store does.
 */
#ifndef GW_MEMORY_STORE_H
#define GW_MEMORY_STORE_H

#include "io/store.h"

/*
 * The caller then sets 'wake' and 'user' of '*ret_store'.
 *
 * MQTTSN_OK:       '*ret_store' is new; its 'close' gives it back.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_memory_store_new(uv_loop_t *loop, struct gw_store **ret_store);

#endif
