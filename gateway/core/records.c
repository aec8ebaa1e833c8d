/* SPDX-License-Identifier: MIT */
/*
 * Objects as records. An operation is only numbered when it is queued; the
 * octets are made when the store comes to take it, from what the object is by
 * then. It may be gone, and its block another's: so each is asked for the
 * number it was queued under.
 */
#include "records.h"

#include "mqttsn/writer.h"

static void write_u32(struct mqttsn_writer *w, uint32_t value)
{
    mqttsn_write_u16(w, (uint16_t)(value >> 16));
    mqttsn_write_u16(w, (uint16_t)(value & 0xffff));
}

static void write_u64(struct mqttsn_writer *w, uint64_t value)
{
    write_u32(w, (uint32_t)(value >> 32));
    write_u32(w, (uint32_t)(value & 0xffffffff));
}

static void write_text(struct mqttsn_writer *w, struct mqttsn_span text)
{
    mqttsn_write_u16(w, (uint16_t)text.len);
    mqttsn_write_bytes(w, text);
}

static uint8_t flag_if(bool condition, unsigned flag)
{
    return condition ? (uint8_t)flag : 0;
}

/* Whether the block holds the session of that number. */
static bool is_session(const struct gw_engine *e, uint32_t index,
                       uint32_t number)
{
    return number != 0 && index != 0 && index <= e->sessions.high &&
           gw_session_at(e, index)->number == number;
}

static bool write_session(const struct gw_engine *e,
                          const struct gw_store_entry *entry,
                          struct mqttsn_writer *w)
{
    const struct gw_session *s = gw_session_at(e, entry->ref);
    const struct gw_via *via;
    bool bound;

    if (!is_session(e, entry->ref, entry->owner))
        return false;
    via = gw_via_at(&e->vias, s->via);
    bound = s->addr.family != 0;
    mqttsn_write_u8(w, s->state);
    mqttsn_write_u8(w, flag_if(s->flags & GW_S_CLEAN, GW_REC_CLEAN) |
                           flag_if(s->flags & GW_S_KNOWN, GW_REC_KNOWN) |
                           flag_if(bound, GW_REC_BOUND));
    mqttsn_write_u16(w, s->keepalive_s);
    mqttsn_write_u16(w, s->sleep_s);
    mqttsn_write_u16(w, s->next_topic_id);
    mqttsn_write_u16(w, s->next_msg_id);
    write_u32(w, s->next_sub_item);
    write_u32(w, s->next_place_item);
    write_u32(w, s->connection);
    /* Without address, 'addr' is the host it had last (D5). */
    mqttsn_write_u8(w, bound ? s->addr.family : s->last_family);
    mqttsn_write_u16(w, s->addr.port);
    write_u32(w, s->addr.scope);
    mqttsn_write_bytes(w, mqttsn_span(s->addr.ip, sizeof(s->addr.ip)));
    mqttsn_write_u16(w, via->listener);
    mqttsn_write_bytes(w, mqttsn_span(via->local_ip, sizeof(via->local_ip)));
    write_text(w, gw_names_span(&e->names, s->client_id));
    write_text(w, gw_names_span(&e->names, s->node_id));
    return true;
}

static bool write_will(const struct gw_engine *e,
                       const struct gw_store_entry *entry,
                       struct mqttsn_writer *w)
{
    const struct gw_session *s = gw_session_at(e, entry->ref);

    if (!is_session(e, entry->ref, entry->owner) ||
        !(s->flags & (GW_S_WILL | GW_S_WILL_MSG)))
        return false;
    mqttsn_write_u8(
        w, flag_if(s->flags & GW_S_WILL, GW_REC_TOPIC) |
               flag_if(s->flags & GW_S_WILL_MSG, GW_REC_MESSAGE) |
               flag_if(s->flags & GW_S_WILL_RETAIN, GW_REC_WILL_RETAIN));
    mqttsn_write_u8(w, gw_cold(e, s)->will_qos);
    write_text(w, gw_names_span(&e->names, gw_cold(e, s)->will_topic));
    mqttsn_write_bytes(w,
                       gw_names_span(&e->names, gw_cold(e, s)->will_message));
    return true;
}

