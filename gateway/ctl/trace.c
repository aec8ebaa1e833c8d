/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "show.h"

static void print_frame(const cJSON *line)
{
    const char *event = show_text(line, "event");
    char *frame = table_safe(show_text(line, "frame")), time[16];
    struct timeval now;
    struct tm tm;

    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &tm);
    strftime(time, sizeof(time), "%H:%M:%S", &tm);
    printf("%s.%03d %s %s %s\n", time, (int)(now.tv_usec / 1000),
           strcmp(event, "received") == 0 ? ">" : "<", show_text(line, "peer"),
           frame);
    free(frame);
}

/* False: the trace is over. */
static bool print_line(const struct ctl_call *call, const cJSON *line)
{
    double missed = show_number(line, "missed");
    bool over = strcmp(show_text(line, "trace"), "off") == 0;

    if (call->json) {
        char *text = cJSON_PrintUnformatted(line);

        if (text != NULL)
            puts(text);
        cJSON_free(text);
    } else if (over) {
        puts("somebody has ended this trace");
    } else if (missed != 0) {
        printf("%.0f frames are missing here: they came too fast\n", missed);
    } else {
        print_frame(line);
    }
    return fflush(stdout) == 0 && !over;
}

/* Ctrl-C as something that can be read. */
static int watch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int follow(const struct ctl_call *call)
{
    int wake = watch_signals();
    bool woken = false, goes_on = true;
    cJSON *line;

    while (goes_on &&
           (line = ctl_link_read(call->link, -1, wake, &woken)) != NULL) {
        goes_on = print_line(call, line);
        cJSON_Delete(line);
    }
    if (wake >= 0)
        close(wake);
    return woken || !goes_on ? EXIT_FINE : EXIT_UNREACHABLE;
}

int ctl_trace(const struct ctl_call *call)
{
    bool off = strcmp(call->argument, "off") == 0;
    cJSON *answer =
        ctl_link_call(call->link, "trace", off ? NULL : call->argument, NULL);
    int status = ctl_refusal(answer);

    cJSON_Delete(answer);
    if (status == EXIT_FINE && off && !call->json)
        puts("every trace has ended");
    if (status == EXIT_FINE && !off) {
        if (!call->json)
            fprintf(stderr, "frames of %s: > from it, < to it\n",
                    call->argument);
        status = follow(call);
    }
    return status;
}
