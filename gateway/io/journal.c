/* SPDX-License-Identifier: MIT */
#include "journal_private.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct gw_journal {
    struct gw_journal_settings settings;
    const struct gw_file_ops *ops;
    pthread_mutex_t lock;
    pthread_cond_t turned; /* 'syncing' became false */

    /* The innermost lock, held for a moment only. */
    pthread_mutex_t shown_lock;
    unsigned holders;
    struct gw_journal_stats shown; /* as of when 'lock' was given up last */
    uint64_t shown_octets;

    /* Under the lock. */
    bool closed;
    int fd;          /* of the last file; -1: the next append makes one */
    bool torn;       /* nothing more may be written to it */
    bool syncing;    /* somebody syncs it, without the lock */
    uint64_t next;   /* sequence number of the next record */
    uint64_t octets; /* of all files */
    uint64_t synced; /* everything up to it is on the disk, except: */
    uint64_t unsure_above, unsure_to; /* a range whose sync failed */
    int sync_why;                     /* errno of the last that did */
    uint8_t *buf;                     /* of one write */
    size_t cap;
    struct journal_file *files; /* in order; the last is in use if fd >= 0 */
    size_t file_count;
    struct gw_journal_stats stats;
};

static const struct gw_file_ops *
ops_of(const struct gw_journal_settings *settings)
{
    return settings->files != NULL ? settings->files : &gw_files_system;
}

static void unlock(struct gw_journal *j)
{
    pthread_mutex_lock(&j->shown_lock);
    j->shown = j->stats;
    j->shown_octets = j->octets;
    pthread_mutex_unlock(&j->shown_lock);
    pthread_mutex_unlock(&j->lock);
}

/* ---- files ------------------------------------------------------------- */

/* All of it or, with errno, false. */
static bool write_all(const struct gw_file_ops *ops, int fd, const uint8_t *buf,
                      size_t len)
{
    while (len > 0) {
        ssize_t n = ops->write(fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            return false;
        }
        buf += n;
        len -= (size_t)n;
    }
    return true;
}

/* A new file with its head, its name on the disk; -1 and errno, and nothing
 * is left of it. */
static int make_file(const struct gw_journal *j, uint64_t first)
{
    const struct gw_file_ops *ops = j->ops;
    char path[GW_FILES_PATH_MAX];
    uint8_t head[JOURNAL_HEAD];
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND, fd, why;

    if (!journal_path(&j->settings, first, path, sizeof(path))) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = ops->open(path, flags, 0600);
    /* One of that name has no record of ours, for the number was never given;
     * and it may be a link to a file of somebody else's. */
    if (fd < 0 && errno == EEXIST && ops->unlink(path) == 0)
        fd = ops->open(path, flags, 0600);
    if (fd < 0)
        return -1;
    memcpy(head, JOURNAL_MAGIC, 8);
    memcpy(head + 8, j->settings.id, 16);
    journal_put_u64(head + 24, first);
    journal_put_u32(head + 32, gw_crc32(0, head, 32));
    if (write_all(ops, fd, head, sizeof(head)) &&
        (!j->settings.sync ||
         gw_files_sync_directory(ops, j->settings.directory) == 0))
        return fd;
    why = errno;
    ops->close(fd);
    ops->unlink(path);
    errno = why;
    return -1;
}

/* Room in the list for one more; before the file is made. */
static bool grow_list(struct gw_journal *j)
{
    struct journal_file *grown =
        realloc(j->files, (j->file_count + 1) * sizeof(*grown));

    if (grown == NULL)
        return false;
    j->files = grown;
    return true;
}

static void list_file(struct gw_journal *j, int fd, uint64_t first)
{
    /* Twice the same name: the first had no record. */
    if (j->file_count > 0 && j->files[j->file_count - 1].first == first)
        j->octets -= j->files[--j->file_count].octets;
    j->files[j->file_count++] =
        (struct journal_file){.first = first, .octets = JOURNAL_HEAD};
    j->octets += JOURNAL_HEAD;
    j->fd = fd;
}

/* With the lock, when there is no file in use. */
static bool begin_file(struct gw_journal *j)
{
    int fd;

    if (!grow_list(j)) {
        errno = ENOMEM;
        return false;
    }
    fd = make_file(j, j->next);
    if (fd < 0)
        return false;
    list_file(j, fd, j->next);
    return true;
}

