/* SPDX-License-Identifier: MIT */
/*
 * Twenty thousand messages that wait for the broker, over a restart and through
 * a connection that breaks again and again: all arrive, each node's in its
 * order, and who has no backlog does not wait.
 */
#include <stdlib.h>

#include "check.h"

#include "engine.h"

enum { NODES = 100, EACH = 200, ALL = NODES * EACH, START = 1000000 };
enum { LIVE = NODES + 1 };
enum { WINDOW = 40, LATE_WINDOW = 30, RECORDS = 2 * ALL + NODES };

struct record {
    uint8_t kind;
    uint32_t owner, item;
    size_t len;
    uint8_t *data;
};

static struct gw_engine *engine;
static mqttsn_ms now = START;
static struct record exchanges[RECORDS]; /* by item; len 0: none */
static struct record sessions[NODES + 8];
static size_t session_count;
static uint8_t *scratch;

static struct {
    uint64_t token;
    unsigned node, number;
} handed[WINDOW];
static size_t handed_count;
static unsigned arrived[NODES + 1]; /* of each node, the last */

static void new_engine(uint8_t seed_octet)
{
    static const struct gw_listener_options listener = {.max_datagram = 1024};
    uint8_t seed[16] = {seed_octet};
    struct gw_limits limits;
    struct gw_options options;

    gw_limits_default(&limits);
    limits.max_sessions = 2 * NODES;
    limits.uplink_max_messages = ALL + 1;
    limits.uplink_max_bytes = (ALL + 1) * 64;
    limits.uplink_total_bytes = limits.uplink_max_bytes + 65536;
    gw_options_default(&options);
    options.overlapping = GW_OVERLAPPING_ONE;
    options.listeners = &listener;
    options.listener_count = 1;
    options.durable = true;
    options.window = options.qos2_window = WINDOW;
    assert_int_equal(gw_engine_new(&limits, &options, seed, now, &engine),
                     MQTTSN_OK);
}

/* ---- the store --------------------------------------------------------- */

static void keep(const struct gw_store_action *action)
{
    struct record *r;

    if (action->verb == GW_STORE_FORGET_OWNER)
        return;
    if (action->kind == GW_RECORD_EXCHANGE) {
        assert_true(action->item < RECORDS);
        r = &exchanges[action->item];
        free(r->data);
        *r = (struct record){0};
    } else {
        if (action->kind != GW_RECORD_SESSION)
            return;
        r = &sessions[action->owner];
        free(r->data);
        *r = (struct record){0};
        if (action->owner >= session_count)
            session_count = action->owner + 1;
    }
    if (action->verb != GW_STORE_KEEP)
        return;
    *r = (struct record){action->kind, action->owner, action->item, action->len,
                         malloc(action->len)};
    assert_non_null(r->data);
    memcpy(r->data, scratch, action->len);
}

static void serve_store(void)
{
    struct gw_store_action action;

    while (gw_engine_poll_store(engine, now, scratch, GW_RECORD_MAX, &action)) {
        keep(&action);
        gw_engine_on_stored(engine, action.op, true, now);
    }
}

static void give_back(const struct record *r)
{
    if (r->len != 0)
        assert_int_equal(gw_engine_restore(engine, r->kind, r->owner, r->item,
                                           mqttsn_span(r->data, r->len), now),
                         MQTTSN_OK);
}

/* ---- nodes ------------------------------------------------------------- */

static unsigned answers(void)
{
    struct gw_datagram datagram;
    unsigned n = 0;

    serve_store();
    while (gw_engine_poll_datagram(engine, now, scratch, GW_DATAGRAM_MAX,
                                   &datagram))
        n++;
    return n;
}

static unsigned send(unsigned node, const void *data, size_t len)
{
    struct gw_addr from = {.ip = {10, 0, 0, (uint8_t)node},
                           .port = (uint16_t)(2000 + node),
                           .family = 4};
    struct gw_via via = {.family = 4, .local_ip = {10, 1, 0, 1}};

    gw_engine_on_datagram(engine, &from, &via, mqttsn_span(data, len), now);
    return answers();
}

static void connect_node(unsigned node)
{
    uint8_t connect[] = {8, 0x04, 0x00, 0x01, 0xff, 0xff, 'n', (uint8_t)node};

    assert_int_equal(send(node, connect, sizeof(connect)), 1);
}

static unsigned publish(unsigned node, unsigned number, uint8_t qos)
{
    uint8_t frame[] = {10,
                       0x0c,
                       (uint8_t)(qos << 5 | 2),
                       'a',
                       'b',
                       (uint8_t)(number >> 8),
                       (uint8_t)number,
                       (uint8_t)node,
                       (uint8_t)(number >> 8),
                       (uint8_t)number};
    uint8_t pubrel[] = {4, 0x10, (uint8_t)(number >> 8), (uint8_t)number};
    unsigned n = send(node, frame, sizeof(frame));

    return qos == 2 ? n + send(node, pubrel, sizeof(pubrel)) : n;
}

