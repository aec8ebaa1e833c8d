/* SPDX-License-Identifier: MIT */
/* Records through the door of the engine: what one engine had kept, another
 * is given back, whole or damaged. */
#include "engine.h"

#include <stdlib.h>

#include "check.h"

enum { RECORDS_MAX = 64, NODES = 3, START = 1000000 };

struct record {
    uint8_t kind;
    uint32_t owner, item;
    size_t len;
    uint8_t *data;
};

struct fixture {
    struct gw_engine *engine;
    mqttsn_ms now;
    bool broker_answers;
    struct record records[RECORDS_MAX];
    size_t count;
};

static uint8_t scratch[GW_RECORD_MAX + GW_UP_BUFFER];

static struct gw_engine *new_engine(uint32_t max_sessions, uint8_t seed_octet)
{
    static const struct gw_listener_options listener = {.max_datagram = 1024,
                                                        .forwarders_any = true};
    uint8_t seed[16] = {seed_octet};
    struct gw_limits limits;
    struct gw_options options;
    struct gw_engine *engine = NULL;

    gw_limits_default(&limits);
    limits.max_sessions = max_sessions;
    limits.max_topics = limits.max_subscriptions = 32;
    limits.max_exchanges = limits.max_queue_entries = 32;
    limits.max_predefined = 4;
    limits.queue_total_bytes = limits.uplink_total_bytes = 64 * 1024;
    limits.names_total_bytes = 64 * 1024;
    gw_options_default(&options);
    options.overlapping = GW_OVERLAPPING_ONE;
    options.listeners = &listener;
    options.listener_count = 1;
    assert_int_equal(gw_engine_new(&limits, &options, seed, START, &engine),
                     MQTTSN_OK);
    return engine;
}

/* ---- the store ------------------------------------------------------------
 */

static void remove_record(struct fixture *f, size_t at)
{
    free(f->records[at].data);
    f->records[at] = f->records[--f->count];
}

static void keep(struct fixture *f, const struct gw_store_action *action)
{
    for (size_t i = f->count; i-- > 0;) {
        const struct record *r = &f->records[i];

        if (r->owner == action->owner &&
            (action->verb == GW_STORE_FORGET_OWNER ||
             (r->kind == action->kind && r->item == action->item)))
            remove_record(f, i);
    }
    if (action->verb != GW_STORE_KEEP)
        return;
    assert_true(f->count < RECORDS_MAX);
    f->records[f->count] =
        (struct record){action->kind, action->owner, action->item, action->len,
                        malloc(action->len)};
    assert_non_null(f->records[f->count].data);
    memcpy(f->records[f->count++].data, scratch, action->len);
}

static int in_order(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* ---- driving an engine ------------------------------------------------------
 */

static void pump(struct fixture *f)
{
    struct gw_datagram datagram;
    struct gw_up_action up;
    struct gw_store_action store;
    bool more = true;

    while (more) {
        more = false;
        while (gw_engine_poll_datagram(f->engine, f->now, scratch,
                                       sizeof(scratch), &datagram))
            more = true;
        while (gw_engine_poll_upstream(f->engine, f->now,
                                       GW_UP_CONTROL | GW_UP_DATA, scratch,
                                       sizeof(scratch), &up)) {
            struct gw_up_event done = {
                .kind = GW_UP_RESULT, .result = {up.token, GW_UP_DONE, up.qos}};

            more = true;
            if (up.token != 0 &&
                (f->broker_answers || up.kind != GW_UP_PUBLISH))
                gw_engine_on_upstream(f->engine, &done, f->now);
        }
        while (gw_engine_poll_store(f->engine, f->now, scratch, sizeof(scratch),
                                    &store)) {
            more = true;
            keep(f, &store);
            gw_engine_on_stored(f->engine, store.op, true, f->now);
        }
    }
}

/* Node 3 is behind a forwarder. */
static void send(struct fixture *f, uint8_t node, const void *message,
                 size_t len)
{
    static const uint8_t header[] = {0x05, 0xfe, 0x00, 'w', '3'};
    struct gw_addr from = {.ip = {10, 0, 0, node}, .port = 2000, .family = 4};
    struct gw_via via = {.family = 4, .local_ip = {10, 0, 0, 99}};
    uint8_t datagram[128];
    size_t at = 0;

    if (node == 3) {
        memcpy(datagram, header, sizeof(header));
        at = sizeof(header);
    }
    assert_true(at + len <= sizeof(datagram));
    memcpy(datagram + at, message, len);
    gw_engine_on_datagram(f->engine, &from, &via,
                          mqttsn_span(datagram, at + len), f->now);
    pump(f);
}

#define SEND(f, node, literal) send(f, node, literal, sizeof(literal) - 1)

static void message(struct fixture *f, const char *topic, uint8_t qos)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE,
                                .message = {.topic = mqttsn_span_text(topic),
                                            .payload = mqttsn_span("open", 4),
                                            .qos = qos,
                                            .packet_id = 1}};

    gw_engine_on_upstream(f->engine, &event, f->now);
    pump(f);
}

