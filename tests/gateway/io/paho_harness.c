/* SPDX-License-Identifier: MIT */
/*
 * paho_harness PORT DIRECTORY MESSAGES UPLINKS KILL PHASE - the Paho port with
 * a journal and as little of an engine as it needs; for test_paho_kill.py.
 *
 * Sends UPLINKS publishes on up/N, of QoS 2 and 1 in turn, each kept as an
 * exchange before it is handed over; takes MESSAGES messages on down/#. What is
 * done and what arrived is kept in the journal, in the order in which an engine
 * keeps it, and is all that the next process knows. When everything is done it
 * prints what it has, line by line, and ends with status 0.
 *
 * KILL > 0: the process kills itself at the KILLth write of the journal, before
 * it ('b'), after half of its octets ('h') or behind it ('a'), as PHASE says.
 * 'f': that write and the ones after it fail for a while, as on a full disk.
 * 's' without KILL: whatever is acknowledged is synced. PAHO_PROTOCOL=5 in the
 * environment: MQTT 5.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/journal.h"
#include "io/log.h"
#include "io/upstream_paho.h"

/* Records of this engine, and failing writes in a row with 'f'. */
enum {
    DONE = 1,
    ARRIVED = 5,
    EXCHANGE = 7,
    TELLING = 8, /* the broker is told what we subscribe to */
    ITEMS = 256,
    FAILING = 6
};

static unsigned long kill_at, writes;
static char phase;

static ssize_t counted_write(int fd, const void *buf, size_t len)
{
    unsigned long n = __atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED);
    ssize_t written;

    if (kill_at != 0 && phase == 'f' && n >= kill_at && n < kill_at + FAILING) {
        errno = ENOSPC;
        return -1;
    }
    if (n != kill_at || phase == 'f')
        return gw_files_system.write(fd, buf, len);
    if (phase != 'b') {
        written = gw_files_system.write(fd, buf, phase == 'h' ? len / 2 : len);
        (void)written;
    }
    kill(getpid(), SIGKILL);
    return -1; /* not reached */
}

static struct {
    uv_loop_t loop;
    uv_timer_t patience;
    struct gw_upstream *up;
    struct gw_journal *journal;
    struct gw_file_ops files;
    unsigned messages, uplinks;
    bool done[ITEMS], exchange[ITEMS], held[ITEMS], handed[ITEMS];
    char arrived[ITEMS * 4][32]; /* by place */
    uint32_t arrival[ITEMS * 4];
    unsigned arrived_count;
    bool connected, telling, subscribed;
    bool expired, stopped;
} h;

static void die(const char *what)
{
    fprintf(stderr, "paho_harness: %s\n", what);
    _exit(3);
}

/* ---- what is kept --------------------------------------------------- */

struct row {
    struct row *next;
    uint8_t kind;
    uint32_t owner, item;
    size_t len;
    uint8_t octets[];
};
static struct row *rows;

static bool visit(void *user, const struct gw_journal_entry *entry)
{
    const struct gw_journal_record *r = &entry->record;
    struct row **link = &rows;

    (void)user;
    while (*link && ((*link)->kind != r->kind || (*link)->owner != r->owner ||
                     (*link)->item != r->item))
        link = &(*link)->next;
    if (*link) {
        struct row *old = *link;

        *link = old->next;
        free(old);
    }
    if (r->verb == GW_JOURNAL_KEEP) {
        struct row *row = calloc(1, sizeof(*row) + r->octets.len);

        if (!row)
            die("no memory");
        row->kind = r->kind;
        row->owner = r->owner;
        row->item = r->item;
        row->len = r->octets.len;
        if (row->len > 0)
            memcpy(row->octets, r->octets.data, row->len);
        row->next = rows;
        rows = row;
    }
    return true;
}

/* As the store does: it goes on trying what the disk refuses. */
static void append(uint8_t verb, uint8_t kind, uint32_t item,
                   struct mqttsn_span octets)
{
    struct gw_journal_record record = {
        .verb = verb, .kind = kind, .item = item, .octets = octets};

    while (gw_journal_append(h.journal, &record, 1, NULL) != MQTTSN_OK)
        if (phase != 'f')
            die("the journal refuses");
}

static void restore_row(const struct row *row)
{
    switch (row->kind) {
    case DONE:
        h.done[row->item] = true;
        break;
    case EXCHANGE:
        h.exchange[row->item] = true;
        break;
    case TELLING:
        h.telling = true;
        break;
    case ARRIVED:
        memcpy(h.arrived[h.arrived_count], row->octets, row->len);
        h.arrival[h.arrived_count++] = row->item;
        break;
    default:
        if (row->kind < GW_JOURNAL_SHELL ||
            gw_upstream_paho_restore(h.up, row->kind, row->owner, row->item,
                                     mqttsn_span(row->octets, row->len)) !=
                MQTTSN_OK)
            die("a record that nobody knows");
    }
}

