/* SPDX-License-Identifier: MIT */
/* What one can see of a world: text for people, nodes, outputs, inspection. */
#define _GNU_SOURCE
#include "world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "mqttsn/text.h"

/* ---- what people read -------------------------------------------------- */

void world_trace(struct world *world, const char *format, ...)
{
    char line[700];
    char **slot = &world->trace[world->trace_count++ % WORLD_TRACE];
    int len =
        snprintf(line, sizeof(line), "%9.3f  ", (double)world->now / 1000.0);
    va_list args;

    va_start(args, format);
    vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
    va_end(args);
    free(*slot);
    *slot = strdup(line);
}

void world_fail(struct world *world, const char *format, ...)
{
    char message[1500];
    size_t from =
        world->trace_count > WORLD_TRACE ? world->trace_count - WORLD_TRACE : 0;
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    for (size_t i = from; i < world->trace_count; i++)
        fprintf(stderr, "%s\n", world->trace[i % WORLD_TRACE]);
    fprintf(stderr, "at %.3f s: %s\n", (double)world->now / 1000.0, message);
    if (world->fail != NULL)
        world->fail(message);
    abort();
}

const char *state_name(enum gw_state state)
{
    static const char *const names[GW_STATE_COUNT] = {
        [GW_DISCONNECTED] = "disconnected",
        [GW_HALF_OPEN] = "half-open",
        [GW_ACTIVE] = "active",
        [GW_ASLEEP] = "asleep",
        [GW_AWAKE] = "awake",
        [GW_LOST] = "lost"};

    return (unsigned)state < GW_STATE_COUNT ? names[state] : "?";
}

void datagram_text(const uint8_t *data, size_t len, char *buf, size_t cap)
{
    struct mqttsn_frame frame;

    if (mqttsn_decode(mqttsn_span(data, len), MQTTSN_DECODE_PAHO_LEN_QUIRK,
                      &frame) == MQTTSN_OK) {
        mqttsn_frame_text(&frame, MQTTSN_TEXT_PAYLOAD, buf, cap);
        return;
    }
    snprintf(buf, cap, "hex ");
    for (size_t i = 0; i < len && i < 24 && strlen(buf) + 3 < cap; i++)
        snprintf(buf + strlen(buf), 3, "%02x", data[i]);
}

void address_text(const struct gw_addr *addr, char *buf, size_t cap)
{
    char ip[64] = "?";

    inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, ip, sizeof(ip));
    snprintf(buf, cap, "%s:%u", ip, addr->port);
}

static void up_text(const struct gw_up_action *up, char *buf, size_t cap)
{
    static const char *const kinds[] = {[GW_UP_PUBLISH] = "PUBLISH",
                                        [GW_UP_SUBSCRIBE] = "SUBSCRIBE",
                                        [GW_UP_UNSUBSCRIBE] = "UNSUBSCRIBE",
                                        [GW_UP_OPEN] = "OPEN",
                                        [GW_UP_CLOSE] = "CLOSE"};
    char client[80], topic[200], payload[200], link[140] = "";

    mqttsn_escape(up->topic, topic, sizeof(topic));
    mqttsn_escape(up->payload, payload, sizeof(payload));
    mqttsn_escape(up->kind == GW_UP_OPEN ? up->client_id : mqttsn_span("", 0),
                  client, sizeof(client));
    if (up->connection != 0)
        snprintf(link, sizeof(link), " link=%u id=%s clean=%d", up->connection,
                 client, up->clean);
    snprintf(buf, cap, "up < %s %s qos=%u retain=%d \"%s\" token=%llu%s",
             kinds[up->kind], topic, up->qos, up->retain, payload,
             (unsigned long long)up->token, link);
}

static const char *const note_names[] = {
#define NOTE_NAME(name, event, level) event,
    GW_NOTE_MAP(NOTE_NAME)
#undef NOTE_NAME
};

void output_text(const struct output *out, char *buf, size_t cap)
{
    static const char *const verbs[] = {[GW_STORE_KEEP] = "keep",
                                        [GW_STORE_FORGET] = "forget",
                                        [GW_STORE_FORGET_OWNER] =
                                            "forget owner"};
    char text[MQTTSN_TEXT_MAX], where[80];

    switch (out->kind) {
    case OUT_DATAGRAM:
        datagram_text(out->data, out->len, text, sizeof(text));
        address_text(&out->datagram.to, where, sizeof(where));
        snprintf(buf, cap, "%s < %s",
                 out->datagram.target == GW_TO_GROUP ? "group" : where, text);
        break;
    case OUT_UPSTREAM:
        up_text(&out->up, buf, cap);
        break;
    case OUT_STORE:
        snprintf(buf, cap, "store < %s kind=%u owner=%u item=%u (%zu) op=%llu",
                 verbs[out->store.verb], out->store.kind, out->store.owner,
                 out->store.item, out->len, (unsigned long long)out->store.op);
        break;
    case OUT_NOTE:
        snprintf(buf, cap, "note %s %.*s value=%llu reason=%s topic=%.*s",
                 note_names[out->note.kind],
                 out->note.client_id_len > 64 ? 64 : out->note.client_id_len,
                 out->note.client_id, (unsigned long long)out->note.value,
                 out->note.reason == NULL ? "" : out->note.reason,
                 out->note.topic_len > 128 ? 128 : out->note.topic_len,
                 out->note.topic);
        break;
    }
}

/* ---- nodes ------------------------------------------------------------- */

