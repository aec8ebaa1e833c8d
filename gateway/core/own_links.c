/* SPDX-License-Identifier: MIT */
/*
 * A connection to the broker for each session (links.h): when it is opened and
 * closed, what goes by it and what comes of it. Publishes wait in its lines as
 * in the gateway's own (line.c); SUBSCRIBE and UNSUBSCRIBE in the order in
 * which the node sent them.
 */
#include "engine_private.h"

static struct gw_link *own_at(const struct gw_engine *e, uint32_t index)
{
    return gw_slab_at(&e->links, index);
}

/* ---- the list of those that may have something ------------------------- */

void gw_link_list(struct gw_engine *e, uint32_t index)
{
    struct gw_link *l = own_at(e, index);

    if (l->listed)
        return;
    l->listed = true;
    l->ready_next = 0;
    if (e->links_tail)
        own_at(e, e->links_tail)->ready_next = index;
    else
        e->links_head = index;
    e->links_tail = index;
}

static uint32_t unlist_first(struct gw_engine *e)
{
    uint32_t index = e->links_head;
    struct gw_link *l = own_at(e, index);

    e->links_head = l->ready_next;
    if (e->links_head == 0)
        e->links_tail = 0;
    l->listed = false;
    return index;
}

/* ---- life -------------------------------------------------------------- */

/* What waits or is out is handed over, and then it is closed; the shell, which
 * is in no hurry to hear, bounds how long that takes. */
static void end(struct gw_engine *e, uint32_t index)
{
    struct gw_link *l = own_at(e, index);

    l->phase = GW_LINK_ENDING;
    l->window_size = UINT32_MAX;
    l->alone = false;
    gw_link_ready(e, index);
}

/* Nobody knows of it any more. What it still had was never acknowledged, and
 * its node has left. */
static void drop(struct gw_engine *e, uint32_t index)
{
    struct gw_link *l = own_at(e, index);

    while (l->asks_head != 0)
        gw_exchange_end(e, l->asks_head);
    for (unsigned kind = GW_LINE_NONE; kind <= GW_LINE_LATE; kind++)
        while (l->lines[kind].head != 0)
            gw_exchange_end(e, l->lines[kind].head);
    if (l->session != 0)
        gw_session_at(e, l->session)->up = 0;
    l->session = 0;
    l->phase = GW_LINK_FREE;
    if (!l->listed) /* else the poll that takes it off gives it back */
        gw_slab_give(&e->links, index);
}

/* Without one it gets one; false: there are too many. */
static bool take(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);
    struct gw_link *l;

    s->up = (uint16_t)gw_slab_take(&e->links);
    if (s->up == 0)
        return false;
    l = own_at(e, s->up);
    l->phase = GW_LINK_OPENING;
    l->session = session;
    gw_link_ready(e, s->up);
    return true;
}

/* The broker knows the session already, or does as soon as it is reached. */
static bool is_as_wanted(const struct gw_session *s, const struct gw_link *l)
{
    return !(s->flags & GW_S_CLEAN) && !l->clean && !l->stale;
}

/* An open one serves if it is as wanted; else it is opened anew. */
static void connect_open(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_link *l = own_at(e, s->up);

    if (l->state == GW_LINK_DOWN || l->state == GW_LINK_DENIED) {
        gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION,
                          "upstream down");
    } else if (!is_as_wanted(s, l)) {
        end(e, s->up);
        l->again = true;
    } else if (l->state == GW_LINK_UP) {
        gw_connect_accept(e, session);
    }
}

void gw_link_connect(struct gw_engine *e, uint32_t session)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct gw_cold *c = gw_warm(e, session);

    c->step = GW_STEP_UPSTREAM;
    c->step_due = e->now + e->policy.options.upstream_timeout;
    gw_session_arm(e, session, c->step_due);
    if (s->up == 0) {
        if (!take(e, session))
            gw_connect_refuse(e, session, MQTTSN_REJECTED_CONGESTION,
                              "max_connections");
    } else if (own_at(e, s->up)->phase == GW_LINK_OPEN) {
        connect_open(e, session);
    } else if (own_at(e, s->up)->phase != GW_LINK_OPENING) {
        own_at(e, s->up)->again = true;
    }
}

