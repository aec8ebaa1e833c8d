/* SPDX-License-Identifier: MIT */
/*
 * Discovery [SN 6.1]: who else is a gateway here, what those who search are
 * told, and what everybody is told now and then.
 *
 * A question costs a broadcast of the asker and two datagrams of ours, so
 * strangers far away get no answer and neighbours not more than one a second.
 */
#include "handlers.h"

#include "nearby.h"

#define SEARCH_RATE 1 /* answers a second, per listener */
#define SEARCH_BURST 2

/* Whether this listener takes part in discovery now: a gateway that cannot
 * reach its broker is no help to anybody (G12-44). */
static bool takes_part(const struct gw_engine *e, size_t listener)
{
    const struct gw_options *o = &e->policy.options;

    return e->shared.state == GW_LINK_UP && listener < o->listener_count &&
           o->listeners[listener].discovery;
}

/* ---- other gateways ---------------------------------------------------- */

/* When the table is full somebody gives way at random, silently: whoever makes
 * gateways up shall not fill the log with them. */
static void remember(struct gw_engine *e, const struct gw_addr *addr,
                     uint8_t gw_id)
{
    uint32_t at;

    for (at = 0; at < e->gateway_count; at++) {
        if (gw_addr_equal(&e->gateways[at].addr, addr)) {
            e->gateways[at].gw_id = gw_id;
            return;
        }
    }
    if (at == GW_KNOWN_GATEWAYS) {
        at = gw_random(e) % GW_KNOWN_GATEWAYS;
    } else {
        e->gateway_count++;
        gw_note_peer(e, GW_NOTE_GATEWAY_SEEN, addr, mqttsn_span(NULL, 0), gw_id,
                     gw_id == e->policy.options.gw_id ? "same_id" : NULL);
    }
    e->gateways[at] = (struct gw_known_gateway){.addr = *addr, .gw_id = gw_id};
}

/* ---- SEARCHGW ---------------------------------------------------------- */

static bool is_near(const struct gw_addr *addr)
{
    for (size_t i = 0; i < GW_NEARBY_BLOCKS; i++) {
        if (gw_cidr_contains(&gw_nearby[i], addr))
            return true;
    }
    return false;
}

static bool may_answer(struct gw_engine *e, uint16_t listener)
{
    struct gw_bucket *bucket = &e->search_bucket[listener];

    if (bucket->tag == 0)
        *bucket = (struct gw_bucket){1, SEARCH_BURST * 1000, e->now};
    return gw_bucket_take(bucket, SEARCH_RATE, SEARCH_BURST, e->now);
}

static void on_search(struct gw_engine *e, const struct gw_peer *peer,
                      uint8_t radius)
{
    uint16_t listener = peer->via.listener;

    if (!takes_part(e, listener) || !is_near(&peer->addr) ||
        !may_answer(e, listener)) {
        e->counters.searchgw_muted++;
        return;
    }
    e->counters.searchgw_answered++;
    gw_stranger_reply(e, peer, &(struct gw_reply){.type = MQTTSN_GWINFO});
    if (e->policy.options.gwinfo_multicast) {
        e->gwinfo_group[listener] = true;
        e->gwinfo_radius[listener] = radius;
    }
}

void gw_on_discovery(struct gw_engine *e, const struct gw_peer *peer,
                     const struct mqttsn_frame *frame)
{
    /* Nodes too tell of gateways, with an address behind the id; and what a
     * forwarder passes on does not make it a gateway. */
    bool itself = peer->node_id.len == 0;

    if (frame->type == MQTTSN_SEARCHGW)
        on_search(e, peer, frame->searchgw.radius);
    else if (frame->type == MQTTSN_ADVERTISE && itself)
        remember(e, &peer->addr, frame->advertise.gw_id);
    else if (frame->type == MQTTSN_GWINFO && itself &&
             frame->gwinfo.gw_add.len == 0)
        remember(e, &peer->addr, frame->gwinfo.gw_id);
}

/* ---- ADVERTISE --------------------------------------------------------- */

static mqttsn_ms interval_of(const struct gw_engine *e, size_t listener)
{
    return takes_part(e, listener)
               ? e->policy.options.listeners[listener].advertise_interval
               : 0;
}

/* Due time 0 stands for "not advertising", so the first one is due as soon as
 * there is an interval: the link came up, or a reload switched it on. */
static void update(struct gw_engine *e, size_t listener)
{
    mqttsn_ms interval = interval_of(e, listener);
    mqttsn_ms *due = &e->advertise_due[listener];

    if (!takes_part(e, listener))
        e->gwinfo_group[listener] = false;
    if (interval == 0) {
        *due = 0;
        e->advertise_now[listener] = false;
    } else if (*due == 0 || e->now >= *due) {
        *due = e->now + interval;
        e->advertise_now[listener] = true;
    } else if (*due > e->now + interval) {
        *due = e->now + interval; /* a reload made it shorter */
    }
}

mqttsn_ms gw_discover_next(const struct gw_engine *e)
{
    mqttsn_ms next = MQTTSN_NEVER;

    for (size_t l = 0; l < e->policy.options.listener_count; l++) {
        mqttsn_ms due = e->advertise_due[l] ? e->advertise_due[l] : e->now;

        if (interval_of(e, l) != 0 && due < next)
            next = due;
    }
    return next;
}

void gw_discover_on_deadline(struct gw_engine *e)
{
    for (size_t l = 0; l < GW_LISTENERS_MAX; l++)
        update(e, l);
}

static uint16_t whole_seconds(mqttsn_ms interval)
{
    return interval >= 65535 * UINT64_C(1000)
               ? 65535
               : (uint16_t)((interval + 500) / 1000);
}

/* Forgets what the shell is not to send any more when it comes to ask. */
bool gw_discover_take(struct gw_engine *e, struct mqttsn_frame *ret_frame,
                      struct gw_datagram *ret_datagram)
{
    for (size_t l = 0; l < e->policy.options.listener_count; l++) {
        update(e, l);
        if (!e->advertise_now[l] && !e->gwinfo_group[l])
            continue;
        memset(ret_frame, 0, sizeof(*ret_frame));
        *ret_datagram = (struct gw_datagram){.target = GW_TO_GROUP};
        ret_datagram->via.listener = (uint16_t)l;
        if (e->advertise_now[l]) {
            e->advertise_now[l] = false;
            ret_frame->type = MQTTSN_ADVERTISE;
            ret_frame->advertise.gw_id = e->policy.options.gw_id;
            ret_frame->advertise.duration_s = whole_seconds(interval_of(e, l));
        } else {
            e->gwinfo_group[l] = false;
            ret_datagram->radius = e->gwinfo_radius[l];
            ret_frame->type = MQTTSN_GWINFO;
            ret_frame->gwinfo.gw_id = e->policy.options.gw_id;
        }
        return true;
    }
    return false;
}
