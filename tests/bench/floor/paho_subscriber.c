/* SPDX-License-Identifier: MIT */
/*
 * A bare Paho subscriber, and who publishes for it: the broker's side of
 * mqttsn-bench, in a thread of its own, with a window that arrivals open
 * again. The callback checks and counts, and that is all.
 *
 * Prints what mqttsn-bench --json prints, as far as it applies.
 */
#include "floor.h"

#include <MQTTAsync.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench_mqtt.h"
#include "bench_tally.h"

static struct floor_options o;
static atomic_bool subscribed, failed;
static atomic_ulong taken; /* released after what it counts */

/* Paho's receiving thread's, until it is over. */
static struct bench_tally tally;
static struct bench_spread latency;
static uint64_t last_us, damaged;

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    (void)context;
    (void)data;
    atomic_store(&subscribed, true);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    (void)data;
    atomic_store(&failed, true);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    on_failed(context, NULL);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    char filter[FLOOR_TOPIC_MAX];

    (void)data;
    options.onSuccess = on_subscribed;
    options.onFailure = on_failed;
    snprintf(filter, sizeof(filter), "bench/%ld/d/#", o.run);
    /* At QoS 2, as a gateway does. */
    if (MQTTAsync_subscribe(context, filter, 2, &options) != MQTTASYNC_SUCCESS)
        atomic_store(&failed, true);
}

static int on_message(void *context, char *topic, int len,
                      MQTTAsync_message *message)
{
    struct bench_stamp stamp;

    (void)context;
    (void)len;
    if (!bench_stamp_read(
            mqttsn_span(message->payload, (size_t)message->payloadlen),
            &stamp) ||
        stamp.run != (uint32_t)o.run) {
        damaged++;
    } else {
        last_us = bench_now_us();
        bench_tally_add(&tally, stamp.number);
        bench_spread_add(&latency, last_us - stamp.sent_us);
        atomic_fetch_add_explicit(&taken, 1, memory_order_release);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void nothing_arrives(void *user, struct mqttsn_span topic,
                            struct mqttsn_span payload)
{
    (void)user;
    (void)topic;
    (void)payload;
}

static void begin_paho(MQTTAsync *handle)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    char uri[64], id[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%ld", o.broker_port);
    snprintf(id, sizeof(id), "floor-%ld", (long)getpid());
    if (MQTTAsync_create(handle, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL) !=
            MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(*handle, NULL, on_lost, on_message, NULL) !=
            MQTTASYNC_SUCCESS)
        floor_fail("Paho does not begin");
    options.cleansession = 1;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.onSuccess = on_connected;
    options.onFailure = on_failed;
    options.context = *handle;
    if (MQTTAsync_connect(*handle, &options) != MQTTASYNC_SUCCESS)
        floor_fail("Paho does not connect");
    while (!atomic_load(&subscribed) && !atomic_load(&failed))
        poll(NULL, 0, 10);
    if (atomic_load(&failed))
        floor_fail("the broker does not answer");
}

static bool publish(struct bench_mqtt *mqtt, uint32_t number)
{
    struct bench_stamp stamp = {(uint32_t)o.run, number % (uint32_t)o.nodes,
                                number, bench_now_us()};
    uint8_t payload[FLOOR_PAYLOAD_MAX];
    char topic[FLOOR_TOPIC_MAX];

    bench_stamp_write(payload, (size_t)o.size, &stamp);
    floor_topic(&o, 'd', stamp.stream, topic);
    return bench_mqtt_publish(mqtt, topic, mqttsn_span(payload, (size_t)o.size),
                              (unsigned)o.qos);
}

/* Publishes what the window and the rate allow; how many that were so far. */
static uint32_t publish_some(struct bench_mqtt *mqtt, uint32_t sent,
                             uint64_t from)
{
    uint64_t most =
        atomic_load_explicit(&taken, memory_order_acquire) + (uint64_t)o.window;

    if (o.rate > 0) {
        uint64_t due = (bench_now_us() - from) * (uint64_t)o.rate / 1000000 + 1;

        most = due < most ? due : most;
    }
    while (sent < most && publish(mqtt, sent))
        sent++;
    (void)bench_mqtt_flush(mqtt);
    return sent;
}

static uint32_t load(struct bench_mqtt *mqtt, uint64_t from)
{
    uint64_t until = from + (uint64_t)o.seconds * 1000000;
    struct timespec pause = {0, 100000};
    uint32_t sent = 0;

    while (floor_goes_on() && bench_now_us() < until && !mqtt->lost) {
        uint32_t before = sent;

        sent = publish_some(mqtt, sent, from);
        if (sent == before)
            nanosleep(&pause, NULL);
    }
    until = bench_now_us() + 2000000;
    while (atomic_load_explicit(&taken, memory_order_acquire) < sent &&
           bench_now_us() < until) {
        (void)bench_mqtt_flush(mqtt);
        poll(NULL, 0, 10);
    }
    return sent;
}

int main(int argc, char **argv)
{
    char error[BENCH_MQTT_ERROR_MAX], id[64];
    struct bench_mqtt_place place = {.host = "127.0.0.1", .client_id = id};
    struct bench_mqtt mqtt;
    MQTTAsync handle = NULL;
    uint64_t from;
    uint32_t sent;
    double took;

    floor_options(&o, "floor_paho_subscriber", argc, argv);
    place.port = (unsigned)o.broker_port;
    snprintf(id, sizeof(id), "floor-%ld-source", (long)getpid());
    begin_paho(&handle);
    if (bench_mqtt_open(&mqtt, &place, nothing_arrives, NULL, error) !=
        MQTTSN_OK)
        floor_fail(error);
    from = bench_now_us();
    sent = load(&mqtt, from);
    took = (double)(last_us - from) / 1e6;
    printf("{\"sent\": %" PRIu32 ", \"arrived\": %" PRIu32
           ", \"duplicates\": %" PRIu32 ", \"damaged\": %" PRIu64
           ", \"seconds\": %.3f, \"rate\": %.0f, \"latency_ms_p50\": %.3f"
           ", \"latency_ms_p99\": %.3f}\n",
           sent, tally.count, tally.repeated, damaged, took,
           took > 0 ? tally.count / took : 0,
           (double)bench_spread_part(&latency, 0.5) / 1e3,
           (double)bench_spread_part(&latency, 0.99) / 1e3);
    bench_mqtt_close(&mqtt);
    return sent == tally.count && damaged == 0 ? 0 : 1;
}
