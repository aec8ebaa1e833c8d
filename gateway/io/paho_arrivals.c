/* SPDX-License-Identifier: MIT */
/*
 * Messages from the broker on their way to the engine: kept before they are
 * acknowledged, refused, or what a session that is gone has left.
 */
#include "io/paho_keep_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Numbers that are used up at once by a note of the ceiling. */
#define NUMBERS 65536u
#define NUMBERS_AHEAD 1024u

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void count(struct gw_paho_keep *keep, bool kept, uint64_t us)
{
    unsigned slot = 0;

    while (us > 1 && slot < GW_PAHO_KEEP_SLOTS - 1) {
        us >>= 1;
        slot++;
    }
    pthread_mutex_lock(&keep->stats_lock);
    keep->stats.arrivals += kept;
    keep->stats.arrival_us[slot]++;
    pthread_mutex_unlock(&keep->stats_lock);
}

/*
 * A number that was never used, not even before a restart: a message in the
 * store may have it still. Serial arithmetic, since they begin anew at the end.
 */
static uint32_t next_number(struct gw_paho_keep *keep)
{
    if ((int32_t)(keep->ceiling - keep->next_number) < (int32_t)NUMBERS_AHEAD) {
        uint8_t octets[4];
        struct gw_journal_record note =
            gw_keep_note(GW_JOURNAL_KEEP, GW_KEEP_CEILING,
                         mqttsn_span(octets, sizeof(octets)));
        uint32_t ceiling = keep->next_number + NUMBERS;

        gw_keep_put32(octets, ceiling);
        if (gw_keep_append(keep, &note, 1, true))
            keep->ceiling = ceiling;
        else if ((int32_t)(keep->ceiling - keep->next_number) <= 0)
            return 0;
    }
    if (keep->next_number == 0)
        keep->next_number = 1;
    return keep->next_number++;
}

/* Up to the topic's length; version 2 has expiry and identifiers behind it. */
#define ARRIVAL_HEAD 7
#define ARRIVAL_EXTRA 9

/* For the caller to free; NULL: no memory. */
static uint8_t *encode(const struct gw_up_event *event, size_t *ret_len)
{
    struct mqttsn_span topic = event->message.topic;
    struct mqttsn_span payload = event->message.payload;
    uint8_t count = event->message.identifier_count;
    bool plain = count == 0 && event->message.expiry == 0;
    size_t extra = plain ? 0 : ARRIVAL_EXTRA + 4 * (size_t)count;
    size_t head = ARRIVAL_HEAD + extra;
    uint8_t *octets = malloc(head + topic.len + payload.len);

    if (!octets)
        return NULL;
    octets[0] = plain ? 1 : 2;
    octets[1] = event->message.qos;
    octets[2] = event->message.retain;
    octets[3] = (uint8_t)(event->message.packet_id >> 8);
    octets[4] = (uint8_t)(event->message.packet_id & 0xff);
    octets[5] = (uint8_t)(topic.len >> 8);
    octets[6] = (uint8_t)(topic.len & 0xff);
    if (!plain) {
        gw_keep_put32(octets + 7, (uint32_t)(event->message.expiry >> 32));
        gw_keep_put32(octets + 11, (uint32_t)event->message.expiry);
        octets[15] = count;
        for (uint8_t i = 0; i < count; i++)
            gw_keep_put32(octets + 16 + 4 * i, event->message.identifiers[i]);
    }
    if (topic.len > 0)
        memcpy(octets + head, topic.data, topic.len);
    if (payload.len > 0)
        memcpy(octets + head + topic.len, payload.data, payload.len);
    *ret_len = head + topic.len + payload.len;
    return octets;
}

static bool decode_extra(struct mqttsn_span octets, size_t *head,
                         struct gw_up_event *event)
{
    uint8_t count;

