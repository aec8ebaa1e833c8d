/* SPDX-License-Identifier: MIT */
#include "socket.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>

#include "core/limits.h"

socklen_t gw_socket_to_kernel(const struct gw_addr *addr,
                              struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (addr->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;

        in->sin_family = AF_INET;
        in->sin_port = htons(addr->port);
        memcpy(&in->sin_addr, addr->ip, 4);
        return sizeof(*in);
    }
    if (addr->family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        in6->sin6_scope_id = addr->scope;
        memcpy(&in6->sin6_addr, addr->ip, 16);
        return sizeof(*in6);
    }
    return 0;
}

void gw_socket_from_kernel(const struct sockaddr_storage *from,
                           struct gw_addr *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;

        ret->family = 4;
        ret->port = ntohs(in->sin_port);
        memcpy(ret->ip, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

        ret->family = 6;
        ret->port = ntohs(in6->sin6_port);
        memcpy(ret->ip, &in6->sin6_addr, 16);
        /* The kernel names a zone only where it distinguishes hosts. */
        ret->scope = in6->sin6_scope_id;
    }
}

const char *gw_socket_text(const struct gw_addr *addr, char *buf)
{
    char ip[INET6_ADDRSTRLEN], zone[IF_NAMESIZE + 1] = "";

    if (addr->family == 4) {
        inet_ntop(AF_INET, addr->ip, ip, sizeof(ip));
        snprintf(buf, GW_SOCKET_TEXT_MAX, "%s:%u", ip, addr->port);
    } else if (addr->family == 6) {
        inet_ntop(AF_INET6, addr->ip, ip, sizeof(ip));
        if (addr->scope != 0) {
            zone[0] = '%';
            if (if_indextoname(addr->scope, zone + 1) == NULL)
                snprintf(zone + 1, sizeof(zone) - 1, "%u", addr->scope);
        }
        snprintf(buf, GW_SOCKET_TEXT_MAX, "[%s%s]:%u", ip, zone, addr->port);
    } else {
        snprintf(buf, GW_SOCKET_TEXT_MAX, "none");
    }
    return buf;
}

bool gw_socket_is_any(const struct gw_addr *addr)
{
    static const uint8_t none[16];

    return memcmp(addr->ip, none, sizeof(none)) == 0;
}

static bool in_any(const struct gw_addr *addr, const struct gw_cidr *blocks,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gw_cidr_contains(&blocks[i], addr))
            return true;
    }
    return false;
}
#define IN_ANY(addr, blocks)                                                   \
    in_any((addr), (blocks), sizeof(blocks) / sizeof((blocks)[0]))

bool gw_socket_is_group(const struct gw_addr *addr)
{
    static const struct gw_cidr blocks[] = {
        {.family = 4, .ip = {224}, .bits = 4},
        {.family = 6, .ip = {0xff}, .bits = 8},
    };

    return IN_ANY(addr, blocks);
}

bool gw_socket_is_loopback(const struct gw_addr *addr)
{
    static const struct gw_cidr blocks[] = {
        {.family = 4, .ip = {127}, .bits = 8},
        {.family = 6, .ip = {[15] = 1}, .bits = 128},
    };

    return IN_ANY(addr, blocks);
}

bool gw_socket_is_link_local(const struct gw_addr *addr)
{
    static const struct gw_cidr blocks[] = {
        {.family = 4, .ip = {169, 254}, .bits = 16},
        {.family = 6, .ip = {0xfe, 0x80}, .bits = 10},
    };

    return IN_ANY(addr, blocks);
}

bool gw_socket_is_public(const struct gw_addr *addr)
{
    static const struct gw_cidr not_public[] = {
        {.family = 4, .ip = {0}, .bits = 8},
        {.family = 4, .ip = {10}, .bits = 8},
        {.family = 4, .ip = {100, 64}, .bits = 10},
        {.family = 4, .ip = {172, 16}, .bits = 12},
        {.family = 4, .ip = {192, 0, 2}, .bits = 24},
        {.family = 4, .ip = {192, 168}, .bits = 16},
        {.family = 4, .ip = {198, 18}, .bits = 15},
        {.family = 4, .ip = {198, 51, 100}, .bits = 24},
        {.family = 4, .ip = {203, 0, 113}, .bits = 24},
        {.family = 4, .ip = {240}, .bits = 4},
        {.family = 6, .ip = {0}, .bits = 8},
        {.family = 6, .ip = {0x20, 0x01, 0x0d, 0xb8}, .bits = 32},
        {.family = 6, .ip = {0xfc}, .bits = 7},
    };

    return addr->family != 0 && !gw_socket_is_group(addr) &&
           !gw_socket_is_loopback(addr) && !gw_socket_is_link_local(addr) &&
           !IN_ANY(addr, not_public);
}

size_t gw_socket_interfaces(size_t n, struct gw_interface ret[])
{
    struct ifaddrs *list;
    size_t used = 0;

    if (getifaddrs(&list) != 0)
        return 0;
    for (const struct ifaddrs *i = list; i != NULL && used < n;
         i = i->ifa_next) {
        struct gw_interface *row = &ret[used];
        struct sockaddr_storage at = {0};

        if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_addr->sa_family != AF_INET &&
             i->ifa_addr->sa_family != AF_INET6))
            continue;
        memcpy(&at, i->ifa_addr,
               i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                 : sizeof(struct sockaddr_in6));
        memset(row, 0, sizeof(*row));
        snprintf(row->name, sizeof(row->name), "%s", i->ifa_name);
        row->index = if_nametoindex(i->ifa_name);
        row->multicast = (i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
        gw_socket_from_kernel(&at, &row->addr);
        if (row->index != 0)
            used++;
    }
    freeifaddrs(list);
    return used;
}

bool gw_socket_public(const struct gw_addr *bound, const char *name, size_t n,
                      const struct gw_interface interface[],
                      struct gw_addr *ret)
{
    if (!gw_socket_is_any(bound)) {
        *ret = *bound;
        return gw_socket_is_public(bound);
    }
    for (size_t i = 0; i < n; i++) {
        if (interface[i].addr.family != bound->family ||
            (name != NULL && strcmp(name, interface[i].name) != 0) ||
            !gw_socket_is_public(&interface[i].addr))
            continue;
        *ret = interface[i].addr;
        ret->port = bound->port;
        return true;
    }
    return false;
}
