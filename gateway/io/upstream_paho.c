/* SPDX-License-Identifier: MIT */
#include "io/upstream_port.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "io/log.h"
#include "io/paho_reader.h"

/* The most that an earlier process can have left under way, too. */
#define WINDOW_MAX 1000

/* Paho reads these; each changes what it does behind our back. */
static const char *const unwanted[] = {
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "PAHO_C_CLIENT_USE_HTTP_PROXY",
    "MQTT_C_CLIENT_TRACE",
    "MQTT_C_CLIENT_TRACE_LEVEL",
    "MQTT_C_CLIENT_TRACE_MAX_LINES",
};

/* Ports whose thread would not end in time. They are left as they are, since
 * the thread, and Paho, may still use them; the process is about to end. */
static struct gw_paho_port *abandoned;
static pthread_mutex_t abandoned_lock = PTHREAD_MUTEX_INITIALIZER;

static struct gw_paho_port *port_of(struct gw_upstream *upstream)
{
    return (struct gw_paho_port *)upstream;
}

void gw_upstream_settings_default(struct gw_upstream_settings *ret_settings)
{
    static const struct gw_upstream_endpoint loopback = {.host = "127.0.0.1",
                                                         .port = 1883};

    *ret_settings = (struct gw_upstream_settings){
        .endpoints = &loopback,
        .endpoint_count = 1,
        .protocol = GW_PROTOCOL_3_1_1,
        .session_expiry_s = 7 * 24 * 3600,
        .keep_alive_s = 60,
        .connect_timeout_s = 10,
        .window = 50,
        .qos0_window = 200,
        .backoff_min_ms = 1000,
        .backoff_max_ms = 60000,
        .clean_first = true,
        .inbox_entries = 10000,
        .inbox_bytes = 8 * 1024 * 1024,
        .outbox_entries = 256,
        .outbox_bytes = 4 * 1024 * 1024,
    };
}

static bool valid(const struct gw_upstream_settings *settings)
{
    if (!settings->endpoints || settings->endpoint_count == 0 ||
        settings->endpoint_count > GW_UPSTREAM_ENDPOINTS_MAX)
        return false;
    for (size_t i = 0; i < settings->endpoint_count; i++)
        if (!settings->endpoints[i].host ||
            settings->endpoints[i].host[0] == '\0' ||
            strlen(settings->endpoints[i].host) > 255 ||
            settings->endpoints[i].port == 0 ||
            (settings->endpoints[i].tls && !settings->tls))
            return false;
    return settings->client_id && settings->client_id[0] != '\0' &&
           settings->session_expiry_s >= 1 &&
           settings->session_expiry_s <= INT32_MAX &&
           settings->keep_alive_s >= 5 && settings->keep_alive_s <= 65535 &&
           settings->connect_timeout_s >= 1 &&
           settings->connect_timeout_s <= 3600 && settings->window >= 1 &&
           settings->window <= WINDOW_MAX && settings->qos0_window >= 1 &&
           settings->qos0_window <= 5000 && settings->backoff_min_ms >= 1 &&
           settings->backoff_max_ms >= settings->backoff_min_ms &&
           settings->inbox_entries >= 1 && settings->inbox_bytes >= 1 &&
           settings->outbox_entries >= 1 && settings->outbox_bytes >= 1;
}

static void free_settings(struct gw_upstream_settings *settings)
{
    for (size_t i = 0; settings->endpoints && i < settings->endpoint_count;
         i++) {
        free((void *)(uintptr_t)settings->endpoints[i].host);
        free((void *)(uintptr_t)settings->endpoints[i].uri);
    }
    free((void *)(uintptr_t)settings->endpoints);
    free((void *)(uintptr_t)settings->gateway);
    free((void *)(uintptr_t)settings->client_id);
    free((void *)(uintptr_t)settings->will.topic);
    free((void *)(uintptr_t)settings->will.payload);
    free((void *)(uintptr_t)settings->username);
    free((void *)(uintptr_t)settings->password);
    free((void *)(uintptr_t)settings->proxy);
    free((void *)(uintptr_t)settings->proxy_for_tls);
}

