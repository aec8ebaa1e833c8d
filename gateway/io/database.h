/* SPDX-License-Identifier: MIT */
/*
 * database.h - the part of the store that stays: all records, as they were at
 * the last flush, in one SQLite file with a write-ahead log.
 *
 * Each row has a checksum, and the row that describes the whole says how many
 * rows there are, so that whatever the disk did to the file shows when it is
 * read. A damaged file is read as far as it goes; what becomes of it is the
 * caller's matter (disk_store.h).
 *
 * One thread at a time. Nothing here logs.
 */
#ifndef GW_DATABASE_H
#define GW_DATABASE_H

#include "io/changes.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"

struct gw_database;

/* How to make a schema out of the one before it: step n leads from version n
 * to n + 1, the first from an empty file. */
struct gw_database_schema {
    unsigned version; /* as many steps */
    const char *const *steps;
};
extern const struct gw_database_schema gw_database_schema;

struct gw_database_settings {
    const char *path;
    const char *vfs; /* NULL: SQLite's default; for tests */
    bool read_only;  /* it must be there, and is not changed */
    uint8_t id[16];  /* of the store, if the file is made now */
    const struct gw_database_schema *schema; /* NULL: the current one */
};

/* What the file says of itself. */
struct gw_database_meta {
    uint8_t id[16];
    uint64_t applied; /* last sequence number of the journal that is in it */
    uint64_t clock_s; /* the store's own clock at that time */
    uint64_t wall_s;  /* and the system's, since 1970 */
    uint64_t rows;
};

#define GW_DATABASE_WHY_MAX 256

/*
 * Opens the file; makes it, for its owner alone, when it is not there.
 *
 * MQTTSN_OK:        '*ret_database' is open; see gw_database_damaged.
 * MQTTSN_ENOTFOUND: there is no such file, and it is only to be read.
 * MQTTSN_EFIELD:    it is no database, or too damaged to read any of it.
 * MQTTSN_EPROTO:    it is another program's, or of a later version: it must
 *                   not be touched.
 * MQTTSN_EIO:       the system refused, or the disk is full.
 * MQTTSN_ENOSPACE:  no memory.
 * With all but OK 'why', of GW_DATABASE_WHY_MAX, says what is wrong.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_database_open(const struct gw_database_settings *settings,
                 struct gw_database **ret_database, char *why);

/* Copies the log into the file, as far as nobody reads it, and cuts it. What is
 * no use then, or fails, is tried again by others. */
void gw_database_shrink(struct gw_database *database);

/* It is not ours after all: closing it is to leave all files as they are. */
void gw_database_leave(struct gw_database *database);

/* NULL does nothing. */
void gw_database_close(struct gw_database *database);

/* Something of it is not as it was written. 'meta' is known nevertheless if
 * gw_database_meta says so. */
bool gw_database_damaged(const struct gw_database *database);

/* False: the row that says it is damaged; '*ret_meta' is as it was. */
bool gw_database_meta(const struct gw_database *database,
                      struct gw_database_meta *ret_meta);

struct gw_database_row {
    struct gw_key key;
    uint32_t at_s;
    struct mqttsn_span octets; /* borrowed for the call */
};
/* False stops. */
typedef bool gw_database_visit(void *user, const struct gw_database_row *row);

/*
 * All rows that are as they were written, ordered by kind, owner and item.
 * Others are passed over and counted; then gw_database_damaged is true.
 *
 * MQTTSN_OK:  done, or 'visit' stopped it.
 * MQTTSN_EIO: the disk cannot be read, or no memory; 'why' says.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_database_scan(struct gw_database *database, gw_database_visit *visit,
                 void *user, uint64_t *ret_lost, char *why);

/* Begins a snapshot: what is read until gw_database_close is of one moment, and
 * so is '*ret_meta', which is unchanged if the row is damaged. Results as of
 * gw_database_scan. */
MQTTSN_CHECKED enum mqttsn_status
gw_database_begin_read(struct gw_database *database,
                       struct gw_database_meta *ret_meta, char *why);

/*
 * One transaction, on the disk when it returns: 'begin', then deletions and
 * rows in any order, then 'commit' with what the file is to say of itself. Any
 * of them may fail; then 'cancel', and the file is as it was.
 *
 * MQTTSN_OK.
 * MQTTSN_ENOSPACE: the disk is full.
 * MQTTSN_EFIELD:   the file is damaged; a row to be deleted is not there.
 * MQTTSN_EIO:      anything else. 'why' says what.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_database_begin(struct gw_database *database, char *why);
MQTTSN_CHECKED enum mqttsn_status
gw_database_put(struct gw_database *database, const struct gw_database_row *row,
                char *why);
MQTTSN_CHECKED enum mqttsn_status
gw_database_delete(struct gw_database *database, struct gw_key key, char *why);

/* Deletes what there is of an owner in kinds below GW_JOURNAL_SHELL, and tells
 * of each. */
MQTTSN_CHECKED enum mqttsn_status
gw_database_delete_owner(struct gw_database *database, uint32_t owner,
                         void (*deleted)(void *user, struct gw_key key),
                         void *user, char *why);
MQTTSN_CHECKED enum mqttsn_status
gw_database_commit(struct gw_database *database,
                   const struct gw_database_meta *meta, char *why);
void gw_database_cancel(struct gw_database *database);

/* "3.40.1". */
const char *gw_database_version(void);

#endif
