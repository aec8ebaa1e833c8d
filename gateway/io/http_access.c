/* SPDX-License-Identifier: MIT */
#include "http_access.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* ---- tokens ------------------------------------------------------------ */

static bool is_token_character(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/=", c) != NULL);
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that holds a token, without blanks around; its number is in
 * '*line', which begins at 0. False at the end. */
static bool next_token(struct mqttsn_span *rest, unsigned *line,
                       struct mqttsn_span *ret)
{
    while (rest->len > 0) {
        const uint8_t *end = memchr(rest->data, '\n', rest->len);
        size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
        const uint8_t *at = rest->data;

        rest->data += len + (end != NULL);
        rest->len -= len + (end != NULL);
        ++*line;
        while (len > 0 && is_blank(at[len - 1]))
            len--;
        while (len > 0 && is_blank(*at))
            at++, len--;
        if (len == 0 || *at == '#')
            continue;
        *ret = mqttsn_span(at, len);
        return true;
    }
    return false;
}

const char *gw_http_tokens_fault(struct mqttsn_span tokens, unsigned *ret_line)
{
    struct mqttsn_span token;
    bool any = false;

    *ret_line = 0;
    while (next_token(&tokens, ret_line, &token)) {
        any = true;
        if (token.len < GW_HTTP_TOKEN_MIN || token.len > GW_HTTP_TOKEN_MAX)
            return "expected a token of 16 to 128 characters";
        for (size_t i = 0; i < token.len; i++) {
            if (!is_token_character(token.data[i]))
                return "expected letters, digits and -._~+/= in a token";
        }
    }
    *ret_line = 0;
    return any ? NULL : "expected a token, one on a line";
}

/* Looks at every octet of the longest there may be, whatever they are. */
static bool same(struct mqttsn_span token, const char *text, size_t len)
{
    volatile uint8_t differ = token.len != len;

    for (size_t i = 0; i < GW_HTTP_TOKEN_MAX; i++) {
        uint8_t a = i < token.len ? token.data[i] : 0;
        uint8_t b = i < len ? (uint8_t)text[i] : 0;

        differ = (uint8_t)(differ | (a ^ b));
    }
    return differ == 0;
}

unsigned gw_http_token_of(struct mqttsn_span tokens, const char *authorization)
{
    struct mqttsn_span token;
    unsigned line = 0, found = 0;
    size_t len;

    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return 0;
    authorization += 7;
    authorization += strspn(authorization, " ");
    len = strlen(authorization);
    while (next_token(&tokens, &line, &token)) {
        if (same(token, authorization, len))
            found = line;
    }
    return found;
}

/* ---- names ------------------------------------------------------------- */

static bool is_address(const char *host)
{
    uint8_t ip[16];

    return inet_pton(AF_INET, host, ip) == 1 ||
           inet_pton(AF_INET6, host, ip) == 1;
}

static bool is_among(const char *host, const char *names)
{
    size_t len = strlen(host);

    while (names != NULL && *names != '\0') {
        size_t part = strcspn(names += strspn(names, ", \t"), ", \t");

        if (part == len && strncasecmp(names, host, len) == 0)
            return true;
        names += part;
    }
    return false;
}

bool gw_http_host_good(const char *host, const char *own, const char *names)
{
    char name[256];
    const char *end;
    size_t len;

    if (*host == '[') {
        end = strchr(++host, ']');
        if (end == NULL)
            return false;
    } else {
        end = host + strcspn(host, ":");
    }
    len = (size_t)(end - host);
    if (len == 0 || len >= sizeof(name))
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    return is_address(name) || strcasecmp(name, "localhost") == 0 ||
           (own != NULL && strcasecmp(name, own) == 0) || is_among(name, names);
}
