/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPAN_US 300000
#define NODES_MAX 256

/* In the gateway's place, in a process of its own: takes all, says nothing. */
static void swallow(int fd)
{
    static uint8_t bytes[BENCH_BATCH][BENCH_DATAGRAM];
    struct mmsghdr msg[BENCH_BATCH];
    struct iovec iov[BENCH_BATCH];

    for (unsigned i = 0; i < BENCH_BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], BENCH_DATAGRAM};
        msg[i] =
            (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    for (;;)
        (void)recvmmsg(fd, msg, BENCH_BATCH, MSG_WAITFORONE, NULL);
}

/* The same, but sends one message to each node, and again. */
static void pour(const struct bench *b, int fd)
{
    static uint8_t bytes[NODES_MAX][BENCH_PAYLOAD_MAX + 16];
    static struct sockaddr_storage to[NODES_MAX];
    struct mmsghdr msg[NODES_MAX];
    struct iovec iov[NODES_MAX];

    for (size_t i = 0; i < b->count; i++) {
        uint8_t payload[BENCH_PAYLOAD_MAX];
        struct bench_stamp stamp = {b->run, (uint32_t)i, 0, 0};
        struct mqttsn_frame frame = {.type = MQTTSN_PUBLISH};
        socklen_t len = sizeof(to[i]);

        bench_stamp_write(payload, (size_t)b->options.size, &stamp);
        frame.publish.data = mqttsn_span(payload, (size_t)b->options.size);
        iov[i].iov_base = bytes[i];
        if (mqttsn_encode(&frame, bytes[i], sizeof(bytes[i]),
                          &iov[i].iov_len) != MQTTSN_OK ||
            getsockname(b->nodes[i].fd, (struct sockaddr *)&to[i], &len) != 0)
            return;
        msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &to[i],
                                              .msg_namelen = len,
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1}};
    }
    for (;;)
        (void)sendmmsg(fd, msg, (unsigned)b->count, 0);
}

static pid_t begin(const struct bench *b, int fd, bool pours)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pours)
        pour(b, fd);
    else
        swallow(fd);
    _exit(EXIT_FAILED);
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

static uint64_t a_second(uint64_t count, uint64_t from_us)
{
    uint64_t us = bench_now_us() - from_us;

    return us > 0 ? count * 1000000 / us : 0;
}

static uint64_t measure_out(struct bench *b, int fd)
{
    pid_t child = begin(b, fd, false);
    uint64_t from = bench_now_us(), count = 0;

    if (child < 0)
        return 0;
    while (bench_now_us() < from + SPAN_US) {
        struct bench_node *node = &b->nodes[count / 8 % b->count];

        for (uint32_t i = 0; i < 8; i++, count++)
            bench_put_publish(b, node, i, from, 0, false);
    }
    bench_flush(b);
    count = a_second(count, from);
    end(child);
    return count;
}

static uint64_t measure_in(struct bench *b, int fd)
{
    pid_t child = begin(b, fd, true);
    uint64_t from = bench_now_us();

    if (child < 0)
        return 0;
    b->now = b->next_check = from;
    while (b->now < from + SPAN_US)
        bench_turn(b, from + SPAN_US);
    end(child);
    return a_second(b->down.arrived + b->down.repeated, from);
}

void bench_ceiling(struct bench *b)
{
    struct bench *probe = calloc(1, sizeof(*probe));
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (probe == NULL || fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0 ||
        mqttsn_udp_resolve("127.0.0.1", ntohs(at.sin_port), AF_INET,
                           &probe->place, 1) != 1)
        goto done; /* not known, then */
    probe->options = b->options;
    probe->options.mode = BENCH_DOWN;
    probe->options.common.debug = false;
    probe->options.common.quiet = true;
    probe->options.common.qos = 0;
    if (probe->options.nodes > NODES_MAX)
        probe->options.nodes = NODES_MAX;
    probe->run = b->run;
    probe->mqtt.fd = -1;
    if (bench_nodes_open(probe)) {
        b->ceiling_out = measure_out(probe, fd);
        b->ceiling_in = measure_in(probe, fd);
    }
    bench_nodes_close(probe);

done:
    if (fd >= 0)
        close(fd);
    free(probe);
}
