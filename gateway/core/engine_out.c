/* SPDX-License-Identifier: MIT */
/*
 * The door, outwards: what goes out is asked of the files that have it, in a
 * fixed order, and encoded straight into the caller's buffer.
 */
#include "deliver.h"

/* Encodes 'frame', in the wrapping of the node id if there is one. */
static bool encode(struct gw_engine *e, uint32_t node_id,
                   const struct mqttsn_frame *frame, uint8_t *buf, size_t cap,
                   struct gw_datagram *ret_datagram)
{
    struct mqttsn_span node = gw_names_span(&e->names, node_id);
    size_t header = node.len ? 3 + node.len : 0;

    if (header > cap || mqttsn_encode(frame, buf + header, cap - header,
                                      &ret_datagram->len) != MQTTSN_OK)
        return false;
    if (header != 0) {
        /* [SN 5.5]: its Length covers the header only; radius 0 to a node. */
        buf[0] = (uint8_t)header;
        buf[1] = MQTTSN_ENCAPSULATED;
        buf[2] = 0;
        memcpy(buf + 3, node.data, node.len);
        ret_datagram->len += header;
    }
    e->counters.tx_datagrams++;
    return true;
}

static bool take_stranger(struct gw_engine *e, uint8_t *buf, size_t cap,
                          struct gw_datagram *ret_datagram)
{
    struct gw_stranger stranger;
    struct mqttsn_frame frame;

    while (gw_stranger_take(e, &stranger)) {
        bool ok = gw_stranger_frame(e, &stranger.reply, &frame) &&
                  encode(e, stranger.node_id, &frame, buf, cap, ret_datagram);

        gw_names_unref(&e->names, stranger.node_id);
        if (ok) {
            ret_datagram->target = GW_TO_PEER;
            ret_datagram->to = stranger.addr;
            ret_datagram->via = stranger.via;
            return true;
        }
    }
    return false;
}

static bool take_session(struct gw_engine *e, uint8_t *buf, size_t cap,
                         struct gw_datagram *ret_datagram)
{
    while (e->ready_head != 0) {
        uint32_t index = e->ready_head;
        struct gw_session *s = gw_session_at(e, index);
        struct mqttsn_frame frame;

        e->ready_head = s->ready_next;
        if (e->ready_head == 0)
            e->ready_tail = 0;
        s->flags &= ~(unsigned)GW_S_READY;
        if (s->number == 0) { /* it ended while it was on the list */
            gw_slab_give(&e->sessions, index);
            continue;
        }
        if (s->addr.family == 0 || (!gw_reply_take(e, index, &frame) &&
                                    !gw_deliver_take(e, index, &frame)))
            continue;
        gw_session_ready(e, index); /* there may be more */
        if (!encode(e, s->node_id, &frame, buf, cap, ret_datagram))
            continue;
        ret_datagram->target = GW_TO_PEER;
        ret_datagram->to = s->addr;
        ret_datagram->via = *gw_via_at(&e->vias, s->via);
        return true;
    }
    return false;
}

bool gw_engine_poll_datagram(struct gw_engine *e, mqttsn_ms now, uint8_t *buf,
                             size_t cap, struct gw_datagram *ret_datagram)
{
    struct mqttsn_frame frame;

    e->now = now;
    memset(ret_datagram, 0, sizeof(*ret_datagram));
    if (gw_store_crammed(e))
        return false;
    while (gw_discover_take(e, &frame, ret_datagram)) {
        if (encode(e, 0, &frame, buf, cap, ret_datagram))
            return true;
    }
    return take_stranger(e, buf, cap, ret_datagram) ||
           take_session(e, buf, cap, ret_datagram);
}

/* Whether windows.c has anything to do. */
static bool has_control(const struct gw_engine *e)
{
    return (e->resubscribe | e->unsub_head | e->runnable_head) != 0 ||
           e->sweep_incomplete;
}

/* Inline, for it is a part of every publish. */
static inline bool next_action(struct gw_engine *e, unsigned classes,
                               uint8_t *buf, struct gw_up_action *ret_action)
{
    /* Mostly there are publishes and nothing else. */
    if (e->probe_step != GW_PROBE_OFF &&
        gw_overlap_poll(e, classes, buf, ret_action))
        return true;
    if ((classes & GW_UP_CONTROL) && has_control(e) &&
        gw_windows_poll(e, buf, ret_action))
        return true;
    if (e->links_head != 0 && gw_link_poll(e, classes, buf, ret_action))
        return true;
    return (classes & GW_UP_DATA) &&
           (e->policy.options.publish_rate == 0 ||
            gw_broker_takes_publish(e)) &&
           gw_uplink_poll(e, &e->shared, buf, ret_action);
}

bool gw_engine_poll_upstream(struct gw_engine *e, mqttsn_ms now,
                             unsigned classes, uint8_t *buf, size_t cap,
                             struct gw_up_action *ret_action)
{
    e->now = now;
    if (cap < GW_UP_BUFFER || !next_action(e, classes, buf, ret_action))
        return false;
    if (e->policy.broker_is_limited)
        gw_broker_fit(e, ret_action);
    return true;
}
