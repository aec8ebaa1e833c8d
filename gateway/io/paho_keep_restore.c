/* SPDX-License-Identifier: MIT */
#include "io/paho_keep_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- records as they come --------------------------------------------- */

static enum mqttsn_status add_record(struct gw_kept_record **list,
                                     uint32_t item, struct mqttsn_span octets)
{
    struct gw_kept_record *record = malloc(sizeof(*record) + octets.len);

    if (!record)
        return MQTTSN_ENOSPACE;
    *record =
        (struct gw_kept_record){.next = *list, .item = item, .len = octets.len};
    if (octets.len > 0)
        memcpy(record->octets, octets.data, octets.len);
    *list = record;
    return MQTTSN_OK;
}

static enum mqttsn_status restore_packet(struct gw_paho_keep *keep,
                                         enum gw_keep_type type, bool version5,
                                         uint32_t item,
                                         struct mqttsn_span octets)
{
    size_t head = type == GW_KEEP_RELEASED ? 0 : 4;
    uint32_t number;

    if (octets.len < head || item == 0 || item > 65535)
        return MQTTSN_EFIELD;
    number = head > 0 ? gw_keep_get32(octets.data) : 0;
    octets = mqttsn_span(octets.data + head, octets.len - head);
    if (!gw_keep_packet_valid(type, (uint16_t)item, octets) ||
        gw_keep_find(keep, type, (uint16_t)item))
        return MQTTSN_EFIELD;
    return gw_keep_add(keep, type, version5, (uint16_t)item, number, octets)
               ? MQTTSN_OK
               : MQTTSN_ENOSPACE;
}

static enum mqttsn_status restore_note(struct gw_paho_keep *keep, uint32_t item,
                                       struct mqttsn_span octets)
{
    switch (item) {
    case GW_KEEP_CEILING:
        if (octets.len != 4)
            return MQTTSN_EFIELD;
        keep->ceiling = gw_keep_get32(octets.data);
        keep->next_number = keep->ceiling;
        return MQTTSN_OK;
    case GW_KEEP_ENDPOINT:
        if (octets.len == 0 || octets.len >= sizeof(keep->endpoint) ||
            memchr(octets.data, 0, octets.len))
            return MQTTSN_EFIELD;
        memcpy(keep->endpoint, octets.data, octets.len);
        keep->endpoint[octets.len] = '\0';
        return MQTTSN_OK;
    case GW_KEEP_UNSURE:
        keep->unsure = true;
        return MQTTSN_OK;
    case GW_KEEP_VERSION5:
        keep->session5 = true;
        return MQTTSN_OK;
    default:
        return MQTTSN_EPROTO;
    }
}

enum mqttsn_status gw_paho_keep_restore(struct gw_paho_keep *keep, uint8_t kind,
                                        uint32_t owner, uint32_t item,
                                        struct mqttsn_span octets)
{
    struct gw_up_event event;
    bool version5;

    switch (kind) {
    case GW_SHELL_ARRIVAL:
        if (owner != 0 || item == 0 || !gw_keep_decode_arrival(octets, &event))
            return MQTTSN_EFIELD;
        return add_record(&keep->arrivals, item, octets);
    case GW_SHELL_TOKEN:
        if (owner != 0 || item == 0)
            return MQTTSN_EFIELD;
        return add_record(&keep->tokens, item, mqttsn_span(NULL, 0));
    case GW_SHELL_LIBRARY:
        if (owner == GW_KEEP_NOTES)
            return restore_note(keep, item, octets);
        version5 = owner & GW_KEEP_OF_5;
        owner &= ~GW_KEEP_OF_5;
        if (owner < GW_KEEP_SENT || owner > GW_KEEP_RECEIVED)
            return MQTTSN_EPROTO;
        return restore_packet(keep, (enum gw_keep_type)owner, version5, item,
                              octets);
    default:
        return MQTTSN_EPROTO;
    }
}

/* ---- all of them ------------------------------------------------------- */

static void forget(struct gw_paho_keep *keep, uint8_t kind, uint32_t item)
{
    struct gw_journal_record record = {
        .verb = GW_JOURNAL_FORGET, .kind = kind, .item = item};

    gw_keep_append(keep, &record, 1, false);
}

static void forget_kept(struct gw_paho_keep *keep, struct gw_kept *kept)
{
    struct gw_journal_record record = gw_keep_forget(kept);

    gw_keep_append(keep, &record, 1, false);
    gw_keep_remove(keep, kept);
}

