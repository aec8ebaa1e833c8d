/* SPDX-License-Identifier: MIT */
#include "disk_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "log.h"

static void log_failed(const char *path, const char *why)
{
    gw_err("store", "cannot_open", "path=%s reason=%s", gw_log_text(path),
           gw_log_text(why));
}

/* ---- paths ------------------------------------------------------------- */

#define TOO_LONG "the path is too long"

bool disk_split(const char *path, char *ret_directory, size_t cap,
                char *ret_name, size_t name_cap)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int len, name_len = snprintf(ret_name, name_cap, "%s", name);

    if (slash == NULL)
        len = snprintf(ret_directory, cap, ".");
    else if (slash == path)
        len = snprintf(ret_directory, cap, "/");
    else
        len = snprintf(ret_directory, cap, "%.*s", (int)(slash - path), path);
    return len > 0 && (size_t)len < cap && name_len > 0 &&
           (size_t)name_len < name_cap;
}

/* One file has one lock and one journal, by whatever name it is called. NULL,
 * or why not. */
static const char *follow_link(char *path, size_t cap)
{
    struct stat there;
    char *real;
    int len;

    if (lstat(path, &there) != 0 || !S_ISLNK(there.st_mode))
        return NULL;
    real = realpath(path, NULL);
    if (real == NULL)
        return "it is a link that leads to no file";
    len = snprintf(path, cap, "%s", real);
    free(real);
    return (size_t)len < cap ? NULL : TOO_LONG;
}

const char *disk_paths(struct gw_disk *d,
                       const struct gw_disk_settings *settings)
{
    const char *journal = settings->journal_path;
    int len = snprintf(d->path, sizeof(d->path), "%s", settings->path);
    const char *why;

    if (len <= 0 || (size_t)len >= sizeof(d->path))
        return TOO_LONG;
    why = follow_link(d->path, sizeof(d->path));
    if (why != NULL)
        return why;
    d->settings = *settings;
    d->settings.path = d->path;
    d->settings.journal_path = d->journal_directory;
    d->files = settings->files != NULL ? settings->files : &gw_files_system;
    /* Room for what is put behind it. */
    if (strlen(d->path) > sizeof(d->path) - 64 ||
        !disk_split(d->path, d->directory, sizeof(d->directory), d->name,
                    sizeof(d->name) - 32))
        return TOO_LONG;
    len = snprintf(d->journal_directory, sizeof(d->journal_directory), "%s",
                   journal != NULL && journal[0] != '\0' ? journal
                                                         : d->directory);
    d->journal_settings = (struct gw_journal_settings){
        .directory = d->journal_directory,
        .name = d->name,
        .sync = settings->full,
        .limit = GW_DISK_HARD,
        .files = settings->files,
    };
    return len > 0 && (size_t)len < sizeof(d->journal_directory) - 300
               ? NULL
               : TOO_LONG;
}

/* As mkdir -p, for the owner alone. */
static bool make_directory(const char *directory)
{
    char path[GW_FILES_PATH_MAX];

    snprintf(path, sizeof(path), "%s", directory);
    for (char *at = path + 1;; at++) {
        char was = *at;

        if (was != '/' && was != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *at = was;
        if (was == '\0')
            return true;
    }
}

/* ---- one process ------------------------------------------------------- */

/* Holds "DIRECTORY/NAME.lock" as long as the descriptor is open. */
static enum mqttsn_status lock(struct gw_disk *d, const char *directory,
                               int *ret_fd)
{
    char path[GW_FILES_PATH_MAX];
    struct stat there;
    int fd;

    if (!gw_files_path(path, sizeof(path), directory, d->name, ".lock"))
        return MQTTSN_EIO;
    fd = d->files->open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) {
        log_failed(path, strerror(errno));
        return MQTTSN_EIO;
    }
    *ret_fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &there) == 0)
        return MQTTSN_OK;
    if (errno == EWOULDBLOCK) {
        log_failed(d->path, "another gateway runs on it; one store is for one "
                            "process");
        return MQTTSN_EPROTO;
    }
    log_failed(path, strerror(errno));
    return MQTTSN_EIO;
}

/* Whoever may write to the directory of the journal, /tmp for instance, can put
 * what he likes in the place of its files. */
static enum mqttsn_status check_owner(const char *directory,
                                      const struct stat *there)
{
    const char *why = NULL;

    if (there->st_uid != geteuid() && there->st_uid != 0)
        why = "it belongs to another user";
    else if (there->st_mode & 022)
        why = "others may write to it: give the journal a directory of its own "
              "in it, or 'chmod 755'";
    if (why == NULL)
        return MQTTSN_OK;
    log_failed(directory, why);
    return MQTTSN_EPROTO;
}

static enum mqttsn_status prepare_directories(struct gw_disk *d)
{
    const char *directory = d->directory;
    struct stat a, b;
    enum mqttsn_status status;

