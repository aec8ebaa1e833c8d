/* SPDX-License-Identifier: MIT */
/*
 * Each call that the store makes to the disk fails in turn, once or from then
 * on, for want of room or otherwise, in one history: a start, records and
 * flushes, a kill, a second start.
 *
 * Whatever fails: what was called stored is there, after a kill and when the
 * disk works again; a start that fails says why in one line, touches nothing,
 * and succeeds when the disk does; a flush that fails says why, and all of it
 * comes with the next. An error is not damage: nothing is set aside.
 */
#include "io/disk_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "disk_rig.h"
#include "faulty_disk.h"

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
    FILE *log;
    int stderr_fd;
} t;

/* ---- what was said ----------------------------------------------------- */

static void listen_to_log(void)
{
    t.log = tmpfile();
    assert_non_null(t.log);
    t.stderr_fd = dup(STDERR_FILENO);
    assert_true(dup2(fileno(t.log), STDERR_FILENO) >= 0);
}

/* Calls 'want' lines with that text as errors, and no other. */
static void expect_errors(unsigned want, const char *event)
{
    char line[2000];
    unsigned errors = 0, fitting = 0;

    rewind(t.log);
    while (fgets(line, sizeof(line), t.log) != NULL) {
        if (strstr(line, "level=error") == NULL)
            continue;
        errors++;
        fitting += strstr(line, event) != NULL &&
                   strstr(line, "reason=") != NULL &&
                   strstr(line, "reason=\"\"") == NULL;
        print_message("%s", errors > want || fitting < errors ? line : "");
    }
    assert_int_equal(ftruncate(fileno(t.log), 0), 0);
    rewind(t.log);
    assert_int_equal(errors, want);
    assert_int_equal(fitting, want);
}

static void stop_listening(void)
{
    assert_true(dup2(t.stderr_fd, STDERR_FILENO) >= 0);
    close(t.stderr_fd);
    fclose(t.log);
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
    assert_false(t.disk.report.damaged);
    assert_int_equal(t.disk.report.lost, 0);
    assert_int_equal(disk_files(&t.disk, "damaged"), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        const struct disk_record *r = disk_find(&t.disk.found, 5, 0, i);
        uint32_t value = 0;
        bool fits = false;

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
        expect_errors(1, "event=cannot_open");
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
    listen_to_log();
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
    stop_listening();
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
