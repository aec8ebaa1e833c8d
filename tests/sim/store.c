/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *rows, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return rows;
    *room = *room == 0 ? 128 : *room * 2;
    rows = realloc(rows, *room * size);
    assert(rows != NULL);
    return rows;
}

static void clear(struct store *s)
{
    for (size_t i = 0; i < s->op_count; i++)
        free(s->ops[i].data);
    for (size_t i = 0; i < s->record_count; i++)
        free(s->records[i].data);
    s->op_count = s->record_count = s->waiting = 0;
}

void store_init(struct sim *sim)
{
    clear(&sim->store);
    rng_init(&sim->store.random, sim->seed, "store", 0);
    sim->store.arrival_count = 0;
    sim->store.next_arrival = 0;
    sim->store.life = 0;
    sim->store.last_due = 0;
}

void store_free(struct store *store)
{
    clear(store);
    free(store->ops);
    free(store->records);
    memset(store, 0, sizeof(*store));
}

bool store_is_idle(const struct sim *sim)
{
    return sim->store.op_count == 0;
}

void store_expect_nothing(struct sim *sim)
{
    const struct store *s = &sim->store;

    /* What a store cannot forget, it keeps. */
    if (sim->o.store_fails != 0 || !store_is_idle(sim))
        return;
    for (size_t i = 0; i < s->record_count; i++)
        sim_fail(sim, "L3", "a record is left: kind=%u owner=%u item=%u",
                 s->records[i].kind, s->records[i].owner, s->records[i].item);
    if (s->arrival_count != 0)
        sim_fail(sim, "L3", "%zu arrivals are left", s->arrival_count);
}

/* ---- what is on the disk ----------------------------------------------- */

void store_adjust(struct options *options)
{
    (void)options;
}

bool store_arrival(struct sim *sim, const struct outgoing *outgoing,
                   uint32_t *ret_number)
{
    struct store *s = &sim->store;

    *ret_number = 0;
    if (!sim->o.durable || outgoing->qos == 0)
        return true;
    if (s->arrival_count == STORE_ARRIVALS)
        sim_fail(sim, "store", "%d arrivals were never forgotten",
                 STORE_ARRIVALS);
    s->arrivals[s->arrival_count].outgoing = *outgoing;
    s->arrivals[s->arrival_count++].number = ++s->next_arrival;
    *ret_number = s->next_arrival;
    return true;
}

static void forget_arrival(struct store *s, uint32_t number)
{
    for (size_t i = 0; i < s->arrival_count; i++) {
        if (s->arrivals[i].number != number)
            continue;
        s->arrival_count--;
        memmove(&s->arrivals[i], &s->arrivals[i + 1],
                (s->arrival_count - i) * sizeof(s->arrivals[0]));
        return;
    }
}

static void apply(struct store *s, struct store_op *op)
{
    const struct gw_store_action *a = &op->action;

    if (a->verb == GW_STORE_FORGET && a->kind == GW_RECORD_ARRIVAL) {
        forget_arrival(s, a->item);
        return;
    }

    for (size_t i = s->record_count; i-- > 0;) {
        struct store_record *r = &s->records[i];

        if (r->owner != a->owner ||
            (a->verb != GW_STORE_FORGET_OWNER &&
             (r->kind != a->kind || r->item != a->item)))
            continue;
        free(r->data);
        *r = s->records[--s->record_count];
    }
    if (a->verb != GW_STORE_KEEP)
        return;
    s->records =
        grow(s->records, s->record_count, &s->record_room, sizeof(*s->records));
    s->records[s->record_count++] = (struct store_record){.kind = a->kind,
                                                          .owner = a->owner,
                                                          .item = a->item,
                                                          .len = a->len,
                                                          .data = op->data};
    op->data = NULL;
}

/* The first 'count' operations leave the journal for the records. */
static void settle(struct store *s, size_t count, bool keep)
{
    for (size_t i = 0; i < count; i++) {
        if (keep && !s->ops[i].failed)
            apply(s, &s->ops[i]);
        free(s->ops[i].data);
    }
    s->op_count -= count;
    memmove(s->ops, s->ops + count, s->op_count * sizeof(*s->ops));
}

static int order(const void *a, const void *b)
{
    const struct store_record *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

bool store_close(struct sim *sim)
{
    struct store *s = &sim->store;
    bool room = s->waiting < GW_STORE_INFLIGHT;

    settle(s, s->op_count, sim->o.durable != 0);
    s->waiting = 0;
    return room;
}

bool store_crash(struct sim *sim)
{
    struct store *s = &sim->store;
    size_t safe = 0;

    s->life++;
    s->last_due = 0;
    if (!sim->o.durable) {
        clear(s);
        return false;
    }
    for (size_t i = 0; i < s->op_count; i++)
        if (s->ops[i].reported)
            safe = i + 1;
    settle(s, safe + rng_below(&s->random, (uint32_t)(s->op_count - safe) + 1),
           true);
    settle(s, s->op_count, false); /* lost */
    s->waiting = 0;
    if (s->record_count > 0)
        qsort(s->records, s->record_count, sizeof(*s->records), order);
    return false;
}

void store_refused(struct sim *sim, const struct store_record *record)
{
    /* It stays, and is refused again. */
    (void)sim;
    (void)record;
}

/* ---- operations -------------------------------------------------------- */

static void complete(struct sim *sim, struct event *event)
{
    struct store *s = &sim->store;
    size_t done = 0;
    bool ok = true;

    if (event->actor != (unsigned)s->life)
        return;
    for (size_t i = 0; i < s->op_count; i++) {
        if (s->ops[i].action.op != event->number)
            continue;
        s->ops[i].reported = true;
        s->waiting--;
        ok = !s->ops[i].failed;
        break;
    }
    while (done < s->op_count && s->ops[done].reported)
        done++;
    settle(s, done, sim->o.durable != 0);
    gateway_stored(sim, event->number, ok);
}

void store_take(struct sim *sim, const struct gw_store_action *action,
                const uint8_t *data)
{
    struct store *s = &sim->store;
    struct store_op op = {.action = *action};
    mqttsn_ms due = sim->now;
    struct event *event;

    if (++s->waiting > GW_STORE_INFLIGHT)
        sim_fail(sim, "S9", "more than GW_STORE_INFLIGHT operations wait");
    if (sim->o.durable && action->verb == GW_STORE_KEEP) {
        op.data = malloc(action->len + 1);
        assert(op.data != NULL);
        memcpy(op.data, data, action->len);
    }
    if (!sim->healed) {
        due += rng_below(&s->random, (uint32_t)sim->o.store_ms + 1);
        op.failed = rng_chance(&s->random, sim->o.store_fails);
        if (!sim->o.store_shuffle && due < s->last_due)
            due = s->last_due;
        s->last_due = due;
    }
    s->ops = grow(s->ops, s->op_count, &s->op_room, sizeof(*s->ops));
    s->ops[s->op_count++] = op;
    event = queue_add(&sim->queue, due, complete, NULL, 0);
    event->actor = (unsigned)s->life;
    event->number = action->op;
}
