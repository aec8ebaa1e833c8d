/* SPDX-License-Identifier: MIT */
#include "fair.h"

#include <assert.h>
#include <stdlib.h>

#include "core/siphash.h"

#define NONE UINT32_MAX
#define SLOTS_MAX 32768u

struct slot {
    struct gw_addr from;
    struct gw_via via;
    uint32_t len;
    uint32_t next; /* in its source's queue, or in the list of free slots */
    uint32_t prev; /* in its source's queue */
};

/* A source with at least one datagram queued. */
struct source {
    struct gw_addr addr;
    uint32_t head, tail, count; /* slots, oldest first */
    uint32_t deficit;           /* octets it may still take in this round */
    uint32_t bucket;
    uint32_t chain;      /* in its bucket, or in the list of free sources */
    uint32_t next, prev; /* the round */
};

struct gw_fair {
    size_t slot_size;
    uint32_t slots, queued, sources_used;
    uint32_t quantum;
    uint8_t key[16];

    struct slot *slot;     /* slots + GW_FAIR_BATCH */
    struct source *source; /* slots: each holds at least one datagram */
    uint32_t *bucket;
    uint32_t bucket_mask;
    uint8_t *data;

    uint32_t free_slot, fresh_slot;
    uint32_t free_source, fresh_source;
    uint32_t current; /* whose turn it is; NONE when nothing is queued */
    uint32_t victim;  /* where the search for a donor goes on */
    uint32_t lent;    /* the slot of the item given out last */
    uint32_t room[GW_FAIR_BATCH];
};

/* ---- slots and sources ------------------------------------------------- */

/* Slots are handed out from a high-water mark only when none has come back,
 * so that memory which a quiet gateway never needs is never touched. */
static uint32_t slot_take(struct gw_fair *f)
{
    uint32_t s = f->free_slot;

    if (s == NONE) {
        assert(f->fresh_slot < f->slots + GW_FAIR_BATCH);
        return f->fresh_slot++;
    }
    f->free_slot = f->slot[s].next;
    return s;
}

static void slot_give(struct gw_fair *f, uint32_t s)
{
    f->slot[s].next = f->free_slot;
    f->free_slot = s;
}

static uint32_t bucket_of(const struct gw_fair *f, const struct gw_addr *addr)
{
    return (uint32_t)gw_siphash13(f->key, addr, sizeof(*addr)) & f->bucket_mask;
}

static uint32_t source_find(const struct gw_fair *f, uint32_t bucket,
                            const struct gw_addr *addr)
{
    uint32_t i = f->bucket[bucket];

    while (i != NONE && !gw_addr_equal(&f->source[i].addr, addr))
        i = f->source[i].chain;
    return i;
}

static uint32_t source_add(struct gw_fair *f, uint32_t bucket,
                           const struct gw_addr *addr)
{
    uint32_t i = f->free_source;
    struct source *s;

    if (i == NONE)
        i = f->fresh_source++;
    else
        f->free_source = f->source[i].chain;
    s = &f->source[i];
    *s = (struct source){.addr = *addr,
                         .head = NONE,
                         .tail = NONE,
                         .bucket = bucket,
                         .chain = f->bucket[bucket]};
    f->bucket[bucket] = i;

    /* At the end of the round: just before the one whose turn it is. */
    if (f->current == NONE) {
        s->next = s->prev = i;
        f->current = i;
        s->deficit = f->quantum;
    } else {
        s->next = f->current;
        s->prev = f->source[f->current].prev;
        f->source[s->prev].next = i;
        f->source[s->next].prev = i;
    }
    f->sources_used++;
    return i;
}

static void turn_to(struct gw_fair *f, uint32_t i)
{
    f->current = i;
    f->source[i].deficit += f->quantum;
}

static void source_remove(struct gw_fair *f, uint32_t i)
{
    struct source *s = &f->source[i];
    uint32_t *link = &f->bucket[s->bucket];

    while (*link != i)
        link = &f->source[*link].chain;
    *link = s->chain;

    f->source[s->prev].next = s->next;
    f->source[s->next].prev = s->prev;
    if (f->victim == i)
        f->victim = s->next == i ? NONE : s->next;
    if (s->next == i)
        f->current = NONE;
    else if (f->current == i)
        turn_to(f, s->next);

    s->chain = f->free_source;
    f->free_source = i;
    f->sources_used--;
}

/* Drops the newest datagram of a source that has more than one; returns its
 * listener. */
static int drop_newest(struct gw_fair *f, uint32_t i)
{
    struct source *s = &f->source[i];
    uint32_t at = s->tail;
    int listener = f->slot[at].via.listener;

    assert(s->count > 1);
    s->tail = f->slot[at].prev;
    f->slot[s->tail].next = NONE;
    s->count--;
    f->queued--;
    slot_give(f, at);
    return listener;
}

/* A source that holds more than 'share'; NONE when there is none. The search
 * goes on where the last one ended, so that no donor is asked twice before all
 * others were, and a crowd of small ones is not walked again each time. */
