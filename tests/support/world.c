/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "world.h"

#include <assert.h>
#include <stdlib.h>

#include "broker.h"

/* More turns than any quiet engine needs after one input. */
#define TURNS_MAX 100000
/* More due deadlines at one instant than make sense. */
#define STUCK_MAX 100000

static void *grow(void *rows, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return rows;
    *room = *room == 0 ? 64 : *room * 2;
    rows = realloc(rows, *room * size);
    assert(rows != NULL);
    return rows;
}

uint32_t world_random(struct world *world, uint32_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 16) % below;
}

/* ---- the store --------------------------------------------------------- */

static void records_remove(struct records *r, size_t at)
{
    free(r->rows[at].data);
    r->rows[at] = r->rows[--r->count];
}

static void records_apply(struct records *r,
                          const struct gw_store_action *action,
                          const uint8_t *data, mqttsn_ms now)
{
    for (size_t i = r->count; i-- > 0;)
        if (r->rows[i].owner == action->owner &&
            (action->verb == GW_STORE_FORGET_OWNER ||
             (r->rows[i].kind == action->kind &&
              r->rows[i].item == action->item)))
            records_remove(r, i);
    if (action->verb != GW_STORE_KEEP)
        return;
    r->rows = grow(r->rows, r->count, &r->room, sizeof(*r->rows));
    r->rows[r->count] = (struct record){.kind = action->kind,
                                        .owner = action->owner,
                                        .item = action->item,
                                        .kept_at = now,
                                        .len = action->len,
                                        .data = malloc(action->len + 1)};
    memcpy(r->rows[r->count].data, data, action->len);
    r->count++;
}

