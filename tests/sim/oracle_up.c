/* SPDX-License-Identifier: MIT */
/*
 * What nodes publish: that it reaches the broker as it was, in order, QoS 2
 * once, and is acknowledged no earlier.
 */
#include "sim.h"

#include <string.h>

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len-- > 0)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t content_of(const void *topic, size_t topic_len,
                           const void *payload, size_t len)
{
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), topic, topic_len);

    return hash(hash(h, "\n", 1), payload, len);
}

/* That of a message under a name of the client's; NULL: unknown. */
static uint64_t content_at(const struct sim *sim, const char *id,
                           const char *topic, const struct sn_frame *f)
{
    char name[BROKER_TOPIC] = "";

    if (topic != NULL)
        rules_at_broker(&sim->o, id, topic, name);
    return content_of(name, strlen(name), f->tail, f->tail_len);
}

static size_t first(const struct oracle *o)
{
    return o->up_count > ORACLE_UPS ? o->up_count - ORACLE_UPS : 0;
}

static struct up *at(struct oracle *o, size_t i)
{
    return &o->ups[i % ORACLE_UPS];
}

void oracle_up_forget(struct sim *sim, const struct book *book)
{
    for (size_t i = first(&sim->oracle); i < sim->oracle.up_count; i++)
        if (at(&sim->oracle, i)->book == book)
            at(&sim->oracle, i)->book = NULL;
}

/* Under other access lists it may be accepted when it comes again. */
void oracle_up_reloaded(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = first(o); i < o->up_count; i++) {
        struct up *up = at(o, i);

        up->forbidden &= !up->barred;
        up->barred = false;
    }
}

/* ---- a node publishes --------------------------------------------------- */

static struct up *find_same(struct oracle *o, const struct book *book,
                            const struct sn_frame *f, uint8_t qos, bool retain,
                            uint64_t content)
{
    for (size_t i = o->up_count; i-- > first(o);) {
        struct up *up = at(o, i);

        if (up->book == book && up->qos == qos && up->retain == retain &&
            up->content == content && (qos == 0 || up->msg == f->msg))
            return up;
    }
    return NULL;
}

/* What an earlier connection left open gives way when a node has too many
 * requests open (G12-34). */
static void give_way(struct sim *sim, const struct book *book)
{
    struct oracle *o = &sim->oracle;
    size_t open = book->claim_count;

    for (size_t i = first(o); i < o->up_count; i++) {
        const struct up *up = at(o, i);

        open += up->book == book && up->qos != 0 &&
                !(up->qos == 2 ? up->released : up->done);
    }
    if (open < (size_t)sim->o.client_inflight_max)
        return;
    for (size_t i = first(o); i < o->up_count; i++)
        if (at(o, i)->book == book && at(o, i)->connection != book->connection)
            at(o, i)->gave_way = true;
}

