/* SPDX-License-Identifier: MIT */
/*
 * journal_rig.h - a directory for a journal, a file system that fails when it
 * is told to, and a reader that writes down what it is given.
 */
#ifndef JOURNAL_RIG_H
#define JOURNAL_RIG_H

#include "io/journal.h"

#include "check.h"

struct rig {
    char directory[64];
    struct gw_journal_settings settings;
    struct gw_journal *journal;

    /* What rig_read found: "+kind/owner/item=octets -kind/owner/item --owner",
     * parted by blanks. */
    char text[16384];
    struct gw_journal_report report;
    uint64_t after; /* to be read from there */
};

/* A fresh directory; nothing is open. */
void rig_begin(struct rig *rig);
/* Closes the journal and removes the directory with all that is in it. */
void rig_end(struct rig *rig);

/* Reads, closes what was open, and opens behind what was found. */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Appends one record; the octets are a text. */
enum mqttsn_status rig_keep(struct rig *rig, uint8_t kind, uint32_t owner,
                            uint32_t item, const char *octets);
enum mqttsn_status rig_forget(struct rig *rig, uint8_t kind, uint32_t owner,
                              uint32_t item);

/* Reads everything above 'after' into 'text'. */
const char *rig_read(struct rig *rig);

/* Files in the directory whose name contains 'part'. */
unsigned rig_files(const struct rig *rig, const char *part);
/* The path of the n-th of them in the order of names. */
void rig_path(const struct rig *rig, const char *part, unsigned n, char *buf,
              size_t cap);

/* A whole file, to be freed, and its change. */
uint8_t *rig_load(const char *path, size_t *ret_len);
void rig_save(const char *path, const uint8_t *data, size_t len);

/* ---- faults ------------------------------------------------------------ */

/* Calls until it fails, counted down at each; 0: it works. With 'lasting' it
 * goes on failing. */
struct rig_fault {
    unsigned in;
    bool lasting;
    int why;        /* errno */
    size_t partial; /* octets that a failing write has written before */
};
extern struct rig_fault rig_open_fault, rig_write_fault, rig_truncate_fault,
    rig_sync_fault, rig_unlink_fault, rig_rename_fault, rig_read_fault;
extern unsigned rig_syncs; /* of files */
extern uint64_t rig_room;  /* octets that the disk has left, it says */

/* A disk that is stuck: whoever writes or syncs stands there until it is not
 * any more. */
void rig_stick(bool stuck);
/* Waits until somebody stands there. */
void rig_wait_for_stuck(void);

extern const struct gw_file_ops rig_files_faulty;

#endif
