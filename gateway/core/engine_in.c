/* SPDX-License-Identifier: MIT */
/*
 * The door, inwards: what comes in is decoded once and handed to the file that
 * knows it.
 */
#include "deliver.h"
#include "fixed.h"
#include "handlers.h"

/* Deadlines handled in one call; the rest is due at once again. */
#define DEADLINES_A_TURN 256

/* ---- datagrams in ------------------------------------------------------ */

static void count_malformed(struct gw_engine *e, enum mqttsn_status status)
{
    switch (status) {
    case MQTTSN_ETRUNCATED:
        e->counters.rx_short++;
        return;
    case MQTTSN_ELENGTH:
        e->counters.rx_length++;
        return;
    case MQTTSN_ETRAILING:
        e->counters.rx_trailing++;
        return;
    case MQTTSN_ETYPE:
        e->counters.rx_type++;
        return;
    case MQTTSN_ENESTED:
        e->counters.rx_nested++;
        return;
    case MQTTSN_OK:
    case MQTTSN_EFIELD:
    case MQTTSN_ENOSPACE:
    case MQTTSN_EPROTO:
    case MQTTSN_EINVAL:
    case MQTTSN_ENOTFOUND:
    case MQTTSN_EIO:
        e->counters.rx_field++;
        return;
    }
}

static enum gw_column column_of(const struct gw_session *s)
{
    if (s == NULL)
        return GW_COL_UNKNOWN;
    switch ((enum gw_state)s->state) {
    case GW_HALF_OPEN:
        return GW_COL_HALF_OPEN;
    case GW_ACTIVE:
        return GW_COL_ACTIVE;
    case GW_ASLEEP:
        return GW_COL_ASLEEP;
    case GW_AWAKE:
        return GW_COL_AWAKE;
    case GW_DISCONNECTED:
    case GW_LOST:
        return GW_COL_GONE;
    }
    return GW_COL_GONE;
}

/* A connection may not do this now: with strict_sleep only what wakes or ends
 * a sleep comes from a sleeper (G12-26); and after upstream_down_max nodes are
 * told to look elsewhere (G12-37). */
static bool is_barred(const struct gw_engine *e, enum gw_column column,
                      enum mqttsn_type type)
{
    if (column == GW_COL_ASLEEP && e->policy.options.strict_sleep &&
        (type == MQTTSN_REGISTER || type == MQTTSN_PUBLISH ||
         type == MQTTSN_SUBSCRIBE || type == MQTTSN_UNSUBSCRIBE ||
         type == MQTTSN_WILLTOPICUPD || type == MQTTSN_WILLMSGUPD))
        return true;
    return column >= GW_COL_ACTIVE && column <= GW_COL_AWAKE &&
           gw_link_given_up(e) && type != MQTTSN_DISCONNECT;
}

static void handle(struct gw_engine *e, const struct gw_peer *peer,
                   uint32_t session, const struct mqttsn_frame *frame)
{
    switch (frame->type) {
    case MQTTSN_ADVERTISE:
    case MQTTSN_SEARCHGW:
    case MQTTSN_GWINFO:
        gw_on_discovery(e, peer, frame);
        return;
    case MQTTSN_WILLTOPIC:
        gw_on_willtopic(e, session, frame);
        return;
    case MQTTSN_WILLMSG:
        gw_on_willmsg(e, session, frame);
        return;
    case MQTTSN_WILLTOPICUPD:
    case MQTTSN_WILLMSGUPD:
        gw_on_willupd(e, session, frame);
        return;
    case MQTTSN_REGISTER:
        gw_on_register(e, session, frame);
        return;
    case MQTTSN_PUBLISH:
        gw_on_publish(e, session, frame);
        return;
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
    case MQTTSN_PUBREC:
    case MQTTSN_PUBCOMP:
        gw_deliver_on_frame(e, session, frame);
        return;
    case MQTTSN_PUBREL:
        if (gw_session_connected(gw_session_at(e, session)) ||
            gw_exchange_find(e, session, GW_X_PUBLISH, frame->pubrel.msg_id))
            gw_on_pubrel(e, session, frame);
        else
            gw_stranger_disconnect(e, peer);
        return;
    case MQTTSN_SUBSCRIBE:
        gw_on_subscribe(e, session, frame);
        return;
    case MQTTSN_UNSUBSCRIBE:
        gw_on_unsubscribe(e, session, frame);
        return;
    case MQTTSN_PINGREQ:
        gw_on_pingreq(e, peer, session, frame);
        return;
    case MQTTSN_DISCONNECT:
        gw_on_disconnect(e, session, frame);
        return;
    case MQTTSN_CONNECT:
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_SUBACK:
    case MQTTSN_UNSUBACK:
    case MQTTSN_PINGRESP:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
    case MQTTSN_ENCAPSULATED:
        return;
    }
}

