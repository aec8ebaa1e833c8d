/* SPDX-License-Identifier: MIT */
#include "deliver.h"

#include "siphash_inline.h"

_Static_assert(sizeof(struct gw_addr) == (size_t)3 * GW_SIP_WORD, "words");

/* SipHash-1-3 of the address and the name behind it. */
uint64_t gw_peer_hash(const struct gw_engine *e, const struct gw_addr *addr,
                      uint32_t node_ref)
{
    const uint8_t *at = (const uint8_t *)addr;
    struct gw_sip_state v = gw_sip_begin(e->seed);

    v = gw_sip_absorb(v, gw_sip_load_word(at), 1);
    v = gw_sip_absorb(v, gw_sip_load_word(at + GW_SIP_WORD), 1);
    v = gw_sip_absorb(v, gw_sip_load_word(at + 2 * GW_SIP_WORD), 1);
    return gw_sip_end(v, node_ref, sizeof(*addr) + sizeof(node_ref), 1, 3);
}

static uint64_t client_hash(const struct gw_engine *e, uint32_t client_id)
{
    return gw_hash(e, &client_id, sizeof(client_id));
}

static uint32_t find_by_peer(const struct gw_engine *e,
                             const struct gw_addr *addr, uint32_t node_ref)
{
    struct gw_table_probe probe;
    uint64_t hash = gw_peer_hash(e, addr, node_ref);

    for (uint32_t i = gw_table_first(&e->by_addr, hash, &probe); i != 0;
         i = gw_table_next(&e->by_addr, &probe)) {
        const struct gw_session *s = gw_session_at(e, i);

        if (s->node_id == node_ref && gw_addr_equal(&s->addr, addr))
            return i;
    }
    return 0;
}

uint32_t gw_session_by_peer(const struct gw_engine *e,
                            const struct gw_peer *peer)
{
    /* A node id nobody holds a name of belongs to no session. */
    if (peer->node_id.len != 0 && peer->node_ref == 0)
        return 0;
    return find_by_peer(e, &peer->addr, peer->node_ref);
}

uint32_t gw_session_by_client(const struct gw_engine *e,
                              struct mqttsn_span client_id)
{
    uint32_t name = gw_names_find(&e->names, client_id);
    struct gw_table_probe probe;

    if (name == 0)
        return 0;
    for (uint32_t i =
             gw_table_first(&e->by_client, client_hash(e, name), &probe);
         i != 0; i = gw_table_next(&e->by_client, &probe)) {
        if (gw_session_at(e, i)->client_id == name)
            return i;
    }
    return 0;
}

/* ---- fresh sessions: those that give way first (D7) -------------------- */

static void fresh_remove(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);
    struct gw_cold *c;

    if (!(s->flags & GW_S_FRESH))
        return;
    c = gw_warm(e, index);
    if (c->fresh_prev)
        gw_warm(e, c->fresh_prev)->fresh_next = c->fresh_next;
    else
        e->fresh_head = c->fresh_next;
    if (c->fresh_next)
        gw_warm(e, c->fresh_next)->fresh_prev = c->fresh_prev;
    else
        e->fresh_tail = c->fresh_prev;
    c->fresh_prev = c->fresh_next = 0;
    s->flags &= ~(unsigned)GW_S_FRESH;
    gw_cold_rests(e, index);
}

static void fresh_append(struct gw_engine *e, uint32_t index)
{
    gw_session_at(e, index)->flags |= GW_S_FRESH;
    gw_warm(e, index)->fresh_prev = e->fresh_tail;
    if (e->fresh_tail)
        gw_warm(e, e->fresh_tail)->fresh_next = index;
    else
        e->fresh_head = index;
    e->fresh_tail = index;
}

/* ---- life -------------------------------------------------------------- */

