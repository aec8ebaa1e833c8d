/* SPDX-License-Identifier: MIT */
/*
 * run.c - replays one scenario against the engine.
 *
 *   at 40s / after 5s      move the clock; 0 is the start
 *   n1 > MESSAGE           the node sends (message.h)
 *   n1 < MESSAGE           it was sent exactly this, next and now
 *   group < [hops=3] MESSAGE   the same, to the listener's multicast group
 *   up < PUBLISH a/b qos=1 retain=0 "x" [token=$t]
 *   up < SUBSCRIBE a/+ qos=2       up < UNSUBSCRIBE a/+
 *   up <any ...            not necessarily the next one
 *   up > done|rejected|quota|unsent [qos=1] [token=$t]     of the oldest
 *   up > PUBLISH a/b qos=1 retain=0 "x"|data=N [expiry=T] [answer=1] [for=$i]
 *   up > connected session=0 [receive_maximum=N] [version=5]
 *   up > lost|unreachable|denied
 *   up < OPEN n1 link=1 [clean=1] [will=T qos=1 retain=1 "x"]    up < CLOSE ""
 *   up > closed            what is of a node's own connection has link=N
 *   nothing                no datagram and no upstream action is left
 *   note EVENT [CLIENT] [topic=] [reason=] [value=]        no-note EVENT
 *   count NAME N           the counter stands at N
 *   state ID asleep|...|none [queue= topics= subs= duration= exchanges= will=
 *                             clean=]
 *   usage sessions=0 ...   usage none: every table is as at the start
 *   store hold|go|one|last|spoil|backwards|fail|ok
 *   block|unblock net|up|data|store
 *   node NAME IP:PORT [wireless=0a01] [listener=1]
 *   restart [held] [prefix=P]   the engine is dropped and restored from the
 *                          store; held: what the broker side had not answered,
 *                          it still has, and answers later; prefix: with
 *                          another topic_prefix, "none" for none
 *   say TOPIC "x" [retain=1] [refused]   a word of the gateway's own
 *   shutdown               time loose|strict
 *
 * Before each input, and before the clock moves, everything that was sent must
 * have been expected; and it must have been sent at the time of the line. n1,
 * n2, ... are nodes without being declared.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "settings.h"

/* What is being carried out, for failures that are found deep inside. */
static const struct statement *current;

static void on_fail(const char *message)
{
    (void)message; /* the world has printed it */
    fprintf(stderr, "%s:%u: in \"", current->file, current->line);
    for (size_t i = 0; i < current->count; i++)
        fprintf(stderr, "%s%s", i > 0 ? " " : "", current->words[i].text);
    fprintf(stderr, "\"\n");
    exit(1);
}

static void start(struct runner *r)
{
    if (r->world.engine != NULL)
        return;
    world_start(&r->world);
    r->names_at_start = world_usage(&r->world).name_bytes;
}

static struct node *find_node(struct runner *r, const struct statement *at,
                              const char *name)
{
    char *end;
    unsigned long k;

    for (size_t i = 0; i < r->node_count; i++)
        if (strcmp(r->nodes[i].name, name) == 0)
            return &r->nodes[i].node;
    k = strtoul(name + 1, &end, 10);
    if (name[0] != 'n' || *end != '\0' || k == 0 || k > 60000)
        script_error(at, "'%s' is no statement and no node", name);
    if (r->node_count == NODES_MAX)
        script_error(at, "too many nodes");
    snprintf(r->nodes[r->node_count].name, sizeof(r->nodes[0].name), "%s",
             name);
    r->nodes[r->node_count].node = world_node((unsigned)k);
    return &r->nodes[r->node_count++].node;
}

static void declare_node(struct runner *r, const struct statement *at)
{
    struct node node;
    char ip[64];
    char *colon;

    if (at->count < 3 || r->node_count == NODES_MAX)
        script_error(at, "node NAME IP:PORT [wireless=HEX] [listener=N]");
    snprintf(ip, sizeof(ip), "%s", at->words[2].text);
    colon = strrchr(ip, ':');
    if (colon == NULL)
        script_error(at, "'%s' has no port", ip);
    *colon = '\0';
    node = world_node_at(ip, (uint16_t)parse_number(at, colon + 1));
    for (size_t i = 3; i < at->count; i++) {
        const char *value;

        if ((value = word_value(&at->words[i], "wireless", NULL)) != NULL)
            node.wireless_len =
                parse_hex(at, value, node.wireless, sizeof(node.wireless));
        else if ((value = word_value(&at->words[i], "listener", NULL)) != NULL)
            node.via.listener = (uint16_t)parse_number(at, value);
        else if ((value = word_value(&at->words[i], "multicast", NULL)) != NULL)
            node.via.multicast = parse_number(at, value) != 0;
        else
            script_error(at, "a node has no '%s'", at->words[i].text);
    }
    snprintf(r->nodes[r->node_count].name, sizeof(r->nodes[0].name), "%s",
             at->words[1].text);
    r->nodes[r->node_count++].node = node;
}

