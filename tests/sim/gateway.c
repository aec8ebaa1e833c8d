/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rounds of one turn, as the daemon has them. */
#define ROUNDS 8

/* More deadlines at one instant than make sense. */
#define STUCK_MAX 20000

static const struct gw_predefined predefined[GATEWAY_PREDEFINED] = {
    {.topic = "pre/one", .topic_id = 101, .open = true},
    {.topic = "t/1", .topic_id = 102},
    {.topic = "cmd/all", .topic_id = 3},
    {.topic = "pre/two", .topic_id = 60001},
};

const char *gateway_predefined(uint16_t id)
{
    for (size_t i = 0; i < GATEWAY_PREDEFINED; i++)
        if (predefined[i].topic_id == id)
            return predefined[i].topic;
    return NULL;
}

bool gateway_is_open(uint16_t id)
{
    for (size_t i = 0; i < GATEWAY_PREDEFINED; i++)
        if (predefined[i].topic_id == id)
            return predefined[i].open;
    return false;
}

/* Two addresses: the second and third of those that attackers have. */
bool gateway_lets_nameless(const struct gw_addr *from)
{
    return from->family == 4 && from->ip[0] == 10 &&
           (from->ip[3] == 122 || from->ip[3] == 123);
}

static void fill_limits(struct gw_limits *l, const struct options *o)
{
    gw_limits_default(l);
    l->max_sessions = (uint32_t)o->max_sessions;
    l->max_topics = (uint32_t)o->max_topics;
    l->max_subscriptions = (uint32_t)o->max_subscriptions;
    l->max_exchanges = (uint32_t)o->max_exchanges;
    l->max_queue_entries = (uint32_t)o->max_queue_entries;
    l->max_predefined = 16;
    l->max_connections = (uint32_t)o->max_connections;
    l->queue_total_bytes = (uint64_t)o->queue_total_bytes;
    l->uplink_total_bytes = (uint64_t)o->uplink_total_bytes;
    l->names_total_bytes = (uint64_t)o->names_total_bytes;
    l->uplink_max_messages = o->durable ? (uint32_t)o->uplink_max_messages : 0;
    l->uplink_max_bytes = o->durable ? (uint64_t)o->uplink_max_bytes : 0;
}

static void fill_options(struct gateway *gw, const struct options *o)
{
    struct gw_options *g = &gw->options;

    gw_options_default(g);
    g->gw_id = 7;
    g->retry_interval = (mqttsn_ms)o->retry_ms;
    g->retry_count = (unsigned)o->retry_count;
    g->rebind_on_ping = (enum gw_rebind)o->rebind_on_ping;
    g->sleep_keeps_topics = o->sleep_keeps_topics != 0;
    g->sleep_buffer_qos0 = o->sleep_buffer_qos0 != 0;
    g->strict_sleep = o->strict_sleep != 0;
    g->awake_max_messages = (uint32_t)o->awake_max_messages;
    g->awake_max_time = (mqttsn_ms)o->awake_max_s * 1000;
    g->max_topics_per_client = (uint32_t)o->max_topics_per_client;
    g->client_inflight_max = (uint32_t)o->client_inflight_max;
    g->stranger_reply_rate = (uint32_t)o->stranger_rate;
    g->source_rate = (uint32_t)o->source_rate;
    g->client_congestion_wait = (mqttsn_ms)o->congestion_wait_s * 1000;
    g->idle_max = (mqttsn_ms)o->idle_max_s * 1000;
    g->session_expiry = (mqttsn_ms)o->session_expiry_s * 1000;
    g->client.queue_max_messages = (uint32_t)o->queue_max_messages;
    g->client.queue_max_bytes = (uint32_t)o->queue_max_bytes;
    g->client.queue_max_age = (mqttsn_ms)o->queue_max_age_s * 1000;
    g->client.drop_policy = (enum gw_drop_policy)o->drop_policy;
    g->gw_ping = o->gw_ping != 0;
    g->overlapping = (enum gw_overlapping)o->overlapping;
    g->window = (uint32_t)o->window;
    g->retain_settle = (mqttsn_ms)o->retain_settle_ms;
    g->upstream_timeout = (mqttsn_ms)o->upstream_timeout_s * 1000;
    g->upstream_down_max = (mqttsn_ms)o->upstream_down_max_s * 1000;
    g->will_on_shutdown = o->will_on_shutdown != 0;
    gw->listener = (struct gw_listener_options){
        .port = 1883,
        .max_datagram = (uint32_t)o->max_datagram,
        .forwarders = &gw->forwarder,
        .forwarder_count = 1,
        .discovery = o->discovery != 0,
        .advertise_interval = (mqttsn_ms)o->advertise_s * 1000,
    };
    g->gwinfo_multicast = o->gwinfo_multicast != 0;
    g->qos_minus1_short = o->minus1_short != 0;
    g->qos_minus1_retain = o->minus1_retain != 0;
    if (o->minus1_from != 0) {
        gw->nameless = (struct gw_cidr){.family = 4, .bits = 31};
        memcpy(gw->nameless.ip, net_peer(122, 0).addr.ip, 16);
        g->qos_minus1_from = &gw->nameless;
        g->qos_minus1_from_count = 1;
    }
    gw->forwarder.family = 4;
    gw->forwarder.bits = 32;
    memcpy(gw->forwarder.ip, net_peer_behind(0).addr.ip, 16);
    memcpy(gw->predefined, predefined, sizeof(predefined));
    g->listeners = &gw->listener;
    g->listener_count = 1;
    g->predefined = gw->predefined;
    g->predefined_count = GATEWAY_PREDEFINED;
    g->mode = o->transparent ? GW_MODE_TRANSPARENT : GW_MODE_AGGREGATING;
    g->upstream_client_id = RULES_NOBODY;
    g->topic_prefix = rules_prefix(o);
    g->access_publish_count = rules_list(o, RULES_PUBLISH, &g->access_publish);
    g->access_subscribe_count =
        rules_list(o, RULES_SUBSCRIBE, &g->access_subscribe);
    g->durable = o->durable != 0;
    g->uplink_max_age = (mqttsn_ms)o->uplink_max_age_s * 1000;
    g->uplink_drop_policy = (enum gw_drop_policy)o->uplink_drop_policy;
    g->uplink_drain_rate = (uint32_t)o->uplink_drain_rate;
    g->uplink_qos0 = o->uplink_qos0 != 0;
}

