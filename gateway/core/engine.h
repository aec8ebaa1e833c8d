/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the only door to the protocol machine.
 *
 * The engine is told what happened and when; it is polled for what to do. It
 * owns every session, topic id, subscription, queue and unfinished exchange,
 * and it does no I/O, reads no clock, starts no thread and asks the C library
 * for memory only in gw_engine_new. One object, one thread: no call may be
 * made from two threads at once, and none from inside another.
 *
 * Time: every 'now' is on one monotonic clock and never runs backwards.
 *
 * Outputs are pulled, one poll per sink. A shell that cannot take more does
 * not poll; the work stays in the engine, bounded there. After any input,
 * poll every sink that has room, the store last: polling upstream, or for
 * datagrams, may itself queue work for the store, which what follows waits for.
 * Then arm one timer for gw_engine_next_deadline and call
 * gw_engine_on_deadline when it is due.
 *
 * Invariant: when every poll returns false, nothing is ready.
 */
#ifndef GW_ENGINE_H
#define GW_ENGINE_H

#include "address.h"
#include "counters.h"
#include "limits.h"
#include "views.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"
#include "mqttsn/time.h"

struct gw_engine;

/*
 * Makes an engine; all the memory it will ever use is reserved here, touched
 * only as it is needed. 'seed' must come from the system's random source: it
 * keys the hashes and starts the MsgIds.
 *
 * MQTTSN_OK:       '*ret_engine' is new; gw_engine_free gives it back.
 * MQTTSN_EINVAL:   a limit or option is out of range.
 * MQTTSN_ENOSPACE: the memory cannot be had, or a list is too long.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_engine_new(const struct gw_limits *limits, const struct gw_options *options,
              const uint8_t seed[16], mqttsn_ms now,
              struct gw_engine **ret_engine);

/* Frees everything. NULL does nothing. */
void gw_engine_free(struct gw_engine *engine);

/* The most octets an engine with these limits can come to use. */
uint64_t gw_engine_size(const struct gw_limits *limits);

/*
 * Replaces the options; sessions stay. Sessions that hold a predefined id
 * whose row changed find the new row at their next message, and durations
 * count for sessions that are there, also where they are shorter now.
 *
 * MQTTSN_OK:     the new options are in force.
 * MQTTSN_EINVAL, MQTTSN_ENOSPACE: as gw_engine_new, or 'topic_prefix' is
 *                another; the old ones stay.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_engine_reconfigure(struct gw_engine *engine,
                      const struct gw_options *options, mqttsn_ms now);

/*
 * Announces the end: the wills of connected sessions whose settings say so
 * become upstream actions. Poll upstream until it is empty, or time is up.
 */
void gw_engine_shutdown(struct gw_engine *engine, mqttsn_ms now);

/* ---- inputs ------------------------------------------------------------ */

/* A datagram arrived. Everything is borrowed for the call. */
void gw_engine_on_datagram(struct gw_engine *engine, const struct gw_addr *from,
                           const struct gw_via *via, struct mqttsn_span bytes,
                           mqttsn_ms now);

enum gw_up_event_kind {
    GW_UP_CONNECTED,   /* the broker accepted the connection */
    GW_UP_LOST,        /* the connection ended */
    GW_UP_UNREACHABLE, /* an attempt to connect failed; more will follow */
    GW_UP_DENIED,      /* an attempt was refused for who we are */
    GW_UP_RESULT,      /* the outcome of an action with a token */
    GW_UP_MESSAGE,     /* the broker sent a message */
    GW_UP_CLOSED,      /* after GW_UP_CLOSE: nothing more of this connection */
};

enum gw_up_outcome {
    GW_UP_DONE,     /* acknowledged */
    GW_UP_REJECTED, /* the broker refused it: not supported */
    GW_UP_QUOTA,    /* the broker refused it for now: congestion */
    GW_UP_UNSENT,   /* not with the broker, and will not be: submit it again */
};

/* A message with more of them has none: then it is for all its filters. */
#define GW_UP_IDENTIFIERS_MAX 8

struct gw_up_event {
    enum gw_up_event_kind kind;
    uint32_t connection; /* 0: the gateway's own, else as in GW_UP_OPEN */
    union {
        struct {
            bool session_present;     /* it remembers our subscriptions */
            uint16_t receive_maximum; /* 0 = no limit known */
            bool identifiers;         /* messages say which filter sent them */
            bool retain_options;      /* it can be told not to send retained */
        } connected;
        struct {
            uint64_t token;
            enum gw_up_outcome outcome;
            uint8_t granted_qos; /* of a SUBSCRIBE that is done */
        } result;
        struct {
            struct mqttsn_span topic;
            struct mqttsn_span payload;
            uint8_t qos; /* 0..2 */
            bool retain;
            bool wants_answer;  /* somewhere, which no node can give */
            uint16_t packet_id; /* 0 with QoS 0 */
            uint32_t arrival;   /* its GW_RECORD_ARRIVAL; 0: there is none */
            mqttsn_ms expiry;   /* from now on; 0: it does not expire */
            /* Of the subscriptions that it was sent for; none: not known. */
            uint8_t identifier_count;
            uint32_t identifiers[GW_UP_IDENTIFIERS_MAX];
        } message;
    };
};

