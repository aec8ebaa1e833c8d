/* SPDX-License-Identifier: MIT */
#include "ctl.h"

#include <string.h>

#include "percent.h"

static bool decode(char *text, size_t len, struct mqttsn_span *ret)
{
    bool good = gw_percent_decode(text, &len, false);

    *ret = mqttsn_span(text, len);
    return good;
}

static size_t up_to(const char *text, size_t len, char end)
{
    const char *at = memchr(text, end, len);

    return at != NULL ? (size_t)(at - text) : len;
}

static bool add_parameter(char *text, size_t len, struct gw_ctl_request *ret)
{
    size_t key = up_to(text, len, '='), n = ret->parameter_count;

    if (key == len || n == GW_CTL_PARAMETERS_MAX)
        return false;
    text[key] = '\0';
    ret->parameters[n].key = text;
    ret->parameter_count++;
    return decode(text + key + 1, len - key - 1, &ret->parameters[n].value);
}

bool gw_ctl_parse(char *line, size_t len, struct gw_ctl_request *ret)
{
    size_t path = up_to(line, len, '?'), word = up_to(line, path, '/');
    size_t at = path;

    *ret = (struct gw_ctl_request){.word = mqttsn_span(line, word),
                                   .argument = mqttsn_span("", 0)};
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20)
            return false;
    }
    while (at < len) {
        size_t part = up_to(line + at + 1, len - at - 1, '&');

        if (!add_parameter(line + at + 1, part, ret))
            return false;
        at += 1 + part;
    }
    return word == path ||
           decode(line + word + 1, path - word - 1, &ret->argument);
}
