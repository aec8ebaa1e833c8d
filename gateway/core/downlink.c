/* SPDX-License-Identifier: MIT */
/*
 * A message from the broker finds its readers. One body is made, at the first
 * reader that has room for it; each session gets one place in its queue, at
 * the lower of the message's QoS and the highest that was granted to it.
 */
#include "engine_private.h"

struct spread {
    struct gw_engine *engine;
    const struct gw_up_event *event;
    uint32_t topic;   /* name that nodes know, held */
    uint32_t message; /* one reference held, once it is made */
    uint32_t readers;
    bool again; /* 'message' was restored: some readers may have it */
};

static bool has_place(const struct gw_engine *e, const struct gw_session *s,
                      uint32_t message)
{
    for (uint32_t i = gw_cold(e, s)->queue_head; i != 0;
         i = gw_place_at(e, i)->next)
        if (gw_place_at(e, i)->message == message)
            return true;
    return false;
}

static void give(struct spread *spread, uint32_t session, uint8_t granted,
                 bool claim)
{
    struct gw_engine *e = spread->engine;
    struct gw_session *s = gw_session_at(e, session);
    uint8_t qos = spread->event->message.qos;

    if (granted < qos)
        qos = granted;
    spread->readers++;
    if (s->stamp == e->visit_stamp) {
        /* By another filter already: the highest QoS counts. */
        uint32_t last = gw_cold(e, s)->queue_tail;
        struct gw_place *p = last ? gw_place_at(e, last) : NULL;

        if (p != NULL && spread->message != 0 &&
            p->message == spread->message && p->qos < qos) {
            p->qos = qos;
            gw_store_place(e, last);
        }
        return;
    }
    s->stamp = e->visit_stamp;
    if (spread->again && has_place(e, s, spread->message))
        return;
    if (qos == 0 && (s->state == GW_DISCONNECTED || s->state == GW_LOST ||
                     ((s->state == GW_ASLEEP || s->state == GW_AWAKE) &&
                      !e->policy.options.sleep_buffer_qos0))) {
        e->counters.drop_offline_qos0++; /* G12-33 */
        return;
    }
    if (!gw_session_carries(e, session, 7,
                            spread->event->message.payload.len)) {
        gw_backlog_count_too_large(e, session, spread->topic);
        return;
    }
    if (spread->message == 0) {
        struct mqttsn_span payload = spread->event->message.payload;
        struct gw_message *m;

        if (gw_messages_fits(&e->down_messages, payload.len) ||
            gw_backlog_make_room(e, session, payload.len))
            spread->message =
                gw_message_new(&e->down_messages, spread->topic, payload,
                               spread->event->message.retain, e->now);
        if (spread->message == 0) {
            gw_backlog_count_drop(e, session, spread->topic,
                                  &e->counters.drop_total_full, "total_full");
            return;
        }
        m = gw_message_at(&e->down_messages, spread->message);
        m->arrival = spread->event->message.arrival;
        if (spread->event->message.expiry != 0)
            m->expires = e->now + spread->event->message.expiry;
    }
    gw_backlog_push(e, session, spread->message, qos, claim);
}

/* Whether somebody waits for what the SUBSCRIBE brings. */
static bool listens(const struct gw_exchange *x)
{
    return !x->mute || x->fixed;
}

/* Whether this copy is for the filter; without identifiers it is for all. */
static bool is_for(const struct spread *spread, uint32_t node)
{
    const struct gw_up_event *event = spread->event;
    uint32_t identifier;

    if (!spread->engine->by_identifier || event->message.identifier_count == 0)
        return true;
    identifier = gw_filter_identifier(spread->engine, node);
    for (uint8_t i = 0; i < event->message.identifier_count; i++)
        if (event->message.identifiers[i] == identifier)
            return true;
    return false;
}

/* The highest that was granted to the session on a filter that matches: of the
 * copies that come for each of them it is given the first. Where one copy comes
 * for all it is asked of what might be dropped at QoS 0 (G12-33). */
static uint8_t granted_to(const struct spread *spread, const struct gw_sub *sub)
{
    struct gw_engine *e = spread->engine;
    uint8_t qos = sub->qos;

    if ((!e->by_identifier && (qos != 0 || spread->event->message.qos == 0)) ||
        gw_session_at(e, sub->session)->sub_count < 2)
        return qos;
    for (uint32_t i = gw_session_at(e, sub->session)->subs; i != 0;
         i = gw_sub_at(e, i)->session_next) {
        const struct gw_sub *b = gw_sub_at(e, i);
        uint32_t name = gw_filter_at(&e->filters, b->filter)->name;

        if (b->active && b->qos > qos &&
            mqttsn_filter_matches(gw_names_span(&e->names, name),
                                  spread->event->message.topic))
            qos = b->qos;
    }
    return qos;
}

static void visit_filter(void *user, uint32_t node)
{
    struct spread *spread = user;
    struct gw_engine *e = spread->engine;
    uint32_t index;

    if (!is_for(spread, node))
        return;
    for (uint32_t i = gw_filter_at(&e->filters, node)->subs_head; i != 0;
         i = gw_sub_at(e, i)->filter_next) {
        const struct gw_sub *b = gw_sub_at(e, i);

        if (b->active)
            give(spread, b->session, granted_to(spread, b), false);
    }
    /* A SUBSCRIBE is with the broker, and its SUBACK may be behind this
     * message: it waits in the queue until the SUBACK is out (G12-39). */
    index = gw_filter_at(&e->filters, node)->open_window;
    if (index == 0 || gw_window_at(e, index)->state != GW_W_HANDED)
        return;
    for (uint32_t i = gw_window_at(e, index)->claims; i != 0;
         i = gw_exchange_at(e, i)->link) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (listens(x))
            give(spread, x->session, x->qos, true);
    }
}

/* Retained: to whoever waits in the open window of the filter, and no one
 * else; the window stays open for more. */
static void visit_window(void *user, uint32_t node)
{
    struct spread *spread = user;
    struct gw_engine *e = spread->engine;
    uint32_t index = gw_filter_at(&e->filters, node)->open_window;
    struct gw_window *w;

    if (index == 0 || !is_for(spread, node))
        return;
    w = gw_window_at(e, index);
    for (uint32_t i = w->claims; i != 0; i = gw_exchange_at(e, i)->link) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (listens(x) && (x->state != GW_X_DONE ||
                           gw_sub_find(e, x->session, x->filter) != 0))
            give(spread, x->session, x->qos, true);
    }
    if (w->state == GW_W_SETTLING)
        gw_heap_set(&e->window_due, index,
                    e->now + e->policy.options.retain_settle);
}

/*
 * The process ended while this message was taken over, and its record was kept
 * already: those of its readers that were kept with it are not given it again.
 * Records are kept in order, so no other message can be half taken over.
 */
static void find_restored(struct spread *spread)
{
    struct gw_engine *e = spread->engine;
    uint32_t index = e->last_restored;
    const struct gw_message *m;

    if (index == 0 || spread->event->message.arrival == 0)
        return;
    m = gw_message_at(&e->down_messages, index);
    e->last_restored = 0;
    if (m->refs == 0 || m->number != e->last_restored_number ||
        m->arrival != spread->event->message.arrival)
        return;
    spread->message = gw_message_ref(&e->down_messages, index);
    spread->again = true;
}

/* To the session whose connection it came by: the broker has matched it. What
 * a SUBSCRIBE brings waits for its SUBACK (G12-39). */
static void visit_own(struct spread *spread, uint32_t link)
{
    struct gw_engine *e = spread->engine;
    uint32_t session = link <= e->links.high ? gw_link_at(e, link)->session : 0;

    if (session != 0)
        give(spread, session, spread->event->message.qos,
             gw_session_at(e, session)->subs_pending != 0);
}

static void take_over(struct gw_engine *e, const struct gw_up_event *event)
{
    struct spread spread = {.engine = e, .event = event};
    struct mqttsn_span name;

    e->counters.down_messages++;
    e->counters.down_answers_unwanted += event->message.wants_answer;
    if (event->connection == 0 &&
        (gw_overlap_takes(e, event) || gw_overlap_swallows(e, event)))
        return;
    if (!gw_policy_unmap(&e->policy, event->message.topic, &name)) {
        e->counters.down_foreign++;
        return;
    }
    if (!mqttsn_topic_name_valid(event->message.topic) ||
        event->message.topic.len > GW_NAME_MAX) {
        e->counters.drop_too_large++; /* no REGISTER could carry it */
        return;
    }
    spread.topic = gw_names_intern(&e->names, name);
    if (spread.topic == 0) {
        e->counters.drop_table_full++;
        gw_note_topic(e, GW_NOTE_TABLE_FULL, 0, event->message.topic, 0,
                      "names");
        return;
    }
    find_restored(&spread);
    if (event->connection != 0 || !gw_overlap_continues(e, event))
        e->visit_stamp++;
    if (event->connection != 0)
        visit_own(&spread, event->connection);
    else
        gw_filters_match(&e->filters, event->message.topic,
                         event->message.retain ? visit_window : visit_filter,
                         &spread);
    if (spread.readers == 0) {
        if (event->message.retain)
            e->counters.retained_unclaimed++;
        else
            e->counters.down_unmatched++;
    }
    /* A record of it exists only if a queue keeps it; then the queue ends it.
     */
    gw_message_unref(&e->down_messages, spread.message);
    gw_names_unref(&e->names, spread.topic);
}

void gw_downlink_message(struct gw_engine *e, const struct gw_up_event *event)
{
    uint64_t refused = e->counters.store_full;

    take_over(e, event);
    /* Behind whatever is kept of it, so that a crash in between finds one or
     * the other. */
    if (event->message.arrival != 0 && e->counters.store_full == refused)
        gw_store_forget(e, GW_RECORD_ARRIVAL, 0, event->message.arrival);
}
