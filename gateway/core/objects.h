/* SPDX-License-Identifier: MIT */
/*
 * objects.h - the things that the engine is made of.
 *
 * Everything refers to everything by 32-bit slab index, 0 for none:
 *
 *   session  --topics-->   topic entries   (id <-> name, of this session)
 *            --subs-->     subscriptions   (also listed at their filter)
 *            --queue-->    places          (each holds a message reference)
 *            --exchanges-> exchanges       (the node's unfinished requests)
 *            --replies-->  replies         (answers ready to be sent)
 *            --cold-->     its cold part   (what is not always needed)
 *
 * A session with something to send is on the ready list; the poll takes the
 * head, sends one datagram of it and puts it back if more is due.
 */
#ifndef GW_OBJECTS_H
#define GW_OBJECTS_H

#include "address.h"
#include "bucket.h"
#include "limits.h"

#include "mqttsn/span.h"
#include "mqttsn/time.h"

/* How far a half-open session has come. */
enum gw_connect_step {
    GW_STEP_NONE,
    GW_STEP_WILLTOPIC, /* WILLTOPICREQ sent */
    GW_STEP_WILLMSG,   /* WILLMSGREQ sent */
    GW_STEP_UPSTREAM,  /* accepted as soon as the upstream was up once */
};

/* What the head of a queue is waiting for. */
enum gw_down_phase {
    GW_DOWN_IDLE,
    GW_DOWN_STORE, /* its MsgId or its release is being stored */
    GW_DOWN_REGACK,
    GW_DOWN_PUBACK,
    GW_DOWN_PUBREC,
    GW_DOWN_PUBCOMP,
    GW_DOWN_PAUSED,  /* the node said congestion; until 'down_due' */
    GW_DOWN_STALLED, /* the node does not answer; until it says something */
};

enum gw_session_flag {
    GW_S_CLEAN = 1u << 0,
    GW_S_READY = 1u << 1,        /* on the ready list */
    GW_S_FRESH = 1u << 2,        /* nothing heard since its first CONNECT */
    GW_S_CONNACK_DUE = 1u << 3,  /* nothing may precede the CONNACK */
    GW_S_PINGRESP_DUE = 1u << 4, /* ends the awake period */
    GW_S_AWAKE_OVER = 1u << 5,   /* start no further delivery */
    GW_S_WILL = 1u << 6,         /* a will topic is set */
    GW_S_WILL_MSG = 1u << 7,     /* a will message is set, maybe empty */
    GW_S_WILL_RETAIN = 1u << 8,
    GW_S_NEW_WILL_RETAIN = 1u << 9,
    GW_S_KNOWN = 1u << 10,       /* it was accepted before: a will exchange that
                                    fails does not end it */
    GW_S_TALKED = 1u << 11,      /* something came after the CONNACK */
    GW_S_SECOND_TRY = 1u << 12,  /* the head was refused for its id once */
    GW_S_DOWN_SEND = 1u << 13,   /* send the step under way again */
    GW_S_MANY_TOPICS = 1u << 14, /* its topics are in the tables as well */
    GW_S_MANY_SUBS = 1u << 15,   /* so are its subscriptions */
    GW_S_HEAD_COUNTED = 1u << 16, /* the head is in 'awake_sent' */
};

/* What a session always has. */
struct gw_session {
    struct gw_addr addr; /* family 0: not reachable */
    uint32_t via;        /* number of the way its last datagram came */
    uint32_t node_id;    /* name: wireless node id behind a forwarder, or 0 */
    uint32_t client_id;  /* name */
    uint32_t number;     /* names it in the store; 0: the block is free */
    uint32_t flags;      /* set of gw_session_flag */

