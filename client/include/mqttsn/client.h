/* SPDX-License-Identifier: MIT */
/*
 * client.h - the node's side of MQTT-SN 1.2, as a pure machine.
 *
 * Calls and datagrams go in; datagrams, events and the next deadline come out.
 * The client has no heap, thread, clock or I/O; every buffer is lent by the
 * caller. The radio may be off between any two calls: nothing depends on being
 * called often, only repetitions come later.
 *
 * The pattern, after any call that takes 'now':
 *
 *     while (mqttsn_client_poll_send(c, now, buf, sizeof(buf), &datagram))
 *         ...give it to the radio...
 *     while (mqttsn_client_poll_event(c, &event))
 *         ...act; any call of this header may be made here; poll again after...
 *     arm one timer for mqttsn_client_next_deadline(c)
 *
 * 'buf' is not the buffer that datagrams are received into: a message that was
 * not polled yet lies there.
 *
 * The calls state what is wanted; the client finds the way. What is wanted is
 * one of three conditions - active, asleep, disconnected - and at most one
 * request (register, publish, subscribe, unsubscribe, change of will) besides.
 * A request made asleep wakes the node with CONNECT, is carried out, and lets
 * it fall asleep again. A gateway that is lost or that sends DISCONNECT is
 * replaced, and the request is carried on; only when nobody is left does the
 * client give up. So the shortest cycle of a sensor is
 *
 *     connect, publish, sleep   - once, at the start; need not be waited for
 *     publish                   - at each measurement
 *     check                     - to collect what waits
 *
 * Not supported: more than one request at a time (which is [SN 6.5], [SN 6.6]
 * and [SN 6.9]), MQTT-SN 2.0, and remembering subscriptions for the
 * application: see 'resubscribe'. Of messages with QoS 2 from the gateway one
 * is remembered at a time; a gateway that has more of them unfinished may
 * cause doubles.
 *
 * One object, one thread; no call from inside a hook. Clauses: [SN 6].
 */
#ifndef MQTTSN_CLIENT_H
#define MQTTSN_CLIENT_H

#include "mqttsn/client_config.h"
#include "mqttsn/frame.h"
#include "mqttsn/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where a gateway is: octets that the port makes and understands, compared
 * whole. On IP use the form that GWINFO carries (G12-45): IPv4 (4 octets),
 * IPv4 and port (6), IPv6 (16) or IPv6 and port (18), network order; then what
 * other nodes tell about gateways is usable. A form without port comes from
 * them only, and means the network's usual port.
 */
struct mqttsn_address {
    uint8_t len;
    uint8_t octets[MQTTSN_CLIENT_ADDRESS_MAX];
};

/* ---- topics ------------------------------------------------------------ */

/* What a message is published on or came under. */
struct mqttsn_topic {
    uint8_t type;            /* enum mqttsn_topic_type */
    uint16_t id;             /* predefined or normal id, or the short name */
    struct mqttsn_span name; /* with MQTTSN_TOPIC_NORMAL */
};

/* A name or filter; the client registers it where it has to. */
static inline struct mqttsn_topic mqttsn_topic_named(const char *name)
{
    return (struct mqttsn_topic){
        .type = MQTTSN_TOPIC_NORMAL, .id = 0, .name = mqttsn_span_text(name)};
}

/* An id that both ends are configured with. */
static inline struct mqttsn_topic mqttsn_topic_predefined(uint16_t id)
{
    return (struct mqttsn_topic){
        .type = MQTTSN_TOPIC_PREDEFINED, .id = id, .name = {NULL, 0}};
}

/* A name of exactly two octets; 'name' need not end in NUL. */
static inline struct mqttsn_topic mqttsn_topic_short(const char *name)
{
    return (struct mqttsn_topic){
        .type = MQTTSN_TOPIC_SHORT,
        .id = (uint16_t)((uint8_t)name[0] << 8 | (uint8_t)name[1]),
        .name = {NULL, 0}};
}

