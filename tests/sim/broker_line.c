/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

static bool is_publish(const struct request *r)
{
    return r->kind == GW_UP_PUBLISH;
}

static void request_remove(struct broker *b, size_t at)
{
    b->request_count--;
    memmove(&b->requests[at], &b->requests[at + 1],
            (b->request_count - at) * sizeof(b->requests[0]));
}

static size_t request_find(const struct broker *b, uint64_t serial)
{
    size_t i = 0;

    while (i < b->request_count && b->requests[i].serial != serial)
        i++;
    return i;
}

unsigned broker_room(struct sim *sim)
{
    if (sim->broker.request_count > BROKER_REQUESTS - 8)
        return 0;
    if (sim->broker.request_count > 100)
        return GW_UP_CONTROL;
    return GW_UP_CONTROL | GW_UP_DATA;
}

/* ---- one request's way ------------------------------------------------- */

static void plan(struct sim *sim, const struct request *r, mqttsn_ms at,
                 event_run *run)
{
    struct event *event = queue_add(&sim->queue, at, run, NULL, 0);

    event->actor = sim->broker.connection;
    event->number = r->serial;
}

static mqttsn_ms trip(struct sim *sim)
{
    return sim->healed
               ? 1
               : rng_below(&sim->broker.random, (uint32_t)sim->o.answer_ms + 1);
}

static void give_result(struct sim *sim, uint64_t token,
                        enum gw_up_outcome outcome, uint8_t granted)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    if (token == 0)
        return;
    event.result.token = token;
    event.result.outcome = outcome;
    event.result.granted_qos = granted;
    gateway_upstream(sim, &event);
}

static void answer(struct sim *sim, struct event *event)
{
    struct broker *b = &sim->broker;
    size_t at = request_find(b, event->number);
    struct request r;

    if (event->actor != b->connection || !b->online || at == b->request_count)
        return;
    r = b->requests[at];
    if (is_publish(&r) && sim->o.durable)
        b->requests[at].stage = REQUEST_FINISHED;
    else
        request_remove(b, at);
    give_result(sim, r.token, GW_UP_DONE, r.qos);
}

static void carry_out(struct sim *sim, struct event *event)
{
    struct broker *b = &sim->broker;
    size_t at = request_find(b, event->number);
    struct request *r = &b->requests[at];

    if (event->actor != b->connection || !b->online || at == b->request_count)
        return;
    if (!sim->healed && r->token != 0 && r->kind != GW_UP_UNSUBSCRIBE &&
        rng_chance(&b->random, sim->o.refuses_permille)) {
        struct request refused = *r;

        request_remove(b, at);
        give_result(sim, refused.token,
                    rng_below(&b->random, 2) ? GW_UP_REJECTED : GW_UP_QUOTA, 0);
        return;
    }
    if (r->kind == GW_UP_SUBSCRIBE && !sim->healed &&
        rng_chance(&b->random, sim->o.refuses_permille))
        r->qos = (uint8_t)rng_below(&b->random, 2);
    r->stage = REQUEST_CARRIED;
    broker_carry_out(sim, r);
    if (r->qos == 0 && is_publish(r)) {
        request_remove(b, at); /* nobody waits */
        return;
    }
    plan(sim, r, sim->now + trip(sim), answer);
}

static void send_out(struct sim *sim, struct request *r)
{
    struct broker *b = &sim->broker;
    mqttsn_ms at = sim->now + trip(sim);

    if (r->stage == REQUEST_CARRIED) {
        plan(sim, r, at, answer);
        return;
    }
    if (at < b->last_carried)
        at = b->last_carried; /* TCP keeps the order */
    b->last_carried = at;
    plan(sim, r, at, carry_out);
}

/* As upstream.window and the broker's Receive Maximum have it. What a gateway
 * that died has left, and the new one does not know of, it cannot count. */
static void check_window(struct sim *sim)
{
    const struct broker *b = &sim->broker;
    int64_t most = sim->o.window, out = 0;

    if (sim->o.receive_maximum != 0 && sim->o.receive_maximum < most)
        most = sim->o.receive_maximum;
    for (size_t i = 0; i < b->request_count; i++) {
        const struct request *r = &b->requests[i];

        out += is_publish(r) && r->qos != 0 && r->token != 0 &&
               r->stage != REQUEST_FINISHED;
    }
    if (out > most)
        sim_fail(sim, "S9", "%lld publishes are out, and %lld may be",
                 (long long)out, (long long)most);
}

