/* SPDX-License-Identifier: MIT */
#include "events.h"

/* Of one kind in a minute: a quarter of the ring. */
#define PER_MINUTE (GW_EVENTS_MAX / 4)

static const struct {
    const char *name;
    enum gw_log_level level;
} own[GW_EVENT_COUNT] = {
    [GW_EVENT_UPSTREAM_CONNECTED] = {"upstream_connected", GW_LOG_INFO},
    [GW_EVENT_UPSTREAM_LOST] = {"upstream_lost", GW_LOG_WARN},
    [GW_EVENT_UPSTREAM_UNREACHABLE] = {"upstream_unreachable", GW_LOG_WARN},
    [GW_EVENT_UPSTREAM_DENIED] = {"upstream_denied", GW_LOG_ERROR},
    [GW_EVENT_RELOADED] = {"reloaded", GW_LOG_INFO},
    [GW_EVENT_RELOAD_FAILED] = {"reload_failed", GW_LOG_ERROR},
};

/* The place of the next one; NULL: its kind has had its share. */
static struct gw_event *append(struct gw_events *e, unsigned kind,
                               mqttsn_ms now)
{
    struct gw_event *event;
    uint32_t suppressed;

    if (!gw_log_limited(&e->limit[kind], PER_MINUTE, now, &suppressed))
        return NULL;
    event = &e->ring[e->count % GW_EVENTS_MAX];
    *event = (struct gw_event){
        .number = ++e->count, .at = now, .suppressed = suppressed};
    return event;
}

void gw_events_note(struct gw_events *events, const struct gw_note *note,
                    mqttsn_ms now)
{
    struct gw_note_words words;
    struct gw_event *event;

    if (!gw_note_words(note->kind, &words) || words.level > GW_LOG_INFO)
        return;
    event = append(events, note->kind, now);
    if (event == NULL)
        return;
    event->name = words.event;
    event->level = words.level;
    event->value_name = words.value;
    event->note = *note;
}

void gw_events_say(struct gw_events *events, enum gw_event_kind kind,
                   mqttsn_ms now)
{
    struct gw_event *event = append(events, GW_NOTE_COUNT + kind, now);

    if (event == NULL)
        return;
    event->name = own[kind].name;
    event->level = own[kind].level;
}

const struct gw_event *gw_events_after(const struct gw_events *events,
                                       uint64_t after)
{
    uint64_t oldest =
        events->count > GW_EVENTS_MAX ? events->count - GW_EVENTS_MAX : 0;

    if (after < oldest || after > events->count)
        after = oldest;
    return after < events->count ? &events->ring[after % GW_EVENTS_MAX] : NULL;
}
