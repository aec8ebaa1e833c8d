/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>

/* Without news for so long, a message of QoS 0 is given up. */
#define LOST_US 1000000
/* After the last message: how long to wait for those that are missing. */
#define DRAIN_US 3000000
#define SECOND UINT64_C(1000000)

static bool goes_up(const struct bench *b)
{
    return b->options.mode == BENCH_UP || b->options.mode == BENCH_MIXED;
}

static bool comes_down(const struct bench *b)
{
    return b->options.mode == BENCH_DOWN || b->options.mode == BENCH_MIXED;
}

/* ---- whose turn it is --------------------------------------------------- */

static bool has_room(const struct bench *b, const struct bench_node *node)
{
    uint32_t window = (uint32_t)b->options.window;

    return node->step == STEP_READY &&
           ((goes_up(b) && node->up.under_way < window) ||
            (comes_down(b) && node->down.under_way < window));
}

static void list(struct bench *b, struct bench_node *node)
{
    if (node->listed || !b->loading || !has_room(b, node))
        return;
    node->listed = true;
    b->turn[(b->turn_at + b->turn_count++) % b->count] =
        (uint32_t)(node - b->nodes);
}

static struct bench_node *next_listed(struct bench *b)
{
    struct bench_node *node = &b->nodes[b->turn[b->turn_at]];

    b->turn_at = (b->turn_at + 1) % b->count;
    b->turn_count--;
    node->listed = false;
    return node;
}

/* ---- publishing --------------------------------------------------------- */

static struct bench_exchange *take_exchange(struct bench *b,
                                            struct bench_node *node)
{
    for (long i = 0; i < b->options.window; i++) {
        struct bench_exchange *e = &node->exchange[i];

        if (e->used)
            continue;
        if (++node->msg_id == 0)
            node->msg_id = 1;
        *e = (struct bench_exchange){.used = true,
                                     .msg_id = node->msg_id,
                                     .number = node->up.next,
                                     .first_us = b->now,
                                     .last_us = b->now};
        return e;
    }
    return NULL;
}

static bool publish_up(struct bench *b, struct bench_node *node)
{
    uint16_t msg_id = 0;

    if (node->up.under_way >= (uint32_t)b->options.window)
        return false;
    if (b->options.common.qos > 0) {
        struct bench_exchange *e = take_exchange(b, node);

        if (e == NULL)
            return false;
        msg_id = e->msg_id;
    }
    bench_put_publish(b, node, node->up.next++, bench_now_us(), msg_id, false);
    node->up.under_way++;
    node->up.moved_us = b->now;
    b->up.sent++;
    return true;
}

/* A message at the broker. False: its buffer is full. */
static bool put_down(struct bench *b, const char *topic, uint32_t stream,
                     uint32_t number)
{
    uint8_t payload[BENCH_PAYLOAD_MAX];
    struct bench_stamp stamp = {b->run, stream, number, bench_now_us()};

    bench_stamp_write(payload, (size_t)b->options.size, &stamp);
    return bench_mqtt_publish(&b->mqtt, topic,
                              mqttsn_span(payload, (size_t)b->options.size),
                              (unsigned)b->options.common.qos);
}

static bool publish_down(struct bench *b, struct bench_node *node)
{
    char topic[BENCH_TOPIC_MAX];

    if (node->down.under_way >= (uint32_t)b->options.window)
        return false;
    bench_topic(b, node, 'd', topic);
    if (!put_down(b, topic, (uint32_t)(node - b->nodes), node->down.next))
        return false;
    node->down.next++;
    node->down.under_way++;
    node->down.moved_us = b->now;
    b->down.sent++;
    return true;
}

/* Published so far, and how many may be by now. */
static uint64_t done(const struct bench *b)
{
    return b->up.sent + b->down.sent;
}

static uint64_t allowed(const struct bench *b)
{
    const struct bench_options *o = &b->options;
    uint64_t most = o->count > 0 ? (uint64_t)o->count : UINT64_MAX;
    uint64_t due;

    if (o->rate == 0 && o->interval_ms == 0)
        return most;
    due = 1 + (o->rate > 0 ? (b->now - b->load_us) * (uint64_t)o->rate / SECOND
                           : (b->now - b->load_us) / (o->interval_ms * 1000));
    return due < most ? due : most;
}

