/* SPDX-License-Identifier: MIT */
#include "bench.h"

/* Nodes that are connected at once while they prepare. */
#define PREPARING 256
#define PATIENCE_US 60000000

/* Messages of QoS 1 and 2 that may be with the broker at once. */
#define BROKER_WINDOW 200

static bool put(struct bench *b, const struct bench_node *node, uint32_t number)
{
    uint8_t payload[BENCH_PAYLOAD_MAX];
    char topic[BENCH_TOPIC_MAX];
    struct bench_stamp stamp = {b->run, (uint32_t)(node - b->nodes), number,
                                bench_now_us()};

    bench_topic(b, node, 'd', topic);
    bench_stamp_write(payload, (size_t)b->options.size, &stamp);
    return bench_mqtt_publish(&b->mqtt, topic,
                              mqttsn_span(payload, (size_t)b->options.size),
                              (unsigned)b->options.common.qos);
}

/* Publishes one message to this topic, as soon as the broker takes it. */
static bool publish(struct bench *b, const struct bench_node *node,
                    uint32_t number)
{
    bool done = false;

    while (!b->ended && !done) {
        done = b->mqtt.under_way < BROKER_WINDOW && put(b, node, number);
        if (!done)
            bench_turn(b, b->now + 10000);
    }
    return done;
}

/*
 * Node 0 stays awake, and its message is published last: when it has come,
 * all others have passed the gateway before it. A message of QoS 0 that no
 * queue takes is lost without harm to this.
 */
static void wait_for_witness(struct bench *b)
{
    uint64_t until = bench_now_us() + PATIENCE_US;
    struct bench_node *witness = &b->nodes[0];

    (void)publish(b, witness, 0);
    while (!b->ended && b->now < until && witness->down.tally.count == 0)
        bench_turn(b, b->now + 10000);
}

static void fill(struct bench *b)
{
    const struct bench_options *o = &b->options;
    size_t topics = o->shared ? 2 : b->count; /* the witness's is the first */
    uint64_t readers = o->shared ? b->count - 1 : 1, copies = 0;

    b->load_us = bench_now_us();
    for (uint32_t number = 0; number < (uint32_t)o->messages; number++) {
        for (size_t i = 1; i < topics && !b->ended && !b->asked; i++)
            copies += publish(b, &b->nodes[i], number) ? readers : 0;
    }
    wait_for_witness(b);
    b->down.sent = copies;
    b->down.arrived = 0;
}

static void all_but_witness(struct bench *b, enum bench_step step, size_t most)
{
    enum bench_step awake = b->nodes[0].step;

    /* The witness is passed over as one that has gone. */
    b->nodes[0].step = STEP_GONE;
    bench_prepare(b, step, most);
    b->nodes[0].step = awake;
}

void bench_sleep(struct bench *b)
{
    const struct bench_options *o = &b->options;

    b->latency = b->answer = b->complete = (struct bench_spread){.count = 0};
    all_but_witness(b, STEP_SLEEP, PREPARING);
    if (o->pid != 0)
        (void)bench_proc_read(o->pid, &b->before);
    fill(b);
    if (o->pid != 0)
        (void)bench_proc_read(o->pid, &b->after);

    b->load_us = bench_now_us();
    b->latency = b->answer = b->complete = (struct bench_spread){.count = 0};
    all_but_witness(b, STEP_AWAKE, (size_t)o->window);
}
