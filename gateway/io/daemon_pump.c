/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include <limits.h>

#include "log.h"

/*
 * One round feeds a little and then serves every sink, so that what comes out
 * keeps pace with what goes in and the engine's own queues stay short; a turn
 * is a few rounds, and then the loop looks for input again.
 */
#define ROUNDS 8u
#define FEED 32u
#define PUMP_EVENTS 64u
#define PUMP_DATAGRAMS 64u
#define PUMP_UPSTREAM 64u
#define PUMP_STORE 256u
#define PUMP_NOTES 64u

/* ---- in ---------------------------------------------------------------- */

static void input(void *user, const struct gw_addr *from,
                  const struct gw_via *via, struct mqttsn_span bytes)
{
    struct gw_daemon *d = user;

    d->received[gw_metrics_type(bytes)]++;
    if (daemon_shows_frames(d))
        daemon_trace(d, "received", from, bytes);
    gw_engine_on_datagram(d->engine, from, via, bytes, d->now);
}

void daemon_feed_all(struct gw_daemon *d)
{
    (void)gw_udp_feed(d->udp, UINT_MAX, input, d);
}

/* Only who asks over HTTP is told how long the broker takes. */
static void note_submitted(struct gw_daemon *d,
                           const struct gw_up_action *action)
{
    if (d->http != NULL && action->kind == GW_UP_PUBLISH && action->qos > 0 &&
        action->token != 0)
        gw_forward_begin(&d->forward, action->token, uv_hrtime() / 1000);
}

static void note_result(struct gw_daemon *d, const struct gw_up_event *event)
{
    if (d->upstream_open > 0)
        d->upstream_open--;
    if (d->http != NULL)
        gw_forward_end(&d->forward, event->result.token,
                       event->result.outcome == GW_UP_DONE, uv_hrtime() / 1000);
}

/* True when there are more events, and the engine is not behind with what it
 * has. */
static bool take_upstream(struct gw_daemon *d)
{
    struct gw_up_event event;

    for (unsigned n = 0; n < PUMP_EVENTS; n++) {
        if (gw_engine_is_behind(d->engine) ||
            !d->upstream->ops->take(d->upstream, &event))
            return false;
        if (event.kind == GW_UP_RESULT)
            note_result(d, &event);
        else if (event.connection == 0 && event.kind != GW_UP_MESSAGE)
            daemon_report_link(d, event.kind);
        gw_engine_on_upstream(d->engine, &event, d->now);
        if (event.kind == GW_UP_CONNECTED && event.connection == 0)
            daemon_status_connected(d);
    }
    return true;
}

static bool take_store(struct gw_daemon *d)
{
    uint64_t op;
    bool ok;

    for (unsigned n = 0; n < PUMP_STORE; n++) {
        if (!d->store->ops->take(d->store, &op, &ok))
            return false;
        d->store_fails = !ok;
        gw_engine_on_stored(d->engine, op, ok, d->now);
    }
    return true;
}

/* ---- out --------------------------------------------------------------- */

static bool next_datagram(void *user, uint8_t *buf, size_t cap,
                          struct gw_datagram *ret_datagram)
{
    struct gw_daemon *d = user;

    if (!gw_engine_poll_datagram(d->engine, d->now, buf, cap, ret_datagram))
        return false;
    d->sent[gw_metrics_type(mqttsn_span(buf, ret_datagram->len))]++;
    if (daemon_shows_frames(d))
        daemon_trace(
            d, ret_datagram->target == GW_TO_GROUP ? "advertised" : "sent",
            &ret_datagram->to, mqttsn_span(buf, ret_datagram->len));
    return true;
}

/* What the port would not take after all goes back as never sent; a connection
 * that cannot be made is one that is not reached, and closed at once. */
static void give_back(struct gw_daemon *d, const struct gw_up_action *action)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT,
                                .connection = action->connection};

    if (action->kind == GW_UP_OPEN) {
        event.kind = GW_UP_UNREACHABLE;
    } else if (action->kind == GW_UP_CLOSE) {
        event.kind = GW_UP_CLOSED;
    } else if (action->token != 0) {
        d->upstream_open--;
        event.result.token = action->token;
        event.result.outcome = GW_UP_UNSENT;
    } else {
        return;
    }
    gw_engine_on_upstream(d->engine, &event, d->now);
}