static int record_order(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void records_clear(struct records *r)
{
    while (r->count > 0)
        records_remove(r, r->count - 1);
    free(r->rows);
    memset(r, 0, sizeof(*r));
}

static void missed_add(struct world *world,
                       const struct gw_store_action *action, const void *data,
                       size_t len)
{
    struct missed *m;

    world->missed = grow(world->missed, world->missed_count,
                         &world->missed_room, sizeof(*world->missed));
    m = &world->missed[world->missed_count++];
    *m = (struct missed){
        .action = *action, .data = malloc(len + 1), .at = world->now};
    memcpy(m->data, data, len);
}

/* The store has them in memory, and nothing that comes later before them. A
 * crash takes them away. */
static void missed_end(struct world *world, bool crash)
{
    for (size_t i = 0; i < world->missed_count; i++) {
        struct missed *m = &world->missed[i];

        if (!crash)
            records_apply(&world->records, &m->action, m->data, m->at);
        free(m->data);
    }
    world->missed_count = 0;
}

void world_stored(struct world *world, size_t which, bool ok)
{
    uint64_t op = world->waiting_ops[which];

    memmove(&world->waiting_ops[which], &world->waiting_ops[which + 1],
            (world->waiting_count - which - 1) * sizeof(op));
    world->waiting_count--;
    gw_engine_on_stored(world->engine, op, ok, world->now);
}

/* Answers what was waiting when the turn began. */
static bool store_turn(struct world *world)
{
    size_t due = world->waiting_count;
    bool any = due > 0;

    if (world->store_mode == STORE_HELD)
        return false;
    if (world->store_mode == STORE_RANDOM && due > 0)
        due = world_random(world, (uint32_t)due + 1);
    for (; due > 0; due--) {
        size_t which = 0;

        if (world->store_mode == STORE_RANDOM)
            which = world_random(world, (uint32_t)world->waiting_count);
        world_stored(world, which, !world->store_fails);
    }
    return any;
}

/* ---- the sinks --------------------------------------------------------- */

static struct output *record_output(struct world *world, struct output out,
                                    const uint8_t *data, size_t len)
{
    struct output *copy = malloc(sizeof(*copy));
    char text[900];

    assert(copy != NULL);
    *copy = out;
    copy->at = world->now;
    copy->len = len;
    copy->data = malloc(len + 1);
    assert(copy->data != NULL);
    if (len > 0)
        memcpy(copy->data, data, len);
    world->outputs = grow(world->outputs, world->output_count,
                          &world->output_room, sizeof(*world->outputs));
    world->outputs[world->output_count++] = copy;
    if (copy->kind != OUT_STORE) {
        output_text(copy, text, sizeof(text));
        world_trace(world, "%s", text);
    }
    return copy;
}

static void finish_output(struct world *world, struct output *out)
{
    if (world->watch != NULL)
        world->watch(world, out);
}

/* What a gateway may put on the wire, whatever the test is about. */
static void check_datagram(struct world *world, const struct output *out)
{
    static const uint8_t from_gateway[] = {
        SN_ADVERTISE,  SN_GWINFO,        SN_CONNACK,    SN_WILLTOPICREQ,
        SN_WILLMSGREQ, SN_REGISTER,      SN_REGACK,     SN_PUBLISH,
        SN_PUBACK,     SN_PUBCOMP,       SN_PUBREC,     SN_PUBREL,
        SN_SUBACK,     SN_UNSUBACK,      SN_PINGREQ,    SN_PINGRESP,
        SN_DISCONNECT, SN_WILLTOPICRESP, SN_WILLMSGRESP};
    static struct sn_frame f;
    const uint8_t *data = out->data;
    size_t len = out->len;
    const char *wrong;

    if (out->datagram.len != out->len)
        world_fail(world, "datagram of %zu octets called %zu", out->len,
                   out->datagram.len);
    if (len > 3 && data[1] == SN_ENCAPSULATED && data[0] != 1) {
        if (data[0] >= len || data[0] < 4)
            world_fail(world, "an encapsulation without a message");
        len -= data[0];
        data += data[0];
    }
    if (len > SN_TAIL_MAX)
        return; /* larger than this check reads */
    wrong = sn_unpack(data, len, &f);
    if (wrong != NULL)
        world_fail(world, "the gateway sent a message that is %s", wrong);
    if (memchr(from_gateway, f.type, sizeof(from_gateway)) == NULL)
        world_fail(world, "the gateway sent a %s", sn_type_name(f.type));
    if (f.type == SN_DISCONNECT && !f.bare)
        world_fail(world, "a DISCONNECT of the gateway has a duration");
    if ((f.type == SN_REGISTER || f.type == SN_PUBLISH) && f.msg == 0 &&
        (f.type == SN_REGISTER || (f.flags & SN_QOS_BITS) != 0))
        world_fail(world, "the gateway used MsgId 0");
}

static bool drain_datagrams(struct world *world)
{
    struct output out = {.kind = OUT_DATAGRAM};
    unsigned n = 0;

    if (world->blocked & SINK_DATAGRAM)
        return false;
    while ((world->budget == 0 || n < world->budget) &&
           gw_engine_poll_datagram(world->engine, world->now, world->buf,
                                   GW_DATAGRAM_MAX, &out.datagram)) {
        struct output *kept =
            record_output(world, out, world->buf, out.datagram.len);

        check_datagram(world, kept);
        world->datagram_total++;
        finish_output(world, kept);
        if (++n > TURNS_MAX)
            world_fail(world, "datagrams without end");
    }
    return n > 0;
}

static bool drain_upstream(struct world *world)
{
    struct output out = {.kind = OUT_UPSTREAM};
    unsigned n = 0;

    if (world->blocked & SINK_UPSTREAM)
        return false;
    while ((world->budget == 0 || n < world->budget) &&
           gw_engine_poll_upstream(world->engine, world->now, world->up_classes,
                                   world->buf, GW_UP_BUFFER, &out.up)) {
        size_t id_len = out.up.kind == GW_UP_OPEN ? out.up.client_id.len : 0;
        uint8_t *joined =
            malloc(out.up.topic.len + out.up.payload.len + id_len + 1);
        struct output *kept;
        size_t topic_len = out.up.topic.len;
        size_t both = topic_len + out.up.payload.len;

        if (topic_len > 0)
            memcpy(joined, out.up.topic.data, topic_len);
        if (out.up.payload.len > 0)
            memcpy(joined + topic_len, out.up.payload.data, out.up.payload.len);
        if (id_len > 0)
            memcpy(joined + both, out.up.client_id.data, id_len);
        struct output copy = out;

        copy.up.topic.data = joined;
        copy.up.payload.data = joined + topic_len;
        if (id_len > 0)
            copy.up.client_id.data = joined + both;
        kept = record_output(world, copy, joined, both + id_len);
        free(joined);
        kept->up.topic.data = kept->data;
        kept->up.payload.data = kept->data + topic_len;
        if (id_len > 0)
            kept->up.client_id.data = kept->data + both;
        world->action_total++;
        if (world->broker != NULL)
            broker_take(world->broker, kept);
        finish_output(world, kept);
        if (++n > TURNS_MAX)
            world_fail(world, "upstream actions without end");
    }
    return n > 0;
}

static bool drain_store(struct world *world)
{
    struct output out = {.kind = OUT_STORE};
    unsigned n = 0;

    if (world->blocked & SINK_STORE)
        return false;
    while ((world->budget == 0 || n < world->budget) &&
           gw_engine_poll_store(world->engine, world->now, world->buf,
                                GW_RECORD_MAX, &out.store)) {
        size_t len = out.store.verb == GW_STORE_KEEP ? out.store.len : 0;

        if (world->waiting_count >= GW_STORE_INFLIGHT)
            world_fail(world, "more than GW_STORE_INFLIGHT operations wait");
        finish_output(world, record_output(world, out, world->buf, len));
        if (world->store_fails) {
            missed_add(world, &out.store, world->buf, len);
        } else if (!world->no_records) {
            missed_end(world, false);
            records_apply(&world->records, &out.store, world->buf, world->now);
        }
        world->waiting_ops =
            grow(world->waiting_ops, world->waiting_count, &world->waiting_room,
                 sizeof(*world->waiting_ops));
        world->waiting_ops[world->waiting_count++] = out.store.op;
        if (++n > TURNS_MAX)
            world_fail(world, "store actions without end");
    }
    return n > 0;
}

static bool drain_notes(struct world *world)
{
    struct output out = {.kind = OUT_NOTE};
    bool any = false;

    if (world->blocked & SINK_NOTE)
        return false;
    while (gw_engine_poll_note(world->engine, &out.note)) {
        finish_output(world, record_output(world, out, NULL, 0));
        any = true;
    }
    return any;
}

void world_pump(struct world *world)
{
    bool more = true;

    for (unsigned turns = 0; more; turns++) {
        more = drain_store(world);
        more |= drain_datagrams(world);
        more |= drain_store(world); /* as the daemon does it */
        more |= drain_upstream(world);
        more |= drain_notes(world);
        more |= store_turn(world);
        if (world->broker != NULL)
            more |= broker_turn(world->broker, world);
        if (turns > TURNS_MAX)
            world_fail(world, "the sinks never come to rest");
    }
}

/* ---- inputs ------------------------------------------------------------ */

void world_send_raw(struct world *world, const struct node *node,
                    const void *data, size_t len)
{
    char text[WORLD_TEXT], where[80];

    datagram_text(data, len, text, sizeof(text));
    address_text(&node->addr, where, sizeof(where));
    world_trace(world, "%s > %s", where, text);
    gw_engine_on_datagram(world->engine, &node->addr, &node->via,
                          mqttsn_span(data, len), world->now);
    world_pump(world);
}

void world_send(struct world *world, const struct node *node,
                struct octets message)
{
    if (node->wireless_len > 0)
        message = sn_wrap(node->wireless, node->wireless_len, message);
    world_send_raw(world, node, message.data, message.len);
}

static void give(struct world *world, const struct gw_up_event *event)
{
    gw_engine_on_upstream(world->engine, event, world->now);
    world_pump(world);
}

void world_connected(struct world *world, bool session_present)
{
    struct gw_up_event event = {.kind = GW_UP_CONNECTED};

    event.connected.session_present = session_present;
    world_trace(world, "up > connected session=%d", session_present);
    give(world, &event);
}

void world_event(struct world *world, enum gw_up_event_kind kind)
{
    struct gw_up_event event = {.kind = kind, .connection = world->link};

    world_trace(world, "up > event %d", kind);
    give(world, &event);
}

void world_result(struct world *world, uint64_t token,
                  enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    event.result.token = token;
    event.result.outcome = outcome;
    event.result.granted_qos = granted_qos;
    world_trace(world, "up > result token=%llu outcome=%d granted=%u",
                (unsigned long long)token, outcome, granted_qos);
    give(world, &event);
}

void world_message_event(struct world *world, struct gw_up_event *event)
{
    static uint16_t packet_id;
    struct mqttsn_span topic = event->message.topic;
    struct mqttsn_span payload = event->message.payload;

    event->connection = world->link;
    if (event->message.qos > 0) {
        if (++packet_id == 0)
            packet_id = 1;
        event->message.packet_id = packet_id;
    }
    world_trace(
        world, "up > PUBLISH %.*s qos=%u retain=%d \"%.*s\"", (int)topic.len,
        (const char *)topic.data, event->message.qos, event->message.retain,
        (int)(payload.len > 60 ? 60 : payload.len), (const char *)payload.data);
    give(world, event);
}

void world_message(struct world *world, const char *topic, const void *payload,
                   size_t len, uint8_t qos, bool retain)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};

    event.message.topic = mqttsn_span_text(topic);
    event.message.payload = mqttsn_span(payload, len);
    event.message.qos = qos;
    event.message.retain = retain;
    world_message_event(world, &event);
}

