/* SPDX-License-Identifier: MIT */
/*
 * Which session wants what, and the SUBSCRIBEs and UNSUBSCRIBEs of nodes
 * [SN 6.9]. How they reach the broker is in windows.c.
 */
#include "fixed.h"
#include "handlers.h"

static uint64_t key_hash(const struct gw_engine *e, uint32_t session,
                         uint32_t filter)
{
    uint32_t key[2] = {session, filter};

    return gw_hash(e, key, sizeof(key));
}

uint32_t gw_sub_find(const struct gw_engine *e, uint32_t session,
                     uint32_t filter)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_table_probe probe;

    if (!(s->flags & GW_S_MANY_SUBS)) {
        uint32_t i = s->subs;

        while (i != 0 && gw_sub_at(e, i)->filter != filter)
            i = gw_sub_at(e, i)->session_next;
        return i;
    }
    for (uint32_t i = gw_table_first(&e->subs_by_key,
                                     key_hash(e, session, filter), &probe);
         i != 0; i = gw_table_next(&e->subs_by_key, &probe)) {
        const struct gw_sub *b = gw_sub_at(e, i);

        if (b->session == session && b->filter == filter)
            return i;
    }
    return 0;
}

static void put_in_table(struct gw_engine *e, uint32_t index)
{
    const struct gw_sub *b = gw_sub_at(e, index);

    gw_table_insert(&e->subs_by_key, key_hash(e, b->session, b->filter), index);
}

/* A subscription on a filter the caller holds a use of; takes one more. */
static uint32_t add(struct gw_engine *e, uint32_t session, uint32_t filter,
                    uint32_t item)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_filter *f = gw_filter_at(&e->filters, filter);
    uint32_t index = gw_slab_take(&e->subs);
    struct gw_sub *b;

    if (index == 0)
        return 0;
    b = gw_sub_at(e, index);
    b->session = session;
    b->filter = filter;
    b->item = item;
    b->session_next = s->subs;
    s->subs = index;
    s->sub_count++;
    b->filter_next = f->subs_head;
    if (f->subs_head)
        gw_sub_at(e, f->subs_head)->filter_prev = index;
    f->subs_head = index;
    f->uses++;
    f->wants++;
    if (s->flags & GW_S_MANY_SUBS) {
        put_in_table(e, index);
    } else if (s->sub_count > GW_FEW) {
        s->flags |= GW_S_MANY_SUBS;
        for (uint32_t i = s->subs; i != 0; i = gw_sub_at(e, i)->session_next)
            put_in_table(e, i);
    }
    return index;
}

void gw_sub_end(struct gw_engine *e, uint32_t index)
{
    struct gw_sub *b = gw_sub_at(e, index);
    struct gw_session *s = gw_session_at(e, b->session);
    uint32_t filter = b->filter, item = b->item, *link = &s->subs;

    while (*link != index)
        link = &gw_sub_at(e, *link)->session_next;
    *link = b->session_next;
    s->sub_count--;
    if (b->filter_prev)
        gw_sub_at(e, b->filter_prev)->filter_next = b->filter_next;
    else
        gw_filter_at(&e->filters, filter)->subs_head = b->filter_next;
    if (b->filter_next)
        gw_sub_at(e, b->filter_next)->filter_prev = b->filter_prev;
    if (s->flags & GW_S_MANY_SUBS)
        gw_table_remove(&e->subs_by_key, key_hash(e, b->session, filter),
                        index);
    if (s->subs == 0)
        s->flags &= ~(unsigned)GW_S_MANY_SUBS;
    b->session = 0;
    gw_slab_give(&e->subs, index);
    gw_filter_release(e, filter, true);
    /* Behind the record of a filter that nobody wants any more. */
    gw_store_forget(e, GW_RECORD_SUBSCRIPTION, s->number, item);
}

void gw_sub_withdraw(struct gw_engine *e, uint32_t sub)
{
    uint32_t session = gw_sub_at(e, sub)->session, index;
    uint32_t filter = gw_sub_at(e, sub)->filter;

    /* Where the connection is shared, the filter tells the broker. */
    if (gw_session_at(e, session)->up != 0) {
        index = gw_exchange_new(e, session, GW_X_UNSUBSCRIBE);
        if (index == 0)
            return;
        gw_filter_at(&e->filters, filter)->uses++;
        gw_exchange_at(e, index)->filter = filter;
        gw_exchange_at(e, index)->mute = true;
        gw_link_ask(e, index);
    }
    gw_sub_end(e, sub);
}

