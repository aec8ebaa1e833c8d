/* SPDX-License-Identifier: MIT */
/*
 * Records as objects again. They come in the order of their kinds and numbers
 * into an engine that holds nothing yet, so blocks are taken in the order of
 * numbers: what a record refers to is found by bisection, without an index
 * that would be of no use afterwards.
 *
 * A restored message is held by the restoring itself until the last record was
 * given back; then those that nobody waits for go.
 */
#include "fixed.h"
#include "records.h"

static uint32_t number_of_session(const struct gw_engine *e, uint32_t index)
{
    return gw_session_at(e, index)->number;
}

static uint32_t number_of_message(const struct gw_engine *e, uint32_t index)
{
    return gw_message_at(&e->down_messages, index)->number;
}

/* The block of 'number' among 1..high, whose numbers rise; 0: none has it. */
static uint32_t bisect(const struct gw_engine *e, uint32_t high,
                       uint32_t (*number_of)(const struct gw_engine *,
                                             uint32_t),
                       uint32_t number)
{
    uint32_t low = 1;

    while (low <= high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found = number_of(e, middle);

        if (found == number)
            return number != 0 ? middle : 0;
        if (found < number)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return 0;
}

uint32_t gw_restore_find(const struct gw_engine *e, uint32_t number)
{
    return bisect(e, e->sessions.high, number_of_session, number);
}

static uint32_t message_of(const struct gw_engine *e, uint32_t number)
{
    return bisect(e, e->down_messages.messages.high, number_of_message, number);
}

/* ---- messages ---------------------------------------------------------- */

/* What was left of it when it was kept has become less since. */
static mqttsn_ms expiry_after(const struct gw_engine *e, uint64_t left)
{
    left = left > e->restore_age ? left - e->restore_age : 0;
    if (left == 0) /* it has run out; 0 would be never */
        return e->now != 0 ? e->now : 1;
    return e->now < MQTTSN_NEVER - left ? e->now + left : MQTTSN_NEVER;
}

static enum mqttsn_status restore_message(struct gw_engine *e, uint32_t owner,
                                          uint32_t item,
                                          struct mqttsn_reader *r)
{
    struct gw_messages *messages = &e->down_messages;
    uint32_t last = messages->messages.high, topic, index;
    uint8_t flags = mqttsn_read_u8(r);
    uint32_t arrival = gw_rec_read_u32(r);
    uint64_t age = gw_rec_read_u64(r);
    uint64_t left = flags & GW_REC_EXPIRES ? gw_rec_read_u64(r) : 0;
    struct mqttsn_span name = gw_rec_read_text(r),
                       payload = mqttsn_read_rest(r);
    struct gw_message *m;

    if (mqttsn_reader_finish(r) != MQTTSN_OK || owner != 0 || item == 0 ||
        flags > (GW_REC_RETAINED | GW_REC_EXPIRES) ||
        (last != 0 && number_of_message(e, last) >= item) ||
        payload.len > 65535 || name.len > GW_NAMES_LONGEST ||
        !mqttsn_topic_name_valid(name))
        return MQTTSN_EFIELD;
    topic = gw_names_intern(&e->names, name);
    if (topic == 0)
        return MQTTSN_ENOSPACE;
    /* The clock may be younger than the message: the difference still is. */
    index =
        gw_message_new(messages, topic, payload, (flags & GW_REC_RETAINED) != 0,
                       e->now - age - e->restore_age);
    gw_names_unref(&e->names, topic);
    if (index == 0)
        return MQTTSN_ENOSPACE;
    m = gw_message_at(messages, index);
    m->number = item;
    m->kept = true;
    m->arrival = arrival;
    if (flags & GW_REC_EXPIRES)
        m->expires = expiry_after(e, left);
    e->last_restored = index;
    e->last_restored_number = item;
    messages->next_number = item == UINT32_MAX ? 1 : item + 1;
    return MQTTSN_OK;
}

static enum mqttsn_status restore_place(struct gw_engine *e, uint32_t owner,
                                        uint32_t item, struct mqttsn_reader *r)
{
    uint32_t session = gw_restore_find(e, owner);
    uint32_t message = message_of(e, gw_rec_read_u32(r));
    uint8_t qos = mqttsn_read_u8(r), flags = mqttsn_read_u8(r);
    uint16_t msg_id = mqttsn_read_u16(r);
    uint8_t wakes = mqttsn_read_u8(r);
    struct gw_session *s;

    if (mqttsn_reader_finish(r) != MQTTSN_OK || qos > 2 || item == 0)
        return MQTTSN_EFIELD;
    if (session == 0 || message == 0) {
        /* What it belongs to had no room, or is lost. */
        if (session == 0)
            e->counters.drop_table_full++;
        else
            e->counters.drop_total_full++;
        return MQTTSN_ENOTFOUND;
    }
    /* Its MsgId was kept so that it could be sent: it may have been. */
    if (qos == 2 && msg_id != 0)
        flags |= GW_P_SENT;
    /* No SUBSCRIBE is under way any more, so nothing is claimed. */
    flags = (uint8_t)((flags & (GW_P_SENT | GW_P_RELEASED)) | GW_P_KEPT);
    if (gw_backlog_restore(e, session, item, message, qos, flags, msg_id,
                           wakes) == 0) {
        e->counters.drop_table_full++;
        return MQTTSN_ENOSPACE;
    }
    s = gw_session_at(e, session);
    if (s->next_place_item <= item)
        s->next_place_item = item + 1;
    /* The session's record is older than that of its message. */
    if (msg_id != 0 && (uint16_t)(msg_id - s->next_msg_id) < 0x8000)
        s->next_msg_id = msg_id;
    return MQTTSN_OK;
}

/* ---- filters ----------------------------------------------------------- */

static enum mqttsn_status restore_filter(struct gw_engine *e, uint32_t owner,
                                         uint32_t item, struct mqttsn_reader *r)
{
    struct mqttsn_span name = mqttsn_read_rest(r);

    if (mqttsn_reader_finish(r) != MQTTSN_OK || owner != 0)
        return MQTTSN_EFIELD;
    if (item == GW_RECORD_SWEEP) {
        if (name.len != 0)
            return MQTTSN_EFIELD;
        gw_windows_restore_sweep(e);
        return MQTTSN_OK;
    }
    if (name.len > GW_NAME_MAX || !mqttsn_filter_valid(name))
        return MQTTSN_EFIELD;
    return gw_windows_restore(e, name) ? MQTTSN_OK : MQTTSN_ENOSPACE;
}

void gw_engine_restore_age(struct gw_engine *engine, mqttsn_ms age)
{
    engine->restore_age = age;
}

enum mqttsn_status gw_engine_restore(struct gw_engine *engine, uint8_t kind,
                                     uint32_t owner, uint32_t item,
                                     struct mqttsn_span bytes, mqttsn_ms now)
{
    struct mqttsn_reader r;
    uint8_t version;

    engine->now = now;
    mqttsn_reader_init(&r, bytes);
    version = mqttsn_read_u8(&r);
    if (version > GW_REC_VERSION)
        return MQTTSN_EPROTO;
    if (version != GW_REC_VERSION)
        return MQTTSN_EFIELD;
    switch ((enum gw_record_kind)kind) {
    case GW_RECORD_SESSION:
        return gw_restore_session(engine, owner, item, &r);
    case GW_RECORD_WILL:
        return gw_restore_will(engine, owner, item, &r);
    case GW_RECORD_TOPIC:
        return gw_restore_topic(engine, owner, item, &r);
    case GW_RECORD_SUBSCRIPTION:
        return gw_restore_sub(engine, owner, item, &r);
    case GW_RECORD_MESSAGE:
        return restore_message(engine, owner, item, &r);
    case GW_RECORD_QUEUED:
        return restore_place(engine, owner, item, &r);
    case GW_RECORD_EXCHANGE:
        return gw_restore_exchange(engine, owner, item, &r);
    case GW_RECORD_FILTER:
        return restore_filter(engine, owner, item, &r);
    }
    return MQTTSN_EPROTO;
}

uint64_t gw_engine_held(struct gw_engine *engine, uint32_t owner, uint32_t item)
{
    uint32_t index = bisect(engine, engine->exchanges.high,
                            gw_restore_number_of_exchange, item);
    uint32_t last = (uint32_t)engine->next_place;

    /* Without a record it is still the number of something else. */
    if (owner == 0 && item > last)
        engine->next_place += item - last;
    return index != 0 && owner == 0 ? gw_uplink_held(engine, index) : 0;
}

/* ---- the end of it ----------------------------------------------------- */

/* Who was awake has gone back to sleep by now; who was half-way through its
 * CONNECT will begin again. */
static void settle(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);
    enum gw_state state = (enum gw_state)s->state;

    if (state == GW_AWAKE)
        state = GW_ASLEEP;
    if (state == GW_HALF_OPEN && (s->flags & GW_S_KNOWN))
        state = GW_DISCONNECTED;
    if (state == GW_HALF_OPEN ||
        ((s->flags & GW_S_CLEAN) &&
         (state == GW_DISCONNECTED || state == GW_LOST))) {
        gw_session_end(e, index);
        return;
    }
    s->flags |= GW_S_KNOWN;
    gw_session_enter(e, index, state);
    if (state == GW_ACTIVE)
        gw_session_ready(e, index);
}

void gw_engine_restored(struct gw_engine *engine, mqttsn_ms now)
{
    struct gw_messages *messages = &engine->down_messages;
    uint32_t message_count = messages->messages.high;

    engine->now = now;
    for (uint32_t i = 1; i <= engine->sessions.high; i++) {
        if (number_of_session(engine, i) != 0)
            settle(engine, i);
    }
    for (uint32_t i = 1; i <= message_count; i++) {
        uint32_t number = number_of_message(engine, i);

        if (gw_message_unref(messages, i))
            gw_store_forget(engine, GW_RECORD_MESSAGE, 0, number);
    }
    if (engine->policy.fixed.count != 0)
        gw_fixed_look_at_all(engine);
    gw_fixed_on_deadline(engine);
}
