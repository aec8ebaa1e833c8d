/* SPDX-License-Identifier: MIT */
/* What must hold after every input, as far as it shows from outside. */
#include "engine_world.h"

#include "mqttsn/frame.h"
#include "mqttsn/topic.h"

/* Nothing that only nodes send, and nothing with an id that means nothing. */
static void check_message(const struct mqttsn_frame *f)
{
    switch (f->type) {
    case MQTTSN_PUBLISH:
        MUST(f->publish.flags.qos <= 2);
        MUST(f->publish.flags.topic_type != MQTTSN_TOPIC_RESERVED);
        MUST((f->publish.flags.qos == 0) == (f->publish.msg_id == 0));
        MUST(f->publish.flags.topic_type != MQTTSN_TOPIC_NORMAL ||
             (f->publish.topic_id != 0 && f->publish.topic_id != 0xffff));
        break;
    case MQTTSN_REGISTER:
        MUST(f->reg.msg_id != 0);
        MUST(f->reg.topic_id != 0 && f->reg.topic_id != 0xffff);
        MUST(mqttsn_topic_name_valid(f->reg.topic_name));
        break;
    case MQTTSN_DISCONNECT:
        MUST(!f->disconnect.has_duration);
        break;
    case MQTTSN_PINGREQ:
        MUST(f->pingreq.client_id.len == 0);
        break;
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        MUST(f->connack.return_code <= MQTTSN_REJECTED_NOT_SUPPORTED);
        break;
    case MQTTSN_REGACK:
    case MQTTSN_PUBACK:
        MUST(f->puback.return_code <= MQTTSN_REJECTED_NOT_SUPPORTED);
        break;
    case MQTTSN_SUBACK:
        MUST(f->suback.return_code <= MQTTSN_REJECTED_NOT_SUPPORTED);
        MUST(f->suback.flags.qos <= 2);
        break;
    case MQTTSN_ADVERTISE:
    case MQTTSN_GWINFO:
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PUBCOMP:
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_UNSUBACK:
    case MQTTSN_PINGRESP:
        break;
    case MQTTSN_SEARCHGW:
    case MQTTSN_CONNECT:
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLMSG:
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
    case MQTTSN_WILLTOPICUPD:
    case MQTTSN_WILLMSGUPD:
    case MQTTSN_ENCAPSULATED:
        MUST(!"a message that a gateway may send");
    }
}

static struct fz_node *find_node(struct fz_world *w, const struct gw_addr *to,
                                 struct mqttsn_span wireless)
{
    for (unsigned k = 0; k < FZ_NODES; k++) {
        struct fz_node *node = &w->nodes[k];

        if (gw_addr_equal(&node->addr, to) &&
            mqttsn_span_equal(mqttsn_span(node->wireless, node->wireless_len),
                              wireless))
            return node;
    }
    return NULL;
}

/* The forwarder itself may also speak, without encapsulation. */
static bool is_forwarder(const struct fz_world *w, const struct gw_addr *to)
{
    return gw_addr_equal(&w->nodes[FZ_FORWARDED].addr, to);
}

void fz_check_datagram(struct fz_world *w, const struct gw_datagram *d,
                       const uint8_t *data)
{
    struct mqttsn_span in = {data, d->len}, wireless = {NULL, 0};
    struct mqttsn_frame f;
    struct fz_node *node;

    MUST(d->via.listener < w->options.listener_count);
    MUST(d->len <= w->options.listeners[d->via.listener].max_datagram);
    MUST(mqttsn_decode(in, MQTTSN_DECODE_STRICT, &f) == MQTTSN_OK);
    if (d->target == GW_TO_GROUP) {
        MUST(w->options.listeners[d->via.listener].discovery);
        MUST(f.type == MQTTSN_ADVERTISE || f.type == MQTTSN_GWINFO);
        return;
    }
    if (f.type == MQTTSN_ENCAPSULATED) {
        wireless = f.encapsulated.node_id;
        in = f.encapsulated.message;
        MUST(mqttsn_decode(in, MQTTSN_DECODE_STRICT, &f) == MQTTSN_OK);
    }
    check_message(&f);
    /* Nobody is spoken to who did not speak. */
    node = find_node(w, &d->to, wireless);
    if (w->foreign)
        return; /* the records tell of anybody */
    if (node == NULL) {
        MUST(wireless.len > 0 || is_forwarder(w, &d->to));
        MUST(is_forwarder(w, &d->to));
        return;
    }
    MUST(node->spoke);
    node->heard_len = in.len < FZ_ANSWER ? in.len : FZ_ANSWER;
    memcpy(node->heard, in.data, node->heard_len);
}

