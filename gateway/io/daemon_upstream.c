/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "store_work.h"
#include "upstream_nodes.h"

/* Acknowledged publishes count once more each where they are copied to; what
 * they come from is bounded by the engine. */
static uint64_t waiting_for_nodes(const struct gw_config *config)
{
    uint64_t of_each = GW_NODES_INBOX_OCTETS + 2 * (uint64_t)GW_NODES_QOS0 *
                                                   daemon_max_datagram(config);

    return config->limits.max_connections * of_each +
           2 * config->limits.uplink_total_bytes;
}

uint64_t gw_daemon_waiting_bytes(const struct gw_config *config)
{
    uint64_t other = config->store.type == GW_STORE_SQLITE
                         ? GW_STORE_WORK_OCTETS + GW_DISK_HARD
                         : 0;
    struct gw_upstream_settings settings;

    gw_upstream_settings_default(&settings);
    if (config->options.mode == GW_MODE_TRANSPARENT)
        other += waiting_for_nodes(config);
    /* Paho copies what it was given: the outbox counts twice. */
    return settings.inbox_bytes + 2 * settings.outbox_bytes +
           GW_UDP_POOL_OCTETS + other;
}

/* Each connection is a descriptor; the rest is for all else. */
#define OTHER_DESCRIPTORS 64

static void want_descriptors(uint32_t connections)
{
    rlim_t want = (rlim_t)connections + OTHER_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want)
        gw_warn("upstream", "few_descriptors",
                "limit=%llu wanted=%llu reason=\"transparent.max_connections "
                "is more than the system allows this process; raise its "
                "LimitNOFILE\"",
                (unsigned long long)limit.rlim_cur, (unsigned long long)want);
}

static enum mqttsn_status
new_for_nodes(uv_loop_t *loop, const struct gw_config *config,
              const struct gw_upstream_settings *gateway,
              struct gw_upstream **ret_upstream)
{
    const struct gw_config_upstream *up = &config->upstream;
    struct gw_upstream_credentials *rows =
        calloc(up->credential_count + 1, sizeof(*rows));
    struct gw_upstream_nodes_settings settings = {
        .gateway = gateway,
        .max_connections = config->limits.max_connections,
        .client_id = up->node_client_id,
        .max_client_id = up->max_client_id,
        .client_id_characters = up->client_id_characters,
        .credentials = rows,
        .credential_count = up->credential_count};
    enum mqttsn_status status;

    if (rows == NULL)
        return MQTTSN_ENOSPACE;
    for (size_t i = 0; i < up->credential_count; i++)
        rows[i] = (struct gw_upstream_credentials){
            .pattern = up->credentials[i].pattern,
            .username = up->credentials[i].username,
            .password = up->credentials[i].password,
            .cert_file = up->credentials[i].cert_file,
            .key_file = up->credentials[i].key_file};
    want_descriptors(settings.max_connections);
    status = gw_upstream_nodes_new(loop, &settings, ret_upstream);
    free(rows);
    return status;
}

/* What Paho takes for the name and password of a proxy: in its URL, so each
 * octet is written by its number. */
static size_t encode(char *to, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += (size_t)sprintf(to + n, "%%%02X", (uint8_t)text[i]);
    return n;
}

static char *proxy_url(const struct gw_config_upstream *up, const char *scheme)
{
    size_t user = up->proxy_username != NULL ? strlen(up->proxy_username) : 0;
    size_t cap = strlen(up->proxy) + 3 * (user + up->proxy_password_len) + 4;
    char *url = malloc(cap);
    size_t n;

    if (url == NULL)
        return NULL;
    n = (size_t)sprintf(url, "%s://", scheme);
    if (user != 0) {
        n += encode(url + n, up->proxy_username, user);
        url[n++] = ':';
        n += encode(url + n, (const char *)up->proxy_password,
                    up->proxy_password_len);
        url[n++] = '@';
    }
    snprintf(url + n, cap - n, "%s", up->proxy + strlen("http://"));
    return url;
}

