/* SPDX-License-Identifier: MIT */
#include "disk_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

/* ---- journal on top of the database ------------------------------------ */

bool disk_stored_perhaps(void *user, struct gw_key key)
{
    (void)user;
    (void)key;
    return true;
}

bool disk_apply_entry(void *changes, const struct gw_journal_entry *entry)
{
    gw_changes_apply(changes, &entry->record, entry->at_s, disk_stored_perhaps,
                     NULL);
    return true;
}

static void give(struct disk_merge *m, struct gw_key key, uint32_t at_s,
                 struct mqttsn_span octets)
{
    const struct gw_disk_entry entry = {
        .kind = (uint8_t)key.kind,
        .owner = key.owner,
        .item = key.item,
        .age_s = m->clock_s > at_s ? m->clock_s - at_s : 0,
        .octets = octets};

    m->records++;
    if (m->visit == NULL || m->later || m->visit(m->user, &entry))
        return;
    m->later = true;
    m->kind = entry.kind;
}

/* Gives what the changes keep of keys before 'limit', or all. */
static void give_changes(struct disk_merge *m, const struct gw_key *limit)
{
    while (m->next != NULL && !m->later &&
           (limit == NULL || gw_key_compare(m->next->key, *limit) < 0)) {
        if (m->next->keep)
            give(m, m->next->key, m->next->at_s,
                 mqttsn_span(m->next->octets, m->next->len));
        m->next = m->next->hh.next;
    }
}

static bool on_row(void *user, const struct gw_database_row *row)
{
    struct disk_merge *m = user;

    if (m->row != NULL && !m->row(m->row_user, row->key)) {
        m->stopped = true;
        return false;
    }
    give_changes(m, &row->key);
    /* The changes have a later word on it? */
    if ((m->next != NULL && gw_key_compare(m->next->key, row->key) == 0) ||
        (row->key.kind < GW_JOURNAL_SHELL &&
         gw_changes_forget_owner(m->changes, row->key.owner)))
        return !m->later;
    give(m, row->key, row->at_s, row->octets);
    return !m->later;
}

enum mqttsn_status disk_merge(struct disk_merge *m,
                              struct gw_database *database, uint64_t *ret_lost,
                              char *why)
{
    enum mqttsn_status status;

    gw_changes_sort(m->changes, NULL);
    m->next = m->changes->changes;
    status = gw_database_scan(database, on_row, m, ret_lost, why);
    if (status == MQTTSN_OK && m->stopped) {
        strcpy(why, "no memory");
        return MQTTSN_ENOSPACE;
    }
    if (status == MQTTSN_OK && !m->later)
        give_changes(m, NULL);
    if (status == MQTTSN_OK && m->later) {
        snprintf(why, GW_DISK_WHY_MAX, "a record of kind %u: " DISK_LATER,
                 m->kind);
        return MQTTSN_EPROTO;
    }
    return status;
}

/* ---- mending ----------------------------------------------------------- */

/* Rows that can be read go into a new database, which takes the place of the
 * damaged one. */
struct rescue {
    const struct gw_disk *disk;
    struct gw_database *to;
    struct gw_disk rows; /* of this, the set and its count */
    enum mqttsn_status status;
    char *why;
};

static bool rescue_row(void *user, const struct gw_database_row *row)
{
    struct rescue *r = user;

    /* A damaged file may give more at the second reading than at the first:
     * what was not given out then is nobody's. */
    if (!gw_key_set_has(&r->disk->rows, row->key))
        return true;
    r->status = gw_database_put(r->to, row, r->why);
    if (r->status == MQTTSN_OK && !disk_add_row(&r->rows, row->key)) {
        strcpy(r->why, "no memory");
        r->status = MQTTSN_ENOSPACE;
    }
    r->rows.row_count += r->status == MQTTSN_OK;
    return r->status == MQTTSN_OK;
}

