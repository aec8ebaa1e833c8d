/* SPDX-License-Identifier: MIT */
/*
 * The door: what comes in is decoded once and handed to the file that knows
 * it; what goes out is asked of the files that have it, in a fixed order.
 */
#include "engine_private.h"

#include "siphash.h"

#include <stdlib.h>

/* Deadlines handled in one call; the rest is due at once again. */
#define DEADLINES_A_TURN 256

uint64_t gw_hash(const struct gw_engine *e, const void *data, size_t len)
{
    return gw_siphash13(e->seed, data, len);
}

uint64_t gw_lasting_hash(const void *data, size_t len)
{
    static const uint8_t key[16] = "mqttsn-gateway/1";

    return gw_siphash13(key, data, len);
}

/* splitmix64, seeded from the system's random source: MsgIds need to be
 * unguessable to a blind sender, not more. */
uint32_t gw_random(struct gw_engine *e)
{
    uint64_t z = e->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/* ---- datagrams in ----------------------------------------------------------
 */

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

static enum gw_column column_of(const struct gw_engine *e, uint32_t session)
{
    if (session == 0)
        return GW_COL_UNKNOWN;
    switch ((enum gw_state)gw_session_at(e, session)->state) {
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
    const struct gw_options *o = &e->policy.options;

    if (column == GW_COL_ASLEEP && o->strict_sleep &&
        (type == MQTTSN_REGISTER || type == MQTTSN_PUBLISH ||
         type == MQTTSN_SUBSCRIBE || type == MQTTSN_UNSUBSCRIBE ||
         type == MQTTSN_WILLTOPICUPD || type == MQTTSN_WILLMSGUPD))
        return true;
    return column >= GW_COL_ACTIVE && column <= GW_COL_AWAKE &&
           o->upstream_down_max != 0 && e->link != GW_LINK_UP &&
           e->now - e->link_since > o->upstream_down_max &&
           type != MQTTSN_DISCONNECT;
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

static void on_frame(struct gw_engine *e, const struct gw_peer *peer,
                     const struct mqttsn_frame *frame,
                     struct mqttsn_span octets)
{
    uint32_t session;
    enum gw_column column;

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
    column = column_of(e, session);
    if (session != 0 && gw_reaction_to(column, frame) != GW_R_DROP) {
        gw_session_at(e, session)->via = peer->via;
        gw_session_heard(e, session); /* G12-52 */
    }
    if (is_barred(e, column, frame->type)) {
        gw_stranger_disconnect(e, peer);
        return;
    }
    switch (gw_reaction_to(column, frame)) {
    case GW_R_DROP:
        e->counters.rx_direction++;
        return;
    case GW_R_IGNORE:
        e->counters.rx_ignored++;
        return;
    case GW_R_DISCONNECT:
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
    struct gw_peer peer = {.addr = *from, .via = *via};
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

/* ---- upstream events --------------------------------------------------------
 */

static void set_link(struct gw_engine *e, enum gw_up_link link)
{
    if (e->link == link)
        return;
    if (e->link == GW_LINK_UP || e->link == GW_LINK_UNKNOWN)
        e->link_since = e->now;
    e->link = (uint8_t)link;
}

static void on_result(struct gw_engine *e, uint64_t token,
                      enum gw_up_outcome outcome, uint8_t granted_qos)
{
    uint32_t index = (uint32_t)token;
    uint32_t generation = (uint32_t)(token >> 32) & 0xffffff;

    switch (token >> 56) {
    case GW_TOKEN_EXCHANGE:
        if (index != 0 && index <= e->exchanges.high &&
            (gw_exchange_at(e, index)->generation & 0xffffff) == generation)
            gw_uplink_on_result(e, index, outcome);
        return;
    case GW_TOKEN_WINDOW:
        gw_window_on_result(e, index, outcome, granted_qos);
        return;
    case GW_TOKEN_UNSUB:
        gw_unsubscribe_on_result(e, index, outcome);
        return;
    case GW_TOKEN_RESUB:
        gw_resubscribe_on_result(e, index, outcome);
        return;
    case GW_TOKEN_PROBE:
        gw_overlap_on_result(e, outcome);
        return;
    default:
        return;
    }
}

void gw_engine_on_upstream(struct gw_engine *e, const struct gw_up_event *event,
                           mqttsn_ms now)
{
    uint16_t most;

    e->now = now;
    switch (event->kind) {
    case GW_UP_CONNECTED:
        set_link(e, GW_LINK_UP);
        e->link_was_up = true;
        most = event->connected.receive_maximum;
        e->window_size = e->policy.options.window;
        if (most != 0 && most < e->window_size)
            e->window_size = most;
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
        on_result(e, event->result.token, event->result.outcome,
                  event->result.granted_qos);
        return;
    case GW_UP_MESSAGE:
        gw_downlink_message(e, event);
        return;
    }
}

/* ---- time
 * --------------------------------------------------------------------- */

void gw_engine_on_deadline(struct gw_engine *e, mqttsn_ms now)
{
    uint64_t due;
    uint32_t i;

    e->now = now;
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
    gw_overlap_on_deadline(e);
    gw_discover_on_deadline(e);
}

mqttsn_ms gw_engine_next_deadline(const struct gw_engine *e)
{
    mqttsn_ms next = gw_discover_next(e);
    uint64_t due;

    if (gw_heap_top(&e->due, &due) != 0 && due < next)
        next = due;
    if (gw_heap_top(&e->window_due, &due) != 0 && due < next)
        next = due;
    if (e->probe_step == GW_PROBE_COUNT && e->probe_due < next)
        next = e->probe_due;
    if (e->runnable_head != 0 && e->link == GW_LINK_UP &&
        e->resubscribing == 0 && e->windows_from > e->now &&
        e->windows_from < next)
        next = e->windows_from;
    return next;
}

/* ---- datagrams out
 * ------------------------------------------------------------- */

/* Encodes 'frame', in the wrapping of the node id if there is one. */
static bool encode(struct gw_engine *e, uint32_t node_id,
                   const struct mqttsn_frame *frame, uint8_t *buf, size_t cap,
                   struct gw_datagram *ret_datagram)
{
    struct mqttsn_span node = gw_names_span(&e->names, node_id);
    size_t header = node.len ? 3 + node.len : 0;

    if (header > cap || mqttsn_encode(frame, buf + header, cap - header,
                                      &ret_datagram->len) != MQTTSN_OK)
        return false;
    if (header != 0) {
        /* [SN 5.5]: its Length covers the header only; radius 0 to a node. */
        buf[0] = (uint8_t)header;
        buf[1] = MQTTSN_ENCAPSULATED;
        buf[2] = 0;
        memcpy(buf + 3, node.data, node.len);
        ret_datagram->len += header;
    }
    e->counters.tx_datagrams++;
    return true;
}

static bool take_stranger(struct gw_engine *e, uint8_t *buf, size_t cap,
                          struct gw_datagram *ret_datagram)
{
    struct gw_stranger stranger;
    struct mqttsn_frame frame;

    while (gw_stranger_take(e, &stranger)) {
        bool ok = gw_stranger_frame(e, &stranger.reply, &frame) &&
                  encode(e, stranger.node_id, &frame, buf, cap, ret_datagram);

        gw_names_unref(&e->names, stranger.node_id);
        if (ok) {
            ret_datagram->target = GW_TO_PEER;
            ret_datagram->to = stranger.addr;
            ret_datagram->via = stranger.via;
            return true;
        }
    }
    return false;
}

static bool take_session(struct gw_engine *e, uint8_t *buf, size_t cap,
                         struct gw_datagram *ret_datagram)
{
    while (e->ready_head != 0) {
        uint32_t index = e->ready_head;
        struct gw_session *s = gw_session_at(e, index);
        struct mqttsn_frame frame;

        e->ready_head = s->ready_next;
        if (e->ready_head == 0)
            e->ready_tail = 0;
        s->flags &= ~(unsigned)GW_S_READY;
        if (s->number == 0) { /* it ended while it was on the list */
            gw_slab_give(&e->sessions, index);
            continue;
        }
        if (s->addr.family == 0 || (!gw_reply_take(e, index, &frame) &&
                                    !gw_deliver_take(e, index, &frame)))
            continue;
        gw_session_ready(e, index); /* there may be more */
        if (!encode(e, s->node_id, &frame, buf, cap, ret_datagram))
            continue;
        ret_datagram->target = GW_TO_PEER;
        ret_datagram->to = s->addr;
        ret_datagram->via = s->via;
        return true;
    }
    return false;
}

bool gw_engine_poll_datagram(struct gw_engine *e, mqttsn_ms now, uint8_t *buf,
                             size_t cap, struct gw_datagram *ret_datagram)
{
    struct mqttsn_frame frame;

    e->now = now;
    memset(ret_datagram, 0, sizeof(*ret_datagram));
    while (gw_discover_take(e, &frame, ret_datagram)) {
        if (encode(e, 0, &frame, buf, cap, ret_datagram))
            return true;
    }
    return take_stranger(e, buf, cap, ret_datagram) ||
           take_session(e, buf, cap, ret_datagram);
}

bool gw_engine_poll_upstream(struct gw_engine *e, mqttsn_ms now,
                             unsigned classes, uint8_t *buf, size_t cap,
                             struct gw_up_action *ret_action)
{
    e->now = now;
    if (cap < GW_UP_BUFFER)
        return false;
    if (gw_overlap_poll(e, classes, buf, ret_action))
        return true;
    if ((classes & GW_UP_CONTROL) && gw_windows_poll(e, buf, ret_action))
        return true;
    return (classes & GW_UP_DATA) && gw_uplink_poll(e, buf, ret_action);
}

/* ---- life
 * ---------------------------------------------------------------------- */

void gw_engine_shutdown(struct gw_engine *e, mqttsn_ms now)
{
    e->now = now;
    if (e->shutting_down)
        return;
    e->shutting_down = true;
    if (!e->policy.options.will_on_shutdown)
        return;
    for (uint32_t i = 1; i <= e->sessions.high; i++) {
        const struct gw_session *s = gw_session_at(e, i);

        if (s->number != 0 && gw_session_connected(s))
            gw_will_publish(e, i);
    }
}

enum mqttsn_status gw_engine_reconfigure(struct gw_engine *e,
                                         const struct gw_options *options,
                                         mqttsn_ms now)
{
    e->now = now;
    return gw_policy_set(&e->policy, options);
}

/* Sizes that follow from the limits. */
static uint32_t filter_nodes(const struct gw_limits *l)
{
    return 4 * l->max_subscriptions + 64;
}
static uint32_t reply_places(const struct gw_limits *l)
{
    return l->max_sessions + 2 * l->max_exchanges + 1024;
}
static uint32_t contender_places(const struct gw_limits *l)
{
    return l->max_sessions / 8 + 16;
}
static uint32_t store_places(const struct gw_limits *l)
{
    uint64_t want = (uint64_t)l->max_sessions * 4 + l->max_queue_entries +
                    4 * GW_STORE_INFLIGHT;
    uint32_t n = 4096;

    while (n < want && n < (1u << 28))
        n *= 2;
    return n;
}

uint64_t gw_engine_size(const struct gw_limits *l)
{
    uint32_t s = l->max_sessions;

    return sizeof(struct gw_engine) + gw_names_size(l->names_total_bytes) +
           gw_messages_size(l->queue_total_bytes, l->max_queue_entries) +
           gw_messages_size(l->uplink_total_bytes, l->max_exchanges) +
           gw_filters_size(filter_nodes(l)) +
           gw_slab_size(sizeof(struct gw_session), s) +
           gw_slab_size(sizeof(struct gw_topic), l->max_topics) +
           gw_slab_size(sizeof(struct gw_sub), l->max_subscriptions) +
           gw_slab_size(sizeof(struct gw_place), l->max_queue_entries) +
           gw_slab_size(sizeof(struct gw_exchange), l->max_exchanges) +
           gw_slab_size(sizeof(struct gw_window), l->max_exchanges) +
           gw_slab_size(sizeof(struct gw_reply), reply_places(l)) +
           gw_slab_size(sizeof(struct gw_contender), contender_places(l)) +
           2 * gw_table_size(s) + 2 * gw_table_size(l->max_topics) +
           gw_table_size(l->max_subscriptions) + 2 * gw_heap_size(s) +
           gw_heap_size(l->max_exchanges) + gw_policy_size(l->max_predefined) +
           GW_STRANGERS * sizeof(struct gw_stranger) +
           2 * GW_BUCKETS * sizeof(struct gw_bucket) +
           store_places(l) * sizeof(struct gw_store_entry) +
           GW_NOTES * sizeof(struct gw_note) + 65536;
}

static bool init_tables(struct gw_engine *e)
{
    const struct gw_limits *l = &e->limits;
    uint32_t s = l->max_sessions, x = l->max_exchanges;

    return gw_names_init(&e->names, l->names_total_bytes, e->seed) ==
               MQTTSN_OK &&
           gw_messages_init(&e->down_messages, &e->names, l->queue_total_bytes,
                            l->max_queue_entries) == MQTTSN_OK &&
           gw_messages_init(&e->up_messages, &e->names, l->uplink_total_bytes,
                            x) == MQTTSN_OK &&
           gw_filters_init(&e->filters, &e->names, filter_nodes(l), e->seed) ==
               MQTTSN_OK &&
           gw_slab_init(&e->sessions, sizeof(struct gw_session), s) ==
               MQTTSN_OK &&
           gw_slab_init(&e->topics, sizeof(struct gw_topic), l->max_topics) ==
               MQTTSN_OK &&
           gw_slab_init(&e->subs, sizeof(struct gw_sub),
                        l->max_subscriptions) == MQTTSN_OK &&
           gw_slab_init(&e->places, sizeof(struct gw_place),
                        l->max_queue_entries) == MQTTSN_OK &&
           gw_slab_init(&e->exchanges, sizeof(struct gw_exchange), x) ==
               MQTTSN_OK &&
           gw_slab_init(&e->windows, sizeof(struct gw_window), x) ==
               MQTTSN_OK &&
           gw_slab_init(&e->replies, sizeof(struct gw_reply),
                        reply_places(l)) == MQTTSN_OK &&
           gw_slab_init(&e->contenders, sizeof(struct gw_contender),
                        contender_places(l)) == MQTTSN_OK &&
           gw_table_init(&e->by_addr, s) == MQTTSN_OK &&
           gw_table_init(&e->by_client, s) == MQTTSN_OK &&
           gw_table_init(&e->topics_by_id, l->max_topics) == MQTTSN_OK &&
           gw_table_init(&e->topics_by_name, l->max_topics) == MQTTSN_OK &&
           gw_table_init(&e->subs_by_key, l->max_subscriptions) == MQTTSN_OK &&
           gw_heap_init(&e->due, s) == MQTTSN_OK &&
           gw_heap_init(&e->fullest, s) == MQTTSN_OK &&
           gw_heap_init(&e->window_due, x) == MQTTSN_OK &&
           gw_policy_init(&e->policy, &e->names, l->max_predefined, e->seed) ==
               MQTTSN_OK;
}

static bool init_rings(struct gw_engine *e)
{
    uint32_t places = store_places(&e->limits);

    e->strangers = calloc(GW_STRANGERS, sizeof(*e->strangers));
    e->stranger_source = calloc(GW_BUCKETS, sizeof(*e->stranger_source));
    e->source = calloc(GW_BUCKETS, sizeof(*e->source));
    e->store_ring = calloc(places, sizeof(*e->store_ring));
    e->store_mask = places - 1;
    e->notes = calloc(GW_NOTES, sizeof(*e->notes));
    e->scratch = malloc(65536);
    return e->strangers && e->stranger_source && e->source && e->store_ring &&
           e->notes && e->scratch;
}

enum mqttsn_status gw_engine_new(const struct gw_limits *limits,
                                 const struct gw_options *options,
                                 const uint8_t seed[16], mqttsn_ms now,
                                 struct gw_engine **ret_engine)
{
    struct gw_engine *e;
    enum mqttsn_status status;

    if (limits->max_sessions == 0 || limits->max_topics == 0 ||
        limits->max_subscriptions == 0 || limits->max_exchanges == 0 ||
        limits->max_queue_entries == 0 || limits->queue_total_bytes == 0 ||
        limits->uplink_total_bytes == 0 || limits->names_total_bytes == 0)
        return MQTTSN_EINVAL;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return MQTTSN_ENOSPACE;
    e->limits = *limits;
    e->now = now;
    e->link_since = now;
    memcpy(e->seed, seed, sizeof(e->seed));
    memcpy(&e->random, seed, sizeof(e->random));
    status = MQTTSN_ENOSPACE;
    if (!init_tables(e) || !init_rings(e))
        goto fail;
    status = gw_policy_set(&e->policy, options);
    if (status != MQTTSN_OK)
        goto fail;
    e->window_size = options->window;
    e->stranger_all.tokens = options->stranger_reply_rate * 1000;
    e->stranger_all.since = now;
    *ret_engine = e;
    return MQTTSN_OK;

fail:
    gw_engine_free(e);
    return status;
}

void gw_engine_free(struct gw_engine *e)
{
    if (e == NULL)
        return;
    gw_policy_fini(&e->policy);
    gw_heap_fini(&e->due);
    gw_heap_fini(&e->fullest);
    gw_heap_fini(&e->window_due);
    gw_table_fini(&e->by_addr);
    gw_table_fini(&e->by_client);
    gw_table_fini(&e->topics_by_id);
    gw_table_fini(&e->topics_by_name);
    gw_table_fini(&e->subs_by_key);
    gw_slab_fini(&e->sessions);
    gw_slab_fini(&e->topics);
    gw_slab_fini(&e->subs);
    gw_slab_fini(&e->places);
    gw_slab_fini(&e->exchanges);
    gw_slab_fini(&e->windows);
    gw_slab_fini(&e->replies);
    gw_slab_fini(&e->contenders);
    gw_filters_fini(&e->filters);
    gw_messages_fini(&e->down_messages);
    gw_messages_fini(&e->up_messages);
    gw_names_fini(&e->names);
    free(e->strangers);
    free(e->stranger_source);
    free(e->source);
    free(e->store_ring);
    free(e->notes);
    free(e->scratch);
    free(e);
}
