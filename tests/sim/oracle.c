/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <stddef.h>
#include <string.h>

void oracle_init(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    o->lied_to = o->forgot = false;
    o->idle_at = o->flushed_at = o->failed_at = 0;
    o->book_count = o->caller_count = o->up_count = o->will_count = 0;
    o->naming_count = 0;
    o->ups_safe = o->keeps = 0;
    o->up_drops = 0;
    memset(&o->roll, 0, sizeof(o->roll));
    o->wills_hazy = o->power_lost = false;
    o->message_count = 0;
    o->orders = o->entries = o->last_op = o->failures = 0;
    o->input = INPUT_BIRTH;
    o->valid = o->malformed = o->message_loose = false;
    o->caller = NULL;
    o->bound = o->named = o->linked = NULL;
    o->offers_must = o->offers_may = 0;
    o->delivered = o->dropped = o->held = 0;
    o->dropped_full = o->dropped_superseded = 0;
    o->reused = false;
    o->online_since = 0;
    o->group_asked = 0;
    o->refusals = 0;
    o->strangers_answered = o->strangers_told = 0;
    oracle_rates_begin(sim);
    memset(&o->asked, 0, sizeof(o->asked));
    memset(&o->uplink, 0, sizeof(o->uplink));
    oracle_discovery_begins(sim);
    memset(&o->counters, 0, sizeof(o->counters));
    memset(&o->before, 0, sizeof(o->before));
}

/* Nodes and libraries have wills, which may come out long after; so it has to
 * be remembered of whom little was known. */
static bool has_lasting_will(const struct book *book)
{
    return book->will_hazy && (book->id[0] == 'n' || book->id[0] == 'l');
}

bool oracle_is_of(const struct book *book, const void *id, size_t len)
{
    return book->id_len == len && memcmp(book->id, id, len) == 0;
}

/* Makes it that of another. */
static struct book *begin_book(struct book *book, const void *id, size_t len)
{
    memset(book, 0, offsetof(struct book, list));
    memcpy(book->id, id, len);
    book->id_len = len;
    return book;
}

struct book *oracle_book(struct sim *sim, const void *id, size_t len,
                         bool create)
{
    struct oracle *o = &sim->oracle;
    struct book *book;

    for (size_t i = 0; i < o->book_count; i++)
        if (oracle_is_of(&o->books[i], id, len))
            return &o->books[i];
    if (!create || len >= ORACLE_ID)
        return NULL;
    if (o->book_count >= ORACLE_BOOKS_KEPT) {
        /* A client id that no session has any more makes room. */
        for (size_t i = 0; i < o->book_count; i++)
            if (!o->books[i].exists && !o->books[i].connect.pending &&
                !has_lasting_will(&o->books[i])) {
                book = &o->books[i];
                oracle_up_forget(sim, book);
                o->reused = true;
                return begin_book(book, id, len);
            }
    }
    if (o->book_count == ORACLE_BOOKS)
        sim_fail(sim, "setup", "more than %d client ids", ORACLE_BOOKS);
    return begin_book(&o->books[o->book_count++], id, len);
}

struct book *oracle_bound(struct sim *sim, const struct peer *peer)
{
    struct book *hazy = NULL;

    for (size_t i = 0; i < sim->oracle.book_count; i++) {
        struct book *book = &sim->oracle.books[i];

        if (!book->exists)
            continue;
        if (peer_equal(&book->peer, peer) && !book->hazy)
            return book;
        /* Which of those behind the forwarder a hazy one is may be unknown. */
        if (book->hazy && gw_addr_equal(&book->peer.addr, &peer->addr))
            hazy = book;
    }
    return hazy;
}

void oracle_wipe(struct book *book)
{
    book->wipes++;
    book->count = book->ghost_count = 0;
    book->topic_count = book->sub_count = book->claim_count = 0;
    book->subs_overflow = false;
    memset(&book->will, 0, sizeof(book->will));
    memset(&book->step, 0, sizeof(book->step));
    book->release_due = 0;
    book->pings = 0;
}

/* ---- what comes in ----------------------------------------------------- */

static bool only_gateways_send(uint8_t type)
{
    static const uint8_t types[] = {
        SN_CONNACK,  SN_WILLTOPICREQ,  SN_WILLMSGREQ, SN_SUBACK,
        SN_UNSUBACK, SN_WILLTOPICRESP, SN_WILLMSGRESP};

    return memchr(types, type, sizeof(types)) != NULL;
}

