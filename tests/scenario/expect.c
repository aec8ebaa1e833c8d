/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runner.h"

#include <string.h>

/* ---- what came out ----------------------------------------------------- */

static struct output *leftover(struct runner *r)
{
    for (size_t i = 0; i < r->world.output_count; i++) {
        struct output *out = r->world.outputs[i];

        if (!out->taken &&
            (out->kind == OUT_DATAGRAM || out->kind == OUT_UPSTREAM))
            return out;
    }
    return NULL;
}

void check_quiet(struct runner *r)
{
    struct output *out = leftover(r);
    char text[900];

    if (out == NULL)
        return;
    output_text(out, text, sizeof(text));
    world_fail(&r->world, "unexpected (at %.3f s): %s",
               (double)(out->at - r->origin) / 1000.0, text);
}

static void check_time(struct runner *r, const struct output *out)
{
    char text[900];

    if (r->loose || out->at == r->world.now)
        return;
    output_text(out, text, sizeof(text));
    world_fail(&r->world, "sent at %.3f s: %s",
               (double)(out->at - r->origin) / 1000.0, text);
}

void expect_datagram(struct runner *r, const struct statement *at,
                     const struct node *node)
{
    static struct sn_frame seen;
    struct octets want, got = {0};
    struct output *out = NULL;
    size_t first = 2;
    const char *hops;
    char text[WORLD_TEXT];

    if (node != NULL) {
        out = world_take(&r->world, OUT_DATAGRAM, node);
    } else {
        for (size_t i = 0; i < r->world.output_count && out == NULL; i++)
            if (r->world.outputs[i]->kind == OUT_DATAGRAM &&
                !r->world.outputs[i]->taken &&
                r->world.outputs[i]->datagram.target == GW_TO_GROUP)
                out = r->world.outputs[i];
        if (out != NULL)
            out->taken = true;
    }
    if (out == NULL)
        world_fail(&r->world, "it was sent nothing");
    check_time(r, out);
    if (node != NULL && (out->datagram.via.listener != node->via.listener))
        world_fail(&r->world, "it was sent from listener %u",
                   out->datagram.via.listener);
    if (node != NULL && node->wireless_len > 0) {
        if (!sn_unwrap(out->data, out->len, node->wireless, node->wireless_len,
                       &got))
            world_fail(&r->world, "not encapsulated for its node");
    } else {
        if (out->len > sizeof(got.data))
            world_fail(&r->world, "%zu octets", out->len);
        memcpy(got.data, out->data, got.len = out->len);
    }
    if (sn_unpack(got.data, got.len, &seen) != NULL)
        world_fail(&r->world, "%s", sn_unpack(got.data, got.len, &seen));
    if (at->count > 2 &&
        (hops = word_value(&at->words[2], "hops", NULL)) != NULL) {
        if (parse_number(at, hops) != out->datagram.radius)
            world_fail(&r->world, "its radius is %u", out->datagram.radius);
        first = 3;
    }
    want = message_of(&r->variables, at, first, &seen);
    if (want.len == got.len && memcmp(want.data, got.data, got.len) == 0)
        return;
    datagram_text(got.data, got.len, text, sizeof(text));
    world_fail(&r->world, "it was sent: %s", text);
}

static bool span_is(struct mqttsn_span span, const char *data, size_t len)
{
    return span.len == len && (len == 0 || memcmp(span.data, data, len) == 0);
}

