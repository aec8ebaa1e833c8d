/* SPDX-License-Identifier: MIT */
/*
 * journal.h - what was stored last, as a file that is only ever added to.
 *
 * A record says: keep these octets under a key, forget a key, or forget all of
 * one owner. A key is (kind, owner, item); what is kept replaces what had the
 * same key. A record is in the file, and so outlives the process, when
 * gw_journal_append returns; it outlives the machine when gw_journal_sync
 * says so, which it does with 'sync' only. The database follows now and then
 * (disk_store.h), and what it has the journal drops.
 *
 * The journal is a row of files, "NAME.jSEQUENCE", each begun by
 * gw_journal_rotate or at a start, never continued by a later process, and
 * dropped whole. Every record has a sequence number, one above the last one's
 * across all files, the second in which it was written, and a checksum that
 * begins with the id of the store: octets that a node chose cannot pass for a
 * record.
 *
 * A failed append leaves the file as it was before, so that the next one may
 * succeed. If even that fails, the next append begins a file of its own.
 *
 * Threads: append and sync may be called by any thread at any time; the others
 * by one thread that owns the journal. A thread that appends waits at most for
 * the write of another one; who asks for figures waits for nothing.
 *
 * Not supported: reading while it is open, but by another journal_read (another
 * process may look).
 */
#ifndef GW_JOURNAL_H
#define GW_JOURNAL_H

#include "io/files.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"

enum gw_journal_verb {
    GW_JOURNAL_KEEP = 1,
    GW_JOURNAL_FORGET,
    GW_JOURNAL_FORGET_OWNER, /* of kinds below GW_JOURNAL_SHELL */
};

/* Kinds below are the engine's (enum gw_record_kind), those above the shell's.
 * The numbers are on disks: they never change. */
#define GW_JOURNAL_SHELL 64
enum gw_shell_kind {
    GW_SHELL_ARRIVAL = 64, /* a message that the engine has not taken over;
                            * owner 0, item: a running number */
    GW_SHELL_LIBRARY = 65, /* what the client library persists */
    GW_SHELL_TOKEN = 66,   /* which EXCHANGE a packet id belongs to */
};

struct gw_journal_record {
    uint8_t verb; /* enum gw_journal_verb */
    uint8_t kind; /* not with FORGET_OWNER */
    uint32_t owner;
    uint32_t item;             /* not with FORGET_OWNER */
    struct mqttsn_span octets; /* with KEEP only */
};

/* The most octets of one record. */
#define GW_JOURNAL_OCTETS_MAX (128u * 1024)

struct gw_journal;

/* Everything is borrowed until gw_journal_close. */
struct gw_journal_settings {
    const char *directory;
    const char *name;
    uint8_t id[16]; /* of the store; a journal of another one is refused */
    bool sync;      /* durability = full */
    uint64_t limit; /* octets of all files together; then appends fail */
    const struct gw_file_ops *files; /* NULL: the system's */

    /* The second that records are stamped with; NULL: 0. */
    uint32_t (*clock_s)(void *user);

    /* Told of what was appended, in order, under the journal's lock: short,
     * and without a call of the journal's. May be NULL. */
    void (*appended)(void *user, const struct gw_journal_record records[],
                     size_t count, uint32_t at_s);
    void *user;
};

/* ---- writing ----------------------------------------------------------- */

struct gw_journal_report;

/*
 * Begins a new file whose first record will have the sequence number 'next'.
 * Files that are there are counted in the limit and dropped with the rest, but
 * not touched. 'found' is what gw_journal_read said of them; NULL: nothing.
 *
 * MQTTSN_OK:       '*ret_journal' is new.
 * MQTTSN_EIO:      the file cannot be made; errno says why.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_journal_open(const struct gw_journal_settings *settings, uint64_t next,
                const struct gw_journal_report *found,
                struct gw_journal **ret_journal);

/* Ends it; what was appended stays. Waits for whoever writes or syncs. It is
 * freed, but for those that hold it. NULL does nothing. */
void gw_journal_close(struct gw_journal *journal);

/* Whoever may go on using it while it is closed holds it: appends fail then,
 * with EBADF. Any thread. */
void gw_journal_hold(struct gw_journal *journal);
void gw_journal_let_go(struct gw_journal *journal);

