/* SPDX-License-Identifier: MIT */
/* What mqttsn-ctl asks, and what becomes of it; docs/api.md describes it. */
#include "daemon_private.h"

#include <stdio.h>

#include "conf_keys.h"
#include "json.h"
#include "log.h"

struct answer {
    struct gw_daemon *d;
    const struct gw_ctl_request *request;
    char *buf;
    size_t cap;
    struct mqttsn_span *trace;
};

static bool is_word(struct mqttsn_span span, const char *word)
{
    return mqttsn_span_equal(span, mqttsn_span_text(word));
}

static struct mqttsn_span error(const struct answer *a, const char *code,
                                const char *words)
{
    return daemon_order_error(a->buf, a->cap, code, words);
}

/* Who changes something stands in the log, whatever its level is now. */
static void note(const struct answer *a, struct mqttsn_span argument)
{
    const struct gw_ctl_request *r = a->request;

    gw_log_write(GW_LOG_INFO, "ctl", "command", "command=%s%s%s uid=%u",
                 gw_log_value(r->word), argument.len != 0 ? " argument=" : "",
                 argument.len != 0 ? gw_log_value(argument) : "", r->uid);
}

static struct mqttsn_span do_trace(const struct answer *a)
{
    struct mqttsn_span client = a->request->argument,
                       whose =
                           client.len != 0 ? client : mqttsn_span_text("off");
    struct gw_json json;

    *a->trace = client;
    note(a, whose);
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(&json, "trace", whose);
    return gw_json_end(&json);
}

/* ---- reports ----------------------------------------------------------- */

static struct mqttsn_span do_report(const struct answer *a,
                                    enum gw_report report)
{
    const struct gw_ctl_request *r = a->request;
    struct gw_report_source source;
    struct gw_report_query query;
    struct mqttsn_span text;
    enum mqttsn_status status;

    gw_report_query_init(&query);
    query.client = r->argument;
    for (size_t i = 0; i < r->parameter_count; i++) {
        if (!gw_report_query_set(&query, r->parameters[i].key,
                                 r->parameters[i].value))
            return error(a, "bad_request",
                         "a parameter is unknown, or has no such value");
    }
    daemon_report_source(a->d, &source);
    status = gw_report_write(&source, report, &query, a->buf, a->cap, &text);
    if (status == MQTTSN_OK)
        return text;
    if (status == MQTTSN_ENOTFOUND)
        return error(a, "not_found", "there is no such client");
    return error(a, "bad_request",
                 status == MQTTSN_EINVAL ? "of which client?"
                                         : "it does not fit");
}

static struct mqttsn_span answer(void *user,
                                 const struct gw_ctl_request *request,
                                 char *buf, size_t cap,
                                 struct mqttsn_span *ret_trace)
{
    const struct answer a = {user, request, buf, cap, ret_trace};
    enum gw_report report = gw_report_named(request->word);
    enum daemon_order ended;
    struct mqttsn_span text;

    if (report != GW_REPORT_COUNT)
        return do_report(&a, report);
    if (is_word(request->word, "trace"))
        return do_trace(&a);
    ended =
        daemon_order(a.d, request->word, request->argument, buf, cap, &text);
    if (ended == DAEMON_ORDER_NONE)
        return error(&a, "bad_request", "there is no such request");
    if (ended == DAEMON_ORDER_DONE || ended == DAEMON_ORDER_FAILED)
        note(&a, request->argument);
    return text;
}

/* ---- life -------------------------------------------------------------- */

/* Nodes are served without it, too. */
void daemon_ctl_start(struct gw_daemon *d)
{
    const struct gw_config_ctl *config = &d->config->ctl;
    char why[GW_CTL_WHY_MAX] = "";
    enum mqttsn_status status;

    if (config->path == NULL)
        return;
    status = gw_ctl_open(d->loop,
                         &(struct gw_ctl_setup){.path = config->path,
                                                .group = config->group,
                                                .idle_ms = GW_CTL_IDLE_MS,
                                                .answer = answer,
                                                .user = d},
                         why, &d->ctl);
    if (status == MQTTSN_OK)
        gw_info("ctl", "listening", "path=%s", gw_log_text(config->path));
    else if (status == MQTTSN_ENOTFOUND &&
             strcmp(config->path, GW_CTL_PATH) == 0)
        gw_info("ctl", "off", "path=%s reason=\"there is no such directory\"",
                gw_log_text(config->path));
    else
        gw_warn("ctl", "cannot_listen", "path=%s reason=%s",
                gw_log_text(config->path), gw_log_text(why));
}
