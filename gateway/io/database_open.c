/* SPDX-License-Identifier: MIT */
#include "database_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "MQSN", in the file's head: what this file is about. */
#define APPLICATION 0x4d51534e

/* ---- the schema -------------------------------------------------------- */

/*
 * 'meta' has one row; its first columns, up to 'id', stay as they are in every
 * version. Times are seconds; 'at' is when a record was kept, on the store's
 * own clock.
 */
static const char *const steps[] = {
    "CREATE TABLE meta ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " version INTEGER NOT NULL,"
    " id BLOB NOT NULL,"
    " applied INTEGER NOT NULL,"
    " clock INTEGER NOT NULL,"
    " wall INTEGER NOT NULL,"
    " rows INTEGER NOT NULL,"
    " crc INTEGER NOT NULL);"
    "CREATE TABLE record ("
    " kind INTEGER NOT NULL,"
    " owner INTEGER NOT NULL,"
    " item INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " crc INTEGER NOT NULL,"
    " octets BLOB NOT NULL,"
    " PRIMARY KEY (kind, owner, item)) WITHOUT ROWID;",
};

const struct gw_database_schema gw_database_schema = {
    sizeof(steps) / sizeof(steps[0]), steps};

/* ---- small questions --------------------------------------------------- */

/* The first column of the first row; false: there is none, or '*ret_result'. */
static bool ask(struct gw_database *d, const char *text, int64_t *ret_number,
                int *ret_result)
{
    sqlite3_stmt *s = NULL;
    bool found = false;

    *ret_result = sqlite3_prepare_v2(d->sqlite, text, -1, &s, NULL);
    if (*ret_result != SQLITE_OK)
        return false;
    *ret_result = sqlite3_step(s);
    if (*ret_result == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(s, 0);
        *ret_result = SQLITE_OK;
        found = true;
    }
    if (*ret_result == SQLITE_DONE)
        *ret_result = SQLITE_OK;
    sqlite3_finalize(s);
    return found;
}

static int execute(struct gw_database *d, const char *text)
{
    return sqlite3_exec(d->sqlite, text, NULL, NULL, NULL);
}

/* ---- what is in the file ----------------------------------------------- */

/* Reads the row that describes the whole. */
int database_read_meta(struct gw_database *d)
{
    struct gw_database_meta *m = &d->meta;
    sqlite3_stmt *s = NULL;
    int result = sqlite3_prepare_v2(
        d->sqlite,
        "SELECT version, id, applied, clock, wall, rows, crc FROM meta", -1, &s,
        NULL);

    d->meta_known = false;
    if (result != SQLITE_OK) {
        d->damaged |= database_is_damage(d, result);
        return result;
    }
    result = sqlite3_step(s);
    if (result == SQLITE_ROW) {
        const void *id = sqlite3_column_blob(s, 1);

        m->applied = (uint64_t)sqlite3_column_int64(s, 2);
        m->clock_s = (uint64_t)sqlite3_column_int64(s, 3);
        m->wall_s = (uint64_t)sqlite3_column_int64(s, 4);
        m->rows = (uint64_t)sqlite3_column_int64(s, 5);
        if (id != NULL && sqlite3_column_bytes(s, 1) == sizeof(m->id)) {
            memcpy(m->id, id, sizeof(m->id));
            d->meta_known =
                sqlite3_column_int64(s, 0) == d->version &&
                sqlite3_column_int64(s, 6) == database_meta_crc(m, d->version);
        }
        result = SQLITE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_OK;
    }
    sqlite3_finalize(s);
    if (!d->meta_known)
        d->damaged = true;
    return result;
}

enum content { EMPTY, OURS, STRANGE, LATER, BROKEN, UNREADABLE };

