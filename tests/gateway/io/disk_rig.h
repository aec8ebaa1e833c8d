/* SPDX-License-Identifier: MIT */
/*
 * disk_rig.h - a store on a disk in a directory of its own, beside a model of
 * it: a plain list of what must be there.
 */
#ifndef DISK_RIG_H
#define DISK_RIG_H

#include "io/disk_store.h"

#include "journal_rig.h"

struct disk_record {
    uint8_t kind;
    uint32_t owner, item;
    uint64_t age_s;
    uint8_t octets[80];
    size_t len;
};

struct disk_list {
    struct disk_record *records;
    size_t count, cap;
    uint8_t unknown; /* a kind, as if a later version had written it; or 0 */
};

struct disk_rig {
    char directory[64];
    char path[96];
    struct gw_disk_settings settings;
    struct gw_disk *disk;
    struct gw_disk_report report;
    struct disk_list model; /* what was appended, net */
    struct disk_list found; /* what the last restore or look gave */
    uint64_t now_s, wall_s;
    char why[GW_DISK_WHY_MAX];
};

/* A fresh directory, nothing open. */
void disk_begin(struct disk_rig *rig);
void disk_end(struct disk_rig *rig);

/* Opens and restores into 'found'. */
enum mqttsn_status disk_try_open(struct disk_rig *rig);
void disk_open(struct disk_rig *rig); /* it must succeed */
void disk_shut(struct disk_rig *rig); /* without a flush, as a kill */

/* Appends, and does the same to the model if it was taken. */
enum mqttsn_status disk_keep(struct disk_rig *rig, uint8_t kind, uint32_t owner,
                             uint32_t item, const char *octets);
enum mqttsn_status disk_forget(struct disk_rig *rig, uint8_t kind,
                               uint32_t owner, uint32_t item);
enum mqttsn_status disk_forget_owner(struct disk_rig *rig, uint32_t owner);
void disk_flush(struct disk_rig *rig); /* it must succeed */

/* Found and model are the same. */
void disk_check(const struct disk_rig *rig);
/* Restarts and checks. */
void disk_reopen(struct disk_rig *rig);

const struct disk_record *disk_find(const struct disk_list *list, uint8_t kind,
                                    uint32_t owner, uint32_t item);

/* Files in the directory whose name contains 'part'. */
unsigned disk_files(const struct disk_rig *rig, const char *part);
/* Its path, when there is one. */
void disk_file(const struct disk_rig *rig, const char *part, char *buf,
               size_t cap);
void disk_remove(const struct disk_rig *rig, const char *part);

/* As gw_disk_visit, into a struct disk_list. */
bool disk_note(void *list, const struct gw_disk_entry *entry);

#endif