static char *copy_text(const char *text, bool *ok)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        *ok = false;
    return copy;
}

static void *copy_octets(const struct gw_upstream_will *will, bool *ok)
{
    void *copy = will->payload_len > 0 ? malloc(will->payload_len) : NULL;

    if (copy)
        memcpy(copy, will->payload, will->payload_len);
    else
        *ok = *ok && will->payload_len == 0;
    return copy;
}

static bool copy_settings(struct gw_upstream_settings *to,
                          const struct gw_upstream_settings *from)
{
    struct gw_upstream_endpoint *endpoints =
        calloc(from->endpoint_count, sizeof(*endpoints));
    bool ok = endpoints != NULL;

    *to = *from;
    for (size_t i = 0; ok && i < from->endpoint_count; i++) {
        endpoints[i].host = copy_text(from->endpoints[i].host, &ok);
        endpoints[i].uri = copy_text(from->endpoints[i].uri, &ok);
        endpoints[i].port = from->endpoints[i].port;
        endpoints[i].tls = from->endpoints[i].tls;
    }
    to->endpoints = endpoints;
    to->gateway = copy_text(from->gateway, &ok);
    to->client_id = copy_text(from->client_id, &ok);
    to->username = copy_text(from->username, &ok);
    to->password = copy_text(from->password, &ok);
    to->proxy = copy_text(from->proxy, &ok);
    to->proxy_for_tls = copy_text(from->proxy_for_tls, &ok);
    to->will.topic = copy_text(from->will.topic, &ok);
    to->will.payload = copy_octets(&from->will, &ok);
    return ok;
}

/* ---- the operations; loop thread ------------------------------------ */

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

static void report_stopped(struct gw_paho_port *port, bool clean)
{
    port->stop_reported = true;
    gw_info("upstream", "stopped", "clean=%s", clean ? "yes" : "no");
    if (port->stop_timer) {
        uv_close((uv_handle_t *)port->stop_timer, on_handle_closed);
        port->stop_timer = NULL;
    }
    port->stopped(port->stopped_user, clean);
}

/* From the inbox: something happened on a thread. */
static void on_wake(void *user)
{
    struct gw_paho_port *port = user;
    bool finished = port->finished;

    if (finished && !port->joined) {
        pthread_join(port->thread, NULL);
        port->joined = true;
    }
    if (port->base.wake)
        port->base.wake(port->base.user);
    if (finished && port->stopped && !port->stop_reported)
        report_stopped(port, port->stopped_clean);
}

static enum mqttsn_status start_thread(struct gw_paho_port *port)
{
    sigset_t all;
    sigset_t old;
    int rc;

    /* Signals are the loop's; Paho's threads inherit this from ours. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&port->thread, NULL, gw_paho_thread, port);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? MQTTSN_OK : MQTTSN_EIO;
}

/* The loop is about to wait for input: what it submitted is complete. */
static void on_before_wait(uv_prepare_t *before_wait)
{
    struct gw_paho_port *port = before_wait->data;

    uv_prepare_stop(before_wait);
    gw_outbox_wake(&port->outbox);
}

static enum mqttsn_status start(struct gw_upstream *upstream)
{
    struct gw_paho_port *port = port_of(upstream);
    enum mqttsn_status status;