static enum content look(struct gw_database *d,
                         const struct gw_database_schema *schema,
                         int *ret_result)
{
    int64_t application = 0, version = 0, tables = 0, inner = 0;
    bool has_meta;

    if (!ask(d, "SELECT count(*) FROM sqlite_schema", &tables, ret_result) ||
        !ask(d, "PRAGMA application_id", &application, ret_result) ||
        !ask(d, "PRAGMA user_version", &version, ret_result))
        return database_is_damage(d, *ret_result) ? BROKEN : UNREADABLE;
    if (tables == 0 && application == 0 && version == 0)
        return EMPTY;
    has_meta =
        ask(d, "SELECT version FROM meta WHERE one = 1", &inner, ret_result);
    if (*ret_result != SQLITE_OK && !database_is_damage(d, *ret_result))
        return UNREADABLE;
    /* Two numbers say whose it is and how old: one of them may be damaged. */
    if (application != APPLICATION && !has_meta)
        return STRANGE;
    if (application != APPLICATION || !has_meta || version != inner ||
        version < 1)
        d->damaged = true;
    if (has_meta && version == inner && version > (int64_t)schema->version)
        return LATER;
    d->version = has_meta && inner >= 1 && inner <= (int64_t)schema->version
                     ? (unsigned)inner
                     : schema->version;
    return OURS;
}

/* ---- making, bringing up to date --------------------------------------- */

/* From 'd->version' to the schema's, in one transaction. */
static int migrate(struct gw_database *d,
                   const struct gw_database_settings *settings,
                   const struct gw_database_schema *schema)
{
    bool fresh = d->version == 0;
    struct gw_database_meta m = d->meta;
    sqlite3_stmt *s = NULL;
    char text[160];
    int result = execute(d, "BEGIN IMMEDIATE");

    if (fresh) {
        m = (struct gw_database_meta){0};
        memcpy(m.id, settings->id, sizeof(m.id));
    }
    while (result == SQLITE_OK && d->version < schema->version)
        result = execute(d, schema->steps[d->version++]);
    snprintf(text, sizeof(text),
             "PRAGMA application_id = %d; PRAGMA user_version = %u;",
             APPLICATION, schema->version);
    if (result == SQLITE_OK)
        result = execute(d, text);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(
            d->sqlite,
            fresh ? "INSERT INTO meta (version, crc, id, one, applied, clock, "
                    "wall, rows) VALUES (?1, ?2, ?3, 1, 0, 0, 0, 0)"
                  : "UPDATE meta SET version = ?1, crc = ?2",
            -1, &s, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_int64(s, 1, schema->version);
        sqlite3_bind_int64(s, 2, database_meta_crc(&m, schema->version));
        if (fresh)
            sqlite3_bind_blob(s, 3, m.id, sizeof(m.id), SQLITE_TRANSIENT);
        result = sqlite3_step(s);
        result = result == SQLITE_DONE ? SQLITE_OK : result;
        sqlite3_finalize(s);
    }
    return result == SQLITE_OK ? execute(d, "COMMIT") : result;
}

/* ---- opening ----------------------------------------------------------- */

/* The file for its owner alone; SQLite gives those beside it the same mode. */
static enum mqttsn_status make_file(const char *path, char *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        snprintf(why, GW_DATABASE_WHY_MAX, "%s", strerror(errno));
        return MQTTSN_EIO;
    }
    close(fd);
    return MQTTSN_OK;
}

/*
 * FULL: a commit is on the disk before the journal drops what is in it. The
 * log is copied into the file when it is long, so that pages that change at
 * each flush are copied once and not each time.
 */
static const char settings_text[] = "PRAGMA cell_size_check = ON;"
                                    "PRAGMA trusted_schema = OFF;"
                                    "PRAGMA temp_store = MEMORY;"
                                    "PRAGMA mmap_size = 0;"
                                    "PRAGMA cache_size = -1024;";
static const char writing_text[] = "PRAGMA page_size = 2048;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA wal_autocheckpoint = 2000;"
                                   "PRAGMA journal_size_limit = 4194304;";