/* A message without what it cannot be without. */
static bool lacks_its_tail(const struct sn_frame *f)
{
    bool by_name = (f->flags & SN_TYPE_BITS) == SN_NORMAL;

    return f->tail_len == 0 &&
           (f->type == SN_REGISTER ||
            ((f->type == SN_SUBSCRIBE || f->type == SN_UNSUBSCRIBE) &&
             by_name));
}

static void count_cell(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    sim->stats->datagrams_in++;
    if (!o->valid) {
        sim->stats->malformed++;
        return;
    }
    sim->stats->cells[o->bound == NULL ? 0 : 1 + (unsigned)o->bound->state]
                     [o->frame.type % STATS_TYPES]++;
}

/* The forwarder's header off; false when it is none we know. */
static bool unwrap(const uint8_t **data, size_t *len, struct peer *peer)
{
    size_t header = (*data)[0];

    if (*len < 4 || header < 4 || header >= *len || header - 3 > NET_ID)
        return false;
    peer->id_len = (uint8_t)(header - 3);
    memcpy(peer->id, *data + 3, peer->id_len);
    *data += header;
    *len -= header;
    return true;
}

static void begin(struct sim *sim, enum input input)
{
    struct oracle *o = &sim->oracle;

    o->input = input;
    o->valid = o->malformed = o->message_loose = o->claimed = false;
    o->message_counts = false;
    o->caller = NULL;
    o->bound = o->named = o->linked = NULL;
    o->offers_must = o->offers_may = 0;
}

/* Else it was taken by oracle_before_datagram, and the engine has had it. */
static void take_print(struct sim *sim)
{
    if (sim->o.source_rate == 0)
        sim->oracle.print = oracle_print(sim);
}

void oracle_before_datagram(struct sim *sim)
{
    oracle_limits_in(sim);
    if (sim->o.source_rate != 0)
        sim->oracle.print = oracle_print(sim);
}

void oracle_datagram_in(struct sim *sim, const struct gw_addr *from,
                        const uint8_t *data, size_t len)
{
    struct oracle *o = &sim->oracle;
    struct peer peer = {.addr = *from};
    size_t whole = len;
    const char *wrong = "larger than max_datagram";
    bool vague = false; /* this decoder is stricter than it must be */

    begin(sim, INPUT_DATAGRAM);
    if (sim->trace != NULL) {
        char hex[200];

        for (size_t i = 0; i < len && i < 90; i++)
            snprintf(hex + 2 * i, 3, "%02x", data[i]);
        sim_trace(sim, "%u.%u > %s", net_host(from), from->port,
                  len == 0 ? "" : hex);
    }
    if (len >= 3 && data[1] == SN_ENCAPSULATED && data[0] != 1) {
        if (!net_is_forwarder(from) || !unwrap(&data, &len, &peer)) {
            o->malformed = true; /* or refused; it changes nothing */
            take_print(sim);
            count_cell(sim);
            return;
        }
    }
    if (whole <= (size_t)sim->o.max_datagram)
        wrong = sn_unpack(data, len, &o->frame);
    /* By id or short name: the name's two octets are the id. */
    if (wrong == NULL &&
        (o->frame.type == SN_SUBSCRIBE || o->frame.type == SN_UNSUBSCRIBE) &&
        (o->frame.flags & SN_TYPE_BITS) != SN_NORMAL) {
        if ((o->frame.flags & SN_TYPE_BITS) == SN_TYPE_BITS)
            vague = true; /* reserved: answered, whatever follows (G12-06) */
        else if (o->frame.tail_len != 2)
            wrong = "of a wrong length";
        o->frame.topic = (uint16_t)(o->frame.tail[0] << 8 | o->frame.tail[1]);
    }
    vague = vague || (len > 3 && data[0] == 1);
    o->valid = wrong == NULL && o->frame.type != SN_ENCAPSULATED &&
               !lacks_its_tail(&o->frame);
    o->malformed = !o->valid && !vague;
    if (o->malformed)
        take_print(sim);
    o->caller = oracle_caller(sim, &peer);
    o->caller->octets_in += whole;
    o->bound = oracle_bound(sim, &peer);
    oracle_reach_in(sim);
    count_cell(sim);
    if (!o->valid) {
        if (!o->malformed && o->bound != NULL)
            o->bound->heard_high = sim->now;
        return;
    }
    if (sim->trace != NULL)
        sim_trace(sim, "%u.%u > %s flags=%02x topic=%u msg=%u code=%u \"%.*s\"",
                  net_host(from), from->port, sn_type_name(o->frame.type),
                  o->frame.flags, o->frame.topic, o->frame.msg, o->frame.code,
                  (int)(o->frame.tail_len > 40 ? 40 : o->frame.tail_len),
                  (const char *)o->frame.tail);
    if (only_gateways_send(o->frame.type)) {
        o->valid = false;
        return;
    }
    oracle_request(sim);
    oracle_rates_in(sim);
    oracle_discovery_in(sim);
    oracle_changed(sim, o->bound);
    oracle_states_in(sim, data, len);
    if (o->suspect)
        oracle_suspected(sim);
    oracle_changed(sim, o->named);
    oracle_topics_in(sim);
    oracle_readers_in(sim);
    oracle_subs_in(sim);
    oracle_up_in(sim);
    oracle_wills_in(sim);
    oracle_down_in(sim);
}

