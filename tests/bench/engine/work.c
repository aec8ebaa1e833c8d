/* SPDX-License-Identifier: MIT */
/*
 * What the engine does for one message, in instructions: run by
 * engine_work.py under callgrind, which counts only between 'begin' and 'end'.
 * Each message is of, or for, a session taken at random.
 */
#include "population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

enum { MESSAGES = 2000, PAYLOAD = 20 };

static void begin(void)
{
    CALLGRIND_TOGGLE_COLLECT;
}

static void end(void)
{
    CALLGRIND_TOGGLE_COLLECT;
}

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "work: error: %s\n", what);
    exit(1);
}

static const char payload[PAYLOAD + 1] = "12345678901234567890";

static void up(struct population *p, uint32_t node, uint8_t flags)
{
    struct octets frame = sn_publish(
        flags, (uint16_t)(1 + node % 2),
        flags & SN_QOS_BITS ? (uint16_t)(node % 60000 + 1) : 0, payload);
    struct gw_addr from = population_addr(node);
    struct gw_via via = population_via();
    struct mqttsn_span octets = mqttsn_span(frame.data, frame.len);
    struct gw_up_event done = {.kind = GW_UP_RESULT};
    struct gw_up_action action;
    struct gw_datagram datagram;
    bool ok;

    p->now++;
    begin();
    gw_engine_on_datagram(p->engine, &from, &via, octets, p->now);
    ok = gw_engine_poll_upstream(p->engine, p->now, GW_UP_CONTROL | GW_UP_DATA,
                                 p->buf, POPULATION_BUFFER, &action);
    end();
    need(ok && action.kind == GW_UP_PUBLISH && action.payload.len == PAYLOAD &&
             memcmp(action.payload.data, payload, PAYLOAD) == 0,
         "the message is not there");
    if (action.token == 0)
        return;
    done.result.token = action.token;
    begin();
    gw_engine_on_upstream(p->engine, &done, p->now);
    ok = gw_engine_poll_datagram(p->engine, p->now, p->buf, POPULATION_BUFFER,
                                 &datagram);
    end();
    need(ok && p->buf[1] == SN_PUBACK, "no PUBACK came");
    population_serve(p);
}

static void up_qos0(struct population *p, uint32_t node)
{
    up(p, node, SN_QOS0 | SN_NORMAL);
}

static void up_qos1(struct population *p, uint32_t node)
{
    up(p, node, SN_QOS1 | SN_NORMAL);
}

/* The broker has a message for the node's filter. */
static void message_for(struct population *p, uint32_t node, uint8_t qos)
{
    char topic[32];
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};

    population_command(p, node, topic);
    event.message.topic = mqttsn_span_text(topic);
    event.message.payload = mqttsn_span(payload, PAYLOAD);
    event.message.qos = qos;
    event.message.packet_id = qos ? 1 : 0;
    gw_engine_on_upstream(p->engine, &event, p->now);
}

static bool poll(struct population *p)
{
    struct gw_datagram datagram;

    return gw_engine_poll_datagram(p->engine, p->now, p->buf, POPULATION_BUFFER,
                                   &datagram);
}

/* The PUBACK for what was polled last. */
static struct octets puback(const struct population *p)
{
    const uint8_t *frame = p->buf;

    return sn_ack(SN_PUBACK, (uint16_t)(frame[3] << 8 | frame[4]),
                  (uint16_t)(frame[5] << 8 | frame[6]), 0);
}

static void down(struct population *p, uint32_t node, uint8_t qos)
{
    struct gw_addr from = population_addr(node);
    struct gw_via via = population_via();
    struct octets ack;
    char topic[32];
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};
    bool ok;

    p->now++;
    population_command(p, node, topic);
    event.message.topic = mqttsn_span_text(topic);
    event.message.payload = mqttsn_span(payload, PAYLOAD);
    event.message.qos = qos;
    event.message.packet_id = qos ? 1 : 0;
    begin();
    gw_engine_on_upstream(p->engine, &event, p->now);
    ok = poll(p);
    end();
    need(ok && p->buf[1] == SN_PUBLISH, "the message did not come down");
    if (qos != 0) {
        ack = puback(p);
        begin();
        gw_engine_on_datagram(p->engine, &from, &via,
                              mqttsn_span(ack.data, ack.len), p->now);
        end();
    }
    population_serve(p);
}

