/* SPDX-License-Identifier: MIT */
#include "disk_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"

#include "log.h"

/* ---- what the database has --------------------------------------------- */

bool disk_add_row(struct gw_disk *d, struct gw_key key)
{
    if (gw_key_set_add(&d->rows, key) != MQTTSN_OK)
        return false;
    return key.kind >= GW_JOURNAL_SHELL || key.owner == 0 ||
           gw_key_set_add(&d->rows, (struct gw_key){.kind = GW_KEY_OWNER,
                                                    .owner = key.owner}) ==
               MQTTSN_OK;
}

/* With the lock. What is being written may get there. */
static bool stored(void *user, struct gw_key key)
{
    const struct gw_disk *d = user;

    return !d->restored || gw_key_set_has(&d->rows, key) ||
           (d->flushing != NULL && gw_changes_mention(d->flushing, key));
}

/* ---- append ------------------------------------------------------------ */

static void apply(struct gw_disk *d, const struct gw_journal_record records[],
                  size_t count, uint32_t at_s)
{
    for (size_t i = 0; i < count; i++)
        gw_changes_apply(d->current, &records[i], at_s, stored, d);
}

void disk_appended(void *disk, const struct gw_journal_record records[],
                   size_t count, uint32_t at_s)
{
    struct gw_disk *d = disk;

    pthread_mutex_lock(&d->lock);
    apply(d, records, count, at_s);
    pthread_mutex_unlock(&d->lock);
}

/* With the lock. */
static bool is_full(const struct gw_disk *d)
{
    size_t flushing = d->flushing != NULL ? d->flushing->octets : 0;

    return d->current->octets + flushing >= GW_DISK_HARD;
}

/*
 * What the journal leaves of a disk that it shares with the database. Without
 * it the database could not follow, and nothing would ever be given back.
 */
#define SPARE_OCTETS (256u * 1024)

static bool is_short(const struct gw_disk *d)
{
    return d->one_device && d->files->room(d->directory) < SPARE_OCTETS;
}

/*
 * Whether the journal is not even asked. What it refused once is in memory
 * only, until a flush has brought it into the database; it must not have what
 * comes later without that: "forget the arrival", say, without the message that
 * was made of it. While such a flush is under way it is waited for, or under
 * load one would always follow the other.
 */
static bool refuses(struct gw_disk *d, const struct gw_journal_record records[],
                    size_t count)
{
    bool keeps = false, refuse;

    for (size_t i = 0; i < count && !keeps; i++)
        keeps = records[i].verb == GW_JOURNAL_KEEP;
    if (keeps && is_short(d))
        return true;
    pthread_mutex_lock(&d->lock);
    while (d->behind && d->flushing != NULL)
        pthread_cond_wait(&d->flush_end, &d->lock);
    refuse = d->behind || (keeps && is_full(d));
    pthread_mutex_unlock(&d->lock);
    return refuse;
}

/* With the lock: the journal lacks something, or may lose it with the machine.
 */
static void fall_behind(struct gw_disk *d)
{
    d->behind = true;
    d->refusals++;
}

/*
 * What is left out when memory is full, too: the first word on something of a
 * node's, who is told "congestion" then, or waits for the broker. Not so what
 * became of a message from the broker, for the broker has forgotten it; there
 * is no more of that than the journal took as arrivals, and the queues hold.
 * Nor another word on what is there already: QoS 2 may have come further.
 */
static bool is_left_out(struct gw_disk *d, const struct gw_journal_record *r)
{
    const struct gw_key key = {r->kind, r->owner, r->item};

    return r->verb == GW_JOURNAL_KEEP && r->kind != GW_RECORD_MESSAGE &&
           r->kind != GW_RECORD_QUEUED && is_full(d) &&
           !gw_changes_mention(d->current, key) && !stored(d, key);
}

/* What the journal would not take: in memory it is true nevertheless. */
static void apply_refused(struct gw_disk *d,
                          const struct gw_journal_record records[],
                          size_t count)
{
    uint32_t at_s = disk_clock_s(d);

    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < count; i++) {
        if (!is_left_out(d, &records[i]))
            apply(d, &records[i], 1, at_s);
    }
    fall_behind(d);
    pthread_mutex_unlock(&d->lock);
}