void oracle_upstream(struct sim *sim, const struct gw_up_event *event)
{
    static const char *const outcomes[] = {"done", "rejected", "quota",
                                           "unsent"};

    if (event->connection != 0 && event->kind != GW_UP_MESSAGE &&
        event->kind != GW_UP_RESULT) {
        begin(sim, INPUT_UPSTREAM);
        oracle_links_event(sim, event);
        return;
    }
    switch (event->kind) {
    case GW_UP_MESSAGE:
        sim->oracle.input = INPUT_MESSAGE; /* begun by oracle_message */
        sim_trace(sim, "up > PUBLISH %.*s qos=%u retain=%d id=%u \"%.*s\"",
                  (int)event->message.topic.len,
                  (const char *)event->message.topic.data, event->message.qos,
                  event->message.retain, event->message.packet_id,
                  (int)(event->message.payload.len > 30
                            ? 30
                            : event->message.payload.len),
                  (const char *)event->message.payload.data);
        return;
    case GW_UP_RESULT:
        begin(sim, INPUT_UPSTREAM);
        oracle_links_event(sim, event);
        sim_trace(
            sim, "up > %s token=%llx qos=%u", outcomes[event->result.outcome],
            (unsigned long long)event->result.token, event->result.granted_qos);
        oracle_up_result(sim, event->result.token, event->result.outcome);
        oracle_will_result(sim, event->result.token, event->result.outcome);
        oracle_subs_result(sim, event->result.token, event->result.outcome,
                           event->result.granted_qos);
        return;
    case GW_UP_CONNECTED:
        begin(sim, INPUT_UPSTREAM);
        sim->oracle.forgot |= !event->connected.session_present;
        oracle_discovery_line(sim, true);
        sim_trace(sim, "up > connected, session=%d",
                  event->connected.session_present);
        return;
    case GW_UP_LOST:
        begin(sim, INPUT_UPSTREAM);
        sim->stats->breaks++;
        sim_trace(sim, "up > lost");
        oracle_discovery_line(sim, false);
        oracle_subs_lost(sim);
        return;
    case GW_UP_UNREACHABLE:
    case GW_UP_DENIED:
        begin(sim, INPUT_UPSTREAM);
        sim_trace(sim, "up > no connection");
        oracle_discovery_line(sim, false);
        return;
    case GW_UP_CLOSED:
        return;
    }
}

void oracle_message(struct sim *sim, unsigned connection,
                    const struct outgoing *outgoing)
{
    begin(sim, INPUT_MESSAGE);
    if (connection == 0)
        oracle_offer(sim, outgoing);
    else
        oracle_links_offer(sim, connection, outgoing);
}

void oracle_stored(struct sim *sim, uint64_t op, bool ok)
{
    begin(sim, INPUT_STORED);
    sim->oracle.failures += !ok;
    if (!ok)
        sim->oracle.failed_at = sim->now;
    sim->stats->store_failures += !ok;
    oracle_up_stored(sim, op, ok);
    sim_trace(sim, "store > %llu %s", (unsigned long long)op,
              ok ? "stored" : "failed");
}

void oracle_deadline(struct sim *sim)
{
    begin(sim, INPUT_DEADLINE);
}

