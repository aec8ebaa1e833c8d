/* SPDX-License-Identifier: MIT */
/*
 * How subscriptions reach the broker over one shared connection.
 *
 * Every SUBSCRIBE of a node goes upstream, so that the broker sends what it
 * retains. Who gets that is told by a window: it opens with the SUBSCRIBE and
 * closes 'retain_settle' after the SUBACK or the last retained message for it.
 * No two windows are open whose filters intersect, so a retained message
 * belongs to one window only; the others wait in line behind the one that
 * blocks them.
 *
 * What the broker was told outlives this process, so the store must know it.
 * A stored subscription says it; for the time before it is stored, and after
 * it was ended, the filter has a record of its own.
 *
 * Upstream every filter is asked for at QoS 2, so that no node's low QoS can
 * lower what another gets; each node's own QoS is applied on the way down.
 */
#include "engine_private.h"

#define UPSTREAM_QOS 2

/* ---- filters ----------------------------------------------------------- */

static void answer_unsubscribes(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    f->uses++; /* it must outlive the last of them here */
    while (f->unsub_list != 0) {
        uint32_t index = f->unsub_list;
        struct gw_exchange *x = gw_exchange_at(e, index);

        if (x->session != 0 && !x->mute)
            gw_reply_push(e, x->session,
                          &(struct gw_reply){.type = MQTTSN_UNSUBACK,
                                             .msg_id = x->msg_id},
                          gw_store_all(e));
        gw_exchange_end(e, index); /* takes itself off the list */
    }
    f->uses--;
}

static void drop_if_unused(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    if (f->uses != 0 || f->up_state != GW_F_NONE || f->unsub_listed)
        return;
    gw_store_forget_filter(e, filter);
    gw_filters_drop(&e->filters, filter);
}

uint32_t gw_filter_use(struct gw_engine *e, struct mqttsn_span filter,
                       bool wants)
{
    uint32_t node = gw_filters_find(&e->filters, filter);
    struct gw_filter *f;

    if (node == 0) {
        node = gw_filters_add(&e->filters, filter);
        if (node == 0)
            return 0;
    }
    f = gw_filter_at(&e->filters, node);
    f->uses++;
    if (wants) {
        f->wants++;
        if (f->up_state == GW_F_UNSUB_DUE) {
            f->up_state = GW_F_UP; /* never mind, somebody wants it again */
            answer_unsubscribes(e, node);
        }
    }
    return node;
}

/* In line for the UNSUBSCRIBE that is due. */
static void list_unsubscribe(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    if (f->unsub_listed)
        return;
    f->unsub_listed = true;
    f->unsub_next = 0;
    if (e->unsub_tail)
        gw_filter_at(&e->filters, e->unsub_tail)->unsub_next = filter;
    else
        e->unsub_head = filter;
    e->unsub_tail = filter;
}

void gw_filter_release(struct gw_engine *e, uint32_t filter, bool wants)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    f->uses--;
    if (wants && --f->wants == 0 && f->up_state == GW_F_UP) {
        f->up_state = GW_F_UNSUB_DUE;
        if (!f->kept)
            gw_store_filter(e, filter);
        list_unsubscribe(e, filter);
    }
    drop_if_unused(e, filter);
}

static struct mqttsn_span filter_name(const struct gw_engine *e,
                                      uint32_t filter)
{
    return gw_names_span(&e->names, gw_filter_at(&e->filters, filter)->name);
}

/* ---- windows: in line, blocked, open ----------------------------------- */

static void append_runnable(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);

    w->state = GW_W_RUNNABLE;
    w->next = 0;
    if (e->runnable_tail)
        gw_window_at(e, e->runnable_tail)->next = index;
    else
        e->runnable_head = index;
    e->runnable_tail = index;
}

