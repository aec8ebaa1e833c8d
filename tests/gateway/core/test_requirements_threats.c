/* SPDX-License-Identifier: MIT */
/*
 * What an attacker can send in numbers that a written conversation cannot
 * hold, and what depends on what is drawn at random.
 */
#include "check.h"

#include "broker.h"
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
}

static struct sn_frame *reply(const struct node *to)
{
    struct output *out = world_take(&w, OUT_DATAGRAM, to);
    static struct sn_frame f;

    if (out == NULL)
        world_fail(&w, "no answer came");
    world_open(&w, out, to, &f);
    return &f;
}

static void expect_silence(void)
{
    assert_null(world_peek(&w, OUT_DATAGRAM, NULL));
}

/* [SN12-017] [G12-11]: 0x0000 and 0xFFFF are never assigned, and what is
 * assigned never changes its meaning. */
static void seventy_thousand_registers_exhaust_one_client_only(void **unused)
{
    struct node other = world_node(2);
    char name[16];
    uint16_t last = 0;

    (void)unused;
    begin();
    w.limits.max_topics = 70000;
    w.limits.names_total_bytes = 16 * 1024 * 1024;
    w.options.max_topics_per_client = 65534;
    world_predefine(&w, NULL, 300, "pre/300", false);
    world_start(&w);
    world_send(&w, &node, sn_connect("n1", 60000, SN_CLEAN));
    world_send(&w, &other, sn_connect("n2", 60000, SN_CLEAN));
    world_forget_outputs(&w);
    for (unsigned i = 1; i <= 70000; i++) {
        struct sn_frame *f;

        snprintf(name, sizeof(name), "t/%u", i);
        world_send(&w, &node, sn_register(0, (uint16_t)i, name));
        f = reply(&node);
        assert_int_equal(f->type, SN_REGACK);
        assert_int_equal(f->msg, (uint16_t)i);
        if (i <= 65533) { /* 65534 ids, one of which is predefined */
            assert_int_equal(f->code, 0);
            assert_true(f->topic > last && f->topic != 300 &&
                        f->topic != 0xffff);
            last = f->topic;
        } else {
            assert_int_equal(f->code, 3);
            assert_int_equal(f->topic, 0);
        }
        world_forget_outputs(&w);
    }
    assert_int_equal(last, 0xfffe);
    world_send(&w, &other, sn_register(0, 1, "t/70000"));
    assert_int_equal(reply(&other)->code, 0);
    world_stop(&w);
}

/* A blind attacker who spoofs the node's address must guess the MsgId. */
static void only_the_right_one_of_65536_acknowledgements_counts(void **unused)
{
    struct gw_session_info info;
    uint16_t msg;

    (void)unused;
    begin();
    world_start(&w);
    world_send(&w, &node, sn_connect("n1", 60000, SN_CLEAN));
    world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "cmd"));
    world_forget_outputs(&w);
    broker_publish(&broker, &w, "cmd", "x", 1, false);
    msg = reply(&node)->msg;
    for (unsigned i = 0; i < 65536; i++) {
        if (i == msg)
            continue;
        world_send(&w, &node, sn_ack(SN_PUBACK, 1, (uint16_t)i, 0));
        world_send(&w, &node, sn_ack(SN_REGACK, 1, (uint16_t)i, 0));
        world_send(&w, &node, sn_msg(SN_PUBCOMP, (uint16_t)i));
    }
    expect_silence();
    assert_true(world_session(&w, "n1", &info));
    assert_int_equal(info.queue_messages, 1);

    world_send(&w, &node, sn_ack(SN_PUBACK, 1, msg, 0));

    assert_true(world_session(&w, "n1", &info));
    assert_int_equal(info.queue_messages, 0);
    world_stop(&w);
}

/* MsgIds towards nodes start at random, per session. */
static void first_msgids_differ(void **unused)
{
    uint16_t seen[20];
    unsigned equal = 0;

    (void)unused;
    begin();
    world_start(&w);
    for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
        struct node n = world_node(10 + i);
        char id[8];

        snprintf(id, sizeof(id), "n%u", i);
        world_send(&w, &n, sn_connect(id, 60000, SN_CLEAN));
        world_send(&w, &n, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "cmd"));
        world_until(&w, w.now + 1000);
    }
    world_forget_outputs(&w);
    broker_publish(&broker, &w, "cmd", "x", 1, false);
    for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
        struct node n = world_node(10 + i);

        seen[i] = reply(&n)->msg;
        assert_int_not_equal(seen[i], 0);
        for (unsigned k = 0; k < i; k++)
            equal += seen[k] == seen[i];
    }
    assert_true(equal <= 1);
    world_stop(&w);
}

/* [G12-10]: the counter goes round without ever being 0 (the world checks
 * that), and an id that is in use is skipped. */
static void msgids_wrap_around_without_zero(void **unused)
{
    (void)unused;
    begin();
    world_start(&w);
    world_send(&w, &node, sn_connect("n1", 60000, SN_CLEAN));
    world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "cmd"));
    world_forget_outputs(&w);
    for (unsigned i = 0; i < 66000; i++) {
        uint16_t msg;

        broker_publish(&broker, &w, "cmd", "x", 1, false);
        msg = reply(&node)->msg;
        world_send(&w, &node, sn_ack(SN_PUBACK, 1, msg, 0));
        world_forget_outputs(&w);
    }
    world_stop(&w);
}

