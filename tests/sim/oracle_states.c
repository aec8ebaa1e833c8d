/* SPDX-License-Identifier: MIT */
/*
 * The states of a session: when each may change, when it must. What is seen
 * is what the engine's inspection says after each input; what may be seen
 * follows from the datagrams and the clock alone.
 */
#include "sim.h"

#include <string.h>

const char *oracle_state_word(enum gw_state state)
{
    static const char *const words[] = {"disconnected", "half-open", "active",
                                        "asleep",       "awake",     "lost"};

    return words[state];
}

static bool same_host(const struct peer *a, const struct peer *b)
{
    return memcmp(a->addr.ip, b->addr.ip, 16) == 0 && a->id_len == b->id_len &&
           memcmp(a->id, b->id, a->id_len) == 0;
}

/* Its holder is active elsewhere, and is asked first (D5). */
static bool is_contested(const struct book *book, const struct peer *peer)
{
    return book->exists && book->peer.addr.family != 0 &&
           (book->state == GW_ACTIVE || book->state == GW_AWAKE) &&
           !same_host(&book->peer, peer);
}

/* ---- a datagram -------------------------------------------------------- */

/* Whether PINGREQ with its id is obeyed from there (T5). */
bool oracle_may_rebind(const struct sim *sim, const struct book *book,
                       const struct peer *from)
{
    return sim->o.rebind_on_ping != GW_REBIND_OFF &&
           (sim->o.rebind_on_ping != GW_REBIND_SAME_HOST ||
            same_host(&book->peer, from));
}

/* Who waits already and asks again, is not heard. */
static bool is_waiting(const struct book *book, const struct peer *peer)
{
    for (size_t i = 0; i < book->contender_count && i < 4; i++)
        if (peer_equal(&book->contenders[i].peer, peer))
            return true;
    return false;
}

static void on_connect(struct sim *sim, const uint8_t *octets, size_t len)
{
    struct oracle *o = &sim->oracle;
    struct request_connect request;
    struct book *book;

    if (o->frame.protocol != 1 || o->frame.tail_len == 0 ||
        len > sizeof(o->named->connect.octets))
        return; /* refused at the door */
    book = oracle_book(sim, o->frame.tail, o->frame.tail_len, true);
    o->named = book;
    if (book == NULL)
        return;
    request = (struct request_connect){.pending = true,
                                       .suspect = o->suspect,
                                       .peer = o->caller->peer,
                                       .flags = o->frame.flags,
                                       .duration = o->frame.duration,
                                       .len = len};
    memcpy(request.octets, octets, len);
    if (book->perhaps && book->state == GW_HALF_OPEN)
        oracle_becomes_hazy(sim, book);
    if (!is_contested(book, &request.peer))
        book->connect = request;
    else if (!is_waiting(book, &request.peer))
        book->contenders[book->contender_count++ % 4] = request;
}

void oracle_states_in(struct sim *sim, const uint8_t *octets, size_t len)
{
    struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;

    if (f->type == SN_CONNECT) {
        on_connect(sim, octets, len);
        if (o->named != NULL && o->named == o->bound)
            o->named->contender_count = 0;
        return;
    }
    if (f->type == SN_PINGREQ && f->tail_len > 0)
        o->named = oracle_book(sim, f->tail, f->tail_len, false);
    if (o->bound == NULL ||
        (f->type == SN_PUBLISH && (f->flags & SN_QOS_BITS) == SN_QOS_MINUS1))
        return;
    o->bound->heard_low = o->bound->heard_high = sim->now;
    o->bound->talked = o->bound->spoke = true;
    if (o->bound->perhaps && o->bound->state == GW_HALF_OPEN)
        oracle_becomes_hazy(sim, o->bound);
    if (f->type == SN_PINGREQ && o->bound->state == GW_ACTIVE)
        o->bound->pings++;
    o->bound->strayed =
        f->type != SN_DISCONNECT && o->bound->state == GW_DISCONNECTED;
    if (f->type == SN_DISCONNECT && f->duration > 0 &&
        oracle_connected(o->bound)) {
        o->bound->sleep = f->duration;
        o->bound->since = sim->now;
        o->bound->promised = false;
        memset(&o->bound->step, 0, sizeof(o->bound->step));
    }
    o->bound->contender_count = 0; /* its holder has answered */
    o->bound->step.heard = true;
    o->bound->last_heard = sim->now;
}

