/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>

#include "daemon_private.h"
#include "log.h"
#include "socket.h"
#include "supervisor.h"
#include "version.h"

/* Hop limit of what goes to a group with radius 0, "the whole network". */
#define GROUP_HOPS 8

/* How long the engine's last words may take to reach the broker side, and by
 * when the broker must have been told good-bye. */
#define DRAIN_MS 700
#define LEAVE_MS 1600

/* When nothing is waited for any more; the store has at least so long. */
#define END_MS 1900
#define STORE_MS 200

/* ---- configuration ----------------------------------------------------- */

uint32_t daemon_max_datagram(const struct gw_config *config)
{
    uint32_t max = 0;

    for (size_t i = 0; i < config->options.listener_count; i++) {
        if (config->options.listeners[i].max_datagram > max)
            max = config->options.listeners[i].max_datagram;
    }
    return max;
}

void daemon_options(const struct gw_daemon *d, const struct gw_config *config,
                    struct gw_listener_options listeners[],
                    struct gw_options *ret_options)
{
    *ret_options = config->options;
    for (size_t i = 0; i < config->options.listener_count; i++) {
        struct gw_addr bound;

        gw_udp_bound(d->udp, i, &bound);
        listeners[i] = config->options.listeners[i];
        listeners[i].port = bound.port;
    }
    ret_options->listeners = listeners;
    ret_options->durable = config->store.type == GW_STORE_SQLITE;
}

/* ---- listeners --------------------------------------------------------- */

/* Nothing on plain UDP proves who a node is (D10). */
static void warn_if_public(const struct gw_config_listener *l)
{
    struct gw_interface interface[64];
    size_t n = gw_socket_interfaces(64, interface);
    char at[GW_SOCKET_TEXT_MAX];
    struct gw_addr found;

    if (gw_socket_public(&l->bind, l->interface, n, interface, &found))
        gw_warn("udp", "public_address",
                "listener=%s address=%s reason=\"reachable from the internet, "
                "and plain UDP proves nobody's identity; bind to a local "
                "address or filter the port\"",
                gw_log_text(l->name), gw_socket_text(&found, at));
}

static bool knows(void *user, const struct gw_addr *from)
{
    return gw_engine_knows(((struct gw_daemon *)user)->engine, from);
}

static enum mqttsn_status open_listeners(struct gw_daemon *d)
{
    const struct gw_udp_handlers handlers = {d, daemon_wake, knows};
    uint8_t seed[16];
    enum mqttsn_status status;

    if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        return MQTTSN_EIO;
    status = gw_udp_new(d->loop, &handlers, daemon_max_datagram(d->config),
                        seed, &d->udp);
    for (size_t i = 0;
         i < d->config->options.listener_count && status == MQTTSN_OK; i++) {
        const struct gw_config_listener *l = &d->config->listeners[i];

        status = gw_udp_listen(d->udp, &(struct gw_udp_listener){
                                           .name = l->name,
                                           .bind = l->bind,
                                           .interface = l->interface,
                                           .group = l->multicast,
                                           .hops = GROUP_HOPS,
                                           .receive_buffer = l->receive_buffer,
                                       });
        if (status == MQTTSN_OK)
            warn_if_public(l);
    }
    return status;
}

/* ---- the end ----------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    ((struct gw_daemon *)handle->data)->handles--;
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_store(struct gw_daemon *d)
{
    mqttsn_ms spent;

    uv_update_time(d->loop);
    spent = d->stop_began != 0 ? uv_now(d->loop) - d->stop_began : 0;
    d->store->ops->close(d->store, spent + STORE_MS < END_MS
                                       ? (unsigned)(END_MS - spent)
                                       : STORE_MS);
}

void daemon_close(struct gw_daemon *d)
{
    d->phase = CLOSING;
    gw_ctl_close(d->ctl);
    d->ctl = NULL;
    daemon_http_close(d);
    if (d->upstream != NULL)
        d->upstream->ops->free(d->upstream);
    d->upstream = NULL;
    gw_udp_close(d->udp);
    d->udp = NULL;
    if (d->store != NULL)
        close_store(d);
    else
        gw_disk_close(d->disk);
    d->store = NULL;
    d->disk = NULL;
    close_handle((uv_handle_t *)&d->turn);
    close_handle((uv_handle_t *)&d->more);
    close_handle((uv_handle_t *)&d->deadline);
    close_handle((uv_handle_t *)&d->patience);
    close_handle((uv_handle_t *)&d->beat);
    close_handle((uv_handle_t *)&d->status.timer);
    for (size_t i = 0; i < d->signal_count; i++)
        close_handle((uv_handle_t *)&d->signal[i]);
}

static void on_upstream_stopped(void *user, bool clean)
{
    struct gw_daemon *d = user;

    /* The last answers for the nodes. */
    daemon_pump(d);
    d->left_in_order = clean;
    if (clean || !d->link.connected)
        gw_info("daemon", "stopped", "after_ms=%llu broker_told=%s",
                (unsigned long long)(uv_now(d->loop) - d->stop_began),
                clean ? "yes" : "no");
    else
        gw_warn("daemon", "stopped",
                "after_ms=%llu broker_told=no reason=\"the broker did not take "
                "it in time; it will notice by itself\"",
                (unsigned long long)(uv_now(d->loop) - d->stop_began));

    /* Not from inside a callback of what is to be freed. */
    d->phase = LEFT;
    uv_idle_start(&d->more, daemon_on_more);
}

