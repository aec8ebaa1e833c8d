/* SPDX-License-Identifier: MIT */
/*
 * events.h - the last notable things that happened, for who comes and asks.
 *
 * What an operator reads in the log at info and above, whatever log.level is:
 * a ring of fixed size, in which the oldest gives way. Each kind has a share of
 * a minute, so that one that a stranger can cause at will does not push out all
 * others; what is held back is counted on the next of its kind. Loop thread
 * only.
 */
#ifndef GW_EVENTS_H
#define GW_EVENTS_H

#include "core/engine.h"
#include "notes.h"

#define GW_EVENTS_MAX 128

/* What is not of the engine's. */
enum gw_event_kind {
    GW_EVENT_UPSTREAM_CONNECTED,
    GW_EVENT_UPSTREAM_LOST,
    GW_EVENT_UPSTREAM_UNREACHABLE, /* the first attempt in a row that failed */
    GW_EVENT_UPSTREAM_DENIED,      /* the first in a row that was refused */
    GW_EVENT_RELOADED,
    GW_EVENT_RELOAD_FAILED,
    GW_EVENT_COUNT
};

struct gw_event {
    uint64_t number; /* rises, from 1 */
    mqttsn_ms at;
    const char *name; /* as in the log */
    enum gw_log_level level;
    const char *value_name; /* what note.value is, or NULL: nothing */
    uint32_t suppressed;    /* of this kind, since the one before */
    struct gw_note note;    /* 'kind' means nothing */
};

/* Begin with {0}. */
struct gw_events {
    uint64_t count; /* that there ever were */
    struct gw_log_limit limit[GW_NOTE_COUNT + GW_EVENT_COUNT];
    struct gw_event ring[GW_EVENTS_MAX];
};

/* One that only a debugger wants is passed over. */
void gw_events_note(struct gw_events *events, const struct gw_note *note,
                    mqttsn_ms now);

void gw_events_say(struct gw_events *events, enum gw_event_kind kind,
                   mqttsn_ms now);

/* The first whose number is more than 'after', which starts anew when it is
 * one of another process; NULL: there is none. */
const struct gw_event *gw_events_after(const struct gw_events *events,
                                       uint64_t after);

#endif
