/* SPDX-License-Identifier: MIT */
/*
 * power_private.h - what the two doors of the disk share: power_disk.c (the
 * disk, and the journal's calls), power_vfs.c (SQLite's).
 */
#ifndef POWER_PRIVATE_H
#define POWER_PRIVATE_H

#include "power_disk.h"

#define POWER_NO_FILE (-1)

/* What is behind the last '/'. */
const char *power_base(const char *path);

bool power_has(const char *name);
/* The number of the file of that name, until it is closed; it is noted as new
 * if there is none. */
int power_opened(const char *name);
void power_closed(int file);

/* One more operation. False: it is not done, for the power is off; what it
 * would write may be on its way already, which the caller notes first. */
bool power_operate(void);

/* Not synced: octets at a place, or with NULL the end of the file there. */
void power_note_change(int file, int64_t at, const void *octets, size_t len);
/* Not synced: 'from' is "" where the name is new, 'to' where it is removed. */
void power_note_renaming(const char *from, const char *to, int file);

void power_sync_octets(int file);
void power_sync_names(void);

void power_register_vfs(void);

#endif