    uint8_t state;      /* enum gw_state */
    uint8_t down_phase; /* enum gw_down_phase */
    uint8_t reply_count;
    uint8_t last_family : 3; /* of 'addr', when it had one */
    uint8_t qos0_waiting : 5;
    uint16_t keepalive_s;
    uint16_t sleep_s;
    uint16_t next_topic_id;
    uint16_t next_msg_id;
    uint16_t topic_count;
    uint16_t sub_count;
    uint16_t exchange_count; /* that count against client_inflight_max */
    uint16_t up; /* its link to the broker (links.h); 0: the gateway's */
    uint16_t subs_pending; /* SUBSCRIBEs that were not answered yet */
    uint16_t subacks;      /* SUBACKs on their way: nothing overtakes them */

    uint32_t topics, subs;
    uint32_t exchanges;
    uint32_t reply_head, reply_tail;
    uint32_t ready_next;
    uint32_t cold;  /* 0: all of it is at rest */
    uint32_t stamp; /* of the last message matched */
    uint32_t next_sub_item, next_place_item;
    uint32_t connection; /* counts those that forget what was announced */

    mqttsn_ms last_heard;
    mqttsn_ms state_since;
};

/*
 * What most sessions do not need most of the time (cold.c): a queue and what
 * its head waits for, a CONNECT under way, a will, the last answers that may
 * be asked for again. All of it is zero at rest.
 */
struct gw_cold {
    uint32_t queue_head, queue_tail, queue_count, queue_bytes;

    mqttsn_ms down_due;
    uint32_t awake_sent;
    uint16_t down_msg_id;   /* of the REGISTER under way */
    uint16_t down_topic_id; /* of the REGISTER or PUBLISH under way */
    uint8_t down_topic_type;
    uint8_t down_tries;
    uint8_t down_backoff; /* REGISTERs answered congestion in a row */

    uint8_t step; /* enum gw_connect_step */
    uint8_t step_tries;
    uint8_t will_qos;
    uint8_t new_will_qos;
    uint32_t will_topic, will_message, new_will_topic; /* names */
    mqttsn_ms step_due;
    uint64_t connect_hash; /* of the CONNECT that made this connection */
    uint32_t contender;
    uint32_t fresh_prev, fresh_next;

    mqttsn_ms ping_due; /* next PINGREQ of ours, with gw_ping */

    uint64_t last_hash; /* of the last PUBLISH that is over (G12-34, 35) */
    mqttsn_ms last_done;
    mqttsn_ms last_sub_done; /* and the last SUBSCRIBE (G12-39) */
    uint32_t last_sub;       /* its filter */
    uint16_t last_sub_msg_id;
    uint16_t last_sub_topic_id;
    uint16_t last_msg_id;
    bool last_valid;
    bool last_sub_valid;

    bool settings_known;
    uint32_t settings_generation; /* of the configuration they are from */
    struct gw_client_settings settings;
};

enum gw_topic_flag {
    GW_T_REFUSED = 2,   /* the client refused the name (G12-15) */
    GW_T_UNKNOWN = 4,   /* predefined: the client said it has no such id */
    GW_T_TOO_LARGE = 8, /* it was said that its messages do not fit */
    GW_T_NEW = 16,      /* the store may not have it yet: not to be told */
};

struct gw_topic {
    uint32_t session; /* 0: the block is free */
    uint32_t next;
    uint32_t name;
    uint16_t id;
    uint8_t type; /* MQTTSN_TOPIC_NORMAL or _PREDEFINED */
    uint8_t flags;
    uint32_t announced; /* the connection in which the client learnt it */
};

struct gw_sub {
    uint32_t session; /* 0: the block is free */
    uint32_t filter;
    uint32_t session_next;
    uint32_t filter_prev, filter_next;
    uint32_t item;
    uint16_t topic_id;  /* predefined */
    uint8_t type;       /* enum mqttsn_topic_type it was asked by */
    uint8_t qos : 2;    /* granted */
    uint8_t active : 1; /* the broker has granted it */
    uint8_t untold : 1; /* the broker of its own link has forgotten it */
    uint8_t asked : 1;  /* the node asked for it */
    uint8_t fixed : 1;  /* the configuration has it; one of the two at least */
};

