/* SPDX-License-Identifier: MIT */
/*
 * serial_node.c - a node behind a serial line, at whose other end
 * mqttsn-forwarder speaks to the gateway.
 *
 * usage: serial_node DEVICE CLIENT-ID
 *
 * Publishes a line of standard input to CLIENT-ID/said. Frames go in SLIP
 * (RFC 1055): 0xC0 ends one, 0xDB hides an octet. The line needs no address;
 * the library asks for one all the same, and any will do.
 */
#include "mqttsn/client.h"
#include "udp_port.h" /* for its clock and its waiting */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };
