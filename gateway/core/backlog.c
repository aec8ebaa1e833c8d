/* SPDX-License-Identifier: MIT */
/*
 * What waits for one node, and what gives way when there is no more room (D4).
 */
#include "deliver.h"

/* How many messages may give way to one that arrives. */
#define GIVE_WAY_MAX 32

/* How many are dropped at once because somebody wants so. */
#define PURGE_MAX 256

/* The head while it is under way, and an open QoS 2 handshake, stay. */
static bool is_fixed(const struct gw_engine *e, const struct gw_session *s,
                     uint32_t index)
{
    const struct gw_place *p = gw_place_at(e, index);

    if (p->qos == 2 && (p->flags & (GW_P_SENT | GW_P_RELEASED)))
        return true;
    return index == gw_cold(e, s)->queue_head &&
           s->down_phase != GW_DOWN_IDLE && s->down_phase != GW_DOWN_PAUSED &&
           s->down_phase != GW_DOWN_STALLED;
}

static void account(struct gw_engine *e, uint32_t session)
{
    const struct gw_cold *c = gw_cold(e, gw_session_at(e, session));

    if (c->queue_count == 0) {
        gw_heap_remove(&e->fullest, session);
        gw_cold_rests(e, session);
    } else {
        gw_heap_set(&e->fullest, session, ~(uint64_t)c->queue_bytes);
    }
}

/* Takes the place after 'before' (0: the head) out of the queue. */
static void take_out(struct gw_engine *e, uint32_t session, uint32_t before)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);
    uint32_t index = before ? gw_place_at(e, before)->next : c->queue_head;
    struct gw_place *p = gw_place_at(e, index);
    struct gw_message *m = gw_message_at(&e->down_messages, p->message);
    uint32_t number = m->number;
    bool kept = m->kept;

    if (before) {
        gw_place_at(e, before)->next = p->next;
    } else {
        c->queue_head = p->next;
        s->flags &= ~(unsigned)(GW_S_SECOND_TRY | GW_S_HEAD_COUNTED);
    }
    if (c->queue_tail == index)
        c->queue_tail = before;
    c->queue_count--;
    c->queue_bytes -= gw_message_cost(m->payload_len);
    if (p->flags & GW_P_KEPT)
        gw_store_forget(e, GW_RECORD_QUEUED, s->number, p->item);
    if (gw_message_unref(&e->down_messages, p->message) && kept)
        gw_store_forget(e, GW_RECORD_MESSAGE, 0, number);
    p->message = 0;
    gw_slab_give(&e->places, index);
    account(e, session);
}

void gw_backlog_count_drop(struct gw_engine *e, uint32_t session,
                           uint32_t topic_name, uint64_t *counter,
                           const char *reason)
{
    ++*counter;
    gw_note_topic(e, GW_NOTE_QUEUE_DROP, session,
                  gw_names_span(&e->names, topic_name),
                  gw_cold(e, gw_session_at(e, session))->queue_count, reason);
}

void gw_backlog_count_too_large(struct gw_engine *e, uint32_t session,
                                uint32_t topic_name)
{
    uint32_t topic =
        gw_topic_by_name(e, session, MQTTSN_TOPIC_NORMAL, topic_name);

    e->counters.drop_too_large++;
    if (topic != 0 && (gw_topic_at(e, topic)->flags & GW_T_TOO_LARGE))
        return;
    gw_note_topic(e, GW_NOTE_TOO_LARGE, session,
                  gw_names_span(&e->names, topic_name),
                  gw_session_max_frame(e, session), NULL);
    if (topic != 0)
        gw_topic_at(e, topic)->flags |= GW_T_TOO_LARGE;
}

static void drop_after(struct gw_engine *e, uint32_t session, uint32_t before,
                       uint64_t *counter, const char *reason)
{
    const struct gw_cold *c = gw_cold(e, gw_session_at(e, session));
    uint32_t index = before ? gw_place_at(e, before)->next : c->queue_head;

    gw_backlog_count_drop(
        e, session,
        gw_message_at(&e->down_messages, gw_place_at(e, index)->message)->topic,
        counter, reason);
    take_out(e, session, before);
}

/*
 * Drops the oldest QoS 0 message, or else the oldest, of a queue (G12-32).
 * False when everything in it must stay.
 */
static bool drop_oldest(struct gw_engine *e, uint32_t session,
                        uint64_t *counter, const char *reason)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t before = 0, oldest_before = 0;
    bool found = false;

    for (uint32_t i = gw_cold(e, s)->queue_head; i != 0;
         i = gw_place_at(e, i)->next) {
        if (!is_fixed(e, s, i)) {
            if (gw_place_at(e, i)->qos == 0) {
                drop_after(e, session, before, counter, reason);
                return true;
            }
            if (!found) {
                found = true;
                oldest_before = before;
            }
        }
        before = i;
    }
    if (found)
        drop_after(e, session, oldest_before, counter, reason);
    return found;
}

static void drop_superseded(struct gw_engine *e, uint32_t session,
                            uint32_t topic)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t before = 0, next;

    for (uint32_t i = gw_cold(e, s)->queue_head; i != 0; i = next) {
        next = gw_place_at(e, i)->next;
        if (!is_fixed(e, s, i) &&
            gw_message_at(&e->down_messages, gw_place_at(e, i)->message)
                    ->topic == topic)
            drop_after(e, session, before, &e->counters.drop_superseded,
                       "superseded");
        else
            before = i;
    }
}

uint32_t gw_backlog_purge(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    uint32_t before = 0, count = 0, next;

    for (uint32_t i = gw_cold(e, s)->queue_head;
         i != 0 && count < PURGE_MAX && !gw_store_behind(e); i = next) {
        next = gw_place_at(e, i)->next;
        if (is_fixed(e, s, i)) {
            before = i;
        } else {
            e->counters.drop_purged++;
            take_out(e, session, before);
            count++;
        }
    }
    return count;
}

