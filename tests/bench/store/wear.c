/* SPDX-License-Identifier: MIT */
/*
 * wear - how much the store writes in a day.
 *
 *   wear [--hours N] [--directory DIR] [--flush SECONDS]... [--nodes N]
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
#include "io/disk_store.h"

#include "core/engine.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdio.h>
#include <string.h>

#include "counting_vfs.h"

#define ROUND_S 600u
#define WAIT_S 300u
#define WRITEBACK_S 30u
#define NODES_MAX 10000u
#define BATCH 256u

struct node {
    uint16_t topic_id; /* of what it publishes */
    uint16_t msg_id;
    bool up_done, down_due, down_done, awake;
};

struct world {
    struct gw_engine *engine;
    struct gw_disk *disk;
    uint64_t now_ms;
    unsigned node_count;
    struct node nodes[NODES_MAX];
    uint32_t arrival;
    uint64_t up_acked, down_acked; /* as the nodes saw it */
    uint8_t *buf;
};

static void die(const char *what)
{
    fprintf(stderr, "wear: %s\n", what);
    exit(1);
}

static uint64_t now_s(void *user)
{
    return ((const struct world *)user)->now_ms / 1000;
}

static uint64_t wall_s(void *user)
{
    return 1800000000 + now_s(user);
}

/* ---- nodes ------------------------------------------------------------- */

static struct gw_addr addr_of(unsigned node)
{
    struct gw_addr addr = {.family = 4, .port = 1024};

    addr.ip[0] = 10;
    addr.ip[2] = (uint8_t)(node >> 8);
    addr.ip[3] = (uint8_t)node;
    return addr;
}

static void send(struct world *w, unsigned node, const uint8_t *frame)
{
    const struct gw_addr from = addr_of(node);
    const struct gw_via via = {.family = 4};

    gw_engine_on_datagram(w->engine, &from, &via, mqttsn_span(frame, frame[0]),
                          w->now_ms);
}

static void send_text(struct world *w, unsigned node, const uint8_t head[],
                      size_t len, const char *text)
{
    uint8_t frame[255];

    memcpy(frame + 1, head, len);
    memcpy(frame + 1 + len, text, strlen(text));
    frame[0] = (uint8_t)(1 + len + strlen(text));
    send(w, node, frame);
}

static void node_connect(struct world *w, unsigned node)
{
    const uint8_t head[] = {0x04, 0x00, 0x01, 0x00, 60};
    char id[16];

    snprintf(id, sizeof(id), "node-%05u", node);
    w->nodes[node].awake = true;
    w->nodes[node].up_done = w->nodes[node].down_done = false;
    send_text(w, node, head, sizeof(head), id);
}

static void node_publish(struct world *w, unsigned node)
{
    struct node *n = &w->nodes[node];
    uint16_t id = ++n->msg_id == 0 ? ++n->msg_id : n->msg_id;
    const uint8_t head[] = {0x0c,
                            0x20,
                            (uint8_t)(n->topic_id >> 8),
                            (uint8_t)n->topic_id,
                            (uint8_t)(id >> 8),
                            (uint8_t)id};

    send_text(w, node, head, sizeof(head), "temperature=21.5 humidity=40.0 %");
}

static void node_sleep(struct world *w, unsigned node)
{
    const uint8_t frame[] = {4, 0x18, 0x07, 0x08}; /* half an hour */

    w->nodes[node].awake = false;
    send(w, node, frame);
}

static void node_takes(struct world *w, unsigned node, const uint8_t *frame)
{
    struct node *n = &w->nodes[node];
    uint8_t answer[7] = {7, 0};
    char name[32];

    switch (frame[1]) {
    case 0x05: /* CONNACK */
        if (frame[2] != 0)
            die("a CONNECT was refused");
        if (n->topic_id == 0) {
            const uint8_t head[] = {0x0a, 0, 0, 0, 1};

            snprintf(name, sizeof(name), "site/node-%05u/data", node);
            send_text(w, node, head, sizeof(head), name);
        } else {
            node_publish(w, node);
        }
        return;
    case 0x0b: { /* REGACK */
        const uint8_t head[] = {0x12, 0x20, 0, 2};

        n->topic_id = (uint16_t)(frame[2] << 8 | frame[3]);
        snprintf(name, sizeof(name), "site/node-%05u/command", node);
        send_text(w, node, head, sizeof(head), name);
        return;
    }
    case 0x13: /* SUBACK */
        node_publish(w, node);
        return;
    case 0x0d: /* PUBACK */
        if (frame[6] != 0)
            die("a PUBLISH was refused");
        w->up_acked++;
        n->up_done = true;
        break;
    case 0x0a: /* REGISTER */
        answer[1] = 0x0b;
        memcpy(answer + 2, frame + 2, 4);
        send(w, node, answer);
        return;
    case 0x0c: /* PUBLISH */
        answer[1] = 0x0d;
        memcpy(answer + 2, frame + 3, 4);
        send(w, node, answer);
        w->down_acked++;
        n->down_done = true;
        break;
    default:
        return;
    }
    if (n->awake && n->up_done && (n->down_done || !n->down_due))
        node_sleep(w, node);
}

