/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-bench - loads a gateway with nodes, and measures what arrives.
 *
 * What was sent is no result: a message counts at the far side, by the number
 * and the checksum that it carries.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PREPARING = 256, /* nodes that are connecting at once */
    PAYLOAD = 64,
};

static const char tool[] = "mqttsn-bench";
static const char help[] =
    "usage: mqttsn-bench --mode MODE [OPTION]...\n"
    "Loads an MQTT-SN gateway with nodes and measures what arrives.\n"
    " --mode connect|up|down|fan-out|sleep|mixed   what the nodes do\n"
    " -h HOST, -p PORT  the gateway (localhost, 1883); -4, -6: only IPv4, "
    "IPv6\n"
    " --broker HOST, --broker-port PORT            the broker (localhost, "
    "1883)\n"
    " --broker-user NAME, --broker-password-file FILE\n"
    " -n N              nodes (100); -q QOS (0); --size OCTETS of a payload "
    "(64)\n"
    " --window N        messages under way per node, or to all; nodes at once\n"
    " --rate N          messages a second; --interval SECONDS between two;\n"
    "                   without, as fast as the window allows\n"
    " --seconds N       for so long (10); --count N: or so many messages\n"
    " --messages N      sleep: for each node (10); --shared: the same for "
    "all\n"
    " --pid PID         the gateway, if here: its processor time and memory\n"
    " --prefix TEXT     of client ids and topics (bench); --run N: its "
    "number\n"
    " --no-broker       fan-out: node 0 publishes, the peer sends it to all\n"
    " --no-ceiling      do not measure what this program can do by itself\n"
    " -k SECONDS        keep alive (60); --retry SECONDS: to repeat (10)\n"
    " --json            print an object of JSON; -d: write every frame\n"
    " --quiet           do not write errors and progress\n"
    " --help, --version\n"
    "Exit status: 0 nothing lost, 1 something lost or failed, 2 bad "
    "arguments.\n";

static struct bench bench = {
    .options = {.common = NODE_DEFAULTS,
                .mode_name = "",
                .nodes = 100,
                .size = PAYLOAD,
                .messages = 10,
                .run = -1,
                .prefix = "bench",
                .broker = "localhost",
                .broker_port = 1883},
    .mqtt = {.fd = -1},
    .epoll = -1,
};

/* ---- the command line --------------------------------------------------- */

static bool find_mode(struct bench_options *o)
{
    static const char *const names[] = {"connect", "up",    "down",
                                        "fan-out", "sleep", "mixed"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(o->mode_name, names[i]) == 0) {
            o->mode = (enum bench_mode)i;
            return true;
        }
    }
    return false;
}

static const char *objection(struct bench_options *o)
{
    if (!find_mode(o))
        return "--mode wants connect, up, down, fan-out, sleep or mixed";
    if (o->prefix[0] == '\0' || strlen(o->prefix) > 12 ||
        strpbrk(o->prefix, "/+#$") != NULL)
        return "--prefix wants 1 to 12 octets, without '/', '+', '#', '$'";
    if (o->rate > 0 && o->interval_ms > 0)
        return "--rate and --interval exclude each other";
    if (o->no_broker && o->mode != BENCH_FAN_OUT)
        return "--no-broker is for --mode fan-out";
    if (o->mode == BENCH_FAN_OUT && o->window > BENCH_FANOUTS)
        return "with --mode fan-out --window is at most 64";
    if (o->mode != BENCH_CONNECT && o->mode != BENCH_SLEEP &&
        o->window > BENCH_WINDOW_MAX)
        return "--window is at most 256, but for --mode connect and sleep";
    return NULL;
}

/* What was not said. */
static void set_defaults(struct bench_options *o)
{
    if (o->seconds == 0 && o->count == 0)
        o->seconds = 10;
    if (o->window != 0)
        return;
    switch (o->mode) {
    case BENCH_CONNECT:
        o->window = o->nodes;
        break;
    case BENCH_UP:
    case BENCH_DOWN:
    case BENCH_MIXED:
        o->window = o->common.qos == 0 ? 8 : 1;
        break;
    case BENCH_FAN_OUT:
    case BENCH_SLEEP:
        o->window = 1;
        break;
    }
}

