/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>

#define TELL_US 5000000

static bool asleep(const struct bench *b)
{
    return b->options.mode == BENCH_SLEEP;
}

static uint64_t copies(const struct bench *b)
{
    return b->options.mode == BENCH_FAN_OUT ? b->connected : 1;
}

uint64_t bench_lost(const struct bench *b)
{
    uint64_t wanted = b->up.sent + b->down.sent * copies(b);
    uint64_t arrived = b->up.arrived + b->down.arrived;

    return wanted > arrived ? wanted - arrived : 0;
}

void bench_progress(struct bench *b)
{
    if (b->started_us == 0)
        b->started_us = b->told_us = b->now;
    if (b->options.common.quiet || b->now < b->told_us + TELL_US)
        return;
    b->told_us = b->now;
    fprintf(stderr,
            "mqttsn-bench: %" PRIu64 " s: %zu of %zu nodes connected, "
            "%" PRIu64 " sent, %" PRIu64 " arrived\n",
            (b->now - b->started_us) / 1000000, b->connected, b->count,
            b->up.sent + b->down.sent, b->up.arrived + b->down.arrived);
}

/* ---- one value ---------------------------------------------------------- */

/*
 * Text and JSON are the same list: a row is its key in JSON, its words in the
 * text and the value. A row that says nothing in this mode is left out.
 */
struct report {
    bool json;
    unsigned rows;
};

static void row(struct report *r, const char *key, const char *words,
                const char *format, double value)
{
    if (r->json)
        printf("%s\n  \"%s\": ", r->rows++ > 0 ? "," : "", key);
    else
        printf("%-34s ", words);
    printf(format, value);
    if (!r->json)
        printf("\n");
}

static void count(struct report *r, const char *key, const char *words,
                  uint64_t value)
{
    row(r, key, words, "%.0f", (double)value);
}

static void spread(struct report *r, const char *key, const char *words,
                   const struct bench_spread *s, double unit)
{
    static const struct {
        const char *key;
        double share;
    } parts[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};
    char name[64];

    if (s->count == 0)
        return;
    if (!r->json)
        printf("%-34s", words);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        double value = (double)bench_spread_part(s, parts[i].share) / unit;

        snprintf(name, sizeof(name), "%s_%s", key, parts[i].key);
        if (r->json)
            row(r, name, "", "%.3f", value);
        else
            printf(" %s %.3f", parts[i].key, value);
    }
    snprintf(name, sizeof(name), "%s_max", key);
    if (r->json)
        row(r, name, "", "%.3f", (double)s->max / unit);
    else
        printf(" max %.3f\n", (double)s->max / unit);
}

/* ---- all of them -------------------------------------------------------- */

static void report_nodes(struct report *r, const struct bench *b)
{
    count(r, "nodes", "nodes", b->count);
    count(r, "connected", "of these connected", b->connected);
    row(r, "connect_seconds", "seconds until the last was", "%.3f",
        (double)b->connect_took_us / 1e6);
    count(r, "refused", "refused", b->up.refused);
    count(r, "retransmitted", "requests sent again", b->up.retransmitted);
    count(r, "abandoned", "given up", b->up.abandoned + b->down.abandoned);
}

static void report_messages(struct report *r, const struct bench *b)
{
    uint64_t arrived = b->up.arrived + b->down.arrived;
    double took = (double)(b->stop_us - b->load_us) / 1e6;

    count(r, "sent", "messages published", b->up.sent + b->down.sent);
    count(r, "arrived", "copies arrived", arrived);
    count(r, "lost", "copies lost", bench_lost(b));
    count(r, "duplicates", "copies more than once",
          b->up.repeated + b->down.repeated);
    count(r, "late", "copies after a later one", b->up.late + b->down.late);
    count(r, "damaged", "copies damaged", b->up.damaged + b->down.damaged);
    count(r, "foreign", "copies not for whom they came to",
          b->up.foreign + b->down.foreign);
    if (b->options.mode == BENCH_UP || b->options.mode == BENCH_MIXED)
        count(r, "acknowledged", "acknowledged to nodes", b->up.acknowledged);
    row(r, "seconds", "seconds", "%.3f", took);
    row(r, "rate", "copies arrived a second", "%.0f",
        took > 0 ? (double)arrived / took : 0);
}

static void report_times(struct report *r, const struct bench *b)
{
    const char *answer = asleep(b) ? "first_ms" : "answer_ms";
    const char *words =
        asleep(b) ? "PINGREQ to first datagram, ms" : "request to answer, ms";

    if (!asleep(b))
        spread(r, "latency_ms", "publishing to arrival, ms", &b->latency, 1e3);
    spread(r, answer, words, &b->answer, 1e3);
    if (asleep(b))
        spread(r, "awake_ms", "PINGREQ to PINGRESP, ms", &b->complete, 1e3);
    else
        spread(r, "complete_ms", "publishing to last copy, ms", &b->complete,
               1e3);
    spread(r, "round_trips", "round trips of a wake-up", &b->trips, 1);
}

static void report_gateway(struct report *r, const struct bench *b)
{
    uint64_t messages = b->up.arrived + b->down.arrived;

    if (b->options.mode == BENCH_CONNECT)
        messages = b->connected;
    if (b->options.pid != 0 && !asleep(b) && messages > 0)
        row(r, "cpu_us",
            b->options.mode == BENCH_CONNECT ? "gateway's CPU per node, us"
                                             : "gateway's CPU per message, us",
            "%.2f",
            (double)(b->after.cpu_us - b->before.cpu_us) / (double)messages);
    if (b->options.pid != 0) {
        count(r, "rss_before_kib", "gateway's RSS before, KiB",
              b->before.rss_kib);
        count(r, "rss_kib", asleep(b) ? "and when full" : "and after",
              b->after.rss_kib);
        count(r, "private_kib", "of that private", b->after.private_kib);
    }
    count(r, "kernel_drops", "dropped before the gateway read",
          b->drops_after - b->drops_before);
    count(r, "send_blocked", "sending had to wait", b->up.send_blocked);
    count(r, "send_failed", "sending failed", b->up.send_failed);
    if (b->ceiling_out > 0) {
        count(r, "ceiling_out", "this program sends at most, /s",
              b->ceiling_out);
        count(r, "ceiling_in", "and takes in at most, /s", b->ceiling_in);
    }
}

bool bench_report(const struct bench *b)
{
    struct report report = {.json = b->options.json};

    if (report.json)
        printf("{");
    report_nodes(&report, b);
    if (b->options.mode != BENCH_CONNECT)
        report_messages(&report, b);
    report_times(&report, b);
    report_gateway(&report, b);
    if (report.json)
        printf("\n}\n");
    return fflush(stdout) == 0 && !ferror(stdout);
}