/* ---- changes ----------------------------------------------------------- */

/* A new connection begins by this CONNECT: what of the old one still counts
 * [SN 6.3], G12-13, G12-21. */
static void begin_connection(const struct oracle *o, struct book *book)
{
    book->failures = o->failures;
    book->taken = book->connect;
    book->connect.pending = false;
    book->peer = book->taken.peer;
    book->clean = (book->taken.flags & SN_CLEAN) != 0;
    book->connection++;
    book->connack_due = true;
    book->connacks = 1;
    book->accepted = book->perhaps = false;
    book->pings = 0;
    book->promised = false;
    book->talked = false;
    book->refusals.count = 0; /* answers of the old connection are dropped */
    memset(&book->step, 0, sizeof(book->step));
    book->release_due = 0;
    book->wills_step = book->taken.flags & SN_WILL ? 1 : 0;
    book->will_barred = false;
    if (book->clean) {
        oracle_wipe(book);
        return;
    }
    for (size_t i = 0; i < book->topic_count; i++)
        book->topics[i].told = false;
    oracle_subs_mute(book);
}

static void wake_by_connect(const struct oracle *o, struct book *book)
{
    if (book->connacks == 0) /* else the former's still counts */
        book->failures = o->failures;
    book->taken = book->connect;
    book->connect.pending = false;
    book->peer = book->taken.peer;
    book->clean = false;
    book->accepted = book->perhaps = false;
    book->connack_due = true;
    book->connacks++; /* one may wait for the store yet */
    book->wills_step = 0;
    book->will_barred = false;
    book->promised = false;
    book->talked = false;
    memset(&book->step, 0, sizeof(book->step));
    book->release_due = 0;
}

/* G12-21b: CONNACK was lost, nothing begins anew. */
static bool is_repeated_connect(const struct sim *sim, const struct book *book)
{
    const struct request_connect *c = &book->connect, *t = &book->taken;

    return book->state == GW_ACTIVE && peer_equal(&c->peer, &book->peer) &&
           c->len == t->len && memcmp(c->octets, t->octets, c->len) == 0 &&
           !book->talked &&
           sim->now - book->since <=
               (mqttsn_ms)(sim->o.retry_ms * (sim->o.retry_count + 1));
}

/* G12-21a: the last prompt was lost, and is repeated. */
static bool is_repeated_attempt(const struct book *book)
{
    const struct request_connect *c = &book->connect, *t = &book->taken;

    return book->state == GW_HALF_OPEN && peer_equal(&c->peer, &book->peer) &&
           c->len == t->len && memcmp(c->octets, t->octets, c->len) == 0;
}

static bool only_wakes(const struct book *book)
{
    return (book->state == GW_ASLEEP || book->state == GW_AWAKE) &&
           !(book->connect.flags & (SN_CLEAN | SN_WILL));
}

static void illegal(struct sim *sim, const struct book *book, enum gw_state to,
                    const char *why)
{
    sim_fail(sim, "state", "%s went from %s to %s: %s", book->id,
             oracle_state_word(book->state), oracle_state_word(to), why);
}

static bool frame_from(const struct sim *sim, const struct book *book,
                       uint8_t type)
{
    return sim->oracle.input == INPUT_DATAGRAM && sim->oracle.valid &&
           sim->oracle.bound == book && sim->oracle.frame.type == type;
}

