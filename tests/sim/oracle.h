/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - knows what the gateway may do, must do, and must not.
 *
 * It stands at the engine's door: it reads every datagram as the engine gets
 * it, every one it sends, every action, event and completion, and keeps a book
 * per client id of what was promised. It shares no code with the engine or the
 * codec. What it cannot know (how a full table was shared out, what a write
 * under way at a crash has become) it keeps as "may"; all else is exact. The
 * engine's own inspection serves only to count: a number there that is not
 * what the book adds up to is a failure too.
 *
 * The promises, and where they are kept:
 *   S1  an acceptance implies that the broker has it, or it is stored   _up
 *   S2  a QoS 2 publish reaches the broker once                         _up
 *   S3  no PUBLISH under an id that the node was not told               _topics
 *   S4  an id means one name, a name has one id                         _topics
 *   S5  order, upwards and downwards                               _up, _down
 *   S6  one message at a time towards a node                            _down
 *   S7  a sleeper is left alone; PINGRESP comes after the last message  _down
 *   S8  each datagram is well-formed, small enough, and in its place    here
 *   S9  what a node may have of the gateway is bounded: unfinished requests,
 *       topic ids, messages and octets in its queue, messages of an awake
 *       period                                       _limits, _look, _offers
 *       what strangers, and one source, may have of it, is     _rates
 *   S10 who has no session gets no more octets than came from him; nobody
 *       gets more answers than he sent datagrams, nor the same question
 *       oftener than it may be repeated to who is silent           here, _reach
 *   S11 a will comes once, when the node is lost, and never else        _wills
 *   S12 repetitions: DUP, same MsgId, not too soon, not too often,
 *       not too late                                                    _down
 *   S13 what is malformed changes nothing                               _look
 *   S14 a message goes to whom it is for: it is on his list, under its topic;
 *       of whom little is known, at least he asked for it once _down, _readers
 *       upwards: what is published, somebody said, under that topic       _up
 *   T7  who searches is told, seldom; all are told, now and then   _discovery
 *   T8  each CONNECT is answered; who has spoken does not give way   _callers
 *   T12 QoS -1 publishes where it may                                   _up
 *   T13 the broker is given no poison                               _broker
 *   access: nothing that is not allowed is done, under no name outside the
 *       prefix, and the answer says so                                _names
 *   L4  offered = delivered + dropped + held, for each and in all; accepted =
 *       at the broker + given up + waiting; QoS 0 taken = published + given up
 *       + waiting: always, and each reason only where there is it
 *                                             _look, _offers, _reasons, _uplink
 *   L5  when all is well, each request is answered, and arrives     errands.c
 *   state: a session changes when, and only when, it has to            _states
 *   answers: to every answer there was a request                     _callers
 *   durable: what was acknowledged is there after a crash       _crash, _power
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "broker.h"
#include "engine.h"
#include "frames.h"
#include "net.h"
#include "oracle_bounds.h"

#define ORACLE_BOOKS 256
#define ORACLE_BOOKS_KEPT 96 /* beyond that who is gone makes room */
#define ORACLE_LIST 400
#define ORACLE_GHOSTS 96
#define ORACLE_TOPICS 160
#define ORACLE_SUBS 40
#define ORACLE_CLAIMS 64
#define ORACLE_NAMINGS 256
#define ORACLE_CALLERS 192
#define ORACLE_SEARCHES 64
#define ORACLE_UPS 1024
#define ORACLE_WILLS 32
#define ORACLE_ID 72
#define ORACLE_RECENT 6

/* A source of datagrams, with or without a session. */
struct caller {
    struct peer peer;
    uint64_t octets_in, octets_out; /* out: while it had no session */
    struct reach reach;
    bool refused;                   /* its CONNECT was; CONNACK is to say so */
    bool had_session;               /* or may have had one */
    bool is_gateway;                /* it says */
    struct rate told, told_least;   /* "I do not know you" */
    struct rate heard, heard_least; /* of what came from there */
    mqttsn_ms refused_at;
    struct asks asks;
};

/* A message that a node is to get. */
struct entry {
    uint32_t message; /* index at the broker */
    uint64_t number;  /* rises in the order of arrival */
    mqttsn_ms since;  /* when it arrived; MQTTSN_NEVER: a crash may have made
                         it younger */
    uint8_t qos_low, qos_high;
    bool retain;
    bool may;      /* perhaps it is not there */
    bool safe;     /* it is in the store for certain */
    bool stored;   /* it will be */
    bool unsure;   /* a crash: whether it was sent is forgotten */
    bool released; /* PUBREC has come */
    bool final;    /* PUBREL has gone: no crash undoes that */
    unsigned sent;
    unsigned awake;      /* the awake period in which it went out last */
    uint16_t msg, topic; /* as it went out last */
    uint16_t former;     /* before its node refused the id: PUBREC may come */
};

