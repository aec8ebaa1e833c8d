/* SPDX-License-Identifier: MIT */
/*
 * Who is subscribed to what, and so who is to get a message; whether the
 * broker is asked for no more and no less.
 */
#include "sim.h"

#include <string.h>

/* A SUBSCRIBE for nodes that ask, by the first octet of its token; others are
 * for what a broker has forgotten. */
#define WINDOW_TOKEN 2
#define EXCHANGE_TOKEN 1 /* by its own connection */

static struct sub *find(struct book *book, const char *filter)
{
    for (size_t i = 0; i < book->sub_count; i++)
        if (strcmp(book->subs[i].filter, filter) == 0)
            return &book->subs[i];
    return NULL;
}

static struct sub *add(struct book *book, const char *filter)
{
    struct sub *sub = find(book, filter);

    if (sub != NULL)
        return sub;
    if (book->sub_count == ORACLE_SUBS) {
        book->subs_overflow = true;
        return &book->subs[0];
    }
    sub = &book->subs[book->sub_count++];
    memset(sub, 0, sizeof(*sub));
    topic_copy(sub->filter, filter);
    return sub;
}

void oracle_subs_unsure(struct book *book, const char *filter)
{
    struct sub *sub = find(book, filter);

    if (sub == NULL)
        return;
    sub->doubted = true;
    if (sub->state == SUB_STANDS)
        sub->state = SUB_UNSURE;
}

void oracle_subs_mute(struct book *book)
{
    for (size_t i = 0; i < book->claim_count; i++)
        book->claims[i].mute = true;
}

static void claim_remove(struct book *book, size_t at)
{
    book->claim_count--;
    memmove(&book->claims[at], &book->claims[at + 1],
            (book->claim_count - at) * sizeof(book->claims[0]));
}

bool oracle_filter_of(struct book *book, const struct sn_frame *f,
                      char filter[BROKER_TOPIC])
{
    const char *name;
    char two[3];

    memset(filter, 0, BROKER_TOPIC);
    if ((f->flags & SN_TYPE_BITS) == SN_NORMAL) {
        if (f->tail_len == 0 || f->tail_len >= BROKER_TOPIC)
            return false;
        memcpy(filter, f->tail, f->tail_len);
        return true;
    }
    name = oracle_topic_name(book, f->flags, f->topic, two);
    if (name == NULL || (f->flags & SN_TYPE_BITS) == SN_NORMAL)
        return false;
    topic_copy(filter, name);
    return filter[0] != '\0';
}

/* ---- the node asks ------------------------------------------------------ */

/* Those whose SUBACK nobody can ask for once more. */
static void forget_finished(struct sim *sim, struct book *book)
{
    mqttsn_ms late =
        (mqttsn_ms)(sim->o.retry_ms * (sim->o.retry_count + 1)) + 1000;

    for (size_t i = book->claim_count; i-- > 0;)
        if (book->claims[i].state == CLAIM_SETTLING &&
            sim->now > book->claims[i].until + late)
            claim_remove(book, i);
}

static void subscribe(struct sim *sim, struct book *book,
                      const struct sn_frame *f, const char *filter)
{
    struct claim *claim;

    if (!rules_allow(&sim->o, RULES_SUBSCRIBE, book->id, filter)) {
        oracle_owe(&book->barred, SN_SUBACK, f->msg);
        return;
    }
    for (size_t i = 0; i < book->claim_count; i++) {
        claim = &book->claims[i];
        if (claim->msg == f->msg && !claim->mute && !claim->idle &&
            strcmp(claim->filter, filter) == 0 &&
            claim->state != CLAIM_SETTLING &&
            sim->now <
                claim->asked_at + (mqttsn_ms)sim->o.upstream_timeout_s * 1000)
            return; /* a repetition */
    }
    forget_finished(sim, book);
    if (book->claim_count == ORACLE_CLAIMS)
        claim_remove(book, 0);
    claim = &book->claims[book->claim_count++];
    memset(claim, 0, sizeof(*claim));
    strcpy(claim->filter, filter);
    claim->msg = f->msg;
    claim->id = (f->flags & SN_TYPE_BITS) == SN_NORMAL ? 0 : f->topic;
    claim->qos = (f->flags & SN_QOS_BITS) / SN_QOS1;
    claim->state = CLAIM_ASKED;
    claim->asked_at = sim->now;
    sim->oracle.claimed = true;
}

