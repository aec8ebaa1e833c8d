/* SPDX-License-Identifier: MIT */
/*
 * engine_private.h - what the files of the engine share; nobody else's.
 */
#ifndef GW_ENGINE_PRIVATE_H
#define GW_ENGINE_PRIVATE_H

#include "broker_side.h"
#include "engine.h"
#include "filters.h"
#include "heap.h"
#include "links.h"
#include "message.h"
#include "names.h"
#include "objects.h"
#include "policy.h"
#include "reactions.h"
#include "slab.h"
#include "table.h"
#include "vias.h"

#include "mqttsn/frame.h"
#include "mqttsn/topic.h"

/* What the overlap probe is at. */
enum gw_probe_step {
    GW_PROBE_OFF,
    GW_PROBE_SUBSCRIBE_1,
    GW_PROBE_SUBSCRIBE_2,
    GW_PROBE_PUBLISH,
    GW_PROBE_COUNT,
    GW_PROBE_UNSUBSCRIBE_1,
    GW_PROBE_UNSUBSCRIBE_2,
};

struct gw_engine {
    struct gw_limits limits;
    struct gw_policy policy;
    struct gw_counters counters;
    uint8_t seed[16];
    uint64_t random;
    mqttsn_ms now; /* of the input being handled */

    struct gw_names names;
    struct gw_vias vias;
    struct gw_messages down_messages, up_messages;
    struct gw_filters filters;
    struct gw_slab sessions, colds, topics, subs, places, exchanges, windows,
        replies, contenders;
    struct gw_table by_addr, by_client, by_contender, topics_by_id,
        topics_by_name, subs_by_key;
    struct gw_heap due;     /* sessions by deadline */
    struct gw_heap fullest; /* sessions with a queue, fullest on top */
    struct gw_heap window_due;

    uint32_t next_session_number;
    uint32_t in_state[GW_STATE_COUNT]; /* sessions */
    uint32_t ready_head, ready_tail;
    uint32_t fresh_head, fresh_tail; /* oldest first */
    uint32_t visit_stamp;
    mqttsn_ms restore_age;  /* of the records that are being restored */
    uint32_t last_restored; /* the newest message that was restored, until the
                               first message comes again */
    uint32_t last_restored_number;

    /* own_links.c */
    struct gw_link shared; /* number 0 */
    struct gw_slab links;  /* the others */
    uint32_t links_head, links_tail;

    /* uplink.c, line.c */
    struct gw_slab flows;
    struct gw_table flows_by_client;
    uint64_t next_place;
    uint32_t own_qos0;          /* QoS 0 publishes of no session in the line */
    uint32_t late_handed;       /* with the shell, from the backlog */
    bool late_turn;             /* it is the backlog's turn */
    struct gw_bucket late_rate; /* drain_rate */
    mqttsn_ms late_due;         /* the rate allows no more before; 0: it does */
    mqttsn_ms late_from;        /* the broker said that it has no room */

    /* broker_limits.c */
    struct gw_bucket publish_rate;
    mqttsn_ms publish_due; /* no more before; 0: now */

    /* forward.c */
    uint32_t storing_head, storing_tail; /* publishes by store operation */
    uint32_t stowed_count;
    uint64_t stowed_bytes;

    /* subscribe.c */
    uint32_t runnable_head, runnable_tail;
    uint32_t open_windows;           /* list */
    uint32_t unsub_head, unsub_tail; /* filters to be unsubscribed */
    uint32_t resubscribe;   /* filters 1 to this are left of the sweep */
    uint32_t resubscribing; /* SUBSCRIBEs of the sweep without result */
    bool sweep_incomplete;  /* the broker was not told everything yet */
    bool sweep_anew;        /* the broker began a new session, and has none */
    bool sweep_untold;      /* this sweep is only about filters so marked */
    bool untold;            /* there are such, or a part of it came back */
    bool sweep_kept;        /* and the store knows */
    uint64_t sweep_stored;  /* the operation that tells it */
    mqttsn_ms windows_from; /* none opens before */