enum sub_state { SUB_STANDS, SUB_UNSURE, SUB_LEAVING };

struct sub {
    char filter[BROKER_TOPIC];
    uint8_t qos_low, qos; /* differ where a crash may have undone a change */
    uint8_t former;       /* before a change that is not acknowledged yet */
    bool acked;           /* SUBACK has gone: a crash does not undo it */
    bool safe;
    bool doubted;   /* its node refused what comes by it */
    bool lost;      /* the broker forgot it, and refused it then */
    uint64_t token; /* of the SUBSCRIBE that tells it to the broker again */
    enum sub_state state;
};

enum claim_state { CLAIM_ASKED, CLAIM_HANDED, CLAIM_SETTLING };

/* A SUBSCRIBE that is not finished. */
struct claim {
    char filter[BROKER_TOPIC];
    uint16_t msg;
    uint8_t qos;
    uint16_t id; /* by which it was named; 0: by name */
    bool mute;   /* of an earlier connection */
    bool idle;   /* perhaps only the repetition of one that was answered */
    bool taken;  /* it is one of the node's unfinished requests */
    enum claim_state state;
    mqttsn_ms asked_at;
    uint64_t token; /* of the action it went out with */
    mqttsn_ms until;
};

struct topic {
    uint16_t id;
    bool told;  /* in this connection */
    bool once;  /* in any */
    bool acked; /* a REGACK or SUBACK said so, or the node's REGACK */
    char name[BROKER_TOPIC];
};

struct will {
    bool armed, unsure;
    uint8_t qos;
    bool retain;
    char topic[BROKER_TOPIC];
    uint16_t len;
    uint8_t message[64];
};

/* A CONNECT that the engine has seen, until it took it or refused it. */
struct request_connect {
    bool pending, suspect;
    struct peer peer;
    uint8_t flags;
    uint16_t duration;
    size_t len;
    uint8_t octets[ORACLE_ID + 8];
};

struct book {
    char id[ORACLE_ID];
    size_t id_len;
    bool exists;
    uint64_t seen; /* by the look of that number */
    /* Little is known of it: a crash brought it back when it was gone, or
     * something suspect was sent in its name. Its end ends that. */
    bool hazy;
    enum gw_state state;
    struct peer peer; /* who speaks for it; addr.family 0: nobody */
    bool clean;
    bool masked;       /* the inspection said half-open, and it was more */
    bool accepted;     /* CONNECT was, and ... */
    bool connack_due;  /* ... CONNACK waits for the store */
    unsigned connacks; /* that wait so: it may be taken back by each */
    bool newborn;      /* it is the first of its session */
    uint64_t failures; /* of the store, when it was taken */
    bool perhaps;      /* its CONNECT may have been accepted, unseen */
    bool ping_unclear; /* the last PINGRESP was, or was not, its end */
    unsigned pings;    /* PINGREQs of who was active: not the end of an
                          awake period */
    bool talked;       /* since CONNACK */
    bool spoke;        /* ever: it does not give way to another */
    bool strayed;      /* it has left, and said something all the same */
    uint16_t keepalive, sleep;
    mqttsn_ms since;                 /* in this state */
    mqttsn_ms changed_at;            /* anything that a store may know */
    mqttsn_ms last_heard;            /* a datagram of its own */
    mqttsn_ms heard_low, heard_high; /* the last sign of life, between these */
    struct request_connect connect;  /* the latest */
    /* Those who wait while the holder is asked; only one does, but which of
     * those who were refused silently it was is not known. */
    struct request_connect contenders[4];
    size_t contender_count;
    struct request_connect taken; /* by which it lives */
    unsigned connection;
    unsigned wipes; /* clean starts */
    bool promised;  /* 'promise' was told to the node and holds over a crash */
    enum gw_state promise;
    bool excused;        /* this awake period may end early */
    unsigned awakes;     /* awake periods */
    unsigned awake_sent; /* messages, in this one */
    mqttsn_ms awoke_at;
    mqttsn_ms congested; /* when it said so, of a message; 0: it did not */
    unsigned wills_step; /* 0 none, 1 topic, 2 message */
    struct will will, next_will;
    bool will_hazy;             /* it may have been another at some time */
    uint32_t held, held_before; /* messages, by the engine's account */
    size_t count, ghost_count, topic_count, sub_count, claim_count;
    bool ghosts_lost;     /* there were more */
    size_t gone_at_crash; /* of the list, when the gateway died */
    struct step step;
    mqttsn_ms release_due; /* PUBREC came then, PUBREL has not gone; or 0 */
    uint16_t recent[ORACLE_RECENT];
    bool subs_overflow;
    mqttsn_ms retained_until; /* a SUBSCRIBE was refused: they may come yet */
    struct asks asks;
    unsigned unanswered;                /* datagrams of this session */
    struct asks refusals;               /* SUBACKs that will say so */
    struct filters asked;               /* ever, by whoever had this id */
    struct asks barred;                 /* of these, because of the rules */
    unsigned wills_asked, wills_barred; /* WILLTOPICUPDs: may be, may not be */
    bool will_barred;                   /* that of its CONNECT may not be */
    uint64_t last_submitted;
    struct {
        uint16_t msg, topic;
        uint8_t type;           /* SN_NORMAL, ... */
    } published[ORACLE_RECENT]; /* the last PUBLISHes of the node */
    /* during one message event */
    struct entry offer;
    bool offered, offer_must, offer_kept;
    /* As far as they are counted above; a new book has none of them. */
    struct entry list[ORACLE_LIST];
    struct entry ghosts[ORACLE_GHOSTS]; /* gone, but a crash may bring back */
    struct topic topics[ORACLE_TOPICS];
    struct sub subs[ORACLE_SUBS];
    struct claim claims[ORACLE_CLAIMS];
};

