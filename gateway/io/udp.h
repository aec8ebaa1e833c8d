/* SPDX-License-Identifier: MIT */
/*
 * udp.h - the listeners: datagrams in, datagrams out, on the loop.
 *
 * Each listener is one non-blocking socket of our own. libuv's UDP handle
 * cannot say which of our addresses a datagram was sent to, and a wildcard
 * socket may answer from another one, which a node with a connected socket
 * never hears; so packet information is read with each datagram and given
 * back with each answer. Where a listener has a multicast group, a second
 * socket is bound to the group and joined on the interfaces; answers leave
 * from the listener's own socket all the same.
 *
 * In: what a wake-up reads is sorted by source and waits in a bounded pool
 * (fair.h) until gw_udp_feed takes it out. While the kernel's buffer keeps up,
 * nothing is read that there is no room for; once it drops, datagrams are lost
 * anyway, and the shell reads ahead of the engine to choose whose.
 *
 * Out: gw_udp_send pulls datagrams, a batch at a time, and sends them. When a
 * socket takes no more, the rest of the batch is kept and nothing is pulled
 * until it is writable again. What the network refuses is counted, by reason,
 * and costs no other datagram.
 *
 * A datagram from one of the listeners itself (our own ADVERTISE, looped back)
 * is dropped here, as is one that cannot be answered: no port or no address.
 *
 * Loop thread only; no call from inside a callback of this module, except that
 * 'wake' may ask for counters.
 */
#ifndef GW_UDP_H
#define GW_UDP_H

#include "core/engine.h"

#include <uv.h>

/* One row per counter of a listener: name, what one step means. */
#define GW_UDP_COUNTER_MAP(X)                                                  \
    X(rx_datagrams, "datagrams read")                                          \
    X(rx_octets, "octets read")                                                \
    X(rx_multicast, "of these datagrams, sent to a group or broadcast")        \
    X(rx_oversize, "dropped: larger than any listener's max_datagram")         \
    X(rx_unanswerable, "dropped: from no port or no address")                  \
    X(rx_own, "dropped: sent by this gateway itself")                          \
    X(rx_elsewhere, "dropped: for another interface or group")                 \
    X(rx_unfair, "dropped: its source held its share of the pool")             \
    X(rx_kernel_dropped, "dropped by the kernel: receive buffer full")         \
    X(rx_errors, "reads the system refused")                                   \
    X(tx_datagrams, "datagrams sent")                                          \
    X(tx_octets, "octets sent")                                                \
    X(tx_blocked, "times the socket took no more for now")                     \
    X(tx_source_gone, "sent from another address: the asked one is gone")      \
    X(tx_denied, "not sent: a packet filter forbids it")                       \
    X(tx_unreachable, "not sent: no route, or the interface is down")          \
    X(tx_too_large, "not sent: larger than the path takes")                    \
    X(tx_refused, "errors of earlier datagrams, reported late")                \
    X(tx_failed, "not sent: any other reason")

struct gw_udp_counters {
#define GW_UDP_COUNTER_FIELD(name, text) uint64_t name;
    GW_UDP_COUNTER_MAP(GW_UDP_COUNTER_FIELD)
#undef GW_UDP_COUNTER_FIELD
};

/* Octets of datagrams that are read and wait for their turn. It is more only
 * where max_datagram is above 8 KiB: 128 of them always have room. */
#define GW_UDP_POOL_OCTETS (1024u * 1024u)

struct gw_udp;

struct gw_udp_handlers {
    void *user;
    /* Something was read, or sending is possible again: feed and send. */
    void (*wake)(void *user);
    /* Whether the source has a session. All that have none share one queue. */
    bool (*knows)(void *user, const struct gw_addr *from);
};

/* What bounds the whole: the largest datagram that is read, over all
 * listeners. More than it is counted rx_oversize and not passed on. */
MQTTSN_CHECKED enum mqttsn_status
gw_udp_new(uv_loop_t *loop, const struct gw_udp_handlers *handlers,
           uint32_t max_datagram, const uint8_t seed[16],
           struct gw_udp **ret_udp);

struct gw_udp_listener {
    const char *name;
    struct gw_addr bind;     /* port 0: any free port */
    const char *interface;   /* NULL: any */
    struct gw_addr group;    /* family 0: none */
    uint8_t hops;            /* of what is sent to the group; 1..255 */
    uint64_t receive_buffer; /* octets; 0: as the system gives */
};

/*
 * Opens the next listener; the first one is listener 0 in gw_via. Texts are
 * copied. Reading starts at once. Logs what was granted, and why it failed.
 *
 * MQTTSN_OK:       it is open; perhaps without its group, which was logged.
 * MQTTSN_EIO:      it cannot be opened or bound.
 * MQTTSN_ENOSPACE: there are GW_LISTENERS_MAX already.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_udp_listen(struct gw_udp *udp, const struct gw_udp_listener *listener);

/*
 * Changes the largest datagram that is read (reload); on failure the old size
 * stays. Only while nothing waits to be fed.
 */
MQTTSN_CHECKED enum mqttsn_status gw_udp_resize(struct gw_udp *udp,
                                                uint32_t max_datagram);

/* Where listener 'i' is bound, with the port that was chosen. */
void gw_udp_bound(const struct gw_udp *udp, size_t i, struct gw_addr *ret_addr);

/*
 * Gives at most 'max' of the datagrams read to 'input', which may not call
 * back into this module. True when there are more.
 */
typedef void gw_udp_input(void *user, const struct gw_addr *from,
                          const struct gw_via *via, struct mqttsn_span bytes);
bool gw_udp_feed(struct gw_udp *udp, unsigned max, gw_udp_input *input,
                 void *user);

/*
 * Pulls at most 'max' datagrams from 'next', which writes into 'buf' as
 * gw_engine_poll_datagram does, and sends them. True when it stopped at 'max':
 * call again. False when there is no more, or when a socket is not writable,
 * in which case 'wake' is called once it is.
 */
typedef bool gw_udp_next(void *user, uint8_t *buf, size_t cap,
                         struct gw_datagram *ret_datagram);
bool gw_udp_send(struct gw_udp *udp, unsigned max, gw_udp_next *next,
                 void *user);

/* True while sending waits for a socket. */
bool gw_udp_blocked(const struct gw_udp *udp);

/* Reads nothing any more; what was read can still be fed, and sending works. */
void gw_udp_deafen(struct gw_udp *udp);

size_t gw_udp_listener_count(const struct gw_udp *udp);
void gw_udp_counters(struct gw_udp *udp, size_t listener,
                     struct gw_udp_counters *ret_counters);

/* Closes every socket at once, and frees 'udp' when the loop has let go of its
 * handles; run the loop until then. NULL does nothing. */
void gw_udp_close(struct gw_udp *udp);

#endif
