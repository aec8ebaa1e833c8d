/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-pub - publishes; in the manner of mosquitto_pub.
 *
 * With --sleep it is a sleeping client [SN 6.14]: between messages it sleeps,
 * and wakes to publish the next. With QoS -1 it never connects [SN 6.8].
 */
#include "node.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "mqttsn/text.h"
#include "mqttsn/topic.h"

enum {
    SLEEP_MARGIN_S = 60, /* as in mqttsn-sub */
    STDIN = 0,
};

static const char tool[] = "mqttsn-pub";
static const char help[] =
    "usage: mqttsn-pub [OPTION]... {-t TOPIC|--topic-id N|--short AB}\n"
    "                  {-m TEXT|-f FILE|-l|-n|-s}\n"
    "Publishes through an MQTT-SN gateway.\n"
    " -h HOST, -p PORT  the gateway (localhost, 1883); -4, -6: only IPv4, "
    "IPv6\n"
    " -t TOPIC          topic; --topic-id N: predefined; --short AB: short "
    "name\n"
    " -m TEXT, -f FILE  the message, or the file that holds it\n"
    " -l, -n, -s        each line of standard input; nothing; all of it\n"
    " -q QOS            -1 (without connection), 0, 1 or 2 (0)\n"
    " -r                to be retained\n"
    " --repeat N        publish N times; --repeat-delay SECONDS in between "
    "(0)\n"
    " --sleep SECONDS   sleep between messages; the interval of --repeat\n"
    " -i ID, -k SECONDS client id, keep alive (60)\n"
    " -c                keep the session (no clean session); wants -i\n"
    " --will-topic TOPIC, --will-payload TEXT, --will-qos QOS, --will-retain\n"
    " --node-id HEX     encapsulate, as a forwarder does for this node\n"
    " --retry SECONDS   wait for an answer before repeating (3)\n"
    " --retries N       repeat so often before giving up (3)\n"
    " -W SECONDS        give up after SECONDS, with status 27\n"
    " -d                write every frame to standard error\n"
    " --quiet           do not write errors\n"
    " --help, --version\n"
    "Exit status: 0 done, 1 failed, 2 bad arguments, 27 when -W ends.\n";

struct pub {
    struct node_options options;
    const char *text, *file;
    bool lines, nothing, all_input, retain;
    long repeat;
    mqttsn_ms repeat_delay_ms;

    /* What is published: the whole of 'buf', or with -l its first lines. */
    uint8_t buf[NODE_DATAGRAM_MAX + 1];
    size_t len;
    bool input_ended;

    long left;         /* of the repetitions, with the current one */
    mqttsn_ms due;     /* the next message */
    mqttsn_ms wake_at; /* sign of life of a sleeper with -l */
    bool under_way;
    bool over;
    int exit;
};

static struct pub pub = {
    .options = NODE_DEFAULTS, .repeat = 1, .wake_at = MQTTSN_NEVER};
static struct node node;

static void finish(int status)
{
    pub.over = true;
    pub.exit = status;
}

/* ---- where the message comes from --------------------------------------- */

/* Reads a whole file. False: it has been said why not. */
static bool read_all(FILE *file, const char *name)
{
    pub.len = file != NULL ? fread(pub.buf, 1, sizeof(pub.buf), file) : 0;
    if (file == NULL || ferror(file)) {
        node_complain(tool, pub.options.quiet, "cannot read '%s': %s", name,
                      strerror(errno));
        return false;
    }
    if (pub.len > NODE_DATAGRAM_MAX) {
        node_complain(tool, pub.options.quiet,
                      "'%s' is longer than a datagram may be", name);
        return false;
    }
    return true;
}

static bool take_payload(void)
{
    bool read = true;

    if (pub.all_input) {
        read = read_all(stdin, "standard input");
    } else if (pub.file != NULL) {
        FILE *file = fopen(pub.file, "rb");

        read = read_all(file, pub.file);
        if (file != NULL)
            fclose(file);
    } else if (pub.text != NULL) {
        pub.len = strlen(pub.text);
        if (pub.len > NODE_DATAGRAM_MAX) {
            node_complain(tool, pub.options.quiet,
                          "the message is longer than a datagram may be");
            return false;
        }
        memcpy(pub.buf, pub.text, pub.len);
    }
    return read;
}

