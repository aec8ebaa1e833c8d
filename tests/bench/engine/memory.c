/* SPDX-License-Identifier: MIT */
/*
 * What the engine occupies: octets in its tables for each idle node, and what
 * the process has resident with 100 000 of them; and what 10 000 sleepers with
 * ten messages each add to that. Prints a table; 1 when a bound is exceeded, or
 * docs/memory.md has other figures.
 *
 * Each row is measured in a process of its own, so that none finds memory that
 * another has touched.
 */
#include "engine_private.h"
#include "population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NODES = 100000,
    NODE_BYTES_MAX = 512,
    NODES_RESIDENT_MAX = 64 * 1024 * 1024,
    SLEEPERS = 10000,
    MESSAGES = 10,
    PAYLOAD = 64,
    DISTINCT_MAX = 16 * 1024 * 1024,
    SHARED_MAX = 6 * 1024 * 1024,
};

static bool exceeded;
static char document[64 * 1024]; /* docs/memory.md */

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "memory: error: %s\n", what);
    exit(2);
}

/* ---- what is in use ---------------------------------------------------- */

static uint64_t in_slab(const struct gw_slab *slab)
{
    return (uint64_t)slab->used * slab->block_size;
}

/* With what each entry has of the slots that stay empty. */
static uint64_t in_table(const struct gw_table *table)
{
    uint64_t all = gw_table_size(table->capacity);

    return table->used == 0 ? 0 : all * table->used / table->capacity;
}

static uint64_t in_heap(const struct gw_heap *heap)
{
    return heap->count * gw_heap_size(heap->capacity) / heap->capacity;
}

static uint64_t in_messages(const struct gw_messages *messages)
{
    return in_slab(&messages->messages) + in_slab(&messages->chunks);
}

struct part {
    const char *name;
    uint64_t octets;
};

/* What grows with nodes and messages; rings, buffers and the configuration do
 * not. Returns how many parts there are. */
static size_t parts_of(const struct gw_engine *e, struct part ret[16])
{
    const struct part parts[] = {
        {"sessions", in_slab(&e->sessions)},
        {"cold parts", in_slab(&e->colds)},
        {"found by client id and address",
         in_table(&e->by_client) + in_table(&e->by_addr)},
        {"deadlines, fullest queues", in_heap(&e->due) + in_heap(&e->fullest)},
        {"names", e->names.used_bytes + in_table(&e->names.table)},
        {"topic entries", in_slab(&e->topics) + in_table(&e->topics_by_id) +
                              in_table(&e->topics_by_name)},
        {"subscriptions", in_slab(&e->subs) + in_table(&e->subs_by_key)},
        {"filters and their levels", in_slab(&e->filters.filters) +
                                         in_slab(&e->filters.levels) +
                                         in_table(&e->filters.plain_levels)},
        {"windows, requests, replies",
         in_slab(&e->windows) + in_slab(&e->exchanges) + in_slab(&e->replies)},
        {"places in queues", in_slab(&e->places)},
        {"messages",
         in_messages(&e->down_messages) + in_messages(&e->up_messages)},
    };
    size_t count = sizeof(parts) / sizeof(parts[0]);

    memcpy(ret, parts, sizeof(parts));
    return count;
}

static uint64_t in_use(const struct gw_engine *e)
{
    struct part parts[16];
    size_t count = parts_of(e, parts);
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += parts[i].octets;
    return sum;
}

/* Octets of this process that are in memory. */
static uint64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, pages = 0;

    need(file != NULL && fscanf(file, "%lu %lu", &size, &pages) == 2,
         "no /proc/self/statm");
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- what the document says -------------------------------------------- */

static void read_document(void)
{
    const char *root = getenv("GW_SOURCE_ROOT");
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/docs/memory.md", root ? root : ".");
    file = fopen(path, "r");
    need(file != NULL, "no docs/memory.md below GW_SOURCE_ROOT");
    document[fread(document, 1, sizeof(document) - 1, file)] = '\0';
    fclose(file);
}

static void check_document(const char *part, uint64_t octets)
{
    char text[80];

    snprintf(text, sizeof(text), "| %s | %llu |", part,
             (unsigned long long)octets);
    if (strstr(document, text) != NULL)
        return;
    printf("docs/memory.md does not say \"%s\"\n", text);
    exceeded = true;
}

/* ---- rows -------------------------------------------------------------- */

