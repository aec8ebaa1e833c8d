/* SPDX-License-Identifier: MIT */
/* Of RIOT, as much as a board.c needs to be compiled. */
#ifndef STUB_RIOT_NET_SOCK_UDP_H
#define STUB_RIOT_NET_SOCK_UDP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

typedef struct {
    int family;
    union {
        uint8_t ipv6[16];
        uint32_t ipv4_u32;
    } addr;
    uint16_t netif;
    uint16_t port;
} sock_udp_ep_t;

typedef struct {
    int unused;
} sock_udp_t;

#define SOCK_IPV6_EP_ANY                                                       \
    {                                                                          \
        .family = AF_INET6                                                     \
    }

int sock_udp_create(sock_udp_t *sock, const sock_udp_ep_t *local,
                    const sock_udp_ep_t *remote, uint16_t flags);
ssize_t sock_udp_recv(sock_udp_t *sock, void *data, size_t max_len,
                      uint32_t timeout, sock_udp_ep_t *remote);
ssize_t sock_udp_send(sock_udp_t *sock, const void *data, size_t len,
                      const sock_udp_ep_t *remote);

#endif