static void mark_damaged(struct gw_journal *j,
                         const struct gw_journal_report *found)
{
    for (size_t i = 0; i < j->file_count; i++) {
        for (size_t n = 0; n < GW_JOURNAL_BAD_MAX && n < found->damaged; n++)
            j->files[i].bad |= found->bad[n] == j->files[i].first;
    }
}

enum mqttsn_status gw_journal_open(const struct gw_journal_settings *settings,
                                   uint64_t next,
                                   const struct gw_journal_report *found,
                                   struct gw_journal **ret_journal)
{
    struct gw_journal *j = calloc(1, sizeof(*j));
    int why;

    if (j == NULL)
        return MQTTSN_ENOSPACE;
    j->settings = *settings;
    j->ops = ops_of(settings);
    j->fd = -1;
    j->next = next;
    j->synced = next - 1;
    j->holders = 1;
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->shown_lock, NULL);
    pthread_cond_init(&j->turned, NULL);
    if (!journal_list(settings, &j->files, &j->file_count))
        goto fail;
    for (size_t i = 0; i < j->file_count; i++)
        j->octets += j->files[i].octets;
    if (found != NULL)
        mark_damaged(j, found);
    if (!begin_file(j))
        goto fail;
    j->shown_octets = j->octets;
    *ret_journal = j;
    return MQTTSN_OK;

fail:
    why = errno;
    gw_journal_close(j);
    errno = why;
    return why == ENOMEM ? MQTTSN_ENOSPACE : MQTTSN_EIO;
}

void gw_journal_close(struct gw_journal *j)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    while (j->syncing)
        pthread_cond_wait(&j->turned, &j->lock);
    if (j->fd >= 0)
        j->ops->close(j->fd);
    j->fd = -1;
    j->closed = true;
    unlock(j);
    gw_journal_let_go(j);
}

void gw_journal_hold(struct gw_journal *j)
{
    pthread_mutex_lock(&j->shown_lock);
    j->holders++;
    pthread_mutex_unlock(&j->shown_lock);
}

void gw_journal_let_go(struct gw_journal *j)
{
    unsigned left;

    pthread_mutex_lock(&j->shown_lock);
    left = --j->holders;
    pthread_mutex_unlock(&j->shown_lock);
    if (left != 0)
        return;
    pthread_cond_destroy(&j->turned);
    pthread_mutex_destroy(&j->shown_lock);
    pthread_mutex_destroy(&j->lock);
    free(j->files);
    free(j->buf);
    free(j);
}

/*
 * With the lock, when nobody syncs: the file in use is used no more. What of
 * it is not synced never will be called so: after a sync that failed, a system
 * may take the pages for clean and the next sync for good, though they never
 * reached the disk.
 */
static void leave_file(struct gw_journal *j)
{
    if (j->settings.sync && j->synced < j->next - 1) {
        if (j->unsure_to == 0)
            j->unsure_above = j->synced;
        j->unsure_to = j->synced = j->next - 1;
    }
    if (j->fd >= 0)
        j->ops->close(j->fd);
    j->fd = -1;
    j->torn = false;
}

/* ---- append ------------------------------------------------------------ */

static size_t size_of(const struct gw_journal_record *r)
{
    return JOURNAL_RECORD + (r->verb == GW_JOURNAL_KEEP ? r->octets.len : 0);
}

static void encode(const struct gw_journal *j,
                   const struct gw_journal_record *r, uint64_t sequence,
                   uint32_t at_s, uint8_t *to)
{
    size_t len = size_of(r);

    journal_put_u32(to + 4, (uint32_t)(len - JOURNAL_RECORD) << 8 | r->verb);
    journal_put_u64(to + 8, sequence);
    journal_put_u32(to + 16, at_s);
    journal_put_u32(to + 20, r->owner);
    journal_put_u32(to + 24, r->item);
    to[28] = r->kind;
    if (len > JOURNAL_RECORD)
        memcpy(to + JOURNAL_RECORD, r->octets.data, len - JOURNAL_RECORD);
    journal_put_u32(to, journal_crc(j->settings.id, to, len));
}

/* With the lock: makes the buffer hold 'len'. */
static bool reserve(struct gw_journal *j, size_t len)
{
    uint8_t *grown;

    if (len <= j->cap)
        return true;
    grown = realloc(j->buf, len);
    if (grown == NULL)
        return false;
    j->buf = grown;
    j->cap = len;
    return true;
}

