/* SPDX-License-Identifier: MIT */
#include "io/upstream_port.h"

#include <time.h>
#include <unistd.h>

#include "io/doorbell.h"
#include "io/log.h"
#include "io/paho_guard.h"
#include "io/reason_codes.h"

/*
 * How often to ring while something is awaited (doorbell.h). Connecting needs
 * two rings: one so that Paho sees the new socket, one so that it looks
 * whether it can be written to. An acknowledgement that simply takes its time
 * is not helped by ringing, so the pauses grow.
 */
#define RING_CONNECTING_MS 1
#define RING_CONNECTING_MAX_MS 20
#define RING_WAITING_MS 4
#define RING_WAITING_MAX_MS 250

/* Beyond Paho's own time-out, which it looks at every three seconds. */
#define CONNECT_GRACE_MS 5000
#define DISCONNECT_PATIENCE_MS 2000

/* Connections in a row that may end nothing before the handle is given up. */
#define STILLBORN_MAX 2u

uint64_t gw_paho_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

mqttsn_ms gw_paho_now(void)
{
    return gw_paho_now_us() / 1000;
}

void gw_paho_wake(struct gw_paho_port *port)
{
    uint64_t one = 1;

    atomic_store(&port->due, true);
    /* Full means that it is awake already. */
    while (write(port->wake_fd, &one, sizeof(one)) < 0)
        break;
}

static const struct gw_upstream_endpoint *
endpoint(const struct gw_paho_port *port)
{
    return &port->settings.endpoints[port->endpoint];
}

/* Nodes are many: what befalls them is said of ten a minute. */
static bool is_worth_a_line(const struct gw_paho_port *port)
{
    static struct gw_log_limit limit; /* this thread's */
    uint32_t held_back;

    return !port->of_a_node ||
           gw_log_limited(&limit, 10, gw_paho_now(), &held_back);
}

/* There Paho masks topics and payloads in place, and leaves them so when a
 * write is cut short: what it would send again is not what it was given. */
static bool is_websocket(const struct gw_paho_port *port)
{
    const char *uri = endpoint(port)->uri;

    return uri != NULL && uri[0] == 'w';
}

static void tell(struct gw_paho_port *port, enum gw_up_event_kind kind)
{
    struct gw_up_event event = {.kind = kind};

    gw_inbox_push(&port->inbox, &event);
}

/* Rings come quickly again: something was just begun, or moved. */
static void reset_rings(struct gw_paho_port *port, mqttsn_ms now)
{
    port->ring_pause_ms = port->phase == GW_PAHO_CONNECTING ? RING_CONNECTING_MS
                                                            : RING_WAITING_MS;
    port->ring_at = now + port->ring_pause_ms;
}

void gw_paho_enter(struct gw_paho_port *port, enum gw_paho_phase phase,
                   mqttsn_ms now)
{
    port->phase = phase;
    if (phase == GW_PAHO_CONNECTING)
        port->phase_until = now + CONNECT_GRACE_MS +
                            (mqttsn_ms)port->settings.connect_timeout_s * 1000;
    if (phase == GW_PAHO_CLOSING)
        port->phase_until = now + DISCONNECT_PATIENCE_MS;
    reset_rings(port, now);
}

/* A new round over the endpoints, after a pause, beginning with the one that
 * has our session. */
static void begin_round(struct gw_paho_port *port, mqttsn_ms now)
{
    mqttsn_ms pause = gw_backoff_next(&port->backoff);

    port->endpoint =
        port->session_endpoint == GW_ENDPOINT_NONE ? 0 : port->session_endpoint;
    port->round_left = (uint32_t)port->settings.endpoint_count;
    port->next_attempt = now + pause;
    gw_paho_enter(port, GW_PAHO_IDLE, now);
    if (pause > 0)
        gw_debug("upstream", "waiting", "pause_ms=%llu",
                 (unsigned long long)pause);
}

/* Everything that was handed over or queued goes back, and so does what the
 * loop adds before it knows. */
void gw_paho_give_back(struct gw_paho_port *port)
{
    gw_paho_drop_handle(port);
    if (port->keep)
        gw_paho_keep_give_up(port->keep);
    gw_paho_unsent(port, GW_PAHO_UNSENT_ALL);
    pthread_mutex_lock(&port->lock);
    port->downlink_qos2 = false;
    port->unsent_before = port->connections + 1;
    pthread_mutex_unlock(&port->lock);
    gw_paho_unsent_outbox(port);
}