    /* fixed.c */
    uint32_t fixed_cursor; /* sessions up to this one were looked at */
    mqttsn_ms fixed_due;   /* when the next are; NEVER: all were */
    bool fixed_used;       /* there may be a session that has such */

    /* upstream */
    bool link_was_up;
    uint32_t connections; /* so far; tokens of one are no other's */
    mqttsn_ms link_since;
    uint32_t down_cursor; /* sessions told after upstream_down_max */
    bool down_told;
    bool shutting_down;

    /* overlap.c */
    uint8_t probe_step;
    bool probe_handed;
    uint8_t probe_copies;
    bool each_copy;      /* the rule in force */
    bool identifiers;    /* the broker takes subscription identifiers */
    bool by_identifier;  /* and they tell which copy is whose */
    bool retain_options; /* it can be told not to send what is retained */
    mqttsn_ms probe_due;
    uint64_t last_message_hash;
    uint16_t last_packet_id;
    uint32_t copies_left;
    uint32_t seen_identifiers[GW_UP_IDENTIFIERS_MAX]; /* of the last message */
    uint8_t seen_count;

    /* discovery */
    mqttsn_ms advertise_due[GW_LISTENERS_MAX];
    bool advertise_now[GW_LISTENERS_MAX];
    bool gwinfo_group[GW_LISTENERS_MAX];
    uint8_t gwinfo_radius[GW_LISTENERS_MAX];
    struct gw_bucket search_bucket[GW_LISTENERS_MAX];
    struct gw_known_gateway gateways[GW_KNOWN_GATEWAYS];
    uint32_t gateway_count;

    /* replies.c */
    uint32_t waiting_head, waiting_tail; /* for the store, by 'wait' */
    struct gw_stranger *strangers;
    uint32_t stranger_head, stranger_count;
    struct gw_bucket stranger_all;
    struct gw_bucket *stranger_source;
    struct gw_bucket *source;

    /* store.c */
    struct gw_store_entry *store_ring;
    uint32_t store_mask;
    uint64_t store_base;   /* the operation before the ring's first place */
    uint64_t store_queued; /* operations ever queued */
    uint64_t store_taken;  /* of these, offered to the shell */
    uint64_t store_done;   /* all up to here are finished */
    uint64_t store_lost;   /* the last one that failed */
    uint32_t store_inflight;

    struct gw_note *notes;
    uint32_t note_head, note_count;

    uint8_t *scratch; /* one payload, while a datagram is encoded */
};

/* What is sent once more, by what it is: 'of_type' is that counter. */
static inline void gw_count_again(struct gw_engine *e, uint64_t *of_type)
{
    e->counters.tx_retransmissions++;
    ++*of_type;
}

/* ---- access ------------------------------------------------------------ */

static inline struct gw_session *gw_session_at(const struct gw_engine *e,
                                               uint32_t i)
{
    return gw_slab_at(&e->sessions, i);
}
static inline struct gw_topic *gw_topic_at(const struct gw_engine *e,
                                           uint32_t i)
{
    return gw_slab_at(&e->topics, i);
}
static inline struct gw_sub *gw_sub_at(const struct gw_engine *e, uint32_t i)
{
    return gw_slab_at(&e->subs, i);
}
static inline struct gw_place *gw_place_at(const struct gw_engine *e,
                                           uint32_t i)
{
    return gw_slab_at(&e->places, i);
}
static inline struct gw_exchange *gw_exchange_at(const struct gw_engine *e,
                                                 uint32_t i)
{
    return gw_slab_at(&e->exchanges, i);
}
static inline struct gw_window *gw_window_at(const struct gw_engine *e,
                                             uint32_t i)
{
    return gw_slab_at(&e->windows, i);
}
static inline struct gw_reply *gw_reply_at(const struct gw_engine *e,
                                           uint32_t i)
{
    return gw_slab_at(&e->replies, i);
}
static inline struct gw_link *gw_link_at(struct gw_engine *e, uint32_t i)
{
    return i == 0 ? &e->shared : gw_slab_at(&e->links, i);
}
static inline struct gw_contender *gw_contender_at(const struct gw_engine *e,
                                                   uint32_t i)
{
    return gw_slab_at(&e->contenders, i);
}

