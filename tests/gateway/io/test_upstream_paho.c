/* SPDX-License-Identifier: MIT */
/*
 * The contract, kept by Paho and a real mosquitto. The broker is ours: on a
 * free loopback port, with its files in a directory of its own.
 */
#include "io/upstream_paho.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "upstream_contract_rig.h"

#include "io/log.h"

#define SKIPPED 77
#define READY_MS 10000

struct mosquitto {
    char directory[64];
    char program[64];
    char plugin[96]; /* dynamic security; empty: none */
    uint16_t port;
    uint16_t dead_port; /* nobody listens there */
    pid_t pid;          /* 0: not up */
    bool dead_first;    /* ports try an endpoint without a broker first */
};

static struct mosquitto broker;

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static FILE *create(const char *name)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", broker.directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

static void write_config(enum contract_mood mood)
{
    FILE *file = create("mosquitto.conf");

    fprintf(file,
            "listener %u 127.0.0.1\n"
            "allow_anonymous %s\n"
            "persistence true\n"
            "persistence_location %s/\n"
            "max_queued_messages 0\n"
            "log_dest stderr\n"
            "log_type all\n",
            broker.port, mood == CONTRACT_DENYING ? "false" : "true",
            broker.directory);
    if (mood == CONTRACT_SELECTIVE)
        fprintf(file,
                "plugin %s\n"
                "plugin_opt_config_file %s/security.json\n",
                broker.plugin, broker.directory);
    assert_int_equal(fclose(file), 0);
    if (mood != CONTRACT_SELECTIVE)
        return;
    file = create("security.json");
    fputs("{\"defaultACLAccess\":{\"publishClientSend\":true,"
          "\"publishClientReceive\":true,\"subscribe\":true,"
          "\"unsubscribe\":true},\"clients\":[],"
          "\"anonymousGroup\":\"all\","
          "\"groups\":[{\"groupname\":\"all\",\"roles\":"
          "[{\"rolename\":\"selective\"}],\"clients\":[]}],"
          "\"roles\":[{\"rolename\":\"selective\",\"acls\":"
          "[{\"acltype\":\"subscribePattern\",\"topic\":\"refused/#\","
          "\"allow\":false}]}]}",
          file);
    assert_int_equal(fclose(file), 0);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the broker says that it is running. */
static void await_running(int fd)
{
    int64_t until = now_ms() + READY_MS;
    char said[4096] = "";
    size_t len = 0;

    while (!strstr(said, "running")) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;

        assert_true(now_ms() < until);
        if (poll(&p, 1, 100) <= 0)
            continue;
        n = read(fd, said + len, sizeof(said) - 1 - len);
        if (n <= 0)
            fail_msg("mosquitto did not start: %s", said);
        len += (size_t)n;
        said[len] = '\0';
    }
}

static void start(void *user, enum contract_mood mood)
{
    char config[96];
    int log[2];

    (void)user;
    assert_int_equal(broker.pid, 0);
    write_config(mood);
    snprintf(config, sizeof(config), "%s/mosquitto.conf", broker.directory);
    assert_int_equal(pipe(log), 0);
    broker.pid = fork();
    assert_true(broker.pid >= 0);
    if (broker.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log[1], STDERR_FILENO);
        dup2(log[1], STDOUT_FILENO);
        close(log[0]);
        close(log[1]);
        execl(broker.program, "mosquitto", "-c", config, (char *)NULL);
        _exit(127);
    }
    close(log[1]);
    await_running(log[0]);
    /* It goes on writing: nobody reads, and nobody may be stopped by that. */
    signal(SIGPIPE, SIG_IGN);
    close(log[0]);
}

static void wipe(void *user)
{
    char path[96];

    (void)user;
    assert_int_equal(broker.pid, 0);
    snprintf(path, sizeof(path), "%s/mosquitto.db", broker.directory);
    assert_true(unlink(path) == 0 || errno == ENOENT);
}

static void kill_broker(void *user, bool remember)
{
    if (broker.pid == 0)
        return;
    /* It writes its sessions to disk when it is asked to end. */
    assert_int_equal(kill(broker.pid, remember ? SIGTERM : SIGKILL), 0);
    assert_int_equal(kill(broker.pid, SIGCONT), 0);
    assert_int_equal(waitpid(broker.pid, NULL, 0), broker.pid);
    broker.pid = 0;
    if (!remember)
        wipe(user);
}

