/* SPDX-License-Identifier: MIT */
/*
 * Who can be made to send to whom (S10). Whoever writes another's address into
 * a datagram has that one get what follows: whatever is asked of somebody who
 * is silent is asked a few times, and then no more.
 */
#include "sim.h"

void oracle_reach_in(struct sim *sim, struct caller *caller)
{
    struct reach *reach = &caller->reach;

    if (reach->count != 0)
        reach->waits = 0;
    reach->waits++;
    reach->count = 0;
    reach->heard_at = sim->now;
}

void oracle_reach_begins(struct sim *sim)
{
    for (size_t i = 0; i < sim->oracle.caller_count; i++)
        sim->oracle.callers[i].reach.count = 0;
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

void oracle_reach_out(struct sim *sim, struct caller *caller,
                      const struct sn_frame *f)
{
    if (is_question(f))
        ask(sim, caller, f);
}
