/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - the control socket: a line asks, a line answers.
 *
 * A request is WORD[/ARGUMENT][?KEY=VALUE[&...]] and a line feed, with %XX for
 * octets that would be misread. An answer is one JSON object and a line feed,
 * and comes before the next request of that connection is looked at. Who asked
 * for a trace is also sent a line for each frame that is told here.
 *
 * Who may connect is the file system's business: the socket has mode 0660. But
 * nobody who may can hold up the loop, or make it keep more than it allows:
 * connections, the length of a request, and what waits for a slow reader are
 * bounded; one that does nothing for a while is closed, and earlier when
 * another one wants its place.
 *
 * Loop thread only.
 */
#ifndef GW_CTL_H
#define GW_CTL_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#include <stdbool.h>
#include <uv.h>

#define GW_CTL_CLIENTS_MAX 8
#define GW_CTL_REQUEST_MAX 4096 /* octets, with the line feed */
#define GW_CTL_PARAMETERS_MAX 8
#define GW_CTL_IDLE_MS 30000

struct gw_ctl;

struct gw_ctl_request {
    struct mqttsn_span word;
    struct mqttsn_span argument; /* empty: there is none */
    struct {
        const char *key;
        struct mqttsn_span value;
    } parameters[GW_CTL_PARAMETERS_MAX];
    size_t parameter_count;
    unsigned uid; /* of who asks, as the kernel says */
};

/* Reads a line without its end, which it changes and borrows. False: it is
 * none. */
bool gw_ctl_parse(char *line, size_t len, struct gw_ctl_request *ret);

/* Writes an answer into 'buf', of GW_REPORT_ROOM and a little; what was
 * written, never empty. '*ret_trace': frames of which client are to be told to
 * who asked; empty: every trace ends; untouched: nothing changes. */
typedef struct mqttsn_span gw_ctl_answer(void *user,
                                         const struct gw_ctl_request *request,
                                         char *buf, size_t cap,
                                         struct mqttsn_span *ret_trace);

struct gw_ctl_setup {
    const char *path;
    const char *group; /* whose the socket is to be; NULL: as it is made */
    unsigned idle_ms;  /* GW_CTL_IDLE_MS, but for tests */
    gw_ctl_answer *answer;
    void *user;
};

/*
 * Listens at 'path', which is made, or taken over when nobody listens there any
 * more.
 *
 * MQTTSN_OK:        '*ret_ctl' is new.
 * MQTTSN_ENOTFOUND: there is no such directory.
 * MQTTSN_EIO:       it cannot be had.
 * MQTTSN_ENOSPACE:  no memory.
 * With all but OK 'why', of GW_CTL_WHY_MAX, says so.
 */
#define GW_CTL_WHY_MAX 256
MQTTSN_CHECKED enum mqttsn_status gw_ctl_open(uv_loop_t *loop,
                                              const struct gw_ctl_setup *setup,
                                              char *why,
                                              struct gw_ctl **ret_ctl);

/* Whether anybody wants frames; and those of this client. */
bool gw_ctl_traces(const struct gw_ctl *ctl);
bool gw_ctl_traces_client(const struct gw_ctl *ctl, struct mqttsn_span client);

/* Tells a line, without its end, to who wants frames of this client. Whoever
 * reads too slowly misses some, everybody one that is empty or too long; how
 * many were missed is told with the next. */
void gw_ctl_tell(struct gw_ctl *ctl, struct mqttsn_span client,
                 struct mqttsn_span line);

/* Closes everything and removes the socket; frees itself when the loop has let
 * go of its handles: run the loop until then. NULL is fine. */
void gw_ctl_close(struct gw_ctl *ctl);

/* ---- the socket (ctl_socket.c) ------------------------------------------ */

struct gw_ctl_socket {
    int fd;
    uint64_t device, inode; /* of what was made */
};

/* As gw_ctl_open. */
MQTTSN_CHECKED enum mqttsn_status gw_ctl_socket_bind(const char *path,
                                                     const char *group,
                                                     char *why,
                                                     struct gw_ctl_socket *ret);
/* Removes it from the file system if it is still the one that was made. */
void gw_ctl_socket_remove(const char *path, const struct gw_ctl_socket *made);

#endif
