/* SPDX-License-Identifier: MIT */
/*
 * disk_private.h - what the files of the disk store share: disk_open.c (files,
 * locks), disk_modes.c (whose they are), disk_restore.c (reading, mending),
 * disk_store.c (append, flush), disk_clock.c (the store's clock), disk_view.c
 * (looking from outside).
 */
#ifndef GW_DISK_PRIVATE_H
#define GW_DISK_PRIVATE_H

#include "changes.h"
#include "database.h"
#include "disk_store.h"

#include <pthread.h>

struct gw_disk {
    struct gw_disk_settings settings;
    const struct gw_file_ops *files;
    char path[GW_FILES_PATH_MAX];
    char directory[GW_FILES_PATH_MAX]; /* of the database */
    char name[256];                    /* of its file */
    char journal_directory[GW_FILES_PATH_MAX];
    bool one_device; /* has both directories */
    int lock_fd[2];  /* beside the database; with the journal if elsewhere */

    struct gw_database *database;
    struct gw_journal *journal; /* after the restore */
    struct gw_journal_settings journal_settings;
    struct gw_journal_report journal_report; /* of the start */
    bool is_new;
    bool damaged;
    bool gap; /* in the journal, until the next flush */

    /* The store's clock. */
    uint64_t clock_base_s;                /* at the moment below */
    uint64_t started_s;                   /* on the system's monotonic clock */
    uint64_t known_clock_s, known_wall_s; /* the database's; who flushes */
    bool ending;                          /* the next flush is the last */

    /* What the database does not know. */
    pthread_mutex_t lock;
    struct gw_changes *current;
    const struct gw_changes *flushing; /* on its way; only read */
    struct flush *taken;               /* the flush that draws a line */
    bool restored;                     /* from then on 'rows' is complete */
    bool behind;              /* something is in memory that the journal lacks,
                                 or may lose with the machine */
    uint64_t refusals;        /* how often that came about */
    pthread_cond_t flush_end; /* 'flushing' is NULL again */
    struct gw_disk_stats stats;

    /* The flushing thread's; others look under the lock. */
    struct gw_key_set rows;
    uint64_t row_count;
    uint64_t applied;
};

#define DISK_LATER                                                             \
    "a later version of the gateway has written to it: run that, or put a "    \
    "backup in its place"

/* ---- disk_open.c ---- */

/* "DIRECTORY" and "NAME" of a path. False: too long. */
bool disk_split(const char *path, char *ret_directory, size_t cap,
                char *ret_name, size_t name_cap);

/* Fills paths and journal settings but the id; a link in the place of the
 * database is followed. NULL, or why not. */
const char *disk_paths(struct gw_disk *disk,
                       const struct gw_disk_settings *settings);

/* Opens the database at 'disk->path', or makes one with that id. */
enum mqttsn_status disk_open_database(struct gw_disk *disk,
                                      const uint8_t id[16], char *why);

/* Renames the database, closed before, and what is beside it; logs it. */
enum mqttsn_status disk_set_aside(struct gw_disk *disk, const char *reason);

/* After a crash between the two renames of mending: finishes it. */
void disk_take_up_rescue(struct gw_disk *disk);

/* ---- disk_modes.c ---- */

/* Files that are there are the owner's alone, or made so. MQTTSN_EPROTO: one
 * may be somebody else's work; logged. */
enum mqttsn_status disk_check_modes(const struct gw_disk *disk);

/* ---- disk_restore.c ---- */

/* Journal records on top of a database, given out in order. 'row' is told of
 * each row of the database. */
struct disk_merge {
    struct gw_changes *changes;
    uint64_t clock_s;
    gw_disk_visit *visit;
    void *user;
    bool (*row)(void *row_user, struct gw_key key); /* NULL; false: stop */
    void *row_user;

    /* Private. */
    const struct gw_change *next;
    uint64_t records;
    bool stopped;
    bool later;   /* 'visit' did not know: */
    uint8_t kind; /* one of these */
};
/* MQTTSN_EPROTO: 'visit' stopped it. */
enum mqttsn_status disk_merge(struct disk_merge *merge,
                              struct gw_database *database, uint64_t *ret_lost,
                              char *why);

/* Makes a new database out of what can be read of the damaged one, and sets
 * that aside. On failure the database may be closed: it is tried again. */
enum mqttsn_status disk_mend(struct gw_disk *disk, char *why);

/* A predicate for changes when nobody knows yet. */
bool disk_stored_perhaps(void *user, struct gw_key key);

/* Applies an entry of the journal to a struct gw_changes. */
bool disk_apply_entry(void *changes, const struct gw_journal_entry *entry);

/* ---- disk_store.c ---- */

/* Adds a row that the database has now. False: no memory. */
bool disk_add_row(struct gw_disk *disk, struct gw_key key);

/* As the journal's settings want it. */
void disk_appended(void *disk, const struct gw_journal_record records[],
                   size_t count, uint32_t at_s);

/* ---- disk_clock.c ---- */

/* The store's clock, for the journal. */
uint32_t disk_clock_s(void *disk);

uint64_t disk_now_s(const struct gw_disk_settings *settings);
uint64_t disk_wall_s(const struct gw_disk_settings *settings);

/* The store's clock now, from what a file says of itself. */
uint64_t disk_clock_from(const struct gw_database_meta *meta,
                         uint32_t journal_at_s, uint64_t wall_s);

/* The database has these now: of a start, or of a flush. */
void disk_clock_known(struct gw_disk *disk,
                      const struct gw_database_meta *meta);

/* Whether a restart could not tell from the database how old its rows are: it
 * is an hour behind, or knows no wall clock while there is one; or the end has
 * come, and it is behind at all. */
bool disk_clock_is_stale(struct gw_disk *disk);

#endif