static uint32_t find_donor(struct gw_fair *f, uint32_t share)
{
    uint32_t i = f->victim != NONE ? f->victim : f->current;

    for (uint32_t n = 0; n < f->sources_used; n++) {
        if (f->source[i].count > share) {
            f->victim = i;
            return i;
        }
        i = f->source[i].next;
    }
    return NONE;
}

/* ---- the door ---------------------------------------------------------- */

enum mqttsn_status gw_fair_new(uint32_t slots, size_t slot_size,
                               uint32_t quantum, const uint8_t seed[16],
                               struct gw_fair **ret_fair)
{
    struct gw_fair *f;
    uint32_t buckets = 16;

    if (slots == 0 || slots > SLOTS_MAX || slot_size == 0 || quantum == 0 ||
        slot_size > UINT16_MAX || quantum > INT32_MAX)
        return MQTTSN_EINVAL;
    while (buckets < 2 * slots)
        buckets *= 2;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return MQTTSN_ENOSPACE;
    f->slot = malloc((slots + GW_FAIR_BATCH) * sizeof(*f->slot));
    f->source = malloc(slots * sizeof(*f->source));
    f->bucket = malloc(buckets * sizeof(*f->bucket));
    f->data = malloc((slots + GW_FAIR_BATCH) * slot_size);
    if (f->slot == NULL || f->source == NULL || f->bucket == NULL ||
        f->data == NULL) {
        gw_fair_free(f);
        return MQTTSN_ENOSPACE;
    }
    memcpy(f->key, seed, sizeof(f->key));
    f->slots = slots;
    f->slot_size = slot_size;
    f->quantum = quantum;
    f->bucket_mask = buckets - 1;
    for (uint32_t i = 0; i < buckets; i++)
        f->bucket[i] = NONE;
    f->free_slot = f->free_source = NONE;
    f->current = f->victim = f->lent = NONE;
    for (unsigned i = 0; i < GW_FAIR_BATCH; i++)
        f->room[i] = f->fresh_slot++;
    *ret_fair = f;
    return MQTTSN_OK;
}

void gw_fair_free(struct gw_fair *f)
{
    if (f == NULL)
        return;
    free(f->slot);
    free(f->source);
    free(f->bucket);
    free(f->data);
    free(f);
}

uint8_t *gw_fair_room(struct gw_fair *f, unsigned i)
{
    assert(i < GW_FAIR_BATCH);
    return f->data + f->room[i] * f->slot_size;
}

static void lent_comes_back(struct gw_fair *f)
{
    if (f->lent == NONE)
        return;
    slot_give(f, f->lent);
    f->lent = NONE;
}

int gw_fair_push(struct gw_fair *f, unsigned i, const struct gw_addr *source,
                 const struct gw_addr *from, const struct gw_via *via,
                 size_t len)
{
    uint32_t bucket = bucket_of(f, source);
    uint32_t at = source_find(f, bucket, source);
    uint32_t slot = f->room[i];
    int dropped = -1;

    assert(i < GW_FAIR_BATCH && len <= f->slot_size);
    lent_comes_back(f);
    if (f->queued == f->slots) {
        uint32_t share =
            f->slots / (at == NONE ? f->sources_used + 1 : f->sources_used);
        uint32_t donor = NONE;

        if ((at == NONE ? 0 : f->source[at].count) < share)
            donor = find_donor(f, share);
        if (donor == NONE)
            return via->listener; /* the room stays as it is */
        dropped = drop_newest(f, donor);
    }
    if (at == NONE)
        at = source_add(f, bucket, source);

    struct source *s = &f->source[at];

    f->slot[slot] = (struct slot){.from = *from,
                                  .via = *via,
                                  .len = (uint32_t)len,
                                  .next = NONE,
                                  .prev = s->tail};
    if (s->tail == NONE)
        s->head = slot;
    else
        f->slot[s->tail].next = slot;
    s->tail = slot;
    s->count++;
    f->queued++;
    f->room[i] = slot_take(f);
    return dropped;
}

bool gw_fair_pop(struct gw_fair *f, struct gw_fair_item *ret_item)
{
    struct source *s;
    struct slot *slot;
    uint32_t cost;

    lent_comes_back(f);
    if (f->current == NONE)
        return false;

    /* Each turn adds a quantum, so this ends. */
    for (;;) {
        s = &f->source[f->current];
        slot = &f->slot[s->head];
        cost = slot->len + GW_FAIR_OVERHEAD;
        if (s->deficit >= cost)
            break;
        turn_to(f, s->next);
    }

    f->lent = s->head;
    s->deficit -= cost;
    s->head = slot->next;
    s->count--;
    f->queued--;
    if (s->head != NONE) {
        f->slot[s->head].prev = NONE;
    } else {
        s->tail = NONE;
        source_remove(f, f->current);
    }
    *ret_item = (struct gw_fair_item){
        &slot->from, &slot->via,
        mqttsn_span(f->data + f->lent * f->slot_size, slot->len)};
    return true;
}

uint32_t gw_fair_queued(const struct gw_fair *f)
{
    return f->queued;
}

uint32_t gw_fair_spare(const struct gw_fair *f)
{
    return f->slots - f->queued;
}
