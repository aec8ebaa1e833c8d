/* SPDX-License-Identifier: MIT */
/*
 * actuator.c - a valve that sleeps, and wakes every minute for orders.
 *
 * usage: actuator GATEWAY PORT CLIENT-ID [SECONDS]
 *
 * It obeys CLIENT-ID/set, and confirms on CLIENT-ID/is, retained. Its will
 * says there that it is lost, should it not wake for three times SECONDS.
 * While nobody wants anything, a minute costs two datagrams: PINGREQ and
 * PINGRESP.
 */
#include "host_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char position[32]; /* what was ordered; empty: nothing new */

/* The last order counts. */
static void on_message(struct node *node,
                       const struct mqttsn_client_event *event)
{
    (void)node;
    snprintf(position, sizeof(position), "%.*s", (int)event->data.len,
             (const char *)event->data.data);
    printf("the valve is turned: %s\n", position);
    fflush(stdout);
}

/* Both may be asked of a node asleep: it wakes with CONNECT, and falls asleep
 * again by itself. */
static enum mqttsn_status subscribe(struct node *node, const char *name)
{
    node->resubscribe = false;
    return mqttsn_client_subscribe(&node->client, mqttsn_topic_named(name), 1,
                                   now());
}

static enum mqttsn_status confirm(struct node *node, const char *name)
{
    enum mqttsn_status status =
        mqttsn_client_publish(&node->client, mqttsn_topic_named(name),
                              mqttsn_span_text(position), 1, true, now());

    position[0] = '\0';
    return status;
}

int main(int argc, char **argv)
{
    static struct node node = {.on_message = on_message};
    static struct mqttsn_client_will will = {.qos = 1, .retain = true};
    struct mqttsn_client *client = &node.client;
    int cycle_s = argc > 4 ? atoi(argv[4]) : 60;
    char set[32], is[32];

    if (argc < 4 || cycle_s < 1 || cycle_s > 20000)
        node_die("usage: actuator GATEWAY PORT CLIENT-ID [SECONDS]");
    snprintf(set, sizeof(set), "%s/set", argv[3]);
    snprintf(is, sizeof(is), "%s/is", argv[3]);
    will.topic = mqttsn_span_text(is);
    will.message = mqttsn_span_text("lost");
    node.config.will = &will;
    node_open(&node, argv[1], argv[2], argv[3]);

    node_await(&node, mqttsn_client_connect(client, now()),
               MQTTSN_EVENT_CONNECTED);
    node_await(&node, subscribe(&node, set), MQTTSN_EVENT_DONE);
    node_await(&node,
               mqttsn_client_sleep(client, (uint16_t)(3 * cycle_s), now()),
               MQTTSN_EVENT_ASLEEP);
    for (;;) {
        struct timespec left = {.tv_sec = cycle_s};

        if (node.resubscribe) {
            node_await(&node, subscribe(&node, set), MQTTSN_EVENT_ASLEEP);
        } else if (position[0] != '\0') {
            node_await(&node, confirm(&node, is), MQTTSN_EVENT_ASLEEP);
        } else {
            while (nanosleep(&left, &left) < 0)
                continue;
            node_await(&node, mqttsn_client_check(client, now()),
                       MQTTSN_EVENT_CHECKED);
        }
    }
}