    for (unsigned i = 0; i < 2; i++, directory = d->journal_directory) {
        if (!make_directory(directory)) {
            log_failed(directory, strerror(errno));
            return MQTTSN_EIO;
        }
    }
    if (stat(d->directory, &a) != 0 || stat(d->journal_directory, &b) != 0) {
        log_failed(d->journal_directory, strerror(errno));
        return MQTTSN_EIO;
    }
    d->one_device = a.st_dev == b.st_dev;
    status = lock(d, d->directory, &d->lock_fd[0]);
    if (status != MQTTSN_OK || (a.st_dev == b.st_dev && a.st_ino == b.st_ino))
        return status;
    status = check_owner(d->journal_directory, &b);
    if (status != MQTTSN_OK)
        return status;
    return lock(d, d->journal_directory, &d->lock_fd[1]);
}

/* ---- the database ------------------------------------------------------ */

enum mqttsn_status disk_open_database(struct gw_disk *d, const uint8_t id[16],
                                      char *why)
{
    struct gw_database_settings settings = {.path = d->path,
                                            .vfs = d->settings.vfs};

    memcpy(settings.id, id, sizeof(settings.id));
    return gw_database_open(&settings, &d->database, why);
}

enum mqttsn_status disk_set_aside(struct gw_disk *d, const char *reason)
{
    char aside[GW_FILES_PATH_MAX], from[GW_FILES_PATH_MAX],
        to[GW_FILES_PATH_MAX];

    if (!gw_files_set_aside(d->files, d->path, aside)) {
        log_failed(d->path, strerror(errno));
        return MQTTSN_EIO;
    }
    /* The log belongs to it; without it a new database would take it for its
     * own. The index of the log is of no use to anybody. */
    if (!gw_files_path(from, sizeof(from), d->directory, d->name, "-wal") ||
        snprintf(to, sizeof(to), "%s-wal", aside) >= (int)sizeof(to) ||
        (d->files->rename(from, to) != 0 && errno != ENOENT)) {
        log_failed(from, strerror(errno));
        return MQTTSN_EIO;
    }
    if (gw_files_path(from, sizeof(from), d->directory, d->name, "-shm"))
        (void)d->files->unlink(from);
    gw_err("store", "set_aside", "path=%s as=%s reason=%s",
           gw_log_text(d->path), gw_log_text(aside), gw_log_text(reason));
    d->damaged = true;
    return MQTTSN_OK;
}

void disk_take_up_rescue(struct gw_disk *d)
{
    char path[GW_FILES_PATH_MAX + 8];

    snprintf(path, sizeof(path), "%s.new", d->path);
    if (access(d->path, F_OK) != 0 && access(path, F_OK) == 0)
        (void)d->files->rename(path, d->path);
    else
        (void)d->files->unlink(path);
}

/* An id for a database that is made now: the journal's, if there is one left,
 * so that what is in it is not lost with the database. */
static enum mqttsn_status new_id(struct gw_disk *d, uint8_t ret_id[16])
{
    if (gw_journal_owner(&d->journal_settings, ret_id))
        return MQTTSN_OK;
    if (getrandom(ret_id, 16, 0) == 16)
        return MQTTSN_OK;
    log_failed(d->path, "no random numbers");
    return MQTTSN_EIO;
}

static enum mqttsn_status open_or_make(struct gw_disk *d)
{
    char why[GW_DATABASE_WHY_MAX];
    enum mqttsn_status status;
    struct stat there;
    uint8_t id[16];

    disk_take_up_rescue(d);
    status = disk_check_modes(d);
    if (status == MQTTSN_OK)
        status = new_id(d, id);
    if (status != MQTTSN_OK)
        return status;
    d->is_new = stat(d->path, &there) != 0 || there.st_size == 0;
    status = disk_open_database(d, id, why);
    if (status == MQTTSN_EFIELD) {
        gw_err("store", "damaged", "path=%s reason=%s", gw_log_text(d->path),
               gw_log_text(why));
        status = disk_set_aside(d, "nothing of it can be read");
        if (status != MQTTSN_OK)
            return status;
        d->is_new = true;
        status = disk_open_database(d, id, why);
        /* One that was just made is not damaged: it is the device. */
        if (status == MQTTSN_EFIELD)
            status = MQTTSN_EIO;
    }
    if (status == MQTTSN_OK &&
        gw_files_sync_directory(d->files, d->directory) != 0) {
        snprintf(why, sizeof(why), "%s", strerror(errno));
        status = MQTTSN_EIO;
    }
    if (status != MQTTSN_OK)
        log_failed(d->path, why);
    return status;
}

/* ---- the journal ------------------------------------------------------- */

