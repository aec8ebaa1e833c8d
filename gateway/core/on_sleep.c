/* SPDX-License-Identifier: MIT */
/*
 * PINGREQ and DISCONNECT: staying, sleeping, waking, leaving [SN 6.11]
 * [SN 6.12] [SN 6.14].
 */
#include "deliver.h"
#include "handlers.h"

static void start_sleep(struct gw_engine *e, uint32_t session)
{
    gw_deliver_suspend(e, session);
    if (!e->policy.options.sleep_keeps_topics) {
        gw_topics_forget_announced(e, session);
        gw_store_session(e, session);
    }
    gw_session_enter(e, session, GW_ASLEEP);
}

void gw_sleep_end_awake(struct gw_engine *e, uint32_t session, bool told)
{
    /* Not told: no PINGRESP, the node did not hear us (G12-18a). */
    if (!told)
        gw_note(e, GW_NOTE_UNRESPONSIVE, session,
                gw_cold(e, gw_session_at(e, session))->queue_count, "awake");
    start_sleep(e, session);
}

static void wake(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (s->state == GW_AWAKE) {
        gw_deliver_repeat(e, session); /* G12-18b: do not start over */
        return;
    }
    gw_deliver_suspend(e, session);
    s->flags &= ~(unsigned)GW_S_HEAD_COUNTED;
    if (s->cold != 0)
        gw_warm(e, session)->awake_sent = 0;
    gw_session_enter(e, session, GW_AWAKE);
    gw_note(e, GW_NOTE_AWAKE, session, gw_cold(e, s)->queue_count, NULL);
    gw_session_ready(e, session); /* the queue, or PINGRESP at once */
}

bool gw_session_was_at_host(const struct gw_session *s,
                            const struct gw_peer *peer)
{
    struct gw_addr last = s->addr;

    if (last.family == 0)
        last.family = s->last_family; /* the host part is still there */
    /* A node id that nobody holds has no name, as none at all has. */
    return gw_addr_same_host(&last, &peer->addr) &&
           s->node_id == peer->node_ref &&
           (s->node_id != 0) == (peer->node_id.len != 0);
}

/* PINGREQ names a client id that is not the source's (G12-24, D5). */
static void rebind(struct gw_engine *e, const struct gw_peer *peer,
                   uint32_t bound, uint32_t named)
{
    enum gw_rebind how = e->policy.options.rebind_on_ping;
    struct gw_session *s = named ? gw_session_at(e, named) : NULL;

    if (s != NULL && (s->state == GW_ASLEEP || s->state == GW_AWAKE) &&
        (how == GW_REBIND_ANY ||
         (how == GW_REBIND_SAME_HOST && gw_session_was_at_host(s, peer))) &&
        gw_session_bind(e, named, peer)) {
        gw_store_session(e, named);
        gw_session_heard(e, named);
        wake(e, named);
        return;
    }
    e->counters.rebind_refused++;
    if (bound == 0 || !gw_session_connected(gw_session_at(e, bound)))
        gw_stranger_disconnect(e, peer);
}

void gw_on_pingreq(struct gw_engine *e, const struct gw_peer *peer,
                   uint32_t session, const struct mqttsn_frame *frame)
{
    struct mqttsn_span id = frame->pingreq.client_id;
    struct gw_session *s = session ? gw_session_at(e, session) : NULL;

    if (id.len != 0) {
        uint32_t named = gw_session_by_client(e, id);

        if (named != session || named == 0) {
            rebind(e, peer, session, named);
            return;
        }
    }
    if (s == NULL || !gw_session_connected(s)) {
        gw_stranger_disconnect(e, peer);
        return;
    }
    if (s->state == GW_ACTIVE)
        gw_reply_simple(e, session, MQTTSN_PINGRESP);
    else
        wake(e, session); /* also without an id (G12-25) */
}

void gw_on_disconnect(struct gw_engine *e, uint32_t session,
                      const struct mqttsn_frame *frame)
{
    struct gw_session *s = gw_session_at(e, session);
    uint16_t duration =
        frame->disconnect.has_duration ? frame->disconnect.duration_s : 0;

    if (s->state == GW_HALF_OPEN) {
        gw_session_tell_end(e, s);
        gw_session_end_connection(e, session);
        return;
    }
    if (duration != 0) {
        s->sleep_s = duration;
        start_sleep(e, session);
        gw_note(e, GW_NOTE_ASLEEP, session, duration, NULL);
        uint64_t kept = gw_store_session(e, session);
        gw_reply_push(e, session, &(struct gw_reply){.type = MQTTSN_DISCONNECT},
                      kept);
        return;
    }
    gw_note(e, GW_NOTE_DISCONNECTED, session, 0, NULL);
    if (s->flags & GW_S_CLEAN) {
        gw_session_dismiss(e, session);
        return;
    }
    gw_session_end_connection(e, session);
    uint64_t kept = gw_store_session(e, session);
    gw_reply_push(e, session, &(struct gw_reply){.type = MQTTSN_DISCONNECT},
                  kept);
}