static void make_engine(struct sim *sim)
{
    struct gateway *gw = &sim->gw;
    uint8_t seed[16];
    enum mqttsn_status status;

    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)rng_below(&gw->random, 256);
    status =
        gw_engine_new(&gw->limits, &gw->options, seed, sim->now, &gw->engine);
    if (status != MQTTSN_OK)
        sim_fail(sim, "setup", "gw_engine_new: %d", (int)status);
    gw->lives++;
}

void gateway_init(struct sim *sim)
{
    struct gateway *gw = &sim->gw;
    uint8_t *buf = gw->buf;
    struct gw_usage usage;

    memset(gw, 0, sizeof(*gw));
    gw->buf = buf != NULL ? buf : malloc(GW_RECORD_MAX + GW_UP_BUFFER);
    assert(gw->buf != NULL);
    rng_init(&gw->random, sim->seed, "gateway", 0);
    rng_init(&gw->ends, sim->seed, "ends of the gateway", 0);
    fill_limits(&gw->limits, &sim->o);
    fill_options(gw, &sim->o);
    make_engine(sim);
    gw_engine_usage(gw->engine, &usage);
    gw->name_bytes_at_start = usage.name_bytes;
    gw->access_at_start = sim->o.access;
}

void gateway_free(struct gateway *gateway)
{
    gw_engine_free(gateway->engine);
    free(gateway->buf);
    memset(gateway, 0, sizeof(*gateway));
}

/* ---- what went in and out ---------------------------------------------- */

static void mix_number(struct sim *sim, uint64_t number)
{
    sim_mix(sim, &number, sizeof(number));
}

static void mix_store_action(struct sim *sim, const struct gw_store_action *a)
{
    mix_number(sim, a->op);
    mix_number(sim, (uint64_t)a->verb << 8 | a->kind);
    mix_number(sim, (uint64_t)a->owner << 32 | a->item);
    if (a->verb == GW_STORE_KEEP)
        sim_mix(sim, sim->gw.buf, a->len);
}

static void mix_action(struct sim *sim, const struct gw_up_action *a)
{
    mix_number(sim,
               (uint64_t)a->kind << 16 | (uint64_t)a->qos << 8 | a->retain);
    mix_number(sim, a->token);
    mix_number(sim, a->connection);
    sim_mix(sim, a->topic.data, a->topic.len);
    sim_mix(sim, a->payload.data, a->payload.len);
}

