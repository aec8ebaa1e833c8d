/* SPDX-License-Identifier: MIT */
/*
 * The lines to the broker. A publish is numbered by arrival ('place') and
 * waits in one of three lines, each in that order:
 *
 *   again  it was with the broker side when the connection ended; goes first,
 *          and alone
 *   live   goes as it comes
 *   late   the backlog: messages that were acknowledged and have waited, and
 *          whatever their clients sent since; goes at drain_rate
 *
 * While a message of a client is late, or was acknowledged and still waits,
 * the client has a flow, and its next message is late too: so each client's
 * messages go in their order, and nobody else's wait for its backlog. The
 * backlog is older than what is live; where it is not, it waits for it.
 */
#include "engine_private.h"

/* A publish that was with the broker side this often when the connection ended
 * goes alone, so that it is known whether it is the one that ends it. */
#define TRIES_BEFORE_ALONE 1

/* ---- a line ------------------------------------------------------------ */

/* 'x' is that of 'index', here and below: each look at one is checked. */
static void link_between(struct gw_engine *e, struct gw_line *line,
                         struct gw_exchange *x, uint32_t index, uint32_t before,
                         uint32_t behind)
{
    x->line_prev = before;
    x->line_next = behind;
    if (before)
        gw_exchange_at(e, before)->line_next = index;
    else
        line->head = index;
    if (behind)
        gw_exchange_at(e, behind)->line_prev = index;
    else
        line->tail = index;
}

static void unlink_from(struct gw_engine *e, struct gw_line *line,
                        struct gw_exchange *x)
{
    if (x->line_prev)
        gw_exchange_at(e, x->line_prev)->line_next = x->line_next;
    else
        line->head = x->line_next;
    if (x->line_next)
        gw_exchange_at(e, x->line_next)->line_prev = x->line_prev;
    else
        line->tail = x->line_prev;
    x->line_prev = x->line_next = 0;
}

/* Inline here, for it is a part of every publish. */
static inline void append(struct gw_engine *e, struct gw_link *l,
                          struct gw_exchange *x, uint32_t index,
                          enum gw_line_kind kind)
{
    struct gw_line *line = &l->lines[kind];

    x->state = GW_X_WAITING;
    x->line = (uint8_t)kind;
    line->acked += x->qos != 0;
    link_between(e, line, x, index, line->tail, 0);
}

void gw_line_insert(struct gw_engine *e, uint32_t index, enum gw_line_kind kind)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    struct gw_link *l = gw_link_at(e, x->up);
    struct gw_line *line = &l->lines[kind];
    uint32_t before = line->tail;

    if (kind == GW_LINE_LATE)
        gw_flow_join(e, index);
    if (before == 0 || gw_exchange_at(e, before)->place <= x->place) {
        append(e, l, x, index, kind);
        line->hint = index;
        gw_link_ready(e, x->up);
        return;
    }
    /* Those that return come in some order of theirs, but near each other. */
    if (line->hint != 0)
        before = line->hint;
    else
        before = line->head;
    while (before != 0 && gw_exchange_at(e, before)->place > x->place)
        before = gw_exchange_at(e, before)->line_prev;
    for (;;) {
        uint32_t next =
            before ? gw_exchange_at(e, before)->line_next : line->head;

        if (next == 0 || gw_exchange_at(e, next)->place > x->place)
            break;
        before = next;
    }
    x->state = GW_X_WAITING;
    x->line = (uint8_t)kind;
    line->acked += x->qos != 0;
    line->hint = index;
    link_between(e, line, x, index, before,
                 before ? gw_exchange_at(e, before)->line_next : line->head);
    gw_link_ready(e, x->up);
}

/* ---- flows ------------------------------------------------------------- */

static uint64_t client_hash(const struct gw_engine *e, uint32_t client)
{
    return gw_hash(e, &client, sizeof(client));
}

static struct gw_flow *flow_at(const struct gw_engine *e, uint32_t index)
{
    return gw_slab_at(&e->flows, index);
}

static uint32_t find_flow(const struct gw_engine *e, uint32_t client)
{
    struct gw_table_probe probe;

    for (uint32_t i = gw_table_first(&e->flows_by_client,
                                     client_hash(e, client), &probe);
         i != 0; i = gw_table_next(&e->flows_by_client, &probe)) {
        if (flow_at(e, i)->client == client)
            return i;
    }
    return 0;
}

/* Mostly nobody has one. */
static inline uint32_t flow_of(const struct gw_engine *e, uint32_t client)
{
    return e->flows.used == 0 || client == 0 ? 0 : find_flow(e, client);
}