static void on_publish(struct sim *sim, struct book *book)
{
    struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;
    uint8_t bits = f->flags & SN_QOS_BITS;
    uint8_t qos = bits == SN_QOS_MINUS1 ? 0 : (uint8_t)(bits / SN_QOS1);
    bool minus1 = bits == SN_QOS_MINUS1, retain;
    char two[3];
    const char *topic =
        oracle_topic_name(minus1 ? NULL : book, f->flags, f->topic, two);
    const char *id = minus1 ? RULES_NOBODY : book->id;
    uint64_t content = content_at(sim, id, topic, f);
    bool barred =
        topic != NULL && !rules_allow(&sim->o, RULES_PUBLISH, id, topic);
    struct up *up;

    if (minus1)
        book = NULL;
    retain = (f->flags & SN_RETAIN) != 0 && (!minus1 || sim->o.minus1_retain);
    up = find_same(o, book, f, qos, retain, content);
    if (up != NULL) {
        up->repeated = true;
        up->suspect |= o->suspect || (book != NULL && book->hazy);
        bool again = qos != 2 || up->released || up->gave_way ||
                     (book != NULL && up->wipes != book->wipes) ||
                     (!(f->flags & SN_DUP) && book != NULL &&
                      up->connection != book->connection);

        if (again) {
            up->allowed++;
            up->released = up->gave_way = false;
            up->connection = book != NULL ? book->connection : 0;
            up->wipes = book != NULL ? book->wipes : 0;
            up->submissions = 0;
            up->order = ++o->orders;
            up->since = sim->now;
        }
        return;
    }
    up = at(o, o->up_count++);
    if (o->up_count > ORACLE_UPS)
        o->keeps -= up->keep_op != 0;
    *up = (struct up){.book = book,
                      .msg = f->msg,
                      .qos = qos,
                      .retain = retain,
                      .wild = topic == NULL,
                      .forbidden =
                          barred || (minus1 && !oracle_names_nameless(sim)),
                      .barred = barred,
                      .suspect = o->suspect || (book != NULL && book->hazy),
                      .connection = book != NULL ? book->connection : 0,
                      .wipes = book != NULL ? book->wipes : 0,
                      .allowed = 1,
                      .order = ++o->orders,
                      .since = sim->now,
                      .content = content};
    up->len =
        (uint8_t)(f->tail_len < sizeof(up->payload) ? f->tail_len
                                                    : sizeof(up->payload));
    memcpy(up->payload, f->tail, up->len);
}

bool oracle_up_is_open(struct oracle *o, uint16_t msg)
{
    for (size_t i = first(o); i < o->up_count; i++)
        if (o->bound != NULL && at(o, i)->book == o->bound &&
            at(o, i)->qos == 2 && at(o, i)->msg == msg && !at(o, i)->released)
            return true;
    return false;
}

static void on_pubrel(struct oracle *o, const struct book *book, uint16_t msg)
{
    for (size_t i = o->up_count; i-- > first(o);)
        if (at(o, i)->book == book && at(o, i)->qos == 2 &&
            at(o, i)->msg == msg)
            at(o, i)->released = true;
}

void oracle_up_in(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    struct book *book = o->bound;
    bool minus1 = (o->frame.flags & SN_QOS_BITS) == SN_QOS_MINUS1;

    if (o->frame.type == SN_PUBLISH && minus1) {
        on_publish(sim, NULL);
        return;
    }
    if (book == NULL)
        return;
    if (o->frame.type == SN_PUBLISH || o->frame.type == SN_SUBSCRIBE ||
        o->frame.type == SN_UNSUBSCRIBE)
        give_way(sim, book);
    if (o->frame.type == SN_PUBREL)
        on_pubrel(o, book, o->frame.msg);
    if (o->frame.type == SN_PUBLISH && (book->hazy || oracle_connected(book))) {
        oracle_names_remember(book, &o->frame);
        on_publish(sim, book);
    }
}

/* ---- the gateway publishes ---------------------------------------------- */

static bool is_like(const struct up *up, const struct gw_up_action *action)
{
    return up->qos == action->qos && up->retain == action->retain;
}

/* Which of those with this content is meant: the one that this token is, else
 * the oldest that has not gone out. */
static struct up *find_submitted(struct oracle *o, uint64_t content,
                                 const struct gw_up_action *action)
{
    struct up *waiting = NULL, *any = NULL;
    uint64_t token = action->token;

    for (size_t i = first(o); i < o->up_count; i++) {
        struct up *up = at(o, i);

        if (up->content != content)
            continue;
        if (token != 0 && up->token == token)
            return up;
        if (any != NULL && is_like(any, action) && !is_like(up, action))
            continue; /* damaged on its way, it came twice */
        if (waiting == NULL && up->submissions == 0 && is_like(up, action))
            waiting = up;
        any = up;
    }
    return waiting != NULL ? waiting : any;
}

