/* SPDX-License-Identifier: MIT */
/*
 * What Paho calls: see paho_keep.h for when, and on which threads. All memory
 * that Paho is given is of its own allocator, since it frees it.
 */
#include "io/paho_keep_private.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED MQTTCLIENT_PERSISTENCE_ERROR
#define FIRST_OCTET_PUBREL 0x62

/* A key is one of these, with MQTT 5 a "5", "-" and the packet id. */
static const char *const prefixes[] = {
    [GW_KEEP_SENT] = "s", [GW_KEEP_RELEASED] = "sc", [GW_KEEP_RECEIVED] = "r"};

/* False: a key of something that is not kept here. */
static bool read_key(const char *key, enum gw_keep_type *ret_type,
                     uint16_t *ret_id, bool *ret_version5)
{
    for (enum gw_keep_type type = GW_KEEP_SENT; type < GW_KEEP_NOTES; type++) {
        size_t len = strlen(prefixes[type]);
        unsigned long id;
        char *end;

        if (strncmp(key, prefixes[type], len) != 0)
            continue;
        *ret_version5 = key[len] == '5';
        len += *ret_version5;
        if (key[len++] != '-')
            continue;
        id = strtoul(key + len, &end, 10);
        if (end == key + len || *end != '\0' || id == 0 || id > 65535)
            return false;
        *ret_type = type;
        *ret_id = (uint16_t)id;
        return true;
    }
    return false;
}

bool gw_keep_packet_valid(enum gw_keep_type type, uint16_t id,
                          struct mqttsn_span packet)
{
    size_t rest = 0, at = 1, topic;
    uint8_t octet;

    if (packet.len < 4)
        return false;
    do {
        if (at == packet.len || at > 4)
            return false;
        octet = packet.data[at];
        rest |= (size_t)(octet & 127) << (7 * (at - 1));
        at++;
    } while (octet & 128);
    if (packet.len - at != rest)
        return false;
    if (type == GW_KEEP_RELEASED)
        return packet.data[0] == FIRST_OCTET_PUBREL && rest == 2 &&
               (packet.data[at] << 8 | packet.data[at + 1]) == id;
    /* PUBLISH of QoS 2, with or without DUP and RETAIN. */
    if ((packet.data[0] & 0xf6) != 0x34 || rest < 4)
        return false;
    topic = (size_t)packet.data[at] << 8 | packet.data[at + 1];
    return topic >= 1 && rest >= topic + 4 &&
           (packet.data[at + 2 + topic] << 8 | packet.data[at + 3 + topic]) ==
               id;
}

static int on_open(void **handle, const char *client_id, const char *uri,
                   void *context)
{
    (void)client_id;
    (void)uri; /* a broker may be found under another name tomorrow */
    *handle = context;
    return 0;
}

static int on_close(void *handle)
{
    (void)handle;
    return 0;
}

static int on_clear(void *handle)
{
    (void)handle;
    return 0;
}

/* ---- put --------------------------------------------------------------- */

/* A command is queued inside MQTTAsync_send. It is refused, which leaves it in
 * Paho's memory; but it brings the packet id: type, id, topic, ... */
static int on_command(struct gw_paho_keep *keep, int count, char *pieces[],
                      int lens[])
{
    int id;

    if (keep->sending_now == 0 || count < 7 || lens[1] != (int)sizeof(id))
        return REFUSED;
    memcpy(&id, pieces[1], sizeof(id));
    if (id < 1 || id > 65535)
        return REFUSED;
    keep->sending_as = (uint16_t)id;
    gw_keep_note_sending(keep, keep->sending_now, (uint16_t)id);
    return REFUSED;
}

static uint8_t *join(int count, char *pieces[], int lens[], size_t *ret_len)
{
    uint8_t *packet;
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += (size_t)lens[i];
    packet = malloc(len > 0 ? len : 1);
    if (!packet)
        return NULL;
    len = 0;
    for (int i = 0; i < count; i++) {
        if (lens[i] > 0)
            memcpy(packet + len, pieces[i], (size_t)lens[i]);
        len += (size_t)lens[i];
    }
    *ret_len = len;
    return packet;
}

