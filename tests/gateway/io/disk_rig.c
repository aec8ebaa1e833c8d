/* SPDX-License-Identifier: MIT */
#include "disk_rig.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- lists ------------------------------------------------------------- */

static struct disk_record *add(struct disk_list *list)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 64 : 2 * list->cap;
        list->records =
            realloc(list->records, list->cap * sizeof(*list->records));
        assert_non_null(list->records);
    }
    return memset(&list->records[list->count++], 0, sizeof(*list->records));
}

static struct disk_record *find(const struct disk_list *list, uint8_t kind,
                                uint32_t owner, uint32_t item)
{
    for (size_t i = 0; i < list->count; i++) {
        struct disk_record *r = &list->records[i];

        if (r->kind == kind && r->owner == owner && r->item == item)
            return r;
    }
    return NULL;
}

const struct disk_record *disk_find(const struct disk_list *list, uint8_t kind,
                                    uint32_t owner, uint32_t item)
{
    return find(list, kind, owner, item);
}

static void remove_at(struct disk_list *list, size_t i)
{
    list->records[i] = list->records[--list->count];
}

static int by_key(const void *a, const void *b)
{
    const struct disk_record *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

bool disk_note(void *user, const struct gw_disk_entry *entry)
{
    struct disk_list *list = user;
    struct disk_record *r = add(list);

    assert_true(entry->octets.len <= sizeof(r->octets));
    r->kind = entry->kind;
    r->owner = entry->owner;
    r->item = entry->item;
    r->age_s = entry->age_s;
    r->len = entry->octets.len;
    if (r->len != 0)
        memcpy(r->octets, entry->octets.data, r->len);
    /* In order, and each once. */
    if (list->count > 1)
        assert_true(by_key(r - 1, r) < 0);
    return list->unknown == 0 || r->kind != list->unknown;
}

/* ---- life -------------------------------------------------------------- */

static uint64_t now_s(void *user)
{
    return ((const struct disk_rig *)user)->now_s;
}

static uint64_t wall_s(void *user)
{
    return ((const struct disk_rig *)user)->wall_s;
}

void disk_begin(struct disk_rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    strcpy(rig->directory, "/tmp/store-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    snprintf(rig->path, sizeof(rig->path), "%s/gw.db", rig->directory);
    rig->now_s = 100;
    rig->wall_s = 1800000000;
    rig->settings = (struct gw_disk_settings){
        .path = rig->path, .now_s = now_s, .wall_s = wall_s, .user = rig};
    rig_room = UINT64_MAX;
    rig_open_fault = rig_write_fault = rig_truncate_fault = rig_sync_fault =
        rig_unlink_fault = rig_rename_fault = (struct rig_fault){0};
}

static void as_rig(const struct disk_rig *rig, struct rig *ret)
{
    memset(ret, 0, sizeof(*ret));
    strcpy(ret->directory, rig->directory);
}

unsigned disk_files(const struct disk_rig *rig, const char *part)
{
    struct rig other;

    as_rig(rig, &other);
    return rig_files(&other, part);
}

void disk_file(const struct disk_rig *rig, const char *part, char *buf,
               size_t cap)
{
    struct rig other;

    as_rig(rig, &other);
    rig_path(&other, part, 0, buf, cap);
}

void disk_remove(const struct disk_rig *rig, const char *part)
{
    char path[256];

    while (disk_files(rig, part) != 0) {
        disk_file(rig, part, path, sizeof(path));
        assert_int_equal(unlink(path), 0);
    }
}

void disk_end(struct disk_rig *rig)
{
    disk_shut(rig);
    disk_remove(rig, "");
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig->model.records);
    free(rig->found.records);
}

enum mqttsn_status disk_try_open(struct disk_rig *rig)
{
    enum mqttsn_status status = gw_disk_open(&rig->settings, &rig->disk);

    if (status != MQTTSN_OK)
        return status;
    rig->found.count = 0;
    status = gw_disk_restore(rig->disk, disk_note, &rig->found, &rig->report);
    if (status != MQTTSN_OK)
        disk_shut(rig);
    else
        assert_int_equal(rig->report.records, rig->found.count);
    return status;
}

void disk_open(struct disk_rig *rig)
{
    assert_int_equal(disk_try_open(rig), MQTTSN_OK);
}

void disk_shut(struct disk_rig *rig)
{
    gw_disk_close(rig->disk);
    rig->disk = NULL;
}

/* ---- records ----------------------------------------------------------- */

enum mqttsn_status disk_keep(struct disk_rig *rig, uint8_t kind, uint32_t owner,
                             uint32_t item, const char *octets)
{
    const struct gw_journal_record record = {
        GW_JOURNAL_KEEP, kind, owner, item,
        mqttsn_span((const uint8_t *)octets, strlen(octets))};
    enum mqttsn_status status = gw_disk_append(rig->disk, &record, 1);
    struct disk_record *r;

    if (status != MQTTSN_OK)
        return status;
    r = find(&rig->model, kind, owner, item);
    if (r == NULL)
        r = add(&rig->model);
    r->kind = kind;
    r->owner = owner;
    r->item = item;
    r->len = strlen(octets);
    assert_true(r->len <= sizeof(r->octets));
    memcpy(r->octets, octets, r->len);
    return status;
}

enum mqttsn_status disk_forget(struct disk_rig *rig, uint8_t kind,
                               uint32_t owner, uint32_t item)
{
    const struct gw_journal_record record = {
        .verb = GW_JOURNAL_FORGET, .kind = kind, .owner = owner, .item = item};
    enum mqttsn_status status = gw_disk_append(rig->disk, &record, 1);
    struct disk_record *r = find(&rig->model, kind, owner, item);

    if (status == MQTTSN_OK && r != NULL)
        remove_at(&rig->model, (size_t)(r - rig->model.records));
    return status;
}

enum mqttsn_status disk_forget_owner(struct disk_rig *rig, uint32_t owner)
{
    const struct gw_journal_record record = {.verb = GW_JOURNAL_FORGET_OWNER,
                                             .owner = owner};
    enum mqttsn_status status = gw_disk_append(rig->disk, &record, 1);

    for (size_t i = rig->model.count; status == MQTTSN_OK && i-- > 0;) {
        if (rig->model.records[i].owner == owner &&
            rig->model.records[i].kind < GW_JOURNAL_SHELL)
            remove_at(&rig->model, i);
    }
    return status;
}

void disk_flush(struct disk_rig *rig)
{
    enum mqttsn_status status = gw_disk_flush(rig->disk, rig->why);

    if (status != MQTTSN_OK)
        print_message("    flush: %s\n", rig->why);
    assert_int_equal(status, MQTTSN_OK);
}

void disk_check(const struct disk_rig *rig)
{
    assert_int_equal(rig->found.count, rig->model.count);
    if (rig->model.count > 1)
        qsort(rig->model.records, rig->model.count, sizeof(*rig->model.records),
              by_key);
    for (size_t i = 0; i < rig->model.count; i++) {
        const struct disk_record *want = &rig->model.records[i];
        const struct disk_record *found = &rig->found.records[i];

        assert_int_equal(by_key(want, found), 0);
        assert_int_equal(want->len, found->len);
        assert_memory_equal(want->octets, found->octets, want->len);
    }
}

void disk_reopen(struct disk_rig *rig)
{
    disk_shut(rig);
    disk_open(rig);
    disk_check(rig);
}