/* The same, but for what a new handle goes on with. */
static void change_handle(struct gw_paho_port *port)
{
    gw_paho_drop_handle(port);
    gw_paho_resume(port);
    gw_paho_unsent(port, GW_PAHO_UNSENT_OTHER);
    pthread_mutex_lock(&port->lock);
    port->unsent_before = port->connections + 1;
    pthread_mutex_unlock(&port->lock);
    gw_paho_unsent_outbox(port);
}

static void renew_handle(struct gw_paho_port *port)
{
    if (port->keep)
        change_handle(port);
    else
        gw_paho_give_back(port);
}

static void attempt_failed(struct gw_paho_port *port, mqttsn_ms now)
{
    if (port->round_left > 1) {
        port->round_left--;
        port->endpoint =
            (port->endpoint + 1) % (uint32_t)port->settings.endpoint_count;
        port->next_attempt = now;
        gw_paho_enter(port, GW_PAHO_IDLE, now);
    } else {
        begin_round(port, now);
    }
}

/*
 * Whether the session at this endpoint must be discarded first: it was kept
 * for a process whose memory is gone, or it is another broker's and knows
 * nothing of what we did since.
 */
static bool must_clean(const struct gw_paho_port *port)
{
    return !port->any_session && port->session_endpoint != port->endpoint;
}

static void attempt(struct gw_paho_port *port, mqttsn_ms now)
{
    mqttsn_ms from =
        port->attempt_started_us / 1000 + port->settings.connect_interval_ms;
    bool clean = must_clean(port);
    bool busy = false;

    /* Some brokers count attempts under one client id. */
    if (port->attempt_started_us != 0 && now < from) {
        port->next_attempt = from;
        return;
    }
    port->version = gw_paho_version_to_try(port);
    /* A kept handle belongs to one broker, and speaks one version. */
    if (port->handle && port->handle_endpoint != port->endpoint)
        gw_paho_give_back(port);
    else if (port->handle && port->handle_version != port->version)
        renew_handle(port);
    gw_debug("upstream", "connecting", "client=%s host=%s port=%u clean=%s",
             gw_log_text(port->settings.client_id),
             gw_log_text(endpoint(port)->host), endpoint(port)->port,
             clean ? "yes" : "no");
    port->attempt_started_us = gw_paho_now_us();
    gw_paho_enter(port, GW_PAHO_CONNECTING, now);
    if (!gw_paho_connect(port, clean, &busy) && busy) {
        port->next_attempt = now + 20;
        gw_paho_enter(port, GW_PAHO_IDLE, now);
    }
    gw_doorbell_ring();
}

static void on_refused(struct gw_paho_port *port,
                       const struct gw_paho_record *record, mqttsn_ms now)
{
    bool denied;
    const char *reason = gw_paho_reason(record, &denied);

    if (gw_paho_falls_back(port, record)) {
        gw_info("upstream", "fallback", "host=%s port=%u reason=\"%s\"",
                gw_log_text(endpoint(port)->host), endpoint(port)->port,
                reason);
        port->next_attempt = now;
        gw_paho_enter(port, GW_PAHO_IDLE, now);
        return;
    }
    if (is_worth_a_line(port))
        gw_warn("upstream", denied ? "denied" : "connect_failed",
                "client=%s host=%s port=%u%s code=%d reason=%s",
                gw_log_text(port->settings.client_id),
                gw_log_text(endpoint(port)->host), endpoint(port)->port,
                port->settings.proxy ? " proxy=yes" : "", record->code,
                gw_log_text(reason));
    if (record->unwatched)
        gw_paho_give_back(port);
    tell(port, denied ? GW_UP_DENIED : GW_UP_UNREACHABLE);
    attempt_failed(port, now);
}

/*
 * The clean connection has served its purpose: it is closed, and the one that
 * keeps its session follows at once. Simpler than going on with it, which
 * would lose the session with the first loss of the connection.
 */
static void on_cleaned(struct gw_paho_port *port, mqttsn_ms now)
{
    port->session_endpoint = port->endpoint;
    port->next_attempt = now;
    if (port->keep) {
        gw_paho_keep_lose(port->keep);
        gw_paho_give_orphans(port);
    }
    gw_paho_note_session(port);
    gw_paho_enter(
        port, gw_paho_disconnect(port) ? GW_PAHO_CLOSING : GW_PAHO_IDLE, now);
}

