/* SPDX-License-Identifier: MIT */
/*
 * fair.h - one queue per source, served in turn.
 *
 * The kernel's receive buffer is first come, first served: who sends most gets
 * most. What is read from it is therefore sorted here by source and taken out
 * by deficit round-robin, so that in each round every source gets the same
 * number of octets (and a fixed cost for each datagram, as a datagram costs
 * more than its octets).
 *
 * All queues share one pool of slots. A single source may fill it, so a burst
 * of one is not lost while nobody else wants the room. When the pool is full,
 * a source that holds its share or more (slots / sources) loses its own newest
 * datagram; a source that holds less is let in, and one that holds more than
 * its share loses its newest instead. Nobody's datagrams change their order.
 *
 * The sources are found by a keyed hash and compared in full, so that two of
 * them never share a queue, and nobody outside can make the lookup slow.
 *
 * Pure: no I/O and no clock; memory only in gw_fair_new.
 */
#ifndef GW_FAIR_H
#define GW_FAIR_H

#include "core/address.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"

struct gw_fair;

/* Beside the slots that may be queued there are always this many into which
 * the next batch can be read. */
#define GW_FAIR_BATCH 32u

/* What a datagram costs beside its octets. */
#define GW_FAIR_OVERHEAD 64u

/*
 * 'slots' (1..32768) datagrams of at most 'slot_size' octets can be queued;
 * 'quantum' is what each source may take in one round, in octets.
 *
 * MQTTSN_OK:       '*ret_fair' is new; gw_fair_free gives it back.
 * MQTTSN_EINVAL:   an argument is 0 or too large.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status gw_fair_new(uint32_t slots, size_t slot_size,
                                              uint32_t quantum,
                                              const uint8_t seed[16],
                                              struct gw_fair **ret_fair);

/* NULL does nothing. */
void gw_fair_free(struct gw_fair *fair);

/*
 * The room for datagram 'i' (below GW_FAIR_BATCH) of the next batch, slot_size
 * octets. It holds until gw_fair_push with the same 'i', after which another
 * room has taken its place.
 */
uint8_t *gw_fair_room(struct gw_fair *fair, unsigned i);

/*
 * Queues the 'len' octets in room 'i' under 'source', which is 'from', or what
 * several senders are to share. Returns the listener whose datagram was
 * dropped to make room - it may be this one - or -1 when none was.
 */
int gw_fair_push(struct gw_fair *fair, unsigned i, const struct gw_addr *source,
                 const struct gw_addr *from, const struct gw_via *via,
                 size_t len);

struct gw_fair_item {
    const struct gw_addr *from;
    const struct gw_via *via;
    struct mqttsn_span bytes;
};

/* Takes the next datagram; false when there is none. The item holds until the
 * next push or pop. */
bool gw_fair_pop(struct gw_fair *fair, struct gw_fair_item *ret_item);

/* How many datagrams are queued, and how many more the pool takes without
 * dropping. */
uint32_t gw_fair_queued(const struct gw_fair *fair);
uint32_t gw_fair_spare(const struct gw_fair *fair);

#endif