/* What a CONNECT that waits comes to. */
static void answer(struct gw_engine *e, uint32_t session,
                   enum mqttsn_return_code code, const char *reason)
{
    const struct gw_session *s = gw_session_at(e, session);

    if (s->state != GW_HALF_OPEN || gw_cold(e, s)->step != GW_STEP_UPSTREAM)
        return;
    if (code == MQTTSN_ACCEPTED)
        gw_connect_accept(e, session);
    else
        gw_connect_refuse(e, session, code, reason);
}

void gw_link_leave(struct gw_engine *e, uint32_t session)
{
    uint32_t index = gw_session_at(e, session)->up;
    struct gw_link *l;

    if (index == 0)
        return;
    l = own_at(e, index);
    l->again = false;
    if (l->phase == GW_LINK_OPENING)
        drop(e, index);
    else if (l->phase == GW_LINK_OPEN)
        end(e, index);
}

void gw_link_orphan(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    gw_link_leave(e, session);
    if (s->up != 0)
        own_at(e, s->up)->session = 0;
    s->up = 0;
}

void gw_link_will_changed(struct gw_engine *e, uint32_t session)
{
    uint32_t index = gw_session_at(e, session)->up;

    if (index == 0)
        return;
    own_at(e, index)->stale = true;
    gw_link_ready(e, index);
}

/* ---- what nodes ask ---------------------------------------------------- */

/* By 'place': what comes back goes before what came since. */
static void insert_ask(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    struct gw_link *l = own_at(e, x->up);
    uint32_t *link = &l->asks_head;

    if (l->asks_tail != 0 && gw_exchange_at(e, l->asks_tail)->place < x->place)
        link = &gw_exchange_at(e, l->asks_tail)->link;
    while (*link != 0 && gw_exchange_at(e, *link)->place < x->place)
        link = &gw_exchange_at(e, *link)->link;
    x->state = GW_X_WAITING;
    x->link = *link;
    *link = exchange;
    if (x->link == 0)
        l->asks_tail = exchange;
    gw_link_ready(e, x->up);
}

void gw_link_ask(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);

    x->up = gw_session_at(e, x->session)->up;
    insert_ask(e, exchange);
}

static void take_ask(struct gw_engine *e, uint32_t exchange)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    struct gw_link *l = own_at(e, x->up);
    uint32_t before = 0;

    for (uint32_t i = l->asks_head; i != exchange;
         i = gw_exchange_at(e, i)->link)
        before = i;
    if (before != 0)
        gw_exchange_at(e, before)->link = x->link;
    else
        l->asks_head = x->link;
    if (l->asks_tail == exchange)
        l->asks_tail = before;
    x->link = 0;
}

void gw_link_unask(struct gw_engine *e, uint32_t exchange)
{
    const struct gw_exchange *x = gw_exchange_at(e, exchange);

    if (x->state == GW_X_WAITING)
        take_ask(e, exchange);
    else if (x->state == GW_X_HANDED)
        own_at(e, x->up)->asked--;
    gw_link_ready(e, x->up);
}

static void refused(struct gw_engine *e, uint32_t exchange,
                    enum mqttsn_return_code code)
{
    const struct gw_exchange *x = gw_exchange_at(e, exchange);
    uint32_t name = gw_filter_at(&e->filters, x->filter)->name;

    gw_note_topic(e, GW_NOTE_UP_REJECTED, x->session,
                  gw_names_span(&e->names, name), 0, "subscribe");
    if (!x->mute)
        gw_subscribe_refuse(e, x->session, x->msg_id, x->topic_id, code);
    gw_exchange_end(e, exchange);
}

