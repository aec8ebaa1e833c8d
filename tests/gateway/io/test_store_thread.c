/* SPDX-License-Identifier: MIT */
/* The port of io/store.h on a disk: its contract, and what its threads do. */
#include "io/store_thread.h"

#include <errno.h>
#include <stdlib.h>

#include "core/engine.h"

#include "disk_rig.h"

enum { PATIENCE_MS = 600000 };

struct fixture {
    struct disk_rig rig;
    uv_loop_t loop;
    struct gw_store *store;
    unsigned woken;
    uint64_t answered, failed;
    uint64_t last_op;
};

static void wake(void *user)
{
    ((struct fixture *)user)->woken++;
}

/* 'flush_ms': how long it may take until the first flush. */
static void start(struct fixture *f, mqttsn_ms flush_ms)
{
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(
        gw_store_thread_new(&f->loop, f->rig.disk, flush_ms, &f->store),
        MQTTSN_OK);
    f->store->wake = wake;
    f->store->user = f;
}

static void begin(struct fixture *f, bool faulty, mqttsn_ms flush_ms)
{
    memset(f, 0, sizeof(*f));
    disk_begin(&f->rig);
    if (faulty)
        f->rig.settings.files = &rig_files_faulty;
    disk_open(&f->rig);
    start(f, flush_ms);
}

static void close_store(struct fixture *f)
{
    f->store->ops->close(f->store, PATIENCE_MS);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    f->rig.disk = NULL; /* it went with the store */
}

static enum mqttsn_status submit(struct fixture *f, int verb, uint32_t item,
                                 size_t len)
{
    static uint8_t octets[GW_RECORD_MAX];
    const struct gw_store_action action = {.verb = verb,
                                           .op = ++f->last_op,
                                           .kind = GW_RECORD_EXCHANGE,
                                           .item = item,
                                           .len = len};

    return f->store->ops->submit(f->store, &action, mqttsn_span(octets, len));
}

static void take_all(struct fixture *f)
{
    uint64_t op;
    bool ok;

    while (f->store->ops->take(f->store, &op, &ok)) {
        f->answered++;
        f->failed += !ok;
    }
}

static void run_until_answered(struct fixture *f, uint64_t count)
{
    while (f->answered < count) {
        uv_run(&f->loop, UV_RUN_ONCE);
        take_all(f);
    }
}

static void each_operation_is_answered_once_when_it_is_kept(void **unused)
{
    struct fixture f;

    (void)unused;
    begin(&f, false, 3600000);
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(submit(&f, GW_STORE_KEEP, i, i % 50), MQTTSN_OK);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(submit(&f, GW_STORE_FORGET, i, 0), MQTTSN_OK);
    run_until_answered(&f, 400);
    assert_int_equal(f.failed, 0);
    assert_in_range(f.woken, 1, 400);
    take_all(&f);
    assert_int_equal(f.answered, 400);

    CASE("what was answered is in the files, with and without a flush");
    close_store(&f);
    disk_open(&f.rig);
    assert_int_equal(f.rig.found.count, 200);
    assert_int_equal(f.rig.report.rows, 200);
    assert_int_equal(f.rig.report.journal, 0);
    disk_end(&f.rig);
}

static void as_many_as_may_wait_find_room_and_no_more(void **unused)
{
    uint64_t count = 0;
    struct fixture f;

    (void)unused;
    begin(&f, false, 3600000);
    while (f.store->ops->room(f.store)) {
        assert_int_equal(submit(&f, GW_STORE_KEEP, (uint32_t)count, 10),
                         MQTTSN_OK);
        count++;
    }
    assert_int_equal(count, GW_STORE_INFLIGHT);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 0, 10), MQTTSN_ENOSPACE);
    run_until_answered(&f, count);
    assert_true(f.store->ops->room(f.store));

    CASE("of large ones, fewer");
    count = 0;
    while (f.store->ops->room(f.store) && count < GW_STORE_INFLIGHT) {
        assert_int_equal(submit(&f, GW_STORE_KEEP, 1, GW_RECORD_MAX),
                         MQTTSN_OK);
        count++;
    }
    run_until_answered(&f, GW_STORE_INFLIGHT + count);
    assert_int_equal(f.failed, 0);
    close_store(&f);
    disk_remove(&f.rig, "gw.db");
    disk_end(&f.rig);
}

