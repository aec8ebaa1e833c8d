/* SPDX-License-Identifier: MIT */
/*
 * A bare Paho publisher: the messages of all nodes, as fast as Paho and the
 * window allow, from a thread that does nothing else. What arrives is counted
 * by an mqttsn-bench that runs beside it, with the same number of a run.
 *
 * It waits until half the window is free before it goes on: to be woken for
 * each message costs it more than it gains.
 */
#include "floor.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool connected, failed, waiting;
    long under_way, limit;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .change = PTHREAD_COND_INITIALIZER};

static void on_connected(void *context, MQTTAsync_successData *data)
{
    (void)context;
    (void)data;
    pthread_mutex_lock(&state.lock);
    state.connected = true;
    pthread_cond_signal(&state.change);
    pthread_mutex_unlock(&state.lock);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    (void)data;
    pthread_mutex_lock(&state.lock);
    state.failed = true;
    pthread_cond_signal(&state.change);
    pthread_mutex_unlock(&state.lock);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    on_failed(context, NULL);
}

static int on_message(void *context, char *topic, int len,
                      MQTTAsync_message *message)
{
    (void)context;
    (void)len;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_done(void *context, MQTTAsync_successData *data)
{
    (void)context;
    (void)data;
    pthread_mutex_lock(&state.lock);
    state.under_way--;
    if (state.waiting && state.under_way <= state.limit)
        pthread_cond_signal(&state.change);
    pthread_mutex_unlock(&state.lock);
}

static void connect_broker(MQTTAsync *handle, const struct floor_options *o)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    char uri[64], id[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%ld", o->broker_port);
    snprintf(id, sizeof(id), "floor-%ld", (long)getpid());
    options.cleansession = 1;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.onSuccess = on_connected;
    options.onFailure = on_failed;
    if (MQTTAsync_create(handle, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL) !=
            MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(*handle, NULL, on_lost, on_message, NULL) !=
            MQTTASYNC_SUCCESS ||
        MQTTAsync_connect(*handle, &options) != MQTTASYNC_SUCCESS)
        floor_fail("Paho does not begin");
    pthread_mutex_lock(&state.lock);
    while (!state.connected && !state.failed)
        pthread_cond_wait(&state.change, &state.lock);
    pthread_mutex_unlock(&state.lock);
    if (state.failed)
        floor_fail("the broker does not answer");
}

/* One more is under way; waits for room first. False: it is over. */
static bool take_room(const struct floor_options *o)
{
    bool goes_on;

    pthread_mutex_lock(&state.lock);
    state.waiting = state.under_way >= o->window;
    while (state.waiting && !state.failed && floor_goes_on() &&
           state.under_way > state.limit) {
        struct timespec soon;

        /* A signal does not end the wait. */
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        pthread_cond_timedwait(&state.change, &state.lock, &soon);
    }
    state.waiting = false;
    state.under_way++;
    goes_on = !state.failed && floor_goes_on();
    pthread_mutex_unlock(&state.lock);
    return goes_on;
}

int main(int argc, char **argv)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    struct floor_options o;
    MQTTAsync handle = NULL;
    uint8_t payload[FLOOR_PAYLOAD_MAX];
    char topic[FLOOR_TOPIC_MAX];

    floor_options(&o, "floor_paho_publisher", argc, argv);
    state.limit = o.window / 2;
    connect_broker(&handle, &o);
    printf("ready\n");
    fflush(stdout);
    options.onSuccess = on_done;
    options.onFailure = on_failed;
    for (unsigned i = 0; take_room(&o); i++) {
        struct bench_stamp stamp = {(uint32_t)o.run, i % (unsigned)o.nodes,
                                    i / (unsigned)o.nodes, bench_now_us()};

        bench_stamp_write(payload, (size_t)o.size, &stamp);
        floor_topic(&o, 'u', stamp.stream, topic);
        if (MQTTAsync_send(handle, topic, (int)o.size, payload, (int)o.qos, 0,
                           &options) != MQTTASYNC_SUCCESS)
            floor_fail("Paho refuses a message");
    }
    return floor_goes_on() ? 1 : 0;
}
