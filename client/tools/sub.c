/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-sub - subscribes, and prints what comes; in the manner of
 * mosquitto_sub.
 *
 * With --sleep it is a sleeping client [SN 6.14]: once subscribed it sleeps,
 * and wakes at each interval to collect what the gateway has kept for it.
 */
#include "format.h"
#include "node.h"

#include <stdlib.h>

#include "mqttsn/text.h"
#include "mqttsn/topic.h"

enum {
    /* What is announced beyond the interval: enough for all repetitions of
     * the PINGREQ that wakes us, so that losses do not cost the session. */
    SLEEP_MARGIN_S = 60,
    /* Between giving up and trying again. */
    RECONNECT_MS = 5000,
};

static const char tool[] = "mqttsn-sub";
static const char help[] =
    "usage: mqttsn-sub [OPTION]... {-t TOPIC|--topic-id N|--short AB}...\n"
    "Subscribes through an MQTT-SN gateway and prints what comes.\n"
    " -h HOST, -p PORT  the gateway (localhost, 1883); -4, -6: only IPv4, "
    "IPv6\n"
    " -t TOPIC          topic or filter; --topic-id N: predefined; --short AB\n"
    " -q QOS            0, 1 or 2 (0)\n"
    " -v                print the topic before the payload\n"
    " -F FORMAT         %t %p %x %X %l %q %r %I %U %% @X \\n ...: see the "
    "manual\n"
    " -N                no end of line after a message\n"
    " -R                do not print retained messages\n"
    " -C COUNT          end after COUNT messages\n"
    " -W SECONDS        end after SECONDS, with status 27\n"
    " --sleep SECONDS   sleep, and wake every SECONDS for what was kept\n"
    " -i ID, -k SECONDS client id, keep alive (60)\n"
    " -c                keep the session (no clean session); wants -i\n"
    " --will-topic TOPIC, --will-payload TEXT, --will-qos QOS, --will-retain\n"
    " --node-id HEX     encapsulate, as a forwarder does for this node\n"
    " --retry SECONDS   wait for an answer before repeating (3)\n"
    " --retries N       repeat so often before giving up (3)\n"
    " -d                write every frame to standard error\n"
    " --quiet           do not write errors\n"
    " --help, --version\n"
    "Exit status: 0 done, 1 failed, 2 bad arguments, 27 when -W ends.\n";

struct sub {
    struct node_options options;
    const char *format;
    bool verbose, no_line_end, no_retained;
    long count; /* 0: no limit */

    long printed;
    size_t next;       /* of the topics, to be subscribed to; their count: all
                          have been */
    size_t refused;    /* of those asked for since the connection */
    bool connected;    /* was, once */
    bool sleeping;     /* the client was told to sleep */
    mqttsn_ms wake_at; /* MQTTSN_NEVER: not asleep */
    mqttsn_ms retry_connection_at;
    bool over;
    int exit;
};

static struct sub sub = {.options = NODE_DEFAULTS,
                         .wake_at = MQTTSN_NEVER,
                         .retry_connection_at = MQTTSN_NEVER};
static struct node node;

static void finish(int status)
{
    sub.over = true;
    sub.exit = status;
}

/* ---- what comes --------------------------------------------------------- */

/* As mosquitto_sub: an empty payload is a line with -v or -F only. */
static void print(const struct mqttsn_client_event *event)
{
    struct format_message message = {.topic = event->topic,
                                     .data = event->data,
                                     .qos = event->qos,
                                     .retain = event->retain};
    bool line = !sub.no_line_end;

    clock_gettime(CLOCK_REALTIME, &message.at);
    if (sub.format != NULL) {
        format_print(stdout, sub.format, &message);
    } else if (sub.verbose) {
        format_topic(stdout, &message.topic);
        fputc(' ', stdout);
        format_print(stdout, message.data.len != 0 ? "%p" : "(null)", &message);
    } else {
        format_print(stdout, "%p", &message);
        line = line && message.data.len != 0;
    }
    if (line)
        fputc('\n', stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        node_complain(tool, sub.options.quiet, "standard output is closed");
        finish(EXIT_FAILED);
    }
}

