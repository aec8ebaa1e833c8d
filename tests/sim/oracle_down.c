/* SPDX-License-Identifier: MIT */
/*
 * What goes down to a node: the right message, under a name that it knows, at
 * the right QoS, in order, one at a time, repeated as it should be.
 *
 * The list of a book is what was offered to the node and is not known to have
 * ended. The engine says how many it holds; the difference are messages that
 * were dropped, which somebody counted (oracle_look.c). So a message may
 * overtake others only as far as that many are gone.
 */
#include "sim.h"

#include <string.h>

/* A repetition may be late by this much. */
#define SLACK_MS 3000

static const struct message *message_of(struct sim *sim, const struct entry *e)
{
    return &sim->broker.messages[e->message];
}

void oracle_list_remove(struct book *book, size_t at)
{
    book->ghosts_lost |= book->ghost_count == ORACLE_GHOSTS;
    if (book->ghost_count == ORACLE_GHOSTS)
        memmove(book->ghosts, book->ghosts + 1,
                --book->ghost_count * sizeof(book->ghosts[0]));
    book->ghosts[book->ghost_count++] = book->list[at];
    book->count--;
    memmove(&book->list[at], &book->list[at + 1],
            (book->count - at) * sizeof(book->list[0]));
}

/* How many of the list are gone, as far as is known now. */
static uint64_t gone(struct sim *sim, const struct book *book)
{
    uint64_t drops =
        oracle_drops(gw_engine_counters(sim->gw.engine)) - sim->oracle.dropped;

    return (book->count > book->held ? book->count - book->held : 0) + drops;
}

/* ---- steps and their repetition (S12) ----------------------------------- */

static void step_taken(struct sim *sim, struct book *book,
                       const struct sn_frame *f)
{
    struct step *step = &book->step;
    mqttsn_ms retry = (mqttsn_ms)sim->o.retry_ms;
    bool early;

    if (step->type != f->type || step->msg != f->msg) {
        *step = (struct step){.type = f->type,
                              .msg = f->msg,
                              .topic = f->topic,
                              .at = sim->now,
                              .begun = sim->now};
        return;
    }
    sim->stats->repetitions++;
    early = sim->now + (mqttsn_ms)sim->o.lag_ms + 1 < step->at + retry &&
            sim->gw.open_since < step->at && !step->blurred;
    if (early)
        step->timed++; /* who asks for it may have it counted */
    if (step->heard && early) {
        step->heard = false; /* it asked for it; the clock goes on */
        return;
    }
    if (early && sim->now < book->last_heard + retry) {
        step->at = sim->now; /* it may have said what asks for that */
        return;
    }
    if (early)
        sim_fail(sim, "S12", "a %s is repeated to %s after %llu ms",
                 sn_type_name(f->type), book->id,
                 (unsigned long long)(sim->now - step->at));
    step->timed++;
    step->silent = step->heard ? 0 : step->silent + 1;
    if (step->silent > (unsigned)sim->o.retry_count)
        sim_fail(sim, "S12", "a %s is repeated to %s %u times",
                 sn_type_name(f->type), book->id, step->silent);
    /* If it asked just when the time had come, it gets it twice. What a block
     * has delayed may be either, and the clock went on meanwhile. */
    step->blurred = sim->gw.open_since >= step->at;
    step->heard = step->heard && step->silent == 0 && !step->blurred;
    step->at = sim->now;
    step->topic = f->topic;
}

