/* SPDX-License-Identifier: MIT */
/*
 * socket.h - addresses between the engine's form, the kernel's and text; and
 * which addresses this machine has.
 *
 * Nothing here keeps anything: an interface list is a photograph, taken again
 * when it matters.
 */
#ifndef GW_SOCKET_H
#define GW_SOCKET_H

#include "core/address.h"

#include "mqttsn/status.h"

#include <net/if.h>
#include <sys/socket.h>

/* "[ffff:...%interface]:65535" and its NUL. */
#define GW_SOCKET_TEXT_MAX 80

/* Both directions; 'ret' is zeroed first. The length of a sockaddr is that of
 * its family, 0 when the family is neither 4 nor 6. */
socklen_t gw_socket_to_kernel(const struct gw_addr *addr,
                              struct sockaddr_storage *ret);
void gw_socket_from_kernel(const struct sockaddr_storage *from,
                           struct gw_addr *ret);

/* "192.0.2.1:1883" or "[fe80::1%eth0]:1883"; returns 'buf', of at least
 * GW_SOCKET_TEXT_MAX octets. */
const char *gw_socket_text(const struct gw_addr *addr, char *buf);

bool gw_socket_is_any(const struct gw_addr *addr);
bool gw_socket_is_group(const struct gw_addr *addr);
bool gw_socket_is_loopback(const struct gw_addr *addr);
bool gw_socket_is_link_local(const struct gw_addr *addr);

/* Reachable from the whole internet: unicast, and neither private, shared
 * (100.64.0.0/10), unique local, link-local, loopback nor documentation. */
bool gw_socket_is_public(const struct gw_addr *addr);

/* One address of one interface of this machine that is up. */
struct gw_interface {
    char name[IF_NAMESIZE];
    uint32_t index;
    struct gw_addr addr; /* port 0 */
    bool multicast;      /* can do multicast; so can loopback, by our reading */
};

/* Fills at most 'n' rows and returns how many; 0 also when the system does not
 * say. */
size_t gw_socket_interfaces(size_t n, struct gw_interface ret[]);

/*
 * Whether a socket bound there can be reached from the internet, on the 'n'
 * addresses that the machine has; 'name' ties it to one interface, NULL does
 * not. '*ret' is the first such address, with the port of 'bound'.
 */
bool gw_socket_public(const struct gw_addr *bound, const char *name, size_t n,
                      const struct gw_interface interface[],
                      struct gw_addr *ret);

#endif