/* Replies to strangers are bounded in all, not only per source [G12-27]. */
static void ten_thousand_strangers_get_the_configured_rate(void **unused)
{
    uint64_t answered;

    (void)unused;
    begin();
    w.options.stranger_reply_rate = 50;
    world_start(&w);
    for (unsigned i = 0; i < 10000; i++) {
        struct node n = world_node(100 + i);

        world_send(&w, &n, sn_pingreq(NULL));
        if (i % 1000 == 999)
            world_until(&w, w.now + 100);
        world_forget_outputs(&w);
    }
    assert_true(world_counter(&w, "strangers_answered", &answered));
    assert_true(answered >= 50 && answered <= 150);
    world_stop(&w);
}

/* Overlapping filters, whatever the broker does with them: the gateway finds
 * out, and a node gets one copy. */
static void one_copy_comes_whatever_the_broker_does(void **unused)
{
    struct output *note;
    uint64_t value;

    (void)unused;
    for (int each = 0; each < 2; each++) {
        begin();
        broker.each_copy = each != 0;
        w.options.overlapping = GW_OVERLAPPING_PROBE;
        world_start(&w);
        world_until(&w, w.now + 10000);
        note = world_take(&w, OUT_NOTE, NULL);
        assert_true((note != NULL) == (each != 0)); /* when it is news */
        if (note != NULL)
            assert_int_equal(note->note.kind, GW_NOTE_OVERLAP_RULE);
        assert_true(world_counter(&w, "down_unmatched", &value));
        assert_int_equal(value, 0); /* the probe is nobody's message */
        assert_int_equal(broker.filter_count, 0);
        world_send(&w, &node, sn_connect("n1", 60000, SN_CLEAN));
        world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "a/b"));
        world_until(&w, w.now + 1000);
        world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 2, "a/#"));
        world_until(&w, w.now + 1000);
        world_forget_outputs(&w);
        for (unsigned i = 0; i < 10; i++) {
            struct sn_frame *f;

            broker_publish(&broker, &w, "a/b", i % 3 == 0 ? "x" : "y", 1,
                           false);
            f = reply(&node);
            assert_int_equal(f->type, SN_PUBLISH);
            world_send(&w, &node, sn_ack(SN_PUBACK, 1, f->msg, 0));
            expect_silence();
            world_forget_outputs(&w);
        }
        assert_true(world_counter(&w, "down_overlap_swallowed", &value));
        assert_int_equal(value, each ? 10 : 0);
        world_stop(&w);
    }
}

/* A probe that nobody answers means one copy, and holds up nothing. */
static void a_probe_may_stay_unanswered(void **unused)
{
    (void)unused;
    begin();
    broker.holds_results = true;
    w.options.overlapping = GW_OVERLAPPING_PROBE;
    world_start(&w);
    world_until(&w, w.now + 1000);
    broker.holds_results = false;
    broker.pending_count = 0; /* they are never answered */
    world_until(&w, w.now + 10000);
    world_send(&w, &node, sn_connect("n1", 60000, SN_CLEAN));
    world_send(&w, &node, sn_subscribe(SN_SUBSCRIBE, SN_QOS0, 1, "a/b"));
    world_until(&w, w.now + 1000);
    world_forget_outputs(&w);
    broker_publish(&broker, &w, "a/b", "x", 0, false);
    assert_int_equal(reply(&node)->type, SN_PUBLISH);
    world_stop(&w);
}

/* Bounded memory, and every message accounted for. */
static void sleepers_with_room_for(uint32_t entries)
{
    static const char *const reasons[] = {"drop_queue_full", "drop_total_full",
                                          "drop_fair_share", "drop_table_full"};
    uint64_t wanted = 0, kept = 0, value;

    begin();
    w.limits.queue_total_bytes = 256 * 1024;
    w.limits.max_queue_entries = entries;
    w.options.client.queue_max_messages = 100;
    world_start(&w);
    for (unsigned i = 0; i < 20; i++) {
        struct node n = world_node(10 + i);
        char id[8];

        snprintf(id, sizeof(id), "n%u", i);
        world_send(&w, &n, sn_connect(id, 60000, 0));
        world_send(
            &w, &n,
            sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, i % 2 == 0 ? "all" : id));
        world_until(&w, w.now + 1000);
        world_send(&w, &n, sn_disconnect(60000));
    }
    for (unsigned i = 0; i < 10000; i++) {
        char id[8];

        snprintf(id, sizeof(id), "n%u", i % 20);
        broker_publish(&broker, &w, i % 3 == 0 ? "all" : id,
                       "some payload of about forty octets, or so", 1, false);
        wanted += i % 3 == 0 ? 10 : i % 2;
        assert_true(world_usage(&w).message_bytes <= 256 * 1024);
        assert_true(world_usage(&w).queue_entries <= entries);
        world_forget_outputs(&w);
    }
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        assert_true(world_counter(&w, reasons[i], &value));
        kept += value;
    }
    assert_true(kept > 5000);
    kept += world_usage(&w).queue_entries;
    assert_int_equal(kept, wanted);
    world_stop(&w);
}

static void ten_thousand_messages_to_sleepers_stay_in_bounds(void **unused)
{
    (void)unused;
    sleepers_with_room_for(1000);
    sleepers_with_room_for(100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seventy_thousand_registers_exhaust_one_client_only),
        cmocka_unit_test(only_the_right_one_of_65536_acknowledgements_counts),
        cmocka_unit_test(first_msgids_differ),
        cmocka_unit_test(msgids_wrap_around_without_zero),
        cmocka_unit_test(ten_thousand_strangers_get_the_configured_rate),
        cmocka_unit_test(one_copy_comes_whatever_the_broker_does),
        cmocka_unit_test(a_probe_may_stay_unanswered),
        cmocka_unit_test(ten_thousand_messages_to_sleepers_stay_in_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
