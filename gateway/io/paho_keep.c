/* SPDX-License-Identifier: MIT */
#include "io/paho_keep_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(GW_SHELL_ARRIVAL == GW_RECORD_ARRIVAL, "the engine forgets it");
_Static_assert(GW_SHELL_TOKEN == GW_RECORD_ACKNOWLEDGED, "and this");

enum mqttsn_status gw_paho_keep_new(struct gw_journal *journal,
                                    struct gw_paho_keep **ret_keep)
{
    struct gw_paho_keep *keep = calloc(1, sizeof(*keep));

    if (!keep)
        return MQTTSN_ENOSPACE;
    if (pthread_mutex_init(&keep->lock, NULL) != 0)
        goto fail;
    if (pthread_mutex_init(&keep->stats_lock, NULL) != 0)
        goto fail_lock;
    keep->journal = journal;
    gw_journal_hold(journal);
    keep->next_number = 1;
    keep->clean = true;
    gw_keep_fill_interface(keep);
    *ret_keep = keep;
    return MQTTSN_OK;

fail_lock:
    pthread_mutex_destroy(&keep->lock);
fail:
    free(keep);
    return MQTTSN_EIO;
}

static void free_records(struct gw_kept_record *record)
{
    while (record) {
        struct gw_kept_record *next = record->next;

        free(record);
        record = next;
    }
}

void gw_paho_keep_free(struct gw_paho_keep *keep)
{
    if (!keep)
        return;
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++)
        while (keep->buckets[i])
            gw_keep_remove(keep, keep->buckets[i]);
    while (keep->sending)
        gw_keep_take_sending(keep, keep->sending->id);
    while (keep->orphans) {
        struct gw_kept *orphan = keep->orphans;

        keep->orphans = orphan->next;
        free(orphan);
    }
    free(keep->orphan);
    free_records(keep->arrivals);
    free_records(keep->tokens);
    pthread_mutex_destroy(&keep->stats_lock);
    pthread_mutex_destroy(&keep->lock);
    gw_journal_let_go(keep->journal);
    free(keep);
}

/* ---- what is kept; under 'lock' --------------------------------------- */

static struct gw_kept **bucket_of(struct gw_paho_keep *keep, uint16_t id)
{
    return &keep->buckets[id % GW_KEEP_BUCKETS];
}

struct gw_kept *gw_keep_find(const struct gw_paho_keep *keep,
                             enum gw_keep_type type, uint16_t id)
{
    struct gw_kept *kept = keep->buckets[id % GW_KEEP_BUCKETS];

    while (kept && (kept->type != type || kept->id != id))
        kept = kept->next;
    return kept;
}

struct gw_kept *gw_keep_add(struct gw_paho_keep *keep, enum gw_keep_type type,
                            bool version5, uint16_t id, uint32_t number,
                            struct mqttsn_span packet)
{
    struct gw_kept *kept = malloc(sizeof(*kept) + packet.len);

    if (!kept)
        return NULL;
    *kept = (struct gw_kept){.next = *bucket_of(keep, id),
                             .type = (uint8_t)type,
                             .version5 = version5,
                             .id = id,
                             .number = number,
                             .len = packet.len};
    if (packet.len > 0)
        memcpy(kept->packet, packet.data, packet.len);
    *bucket_of(keep, id) = kept;
    return kept;
}

void gw_keep_remove(struct gw_paho_keep *keep, struct gw_kept *kept)
{
    struct gw_kept **link = bucket_of(keep, kept->id);

    while (*link != kept)
        link = &(*link)->next;
    *link = kept->next;
    if (kept->earlier)
        atomic_fetch_sub(&keep->earlier, 1);
    keep->untold -= kept->type == GW_KEEP_SENT && kept->stale;
    free(kept);
}

bool gw_keep_append(struct gw_paho_keep *keep,
                    const struct gw_journal_record records[], size_t count,
                    bool wait)
{
    uint64_t sequence;

    if (gw_journal_append(keep->journal, records, count, &sequence) ==
            MQTTSN_OK &&
        (!wait || gw_journal_sync(keep->journal, sequence) == MQTTSN_OK))
        return true;
    pthread_mutex_lock(&keep->stats_lock);
    keep->stats.failures++;
    pthread_mutex_unlock(&keep->stats_lock);
    return false;
}

struct gw_journal_record gw_keep_record(const struct gw_kept *kept)
{
    size_t head = kept->type != GW_KEEP_RELEASED ? 4 : 0;
    uint8_t *octets = malloc(4 + kept->len);
    struct gw_journal_record record = gw_keep_forget(kept);

    if (octets) {
        gw_keep_put32(octets, kept->number);
        memcpy(octets + head, kept->packet, kept->len);
    }
    record.verb = GW_JOURNAL_KEEP;
    record.octets = mqttsn_span(octets, octets ? head + kept->len : 0);
    return record;
}

bool gw_keep_append_kept(struct gw_paho_keep *keep, const struct gw_kept *kept)
{
    struct gw_journal_record record = gw_keep_record(kept);
    bool ok = record.octets.data && gw_keep_append(keep, &record, 1, true);

    free((void *)(uintptr_t)record.octets.data);
    return ok;
}

