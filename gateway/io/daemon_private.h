/* SPDX-License-Identifier: MIT */
/*
 * daemon_private.h - what the files of daemon share: daemon.c (life),
 * daemon_pump.c (the turn), daemon_reload.c, daemon_report.c (what is told to
 * who asks), daemon_store.c (restart),
 * daemon_upstream.c (settings), daemon_status.c (the gateway's own topics),
 * daemon_http.c and daemon_metrics.c (what is answered over HTTP), daemon_ctl.c
 * (what mqttsn-ctl wants), daemon_orders.c (what is ordered), daemon_trace.c
 * (frames as lines).
 */
#ifndef GW_DAEMON_PRIVATE_H
#define GW_DAEMON_PRIVATE_H

#include "ctl.h"
#include "daemon.h"
#include "disk_store.h"
#include "events.h"
#include "forward_times.h"
#include "http.h"
#include "metrics.h"
#include "notes.h"
#include "report.h"
#include "store.h"
#include "udp.h"

enum stop_phase {
    RUNNING,
    DRAINING, /* the engine's last words go to the broker */
    LEAVING,  /* the upstream was told to stop */
    LEFT,     /* it has stopped; the next turn closes everything */
    CLOSING,  /* handles are being closed */
};

/* daemon_status.c */
struct daemon_status {
    uv_timer_t timer; /* of the statistics */
    mqttsn_ms since;  /* start of the daemon */
    bool online_due;  /* "online" was not taken yet */
    uint64_t tokens;  /* for events, in thousandths */
    mqttsn_ms refilled;
    uint64_t dropped; /* events that were not said */
};

struct gw_daemon {
    uv_loop_t *loop;
    struct gw_config *config;
    const struct gw_config_sources *sources;
    void (*stopping)(void *user);
    void *user;

    struct gw_engine *engine;
    struct gw_udp *udp;
    struct gw_upstream *upstream;
    bool upstream_is_paho;  /* not one that the caller brought */
    bool upstream_is_nodes; /* nor this, of transparent mode */
    struct gw_store *store;
    struct gw_disk *disk; /* behind 'store'; NULL with the memory store */
    struct gw_notes notes;
    struct daemon_status status;
    struct gw_events events;
    struct gw_report_upstream link; /* but its endpoint */
    bool link_fails;                /* so did the last attempt */
    bool store_fails;               /* so did the last operation */
    struct gw_http *http;           /* NULL: there is none */
    struct gw_ctl *ctl;             /* NULL: there is none */
    bool traces; /* of some node, as the configuration says */

    /* For the metrics. */
    uint64_t received[GW_METRICS_TYPES], sent[GW_METRICS_TYPES];
    struct gw_forward_times forward;
    uint64_t process_start_s;

    /* The turn. */
    uv_check_t turn;     /* after the loop has looked for input */
    uv_idle_t more;      /* active while there is more to do at once */
    uv_timer_t deadline; /* the engine's next */
    mqttsn_ms armed_for;
    bool dirty;
    mqttsn_ms now;
    uint64_t upstream_open; /* actions that still owe a result */
    uint8_t *upstream_buf;  /* GW_UP_BUFFER */
    uint8_t *store_buf;     /* GW_RECORD_MAX */

    /* The end. */
    uv_signal_t signal[4];
    size_t signal_count;
    uv_timer_t patience; /* of the phases of stopping */
    uv_timer_t beat;     /* for a service manager */
    enum stop_phase phase;
    mqttsn_ms stop_began;
    bool left_in_order;
    unsigned handles; /* still with the loop */
};

/* ---- daemon_pump.c ----------------------------------------------------- */

/* Says that there is something to do; any callback on the loop. */
void daemon_wake(void *daemon);

/* Carries out a bounded amount of what there is to do, and arms what calls it
 * next. Not from inside a callback of udp, upstream or store. */
void daemon_pump(struct gw_daemon *d);

/* Whether the engine, the broker side and the sockets have nothing left that
 * stopping should wait for. */
bool daemon_is_drained(struct gw_daemon *d);

/* Gives all datagrams that were read to the engine, and is not held up by those
 * that come meanwhile. */
void daemon_feed_all(struct gw_daemon *d);

/* Loop callbacks, for daemon.c to start. */
void daemon_on_turn(uv_check_t *turn);
void daemon_on_deadline(uv_timer_t *timer);
void daemon_on_more(uv_idle_t *more);

/* ---- daemon.c ---------------------------------------------------------- */

/* The engine's options: the configuration's, with the ports as bound.
 * 'listeners' has GW_LISTENERS_MAX rows and holds what is pointed at. */
void daemon_options(const struct gw_daemon *d, const struct gw_config *config,
                    struct gw_listener_options listeners[],
                    struct gw_options *ret_options);