void fz_check_action(const struct fz_world *w, const struct gw_up_action *a)
{
    unsigned waiting = 0;

    MUST(a->topic.len <= GW_NAME_MAX);
    if (a->kind == GW_UP_OPEN || a->kind == GW_UP_CLOSE)
        return;
    MUST(a->connection == 0 ? w->connected : fz_link_is_up(w, a->connection));
    MUST(mqttsn_text_prudent(a->topic) || w->foreign);
    if (a->kind == GW_UP_PUBLISH) {
        MUST(mqttsn_topic_name_valid(a->topic));
        MUST(a->qos <= 2);
        MUST((a->qos == 0) == (a->token == 0));
    } else {
        MUST(mqttsn_filter_valid(a->topic));
        MUST(a->token != 0);
        MUST(a->payload.len == 0);
    }
    if (a->token == 0)
        return;
    for (size_t i = 0; i < w->token_count; i++) {
        MUST(w->tokens[i].token != a->token);
        if (w->tokens[i].kind == GW_UP_PUBLISH &&
            w->tokens[i].connection == a->connection)
            waiting++;
    }
    if (a->kind == GW_UP_PUBLISH)
        MUST(waiting < w->options.window);
}

static void check_limits(const struct fz_world *w, const struct gw_usage *u)
{
    const struct gw_limits *l = &w->limits;

    MUST(u->sessions <= l->max_sessions);
    MUST(u->topics <= l->max_topics);
    MUST(u->subscriptions <= l->max_subscriptions);
    MUST(u->exchanges <= l->max_exchanges + l->uplink_max_messages);
    MUST(u->uplink_messages <= l->uplink_max_messages);
    MUST(u->uplink_bytes <= l->uplink_max_bytes);
    MUST(u->queue_entries <= l->max_queue_entries);
    MUST(u->message_bytes <= l->queue_total_bytes + l->uplink_total_bytes);
    MUST(u->name_bytes <= l->names_total_bytes);
}

/* What was queued was delivered, dropped and counted, or is still there; and
 * nothing of it twice. Some is dropped before it is queued. */
static void check_conservation(const struct fz_world *w,
                               const struct gw_usage *u)
{
    const struct gw_counters *c = gw_engine_counters(w->engine);
    uint64_t out = c->drop_queue_full + c->drop_total_full +
                   c->drop_fair_share + c->drop_superseded + c->drop_expired +
                   c->drop_message_expired + c->drop_session_ended +
                   c->drop_too_large + c->drop_no_topic_id +
                   c->drop_name_refused + c->drop_rejected +
                   c->drop_unresponsive + c->drop_table_full + c->drop_purged;

    MUST(c->down_queued + w->restored_places <=
         c->down_delivered + out + u->queue_entries);
    MUST(c->down_queued + w->restored_places >=
         c->down_delivered + u->queue_entries);
    MUST(c->rx_datagrams == w->fed);
    MUST(c->tx_datagrams == w->sent);
    MUST(c->up_publishes + w->held >= c->up_acked + c->up_rejected);
}

