/* SPDX-License-Identifier: MIT */
/*
 * Who can be made to send to whom (S10). Whoever writes another's address into
 * a datagram has that one get the answer: so there is one at most for each
 * datagram, and whatever is asked of somebody who is silent is asked a few
 * times, and then no more.
 *
 * What was said in a session is answered to who speaks for that session when
 * the answer goes (G12-24): so such a datagram counts for the session, and any
 * other for its sender.
 */
#include "sim.h"

/* Its answer goes with the session; else where it came from, or nowhere. */
static bool is_of_session(const struct sim *sim, const struct book *book,
                          uint8_t type)
{
    if (book == NULL || !oracle_connected(book) ||
        (book->state == GW_ASLEEP && sim->o.strict_sleep))
        return false; /* at most "I do not know you" */
    return type != SN_CONNECT && type != SN_PINGREQ && type != SN_DISCONNECT &&
           type != SN_SEARCHGW;
}

void oracle_reach_in(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    struct reach *reach = &o->caller->reach;
    bool of_session;

    if (reach->count != 0)
        reach->waits = 0;
    reach->waits++;
    reach->count = 0;
    reach->heard_at = sim->now;
    if (o->malformed)
        return;
    of_session = o->valid && is_of_session(sim, o->bound, o->frame.type);
    if (of_session)
        o->bound->unanswered++;
    /* Which of those behind the forwarder a hazy one is may be unknown. */
    if (!of_session || o->bound->hazy)
        reach->unanswered++;
}

void oracle_reach_begins(struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle.caller_count; i++) {
        sim->oracle.callers[i].reach.unanswered = 0;
        sim->oracle.callers[i].reach.count = 0;
    }
    for (size_t i = 0; i < sim->oracle.book_count; i++)
        sim->oracle.books[i].unanswered = 0;
}

static bool is_question(const struct sn_frame *f)
{
    return f->type == SN_WILLTOPICREQ || f->type == SN_WILLMSGREQ ||
           f->type == SN_REGISTER || f->type == SN_PUBREL ||
           (f->type == SN_PUBLISH && (f->flags & SN_QOS_BITS) != 0);
}

static void ask(struct sim *sim, struct caller *caller,
                const struct sn_frame *f)
{
    struct reach *reach = &caller->reach;
    unsigned most = (unsigned)sim->o.retry_count;

    if (reach->count != 0 && (reach->type != f->type || reach->msg != f->msg)) {
        reach->count = 0;
        reach->waits = 1;
    }
    reach->type = f->type;
    reach->msg = f->msg;
    /* What could not go out at once goes out beside what came after it. */
    if (sim->o.budget != 0 || sim->gw.open_since >= reach->heard_at)
        return;
    /* Whose id had a holder is asked when that one was silent. */
    most += reach->waits + (f->type == SN_WILLTOPICREQ);
    if (++reach->count > most)
        sim_fail(sim, "S10", "%u.%u, which is silent, gets a %s %u times",
                 net_host(&caller->peer.addr), caller->peer.addr.port,
                 sn_type_name(f->type), reach->count);
}

static bool spend(unsigned *unanswered)
{
    if (*unanswered == 0)
        return false;
    (*unanswered)--;
    return true;
}

static void answer(struct sim *sim, struct caller *caller, struct book *book,
                   const struct sn_frame *f)
{
    unsigned none = 0;
    unsigned *own = &caller->reach.unanswered;
    unsigned *shared = book != NULL ? &book->unanswered : &none;
    bool to_sender = f->type == SN_CONNACK || f->type == SN_PINGRESP ||
                     f->type == SN_DISCONNECT || f->type == SN_GWINFO;

    if (spend(to_sender ? own : shared) || spend(to_sender ? shared : own) ||
        (book != NULL && book->hazy))
        return;
    sim_fail(sim, "S10", "a %s to %u.%u, and all it said is answered",
             sn_type_name(f->type), net_host(&caller->peer.addr),
             caller->peer.addr.port);
}

void oracle_reach_out(struct sim *sim, struct caller *caller, struct book *book,
                      const struct sn_frame *f)
{
    if (is_question(f)) {
        ask(sim, caller, f);
        return;
    }
    /* PINGREQ is bounded by keep-alive; and who has a session may be told
     * unasked that the broker is away. */
    if (f->type == SN_PUBLISH || f->type == SN_PINGREQ ||
        (f->type == SN_DISCONNECT && sim->o.upstream_down_max_s != 0))
        return;
    answer(sim, caller, book, f);
}
