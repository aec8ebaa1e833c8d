/* SPDX-License-Identifier: MIT */
/*
 * Small answers: what a node asked for, once it may be told; and what sources
 * without session are told, rate-limited. A reply is a few fields; it becomes
 * octets only when the poll takes it.
 */
#include "deliver.h"

/* More answers than this wait for one node only if it sends faster than it is
 * served; the rest it will ask for again. */
#define REPLIES_MAX 32

static void append(struct gw_engine *e, uint32_t index)
{
    struct gw_reply *r = gw_reply_at(e, index);
    struct gw_session *s = gw_session_at(e, r->session);

    r->next = 0;
    if (s->reply_tail)
        gw_reply_at(e, s->reply_tail)->next = index;
    else
        s->reply_head = index;
    s->reply_tail = index;
    gw_session_ready(e, r->session);
}

static void give(struct gw_engine *e, uint32_t index)
{
    struct gw_reply *r = gw_reply_at(e, index);

    r->type = 0;
    r->session = 0;
    gw_slab_give(&e->replies, index);
}

/* From now on the node knows the id: not before it is told, and not if it is
 * told that it could not be kept (G12-13). */
static void announce(struct gw_engine *e, uint32_t session,
                     const struct gw_reply *r)
{
    uint32_t topic =
        gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, r->topic_id);

    if (topic == 0 || gw_topic_is_announced(e, topic))
        return;
    gw_topic_announce(e, topic);
    gw_store_topic(e, topic);
}

/* Or it cannot be kept, and the node has to be told all the same. */
static void name_was_kept(struct gw_engine *e, uint32_t session, uint16_t id)
{
    uint32_t topic = gw_topic_by_id(e, session, MQTTSN_TOPIC_NORMAL, id);

    if (topic != 0)
        gw_topic_kept(e, topic);
}

/* What changes for the session once an answer is on its way. */
static void settle(struct gw_engine *e, uint32_t session,
                   const struct gw_reply *r)
{
    struct gw_session *s = gw_session_at(e, session);

    if (r->type == GW_REPLY_RESUME)
        gw_deliver_on_kept(e, session, r);
    else if (r->type == MQTTSN_CONNACK)
        s->flags &= ~(unsigned)GW_S_CONNACK_DUE;
    if (r->type == MQTTSN_SUBACK && r->exchange && s->subacks != 0)
        s->subacks--;
}

/* Whether something hangs on it; there are never more of those than requests
 * under way. */
static bool is_bound_up(const struct gw_reply *r)
{
    return r->type == MQTTSN_CONNACK || r->type == GW_REPLY_RESUME ||
           (r->type == MQTTSN_SUBACK && r->exchange);
}

void gw_reply_push(struct gw_engine *e, uint32_t session,
                   const struct gw_reply *reply, uint64_t wait)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t index;
    struct gw_reply *r;

    if (s->reply_count >= REPLIES_MAX && !is_bound_up(reply))
        return;
    if (reply->type == MQTTSN_SUBACK && reply->exchange)
        s->subacks++;
    index = gw_slab_take(&e->replies);
    if (index == 0) {
        struct gw_reply unsaid = *reply;

        /* But nothing may wait for it for ever. */
        unsaid.failed = true;
        settle(e, session, &unsaid);
        gw_session_ready(e, session);
        return;
    }
    r = gw_reply_at(e, index);
    *r = *reply;
    r->session = session;
    r->number = s->number;
    r->wait = wait;
    s->reply_count++;
    if (wait <= e->store_done) {
        append(e, index);
        return;
    }
    r->next = 0;
    if (e->waiting_tail)
        gw_reply_at(e, e->waiting_tail)->next = index;
    else
        e->waiting_head = index;
    e->waiting_tail = index;
}

void gw_reply_push_kept(struct gw_engine *e, uint32_t session,
                        const struct gw_reply *reply, uint64_t op)
{
    struct gw_reply r = *reply;

    r.failed = op == 0;
    gw_reply_push(e, session, &r, op);
}

void gw_replies_release(struct gw_engine *e)
{
    while (e->waiting_head != 0 &&
           gw_reply_at(e, e->waiting_head)->wait <= e->store_done) {
        uint32_t index = e->waiting_head;
        struct gw_reply *r = gw_reply_at(e, index);

        e->waiting_head = r->next;
        if (e->waiting_head == 0)
            e->waiting_tail = 0;
        if (r->session == 0 ||
            gw_session_at(e, r->session)->number != r->number) {
            give(e, index);
        } else if (r->type == MQTTSN_CONNACK && r->failed) {
            uint32_t session = r->session;

            gw_session_at(e, session)->reply_count--;
            give(e, index);
            gw_connect_unkept(e, session);
        } else {
            append(e, index);
        }
    }
}

