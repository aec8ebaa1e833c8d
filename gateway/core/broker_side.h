/* SPDX-License-Identifier: MIT */
/*
 * broker_side.h - what the engine's files ask of those that deal with the
 * broker: uplink.c (unfinished requests of nodes), line.c (the order in which
 * publishes go), forward.c (what the gateway has taken over) and windows.c
 * (what is subscribed to).
 */
#ifndef GW_BROKER_SIDE_H
#define GW_BROKER_SIDE_H

#include "engine.h"
#include "links.h"
#include "objects.h"

#include "mqttsn/frame.h"

/* Tokens: what a result is about. */
enum gw_token_kind {
    GW_TOKEN_EXCHANGE = 1,
    GW_TOKEN_WINDOW,
    GW_TOKEN_UNSUB,
    GW_TOKEN_RESUB,
    GW_TOKEN_PROBE,
    GW_TOKEN_RETELL,
};
#define GW_GENERATION_MASK 0xffffffu
static inline uint64_t gw_token(enum gw_token_kind kind, uint32_t generation,
                                uint32_t index)
{
    return (uint64_t)kind << 56 |
           (uint64_t)(generation & GW_GENERATION_MASK) << 32 | index;
}

/* ---- uplink.c ---------------------------------------------------------- */

/*
 * Takes a message for the broker in, and has it kept unless it is of QoS 0.
 * 'session' 0 for the gateway's own; 'client' is the name in whose order it
 * stands, or 0; 'up' the link that it goes by. Returns the exchange, 0 when
 * there is no room.
 */
uint32_t gw_uplink_publish(struct gw_engine *e, uint32_t session,
                           uint32_t client, uint32_t up, uint32_t topic_name,
                           struct mqttsn_span payload, uint8_t qos,
                           bool retain);
uint32_t gw_exchange_new(struct gw_engine *e, uint32_t session,
                         enum gw_exchange_kind kind);
/* Its SUBACK is in the session's replies, or will never be. */
void gw_exchange_answered(struct gw_engine *e, uint32_t exchange);
/* Frees it and takes it off every list. */
void gw_exchange_end(struct gw_engine *e, uint32_t exchange);
/* Off its session's list: its MsgId means nothing any more. */
void gw_exchange_detach(struct gw_engine *e, uint32_t exchange);
/* The same for good, and nobody is told: what the broker side has of it takes
 * its course, and counts there until its result comes. */
void gw_exchange_disown(struct gw_engine *e, uint32_t exchange);
/* The MsgId of a PUBLISH that was acknowledged is free again; its message goes
 * on if the broker does not have it yet. Returns the operation that must be
 * stored before the node may be told. */
uint64_t gw_exchange_release(struct gw_engine *e, uint32_t exchange);
/* Its message is gone or with the broker; the MsgId stays until PUBREL. */
uint64_t gw_exchange_done(struct gw_engine *e, uint32_t exchange);
/* The node's connection is over: finish what the broker side holds, answer
 * nobody. 'wipe': also forget open QoS 2 handshakes [SN 6.3]. */
void gw_exchanges_leave(struct gw_engine *e, uint32_t session, bool wipe);
uint32_t gw_exchange_find(const struct gw_engine *e, uint32_t session,
                          enum gw_exchange_kind kind, uint16_t msg_id);
void gw_exchange_on_timeout(struct gw_engine *e, uint32_t exchange);
void gw_uplink_on_result(struct gw_engine *e, uint32_t exchange,
                         enum gw_up_outcome outcome);
/* The node is told, if there is one to tell, and the exchange ends. Of QoS 2 it
 * is told when no restart can bring the exchange back, else nothing. */
void gw_uplink_refuse(struct gw_engine *e, uint32_t exchange,
                      enum mqttsn_return_code code);
/* It is over; a repetition is answered again (G12-35; of QoS 2 one that its
 * PUBREL has overtaken). */
void gw_uplink_remember(struct gw_engine *e, uint32_t session,
                        const struct gw_exchange *x);

/* ---- line.c ------------------------------------------------------------ */

/* Puts a new PUBLISH into the line where it belongs. */
void gw_line_enter(struct gw_engine *e, uint32_t exchange);
/* Puts one that returns where its place is. */
void gw_line_insert(struct gw_engine *e, uint32_t exchange,
                    enum gw_line_kind kind);
void gw_line_remove(struct gw_engine *e, uint32_t exchange);
/* It waits although it was acknowledged: what its client sends from now on
 * waits behind it. */
void gw_flow_join(struct gw_engine *e, uint32_t exchange);
/* Messages of a client that the gateway answers for, or is about to, and that
 * the broker side does not have. */
