/* SPDX-License-Identifier: MIT */
/*
 * The orderly end, as the daemon has it at SIGTERM (D10): nothing more is
 * heard, the wills go out whose settings say so, what is with the broker is
 * waited for a while, and the store is closed with all that it was given. Then
 * another process begins. A kill may come first.
 */
#include "sim.h"

/* The daemon's patience with the broker. */
#define DRAIN_MS 700

#define LOOK_MS 20

static bool is_drained(struct sim *sim)
{
    return broker_has_answered(&sim->broker) && links_have_answered(sim) &&
           !sim->gw.turn_due && !(sim->gw.blocked & SINK_DATAGRAM) &&
           broker_room(sim) == (GW_UP_CONTROL | GW_UP_DATA);
}

static void look(struct sim *sim, struct event *event)
{
    struct gateway *gw = &sim->gw;

    if (event->number != gw->lives)
        return; /* it died meanwhile */
    if (!is_drained(sim) && sim->now < gw->ending_since + DRAIN_MS) {
        queue_add(&sim->queue, sim->now + LOOK_MS, look, NULL, 0)->number =
            gw->lives;
        return;
    }
    gateway_turn(sim); /* the last answers */
    if (store_close(sim) && gw->blocked == 0 && !gw->turn_due)
        oracle_closed(sim);
    sim->stats->ends++;
    gateway_restart(sim, true);
}

static void end(struct sim *sim, struct event *event)
{
    struct gateway *gw = &sim->gw;

    (void)event;
    if (sim->now + 2 * DRAIN_MS >
        sim->started + (mqttsn_ms)sim->o.life_s * 1000)
        return; /* not while all is healed */
    gateway_ends_begin(sim);
    if (gw->ending_since != 0)
        return;
    sim_trace(sim, "--- the gateway is told to end");
    gw->ending_since = sim->now;
    oracle_ending(sim);
    gw_engine_shutdown(gw->engine, sim->now);
    oracle_after_input(sim);
    gateway_turn(sim);
    queue_add(&sim->queue, sim->now, look, NULL, 0)->number = gw->lives;
}

void gateway_ends_begin(struct sim *sim)
{
    sim_later(sim, &sim->gw.ends, sim->o.end_s * 1000, end);
}
