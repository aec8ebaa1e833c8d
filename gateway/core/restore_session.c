/* SPDX-License-Identifier: MIT */
/* A session and what is the node's alone: its will, topics, subscriptions. */
#include "fixed.h"
#include "records.h"

#define NODE_ID_MAX 252

static void read_ip(struct mqttsn_reader *r, uint8_t ret_ip[16])
{
    struct mqttsn_span ip = mqttsn_read_bytes(r, 16);

    if (ip.len == 16)
        memcpy(ret_ip, ip.data, 16);
}

/* ---- sessions ---------------------------------------------------------- */

struct session_record {
    uint8_t state, flags;
    uint16_t keepalive_s, sleep_s, next_topic_id, next_msg_id;
    uint32_t next_sub_item, next_place_item, connection;
    struct gw_addr addr;
    struct gw_via via;
    struct mqttsn_span client_id, node_id;
};

static bool read_session(struct mqttsn_reader *r, struct session_record *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->state = mqttsn_read_u8(r);
    ret->flags = mqttsn_read_u8(r);
    ret->keepalive_s = mqttsn_read_u16(r);
    ret->sleep_s = mqttsn_read_u16(r);
    ret->next_topic_id = mqttsn_read_u16(r);
    ret->next_msg_id = mqttsn_read_u16(r);
    ret->next_sub_item = gw_rec_read_u32(r);
    ret->next_place_item = gw_rec_read_u32(r);
    ret->connection = gw_rec_read_u32(r);
    ret->addr.family = ret->via.family = mqttsn_read_u8(r);
    ret->addr.port = mqttsn_read_u16(r);
    ret->addr.scope = gw_rec_read_u32(r);
    read_ip(r, ret->addr.ip);
    ret->via.listener = mqttsn_read_u16(r);
    read_ip(r, ret->via.local_ip);
    ret->client_id = gw_rec_read_text(r);
    ret->node_id = gw_rec_read_text(r);
    return mqttsn_reader_finish(r) == MQTTSN_OK && ret->state <= GW_LOST &&
           (ret->addr.family == 0 || ret->addr.family == 4 ||
            ret->addr.family == 6) &&
           ret->client_id.len >= 1 && ret->client_id.len <= GW_NAMES_LONGEST &&
           ret->node_id.len <= NODE_ID_MAX;
}

/* Where it was last; its address only if it is still connected there. */
static void place_session(struct gw_engine *e, uint32_t index,
                          const struct session_record *rec, uint32_t node)
{
    struct gw_session *s = gw_session_at(e, index);
    struct gw_peer peer = {.addr = rec->addr,
                           .via = rec->via,
                           .node_id = rec->node_id,
                           .node_ref = node};

    if (peer.via.listener >= e->policy.options.listener_count)
        peer.via.listener = 0; /* there are fewer of them now */
    if ((rec->flags & GW_REC_BOUND) && rec->addr.family != 0 &&
        gw_session_connected(s)) {
        /* The node id is held by the caller: there is room for it. */
        (void)gw_session_bind(e, index, &peer);
        return;
    }
    s->addr = peer.addr;
    s->addr.family = 0;
    s->last_family = peer.addr.family;
    gw_via_set(&e->vias, &s->via, &peer.via);
    s->node_id = gw_names_ref(&e->names, node);
}

enum mqttsn_status gw_restore_session(struct gw_engine *e, uint32_t owner,
                                      uint32_t item, struct mqttsn_reader *r)
{
    struct session_record rec;
    uint32_t last = e->sessions.high, node = 0, index;
    struct gw_session *s;

    if (!read_session(r, &rec) || item != 0 || owner == 0 ||
        (last != 0 && gw_session_at(e, last)->number >= owner))
        return MQTTSN_EFIELD;
    if (e->sessions.used == e->sessions.capacity)
        return MQTTSN_ENOSPACE;
    if (rec.node_id.len != 0) {
        node = gw_names_intern(&e->names, rec.node_id);
        if (node == 0)
            return MQTTSN_ENOSPACE;
    }
    index = gw_session_new(e, rec.client_id);
    if (index == 0) {
        gw_names_unref(&e->names, node);
        return MQTTSN_ENOSPACE;
    }
    gw_session_outlives(e, index);
    gw_session_heard(e, index); /* it gives way to nobody */
    s = gw_session_at(e, index);
    s->number = owner;
    if (e->next_session_number < owner)
        e->next_session_number = owner;
    s->flags |= rec.flags & GW_REC_CLEAN ? GW_S_CLEAN : 0;
    s->flags |= rec.flags & GW_REC_KNOWN ? GW_S_KNOWN : 0;
    gw_session_set_state(e, index, (enum gw_state)rec.state);
    s->keepalive_s = rec.keepalive_s;
    s->sleep_s = rec.sleep_s;
    s->next_topic_id = rec.next_topic_id;
    s->next_msg_id = rec.next_msg_id;
    s->next_sub_item = rec.next_sub_item;
    s->next_place_item = rec.next_place_item;
    s->connection = rec.connection ? rec.connection : 1;
    place_session(e, index, &rec, node);
    gw_names_unref(&e->names, node);
    return MQTTSN_OK;
}