/* Something suspect has this payload, and nothing is known of it. */
static bool is_suspect(struct oracle *o, const struct up *up)
{
    for (size_t i = first(o); i < o->up_count; i++)
        if (at(o, i)->suspect && at(o, i)->len == up->len &&
            memcmp(at(o, i)->payload, up->payload, up->len) == 0)
            return true;
    return false;
}

static bool any_suspect(struct oracle *o)
{
    for (size_t i = first(o); i < o->up_count; i++)
        if (at(o, i)->suspect)
            return true;
    return false;
}

static struct up *find_token(struct oracle *o, uint64_t token)
{
    for (size_t i = o->up_count; i-- > first(o);)
        if (at(o, i)->token == token)
            return at(o, i);
    return NULL;
}

/* Another with this content, which may have had its place. */
static bool has_twin(struct oracle *o, const struct up *up)
{
    for (size_t i = first(o); i < o->up_count; i++)
        if (at(o, i) != up && at(o, i)->content == up->content)
            return true;
    return false;
}

/* A crash would make its node send it as another. Who has begun anew does not
 * send it again. */
static bool needs_record(const struct sim *sim, const struct up *up)
{
    return sim->o.durable && up->qos == 2 && up->book != NULL && up->len != 0 &&
           !up->suspect && !up->book->hazy && up->wipes == up->book->wipes;
}

void oracle_up_action(struct sim *sim, const struct gw_up_action *action)
{
    struct oracle *o = &sim->oracle;
    uint64_t content = content_of(action->topic.data, action->topic.len,
                                  action->payload.data, action->payload.len);
    struct up *up, *other;

    if (action->token == 0 && action->payload.len == 5 &&
        oracle_is_probe(sim, action))
        return;
    up = find_submitted(o, content, action);
    if (up == NULL)
        up = find_submitted(
            o, content_of("", 0, action->payload.data, action->payload.len),
            action);
    if (up == NULL && action->payload.len == 0)
        return; /* an empty will */
    if (up == NULL && (any_suspect(o) || o->wills_hazy))
        return; /* under a topic that is not known */
    if (up == NULL)
        sim_fail(sim, "S14", "'%.*s' on %.*s is published, and nobody did",
                 (int)action->payload.len, (const char *)action->payload.data,
                 (int)action->topic.len, (const char *)action->topic.data);
    if (up->forbidden && !is_suspect(o, up))
        sim_fail(sim, up->barred ? "access" : "T12",
                 "'%.*s' on %.*s is published, and must not be",
                 (int)action->payload.len, (const char *)action->payload.data,
                 (int)action->topic.len, (const char *)action->topic.data);
    if ((action->qos != up->qos || action->retain != up->retain) &&
        !is_suspect(o, up))
        sim_fail(sim, "S14", "'%.*s' is published at QoS %u retain %d",
                 (int)action->payload.len, (const char *)action->payload.data,
                 action->qos, action->retain);
    if (needs_record(sim, up) && !up->stored && !has_twin(o, up))
        sim_fail(sim, "S2", "'%.*s' goes to the broker without its record",
                 (int)action->payload.len, (const char *)action->payload.data);
    if (!up->repeated && !has_twin(o, up))
        oracle_links_published(sim, action, up->book);
    if ((action->token != 0) != (action->qos != 0))
        sim_fail(sim, "upstream", "a token with QoS 0, or none");
    other = action->token != 0 ? find_token(o, action->token) : NULL;
    if (other != NULL && other->content != up->content && !other->suspect &&
        !up->suspect)
        sim_fail(sim, "upstream", "token %llx is used for another message",
                 (unsigned long long)action->token);
    if (up->submissions == 0 && up->accepted && !up->repeated && !up->suspect &&
        !has_twin(o, up))
        oracle_uplink_begins(sim, up);
    if (up->submissions++ == 0 && !up->repeated && !up->suspect &&
        !up->given_up && up->book != NULL && !has_twin(o, up)) {
        if (up->order < up->book->last_submitted)
            sim_fail(sim, "S5", "'%.*s' of %s is overtaken",
                     (int)action->payload.len,
                     (const char *)action->payload.data, up->book->id);
        up->book->last_submitted = up->order;
    }
    up->token = action->token;
}