static void say_connected(const struct gw_paho_port *port,
                          const struct gw_paho_record *record, uint64_t took_ms)
{
    if (port->of_a_node)
        gw_debug("upstream", "connected",
                 "client=%s session_present=%s took_ms=%llu",
                 gw_log_text(port->settings.client_id),
                 record->session_present ? "yes" : "no",
                 (unsigned long long)took_ms);
    else
        gw_info("upstream", "connected",
                "host=%s port=%u protocol=%s session_present=%s took_ms=%llu",
                gw_log_text(endpoint(port)->host), endpoint(port)->port,
                port->version == MQTTVERSION_5 ? "5" : "3.1.1",
                record->session_present ? "yes" : "no",
                (unsigned long long)took_ms);
}

static void on_accepted(struct gw_paho_port *port,
                        const struct gw_paho_record *record, mqttsn_ms now)
{
    uint64_t took_us = gw_paho_now_us() - port->attempt_started_us;
    bool again;
    bool clean;

    gw_paho_note_broker(port);
    pthread_mutex_lock(&port->lock);
    clean = port->clean_attempt;
    again = port->connections > 0;
    port->connect_us = (unsigned)took_us;
    pthread_mutex_unlock(&port->lock);
    if (clean) {
        on_cleaned(port, now);
        return;
    }
    port->session_endpoint = port->endpoint;
    port->any_session = false;
    gw_paho_judge_session(port, record->session_present);
    if (!record->session_present) {
        gw_paho_unsent(port, GW_PAHO_UNSENT_FAILED);
        pthread_mutex_lock(&port->lock);
        port->downlink_qos2 = false;
        if (again)
            port->unsent_before = port->connections + 1;
        pthread_mutex_unlock(&port->lock);
        if (again)
            gw_paho_unsent_outbox(port);
        pthread_mutex_lock(&port->lock);
        if (port->link_up)
            gw_paho_announce(port, false);
        pthread_mutex_unlock(&port->lock);
    } else if (!again) {
        /* A session from before this process: what it subscribed to. */
        pthread_mutex_lock(&port->lock);
        port->downlink_qos2 = true;
        pthread_mutex_unlock(&port->lock);
    }
    if (!gw_paho_guard_used())
        gw_warn("upstream", "guard_unused", "reason=\"%s\"",
                "Paho does not write through our writev");
    gw_backoff_connected(&port->backoff, now);
    gw_paho_plan_return(port, now);
    pthread_mutex_lock(&port->lock);
    port->acked_before = port->acked;
    pthread_mutex_unlock(&port->lock);
    gw_paho_enter(port, GW_PAHO_UP, now);
    say_connected(port, record, took_us / 1000);
}

static const char *why_lost(const struct gw_paho_record *record)
{
    if (record->tls[0] != '\0')
        return record->tls;
    if (record->code != 0)
        return gw_reason_of(record->code)->name;
    return "closed by the broker or the network, or the keep-alive was not "
           "answered";
}

/*
 * The handle is dropped with the connection, and all that it held goes back in
 * order, unless a QoS 2 exchange may be open in it: only that handle can end
 * it, in either direction, without loss or a double; or, when it has forgotten
 * what is kept, a new one made from that. But when connections end
 * as soon as they begin, what ends them may be that very exchange, which Paho
 * sends again each time: then it goes back too, and others get their turn.
 */
