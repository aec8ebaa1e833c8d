/* SPDX-License-Identifier: MIT */
/*
 * Stands in the gateway's place, without a protocol: CONNECT, REGISTER and
 * SUBSCRIBE are answered by rote, and with a PUBLISH it does what its role is.
 *
 *   sink   nothing: so the same load can run beside something else
 *   relay  copies the payload behind a header of MQTT that was made once, and
 *          writes what one look at the socket brought with one call
 *   blast  sends it to everyone who has subscribed, by sendmmsg
 *
 * Prints the port that it listens on.
 */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_mqtt.h"
#include "mqttsn/frame.h"

enum {
    BATCH = 64,
    OCTETS = 8192,
    SUBSCRIBERS = 20000,
    SEND_MOST = 1024, /* datagrams per call; the system's limit */
};

static struct floor_options o;
static struct bench_mqtt mqtt = {.fd = -1};
static char topic[FLOOR_TOPIC_MAX];
static struct sockaddr_in subscriber[SUBSCRIBERS];
static unsigned subscribers;
static int fd;

static void reply(const struct sockaddr_in *to,
                  const struct mqttsn_frame *frame)
{
    uint8_t octets[64];
    size_t len;

    if (mqttsn_encode(frame, octets, sizeof(octets), &len) == MQTTSN_OK)
        (void)sendto(fd, octets, len, 0, (const struct sockaddr *)to,
                     sizeof(*to));
}

static void on_subscribe(const struct sockaddr_in *from,
                         const struct mqttsn_frame *f)
{
    struct mqttsn_frame ack = {.type = MQTTSN_SUBACK};
    unsigned i = 0;

    ack.suback.topic_id = 1;
    ack.suback.msg_id = f->subscribe.msg_id;
    while (i < subscribers && memcmp(&subscriber[i], from, sizeof(*from)) != 0)
        i++;
    if (i == subscribers && subscribers < SUBSCRIBERS)
        subscriber[subscribers++] = *from;
    reply(from, &ack);
}

static void blast(struct mqttsn_span datagram)
{
    static struct mmsghdr msg[SEND_MOST];
    struct iovec iov = {.iov_base = (void *)(uintptr_t)datagram.data,
                        .iov_len = datagram.len};

    for (unsigned at = 0; at < subscribers;) {
        unsigned n = subscribers - at;
        int sent;

        n = n < SEND_MOST ? n : SEND_MOST;
        for (unsigned i = 0; i < n; i++)
            msg[i] = (struct mmsghdr){
                .msg_hdr = {.msg_name = &subscriber[at + i],
                            .msg_namelen = sizeof(subscriber[0]),
                            .msg_iov = &iov,
                            .msg_iovlen = 1}};
        sent = sendmmsg(fd, msg, n, 0);
        at += sent > 0 ? (unsigned)sent : 1;
    }
}

static void on_publish(const struct mqttsn_frame *f,
                       struct mqttsn_span datagram)
{
    if (o.role[0] == 'b') {
        blast(datagram);
    } else if (o.role[0] == 'r') {
        while (!bench_mqtt_publish(&mqtt, topic, f->publish.data, 0) &&
               !mqtt.lost)
            poll(&(struct pollfd){mqtt.fd, POLLOUT, 0}, 1, 100);
    }
}

static void on_datagram(const struct sockaddr_in *from,
                        struct mqttsn_span datagram)
{
    struct mqttsn_frame f, ack = {.type = MQTTSN_CONNACK};

    /* What has no protocol does not decode either; the header is known. */
    if (o.role[0] == 's' && datagram.len > 2 &&
        datagram.data[1] == MQTTSN_PUBLISH)
        return;
    if (mqttsn_decode(datagram, MQTTSN_DECODE_STRICT, &f) != MQTTSN_OK)
        return;
    switch ((unsigned)f.type) {
    case MQTTSN_PUBLISH:
        on_publish(&f, datagram);
        break;
    case MQTTSN_CONNECT:
        reply(from, &ack);
        break;
    case MQTTSN_REGISTER:
        ack.type = MQTTSN_REGACK;
        ack.regack.topic_id = 1;
        ack.regack.msg_id = f.reg.msg_id;
        reply(from, &ack);
        break;
    case MQTTSN_SUBSCRIBE:
        on_subscribe(from, &f);
        break;
    case MQTTSN_DISCONNECT:
        ack.type = MQTTSN_DISCONNECT;
        reply(from, &ack);
        break;
    default: /* nothing else is sent to it */
        break;
    }
}

static void serve(void)
{
    static uint8_t octets[BATCH][OCTETS];
    static struct sockaddr_in from[BATCH];
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    int n;

    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){octets[i], OCTETS};
        msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[i],
                                              .msg_namelen = sizeof(from[i]),
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1}};
    }
    n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < n; i++)
        on_datagram(&from[i], mqttsn_span(octets[i], msg[i].msg_len));
    if (mqtt.fd >= 0)
        (void)bench_mqtt_flush(&mqtt);
}

static void open_socket(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)o.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int size = 8 << 20;

    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        floor_fail("no socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
}

static void nothing_arrives(void *user, struct mqttsn_span name,
                            struct mqttsn_span payload)
{
    (void)user;
    (void)name;
    (void)payload;
}

int main(int argc, char **argv)
{
    char error[BENCH_MQTT_ERROR_MAX];
    struct bench_mqtt_place place = {.host = "127.0.0.1",
                                     .client_id = "floor-relay"};

    floor_options(&o, "floor_stand_in", argc, argv);
    if (strcmp(o.role, "sink") != 0 && strcmp(o.role, "relay") != 0 &&
        strcmp(o.role, "blast") != 0)
        floor_fail("--role wants sink, relay or blast");
    place.port = (unsigned)o.broker_port;
    floor_topic(&o, 'u', 0, topic);
    if (o.role[0] == 'r' && bench_mqtt_open(&mqtt, &place, nothing_arrives,
                                            NULL, error) != MQTTSN_OK)
        floor_fail(error);
    open_socket();
    while (floor_goes_on())
        serve();
    if (mqtt.fd >= 0)
        bench_mqtt_close(&mqtt);
    return 0;
}