/* Before the broker hears of it for the first time. */
static void keep_filter(struct gw_engine *e, struct gw_window *w)
{
    const struct gw_filter *f = gw_filter_at(&e->filters, w->filter);

    if (f->subs_head == 0 && !f->kept)
        w->stored = gw_store_filter(e, w->filter);
}

bool gw_window_join(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    struct gw_filter *f = gw_filter_at(&e->filters, x->filter);

    if (f->window == 0) {
        uint32_t index = gw_slab_take(&e->windows);
        struct gw_window *w;

        if (index == 0)
            return false;
        w = gw_window_at(e, index);
        w->filter = x->filter;
        w->wildcard = mqttsn_filter_has_wildcard(filter_name(e, x->filter));
        f->uses++;
        f->window = index;
        keep_filter(e, w);
        append_runnable(e, index);
    }
    x->window = f->window;
    x->link = gw_window_at(e, x->window)->claims;
    gw_window_at(e, x->window)->claims = exchange;
    return true;
}

void gw_window_leave(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    uint32_t *link = &gw_window_at(e, x->window)->claims;

    while (*link != exchange)
        link = &gw_exchange_at(e, *link)->link;
    *link = x->link;
    x->link = 0;
    x->window = 0;
}

static void release(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);
    uint32_t filter = w->filter;

    w->state = GW_W_FREE;
    gw_slab_give(&e->windows, index);
    gw_filter_release(e, filter, false);
}

static void open_window(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);
    struct gw_filter *f = gw_filter_at(&e->filters, w->filter);

    w->state = GW_W_HANDED;
    w->open_prev = 0;
    w->open_next = e->open_windows;
    if (e->open_windows)
        gw_window_at(e, e->open_windows)->open_prev = index;
    e->open_windows = index;
    f->window = 0;
    f->open_window = index;
    w->again = f->up_state == GW_F_UP;
    if (f->up_state == GW_F_NONE || f->up_state == GW_F_UNSUB_HANDED)
        f->up_state = GW_F_UP;
}

/* No longer open: those it blocked are in line again. */
static void shut_window(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);

    gw_heap_remove(&e->window_due, index);
    if (w->open_prev)
        gw_window_at(e, w->open_prev)->open_next = w->open_next;
    else
        e->open_windows = w->open_next;
    if (w->open_next)
        gw_window_at(e, w->open_next)->open_prev = w->open_prev;
    gw_filter_at(&e->filters, w->filter)->open_window = 0;
    while (w->blocked_head != 0) {
        uint32_t next = w->blocked_head;

        w->blocked_head = gw_window_at(e, next)->next;
        append_runnable(e, next);
    }
}

static void close_window(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);

    shut_window(e, index);
    while (w->claims != 0)
        gw_exchange_end(e, w->claims); /* takes itself off the list */
    release(e, index);
}

/* The open window whose filter shares a topic with this one's; 0: none. Where
 * a message says for which filter it is, only that filter's own can be. */
static uint32_t blocker(struct gw_engine *e, const struct gw_window *w)
{
    if (e->by_identifier)
        return gw_filter_at(&e->filters, w->filter)->open_window;
    for (uint32_t i = e->open_windows; i != 0;
         i = gw_window_at(e, i)->open_next) {
        const struct gw_window *o = gw_window_at(e, i);

        if (o->filter == w->filter ||
            ((o->wildcard || w->wildcard) &&
             mqttsn_filters_intersect(filter_name(e, o->filter),
                                      filter_name(e, w->filter))))
            return i;
    }
    return 0;
}

/* ---- polls ------------------------------------------------------------- */

