/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "random.h"

struct row {
    const char *name, *text;
    size_t offset;
};

static const struct row rows[] = {
#define SIM_OPTION_ROW(name, text)                                             \
    {#name, text, offsetof(struct options, name)},
    SIM_OPTION_MAP(SIM_OPTION_ROW)
#undef SIM_OPTION_ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int64_t *value_at(struct options *options, size_t row)
{
    return (int64_t *)(void *)((char *)options + rows[row].offset);
}

bool options_set(struct options *options, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char *end;

    if (equals == NULL)
        return false;
    for (size_t i = 0; i < ROWS; i++) {
        size_t len = strlen(rows[i].name);

        if (len != (size_t)(equals - assignment) ||
            memcmp(rows[i].name, assignment, len) != 0)
            continue;
        *value_at(options, i) = strtoll(equals + 1, &end, 10);
        return equals[1] != '\0' && *end == '\0';
    }
    return false;
}

void options_print(const struct options *options, FILE *to)
{
    struct options copy = *options;

    for (size_t i = 0; i < ROWS; i++)
        fprintf(to, "%s%s=%lld", i % 5 == 0 ? "\n  " : " ", rows[i].name,
                (long long)*value_at(&copy, i));
    fputc('\n', to);
}

void options_explain(FILE *to)
{
    for (size_t i = 0; i < ROWS; i++)
        fprintf(to, "  %-22s %s\n", rows[i].name, rows[i].text);
}

/* ---- the draw ---------------------------------------------------------- */

static int64_t pick(struct rng *r, const int64_t *values, size_t count)
{
    return values[rng_below(r, (uint32_t)count)];
}
#define PICK(...)                                                              \
    pick(&r, (const int64_t[]){__VA_ARGS__},                                   \
         sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void draw_people(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "people", 0);
    o->pace_ms = PICK(800, 4000, 20000, 120000, 900000, 7200000);
    o->life_s = o->pace_ms * (int64_t)rng_range(&r, 30, 60) / 1000;
    o->jump_permille = PICK(0, 0, 20);
    o->steady = PICK(0, 1, 2);
    o->sleepers = PICK(0, 1, 2);
    o->rebooters = PICK(0, 0, 1);
    o->deaf = PICK(0, 0, 0, 1);
    o->fussy = PICK(0, 0, 0, 1);
    o->vanishers = PICK(0, 0, 0, 1);
    o->movers = PICK(0, 0, 1);
    o->flooders = PICK(0, 0, 0, 1);
    o->hoarders = PICK(0, 0, 0, 0, 1);
    o->library = PICK(0, 0, 1, 1, 2);
    o->villains = PICK(0, 0, 0, 1, 2);
    o->spoof_permille = PICK(0, 0, 200, 600);
    o->forwarded_permille = PICK(0, 0, 0, 300);
    if (o->steady + o->sleepers + o->library == 0)
        o->sleepers = 2;
}

/* Who attacks, and what with; each alone as often as with others. */
static void draw_attacks(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "attacks", 0);
    o->searchers = PICK(0, 0, 0, 0, 0, 0, 1);
    o->crowds = rng_below(&r, 20) == 0;
    o->lingerers = PICK(0, 0, 0, 0, 0, 0, 1);
    o->grabbers = PICK(0, 0, 0, 0, 0, 0, 1);
    o->nameless = PICK(0, 0, 0, 0, 2);
    o->wrappers = PICK(0, 0, 0, 0, 0, 0, 1);
    o->mirrors = PICK(0, 0, 0, 0, 0, 0, 1);
    o->guessers = PICK(0, 0, 0, 0, 0, 0, 1);
    o->ipv6_permille = PICK(0, 0, 500);
    o->discovery = PICK(0, 1);
    o->advertise_s = PICK(0, 900, 3600, 65535);
    o->gwinfo_multicast = PICK(0, 0, 1);
    o->minus1_short = PICK(0, 0, 1);
    o->minus1_retain = PICK(0, 1);
    o->minus1_from = PICK(0, 0, 1);
}

static void draw_network(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "network", 0);
    o->loss = PICK(0, 0, 20, 100, 300);
    o->dup = PICK(0, 0, 30, 150);
    o->flip = PICK(0, 0, 0, 0, 20);
    o->truncate = PICK(0, 0, 0, 0, 20);
    o->delay_ms = PICK(1, 5, 50, 400);
    o->jitter_ms = PICK(0, 2, 100, 2000, 15000);
    o->outage_permille = PICK(0, 0, 10, 50);
}

