/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

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
        ctl_print_json(line);
    } else if (over) {
        puts("somebody has ended this trace");
    } else if (missed != 0) {
        printf("%.0f frames are missing here: they came too fast, or were too "
               "long to be shown\n",
               missed);
    } else {
        print_frame(line);
    }
    return fflush(stdout) == 0 && !over;
}

static int follow(const struct ctl_call *call)
{
    bool goes_on = true;
    cJSON *line;

    ctl_link_heed_signals(call->link);
    while (goes_on && (line = ctl_link_read(call->link, -1)) != NULL) {
        goes_on = print_line(call, line);
        cJSON_Delete(line);
    }
    return call->link->woken || !goes_on ? EXIT_FINE : EXIT_UNREACHABLE;
}

int ctl_trace(const struct ctl_call *call)
{
    bool off = strcmp(call->argument, "off") == 0;
    cJSON *answer =
        ctl_link_call(call->link, "trace", off ? NULL : call->argument, NULL);
    int status = ctl_refusal(answer);

    if (status == EXIT_FINE && off && call->json)
        ctl_print_json(answer);
    else if (status == EXIT_FINE && off)
        puts("every trace has ended");
    cJSON_Delete(answer);
    if (status == EXIT_FINE && !off) {
        if (!call->json)
            fprintf(stderr, "frames of %s: > from it, < to it\n",
                    call->argument);
        status = follow(call);
    }
    return status;
}
