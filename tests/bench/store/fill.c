/* SPDX-License-Identifier: MIT */
/*
 * fill - makes a store for a restart to be tried on.
 *
 *   fill PATH [NODES [MESSAGES]]
 *
 * Nodes that sleep, 10 000 by default, with so many commands waiting for each,
 * 10 by default. The last tenth of it is in the journal only, as after a kill.
 */
#include <stdio.h>
#include <stdlib.h>

#include "herd.h"

static unsigned number(const char *text, unsigned max)
{
    unsigned value = (unsigned)strtoul(text, NULL, 10);

    if (value == 0 || value > max)
        herd_die("usage: fill PATH [NODES [MESSAGES]]");
    return value;
}

int main(int argc, char **argv)
{
    unsigned nodes = argc > 2 ? number(argv[2], HERD_MAX) : HERD_MAX;
    unsigned messages = argc > 3 ? number(argv[3], 1000) : 10;
    struct gw_disk_stats stats;
    struct herd *herd;

    if (argc < 2 || argc > 4)
        herd_die("usage: fill PATH [NODES [MESSAGES]]");
    herd = herd_new(argv[1], NULL, nodes);
    for (unsigned i = 0; i < nodes; i++) {
        herd_connect(herd, i);
        herd_serve(herd);
    }
    for (unsigned m = 0; m < messages; m++) {
        for (unsigned i = 0; i < nodes; i++) {
            herd_command(herd, i);
            herd_serve(herd);
            if (gw_disk_wants_flush(herd->disk) ||
                (m + 1 == messages - messages / 10 && i + 1 == nodes))
                herd_flush(herd);
        }
        herd->now_ms += 1000;
    }
    gw_disk_stats(herd->disk, &stats);
    printf("%u nodes, %u messages, %llu rows, %llu octets of journal\n", nodes,
           nodes * messages, (unsigned long long)stats.rows,
           (unsigned long long)stats.journal_octets);
    herd_free(herd);
    return 0;
}
