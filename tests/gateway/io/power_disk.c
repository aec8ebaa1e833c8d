/* SPDX-License-Identifier: MIT */
#include "power_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#define FILES_MAX 4096
#define RENAMINGS_MAX 128
#define NAME 64
#define FDS 1024

/* What was done to a file, or to the names, and is not synced. */
struct change {
    int64_t at; /* of octets */
    size_t len;
    uint8_t *octets; /* NULL: the file ends at 'at' now */
};
struct file {
    bool used;
    unsigned opens;
    uint8_t *octets; /* that are synced */
    size_t len;
    size_t now_len;
    struct change *changes;
    size_t count;
};
struct name {
    char name[NAME];
    int file;
};
struct names {
    struct name name[FILES_MAX];
    unsigned count;
};
struct renaming {
    char from[NAME]; /* "": it is new */
    char to[NAME];   /* "": it is removed */
    int file;
};

static struct {
    char directory[64];
    uint64_t dice;
    struct file files[FILES_MAX];
    struct names now, synced;
    struct renaming renamings[RENAMINGS_MAX];
    unsigned renaming_count;
    int of_fd[FDS]; /* file + 1; 0: none of ours */
    unsigned operations, cut_at;
    bool off;
} disk;

uint32_t power_random(uint64_t *state, uint32_t n)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static void forget_changes(struct file *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->changes[i].octets);
    free(f->changes);
    f->changes = NULL;
    f->count = 0;
}

/* ---- names ------------------------------------------------------------- */

const char *power_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static int find(const struct names *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (strcmp(names->name[i].name, name) == 0)
            return names->name[i].file;
    }
    return POWER_NO_FILE;
}

static void set(struct names *names, const char *name, int file)
{
    unsigned i = 0;

    while (i < names->count && strcmp(names->name[i].name, name) != 0)
        i++;
    if (file == POWER_NO_FILE) {
        if (i < names->count)
            names->name[i] = names->name[--names->count];
        return;
    }
    assert_true(i < FILES_MAX);
    if (i == names->count)
        names->count++;
    assert_true(strlen(name) < NAME);
    strcpy(names->name[i].name, name);
    names->name[i].file = file;
}

static void rename_in(struct names *names, const struct renaming *r)
{
    if (r->from[0] != '\0')
        set(names, r->from, POWER_NO_FILE);
    if (r->to[0] != '\0')
        set(names, r->to, r->file);
}

void power_sync_names(void)
{
    disk.synced = disk.now;
    disk.renaming_count = 0;
}

void power_note_renaming(const char *from, const char *to, int file)
{
    struct renaming *r;

    /* As a system does by itself after some seconds. */
    if (disk.renaming_count == RENAMINGS_MAX)
        power_sync_names();
    r = &disk.renamings[disk.renaming_count++];
    assert_true(strlen(from) < NAME && strlen(to) < NAME);
    strcpy(r->from, from);
    strcpy(r->to, to);
    r->file = file;
    rename_in(&disk.now, r);
}

bool power_has(const char *name)
{
    return find(&disk.now, name) != POWER_NO_FILE;
}

static bool is_in(const struct names *names, int file)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (names->name[i].file == file)
            return true;
    }
    return false;
}

/* Without a name now, as synced or in between, and closed. */
static bool is_gone(int file)
{
    for (unsigned i = 0; i < disk.renaming_count; i++) {
        if (disk.renamings[i].file == file)
            return false;
    }
    return disk.files[file].opens == 0 && !is_in(&disk.now, file) &&
           !is_in(&disk.synced, file);
}

static void forget_file(int file)
{
    forget_changes(&disk.files[file]);
    free(disk.files[file].octets);
    disk.files[file] = (struct file){0};
}

static int new_file(void)
{
    int file = 0;

    while (file < FILES_MAX && disk.files[file].used && !is_gone(file))
        file++;
    assert_true(file < FILES_MAX);
    forget_file(file);
    disk.files[file].used = true;
    return file;
}

int power_opened(const char *name)
{
    int file = find(&disk.now, name);

    if (file == POWER_NO_FILE) {
        file = new_file();
        power_note_renaming("", name, file);
    }
    disk.files[file].opens++;
    return file;
}

void power_closed(int file)
{
    assert_true(disk.files[file].opens != 0);
    disk.files[file].opens--;
}