/* Asleep, awake or active: CONNACK was given and no end came. */
static inline bool gw_session_connected(const struct gw_session *s)
{
    return s->state == GW_ACTIVE || s->state == GW_ASLEEP ||
           s->state == GW_AWAKE;
}

/* The upstream has been away for longer than upstream_down_max (G12-37). */
static inline bool gw_link_given_up(const struct gw_engine *e)
{
    mqttsn_ms most = e->policy.options.upstream_down_max;

    return most != 0 && e->shared.state != GW_LINK_UP &&
           e->now - e->link_since > most;
}

uint32_t gw_random(struct gw_engine *e);
uint64_t gw_hash(const struct gw_engine *e, const void *data, size_t len);

/* As gw_hash, but equal in every process: for what is kept in the store. It
 * tells one node's messages apart, so nobody gains by a collision. */
uint64_t gw_lasting_hash(const void *data, size_t len);

/* ---- session.c --------------------------------------------------------- */

uint64_t gw_peer_hash(const struct gw_engine *e, const struct gw_addr *addr,
                      uint32_t node_ref);
uint32_t gw_session_by_peer(const struct gw_engine *e,
                            const struct gw_peer *peer);
uint32_t gw_session_by_client(const struct gw_engine *e,
                              struct mqttsn_span client_id);

/* A new session without address; 0 when no room can be made. */
uint32_t gw_session_new(struct gw_engine *e, struct mqttsn_span client_id);

/* A restore: what there is of its client besides will end with the restore. */
void gw_session_outlives(struct gw_engine *e, uint32_t index);

/* Ends it: everything it holds is given back, its queue is counted dropped. */
void gw_session_end(struct gw_engine *e, uint32_t index);

/* Gives up subscriptions, topics, queue, requests and will [SN 6.3]. */
void gw_session_wipe(struct gw_engine *e, uint32_t index);

/* No answer is given a second time (G12-35, G12-39). */
void gw_session_forget_answers(struct gw_engine *e, uint32_t index);

/* Makes 'peer' its address; whoever was there is unbound. False: no room. */
bool gw_session_bind(struct gw_engine *e, uint32_t index,
                     const struct gw_peer *peer);

/* Whether the host where it is, or was last, is the peer's (D5): behind a
 * forwarder that is the forwarder's and the node id. */
bool gw_session_was_at_host(const struct gw_session *s,
                            const struct gw_peer *peer);

/* The connection of a session that lasts ends, the will is not published. */
void gw_session_end_connection(struct gw_engine *e, uint32_t index);

/* Sends DISCONNECT to where it talks from. NULL: there is no room for it now.
 */
struct gw_stranger *gw_session_tell_end(struct gw_engine *e,
                                        const struct gw_session *s);

/* That, and ends the connection or the session with it. */
void gw_session_dismiss(struct gw_engine *e, uint32_t index);

/* When its state ends by itself if nothing is heard. */
mqttsn_ms gw_session_supervised(const struct gw_engine *e,
                                const struct gw_session *s);

/* Writes the state down, and no more. */
void gw_session_set_state(struct gw_engine *e, uint32_t index,
                          enum gw_state state);

/* Its connection breaks: the will is published, and one that does not last
 * ends. Another enters 'state', and the store is told. */
void gw_session_break(struct gw_engine *e, uint32_t index, enum gw_state state);

/* Enters a state; tells the store and arms the supervision. */
void gw_session_enter(struct gw_engine *e, uint32_t index, enum gw_state state);

