/* SPDX-License-Identifier: MIT */
/*
 * sync - how many records a second durability = full allows on a disk.
 *
 *   sync DIRECTORY [SECONDS]
 *
 * One record of 150 octets for each sync, as a message from the broker costs;
 * and a hundred for each, as they come from nodes at the same time.
 */
#include "io/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "sync: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(struct gw_journal *journal, size_t at_once, double seconds)
{
    static uint8_t octets[150];
    struct gw_journal_record records[100];
    unsigned long n = 0, syncs = 0;
    double began = now(), worst = 0, took;

    for (size_t i = 0; i < 100; i++)
        records[i] = (struct gw_journal_record){
            GW_JOURNAL_KEEP, GW_SHELL_ARRIVAL, 0, (uint32_t)i,
            mqttsn_span(octets, sizeof(octets))};
    do {
        double before = now();
        uint64_t sequence;

        if (gw_journal_append(journal, records, at_once, &sequence) !=
                MQTTSN_OK ||
            gw_journal_sync(journal, sequence) != MQTTSN_OK)
            die("the journal refuses");
        took = now() - before;
        worst = took > worst ? took : worst;
        n += at_once;
        syncs++;
        if (gw_journal_octets(journal) > 4 << 20)
            (void)gw_journal_drop(journal, gw_journal_rotate(journal, NULL));
    } while (now() - began < seconds);
    took = now() - began;
    printf("%3zu at once: %8.0f records/s, %7.0f syncs/s, mean %.2f ms, worst "
           "%.1f ms\n",
           at_once, (double)n / took, (double)syncs / took,
           took * 1000 / (double)syncs, worst * 1000);
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    struct gw_journal_settings settings = {
        .name = "sync", .sync = true, .limit = 64 << 20};
    char directory[512], command[640];
    struct gw_journal *journal;

    if (argc < 2 || argc > 3)
        die("usage: sync DIRECTORY [SECONDS]");
    snprintf(directory, sizeof(directory), "%s/sync-XXXXXX", argv[1]);
    if (mkdtemp(directory) == NULL)
        die("no such directory");
    settings.directory = directory;
    if (gw_journal_open(&settings, 1, NULL, &journal) != MQTTSN_OK)
        die("no journal");
    measure(journal, 1, seconds);
    measure(journal, 100, seconds);
    gw_journal_close(journal);
    snprintf(command, sizeof(command), "rm -r '%s'", directory);
    if (system(command) != 0)
        die("cannot clean up");
    return 0;
}
