/* SPDX-License-Identifier: MIT */
/*
 * The store: operations are kept in the order in which they were asked for,
 * and take effect in that order, once they are answered or a later one is. A
 * crash loses those at the end.
 */
#include "engine_world.h"

static uint8_t buf[GW_RECORD_MAX];

static void remove_record(struct fz_world *w, size_t at)
{
    free(w->records[at].data);
    w->records[at] = w->records[--w->record_count];
}

static void apply(struct fz_world *w, struct fz_pending *p)
{
    const struct gw_store_action *a = &p->action;

    if (a->verb == GW_STORE_FORGET && a->kind == GW_RECORD_ARRIVAL) {
        fz_arrival_forget(w, a->item);
        return;
    }
    for (size_t i = w->record_count; i-- > 0;) {
        const struct fz_record *r = &w->records[i];

        if (r->owner == a->owner &&
            (a->verb == GW_STORE_FORGET_OWNER ||
             (r->kind == a->kind && r->item == a->item)))
            remove_record(w, i);
    }
    if (a->verb != GW_STORE_KEEP)
        return;
    MUST(w->record_count < FZ_RECORDS);
    w->records[w->record_count++] = (struct fz_record){.kind = a->kind,
                                                       .owner = a->owner,
                                                       .item = a->item,
                                                       .len = a->len,
                                                       .data = p->data};
    p->data = NULL;
}

/* What was to be forgotten, and failed, is forgotten all the same before
 * anything later takes effect (gw_engine_on_stored). */
static void settle_one(struct fz_world *w, struct fz_pending *p)
{
    if (p->answered && !p->kept) {
        if (p->action.verb == GW_STORE_KEEP)
            return;
        MUST(w->owed_count < FZ_OWED);
        w->owed[w->owed_count++] = (struct fz_pending){.action = p->action};
        return;
    }
    for (size_t i = 0; i < w->owed_count; i++)
        apply(w, &w->owed[i]);
    w->owed_count = 0;
    apply(w, p);
}

/* The first 'n' take effect, unless they failed. */
static void settle(struct fz_world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        settle_one(w, &w->pending[i]);
        free(w->pending[i].data);
    }
    w->pending_count -= n;
    memmove(w->pending, w->pending + n,
            w->pending_count * sizeof(w->pending[0]));
}

/* Only what has no unanswered operation before it: answers are found by their
 * place among the pending. */
void fz_store_settle(struct fz_world *w)
{
    size_t n = 0;

    while (n < w->pending_count && w->pending[n].answered)
        n++;
    settle(w, n);
}

static void check_kind(struct fz_world *w, const struct gw_store_action *a)
{
    if (a->verb == GW_STORE_FORGET_OWNER) {
        MUST(a->owner != 0);
        return;
    }
    if (a->verb == GW_STORE_FORGET && a->kind == GW_RECORD_ACKNOWLEDGED)
        return;
    if (a->verb == GW_STORE_FORGET && a->kind == GW_RECORD_ARRIVAL) {
        MUST(a->owner == 0);
        fz_arrival_unwanted(w, a->item);
        return;
    }
    MUST(a->kind >= GW_RECORD_SESSION && a->kind <= GW_RECORD_FILTER);
}

bool fz_drain_store(struct fz_world *w)
{
    struct gw_store_action action;
    unsigned n = 0;

    if (w->blocked & FZ_STORE)
        return false;
    while ((w->budget == 0 || n < w->budget) && w->pending_count < FZ_PENDING &&
           gw_engine_poll_store(w->engine, w->now, buf, sizeof(buf), &action)) {
        struct fz_pending *p = &w->pending[w->pending_count++];
        size_t len = action.verb == GW_STORE_KEEP ? action.len : 0;

        MUST(action.op > w->last_op);
        MUST(len <= GW_RECORD_MAX);
        check_kind(w, &action);
        w->last_op = action.op;
        *p = (struct fz_pending){.action = action, .data = exact(buf, len)};
        n++;
    }
    return n > 0;
}

/* Whatever was said to be kept is there, and so is what was asked for before;
 * of the rest, the first 'written'. */
void fz_store_crash(struct fz_world *w, size_t written)
{
    size_t n = 0;

    for (size_t i = 0; i < w->pending_count; i++) {
        if (w->pending[i].answered)
            n = i + 1;
    }
    n += written;
    settle(w, n < w->pending_count ? n : w->pending_count);
    for (size_t i = 0; i < w->pending_count; i++)
        free(w->pending[i].data);
    w->pending_count = w->owed_count = 0;
}

static int record_order(const void *a, const void *b)
{
    const struct fz_record *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* A publish that the broker side still has under way. */
static void hold(struct fz_world *w, const struct fz_record *r)
{
    uint64_t token = 0;

    if (r->kind == GW_RECORD_EXCHANGE && !r->refused)
        token = gw_engine_held(w->engine, r->owner, r->item);
    if (token == 0)
        return;
    MUST(w->token_count < FZ_TOKENS);
    w->held++;
    w->tokens[w->token_count++] =
        (struct fz_token){.token = token, .kind = GW_UP_PUBLISH, .qos = 2};
}

/* Its own records are never unreadable to it. They may refer to what was
 * never written, and what was not forgotten in time may be too much; what it
 * does not want is thrown away. */
void fz_store_restore(struct fz_world *w)
{
    w->restored_places = 0;
    fz_arrivals_check(w);
    if (w->record_count > 0)
        qsort(w->records, w->record_count, sizeof(w->records[0]), record_order);
    for (size_t i = 0; i < w->record_count; i++) {
        struct fz_record *r = &w->records[i];
        enum mqttsn_status status =
            gw_engine_restore(w->engine, r->kind, r->owner, r->item,
                              mqttsn_span(r->data, r->len), w->now);

        MUST(status == MQTTSN_OK || status == MQTTSN_ENOTFOUND ||
             status == MQTTSN_ENOSPACE ||
             (w->foreign &&
              (status == MQTTSN_EFIELD || status == MQTTSN_EPROTO)));
        if (status == MQTTSN_OK && r->kind == GW_RECORD_QUEUED)
            w->restored_places++;
        r->refused = status != MQTTSN_OK;
    }
    for (size_t i = 0; w->holds && i < w->record_count; i++)
        hold(w, &w->records[i]);
    for (size_t i = w->record_count; i-- > 0;) {
        if (w->records[i].refused)
            remove_record(w, i);
    }
    gw_engine_restored(w->engine, w->now);
}

void fz_store_clear(struct fz_world *w)
{
    for (size_t i = 0; i < w->pending_count; i++)
        free(w->pending[i].data);
    w->pending_count = 0;
    while (w->record_count > 0)
        remove_record(w, w->record_count - 1);
}
