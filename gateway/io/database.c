/* SPDX-License-Identifier: MIT */
#include "database_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"

static const char *const texts[STATEMENTS] = {
    [SELECT_KIND] = "SELECT owner, item, at, crc, octets FROM record "
                    "WHERE kind = ? ORDER BY owner, item",
    [PUT_ROW] = "INSERT INTO record (kind, owner, item, at, crc, octets) "
                "VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (kind, owner, item) DO UPDATE SET "
                "at = excluded.at, crc = excluded.crc, "
                "octets = excluded.octets",
    [DELETE_ROW] = "DELETE FROM record "
                   "WHERE kind = ? AND owner = ? AND item = ?",
    [SELECT_OWNER] = "SELECT item FROM record WHERE kind = ? AND owner = ?",
    [DELETE_OWNER] = "DELETE FROM record WHERE kind = ? AND owner = ?",
    [PUT_META] = "UPDATE meta SET applied = ?, clock = ?, wall = ?, rows = ?, "
                 "crc = ? WHERE one = 1",
};

/* ---- results ----------------------------------------------------------- */

/* Whether the last thing that went wrong with the file was its device. */
static bool has_failed(sqlite3_file *file)
{
    int why = 0;

    return file != NULL && file->pMethods != NULL &&
           file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &why) ==
               SQLITE_OK &&
           why == EIO;
}

static bool is_unreadable(struct gw_database *d)
{
    sqlite3_file *file = NULL, *log = NULL;

    if (d->sqlite == NULL)
        return false;
    (void)sqlite3_file_control(d->sqlite, "main", SQLITE_FCNTL_FILE_POINTER,
                               &file);
    (void)sqlite3_file_control(d->sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                               &log);
    return has_failed(file) || has_failed(log);
}

bool database_is_damage(struct gw_database *d, int result)
{
    if (is_unreadable(d))
        return false;
    result &= 0xff;
    return result == SQLITE_CORRUPT || result == SQLITE_NOTADB ||
           result == SQLITE_ERROR || result == SQLITE_FORMAT ||
           result == SQLITE_SCHEMA || result == SQLITE_MISMATCH ||
           result == SQLITE_CONSTRAINT || result == SQLITE_TOOBIG;
}

enum mqttsn_status database_failed(struct gw_database *d, int result,
                                   const char *what, char *why)
{
    const char *text =
        d->sqlite != NULL ? sqlite3_errmsg(d->sqlite) : sqlite3_errstr(result);

    if ((result & 0xff) != SQLITE_IOERR && is_unreadable(d))
        text = "the device cannot read the file; nothing was changed";
    snprintf(why, GW_DATABASE_WHY_MAX, "%s: %s", what, text);
    if ((result & 0xff) == SQLITE_FULL)
        return MQTTSN_ENOSPACE;
    if (database_is_damage(d, result)) {
        d->damaged = true;
        return MQTTSN_EFIELD;
    }
    return MQTTSN_EIO;
}

static sqlite3_stmt *statement(struct gw_database *d, unsigned which,
                               int *ret_result)
{
    *ret_result = SQLITE_OK;
    if (d->statement[which] == NULL)
        *ret_result = sqlite3_prepare_v3(d->sqlite, texts[which], -1,
                                         SQLITE_PREPARE_PERSISTENT,
                                         &d->statement[which], NULL);
    return d->statement[which];
}

/* Runs a statement that gives no rows, whose numbers were bound before. It must
 * find something to change: a tree may be damaged so that reading it in order
 * works and looking for something does not. */
static enum mqttsn_status run(struct gw_database *d, sqlite3_stmt *s,
                              const char *what, char *why)
{
    int result = sqlite3_step(s);
    enum mqttsn_status status = MQTTSN_OK;

    if (result != SQLITE_DONE) {
        status = database_failed(d, result, what, why);
    } else if (sqlite3_changes(d->sqlite) == 0) {
        snprintf(why, GW_DATABASE_WHY_MAX, "%s: a row is not found", what);
        d->damaged = true;
        status = MQTTSN_EFIELD;
    }
    sqlite3_reset(s);
    return status;
}

static enum mqttsn_status execute(struct gw_database *d, const char *text,
                                  char *why)
{
    int result = sqlite3_exec(d->sqlite, text, NULL, NULL, NULL);

    return result == SQLITE_OK ? MQTTSN_OK
                               : database_failed(d, result, text, why);
}

/* ---- checksums --------------------------------------------------------- */