/* Somebody else has taken its address: CONNECT or PINGREQ with another id. */
static bool lost_its_address(const struct book *book,
                             const struct gw_session_info *info)
{
    return book->peer.addr.family != 0 && info->addr.family == 0;
}

static void to_active(struct sim *sim, struct book *book)
{
    if (!book->connect.pending && !book->connack_due &&
        book->state != GW_HALF_OPEN)
        illegal(sim, book, GW_ACTIVE, "there was no CONNECT");
}

static void to_asleep(struct sim *sim, struct book *book,
                      const struct gw_session_info *info)
{
    if (frame_from(sim, book, SN_DISCONNECT) && sim->oracle.frame.duration > 0)
        return;
    if (book->state != GW_AWAKE)
        illegal(sim, book, GW_ASLEEP, "it did not ask to sleep");
    /* PINGRESP has made it so already; else silence must have. */
    if (!book->hazy && !book->ping_unclear && !lost_its_address(book, info) &&
        !(sim->oracle.input == INPUT_DEADLINE && book->step.type != 0) &&
        !(sim->oracle.named != NULL && sim->oracle.named != book))
        illegal(sim, book, GW_ASLEEP, "its awake period was not over");
}

/* PINGREQ with its id came from another address, and was obeyed. */
static void check_rebind(struct sim *sim, struct book *book)
{
    const struct peer *from = &sim->oracle.caller->peer;

    if (!oracle_may_rebind(sim, book, from))
        sim_fail(sim, "T5", "%s was woken from elsewhere", book->id);
    book->peer = *from;
}

static void to_awake(struct sim *sim, struct book *book)
{
    const struct oracle *o = &sim->oracle;

    if (o->input != INPUT_DATAGRAM || o->frame.type != SN_PINGREQ ||
        (o->named != book && o->bound != book) || book->state != GW_ASLEEP)
        illegal(sim, book, GW_AWAKE, "it did not wake up");
    if (o->named == book && o->bound != book)
        check_rebind(sim, book);
    book->excused = book->ping_unclear = false;
    oracle_limits_awoke(sim, book);
    sim->stats->awake_periods++;
}

static void to_lost(struct sim *sim, struct book *book)
{
    mqttsn_ms wait =
        book->state == GW_ASLEEP
            ? oracle_tolerance(book->sleep)
            : (book->keepalive == 0 ? (mqttsn_ms)sim->o.idle_max_s * 1000
                                    : oracle_tolerance(book->keepalive));

    if (book->state != GW_ACTIVE && book->state != GW_ASLEEP)
        illegal(sim, book, GW_LOST, "nobody watches it");
    if (sim->oracle.input != INPUT_DEADLINE ||
        sim->now < book->heard_low + wait)
        illegal(sim, book, GW_LOST, "it is not overdue");
    oracle_will_due(sim, book);
}

/* Its holder was silent; the one that waited for it began it anew, and was
 * refused then, for the broker is away. */
static bool refused_contender(const struct sim *sim, const struct book *book,
                              bool with_clean)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    bool any = false;

    for (size_t i = 0; i < book->contender_count && i < 4; i++)
        any |= !with_clean || (book->contenders[i].flags & SN_CLEAN);
    return sim->oracle.input == INPUT_DEADLINE && any &&
           c->connects_congestion > sim->oracle.counters.connects_congestion;
}

/* Its CONNECT was accepted, and could not be stored: that is taken back. */
static bool is_unkept(const struct sim *sim, const struct book *book)
{
    return sim->oracle.input == INPUT_STORED && book->connacks > 0 &&
           sim->oracle.failures > book->failures;
}