void broker_take(struct sim *sim, const struct gw_up_action *action)
{
    struct broker *b = &sim->broker;
    struct request r = {.serial = ++b->serial,
                        .token = action->token,
                        .kind = action->kind,
                        .qos = action->qos,
                        .owner = action->owner,
                        .item = action->item};
    struct message *m;

    if (b->request_count == BROKER_REQUESTS)
        sim_fail(sim, "S9", "%d requests under way", BROKER_REQUESTS);
    m = broker_message_new(b, &r.message);
    memset(m->topic, 0, sizeof(m->topic));
    memcpy(m->topic, action->topic.data,
           action->topic.len < BROKER_TOPIC ? action->topic.len
                                            : BROKER_TOPIC - 1);
    m->qos = action->qos;
    m->retain = action->retain;
    m->len =
        (uint16_t)(action->payload.len < BROKER_PAYLOAD ? action->payload.len
                                                        : BROKER_PAYLOAD);
    if (m->len > 0 && action->kind == GW_UP_PUBLISH)
        memcpy(m->payload, action->payload.data, m->len);
    else
        m->len = 0;
    if (!b->online)
        sim_fail(sim, "upstream", "an action while there is no connection");
    b->requests[b->request_count++] = r;
    if (is_publish(&r) && r.qos != 0)
        check_window(sim);
    send_out(sim, &b->requests[b->request_count - 1]);
}

void broker_store_idle(struct sim *sim)
{
    struct broker *b = &sim->broker;

    for (size_t i = b->request_count; i-- > 0;)
        if (b->requests[i].stage == REQUEST_FINISHED)
            request_remove(b, i);
}

/* ---- the connection ---------------------------------------------------- */

static void give_state(struct sim *sim, enum gw_up_event_kind kind,
                       bool session_present)
{
    struct gw_up_event event = {.kind = kind};

    if (kind == GW_UP_CONNECTED) {
        event.connected.session_present = session_present;
        event.connected.receive_maximum = (uint16_t)sim->o.receive_maximum;
    }
    gateway_upstream(sim, &event);
}

static void connected(struct sim *sim)
{
    struct broker *b = &sim->broker;
    bool present, lies = false;

    if (b->fresh_process && !sim->o.durable)
        broker_forget_session(sim);
    if (!sim->healed && b->session &&
        rng_chance(&b->random, sim->o.forgets_permille)) {
        broker_forget_session(sim);
        lies = rng_chance(&b->random, sim->o.lies_permille);
    }
    if (sim->healed && sim->oracle.lied_to)
        broker_forget_session(sim); /* honestly, this time */
    present = b->session;
    b->session = true;
    b->fresh_process = false;
    b->online = true;
    b->connection++;
    b->last_carried = sim->now;
    sim->oracle.lied_to |= lies;
    /* What it still has goes first. */
    for (size_t i = 0; i < b->request_count; i++)
        if (b->requests[i].stage != REQUEST_FINISHED)
            send_out(sim, &b->requests[i]);
    give_state(sim, GW_UP_CONNECTED, present || lies);
    broker_deliver_queue(sim, sim->healed || rng_below(&b->random, 2) == 0);
}

static void try_connect(struct sim *sim, struct event *event)
{
    struct broker *b = &sim->broker;

    if (event->actor != b->attempt || b->online)
        return;
    if (!sim->healed && rng_chance(&b->random, sim->o.refuses_permille * 4)) {
        give_state(sim,
                   rng_below(&b->random, 3) ? GW_UP_UNREACHABLE : GW_UP_DENIED,
                   false);
        broker_connect(sim, rng_pause(&b->random, (uint64_t)sim->o.away_ms));
        return;
    }
    connected(sim);
}

void broker_connect(struct sim *sim, mqttsn_ms wait)
{
    struct event *event =
        queue_add(&sim->queue, sim->now + wait, try_connect, NULL, 0);

    event->actor = ++sim->broker.attempt;
}

