/* SPDX-License-Identifier: MIT */
#include "floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t ended;
static const char *name;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

void floor_fail(const char *what)
{
    fprintf(stderr, "%s: error: %s\n", name, what);
    exit(1);
}

void floor_options(struct floor_options *options, const char *program, int argc,
                   char **argv)
{
    struct floor_options *o = options;
    const struct args_option table[] = {
        {0, "role", ARGS_TEXT, &o->role, 0, 0},
        {0, "port", ARGS_NUMBER, &o->port, 0, 65535},
        {0, "broker-port", ARGS_NUMBER, &o->broker_port, 1, 65535},
        {0, "nodes", ARGS_NUMBER, &o->nodes, 1, 100000},
        {0, "qos", ARGS_NUMBER, &o->qos, 0, 2},
        {0, "size", ARGS_NUMBER, &o->size, BENCH_STAMP_LEN, FLOOR_PAYLOAD_MAX},
        {0, "window", ARGS_NUMBER, &o->window, 1, 100000},
        {0, "rate", ARGS_NUMBER, &o->rate, 0, 10000000},
        {0, "run", ARGS_NUMBER, &o->run, 0, INT32_MAX},
        {0, "seconds", ARGS_NUMBER, &o->seconds, 1, 100000},
    };
    /* Without SA_RESTART: what waits is to look up. */
    struct sigaction action = {.sa_handler = on_signal};
    char error[ARGS_ERROR_MAX];

    name = program;
    *o = (struct floor_options){.role = "",
                                .broker_port = 1883,
                                .nodes = 100,
                                .size = 64,
                                .window = 50,
                                .seconds = 3600};
    if (args_parse(table, sizeof(table) / sizeof(table[0]), argc, argv,
                   error) != MQTTSN_OK)
        floor_fail(error);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

void floor_topic(const struct floor_options *options, char way, unsigned node,
                 char ret_topic[FLOOR_TOPIC_MAX])
{
    snprintf(ret_topic, FLOOR_TOPIC_MAX, "bench/%ld/%c/%u", options->run, way,
             node);
}

bool floor_goes_on(void)
{
    return !ended;
}
