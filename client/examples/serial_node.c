/* SPDX-License-Identifier: MIT */
/*
 * serial_node.c - a node behind a serial line and mqttsn-forwarder.
 *
 * usage: serial_node DEVICE CLIENT-ID
 *
 * Publishes the lines of standard input to CLIENT-ID/said with QoS 1. The
 * serial line needs no address; the library asks for one, and any will do.
 */
#include "serial_line.h"
#include "udp_port.h" /* for its clock */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct mqttsn_address gateway = {.len = 1}; /* any will do */

static void die(const char *text)
{
    fprintf(stderr, "error: %s\n", text);
    exit(EXIT_FAILURE);
}

static void pump(struct mqttsn_client *client, int line)
{
    struct mqttsn_client_datagram out;
    struct mqttsn_client_event event;
    uint8_t buf[256];

    while (mqttsn_client_poll_send(client, mqttsn_udp_now(), buf, sizeof(buf),
                                   &out))
        serial_line_send(line, buf, out.len);
    while (mqttsn_client_poll_event(client, &event)) {
        if (event.kind == MQTTSN_EVENT_LOST ||
            event.kind == MQTTSN_EVENT_REFUSED)
            die("no gateway behind this line");
        if (event.kind == MQTTSN_EVENT_DONE)
            puts(event.result ? "refused" : "said");
    }
}

int main(int argc, char **argv)
{
    static uint8_t work[128], input[100]; /* a line that is longer is two */
    static struct mqttsn_client_topic topics[1];
    static struct mqttsn_client_gateway gateways[1];
    static struct mqttsn_client_config config = {
        .keep_alive_s = 60,
        .clean_session = true,
        .work = work,
        .work_cap = sizeof(work),
        .topics = topics,
        .topic_cap = 1,
        .gateways = gateways,
        .gateway_cap = 1,
        .datagram_max = SLIP_FRAME_MAX,
    };
    static struct mqttsn_client client;
    static struct slip slip; /* what comes in */
    char topic[32];
    int line = argc == 3 ? serial_line_open(argv[1]) : -1;

    if (line < 0)
        die("usage: serial_node DEVICE CLIENT-ID");
    snprintf(topic, sizeof(topic), "%s/said", argv[2]);
    config.client_id = mqttsn_span_text(argv[2]);
    if (mqttsn_client_init(&client, &config, mqttsn_udp_seed()) != MQTTSN_OK ||
        mqttsn_client_add_gateway(&client, 1, &gateway) != MQTTSN_OK ||
        mqttsn_client_connect(&client, mqttsn_udp_now()) != MQTTSN_OK)
        die("that is no client id");

    for (;;) {
        struct pollfd fds[] = {{line, POLLIN, 0}, {0, POLLIN, 0}};
        size_t len;

        if (mqttsn_client_busy(&client))
            fds[1].fd = -1; /* one request at a time */
        pump(&client, line);
        (void)poll(fds, 2, 100);
        if (fds[1].revents != 0) {
            ssize_t said = read(STDIN_FILENO, input, sizeof(input));

            if (said <= 0)
                return EXIT_SUCCESS;
            if (mqttsn_client_publish(&client, mqttsn_topic_named(topic),
                                      mqttsn_span(input, (size_t)said - 1), 1,
                                      false, mqttsn_udp_now()) != MQTTSN_OK)
                puts("not now");
        }
        len = serial_line_receive(line, &slip);
        if (len > 0)
            mqttsn_client_on_datagram(&client, &gateway,
                                      mqttsn_span(slip.frame, len),
                                      mqttsn_udp_now());
        mqttsn_client_on_deadline(&client, mqttsn_udp_now());
    }
}
