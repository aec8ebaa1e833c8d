/* SPDX-License-Identifier: MIT */
/*
 * What services in clouds take of one connection, as far as their documents say
 * (docs/brokers): defaults that upstream.profile chooses, each of which a key
 * of its own replaces. Of subscriptions two are left to the probe.
 */
#include "conf_private.h"

#include <string.h>

#define WORD_CHARACTERS                                                        \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const struct preset {
    enum gw_config_profile profile;
    const char *section, *key, *value;
} presets[] = {
    {GW_PROFILE_AWS_IOT, "upstream", "max_qos", "1"},
    {GW_PROFILE_AWS_IOT, "upstream", "publish_rate", "100"},
    {GW_PROFILE_AWS_IOT, "upstream", "max_topic_bytes", "256"},
    {GW_PROFILE_AWS_IOT, "upstream", "max_topic_levels", "8"},
    {GW_PROFILE_AWS_IOT, "upstream", "max_filters", "48"},
    {GW_PROFILE_AWS_IOT, "upstream", "min_keep_alive", "30s"},
    {GW_PROFILE_AWS_IOT, "upstream", "max_keep_alive", "1200s"},
    {GW_PROFILE_AWS_IOT, "upstream", "max_client_id", "128"},
    {GW_PROFILE_AWS_IOT, "upstream", "connect_interval", "2s"},

    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_qos", "1"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "retain", "strip"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "publish_rate", "1000"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_topic_bytes", "256"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_topic_levels", "8"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_filters", "48"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_keep_alive", "1160s"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "max_client_id", "128"},
    {GW_PROFILE_AZURE_EVENT_GRID, "upstream", "client_id_characters",
     WORD_CHARACTERS "-:._"},

    {GW_PROFILE_HIVEMQ_CLOUD, "upstream", "qos2_window", "10"},
    {GW_PROFILE_HIVEMQ_CLOUD, "upstream", "window", "10"},

    {GW_PROFILE_EMQX_CLOUD, "upstream", "publish_rate", "10"},
    {GW_PROFILE_EMQX_CLOUD, "upstream", "max_topic_levels", "10"},
    {GW_PROFILE_EMQX_CLOUD, "upstream", "max_filters", "8"},
};

const char *conf_profile_value(const struct gw_config_private *private,
                               const struct conf_key *key)
{
    const struct conf_entry *chosen;

    if (strcmp(key->section, "upstream") != 0 ||
        strcmp(key->name, "profile") == 0)
        return NULL;
    chosen = conf_find(private, conf_key_find("upstream", "profile", 7), NULL);
    if (chosen == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (presets[i].profile == chosen->value.number &&
            strcmp(presets[i].section, key->section) == 0 &&
            strcmp(presets[i].key, key->name) == 0)
            return presets[i].value;
    }
    return NULL;
}

/* AWS takes MQTT on the port of HTTPS when it is told so. */
static void choose_protocol(struct gw_config *config)
{
    const struct gw_config_upstream *up = &config->upstream;

    for (size_t i = 0; i < up->broker_count; i++) {
        if (up->profile == GW_PROFILE_AWS_IOT && up->brokers[i].port == 443 &&
            strcmp(up->brokers[i].scheme, "mqtts") == 0 &&
            config->tls.alpn == NULL)
            config->tls.alpn = "x-amzn-mqtt-ca";
    }
}

void conf_check_profile(struct conf_load *load)
{
    const struct gw_config_upstream *up = &load->config->upstream;
    const char *set = up->client_id_characters;
    struct conf_place place = conf_place_of(load, "upstream", "client_id");

    choose_protocol(load->config);
    if (up->max_client_id != 0 && strlen(up->client_id) > up->max_client_id)
        conf_error(load, &place, "upstream.client_id",
                   "expected at most %u octets (upstream.max_client_id)",
                   (unsigned)up->max_client_id);
    else if (set != NULL && strspn(up->client_id, set) != strlen(up->client_id))
        conf_error(load, &place, "upstream.client_id",
                   "expected only characters of "
                   "upstream.client_id_characters, '%.100s'",
                   set);
    place = conf_place_of(load, "upstream", "keep_alive");
    if (up->keep_alive < up->min_keep_alive)
        conf_error(load, &place, "upstream.keep_alive",
                   "expected at least %us (upstream.min_keep_alive)",
                   (unsigned)(up->min_keep_alive / 1000));
    if (up->max_keep_alive != 0 && up->keep_alive > up->max_keep_alive)
        conf_error(load, &place, "upstream.keep_alive",
                   "expected at most %us (upstream.max_keep_alive)",
                   (unsigned)(up->max_keep_alive / 1000));
}
