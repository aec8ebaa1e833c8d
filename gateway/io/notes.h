/* SPDX-License-Identifier: MIT */
/*
 * notes.h - what the engine wants an operator to know, as log lines.
 *
 * A note is caused by what somebody sends, so each kind has a limit of lines a
 * minute; what is held back is counted on the next line of that kind, and every
 * note has a counter of the engine beside it that has no limit.
 */
#ifndef GW_NOTES_H
#define GW_NOTES_H

#include "core/engine.h"
#include "log.h"

#define GW_NOTE_ONE(name, event, level) +1
enum { GW_NOTE_COUNT = 0 GW_NOTE_MAP(GW_NOTE_ONE) };
#undef GW_NOTE_ONE

/* What a kind is called, where it belongs, and what its number is; no name, no
 * number. */
struct gw_note_words {
    const char *event;
    enum gw_log_level level;
    const char *area, *value;
};
/* False: there is no such kind. */
bool gw_note_words(enum gw_note_kind kind, struct gw_note_words *ret);

/* Begin with {0}. */
struct gw_notes {
    struct gw_log_limit limit[GW_NOTE_COUNT];
};

void gw_notes_log(struct gw_notes *notes, const struct gw_note *note,
                  mqttsn_ms now);

#endif