/* ---- the broker -------------------------------------------------------- */

static void broker_takes(struct world *w, const struct gw_up_action *action)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    if (action->token == 0)
        return;
    event.result.token = action->token;
    event.result.outcome = GW_UP_DONE;
    event.result.granted_qos = 2;
    gw_engine_on_upstream(w->engine, &event, w->now_ms);
}

static void broker_sends(struct world *w, unsigned node)
{
    static const char payload[] = "valve=open duration=300 seq=0001";
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};
    struct gw_journal_record kept = {.verb = GW_JOURNAL_KEEP,
                                     .kind = GW_SHELL_ARRIVAL};
    uint8_t octets[128];
    char topic[48];
    int len;

    snprintf(topic, sizeof(topic), "site/node-%05u/command", node);
    /* About what the shell keeps of it until it is taken over. */
    len =
        snprintf((char *)octets, sizeof(octets), "......%s%s", topic, payload);
    kept.item = ++w->arrival;
    kept.octets = mqttsn_span(octets, (size_t)len);
    if (gw_journal_put(gw_disk_journal(w->disk), &kept) != MQTTSN_OK)
        die("the journal refuses");
    event.message.topic = mqttsn_span((const uint8_t *)topic, strlen(topic));
    event.message.payload =
        mqttsn_span((const uint8_t *)payload, strlen(payload));
    event.message.qos = 1;
    event.message.packet_id = (uint16_t)(1 + w->arrival % 65535);
    event.message.arrival = w->arrival;
    w->nodes[node].down_due = true;
    gw_engine_on_upstream(w->engine, &event, w->now_ms);
}

/* ---- the turn ---------------------------------------------------------- */

static bool serve_store(struct world *w)
{
    static uint8_t octets[BATCH][512];
    struct gw_journal_record records[BATCH];
    uint64_t ops[BATCH];
    struct gw_store_action a;
    size_t n = 0;

    while (n < BATCH && gw_engine_poll_store(w->engine, w->now_ms, w->buf,
                                             GW_RECORD_MAX, &a)) {
        size_t len = a.verb == GW_STORE_KEEP ? a.len : 0;

        if (len > sizeof(octets[n]))
            die("a record is larger than expected");
        memcpy(octets[n], w->buf, len);
        records[n] = (struct gw_journal_record){
            (uint8_t)(a.verb == GW_STORE_KEEP     ? GW_JOURNAL_KEEP
                      : a.verb == GW_STORE_FORGET ? GW_JOURNAL_FORGET
                                                  : GW_JOURNAL_FORGET_OWNER),
            a.kind, a.owner, a.item, mqttsn_span(octets[n], len)};
        ops[n++] = a.op;
    }
    if (n == 0)
        return false;
    if (gw_disk_append(w->disk, records, n) != MQTTSN_OK)
        die("the store refuses");
    for (size_t i = 0; i < n; i++)
        gw_engine_on_stored(w->engine, ops[i], true, w->now_ms);
    return true;
}

static void serve(struct world *w)
{
    struct gw_datagram datagram;
    struct gw_up_action action;
    struct gw_note note;
    bool more;

    do {
        more = serve_store(w);
        while (gw_engine_poll_upstream(w->engine, w->now_ms,
                                       GW_UP_CONTROL | GW_UP_DATA, w->buf,
                                       GW_UP_BUFFER, &action)) {
            broker_takes(w, &action);
            more = true;
        }
        while (gw_engine_poll_datagram(w->engine, w->now_ms, w->buf,
                                       GW_DATAGRAM_MAX, &datagram)) {
            uint8_t frame[256];

            memcpy(frame, w->buf, datagram.len);
            node_takes(w, (unsigned)datagram.to.ip[2] << 8 | datagram.to.ip[3],
                       frame);
            more = true;
        }
        while (gw_engine_poll_note(w->engine, &note))
            ;
    } while (more);
    if (gw_engine_next_deadline(w->engine) <= w->now_ms)
        gw_engine_on_deadline(w->engine, w->now_ms);
}

/* One second: the nodes and commands whose time it is. */
static void one_second(struct world *w, uint64_t second)
{
    for (unsigned i = 0; i < w->node_count; i++) {
        uint64_t phase = (uint64_t)i * ROUND_S / w->node_count;

        if (second % ROUND_S == phase) {
            node_connect(w, i);
            serve(w);
            if (w->nodes[i].awake)
                die("a node was not served");
            w->nodes[i].down_due = false;
        }
        if (second > ROUND_S && (second + WAIT_S) % ROUND_S == phase) {
            broker_sends(w, i);
            serve(w);
        }
    }
    w->now_ms += 1000;
    serve(w);
}

/* ---- one run ----------------------------------------------------------- */

