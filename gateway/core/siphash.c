/* SPDX-License-Identifier: MIT */
#include "siphash.h"

enum { WORD = 8, FINAL_ROUNDS = 3 };

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Little-endian, whatever the host is: the vectors hold everywhere. */
static uint64_t load(const uint8_t *octets, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)octets[i] << (8 * i);
    return word;
}

static void mix(uint64_t v[4])
{
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

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
}

uint64_t gw_siphash13(const uint8_t key[16], const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t k0 = load(key, WORD);
    uint64_t k1 = load(key + WORD, WORD);
    uint64_t v[4] = {
        k0 ^ 0x736f6d6570736575,
        k1 ^ 0x646f72616e646f6d,
        k0 ^ 0x6c7967656e657261,
        k1 ^ 0x7465646279746573,
    };
    size_t left = len;

    for (; left >= WORD; left -= WORD) {
        absorb(v, load(at, WORD));
        at += WORD;
    }
    /* The last word carries the length, so that trailing zeros count. */
    absorb(v, load(at, left) | (uint64_t)(len & 0xff) << 56);

    v[2] ^= 0xff;
    for (int i = 0; i < FINAL_ROUNDS; i++)
        mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
