/* SPDX-License-Identifier: MIT */
/*
 * Whose files they are. Topics, payloads and wills are in them: they are the
 * owner's alone, the journal and what SQLite has beside the database as well as
 * that. One that others could read is repaired, with a warning, because to
 * refuse would undo nothing; one that others could write, or own, may hold
 * anything and is refused.
 */
#include "disk_private.h"
#include "journal_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* NULL: it is in order, or is to be made. */
static const char *judge(const char *path)
{
    struct stat there;

    if (lstat(path, &there) != 0)
        return NULL;
    if (!S_ISREG(there.st_mode))
        return "it is not a regular file";
    if (there.st_uid != geteuid() && there.st_uid != 0)
        return "it belongs to another user";
    if (there.st_mode & 022)
        return "others may write to it: if that was intended by nobody, look "
               "at it before 'chmod 600'";
    if ((there.st_mode & 077) == 0)
        return NULL;
    if (chmod(path, 0600) != 0)
        return "others may read it, and its mode cannot be changed";
    gw_warn("store", "mode_repaired",
            "path=%s mode=%03o reason=\"others could read it; it is the "
            "owner's alone now\"",
            gw_log_text(path), (unsigned)there.st_mode & 0777);
    return NULL;
}

static bool is_in_order(const char *path)
{
    const char *why = judge(path);

    if (why != NULL)
        gw_err("store", "cannot_open", "path=%s reason=%s", gw_log_text(path),
               gw_log_text(why));
    return why == NULL;
}

/* A link in the place of a file is none of ours, and is replaced, not followed,
 * when it is in the way. */
static bool is_link(const char *path)
{
    struct stat there;

    return lstat(path, &there) == 0 && S_ISLNK(there.st_mode);
}

static bool journal_in_order(const struct gw_disk *d)
{
    struct journal_file *files = NULL;
    char path[GW_FILES_PATH_MAX];
    size_t count = 0;
    bool ok = true;

    if (!journal_list(&d->journal_settings, &files, &count))
        return true; /* whoever reads it says why */
    for (size_t i = 0; i < count && ok; i++) {
        ok = !journal_path(&d->journal_settings, files[i].first, path,
                           sizeof(path)) ||
             is_link(path) || is_in_order(path);
    }
    free(files);
    return ok;
}

enum mqttsn_status disk_check_modes(const struct gw_disk *d)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[GW_FILES_PATH_MAX + 8];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", d->path, suffixes[i]);
        if (!is_in_order(path))
            return MQTTSN_EPROTO;
    }
    return journal_in_order(d) ? MQTTSN_OK : MQTTSN_EPROTO;
}