void gw_subs_wipe(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    while (s->subs != 0)
        gw_sub_end(e, s->subs);
}

uint32_t gw_sub_restore(struct gw_engine *e, uint32_t session, uint32_t item,
                        struct mqttsn_span filter, uint8_t type,
                        uint16_t topic_id, uint8_t qos)
{
    uint32_t node = gw_filter_use(e, filter, true), index;

    if (node == 0)
        return 0;
    index = gw_sub_find(e, session, node) ? 0 : add(e, session, node, item);
    if (index != 0) {
        struct gw_sub *b = gw_sub_at(e, index);

        b->type = type;
        b->topic_id = topic_id;
        b->qos = qos & 3;
        b->active = true;
        b->asked = true;
    }
    gw_filter_release(e, node, true);
    return index;
}

/* The broker's name of what the session calls 'filter'. */
static struct mqttsn_span at_broker(const struct gw_engine *e, uint32_t session,
                                    struct mqttsn_span filter, char *buf)
{
    return gw_policy_map(&e->policy, gw_session_at(e, session)->client_id,
                         filter, buf);
}

void gw_sub_refused_name(struct gw_engine *e, uint32_t session, uint32_t name)
{
    char buf[GW_NAME_MAX];
    uint32_t filter = gw_filters_find(
        &e->filters,
        at_broker(e, session, gw_names_span(&e->names, name), buf));
    uint32_t sub = filter ? gw_sub_find(e, session, filter) : 0;

    if (sub != 0)
        gw_sub_withdraw(e, sub);
}

/* ---- frames ------------------------------------------------------------ */

/*
 * The filter that a SUBSCRIBE or UNSUBSCRIBE names; a short name is written to
 * 'octets'. False and the reason when it names none.
 */
static bool named_filter(struct gw_engine *e, uint32_t session,
                         const struct mqttsn_frame *frame, uint8_t octets[2],
                         struct mqttsn_span *ret_filter,
                         enum mqttsn_return_code *ret_code)
{
    uint32_t client = gw_session_at(e, session)->client_id, name;
    bool open;

    *ret_code = MQTTSN_REJECTED_NOT_SUPPORTED;
    switch ((enum mqttsn_topic_type)frame->subscribe.flags.topic_type) {
    case MQTTSN_TOPIC_NORMAL:
        *ret_filter = frame->subscribe.topic_name;
        return mqttsn_filter_valid(*ret_filter);
    case MQTTSN_TOPIC_PREDEFINED:
        name = gw_policy_predefined_name(&e->policy, client,
                                         frame->subscribe.topic_id, &open);
        *ret_filter = gw_names_span(&e->names, name);
        *ret_code = MQTTSN_REJECTED_INVALID_TOPIC_ID;
        return name != 0;
    case MQTTSN_TOPIC_SHORT:
        mqttsn_short_topic_name(frame->subscribe.topic_id, octets);
        *ret_filter = mqttsn_span(octets, 2);
        return mqttsn_short_topic_valid(*ret_filter); /* G12-38 */
    case MQTTSN_TOPIC_RESERVED:
        break;
    }
    return false;
}

void gw_subscribe_refuse(struct gw_engine *e, uint32_t session, uint16_t msg_id,
                         uint16_t topic_id, enum mqttsn_return_code code)
{
    if (code == MQTTSN_REJECTED_CONGESTION)
        e->counters.up_congestion++;
    gw_reply_push(e, session,
                  &(struct gw_reply){.type = MQTTSN_SUBACK,
                                     .msg_id = msg_id,
                                     .topic_id = topic_id,
                                     .return_code = (uint8_t)code},
                  0);
}

static void suback(struct gw_engine *e, const struct gw_exchange *x,
                   bool pending, uint64_t kept)
{
    gw_reply_push_kept(
        e, x->session,
        &(struct gw_reply){.type = MQTTSN_SUBACK,
                           .qos = x->qos,
                           .msg_id = x->msg_id,
                           .topic_id = x->topic_id,
                           .exchange = pending,
                           .announces = x->topic_type == MQTTSN_TOPIC_NORMAL &&
                                        x->topic_id != 0},
        kept);
}