static void connected(struct fixture *f)
{
    struct gw_up_event event = {.kind = GW_UP_CONNECTED};

    gw_engine_on_upstream(f->engine, &event, f->now);
    pump(f);
}

/* An engine that has something of every kind to be kept. */
static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->now = START;
    f->engine = new_engine(8, 1);
    f->broker_answers = true;
    connected(f);
    /* n1 has a will and a topic id, and sleeps while mail arrives. */
    SEND(f, 1, "\x08\x04\x08\x01\x00\x3cn1");
    SEND(f, 1, "\x06\x07\x30w/1");
    SEND(f, 1, "\x06\x09gone");
    SEND(f, 1,
         "\x09\x0a\x00\x00\x00\x01"
         "a/b");
    SEND(f, 1,
         "\x0a\x12\x20\x00\x02"
         "cmd/#");
    SEND(f, 1, "\x04\x18\x01\x2c");
    /* n2 is active, and has PUBREC of one message still to come. */
    SEND(f, 2, "\x08\x04\x00\x01\x00\x3cn2");
    SEND(f, 2,
         "\x0a\x12\x40\x00\x01"
         "cmd/x");
    message(f, "cmd/x", 2);
    message(f, "cmd/y", 1);
    /* The windows for retained messages close. */
    f->now += 2000;
    gw_engine_on_deadline(f->engine, f->now);
    pump(f);
    /* n3, behind a forwarder, has two QoS 2 messages on their way: one that
     * the broker has, one that it has not. */
    SEND(f, 3, "\x08\x04\x00\x01\x00\x3cn3");
    SEND(f, 3,
         "\x08\x0c\x42xy\x00\x05"
         "1");
    f->broker_answers = false;
    SEND(f, 3,
         "\x08\x0c\x42xy\x00\x06"
         "2");
    qsort(f->records, f->count, sizeof(f->records[0]), in_order);
}

static void tear_down(struct fixture *f)
{
    gw_engine_free(f->engine);
    while (f->count > 0)
        remove_record(f, f->count - 1);
}