/* So many topics, and so many subscriptions, of one session are found by
 * walking its list; with more of them they are found by table. Most nodes have
 * a handful, and need no slots. */
#define GW_FEW 8

enum gw_place_flag {
    GW_P_SENT = 1,     /* transmitted at least once: next time with DUP */
    GW_P_RELEASED = 2, /* PUBREC received: only PUBREL from here on */
    GW_P_CLAIM = 4,    /* a retained message for a SUBSCRIBE under way */
    GW_P_KEPT = 8,
    GW_P_UNSURE = 16, /* QoS 2: what it has come to may not be stored yet */
};

struct gw_place {
    uint32_t message; /* 0: the block is free */
    uint32_t next;
    uint32_t item;
    uint32_t session;
    uint16_t msg_id; /* of QoS 2 once it was sent */
    uint8_t qos;
    uint8_t flags;
    uint8_t failed_wakes;
};

enum gw_exchange_kind {
    GW_X_NONE,
    GW_X_PUBLISH,
    GW_X_SUBSCRIBE,
    GW_X_UNSUBSCRIBE,
};

enum gw_exchange_state {
    GW_X_WAITING, /* for its turn to go upstream */
    GW_X_HANDED,  /* with the shell */
    GW_X_DONE,    /* QoS 2: PUBREC is out, until PUBREL; SUBSCRIBE: answered,
                     until its retain window closes */
    GW_X_STORING, /* PUBLISH: not before its record, or that of one before it,
                     is stored */
};

struct gw_exchange {
    uint8_t kind; /* 0: the block is free */
    uint8_t state;
    uint8_t qos;
    uint8_t topic_type;
    bool retain;
    bool mute;           /* the node's connection is gone: nobody to answer */
    bool dup_only;       /* a CONNECT came since: only DUP=1 repeats it (D7) */
    bool counted;        /* against client_inflight_max */
    uint8_t tries;       /* how often it was handed to the shell */
    uint8_t line;        /* enum gw_line_kind, of a PUBLISH that waits */
    bool kept : 1;       /* the store was given a record of it */
    bool recorded : 1;   /* it was at some time, and may still have that */
    bool held : 1;       /* by the broker side, since before the restart */
    bool unanswered : 1; /* SUBSCRIBE: counts in subs_pending */
    bool wants : 1;      /* SUBSCRIBE: it keeps the filter wanted, until the
                            subscription does */
    bool storing : 1;    /* among those whose record is on its way */
    bool owned : 1;      /* acknowledged: the message is the gateway's */
    bool stowed : 1;     /* counts against uplink_max_messages and _bytes */
    bool flowed : 1;     /* counts in the flow of its client, as late */
    bool queued : 1;     /* counts there as storing */
    bool unkept : 1;     /* its record could not be stored */
    bool late : 1;       /* handed over from the backlog */
    bool fixed : 1;      /* SUBSCRIBE: the configuration's; always mute, but the
                            node gets what it brings */
    uint16_t msg_id;
    uint16_t topic_id;
    uint32_t session; /* 0: the gateway's own */
    uint32_t up;      /* the link that it goes by (links.h) */
    uint32_t owner;   /* session number, also after it left */
    uint32_t next;    /* of the same session */
    uint32_t generation;
    union {
        struct { /* PUBLISH */
            uint32_t message;
            uint32_t client; /* name, held: in whose order it stands */
            uint32_t line_prev, line_next;
            uint32_t storing_prev, storing_next;
        };
        struct { /* SUBSCRIBE, UNSUBSCRIBE */
            uint32_t filter;
            uint32_t window;
            uint32_t link; /* of the same window, filter, or session's link */
        };
    };
    uint64_t op;    /* PUBLISH: the store operation of its record */
    uint64_t place; /* PUBLISH: rises with arrival */
    uint64_t hash;  /* tells a repetition from a new message */
    mqttsn_ms due;  /* upstream_timeout */
};

/*
 * The lines in which publishes wait for the broker (line.c).
 */
