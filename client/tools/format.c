/* SPDX-License-Identifier: MIT */
#include "format.h"

#include "mqttsn/topic.h"

static const char fields[] = "%tpxXlqrIU";
static const char escapes[] = "\\0aenrtv";
static const char escaped[] = "\\\0\a\033\n\r\t\v";
/* What strftime knows in C, and N. */
static const char times[] = "@NaAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ";

bool format_valid(const char *format, char *ret_part)
{
    for (; *format != '\0'; format++) {
        const char *known = *format == '%'    ? fields
                            : *format == '@'  ? times
                            : *format == '\\' ? escapes
                                              : NULL;

        if (known == NULL)
            continue;
        format++;
        if (*format == '\0' || strchr(known, *format) == NULL) {
            *ret_part = *format;
            return false;
        }
    }
    return true;
}

static void write_octets(FILE *out, struct mqttsn_span octets)
{
    if (octets.len != 0)
        fwrite(octets.data, 1, octets.len, out);
}

void format_topic(FILE *out, const struct mqttsn_topic *topic)
{
    uint8_t name[2];

    if (topic->type == MQTTSN_TOPIC_PREDEFINED) {
        fprintf(out, "predefined:%u", topic->id);
    } else if (topic->type == MQTTSN_TOPIC_SHORT) {
        mqttsn_short_topic_name(topic->id, name);
        write_octets(out, mqttsn_span(name, sizeof(name)));
    } else {
        write_octets(out, topic->name);
    }
}

static void write_hex(FILE *out, const char *format, struct mqttsn_span octets)
{
    char pair[3];

    for (size_t i = 0; i < octets.len; i++) {
        if (*format == 'X')
            snprintf(pair, sizeof(pair), "%02X", octets.data[i]);
        else
            snprintf(pair, sizeof(pair), "%02x", octets.data[i]);
        fputs(pair, out);
    }
}

static void write_time(FILE *out, const char *format,
                       const struct timespec *time)
{
    char text[128];
    struct tm local;

    localtime_r(&time->tv_sec, &local);
    if (strftime(text, sizeof(text), format, &local) != 0)
        fputs(text, out);
}

static void write_field(FILE *out, const char *field,
                        const struct format_message *m)
{
    switch (*field) {
    case 't':
        format_topic(out, &m->topic);
        break;
    case 'p':
        write_octets(out, m->data);
        break;
    case 'x':
    case 'X':
        write_hex(out, field, m->data);
        break;
    case 'l':
        fprintf(out, "%zu", m->data.len);
        break;
    case 'q':
        fprintf(out, "%u", m->qos);
        break;
    case 'r':
        fputc(m->retain ? '1' : '0', out);
        break;
    case 'I':
        write_time(out, "%Y-%m-%dT%H:%M:%S%z", &m->at);
        break;
    case 'U':
        fprintf(out, "%lld.%09ld", (long long)m->at.tv_sec, m->at.tv_nsec);
        break;
    default:
        fputc('%', out);
        break;
    }
}

static void write_time_field(FILE *out, char field,
                             const struct format_message *m)
{
    const char format[] = {'%', field, '\0'};

    if (field == '@')
        fputc('@', out);
    else if (field == 'N')
        fprintf(out, "%09ld", m->at.tv_nsec);
    else
        write_time(out, format, &m->at);
}

void format_print(FILE *out, const char *format,
                  const struct format_message *message)
{
    for (; *format != '\0'; format++) {
        if (*format == '%')
            write_field(out, ++format, message);
        else if (*format == '@')
            write_time_field(out, *++format, message);
        else if (*format == '\\')
            fputc(escaped[strchr(escapes, *++format) - escapes], out);
        else
            fputc(*format, out);
    }
}
