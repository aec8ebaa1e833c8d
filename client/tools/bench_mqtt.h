/* SPDX-License-Identifier: MIT */
/*
 * bench_mqtt.h - just enough of MQTT 3.1.1 to stand at the far side of the
 * broker: publish, and see what arrives.
 *
 * One plain TCP connection that is never repaired: once lost, it stays lost,
 * and the measurement is over. Keep alive is off. What arrives with QoS 1 or 2
 * is acknowledged at once. Opening and subscribing wait; nothing else does.
 *
 * Not supported: TLS, wills, kept sessions, sending again.
 */
#ifndef BENCH_MQTT_H
#define BENCH_MQTT_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

enum {
    BENCH_MQTT_ERROR_MAX = 160,
    BENCH_MQTT_BUFFER = 1 << 18, /* each way; the longest packet, too */
};

/* An arrival. The spans hold during the call only. */
typedef void bench_mqtt_arrived(void *user, struct mqttsn_span topic,
                                struct mqttsn_span payload);

/* 'fd', 'lost' and the counters may be read; the rest is private. */
struct bench_mqtt {
    int fd; /* -1: not open */
    bool lost;
    uint64_t under_way; /* published with QoS 1 or 2, not acknowledged */
    uint64_t acknowledged;

    bench_mqtt_arrived *arrived;
    void *user;
    uint8_t *in, *out;
    size_t in_len, out_at, out_len;
    uint16_t next_id;
    uint8_t answer, answer_code; /* the last CONNACK or SUBACK */
};

struct bench_mqtt_place {
    const char *host;
    unsigned port;
    const char *client_id;
    const char *user, *password; /* NULL: none */
};

/*
 * Connects, with a new session. 'arrived' is called from bench_mqtt_read.
 *
 * MQTTSN_EIO: 'ret_error' says why not, in one line.
 */
MQTTSN_CHECKED enum mqttsn_status
bench_mqtt_open(struct bench_mqtt *mqtt, const struct bench_mqtt_place *place,
                bench_mqtt_arrived *arrived, void *user,
                char ret_error[BENCH_MQTT_ERROR_MAX]);

/* False: the broker refuses, or the connection is lost. */
bool bench_mqtt_subscribe(struct bench_mqtt *mqtt, const char *filter,
                          unsigned qos);

/* Puts a PUBLISH into the buffer. False: there is no room for it now. */
bool bench_mqtt_publish(struct bench_mqtt *mqtt, const char *topic,
                        struct mqttsn_span payload, unsigned qos);

/* Writes what the socket takes. False: something is left. */
bool bench_mqtt_flush(struct bench_mqtt *mqtt);

/* Reads what is there, once, and passes it on. */
void bench_mqtt_read(struct bench_mqtt *mqtt);

/* Says DISCONNECT and closes. */
void bench_mqtt_close(struct bench_mqtt *mqtt);

#endif