static void publish_all(struct bench *b)
{
    uint64_t most = allowed(b);
    uint64_t left = most > done(b) ? most - done(b) : 0;
    size_t turns = b->turn_count;
    /* At a rate nodes take turns one by one; else as much as they may. */
    bool paced = b->options.rate > 0 || b->options.interval_ms > 0;
    unsigned burst = paced ? 1 : BENCH_BATCH;

    while (left > 0 && turns-- > 0) {
        struct bench_node *node = next_listed(b);
        bool stuck = false;

        for (unsigned i = 0; i < burst && left > 0 && !stuck; i++) {
            bool moved = goes_up(b) && publish_up(b, node);

            left -= moved;
            if (comes_down(b) && left > 0 && publish_down(b, node)) {
                moved = true;
                left--;
            }
            stuck = !moved;
        }
        list(b, node);
    }
    bench_flush(b);
}

/* ---- to all ------------------------------------------------------------- */

static void publish_fanouts(struct bench *b)
{
    struct bench_fanout *f = &b->fanout[b->fanout_next % BENCH_FANOUTS];
    char topic[BENCH_TOPIC_MAX];

    while (done(b) < allowed(b) &&
           b->fanout_open < (uint32_t)b->options.window && f->left == 0) {
        bench_topic(b, b->nodes, 'd', topic);
        *f = (struct bench_fanout){b->fanout_next, 0, bench_now_us()};
        if (b->options.no_broker) {
            bench_put_publish(b, b->nodes, b->fanout_next, f->sent_us, 0,
                              false);
            bench_flush(b);
        } else if (!put_down(b, topic, 0, b->fanout_next)) {
            return;
        }
        f->left = (uint32_t)b->connected;
        b->fanout_next++;
        b->fanout_open++;
        b->down.sent++;
        f = &b->fanout[b->fanout_next % BENCH_FANOUTS];
    }
}

static void fanout_arrived(struct bench *b, uint32_t number)
{
    struct bench_fanout *f = &b->fanout[number % BENCH_FANOUTS];

    if (f->number != number || f->left == 0 || --f->left > 0)
        return;
    b->fanout_open--;
    bench_spread_add(&b->complete, b->now - f->sent_us);
}

/* Copies that do not come keep no other message back. */
static void give_up_fanouts(struct bench *b)
{
    for (size_t i = 0; i < BENCH_FANOUTS; i++) {
        struct bench_fanout *f = &b->fanout[i];

        if (f->left == 0 || b->now < f->sent_us + LOST_US)
            continue;
        b->down.abandoned += f->left;
        f->left = 0;
        b->fanout_open--;
    }
}

/* ---- arriving ----------------------------------------------------------- */

static void count_arrival(struct bench *b, struct bench_counts *counts,
                          struct bench_tally *tally,
                          const struct bench_stamp *stamp)
{
    uint32_t late = tally->late;

    if (!bench_tally_add(tally, stamp->number)) {
        counts->repeated++;
        return;
    }
    counts->late += tally->late - late;
    counts->arrived++;
    b->now = bench_now_us();
    b->stop_us = b->now;
    bench_spread_add(&b->latency, b->now - stamp->sent_us);
}

static bool is_ours(struct bench *b, struct bench_counts *counts,
                    struct mqttsn_span payload, struct bench_stamp *ret_stamp)
{
    if (!bench_stamp_read(payload, ret_stamp)) {
        counts->damaged++;
        return false;
    }
    if (ret_stamp->run != b->run || ret_stamp->stream >= b->count) {
        counts->foreign++;
        return false;
    }
    return true;
}

/* What is known of QoS 0 by what arrived: order is kept, so all before it
 * arrived too, or never will. */
static void settle_to(struct bench *b, struct bench_node *node,
                      struct bench_stream *stream, uint32_t number)
{
    uint32_t settled;

    if (number < stream->settled)
        return;
    settled = number + 1 - stream->settled;
    stream->settled = number + 1;
    stream->under_way -=
        settled < stream->under_way ? settled : stream->under_way;
    stream->moved_us = b->now;
    list(b, node);
}

void bench_arrived_up(void *bench, struct mqttsn_span topic,
                      struct mqttsn_span payload)
{
    struct bench *b = bench;
    struct bench_stamp stamp;
    struct bench_node *node;

    (void)topic;
    if (!is_ours(b, &b->up, payload, &stamp))
        return;
    node = &b->nodes[stamp.stream];
    count_arrival(b, &b->up, &node->up.tally, &stamp);
    if (b->options.common.qos == 0)
        settle_to(b, node, &node->up, stamp.number);
}

void bench_arrived_down(struct bench *b, struct bench_node *node,
                        struct mqttsn_span payload)
{
    struct bench_stamp stamp;