/* What was waiting for a sign of life goes on. */
void gw_session_heard_anew(struct gw_engine *e, uint32_t index);

/* A valid frame came from its address [SN 6.11] (G12-52). */
static inline void gw_session_heard(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, index);

    s->last_heard = e->now;
    s->flags |= GW_S_TALKED;
    if (s->cold != 0 || s->down_phase == GW_DOWN_STALLED)
        gw_session_heard_anew(e, index);
}

/* Has something to send. */
void gw_session_ready(struct gw_engine *e, uint32_t index);

/* Wants to be looked at no later than 'due'. */
void gw_session_arm(struct gw_engine *e, uint32_t index, mqttsn_ms due);

/* Whatever is due of it now; re-arms. */
void gw_session_on_deadline(struct gw_engine *e, uint32_t index);

const struct gw_client_settings *gw_session_settings(struct gw_engine *e,
                                                     uint32_t index);

/* Octets a frame to this session may have, encapsulation taken off. */
size_t gw_session_max_frame(struct gw_engine *e, uint32_t index);

/* Whether such a frame can carry 'fixed' octets in its 1-octet Length form and
 * 'rest' more (G12-09). */
bool gw_session_carries(struct gw_engine *e, uint32_t index, size_t fixed,
                        size_t rest);

/* ---- cold.c ------------------------------------------------------------ */

extern const struct gw_cold gw_cold_at_rest;
uint32_t gw_cold_new(struct gw_engine *e, uint32_t session);

/* To read: zeros when there is none, and then no longer than to the next call
 * of gw_warm. */
static inline const struct gw_cold *gw_cold(const struct gw_engine *e,
                                            const struct gw_session *s)
{
    return s->cold == 0 ? &gw_cold_at_rest : gw_slab_at(&e->colds, s->cold);
}

/* To write: it is taken first if need be. */
static inline struct gw_cold *gw_warm(struct gw_engine *e, uint32_t session)
{
    uint32_t cold = gw_session_at(e, session)->cold;

    return gw_slab_at(&e->colds, cold ? cold : gw_cold_new(e, session));
}

/* Something in it ended: it will be looked at, and given back when all of it
 * is at rest. */
void gw_cold_rests(struct gw_engine *e, uint32_t session);
void gw_cold_on_deadline(struct gw_engine *e, uint32_t session);
mqttsn_ms gw_cold_due(const struct gw_engine *e, const struct gw_session *s);
void gw_cold_end(struct gw_engine *e, uint32_t session);

/* ---- topics.c ---------------------------------------------------------- */

/* Entry of an id or a name of this session; 0 when there is none. */
uint32_t gw_topic_by_id(const struct gw_engine *e, uint32_t session,
                        uint8_t type, uint16_t id);
uint32_t gw_topic_by_name(const struct gw_engine *e, uint32_t session,
                          uint8_t type, uint32_t name);

/*
 * The normal id of 'name' for this session, assigned if need be (G12-11).
 * MQTTSN_ENOSPACE: a table is full: congestion. MQTTSN_EPROTO: this session
 * may have no more ids: not supported.
 */
enum mqttsn_status gw_topic_register(struct gw_engine *e, uint32_t session,
                                     struct mqttsn_span name,
                                     uint32_t *ret_topic);

/* Notes that the client uses this predefined id; 0 when the table is full. */
uint32_t gw_topic_note_predefined(struct gw_engine *e, uint32_t session,
                                  uint16_t id, uint32_t name);

/* What a node is told when gw_topic_register fails; counts it. */
enum mqttsn_return_code gw_topic_refusal(struct gw_engine *e, uint32_t session,
                                         enum mqttsn_status status);

void gw_topics_wipe(struct gw_engine *e, uint32_t session);