static void log_journal(const struct gw_disk *d,
                        const struct gw_journal_report *r)
{
    if (r->torn != 0)
        gw_warn("store", "journal_torn",
                "directory=%s files=%u reason=\"half a record at the end, as a "
                "crash may leave it; it was acknowledged to nobody\"",
                gw_log_text(d->journal_directory), r->torn);
    if (r->damaged != 0)
        gw_err("store", "journal_damaged",
               "directory=%s files=%u first=%s passed=%" PRIu64
               " reason=\"records are missing; what can be read is used, and "
               "nothing is forgotten behind a gap\"",
               gw_log_text(d->journal_directory), r->damaged,
               gw_log_text(r->first_bad), r->passed);
    if (d->is_new && r->records != 0)
        gw_err("store", "damaged",
               "path=%s read=%" PRIu64
               " reason=\"the database is missing, its journal is there and is "
               "used\"",
               gw_log_text(d->path), r->records);
}

/* Writes down where the journal begins for a database that never saw it, so
 * that a gap shows from now on. */
static enum mqttsn_status adopt_journal(struct gw_disk *d,
                                        struct gw_database_meta *meta)
{
    char why[GW_DATABASE_WHY_MAX];
    enum mqttsn_status status;

    meta->applied = d->journal_report.first - 1;
    status = gw_database_begin(d->database, why);
    if (status == MQTTSN_OK)
        status = gw_database_commit(d->database, meta, why);
    if (status != MQTTSN_OK)
        log_failed(d->path, why);
    return status;
}

static enum mqttsn_status read_journal(struct gw_disk *d)
{
    struct gw_database_meta meta = {0};
    bool known = gw_database_meta(d->database, &meta);
    const struct gw_journal_report *r = &d->journal_report;
    char aside[GW_FILES_PATH_MAX];
    unsigned foreign;
    enum mqttsn_status status;

    if (!known && new_id(d, meta.id) != MQTTSN_OK)
        return MQTTSN_EIO;
    memcpy(d->journal_settings.id, meta.id, sizeof(meta.id));
    foreign = gw_journal_set_foreign_aside(&d->journal_settings, aside);
    if (foreign != 0)
        gw_err("store", "set_aside",
               "path=%s as=%s files=%u reason=\"this journal belongs to "
               "another database\"",
               gw_log_text(d->journal_directory), gw_log_text(aside), foreign);
    status = gw_journal_read(&d->journal_settings,
                             known && !d->is_new ? meta.applied
                                                 : GW_JOURNAL_FROM_FIRST,
                             disk_apply_entry, d->current, &d->journal_report);
    if (status == MQTTSN_OK && d->current->incomplete)
        status = MQTTSN_ENOSPACE;
    if (status != MQTTSN_OK) {
        log_failed(d->journal_directory, status == MQTTSN_ENOSPACE ? "no memory"
                                         : status == MQTTSN_EPROTO
                                             ? DISK_LATER
                                             : strerror(errno));
        if (status == MQTTSN_EPROTO)
            gw_database_leave(d->database);
        return status;
    }
    log_journal(d, r);
    d->gap = r->damaged != 0;
    d->damaged |=
        r->damaged != 0 || foreign != 0 || (d->is_new && r->records != 0);
    if (d->is_new && r->first > 1)
        status = adopt_journal(d, &meta);
    d->applied = known ? meta.applied : r->first > 0 ? r->first - 1 : 0;
    disk_clock_known(d, &meta);
    d->clock_base_s =
        disk_clock_from(&meta, r->last_at_s, disk_wall_s(&d->settings));
    return status;
}

static enum mqttsn_status begin_journal(struct gw_disk *d)
{
    uint64_t last = d->journal_report.last;
    enum mqttsn_status status;

    d->journal_settings.appended = disk_appended;
    d->journal_settings.clock_s = disk_clock_s;
    d->journal_settings.user = d;
    status = gw_journal_open(&d->journal_settings,
                             (last > d->applied ? last : d->applied) + 1,
                             &d->journal_report, &d->journal);
    if (status != MQTTSN_OK)
        log_failed(d->journal_directory, strerror(errno));
    return status;
}

enum mqttsn_status gw_disk_open(const struct gw_disk_settings *settings,
                                struct gw_disk **ret_disk)
{
    struct gw_disk *d = calloc(1, sizeof(*d));
    enum mqttsn_status status = MQTTSN_EIO;
    const char *why;

    if (d == NULL)
        return MQTTSN_ENOSPACE;
    d->lock_fd[0] = d->lock_fd[1] = -1;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->flush_end, NULL);
    d->current = gw_changes_new();
    if (d->current == NULL)
        status = MQTTSN_ENOSPACE;
    else if ((why = disk_paths(d, settings)) != NULL)
        log_failed(settings->path, why);
    else
        status = prepare_directories(d);
    d->started_s = disk_now_s(&d->settings);
    if (status == MQTTSN_OK)
        status = open_or_make(d);
    if (status == MQTTSN_OK)
        status = read_journal(d);
    if (status == MQTTSN_OK)
        status = begin_journal(d);
    if (status != MQTTSN_OK) {
        gw_disk_close(d);
        return status;
    }
    *ret_disk = d;
    return MQTTSN_OK;
}

const char *gw_disk_sqlite_version(void)
{
    return gw_database_version();
}

bool gw_disk_available(void)
{
    return true;
}