uint32_t gw_session_new(struct gw_engine *e, struct mqttsn_span client_id)
{
    uint32_t name, index;
    struct gw_session *s;

    /* The oldest that never said anything after its CONNECT gives way, once it
     * has its CONNACK: nobody is left without an answer. */
    if (e->sessions.used == e->sessions.capacity && e->fresh_head &&
        !(gw_session_at(e, e->fresh_head)->flags & GW_S_CONNACK_DUE)) {
        e->counters.connects_evicted++;
        gw_session_end(e, e->fresh_head);
    }
    name = gw_names_intern(&e->names, client_id);
    if (name == 0)
        return 0;
    index = gw_slab_take(&e->sessions);
    if (index == 0) {
        gw_names_unref(&e->names, name);
        return 0;
    }
    s = gw_session_at(e, index);
    s->client_id = name;
    s->number = ++e->next_session_number;
    s->next_topic_id = 1;
    s->connection = 1;
    s->next_msg_id = (uint16_t)gw_random(e);
    s->state = GW_DISCONNECTED;
    e->in_state[s->state]++;
    s->last_heard = s->state_since = e->now;
    gw_table_insert(&e->by_client, client_hash(e, name), index);
    fresh_append(e, index);
    return index;
}

/*
 * A client has one session, so the others had ended when this one began: the
 * power went between the two words, or the end stood behind a gap. What they
 * had is still given back to them, and ends with them behind the last record,
 * as with who never finished its CONNECT.
 */
void gw_session_outlives(struct gw_engine *e, uint32_t index)
{
    uint32_t name = gw_session_at(e, index)->client_id;
    struct gw_table_probe probe;

    for (uint32_t i =
             gw_table_first(&e->by_client, client_hash(e, name), &probe);
         i != 0; i = gw_table_next(&e->by_client, &probe)) {
        struct gw_session *s = gw_session_at(e, i);

        if (i == index || s->client_id != name)
            continue;
        gw_session_set_state(e, i, GW_HALF_OPEN);
        s->flags &= ~(unsigned)GW_S_KNOWN;
    }
}

static void unbind(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    if (s->addr.family == 0)
        return;
    gw_table_remove(&e->by_addr, gw_peer_hash(e, &s->addr, s->node_id), index);
    /* The host part stays in 'addr' for PINGREQ (D5); the family says that
     * there is no address, so nothing can be sent. */
    s->last_family = s->addr.family;
    s->addr.family = 0;
    if (s->state == GW_AWAKE)
        gw_sleep_end_awake(e, index, true); /* with its timer running */
    gw_deliver_suspend(e, index);
    gw_replies_wipe(e, index);
}

bool gw_session_bind(struct gw_engine *e, uint32_t index,
                     const struct gw_peer *peer)
{
    struct gw_session *s = gw_session_at(e, index);
    uint32_t node = 0, before = gw_session_by_peer(e, peer);

    if (before == index) {
        gw_via_set(&e->vias, &s->via, &peer->via);
        return true;
    }
    if (peer->node_id.len != 0) {
        node = gw_names_intern(&e->names, peer->node_id);
        if (node == 0)
            return false;
    }
    if (before != 0) {
        unbind(e, before); /* G12-23 */
        gw_store_session(e, before);
    }
    if (s->addr.family != 0) {
        unbind(e, index);
        e->counters.takeovers++;
        gw_note_peer(e, GW_NOTE_MOVED, &peer->addr,
                     gw_names_span(&e->names, s->client_id), 0, NULL);
    }
    gw_names_unref(&e->names, s->node_id);
    s->node_id = node;
    s->addr = peer->addr;
    gw_via_set(&e->vias, &s->via, &peer->via);
    gw_table_insert(&e->by_addr, gw_peer_hash(e, &s->addr, node), index);
    return true;
}

void gw_session_wipe(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    gw_subs_wipe(e, index);
    gw_topics_wipe(e, index);
    gw_backlog_wipe(e, index);
    gw_exchanges_leave(e, index, true);
    gw_will_delete(e, index);
    gw_replies_wipe(e, index);
    gw_session_forget_answers(e, index);
    s->next_topic_id = 1;
    gw_store_forget_owner(e, s->number);
}

