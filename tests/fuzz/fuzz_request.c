/* SPDX-License-Identifier: MIT */
/*
 * What is asked of a running gateway: over HTTP, as far as it is read by us and
 * not by libmicrohttpd, and over the control socket. The input is lines: a
 * query, an Authorization, a Host, a request of the socket, and the rest is a
 * file of tokens.
 *
 * What is taken off a query or a request lies in it, comes to an end, and is
 * the same when it is encoded and taken once more; a report is asked for
 * nothing beyond its range; a token is found in exactly the line in which a
 * second, plainer look finds it.
 */
#include <strings.h>

#include "core/engine.h"
#include "ctl.h"
#include "http.h"
#include "report.h"
#include "target.h"

enum { LINE_MAX_ = 512, TOKENS_MAX = 2048 };

static char query[LINE_MAX_ + 1], authorization[LINE_MAX_ + 1],
    host[LINE_MAX_ + 1], control[LINE_MAX_ + 1], tokens[TOKENS_MAX + 1];

/* The next line as a string; what is too long, or behind a NUL, is cut. */
static size_t next_line(const uint8_t *data, size_t size, char *to)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end != NULL ? (size_t)(end - data) : size;
    size_t kept = len < LINE_MAX_ ? len : LINE_MAX_;

    memcpy(to, data, kept);
    to[kept] = '\0';
    return end != NULL ? len + 1 : len;
}

/* ---- the query --------------------------------------------------------- */

static void check_encoded(const char *name, struct mqttsn_span value)
{
    char text[4 * LINE_MAX_], *rest = text, *to = text;
    struct mqttsn_span again;
    const char *same;

    to += sprintf(to, "%s=", name);
    for (size_t i = 0; i < value.len; i++)
        to += sprintf(to, "%%%02X", value.data[i]);
    MUST(gw_http_take(&rest, &same, &again));
    MUST(strcmp(same, name) == 0);
    MUST(mqttsn_span_equal(again, value));
    MUST(!gw_http_take(&rest, &same, &again));
}

static void check_query(void)
{
    char *copy = strdup(query), *rest = copy;
    size_t len = strlen(query), taken = 0;
    struct gw_report_query asked;
    struct mqttsn_span value;
    const char *name;

    MUST(copy != NULL);
    gw_report_query_init(&asked);
    while (gw_http_take(&rest, &name, &value)) {
        MUST(++taken <= len);
        MUST(rest >= copy && rest <= copy + len);
        MUST(value.len <= len);
        if (value.len != 0)
            MUST((const char *)value.data >= copy &&
                 (const char *)value.data + value.len <= copy + len);
        if (*name == '\0')
            continue;
        MUST(name >= copy && name + strlen(name) <= copy + len);
        check_encoded(name, value);
        if (gw_report_query_set(&asked, name, value)) {
            MUST(asked.limit >= 1 && asked.limit <= GW_REPORT_LIMIT_MAX);
            MUST(asked.state >= -1 && asked.state < GW_STATE_COUNT);
        }
        MUST(gw_report_named(value) <= GW_REPORT_COUNT);
    }
    free(copy);
}

/* ---- a request of the control socket ----------------------------------- */

static bool lies_in(struct mqttsn_span inner, const char *line, size_t len)
{
    return inner.len == 0 ||
           ((const char *)inner.data >= line &&
            (const char *)inner.data + inner.len <= line + len);
}

static char *put_encoded(char *to, char before, struct mqttsn_span text)
{
    *to++ = before;
    for (size_t i = 0; i < text.len; i++)
        to += sprintf(to, "%%%02x", text.data[i]);
    return to;
}

static void check_control_again(const struct gw_ctl_request *asked)
{
    static char text[4 * LINE_MAX_ + 64];
    struct gw_ctl_request again;
    char *to = text;

    memcpy(to, asked->word.data, asked->word.len);
    to = put_encoded(to + asked->word.len, '/', asked->argument);
    for (size_t i = 0; i < asked->parameter_count; i++) {
        to += sprintf(to, "%c%s", i == 0 ? '?' : '&', asked->parameters[i].key);
        to = put_encoded(to, '=', asked->parameters[i].value);
    }
    MUST(gw_ctl_parse(text, (size_t)(to - text), &again));
    MUST(mqttsn_span_equal(again.word, asked->word));
    MUST(mqttsn_span_equal(again.argument, asked->argument));
    MUST(again.parameter_count == asked->parameter_count);
    for (size_t i = 0; i < again.parameter_count; i++) {
        MUST(strcmp(again.parameters[i].key, asked->parameters[i].key) == 0);
        MUST(mqttsn_span_equal(again.parameters[i].value,
                               asked->parameters[i].value));
    }
}

static void check_control(void)
{
    size_t len = strlen(control);
    char *line = (char *)exact((const uint8_t *)control, len);
    struct gw_ctl_request asked;

    if (gw_ctl_parse(line, len, &asked)) {
        MUST(lies_in(asked.word, line, len));
        MUST(lies_in(asked.argument, line, len));
        MUST(asked.parameter_count <= GW_CTL_PARAMETERS_MAX);
        for (size_t i = 0; i < asked.parameter_count; i++)
            MUST(lies_in(asked.parameters[i].value, line, len));
        check_control_again(&asked);
    }
    free(line);
}

/* ---- tokens and names -------------------------------------------------- */

/* The last line in which 'text' stands, between blanks; 0: in none. */
static unsigned line_of(const char *text)
{
    unsigned line = 1, found = 0;

    for (const char *at = tokens; at != NULL; line++) {
        const char *end = strchr(at, '\n');
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);

        while (len > 0 && strchr(" \t\r", at[len - 1]) != NULL)
            len--;
        while (len > 0 && strchr(" \t\r", *at) != NULL) {
            at++;
            len--;
        }
        if (len == strlen(text) && memcmp(at, text, len) == 0)
            found = line;
        at = end != NULL ? end + 1 : NULL;
    }
    return found;
}

static void check_tokens(void)
{
    struct mqttsn_span file = mqttsn_span_text(tokens);
    unsigned bad, line = gw_http_token_of(file, authorization);
    const char *fault = gw_http_tokens_fault(file, &bad);
    const char *text = authorization + 7;

    MUST(fault == NULL || fault[0] != '\0');
    if (strncasecmp(authorization, "Bearer ", 7) != 0) {
        MUST(line == 0);
    } else if (fault == NULL) {
        text += strspn(text, " ");
        if (*text == '\0' || *text == '#')
            MUST(line == 0);
        else
            MUST(line == line_of(text));
    }
}

static void check_host(void)
{
    /* One name more lets nobody out. */
    if (gw_http_host_good(host, "gateway", NULL))
        MUST(gw_http_host_good(host, "gateway", "one.example, other.example"));
    MUST(gw_http_host_good("localhost", "gateway", host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = next_line(data, size, query);

    at += next_line(data + at, size - at, authorization);
    at += next_line(data + at, size - at, host);
    at += next_line(data + at, size - at, control);
    size = size - at < TOKENS_MAX ? size - at : TOKENS_MAX;
    memcpy(tokens, data + at, size);
    tokens[size] = '\0';
    check_query();
    check_tokens();
    check_host();
    check_control();
    return 0;
}