void oracle_reloaded(struct sim *sim)
{
    begin(sim, INPUT_RELOAD);
    oracle_names_reloaded(sim);
    oracle_up_reloaded(sim);
}

/* Who is connected may have its will published, if the options say so. */
void oracle_ending(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    begin(sim, INPUT_NONE);
    for (size_t i = 0; i < o->book_count && sim->o.will_on_shutdown; i++)
        if (!o->books[i].hazy && oracle_connected(&o->books[i]))
            oracle_will_due(sim, &o->books[i]);
}

void oracle_after_input(struct sim *sim)
{
    oracle_links_after(sim);
    sim->oracle.fresh = true;
    oracle_look(sim);
    sim->oracle.fresh = false;
    if (sim->oracle.input == INPUT_DATAGRAM && sim->oracle.malformed &&
        sim->oracle.print != oracle_print(sim))
        sim_fail(sim, "S13", "a malformed datagram changed something");
    if (sim->oracle.input == INPUT_DATAGRAM) {
        oracle_states_required(sim);
        oracle_limits_after(sim);
        oracle_uplink_after(sim);
        oracle_rates_after(sim);
        oracle_subs_refused(sim);
    }
    /* A CONNECT that was not taken now was refused. */
    if (sim->oracle.input == INPUT_DATAGRAM && sim->oracle.named != NULL) {
        if (sim->oracle.named->connect.pending && !sim->oracle.named->hazy)
            oracle_connect_refused(sim, sim->oracle.caller);
        sim->oracle.named->connect.pending = false;
    }
}

/* ---- what goes out ----------------------------------------------------- */

static void trace_out(struct sim *sim, const struct gw_datagram *datagram,
                      const struct sn_frame *f)
{
    sim_trace(sim, "%u.%u < %s flags=%02x topic=%u msg=%u code=%u \"%.*s\"",
              net_host(&datagram->to), datagram->to.port, sn_type_name(f->type),
              f->flags, f->topic, f->msg, f->code,
              (int)(f->tail_len > 40 ? 40 : f->tail_len),
              (const char *)f->tail);
}

static void expect_session(struct sim *sim, const struct book *book,
                           const struct sn_frame *f)
{
    if (book == NULL)
        sim_fail(sim, "S14", "a %s to an address that has no session",
                 sn_type_name(f->type));
}

void oracle_datagram_out(struct sim *sim, const struct gw_datagram *datagram,
                         const uint8_t *data)
{
    struct peer peer = {.addr = datagram->to};
    size_t len = datagram->len;
    struct caller *caller;
    struct book *book;
    struct sn_frame f;
    const char *wrong;

    sim->stats->datagrams_out++;
    if (len > (size_t)sim->o.max_datagram)
        sim_fail(sim, "S8", "a datagram of %zu octets", len);
    if (len > 3 && data[1] == SN_ENCAPSULATED && data[0] != 1 &&
        !unwrap(&data, &len, &peer))
        sim_fail(sim, "S8", "a bad encapsulation");
    wrong = sn_unpack(data, len, &f);
    if (wrong != NULL)
        sim_fail(sim, "S8", "it sent a message that is %s", wrong);
    if (sim->trace != NULL)
        trace_out(sim, datagram, &f);
    if (datagram->target == GW_TO_GROUP) {
        oracle_group_out(sim, datagram, &f);
        return;
    }
    caller = oracle_caller(sim, &peer);
    book = oracle_bound(sim, &peer);
    oracle_changed(sim, book);
    if (book == NULL)
        caller->octets_out += datagram->len;
    if (caller->octets_out > caller->octets_in)
        sim_fail(sim, "S10", "%llu octets to a stranger who sent %llu",
                 (unsigned long long)caller->octets_out,
                 (unsigned long long)caller->octets_in);
    oracle_reach_out(sim, caller, book, &f);
    switch (f.type) {
    case SN_REGISTER:
    case SN_PUBLISH:
        expect_session(sim, book, &f);
        if (f.type == SN_PUBLISH)
            oracle_readers_out(sim, book, &f);
        oracle_down_out(sim, book, &f);
        break;
    case SN_PUBREL:
        expect_session(sim, book, &f);
        oracle_down_out(sim, book, &f);
        break;
    case SN_WILLTOPICREQ:
    case SN_WILLMSGREQ:
        expect_session(sim, book, &f);
        if (book->state != GW_HALF_OPEN && !book->connack_due && !book->hazy)
            sim_fail(sim, "S8", "a %s to %s, which is not connecting",
                     sn_type_name(f.type), book->id);
        break;
    case SN_PINGREQ:
        expect_session(sim, book, &f);
        if (book->state != GW_ACTIVE && book->state != GW_AWAKE && !book->hazy)
            sim_fail(sim, "S7", "a PINGREQ to %s, which is not there",
                     book->id);
        break;
    default:
        if (f.type == SN_DISCONNECT && book == NULL)
            oracle_rates_out(sim, caller);
        oracle_answer(sim, caller, book, &f);
        break;
    }
}

