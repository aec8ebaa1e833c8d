/* SPDX-License-Identifier: MIT */
/*
 * http.h - a small HTTP/1.1 server on the loop, for whoever watches or steers
 * the gateway.
 *
 * It knows requests, answers, tokens and limits, and nothing of what is said:
 * that is in the routes that it is given. libmicrohttpd parses, without a
 * thread of its own: its descriptor, its time-outs and a tick are the loop's.
 *
 * Nothing that a client does, or leaves undone, costs more than its bounds:
 * connections, in all and of one address; octets of a head; seconds of silence;
 * seconds for one request with its answer. An answer is made whole, while the
 * loop waits, so what is long is to be asked for in parts.
 *
 * Who may ask for what: a route is open, or to be read, or acts. To read needs
 * a token as soon as there are any, to act needs one in any case. Without one a
 * request must name the gateway by an address, as localhost, or by one of its
 * names: a page of another site, whose name leads here by a trick, does not.
 *
 * Loop thread only.
 */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include "core/address.h"
#include "http_access.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#include <uv.h>

struct gw_http;

/* ---- what is asked, and the answer ------------------------------------- */

struct gw_http_request {
    void *user;
    struct mqttsn_span part; /* what stood for the '*' of the path, decoded */
    char *query; /* as it was sent, without its '?', to be taken apart; or "" */
    const char *client;        /* its address */
    unsigned token;            /* the line of the token that it bore; 0: none */
    const char *if_none_match; /* or NULL */
};

/* Takes the next "NAME=VALUE" off '*query', the value decoded in its place;
 * false at the end. What is no such thing has the name "". */
bool gw_http_take(char **query, const char **ret_name,
                  struct mqttsn_span *ret_value);

/* An answer; it begins as 200 without a body. */
struct gw_http_reply {
    unsigned status;
    const char *type;  /* of the content; NULL: JSON */
    char *text;        /* from malloc, taken over; or NULL */
    const void *fixed; /* else this, which stays while the server lives */
    size_t len;        /* of the one or the other */

    /* For a page; else nobody may keep, show or run what is answered. */
    const char *policy; /* Content-Security-Policy */
    const char *etag;   /* quoted */
    bool gzip;          /* 'fixed' is compressed */
};

/* Makes the reply {"error":"TEXT"} with that status. */
void gw_http_error(struct gw_http_reply *reply, unsigned status,
                   const char *text);

typedef void gw_http_handler(const struct gw_http_request *request,
                             struct gw_http_reply *reply);

enum gw_http_access { GW_HTTP_OPEN, GW_HTTP_READ, GW_HTTP_ACT };

/* A '*' in a path is one segment, not empty; at most one. HEAD is as GET. */
struct gw_http_route {
    const char *path;
    enum gw_http_access get_needs;
    gw_http_handler *get;  /* or NULL */
    gw_http_handler *post; /* or NULL; it acts */
};

/* ---- the server -------------------------------------------------------- */

/* Borrowed for the call, but for routes, which stay. */
struct gw_http_settings {
    struct gw_addr bind; /* port 0: any free port */
    const struct gw_http_route *routes;
    size_t route_count;
    void *user; /* of requests */

    unsigned connections; /* in all */
    unsigned per_address;
    unsigned idle_s;    /* without an octet either way */
    unsigned request_s; /* for one request and its answer */
};

/* "0.9.75", or "none": this build has none, and it cannot be opened. */
const char *gw_http_version(void);
bool gw_http_available(void);

/*
 * Opens the server. It is listening when this returns. What 'access' points at
 * is borrowed until gw_http_close or the next gw_http_admit.
 *
 * MQTTSN_OK:       '*ret_http' is new.
 * MQTTSN_EIO:      it cannot be bound, or the system refused; logged.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_http_open(uv_loop_t *loop, const struct gw_http_settings *settings,
             const struct gw_http_access_list *access,
             struct gw_http **ret_http);

/* Other tokens and names are good from now on. */
void gw_http_admit(struct gw_http *http,
                   const struct gw_http_access_list *access);

/* Where it is bound, with the port that was chosen. */
void gw_http_bound(const struct gw_http *http, struct gw_addr *ret_addr);

/* Ends every connection at once, and frees 'http' when the loop has let go of
 * its handles; run the loop until then. NULL does nothing. */
void gw_http_close(struct gw_http *http);

#endif
