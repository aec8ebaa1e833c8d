/* SPDX-License-Identifier: MIT */
/*
 * CONNECT and the will exchange [SN 6.2] [SN 6.3]; taking a session over from
 * another address (D5).
 */
#include "deliver.h"
#include "handlers.h"

/* The holder of a client id is asked twice within this time. */
#define CONTEST_MS 1000
#define CONTEST_TRIES 2

/* How often who waits for the first upstream attempt is looked at. */
#define UPSTREAM_RECHECK_MS 50

/* How long it waits: a name server or a broker that does not answer at all
 * must not leave the node without an answer (D7). */
#define UPSTREAM_WAIT_MS 2000

/* What a CONNECT asks for, apart from the client id. */
struct request {
    bool clean, will;
    uint16_t duration_s;
    uint64_t hash; /* of its octets */
};

static void connack(struct gw_engine *e, const struct gw_peer *peer,
                    struct mqttsn_span client_id, enum mqttsn_return_code code,
                    const char *reason)
{
    if (code == MQTTSN_REJECTED_CONGESTION)
        e->counters.connects_congestion++;
    else
        e->counters.connects_refused++;
    gw_note_peer(e, GW_NOTE_CONNECT_REFUSED, &peer->addr, client_id, code,
                 reason);
    gw_stranger_reply(e, peer,
                      &(struct gw_reply){.type = MQTTSN_CONNACK,
                                         .return_code = (uint8_t)code});
}

/* ---- half-open --------------------------------------------------------- */

/* No will exchange is under way any more. */
static void forget_exchange(struct gw_engine *e, uint32_t session)
{
    struct gw_cold *c = gw_warm(e, session);

    gw_names_unref(&e->names, c->new_will_topic);
    c->new_will_topic = 0;
    c->step = GW_STEP_NONE;
}

void gw_connect_abandon(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);

    forget_exchange(e, session);
    gw_replies_wipe(e, session); /* a prompt that was not sent yet */
    if (!(s->flags & GW_S_KNOWN) || (s->flags & GW_S_CLEAN)) {
        gw_session_end(e, session);
        return;
    }
    gw_session_enter(e, session, GW_DISCONNECTED);
    gw_store_session(e, session);
}

static void tell(struct gw_engine *e, const struct gw_session *s,
                 enum mqttsn_return_code code, const char *reason)
{
    struct gw_peer peer = {.addr = s->addr,
                           .via = *gw_via_at(&e->vias, s->via),
                           .node_id = gw_names_span(&e->names, s->node_id)};

    connack(e, &peer, gw_names_span(&e->names, s->client_id), code, reason);
}

void gw_connect_refuse(struct gw_engine *e, uint32_t session,
                       enum mqttsn_return_code code, const char *reason)
{
    tell(e, gw_session_at(e, session), code, reason);
    gw_connect_abandon(e, session);
}

void gw_connect_unkept(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);

    tell(e, s, MQTTSN_REJECTED_CONGESTION, "store failed");
    if (s->flags & GW_S_CLEAN) {
        gw_session_end(e, session);
        return;
    }
    gw_session_end_connection(e, session);
    gw_store_session(e, session);
}

/* The whole will exchange has this long (G12-43). */
static mqttsn_ms exchange_limit(const struct gw_engine *e,
                                const struct gw_session *s)
{
    const struct gw_options *o = &e->policy.options;

    return s->state_since + o->retry_interval * (o->retry_count + 1);
}

static void prompt(struct gw_engine *e, uint32_t session,
                   enum gw_connect_step step)
{
    mqttsn_ms limit = exchange_limit(e, gw_session_at(e, session));
    struct gw_cold *c = gw_warm(e, session);

    if (c->step != step) {
        c->step = (uint8_t)step;
        c->step_tries = 0;
    }
    gw_reply_simple(e, session,
                    step == GW_STEP_WILLTOPIC ? MQTTSN_WILLTOPICREQ
                                              : MQTTSN_WILLMSGREQ);
    c->step_due = e->now + e->policy.options.retry_interval;
    if (c->step_due > limit)
        c->step_due = limit;
    gw_session_arm(e, session, c->step_due);
}

