/* SPDX-License-Identifier: MIT */
/* In a build without SQLite there is no store on a disk. */
#include "disk_store.h"

#include <errno.h>
#include <string.h>

#include "log.h"

static const char text[] = "this build has no SQLite";

enum mqttsn_status gw_disk_open(const struct gw_disk_settings *settings,
                                struct gw_disk **ret_disk)
{
    (void)ret_disk;
    gw_err("store", "cannot_open", "path=%s reason=%s",
           gw_log_text(settings->path), gw_log_text(text));
    return MQTTSN_EPROTO;
}

enum mqttsn_status gw_disk_look(const struct gw_disk_settings *settings,
                                gw_disk_visit *visit, void *user,
                                struct gw_disk_report *ret_report, char *why)
{
    (void)settings;
    (void)visit;
    (void)user;
    (void)ret_report;
    strcpy(why, text);
    return MQTTSN_EPROTO;
}

enum mqttsn_status gw_disk_copy(const struct gw_disk_settings *settings,
                                const char *to,
                                struct gw_disk_report *ret_report, char *why)
{
    (void)settings;
    (void)to;
    (void)ret_report;
    strcpy(why, text);
    return MQTTSN_EPROTO;
}

const char *gw_disk_sqlite_version(void)
{
    return "none";
}

bool gw_disk_available(void)
{
    return false;
}

/* ---- of a store that cannot be opened ---------------------------------- */

enum mqttsn_status gw_disk_restore(struct gw_disk *disk, gw_disk_visit *visit,
                                   void *user,
                                   struct gw_disk_report *ret_report)
{
    (void)disk;
    (void)visit;
    (void)user;
    (void)ret_report;
    return MQTTSN_EPROTO;
}

enum mqttsn_status gw_disk_append(struct gw_disk *disk,
                                  const struct gw_journal_record records[],
                                  size_t count)
{
    (void)disk;
    (void)records;
    (void)count;
    errno = ENOSYS;
    return MQTTSN_EIO;
}

struct gw_journal *gw_disk_journal(struct gw_disk *disk)
{
    (void)disk;
    return NULL;
}

bool gw_disk_wants_flush(struct gw_disk *disk)
{
    (void)disk;
    return false;
}

enum mqttsn_status gw_disk_flush(struct gw_disk *disk, char *why)
{
    (void)disk;
    strcpy(why, text);
    return MQTTSN_EPROTO;
}

void gw_disk_ends(struct gw_disk *disk)
{
    (void)disk;
}

void gw_disk_stats(struct gw_disk *disk, struct gw_disk_stats *ret)
{
    (void)disk;
    *ret = (struct gw_disk_stats){0};
}

void gw_disk_close(struct gw_disk *disk)
{
    (void)disk;
}
