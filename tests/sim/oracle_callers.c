/* SPDX-License-Identifier: MIT */
/* To every answer there was a request, from the one who gets it. */
#include "sim.h"

#include <string.h>

struct caller *oracle_caller(struct sim *sim, const struct peer *peer)
{
    struct oracle *o = &sim->oracle;
    struct caller *caller;

    for (size_t i = 0; i < o->caller_count; i++)
        if (peer_equal(&o->callers[i].peer, peer))
            return &o->callers[i];
    if (o->caller_count == ORACLE_CALLERS)
        sim_fail(sim, "setup", "more than %d sources", ORACLE_CALLERS);
    caller = &o->callers[o->caller_count++];
    memset(caller, 0, sizeof(*caller));
    caller->peer = *peer;
    return caller;
}

static struct ask *find(struct asks *asks, uint8_t type, uint16_t msg)
{
    for (size_t i = 0; i < asks->count; i++)
        if (asks->rows[i].type == type && asks->rows[i].msg == msg)
            return &asks->rows[i];
    return NULL;
}

void oracle_connect_refused(struct sim *sim, struct caller *caller)
{
    sim->oracle.refusals += !caller->refused;
    caller->refused = true;
    caller->refused_at = sim->now;
}

/* Whoever asked is told, also when there is no room for him (T8). */
void oracle_refusals_due(struct sim *sim)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; o->refusals > 0 && i < o->caller_count; i++) {
        struct caller *caller = &o->callers[i];

        if (!caller->refused)
            continue;
        caller->refused = false;
        o->refusals--;
        if (sim->gw.open_since < caller->refused_at)
            sim_fail(sim, "T8", "CONNECT from %u.%u is not answered",
                     net_host(&caller->peer.addr), caller->peer.addr.port);
    }
}

void oracle_owe(struct asks *asks, uint8_t type, uint16_t msg)
{
    struct ask *ask = find(asks, type, msg);

    if (ask == NULL) {
        if (asks->count < ORACLE_ASKS) {
            ask = &asks->rows[asks->count++];
        } else {
            /* What has no MsgId is owed all the time. */
            while (asks->rows[asks->next].msg == 0)
                asks->next = (asks->next + 1) % ORACLE_ASKS;
            ask = &asks->rows[asks->next];
            asks->next = (asks->next + 1) % ORACLE_ASKS;
        }
        *ask = (struct ask){type, msg, 0};
    }
    if (ask->count < UINT16_MAX)
        ask->count++;
}

bool oracle_take(struct asks *asks, uint8_t type, uint16_t msg)
{
    struct ask *ask = find(asks, type, msg);

    if (ask == NULL || ask->count == 0)
        return false;
    ask->count--;
    return true;
}

void oracle_request(struct sim *sim)
{
    struct oracle *o = &sim->oracle;
    const struct sn_frame *f = &o->frame;
    struct asks *asks = o->bound != NULL ? &o->bound->asks : &o->caller->asks;
    uint8_t qos = f->flags & SN_QOS_BITS;

    /* "I do not know you", and the answer to DISCONNECT. */
    oracle_owe(&o->caller->asks, SN_DISCONNECT, 0);
    switch (f->type) {
    case SN_CONNECT:
        oracle_owe(&o->caller->asks, SN_CONNACK, 0);
        break;
    case SN_REGISTER:
        oracle_owe(asks, SN_REGACK, f->msg);
        break;
    case SN_PUBLISH:
        if (qos == SN_QOS_MINUS1)
            break;
        oracle_owe(asks, SN_PUBACK, f->msg);
        /* Who uses the MsgId of an open QoS 2 message is answered for that. */
        if (qos == SN_QOS2 || oracle_up_is_open(o, f->msg))
            oracle_owe(asks, SN_PUBREC, f->msg);
        break;
    case SN_PUBREL:
        oracle_owe(asks, SN_PUBCOMP, f->msg);
        break;
    case SN_PUBREC:
        oracle_owe(asks, SN_PUBREL, f->msg);
        break;
    case SN_SUBSCRIBE:
        oracle_owe(asks, SN_SUBACK, f->msg);
        break;
    case SN_UNSUBSCRIBE:
        oracle_owe(asks, SN_UNSUBACK, f->msg);
        break;
    case SN_PINGREQ:
        oracle_owe(&o->caller->asks, SN_PINGRESP, 0);
        break;
    case SN_WILLTOPICUPD:
        oracle_owe(asks, SN_WILLTOPICRESP, 0);
        break;
    case SN_WILLMSGUPD:
        oracle_owe(asks, SN_WILLMSGRESP, 0);
        break;
    default:
        break;
    }
}

static bool told_that_the_broker_is_away(const struct sim *sim,
                                         const struct book *book)
{
    return sim->o.upstream_down_max_s != 0 && book == NULL;
}

void oracle_answer(struct sim *sim, struct caller *caller, struct book *book,
                   const struct sn_frame *f)
{
    bool by_msg = f->type != SN_CONNACK && f->type != SN_PINGRESP &&
                  f->type != SN_DISCONNECT && f->type != SN_WILLTOPICRESP &&
                  f->type != SN_WILLMSGRESP && f->type != SN_GWINFO;
    uint16_t msg = by_msg ? f->msg : 0;

    if (f->type == SN_CONNACK && caller->refused) {
        caller->refused = false;
        sim->oracle.refusals--;
    }
    if (f->type == SN_GWINFO)
        oracle_discovery_told(sim);
    if (f->type == SN_DISCONNECT && !f->bare)
        sim_fail(sim, "S8", "a DISCONNECT with a duration");
    if (!oracle_take(&caller->asks, f->type, msg) &&
        (book == NULL ||
         (!oracle_take(&book->asks, f->type, msg) && !book->hazy)) &&
        !(f->type == SN_DISCONNECT &&
          (told_that_the_broker_is_away(sim, book) ||
           sim->o.upstream_down_max_s != 0)))
        sim_fail(sim, "answers", "a %s that nobody asked for (%u)",
                 sn_type_name(f->type), msg);
    if (book == NULL)
        return;
    switch (f->type) {
    case SN_CONNACK:
    case SN_DISCONNECT:
    case SN_PINGRESP:
        oracle_states_answered(sim, book, f);
        break;
    case SN_REGACK:
        oracle_topics_answered(sim, book, f);
        break;
    case SN_WILLTOPICRESP:
    case SN_WILLMSGRESP:
        oracle_wills_answered(sim, book, f);
        break;
    case SN_SUBACK:
        oracle_topics_answered(sim, book, f);
        oracle_subs_answered(sim, book, f);
        break;
    case SN_UNSUBACK:
        oracle_subs_answered(sim, book, f);
        break;
    case SN_PUBACK:
    case SN_PUBREC:
        oracle_up_answered(sim, book, f);
        break;
    default:
        break;
    }
}
