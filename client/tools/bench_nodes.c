/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BROKER UINT32_MAX /* in place of a node's number */
#define CHECK_US 20000
#define EVENTS 256

/* ---- sockets ------------------------------------------------------------ */

static bool allow_files(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

static bool open_node(struct bench *b, size_t i)
{
    struct bench_node *node = &b->nodes[i];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    struct mqttsn_udp_port port;
    int size = 1 << 20;

    if (mqttsn_udp_open(&port, b->place.family, b->place.interface) !=
        MQTTSN_OK)
        return false;
    if (mqttsn_udp_connect(&port, &b->place.address) != MQTTSN_OK) {
        mqttsn_udp_close(&port);
        return false;
    }
    node->fd = port.fd;
    /* As far as the system allows; what is lost for want of it is counted. */
    (void)setsockopt(node->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return epoll_ctl(b->epoll, EPOLL_CTL_ADD, node->fd, &event) == 0;
}

bool bench_nodes_open(struct bench *b)
{
    const struct bench_options *o = &b->options;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = BROKER};
    bool publishes =
        o->common.qos > 0 && (o->mode == BENCH_UP || o->mode == BENCH_MIXED);

    b->count = (size_t)o->nodes;
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->nodes = calloc(b->count, sizeof(*b->nodes));
    b->turn = calloc(b->count, sizeof(*b->turn));
    b->in_bytes = malloc((size_t)BENCH_BATCH * BENCH_DATAGRAM);
    b->out_bytes = malloc((size_t)BENCH_BATCH * BENCH_DATAGRAM);
    if (b->epoll < 0 || b->nodes == NULL || b->turn == NULL ||
        b->in_bytes == NULL || b->out_bytes == NULL) {
        node_complain("mqttsn-bench", false, "no memory for so many nodes");
        return false;
    }
    for (size_t i = 0; i < b->count; i++)
        b->nodes[i].fd = -1;
    if (!allow_files(b->count + 32)) {
        node_complain("mqttsn-bench", b->options.common.quiet,
                      "so many nodes need %zu open files (ulimit -n)",
                      b->count + 32);
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        struct bench_node *node = &b->nodes[i];

        if (publishes)
            node->exchange = calloc((size_t)o->window, sizeof(*node->exchange));
        if ((publishes && node->exchange == NULL) || !open_node(b, i)) {
            node_complain("mqttsn-bench", false, "no socket for node %zu: %s",
                          i, strerror(errno));
            return false;
        }
    }
    if (b->mqtt.fd >= 0 &&
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->mqtt.fd, &event) != 0)
        return false;
    return true;
}

void bench_nodes_close(struct bench *b)
{
    for (size_t i = 0; b->nodes != NULL && i < b->count; i++) {
        if (b->nodes[i].fd >= 0)
            close(b->nodes[i].fd);
        free(b->nodes[i].exchange);
    }
    if (b->epoll >= 0)
        close(b->epoll);
    free(b->nodes);
    free(b->turn);
    free(b->in_bytes);
    free(b->out_bytes);
}

/* ---- sending ------------------------------------------------------------ */

/* What a socket had to tell. True when the datagram at hand is the matter, and
 * not one before it: that has been told now, and is over. */
static bool on_error(struct bench *b, int error)
{
    b->up.send_failed++;
    if (error != ECONNREFUSED)
        return true;
    if (b->connected == 0)
        b->nobody = b->ended = true;
    return b->ended;
}

/* The first datagram of those left was refused. True: try it again. */
static bool refused(struct bench *b, int fd, int error)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (error == EINTR)
        return true;
    if (error == EAGAIN) {
        b->up.send_blocked++;
        return poll(&p, 1, 100) > 0;
    }
    return !on_error(b, error);
}