    if (octets.len < ARRIVAL_HEAD + ARRIVAL_EXTRA)
        return false;
    count = octets.data[15];
    *head += ARRIVAL_EXTRA + 4 * (size_t)count;
    if (count > GW_UP_IDENTIFIERS_MAX || octets.len < *head)
        return false;
    event->message.expiry = (mqttsn_ms)gw_keep_get32(octets.data + 7) << 32 |
                            gw_keep_get32(octets.data + 11);
    event->message.identifier_count = count;
    for (uint8_t i = 0; i < count; i++)
        event->message.identifiers[i] = gw_keep_get32(octets.data + 16 + 4 * i);
    return true;
}

bool gw_keep_decode_arrival(struct mqttsn_span octets,
                            struct gw_up_event *ret_event)
{
    const uint8_t *o = octets.data;
    size_t topic, head = ARRIVAL_HEAD;

    if (octets.len < ARRIVAL_HEAD || o[0] < 1 || o[0] > 2 || o[1] > 2 ||
        o[2] > 1)
        return false;
    topic = (size_t)o[5] << 8 | o[6];
    *ret_event = (struct gw_up_event){
        .kind = GW_UP_MESSAGE,
        .message = {.qos = o[1],
                    .retain = o[2] != 0,
                    .packet_id = (uint16_t)(o[3] << 8 | o[4])}};
    if ((o[0] == 2 && !decode_extra(octets, &head, ret_event)) ||
        octets.len - head < topic)
        return false;
    ret_event->message.topic = mqttsn_span(o + head, topic);
    ret_event->message.payload =
        mqttsn_span(o + head + topic, octets.len - head - topic);
    return true;
}

/*
 * Should the message be there after all, for it is only not synced: the broker
 * will send it once more. In one write with what was received, so that there
 * is one of them at any time; and should even that fail, under the same number
 * it is one message the next time.
 */
static void take_back(struct gw_paho_keep *keep, uint32_t number,
                      struct gw_kept *received)
{
    struct gw_journal_record records[2];
    size_t count = 0;

    if (received) {
        received->arrival = number;
        records[count++] = received->version5 ? gw_keep_forget(received)
                                              : gw_keep_record(received);
        if (!received->version5 && !records[0].octets.data)
            return;
    }
    records[count++] = (struct gw_journal_record){
        .verb = GW_JOURNAL_FORGET, .kind = GW_SHELL_ARRIVAL, .item = number};
    gw_keep_append(keep, records, count, false);
    if (received && !received->version5)
        free((void *)(uintptr_t)records[0].octets.data);
}

/*
 * The message, and that it is not to be delivered once more, in one write. A
 * crash in the middle of it is told by the numbers, see paho_keep_restore.c.
 */
static bool keep_arrival(struct gw_paho_keep *keep, struct gw_up_event *event,
                         struct gw_kept *received)
{
    uint32_t before = received ? received->arrival : 0;
    struct gw_journal_record records[2] = {
        {.verb = GW_JOURNAL_KEEP,
         .kind = GW_SHELL_ARRIVAL,
         .item = before != 0 ? before : next_number(keep)}};
    size_t count = 1, len;
    uint8_t *octets = records[0].item != 0 ? encode(event, &len) : NULL;
    bool ok;

    if (!octets)
        return false;
    records[0].octets = mqttsn_span(octets, len);
    if (received)
        records[count++] = received->version5 ? gw_keep_record(received)
                                              : gw_keep_forget(received);
    ok = (count == 1 || !received->version5 || records[1].octets.data) &&
         gw_keep_append(keep, records, count, true);
    free(octets);
    if (received && received->version5)
        free((void *)(uintptr_t)records[1].octets.data);
    if (ok)
        event->message.arrival = records[0].item;
    else
        take_back(keep, records[0].item, received);
    return ok;
}

/* A packet that gw_keep_packet_valid has seen. */
static struct gw_up_event event_of(const struct gw_kept *kept)
{
    size_t at = 1, topic;