/* The mark "announced in this connection" (G12-13). */
void gw_topic_announce(struct gw_engine *e, uint32_t topic);
/* The store has it: the node may be told. */
void gw_topic_kept(struct gw_engine *e, uint32_t topic);
void gw_topic_unannounce(struct gw_engine *e, uint32_t topic);
bool gw_topic_is_announced(const struct gw_engine *e, uint32_t topic);
void gw_topics_forget_announced(struct gw_engine *e, uint32_t session);
uint32_t gw_topic_restore(struct gw_engine *e, uint32_t session, uint8_t type,
                          uint16_t id, struct mqttsn_span name, uint8_t flags);

/* ---- store.c ----------------------------------------------------------- */

/* Each returns the operation's number, for gw_reply_push to wait for. */
uint64_t gw_store_session(struct gw_engine *e, uint32_t session);
uint64_t gw_store_will(struct gw_engine *e, uint32_t session);
uint64_t gw_store_topic(struct gw_engine *e, uint32_t topic);
uint64_t gw_store_sub(struct gw_engine *e, uint32_t sub);
uint64_t gw_store_place(struct gw_engine *e, uint32_t place);
uint64_t gw_store_exchange(struct gw_engine *e, uint32_t exchange);
uint64_t gw_store_filter(struct gw_engine *e, uint32_t filter);
void gw_store_forget_filter(struct gw_engine *e, uint32_t filter);
/* That the broker is being told everything anew, and that it was. */
uint64_t gw_store_sweep(struct gw_engine *e, bool running);
uint64_t gw_store_forget(struct gw_engine *e, uint8_t kind, uint32_t owner,
                         uint32_t item);
uint64_t gw_store_forget_owner(struct gw_engine *e, uint32_t owner);
/* All that was queued so far; for an answer that is asked for once more. */
uint64_t gw_store_all(struct gw_engine *e);
/* Further behind than it should be: take in no more that it must keep. */
static inline bool gw_store_behind(const struct gw_engine *e)
{
    return e->store_queued - e->store_done > e->store_mask / 2;
}
/* So far that datagrams are as lost on their way, and time stands still: what
 * is left is for one step's needs, so that no FORGET is without a place. */
static inline bool gw_store_crammed(const struct gw_engine *e)
{
    return e->store_queued - e->store_done > e->store_mask - e->store_mask / 4;
}

/* records.c: the octets of a record; 0 when the object is gone. */
#define GW_RECORD_SWEEP 0 /* the item that no filter has */
uint32_t gw_record_filter_item(const struct gw_engine *e, uint32_t filter);
size_t gw_record_encode(struct gw_engine *e, const struct gw_store_entry *entry,
                        uint8_t *buf, size_t cap);

/* ---- replies.c --------------------------------------------------------- */

/* Queues an answer; 'wait' 0, or the operation that must be stored first. */
void gw_reply_push(struct gw_engine *e, uint32_t session,
                   const struct gw_reply *reply, uint64_t wait);
/* The same for an answer about what 'op' keeps; 0, for which the ring had no
 * room, is as one that failed. */
void gw_reply_push_kept(struct gw_engine *e, uint32_t session,
                        const struct gw_reply *reply, uint64_t op);
void gw_reply_simple(struct gw_engine *e, uint32_t session,
                     enum mqttsn_type type);
void gw_reply_puback(struct gw_engine *e, uint32_t session, uint16_t topic_id,
                     uint16_t msg_id, enum mqttsn_return_code code);
void gw_replies_wipe(struct gw_engine *e, uint32_t session);
bool gw_reply_take(struct gw_engine *e, uint32_t session,
                   struct mqttsn_frame *ret_frame);

/* All operations up to store_done are stored: releases what waited. */
void gw_replies_release(struct gw_engine *e);
void gw_replies_fail(struct gw_engine *e, uint64_t op);

/* An answer to a source without session; DISCONNECT is rate-limited (G12-27),
 * CONNACK is not: a full table is never answered with silence (D7). Whoever
 * waits for a client id that others hold is not told DISCONNECT (D5). */
void gw_stranger_disconnect(struct gw_engine *e, const struct gw_peer *peer);
/* NULL: it is not said. Else it leaves when all is stored up to reply.wait,
 * which may still be raised until something else is done. */