static void to_disconnected(struct sim *sim, struct book *book)
{
    const struct oracle *o = &sim->oracle;

    if (is_unkept(sim, book))
        return;
    if (refused_contender(sim, book, false)) {
        oracle_becomes_hazy(sim, book); /* which of them it was is not known */
        book->peer.addr.family = 0;
        return;
    }
    if (frame_from(sim, book, SN_DISCONNECT))
        return;
    if (book->state == GW_HALF_OPEN)
        return; /* given up, or refused */
    if (o->input == INPUT_DEADLINE && sim->o.upstream_down_max_s != 0)
        return;
    if (o->named == book && o->frame.type == SN_CONNECT)
        return; /* a new attempt that was refused at once */
    illegal(sim, book, GW_DISCONNECTED, "it did not leave");
}

/* The holder said nothing, and loses its session. */
static void take_contender(struct sim *sim, struct book *book,
                           const struct gw_session_info *info)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);

    if (sim->oracle.input != INPUT_DEADLINE ||
        (info->state != GW_HALF_OPEN &&
         c->connects_accepted == sim->oracle.counters.connects_accepted))
        return;
    for (size_t i = 0; i < book->contender_count && i < 4; i++) {
        const struct request_connect *one = &book->contenders[i];

        if (gw_addr_equal(&info->addr, &one->peer.addr) &&
            (!book->connect.pending || one->duration == info->duration_s))
            book->connect = *one;
    }
}

/* The CONNECT at hand was taken: found by what it must have brought about. */
static void take_connect(struct sim *sim, struct book *book,
                         const struct gw_session_info *info)
{
    take_contender(sim, book, info);
    if (!book->connect.pending ||
        !gw_addr_equal(&info->addr, &book->connect.peer.addr) ||
        (info->state != GW_HALF_OPEN && info->state != GW_ACTIVE))
        return;
    if (book->exists && book->hazy) {
        book->connect.pending = false;
        return; /* whether it repeats another is not known */
    }
    if (book->exists &&
        (is_repeated_connect(sim, book) || is_repeated_attempt(book))) {
        book->connect.pending = false;
        book->heard_low = book->heard_high = sim->now;
        return;
    }
    if (book->exists && only_wakes(book)) {
        wake_by_connect(&sim->oracle, book);
    } else {
        begin_connection(&sim->oracle, book);
    }
    if (book->taken.suspect)
        oracle_becomes_hazy(sim, book);
    book->contender_count = 0;
    book->heard_low = book->heard_high = book->since = sim->now;
}

/* What was accepted by this input may be this one. */
static bool is_concerned(const struct sim *sim, const struct book *book)
{
    const struct oracle *o = &sim->oracle;

    if (o->linked != NULL)
        return o->linked == book;
    if (sim->o.transparent && o->input == INPUT_DEADLINE)
        return book->since == sim->now; /* it got what another had */
    return o->input != INPUT_DATAGRAM || o->named == book || o->bound == book;
}

void oracle_count_candidates(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    o->candidates = 0;
    for (size_t i = 0; i < o->book_count; i++)
        o->candidates += o->books[i].exists &&
                         o->books[i].state == GW_HALF_OPEN &&
                         o->books[i].wills_step == 0 && !o->books[i].accepted &&
                         is_concerned(sim, &o->books[i]);
}

/* Until its CONNACK has gone, the inspection calls a node half-open; for what
 * it may do, what counts is whether it was accepted. */
static enum gw_state state_in_force(struct sim *sim, struct book *book,
                                    const struct gw_session_info *info)
{
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    uint64_t accepted;

    if (info->state != GW_HALF_OPEN || book->wills_step != 0)
        return info->state;
    if (book->accepted && book->state != GW_HALF_OPEN &&
        book->state != GW_DISCONNECTED && book->state != GW_LOST) {
        if (frame_from(sim, book, SN_DISCONNECT) &&
            sim->oracle.frame.duration > 0)
            return GW_ASLEEP;
        if (frame_from(sim, book, SN_PINGREQ) && book->state == GW_ASLEEP)
            return GW_AWAKE;
        return book->state;
    }
    accepted = c->connects_accepted - sim->oracle.counters.connects_accepted;
    if (!book->accepted && accepted > 0 && sim->oracle.fresh &&
        is_concerned(sim, book) && accepted < sim->oracle.candidates) {
        book->perhaps = true; /* some of them were, and which is not known */
    } else if (!book->accepted && !book->perhaps && accepted > 0 &&
               is_concerned(sim, book)) {
        book->accepted = true;
        book->talked = false;
        book->since = book->heard_low = book->heard_high = sim->now;
    }
    return book->accepted ? GW_ACTIVE : GW_HALF_OPEN;
}

