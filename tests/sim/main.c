/* SPDX-License-Identifier: MIT */
/*
 * simulate - lives through many seeds; see sim.h.
 *
 *   simulate --seeds N [--from M]     seeds M to M + N - 1
 *   simulate --seed S [--trace]       one, with the conversation
 *   --set NAME=VALUE                  an option, after the seed has drawn all
 *   --each-operation                  each seed as often as its store's disk
 * has operations, and ends at each of them once for each thing that it may keep
 * then
 *   --keep-going                      do not stop at the first failure
 *   --quiet                           no figures
 *   --explain                         what options there are
 *
 * The first seed and every hundredth after it run twice, and both runs must be
 * the same. A failure
 * prints the seed, its options, and the command that shows it again; exit
 * status 1. So does a run that an assertion or a sanitizer ends.
 */
#include "sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS 64
#define TWICE_EVERY 100

struct task {
    uint64_t from, count;
    bool trace, each_operation, keep_going, quiet;
    const char *settings[SETTINGS];
    size_t setting_count;
    const char *program;
};

static struct sim sim;
static struct stats stats, discarded;
static struct task orders = {.from = 1, .count = 100};

static int usage(const char *wrong)
{
    fprintf(stderr, "simulate: error: %s\n", wrong);
    return 2;
}

static void options_of(const struct task *task, uint64_t seed,
                       struct options *ret)
{
    options_draw(ret, seed);
    for (size_t i = 0; i < task->setting_count; i++)
        (void)options_set(ret, task->settings[i]);
    store_adjust(ret);
    options_agree(ret);
}

static void report(const struct task *task, uint64_t seed,
                   const struct options *options)
{
    printf("seed %llu: %s\n", (unsigned long long)seed, sim.failure);
    printf("its options:");
    options_print(options, stdout);
    printf("again: %s --seed %llu --trace", task->program,
           (unsigned long long)seed);
    for (size_t i = 0; i < task->setting_count; i++)
        printf(" --set %s", task->settings[i]);
    printf("\n");
    fflush(stdout);
}

/* Of the sanitizers, where there is one. */
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static void on_death(void)
{
    snprintf(sim.failure, sizeof(sim.failure), "stopped in the middle");
    report(&orders, sim.seed, &sim.o);
}

static void on_abort(int signal)
{
    (void)signal;
    on_death(); /* it ends when this returns */
}

/* Of what ends a process without a word; it ends when this returns. */
static void on_signal(int number)
{
    signal(number, SIG_DFL);
    on_death();
    raise(number);
}

/* True when it was well. 'twice': and, once more, the same. */
static bool live(const struct task *task, uint64_t seed, bool twice)
{
    struct options options;
    uint64_t hash;

    options_of(task, seed, &options);
    sim.stats = &stats;
    if (!sim_run(&sim, seed, &options)) {
        report(task, seed, &options);
        return false;
    }
    if (!twice)
        return true;
    hash = sim.hash;
    stats.twice++;
    sim.trace = NULL;
    sim.stats = &discarded;
    if (!sim_run(&sim, seed, &options) || sim.hash != hash) {
        snprintf(sim.failure, sizeof(sim.failure),
                 "deterministic: two runs are not the same");
        report(task, seed, &options);
        return false;
    }
    return true;
}

/* Until the disk has no operation of that number. */
static bool live_each(const struct task *task, uint64_t seed)
{
    struct task one = *task;
    char cut_at[32], keeps[32];
    uint64_t cuts;

    one.settings[one.setting_count++] = cut_at;
    one.settings[one.setting_count++] = keeps;
    for (unsigned kept = 1; kept <= 3; kept++) {
        snprintf(keeps, sizeof(keeps), "keeps=%u", kept);
        for (unsigned n = 1;; n++) {
            snprintf(cut_at, sizeof(cut_at), "cut_at=%u", n);
            cuts = stats.store_cuts;
            if (!live(&one, seed, false))
                return false;
            if (stats.store_cuts == cuts)
                break;
        }
    }
    return true;
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    struct options scratch = {0};

    task->program = argv[0];
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--trace") == 0) {
            task->trace = true;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            task->keep_going = true;
        } else if (strcmp(argv[i], "--each-operation") == 0) {
            task->each_operation = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            task->quiet = true;
        } else if (strcmp(argv[i], "--explain") == 0) {
            options_explain(stdout);
            exit(0);
        } else if (value == NULL) {
            return usage("an unknown option, or one without its value");
        } else if (strcmp(argv[i], "--seeds") == 0) {
            task->count = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0) {
            task->from = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            task->from = strtoull(argv[++i], NULL, 10);
            task->count = 1;
        } else if (strcmp(argv[i], "--set") == 0) {
            if (!options_set(&scratch, value) ||
                task->setting_count == SETTINGS - 2)
                return usage("no such option; see --explain");
            task->settings[task->setting_count++] = argv[++i];
        } else {
            return usage("an unknown option");
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned failures = 0;
    int wrong = read_arguments(&orders, argc, argv);

    if (wrong != 0)
        return wrong;
    signal(SIGABRT, on_abort);
    /* Of who runs it, when a seed comes to no end. */
    signal(SIGALRM, on_signal);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(on_death);
    } else {
        signal(SIGSEGV, on_signal);
        signal(SIGBUS, on_signal);
    }
    for (uint64_t i = 0; i < orders.count; i++) {
        sim.trace = orders.trace ? stdout : NULL;
        if (orders.each_operation
                ? live_each(&orders, orders.from + i)
                : live(&orders, orders.from + i, i % TWICE_EVERY == 0))
            continue;
        failures++;
        if (!orders.keep_going)
            break;
    }
    if (!orders.quiet)
        stats_print(&stats, stdout);
    if (failures > 0)
        printf("%u failed\n", failures);
    sim_free(&sim);
    return failures > 0;
}