void oracle_steps_due(struct sim *sim, struct book *book)
{
    const struct step *step = &book->step;
    mqttsn_ms due = step->at, kept = book->release_due;

    if (book->hazy || !oracle_deliverable(book) ||
        book->peer.addr.family == 0 || book->connack_due)
        return;
    if (due < sim->gw.free_since)
        due = sim->gw.free_since;
    if (due < sim->jumped_at)
        due = sim->jumped_at;
    due += (mqttsn_ms)sim->o.retry_ms + SLACK_MS;
    if (sim->gw.blocked != 0)
        return;
    /* While nothing could go out, repetitions were counted all the same. */
    if (step->type != 0 && !step->heard && sim->gw.free_since <= step->begun &&
        step->timed < (unsigned)sim->o.retry_count && sim->now > due &&
        gone(sim, book) == 0)
        sim_fail(sim, "S12", "a %s to %s is not repeated for %llu ms",
                 sn_type_name(step->type), book->id,
                 (unsigned long long)(sim->now - step->at));
    /* What the store does not take is tried again. */
    if (kept < sim->oracle.failed_at)
        kept = sim->oracle.failed_at + (mqttsn_ms)sim->o.retry_ms;
    /* Who sleeps is sent nothing; with the waking the time begins anew. */
    if (kept < book->since)
        kept = book->since;
    if (book->release_due != 0 && sim->jumped_at < book->release_due &&
        sim->now > kept + 20000 + (mqttsn_ms)sim->o.store_ms * 40 &&
        sim->gw.free_since < book->release_due && gone(sim, book) == 0)
        sim_fail(sim, "S12", "PUBREC of %s is not answered", book->id);
}

/* One thing at a time (S6): another begins when this one was acknowledged, was
 * given up after its repetitions, or has gone from the queue. What was counted
 * while nothing could go out is not known. */
static void check_alone(struct sim *sim, const struct book *book,
                        const struct sn_frame *f)
{
    const struct step *step = &book->step;

    if (step->type == 0 || (step->type == f->type && step->msg == f->msg) ||
        step->timed >= (unsigned)sim->o.retry_count ||
        sim->gw.free_since >= step->begun ||
        sim->gw.open_since >= step->begun || gone(sim, book) > 0)
        return;
    sim_fail(sim, "S6", "a %s to %s, and its %s (%u) is not acknowledged",
             sn_type_name(f->type), book->id, sn_type_name(step->type),
             step->msg);
}

static void step_ends(struct book *book)
{
    memset(&book->step, 0, sizeof(book->step));
}

/* ---- out ---------------------------------------------------------------- */

/* The entry at 'at' goes out: what is before it must be gone. */
static size_t come_to(struct sim *sim, struct book *book, size_t at,
                      const char *what)
{
    /* Where copies come, which of them was taken is not known. */
    if (at > gone(sim, book) && sim->o.each_copy)
        return at;
    if (at > gone(sim, book))
        sim_fail(sim, "S5", "%s to %s overtakes '%.*s'", what, book->id,
                 message_of(sim, &book->list[0])->len,
                 (const char *)message_of(sim, &book->list[0])->payload);
    for (; at > 0; at--)
        oracle_list_remove(book, 0);
    return 0;
}

/* What the node calls the topic of what it is to get. */
static const char *topic_of(struct sim *sim, const struct book *book,
                            const struct entry *e)
{
    return rules_of_client(&sim->o, book->id, message_of(sim, e)->topic);
}

static bool is_it(struct sim *sim, const struct book *book,
                  const struct entry *e, const char *topic,
                  const struct sn_frame *f)
{
    const struct message *m = message_of(sim, e);

    return strcmp(topic_of(sim, book, e), topic) == 0 &&
           m->len == f->tail_len && memcmp(m->payload, f->tail, m->len) == 0;
}

/* The same content may be there twice: as a message and as a retained one, or
 * delivered again. The one that fits best is meant; count: none. */
static size_t find_entry(struct sim *sim, const struct book *book,
                         const char *topic, const struct sn_frame *f)
{
    uint8_t qos = (f->flags & SN_QOS_BITS) / SN_QOS1;
    bool retain = (f->flags & SN_RETAIN) != 0;
    size_t any = book->count;

    for (size_t i = 0; i < book->count; i++) {
        const struct entry *e = &book->list[i];

        if (!is_it(sim, book, e, topic, f))
            continue;
        if (e->retain == retain && qos >= e->qos_low && qos <= e->qos_high &&
            (e->sent == 0 || e->msg == f->msg ||
             (e->unsure && e->qos_high == 1)))
            return i;
        if (any == book->count)
            any = i;
    }
    return any;
}