static void leave(struct gw_daemon *d)
{
    mqttsn_ms spent;

    if (d->phase >= LEAVING)
        return;
    d->phase = LEAVING;
    uv_timer_stop(&d->patience);
    uv_update_time(d->loop);
    spent = uv_now(d->loop) - d->stop_began;
    d->upstream->ops->stop(d->upstream,
                           spent < LEAVE_MS ? (unsigned)(LEAVE_MS - spent) : 1,
                           on_upstream_stopped, d);
}

void daemon_drained(struct gw_daemon *d)
{
    leave(d);
}

static void on_patience(uv_timer_t *patience)
{
    struct gw_daemon *d = patience->data;

    gw_warn("daemon", "stopping_late",
            "open=%llu reason=\"the broker has not acknowledged everything\"",
            (unsigned long long)d->upstream_open);
    leave(d);
}

void gw_daemon_stop(struct gw_daemon *d)
{
    if (d->phase != RUNNING)
        return;
    d->phase = DRAINING;
    d->stop_began = uv_now(d->loop);
    gw_info("daemon", "stopping", NULL);
    gw_supervisor_stopping();
    if (d->stopping != NULL)
        d->stopping(d->user);
    d->now = uv_now(d->loop);
    daemon_http_close(d);
    gw_udp_deafen(d->udp);
    if (d->store->ops->hurry != NULL)
        d->store->ops->hurry(d->store);
    daemon_feed_all(d);
    gw_engine_shutdown(d->engine, d->now);
    daemon_status_stopping(d);
    uv_timer_start(&d->patience, on_patience, DRAIN_MS, 0);
    daemon_wake(d);
    uv_idle_start(&d->more, daemon_on_more);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct gw_daemon *d = handle->data;

    /* Who asks a hundred times while it ends must not keep it from ending. */
    if (d->phase != RUNNING)
        return;
    if (number == SIGHUP)
        gw_daemon_reload(d);
    else if (number == SIGUSR1)
        daemon_log_counters(d);
    else
        gw_daemon_stop(d);
}

/* ---- the beginning ----------------------------------------------------- */

static enum mqttsn_status watch_signals(struct gw_daemon *d)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (uv_signal_init(d->loop, &d->signal[i]) != 0)
            return MQTTSN_EIO;
        d->signal[i].data = d;
        d->signal_count++;
        d->handles++;
        if (uv_signal_start(&d->signal[i], on_signal, numbers[i]) != 0)
            return MQTTSN_EIO;
    }
    return MQTTSN_OK;
}

static enum mqttsn_status make_engine(struct gw_daemon *d)
{
    struct gw_listener_options listeners[GW_LISTENERS_MAX];
    struct gw_options options;
    uint8_t seed[16];
    enum mqttsn_status status;

    if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        return MQTTSN_EIO;
    daemon_options(d, d->config, listeners, &options);
    status = gw_engine_new(&d->config->limits, &options, seed, uv_now(d->loop),
                           &d->engine);
    if (status != MQTTSN_OK)
        gw_err("daemon", "cannot_start", "reason=\"engine: %s\"",
               mqttsn_status_text(status));
    else
        daemon_crash_watch(d);
    return status;
}

static enum mqttsn_status start_upstream(struct gw_daemon *d)
{
    enum mqttsn_status status = MQTTSN_OK;