static uint64_t held(void *user, uint32_t owner, uint32_t item)
{
    (void)user;
    if (owner != 0 || item >= ITEMS || !h.exchange[item] || h.done[item])
        return 0;
    h.held[item] = h.handed[item] = true;
    return item;
}

/* ---- as an engine would --------------------------------------------- */

static void hand_over(void)
{
    if (!h.connected || !h.subscribed)
        return;
    for (unsigned i = 1; i <= h.uplinks; i++) {
        char topic[16], payload[16];
        struct gw_up_action action = {.kind = GW_UP_PUBLISH,
                                      .token = i,
                                      .item = i,
                                      .qos = i % 2 == 1 ? 2 : 1};

        if (h.done[i] || h.handed[i])
            continue;
        snprintf(topic, sizeof(topic), "up/%u", i);
        snprintf(payload, sizeof(payload), "u%u", i);
        action.topic = mqttsn_span_text(topic);
        action.payload = mqttsn_span_text(payload);
        if (!h.exchange[i])
            append(GW_JOURNAL_KEEP, EXCHANGE, i, action.payload);
        h.exchange[i] = true;
        if (h.up->ops->submit(h.up, &action) != MQTTSN_OK)
            die("no room");
        h.handed[i] = true;
    }
}

static void on_connected(bool session_present)
{
    struct gw_up_action action = {.kind = GW_UP_SUBSCRIBE,
                                  .token = ITEMS,
                                  .qos = 2,
                                  .topic = mqttsn_span_text("down/#")};

    h.connected = true;
    printf("connected session_present=%d\n", session_present);
    h.subscribed = session_present && !h.telling;
    if (h.subscribed)
        return;
    append(GW_JOURNAL_KEEP, TELLING, 0, mqttsn_span(NULL, 0));
    h.telling = true;
    if (h.up->ops->submit(h.up, &action) != MQTTSN_OK)
        die("no room");
}

static void on_result(uint64_t token, enum gw_up_outcome outcome)
{
    if (token == ITEMS) {
        h.subscribed = outcome == GW_UP_DONE;
        if (h.subscribed)
            append(GW_JOURNAL_FORGET, TELLING, 0, mqttsn_span(NULL, 0));
        h.telling = !h.subscribed;
        return;
    }
    if (!h.handed[token])
        die("a result twice");
    h.handed[token] = false;
    if (outcome == GW_UP_UNSENT) {
        printf("unsent %u\n", (unsigned)token);
        return;
    }
    if (outcome != GW_UP_DONE)
        die("refused");
    h.done[token] = true;
    append(GW_JOURNAL_KEEP, DONE, (uint32_t)token, mqttsn_span(NULL, 0));
    append(GW_JOURNAL_FORGET, EXCHANGE, (uint32_t)token, mqttsn_span(NULL, 0));
    append(GW_JOURNAL_FORGET, GW_SHELL_TOKEN, (uint32_t)token,
           mqttsn_span(NULL, 0));
}

static void on_message(const struct gw_up_event *event)
{
    uint32_t arrival = event->message.arrival;
    bool again = false;

    if (arrival == 0)
        die("a message that was not kept");
    for (unsigned i = 0; i < h.arrived_count; i++)
        again |= h.arrival[i] == arrival;
    if (!again) {
        if (h.arrived_count == ITEMS * 4)
            die("too many messages");
        snprintf(h.arrived[h.arrived_count], sizeof(h.arrived[0]), "%.*s",
                 (int)event->message.payload.len,
                 (const char *)event->message.payload.data);
        h.arrival[h.arrived_count++] = arrival;
        append(GW_JOURNAL_KEEP, ARRIVED, arrival, event->message.payload);
    }
    append(GW_JOURNAL_FORGET, GW_SHELL_ARRIVAL, arrival, mqttsn_span(NULL, 0));
}

static void drain(void *user)
{
    struct gw_up_event event;

    (void)user;
    while (h.up->ops->take(h.up, &event))
        switch (event.kind) {
        case GW_UP_CONNECTED:
            on_connected(event.connected.session_present);
            break;
        case GW_UP_RESULT:
            on_result(event.result.token, event.result.outcome);
            break;
        case GW_UP_MESSAGE:
            on_message(&event);
            break;
        case GW_UP_LOST:
            h.connected = false;
            printf("lost\n");
            break;
        case GW_UP_UNREACHABLE:
        case GW_UP_DENIED:
        case GW_UP_CLOSED:
            break;
        }
    hand_over();
}