void gw_session_forget_answers(struct gw_engine *e, uint32_t index)
{
    if (gw_session_at(e, index)->cold != 0) {
        struct gw_cold *c = gw_warm(e, index);

        c->last_valid = c->last_sub_valid = false;
    }
}

void gw_session_end(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    gw_contender_end(e, index);
    unbind(e, index);
    gw_session_wipe(e, index);
    gw_link_orphan(e, index);
    fresh_remove(e, index);
    gw_heap_remove(&e->due, index);
    gw_table_remove(&e->by_client, client_hash(e, s->client_id), index);
    gw_names_unref(&e->names, s->client_id);
    gw_names_unref(&e->names, s->node_id);
    gw_names_unref(&e->names, gw_cold(e, s)->new_will_topic);
    gw_cold_end(e, index);
    gw_via_clear(&e->vias, &s->via);
    e->in_state[s->state]--;
    if (s->flags & GW_S_READY) {
        /* The block is still on the ready list: the poll that takes it off
         * sees number 0 and gives the block back. */
        s->number = 0;
        return;
    }
    s->number = 0;
    gw_slab_give(&e->sessions, index);
}

void gw_session_end_connection(struct gw_engine *e, uint32_t index)
{
    if (gw_session_at(e, index)->state == GW_HALF_OPEN) {
        gw_connect_abandon(e, index);
        return;
    }
    gw_deliver_suspend(e, index);
    gw_replies_wipe(e, index);
    gw_exchanges_leave(e, index, false);
    gw_session_enter(e, index, GW_DISCONNECTED);
}

struct gw_stranger *gw_session_tell_end(struct gw_engine *e,
                                        const struct gw_session *s)
{
    struct gw_peer peer = {.addr = s->addr,
                           .via = *gw_via_at(&e->vias, s->via),
                           .node_id = gw_names_span(&e->names, s->node_id)};

    return gw_stranger_reply(e, &peer,
                             &(struct gw_reply){.type = MQTTSN_DISCONNECT});
}

void gw_session_dismiss(struct gw_engine *e, uint32_t index)
{
    const struct gw_session *s = gw_session_at(e, index);
    struct gw_stranger *told = gw_session_tell_end(e, s);

    if (s->flags & GW_S_CLEAN) {
        gw_session_end(e, index);
    } else {
        gw_session_end_connection(e, index);
        gw_store_session(e, index);
    }
    /* A node that was told is not restored with its will after a crash. */
    if (told != NULL)
        told->reply.wait = e->store_queued;
}

void gw_session_ready(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    if (s->flags & GW_S_READY)
        return;
    s->flags |= GW_S_READY;
    s->ready_next = 0;
    if (e->ready_tail)
        gw_session_at(e, e->ready_tail)->ready_next = index;
    else
        e->ready_head = index;
    e->ready_tail = index;
}

const struct gw_client_settings *gw_session_settings(struct gw_engine *e,
                                                     uint32_t index)
{
    struct gw_cold *c;

    if (e->policy.options.client_rule_count == 0)
        return &e->policy.options.client;
    c = gw_warm(e, index);
    if (!c->settings_known || c->settings_generation != e->policy.generation) {
        const struct gw_session *s = gw_session_at(e, index);

        gw_policy_client(&e->policy, gw_names_span(&e->names, s->client_id),
                         &c->settings);
        c->settings_generation = e->policy.generation;
        c->settings_known = true;
    }
    return &c->settings;
}

size_t gw_session_max_frame(struct gw_engine *e, uint32_t index)
{
    const struct gw_session *s = gw_session_at(e, index);
    uint16_t listener = gw_via_at(&e->vias, s->via)->listener;
    size_t most = gw_session_settings(e, index)->max_datagram;
    size_t header =
        s->node_id ? 3 + gw_names_span(&e->names, s->node_id).len : 0;

    if (listener < e->policy.options.listener_count &&
        (most == 0 || most > e->policy.listeners[listener].max_datagram))
        most = e->policy.listeners[listener].max_datagram;
    return most > header ? most - header : 0;
}