struct gw_journal_record gw_keep_forget(const struct gw_kept *kept)
{
    return (struct gw_journal_record){
        .verb = GW_JOURNAL_FORGET,
        .kind = GW_SHELL_LIBRARY,
        .owner = kept->version5 ? kept->type | GW_KEEP_OF_5 : kept->type,
        .item = kept->id};
}

struct gw_journal_record gw_keep_note(uint8_t verb, enum gw_keep_note note,
                                      struct mqttsn_span octets)
{
    return (struct gw_journal_record){.verb = verb,
                                      .kind = GW_SHELL_LIBRARY,
                                      .owner = GW_KEEP_NOTES,
                                      .item = note,
                                      .octets = octets};
}

void gw_keep_drop(struct gw_paho_keep *keep, unsigned types)
{
    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++) {
        struct gw_kept *next;

        for (struct gw_kept *kept = keep->buckets[i]; kept; kept = next) {
            struct gw_journal_record forget = gw_keep_forget(kept);

            next = kept->next;
            if (!(types & 1u << kept->type))
                continue;
            gw_keep_remove(keep, kept);
            gw_keep_append(keep, &forget, 1, false);
        }
    }
}

void gw_keep_note_sending(struct gw_paho_keep *keep, uint32_t exchange,
                          uint16_t id)
{
    struct gw_keep_sending *sending = malloc(sizeof(*sending));

    gw_keep_take_sending(keep, id);
    if (!sending)
        return; /* it will be kept as nobody's: finished, and then doubled */
    *sending = (struct gw_keep_sending){keep->sending, exchange, id};
    keep->sending = sending;
}

uint32_t gw_keep_take_sending(struct gw_paho_keep *keep, uint16_t id)
{
    struct gw_keep_sending **link = &keep->sending, *sending;
    uint32_t exchange;

    while (*link && (*link)->id != id)
        link = &(*link)->next;
    sending = *link;
    if (!sending)
        return 0;
    exchange = sending->exchange;
    *link = sending->next;
    free(sending);
    return exchange;
}

void gw_keep_break(struct gw_paho_keep *keep, enum gw_guard_packet packet,
                   uint16_t id)
{
    keep->broken = true;
    gw_paho_guard_break(packet, id);
}

/* ---- the session ------------------------------------------------------- */

MQTTClient_persistence *gw_paho_keep_interface(struct gw_paho_keep *keep)
{
    return &keep->interface;
}

/* Under 'lock'. */
static void note_earlier(struct gw_paho_keep *keep, bool resume, bool version5)
{
    unsigned count = 0;

    for (unsigned i = 0; i < GW_KEEP_BUCKETS; i++)
        for (struct gw_kept *kept = keep->buckets[i]; kept; kept = kept->next) {
            kept->earlier = resume && kept->type == GW_KEEP_SENT &&
                            !kept->stale && kept->version5 == version5;
            count += kept->earlier;
        }
    atomic_store(&keep->earlier, count);
}

void gw_paho_keep_making(struct gw_paho_keep *keep, bool resume, bool version5)
{
    pthread_mutex_lock(&keep->lock);
    note_earlier(keep, resume, version5);
    keep->making = resume;
    keep->handle5 = version5;
    keep->wants_new_handle = false;
    while (keep->sending) /* what was queued in the old one is gone with it */
        gw_keep_take_sending(keep, keep->sending->id);
    pthread_mutex_unlock(&keep->lock);
}

void gw_paho_keep_destroying(struct gw_paho_keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    keep->destroying = true;
    pthread_mutex_unlock(&keep->lock);
}

void gw_paho_keep_made(struct gw_paho_keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    keep->making = false;
    keep->destroying = false;
    pthread_mutex_unlock(&keep->lock);
}

bool gw_paho_keep_attempt(struct gw_paho_keep *keep, bool clean)
{
    struct gw_journal_record note =
        gw_keep_note(GW_JOURNAL_KEEP, GW_KEEP_UNSURE, mqttsn_span(NULL, 0));
    bool kept;

    pthread_mutex_lock(&keep->lock);
    keep->clean = clean;
    keep->lost = false;
    keep->was_unsure = keep->unsure;
    if (!keep->unsure)
        keep->unsure = gw_keep_append(keep, &note, 1, true);
    kept = keep->unsure;
    pthread_mutex_unlock(&keep->lock);
    return kept;
}

bool gw_paho_keep_is_unsure(const struct gw_paho_keep *keep)
{
    return keep->unsure; /* the upstream thread's own, as the next */
}

bool gw_paho_keep_was_unsure(const struct gw_paho_keep *keep)
{
    return keep->was_unsure;
}

void gw_paho_keep_sure(struct gw_paho_keep *keep)
{
    struct gw_journal_record note =
        gw_keep_note(GW_JOURNAL_FORGET, GW_KEEP_UNSURE, mqttsn_span(NULL, 0));

    pthread_mutex_lock(&keep->lock);
    if (keep->unsure)
        keep->unsure = !gw_keep_append(keep, &note, 1, false);
    pthread_mutex_unlock(&keep->lock);
}