static enum mqttsn_status give_back(struct gw_engine *engine,
                                    const struct record *r, size_t len)
{
    /* An exact copy: reading behind it is found out. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    enum mqttsn_status status;

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, r->data, len);
    status = gw_engine_restore(engine, r->kind, r->owner, r->item,
                               mqttsn_span(copy, len), START + 2500);
    free(copy);
    return status;
}

static void assert_same_usage(const struct gw_engine *a,
                              const struct gw_engine *b)
{
    struct gw_usage of_a, of_b;

    gw_engine_usage(a, &of_a);
    gw_engine_usage(b, &of_b);
    assert_memory_equal(&of_a, &of_b, sizeof(of_a));
}

/* A second life of 'f', with other secrets and nothing yet. */
static struct fixture reborn(const struct fixture *f)
{
    struct fixture g = {.now = f->now + 500, .broker_answers = true};

    g.engine = new_engine(8, 2);
    return g;
}

/* ---- tests ------------------------------------------------------------------
 */

static void records_of_every_kind_make_the_same_sessions(void **unused)
{
    struct gw_session_info before[NODES + 1], after[NODES + 1];
    uint32_t cursor = 0, other = 0;
    unsigned kinds = 0;
    struct fixture f, g;

    (void)unused;
    set_up(&f);
    g = reborn(&f);
    for (size_t i = 0; i < f.count; i++) {
        kinds |= 1u << f.records[i].kind;
        assert_int_equal(give_back(g.engine, &f.records[i], f.records[i].len),
                         MQTTSN_OK);
    }
    gw_engine_restored(g.engine, g.now);

    assert_int_equal(kinds, 0xfe); /* each of the seven is tried */
    assert_int_equal(gw_engine_visit(f.engine, &cursor, NODES + 1, before),
                     NODES);
    assert_int_equal(gw_engine_visit(g.engine, &other, NODES + 1, after),
                     NODES);
    for (size_t i = 0; i < NODES; i++) {
        assert_true(mqttsn_span_equal(before[i].client_id, after[i].client_id));
        assert_int_equal(before[i].state, after[i].state);
        assert_true(gw_addr_equal(&before[i].addr, &after[i].addr));
        assert_int_equal(before[i].duration_s, after[i].duration_s);
        assert_int_equal(before[i].topics, after[i].topics);
        assert_int_equal(before[i].subscriptions, after[i].subscriptions);
        assert_int_equal(before[i].queue_messages, after[i].queue_messages);
        assert_int_equal(before[i].queue_bytes, after[i].queue_bytes);
        assert_int_equal(before[i].exchanges, after[i].exchanges);
        assert_int_equal(before[i].clean_session, after[i].clean_session);
        assert_int_equal(before[i].has_will, after[i].has_will);
    }
    tear_down(&f);
    tear_down(&g);
}

/* Octets below which no record of its kind ends. Behind them is text or a
 * payload that takes all there is, so what is left of it is a record too. */
static size_t least_len(const struct record *r)
{
    switch ((enum gw_record_kind)r->kind) {
    case GW_RECORD_SESSION:
    case GW_RECORD_QUEUED:
        return r->len;
    case GW_RECORD_WILL:
        return 5 + strlen("w/1");
    case GW_RECORD_TOPIC:
        return 2 + 1;
    case GW_RECORD_SUBSCRIPTION:
        return 5 + 1;
    case GW_RECORD_MESSAGE:
        return 16 + strlen("cmd/x");
    case GW_RECORD_EXCHANGE:
        return r->data[1] & 1 ? 36 : 36 + strlen("xy"); /* done, or not */
    case GW_RECORD_FILTER:
        return 2;
    }
    return 0;
}

static void a_record_that_is_cut_or_too_long_changes_nothing(void **unused)
{
    struct fixture f, g, untouched;

    (void)unused;
    set_up(&f);
    g = reborn(&f);
    untouched = reborn(&f);
    for (size_t i = 0; i < f.count; i++) {
        struct record *r = &f.records[i];

        for (size_t len = 0; len < least_len(r); len++)
            assert_int_equal(give_back(g.engine, r, len), MQTTSN_EFIELD);
        if (least_len(r) == r->len && r->kind != GW_RECORD_EXCHANGE) {
            r->data = realloc(r->data, r->len + 1);
            assert_non_null(r->data);
            r->data[r->len] = 0;
            assert_int_equal(give_back(g.engine, r, r->len + 1), MQTTSN_EFIELD);
        }
        assert_same_usage(g.engine, untouched.engine);
        assert_int_equal(give_back(g.engine, r, r->len), MQTTSN_OK);
        assert_int_equal(give_back(untouched.engine, r, r->len), MQTTSN_OK);
    }
    tear_down(&f);
    tear_down(&g);
    tear_down(&untouched);
}

static void a_record_comes_once_and_in_its_turn(void **unused)
{
    struct fixture f, g;

    (void)unused;
    set_up(&f);
    g = reborn(&f);
    for (size_t i = 0; i < f.count; i++) {
        const struct record *r = &f.records[i];

        /* Before its session, or its message. */
        if (r->kind != GW_RECORD_SESSION && r->kind != GW_RECORD_MESSAGE) {
            struct fixture h = reborn(&f);

            assert_int_equal(give_back(h.engine, r, r->len), MQTTSN_ENOTFOUND);
            tear_down(&h);
        }
        assert_int_equal(give_back(g.engine, r, r->len), MQTTSN_OK);
        if (r->kind == GW_RECORD_SESSION || r->kind == GW_RECORD_TOPIC ||
            r->kind == GW_RECORD_SUBSCRIPTION || r->kind == GW_RECORD_MESSAGE ||
            r->kind == GW_RECORD_EXCHANGE)
            assert_int_equal(give_back(g.engine, r, r->len), MQTTSN_EFIELD);
    }
    tear_down(&f);
    tear_down(&g);
}

/* Whatever a damaged record is taken for, the engine goes on with it. */
static void a_damaged_record_does_no_harm(void **unused)
{
    static const uint8_t damage[] = {0x01, 0x80, 0xff};
    struct fixture f;

    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < f.count; i++) {
        struct record *r = &f.records[i];

        for (size_t at = 0; at < r->len * ARRAY_LEN(damage); at++) {
            uint8_t *octet = &r->data[at / ARRAY_LEN(damage)];
            uint8_t was = *octet;
            struct fixture g = reborn(&f);

            *octet ^= damage[at % ARRAY_LEN(damage)];
            for (size_t k = 0; k < f.count; k++)
                (void)!give_back(g.engine, &f.records[k], f.records[k].len);
            *octet = was;
            gw_engine_restored(g.engine, g.now);
            connected(&g);
            SEND(&g, 1, "\x04\x16n1");
            message(&g, "cmd/x", 2);
            for (int k = 0; k < 40; k++) {
                g.now = gw_engine_next_deadline(g.engine);
                if (g.now == MQTTSN_NEVER)
                    break;
                gw_engine_on_deadline(g.engine, g.now);
                pump(&g);
            }
            tear_down(&g);
        }
    }
    tear_down(&f);
}

