/* SPDX-License-Identifier: MIT */
#include "udp_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    IPV4 = 4,
    IPV6 = 16,
    PORT = 2,
    HOPS_MAX = 255, /* radius 0: no limit but the network's */
};

/* Room for an address of either family, without casts that alias. */
union sockets_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* ---- clock and chance --------------------------------------------------- */

mqttsn_ms mqttsn_udp_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (mqttsn_ms)ts.tv_sec * 1000 + (mqttsn_ms)ts.tv_nsec / 1000000;
}

uint32_t mqttsn_udp_seed(void)
{
    uint32_t seed = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, &seed, sizeof(seed)) != (ssize_t)sizeof(seed))
            seed = 0;
        close(fd);
    }
    if (seed == 0)
        seed = (uint32_t)mqttsn_udp_now() ^ (uint32_t)getpid() << 16;
    return seed;
}

/* ---- addresses: ours, the system's, and text ---------------------------- */

static bool has_port(const struct mqttsn_address *address)
{
    return address->len == IPV4 + PORT || address->len == IPV6 + PORT;
}

static uint16_t port_of(const struct mqttsn_address *address)
{
    const uint8_t *end = address->octets + address->len;

    return (uint16_t)(end[-2] << 8 | end[-1]);
}

/* The system's form; its length, or 0 when it is not of the port's family. */
static socklen_t to_system(const struct mqttsn_udp_port *port,
                           const struct mqttsn_address *address,
                           union sockets_address *ret_system)
{
    unsigned host = address->len - (has_port(address) ? PORT : 0u);
    uint16_t number = 0;

    memset(ret_system, 0, sizeof(*ret_system));
    if (has_port(address))
        number = port_of(address);
    else if (port->group.len != 0)
        number = port_of(&port->group);

    if (host == IPV4 && port->family == AF_INET) {
        ret_system->v4.sin_family = AF_INET;
        ret_system->v4.sin_port = htons(number);
        memcpy(&ret_system->v4.sin_addr, address->octets, IPV4);
        return sizeof(ret_system->v4);
    }
    if (host == IPV6 && port->family == AF_INET6) {
        ret_system->v6.sin6_family = AF_INET6;
        ret_system->v6.sin6_port = htons(number);
        memcpy(&ret_system->v6.sin6_addr, address->octets, IPV6);
        if (IN6_IS_ADDR_LINKLOCAL(&ret_system->v6.sin6_addr) ||
            IN6_IS_ADDR_MULTICAST(&ret_system->v6.sin6_addr))
            ret_system->v6.sin6_scope_id = port->interface;
        return sizeof(ret_system->v6);
    }
    return 0;
}

static void from_system(const union sockets_address *system,
                        struct mqttsn_address *ret_address)
{
    bool v6 = system->any.sa_family == AF_INET6;
    unsigned host = v6 ? IPV6 : IPV4;
    in_port_t number = v6 ? system->v6.sin6_port : system->v4.sin_port;

    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->len = (uint8_t)(host + PORT);
    if (v6)
        memcpy(ret_address->octets, &system->v6.sin6_addr, IPV6);
    else
        memcpy(ret_address->octets, &system->v4.sin_addr, IPV4);
    memcpy(ret_address->octets + host, &number, PORT);
}

void mqttsn_udp_text(const struct mqttsn_address *address,
                     char ret_text[MQTTSN_UDP_TEXT_MAX])
{
    bool v6 = address->len >= IPV6;
    char host[INET6_ADDRSTRLEN] = "?";

    inet_ntop(v6 ? AF_INET6 : AF_INET, address->octets, host, sizeof(host));
    if (!has_port(address))
        snprintf(ret_text, MQTTSN_UDP_TEXT_MAX, "%s", host);
    else
        snprintf(ret_text, MQTTSN_UDP_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host,
                 port_of(address));
}

