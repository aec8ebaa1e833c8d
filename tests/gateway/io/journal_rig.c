/* SPDX-License-Identifier: MIT */
#include "journal_rig.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- faults ------------------------------------------------------------ */

struct rig_fault rig_open_fault, rig_write_fault, rig_truncate_fault,
    rig_sync_fault, rig_unlink_fault, rig_rename_fault, rig_read_fault;
unsigned rig_syncs;

static bool fails(struct rig_fault *fault)
{
    if (fault->in == 0)
        return false;
    if (fault->in > 1) {
        fault->in--;
        return false;
    }
    if (!fault->lasting)
        fault->in = 0;
    errno = fault->why;
    return true;
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t turned;
    bool stuck;
    unsigned standing;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .turned = PTHREAD_COND_INITIALIZER};

void rig_stick(bool stuck)
{
    pthread_mutex_lock(&disk.lock);
    disk.stuck = stuck;
    pthread_cond_broadcast(&disk.turned);
    pthread_mutex_unlock(&disk.lock);
}

void rig_wait_for_stuck(void)
{
    pthread_mutex_lock(&disk.lock);
    while (disk.standing == 0)
        pthread_cond_wait(&disk.turned, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
}

static void stand(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.standing++;
    pthread_cond_broadcast(&disk.turned);
    while (disk.stuck)
        pthread_cond_wait(&disk.turned, &disk.lock);
    disk.standing--;
    pthread_mutex_unlock(&disk.lock);
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) && fails(&rig_open_fault))
        return -1;
    return gw_files_system.open(path, flags, mode);
}

static ssize_t faulty_write(int fd, const void *buf, size_t len)
{
    stand();
    if (fails(&rig_write_fault)) {
        size_t n = rig_write_fault.partial;
        int why = errno;

        if (n != 0 && n < len)
            assert_int_equal(write(fd, buf, n), n);
        errno = why;
        return -1;
    }
    return gw_files_system.write(fd, buf, len);
}

static ssize_t faulty_read(int fd, void *buf, size_t len)
{
    return fails(&rig_read_fault) ? -1 : read(fd, buf, len);
}

static int faulty_truncate(int fd, off_t len)
{
    return fails(&rig_truncate_fault) ? -1 : ftruncate(fd, len);
}

static int faulty_sync(int fd)
{
    stand();
    rig_syncs++;
    return fails(&rig_sync_fault) ? -1 : fdatasync(fd);
}

static int faulty_unlink(const char *path)
{
    return fails(&rig_unlink_fault) ? -1 : unlink(path);
}

static int faulty_rename(const char *from, const char *to)
{
    return fails(&rig_rename_fault) ? -1 : rename(from, to);
}

uint64_t rig_room = UINT64_MAX;

static uint64_t faulty_room(const char *directory)
{
    (void)directory;
    return rig_room;
}

const struct gw_file_ops rig_files_faulty = {
    faulty_open, close, faulty_read,   faulty_write,  faulty_truncate,
    faulty_sync, fsync, faulty_rename, faulty_unlink, faulty_room,
};

/* ---- files ------------------------------------------------------------- */

struct names {
    char name[64][128];
    unsigned count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list(const struct rig *rig, const char *part, struct names *ret)
{
    DIR *directory = opendir(rig->directory);
    const struct dirent *entry;

    ret->count = 0;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.' || strstr(entry->d_name, part) == NULL)
            continue;
        assert_true(ret->count < 64);
        snprintf(ret->name[ret->count++], 128, "%.127s", entry->d_name);
    }
    closedir(directory);
    qsort(ret->name, ret->count, sizeof(ret->name[0]), by_name);
}

unsigned rig_files(const struct rig *rig, const char *part)
{
    struct names names;

    list(rig, part, &names);
    return names.count;
}

void rig_path(const struct rig *rig, const char *part, unsigned n, char *buf,
              size_t cap)
{
    struct names names;

    list(rig, part, &names);
    assert_true(n < names.count);
    snprintf(buf, cap, "%s/%s", rig->directory, names.name[n]);
}

uint8_t *rig_load(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);

    assert_non_null(file);
    assert_non_null(data);
    *ret_len = fread(data, 1, 1 << 20, file);
    assert_true(*ret_len < 1 << 20);
    fclose(file);
    return data;
}

void rig_save(const char *path, const uint8_t *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* ---- the journal ------------------------------------------------------- */

static uint32_t clock_s(void *user)
{
    (void)user;
    return 7;
}

void rig_begin(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    strcpy(rig->directory, "/tmp/journal-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    rig->settings = (struct gw_journal_settings){.directory = rig->directory,
                                                 .name = "gw.db",
                                                 .id = "0123456789abcde",
                                                 .limit = 1 << 20,
                                                 .clock_s = clock_s};
    rig_read_fault = rig_open_fault = rig_write_fault = rig_truncate_fault =
        rig_sync_fault = rig_unlink_fault = rig_rename_fault =
            (struct rig_fault){0};
    rig_syncs = 0;
}

void rig_end(struct rig *rig)
{
    struct names names;

    rig_close(rig);
    list(rig, "", &names);
    for (unsigned i = 0; i < names.count; i++) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", rig->directory, names.name[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(rig->directory), 0);
}

void rig_close(struct rig *rig)
{
    gw_journal_close(rig->journal);
    rig->journal = NULL;
}

void rig_open(struct rig *rig)
{
    rig_close(rig);
    (void)rig_read(rig);
    assert_int_equal(gw_journal_open(&rig->settings, rig->report.last + 1,
                                     &rig->report, &rig->journal),
                     MQTTSN_OK);
}

enum mqttsn_status rig_keep(struct rig *rig, uint8_t kind, uint32_t owner,
                            uint32_t item, const char *octets)
{
    const struct gw_journal_record record = {
        GW_JOURNAL_KEEP, kind, owner, item,
        mqttsn_span((const uint8_t *)octets, strlen(octets))};

    return gw_journal_append(rig->journal, &record, 1, NULL);
}

enum mqttsn_status rig_forget(struct rig *rig, uint8_t kind, uint32_t owner,
                              uint32_t item)
{
    const struct gw_journal_record record = {
        .verb = GW_JOURNAL_FORGET, .kind = kind, .owner = owner, .item = item};

    return gw_journal_append(rig->journal, &record, 1, NULL);
}

static bool visit(void *user, const struct gw_journal_entry *entry)
{
    struct rig *rig = user;
    const struct gw_journal_record *r = &entry->record;
    size_t at = strlen(rig->text);
    char *to = rig->text + at;
    size_t cap = sizeof(rig->text) - at;

    assert_int_equal(entry->at_s, 7);
    if (r->verb == GW_JOURNAL_KEEP)
        snprintf(to, cap, "%s+%u/%u/%u=%.*s", at ? " " : "", r->kind, r->owner,
                 r->item, (int)r->octets.len, (const char *)r->octets.data);
    else if (r->verb == GW_JOURNAL_FORGET)
        snprintf(to, cap, "%s-%u/%u/%u", at ? " " : "", r->kind, r->owner,
                 r->item);
    else
        snprintf(to, cap, "%s--%u", at ? " " : "", r->owner);
    return true;
}

const char *rig_read(struct rig *rig)
{
    rig->text[0] = '\0';
    assert_int_equal(
        gw_journal_read(&rig->settings, rig->after, visit, rig, &rig->report),
        MQTTSN_OK);
    return rig->text;
}
