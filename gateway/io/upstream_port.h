/* SPDX-License-Identifier: MIT */
/*
 * upstream_port.h - the inside of the Paho port; for its own files only.
 *
 *   upstream_paho.c    the loop's side: the operations of the port
 *   upstream_thread.c  the upstream thread: attempts, submitting, stopping
 *   upstream_alone.c   that thread where there is one connection
 *   paho_connect.c     one connection: handle, options, connect and lost
 *   paho_submit.c      from the outbox to Paho, within the window
 *   paho_results.c     requests and their outcomes, callbacks, what is unsent
 *   paho_resume.c      what goes on in another handle, or another process
 *   paho_session.c     the session at the broker
 *   paho_protocol.c    which version of MQTT is spoken
 *   paho_version5.c    what MQTT 5 adds
 *   upstream_nodes*.c  many of these, under one thread (upstream_nodes.h)
 *
 * Order of locks: Paho's own, then 'lock', then those inside inbox, outbox and
 * keep.
 * Paho calls back with its lock held, so nothing calls Paho under 'lock'. The
 * loop takes 'lock' before the threads begin and after they have ended only:
 * whoever holds it may wait for the loop (inbox.h).
 */
#ifndef GW_UPSTREAM_PORT_H
#define GW_UPSTREAM_PORT_H

#include "io/backoff.h"
#include "io/inbox.h"
#include "io/outbox.h"
#include "io/paho_keep.h"
#include "io/paho_table.h"
#include "io/paho_tls.h"
#include "io/paho_version5.h"
#include "io/upstream_paho.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>

/* Subscriptions that Paho may have unanswered, and those in the outbox. */
#define GW_PAHO_CONTROL_WINDOW 64
#define GW_PAHO_CONTROL_QUEUE 1024

/* Requests settled without Paho that it may still call for; with more, its
 * handle is made anew at the next loss of the connection. */
#define GW_PAHO_STALE_MAX 1024
#define GW_PAHO_STALE_MAX_NODE 64

#define GW_UPSTREAM_ENDPOINTS_MAX 16
#define GW_ENDPOINT_NONE UINT32_MAX
#define GW_ENDPOINT_TEXT_MAX 270

/* What Paho's callbacks tell the thread. */
struct gw_paho_record {
    enum {
        GW_PAHO_CONNECT_OK,
        GW_PAHO_CONNECT_FAILED,
        GW_PAHO_LOST,
        GW_PAHO_DISCONNECTED
    } what;
    bool session_present; /* CONNECT_OK */
    int code;             /* CONNECT_FAILED; LOST: the broker's reason, or 0 */
    char text[48];        /* CONNECT_FAILED: Paho's words, may be empty */
    char tls[GW_TLS_REASON_MAX]; /* CONNECT_FAILED, LOST: why TLS ended it */
    bool tls_denied;             /* for who we are */
    bool unwatched; /* CONNECT_FAILED: connected, but nobody knows to whom */
};
#define GW_PAHO_RECORDS 8

enum gw_paho_phase {
    GW_PAHO_IDLE,       /* waiting for the next attempt */
    GW_PAHO_CONNECTING, /* an attempt is with Paho */
    GW_PAHO_UP,         /* connected and announced */
    GW_PAHO_CLOSING,    /* after the clean attempt, or stopping */
};

/* An event from before this process began; its octets lie behind it. */
struct gw_paho_replay {
    struct gw_paho_replay *next;
    struct gw_up_event event;
    uint8_t octets[];
};

struct gw_paho_port {
    struct gw_upstream base;
    struct gw_paho_keep *keep; /* NULL: nothing outlives the process */
    uv_loop_t *loop;
    struct gw_upstream_settings settings; /* owns its strings */
    struct gw_paho_tls *tls;              /* or NULL */
    bool tls_is_ours;
    struct gw_inbox inbox;
    struct gw_outbox outbox;
    int wake_fd;     /* eventfd of the thread */
    bool of_many;    /* one of many: 'wake_fd' is borrowed, and others write */
    bool of_a_node;  /* of these, a node's */
    bool haunted;    /* of many: Paho was left a handle, and may call */
    atomic_bool due; /* of many: its turn has come */

    /* Loop thread only. */
    pthread_t thread;
    bool started;
    bool joined;
    bool stop_reported;
    uint64_t connections_taken; /* CONNECTED events that the loop has seen */
    uv_timer_t *stop_timer;     /* used by 'stop'; then frees itself */
    uv_prepare_t *before_wait;  /* wakes the thread; frees itself, too */
    void (*stopped)(void *user, bool clean);
    void *stopped_user;
    struct gw_paho_port *next_abandoned;
    struct gw_paho_replay *replays; /* taken before anything else */
    struct gw_paho_replay **replays_tail;
    struct gw_paho_replay *replayed; /* the last one taken */