/* ---- what the caller lends --------------------------------------------- */

/* One name that is known by an id, or will be. Fields are private. */
struct mqttsn_client_topic {
    uint16_t id;      /* 0: not registered in this session */
    uint8_t name_len; /* 0: free */
    uint8_t flags;
    uint8_t name[MQTTSN_CLIENT_NAME_MAX];
};

/* One gateway of the list [SN 6.1]. Fields are private. */
struct mqttsn_client_gateway {
    struct mqttsn_address address; /* len 0: free */
    uint8_t gw_id;
#if MQTTSN_CLIENT_DISCOVERY
    bool fixed;        /* was told by the application: never leaves */
    mqttsn_ms gone_at; /* unless it advertises before */
#endif
};

/* The will; what it points at must stay as it is while the client uses it. */
struct mqttsn_client_will {
    struct mqttsn_span topic; /* empty: at CONNECT, delete a stored will */
    struct mqttsn_span message;
    uint8_t qos; /* 0..2 */
    bool retain;
};

/*
 * Turns a datagram into what goes on the air, and back, in place of DTLS or
 * the security of a link. Without a hook octets pass as they are.
 */
struct mqttsn_client_seal {
    void *arg;
    /* Seals 'len' octets of 'buf' in place; at most 'cap' may be used. 'to' is
     * NULL for a broadcast. False: it cannot be sent now, and is dropped as
     * though lost. */
    bool (*seal)(void *arg, const struct mqttsn_address *to, uint8_t *buf,
                 size_t len, size_t cap, size_t *ret_len);
    /* Opens a datagram; '*ret_plain' may lie in 'sealed' or elsewhere and must
     * hold as long as the datagram does. False: not for us or forged. */
    bool (*open)(void *arg, const struct mqttsn_address *from,
                 struct mqttsn_span sealed, struct mqttsn_span *ret_plain);
};

/*
 * All of it, and all that it points at, is lent for the life of the client,
 * and may lie in flash but for the tables and 'work'. Zero means: not there,
 * or the default of client_config.h.
 */
struct mqttsn_client_config {
    struct mqttsn_span client_id; /* 1..MQTTSN_CLIENT_ID_MAX octets */
    uint16_t keep_alive_s;
    bool clean_session; /* for the first CONNECT, and to another gateway */
    /* Publish, subscribe and so on while asleep without CONNECT before. Two
     * datagrams instead of six, but not by [SN 6.14]: only for gateways that
     * are known to answer (this project's does). */
    bool talk_asleep;

    /* Holds the payload or filter of the request under way, so that the
     * caller's may go after the call; the longest decides. */
    uint8_t *work;
    size_t work_cap;

#if MQTTSN_CLIENT_NAMES
    /* Names: those that are published, subscribed to without wildcard, and
     * those that the gateway registers. */
    struct mqttsn_client_topic *topics;
    uint8_t topic_cap;
#endif

    struct mqttsn_client_gateway *gateways; /* at least one */
    uint8_t gateway_cap;

    /* The longest datagram of this network, encapsulation included, seal not.
     * Longer requests are refused [SN 5.2.1]. */
    uint16_t datagram_max; /* 0: 65535 */

    uint32_t retry_ms;   /* T_RETRY */
    uint8_t retry_count; /* N_RETRY */

#if MQTTSN_CLIENT_WILL
    const struct mqttsn_client_will *will; /* NULL: none */
#endif
#if MQTTSN_CLIENT_DISCOVERY
    uint8_t radius; /* of SEARCHGW; 0: the whole network */
#endif
#if MQTTSN_CLIENT_FORWARDER_FRAMES
    struct mqttsn_span node_id; /* wrap all frames under this wireless node
                                   id, 1..252 octets; empty: do not wrap */
#endif
#if MQTTSN_CLIENT_SEAL
    const struct mqttsn_client_seal *seal; /* NULL: none */
#endif
};

/* ---- the client -------------------------------------------------------- */