void gw_connect_accept(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    uint64_t kept;

    gw_warm(e, session)->step = GW_STEP_NONE;
    s->flags |= GW_S_CONNACK_DUE | GW_S_KNOWN;
    s->flags &= ~(unsigned)GW_S_TALKED;
    gw_session_enter(e, session, GW_ACTIVE);
    e->counters.connects_accepted++;
    gw_note(e, GW_NOTE_CONNECTED, session, s->keepalive_s, NULL);
    kept = gw_store_session(e, session);
    if (kept == 0)
        gw_connect_unkept(e, session); /* the ring is full */
    else
        gw_reply_push(e, session, &(struct gw_reply){.type = MQTTSN_CONNACK},
                      kept);
    gw_fixed_apply(e, session);
}

/* Whether a node is better here than elsewhere (guarantee 5): what it sends can
 * reach the broker, or could, or is kept. */
static bool is_served(const struct gw_engine *e)
{
    if (e->shared.state == GW_LINK_UP)
        return true;
    if (e->shared.state == GW_LINK_DENIED || gw_link_given_up(e))
        return false;
    return e->policy.options.durable ||
           (e->shared.state == GW_LINK_DOWN && e->link_was_up);
}

/* Accepts if the upstream allows; the first attempt's outcome is waited for. */
static void accept_when_up(struct gw_engine *e, uint32_t session)
{
    if (gw_policy_own_connections(&e->policy)) {
        gw_link_connect(e, session);
    } else if (is_served(e)) {
        gw_connect_accept(e, session);
    } else if (e->shared.state == GW_LINK_UNKNOWN) {
        struct gw_cold *c = gw_warm(e, session);

        /* Looked at again shortly: no list is kept for the few that come in
         * the first moments after a start. */
        c->step = GW_STEP_UPSTREAM;
        c->step_due = e->now + UPSTREAM_RECHECK_MS;
        gw_session_arm(e, session, c->step_due);
    } else {
        gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION,
                          e->shared.state == GW_LINK_DENIED ? "upstream denied"
                                                            : "upstream down");
    }
}

void gw_connect_on_deadline(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);

    if (c->step == GW_STEP_UPSTREAM) {
        if (s->up != 0 || (e->shared.state == GW_LINK_UNKNOWN &&
                           e->now - s->state_since >= UPSTREAM_WAIT_MS))
            gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION,
                              "upstream timeout");
        else
            accept_when_up(e, session);
    } else if (c->step_tries >= e->policy.options.retry_count ||
               e->now >= exchange_limit(e, s)) {
        e->counters.connects_abandoned++;
        gw_connect_abandon(e, session); /* silently (G12-36) */
    } else {
        c->step_tries++;
        gw_count_again(e, &e->counters.tx_again_will);
        prompt(e, session, (enum gw_connect_step)c->step);
    }
}

/* ---- a new connection -------------------------------------------------- */

/* One of a client that is asleep or awake, and that changes nothing, only makes
 * it active (G12-20). */
static void begin(struct gw_engine *e, uint32_t session,
                  const struct request *r)
{
    struct gw_session *s = gw_session_at(e, session);

    gw_deliver_suspend(e, session);
    s->keepalive_s = r->duration_s;
    gw_warm(e, session)->connect_hash = r->hash;
    s->flags &= ~(unsigned)GW_S_CLEAN;
    if ((s->state == GW_ASLEEP || s->state == GW_AWAKE) && !r->clean &&
        !r->will) {
        gw_connect_accept(e, session);
        return;
    }
    gw_replies_wipe(e, session);
    gw_session_forget_answers(e, session);
    if (r->clean) {
        gw_session_wipe(e, session); /* [SN 6.3], G12-51 */
        s->flags |= GW_S_CLEAN;
    } else {
        gw_exchanges_leave(e, session, false);
        gw_topics_forget_announced(e, session); /* G12-13 */
    }
    forget_exchange(e, session);
    gw_session_enter(e, session, GW_HALF_OPEN);
    if (r->will)
        prompt(e, session, GW_STEP_WILLTOPIC);
    else
        accept_when_up(e, session);
}

static void take_over(struct gw_engine *e, uint32_t session,
                      const struct gw_peer *peer, const struct request *r)
{
    struct gw_session *s = gw_session_at(e, session);

    if (!gw_session_bind(e, session, peer)) {
        connack(e, peer, gw_names_span(&e->names, s->client_id),
                MQTTSN_REJECTED_CONGESTION, "table full");
        return;
    }
    begin(e, session, r);
}

/* ---- contested client ids (D5) ----------------------------------------- */

