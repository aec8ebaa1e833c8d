/* SPDX-License-Identifier: MIT */
/*
 * sleeping_sensor.c - a node that measures, publishes, and sleeps in between.
 *
 * usage: sleeping_sensor GATEWAY PORT CLIENT-ID SLEEP-SECONDS
 *
 * Publishes the load of this machine to sensors/CLIENT-ID/load with QoS 1, says
 * on .../state when it falls asleep, and on .../report which commands of
 * cmd/CLIENT-ID/+ waited [SN 6.14]. Asleep it leaves its socket alone, as if
 * the radio were off, and counts on waking what came unasked.
 */
#include "host_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char news[256];    /* the commands that came, for the report */
static unsigned too_soon; /* of them while it was not collecting */

static void on_message(struct node *node,
                       const struct mqttsn_client_event *event)
{
    size_t len = strlen(news);

    if (mqttsn_client_state(&node->client) != MQTTSN_CLIENT_AWAKE)
        too_soon++;
    snprintf(news + len, sizeof(news) - len, " %.*s=%.*s",
             (int)event->topic.name.len, (const char *)event->topic.name.data,
             (int)event->data.len, (const char *)event->data.data);
}

static void publish(struct node *node, const char *last, const char *text)
{
    const struct mqttsn_span *id = &node->config.client_id;
    char topic[64];

    snprintf(topic, sizeof(topic), "sensors/%.*s/%s", (int)id->len,
             (const char *)id->data, last);
    printf("%s %s\n", topic, text);
    fflush(stdout);
    node_await(node,
               mqttsn_client_publish(&node->client, mqttsn_topic_named(topic),
                                     mqttsn_span_text(text), 1, false, now()),
               MQTTSN_EVENT_DONE);
}

int main(int argc, char **argv)
{
    static struct node node = {.on_message = on_message};
    struct mqttsn_client *client = &node.client;
    char text[320];

    if (argc != 5 || atoi(argv[4]) < 1 || atoi(argv[4]) > 30000)
        node_die("usage: sleeping_sensor GATEWAY PORT CLIENT-ID SECONDS");
    node_open(&node, argv[1], argv[2], argv[3]);

    for (unsigned cycle = 1, unasked = 0;; cycle++) {
        struct timespec sleep = {.tv_sec = atoi(argv[4])};
        double load;

        node_await(&node, mqttsn_client_connect(client, now()),
                   MQTTSN_EVENT_CONNECTED);
        snprintf(text, sizeof(text), "cmd/%s/+", argv[3]);
        if (node.resubscribe)
            node_await(&node,
                       mqttsn_client_subscribe(client, mqttsn_topic_named(text),
                                               1, now()),
                       MQTTSN_EVENT_DONE);
        node.resubscribe = false;
        if (news[0] != '\0' || unasked > 0) {
            snprintf(text, sizeof(text),
                     "woke cycle=%u unasked=%u too_soon=%u%s", cycle - 1,
                     unasked, too_soon, news);
            news[0] = '\0';
            publish(&node, "report", text);
        }
        if (getloadavg(&load, 1) != 1)
            node_die("the load of this machine is not to be had");
        snprintf(text, sizeof(text), "%.2f", load);
        publish(&node, "load", text);
        snprintf(text, sizeof(text), "asleep cycle=%u seconds=%s", cycle,
                 argv[4]);
        publish(&node, "state", text);

        /* Who oversleeps counts as lost: twice the time is announced. */
        node_await(
            &node,
            mqttsn_client_sleep(client, (uint16_t)(2 * sleep.tv_sec), now()),
            MQTTSN_EVENT_ASLEEP);
        while (nanosleep(&sleep, &sleep) < 0)
            continue;
        while (recv(node.port.fd, text, sizeof(text), MSG_DONTWAIT) >= 0)
            unasked++;
        node_await(&node, mqttsn_client_check(client, now()),
                   MQTTSN_EVENT_CHECKED);
    }
}
