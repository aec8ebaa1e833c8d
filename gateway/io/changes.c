/* SPDX-License-Identifier: MIT */
/* A table that cannot grow leaves the element out and says so. */
#define HASH_NONFATAL_OOM 1
#include "changes.h"

#include <stdlib.h>
#include <string.h>

/* What the allocator and the tables take besides the structs. */
#define OVERHEAD 32u

struct gw_changes *gw_changes_new(void)
{
    return calloc(1, sizeof(struct gw_changes));
}

/* ---- owners ------------------------------------------------------------ */

static struct gw_changed_owner *find_owner(const struct gw_changes *c,
                                           uint32_t owner)
{
    struct gw_changed_owner *o;

    HASH_FIND(hh, c->owners, &owner, sizeof(owner), o);
    return o;
}

/* NULL: no memory. */
static struct gw_changed_owner *get_owner(struct gw_changes *c, uint32_t owner)
{
    struct gw_changed_owner *o = find_owner(c, owner);
    bool added = true;

    if (o != NULL)
        return o;
    o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    o->owner = owner;
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) (added = false)
    HASH_ADD(hh, c->owners, owner, sizeof(o->owner), o);
    if (!added) {
        free(o);
        return NULL;
    }
    c->octets += sizeof(*o) + OVERHEAD;
    return o;
}

static void put_owner_if_empty(struct gw_changes *c, struct gw_changed_owner *o)
{
    if (o->changes != NULL || o->forgotten)
        return;
    HASH_DELETE(hh, c->owners, o);
    c->octets -= sizeof(*o) + OVERHEAD;
    free(o);
}

static bool has_owner(struct gw_key key)
{
    return key.kind < GW_JOURNAL_SHELL && key.owner != 0;
}

/* ---- changes ----------------------------------------------------------- */

static struct gw_change *find(const struct gw_changes *c, struct gw_key key)
{
    struct gw_change *change;

    HASH_FIND(hh, c->changes, &key, sizeof(key), change);
    return change;
}

static void take_out(struct gw_changes *c, struct gw_change *change)
{
    struct gw_changed_owner *o = NULL;

    if (has_owner(change->key))
        o = find_owner(c, change->key.owner);
    if (change->owner_next != NULL)
        change->owner_next->owner_prev = change->owner_prev;
    if (change->owner_prev != NULL)
        change->owner_prev->owner_next = change->owner_next;
    else if (o != NULL)
        o->changes = change->owner_next;
    HASH_DELETE(hh, c->changes, change);
    c->octets -= sizeof(*change) + change->len + OVERHEAD;
    free(change);
    if (o != NULL)
        put_owner_if_empty(c, o);
}

static void put_in(struct gw_changes *c, struct gw_key key, bool keep,
                   uint32_t at_s, struct mqttsn_span octets)
{
    struct gw_change *change = malloc(sizeof(*change) + octets.len);
    struct gw_changed_owner *o = NULL;
    bool added = true;

    if (change != NULL && has_owner(key)) {
        o = get_owner(c, key.owner);
        added = o != NULL;
    }
    if (change == NULL || !added) {
        free(change);
        c->incomplete = true;
        return;
    }
    *change = (struct gw_change){
        .key = key, .at_s = at_s, .len = (uint32_t)octets.len, .keep = keep};
    if (octets.len != 0)
        memcpy(change->octets, octets.data, octets.len);
    HASH_ADD(hh, c->changes, key, sizeof(change->key), change);
    if (!added) {
        free(change);
        c->incomplete = true;
        if (o != NULL)
            put_owner_if_empty(c, o);
        return;
    }
    c->octets += sizeof(*change) + change->len + OVERHEAD;
    if (o != NULL) {
        change->owner_next = o->changes;
        if (o->changes != NULL)
            o->changes->owner_prev = change;
        o->changes = change;
    }
}

/* ---- the three verbs --------------------------------------------------- */

static void keep(struct gw_changes *c, struct gw_key key, uint32_t at_s,
                 struct mqttsn_span octets)
{
    struct gw_change *change = find(c, key);

    if (change != NULL && change->keep && change->len == octets.len) {
        if (octets.len != 0)
            memcpy(change->octets, octets.data, octets.len);
        change->at_s = at_s;
        return;
    }
    if (change != NULL)
        take_out(c, change);
    put_in(c, key, true, at_s, octets);
}

static void forget(struct gw_changes *c, struct gw_key key,
                   gw_changes_stored *stored, void *user)
{
    struct gw_change *change = find(c, key);
    bool there = stored(user, key) &&
                 !(has_owner(key) && gw_changes_forget_owner(c, key.owner));

    if (change != NULL && !change->keep && there)
        return;
    if (change != NULL)
        take_out(c, change);
    if (there)
        put_in(c, key, false, 0, mqttsn_span(NULL, 0));
}