static void pause_broker(void *user)
{
    int status;

    (void)user;
    assert_int_equal(kill(broker.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(broker.pid, &status, WUNTRACED), broker.pid);
    assert_true(WIFSTOPPED(status));
}

static void resume_broker(void *user)
{
    (void)user;
    assert_int_equal(kill(broker.pid, SIGCONT), 0);
}

static struct gw_upstream *make_port(void *user, uv_loop_t *loop,
                                     const struct contract_settings *wanted)
{
    struct gw_upstream_endpoint endpoints[] = {{"127.0.0.1", broker.dead_port},
                                               {"127.0.0.1", broker.port}};
    struct gw_upstream_settings settings;
    struct gw_upstream *upstream = NULL;

    (void)user;
    gw_upstream_settings_default(&settings);
    settings.endpoints = broker.dead_first ? endpoints : endpoints + 1;
    settings.endpoint_count = broker.dead_first ? 2 : 1;
    settings.client_id = "contract";
    settings.window = wanted->window;
    settings.outbox_entries = wanted->outbox_entries;
    settings.clean_first = wanted->clean_first;
    settings.backoff_min_ms = 20;
    settings.backoff_max_ms = 200;
    assert_int_equal(gw_upstream_paho_new(loop, &settings, &upstream),
                     MQTTSN_OK);
    return upstream;
}

static size_t outstanding_max(struct gw_upstream *upstream)
{
    struct gw_upstream_paho_stats stats;

    gw_upstream_paho_stats(upstream, &stats);
    return (size_t)stats.outstanding_max;
}

static bool find_program(void)
{
    static const char *const places[] = {
        "/usr/sbin/mosquitto", "/usr/bin/mosquitto",
        "/usr/local/sbin/mosquitto", "/usr/local/bin/mosquitto"};

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (access(places[i], X_OK) == 0) {
            snprintf(broker.program, sizeof(broker.program), "%s", places[i]);
            return true;
        }
    return false;
}

static void find_plugin(void)
{
    static const char *const places[] = {
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/usr/lib/arm-linux-gnueabihf", "/usr/lib"};
    char path[96];

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(path, sizeof(path), "%s/mosquitto_dynamic_security.so",
                 places[i]);
        if (access(path, R_OK) == 0)
            memcpy(broker.plugin, path, sizeof(path));
    }
}

static void remove_directory(void)
{
    static const char *const names[] = {"mosquitto.conf", "mosquitto.db",
                                        "security.json"};
    char path[96];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", broker.directory, names[i]);
        unlink(path);
    }
    rmdir(broker.directory);
}

/* ---- what only this port does --------------------------------------- */

static void an_endpoint_without_a_broker_is_passed_over(void **state)
{
    struct rig *rig;

    (void)state;
    broker.dead_first = true;
    rig = rig_connected(&contract_plain);
    broker.dead_first = false;
    rig_subscribe(rig, 1, "t/#", 1);
    assert_int_equal(rig_count(rig, GW_UP_UNREACHABLE), 1);

    /* The one that has our session is tried first from then on. */
    kill_broker(NULL, true);
    start(NULL, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 2);
    assert_true(
        rig_nth(rig, GW_UP_CONNECTED, 2)->event.connected.session_present);
    rig_free(rig);
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
        cmocka_unit_test_setup_teardown(the_environment_changes_nothing,
                                        contract_setup, contract_teardown),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };

    return cmocka_run_group_tests_name("upstream_paho_own", tests, NULL, NULL);
}

int main(void)
{
    struct contract_factory factory = {.name = "upstream_paho",
                                       .start = start,
                                       .kill = kill_broker,
                                       .pause = pause_broker,
                                       .resume = resume_broker,
                                       .wipe = wipe,
                                       .port = make_port,
                                       .outstanding_max = outstanding_max};
    int failures;

    if (!find_program()) {
        puts("no mosquitto here");
        return SKIPPED;
    }
    find_plugin();
    factory.can_refuse = broker.plugin[0] != '\0';
    snprintf(broker.directory, sizeof(broker.directory), "/tmp/gw-up-XXXXXX");
    assert_non_null(mkdtemp(broker.directory));
    /* As root, mosquitto becomes another user, who must be able to write. */
    assert_int_equal(chmod(broker.directory, 0777), 0);
    broker.port = free_port();
    do
        broker.dead_port = free_port();
    while (broker.dead_port == broker.port);
    if (getenv("UPSTREAM_LOG"))
        gw_log_configure(GW_LOG_DEBUG, GW_LOG_TEXT, GW_LOG_STDERR);
    else
        gw_log_configure(GW_LOG_ERROR, GW_LOG_TEXT, GW_LOG_STDERR);
    printf("Paho %s, heap tracking %s\n", gw_upstream_paho_version(),
           gw_upstream_paho_heap_tracking());
    failures = upstream_contract_run(&factory);
    failures += run_own_tests();
    kill_broker(NULL, false);
    remove_directory();
    return failures;
}