static void draw_broker(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "broker", 0);
    o->publish_ms = o->pace_ms / PICK(1, 2, 4) + 1;
    o->retain_permille = PICK(0, 50, 300);
    o->answer_ms = PICK(0, 1, 30, 600, 5000);
    o->break_s = PICK(0, 0, 5, 20) * o->pace_ms / 1000;
    o->away_ms = PICK(10, 2000, 60000);
    o->forgets_permille = PICK(0, 0, 100, 500);
    o->lies_permille = PICK(0, 0, 0, 200);
    o->refuses_permille = PICK(0, 0, 0, 50);
    o->receive_maximum = PICK(0, 0, 1, 10);
    o->overlapping =
        PICK(GW_OVERLAPPING_PROBE, GW_OVERLAPPING_PROBE, GW_OVERLAPPING_ONE,
             GW_OVERLAPPING_ONE, GW_OVERLAPPING_EACH);
    o->each_copy = o->overlapping == GW_OVERLAPPING_PROBE
                       ? PICK(0, 0, 1)
                       : o->overlapping == GW_OVERLAPPING_EACH;
    o->window = PICK(50, 50, 1, 4);
    o->retain_settle_ms = PICK(500, 500, 100, 5000);
    o->upstream_timeout_s = PICK(30, 30, 5, 120);
    o->upstream_down_max_s = PICK(0, 0, 0, 60);
}

static void draw_gateway(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "gateway", 0);
    o->durable = PICK(0, 1, 1);
    o->store_ms = PICK(0, 0, 5, 100, 3000);
    o->store_shuffle = PICK(0, 1);
    o->store_fails = o->durable ? PICK(0, 0, 0, 0, 0, 20, 200) : 0;
    o->crash_s = PICK(0, 0, 10, 30) * o->pace_ms / 1000;
    if (o->store_fails != 0)
        o->crash_s = 0;
    o->block_s = PICK(0, 0, 5, 20) * o->pace_ms / 1000;
    o->budget = PICK(0, 0, 1, 3);
    o->lag_ms = PICK(0, 0, 1, 40);
}

static void draw_ends(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "ends", 0);
    o->end_s = PICK(0, 0, 0, 10, 30) * o->pace_ms / 1000;
    if (o->store_fails != 0)
        o->end_s = 0;
    o->will_on_shutdown = PICK(0, 0, 1);
}

static void draw_disk(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "disk", 0);
    o->full = PICK(0, 0, 1);
    o->flush_ms = o->pace_ms * PICK(1, 4, 20) / 2;
    o->cut_ops = PICK(0, 60, 200, 600);
    o->keeps = PICK(0, 0, 0, 1, 2, 3);
    o->wall_permille = PICK(0, 0, 300);
}