const char *gw_paho_keep_endpoint(const struct gw_paho_keep *keep)
{
    return keep->endpoint[0] != '\0' ? keep->endpoint : NULL;
}

bool gw_paho_keep_is_version5(const struct gw_paho_keep *keep)
{
    return keep->session5;
}

void gw_paho_keep_session(struct gw_paho_keep *keep, const char *endpoint,
                          bool version5)
{
    struct gw_journal_record note = gw_keep_note(
        GW_JOURNAL_KEEP, GW_KEEP_ENDPOINT, mqttsn_span_text(endpoint));
    struct gw_journal_record version =
        gw_keep_note(version5 ? GW_JOURNAL_KEEP : GW_JOURNAL_FORGET,
                     GW_KEEP_VERSION5, mqttsn_span(NULL, 0));

    pthread_mutex_lock(&keep->lock);
    if (keep->session5 != version5 && gw_keep_append(keep, &version, 1, false))
        keep->session5 = version5;
    if (strcmp(keep->endpoint, endpoint) != 0 &&
        gw_keep_append(keep, &note, 1, false)) {
        assert(strlen(endpoint) < sizeof(keep->endpoint));
        strcpy(keep->endpoint, endpoint);
    }
    pthread_mutex_unlock(&keep->lock);
}

void gw_paho_keep_lose(struct gw_paho_keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    gw_keep_lose(keep);
    pthread_mutex_unlock(&keep->lock);
}

void gw_paho_keep_give_up(struct gw_paho_keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    gw_keep_drop(keep, 1u << GW_KEEP_SENT | 1u << GW_KEEP_RELEASED);
    pthread_mutex_unlock(&keep->lock);
}

bool gw_paho_keep_is_lost(const struct gw_paho_keep *cell)
{
    struct gw_paho_keep *keep = (struct gw_paho_keep *)(uintptr_t)cell;
    bool lost;

    pthread_mutex_lock(&keep->lock);
    lost = keep->lost;
    pthread_mutex_unlock(&keep->lock);
    return lost;
}

bool gw_paho_keep_take_broken(struct gw_paho_keep *keep)
{
    bool broken;

    pthread_mutex_lock(&keep->lock);
    broken = keep->broken;
    keep->broken = false;
    pthread_mutex_unlock(&keep->lock);
    return broken;
}

bool gw_paho_keep_wants_new_handle(const struct gw_paho_keep *cell)
{
    struct gw_paho_keep *keep = (struct gw_paho_keep *)(uintptr_t)cell;
    bool wants;

    pthread_mutex_lock(&keep->lock);
    wants = keep->wants_new_handle;
    pthread_mutex_unlock(&keep->lock);
    return wants;
}

/* ---- PUBLISH with QoS 2 ------------------------------------------------ */

void gw_paho_keep_sending(struct gw_paho_keep *keep, uint32_t exchange)
{
    pthread_mutex_lock(&keep->lock);
    keep->sending_now = exchange;
    keep->sending_as = 0;
    pthread_mutex_unlock(&keep->lock);
}

/* Paho did not give its id early, or gave a wrong one: it is another Paho than
 * the one that was measured. The PUBLISH may be written already. */
static void correct(struct gw_paho_keep *keep, uint32_t exchange, uint16_t id)
{
    struct gw_kept *kept = gw_keep_find(keep, GW_KEEP_SENT, id);

    if (kept && kept->number != exchange) {
        kept->number = exchange;
        gw_keep_append_kept(keep, kept);
    } else if (!kept) {
        gw_keep_note_sending(keep, exchange, id);
    }
}

void gw_paho_keep_sent(struct gw_paho_keep *keep, uint32_t exchange,
                       uint16_t packet_id)
{
    pthread_mutex_lock(&keep->lock);
    keep->sending_now = 0;
    if (keep->sending_as != packet_id) {
        gw_keep_take_sending(keep, keep->sending_as);
        if (packet_id != 0)
            correct(keep, exchange, packet_id);
    }
    pthread_mutex_unlock(&keep->lock);
}

bool gw_paho_keep_goes_on(const struct gw_paho_keep *keep)
{
    return atomic_load(&keep->earlier) != 0;
}

uint16_t gw_paho_keep_packet_of(struct gw_paho_keep *keep, uint32_t exchange)
{
    uint16_t id = 0;

    pthread_mutex_lock(&keep->lock);
    for (unsigned i = 0; i < GW_KEEP_BUCKETS && id == 0; i++)
        for (struct gw_kept *kept = keep->buckets[i]; kept; kept = kept->next)
            if (kept->type == GW_KEEP_SENT && !kept->stale &&
                kept->number == exchange)
                id = kept->id;
    pthread_mutex_unlock(&keep->lock);
    return id;
}

/* ---- figures ------------------------------------------------------------ */

void gw_paho_keep_stats(struct gw_paho_keep *keep,
                        struct gw_paho_keep_stats *ret_stats)
{
    pthread_mutex_lock(&keep->stats_lock);
    *ret_stats = keep->stats;
    pthread_mutex_unlock(&keep->stats_lock);
}
