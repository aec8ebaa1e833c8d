/* SPDX-License-Identifier: MIT */
/*
 * Every datagram of up to three octets, in every state of a client. Malformed
 * ones change no state and get no answer; the others may, and must not crash.
 *
 * A run of malformed datagrams is judged once, at its end, because outputs
 * wait in the engine and a snapshot shows any change; only a run that fails is
 * looked at datagram by datagram.
 */
#include <stdlib.h>

#include "check.h"

#include "world.h"

enum state { UNKNOWN, HALF_OPEN, ACTIVE, ASLEEP, AWAKE, DISC, LOST, STATES };

static const char *const state_names[STATES] = {
    "unknown", "half-open",    "active", "asleep",
    "awake",   "disconnected", "lost"};

static struct world w;
static struct node node;
static uint64_t sent;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void answer_broker(void)
{
    struct output *out;

    while ((out = world_take(&w, OUT_UPSTREAM, NULL)) != NULL)
        if (out->up.token != 0)
            world_result(&w, out->up.token, GW_UP_DONE, 2);
}

/* A world with one client in 'state', mail waiting or in flight for it, and a
 * bystander. */
static void build(enum state state)
{
    struct node other = world_node(2);

    world_init(&w);
    w.fail = stop_test;
    w.limits.max_sessions = 8; /* small, for it is built thousands of times */
    w.limits.max_topics = 16;
    w.limits.max_subscriptions = 16;
    w.limits.max_exchanges = 16;
    w.limits.max_queue_entries = 16;
    w.limits.queue_total_bytes = 16384;
    w.limits.names_total_bytes = 16384;
    world_start(&w);
    world_send(&w, &other, sn_connect("other", 60000, 0));
    if (state == HALF_OPEN) {
        world_send(&w, &node, sn_connect("n1", 600, SN_WILL));
    } else if (state != UNKNOWN) {
        world_send(&w, &node, sn_connect("n1", 600, 0));
        world_send(&w, &node, sn_register(0, 1, "a/b"));
        world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 2, "cmd"));
        answer_broker();
        world_send(&w, &node, sn_publish(SN_QOS2, 1, 77, "open"));
        answer_broker();
    }
    if (state == ASLEEP || state == AWAKE)
        world_send(&w, &node, sn_disconnect(300));
    if (state == DISC)
        world_send(&w, &node, sn_disconnect(-1));
    if (state == LOST)
        world_until(&w, w.now + 661000);
    if (state >= ACTIVE)
        world_message(&w, "cmd", "mail", 4, 1, false);
    if (state == AWAKE)
        world_send(&w, &node, sn_pingreq("n1"));
    world_until(&w, w.now + 1000);
    world_forget_outputs(&w);
}

/* Whether the message decodes at all, by [SN 5.4] and G12-43. */
static bool well_formed(const uint8_t *d, size_t len)
{
    static const uint8_t of_two[] = {
        SN_WILLTOPICREQ, SN_WILLTOPIC,    SN_WILLMSGREQ,
        SN_WILLMSG,      SN_PINGREQ,      SN_PINGRESP,
        SN_DISCONNECT,   SN_WILLTOPICUPD, SN_WILLMSGUPD};
    static const uint8_t of_three[] = {
        SN_SEARCHGW,   SN_GWINFO,     SN_CONNACK,      SN_WILLTOPIC,
        SN_WILLMSG,    SN_PINGREQ,    SN_WILLTOPICUPD, SN_WILLTOPICRESP,
        SN_WILLMSGUPD, SN_WILLMSGRESP};

    if (len < 2 || d[0] != len)
        return false;
    return len == 2 ? memchr(of_two, d[1], sizeof(of_two)) != NULL
                    : memchr(of_three, d[1], sizeof(of_three)) != NULL;
}

static void give(const uint8_t *d, size_t len)
{
    gw_engine_on_datagram(w.engine, &node.addr, &node.via, mqttsn_span(d, len),
                          w.now);
    sent++;
}