static void down_qos0(struct population *p, uint32_t node)
{
    down(p, node, 0);
}

static void down_qos1(struct population *p, uint32_t node)
{
    down(p, node, 1);
}

/* PINGREQ of a sleeper for whom one message waits, until that comes out. */
static void wake_up(struct population *p, uint32_t node)
{
    struct octets sleep = sn_disconnect(3600), wake, ack;
    struct gw_addr from = population_addr(node);
    struct gw_via via = population_via();
    char id[17];
    bool ok;

    p->now++;
    population_client_id(node, id);
    wake = sn_pingreq(id);
    population_send(p, node, &sleep);
    population_serve(p);
    message_for(p, node, 1);
    need(population_serve(p) == 0, "a sleeper was sent something");
    begin();
    gw_engine_on_datagram(p->engine, &from, &via,
                          mqttsn_span(wake.data, wake.len), p->now);
    ok = poll(p);
    end();
    need(ok && p->buf[1] == SN_PUBLISH, "the message did not come out");
    ack = puback(p);
    population_send(p, node, &ack);
    need(population_serve(p) == 1, "no PINGRESP came");
}

static void connect_again(struct population *p, uint32_t node)
{
    char id[17];
    struct octets connect;

    population_client_id(node, id);
    connect = sn_connect(id, 3600, 0);
    population_send(p, node, &connect);
    need(population_serve(p) == 1, "no CONNACK came");
}

/* What comes down needs an id that the node knows: it learns it here. */
static void teach(struct population *p, uint32_t node)
{
    struct octets ack;

    message_for(p, node, 0);
    if (!poll(p)) { /* the id is kept before the node can learn it */
        population_store(p);
        need(poll(p), "neither REGISTER nor the message came");
    }
    if (p->buf[1] == SN_REGISTER) {
        ack = sn_ack(SN_REGACK, (uint16_t)(p->buf[2] << 8 | p->buf[3]),
                     (uint16_t)(p->buf[4] << 8 | p->buf[5]), 0);
        population_send(p, node, &ack);
        population_serve(p);
    }
    population_serve(p);
}

static void measure(struct population *p, const char *name,
                    void (*one)(struct population *p, uint32_t node))
{
    char label[64];

    for (unsigned n = 0; n < MESSAGES; n++) {
        uint32_t node = 1 + population_random(p, p->count);

        if (one == wake_up)
            connect_again(p, node);
        if (one != up_qos0 && one != up_qos1)
            teach(p, node);
        one(p, node);
    }
    snprintf(label, sizeof(label), "%s %d", name, MESSAGES);
    CALLGRIND_DUMP_STATS_AT(label);
}

int main(int argc, char **argv)
{
    struct population p;

    if (argc != 2 || atoi(argv[1]) <= 0 || !RUNNING_ON_VALGRIND) {
        fprintf(stderr, "work: error: usage: valgrind --tool=callgrind "
                        "--instr-atstart=no --collect-atstart=no engine-work "
                        "SESSIONS\n");
        return 2;
    }
    population_init(&p, (uint32_t)atoi(argv[1]), FILTER_WILDCARD);
    p.limits.max_topics += p.count; /* for what comes down */
    population_start(&p);
    CALLGRIND_START_INSTRUMENTATION;
    measure(&p, "uplink_qos0", up_qos0);
    measure(&p, "uplink_qos1", up_qos1);
    measure(&p, "downlink_qos0", down_qos0);
    measure(&p, "downlink_qos1", down_qos1);
    measure(&p, "wake_up", wake_up);
    population_stop(&p);
    return 0;
}