static uint32_t crc_of_numbers(const uint64_t numbers[], size_t count)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t octets[8];

        for (unsigned n = 0; n < 8; n++)
            octets[n] = (uint8_t)(numbers[i] >> (56 - 8 * n));
        crc = gw_crc32(crc, octets, sizeof(octets));
    }
    return crc;
}

static uint32_t row_crc(const struct gw_database_row *row)
{
    const uint64_t numbers[] = {row->key.kind, row->key.owner, row->key.item,
                                row->at_s};

    return gw_crc32(crc_of_numbers(numbers, 4), row->octets.data,
                    row->octets.len);
}

uint32_t database_meta_crc(const struct gw_database_meta *m, unsigned version)
{
    const uint64_t numbers[] = {version, m->applied, m->clock_s, m->wall_s,
                                m->rows};

    return gw_crc32(crc_of_numbers(numbers, 5), m->id, sizeof(m->id));
}

/* ---- reading ----------------------------------------------------------- */

bool gw_database_damaged(const struct gw_database *d)
{
    return d->damaged;
}

bool gw_database_meta(const struct gw_database *d,
                      struct gw_database_meta *ret_meta)
{
    if (d->meta_known)
        *ret_meta = d->meta;
    return d->meta_known;
}

/* A number of the row; anything else makes the checksum wrong. */
static uint32_t number(sqlite3_stmt *s, int column)
{
    return (uint32_t)sqlite3_column_int64(s, column);
}

struct scan {
    gw_database_visit *visit;
    void *user;
    struct gw_key last; /* of the rows that were good */
    uint64_t good, lost;
    bool stopped;
};

static void judge_row(struct gw_database *d, sqlite3_stmt *s, uint32_t kind,
                      struct scan *scan)
{
    struct gw_database_row row = {
        .key = {kind, number(s, 0), number(s, 1)},
        .at_s = number(s, 2),
    };
    const void *octets = sqlite3_column_blob(s, 4);

    row.octets = mqttsn_span(octets, (size_t)sqlite3_column_bytes(s, 4));
    if (row_crc(&row) != number(s, 3) ||
        (scan->good != 0 && gw_key_compare(scan->last, row.key) >= 0)) {
        scan->lost++;
        d->damaged = true;
        return;
    }
    scan->last = row.key;
    scan->good++;
    scan->stopped = !scan->visit(scan->user, &row);
}

/* A kind whose pages are damaged does not keep the next from being read. */
static enum mqttsn_status scan_kind(struct gw_database *d, uint32_t kind,
                                    struct scan *scan, char *why)
{
    enum mqttsn_status status = MQTTSN_OK;
    int result;
    sqlite3_stmt *s = statement(d, SELECT_KIND, &result);

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, kind);
        while (!scan->stopped && (result = sqlite3_step(s)) == SQLITE_ROW)
            judge_row(d, s, kind, scan);
        sqlite3_reset(s);
    }
    if (!scan->stopped && result != SQLITE_DONE) {
        status = database_failed(d, result, "read", why);
        if (status == MQTTSN_EFIELD)
            status = MQTTSN_OK;
    }
    return status;
}

/* All there can be: of a kind that is not ours it is to be known, too. */
#define KINDS GW_KEY_OWNER

enum mqttsn_status gw_database_scan(struct gw_database *d,
                                    gw_database_visit *visit, void *user,
                                    uint64_t *ret_lost, char *why)
{
    struct scan scan = {.visit = visit, .user = user};
    enum mqttsn_status status = MQTTSN_OK;

    for (uint32_t kind = 1;
         kind < KINDS && status == MQTTSN_OK && !scan.stopped; kind++)
        status = scan_kind(d, kind, &scan, why);
    if (status != MQTTSN_OK)
        return status;
    if (!scan.stopped && d->meta_known && scan.good != d->meta.rows) {
        d->damaged = true;
        if (scan.good + scan.lost < d->meta.rows)
            scan.lost = d->meta.rows - scan.good;
    }
    *ret_lost = scan.lost;
    return MQTTSN_OK;
}

enum mqttsn_status gw_database_begin_read(struct gw_database *d,
                                          struct gw_database_meta *ret_meta,
                                          char *why)
{
    enum mqttsn_status status = execute(d, "BEGIN", why);
    int result;

    if (status != MQTTSN_OK)
        return status;
    /* It begins with the first thing that is read. */
    result = database_read_meta(d);
    if (result != SQLITE_OK && !database_is_damage(d, result))
        return database_failed(d, result, "read", why);
    (void)gw_database_meta(d, ret_meta);
    return MQTTSN_OK;
}