static void on_lost(struct gw_paho_port *port,
                    const struct gw_paho_record *record, mqttsn_ms now)
{
    bool keep, resume, at_rest;
    bool was_up = port->phase == GW_PAHO_UP;
    /* A journal that fails is no reason to give anything up. */
    bool ours = port->keep && gw_paho_keep_take_broken(port->keep);

    pthread_mutex_lock(&port->lock);
    if (was_up && !ours && port->acked == port->acked_before &&
        now - port->backoff.since < GW_BACKOFF_LASTED_MS)
        port->stillborn++;
    else if (was_up)
        port->stillborn = 0;
    at_rest = !ours && gw_paho_table_count(&port->table) == 0;
    keep = !port->poisoned && !is_websocket(port) &&
           port->stillborn < STILLBORN_MAX &&
           (port->table.qos2 > 0 || port->downlink_qos2) &&
           port->table.lists[GW_PAHO_STALE].count <
               (port->of_many ? GW_PAHO_STALE_MAX_NODE : GW_PAHO_STALE_MAX);
    resume = port->keep && port->stillborn < STILLBORN_MAX;
    pthread_mutex_unlock(&port->lock);
    if (keep && !(resume && gw_paho_keep_wants_new_handle(port->keep)))
        gw_paho_unsent(port, GW_PAHO_UNSENT_LOST);
    else if (resume)
        change_handle(port);
    else
        gw_paho_give_back(port);
    port->ending_clean = false;
    if (is_worth_a_line(port))
        gw_warn("upstream", "lost", "client=%s host=%s port=%u reason=%s",
                gw_log_text(port->settings.client_id),
                gw_log_text(endpoint(port)->host), endpoint(port)->port,
                gw_log_text(why_lost(record)));
    if (was_up) {
        at_rest = at_rest || record->code == GW_REASON_TAKEN_OVER;
        if (gw_backoff_lost(&port->backoff, now, at_rest))
            gw_err("upstream", "taken_over", "client_id=%s reason=\"%s\"",
                   gw_log_text(port->settings.client_id),
                   "three connections that were at rest were ended within a "
                   "minute: most likely somebody else uses this client id; "
                   "every gateway and node needs one of its own");
        begin_round(port, now);
    } else {
        tell(port, GW_UP_UNREACHABLE);
        attempt_failed(port, now);
    }
}

static void on_record(struct gw_paho_port *port,
                      const struct gw_paho_record *record, mqttsn_ms now)
{
    switch (record->what) {
    case GW_PAHO_CONNECT_OK:
        if (port->phase == GW_PAHO_CONNECTING)
            on_accepted(port, record, now);
        break;
    case GW_PAHO_CONNECT_FAILED:
        if (port->phase == GW_PAHO_CONNECTING)
            on_refused(port, record, now);
        break;
    case GW_PAHO_LOST:
        if (port->phase != GW_PAHO_IDLE)
            on_lost(port, record, now);
        break;
    case GW_PAHO_DISCONNECTED:
        if (port->phase == GW_PAHO_CLOSING && port->returning)
            gw_paho_return(port, now);
        else if (port->phase == GW_PAHO_CLOSING)
            gw_paho_enter(port, GW_PAHO_IDLE, now);
        break;
    }
}

static void take_records(struct gw_paho_port *port)
{
    struct gw_paho_record records[GW_PAHO_RECORDS];
    unsigned count;

    pthread_mutex_lock(&port->lock);
    count = port->record_count;
    port->record_count = 0;
    memcpy(records, port->records, count * sizeof(records[0]));
    pthread_mutex_unlock(&port->lock);
    for (unsigned i = 0; i < count; i++)
        on_record(port, &records[i], gw_paho_now());
}

/* ---- stopping ------------------------------------------------------- */

static bool nothing_left(struct gw_paho_port *port)
{
    bool nothing;

    pthread_mutex_lock(&port->lock);
    nothing = gw_paho_table_count(&port->table) == 0;
    port->hungry = !nothing;
    pthread_mutex_unlock(&port->lock);
    return nothing && gw_outbox_empty(&port->outbox);
}

/*
 * One step towards the end: what was submitted is acknowledged, the broker is
 * told, the connection is closed. True when the thread may end.
 */
static bool stopping(struct gw_paho_port *port, mqttsn_ms now)
{
    bool nothing;

    if (port->phase == GW_PAHO_CLOSING) {
        if (now < port->phase_until)
            return false;
        port->ending_clean = false;
        return true;
    }
    if (port->phase != GW_PAHO_UP)
        return true; /* closed, or nobody there to be told */
    nothing = nothing_left(port);
    if (!nothing && now < port->flush_until)
        return false;
    if (!gw_paho_disconnect(port))
        return true;
    port->ending_clean = nothing;
    gw_paho_enter(port, GW_PAHO_CLOSING, now);
    return false;
}