/* A publish of a node. */
struct up {
    struct book *book; /* NULL: QoS -1 */
    uint16_t msg;
    uint8_t qos;
    bool retain, done, released;
    bool safe;      /* its record is in the store */
    bool flushed;   /* and no loss of power undoes that */
    bool wild;      /* its topic is not known: 'content' is the payload */
    bool forbidden; /* it must not be published ... */
    bool barred;    /* ... because of the access list */
    bool repeated;  /* so its place in the order is not known */
    bool gave_way;  /* its MsgId did, perhaps, to a later request */
    bool given_up;  /* while later ones went; a crash may bring it back */
    bool suspect;   /* or its book was hazy */
    bool taken;     /* it is one of the node's unfinished requests */
    bool unsettled; /* it may have ended in a way that is not known here */
    bool away;      /* the broker was, when it was taken */
    mqttsn_ms taken_at, since, accepted_at;
    uint64_t drops; /* those counted until then */
    unsigned connection, wipes;
    unsigned allowed; /* how often it may be carried out */
    unsigned carried, submissions;
    bool stored;   /* its record is */
    bool accepted; /* its node was told so */
    bool refused;  /* by the broker */
    uint64_t order, token, content, keep_op;
    uint8_t len;
    uint8_t payload[24]; /* its beginning */
};

/* A REGISTER or SUBSCRIBE by name: the answer gives it an id. */
struct naming {
    const struct book *book;
    uint8_t type;
    uint16_t msg;
    char name[BROKER_TOPIC];
    bool outdated; /* asked under other access lists */
};

enum input {
    INPUT_NONE,
    INPUT_DATAGRAM,
    INPUT_UPSTREAM,
    INPUT_MESSAGE,
    INPUT_STORED,
    INPUT_DEADLINE,
    INPUT_RELOAD,
    INPUT_BIRTH
};

