/* SPDX-License-Identifier: MIT */
/* Of Zephyr, as much as a board.c needs to be compiled. */
#ifndef STUB_ZEPHYR_ZEPHYR_NET_SOCKET_H
#define STUB_ZEPHYR_ZEPHYR_NET_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>

struct zsock_pollfd {
    int fd;
    short events;
    short revents;
};

#define ZSOCK_POLLIN 1

int zsock_socket(int family, int type, int proto);
int zsock_connect(int sock, const struct sockaddr *addr, socklen_t addrlen);
ssize_t zsock_send(int sock, const void *buf, size_t len, int flags);
ssize_t zsock_recv(int sock, void *buf, size_t max_len, int flags);
int zsock_poll(struct zsock_pollfd *fds, int nfds, int timeout);
int zsock_inet_pton(sa_family_t family, const char *src, void *dst);

#endif
