/* SPDX-License-Identifier: MIT */
/*
 * The contract, kept by Paho and a real mosquitto; then once more by Paho with
 * a journal; and both again with MQTT 5.
 */
#include "io/upstream_paho.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mosquitto_rig.h"
#include "upstream_contract_rig.h"

#include "io/files.h"
#include "io/journal.h"
#include "io/log.h"
#include "io/upstream_port.h"

#define SKIPPED 77

static enum gw_upstream_protocol protocol = GW_PROTOCOL_3_1_1;

static bool dead_first; /* ports try an endpoint without a broker first */

/* With a journal: a fresh one for each port, which borrows it until the test
 * has ended. */
static bool with_journal;
static struct gw_journal *journal;
static char journal_directory[64];
static unsigned refused_writes; /* of the journal; before a port starts */

static void remove_journal(void)
{
    struct dirent *entry;
    DIR *directory;

    if (!journal)
        return;
    gw_journal_close(journal);
    journal = NULL;
    directory = opendir(journal_directory);
    assert_non_null(directory);
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
    closedir(directory);
    assert_int_equal(rmdir(journal_directory), 0);
}

static ssize_t write_or_refuse(int fd, const void *buf, size_t len)
{
    if (refused_writes == 0)
        return gw_files_system.write(fd, buf, len);
    refused_writes--;
    errno = ENOSPC;
    return -1;
}

static void make_journal(void)
{
    static struct gw_file_ops files;
    struct gw_journal_settings settings = {.directory = journal_directory,
                                           .files = &files,
                                           .name = "contract",
                                           .limit = 64 * 1024 * 1024};

    remove_journal();
    snprintf(journal_directory, sizeof(journal_directory),
             "/tmp/gw-upj-XXXXXX");
    assert_non_null(mkdtemp(journal_directory));
    files = gw_files_system;
    files.write = write_or_refuse;
    assert_int_equal(gw_journal_open(&settings, 1, NULL, &journal), MQTTSN_OK);
}

static uint64_t nothing_held(void *user, uint32_t owner, uint32_t item)
{
    (void)user;
    (void)owner;
    (void)item;
    return 0;
}

static struct gw_upstream *make_port(void *user, uv_loop_t *loop,
                                     const struct contract_settings *wanted)
{
    struct gw_upstream_endpoint endpoints[] = {
        {.host = "127.0.0.1", .port = broker.dead_port},
        {.host = "127.0.0.1", .port = broker.port}};
    struct gw_upstream_settings settings;
    struct gw_upstream *upstream = NULL;

    (void)user;
    gw_upstream_settings_default(&settings);
    settings.endpoints = dead_first ? endpoints : endpoints + 1;
    settings.endpoint_count = dead_first ? 2 : 1;
    settings.protocol = protocol;
    settings.client_id = "contract";
    settings.window = wanted->window;
    settings.outbox_entries = wanted->outbox_entries;
    settings.clean_first = wanted->clean_first;
    settings.backoff_min_ms = 20;
    settings.backoff_max_ms = 200;
    if (with_journal) {
        make_journal();
        settings.journal = journal;
    }
    assert_int_equal(gw_upstream_paho_new(loop, &settings, &upstream),
                     MQTTSN_OK);
    if (with_journal)
        assert_int_equal(
            gw_upstream_paho_restored(upstream, true, nothing_held, NULL),
            MQTTSN_OK);
    return upstream;
}

static size_t outstanding_max(struct gw_upstream *upstream)
{
    struct gw_upstream_paho_stats stats;

    gw_upstream_paho_stats(upstream, &stats);
    return (size_t)stats.outstanding_max;
}

/* ---- what only this port does --------------------------------------- */

static void an_endpoint_without_a_broker_is_passed_over(void **state)
{
    struct rig *rig;

    (void)state;
    dead_first = true;
    rig = rig_connected(&contract_plain);
    dead_first = false;
    rig_subscribe(rig, 1, "t/#", 1);
    assert_int_equal(rig_count(rig, GW_UP_UNREACHABLE), 1);

    /* The one that has our session is tried first from then on. */
    mosquitto_kill(NULL, true);
    mosquitto_start(NULL, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 2);
    assert_true(
        rig_nth(rig, GW_UP_CONNECTED, 2)->event.connected.session_present);
    rig_free(rig);
}

/* A session that is found lost then, and a kill: nothing would be subscribed.
 */
static void there_is_no_attempt_that_the_journal_does_not_know(void **state)
{
    struct gw_upstream_paho_stats stats;
    struct rig *rig;

    (void)state;
    with_journal = true;
    rig = rig_new(&contract_plain);
    with_journal = false;
    refused_writes = 1;
    rig_start(rig);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 1);
    assert_int_equal(rig_count(rig, GW_UP_UNREACHABLE), 1);
    gw_upstream_paho_stats(rig->up, &stats);
    assert_int_equal(stats.connects, 1);
    rig_free(rig);
    remove_journal();
}