    pthread_mutex_t lock;
    /* Under 'lock'. */
    struct gw_paho_table table;
    struct gw_paho_record records[GW_PAHO_RECORDS];
    unsigned record_count;
    uint64_t connections; /* CONNECTED events given */
    bool announced;       /* the last of them is not followed by a LOST */
    bool link_up;         /* Paho says that it is connected */
    bool clean_attempt;   /* the attempt under way only discards */
    bool other_version;   /* a session that is present is of another version */
    bool version5;        /* of MQTT */
    struct gw_paho_limits limits; /* of this connection */
    bool hungry;        /* the thread left something: the window was full */
    bool held_back;     /* or an earlier handle is not finished */
    bool downlink_qos2; /* a subscription with QoS 2 may exist */
    bool distrust;      /* a session that is present may lack filters */
    uint32_t resumed;   /* requests that are known by packet id */
    bool poisoned;      /* the handle may not be used any more */
    uint64_t outcomes;  /* requests that Paho has ended */
    uint64_t acked;     /* of these, publishes that were acknowledged */

    /* Between the loop and the threads without 'lock', which a thread may hold
     * while it waits for the loop to take something, or for a disk. */
    mqttsn_ms flush_until; /* stopping: when to give up waiting for acks; set
                              before: */
    atomic_bool stop_wanted;
    atomic_bool stopped_clean; /* set before: */
    atomic_bool finished;      /* the thread is about to end */
    atomic_uint connects, connect_us, outstanding_max; /* figures */
    atomic_uint announced_endpoint; /* of the last connection */

    /* Upstream thread only. */
    MQTTAsync handle;          /* or NULL */
    uint32_t handle_endpoint;  /* what it was made for */
    int handle_version;        /* and MQTTVERSION_3_1_1 or MQTTVERSION_5 */
    int version;               /* of this attempt, or connection */
    int session_version;       /* of our session; 0: not known */
    bool fall_back;            /* this attempt is made in 3.1.1 instead */
    uint32_t old_brokers;      /* set of endpoints where that was of use */
    uint16_t keep_alive_s;     /* what a broker wanted; 0: nothing */
    uint32_t endpoint;         /* of this attempt */
    uint32_t round_left;       /* endpoints left before the next pause */
    uint32_t session_endpoint; /* whose session is known to be ours */
    bool any_session;          /* whatever session there is, it is ours */
    enum gw_paho_phase phase;
    struct gw_backoff backoff;
    mqttsn_ms next_attempt;
    mqttsn_ms phase_until; /* CONNECTING and CLOSING: when patience ends */
    uint64_t attempt_started_us;
    uint64_t acked_before;  /* 'acked' when this connection began */
    unsigned stillborn;     /* short connections in a row without one */
    uint64_t unsent_before; /* actions of older epochs go back unsent */
    bool ending_clean;    /* stopping: all acknowledged, and the broker told */
    mqttsn_ms submit_at;  /* not before: Paho has yet to tell of a loss */
    uint64_t submissions; /* requests handed to Paho */
    uint64_t moved_seen;  /* both counts, when last looked at */
    mqttsn_ms ring_at;
    mqttsn_ms ring_pause_ms;
    mqttsn_ms return_at;    /* to the first endpoint, if it is there */
    mqttsn_ms return_until; /* returning: when patience ends */
    bool returning;         /* nothing new is begun */
};

/* ---- time (upstream_thread.c) --------------------------------------- */

uint64_t gw_paho_now_us(void);
mqttsn_ms gw_paho_now(void);

/* ---- the thread (upstream_thread.c) --------------------------------- */

void *gw_paho_thread(void *port);

/* Its parts, for who has more than one port: the first attempt is due; one
 * turn, where '*ret_wake_at' is when the next is due at the latest, and false
 * means that it ends; its end, with the last results. */
void gw_paho_begin(struct gw_paho_port *port);
bool gw_paho_turn(struct gw_paho_port *port, mqttsn_ms *ret_wake_at);
void gw_paho_finish(struct gw_paho_port *port);
void gw_paho_prepare_thread(void);

/* Sleeps until something is written to 'wake_fd', or 'until'. */
void gw_paho_sleep(int wake_fd, mqttsn_ms until);

/* ---- making one (upstream_paho.c); loop thread ---------------------- */

/* As gw_upstream_paho_new; with a 'wake_fd' other than -1 it is one of many,
 * whose thread is woken by that. 'tls' is borrowed; NULL: it makes its own. */
MQTTSN_CHECKED enum mqttsn_status
gw_paho_port_new(uv_loop_t *loop, const struct gw_upstream_settings *settings,
                 int wake_fd, struct gw_paho_tls *tls,
                 struct gw_paho_port **ret_port);
/* Its thread, if it has one, has ended. */
void gw_paho_port_free(struct gw_paho_port *port);

/* Changes the phase. */
void gw_paho_enter(struct gw_paho_port *port, enum gw_paho_phase phase,
                   mqttsn_ms now);

/* Everything that was handed over or queued goes back, and so does what the
 * loop adds before it knows. */
void gw_paho_give_back(struct gw_paho_port *port);

/* ---- back to the first broker (upstream_return.c); upstream thread --- */

