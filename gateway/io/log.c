/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log_systemd.h"
#include "mqttsn/topic.h"

#define WINDOW_MS 60000
#define SLOTS 8

atomic_int gw_log_threshold = GW_LOG_INFO;

static atomic_int log_format = GW_LOG_TEXT;
static atomic_int log_output = GW_LOG_STDERR;

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [GW_LOG_ERROR] = {"error", LOG_ERR},
    [GW_LOG_WARN] = {"warn", LOG_WARNING},
    [GW_LOG_INFO] = {"info", LOG_INFO},
    [GW_LOG_DEBUG] = {"debug", LOG_DEBUG},
};

/* A buffer that keeps whole pieces only: a piece that does not fit changes
 * nothing, so that a cut line is still well-formed. */
struct line {
    char text[2 * GW_LOG_LINE_MAX];
    size_t len;
    size_t cap;
    bool full;
};

static void put(struct line *line, const char *octets, size_t len)
{
    if (line->full || len > line->cap - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, octets, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* One field of a formatted line; 'value' still has its escapes. */
struct field {
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
    bool quoted;
};

/* A quote ends the value only before a space or the end: text of our own may
 * hold others. */
static const char *closing_quote(const char *at)
{
    for (; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"' && (at[1] == ' ' || at[1] == '\0'))
            break;
    }
    return at;
}

static bool next_field(const char **rest, struct field *ret_field)
{
    const char *at = *rest + strspn(*rest, " ");
    size_t key_len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    struct field f = {.key = at, .key_len = key_len};

    if (*at == '\0')
        return false;
    if (key_len == 0 || at[key_len] != '=') {
        f = (struct field){"text", 4, at, strlen(at), true};
        *rest = at + f.value_len;
        *ret_field = f;
        return true;
    }
    f.value = at + key_len + 1;
    f.quoted = *f.value == '"';
    if (f.quoted) {
        f.value++;
        at = closing_quote(f.value);
    } else {
        at = f.value + strcspn(f.value, " ");
    }
    f.value_len = (size_t)(at - f.value);
    *rest = at + (*at == '"');
    *ret_field = f;
    return true;
}

/* As JSON defines a number; strtod would accept more. */
static bool is_number(const char *text, size_t len)
{
    size_t i = 0, digits = 0;

    if (i < len && text[i] == '-')
        i++;
    if (i + 1 < len && text[i] == '0' && text[i + 1] != '.')
        return false;
    while (i < len && text[i] >= '0' && text[i] <= '9')
        i++, digits++;
    if (digits == 0)
        return false;
    if (i < len && text[i] == '.') {
        i++;
        for (digits = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
            digits++;
        if (digits == 0)
            return false;
    }
    return i == len;
}

/* How many octets of printable UTF-8 begin at 'at': 1..4, or 0. What could
 * move a terminal's cursor or turn its text around is not printable. */
static size_t printable(const uint8_t *at, size_t left)
{
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (n == 1)
        return at[0] >= 0x20 && at[0] != 0x7f;
    if (left < n || !mqttsn_utf8_valid(mqttsn_span(at, n)))
        return 0;
    if (at[0] == 0xc2 && at[1] < 0xa0) /* C1 controls */
        return 0;
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae)
        return 0;
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
        return 0;
    return n;
}

static void put_json_escape(struct line *line, char escape)
{
    char text[3] = {'\\', escape, '\0'};

    put_text(line, text);
}

/* The escapes of gw_log_value are those of JSON but for \x, which says an
 * octet that is no text: it stays visible as it is. */
static void put_json_string(struct line *line, const char *text, size_t len)
{
    put(line, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t n = printable((const uint8_t *)text + i, len - i);

        if (n == 0) {
            char code[7];

            snprintf(code, sizeof(code), "\\u%04x", (uint8_t)text[i]);
            put_text(line, code);
            n = 1;
        } else if (text[i] == '\\' && i + 1 < len &&
                   strchr("\"\\nrt", text[i + 1]) != NULL) {
            put_json_escape(line, text[i + 1]);
            n = 2;
        } else if (text[i] == '\\' || text[i] == '"') {
            put_json_escape(line, text[i]);
        } else {
            put(line, text + i, n);
        }
        i += n;
    }
    put(line, "\"", 1);
}

static void put_text_value(struct line *line, const struct field *f,
                           bool quoted)
{
    put(line, "\"", quoted);
    for (size_t i = 0; i < f->value_len;) {
        size_t n = printable((const uint8_t *)f->value + i, f->value_len - i);

        if (n == 0)
            put(line, " ", n = 1); /* no line may look like two */
        else
            put(line, f->value + i, n);
        i += n;
    }
    put(line, "\"", quoted);
}

static void put_field(struct line *line, bool json, const struct field *f)
{
    size_t mark = line->len;

    if (json) {
        put(line, line->len == 1 ? "" : ",", line->len != 1);
        put_json_string(line, f->key, f->key_len);
        put(line, ":", 1);
        if (!f->quoted && is_number(f->value, f->value_len))
            put(line, f->value, f->value_len);
        else
            put_json_string(line, f->value, f->value_len);
    } else {
        put(line, " ", line->len != 0);
        put(line, f->key, f->key_len);
        put(line, "=", 1);
        put_text_value(line, f, f->quoted);
    }
    if (line->full)
        line->len = mark;
}

/* As one of an entry's in the journal: what does not fit is left out. */
static void put_entry(struct line *entry, const struct field *f)
{
    size_t mark = entry->len;

    put_text(entry, "mqttsn_");
    put(entry, f->key, f->key_len);
    for (size_t i = mark; i < entry->len; i++)
        entry->text[i] = (char)toupper(entry->text[i]);
    put_text(entry, "=");
    put_text_value(entry, f, false);
    put_text(entry, "\n");
    if (entry->full)
        entry->len = mark;
    entry->full = false;
}

/* A line, and its fields as the journal takes them. */
struct both {
    struct line line, entry;
    bool json;
};

static void put_both(struct both *to, const struct field *f)
{
    put_field(&to->line, to->json, f);
    if (gw_log_systemd_joined())
        put_entry(&to->entry, f);
}

static void put_word(struct both *to, const char *key, const char *value)
{
    put_both(to,
             &(struct field){key, strlen(key), value, strlen(value), false});
}

static bool enter(struct both *to, int priority)
{
    struct line *entry = &to->entry;

    entry->len += (size_t)sprintf(
        entry->text + entry->len,
        "SYSLOG_IDENTIFIER=mqttsn-gateway\nPRIORITY=%d\nMESSAGE=%.*s\n",
        priority, (int)to->line.len, to->line.text);
    return gw_log_systemd_send(entry->text, entry->len);
}

static void emit(enum gw_log_level level, struct both *to)
{
    struct line *line = &to->line;
    ssize_t rc;

    if (atomic_load_explicit(&log_output, memory_order_relaxed) ==
        GW_LOG_SYSLOG) {
        syslog(levels[level].priority, "%.*s", (int)line->len, line->text);
        return;
    }
    if (gw_log_systemd_joined() && enter(to, levels[level].priority))
        return;
    line->text[line->len++] = '\n';
    do {
        rc = write(STDERR_FILENO, line->text, line->len);
    } while (rc < 0 && errno == EINTR);
}

void gw_log_write(enum gw_log_level level, const char *area, const char *event,
                  const char *fields, ...)
{
    char formatted[GW_LOG_LINE_MAX];
    const char *rest = formatted;
    int saved_errno = errno;
    struct both to;
    struct line *line = &to.line;
    struct field f;
    int len = 0;
    va_list args;

    formatted[0] = '\0';
    if (fields != NULL) {
        va_start(args, fields);
        len = vsnprintf(formatted, sizeof(formatted), fields, args);
        va_end(args);
    }
    to.json =
        atomic_load_explicit(&log_format, memory_order_relaxed) == GW_LOG_JSON;
    line->len = to.entry.len = 0;
    line->full = to.entry.full = false;
    /* Room for what an entry of the journal has beside its fields. */
    to.entry.cap = GW_LOG_LINE_MAX - 64;
    /* Room for cut=yes in either form, the brace and the line feed. */
    line->cap = GW_LOG_LINE_MAX - 16;
    if (to.json)
        put(line, "{", 1);
    put_word(&to, "level", levels[level].name);
    put_word(&to, "area", area);
    put_word(&to, "event", event);
    while (!line->full && next_field(&rest, &f)) {
        /* What vsnprintf cut off ends in the middle of a field. */
        if (len >= (int)sizeof(formatted) && *rest == '\0')
            line->full = true;
        else
            put_both(&to, &f);
    }
    if (line->full) {
        line->full = false;
        line->cap = GW_LOG_LINE_MAX - 2;
        put_word(&to, "cut", "yes");
    }
    if (to.json)
        put(line, "}", 1);
    emit(level, &to);
    errno = saved_errno;
}

enum gw_log_format gw_log_format_in_force(void)
{
    return (enum gw_log_format)atomic_load(&log_format);
}

const char *gw_log_level_name(enum gw_log_level level)
{
    return levels[level].name;
}

void gw_log_configure(enum gw_log_level level, enum gw_log_format format,
                      enum gw_log_output output)
{
    if (output == GW_LOG_SYSLOG)
        openlog("mqttsn-gateway", LOG_PID, LOG_DAEMON);
    atomic_store_explicit(&log_format, (int)format, memory_order_relaxed);
    atomic_store_explicit(&log_output, (int)output, memory_order_relaxed);
    atomic_store_explicit(&gw_log_threshold, (int)level, memory_order_relaxed);
}

/* Only what no reader of the line could take for anything else stays bare. A
 * client id of digits is quoted, so that it is a string in JSON, always. */
static bool is_bare(struct mqttsn_span octets)
{
    const char *text = (const char *)octets.data;

    for (size_t i = 0; i < octets.len; i++) {
        if (octets.data[i] <= 0x20 || octets.data[i] >= 0x7f ||
            strchr("\"\\=", text[i]) != NULL)
            return false;
    }
    return octets.len > 0 && octets.len <= GW_LOG_VALUE_MAX &&
           !is_number(text, octets.len);
}

/* The letter that stands for an octet after a backslash, or 0. */
static char escape_letter(uint8_t octet)
{
    switch (octet) {
    case '"':
    case '\\':
        return (char)octet;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

static size_t escape(char *out, const uint8_t *at, size_t left, size_t *taken)
{
    char letter = escape_letter(at[0]);
    size_t n = letter != '\0' ? 1 : printable(at, left);

    *taken = n == 0 ? 1 : n;
    if (letter != '\0') {
        out[0] = '\\';
        out[1] = letter;
        return 2;
    }
    if (n == 0)
        return (size_t)sprintf(out, "\\x%02x", at[0]);
    memcpy(out, at, n);
    return n;
}

const char *gw_log_value(struct mqttsn_span octets)
{
    /* Each octet takes at most four, then quotes, dots and the end. */
    static _Thread_local char slots[SLOTS][4 * GW_LOG_VALUE_MAX + 8];
    static _Thread_local unsigned turn;
    char *slot = slots[turn++ % SLOTS];
    size_t len = 0, taken;

    if (is_bare(octets)) {
        memcpy(slot, octets.data, octets.len);
        slot[octets.len] = '\0';
        return slot;
    }
    slot[len++] = '"';
    for (size_t i = 0; i < octets.len; i += taken) {
        if (i >= GW_LOG_VALUE_MAX) {
            memcpy(slot + len, "...", 3);
            len += 3;
            break;
        }
        len += escape(slot + len, octets.data + i, octets.len - i, &taken);
    }
    slot[len++] = '"';
    slot[len] = '\0';
    return slot;
}

const char *gw_log_text(const char *text)
{
    return gw_log_value(mqttsn_span_text(text == NULL ? "" : text));
}

bool gw_log_limited(struct gw_log_limit *limit, uint32_t per_minute,
                    uint64_t now_ms, uint32_t *ret_suppressed)
{
    if (now_ms - limit->window_start_ms >= WINDOW_MS) {
        limit->window_start_ms = now_ms;
        limit->written = 0;
    }
    if (limit->written >= per_minute) {
        limit->suppressed++;
        return false;
    }
    limit->written++;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