uint32_t gw_flow_waiting(const struct gw_engine *e, uint32_t client)
{
    uint32_t flow = flow_of(e, client);

    return flow != 0 ? flow_at(e, flow)->late + flow_at(e, flow)->storing : 0;
}

bool gw_flow_exists(const struct gw_engine *e, uint32_t client)
{
    uint32_t flow = flow_of(e, client);

    return flow != 0 && flow_at(e, flow)->late != 0;
}

bool gw_flow_is_storing(const struct gw_engine *e, uint32_t client)
{
    uint32_t flow = flow_of(e, client);

    return flow != 0 && flow_at(e, flow)->storing != 0;
}

/* The flow of a client, made if there is none; 0: no room. */
static uint32_t take_flow(struct gw_engine *e, uint32_t client)
{
    uint32_t flow = flow_of(e, client);

    if (flow != 0 || client == 0)
        return flow;
    flow = gw_slab_take(&e->flows);
    if (flow == 0)
        return 0;
    flow_at(e, flow)->client = gw_names_ref(&e->names, client);
    gw_table_insert(&e->flows_by_client, client_hash(e, client), flow);
    return flow;
}

static void drop_flow_if_unused(struct gw_engine *e, uint32_t flow)
{
    struct gw_flow *f = flow_at(e, flow);

    if (f->late != 0 || f->storing != 0)
        return;
    gw_table_remove(&e->flows_by_client, client_hash(e, f->client), flow);
    gw_names_unref(&e->names, f->client);
    f->client = 0;
    gw_slab_give(&e->flows, flow);
}

void gw_flow_begin_storing(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t flow = take_flow(e, x->client);

    if (flow == 0)
        return;
    flow_at(e, flow)->storing++;
    x->queued = true;
}

void gw_flow_end_storing(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t flow;

    if (!x->queued)
        return;
    x->queued = false;
    flow = flow_of(e, x->client);
    flow_at(e, flow)->storing--;
    drop_flow_if_unused(e, flow);
}

void gw_flow_join(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t flow = x->flowed ? 0 : take_flow(e, x->client);

    if (flow == 0)
        return;
    flow_at(e, flow)->late++;
    x->flowed = true;
}

static void flow_leave(struct gw_engine *e, struct gw_exchange *x)
{
    uint32_t flow;

    if (!x->flowed)
        return;
    x->flowed = false;
    flow = flow_of(e, x->client);
    flow_at(e, flow)->late--;
    drop_flow_if_unused(e, flow);
}

/* ---- in and out -------------------------------------------------------- */

/* What waits for the broker because it is away, or behind such. */
static bool is_late(const struct gw_engine *e, const struct gw_exchange *x)
{
    return (x->stowed && e->shared.state != GW_LINK_UP) ||
           gw_flow_exists(e, x->client);
}

void gw_line_enter(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (is_late(e, x)) {
        gw_flow_join(e, index);
        /* No other link has a backlog. */
        append(e, &e->shared, x, index, GW_LINE_LATE);
    } else if (x->up == 0) {
        /* It may have waited for the store, and others come meanwhile. */
        if (e->shared.lines[GW_LINE_LIVE].tail == 0)
            append(e, &e->shared, x, index, GW_LINE_LIVE);
        else
            gw_line_insert(e, index, GW_LINE_LIVE);
    } else {
        append(e, gw_link_at(e, x->up), x, index, GW_LINE_LIVE);
        gw_link_list(e, x->up);
    }
}

void gw_line_remove(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    struct gw_line *line = &gw_link_at(e, x->up)->lines[x->line];

    if (line->hint == index)
        line->hint = x->line_prev;
    line->acked -= x->qos != 0;
    unlink_from(e, line, x);
    x->line = GW_LINE_NONE;
    flow_leave(e, x);
}

/* ---- whose turn it is -------------------------------------------------- */

static bool rate_allows(struct gw_engine *e)
{
    uint32_t rate = e->policy.options.uplink_drain_rate;
    /* What a tenth of a second brings, at least one. */
    uint64_t most = rate > 10 ? (uint64_t)rate * 100 : 1000;

    e->late_due = gw_bucket_due(&e->late_rate, rate, most, e->now);
    return e->late_due == 0;
}

/* The first of a line that is not too old. What it gives up is forgotten at
 * the store, so it waits for a store that is behind. */