void oracle_subs_in(struct sim *sim)
{
    struct book *book = sim->oracle.bound;
    const struct sn_frame *f = &sim->oracle.frame;
    char filter[BROKER_TOPIC];
    struct sub *sub;

    if (book == NULL || (f->type != SN_SUBSCRIBE && f->type != SN_UNSUBSCRIBE))
        return;
    if (book->state != GW_ACTIVE && book->state != GW_ASLEEP &&
        book->state != GW_AWAKE)
        return;
    if (sim->o.strict_sleep && book->state == GW_ASLEEP)
        return; /* answered with DISCONNECT */
    if (!oracle_filter_of(book, f, filter))
        return;
    if (f->type == SN_SUBSCRIBE) {
        if ((f->flags & SN_QOS_BITS) != SN_QOS_BITS)
            subscribe(sim, book, f, filter);
        return;
    }
    /* One that is asked for at the same time comes, or not. */
    for (size_t i = 0; i < book->claim_count; i++)
        if (strcmp(book->claims[i].filter, filter) == 0)
            book->claims[i].mute = true;
    sub = find(book, filter);
    if (sub != NULL)
        sub->state = sim->o.upstream_down_max_s != 0 || sim->o.transparent
                         ? SUB_UNSURE
                         : SUB_LEAVING;
    /* Settling ones end for it: what is retained does not come any more. */
}

/* Those that asked for the SUBACK that went out now, if the broker is not asked
 * again. */
static void mark_repetitions(struct book *book, uint16_t msg,
                             const char *filter)
{
    for (size_t i = 0; i < book->claim_count; i++)
        if (book->claims[i].state == CLAIM_ASKED &&
            book->claims[i].msg == msg &&
            strcmp(book->claims[i].filter, filter) == 0)
            book->claims[i].idle = true;
}

/* Some use one MsgId for all: then an answer does not say what it is about. */
static bool is_ambiguous(const struct book *book, uint16_t msg)
{
    const char *filter = NULL;

    for (size_t i = 0; i < book->claim_count; i++) {
        const struct claim *claim = &book->claims[i];

        if (claim->msg != msg || claim->mute)
            continue;
        if (filter != NULL && strcmp(filter, claim->filter) != 0)
            return true;
        filter = claim->filter;
    }
    return false;
}

void oracle_subs_refused(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;
    struct book *book = o->bound;

    if (!o->valid || f->type != SN_SUBSCRIBE || book == NULL ||
        o->counters.up_congestion == o->before.up_congestion)
        return;
    oracle_owe(&book->refusals, SN_SUBACK, f->msg);
    if (book->claim_count > 0 && o->claimed)
        claim_remove(book, book->claim_count - 1);
}

void oracle_subs_answered(struct sim *sim, struct book *book,
                          const struct sn_frame *f)
{
    uint8_t qos = (f->flags & SN_QOS_BITS) / SN_QOS1;
    struct sub *sub;

    book->hazy |= f->type == SN_SUBACK && is_ambiguous(book, f->msg);
    /* Which it was does not matter: it waited for the store. */
    if (f->type == SN_UNSUBACK)
        return;
    oracle_names_subscribed(sim, book, f);
    if (f->code != 0 && (oracle_take(&book->barred, SN_SUBACK, f->msg) ||
                         oracle_take(&book->refusals, SN_SUBACK, f->msg)))
        return;
    if (f->code != 0)
        book->retained_until =
            sim->now + 10000 + (mqttsn_ms)sim->o.upstream_timeout_s * 1000;
    for (size_t i = 0; i < book->claim_count && f->code != 0; i++)
        if (book->claims[i].msg == f->msg && !book->claims[i].mute &&
            book->claims[i].state != CLAIM_SETTLING) {
            claim_remove(book, i);
            return;
        }
    for (size_t i = book->claim_count; i-- > 0 && f->code != 0;)
        if (book->claims[i].msg == f->msg &&
            (!book->claims[i].mute ||
             book->claims[i].state == CLAIM_SETTLING)) {
            /* The broker granted it, and the table was full. */
            claim_remove(book, i);
            return;
        }
    for (size_t i = 0; i < book->claim_count; i++) {
        struct claim *claim = &book->claims[i];

        if (claim->msg != f->msg || f->code != 0 || claim->mute)
            continue;
        /* Some use one MsgId for all: any that fits may be meant. */
        if (claim->state != CLAIM_SETTLING || qos > claim->qos)
            continue;
        sub = find(book, claim->filter);
        if (sub != NULL && sub->state != SUB_LEAVING) {
            if (sub->state == SUB_UNSURE && !sub->doubted) {
                sub->qos = claim->qos;
                sub->qos_low = qos;
            }
            /* It says what holds. */
            if (qos >= sub->qos_low && qos <= sub->qos && !sub->doubted)
                sub->qos = sub->qos_low = qos;
            sub->former = sub->qos;
            sub->acked = true;
            if (!sub->doubted)
                sub->state = SUB_STANDS;
        }
        mark_repetitions(book, claim->msg, claim->filter);
        return;
    }
    if (f->code == 0) {
        for (size_t i = 0; i < book->claim_count; i++)
            if (book->claims[i].msg == f->msg && !book->claims[i].mute &&
                !book->hazy && find(book, book->claims[i].filter) == NULL)
                sim_fail(sim, "S1",
                         "SUBACK to %s, and the broker did not grant that",
                         book->id);
    }
}

