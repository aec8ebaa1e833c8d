/* SPDX-License-Identifier: MIT */
#include "io/paho_guard.h"
#include "io/upstream_port.h"

/* Entries handed to Paho under one look at the window, and between two looks
 * at what Paho says. */
#define BATCH 64
#define TURN 512

static size_t left_of(size_t window, size_t used)
{
    return used < window ? window - used : 0;
}

/* What Paho may still be given; the window is ours, so that Paho never waits
 * for one of its own (1.3.12 then sends one window a second). */
static struct gw_outbox_appetite appetite(struct gw_paho_port *port,
                                          uint64_t *ret_outcomes)
{
    struct gw_outbox_appetite appetite;
    size_t most;

    pthread_mutex_lock(&port->lock);
    most = port->settings.window;
    if (port->limits.receive_maximum != 0 &&
        port->limits.receive_maximum < most)
        most = port->limits.receive_maximum;
    appetite.acked = left_of(most, port->table.lists[GW_PAHO_ACKED].count);
    appetite.qos0 = left_of(port->settings.qos0_window,
                            port->table.lists[GW_PAHO_QOS0].count);
    appetite.control = left_of(GW_PAHO_CONTROL_WINDOW,
                               port->table.lists[GW_PAHO_CONTROL].count);
    *ret_outcomes = port->outcomes;
    /* Whatever was miscounted: with nothing to write, nothing follows. */
    if (port->table.lists[GW_PAHO_ACKED].count == 0 &&
        port->table.lists[GW_PAHO_QOS0].count == 0)
        gw_paho_guard_forget(SIZE_MAX);
    port->held_back = port->keep && gw_paho_keep_goes_on(port->keep);
    if (port->held_back)
        appetite.acked = 0; /* until an outcome, which comes later than this */
    pthread_mutex_unlock(&port->lock);
    return appetite;
}

/* The engine tells the broker nothing before it has noted what the session
 * lacks: so with the first that it tells in this connection, that is stored. */
static void note_control(struct gw_paho_port *port,
                         const struct gw_outbox_entry *entry)
{
    bool of_this_one;

    if (!port->keep || !gw_paho_keep_is_unsure(port->keep))
        return;
    pthread_mutex_lock(&port->lock);
    of_this_one = port->announced && entry->epoch == port->connections;
    pthread_mutex_unlock(&port->lock);
    if (of_this_one)
        gw_paho_keep_sure(port->keep);
}

static size_t publishes_in(struct gw_outbox_entry *entries[], size_t n)
{
    size_t publishes = 0;

    for (size_t i = 0; i < n; i++)
        publishes += entries[i]->kind == GW_UP_PUBLISH;
    return publishes;
}

/* Hands over some entries; false when Paho is not connected any more. */
static bool submit_all(struct gw_paho_port *port,
                       struct gw_outbox_entry *entries[], size_t n)
{
    /* Of many connections each writes for itself (paho_guard.h). */
    if (!port->of_many)
        gw_paho_guard_expect(publishes_in(entries, n));
    for (size_t i = 0; i < n; i++) {
        if (entries[i]->kind != GW_UP_PUBLISH)
            note_control(port, entries[i]);
        if (entries[i]->epoch < port->unsent_before) {
            gw_paho_guard_forget(publishes_in(entries + i, 1));
            gw_paho_give_result(port, entries[i]->token, GW_UP_UNSENT, 0);
        } else if (!gw_paho_submit(port, entries[i])) {
            gw_paho_guard_forget(publishes_in(entries + i, n - i));
            gw_outbox_return(&port->outbox, entries + i, n - i);
            return false;
        }
        gw_outbox_done(&port->outbox, entries[i]);
    }
    return true;
}

/* Asks to be woken by the next outcome; false when one came meanwhile. */
static bool wait_for_outcome(struct gw_paho_port *port, uint64_t seen)
{
    bool waits;

    pthread_mutex_lock(&port->lock);
    waits = port->outcomes == seen;
    port->hungry = waits;
    pthread_mutex_unlock(&port->lock);
    return waits;
}

bool gw_paho_submit_queued(struct gw_paho_port *port)
{
    struct gw_outbox_entry *entries[BATCH];
    uint64_t outcomes;
    size_t total = 0;

    while (total < TURN) {
        struct gw_outbox_appetite want = appetite(port, &outcomes);
        size_t n = gw_outbox_take(&port->outbox, &want, entries, BATCH);

        if (n == 0) {
            if (gw_outbox_empty(&port->outbox) ||
                wait_for_outcome(port, outcomes))
                return false;
            continue;
        }
        if (!submit_all(port, entries, n)) {
            port->submit_at = gw_paho_now() + 10;
            return false;
        }
        total += n;
        port->submissions += n;
    }
    return true;
}
