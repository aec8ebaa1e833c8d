/* SPDX-License-Identifier: MIT */
/*
 * Store and forward. With a durable store a PUBLISH is acknowledged as soon as
 * its record is stored, if the broker is not faster; from then on the message
 * is the gateway's. It waits for the broker whatever becomes of its node, and
 * is given up only for one of the reasons here, each of which counts.
 *
 * What could not be stored is not the gateway's: of QoS 1 it waits as without a
 * store, and its node with it; of QoS 2 it is the node's again.
 */
#include "engine_private.h"

/* So many messages give way to one. */
#define GIVE_WAY_MAX 32

/* ---- room -------------------------------------------------------------- */

static bool fits(const struct gw_engine *e, size_t payload_len)
{
    const struct gw_limits *l = &e->limits;

    return e->stowed_count < l->uplink_max_messages &&
           e->stowed_bytes + gw_message_cost(payload_len) <=
               l->uplink_max_bytes &&
           gw_messages_fits(&e->up_messages, payload_len) &&
           e->exchanges.used < e->exchanges.capacity;
}

/* The first of a line that is the gateway's; few are not. */
static uint32_t first_owned(const struct gw_engine *e, enum gw_line_kind kind)
{
    uint32_t index = e->shared.lines[kind].head;

    for (unsigned n = 0; index != 0 && n < GIVE_WAY_MAX; n++) {
        const struct gw_exchange *x = gw_exchange_at(e, index);

        if (x->owned && x->stowed)
            return index;
        index = x->line_next;
    }
    return 0;
}

static uint32_t oldest(const struct gw_engine *e)
{
    uint32_t late = first_owned(e, GW_LINE_LATE);
    uint32_t live = first_owned(e, GW_LINE_LIVE);

    if (late == 0 || live == 0)
        return late ? late : live;
    return gw_exchange_at(e, late)->place < gw_exchange_at(e, live)->place
               ? late
               : live;
}

bool gw_forward_room(struct gw_engine *e, size_t payload_len)
{
    uint32_t index;

    if (gw_message_cost(payload_len) > e->limits.uplink_max_bytes)
        return false;
    for (unsigned n = 0; n < GIVE_WAY_MAX; n++) {
        if (fits(e, payload_len))
            return true;
        if (e->policy.options.uplink_drop_policy == GW_DROP_NEWEST)
            return false;
        index = oldest(e);
        if (index == 0)
            return false;
        gw_forward_drop(e, index, &e->counters.up_drop_full, "full");
    }
    return fits(e, payload_len);
}

static uint32_t cost_of(const struct gw_engine *e, const struct gw_exchange *x)
{
    return gw_message_cost(
        gw_message_at(&e->up_messages, x->message)->payload_len);
}

void gw_forward_stow(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->stowed = true;
    e->stowed_count++;
    e->stowed_bytes += cost_of(e, x);
}

void gw_forward_unstow(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (!x->stowed)
        return;
    x->stowed = false;
    e->stowed_count--;
    e->stowed_bytes -= cost_of(e, x);
}

/* ---- waiting for the store --------------------------------------------- */

void gw_forward_wait(struct gw_engine *e, uint32_t index, uint64_t op)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->op = op;
    x->storing = true;
    if (x->state == GW_X_STORING)
        gw_flow_begin_storing(e, index);
    x->storing_prev = e->storing_tail;
    x->storing_next = 0;
    if (e->storing_tail)
        gw_exchange_at(e, e->storing_tail)->storing_next = index;
    else
        e->storing_head = index;
    e->storing_tail = index;
}

void gw_forward_unwait(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    if (!x->storing)
        return;
    x->storing = false;
    gw_flow_end_storing(e, index);
    if (x->storing_prev)
        gw_exchange_at(e, x->storing_prev)->storing_next = x->storing_next;
    else
        e->storing_head = x->storing_next;
    if (x->storing_next)
        gw_exchange_at(e, x->storing_next)->storing_prev = x->storing_prev;
    else
        e->storing_tail = x->storing_prev;
    x->storing_prev = x->storing_next = 0;
}

/* Whether what enters the live line now will have to wait there. */
static bool is_clogged(const struct gw_engine *e)
{
    const struct gw_link *l = &e->shared;

    return l->state != GW_LINK_UP || l->lines[GW_LINE_AGAIN].head != 0 ||
           l->handed + l->lines[GW_LINE_LIVE].acked > l->window_size;
}

/* The message is the gateway's from now on; its node is told. */
static void take_over(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->owned = true;
    x->due = 0;
    if (x->session == 0)
        return;
    if (x->qos == 2) {
        if (!x->mute)
            gw_reply_push(
                e, x->session,
                &(struct gw_reply){.type = MQTTSN_PUBREC, .msg_id = x->msg_id},
                0);
        return;
    }
    if (!x->mute) {
        gw_uplink_remember(e, x->session, x);
        gw_reply_puback(e, x->session, x->topic_id, x->msg_id, MQTTSN_ACCEPTED);
    }
    gw_exchange_detach(e, index);
}

static void go_on(struct gw_engine *e, uint32_t index)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    /* The broker would have it, and a crash would make the node, which has not
     * been answered, send it as another. A will has nobody who would. */
    if (x->unkept && x->qos == 2 && !x->owned) {
        e->counters.up_congestion++;
        gw_uplink_refuse(e, index, MQTTSN_REJECTED_CONGESTION);
        return;
    }
    gw_forward_unwait(e, index);
    if (x->state == GW_X_STORING)
        gw_line_enter(e, index);
    if (x->unkept || x->qos == 0)
        return;
    take_over(e, index);
    if (x->state == GW_X_WAITING && is_clogged(e))
        gw_flow_join(e, index);
}

void gw_forward_on_stored(struct gw_engine *e)
{
    while (e->storing_head != 0 &&
           gw_exchange_at(e, e->storing_head)->op <= e->store_done)
        go_on(e, e->storing_head);
}

void gw_forward_on_failed(struct gw_engine *e, uint64_t op)
{
    for (uint32_t i = e->storing_head; i != 0;
         i = gw_exchange_at(e, i)->storing_next) {
        struct gw_exchange *x = gw_exchange_at(e, i);

        /* It goes on when those before it do, so that it overtakes none. */
        if (x->op == op && x->qos != 0)
            x->unkept = true;
        else if (x->op > op)
            return;
    }
}

/* ---- giving up --------------------------------------------------------- */

bool gw_forward_is_old(const struct gw_engine *e, const struct gw_exchange *x)
{
    mqttsn_ms most = e->policy.options.uplink_max_age;

    return most != 0 && x->owned &&
           e->now - gw_message_at(&e->up_messages, x->message)->received > most;
}

void gw_forward_drop(struct gw_engine *e, uint32_t index, uint64_t *counter,
                     const char *reason)
{
    const struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t topic = gw_message_at(&e->up_messages, x->message)->topic;

    (*counter)++;
    gw_note_topic(e, GW_NOTE_UP_DROP, x->session,
                  gw_names_span(&e->names, topic), 0, reason);
    if (x->session != 0)
        gw_exchange_done(e, index); /* PUBREC is out: PUBREL will come */
    else
        gw_exchange_end(e, index);
}