void gw_link_on_result(struct gw_engine *e, uint32_t exchange,
                       enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_exchange *x = gw_exchange_at(e, exchange);
    uint32_t generation = x->generation;

    if (x->state != GW_X_HANDED)
        return;
    own_at(e, x->up)->asked--;
    x->state = GW_X_DONE;
    if (outcome == GW_UP_UNSENT) {
        insert_ask(e, exchange);
    } else if (x->kind == GW_X_UNSUBSCRIBE) {
        if (!x->mute)
            gw_reply_push(e, x->session,
                          &(struct gw_reply){.type = MQTTSN_UNSUBACK,
                                             .msg_id = x->msg_id},
                          0);
        gw_exchange_end(e, exchange);
    } else if (outcome == GW_UP_DONE) {
        gw_subscribe_done(e, exchange, granted_qos);
        if (x->generation == generation)
            gw_exchange_end(e, exchange);
    } else {
        refused(e, exchange,
                outcome == GW_UP_QUOTA ? MQTTSN_REJECTED_CONGESTION
                                       : MQTTSN_REJECTED_NOT_SUPPORTED);
    }
}

/* ---- a broker that forgot ---------------------------------------------- */

static void mark_untold(struct gw_engine *e, const struct gw_link *l)
{
    for (uint32_t i = gw_session_at(e, l->session)->subs; i != 0;
         i = gw_sub_at(e, i)->session_next)
        gw_sub_at(e, i)->untold = true;
}

void gw_link_retold(struct gw_engine *e, uint32_t sub, uint32_t item,
                    enum gw_up_outcome outcome)
{
    struct gw_sub *b;
    uint32_t up;

    if (sub == 0 || sub > e->subs.high)
        return;
    b = gw_sub_at(e, sub);
    if (b->session == 0 || (b->item & GW_GENERATION_MASK) != item)
        return; /* it was given up meanwhile */
    up = gw_session_at(e, b->session)->up;
    if (outcome == GW_UP_UNSENT && up != 0) {
        b->untold = true;
        own_at(e, up)->retell = true;
        gw_link_ready(e, up);
    } else if (outcome != GW_UP_DONE) {
        uint32_t name = gw_filter_at(&e->filters, b->filter)->name;

        gw_note_topic(e, GW_NOTE_UP_REJECTED, b->session,
                      gw_names_span(&e->names, name), 0, "subscribe");
    }
}

/* ---- events ------------------------------------------------------------ */

static void connected(struct gw_engine *e, uint32_t index,
                      const struct gw_up_event *event)
{
    struct gw_link *l = own_at(e, index);
    uint16_t most = event->connected.receive_maximum;

    l->state = GW_LINK_UP;
    gw_link_ready(e, index);
    if (l->phase != GW_LINK_OPEN)
        return;
    l->parted = false;
    l->window_size = e->policy.options.window;
    if (most != 0 && most < l->window_size)
        l->window_size = most;
    l->retell = true;
    if (!event->connected.session_present)
        mark_untold(e, l);
    answer(e, l->session, MQTTSN_ACCEPTED, NULL);
}

/* An attempt failed: whoever has not been accepted yet is told. */
static void failed(struct gw_engine *e, uint32_t index,
                   enum gw_link_state state, enum mqttsn_return_code code,
                   const char *reason)
{
    struct gw_link *l = own_at(e, index);

    l->state = (uint8_t)state;
    gw_link_ready(e, index);
    if (l->phase == GW_LINK_OPEN)
        answer(e, l->session, code, reason);
}

static void closed(struct gw_engine *e, uint32_t index)
{
    struct gw_link *l = own_at(e, index);

    if (l->phase != GW_LINK_CLOSING)
        return;
    if (!l->again) {
        drop(e, index);
        return;
    }
    l->again = false;
    l->state = GW_LINK_UNKNOWN;
    l->phase = GW_LINK_OPENING;
    gw_link_ready(e, index);
}