static enum mqttsn_status fill_rescue(struct gw_disk *d, struct rescue *r,
                                      const char *path,
                                      const struct gw_database_meta *old)
{
    struct gw_database_settings settings = {.path = path,
                                            .vfs = d->settings.vfs};
    struct gw_database_meta meta;
    uint64_t lost;

    memcpy(settings.id, d->journal_settings.id, sizeof(settings.id));
    r->status = gw_database_open(&settings, &r->to, r->why);
    if (r->status == MQTTSN_OK)
        r->status = gw_database_begin(r->to, r->why);
    if (r->status == MQTTSN_OK) {
        enum mqttsn_status status =
            gw_database_scan(d->database, rescue_row, r, &lost, r->why);

        if (r->status == MQTTSN_OK)
            r->status = status;
    }
    if (r->status == MQTTSN_OK && !gw_database_meta(r->to, &meta))
        r->status = MQTTSN_EFIELD;
    if (r->status == MQTTSN_OK) {
        meta.applied = old->applied;
        meta.clock_s = old->clock_s;
        meta.wall_s = old->wall_s;
        meta.rows = r->rows.row_count;
        r->status = gw_database_commit(r->to, &meta, r->why);
    }
    gw_database_close(r->to);
    r->to = NULL;
    return r->status;
}

static enum mqttsn_status replace(struct gw_disk *d, const char *path,
                                  char *why)
{
    gw_database_close(d->database);
    d->database = NULL;
    if (disk_set_aside(d, "what can be read of it is used") != MQTTSN_OK) {
        snprintf(why, GW_DISK_WHY_MAX, "%s", strerror(errno));
        return MQTTSN_EIO;
    }
    if (d->files->rename(path, d->path) != 0 ||
        gw_files_sync_directory(d->files, d->directory) != 0) {
        snprintf(why, GW_DISK_WHY_MAX, "%s", strerror(errno));
        return MQTTSN_EIO;
    }
    return disk_open_database(d, d->journal_settings.id, why);
}

enum mqttsn_status disk_mend(struct gw_disk *d, char *why)
{
    struct gw_database_meta old = {.applied = d->applied,
                                   .clock_s = disk_clock_s(d),
                                   .wall_s = disk_wall_s(&d->settings)};
    struct rescue rescue = {.disk = d, .why = why};
    char path[GW_FILES_PATH_MAX + 8];
    enum mqttsn_status status;

    snprintf(path, sizeof(path), "%s.new", d->path);
    d->files->unlink(path);
    status = fill_rescue(d, &rescue, path, &old);
    if (status == MQTTSN_OK) {
        status = replace(d, path, why);
        pthread_mutex_lock(&d->lock);
        gw_key_set_free(&d->rows);
        d->rows = rescue.rows.rows;
        d->row_count = rescue.rows.row_count;
        pthread_mutex_unlock(&d->lock);
    } else {
        d->files->unlink(path);
        gw_key_set_free(&rescue.rows.rows);
    }
    /* One that was just made is not damaged: it is the device. */
    return status == MQTTSN_EFIELD ? MQTTSN_EIO : status;
}

/* ---- restore ----------------------------------------------------------- */

static bool note_row(void *user, struct gw_key key)
{
    struct gw_disk *d = user;

    d->row_count++;
    return disk_add_row(d, key);
}

static bool has_row(void *user, struct gw_key key)
{
    const struct gw_disk *d = user;

    return gw_key_set_has(&d->rows, key);
}

static void log_restore_failed(const struct gw_disk *d, const char *why)
{
    gw_err("store", "cannot_open", "path=%s reason=%s", gw_log_text(d->path),
           gw_log_text(why));
}

enum mqttsn_status gw_disk_restore(struct gw_disk *d, gw_disk_visit *visit,
                                   void *user,
                                   struct gw_disk_report *ret_report)
{
    struct disk_merge merge = {.changes = d->current,
                               .clock_s = d->clock_base_s,
                               .visit = visit,
                               .user = user,
                               .row = note_row,
                               .row_user = d};
    char why[GW_DISK_WHY_MAX];
    enum mqttsn_status status;
    uint64_t lost = 0;

    status = disk_merge(&merge, d->database, &lost, why);
    if (status == MQTTSN_OK && gw_database_damaged(d->database)) {
        gw_err("store", "damaged", "path=%s lost=%" PRIu64 " read=%" PRIu64,
               gw_log_text(d->path), lost, d->row_count);
        status = disk_mend(d, why);
    }
    if (status == MQTTSN_EPROTO)
        gw_database_leave(d->database);
    if (status != MQTTSN_OK) {
        log_restore_failed(d, why);
        return status;
    }
    gw_changes_prune(d->current, has_row, d);
    d->restored = true;
    *ret_report = (struct gw_disk_report){.records = merge.records,
                                          .lost = lost,
                                          .journal = d->journal_report.records,
                                          .rows = d->row_count,
                                          .is_new = d->is_new,
                                          .damaged = d->damaged,
                                          .torn = d->journal_report.torn != 0};
    return MQTTSN_OK;
}