static enum mqttsn_status status_of(int why)
{
    return why == ENOSPC || why == EDQUOT || why == ENOMEM ? MQTTSN_ENOSPACE
                                                           : MQTTSN_EIO;
}

/* With the lock: writes the buffer to the end of the last file, or leaves the
 * file as it was. */
static enum mqttsn_status write_out(struct gw_journal *j, size_t len)
{
    struct journal_file *file;
    int why;

    if (j->octets + len + JOURNAL_HEAD > j->settings.limit) {
        errno = ENOSPC;
        return MQTTSN_ENOSPACE;
    }
    if (j->torn && j->syncing) {
        errno = EIO;
        return MQTTSN_EIO;
    }
    if (j->torn)
        leave_file(j);
    if (j->fd < 0 && !begin_file(j))
        return status_of(errno);
    file = &j->files[j->file_count - 1];
    j->stats.writes++;
    if (write_all(j->ops, j->fd, j->buf, len)) {
        file->octets += len;
        j->octets += len;
        j->stats.octets += len;
        return MQTTSN_OK;
    }
    why = errno;
    /* Half a record in the middle would pass for damage. */
    if (j->ops->ftruncate(j->fd, (off_t)file->octets) != 0)
        j->torn = true;
    errno = why;
    return status_of(why);
}

enum mqttsn_status gw_journal_append(struct gw_journal *j,
                                     const struct gw_journal_record records[],
                                     size_t count, uint64_t *ret_sequence)
{
    enum mqttsn_status status = MQTTSN_ENOSPACE;
    size_t len = 0, at = 0;
    uint32_t at_s;

    for (size_t i = 0; i < count; i++) {
        if (records[i].octets.len > GW_JOURNAL_OCTETS_MAX)
            return MQTTSN_EINVAL;
        len += size_of(&records[i]);
    }
    pthread_mutex_lock(&j->lock);
    if (j->closed) { /* and what 'user' is may be gone */
        j->stats.failures++;
        unlock(j);
        errno = EBADF;
        return MQTTSN_EIO;
    }
    at_s =
        j->settings.clock_s != NULL ? j->settings.clock_s(j->settings.user) : 0;
    if (reserve(j, len)) {
        for (size_t i = 0; i < count; i++) {
            encode(j, &records[i], j->next + i, at_s, j->buf + at);
            at += size_of(&records[i]);
        }
        status = write_out(j, len);
    }
    if (status == MQTTSN_OK) {
        j->next += count;
        j->stats.records += count;
        if (ret_sequence != NULL)
            *ret_sequence = j->next - 1;
        if (j->settings.appended != NULL)
            j->settings.appended(j->settings.user, records, count, at_s);
    } else {
        j->stats.failures++;
    }
    unlock(j);
    return status;
}

enum mqttsn_status gw_journal_put(struct gw_journal *j,
                                  const struct gw_journal_record *record)
{
    uint64_t sequence;
    enum mqttsn_status status = gw_journal_append(j, record, 1, &sequence);

    return status == MQTTSN_OK ? gw_journal_sync(j, sequence) : status;
}

/* ---- sync -------------------------------------------------------------- */

/* With the lock, when nobody syncs; the lock is given up meanwhile. What is in
 * 'fd' goes up to 'target'. */
static bool sync_file(struct gw_journal *j, int fd, uint64_t target)
{
    bool ok;
    int why;

    j->syncing = true;
    j->stats.syncs++;
    unlock(j);
    ok = j->ops->fdatasync(fd) == 0;
    why = errno;
    pthread_mutex_lock(&j->lock);
    j->syncing = false;
    if (ok && j->synced < target)
        j->synced = target;
    if (!ok) {
        j->stats.failures++;
        j->sync_why = why;
    }
    return ok;
}

enum mqttsn_status gw_journal_sync(struct gw_journal *j, uint64_t sequence)
{
    enum mqttsn_status status = MQTTSN_OK;
    int why;

    if (!j->settings.sync)
        return MQTTSN_OK;
    pthread_mutex_lock(&j->lock);
    while (j->synced < sequence) {
        if (j->syncing) {
            pthread_cond_wait(&j->turned, &j->lock);
            continue;
        }
        if (j->closed || !sync_file(j, j->fd, j->next - 1) || j->torn)
            leave_file(j);
        pthread_cond_broadcast(&j->turned);
    }
    if (sequence > j->unsure_above && sequence <= j->unsure_to)
        status = MQTTSN_EIO;
    /* Another thread's sync may have failed, or a write that left the file. */
    why = j->sync_why != 0 ? j->sync_why : EIO;
    unlock(j);
    if (status != MQTTSN_OK)
        errno = why;
    return status;
}

