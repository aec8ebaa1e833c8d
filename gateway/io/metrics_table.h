/* SPDX-License-Identifier: MIT */
/*
 * metrics_table.h - the table behind metrics.h.
 *
 * Rows follow each other: one with a 'help' begins a metric, and is its value
 * too if it has a 'width'; those behind it are its values by 'label'.
 */
#ifndef GW_METRICS_TABLE_H
#define GW_METRICS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
};

enum metric_of {
    METRIC_OF_GATEWAY, /* 'offset' is in struct gw_metrics */
    METRIC_OF_LISTENER /* in the counters of each; there is a label for it */
};

struct metric_row {
    const char *name; /* of a metric without its beginning; or the label's */
    const char *help;
    const char *label; /* what the values differ in; NULL: there is one */
    uint16_t offset;
    uint8_t width; /* octets of the number: 4 or 8; 0: no number here */
    uint8_t kind, of;
    uint8_t thousandths; /* of what the metric is in */
};

extern const struct metric_row metric_rows[];
extern const size_t metric_row_count;

/* In front of every name, but for those of the process. */
#define METRIC_PREFIX "mqttsn_gateway_"

/* The one that is no row: a histogram. */
#define METRIC_FORWARD "publish_forward_seconds"
#define METRIC_FORWARD_HELP                                                    \
    "From handing a publish of QoS 1 or 2 over to the broker's "               \
    "acknowledgement"

#endif
