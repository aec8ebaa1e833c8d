/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - what is counted, in the text format of Prometheus.
 *
 * One table (metrics_table.c) says what each metric is called, what it means
 * and which number it is; the text and docs/metrics.md are written from it. It
 * counts nothing itself. Labels are words of ours and names of listeners, so
 * there are as many series however many nodes there are: never a client id, nor
 * an address, nor a topic.
 */
#ifndef GW_METRICS_H
#define GW_METRICS_H

#include "core/engine.h"
#include "forward_times.h"
#include "udp.h"

#include "mqttsn/frame.h"

#include <stdio.h>

/* Types of messages that are counted one by one, at their own index; all others
 * share the last. */
#define GW_METRICS_TYPES 32
#define GW_METRICS_OTHER (GW_METRICS_TYPES - 1)
#define GW_METRICS_ENCAPSULATED (GW_METRICS_TYPES - 2)

/* At which index the message in a datagram counts, by what it says it is. */
static inline size_t gw_metrics_type(struct mqttsn_span datagram)
{
#define GW_METRICS_BIT(name, value)                                            \
    | ((value) < GW_METRICS_TYPES ? UINT32_C(1) << (value) % 32 : 0)
    const uint32_t known = 0 MQTTSN_TYPE_MAP(GW_METRICS_BIT);
#undef GW_METRICS_BIT
    size_t at = datagram.len > 0 && datagram.data[0] == 1 ? 3 : 1;

    if (at >= datagram.len)
        return GW_METRICS_OTHER;
    if (datagram.data[at] == MQTTSN_ENCAPSULATED)
        return GW_METRICS_ENCAPSULATED;
    return datagram.data[at] < GW_METRICS_TYPES &&
                   (known >> datagram.data[at] & 1) != 0
               ? datagram.data[at]
               : GW_METRICS_OTHER;
}

/* Of the process, as the system has it. */
struct gw_metrics_process {
    uint64_t start_s;  /* since 1970 */
    uint64_t cpu_ms;   /* spent */
    uint64_t resident; /* octets */
    uint64_t open_fds, max_fds;
};

/* All that the text is made of. */
struct gw_metrics {
    const char *version;
    const char *mode;  /* of the broker's side */
    const char *store; /* type */
    uint64_t up_ms;

    struct gw_counters engine;
    struct gw_usage usage;
    struct gw_limits limits;
    struct gw_totals totals;
    uint64_t exchanges_max; /* of messages that wait acknowledged, too */
    uint64_t received[GW_METRICS_TYPES], sent[GW_METRICS_TYPES];

    struct {
        const char *name;
        struct gw_udp_counters counters;
    } listeners[GW_LISTENERS_MAX];
    size_t listener_count;
    struct gw_udp_counters udp; /* all of them */

    const struct gw_forward_times *forward;
    uint64_t connected; /* 0 or 1 */
    uint64_t connections_made, reconnects, in_flight;
    uint64_t inbox_dropped, inbox_waits;
    uint64_t nodes_connections, nodes_opened, nodes_qos0_dropped;

    uint64_t store_writable; /* 0 or 1 */
    uint64_t commits, octets_written, records_written, syncs;
    uint64_t journal_failures, flushes, flush_failures, rows;
    uint64_t journal_octets;

    struct gw_metrics_process process;
};

/* Fills '*ret' by what the system says; 'up_ms' is how long the gateway runs.
 * '*start_s' keeps the start between calls, 0 at first: a clock that is set
 * moves it, one that ticks does not. */
void gw_metrics_process(uint64_t up_ms, uint64_t *start_s,
                        struct gw_metrics_process *ret);

/* The text; free(3) it. NULL: no memory. */
char *gw_metrics_text(const struct gw_metrics *metrics, size_t *ret_len);

/* What the text is of. */
#define GW_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* docs/metrics.md, all of it that is written from the table. */
void gw_metrics_print_document(FILE *out);

#endif