static void draw_limits(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "limits", 0);
    o->max_sessions = PICK(64, 64, 64, 6);
    o->max_topics = PICK(256, 256, 256, 24);
    o->max_subscriptions = PICK(128, 128, 128, 12);
    o->max_exchanges = PICK(128, 128, 128, 12);
    o->max_queue_entries = PICK(512, 512, 512, 40);
    o->queue_total_bytes = PICK(65536, 65536, 65536, 4096);
    o->uplink_total_bytes = PICK(32768, 32768, 2048);
    o->names_total_bytes = PICK(65536, 65536, 65536, 65536, 49152);
    o->queue_max_messages = PICK(100, 10, 10, 3, 1);
    o->queue_max_bytes = PICK(65536, 65536, 65536, 512);
    o->queue_max_age_s = PICK(0, 0, 0, 4) * o->pace_ms / 1000;
    o->drop_policy =
        PICK(GW_DROP_OLDEST, GW_DROP_NEWEST, GW_DROP_LATEST_PER_TOPIC);
    o->retry_ms = PICK(10000, 10000, 2000, 1000);
    o->retry_count = PICK(3, 3, 1, 5);
    o->rebind_on_ping = PICK(GW_REBIND_SAME_HOST, GW_REBIND_SAME_HOST,
                             GW_REBIND_ANY, GW_REBIND_OFF);
    o->sleep_keeps_topics = PICK(1, 1, 1, 0);
    o->sleep_buffer_qos0 = PICK(1, 1, 0);
    o->strict_sleep = PICK(0, 0, 0, 1);
    o->awake_max_messages = PICK(0, 0, 0, 2);
    o->awake_max_s = PICK(30, 30, 5);
    o->max_topics_per_client = PICK(512, 512, 4);
    o->client_inflight_max = PICK(8, 8, 1, 3);
    o->congestion_wait_s = PICK(30, 5);
    o->idle_max_s = PICK(86400, 600);
    o->session_expiry_s = PICK(7 * 86400, 7 * 86400, 3600);
    o->gw_ping = PICK(0, 0, 0, 1);
    o->max_datagram = PICK(1024, 1024, 1024, 64);
}

static void draw_rates(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "rates", 0);
    o->stranger_rate = PICK(100, 100, 100, 2, 0);
    o->source_rate = PICK(0, 0, 0, 0, 0, 0, 5, 20);
}

static void draw_uplink(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "uplink", 0);
    o->uplink_max_messages = PICK(1000, 1000, 20, 3);
    o->uplink_max_bytes = PICK(32768, 32768, 1024);
    if (o->uplink_max_bytes > o->uplink_total_bytes)
        o->uplink_max_bytes = o->uplink_total_bytes / 2;
    o->uplink_max_age_s = PICK(0, 0, 0, 2) * o->pace_ms / 1000;
    o->uplink_drop_policy = PICK(GW_DROP_OLDEST, GW_DROP_NEWEST);
    o->uplink_drain_rate = PICK(0, 0, 1, 20);
    o->uplink_qos0 = PICK(0, 0, 1);
}

static void draw_rules(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "rules", 0);
    o->prefix = PICK(0, 0, 0, 0, 1, 2, 3, 4);
    o->access = PICK(0, 0, 0, 0, 0, 1, 2, 3, 4, 5);
    o->reload_s = PICK(0, 0, 0, 0, 5, 20) * o->pace_ms / 1000;
}

static void draw_links(struct options *o, uint64_t seed)
{
    struct rng r;

    rng_init(&r, seed, "links", 0);
    o->transparent = rng_below(&r, 6) == 0;
    o->max_connections = PICK(64, 64, 64, 4);
}

void options_agree(struct options *o)
{
    if (!o->transparent)
        return;
    /* Sessions do not outlive the gateway. */
    o->durable = o->store_fails = 0;
    o->villains = o->searchers = o->crowds = o->lingerers = o->grabbers = 0;
    o->nameless = o->wrappers = o->mirrors = o->guessers = 0;
    o->flip = o->truncate = 0;
    o->upstream_down_max_s = 0;
    o->each_copy = o->lies_permille = 0;
}

void options_draw(struct options *ret, uint64_t seed)
{
    memset(ret, 0, sizeof(*ret));
    draw_people(ret, seed);
    draw_attacks(ret, seed);
    draw_network(ret, seed);
    draw_broker(ret, seed);
    draw_gateway(ret, seed);
    draw_ends(ret, seed);
    draw_disk(ret, seed);
    draw_limits(ret, seed);
    draw_rates(ret, seed);
    draw_uplink(ret, seed);
    draw_rules(ret, seed);
    draw_links(ret, seed);
}
