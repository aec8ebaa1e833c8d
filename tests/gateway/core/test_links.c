/* SPDX-License-Identifier: MIT */
/*
 * A connection to the broker for each node, under random weather: attempts
 * fail, are denied or never end, connections break with everything under way,
 * results come in any order and with any outcome, a good-bye takes its time,
 * events are late or for connections that are gone, and at times there is room
 * for control alone, for data alone, or for nothing.
 *
 * Whatever happens: a number is opened only when it is free, nothing is given
 * to a connection that is not there, an accepted publish is at the broker, and
 * of QoS 2 once; when the weather clears all are served, and in the end nothing
 * is left.
 *
 * SEED=n runs one seed only; everything follows from it.
 */
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "seeds.h"

enum {
    NODES = 6,
    LINKS = 8,
    INPUTS = 6000,
    SEEDS = 20,
    PENDING = 512,
    PAYLOADS = 20000
};

struct asked {
    uint64_t token;
    uint32_t link;
    enum gw_up_action_kind kind;
    uint8_t qos;
    char payload[16];
};

/* As the shell sees it. */
struct connection {
    bool open, closing, up;
};

struct fixture {
    struct world w;
    struct actor nodes[NODES];
    struct connection links[LINKS + 1]; /* 0 is the gateway's own */
    struct asked asked[PENDING];
    size_t asked_count;
    unsigned number; /* of the next payload */
    uint8_t published[PAYLOADS];
};

static struct fixture fx;
static unsigned long seed;
static unsigned accepted; /* publishes, over all seeds */

static uint32_t pick(uint32_t below)
{
    return world_random(&fx.w, below);
}

static void stop_test(const char *message)
{
    fail_msg("seed %lu: %s", seed, message);
}

/* ---- the broker's side ------------------------------------------------- */

static void on_output(struct world *w, struct output *out)
{
    const struct gw_up_action *up = &out->up;
    struct connection *c;
    struct asked *a;

    if (out->kind != OUT_UPSTREAM)
        return;
    assert_true(up->connection <= LINKS);
    c = &fx.links[up->connection];
    if (up->kind == GW_UP_OPEN) {
        if (c->open)
            world_fail(w, "connection %u is opened twice", up->connection);
        *c = (struct connection){.open = true};
        return;
    }
    if (!c->open || c->closing)
        world_fail(w, "connection %u is not there", up->connection);
    if (up->kind == GW_UP_CLOSE) {
        c->closing = true;
        return;
    }
    if (!c->up)
        world_fail(w, "connection %u is not up", up->connection);
    if (up->token == 0)
        return;
    assert_true(fx.asked_count < PENDING);
    a = &fx.asked[fx.asked_count++];
    *a = (struct asked){.token = up->token,
                        .link = up->connection,
                        .kind = up->kind,
                        .qos = up->qos};
    assert_true(up->payload.len < sizeof(a->payload));
    memcpy(a->payload, up->payload.data, up->payload.len);
}

static void event(uint32_t link, enum gw_up_event_kind kind)
{
    struct gw_up_event e = {.kind = kind, .connection = link};

    if (kind == GW_UP_CONNECTED) {
        e.connected.session_present = pick(2) == 0;
        e.connected.receive_maximum = (uint16_t)(pick(3) * pick(2000));
    }
    world_trace(&fx.w, "up > event %d link=%u", kind, link);
    gw_engine_on_upstream(fx.w.engine, &e, fx.w.now);
    world_pump(&fx.w);
}

static void answer(size_t which, enum gw_up_outcome outcome)
{
    struct asked a = fx.asked[which];
    unsigned number = (unsigned)atoi(a.payload + 1);

    fx.asked[which] = fx.asked[--fx.asked_count];
    if (outcome == GW_UP_DONE && a.kind == GW_UP_PUBLISH &&
        a.payload[0] == 'u') {
        if (++fx.published[number] > 1 && a.qos == 2)
            world_fail(&fx.w, "'%s' was published twice", a.payload);
    }
    world_result(&fx.w, a.token, outcome, a.qos);
    if (outcome != GW_UP_UNSENT && pick(20) == 0) /* one that is no more */
        world_result(&fx.w, a.token, GW_UP_DONE, 0);
}

/* Nothing of it is under way any more. */
static bool is_settled(uint32_t link)
{
    for (size_t i = 0; i < fx.asked_count; i++)
        if (fx.asked[i].link == link)
            return false;
    return true;
}

static void close_link(uint32_t link)
{
    if (!fx.links[link].closing || !is_settled(link))
        return;
    fx.links[link] = (struct connection){0};
    event(link, GW_UP_CLOSED);
}

