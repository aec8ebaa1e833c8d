/* SPDX-License-Identifier: MIT */
/*
 * Transparent mode: what cannot stand beside it, and who nodes are at the
 * broker. A line of the credentials file is
 *
 *   CLIENT, USERNAME, PASSWORD_FILE
 *   CLIENT, [USERNAME], CERT_FILE, KEY_FILE
 *
 * where CLIENT is a client id or a shell pattern.
 */
#include "conf_private.h"

#include <string.h>

#define FILE_KEY "upstream.credentials_file"
#define PLACE "{client_id}"

static bool add_row(struct conf_load *load,
                    const struct gw_config_credentials *row)
{
    struct gw_config_upstream *up = &load->config->upstream;
    struct gw_config_credentials *rows =
        conf_alloc(load, (up->credential_count + 1) * sizeof(*rows));

    if (rows == NULL)
        return false;
    if (up->credential_count > 0)
        memcpy(rows, up->credentials, up->credential_count * sizeof(*rows));
    rows[up->credential_count++] = *row;
    up->credentials = rows;
    return true;
}

#define EXPECTED                                                               \
    "expected client|pattern, username, password_file, or client|pattern, "    \
    "[username], cert_file, key_file; "

/* The certificate that a node shows, with what else [tls] says. */
static bool take_certificate(struct conf_load *load,
                             const struct conf_place *place, const char *client,
                             const char *cert, const char *key,
                             struct gw_config_credentials *row)
{
    struct gw_tls_settings tls = load->config->tls;
    char why[2 * CONF_WHY_MAX];
    const char *to_blame;

    row->cert_file = tls.cert_file = conf_dup(load, cert, strlen(cert));
    row->key_file = tls.key_file = conf_dup(load, key, strlen(key));
    if (!conf_wants_tls(load->config)) {
        conf_warn(load, place, FILE_KEY,
                  "a certificate means nothing without a URL with mqtts or "
                  "wss");
        return true;
    }
    if (gw_tls_check(&tls, &to_blame, why, sizeof(why)))
        return true;
    conf_error(load, place, FILE_KEY, "of '%.80s', as tls.%s: %s", client,
               to_blame, why);
    return false;
}

static void add_line(struct conf_load *load, const struct conf_place *place,
                     char *line)
{
    enum { CLIENT, USER, FILE_1, FILE_2, PARTS = 5 };
    char part[PARTS][CONF_LINE_MAX + 1] = {""};
    struct gw_config_credentials row = {0};
    struct conf_value secret = {0};
    const char *rest = line;
    char why[CONF_WHY_MAX];
    unsigned count = 0;

    while (count < PARTS && conf_next_part(&rest, part[count], sizeof(part[0])))
        count++;
    if (count < 3 || count > 4 || part[CLIENT][0] == '\0' ||
        part[FILE_1][0] == '\0' ||
        part[count == 4 ? FILE_2 : USER][0] == '\0') {
        conf_error(load, place, FILE_KEY, EXPECTED "got '%.80s'", line);
        return;
    }
    if (count == 4) {
        if (!take_certificate(load, place, part[CLIENT], part[FILE_1],
                              part[FILE_2], &row))
            return;
    } else if (!conf_read_secret(load, part[FILE_1], &secret, why)) {
        conf_error(load, place, FILE_KEY, "%s", why);
        return;
    }
    row.pattern = conf_dup(load, part[CLIENT], strlen(part[CLIENT]));
    if (part[USER][0] != '\0')
        row.username = conf_dup(load, part[USER], strlen(part[USER]));
    row.password = secret.list;
    add_row(load, &row);
}

static void read_credentials(struct conf_load *load)
{
    const char *path = load->config->upstream.credentials_file;
    struct conf_place given =
        conf_place_of(load, "upstream", "credentials_file");

    /* Connections run on what the start has read, and the file may be gone. */
    if (path != NULL && !load->merging)
        conf_read_rows(load, &given, FILE_KEY, path, add_line);
}

static void check_template(struct conf_load *load)
{
    const char *text = load->config->upstream.node_client_id;
    const char *first = text != NULL ? strstr(text, PLACE) : NULL;
    struct conf_place place = conf_place_of(load, "transparent", "client_id");

    if (first == NULL || strstr(first + 1, PLACE) != NULL)
        conf_error(load, &place, "transparent.client_id",
                   "expected " PLACE " in it once: no two nodes may have one "
                   "id; got '%.80s'",
                   text != NULL ? text : "");
}

/* Without it, a node would get what it was promised never to see. */
static void check_no_local(struct conf_load *load)
{
    const struct gw_config *config = load->config;
    const struct conf_key *key = conf_key_find("client", "no_local", 8);

    for (const struct conf_section *s = config->private->sections; s != NULL;
         s = s->next) {
        const struct conf_entry *entry = conf_find(config->private, key, s);

        if (entry == NULL || entry->value.number == 0)
            continue;
        if (config->options.mode != GW_MODE_TRANSPARENT)
            conf_error(
                load, &entry->place, "client.no_local",
                "expected upstream.mode = transparent: by one connection "
                "for all nodes nobody's messages can be left out");
        else if (config->upstream.protocol == GW_CONFIG_MQTT_3_1_1)
            conf_error(load, &entry->place, "client.no_local",
                       "expected upstream.protocol = 5: MQTT 3.1.1 has no such "
                       "thing");
        else if (config->upstream.protocol == GW_CONFIG_MQTT_AUTO)
            conf_warn(
                load, &entry->place, "client.no_local",
                "means nothing with a broker that speaks no MQTT 5, which "
                "upstream.protocol = auto takes too");
    }
}

void conf_check_nodes(struct conf_load *load)
{
    struct gw_config *config = load->config;
    struct conf_place place;

    check_no_local(load);
    if (config->options.mode != GW_MODE_TRANSPARENT) {
        if (config->upstream.credentials_file != NULL) {
            place = conf_place_of(load, "upstream", "credentials_file");
            conf_warn(load, &place, FILE_KEY,
                      "means nothing with upstream.mode = aggregating: nodes "
                      "have no connections of their own");
        }
        return;
    }
    if (config->store.type != GW_STORE_MEMORY) {
        place = conf_place_of(load, "upstream", "mode");
        conf_error(load, &place, "upstream.mode",
                   "expected aggregating with store.type = sqlite: what is "
                   "under way in a node's own connection does not outlive the "
                   "process in this version; or store.type = memory");
    }
    check_template(load);
    read_credentials(load);
}