    if (d->upstream == NULL) {
        status = daemon_upstream_new(d->loop, d->config, NULL, &d->upstream);
        d->upstream_is_paho = status == MQTTSN_OK &&
                              d->config->options.mode == GW_MODE_AGGREGATING;
        d->upstream_is_nodes = status == MQTTSN_OK && !d->upstream_is_paho;
    }
    if (status == MQTTSN_OK) {
        d->upstream->wake = daemon_wake;
        d->upstream->user = d;
        status = d->upstream->ops->start(d->upstream);
    }
    if (status != MQTTSN_OK)
        gw_err("daemon", "cannot_start", "reason=\"upstream: %s\"",
               mqttsn_status_text(status));
    return status;
}

static void init_handles(struct gw_daemon *d)
{
    uv_check_init(d->loop, &d->turn);
    uv_idle_init(d->loop, &d->more);
    uv_timer_init(d->loop, &d->deadline);
    uv_timer_init(d->loop, &d->patience);
    uv_timer_init(d->loop, &d->beat);
    uv_timer_init(d->loop, &d->status.timer);
    d->turn.data = d->more.data = d->deadline.data = d;
    d->patience.data = d->beat.data = d->status.timer.data = d;
    d->handles = 6;
    d->armed_for = MQTTSN_NEVER;
}

/* What was made so far is given back; the caller's loop has nothing of ours
 * afterwards. */
static void undo(struct gw_daemon *d)
{
    d->config = NULL; /* the caller's still */
    daemon_close(d);
    while (d->handles > 0)
        uv_run(d->loop, UV_RUN_NOWAIT);
    (void)gw_daemon_free(d);
}

enum mqttsn_status gw_daemon_start(uv_loop_t *loop,
                                   const struct gw_daemon_setup *setup,
                                   struct gw_daemon **ret_daemon)
{
    struct gw_daemon *d = calloc(1, sizeof(*d));
    enum mqttsn_status status = MQTTSN_ENOSPACE;

    if (d == NULL) {
        if (setup->upstream != NULL)
            setup->upstream->ops->free(setup->upstream);
        return MQTTSN_ENOSPACE;
    }
    d->loop = loop;
    d->config = setup->config;
    d->sources = setup->sources;
    d->upstream = setup->upstream;
    d->stopping = setup->stopping;
    d->user = setup->user;
    d->link.since = uv_now(loop);
    init_handles(d);
    gw_version_log(d->config->name);

    d->upstream_buf = malloc(GW_UP_BUFFER);
    d->store_buf = malloc(GW_RECORD_MAX);
    if (d->upstream_buf == NULL || d->store_buf == NULL)
        goto fail;

    /* Listeners first: a port that is taken is what goes wrong most often, and
     * the engine is told the ports. */
    status = open_listeners(d);
    if (status == MQTTSN_OK)
        status = make_engine(d);
    if (status == MQTTSN_OK)
        status = daemon_store_new(d);
    if (status == MQTTSN_OK && setup->signals)
        status = watch_signals(d);
    if (status != MQTTSN_OK)
        goto fail;
    d->store->wake = daemon_wake;
    d->store->user = d;
    status = daemon_http_start(d);
    if (status == MQTTSN_OK)
        status = start_upstream(d);
    if (status != MQTTSN_OK)
        goto fail;

    daemon_trace_configured(d);
    daemon_ctl_start(d);
    uv_check_start(&d->turn, daemon_on_turn);
    uv_idle_start(&d->more, daemon_on_more);
    daemon_status_start(d);
    gw_info("daemon", "ready", "name=%s", gw_log_text(d->config->name));
    gw_supervisor_ready(&d->beat);
    *ret_daemon = d;
    return MQTTSN_OK;

fail:
    undo(d);
    return status;
}

void gw_daemon_bound(const struct gw_daemon *d, size_t listener,
                     struct gw_addr *ret_addr)
{
    gw_udp_bound(d->udp, listener, ret_addr);
}

bool gw_daemon_free(struct gw_daemon *d)
{
    bool in_order;

    if (d == NULL)
        return true;
    in_order = d->left_in_order;
    daemon_crash_watch(NULL);
    gw_engine_free(d->engine);
    gw_config_free(d->config);
    free(d->upstream_buf);
    free(d->store_buf);
    free(d);
    return in_order;
}
