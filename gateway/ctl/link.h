/* SPDX-License-Identifier: MIT */
/*
 * link.h - the connection of mqttsn-ctl to a gateway: a line goes, a line comes
 * (docs/api.md). Everything blocks, with a limit on how long an answer may
 * take. What goes wrong is said on standard error.
 */
#ifndef CTL_LINK_H
#define CTL_LINK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl_link {
    int fd;
    int wake_fd; /* readable: a signal has come; -1: nobody listens for any */
    bool woken;  /* by one, and so a wait has ended */
    char *text;  /* what came and was not read yet */
    size_t len, room;
};

/* False: there is no gateway at this path. */
bool ctl_link_open(struct ctl_link *link, const char *path);
void ctl_link_close(struct ctl_link *link);

/* Sends a request: a word, an argument (or NULL) and a query (or NULL) whose
 * values need no escaping. */
bool ctl_link_ask(struct ctl_link *link, const char *word, const char *argument,
                  const char *query);

/* From now on SIGINT, SIGTERM and SIGHUP do not end the process, but a wait. */
void ctl_link_heed_signals(struct ctl_link *link);

/*
 * The next line as an object, to be freed with cJSON_Delete. NULL: the
 * connection ended, or nothing came for 'timeout_ms' (-1: wait for ever), or it
 * is no object; or a signal came, and then 'woken' is true and nothing is said.
 */
cJSON *ctl_link_read(struct ctl_link *link, int timeout_ms);

/* Both; the usual patience. */
cJSON *ctl_link_call(struct ctl_link *link, const char *word,
                     const char *argument, const char *query);

#endif