/*
 * Something happened on the broker side. Spans are borrowed for the call. A
 * message counts as taken over when this returns; one with an 'arrival' when
 * the store forgets that, behind whatever it keeps of the message. Every token
 * ends in exactly one result, also across GW_UP_LOST; results for tokens the
 * engine no longer knows are ignored. Of a connection that was closed all
 * results come before GW_UP_CLOSED.
 */
void gw_engine_on_upstream(struct gw_engine *engine,
                           const struct gw_up_event *event, mqttsn_ms now);

/*
 * The store finished operation 'op'. Any order; never from inside the poll
 * that gave the operation. 'ok': it outlives the process, and so does whatever
 * was to be forgotten before it, even where that was answered with a failure.
 * Not 'ok': nobody knows.
 */
void gw_engine_on_stored(struct gw_engine *engine, uint64_t op, bool ok,
                         mqttsn_ms now);

/*
 * A word of the gateway's own, of QoS 0, on a topic as the broker knows it; it
 * goes in the line in which publishes of nodes go. False when it is not taken:
 * the broker is away, others of the kind wait already, there is no room, or
 * the topic is none. It may be said again later.
 */
bool gw_engine_publish(struct gw_engine *engine, struct mqttsn_span topic,
                       struct mqttsn_span payload, bool retain, mqttsn_ms now);

/*
 * An operator's word about one client. Kick: its connection ends as if it had
 * broken, with its will, and the node is told DISCONNECT, but for one that
 * sleeps, which learns it when it wakes. MQTTSN_ENOTFOUND: there is none of
 * this id; MQTTSN_EPROTO: it is not connected; MQTTSN_ENOSPACE: the store is
 * too far behind to be told (gw_engine_is_behind), and nothing has changed.
 *
 * Purge: what waits for it is dropped, and counted, but for what is under way.
 * '*ret_dropped' is how many were; with a long queue, or a store that is
 * behind, not all at once: call it again as long as some are and more wait.
 * False: there is none of this id.
 */
MQTTSN_CHECKED enum mqttsn_status gw_engine_kick(struct gw_engine *engine,
                                                 struct mqttsn_span client_id,
                                                 mqttsn_ms now);
bool gw_engine_purge(struct gw_engine *engine, struct mqttsn_span client_id,
                     mqttsn_ms now, uint32_t *ret_dropped);

/* Time passed. Harmless when nothing is due. */
void gw_engine_on_deadline(struct gw_engine *engine, mqttsn_ms now);

/* ---- outputs ----------------------------------------------------------- */

enum gw_target {
    GW_TO_PEER,  /* to 'to', from where 'via' says */
    GW_TO_GROUP, /* to the multicast group of listener 'via.listener' */
};

struct gw_datagram {
    enum gw_target target;
    struct gw_addr to;
    struct gw_via via;
    size_t len;     /* octets in the caller's buffer */
    uint8_t radius; /* for GW_TO_GROUP: hops, 0 = as far as configured */
};

/*
 * Takes the next datagram to send, encoded into 'buf'; 'cap' must be at least
 * GW_DATAGRAM_MAX. False when there is none.
 */
#define GW_DATAGRAM_MAX 65535
bool gw_engine_poll_datagram(struct gw_engine *engine, mqttsn_ms now,
                             uint8_t *buf, size_t cap,
                             struct gw_datagram *ret_datagram);

enum gw_up_action_kind {
    GW_UP_PUBLISH,
    GW_UP_SUBSCRIBE,
    GW_UP_UNSUBSCRIBE,
    GW_UP_OPEN,  /* a connection for one node: keep it connected until CLOSE */
    GW_UP_CLOSE, /* settle what it has, tell the broker good-bye */
};