static void mix_event(struct sim *sim, const struct gw_up_event *e)
{
    mix_number(sim, e->kind);
    if (e->kind == GW_UP_RESULT) {
        mix_number(sim, e->result.token);
        mix_number(sim,
                   (uint64_t)e->result.outcome << 8 | e->result.granted_qos);
    } else if (e->kind == GW_UP_MESSAGE) {
        sim_mix(sim, e->message.topic.data, e->message.topic.len);
        sim_mix(sim, e->message.payload.data, e->message.payload.len);
    }
}

/* ---- polls ------------------------------------------------------------- */

/* Each says whether it served anything: then there may be more. */

static bool serve_store(struct sim *sim, unsigned budget)
{
    bool any = false;
    struct gw_store_action action;

    for (; budget > 0; budget--, any = true) {
        if (!gw_engine_poll_store(sim->gw.engine, sim->now, sim->gw.buf,
                                  GW_RECORD_MAX, &action))
            break;
        mix_store_action(sim, &action);
        oracle_store_action(sim, &action, sim->gw.buf);
        store_take(sim, &action, sim->gw.buf);
    }
    return any;
}

static bool serve_upstream(struct sim *sim, unsigned budget)
{
    bool any = false;
    struct gw_up_action action;

    for (; budget > 0; budget--, any = true) {
        if (!gw_engine_poll_upstream(sim->gw.engine, sim->now, broker_room(sim),
                                     sim->gw.buf, GW_UP_BUFFER, &action))
            break;
        mix_action(sim, &action);
        oracle_action(sim, &action);
        if (action.connection != 0)
            links_take(sim, &action);
        else
            broker_take(sim, &action);
    }
    return any;
}

static bool serve_datagrams(struct sim *sim, unsigned budget)
{
    bool any = false;
    struct gw_datagram datagram;

    for (; budget > 0; budget--, any = true) {
        if (!gw_engine_poll_datagram(sim->gw.engine, sim->now, sim->gw.buf,
                                     GW_DATAGRAM_MAX, &datagram))
            break;
        sim_mix(sim, datagram.to.ip, sizeof(datagram.to.ip));
        mix_number(sim, datagram.to.port);
        sim_mix(sim, sim->gw.buf, datagram.len);
        oracle_datagram_out(sim, &datagram, sim->gw.buf);
        net_down(sim, &datagram, sim->gw.buf, datagram.len);
    }
    return any;
}

static void turn_event(struct sim *sim, struct event *event)
{
    (void)event;
    sim->gw.turn_due = false;
    gateway_turn(sim);
}

void gateway_turn(struct sim *sim)
{
    struct gateway *gw = &sim->gw;
    bool more = true;

    for (unsigned round = 0; more && round < ROUNDS; round++) {
        unsigned most =
            sim->o.budget == 0 || sim->healed
                ? 64
                : 1 + rng_below(&gw->random, (uint32_t)sim->o.budget);

        more = false;
        if (!(gw->blocked & SINK_STORE))
            more |= serve_store(sim, most);
        if (!(gw->blocked & SINK_UPSTREAM))
            more |= serve_upstream(sim, most);
        if (!(gw->blocked & SINK_DATAGRAM))
            more |= serve_datagrams(sim, most);
        if (!(gw->blocked & SINK_STORE))
            more |= serve_store(sim, most);
    }
    struct gw_note note;

    while (gw_engine_poll_note(gw->engine, &note))
        oracle_note(sim, &note);
    if (more && !gw->turn_due) {
        gw->turn_due = true;
        queue_add(&sim->queue, sim->now, turn_event, NULL, 0);
    }
    oracle_after_turn(sim, !more && gw->blocked == 0);
}

/* ---- inputs ------------------------------------------------------------ */

void gateway_datagram(struct sim *sim, const struct gw_addr *from,
                      const uint8_t *data, size_t len)
{
    struct gw_via via = {.family = 4, .local_ip = {10, 0, 0, 1}};

    if (sim->gw.ending_since != 0)
        return; /* it is deaf */
    sim_mix(sim, data, len);
    oracle_before_datagram(sim);
    if (sim->o.source_rate == 0)
        oracle_datagram_in(sim, from, data, len);
    gw_engine_on_datagram(sim->gw.engine, from, &via, mqttsn_span(data, len),
                          sim->now);
    if (sim->o.source_rate != 0) {
        if (!oracle_rates_admit(sim, from, len)) {
            gateway_turn(sim);
            return;
        }
        oracle_datagram_in(sim, from, data, len);
    }
    oracle_after_input(sim);
    gateway_turn(sim);
}