/* ---- octets ------------------------------------------------------------ */

static void apply(struct file *f, const struct change *c, size_t len)
{
    size_t to = (size_t)c->at + (c->octets != NULL ? len : 0);

    if (to > f->len) {
        f->octets = realloc(f->octets, to);
        assert_non_null(f->octets);
        memset(f->octets + f->len, 0, to - f->len);
        f->len = to;
    }
    if (c->octets == NULL)
        f->len = to;
    else if (len != 0)
        memcpy(f->octets + c->at, c->octets, len);
}

void power_note_change(int file, int64_t at, const void *octets, size_t len)
{
    struct file *f = &disk.files[file];
    struct change *c;

    f->changes = realloc(f->changes, (f->count + 1) * sizeof(*f->changes));
    assert_non_null(f->changes);
    c = &f->changes[f->count++];
    *c = (struct change){.at = at, .len = len};
    if (octets == NULL) {
        f->now_len = (size_t)at;
        return;
    }
    c->octets = malloc(len + 1);
    assert_non_null(c->octets);
    memcpy(c->octets, octets, len);
    if (f->now_len < (size_t)at + len)
        f->now_len = (size_t)at + len;
}

void power_sync_octets(int file)
{
    struct file *f = &disk.files[file];

    for (size_t i = 0; i < f->count; i++)
        apply(f, &f->changes[i], f->changes[i].len);
    forget_changes(f);
}

/* ---- the power --------------------------------------------------------- */

bool power_operate(void)
{
    if (!disk.off)
        disk.operations++;
    if (disk.operations == disk.cut_at)
        disk.off = true;
    if (disk.off)
        errno = EIO;
    return !disk.off;
}

void power_cut_in(unsigned n)
{
    disk.cut_at = n != 0 ? disk.operations + n : 0;
}

void power_cut(void)
{
    disk.off = true;
}

bool power_is_off(void)
{
    return disk.off;
}

unsigned power_operations(void)
{
    return disk.operations;
}

/* How much of a write gets to the disk. */
static size_t surviving(const struct change *c, enum power_loss loss)
{
    size_t border;

    if (loss == POWER_KILL)
        return c->len;
    if (loss == POWER_NONE)
        return 0;
    switch (power_random(&disk.dice, 3)) {
    case 0:
        return 0;
    case 1:
        return c->len;
    default:
        border = power_random(&disk.dice, (uint32_t)c->len + 1);
        border = ((size_t)c->at + border) / POWER_SECTOR * POWER_SECTOR;
        return border > (size_t)c->at ? border - (size_t)c->at : 0;
    }
}

static bool survives(enum power_loss loss)
{
    return loss == POWER_KILL ||
           (loss == POWER_DICE && power_random(&disk.dice, 2) == 0);
}

/* The part of a write that is in sectors from 'from' to 'to'. */
static void apply_within(struct file *f, const struct change *c, int64_t from,
                         int64_t to)
{
    int64_t end = c->at + (int64_t)c->len;
    struct change part = *c;

    part.at = c->at > from ? c->at : from;
    end = end < to ? end : to;
    if (part.at >= end)
        return;
    part.octets += part.at - c->at;
    apply(f, &part, (size_t)(end - part.at));
}

/* A sector is written whole: with a write survives what earlier ones had left
 * in its sectors. */
static void settle_change(struct file *f, size_t i, enum power_loss loss)
{
    const struct change *c = &f->changes[i];
    size_t len = surviving(c, loss), first = i;
    int64_t from, to;

    if (c->octets == NULL) {
        if (survives(loss))
            apply(f, c, 0);
        return;
    }
    if (len == 0)
        return;
    from = c->at / POWER_SECTOR * POWER_SECTOR;
    to =
        (c->at + (int64_t)len + POWER_SECTOR - 1) / POWER_SECTOR * POWER_SECTOR;
    while (first > 0 && f->changes[first - 1].octets != NULL)
        first--;
    for (; first < i; first++)
        apply_within(f, &f->changes[first], from, to);
    apply(f, c, len);
}