struct node world_node_at(const char *ip, uint16_t port)
{
    struct node node = {0};

    if (inet_pton(AF_INET, ip, node.addr.ip) == 1)
        node.addr.family = 4;
    else if (inet_pton(AF_INET6, ip, node.addr.ip) == 1)
        node.addr.family = 6;
    else
        abort();
    node.addr.port = port;
    node.via.family = node.addr.family;
    return node;
}

struct node world_node(unsigned k)
{
    char ip[32];

    snprintf(ip, sizeof(ip), "10.0.%u.%u", k / 256, k % 256);
    return world_node_at(ip, (uint16_t)(20000 + k));
}

struct node world_node_behind(struct node forwarder, const void *id,
                              size_t id_len)
{
    assert(id_len <= sizeof(forwarder.wireless));
    forwarder.wireless_len = id_len;
    memcpy(forwarder.wireless, id, id_len);
    return forwarder;
}

/* ---- outputs ----------------------------------------------------------- */

bool output_is_for(const struct output *out, const struct node *node)
{
    static struct octets inner;

    if (out->kind != OUT_DATAGRAM || out->datagram.target != GW_TO_PEER ||
        !gw_addr_equal(&out->datagram.to, &node->addr))
        return false;
    if (node->wireless_len == 0)
        return !(out->len > 3 && out->data[1] == SN_ENCAPSULATED &&
                 out->data[0] != 1);
    return sn_unwrap(out->data, out->len, node->wireless, node->wireless_len,
                     &inner);
}

struct output *world_peek(struct world *world, enum output_kind kind,
                          const struct node *node)
{
    for (size_t i = 0; i < world->output_count; i++) {
        struct output *out = world->outputs[i];

        if (out->kind == kind && !out->taken &&
            (node == NULL || output_is_for(out, node)))
            return out;
    }
    return NULL;
}

struct output *world_take(struct world *world, enum output_kind kind,
                          const struct node *node)
{
    struct output *out = world_peek(world, kind, node);

    if (out != NULL)
        out->taken = true;
    return out;
}

void world_open(struct world *world, const struct output *out,
                const struct node *node, struct sn_frame *ret)
{
    struct octets inner = {0};
    const uint8_t *data = out->data;
    size_t len = out->len;
    const char *wrong;

    if (node != NULL && node->wireless_len > 0) {
        if (!sn_unwrap(data, len, node->wireless, node->wireless_len, &inner))
            world_fail(world, "not encapsulated for its node");
        data = inner.data;
        len = inner.len;
    }
    wrong = sn_unpack(data, len, ret);
    if (wrong != NULL)
        world_fail(world, "the gateway sent a message that is %s", wrong);
}

void world_forget_outputs(struct world *world)
{
    for (size_t i = 0; i < world->output_count; i++) {
        free(world->outputs[i]->data);
        free(world->outputs[i]);
    }
    world->output_count = 0;
}

/* ---- inspection -------------------------------------------------------- */

bool world_session(struct world *world, const char *id,
                   struct gw_session_info *ret)
{
    struct gw_session_info rows[1];
    uint32_t cursor = 0;

    while (gw_engine_visit(world->engine, &cursor, 1, rows) == 1)
        if (mqttsn_span_equal(rows[0].client_id, mqttsn_span_text(id))) {
            *ret = rows[0];
            return true;
        }
    return false;
}

struct gw_usage world_usage(struct world *world)
{
    struct gw_usage usage;

    memset(&usage, 0, sizeof(usage));
    gw_engine_usage(world->engine, &usage);
    return usage;
}

bool world_counter(struct world *world, const char *name, uint64_t *ret)
{
    const struct gw_counters *now = gw_engine_counters(world->engine);

#define FIND(field, text)                                                      \
    if (strcmp(name, #field) == 0) {                                           \
        *ret = now->field + world->counters_before.field;                      \
        return true;                                                           \
    }
    GW_COUNTER_MAP(FIND)
#undef FIND
    return false;
}

char *world_snapshot(struct world *world)
{
    struct gw_session_info rows[8];
    struct gw_usage u = world_usage(world);
    uint32_t cursor = 0;
    char *text = NULL;
    size_t len = 0, n;
    FILE *out = open_memstream(&text, &len);

    while ((n = gw_engine_visit(world->engine, &cursor, 8, rows)) > 0)
        for (size_t i = 0; i < n; i++) {
            char where[80], id[200];

            address_text(&rows[i].addr, where, sizeof(where));
            mqttsn_escape(rows[i].client_id, id, sizeof(id));
            fprintf(out,
                    "%s %s %s heard=%llu duration=%u topics=%u subs=%u "
                    "queue=%u/%u exchanges=%u clean=%d will=%d\n",
                    id, state_name(rows[i].state), where,
                    (unsigned long long)rows[i].last_heard, rows[i].duration_s,
                    rows[i].topics, rows[i].subscriptions,
                    rows[i].queue_messages, rows[i].queue_bytes,
                    rows[i].exchanges, rows[i].clean_session, rows[i].has_will);
        }
    fprintf(out,
            "sessions=%u topics=%u subscriptions=%u filters=%u exchanges=%u "
            "queue_entries=%u messages=%u replies=%u message_bytes=%llu "
            "name_bytes=%llu\n",
            u.sessions, u.topics, u.subscriptions, u.filters, u.exchanges,
            u.queue_entries, u.messages, u.replies,
            (unsigned long long)u.message_bytes,
            (unsigned long long)u.name_bytes);
    fclose(out);
    return text;
}
