/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event, for people and for machines.
 *
 * Text form:  level=info area=sleep event=asleep client=n7 duration_s=300
 * JSON form:  {"level":"info","area":"sleep","event":"asleep",...}
 *
 * Event names are stable and listed in docs/log-events.md. Values from outside
 * are escaped, never payloads, never secrets. Lines that a stranger can cause
 * pass through gw_log_limited, which counts what it holds back.
 *
 * Any thread may log; a line is written with one write(2). Arguments are
 * evaluated only when the level is on.
 */
#ifndef GW_LOG_H
#define GW_LOG_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#include <stdbool.h>
#include <stdint.h>

enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARN, GW_LOG_INFO, GW_LOG_DEBUG };
enum gw_log_format { GW_LOG_TEXT, GW_LOG_JSON };
enum gw_log_output { GW_LOG_STDERR, GW_LOG_SYSLOG };

/* The level that is on; read by the macros below, set by gw_log_configure. */
extern enum gw_log_level gw_log_threshold;

/* May be called again at any time (reload). The default is info, text,
 * standard error. */
void gw_log_configure(enum gw_log_level level, enum gw_log_format format,
                      enum gw_log_output output);

/*
 * Writes one line. 'fields' is a format in which every field is written as
 * "key=%s" and the like, separated by one space; a value that needs it is
 * quoted by using %S-style helpers: pass text through gw_log_value first.
 *
 *   gw_info("sleep", "asleep", "client=%s duration_s=%u", gw_log_value(id), d);
 *
 * A last field may be free text: "reason=\"%s\"" with text of our own.
 */
void gw_log_write(enum gw_log_level level, const char *area, const char *event,
                  const char *fields, ...) MQTTSN_PRINTF(4, 5);

/* Escapes octets for a log value; the result holds until the fourth next call
 * on the same thread. Empty becomes "". */
const char *gw_log_value(struct mqttsn_span octets);
const char *gw_log_text(const char *text);

/*
 * A limiter for lines that outsiders can cause: 'rate' a minute and line kind.
 * True when the line may be written; '*ret_suppressed' is how many were held
 * back since the last one that was.
 */
struct gw_log_limit {
    uint64_t window_start_ms;
    uint32_t written;
    uint32_t suppressed;
};
bool gw_log_limited(struct gw_log_limit *limit, uint32_t per_minute,
                    uint64_t now_ms, uint32_t *ret_suppressed);

#define gw_log_at(level_, ...)                                                 \
    do {                                                                       \
        if ((level_) <= gw_log_threshold)                                      \
            gw_log_write((level_), __VA_ARGS__);                               \
    } while (0)
#define gw_err(...) gw_log_at(GW_LOG_ERROR, __VA_ARGS__)
#define gw_warn(...) gw_log_at(GW_LOG_WARN, __VA_ARGS__)
#define gw_info(...) gw_log_at(GW_LOG_INFO, __VA_ARGS__)
#define gw_debug(...) gw_log_at(GW_LOG_DEBUG, __VA_ARGS__)

#endif