/* The rows are there when the count of flushes says so. */
static void the_database_follows_by_itself(void **unused)
{
    struct gw_disk_stats stats = {0};
    struct fixture f;

    (void)unused;
    begin(&f, false, 20);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 1, 10), MQTTSN_OK);
    run_until_answered(&f, 1);
    while (stats.flushes == 0)
        gw_disk_stats(f.rig.disk, &stats);
    assert_int_equal(stats.rows, 1);

    CASE("at once when the end is near");
    close_store(&f);
    disk_open(&f.rig);
    assert_int_equal(f.rig.report.rows, 1);
    disk_shut(&f.rig);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    disk_open(&f.rig);
    assert_int_equal(
        gw_store_thread_new(&f.loop, f.rig.disk, 3600000, &f.store), MQTTSN_OK);
    f.answered = 0;
    assert_int_equal(submit(&f, GW_STORE_KEEP, 2, 10), MQTTSN_OK);
    run_until_answered(&f, 1);
    f.store->ops->hurry(f.store);
    do
        gw_disk_stats(f.rig.disk, &stats);
    while (stats.flushes == 0);
    assert_int_equal(stats.rows, 2);
    close_store(&f);
    disk_end(&f.rig);
}

static void much_is_flushed_before_its_time(void **unused)
{
    struct gw_disk_stats stats = {0};
    uint64_t count = 0;
    struct fixture f;

    (void)unused;
    begin(&f, false, 3600000);
    while (stats.flushes == 0) {
        /* Beyond GW_DISK_HARD it would refuse, if the flush takes so long. */
        if (stats.journal_octets <= GW_DISK_SOFT &&
            f.store->ops->room(f.store) &&
            submit(&f, GW_STORE_KEEP, (uint32_t)(count % 16), 60000) ==
                MQTTSN_OK)
            count++;
        uv_run(&f.loop, UV_RUN_NOWAIT);
        take_all(&f);
        gw_disk_stats(f.rig.disk, &stats);
        assert_true(stats.journal_octets <= GW_DISK_HARD);
    }
    run_until_answered(&f, count);
    assert_int_equal(f.failed, 0);
    close_store(&f);
    disk_remove(&f.rig, "gw.db");
    disk_end(&f.rig);
}

static void a_full_disk_fails_operations_until_there_is_room(void **unused)
{
    struct fixture f;

    (void)unused;
    begin(&f, true, 3600000);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 1, 10), MQTTSN_OK);
    run_until_answered(&f, 1);
    rig_write_fault = (struct rig_fault){1, true, ENOSPC, 3};
    assert_int_equal(submit(&f, GW_STORE_KEEP, 2, 10), MQTTSN_OK);
    run_until_answered(&f, 2);
    assert_int_equal(f.failed, 1);
    assert_int_equal(submit(&f, GW_STORE_FORGET, 1, 0), MQTTSN_OK);
    run_until_answered(&f, 3);
    assert_int_equal(f.failed, 2);

    rig_write_fault = (struct rig_fault){0};
    /* What comes later is not written without what came before: first the
     * database has to follow. */
    do {
        f.failed = 0;
        assert_int_equal(submit(&f, GW_STORE_KEEP, 3, 10), MQTTSN_OK);
        run_until_answered(&f, f.answered + 1);
    } while (f.failed != 0);

    CASE("what failed is true in memory, and reaches the disk after all");
    close_store(&f);
    f.rig.settings.files = NULL;
    disk_open(&f.rig);
    assert_int_equal(f.rig.found.count, 2);
    assert_non_null(disk_find(&f.rig.found, GW_RECORD_EXCHANGE, 0, 2));
    assert_non_null(disk_find(&f.rig.found, GW_RECORD_EXCHANGE, 0, 3));
    disk_end(&f.rig);
}

/* Each batch that is refused asks for a flush, which would write and sync some
 * pages for every message. */