static enum mqttsn_status judge(struct gw_database *d,
                                const struct gw_database_settings *settings,
                                char *why)
{
    const struct gw_database_schema *schema =
        settings->schema != NULL ? settings->schema : &gw_database_schema;
    int result = SQLITE_OK;

    switch (look(d, schema, &result)) {
    case UNREADABLE:
    case BROKEN:
        return database_failed(d, result, "open", why);
    case STRANGE:
        snprintf(why, GW_DATABASE_WHY_MAX,
                 "this is a database of another program");
        return MQTTSN_EPROTO;
    case LATER:
        snprintf(why, GW_DATABASE_WHY_MAX,
                 "it was written by a later version of the gateway (schema "
                 "newer than %u): run that, or put a backup in its place",
                 schema->version);
        return MQTTSN_EPROTO;
    case EMPTY:
        if (settings->read_only) {
            snprintf(why, GW_DATABASE_WHY_MAX, "it is empty");
            return MQTTSN_ENOTFOUND;
        }
        d->version = 0;
        break;
    case OURS:
        /* One number in the file's head makes it read-only for good. */
        if (!settings->read_only && sqlite3_db_readonly(d->sqlite, "main") != 0)
            d->damaged = true;
        result = database_read_meta(d);
        if (result != SQLITE_OK && !database_is_damage(d, result))
            return database_failed(d, result, "open", why);
        break;
    }
    /* A damaged one is only read from; nothing is built on it. */
    if (d->damaged || settings->read_only)
        return MQTTSN_OK;
    /* Not before it is known whose it is: this writes to the file. */
    result = execute(d, writing_text);
    if (result == SQLITE_OK && d->version == schema->version)
        return MQTTSN_OK;
    if (result == SQLITE_OK)
        result = migrate(d, settings, schema);
    if (result == SQLITE_OK)
        result = database_read_meta(d);
    /* The file itself says from the beginning what it is. */
    if (result == SQLITE_OK)
        result = execute(d, "PRAGMA wal_checkpoint(TRUNCATE)");
    return result == SQLITE_OK ? MQTTSN_OK
                               : database_failed(d, result, "open", why);
}

enum mqttsn_status gw_database_open(const struct gw_database_settings *settings,
                                    struct gw_database **ret_database,
                                    char *why)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct gw_database *d;
    enum mqttsn_status status = MQTTSN_OK;
    struct stat there;
    int result;

    if (settings->read_only && stat(settings->path, &there) != 0) {
        snprintf(why, GW_DATABASE_WHY_MAX, "%s", strerror(errno));
        return errno == ENOENT ? MQTTSN_ENOTFOUND : MQTTSN_EIO;
    }
    if (!settings->read_only)
        status = make_file(settings->path, why);
    if (status != MQTTSN_OK)
        return status;
    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        snprintf(why, GW_DATABASE_WHY_MAX, "no memory");
        return MQTTSN_ENOSPACE;
    }
    flags |= settings->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    result = sqlite3_open_v2(settings->path, &d->sqlite, flags, settings->vfs);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(d->sqlite, 100);
        result = execute(d, settings_text);
    }
    status = result == SQLITE_OK ? judge(d, settings, why)
                                 : database_failed(d, result, "open", why);
    if (status == MQTTSN_EPROTO)
        gw_database_leave(d);
    if (status != MQTTSN_OK) {
        gw_database_close(d);
        return status;
    }
    *ret_database = d;
    return MQTTSN_OK;
}

void gw_database_shrink(struct gw_database *d)
{
    (void)execute(d, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* Else the last to close it copies the log into the file, and removes it. */
void gw_database_leave(struct gw_database *d)
{
    (void)sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                            NULL);
}

void gw_database_close(struct gw_database *d)
{
    if (d == NULL)
        return;
    gw_database_cancel(d);
    for (unsigned i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(d->statement[i]);
    sqlite3_close(d->sqlite);
    free(d);
}

const char *gw_database_version(void)
{
    return sqlite3_libversion();
}