void gw_replies_fail(struct gw_engine *e, uint64_t op)
{
    for (uint32_t i = e->waiting_head; i != 0; i = gw_reply_at(e, i)->next) {
        if (gw_reply_at(e, i)->wait == op)
            gw_reply_at(e, i)->failed = !gw_reply_at(e, i)->again;
        else if (gw_reply_at(e, i)->wait > op)
            return;
    }
}

void gw_replies_wipe(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    while (s->reply_head != 0) {
        uint32_t index = s->reply_head;

        s->reply_head = gw_reply_at(e, index)->next;
        give(e, index);
    }
    s->reply_tail = 0;
    /* Those that wait for the store find that they are nobody's. */
    for (uint32_t i = e->waiting_head; s->reply_count != 0 && i != 0;
         i = gw_reply_at(e, i)->next) {
        if (gw_reply_at(e, i)->session == session)
            gw_reply_at(e, i)->session = 0;
    }
    s->reply_count = 0;
    s->subacks = 0;
    s->flags &= ~(unsigned)GW_S_CONNACK_DUE;
    if (s->down_phase == GW_DOWN_STORE)
        s->down_phase = GW_DOWN_IDLE;
}

void gw_reply_simple(struct gw_engine *e, uint32_t session,
                     enum mqttsn_type type)
{
    gw_reply_push(e, session, &(struct gw_reply){.type = (uint8_t)type}, 0);
}

void gw_reply_puback(struct gw_engine *e, uint32_t session, uint16_t topic_id,
                     uint16_t msg_id, enum mqttsn_return_code code)
{
    gw_reply_push(e, session,
                  &(struct gw_reply){.type = MQTTSN_PUBACK,
                                     .topic_id = topic_id,
                                     .msg_id = msg_id,
                                     .return_code = (uint8_t)code},
                  0);
}

/* The frame of a reply. False: nothing is sent. */
static bool frame_of(const struct gw_engine *e, const struct gw_reply *r,
                     struct mqttsn_frame *f)
{
    /* What could not be stored may be gone with the next crash: the node is
     * told to try again; what cannot say so stays unanswered. */
    uint8_t code = r->failed ? MQTTSN_REJECTED_CONGESTION : r->return_code;

    memset(f, 0, sizeof(*f));
    f->type = (enum mqttsn_type)r->type;
    switch (f->type) {
    case MQTTSN_CONNACK:
    case MQTTSN_WILLTOPICRESP:
    case MQTTSN_WILLMSGRESP:
        f->connack.return_code = code;
        return true;
    case MQTTSN_REGACK:
        f->regack.topic_id = code == MQTTSN_ACCEPTED ? r->topic_id : 0;
        f->regack.msg_id = r->msg_id;
        f->regack.return_code = code;
        return true;
    case MQTTSN_PUBACK:
        f->puback.topic_id = r->topic_id;
        f->puback.msg_id = r->msg_id;
        f->puback.return_code = code;
        return !r->failed; /* of QoS 2: what it gives back is not gone yet */
    case MQTTSN_SUBACK:
        f->suback.flags.qos = r->qos;
        f->suback.topic_id = r->topic_id;
        f->suback.msg_id = r->msg_id;
        f->suback.return_code = code;
        return true;
    case MQTTSN_PUBREC:
    case MQTTSN_PUBREL:
    case MQTTSN_PUBCOMP:
    case MQTTSN_UNSUBACK:
        f->pubrec.msg_id = r->msg_id;
        return !r->failed;
    case MQTTSN_GWINFO:
        f->gwinfo.gw_id = e->policy.options.gw_id;
        return true;
    case MQTTSN_WILLTOPICREQ:
    case MQTTSN_WILLMSGREQ:
    case MQTTSN_PINGREQ:
    case MQTTSN_PINGRESP:
    case MQTTSN_DISCONNECT:
        return !r->failed;
    case MQTTSN_ADVERTISE:
    case MQTTSN_SEARCHGW:
    case MQTTSN_CONNECT:
    case MQTTSN_WILLTOPIC:
    case MQTTSN_WILLMSG:
    case MQTTSN_REGISTER:
    case MQTTSN_PUBLISH:
    case MQTTSN_SUBSCRIBE:
    case MQTTSN_UNSUBSCRIBE:
    case MQTTSN_WILLTOPICUPD:
    case MQTTSN_WILLMSGUPD:
    case MQTTSN_ENCAPSULATED:
        break;
    }
    return false;
}

bool gw_reply_take(struct gw_engine *e, uint32_t session,
                   struct mqttsn_frame *ret_frame)
{
    struct gw_session *s = gw_session_at(e, session);

