/* SPDX-License-Identifier: MIT */
/*
 * crash.h - last words: when a signal is about to end the process because
 * something is broken (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT), lines on
 * standard error say which program it was, where it was, and what state it was
 * in; then it dies of that signal, as if nobody had listened, so that a core
 * file and a service manager see the same as ever.
 *
 * What is called then runs in a signal handler, on any thread, in a process
 * whose memory may be damaged: no allocation, no lock, no stdio. If it fails,
 * too, the process ends at once and what was written so far stands. Only the
 * thread that installed it has a stack set aside for this: when that of another
 * one is used up, the process ends without last words.
 */
#ifndef GW_CRASH_H
#define GW_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

/* A line of the log, in the format that the log has. */
struct gw_crash_line {
    char text[GW_LOG_LINE_MAX];
    size_t len, head; /* what is there; in front of the first field */
    bool json;
};

void gw_crash_begin(struct gw_crash_line *line, const char *event);
/* Keys and words are our own, without anything to escape. What does not fit is
 * left out. */
void gw_crash_word(struct gw_crash_line *line, const char *key,
                   const char *word);
void gw_crash_number(struct gw_crash_line *line, const char *key,
                     uint64_t number);
void gw_crash_hex(struct gw_crash_line *line, const char *key, uint64_t number);
/* Writes it. */
void gw_crash_end(struct gw_crash_line *line);

/* Takes the signals over, for the life of the process. Once, before there are
 * threads. Whoever had them before (a sanitizer) gets them afterwards. */
void gw_crash_install(void);

/* What says the state, behind the line about the crash; NULL: nothing does. */
void gw_crash_set_state(void (*say)(void *user), void *user);

/* Of this program, in hexadecimal; "none" where the linker made none. Static.
 */
const char *gw_crash_build_id(void);

#endif
