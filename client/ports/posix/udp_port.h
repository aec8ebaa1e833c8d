/* SPDX-License-Identifier: MIT */
/*
 * udp_port.h - socket, clock and waiting for the client, on POSIX.
 *
 * The pattern for a port: what stands here is all that a board must supply,
 * and none of it knows the client but for struct mqttsn_address, in the form
 * of G12-45. One port speaks IPv4 or IPv6, not both. It comes in two manners:
 *
 *   open, connect   the gateway is known. Nobody else is heard, and the system
 *                   tells when nobody listens there.
 *   open, join      gateways are searched for. Broadcasts go to the group and
 *                   come from it; anybody is heard.
 *
 * Nothing here blocks but mqttsn_udp_wait and mqttsn_udp_resolve. No threads,
 * no memory but the caller's. A datagram that cannot be sent is one that was
 * lost: the client repeats it.
 */
#ifndef MQTTSN_UDP_PORT_H
#define MQTTSN_UDP_PORT_H

#include "mqttsn/client.h"

#include <signal.h>
#include <sys/socket.h>

/* The longest text of an address: "[IPv6]:port". */
#define MQTTSN_UDP_TEXT_MAX 56

/* What a name was resolved to. */
struct mqttsn_udp_place {
    struct mqttsn_address address; /* with port */
    int family;                    /* AF_INET or AF_INET6 */
    unsigned interface;            /* index, of a link-local address; or 0 */
};

/* Fields may be read; they are changed by the functions only. */
struct mqttsn_udp_port {
    int fd;             /* -1: closed */
    int group_fd;       /* hears the group; -1: none was joined */
    int family;         /* AF_INET or AF_INET6 */
    unsigned interface; /* index; 0: as the system chooses */
    bool connected;
    struct mqttsn_address group; /* where broadcasts go; len 0: nowhere */
};

/* The monotonic clock. */
mqttsn_ms mqttsn_udp_now(void);

/* A seed that differs from run to run. */
uint32_t mqttsn_udp_seed(void);

/*
 * Looks up a host's name, or an address in text ("fe80::1%eth0" too), for
 * AF_INET, AF_INET6 or AF_UNSPEC. Returns how many places were found, at most
 * 'cap', the system's favourite first; 0: there is no such host.
 */
size_t mqttsn_udp_resolve(const char *host, uint16_t port, int family,
                          struct mqttsn_udp_place *ret_places, size_t cap);

/* Writes "192.0.2.1:1883" or "[2001:db8::1]:1883", without port where the
 * address has none. */
void mqttsn_udp_text(const struct mqttsn_address *address,
                     char ret_text[MQTTSN_UDP_TEXT_MAX]);

/* MQTTSN_EIO: there is no socket to be had; errno says why. As below. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_udp_open(struct mqttsn_udp_port *port, int family, unsigned interface);

/* From now on there is only this peer. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_udp_connect(struct mqttsn_udp_port *port,
                   const struct mqttsn_address *peer);

/* Waits for datagrams at an address of this host (all octets of the address 0:
 * at any) and that port; for whoever serves nodes. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_udp_bind(struct mqttsn_udp_port *port, const struct mqttsn_address *at);

/* Hears the group from now on, and sends broadcasts to it. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_udp_join(struct mqttsn_udp_port *port,
                const struct mqttsn_address *group);

/* A closed port may be closed again. */
void mqttsn_udp_close(struct mqttsn_udp_port *port);

/*
 * Sends to 'to', to the peer when connected, to the group when 'to' is NULL:
 * 'radius' is then the number of networks it may cross, 0 as many as there
 * are. An address without port means the port of the group.
 *
 * MQTTSN_EIO: it was not sent; errno says why.
 */
enum mqttsn_status mqttsn_udp_send(struct mqttsn_udp_port *port,
                                   const struct mqttsn_address *to,
                                   unsigned radius, struct mqttsn_span bytes);

/*
 * Takes the next datagram. One that does not fit 'cap' is cut off.
 *
 * MQTTSN_ENOTFOUND: none is there.
 * MQTTSN_EIO:       connected, and nobody listens there.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_udp_receive(struct mqttsn_udp_port *port, uint8_t *buf, size_t cap,
                   struct mqttsn_address *ret_from, size_t *ret_len);

/* What ended the waiting, or'ed; 0: time, or a signal. */
#define MQTTSN_UDP_DATAGRAM 1u
#define MQTTSN_UDP_OTHER 2u

/*
 * Waits until a datagram is there, 'other_fd' (-1: none) can be read, 'until'
 * has come, or a signal is caught. 'signals', unless NULL, is the mask while
 * waiting: block what should end the waiting everywhere else, and none is
 * missed. 'port' may be NULL: the radio is off.
 */
unsigned mqttsn_udp_wait(const struct mqttsn_udp_port *port, int other_fd,
                         mqttsn_ms until, const sigset_t *signals);

#endif