/* The same packet, but for DUP. */
static bool same(const struct gw_kept *kept, struct mqttsn_span packet)
{
    return kept->len == packet.len && !kept->stale &&
           ((kept->packet[0] ^ packet.data[0]) & ~8) == 0 &&
           memcmp(kept->packet + 1, packet.data + 1, packet.len - 1) == 0;
}

/* Read by MQTT 5: it is delivered next, and kept with that (paho_arrivals.c).
 * What remains to be known is the id: a packet that is short and has it. */
static bool keep_fresh(struct gw_paho_keep *keep, uint16_t id)
{
    const uint8_t packet[] = {
        0x34, 6, 0, 1, '-', (uint8_t)(id >> 8), (uint8_t)(id & 0xff), 0};
    struct gw_kept *kept =
        gw_keep_add(keep, GW_KEEP_RECEIVED, true, id, keep->next_number,
                    mqttsn_span(packet, sizeof(packet)));

    if (!kept)
        return false;
    kept->fresh = true;
    return true;
}

/* PUBCOMP: the broker has it, and will not take it again. That the exchange is
 * acknowledged is kept before it is forgotten what was sent. False: the journal
 * has it still, and after a restart PUBREL is sent again, and answered. */
static bool forget_sent(struct gw_paho_keep *keep, struct gw_kept *sent)
{
    struct gw_kept *released = gw_keep_find(keep, GW_KEEP_RELEASED, sent->id);
    struct gw_journal_record records[3];
    size_t count = 0;

    if (sent->number != 0 && released)
        records[count++] = (struct gw_journal_record){.verb = GW_JOURNAL_KEEP,
                                                      .kind = GW_SHELL_TOKEN,
                                                      .item = sent->number};
    records[count++] = gw_keep_forget(sent);
    if (released)
        records[count++] = gw_keep_forget(released);
    if (!gw_keep_append(keep, records, count, false)) {
        if (sent->earlier)
            atomic_fetch_sub(&keep->earlier, 1);
        sent->earlier = false;
        keep->untold += !sent->stale;
        sent->stale = true;
        if (released)
            released->stale = true;
        return false;
    }
    gw_keep_remove(keep, sent);
    if (released)
        gw_keep_remove(keep, released);
    return true;
}

/* The journal works again: what it has of those that have ended goes, too. */
static void forget_untold(struct gw_paho_keep *keep)
{
    for (unsigned i = 0; keep->untold != 0 && i < GW_KEEP_BUCKETS;) {
        struct gw_kept *kept = keep->buckets[i];

        while (kept && !(kept->type == GW_KEEP_SENT && kept->stale))
            kept = kept->next;
        if (!kept)
            i++;
        else if (!forget_sent(keep, kept)) /* else the list has changed */
            return;
    }
}

static bool keep_packet(struct gw_paho_keep *keep, enum gw_keep_type type,
                        uint16_t id, struct mqttsn_span packet)
{
    struct gw_kept *kept = gw_keep_find(keep, type, id);
    struct gw_journal_record forget;
    uint32_t number = 0;

    /* Its id is given to another now: a restart would take that for what is
     * released, and what had it for what was never sent. */
    if (kept && kept->stale && type == GW_KEEP_SENT) {
        if (!forget_sent(keep, kept))
            return false;
        kept = NULL;
    }
    if (kept && same(kept, packet))
        return true; /* sent or received once more */
    if (kept && type == GW_KEEP_RECEIVED && kept->version5)
        return true; /* whatever it is now: the id is known */
    if (kept)
        gw_keep_remove(keep, kept);
    if (type == GW_KEEP_SENT)
        number = gw_keep_take_sending(keep, id);
    else if (type == GW_KEEP_RECEIVED)
        number = keep->next_number;
    if (type == GW_KEEP_RECEIVED && keep->handle5)
        return keep_fresh(keep, id);
    kept = gw_keep_add(keep, type, keep->handle5, id, number, packet);
    if (!kept)
        return false;
    if (gw_keep_append_kept(keep, kept))
        return true;
    /* It may be there all the same, for it is only not synced; and it will be
     * sent under another id. */
    forget = gw_keep_forget(kept);
    gw_keep_append(keep, &forget, 1, false);
    gw_keep_remove(keep, kept);
    if (type == GW_KEEP_SENT && number != 0)
        gw_keep_note_sending(keep, number, id); /* it is sent again */
    return false;
}