/* Requests, as events name them. */
enum mqttsn_client_request {
    MQTTSN_REQUEST_NOTHING,
    MQTTSN_REQUEST_REGISTER,
    MQTTSN_REQUEST_PUBLISH,
    MQTTSN_REQUEST_SUBSCRIBE,
    MQTTSN_REQUEST_UNSUBSCRIBE,
    MQTTSN_REQUEST_WILL_UPDATE,
};

/* Where the client stands. */
enum mqttsn_client_state {
    MQTTSN_CLIENT_DISCONNECTED,
    MQTTSN_CLIENT_SEARCHING, /* for a gateway */
    MQTTSN_CLIENT_CONNECTING,
    MQTTSN_CLIENT_ACTIVE,
    MQTTSN_CLIENT_ASLEEP,
    MQTTSN_CLIENT_AWAKE, /* collecting what waits */
};

/* Visible so that it can be placed anywhere; the fields are private. */
struct mqttsn_client {
    /* Octets first, then pairs, then words: the small cores reach only the
     * beginning of a struct with short instructions. */
    uint8_t state;    /* enum mqttsn_client_state */
    uint8_t want;     /* ACTIVE, ASLEEP or DISCONNECTED */
    uint8_t step;     /* type of the message that awaits its answer */
    bool step_due;    /* to be sent at the next poll */
    uint8_t tries;    /* repetitions left */
    uint8_t armed;    /* set of deadlines that count */
    uint8_t attempts; /* connections in a row that came to nothing */
    uint8_t gateway;  /* index into the list */
    bool check;       /* mail is to be collected */
    bool wake_up;     /* the session goes on: no clean session, no will */
    bool started;     /* this gateway has a session of ours */
    bool resubscribe;
    struct {
        uint8_t kind; /* enum mqttsn_client_request */
        uint8_t qos;  /* as on the wire */
        uint8_t topic_type;
        uint8_t slot;  /* of the topic table */
        uint8_t flags; /* how far it is */
        bool retain;
        uint16_t topic_id;
        uint16_t msg_id;
        uint16_t len; /* octets in 'work' */
    } request;
    struct {
        uint8_t type; /* 0: none waits; ADVERTISE is never a reply */
        uint8_t code;
        uint16_t topic_id;
        uint16_t msg_id;
    } reply;
    struct {
        uint8_t request, result, code, qos;
        uint16_t topic_id;
    } done;
    uint8_t refused_code;
    uint8_t checked_result;
    uint16_t events;      /* set of pending kinds */
    uint16_t msg_id;      /* the last one used */
    uint16_t register_id; /* MsgId of the REGISTER under way */
    uint16_t sleep_s;     /* what the application wants */
    uint16_t announced_s; /* what the gateway was told; 0: no sleep */
#if MQTTSN_CLIENT_QOS2
    uint16_t release_id;  /* of the last message taken; 0: none */
    bool released;        /* its PUBREL has come ... */
    uint32_t released_at; /* ... then */
    uint32_t release_sum; /* of its content */
#endif
#if MQTTSN_CLIENT_DISCOVERY
    uint8_t gwinfo_radius;
    uint8_t found;     /* index into the list */
    bool search_heard; /* ours or an identical one has been sent */
    bool search_due;
    bool gwinfo_due;
    uint32_t search_gap_ms;
#endif
#if MQTTSN_CLIENT_SUBSCRIBE
    uint8_t evict; /* where to look for the next slot to reuse */
    struct {
        uint8_t topic_type;
        uint8_t slot;
        uint8_t qos;
        bool retain, dup;
        uint16_t topic_id;
        struct mqttsn_span data;
    } message;
#endif
    const struct mqttsn_client_config *config;
    uint32_t random;
    uint32_t at[5]; /* deadlines, the low half of their time */
    mqttsn_ms now;  /* of the last call */
#if MQTTSN_CLIENT_WILL
    const struct mqttsn_client_will *will;
#endif
};