/* Who of those with this content has not been carried out as often as it may,
 * else the last of them. */
static struct up *find_carried(struct oracle *o, uint64_t content, uint8_t qos)
{
    struct up *up = NULL;

    for (size_t i = first(o); i < o->up_count; i++) {
        if (at(o, i)->content != content || at(o, i)->qos != qos)
            continue;
        up = at(o, i);
        if (up->carried < up->allowed)
            break;
    }
    return up;
}

void oracle_carried_out(struct sim *sim, uint32_t message)
{
    const struct message *m = &sim->broker.messages[message];
    struct oracle *o = &sim->oracle;
    struct up *up = find_carried(
        o, content_of(m->topic, strlen(m->topic), m->payload, m->len), m->qos);

    if (up == NULL)
        up = find_carried(o, content_of("", 0, m->payload, m->len), m->qos);
    if (up == NULL)
        return;
    up->carried++;
    if (up->qos != 1 && up->carried > up->allowed && !is_suspect(o, up))
        sim_fail(sim, up->qos == 2 ? "S2" : "S14",
                 "'%.*s' (QoS %u) is at the broker %u times, not %u", m->len,
                 (const char *)m->payload, up->qos, up->carried, up->allowed);
}

void oracle_uncertain(struct sim *sim, uint32_t message)
{
    const struct message *m = &sim->broker.messages[message];
    struct oracle *o = &sim->oracle;
    uint64_t content =
        content_of(m->topic, strlen(m->topic), m->payload, m->len);

    for (size_t i = first(o); i < o->up_count; i++)
        at(o, i)->allowed += at(o, i)->content == content;
}

void oracle_held(struct sim *sim, uint32_t message, uint64_t token)
{
    struct oracle *o = &sim->oracle;
    const struct message *m = &sim->broker.messages[message];
    uint64_t content =
        content_of(m->topic, strlen(m->topic), m->payload, m->len);

    for (size_t i = first(o); token != 0 && i < o->up_count; i++)
        if (at(o, i)->content == content && !at(o, i)->done)
            at(o, i)->token = token;
    /* The same will may be due more than once, and this is one of them. */
    for (size_t i = 0; token != 0 && i < o->will_count; i++)
        if (o->wills_token[i] == 0 &&
            strcmp(o->wills[i].topic, m->topic) == 0 &&
            o->wills[i].len == m->len &&
            memcmp(o->wills[i].message, m->payload, m->len) == 0) {
            o->wills_token[i] = token;
            break;
        }
}

void oracle_up_result(struct sim *sim, uint64_t token,
                      enum gw_up_outcome outcome)
{
    struct oracle *o = &sim->oracle;
    struct up *up = find_token(o, token);

    if (up != NULL && outcome == GW_UP_UNSENT)
        up->unsettled = true; /* given up, if it was the last of its tries */
    if (up == NULL || outcome == GW_UP_UNSENT)
        return;
    /* Of several with this content it is not known which was meant. */
    for (size_t i = first(o); i < o->up_count; i++) {
        struct up *one = at(o, i);

        if (one->content != up->content || one->qos != up->qos)
            continue;
        one->done |= outcome == GW_UP_DONE;
        one->refused |= outcome != GW_UP_DONE;
    }
}

/* ---- the store keeps it -------------------------------------------------- */

/* What a record is like inside is the engine's affair; but a message cannot be
 * kept without its payload, and payloads here differ. */
static bool holds(const uint8_t *record, size_t len, const struct up *up)
{
    for (size_t i = 0; i + up->len <= len; i++)
        if (memcmp(record + i, up->payload, up->len) == 0 &&
            (i + up->len == len || record[i + up->len] < '0' ||
             record[i + up->len] > '9'))
            return true;
    return false;
}

