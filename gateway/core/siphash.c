/* SPDX-License-Identifier: MIT */
#include "siphash.h"

enum { WORD = 8 };

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Little-endian, whatever the host is: the vectors hold everywhere. Spelled
 * out, so that it is one load where the host agrees. */
static inline uint64_t load_word(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline uint64_t load_rest(const uint8_t *p, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

struct state {
    uint64_t a, b, c, d;
};

static inline struct state mix(struct state v)
{
    v.a += v.b;
    v.c += v.d;
    v.b = rotate(v.b, 13) ^ v.a;
    v.d = rotate(v.d, 16) ^ v.c;
    v.a = rotate(v.a, 32);

    v.c += v.b;
    v.a += v.d;
    v.b = rotate(v.b, 17) ^ v.c;
    v.d = rotate(v.d, 21) ^ v.a;
    v.c = rotate(v.c, 32);
    return v;
}

static inline struct state absorb(struct state v, uint64_t word, int rounds)
{
    v.d ^= word;
    for (int i = 0; i < rounds; i++)
        v = mix(v);
    v.a ^= word;
    return v;
}

/* Inline, so that the rounds are constants in each of its callers. */
static inline uint64_t siphash(int rounds, int final_rounds,
                               const uint8_t key[16], const void *data,
                               size_t len)
{
    const uint8_t *at = data;
    uint64_t k0 = load_word(key), k1 = load_word(key + WORD);
    struct state v = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
                      k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
    size_t left = len;

    for (; left >= WORD; left -= WORD) {
        v = absorb(v, load_word(at), rounds);
        at += WORD;
    }
    /* The last word carries the length, so that trailing zeros count. */
    v = absorb(v, load_rest(at, left) | (uint64_t)(len & 0xff) << 56, rounds);

    v.c ^= 0xff;
    for (int i = 0; i < final_rounds; i++)
        v = mix(v);
    return v.a ^ v.b ^ v.c ^ v.d;
}

uint64_t gw_siphash13(const uint8_t key[16], const void *data, size_t len)
{
    return siphash(1, 3, key, data, len);
}

uint64_t gw_siphash24(const uint8_t key[16], const void *data, size_t len)
{
    return siphash(2, 4, key, data, len);
}
