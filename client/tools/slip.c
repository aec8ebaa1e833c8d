/* SPDX-License-Identifier: MIT */
#include "slip.h"

enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };

static bool end_frame(struct slip *s, struct mqttsn_span *ret_frame)
{
    bool good = !s->bad && !s->escaped && s->len != 0;

    *ret_frame = mqttsn_span(s->frame, s->len);
    s->len = 0;
    s->escaped = false;
    s->bad = false;
    return good;
}

bool slip_take(struct slip *s, uint8_t octet, struct mqttsn_span *ret_frame)
{
    if (octet == END)
        return end_frame(s, ret_frame);
    if (octet == ESC && !s->escaped) {
        s->escaped = true;
        return false;
    }
    if (s->escaped) {
        s->escaped = false;
        if (octet != ESC_END && octet != ESC_ESC)
            s->bad = true;
        octet = octet == ESC_END ? END : ESC;
    }
    if (s->len == sizeof(s->frame))
        s->bad = true;
    else
        s->frame[s->len++] = octet;
    return false;
}

size_t slip_encode(struct mqttsn_span frame, uint8_t *buf)
{
    size_t len = 0;

    buf[len++] = END;
    for (size_t i = 0; i < frame.len; i++) {
        uint8_t octet = frame.data[i];

        if (octet != END && octet != ESC) {
            buf[len++] = octet;
            continue;
        }
        buf[len++] = ESC;
        buf[len++] = octet == END ? ESC_END : ESC_ESC;
    }
    buf[len++] = END;
    return len;
}
