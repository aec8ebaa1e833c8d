/* SPDX-License-Identifier: MIT */
/*
 * board.h - all that a new board has to provide for sensor.c.
 *
 * One board.c per system implements it over one UDP socket that is connected to
 * one gateway: board_posix.c here, others in ../zephyr, ../esp-idf, ../riot,
 * and for Arduino in a sketch. The board's main() brings up the network and
 * calls sensor_run().
 */
#ifndef BOARD_H
#define BOARD_H

#include "mqttsn/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The client id, and where the gateway is, in any form: it is only compared. */
extern const char board_name[];
extern const struct mqttsn_address board_gateway;

/* Milliseconds since any moment; it must go on while the node sleeps. */
mqttsn_ms board_now(void);

/* Another number at each boot; it need not be secret. */
uint32_t board_random(void);

/* To the gateway. What cannot be sent may be dropped: it is repeated. */
void board_send(const uint8_t *octets, size_t len);

/* The next datagram from the gateway; 0 when 'wait_ms' passed without one. */
size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms);

/* Radio off, and as little power as the board can. */
void board_sleep(uint32_t seconds);

/* Writes what is to be published; how many octets of 'cap' it took. */
size_t board_measure(char *buf, size_t cap);

/* A command came; 'octets' do not end in NUL. */
void board_obey(const uint8_t *octets, size_t len);

/* For the author's eyes; a board may do nothing. */
void board_say(const char *text);

/* sensor.c: does not return. */
void sensor_run(void);

#ifdef __cplusplus
}
#endif
#endif