static void on_message(const struct mqttsn_client_event *event)
{
    if (sub.over || (event->retain && sub.no_retained))
        return;
    print(event);
    if (++sub.printed == sub.count && !sub.over)
        finish(EXIT_DONE);
}

static void complain_of_topic(size_t index, const char *why)
{
    const struct mqttsn_topic *topic = &sub.options.topics.topics[index];
    char name[160];

    if (topic->type == MQTTSN_TOPIC_PREDEFINED)
        snprintf(name, sizeof(name), "%u", topic->id);
    else if (topic->type == MQTTSN_TOPIC_SHORT)
        snprintf(name, sizeof(name), "%c%c", topic->id >> 8, topic->id & 0xff);
    else
        mqttsn_escape(topic->name, name, sizeof(name));
    node_complain(tool, sub.options.quiet, "subscription to '%s': %s", name,
                  why);
    if (++sub.refused == sub.options.topics.count)
        finish(EXIT_FAILED);
}

static void on_subscribed(const struct mqttsn_client_event *event)
{
    if (event->result == MQTTSN_CLIENT_REJECTED)
        complain_of_topic(sub.next, mqttsn_return_code_text(event->code));
    else if (event->result == MQTTSN_CLIENT_FAILED)
        return; /* the connection is lost, which is told by another event */
    sub.next++;
}

static void on_lost(const struct mqttsn_client_event *event)
{
    node_explain(&node, event);
    if (!sub.connected || (event->kind == MQTTSN_EVENT_REFUSED &&
                           event->code != MQTTSN_REJECTED_CONGESTION)) {
        finish(EXIT_FAILED);
        return;
    }
    sub.wake_at = MQTTSN_NEVER;
    sub.sleeping = false;
    if (event->kind == MQTTSN_EVENT_LOST)
        sub.retry_connection_at = node.now + RECONNECT_MS;
}

static void on_asleep(void)
{
    sub.wake_at = node.now + (mqttsn_ms)sub.options.sleep_s * 1000;
}

static void on_event(const struct mqttsn_client_event *event)
{
    switch ((enum mqttsn_client_event_kind)event->kind) {
    case MQTTSN_EVENT_CONNECTED:
        if (event->resubscribe || !sub.connected) {
            sub.next = 0;
            sub.refused = 0;
        }
        sub.connected = true;
        break;
    case MQTTSN_EVENT_DONE:
        if (event->request == MQTTSN_REQUEST_SUBSCRIBE)
            on_subscribed(event);
        break;
    case MQTTSN_EVENT_MESSAGE:
        on_message(event);
        break;
    case MQTTSN_EVENT_ASLEEP:
    case MQTTSN_EVENT_CHECKED:
        on_asleep();
        break;
    case MQTTSN_EVENT_REFUSED:
    case MQTTSN_EVENT_LOST:
        on_lost(event);
        break;
    case MQTTSN_EVENT_GATEWAY_LOST:
    case MQTTSN_EVENT_GATEWAY_FOUND:
    case MQTTSN_EVENT_DISCONNECTED:
        break;
    }
}

/* ---- what is wanted ----------------------------------------------------- */

static void subscribe_next(void)
{
    const struct node_options *o = &sub.options;
    enum mqttsn_status status;

    while (!sub.over && sub.next < o->topics.count) {
        status = mqttsn_client_subscribe(
            &node.client, o->topics.topics[sub.next], (int)o->qos, node.now);
        if (status == MQTTSN_OK || status == MQTTSN_EPROTO)
            return;
        complain_of_topic(sub.next++, status == MQTTSN_ENOSPACE
                                          ? "it is too long"
                                          : "it cannot be subscribed to");
    }
}

