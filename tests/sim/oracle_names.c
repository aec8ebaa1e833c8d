/* SPDX-License-Identifier: MIT */
/*
 * What is done under which name: nothing outside the prefix, nothing that the
 * access lists do not allow its client; and who asks for that is told "not
 * supported", which no other name and no waiting cures.
 */
#include "sim.h"

#include <string.h>

#define NOT_SUPPORTED 3
#define CONGESTION 1

bool oracle_is_probe(const struct sim *sim, const struct gw_up_action *action)
{
    char topic[BROKER_TOPIC] = {0};

    if (action->topic.len >= sizeof(topic))
        return false;
    memcpy(topic, action->topic.data, action->topic.len);
    return rules_is_probe(&sim->o, topic);
}

/* ---- at the broker ------------------------------------------------------- */

/* Whether one of this id may do it. */
static bool may_be_of(const struct sim *sim, const struct gw_up_action *action,
                      const char *id, const char *topic)
{
    const char *name = rules_of_client(&sim->o, id, topic);

    if (name == NULL || name[0] == '\0')
        return false;
    return action->kind == GW_UP_UNSUBSCRIBE ||
           rules_allow(&sim->o,
                       action->kind == GW_UP_PUBLISH ? RULES_PUBLISH
                                                     : RULES_SUBSCRIBE,
                       id, name);
}

void oracle_names_action(struct sim *sim, const struct gw_up_action *action)
{
    const struct oracle *o = &sim->oracle;
    char topic[BROKER_TOPIC] = {0};

    if ((sim->o.prefix == 0 && sim->o.access == 0) ||
        action->topic.len >= sizeof(topic))
        return;
    memcpy(topic, action->topic.data, action->topic.len);
    if (rules_of_anyone(&sim->o, topic) == NULL)
        sim_fail(sim, "access", "'%s' is outside the prefix", topic);
    /* Whose it was may be forgotten; and what was allowed once goes on. */
    if (o->reused || sim->o.reload_s != 0 || oracle_is_probe(sim, action) ||
        may_be_of(sim, action, RULES_NOBODY, topic))
        return;
    for (size_t i = 0; i < o->book_count; i++)
        if (may_be_of(sim, action, o->books[i].id, topic))
            return;
    sim_fail(sim, "access", "'%s' is given to the broker, and nobody may %s",
             topic,
             action->kind == GW_UP_PUBLISH ? "publish there" : "have it");
}

/* ---- other lists --------------------------------------------------------- */

void oracle_names_reloaded(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; i < ORACLE_NAMINGS && i < o->naming_count; i++)
        o->namings[i].outdated = true;
    for (size_t i = 0; i < o->book_count; i++) {
        struct book *book = &o->books[i];

        book->barred.count = 0;
        memset(book->published, 0, sizeof(book->published));
        book->wills_asked += book->wills_barred;
        book->wills_barred = 0;
        book->will_barred = false;
    }
}

/* ---- what the node is told ----------------------------------------------- */

/* An answer to a REGISTER: all that may be meant are of one kind, or neither
 * can be said. */
void oracle_names_registered(struct sim *sim, const struct book *book,
                             const struct sn_frame *f)
{
    const struct oracle *o = &sim->oracle;
    bool any = false;

    if (book->hazy)
        return;
    for (size_t k = 1; k <= o->naming_count && k <= ORACLE_NAMINGS; k++) {
        const struct naming *n =
            &o->namings[(o->naming_count - k) % ORACLE_NAMINGS];

        if (n->book != book || n->msg != f->msg || n->type != SN_REGISTER)
            continue;
        if (n->outdated ||
            rules_allow(&sim->o, RULES_PUBLISH, book->id, n->name))
            return;
        any = true;
    }
    if (any && f->code != NOT_SUPPORTED)
        sim_fail(sim, "access",
                 "REGACK %u to %s, for a name that it may not have", f->code,
                 book->id);
}

/* Some use one MsgId for all. */
static bool asks_otherwise(struct book *book, uint16_t msg)
{
    for (size_t i = 0; i < book->refusals.count; i++)
        if (book->refusals.rows[i].msg == msg &&
            book->refusals.rows[i].count > 0)
            return true;
    for (size_t i = 0; i < book->claim_count; i++)
        if (book->claims[i].msg == msg)
            return true;
    return false;
}

void oracle_names_subscribed(struct sim *sim, struct book *book,
                             const struct sn_frame *f)
{
    bool barred = false;

    for (size_t i = 0; i < book->barred.count; i++)
        barred |= book->barred.rows[i].msg == f->msg &&
                  book->barred.rows[i].count > 0;
    if (barred && f->code != NOT_SUPPORTED && !book->hazy &&
        !asks_otherwise(book, f->msg))
        sim_fail(sim, "access",
                 "SUBACK %u to %s, for what it may not subscribe to", f->code,
                 book->id);
}

void oracle_names_refused(struct sim *sim, struct book *book,
                          const struct sn_frame *f)
{
    bool any = false;
    char two[3];

    for (size_t i = 0; i < ORACLE_RECENT; i++) {
        const char *name;

        if (book->published[i].msg != f->msg ||
            book->published[i].topic != f->topic)
            continue;
        name = oracle_topic_name(book, book->published[i].type, f->topic, two);
        if (name == NULL || rules_allow(&sim->o, RULES_PUBLISH, book->id, name))
            return;
        any = true;
    }
    if (any && f->code != NOT_SUPPORTED && f->code != CONGESTION)
        sim_fail(sim, "access",
                 "PUBACK %u to %s, for a topic where it may not publish",
                 f->code, book->id);
}

/* ---- what is published ----------------------------------------------------
 */

bool oracle_names_nameless(const struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    const struct gw_addr *from = &o->caller->peer.addr;
    bool allowed = sim->o.minus1_from == 0 ? net_is_near(from)
                                           : gateway_lets_nameless(from);

    switch (o->frame.flags & SN_TYPE_BITS) {
    case SN_PREDEFINED:
        return allowed && gateway_is_open(o->frame.topic);
    case SN_SHORT:
        return allowed && sim->o.minus1_short;
    default:
        return false;
    }
}

void oracle_names_remember(struct book *book, const struct sn_frame *f)
{
    memmove(&book->published[0], &book->published[1],
            sizeof(book->published) - sizeof(book->published[0]));
    book->published[ORACLE_RECENT - 1].msg = f->msg;
    book->published[ORACLE_RECENT - 1].topic = f->topic;
    book->published[ORACLE_RECENT - 1].type = f->flags & SN_TYPE_BITS;
}

bool oracle_names_normal(const struct book *book, const struct sn_frame *f)
{
    bool any = false;

    for (size_t i = 0; i < ORACLE_RECENT; i++) {
        if (book->published[i].msg != f->msg ||
            book->published[i].topic != f->topic)
            continue;
        if (book->published[i].type != SN_NORMAL)
            return false;
        any = true;
    }
    return any;
}