/* ---- life ----------------------------------------------------------- */

static void on_patience(uv_timer_t *timer)
{
    (void)timer;
    h.expired = true;
}

static void on_stopped(void *user, bool clean)
{
    (void)user;
    (void)clean;
    h.stopped = true;
}

static unsigned distinct_messages(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < h.arrived_count; i++) {
        bool before = false;

        for (unsigned k = 0; k < i; k++)
            before |= strcmp(h.arrived[k], h.arrived[i]) == 0;
        count += !before;
    }
    return count;
}

static bool finished(void)
{
    for (unsigned i = 1; i <= h.uplinks; i++)
        if (!h.done[i])
            return false;
    return distinct_messages() == h.messages;
}

static void open_all(uint16_t port, const char *directory)
{
    struct gw_journal_settings settings = {.directory = directory,
                                           .name = "h",
                                           .sync = phase == 's',
                                           .limit = 64 * 1024 * 1024,
                                           .files = &h.files};
    struct gw_upstream_endpoint endpoint = {.host = "127.0.0.1", .port = port};
    struct gw_upstream_settings upstream;
    struct gw_journal_report report;
    const char *protocol = getenv("PAHO_PROTOCOL");

    h.files = gw_files_system;
    h.files.write = counted_write;
    if (gw_journal_read(&settings, 0, visit, NULL, &report) != MQTTSN_OK ||
        gw_journal_open(&settings, report.last + 1, &report, &h.journal) !=
            MQTTSN_OK)
        die("no journal");
    gw_upstream_settings_default(&upstream);
    upstream.endpoints = &endpoint;
    upstream.client_id = "harness";
    if (protocol && strcmp(protocol, "5") == 0)
        upstream.protocol = GW_PROTOCOL_5;
    upstream.backoff_min_ms = 10;
    upstream.backoff_max_ms = 50;
    upstream.journal = h.journal;
    if (gw_upstream_paho_new(&h.loop, &upstream, &h.up) != MQTTSN_OK)
        die("no port");
    h.up->wake = drain;
    for (const struct row *row = rows; row; row = row->next)
        restore_row(row);
    if (gw_upstream_paho_restored(h.up, rows == NULL, held, NULL) != MQTTSN_OK)
        die("no memory");
}

static void print_figures(void)
{
    struct gw_upstream_paho_stats stats;

    gw_upstream_paho_stats(h.up, &stats);
    for (unsigned i = 0; i < h.arrived_count; i++)
        printf("arrived %s\n", h.arrived[i]);
    printf("failures %llu\n", (unsigned long long)stats.keep.failures);
    printf("writes %lu\n", writes);
    for (unsigned i = 0; i < GW_PAHO_KEEP_SLOTS; i++)
        if (stats.keep.arrival_us[i] > 0)
            printf("held below_us=%lu count=%llu\n", 2ul << i,
                   (unsigned long long)stats.keep.arrival_us[i]);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("PORT DIRECTORY MESSAGES UPLINKS KILL PHASE");
    h.messages = (unsigned)atoi(argv[3]);
    h.uplinks = (unsigned)atoi(argv[4]);
    kill_at = strtoul(argv[5], NULL, 10);
    phase = argv[6][0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("UPSTREAM_LOG"))
        gw_log_configure(GW_LOG_DEBUG, GW_LOG_TEXT, GW_LOG_STDERR);
    else
        gw_log_configure(GW_LOG_ERROR, GW_LOG_TEXT, GW_LOG_STDERR);
    uv_loop_init(&h.loop);
    uv_timer_init(&h.loop, &h.patience);
    uv_timer_start(&h.patience, on_patience, 60000, 0);
    open_all((uint16_t)atoi(argv[1]), argv[2]);
    if (h.up->ops->start(h.up) != MQTTSN_OK)
        die("cannot start");
    while (!finished() && !h.expired)
        uv_run(&h.loop, UV_RUN_ONCE);
    h.up->ops->stop(h.up, 2000, on_stopped, NULL);
    while (!h.stopped)
        uv_run(&h.loop, UV_RUN_ONCE);
    drain(NULL);
    print_figures();
    printf("%s\n", h.expired ? "expired" : "finished");
    h.up->ops->free(h.up);
    gw_journal_close(h.journal);
    return h.expired ? 4 : 0;
}