void fz_check_state(struct fz_world *w)
{
    struct gw_session_info rows[8];
    struct gw_usage u, sum = {0};
    struct gw_totals totals;
    uint32_t in_state[GW_STATE_COUNT] = {0};
    uint32_t cursor = 0;
    size_t n;

    gw_engine_usage(w->engine, &u);
    gw_engine_totals(w->engine, &totals);
    check_limits(w, &u);
    check_conservation(w, &u);
    n = gw_engine_visit(w->engine, &cursor, 8, rows);
    /* One that ended while it had something to send is given back when that
     * is looked for. */
    MUST(n == u.sessions || ((w->blocked & FZ_DATAGRAM) && n < u.sessions));
    for (size_t i = 0; i < n; i++) {
        MUST(rows[i].state < GW_STATE_COUNT);
        in_state[rows[i].state]++;
        MUST(rows[i].topics <= w->options.max_topics_per_client);
        MUST(rows[i].last_heard <= w->now);
        sum.topics += rows[i].topics;
        sum.subscriptions += rows[i].subscriptions;
        sum.queue_entries += rows[i].queue_messages;
        sum.exchanges += rows[i].exchanges;
        sum.sessions++;
        for (size_t k = 0; k < i; k++)
            MUST(!mqttsn_span_equal(rows[i].client_id, rows[k].client_id));
    }
    /* Who waits for its CONNACK to leave shows as half-open, and counts by what
     * it is. */
    for (unsigned i = 0; i < GW_STATE_COUNT; i++) {
        sum.sessions -= totals.clients[i];
        if (n == u.sessions && i == GW_HALF_OPEN)
            MUST(totals.clients[i] <= in_state[i]);
        else if (n == u.sessions)
            MUST(totals.clients[i] >= in_state[i]);
    }
    MUST(sum.sessions == 0);
    MUST(sum.topics <= u.topics); /* predefined ones have entries too */
    MUST(sum.subscriptions == u.subscriptions);
    MUST(sum.queue_entries == u.queue_entries);
    MUST(sum.exchanges <= u.exchanges);
}

bool fz_is_malformed(const struct fz_world *w, const uint8_t *data, size_t len)
{
    unsigned options = w->options.paho_len_quirk ? MQTTSN_DECODE_PAHO_LEN_QUIRK
                                                 : MQTTSN_DECODE_STRICT;
    struct mqttsn_frame f;

    return mqttsn_decode(mqttsn_span(data, len), options, &f) != MQTTSN_OK ||
           (f.type == MQTTSN_ENCAPSULATED &&
            mqttsn_decode(f.encapsulated.message, options, &f) != MQTTSN_OK);
}

void fz_check_unchanged(struct fz_world *w, const struct gw_counters *before,
                        const struct gw_usage *usage)
{
    struct gw_counters after = *gw_engine_counters(w->engine);
    struct gw_usage now;
    uint64_t why = after.rx_short + after.rx_length + after.rx_trailing +
                   after.rx_type + after.rx_field + after.rx_nested +
                   after.rx_oversize + after.rx_forwarder_refused +
                   after.rx_source_rate;

    why -= before->rx_short + before->rx_length + before->rx_trailing +
           before->rx_type + before->rx_field + before->rx_nested +
           before->rx_oversize + before->rx_forwarder_refused +
           before->rx_source_rate;
    MUST(why == 1);
    after.rx_datagrams = before->rx_datagrams;
    after.rx_short = before->rx_short;
    after.rx_length = before->rx_length;
    after.rx_trailing = before->rx_trailing;
    after.rx_type = before->rx_type;
    after.rx_field = before->rx_field;
    after.rx_nested = before->rx_nested;
    after.rx_oversize = before->rx_oversize;
    after.rx_forwarder_refused = before->rx_forwarder_refused;
    after.rx_source_rate = before->rx_source_rate;
    MUST(memcmp(&after, before, sizeof(after)) == 0);
    gw_engine_usage(w->engine, &now);
    MUST(memcmp(&now, usage, sizeof(now)) == 0);
}
