/* SPDX-License-Identifier: MIT */
/*
 * deliver.h - from the head of a node's queue to the node, and what it answers.
 * In deliver.c what goes out, and silence; in deliver_answers.c what comes in.
 */
#ifndef GW_DELIVER_H
#define GW_DELIVER_H

#include "engine_private.h"

/* The next datagram of the queue, or the PINGRESP that ends an awake period;
 * false when none is due. The payload is in e->scratch. */
bool gw_deliver_take(struct gw_engine *e, uint32_t session,
                     struct mqttsn_frame *ret_frame);
/* REGACK, PUBACK, PUBREC, PUBCOMP. */
void gw_deliver_on_frame(struct gw_engine *e, uint32_t session,
                         const struct mqttsn_frame *frame);
void gw_deliver_on_deadline(struct gw_engine *e, uint32_t session);
/* The store is done with what the queue waited for, or has failed. */
void gw_deliver_on_kept(struct gw_engine *e, uint32_t session,
                        const struct gw_reply *resume);
/* The node cannot be reached now: what is under way goes back to the head. */
void gw_deliver_suspend(struct gw_engine *e, uint32_t session);
/* The node's PINGREQ asks for the current step again (G12-18b). */
void gw_deliver_repeat(struct gw_engine *e, uint32_t session);

/* ---- shared by the two -------------------------------------------------- */

/* What is delivered now, or next; NULL: nothing waits. */
static inline struct gw_place *gw_deliver_head(const struct gw_engine *e,
                                               const struct gw_session *s)
{
    uint32_t head = gw_cold(e, s)->queue_head;

    return head ? gw_place_at(e, head) : NULL;
}

/* The next step, which may last for 'wait' ms (0: for ever). */
void gw_deliver_enter(struct gw_engine *e, uint32_t session,
                      enum gw_down_phase phase, mqttsn_ms wait);

/* The step is over: whatever comes next, if the node can be sent something. */
void gw_deliver_go_on(struct gw_engine *e, uint32_t session);

/*
 * Has it kept that the head is where it is now, and waits for that: what
 * follows must not be sent before, or a crash would have it sent as something
 * new. gw_deliver_on_kept goes on with it.
 */
void gw_deliver_keep(struct gw_engine *e, uint32_t session);

#endif
