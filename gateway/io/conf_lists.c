/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "mqttsn/topic.h"

#define PART_MAX 2048

bool conf_next_part(const char **rest, char *buf, size_t cap)
{
    const char *part = *rest;
    size_t len;

    if (part == NULL)
        return false;
    part += strspn(part, " \t");
    len = strcspn(part, ",");
    *rest = part[len] == ',' ? part + len + 1 : NULL;
    while (len > 0 && (part[len - 1] == ' ' || part[len - 1] == '\t'))
        len--;
    snprintf(buf, cap, "%.*s", (int)len, part);
    return true;
}

bool conf_parse_host(const char *text, struct gw_addr *ret)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    char *zone;

    *ret = (struct gw_addr){0};
    if (strlen(text) >= sizeof(host))
        return false;
    strcpy(host, text);
    if (inet_pton(AF_INET, host, ret->ip) == 1) {
        ret->family = 4;
        return true;
    }
    zone = strchr(host, '%');
    if (zone != NULL) {
        *zone = '\0';
        ret->scope = if_nametoindex(zone + 1);
        if (ret->scope == 0)
            return false;
    }
    ret->family = 6;
    return inet_pton(AF_INET6, host, ret->ip) == 1;
}

bool conf_split_port(const char *text, char *host, size_t cap, uint16_t *port)
{
    const char *end, *colon;
    uint64_t number;

    if (*text == '[') {
        text++;
        end = strchr(text, ']');
        if (end == NULL)
            return false;
        colon = end + 1;
        if (*colon != '\0' && *colon != ':')
            return false;
    } else {
        colon = strchr(text, ':');
        if (colon == NULL || strchr(colon + 1, ':') != NULL)
            colon = text + strlen(text);
        end = colon;
    }
    if ((size_t)(end - text) >= cap)
        return false;
    snprintf(host, cap, "%.*s", (int)(end - text), text);
    if (*colon == '\0')
        return true;
    if (!conf_parse_number(colon + 1, &number) || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

bool conf_parse_address(const char *text, uint16_t port, struct gw_addr *ret)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];

    if (!conf_split_port(text, host, sizeof(host), &port) ||
        !conf_parse_host(host, ret))
        return false;
    /* IPv4 stands without brackets. */
    if (*text == '[' && ret->family == 4)
        return false;
    ret->port = port;
    return true;
}

/* "ADDRESS" or "ADDRESS/BITS". Bits beyond a network's length are a slip. */
static bool parse_cidr(const char *text, struct gw_cidr *ret)
{
    size_t len = strcspn(text, "/");
    char host[INET6_ADDRSTRLEN + 1];
    struct gw_addr addr;
    uint64_t bits;

    if (len >= sizeof(host))
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)len, text);
    if (strchr(host, '%') != NULL || !conf_parse_host(host, &addr))
        return false;
    bits = addr.family == 4 ? 32 : 128;
    if (text[len] == '/') {
        uint64_t most = bits;

        if (!conf_parse_number(text + len + 1, &bits) || bits > most)
            return false;
    }
    for (size_t i = (size_t)bits; i < 128; i++) {
        if ((addr.ip[i / 8] & (0x80 >> i % 8)) != 0)
            return false;
    }
    *ret = (struct gw_cidr){.bits = (uint8_t)bits, .family = addr.family};
    memcpy(ret->ip, addr.ip, sizeof(ret->ip));
    return true;
}

struct gw_cidr conf_cidr_of(const struct gw_addr *addr)
{
    struct gw_cidr cidr = {.bits = addr->family == 4 ? 32 : 128,
                           .family = addr->family};

    memcpy(cidr.ip, addr->ip, sizeof(cidr.ip));
    return cidr;
}

static size_t count_parts(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

bool conf_count_list(const struct conf_key *key, const char *text,
                     size_t *ret_count, char *why)
{
    char what[160];

    *ret_count = count_parts(text);
    if (*ret_count <= key->max)
        return true;
    snprintf(why, CONF_WHY_MAX, "expected %s; got %zu",
             conf_key_expects(key, what, sizeof(what)), *ret_count);
    return false;
}

bool conf_parse_cidrs(struct conf_load *load, const struct conf_key *key,
                      const char *text, struct conf_value *ret, char *why)
{
    char part[PART_MAX], what[160];
    struct gw_cidr *list;

    if (key->type == CONF_FORWARDERS && strcmp(text, "any") == 0) {
        ret->any = true;
        return true;
    }
    if (!conf_count_list(key, text, &ret->count, why))
        return false;
    list = conf_alloc(load, ret->count * sizeof(*list));
    ret->list = list;
    for (size_t i = 0; conf_next_part(&text, part, sizeof(part)); i++) {
        if (list != NULL && !parse_cidr(part, &list[i])) {
            snprintf(why, CONF_WHY_MAX,
                     "expected %s; '%.60s' is neither an address nor a "
                     "network",
                     conf_key_expects(key, what, sizeof(what)), part);
            return false;
        }
    }
    return true;
}

bool conf_parse_filters(struct conf_load *load, const struct conf_key *key,
                        const char *text, struct conf_value *ret, char *why)
{
    char part[PART_MAX], what[160];
    const char **list;

    if (!conf_count_list(key, text, &ret->count, why))
        return false;
    list = conf_alloc(load, ret->count * sizeof(*list));
    ret->list = list;
    for (size_t i = 0; conf_next_part(&text, part, sizeof(part)); i++) {
        if (strlen(part) > GW_NAME_MAX ||
            !mqttsn_filter_valid(mqttsn_span_text(part))) {
            snprintf(why, CONF_WHY_MAX,
                     "expected %s; '%.60s' is no topic filter",
                     conf_key_expects(key, what, sizeof(what)), part);
            return false;
        }
        if (list != NULL)
            list[i] = conf_dup(load, part, strlen(part));
    }
    return true;
}
