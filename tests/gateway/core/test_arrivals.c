/* SPDX-License-Identifier: MIT */
/*
 * Messages of the broker that the shell had kept before the engine took them
 * over. The process ends after each single operation of the store; the shell
 * then gives again what the store did not forget. Each reader gets each message
 * once and in order, whatever was kept of it.
 */
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "broker.h"

enum { READERS = 3, MESSAGES = 3, FIRST = 7 };

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[READERS];
    unsigned ops;       /* taken by the store since the messages came */
    unsigned ends_at;   /* the last one that it still carried out */
    unsigned forgotten; /* arrivals, of which the first is FIRST */
};

static struct fixture fx;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void watch(struct world *world, struct output *out)
{
    if (out->kind != OUT_STORE)
        return;
    if (++fx.ops > fx.ends_at) {
        world->no_records = true;
        return;
    }
    if (out->store.kind == GW_RECORD_ARRIVAL) {
        assert_int_equal(out->store.verb, GW_STORE_FORGET);
        assert_int_equal(out->store.owner, 0);
        assert_int_equal(out->store.item, FIRST + fx.forgotten);
        fx.forgotten++;
    }
}

static void arrive(unsigned i)
{
    char payload[] = {'m', (char)('0' + i)};
    struct gw_up_event event = {
        .kind = GW_UP_MESSAGE,
        .message = {.topic = mqttsn_span_text("cmd/x"),
                    .payload = mqttsn_span(payload, sizeof(payload)),
                    .qos = 2,
                    .packet_id = (uint16_t)(40 + i),
                    .arrival = FIRST + i}};

    gw_engine_on_upstream(fx.w.engine, &event, fx.w.now);
}

/* Readers with QoS 1, QoS 2, and QoS 1 by two filters; all asleep. */
static void set_up(void)
{
    fx = (struct fixture){.ends_at = UINT32_MAX};
    world_init(&fx.w);
    broker_init(&fx.broker);
    fx.w.broker = &fx.broker;
    fx.w.fail = stop_test;
    world_start(&fx.w);
    for (unsigned i = 0; i < READERS; i++) {
        actor_init(&fx.nodes[i], i + 1, false);
        actor_connect(&fx.nodes[i], &fx.w, 600, false);
        actors_settle(fx.nodes, READERS, &fx.w);
        actor_subscribe(&fx.nodes[i], &fx.w, i == 0 ? "cmd/x" : "cmd/#",
                        i == 1 ? 2 : 1);
        actors_settle(fx.nodes, READERS, &fx.w);
        if (i == 2) {
            actor_subscribe(&fx.nodes[i], &fx.w, "cmd/+", 1);
            actors_settle(fx.nodes, READERS, &fx.w);
        }
        world_until(&fx.w, fx.w.now + 1000);
        actor_sleep(&fx.nodes[i], &fx.w, 600);
        actors_settle(fx.nodes, READERS, &fx.w);
        assert_true(fx.nodes[i].asleep);
    }
    fx.w.watch = watch;
}

static void tear_down(void)
{
    world_stop(&fx.w);
}

/* The process ends after so many operations, and the next one begins. */
static void live_twice(unsigned ends_at)
{
    fx.ops = 0;
    fx.ends_at = ends_at;
    for (unsigned i = 0; i < MESSAGES; i++)
        arrive(i);
    world_pump(&fx.w);
    broker_crash(&fx.broker);
    fx.w.no_records = false;
    fx.ends_at = UINT32_MAX;
    world_restart(&fx.w);
    for (unsigned i = fx.forgotten; i < MESSAGES; i++)
        arrive(i);
    broker_return(&fx.broker, &fx.w, true);
    world_pump(&fx.w);
    assert_int_equal(fx.forgotten, MESSAGES);
}

static void each_reader_gets_each_message_once_and_in_order(void **unused)
{
    unsigned total = 1;

    (void)unused;
    for (unsigned ends_at = 0; ends_at <= total; ends_at++) {
        set_up();
        live_twice(ends_at);
        for (unsigned i = 0; i < READERS; i++) {
            struct actor *node = &fx.nodes[i];

            actor_wake(node, &fx.w);
            actors_settle(fx.nodes, READERS, &fx.w);
            assert_true(node->asleep);
            assert_int_equal(node->ledger_count, MESSAGES);
            for (unsigned k = 0; k < MESSAGES; k++) {
                char payload[] = {'m', (char)('0' + k), '\0'};

                assert_string_equal(node->ledger[k].payload, payload);
                assert_int_equal(node->ledger[k].count, 1);
            }
        }
        /* One body and one place per reader, and that it was taken over. */
        total = MESSAGES * (1 + READERS + 1);
        assert_int_equal(world_usage(&fx.w).queue_entries, 0);
        assert_int_equal(world_usage(&fx.w).messages, 0);
        tear_down();
    }
}

static void what_nobody_waits_for_is_taken_over_too(void **unused)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE,
                                .message = {.topic = mqttsn_span_text("other"),
                                            .qos = 1,
                                            .arrival = FIRST}};

    (void)unused;
    set_up();
    gw_engine_on_upstream(fx.w.engine, &event, fx.w.now);
    world_pump(&fx.w);
    assert_int_equal(fx.forgotten, 1);
    tear_down();
}

static unsigned copies(const char *payload)
{
    unsigned count = 0;

    for (unsigned i = 0; i < READERS; i++) {
        if (!fx.nodes[i].awake)
            actor_wake(&fx.nodes[i], &fx.w);
        actors_settle(fx.nodes, READERS, &fx.w);
        count += actor_count(&fx.nodes[i], payload);
    }
    return count;
}

/* It was half taken over, and who has it gets it before it comes again. */
static void
a_message_that_was_delivered_meanwhile_is_not_mistaken(void **unused)
{
    (void)unused;
    set_up();
    fx.ends_at = 2; /* the first body and its first place */
    for (unsigned i = 0; i < MESSAGES; i++)
        arrive(i);
    world_pump(&fx.w);
    broker_crash(&fx.broker);
    fx.w.no_records = false;
    fx.ends_at = UINT32_MAX;
    world_restart(&fx.w);
    broker_return(&fx.broker, &fx.w, true);
    assert_int_equal(copies("m0"), 1);
    assert_int_equal(world_usage(&fx.w).messages, 0);

    fx.forgotten = 1;
    arrive(1); /* takes the block of the one that is gone */
    world_pump(&fx.w);
    assert_int_equal(copies("m1"), READERS);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reader_gets_each_message_once_and_in_order),
        cmocka_unit_test(what_nobody_waits_for_is_taken_over_too),
        cmocka_unit_test(
            a_message_that_was_delivered_meanwhile_is_not_mistaken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
