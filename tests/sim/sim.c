/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The origin of the clock means nothing. */
#define ORIGIN_MS 1000000

void sim_fail(struct sim *sim, const char *which, const char *format, ...)
{
    size_t len =
        (size_t)snprintf(sim->failure, sizeof(sim->failure), "%s: ", which);
    va_list args;

    va_start(args, format);
    vsnprintf(sim->failure + len, sizeof(sim->failure) - len, format, args);
    va_end(args);
    sim_trace(sim, "*** %s", sim->failure);
    longjmp(sim->failed, 1);
}

void sim_trace_line(struct sim *sim, const char *format, ...)
{
    va_list args;

    fprintf(sim->trace, "%10.3f  ", (double)(sim->now - sim->started) / 1000.0);
    va_start(args, format);
    vfprintf(sim->trace, format, args);
    va_end(args);
    fputc('\n', sim->trace);
}

void sim_mix(struct sim *sim, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = sim->hash ^ sim->now;

    while (len-- > 0)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    sim->hash = h ^ (h >> 31);
}

/* ---- time -------------------------------------------------------------- */

void sim_until(struct sim *sim, mqttsn_ms time)
{
    mqttsn_ms lag = sim->healed ? 0 : (mqttsn_ms)sim->o.lag_ms;

    for (;;) {
        const struct event *next = queue_peek(&sim->queue);
        mqttsn_ms due = gw_engine_next_deadline(sim->gw.engine);

        due = due == MQTTSN_NEVER ? due : due + lag;
        if (due > time && (next == NULL || next->at > time))
            break;
        sim->events++;
        if (next == NULL || due < next->at || due <= sim->now) {
            sim->now = due > sim->now ? due : sim->now;
            gateway_deadline(sim);
        } else {
            struct event *event = sim->running = queue_take(&sim->queue);

            sim->now = event->at > sim->now ? event->at : sim->now;
            event->run(sim, event);
            free(event);
            sim->running = NULL;
        }
    }
    sim->now = time > sim->now ? time : sim->now;
}

/* ---- trouble with the gateway's surroundings ---------------------------- */

void sim_later(struct sim *sim, struct rng *random, int64_t mean_ms,
               event_run *happens)
{
    if (mean_ms != 0)
        queue_add(&sim->queue, sim->now + rng_pause(random, (uint64_t)mean_ms),
                  happens, NULL, 0);
}

static void unblock(struct sim *sim, struct event *event)
{
    sim->gw.blocked &= ~event->actor;
    if (event->actor == SINK_DATAGRAM)
        sim->gw.open_since = sim->now;
    if (sim->gw.blocked == 0)
        sim->gw.free_since = sim->now;
    gateway_turn(sim);
}

static void block(struct sim *sim, struct event *event)
{
    struct rng *r = &sim->gw.random;
    unsigned sink = 1u << rng_below(r, 3);

    (void)event;
    if (sim->healed)
        return;
    sim->gw.blocked |= sink;
    queue_add(&sim->queue, sim->now + 1 + rng_below(r, 5000), unblock, NULL, 0)
        ->actor = sink;
    sim_later(sim, r, sim->o.block_s * 1000, block);
}

static void crash(struct sim *sim, struct event *event)
{
    (void)event;
    if (sim->healed)
        return;
    gateway_restart(sim, false);
    sim_later(sim, &sim->gw.random, sim->o.crash_s * 1000, crash);
}

/* A machine that was suspended. */
static void jump(struct sim *sim, struct event *event)
{
    struct rng *r = &sim->gw.random;

    (void)event;
    if (sim->healed)
        return;
    if (rng_chance(r, sim->o.jump_permille)) {
        sim->now += 1000 + rng_below(r, 3600 * 1000);
        sim->jumped_at = sim->now;
        sim_trace(sim, "--- the clock jumps");
    }
    queue_add(&sim->queue, sim->now + 60000, jump, NULL, 0);
}

/* ---- a life ------------------------------------------------------------ */

static void begin(struct sim *sim)
{
    queue_clear(&sim->queue);
    sim->now = sim->started = ORIGIN_MS;
    sim->jumped_at = 0;
    sim->healed = sim->leaving = false;
    sim->hash = sim->seed;
    sim->events = 0;
    net_init(sim);
    store_init(sim);
    broker_init(sim);
    links_init(sim);
    oracle_init(sim);
    gateway_init(sim);
    nodes_init(sim);
    libraries_init(sim);
    villains_init(sim);
    broker_connect(sim, rng_below(&sim->broker.random, 3000));
    broker_breaks_begin(sim);
    if (sim->o.transparent)
        links_breaks_begin(sim);
    broker_others_begin(sim);
    gateway_reloads_begin(sim);
    gateway_ends_begin(sim);
    if (sim->o.block_s != 0)
        queue_add(&sim->queue, sim->now + (mqttsn_ms)sim->o.block_s * 1000,
                  block, NULL, 0);
    if (sim->o.crash_s != 0)
        queue_add(&sim->queue, sim->now + (mqttsn_ms)sim->o.crash_s * 1000,
                  crash, NULL, 0);
    if (sim->o.jump_permille != 0)
        queue_add(&sim->queue, sim->now + 60000, jump, NULL, 0);
}

static void count(struct sim *sim)
{
    struct stats *s = sim->stats;
    uint64_t nodes = sim->node_count + sim->library_count;

    s->seeds++;
    s->hash = (s->hash ^ sim->hash) * UINT64_C(0x9e3779b97f4a7c15);
    s->events += sim->events;
    s->gateway_ms += sim->now - sim->started;
    s->node_ms += nodes * (mqttsn_ms)sim->o.life_s * 1000;
}

bool sim_run(struct sim *sim, uint64_t seed, const struct options *options)
{
    sim->seed = seed;
    sim->o = *options;
    sim->failure[0] = '\0';
    sim->gw.engine = NULL;
    if (setjmp(sim->failed) == 0) {
        begin(sim);
        sim_until(sim, sim->started + (mqttsn_ms)sim->o.life_s * 1000);
        sim_heal(sim);
        count(sim);
    }
    free(sim->running); /* what a failure left in the middle */
    sim->running = NULL;
    gw_engine_free(sim->gw.engine);
    sim->gw.engine = NULL;
    return sim->failure[0] == '\0';
}

void sim_free(struct sim *sim)
{
    queue_free(&sim->queue);
    store_free(&sim->store);
    broker_free(&sim->broker);
    gateway_free(&sim->gw);
}
