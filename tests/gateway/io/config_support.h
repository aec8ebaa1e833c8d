/* SPDX-License-Identifier: MIT */
/*
 * config_support.h - configurations from literals, and what is reported of
 * them as lines: "3: gateway.id: expected ..." of the file, "--set: ..." of
 * the command line, with "warning: " before what is only that.
 */
#ifndef CONFIG_SUPPORT_H
#define CONFIG_SUPPORT_H

#include "check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

/* environ is not const, so its strings cannot be literals. */
#define VARIABLE(text) ((char[]){text})

#define MACHINE_ID "00112233445566778899aabbccddeeff\n"

struct fixture {
    char dir[32];
    char file[64];
    char machine_id[64];
    struct gw_config_sources sources; /* the two files, and nothing else */
    char reported[8192];
};

static inline void write_octets(const char *path, const void *octets,
                                size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_octets(path, text, strlen(text));
}

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/gw-config-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof(f->file), "%s/gateway.conf", f->dir);
    snprintf(f->machine_id, sizeof(f->machine_id), "%s/machine-id", f->dir);
    write_text(f->file, "");
    write_text(f->machine_id, MACHINE_ID);
    f->sources.file = f->file;
    f->sources.machine_id_file = f->machine_id;
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[64];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static inline void note_problem(void *user,
                                const struct gw_config_problem *problem)
{
    struct fixture *f = user;
    char line[1024];
    size_t used = strlen(f->reported);
    const char *text = gw_config_problem_text(problem, line, sizeof(line));
    size_t prefix = strlen(f->file);

    /* The file of the fixture goes without saying. */
    if (strncmp(text, f->file, prefix) == 0)
        text += prefix + 1 + (text[prefix + 1] == ' ');
    snprintf(f->reported + used, sizeof(f->reported) - used, "%s%s\n",
             problem->warning ? "warning: " : "", text);
}

/* NULL when it is refused. */
static inline struct gw_config *load(struct fixture *f)
{
    struct gw_config *config = NULL;
    enum mqttsn_status status;

    f->reported[0] = '\0';
    status = gw_config_load(&f->sources, note_problem, f, &config);
    assert_int_equal(status, config == NULL ? MQTTSN_EINVAL : MQTTSN_OK);
    return config;
}

static inline struct gw_config *load_text(struct fixture *f, const char *text)
{
    write_text(f->file, text);
    return load(f);
}

static inline struct gw_config *load_good(struct fixture *f, const char *text)
{
    struct gw_config *config = load_text(f, text);

    if (config == NULL)
        fail_msg("refused: %s", f->reported);
    return config;
}

#endif