/* A connection begins: when to look for the first one. */
void gw_paho_plan_return(struct gw_paho_port *port, mqttsn_ms now);

/* Looks, waits for quiet, and closes the connection. True: nothing may be
 * submitted now. */
bool gw_paho_may_return(struct gw_paho_port *port, mqttsn_ms now);

/* The connection is closed: on to the first. */
void gw_paho_return(struct gw_paho_port *port, mqttsn_ms now);

/* Wakes the thread. Any thread, under any lock. */
void gw_paho_wake(struct gw_paho_port *port);

/* ---- one connection (paho_connect.c); upstream thread --------------- */

/* Hands an attempt to Paho. False: it failed on the spot, and the record says
 * so; '*ret_busy': it has not been tried, try again soon. */
bool gw_paho_connect(struct gw_paho_port *port, bool clean, bool *ret_busy);

/* Begins to disconnect; false when there is nothing to disconnect. */
bool gw_paho_disconnect(struct gw_paho_port *port);

/*
 * Gives up the handle and whatever Paho still holds in it. It is destroyed,
 * which is quick, since it is not Paho's last one: the doorbell's stays for
 * ever. One that is poisoned is left alone for ever: Paho would free something
 * twice. The latter needs a write to fail past the guard, and is logged.
 */
void gw_paho_drop_handle(struct gw_paho_port *port);

/* Tells the loop that the broker is there. Under 'lock'. */
void gw_paho_announce(struct gw_paho_port *port, bool session_present);

/* Why an attempt failed, in words; and whether it was for who we are. */
const char *gw_paho_reason(const struct gw_paho_record *record,
                           bool *ret_denied);

/* ---- the session at the broker (paho_session.c); upstream thread ---- */

/* It is the one of this endpoint, in this version of MQTT. */
void gw_paho_note_session(struct gw_paho_port *port);

/* Gives the loop what a session that is gone has left with us. */
void gw_paho_give_orphans(struct gw_paho_port *port);

/* Whether the session is the one that it was when the process last knew it
 * complete; else it is unsure until the engine has noted what is missing. */
void gw_paho_judge_session(struct gw_paho_port *port, bool present);

/* ---- which version of MQTT (paho_protocol.c); upstream thread ------- */

/* MQTTVERSION_5 or MQTTVERSION_3_1_1, for the attempt at 'endpoint'. */
int gw_paho_version_to_try(const struct gw_paho_port *port);

/* An attempt was refused: whether the next one, at the same endpoint, is to be
 * made in 3.1.1 instead. */
bool gw_paho_falls_back(struct gw_paho_port *port,
                        const struct gw_paho_record *record);

/* One was accepted: what is known of the broker from now on. */
void gw_paho_note_broker(struct gw_paho_port *port);

/* ---- submitting (paho_submit.c); upstream thread -------------------- */

/* Hands over what is queued and fits the window. True when there is more to
 * do at once. */
bool gw_paho_submit_queued(struct gw_paho_port *port);

/* ---- outcomes (paho_results.c) -------------------------------------- */

/* Hands one entry to Paho. False: not connected any more; nothing happened. */
bool gw_paho_submit(struct gw_paho_port *port,
                    const struct gw_outbox_entry *entry);

void gw_paho_give_result(struct gw_paho_port *port, uint64_t token,
                         enum gw_up_outcome outcome, uint8_t granted_qos);

/* Which requests end unsent. */
enum gw_paho_unsent {
    GW_PAHO_UNSENT_ALL,   /* the handle is gone */
    GW_PAHO_UNSENT_OTHER, /* the handle is gone: what another cannot resume */
    GW_PAHO_UNSENT_LOST,  /* the connection is gone: control, and what failed */
    GW_PAHO_UNSENT_FAILED /* what failed, since the session is gone */
};

/* Gives their results in the order of submission. Upstream thread. */
void gw_paho_unsent(struct gw_paho_port *port, enum gw_paho_unsent which);

/* The same for all that is in the outbox. True when there was anything. */
bool gw_paho_unsent_outbox(struct gw_paho_port *port);

/* Callbacks for gw_paho_connect to register: messages, and publishes that are
 * acknowledged. The latter is needed for what was resumed. */
int gw_paho_on_message(void *context, char *topic, int topic_len,
                       MQTTAsync_message *message);
void gw_paho_on_delivered(void *context, MQTTAsync_token packet_id);

/* ---- what goes on (paho_resume.c) ----------------------------------- */

/* Marks the publishes that a new handle goes on with. Upstream thread; the old
 * one is gone. */
void gw_paho_resume(struct gw_paho_port *port);

/* The next event from before this process; false when there is none. */
bool gw_paho_take_replay(struct gw_paho_port *port,
                         struct gw_up_event *ret_event);
void gw_paho_free_replays(struct gw_paho_port *port);

/* "host:port" */
void gw_paho_endpoint_text(const struct gw_paho_port *port, uint32_t endpoint,
                           char text[GW_ENDPOINT_TEXT_MAX]);

#endif