struct gw_up_action {
    enum gw_up_action_kind kind;
    uint32_t connection; /* 0: the gateway's own, which is always there */
    uint64_t token;      /* to be named in the result; 0: none is expected */
    uint8_t qos;
    bool retain;
    bool clean; /* OPEN: the broker is to forget what it knows of the node */
    bool no_retained;    /* SUBSCRIBE: it is to bring no retained ones */
    bool no_local;       /* SUBSCRIBE: nor what this connection publishes */
    uint32_t identifier; /* SUBSCRIBE: of what it brings; 0: none */
    union {
        struct { /* PUBLISH */
            /* The GW_RECORD_EXCHANGE that keeps it; item 0: none does. */
            uint32_t owner, item;
            mqttsn_ms age_ms; /* since the gateway received it */
            /* Whose it is; empty: nobody's. Borrowed until the next call of
             * the engine. */
            struct mqttsn_span client;
        };
        struct mqttsn_span client_id; /* OPEN: the node's; points into 'buf' */
    };
    /* OPEN: 'qos', 'retain', 'topic' and 'payload' are those of its will; with
     * no topic there is none. */
    struct mqttsn_span topic;   /* name or filter; points into 'buf' */
    struct mqttsn_span payload; /* points into 'buf' */
};

/* Which actions a shell has room for. Control never waits behind data. */
enum gw_up_class { GW_UP_CONTROL = 1, GW_UP_DATA = 2 };

/*
 * Takes the next action for the broker; topic and payload are copied into
 * 'buf', of at least GW_UP_BUFFER octets. Gives nothing while the upstream is
 * not connected, and no acknowledged publish beyond the window. What has been
 * taken is with the shell until its result comes. With connections for nodes
 * the same holds of each; the number of one is used again only after
 * GW_UP_CLOSED.
 */
#define GW_UP_BUFFER (GW_NAME_MAX + 65535)
bool gw_engine_poll_upstream(struct gw_engine *engine, mqttsn_ms now,
                             unsigned classes, uint8_t *buf, size_t cap,
                             struct gw_up_action *ret_action);

/* What a record is about; the order in which records must be restored. */
enum gw_record_kind {
    GW_RECORD_SESSION = 1,  /* owner: session number, item 0 */
    GW_RECORD_WILL,         /* owner: session number, item 0 */
    GW_RECORD_TOPIC,        /* owner: session number, item: entry number */
    GW_RECORD_SUBSCRIPTION, /* owner: session number, item: entry number */
    GW_RECORD_MESSAGE,      /* owner 0, item: message number */
    GW_RECORD_QUEUED,       /* owner: session number, item: place number */
    GW_RECORD_EXCHANGE,     /* owner 0, item: number, rising by arrival */
    GW_RECORD_FILTER,       /* owner 0, item: hash of the filter */
};

/*
 * Kept by the shell, not by the engine, which only forgets it (owner 0, item:
 * a number that rises): a message from the broker that was not taken over yet.
 * What is left of these after a restart comes again as GW_UP_MESSAGE with its
 * number, behind gw_engine_restored and before anything new.
 */
#define GW_RECORD_ARRIVAL 64

/* Another of these: a GW_RECORD_EXCHANGE of QoS 2, by owner and item, that the
 * broker has acknowledged and of which the engine may not know yet. */
#define GW_RECORD_ACKNOWLEDGED 66

struct gw_store_action {
    enum { GW_STORE_KEEP, GW_STORE_FORGET, GW_STORE_FORGET_OWNER } verb;
    uint64_t op;  /* to be named in gw_engine_on_stored */
    uint8_t kind; /* enum gw_record_kind; not with FORGET_OWNER */
    uint32_t owner;
    uint32_t item;
    size_t len; /* KEEP: octets in the caller's buffer */
};

/*
 * Takes the next thing to keep (a KEEP replaces what has the same kind, owner
 * and item), to forget, or to forget of one owner altogether. 'cap' must be at
 * least GW_RECORD_MAX. Each is answered by gw_engine_on_stored; at most
 * GW_STORE_INFLIGHT wait for that at a time.
 */
#define GW_RECORD_MAX (GW_NAME_MAX + 65535 + 64)
#define GW_STORE_INFLIGHT 1024
bool gw_engine_poll_store(struct gw_engine *engine, mqttsn_ms now, uint8_t *buf,
                          size_t cap, struct gw_store_action *ret_action);

/*
 * Whether so much waits for the store that half the room for it is taken. What
 * nodes send then is refused where it must be kept; events of the broker side
 * cannot be, so a shell takes no more of them until this is false. It changes
 * with gw_engine_on_stored and gw_engine_poll_store.
 */
bool gw_engine_is_behind(const struct gw_engine *engine);

