/* SPDX-License-Identifier: MIT */
/*
 * report.h - what the gateway tells about itself, as JSON.
 *
 * The same bodies answer mqttsn-ctl and HTTP; docs/api.md describes them. A
 * report is a photograph of this moment, written whole into a buffer of the
 * caller's: one object, bounded in size and in the time it takes. What has
 * many rows comes in pages: "next" is the cursor of the next one, and is not
 * there at the end. A page ends where 'limit' says, or where the buffer does.
 *
 * Payloads are never in it; ids and topics are escaped. Loop thread only;
 * nothing changes by looking.
 */
#ifndef GW_REPORT_H
#define GW_REPORT_H

#include "config.h"
#include "core/engine.h"

struct gw_disk;
struct gw_events;
struct gw_udp;

/* Room that any report can be written in, and with which a page has hundreds
 * of rows; with less than GW_REPORT_MIN there may be none. */
#define GW_REPORT_ROOM 131072
#define GW_REPORT_MIN 32768

/* The gateway's own connection to the broker, as its shell sees it. */
struct gw_report_upstream {
    bool connected;
    mqttsn_ms since;   /* that it is so */
    uint64_t connects; /* connections made */
    uint64_t losses;   /* of these, that ended */
    uint64_t failures; /* attempts that came to nothing */
    uint32_t endpoint; /* of upstream.url, from 0; while connected */
};

/* Where the numbers come from; everything is borrowed for the call. */
struct gw_report_source {
    struct gw_engine *engine;
    const struct gw_config *config;
    const struct gw_events *events;
    struct gw_udp *udp;   /* NULL: there are no listeners */
    struct gw_disk *disk; /* NULL: nothing outlives the process */
    bool store_fails;     /* it could not keep what it was given last */
    struct gw_report_upstream upstream;
    mqttsn_ms now, started;
};

enum gw_report {
    GW_REPORT_STATUS,
    GW_REPORT_CLIENTS,
    GW_REPORT_CLIENT, /* of query.client */
    GW_REPORT_QUEUE,  /* of query.client */
    GW_REPORT_TOPICS, /* of query.client, or of all */
    GW_REPORT_SUBSCRIPTIONS,
    GW_REPORT_UPSTREAM,
    GW_REPORT_EVENTS,
    GW_REPORT_COUNT
};

/* "status", "clients", ...; GW_REPORT_COUNT when it is none. */
enum gw_report gw_report_named(struct mqttsn_span name);

struct gw_report_query {
    struct mqttsn_span client; /* empty: of all */
    uint64_t cursor;           /* 0: from the beginning */
    uint32_t limit;            /* rows; 1..GW_REPORT_LIMIT_MAX */
    int state;                 /* enum gw_state; -1: any */
};
#define GW_REPORT_LIMIT_MAX 1000

/* All of it, 100 rows at a time. */
void gw_report_query_init(struct gw_report_query *query);

/* Sets what is called 'key' (client, cursor, limit, state) from text. False:
 * there is no such, or not with that value. Borrows 'value'. */
bool gw_report_query_set(struct gw_report_query *query, const char *key,
                         struct mqttsn_span value);

/*
 * Writes one.
 *
 * MQTTSN_OK:        '*ret' is the text, in 'buf'.
 * MQTTSN_ENOTFOUND: there is no such client.
 * MQTTSN_EINVAL:    of which client is not said.
 * MQTTSN_ENOSPACE:  'cap' is too small.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_report_write(const struct gw_report_source *source, enum gw_report report,
                const struct gw_report_query *query, char *buf, size_t cap,
                struct mqttsn_span *ret);

/* What keeps nodes from being served as they should be. */
#define GW_LACKS_UPSTREAM 1u /* the broker is not connected */
#define GW_LACKS_STORE 2u    /* it does not keep what it is given */

/* All of these that are so; 0: the gateway is ready. */
unsigned gw_report_lacks(const struct gw_report_source *source);

/* "asleep", "connecting", ... */
const char *gw_report_state(enum gw_state state);

#endif
