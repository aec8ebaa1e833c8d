/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_LWIP_SOCKETS_H
#define STUB_ESP_IDF_LWIP_SOCKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#endif
