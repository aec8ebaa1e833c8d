/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event, for people and for machines.
 *
 * Text form:  level=info area=sleep event=asleep client=n7 duration_s=300
 * JSON form:  {"level":"info","area":"sleep","event":"asleep","client":"n7",
 *              "duration_s":300}
 *
 * Event names are stable and listed in docs/log-events.md. Values from outside
 * are escaped; payloads and secrets are never logged. Lines that a stranger
 * can cause pass through gw_log_limited, which counts what it holds back.
 *
 * Any thread may log; a line is written with one write(2), so lines of several
 * threads never mix. Arguments are evaluated only when the level is on.
 */
#ifndef GW_LOG_H
#define GW_LOG_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARN, GW_LOG_INFO, GW_LOG_DEBUG };
enum gw_log_format { GW_LOG_TEXT, GW_LOG_JSON };
enum gw_log_output { GW_LOG_STDERR, GW_LOG_SYSLOG };

/* An enum gw_log_level: what is more than this is not written. Read through
 * gw_log_is_on, set by gw_log_configure. */
extern atomic_int gw_log_threshold;

/* May be called again at any time (reload). The default is info, text,
 * standard error. */
void gw_log_configure(enum gw_log_level level, enum gw_log_format format,
                      enum gw_log_output output);

/* "error", "warn", ... */
const char *gw_log_level_name(enum gw_log_level level);

/* Any thread, also in a signal handler. */
enum gw_log_format gw_log_format_in_force(void);

static inline bool gw_log_is_on(enum gw_log_level level)
{
    return (int)level <=
           atomic_load_explicit(&gw_log_threshold, memory_order_relaxed);
}

/*
 * Writes one line, whether or not the level is on: use the macros. 'fields'
 * is a format in which each field is key=value, fields separated by one
 * space, or NULL for none. Values that are not numbers or words of our own
 * pass through gw_log_value or gw_log_text, which quote what needs it:
 *
 *   gw_info("sleep", "asleep", "client=%s duration_s=%u", gw_log_value(id), d);
 *
 * A value may also be quoted in the format, reason=\"%s\", for text of our own
 * without a '"' before a space. In JSON form a number that is not quoted stays
 * a number, everything else becomes a string; what is not key=value ends up in
 * a field "text". A line keeps at most GW_LOG_LINE_MAX octets, which a pipe
 * takes whole; fields that do not fit are left out whole, and cut=yes says so.
 */
void gw_log_write(enum gw_log_level level, const char *area, const char *event,
                  const char *fields, ...) MQTTSN_PRINTF(4, 5);
#define GW_LOG_LINE_MAX 4096

/*
 * Octets as a value: bare where that is safe and cannot be taken for a number,
 * else in quotes with \" \\ \n \r \t and \xHH for what is not printable UTF-8.
 * More than GW_LOG_VALUE_MAX octets are cut and end in "...". The empty value
 * is "". The result holds until the eighth next call on the same thread.
 */
const char *gw_log_value(struct mqttsn_span octets);
const char *gw_log_text(const char *text); /* NULL is the empty text */
#define GW_LOG_VALUE_MAX 320

/*
 * A limiter for one kind of line that outsiders can cause; begin with {0}.
 * True when the line may be written: at most 'per_minute' in a minute.
 * '*ret_suppressed' is then how many were held back since the last one that
 * was. Belongs to one thread.
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
        if (gw_log_is_on(level_))                                              \
            gw_log_write((level_), __VA_ARGS__);                               \
    } while (0)

/* area, event, and either NULL or a format with its arguments. */
#define gw_err(...) gw_log_at(GW_LOG_ERROR, __VA_ARGS__)
#define gw_warn(...) gw_log_at(GW_LOG_WARN, __VA_ARGS__)
#define gw_info(...) gw_log_at(GW_LOG_INFO, __VA_ARGS__)
#define gw_debug(...) gw_log_at(GW_LOG_DEBUG, __VA_ARGS__)

#endif