static void row(const char *what, uint64_t measured, uint64_t most)
{
    bool over = most != 0 && measured > most;

    printf("%-60s %10llu", what, (unsigned long long)measured);
    if (most != 0)
        printf("  of %10llu%s", (unsigned long long)most,
               over ? "  EXCEEDED" : "");
    printf("\n");
    exceeded |= over;
}

/* With a plain filter a node has three names, for SUBSCRIBE registers it: that
 * is told, and has no bound. */
static void idle_nodes(enum population_filter filter)
{
    struct population p;
    struct part parts[16];
    size_t count;
    char text[64];

    population_init(&p, NODES, filter);
    population_start(&p);
    count = parts_of(p.engine, parts);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "  %s", parts[i].name);
        if (parts[i].octets / NODES == 0)
            continue;
        row(text, parts[i].octets / NODES, 0);
        if (filter == FILTER_WILDCARD)
            check_document(parts[i].name, parts[i].octets / NODES);
    }
    row("octets in tables for each idle node",
        (in_use(p.engine) + NODES - 1) / NODES,
        filter == FILTER_PLAIN ? 0 : NODE_BYTES_MAX);
    if (filter == FILTER_WILDCARD)
        check_document("in all", (in_use(p.engine) + NODES - 1) / NODES);
    row("octets resident, the whole process, 100 000 of them", resident(),
        NODES_RESIDENT_MAX);
    population_stop(&p);
}

/* Each message is to all sleepers, or to one. */
static void sleep_queues(bool shared)
{
    struct octets sleep = sn_disconnect(60000);
    struct population p;
    struct gw_usage usage;
    uint64_t resident_before, in_use_before;
    char payload[PAYLOAD + 1], topic[32];

    population_init(&p, SLEEPERS, FILTER_WILDCARD);
    p.shared_filter = shared;
    p.limits.max_queue_entries = SLEEPERS * MESSAGES;
    p.limits.queue_total_bytes = (uint64_t)SLEEPERS * MESSAGES * 128;
    population_start(&p);
    for (uint32_t node = 1; node <= SLEEPERS; node++) {
        population_send(&p, node, &sleep);
        population_serve(&p);
    }
    population_pass(&p, 60 * 1000);
    resident_before = resident();
    in_use_before = in_use(p.engine);
    for (unsigned n = 0; n < MESSAGES; n++) {
        for (uint32_t node = 1; node <= (shared ? 1u : SLEEPERS); node++) {
            struct gw_up_event event = {.kind = GW_UP_MESSAGE};

            snprintf(payload, sizeof(payload), "%0*u", PAYLOAD,
                     n * SLEEPERS + node);
            population_command(&p, node, topic);
            event.message.topic = mqttsn_span_text(topic);
            event.message.payload = mqttsn_span(payload, PAYLOAD);
            event.message.qos = 1;
            event.message.packet_id = 1;
            gw_engine_on_upstream(p.engine, &event, p.now);
            need(population_serve(&p) == 0, "a sleeper was sent something");
        }
    }
    gw_engine_usage(p.engine, &usage);
    need(usage.queue_entries == SLEEPERS * MESSAGES, "not all was queued");
    printf("10 000 sleepers, 10 messages of 64 octets each, %s\n",
           shared ? "shared by all" : "all distinct");
    row("  growth over idle, octets in tables",
        in_use(p.engine) - in_use_before, shared ? SHARED_MAX : DISTINCT_MAX);
    row("  growth over idle, octets resident", resident() - resident_before,
        shared ? SHARED_MAX : DISTINCT_MAX);
    population_stop(&p);
}

/* ---- each in its own process ------------------------------------------- */

static void plain_nodes(void)
{
    printf("idle node, three names, one of them its filter (cmd/ID)\n");
    idle_nodes(FILTER_PLAIN);
}

static void wildcard_nodes(void)
{
    printf("idle node, two names and a filter of its own (cmd/ID/#)\n");
    idle_nodes(FILTER_WILDCARD);
}

static void distinct_messages(void)
{
    sleep_queues(false);
}

static void shared_messages(void)
{
    sleep_queues(true);
}

static bool apart(void (*measure)(void))
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    need(child >= 0, "cannot fork");
    if (child == 0) {
        measure();
        fflush(stdout);
        _exit(exceeded);
    }
    need(waitpid(child, &status, 0) == child, "cannot wait");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    void (*const measures[])(void) = {plain_nodes, wildcard_nodes,
                                      distinct_messages, shared_messages};
    bool good = true;

    read_document();
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
        good &= apart(measures[i]);
    return good ? 0 : 1;
}
