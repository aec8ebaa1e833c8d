/* SPDX-License-Identifier: MIT */
/*
 * handlers.h - what becomes of each message of a node, as engine_in.c hands
 * them out: one function for one or a few types. Connections, sleep, topics,
 * publishes and discovery are in on_*.c, subscriptions in subscribe.c, changes
 * of a will in wills.c.
 *
 * The frame has been decoded, and the table of states and messages says that it
 * is to be handled. 'session' is whose it is, where it must be somebody's.
 */
#ifndef GW_HANDLERS_H
#define GW_HANDLERS_H

#include "engine_private.h"

void gw_on_connect(struct gw_engine *e, const struct gw_peer *peer,
                   const struct mqttsn_frame *frame, struct mqttsn_span octets);
void gw_on_willtopic(struct gw_engine *e, uint32_t session,
                     const struct mqttsn_frame *frame);
void gw_on_willmsg(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame);
void gw_on_willupd(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame);
void gw_on_register(struct gw_engine *e, uint32_t session,
                    const struct mqttsn_frame *frame);
void gw_on_publish(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame);
void gw_on_publish_minus1(struct gw_engine *e, const struct gw_peer *peer,
                          const struct mqttsn_frame *frame);
void gw_on_pubrel(struct gw_engine *e, uint32_t session,
                  const struct mqttsn_frame *frame);
void gw_on_subscribe(struct gw_engine *e, uint32_t session,
                     const struct mqttsn_frame *frame);
void gw_on_unsubscribe(struct gw_engine *e, uint32_t session,
                       const struct mqttsn_frame *frame);
void gw_on_pingreq(struct gw_engine *e, const struct gw_peer *peer,
                   uint32_t session, const struct mqttsn_frame *frame);
void gw_on_disconnect(struct gw_engine *e, uint32_t session,
                      const struct mqttsn_frame *frame);
void gw_on_discovery(struct gw_engine *e, const struct gw_peer *peer,
                     const struct mqttsn_frame *frame);

#endif