/*
 * Makes a disconnected client. 'seed' should differ each time the node boots
 * (a counter in flash, noise of an ADC): it spreads delays, and keeps the
 * MsgIds of a rebooted node from repeating those of its former life.
 *
 * MQTTSN_EINVAL: the client id is empty or too long, a table is missing, or the
 *                node id is too long. The client may not be used.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_init(struct mqttsn_client *client,
                   const struct mqttsn_client_config *config, uint32_t seed);

/*
 * Adds a gateway that the application knows. The first is tried first. To add
 * one that is in the list does nothing.
 *
 * MQTTSN_EINVAL:   the address is empty or too long.
 * MQTTSN_ENOSPACE: the list is full; without MQTTSN_CLIENT_FAILOVER it has one
 *                  place, whatever 'gateway_cap' says.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_add_gateway(struct mqttsn_client *client, uint8_t gw_id,
                          const struct mqttsn_address *address);

/* ---- calls ------------------------------------------------------------- */

/*
 * Wants to be active: searches when no gateway is known (else there must be
 * one), and connects. Ends in CONNECTED, REFUSED or LOST. Already active:
 * nothing happens; asleep: wakes up and stays active.
 *
 * MQTTSN_ENOTFOUND: no gateway is known and this build cannot search.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_connect(struct mqttsn_client *client, mqttsn_ms now);

/*
 * Wants to be disconnected. An unfinished request is dropped (DONE, failed).
 * Ends in DISCONNECTED, also when the gateway does not answer.
 */
void mqttsn_client_disconnect(struct mqttsn_client *client, mqttsn_ms now);

/*
 * Wants to be asleep, as soon as the request under way has ended. Ends in
 * ASLEEP. The gateway regards the node as lost when it has not heard of it for
 * 'duration_s': call mqttsn_client_check, or publish, at least that often.
 * Asleep the client wants nothing: its next deadline is MQTTSN_NEVER, and the
 * radio and the clock may be off.
 *
 * MQTTSN_EINVAL: 'duration_s' is 0.
 * MQTTSN_EPROTO: mqttsn_client_connect has not been called.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_sleep(struct mqttsn_client *client, uint16_t duration_s,
                    mqttsn_ms now);

/*
 * Collects what the gateway has kept for the sleeper: MESSAGE events, then
 * CHECKED, and the node is asleep again. When the gateway has forgotten the
 * node, it connects anew and ends in ASLEEP, without CHECKED.
 *
 * MQTTSN_EPROTO: the client is not asleep, or is not to stay so.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_check(struct mqttsn_client *client, mqttsn_ms now);

/*
 * The requests. What they point at is borrowed for the call. Each ends in one
 * DONE event, which names it. Connected or not, they are taken as soon as
 * mqttsn_client_connect was called, and carried out when it can be done.
 *
 * MQTTSN_EPROTO:   a request is under way (mqttsn_client_busy), a connection
 *                  is not wanted, or the gateway asked for a pause
 *                  (mqttsn_client_paused).
 * MQTTSN_EINVAL:   a value that cannot be sent: a QoS out of range or not
 *                  built; an empty name, or one with a wildcard where a name
 *                  is wanted; a short name with a wildcard or NUL; a reserved
 *                  id; QoS -1 with a name.
 * MQTTSN_ENOSPACE: it fits neither 'work', nor a datagram, nor the topic table.
 */

#if MQTTSN_CLIENT_NAMES
/* Announces a name, so that a later publish needs no REGISTER. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_register(struct mqttsn_client *client, struct mqttsn_topic topic,
                       mqttsn_ms now);
#endif

/*
 * 'qos' is -1, 0, 1 or 2. DONE means: sent (-1, 0), or acknowledged. With -1
 * no connection is needed: it goes to the current or the first gateway.
 * MQTTSN_ENOTFOUND when there is none. A name is registered first, where it is
 * not yet, and again when the gateway has forgotten it. A topic of
 * MQTTSN_TOPIC_NORMAL with an empty name is sent under its 'id'. Names need
 * MQTTSN_CLIENT_NAMES, else EINVAL.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_publish(struct mqttsn_client *client, struct mqttsn_topic topic,
                      struct mqttsn_span data, int qos, bool retain,
                      mqttsn_ms now);

#if MQTTSN_CLIENT_SUBSCRIBE
/* A name, a filter with wildcards, a predefined id or a short name. DONE says
 * the granted QoS. A filter needs MQTTSN_CLIENT_WILDCARD, else EINVAL. */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_subscribe(struct mqttsn_client *client, struct mqttsn_topic topic,
                        int qos, mqttsn_ms now);

MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_unsubscribe(struct mqttsn_client *client,
                          struct mqttsn_topic topic, mqttsn_ms now);
#endif

#if MQTTSN_CLIENT_WILL
/* Which half of the will changes, or'ed. */
#define MQTTSN_CLIENT_WILL_TOPIC 1u
#define MQTTSN_CLIENT_WILL_MESSAGE 2u

/*
 * Changes the stored will; 'will' is lent from now on, in the place of the
 * former. NULL deletes it, and 'what' is not looked at.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_will_update(struct mqttsn_client *client,
                          const struct mqttsn_client_will *will, unsigned what,
                          mqttsn_ms now);
#endif

#if MQTTSN_CLIENT_DISCOVERY
/*
 * Searches for gateways, also when some are known; GATEWAY_FOUND tells of each
 * new one. Repeats with growing gaps until one was found or the client is told
 * to disconnect.
 */
void mqttsn_client_search(struct mqttsn_client *client, mqttsn_ms now);
#endif

/* ---- inputs ------------------------------------------------------------ */

/*
 * A datagram arrived, by unicast or broadcast. 'from' is borrowed for the
 * call, 'bytes' until mqttsn_client_poll_event says false: a message's payload
 * lies in it. While an event MESSAGE or a reply has not been polled, a message
 * is dropped as though lost. What is malformed, or from a stranger, is ignored.
 */
void mqttsn_client_on_datagram(struct mqttsn_client *client,
                               const struct mqttsn_address *from,
                               struct mqttsn_span bytes, mqttsn_ms now);

/* Time passed. Harmless when nothing is due. */
void mqttsn_client_on_deadline(struct mqttsn_client *client, mqttsn_ms now);

/* ---- outputs ----------------------------------------------------------- */

/* Where a datagram goes. */
struct mqttsn_client_datagram {
    const struct mqttsn_address *to; /* NULL: broadcast; holds until the next
                                        call with the client */
    uint8_t radius;                  /* of a broadcast; 0: everywhere */
    size_t len;                      /* octets in the caller's buffer */
};

/*
 * Takes the next datagram to send, encoded and sealed into 'buf'; false when
 * there is none. 'cap' must be enough for the longest: datagram_max, or what
 * the application's longest request needs, and at least 64; what does not fit
 * is not sent, and repeated as though lost.
 */
bool mqttsn_client_poll_send(struct mqttsn_client *client, mqttsn_ms now,
                             uint8_t *buf, size_t cap,
                             struct mqttsn_client_datagram *ret_datagram);

enum mqttsn_client_event_kind {
    MQTTSN_EVENT_DONE,          /* the request has ended */
    MQTTSN_EVENT_CONNECTED,     /* active */
    MQTTSN_EVENT_REFUSED,       /* by a gateway: 'code'. Congestion: another
                                   is tried, or this one after T_WAIT; else
                                   the client is disconnected */
    MQTTSN_EVENT_MESSAGE,       /* from the gateway */
    MQTTSN_EVENT_GATEWAY_FOUND, /* a new one is in the list */
    MQTTSN_EVENT_CHECKED,       /* all that waited came, or, with 'result'
                                   FAILED, the gateway fell silent; asleep */
    MQTTSN_EVENT_ASLEEP,
    MQTTSN_EVENT_GATEWAY_LOST, /* no answer, or DISCONNECT: trying on */
    MQTTSN_EVENT_DISCONNECTED, /* as was wanted */
    MQTTSN_EVENT_LOST,         /* nobody answers: disconnected, given up */
};

