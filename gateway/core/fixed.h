/* SPDX-License-Identifier: MIT */
/*
 * fixed.h - subscriptions that the configuration makes for nodes that cannot
 * afford SUBSCRIBE.
 *
 * Such a one is there from CONNECT on, goes to the broker through a window like
 * any other, and lasts as long as its session and the configuration; what the
 * node itself subscribes to is another matter, also where it is the same
 * filter.
 */
#ifndef GW_FIXED_H
#define GW_FIXED_H

#include "engine_private.h"

/* All sessions are to be looked at, a few each time. */
void gw_fixed_look_at_all(struct gw_engine *e);
mqttsn_ms gw_fixed_next(const struct gw_engine *e);
void gw_fixed_on_deadline(struct gw_engine *e);

#endif