enum mqttsn_status gw_disk_append(struct gw_disk *d,
                                  const struct gw_journal_record records[],
                                  size_t count)
{
    enum mqttsn_status status = MQTTSN_ENOSPACE;
    int why = ENOSPC;
    uint64_t sequence;

    if (!refuses(d, records, count)) {
        status = gw_journal_append(d->journal, records, count, &sequence);
        why = errno;
    }
    if (status == MQTTSN_OK) {
        status = gw_journal_sync(d->journal, sequence);
        if (status == MQTTSN_OK)
            return MQTTSN_OK;
        why = errno;
        pthread_mutex_lock(&d->lock);
        fall_behind(d);
        pthread_mutex_unlock(&d->lock);
    } else {
        apply_refused(d, records, count);
    }
    errno = why;
    return status;
}

struct gw_journal *gw_disk_journal(struct gw_disk *d)
{
    return d->journal;
}

bool gw_disk_wants_flush(struct gw_disk *d)
{
    bool wants = gw_journal_octets(d->journal) > GW_DISK_SOFT;

    pthread_mutex_lock(&d->lock);
    wants |= d->behind || d->current->octets > GW_DISK_SOFT;
    pthread_mutex_unlock(&d->lock);
    return wants;
}

/* ---- flush ------------------------------------------------------------- */

/* One flush under way. */
struct flush {
    struct gw_disk *disk;
    struct gw_changes *fresh, *taken;
    uint64_t border;
    uint64_t refusals; /* at the border */
    uint64_t row_count;
    uint64_t written, deleted;
    struct gw_key *gone; /* of owners that were forgotten */
    size_t gone_count, gone_cap;
    bool no_memory;
    char *why;
};

/* Under the journal's lock: what is before this is taken, what comes after
 * goes into the fresh ones. */
static void on_border(void *disk)
{
    struct gw_disk *d = disk;

    pthread_mutex_lock(&d->lock);
    d->taken->refusals = d->refusals;
    d->taken->taken = d->current;
    d->current = d->taken->fresh;
    d->flushing = d->taken->taken;
    pthread_mutex_unlock(&d->lock);
}

static void on_deleted(void *user, struct gw_key key)
{
    struct flush *f = user;
    struct gw_key *grown;

    if (f->gone_count == f->gone_cap) {
        size_t cap = f->gone_cap == 0 ? 64 : 2 * f->gone_cap;

        grown = realloc(f->gone, cap * sizeof(*grown));
        if (grown == NULL) {
            f->no_memory = true;
            return;
        }
        f->gone = grown;
        f->gone_cap = cap;
    }
    f->gone[f->gone_count++] = key;
}

static enum mqttsn_status forget_owners(struct flush *f)
{
    enum mqttsn_status status = MQTTSN_OK;

    for (const struct gw_changed_owner *o = f->taken->owners;
         o != NULL && status == MQTTSN_OK; o = o->hh.next) {
        if (o->forgotten)
            status = gw_database_delete_owner(f->disk->database, o->owner,
                                              on_deleted, f, f->why);
        if (f->no_memory) {
            strcpy(f->why, "no memory");
            status = MQTTSN_ENOSPACE;
        }
    }
    f->row_count -= f->gone_count;
    f->deleted += f->gone_count;
    return status;
}

/* Whether the database has it still, after owners were forgotten. */
static bool has_row(const struct flush *f, struct gw_key key)
{
    return gw_key_set_has(&f->disk->rows, key) &&
           (key.kind >= GW_JOURNAL_SHELL ||
            !gw_changes_forget_owner(f->taken, key.owner));
}

static enum mqttsn_status write_change(struct flush *f,
                                       const struct gw_change *change)
{
    const struct gw_database_row row = {
        .key = change->key,
        .at_s = change->at_s,
        .octets = mqttsn_span(change->octets, change->len)};
    bool there = has_row(f, change->key);
    enum mqttsn_status status = MQTTSN_OK;

    if (change->keep) {
        status = gw_database_put(f->disk->database, &row, f->why);
        f->row_count += !there;
        f->written++;
    } else if (there) {
        status = gw_database_delete(f->disk->database, change->key, f->why);
        f->row_count--;
        f->deleted++;
    }
    return status;
}

static enum mqttsn_status write_all(struct flush *f)
{
    struct gw_disk *d = f->disk;
    struct gw_database_meta meta;
    enum mqttsn_status status = gw_database_begin(d->database, f->why);

