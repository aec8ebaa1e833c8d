/* SPDX-License-Identifier: MIT */
/*
 * button.c - a button that tells of being pressed, with QoS -1.
 *
 * usage: button GATEWAY PORT PREDEFINED-TOPIC-ID
 *
 * Each line on standard input is a press. There is no connection, no answer
 * and no state: the node is off until it is pressed, says so in one datagram,
 * and is off again. The gateway takes it only on a topic that its
 * configuration calls open: "[predefined] 102 = site/door/bell, open". What
 * may not be lost is sent with QoS 1 instead; see actuator.c.
 */
#include "host_node.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct node node;
    char line[64];

    if (argc != 4)
        node_die("usage: button GATEWAY PORT PREDEFINED-TOPIC-ID");
    /* The client id is not sent with QoS -1. */
    node_open(&node, argv[1], argv[2], "button");

    while (fgets(line, sizeof(line), stdin) != NULL) {
        node_await(&node,
                   mqttsn_client_publish(
                       &node.client,
                       mqttsn_topic_predefined((uint16_t)atoi(argv[3])),
                       mqttsn_span_text("pressed"), -1, false, now()),
                   MQTTSN_EVENT_DONE);
        printf("pressed\n");
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
