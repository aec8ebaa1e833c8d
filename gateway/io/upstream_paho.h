/* SPDX-License-Identifier: MIT */
/*
 * upstream_paho.h - the upstream port on Paho MQTT C: one connection, MQTT
 * 3.1.1, over TCP, TLS or WebSocket.
 *
 * One connection carries every node; with one for each node there are more of
 * the same kind (upstream_nodes.h). One thread of ours makes every call of
 * Paho; Paho's own two threads touch nothing of ours but the inbox; the loop
 * thread never waits for any of them. Paho's automatic reconnect, its offline
 * buffering and, without a journal, its persistence are off: back-off, order
 * and what is outstanding are kept here.
 *
 * Threads and crossings:
 *
 *   loop -- outbox --> upstream thread -- calls --> Paho
 *   loop <-- inbox --- upstream thread, Paho's callbacks
 *
 * The connection keeps its session at the broker (CleanSession=0). When it is
 * lost, Paho's handle is dropped and everything unfinished comes back as
 * GW_UP_UNSENT, in order. The exception is a handle in which a QoS 2 exchange
 * may be open (a publish, or a subscription with QoS 2 that was asked for):
 * it is kept, Paho ends what it holds after reconnecting, and exactly once
 * holds as long as the broker keeps the session; only subscriptions come back
 * at once. QoS 1 may double either way, as MQTT says.
 *
 * With a journal (paho_keep.h) that handle's state outlives the process, and so
 * do messages that were acknowledged and not taken yet. A publish of QoS 2 that
 * an earlier process had under way ends under the token that the engine gives
 * for it.
 *
 * With several endpoints the one that has our session is tried first, then
 * the others in order; the session at another one is discarded.
 *
 * A broker that does not speak MQTT 5 is spoken to in MQTT 3.1.1 with
 * GW_PROTOCOL_AUTO, for as long as the process lives. A session that was begun
 * in the other version is as good as lost: what was under way in it is
 * submitted again, and the engine is told to subscribe to everything.
 */
#ifndef GW_UPSTREAM_PAHO_H
#define GW_UPSTREAM_PAHO_H

#include "io/paho_keep.h"
#include "io/tls.h"
#include "io/upstream.h"

/* One broker address. IPv6 addresses are written without brackets. */
struct gw_upstream_endpoint {
    const char *host;
    uint16_t port;
    const char *uri; /* as Paho wants it; NULL: MQTT over TCP */
    bool tls;
};

enum gw_upstream_protocol {
    GW_PROTOCOL_3_1_1,
    GW_PROTOCOL_5,
    GW_PROTOCOL_AUTO, /* 5, and 3.1.1 where that is not understood */
};

/* What the broker publishes when the connection breaks. */
struct gw_upstream_will {
    const char *topic; /* NULL: there is none */
    const void *payload;
    size_t payload_len;
    uint8_t qos;
    bool retain;
};

/* Everything pointed at is copied by gw_upstream_paho_new. */
struct gw_upstream_settings {
    const struct gw_upstream_endpoint *endpoints; /* tried in order */
    size_t endpoint_count;                        /* 1..16 */

    enum gw_upstream_protocol protocol;
    uint32_t session_expiry_s; /* MQTT 5: how long the broker keeps it, 1.. */
    const char *gateway; /* MQTT 5: publishes name it and their node; or NULL */

    const char *client_id; /* stable, not empty */
    const char *username;  /* or NULL */
    const char *password;  /* or NULL; ignored without a user name */
    /* "http://USER:PASSWORD@HOST:PORT", the first two percent encoded, or
     * without them; and the same with https, which is what Paho 1.3.12 wants to
     * see where TLS is to go through the proxy, though it is not towards it.
     * NULL: none. */
    const char *proxy, *proxy_for_tls;
    const struct gw_tls_settings *tls; /* NULL only when no endpoint has it */
    struct gw_upstream_will will;

    /* The broker forgets the session with each connection (CleanSession=1);
     * without 'clean_first', which is another thing. */
    bool clean_session;