/* For an answer that is given once more: the first may have said that the
 * record could not be kept. */
static uint64_t kept_again(struct gw_engine *e, uint32_t sub)
{
    bool unsure = e->store_lost != 0 || e->counters.store_full != 0;

    return unsure && sub != 0 ? gw_store_sub(e, sub) : e->store_queued;
}

/* For a repetition of the SUBSCRIBE (G12-39). */
static void remember(struct gw_engine *e, const struct gw_exchange *x)
{
    struct gw_cold *c = gw_warm(e, x->session);

    c->last_sub_valid = !x->mute;
    c->last_sub = x->filter;
    c->last_sub_msg_id = x->msg_id;
    c->last_sub_topic_id = x->topic_id;
    c->last_sub_done = e->now;
}

/* What the node asks for holds before what the configuration does. */
static void grant(struct gw_sub *b, const struct gw_exchange *x)
{
    if (!x->fixed || !b->asked) {
        b->type = x->topic_type;
        b->topic_id = x->topic_id;
        b->qos = x->qos & 3;
    }
    b->asked |= !x->fixed;
    b->fixed |= x->fixed;
    b->active = true;
}

/* The broker granted the filter: the subscription stands. */
void gw_subscribe_done(struct gw_engine *e, uint32_t exchange, uint8_t granted)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    struct gw_session *s = gw_session_at(e, x->session);
    uint32_t sub = gw_sub_find(e, x->session, x->filter);
    uint64_t kept;

    if (sub == 0)
        sub = add(e, x->session, x->filter, ++s->next_sub_item);
    if (sub == 0) {
        gw_note(e, GW_NOTE_TABLE_FULL, x->session, 0, "subscriptions");
        if (!x->mute)
            gw_subscribe_refuse(e, x->session, x->msg_id, 0,
                                MQTTSN_REJECTED_CONGESTION);
        gw_exchange_end(e, exchange);
        return;
    }
    if (granted < x->qos)
        x->qos = granted;
    grant(gw_sub_at(e, sub), x);
    x->state = GW_X_DONE;
    x->due = 0;
    if (x->wants) { /* from here on the subscription does */
        x->wants = false;
        gw_filter_at(&e->filters, x->filter)->wants--;
    }
    if (x->counted) {
        x->counted = false;
        s->exchange_count--;
    }
    if (!x->fixed)
        remember(e, x);
    e->last_message_hash = 0; /* copies of it did not know this filter */
    kept = gw_store_sub(e, sub);
    gw_store_forget_filter(e, x->filter);
    if (!x->mute)
        suback(e, x, true, kept);
    gw_exchange_answered(e, exchange);
}

/* True: its SUBACK was lost, and all it asks for is another (G12-39). */
static bool is_late_repetition(struct gw_engine *e, uint32_t session,
                               const struct mqttsn_frame *frame,
                               struct mqttsn_span filter)
{
    const struct gw_options *o = &e->policy.options;
    const struct gw_cold *c = gw_cold(e, gw_session_at(e, session));
    uint32_t node = gw_filters_find(&e->filters, filter);
    uint32_t sub = node ? gw_sub_find(e, session, node) : 0;

    if (!frame->subscribe.flags.dup || sub == 0 || !c->last_sub_valid ||
        c->last_sub != node || c->last_sub_msg_id != frame->subscribe.msg_id ||
        e->now - c->last_sub_done > o->retry_interval * (o->retry_count + 1))
        return false;
    e->counters.up_duplicates++;
    gw_reply_push_kept(e, session,
                       &(struct gw_reply){.type = MQTTSN_SUBACK,
                                          .qos = gw_sub_at(e, sub)->qos,
                                          .msg_id = c->last_sub_msg_id,
                                          .topic_id = c->last_sub_topic_id},
                       kept_again(e, sub));
    return true;
}

/* True: the frame repeats a SUBSCRIBE that is under way (G12-39). Some stacks
 * use one MsgId for all: only with the same filter is it the same. */