/* ---- the broker side --------------------------------------------------- */

static void send_result(struct runner *r, const struct statement *at,
                        enum gw_up_outcome outcome)
{
    const char *value;
    uint64_t token;
    size_t which = 0;
    uint8_t qos;

    for (size_t i = 3; i < at->count; i++)
        if ((value = word_value(&at->words[i], "token", NULL)) != NULL) {
            token = variable_number(&r->variables, at, value, NULL);
            while (which < r->token_count && r->tokens[which].token != token)
                which++;
        }
    if (which >= r->token_count)
        script_error(at, "no such action is open");
    token = r->tokens[which].token;
    qos = r->tokens[which].qos;
    for (size_t i = 3; i < at->count; i++)
        if ((value = word_value(&at->words[i], "qos", NULL)) != NULL)
            qos = (uint8_t)parse_number(at, value);
    r->token_count--;
    memmove(&r->tokens[which], &r->tokens[which + 1],
            (r->token_count - which) * sizeof(r->tokens[0]));
    world_result(&r->world, token, outcome, qos);
}

/* What MQTT 5 adds to a message. False: the word is another one. */
static bool message_property(struct runner *r, const struct statement *at,
                             const struct word *word, struct gw_up_event *event)
{
    const char *value;

    if (word->quoted)
        return false;
    if ((value = word_value(word, "expiry", NULL)) != NULL)
        event->message.expiry = parse_time(at, value);
    else if ((value = word_value(word, "answer", NULL)) != NULL)
        event->message.wants_answer = parse_number(at, value) != 0;
    else if ((value = word_value(word, "for", NULL)) != NULL &&
             event->message.identifier_count < GW_UP_IDENTIFIERS_MAX)
        event->message.identifiers[event->message.identifier_count++] =
            (uint32_t)variable_number(&r->variables, at, value, NULL);
    else
        return false;
    return true;
}

static void broker_message(struct runner *r, const struct statement *at)
{
    static char payload[65536];
    size_t len = 0;
    uint8_t qos = 0;
    bool retain = false;
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};
    const char *value;

    if (at->count < 4)
        script_error(at, "up > PUBLISH TOPIC ...");
    for (size_t i = 4; i < at->count; i++) {
        const struct word *word = &at->words[i];

        if (message_property(r, at, word, &event))
            continue;
        if (word->quoted)
            memcpy(payload, word->text, len = word->len);
        else if ((value = word_value(word, "data", NULL)) != NULL)
            memset(payload, 'x', len = (size_t)parse_number(at, value));
        else if ((value = word_value(word, "qos", NULL)) != NULL)
            qos = (uint8_t)parse_number(at, value);
        else if ((value = word_value(word, "retain", NULL)) != NULL)
            retain = parse_number(at, value) != 0;
        else if (word_value(word, "link", NULL) == NULL)
            script_error(at, "a message has no '%s'", word->text);
    }
    event.message.topic = mqttsn_span_text(at->words[3].text);
    event.message.payload = mqttsn_span((const uint8_t *)payload, len);
    event.message.qos = qos;
    event.message.retain = retain;
    world_message_event(&r->world, &event);
}