void world_until(struct world *world, mqttsn_ms time)
{
    unsigned stuck = 0;

    for (;;) {
        mqttsn_ms due = gw_engine_next_deadline(world->engine);

        if (due > time)
            break;
        if (due > world->now) {
            world->now = due;
            stuck = 0;
        } else if (++stuck > STUCK_MAX) {
            world_fail(world, "a deadline is due for ever");
        }
        gw_engine_on_deadline(world->engine, world->now);
        world_pump(world);
    }
    if (time > world->now)
        world->now = time;
    world_pump(world);
}

/* ---- life -------------------------------------------------------------- */

void world_init(struct world *world)
{
    static const char id[] = "gw-under-test";

    memset(world, 0, sizeof(*world));
    gw_limits_default(&world->limits);
    world->limits.max_sessions = 64;
    world->limits.max_topics = 1024;
    world->limits.max_subscriptions = 256;
    world->limits.max_exchanges = 256;
    world->limits.max_queue_entries = 4096;
    world->limits.uplink_max_messages = 1024;
    world->limits.uplink_max_bytes = 1024 * 1024;
    world->limits.max_predefined = 64;
    world->limits.queue_total_bytes = 1024 * 1024;
    world->limits.names_total_bytes = 256 * 1024;
    gw_options_default(&world->options);
    world->options.overlapping = GW_OVERLAPPING_ONE;
    world->options.upstream_client_id = id;
    world->options.gw_id = 7;
    world->options.listeners = world->listeners;
    world->options.predefined = world->predefined;
    world->options.client_rules = world->rules;
    for (size_t i = 0; i < sizeof(world->seed); i++)
        world->seed[i] = (uint8_t)(i * 37 + 11);
    world->up_classes = GW_UP_CONTROL | GW_UP_DATA;
    world->random = 0x9e3779b97f4a7c15u;
    world->now = 1000000; /* the origin of the clock means nothing */
    world->buf = malloc(GW_RECORD_MAX + GW_UP_BUFFER);
}