static bool write_topic(const struct gw_engine *e,
                        const struct gw_store_entry *entry,
                        struct mqttsn_writer *w)
{
    const struct gw_topic *t = gw_topic_at(e, entry->ref);

    if (((uint32_t)t->type << 16 | t->id) != entry->item ||
        !is_session(e, t->session, entry->owner) ||
        gw_topic_by_id(e, t->session, t->type, t->id) != entry->ref)
        return false;
    mqttsn_write_u8(w, t->flags & (uint8_t)~GW_T_NEW);
    write_u32(w, t->announced);
    mqttsn_write_bytes(w, gw_names_span(&e->names, t->name));
    return true;
}

static bool write_sub(const struct gw_engine *e,
                      const struct gw_store_entry *entry,
                      struct mqttsn_writer *w)
{
    const struct gw_sub *b = gw_sub_at(e, entry->ref);
    size_t prefix;

    if (b->item != entry->item || !is_session(e, b->session, entry->owner) ||
        gw_sub_find(e, b->session, b->filter) != entry->ref)
        return false;
    prefix = gw_policy_prefix_len(
        &e->policy,
        gw_names_span(&e->names, gw_session_at(e, b->session)->client_id));
    mqttsn_write_u8(w, b->type | flag_if(prefix != 0, GW_REC_PREFIXED) |
                           flag_if(b->fixed, GW_REC_FIXED) |
                           flag_if(b->fixed && b->asked, GW_REC_BOTH));
    mqttsn_write_u8(w, b->qos);
    mqttsn_write_u16(w, b->topic_id);
    if (prefix != 0)
        mqttsn_write_u16(w, (uint16_t)prefix);
    mqttsn_write_bytes(
        w,
        gw_names_span(&e->names, gw_filter_at(&e->filters, b->filter)->name));
    return true;
}

static bool write_place(const struct gw_engine *e,
                        const struct gw_store_entry *entry,
                        struct mqttsn_writer *w)
{
    const struct gw_place *p = gw_place_at(e, entry->ref);

    if (p->item != entry->item || p->message == 0 ||
        !is_session(e, p->session, entry->owner))
        return false;
    write_u32(w, gw_message_at(&e->down_messages, p->message)->number);
    mqttsn_write_u8(w, p->qos);
    mqttsn_write_u8(w, p->flags & (uint8_t)~GW_P_UNSURE);
    mqttsn_write_u16(w, p->msg_id);
    mqttsn_write_u8(w, p->failed_wakes);
    return true;
}

/* All of a message but its payload, which comes last. */
static bool write_message(const struct gw_engine *e,
                          const struct gw_store_entry *entry,
                          struct mqttsn_writer *w)
{
    const struct gw_message *m = gw_message_at(&e->down_messages, entry->ref);

    if (m->number != entry->item || m->refs == 0)
        return false;
    mqttsn_write_u8(w, flag_if(m->retain, GW_REC_RETAINED) |
                           flag_if(m->expires != 0, GW_REC_EXPIRES));
    write_u32(w, m->arrival);
    write_u64(w, e->now - m->received);
    if (m->expires != 0)
        write_u64(w, m->expires > e->now ? m->expires - e->now : 0);
    write_text(w, gw_names_span(&e->names, m->topic));
    return true;
}

static bool write_exchange(const struct gw_engine *e,
                           const struct gw_store_entry *entry,
                           struct mqttsn_writer *w)
{
    const struct gw_exchange *x = gw_exchange_at(e, entry->ref);
    mqttsn_ms received = e->now;
    uint32_t topic = 0;

