/* SPDX-License-Identifier: MIT */
/*
 * main.c - options, signals, exit code.
 *
 * Exit status: 0 after an orderly stop, and whatever --check-config and the
 * like were asked for is fine; 1 when the gateway cannot start or run, which
 * another try may cure (an address in use); 2 when it was told something wrong,
 * on the command line or in the configuration, and another try will not.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/config.h"
#include "io/crash.h"
#include "io/daemon.h"
#include "io/import_paho.h"
#include "io/log.h"
#include "io/log_systemd.h"
#include "io/store_tools.h"
#include "io/version.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#define EXIT_CANNOT_RUN 1
#define EXIT_TOLD_WRONG 2

#define SETS_MAX 128
#define DESCRIPTORS_AT_LEAST 24
#define LARGE_BLOCK (64 * 1024)
#define HEAP_SLACK (4 * 1024 * 1024)

extern char **environ;

struct arguments {
    struct gw_config_sources sources;
    const char *set[SETS_MAX];
    char log_format[32];
    bool check, print, inspect;
    const char *backup; /* where to; NULL: not asked for */
};

static void usage(FILE *out)
{
    fputs(
        "Usage: mqttsn-gateway [OPTION]...\n"
        "Carries MQTT-SN from sensors (UDP) to an MQTT broker (TCP).\n"
        "\n"
        "  -c, --config FILE            read FILE; without this option\n"
        "                               " GW_CONFIG_FILE "\n"
        "                               if it is there, else the defaults\n"
        "      --set SECTION.KEY=VALUE  override one key; may be repeated\n"
        "      --check-config           say what is wrong with the\n"
        "                               configuration, or sum it up\n"
        "      --print-config           write the configuration in force\n"
        "      --import-paho FILE       write a configuration from FILE, the\n"
        "                               gateway.conf of the Paho gateway\n"
        "      --inspect-store          write what is stored, also while a\n"
        "                               gateway runs\n"
        "      --backup-store FILE      copy the store into FILE, which must\n"
        "                               not exist; also while a gateway runs\n"
        "      --log-format FORMAT      text or json\n"
        "      --version                write the versions, also of libraries\n"
        "      --help                   write this text\n"
        "\n"
        "Exit status: 0 fine; 1 cannot start or run; 2 wrong options or\n"
        "configuration.\n",
        out);
}

/* Where problems go is only known when the configuration is: to the log if the
 * gateway runs, as plain text on standard error if not. */
struct problems {
    struct problem {
        struct problem *next;
        struct gw_config_problem problem;
        char text[]; /* file, key and text, one after the other */
    } * first, **tail;
};

static void print_problem(const struct gw_config_problem *problem)
{
    char text[1024];

    fprintf(stderr, "mqttsn-gateway: %s%s\n",
            problem->warning ? "warning: " : "",
            gw_config_problem_text(problem, text, sizeof(text)));
}

static void keep_problem(void *user, const struct gw_config_problem *problem)
{
    struct problems *problems = user;
    size_t file = strlen(problem->file) + 1, key = strlen(problem->key) + 1,
           text = strlen(problem->text) + 1;
    struct problem *kept = malloc(sizeof(*kept) + file + key + text);

    if (kept == NULL) {
        print_problem(problem);
        return;
    }
    kept->next = NULL;
    kept->problem = *problem;
    kept->problem.file = memcpy(kept->text, problem->file, file);
    kept->problem.key = memcpy(kept->text + file, problem->key, key);
    kept->problem.text = memcpy(kept->text + file + key, problem->text, text);
    *problems->tail = kept;
    problems->tail = &kept->next;
}

static void give_out(struct problems *problems, bool log)
{
    while (problems->first != NULL) {
        struct problem *problem = problems->first;

        problems->first = problem->next;
        if (log)
            gw_daemon_log_problem(&problem->problem, "warning");
        else
            print_problem(&problem->problem);
        free(problem);
    }
    problems->tail = &problems->first;
}

static int import(const char *path)
{
    enum mqttsn_status status = gw_import_paho(path, stdout, stderr);

    if (status == MQTTSN_EINVAL)
        return EXIT_TOLD_WRONG;
    return status == MQTTSN_OK && fflush(stdout) == 0 ? EXIT_SUCCESS
                                                      : EXIT_CANNOT_RUN;
}

