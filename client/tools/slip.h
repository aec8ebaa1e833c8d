/* SPDX-License-Identifier: MIT */
/*
 * slip.h - frames on a serial line [RFC 1055].
 *
 * A frame ends in END; one before it, too, ends whatever noise the line had
 * made. END and ESC inside are escaped. Empty frames mean nothing.
 */
#ifndef SLIP_H
#define SLIP_H

#include "mqttsn/span.h"

enum { SLIP_FRAME_MAX = 2048 };

/* The most octets that a frame of 'len' takes on the line. */
#define SLIP_ENCODED_MAX(len) (2 * (len) + 2)

/* What has come of a frame. Zero before the first octet. */
struct slip {
    uint8_t frame[SLIP_FRAME_MAX];
    size_t len;
    bool escaped; /* ESC came last */
    bool bad;     /* too long, or wrongly escaped: dropped at its END */
};

/* Takes the next octet of the line. True: 'frame' is complete in '*ret_frame',
 * which holds until the next call. */
bool slip_take(struct slip *slip, uint8_t octet, struct mqttsn_span *ret_frame);

/* Writes the frame for the line into 'buf' of SLIP_ENCODED_MAX octets; returns
 * how many it took. */
size_t slip_encode(struct mqttsn_span frame, uint8_t *buf);

#endif
