/* SPDX-License-Identifier: MIT */
/*
 * changes.h - what the database does not know yet, net: the last word on each
 * key. What is kept and forgotten in between leaves nothing behind.
 *
 * Not locked, but for what gw_changes_sort says.
 */
#ifndef GW_CHANGES_H
#define GW_CHANGES_H

#include "io/journal.h"
#include "io/key_set.h"

#include <pthread.h>
#include <uthash.h>

/* The last word on one key; to be read only. */
struct gw_change {
    struct gw_key key;
    uint32_t at_s;
    uint32_t len;
    bool keep; /* else the record is to be deleted */

    struct gw_change *owner_prev, *owner_next;
    UT_hash_handle hh;
    uint8_t octets[];
};

/* What is about an owner as a whole; to be read only. */
struct gw_changed_owner {
    uint32_t owner;
    bool forgotten; /* what the database has of it is deleted before all else */
    struct gw_change *changes; /* of kinds below GW_JOURNAL_SHELL */
    UT_hash_handle hh;
};

struct gw_changes {
    struct gw_change *changes; /* to be walked with hh.next */
    struct gw_changed_owner *owners;
    size_t octets;   /* of memory, about */
    bool incomplete; /* memory ran out: something is missing */
};

/* Whether the database may have that key; with the kind GW_KEY_OWNER, whether
 * it may have anything of that owner. */
typedef bool gw_changes_stored(void *user, struct gw_key key);
#define GW_KEY_OWNER 255u

/* NULL: no memory. */
struct gw_changes *gw_changes_new(void);
void gw_changes_free(struct gw_changes *changes);

/* Takes one record. Without memory 'incomplete' is set. */
void gw_changes_apply(struct gw_changes *changes,
                      const struct gw_journal_record *record, uint32_t at_s,
                      gw_changes_stored *stored, void *user);

/* Puts 'later' on top of 'earlier', and frees 'later'. */
void gw_changes_merge(struct gw_changes *earlier, struct gw_changes *later,
                      gw_changes_stored *stored, void *user);

/* Orders the walk by kind, owner and item. Others may look keys up meanwhile,
 * with 'lock'; NULL where there is nobody else. */
void gw_changes_sort(struct gw_changes *changes, pthread_mutex_t *lock);
int gw_key_compare(struct gw_key a, struct gw_key b);

/* Takes out deletions of what 'stored' does not know. */
void gw_changes_prune(struct gw_changes *changes, gw_changes_stored *stored,
                      void *user);

/* Whether there is anything about the key, or, with GW_KEY_OWNER, the owner. */
bool gw_changes_mention(const struct gw_changes *changes, struct gw_key key);

/* Whether the database's records of that owner are to be deleted. */
bool gw_changes_forget_owner(const struct gw_changes *changes, uint32_t owner);

bool gw_changes_are_none(const struct gw_changes *changes);

#endif
