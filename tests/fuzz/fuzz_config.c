/* SPDX-License-Identifier: MIT */
/*
 * The configuration, through gw_config_load and gw_config_reload. The input is
 * a file; lines "%%% NAME" begin what other sources give: topics (what
 * topics.predefined_file has), secret (what a file of a secret has), set and
 * environment (one a line), reload (another file, for gw_config_reload).
 *
 * Nothing of the machine is read: fopen is ours, and knows these files alone.
 * What is refused is refused with a reason; what is taken can be printed, and
 * loads again to the same; the engine takes its options.
 */
#include <errno.h>

#include "config.h"
#include "core/engine.h"
#include "memory_file.h"

enum { PART_MAX = 16384, LINES_MAX = 16 };

enum part { FILE_, TOPICS, SECRET, SET, ENVIRONMENT, RELOAD, PARTS };
static const char *const part_names[PARTS] = {"",    "topics",      "secret",
                                              "set", "environment", "reload"};

static char parts[PARTS][PART_MAX];
static size_t lens[PARTS];
static char printed[2][65536];

/* Only the configuration opens its files with "e". */
FILE *__wrap_fopen64(const char *path, const char *mode)
{
    static const struct {
        const char *path;
        enum part part;
    } files[] = {{"main.conf", FILE_},
                 {"reload.conf", RELOAD},
                 {"topics.csv", TOPICS},
                 {"secret", SECRET}};

    if (strchr(mode, 'e') == NULL)
        return __real_fopen64(path, mode);
    if (strcmp(path, "machine-id") == 0)
        return file_of("0123456789abcdef0123456789abcdef\n", 33);
    if (strcmp(path, "printed.conf") == 0)
        return file_of(printed[0], strlen(printed[0]));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(path, files[i].path) == 0)
            return file_of(parts[files[i].part], lens[files[i].part]);
    }
    errno = ENOENT;
    return NULL;
}

/* ---- the input --------------------------------------------------------- */

static void add_line(enum part part, const uint8_t *line, size_t len)
{
    if (lens[part] + len + 1 > PART_MAX)
        return;
    memcpy(parts[part] + lens[part], line, len);
    lens[part] += len;
}

static void divide(const uint8_t *data, size_t size)
{
    enum part part = FILE_;

    memset(lens, 0, sizeof(lens));
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) + 1 : size;
        bool is_head = false;

        for (size_t i = 1; i < PARTS && len > 4; i++) {
            size_t n = strlen(part_names[i]);

            if (len == n + 5 && memcmp(data, "%%% ", 4) == 0 &&
                memcmp(data + 4, part_names[i], n) == 0) {
                part = (enum part)i;
                is_head = true;
            }
        }
        if (!is_head)
            add_line(part, data, len);
        data += len;
        size -= len;
    }
}

/* The lines of a part as strings; NUL ends one too. */
static size_t lines_of(enum part part, char *lines[LINES_MAX + 1])
{
    char *at = parts[part], *end = at + lens[part];
    size_t n = 0;

    parts[part][lens[part] < PART_MAX ? lens[part] : PART_MAX - 1] = '\0';
    while (at < end && n < LINES_MAX) {
        char *stop = memchr(at, '\n', (size_t)(end - at));

        if (stop == NULL)
            stop = end < parts[part] + PART_MAX ? end : end - 1;
        *stop = '\0';
        lines[n++] = at;
        at = stop + 1;
    }
    lines[n] = NULL;
    return n;
}

/* ---- what must hold ---------------------------------------------------- */

struct report {
    unsigned errors, warnings;
};

static void count(void *user, const struct gw_config_problem *problem)
{
    struct report *report = user;
    char line[1024];

    *(problem->warning ? &report->warnings : &report->errors) += 1;
    MUST(problem->file != NULL && problem->key != NULL);
    MUST(problem->text != NULL && problem->text[0] != '\0');
    MUST(gw_config_problem_text(problem, line, sizeof(line)) == line);
    /* A file may come from somebody else; what is quoted of it is text. */
    for (const char *at = line; problem->line != 0 && *at != '\0'; at++)
        MUST((unsigned char)*at >= 0x20 ? *at != 0x7f : *at == '\t');
}

