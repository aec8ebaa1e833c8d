/* SPDX-License-Identifier: MIT */
/*
 * paho_guard.h - what Paho writes passes through here: it is kept from a write
 * that fails, and its publishes leave together.
 *
 * Paho frees the topic of a publish with QoS 1 or 2 when the write of it
 * fails, and keeps the publish: it then reads the freed octets when it sends
 * it again, or frees them a second time (eclipse-paho/paho.mqtt.c issue 1621;
 * seen here with 1.3.12 when a broker dies under load). Nothing in its
 * interface can prevent that, or tell in time.
 *
 * So writev, through which Paho writes, is ours in this program. On Paho's own
 * threads, and there only when the C library's would fail because the
 * connection is broken, it says that the socket is busy. Paho then keeps
 * everything in good order until its receiving thread finds the connection
 * closed, which it does at once, since the same error ends its poll.
 *
 * It also serves to take back a word: a packet that may not be sent, because
 * what it promises could not be kept (paho_keep.h), breaks the connection.
 *
 * OpenSSL writes with write; so that is ours too, for errors of the network on
 * Paho's threads, and SSL_write, for what may not be sent. Where none of this
 * reaches, a publish whose write fails makes the handle unusable, and it is
 * abandoned: paho_connect.c.
 *
 * Paho writes one packet at a time, and has no word for "more follows". So the
 * system either sends a segment for each, or, by its default, holds a small
 * one back until the last was acknowledged: up to 40 ms, where the other end
 * has nothing to say. Here each connection is told to send at once, with its
 * first packet, and a publish is held back only while it is known that another
 * one follows: who hands publishes to Paho says how many. Should one of them
 * not come after all, the system sends what it holds within 200 ms. With TLS or
 * WebSocket nothing is held back.
 */
#ifndef GW_PAHO_GUARD_H
#define GW_PAHO_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * So many publishes are about to be handed to Paho, all for one connection;
 * any thread. With more than one connection at work this must not be called:
 * what one of them writes would count for the other. A new connection of
 * anybody's begins with none.
 */
void gw_paho_guard_expect(size_t publishes);

/* So many of these will not be. */
void gw_paho_guard_forget(size_t publishes);

/* Whether writes do pass through here. True as soon as Paho has written
 * anything; if it is not then, this Paho has been linked in another way. */
bool gw_paho_guard_used(void);

/* Whether anything was not written whole, by any thread, since
 * gw_paho_guard_settle; so Paho may have something left to write. */
bool gw_paho_guard_left(void);
/* To be called before the system is asked who can be written to. */
void gw_paho_guard_settle(void);

enum gw_guard_packet {
    GW_GUARD_PUBLISH2, /* of QoS 2 */
    GW_GUARD_PUBACK,
    GW_GUARD_PUBREC,
    GW_GUARD_PUBREL,
    GW_GUARD_PUBCOMP,
};

/*
 * The next such packet that this thread writes is not written: the connection
 * is shut down instead, which Paho's receiving thread finds as if the broker
 * had closed it. The id is not looked at in a PUBLISH. Called by Paho's own
 * threads, from inside what Paho calls before it writes that packet.
 */
void gw_paho_guard_break(enum gw_guard_packet packet, uint16_t packet_id);

/* What Paho writes to TLS on 'fd' is looked at as writev looks at the rest; if
 * it may not be sent, it finds the connection shut down. */
void gw_paho_guard_outgoing(int fd, const void *octets, size_t len);

#endif