/* What must not be written if the journal has failed. */
static const enum gw_guard_packet would_say[] = {
    [GW_KEEP_SENT] = GW_GUARD_PUBLISH2,
    [GW_KEEP_RELEASED] = GW_GUARD_PUBREL,
    [GW_KEEP_RECEIVED] = GW_GUARD_PUBREC};

static int on_packet(struct gw_paho_keep *keep, enum gw_keep_type type,
                     uint16_t id, struct mqttsn_span packet)
{
    bool publish = type != GW_KEEP_RELEASED;

    /* A PUBLISH of QoS 1 to the broker; and what is too large for any node is
     * dropped anyway when it arrives. */
    if (packet.len == 0 || (publish && (packet.data[0] & 6) != 4) ||
        (packet.len > GW_JOURNAL_OCTETS_MAX - 4 &&
         !(type == GW_KEEP_RECEIVED && keep->handle5)))
        return 0;
    if (!gw_keep_packet_valid(type, id, packet) ||
        !keep_packet(keep, type, id, packet)) {
        /* Paho has the message in its memory, but a new handle has not. */
        keep->wants_new_handle |= type == GW_KEEP_RECEIVED;
        gw_keep_break(keep, would_say[type], id);
        return REFUSED;
    }
    return 0;
}

static int on_put(void *handle, char *key, int count, char *pieces[],
                  int lens[])
{
    struct gw_paho_keep *keep = handle;
    enum gw_keep_type type;
    uint8_t *packet;
    int rc = REFUSED;
    bool version5;
    uint16_t id;
    size_t len;

    pthread_mutex_lock(&keep->lock);
    if (strncmp(key, "c-", 2) == 0 || strncmp(key, "c5-", 3) == 0) {
        rc = on_command(keep, count, pieces, lens);
    } else if (read_key(key, &type, &id, &version5)) {
        packet = join(count, pieces, lens, &len);
        if (packet)
            rc = on_packet(keep, type, id, mqttsn_span(packet, len));
        else
            gw_keep_break(keep, would_say[type], id);
        free(packet);
    }
    pthread_mutex_unlock(&keep->lock);
    return rc;
}

/* ---- remove ------------------------------------------------------------ */

static void forget_received(struct gw_paho_keep *keep, struct gw_kept *kept)
{
    struct gw_journal_record forget = gw_keep_forget(kept);

    if (kept->fresh) {
        gw_keep_remove(keep, kept);
        return;
    }
    if (kept->undelivered) {
        /* Its message was not kept. Paho forgets it now: a new handle is
         * given it, and PUBREL comes again. */
        kept->undelivered = false;
        return;
    }
    if (gw_keep_append(keep, &forget, 1, false))
        gw_keep_remove(keep, kept);
    else
        kept->stale = true;
}

static int on_remove(void *handle, char *key)
{
    struct gw_paho_keep *keep = handle;
    enum gw_keep_type type;
    struct gw_kept *kept;
    bool version5;
    uint16_t id;

    if (!read_key(key, &type, &id, &version5))
        return 0;
    pthread_mutex_lock(&keep->lock);
    kept = gw_keep_find(keep, type, id);
    if (kept && kept->version5 != version5)
        kept = NULL; /* of a handle that does not know it */
    if (kept && type == GW_KEEP_SENT) {
        if (forget_sent(keep, kept))
            forget_untold(keep);
    } else if (kept && type == GW_KEEP_RECEIVED) {
        forget_received(keep, kept);
    }
    pthread_mutex_unlock(&keep->lock);
    return 0;
}