static void the_environment_changes_nothing(void **state)
{
    struct rig *rig;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("MQTT_C_CLIENT_TRACE", "ON", 1);
    rig = rig_connected(&contract_plain);
    assert_null(getenv("http_proxy"));
    assert_null(getenv("MQTT_C_CLIENT_TRACE"));
    rig_free(rig);
}

/* A thread that has a result to give, and no memory, waits with the lock until
 * the loop has taken something. */
static void the_loop_waits_for_no_thread(void **state)
{
    struct gw_upstream_paho_stats stats;
    struct gw_paho_port *port;
    struct rig *rig;
    unsigned wakes;

    (void)state;
    rig = rig_connected(&contract_plain);
    port = (struct gw_paho_port *)rig->up;
    pthread_mutex_lock(&port->lock);
    wakes = rig->wakes;
    gw_inbox_signal(&port->inbox);
    WAIT_FOR(rig, rig->wakes > wakes);
    gw_upstream_paho_stats(rig->up, &stats);
    assert_int_equal(stats.connects, 1);
    pthread_mutex_unlock(&port->lock);
    rig_free(rig);
}

static void settings_out_of_range_are_refused(void **state)
{
    struct gw_upstream_settings good;
    struct gw_upstream *upstream = NULL;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    gw_upstream_settings_default(&good);
    assert_int_equal(gw_upstream_paho_new(&loop, &good, &upstream),
                     MQTTSN_EINVAL); /* no client id */
    good.client_id = "contract";
    for (int i = 0; i < 6; i++) {
        struct gw_upstream_settings bad = good;

        bad.window = i == 0 ? 0 : i == 1 ? 1001 : bad.window;
        bad.keep_alive_s = i == 2 ? 4 : bad.keep_alive_s;
        bad.endpoint_count = i == 3 ? 0 : 1;
        bad.backoff_max_ms = i == 4 ? 1 : bad.backoff_max_ms;
        bad.client_id = i == 5 ? "" : bad.client_id;
        assert_int_equal(gw_upstream_paho_new(&loop, &bad, &upstream),
                         MQTTSN_EINVAL);
    }
    assert_null(upstream);
    assert_int_equal(gw_upstream_paho_new(&loop, &good, &upstream), MQTTSN_OK);
    upstream->ops->free(upstream);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int run_own_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_endpoint_without_a_broker_is_passed_over, contract_setup,
            contract_teardown),
        cmocka_unit_test_setup_teardown(
            there_is_no_attempt_that_the_journal_does_not_know, contract_setup,
            contract_teardown),
        cmocka_unit_test_setup_teardown(the_environment_changes_nothing,
                                        contract_setup, contract_teardown),
        cmocka_unit_test_setup_teardown(the_loop_waits_for_no_thread,
                                        contract_setup, contract_teardown),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };

    return cmocka_run_group_tests_name("upstream_paho_own", tests, NULL, NULL);
}

static int run_contract(const struct contract_factory *port, const char *suffix)
{
    /* The rig keeps it, for the tests that follow. */
    static struct contract_factory factory;
    static char name[64];
    int failures = 0;

    factory = *port;
    factory.name = name;
    for (int i = 0; i < 2; i++) {
        with_journal = i == 1;
        snprintf(name, sizeof(name), "upstream_paho%s%s",
                 with_journal ? "_with_journal" : "", suffix);
        failures += upstream_contract_run(&factory);
    }
    with_journal = false;
    return failures;
}

int main(void)
{
    struct contract_factory factory = {.name = "upstream_paho",
                                       .start = mosquitto_start,
                                       .kill = mosquitto_kill,
                                       .pause = mosquitto_pause,
                                       .resume = mosquitto_resume,
                                       .wipe = mosquitto_wipe,
                                       .port = make_port,
                                       .outstanding_max = outstanding_max};
    int failures;

    if (!mosquitto_find()) {
        puts("no mosquitto here");
        return SKIPPED;
    }
    factory.can_refuse = broker.plugin[0] != '\0';
    if (getenv("UPSTREAM_LOG"))
        gw_log_configure(GW_LOG_DEBUG, GW_LOG_TEXT, GW_LOG_STDERR);
    else
        gw_log_configure(GW_LOG_ERROR, GW_LOG_TEXT, GW_LOG_STDERR);
    printf("Paho %s, heap tracking %s\n", gw_upstream_paho_version(),
           gw_upstream_paho_heap_tracking());
    failures = run_contract(&factory, "");
    failures += run_own_tests();
    protocol = GW_PROTOCOL_5;
    failures += run_contract(&factory, "_of_mqtt_5");
    mosquitto_kill(NULL, false);
    mosquitto_remove();
    remove_journal();
    return failures;
}