/* Returns false when the process is to end with '*ret_status'. */
static bool parse(int argc, char **argv, struct arguments *args,
                  int *ret_status)
{
    enum {
        SET = 256,
        CHECK,
        PRINT,
        IMPORT,
        INSPECT,
        BACKUP,
        LOG_FORMAT,
        VERSION,
        HELP
    };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, SET},
        {"check-config", no_argument, NULL, CHECK},
        {"print-config", no_argument, NULL, PRINT},
        {"import-paho", required_argument, NULL, IMPORT},
        {"inspect-store", no_argument, NULL, INSPECT},
        {"backup-store", required_argument, NULL, BACKUP},
        {"log-format", required_argument, NULL, LOG_FORMAT},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, HELP},
        {0},
    };
    const char *set = NULL;
    int option;

    *ret_status = EXIT_TOLD_WRONG;
    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            args->sources.file = optarg;
            break;
        case SET:
            set = optarg;
            break;
        case CHECK:
            args->check = true;
            break;
        case PRINT:
            args->print = true;
            break;
        case IMPORT:
            *ret_status = import(optarg);
            return false;
        case INSPECT:
            args->inspect = true;
            break;
        case BACKUP:
            args->backup = optarg;
            break;
        case LOG_FORMAT:
            snprintf(args->log_format, sizeof(args->log_format),
                     "log.format=%s", optarg);
            set = args->log_format;
            break;
        case VERSION:
            gw_version_print(stdout);
            *ret_status = EXIT_SUCCESS;
            return false;
        case HELP:
            usage(stdout);
            *ret_status = EXIT_SUCCESS;
            return false;
        default:
            usage(stderr);
            return false;
        }
        if (set != NULL) {
            if (args->sources.set_count == SETS_MAX) {
                fprintf(stderr, "mqttsn-gateway: more than %d times --set\n",
                        SETS_MAX);
                return false;
            }
            args->set[args->sources.set_count++] = set;
            set = NULL;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "mqttsn-gateway: unexpected argument '%s'\n",
                argv[optind]);
        usage(stderr);
        return false;
    }
    args->sources.set = args->set;
    args->sources.environment = environ;
    return true;
}

/* Time is up: nothing the broker or a library does may keep us (D10). */
static void on_alarm(int number)
{
    (void)number;
    _exit(EXIT_SUCCESS);
}

static void on_stopping(void *user)
{
    const struct itimerval limit = {
        .it_value = {GW_DAEMON_STOP_MS / 1000,
                     GW_DAEMON_STOP_MS % 1000 * 1000}};

    (void)user;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &limit, NULL);
}

/*
 * Everything is given back by now. The process ends here and not through
 * exit(): Paho's destructor would wait about two seconds for threads that have
 * nothing left to do. A leak check runs first where there is one.
 */
static int leave(int status)
{
    fflush(NULL);
#ifdef SANITIZED
    __lsan_do_leak_check();
#endif
    _exit(status);
}

/* Libraries end the process without a word when they get no descriptor. What
 * is open at work: sockets, the loop, wake-ups, and two of the client
 * library's for each connection. */
static bool enough_descriptors(void)
{
    int fds[DESCRIPTORS_AT_LEAST];
    size_t count = 0;

    while (count < DESCRIPTORS_AT_LEAST &&
           (fds[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    return count == DESCRIPTORS_AT_LEAST || errno == EBADF;
}

/* What the store is asked from the command line. */
static int use_store(struct gw_config *config, const struct arguments *args)
{
    enum mqttsn_status status = MQTTSN_OK;

    if (args->backup != NULL)
        status = gw_store_backup(config, args->backup, stdout);
    if (status == MQTTSN_OK && args->inspect)
        status = gw_store_inspect(config, stdout);
    gw_config_free(config);
    return status == MQTTSN_OK && fflush(stdout) == 0 ? EXIT_SUCCESS
                                                      : EXIT_CANNOT_RUN;
}

/*
 * The engine reserves far more than it uses, and what it reserves is to stay
 * untouched. A large block has pages of its own, which are zero as they come;
 * one from the heap is cleared, and so becomes resident. glibc would take
 * blocks of up to 32 MiB from the heap once it has seen one of that size freed,
 * unless it is told where "large" begins; that also settles how much of the
 * heap it keeps for what comes and goes.
 */
static void reserve_untouched(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_SLACK);
#endif
}

static void on_late_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
}

/*
 * The daemon lets go of its signals before it has ended, and a library that has
 * nobody left for one gives it back to the system, which kills. So there is
 * somebody, to the last: who asks once more gets the same end. Not before the
 * daemon has them, or the first word would be lost.
 */
static void outlast_signals(uv_loop_t *loop)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    static uv_signal_t handles[sizeof(numbers) / sizeof(numbers[0])];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (uv_signal_init(loop, &handles[i]) != 0)
            return;
        (void)uv_signal_start(&handles[i], on_late_signal, numbers[i]);
        uv_unref((uv_handle_t *)&handles[i]);
    }
}

