/* SPDX-License-Identifier: MIT */
#include "io/supervisor.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The socket's address; its length, or 0 when there is nobody to tell. */
static socklen_t find_socket(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path != NULL ? strlen(path) : 0;

    if (len == 0 || len >= sizeof(ret->sun_path) ||
        (path[0] != '/' && path[0] != '@'))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0'; /* of Linux's abstract names */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Never waits: a manager that does not read must not hold up the loop. */
static void tell(const char *text)
{
    struct sockaddr_un to;
    socklen_t len = find_socket(&to);
    int fd;

    if (len == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
                 len);
    close(fd);
}

static void on_beat(uv_timer_t *beat)
{
    (void)beat;
    tell("WATCHDOG=1");
}

static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

void gw_supervisor_ready(uv_timer_t *beat)
{
    uint64_t watchdog_us = number_of("WATCHDOG_USEC");
    uint64_t process = number_of("WATCHDOG_PID");

    tell("READY=1");
    if (watchdog_us != 0 && (process == 0 || process == (uint64_t)getpid())) {
        uint64_t every_ms = watchdog_us / 2000;

        uv_timer_start(beat, on_beat, 0, every_ms != 0 ? every_ms : 1);
    }
}

void gw_supervisor_reloading(void)
{
    struct timespec now;
    char text[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    tell(text);
}

void gw_supervisor_reloaded(void)
{
    tell("READY=1");
}

void gw_supervisor_stopping(void)
{
    tell("STOPPING=1");
}