enum gw_line_kind {
    GW_LINE_NONE,  /* as a line: those that are handed over, in no order */
    GW_LINE_AGAIN, /* was with the broker side when the connection ended */
    GW_LINE_LIVE,
    GW_LINE_LATE, /* the backlog, and what must not overtake it */
};

struct gw_line {
    uint32_t head, tail;
    uint32_t hint;  /* the last that was inserted by place */
    uint32_t acked; /* publishes of QoS 1 and 2 in it */
};

/* A client some of whose messages are backlog, or wait for the store: its later
 * ones join them. */
struct gw_flow {
    uint32_t client;  /* name, held; 0: the block is free */
    uint32_t late;    /* backlog, or acknowledged and waiting */
    uint32_t storing; /* in the state GW_X_STORING */
};

/* A SUBSCRIBE under way, and who waits for the retained messages it brings. */
enum gw_window_state {
    GW_W_FREE,
    GW_W_RUNNABLE, /* in line */
    GW_W_BLOCKED,  /* behind one whose filter intersects */
    GW_W_HANDED,   /* SUBSCRIBE is with the shell */
    GW_W_SETTLING, /* SUBACK is here; retained messages may follow */
};

struct gw_window {
    uint8_t state;
    bool wildcard;
    bool again; /* the broker may have its filter from an earlier attempt */
    uint32_t filter;
    uint32_t claims;       /* exchanges, by 'link' */
    uint32_t blocked_head; /* windows that wait for this one */
    uint32_t next;         /* in whichever list it is */
    uint32_t open_prev, open_next;
    uint64_t stored; /* the operation that keeps its filter, or 0 */
};

/* One small answer. */
struct gw_reply {
    uint32_t next;
    uint32_t session;
    uint32_t number; /* of the session: it may be gone when the store is done */
    uint8_t type;    /* enum mqttsn_type, or GW_REPLY_RESUME */
    uint8_t qos;
    uint8_t return_code;
    bool failed;
    uint16_t topic_id;
    uint16_t msg_id;
    bool exchange;  /* a SUBSCRIBE ends with this answer */
    bool again;     /* CONNACK: the connection is stored, whatever fails now */
    bool announces; /* it tells the node what 'topic_id' means (G12-13) */
    uint64_t wait;  /* the store operation it waits for */
};
/* No datagram: the queue may go on. With a topic id it waited for the record of
 * that name, else for that of its head: 'msg_id' and, as the return code,
 * whether it is released say what the head had come to. */
#define GW_REPLY_RESUME 0xff

/* A CONNECT that must wait until the holder of its client id was asked. */
struct gw_contender {
    struct gw_addr addr;
    struct gw_via via;
    uint32_t node_id;
    uint32_t session;
    uint8_t tries;
    bool will, clean;
    uint16_t duration_s;
    uint64_t hash;
    mqttsn_ms since;
    mqttsn_ms due;
};

/* Where a frame came from: an address, or a node behind a forwarder. */
struct gw_peer {
    struct gw_addr addr;
    struct gw_via via;
    struct mqttsn_span node_id; /* empty: not behind a forwarder */
    size_t datagram_len;
    uint32_t node_ref; /* its name if it is kept, else 0 */
};

/* An answer to a source without session. */
struct gw_stranger {
    struct gw_addr addr;
    struct gw_via via;
    uint32_t node_id; /* name, held */
    struct gw_reply reply;
};
#define GW_STRANGERS 2048
#define GW_BUCKETS 1024 /* of sources, by hash */

struct gw_store_entry {
    uint8_t verb;
    uint8_t kind;
    uint8_t state; /* 0 queued, 1 taken, 2 done */
    uint32_t ref;  /* slab index of the object, KEEP */
    uint32_t owner;
    uint32_t item;
};

struct gw_known_gateway {
    struct gw_addr addr;
    uint8_t gw_id;
};
#define GW_KNOWN_GATEWAYS 16

#define GW_NOTES 256

#endif
