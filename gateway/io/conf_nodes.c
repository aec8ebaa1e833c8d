/* SPDX-License-Identifier: MIT */
/*
 * Transparent mode: what cannot stand beside it, and who nodes are at the
 * broker. A line of the credentials file is
 *
 *   CLIENT, USERNAME, PASSWORD_FILE
 *
 * where CLIENT is a client id or a shell pattern. Four parts are kept free for
 * a certificate and its key.
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

static void add_line(struct conf_load *load, const struct conf_place *place,
                     char *line)
{
    char client[CONF_LINE_MAX + 1], user[CONF_LINE_MAX + 1];
    char path[CONF_LINE_MAX + 1], fourth[CONF_LINE_MAX + 1];
    struct gw_config_credentials row = {0};
    struct conf_value secret = {0};
    const char *rest = line;
    char why[CONF_WHY_MAX];

    line = conf_trim(line);
    if (*line == '\0' || *line == '#')
        return;
    if (!conf_next_part(&rest, client, sizeof(client)) ||
        !conf_next_part(&rest, user, sizeof(user)) ||
        !conf_next_part(&rest, path, sizeof(path)) || client[0] == '\0' ||
        user[0] == '\0' || path[0] == '\0') {
        conf_error(load, place, FILE_KEY,
                   "expected client|pattern, username, password_file; got "
                   "'%.80s'",
                   line);
        return;
    }
    if (conf_next_part(&rest, fourth, sizeof(fourth))) {
        conf_error(load, place, FILE_KEY,
                   "a certificate and key for one node are not in this "
                   "version; expected client|pattern, username, password_file");
        return;
    }
    if (!conf_read_secret(load, path, &secret, why)) {
        conf_error(load, place, FILE_KEY, "%s", why);
        return;
    }
    row.pattern = conf_dup(load, client, strlen(client));
    row.username = conf_dup(load, user, strlen(user));
    row.password = secret.list;
    add_row(load, &row);
}

static void read_credentials(struct conf_load *load)
{
    const char *path = load->config->upstream.credentials_file;
    struct conf_place given =
        conf_place_of(load, "upstream", "credentials_file");
    struct conf_lines lines = {.load = load};
    char *line;

    if (path == NULL)
        return;
    line = conf_alloc(load, CONF_LINE_MAX + 1);
    lines.place.origin = CONF_FILE;
    lines.place.file = path;
    lines.file = conf_open_file(load, &given, FILE_KEY, path, false);
    if (lines.file == NULL)
        return;
    while (line != NULL && conf_next_line(&lines, line))
        add_line(load, &lines.place, line);
    fclose(lines.file);
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

void conf_check_nodes(struct conf_load *load)
{
    struct gw_config *config = load->config;
    struct conf_place place;

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
