/* SPDX-License-Identifier: MIT */
/*
 * board_posix.c - this computer as a board, to try sensor.c before there is
 * hardware.
 *
 * usage: board_sensor NAME GATEWAY PORT
 */
#include "board.h"

#include "udp_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct mqttsn_udp_port port;
const char *name;
struct mqttsn_address gateway;