size_t mqttsn_udp_resolve(const char *host, uint16_t port, int family,
                          struct mqttsn_udp_place *ret_places, size_t cap)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];
    size_t count = 0;

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return 0;
    for (struct addrinfo *at = found; at != NULL && count < cap;
         at = at->ai_next) {
        union sockets_address system;

        if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
            continue;
        memset(&system, 0, sizeof(system));
        memcpy(&system, at->ai_addr, at->ai_addrlen);
        from_system(&system, &ret_places[count].address);
        ret_places[count].family = at->ai_family;
        ret_places[count].interface =
            at->ai_family == AF_INET6 ? system.v6.sin6_scope_id : 0;
        count++;
    }
    freeaddrinfo(found);
    return count;
}

/* ---- sockets ------------------------------------------------------------ */

static int new_socket(int family)
{
    int fd = socket(family, SOCK_DGRAM, 0);
    int flags;

    if (fd < 0)
        return -1;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

enum mqttsn_status mqttsn_udp_open(struct mqttsn_udp_port *port, int family,
                                   unsigned interface)
{
    memset(port, 0, sizeof(*port));
    port->family = family;
    port->interface = interface;
    port->group_fd = -1;
    port->fd = new_socket(family);
    return port->fd < 0 ? MQTTSN_EIO : MQTTSN_OK;
}

enum mqttsn_status mqttsn_udp_connect(struct mqttsn_udp_port *port,
                                      const struct mqttsn_address *peer)
{
    union sockets_address system;
    socklen_t len = to_system(port, peer, &system);

    if (len == 0 || connect(port->fd, &system.any, len) < 0)
        return MQTTSN_EIO;
    port->connected = true;
    return MQTTSN_OK;
}

enum mqttsn_status mqttsn_udp_bind(struct mqttsn_udp_port *port,
                                   const struct mqttsn_address *at)
{
    union sockets_address system;
    socklen_t len = to_system(port, at, &system);

    if (len == 0 || bind(port->fd, &system.any, len) < 0)
        return MQTTSN_EIO;
    return MQTTSN_OK;
}

/* The interface's own IPv4 address, so that answers find back through it. */
static struct in_addr address_of_interface(unsigned interface)
{
    struct in_addr found = {.s_addr = htonl(INADDR_ANY)};
    char name[IF_NAMESIZE];
    struct ifaddrs *all = NULL;

    if (if_indextoname(interface, name) == NULL || getifaddrs(&all) < 0)
        return found;
    for (struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
        struct sockaddr_in system;

        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET ||
            strcmp(at->ifa_name, name) != 0)
            continue;
        memcpy(&system, at->ifa_addr, sizeof(system));
        found = system.sin_addr;
        break;
    }
    freeifaddrs(all);
    return found;
}

/* Broadcasts leave through the port's interface. */
static int choose_interface(const struct mqttsn_udp_port *port)
{
    if (port->family == AF_INET6) {
        unsigned index = port->interface;

        return setsockopt(port->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index,
                          sizeof(index));
    }
    struct ip_mreqn through = {.imr_ifindex = (int)port->interface,
                               .imr_address =
                                   address_of_interface(port->interface)};

    return setsockopt(port->fd, IPPROTO_IP, IP_MULTICAST_IF, &through,
                      sizeof(through));
}

enum mqttsn_status mqttsn_udp_join(struct mqttsn_udp_port *port,
                                   const struct mqttsn_address *group)
{
    bool v6 = port->family == AF_INET6;
    struct group_req request = {.gr_interface = port->interface};
    union sockets_address system;
    socklen_t len = to_system(port, group, &system);
    int yes = 1;

    if (len == 0 || !has_port(group)) {
        errno = EAFNOSUPPORT;
        return MQTTSN_EIO;
    }
    int fd = new_socket(port->family);

    if (fd < 0)
        return MQTTSN_EIO;
    memcpy(&request.gr_group, &system, sizeof(system));
    /* Bound to the group, it takes nothing that was meant for a gateway on
     * this host with the same port. Several may listen. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, &system.any, len) < 0 ||
        setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP,
                   &request, sizeof(request)) < 0)
        goto fail;
    if (port->interface != 0 && choose_interface(port) < 0)
        goto fail;
    port->group_fd = fd;
    port->group = *group;
    return MQTTSN_OK;

fail:
    close(fd);
    return MQTTSN_EIO;
}

void mqttsn_udp_close(struct mqttsn_udp_port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    if (port->group_fd >= 0)
        close(port->group_fd);
    port->fd = -1;
    port->group_fd = -1;
}

/* ---- datagrams ---------------------------------------------------------- */

static void set_hops(const struct mqttsn_udp_port *port, unsigned radius)
{
    int hops = radius == 0 || radius > HOPS_MAX ? HOPS_MAX : (int)radius;

    if (port->family == AF_INET6)
        (void)setsockopt(port->fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops,
                         sizeof(hops));
    else
        (void)setsockopt(port->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops,
                         sizeof(hops));
}

enum mqttsn_status mqttsn_udp_send(struct mqttsn_udp_port *port,
                                   const struct mqttsn_address *to,
                                   unsigned radius, struct mqttsn_span bytes)
{
    union sockets_address system;
    socklen_t len;

    if (port->connected)
        return send(port->fd, bytes.data, bytes.len, 0) < 0 ? MQTTSN_EIO
                                                            : MQTTSN_OK;
    if (to == NULL) {
        to = &port->group;
        set_hops(port, radius);
    }
    len = to_system(port, to, &system);
    if (len == 0) {
        errno = EAFNOSUPPORT;
        return MQTTSN_EIO;
    }
    if (sendto(port->fd, bytes.data, bytes.len, 0, &system.any, len) < 0)
        return MQTTSN_EIO;
    return MQTTSN_OK;
}

enum mqttsn_status mqttsn_udp_receive(struct mqttsn_udp_port *port,
                                      uint8_t *buf, size_t cap,
                                      struct mqttsn_address *ret_from,
                                      size_t *ret_len)
{
    const int fds[] = {port->fd, port->group_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        union sockets_address from;
        socklen_t from_len = sizeof(from);
        ssize_t len;

        if (fds[i] < 0)
            continue;
        len = recvfrom(fds[i], buf, cap, 0, &from.any, &from_len);
        if (len >= 0) {
            from_system(&from, ret_from);
            *ret_len = (size_t)len;
            return MQTTSN_OK;
        }
        if (port->connected && errno != EAGAIN && errno != EINTR)
            return MQTTSN_EIO;
    }
    return MQTTSN_ENOTFOUND;
}

unsigned mqttsn_udp_wait(const struct mqttsn_udp_port *port, int other_fd,
                         mqttsn_ms until, const sigset_t *signals)
{
    /* poll passes over what is negative. */
    struct pollfd fds[] = {
        {.fd = port == NULL ? -1 : port->fd, .events = POLLIN},
        {.fd = port == NULL ? -1 : port->group_fd, .events = POLLIN},
        {.fd = other_fd, .events = POLLIN},
    };
    struct timespec left = {0};
    mqttsn_ms now = mqttsn_udp_now();
    unsigned what = 0;

    if (until > now) {
        mqttsn_ms wait = until - now;

        left.tv_sec =
            wait / 1000 > INT32_MAX ? INT32_MAX : (time_t)(wait / 1000);
        left.tv_nsec = (long)(wait % 1000) * 1000000;
    }
    if (ppoll(fds, 3, until == MQTTSN_NEVER ? NULL : &left, signals) <= 0)
        return 0;
    if (fds[0].revents != 0 || fds[1].revents != 0)
        what |= MQTTSN_UDP_DATAGRAM;
    if (fds[2].revents != 0)
        what |= MQTTSN_UDP_OTHER;
    return what;
}
