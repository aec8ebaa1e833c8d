/* SPDX-License-Identifier: MIT */
/*
 * text.h - a frame as one line, for logs, tools and scenarios.
 *
 *   CONNECT clean=1 will=0 duration=60 id=n1
 *   PUBLISH dup=0 qos=1 retain=0 topic=short:ab msg=2 data=4 "21.5"
 *   SUBSCRIBE dup=0 qos=1 msg=3 name=a/+
 *   SUBACK qos=1 topic=1 msg=3 accepted
 *   DISCONNECT duration=300
 *   ENCAPSULATED radius=0 node=0a01 (PINGREQ)
 *
 * Octets from outside are escaped: printable ASCII but for '"', '\\' and space
 * stays, everything else is \xNN; so a line is one line whatever was received.
 */
#ifndef MQTTSN_TEXT_H
#define MQTTSN_TEXT_H

#include "mqttsn/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options, or'ed. */
#define MQTTSN_TEXT_NO_PAYLOAD 0u
#define MQTTSN_TEXT_PAYLOAD 1u /* the payload too, not only its size */

/* Enough for the line of any frame that is worth reading in full. */
#define MQTTSN_TEXT_MAX 512

/*
 * Writes the line of 'frame' into 'buf' of 'cap' (at least 1) octets, always
 * NUL-terminated; a line that does not fit ends in "...". Returns its length
 * without the NUL.
 */
size_t mqttsn_frame_text(const struct mqttsn_frame *frame, unsigned options,
                         char *buf, size_t cap);

/* The same escaping, and the same end when it does not fit, for any octets
 * (client ids, topics). */
size_t mqttsn_escape(struct mqttsn_span octets, char *buf, size_t cap);

/* The words of a return code: "accepted", "congestion", "invalid-topic-id",
 * "not-supported", else "reserved". Static strings. */
const char *mqttsn_return_code_text(uint8_t return_code);

#ifdef __cplusplus
}
#endif

#endif