void oracle_up_kept(struct sim *sim, const struct gw_store_action *action,
                    const uint8_t *record)
{
    struct oracle *o = &sim->oracle;

    if (action->verb != GW_STORE_KEEP || action->kind != GW_RECORD_EXCHANGE)
        return;
    for (size_t i = o->up_count; i-- > first(o);) {
        struct up *up = at(o, i);

        if (up->qos == 0 || up->len == 0 || up->stored ||
            !holds(record, action->len, up))
            continue;
        /* Another word on it may follow before the first is stored. */
        if (up->keep_op == 0) {
            up->keep_op = action->op;
            o->keeps++;
        }
        return;
    }
}

void oracle_up_stored(struct sim *sim, uint64_t op, bool ok)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = o->up_count; o->keeps > 0 && i-- > first(o);) {
        if (at(o, i)->keep_op != op)
            continue;
        at(o, i)->stored |= ok;
        at(o, i)->unsettled |= !ok;
        at(o, i)->keep_op = 0;
        o->keeps--;
        return;
    }
}

bool oracle_up_arrived(struct sim *sim, const char *payload)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = o->up_count; i-- > first(o);)
        if (at(o, i)->carried > 0 && at(o, i)->len == strlen(payload) &&
            memcmp(at(o, i)->payload, payload, at(o, i)->len) == 0)
            return true;
    return false;
}

uint64_t oracle_up_missing(struct sim *sim, const struct up **ret_one)
{
    struct oracle *o = &sim->oracle;
    uint64_t missing = 0;

    for (size_t i = first(o); i < o->up_count; i++) {
        const struct up *up = at(o, i);

        if (!up->accepted || up->carried > 0 || up->refused || up->repeated ||
            up->suspect || up->wild || has_twin(o, up))
            continue;
        missing++;
        *ret_one = up;
    }
    return missing;
}

/* What was accepted is at the broker, or was given up and counted (L1). */
void oracle_up_rest(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct up *one = NULL;
    uint64_t missing = oracle_up_missing(sim, &one);

    if (o->up_count <= ORACLE_UPS && missing > o->up_drops)
        sim_fail(sim, "L1",
                 "%llu accepted publishes ('%.*s') are not at the "
                 "broker, %llu were given up",
                 (unsigned long long)missing, one->len,
                 (const char *)one->payload, (unsigned long long)o->up_drops);
}

/* ---- the node is told --------------------------------------------------- */

void oracle_up_answered(struct sim *sim, struct book *book,
                        const struct sn_frame *f)
{
    struct oracle *o = &sim->oracle;
    uint8_t qos = f->type == SN_PUBREC ? 2 : 1;
    bool asked = false;

    if (book->hazy)
        return;
    if (f->type == SN_PUBACK && f->code == 2 &&
        oracle_topic(book, f->topic) != NULL &&
        oracle_topic(book, f->topic)->acked && oracle_names_normal(book, f))
        sim_fail(sim, "S4", "%s: the id %u ('%s') that it was given is unknown",
                 book->id, f->topic, oracle_topic(book, f->topic)->name);
    if (f->type == SN_PUBACK && f->code != 0) {
        oracle_names_refused(sim, book, f);
        return;
    }
    for (size_t i = o->up_count; i-- > first(o);) {
        struct up *up = at(o, i);

        if (up->book != book || up->msg != f->msg || up->qos != qos)
            continue;
        if (up->barred && !up->suspect)
            continue;
        asked = true;
        if (up->done || (sim->o.durable && up->stored)) {
            up->accepted_at = up->accepted ? up->accepted_at : sim->now;
            up->accepted = true;
            return;
        }
    }
    if (asked || o->up_count < ORACLE_UPS)
        sim_fail(sim, "S1", "%s for MsgId %u of %s, which the broker lacks",
                 sn_type_name(f->type), f->msg, book->id);
}