static void open_world(struct world *w, const char *path)
{
    const struct gw_disk_settings settings = {.path = path,
                                              .vfs = COUNTING_VFS,
                                              .now_s = now_s,
                                              .wall_s = wall_s,
                                              .user = w};
    struct gw_listener_options listener = {.port = 1883, .max_datagram = 1024};
    struct gw_up_event connected = {.kind = GW_UP_CONNECTED};
    static const uint8_t seed[16] = "wear and tear...";
    struct gw_disk_report report;
    struct gw_limits limits;
    struct gw_options options;

    gw_limits_default(&limits);
    gw_options_default(&options);
    options.listeners = &listener;
    options.listener_count = 1;
    options.overlapping = GW_OVERLAPPING_ONE;
    options.upstream_client_id = "wear";
    options.durable = true;
    w->now_ms = 1000000;
    if (gw_disk_open(&settings, &w->disk) != MQTTSN_OK ||
        gw_disk_restore(w->disk, NULL, NULL, &report) != MQTTSN_OK ||
        gw_engine_new(&limits, &options, seed, w->now_ms, &w->engine) !=
            MQTTSN_OK)
        die("cannot begin");
    gw_engine_on_upstream(w->engine, &connected, w->now_ms);
    serve(w);
}

static void run(const char *directory, unsigned nodes, unsigned flush_s,
                unsigned hours)
{
    struct world *w = calloc(1, sizeof(*w));
    uint64_t warm = 2 * ROUND_S, end = warm + (uint64_t)hours * 3600;
    char path[512], base[480], command[512], why[GW_DISK_WHY_MAX];
    struct counting_vfs before = {0};
    struct gw_disk_stats from = {0}, to;
    uint64_t up = 0, down = 0, disk, messages;

    snprintf(base, sizeof(base), "%s/wear-XXXXXX", directory);
    if (w == NULL || (w->buf = malloc(GW_RECORD_MAX + GW_UP_BUFFER)) == NULL ||
        mkdtemp(base) == NULL)
        die("no memory, or no directory");
    snprintf(path, sizeof(path), "%s/gateway.db", base);
    w->node_count = nodes;
    open_world(w, path);
    for (uint64_t second = 0; second < end; second++) {
        if (second == warm) {
            before = counting_vfs;
            gw_disk_stats(w->disk, &from);
            up = w->up_acked;
            down = w->down_acked;
        }
        one_second(w, second);
        if (((second + 1) % flush_s == 0 || gw_disk_wants_flush(w->disk)) &&
            gw_disk_flush(w->disk, why) != MQTTSN_OK)
            die(why);
        if ((second + 1) % WRITEBACK_S == 0)
            counting_vfs_index();
    }
    gw_disk_stats(w->disk, &to);
    up = w->up_acked - up;
    down = w->down_acked - down;
    messages = up + down;
    if (up != (uint64_t)hours * 3600 / ROUND_S * nodes || down != up)
        die("the nodes did not get what they should");
    disk = counting_vfs.database - before.database + counting_vfs.log -
           before.log + counting_vfs.index - before.index;
#define PER_DAY(octets) ((double)(octets)*24 / hours / 1e6)
    printf("%8u s  %8.1f %8.1f %8.1f  %8.1f %8.1f   %8.1f %8.1f  %7.1f\n",
           flush_s, PER_DAY(counting_vfs.log - before.log),
           PER_DAY(counting_vfs.database - before.database),
           PER_DAY(counting_vfs.index - before.index), PER_DAY(disk),
           (double)disk / (double)messages,
           PER_DAY(disk + to.journal.octets - from.journal.octets),
           (double)(disk + to.journal.octets - from.journal.octets) /
               (double)messages,
           (double)(to.rows_written - from.rows_written) * 1000 /
               (double)messages);
    fflush(stdout);

    gw_disk_close(w->disk);
    gw_engine_free(w->engine);
    free(w->buf);
    free(w);
    snprintf(command, sizeof(command), "rm -r '%s'", base);
    if (system(command) != 0)
        die("cannot clean up");
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"hours", required_argument, NULL, 'h'},
        {"directory", required_argument, NULL, 'd'},
        {"flush", required_argument, NULL, 'f'},
        {"nodes", required_argument, NULL, 'n'},
        {0},
    };
    unsigned flush[8] = {1, 60, 300}, flush_count = 0, hours = 24, nodes = 1000;
    const char *directory = "/tmp";
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == 'h')
            hours = (unsigned)atoi(optarg);
        else if (option == 'd')
            directory = optarg;
        else if (option == 'n')
            nodes = (unsigned)atoi(optarg);
        else if (option == 'f' && flush_count < 8)
            flush[flush_count++] = (unsigned)atoi(optarg);
        else
            die("usage: wear [--hours N] [--directory DIR] [--flush "
                "SECONDS]... "
                "[--nodes N]");
    }
    if (hours == 0 || nodes == 0 || nodes > NODES_MAX || flush[0] == 0)
        die("a number is out of range");
    if (!counting_vfs_register())
        die("no VFS");
    printf("%u nodes, one message each way in %u s, %u h\n"
           "               ---- MB a day -----------  journal on tmpfs    "
           "journal on disk    rows for\n"
           "flush interval      log database    index  MB/day octets/msg   "
           "MB/day octets/msg  1000 msgs\n",
           nodes, ROUND_S, hours);
    for (unsigned i = 0; i < (flush_count ? flush_count : 3); i++)
        run(directory, nodes, flush[i], hours);
    return 0;
}
