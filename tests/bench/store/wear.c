/* SPDX-License-Identifier: MIT */
/*
 * wear - how much the store writes in a day.
 *
 *   wear [--hours N] [--directory DIR] [--flush SECONDS]... [--nodes N]
 *        [--most MEGABYTES]
 *
 * The real engine and the real store, on a clock of the program's: 1 000 nodes
 * that sleep; every ten minutes each connects, publishes 32 octets with QoS 1,
 * takes the command of 32 octets with QoS 1 that has waited for it for five
 * minutes, and goes back to sleep. The broker acknowledges at once. What the
 * shells keep of an arriving message is kept, too.
 *
 * Counted are octets, at the door to the file system: of the journal as it
 * writes them, of SQLite in its VFS, and of the index that SQLite maps, the
 * pages that have changed in half a minute, which is how long Linux waits by
 * default. The first two rounds of all nodes are not counted.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "counting_vfs.h"
#include "herd.h"

#define ROUND_S 600u
#define WAIT_S 300u
#define WRITEBACK_S 30u

/* One second: the nodes and commands whose time it is. */
static void one_second(struct herd *w, uint64_t second)
{
    for (unsigned i = 0; i < w->node_count; i++) {
        uint64_t phase = (uint64_t)i * ROUND_S / w->node_count;

        if (second % ROUND_S == phase) {
            herd_connect(w, i);
            herd_serve(w);
            if (w->nodes[i].awake)
                herd_die("a node was not served");
            w->nodes[i].down_due = false;
        }
        if (second > ROUND_S && (second + WAIT_S) % ROUND_S == phase) {
            herd_command(w, i);
            herd_serve(w);
        }
    }
    w->now_ms += 1000;
    herd_serve(w);
}

/* ---- one run ----------------------------------------------------------- */

/* Of the counted time. */
struct spent {
    struct counting_vfs sqlite;
    struct gw_disk_stats disk;
    uint64_t messages;
};

static struct spent spent_so_far(const struct herd *w)
{
    struct spent s = {.sqlite = counting_vfs,
                      .messages = w->up_acked + w->down_acked};

    gw_disk_stats(w->disk, &s.disk);
    return s;
}

/* Megabytes a day into the database. */
static double print_row(unsigned flush_s, unsigned hours,
                        const struct spent *from, const struct spent *to)
{
    double day = 24.0 / hours / 1e6;
    double log = (double)(to->sqlite.log - from->sqlite.log);
    double database = (double)(to->sqlite.database - from->sqlite.database);
    double index = (double)(to->sqlite.index - from->sqlite.index);
    double journal =
        (double)(to->disk.journal.octets - from->disk.journal.octets);
    double messages = (double)(to->messages - from->messages);
    double all = log + database + index;

    printf("%8u s  %8.1f %8.1f %8.1f  %8.1f %8.1f   %8.1f %8.1f  %7.1f\n",
           flush_s, log * day, database * day, index * day, all * day,
           all / messages, (all + journal) * day, (all + journal) / messages,
           (double)(to->disk.rows_written - from->disk.rows_written) * 1000 /
               messages);
    fflush(stdout);
    return all * day;
}

static void run(const char *directory, unsigned nodes, unsigned flush_s,
                unsigned hours, double most)
{
    uint64_t warm = 2 * ROUND_S, end = warm + (uint64_t)hours * 3600;
    char path[512], base[480], command[512];
    struct spent from, to;
    struct herd *w;

    snprintf(base, sizeof(base), "%s/wear-XXXXXX", directory);
    if (mkdtemp(base) == NULL)
        herd_die("no directory");
    snprintf(path, sizeof(path), "%s/gateway.db", base);
    w = herd_new(path, COUNTING_VFS, nodes);
    from = spent_so_far(w);
    for (uint64_t second = 0; second < end; second++) {
        if (second == warm)
            from = spent_so_far(w);
        one_second(w, second);
        if ((second + 1) % flush_s == 0 || gw_disk_wants_flush(w->disk))
            herd_flush(w);
        if ((second + 1) % WRITEBACK_S == 0)
            counting_vfs_index();
    }
    to = spent_so_far(w);
    if (to.messages - from.messages !=
        2 * (uint64_t)hours * 3600 / ROUND_S * nodes)
        herd_die("the nodes did not get what they should");
    if (print_row(flush_s, hours, &from, &to) > most)
        herd_die("the database is written to more than it should");
    herd_free(w);
    snprintf(command, sizeof(command), "rm -r '%s'", base);
    if (system(command) != 0)
        herd_die("cannot clean up");
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"hours", required_argument, NULL, 'h'},
        {"directory", required_argument, NULL, 'd'},
        {"flush", required_argument, NULL, 'f'},
        {"nodes", required_argument, NULL, 'n'},
        {"most", required_argument, NULL, 'm'},
        {0},
    };
    unsigned flush[8] = {1, 60, 300}, flush_count = 0, hours = 24, nodes = 1000;
    const char *directory = "/tmp";
    double most = 1e9;
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == 'h')
            hours = (unsigned)atoi(optarg);
        else if (option == 'd')
            directory = optarg;
        else if (option == 'n')
            nodes = (unsigned)atoi(optarg);
        else if (option == 'm')
            most = atof(optarg);
        else if (option == 'f' && flush_count < 8)
            flush[flush_count++] = (unsigned)atoi(optarg);
        else
            herd_die("usage: wear [--hours N] [--directory DIR] [--flush "
                     "SECONDS]... "
                     "[--nodes N] [--most MEGABYTES]");
    }
    if (hours == 0 || nodes == 0 || nodes > HERD_MAX || flush[0] == 0)
        herd_die("a number is out of range");
    if (!counting_vfs_register())
        herd_die("no VFS");
    printf("%u nodes, one message each way in %u s, %u h\n"
           "               ---- MB a day -----------  journal on tmpfs    "
           "journal on disk    rows for\n"
           "flush interval      log database    index  MB/day octets/msg   "
           "MB/day octets/msg  1000 msgs\n",
           nodes, ROUND_S, hours);
    for (unsigned i = 0; i < (flush_count ? flush_count : 3); i++)
        run(directory, nodes, flush[i], hours, most);
    return 0;
}
