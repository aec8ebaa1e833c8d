/* SPDX-License-Identifier: MIT */
/*
 * The store of the gateway itself (gateway/io) in the place of the model's, on
 * a disk whose power can be cut below it (tests/gateway/io/power_disk.h).
 *
 * What the store's threads do, append and flush, is done here by events, each
 * at its own time and whole (store_work.h), so that a seed is a seed. The disk
 * ends at an operation that was drawn, in the middle of whatever the store was
 * doing, or together with the gateway between two; what was not synced then
 * survives a kill, and of a cut of power nothing or some. The gateway is
 * started again on what is left.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"
#include "io/store_work.h"
#include "power_disk.h"

#define WALL_S UINT64_C(1800000000)

/* Attempts to start that the power may end. */
#define STARTS 3

/* There is one disk in a process. */
static struct {
    bool begun;
    char path[96];
    struct gw_disk *disk;
    struct gw_store_work *work;
    bool append_due, news_due;
    bool gap;             /* found at the start */
    size_t waiting;       /* submitted and not taken */
    uint64_t flushes;     /* of this life */
    uint64_t wall_back_s; /* what the wall clock has lost */
    struct gw_journal_record refused[4096];
    size_t refused_count;
} real;

void store_adjust(struct options *options)
{
    options->durable = 1;
    options->transparent = 0;
}

/* ---- the disk ---------------------------------------------------------- */

static void close_disk(void)
{
    gw_store_work_free(real.work);
    gw_disk_close(real.disk);
    real.work = NULL;
    real.disk = NULL;
}

static void end_disk(void)
{
    if (!real.begun)
        return;
    power_cut();
    close_disk();
    power_end();
    memset(&real, 0, sizeof(real));
}

static uint64_t now_s(void *user)
{
    return ((const struct sim *)user)->now / 1000;
}

static uint64_t wall_s(void *user)
{
    return WALL_S + now_s(user) - real.wall_back_s;
}

static void clear(struct store *s)
{
    for (size_t i = 0; i < s->record_count; i++)
        free(s->records[i].data);
    s->record_count = s->arrival_count = 0;
}

static void note_arrival(struct sim *sim, const struct gw_disk_entry *entry)
{
    struct store *s = &sim->store;
    struct store_arrival *a = &s->arrivals[s->arrival_count];

    if (s->arrival_count++ == STORE_ARRIVALS)
        sim_fail(sim, "store", "%d arrivals were never forgotten",
                 STORE_ARRIVALS);
    if (entry->octets.len < sizeof(a->outgoing) ||
        entry->item > s->next_arrival)
        sim_fail(sim, "store", "an arrival that never came");
    a->number = entry->item;
    memcpy(&a->outgoing, entry->octets.data, sizeof(a->outgoing));
}

static bool note(void *user, const struct gw_disk_entry *entry)
{
    struct sim *sim = user;
    struct store *s = &sim->store;
    uint8_t *data;

    if (entry->kind == GW_SHELL_ARRIVAL) {
        note_arrival(sim, entry);
        return true;
    }
    if (s->record_count == s->record_room) {
        s->record_room = s->record_room == 0 ? 128 : 2 * s->record_room;
        s->records = realloc(s->records, s->record_room * sizeof(*s->records));
        assert(s->records != NULL);
    }
    data = malloc(entry->octets.len + 1);
    assert(data != NULL);
    if (entry->octets.len != 0)
        memcpy(data, entry->octets.data, entry->octets.len);
    s->records[s->record_count++] =
        (struct store_record){.kind = entry->kind,
                              .owner = entry->owner,
                              .item = entry->item,
                              .age = entry->age_s * 1000,
                              .len = entry->octets.len,
                              .data = data};
    return true;
}

/* False: it did not start. */
static bool open_disk(struct sim *sim)
{
    const struct gw_disk_settings settings = {.path = real.path,
                                              .full = sim->o.full != 0,
                                              .files = &power_files,
                                              .vfs = POWER_VFS,
                                              .now_s = now_s,
                                              .wall_s = wall_s,
                                              .user = sim};
    struct gw_disk_report report;

    clear(&sim->store);
    if (gw_disk_open(&settings, &real.disk) != MQTTSN_OK) {
        real.disk = NULL;
        return false;
    }
    if (gw_disk_restore(real.disk, note, sim, &report) != MQTTSN_OK)
        return false;
    if (report.damaged && sim->o.full)
        sim_fail(sim, "store", "what was synced is damaged");
    real.gap = report.damaged;
    sim->store.damaged |= report.damaged;
    sim->stats->store_gaps += report.damaged;
    real.work = gw_store_work_new(real.disk);
    assert(real.work != NULL);
    return true;
}

/* ---- death and birth --------------------------------------------------- */

static enum power_loss draw_loss(struct sim *sim)
{
    if (sim->o.keeps != 0)
        return (enum power_loss)(sim->o.keeps - 1);
    return (enum power_loss)rng_below(&sim->store.random, POWER_LOSSES);
}