/* ---- the broker is asked ------------------------------------------------ */

/* By its own connection each is asked for itself, in their order; one that
 * repeats another may not be asked at all. */
static void hand_one(struct book *book, const char *filter, uint64_t token)
{
    struct claim *claim = NULL;

    for (size_t k = 0; k < book->claim_count; k++) {
        struct claim *one = &book->claims[k];

        if (one->state != CLAIM_ASKED || strcmp(one->filter, filter) != 0)
            continue;
        if (claim == NULL || (claim->idle && !one->idle))
            claim = one;
    }
    if (claim != NULL) {
        claim->state = CLAIM_HANDED;
        claim->token = token;
    }
}

void oracle_subs_action(struct sim *sim, const struct gw_up_action *action)
{
    struct oracle *o = &sim->oracle;
    char topic[BROKER_TOPIC] = {0};
    bool wanted = false;

    if (action->topic.len >= BROKER_TOPIC)
        return;
    memcpy(topic, action->topic.data, action->topic.len);
    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];
        const char *filter = rules_of_client(&sim->o, book->id, topic);
        struct sub *sub;

        if (!book->exists || filter == NULL ||
            (action->connection != 0 &&
             strcmp(links_client(sim, action->connection), book->id) != 0))
            continue;
        sub = find(book, filter);
        if (sub != NULL && action->kind == GW_UP_SUBSCRIBE)
            sub->token = action->token;
        wanted |= sub != NULL && sub->state == SUB_STANDS && !book->hazy;
        if (action->connection != 0 && action->kind == GW_UP_SUBSCRIBE &&
            action->token >> 56 == EXCHANGE_TOKEN)
            hand_one(book, filter, action->token);
        for (size_t k = 0; k < book->claim_count; k++) {
            struct claim *claim = &book->claims[k];

            if (claim->state == CLAIM_SETTLING && claim->token == action->token)
                claim->token = 0; /* it is another's now */
            if (strcmp(claim->filter, filter) != 0)
                continue;
            if (action->kind == GW_UP_SUBSCRIBE &&
                action->token >> 56 == WINDOW_TOKEN &&
                claim->state == CLAIM_ASKED) {
                claim->state = CLAIM_HANDED;
                claim->token = action->token;
            }
        }
    }
    if (action->kind == GW_UP_UNSUBSCRIBE && wanted &&
        !rules_is_probe(&sim->o, topic))
        sim_fail(sim, "subscriptions",
                 "'%s' is given up at the broker, and somebody has it", topic);
}

/* The broker was asked once for two that ask for different QoS. One of them may
 * be a repetition, whose SUBACK was only on its way: that asked for nothing. */
static bool is_shared(const struct book *book, const struct claim *claim)
{
    for (size_t i = 0; i < book->claim_count; i++)
        if (book->claims[i].token == claim->token &&
            book->claims[i].qos != claim->qos)
            return true;
    return false;
}

