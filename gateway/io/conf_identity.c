/* SPDX-License-Identifier: MIT */
#include "conf_identity.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/siphash.h"

#define MACHINE_ID "/etc/machine-id"

/* Any fixed value does: it only keeps our hash from being the same as somebody
 * else's hash of the machine id. */
static const uint8_t key[16] = "mqttsn-gateway 1";

const char *conf_host_name(struct conf_load *load)
{
    char host[65] = "";
    const char *name = host;

    if (load->merging)
        name = load->running->name;
    else if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        name = "mqttsn-gateway";
    return conf_dup(load, name, strlen(name));
}

/* The file holds 32 hexadecimal digits, or the word "uninitialized" while the
 * machine starts for the first time. */
static bool read_machine_id(const char *path, char ret[33])
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return false;
    len = fread(ret, 1, 32, file);
    fclose(file);
    ret[len] = '\0';
    return len == 32 && strspn(ret, "0123456789abcdef") == 32;
}

void conf_make_client_id(struct conf_load *load)
{
    struct gw_config_upstream *upstream = &load->config->upstream;
    const struct gw_config *running = load->running;
    const char *path = load->sources->machine_id_file;
    char machine_id[33], id[32];
    uint64_t digits = 0;

    if (load->merging ||
        (running != NULL && running->upstream.client_id_random)) {
        upstream->client_id = conf_dup(load, running->upstream.client_id,
                                       strlen(running->upstream.client_id));
        upstream->client_id_random = running->upstream.client_id_random;
        return;
    }
    if (read_machine_id(path != NULL ? path : MACHINE_ID, machine_id)) {
        digits = gw_siphash24(key, machine_id, strlen(machine_id));
    } else {
        static const struct conf_place nowhere;

        if (getrandom(&digits, sizeof(digits), 0) != sizeof(digits))
            conf_error(load, &nowhere, "upstream.client_id",
                       "no random number can be had; expected a client id");
        upstream->client_id_random = true;
        conf_warn(load, &nowhere, "upstream.client_id",
                  "made up until the next restart, for '%s' has no machine id; "
                  "set it, or the broker may keep what nobody fetches",
                  path != NULL ? path : MACHINE_ID);
    }
    snprintf(id, sizeof(id), "mqttsn-gw-%012" PRIx64,
             digits & UINT64_C(0xffffffffffff));
    upstream->client_id = conf_dup(load, id, strlen(id));
}
