/* SPDX-License-Identifier: MIT */
/*
 * What is imported of a Paho gateway's configuration. The input is its
 * gateway.conf; lines "%%% topics" and "%%% clients" begin its two lists.
 *
 * What is refused is refused with a reason, and nothing is written; what is
 * taken can be read as a configuration of ours, and what is wrong with a value
 * of it is said. Nothing of the machine is read: fopen is ours, and knows these
 * files alone.
 */
#include <errno.h>

#include "config.h"
#include "import_paho.h"
#include "memory_file.h"

enum { PART_MAX = 8192, OUT_MAX = 262144 };

enum part { FILE_, TOPICS, CLIENTS, PARTS };

static char parts[PARTS][PART_MAX];
static size_t lens[PARTS];
static char out[OUT_MAX], err[16384];

/* Only what reads configurations opens its files with "e". */
FILE *__wrap_fopen64(const char *path, const char *mode)
{
    if (strchr(mode, 'e') == NULL)
        return __real_fopen64(path, mode);
    if (strcmp(path, "gateway.conf") == 0)
        return file_of(parts[FILE_], lens[FILE_]);
    if (strcmp(path, "predefinedTopic.conf") == 0)
        return file_of(parts[TOPICS], lens[TOPICS]);
    if (strcmp(path, "clients.conf") == 0)
        return file_of(parts[CLIENTS], lens[CLIENTS]);
    if (strcmp(path, "imported.conf") == 0)
        return file_of(out, strlen(out));
    if (strcmp(path, "machine-id") == 0)
        return file_of("0123456789abcdef0123456789abcdef\n", 33);
    errno = ENOENT;
    return NULL;
}

static void divide(const uint8_t *data, size_t size)
{
    enum part part = FILE_;

    memset(lens, 0, sizeof(lens));
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) + 1 : size;

        if (len == 11 && memcmp(data, "%%% topics\n", 11) == 0) {
            part = TOPICS;
        } else if (len == 12 && memcmp(data, "%%% clients\n", 12) == 0) {
            part = CLIENTS;
        } else if (lens[part] + len <= PART_MAX) {
            memcpy(parts[part] + lens[part], data, len);
            lens[part] += len;
        }
        data += len;
        size -= len;
    }
}

static void count(void *user, const struct gw_config_problem *problem)
{
    *(unsigned *)user += !problem->warning;
    MUST(problem->text != NULL && problem->text[0] != '\0');
}

/* Values are copied, and what is wrong with one is said when it is read. */
static void check_reads(void)
{
    const struct gw_config_sources sources = {.file = "imported.conf",
                                              .machine_id_file = "machine-id"};
    struct gw_config *config = NULL;
    unsigned errors = 0;
    enum mqttsn_status status =
        gw_config_load(&sources, count, &errors, &config);

    MUST(status == MQTTSN_OK || status == MQTTSN_EINVAL);
    MUST((status == MQTTSN_EINVAL) == (errors > 0));
    if (status == MQTTSN_OK)
        gw_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *to, *complaints;
    enum mqttsn_status status;

    divide(data, size);
    to = fmemopen(out, sizeof(out), "w");
    complaints = fmemopen(err, sizeof(err), "w");
    MUST(to != NULL && complaints != NULL);
    out[0] = err[0] = '\0';
    status = gw_import_paho("gateway.conf", to, complaints);
    MUST(fclose(to) == 0 && fclose(complaints) == 0);
    MUST(strlen(out) < sizeof(out) - 1);
    if (status == MQTTSN_OK) {
        MUST(err[0] == '\0');
        check_reads();
    } else {
        MUST(status == MQTTSN_EINVAL || status == MQTTSN_EIO);
        MUST(err[0] != '\0' && out[0] == '\0');
    }
    return 0;
}