enum mqttsn_client_result {
    MQTTSN_CLIENT_ACCEPTED,
    MQTTSN_CLIENT_REJECTED, /* 'code' is the gateway's */
    MQTTSN_CLIENT_FAILED,   /* no answer, or dropped by us */
};

struct mqttsn_client_event {
    uint8_t kind;   /* enum mqttsn_client_event_kind */
    uint8_t result; /* DONE, CHECKED: enum mqttsn_client_result */
    uint8_t code;   /* REFUSED, DONE: enum mqttsn_return_code */

    uint8_t request;   /* DONE: enum mqttsn_client_request */
    uint16_t topic_id; /* DONE of register, publish, subscribe: the id used */
    uint8_t qos;       /* DONE of subscribe: granted; MESSAGE: 0..2 */

    /* CONNECTED: the gateway may not have our subscriptions: it was a clean
     * start, another gateway, or one that had forgotten us. */
    bool resubscribe;

    /* MESSAGE. The name of a normal id is in the topic table and holds until
     * the next datagram. */
    struct mqttsn_topic topic;
    struct mqttsn_span data;
    bool retain;
    bool dup;

    /* GATEWAY_FOUND; holds until the next call. */
    uint8_t gw_id;
    const struct mqttsn_address *gateway;
};

/* Takes the next event; false when there is none. */
bool mqttsn_client_poll_event(struct mqttsn_client *client,
                              struct mqttsn_client_event *ret_event);

/* When mqttsn_client_on_deadline wants to be called next. */
mqttsn_ms mqttsn_client_next_deadline(const struct mqttsn_client *client);

/* ---- questions --------------------------------------------------------- */

enum mqttsn_client_state
mqttsn_client_state(const struct mqttsn_client *client);

/* Whether a request is under way. */
bool mqttsn_client_busy(const struct mqttsn_client *client);

/* Whether the gateway asked for a pause that is not over [SN 5.3.10]. */
bool mqttsn_client_paused(const struct mqttsn_client *client, mqttsn_ms now);

/* The gateway that is used, or was last; NULL when none was chosen yet. Holds
 * until the next call. */
const struct mqttsn_address *
mqttsn_client_gateway(const struct mqttsn_client *client);

/* ---- power off between wake-ups ---------------------------------------- */

#if MQTTSN_CLIENT_SNAPSHOT
/* Enough for a snapshot with a table of 'topics' slots. */
#define MQTTSN_CLIENT_SNAPSHOT_MAX(topics)                                     \
    (16u + MQTTSN_CLIENT_ADDRESS_MAX +                                         \
     (topics) * sizeof(struct mqttsn_client_topic))

/*
 * Writes what a sleeper must not forget: gateway, topic ids and names, MsgId,
 * the message that awaits its release. The octets are for memory that keeps
 * its content while the rest is off; they carry a checksum.
 *
 * MQTTSN_EPROTO:   the client is not asleep, or is doing something.
 * MQTTSN_ENOSPACE: it does not fit 'cap'.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_snapshot(const struct mqttsn_client *client, uint8_t *buf,
                       size_t cap, size_t *ret_len);

/*
 * In place of mqttsn_client_init: makes a client that is asleep, as it was.
 * It may publish or check at once; no CONNECT is needed. A pause the gateway
 * asked for, and learnt gateways but the current, are forgotten.
 *
 * MQTTSN_EINVAL:   as mqttsn_client_init.
 * MQTTSN_EFIELD:   the octets are no snapshot of this build, or damaged: init
 *                  and connect instead.
 * MQTTSN_ENOSPACE: the tables of 'config' are too small.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_client_resume(struct mqttsn_client *client,
                     const struct mqttsn_client_config *config, uint32_t seed,
                     struct mqttsn_span snapshot);
#endif

#ifdef __cplusplus
}
#endif

#endif