static void fill(struct gw_engine *e, enum gw_up_action_kind kind,
                 enum gw_token_kind token, uint32_t index, uint32_t filter,
                 uint8_t *buf, struct gw_up_action *ret_action)
{
    struct mqttsn_span name = filter_name(e, filter);

    memcpy(buf, name.data, name.len);
    *ret_action = (struct gw_up_action){
        .kind = kind,
        .token = gw_token(token, e->connections, index),
        .qos = kind == GW_UP_SUBSCRIBE ? UPSTREAM_QOS : 0,
        .topic = mqttsn_span(buf, name.len),
    };
    if (kind == GW_UP_SUBSCRIBE && e->identifiers)
        ret_action->identifier = gw_filter_identifier(e, filter);
    ret_action->no_retained = token == GW_TOKEN_RESUB && e->retain_options;
}

static void sweep_ended(struct gw_engine *e)
{
    if (e->untold) /* a part of it came back: the next connection sees to it */
        return;
    e->sweep_incomplete = false;
    e->sweep_untold = false;
    if (e->sweep_kept) {
        e->sweep_kept = false;
        gw_store_sweep(e, false);
    }
}

/* The next filter of the sweep that a forgetful broker must be told again. */
static bool poll_sweep(struct gw_engine *e, uint8_t *buf,
                       struct gw_up_action *ret_action)
{
    while (e->resubscribe != 0) {
        uint32_t filter = e->resubscribe--;
        struct gw_filter *f = gw_filter_at(&e->filters, filter);

        if (f->name == 0 || (e->sweep_untold && !f->untold))
            continue;
        /* One that came after the sweep began has no subscription yet. */
        if (f->subs_head != 0) {
            f->up_state = GW_F_UP;
            f->uses++;
            e->resubscribing++;
            fill(e, GW_UP_SUBSCRIBE, GW_TOKEN_RESUB, filter, filter, buf,
                 ret_action);
            return true;
        }
        if (!e->sweep_anew) /* it may have it of a sweep that was cut short */
            continue;
        f->up_state = GW_F_NONE; /* the broker has forgotten it already */
        answer_unsubscribes(e, filter);
        drop_if_unused(e, filter);
    }
    if (e->resubscribing == 0)
        sweep_ended(e);
    return false;
}

static bool poll_unsubscribe(struct gw_engine *e, uint8_t *buf,
                             struct gw_up_action *ret_action)
{
    while (e->unsub_head != 0) {
        uint32_t filter = e->unsub_head;
        struct gw_filter *f = gw_filter_at(&e->filters, filter);

        e->unsub_head = f->unsub_next;
        if (e->unsub_head == 0)
            e->unsub_tail = 0;
        f->unsub_listed = false;
        if (f->up_state != GW_F_UNSUB_DUE) {
            drop_if_unused(e, filter);
            continue;
        }
        if (f->unsub_out) /* its result puts this one in line again */
            continue;
        f->up_state = GW_F_UNSUB_HANDED;
        f->unsub_out = true;
        f->uses++;
        fill(e, GW_UP_UNSUBSCRIBE, GW_TOKEN_UNSUB, filter, filter, buf,
             ret_action);
        return true;
    }
    return false;
}

static bool poll_subscribe(struct gw_engine *e, uint8_t *buf,
                           struct gw_up_action *ret_action)
{
    /* What the sweep brings must not land in anybody's window. */
    if (!e->retain_options &&
        (e->resubscribing != 0 || e->now < e->windows_from))
        return false;
    while (e->runnable_head != 0) {
        uint32_t index = e->runnable_head, behind;
        struct gw_window *w = gw_window_at(e, index);

        if (w->claims != 0) {
            keep_filter(e, w); /* it may have been forgotten meanwhile */
            if (w->stored > e->store_done)
                return false;
        }
        e->runnable_head = w->next;
        if (e->runnable_head == 0)
            e->runnable_tail = 0;
        w->next = 0;
        if (w->claims == 0) { /* whoever asked is gone */
            gw_filter_at(&e->filters, w->filter)->window = 0;
            release(e, index);
            continue;
        }
        behind = blocker(e, w);
        if (behind != 0) {
            w->state = GW_W_BLOCKED;
            w->next = gw_window_at(e, behind)->blocked_head;
            gw_window_at(e, behind)->blocked_head = index;
            continue;
        }
        open_window(e, index);
        fill(e, GW_UP_SUBSCRIBE, GW_TOKEN_WINDOW, index, w->filter, buf,
             ret_action);
        return true;
    }
    return false;
}

