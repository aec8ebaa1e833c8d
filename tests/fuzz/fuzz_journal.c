/* SPDX-License-Identifier: MIT */
/*
 * The journal as it is found after a crash or on a failing disk: two files,
 * served from memory. What is read are records that were written, each whole
 * and in order; where nothing was damaged, all of them.
 *
 * The input: flags, the length of what is about the first file (two octets),
 * and then pieces of both. With bit 0 of the flags the files are those octets
 * themselves. Else a piece is an octet and what belongs to it:
 *
 *   0..2 KIND OWNER ITEM LEN DATA   a record: keep, forget, forget owner
 *   3 LEN DATA                      octets that are no record
 *   4                               a record that is missing
 *   5 N                             the file ends N octets earlier
 *
 * Bit 1: the second file has a damaged head. Bit 2: it is another store's.
 * Bit 3: the visitor stops at the third record.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/journal_private.h"
#include "target.h"

#include "mqttsn/reader.h"

enum { FILE_MAX = 70000, WRITTEN_MAX = 512, FILES = 2, FIRST_FD = 1000 };

static struct {
    uint8_t octets[FILE_MAX];
    size_t len, read;
} files[FILES];

/* What was put into them, by sequence number less 1. */
static struct {
    uint8_t verb, kind, owner, item;
    struct mqttsn_span octets;
} written[WRITTEN_MAX];
static size_t written_count;

static char directory[] = "/tmp/fuzz-journal-XXXXXX";
static uint64_t firsts[FILES]; /* as their names say */
static struct gw_journal_settings settings;

/* ---- files from memory ------------------------------------------------- */

static int open_file(const char *path, int flags, mode_t mode)
{
    (void)flags;
    (void)mode;
    for (int i = 0; i < FILES; i++) {
        char name[GW_FILES_PATH_MAX];

        MUST(journal_path(&settings, firsts[i], name, sizeof(name)));
        if (strcmp(name, path) == 0) {
            files[i].read = 0;
            return FIRST_FD + i;
        }
    }
    errno = ENOENT;
    return -1;
}

static int close_file(int fd)
{
    (void)fd;
    return 0;
}

static ssize_t read_file(int fd, void *buf, size_t len)
{
    size_t i = (size_t)(fd - FIRST_FD);
    size_t left = files[i].len - files[i].read;

    if (len > left)
        len = left;
    if (len > 0)
        memcpy(buf, files[i].octets + files[i].read, len);
    files[i].read += len;
    return (ssize_t)len;
}

static const struct gw_file_ops ops = {
    .open = open_file, .close = close_file, .read = read_file};

/* Only their names are looked for on the disk. */
static void each_name(bool make)
{
    for (int i = 0; i < FILES; i++) {
        char path[GW_FILES_PATH_MAX];
        FILE *file;

        MUST(journal_path(&settings, firsts[i], path, sizeof(path)));
        if (!make) {
            unlink(path);
            continue;
        }
        file = fopen(path, "w");
        MUST(file != NULL);
        fclose(file);
    }
}

static void tidy(void)
{
    each_name(false);
    rmdir(directory);
}

static void prepare(void)
{
    if (settings.name != NULL)
        return;
    MUST(mkdtemp(directory) != NULL);
    settings.directory = directory;
    settings.name = "fuzz";
    memcpy(settings.id, "0123456789abcdef", 16);
    settings.files = &ops;
    firsts[0] = 1;
    firsts[1] = 1000; /* beyond whatever the first one holds */
    each_name(true);
    atexit(tidy);
}

/* ---- what is in them --------------------------------------------------- */

static void put(size_t file, const void *octets, size_t len)
{
    if (files[file].len + len > FILE_MAX)
        return;
    if (len > 0)
        memcpy(files[file].octets + files[file].len, octets, len);
    files[file].len += len;
}

static void put_head(size_t file, unsigned flags)
{
    uint8_t head[JOURNAL_HEAD];

    memcpy(head, JOURNAL_MAGIC, 8);
    memcpy(head + 8, settings.id, 16);
    if (file == 1 && (flags & 4))
        head[8] ^= 1;
    journal_put_u64(head + 24, firsts[file]);
    journal_put_u32(head + 32, gw_crc32(0, head, 32));
    if (file == 1 && (flags & 2))
        head[33] ^= 1;
    put(file, head, sizeof(head));
}

