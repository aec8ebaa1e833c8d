/* SPDX-License-Identifier: MIT */
/*
 * reason_codes.h - what the reason codes of MQTT 5 mean here.
 *
 * docs/protocol-notes.md has the same table for people; a test compares them.
 */
#ifndef GW_REASON_CODES_H
#define GW_REASON_CODES_H

#include "core/engine.h"

struct gw_reason {
    uint8_t code;
    const char *name; /* the standard's, in lower case */
    /* Of a PUBLISH, SUBSCRIBE or UNSUBSCRIBE that is answered so. */
    enum gw_up_outcome outcome;
    /* A CONNECT that is refused so is refused for who we are. */
    bool denied;
};

/* The codes from here on are refusals. */
#define GW_REASON_REFUSED 0x80

#define GW_REASON_UNSUPPORTED_VERSION 0x84
#define GW_REASON_TAKEN_OVER 0x8e

/* Of any code; one that the standard does not know has a row, too. A static
 * row, never NULL. */
const struct gw_reason *gw_reason_of(int code);

#endif