struct gw_stranger *gw_stranger_reply(struct gw_engine *e,
                                      const struct gw_peer *peer,
                                      const struct gw_reply *reply);
bool gw_stranger_take(struct gw_engine *e, struct gw_stranger *ret);
bool gw_stranger_frame(const struct gw_engine *e, const struct gw_reply *reply,
                       struct mqttsn_frame *ret_frame);

/* The bucket of a source, one of GW_BUCKETS; 'burst' is what it begins with. */
struct gw_bucket *gw_bucket_of(struct gw_engine *e, struct gw_bucket *buckets,
                               const struct gw_addr *addr, uint32_t burst);

/* ---- notes.c ----------------------------------------------------------- */

void gw_note(struct gw_engine *e, enum gw_note_kind kind, uint32_t session,
             uint64_t value, const char *reason);
void gw_note_topic(struct gw_engine *e, enum gw_note_kind kind,
                   uint32_t session, struct mqttsn_span topic, uint64_t value,
                   const char *reason);
void gw_note_peer(struct gw_engine *e, enum gw_note_kind kind,
                  const struct gw_addr *addr, struct mqttsn_span client_id,
                  uint64_t value, const char *reason);

/* ---- wills.c ----------------------------------------------------------- */

/* Both take over the reference on 'name'. */
void gw_will_set_topic(struct gw_engine *e, uint32_t session, uint32_t name,
                       uint8_t qos, bool retain);
void gw_will_set_message(struct gw_engine *e, uint32_t session, uint32_t name);
/* The QoS a node asks for, as one that there is. */
uint8_t gw_will_qos(struct gw_engine *e, uint32_t session,
                    const struct mqttsn_flags *flags);
/* The stored will, if armed, becomes a publish (G12-29), unless the broker has
 * published it: with a connection of the session's own it does when that
 * breaks, but not when it was closed in order, to be made anew. */
void gw_will_publish(struct gw_engine *e, uint32_t session);
void gw_will_delete(struct gw_engine *e, uint32_t session);

/* ---- subscribe.c ------------------------------------------------------- */

uint32_t gw_sub_find(const struct gw_engine *e, uint32_t session,
                     uint32_t filter);
void gw_sub_end(struct gw_engine *e, uint32_t sub);
/* The same though its node has not asked for that; the broker is told. Without
 * room for that request it stays: a configured one until the next CONNECT. */
void gw_sub_withdraw(struct gw_engine *e, uint32_t sub);
void gw_subs_wipe(struct gw_engine *e, uint32_t session);
uint32_t gw_sub_restore(struct gw_engine *e, uint32_t session, uint32_t item,
                        struct mqttsn_span filter, uint8_t type,
                        uint16_t topic_id, uint8_t qos);
void gw_subscribe_refuse(struct gw_engine *e, uint32_t session, uint16_t msg_id,
                         uint16_t topic_id, enum mqttsn_return_code code);
/* The node unsubscribed a plain name by refusing it (G12-15). */
void gw_sub_refused_name(struct gw_engine *e, uint32_t session, uint32_t name);

/* ---- fixed.c: see also fixed.h ------------------------------------------ */

/* Makes what a session lacks, and ends what it should not have any more; one
 * that is half-open gets them with its CONNACK. What there is no room for now
 * is tried again. */
void gw_fixed_apply(struct gw_engine *e, uint32_t session);

/* ---- downlink.c, backlog.c, deliver.c ---------------------------------- */

void gw_downlink_message(struct gw_engine *e, const struct gw_up_event *event);
/* Puts a message in the session's queue, or drops by its policy (D4). */
uint32_t gw_backlog_push(struct gw_engine *e, uint32_t session,
                         uint32_t message, uint8_t qos, bool claim);