static bool is_repetition(struct gw_engine *e, uint32_t session,
                          const struct mqttsn_frame *frame,
                          struct mqttsn_span filter)
{
    uint32_t node = gw_filters_find(&e->filters, filter);

    for (uint32_t i = gw_session_at(e, session)->exchanges; i != 0;
         i = gw_exchange_at(e, i)->next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        if (x->kind != GW_X_SUBSCRIBE || x->mute || x->filter != node ||
            x->msg_id != frame->subscribe.msg_id)
            continue;
        e->counters.up_duplicates++;
        if (x->state == GW_X_DONE)
            suback(e, x, false, kept_again(e, gw_sub_find(e, session, node)));
        return true;
    }
    return false;
}

void gw_on_subscribe(struct gw_engine *e, uint32_t session,
                     const struct mqttsn_frame *frame)
{
    struct gw_session *s = gw_session_at(e, session);
    uint16_t msg_id = frame->subscribe.msg_id, topic_id = 0;
    uint8_t type = frame->subscribe.flags.topic_type, octets[2];
    enum mqttsn_return_code code;
    struct mqttsn_span filter, mapped;
    char buf[GW_NAME_MAX];
    uint32_t topic = 0, index, node;
    struct gw_exchange *x;

    if (type != MQTTSN_TOPIC_NORMAL && type != MQTTSN_TOPIC_RESERVED)
        topic_id = frame->subscribe.topic_id;
    if (!named_filter(e, session, frame, octets, &filter, &code)) {
        gw_subscribe_refuse(e, session, msg_id, topic_id, code);
        return;
    }
    if (frame->subscribe.flags.qos > 2 ||
        !gw_policy_may_subscribe(&e->policy, s->client_id, filter)) {
        gw_subscribe_refuse(e, session, msg_id, topic_id,
                            MQTTSN_REJECTED_NOT_SUPPORTED);
        return;
    }
    mapped = at_broker(e, session, filter, buf);
    if (is_repetition(e, session, frame, mapped) ||
        is_late_repetition(e, session, frame, mapped))
        return;
    if (s->exchange_count >= e->policy.options.client_inflight_max ||
        gw_store_behind(e) || !gw_broker_takes_filter(e, session, mapped)) {
        gw_subscribe_refuse(e, session, msg_id, topic_id,
                            MQTTSN_REJECTED_CONGESTION);
        return;
    }
    if (type == MQTTSN_TOPIC_NORMAL && !mqttsn_filter_has_wildcard(filter)) {
        enum mqttsn_status status =
            gw_topic_register(e, session, filter, &topic);

        if (status != MQTTSN_OK) {
            gw_subscribe_refuse(e, session, msg_id, 0,
                                gw_topic_refusal(e, session, status));
            return;
        }
        gw_topic_at(e, topic)->flags &= (uint8_t)~GW_T_REFUSED; /* G12-15 */
        gw_store_topic(e, topic);
        topic_id = gw_topic_at(e, topic)->id;
    } else if (type == MQTTSN_TOPIC_PREDEFINED) {
        gw_topic_note_predefined(e, session, topic_id,
                                 gw_names_find(&e->names, filter));
    }
    node = gw_filter_use(e, mapped, true);
    index = node ? gw_exchange_new(e, session, GW_X_SUBSCRIBE) : 0;
    if (index == 0) {
        if (node != 0)
            gw_filter_release(e, node, true);
        gw_subscribe_refuse(e, session, msg_id, topic_id,
                            MQTTSN_REJECTED_CONGESTION);
        return;
    }
    x = gw_exchange_at(e, index);
    x->filter = node;
    x->wants = true;
    x->msg_id = msg_id;
    x->topic_id = topic_id;
    x->topic_type = type;
    x->qos = frame->subscribe.flags.qos;
    if (s->up != 0) {
        gw_link_ask(e, index);
    } else if (!gw_window_join(e, index)) {
        gw_exchange_end(e, index);
        gw_subscribe_refuse(e, session, msg_id, topic_id,
                            MQTTSN_REJECTED_CONGESTION);
        return;
    }
    x->counted = true;
    s->exchange_count++;
    x->unanswered = true;
    s->subs_pending++;
    x->due = e->now + e->policy.options.upstream_timeout;
    gw_session_arm(e, session, x->due);
}

