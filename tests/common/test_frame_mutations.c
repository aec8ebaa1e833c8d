/* SPDX-License-Identifier: MIT */
/* Valid frames, damaged at random with a fixed seed: whatever the damage,
 * the codec answers, and what it takes it gives back unchanged. */
#include "mqttsn/frame.h"

#include <stdlib.h>

#include "check.h"
#include "codec.h"
#include "mqttsn/text.h"

enum { ROUNDS = 200000, MUTANT_MAX = 320, ENCODED_MAX = MUTANT_MAX + 16 };

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static uint32_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % end;
}

static size_t insert(uint8_t *octets, size_t len, size_t count)
{
    size_t at = random_below((uint32_t)len + 1);

    if (len + count > MUTANT_MAX)
        return len;
    memmove(octets + at + count, octets + at, len - at);
    for (size_t i = 0; i < count; i++)
        octets[at + i] = (uint8_t)random_below(256);
    return len + count;
}

static size_t encapsulate(uint8_t *octets, size_t len)
{
    static const uint8_t header[] = {0x04, 0xfe, 0x00, 0x01};

    if (len + sizeof(header) > MUTANT_MAX)
        return len;
    memmove(octets + sizeof(header), octets, len);
    memcpy(octets, header, sizeof(header));
    return len + sizeof(header);
}

static size_t damage(uint8_t *octets, size_t len)
{
    size_t at = len > 0 ? random_below((uint32_t)len) : 0;

    switch (len > 0 ? random_below(7) : 6) {
    case 0:
        octets[at] ^= (uint8_t)(1u << random_below(8));
        return len;
    case 1:
        octets[at] = (uint8_t)random_below(256);
        return len;
    case 2:
        return at; /* cut off the rest */
    case 3:
        memmove(octets + at, octets + at + 1, len - at - 1);
        return len - 1;
    case 4:
        return insert(octets, len, 240 + random_below(20));
    case 5:
        return encapsulate(octets, len);
    default:
        return insert(octets, len, 1 + random_below(4));
    }
}

/* Lets the damage get past the first check, to where the fields are. */
static size_t mend_length(uint8_t *octets, size_t len)
{
    if (len >= 4 && len + 2 <= MUTANT_MAX && random_below(2) == 0) {
        memmove(octets + 2, octets, len);
        len += 2;
        octets[0] = 0x01;
        octets[1] = (uint8_t)(len >> 8);
        octets[2] = (uint8_t)(len & 0xff);
    } else if (len >= 2 && len <= 255) {
        octets[0] = (uint8_t)len;
    }
    return len;
}

static size_t mutant(uint8_t *octets)
{
    const struct vector *base = &vectors[random_below((uint32_t)vector_count)];
    size_t len = octets_of_hex(base->hex, octets, MUTANT_MAX);

    for (size_t i = random_below(4); i > 0; i--)
        len = damage(octets, len);
    if (random_below(2) != 0)
        len = mend_length(octets, len);
    return len;
}

static void check_stable(const struct mqttsn_frame *frame)
{
    uint8_t first[ENCODED_MAX];
    uint8_t second[ENCODED_MAX];
    size_t first_len = 0;
    size_t second_len = 0;
    struct mqttsn_frame again;

    assert_int_equal(mqttsn_encode(frame, first, sizeof(first), &first_len),
                     MQTTSN_OK);

    uint8_t *copy = exact_copy(first, first_len);

    assert_int_equal(mqttsn_decode(mqttsn_span(copy, first_len),
                                   MQTTSN_DECODE_STRICT, &again),
                     MQTTSN_OK);
    assert_true(frames_equal(frame, &again));
    assert_int_equal(mqttsn_encode(&again, second, sizeof(second), &second_len),
                     MQTTSN_OK);
    assert_int_equal(first_len, second_len);
    assert_memory_equal(first, second, first_len);
    free(copy);
}

static void check_text(const struct mqttsn_frame *frame)
{
    char line[MQTTSN_TEXT_MAX];
    size_t cap = 1 + random_below(sizeof(line));
    size_t len = mqttsn_frame_text(frame, MQTTSN_TEXT_PAYLOAD, line, cap);

    assert_true(len < cap);
    assert_int_equal(strlen(line), len);
    for (size_t i = 0; i < len; i++)
        assert_true(line[i] >= ' ' && line[i] <= '~');
}

static void
damaged_frames_are_answered_and_what_is_taken_is_stable(void **unused)
{
    size_t seen[MQTTSN_ENESTED + 1] = {0};

    (void)unused;
    for (size_t i = 0; i < ROUNDS; i++) {
        uint8_t octets[MUTANT_MAX];
        size_t len = mutant(octets);
        uint8_t *copy = exact_copy(octets, len);
        struct mqttsn_frame frame;
        unsigned options = random_below(2) == 0 ? MQTTSN_DECODE_STRICT
                                                : MQTTSN_DECODE_PAHO_LEN_QUIRK;
        enum mqttsn_status status =
            mqttsn_decode(mqttsn_span(copy, len), options, &frame);

        assert_true(status <= MQTTSN_ENESTED);
        seen[status]++;
        if (status == MQTTSN_OK) {
            check_stable(&frame);
            check_text(&frame);
        }
        free(copy);
    }
    /* The mutator is only worth its time if it gets everywhere. */
    for (size_t status = 0; status < ARRAY_LEN(seen); status++) {
        print_message("    %6zu %s\n", seen[status],
                      mqttsn_status_text((enum mqttsn_status)status));
        assert_true(seen[status] > 100);
    }
    assert_true(seen[MQTTSN_OK] > ROUNDS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            damaged_frames_are_answered_and_what_is_taken_is_stable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