/* One row per note: enum suffix, event name in the log, level. */
#define GW_NOTE_MAP(X)                                                         \
    X(CONNECTED, "connected", INFO)                                            \
    X(DISCONNECTED, "disconnected", INFO)                                      \
    X(ASLEEP, "asleep", INFO)                                                  \
    X(AWAKE, "awake", DEBUG)                                                   \
    X(LOST, "client_lost", WARN)                                               \
    X(EXPIRED, "session_expired", INFO)                                        \
    X(MOVED, "client_moved", INFO)                                             \
    X(TAKEOVER_REFUSED, "takeover_refused", WARN)                              \
    X(CONNECT_REFUSED, "connect_refused", WARN)                                \
    X(QUEUE_DROP, "queue_drop", WARN)                                          \
    X(TOO_LARGE, "too_large", WARN)                                            \
    X(TABLE_FULL, "table_full", WARN)                                          \
    X(REGISTER_TIMEOUT, "register_timeout", WARN)                              \
    X(UNRESPONSIVE, "unresponsive", INFO)                                      \
    X(WILL_PUBLISHED, "will_published", INFO)                                  \
    X(WILL_QOS, "will_qos_invalid", WARN)                                      \
    X(UP_REJECTED, "upstream_rejected", WARN)                                  \
    X(UP_DROP, "uplink_drop", WARN)                                            \
    X(STORE_FAILED, "store_failed", ERROR)                                     \
    X(OVERLAP_RULE, "overlap_rule", INFO)                                      \
    X(GATEWAY_SEEN, "other_gateway", INFO)                                     \
    X(KICKED, "client_kicked", INFO)                                           \
    X(PURGED, "queue_purged", INFO)

enum gw_note_kind {
#define GW_NOTE_ENUM(name, event, level) GW_NOTE_##name,
    GW_NOTE_MAP(GW_NOTE_ENUM)
#undef GW_NOTE_ENUM
};

/* Something an operator may want to know. 'value' is a number that belongs to
 * the kind: duration in seconds, messages in the queue, return code. */
struct gw_note {
    enum gw_note_kind kind;
    struct gw_addr addr;
    uint64_t value;
    const char *reason; /* a static word, or NULL */
    uint16_t client_id_len;
    uint16_t topic_len;
    char client_id[64]; /* cut to fit */
    char topic[128];
};

/* Takes the oldest note; false when there is none. */
bool gw_engine_poll_note(struct gw_engine *engine, struct gw_note *ret_note);

/* When gw_engine_on_deadline wants to be called next. */
mqttsn_ms gw_engine_next_deadline(const struct gw_engine *engine);

/* ---- restore ----------------------------------------------------------- */

/*
 * Gives back one kept record, before any other input; records come ordered by
 * kind, then owner, then item.
 *
 * MQTTSN_OK:       it is in place.
 * MQTTSN_EFIELD:   the octets are no such record; nothing changed.
 * MQTTSN_EPROTO:   a later version has written it: a kind, or a version of one,
 *                  that is unknown here; nothing changed.
 * MQTTSN_ENOTFOUND: it belongs to something that was not restored.
 * MQTTSN_ENOSPACE: a table is full; nothing changed.
 * A message that stays behind with one of the last two is counted, as dropped
 * for its node or on its way to the broker.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_engine_restore(struct gw_engine *engine, uint8_t kind, uint32_t owner,
                  uint32_t item, struct mqttsn_span bytes, mqttsn_ms now);

/*
 * Between the records and gw_engine_restored: the broker side still has the
 * publish of this GW_RECORD_EXCHANGE under way from before the restart, or has
 * finished it without our knowing. It is not handed out again; it counts as
 * handed over under the token returned, which ends in one result, as any, given
 * after gw_engine_restored. GW_UP_UNSENT submits it again, and counts it
 * 'qos2_uncertain' when it was of QoS 2. 0: there is no such record, or it
 * needs no result any more; no other publish gets its number then.
 */
uint64_t gw_engine_held(struct gw_engine *engine, uint32_t owner,
                        uint32_t item);

/* How long ago the records that follow were kept, beyond what they say
 * themselves; until the next call. At first 0. */
void gw_engine_restore_age(struct gw_engine *engine, mqttsn_ms age);

/* The last record was given back: supervision of every session starts anew. */
void gw_engine_restored(struct gw_engine *engine, mqttsn_ms now);

/* ---- inspection -------------------------------------------------------- */

/* Whether an address belongs to a session; for fairness in the UDP shell. */
bool gw_engine_knows(const struct gw_engine *engine,
                     const struct gw_addr *addr);

const struct gw_counters *gw_engine_counters(const struct gw_engine *engine);

/* How much of each table is in use, for limits and leak checks. What lies
 * between the members is 0, so that two can be compared whole. */
struct gw_usage {
    uint32_t sessions, topics, subscriptions, filters, filter_levels, exchanges;
    uint32_t queue_entries, messages, replies;
    uint32_t uplink_messages; /* that wait, or will, for the broker alone */
    uint64_t uplink_bytes;
    uint64_t message_bytes, name_bytes;
    uint64_t connections; /* of nodes to the broker */
};
void gw_engine_usage(const struct gw_engine *engine, struct gw_usage *ret);

#endif