/* What moves the address of a session and is no new connection: a wake-up of
 * who is awake already, and a CONNECT that was refused at once. */
static void rebind(struct sim *sim, struct book *book,
                   const struct gw_session_info *info)
{
    const struct oracle *o = &sim->oracle;

    if (!o->fresh || o->input != INPUT_DATAGRAM || !o->valid ||
        o->named != book || o->bound == book ||
        !gw_addr_equal(&info->addr, &o->caller->peer.addr))
        return;
    if (o->frame.type == SN_PINGREQ && info->state == GW_AWAKE &&
        book->state == GW_AWAKE &&
        /* All behind the forwarder have its address: not seen, if refused. */
        (o->caller->peer.id_len == 0 ||
         oracle_may_rebind(sim, book, &o->caller->peer))) {
        check_rebind(sim, book);
        oracle_limits_awoke(sim, book);
        memset(&book->step, 0, sizeof(book->step));
    }
    if (o->frame.type == SN_CONNECT && info->state == GW_DISCONNECTED)
        book->peer = o->caller->peer;
}

void oracle_state_seen(struct sim *sim, struct book *book,
                       const struct gw_session_info *info)
{
    enum gw_state before = book->state, to;
    bool new = !book->exists;
    unsigned connection = book->connection;

    if (!book->hazy)
        rebind(sim, book, info);
    /* A CONNECT that is refused at once begins its expiry anew. */
    if (sim->oracle.fresh && sim->oracle.input == INPUT_DATAGRAM &&
        sim->oracle.valid && sim->oracle.frame.type == SN_CONNECT &&
        sim->oracle.named == book && info->state == GW_DISCONNECTED)
        book->since = sim->now;
    if (new) {
        memset(book->recent, 0, sizeof(book->recent));
        book->newborn = true;
        book->spoke = false;
    }
    if (new && !book->connect.pending && !book->hazy)
        sim_fail(sim, "state", "%s has a session and never connected",
                 book->id);
    if (new && !rules_admit(&sim->o, book->id))
        sim_fail(sim, "access",
                 "'%s' has a session, and may not stand in a "
                 "topic",
                 book->id);
    take_connect(sim, book, info);
    /* The one that waited for it got it, and another session besides. */
    if (sim->oracle.input == INPUT_DEADLINE && book->contender_count > 0 &&
        info->addr.family == 0)
        oracle_becomes_hazy(sim, book);
    if (book->hazy) {
        oracle_adopt(sim, book, info);
        return;
    }
    to = state_in_force(sim, book, info);
    if (new && book->connection == connection)
        sim_fail(sim, "state", "%s has a session, but not as it connected",
                 book->id);
    if (!new &&to != before && book->masked && info->state != GW_HALF_OPEN &&
        (to == GW_ACTIVE || to == GW_ASLEEP || to == GW_AWAKE)) {
        /* What went on behind the mask is not known. */
        book->since = book->heard_high = sim->now;
    } else if (!new &&to != before) {
        switch (to) {
        case GW_ACTIVE:
        case GW_HALF_OPEN:
            to_active(sim, book);
            break;
        case GW_ASLEEP:
            to_asleep(sim, book, info);
            break;
        case GW_AWAKE:
            to_awake(sim, book);
            break;
        case GW_LOST:
            to_lost(sim, book);
            break;
        case GW_DISCONNECTED:
            to_disconnected(sim, book);
            break;
        }
        if (before != GW_HALF_OPEN || !book->perhaps)
            book->since = book->heard_low = sim->now;
        book->heard_high = sim->now;
        book->perhaps = book->perhaps && to == GW_HALF_OPEN;
        book->promised = false;
        memset(&book->step, 0, sizeof(book->step));
        if (to == GW_DISCONNECTED || to == GW_LOST) {
            oracle_subs_mute(book);
            book->connack_due = false;
            book->connacks = 0;
        }
    }
    if (new || to != before)
        sim->stats->changes[new ? 0 : 1 + (unsigned)before][1 + (unsigned)to]++;
    book->exists = true;
    book->masked = info->state == GW_HALF_OPEN && to != GW_HALF_OPEN;
    book->state = to;
    if (book->peer.addr.family != 0 && info->addr.family == 0)
        book->peer.addr.family = 0; /* nobody speaks for it now */
    if (to == GW_DISCONNECTED && refused_contender(sim, book, false)) {
        oracle_becomes_hazy(sim, book); /* it was told to go, then this */
        book->peer.addr.family = 0;
    }
    if (book->peer.addr.family != 0 &&
        !gw_addr_equal(&info->addr, &book->peer.addr))
        sim_fail(sim, "state", "%s, %s, is at %u.%u, and spoke from %u.%u",
                 book->id, oracle_state_word(to), net_host(&info->addr),
                 info->addr.port, net_host(&book->peer.addr),
                 book->peer.addr.port);
    if (to == GW_ACTIVE)
        book->keepalive = book->taken.duration;
    if (to == GW_ACTIVE && info->state == to &&
        info->duration_s != book->taken.duration)
        sim_fail(sim, "state", "%s has a keep-alive of %u, not %u", book->id,
                 info->duration_s, book->taken.duration);
    if (to == GW_ASLEEP && info->state == to && info->duration_s != book->sleep)
        sim_fail(sim, "state", "%s sleeps for %u, not %u", book->id,
                 info->duration_s, book->sleep);
}

