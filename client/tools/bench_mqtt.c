/* SPDX-License-Identifier: MIT */
#include "bench_mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_stamp.h"
#include "mqttsn/reader.h"
#include "mqttsn/writer.h"

/* Types of packets, MQTT 3.1.1 section 2.2.1. */
enum {
    CONNECT = 1,
    CONNACK = 2,
    PUBLISH = 3,
    PUBACK = 4,
    PUBREC = 5,
    PUBREL = 6,
    PUBCOMP = 7,
    SUBSCRIBE = 8,
    SUBACK = 9,
    DISCONNECT = 14,
};

enum {
    PATIENCE_MS = 5000, /* for an answer of the broker */
    HEADER_MAX = 5,
};

/* ---- out ---------------------------------------------------------------- */

/* Writes type, flags and Remaining Length; returns how many octets. */
static size_t put_header(uint8_t *at, unsigned first, size_t left)
{
    size_t len = 0;

    at[len++] = (uint8_t)first;
    do {
        uint8_t digit = (uint8_t)(left & 0x7f);

        left >>= 7;
        at[len++] = left > 0 ? digit | 0x80 : digit;
    } while (left > 0);
    return len;
}

static void drop(struct bench_mqtt *mqtt)
{
    mqtt->lost = true;
}

bool bench_mqtt_flush(struct bench_mqtt *mqtt)
{
    while (mqtt->out_at < mqtt->out_len && !mqtt->lost) {
        ssize_t n = send(mqtt->fd, mqtt->out + mqtt->out_at,
                         mqtt->out_len - mqtt->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            drop(mqtt);
        if (n <= 0)
            break;
        mqtt->out_at += (size_t)n;
    }
    if (mqtt->out_at < mqtt->out_len && !mqtt->lost)
        return false;
    mqtt->out_at = mqtt->out_len = 0;
    return true;
}

/* Room for 'len' octets in one piece, or NULL. */
static uint8_t *room(struct bench_mqtt *mqtt, size_t len)
{
    if (BENCH_MQTT_BUFFER - mqtt->out_len < len)
        (void)bench_mqtt_flush(mqtt);
    if (BENCH_MQTT_BUFFER - mqtt->out_len < len && mqtt->out_at > 0) {
        mqtt->out_len -= mqtt->out_at;
        memmove(mqtt->out, mqtt->out + mqtt->out_at, mqtt->out_len);
        mqtt->out_at = 0;
    }
    if (BENCH_MQTT_BUFFER - mqtt->out_len < len || mqtt->lost)
        return NULL;
    return mqtt->out + mqtt->out_len;
}

static bool put(struct bench_mqtt *mqtt, unsigned first,
                const struct mqttsn_writer *body)
{
    uint8_t *at = room(mqtt, HEADER_MAX + body->len);
    size_t header;

    if (at == NULL || body->failed)
        return false;
    header = put_header(at, first, body->len);
    memcpy(at + header, body->data, body->len);
    mqtt->out_len += header + body->len;
    return true;
}

static void put_text(struct mqttsn_writer *body, const char *text)
{
    mqttsn_write_u16(body, (uint16_t)strlen(text));
    mqttsn_write_bytes(body, mqttsn_span_text(text));
}

static uint16_t new_id(struct bench_mqtt *mqtt)
{
    if (++mqtt->next_id == 0)
        mqtt->next_id = 1;
    return mqtt->next_id;
}

bool bench_mqtt_publish(struct bench_mqtt *mqtt, const char *topic,
                        struct mqttsn_span payload, unsigned qos)
{
    size_t topic_len = strlen(topic);
    size_t left = 2 + topic_len + (qos > 0 ? 2 : 0) + payload.len;
    uint8_t *at = room(mqtt, HEADER_MAX + left);
    struct mqttsn_writer body;
    size_t header;

    if (at == NULL)
        return false;
    header = put_header(at, PUBLISH << 4 | qos << 1, left);
    mqttsn_writer_init(&body, at + header, left);
    mqttsn_write_u16(&body, (uint16_t)topic_len);
    mqttsn_write_bytes(&body, mqttsn_span(topic, topic_len));
    if (qos > 0)
        mqttsn_write_u16(&body, new_id(mqtt));
    mqttsn_write_bytes(&body, payload);
    mqtt->out_len += header + left;
    mqtt->under_way += qos > 0;
    return true;
}

static void put_ack(struct bench_mqtt *mqtt, unsigned type, uint16_t id)
{
    uint8_t bytes[2];
    struct mqttsn_writer body;

    mqttsn_writer_init(&body, bytes, sizeof(bytes));
    mqttsn_write_u16(&body, id);
    /* A broker that takes nothing while it sends a bufferful is lost to us. */
    if (!put(mqtt, type << 4 | (type == PUBREL ? 2 : 0), &body))
        drop(mqtt);
}

/* ---- in ----------------------------------------------------------------- */

static void on_publish(struct bench_mqtt *mqtt, unsigned flags,
                       struct mqttsn_reader *body)
{
    unsigned qos = flags >> 1 & 3;
    struct mqttsn_span topic = mqttsn_read_bytes(body, mqttsn_read_u16(body));
    uint16_t id = qos > 0 ? mqttsn_read_u16(body) : 0;
    struct mqttsn_span payload = mqttsn_read_rest(body);

    if (body->failed) {
        drop(mqtt);
        return;
    }
    mqtt->arrived(mqtt->user, topic, payload);
    if (qos > 0)
        put_ack(mqtt, qos == 1 ? PUBACK : PUBREC, id);
}

static void on_packet(struct bench_mqtt *mqtt, uint8_t first,
                      struct mqttsn_span bytes)
{
    unsigned type = first >> 4;
    struct mqttsn_reader body;

    mqttsn_reader_init(&body, bytes);
    switch (type) {
    case CONNACK:
    case SUBACK:
        (void)mqttsn_read_u8(&body);
        if (type == SUBACK)
            (void)mqttsn_read_u8(&body);
        mqtt->answer = (uint8_t)type;
        mqtt->answer_code = mqttsn_read_u8(&body);
        break;
    case PUBLISH:
        on_publish(mqtt, first & 15, &body);
        break;
    case PUBACK:
    case PUBCOMP:
        mqtt->under_way--;
        mqtt->acknowledged++;
        break;
    case PUBREC:
        put_ack(mqtt, PUBREL, mqttsn_read_u16(&body));
        break;
    case PUBREL:
        put_ack(mqtt, PUBCOMP, mqttsn_read_u16(&body));
        break;
    default: /* nothing else is asked for */
        break;
    }
}

/* The whole packet at 'at', as its length; 0 when it is not all there. */
static size_t packet_at(const uint8_t *at, size_t have, size_t *ret_header)
{
    size_t left = 0;

    for (size_t i = 1; i < HEADER_MAX && i < have; i++) {
        left |= (size_t)(at[i] & 0x7f) << 7 * (i - 1);
        if ((at[i] & 0x80) == 0) {
            *ret_header = i + 1;
            return i + 1 + left <= have ? i + 1 + left : 0;
        }
    }
    return 0;
}

void bench_mqtt_read(struct bench_mqtt *mqtt)
{
    ssize_t n = recv(mqtt->fd, mqtt->in + mqtt->in_len,
                     BENCH_MQTT_BUFFER - mqtt->in_len, 0);
    size_t at = 0, header, len;
    int one = 1;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(mqtt);
        return;
    }
    /* Or a broker may hold the next message back for 40 ms, and it would be
     * that what is measured. */
    (void)setsockopt(mqtt->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
    mqtt->in_len += (size_t)n;
    while (!mqtt->lost &&
           (len = packet_at(mqtt->in + at, mqtt->in_len - at, &header)) > 0) {
        on_packet(mqtt, mqtt->in[at],
                  mqttsn_span(mqtt->in + at + header, len - header));
        at += len;
    }
    mqtt->in_len -= at;
    memmove(mqtt->in, mqtt->in + at, mqtt->in_len);
    if (mqtt->in_len == BENCH_MQTT_BUFFER)
        drop(mqtt); /* longer than anything we asked for */
}

/* ---- opening and closing ------------------------------------------------ */

/* Waits for the answer of this type. */
static bool wait_answer(struct bench_mqtt *mqtt, unsigned type)
{
    uint64_t until = bench_now_us() + PATIENCE_MS * UINT64_C(1000);

    while (!mqtt->lost && mqtt->answer != type && bench_now_us() < until) {
        bool flushed = bench_mqtt_flush(mqtt);
        struct pollfd p = {.fd = mqtt->fd,
                           .events = flushed ? POLLIN : POLLIN | POLLOUT};

        if (poll(&p, 1, 100) > 0)
            bench_mqtt_read(mqtt);
    }
    return !mqtt->lost && mqtt->answer == type;
}

static int connect_to(const struct addrinfo *at)
{
    int one = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_any(const struct bench_mqtt_place *place)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    char port[8];
    int fd = -1;

    snprintf(port, sizeof(port), "%u", place->port);
    if (getaddrinfo(place->host, port, &hints, &list) != 0)
        return -1;
    for (const struct addrinfo *at = list; at != NULL && fd < 0;
         at = at->ai_next)
        fd = connect_to(at);
    freeaddrinfo(list);
    return fd;
}

static bool put_connect(struct bench_mqtt *mqtt,
                        const struct bench_mqtt_place *place)
{
    uint8_t bytes[1024];
    struct mqttsn_writer body;

    mqttsn_writer_init(&body, bytes, sizeof(bytes));
    put_text(&body, "MQTT");
    mqttsn_write_u8(&body, 4);
    mqttsn_write_u8(&body, (uint8_t)(0x02 | (place->user != NULL ? 0x80 : 0) |
                                     (place->password != NULL ? 0x40 : 0)));
    mqttsn_write_u16(&body, 0);
    put_text(&body, place->client_id);
    if (place->user != NULL)
        put_text(&body, place->user);
    if (place->password != NULL)
        put_text(&body, place->password);
    return put(mqtt, CONNECT << 4, &body);
}

enum mqttsn_status bench_mqtt_open(struct bench_mqtt *mqtt,
                                   const struct bench_mqtt_place *place,
                                   bench_mqtt_arrived *arrived, void *user,
                                   char ret_error[BENCH_MQTT_ERROR_MAX])
{
    const char *reason = "no memory";

    *mqtt = (struct bench_mqtt){.fd = -1, .arrived = arrived, .user = user};
    mqtt->in = malloc(BENCH_MQTT_BUFFER);
    mqtt->out = malloc(BENCH_MQTT_BUFFER);
    if (mqtt->in == NULL || mqtt->out == NULL)
        goto fail;
    reason = "nobody answers there";
    mqtt->fd = connect_any(place);
    if (mqtt->fd < 0)
        goto fail;
    reason = "user, password or client id is too long";
    if (!put_connect(mqtt, place))
        goto fail;
    reason = "it does not speak MQTT 3.1.1";
    if (!wait_answer(mqtt, CONNACK))
        goto fail;
    reason = "it refuses the connection";
    if (mqtt->answer_code == 0)
        return MQTTSN_OK;

fail:
    snprintf(ret_error, BENCH_MQTT_ERROR_MAX, "the broker at %.80s:%u: %s",
             place->host, place->port, reason);
    mqtt->lost = true;
    bench_mqtt_close(mqtt);
    return MQTTSN_EIO;
}

bool bench_mqtt_subscribe(struct bench_mqtt *mqtt, const char *filter,
                          unsigned qos)
{
    uint8_t bytes[512];
    struct mqttsn_writer body;

    mqttsn_writer_init(&body, bytes, sizeof(bytes));
    mqttsn_write_u16(&body, new_id(mqtt));
    put_text(&body, filter);
    mqttsn_write_u8(&body, (uint8_t)qos);
    mqtt->answer = 0;
    return put(mqtt, SUBSCRIBE << 4 | 2, &body) && wait_answer(mqtt, SUBACK) &&
           mqtt->answer_code <= 2;
}

void bench_mqtt_close(struct bench_mqtt *mqtt)
{
    struct mqttsn_writer nothing;
    uint8_t none[1];

    mqttsn_writer_init(&nothing, none, 0);
    if (mqtt->fd >= 0 && !mqtt->lost && put(mqtt, DISCONNECT << 4, &nothing))
        (void)bench_mqtt_flush(mqtt);
    if (mqtt->fd >= 0)
        close(mqtt->fd);
    free(mqtt->in);
    free(mqtt->out);
    mqtt->fd = -1;
    mqtt->in = mqtt->out = NULL;
}
