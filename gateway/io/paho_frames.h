/* SPDX-License-Identifier: MIT */
/*
 * paho_frames.h - what a WebSocket brings to Paho: whole frames, each of which
 * is one packet of MQTT.
 *
 * A broker may put several packets into a frame, or one into several (MQTT
 * 3.1.1, 6). Paho MQTT C 1.3.12 looks at its socket when it has something to
 * read, so what is left in a frame waits for the next one; and it keeps what it
 * has of a frame in variables that are the process's: when a connection breaks
 * in the middle, the next one begins with that rest, and all that follow fail.
 * So the stream is taken apart here and put together again: Paho never reads a
 * part of anything, and has nothing left between two packets.
 *
 * A connection becomes one with Paho's request to upgrade (paho_guard.c). What
 * is read comes through recv (paho_reader.c) or SSL_read (tls_handshake.c).
 *
 * Any thread: one may close what another reads or polls.
 */
#ifndef GW_PAHO_FRAMES_H
#define GW_PAHO_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* This connection becomes a WebSocket. Without memory it is shut down. */
void gw_paho_frames_begin(int fd);

/* The descriptor is closed; nothing happens for one that is no WebSocket. */
void gw_paho_frames_end(int fd);

bool gw_paho_frames_is(int fd);

/* Whether there is something to read that the system does not know of; the
 * second time without a read between '*ret_again' is true. */
bool gw_paho_frames_left(int fd, bool *ret_again);

/*
 * As recv: octets, 0 at the end, or -1 when there is no whole packet; then the
 * last call of 'raw', which reads from the network and returns the same, has
 * returned -1.
 */
ssize_t gw_paho_frames_read(int fd, void *buf, size_t len,
                            ssize_t (*raw)(void *user, void *buf, size_t len),
                            void *user);

#endif
