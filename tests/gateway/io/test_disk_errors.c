/* SPDX-License-Identifier: MIT */
/*
 * Each call that the store makes to the disk fails in turn, once or from then
 * on, for want of room or otherwise, in one history: a start, records and
 * flushes, a kill, a second start.
 *
 * Whatever fails: what was called stored is there, after a kill and when the
 * disk works again; a start that fails says why in one line, touches nothing,
 * and succeeds when the disk does; a flush that fails says why, and all of it
 * comes with the next. An error is not damage, and nothing is set aside; but
 * what cannot be read is (test_disk_unreadable.c), and is only said here.
 */
#include "io/disk_store.h"

#include <stdlib.h>

#include "disk_rig.h"
#include "faulty_disk.h"
#include "log_ear.h"

enum { KEYS = 10, POSSIBLE = 64 };

/* What a key may have, as numbers of values; 0 for nothing. */
struct key {
    uint32_t possible[POSSIBLE];
    unsigned count;
    uint32_t last; /* as memory has it */
};

static struct {
    struct disk_rig disk;
    struct faulty_order order;
    struct key keys[KEYS];
    uint32_t values;
    bool damaged; /* something could not be read */
} t;

static bool is_read(enum faulty_call call)
{
    return call == FAULTY_FILE_READ || call == FAULTY_VFS_READ;
}

static void expect_one_error(void)
{
    /* What cannot be read is said besides. */
    if (!is_read(t.order.call))
        assert_int_equal(log_ear_count("level=error", ""), 1);
    assert_int_equal(log_ear_count("event=cannot_open", "reason="), 1);
    assert_int_equal(log_ear_count("event=cannot_open", "reason=\"\""), 0);
    log_ear_forget();
}

/* ---- keys -------------------------------------------------------------- */

static void becomes(struct key *key, uint32_t value, bool for_certain)
{
    if (for_certain)
        key->count = 0;
    assert_true(key->count < POSSIBLE);
    key->possible[key->count++] = value;
    key->last = value;
}

static void flushed(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        becomes(&t.keys[i], t.keys[i].last, true);
}

static void audit(void)
{
    bool missing = t.disk.report.damaged;

    if (missing) {
        assert_true(is_read(t.order.call) && faulty_disk_has_failed());
        assert_true(log_ear_count("level=error", "damaged") > 0);
        log_ear_forget();
        t.damaged = true;
    }
    if (!t.damaged)
        assert_int_equal(disk_files(&t.disk, "damaged"), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        const struct disk_record *r = disk_find(&t.disk.found, 5, 0, i);
        uint32_t value = 0;
        bool fits = missing;

        if (r != NULL) {
            assert_int_equal(r->len, 8);
            value = (uint32_t)strtoul((const char *)r->octets, NULL, 10);
        }
        for (unsigned k = 0; k < t.keys[i].count; k++)
            fits |= t.keys[i].possible[k] == value;
        if (!fits)
            print_message("key %u has %u, and should have %u\n", i, value,
                          t.keys[i].possible[0]);
        assert_true(fits);
        becomes(&t.keys[i], value, true);
    }
}

/* ---- the store --------------------------------------------------------- */

static void start(void)
{
    enum mqttsn_status status = disk_try_open(&t.disk);

    if (status != MQTTSN_OK) {
        assert_true(faulty_disk_has_failed());
        assert_true(status == MQTTSN_EIO || status == MQTTSN_ENOSPACE);
        disk_shut(&t.disk);
        t.damaged |= is_read(t.order.call);
        expect_one_error();
        if (t.order.lasting)
            faulty_disk_heal();
        disk_open(&t.disk);
    }
    audit();
}

static void put(unsigned i, bool keep)
{
    char text[16] = "";
    struct gw_journal_record record = {.verb = keep ? GW_JOURNAL_KEEP
                                                    : GW_JOURNAL_FORGET,
                                       .kind = 5,
                                       .item = i};
    uint32_t value = keep ? ++t.values : 0;
    enum mqttsn_status status;

    if (keep) {
        snprintf(text, sizeof(text), "%08u", value);
        record.octets = mqttsn_span(text, 8);
    }
    status = gw_disk_append(t.disk.disk, &record, 1);
    assert_true(status == MQTTSN_OK || faulty_disk_has_failed());
    becomes(&t.keys[i], value, status == MQTTSN_OK);
}

static void flush(void)
{
    enum mqttsn_status status = gw_disk_flush(t.disk.disk, t.disk.why);

    if (status != MQTTSN_OK) {
        assert_true(faulty_disk_has_failed());
        assert_true(status == MQTTSN_EIO || status == MQTTSN_ENOSPACE);
        assert_true(strlen(t.disk.why) > 5);
        if (t.order.lasting)
            return;
        disk_flush(&t.disk); /* once more is enough */
    }
    flushed();
}

static void live(unsigned first)
{
    start();
    for (unsigned i = 0; i < KEYS; i++)
        put(i, true);
    flush();
    for (unsigned i = 0; i < KEYS; i += 2)
        put((i + first) % KEYS, i % 4 != 0);
    flush();
    for (unsigned i = 0; i < KEYS; i += 3)
        put((i + first) % KEYS, i % 2 == 0);
}

static void begin(const struct faulty_order *order, bool full)
{
    memset(&t, 0, sizeof(t));
    t.order = *order;
    disk_begin(&t.disk);
    t.disk.settings.files = &faulty_files;
    t.disk.settings.vfs = FAULTY_VFS;
    t.disk.settings.full = full;
    flushed(); /* there is nothing */
    log_ear_begin();
    faulty_disk_begin(order);
}

/* False: there is no such call in it. */
static bool history(const struct faulty_order *order, bool full)
{
    bool failed;

    begin(order, full);
    for (unsigned life = 0; life < 2; life++) {
        live(life);
        disk_shut(&t.disk);
    }
    failed = faulty_disk_has_failed();
    faulty_disk_heal();
    start();
    put(0, true);
    disk_flush(&t.disk);
    flushed();
    put(1, true);
    disk_shut(&t.disk);
    start();
    log_ear_end();
    disk_end(&t.disk);
    return failed;
}

/* How often there is that call. */
static unsigned each_may_fail(struct faulty_order order, bool full)
{
    for (order.in = 1;; order.in++) {
        print_message("%s %u\n", faulty_call_text(order.call), order.in);
        if (!history(&order, full))
            return order.in - 1;
    }
}

static bool may_lack_room(enum faulty_call call)
{
    return call == FAULTY_FILE_OPEN || call == FAULTY_FILE_WRITE ||
           call == FAULTY_FILE_SYNC || call == FAULTY_VFS_WRITE;
}

static void each_call_may_fail(bool lasting)
{
    for (unsigned i = 0; i < FAULTY_CALLS; i++) {
        struct faulty_order order = {.call = (enum faulty_call)i,
                                     .lasting = lasting};
        unsigned n = each_may_fail(order, true);

        /* Without syncs of the journal SQLite does the same. */
        if (order.call < FAULTY_VFS_OPEN)
            n += each_may_fail(order, false);
        order.full = true;
        if (may_lack_room(order.call))
            n += each_may_fail(order, true);
        print_message("    %s: %u times\n", faulty_call_text(order.call), n);
        assert_true(n > 0);
    }
}

static void each_call_may_fail_once(void **unused)
{
    (void)unused;
    each_call_may_fail(false);
}

static void each_call_may_fail_from_then_on(void **unused)
{
    (void)unused;
    each_call_may_fail(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_may_fail_once),
        cmocka_unit_test(each_call_may_fail_from_then_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
