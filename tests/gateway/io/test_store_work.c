/* SPDX-License-Identifier: MIT */
/* The work of the store's threads, one step after the other, on a disk that
 * fails: what is answered, and what is said. */
#include "io/store_work.h"

#include "disk_rig.h"
#include "faulty_disk.h"
#include "log_ear.h"

struct fixture {
    struct disk_rig rig;
    struct gw_store_work *work;
    uint64_t ops;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    disk_begin(&f->rig);
    f->rig.settings.files = &faulty_files;
    f->rig.settings.vfs = FAULTY_VFS;
    faulty_disk_begin(&(struct faulty_order){0});
    faulty_disk_heal();
    disk_open(&f->rig);
    f->work = gw_store_work_new(f->rig.disk);
    assert_non_null(f->work);
    log_ear_begin();
}

static void end(struct fixture *f)
{
    log_ear_end();
    gw_store_work_free(f->work);
    disk_end(&f->rig);
}

/* Everything of that kind fails from now on. */
static void break_disk(enum faulty_call call)
{
    faulty_disk_begin(
        &(struct faulty_order){.call = call, .in = 1, .lasting = true});
}

/* Submits one, writes, and says what is answered. */
static bool keep(struct fixture *f, uint32_t item)
{
    const struct gw_store_action action = {.verb = GW_STORE_KEEP,
                                           .op = ++f->ops,
                                           .kind = GW_RECORD_EXCHANGE,
                                           .item = item,
                                           .len = 6};
    uint64_t op = 0;
    bool ok = false;

    assert_int_equal(
        gw_store_work_submit(f->work, &action,
                             mqttsn_span((const uint8_t *)"octets", 6)),
        MQTTSN_OK);
    assert_false(gw_store_work_has_news(f->work));
    gw_store_work_append(f->work);
    assert_true(gw_store_work_has_news(f->work));
    assert_true(gw_store_work_take(f->work, &op, &ok));
    assert_int_equal(op, f->ops);
    assert_false(gw_store_work_take(f->work, &op, &ok));
    return ok;
}

static void a_journal_that_fails_is_told_to_who_waits_and_said_once(void **u)
{
    struct fixture f;

    (void)u;
    begin(&f);
    assert_true(keep(&f, 1));
    break_disk(FAULTY_FILE_WRITE);
    for (uint32_t i = 2; i < 7; i++)
        assert_false(keep(&f, i));
    assert_int_equal(log_ear_count("level=error", "event="), 1);
    assert_int_equal(log_ear_count("event=append_failed records=1",
                                   "reason=\"Input/output error\""),
                     1);

    CASE("it works again: what was refused comes with the flush");
    log_ear_forget();
    faulty_disk_heal();
    assert_false(keep(&f, 7)); /* nothing without what came before it */
    assert_true(gw_store_work_flush(f.work));
    assert_true(keep(&f, 8));
    assert_true(keep(&f, 9));
    assert_int_equal(log_ear_count("level=info", "event=append_works"), 1);
    disk_shut(&f.rig);
    disk_open(&f.rig);
    assert_int_equal(f.rig.found.count, 9);
    end(&f);
}

static void a_database_that_fails_changes_nothing_and_is_said_once(void **u)
{
    struct fixture f;

    (void)u;
    begin(&f);
    break_disk(FAULTY_VFS_WRITE);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(keep(&f, i));
        assert_false(gw_store_work_flush(f.work));
    }
    assert_int_equal(log_ear_count("level=error", "event="), 1);
    assert_int_equal(log_ear_count("event=flush_failed",
                                   "reason=\"COMMIT: disk I/O error\""),
                     1);

    CASE("it works again: all of it is written");
    log_ear_forget();
    faulty_disk_heal();
    assert_true(gw_store_work_flush(f.work));
    assert_true(gw_store_work_flush(f.work));
    assert_int_equal(log_ear_count("level=info", "event=flush_works"), 1);
    assert_int_equal(log_ear_count("level=error", ""), 0);
    disk_shut(&f.rig);
    disk_open(&f.rig);
    assert_int_equal(f.rig.report.rows, 5);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_journal_that_fails_is_told_to_who_waits_and_said_once),
        cmocka_unit_test(
            a_database_that_fails_changes_nothing_and_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