bool gw_backlog_make_room(struct gw_engine *e, uint32_t session,
                          size_t payload_len)
{
    bool has_queue = gw_cold(e, gw_session_at(e, session))->queue_count != 0;

    for (unsigned n = 0; n < GIVE_WAY_MAX; n++) {
        uint64_t key, share;
        uint32_t fullest;

        if (gw_messages_fits(&e->down_messages, payload_len))
            return true;
        fullest = gw_heap_top(&e->fullest, &key);
        if (fullest == 0)
            return false;
        share = e->limits.queue_total_bytes /
                (e->fullest.count + (has_queue ? 0 : 1));
        if ((uint32_t)~key > share) {
            if (!drop_oldest(e, fullest, &e->counters.drop_fair_share,
                             "fair_share"))
                return false;
        } else if (!drop_oldest(e, session, &e->counters.drop_total_full,
                                "total_full")) {
            return false;
        }
    }
    return gw_messages_fits(&e->down_messages, payload_len);
}

static uint32_t append(struct gw_engine *e, uint32_t session, uint32_t message)
{
    uint32_t index = gw_slab_take(&e->places);
    struct gw_place *p;
    struct gw_cold *c;

    if (index == 0)
        return 0;
    p = gw_place_at(e, index);
    p->message = gw_message_ref(&e->down_messages, message);
    p->session = session;
    c = gw_warm(e, session);
    if (c->queue_tail)
        gw_place_at(e, c->queue_tail)->next = index;
    else
        c->queue_head = index;
    c->queue_tail = index;
    c->queue_count++;
    c->queue_bytes +=
        gw_message_cost(gw_message_at(&e->down_messages, message)->payload_len);
    account(e, session);
    return index;
}

uint32_t gw_backlog_push(struct gw_engine *e, uint32_t session,
                         uint32_t message, uint8_t qos, bool claim)
{
    struct gw_session *s = gw_session_at(e, session);
    const struct gw_client_settings *limits = gw_session_settings(e, session);
    const struct gw_cold *c = gw_warm(e, session);
    struct gw_message *m = gw_message_at(&e->down_messages, message);
    uint32_t cost = gw_message_cost(m->payload_len), index;

    if (limits->drop_policy == GW_DROP_LATEST_PER_TOPIC)
        drop_superseded(e, session, m->topic);
    while (c->queue_count >= limits->queue_max_messages ||
           c->queue_bytes + (uint64_t)cost > limits->queue_max_bytes) {
        /* What cannot fit makes nobody give way. */
        if (cost > limits->queue_max_bytes ||
            limits->drop_policy == GW_DROP_NEWEST ||
            !drop_oldest(e, session, &e->counters.drop_queue_full,
                         "queue_full")) {
            gw_backlog_count_drop(e, session, m->topic,
                                  &e->counters.drop_queue_full, "queue_full");
            return 0;
        }
    }
    index = append(e, session, message);
    if (index == 0) {
        gw_backlog_count_drop(e, session, m->topic,
                              &e->counters.drop_table_full, "table_full");
        return 0;
    }
    struct gw_place *p = gw_place_at(e, index);
    p->qos = qos;
    p->item = ++s->next_place_item;
    p->flags = claim ? GW_P_CLAIM : 0;
    e->counters.down_queued++;
    if (qos != 0 || s->state != GW_ACTIVE)
        gw_store_place(e, index);
    if (s->state == GW_ACTIVE || s->state == GW_AWAKE)
        gw_session_ready(e, session);
    return index;
}

uint32_t gw_backlog_restore(struct gw_engine *e, uint32_t session,
                            uint32_t item, uint32_t message, uint8_t qos,
                            uint8_t flags, uint16_t msg_id, uint8_t wakes)
{
    uint32_t index = append(e, session, message);

    if (index != 0) {
        struct gw_place *p = gw_place_at(e, index);

        p->item = item;
        p->qos = qos;
        p->flags = flags | GW_P_KEPT;
        p->msg_id = msg_id;
        p->failed_wakes = wakes;
    }
    return index;
}

void gw_backlog_pop(struct gw_engine *e, uint32_t session)
{
    gw_warm(e, session)->down_backoff = 0;
    take_out(e, session, 0);
}

void gw_backlog_drop_head(struct gw_engine *e, uint32_t session,
                          uint64_t *counter, const char *reason)
{
    gw_warm(e, session)->down_backoff = 0;
    drop_after(e, session, 0, counter, reason);
}

bool gw_backlog_drop_old(struct gw_engine *e, uint32_t session)
{
    const struct gw_place *p =
        gw_place_at(e, gw_cold(e, gw_session_at(e, session))->queue_head);
    const struct gw_message *m = gw_message_at(&e->down_messages, p->message);
    mqttsn_ms max_age = gw_session_settings(e, session)->queue_max_age;

    if (p->qos == 2 && (p->flags & GW_P_SENT))
        return false;
    if (max_age != 0 && e->now - m->received > max_age) {
        gw_backlog_drop_head(e, session, &e->counters.drop_expired, "expired");
        return true;
    }
    if (m->expires != 0 && e->now >= m->expires) {
        gw_backlog_drop_head(e, session, &e->counters.drop_message_expired,
                             "message_expired");
        return true;
    }
    return false;
}

void gw_backlog_wipe(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);

    gw_deliver_suspend(e, session);
    while (gw_cold(e, s)->queue_head != 0) {
        e->counters.drop_session_ended++;
        take_out(e, session, 0);
    }
}
