/* SPDX-License-Identifier: MIT */
/*
 * disk_store.h - journal and database as one store.
 *
 * A record that was appended is in the journal (journal.h) and among the
 * changes in memory; a flush brings the net of them into the database and
 * drops the journal up to there. At a start the store is the database with the
 * journal on top.
 *
 * What is damaged is set aside under another name, said in the log, and the
 * rest is used: a start succeeds unless the files belong to another program,
 * another process or a later version, or the system refuses to open, read or
 * write them. An error of the system is no damage: nothing is changed then, the
 * log says why, and another start may find the disk in order.
 *
 * The store has a clock of its own, in seconds, that goes on while the gateway
 * runs and is kept with every record, so that a restart knows how old a message
 * is, on machines without a clock, too. Time while the gateway did not run
 * counts as far as the system's clock can be believed.
 *
 * Life: gw_disk_open, gw_disk_restore once, then append and flush, then
 * gw_disk_close. Appending is for any thread, also through gw_disk_journal;
 * flushing for one thread at a time; the rest for one thread while no other
 * uses it.
 */
#ifndef GW_DISK_STORE_H
#define GW_DISK_STORE_H

#include "io/journal.h"

struct gw_disk;

/* Strings are copied. */
struct gw_disk_settings {
    const char *path;         /* of the database */
    const char *journal_path; /* directory; NULL: that of the database */
    bool full;                /* durability: appended means synced */

    /* For tests and simulations; NULL: the system's. */
    const struct gw_file_ops *files;
    const char *vfs;                /* of SQLite, by name */
    uint64_t (*now_s)(void *user);  /* monotonic; any thread */
    uint64_t (*wall_s)(void *user); /* since 1970 */
    void *user;
};

/* More than this in the journal, or of changes in memory, asks for a flush
 * (gw_disk_wants_flush); more than the second fails an append. */
#define GW_DISK_SOFT (4u << 20)
#define GW_DISK_HARD (16u << 20)

/*
 * Makes the directories, takes the lock, opens or makes the database, reads
 * the journal.
 *
 * MQTTSN_OK:     '*ret_disk' is new.
 * MQTTSN_EPROTO: another process has it, or it is not ours to touch.
 * MQTTSN_EIO:    it cannot be opened.
 * MQTTSN_ENOSPACE: no memory.
 * What is wrong has been logged.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_disk_open(const struct gw_disk_settings *settings,
             struct gw_disk **ret_disk);

struct gw_disk_entry {
    uint8_t kind;
    uint32_t owner;
    uint32_t item;
    uint64_t age_s;            /* since it was kept */
    struct mqttsn_span octets; /* borrowed for the call */
};
/* False: a later version has written it. Nothing more is given out then. */
typedef bool gw_disk_visit(void *user, const struct gw_disk_entry *entry);

struct gw_disk_report {
    uint64_t records; /* given out */
    uint64_t lost;    /* damaged, or missing from the database */
    uint64_t journal; /* records of the journal on top of the database */
    uint64_t rows;    /* of the database */
    bool is_new;      /* there was nothing */
    bool damaged;     /* something is missing or was set aside */
    bool torn;        /* the journal ends in half a record, or a damaged one */
};

/*
 * Gives out every record, ordered by kind, owner and item. Afterwards the store
 * takes new ones. 'visit' must not append.
 *
 * MQTTSN_OK:  '*ret_report' says what there was.
 * MQTTSN_EPROTO: something is of a later version; logged. Every record is as it
 *                was and stays so, beside an empty file of the journal that the
 *                start has made; it is only to be closed.
 * MQTTSN_EIO, MQTTSN_ENOSPACE: it cannot be read, or not be written; logged.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_disk_restore(struct gw_disk *disk, gw_disk_visit *visit, void *user,
                struct gw_disk_report *ret_report);

/*
 * Appends all of them with one write, and in 'full' syncs them. What the
 * journal refuses, or cannot sync, is nevertheless in memory and comes into the
 * database with the next flush that succeeds, as far as there is room: the
 * engine has it so, and the disk follows. Until then everything is refused, so
 * that nothing is on the disk without what came before it; a flush under way is
 * waited for. Any thread but the one that flushes.
 *
 * MQTTSN_OK: they are as durable as configured.
 * MQTTSN_ENOSPACE, MQTTSN_EIO: they are not; errno says why. Beyond
 * GW_DISK_HARD in memory the first KEEP of something is left out, but that of a
 * message for nodes and of its places.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_disk_append(struct gw_disk *disk, const struct gw_journal_record records[],
               size_t count);

/* The journal, for records of other threads; lives as long as the store.
 * Nothing is to be appended before gw_disk_restore. */
struct gw_journal *gw_disk_journal(struct gw_disk *disk);

/* Whether there is so much that the next flush should not wait. Any thread. */
bool gw_disk_wants_flush(struct gw_disk *disk);

/*
 * Brings everything so far into the database. Without anything new it does
 * nothing, but that once in an hour the database learns what time it is.
 *
 * MQTTSN_OK.
 * MQTTSN_ENOSPACE, MQTTSN_EIO, MQTTSN_EFIELD: nothing has changed, another
 * call will try it all again; 'why', of GW_DISK_WHY_MAX, says what is wrong.
 */
#define GW_DISK_WHY_MAX 256
MQTTSN_CHECKED enum mqttsn_status gw_disk_flush(struct gw_disk *disk,
                                                char *why);

/* The next flush is the last before the end of the process: the time comes into
 * the database though nothing else is new. The thread that flushes. */
void gw_disk_ends(struct gw_disk *disk);

/* For figures and counters. Any thread. */
struct gw_disk_stats {
    struct gw_journal_stats journal;
    uint64_t flushes; /* that wrote something */
    uint64_t flush_errors;
    uint64_t rows_written; /* kept in the database */
    uint64_t rows_deleted;
    uint64_t rows;           /* there now */
    uint64_t journal_octets; /* there now */
    uint64_t change_octets;  /* of memory, now */
};
void gw_disk_stats(struct gw_disk *disk, struct gw_disk_stats *ret);

/* Closes everything; what was not flushed is in the journal. NULL is fine. */
void gw_disk_close(struct gw_disk *disk);

/* ---- looking at a store ------------------------------------------------ */

/*
 * A look at the store as it is at this moment, also while a gateway runs on
 * it: nothing is changed. Entries as of gw_disk_restore.
 *
 * MQTTSN_OK.
 * MQTTSN_ENOTFOUND: there is none.
 * MQTTSN_EPROTO:    of another program or a later version.
 * MQTTSN_EFIELD:    too damaged to be read at all.
 * MQTTSN_EIO, MQTTSN_ENOSPACE: the system refused.
 * With all but OK 'why' says what is wrong.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_disk_look(const struct gw_disk_settings *settings, gw_disk_visit *visit,
             void *user, struct gw_disk_report *ret_report, char *why);

/*
 * Writes that look into a new database of its own, 'to', which must not exist
 * yet, and which may be put in the place of 'path'. Its journal is empty.
 *
 * As gw_disk_look; MQTTSN_EINVAL: 'to' exists. What is not complete is
 * removed.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_disk_copy(const struct gw_disk_settings *settings, const char *to,
             struct gw_disk_report *ret_report, char *why);

/* "3.40.1", or "none": this build has no SQLite, and all the above fails. */
const char *gw_disk_sqlite_version(void);
bool gw_disk_available(void);

#endif
