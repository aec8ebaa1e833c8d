/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "check.h"

struct fixture {
    struct gw_names names;
    struct gw_messages messages;
    uint32_t topic;
};

static void set_up(struct fixture *f, uint32_t chunks, uint32_t max_messages)
{
    static const uint8_t seed[16] = {0};

    assert_int_equal(gw_names_init(&f->names, 4096, seed), MQTTSN_OK);
    assert_int_equal(gw_messages_init(&f->messages, &f->names,
                                      (uint64_t)chunks * GW_CHUNK_BYTES,
                                      max_messages),
                     MQTTSN_OK);
    f->topic = gw_names_intern(&f->names, mqttsn_span_text("cmd/led"));
}

static void tear_down(struct fixture *f)
{
    gw_messages_fini(&f->messages);
    gw_names_fini(&f->names);
}

static uint32_t put(struct fixture *f, size_t len)
{
    static uint8_t payload[70000];

    return gw_message_new(&f->messages, f->topic, mqttsn_span(payload, len),
                          false, 0);
}

static void a_payload_comes_back_whole_at_every_chunk_boundary(void **unused)
{
    static const struct {
        size_t len;
        uint32_t chunks;
    } rows[] = {{0, 0},   {1, 1},   {63, 1},  {64, 1},  {65, 2},      {127, 2},
                {128, 2}, {129, 3}, {192, 3}, {193, 4}, {65535, 1024}};
    static uint8_t payload[65535];
    static uint8_t copy[65535 + 1];
    struct fixture f;

    (void)unused;
    set_up(&f, 2000, 4);
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31 + i / 256);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = rows[i].len;
        uint32_t m = gw_message_new(&f.messages, f.topic,
                                    mqttsn_span(payload, len), false, 0);

        assert_int_not_equal(m, 0);
        assert_int_equal(gw_message_at(&f.messages, m)->payload_len, len);
        assert_int_equal(gw_message_cost(len), rows[i].chunks * GW_CHUNK_BYTES);
        assert_int_equal(gw_messages_bytes(&f.messages), gw_message_cost(len));

        memset(copy, 0xa5, sizeof(copy));
        gw_message_copy(&f.messages, gw_message_at(&f.messages, m), copy);

        assert_memory_equal(copy, payload, len);
        assert_int_equal(copy[len], 0xa5); /* and not an octet more */
        assert_true(gw_message_unref(&f.messages, m));
        assert_int_equal(gw_messages_bytes(&f.messages), 0);
    }
    tear_down(&f);
}

static void a_message_keeps_what_it_was_given(void **unused)
{
    struct fixture f;
    const struct gw_message *message;
    uint32_t m;

    (void)unused;
    set_up(&f, 4, 4);
    m = gw_message_new(&f.messages, f.topic, mqttsn_span_text("on"), true, 99);
    message = gw_message_at(&f.messages, m);

    assert_int_equal(message->refs, 1);
    assert_int_equal(message->topic, f.topic);
    assert_true(message->retain);
    assert_false(message->kept);
    assert_int_equal(message->received, 99);
    tear_down(&f);
}

static void many_readers_share_one_body(void **unused)
{
    enum { READERS = 10000 };
    struct fixture f;
    uint32_t m;

    (void)unused;
    set_up(&f, 4, 4);
    m = put(&f, 100);
    for (int i = 1; i < READERS; i++)
        assert_int_equal(gw_message_ref(&f.messages, m), m);
    assert_int_equal(gw_messages_bytes(&f.messages), 2 * GW_CHUNK_BYTES);

    for (int i = 1; i < READERS; i++)
        assert_false(gw_message_unref(&f.messages, m));
    assert_true(gw_message_unref(&f.messages, m));

    assert_int_equal(gw_messages_bytes(&f.messages), 0);
    assert_false(gw_message_unref(&f.messages, 0));
    tear_down(&f);
}