void gw_link_on_event(struct gw_engine *e, const struct gw_up_event *event)
{
    uint32_t index = event->connection;

    if (index > e->links.high || own_at(e, index)->phase == GW_LINK_FREE)
        return;
    switch (event->kind) {
    case GW_UP_CONNECTED:
        connected(e, index, event);
        return;
    case GW_UP_LOST:
        own_at(e, index)->state = GW_LINK_DOWN;
        own_at(e, index)->parted = false; /* it broke before its good-bye */
        gw_link_ready(e, index);
        return;
    case GW_UP_UNREACHABLE:
        failed(e, index, GW_LINK_DOWN, MQTTSN_REJECTED_CONGESTION,
               "upstream down");
        return;
    case GW_UP_DENIED:
        failed(e, index, GW_LINK_DENIED, MQTTSN_REJECTED_NOT_SUPPORTED,
               "upstream denied");
        return;
    case GW_UP_CLOSED:
        closed(e, index);
        return;
    case GW_UP_MESSAGE:
    case GW_UP_RESULT:
        return;
    }
}

/* ---- actions ----------------------------------------------------------- */

static struct mqttsn_span put(uint8_t **at, struct mqttsn_span octets)
{
    struct mqttsn_span copy = mqttsn_span(*at, octets.len);

    if (octets.len != 0)
        memcpy(*at, octets.data, octets.len);
    *at += octets.len;
    return copy;
}

/* The will as the broker is to have it; as when it is published, a reload may
 * have forbidden its topic since it was set. */
static void put_will(struct gw_engine *e, uint32_t session, uint8_t **at,
                     struct gw_up_action *action)
{
    const struct gw_session *s = gw_session_at(e, session);
    struct mqttsn_span topic =
        gw_names_span(&e->names, gw_cold(e, s)->will_topic);
    const struct gw_cold *c;
    char buf[GW_NAME_MAX];

    if (!(s->flags & GW_S_WILL) ||
        gw_session_settings(e, session)->will == GW_WILL_NEVER ||
        !gw_policy_may_publish(&e->policy, s->client_id, topic))
        return;
    c = gw_cold(e, s);
    topic = gw_policy_map(&e->policy, s->client_id, topic, buf);
    action->topic = put(at, topic);
    action->payload = put(at, gw_names_span(&e->names, c->will_message));
    action->qos = c->will_qos;
    action->retain = (s->flags & GW_S_WILL_RETAIN) != 0;
}

static bool open_it(struct gw_engine *e, uint32_t index, uint8_t *buf,
                    struct gw_up_action *ret_action)
{
    struct gw_link *l = own_at(e, index);
    const struct gw_session *s = gw_session_at(e, l->session);

    l->phase = GW_LINK_OPEN;
    l->clean = (s->flags & GW_S_CLEAN) != 0;
    l->stale = false;
    *ret_action = (struct gw_up_action){
        .kind = GW_UP_OPEN, .connection = index, .clean = l->clean};
    ret_action->client_id = put(&buf, gw_names_span(&e->names, s->client_id));
    put_will(e, l->session, &buf, ret_action);
    return true;
}

static bool close_it(struct gw_engine *e, uint32_t index,
                     struct gw_up_action *ret_action)
{
    own_at(e, index)->parted = true;
    own_at(e, index)->phase = GW_LINK_CLOSING;
    *ret_action =
        (struct gw_up_action){.kind = GW_UP_CLOSE, .connection = index};
    return true;
}

static bool subscribe(struct gw_engine *e, uint32_t index,
                      enum gw_up_action_kind kind, uint32_t filter,
                      uint8_t *buf, struct gw_up_action *ret_action)
{
    uint32_t name = gw_filter_at(&e->filters, filter)->name;
    uint32_t session = own_at(e, index)->session;

    *ret_action = (struct gw_up_action){
        .kind = kind,
        .connection = index,
        .topic = put(&buf, gw_names_span(&e->names, name)),
        .no_local = kind == GW_UP_SUBSCRIBE && session != 0 &&
                    gw_session_settings(e, session)->no_local,
    };
    return true;
}