    if (x->generation != entry->item || x->kind != GW_X_PUBLISH || x->qos == 0)
        return false;
    if (x->state != GW_X_DONE) {
        const struct gw_message *m = gw_message_at(&e->up_messages, x->message);

        topic = m->topic;
        received = m->received;
    }
    mqttsn_write_u8(w, flag_if(x->state == GW_X_DONE, GW_REC_DONE) |
                           flag_if(x->retain, GW_REC_RETAIN) |
                           flag_if(x->mute, GW_REC_MUTE) |
                           flag_if(x->dup_only, GW_REC_DUP_ONLY) |
                           flag_if(x->session != 0, GW_REC_ATTACHED));
    mqttsn_write_u8(w, x->qos);
    mqttsn_write_u8(w, x->topic_type);
    mqttsn_write_u16(w, x->msg_id);
    mqttsn_write_u16(w, x->topic_id);
    write_u64(w, x->hash);
    write_u32(w, x->owner);
    write_u32(w, (uint32_t)(x->place >> 32));
    write_u64(w, e->now - received);
    write_text(w, gw_names_span(&e->names, x->client));
    write_text(w, gw_names_span(&e->names, topic));
    return true;
}

uint32_t gw_record_filter_item(const struct gw_engine *e, uint32_t filter)
{
    struct mqttsn_span name =
        gw_names_span(&e->names, gw_filter_at(&e->filters, filter)->name);
    uint32_t item = (uint32_t)gw_lasting_hash(name.data, name.len);

    return item != GW_RECORD_SWEEP ? item : 1;
}

static bool write_filter(const struct gw_engine *e,
                         const struct gw_store_entry *entry,
                         struct mqttsn_writer *w)
{
    const struct gw_filter *f;

    if (entry->item == GW_RECORD_SWEEP)
        return true;
    f = gw_filter_at(&e->filters, entry->ref);
    if (f->name == 0 || gw_record_filter_item(e, entry->ref) != entry->item)
        return false;
    mqttsn_write_bytes(w, gw_names_span(&e->names, f->name));
    return true;
}

/* Behind the rest of its record. */
static size_t append_payload(const struct gw_messages *messages, uint32_t index,
                             uint8_t *buf, size_t cap, size_t len)
{
    const struct gw_message *m;

    if (index == 0)
        return len;
    m = gw_message_at(messages, index);
    if (m->payload_len > cap - len)
        return 0;
    gw_message_copy(messages, m, buf + len);
    return len + m->payload_len;
}

size_t gw_record_encode(struct gw_engine *e, const struct gw_store_entry *entry,
                        uint8_t *buf, size_t cap)
{
    struct mqttsn_writer w;
    bool there = false;
    size_t len;

    mqttsn_writer_init(&w, buf, cap);
    mqttsn_write_u8(&w, GW_REC_VERSION);
    switch ((enum gw_record_kind)entry->kind) {
    case GW_RECORD_SESSION:
        there = write_session(e, entry, &w);
        break;
    case GW_RECORD_WILL:
        there = write_will(e, entry, &w);
        break;
    case GW_RECORD_TOPIC:
        there = write_topic(e, entry, &w);
        break;
    case GW_RECORD_SUBSCRIPTION:
        there = write_sub(e, entry, &w);
        break;
    case GW_RECORD_MESSAGE:
        there = write_message(e, entry, &w);
        break;
    case GW_RECORD_QUEUED:
        there = write_place(e, entry, &w);
        break;
    case GW_RECORD_EXCHANGE:
        there = write_exchange(e, entry, &w);
        break;
    case GW_RECORD_FILTER:
        there = write_filter(e, entry, &w);
        break;
    }
    if (!there || mqttsn_writer_finish(&w, &len) != MQTTSN_OK)
        return 0;
    if (entry->kind == GW_RECORD_MESSAGE)
        return append_payload(&e->down_messages, entry->ref, buf, cap, len);
    if (entry->kind == GW_RECORD_EXCHANGE)
        return append_payload(&e->up_messages,
                              gw_exchange_at(e, entry->ref)->message, buf, cap,
                              len);
    return len;
}