    while (kept->packet[at++] & 128)
        ;
    topic = (size_t)kept->packet[at] << 8 | kept->packet[at + 1];
    return (struct gw_up_event){
        .kind = GW_UP_MESSAGE,
        .message = {.topic = mqttsn_span(kept->packet + at + 2, topic),
                    .payload = mqttsn_span(kept->packet + at + 4 + topic,
                                           kept->len - at - 4 - topic),
                    .qos = 2,
                    .retain = kept->packet[0] & 1,
                    .packet_id = kept->id,
                    .arrival = kept->number}};
}

/* What was received is ours: the broker has given it up, and with the session
 * it has forgotten to say so. */
void gw_keep_lose(struct gw_paho_keep *keep)
{
    struct gw_kept **tail = &keep->orphans;

    while (*tail)
        tail = &(*tail)->next;
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++) {
        struct gw_kept **link = &keep->buckets[i];

        while (*link) {
            struct gw_kept *kept = *link;
            struct gw_up_event event;

            if (kept->type != GW_KEEP_RECEIVED || kept->stale ||
                kept->version5) {
                link = &kept->next;
                continue;
            }
            event = event_of(kept);
            event.message.arrival = 0;
            keep_arrival(keep, &event, kept);
            *link = kept->next;
            kept->next = NULL;
            kept->number = event.message.arrival;
            *tail = kept;
            tail = &kept->next;
        }
    }
    gw_keep_drop(keep, ~0u);
}

bool gw_paho_keep_take_orphan(struct gw_paho_keep *keep,
                              struct gw_up_event *ret_event)
{
    pthread_mutex_lock(&keep->lock);
    free(keep->orphan);
    keep->orphan = keep->orphans;
    if (keep->orphan) {
        keep->orphans = keep->orphan->next;
        *ret_event = event_of(keep->orphan);
    }
    pthread_mutex_unlock(&keep->lock);
    return keep->orphan != NULL;
}

/* The message stays with the broker. Under 'lock'. */
static void refuse(struct gw_paho_keep *keep, const struct gw_up_event *event)
{
    uint16_t id = event->message.packet_id;
    enum gw_guard_packet said = GW_GUARD_PUBCOMP;
    struct gw_kept *received;

    if (event->message.qos == 0)
        return;
    if (event->message.qos == 2) {
        received = gw_keep_find(keep, GW_KEEP_RECEIVED, id);
        if (received)
            received->undelivered = true;
        if (keep->handle5)
            said = GW_GUARD_PUBREC;
    }
    keep->wants_new_handle = true;
    gw_keep_break(keep, event->message.qos == 1 ? GW_GUARD_PUBACK : said, id);
}

void gw_paho_keep_refuse(struct gw_paho_keep *keep,
                         const struct gw_up_event *event)
{
    pthread_mutex_lock(&keep->lock);
    refuse(keep, event);
    pthread_mutex_unlock(&keep->lock);
}

bool gw_paho_keep_arrival(struct gw_paho_keep *keep, struct gw_up_event *event)
{
    uint64_t since = now_us();
    struct gw_kept *received = NULL;
    bool ok;

    event->message.arrival = 0;
    if (event->message.qos == 0 || event->message.payload.len > 65535 ||
        event->message.topic.len > GW_NAME_MAX)
        return true;
    pthread_mutex_lock(&keep->lock);
    if (event->message.qos == 2)
        received =
            gw_keep_find(keep, GW_KEEP_RECEIVED, event->message.packet_id);
    /* With MQTT 5 it is told by that when it comes again. */
    ok = (event->message.qos < 2 || received || !keep->handle5) &&
         keep_arrival(keep, event, received);
    if (!ok)
        refuse(keep, event);
    else if (received && received->version5)
        received->fresh = received->undelivered = false;
    else if (received)
        gw_keep_remove(keep, received);
    count(keep, ok, now_us() - since);
    pthread_mutex_unlock(&keep->lock);
    return ok;
}
