/* SPDX-License-Identifier: MIT */
#include "engine_world.h"

/* More turns than any quiet engine needs after one input. */
#define TURNS_MAX 2000
/* More deadlines at one instant than make sense. */
#define STUCK_MAX 200

static uint8_t
    buf[GW_UP_BUFFER > GW_DATAGRAM_MAX ? GW_UP_BUFFER : GW_DATAGRAM_MAX];

/* ---- the sinks --------------------------------------------------------- */

static bool drain_datagrams(struct fz_world *w)
{
    struct gw_datagram d;
    unsigned n = 0;

    if (w->blocked & FZ_DATAGRAM)
        return false;
    while ((w->budget == 0 || n < w->budget) &&
           gw_engine_poll_datagram(w->engine, w->now, buf, sizeof(buf), &d)) {
        w->sent++;
        fz_check_datagram(w, &d, buf);
        MUST(++n < TURNS_MAX);
    }
    return n > 0;
}

static bool drain_upstream(struct fz_world *w)
{
    struct gw_up_action a;
    unsigned n = 0;

    if (w->blocked & FZ_UPSTREAM)
        return false;
    while ((w->budget == 0 || n < w->budget) && w->token_count < FZ_TOKENS &&
           gw_engine_poll_upstream(w->engine, w->now, w->up_classes, buf,
                                   sizeof(buf), &a)) {
        fz_check_action(w, &a);
        if (a.kind == GW_UP_OPEN || a.kind == GW_UP_CLOSE)
            fz_link_action(w, &a);
        if (a.identifier != 0)
            w->known[w->known_count++ % FZ_IDENTIFIERS] = a.identifier;
        if (a.token != 0)
            w->tokens[w->token_count++] =
                (struct fz_token){.token = a.token,
                                  .connection = a.connection,
                                  .kind = a.kind,
                                  .qos = a.qos};
        MUST(++n < TURNS_MAX);
    }
    return n > 0;
}

static bool drain_notes(struct fz_world *w)
{
    struct gw_note note;
    unsigned n = 0;

    if (w->blocked & FZ_NOTE)
        return false;
    while (gw_engine_poll_note(w->engine, &note)) {
        MUST(note.client_id_len <= sizeof(note.client_id));
        MUST(note.topic_len <= sizeof(note.topic));
        MUST(++n < TURNS_MAX);
    }
    return n > 0;
}

static void give_result(struct fz_world *w, size_t which,
                        enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    event.result.token = w->tokens[which].token;
    event.result.outcome = outcome;
    event.result.granted_qos = granted_qos;
    w->token_count--;
    memmove(w->tokens + which, w->tokens + which + 1,
            (w->token_count - which) * sizeof(w->tokens[0]));
    gw_engine_on_upstream(w->engine, &event, w->now);
}

/* Those that waited when the turn began. */
static bool broker_turn(struct fz_world *w)
{
    size_t n = w->token_count;

    if (w->broker_waits || n == 0)
        return false;
    for (; n > 0; n--)
        give_result(w, 0, GW_UP_DONE, w->tokens[0].qos);
    return true;
}

void fz_results_of(struct fz_world *w, uint32_t connection,
                   enum gw_up_outcome outcome)
{
    for (size_t i = 0; i < w->token_count;) {
        if (w->tokens[i].connection == connection)
            give_result(w, i, outcome, w->tokens[i].qos);
        else
            i++;
    }
}

static void answer_store(struct fz_world *w, size_t which, bool ok)
{
    struct fz_pending *p = &w->pending[which];

    p->answered = true;
    p->kept = ok;
    w->store_failed |= !ok;
    gw_engine_on_stored(w->engine, p->action.op, ok, w->now);
}

static bool store_turn(struct fz_world *w)
{
    size_t n = w->pending_count;
    bool any = false;

    if (w->store_waits)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!w->pending[i].answered) {
            answer_store(w, i, true);
            any = true;
        }
    }
    fz_store_settle(w);
    return any;
}

void fz_pump(struct fz_world *w)
{
    bool more = true;

    for (unsigned turns = 0; more; turns++) {
        more = drain_upstream(w);
        more |= drain_datagrams(w);
        more |= drain_notes(w);
        more |= fz_drain_store(w); /* the others may have made work for it */
        more |= store_turn(w);
        more |= broker_turn(w);
        more |= fz_links_turn(w);
        MUST(turns < TURNS_MAX);
    }
    fz_check_state(w);
}

/* ---- inputs ------------------------------------------------------------ */

void fz_datagram(struct fz_world *w, unsigned node, const uint8_t *data,
                 size_t len)
{
    struct fz_node *from = &w->nodes[node];
    bool malformed = fz_is_malformed(w, data, len);
    struct gw_counters counters;
    struct gw_usage usage;

    if (malformed) {
        counters = *gw_engine_counters(w->engine);
        gw_engine_usage(w->engine, &usage);
    } else {
        from->spoke = true;
    }
    w->fed++;
    gw_engine_on_datagram(w->engine, &from->addr, &from->via,
                          mqttsn_span(data, len), w->now);
    if (malformed)
        fz_check_unchanged(w, &counters, &usage);
    fz_pump(w);
}

void fz_event(struct fz_world *w, const struct gw_up_event *event)
{
    if (event->kind == GW_UP_CONNECTED) {
        if (w->connected)
            return;
        w->connected = true;
        w->identifiers = event->connected.identifiers;
    }
    if (event->kind == GW_UP_LOST) {
        if (!w->connected)
            return;
        w->connected = false;
    }
    if ((event->kind == GW_UP_UNREACHABLE || event->kind == GW_UP_DENIED) &&
        w->connected)
        return;
    if (event->kind == GW_UP_MESSAGE &&
        !(event->connection == 0 ? w->connected
                                 : fz_link_is_up(w, event->connection)))
        return;
    gw_engine_on_upstream(w->engine, event, w->now);
    /* What was with a broker that is gone has its outcome too. */
    if (event->kind == GW_UP_LOST && !w->broker_waits)
        fz_results_of(w, 0, GW_UP_UNSENT);
    fz_pump(w);
}