/* How many publishes from the front stay with the client library: at least
 * all of QoS 2 that were carried out, which it must not repeat. */
static size_t library_keeps(struct sim *sim)
{
    struct broker *b = &sim->broker;
    size_t least = 0, all = 0;

    for (size_t i = 0; i < b->request_count; i++) {
        if (!is_publish(&b->requests[i]) || b->requests[i].qos == 0)
            continue;
        all++;
        if (b->requests[i].stage != REQUEST_SENT && b->requests[i].qos == 2)
            least = all;
        if (b->requests[i].orphan)
            least = all;
    }
    return least + rng_below(&b->random, (uint32_t)(all - least) + 1);
}

void broker_break(struct sim *sim)
{
    struct broker *b = &sim->broker;
    size_t keep = library_keeps(sim), kept = 0, back = 0;
    uint64_t unsent[BROKER_REQUESTS];

    if (!b->online)
        return;
    b->online = false;
    b->connection++;
    for (size_t i = 0; i < b->request_count; i++) {
        struct request r = b->requests[i];

        if (is_publish(&r) && r.qos != 0 && keep > 0) {
            keep--;
            if (r.stage == REQUEST_CARRIED && r.qos == 1)
                r.stage = REQUEST_SENT; /* it sends it again */
            b->requests[kept++] = r;
        } else if (r.token != 0) {
            unsent[back++] = r.token;
        }
    }
    b->request_count = kept;
    sim_trace(sim, "--- the connection breaks, %zu kept, %zu unsent", kept,
              back);
    give_state(sim, GW_UP_LOST, false);
    for (size_t i = 0; i < back; i++)
        give_result(sim, unsent[i], GW_UP_UNSENT, 0);
    broker_connect(sim, sim->healed
                            ? 10
                            : rng_pause(&b->random, (uint64_t)sim->o.away_ms));
}

static void breaks(struct sim *sim, struct event *event)
{
    (void)event;
    if (sim->healed)
        return;
    broker_break(sim);
    broker_breaks_begin(sim);
}

void broker_breaks_begin(struct sim *sim)
{
    sim_later(sim, &sim->broker.random, sim->o.break_s * 1000, breaks);
}

bool broker_has_answered(const struct broker *b)
{
    for (size_t i = 0; i < b->request_count; i++)
        if (b->requests[i].token != 0 &&
            b->requests[i].stage != REQUEST_FINISHED)
            return false;
    return true;
}

void broker_gateway_died(struct sim *sim)
{
    struct broker *b = &sim->broker;
    size_t kept = 0;

    b->online = false;
    b->connection++;
    b->fresh_process = true;
    for (size_t i = 0; i < b->request_count; i++) {
        struct request r = b->requests[i];

        if (!sim->o.durable || !is_publish(&r) || r.qos == 0)
            continue;
        r.orphan = true;
        r.token = 0;
        if (r.stage == REQUEST_CARRIED && r.qos == 1)
            r.stage = REQUEST_SENT;
        b->requests[kept++] = r;
    }
    b->request_count = kept;
    broker_connect(sim, 50 + rng_below(&b->random, 500));
}

void broker_gateway_held(struct sim *sim)
{
    struct broker *b = &sim->broker;

    for (size_t i = 0; i < b->request_count; i++) {
        struct request *r = &b->requests[i];

        /* One that no record was kept of has lost its number for good: another
         * may bear it in the next life. */
        if (r->item != 0)
            r->token = gw_engine_held(sim->gw.engine, r->owner, r->item);
        r->orphan = r->token == 0;
        r->item = r->orphan ? 0 : r->item;
        oracle_held(sim, r->message, r->token);
    }
}

void broker_gateway_returned(struct sim *sim)
{
    struct broker *b = &sim->broker;

    struct request finished[BROKER_REQUESTS];
    size_t count = 0;

    /* Those that were finished just before: the engine could not know. They
     * are remembered until its store has it, for it may die once more. */
    for (size_t i = b->request_count; i-- > 0;)
        if (b->requests[i].stage == REQUEST_FINISHED)
            finished[count++] = b->requests[i];
    for (size_t i = 0; i < count; i++)
        give_result(sim, finished[i].token, GW_UP_DONE, finished[i].qos);
}
