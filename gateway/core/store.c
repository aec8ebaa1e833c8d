/* SPDX-License-Identifier: MIT */
/*
 * The ring of store operations. An operation is numbered when it is queued;
 * the shell may finish operations in any order, and 'store_done' moves over
 * all that are finished without a gap. So an answer that waits for operation n
 * waits for everything before it too, which is what a group commit gives.
 */
#include "engine_private.h"

static struct gw_store_entry *entry_at(struct gw_engine *e, uint64_t op)
{
    return &e->store_ring[(op - 1 - e->store_base) & e->store_mask];
}

static uint64_t queue(struct gw_engine *e, uint8_t verb, uint8_t kind,
                      uint32_t ref, uint32_t owner, uint32_t item)
{
    struct gw_store_entry *entry;

    if (e->store_queued - e->store_done > e->store_mask) {
        e->counters.store_full++;
        return 0;
    }
    /* An empty ring begins anew, so that only what is needed is touched. */
    if (e->store_done == e->store_queued)
        e->store_base = e->store_queued;
    e->store_queued++;
    entry = entry_at(e, e->store_queued);
    *entry = (struct gw_store_entry){verb, kind, 0, ref, owner, item};
    return e->store_queued;
}

uint64_t gw_store_session(struct gw_engine *e, uint32_t session)
{
    return queue(e, GW_STORE_KEEP, GW_RECORD_SESSION, session,
                 gw_session_at(e, session)->number, 0);
}

uint64_t gw_store_will(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (s->flags & (GW_S_WILL | GW_S_WILL_MSG))
        return queue(e, GW_STORE_KEEP, GW_RECORD_WILL, session, s->number, 0);
    return gw_store_forget(e, GW_RECORD_WILL, s->number, 0);
}

uint64_t gw_store_topic(struct gw_engine *e, uint32_t topic)
{
    struct gw_topic *t = gw_topic_at(e, topic);

    return queue(e, GW_STORE_KEEP, GW_RECORD_TOPIC, topic,
                 gw_session_at(e, t->session)->number,
                 (uint32_t)t->type << 16 | t->id);
}

uint64_t gw_store_sub(struct gw_engine *e, uint32_t sub)
{
    struct gw_sub *b = gw_sub_at(e, sub);

    return queue(e, GW_STORE_KEEP, GW_RECORD_SUBSCRIPTION, sub,
                 gw_session_at(e, b->session)->number, b->item);
}

uint64_t gw_store_place(struct gw_engine *e, uint32_t place)
{
    struct gw_place *p = gw_place_at(e, place);
    struct gw_message *m = gw_message_at(&e->down_messages, p->message);
    uint64_t op;

    if (!m->kept)
        m->kept = queue(e, GW_STORE_KEEP, GW_RECORD_MESSAGE, p->message, 0,
                        m->number) != 0;
    op = queue(e, GW_STORE_KEEP, GW_RECORD_QUEUED, place,
               gw_session_at(e, p->session)->number, p->item);
    if (op != 0)
        p->flags |= GW_P_KEPT;
    return op;
}

uint64_t gw_store_exchange(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);

    uint64_t op =
        queue(e, GW_STORE_KEEP, GW_RECORD_EXCHANGE, exchange, 0, x->generation);

    x->kept |= op != 0;
    x->recorded |= op != 0;
    return op;
}

uint64_t gw_store_filter(struct gw_engine *e, uint32_t filter)
{
    uint64_t op = queue(e, GW_STORE_KEEP, GW_RECORD_FILTER, filter, 0,
                        gw_record_filter_item(e, filter));

    gw_filter_at(&e->filters, filter)->kept |= op != 0;
    return op;
}

void gw_store_forget_filter(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    if (!f->kept)
        return;
    f->kept = false;
    gw_store_forget(e, GW_RECORD_FILTER, 0, gw_record_filter_item(e, filter));
}

uint64_t gw_store_sweep(struct gw_engine *e, bool running)
{
    return queue(e, running ? GW_STORE_KEEP : GW_STORE_FORGET, GW_RECORD_FILTER,
                 0, 0, GW_RECORD_SWEEP);
}

uint64_t gw_store_forget(struct gw_engine *e, uint8_t kind, uint32_t owner,
                         uint32_t item)
{
    return queue(e, GW_STORE_FORGET, kind, 0, owner, item);
}

uint64_t gw_store_forget_owner(struct gw_engine *e, uint32_t owner)
{
    return queue(e, GW_STORE_FORGET_OWNER, 0, 0, owner, 0);
}

/* When the last one failed, nobody knows of what is only in memory when it is
 * stored; but another one is not before that is (engine.h). */
uint64_t gw_store_all(struct gw_engine *e)
{
    if (e->store_lost == 0 || e->store_lost != e->store_queued)
        return e->store_queued;
    return gw_store_forget(e, GW_RECORD_EXCHANGE, 0, 0); /* none has that */
}

static void finish(struct gw_engine *e, uint64_t op)
{
    entry_at(e, op)->state = 2;
    while (e->store_done < e->store_taken &&
           entry_at(e, e->store_done + 1)->state == 2)
        e->store_done++;
    gw_replies_release(e);
    gw_forward_on_stored(e);
}

bool gw_engine_poll_store(struct gw_engine *e, mqttsn_ms now, uint8_t *buf,
                          size_t cap, struct gw_store_action *ret_action)
{
    (void)now;
    while (e->store_taken < e->store_queued &&
           e->store_inflight < GW_STORE_INFLIGHT) {
        struct gw_store_entry *entry = entry_at(e, ++e->store_taken);
        size_t len = 0;

        if (entry->verb == GW_STORE_KEEP) {
            len = gw_record_encode(e, entry, buf, cap);
            if (len == 0) { /* it is gone again: nothing to keep */
                finish(e, e->store_taken);
                continue;
            }
        }
        entry->state = 1;
        e->store_inflight++;
        ret_action->verb = entry->verb;
        ret_action->op = e->store_taken;
        ret_action->kind = entry->kind;
        ret_action->owner = entry->owner;
        ret_action->item = entry->item;
        ret_action->len = len;
        return true;
    }
    return false;
}

bool gw_engine_is_behind(const struct gw_engine *e)
{
    return gw_store_behind(e);
}

void gw_engine_on_stored(struct gw_engine *e, uint64_t op, bool ok,
                         mqttsn_ms now)
{
    e->now = now;
    if (op <= e->store_done || op > e->store_taken ||
        entry_at(e, op)->state != 1)
        return;
    e->store_inflight--;
    if (!ok) {
        if (e->store_lost < op)
            e->store_lost = op;
        e->counters.store_failed++;
        gw_note(e, GW_NOTE_STORE_FAILED, 0, op, NULL);
        gw_replies_fail(e, op);
        gw_forward_on_failed(e, op);
    }
    finish(e, op);
}