static void print(const struct gw_config *config, char *buf, size_t cap)
{
    FILE *out = fmemopen(buf, cap, "w");

    MUST(out != NULL);
    gw_config_print(config, out);
    MUST(fclose(out) == 0);
    MUST(strlen(buf) < cap - 1);
}

/* Where a value comes from is said in a comment behind it. */
static void cut_comments(char *text)
{
    char *to = text;

    for (char *at = text; *at != '\0';) {
        if (*at == ';' && (at == text || at[-1] == ' ' || at[-1] == '\n')) {
            while (to > text && to[-1] == ' ')
                to--;
            while (*at != '\0' && *at != '\n')
                at++;
            continue;
        }
        *to++ = *at++;
    }
    *to = '\0';
}

static void check_again(const struct gw_config *config,
                        const struct gw_config_sources *sources)
{
    struct gw_config_sources only = {
        .file = "printed.conf", .machine_id_file = sources->machine_id_file};
    struct report report = {0};
    struct gw_config *again;

    print(config, printed[0], sizeof(printed[0]));
    MUST(gw_config_load(&only, count, &report, &again) == MQTTSN_OK);
    MUST(gw_config_changes(config, again, NULL, NULL) == 0);
    print(again, printed[1], sizeof(printed[1]));
    gw_config_free(again);
    cut_comments(printed[0]);
    cut_comments(printed[1]);
    MUST(strcmp(printed[0], printed[1]) == 0);
}

/* The values are in the engine's range too; only room may be missing, for the
 * tables are small here. */
static void check_engine(const struct gw_config *config)
{
    static const uint8_t seed[16];
    struct gw_limits limits;
    struct gw_engine *engine;
    enum mqttsn_status status;

    MUST(gw_engine_size(&config->limits) > 0);
    gw_limits_default(&limits);
    limits.max_sessions = limits.max_topics = limits.max_subscriptions = 8;
    limits.max_exchanges = limits.max_queue_entries = 8;
    limits.max_predefined = config->limits.max_predefined;
    limits.queue_total_bytes = limits.uplink_total_bytes = 1024;
    limits.names_total_bytes = 262144;
    if (limits.max_predefined > 10000)
        return;
    status = gw_engine_new(&limits, &config->options, seed, 1, &engine);
    MUST(status == MQTTSN_OK || status == MQTTSN_ENOSPACE);
    if (status == MQTTSN_OK)
        gw_engine_free(engine);
}

static void check_reload(const struct gw_config *running,
                         const struct gw_config_sources *sources)
{
    struct gw_config_sources other = *sources;
    struct report report = {0};
    struct gw_config *fresh;
    enum mqttsn_status status;

    if (lens[RELOAD] == 0)
        return;
    other.file = "reload.conf";
    status = gw_config_reload(running, &other, count, &report, &fresh);
    MUST(status == MQTTSN_OK || status == MQTTSN_EINVAL);
    MUST((status == MQTTSN_EINVAL) == (report.errors > 0));
    if (status != MQTTSN_OK)
        return;
    /* What needs a restart is as it was. */
    MUST(gw_config_changes(running, fresh, NULL, NULL) == 0);
    check_engine(fresh);
    gw_config_free(fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *set[LINES_MAX + 1], *environment[LINES_MAX + 1];
    struct gw_config_sources sources = {.file = "main.conf",
                                        .machine_id_file = "machine-id"};
    struct report report = {0};
    struct gw_config *config;
    enum mqttsn_status status;

    divide(data, size);
    sources.set_count = lines_of(SET, set);
    sources.set = (const char *const *)set;
    lines_of(ENVIRONMENT, environment);
    sources.environment = environment;
    status = gw_config_load(&sources, count, &report, &config);
    MUST(status == MQTTSN_OK || status == MQTTSN_EINVAL);
    MUST((status == MQTTSN_EINVAL) == (report.errors > 0));
    if (status != MQTTSN_OK)
        return 0;
    check_again(config, &sources);
    check_engine(config);
    check_reload(config, &sources);
    gw_config_free(config);
    return 0;
}