static bool read_password(struct bench *b)
{
    const char *path = b->options.broker_password_file;
    FILE *file = fopen(path, "r");
    bool read =
        file != NULL && fgets(b->password, sizeof(b->password), file) != NULL;

    if (file != NULL)
        fclose(file);
    b->password[strcspn(b->password, "\r\n")] = '\0';
    if (!read)
        node_complain(tool, false, "cannot read '%s'", path);
    return read;
}

/* ---- the order of things ------------------------------------------------ */

static void name_run(struct bench *b)
{
    const struct bench_options *o = &b->options;

    b->run = o->run >= 0 ? (uint32_t)o->run : mqttsn_udp_seed() >> 1;
    snprintf(b->id, sizeof(b->id), "%s-%x-", o->prefix, b->run & 0xffff);
    snprintf(b->topic, sizeof(b->topic), "%s/%u", o->prefix, b->run);
}

static bool open_broker(struct bench *b)
{
    const struct bench_options *o = &b->options;
    char id[64], filter[BENCH_TOPIC_MAX], error[BENCH_MQTT_ERROR_MAX];
    struct bench_mqtt_place place = {
        .host = o->broker,
        .port = (unsigned)o->broker_port,
        .client_id = id,
        .user = o->broker_user,
        .password = o->broker_password_file != NULL ? b->password : NULL};

    if (o->mode == BENCH_CONNECT || o->no_broker)
        return true;
    if (o->broker_password_file != NULL && !read_password(b))
        return false;
    snprintf(id, sizeof(id), "%sbroker-side", b->id);
    if (bench_mqtt_open(&b->mqtt, &place, bench_arrived_up, b, error) !=
        MQTTSN_OK) {
        node_complain(tool, o->common.quiet, "%s", error);
        return false;
    }
    snprintf(filter, sizeof(filter), "%s/u/#", b->topic);
    if (o->mode != BENCH_UP && o->mode != BENCH_MIXED)
        return true;
    /* QoS 0: what the broker delivers is not what is measured. */
    if (bench_mqtt_subscribe(&b->mqtt, filter, 0))
        return true;
    node_complain(tool, o->common.quiet, "the broker refuses a subscription");
    return false;
}

static void look_at_gateway(const struct bench *b, struct bench_proc *ret_proc,
                            uint64_t *ret_drops)
{
    if (b->options.pid != 0)
        (void)bench_proc_read(b->options.pid, ret_proc);
    *ret_drops = bench_proc_drops((unsigned)b->options.common.port);
}

static void run(struct bench *b)
{
    const struct bench_options *o = &b->options;
    bool only_connect = o->mode == BENCH_CONNECT;
    uint64_t began;

    look_at_gateway(b, &b->before, &b->drops_before);
    began = bench_now_us();
    bench_prepare(b, STEP_READY, only_connect ? (size_t)o->window : PREPARING);
    b->connect_took_us = bench_now_us() - began;
    if (o->mode == BENCH_SLEEP) {
        bench_sleep(b);
    } else if (!only_connect && !b->ended && !b->asked) {
        if (o->pid != 0)
            (void)bench_proc_read(o->pid, &b->before);
        bench_load(b);
    }
    if (o->mode != BENCH_SLEEP)
        look_at_gateway(b, &b->after, &b->drops_after);
    else
        b->drops_after = bench_proc_drops((unsigned)o->common.port);
}

static void part(struct bench *b)
{
    struct bench_counts up = b->up;

    bench_prepare(b, STEP_LEAVE, PREPARING);
    b->up = up;
}

