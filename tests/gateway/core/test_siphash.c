/* SPDX-License-Identifier: MIT */
#include "siphash.h"

#include "check.h"

/*
 * SipHash-1-3, from siphash_reference.py, which shares nothing with siphash.c
 * and proves itself against the vector of the SipHash paper and CPython's own
 * hash. The key is 00 01 .. 0f; octet i of a message is i modulo 256.
 */
static const struct {
    size_t len;
    uint64_t hash;
} vectors[] = {
    {0, 0xabac0158050fc4dc},   {1, 0xc9f49bf37d57ca93},
    {2, 0x82cb9b024dc7d44d},   {3, 0x8bf80ab8e7ddf7fb},
    {4, 0xcf75576088d38328},   {5, 0xdef9d52f49533b67},
    {6, 0xc50d2b50c59f22a7},   {7, 0xd3927d989bb11140},
    {8, 0x369095118d299a8e},   {9, 0x25a48eb36c063de4},
    {10, 0x79de85ee92ff097f},  {11, 0x70c118c1f94dc352},
    {12, 0x78a384b157b4d9a2},  {13, 0x306f760c1229ffa7},
    {14, 0x605aa111c0f95d34},  {15, 0xd320d86d2a519956},
    {16, 0xcc4fdd1a7d908b66},  {17, 0x9cf2689063dbd80c},
    {63, 0x9d199062b7bbb3a8},  {64, 0xf17997ec4b4a6065},
    {255, 0xf76214e3153c4a15}, {256, 0x75b3e64e167de370},
    {300, 0x4016a23bda5a2224},
};

static void every_length_hashes_like_the_reference(void **unused)
{
    uint8_t key[16];
    uint8_t message[300];

    (void)unused;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_int_equal(gw_siphash13(key, message, vectors[i].len),
                         vectors[i].hash);
}

/* The same with 2-4 rounds; that of 15 octets is the vector of the paper. */
static void four_final_rounds_hash_like_the_reference(void **unused)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31},   {7, 0xab0200f58b01d137},
        {8, 0x93f5f5799a932462},   {15, 0xa129ca6149be45e5},
        {300, 0x4b0b710db6117839},
    };
    uint8_t key[16];
    uint8_t message[300];

    (void)unused;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(gw_siphash24(key, message, rows[i].len), rows[i].hash);
}

static void each_octet_of_the_key_matters(void **unused)
{
    uint8_t key[16] = {0};
    uint64_t plain = gw_siphash13(key, "topic", 5);

    (void)unused;
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = 1;
        assert_int_not_equal(gw_siphash13(key, "topic", 5), plain);
        key[i] = 0;
    }
}

static void the_data_may_stand_at_any_address(void **unused)
{
    static const uint8_t key[16] = {0};
    uint8_t octets[64] = {0};
    uint64_t plain = gw_siphash13(key, "twenty octets of it.", 20);

    (void)unused;
    for (size_t i = 0; i < 16; i++) {
        memcpy(octets + i, "twenty octets of it.", 20);
        assert_int_equal(gw_siphash13(key, octets + i, 20), plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_hashes_like_the_reference),
        cmocka_unit_test(four_final_rounds_hash_like_the_reference),
        cmocka_unit_test(each_octet_of_the_key_matters),
        cmocka_unit_test(the_data_may_stand_at_any_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