    assert(!port->started);
    status = gw_inbox_open(&port->inbox, port->loop, on_wake, port);
    if (status != MQTTSN_OK)
        return status;
    status = start_thread(port);
    if (status != MQTTSN_OK)
        gw_inbox_close(&port->inbox);
    port->started = status == MQTTSN_OK;
    if (port->started) {
        uv_prepare_init(port->loop, port->before_wait);
        port->before_wait->data = port;
    }
    if (port->replays)
        gw_inbox_signal(&port->inbox);
    return status;
}

static unsigned room(struct gw_upstream *upstream)
{
    struct gw_paho_port *port = port_of(upstream);

    return port->stopped ? 0 : gw_outbox_room(&port->outbox);
}

static enum mqttsn_status submit(struct gw_upstream *upstream,
                                 const struct gw_up_action *action)
{
    struct gw_paho_port *port = port_of(upstream);
    struct gw_up_action anonymous = *action;
    enum mqttsn_status status;

    if (port->stopped)
        return MQTTSN_ENOSPACE;
    if (action->kind == GW_UP_PUBLISH && !port->settings.gateway)
        anonymous.client.len = 0; /* nobody will ask */
    status = gw_outbox_put(&port->outbox, &anonymous, port->connections_taken);
    if (port->started && gw_outbox_wake_due(&port->outbox))
        uv_prepare_start(port->before_wait, on_before_wait);
    return status;
}

static bool take(struct gw_upstream *upstream, struct gw_up_event *ret_event)
{
    struct gw_paho_port *port = port_of(upstream);

    if (port->replays || port->replayed) {
        if (gw_paho_take_replay(port, ret_event))
            return true;
    }
    if (!gw_inbox_take(&port->inbox, ret_event))
        return false;
    if (ret_event->kind == GW_UP_CONNECTED)
        port->connections_taken++;
    return true;
}

static void on_stop_timer(uv_timer_t *timer)
{
    report_stopped(timer->data, false);
}

static void stop(struct gw_upstream *upstream, unsigned limit_ms,
                 void (*stopped)(void *user, bool clean), void *user)
{
    struct gw_paho_port *port = port_of(upstream);
    unsigned margin = limit_ms / 3 < 300 ? limit_ms / 3 : 300;

    assert(port->started && !port->stopped);
    port->stopped = stopped;
    port->stopped_user = user;
    uv_timer_init(port->loop, port->stop_timer);
    port->stop_timer->data = port;
    uv_update_time(port->loop);
    uv_timer_start(port->stop_timer, on_stop_timer, limit_ms, 0);
    /* A callback that waits for room would keep the thread out of Paho. */
    gw_inbox_stop_waiting(&port->inbox);
    port->flush_until = gw_paho_now() + limit_ms - margin;
    port->stop_wanted = true;
    gw_paho_wake(port);
}

static void free_tls(struct gw_paho_port *port)
{
    if (port->tls_is_ours)
        gw_paho_tls_free(port->tls);
}

static void close_eventfd(struct gw_paho_port *port)
{
    if (!port->of_many)
        close(port->wake_fd);
}

void gw_paho_port_free(struct gw_paho_port *port)
{
    gw_paho_reader_cancel(&port->inbox);
    gw_inbox_fini(&port->inbox);
    gw_outbox_fini(&port->outbox);
    gw_paho_table_fini(&port->table);
    gw_paho_free_replays(port);
    gw_paho_keep_free(port->keep);
    pthread_mutex_destroy(&port->lock);
    close_eventfd(port);
    free_settings(&port->settings);
    free_tls(port);
    free(port->stop_timer);
    free(port->before_wait);
    free(port);
}

static void abandon(struct gw_paho_port *port)
{
    pthread_detach(port->thread);
    pthread_mutex_lock(&abandoned_lock);
    port->next_abandoned = abandoned;
    abandoned = port;
    pthread_mutex_unlock(&abandoned_lock);
}

static void upstream_free(struct gw_upstream *upstream)
{
    struct gw_paho_port *port;

    if (!upstream)
        return;
    port = port_of(upstream);
    assert(!port->started || port->stop_reported);
    if (port->started) {
        gw_inbox_close(&port->inbox);
        uv_close((uv_handle_t *)port->before_wait, on_handle_closed);
        port->before_wait = NULL;
    }
    if (port->started && port->finished && !port->joined) {
        pthread_join(port->thread, NULL);
        port->joined = true;
    }
    if (!port->started || port->joined)
        gw_paho_port_free(port);
    else
        abandon(port);
}

static const struct gw_upstream_ops ops = {
    .start = start,
    .room = room,
    .submit = submit,
    .take = take,
    .stop = stop,
    .free = upstream_free,
};

/* ---- making one ----------------------------------------------------- */

static void on_room(void *user)
{
    struct gw_paho_port *port = user;

    gw_inbox_signal(&port->inbox);
}

static enum mqttsn_status init_crossings(struct gw_paho_port *port)
{
    const struct gw_upstream_settings *settings = &port->settings;
    struct gw_inbox_limits inbox = {
        .entries = settings->inbox_entries,
        .bytes = settings->inbox_bytes,
        .wait_ms = (mqttsn_ms)settings->keep_alive_s * 1000 / 2};
    struct gw_outbox_limits outbox = {.entries = settings->outbox_entries,
                                      .bytes = settings->outbox_bytes,
                                      .control = GW_PAHO_CONTROL_QUEUE};
    enum mqttsn_status status;

