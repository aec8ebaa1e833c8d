/* SPDX-License-Identifier: MIT */
/* How the thread begins and rests; and all of it, where there is one
 * connection. */
#include "io/upstream_port.h"

#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "io/doorbell.h"
#include "io/log.h"

void gw_paho_sleep(int wake_fd, mqttsn_ms until)
{
    struct pollfd p = {.fd = wake_fd, .events = POLLIN};
    mqttsn_ms now = gw_paho_now();
    mqttsn_ms left = until > now ? until - now : 0;
    uint64_t count;

    poll(&p, 1, left > 60000 ? 60000 : (int)left);
    while (read(wake_fd, &count, sizeof(count)) > 0)
        ;
}

/*
 * Starts the doorbell, and with it Paho's threads. These work through what
 * there is: to be woken is no reason for them to take the processor from who
 * gives. Otherwise the two change places for each message, which costs more
 * than the message. They inherit that from us; we are as ever. Where the system
 * refuses, it is slower, and nothing else.
 */
static bool start_doorbell(const char **ret_reason)
{
    struct sched_param none = {0};
    bool there;

    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    there = gw_doorbell_start(ret_reason);
    (void)sched_setscheduler(0, SCHED_OTHER, &none);
    return there;
}

void gw_paho_prepare_thread(void)
{
    const char *reason;

    if (!start_doorbell(&reason))
        gw_warn("upstream", "doorbell_failed", "reason=\"%s\" effect=\"%s\"",
                reason, "connecting takes up to 2 s");
}

void *gw_paho_thread(void *context)
{
    struct gw_paho_port *port = context;
    mqttsn_ms wake_at;

    gw_paho_prepare_thread();
    gw_paho_begin(port);
    while (gw_paho_turn(port, &wake_at))
        gw_paho_sleep(port->wake_fd, wake_at);
    gw_paho_finish(port);
    return NULL;
}