bool gw_windows_poll(struct gw_engine *e, uint8_t *buf,
                     struct gw_up_action *ret_action)
{
    /* Until the store knows that the broker has forgotten everything, it is
     * told nothing: a process after this one would take it for all. */
    if (e->shared.state != GW_LINK_UP || e->sweep_stored > e->store_done)
        return false;
    return poll_sweep(e, buf, ret_action) ||
           poll_unsubscribe(e, buf, ret_action) ||
           poll_subscribe(e, buf, ret_action);
}

/* ---- results ----------------------------------------------------------- */

/* Not with the broker: back in line, with whoever joined meanwhile. */
static void unsent(struct gw_engine *e, uint32_t index)
{
    struct gw_window *w = gw_window_at(e, index);
    struct gw_filter *f = gw_filter_at(&e->filters, w->filter);

    /* Only the answer may have been lost: the filter counts as subscribed to,
     * so that it is given up when nobody wants it any more. */
    shut_window(e, index);
    if (f->window == 0) {
        f->window = index;
        append_runnable(e, index);
        return;
    }
    while (w->claims != 0) {
        uint32_t x = w->claims;

        gw_window_leave(e, x);
        gw_exchange_at(e, x)->window = f->window;
        gw_exchange_at(e, x)->link = gw_window_at(e, f->window)->claims;
        gw_window_at(e, f->window)->claims = x;
    }
    release(e, index);
}

static void refused(struct gw_engine *e, uint32_t index,
                    enum mqttsn_return_code code)
{
    struct gw_window *w = gw_window_at(e, index);
    struct gw_filter *f = gw_filter_at(&e->filters, w->filter);

    /* What an earlier attempt has brought about, a refusal does not undo. */
    if (f->subs_head == 0 && f->up_state == GW_F_UP && !w->again)
        f->up_state = GW_F_NONE;
    for (uint32_t i = w->claims; i != 0; i = gw_exchange_at(e, i)->link) {
        struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->mute && !x->fixed)
            continue;
        gw_note_topic(e, GW_NOTE_UP_REJECTED, x->session,
                      filter_name(e, w->filter), 0, "subscribe");
        if (x->fixed)
            continue;
        gw_subscribe_refuse(e, x->session, x->msg_id, x->topic_id, code);
        gw_exchange_answered(e, i);
    }
    close_window(e, index);
}

void gw_window_on_result(struct gw_engine *e, uint32_t index,
                         enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_window *w = gw_window_at(e, index);
    uint32_t next;

    if (w->state != GW_W_HANDED)
        return;
    switch (outcome) {
    case GW_UP_DONE:
        w->state = GW_W_SETTLING;
        for (uint32_t i = w->claims; i != 0; i = next) {
            next = gw_exchange_at(e, i)->link;
            gw_subscribe_done(e, i, granted_qos);
        }
        gw_heap_set(&e->window_due, index,
                    e->now + e->policy.options.retain_settle);
        return;
    case GW_UP_REJECTED:
        refused(e, index, MQTTSN_REJECTED_NOT_SUPPORTED);
        return;
    case GW_UP_QUOTA:
        refused(e, index, MQTTSN_REJECTED_CONGESTION);
        return;
    case GW_UP_UNSENT:
        unsent(e, index);
        return;
    }
}

void gw_window_on_deadline(struct gw_engine *e, uint32_t index)
{
    close_window(e, index);
}

/* The first time: the store may say so of each of its subscriptions. */
static void told(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    f->untold = false;
    for (uint32_t i = f->subs_head; i != 0; i = gw_sub_at(e, i)->filter_next)
        gw_store_sub(e, i);
}

