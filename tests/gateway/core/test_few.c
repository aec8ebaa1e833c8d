/* SPDX-License-Identifier: MIT */
/*
 * A session with few topics or subscriptions is walked, one with many is found
 * by table: nobody can tell from outside, on either side of the limit.
 */
#include "check.h"

#include "broker.h"
#include "engine_private.h"
#include "world.h"

static struct world w;
static struct broker broker;
static struct node node;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void begin(void)
{
    node = world_node(1);
    broker_init(&broker);
    world_init(&w);
    w.fail = stop_test;
    w.broker = &broker;
    w.no_records = true;
    world_start(&w);
    world_send(&w, &node, sn_connect("n1", 3600, SN_CLEAN));
    world_forget_outputs(&w);
}

/* Sends, and gives what came back; only that may have come. */
static struct sn_frame ask(struct octets message)
{
    struct output *out;
    static struct sn_frame f;

    world_forget_outputs(&w);
    world_send(&w, &node, message);
    out = world_take(&w, OUT_DATAGRAM, &node);
    if (out == NULL)
        world_fail(&w, "no answer came");
    world_open(&w, out, &node, &f);
    return f;
}

static const unsigned counts[] = {1, GW_FEW - 1, GW_FEW, GW_FEW + 1, 40};

static void every_id_means_its_name(void **unused)
{
    (void)unused;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        uint16_t ids[64];
        char name[16];

        begin();
        for (unsigned i = 0; i < counts[c]; i++) {
            snprintf(name, sizeof(name), "t/%u", i);
            ids[i] = ask(sn_register(0, 1, name)).topic;
        }
        for (unsigned i = 0; i < counts[c]; i++) {
            struct output *out;

            snprintf(name, sizeof(name), "t/%u", i);
            assert_int_equal(ask(sn_register(0, 1, name)).topic, ids[i]);
            assert_int_equal(
                ask(sn_publish(SN_QOS1, ids[i], (uint16_t)(i + 1), "x")).code,
                0);
            out = world_take(&w, OUT_UPSTREAM, NULL);
            assert_non_null(out);
            assert_true(
                mqttsn_span_equal(out->up.topic, mqttsn_span_text(name)));
        }
        assert_int_equal(ask(sn_publish(SN_QOS1, 500, 99, "x")).code, 2);

        /* A new connection that is clean begins anew. */
        ask(sn_connect("n1", 3600, SN_CLEAN));
        assert_int_equal(world_usage(&w).topics, 0);
        assert_int_equal(w.engine->topics_by_id.used, 0);
        assert_int_equal(w.engine->topics_by_name.used, 0);
        assert_int_equal(ask(sn_register(0, 1, "t/0")).topic, ids[0]);
        world_stop(&w);
    }
}

static void every_subscription_is_found_and_ended(void **unused)
{
    (void)unused;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        char filter[16];

        begin();
        for (unsigned again = 0; again < 2; again++) {
            for (unsigned i = 0; i < counts[c]; i++) {
                snprintf(filter, sizeof(filter), "f/%u/#", i);
                assert_int_equal(ask(sn_subscribe(SN_SUBSCRIBE, SN_QOS1,
                                                  (uint16_t)(i + 1), filter))
                                     .code,
                                 0);
                world_until(&w, w.now + 1000);
            }
            assert_int_equal(world_usage(&w).subscriptions, counts[c]);
        }
        for (unsigned i = 0; i < counts[c]; i++) {
            snprintf(filter, sizeof(filter), "f/%u/#", i);
            assert_int_equal(
                ask(sn_subscribe(SN_UNSUBSCRIBE, 0, (uint16_t)(i + 1), filter))
                    .type,
                SN_UNSUBACK);
            assert_int_equal(world_usage(&w).subscriptions, counts[c] - i - 1);
        }
        assert_int_equal(w.engine->subs_by_key.used, 0);
        world_stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_means_its_name),
        cmocka_unit_test(every_subscription_is_found_and_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