static int run(struct gw_config *config, const struct arguments *args,
               struct problems *problems)
{
    const struct gw_daemon_setup setup = {.config = config,
                                          .sources = &args->sources,
                                          .signals = true,
                                          .stopping = on_stopping};
    struct gw_daemon *daemon;
    enum mqttsn_status status;
    uv_loop_t loop;

    reserve_untouched();
    (void)gw_log_systemd_join(GW_LOG_SYSTEMD_SOCKET);
    gw_log_configure(config->log.level, config->log.format, config->log.output);
    gw_crash_install();
    give_out(problems, true);
    signal(SIGPIPE, SIG_IGN);
    /* A limit on the size of files is an error as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
    if (!enough_descriptors()) {
        gw_err("daemon", "cannot_start",
               "reason=\"fewer than %d file descriptors to be had (ulimit -n, "
               "LimitNOFILE=)\"",
               DESCRIPTORS_AT_LEAST);
        gw_config_free(config);
        return EXIT_CANNOT_RUN;
    }
    if (uv_loop_init(&loop) != 0) {
        gw_err("daemon", "cannot_start", "reason=\"no event loop\"");
        gw_config_free(config);
        return EXIT_CANNOT_RUN;
    }
    status = gw_daemon_start(&loop, &setup, &daemon);
    if (status != MQTTSN_OK) {
        if (status == MQTTSN_ENOSPACE)
            gw_err("daemon", "cannot_start", "reason=\"not enough memory\"");
        gw_config_free(config);
        /* The store's threads may have begun; they end in order. */
        uv_run(&loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&loop);
        return EXIT_CANNOT_RUN;
    }
    outlast_signals(&loop);
    uv_run(&loop, UV_RUN_DEFAULT);

    /* A library whose threads still run is not to be cleaned up around. */
    if (!gw_daemon_free(daemon))
        _exit(EXIT_SUCCESS);
    /* The loop stays, with the signals. */
    return leave(EXIT_SUCCESS);
}

/* Whoever starts us may have closed a standard stream; what is opened next
 * would take its place, and be written to. So it stays one that cannot be. */
static void fill_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    struct arguments args = {0};
    struct problems problems = {.tail = &problems.first};
    struct gw_config *config = NULL;
    enum mqttsn_status loaded;
    int status;

    fill_streams();
    if (!parse(argc, argv, &args, &status))
        return status;
    loaded = gw_config_load(&args.sources, keep_problem, &problems, &config);
    if (loaded != MQTTSN_OK || args.check || args.print || args.inspect ||
        args.backup != NULL)
        give_out(&problems, false);
    if (loaded == MQTTSN_ENOSPACE) {
        fputs("mqttsn-gateway: no memory for the configuration\n", stderr);
        return EXIT_CANNOT_RUN;
    }
    if (loaded != MQTTSN_OK)
        return EXIT_TOLD_WRONG;
    if (args.check || args.print) {
        if (args.print)
            gw_config_print(config, stdout);
        if (args.check) {
            gw_config_print_summary(config, stdout);
            printf("memory: and at most %.1f MiB wait between sockets, threads "
                   "and broker\n",
                   (double)gw_daemon_waiting_bytes(config) / (1 << 20));
        }
        gw_config_free(config);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_CANNOT_RUN;
    }
    if (args.inspect || args.backup != NULL)
        return use_store(config, &args);
    return run(config, &args, &problems);
}