struct oracle {
    bool online; /* the broker side */
    mqttsn_ms online_since;
    mqttsn_ms away_since;    /* since it was lost, or first not to be had */
    bool tried;              /* in this life of the gateway */
    mqttsn_ms advertised_at; /* since the connection is there; 0: not yet */
    mqttsn_ms advertised_last;
    mqttsn_ms told_at[2]; /* GWINFO; a ring */
    size_t told_count;
    unsigned group_owed;                   /* GWINFOs that all may get */
    uint8_t group_radius[ORACLE_SEARCHES]; /* as asked for; a ring */
    size_t group_asked;
    uint64_t candidates; /* who may be accepted by this input */
    unsigned refusals;   /* callers whose CONNACK is to come */
    bool lied_to;        /* the broker kept nothing and said it had */
    bool forgot;         /* it said so, and the store may not know yet */
    struct book books[ORACLE_BOOKS];
    bool reused; /* one of them was another's: the store may know that one */
    size_t book_count;
    struct caller callers[ORACLE_CALLERS];
    size_t caller_count;
    struct up ups[ORACLE_UPS];
    size_t up_count; /* counts on; a ring */
    size_t ups_safe; /* of these: were, when the store was idle last */
    size_t keeps;    /* with a keep_op */
    uint64_t orders;
    uint64_t up_drops; /* accepted publishes given up, as counted */
    struct naming namings[ORACLE_NAMINGS]; /* a ring */
    size_t naming_count;
    struct will wills[ORACLE_WILLS]; /* due */
    bool wills_may[ORACLE_WILLS];
    uint64_t wills_token[ORACLE_WILLS]; /* with the broker side */
    size_t will_count;
    bool power_lost; /* what was not flushed may be undone */
    bool wills_hazy; /* there was a session whose will is not known */
    uint64_t entries;
    uint64_t last_op;
    uint64_t failures;    /* operations that the store could not do */
    mqttsn_ms failed_at;  /* when the last of these was told of */
    mqttsn_ms idle_at;    /* all was in the store then */
    mqttsn_ms flushed_at; /* what was in the store then outlives the power */

    /* the input being handled */
    enum input input;
    struct sn_frame frame;
    bool suspect; /* the datagram: damaged, forged, or a villain's */
    bool valid, malformed;
    struct caller *caller;
    struct book *bound, *named;
    struct book *linked;       /* whose connection it came by */
    bool claimed;              /* a SUBSCRIBE, and it is no repetition */
    bool fresh;                /* the input is in, nothing was polled yet */
    uint32_t last_messages[8]; /* of the broker's; a ring */
    unsigned message_count;
    bool message_counts; /* what becomes of it is counted */
    bool message_loose;  /* copies: how many are taken is the engine's affair */
    unsigned offers_must, offers_may;
    uint64_t print;       /* of the tables, before */
    uint64_t others;      /* of all sessions but that of 'linked' */
    uint32_t exchanges;   /* of all nodes, before */
    struct filters asked; /* of whom it is not known who they are */
    struct uplink_sums uplink;
    /* replies to strangers */
    struct rate told;
    uint64_t strangers_answered, strangers_told;
    const struct caller *told_last, *heard_last;

    /* since the last look */
    uint64_t delivered, dropped, dropped_full, dropped_superseded, held;
    struct roll roll;
    struct gw_counters counters; /* at the last look */
    struct gw_counters before;   /* at the one before the last fresh one */
};

/* ---- called by the surroundings ---------------------------------------- */

void oracle_init(struct sim *sim);
/* Where there is a source_rate, only what the engine took comes to
 * oracle_datagram_in, behind it; else it comes before. */
void oracle_before_datagram(struct sim *sim);
void oracle_datagram_in(struct sim *sim, const struct gw_addr *from,
                        const uint8_t *data, size_t len);
void oracle_upstream(struct sim *sim, const struct gw_up_event *event);
/* The broker is about to give this, by the gateway's own connection or that of
 * a node; oracle_upstream follows. */
void oracle_message(struct sim *sim, unsigned connection,
                    const struct outgoing *outgoing);
/* It may be published again: the connection that could have told is closed. */
void oracle_uncertain(struct sim *sim, uint32_t message);
/* It publishes the will of a node whose connection has ended. */
void oracle_will_by_broker(struct sim *sim, uint32_t message);
void oracle_stored(struct sim *sim, uint64_t op, bool ok);
void oracle_deadline(struct sim *sim);
/* Other access lists are about to be in force (sim->o). */
void oracle_reloaded(struct sim *sim);
/* The engine has had its input; nothing was polled yet. */
void oracle_after_input(struct sim *sim);
void oracle_datagram_out(struct sim *sim, const struct gw_datagram *datagram,
                         const uint8_t *data);
void oracle_action(struct sim *sim, const struct gw_up_action *action);
void oracle_store_action(struct sim *sim, const struct gw_store_action *action,
                         const uint8_t *record);
void oracle_note(struct sim *sim, const struct gw_note *note);
/* 'quiet': every sink was polled until it gave nothing. */
void oracle_after_turn(struct sim *sim, bool quiet);
/* The broker carried out a publish of the gateway's. */
void oracle_carried_out(struct sim *sim, uint32_t message);
/* The broker side still has it; the engine knows it by this token, or has no
 * use for it: 0. */