static void a_message_holds_its_topic(void **unused)
{
    struct fixture f;
    uint32_t m;

    (void)unused;
    set_up(&f, 4, 4);
    m = put(&f, 1);

    gw_names_unref(&f.names, f.topic);
    assert_true(mqttsn_span_equal(gw_names_span(&f.names, f.topic),
                                  mqttsn_span_text("cmd/led")));
    assert_true(gw_message_unref(&f.messages, m));

    assert_int_equal(f.names.used_names, 0);
    tear_down(&f);
}

static void the_budget_is_met_to_the_chunk(void **unused)
{
    struct fixture f;
    uint32_t m;

    (void)unused;
    set_up(&f, 5, 10);
    m = put(&f, 128);
    assert_int_not_equal(m, 0);
    assert_true(gw_messages_fits(&f.messages, 192));
    assert_false(gw_messages_fits(&f.messages, 193));
    assert_false(gw_messages_fits(&f.messages, SIZE_MAX));

    /* What does not fit leaves nothing behind. */
    assert_int_equal(put(&f, 193), 0);
    assert_int_equal(gw_messages_bytes(&f.messages), 2 * GW_CHUNK_BYTES);
    assert_int_equal(f.messages.messages.used, 1);

    assert_int_not_equal(put(&f, 180), 0);
    assert_false(gw_messages_fits(&f.messages, 1));
    assert_int_not_equal(put(&f, 0), 0);
    assert_int_equal(put(&f, 1), 0);
    assert_true(gw_message_unref(&f.messages, m));
    assert_int_not_equal(put(&f, 128), 0);
    tear_down(&f);
}

static void the_number_of_messages_is_bounded_as_well(void **unused)
{
    struct fixture f;
    uint32_t m;

    (void)unused;
    set_up(&f, 100, 2);
    m = put(&f, 0);
    assert_int_not_equal(m, 0);
    assert_int_not_equal(put(&f, 1), 0);
    assert_false(gw_messages_fits(&f.messages, 0));
    assert_int_equal(put(&f, 0), 0);

    assert_true(gw_message_unref(&f.messages, m));

    assert_true(gw_messages_fits(&f.messages, 0));
    assert_int_not_equal(put(&f, 0), 0);
    tear_down(&f);
}

static void numbers_differ_and_are_never_0(void **unused)
{
    struct fixture f;
    uint32_t a;
    uint32_t b;

    (void)unused;
    set_up(&f, 4, 4);
    f.messages.next_number = UINT32_MAX;
    a = put(&f, 0);
    b = put(&f, 0);

    assert_int_equal(gw_message_at(&f.messages, a)->number, UINT32_MAX);
    assert_int_equal(gw_message_at(&f.messages, b)->number, 1);
    tear_down(&f);
}

static void a_cost_beyond_32_bits_is_the_greatest(void **unused)
{
    (void)unused;
    assert_int_equal(gw_message_cost(SIZE_MAX), UINT32_MAX);
}

static void no_more_than_a_datagram_can_carry(void **unused)
{
    struct fixture f;

    (void)unused;
    set_up(&f, 1100, 4);
    assert_int_not_equal(put(&f, 65535), 0);
    gw_message_unref(&f.messages, 1);
    assert_int_equal(put(&f, 65536), 0);
    assert_int_equal(f.messages.messages.used, 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_comes_back_whole_at_every_chunk_boundary),
        cmocka_unit_test(a_message_keeps_what_it_was_given),
        cmocka_unit_test(many_readers_share_one_body),
        cmocka_unit_test(a_message_holds_its_topic),
        cmocka_unit_test(the_budget_is_met_to_the_chunk),
        cmocka_unit_test(the_number_of_messages_is_bounded_as_well),
        cmocka_unit_test(numbers_differ_and_are_never_0),
        cmocka_unit_test(a_cost_beyond_32_bits_is_the_greatest),
        cmocka_unit_test(no_more_than_a_datagram_can_carry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
