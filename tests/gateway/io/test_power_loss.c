/* SPDX-License-Identifier: MIT */
/*
 * The power is cut under the store at a random operation of its disk, or at
 * each one in turn, and what the disk holds then is opened again.
 *
 * The store must open. What it gives out must be the state at some moment: not
 * before the last operation that it had called durable, not after the last one
 * that was begun. Durable is, with 'full', what was appended, else what was
 * flushed; after a kill, what was appended.
 *
 * Where a write in the middle of the journal is lost, which needs more than one
 * that is not synced, the store says that it is damaged, forgets nothing behind
 * the gap until its next flush, and what it has of each key is what that key
 * had at some such moment.
 *
 * SEED=n runs one seed only; a failure tells which. Everything follows from it.
 */
#include "io/disk_store.h"

#include <stdlib.h>

#include "io/log.h"
#include "power_disk.h"

#include "check.h"

enum { ROUNDS = 250, LIVES = 5, STEPS = 40, BATCH = 12 };
enum { KINDS = 4, OWNERS = 4, ITEMS = 5, KEYS = KINDS * OWNERS * ITEMS };
enum { HISTORY = STEPS * BATCH + 1, OCTETS = 700 };

static const uint8_t kinds[KINDS] = {1, 5, GW_SHELL_ARRIVAL, GW_SHELL_LIBRARY};

/* What each key has: the number of a value, 0 for nothing. */
struct state {
    uint32_t value[KEYS];
};

struct rig {
    uint64_t seed, script;
    bool full;
    bool late; /* some records are appended and not synced at once */
    char path[96];
    struct gw_disk *disk;
    struct gw_disk_report report;
    struct state history[HISTORY]; /* after each record; 0: at the start */
    unsigned last;                 /* begun */
    unsigned sure;                 /* durable */
    bool gap;
    bool started; /* since the power came */
    uint32_t values;
    struct state found;
    int found_key;
    const char *doing;
};

/* ---- keys and values --------------------------------------------------- */

static int key_of(uint8_t kind, uint32_t owner, uint32_t item)
{
    int k = 0;

    while (k < KINDS && kinds[k] != kind)
        k++;
    assert_true(k < KINDS && owner < OWNERS && item < ITEMS);
    return (k * OWNERS + (int)owner) * ITEMS + (int)item;
}

/* A value's octets say which it is, and are of different lengths. */
static struct mqttsn_span octets_of(uint32_t value, uint8_t buf[OCTETS])
{
    size_t len = 4 + value * 37 % (value % 8 == 0 ? OCTETS - 4 : 60);

    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)(value >> i % 4 * 8) ^ (uint8_t)(i / 4);
    return mqttsn_span(buf, len);
}

static uint32_t value_of(struct mqttsn_span octets)
{
    uint8_t buf[OCTETS];
    uint32_t value = 0;
    struct mqttsn_span want;

    assert_true(octets.len >= 4);
    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)octets.data[i] << i * 8;
    want = octets_of(value, buf);
    assert_int_equal(want.len, octets.len);
    assert_memory_equal(want.data, octets.data, octets.len);
    return value;
}

static bool note(void *user, const struct gw_disk_entry *entry)
{
    struct rig *rig = user;
    int key = key_of(entry->kind, entry->owner, entry->item);

    assert_true(key > rig->found_key); /* in order, and each once */
    rig->found_key = key;
    rig->found.value[key] = value_of(entry->octets);
    return true;
}

/* ---- what must be there ------------------------------------------------ */