static uint32_t drop_old(struct gw_engine *e, const struct gw_line *line)
{
    uint32_t index;

    while ((index = line->head) != 0 &&
           gw_forward_is_old(e, gw_exchange_at(e, index))) {
        if (gw_store_behind(e))
            return 0;
        gw_forward_drop(e, index, &e->counters.up_drop_expired, "expired");
    }
    return index;
}

static inline uint32_t head_of(struct gw_engine *e, const struct gw_line *line)
{
    uint32_t index = line->head;

    return index != 0 && gw_exchange_at(e, index)->owned ? drop_old(e, line)
                                                         : index;
}

/*
 * After a crash the broker side goes on with publishes of QoS 2 by itself, and
 * what was out of QoS 1 is handed over anew, behind them. So that it cannot be
 * overtaken, a QoS 2 one waits for those of QoS 1 that its client has out.
 */
static bool would_overtake(const struct gw_engine *e,
                           const struct gw_exchange *x)
{
    if (x->qos != 2 || !x->kept || x->client == 0)
        return false;
    for (uint32_t i = e->shared.lines[GW_LINE_NONE].head; i != 0;
         i = gw_exchange_at(e, i)->line_next) {
        const struct gw_exchange *out = gw_exchange_at(e, i);

        if (out->qos == 1 && out->client == x->client)
            return true;
    }
    return false;
}

/* Whether fewer than 'most' are out; and what ends with a FORGET waits for a
 * store that is behind. Of QoS 2 a broker takes no more than it likes:
 * mosquitto acknowledges the next one and throws it away, and MQTT 3.1.1 has no
 * way to say so. */
static bool may_go(const struct gw_engine *e, const struct gw_link *l,
                   const struct gw_exchange *x, uint32_t handed, uint32_t most)
{
    return x->qos == 0 ||
           (handed < most && !(x->stowed && gw_store_behind(e)) &&
            (x->qos != 2 || l->handed2 < e->policy.options.qos2_window) &&
            !would_overtake(e, x));
}

/* The backlog leaves a quarter of the window to what is live. */
static uint32_t late_window(const struct gw_engine *e)
{
    return e->shared.window_size - e->shared.window_size / 4;
}

/* Only the gateway's own link has a backlog. */
static uint32_t next_late(struct gw_engine *e, uint32_t live)
{
    const struct gw_link *l = &e->shared;
    const struct gw_exchange *x;
    uint32_t late;

    if (e->shutting_down || e->now < e->late_from)
        return 0;
    late = head_of(e, &l->lines[GW_LINE_LATE]);
    if (late == 0)
        return 0;
    x = gw_exchange_at(e, late);
    if ((live != 0 && x->place >= gw_exchange_at(e, live)->place) ||
        !may_go(e, l, x, e->late_handed, late_window(e)) ||
        !may_go(e, l, x, l->handed, l->window_size) || !rate_allows(e))
        return 0;
    return late;
}

static uint32_t next_of(struct gw_engine *e, const struct gw_link *l)
{
    uint32_t live, late;

    if (l->state != GW_LINK_UP || l->alone)
        return 0;
    if (l->lines[GW_LINE_AGAIN].head != 0) {
        uint32_t again = head_of(e, &l->lines[GW_LINE_AGAIN]);

        if (again != 0 && may_go(e, l, gw_exchange_at(e, again), l->handed, 1))
            return again;
        if (l->lines[GW_LINE_AGAIN].head != 0)
            return 0;
    }
    live = head_of(e, &l->lines[GW_LINE_LIVE]);
    late = l->lines[GW_LINE_LATE].head != 0 ? next_late(e, live) : 0;
    if (live != 0 &&
        !may_go(e, l, gw_exchange_at(e, live), l->handed, l->window_size))
        live = 0;
    if (late == 0 || (live != 0 && !e->late_turn)) {
        e->late_turn |= live != 0;
        return live;
    }
    e->late_turn = false;
    if (e->policy.options.uplink_drain_rate != 0)
        e->late_rate.tokens -= 1000;
    return late;
}

/* ---- out --------------------------------------------------------------- */

static inline void hand_over(struct gw_engine *e, struct gw_link *l,
                             uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    struct gw_line *out = &l->lines[GW_LINE_NONE];

    if (x->line == GW_LINE_LATE) {
        x->late = true;
        e->late_handed++;
    }
    gw_line_remove(e, index);
    link_between(e, out, x, index, out->tail, 0);
    x->state = GW_X_HANDED;
    x->tries++;
    l->handed++;
    l->handed2 += x->qos == 2;
}