    while (s->reply_head != 0) {
        uint32_t index = s->reply_head;
        struct gw_reply r = *gw_reply_at(e, index);

        s->reply_head = r.next;
        if (s->reply_head == 0)
            s->reply_tail = 0;
        s->reply_count--;
        give(e, index);
        settle(e, session, &r);
        if (r.announces && !r.failed)
            announce(e, session, &r);
        if (r.type == GW_REPLY_RESUME && r.topic_id != 0)
            name_was_kept(e, session, r.topic_id);
        /* A question that waited until its node had gone to sleep. */
        if (r.type == MQTTSN_PINGREQ && s->state != GW_ACTIVE &&
            s->state != GW_AWAKE)
            continue;
        if (r.type != GW_REPLY_RESUME && frame_of(e, &r, ret_frame))
            return true;
    }
    return false;
}

/* ---- sources without session ------------------------------------------- */

/* Buckets are shared by hash: a source that takes over another's place starts
 * full, so memory stays fixed and nobody is muted by a stranger for long. */
struct gw_bucket *gw_bucket_of(struct gw_engine *e, struct gw_bucket *buckets,
                               const struct gw_addr *addr, uint32_t burst)
{
    uint64_t hash = gw_hash(e, addr, sizeof(*addr));
    struct gw_bucket *b = &buckets[hash % GW_BUCKETS];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;

    if (b->tag != tag)
        *b = (struct gw_bucket){tag, burst * 1000, e->now};
    return b;
}

struct gw_stranger *gw_stranger_reply(struct gw_engine *e,
                                      const struct gw_peer *peer,
                                      const struct gw_reply *reply)
{
    struct gw_stranger *slot;

    if (peer->addr.family == 0)
        return NULL; /* a session that lost its address meanwhile (G12-23) */
    if (e->stranger_count == GW_STRANGERS) {
        e->counters.strangers_muted++;
        return NULL;
    }
    slot = &e->strangers[(e->stranger_head + e->stranger_count) % GW_STRANGERS];
    slot->node_id = 0;
    if (peer->node_id.len != 0) {
        slot->node_id = gw_names_intern(&e->names, peer->node_id);
        if (slot->node_id == 0)
            return NULL;
    }
    slot->addr = peer->addr;
    slot->via = peer->via;
    slot->reply = *reply;
    e->stranger_count++;
    return slot;
}

void gw_stranger_disconnect(struct gw_engine *e, const struct gw_peer *peer)
{
    const struct gw_options *o = &e->policy.options;
    uint32_t rate = o->stranger_reply_rate;

    /* Whoever waits for a contested client id is half-open (D5). */
    if (e->by_contender.used != 0 && gw_contender_is(e, peer)) {
        e->counters.rx_ignored++;
        return;
    }
    /* Two gateways must not answer each other for ever, nor one itself. */
    for (uint32_t i = 0; i < e->gateway_count; i++) {
        if (gw_addr_equal(&e->gateways[i].addr, &peer->addr)) {
            e->counters.strangers_muted++;
            return;
        }
    }
    for (size_t i = 0; i < o->listener_count; i++) {
        if (peer->addr.port == o->listeners[i].port &&
            peer->addr.family == peer->via.family &&
            memcmp(peer->addr.ip, peer->via.local_ip, 16) == 0) {
            e->counters.strangers_muted++;
            return;
        }
    }
    if (!gw_bucket_take(gw_bucket_of(e, e->stranger_source, &peer->addr, 3), 1,
                        3, e->now) ||
        !gw_bucket_take(&e->stranger_all, rate, rate, e->now)) {
        e->counters.strangers_muted++;
        return;
    }
    e->counters.strangers_answered++;
    gw_stranger_reply(e, peer, &(struct gw_reply){.type = MQTTSN_DISCONNECT});
}

static struct gw_stranger *stranger_at(struct gw_engine *e, uint32_t place)
{
    return &e->strangers[(e->stranger_head + place) % GW_STRANGERS];
}

/* The first that waits for nothing; those before it move up. */
bool gw_stranger_take(struct gw_engine *e, struct gw_stranger *ret)
{
    uint32_t place = 0;

    while (place < e->stranger_count &&
           stranger_at(e, place)->reply.wait > e->store_done)
        place++;
    if (place == e->stranger_count)
        return false;
    *ret = *stranger_at(e, place);
    for (; place > 0; place--)
        *stranger_at(e, place) = *stranger_at(e, place - 1);
    e->stranger_head = (e->stranger_head + 1) % GW_STRANGERS;
    e->stranger_count--;
    return true;
}

bool gw_stranger_frame(const struct gw_engine *e, const struct gw_reply *r,
                       struct mqttsn_frame *ret_frame)
{
    return frame_of(e, r, ret_frame);
}