static void message(uint32_t link)
{
    static const char *const topics[] = {"a/b", "c/d", "x/y/z", "none"};
    char payload[16];

    snprintf(payload, sizeof(payload), "d%u", fx.number++);
    fx.w.link = link;
    world_message(&fx.w, topics[pick(ARRAY_LEN(topics))], payload,
                  strlen(payload), (uint8_t)pick(3), pick(8) == 0);
    fx.w.link = 0;
}

/* One that was asked for, if there is one. */
static uint32_t some_link(void)
{
    uint32_t link = 1 + pick(LINKS);

    for (unsigned n = 0; n < LINKS && !fx.links[link].open; n++)
        link = link % LINKS + 1;
    return link;
}

static void broker_acts(void)
{
    uint32_t link = pick(8) ? some_link() : 1 + pick(LINKS);
    struct connection *c = &fx.links[link];

    switch (pick(16)) {
    case 0:
        c->up = false;
        event(link, GW_UP_LOST);
        break;
    case 1:
        if (!c->up)
            event(link, pick(2) ? GW_UP_UNREACHABLE : GW_UP_DENIED);
        break;
    case 2:
        event(link + LINKS, GW_UP_CONNECTED); /* there is none */
        break;
    case 3:
        message(pick(4) ? link : link + LINKS);
        break;
    case 4:
        if (!c->closing) /* late */
            event(link, GW_UP_CLOSED);
        break;
    default:
        if (c->closing) {
            close_link(link);
            break;
        }
        if (c->up || !c->open)
            break;
        c->up = true;
        event(link, GW_UP_CONNECTED);
        break;
    }
}

static void broker_answers(void)
{
    static const enum gw_up_outcome outcomes[] = {
        GW_UP_DONE,   GW_UP_DONE,     GW_UP_DONE, GW_UP_DONE,
        GW_UP_UNSENT, GW_UP_REJECTED, GW_UP_QUOTA};

    for (unsigned n = pick(4); n > 0 && fx.asked_count > 0; n--)
        answer(pick((uint32_t)fx.asked_count),
               outcomes[pick(ARRAY_LEN(outcomes))]);
}

/* ---- nodes ------------------------------------------------------------- */

static void on_outcome(struct actor *actor, const char *payload, uint8_t code)
{
    if (code != 0 || payload[0] != 'u')
        return;
    accepted++;
    if (fx.published[atoi(payload + 1)] == 0)
        world_fail(&fx.w, "%s was told that '%s' is accepted", actor->id,
                   payload);
}

static void publish(struct actor *actor, uint8_t qos)
{
    char payload[16];

    assert_true(fx.number < PAYLOADS);
    snprintf(payload, sizeof(payload), "u%u", fx.number++);
    actor_publish(actor, &fx.w, "aa", payload, qos);
}

static void node_connects(struct actor *actor)
{
    if (pick(60) == 0)
        actor->clean = true; /* from now on */
    actor_connect(actor, &fx.w, (uint16_t)(60 + pick(600)), pick(3) == 0);
}

static void node_acts(void)
{
    static const char *const filters[] = {"a/b", "c/+", "#", "x/y/z"};
    struct actor *actor = &fx.nodes[pick(NODES)];
    const char *filter = filters[pick(ARRAY_LEN(filters))];

    /* It may boot in the middle of anything. */
    if (actor_busy(actor) && pick(60) != 0)
        return;
    if (actor->asleep && pick(2) == 0) {
        actor_wake(actor, &fx.w);
        return;
    }
    if (actor_busy(actor) || !actor->connected || pick(12) == 0) {
        node_connects(actor);
        return;
    }
    switch (pick(10)) {
    case 0:
    case 1:
        actor_subscribe(actor, &fx.w, filter, (uint8_t)pick(3));
        break;
    case 2:
    case 3:
        actor_unsubscribe(actor, &fx.w, filter);
        break;
    case 4:
        actor_sleep(actor, &fx.w, (uint16_t)(30 + pick(300)));
        break;
    case 5:
        actor_disconnect(actor, &fx.w);
        break;
    case 6:
        world_send(&fx.w, &actor->node, sn_willmsg(SN_WILLMSGUPD, "other"));
        break;
    default:
        publish(actor, (uint8_t)pick(3));
        break;
    }
}

static void fair_weather(void)
{
    fx.w.blocked = 0;
    fx.w.budget = 0;
    fx.w.up_classes = GW_UP_CONTROL | GW_UP_DATA;
    for (unsigned i = 0; i < NODES; i++)
        fx.nodes[i].unheard = false;
    world_pump(&fx.w);
}