bool gw_session_carries(struct gw_engine *e, uint32_t index, size_t fixed,
                        size_t rest)
{
    size_t len = fixed + rest;

    return (len > 255 ? len + 2 : len) <= gw_session_max_frame(e, index);
}

/* ---- supervision ------------------------------------------------------- */

/* +10 % above one minute, +50 % otherwise [SN 7.2]; exactly 60 s is not
 * above. */
static mqttsn_ms with_tolerance(uint32_t seconds)
{
    return seconds > 60 ? (mqttsn_ms)seconds * 1100 : (mqttsn_ms)seconds * 1500;
}

mqttsn_ms gw_session_supervised(const struct gw_engine *e,
                                const struct gw_session *s)
{
    const struct gw_options *o = &e->policy.options;

    switch ((enum gw_state)s->state) {
    case GW_ACTIVE:
        return s->last_heard +
               (s->keepalive_s ? with_tolerance(s->keepalive_s) : o->idle_max);
    case GW_ASLEEP:
        return s->last_heard + with_tolerance(s->sleep_s);
    case GW_DISCONNECTED:
    case GW_LOST:
        return s->state_since + o->session_expiry;
    case GW_AWAKE:
        return s->state_since + o->awake_max_time;
    case GW_HALF_OPEN:
        return gw_cold(e, s)->step_due;
    }
    return MQTTSN_NEVER;
}

void gw_session_arm(struct gw_engine *e, uint32_t index, mqttsn_ms due)
{
    uint64_t key;

    if (due == MQTTSN_NEVER)
        return;
    if (!gw_heap_has(&e->due, index, &key) || due < key)
        gw_heap_set(&e->due, index, due);
}

void gw_session_heard_anew(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    if (s->flags & GW_S_FRESH)
        fresh_remove(e, index);
    if (gw_cold(e, s)->contender)
        gw_contender_on_answer(e, index);
    if (s->down_phase == GW_DOWN_STALLED) {
        s->down_phase = GW_DOWN_IDLE;
        gw_session_ready(e, index);
    }
}

void gw_session_set_state(struct gw_engine *e, uint32_t index,
                          enum gw_state state)
{
    struct gw_session *s = gw_session_at(e, index);

    e->in_state[s->state]--;
    e->in_state[state]++;
    s->state = (uint8_t)state;
}

/* Asks an active client that has been silent for its keep-alive whether it is
 * still there (G12-48). */
static void ping_if_silent(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);
    mqttsn_ms silent = s->last_heard + (mqttsn_ms)s->keepalive_s * 1000;
    mqttsn_ms due = gw_cold(e, s)->ping_due;

    if (!e->policy.options.gw_ping || s->state != GW_ACTIVE ||
        s->keepalive_s == 0)
        return;
    if (e->now >= silent && e->now >= due) {
        gw_reply_simple(e, index, MQTTSN_PINGREQ);
        due = e->now + e->policy.options.retry_interval;
        gw_warm(e, index)->ping_due = due;
    }
    gw_session_arm(e, index, due > silent ? due : silent);
}

void gw_session_enter(struct gw_engine *e, uint32_t index, enum gw_state state)
{
    struct gw_session *s = gw_session_at(e, index);
    bool leaves = state == GW_DISCONNECTED || state == GW_LOST;

    gw_session_set_state(e, index, state);
    s->state_since = e->now;
    if (!leaves) /* else it may have been heard long ago */
        s->last_heard = e->now;
    if (s->cold != 0)
        gw_warm(e, index)->ping_due = 0;
    if (state != GW_AWAKE)
        s->flags &= ~(unsigned)(GW_S_PINGRESP_DUE | GW_S_AWAKE_OVER);
    gw_session_arm(e, index, gw_session_supervised(e, s));
    ping_if_silent(e, index);
    if (leaves)
        gw_link_leave(e, index);
}

