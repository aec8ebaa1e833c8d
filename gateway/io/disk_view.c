/* SPDX-License-Identifier: MIT */
/*
 * A look at a store from outside, while its gateway may run: a snapshot of the
 * database first, then the journal beyond it. If the gateway has flushed in
 * between, what it dropped is missing from the journal; then it is done again.
 */
#include "disk_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ATTEMPTS 20u

struct view {
    struct gw_disk paths; /* of this only the paths are used */
    struct gw_database *database;
    struct gw_database_meta meta;
    struct gw_changes *changes;
    struct gw_journal_report journal;
};

static void close_view(struct view *v)
{
    gw_database_close(v->database);
    gw_changes_free(v->changes);
    v->database = NULL;
    v->changes = NULL;
}

static enum mqttsn_status try_view(struct view *v, char *why)
{
    const struct gw_database_settings settings = {
        .path = v->paths.path, .vfs = v->paths.settings.vfs, .read_only = true};
    struct gw_journal_settings *journal = &v->paths.journal_settings;
    enum mqttsn_status status;

    v->meta = (struct gw_database_meta){0};
    status = gw_database_open(&settings, &v->database, why);
    if (status != MQTTSN_OK)
        return status;
    v->changes = gw_changes_new();
    if (v->changes == NULL) {
        strcpy(why, "no memory");
        return MQTTSN_ENOSPACE;
    }
    /* The snapshot is of the first read, not of BEGIN. */
    status = gw_database_begin_read(v->database, &v->meta, why);
    if (status != MQTTSN_OK)
        return status;
    memcpy(journal->id, v->meta.id, sizeof(journal->id));
    status = gw_journal_read(journal, v->meta.applied, disk_apply_entry,
                             v->changes, &v->journal);
    if (status == MQTTSN_EIO && errno == ENOENT) {
        /* A tmpfs after a reboot: no journal is an empty journal. */
        v->journal = (struct gw_journal_report){.last = v->meta.applied};
        status = MQTTSN_OK;
    }
    if (status == MQTTSN_OK && v->changes->incomplete)
        status = MQTTSN_ENOSPACE;
    if (status != MQTTSN_OK)
        snprintf(why, GW_DISK_WHY_MAX, "the journal: %s",
                 status == MQTTSN_ENOSPACE ? "no memory"
                 : status == MQTTSN_EPROTO ? DISK_LATER
                                           : strerror(errno));
    return status;
}

static enum mqttsn_status
open_view(struct view *v, const struct gw_disk_settings *settings, char *why)
{
    enum mqttsn_status status = MQTTSN_EIO;
    const char *wrong;

    memset(v, 0, sizeof(*v));
    wrong = disk_paths(&v->paths, settings);
    if (wrong != NULL) {
        snprintf(why, GW_DISK_WHY_MAX, "%s", wrong);
        return MQTTSN_EIO;
    }
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        status = try_view(v, why);
        if (status != MQTTSN_OK || v->journal.damaged == 0)
            break;
        /* Really damaged, or dropped meanwhile? The last look decides. */
        if (i + 1 < ATTEMPTS)
            close_view(v);
    }
    if (status != MQTTSN_OK)
        close_view(v);
    return status;
}

static enum mqttsn_status walk(struct view *v, gw_disk_visit *visit, void *user,
                               struct gw_disk_report *ret_report, char *why)
{
    struct disk_merge merge = {
        .changes = v->changes,
        .clock_s = disk_clock_from(&v->meta, v->journal.last_at_s,
                                   disk_wall_s(&v->paths.settings)),
        .visit = visit,
        .user = user};
    uint64_t lost = 0;
    enum mqttsn_status status = disk_merge(&merge, v->database, &lost, why);

    if (status != MQTTSN_OK)
        return status;
    *ret_report = (struct gw_disk_report){
        .records = merge.records,
        .lost = lost,
        .journal = v->journal.records,
        .rows = v->meta.rows,
        .damaged = gw_database_damaged(v->database) || v->journal.damaged != 0};
    return MQTTSN_OK;
}

enum mqttsn_status gw_disk_look(const struct gw_disk_settings *settings,
                                gw_disk_visit *visit, void *user,
                                struct gw_disk_report *ret_report, char *why)
{
    struct view v;
    enum mqttsn_status status = open_view(&v, settings, why);

