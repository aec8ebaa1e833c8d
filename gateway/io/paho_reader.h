/* SPDX-License-Identifier: MIT */
/*
 * paho_reader.h - what Paho's receiving thread reads passes through here: it is
 * read ahead, and what it brings is told once.
 *
 * For each packet that thread looks at its sockets twice and reads three times:
 * an octet, a length, the rest. And for each the loop was woken, since nobody
 * could know whether another packet would follow. So 'recv', 'poll' and 'close'
 * are ours in this program, like 'writev' (paho_guard.h), and for every other
 * thread they are the system's.
 *
 *  - recv reads up to 16 KiB and gives out what is asked for. One buffer is
 *    enough: while it holds octets of one connection, others are read as ever.
 *    What came is acknowledged to the broker's TCP at once, not 40 ms later.
 *  - poll says at once that there is something to read while octets are left,
 *    but not twice without a read between: then the system has its say, too.
 *  - While octets are left, poll repeats for some packets that all can be
 *    written to, unless something tells otherwise (paho_guard.h). So a packet
 *    costs no call of the system.
 *  - With more than a handful of connections poll gives out what the system
 *    has beside what is left: one that is never empty would have the others
 *    wait.
 *  - Before poll waits, it calls whoever has something to tell.
 *
 * Where the calls do not come through here (TLS reads in another way, and a
 * Paho may be linked otherwise), nothing is held back.
 */
#ifndef GW_PAHO_READER_H
#define GW_PAHO_READER_H

#include <stdbool.h>

/*
 * Calls 'tell' before Paho's receiving thread waits the next time. True: it
 * will be. False: this is another thread, or it does not poll through here, or
 * somebody else is to be called: tell at once.
 */
bool gw_paho_reader_defer(void (*tell)(void *user), void *user);

/* How often the receiving thread has looked who can be read, counted when it
 * begins to; 0 as long as it does not look through here. Any thread. */
unsigned gw_paho_reader_looks(void);

/* Nothing of this is called any more. Not while the receiving thread may be in
 * a callback that defers. */
void gw_paho_reader_cancel(void *user);

#endif
