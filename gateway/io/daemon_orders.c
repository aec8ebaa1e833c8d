/* SPDX-License-Identifier: MIT */
/* What an operator may order, however he asks; docs/api.md describes it. */
#include "daemon_private.h"

#include <stdio.h>

#include "conf_keys.h"
#include "json.h"

struct order {
    struct gw_daemon *d;
    struct mqttsn_span argument;
    char *buf;
    size_t cap;
    struct mqttsn_span *text; /* to be written */
};

struct mqttsn_span daemon_order_error(char *buf, size_t cap, const char *code,
                                      const char *words)
{
    struct gw_json json;

    gw_json_begin(&json, buf, cap);
    gw_json_text(&json, "error", mqttsn_span_text(words));
    gw_json_text(&json, "code", mqttsn_span_text(code));
    return gw_json_end(&json);
}

static enum daemon_order no_such_client(const struct order *o)
{
    *o->text = daemon_order_error(o->buf, o->cap, "not_found",
                                  "there is no such client");
    return DAEMON_ORDER_NOT_FOUND;
}

static enum daemon_order refused(const struct order *o, const char *words)
{
    *o->text = daemon_order_error(o->buf, o->cap, "refused", words);
    return DAEMON_ORDER_REFUSED;
}

static enum daemon_order bad(const struct order *o, const char *words)
{
    *o->text = daemon_order_error(o->buf, o->cap, "bad_request", words);
    return DAEMON_ORDER_BAD;
}

static enum daemon_order do_kick(const struct order *o)
{
    struct mqttsn_span client = o->argument;
    struct gw_session_info info;
    enum mqttsn_status status;
    struct gw_json json;

    if (!gw_engine_session(o->d->engine, client, &info))
        return no_such_client(o);
    status = gw_engine_kick(o->d->engine, client, o->d->now);
    if (status != MQTTSN_OK)
        return refused(o, status == MQTTSN_ENOSPACE
                              ? "the store is behind; try again"
                              : "it is not connected");
    daemon_wake(o->d);
    gw_json_begin(&json, o->buf, o->cap);
    gw_json_text(&json, "kicked", client);
    gw_json_text(&json, "was", mqttsn_span_text(gw_report_state(info.state)));
    *o->text = gw_json_end(&json);
    return DAEMON_ORDER_DONE;
}

static enum daemon_order do_purge(const struct order *o)
{
    struct mqttsn_span client = o->argument;
    struct gw_session_info info;
    struct gw_json json;
    uint32_t dropped;

    if (!gw_engine_purge(o->d->engine, client, o->d->now, &dropped) ||
        !gw_engine_session(o->d->engine, client, &info))
        return no_such_client(o);
    daemon_wake(o->d);
    gw_json_begin(&json, o->buf, o->cap);
    gw_json_text(&json, "purged", client);
    gw_json_number(&json, "messages", dropped);
    gw_json_number(&json, "left", info.queue_messages);
    *o->text = gw_json_end(&json);
    return DAEMON_ORDER_DONE;
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

static enum daemon_order do_reload(const struct order *o)
{
    const char *why;
    struct gw_json json;

    gw_json_begin(&json, o->buf, o->cap);
    gw_json_list(&json, "problems");
    why = daemon_reload(o->d, add_problem, &json);
    gw_json_list_end(&json);
    gw_json_bool(&json, "reloaded", why == NULL);
    if (why != NULL)
        gw_json_text(&json, "reason", mqttsn_span_text(why));
    *o->text = gw_json_end(&json);
    return why == NULL ? DAEMON_ORDER_DONE : DAEMON_ORDER_FAILED;
}

/* Until the next reload, which has the configuration's. */
static enum daemon_order do_log(const struct order *o)
{
    const struct conf_key *key = conf_key_find("log", "level", strlen("level"));
    const struct gw_config_log *log = &o->d->config->log;
    char word[16], level[16];
    struct gw_json json;
    int i;

    if (o->argument.len != 0) {
        snprintf(word, sizeof(word), "%.*s", (int)o->argument.len,
                 (const char *)o->argument.data);
        i = conf_word_index(key->words, word);
        if (i < 0)
            return bad(o, "expected error, warn, info or debug");
        gw_log_configure((enum gw_log_level)i, log->format, log->output);
    }
    gw_json_begin(&json, o->buf, o->cap);
    gw_json_text(
        &json, "level",
        mqttsn_span_text(conf_word(key->words, (uint64_t)gw_log_threshold,
                                   level, sizeof(level))));
    *o->text = gw_json_end(&json);
    return o->argument.len != 0 ? DAEMON_ORDER_DONE : DAEMON_ORDER_TOLD;
}

enum daemon_order daemon_order(struct gw_daemon *d, struct mqttsn_span word,
                               struct mqttsn_span argument, char *buf,
                               size_t cap, struct mqttsn_span *ret_text)
{
    static const struct {
        const char *word;
        enum daemon_order (*act)(const struct order *o);
        bool takes_argument, needs_argument;
    } orders[] = {{"kick", do_kick, true, true},
                  {"purge", do_purge, true, true},
                  {"reload", do_reload, false, false},
                  {"log", do_log, true, false}};
    const struct order o = {d, argument, buf, cap, ret_text};
    bool has = argument.len != 0;

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (!mqttsn_span_equal(word, mqttsn_span_text(orders[i].word)))
            continue;
        if (d->phase != RUNNING)
            return refused(&o, "the gateway is stopping");
        if (has && !orders[i].takes_argument)
            return bad(&o, "it takes no argument");
        if (!has && orders[i].needs_argument)
            return bad(&o, "of which client?");
        d->now = uv_now(d->loop);
        return orders[i].act(&o);
    }
    return DAEMON_ORDER_NONE;
}
