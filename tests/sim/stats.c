/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include "villain.h"

static const char *const states[STATS_STATES] = {
    "unknown", "disconnected", "half-open", "active",
    "asleep",  "awake",        "lost"};

static unsigned long long n(uint64_t value)
{
    return value;
}

void stats_print(const struct stats *s, FILE *to)
{
    unsigned cells = 0, changes = 0;

    for (unsigned i = 0; i < STATS_STATES; i++)
        for (unsigned k = 0; k < STATS_TYPES; k++)
            cells += s->cells[i][k] != 0;
    for (unsigned i = 0; i < STATS_STATES; i++)
        for (unsigned k = 0; k < STATS_STATES; k++)
            changes += s->changes[i][k] != 0;
    fprintf(to, "%llu seeds, %llu of them twice, hash %016llx\n", n(s->seeds),
            n(s->twice), n(s->hash));
    fprintf(to, "%.1f node-years, %.1f gateway-years, %llu events\n",
            (double)s->node_ms / (365.25 * 86400e3),
            (double)s->gateway_ms / (365.25 * 86400e3), n(s->events));
    fprintf(
        to,
        "%llu datagrams in (%llu malformed, %llu too many), %llu out, %llu of "
        "them repetitions\n",
        n(s->datagrams_in), n(s->malformed), n(s->rate_refused),
        n(s->datagrams_out), n(s->repetitions));
    fprintf(to,
            "%llu publishes up; down %llu offered, %llu acknowledged, %llu "
            "dropped and counted\n",
            n(s->up_publishes), n(s->down_offers), n(s->down_delivered),
            n(s->dropped));
    fprintf(to,
            "%llu awake periods, %llu wills, %llu broken connections, %llu "
            "restarts, %llu of them in order, %llu records restored, %llu not "
            "kept\n",
            n(s->awake_periods), n(s->wills), n(s->breaks), n(s->crashes),
            n(s->ends), n(s->records_restored), n(s->store_failures));
    fprintf(to,
            "%llu GWINFO, %llu ADVERTISE; attacks:", n(s->searches_answered),
            n(s->advertised));
    for (unsigned i = 0; i < VILLAIN_ARTS; i++)
        fprintf(to, " %s %llu", villain_art_name((enum villain_art)i),
                n(s->attacks[i]));
    fputc('\n', to);
    if (s->store_flushes != 0)
        fprintf(to,
                "the disk: %llu flushes; ended %llu times in the middle of an "
                "operation; kept %llu times all, %llu what was synced, %llu "
                "some besides, %llu with a gap; %llu sessions unchanged since "
                "the last flush\n",
                n(s->store_flushes), n(s->store_cuts), n(s->store_losses[0]),
                n(s->store_losses[1]), n(s->store_losses[2]), n(s->store_gaps),
                n(s->store_strict));
    fprintf(to, "%u cells of state and message, %u changes of state\n", cells,
            changes);
    for (unsigned i = 0; i < STATS_STATES; i++) {
        unsigned hit = 0;

        for (unsigned k = 0; k < STATS_TYPES; k++)
            hit += s->cells[i][k] != 0;
        fprintf(to, "  %-13s %2u messages, then", states[i], hit);
        for (unsigned k = 0; k < STATS_STATES; k++)
            if (s->changes[i][k] != 0)
                fprintf(to, " %s %llu", states[k], n(s->changes[i][k]));
        fputc('\n', to);
    }
}