static void weather_changes(void)
{
    switch (pick(8)) {
    case 0:
        fx.w.blocked = SINK_UPSTREAM;
        break;
    case 1:
        fx.w.up_classes = pick(2) ? GW_UP_CONTROL : GW_UP_DATA;
        break;
    case 2:
        fx.w.budget = 1;
        break;
    case 3:
        fx.nodes[pick(NODES)].unheard = true;
        break;
    default:
        fair_weather();
        break;
    }
}

static void settle(void)
{
    actors_settle(fx.nodes, NODES, &fx.w);
}

static void time_passes(uint32_t ms)
{
    world_until(&fx.w, fx.w.now + ms);
    settle();
    actors_tick(fx.nodes, NODES, &fx.w);
    settle();
}

/* ---- a life ------------------------------------------------------------ */

static void start(void)
{
    memset(&fx, 0, sizeof(fx));
    world_init(&fx.w);
    fx.w.fail = stop_test;
    fx.w.watch = on_output;
    fx.w.no_records = true;
    seeds_plant(&fx.w, seed);
    fx.w.limits.max_connections = NODES - (pick(4) == 0);
    fx.w.options.mode = GW_MODE_TRANSPARENT;
    fx.w.options.window = 1 + pick(3);
    fx.w.options.upstream_timeout = 20000;
    fx.links[0] = (struct connection){.open = true, .up = true};
    world_start(&fx.w);
    for (unsigned i = 0; i < NODES; i++) {
        actor_init(&fx.nodes[i], i + 1, i % 3 == 2);
        fx.nodes[i].on_outcome = on_outcome;
    }
}

/* A broker that takes everything, at once. */
static void clear_sky(void)
{
    bool more = true;

    while (more) {
        more = fx.asked_count > 0;
        while (fx.asked_count > 0)
            answer(0, GW_UP_DONE);
        for (uint32_t link = 1; link <= LINKS; link++) {
            struct connection *c = &fx.links[link];

            if (c->closing) {
                close_link(link);
                more = true;
            } else if (c->open && !c->up) {
                c->up = true;
                event(link, GW_UP_CONNECTED);
                more = true;
            }
        }
        settle();
    }
}

static void pass(unsigned seconds)
{
    for (; seconds > 0; seconds--) {
        clear_sky();
        time_passes(1000);
    }
    clear_sky();
}

static void all_are_served(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct actor *actor = &fx.nodes[i];
        unsigned before;

        actor->waits_for = 0;
        actor->clean = true;
        actor_connect(actor, &fx.w, 600, true);
        pass(30);
        if (!actor->connected)
            world_fail(&fx.w, "%s is not served", actor->id);
        before = actor->acked;
        publish(actor, 1);
        pass(1);
        if (actor->acked == before)
            world_fail(&fx.w, "%s is not answered", actor->id);
        actor_disconnect(actor, &fx.w);
        pass(1);
    }
}

static void run(void)
{
    uint64_t names_at_start;
    struct gw_usage u;

    start();
    names_at_start = world_usage(&fx.w).name_bytes;
    for (unsigned i = 0; i < INPUTS; i++) {
        uint32_t dice = pick(100);

        if (dice < 35)
            node_acts();
        else if (dice < 60)
            broker_acts();
        else if (dice < 85)
            broker_answers();
        else if (dice < 90)
            weather_changes();
        else
            time_passes(pick(8) == 0 ? pick(30000) : pick(500));
        settle();
    }
    fair_weather();
    /* Who is there and who is not has been found out by then. */
    pass(100);
    world_until(&fx.w, fx.w.now + 86400000);
    pass(1);
    all_are_served();
    world_until(&fx.w, fx.w.now + 20 * 86400000ull);
    pass(1);
    u = world_usage(&fx.w);
    if (u.sessions + u.topics + u.subscriptions + u.filters + u.exchanges +
                u.queue_entries + u.messages + u.replies + u.message_bytes +
                u.connections !=
            0 ||
        u.name_bytes != names_at_start)
        world_fail(&fx.w, "not empty:\n%s", world_snapshot(&fx.w));
    world_stop(&fx.w);
}

static void each_node_is_served_by_its_own_connection(void **unused)
{
    (void)unused;
    for (seed = 0; seeds_next(&seed, SEEDS);)
        run();
    assert_true(seeds_one() || accepted > 500); /* it was about something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_is_served_by_its_own_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