/* Larger than what [client] allows from this node (G12-09). */
static bool is_oversize(struct gw_engine *e, uint32_t session, size_t len)
{
    size_t most = 0;

    if (e->policy.options.client_rule_count != 0)
        most = gw_session_settings(e, session)->max_datagram;
    return most != 0 && len > most;
}

static void on_frame(struct gw_engine *e, const struct gw_peer *peer,
                     const struct mqttsn_frame *frame,
                     struct mqttsn_span octets)
{
    uint32_t session;
    struct gw_session *s;
    enum gw_column column;
    enum gw_reaction reaction;

    if (frame->type == MQTTSN_CONNECT) {
        gw_on_connect(e, peer, frame, octets);
        return;
    }
    if (frame->type == MQTTSN_PUBLISH &&
        frame->publish.flags.qos == MQTTSN_QOS_MINUS1) {
        gw_on_publish_minus1(e, peer, frame);
        return;
    }
    session = gw_session_by_peer(e, peer);
    s = session != 0 ? gw_session_at(e, session) : NULL;
    column = column_of(s);
    if (s != NULL && is_oversize(e, session, peer->datagram_len)) {
        e->counters.rx_oversize++;
        return;
    }
    /* What has no way of saying "congestion" is repeated by its node. */
    if (gw_store_behind(e) &&
        (frame->type == MQTTSN_UNSUBSCRIBE ||
         frame->type == MQTTSN_DISCONNECT || gw_store_crammed(e))) {
        e->counters.store_full++;
        return;
    }
    reaction = gw_reaction_to(column, frame);
    if (s != NULL && reaction != GW_R_DROP) {
        gw_via_set(&e->vias, &s->via, &peer->via);
        gw_session_heard(e, session); /* G12-52 */
    }
    if (is_barred(e, column, frame->type)) {
        gw_stranger_disconnect(e, peer);
        return;
    }
    switch (reaction) {
    case GW_R_DROP:
        e->counters.rx_direction++;
        return;
    case GW_R_IGNORE:
        e->counters.rx_ignored++;
        return;
    case GW_R_DISCONNECT:
        /* Who says once more that it leaves is not told so before the first
         * time is stored: a crash would find it connected, and lost later. */
        if (session != 0 && frame->type == MQTTSN_DISCONNECT) {
            gw_reply_push(e, session,
                          &(struct gw_reply){.type = MQTTSN_DISCONNECT},
                          gw_store_all(e));
            return;
        }
        gw_stranger_disconnect(e, peer);
        return;
    case GW_R_HANDLE:
        handle(e, peer, session, frame);
        return;
    }
}

