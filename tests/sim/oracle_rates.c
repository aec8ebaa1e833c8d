/* SPDX-License-Identifier: MIT */
/*
 * What a source may have of the gateway in a second (S9): datagrams that are
 * taken in, where source_rate says so; and the answer "I do not know you",
 * three at once and one a second for each, stranger_reply_rate for all
 * together.
 *
 * The engine knows sources by a hash, of which two may be the same: then each
 * of them begins anew when the other was heard between. So of each there are
 * two accounts: what it may have at most, which is full again when another was
 * heard, and what it must have, which is not.
 */
#include "sim.h"

#define TOLD_RATE 1
#define TOLD_BURST 3

static void fill(const struct sim *sim, struct rate *rate, uint64_t a_second,
                 uint64_t burst)
{
    uint64_t most = burst * 1000;

    if (rate->begun)
        rate->left += a_second * (sim->now - rate->since);
    if (!rate->begun || rate->left > most)
        rate->left = most;
    rate->begun = true;
    rate->since = sim->now;
}

static bool has(const struct rate *rate)
{
    return rate->left >= 1000;
}

static void spend(struct rate *rate)
{
    rate->left -= has(rate) ? 1000 : rate->left;
}

/* Who has the address, whoever speaks from behind it. */
static struct caller *source(struct sim *sim, const struct gw_addr *addr)
{
    struct peer peer = {.addr = *addr};

    return oracle_caller(sim, &peer);
}

void oracle_rates_begin(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    o->told.begun = false;
    o->told_last = o->heard_last = NULL;
    for (size_t i = 0; i < o->caller_count; i++) {
        struct caller *caller = &o->callers[i];

        caller->told.begun = caller->told_least.begun = false;
        caller->heard.begun = caller->heard_least.begun = false;
    }
}

/* ---- datagrams of one source ------------------------------------------- */

bool oracle_rates_admit(struct sim *sim, const struct gw_addr *from, size_t len)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    bool taken = c->rx_source_rate == o->counters.rx_source_rate;
    struct caller *caller = source(sim, from);
    uint64_t rate = (uint64_t)sim->o.source_rate;

    if (len > (size_t)sim->o.max_datagram)
        return true; /* refused before that is looked at */
    if (o->heard_last != caller)
        caller->heard.begun = false;
    o->heard_last = caller;
    fill(sim, &caller->heard, rate, rate);
    fill(sim, &caller->heard_least, rate, rate);
    if (taken && !has(&caller->heard))
        sim_fail(sim, "S9", "more than %llu datagrams a second from %u.%u",
                 (unsigned long long)rate, net_host(from), from->port);
    if (!taken && has(&caller->heard_least))
        sim_fail(sim, "S9", "a datagram from %u.%u is too much", net_host(from),
                 from->port);
    if (!taken && o->print != oracle_print(sim))
        sim_fail(sim, "S13", "a datagram that was too much changed something");
    if (taken) {
        spend(&caller->heard);
        spend(&caller->heard_least);
    } else {
        sim->stats->datagrams_in++;
        sim->stats->rate_refused++;
    }
    return taken;
}

/* ---- strangers --------------------------------------------------------- */

void oracle_rates_in(struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    uint8_t type = o->frame.type;

    o->caller->had_session |= o->bound != NULL || type == SN_CONNECT ||
                              (type == SN_PINGREQ && o->frame.tail_len > 0);
    source(sim, &o->caller->peer.addr)->is_gateway |=
        type == SN_ADVERTISE || type == SN_GWINFO;
}

static void told(struct sim *sim, struct caller *caller)
{
    struct oracle *o = &sim->oracle;

    if (o->told_last != caller)
        caller->told.begun = false;
    fill(sim, &caller->told, TOLD_RATE, TOLD_BURST);
    if (!has(&caller->told))
        sim_fail(sim, "S9", "%u.%u is told too often that it is not known",
                 net_host(&caller->peer.addr), caller->peer.addr.port);
    if (!has(&o->told))
        sim_fail(sim, "S9", "more than %lld strangers a second are answered",
                 (long long)sim->o.stranger_rate);
    spend(&caller->told);
    spend(&o->told);
    o->strangers_answered++;
}

void oracle_rates_after(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct gw_counters *now = &o->counters, *before = &o->before;
    bool answered = now->strangers_answered > before->strangers_answered;
    bool muted = now->strangers_muted > before->strangers_muted;
    /* A QoS 0 publish that is refused is answered as seldom (G12-47). */
    bool refused = o->valid && o->frame.type == SN_PUBLISH &&
                   (o->frame.flags & SN_QOS_BITS) == 0 &&
                   (now->up_unknown_topic > before->up_unknown_topic ||
                    now->up_congestion > before->up_congestion ||
                    now->up_refused_topic > before->up_refused_topic);
    struct caller *caller;

    if (!answered && !muted && !refused)
        return;
    caller = source(sim, &o->caller->peer.addr);
    fill(sim, &o->told, (uint64_t)sim->o.stranger_rate,
         (uint64_t)sim->o.stranger_rate);
    fill(sim, &caller->told_least, TOLD_RATE, TOLD_BURST);
    if (answered)
        told(sim, caller);
    else if (muted && !caller->is_gateway && has(&caller->told_least) &&
             has(&o->told))
        sim_fail(sim, "S9", "%u.%u is not told that it is not known",
                 net_host(&caller->peer.addr), caller->peer.addr.port);
    /* Whom all the others leave nothing, has spent his own all the same. */
    if (answered || refused || !has(&o->told))
        spend(&caller->told_least);
    o->told_last = caller;
}

/* DISCONNECT to somebody who never had a session can be nothing else. */
void oracle_rates_out(struct sim *sim, const struct caller *caller)
{
    struct oracle *o = &sim->oracle;

    if (caller->had_session)
        return;
    o->strangers_told++;
    if (o->strangers_told > o->strangers_answered)
        sim_fail(sim, "S9", "strangers are told %llu times, %llu are counted",
                 (unsigned long long)o->strangers_told,
                 (unsigned long long)o->strangers_answered);
}