/* True: what was appended may be lost. */
static bool lose(struct sim *sim)
{
    enum power_loss loss = draw_loss(sim);

    sim->stats->store_losses[loss]++;
    sim_trace(sim, "--- the disk keeps %s",
              loss == POWER_KILL   ? "all"
              : loss == POWER_NONE ? "what was synced"
                                   : "some of what was not synced");
    power_return(loss);
    return loss != POWER_KILL && !sim->o.full;
}

static void plan_cut(struct sim *sim, unsigned mean)
{
    struct rng *r = &sim->store.random;

    if (sim->o.cut_at == 0)
        power_cut_in(sim->o.cut_ops != 0 && !sim->healed
                         ? (unsigned)rng_pause(r, mean)
                         : 0);
}

static void plan_flush(struct sim *sim, mqttsn_ms wait);

/* True: what was appended before may be lost. */
static bool start(struct sim *sim)
{
    bool lost = false;

    if (rng_chance(&sim->store.random, sim->o.wall_permille) &&
        real.wall_back_s == 0)
        real.wall_back_s = 1 + rng_below(&sim->store.random, WALL_S - 1);
    for (unsigned tries = 1;; tries++) {
        if (tries < STARTS)
            plan_cut(sim, 40);
        else if (sim->o.cut_at == 0)
            power_cut_in(0);
        if (open_disk(sim))
            break;
        if (!power_is_off())
            sim_fail(sim, "store", "it does not start");
        sim->stats->store_cuts++;
        sim_trace(sim, "--- the power goes while it starts");
        close_disk();
        lost |= lose(sim);
    }
    plan_cut(sim, (unsigned)sim->o.cut_ops);
    real.append_due = real.news_due = false;
    real.waiting = 0;
    real.flushes = 0;
    real.refused_count = 0;
    plan_flush(sim, real.gap ? 0 : (mqttsn_ms)sim->o.flush_ms);
    return lost;
}

/* What came before the disk ended need not have been acknowledged. The broker
 * sends it again, and QoS 2 only what the client library does not know. */
static void claim_arrivals(struct sim *sim)
{
    struct broker *b = &sim->broker;

    for (size_t i = 0; i < sim->store.arrival_count; i++) {
        const struct outgoing *kept = &sim->store.arrivals[i].outgoing;

        for (size_t k = 0; k < b->queue_count; k++) {
            if (b->queue[k].serial != kept->serial || b->queue[k].delivered)
                continue;
            b->queue[k].delivered = true;
            b->queue[k].acked_at = kept->qos == 2 ? sim->now : MQTTSN_NEVER;
        }
    }
}

bool store_close(struct sim *sim)
{
    bool room = gw_store_work_room(real.work), worked;
    struct gw_disk_stats stats;

    gw_store_work_append(real.work);
    worked = gw_store_work_flush(real.work);
    if (power_is_off())
        return false; /* it ended first */
    if (!worked)
        sim_fail(sim, "store", "the last flush failed on a disk that works");
    real.waiting = 0;
    gw_disk_stats(real.disk, &stats);
    sim->stats->store_flushes += stats.flushes - real.flushes;
    return room;
}

bool store_crash(struct sim *sim)
{
    bool lost;

    sim->stats->store_cuts += power_is_off();
    sim_trace(sim, "--- after operation %u of the disk", power_operations());
    power_cut();
    close_disk();
    sim->store.life++;
    lost = lose(sim);
    lost |= start(sim);
    claim_arrivals(sim);
    return lost;
}

void store_init(struct sim *sim)
{
    struct store *s = &sim->store;

    end_disk();
    clear(s);
    rng_init(&s->random, sim->seed, "disk", 0);
    s->next_arrival = 0;
    s->life = 0;
    s->damaged = false;
    if (sim->trace == NULL)
        atomic_store(&gw_log_threshold, -1);
    real.begun = true;
    snprintf(real.path, sizeof(real.path), "%s/gw.db",
             power_begin(rng_next(&s->random)));
    if (sim->o.cut_at != 0)
        power_cut_in((unsigned)sim->o.cut_at);
    (void)start(sim);
}

void store_free(struct store *store)
{
    end_disk();
    clear(store);
    free(store->records);
    memset(store, 0, sizeof(*store));
}

bool store_is_idle(const struct sim *sim)
{
    (void)sim;
    return real.waiting == 0 && real.refused_count == 0;
}

void store_expect_nothing(struct sim *sim)
{
    const struct store *s = &sim->store;

    /* Behind a gap nothing is forgotten. */
    if (s->damaged || !store_is_idle(sim))
        return;
    power_cut_in(0);
    close_disk();
    if (!open_disk(sim))
        sim_fail(sim, "store", "it does not start again");
    for (size_t i = 0; i < s->record_count; i++)
        sim_fail(sim, "L3", "a record is left: kind=%u owner=%u item=%u",
                 s->records[i].kind, s->records[i].owner, s->records[i].item);
    if (s->arrival_count != 0)
        sim_fail(sim, "L3", "%zu arrivals are left", s->arrival_count);
}

/* True: the gateway died of it, and lives again. */
static bool died(struct sim *sim)
{
    if (!power_is_off())
        return false;
    gateway_restart(sim, false);
    return true;
}

