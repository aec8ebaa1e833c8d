/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <string.h>

#define HOST_MAX 253
#define URL_PATH_MAX 200
#define PART_MAX 2048

#define SCHEMES "mqtt, mqtts, ws or wss"

/* What stands before "://", in our words and in Paho's. */
static const struct scheme {
    const char *name;
    const char *paho;
    uint16_t port;
    bool tls;
    bool has_path;
} schemes[] = {
    {"mqtt", "tcp", 1883, false, false},
    {"mqtts", "ssl", 8883, true, false},
    {"ws", "ws", 80, false, true},
    {"wss", "wss", 443, true, true},
};

static bool host_valid(const char *host, bool bracketed)
{
    struct gw_addr addr;
    size_t len = strlen(host);

    if (bracketed)
        return conf_parse_host(host, &addr) && addr.family == 6;
    return len >= 1 && len <= HOST_MAX &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-._") == len;
}

/* It goes into a line of HTTP as it is; Paho takes the last colon for that of
 * the port. */
static bool path_valid(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < len; i++) {
        if (path[i] <= ' ' || path[i] == 0x7f || path[i] == ':')
            return false;
    }
    return len <= URL_PATH_MAX;
}

static const struct scheme *scheme_of(const char *url, const char **ret_rest)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].name);

        if (strncmp(url, schemes[i].name, len) == 0 &&
            strncmp(url + len, "://", 3) == 0) {
            *ret_rest = url + len + 3;
            return &schemes[i];
        }
    }
    return NULL;
}

static void fill(struct conf_load *load, const struct scheme *scheme,
                 const char *host, uint16_t port, const char *path,
                 struct gw_config_broker *ret)
{
    bool v6 = strchr(host, ':') != NULL;
    char uri[HOST_MAX + URL_PATH_MAX + 32];
    int len;

    ret->host = conf_dup(load, host, strlen(host));
    ret->port = port;
    ret->scheme = scheme->name;
    ret->tls = scheme->tls;
    len = snprintf(uri, sizeof(uri), v6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
                   scheme->paho, host, port, path);
    ret->uri = conf_dup(load, uri, (size_t)len);
}

static bool parse_url(struct conf_load *load, const char *url,
                      struct gw_config_broker *ret, char *why)
{
    const struct scheme *scheme;
    const char *rest, *path;
    char authority[PART_MAX], host[PART_MAX];
    uint16_t port;

    /* Before anything that quotes the URL: it may hold a password. */
    if (strchr(url, '@') != NULL) {
        snprintf(why, CONF_WHY_MAX,
                 "no user name or password belongs in a URL; expected them in "
                 "upstream.username and upstream.password_file");
        return false;
    }
    scheme = scheme_of(url, &rest);
    if (scheme == NULL)
        goto fail;
    path = rest + strcspn(rest, "/");
    snprintf(authority, sizeof(authority), "%.*s", (int)(path - rest), rest);
    if (strcmp(path, "/") == 0 && !scheme->has_path)
        path = "";
    port = scheme->port;
    if (!conf_split_port(authority, host, sizeof(host), &port) || port == 0 ||
        !host_valid(host, *authority == '[') ||
        (*path != '\0' && !scheme->has_path) || !path_valid(path))
        goto fail;
    fill(load, scheme, host, port, path, ret);
    return true;

fail:
    snprintf(why, CONF_WHY_MAX,
             "expected SCHEME://HOST[:PORT][/PATH], SCHEME one of " SCHEMES
             ", IPv6 in brackets; got '%.80s'",
             url);
    return false;
}

bool conf_parse_urls(struct conf_load *load, const struct conf_key *key,
                     const char *text, struct conf_value *ret, char *why)
{
    struct gw_config_broker *list;
    char part[PART_MAX];

    if (!conf_count_list(key, text, &ret->count, why))
        return false;
    list = conf_alloc(load, ret->count * sizeof(*list));
    ret->list = list;
    for (size_t i = 0; conf_next_part(&text, part, sizeof(part)); i++) {
        if (list != NULL && !parse_url(load, part, &list[i], why))
            return false;
    }
    return true;
}

void conf_check_proxy(struct conf_load *load)
{
    const struct gw_config_upstream *up = &load->config->upstream;
    struct conf_place place = conf_place_of(load, "upstream", "proxy");
    const char *proxy = up->proxy;
    char host[PART_MAX];
    uint16_t port = 0;

    if (proxy == NULL) {
        if (up->proxy_username != NULL || up->proxy_password != NULL)
            conf_error(load, &place, "upstream.proxy",
                       "expected with upstream.proxy_username and "
                       "upstream.proxy_password_file");
    } else if (strchr(proxy, '@') != NULL) {
        conf_error(load, &place, "upstream.proxy",
                   "no user name or password belongs in a URL; expected them "
                   "in upstream.proxy_username and "
                   "upstream.proxy_password_file");
    } else if (strncmp(proxy, "http://", 7) != 0 ||
               !conf_split_port(proxy + 7, host, sizeof(host), &port) ||
               port == 0 || !host_valid(host, proxy[7] == '[')) {
        conf_error(load, &place, "upstream.proxy",
                   "expected http://HOST:PORT, IPv6 in brackets; got '%.80s'",
                   proxy);
    }
}