static bool retell(struct gw_engine *e, uint32_t index, uint8_t *buf,
                   struct gw_up_action *ret_action)
{
    struct gw_link *l = own_at(e, index);
    uint32_t i = l->session ? gw_session_at(e, l->session)->subs : 0;
    struct gw_sub *b;

    while (i != 0 && !gw_sub_at(e, i)->untold)
        i = gw_sub_at(e, i)->session_next;
    l->retell = i != 0;
    if (i == 0)
        return false;
    b = gw_sub_at(e, i);
    b->untold = false;
    subscribe(e, index, GW_UP_SUBSCRIBE, b->filter, buf, ret_action);
    ret_action->qos = b->qos;
    ret_action->token = gw_token(GW_TOKEN_RETELL, b->item, i);
    return true;
}

static bool ask(struct gw_engine *e, uint32_t index, uint8_t *buf,
                struct gw_up_action *ret_action)
{
    struct gw_link *l = own_at(e, index);
    uint32_t exchange = l->asks_head;
    struct gw_exchange *x = gw_exchange_at(e, exchange);

    take_ask(e, exchange);
    x->state = GW_X_HANDED;
    l->asked++;
    subscribe(e, index,
              x->kind == GW_X_SUBSCRIBE ? GW_UP_SUBSCRIBE : GW_UP_UNSUBSCRIBE,
              x->filter, buf, ret_action);
    ret_action->qos = x->kind == GW_X_SUBSCRIBE ? x->qos : 0;
    ret_action->token = gw_token(GW_TOKEN_EXCHANGE, x->generation, exchange);
    return true;
}

/* Nothing waits, whatever is out. */
static bool is_empty(const struct gw_link *l)
{
    return l->lines[GW_LINE_AGAIN].head == 0 &&
           l->lines[GW_LINE_LIVE].head == 0 && l->asks_head == 0;
}

static bool poll_one(struct gw_engine *e, uint32_t index, unsigned classes,
                     uint8_t *buf, struct gw_up_action *ret_action)
{
    struct gw_link *l = own_at(e, index);
    bool control = (classes & GW_UP_CONTROL) != 0;

    if (l->phase == GW_LINK_OPENING)
        return control && open_it(e, index, buf, ret_action);
    if (l->phase != GW_LINK_OPEN && l->phase != GW_LINK_ENDING)
        return false;
    if (l->state == GW_LINK_UP) {
        if (control && l->retell && retell(e, index, buf, ret_action))
            return true;
        if (control && l->asks_head != 0)
            return ask(e, index, buf, ret_action);
        if ((classes & GW_UP_DATA) && gw_uplink_poll(e, l, buf, ret_action))
            return true;
        /* G12-29: by connecting anew, when it disturbs nothing. */
        if (l->phase == GW_LINK_OPEN && l->stale && is_empty(l) &&
            l->handed == 0 && l->asked == 0) {
            end(e, index);
            l->again = true;
        }
    }
    return control && l->phase == GW_LINK_ENDING &&
           (l->state != GW_LINK_UP || is_empty(l)) &&
           close_it(e, index, ret_action);
}

bool gw_link_poll(struct gw_engine *e, unsigned classes, uint8_t *buf,
                  struct gw_up_action *ret_action)
{
    for (uint32_t n = e->links.used; e->links_head != 0 && n > 0; n--) {
        uint32_t index = unlist_first(e);
        bool found;

        if (own_at(e, index)->phase == GW_LINK_FREE) {
            gw_slab_give(&e->links, index);
            continue;
        }
        found = poll_one(e, index, classes, buf, ret_action);
        /* There may be more, or what this sink has no room for now. */
        if (found || classes != (GW_UP_CONTROL | GW_UP_DATA))
            gw_link_ready(e, index);
        if (found)
            return true;
    }
    return false;
}
