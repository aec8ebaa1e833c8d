/* SPDX-License-Identifier: MIT */
/*
 * Publishes that were not finished. With a durable store whatever was stored
 * may have been acknowledged, so all of it is the gateway's; without one, as
 * tests restore, each goes on where it was.
 */
#include "records.h"

struct exchange_record {
    uint8_t flags, qos, topic_type;
    uint16_t msg_id, topic_id;
    uint64_t hash, place, age;
    uint32_t number; /* of its session */
    struct mqttsn_span client, topic, payload;
};

uint32_t gw_restore_number_of_exchange(const struct gw_engine *e,
                                       uint32_t index)
{
    return gw_exchange_at(e, index)->generation;
}

static bool read_record(struct mqttsn_reader *r, uint32_t item,
                        struct exchange_record *ret)
{
    bool done;

    memset(ret, 0, sizeof(*ret));
    ret->flags = mqttsn_read_u8(r);
    ret->qos = mqttsn_read_u8(r);
    ret->topic_type = mqttsn_read_u8(r);
    ret->msg_id = mqttsn_read_u16(r);
    ret->topic_id = mqttsn_read_u16(r);
    ret->hash = gw_rec_read_u64(r);
    ret->number = gw_rec_read_u32(r);
    ret->place = (uint64_t)gw_rec_read_u32(r) << 32 | item;
    ret->age = gw_rec_read_u64(r);
    ret->client = gw_rec_read_text(r);
    ret->topic = gw_rec_read_text(r);
    ret->payload = mqttsn_read_rest(r);
    done = ret->flags & GW_REC_DONE;
    return mqttsn_reader_finish(r) == MQTTSN_OK && ret->qos >= 1 &&
           ret->qos <= 2 && ret->payload.len <= 65535 &&
           ret->client.len <= GW_NAMES_LONGEST &&
           (done ? ret->qos == 2 && (ret->flags & GW_REC_ATTACHED)
                 : ret->topic.len <= GW_NAME_MAX &&
                       mqttsn_topic_name_valid(ret->topic));
}

/* Its message and, with a durable store, in whose order it stands. */
static bool take_message(struct gw_engine *e, uint32_t index,
                         const struct exchange_record *rec)
{
    struct gw_exchange *x = gw_exchange_at(e, index);
    uint32_t topic = gw_names_intern(&e->names, rec->topic);

    if (topic == 0)
        return false;
    x->message = gw_message_new(&e->up_messages, topic, rec->payload,
                                (rec->flags & GW_REC_RETAIN) != 0,
                                e->now - rec->age - e->restore_age);
    gw_names_unref(&e->names, topic);
    if (x->message == 0)
        return false;
    if (e->policy.options.durable && rec->client.len != 0) {
        x->client = gw_names_intern(&e->names, rec->client);
        if (x->client == 0) {
            gw_message_unref(&e->up_messages, x->message);
            return false;
        }
    }
    return true;
}

static void attach(struct gw_engine *e, uint32_t index, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->session = session;
    x->next = s->exchanges;
    s->exchanges = index;
    x->counted = true;
    s->exchange_count++;
    if (x->state == GW_X_DONE || x->owned)
        return;
    x->due = e->now + e->policy.options.upstream_timeout;
    gw_session_arm(e, session, x->due);
}

/* In which line it waits, and who is still told. */
static void put(struct gw_engine *e, uint32_t index, uint32_t session)
{
    struct gw_exchange *x = gw_exchange_at(e, index);

    x->owned = e->policy.options.durable;
    if (x->message == 0) {
        x->state = GW_X_DONE;
    } else if (x->owned) {
        gw_forward_stow(e, index);
        gw_line_insert(e, index, GW_LINE_LATE);
    } else {
        gw_line_insert(e, index, GW_LINE_LIVE);
    }
    if (session == 0)
        return;
    if (x->owned && x->qos == 1)
        gw_uplink_remember(e, session, x); /* it may not have heard of it */
    else
        attach(e, index, session);
}

/* What was stored was acknowledged. */
static enum mqttsn_status no_room(struct gw_engine *e,
                                  const struct exchange_record *rec)
{
    if (e->policy.options.durable && !(rec->flags & GW_REC_DONE))
        e->counters.up_drop_full++;
    return MQTTSN_ENOSPACE;
}

/* Its session; 0: that has ended, and its number may be another node's by now.
 * Which node it was is kept by a durable store only. */
static uint32_t session_of(const struct gw_engine *e,
                           const struct exchange_record *rec)
{
    uint32_t session = gw_restore_find(e, rec->number);
    uint32_t id = session != 0 ? gw_session_at(e, session)->client_id : 0;

    if (rec->client.len == 0 ||
        mqttsn_span_equal(rec->client, gw_names_span(&e->names, id)))
        return session;
    return 0;
}

enum mqttsn_status gw_restore_exchange(struct gw_engine *e, uint32_t owner,
                                       uint32_t item, struct mqttsn_reader *r)
{
    struct exchange_record rec;
    uint32_t last = e->exchanges.high, session = 0, index;
    struct gw_exchange *x;

    if (!read_record(r, item, &rec) || owner != 0 || item == 0 ||
        (last != 0 && gw_restore_number_of_exchange(e, last) >= item))
        return MQTTSN_EFIELD;
    if (rec.flags & GW_REC_ATTACHED) {
        session = session_of(e, &rec);
        /* What was acknowledged outlives its session. */
        if (session == 0 &&
            ((rec.flags & GW_REC_DONE) || !e->policy.options.durable))
            return MQTTSN_ENOTFOUND;
    }
    index = gw_exchange_new(e, 0, GW_X_PUBLISH);
    if (index == 0)
        return no_room(e, &rec);
    x = gw_exchange_at(e, index);
    if (!(rec.flags & GW_REC_DONE) && !take_message(e, index, &rec)) {
        x->kind = GW_X_NONE;
        gw_slab_give(&e->exchanges, index);
        return no_room(e, &rec);
    }
    x->owner = rec.number;
    x->kept = x->recorded = true;
    x->generation = item;
    x->place = rec.place;
    if (e->next_place < rec.place)
        e->next_place = rec.place;
    x->qos = rec.qos;
    x->retain = (rec.flags & GW_REC_RETAIN) != 0;
    x->topic_type = rec.topic_type;
    x->topic_id = rec.topic_id;
    x->msg_id = rec.msg_id;
    x->hash = rec.hash;
    x->mute = (rec.flags & GW_REC_MUTE) != 0;
    x->dup_only = (rec.flags & GW_REC_DUP_ONLY) != 0;
    put(e, index, session);
    return MQTTSN_OK;
}