/* ---- writing ----------------------------------------------------------- */

enum mqttsn_status gw_database_begin(struct gw_database *d, char *why)
{
    enum mqttsn_status status = execute(d, "BEGIN IMMEDIATE", why);

    d->writing = status == MQTTSN_OK;
    return status;
}

enum mqttsn_status gw_database_put(struct gw_database *d,
                                   const struct gw_database_row *row, char *why)
{
    int result;
    sqlite3_stmt *s = statement(d, PUT_ROW, &result);

    if (s == NULL)
        return database_failed(d, result, "write", why);
    sqlite3_bind_int64(s, 1, row->key.kind);
    sqlite3_bind_int64(s, 2, row->key.owner);
    sqlite3_bind_int64(s, 3, row->key.item);
    sqlite3_bind_int64(s, 4, row->at_s);
    sqlite3_bind_int64(s, 5, row_crc(row));
    /* Borrowed: the statement is run before this returns. */
    if (row->octets.len == 0)
        sqlite3_bind_zeroblob(s, 6, 0);
    else
        sqlite3_bind_blob64(s, 6, row->octets.data, row->octets.len,
                            SQLITE_STATIC);
    return run(d, s, "write", why);
}

static enum mqttsn_status bind_key(struct gw_database *d, unsigned which,
                                   struct gw_key key, sqlite3_stmt **ret_s,
                                   char *why)
{
    int result;
    sqlite3_stmt *s = statement(d, which, &result);

    if (s == NULL)
        return database_failed(d, result, "delete", why);
    sqlite3_bind_int64(s, 1, key.kind);
    sqlite3_bind_int64(s, 2, key.owner);
    if (which == DELETE_ROW)
        sqlite3_bind_int64(s, 3, key.item);
    *ret_s = s;
    return MQTTSN_OK;
}

enum mqttsn_status gw_database_delete(struct gw_database *d, struct gw_key key,
                                      char *why)
{
    sqlite3_stmt *s = NULL;
    enum mqttsn_status status = bind_key(d, DELETE_ROW, key, &s, why);

    return status == MQTTSN_OK ? run(d, s, "delete", why) : status;
}

/* The engine's kinds are few; a later version may have some more. */
#define OWNED_KINDS 16u

enum mqttsn_status
gw_database_delete_owner(struct gw_database *d, uint32_t owner,
                         void (*deleted)(void *user, struct gw_key key),
                         void *user, char *why)
{
    enum mqttsn_status status = MQTTSN_OK;

    for (uint32_t kind = 1; kind < OWNED_KINDS && status == MQTTSN_OK; kind++) {
        struct gw_key key = {kind, owner, 0};
        bool found = false;
        sqlite3_stmt *s = NULL;
        int result;

        status = bind_key(d, SELECT_OWNER, key, &s, why);
        if (status != MQTTSN_OK)
            return status;
        while ((result = sqlite3_step(s)) == SQLITE_ROW) {
            key.item = number(s, 0);
            deleted(user, key);
            found = true;
        }
        sqlite3_reset(s);
        if (result != SQLITE_DONE)
            return database_failed(d, result, "delete", why);
        if (!found)
            continue;
        status = bind_key(d, DELETE_OWNER, key, &s, why);
        if (status == MQTTSN_OK)
            status = run(d, s, "delete", why);
    }
    return status;
}

enum mqttsn_status gw_database_commit(struct gw_database *d,
                                      const struct gw_database_meta *meta,
                                      char *why)
{
    enum mqttsn_status status;
    int result;
    sqlite3_stmt *s = statement(d, PUT_META, &result);

    if (s == NULL)
        return database_failed(d, result, "commit", why);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)meta->applied);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)meta->clock_s);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)meta->wall_s);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)meta->rows);
    sqlite3_bind_int64(s, 5, database_meta_crc(meta, d->version));
    status = run(d, s, "commit", why);
    if (status == MQTTSN_OK)
        status = execute(d, "COMMIT", why);
    if (status == MQTTSN_OK) {
        d->meta = *meta;
        d->meta_known = true;
        d->writing = false;
    }
    return status;
}

void gw_database_cancel(struct gw_database *d)
{
    /* SQLite may have done it by itself. */
    if (d->writing && sqlite3_get_autocommit(d->sqlite) == 0)
        (void)sqlite3_exec(d->sqlite, "ROLLBACK", NULL, NULL, NULL);
    d->writing = false;
}
