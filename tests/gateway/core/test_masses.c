/* SPDX-License-Identifier: MIT */
/*
 * Numbers that a world with a memory of all that happened cannot hold.
 *
 * Thirty days in the life of 500 nodes: most of them sleep and wake every
 * hour, the others stay awake; some publish, commands come for them, a few
 * leave every hour and come back from another address, and each night the
 * broker is away for a while and at times forgets. At the end of each day the
 * engine holds what it held on the first; every command was delivered; and when
 * all have left, nothing is left of them.
 *
 * A million messages for a hundred sleepers: memory stays in its bounds, and
 * each message is delivered or counted.
 */
#include <stdlib.h>

#include "check.h"

#include "engine.h"
#include "frames.h"
#include "world.h"

enum {
    NODES = 500,
    DAYS = 30,
    HOUR = 3600 * 1000,
    OPS = GW_STORE_INFLIGHT,
    SLEEPERS = 100,
    MILLION = 1000000
};

struct life {
    struct node node;
    char id[16], command[20];
    bool clean, sleeps;
    uint16_t msg;
};

static struct world w;
static struct life lives[NODES];
static uint64_t commands, delivered, published, wanted;
static struct gw_usage at_start;
static uint8_t *buf;

static uint32_t pick(uint32_t below)
{
    return world_random(&w, below);
}

/* ---- what comes out ---------------------------------------------------- */

static void send(const struct life *life, struct octets o)
{
    gw_engine_on_datagram(w.engine, &life->node.addr, &life->node.via,
                          mqttsn_span(o.data, o.len), w.now);
}

static struct life *at(const struct gw_addr *addr)
{
    unsigned number = (unsigned)addr->ip[2] << 8 | addr->ip[3];

    assert_true(number >= 1 && number <= NODES);
    return &lives[number - 1];
}

/* A node answers what it is sent. */
static void hears(struct life *life, const struct sn_frame *f)
{
    switch (f->type) {
    case SN_REGISTER:
        send(life, sn_ack(SN_REGACK, f->topic, f->msg, 0));
        break;
    case SN_PUBLISH:
        delivered++;
        if ((f->flags & SN_QOS_BITS) == SN_QOS1)
            send(life, sn_ack(SN_PUBACK, f->topic, f->msg, 0));
        else if ((f->flags & SN_QOS_BITS) == SN_QOS2)
            send(life, sn_msg(SN_PUBREC, f->msg));
        break;
    case SN_PUBREL:
        send(life, sn_msg(SN_PUBCOMP, f->msg));
        break;
    case SN_PUBREC:
        send(life, sn_msg(SN_PUBREL, f->msg));
        break;
    case SN_CONNACK:
    case SN_PUBACK:
    case SN_SUBACK:
        assert_int_equal(f->code, 0);
        break;
    default:
        break;
    }
}

static bool datagrams(void)
{
    static struct sn_frame f;
    struct gw_datagram d;
    bool any = false;

    while (gw_engine_poll_datagram(w.engine, w.now, buf, GW_DATAGRAM_MAX, &d)) {
        if (d.target != GW_TO_PEER)
            continue;
        assert_null(sn_unpack(buf, d.len, &f));
        hears(at(&d.to), &f);
        any = true;
    }
    return any;
}

static bool actions(void)
{
    struct gw_up_action up;
    bool any = false;

    while (gw_engine_poll_upstream(w.engine, w.now, GW_UP_CONTROL | GW_UP_DATA,
                                   buf, GW_UP_BUFFER, &up)) {
        struct gw_up_event result = {.kind = GW_UP_RESULT};

        published += up.kind == GW_UP_PUBLISH;
        result.result.token = up.token;
        result.result.granted_qos = up.qos;
        if (up.token != 0)
            gw_engine_on_upstream(w.engine, &result, w.now);
        any = true;
    }
    return any;
}

static bool records(void)
{
    struct gw_store_action action;
    uint64_t ops[OPS];
    size_t n = 0;

    while (gw_engine_poll_store(w.engine, w.now, buf, GW_RECORD_MAX, &action))
        ops[n++] = action.op;
    for (size_t i = 0; i < n; i++)
        gw_engine_on_stored(w.engine, ops[i], true, w.now);
    return n > 0;
}

static void settle(void)
{
    struct gw_note note;
    bool more = true;

    while (more) {
        more = datagrams();
        more |= actions();
        more |= records();
        while (gw_engine_poll_note(w.engine, &note))
            ;
    }
}

static void until(mqttsn_ms time)
{
    mqttsn_ms due;

    while ((due = gw_engine_next_deadline(w.engine)) <= time) {
        w.now = due > w.now ? due : w.now;
        gw_engine_on_deadline(w.engine, w.now);
        settle();
    }
    w.now = time;
}

