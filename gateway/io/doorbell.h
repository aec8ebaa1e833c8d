/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - wakes Paho's two threads when they would sleep over work.
 *
 * Measured and read in Paho 1.3.12: its receiving thread polls the sockets
 * that it knew when it began, for reading only and for a full second, and then
 * sleeps another tenth; so a new connection takes two seconds although TCP
 * was ready after 0.1 ms. Its sending thread misses a signal that comes
 * between its look at the queue and its wait, and then waits a second.
 *
 * The doorbell is a handle of Paho's that is connected, over loopback, to a
 * socket of ours. Two octets on it (a PINGRESP) end the poll; a QoS 0 publish
 * on it signals the sending thread. It rings only while something is awaited.
 *
 * It is one for all connections, and each of a thousand that wait would ring
 * for itself. But one ring serves everybody: while the receiving thread has not
 * heard the last one, it is not rung again, and the sending thread is signalled
 * once a millisecond at most. Else Paho would do little but hear it.
 *
 * Exactly one connection is accepted, and only one that begins with the
 * CONNECT that we caused: it carries 128 random bits.
 *
 * There is one doorbell for the process, and it stays until the process ends:
 * Paho stops its threads, which can take ten seconds, when its last handle is
 * destroyed, and this way no other handle is ever the last. The price: Paho's
 * own destructor waits about two seconds for its threads within exit(), so a
 * program that has tidied up leaves by _exit.
 */
#ifndef GW_DOORBELL_H
#define GW_DOORBELL_H

#include <stdbool.h>

/*
 * Makes the doorbell unless it is there; takes about 0.1 s, at most 1.5 s.
 * False: there is none, and '*ret_reason' says why. Only from a thread that
 * may call Paho.
 */
bool gw_doorbell_start(const char **ret_reason);

/* Ends the poll of the receiving thread. Calls nothing of Paho's; any thread.
 */
void gw_doorbell_ring(void);

/* The same, and signals the sending thread. Only from the one thread that calls
 * Paho. */
void gw_doorbell_ring_both(void);

#endif