/* What is too old is dropped, not begun (D4); but for what a crash may have
 * made younger. The same content may have come again since. */
static void check_age(struct sim *sim, struct book *book, size_t at)
{
    mqttsn_ms most = (mqttsn_ms)sim->o.queue_max_age_s * 1000;
    const struct entry *e = &book->list[at];
    const struct message *m = message_of(sim, e);

    if (most == 0 || e->sent != 0)
        return;
    for (size_t i = at; i < book->count; i++) {
        const struct message *other = message_of(sim, &book->list[i]);

        if ((book->list[i].since == MQTTSN_NEVER ||
             sim->now - book->list[i].since <= most) &&
            other->len == m->len && strcmp(other->topic, m->topic) == 0 &&
            memcmp(other->payload, m->payload, m->len) == 0)
            return;
    }
    sim_fail(sim, "S9", "PUBLISH '%.*s' to %s is %llu ms old", m->len,
             (const char *)m->payload, book->id,
             (unsigned long long)(sim->now - e->since));
}

static void check_first(struct sim *sim, struct book *book, struct entry *e,
                        const struct sn_frame *f)
{
    if ((f->flags & SN_DUP) && !e->unsure)
        sim_fail(sim, "S12", "DUP on the first PUBLISH of '%.*s' to %s",
                 (int)f->tail_len, (const char *)f->tail, book->id);
    for (size_t i = 0; i < ORACLE_RECENT && !e->unsure; i++)
        if (book->recent[i] == f->msg)
            sim_fail(sim, "S12", "MsgId %u to %s is used again", f->msg,
                     book->id);
    memmove(book->recent, book->recent + 1,
            sizeof(book->recent) - sizeof(book->recent[0]));
    book->recent[ORACLE_RECENT - 1] = f->msg;
}

static void check_again(struct sim *sim, struct book *book, struct entry *e,
                        const struct sn_frame *f)
{
    if (e->final || e->released)
        sim_fail(sim, "S2", "PUBLISH '%.*s' to %s after its PUBREC",
                 (int)f->tail_len, (const char *)f->tail, book->id);
    if (!(f->flags & SN_DUP) && !e->unsure)
        sim_fail(sim, "S12", "PUBLISH '%.*s' to %s again, without DUP",
                 (int)f->tail_len, (const char *)f->tail, book->id);
    if (e->msg != f->msg)
        sim_fail(sim, "S12", "PUBLISH '%.*s' to %s again, MsgId %u for %u",
                 (int)f->tail_len, (const char *)f->tail, book->id, f->msg,
                 e->msg);
}

static void publish_out(struct sim *sim, struct book *book,
                        const struct sn_frame *f)
{
    uint8_t qos = (f->flags & SN_QOS_BITS) / SN_QOS1;
    char two[3];
    const char *topic = oracle_topic_name(book, f->flags, f->topic, two);
    struct entry *e;
    size_t at;

    if (topic == NULL)
        sim_fail(sim, "S3", "PUBLISH to %s under id %u, which is nothing",
                 book->id, f->topic);
    if ((f->flags & SN_TYPE_BITS) == SN_NORMAL &&
        !oracle_topic(book, f->topic)->told)
        sim_fail(sim, "S3", "PUBLISH to %s under id %u, which it was not told",
                 book->id, f->topic);
    at = find_entry(sim, book, topic, f);
    if (at == book->count && sim->o.each_copy) {
        oracle_becomes_hazy(sim, book); /* more copies than are known */
        return;
    }
    if (at == book->count)
        sim_fail(sim, "S14", "PUBLISH %s '%.*s' to %s is not for it, or again",
                 topic, (int)f->tail_len, (const char *)f->tail, book->id);
    at = come_to(sim, book, at, "PUBLISH");
    e = &book->list[at];
    if (qos == 3 || qos < e->qos_low || qos > e->qos_high)
        sim_fail(sim, "S14", "PUBLISH '%.*s' to %s at QoS %u, not %u",
                 (int)f->tail_len, (const char *)f->tail, book->id, qos,
                 e->qos_high);
    if (((f->flags & SN_RETAIN) != 0) != e->retain)
        sim_fail(sim, "S14", "PUBLISH to %s with Retain %u", book->id,
                 !e->retain);
    check_age(sim, book, at);
    oracle_limits_awake(sim, book, e);
    e->qos_low = e->qos_high = qos;
    e->stored |= qos > 0;
    if (qos == 0) {
        if (f->msg != 0 || (f->flags & SN_DUP))
            sim_fail(sim, "S8", "QoS 0 to %s with MsgId or DUP", book->id);
        oracle_list_remove(book, at);
        book->held--;
        step_ends(book);
        return;
    }
    if (e->unsure && e->qos_high == 1)
        ; /* a crash: whether it is the first is not known */
    else if (e->sent == 0 && f->msg != e->msg)
        check_first(sim, book, e, f);
    else
        check_again(sim, book, e, f);
    if (f->msg == 0)
        sim_fail(sim, "S12", "MsgId 0 to %s", book->id);
    e->sent++;
    e->unsure = false;
    e->msg = f->msg;
    e->topic = f->topic;
    step_taken(sim, book, f);
}