static void granted(struct sim *sim, struct book *book, struct claim *claim,
                    uint8_t qos)
{
    struct sub *sub = find(book, claim->filter);
    bool had = sub != NULL && sub->state != SUB_LEAVING;
    bool was = had && sub->state == SUB_STANDS && sub->acked;
    /* It may be refused: SUBACK will tell. */
    bool unsure = claim->mute || is_shared(book, claim) ||
                  (!was && sim->o.max_subscriptions < 128) ||
                  sim->now >= claim->asked_at +
                                  (mqttsn_ms)sim->o.upstream_timeout_s * 1000;

    sub = add(book, claim->filter);
    sub->lost = false;
    sub->doubted = is_shared(book, claim);
    if (qos < claim->qos)
        claim->qos = qos;
    if (!unsure || !had || claim->qos > sub->qos) {
        /* Of two changes under way, what was before the first. */
        if (!had || sub->safe)
            sub->former = had ? sub->qos : claim->qos;
        sub->qos = sub->qos_low = claim->qos;
    }
    sub->state = unsure ? SUB_UNSURE : SUB_STANDS;
    sub->acked = was && !claim->mute;
    sub->safe = false;
}

/* The broker was asked, and perhaps not because of this one. */
static void perhaps_granted(struct sim *sim, struct book *book,
                            struct claim *claim, uint8_t qos)
{
    struct sub *sub = find(book, claim->filter);

    if (sub == NULL || sub->state == SUB_LEAVING) {
        granted(sim, book, claim, qos);
        return;
    }
    if (qos > claim->qos)
        qos = claim->qos;
    if (qos < sub->qos_low)
        sub->qos_low = qos;
    if (qos > sub->qos)
        sub->qos = qos;
}

void oracle_subs_result(struct sim *sim, uint64_t token,
                        enum gw_up_outcome outcome, uint8_t qos)
{
    struct oracle *o = &sim->oracle;
    bool refused = outcome == GW_UP_REJECTED || outcome == GW_UP_QUOTA;

    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        for (size_t k = 0; k < book->sub_count; k++)
            if (book->subs[k].token == token && token >> 56 != WINDOW_TOKEN &&
                token >> 56 != EXCHANGE_TOKEN && outcome != GW_UP_UNSENT)
                book->subs[k].lost = refused;
        for (size_t k = book->claim_count; k-- > 0;) {
            struct claim *claim = &book->claims[k];

            if (claim->state != CLAIM_HANDED || claim->token != token)
                continue;
            switch (outcome) {
            case GW_UP_DONE:
                if (claim->idle)
                    perhaps_granted(sim, book, claim, qos);
                else
                    granted(sim, book, claim, qos);
                claim->state = CLAIM_SETTLING;
                claim->until = sim->now + (mqttsn_ms)sim->o.retain_settle_ms;
                break;
            case GW_UP_UNSENT:
                claim->state = CLAIM_ASKED;
                break;
            case GW_UP_REJECTED:
            case GW_UP_QUOTA:
                if (!claim->mute)
                    oracle_owe(&book->refusals, SN_SUBACK, claim->msg);
                claim_remove(book, k);
                break;
            }
        }
    }
}

bool oracle_subs_by_id(const struct book *book, uint16_t msg, uint16_t id)
{
    for (size_t i = 0; i < book->claim_count; i++)
        if (book->claims[i].msg == msg && book->claims[i].id == id)
            return true;
    return false;
}

void oracle_subs_lost(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < o->book_count; i++)
        for (size_t k = 0; k < o->books[i].claim_count; k++)
            if (o->books[i].claims[k].state == CLAIM_SETTLING)
                o->books[i].claims[k].until = sim->now;
}

/* ---- a message: for whom? ----------------------------------------------- */

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

void oracle_offer_to(struct sim *sim, struct book *book,
                     const struct outgoing *outgoing, bool must, uint8_t low,
                     uint8_t high)
{
    struct oracle *o = &sim->oracle;

    book->offered = true;
    book->offer_must = must;
    book->offer_kept = true;
    book->offer = (struct entry){
        .message = outgoing->message,
        .number = ++o->entries,
        .since = sim->now,
        .qos_low = lower(outgoing->qos, low),
        .qos_high = o->message_loose ? high : lower(outgoing->qos, high),
        .retain = outgoing->retain};
    book->offer.stored = book->offer.qos_low > 0 || book->state != GW_ACTIVE;
    if (must)
        o->offers_must++;
    else
        o->offers_may++;
}