/* The largest max_datagram of any listener. */
uint32_t daemon_max_datagram(const struct gw_config *config);

/* Called by the pump when nothing is left to wait for. */
void daemon_drained(struct gw_daemon *d);

/* Gives back everything that lives on the loop, which ends by that. */
void daemon_close(struct gw_daemon *d);

/* ---- daemon_counters.c ------------------------------------------------- */

/* Logs everything that is counted and not zero. */
void daemon_log_counters(struct gw_daemon *d);

/* ---- daemon_ctl.c ------------------------------------------------------ */

/* What is wrong has been logged; nodes are served all the same. */
void daemon_ctl_start(struct gw_daemon *d);

/* ---- daemon_orders.c --------------------------------------------------- */

enum daemon_order {
    DAEMON_ORDER_DONE,
    DAEMON_ORDER_TOLD,   /* it only asked */
    DAEMON_ORDER_FAILED, /* a reload: nothing has changed */
    DAEMON_ORDER_NOT_FOUND,
    DAEMON_ORDER_REFUSED,
    DAEMON_ORDER_BAD,
    DAEMON_ORDER_NONE, /* there is no such order; nothing was written */
};

/* Carries out kick, purge, reload or log. '*ret_text', in 'buf' of
 * GW_REPORT_MIN at least, says what came of it. */
enum daemon_order daemon_order(struct gw_daemon *d, struct mqttsn_span word,
                               struct mqttsn_span argument, char *buf,
                               size_t cap, struct mqttsn_span *ret_text);

/* {"error":WORDS,"code":CODE}, in 'buf'. */
struct mqttsn_span daemon_order_error(char *buf, size_t cap, const char *code,
                                      const char *words);

/* ---- daemon_trace.c ---------------------------------------------------- */

/* A configuration is in force: are there nodes to be traced? */
void daemon_trace_configured(struct gw_daemon *d);

/* Whether anybody wants to see any. */
static inline bool daemon_shows_frames(const struct gw_daemon *d)
{
    return gw_log_is_on(GW_LOG_DEBUG) || d->traces || gw_ctl_traces(d->ctl);
}

/* A frame passes: "received", "sent" or "advertised". */
void daemon_trace(struct gw_daemon *d, const char *event,
                  const struct gw_addr *peer, struct mqttsn_span bytes);

/* ---- daemon_reload.c --------------------------------------------------- */

/* As gw_daemon_reload; problems are reported to 'also', too, if it is not NULL.
 * NULL: it is in force; else why the old one still is. */
const char *daemon_reload(struct gw_daemon *d, gw_config_report *also,
                          void *user);

/* ---- daemon_report.c --------------------------------------------------- */

/* Something happened to the gateway's own connection to the broker. */
void daemon_report_link(struct gw_daemon *d, enum gw_up_event_kind kind);

/* What reports are made from; borrowed from the daemon. */
void daemon_report_source(const struct gw_daemon *d,
                          struct gw_report_source *ret);

/* ---- daemon_crash.c ---------------------------------------------------- */

/* What is said of the daemon if the process crashes; NULL: no more. The engine
 * is there as long as this holds. */
void daemon_crash_watch(struct gw_daemon *d);

/* ---- daemon_http.c ----------------------------------------------------- */

/* The HTTP server, if one is configured; why it cannot be has been logged. */
MQTTSN_CHECKED enum mqttsn_status daemon_http_start(struct gw_daemon *d);
/* 'd->config' is another one; the one before is there still. */
void daemon_http_reloaded(struct gw_daemon *d);
void daemon_http_close(struct gw_daemon *d);

/* ---- daemon_metrics.c -------------------------------------------------- */

/* The text for Prometheus; free(3) it. NULL: no memory. */
char *daemon_metrics_text(struct gw_daemon *d, size_t *ret_len);

/* ---- daemon_status.c --------------------------------------------------- */

void daemon_status_start(struct gw_daemon *d);
void daemon_status_connected(struct gw_daemon *d);
void daemon_status_note(struct gw_daemon *d, const struct gw_note *note);
/* The last word, behind the engine's. */
void daemon_status_stopping(struct gw_daemon *d);

/* ---- daemon_store.c ---------------------------------------------------- */

/* The store as configured; what is in it is given to the engine. What is wrong
 * has been logged. */
MQTTSN_CHECKED enum mqttsn_status daemon_store_new(struct gw_daemon *d);

/* ---- daemon_upstream.c ------------------------------------------------- */

/* The Paho port as configured; 'journal' may be NULL. */
MQTTSN_CHECKED enum mqttsn_status
daemon_upstream_new(uv_loop_t *loop, const struct gw_config *config,
                    struct gw_journal *journal,
                    struct gw_upstream **ret_upstream);

#endif
