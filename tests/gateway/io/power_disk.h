/* SPDX-License-Identifier: MIT */
/*
 * power_disk.h - a directory on a disk whose power can be cut: it remembers
 * which octets and which names were synced, below the journal's calls and
 * below SQLite alike.
 *
 * While the power is on everything goes to real files, so that the store sees
 * what it wrote. At the cut the operation under way and all later ones fail;
 * power_return then makes the directory what the disk would hold. Octets that
 * were not synced survive, or do not, write by write and each up to a border
 * of sectors, a sector with all that was written to it before; names that were
 * not synced one by one. Where a write is missing before another, a file has
 * zeros.
 *
 * There is one such disk at a time, for one thread.
 */
#ifndef POWER_DISK_H
#define POWER_DISK_H

#include "io/files.h"

#define POWER_VFS "power"
#define POWER_SECTOR 512u

extern const struct gw_file_ops power_files;

/* A new, empty directory. Returns its path, which stays until power_end. */
const char *power_begin(uint64_t seed);
void power_end(void);

/* The operation that is the n-th from now meets the cut; 0: none does. */
void power_cut_in(unsigned n);
/* Now. */
void power_cut(void);
bool power_is_off(void);
/* Operations since power_begin that change the disk, or sync it. */
unsigned power_operations(void);

enum power_loss {
    POWER_KILL, /* of the process only: the system writes all of it */
    POWER_NONE, /* nothing survives that was not synced */
    POWER_DICE, /* something does */
    POWER_LOSSES
};
/* With everything closed. */
void power_return(enum power_loss loss);

/* Random numbers below 'n', as the seed has it; 'state' is the seed. */
uint32_t power_random(uint64_t *state, uint32_t n);

#endif
