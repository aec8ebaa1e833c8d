/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The start is counted back from now, so it moves a little with each look. */
#define JITTER_S 2u

static uint64_t start_of(uint64_t up_ms, uint64_t *start_s)
{
    uint64_t start = (uint64_t)time(NULL) - up_ms / 1000;

    if (start + JITTER_S < *start_s || start > *start_s + JITTER_S)
        *start_s = start;
    return *start_s;
}

static uint64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long total, pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    uint64_t count = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count - 1; /* that of the directory */
}

static uint64_t ms_of(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_usec / 1000;
}

void gw_metrics_process(uint64_t up_ms, uint64_t *start_s,
                        struct gw_metrics_process *ret)
{
    struct rusage usage = {0};
    struct rlimit limit = {0};

    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &limit);
    *ret = (struct gw_metrics_process){.start_s = start_of(up_ms, start_s),
                                       .cpu_ms = ms_of(&usage.ru_utime) +
                                                 ms_of(&usage.ru_stime),
                                       .resident = resident(),
                                       .open_fds = open_fds(),
                                       .max_fds = limit.rlim_cur};
}