static void broker_side(struct runner *r, const struct statement *at)
{
    const struct word *what = &at->words[2];
    const char *value;

    r->world.link = 0;
    for (size_t i = 3; i < at->count; i++)
        if ((value = word_value(&at->words[i], "link", NULL)) != NULL)
            r->world.link = (uint32_t)parse_number(at, value);
    if (word_is(what, "PUBLISH")) {
        broker_message(r, at);
    } else if (word_is(what, "connected")) {
        struct gw_up_event event = {.kind = GW_UP_CONNECTED,
                                    .connection = r->world.link};

        for (size_t i = 3; i < at->count; i++)
            if ((value = word_value(&at->words[i], "session", NULL)) != NULL)
                event.connected.session_present = parse_number(at, value) != 0;
            else if ((value = word_value(&at->words[i], "receive_maximum",
                                         NULL)) != NULL)
                event.connected.receive_maximum =
                    (uint16_t)parse_number(at, value);
            else if ((value = word_value(&at->words[i], "version", NULL)) !=
                     NULL)
                event.connected.identifiers = event.connected.retain_options =
                    parse_number(at, value) == 5;
        world_trace(&r->world, "up > connected session=%d",
                    event.connected.session_present);
        gw_engine_on_upstream(r->world.engine, &event, r->world.now);
        world_pump(&r->world);
    } else if (word_is(what, "lost")) {
        world_event(&r->world, GW_UP_LOST);
    } else if (word_is(what, "unreachable")) {
        world_event(&r->world, GW_UP_UNREACHABLE);
    } else if (word_is(what, "denied")) {
        world_event(&r->world, GW_UP_DENIED);
    } else if (word_is(what, "closed")) {
        world_event(&r->world, GW_UP_CLOSED);
    } else if (word_is(what, "done")) {
        send_result(r, at, GW_UP_DONE);
    } else if (word_is(what, "rejected")) {
        send_result(r, at, GW_UP_REJECTED);
    } else if (word_is(what, "quota")) {
        send_result(r, at, GW_UP_QUOTA);
    } else if (word_is(what, "unsent")) {
        send_result(r, at, GW_UP_UNSENT);
    } else {
        script_error(at, "the broker side cannot '%s'", what->text);
    }
}

/* ---- the store and the sinks ------------------------------------------- */

static void store_line(struct runner *r, const struct statement *at)
{
    struct world *w = &r->world;
    const struct word *what = &at->words[1];

    if (word_is(what, "hold")) {
        w->store_mode = STORE_HELD;
    } else if (word_is(what, "ok")) {
        w->store_fails = false;
    } else if (word_is(what, "fail")) {
        w->store_fails = true;
    } else if (word_is(what, "one") || word_is(what, "last") ||
               word_is(what, "spoil")) {
        if (w->waiting_count == 0)
            world_fail(w, "no operation waits");
        /* 'spoil': the last of them cannot be stored. */
        world_stored(w, word_is(what, "one") ? 0 : w->waiting_count - 1,
                     !word_is(what, "spoil"));
    } else if (word_is(what, "backwards")) {
        while (w->waiting_count > 0)
            world_stored(w, w->waiting_count - 1, true);
    } else if (word_is(what, "go")) {
        w->store_mode = STORE_NEXT_TURN;
    } else {
        script_error(at, "store hold|go|one|last|spoil|backwards|fail|ok");
    }
    world_pump(w);
}

static void block_line(struct runner *r, const struct statement *at, bool on)
{
    struct world *w = &r->world;
    const struct word *what = &at->words[1];
    unsigned sink = 0;

    if (word_is(what, "net"))
        sink = SINK_DATAGRAM;
    else if (word_is(what, "up"))
        sink = SINK_UPSTREAM;
    else if (word_is(what, "store"))
        sink = SINK_STORE;
    else if (word_is(what, "data"))
        w->up_classes = on ? GW_UP_CONTROL : GW_UP_CONTROL | GW_UP_DATA;
    else
        script_error(at, "block net|up|data|store");
    w->blocked = on ? w->blocked | sink : w->blocked & ~sink;
    world_pump(w);
}

/* ---- one line after the other ------------------------------------------ */

static void move_clock(struct runner *r, const struct statement *at)
{
    mqttsn_ms to = parse_time(at, at->words[1].text);

    check_quiet(r);
    to += word_is(&at->words[0], "at") ? r->origin : r->world.now;
    if (to < r->world.now)
        script_error(at, "time runs backwards");
    world_until(&r->world, to);
}

/* A word too many is most often one blank too few. */
static void check_words(const struct statement *at)
{
    static const struct {
        const char *name;
        size_t count;
    } rows[] = {{"nothing", 1}, {"shutdown", 1}, {"store", 2}, {"block", 2},
                {"unblock", 2}, {"time", 2},     {"at", 2},    {"after", 2}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (word_is(&at->words[0], rows[i].name) && at->count != rows[i].count)
            script_error(at,
                         "'%s' takes %zu words; statements are parted by "
                         "two blanks",
                         rows[i].name, rows[i].count - 1);
}

/* The broker side still has what it was given and has not answered. */
static void hold(struct world *world, void *arg)
{
    struct runner *r = arg;
    size_t count = r->token_count;

    r->token_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t token = gw_engine_held(world->engine, r->tokens[i].owner,
                                        r->tokens[i].item);

        if (token == 0)
            continue;
        r->tokens[r->token_count] = r->tokens[i];
        r->tokens[r->token_count++].token = token;
    }
}

