/* SPDX-License-Identifier: MIT */
#include "mosquitto_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define READY_MS 10000

struct mosquitto broker;

/* Outside the range of automatic ports: while the broker is away no connection
 * may be given its port, least of all the one that looks for it. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    uint16_t port = 0;
    bool taken = true;

    for (unsigned n = 0; n < 100 && taken; n++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        assert_true(fd >= 0);
        assert_int_equal(getrandom(&port, sizeof(port), 0), sizeof(port));
        port = (uint16_t)(20000 + port % 12000);
        at.sin_port = htons(port);
        taken = bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0;
        close(fd);
    }
    assert_false(taken);
    return port;
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

static void write_listeners(FILE *file)
{
    /* That of WebSocket serves only where a plain one stands before it. */
    fprintf(file, "listener %u 127.0.0.1\n", broker.port);
    if (broker.tls_port != 0)
        fprintf(file,
                "listener %u 127.0.0.1\n"
                "certfile %s\n"
                "keyfile %s/key.pem\n",
                broker.tls_port, broker.cert, broker.directory);
    if (broker.ws_port != 0)
        fprintf(file,
                "listener %u 127.0.0.1\n"
                "protocol websockets\n"
                /* Exchanges of QoS 2 that a broken WebSocket has left count. */
                "max_inflight_messages 0\n",
                broker.ws_port);
}

static void write_config(enum contract_mood mood)
{
    FILE *file = create("mosquitto.conf");

    write_listeners(file);
    fprintf(file,
            "allow_anonymous %s\n"
            "persistence true\n"
            "persistence_location %s/\n"
            "max_queued_messages 0\n"
            "log_dest stderr\n"
            "log_type all\n",
            mood == CONTRACT_DENYING ? "false" : "true", broker.directory);
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

void mosquitto_start(void *user, enum contract_mood mood)
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

void mosquitto_wipe(void *user)
{
    char path[96];

    (void)user;
    assert_int_equal(broker.pid, 0);
    snprintf(path, sizeof(path), "%s/mosquitto.db", broker.directory);
    assert_true(unlink(path) == 0 || errno == ENOENT);
}

void mosquitto_kill(void *user, bool remember)
{
    if (broker.pid == 0)
        return;
    /* It writes its sessions to disk when it is asked to end. */
    assert_int_equal(kill(broker.pid, remember ? SIGTERM : SIGKILL), 0);
    assert_int_equal(kill(broker.pid, SIGCONT), 0);
    assert_int_equal(waitpid(broker.pid, NULL, 0), broker.pid);
    broker.pid = 0;
    if (!remember)
        mosquitto_wipe(user);
}

void mosquitto_pause(void *user)
{
    int status;

    (void)user;
    assert_int_equal(kill(broker.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(broker.pid, &status, WUNTRACED), broker.pid);
    assert_true(WIFSTOPPED(status));
}

void mosquitto_resume(void *user)
{
    (void)user;
    assert_int_equal(kill(broker.pid, SIGCONT), 0);
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

void mosquitto_remove(void)
{
    static const char *const names[] = {"mosquitto.conf", "mosquitto.db",
                                        "security.json", "cert.pem", "key.pem"};
    char path[96];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", broker.directory, names[i]);
        unlink(path);
    }
    rmdir(broker.directory);
}

bool mosquitto_find(void)
{
    if (!find_program())
        return false;
    find_plugin();
    snprintf(broker.directory, sizeof(broker.directory), "/tmp/gw-up-XXXXXX");
    assert_non_null(mkdtemp(broker.directory));
    /* As root, mosquitto becomes another user, who must be able to write. */
    assert_int_equal(chmod(broker.directory, 0777), 0);
    broker.port = free_port();
    do
        broker.dead_port = free_port();
    while (broker.dead_port == broker.port);
    return true;
}

bool mosquitto_take_all_ways(void)
{
    char command[512], key[96];

    snprintf(broker.cert, sizeof(broker.cert), "%s/cert.pem", broker.directory);
    snprintf(key, sizeof(key), "%s/key.pem", broker.directory);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
             "-nodes -keyout %s -out %s -days 2 -subj /CN=broker "
             "-addext subjectAltName=IP:127.0.0.1 2>/dev/null",
             key, broker.cert);
    /* Whoever mosquitto becomes must be able to read it. */
    if (system(command) != 0 || chmod(key, 0644) != 0)
        return false;
    broker.tls_port = free_port();
    broker.ws_port = free_port();
    return true;
}