enum mqttsn_status gw_restore_will(struct gw_engine *e, uint32_t owner,
                                   uint32_t item, struct mqttsn_reader *r)
{
    uint32_t session = gw_restore_find(e, owner), topic = 0, message = 0;
    uint8_t flags = mqttsn_read_u8(r), qos = mqttsn_read_u8(r);
    struct mqttsn_span topic_name = gw_rec_read_text(r),
                       octets = mqttsn_read_rest(r);
    struct gw_session *s;
    struct gw_cold *c;

    if (mqttsn_reader_finish(r) != MQTTSN_OK || item != 0 || qos > 2 ||
        octets.len > GW_NAMES_LONGEST || topic_name.len > GW_NAME_MAX ||
        ((flags & GW_REC_TOPIC) && !mqttsn_topic_name_valid(topic_name)))
        return MQTTSN_EFIELD;
    if (session == 0)
        return MQTTSN_ENOTFOUND;
    if (flags & GW_REC_TOPIC)
        topic = gw_names_intern(&e->names, topic_name);
    if ((flags & GW_REC_MESSAGE) && octets.len != 0)
        message = gw_names_intern(&e->names, octets);
    if (((flags & GW_REC_TOPIC) && topic == 0) ||
        ((flags & GW_REC_MESSAGE) && octets.len != 0 && message == 0)) {
        gw_names_unref(&e->names, topic);
        gw_names_unref(&e->names, message);
        return MQTTSN_ENOSPACE;
    }
    gw_will_delete(e, session);
    s = gw_session_at(e, session);
    c = gw_warm(e, session);
    c->will_topic = topic;
    c->will_message = message;
    c->will_qos = qos;
    s->flags |= flags & GW_REC_TOPIC ? GW_S_WILL : 0;
    s->flags |= flags & GW_REC_MESSAGE ? GW_S_WILL_MSG : 0;
    s->flags |= flags & GW_REC_WILL_RETAIN ? GW_S_WILL_RETAIN : 0;
    return MQTTSN_OK;
}

/* ---- what a session knows and wants ------------------------------------ */

enum mqttsn_status gw_restore_topic(struct gw_engine *e, uint32_t owner,
                                    uint32_t item, struct mqttsn_reader *r)
{
    uint32_t session = gw_restore_find(e, owner);
    uint8_t flags = mqttsn_read_u8(r);
    uint32_t announced = gw_rec_read_u32(r), topic;
    struct mqttsn_span name = mqttsn_read_rest(r);
    uint8_t type = (uint8_t)(item >> 16);
    uint16_t id = (uint16_t)(item & 0xffff);
    struct gw_session *s;

    if (mqttsn_reader_finish(r) != MQTTSN_OK || item >> 17 != 0 || id == 0 ||
        id == 0xffff || name.len > GW_NAME_MAX ||
        !mqttsn_topic_name_valid(name))
        return MQTTSN_EFIELD;
    if (session == 0)
        return MQTTSN_ENOTFOUND;
    if (gw_topic_by_id(e, session, type, id) != 0)
        return MQTTSN_EFIELD;
    topic = gw_topic_restore(e, session, type, id, name, flags);
    if (topic == 0)
        return MQTTSN_ENOSPACE;
    gw_topic_at(e, topic)->announced = announced;
    /* Sessions are not stored for every id that they give. */
    s = gw_session_at(e, session);
    if (type == MQTTSN_TOPIC_NORMAL && s->next_topic_id <= id)
        s->next_topic_id = (uint16_t)(id + 1);
    return MQTTSN_OK;
}