static struct gw_kept *sent_of(struct gw_paho_keep *keep, uint32_t exchange)
{
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++)
        for (struct gw_kept *k = keep->buckets[i]; k; k = k->next)
            if (k->type == GW_KEEP_SENT && k->number == exchange)
                return k;
    return NULL;
}

/* The crash came between "acknowledged" and the removal of what was sent, or
 * before the engine knew. */
static void hand_acknowledged(struct gw_paho_keep *keep,
                              const struct gw_paho_keep_hands *hands)
{
    while (keep->tokens) {
        struct gw_kept_record *token = keep->tokens;
        struct gw_kept *sent = sent_of(keep, token->item);
        struct gw_kept *released =
            sent ? gw_keep_find(keep, GW_KEEP_RELEASED, sent->id) : NULL;

        if (released)
            forget_kept(keep, released);
        if (sent)
            forget_kept(keep, sent);
        if (!hands->acknowledged(hands->user, token->item))
            forget(keep, GW_SHELL_TOKEN, token->item);
        keep->tokens = token->next;
        free(token);
    }
}

/* What Paho has under way, in the order of packet ids, in which it sends. */
static void hand_under_way(struct gw_paho_keep *keep,
                           const struct gw_paho_keep_hands *hands)
{
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++) {
        struct gw_kept *next;

        for (struct gw_kept *k = keep->buckets[i]; k; k = next) {
            next = k->next;
            /* The PUBREL of a PUBLISH that was removed. */
            if (k->type == GW_KEEP_RELEASED &&
                !gw_keep_find(keep, GW_KEEP_SENT, k->id))
                forget_kept(keep, k);
        }
    }
    for (uint32_t id = 1; id <= 65535; id++) {
        const struct gw_kept *sent =
            gw_keep_find(keep, GW_KEEP_SENT, (uint16_t)id);

        if (sent)
            hands->under_way(hands->user, sent->id, sent->number);
    }
}

/* The numbers begin anew at the end. */
static int by_age(const void *a, const void *b)
{
    const struct gw_kept_record *const *x = a, *const *y = b;
    int32_t difference = (int32_t)((*x)->item - (*y)->item);

    return difference < 0 ? -1 : difference > 0;
}

/* Oldest first. False: no memory. */
static bool sort(struct gw_kept_record **list)
{
    struct gw_kept_record **rows, *r = *list;
    size_t count = 0, n = 0;

    for (; r; r = r->next)
        count++;
    if (count == 0)
        return true;
    rows = malloc(count * sizeof(*rows));
    if (!rows)
        return false;
    for (r = *list; r; r = r->next)
        rows[n++] = r;
    qsort(rows, count, sizeof(rows[0]), by_age);
    for (n = 0; n < count; n++)
        rows[n]->next = n + 1 < count ? rows[n + 1] : NULL;
    *list = rows[0];
    free(rows);
    return true;
}

static bool hand_arrivals(struct gw_paho_keep *keep,
                          const struct gw_paho_keep_hands *hands)
{
    struct gw_kept_record *record;
    bool ok = sort(&keep->arrivals);

    while (ok && (record = keep->arrivals) != NULL) {
        struct gw_kept *received = NULL;
        struct gw_up_event event;

        gw_keep_decode_arrival(mqttsn_span(record->octets, record->len),
                               &event); /* as when it came */
        event.message.arrival = record->item;
        if (event.message.qos == 2)
            received =
                gw_keep_find(keep, GW_KEEP_RECEIVED, event.message.packet_id);
        if (received && received->version5)
            received = NULL; /* it stays until PUBREL */
        /* The write was cut off between the message and this. One with a
         * higher number is another message. */
        if (received && (int32_t)(record->item - received->number) >= 0)
            forget_kept(keep, received);
        if ((int32_t)(record->item - keep->next_number) >= 0)
            keep->next_number = keep->ceiling = record->item + 1;
        ok = hands->arrived(hands->user, &event);
        keep->arrivals = record->next;
        free(record);
    }
    return ok;
}

enum mqttsn_status gw_paho_keep_restored(struct gw_paho_keep *keep,
                                         const struct gw_paho_keep_hands *hands)
{
    /* No lock: there is no other thread, and 'hands' take locks of theirs. */
    hand_acknowledged(keep, hands);
    hand_under_way(keep, hands);
    return hand_arrivals(keep, hands) ? MQTTSN_OK : MQTTSN_ENOSPACE;
}