void gw_resubscribe_on_result(struct gw_engine *e, uint32_t filter,
                              uint32_t connection, enum gw_up_outcome outcome)
{
    e->resubscribing--;
    e->untold |= outcome == GW_UP_UNSENT &&
                 connection == (e->connections & GW_GENERATION_MASK);
    if (!e->retain_options)
        e->windows_from = e->now + e->policy.options.retain_settle;
    if (e->resubscribing == 0 && e->resubscribe == 0 && outcome != GW_UP_UNSENT)
        sweep_ended(e);
    if (outcome == GW_UP_REJECTED || outcome == GW_UP_QUOTA)
        gw_note_topic(e, GW_NOTE_UP_REJECTED, 0, filter_name(e, filter), 0,
                      "subscribe");
    if (gw_filter_at(&e->filters, filter)->untold && outcome == GW_UP_DONE)
        told(e, filter);
    gw_filter_release(e, filter, false);
}

void gw_unsubscribe_on_result(struct gw_engine *e, uint32_t filter,
                              enum gw_up_outcome outcome)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    f->unsub_out = false;
    if (f->up_state == GW_F_UNSUB_DUE) /* wanted, and left, meanwhile */
        list_unsubscribe(e, filter);
    if (f->up_state == GW_F_UNSUB_HANDED) {
        f->up_state = outcome == GW_UP_UNSENT ? GW_F_UP : GW_F_NONE;
        if (outcome == GW_UP_UNSENT) {
            /* Due again, unless somebody wants it. */
            f->wants++;
            gw_filter_release(e, filter, true);
            if (gw_filter_at(&e->filters, filter)->up_state == GW_F_UP)
                answer_unsubscribes(e, filter);
            return;
        }
    }
    answer_unsubscribes(e, filter);
    gw_filter_release(e, filter, false);
}

void gw_windows_on_connected(struct gw_engine *e, bool session_present)
{
    if (e->sweep_incomplete || !session_present) {
        e->resubscribe = e->filters.filters.high;
        /* Also one of no filters ends what the store knows of. */
        e->sweep_incomplete = e->filters.filters.used != 0 || e->sweep_kept;
    } else if (e->untold) {
        e->resubscribe = e->filters.filters.high;
        e->sweep_untold = true;
    }
    e->untold = false;
    e->sweep_anew = !session_present;
    if (e->sweep_incomplete && !e->sweep_kept) {
        e->sweep_stored = gw_store_sweep(e, true);
        e->sweep_kept = e->sweep_stored != 0;
    }
}

bool gw_windows_restore(struct gw_engine *e, struct mqttsn_span filter)
{
    uint32_t node = gw_filter_use(e, filter, true);
    struct gw_filter *f;

    if (node == 0)
        return false;
    f = gw_filter_at(&e->filters, node);
    f->kept = true;
    f->up_state = GW_F_UP;
    if (f->subs_head != 0)
        gw_store_forget_filter(e, node);
    /* With nobody who wants it, it is unsubscribed. */
    gw_filter_release(e, node, true);
    return true;
}

void gw_windows_restore_sweep(struct gw_engine *e)
{
    e->sweep_incomplete = true;
    e->sweep_kept = true;
}

void gw_windows_on_lost(struct gw_engine *e)
{
    /* A sweep that was cut short starts over, also into a kept session. */
    if (e->sweep_untold)
        e->untold = true;
    else
        e->sweep_incomplete =
            e->resubscribe != 0 || e->resubscribing != 0 || e->sweep_incomplete;
    e->sweep_untold = false;
    e->resubscribe = 0;
    /* What a new connection brings is not for those who waited on this one. */
    for (uint32_t i = e->open_windows, next; i != 0; i = next) {
        next = gw_window_at(e, i)->open_next;
        if (gw_window_at(e, i)->state == GW_W_SETTLING)
            close_window(e, i);
    }
}