    if (status == MQTTSN_OK)
        status = forget_owners(f);
    for (const struct gw_change *c = f->taken->changes;
         c != NULL && status == MQTTSN_OK; c = c->hh.next)
        status = write_change(f, c);
    if (status == MQTTSN_OK && !gw_database_meta(d->database, &meta))
        status = MQTTSN_EFIELD;
    if (status != MQTTSN_OK)
        return status;
    meta.applied = f->border;
    meta.clock_s = disk_clock_s(d);
    meta.wall_s = disk_wall_s(&d->settings);
    meta.rows = f->row_count;
    status = gw_database_commit(d->database, &meta, f->why);
    if (status == MQTTSN_OK)
        disk_clock_known(d, &meta);
    return status;
}

/* The set of rows follows. A few at a time: others wait for the lock. */
#define AT_ONCE 512u

static void breathe(struct gw_disk *d, size_t *n)
{
    if (++*n % AT_ONCE != 0)
        return;
    pthread_mutex_unlock(&d->lock);
    pthread_mutex_lock(&d->lock);
}

/* With the lock. There is room: it was reserved. */
static void follow(struct flush *f)
{
    struct gw_disk *d = f->disk;
    size_t n = 0;

    for (size_t i = 0; i < f->gone_count; i++, breathe(d, &n))
        gw_key_set_remove(&d->rows, f->gone[i]);
    for (const struct gw_changed_owner *o = f->taken->owners; o != NULL;
         o = o->hh.next, breathe(d, &n)) {
        if (o->forgotten)
            gw_key_set_remove(&d->rows, (struct gw_key){.kind = GW_KEY_OWNER,
                                                        .owner = o->owner});
    }
    for (const struct gw_change *c = f->taken->changes; c != NULL;
         c = c->hh.next, breathe(d, &n)) {
        if (!c->keep)
            gw_key_set_remove(&d->rows, c->key);
        else
            (void)disk_add_row(d, c->key);
    }
    d->row_count = f->row_count;
    d->stats.rows_written += f->written;
    d->stats.rows_deleted += f->deleted;
    d->stats.flushes++;
}

static void succeed(struct flush *f)
{
    struct gw_disk *d = f->disk;
    pthread_mutex_lock(&d->lock);
    follow(f);
    d->flushing = NULL;
    if (d->refusals == f->refusals)
        d->behind = false;
    pthread_cond_broadcast(&d->flush_end);
    pthread_mutex_unlock(&d->lock);
    gw_changes_free(f->taken);
    d->applied = f->border;
    d->gap = false;
    (void)gw_journal_drop(d->journal, f->border);
    /* The log of the database is as long as it ever was; where room is short,
     * it is the journal that needs it. */
    if (is_short(d))
        gw_database_shrink(d->database);
}

static void fail(struct flush *f)
{
    struct gw_disk *d = f->disk;

    if (d->database != NULL)
        gw_database_cancel(d->database);
    pthread_mutex_lock(&d->lock);
    d->flushing = NULL;
    gw_changes_merge(f->taken, d->current, stored, d);
    d->current = f->taken;
    d->stats.flush_errors++;
    pthread_cond_broadcast(&d->flush_end);
    pthread_mutex_unlock(&d->lock);
}

/* With the lock: room in the set for all that may be added. */
static bool reserve(struct flush *f)
{
    size_t count = 2 * HASH_COUNT(f->taken->changes);

    return gw_key_set_reserve(&f->disk->rows, count) == MQTTSN_OK;
}

static bool to_border(void *flush, const struct gw_journal_entry *entry)
{
    struct flush *f = flush;

    return entry->sequence <= f->border && disk_apply_entry(f->fresh, entry);
}

/* Memory ran out for a while, and some of what was appended is in the journal
 * alone: it is read once more, and what is in memory, among it what the journal
 * refused, goes on top. */
static enum mqttsn_status complete(struct flush *f)
{
    struct gw_disk *d = f->disk;
    struct gw_changes *incomplete = f->taken;
    struct gw_journal_report report = {0};
    enum mqttsn_status status = MQTTSN_ENOSPACE;

    f->fresh = gw_changes_new();
    if (f->fresh != NULL)
        status = gw_journal_read(&d->journal_settings, d->applied, to_border, f,
                                 &report);
    if (status == MQTTSN_OK && f->fresh->incomplete)
        status = MQTTSN_ENOSPACE;
    if (status == MQTTSN_OK && report.damaged != 0)
        status = MQTTSN_EIO;
    if (status != MQTTSN_OK) {
        gw_changes_free(f->fresh);
        strcpy(f->why, status == MQTTSN_EIO ? "the journal cannot be read"
                                            : "no memory");
        return status;
    }
    pthread_mutex_lock(&d->lock);
    incomplete->incomplete = false;
    gw_changes_merge(f->fresh, incomplete, disk_stored_perhaps, NULL);
    d->flushing = f->taken = f->fresh;
    pthread_mutex_unlock(&d->lock);
    if (!f->taken->incomplete)
        return MQTTSN_OK;
    strcpy(f->why, "no memory");
    return MQTTSN_ENOSPACE;
}

