/* SPDX-License-Identifier: MIT */
/*
 * Of a session of which little is known its list is not known either; but what
 * it gets it must have asked for at some time (S14): nothing that was for
 * another only.
 */
#include "sim.h"

#include <string.h>

static void remember(struct filters *filters, const char *filter)
{
    for (size_t i = 0; i < filters->count; i++)
        if (strcmp(filters->rows[i], filter) == 0)
            return;
    if (filters->count == ORACLE_ASKED)
        filters->full = true;
    else
        topic_copy(filters->rows[filters->count++], filter);
}

void oracle_readers_in(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    char filter[BROKER_TOPIC];

    if (o->frame.type != SN_SUBSCRIBE ||
        !oracle_filter_of(o->bound, &o->frame, filter))
        return;
    if (o->bound != NULL)
        remember(&o->bound->asked, filter);
    if (o->bound == NULL || o->bound->hazy)
        remember(&o->asked, filter);
}

static bool covers(const struct filters *filters, const char *topic)
{
    if (filters->full)
        return true;
    for (size_t i = 0; topic != NULL && i < filters->count; i++)
        if (filter_matches(filters->rows[i], topic))
            return true;
    return false;
}

/* Behind the forwarder one may be taken for another. */
static bool asked(const struct sim *sim, const struct book *book,
                  const char *topic)
{
    const struct oracle *o = &sim->oracle;

    if (covers(&book->asked, topic) || covers(&o->asked, topic))
        return true;
    for (size_t i = 0; net_is_forwarder(&book->peer.addr) && i < o->book_count;
         i++)
        if (covers(&o->books[i].asked, topic))
            return true;
    return false;
}

void oracle_readers_out(struct sim *sim, const struct book *book,
                        const struct sn_frame *f)
{
    const struct broker *broker = &sim->broker;

    if (!book->hazy || sim->oracle.reused)
        return;
    for (size_t i = broker->message_count; i-- > 0;) {
        const struct message *m = &broker->messages[i];
        if (m->len == f->tail_len && memcmp(m->payload, f->tail, m->len) == 0 &&
            asked(sim, book, rules_of_anyone(&sim->o, m->topic)))
            return;
    }
    sim_fail(sim, "S14", "'%.*s' goes to %s, which never asked for it",
             (int)f->tail_len, (const char *)f->tail, book->id);
}