static void register_out(struct sim *sim, struct book *book,
                         const struct sn_frame *f)
{
    char name[BROKER_TOPIC] = {0};
    size_t at = 0;

    if (f->tail_len >= BROKER_TOPIC)
        sim_fail(sim, "S8", "REGISTER of a name of %zu octets", f->tail_len);
    memcpy(name, f->tail, f->tail_len);
    while (at < book->count &&
           strcmp(topic_of(sim, book, &book->list[at]), name) != 0)
        at++;
    if (at == book->count)
        sim_fail(sim, "S14", "REGISTER '%s' to %s, which gets nothing there",
                 name, book->id);
    (void)come_to(sim, book, at, "REGISTER");
    oracle_topic_means(sim, book, f->topic, name, false, false);
    step_taken(sim, book, f);
}

static void pubrel_out(struct sim *sim, struct book *book,
                       const struct sn_frame *f)
{
    book->release_due = 0;
    for (size_t at = 0; at < book->count; at++) {
        struct entry *e = &book->list[at];

        if (e->msg != f->msg || !(e->released || e->final || e->unsure))
            continue;
        check_alone(sim, book, f);
        e = &book->list[come_to(sim, book, at, "PUBREL")];
        e->released = e->final = true;
        e->unsure = false;
        book->release_due = 0;
        if (!oracle_deliverable(book))
            sim_fail(sim, "S7", "PUBREL to %s, which is not there", book->id);
        step_taken(sim, book, f);
        return;
    }
    /* "Not ours any more": let the node finish (G12-34). */
    oracle_answer(sim, oracle_caller(sim, &book->peer), book, f);
}

void oracle_down_out(struct sim *sim, struct book *book,
                     const struct sn_frame *f)
{
    if (book->hazy) {
        if (f->type == SN_PUBLISH && (f->flags & SN_QOS_BITS) == 0 &&
            book->held > 0)
            book->held--;
        return;
    }
    if (f->type == SN_PUBREL) {
        pubrel_out(sim, book, f);
        return;
    }
    check_alone(sim, book, f);
    if (!oracle_deliverable(book))
        sim_fail(sim, "S7", "a %s to %s, which is not there",
                 sn_type_name(f->type), book->id);
    if (book->connack_due)
        sim_fail(sim, "S7", "a %s to %s before its CONNACK",
                 sn_type_name(f->type), book->id);
    oracle_limits_paused(sim, book, f);
    if (f->type == SN_REGISTER)
        register_out(sim, book, f);
    else
        publish_out(sim, book, f);
}

/* ---- in ----------------------------------------------------------------- */

static struct entry *under_way(struct book *book, uint16_t msg)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i].sent + book->list[i].unsure > 0 &&
            book->list[i].msg == msg)
            return &book->list[i];
    return NULL;
}

/* Its id was refused, and a crash may have undone that: whether PUBREC finds it
 * is not known. */