static bool open_all(struct bench *b)
{
    struct node_options *o = &b->options.common;

    if (b->options.mode == BENCH_SLEEP)
        b->options.nodes++; /* the witness */
    if (mqttsn_udp_resolve(o->host, (uint16_t)o->port, node_family(o),
                           &b->place, 1) == 0) {
        node_complain(tool, o->quiet, "unknown host '%s'", o->host);
        return false;
    }
    return open_broker(b) && bench_nodes_open(b);
}

int main(int argc, char **argv)
{
    struct bench_options *o = &bench.options;
    struct node_options *c = &o->common;
    struct bench_proc there;
    const struct args_option table[] = {
        NODE_ARGS_ALL(c),
        {0, "mode", ARGS_TEXT, &o->mode_name, 0, 0},
        {'n', "nodes", ARGS_NUMBER, &o->nodes, 1, 100000},
        {'q', "qos", ARGS_NUMBER, &c->qos, 0, 2},
        {0, "size", ARGS_NUMBER, &o->size, BENCH_STAMP_LEN, BENCH_PAYLOAD_MAX},
        {0, "window", ARGS_NUMBER, &o->window, 1, 100000},
        {0, "rate", ARGS_NUMBER, &o->rate, 1, 10000000},
        {0, "interval", ARGS_SECONDS, &o->interval_ms, 0, 86400},
        {0, "seconds", ARGS_NUMBER, &o->seconds, 1, 10000000},
        {0, "count", ARGS_NUMBER, &o->count, 1, 2000000000},
        {0, "messages", ARGS_NUMBER, &o->messages, 1, 10000},
        {0, "shared", ARGS_FLAG, &o->shared, 0, 0},
        {0, "pid", ARGS_NUMBER, &o->pid, 1, INT32_MAX},
        {0, "prefix", ARGS_TEXT, &o->prefix, 0, 0},
        {0, "run", ARGS_NUMBER, &o->run, 0, INT32_MAX},
        {0, "broker", ARGS_TEXT, &o->broker, 0, 0},
        {0, "broker-port", ARGS_NUMBER, &o->broker_port, 1, 65535},
        {0, "broker-user", ARGS_TEXT, &o->broker_user, 0, 0},
        {0, "broker-password-file", ARGS_TEXT, &o->broker_password_file, 0, 0},
        {0, "no-broker", ARGS_FLAG, &o->no_broker, 0, 0},
        {0, "no-ceiling", ARGS_FLAG, &o->no_ceiling, 0, 0},
        {'k', "keepalive", ARGS_NUMBER, &c->keep_alive_s, 1, 65535},
        {0, "retry", ARGS_SECONDS, &c->retry_ms, 0, 3600},
        {0, "json", ARGS_FLAG, &o->json, 0, 0},
    };
    int status = EXIT_FAILED;

    c->retry_ms = 10000; /* T_RETRY [SN 7.2] */
    if (!node_args(tool, help, table, sizeof(table) / sizeof(table[0]), c, argc,
                   argv, &status))
        return status;
    if (objection(o) != NULL) {
        node_complain(tool, false, "%s", objection(o));
        return EXIT_ARGUMENTS;
    }
    set_defaults(o);
    if (o->pid != 0 && !bench_proc_read(o->pid, &there)) {
        node_complain(tool, c->quiet, "there is no process %ld to look at",
                      o->pid);
        return EXIT_FAILED;
    }
    node_catch_signals();
    name_run(&bench);
    if (!o->no_ceiling)
        bench_ceiling(&bench);
    if (open_all(&bench)) {
        run(&bench);
        part(&bench);
        status = !bench.nobody && bench_report(&bench) &&
                         bench_lost(&bench) == 0 &&
                         bench.connected == bench.count && !bench.mqtt.lost
                     ? EXIT_DONE
                     : EXIT_FAILED;
        if (bench.mqtt.lost)
            node_complain(tool, c->quiet, "the broker closed the connection");
        if (bench.nobody)
            node_complain(tool, c->quiet, "nobody listens at port %ld of '%s'",
                          c->port, c->host);
    }
    bench_nodes_close(&bench);
    bench_mqtt_close(&bench.mqtt);
    return status;
}
