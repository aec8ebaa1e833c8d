/* SPDX-License-Identifier: MIT */
#include "io/database.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk_rig.h"

static const uint8_t an_id[16] = "the store's id..";

struct fixture {
    struct disk_rig rig; /* its directory */
    struct gw_database_settings settings;
    struct gw_database *database;
    char why[GW_DATABASE_WHY_MAX];
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    disk_begin(&f->rig);
    f->settings.path = f->rig.path;
    memcpy(f->settings.id, an_id, sizeof(an_id));
}

static void end(struct fixture *f)
{
    gw_database_close(f->database);
    disk_end(&f->rig);
}

static enum mqttsn_status reopen(struct fixture *f)
{
    gw_database_close(f->database);
    f->database = NULL;
    return gw_database_open(&f->settings, &f->database, f->why);
}

static void execute(const struct fixture *f, const char *text)
{
    sqlite3 *sqlite;

    assert_int_equal(sqlite3_open(f->rig.path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static void put(struct fixture *f, uint32_t kind, uint32_t owner, uint32_t item,
                const char *octets)
{
    const struct gw_database_row row = {
        .key = {kind, owner, item},
        .at_s = 5,
        .octets = mqttsn_span((const uint8_t *)octets, strlen(octets))};

    assert_int_equal(gw_database_put(f->database, &row, f->why), MQTTSN_OK);
}

static void commit(struct fixture *f, uint64_t applied, uint64_t rows)
{
    struct gw_database_meta meta;

    assert_true(gw_database_meta(f->database, &meta));
    meta.applied = applied;
    meta.rows = rows;
    assert_int_equal(gw_database_commit(f->database, &meta, f->why), MQTTSN_OK);
}

static char text[1024];

static bool write_down(void *user, const struct gw_database_row *row)
{
    size_t at = strlen(text);

    (void)user;
    snprintf(text + at, sizeof(text) - at, "%s%u/%u/%u=%.*s", at ? " " : "",
             row->key.kind, row->key.owner, row->key.item, (int)row->octets.len,
             (const char *)row->octets.data);
    return true;
}

static const char *scan(struct fixture *f, uint64_t *ret_lost)
{
    text[0] = '\0';
    assert_int_equal(
        gw_database_scan(f->database, write_down, NULL, ret_lost, f->why),
        MQTTSN_OK);
    return text;
}

static void rows_come_back_in_order(void **unused)
{
    struct gw_database_meta meta;
    struct fixture f;
    uint64_t lost;

    (void)unused;
    begin(&f);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_true(gw_database_meta(f.database, &meta));
    assert_memory_equal(meta.id, an_id, 16);
    assert_int_equal(meta.applied, 0);
    assert_string_equal(scan(&f, &lost), "");

    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 6, 2, 1, "place");
    put(&f, 1, 2, 0, "two");
    put(&f, 64, 0, 1, "arrival");
    put(&f, 1, 1, 0, "one");
    put(&f, 1, 1, 0, "one, again");
    commit(&f, 17, 4);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_string_equal(
        scan(&f, &lost),
        "1/1/0=one, again 1/2/0=two 6/2/1=place 64/0/1=arrival");
    assert_int_equal(lost, 0);
    assert_false(gw_database_damaged(f.database));
    assert_true(gw_database_meta(f.database, &meta));
    assert_int_equal(meta.applied, 17);

    CASE("what is cancelled never was");
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 1, 3, 0, "three");
    gw_database_cancel(f.database);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_null(strstr(scan(&f, &lost), "three"));
    end(&f);
}

static unsigned deleted_count;

static void on_deleted(void *user, struct gw_key key)
{
    (void)user;
    assert_int_equal(key.owner, 2);
    deleted_count++;
}

static void an_owner_goes_as_a_whole(void **unused)
{
    struct fixture f;
    uint64_t lost;

    (void)unused;
    begin(&f);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 1, 1, 0, "one");
    put(&f, 1, 2, 0, "two");
    put(&f, 6, 2, 1, "place");
    put(&f, 6, 2, 2, "place");
    put(&f, 65, 2, 2, "the shell's");
    deleted_count = 0;
    assert_int_equal(
        gw_database_delete_owner(f.database, 2, on_deleted, NULL, f.why),
        MQTTSN_OK);
    assert_int_equal(deleted_count, 3);
    commit(&f, 1, 2);
    assert_string_equal(scan(&f, &lost), "1/1/0=one 65/2/2=the shell's");
    end(&f);
}

static void what_is_not_as_it_was_written_shows(void **unused)
{
    static const struct {
        const char *why, *change;
        const char *left;
        uint64_t lost;
    } rows[] = {
        {"an octet of a row",
         "UPDATE record SET octets = 'twO' WHERE owner = 2", "1/1/0=one", 1},
        {"a key", "UPDATE record SET owner = 3 WHERE owner = 2", "1/1/0=one",
         1},
        {"its time", "UPDATE record SET at = 6 WHERE owner = 2", "1/1/0=one",
         1},
        {"a row is gone", "DELETE FROM record WHERE owner = 1", "1/2/0=two", 1},
        {"one is too much",
         "INSERT INTO record SELECT kind, 9, item, at, crc, octets FROM record "
         "WHERE owner = 1",
         "1/1/0=one 1/2/0=two", 1},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        uint64_t lost;

        CASE(rows[i].why);
        begin(&f);
        assert_int_equal(reopen(&f), MQTTSN_OK);
        assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
        put(&f, 1, 1, 0, "one");
        put(&f, 1, 2, 0, "two");
        commit(&f, 1, 2);
        execute(&f, rows[i].change);
        assert_int_equal(reopen(&f), MQTTSN_OK);
        assert_string_equal(scan(&f, &lost), rows[i].left);
        assert_int_equal(lost, rows[i].lost);
        assert_true(gw_database_damaged(f.database));
        end(&f);
    }
}

