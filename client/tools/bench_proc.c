/* SPDX-License-Identifier: MIT */
#include "bench_proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Processor time of one thread, to the nanosecond; 0 when it has just gone. */
static uint64_t thread_ns(long pid, const char *thread)
{
    char path[96];
    uint64_t ns = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/schedstat", pid, thread);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64, &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

static bool read_cpu(long pid, uint64_t *ret_us)
{
    char path[64];
    struct dirent *entry;
    uint64_t ns = 0;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return false;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            ns += thread_ns(pid, entry->d_name);
    closedir(tasks);
    *ret_us = ns / 1000;
    return true;
}

bool bench_proc_read(long pid, struct bench_proc *ret_proc)
{
    char path[64], line[128];
    FILE *file;

    memset(ret_proc, 0, sizeof(*ret_proc));
    if (!read_cpu(pid, &ret_proc->cpu_us))
        return false;
    snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Rss:", 4) == 0)
            ret_proc->rss_kib = strtoull(line + 4, NULL, 10);
        else if (strncmp(line, "Private_Dirty:", 14) == 0)
            ret_proc->private_kib = strtoull(line + 14, NULL, 10);
    }
    fclose(file);
    return true;
}

static uint64_t drops_in(const char *path, unsigned port)
{
    char line[512];
    uint64_t sum = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        /* "  sl: ADDRESS:PORT ...", and the drops are the last column. */
        const char *colon = strchr(line, ':');
        unsigned bound;
        size_t len;

        if (colon == NULL ||
            sscanf(colon + 1, " %*[0-9A-Fa-f]:%x", &bound) != 1 ||
            bound != port)
            continue;
        len = strcspn(line, "\n");
        while (len > 0 && line[len - 1] == ' ')
            len--;
        while (len > 0 && line[len - 1] != ' ')
            len--;
        sum += strtoull(line + len, NULL, 10);
    }
    fclose(file);
    return sum;
}

uint64_t bench_proc_drops(unsigned port)
{
    return drops_in("/proc/net/udp", port) + drops_in("/proc/net/udp6", port);
}
