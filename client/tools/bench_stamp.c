/* SPDX-License-Identifier: MIT */
#include "bench_stamp.h"

#include <time.h>

enum {
    SUM_AT = 22,
};

static const uint8_t magic[2] = {0xb3, 0x17};

uint64_t bench_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put(uint8_t *at, uint64_t value, unsigned octets)
{
    while (octets-- > 0) {
        at[octets] = (uint8_t)(value & 0xff);
        value >>= 8;
    }
}

static uint64_t get(const uint8_t *at, unsigned octets)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < octets; i++)
        value = value << 8 | at[i];
    return value;
}

/* Eight octets at a time: it is computed for each message at both ends, and
 * should weigh little beside what is measured. */
static uint64_t mix(uint64_t sum, const uint8_t *data, size_t len)
{
    for (; len >= 8; data += 8, len -= 8) {
        sum = (sum ^ get(data, 8)) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    for (; len > 0; data++, len--) {
        sum = (sum ^ *data) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return sum;
}

static uint32_t checksum(const uint8_t *payload, size_t len)
{
    uint64_t sum = mix(len, payload, SUM_AT);

    sum = mix(sum, payload + BENCH_STAMP_LEN, len - BENCH_STAMP_LEN);
    return (uint32_t)(sum >> 32);
}

void bench_stamp_write(uint8_t *payload, size_t len,
                       const struct bench_stamp *stamp)
{
    memcpy(payload, magic, sizeof(magic));
    put(payload + 2, stamp->run, 4);
    put(payload + 6, stamp->stream, 4);
    put(payload + 10, stamp->number, 4);
    put(payload + 14, stamp->sent_us, 8);
    memset(payload + BENCH_STAMP_LEN, (int)('a' + stamp->number % 26),
           len - BENCH_STAMP_LEN);
    put(payload + SUM_AT, checksum(payload, len), 4);
}

bool bench_stamp_read(struct mqttsn_span payload, struct bench_stamp *ret_stamp)
{
    if (payload.len < BENCH_STAMP_LEN ||
        memcmp(payload.data, magic, sizeof(magic)) != 0 ||
        get(payload.data + SUM_AT, 4) != checksum(payload.data, payload.len))
        return false;
    *ret_stamp = (struct bench_stamp){
        (uint32_t)get(payload.data + 2, 4), (uint32_t)get(payload.data + 6, 4),
        (uint32_t)get(payload.data + 10, 4), get(payload.data + 14, 8)};
    return true;
}
