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
    struct gw_json json;

    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(&json, "error", mqttsn_span_text(words));
    gw_json_text(&json, "code", mqttsn_span_text(code));
    return gw_json_end(&json);
}

static struct mqttsn_span no_such_client(const struct answer *a)
{
    return error(a, "not_found", "there is no such client");
}

/* Who changes something stands in the log. */
static void note(const struct answer *a)
{
    const struct gw_ctl_request *r = a->request;

    gw_info("ctl", "command", "command=%s%s%s uid=%u", gw_log_value(r->word),
            r->argument.len != 0 ? " argument=" : "",
            r->argument.len != 0 ? gw_log_value(r->argument) : "", r->uid);
}

/* ---- commands ---------------------------------------------------------- */

static struct mqttsn_span do_kick(const struct answer *a)
{
    struct mqttsn_span client = a->request->argument;
    struct gw_session_info info;
    struct gw_json json;

    if (!gw_engine_session(a->d->engine, client, &info))
        return no_such_client(a);
    if (!gw_engine_kick(a->d->engine, client, a->d->now))
        return error(a, "refused", "it is not connected");
    note(a);
    daemon_wake(a->d);
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(&json, "kicked", client);
    gw_json_text(&json, "was", mqttsn_span_text(gw_report_state(info.state)));
    return gw_json_end(&json);
}

static struct mqttsn_span do_purge(const struct answer *a)
{
    struct mqttsn_span client = a->request->argument;
    struct gw_session_info info;
    struct gw_json json;
    uint32_t dropped;

    if (!gw_engine_purge(a->d->engine, client, a->d->now, &dropped) ||
        !gw_engine_session(a->d->engine, client, &info))
        return no_such_client(a);
    note(a);
    daemon_wake(a->d);
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(&json, "purged", client);
    gw_json_number(&json, "messages", dropped);
    gw_json_number(&json, "left", info.queue_messages);
    return gw_json_end(&json);
}

static void add_problem(void *user, const struct gw_config_problem *problem)
{
    struct gw_json *json = user, before = *json;

    gw_json_open(json, NULL);
    gw_json_text(json, "level",
                 mqttsn_span_text(problem->warning ? "warning" : "error"));
    if (problem->file[0] != '\0')
        gw_json_text(json, "file", mqttsn_span_text(problem->file));
    if (problem->line != 0)
        gw_json_number(json, "line", problem->line);
    if (problem->key[0] != '\0')
        gw_json_text(json, "key", mqttsn_span_text(problem->key));
    gw_json_text(json, "text", mqttsn_span_text(problem->text));
    gw_json_close(json);
    (void)gw_json_keep(json, &before, GW_REPORT_MIN / 16);
}

static struct mqttsn_span do_reload(const struct answer *a)
{
    const char *why;
    struct gw_json json;

    note(a);
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_list(&json, "problems");
    why = daemon_reload(a->d, add_problem, &json);
    gw_json_list_end(&json);
    gw_json_bool(&json, "reloaded", why == NULL);
    if (why != NULL)
        gw_json_text(&json, "reason", mqttsn_span_text(why));
    return gw_json_end(&json);
}

/* Until the next reload, which has the configuration's. */
static struct mqttsn_span do_log(const struct answer *a)
{
    const struct conf_key *key = conf_key_find("log", "level", strlen("level"));
    const struct gw_config_log *log = &a->d->config->log;
    char word[16], level[16];
    struct gw_json json;
    bool later;
    int i;

    if (a->request->argument.len != 0) {
        snprintf(word, sizeof(word), "%.*s", (int)a->request->argument.len,
                 (const char *)a->request->argument.data);
        i = conf_word_index(key->words, word, &later);
        if (i < 0)
            return error(a, "bad_request",
                         "expected error, warn, info or debug");
        note(a);
        gw_log_configure((enum gw_log_level)i, log->format, log->output);
    }
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(
        &json, "level",
        mqttsn_span_text(conf_word(key->words, (uint64_t)gw_log_threshold,
                                   level, sizeof(level))));
    return gw_json_end(&json);
}

static struct mqttsn_span do_trace(const struct answer *a)
{
    struct mqttsn_span client = a->request->argument;
    struct gw_json json;
    bool off = client.len == 0;

    *a->trace = client;
    if (!off)
        note(a);
    gw_json_begin(&json, a->buf, a->cap);
    gw_json_text(&json, "trace", off ? mqttsn_span_text("off") : client);
    return gw_json_end(&json);
}

static const struct {
    const char *word;
    struct mqttsn_span (*act)(const struct answer *a);
    bool takes_argument, needs_argument;
} commands[] = {
    {"kick", do_kick, true, true},       {"purge", do_purge, true, true},
    {"reload", do_reload, false, false}, {"log", do_log, true, false},
    {"trace", do_trace, true, false},
};

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
        return no_such_client(a);
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

    a.d->now = uv_now(a.d->loop);
    if (report != GW_REPORT_COUNT)
        return do_report(&a, report);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        bool has = request->argument.len != 0;

        if (!is_word(request->word, commands[i].word))
            continue;
        if (a.d->phase != RUNNING)
            return error(&a, "refused", "the gateway is stopping");
        if ((has && !commands[i].takes_argument) ||
            (!has && commands[i].needs_argument))
            return error(&a, "bad_request",
                         has ? "it takes no argument" : "of which client?");
        return commands[i].act(&a);
    }
    return error(&a, "bad_request", "there is no such request");
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
