/* SPDX-License-Identifier: MIT */
/*
 * time.h - the unit of time.
 *
 * Milliseconds on a monotonic clock whose origin is unspecified. The pure
 * rooms never read a clock: every call that needs the time is given it.
 */
#ifndef MQTTSN_TIME_H
#define MQTTSN_TIME_H

#include <stdint.h>

typedef uint64_t mqttsn_ms;

/* Later than any time; the deadline of whatever waits for nothing. */
#define MQTTSN_NEVER UINT64_MAX

#endif
