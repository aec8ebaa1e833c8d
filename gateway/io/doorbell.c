/* SPDX-License-Identifier: MIT */
#include "io/doorbell.h"

#include <MQTTAsync.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/paho_reader.h"

#define START_MS 1500
#define NAME_LEN 36 /* "gw-doorbell-" and 24 digits */

static struct {
    pthread_mutex_t lock; /* one start at a time */
    MQTTAsync handle;
    atomic_int fd; /* our end, when it works; else -1 */
    atomic_bool connected;
    atomic_uint rung_at; /* look of the receiving thread, at the last ring */
} bell = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static void on_connected(void *context, MQTTAsync_successData *data)
{
    (void)context;
    (void)data;
    atomic_store(&bell.connected, true);
}

static void on_lost(void *context, char *cause)
{
    int fd = atomic_exchange(&bell.fd, -1);

    (void)context;
    (void)cause;
    /* Not closed: another thread may be ringing it. */
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static int on_message(void *context, char *topic, int topic_len,
                      MQTTAsync_message *message)
{
    (void)context;
    (void)topic_len;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A listener on a free loopback port; -1 when the system has none. */
static int listen_loopback(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 4) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        close(fd);
        return -1;
    }
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static bool wait_readable(int fd, int64_t until)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until - now_ms();

    return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* Whether the caller on 'fd' is our own handle: its CONNECT carries 'name'. */
static bool is_ours(int fd, const char *name, int64_t until)
{
    uint8_t got[128];
    size_t len = 0;

    while (len < sizeof(got) && wait_readable(fd, until)) {
        ssize_t n = recv(fd, got + len, sizeof(got) - len, MSG_DONTWAIT);

        if (n <= 0)
            return false;
        len += (size_t)n;
        if (memmem(got, len, name, strlen(name)))
            return true;
    }
    return false;
}

/*
 * Accepts our handle. The CONNACK goes out before the CONNECT is seen: only
 * something to read brings Paho to notice that its socket is connected.
 */
static int accept_ours(int listener, const char *name, int64_t until)
{
    static const uint8_t connack[] = {0x20, 0x02, 0x00, 0x00};

    while (wait_readable(listener, until)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            continue;
        if (send(fd, connack, sizeof(connack), MSG_NOSIGNAL) ==
                sizeof(connack) &&
            is_ours(fd, name, until))
            return fd;
        close(fd);
    }
    return -1;
}

static bool make_name(char name[NAME_LEN + 1])
{
    uint8_t random[12];

    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return false;
    memcpy(name, "gw-doorbell-", 12);
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(name + 12 + 2 * i, 3, "%02x", random[i]);
    return true;
}

static bool begin_connect(const char *name, uint16_t port,
                          const char **ret_reason)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    char uri[32];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    *ret_reason = "Paho would not connect it";
    if (MQTTAsync_create(&bell.handle, uri, name, MQTTCLIENT_PERSISTENCE_NONE,
                         NULL) != MQTTASYNC_SUCCESS) {
        bell.handle = NULL;
        return false;
    }
    options.keepAliveInterval = 0;
    options.cleansession = 1;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.onSuccess = on_connected;
    return MQTTAsync_setCallbacks(bell.handle, NULL, on_lost, on_message,
                                  NULL) == MQTTASYNC_SUCCESS &&
           MQTTAsync_connect(bell.handle, &options) == MQTTASYNC_SUCCESS;
}

static bool start(const char **ret_reason)
{
    int64_t until = now_ms() + START_MS;
    char name[NAME_LEN + 1];
    uint16_t port = 0;
    int listener;
    int fd = -1;

    *ret_reason = "no random numbers";
    if (!make_name(name))
        return false;
    *ret_reason = "no loopback socket";
    listener = listen_loopback(&port);
    if (listener < 0)
        return false;
    if (begin_connect(name, port, ret_reason)) {
        *ret_reason = "it was not called in time";
        fd = accept_ours(listener, name, until);
    }
    close(listener);
    while (fd >= 0 && !atomic_load(&bell.connected) && now_ms() < until)
        poll(NULL, 0, 1);
    if (fd >= 0 && atomic_load(&bell.connected)) {
        atomic_store(&bell.fd, fd);
        return true;
    }
    /* The handle stays: destroying the last one would stop Paho's threads. */
    if (fd >= 0)
        close(fd);
    return false;
}

/* Any thread. */
static bool works(void)
{
    return atomic_load(&bell.fd) >= 0;
}

bool gw_doorbell_start(const char **ret_reason)
{
    bool there;

    pthread_mutex_lock(&bell.lock);
    there = works();
    *ret_reason = "it failed before";
    if (!there && !bell.handle)
        there = start(ret_reason);
    pthread_mutex_unlock(&bell.lock);
    return there;
}

/* What was rung during this look of the receiving thread ends it, or the next:
 * more would be read one by one, before anything else. */
static bool is_rung(void)
{
    unsigned look = gw_paho_reader_looks();

    return atomic_exchange(&bell.rung_at, look) == look && look != 0;
}

void gw_doorbell_ring(void)
{
    static const uint8_t pingresp[] = {0xD0, 0x00};
    uint8_t unread[512];
    int fd = atomic_load(&bell.fd);

    if (fd < 0 || is_rung())
        return;
    while (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
        ; /* what gw_doorbell_ring_both caused */
    /* When it does not fit, enough rings are waiting. */
    if (send(fd, pingresp, sizeof(pingresp), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno == EPIPE)
        atomic_compare_exchange_strong(&bell.fd, &fd, -1);
}

void gw_doorbell_ring_both(void)
{
    static _Thread_local int64_t last;
    int64_t now = now_ms();

    if (!works() || now == last)
        return;
    last = now;
    MQTTAsync_send(bell.handle, "d", 0, "", 0, 0, NULL);
    gw_doorbell_ring();
}