/* ---- what the threads do ----------------------------------------------- */

static void plan(struct sim *sim, bool *due, event_run *run)
{
    mqttsn_ms wait = sim->healed ? 0
                                 : rng_below(&sim->store.random,
                                             (uint32_t)sim->o.store_ms + 1);
    struct event *event;

    if (*due)
        return;
    *due = true;
    event = queue_add(&sim->queue, sim->now + wait, run, NULL, 0);
    event->actor = (unsigned)sim->store.life;
}

static bool is_of_this_life(struct sim *sim, const struct event *event)
{
    if (sim->healed)
        power_cut_in(0);
    return event->actor == (unsigned)sim->store.life;
}

static void bring_news(struct sim *sim, struct event *event)
{
    uint64_t op;
    bool ok;

    if (!is_of_this_life(sim, event))
        return;
    real.news_due = false;
    while (gw_store_work_take(real.work, &op, &ok)) {
        real.waiting--;
        if (!ok)
            sim_fail(sim, "store", "operation %llu failed on a disk that works",
                     (unsigned long long)op);
        gateway_stored(sim, op, ok);
    }
}

static void append(struct sim *sim, struct event *event)
{
    if (!is_of_this_life(sim, event))
        return;
    real.append_due = false;
    gw_store_work_append(real.work);
    if (!died(sim))
        plan(sim, &real.news_due, bring_news);
}

static void flush(struct sim *sim, struct event *event)
{
    struct gw_disk_stats stats;
    bool worked;

    if (!is_of_this_life(sim, event))
        return;
    worked = gw_store_work_flush(real.work);
    gw_disk_stats(real.disk, &stats);
    if (stats.flushes != real.flushes)
        oracle_flushed(sim);
    sim->stats->store_flushes += stats.flushes - real.flushes;
    real.flushes = stats.flushes;
    if (died(sim))
        return;
    if (!worked)
        sim_fail(sim, "store", "a flush failed on a disk that works");
    plan_flush(sim, (mqttsn_ms)sim->o.flush_ms);
}

static void plan_flush(struct sim *sim, mqttsn_ms wait)
{
    /* Nothing changes then for days. */
    if (sim->healed && wait < 60000)
        wait = 60000;
    queue_add(&sim->queue, sim->now + wait, flush, NULL, 0)->actor =
        (unsigned)sim->store.life;
}

/* ---- the engine's door ------------------------------------------------- */

void store_take(struct sim *sim, const struct gw_store_action *action,
                const uint8_t *data)
{
    if (!gw_store_work_room(real.work) ||
        gw_store_work_submit(real.work, action,
                             mqttsn_span(data, action->len)) != MQTTSN_OK)
        sim_fail(sim, "S9", "%zu operations wait, and there is no room",
                 real.waiting);
    real.waiting++;
    plan(sim, &real.append_due, append);
}

bool store_arrival(struct sim *sim, const struct outgoing *outgoing,
                   uint32_t *ret_number)
{
    const struct message *m = &sim->broker.messages[outgoing->message];
    uint8_t octets[sizeof(*outgoing) + BROKER_PAYLOAD];
    struct gw_journal_record record = {.verb = GW_JOURNAL_KEEP,
                                       .kind = GW_SHELL_ARRIVAL};
    uint64_t sequence;
    enum mqttsn_status status;

    *ret_number = 0;
    if (outgoing->qos == 0)
        return true;
    if (sim->healed)
        power_cut_in(0);
    memcpy(octets, outgoing, sizeof(*outgoing));
    memcpy(octets + sizeof(*outgoing), m->payload, m->len);
    record.item = ++sim->store.next_arrival;
    record.octets = mqttsn_span(octets, sizeof(*outgoing) + m->len);
    status =
        gw_journal_append(gw_disk_journal(real.disk), &record, 1, &sequence);
    if (status == MQTTSN_OK)
        status = gw_journal_sync(gw_disk_journal(real.disk), sequence);
    if (died(sim))
        return false;
    if (status != MQTTSN_OK)
        sim_fail(sim, "store", "an arrival is refused on a disk that works");
    *ret_number = record.item;
    return true;
}

/* ---- what the engine would not take back -------------------------------- */

static void forget_refused(struct sim *sim, struct event *event)
{
    if (!is_of_this_life(sim, event))
        return;
    if (gw_disk_append(real.disk, real.refused, real.refused_count) !=
            MQTTSN_OK &&
        !power_is_off())
        sim_fail(sim, "store", "an append failed on a disk that works");
    real.refused_count = 0;
    (void)died(sim);
}

void store_refused(struct sim *sim, const struct store_record *record)
{
    if (real.refused_count == 4096)
        sim_fail(sim, "restore", "more than 4096 records are refused");
    if (real.refused_count == 0)
        queue_add(&sim->queue, sim->now, forget_refused, NULL, 0)->actor =
            (unsigned)sim->store.life;
    real.refused[real.refused_count++] =
        (struct gw_journal_record){.verb = GW_JOURNAL_FORGET,
                                   .kind = record->kind,
                                   .owner = record->owner,
                                   .item = record->item};
}