void bench_flush(struct bench *b)
{
    struct mmsghdr msg[BENCH_BATCH];
    struct iovec iov[BENCH_BATCH];
    unsigned at = 0;

    for (unsigned i = 0; i < b->out_count; i++) {
        iov[i].iov_base = b->out_bytes + (size_t)i * BENCH_DATAGRAM;
        iov[i].iov_len = b->out_len[i];
        msg[i] =
            (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
        if (b->options.common.debug)
            node_trace('>', NULL, mqttsn_span(iov[i].iov_base, iov[i].iov_len));
    }
    while (at < b->out_count) {
        int fd = b->out_node->fd;
        int n = sendmmsg(fd, msg + at, b->out_count - at, MSG_DONTWAIT);

        if (n > 0)
            at += (unsigned)n;
        else if (!refused(b, fd, errno))
            at++;
    }
    b->out_count = 0;
}

void bench_put(struct bench *b, struct bench_node *node,
               const struct mqttsn_frame *frame)
{
    unsigned i;

    if (b->out_count == BENCH_BATCH || b->out_node != node)
        bench_flush(b);
    i = b->out_count;
    b->out_node = node;
    if (mqttsn_encode(frame, b->out_bytes + (size_t)i * BENCH_DATAGRAM,
                      BENCH_DATAGRAM, &b->out_len[i]) == MQTTSN_OK)
        b->out_count++;
}

void bench_put_publish(struct bench *b, struct bench_node *node,
                       uint32_t number, uint64_t sent_us, uint16_t msg_id,
                       bool dup)
{
    uint8_t payload[BENCH_PAYLOAD_MAX];
    struct bench_stamp stamp = {b->run, (uint32_t)(node - b->nodes), number,
                                sent_us};
    struct mqttsn_frame frame = {.type = MQTTSN_PUBLISH};

    bench_stamp_write(payload, (size_t)b->options.size, &stamp);
    frame.publish.flags.qos = (uint8_t)b->options.common.qos;
    frame.publish.flags.dup = dup;
    frame.publish.topic_id = node->topic_id;
    frame.publish.msg_id = msg_id;
    frame.publish.data = mqttsn_span(payload, (size_t)b->options.size);
    bench_put(b, node, &frame);
}

/* ---- control exchanges -------------------------------------------------- */

static uint16_t new_id(struct bench_node *node)
{
    if (++node->msg_id == 0)
        node->msg_id = 1;
    return node->msg_id;
}

void bench_topic(const struct bench *b, const struct bench_node *node, char way,
                 char ret_topic[BENCH_TOPIC_MAX])
{
    /* Node 0 of those that sleep is the one that does not. */
    bool all = way == 'd' && (b->options.mode == BENCH_FAN_OUT ||
                              (b->options.mode == BENCH_SLEEP &&
                               b->options.shared && node != b->nodes));

    if (all)
        snprintf(ret_topic, BENCH_TOPIC_MAX, "%s/all", b->topic);
    else
        snprintf(ret_topic, BENCH_TOPIC_MAX, "%s/%c/%zu", b->topic, way,
                 (size_t)(node - b->nodes));
}

static void put_step(struct bench *b, struct bench_node *node)
{
    const struct node_options *o = &b->options.common;
    char id[64], topic[BENCH_TOPIC_MAX];
    struct mqttsn_frame frame = {.type = MQTTSN_CONNECT};

    snprintf(id, sizeof(id), "%s%zu", b->id, (size_t)(node - b->nodes));
    switch (node->step) {
    case STEP_CONNECT:
        frame.connect.flags.clean_session = true;
        frame.connect.protocol_id = MQTTSN_PROTOCOL_ID;
        frame.connect.duration_s = (uint16_t)o->keep_alive_s;
        frame.connect.client_id = mqttsn_span_text(id);
        break;
    case STEP_REGISTER:
        bench_topic(b, node, 'u', topic);
        frame.type = MQTTSN_REGISTER;
        frame.reg.msg_id = node->asked_id;
        frame.reg.topic_name = mqttsn_span_text(topic);
        break;
    case STEP_SUBSCRIBE:
        bench_topic(b, node, 'd', topic);
        frame.type = MQTTSN_SUBSCRIBE;
        frame.subscribe.flags.qos = (uint8_t)o->qos;
        frame.subscribe.flags.dup = node->tries > 0;
        frame.subscribe.msg_id = node->asked_id;
        frame.subscribe.topic_name = mqttsn_span_text(topic);
        break;
    case STEP_SLEEP:
        frame.type = MQTTSN_DISCONNECT;
        frame.disconnect.has_duration = true;
        frame.disconnect.duration_s = UINT16_MAX;
        break;
    case STEP_AWAKE:
        frame.type = MQTTSN_PINGREQ;
        frame.pingreq.client_id = mqttsn_span_text(id);
        break;
    case STEP_LEAVE:
        frame.type = MQTTSN_DISCONNECT;
        break;
    case STEP_NONE:
    case STEP_READY:
    case STEP_ASLEEP:
    case STEP_GONE:
        return; /* nothing to ask for */
    }
    bench_put(b, node, &frame);
}

/* Whether the step ends by an answer. */
static bool is_open(enum bench_step step)
{
    return step != STEP_NONE && step != STEP_READY && step != STEP_ASLEEP &&
           step != STEP_GONE;
}

static void enter(struct bench *b, struct bench_node *node,
                  enum bench_step step)
{
    b->open -= is_open(node->step);
    b->open += is_open(step);
    node->step = step;
}

void bench_begin(struct bench *b, struct bench_node *node, enum bench_step step)
{
    enter(b, node, step);
    node->tries = 0;
    node->asked_us = node->begun_us = bench_now_us();
    node->asked_id = new_id(node);
    put_step(b, node);
}

/* The step has had its answer. */
static void on_step_done(struct bench *b, struct bench_node *node)
{
    enum bench_step done = node->step;
    bool goes_up =
        b->options.mode == BENCH_UP || b->options.mode == BENCH_MIXED;
    bool comes_down =
        b->options.mode != BENCH_UP && b->options.mode != BENCH_CONNECT;

    if (done == STEP_CONNECT)
        b->connected++;
    if (done == STEP_CONNECT && b->options.mode == BENCH_CONNECT)
        bench_spread_add(&b->answer, b->now - node->begun_us);
    if (done == STEP_CONNECT && goes_up)
        bench_begin(b, node, STEP_REGISTER);
    else if (done <= STEP_REGISTER && comes_down)
        bench_begin(b, node, STEP_SUBSCRIBE);
    else if (done <= STEP_SUBSCRIBE)
        enter(b, node, STEP_READY);
    else if (done == STEP_SLEEP || done == STEP_AWAKE)
        enter(b, node, STEP_ASLEEP);
    else
        enter(b, node, STEP_GONE);
}

static void on_answer(struct bench *b, struct bench_node *node,
                      enum bench_step step, uint16_t msg_id, uint8_t code)
{
    if (node->step != step || msg_id != node->asked_id)
        return; /* to what has been repeated */
    if (code == MQTTSN_ACCEPTED) {
        on_step_done(b, node);
        return;
    }
    b->up.refused++;
    enter(b, node, STEP_GONE);
}

static void repeat_step(struct bench *b, struct bench_node *node)
{
    uint64_t patience = b->options.common.retry_ms * 1000;

    if (!is_open(node->step) || b->now < node->asked_us + patience)
        return;
    if (++node->tries > 5) {
        b->up.abandoned++;
        enter(b, node, STEP_GONE);
        return;
    }
    b->up.retransmitted++;
    node->asked_us = b->now;
    put_step(b, node);
}

void bench_check(struct bench *b)
{
    if (b->now >= b->next_check) {
        b->next_check = b->now + CHECK_US;
        for (size_t i = 0; i < b->count; i++) {
            repeat_step(b, &b->nodes[i]);
            if (b->loading)
                bench_load_check(b, &b->nodes[i]);
        }
        bench_progress(b);
    }
    while (b->next_node < b->count && b->open < b->open_max) {
        struct bench_node *node = &b->nodes[b->next_node++];

        if (node->step != STEP_GONE)
            bench_begin(b, node, b->first_step);
    }
    bench_flush(b);
    b->asked |= node_signals() > 0;
    b->ended |= node_signals() > 1 || b->mqtt.lost;
}

/* ---- hearing ------------------------------------------------------------ */

static struct bench_exchange *
exchange_find(struct bench *b, struct bench_node *node, uint16_t msg_id)
{
    for (long i = 0; node->exchange != NULL && i < b->options.window; i++)
        if (node->exchange[i].used && node->exchange[i].msg_id == msg_id)
            return &node->exchange[i];
    return NULL;
}

static void answer(struct bench *b, struct bench_node *node,
                   enum mqttsn_type type, uint16_t msg_id)
{
    struct mqttsn_frame frame = {.type = type};

    frame.pubrec.msg_id = msg_id; /* the same place in all four */
    bench_put(b, node, &frame);
    node->round_trips++;
}

static void on_publish(struct bench *b, struct bench_node *node,
                       const struct mqttsn_frame *f)
{
    struct mqttsn_frame ack = {.type = MQTTSN_PUBACK};

    bench_arrived_down(b, node, f->publish.data);
    if (f->publish.flags.qos == 2) {
        answer(b, node, MQTTSN_PUBREC, f->publish.msg_id);
    } else if (f->publish.flags.qos == 1) {
        ack.puback.topic_id = f->publish.topic_id;
        ack.puback.msg_id = f->publish.msg_id;
        bench_put(b, node, &ack);
        node->round_trips++;
    }
}

static void on_pubrec(struct bench *b, struct bench_node *node, uint16_t msg_id)
{
    struct bench_exchange *exchange = exchange_find(b, node, msg_id);

    if (exchange != NULL) {
        exchange->released = true;
        exchange->last_us = b->now;
    }
    answer(b, node, MQTTSN_PUBREL, msg_id);
}

static void on_ack(struct bench *b, struct bench_node *node, uint16_t msg_id,
                   uint8_t code)
{
    struct bench_exchange *exchange = exchange_find(b, node, msg_id);

    if (exchange != NULL)
        bench_acknowledged(b, node, exchange, code);
}

static void on_register(struct bench *b, struct bench_node *node,
                        const struct mqttsn_frame *f)
{
    struct mqttsn_frame ack = {.type = MQTTSN_REGACK};

    ack.regack.topic_id = f->reg.topic_id;
    ack.regack.msg_id = f->reg.msg_id;
    bench_put(b, node, &ack);
    node->round_trips++;
    node->registers++;
}

/* The gateway parts from us, or lets us sleep, or go. */
static void on_disconnect(struct bench *b, struct bench_node *node)
{
    if (node->step == STEP_SLEEP || node->step == STEP_LEAVE) {
        on_step_done(b, node);
        return;
    }
    b->up.refused++;
    enter(b, node, STEP_GONE);
}

static void on_pingresp(struct bench *b, struct bench_node *node)
{
    if (node->step != STEP_AWAKE)
        return;
    node->round_trips++;
    bench_spread_add(&b->complete, b->now - node->begun_us);
    bench_spread_add(&b->trips, node->round_trips);
    on_step_done(b, node);
}

static void on_frame(struct bench *b, struct bench_node *node,
                     const struct mqttsn_frame *f)
{
    struct mqttsn_frame pong = {.type = MQTTSN_PINGRESP};

    if (node->step == STEP_AWAKE && !node->heard) {
        node->heard = true;
        bench_spread_add(&b->answer, b->now - node->begun_us);
    }
    switch ((unsigned)f->type) {
    case MQTTSN_CONNACK:
        on_answer(b, node, STEP_CONNECT, node->asked_id,
                  f->connack.return_code);
        break;
    case MQTTSN_REGACK:
        if (node->step == STEP_REGISTER)
            node->topic_id = f->regack.topic_id;
        on_answer(b, node, STEP_REGISTER, f->regack.msg_id,
                  f->regack.return_code);
        break;
    case MQTTSN_SUBACK:
        on_answer(b, node, STEP_SUBSCRIBE, f->suback.msg_id,
                  f->suback.return_code);
        break;
    case MQTTSN_REGISTER:
        on_register(b, node, f);
        break;
    case MQTTSN_PUBLISH:
        on_publish(b, node, f);
        break;
    case MQTTSN_PUBACK:
        on_ack(b, node, f->puback.msg_id, f->puback.return_code);
        break;
    case MQTTSN_PUBREC:
        on_pubrec(b, node, f->pubrec.msg_id);
        break;
    case MQTTSN_PUBREL:
        answer(b, node, MQTTSN_PUBCOMP, f->pubrel.msg_id);
        break;
    case MQTTSN_PUBCOMP:
        on_ack(b, node, f->pubcomp.msg_id, MQTTSN_ACCEPTED);
        break;
    case MQTTSN_PINGREQ:
        bench_put(b, node, &pong);
        break;
    case MQTTSN_PINGRESP:
        on_pingresp(b, node);
        break;
    case MQTTSN_DISCONNECT:
        on_disconnect(b, node);
        break;
    default: /* not for us */
        break;
    }
}

static void hear(struct bench *b, struct bench_node *node)
{
    struct mmsghdr msg[BENCH_BATCH];
    struct iovec iov[BENCH_BATCH];
    /* Who has little under way is sent little at a time. */
    unsigned room = b->options.window < BENCH_BATCH / 2
                        ? (unsigned)b->options.window + 2
                        : BENCH_BATCH;
    int n;

    for (unsigned i = 0; i < room; i++) {
        iov[i] = (struct iovec){b->in_bytes + (size_t)i * BENCH_DATAGRAM,
                                BENCH_DATAGRAM};
        msg[i] =
            (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    n = recvmmsg(node->fd, msg, room, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        (void)on_error(b, errno);
    for (int i = 0; i < n; i++) {
        struct mqttsn_span bytes = mqttsn_span(iov[i].iov_base, msg[i].msg_len);
        struct mqttsn_frame frame;

        if (b->options.common.debug)
            node_trace('<', NULL, bytes);
        if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &frame) == MQTTSN_OK)
            on_frame(b, node, &frame);
        else
            b->down.damaged++;
    }
    bench_flush(b);
}

/* ---- the turn ----------------------------------------------------------- */

static void wait_for(struct bench *b, uint64_t until)
{
    struct pollfd p[2] = {{.fd = b->epoll, .events = POLLIN},
                          {.fd = b->mqtt.fd, .events = POLLOUT}};
    uint64_t us = until > b->now ? until - b->now : 0;
    struct timespec left = {(time_t)(us / 1000000),
                            (long)(us % 1000000) * 1000};
    nfds_t count = b->mqtt.fd >= 0 && b->mqtt.out_len > 0 ? 2 : 1;

    (void)ppoll(p, count, &left, node_signal_mask());
}

void bench_turn(struct bench *b, uint64_t until)
{
    struct epoll_event event[EVENTS];
    int n;

    if (b->mqtt.fd >= 0)
        (void)bench_mqtt_flush(&b->mqtt);
    n = epoll_wait(b->epoll, event, EVENTS, 0);
    if (n <= 0) {
        b->now = bench_now_us();
        wait_for(b, until < b->next_check ? until : b->next_check);
        n = epoll_wait(b->epoll, event, EVENTS, 0);
    }
    b->now = bench_now_us();
    for (int i = 0; i < n; i++) {
        b->now = bench_now_us();
        if (event[i].data.u32 == BROKER)
            bench_mqtt_read(&b->mqtt);
        else
            hear(b, &b->nodes[event[i].data.u32]);
    }
    b->now = bench_now_us();
    bench_check(b);
}

void bench_prepare(struct bench *b, enum bench_step last, size_t open_max)
{
    /* What a signal has ended before is still put in order. */
    bool asked = b->asked;

    b->first_step = last == STEP_READY ? STEP_CONNECT : last;
    b->open_max = open_max;
    b->next_node = 0;
    b->now = bench_now_us();
    bench_check(b);
    while (!b->ended && b->asked == asked &&
           (b->open > 0 || b->next_node < b->count))
        bench_turn(b, b->now + CHECK_US);
}