static void a_kind_or_version_of_later_days_is_refused(void **unused)
{
    struct fixture f, g;
    struct record later;

    (void)unused;
    set_up(&f);
    g = reborn(&f);
    later = f.records[0];
    later.kind = 99;
    assert_int_equal(give_back(g.engine, &later, later.len), MQTTSN_EPROTO);
    f.records[0].data[0]++;
    assert_int_equal(give_back(g.engine, &f.records[0], f.records[0].len),
                     MQTTSN_EPROTO);
    f.records[0].data[0] = 0; /* there never was such a version */
    assert_int_equal(give_back(g.engine, &f.records[0], f.records[0].len),
                     MQTTSN_EFIELD);
    tear_down(&f);
    tear_down(&g);
}

static void more_sessions_than_there_is_room_for_are_refused(void **unused)
{
    struct gw_engine *small;
    struct gw_usage usage;
    struct fixture f;

    (void)unused;
    set_up(&f);
    small = new_engine(2, 2);
    for (size_t i = 0; i < f.count; i++) {
        const struct record *r = &f.records[i];

        if (r->kind == GW_RECORD_SESSION)
            assert_int_equal(give_back(small, r, r->len),
                             i < 2 ? MQTTSN_OK : MQTTSN_ENOSPACE);
    }
    gw_engine_usage(small, &usage);
    assert_int_equal(usage.sessions, 2);
    gw_engine_free(small);
    tear_down(&f);
}

static void messages_that_nobody_waits_for_are_forgotten(void **unused)
{
    struct gw_usage usage;
    struct fixture f, g;
    size_t messages = 0;

    (void)unused;
    set_up(&f);
    g = reborn(&f);
    for (size_t i = 0; i < f.count; i++) {
        const struct record *r = &f.records[i];

        messages += r->kind == GW_RECORD_MESSAGE;
        if (r->kind != GW_RECORD_QUEUED && r->kind != GW_RECORD_EXCHANGE)
            assert_int_equal(give_back(g.engine, r, r->len), MQTTSN_OK);
    }
    assert_int_equal(messages, 2);
    gw_engine_usage(g.engine, &usage);
    assert_int_equal(usage.messages, 2);
    gw_engine_restored(g.engine, g.now);

    gw_engine_usage(g.engine, &usage);
    assert_int_equal(usage.messages, 0);
    assert_int_equal(usage.message_bytes, 0);
    for (size_t i = 0; i < messages; i++) {
        struct gw_store_action action;

        assert_true(gw_engine_poll_store(g.engine, g.now, scratch,
                                         sizeof(scratch), &action));
        assert_int_equal(action.verb, GW_STORE_FORGET);
        assert_int_equal(action.kind, GW_RECORD_MESSAGE);
    }
    tear_down(&f);
    tear_down(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_every_kind_make_the_same_sessions),
        cmocka_unit_test(a_record_that_is_cut_or_too_long_changes_nothing),
        cmocka_unit_test(a_record_comes_once_and_in_its_turn),
        cmocka_unit_test(a_damaged_record_does_no_harm),
        cmocka_unit_test(a_kind_or_version_of_later_days_is_refused),
        cmocka_unit_test(more_sessions_than_there_is_room_for_are_refused),
        cmocka_unit_test(messages_that_nobody_waits_for_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
