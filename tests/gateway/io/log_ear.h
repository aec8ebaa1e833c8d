/* SPDX-License-Identifier: MIT */
/*
 * log_ear.h - what the process writes to its standard error, for tests that
 * count lines of the log.
 */
#ifndef LOG_EAR_H
#define LOG_EAR_H

/* From now on standard error goes nowhere else. */
void log_ear_begin(void);
void log_ear_end(void);

/* Lines that contain both. */
unsigned log_ear_count(const char *level, const char *text);
/* Nothing of what was said so far counts any more. */
void log_ear_forget(void);

#endif