void oracle_vanished(struct sim *sim, struct book *book)
{
    const struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    mqttsn_ms expiry = (mqttsn_ms)sim->o.session_expiry_s * 1000;
    bool ok = false;

    switch (book->state) {
    case GW_HALF_OPEN:
        ok = true;
        break;
    case GW_ACTIVE:
    case GW_ASLEEP:
        if (o->input != INPUT_DEADLINE || !book->clean)
            break;
        ok = true;
        if (book->hazy || refused_contender(sim, book, true))
            break;
        if (sim->o.upstream_down_max_s == 0)
            to_lost(sim, book);
        else
            oracle_will_due(sim, book); /* or it was told to go */
        break;
    case GW_AWAKE:
        break;
    case GW_DISCONNECTED:
    case GW_LOST:
        ok = o->input == INPUT_DEADLINE && sim->now >= book->since + expiry;
        break;
    }
    ok = ok || (frame_from(sim, book, SN_DISCONNECT) && book->clean) ||
         (o->named == book && o->frame.type == SN_CONNECT) ||
         (c->connects_evicted > o->counters.connects_evicted && !book->spoke) ||
         (o->input == INPUT_DEADLINE && sim->o.upstream_down_max_s != 0 &&
          book->clean);
    ok = ok || refused_contender(sim, book, true) ||
         (book->clean && is_unkept(sim, book));
    if (!ok && !book->hazy)
        sim_fail(sim, "state", "%s, which was %s, is gone", book->id,
                 oracle_state_word(book->state));
    oracle_wipe(book);
    book->hazy = false;
    sim->stats->changes[1 + (unsigned)book->state][0]++;
    book->exists = false;
    book->held = 0;
    book->promised = false;
    book->connect.pending = book->connect.pending && o->named != book;
    book->contender_count = 0;
}