static void restart(struct runner *r, const struct statement *at)
{
    bool held = false;

    for (size_t i = 1; i < at->count; i++) {
        const char *prefix = word_value(&at->words[i], "prefix", NULL);

        if (prefix != NULL)
            r->world.options.topic_prefix =
                strcmp(prefix, "none") == 0 ? NULL : prefix;
        else if (word_is(&at->words[i], "held"))
            held = true;
        else
            script_error(at, "restart [held] [prefix=P]");
    }
    check_quiet(r);
    if (!held)
        r->token_count = 0;
    r->world.before_restored = held ? hold : NULL;
    r->world.before_restored_arg = r;
    world_restart(&r->world);
}

static void say(struct runner *r, const struct statement *at)
{
    bool retain = false, refused = false, taken;

    if (at->count < 3)
        script_error(at, "say TOPIC \"x\" [retain=1] [refused]");
    for (size_t i = 3; i < at->count; i++) {
        retain |= word_value(&at->words[i], "retain", NULL) != NULL;
        refused |= word_is(&at->words[i], "refused");
    }
    taken = gw_engine_publish(
        r->world.engine, mqttsn_span_text(at->words[1].text),
        mqttsn_span_text(at->words[2].text), retain, r->world.now);
    if (taken == refused)
        script_error(at, taken ? "it was taken" : "it was refused");
    world_pump(&r->world);
}

static bool directive(struct runner *r, const struct statement *at)
{
    const struct word *first = &at->words[0];

    check_words(at);
    if (word_is(first, "at") || word_is(first, "after"))
        move_clock(r, at);
    else if (word_is(first, "nothing"))
        check_quiet(r);
    else if (word_is(first, "note") || word_is(first, "no-note"))
        expect_note(r, at, word_is(first, "note"));
    else if (word_is(first, "count"))
        expect_counter(r, at);
    else if (word_is(first, "state"))
        expect_state(r, at);
    else if (word_is(first, "usage"))
        expect_usage(r, at);
    else if (word_is(first, "store"))
        store_line(r, at);
    else if (word_is(first, "block") || word_is(first, "unblock"))
        block_line(r, at, word_is(first, "block"));
    else if (word_is(first, "time"))
        r->loose = word_is(&at->words[1], "loose");
    else if (word_is(first, "say"))
        say(r, at);
    else if (word_is(first, "restart")) {
        restart(r, at);
    } else if (word_is(first, "shutdown")) {
        check_quiet(r);
        gw_engine_shutdown(r->world.engine, r->world.now);
        world_pump(&r->world);
    } else {
        return false;
    }
    return true;
}

static void conversation(struct runner *r, const struct statement *at)
{
    const struct word *who = &at->words[0];
    bool in, out;

    if (at->count < 3)
        script_error(at, "'%s' is no statement", who->text);
    in = word_is(&at->words[1], ">");
    out = word_is(&at->words[1], "<") || word_is(&at->words[1], "<any");
    if (!in && !out)
        script_error(at, "'>' or '<' is missing");
    if (in)
        check_quiet(r);
    if (word_is(who, "up")) {
        if (in)
            broker_side(r, at);
        else
            expect_action(r, at);
    } else if (word_is(who, "group")) {
        expect_datagram(r, at, NULL);
    } else if (in) {
        world_send(&r->world, find_node(r, at, who->text),
                   message_of(&r->variables, at, 2, NULL));
    } else {
        expect_datagram(r, at, find_node(r, at, who->text));
    }
}

static void run(struct runner *r, const struct statement *at)
{
    current = at;
    if (settings_line(&r->world, at))
        return;
    if (word_is(&at->words[0], "node")) {
        declare_node(r, at);
        return;
    }
    start(r);
    if (!directive(r, at))
        conversation(r, at);
}

int main(int argc, char **argv)
{
    static struct runner runner;
    struct script script = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: run-scenario FILE\n");
        return 2;
    }
    script_read(&script, argv[1]);
    world_init(&runner.world);
    runner.world.fail = on_fail;
    runner.origin = runner.world.now;
    for (size_t i = 0; i < script.count; i++)
        run(&runner, &script.statements[i]);
    if (script.count == 0 || runner.world.engine == NULL) {
        fprintf(stderr, "%s: an empty scenario\n", argv[1]);
        return 2;
    }
    check_quiet(&runner);
    world_stop(&runner.world);
    script_free(&script);
    return 0;
}