/* The node does not ask for it any more; the configuration still has it. */
static void give_up(struct gw_engine *e, uint32_t session, uint32_t sub)
{
    struct gw_sub *b = gw_sub_at(e, sub);

    b->asked = false;
    b->type = MQTTSN_TOPIC_NORMAL;
    b->topic_id = 0;
    gw_store_sub(e, sub);
    gw_fixed_apply(e, session); /* for its QoS */
}

/* What it asked for and has no answer to it does not want any more: were it
 * granted now, it would stand behind the UNSUBACK. */
static void take_back(struct gw_engine *e, uint32_t session, uint32_t filter)
{
    uint32_t next;

    for (uint32_t i = gw_session_at(e, session)->exchanges; i != 0; i = next) {
        const struct gw_exchange *x = gw_exchange_at(e, i);

        next = x->next;
        if (x->kind == GW_X_SUBSCRIBE && !x->fixed && x->filter == filter)
            gw_exchange_on_timeout(e, i);
    }
}

void gw_on_unsubscribe(struct gw_engine *e, uint32_t session,
                       const struct mqttsn_frame *frame)
{
    const struct gw_reply unsuback = {.type = MQTTSN_UNSUBACK,
                                      .msg_id = frame->unsubscribe.msg_id};
    struct gw_session *s = gw_session_at(e, session);
    enum mqttsn_return_code code;
    struct mqttsn_span filter, mapped = {0};
    uint32_t node, sub = 0, index;
    char buf[GW_NAME_MAX];
    uint8_t octets[2];
    bool named;

    index = gw_exchange_find(e, session, GW_X_UNSUBSCRIBE,
                             frame->unsubscribe.msg_id);
    if (index != 0 && !gw_exchange_at(e, index)->mute)
        return; /* under way */
    /* Whatever it names, there is no other answer than UNSUBACK (G12-41). */
    named = named_filter(e, session, frame, octets, &filter, &code);
    if (named)
        mapped = at_broker(e, session, filter, buf);
    node = named ? gw_filters_find(&e->filters, mapped) : 0;
    take_back(e, session, node);
    sub = node ? gw_sub_find(e, session, node) : 0;
    if (sub == 0 &&
        (s->up == 0 || mapped.len == 0 ||
         !gw_policy_filter_sound(&e->policy, s->client_id, filter))) {
        gw_reply_push(e, session, &unsuback, gw_store_all(e));
        return;
    }
    if (sub != 0 && gw_sub_at(e, sub)->fixed) {
        give_up(e, session, sub);
        gw_reply_push(e, session, &unsuback, gw_store_all(e));
        return;
    }
    /* By its own connection it can only be asked now, so a node that asks too
     * much repeats it. The broker may know a filter that we do not. */
    if (s->up != 0 &&
        (s->exchange_count >= e->policy.options.client_inflight_max ||
         e->exchanges.used == e->exchanges.capacity)) {
        e->counters.rx_ignored++;
        return;
    }
    node = gw_filter_use(e, mapped, false);
    if (node == 0) {
        e->counters.rx_ignored++;
        return;
    }
    if (sub != 0)
        gw_sub_end(e, sub);
    if ((s->up != 0 ||
         gw_filter_at(&e->filters, node)->up_state == GW_F_UNSUB_DUE) &&
        s->exchange_count < e->policy.options.client_inflight_max)
        index = gw_exchange_new(e, session, GW_X_UNSUBSCRIBE);
    else
        index = 0;
    if (index == 0) {
        gw_filter_release(e, node, false);
        gw_reply_push(e, session, &unsuback, gw_store_all(e));
        return;
    }
    struct gw_filter *f = gw_filter_at(&e->filters, node);
    struct gw_exchange *x = gw_exchange_at(e, index);
    x->filter = node;
    x->msg_id = frame->unsubscribe.msg_id;
    if (s->up != 0) {
        gw_link_ask(e, index);
    } else {
        x->link = f->unsub_list;
        f->unsub_list = index;
    }
    x->counted = true;
    s->exchange_count++;
    x->due = e->now + e->policy.options.upstream_timeout;
    gw_session_arm(e, session, x->due);
}
