/* SPDX-License-Identifier: MIT */
/* What an operator wants of one client. */
#include "engine_private.h"

enum mqttsn_status gw_engine_kick(struct gw_engine *engine,
                                  struct mqttsn_span client_id, mqttsn_ms now)
{
    uint32_t session = gw_session_by_client(engine, client_id);
    const struct gw_session *s;
    struct gw_stranger *told = NULL;

    engine->now = now;
    if (session == 0)
        return MQTTSN_ENOTFOUND;
    s = gw_session_at(engine, session);
    if (!gw_session_connected(s) && s->state != GW_HALF_OPEN)
        return MQTTSN_EPROTO;
    if (gw_store_behind(engine))
        return MQTTSN_ENOSPACE;
    gw_note(engine, GW_NOTE_KICKED, session, 0, NULL);
    /* A sleeping node hears nothing; one without address nobody can tell. */
    if (s->state != GW_ASLEEP && s->addr.family != 0)
        told = gw_session_tell_end(engine, s);
    if (s->state == GW_HALF_OPEN) {
        gw_session_end_connection(engine, session);
        return MQTTSN_OK;
    }
    gw_session_break(engine, session, GW_DISCONNECTED);
    /* A node that was told is not restored as connected after a crash. */
    if (told != NULL)
        told->reply.wait = engine->store_queued;
    return MQTTSN_OK;
}

bool gw_engine_purge(struct gw_engine *engine, struct mqttsn_span client_id,
                     mqttsn_ms now, uint32_t *ret_dropped)
{
    uint32_t session = gw_session_by_client(engine, client_id);

    engine->now = now;
    if (session == 0)
        return false;
    *ret_dropped = gw_backlog_purge(engine, session);
    if (*ret_dropped != 0)
        gw_note(engine, GW_NOTE_PURGED, session, *ret_dropped, NULL);
    return true;
}