void gw_contender_end(struct gw_engine *e, uint32_t session)
{
    uint32_t index = gw_cold(e, gw_session_at(e, session))->contender;
    struct gw_contender *c;

    if (index == 0)
        return;
    c = gw_contender_at(e, index);
    gw_table_remove(&e->by_contender, gw_peer_hash(e, &c->addr, c->node_id),
                    index);
    gw_names_unref(&e->names, c->node_id);
    gw_slab_give(&e->contenders, index);
    gw_warm(e, session)->contender = 0;
    gw_cold_rests(e, session);
}

bool gw_contender_is(const struct gw_engine *e, const struct gw_peer *peer)
{
    uint64_t hash = gw_peer_hash(e, &peer->addr, peer->node_ref);
    struct gw_table_probe probe;

    for (uint32_t i = gw_table_first(&e->by_contender, hash, &probe); i != 0;
         i = gw_table_next(&e->by_contender, &probe)) {
        const struct gw_contender *c = gw_contender_at(e, i);

        if (c->node_id == peer->node_ref &&
            gw_addr_equal(&c->addr, &peer->addr))
            return true;
    }
    return false;
}

static struct gw_peer contender_peer(struct gw_engine *e,
                                     const struct gw_contender *c)
{
    return (struct gw_peer){.addr = c->addr,
                            .via = c->via,
                            .node_id = gw_names_span(&e->names, c->node_id),
                            .node_ref = c->node_id};
}

void gw_contender_on_answer(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_peer peer =
        contender_peer(e, gw_contender_at(e, gw_cold(e, s)->contender));

    e->counters.takeover_refused++;
    gw_note_peer(e, GW_NOTE_TAKEOVER_REFUSED, &peer.addr,
                 gw_names_span(&e->names, s->client_id), 0, NULL);
    e->counters.connects_congestion++;
    gw_stranger_reply(
        e, &peer,
        &(struct gw_reply){.type = MQTTSN_CONNACK,
                           .return_code = MQTTSN_REJECTED_CONGESTION});
    gw_contender_end(e, session);
}

void gw_contender_on_deadline(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_contender *stored = gw_contender_at(e, gw_cold(e, s)->contender);
    struct gw_contender c = *stored;
    struct gw_peer peer = contender_peer(e, &c);

    if (e->now - c.since < CONTEST_MS && c.tries < CONTEST_TRIES &&
        s->addr.family != 0) {
        stored->tries++;
        stored->due = stored->tries < CONTEST_TRIES ? e->now + CONTEST_MS / 2
                                                    : c.since + CONTEST_MS;
        gw_reply_simple(e, session, MQTTSN_PINGREQ);
        gw_session_arm(e, session, stored->due);
        return;
    }
    take_over(e, session, &peer,
              &(struct request){c.clean, c.will, c.duration_s, c.hash});
    if (s->number != 0)
        gw_contender_end(e, session);
}

/* Asks the holder first; the newcomer waits. */
static void contest(struct gw_engine *e, uint32_t session,
                    const struct gw_peer *peer, const struct request *r)
{
    const struct gw_session *s = gw_session_at(e, session);
    uint32_t index = gw_cold(e, s)->contender, node;
    struct gw_contender *c;

    if (index != 0) {
        c = gw_contender_at(e, index);
        if (gw_addr_equal(&c->addr, &peer->addr) &&
            c->node_id == peer->node_ref)
            return; /* it repeats itself */
        connack(e, peer, gw_names_span(&e->names, s->client_id),
                MQTTSN_REJECTED_CONGESTION, "client id contested");
        return;
    }
    /* Without its node id it would be taken for its forwarder. */
    node = gw_names_intern(&e->names, peer->node_id);
    if (node != 0 || peer->node_id.len == 0)
        index = gw_slab_take(&e->contenders);
    if (index == 0) {
        gw_names_unref(&e->names, node);
        connack(e, peer, gw_names_span(&e->names, s->client_id),
                MQTTSN_REJECTED_CONGESTION, "table full");
        return;
    }
    c = gw_contender_at(e, index);
    c->addr = peer->addr;
    c->via = peer->via;
    c->node_id = node;
    c->session = session;
    c->clean = r->clean;
    c->will = r->will;
    c->duration_s = r->duration_s;
    c->hash = r->hash;
    c->since = e->now;
    gw_warm(e, session)->contender = index;
    gw_table_insert(&e->by_contender, gw_peer_hash(e, &c->addr, c->node_id),
                    index);
    gw_contender_on_deadline(e, session); /* the first PINGREQ goes now */
}

