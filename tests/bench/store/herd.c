/* SPDX-License-Identifier: MIT */
#include "herd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256u

void herd_die(const char *what)
{
    fprintf(stderr, "store bench: %s\n", what);
    exit(1);
}

static uint64_t now_s(void *user)
{
    return ((const struct herd *)user)->now_ms / 1000;
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

static void send(struct herd *w, unsigned node, const uint8_t *frame)
{
    const struct gw_addr from = addr_of(node);
    const struct gw_via via = {.family = 4};

    gw_engine_on_datagram(w->engine, &from, &via, mqttsn_span(frame, frame[0]),
                          w->now_ms);
}

static void send_text(struct herd *w, unsigned node, const uint8_t head[],
                      size_t len, const char *text)
{
    uint8_t frame[255];

    memcpy(frame + 1, head, len);
    memcpy(frame + 1 + len, text, strlen(text));
    frame[0] = (uint8_t)(1 + len + strlen(text));
    send(w, node, frame);
}

void herd_connect(struct herd *w, unsigned node)
{
    const uint8_t head[] = {0x04, 0x00, 0x01, 0x00, 60};
    char id[16];

    snprintf(id, sizeof(id), "node-%05u", node);
    w->nodes[node].awake = true;
    w->nodes[node].up_done = w->nodes[node].down_done = false;
    send_text(w, node, head, sizeof(head), id);
}

static void node_publish(struct herd *w, unsigned node)
{
    struct herd_node *n = &w->nodes[node];
    uint16_t id = ++n->msg_id == 0 ? ++n->msg_id : n->msg_id;
    const uint8_t head[] = {0x0c,
                            0x20,
                            (uint8_t)(n->topic_id >> 8),
                            (uint8_t)n->topic_id,
                            (uint8_t)(id >> 8),
                            (uint8_t)id};

    send_text(w, node, head, sizeof(head), "temperature=21.5 humidity=40.0 %");
}

static void node_sleep(struct herd *w, unsigned node)
{
    const uint8_t frame[] = {4, 0x18, 0x07, 0x08}; /* half an hour */

    w->nodes[node].awake = false;
    send(w, node, frame);
}

static void node_takes(struct herd *w, unsigned node, const uint8_t *frame)
{
    struct herd_node *n = &w->nodes[node];
    uint8_t answer[7] = {7, 0};
    char name[32];

    switch (frame[1]) {
    case 0x05: /* CONNACK */
        if (frame[2] != 0)
            herd_die("a CONNECT was refused");
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
            herd_die("a PUBLISH was refused");
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

static void broker_takes(struct herd *w, const struct gw_up_action *action)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    if (action->token == 0)
        return;
    event.result.token = action->token;
    event.result.outcome = GW_UP_DONE;
    event.result.granted_qos = 2;
    gw_engine_on_upstream(w->engine, &event, w->now_ms);
}

void herd_command(struct herd *w, unsigned node)
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
        herd_die("the journal refuses");
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

static bool serve_store(struct herd *w)
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
            herd_die("a record is larger than expected");
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
        herd_die("the store refuses");
    for (size_t i = 0; i < n; i++)
        gw_engine_on_stored(w->engine, ops[i], true, w->now_ms);
    return true;
}

void herd_serve(struct herd *w)
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

/* ---- life -------------------------------------------------------------- */

static void open_world(struct herd *w, const char *path, const char *vfs)
{
    const struct gw_disk_settings settings = {
        .path = path, .vfs = vfs, .now_s = now_s, .wall_s = wall_s, .user = w};
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
    limits.uplink_max_messages = HERD_MAX;
    limits.uplink_max_bytes = limits.uplink_total_bytes;
    w->now_ms = 1000000;
    if (gw_disk_open(&settings, &w->disk) != MQTTSN_OK ||
        gw_disk_restore(w->disk, NULL, NULL, &report) != MQTTSN_OK ||
        gw_engine_new(&limits, &options, seed, w->now_ms, &w->engine) !=
            MQTTSN_OK)
        herd_die("cannot begin");
    gw_engine_on_upstream(w->engine, &connected, w->now_ms);
    herd_serve(w);
}

struct herd *herd_new(const char *path, const char *vfs, unsigned node_count)
{
    struct herd *w = calloc(1, sizeof(*w));

    if (w == NULL || (w->buf = malloc(GW_RECORD_MAX + GW_UP_BUFFER)) == NULL)
        herd_die("no memory");
    w->node_count = node_count;
    open_world(w, path, vfs);
    return w;
}

void herd_free(struct herd *w)
{
    gw_disk_close(w->disk);
    gw_engine_free(w->engine);
    free(w->buf);
    free(w);
}

void herd_flush(struct herd *w)
{
    char why[GW_DISK_WHY_MAX];

    if (gw_disk_flush(w->disk, why) != MQTTSN_OK)
        herd_die(why);
}
