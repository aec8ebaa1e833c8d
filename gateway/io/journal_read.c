/* SPDX-License-Identifier: MIT */
#include "journal_private.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gw_file_ops *
ops_of(const struct gw_journal_settings *settings)
{
    return settings->files != NULL ? settings->files : &gw_files_system;
}

/* ---- names ------------------------------------------------------------- */

bool journal_path(const struct gw_journal_settings *settings, uint64_t first,
                  char *buf, size_t cap)
{
    char suffix[24];

    snprintf(suffix, sizeof(suffix), ".j%016" PRIx64, first);
    return gw_files_path(buf, cap, settings->directory, settings->name, suffix);
}

/* Whether the name is one of ours. */
static bool parse_name(const struct gw_journal_settings *settings,
                       const char *name, uint64_t *ret_first)
{
    size_t len = strlen(settings->name);
    uint64_t first = 0;

    if (strncmp(name, settings->name, len) != 0 || name[len] != '.' ||
        name[len + 1] != 'j' || strlen(name + len + 2) != 16)
        return false;
    for (const char *at = name + len + 2; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9')
            first = first << 4 | (uint64_t)(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            first = first << 4 | (uint64_t)(*at - 'a' + 10);
        else
            return false;
    }
    *ret_first = first;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct journal_file *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

bool journal_list(const struct gw_journal_settings *settings,
                  struct journal_file **ret_files, size_t *ret_count)
{
    DIR *directory = opendir(settings->directory);
    struct journal_file *files = NULL;
    const struct dirent *entry;
    size_t count = 0;
    int why = 0;

    if (directory == NULL)
        return false;
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        char path[GW_FILES_PATH_MAX];
        struct journal_file *grown;
        struct stat there;
        uint64_t first;

        if (!parse_name(settings, entry->d_name, &first) ||
            !journal_path(settings, first, path, sizeof(path)) ||
            lstat(path, &there) != 0 || !S_ISREG(there.st_mode))
            continue;
        grown = realloc(files, (count + 1) * sizeof(*files));
        if (grown == NULL) {
            errno = ENOMEM;
            break;
        }
        files = grown;
        files[count++] = (struct journal_file){
            .first = first, .octets = (uint64_t)there.st_size};
    }
    why = errno;
    closedir(directory);
    if (why != 0) {
        free(files);
        errno = why;
        return false;
    }
    if (count > 1)
        qsort(files, count, sizeof(*files), by_number);
    *ret_files = files;
    *ret_count = count;
    return true;
}

/* ---- one file ---------------------------------------------------------- */

/* A window on the file that holds at least one whole record, if there is as
 * much left. */
#define WINDOW (2 * JOURNAL_RECORD_MAX)

struct window {
    const struct gw_file_ops *ops;
    int fd;
    uint8_t *data; /* WINDOW octets */
    size_t at, len;
    bool ended;
};

/* False: errno. */
static bool fill(struct window *w)
{
    if (w->ended || w->len - w->at >= JOURNAL_RECORD_MAX)
        return true;
    memmove(w->data, w->data + w->at, w->len - w->at);
    w->len -= w->at;
    w->at = 0;
    while (!w->ended && w->len < WINDOW) {
        ssize_t n = w->ops->read(w->fd, w->data + w->len, WINDOW - w->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        w->ended = n == 0;
        w->len += (size_t)n;
    }
    return true;
}

struct reading {
    const struct gw_journal_settings *settings;
    gw_journal_visit *visit;
    void *user;
    struct gw_journal_report report;
    uint8_t *data;
    uint64_t end;  /* the number with which the next file begins */
    bool in_doubt; /* something is missing before this */
    bool stopped;
    bool later; /* it is of a later version */
};

enum found { RECORD, LATER, TORN, NOTHING };

/* Whether there is a record at the window's place; TORN: one may begin here,
 * and the file ends in it. */
static enum found look(const struct reading *r, const struct window *w,
                       size_t at, size_t *ret_len)
{
    size_t left = w->len - at, len;
    const uint8_t *p = w->data + at;
    uint8_t verb;

    if (left < JOURNAL_RECORD)
        return TORN;
    len = JOURNAL_RECORD + (journal_get_u32(p + 4) >> 8);
    verb = p[7];
    if (len > JOURNAL_RECORD_MAX || verb < GW_JOURNAL_KEEP)
        return NOTHING;
    if (left < len)
        return TORN;
    if (journal_crc(r->settings->id, p, len) != journal_get_u32(p))
        return NOTHING;
    *ret_len = len;
    return verb <= GW_JOURNAL_FORGET_OWNER ? RECORD : LATER;
}

static void deliver(struct reading *r, const uint8_t *p, size_t len)
{
    const struct gw_journal_entry entry = {
        .record = {.verb = p[7],
                   .kind = p[28],
                   .owner = journal_get_u32(p + 20),
                   .item = journal_get_u32(p + 24),
                   .octets =
                       mqttsn_span(p + JOURNAL_RECORD, len - JOURNAL_RECORD)},
        .sequence = journal_get_u64(p + 8),
        .at_s = journal_get_u32(p + 16)};

    /* Of a batch that failed, and could not be taken out: the numbers were
     * given again, and nobody was told that these are kept. */
    if (entry.sequence >= r->end)
        return;
    if (entry.sequence <= r->report.last)
        return;
    if (entry.sequence != r->report.last + 1)
        r->in_doubt = true;
    r->report.last = entry.sequence;
    r->report.last_at_s = entry.at_s;
    if (r->in_doubt && entry.record.verb != GW_JOURNAL_KEEP) {
        r->report.passed++;
        return;
    }
    r->report.records++;
    r->stopped = !r->visit(r->user, &entry);
}

/* Behind damage: the next place where a record begins, or the end. */
static void resync(const struct reading *r, struct window *w, bool *ret_io)
{
    size_t len;

    while (*ret_io && w->at < w->len) {
        w->at++;
        *ret_io = fill(w);
        /* The number first: a payload full of what looks like records would
         * cost a checksum for each octet. */
        if (*ret_io && w->len - w->at >= JOURNAL_RECORD &&
            journal_get_u64(w->data + w->at + 8) - r->report.last - 1 <
                UINT32_MAX &&
            look(r, w, w->at, &len) <= LATER)
            return;
    }
}

/* False: errno. '*ret_bad': there was damage. '*ret_torn': it ends in the
 * middle of a record. */
static bool read_records(struct reading *r, struct window *w, bool *ret_bad,
                         bool *ret_torn)
{
    bool io = fill(w);

    while (io && !r->stopped && w->at < w->len) {
        size_t len;
        enum found found = look(r, w, w->at, &len);

        if (found == LATER) {
            r->later = r->stopped = true;
            break;
        }
        if (found == RECORD) {
            bool doubt = r->in_doubt;

            deliver(r, w->data + w->at, len);
            *ret_bad |= r->in_doubt && !doubt;
            w->at += len;
            io = fill(w);
            continue;
        }
        resync(r, w, &io);
        if (w->at < w->len) {
            *ret_bad = true;
            r->in_doubt = true;
        } else {
            *ret_torn = true;
        }
    }
    return io;
}

/* The head: of this store, of another, of a later version, or damaged. */
enum head { OURS, FOREIGN, UNKNOWN, BROKEN };

static enum head judge_head(const struct gw_journal_settings *settings,
                            const struct window *w)
{
    if (w->len < JOURNAL_HEAD || memcmp(w->data, JOURNAL_MAGIC, 7) != 0 ||
        gw_crc32(0, w->data, 32) != journal_get_u32(w->data + 32))
        return BROKEN;
    if (w->data[7] != JOURNAL_MAGIC[7])
        return UNKNOWN;
    return memcmp(w->data + 8, settings->id, 16) == 0 ? OURS : FOREIGN;
}

static void name_bad(struct reading *r, const struct journal_file *file)
{
    if (r->report.first_bad[0] == '\0')
        snprintf(r->report.first_bad, sizeof(r->report.first_bad),
                 "%s.j%016" PRIx64, r->settings->name, file->first);
}

static void note_bad(struct reading *r, const struct journal_file *file)
{
    name_bad(r, file);
    if (r->report.damaged < GW_JOURNAL_BAD_MAX)
        r->report.bad[r->report.damaged] = file->first;
    r->report.damaged++;
}

static bool read_file(struct reading *r, const struct journal_file *file)
{
    struct window w = {.ops = ops_of(r->settings), .data = r->data};
    char path[GW_FILES_PATH_MAX];
    bool bad = false, torn = false, ok;
    int why;

    if (!journal_path(r->settings, file->first, path, sizeof(path))) {
        errno = ENAMETOOLONG;
        return false;
    }
    w.fd = w.ops->open(path, O_RDONLY, 0);
    if (w.fd < 0 && errno == ENOENT)
        return true; /* dropped meanwhile: what was in it has been applied */
    if (w.fd < 0)
        return false;
    ok = fill(&w);
    if (ok && w.len < JOURNAL_HEAD) {
        /* A crash while it was made: it never had a record. */
        r->report.files++;
        r->report.torn++;
    } else if (ok && judge_head(r->settings, &w) == UNKNOWN) {
        r->later = r->stopped = true;
    } else if (ok && judge_head(r->settings, &w) == FOREIGN) {
        name_bad(r, file);
        r->report.foreign++;
    } else if (ok) {
        /* A record's own checksum says whose it is: a broken head costs
         * nothing but its mention. */
        bad = judge_head(r->settings, &w) == BROKEN;
        w.at = JOURNAL_HEAD;
        ok = read_records(r, &w, &bad, &torn);
        r->report.files++;
        r->report.octets += file->octets;
        r->report.torn += torn;
        if (bad)
            note_bad(r, file);
    }
    why = errno;
    w.ops->close(w.fd);
    errno = why;
    return ok;
}

/* ---- all of them ------------------------------------------------------- */

enum mqttsn_status gw_journal_read(const struct gw_journal_settings *settings,
                                   uint64_t after, gw_journal_visit *visit,
                                   void *user,
                                   struct gw_journal_report *ret_report)
{
    struct reading r = {.settings = settings,
                        .visit = visit,
                        .user = user,
                        .report = {.last = after},
                        .data = malloc(WINDOW)};
    struct journal_file *files = NULL;
    size_t count = 0;
    int why = ENOMEM;
    bool ok;

    ok = r.data != NULL && journal_list(settings, &files, &count);
    if (ok && count > 0)
        r.report.first = files[0].first;
    if (after == GW_JOURNAL_FROM_FIRST)
        r.report.last = r.report.first > 0 ? r.report.first - 1 : 0;
    for (size_t i = 0; ok && i < count && !r.stopped; i++) {
        r.end = i + 1 < count ? files[i + 1].first : UINT64_MAX;
        ok = read_file(&r, &files[i]);
    }
    if (r.data != NULL)
        why = errno;
    free(files);
    free(r.data);
    if (!ok) {
        errno = why;
        return why == ENOMEM ? MQTTSN_ENOSPACE : MQTTSN_EIO;
    }
    if (r.later)
        return MQTTSN_EPROTO;
    *ret_report = r.report;
    return MQTTSN_OK;
}

static enum head head_of(const struct gw_journal_settings *settings,
                         uint64_t first, char *path, uint8_t ret_id[16])
{
    const struct gw_file_ops *ops = ops_of(settings);
    uint8_t data[JOURNAL_HEAD];
    struct window w = {.ops = ops, .data = data};
    ssize_t n;
    enum head head;

    if (!journal_path(settings, first, path, GW_FILES_PATH_MAX))
        return BROKEN;
    w.fd = ops->open(path, O_RDONLY, 0);
    if (w.fd < 0)
        return BROKEN;
    do
        n = ops->read(w.fd, data, sizeof(data));
    while (n < 0 && errno == EINTR);
    ops->close(w.fd);
    w.len = n > 0 ? (size_t)n : 0;
    head = judge_head(settings, &w);
    if (head != BROKEN) /* the id stands there in every version */
        memcpy(ret_id, data + 8, 16);
    return head;
}

unsigned
gw_journal_set_foreign_aside(const struct gw_journal_settings *settings,
                             char *ret_path)
{
    struct journal_file *files = NULL;
    size_t count = 0;
    unsigned moved = 0;

    if (!journal_list(settings, &files, &count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        char path[GW_FILES_PATH_MAX];
        uint8_t id[16];

        if (head_of(settings, files[i].first, path, id) == FOREIGN)
            moved += gw_files_set_aside(ops_of(settings), path, ret_path);
    }
    free(files);
    return moved;
}

bool gw_journal_owner(const struct gw_journal_settings *settings,
                      uint8_t ret_id[16])
{
    struct journal_file *files = NULL;
    size_t count = 0;
    bool found = false;

    if (!journal_list(settings, &files, &count))
        return false;
    for (size_t i = count; i-- > 0 && !found;) {
        char path[GW_FILES_PATH_MAX];

        found = head_of(settings, files[i].first, path, ret_id) != BROKEN;
    }
    free(files);
    return found;
}
