/* SPDX-License-Identifier: MIT */
/*
 * store_tools.h - looking at a store, and copying it, from the command line.
 *
 * Both work while a gateway runs on the store and while none does, change
 * nothing in it, and need the right to read its files. Not supported: a store
 * in memory, which has none.
 */
#ifndef GW_STORE_TOOLS_H
#define GW_STORE_TOOLS_H

#include "io/config.h"

/*
 * Writes what is stored: sums, and one line for each session with what waits
 * for it. It is read by the engine that would go on with it, within the limits
 * of 'config'.
 *
 * MQTTSN_OK: also when parts of the store are damaged, which the text says.
 * Anything else: nothing could be read; a line on standard error says why.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_store_inspect(const struct gw_config *config, FILE *out);

/*
 * Copies the store as it is at this moment into a new database, 'to', which
 * can be put in the place of store.path; says so on 'out'.
 *
 * MQTTSN_OK: the copy is complete and on the disk.
 * Anything else: there is no copy; a line on standard error says why.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_store_backup(const struct gw_config *config, const char *to, FILE *out);

#endif