static void where_room_is_short_flushes_are_few(void **unused)
{
    enum { BATCHES = 2000 };
    struct gw_disk_stats stats;
    uint64_t began, seconds;
    struct fixture f;

    (void)unused;
    begin(&f, true, 3600000);
    rig_room = 1000;
    began = uv_hrtime();
    for (uint32_t i = 1; i <= BATCHES; i++) {
        assert_int_equal(submit(&f, GW_STORE_KEEP, i, 10), MQTTSN_OK);
        run_until_answered(&f, i);
    }
    gw_disk_stats(f.rig.disk, &stats);
    seconds = (uv_hrtime() - began) / 1000000000;
    assert_int_equal(f.failed, BATCHES);
    assert_in_range(stats.flushes, 0, 2 + seconds);
    while (stats.flushes == 0) /* one comes before its time, all the same */
        gw_disk_stats(f.rig.disk, &stats);

    CASE("all of it is in the database at the end");
    close_store(&f);
    f.rig.settings.files = NULL;
    disk_open(&f.rig);
    assert_int_equal(f.rig.found.count, BATCHES);
    assert_int_equal(f.rig.report.journal, 0);
    disk_end(&f.rig);
}

static void what_was_submitted_before_the_end_is_kept(void **unused)
{
    struct fixture f;

    (void)unused;
    begin(&f, false, 3600000);
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(submit(&f, GW_STORE_KEEP, i, 20), MQTTSN_OK);
    close_store(&f);
    disk_open(&f.rig);
    assert_int_equal(f.rig.found.count, 500);
    disk_end(&f.rig);
}

/* The rig's clocks, which its threads read, stand still while they run. */
static void the_end_writes_down_the_time(void **unused)
{
    const struct disk_record *record;
    struct fixture f;

    (void)unused;
    memset(&f, 0, sizeof(f));
    disk_begin(&f.rig);
    f.rig.wall_s = 1000; /* never set */
    disk_open(&f.rig);
    assert_int_equal(disk_keep(&f.rig, 5, 1, 0, "lies there"), MQTTSN_OK);
    disk_flush(&f.rig);
    f.rig.now_s += 1800;
    start(&f, 3600000);
    close_store(&f);
    disk_open(&f.rig);
    record = disk_find(&f.rig.found, 5, 1, 0);
    assert_non_null(record);
    assert_int_equal(record->age_s, 1800);
    disk_end(&f.rig);
}

/* Neither while it runs nor at the end; what was answered is in the journal. */
static void the_loop_waits_for_no_disk(void **unused)
{
    struct gw_disk_stats stats;
    struct fixture f;

    (void)unused;
    begin(&f, true, 3600000);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 1, 10), MQTTSN_OK);
    run_until_answered(&f, 1);
    rig_stick(true);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 2, 10), MQTTSN_OK);
    rig_wait_for_stuck();
    gw_disk_stats(f.rig.disk, &stats);
    assert_int_equal(stats.journal.records, 1);
    f.store->ops->hurry(f.store);
    assert_int_equal(submit(&f, GW_STORE_KEEP, 3, 10), MQTTSN_OK);
    f.store->ops->close(f.store, 50);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.loop), 0);

    CASE(
        "the process goes on, as it should not: the threads end by themselves");
    rig_stick(false);
    f.rig.disk = NULL;
    while (disk_try_open(&f.rig) == MQTTSN_EPROTO)
        uv_sleep(1); /* the lock is theirs until they have closed it */
    assert_int_equal(f.rig.found.count, 3);
    disk_end(&f.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_is_answered_once_when_it_is_kept),
        cmocka_unit_test(as_many_as_may_wait_find_room_and_no_more),
        cmocka_unit_test(the_database_follows_by_itself),
        cmocka_unit_test(much_is_flushed_before_its_time),
        cmocka_unit_test(a_full_disk_fails_operations_until_there_is_room),
        cmocka_unit_test(where_room_is_short_flushes_are_few),
        cmocka_unit_test(what_was_submitted_before_the_end_is_kept),
        cmocka_unit_test(the_end_writes_down_the_time),
        cmocka_unit_test(the_loop_waits_for_no_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
