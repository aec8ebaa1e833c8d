/* SPDX-License-Identifier: MIT */
#include "population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stops the program: a measurement of something else is worth nothing. */
static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "population: error: %s\n", what);
    exit(1);
}

/* A filter without wildcard gives its name an id, too. */
static uint32_t topics_of(enum population_filter filter)
{
    return filter == FILTER_PLAIN ? 3 : 2;
}

void population_init(struct population *p, uint32_t count,
                     enum population_filter filter)
{
    memset(p, 0, sizeof(*p));
    p->count = count;
    p->filter = filter;
    p->now = 1000;
    p->random = UINT64_C(0x9e3779b97f4a7c15);
    gw_limits_default(&p->limits);
    gw_options_default(&p->options);
    p->options.overlapping = GW_OVERLAPPING_ONE;
    p->limits.max_sessions = count;
    p->limits.max_topics = count * topics_of(filter);
    p->limits.max_subscriptions = count;
    p->limits.names_total_bytes = (uint64_t)count * 256 + 65536;
}

struct gw_addr population_addr(uint32_t node)
{
    struct gw_addr addr = {.ip = {0x20, 0x01, 0x0d, 0xb8},
                           .port = (uint16_t)(10000 + node % 50000),
                           .family = 6};

    for (unsigned i = 0; i < 4; i++)
        addr.ip[12 + i] = (uint8_t)(node >> (24 - 8 * i));
    return addr;
}

struct gw_via population_via(void)
{
    return (struct gw_via){.local_ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                           .family = 6};
}

void population_client_id(uint32_t node, char ret[17])
{
    snprintf(ret, 17, "sensor-%09u", (unsigned)(node % 1000000000u));
}

void population_topic(uint32_t node, unsigned which, char ret[25])
{
    snprintf(ret, 25, "plant/n%08u/%s", (unsigned)(node % 100000000u),
             which == 0 ? "tempera1" : "humidit2");
}

void population_command(const struct population *p, uint32_t node, char ret[32])
{
    snprintf(ret, 32, "cmd/to-node-%08u%s", (unsigned)(node % 100000000u),
             p->filter == FILTER_PLAIN ? "" : "/led");
}

static void filter_of(const struct population *p, uint32_t node, char ret[32])
{
    snprintf(ret, 32, "cmd/to-node-%08u%s", (unsigned)(node % 100000000u),
             p->filter == FILTER_PLAIN ? "" : "/#");
}

uint32_t population_random(struct population *p, uint32_t below)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return (uint32_t)((p->random >> 32) * below >> 32);
}

void population_send(struct population *p, uint32_t node,
                     const struct octets *message)
{
    struct gw_addr from = population_addr(node);
    struct gw_via via = population_via();

    gw_engine_on_datagram(p->engine, &from, &via,
                          mqttsn_span(message->data, message->len), p->now);
}

static bool serve_upstream(struct population *p)
{
    struct gw_up_action action;
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    if (!gw_engine_poll_upstream(p->engine, p->now, GW_UP_CONTROL | GW_UP_DATA,
                                 p->buf, POPULATION_BUFFER, &action))
        return false;
    event.result.token = action.token;
    event.result.outcome = GW_UP_DONE;
    event.result.granted_qos = action.qos;
    if (action.token != 0)
        gw_engine_on_upstream(p->engine, &event, p->now);
    return true;
}

static bool serve_store(struct population *p)
{
    struct gw_store_action action;

    if (!gw_engine_poll_store(p->engine, p->now, p->buf, POPULATION_BUFFER,
                              &action))
        return false;
    gw_engine_on_stored(p->engine, action.op, true, p->now);
    return true;
}

void population_store(struct population *p)
{
    while (serve_store(p))
        ;
}

size_t population_serve(struct population *p)
{
    struct gw_datagram datagram;
    struct gw_note note;
    size_t datagrams = 0;
    bool more;

    do {
        more = false;
        while (serve_store(p) || serve_upstream(p))
            more = true;
        while (gw_engine_poll_datagram(p->engine, p->now, p->buf,
                                       POPULATION_BUFFER, &datagram)) {
            datagrams++;
            more = true;
        }
        while (gw_engine_poll_note(p->engine, &note))
            more = true;
    } while (more);
    return datagrams;
}

void population_pass(struct population *p, mqttsn_ms time)
{
    mqttsn_ms until = p->now + time;

    while (gw_engine_next_deadline(p->engine) <= until) {
        mqttsn_ms due = gw_engine_next_deadline(p->engine);

        p->now = due > p->now ? due : p->now;
        gw_engine_on_deadline(p->engine, p->now);
        population_serve(p);
    }
    p->now = until;
}

static void ask(struct population *p, uint32_t node, struct octets message,
                const char *what)
{
    population_send(p, node, &message);
    need(population_serve(p) == 1, what);
}

static void settle_in(struct population *p, uint32_t node)
{
    struct octets subscribe;
    char text[32];

    population_client_id(node, text);
    ask(p, node, sn_connect(text, 3600, 0), "CONNECT has no answer");
    for (unsigned which = 0; which < 2; which++) {
        population_topic(node, which, text);
        ask(p, node, sn_register(0, (uint16_t)(1 + which), text),
            "REGISTER has no answer");
    }
    filter_of(p, p->shared_filter ? 1 : node, text);
    subscribe = sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 3, text);
    population_send(p, node, &subscribe);
    /* Those that share a filter wait for each other's retained messages. */
    need(population_serve(p) == 1 || p->shared_filter,
         "SUBSCRIBE has no answer");
}

void population_start(struct population *p)
{
    static const uint8_t seed[16] = "bench population";
    struct gw_up_event connected = {.kind = GW_UP_CONNECTED};
    struct gw_usage usage;

    p->buf = malloc(POPULATION_BUFFER);
    need(p->buf != NULL, "no memory");
    need(gw_engine_new(&p->limits, &p->options, seed, p->now, &p->engine) ==
             MQTTSN_OK,
         "no engine");
    gw_engine_on_upstream(p->engine, &connected, p->now);
    population_serve(p);
    for (uint32_t node = 1; node <= p->count; node++) {
        settle_in(p, node);
        population_pass(p, 2);
    }
    /* Until nothing is remembered but what lasts. */
    population_pass(p, 5 * 60 * UINT64_C(1000));
    gw_engine_usage(p->engine, &usage);
    need(usage.sessions == p->count && usage.subscriptions == p->count &&
             usage.topics == p->count * topics_of(p->filter) &&
             usage.exchanges == 0,
         "the nodes are not what they should be");
}

void population_stop(struct population *p)
{
    gw_engine_free(p->engine);
    free(p->buf);
}