static bool same(const struct state *a, const struct state *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* Behind a gap: of one key. */
static bool key_fits(const struct rig *rig, int key)
{
    uint32_t found = rig->found.value[key];
    bool was_gone = false, had = false;

    for (unsigned i = 0; i <= rig->last; i++) {
        uint32_t value = rig->history[i].value[key];

        if (i >= rig->sure && value == found)
            return true;
        was_gone |= i >= rig->sure && value == 0;
        had |= value == found;
    }
    /* What was forgotten may be there again. */
    return was_gone && had;
}

static void tell(const struct rig *rig, const char *what)
{
    print_message("SEED=%llu full=%d late=%d damaged=%d gap=%d sure=%u last=%u "
                  "%s: %s\n",
                  (unsigned long long)rig->seed, rig->full, rig->late,
                  rig->report.damaged, rig->gap, rig->sure, rig->last,
                  rig->doing, what);
    for (int key = 0; key < KEYS; key++) {
        uint32_t must = rig->history[rig->sure].value[key];

        if (rig->found.value[key] != must)
            print_message("  key %d: found %u, durable %u, last %u\n", key,
                          rig->found.value[key], must,
                          rig->history[rig->last].value[key]);
    }
}

static void check(const struct rig *rig)
{
    /* A whole row of synced writes has no gap. */
    bool may_gap = !rig->full || rig->late || rig->gap;
    bool fits = false;

    for (unsigned i = rig->sure; i <= rig->last && !fits; i++)
        fits = same(&rig->history[i], &rig->found);
    if (!fits && rig->report.damaged && may_gap) {
        fits = true;
        for (int key = 0; key < KEYS; key++)
            fits &= key_fits(rig, key);
    }
    if (!fits)
        tell(rig, "it is no state that may be there");
    assert_true(fits);
    if (rig->report.damaged && !may_gap)
        tell(rig, "damaged");
    assert_true(!rig->report.damaged || may_gap);
}

/* ---- life -------------------------------------------------------------- */

static uint64_t clock_s(void *user)
{
    (void)user;
    return 1800000000;
}

/* 'again': the power stayed on since the last one, so that nothing is more
 * durable than it was. False: the power went. */
static bool start(struct rig *rig, bool again)
{
    const struct gw_disk_settings settings = {.path = rig->path,
                                              .full = rig->full,
                                              .files = &power_files,
                                              .vfs = POWER_VFS,
                                              .now_s = clock_s,
                                              .wall_s = clock_s};
    enum mqttsn_status status = gw_disk_open(&settings, &rig->disk);

    if (status == MQTTSN_OK) {
        memset(&rig->found, 0, sizeof(rig->found));
        rig->found_key = -1;
        status = gw_disk_restore(rig->disk, note, rig, &rig->report);
    }
    if (status != MQTTSN_OK) {
        if (!power_is_off())
            tell(rig, "it does not start");
        assert_true(power_is_off());
        return false;
    }
    if (again) {
        assert_true(same(&rig->found, &rig->history[rig->last]));
        return true;
    }
    check(rig);
    rig->history[0] = rig->found;
    rig->last = rig->sure = 0;
    rig->gap = rig->report.damaged;
    rig->started = true;
    return true;
}

static void note_record(struct rig *rig, const struct gw_journal_record *r,
                        uint32_t value)
{
    struct state *s;

    assert_true(rig->last + 1 < HISTORY);
    s = &rig->history[rig->last + 1];
    *s = rig->history[rig->last++];
    if (r->verb != GW_JOURNAL_FORGET_OWNER) {
        s->value[key_of(r->kind, r->owner, r->item)] = value;
        return;
    }
    for (int k = 0; kinds[k] < GW_JOURNAL_SHELL; k++) {
        for (uint32_t item = 0; item < ITEMS; item++)
            s->value[key_of(kinds[k], r->owner, item)] = 0;
    }
}

static void append(struct rig *rig)
{
    static uint8_t octets[BATCH][OCTETS];
    struct gw_journal_record records[BATCH];
    size_t count = 1;
    bool late = rig->late && power_random(&rig->script, 3) == 0;
    enum mqttsn_status status;

    if (power_random(&rig->script, 4) == 0)
        count += power_random(&rig->script, BATCH);
    for (size_t i = 0; i < count; i++) {
        struct gw_journal_record *r = &records[i];
        uint32_t value = 0, dice = power_random(&rig->script, 16);

        *r = (struct gw_journal_record){
            .verb = dice < 10   ? GW_JOURNAL_KEEP
                    : dice < 15 ? GW_JOURNAL_FORGET
                                : GW_JOURNAL_FORGET_OWNER,
            .kind = kinds[power_random(&rig->script, KINDS)],
            .owner = power_random(&rig->script, OWNERS),
            .item = power_random(&rig->script, ITEMS)};
        if (r->verb == GW_JOURNAL_FORGET_OWNER) {
            r->kind = 0;
            r->item = 0;
            r->owner = r->owner % (OWNERS - 1) + 1;
        } else if (r->verb == GW_JOURNAL_KEEP) {
            value = ++rig->values;
            r->octets = octets_of(value, octets[i]);
        }
        note_record(rig, r, value);
    }
    status = late ? gw_journal_append(gw_disk_journal(rig->disk), records,
                                      count, NULL)
                  : gw_disk_append(rig->disk, records, count);
    assert_true(status == MQTTSN_OK || power_is_off());
    if (status == MQTTSN_OK && rig->full && !late)
        rig->sure = rig->last;
}

static void flush(struct rig *rig)
{
    char why[GW_DISK_WHY_MAX] = "";
    enum mqttsn_status status = gw_disk_flush(rig->disk, why);

    if (status != MQTTSN_OK && !power_is_off())
        tell(rig, why);
    assert_true(status == MQTTSN_OK || power_is_off());
    if (status == MQTTSN_OK) {
        rig->sure = rig->last;
        rig->gap = false;
    }
}

/* As a flush does before records of other threads, which come before it has
 * ended: what is called durable in the new file is so in the old one. */
static void rotate(struct rig *rig)
{
    (void)gw_journal_rotate(gw_disk_journal(rig->disk), NULL);
}

static void run(struct rig *rig, unsigned steps)
{
    for (unsigned i = 0; i < steps && !power_is_off(); i++) {
        if (power_random(&rig->script, 8) == 0)
            flush(rig);
        else if (rig->late && power_random(&rig->script, 6) == 0)
            rotate(rig);
        else
            append(rig);
    }
}

static void stop(struct rig *rig)
{
    gw_disk_close(rig->disk);
    rig->disk = NULL;
}

/* The power goes, if it has not gone, and comes again. */
static void lose(struct rig *rig, enum power_loss loss)
{
    static const char *const names[] = {"kill", "all lost", "some lost"};

    rig->doing = names[loss];
    if (loss == POWER_KILL && rig->started)
        rig->sure = rig->last;
    rig->started = false;
    power_return(loss);
}

static void begin(struct rig *rig, uint64_t seed, bool full)
{
    memset(rig, 0, sizeof(*rig));
    rig->seed = rig->script = seed;
    rig->full = full;
    rig->doing = "begin";
    snprintf(rig->path, sizeof(rig->path), "%s/gw.db", power_begin(seed));
}

static void end(struct rig *rig)
{
    assert_true(start(rig, false));
    stop(rig);
    power_end();
}

/* ---- the tests --------------------------------------------------------- */

static struct rig rig;

static void one_round(uint64_t seed)
{
    begin(&rig, seed, seed % 4 < 2);
    rig.late = seed % 4 == 1;
    for (unsigned life = 0; life < LIVES; life++) {
        unsigned steps = power_random(&rig.script, STEPS);

        power_cut_in(1 + power_random(&rig.script, life == 0 ? 120 : 60));
        if (start(&rig, false))
            run(&rig, steps);
        /* Some end in order, and the power goes while they do, or after. */
        stop(&rig);
        lose(&rig, (enum power_loss)power_random(&rig.script, POWER_LOSSES));
    }
    end(&rig);
}

static void what_is_durable_outlives_the_power(void **unused)
{
    const char *only = getenv("SEED");
    uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1;

    (void)unused;
    print_message("SEED=%llu\n", (unsigned long long)first);
    if (only != NULL) {
        one_round(first);
        return;
    }
    for (uint64_t seed = first; seed < first + ROUNDS; seed++)
        one_round(seed);
}

/* One history: a start, records, flushes, a second start, an end in order. */
static void history(unsigned cut_in, enum power_loss loss, bool full,
                    unsigned *ret_operations)
{
    begin(&rig, 1234, full);
    power_cut_in(cut_in);
    for (unsigned i = 0; i < 2 && !power_is_off(); i++) {
        if (start(&rig, i != 0))
            run(&rig, 20);
        stop(&rig);
    }
    *ret_operations = power_operations();
    assert_true(cut_in == 0 || power_is_off());
    lose(&rig, loss);
    end(&rig);
}

static void every_operation_may_be_the_last(void **unused)
{
    (void)unused;
    for (unsigned full = 0; full < 2; full++) {
        unsigned last, operations;

        history(0, POWER_NONE, full, &last);
        assert_true(last > 60);
        for (unsigned k = 1; k <= last; k++) {
            for (unsigned loss = 0; loss < POWER_LOSSES; loss++)
                history(k, (enum power_loss)loss, full, &operations);
        }
        print_message("    full=%u: cut at each of %u operations\n", full,
                      last);
    }
}

static int quiet(void **unused)
{
    (void)unused;
    /* It says of each start what it found. */
    atomic_store(&gw_log_threshold, -1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_durable_outlives_the_power),
        cmocka_unit_test(every_operation_may_be_the_last),
    };

    return cmocka_run_group_tests(tests, quiet, NULL);
}