/* ---- get --------------------------------------------------------------- */

static int on_get(void *handle, char *key, char **ret_buffer, int *ret_len)
{
    struct gw_paho_keep *keep = handle;
    struct gw_kept *kept = NULL;
    enum gw_keep_type type;
    int rc = REFUSED;
    bool version5;
    uint16_t id;

    if (!read_key(key, &type, &id, &version5))
        return REFUSED;
    pthread_mutex_lock(&keep->lock);
    kept = gw_keep_find(keep, type, id);
    *ret_buffer = kept ? MQTTAsync_malloc(kept->len) : NULL;
    if (*ret_buffer) {
        memcpy(*ret_buffer, kept->packet, kept->len);
        *ret_len = (int)kept->len;
        rc = 0;
    }
    pthread_mutex_unlock(&keep->lock);
    return rc;
}

static int on_contains(void *handle, char *key)
{
    struct gw_paho_keep *keep = handle;
    enum gw_keep_type type;
    uint16_t id;
    bool version5, found;

    if (!read_key(key, &type, &id, &version5))
        return REFUSED;
    pthread_mutex_lock(&keep->lock);
    found = gw_keep_find(keep, type, id) != NULL;
    pthread_mutex_unlock(&keep->lock);
    return found ? 0 : REFUSED;
}

/* To the handle that is being made. */
static bool is_listed(const struct gw_paho_keep *keep,
                      const struct gw_kept *kept)
{
    return !kept->stale && kept->version5 == keep->handle5 &&
           !(kept->version5 && kept->undelivered);
}

static size_t count_kept(const struct gw_paho_keep *keep)
{
    size_t count = 0;

    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++)
        for (const struct gw_kept *k = keep->buckets[i]; k; k = k->next)
            count += is_listed(keep, k);
    return count;
}

static int list_keys(const struct gw_paho_keep *keep, char ***ret_keys,
                     int *ret_count)
{
    size_t count = count_kept(keep);
    char **keys = count > 0 ? MQTTAsync_malloc(count * sizeof(*keys)) : NULL;
    int n = 0;

    if (count > 0 && !keys)
        return REFUSED;
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++)
        for (const struct gw_kept *k = keep->buckets[i]; k; k = k->next) {
            enum { KEY_MAX = 16 };
            char *key = is_listed(keep, k) ? MQTTAsync_malloc(KEY_MAX) : NULL;

            if (!key)
                continue;
            snprintf(key, KEY_MAX, k->version5 ? "%s5-%u" : "%s-%u",
                     prefixes[k->type], k->id);
            keys[n++] = key;
        }
    *ret_keys = keys;
    *ret_count = n;
    return 0;
}

static int on_keys(void *handle, char ***ret_keys, int *ret_count)
{
    struct gw_paho_keep *keep = handle;
    int rc = 0;

    *ret_keys = NULL;
    *ret_count = 0;
    pthread_mutex_lock(&keep->lock);
    if (keep->making) {
        rc = list_keys(keep, ret_keys, ret_count);
    } else if (!keep->destroying && !keep->clean) {
        keep->lost = true;
        gw_keep_lose(keep);
    }
    pthread_mutex_unlock(&keep->lock);
    return rc;
}

void gw_keep_fill_interface(struct gw_paho_keep *keep)
{
    keep->interface = (MQTTClient_persistence){.context = keep,
                                               .popen = on_open,
                                               .pclose = on_close,
                                               .pput = on_put,
                                               .pget = on_get,
                                               .premove = on_remove,
                                               .pkeys = on_keys,
                                               .pclear = on_clear,
                                               .pcontainskey = on_contains};
}