    unsigned keep_alive_s;      /* 5..65535 */
    unsigned connect_timeout_s; /* 1..; of one attempt on one endpoint */

    unsigned window;      /* acknowledged publishes with Paho, 1..1000 */
    unsigned qos0_window; /* QoS 0 publishes with Paho, 1..5000 */

    mqttsn_ms return_interval_ms;  /* between two looks for the first endpoint,
                                      while another one serves; 0: none */
    mqttsn_ms connect_interval_ms; /* at least, between two attempts */
    mqttsn_ms backoff_min_ms;      /* first pause; the first attempt has none */
    mqttsn_ms backoff_max_ms;      /* longest pause */

    /* A fresh process first connects once with CleanSession=1, to discard
     * what the broker kept for a process whose memory is gone. With a journal
     * only if that knows of no session. */
    bool clean_first;

    /* Where to keep what must outlive the process; borrowed until 'free'. NULL:
     * nothing does. */
    struct gw_journal *journal;

    /* Bounds of the two crossings; data only, control has room of its own. */
    size_t inbox_entries;
    size_t inbox_bytes;
    size_t outbox_entries;
    size_t outbox_bytes;
};

/* 127.0.0.1:1883 and the documented default of every key; 'client_id' is left
 * NULL and must be set. */
void gw_upstream_settings_default(struct gw_upstream_settings *ret_settings);

/*
 * Makes a port; nothing connects before its 'start'. The caller then sets
 * 'wake' and 'user' of '*ret_upstream'. On the loop thread, before any other
 * thread exists: environment variables that change Paho's behaviour are unset
 * here.
 *
 * MQTTSN_OK:       '*ret_upstream' is new.
 * MQTTSN_EINVAL:   a setting is missing or out of range.
 * MQTTSN_ENOSPACE: memory cannot be had.
 * MQTTSN_EIO:      libuv refused a handle.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_upstream_paho_new(uv_loop_t *loop,
                     const struct gw_upstream_settings *settings,
                     struct gw_upstream **ret_upstream);

/*
 * With a journal, before 'start': every record of the shell's (its kinds are
 * GW_JOURNAL_SHELL and above) is given back here, behind those of the engine;
 * then gw_upstream_paho_restored is called, also when there was none. 'is_new':
 * so is the store, and what the broker may have kept is about nothing that is
 * in it. 'held' is asked as gw_engine_held. Events that the engine has not seen
 * come with the first calls of 'take'.
 *
 * MQTTSN_EFIELD:   the octets are no such record; it is passed over.
 * MQTTSN_ENOSPACE: memory cannot be had; the port cannot be started.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_upstream_paho_restore(struct gw_upstream *upstream, uint8_t kind,
                         uint32_t owner, uint32_t item,
                         struct mqttsn_span octets);
MQTTSN_CHECKED enum mqttsn_status gw_upstream_paho_restored(
    struct gw_upstream *upstream, bool is_new,
    uint64_t (*held)(void *user, uint32_t owner, uint32_t item), void *user);

/* What only this port counts. Loop thread. */
struct gw_upstream_paho_stats {
    uint64_t inbox_dropped;   /* messages dropped: the inbox stayed full */
    uint64_t inbox_waits;     /* times a callback waited for room */
    uint64_t connects;        /* connections made */
    uint64_t connect_us;      /* how long the last one took, doorbell and all */
    uint64_t outstanding_max; /* most acknowledged publishes with Paho */
    uint32_t endpoint;        /* of the last connection */
    struct gw_paho_keep_stats keep; /* with a journal */
};
void gw_upstream_paho_stats(const struct gw_upstream *upstream,
                            struct gw_upstream_paho_stats *ret_stats);

/* Paho's version, "1.3.12" or the like; a static string. */
const char *gw_upstream_paho_version(void);

/* Whether Paho was built with its heap tracking, which costs a factor of two
 * to four: "yes", "no" or "unknown"; a static string. Only before a port is
 * started: it makes a handle of Paho's and destroys it. */
const char *gw_upstream_paho_heap_tracking(void);

#endif
