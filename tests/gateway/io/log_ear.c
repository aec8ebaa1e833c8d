/* SPDX-License-Identifier: MIT */
#include "log_ear.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static FILE *said;
static int stderr_fd;

/* A test that failed in between has said so there. */
static void tell(void)
{
    char line[2000];

    if (said == NULL)
        return;
    dup2(stderr_fd, STDERR_FILENO);
    rewind(said);
    while (fgets(line, sizeof(line), said) != NULL)
        fputs(line, stderr);
}

void log_ear_begin(void)
{
    static bool ready;

    if (said != NULL)
        log_ear_end();
    if (!ready)
        atexit(tell);
    ready = true;
    said = tmpfile();
    assert_non_null(said);
    stderr_fd = dup(STDERR_FILENO);
    assert_true(stderr_fd >= 0);
    assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
}

void log_ear_end(void)
{
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    close(stderr_fd);
    fclose(said);
    said = NULL;
}

unsigned log_ear_count(const char *level, const char *text)
{
    char line[2000];
    unsigned count = 0;

    rewind(said);
    while (fgets(line, sizeof(line), said) != NULL)
        count += strstr(line, level) != NULL && strstr(line, text) != NULL;
    return count;
}

void log_ear_forget(void)
{
    assert_int_equal(ftruncate(fileno(said), 0), 0);
    rewind(said);
}