/* Whether an upstream action is the one the words describe. */
static bool action_fits(struct runner *r, const struct statement *at,
                        const struct output *out)
{
    static const char *const kinds[] = {[GW_UP_PUBLISH] = "PUBLISH",
                                        [GW_UP_SUBSCRIBE] = "SUBSCRIBE",
                                        [GW_UP_UNSUBSCRIBE] = "UNSUBSCRIBE",
                                        [GW_UP_OPEN] = "OPEN",
                                        [GW_UP_CLOSE] = "CLOSE"};
    static char payload[SN_TAIL_MAX];
    size_t payload_len = 0;
    uint64_t qos = 0, retain = 0, link = 0, clean = 0, no_retained = 0,
             no_local = 0;
    const char *identifier = NULL;
    const char *value, *token = NULL, *will = "";
    bool open = out->up.kind == GW_UP_OPEN;

    if (at->count < 4)
        script_error(at, "up < KIND TOPIC ...");
    for (size_t i = 4; i < at->count; i++) {
        const struct word *word = &at->words[i];

        if (word->quoted)
            memcpy(payload, word->text, payload_len = word->len);
        else if ((value = word_value(word, "data", NULL)) != NULL)
            memset(payload, 'x', payload_len = (size_t)parse_number(at, value));
        else if ((value = word_value(word, "qos", NULL)) != NULL)
            qos = parse_number(at, value);
        else if ((value = word_value(word, "retain", NULL)) != NULL)
            retain = parse_number(at, value);
        else if ((value = word_value(word, "token", NULL)) != NULL)
            token = value;
        else if ((value = word_value(word, "link", NULL)) != NULL)
            link = parse_number(at, value);
        else if ((value = word_value(word, "clean", NULL)) != NULL)
            clean = parse_number(at, value);
        else if ((value = word_value(word, "id", NULL)) != NULL)
            identifier = value;
        else if ((value = word_value(word, "no_retained", NULL)) != NULL)
            no_retained = parse_number(at, value);
        else if ((value = word_value(word, "no_local", NULL)) != NULL)
            no_local = parse_number(at, value);
        else if ((value = word_value(word, "will", NULL)) != NULL)
            will = value;
        else
            script_error(at, "an action has no '%s'", word->text);
    }
    if (!word_is(&at->words[2], kinds[out->up.kind]) ||
        !span_is(open ? out->up.client_id : out->up.topic, at->words[3].text,
                 at->words[3].len) ||
        (open && !span_is(out->up.topic, will, strlen(will))) ||
        out->up.connection != link || out->up.clean != (clean != 0) ||
        !span_is(out->up.payload, payload, payload_len) ||
        (out->up.kind != GW_UP_UNSUBSCRIBE && out->up.qos != qos) ||
        out->up.retain != (retain != 0) ||
        out->up.no_retained != (no_retained != 0) ||
        out->up.no_local != (no_local != 0) ||
        (identifier == NULL && out->up.identifier != 0))
        return false;
    if (identifier != NULL) {
        uint64_t seen = out->up.identifier;

        if (seen == 0 ||
            variable_number(&r->variables, at, identifier, &seen) != seen)
            return false;
    }
    if (token != NULL)
        variable_number(&r->variables, at, token, &out->up.token);
    return true;
}

static void hand_over(struct runner *r, const struct statement *at,
                      const struct output *out)
{
    if (out->up.token == 0) {
        if (out->up.kind == GW_UP_SUBSCRIBE ||
            out->up.kind == GW_UP_UNSUBSCRIBE ||
            (out->up.kind == GW_UP_PUBLISH && out->up.qos > 0))
            world_fail(&r->world, "it has no token");
        return;
    }
    if (r->token_count == TOKENS_MAX)
        script_error(at, "too many open actions");
    r->tokens[r->token_count].token = out->up.token;
    r->tokens[r->token_count].owner = out->up.owner;
    r->tokens[r->token_count].item = out->up.item;
    r->tokens[r->token_count++].qos = out->up.qos;
}

void expect_action(struct runner *r, const struct statement *at)
{
    bool any = word_is(&at->words[1], "<any");
    struct output *out = NULL;
    char text[900];

    for (size_t i = 0; i < r->world.output_count; i++) {
        struct output *next = r->world.outputs[i];

        if (next->kind != OUT_UPSTREAM || next->taken)
            continue;
        out = next;
        if (action_fits(r, at, out)) {
            out->taken = true;
            check_time(r, out);
            hand_over(r, at, out);
            return;
        }
        if (!any)
            break;
    }
    if (out == NULL)
        world_fail(&r->world, "nothing was given to the broker side");
    output_text(out, text, sizeof(text));
    world_fail(&r->world, "it was given: %s", text);
}