/* Somebody gets the session who need not ask: nobody waits for it any more. */
static void settle_contest(struct gw_engine *e, uint32_t session,
                           const struct gw_peer *peer)
{
    uint32_t index = gw_cold(e, gw_session_at(e, session))->contender;
    const struct gw_contender *c;

    if (index == 0)
        return;
    c = gw_contender_at(e, index);
    if (gw_addr_equal(&c->addr, &peer->addr) && c->node_id == peer->node_ref)
        gw_contender_end(e, session); /* it is the one that waited */
    else
        gw_contender_on_answer(e, session);
}

/* Whether the holder of the id must be asked before it loses it. */
static bool held_elsewhere(const struct gw_engine *e, uint32_t session,
                           const struct gw_peer *peer)
{
    const struct gw_session *s = gw_session_at(e, session);

    return s->addr.family != 0 &&
           (s->state == GW_ACTIVE || s->state == GW_AWAKE) &&
           !gw_session_was_at_host(s, peer);
}

/* ---- frames ------------------------------------------------------------- */

/* Why a CONNECT is refused at the door, or NULL. */
static const char *flaw(const struct gw_engine *e,
                        const struct mqttsn_frame *frame)
{
    const struct gw_options *o = &e->policy.options;

    if (frame->connect.protocol_id != MQTTSN_PROTOCOL_ID)
        return "protocol id"; /* G12-03 */
    if (frame->connect.client_id.len == 0)
        return "empty client id"; /* G12-02 */
    if (frame->connect.client_id.len > o->max_client_id)
        return "client id too long"; /* G12-01 */
    if (!mqttsn_utf8_valid(frame->connect.client_id))
        return "client id not UTF-8";
    if (!gw_policy_may_connect(&e->policy, frame->connect.client_id))
        return "client id not fit for upstream.topic_prefix";
    if (frame->connect.duration_s == 0 && o->refuse_keepalive_zero)
        return "keep-alive 0"; /* G12-04 */
    return NULL;
}

/* From the address that holds the session already. */
static void again(struct gw_engine *e, uint32_t session,
                  const struct gw_peer *peer, const struct request *r)
{
    const struct gw_options *o = &e->policy.options;
    struct gw_session *s = gw_session_at(e, session);
    bool identical = gw_cold(e, s)->connect_hash == r->hash;
    enum gw_connect_step step = (enum gw_connect_step)gw_cold(e, s)->step;

    gw_via_set(&e->vias, &s->via, &peer->via);
    if (gw_cold(e, s)->contender != 0)
        gw_contender_on_answer(e, session);
    if (s->state == GW_HALF_OPEN && identical) { /* G12-21a */
        if (step == GW_STEP_WILLTOPIC || step == GW_STEP_WILLMSG)
            prompt(e, session, step);
    } else if (s->state == GW_ACTIVE && identical &&
               !(s->flags & GW_S_TALKED) &&
               e->now - s->state_since <=
                   o->retry_interval * (o->retry_count + 1)) { /* G12-21b */
        if (!(s->flags & GW_S_CONNACK_DUE))
            gw_reply_push(
                e, session,
                &(struct gw_reply){.type = MQTTSN_CONNACK, .again = true},
                e->store_queued);
        s->last_heard = e->now;
    } else if (gw_store_behind(e)) {
        connack(e, peer, gw_names_span(&e->names, s->client_id),
                MQTTSN_REJECTED_CONGESTION, "store behind");
    } else {
        begin(e, session, r);
    }
}