void gateway_upstream(struct sim *sim, const struct gw_up_event *event)
{
    mix_event(sim, event);
    oracle_upstream(sim, event);
    gw_engine_on_upstream(sim->gw.engine, event, sim->now);
    oracle_after_input(sim);
    gateway_turn(sim);
}

void gateway_stored(struct sim *sim, uint64_t op, bool ok)
{
    oracle_stored(sim, op, ok);
    gw_engine_on_stored(sim->gw.engine, op, ok, sim->now);
    oracle_after_input(sim);
    gateway_turn(sim);
}

void gateway_deadline(struct sim *sim)
{
    struct gateway *gw = &sim->gw;

    if (gw->stuck_at != sim->now)
        gw->stuck = 0;
    gw->stuck_at = sim->now;
    if (++gw->stuck > STUCK_MAX)
        sim_fail(sim, "deadline", "one is due for ever");
    oracle_deadline(sim);
    gw_engine_on_deadline(gw->engine, sim->now);
    oracle_after_input(sim);
    gateway_turn(sim);
}

/* ---- reloads ------------------------------------------------------------ */

void gateway_reload(struct sim *sim, int64_t access)
{
    struct gateway *gw = &sim->gw;
    enum mqttsn_status status;

    sim_trace(sim, "--- access lists %lld", (long long)access);
    sim->o.access = access;
    fill_options(gw, &sim->o);
    oracle_reloaded(sim);
    status = gw_engine_reconfigure(gw->engine, &gw->options, sim->now);
    if (status != MQTTSN_OK)
        sim_fail(sim, "reload", "gw_engine_reconfigure: %d", (int)status);
    oracle_after_input(sim);
    gateway_turn(sim);
}

static void reload(struct sim *sim, struct event *event)
{
    (void)event;
    if (sim->healed)
        return;
    gateway_reload(sim, rng_below(&sim->gw.random, RULES_LISTS));
    gateway_reloads_begin(sim);
}

void gateway_reloads_begin(struct sim *sim)
{
    sim_later(sim, &sim->gw.random, sim->o.reload_s * 1000, reload);
}

/* ---- death ------------------------------------------------------------- */

static void restore(struct sim *sim, const struct store_record *r)
{
    struct gw_engine *engine = sim->gw.engine;
    enum mqttsn_status status;

    gw_engine_restore_age(engine, r->age);
    status = gw_engine_restore(engine, r->kind, r->owner, r->item,
                               mqttsn_span(r->data, r->len), sim->now);
    if (status == MQTTSN_OK)
        return;
    /* A record may have outlived its owner by a write that was lost; and behind
     * a gap there may be what had gone, beside what came in its place. */
    if (status != MQTTSN_ENOTFOUND && !sim->store.damaged)
        sim_fail(sim, "restore", "kind=%u owner=%u item=%u: status %d", r->kind,
                 r->owner, r->item, (int)status);
    store_refused(sim, r);
}

void gateway_restart(struct sim *sim, bool in_order)
{
    static struct store_arrival arrivals[STORE_ARRIVALS];
    struct gateway *gw = &sim->gw;
    size_t left;

    sim_trace(sim, "--- the gateway %s", in_order ? "has ended" : "dies");
    gw->ending_since = 0;
    oracle_dies(sim);
    gw_engine_free(gw->engine);
    gw->engine = NULL;
    gw->blocked = 0;
    gw->free_since = sim->now;
    if (store_crash(sim))
        oracle_power_lost(sim);
    broker_gateway_died(sim);
    links_died(sim, in_order);
    make_engine(sim);
    for (size_t i = 0; i < sim->store.record_count; i++)
        restore(sim, &sim->store.records[i]);
    gw_engine_restore_age(gw->engine, 0);
    broker_gateway_held(sim);
    gw_engine_restored(gw->engine, sim->now);
    sim_trace(sim, "--- built again from %zu records", sim->store.record_count);
    oracle_reborn(sim);
    broker_gateway_returned(sim);
    /* What it had not taken over for certain comes again. */
    left = sim->store.arrival_count;
    for (size_t i = 0; i < left; i++) {
        arrivals[i] = sim->store.arrivals[i];
        arrivals[i].outgoing.kept = true;
    }
    for (size_t i = 0; i < left; i++)
        broker_give(sim, &arrivals[i].outgoing, arrivals[i].number);
    gateway_turn(sim);
}