    status = gw_inbox_init(&port->inbox, &inbox);
    if (status != MQTTSN_OK)
        return status;
    gw_inbox_set_defer(&port->inbox, gw_paho_reader_defer);
    status =
        gw_outbox_init(&port->outbox, &outbox, port->wake_fd, on_room, port);
    if (status != MQTTSN_OK)
        goto fail_inbox;
    status = gw_paho_table_init(
        &port->table,
        settings->window + settings->qos0_window + GW_PAHO_CONTROL_WINDOW +
            2 * (port->of_many ? GW_PAHO_STALE_MAX_NODE : GW_PAHO_STALE_MAX) +
            (settings->journal ? WINDOW_MAX : 0),
        port);
    if (status != MQTTSN_OK)
        goto fail_outbox;
    if (pthread_mutex_init(&port->lock, NULL) == 0)
        return MQTTSN_OK;
    status = MQTTSN_EIO;

    gw_paho_table_fini(&port->table);
fail_outbox:
    gw_outbox_fini(&port->outbox);
fail_inbox:
    gw_inbox_fini(&port->inbox);
    return status;
}

/*
 * Before the first handle is made, and once, for it makes Paho's locks anew.
 * Paho would initialize OpenSSL with that handle, which takes 1.4 MiB, also
 * where nothing is encrypted; OpenSSL since 1.1 does that by itself when it is
 * first used. And it would make a line of text of each packet and keep the last
 * 400, for a trace that nobody here can ask for; of errors it does so still.
 */
static void init_paho(void)
{
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;

    MQTTAsync_global_init(&options);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
}

static void prepare_paho(void)
{
    static pthread_once_t done = PTHREAD_ONCE_INIT;

    /* Of Paho's threads none runs when there is anything to remove. */
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        unsetenv(unwanted[i]);
    pthread_once(&done, init_paho);
}

enum mqttsn_status gw_paho_port_new(uv_loop_t *loop,
                                    const struct gw_upstream_settings *settings,
                                    int wake_fd, struct gw_paho_tls *tls,
                                    struct gw_paho_port **ret_port)
{
    enum mqttsn_status status = MQTTSN_ENOSPACE;
    struct gw_paho_port *port;
    uint64_t seed;

    if (!valid(settings))
        return MQTTSN_EINVAL;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        return MQTTSN_EIO;
    prepare_paho();