void gw_on_connect(struct gw_engine *e, const struct gw_peer *peer,
                   const struct mqttsn_frame *frame, struct mqttsn_span octets)
{
    struct mqttsn_span client_id = frame->connect.client_id;
    uint32_t bound = gw_session_by_peer(e, peer), session;
    const char *why = flaw(e, frame);
    struct request r = {.clean = frame->connect.flags.clean_session,
                        .will = frame->connect.flags.will,
                        .duration_s = frame->connect.duration_s,
                        .hash = gw_hash(e, octets.data, octets.len)};

    if (why != NULL) {
        connack(e, peer, client_id, MQTTSN_REJECTED_NOT_SUPPORTED, why);
        return;
    }
    session = gw_session_by_client(e, client_id);
    if (session != 0 && session == bound) {
        again(e, session, peer, &r);
        return;
    }
    if (session != 0 && held_elsewhere(e, session, peer)) {
        contest(e, session, peer, &r);
        return;
    }
    if (gw_store_behind(e)) {
        connack(e, peer, client_id, MQTTSN_REJECTED_CONGESTION, "store behind");
        return;
    }
    if (session != 0)
        settle_contest(e, session, peer);
    if (bound != 0 && gw_session_at(e, bound)->state == GW_HALF_OPEN)
        gw_connect_abandon(e, bound); /* the device has changed its mind */
    if (session == 0) {
        session = gw_session_new(e, client_id);
        if (session == 0) {
            gw_note(e, GW_NOTE_TABLE_FULL, 0, 0, "sessions");
            connack(e, peer, client_id, MQTTSN_REJECTED_CONGESTION,
                    "table full");
            return;
        }
    }
    take_over(e, session, peer, &r);
    /* A new session that could not even be bound leaves no trace. */
    if (gw_session_at(e, session)->number != 0 &&
        gw_session_at(e, session)->addr.family == 0 &&
        !(gw_session_at(e, session)->flags & GW_S_KNOWN))
        gw_session_end(e, session);
}

static bool is_at(const struct gw_engine *e, uint32_t session,
                  enum gw_connect_step step)
{
    const struct gw_session *s = gw_session_at(e, session);

    return s->state == GW_HALF_OPEN && gw_cold(e, s)->step == step;
}

void gw_on_willtopic(struct gw_engine *e, uint32_t session,
                     const struct mqttsn_frame *frame)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c;

    if (is_at(e, session, GW_STEP_WILLMSG)) {
        prompt(e, session, GW_STEP_WILLMSG); /* our prompt was lost */
        return;
    }
    if (!is_at(e, session, GW_STEP_WILLTOPIC)) {
        e->counters.rx_ignored++;
        return;
    }
    if (frame->willtopic.empty || frame->willtopic.topic.len == 0) {
        gw_will_delete(e, session); /* [SN 6.3]: only the will data */
        gw_store_will(e, session);
        accept_when_up(e, session);
        return;
    }
    if (!gw_policy_may_publish(&e->policy, s->client_id,
                               frame->willtopic.topic)) {
        gw_connect_refuse(e, session, MQTTSN_REJECTED_NOT_SUPPORTED,
                          "will topic"); /* G12-43, T14 */
        return;
    }
    c = gw_warm(e, session);
    gw_names_unref(&e->names, c->new_will_topic);
    c->new_will_topic = gw_names_intern(&e->names, frame->willtopic.topic);
    if (c->new_will_topic == 0) {
        gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION, "table full");
        return;
    }
    c->new_will_qos = gw_will_qos(e, session, &frame->willtopic.flags);
    s->flags &= ~(unsigned)GW_S_NEW_WILL_RETAIN;
    if (frame->willtopic.flags.retain)
        s->flags |= GW_S_NEW_WILL_RETAIN;
    prompt(e, session, GW_STEP_WILLMSG);
}

void gw_on_willmsg(struct gw_engine *e, uint32_t session,
                   const struct mqttsn_frame *frame)
{
    const struct gw_session *s = gw_session_at(e, session);
    uint32_t message = 0;
    struct gw_cold *c;

    if (!is_at(e, session, GW_STEP_WILLMSG)) {
        e->counters.rx_ignored++;
        return;
    }
    if (frame->willmsg.message.len > GW_NAMES_LONGEST) {
        gw_connect_refuse(e, session, MQTTSN_REJECTED_NOT_SUPPORTED,
                          "will message too long");
        return;
    }
    if (frame->willmsg.message.len != 0) {
        message = gw_names_intern(&e->names, frame->willmsg.message);
        if (message == 0) {
            gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION,
                              "table full");
            return;
        }
    }
    c = gw_warm(e, session);
    gw_will_set_message(e, session, message);
    gw_will_set_topic(e, session, c->new_will_topic, c->new_will_qos,
                      (s->flags & GW_S_NEW_WILL_RETAIN) != 0);
    c->new_will_topic = 0;
    gw_store_session(e, session); /* before what belongs to it */
    gw_store_will(e, session);
    accept_when_up(e, session);
}