enum mqttsn_status daemon_upstream_new(uv_loop_t *loop,
                                       const struct gw_config *config,
                                       struct gw_journal *journal,
                                       struct gw_upstream **ret_upstream)
{
    static const enum gw_upstream_protocol protocols[] = {
        [GW_CONFIG_MQTT_3_1_1] = GW_PROTOCOL_3_1_1,
        [GW_CONFIG_MQTT_5] = GW_PROTOCOL_5,
        [GW_CONFIG_MQTT_AUTO] = GW_PROTOCOL_AUTO};
    const struct gw_config_upstream *up = &config->upstream;
    struct gw_upstream_endpoint *endpoints;
    struct gw_upstream_settings settings;
    char *password = NULL, *proxy[2] = {NULL, NULL};
    char will_topic[GW_PREFIX_MAX + 16];
    enum mqttsn_status status = MQTTSN_ENOSPACE;

    endpoints = calloc(up->broker_count, sizeof(*endpoints));
    if (endpoints == NULL)
        return MQTTSN_ENOSPACE;
    for (size_t i = 0; i < up->broker_count; i++)
        endpoints[i] =
            (struct gw_upstream_endpoint){.host = up->brokers[i].host,
                                          .port = up->brokers[i].port,
                                          .uri = up->brokers[i].uri,
                                          .tls = up->brokers[i].tls};
    if (up->password != NULL) {
        password = malloc(up->password_len + 1);
        if (password == NULL)
            goto out;
        memcpy(password, up->password, up->password_len);
        password[up->password_len] = '\0';
    }

    for (size_t i = 0; i < 2 && up->proxy != NULL; i++) {
        proxy[i] = proxy_url(up, i == 0 ? "http" : "https");
        if (proxy[i] == NULL)
            goto out;
    }

    gw_upstream_settings_default(&settings);
    settings.endpoints = endpoints;
    settings.proxy = proxy[0];
    settings.proxy_for_tls = proxy[1];
    settings.endpoint_count = up->broker_count;
    settings.tls = &config->tls;
    settings.protocol = protocols[up->protocol];
    settings.session_expiry_s = (uint32_t)(up->session_expiry / 1000);
    settings.gateway = up->user_properties ? config->name : NULL;
    settings.client_id = up->client_id;
    settings.username = up->username;
    if (config->status.enabled) {
        snprintf(will_topic, sizeof(will_topic), "%s/state",
                 config->status.topic);
        settings.will = (struct gw_upstream_will){.topic = will_topic,
                                                  .payload = "offline",
                                                  .payload_len = 7,
                                                  .qos = 1,
                                                  .retain = true};
    }
    settings.password = password;
    settings.keep_alive_s = (unsigned)(up->keep_alive / 1000);
    settings.connect_timeout_s =
        up->connect_timeout < 1000 ? 1 : (unsigned)(up->connect_timeout / 1000);
    settings.window = config->options.window;
    settings.return_interval_ms = up->return_interval;
    settings.connect_interval_ms = up->connect_interval;
    settings.backoff_min_ms = up->reconnect_min;
    settings.backoff_max_ms = up->reconnect_max;
    /* Without a journal what the broker kept is about sessions that nobody
     * remembers (D2). */
    settings.clean_first = true;
    settings.journal = journal;
    if (config->options.mode == GW_MODE_TRANSPARENT)
        status = new_for_nodes(loop, config, &settings, ret_upstream);
    else
        status = gw_upstream_paho_new(loop, &settings, ret_upstream);

out:
    if (password != NULL) {
        explicit_bzero(password, up->password_len);
        free(password);
    }
    for (size_t i = 0; i < 2; i++) {
        if (proxy[i] != NULL)
            explicit_bzero(proxy[i], strlen(proxy[i]));
        free(proxy[i]);
    }
    free(endpoints);
    return status;
}
