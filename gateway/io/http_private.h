/* SPDX-License-Identifier: MIT */
/*
 * http_private.h - what the files of http share: http.c (the server on the
 * loop) and http_exchange.c (a request and its answer).
 */
#ifndef GW_HTTP_PRIVATE_H
#define GW_HTTP_PRIVATE_H

#include "http.h"
#include "log.h"

#include <microhttpd.h>

/* Longest target of a request, path and query; a client id of 128 octets takes
 * three times that. */
#define HTTP_TARGET_MAX 2048

/* What a connection may keep of a request's head, and of what is being sent. */
#define HTTP_CONNECTION_OCTETS (16u * 1024u)

/* Octets of a body; whatever is said in one is passed over. */
#define HTTP_BODY_MAX 1024

/* A connection, for as long as libmicrohttpd has it. */
struct http_link {
    struct gw_http *http;
    struct http_link *next, **to_this;
    int fd;
    uint64_t since; /* when the request that it is at, or waits for, began */
};

struct gw_http {
    uv_loop_t *loop;
    struct gw_http_settings settings;
    struct gw_http_access_list access;
    struct gw_addr bound;
    char own_name[256];

    struct MHD_Daemon *mhd;
    uv_poll_t poll;     /* of its descriptor */
    uv_timer_t timeout; /* when it wants to be run next */
    uv_timer_t tick;    /* runs it while there is any connection */
    struct http_link *links;
    bool ended; /* one of them, while it was run */
    struct gw_log_limit denied;
    unsigned handles; /* still with the loop */
};

/* ---- http_exchange.c: callbacks of libmicrohttpd; 'cls' is the server --- */

/* Keeps the target as it was sent: what is made of it is ours to say. */
void *http_on_target(void *cls, const char *target,
                     struct MHD_Connection *connection);
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection,
                                const char *url, const char *method,
                                const char *version, const char *body,
                                size_t *body_len, void **exchange);
void http_on_done(void *cls, struct MHD_Connection *connection, void **exchange,
                  enum MHD_RequestTerminationCode why);

#endif