void gw_paho_finish(struct gw_paho_port *port)
{
    gw_paho_drop_handle(port);
    gw_paho_unsent(port, GW_PAHO_UNSENT_ALL);
    gw_paho_unsent_outbox(port);
    pthread_mutex_lock(&port->lock);
    port->announced = false;
    port->stopped_clean = port->ending_clean;
    port->finished = true;
    pthread_mutex_unlock(&port->lock);
    gw_inbox_signal(&port->inbox);
}

/* ---- the loop of the thread ----------------------------------------- */

static void check_patience(struct gw_paho_port *port, mqttsn_ms now)
{
    struct gw_paho_record late = {.code = MQTTASYNC_FAILURE, .text = "timeout"};

    if (now < port->phase_until)
        return;
    if (port->phase == GW_PAHO_CONNECTING) {
        renew_handle(port);
        on_refused(port, &late, now);
    } else if (port->phase == GW_PAHO_CLOSING && port->returning) {
        gw_paho_return(port, now);
    } else if (port->phase == GW_PAHO_CLOSING) {
        renew_handle(port);
        gw_paho_enter(port, GW_PAHO_IDLE, now);
    }
}

/* Rings when it is time to; '*wake_at' becomes the time of the next ring. */
static void ring(struct gw_paho_port *port, mqttsn_ms now, mqttsn_ms *wake_at)
{
    bool connecting = port->phase == GW_PAHO_CONNECTING;
    bool waiting;
    uint64_t moved;

    pthread_mutex_lock(&port->lock);
    waiting = gw_paho_table_count(&port->table) > 0;
    moved = port->outcomes + port->submissions;
    pthread_mutex_unlock(&port->lock);
    if (port->phase == GW_PAHO_IDLE || (port->phase == GW_PAHO_UP && !waiting))
        return;
    if (moved != port->moved_seen)
        reset_rings(port, now);
    port->moved_seen = moved;
    if (now >= port->ring_at) {
        mqttsn_ms max =
            connecting ? RING_CONNECTING_MAX_MS : RING_WAITING_MAX_MS;

        if (connecting)
            gw_doorbell_ring();
        else
            gw_doorbell_ring_both();
        port->ring_pause_ms = port->ring_pause_ms * 3 / 2 + 1;
        if (port->ring_pause_ms > max)
            port->ring_pause_ms = max;
        port->ring_at = now + port->ring_pause_ms;
    }
    if (port->ring_at < *wake_at)
        *wake_at = port->ring_at;
}

static void sooner(mqttsn_ms *at, mqttsn_ms other)
{
    if (other < *at)
        *at = other;
}

bool gw_paho_turn(struct gw_paho_port *port, mqttsn_ms *ret_wake_at)
{
    mqttsn_ms now;
    bool stop;

    take_records(port);
    now = gw_paho_now();
    *ret_wake_at = MQTTSN_NEVER;
    if (port->phase == GW_PAHO_UP) {
        if (now < port->submit_at)
            sooner(ret_wake_at, port->submit_at);
        else if (gw_paho_may_return(port, now))
            sooner(ret_wake_at, port->return_until);
        else if (gw_paho_submit_queued(port))
            *ret_wake_at = now;
        if (port->phase == GW_PAHO_UP)
            sooner(ret_wake_at,
                   port->returning ? port->return_until : port->return_at);
    } else if (port->unsent_before > 0) {
        /* Nothing may overtake what went back. */
        pthread_mutex_lock(&port->lock);
        stop = port->unsent_before > port->connections;
        pthread_mutex_unlock(&port->lock);
        if (stop)
            gw_paho_unsent_outbox(port);
    }

    pthread_mutex_lock(&port->lock);
    stop = port->stop_wanted;
    pthread_mutex_unlock(&port->lock);
    if (stop) {
        if (stopping(port, now))
            return false;
        sooner(ret_wake_at, port->phase == GW_PAHO_CLOSING ? port->phase_until
                                                           : port->flush_until);
    } else {
        check_patience(port, now);
        if (port->phase == GW_PAHO_IDLE) {
            if (now >= port->next_attempt)
                attempt(port, now);
            if (now < port->next_attempt)
                sooner(ret_wake_at, port->next_attempt);
        }
        if (port->phase == GW_PAHO_CONNECTING || port->phase == GW_PAHO_CLOSING)
            sooner(ret_wake_at, port->phase_until);
    }
    ring(port, now, ret_wake_at);
    return true;
}

void gw_paho_begin(struct gw_paho_port *port)
{
    begin_round(port, gw_paho_now());
}