static void forget_owner(struct gw_changes *c, uint32_t owner,
                         gw_changes_stored *stored, void *user)
{
    struct gw_changed_owner *o;

    if (owner == 0)
        return; /* that is nobody */
    o = get_owner(c, owner);
    if (o == NULL) {
        c->incomplete = true;
        return;
    }
    o->forgotten |=
        stored(user, (struct gw_key){.kind = GW_KEY_OWNER, .owner = owner});
    while (o->changes != NULL && o->changes->owner_next != NULL)
        take_out(c, o->changes);
    if (o->changes != NULL)
        take_out(c, o->changes); /* and, if need be, the owner */
    else
        put_owner_if_empty(c, o);
}

void gw_changes_apply(struct gw_changes *c,
                      const struct gw_journal_record *record, uint32_t at_s,
                      gw_changes_stored *stored, void *user)
{
    const struct gw_key key = {record->kind, record->owner, record->item};

    if (record->verb == GW_JOURNAL_KEEP)
        keep(c, key, at_s, record->octets);
    else if (record->verb == GW_JOURNAL_FORGET)
        forget(c, key, stored, user);
    else
        forget_owner(c, record->owner, stored, user);
}

/* ---- as a whole -------------------------------------------------------- */

void gw_changes_merge(struct gw_changes *earlier, struct gw_changes *later,
                      gw_changes_stored *stored, void *user)
{
    for (const struct gw_changed_owner *o = later->owners; o != NULL;
         o = o->hh.next) {
        if (o->forgotten)
            forget_owner(earlier, o->owner, stored, user);
    }
    for (const struct gw_change *change = later->changes; change != NULL;
         change = change->hh.next) {
        if (change->keep)
            keep(earlier, change->key, change->at_s,
                 mqttsn_span(change->octets, change->len));
        else
            forget(earlier, change->key, stored, user);
    }
    earlier->incomplete |= later->incomplete;
    gw_changes_free(later);
}

int gw_key_compare(struct gw_key a, struct gw_key b)
{
    if (a.kind != b.kind)
        return a.kind < b.kind ? -1 : 1;
    if (a.owner != b.owner)
        return a.owner < b.owner ? -1 : 1;
    return a.item < b.item ? -1 : a.item > b.item;
}

static int by_key(const struct gw_change *a, const struct gw_change *b)
{
    return gw_key_compare(a->key, b->key);
}

void gw_changes_sort(struct gw_changes *c, pthread_mutex_t *lock)
{
    struct gw_change *first = c->changes;

    /* Looking a key up follows the buckets, which stay, from any element. */
    HASH_SORT(first, by_key);
    if (lock != NULL)
        pthread_mutex_lock(lock);
    c->changes = first;
    if (lock != NULL)
        pthread_mutex_unlock(lock);
}

void gw_changes_prune(struct gw_changes *c, gw_changes_stored *stored,
                      void *user)
{
    struct gw_change *change, *next;
    struct gw_changed_owner *o, *next_owner;

    for (change = c->changes; change != NULL; change = next) {
        next = change->hh.next;
        if (!change->keep && !stored(user, change->key))
            take_out(c, change);
    }
    for (o = c->owners; o != NULL; o = next_owner) {
        next_owner = o->hh.next;
        o->forgotten =
            o->forgotten && stored(user, (struct gw_key){.kind = GW_KEY_OWNER,
                                                         .owner = o->owner});
        put_owner_if_empty(c, o);
    }
}

bool gw_changes_mention(const struct gw_changes *c, struct gw_key key)
{
    if (key.kind == GW_KEY_OWNER)
        return find_owner(c, key.owner) != NULL;
    return find(c, key) != NULL;
}

bool gw_changes_forget_owner(const struct gw_changes *c, uint32_t owner)
{
    const struct gw_changed_owner *o = find_owner(c, owner);

    return o != NULL && o->forgotten;
}

bool gw_changes_are_none(const struct gw_changes *c)
{
    return c->changes == NULL && c->owners == NULL;
}

void gw_changes_free(struct gw_changes *c)
{
    struct gw_change *change, *next;
    struct gw_changed_owner *o, *next_owner;

    if (c == NULL)
        return;
    change = c->changes;
    o = c->owners;
    HASH_CLEAR(hh, c->changes);
    HASH_CLEAR(hh, c->owners);
    for (; change != NULL; change = next) {
        next = change->hh.next;
        free(change);
    }
    for (; o != NULL; o = next_owner) {
        next_owner = o->hh.next;
        free(o);
    }
    free(c);
}
