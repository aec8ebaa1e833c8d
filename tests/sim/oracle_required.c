/* SPDX-License-Identifier: MIT */
/* What must not fail to happen: at once, or when its time has come. */
#include "sim.h"

/* After the moment at which something is due, and before it must be done. */
#define SLACK_MS 1500

/* How long the holder of a contested id has for its answer (D5). */
#define CONTEST_MS 1000

mqttsn_ms oracle_tolerance(uint16_t seconds)
{
    /* [SN 7.2]: more than a minute: 10 %, else 50 %. */
    return (mqttsn_ms)seconds * (seconds > 60 ? 1100 : 1500);
}

void oracle_states_required(struct sim *sim)
{
    const struct oracle *o = &sim->oracle;
    const struct gw_counters *c = gw_engine_counters(sim->gw.engine);
    struct book *book = o->bound;

    if (!o->valid || c->store_full > o->before.store_full)
        return;
    if (o->frame.type == SN_CONNECT && o->named != NULL &&
        o->named->connect.pending && o->named->exists && !o->named->hazy &&
        o->named->state != GW_ACTIVE && o->named->state != GW_AWAKE &&
        c->connects_refused == o->before.connects_refused &&
        c->connects_congestion == o->before.connects_congestion)
        sim_fail(sim, "state", "%s connects, and remains %s", o->named->id,
                 oracle_state_word(o->named->state));
    if (book == NULL || !book->exists || book->hazy)
        return;
    if (o->frame.type == SN_DISCONNECT && o->frame.duration == 0 &&
        book->state != GW_DISCONNECTED && book->state != GW_LOST)
        sim_fail(sim, "state", "%s left, and is %s", book->id,
                 oracle_state_word(book->state));
    if (o->frame.type == SN_DISCONNECT && o->frame.duration != 0 &&
        (book->state == GW_ACTIVE || book->state == GW_AWAKE))
        sim_fail(sim, "state", "%s went to sleep, and is %s", book->id,
                 oracle_state_word(book->state));
    if (o->frame.type == SN_PINGREQ && book->state == GW_ASLEEP &&
        sim->o.upstream_down_max_s == 0 &&
        (o->frame.tail_len == 0 || o->named == book))
        sim_fail(sim, "state", "%s woke up, and is asleep", book->id);
}

void oracle_supervised(struct sim *sim, struct book *book)
{
    mqttsn_ms due = MQTTSN_NEVER;

    switch (book->state) {
    case GW_ACTIVE:
        due = book->heard_high + (book->keepalive == 0
                                      ? (mqttsn_ms)sim->o.idle_max_s * 1000
                                      : oracle_tolerance(book->keepalive));
        break;
    case GW_ASLEEP:
        due = book->heard_high + oracle_tolerance(book->sleep);
        break;
    case GW_DISCONNECTED:
    case GW_LOST:
        due = book->since + (mqttsn_ms)sim->o.session_expiry_s * 1000;
        break;
    case GW_HALF_OPEN:
        if (book->perhaps)
            break; /* and waits for the store */
        due = book->since +
              (mqttsn_ms)(sim->o.retry_ms * (sim->o.retry_count + 1)) + 3000;
        if (sim->o.transparent) /* and the broker is asked */
            due += (mqttsn_ms)sim->o.upstream_timeout_s * 1000;
        break;
    case GW_AWAKE:
        break;
    }
    /* Another wants its id: it is asked first. */
    if (book->contender_count > 0 && due != MQTTSN_NEVER)
        due += CONTEST_MS;
    if (due != MQTTSN_NEVER && sim->now > due + SLACK_MS && !book->hazy)
        sim_fail(sim, "state", "%s is still %s, %llu ms after its time",
                 book->id, oracle_state_word(book->state),
                 (unsigned long long)(sim->now - due));
}