void world_listener(struct world *world, struct gw_listener_options listener)
{
    assert(world->options.listener_count < WORLD_LISTENERS);
    world->listeners[world->options.listener_count++] = listener;
}

void world_predefine(struct world *world, const char *client, uint16_t id,
                     const char *topic, bool open)
{
    assert(world->options.predefined_count < WORLD_PREDEFINED);
    world->predefined[world->options.predefined_count++] =
        (struct gw_predefined){
            .client_id = client, .topic = topic, .topic_id = id, .open = open};
}

static void make_engine(struct world *world)
{
    enum mqttsn_status status =
        gw_engine_new(&world->limits, &world->options, world->seed, world->now,
                      &world->engine);

    if (status != MQTTSN_OK)
        world_fail(world, "gw_engine_new: %s", mqttsn_status_text(status));
}

void world_start(struct world *world)
{
    if (world->options.listener_count == 0)
        world_listener(world, (struct gw_listener_options){.max_datagram = 1024,
                                                           .discovery = true});
    make_engine(world);
    world_pump(world);
    if (!world->start_offline)
        world_connected(world, false);
}

static void add_counters(struct gw_counters *sum, const struct gw_counters *c)
{
#define ADD(name, text) sum->name += c->name;
    GW_COUNTER_MAP(ADD)
#undef ADD
}

void world_restart(struct world *world)
{
    add_counters(&world->counters_before, gw_engine_counters(world->engine));
    gw_engine_free(world->engine);
    world->engine = NULL;
    world->waiting_count = 0;
    missed_end(world, true);
    world->seed[0]++;
    make_engine(world);
    world_trace(world, "the engine is built again from %zu records",
                world->records.count);
    if (world->records.count > 0)
        qsort(world->records.rows, world->records.count,
              sizeof(*world->records.rows), record_order);
    for (size_t i = 0; i < world->records.count; i++) {
        const struct record *r = &world->records.rows[i];
        enum mqttsn_status status;

        gw_engine_restore_age(world->engine, world->now - r->kept_at);
        status = gw_engine_restore(world->engine, r->kind, r->owner, r->item,
                                   mqttsn_span(r->data, r->len), world->now);

        if (status != MQTTSN_OK &&
            !(status == MQTTSN_ENOTFOUND &&
              (world->orphans_allowed || world->narrows)) &&
            !(status == MQTTSN_ENOSPACE && world->narrows))
            world_fail(world, "restore kind=%u owner=%u item=%u: %s", r->kind,
                       r->owner, r->item, mqttsn_status_text(status));
    }
    if (world->before_restored != NULL)
        world->before_restored(world, world->before_restored_arg);
    gw_engine_restored(world->engine, world->now);
    world_pump(world);
}

void world_stop(struct world *world)
{
    gw_engine_free(world->engine);
    world_forget_outputs(world);
    records_clear(&world->records);
    missed_end(world, true);
    free(world->missed);
    free(world->outputs);
    free(world->waiting_ops);
    for (size_t i = 0; i < WORLD_TRACE; i++)
        free(world->trace[i]);
    free(world->buf);
    memset(world, 0, sizeof(*world));
}