void oracle_action(struct sim *sim, const struct gw_up_action *action)
{
    static const char *const words[] = {"PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE",
                                        "OPEN", "CLOSE"};

    sim_trace(sim, "up < %u %s %.*s qos=%u retain=%d token=%llx \"%.*s\"",
              action->connection, words[action->kind], (int)action->topic.len,
              (const char *)action->topic.data, action->qos, action->retain,
              (unsigned long long)action->token,
              (int)(action->payload.len > 30 ? 30 : action->payload.len),
              (const char *)action->payload.data);
    if (action->kind == GW_UP_OPEN || action->kind == GW_UP_CLOSE) {
        oracle_links_action(sim, action);
        return;
    }
    oracle_broker_action(sim, action);
    if (action->kind == GW_UP_PUBLISH) {
        sim->stats->up_publishes++;
        sim->oracle.uplink.qos0_published += action->qos == 0;
        if (!oracle_will_action(sim, action))
            oracle_up_action(sim, action);
    } else {
        oracle_subs_action(sim, action);
    }
}

void oracle_store_action(struct sim *sim, const struct gw_store_action *action,
                         const uint8_t *record)
{
    oracle_up_kept(sim, action, record);
    if (action->op <= sim->oracle.last_op)
        sim_fail(sim, "store", "operation %llu after %llu",
                 (unsigned long long)action->op,
                 (unsigned long long)sim->oracle.last_op);
    sim->oracle.last_op = action->op;
}

void oracle_note(struct sim *sim, const struct gw_note *note)
{
    static const char *const words[] = {
#define WORD(name, event, level) event,
        GW_NOTE_MAP(WORD)
#undef WORD
    };

    sim_trace(sim, "note %s %.*s value=%llu %s", words[note->kind],
              note->client_id_len, note->client_id,
              (unsigned long long)note->value,
              note->reason != NULL ? note->reason : "");
}

/* Nothing is under way to the store: what was done until now is durable. */
static void store_idle(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];
        size_t kept = 0;

        book->ghost_count = 0;
        book->ghosts_lost = false;
        for (size_t k = 0; k < book->count; k++)
            book->list[k].safe = book->list[k].stored;
        for (size_t k = 0; k < book->sub_count; k++) {
            if (book->subs[k].state == SUB_LEAVING)
                continue;
            book->subs[k].safe = true;
            book->subs[k].former = book->subs[k].qos;
            if (kept != k)
                book->subs[kept] = book->subs[k];
            kept++;
        }
        book->sub_count = kept;
    }
    if (o->ups_safe + ORACLE_UPS < o->up_count)
        o->ups_safe = o->up_count - ORACLE_UPS;
    while (o->ups_safe < o->up_count)
        o->ups[o->ups_safe++ % ORACLE_UPS].safe = true;
    o->idle_at = sim->now;
    o->forgot = false;
    broker_store_idle(sim);
}

void oracle_closed(struct sim *sim)
{
    store_idle(sim);
    oracle_flushed(sim);
}

void oracle_after_turn(struct sim *sim, bool quiet)
{
    struct oracle *o = &sim->oracle;

    o->input = o->input == INPUT_MESSAGE ? INPUT_NONE : o->input;
    oracle_look(sim);
    for (size_t i = 0; i < o->roll.count; i++) {
        oracle_supervised(sim, o->roll.rows[i]);
        oracle_steps_due(sim, o->roll.rows[i]);
    }
    oracle_discovery_due(sim);
    if (quiet)
        oracle_refusals_due(sim);
    if (quiet && store_is_idle(sim))
        store_idle(sim);
    o->input = INPUT_NONE;
    o->offers_must = o->offers_may = 0;
}