void gw_engine_on_datagram(struct gw_engine *e, const struct gw_addr *from,
                           const struct gw_via *via, struct mqttsn_span bytes,
                           mqttsn_ms now)
{
    const struct gw_options *o = &e->policy.options;
    unsigned quirk =
        o->paho_len_quirk ? MQTTSN_DECODE_PAHO_LEN_QUIRK : MQTTSN_DECODE_STRICT;
    struct gw_peer peer = {
        .addr = *from, .via = *via, .datagram_len = bytes.len};
    enum mqttsn_status status;
    struct mqttsn_frame frame;

    e->now = now;
    e->counters.rx_datagrams++;
    if (via->listener < o->listener_count &&
        bytes.len > o->listeners[via->listener].max_datagram) {
        e->counters.rx_oversize++;
        return;
    }
    if (o->source_rate != 0 &&
        !gw_bucket_take(gw_bucket_of(e, e->source, from, o->source_rate),
                        o->source_rate, o->source_rate, now)) {
        e->counters.rx_source_rate++;
        return;
    }
    status = mqttsn_decode(bytes, quirk, &frame);
    if (status == MQTTSN_OK && frame.type == MQTTSN_ENCAPSULATED) {
        if (!gw_policy_forwarder(&e->policy, via->listener, from)) {
            e->counters.rx_forwarder_refused++;
            return;
        }
        peer.node_id = frame.encapsulated.node_id;
        peer.node_ref = gw_names_find(&e->names, peer.node_id);
        bytes = frame.encapsulated.message;
        status = mqttsn_decode(bytes, quirk, &frame);
    }
    if (status != MQTTSN_OK) {
        count_malformed(e, status);
        return;
    }
    on_frame(e, &peer, &frame, bytes);
}

/* ---- upstream events --------------------------------------------------- */

static void set_link(struct gw_engine *e, enum gw_link_state link)
{
    if (e->shared.state == link)
        return;
    if (e->shared.state == GW_LINK_UP || e->shared.state == GW_LINK_UNKNOWN) {
        e->link_since = e->now;
        e->down_told = false;
        e->down_cursor = 0;
    }
    e->shared.state = (uint8_t)link;
}

static void on_exchange_result(struct gw_engine *e, uint32_t index,
                               enum gw_up_outcome outcome, uint8_t granted_qos)
{
    if (gw_exchange_at(e, index)->kind == GW_X_PUBLISH)
        gw_uplink_on_result(e, index, outcome);
    else
        gw_link_on_result(e, index, outcome, granted_qos);
}

static void on_result(struct gw_engine *e, uint64_t token,
                      enum gw_up_outcome outcome, uint8_t granted_qos)
{
    uint32_t index = (uint32_t)token;
    uint32_t generation = (uint32_t)(token >> 32) & GW_GENERATION_MASK;

    switch (token >> 56) {
    case GW_TOKEN_EXCHANGE:
        if (index != 0 && index <= e->exchanges.high &&
            (gw_exchange_at(e, index)->generation & GW_GENERATION_MASK) ==
                generation)
            on_exchange_result(e, index, outcome, granted_qos);
        return;
    case GW_TOKEN_WINDOW:
        gw_window_on_result(e, index, outcome, granted_qos);
        return;
    case GW_TOKEN_UNSUB:
        gw_unsubscribe_on_result(e, index, outcome);
        return;
    case GW_TOKEN_RESUB:
        gw_resubscribe_on_result(e, index, generation, outcome);
        return;
    case GW_TOKEN_PROBE:
        gw_overlap_on_result(e, generation, outcome);
        return;
    case GW_TOKEN_RETELL:
        gw_link_retold(e, index, generation, outcome);
        return;
    default:
        return;
    }
}

/* The gateway's own connection came or went. */
static void on_connection(struct gw_engine *e, const struct gw_up_event *event)
{
    uint16_t most;

    switch (event->kind) {
    case GW_UP_CONNECTED:
        set_link(e, GW_LINK_UP);
        e->link_was_up = true;
        e->connections++;
        most = event->connected.receive_maximum;
        e->shared.window_size = e->policy.options.window;
        if (most != 0 && most < e->shared.window_size)
            e->shared.window_size = most;
        if (gw_policy_own_connections(&e->policy))
            return; /* nobody's subscriptions are in it */
        e->identifiers = event->connected.identifiers;
        e->retain_options = event->connected.retain_options;
        gw_windows_on_connected(e, event->connected.session_present);
        gw_overlap_on_connected(e);
        return;
    case GW_UP_LOST:
        set_link(e, GW_LINK_DOWN);
        gw_windows_on_lost(e);
        gw_overlap_on_lost(e);
        return;
    case GW_UP_UNREACHABLE:
        set_link(e, GW_LINK_DOWN);
        return;
    case GW_UP_DENIED:
        set_link(e, GW_LINK_DENIED);
        return;
    case GW_UP_RESULT:
    case GW_UP_MESSAGE:
    case GW_UP_CLOSED:
        return;
    }
}