/* ---- what nodes do ----------------------------------------------------- */

static void say(struct life *life, struct octets o)
{
    send(life, o);
    settle();
}

static uint16_t next_msg(struct life *life)
{
    return life->msg = (uint16_t)(life->msg % 65535 + 1);
}

static void sleep_again(struct life *life)
{
    if (life->sleeps)
        say(life, sn_disconnect(3 * HOUR / 1000));
}

static void arrive(struct life *life)
{
    say(life,
        sn_connect(life->id, 3 * HOUR / 1000, life->clean ? SN_CLEAN : 0));
    say(life,
        sn_subscribe(SN_SUBSCRIBE, SN_QOS2, next_msg(life), life->command));
    say(life, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, next_msg(life), "all/#"));
    sleep_again(life);
}

static void leave(struct life *life)
{
    if (life->sleeps) /* it has to be awake for that */
        say(life, sn_connect(life->id, 60, life->clean ? SN_CLEAN : 0));
    say(life, sn_disconnect(-1));
}

static void come_back(struct life *life)
{
    leave(life);
    life->node.addr.port++; /* as after a boot */
    arrive(life);
}

static void publish(struct life *life)
{
    static const uint8_t flags[] = {SN_QOS0, SN_QOS1, SN_QOS2};
    uint8_t qos = flags[pick(3)];

    wanted++;
    say(life, sn_publish((uint8_t)(qos | SN_SHORT), 0x6161,
                         qos == SN_QOS0 ? 0 : next_msg(life), "21.5"));
}

/* The hour of a node. */
static void wake(struct life *life, unsigned hour)
{
    if (!life->sleeps) {
        say(life, sn_pingreq(NULL));
        if (hour % 2 == 0)
            publish(life);
        return;
    }
    say(life, sn_pingreq(life->id));
    if (hour % 6 != 0)
        return;
    say(life,
        sn_connect(life->id, 3 * HOUR / 1000, life->clean ? SN_CLEAN : 0));
    if (life->clean) /* which has forgotten them */
        arrive(life);
    publish(life);
    sleep_again(life);
}

/* ---- what comes from the broker ---------------------------------------- */

static void message(const char *topic, uint8_t qos, unsigned readers)
{
    static uint16_t packet_id;
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};

    packet_id = (uint16_t)(packet_id % 65535 + 1);
    event.message.topic = mqttsn_span_text(topic);
    event.message.payload = mqttsn_span_text("do it");
    event.message.qos = qos;
    event.message.packet_id = qos != 0 ? packet_id : 0;
    gw_engine_on_upstream(w.engine, &event, w.now);
    commands += readers;
}

static void command(const char *topic, uint8_t qos, unsigned readers)
{
    message(topic, qos, readers);
    settle();
}

static void connection(enum gw_up_event_kind kind, bool remembers)
{
    struct gw_up_event event = {.kind = kind};

    event.connected.session_present = remembers;
    gw_engine_on_upstream(w.engine, &event, w.now);
    settle();
}

/* ---- days -------------------------------------------------------------- */

static void hour(unsigned number)
{
    mqttsn_ms end = w.now + HOUR;

    for (unsigned n = 0; n < NODES / 4; n++) {
        struct life *life = &lives[pick(NODES)];

        command(life->command, (uint8_t)(1 + pick(2)), 1);
    }
    if (number % 24 == 20)
        command("all/news", 1, NODES);
    if (number % 24 == 2) {
        connection(GW_UP_LOST, false);
        until(w.now + 60000);
        connection(GW_UP_CONNECTED, number % 48 == 2);
    }
    for (unsigned i = 0; i < NODES; i++) {
        wake(&lives[i], number + i);
        if (i % 100 == 99)
            until(w.now + 60000);
    }
    for (unsigned n = 0; n < 2; n++)
        come_back(&lives[pick(NODES)]);
    until(end);
}

/* Everybody has taken what waited, and clean sessions have learned the same
 * names as on any other evening. */
static struct gw_usage evening(unsigned number)
{
    struct gw_usage usage;

    for (unsigned i = 0; i < NODES; i++)
        wake(&lives[i], number * 24 + 1);
    gw_engine_usage(w.engine, &usage);
    return usage;
}

static uint64_t counter(const char *name)
{
    uint64_t value = 0;

    assert_true(world_counter(&w, name, &value));
    return value;
}

