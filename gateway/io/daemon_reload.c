/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include <stdio.h>

#include "log.h"
#include "supervisor.h"

void gw_daemon_log_problem(const struct gw_config_problem *problem,
                           const char *event)
{
    char where[4 * GW_LOG_VALUE_MAX] = "", line[24] = "";

    if (problem->file[0] != '\0')
        snprintf(where, sizeof(where), "file=%s ", gw_log_text(problem->file));
    if (problem->line != 0)
        snprintf(line, sizeof(line), "line=%u ", problem->line);
    gw_log_at(problem->warning ? GW_LOG_WARN : GW_LOG_ERROR, "config", event,
              "%s%s%s%s%sreason=%s", where, line,
              problem->key[0] != '\0' ? "key=" : "",
              problem->key[0] != '\0' ? gw_log_text(problem->key) : "",
              problem->key[0] != '\0' ? " " : "", gw_log_text(problem->text));
}

struct listener {
    gw_config_report *also;
    void *user;
};

static void report(void *user, const struct gw_config_problem *problem)
{
    const struct listener *listener = user;

    gw_daemon_log_problem(problem,
                          problem->warning ? "reload_warning" : "reload_error");
    if (listener->also != NULL)
        listener->also(listener->user, problem);
}

static const char *kept_the_old(struct gw_daemon *d, const char *reason)
{
    gw_events_say(&d->events, GW_EVENT_RELOAD_FAILED, uv_now(d->loop));
    gw_err("config", "reload_failed", "reason=%s", gw_log_text(reason));
    return reason;
}

/* All that may fail is done before anything changes that would have to be
 * changed back. */
static const char *reload(struct gw_daemon *d, struct listener *listener)
{
    struct gw_listener_options listeners[GW_LISTENERS_MAX];
    uint32_t before = daemon_max_datagram(d->config);
    struct gw_options options;
    struct gw_config *config, *old;
    enum mqttsn_status status;

    status = gw_config_reload(d->config, d->sources, report, listener, &config);
    if (status != MQTTSN_OK) {
        return kept_the_old(d, status == MQTTSN_ENOSPACE
                                   ? "no memory for it; nothing has changed"
                                   : "the new configuration has the errors "
                                     "above; nothing has changed");
    }

    /* The pool for datagrams can change its size only while it is empty. */
    d->now = uv_now(d->loop);
    daemon_feed_all(d);
    status = gw_udp_resize(d->udp, daemon_max_datagram(config));
    if (status == MQTTSN_OK) {
        daemon_options(d, config, listeners, &options);
        status = gw_engine_reconfigure(d->engine, &options, d->now);
        if (status != MQTTSN_OK && gw_udp_resize(d->udp, before) != MQTTSN_OK)
            gw_warn("config", "reload_left",
                    "reason=\"datagrams of the new size are still read\"");
    }
    if (status != MQTTSN_OK) {
        gw_config_free(config);
        return kept_the_old(d, status == MQTTSN_ENOSPACE
                                   ? "no room for it within the limits in "
                                     "force; nothing has changed"
                                   : "the engine does not take it; nothing "
                                     "has changed");
    }
    gw_log_configure(config->log.level, config->log.format, config->log.output);
    old = d->config;
    d->config = config;
    daemon_http_reloaded(d);
    daemon_trace_configured(d);
    gw_config_free(old);
    gw_info("config", "reloaded", NULL);
    gw_events_say(&d->events, GW_EVENT_RELOADED, d->now);
    daemon_wake(d);
    return NULL;
}

const char *daemon_reload(struct gw_daemon *d, gw_config_report *also,
                          void *user)
{
    const char *why;

    if (d->sources == NULL || d->phase != RUNNING)
        return "there is nothing to read, or the gateway is stopping";
    gw_supervisor_reloading();
    why = reload(d, &(struct listener){also, user});
    gw_supervisor_reloaded();
    return why;
}

void gw_daemon_reload(struct gw_daemon *d)
{
    (void)daemon_reload(d, NULL, NULL);
}