    port = calloc(1, sizeof(*port));
    if (!port)
        return MQTTSN_ENOSPACE;
    port->base.ops = &ops;
    port->loop = loop;
    port->replays_tail = &port->replays;
    port->handle_endpoint = GW_ENDPOINT_NONE;
    port->session_endpoint = GW_ENDPOINT_NONE;
    port->any_session = !settings->clean_first;
    gw_backoff_init(&port->backoff, settings->backoff_min_ms,
                    settings->backoff_max_ms, seed);
    /* Made now: stopping must not depend on memory. */
    port->stop_timer = calloc(1, sizeof(*port->stop_timer));
    port->before_wait = calloc(1, sizeof(*port->before_wait));
    if (!port->stop_timer || !port->before_wait ||
        !copy_settings(&port->settings, settings))
        goto fail_settings;
    port->tls = tls;
    if (settings->tls && !tls) {
        status = gw_paho_tls_new(settings->tls, &port->tls);
        if (status != MQTTSN_OK)
            goto fail_settings;
        port->tls_is_ours = true;
        gw_tls_use(settings->tls);
    }
    status = MQTTSN_EIO;
    port->of_many = wake_fd != -1;
    port->wake_fd =
        port->of_many ? wake_fd : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (port->wake_fd < 0)
        goto fail_settings;
    if (settings->journal) {
        status = gw_paho_keep_new(settings->journal, &port->keep);
        if (status != MQTTSN_OK)
            goto fail_eventfd;
    }
    status = init_crossings(port);
    if (status != MQTTSN_OK)
        goto fail_keep;
    *ret_port = port;
    return MQTTSN_OK;

fail_keep:
    gw_paho_keep_free(port->keep);
fail_eventfd:
    close_eventfd(port);
fail_settings:
    free_settings(&port->settings);
    free_tls(port);
    free(port->stop_timer);
    free(port->before_wait);
    free(port);
    return status;
}

enum mqttsn_status
gw_upstream_paho_new(uv_loop_t *loop,
                     const struct gw_upstream_settings *settings,
                     struct gw_upstream **ret_upstream)
{
    struct gw_paho_port *port;
    enum mqttsn_status status =
        gw_paho_port_new(loop, settings, -1, NULL, &port);

    if (status == MQTTSN_OK)
        *ret_upstream = &port->base;
    return status;
}

void gw_upstream_paho_stats(const struct gw_upstream *upstream,
                            struct gw_upstream_paho_stats *ret_stats)
{
    struct gw_paho_port *port =
        port_of((struct gw_upstream *)(uintptr_t)upstream);

    *ret_stats = (struct gw_upstream_paho_stats){
        .connects = port->connects,
        .connect_us = port->connect_us,
        .outstanding_max = port->outstanding_max,
        .endpoint = port->announced_endpoint};
    gw_inbox_counts(&port->inbox, &ret_stats->inbox_dropped,
                    &ret_stats->inbox_waits);
    if (port->keep)
        gw_paho_keep_stats(port->keep, &ret_stats->keep);
}

/* ---- which Paho it is ----------------------------------------------- */

const char *gw_upstream_paho_version(void)
{
    const MQTTAsync_nameValue *info = MQTTAsync_getVersionInfo();

    for (; info && info->name; info++)
        if (strcmp(info->name, "Version") == 0)
            return info->value;
    return "unknown";
}

/* Exported by builds with heap tracking, though in no public header. */
struct paho_heap_info {
    size_t current_size;
    size_t max_size;
};
extern struct paho_heap_info *Heap_get_info(void) __attribute__((weak));

/*
 * Paho's version information does not tell, so it is tried out: with tracking
 * on, what a handle takes is counted.
 */
const char *gw_upstream_paho_heap_tracking(void)
{
    MQTTAsync handle;
    bool counted;

    prepare_paho();
    if (!Heap_get_info || MQTTAsync_create(&handle, "tcp://127.0.0.1:1",
                                           "probe", MQTTCLIENT_PERSISTENCE_NONE,
                                           NULL) != MQTTASYNC_SUCCESS)
        return "unknown";
    counted = Heap_get_info()->current_size > 0;
    MQTTAsync_destroy(&handle);
    return counted ? "yes" : "no";
}
