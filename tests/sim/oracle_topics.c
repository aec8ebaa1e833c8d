/* SPDX-License-Identifier: MIT */
/* What the topic ids of each session mean, and which of them its node knows. */
#include "sim.h"

#include <string.h>

struct topic *oracle_topic(struct book *book, uint16_t id)
{
    for (size_t i = 0; i < book->topic_count; i++)
        if (book->topics[i].id == id)
            return &book->topics[i];
    return NULL;
}

static struct topic *by_name(struct book *book, const char *name)
{
    for (size_t i = 0; i < book->topic_count; i++)
        if (strcmp(book->topics[i].name, name) == 0)
            return &book->topics[i];
    return NULL;
}

void oracle_topic_means(struct sim *sim, struct book *book, uint16_t id,
                        const char *name, bool told, bool acked)
{
    struct topic *topic = oracle_topic(book, id), *other = by_name(book, name);

    if (book->hazy)
        return;

    if (id == 0 || id == 0xffff)
        sim_fail(sim, "S4", "topic id %04x for '%s'", id, name);
    if (gateway_predefined(id) != NULL)
        sim_fail(sim, "S4", "%u is a predefined id, and given to '%s'", id,
                 name);
    if (topic != NULL && strcmp(topic->name, name) != 0)
        sim_fail(sim, "S4", "to %s id %u is '%s' and now '%s'", book->id, id,
                 topic->name, name);
    if (other != NULL && other->id != id)
        sim_fail(sim, "S4", "to %s '%s' is id %u and now %u", book->id, name,
                 other->id, id);
    if (topic == NULL) {
        if (book->topic_count == ORACLE_TOPICS)
            sim_fail(sim, "setup", "more than %d topics", ORACLE_TOPICS);
        topic = &book->topics[book->topic_count++];
        memset(topic, 0, sizeof(*topic));
        topic->id = id;
        topic_copy(topic->name, name);
    }
    topic->told |= told;
    topic->once |= told;
    topic->acked |= acked;
}

const char *oracle_topic_name(struct book *book, uint8_t flags, uint16_t id,
                              char buf[3])
{
    struct topic *topic;

    switch (flags & SN_TYPE_BITS) {
    case SN_NORMAL:
        topic = book != NULL ? oracle_topic(book, id) : NULL;
        return topic != NULL ? topic->name : NULL;
    case SN_PREDEFINED:
        return gateway_predefined(id);
    case SN_SHORT:
        buf[0] = (char)(id >> 8);
        buf[1] = (char)(id & 255);
        buf[2] = '\0';
        return buf;
    default:
        return NULL;
    }
}

/* Whoever sleeps forgets what was told him, where sleep_keeps_topics is no. */
void oracle_topics_asleep(const struct sim *sim, struct book *book)
{
    for (size_t i = 0; i < book->topic_count && !sim->o.sleep_keeps_topics; i++)
        book->topics[i].told = false;
}

/* ---- what the node says ------------------------------------------------- */

/* Its answer will name an id for this name. */
static void remember(struct oracle *o, const struct book *book,
                     const struct sn_frame *f)
{
    size_t len = f->tail_len < BROKER_TOPIC ? f->tail_len : BROKER_TOPIC - 1;
    struct naming *naming = &o->namings[o->naming_count++ % ORACLE_NAMINGS];

    memset(naming, 0, sizeof(*naming));
    naming->book = book;
    naming->type = f->type;
    naming->msg = f->msg;
    memcpy(naming->name, f->tail, len);
}

void oracle_topics_in(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;
    struct topic *topic;

    if (o->bound == NULL)
        return;
    if (f->type == SN_DISCONNECT && f->duration > 0 &&
        oracle_connected(o->bound))
        oracle_topics_asleep(sim, o->bound);
    if (f->type == SN_REGISTER ||
        (f->type == SN_SUBSCRIBE && (f->flags & SN_TYPE_BITS) == SN_NORMAL))
        remember(o, o->bound, f);
    topic = f->type == SN_REGACK ? oracle_topic(o->bound, f->topic) : NULL;
    if (topic == NULL || o->bound->step.type != SN_REGISTER ||
        o->bound->step.msg != f->msg || o->bound->step.topic != f->topic)
        return;
    if (f->code == 0)
        topic->told = topic->once = true;
    else if (f->code != 1)
        oracle_subs_unsure(o->bound, topic->name);
}

/* ---- what it is told ---------------------------------------------------- */

void oracle_topics_answered(struct sim *sim, struct book *book,
                            const struct sn_frame *f)
{
    const struct oracle *o = &sim->oracle;
    uint8_t request = f->type == SN_REGACK ? SN_REGISTER : SN_SUBSCRIBE;
    const char *name = NULL;
    bool any = false;

    if (f->type == SN_REGACK)
        oracle_names_registered(sim, book, f);
    if (f->code != 0 || f->topic == 0)
        return;
    /* A SUBSCRIBE by id or short name is answered with what it said. */
    if (f->type == SN_SUBACK && oracle_subs_by_id(book, f->msg, f->topic))
        return;
    /* Some stacks use one MsgId for all: any request with it may be meant. */
    for (size_t k = 1; k <= o->naming_count && k <= ORACLE_NAMINGS; k++) {
        const struct naming *n =
            &o->namings[(o->naming_count - k) % ORACLE_NAMINGS];
        const struct topic *topic = oracle_topic(book, f->topic);

        if (n->book != book || n->msg != f->msg || n->type != request)
            continue;
        any = true;
        if (topic == NULL ? by_name(book, n->name) != NULL
                          : strcmp(topic->name, n->name) != 0)
            continue;
        if (name != NULL && strcmp(name, n->name) != 0)
            book->hazy = true; /* damaged on its way, it came with two */
        name = n->name;
    }
    if (name != NULL && !book->hazy)
        oracle_topic_means(sim, book, f->topic, name, true, true);
    if (f->type == SN_REGACK && !any && !book->hazy)
        sim_fail(sim, "S4", "REGACK to %s for a name it did not ask for",
                 book->id);
    if (any && name == NULL && f->type == SN_REGACK && !book->hazy)
        sim_fail(sim, "S4", "to %s id %u has another name already", book->id,
                 f->topic);
}