/* Takes the head away: delivered, or dropped under 'counter'. */
void gw_backlog_pop(struct gw_engine *e, uint32_t session);
void gw_backlog_drop_head(struct gw_engine *e, uint32_t session,
                          uint64_t *counter, const char *reason);
/* Drops a head that is out of date, unless it is a QoS 2 exchange that was
 * begun. True: it has. */
bool gw_backlog_drop_old(struct gw_engine *e, uint32_t session);
void gw_backlog_wipe(struct gw_engine *e, uint32_t session);
/* Drops what is not under way; not all at once, and nothing while the store is
 * behind. Returns how many. */
uint32_t gw_backlog_purge(struct gw_engine *e, uint32_t session);
uint32_t gw_backlog_restore(struct gw_engine *e, uint32_t session,
                            uint32_t item, uint32_t message, uint8_t qos,
                            uint8_t flags, uint16_t msg_id, uint8_t wakes);
/* Makes room for 'payload_len' more octets of body; false when there is no
 * way (D4). */
bool gw_backlog_make_room(struct gw_engine *e, uint32_t session,
                          size_t payload_len);
/* Counts a message that no frame to the node can carry; says so once per
 * topic. */
void gw_backlog_count_too_large(struct gw_engine *e, uint32_t session,
                                uint32_t topic_name);
/* Counts a message that is dropped for a node, and says so. */
void gw_backlog_count_drop(struct gw_engine *e, uint32_t session,
                           uint32_t topic_name, uint64_t *counter,
                           const char *reason);

/* ---- overlap.c --------------------------------------------------------- */

void gw_overlap_on_connected(struct gw_engine *e);
void gw_overlap_on_lost(struct gw_engine *e);
bool gw_overlap_poll(struct gw_engine *e, unsigned classes, uint8_t *buf,
                     struct gw_up_action *ret_action);
void gw_overlap_on_result(struct gw_engine *e, uint32_t connection,
                          enum gw_up_outcome outcome);
void gw_overlap_on_deadline(struct gw_engine *e);
/* True: the message is the probe's own; it is counted. */
bool gw_overlap_takes(struct gw_engine *e, const struct gw_up_event *event);
/* True: the message is one more copy of the last (one per matching filter). */
bool gw_overlap_swallows(struct gw_engine *e, const struct gw_up_event *event);

/* With identifiers: whether it is a further copy of the last message. */
bool gw_overlap_continues(struct gw_engine *e, const struct gw_up_event *event);

/* What a filter is called in subscription identifiers; also by the process
 * before this one. */
uint32_t gw_filter_identifier(const struct gw_engine *e, uint32_t filter);

/* ---- on_*.c; the handlers of frames are in handlers.h -------------------- */

void gw_connect_on_deadline(struct gw_engine *e, uint32_t session);
/* A half-open session becomes active; or its node is told why not. */
void gw_connect_accept(struct gw_engine *e, uint32_t session);
void gw_connect_refuse(struct gw_engine *e, uint32_t session,
                       enum mqttsn_return_code code, const char *reason);
/* The connection did not come about: back to what was before. */
void gw_connect_abandon(struct gw_engine *e, uint32_t session);
/* The connection was accepted, and could not be kept: its node is told so. */
void gw_connect_unkept(struct gw_engine *e, uint32_t session);
/* The asked holder answered, or did not within a second (D5). */
void gw_contender_on_answer(struct gw_engine *e, uint32_t session);
void gw_contender_on_deadline(struct gw_engine *e, uint32_t session);
void gw_contender_end(struct gw_engine *e, uint32_t session);
bool gw_contender_is(const struct gw_engine *e, const struct gw_peer *peer);
void gw_sleep_end_awake(struct gw_engine *e, uint32_t session, bool told);
bool gw_discover_take(struct gw_engine *e, struct mqttsn_frame *ret_frame,
                      struct gw_datagram *ret_datagram);
mqttsn_ms gw_discover_next(const struct gw_engine *e);
void gw_discover_on_deadline(struct gw_engine *e);

#endif