/* ---- rotate, drop ------------------------------------------------------ */

/* With the lock, when nobody syncs: goes on in a new file, or in the old one.
 * Returns the old one's descriptor if it is to be synced and closed. */
static int change_file(struct gw_journal *j)
{
    int old = j->fd;

    if (old < 0 || j->files[j->file_count - 1].octets == JOURNAL_HEAD)
        return -1;
    if (!begin_file(j)) {
        j->stats.failures++;
        return -1;
    }
    j->torn = false;
    return old;
}

uint64_t gw_journal_rotate(struct gw_journal *j, void (*rotated)(void *user))
{
    uint64_t border;
    int old;

    pthread_mutex_lock(&j->lock);
    while (j->syncing)
        pthread_cond_wait(&j->turned, &j->lock);
    border = j->next - 1;
    if (rotated != NULL)
        rotated(j->settings.user);
    old = change_file(j);
    if (old >= 0) {
        /* Before any sync of the new file can speak for what is in this. */
        if (j->settings.sync && j->synced < border &&
            !sync_file(j, old, border)) {
            if (j->unsure_to == 0)
                j->unsure_above = j->synced;
            j->unsure_to = j->synced = border;
        }
        pthread_cond_broadcast(&j->turned);
        j->ops->close(old);
    }
    unlock(j);
    return border;
}

/* False: it is still there. */
static bool remove_file(const struct gw_journal *j,
                        const struct journal_file *file)
{
    char path[GW_FILES_PATH_MAX], aside[GW_FILES_PATH_MAX];

    if (!journal_path(&j->settings, file->first, path, sizeof(path)))
        return false;
    if (file->bad)
        return gw_files_set_aside(j->ops, path, aside) || errno == ENOENT;
    return j->ops->unlink(path) == 0 || errno == ENOENT;
}

/* With the lock: the file at 'at', if it is not in use and all of it is up to
 * 'sequence'. */
static bool is_over(const struct gw_journal *j, uint64_t sequence, size_t at,
                    struct journal_file *ret_file)
{
    uint64_t last;

    /* One that has no record yet may be in use under its name at any time. */
    if (at >= j->file_count || j->files[at].first == j->next ||
        (j->fd >= 0 && at + 1 == j->file_count))
        return false;
    last = at + 1 < j->file_count ? j->files[at + 1].first - 1 : j->next - 1;
    *ret_file = j->files[at];
    return last <= sequence;
}

/* With the lock: no other file could be made, so this one begins anew. */
static void empty_file(struct gw_journal *j)
{
    struct journal_file *file = &j->files[j->file_count - 1];

    if (j->torn || file->octets == JOURNAL_HEAD ||
        j->ops->ftruncate(j->fd, JOURNAL_HEAD) != 0)
        return;
    j->octets -= file->octets - JOURNAL_HEAD;
    file->octets = JOURNAL_HEAD;
}

unsigned gw_journal_drop(struct gw_journal *j, uint64_t sequence)
{
    struct journal_file file;
    size_t left = 0;

    pthread_mutex_lock(&j->lock);
    /* The lock is not held for what a file system takes to remove a file: the
     * list changes at its end only, meanwhile. */
    while (is_over(j, sequence, left, &file)) {
        bool removed;

        unlock(j);
        removed = remove_file(j, &file);
        pthread_mutex_lock(&j->lock);
        if (!removed) {
            left++;
            continue;
        }
        j->octets -= file.octets;
        j->file_count--;
        memmove(&j->files[left], &j->files[left + 1],
                (j->file_count - left) * sizeof(file));
    }
    if (j->fd >= 0 && j->next - 1 <= sequence)
        empty_file(j);
    unlock(j);
    return (unsigned)left;
}

uint64_t gw_journal_octets(struct gw_journal *j)
{
    uint64_t octets;

    pthread_mutex_lock(&j->shown_lock);
    octets = j->shown_octets;
    pthread_mutex_unlock(&j->shown_lock);
    return octets;
}

void gw_journal_stats(struct gw_journal *j, struct gw_journal_stats *ret)
{
    pthread_mutex_lock(&j->shown_lock);
    *ret = j->shown;
    pthread_mutex_unlock(&j->shown_lock);
}