void expect_note(struct runner *r, const struct statement *at, bool wanted)
{
    static const char *const names[] = {
#define NOTE_NAME(name, event, level) event,
        GW_NOTE_MAP(NOTE_NAME)
#undef NOTE_NAME
    };
    const char *value;

    if (at->count < 2)
        script_error(at, "note EVENT ...");
    for (size_t i = 0; i < r->world.output_count; i++) {
        struct output *out = r->world.outputs[i];
        bool fits = out->kind == OUT_NOTE && !out->taken &&
                    word_is(&at->words[1], names[out->note.kind]);

        for (size_t k = 2; fits && k < at->count; k++) {
            const struct word *word = &at->words[k];
            size_t len;

            if ((value = word_value(word, "topic", &len)) != NULL)
                fits =
                    span_is(mqttsn_span(out->note.topic, out->note.topic_len),
                            value, len);
            else if ((value = word_value(word, "value", NULL)) != NULL)
                fits = out->note.value == parse_number(at, value);
            else if ((value = word_value(word, "reason", NULL)) != NULL)
                fits = out->note.reason != NULL &&
                       strcmp(out->note.reason, value) == 0;
            else
                fits = span_is(
                    mqttsn_span(out->note.client_id, out->note.client_id_len),
                    word->text, word->len);
        }
        if (!fits)
            continue;
        if (!wanted)
            world_fail(&r->world, "there is such a note");
        out->taken = true;
        return;
    }
    if (wanted)
        world_fail(&r->world, "there is no such note");
}

/* ---- what the engine shows --------------------------------------------- */

static void expect_number(struct runner *r, const char *what, uint64_t want,
                          uint64_t got)
{
    if (want != got)
        world_fail(&r->world, "%s is %llu", what, (unsigned long long)got);
}

void expect_state(struct runner *r, const struct statement *at)
{
    struct gw_session_info info;
    bool there;

    if (at->count < 3)
        script_error(at, "state ID STATE ...");
    there = world_session(&r->world, at->words[1].text, &info);
    if (!there || word_is(&at->words[2], "none")) {
        if (there || !word_is(&at->words[2], "none"))
            world_fail(&r->world, "it is %s",
                       there ? state_name(info.state) : "none");
        return;
    }
    if (!word_is(&at->words[2], state_name(info.state)))
        world_fail(&r->world, "it is %s", state_name(info.state));
    for (size_t i = 3; i < at->count; i++) {
        const struct {
            const char *key;
            uint64_t value;
        } fields[] = {
            {"queue", info.queue_messages}, {"bytes", info.queue_bytes},
            {"topics", info.topics},        {"subs", info.subscriptions},
            {"duration", info.duration_s},  {"exchanges", info.exchanges},
            {"will", info.has_will},        {"clean", info.clean_session}};
        const char *value = NULL;

        for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
            if ((value = word_value(&at->words[i], fields[k].key, NULL)) !=
                NULL) {
                expect_number(r, fields[k].key, parse_number(at, value),
                              fields[k].value);
                break;
            }
        if (value == NULL)
            script_error(at, "a session has no '%s'", at->words[i].text);
    }
}

void expect_usage(struct runner *r, const struct statement *at)
{
    struct gw_usage u = world_usage(&r->world);
    const struct {
        const char *key;
        uint64_t value;
    } fields[] = {{"sessions", u.sessions},
                  {"topics", u.topics},
                  {"subscriptions", u.subscriptions},
                  {"filters", u.filters},
                  {"exchanges", u.exchanges},
                  {"queue_entries", u.queue_entries},
                  {"messages", u.messages},
                  {"replies", u.replies},
                  {"uplink_messages", u.uplink_messages},
                  {"uplink_bytes", u.uplink_bytes},
                  {"message_bytes", u.message_bytes},
                  {"connections", u.connections},
                  {"name_bytes", u.name_bytes}};
    size_t count = sizeof(fields) / sizeof(fields[0]);

    if (at->count == 2 && word_is(&at->words[1], "none")) {
        for (size_t k = 0; k < count; k++)
            expect_number(r, fields[k].key,
                          k + 1 == count ? r->names_at_start : 0,
                          fields[k].value);
        return;
    }
    for (size_t i = 1; i < at->count; i++) {
        const char *value = NULL;

        for (size_t k = 0; k < count && value == NULL; k++)
            if ((value = word_value(&at->words[i], fields[k].key, NULL)) !=
                NULL)
                expect_number(r, fields[k].key, parse_number(at, value),
                              fields[k].value);
        if (value == NULL)
            script_error(at, "usage has no '%s'", at->words[i].text);
    }
}

void expect_counter(struct runner *r, const struct statement *at)
{
    uint64_t value;

    if (at->count != 3)
        script_error(at, "count NAME N");
    if (!world_counter(&r->world, at->words[1].text, &value))
        script_error(at, "there is no counter '%s'", at->words[1].text);
    expect_number(r, at->words[1].text, parse_number(at, at->words[2].text),
                  value);
}