    if (!is_ours(b, &b->down, payload, &stamp))
        return;
    if (b->options.mode != BENCH_FAN_OUT && b->options.mode != BENCH_SLEEP &&
        stamp.stream != (uint32_t)(node - b->nodes)) {
        b->down.foreign++; /* another node's */
        return;
    }
    count_arrival(b, &b->down, &node->down.tally, &stamp);
    if (b->options.mode == BENCH_FAN_OUT)
        fanout_arrived(b, stamp.number);
    else if (b->loading)
        settle_to(b, node, &node->down, stamp.number);
}

void bench_acknowledged(struct bench *b, struct bench_node *node,
                        struct bench_exchange *exchange, uint8_t code)
{
    exchange->used = false;
    node->up.under_way--;
    node->up.moved_us = b->now;
    if (code == MQTTSN_ACCEPTED) {
        b->up.acknowledged++;
        b->now = bench_now_us();
        bench_spread_add(&b->answer, b->now - exchange->first_us);
    } else {
        b->up.refused++;
    }
    list(b, node);
}

/* ---- repeating and giving up -------------------------------------------- */

static void repeat_exchange(struct bench *b, struct bench_node *node,
                            struct bench_exchange *e)
{
    struct mqttsn_frame release = {.type = MQTTSN_PUBREL};

    if (!e->used || b->now < e->last_us + b->options.common.retry_ms * 1000)
        return;
    e->last_us = b->now;
    b->up.retransmitted++;
    if (e->released) {
        release.pubrel.msg_id = e->msg_id;
        bench_put(b, node, &release);
    } else {
        bench_put_publish(b, node, e->number, e->first_us, e->msg_id, true);
    }
}

static void give_up(struct bench *b, struct bench_node *node,
                    struct bench_stream *stream)
{
    if (stream->under_way == 0 || b->now < stream->moved_us + LOST_US)
        return;
    stream->under_way = 0;
    stream->settled = stream->next;
    list(b, node);
}

void bench_load_check(struct bench *b, struct bench_node *node)
{
    if (b->options.common.qos == 0) {
        give_up(b, node, &node->up);
    } else {
        for (long i = 0; node->exchange != NULL && i < b->options.window; i++)
            repeat_exchange(b, node, &node->exchange[i]);
    }
    if (b->options.common.qos == 0)
        give_up(b, node, &node->down);
    if (b->options.mode == BENCH_FAN_OUT && node == b->nodes)
        give_up_fanouts(b);
    list(b, node);
}

/* ---- the measured time -------------------------------------------------- */

static bool all_arrived(const struct bench *b)
{
    uint64_t copies = b->options.mode == BENCH_FAN_OUT ? b->connected : 1;
    uint64_t acknowledged =
        b->options.common.qos > 0 ? b->up.acknowledged + b->up.refused : 0;

    return b->up.arrived >= b->up.sent && b->mqtt.under_way == 0 &&
           b->down.arrived >= b->down.sent * copies &&
           (b->options.common.qos == 0 || acknowledged >= b->up.sent);
}

/* What is still on its way may come, as long as something does. */
static void drain(struct bench *b)
{
    uint64_t until = b->now + DRAIN_US;
    uint64_t seen = 0;

    while (!b->ended && !all_arrived(b) && b->now < until) {
        uint64_t arrived = b->up.arrived + b->down.arrived + b->up.acknowledged;

        if (arrived != seen)
            until =
                b->now + DRAIN_US +
                (b->options.common.qos > 0 ? b->options.common.retry_ms * 1000
                                           : 0);
        seen = arrived;
        bench_turn(b, b->now + 10000);
    }
}

void bench_load(struct bench *b)
{
    const struct bench_options *o = &b->options;
    uint64_t pause = o->rate > 0 ? SECOND / (uint64_t)o->rate : 10000;
    uint64_t until;

    /* What was counted while nodes prepared is no part of it, whoever sent. */
    b->up.arrived = b->up.repeated = b->up.late = 0;
    b->latency = b->answer = (struct bench_spread){.count = 0};
    b->loading = true;
    b->load_us = b->stop_us = b->now = bench_now_us();
    until = o->count > 0 && o->seconds == 0
                ? UINT64_MAX
                : b->now + (uint64_t)o->seconds * SECOND;
    for (size_t i = 0; i < b->count; i++)
        list(b, &b->nodes[i]);
    while (!b->ended && !b->asked && b->now < until &&
           (o->count == 0 || done(b) < (uint64_t)o->count)) {
        if (o->mode == BENCH_FAN_OUT)
            publish_fanouts(b);
        else
            publish_all(b);
        bench_turn(b, b->now + (pause > 0 && pause < 10000 ? pause : 10000));
    }
    for (size_t i = 0; i < b->count; i++)
        b->nodes[i].listed = true; /* nothing new */
    drain(b);
    b->loading = false;
}