void fz_result(struct fz_world *w, size_t which, enum gw_up_outcome outcome,
               uint8_t granted_qos)
{
    if (w->token_count == 0)
        return;
    give_result(w, which % w->token_count, outcome, granted_qos);
    fz_pump(w);
}

void fz_stored(struct fz_world *w, size_t which, bool ok)
{
    if (w->pending_count == 0)
        return;
    which %= w->pending_count;
    if (w->pending[which].answered)
        return;
    answer_store(w, which, ok);
    fz_store_settle(w);
    fz_pump(w);
}

void fz_pass(struct fz_world *w, mqttsn_ms ms)
{
    mqttsn_ms until = w->now + ms;
    unsigned stuck = 0;

    for (;;) {
        mqttsn_ms due = gw_engine_next_deadline(w->engine);

        if (due > until)
            break;
        if (due > w->now) {
            w->now = due;
            stuck = 0;
        }
        MUST(++stuck < STUCK_MAX);
        gw_engine_on_deadline(w->engine, w->now);
        fz_pump(w);
    }
    w->now = until;
    fz_pump(w);
}

void fz_reconfigure(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS])
{
    enum mqttsn_status status;

    fz_choose(w, options);
    status = gw_engine_reconfigure(w->engine, &w->options, w->now);
    MUST(status == MQTTSN_OK);
    fz_pump(w);
}

/* ---- life -------------------------------------------------------------- */

static void make_engine(struct fz_world *w)
{
    static const uint8_t seed[15] = "fuzzed-engine";
    uint8_t key[16];
    enum mqttsn_status status;

    memcpy(key, seed, sizeof(seed));
    key[15] = w->restarts;
    status = gw_engine_new(&w->limits, &w->options, key, w->now, &w->engine);
    MUST(status == MQTTSN_OK);
    w->connected = false;
    w->fed = w->sent = w->held = 0;
    w->last_op = 0;
}

void fz_start(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS])
{
    struct gw_up_event connected = {.kind = GW_UP_CONNECTED};

    w->engine = NULL;
    w->now = 1000000; /* the origin of the clock means nothing */
    w->blocked = w->budget = 0;
    w->up_classes = GW_UP_CONTROL | GW_UP_DATA;
    w->broker_waits = w->store_waits = w->store_failed = false;
    w->shut_down = w->foreign = false;
    w->token_count = w->pending_count = w->record_count = w->owed_count = 0;
    w->arrival_count = w->last_arrival = 0;
    w->restored_places = 0;
    w->restarts = 0;
    w->link_count = 0;
    w->known_count = 0;
    w->identifiers = false;
    fz_setup(w, options[3] & 0x01, !(options[3] & 0x01) && (options[3] & 0x80));
    fz_choose(w, options);
    make_engine(w);
    gw_engine_usage(w->engine, &w->empty);
    fz_pump(w);
    if (!(options[2] & 0x01))
        fz_event(w, &connected);
}

void fz_restart(struct fz_world *w, size_t written)
{
    fz_store_crash(w, written);
    gw_engine_free(w->engine);
    w->token_count = 0;
    w->link_count = 0;
    w->restarts++;
    w->shut_down = false;
    make_engine(w);
    fz_store_restore(w);
    fz_arrivals_restart(w);
    fz_pump(w);
}

static bool is_empty(const struct fz_world *w)
{
    struct gw_usage u;

    gw_engine_usage(w->engine, &u);
    return memcmp(&u, &w->empty, sizeof(u)) == 0;
}

/* The broker was not told of all filters: the next connection sees to that. */
static bool a_sweep_is_kept(const struct fz_world *w)
{
    for (size_t i = 0; i < w->record_count; i++)
        if (w->records[i].kind == GW_RECORD_FILTER && w->records[i].item == 0)
            return true;
    return false;
}

void fz_end(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS])
{
    struct gw_up_event connected = {.kind = GW_UP_CONNECTED};
    struct gw_up_event lost = {.kind = GW_UP_LOST};
    bool failed;

    w->blocked = w->budget = 0;
    w->up_classes = GW_UP_CONTROL | GW_UP_DATA;
    w->broker_waits = w->store_waits = false;
    fz_reconfigure(w, options);
    if (w->shut_down)
        fz_restart(w, SIZE_MAX / 2);
    fz_event(w, &connected);
    /* Beyond the longest keep-alive or sleep, and session_expiry after it. */
    for (unsigned half_days = 0; half_days < 4 && !is_empty(w); half_days++)
        fz_pass(w, 12 * 3600000);
    MUST(is_empty(w));
    MUST(w->token_count == 0);
    if (a_sweep_is_kept(w)) {
        fz_event(w, &lost);
        fz_event(w, &connected);
        MUST(!a_sweep_is_kept(w) || w->store_failed);
    }
    failed = w->store_failed || w->foreign;
    MUST(w->record_count == 0 || failed);
    /* What the store had no room for would come again in the next life. */
    MUST(w->arrival_count == 0 || failed ||
         gw_engine_counters(w->engine)->store_full > 0);
}

void fz_stop(struct fz_world *w)
{
    gw_engine_free(w->engine);
    w->engine = NULL;
    fz_store_clear(w);
    fz_arrivals_clear(w);
}