static bool serve_upstream(struct gw_daemon *d)
{
    struct gw_up_action action;

    for (unsigned n = 0; n < PUMP_UPSTREAM; n++) {
        unsigned classes = d->upstream->ops->room(d->upstream);

        if (classes == 0 ||
            !gw_engine_poll_upstream(d->engine, d->now, classes,
                                     d->upstream_buf, GW_UP_BUFFER, &action))
            return false;
        d->upstream_open += action.token != 0;
        if (d->upstream->ops->submit(d->upstream, &action) != MQTTSN_OK) {
            give_back(d, &action);
            return false;
        }
        note_submitted(d, &action);
    }
    return true;
}

static bool serve_store(struct gw_daemon *d)
{
    struct gw_store_action action;

    for (unsigned n = 0; n < PUMP_STORE; n++) {
        struct mqttsn_span bytes;

        if (!d->store->ops->room(d->store) ||
            !gw_engine_poll_store(d->engine, d->now, d->store_buf,
                                  GW_RECORD_MAX, &action))
            return false;
        bytes = mqttsn_span(d->store_buf,
                            action.verb == GW_STORE_KEEP ? action.len : 0);
        if (d->store->ops->submit(d->store, &action, bytes) != MQTTSN_OK)
            gw_engine_on_stored(d->engine, action.op, false, d->now);
    }
    return true;
}

static bool serve_notes(struct gw_daemon *d)
{
    struct gw_note note;

    for (unsigned n = 0; n < PUMP_NOTES; n++) {
        if (!gw_engine_poll_note(d->engine, &note))
            return false;
        gw_notes_log(&d->notes, &note, d->now);
        gw_events_note(&d->events, &note, d->now);
        daemon_status_note(d, &note);
    }
    return true;
}

/* ---- the turn ---------------------------------------------------------- */

void daemon_wake(void *daemon)
{
    ((struct gw_daemon *)daemon)->dirty = true;
}

void daemon_on_more(uv_idle_t *more)
{
    /* It only keeps the loop from waiting; the turn follows. */
    daemon_wake(more->data);
}

static void rearm(struct gw_daemon *d, bool more)
{
    mqttsn_ms next = gw_engine_next_deadline(d->engine);

    if (more || next <= d->now) {
        uv_idle_start(&d->more, daemon_on_more);
        return;
    }
    uv_idle_stop(&d->more);
    if (next == d->armed_for)
        return;
    d->armed_for = next;
    if (next == MQTTSN_NEVER)
        uv_timer_stop(&d->deadline);
    else
        uv_timer_start(&d->deadline, daemon_on_deadline, next - d->now, 0);
}

void daemon_pump(struct gw_daemon *d)
{
    bool in = false, out = false, behind = false, more = true;

    if (d->phase >= LEFT)
        return;
    d->dirty = false;
    d->now = uv_now(d->loop);
    if (gw_engine_next_deadline(d->engine) <= d->now)
        gw_engine_on_deadline(d->engine, d->now);

    for (unsigned round = 0; round < ROUNDS && more; round++) {
        /* New input waits until the output of the old is on its way; a sink
         * that is full does not count, what it cannot take is bounded. What
         * the last look at the input left is still there meanwhile. */
        if (!out) {
            in = take_store(d);
            in |= take_upstream(d);
            in |= gw_udp_feed(d->udp, FEED, input, d);
            behind = gw_engine_is_behind(d->engine);
        }
        out = serve_store(d);
        out |= serve_upstream(d);
        out |= gw_udp_send(d->udp, PUMP_DATAGRAMS, next_datagram, d);
        out |= serve_store(d); /* for what must be kept before it is sent */
        out |= serve_notes(d);
        /* Nobody wakes us for what had to wait with the broker side. */
        more = in || out || (behind && !gw_engine_is_behind(d->engine));
    }
    /* A port may say from inside a call that there is something to take. */
    rearm(d, more || d->dirty);
    if (d->phase == DRAINING && !more && !d->dirty && daemon_is_drained(d))
        daemon_drained(d);
}

bool daemon_is_drained(struct gw_daemon *d)
{
    return d->upstream_open == 0 && !gw_udp_blocked(d->udp) &&
           d->upstream->ops->room(d->upstream) == (GW_UP_CONTROL | GW_UP_DATA);
}

void daemon_on_turn(uv_check_t *turn)
{
    struct gw_daemon *d = turn->data;

    if (d->phase == LEFT)
        daemon_close(d);
    else if (d->dirty)
        daemon_pump(d);
}

void daemon_on_deadline(uv_timer_t *timer)
{
    struct gw_daemon *d = timer->data;

    /* At once: the loop is about to wait for input. */
    d->armed_for = MQTTSN_NEVER;
    daemon_pump(d);
}