void oracle_held(struct sim *sim, uint32_t message, uint64_t token);
/* The gateway is told to end; and then, all that there was has been stored. */
void oracle_ending(struct sim *sim);
void oracle_closed(struct sim *sim);
void oracle_dies(struct sim *sim);
/* The store has brought into its database what it had. */
void oracle_flushed(struct sim *sim);
/* With oracle_dies: what was stored since the last flush may be lost. */
void oracle_power_lost(struct sim *sim);
void oracle_reborn(struct sim *sim);
/* After healing: everything that was promised has come true. */
void oracle_expect_rest(struct sim *sim);

/* ---- among its files --------------------------------------------------- */

struct book *oracle_book(struct sim *sim, const void *id, size_t len,
                         bool create);
bool oracle_is_of(const struct book *book, const void *id, size_t len);
struct book *oracle_bound(struct sim *sim, const struct peer *peer);
/* The clean start of a session: nothing of before counts. */
void oracle_wipe(struct book *book);

/* hazy */
/* The datagram is suspect: whose books are not to be relied upon now? */
void oracle_suspected(struct sim *sim);
void oracle_becomes_hazy(struct sim *sim, struct book *book);
void oracle_adopt(struct sim *sim, struct book *book,
                  const struct gw_session_info *info);

/* callers */
struct caller *oracle_caller(struct sim *sim, const struct peer *peer);
void oracle_owe(struct asks *asks, uint8_t type, uint16_t msg);
bool oracle_take(struct asks *asks, uint8_t type, uint16_t msg);
void oracle_request(struct sim *sim);
/* An answer goes out: there must have been a request. */
void oracle_answer(struct sim *sim, struct caller *caller, struct book *book,
                   const struct sn_frame *f);
/* A CONNECT was not taken: CONNACK says why, at once. */
void oracle_connect_refused(struct sim *sim, struct caller *caller);
void oracle_refusals_due(struct sim *sim);

/* discovery */
void oracle_discovery_begins(struct sim *sim);
void oracle_discovery_line(struct sim *sim, bool up);
/* The broker is away for longer than upstream_down_max: nobody with a
 * connection is listened to any more. */
bool oracle_line_given_up(const struct sim *sim);
void oracle_discovery_in(struct sim *sim);
void oracle_discovery_told(struct sim *sim);
void oracle_discovery_due(struct sim *sim);
void oracle_group_out(struct sim *sim, const struct gw_datagram *datagram,
                      const struct sn_frame *f);

/* states */
static inline bool oracle_connected(const struct book *book)
{
    return book->exists &&
           (book->state == GW_ACTIVE || book->state == GW_ASLEEP ||
            book->state == GW_AWAKE);
}
const char *oracle_state_word(enum gw_state state);
/* How many wait for what only the engine counts: CONNECTs it accepts. */
void oracle_count_candidates(struct sim *sim);
void oracle_states_in(struct sim *sim, const uint8_t *octets, size_t len);
bool oracle_may_rebind(const struct sim *sim, const struct book *book,
                       const struct peer *from);
void oracle_state_seen(struct sim *sim, struct book *book,
                       const struct gw_session_info *info);
void oracle_vanished(struct sim *sim, struct book *book);
void oracle_supervised(struct sim *sim, struct book *book);
/* How long somebody may be silent who has promised to speak so often. */
mqttsn_ms oracle_tolerance(uint16_t seconds);
void oracle_states_required(struct sim *sim);
void oracle_states_answered(struct sim *sim, struct book *book,
                            const struct sn_frame *f);

static inline bool oracle_deliverable(const struct book *book)
{
    return book->state == GW_ACTIVE || book->state == GW_AWAKE;
}

/* topics */
void oracle_topics_asleep(const struct sim *sim, struct book *book);
struct topic *oracle_topic(struct book *book, uint16_t id);
void oracle_topic_means(struct sim *sim, struct book *book, uint16_t id,
                        const char *name, bool told, bool acked);
/* The name of what a PUBLISH goes under; NULL when there is none. */
const char *oracle_topic_name(struct book *book, uint8_t flags, uint16_t id,
                              char buf[3]);
void oracle_topics_in(struct sim *sim);
void oracle_topics_answered(struct sim *sim, struct book *book,
                            const struct sn_frame *f);

/* names */
void oracle_names_reloaded(struct sim *sim);
/* Whether the PUBLISH of QoS -1 at hand may go on (T12). */
bool oracle_names_nameless(const struct sim *sim);
/* What an answer "invalid topic id" will be about; whether it is a normal id.
 */