static void a_row_that_is_not_found_is_damage(void **unused)
{
    struct fixture f;

    (void)unused;
    begin(&f);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    assert_int_equal(
        gw_database_delete(f.database, (struct gw_key){1, 1, 0}, f.why),
        MQTTSN_EFIELD);
    gw_database_cancel(f.database);
    assert_true(gw_database_damaged(f.database));
    end(&f);
}

/* ---- versions ---------------------------------------------------------- */

static const char *const next_steps[] = {
    NULL, /* the first is the real one's */
    "ALTER TABLE record ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';",
    "CREATE TABLE shade (name TEXT); INSERT INTO shade VALUES ('pale');",
};

static void an_older_schema_is_brought_up_to_date(void **unused)
{
    const char *steps[3] = {gw_database_schema.steps[0], next_steps[1],
                            next_steps[2]};
    const struct gw_database_schema later = {3, steps};
    struct gw_database_meta meta;
    struct fixture f;
    uint64_t lost;

    (void)unused;
    assert_int_equal(gw_database_schema.version, 1);
    begin(&f);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 1, 1, 0, "one");
    commit(&f, 42, 1);

    f.settings.schema = &later;
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_string_equal(scan(&f, &lost), "1/1/0=one");
    assert_false(gw_database_damaged(f.database));
    assert_true(gw_database_meta(f.database, &meta));
    assert_int_equal(meta.applied, 42);
    assert_memory_equal(meta.id, an_id, 16);
    execute(&f, "SELECT colour FROM record; SELECT name FROM shade");

    CASE("it is used, and opened again, as what it is now");
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 1, 2, 0, "two");
    commit(&f, 43, 2);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_string_equal(scan(&f, &lost), "1/1/0=one 1/2/0=two");

    CASE("the older version refuses it, and leaves it alone");
    f.settings.schema = NULL;
    assert_int_equal(reopen(&f), MQTTSN_EPROTO);
    assert_non_null(strstr(f.why, "later version"));
    f.settings.read_only = true;
    assert_int_equal(reopen(&f), MQTTSN_EPROTO);
    f.settings.read_only = false;
    f.settings.schema = &later;
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_string_equal(scan(&f, &lost), "1/1/0=one 1/2/0=two");
    end(&f);
}

static void a_step_that_fails_changes_nothing(void **unused)
{
    const char *steps[3] = {gw_database_schema.steps[0], next_steps[1],
                            "CREATE TABLE record (again TEXT);"};
    const struct gw_database_schema broken = {3, steps};
    struct fixture f;
    uint64_t lost;

    (void)unused;
    begin(&f);
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_int_equal(gw_database_begin(f.database, f.why), MQTTSN_OK);
    put(&f, 1, 1, 0, "one");
    commit(&f, 1, 1);
    f.settings.schema = &broken;
    assert_int_not_equal(reopen(&f), MQTTSN_OK);
    f.settings.schema = NULL;
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_string_equal(scan(&f, &lost), "1/1/0=one");
    assert_false(gw_database_damaged(f.database));
    end(&f);
}

static void another_programs_database_is_not_touched(void **unused)
{
    struct fixture f;
    uint8_t *before, *after;
    size_t len, len_after;

    (void)unused;
    begin(&f);
    execute(&f, "CREATE TABLE recipes (name TEXT);"
                "INSERT INTO recipes VALUES ('soup')");
    before = rig_load(f.rig.path, &len);
    assert_int_equal(reopen(&f), MQTTSN_EPROTO);
    assert_non_null(strstr(f.why, "another program"));
    after = rig_load(f.rig.path, &len_after);
    assert_int_equal(len, len_after);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);

    CASE("one number may be wrong, and it is known nevertheless");
    disk_remove(&f.rig, "gw.db");
    assert_int_equal(reopen(&f), MQTTSN_OK);
    execute(&f, "PRAGMA application_id = 77");
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_true(gw_database_damaged(f.database));
    execute(&f, "PRAGMA application_id = 1297175374; PRAGMA user_version = 9");
    assert_int_equal(reopen(&f), MQTTSN_OK);
    assert_true(gw_database_damaged(f.database));
    end(&f);
}

static void looking_changes_nothing(void **unused)
{
    struct fixture f;

    (void)unused;
    begin(&f);
    f.settings.read_only = true;
    assert_int_equal(reopen(&f), MQTTSN_ENOTFOUND);
    assert_int_equal(disk_files(&f.rig, "gw.db"), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_in_order),
        cmocka_unit_test(an_owner_goes_as_a_whole),
        cmocka_unit_test(what_is_not_as_it_was_written_shows),
        cmocka_unit_test(a_row_that_is_not_found_is_damage),
        cmocka_unit_test(an_older_schema_is_brought_up_to_date),
        cmocka_unit_test(a_step_that_fails_changes_nothing),
        cmocka_unit_test(another_programs_database_is_not_touched),
        cmocka_unit_test(looking_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
