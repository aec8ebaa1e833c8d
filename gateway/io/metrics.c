/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_table.h"

static const char *prefix_of(const char *name)
{
    return strncmp(name, "process_", 8) == 0 ? "" : METRIC_PREFIX;
}

static void print_head(FILE *out, const char *name, const char *help,
                       const char *kind)
{
    const char *prefix = prefix_of(name);

    fprintf(out, "# HELP %s%s %s.\n# TYPE %s%s %s\n", prefix, name, help,
            prefix, name, kind);
}

/* The value of a label, of which a name of a listener is the only one that is
 * not ours: letters, digits, '-' and '_'. A number follows. */
static void print_number(FILE *out, const struct metric_row *row,
                         const void *base)
{
    const char *at = (const char *)base + row->offset;
    uint64_t number;
    uint32_t half;

    if (row->width == sizeof(half)) {
        memcpy(&half, at, sizeof(half));
        number = half;
    } else {
        memcpy(&number, at, sizeof(number));
    }
    if (row->thousandths)
        fprintf(out, " %" PRIu64 ".%03u\n", number / 1000,
                (unsigned)(number % 1000));
    else
        fprintf(out, " %" PRIu64 "\n", number);
}

/* One value of 'metric', or each listener's. */
static void print_value(FILE *out, const struct metric_row *metric,
                        const struct metric_row *row,
                        const struct gw_metrics *m)
{
    size_t count = row->of == METRIC_OF_LISTENER ? m->listener_count : 1;

    for (size_t i = 0; i < count; i++) {
        const void *base = m;

        fprintf(out, "%s%s", prefix_of(metric->name), metric->name);
        if (row->of == METRIC_OF_LISTENER) {
            base = &m->listeners[i].counters;
            fprintf(out, "{listener=\"%s\",%s=\"%s\"}", m->listeners[i].name,
                    metric->label, row->name);
        } else if (metric->label != NULL) {
            fprintf(out, "{%s=\"%s\"}", metric->label, row->name);
        }
        print_number(out, row, base);
    }
}

static void print_build(FILE *out, const struct gw_metrics *m)
{
    print_head(out, "build_info", "What runs, and how; always 1", "gauge");
    fprintf(out,
            METRIC_PREFIX "build_info{version=\"%s\",mode=\"%s\",store=\"%s\"}"
                          " 1\n",
            m->version, m->mode, m->store);
}

static void print_forward(FILE *out, const struct gw_forward_times *times)
{
    static const uint32_t bounds[] = GW_FORWARD_BOUNDS;
    uint64_t count = 0;

    print_head(out, METRIC_FORWARD, METRIC_FORWARD_HELP, "histogram");
    for (size_t i = 0; i < GW_FORWARD_BUCKETS - 1; i++) {
        count += times->count[i];
        fprintf(out,
                METRIC_PREFIX METRIC_FORWARD "_bucket{le=\"%g\"} %" PRIu64 "\n",
                bounds[i] / 1e6, count);
    }
    count += times->count[GW_FORWARD_BUCKETS - 1];
    fprintf(out,
            METRIC_PREFIX METRIC_FORWARD
            "_bucket{le=\"+Inf\"} %" PRIu64 "\n" METRIC_PREFIX METRIC_FORWARD
            "_sum %" PRIu64 ".%06u\n" METRIC_PREFIX METRIC_FORWARD
            "_count %" PRIu64 "\n",
            count, times->sum_us / 1000000, (unsigned)(times->sum_us % 1000000),
            count);
}

char *gw_metrics_text(const struct gw_metrics *metrics, size_t *ret_len)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge"};
    const struct metric_row *metric = NULL;
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);

    if (out == NULL)
        return NULL;
    print_build(out, metrics);
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];

        if (row->help != NULL) {
            metric = row;
            print_head(out, row->name, row->help, kinds[row->kind]);
        }
        if (row->width != 0)
            print_value(out, metric, row, metrics);
    }
    print_forward(out, metrics->forward);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
