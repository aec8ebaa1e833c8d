/* SPDX-License-Identifier: MIT */
/* The store, and the restart from what is in it. */
#include "daemon_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "log.h"
#include "memory_store.h"
#include "store_thread.h"
#include "upstream_paho.h"

/* What the engine would not take back; to be forgotten, so that it does not
 * come again, nor get mixed up with what has its numbers next. */
struct refused {
    struct gw_journal_record *records;
    size_t count, cap;
    uint64_t damaged, orphaned, no_room;
    bool no_memory;
};

struct restart {
    struct gw_daemon *daemon;
    struct refused refused;
    uint64_t records;
};

static void refuse(struct refused *r, const struct gw_disk_entry *entry,
                   enum mqttsn_status status)
{
    if (status == MQTTSN_ENOSPACE)
        r->no_room++;
    else if (status == MQTTSN_ENOTFOUND)
        r->orphaned++;
    else
        r->damaged++;
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
        struct gw_journal_record *grown =
            realloc(r->records, cap * sizeof(*grown));

        if (grown == NULL) {
            r->no_memory = true;
            return;
        }
        r->records = grown;
        r->cap = cap;
    }
    r->records[r->count++] =
        (struct gw_journal_record){.verb = GW_JOURNAL_FORGET,
                                   .kind = entry->kind,
                                   .owner = entry->owner,
                                   .item = entry->item};
}

/* What the broker side has kept; one that the caller brought keeps nothing. */
static bool give_back_shell(struct restart *r,
                            const struct gw_disk_entry *entry)
{
    struct gw_daemon *d = r->daemon;
    enum mqttsn_status status;

    if (!d->upstream_is_paho)
        return true;
    status = gw_upstream_paho_restore(d->upstream, entry->kind, entry->owner,
                                      entry->item, entry->octets);
    if (status == MQTTSN_OK)
        r->records++;
    else if (status == MQTTSN_ENOSPACE)
        r->refused.no_memory = true;
    else if (status != MQTTSN_EPROTO)
        refuse(&r->refused, entry, status);
    return status != MQTTSN_EPROTO;
}

static uint64_t held(void *user, uint32_t owner, uint32_t item)
{
    struct gw_daemon *d = user;
    uint64_t token = gw_engine_held(d->engine, owner, item);

    d->upstream_open += token != 0;
    return token;
}

static bool give_back(void *user, const struct gw_disk_entry *entry)
{
    struct restart *r = user;
    struct gw_daemon *d = r->daemon;
    enum mqttsn_status status;

    if (entry->kind >= GW_JOURNAL_SHELL)
        return give_back_shell(r, entry);
    gw_engine_restore_age(d->engine, entry->age_s * 1000);
    status = gw_engine_restore(d->engine, entry->kind, entry->owner,
                               entry->item, entry->octets, d->now);
    if (status == MQTTSN_OK)
        r->records++;
    else if (status != MQTTSN_EPROTO)
        refuse(&r->refused, entry, status);
    return status != MQTTSN_EPROTO;
}

/* Appended a few at a time: the journal copies them. */
#define AT_ONCE 1024u

static enum mqttsn_status forget_refused(struct gw_daemon *d,
                                         const struct refused *r)
{
    if (r->no_memory)
        return MQTTSN_ENOSPACE;
    for (size_t i = 0; i < r->count; i += AT_ONCE) {
        size_t count = r->count - i < AT_ONCE ? r->count - i : AT_ONCE;

        /* On a full disk they are forgotten in memory, and come again with a
         * kill; that is no reason not to start. */
        if (gw_disk_append(d->disk, r->records + i, count) != MQTTSN_OK)
            gw_err("store", "append_failed", "records=%zu reason=%s", count,
                   gw_log_text(strerror(errno)));
    }
    return MQTTSN_OK;
}

static void log_restored(const struct restart *r,
                         const struct gw_disk_report *report, uint64_t took_ms)
{
    struct gw_usage u;

    gw_engine_usage(r->daemon->engine, &u);
    gw_info("store", "restored",
            "sessions=%u queued=%u messages=%u exchanges=%u records=%" PRIu64
            " journal=%" PRIu64 " took_ms=%" PRIu64,
            u.sessions, u.queue_entries, u.messages, u.exchanges, r->records,
            report->journal, took_ms);
    if (r->refused.no_room != 0)
        gw_err("store", "restore_dropped",
               "records=%" PRIu64 " reason=\"the limits have no room for what "
               "is stored; it is forgotten\"",
               r->refused.no_room);
    if (r->refused.damaged + r->refused.orphaned != 0)
        gw_err("store", "restore_dropped",
               "records=%" PRIu64 " reason=\"they cannot be read, or belong to "
               "something that is lost\"",
               r->refused.damaged + r->refused.orphaned);
}

static enum mqttsn_status restore(struct gw_daemon *d, bool *ret_damaged)
{
    struct restart r = {.daemon = d};
    struct gw_disk_report report;
    uint64_t began = uv_hrtime();
    enum mqttsn_status status;

    d->now = uv_now(d->loop);
    status = gw_disk_restore(d->disk, give_back, &r, &report);
    if (status == MQTTSN_OK)
        status = forget_refused(d, &r.refused);
    if (status == MQTTSN_OK) {
        gw_engine_restore_age(d->engine, 0);
        if (d->upstream_is_paho)
            status =
                gw_upstream_paho_restored(d->upstream, report.is_new, held, d);
    }
    if (status == MQTTSN_OK) {
        gw_engine_restored(d->engine, d->now);
        log_restored(&r, &report, (uv_hrtime() - began) / 1000000);
        *ret_damaged = report.damaged;
    }
    free(r.refused.records);
    return status;
}

static enum mqttsn_status open_disk(struct gw_daemon *d)
{
    const struct gw_config_store *config = &d->config->store;
    const struct gw_disk_settings settings = {
        .path = config->path,
        .journal_path = config->journal_path,
        .full = config->durability == GW_DURABILITY_FULL};
    enum mqttsn_status status = gw_disk_open(&settings, &d->disk);
    bool damaged = false;

    if (status != MQTTSN_OK)
        return status;
    gw_info("store", "opened", "path=%s journal=%s durability=%s",
            gw_log_text(config->path),
            config->journal_path != NULL ? gw_log_text(config->journal_path)
                                         : "beside",
            settings.full ? "full" : "batched");
    if (d->upstream == NULL) {
        status = daemon_upstream_new(d->loop, d->config,
                                     gw_disk_journal(d->disk), &d->upstream);
        d->upstream_is_paho = status == MQTTSN_OK;
    }
    if (status == MQTTSN_OK)
        status = restore(d, &damaged);
    if (status == MQTTSN_OK)
        status = gw_store_thread_new(d->loop, d->disk, config->flush_interval,
                                     &d->store);
    /* Behind a gap in the journal nothing is forgotten: it must not be there
     * any more when what comes now is read one day. */
    if (status == MQTTSN_OK && damaged)
        d->store->ops->hurry(d->store);
    return status;
}

enum mqttsn_status daemon_store_new(struct gw_daemon *d)
{
    enum mqttsn_status status = d->config->store.type == GW_STORE_SQLITE
                                    ? open_disk(d)
                                    : gw_memory_store_new(d->loop, &d->store);

    if (status != MQTTSN_OK)
        gw_err("daemon", "cannot_start", "reason=\"store: %s\"",
               status == MQTTSN_EPROTO ? "it is in use, or not this gateway's"
                                       : mqttsn_status_text(status));
    return status;
}