static void put_record(size_t file, unsigned verb, struct mqttsn_reader *r,
                       uint64_t sequence)
{
    uint8_t record[JOURNAL_RECORD + 255];
    uint8_t kind = mqttsn_read_u8(r), owner = mqttsn_read_u8(r);
    uint8_t item = mqttsn_read_u8(r);
    struct mqttsn_span data = mqttsn_read_bytes(r, mqttsn_read_u8(r));

    journal_put_u32(record + 4, (uint32_t)data.len << 8 | verb);
    journal_put_u64(record + 8, sequence);
    journal_put_u32(record + 16, 7);
    journal_put_u32(record + 20, owner);
    journal_put_u32(record + 24, item);
    record[28] = kind;
    if (data.len > 0)
        memcpy(record + JOURNAL_RECORD, data.data, data.len);
    journal_put_u32(
        record, journal_crc(settings.id, record, JOURNAL_RECORD + data.len));
    put(file, record, JOURNAL_RECORD + data.len);
    written[written_count].verb = (uint8_t)verb;
    written[written_count].kind = kind;
    written[written_count].owner = owner;
    written[written_count].item = item;
    written[written_count++].octets = data;
}

/* True when nothing of it is damaged or missing. */
static bool build(size_t file, struct mqttsn_reader *r, unsigned flags)
{
    bool whole = true;

    put_head(file, flags);
    while (r->left > 0 && written_count < WRITTEN_MAX) {
        unsigned what = mqttsn_read_u8(r) % 6;
        struct mqttsn_span data;
        size_t cut;

        if (what < 3) {
            put_record(file, what + 1, r, written_count + 1);
            continue;
        }
        whole = false;
        if (what == 3) {
            data = mqttsn_read_bytes(r, mqttsn_read_u8(r));
            put(file, data.data, data.len);
        } else if (what == 4) {
            memset(&written[written_count++], 0, sizeof(written[0]));
        } else {
            cut = mqttsn_read_u8(r);
            files[file].len -= cut < files[file].len ? cut : files[file].len;
        }
    }
    return whole;
}

/* ---- what is read ------------------------------------------------------ */

struct visitor {
    uint64_t last, count, stop_at;
    bool built;
};

static bool visit(void *user, const struct gw_journal_entry *entry)
{
    struct visitor *v = user;
    const struct gw_journal_record *record = &entry->record;

    MUST(entry->sequence > v->last);
    v->last = entry->sequence;
    v->count++;
    MUST(record->verb >= GW_JOURNAL_KEEP &&
         record->verb <= GW_JOURNAL_FORGET_OWNER);
    if (v->built) {
        size_t i = (size_t)entry->sequence - 1;

        MUST(entry->sequence <= written_count);
        MUST(record->verb == written[i].verb);
        MUST(record->kind == written[i].kind);
        MUST(record->owner == written[i].owner);
        MUST(record->item == written[i].item);
        MUST(mqttsn_span_equal(record->octets, written[i].octets));
    }
    return v->count != v->stop_at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_journal_report report;
    struct mqttsn_reader all, part;
    struct visitor v = {0};
    bool whole = true;
    unsigned flags;
    size_t first;

    prepare();
    mqttsn_reader_init(&all, mqttsn_span(data, size));
    flags = mqttsn_read_u8(&all);
    first = mqttsn_read_u16(&all);
    if (all.failed)
        return 0;
    if (first > all.left)
        first = all.left;
    written_count = 0;
    v.built = !(flags & 1);
    v.stop_at = flags & 8 ? 3 : 0;
    for (size_t i = 0; i < FILES; i++) {
        struct mqttsn_span octets =
            mqttsn_read_bytes(&all, i == 0 ? first : all.left);

        files[i].len = 0;
        mqttsn_reader_init(&part, octets);
        if (v.built)
            whole &= build(i, &part, flags);
        else
            put(i, octets.data, octets.len);
    }
    MUST(gw_journal_read(&settings, 0, visit, &v, &report) == MQTTSN_OK);
    MUST(report.records == v.count);
    MUST(report.files + report.foreign <= FILES);
    MUST(report.torn + report.damaged + report.foreign <= 2 * FILES);
    if (v.built && whole && !(flags & 14)) {
        MUST(v.count == written_count);
        MUST(report.torn == 0 && report.damaged == 0 && report.passed == 0);
        MUST(report.last == written_count);
    }
    return 0;
}