/* Standard input has something. */
static void read_lines(void)
{
    ssize_t len = read(STDIN, pub.buf + pub.len, sizeof(pub.buf) - pub.len);

    if (len < 0 && errno != EINTR && errno != EAGAIN) {
        node_complain(tool, pub.options.quiet, "cannot read standard input: %s",
                      strerror(errno));
        finish(EXIT_FAILED);
    }
    if (len > 0)
        pub.len += (size_t)len;
    pub.input_ended = len == 0;
}

/* The next message; false when there is none yet. '*ret_used' octets of the
 * buffer are done with when it has been handed to the client. */
static bool next_message(struct mqttsn_span *ret_message, size_t *ret_used)
{
    const uint8_t *end;

    *ret_used = 0;
    *ret_message = mqttsn_span(pub.buf, pub.len);
    if (!pub.lines)
        return pub.left > 0 && node.now >= pub.due;
    end = pub.len != 0 ? memchr(pub.buf, '\n', pub.len) : NULL;
    if (end != NULL) {
        ret_message->len = (size_t)(end - pub.buf);
        *ret_used = ret_message->len + 1;
        return true;
    }
    *ret_used = pub.len;
    return pub.len == sizeof(pub.buf) || (pub.input_ended && pub.len != 0);
}

static bool all_sent(void)
{
    return pub.lines ? pub.input_ended && pub.len == 0 : pub.left == 0;
}

/* ---- publishing --------------------------------------------------------- */

static void publish(void)
{
    const struct node_options *o = &pub.options;
    struct mqttsn_span message;
    enum mqttsn_status status;
    size_t used;

    if (pub.under_way || !next_message(&message, &used))
        return;
    status = mqttsn_client_publish(&node.client, o->topics.topics[0], message,
                                   (int)o->qos, pub.retain, node.now);
    if (status == MQTTSN_EPROTO &&
        mqttsn_client_paused(&node.client, node.now)) {
        node_complain(tool, o->quiet, "the gateway asks for a pause");
        finish(EXIT_FAILED);
    } else if (status == MQTTSN_ENOSPACE) {
        node_complain(tool, o->quiet, "the topic or the message is too long");
        finish(EXIT_FAILED);
    } else if (status != MQTTSN_OK) {
        node_complain(tool, o->quiet, "the message cannot be sent: %s",
                      mqttsn_status_text(status));
        finish(EXIT_FAILED);
    } else {
        pub.under_way = true;
        pub.wake_at = MQTTSN_NEVER;
        pub.len -= used;
        memmove(pub.buf, pub.buf + used, pub.len);
        pub.left--;
    }
}

/* The next message is due after the pause that is wanted. */
static void on_done(const struct mqttsn_client_event *event)
{
    pub.under_way = false;
    if (event->result == MQTTSN_CLIENT_REJECTED) {
        node_complain(tool, pub.options.quiet,
                      "the gateway refuses the message: %s",
                      mqttsn_return_code_text(event->code));
        finish(EXIT_FAILED);
    }
    pub.due = node.now + (pub.options.sleep_s != 0
                              ? (mqttsn_ms)pub.options.sleep_s * 1000
                              : pub.repeat_delay_ms);
}

static void on_event(const struct mqttsn_client_event *event)
{
    switch ((enum mqttsn_client_event_kind)event->kind) {
    case MQTTSN_EVENT_DONE:
        if (event->request == MQTTSN_REQUEST_PUBLISH)
            on_done(event);
        break;
    case MQTTSN_EVENT_REFUSED:
    case MQTTSN_EVENT_LOST:
        if (!pub.over)
            node_explain(&node, event);
        finish(EXIT_FAILED);
        break;
    case MQTTSN_EVENT_ASLEEP:
    case MQTTSN_EVENT_CHECKED:
        pub.wake_at = node.now + (mqttsn_ms)pub.options.sleep_s * 1000;
        break;
    case MQTTSN_EVENT_CONNECTED:
    case MQTTSN_EVENT_MESSAGE:
    case MQTTSN_EVENT_GATEWAY_FOUND:
    case MQTTSN_EVENT_GATEWAY_LOST:
    case MQTTSN_EVENT_DISCONNECTED:
        break;
    }
}

/* Sleeps as soon as the message under way is through; wakes when a sign of
 * life is due before a message is. */
static void sleep_or_wake(void)
{
    const struct node_options *o = &pub.options;

    if (o->sleep_s == 0 || o->qos == -1 || all_sent())
        return;
    if (mqttsn_client_state(&node.client) == MQTTSN_CLIENT_ACTIVE) {
        /* To say it twice does no harm. */
        if (mqttsn_client_sleep(&node.client,
                                (uint16_t)(o->sleep_s + SLEEP_MARGIN_S),
                                node.now) != MQTTSN_OK)
            finish(EXIT_FAILED);
    } else if (node.now >= pub.wake_at) {
        pub.wake_at = MQTTSN_NEVER;
        (void)!mqttsn_client_check(&node.client, node.now);
    }
}