static void settle(enum power_loss loss)
{
    for (unsigned i = 0; i < disk.renaming_count; i++) {
        if (survives(loss))
            rename_in(&disk.synced, &disk.renamings[i]);
    }
    for (int n = 0; n < FILES_MAX; n++) {
        struct file *f = &disk.files[n];

        for (size_t i = 0; i < f->count; i++)
            settle_change(f, i, loss);
        forget_changes(f);
        f->now_len = f->len;
    }
    disk.now = disk.synced;
    disk.renaming_count = 0;
}

static void path_of(const char *name, char *path, size_t cap)
{
    assert_true(gw_files_path(path, cap, disk.directory, name, ""));
}

static void clear(void)
{
    DIR *directory = opendir(disk.directory);
    const struct dirent *entry;
    char path[GW_FILES_PATH_MAX];

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        path_of(entry->d_name, path, sizeof(path));
        assert_int_equal(unlink(path), 0);
    }
    closedir(directory);
}

static void write_image(void)
{
    for (unsigned i = 0; i < disk.now.count; i++) {
        const struct file *f = &disk.files[disk.now.name[i].file];
        char path[GW_FILES_PATH_MAX];
        int fd;

        path_of(disk.now.name[i].name, path, sizeof(path));
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, f->octets, f->len), f->len);
        close(fd);
    }
}

void power_return(enum power_loss loss)
{
    settle(loss);
    clear();
    write_image();
    disk.off = false;
    disk.cut_at = 0;
}

/* ---- below the journal ------------------------------------------------- */

static int power_open(const char *path, int flags, mode_t mode)
{
    bool makes = (flags & O_CREAT) && !power_has(power_base(path));
    int fd;

    if (makes && !power_operate())
        return -1;
    if (disk.off) {
        errno = EIO;
        return -1;
    }
    fd = gw_files_system.open(path, flags, mode);
    if (fd < 0 || (flags & O_DIRECTORY))
        return fd;
    assert_true(fd < FDS);
    disk.of_fd[fd] = power_opened(power_base(path)) + 1;
    return fd;
}

static int power_close(int fd)
{
    if (disk.of_fd[fd] != 0)
        power_closed(disk.of_fd[fd] - 1);
    disk.of_fd[fd] = 0;
    return close(fd);
}

static ssize_t power_write(int fd, const void *buf, size_t len)
{
    int file = disk.of_fd[fd] - 1;

    assert_true(file >= 0);
    if (!disk.off)
        power_note_change(file, (int64_t)disk.files[file].now_len, buf, len);
    return power_operate() ? write(fd, buf, len) : -1;
}

static int power_truncate(int fd, off_t len)
{
    int file = disk.of_fd[fd] - 1;

    if (!disk.off)
        power_note_change(file, len, NULL, 0);
    return power_operate() ? ftruncate(fd, len) : -1;
}

static int power_sync(int fd)
{
    if (!power_operate())
        return -1;
    power_sync_octets(disk.of_fd[fd] - 1);
    return 0;
}

static int power_sync_directory(int fd)
{
    (void)fd;
    if (!power_operate())
        return -1;
    power_sync_names();
    return 0;
}

static int power_rename(const char *from, const char *to)
{
    if (!power_operate() || rename(from, to) != 0)
        return -1;
    power_note_renaming(power_base(from), power_base(to),
                        find(&disk.now, power_base(from)));
    return 0;
}

static int power_unlink(const char *path)
{
    if (!power_operate() || unlink(path) != 0)
        return -1;
    power_note_renaming(power_base(path), "", POWER_NO_FILE);
    return 0;
}

const struct gw_file_ops power_files = {
    power_open,           power_close,    read,
    power_write,          power_truncate, power_sync,
    power_sync_directory, power_rename,   power_unlink,
    gw_files_room,
};

/* ---- life -------------------------------------------------------------- */

const char *power_begin(uint64_t seed)
{
    power_register_vfs();
    memset(&disk, 0, sizeof(disk));
    disk.dice = seed;
    /* In memory where that is possible: it is cleared a thousand times. */
    strcpy(disk.directory, "/dev/shm/power-XXXXXX");
    if (mkdtemp(disk.directory) == NULL) {
        strcpy(disk.directory, "/tmp/power-XXXXXX");
        assert_non_null(mkdtemp(disk.directory));
    }
    return disk.directory;
}

void power_end(void)
{
    clear();
    assert_int_equal(rmdir(disk.directory), 0);
    for (int i = 0; i < FILES_MAX; i++)
        forget_file(i);
}