static bool was_refused(const struct book *book, uint16_t msg)
{
    for (size_t i = 0; i < book->count && msg != 0; i++)
        if (book->list[i].msg == 0 && book->list[i].former == msg &&
            book->list[i].unsure)
            return true;
    return false;
}

static void on_puback(struct sim *sim, struct book *book,
                      const struct sn_frame *f)
{
    struct entry *e = f->msg != 0 ? under_way(book, f->msg) : NULL;
    struct topic *topic = oracle_topic(book, f->topic);
    bool anew;

    if (f->code == 1)
        book->excused = true; /* congestion ends an awake period */
    if (f->code >= 2 && topic != NULL)
        oracle_subs_unsure(book, topic->name);
    if (e == NULL)
        return;
    if (e->released || e->final)
        return;
    /* Before a crash it went out under that MsgId; now it is begun anew. */
    anew = e->unsure && book->step.type == SN_REGISTER;
    if (f->code == 2 && f->topic == e->topic) {
        e->former = e->msg;
        e->sent = 0; /* once more, as a new one, or dropped */
        e->msg = 0;
    }
    if (f->code == 1 && f->topic == e->topic && !e->unsure &&
        book->step.type == SN_PUBLISH && book->step.msg == f->msg)
        oracle_limits_congested(sim, book, gone(sim, book) == 0);
    if (f->code != 0 && f->topic == e->topic && !anew)
        step_ends(book);
}

void oracle_down_in(struct sim *sim)
{
    struct book *book = sim->oracle.bound;
    const struct sn_frame *f = &sim->oracle.frame;
    struct entry *e;

    if (book == NULL || book->hazy || oracle_line_given_up(sim) ||
        !(oracle_deliverable(book) || book->state == GW_ASLEEP))
        return;
    if (f->type == SN_PUBREC || (f->type == SN_PUBACK && f->code != 1))
        book->congested = 0; /* it has it, or does not want it, after all */
    switch (f->type) {
    case SN_PUBACK:
        on_puback(sim, book, f);
        break;
    case SN_REGACK:
        if (book->step.type != SN_REGISTER || book->step.msg != f->msg ||
            !oracle_deliverable(book))
            break;
        if (f->code == 1)
            book->excused = true;
        if (book->step.topic == f->topic)
            step_ends(book);
        break;
    case SN_PUBREC:
        e = under_way(book, f->msg);
        /* Or it was dropped, and the name is another one's: if so, it ends
         * nothing. */
        if ((e == NULL && was_refused(book, f->msg)) ||
            (book->step.type == SN_REGISTER && gone(sim, book) > 0))
            oracle_becomes_hazy(sim, book);
        if (e == NULL || e->qos_high != 2)
            break;
        if (!e->released && oracle_deliverable(book))
            book->release_due = sim->now;
        e->released = true;
        /* It has the message, also when a REGISTER was to come before it. */
        if (book->step.type != SN_PUBREL)
            step_ends(book);
        break;
    default:
        break;
    }
}

/* The engine counted a delivery: the datagram must have acknowledged it. */
void oracle_delivered(struct sim *sim)
{
    struct book *book = sim->oracle.bound;
    const struct sn_frame *f = &sim->oracle.frame;

    if (book != NULL && book->hazy)
        return;
    for (size_t i = 0; book != NULL && sim->oracle.valid && i < book->count;
         i++) {
        const struct entry *e = &book->list[i];

        if (e->msg != f->msg || e->msg == 0 ||
            !((f->type == SN_PUBACK && f->code == 0 && e->qos_low <= 1) ||
              (f->type == SN_PUBCOMP && e->qos_high == 2 &&
               (e->released || e->unsure))))
            continue;
        oracle_list_remove(book, come_to(sim, book, i, "the delivery"));
        step_ends(book);
        book->release_due = 0;
        sim->stats->down_delivered++;
        return;
    }
    sim_fail(sim, "S1",
             "something counts as delivered to %s that was not "
             "acknowledged",
             book != NULL ? book->id : "nobody");
}
