/* SPDX-License-Identifier: MIT */
/*
 * Back to the first broker of the list, when it is there again: it is the one
 * that is meant, and others look for our messages there. The connection that
 * works is given up only when the first takes connections, and when nothing is
 * under way in it: so no exchange is cut, and none is begun twice.
 */
#include "io/upstream_port.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/log.h"

#define REACH_MS 2000 /* to be taken as there */
#define QUIET_MS 5000 /* until nothing is under way */

static bool connects(const struct addrinfo *at)
{
    int fd =
        socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int error = 1;
    bool there;

    if (fd < 0)
        return false;
    there = connect(fd, at->ai_addr, at->ai_addrlen) == 0;
    if (!there && errno == EINPROGRESS && poll(&p, 1, REACH_MS) == 1)
        there = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
                error == 0;
    close(fd);
    return there;
}

/* As Paho, which takes an IPv4 address when there is one. */
static bool is_there(const struct gw_upstream_endpoint *endpoint)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *at;
    char port[8];
    bool there;

    snprintf(port, sizeof(port), "%u", endpoint->port);
    if (getaddrinfo(endpoint->host, port, &hints, &found) != 0)
        return false;
    for (at = found; at->ai_family != AF_INET && at->ai_next != NULL;)
        at = at->ai_next;
    there = connects(at->ai_family == AF_INET ? at : found);
    freeaddrinfo(found);
    return there;
}

void gw_paho_plan_return(struct gw_paho_port *port, mqttsn_ms now)
{
    mqttsn_ms interval = port->settings.return_interval_ms;

    port->returning = false;
    port->return_at = interval != 0 && port->endpoint != 0 && !port->of_many
                          ? now + interval
                          : MQTTSN_NEVER;
}

static bool is_quiet(struct gw_paho_port *port)
{
    bool quiet;

    pthread_mutex_lock(&port->lock);
    quiet = gw_paho_table_count(&port->table) == 0;
    port->hungry = !quiet; /* to be woken */
    pthread_mutex_unlock(&port->lock);
    return quiet;
}

bool gw_paho_may_return(struct gw_paho_port *port, mqttsn_ms now)
{
    const struct gw_upstream_endpoint *first = &port->settings.endpoints[0];

    if (now < port->return_at)
        return false;
    if (!port->returning) {
        /* Behind a proxy only an attempt tells. */
        if (!port->settings.proxy && !is_there(first)) {
            gw_debug("upstream", "first_unreachable", "host=%s port=%u",
                     gw_log_text(first->host), first->port);
            gw_paho_plan_return(port, now);
            return false;
        }
        port->returning = true;
        port->return_until = now + QUIET_MS;
    }
    if (!is_quiet(port)) {
        if (now >= port->return_until)
            gw_paho_plan_return(port, now);
        return port->returning;
    }
    gw_info("upstream", "returning", "host=%s port=%u",
            gw_log_text(first->host), first->port);
    port->return_at = MQTTSN_NEVER;
    if (gw_paho_disconnect(port))
        gw_paho_enter(port, GW_PAHO_CLOSING, now);
    else
        gw_paho_return(port, now);
    return true;
}

void gw_paho_return(struct gw_paho_port *port, mqttsn_ms now)
{
    struct gw_up_event event = {.kind = GW_UP_LOST};

    port->returning = false;
    pthread_mutex_lock(&port->lock);
    port->link_up = false;
    if (port->announced)
        gw_inbox_push(&port->inbox, &event);
    port->announced = false;
    pthread_mutex_unlock(&port->lock);
    gw_paho_give_back(port);
    port->endpoint = 0;
    port->round_left = (uint32_t)port->settings.endpoint_count;
    port->next_attempt = now;
    gw_paho_enter(port, GW_PAHO_IDLE, now);
}