void gw_line_unhand(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    struct gw_link *l = gw_link_at(e, x->up);

    unlink_from(e, &l->lines[GW_LINE_NONE], x);
    l->handed--;
    l->handed2 -= x->qos == 2;
    if (x->late)
        e->late_handed--;
    x->late = false;
    gw_link_ready(e, x->up);
}

/* Whose it is; 0: nobody's. */
static uint32_t client_of(const struct gw_engine *e,
                          const struct gw_exchange *x)
{
    if (x->client != 0 || x->session == 0)
        return x->client;
    return gw_session_at(e, x->session)->client_id;
}

bool gw_uplink_poll(struct gw_engine *e, struct gw_link *l, uint8_t *buf,
                    struct gw_up_action *ret_action)
{
    uint32_t index = next_of(e, l);
    struct gw_exchange *x;
    struct gw_message *m;
    struct mqttsn_span topic;

    if (index == 0)
        return false;
    x = gw_exchange_at(e, index);
    m = gw_message_at(&e->up_messages, x->message);
    topic = gw_names_span(&e->names, m->topic);
    memcpy(buf, topic.data, topic.len);
    gw_message_copy(&e->up_messages, m, buf + topic.len);
    /* Member by member: a whole one would be made elsewhere, and copied. */
    memset(ret_action, 0, sizeof(*ret_action));
    ret_action->kind = GW_UP_PUBLISH;
    ret_action->connection = x->up;
    if (x->qos != 0)
        ret_action->token = gw_token(GW_TOKEN_EXCHANGE, x->generation, index);
    ret_action->qos = x->qos;
    ret_action->retain = x->retain;
    ret_action->item = x->recorded ? x->generation : 0;
    ret_action->age_ms = e->now - m->received;
    ret_action->client = gw_names_span(&e->names, client_of(e, x));
    ret_action->topic = mqttsn_span(buf, topic.len);
    ret_action->payload = mqttsn_span(buf + topic.len, m->payload_len);
    e->counters.up_publishes++;
    if (x->tries != 0)
        e->counters.up_resubmitted++;
    if (x->qos == 0) {
        gw_exchange_end(e, index);
        return true;
    }
    hand_over(e, l, index);
    l->alone = x->tries > TRIES_BEFORE_ALONE;
    return true;
}

uint64_t gw_uplink_held(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (x->kind != GW_X_PUBLISH || x->state != GW_X_WAITING)
        return 0;
    hand_over(e, gw_link_at(e, x->up), index);
    x->held = true;
    return gw_token(GW_TOKEN_EXCHANGE, x->generation, index);
}

/* ---- time -------------------------------------------------------------- */

static mqttsn_ms sooner(mqttsn_ms a, mqttsn_ms b)
{
    return a < b ? a : b;
}

/* When the oldest of the backlog has waited too long, or more of it may go. */
mqttsn_ms gw_line_next_deadline(const struct gw_engine *e)
{
    mqttsn_ms most = e->policy.options.uplink_max_age, due = MQTTSN_NEVER;
    uint32_t head = e->shared.lines[GW_LINE_LATE].head;

    if (e->publish_due != 0 && e->shared.state == GW_LINK_UP)
        due = e->publish_due;
    if (head == 0)
        return due;
    if (most != 0 && gw_exchange_at(e, head)->owned && !gw_store_behind(e))
        due = sooner(due, gw_message_at(&e->up_messages,
                                        gw_exchange_at(e, head)->message)
                                  ->received +
                              most + 1);
    if (e->shared.state != GW_LINK_UP)
        return due;
    if (e->late_due != 0 && e->late_due < due)
        due = e->late_due;
    if (e->late_from > e->now && e->late_from < due)
        due = e->late_from;
    return due;
}

void gw_line_on_deadline(struct gw_engine *e)
{
    if (e->late_due != 0 && e->now >= e->late_due)
        e->late_due = 0;
    if (e->publish_due != 0 && e->now >= e->publish_due) {
        e->publish_due = 0;
        e->counters.up_throttled += (e->shared.lines[GW_LINE_LIVE].head |
                                     e->shared.lines[GW_LINE_LATE].head) != 0;
    }
    for (unsigned n = 0; n < 256; n++) {
        uint32_t head = e->shared.lines[GW_LINE_LATE].head;

        if (head == 0 || gw_store_behind(e) ||
            !gw_forward_is_old(e, gw_exchange_at(e, head)))
            return;
        gw_forward_drop(e, head, &e->counters.up_drop_expired, "expired");
    }
}