/*
 * Writes all records with one write, or none. Any thread.
 *
 * MQTTSN_OK:       they outlive the process. '*ret_sequence', which may be
 *                  NULL, is the number of the last one, for gw_journal_sync.
 * MQTTSN_EINVAL:   a record is longer than GW_JOURNAL_OCTETS_MAX.
 * MQTTSN_ENOSPACE: the limit is reached, the disk is full, or no memory.
 * MQTTSN_EIO:      another error of the system; errno says which.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_journal_append(struct gw_journal *journal,
                  const struct gw_journal_record records[], size_t count,
                  uint64_t *ret_sequence);

/*
 * Waits until the record 'sequence' outlives the machine; threads that wait
 * at the same time share one sync of the file. Without 'sync' there is nothing
 * to wait for. Any thread.
 *
 * MQTTSN_OK:  everything up to it is on the disk, or 'sync' is off.
 * MQTTSN_EIO: the disk refused, errno says why; whether it is there nobody
 *             knows.
 */
MQTTSN_CHECKED enum mqttsn_status gw_journal_sync(struct gw_journal *journal,
                                                  uint64_t sequence);

/* Both: appends one record, and returns when it is as durable as configured.
 * Results as of the two. Any thread. */
MQTTSN_CHECKED enum mqttsn_status
gw_journal_put(struct gw_journal *journal,
               const struct gw_journal_record *record);

/*
 * Draws a line: 'rotated' is called under the lock, so that whoever follows
 * 'appended' can part what is before from what is after, and the number of the
 * last record before it is returned. The journal goes on in a new file, if one
 * can be made.
 */
uint64_t gw_journal_rotate(struct gw_journal *journal,
                           void (*rotated)(void *user));

/* Removes the files whose records are all up to 'sequence', or empties the one
 * in use; those that gw_journal_read found damaged are set aside instead. What
 * cannot be removed is tried again the next time: reading passes over what is
 * in it. Returns how many are left of them. */
unsigned gw_journal_drop(struct gw_journal *journal, uint64_t sequence);

/* Octets of all files. Any thread. */
uint64_t gw_journal_octets(struct gw_journal *journal);

/* What was written since the start, for figures. Any thread. */
struct gw_journal_stats {
    uint64_t records, octets, writes, syncs, failures;
};
void gw_journal_stats(struct gw_journal *journal, struct gw_journal_stats *ret);

/* ---- reading ----------------------------------------------------------- */

/* A record as it is read; 'octets' is borrowed for the call. False stops. */
struct gw_journal_entry {
    struct gw_journal_record record;
    uint64_t sequence;
    uint32_t at_s;
};
typedef bool gw_journal_visit(void *user, const struct gw_journal_entry *entry);

/* What reading found. */
#define GW_JOURNAL_BAD_MAX 16
struct gw_journal_report {
    uint64_t first;   /* of all files, as their names say; 0: there is none */
    uint64_t last;    /* highest sequence number; 'after' if there is none */
    uint64_t records; /* visited */
    uint64_t octets;  /* of all files that are this store's */
    uint32_t last_at_s;
    unsigned files;
    unsigned torn;    /* files that end in the middle of a record: normal after
                       * a crash */
    unsigned damaged; /* files with octets that are no record, or missing ones;
                       * what could be read was visited */
    uint64_t passed;  /* FORGETs that were not visited, see below */
    unsigned foreign; /* files of another store, which were not read */
    char first_bad[96]; /* name of the first file that is damaged or foreign */
    uint64_t bad[GW_JOURNAL_BAD_MAX]; /* of the damaged: their first numbers */
};

/*
 * Visits all records with numbers above 'after', in order;
 * GW_JOURNAL_FROM_FIRST: all there are. Only 'directory', 'name', 'id' and
 * 'files' of the settings are used.
 *
 * A record that is cut off by the end of its file was never acknowledged to
 * anybody: it is passed over. Where octets in the middle are damaged, each
 * record behind them is judged by itself, but from there on nothing is
 * forgotten: a FORGET may be about something whose successor was lost, and a
 * message too often is better than one too few.
 *
 * MQTTSN_OK:       done, or 'visit' stopped it.
 * MQTTSN_EPROTO:   a later version has written to it: a head, or a verb, that
 *                  is unknown here and whose checksum is right.
 * MQTTSN_EIO:      a file or the directory cannot be read; errno says why.
 * MQTTSN_ENOSPACE: no memory.
 */
#define GW_JOURNAL_FROM_FIRST UINT64_MAX
MQTTSN_CHECKED enum mqttsn_status
gw_journal_read(const struct gw_journal_settings *settings, uint64_t after,
                gw_journal_visit *visit, void *user,
                struct gw_journal_report *ret_report);

/* Renames all files of another store, so that they are not in the way. Returns
 * how many; the name of the last one in 'ret_path', of GW_FILES_PATH_MAX. */
unsigned
gw_journal_set_foreign_aside(const struct gw_journal_settings *settings,
                             char *ret_path);

/* The id of the store that the journal in 'directory' belongs to; false when
 * there is no file with a readable head. */
bool gw_journal_owner(const struct gw_journal_settings *settings,
                      uint8_t ret_id[16]);

#endif
