/* SPDX-License-Identifier: MIT */
/*
 * siphash_inline.h - the steps of SipHash, for the one key that is hashed for
 * each datagram: its words are at hand. Everything else uses siphash.h.
 */
#ifndef GW_SIPHASH_INLINE_H
#define GW_SIPHASH_INLINE_H

#include <stddef.h>
#include <stdint.h>

enum { GW_SIP_WORD = 8, GW_SIP_HALF = 4 };

static inline uint64_t gw_sip_rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Little-endian, whatever the host is: the vectors hold everywhere. Spelled
 * out, so that it is one load where the host agrees. */
static inline uint64_t gw_sip_load_word(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline uint64_t gw_sip_load_rest(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    size_t at = 0;

    if (len >= GW_SIP_HALF) {
        word = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
               (uint64_t)p[3] << 24;
        at = GW_SIP_HALF;
    }
    for (; at < len; at++)
        word |= (uint64_t)p[at] << (8 * at);
    return word;
}

struct gw_sip_state {
    uint64_t a, b, c, d;
};

static inline struct gw_sip_state gw_sip_mix(struct gw_sip_state v)
{
    v.a += v.b;
    v.c += v.d;
    v.b = gw_sip_rotate(v.b, 13) ^ v.a;
    v.d = gw_sip_rotate(v.d, 16) ^ v.c;
    v.a = gw_sip_rotate(v.a, 32);

    v.c += v.b;
    v.a += v.d;
    v.b = gw_sip_rotate(v.b, 17) ^ v.c;
    v.d = gw_sip_rotate(v.d, 21) ^ v.a;
    v.c = gw_sip_rotate(v.c, 32);
    return v;
}

static inline struct gw_sip_state gw_sip_absorb(struct gw_sip_state v,
                                                uint64_t word, int rounds)
{
    v.d ^= word;
    for (int i = 0; i < rounds; i++)
        v = gw_sip_mix(v);
    v.a ^= word;
    return v;
}

static inline struct gw_sip_state gw_sip_begin(const uint8_t key[16])
{
    uint64_t k0 = gw_sip_load_word(key),
             k1 = gw_sip_load_word(key + GW_SIP_WORD);

    return (struct gw_sip_state){
        k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
        k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
}

/* 'rest' is what is left of 'len' octets behind the last whole word. The last
 * word carries the length, so that trailing zeros count. */
static inline uint64_t gw_sip_end(struct gw_sip_state v, uint64_t rest,
                                  size_t len, int rounds, int final_rounds)
{
    v = gw_sip_absorb(v, rest | (uint64_t)(len & 0xff) << 56, rounds);
    v.c ^= 0xff;
    for (int i = 0; i < final_rounds; i++)
        v = gw_sip_mix(v);
    return v.a ^ v.b ^ v.c ^ v.d;
}

#endif
