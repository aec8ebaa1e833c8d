/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <string.h>

bool conf_wants_tls(const struct gw_config *config)
{
    const struct gw_config_upstream *upstream = &config->upstream;

    for (size_t i = 0; i < upstream->broker_count; i++) {
        if (upstream->brokers[i].tls)
            return true;
    }
    return false;
}

/* Keys of a section that nothing will look at. */
static void warn_unused(struct conf_load *load)
{
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        const struct conf_entry *entry =
            conf_find(load->config->private, key, NULL);
        char name[CONF_FULL_NAME_MAX];

        if (strcmp(key->section, "tls") != 0 || entry == NULL ||
            strcmp(entry->text, key->value) == 0)
            continue;
        snprintf(name, sizeof(name), "tls.%s", key->name);
        conf_warn(load, &entry->place, name,
                  "means nothing without a URL with mqtts or wss");
    }
}

static void blame(struct conf_load *load, const char *key, const char *why)
{
    struct conf_place place = conf_place_of(load, "tls", key);
    char name[CONF_FULL_NAME_MAX];

    snprintf(name, sizeof(name), "tls.%s", key);
    conf_error(load, &place, name, "%s", why);
}

void conf_check_tls(struct conf_load *load)
{
    const struct gw_tls_settings *tls = &load->config->tls;
    char why[2 * CONF_WHY_MAX];
    const char *key;

    /* It runs on these; their files are to be there when it starts again. */
    if (load->merging)
        return;
    if (!conf_wants_tls(load->config)) {
        warn_unused(load);
        return;
    }
    if (!gw_tls_available()) {
        struct conf_place place = conf_place_of(load, "upstream", "url");

        conf_error(load, &place, "upstream.url",
                   "expected mqtt or ws: this build has no TLS");
        return;
    }
    if (tls->key_file != NULL && tls->cert_file == NULL)
        blame(load, "key_file", "expected tls.cert_file too");
    else if (!gw_tls_check(tls, &key, why, sizeof(why)))
        blame(load, key, why);
    if (!tls->verify) {
        struct conf_place place = conf_place_of(load, "tls", "verify");

        conf_warn(load, &place, "tls.verify",
                  "anybody between here and the broker can read and change "
                  "everything");
    }
}
