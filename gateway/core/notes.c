/* SPDX-License-Identifier: MIT */
/*
 * What an operator may want to know, in a ring that nobody has to read: when
 * it is full the oldest note gives way, for the newest tells what is wrong now.
 */
#include "engine_private.h"

static struct gw_note *append(struct gw_engine *e, enum gw_note_kind kind,
                              uint64_t value, const char *reason)
{
    struct gw_note *note;

    if (e->note_count == GW_NOTES) {
        e->note_head = (e->note_head + 1) % GW_NOTES;
        e->note_count--;
        e->counters.notes_lost++;
    }
    note = &e->notes[(e->note_head + e->note_count++) % GW_NOTES];
    *note = (struct gw_note){.kind = kind, .value = value, .reason = reason};
    return note;
}

/* Copies what fits, and no part of a character. Returns its length. */
static uint16_t copy_text(char *to, size_t cap, struct mqttsn_span text)
{
    size_t len = text.len;

    if (len > cap) {
        len = cap;
        while (len > 0 && (text.data[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(to, text.data, len);
    return (uint16_t)len;
}

static void name_client(struct gw_note *note, struct mqttsn_span client_id)
{
    note->client_id_len =
        copy_text(note->client_id, sizeof(note->client_id), client_id);
}

static void name_session(const struct gw_engine *e, struct gw_note *note,
                         uint32_t session)
{
    const struct gw_session *s;

    if (session == 0)
        return;
    s = gw_session_at(e, session);
    if (s->addr.family != 0)
        note->addr = s->addr;
    name_client(note, gw_names_span(&e->names, s->client_id));
}

void gw_note(struct gw_engine *e, enum gw_note_kind kind, uint32_t session,
             uint64_t value, const char *reason)
{
    name_session(e, append(e, kind, value, reason), session);
}

void gw_note_topic(struct gw_engine *e, enum gw_note_kind kind,
                   uint32_t session, struct mqttsn_span topic, uint64_t value,
                   const char *reason)
{
    struct gw_note *note = append(e, kind, value, reason);

    name_session(e, note, session);
    note->topic_len = copy_text(note->topic, sizeof(note->topic), topic);
}

void gw_note_peer(struct gw_engine *e, enum gw_note_kind kind,
                  const struct gw_addr *addr, struct mqttsn_span client_id,
                  uint64_t value, const char *reason)
{
    struct gw_note *note = append(e, kind, value, reason);

    note->addr = *addr;
    name_client(note, client_id);
}

bool gw_engine_poll_note(struct gw_engine *engine, struct gw_note *ret_note)
{
    if (engine->note_count == 0)
        return false;
    *ret_note = engine->notes[engine->note_head];
    engine->note_head = (engine->note_head + 1) % GW_NOTES;
    engine->note_count--;
    return true;
}