void gw_session_break(struct gw_engine *e, uint32_t index, enum gw_state state)
{
    gw_will_publish(e, index);
    gw_deliver_suspend(e, index);
    gw_replies_wipe(e, index); /* a CONNACK would be a lie now */
    if (gw_session_at(e, index)->flags & GW_S_CLEAN) {
        gw_session_end(e, index); /* G12-50 */
        return;
    }
    gw_exchanges_leave(e, index, false);
    gw_session_enter(e, index, state);
    gw_store_session(e, index);
}

/* Supervision ran out: the will, then lost [SN 6.14]. */
static void lose(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    e->counters.clients_lost++;
    gw_note(e, GW_NOTE_LOST, index,
            s->state == GW_ASLEEP ? s->sleep_s : s->keepalive_s,
            s->state == GW_ASLEEP ? "sleep" : "keepalive");
    gw_session_break(e, index, GW_LOST);
}

/* False when the session is gone. */
static bool supervise(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);
    uint32_t number = s->number;

    if (s->state == GW_HALF_OPEN) {
        if (e->now >= gw_cold(e, s)->step_due)
            gw_connect_on_deadline(e, index);
    } else if (e->now >= gw_session_supervised(e, s)) {
        switch ((enum gw_state)s->state) {
        case GW_ACTIVE:
        case GW_ASLEEP:
            lose(e, index);
            break;
        case GW_AWAKE:
            /* awake_max_time: nothing new is started (G12-17). */
            s->flags |= GW_S_AWAKE_OVER;
            gw_session_ready(e, index);
            break;
        case GW_DISCONNECTED:
        case GW_LOST:
            e->counters.sessions_expired++;
            gw_note(e, GW_NOTE_EXPIRED, index, 0, NULL);
            gw_session_end(e, index);
            break;
        case GW_HALF_OPEN:
            break;
        }
    }
    return s->number == number;
}

/* The earliest thing anybody wants of this session. */
static mqttsn_ms next_due(const struct gw_engine *e, const struct gw_session *s)
{
    const struct gw_cold *c = gw_cold(e, s);
    mqttsn_ms due = gw_session_supervised(e, s), rest = gw_cold_due(e, s);

    if (s->state == GW_AWAKE && (s->flags & GW_S_AWAKE_OVER))
        due = MQTTSN_NEVER;
    due = rest < due ? rest : due;
    if (c->contender) {
        mqttsn_ms t = gw_contender_at(e, c->contender)->due;
        due = t < due ? t : due;
    }
    if (c->down_due != 0 && c->down_due < due)
        due = c->down_due;
    for (uint32_t x = s->exchanges; x != 0; x = gw_exchange_at(e, x)->next) {
        mqttsn_ms t = gw_exchange_at(e, x)->due;
        due = t != 0 && t < due ? t : due;
    }
    return due;
}

void gw_session_on_deadline(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);
    uint32_t x, next;

    gw_heap_remove(&e->due, index);
    if (s->number == 0)
        return;
    x = gw_cold(e, s)->contender;
    if (x != 0 && e->now >= gw_contender_at(e, x)->due)
        gw_contender_on_deadline(e, index);
    if (s->number == 0 || !supervise(e, index))
        return;
    if (gw_cold(e, s)->down_due != 0 && e->now >= gw_cold(e, s)->down_due)
        gw_deliver_on_deadline(e, index);
    for (x = s->exchanges; x != 0; x = next) {
        next = gw_exchange_at(e, x)->next;
        if (gw_exchange_at(e, x)->due != 0 &&
            e->now >= gw_exchange_at(e, x)->due)
            gw_exchange_on_timeout(e, x);
    }
    ping_if_silent(e, index);
    gw_cold_on_deadline(e, index);
    gw_session_arm(e, index, next_due(e, s));
}