struct sub_record {
    uint8_t type, qos;
    bool fixed, asked;
    uint16_t topic_id;
    struct mqttsn_span told;   /* the broker was told this */
    struct mqttsn_span filter; /* its part that the node asked for */
};

static bool read_sub(struct mqttsn_reader *r, uint32_t item,
                     struct sub_record *ret)
{
    uint8_t type = mqttsn_read_u8(r);
    size_t prefix = 0;

    ret->fixed = (type & GW_REC_FIXED) != 0;
    ret->asked = !ret->fixed || (type & GW_REC_BOTH) != 0;
    ret->type =
        type & (uint8_t) ~(GW_REC_PREFIXED | GW_REC_FIXED | GW_REC_BOTH);
    ret->qos = mqttsn_read_u8(r);
    ret->topic_id = mqttsn_read_u16(r);
    if (type & GW_REC_PREFIXED)
        prefix = mqttsn_read_u16(r);
    ret->told = mqttsn_read_rest(r);
    if (mqttsn_reader_finish(r) != MQTTSN_OK || prefix >= ret->told.len)
        return false;
    ret->filter = mqttsn_span(ret->told.data + prefix, ret->told.len - prefix);
    return ret->type <= MQTTSN_TOPIC_SHORT && ret->qos <= 2 && item != 0 &&
           ret->told.len <= GW_NAME_MAX && mqttsn_filter_valid(ret->told) &&
           mqttsn_filter_valid(ret->filter);
}

/* The broker was told of this filter, and nobody wants it any more. */
static bool forsake(struct gw_engine *e, struct mqttsn_span filter)
{
    uint32_t node = gw_filter_use(e, filter, true);

    if (node == 0)
        return false;
    gw_filter_at(&e->filters, node)->up_state = GW_F_UP;
    gw_filter_release(e, node, true);
    return true;
}

/* The next connection to the broker begins with it. */
static void tell(struct gw_engine *e, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(&e->filters, filter);

    if (f->up_state == GW_F_NONE)
        f->untold = e->untold = true;
}

/*
 * With another prefix than before the filter is another one at the broker,
 * which is told of it, and that nobody wants the old one. The store hears of it
 * when the broker has; until then a further restart finds what this one found.
 */
enum mqttsn_status gw_restore_sub(struct gw_engine *e, uint32_t owner,
                                  uint32_t item, struct mqttsn_reader *r)
{
    uint32_t session = gw_restore_find(e, owner), node, sub;
    struct mqttsn_span mapped;
    char buf[GW_NAME_MAX];
    struct sub_record rec;
    struct gw_session *s;
    bool told;

    if (!read_sub(r, item, &rec))
        return MQTTSN_EFIELD;
    if (session == 0)
        return MQTTSN_ENOTFOUND;
    s = gw_session_at(e, session);
    mapped = gw_policy_map(&e->policy, s->client_id, rec.filter, buf);
    told = mqttsn_span_equal(mapped, rec.told);
    if (!told && !forsake(e, rec.told))
        return MQTTSN_ENOSPACE;
    if (mapped.len == 0) {
        /* Its node can have no topics any more. */
        gw_store_forget(e, GW_RECORD_SUBSCRIPTION, owner, item);
        return MQTTSN_OK;
    }
    node = gw_filters_find(&e->filters, mapped);
    if (node != 0 && gw_sub_find(e, session, node) != 0)
        return MQTTSN_EFIELD;
    sub = gw_sub_restore(e, session, item, mapped, rec.type, rec.topic_id,
                         rec.qos);
    if (sub == 0)
        return MQTTSN_ENOSPACE;
    gw_sub_at(e, sub)->asked = rec.asked;
    gw_sub_at(e, sub)->fixed = rec.fixed;
    if (rec.fixed) { /* the configuration may not have it any more */
        e->fixed_used = true;
        gw_fixed_look_at_all(e);
    }
    if (told)
        gw_filter_at(&e->filters, gw_filters_find(&e->filters, mapped))
            ->up_state = GW_F_UP;
    else
        tell(e, gw_filters_find(&e->filters, mapped));
    if (s->next_sub_item <= item)
        s->next_sub_item = item + 1;
    return MQTTSN_OK;
}