/* Calls the client for what is due. */
static void act(void)
{
    const struct node_options *o = &sub.options;
    enum mqttsn_client_state state = mqttsn_client_state(&node.client);
    bool subscribed = sub.next == o->topics.count;

    if (node.now >= sub.retry_connection_at) {
        sub.retry_connection_at = MQTTSN_NEVER;
        if (mqttsn_client_connect(&node.client, node.now) != MQTTSN_OK)
            finish(EXIT_FAILED);
    }
    if (sub.connected && !subscribed && !mqttsn_client_busy(&node.client) &&
        !mqttsn_client_paused(&node.client, node.now))
        subscribe_next();
    if (o->sleep_s == 0)
        return;
    if (state == MQTTSN_CLIENT_ACTIVE && subscribed && !sub.sleeping) {
        sub.sleeping =
            mqttsn_client_sleep(&node.client,
                                (uint16_t)(o->sleep_s + SLEEP_MARGIN_S),
                                node.now) == MQTTSN_OK;
    } else if (node.now >= sub.wake_at) {
        sub.wake_at = MQTTSN_NEVER;
        if (mqttsn_client_check(&node.client, node.now) != MQTTSN_OK)
            on_asleep();
    }
}

/* Takes what the client has to tell; whether there was anything. */
static bool take_events(void)
{
    struct mqttsn_client_event event;
    bool any = false;

    while (!sub.over && node_poll(&node, &event)) {
        on_event(&event);
        any = true;
    }
    return any;
}

/* Until nothing is left to do but to wait. */
static void work(void)
{
    (void)take_events();
    do {
        if (!sub.over)
            act();
    } while (take_events());
}

static int run(void)
{
    mqttsn_ms limit = sub.options.time_limit_ms != MQTTSN_NEVER
                          ? node.now + sub.options.time_limit_ms
                          : MQTTSN_NEVER;

    if (mqttsn_client_connect(&node.client, node.now) != MQTTSN_OK)
        return EXIT_FAILED;
    for (;;) {
        mqttsn_ms until = limit;

        work();
        if (sub.over || node_ended(&node, &sub.exit))
            return sub.exit;
        if (node.now >= limit) {
            node_complain(tool, sub.options.quiet, "timed out");
            return EXIT_TIME;
        }
        if (sub.wake_at < until)
            until = sub.wake_at;
        if (sub.retry_connection_at < until)
            until = sub.retry_connection_at;
        (void)node_wait(&node, until, -1);
    }
}

int main(int argc, char **argv)
{
    struct node_options *o = &sub.options;
    const struct args_option table[] = {
        NODE_ARGS_ALL(o),
        NODE_ARGS_NODE(o, 0),
        {'v', "verbose", ARGS_FLAG, &sub.verbose, 0, 0},
        {'F', NULL, ARGS_TEXT, &sub.format, 0, 0},
        {'N', NULL, ARGS_FLAG, &sub.no_line_end, 0, 0},
        {'R', NULL, ARGS_FLAG, &sub.no_retained, 0, 0},
        {'C', NULL, ARGS_NUMBER, &sub.count, 1, 1000000000},
    };
    const char *wrong = NULL;
    char error[ARGS_ERROR_MAX], part;
    int status;

    if (!node_args(tool, help, table, sizeof(table) / sizeof(table[0]), o, argc,
                   argv, &status))
        return status;
    if (o->topics.count == 0)
        wrong = "a topic is wanted: -t, --topic-id or --short";
    for (size_t i = 0; i < o->topics.count; i++)
        if (o->topics.topics[i].type == MQTTSN_TOPIC_NORMAL &&
            !mqttsn_filter_valid(o->topics.topics[i].name))
            wrong = "-t wants a valid topic filter";
    if (sub.format != NULL && !format_valid(sub.format, &part)) {
        snprintf(error, sizeof(error), "-F: '%c' has no meaning there",
                 part != '\0' ? part : ' ');
        wrong = part != '\0' ? error : "-F ends too early";
    }
    if (wrong != NULL) {
        node_complain(tool, false, "%s", wrong);
        return EXIT_ARGUMENTS;
    }
    if (!node_open(&node, tool, o, &status))
        return status;
    return node_close(&node, run());
}
