/* SPDX-License-Identifier: MIT */
/*
 * paho_connack.h - a CONNACK that Paho must not see.
 *
 * A broker that knows no MQTT 5 may answer a CONNECT of it in the words of
 * 3.1.1: two octets, and no properties. Paho before 1.3.14 then frees
 * properties that it has not read, which is memory that nobody has set
 * (eclipse-paho/paho.mqtt.c issue 1543). So such an answer is not given to it:
 * the connection ends instead, as with a broker that does not answer at all,
 * and upstream.protocol = auto falls back (paho_protocol.c).
 *
 * What Paho reads and writes passes through here (paho_reader.h,
 * paho_guard.h). Not supported: WebSocket, where it reads whole frames.
 */
#ifndef GW_PAHO_CONNACK_H
#define GW_PAHO_CONNACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors from here on are not followed. */
#define GW_PAHO_DESCRIPTORS_MAX 8192

/* These octets begin what is written to 'fd'; a CONNECT says what is awaited.
 * One of MQTT 5 on a descriptor that is not followed finds the connection shut
 * down: no answer to it is better than such a one. Paho's threads. */
void gw_paho_connack_await(int fd, const uint8_t *octets, size_t len);

/* These were read next. True: they are of such an answer. Paho's receiving
 * thread. */
bool gw_paho_connack_is_old(int fd, const uint8_t *octets, size_t len);

#endif