/* What reading did not notice, writing may. The rows that can be read go into
 * a new database, and the flush begins anew. */
static enum mqttsn_status mend(struct flush *f)
{
    struct gw_disk *d = f->disk;
    enum mqttsn_status status;

    gw_database_cancel(d->database);
    gw_err("store", "damaged", "path=%s reason=%s", gw_log_text(d->path),
           gw_log_text(f->why));
    status = disk_mend(d, f->why);
    pthread_mutex_lock(&d->lock);
    if (status == MQTTSN_OK && !reserve(f)) {
        strcpy(f->why, "no memory");
        status = MQTTSN_ENOSPACE;
    }
    pthread_mutex_unlock(&d->lock);
    f->row_count = d->row_count;
    f->written = f->deleted = f->gone_count = 0;
    return status;
}

/* Once more, where an earlier flush could not mend it. */
static enum mqttsn_status reopen(struct gw_disk *d, char *why)
{
    if (d->database != NULL)
        return MQTTSN_OK;
    disk_take_up_rescue(d);
    return disk_open_database(d, d->journal_settings.id, why);
}

/* Nothing that the database would want to know, and little to replay: the
 * disk is spared. */
static bool is_pointless(struct gw_disk *d)
{
    bool none;

    if (d->gap)
        return false; /* behind one the journal forgets nothing */
    if (d->row_count != 0 && disk_clock_is_stale(d))
        return false; /* what lies there would grow younger */
    pthread_mutex_lock(&d->lock);
    none = gw_changes_are_none(d->current) && !d->current->incomplete &&
           !d->behind;
    pthread_mutex_unlock(&d->lock);
    return none && gw_journal_octets(d->journal) < GW_DISK_SOFT / 2;
}

enum mqttsn_status gw_disk_flush(struct gw_disk *d, char *why)
{
    struct flush f = {.disk = d, .row_count = d->row_count, .why = why};
    enum mqttsn_status status;
    bool room;

    if (is_pointless(d))
        return MQTTSN_OK;
    f.fresh = gw_changes_new();
    if (f.fresh == NULL) {
        strcpy(why, "no memory");
        return MQTTSN_ENOSPACE;
    }
    d->taken = &f;
    f.border = gw_journal_rotate(d->journal, on_border);
    d->taken = NULL;
    status = f.taken->incomplete ? complete(&f) : MQTTSN_OK;
    pthread_mutex_lock(&d->lock);
    room = status == MQTTSN_OK && reserve(&f);
    pthread_mutex_unlock(&d->lock);
    if (room) {
        gw_changes_sort(f.taken, &d->lock);
        status = reopen(d, why);
        if (status == MQTTSN_OK)
            status = write_all(&f);
        if (status == MQTTSN_EFIELD) {
            status = mend(&f);
            if (status == MQTTSN_OK)
                status = write_all(&f);
        }
    } else if (status == MQTTSN_OK) {
        strcpy(why, "no memory");
        status = MQTTSN_ENOSPACE;
    }
    if (status == MQTTSN_OK)
        succeed(&f);
    else
        fail(&f);
    free(f.gone);
    return status;
}

/* ---- figures, the end -------------------------------------------------- */

void gw_disk_stats(struct gw_disk *d, struct gw_disk_stats *ret)
{
    pthread_mutex_lock(&d->lock);
    *ret = d->stats;
    ret->rows = d->row_count;
    ret->change_octets = d->current->octets;
    pthread_mutex_unlock(&d->lock);
    if (d->journal != NULL) {
        gw_journal_stats(d->journal, &ret->journal);
        ret->journal_octets = gw_journal_octets(d->journal);
    }
}

void gw_disk_close(struct gw_disk *d)
{
    if (d == NULL)
        return;
    gw_journal_close(d->journal);
    gw_database_close(d->database);
    for (size_t i = 0; i < 2; i++) {
        if (d->lock_fd[i] >= 0)
            d->files->close(d->lock_fd[i]);
    }
    gw_changes_free(d->current);
    gw_key_set_free(&d->rows);
    pthread_cond_destroy(&d->flush_end);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