static void offer_retained(struct sim *sim, struct book *book,
                           const struct outgoing *outgoing, const char *topic)
{
    uint8_t low = 2, high = 0;
    bool any = false;

    for (size_t k = 0; k < book->claim_count; k++) {
        struct claim *claim = &book->claims[k];

        if (!filter_matches(claim->filter, topic) ||
            claim->state == CLAIM_ASKED ||
            (claim->state == CLAIM_SETTLING && sim->now > claim->until + 1000))
            continue;
        any = true;
        low = lower(low, claim->qos);
        high = claim->qos > high ? claim->qos : high;
        if (claim->state == CLAIM_SETTLING)
            claim->until = sim->now + (mqttsn_ms)sim->o.retain_settle_ms;
    }
    if (sim->now < book->retained_until)
        oracle_offer_to(sim, book, outgoing, false, 0, 2);
    else if (any)
        oracle_offer_to(sim, book, outgoing, false, low, high);
}

static bool has_it(const struct book *book, uint32_t message)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->list[i].message == message)
            return true;
    return false;
}

static void offer_live(struct sim *sim, struct book *book,
                       const struct outgoing *outgoing, const char *topic)
{
    bool must = false, may = false;
    uint8_t low = 0, high = 0;

    for (size_t k = 0; k < book->sub_count; k++) {
        const struct sub *sub = &book->subs[k];

        if (sub->state == SUB_LEAVING || !filter_matches(sub->filter, topic))
            continue;
        if (sub->state == SUB_STANDS) {
            must = true;
            low = sub->qos_low > low ? sub->qos_low : low;
        }
        may = true;
        high = sub->qos > high ? sub->qos : high;
    }
    for (size_t k = 0; k < book->claim_count; k++) {
        const struct claim *claim = &book->claims[k];

        if (claim->state != CLAIM_HANDED ||
            !filter_matches(claim->filter, topic))
            continue;
        may = true;
        high = claim->qos > high ? claim->qos : high;
    }
    if (!may)
        return;
    if (sim->oracle.message_loose) {
        low = 0; /* its copies may differ */
        high = 2;
    }
    must = must && !book->subs_overflow && !sim->oracle.message_loose &&
           !(outgoing->kept && has_it(book, outgoing->message));
    oracle_offer_to(sim, book, outgoing, must, low, high);
}

/* Copies of one message: the engine has to find out that they are. */
static bool is_loose(const struct sim *sim, const struct outgoing *outgoing)
{
    const struct oracle *o = &sim->oracle;

    if (outgoing->copy)
        return true;
    if (sim->o.overlapping == GW_OVERLAPPING_ONE)
        return false;
    if (sim->o.each_copy)
        return true; /* copies may be far apart */
    for (unsigned i = 0; i < 8 && i < o->message_count; i++)
        if (broker_message_equal(&sim->broker.messages[outgoing->message],
                                 &sim->broker.messages[o->last_messages[i]]))
            return true;
    return outgoing->again;
}

void oracle_offer(struct sim *sim, const struct outgoing *outgoing)
{
    struct oracle *o = &sim->oracle;
    const char *whole = sim->broker.messages[outgoing->message].topic;

    for (size_t i = 0; i < o->book_count; i++)
        o->books[i].offered = false;
    if (rules_is_probe(&sim->o, whole))
        return;
    o->message_loose = is_loose(sim, outgoing);
    o->message_counts =
        !o->message_loose && !outgoing->kept && !outgoing->again;
    o->last_messages[o->message_count++ % 8] = outgoing->message;
    for (size_t i = 0; i < o->roll.count; i++) {
        struct book *book = o->roll.rows[i];
        const char *topic = rules_of_client(&sim->o, book->id, whole);

        if (topic == NULL || topic[0] == '\0')
            continue;
        if (book->hazy)
            oracle_offer_to(sim, book, outgoing, false, 0, 2);
        else if (outgoing->retain)
            offer_retained(sim, book, outgoing, topic);
        else
            offer_live(sim, book, outgoing, topic);
    }
}