uint32_t gw_flow_waiting(const struct gw_engine *e, uint32_t client);
bool gw_flow_exists(const struct gw_engine *e, uint32_t client);
/* It enters, or leaves, the state GW_X_STORING; whether its client has one that
 * is in it. */
void gw_flow_begin_storing(struct gw_engine *e, uint32_t exchange);
void gw_flow_end_storing(struct gw_engine *e, uint32_t exchange);
bool gw_flow_is_storing(const struct gw_engine *e, uint32_t client);
/* An exchange leaves the state GW_X_HANDED. */
void gw_line_unhand(struct gw_engine *e, uint32_t exchange);
bool gw_uplink_poll(struct gw_engine *e, struct gw_link *link, uint8_t *buf,
                    struct gw_up_action *ret_action);
/* The token of an exchange that the broker side holds already. */
uint64_t gw_uplink_held(struct gw_engine *e, uint32_t exchange);
mqttsn_ms gw_line_next_deadline(const struct gw_engine *e);
void gw_line_on_deadline(struct gw_engine *e);

/* ---- broker_limits.c --------------------------------------------------- */

/* Whether the rate allows one more publish now; else it is known when. */
bool gw_broker_takes_publish(struct gw_engine *e);

/* Whether there is room for a subscription of the session to this filter at the
 * broker. */
bool gw_broker_takes_filter(const struct gw_engine *e, uint32_t session,
                            struct mqttsn_span filter);

/* Makes what goes to the broker such that it takes it, and counts it. */
void gw_broker_fit(struct gw_engine *e, struct gw_up_action *action);

/* ---- forward.c --------------------------------------------------------- */

/* Whether one more message may be taken over; makes room by the policy. */
bool gw_forward_room(struct gw_engine *e, size_t payload_len);
void gw_forward_stow(struct gw_engine *e, uint32_t exchange);
void gw_forward_unstow(struct gw_engine *e, uint32_t exchange);
/* Waits for its record, or for all that was queued for the store so far. */
void gw_forward_wait(struct gw_engine *e, uint32_t exchange, uint64_t op);
void gw_forward_unwait(struct gw_engine *e, uint32_t exchange);
/* All operations up to store_done are finished; 'op' failed. */
void gw_forward_on_stored(struct gw_engine *e);
void gw_forward_on_failed(struct gw_engine *e, uint64_t op);
/* A message of the gateway's that waits longer than max_age. */
bool gw_forward_is_old(const struct gw_engine *e, const struct gw_exchange *x);
/* Gives up a message that was acknowledged, for one reason. */
void gw_forward_drop(struct gw_engine *e, uint32_t exchange, uint64_t *counter,
                     const char *reason);

/* ---- windows.c --------------------------------------------------------- */

/* Puts a SUBSCRIBE in line; false when there is no room. */
bool gw_window_join(struct gw_engine *e, uint32_t exchange);
void gw_window_leave(struct gw_engine *e, uint32_t exchange);
bool gw_windows_poll(struct gw_engine *e, uint8_t *buf,
                     struct gw_up_action *ret_action);
void gw_window_on_result(struct gw_engine *e, uint32_t window,
                         enum gw_up_outcome outcome, uint8_t granted_qos);
void gw_resubscribe_on_result(struct gw_engine *e, uint32_t filter,
                              uint32_t connection, enum gw_up_outcome outcome);
void gw_unsubscribe_on_result(struct gw_engine *e, uint32_t filter,
                              enum gw_up_outcome outcome);
void gw_subscribe_done(struct gw_engine *e, uint32_t exchange,
                       uint8_t granted_qos);
void gw_window_on_deadline(struct gw_engine *e, uint32_t window);
void gw_windows_on_connected(struct gw_engine *e, bool session_present);
void gw_windows_on_lost(struct gw_engine *e);
/* The broker may have been told of this filter; behind all subscriptions.
 * False: no room. */
bool gw_windows_restore(struct gw_engine *e, struct mqttsn_span filter);
void gw_windows_restore_sweep(struct gw_engine *e);
/* A filter, kept while any use is left; when the last that wants its messages
 * goes, the broker is told. 0 when a table is full. */
uint32_t gw_filter_use(struct gw_engine *e, struct mqttsn_span filter,
                       bool wants);
void gw_filter_release(struct gw_engine *e, uint32_t filter, bool wants);

enum gw_filter_up { GW_F_NONE, GW_F_UP, GW_F_UNSUB_DUE, GW_F_UNSUB_HANDED };

#endif