void gw_engine_on_upstream(struct gw_engine *e, const struct gw_up_event *event,
                           mqttsn_ms now)
{
    e->now = now;
    if (event->kind == GW_UP_RESULT)
        on_result(e, event->result.token, event->result.outcome,
                  event->result.granted_qos);
    else if (event->kind == GW_UP_MESSAGE)
        gw_downlink_message(e, event);
    else if (event->connection == 0)
        on_connection(e, event);
    else
        gw_link_on_event(e, event);
}

/* ---- time -------------------------------------------------------------- */

/* When the nodes are told that the upstream stays away (G12-37). */
static mqttsn_ms down_due(const struct gw_engine *e)
{
    mqttsn_ms most = e->policy.options.upstream_down_max;

    if (most == 0 || e->shared.state == GW_LINK_UP || e->down_told)
        return MQTTSN_NEVER;
    return e->link_since + most;
}

/* Some sessions a turn; sleepers find out at their next message. */
static void tell_down(struct gw_engine *e)
{
    for (unsigned n = 0; n < DEADLINES_A_TURN; n++) {
        const struct gw_session *s;

        if (e->down_cursor == e->sessions.high) {
            e->down_told = true;
            return;
        }
        s = gw_session_at(e, ++e->down_cursor);
        if (s->number != 0 && s->addr.family != 0 &&
            (s->state == GW_ACTIVE || s->state == GW_AWAKE))
            gw_session_dismiss(e, e->down_cursor);
    }
}

void gw_engine_on_deadline(struct gw_engine *e, mqttsn_ms now)
{
    uint64_t due;
    uint32_t i;

    e->now = now;
    if (gw_store_crammed(e))
        return;
    for (unsigned n = 0; n < DEADLINES_A_TURN; n++) {
        i = gw_heap_top(&e->due, &due);
        if (i == 0 || due > now)
            break;
        gw_session_on_deadline(e, i);
    }
    for (unsigned n = 0; n < DEADLINES_A_TURN; n++) {
        i = gw_heap_top(&e->window_due, &due);
        if (i == 0 || due > now)
            break;
        gw_window_on_deadline(e, i);
    }
    gw_line_on_deadline(e);
    if (now >= down_due(e))
        tell_down(e);
    gw_overlap_on_deadline(e);
    gw_fixed_on_deadline(e);
    gw_discover_on_deadline(e);
}

mqttsn_ms gw_engine_next_deadline(const struct gw_engine *e)
{
    mqttsn_ms next = gw_discover_next(e);
    uint64_t due;

    if (gw_store_crammed(e))
        return MQTTSN_NEVER; /* what wakes us is the store */
    if (down_due(e) < next)
        next = down_due(e);
    if (gw_fixed_next(e) < next)
        next = gw_fixed_next(e);
    if (gw_line_next_deadline(e) < next)
        next = gw_line_next_deadline(e);

    if (gw_heap_top(&e->due, &due) != 0 && due < next)
        next = due;
    if (gw_heap_top(&e->window_due, &due) != 0 && due < next)
        next = due;
    if (e->probe_step == GW_PROBE_COUNT && e->probe_due < next)
        next = e->probe_due;
    if (e->runnable_head != 0 && e->shared.state == GW_LINK_UP &&
        e->resubscribing == 0 && e->windows_from > e->now &&
        e->windows_from < next)
        next = e->windows_from;
    return next;
}