void oracle_names_remember(struct book *book, const struct sn_frame *f);
bool oracle_names_normal(const struct book *book, const struct sn_frame *f);
void oracle_names_action(struct sim *sim, const struct gw_up_action *action);
bool oracle_is_probe(const struct sim *sim, const struct gw_up_action *action);
void oracle_names_registered(struct sim *sim, const struct book *book,
                             const struct sn_frame *f);
void oracle_names_subscribed(struct sim *sim, struct book *book,
                             const struct sn_frame *f);
void oracle_names_refused(struct sim *sim, struct book *book,
                          const struct sn_frame *f);

/* broker */
void oracle_broker_action(struct sim *sim, const struct gw_up_action *action);

/* subscriptions */
void oracle_subs_in(struct sim *sim);
/* The datagram at hand was refused at once; its answer is yet to come. */
void oracle_subs_refused(struct sim *sim);
void oracle_subs_answered(struct sim *sim, struct book *book,
                          const struct sn_frame *f);
void oracle_subs_action(struct sim *sim, const struct gw_up_action *action);
void oracle_subs_result(struct sim *sim, uint64_t token,
                        enum gw_up_outcome outcome, uint8_t granted);
/* Whether a SUBSCRIBE with that MsgId named this id, or short name. */
bool oracle_subs_by_id(const struct book *book, uint16_t msg, uint16_t id);
void oracle_subs_lost(struct sim *sim);
void oracle_subs_mute(struct book *book);
void oracle_subs_unsure(struct book *book, const char *filter);
void oracle_offer(struct sim *sim, const struct outgoing *outgoing);
/* To one, at a QoS between these. */
void oracle_offer_to(struct sim *sim, struct book *book,
                     const struct outgoing *outgoing, bool must, uint8_t low,
                     uint8_t high);

/* connections of nodes (links.h) */
/* What comes by one is for its node. */
void oracle_links_offer(struct sim *sim, unsigned connection,
                        const struct outgoing *outgoing);
void oracle_links_event(struct sim *sim, const struct gw_up_event *event);
/* The input is in: who is not concerned by it is as before. */
void oracle_links_after(struct sim *sim);
void oracle_links_action(struct sim *sim, const struct gw_up_action *action);
/* A publish goes by the connection of who has said it. */
void oracle_links_published(struct sim *sim, const struct gw_up_action *action,
                            const struct book *book);
/* Whether the will of who is lost now is for the gateway to publish. */
bool oracle_links_publish_will(const struct sim *sim, const struct book *book);

/* downwards */
void oracle_down_out(struct sim *sim, struct book *book,
                     const struct sn_frame *f);
void oracle_down_in(struct sim *sim);
void oracle_offers_taken(struct sim *sim);
void oracle_delivered(struct sim *sim);
void oracle_list_remove(struct book *book, size_t at);
void oracle_steps_due(struct sim *sim, struct book *book);

/* upwards */
void oracle_up_reloaded(struct sim *sim);
void oracle_up_in(struct sim *sim);
void oracle_up_action(struct sim *sim, const struct gw_up_action *action);
void oracle_up_result(struct sim *sim, uint64_t token,
                      enum gw_up_outcome outcome);
void oracle_up_kept(struct sim *sim, const struct gw_store_action *action,
                    const uint8_t *record);
void oracle_up_stored(struct sim *sim, uint64_t op, bool ok);
void oracle_up_rest(struct sim *sim);
void oracle_up_answered(struct sim *sim, struct book *book,
                        const struct sn_frame *f);
void oracle_up_forget(struct sim *sim, const struct book *book);
/* Whether the one who speaks has a QoS 2 PUBLISH with that MsgId open. */
bool oracle_up_is_open(struct oracle *o, uint16_t msg);
/* Whether the broker has had a publish with that payload. */
bool oracle_up_arrived(struct sim *sim, const char *payload);

/* wills */
void oracle_wills_in(struct sim *sim);
void oracle_wills_answered(struct sim *sim, struct book *book,
                           const struct sn_frame *f);
void oracle_will_due(struct sim *sim, const struct book *book);
bool oracle_will_action(struct sim *sim, const struct gw_up_action *action);
void oracle_will_result(struct sim *sim, uint64_t token,
                        enum gw_up_outcome outcome);

/* crash */
void oracle_entries_after_crash(struct book *book);

/* power */
void oracle_changed(struct sim *sim, struct book *book);

/* look */
void oracle_look(struct sim *sim);
uint64_t oracle_print(struct sim *sim);
uint64_t oracle_drops(const struct gw_counters *counters);

#endif