/* Calls the client for what is due. */
static void act(void)
{
    publish();
    if (!pub.over)
        sleep_or_wake();
}

/* When the tool itself has something to do. */
static mqttsn_ms next_turn(mqttsn_ms limit)
{
    mqttsn_ms until = limit;

    if (!pub.lines && !pub.under_way && pub.left > 0 && pub.due < until)
        until = pub.due;
    return pub.wake_at < until ? pub.wake_at : until;
}

/* Takes what the client has to tell; whether there was anything. */
static bool take_events(void)
{
    struct mqttsn_client_event event;
    bool any = false;

    while (!pub.over && node_poll(&node, &event)) {
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
        if (!pub.over)
            act();
    } while (take_events());
}

static int run(void)
{
    const struct node_options *o = &pub.options;
    mqttsn_ms limit = o->time_limit_ms != MQTTSN_NEVER
                          ? node.now + o->time_limit_ms
                          : MQTTSN_NEVER;

    if (o->qos != -1 &&
        mqttsn_client_connect(&node.client, node.now) != MQTTSN_OK)
        return EXIT_FAILED;
    for (;;) {
        bool want_line;

        work();
        if (pub.over || node_ended(&node, &pub.exit))
            return pub.exit;
        if (all_sent() && !pub.under_way)
            return EXIT_DONE;
        if (node.now >= limit) {
            node_complain(tool, o->quiet, "timed out");
            return EXIT_TIME;
        }
        want_line = pub.lines && !pub.input_ended && !pub.under_way;
        if (node_wait(&node, next_turn(limit), want_line ? STDIN : -1))
            read_lines();
    }
}

/* ---- the command line --------------------------------------------------- */

static const char *objection(void)
{
    const struct node_options *o = &pub.options;
    const struct mqttsn_topic *topic = &o->topics.topics[0];
    int sources = (pub.text != NULL) + (pub.file != NULL) + pub.lines +
                  pub.nothing + pub.all_input;

    if (o->topics.count != 1)
        return "one topic is wanted: -t, --topic-id or --short";
    if (topic->type == MQTTSN_TOPIC_NORMAL &&
        !mqttsn_topic_name_valid(topic->name))
        return "-t wants a valid topic name, without wildcards";
    if (sources != 1)
        return "one message is wanted: -m, -f, -l, -n or -s";
    if (o->qos == -1 && topic->type == MQTTSN_TOPIC_NORMAL)
        return "QoS -1 wants a topic by --topic-id or --short";
    if (o->qos == -1 && (o->sleep_s != 0 || o->will_topic != NULL))
        return "with QoS -1 there is no connection, hence no sleep and no will";
    if (pub.lines && (pub.repeat != 1 || pub.repeat_delay_ms != 0))
        return "-l and --repeat exclude each other";
    return NULL;
}

int main(int argc, char **argv)
{
    struct node_options *o = &pub.options;
    const struct args_option table[] = {
        NODE_ARGS_ALL(o),
        NODE_ARGS_NODE(o, -1),
        {'m', "message", ARGS_TEXT, &pub.text, 0, 0},
        {'f', "file", ARGS_TEXT, &pub.file, 0, 0},
        {'l', "stdin-line", ARGS_FLAG, &pub.lines, 0, 0},
        {'n', "null-message", ARGS_FLAG, &pub.nothing, 0, 0},
        {'s', "stdin-file", ARGS_FLAG, &pub.all_input, 0, 0},
        {'r', "retain", ARGS_FLAG, &pub.retain, 0, 0},
        {0, "repeat", ARGS_NUMBER, &pub.repeat, 1, 1000000000},
        {0, "repeat-delay", ARGS_SECONDS, &pub.repeat_delay_ms, 0, 1000000},
    };
    int status;

    if (!node_args(tool, help, table, sizeof(table) / sizeof(table[0]), o, argc,
                   argv, &status))
        return status;
    if (objection() != NULL) {
        node_complain(tool, false, "%s", objection());
        return EXIT_ARGUMENTS;
    }
    if (!take_payload())
        return EXIT_FAILED;
    if (!node_open(&node, tool, o, &status))
        return status;
    pub.left = pub.repeat;
    return node_close(&node, run());
}
