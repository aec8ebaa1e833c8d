/* SPDX-License-Identifier: MIT */
#include "conf_identity.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MACHINE_ID "/etc/machine-id"

/* Any fixed value does: it only keeps our hash from being the same as somebody
 * else's hash of the machine id. */
static const uint8_t key[16] = "mqttsn-gateway 1";

const char *conf_host_name(struct conf_load *load)
{
    char name[65] = "";

    if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
        return "mqttsn-gateway";
    return conf_dup(load, name, strlen(name));
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static uint64_t little_endian(const uint8_t *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint64_t conf_siphash(const uint8_t key_[16], struct mqttsn_span bytes)
{
    uint64_t k0 = little_endian(key_, 8), k1 = little_endian(key_ + 8, 8);
    uint64_t v[4] = {
        k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t i = 0;
    uint64_t m;

    for (; i + 8 <= bytes.len; i += 8) {
        m = little_endian(bytes.data + i, 8);
        v[3] ^= m;
        rounds(v, 2);
        v[0] ^= m;
    }
    m = (uint64_t)bytes.len << 56 |
        little_endian(bytes.len == 0 ? key_ : bytes.data + i, bytes.len - i);
    v[3] ^= m;
    rounds(v, 2);
    v[0] ^= m;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
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

    if (running != NULL && running->upstream.client_id_random) {
        upstream->client_id = conf_dup(load, running->upstream.client_id,
                                       strlen(running->upstream.client_id));
        upstream->client_id_random = true;
        return;
    }
    if (read_machine_id(path != NULL ? path : MACHINE_ID, machine_id)) {
        digits = conf_siphash(key, mqttsn_span_text(machine_id));
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