static uint64_t malformed_counted(void)
{
    const struct gw_counters *c = gw_engine_counters(w.engine);

    return c->rx_short + c->rx_length + c->rx_trailing + c->rx_type +
           c->rx_field + c->rx_nested;
}

/* Whether the world is as 'before' says and has nothing to send. */
static bool untouched(const char *before)
{
    char *after;
    bool same;

    world_pump(&w);
    after = world_snapshot(&w);
    same = strcmp(before, after) == 0 &&
           world_peek(&w, OUT_DATAGRAM, NULL) == NULL &&
           world_peek(&w, OUT_UPSTREAM, NULL) == NULL &&
           world_peek(&w, OUT_STORE, NULL) == NULL;
    free(after);
    return same;
}

/* All malformed datagrams that begin with 'head' and have one octet more. */
static unsigned run_of_malformed(const uint8_t *head, size_t head_len)
{
    uint8_t d[3];
    unsigned n = 0;

    memcpy(d, head, head_len);
    for (unsigned last = 0; last < 256; last++) {
        d[head_len] = (uint8_t)last;
        if (well_formed(d, head_len + 1))
            continue;
        give(d, head_len + 1);
        n++;
    }
    return n;
}

/* Finds the one in a run that did it. */
static void blame(enum state state, const uint8_t *head, size_t head_len)
{
    uint8_t d[3];

    memcpy(d, head, head_len);
    for (unsigned last = 0; last < 256; last++) {
        char *before;

        d[head_len] = (uint8_t)last;
        if (well_formed(d, head_len + 1))
            continue;
        world_stop(&w);
        build(state);
        before = world_snapshot(&w);
        give(d, head_len + 1);
        if (!untouched(before))
            world_fail(&w, "%s: %02x %02x %02x (%zu octets) did something",
                       state_names[state], d[0], d[1], head_len == 2 ? d[2] : 0,
                       head_len + 1);
        free(before);
    }
}

static void malformed_in(enum state state)
{
    static const uint8_t nothing[1] = {0};
    char *before;
    uint64_t counted;
    uint8_t head[2];

    build(state);
    before = world_snapshot(&w);
    counted = malformed_counted();
    sent = 0;
    give(nothing, 0);
    run_of_malformed(head, 0);
    for (unsigned a = 0; a < 256; a++) {
        head[0] = (uint8_t)a;
        run_of_malformed(head, 1);
        for (unsigned b = 0; b < 256; b++) {
            head[1] = (uint8_t)b;
            run_of_malformed(head, 2);
        }
        if (untouched(before))
            continue;
        run_of_malformed(head, 1);
        blame(state, head, 1);
        for (unsigned b = 0; b < 256; b++) {
            head[1] = (uint8_t)b;
            blame(state, head, 2);
        }
    }
    /* Each was counted under exactly one reason. */
    assert_int_equal(malformed_counted() - counted, sent);
    free(before);
    world_stop(&w);
}

static void malformed_ones_change_nothing_and_get_no_answer(void **unused)
{
    (void)unused;
    for (int state = 0; state < STATES; state++)
        malformed_in((enum state)state);
}

static void well_formed_ones_do_not_crash(void **unused)
{
    unsigned tried = 0;

    (void)unused;
    for (int state = 0; state < STATES; state++) {
        char *before;

        build((enum state)state);
        before = world_snapshot(&w);
        for (unsigned v = 0; v < 256 * 256 * 2; v++) {
            size_t len = v < 256 * 256 ? 2 : 3;
            uint8_t d[3] = {(uint8_t)len, (uint8_t)(v >> 8), (uint8_t)v};

            if (!well_formed(d, len) || (len == 2 && d[2] != 0))
                continue;
            tried++;
            give(d, len);
            if (untouched(before))
                continue;
            free(before);
            world_stop(&w);
            build((enum state)state);
            before = world_snapshot(&w);
        }
        free(before);
        world_stop(&w);
    }
    assert_int_equal(tried, STATES * (9 + 10 * 256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_ones_change_nothing_and_get_no_answer),
        cmocka_unit_test(well_formed_ones_do_not_crash),
    };

    node = world_node(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