static void assert_same(const struct gw_usage *a, const struct gw_usage *b)
{
#define SAME(member) assert_int_equal(a->member, b->member)
    SAME(sessions);
    SAME(subscriptions);
    SAME(filters);
    SAME(filter_levels);
    SAME(exchanges);
    SAME(queue_entries);
    SAME(messages);
    SAME(replies);
    SAME(message_bytes);
    SAME(name_bytes);
#undef SAME
    assert_true(a->topics <= 2 * NODES);
}

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void init(void)
{
    commands = delivered = published = wanted = 0;
    world_init(&w);
    w.fail = stop_test;
    w.limits.max_sessions = NODES;
    w.limits.max_topics = 4 * NODES;
    w.limits.max_subscriptions = 4 * NODES;
    w.limits.max_exchanges = 4 * NODES;
    w.limits.max_queue_entries = 40 * NODES;
    w.limits.names_total_bytes = 1024 * 1024;
}

static void start(void)
{
    world_start(&w);
    buf = w.buf;
    gw_engine_usage(w.engine, &at_start);
}

static void populate(unsigned count, bool all_sleep)
{
    for (unsigned i = 0; i < count; i++) {
        struct life *life = &lives[i];
        char ip[32];

        snprintf(ip, sizeof(ip), "10.0.%u.%u", (i + 1) >> 8, (i + 1) & 255);
        *life = (struct life){.node = world_node_at(ip, 2000),
                              .clean = i % 10 == 9,
                              .sleeps = all_sleep || i % 5 != 0};
        snprintf(life->id, sizeof(life->id), "n%u", i);
        snprintf(life->command, sizeof(life->command), "cmd/n%u", i);
        arrive(life);
    }
}

static void everybody_leaves(unsigned count)
{
    struct gw_usage u;

    for (unsigned i = 0; i < count; i++) {
        lives[i].clean = true;
        leave(&lives[i]);
    }
    until(w.now + 20 * 24 * (mqttsn_ms)HOUR);
    gw_engine_usage(w.engine, &u);
    assert_int_equal(u.sessions + u.topics + u.subscriptions + u.filters +
                         u.filter_levels + u.exchanges + u.queue_entries +
                         u.messages + u.replies,
                     0);
    assert_int_equal(u.message_bytes, 0);
    assert_int_equal(u.name_bytes, at_start.name_bytes);
    world_stop(&w);
}

static void a_month_leaves_no_trace(void **unused)
{
    struct gw_usage first, today;

    (void)unused;
    init();
    start();
    populate(NODES, false);
    for (unsigned day = 0; day < DAYS; day++) {
        for (unsigned n = 0; n < 24; n++)
            hour(day * 24 + n);
        today = evening(day);
        if (day == 0)
            first = today;
        assert_same(&today, &first);
    }
    assert_int_equal(today.queue_entries, 0);
    assert_int_equal(counter("down_delivered"), commands);
    assert_true(delivered >= commands);
    assert_int_equal(published, wanted);
    print_message("%llu commands, %llu publishes\n",
                  (unsigned long long)commands, (unsigned long long)wanted);
    everybody_leaves(NODES);
}

/* ---- a million --------------------------------------------------------- */

static uint64_t dropped(void)
{
    return counter("drop_queue_full") + counter("drop_total_full") +
           counter("drop_fair_share") + counter("drop_table_full");
}

static void a_million_messages_for_sleepers_are_accounted_for(void **unused)
{
    struct gw_usage usage;

    (void)unused;
    init();
    w.limits.queue_total_bytes = 256 * 1024;
    w.limits.max_queue_entries = 40 * SLEEPERS;
    w.options.client.queue_max_messages = 64;
    w.options.sleep_buffer_qos0 = true;
    start();
    populate(SLEEPERS, true);
    for (unsigned n = 0; n < MILLION; n++) {
        /* As the shell does: no more while the store is behind. */
        if (gw_engine_is_behind(w.engine))
            settle();
        message(lives[pick(SLEEPERS)].command, (uint8_t)pick(3), 1);
        gw_engine_usage(w.engine, &usage);
        assert_true(usage.message_bytes <= w.limits.queue_total_bytes);
        assert_true(usage.queue_entries <= w.limits.max_queue_entries);
    }
    settle();
    gw_engine_usage(w.engine, &usage);
    assert_int_equal(dropped() + usage.queue_entries, MILLION);
    for (unsigned i = 0; i < SLEEPERS; i++)
        say(&lives[i], sn_pingreq(lives[i].id));
    assert_int_equal(dropped() + counter("down_delivered"), MILLION);
    print_message("%llu delivered, the others dropped and counted\n",
                  (unsigned long long)counter("down_delivered"));
    everybody_leaves(SLEEPERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_leaves_no_trace),
        cmocka_unit_test(a_million_messages_for_sleepers_are_accounted_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
