/* SPDX-License-Identifier: MIT */
/*
 * slip.h - frames on a serial line (RFC 1055), as mqttsn-forwarder reads and
 * writes them: END closes a frame, ESC hides an octet that looks like either.
 */
#ifndef SLIP_H
#define SLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLIP_FRAME_MAX = 256 };
enum { SLIP_END = 0xc0, SLIP_ESC = 0xdb, SLIP_ESC_END = 0xdc };
enum { SLIP_ESC_ESC = 0xdd };

/* A frame that is coming in; zero at the start. */
struct slip {
    uint8_t frame[SLIP_FRAME_MAX];
    size_t len;
    bool hidden;
};

/* Takes one octet off the line; the length of 'frame' when that ended it, else
 * 0. One that is too long or garbled is passed over. */
static inline size_t slip_take(struct slip *slip, uint8_t octet)
{
    size_t whole = slip->len;

    if (octet == SLIP_END) {
        slip->len = 0;
        slip->hidden = false;
        return whole <= SLIP_FRAME_MAX ? whole : 0;
    }
    if (octet == SLIP_ESC) {
        slip->hidden = true;
        return 0;
    }
    if (slip->hidden) {
        if (octet != SLIP_ESC_END && octet != SLIP_ESC_ESC)
            slip->len = SLIP_FRAME_MAX + 1;
        octet = octet == SLIP_ESC_END ? SLIP_END : SLIP_ESC;
    }
    slip->hidden = false;
    if (slip->len < SLIP_FRAME_MAX)
        slip->frame[slip->len] = octet;
    if (slip->len <= SLIP_FRAME_MAX)
        slip->len++;
    return 0;
}

/* Writes 'frame' as it goes on the line; returns its length there. */
static inline size_t slip_write(const uint8_t *frame, size_t len,
                                uint8_t ret_line[2 * SLIP_FRAME_MAX + 2])
{
    size_t at = 0;

    ret_line[at++] = SLIP_END; /* ends what noise may have begun */
    for (size_t i = 0; i < len; i++) {
        if (frame[i] == SLIP_END || frame[i] == SLIP_ESC) {
            ret_line[at++] = SLIP_ESC;
            ret_line[at++] = frame[i] == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
        } else {
            ret_line[at++] = frame[i];
        }
    }
    ret_line[at++] = SLIP_END;
    return at;
}

#endif
