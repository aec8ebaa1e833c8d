/* SPDX-License-Identifier: MIT */
/* docs/metrics.md, the part that follows from the table of metrics. */
#include "metrics.h"

#include <string.h>

#include "metrics_table.h"

static void print_values(FILE *out, size_t i)
{
    const char *label = metric_rows[i].label;
    const char *separator = "";

    if (label == NULL)
        return;
    fprintf(out, "; `%s%s` one of ",
            metric_rows[i].of == METRIC_OF_LISTENER ? "listener`, `" : "",
            label);
    while (++i < metric_row_count && metric_rows[i].help == NULL) {
        fprintf(out, "%s`%s`", separator, metric_rows[i].name);
        separator = ", ";
    }
}

void gw_metrics_print_document(FILE *out)
{
    fputs("| Metric | Type | Meaning |\n| --- | --- | --- |\n"
          "| `" METRIC_PREFIX "build_info` | gauge | What runs, and how: "
          "`version`, `mode` of `[upstream]`, `store` type; always 1 |\n"
          "| `" METRIC_PREFIX METRIC_FORWARD
          "` | histogram | " METRIC_FORWARD_HELP " |\n",
          out);
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];

        if (row->help == NULL)
            continue;
        fprintf(out, "| `%s%s` | %s | %s",
                strncmp(row->name, "process_", 8) == 0 ? "" : METRIC_PREFIX,
                row->name, row->kind == METRIC_COUNTER ? "counter" : "gauge",
                row->help);
        print_values(out, i);
        fputs(" |\n", out);
    }
}
