/* SPDX-License-Identifier: MIT */
#include "siphash.h"

#include "siphash_inline.h"

/* Inline, so that the rounds are constants in each of its callers. */
static inline uint64_t siphash(int rounds, int final_rounds,
                               const uint8_t key[16], const void *data,
                               size_t len)
{
    struct gw_sip_state v = gw_sip_begin(key);
    const uint8_t *at = data;
    size_t left = len;

    for (; left >= GW_SIP_WORD; left -= GW_SIP_WORD) {
        v = gw_sip_absorb(v, gw_sip_load_word(at), rounds);
        at += GW_SIP_WORD;
    }
    return gw_sip_end(v, gw_sip_load_rest(at, left), len, rounds, final_rounds);
}

uint64_t gw_siphash13(const uint8_t key[16], const void *data, size_t len)
{
    return siphash(1, 3, key, data, len);
}

uint64_t gw_siphash24(const uint8_t key[16], const void *data, size_t len)
{
    return siphash(2, 4, key, data, len);
}