/* ---- the broker side --------------------------------------------------- */

static void up_event(enum gw_up_event_kind kind)
{
    struct gw_up_event event = {.kind = kind,
                                .connected = {.session_present = true}};

    gw_engine_on_upstream(engine, &event, now);
}

static void arrive(unsigned node, unsigned number)
{
    assert_int_equal(number, arrived[node] + 1);
    arrived[node] = number;
}

/* Everything that it is given; true when it was anything. */
static bool take(void)
{
    struct gw_up_action action;
    size_t before = handed_count;

    while (gw_engine_poll_upstream(engine, now, GW_UP_CONTROL | GW_UP_DATA,
                                   scratch, GW_UP_BUFFER, &action)) {
        unsigned node = action.payload.data[0];
        unsigned number =
            (unsigned)action.payload.data[1] << 8 | action.payload.data[2];

        assert_int_equal(action.kind, GW_UP_PUBLISH);
        if (action.token == 0) {
            arrive(node, number);
            continue;
        }
        assert_true(handed_count < WINDOW);
        handed[handed_count].token = action.token;
        handed[handed_count].node = node;
        handed[handed_count++].number = number;
    }
    serve_store();
    return handed_count > before;
}

static void result(size_t i, enum gw_up_outcome outcome)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT,
                                .result = {handed[i].token, outcome, 0}};

    gw_engine_on_upstream(engine, &event, now);
    serve_store();
}

static void all_done(void)
{
    for (size_t i = 0; i < handed_count; i++) {
        arrive(handed[i].node, handed[i].number);
        result(i, GW_UP_DONE);
    }
    handed_count = 0;
}

/* They come back in whatever order the client library has. */
static void all_unsent(unsigned turn)
{
    up_event(GW_UP_LOST);
    for (size_t i = 0; i < handed_count; i++)
        result(turn % 2 ? i : handed_count - 1 - i, GW_UP_UNSENT);
    handed_count = 0;
}

/* ---- tests ------------------------------------------------------------- */

static uint32_t waiting(void)
{
    struct gw_usage u;

    gw_engine_usage(engine, &u);
    return u.uplink_messages;
}

static void fill(void)
{
    scratch = malloc(GW_RECORD_MAX + GW_UP_BUFFER);
    assert_non_null(scratch);
    new_engine(1);
    up_event(GW_UP_UNREACHABLE);
    for (unsigned node = 1; node <= NODES; node++)
        connect_node(node);
    for (unsigned number = 1; number <= EACH; number++)
        for (unsigned node = 1; node <= NODES; node++)
            assert_int_equal(publish(node, number, 1 + number % 2),
                             1 + number % 2);
    assert_int_equal(waiting(), ALL);
}

static void restart(void)
{
    gw_engine_free(engine);
    new_engine(2);
    for (size_t i = 0; i < session_count; i++)
        give_back(&sessions[i]);
    for (size_t i = 0; i < RECORDS; i++)
        give_back(&exchanges[i]);
    gw_engine_restored(engine, now);
    serve_store();
    assert_int_equal(waiting(), ALL);
}

static void twenty_thousand_arrive_in_their_order(void **unused)
{
    unsigned breaks = 0, live = 0;

    (void)unused;
    fill();
    restart();
    up_event(GW_UP_UNREACHABLE);
    connect_node(LIVE);
    while (waiting() > 0) {
        up_event(GW_UP_CONNECTED);
        /* What was on its way when it broke goes alone, one by one. */
        while (take() && handed_count == 1)
            all_done();
        /* Whoever has no backlog is served at once beside it. */
        if (handed_count != 0) {
            assert_true(handed_count == LATE_WINDOW ||
                        handed_count == waiting());
            publish(LIVE, ++live, 1);
            assert_true(take());
            assert_int_equal(handed[handed_count - 1].node, LIVE);
            handed_count--;
            result(handed_count, GW_UP_DONE);
        }
        all_unsent(breaks++);
    }
    for (unsigned node = 1; node <= NODES; node++)
        assert_int_equal(arrived[node], EACH);
    assert_true(breaks > ALL / WINDOW);
    for (size_t i = 0; i < RECORDS; i++)
        assert_int_equal(exchanges[i].len, 0);

    gw_engine_free(engine);
    for (size_t i = 0; i < session_count; i++)
        free(sessions[i].data);
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_thousand_arrive_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
