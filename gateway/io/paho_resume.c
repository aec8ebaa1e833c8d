/* SPDX-License-Identifier: MIT */
/*
 * What goes on when a handle of Paho's is made anew, or another process goes
 * on where this one ended: publishes of QoS 2 that are kept, by packet id, and
 * events that the engine has not seen.
 */
#include "io/upstream_port.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

void gw_paho_endpoint_text(const struct gw_paho_port *port, uint32_t endpoint,
                           char text[GW_ENDPOINT_TEXT_MAX])
{
    const struct gw_upstream_endpoint *e = &port->settings.endpoints[endpoint];

    snprintf(text, GW_ENDPOINT_TEXT_MAX, "%s:%u", e->host, e->port);
}

/* ---- another handle ------------------------------------------------- */

void gw_paho_resume(struct gw_paho_port *port)
{
    struct gw_paho_entry *entry;

    pthread_mutex_lock(&port->lock);
    entry = gw_paho_table_first(&port->table, GW_PAHO_ACKED);
    for (; entry; entry = gw_paho_table_next(&port->table, entry)) {
        uint16_t id = entry->resumed ? entry->packet_id : 0;

        if (!entry->resumed && entry->exchange != 0)
            id = gw_paho_keep_packet_of(port->keep, entry->exchange);
        if (id == 0 || entry->resumed)
            continue;
        entry->state = GW_PAHO_HELD;
        entry->resumed = true;
        entry->packet_id = id;
        port->resumed++;
    }
    pthread_mutex_unlock(&port->lock);
}

/* ---- another process ------------------------------------------------ */

struct resuming {
    struct gw_paho_port *port;
    uint64_t (*held)(void *user, uint32_t owner, uint32_t item);
    void *user;
    bool no_room;
    unsigned acknowledged, under_way, arrived;
};

static bool add_replay(struct gw_paho_port *port,
                       const struct gw_up_event *event)
{
    size_t topic = 0, payload = 0;
    struct gw_paho_replay *replay;

    if (event->kind == GW_UP_MESSAGE) {
        topic = event->message.topic.len;
        payload = event->message.payload.len;
    }
    replay = malloc(sizeof(*replay) + topic + payload);
    if (!replay)
        return false;
    replay->next = NULL;
    replay->event = *event;
    if (event->kind == GW_UP_MESSAGE) {
        if (topic > 0)
            memcpy(replay->octets, event->message.topic.data, topic);
        if (payload > 0)
            memcpy(replay->octets + topic, event->message.payload.data,
                   payload);
        replay->event.message.topic = mqttsn_span(replay->octets, topic);
        replay->event.message.payload =
            mqttsn_span(replay->octets + topic, payload);
    }
    *port->replays_tail = replay;
    port->replays_tail = &replay->next;
    return true;
}

static bool on_acknowledged(void *user, uint32_t exchange)
{
    struct resuming *r = user;
    struct gw_up_event event = {.kind = GW_UP_RESULT};

    event.result.token = r->held(r->user, 0, exchange);
    event.result.outcome = GW_UP_DONE;
    if (event.result.token == 0)
        return false;
    r->no_room |= !add_replay(r->port, &event);
    r->acknowledged++;
    return true;
}

static void on_under_way(void *user, uint16_t packet_id, uint32_t exchange)
{
    struct resuming *r = user;
    uint64_t token = exchange != 0 ? r->held(r->user, 0, exchange) : 0;
    struct gw_paho_entry *entry;

    /* Without a token it is ended all the same, for nobody. */
    entry = gw_paho_table_add(&r->port->table, GW_PAHO_ACKED, 2, token);
    if (!entry) {
        r->no_room = true;
        return;
    }
    entry->exchange = exchange;
    entry->packet_id = packet_id;
    entry->resumed = true;
    r->port->resumed++;
    r->under_way++;
}

static bool on_arrived(void *user, const struct gw_up_event *event)
{
    struct resuming *r = user;

    r->arrived++;
    return add_replay(r->port, event);
}

static void find_session(struct gw_paho_port *port, bool is_new)
{
    const char *kept = gw_paho_keep_endpoint(port->keep);
    char text[GW_ENDPOINT_TEXT_MAX];

    if (!kept && is_new)
        return; /* as without a store */
    if (kept)
        port->session_version = gw_paho_keep_is_version5(port->keep)
                                    ? MQTTVERSION_5
                                    : MQTTVERSION_3_1_1;
    port->distrust = gw_paho_keep_is_unsure(port->keep);
    for (uint32_t i = 0; kept && i < port->settings.endpoint_count; i++) {
        gw_paho_endpoint_text(port, i, text);
        if (strcmp(text, kept) != 0)
            continue;
        port->session_endpoint = i;
        port->any_session = false;
        return;
    }
    /* It may be the same broker under another name, or what we knew of it is
     * lost: whatever session there is is taken, and told everything. */
    port->any_session = true;
    port->distrust = true;
}

enum mqttsn_status gw_upstream_paho_restore(struct gw_upstream *upstream,
                                            uint8_t kind, uint32_t owner,
                                            uint32_t item,
                                            struct mqttsn_span octets)
{
    struct gw_paho_port *port = (struct gw_paho_port *)upstream;

    assert(port->keep && !port->started);
    return gw_paho_keep_restore(port->keep, kind, owner, item, octets);
}

enum mqttsn_status gw_upstream_paho_restored(
    struct gw_upstream *upstream, bool is_new,
    uint64_t (*held)(void *user, uint32_t owner, uint32_t item), void *user)
{
    struct gw_paho_port *port = (struct gw_paho_port *)upstream;
    struct resuming r = {.port = port, .held = held, .user = user};
    const struct gw_paho_keep_hands hands = {.acknowledged = on_acknowledged,
                                             .under_way = on_under_way,
                                             .arrived = on_arrived,
                                             .user = &r};
    enum mqttsn_status status;

    assert(port->keep && !port->started);
    status = gw_paho_keep_restored(port->keep, &hands);
    if (status == MQTTSN_OK && r.no_room)
        status = MQTTSN_ENOSPACE;
    if (status != MQTTSN_OK)
        return status;
    find_session(port, is_new);
    if (r.acknowledged + r.under_way + r.arrived > 0)
        gw_info("upstream", "resumed",
                "under_way=%u acknowledged=%u messages=%u", r.under_way,
                r.acknowledged, r.arrived);
    return MQTTSN_OK;
}

bool gw_paho_take_replay(struct gw_paho_port *port,
                         struct gw_up_event *ret_event)
{
    free(port->replayed);
    port->replayed = port->replays;
    if (!port->replayed)
        return false;
    port->replays = port->replayed->next;
    if (!port->replays)
        port->replays_tail = &port->replays;
    *ret_event = port->replayed->event;
    return true;
}

void gw_paho_free_replays(struct gw_paho_port *port)
{
    struct gw_up_event event;

    while (gw_paho_take_replay(port, &event))
        ;
}