    if (status != MQTTSN_OK)
        return status;
    status = walk(&v, visit, user, ret_report, why);
    close_view(&v);
    return status;
}

/* ---- copy -------------------------------------------------------------- */

struct copy {
    struct gw_database *to;
    uint64_t clock_s, rows;
    enum mqttsn_status status;
    char *why;
};

static bool copy_entry(void *user, const struct gw_disk_entry *entry)
{
    struct copy *c = user;
    struct gw_database_row row = {
        .key = {entry->kind, entry->owner, entry->item},
        .at_s = (uint32_t)(c->clock_s - entry->age_s),
        .octets = entry->octets};

    if (c->status != MQTTSN_OK)
        return true;
    c->status = gw_database_put(c->to, &row, c->why);
    c->rows += c->status == MQTTSN_OK;
    return true; /* whoever has written it: it is copied as it is */
}

static enum mqttsn_status fill_copy(struct copy *c, struct view *v,
                                    struct gw_disk_report *ret_report)
{
    struct gw_database_meta meta;
    enum mqttsn_status status;

    c->clock_s = disk_clock_from(&v->meta, v->journal.last_at_s,
                                 disk_wall_s(&v->paths.settings));
    c->status = gw_database_begin(c->to, c->why);
    if (c->status != MQTTSN_OK)
        return c->status;
    status = walk(v, copy_entry, c, ret_report, c->why);
    if (c->status == MQTTSN_OK)
        c->status = status;
    if (c->status == MQTTSN_OK && !gw_database_meta(c->to, &meta))
        c->status = MQTTSN_EFIELD;
    if (c->status != MQTTSN_OK)
        return c->status;
    meta.clock_s = c->clock_s;
    meta.wall_s = disk_wall_s(&v->paths.settings);
    meta.rows = c->rows;
    return gw_database_commit(c->to, &meta, c->why);
}

static void remove_copy(const struct gw_file_ops *files, const char *to)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[GW_FILES_PATH_MAX];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", to, suffixes[i]);
        (void)files->unlink(path);
    }
}

/* The name is taken at once, so that two do not write the same. */
static enum mqttsn_status take_name(const struct gw_file_ops *files,
                                    const char *to, char *why)
{
    int fd = files->open(to, O_RDWR | O_CREAT | O_EXCL, 0600);

    if (fd < 0) {
        snprintf(why, GW_DISK_WHY_MAX, "%s", strerror(errno));
        return errno == EEXIST ? MQTTSN_EINVAL : MQTTSN_EIO;
    }
    files->close(fd);
    return MQTTSN_OK;
}

enum mqttsn_status gw_disk_copy(const struct gw_disk_settings *settings,
                                const char *to,
                                struct gw_disk_report *ret_report, char *why)
{
    struct gw_database_settings target = {.path = to, .vfs = settings->vfs};
    char directory[GW_FILES_PATH_MAX], name[256];
    struct copy copy = {.why = why};
    struct view v;
    enum mqttsn_status status = open_view(&v, settings, why);

    if (status != MQTTSN_OK)
        return status;
    if (strlen(to) > GW_FILES_PATH_MAX - 64 ||
        !disk_split(to, directory, sizeof(directory), name, sizeof(name)) ||
        getrandom(target.id, sizeof(target.id), 0) != sizeof(target.id)) {
        strcpy(why, "the path is too long");
        close_view(&v);
        return MQTTSN_EIO;
    }
    status = take_name(v.paths.files, to, why);
    if (status != MQTTSN_OK) {
        close_view(&v);
        return status;
    }
    status = gw_database_open(&target, &copy.to, why);
    if (status == MQTTSN_OK)
        status = fill_copy(&copy, &v, ret_report);
    /* The last to close it folds the log into the file. */
    gw_database_close(copy.to);
    if (status == MQTTSN_OK &&
        gw_files_sync_directory(v.paths.files, directory) != 0) {
        snprintf(why, GW_DISK_WHY_MAX, "%s", strerror(errno));
        status = MQTTSN_EIO;
    }
    if (status != MQTTSN_OK)
        remove_copy(v.paths.files, to);
    close_view(&v);
    return status;
}
