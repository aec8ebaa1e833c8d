/* SPDX-License-Identifier: MIT */
/*
 * Records that are whole and wrong: each field, by itself, outside of what it
 * may say. The records are written here by the layout in core/records.h, and
 * begin as good ones.
 */
#include <stdlib.h>

#include "check.h"

#include "engine.h"

enum { START = 1000000, RECORD = 70000, LONG = 2001 };

/* Everything that a record may hold; each kind takes what it has. */
struct fields {
    uint32_t owner, item;
    uint8_t version, state, flags, family, qos, type;
    uint16_t topic_id;
    uint32_t message; /* of QUEUED: which one */
    size_t node_len, id_len, topic_len, rest_len;
    char topic_octet;
};

struct writer {
    uint8_t data[RECORD];
    size_t len;
};

static void put(struct writer *w, uint64_t value, unsigned octets)
{
    while (octets-- > 0)
        w->data[w->len++] = (uint8_t)(value >> (8 * octets));
}

static void fill(struct writer *w, char octet, size_t len)
{
    memset(w->data + w->len, octet, len);
    w->len += len;
}

static void text(struct writer *w, char octet, size_t len)
{
    put(w, len, 2);
    fill(w, octet, len);
}

static void write_session(struct writer *w, const struct fields *f)
{
    put(w, f->state, 1);
    put(w, f->flags, 1);
    put(w, 60, 2);  /* keepalive */
    put(w, 300, 2); /* sleep */
    put(w, 5, 2);   /* next topic id */
    put(w, 5, 2);   /* next MsgId */
    put(w, 3, 4);   /* next subscription */
    put(w, 3, 4);   /* next place */
    put(w, 1, 4);   /* connection */
    put(w, f->family, 1);
    put(w, 2000, 2);
    put(w, 0, 4);      /* scope */
    fill(w, '\n', 16); /* ip */
    put(w, 0, 2);      /* listener */
    fill(w, '\0', 16); /* local ip */
    text(w, 'c', f->id_len);
    text(w, 'w', f->node_len);
}

static void write_exchange(struct writer *w, const struct fields *f)
{
    put(w, f->flags, 1);
    put(w, f->qos, 1);
    put(w, 0, 1); /* topic type */
    put(w, 7, 2); /* MsgId */
    put(w, f->topic_id, 2);
    put(w, 99, 8); /* hash */
    put(w, 1, 4);  /* session number */
    put(w, 0, 4);  /* place */
    put(w, 0, 8);  /* age */
    text(w, 'c', f->id_len);
    text(w, f->topic_octet, f->topic_len);
    fill(w, 'x', f->rest_len);
}

static enum mqttsn_status give(struct gw_engine *engine, uint8_t kind,
                               const struct fields *f)
{
    static struct writer w;
    enum mqttsn_status status;
    uint8_t *copy;

    w.len = 0;
    put(&w, f->version, 1);
    switch ((enum gw_record_kind)kind) {
    case GW_RECORD_SESSION:
        write_session(&w, f);
        break;
    case GW_RECORD_WILL:
        put(&w, f->flags, 1);
        put(&w, f->qos, 1);
        text(&w, f->topic_octet, f->topic_len);
        fill(&w, 'x', f->rest_len);
        break;
    case GW_RECORD_TOPIC:
        put(&w, f->flags, 1);
        put(&w, 1, 4); /* announced */
        fill(&w, f->topic_octet, f->topic_len);
        break;
    case GW_RECORD_SUBSCRIPTION:
        put(&w, f->type, 1);
        put(&w, f->qos, 1);
        put(&w, f->topic_id, 2);
        fill(&w, f->topic_octet, f->topic_len);
        break;
    case GW_RECORD_MESSAGE:
        put(&w, 0, 1);
        put(&w, 0, 4);
        put(&w, 0, 8);
        text(&w, f->topic_octet, f->topic_len);
        fill(&w, 'x', f->rest_len);
        break;
    case GW_RECORD_QUEUED:
        put(&w, f->message, 4);
        put(&w, f->qos, 1);
        put(&w, f->flags, 1);
        put(&w, 0, 2);
        put(&w, 0, 1);
        break;
    case GW_RECORD_EXCHANGE:
        write_exchange(&w, f);
        break;
    case GW_RECORD_FILTER:
        fill(&w, f->topic_octet, f->topic_len);
        break;
    }
    copy = malloc(w.len);
    assert_non_null(copy);
    memcpy(copy, w.data, w.len);
    status = gw_engine_restore(engine, kind, f->owner, f->item,
                               mqttsn_span(copy, w.len), START);
    free(copy);
    return status;
}

static struct fields good(uint8_t kind)
{
    struct fields f = {.owner = 1,
                       .version = 1,
                       .family = 4,
                       .id_len = 2,
                       .topic_octet = 't',
                       .topic_len = 3,
                       .rest_len = 4};

    switch ((enum gw_record_kind)kind) {
    case GW_RECORD_SESSION:
        f.state = GW_ASLEEP;
        f.flags = 2 | 4; /* known, bound */
        break;
    case GW_RECORD_WILL:
        f.flags = 1 | 2; /* topic, message */
        break;
    case GW_RECORD_TOPIC:
    case GW_RECORD_SUBSCRIPTION:
        f.item = 1;
        f.topic_id = 1;
        break;
    case GW_RECORD_MESSAGE:
        f.owner = 0;
        f.item = 1;
        break;
    case GW_RECORD_QUEUED:
        f.item = 1;
        f.message = 1;
        f.qos = 1;
        break;
    case GW_RECORD_EXCHANGE:
        f.owner = 0;
        f.item = 1;
        f.qos = 1;
        f.flags = 16; /* attached */
        break;
    case GW_RECORD_FILTER:
        f.owner = 0;
        f.item = 1;
        break;
    }
    return f;
}

static const uint8_t kinds[] = {GW_RECORD_SESSION,  GW_RECORD_WILL,
                                GW_RECORD_TOPIC,    GW_RECORD_SUBSCRIPTION,
                                GW_RECORD_MESSAGE,  GW_RECORD_QUEUED,
                                GW_RECORD_EXCHANGE, GW_RECORD_FILTER};

/* An engine with what a record of that kind refers to. */
static struct gw_engine *engine_before(uint8_t kind)
{
    static const uint8_t seed[16] = {3};
    struct gw_engine *engine = NULL;
    struct gw_limits limits;
    struct gw_options options;

    gw_limits_default(&limits);
    limits.max_sessions = limits.max_topics = limits.max_subscriptions = 16;
    limits.max_exchanges = limits.max_queue_entries = 16;
    limits.max_predefined = 1;
    limits.queue_total_bytes = limits.uplink_total_bytes = 200000;
    limits.names_total_bytes = 100000;
    gw_options_default(&options);
    assert_int_equal(gw_engine_new(&limits, &options, seed, START, &engine),
                     MQTTSN_OK);
    if (kind == GW_RECORD_QUEUED) {
        struct fields f = good(GW_RECORD_MESSAGE);

        assert_int_equal(give(engine, GW_RECORD_MESSAGE, &f), MQTTSN_OK);
    }
    if (kind != GW_RECORD_SESSION) {
        struct fields f = good(GW_RECORD_SESSION);

        assert_int_equal(give(engine, GW_RECORD_SESSION, &f), MQTTSN_OK);
    }
    return engine;
}

static void assert_same_usage(const struct gw_usage *a,
                              const struct gw_usage *b)
{
    assert_int_equal(a->sessions, b->sessions);
    assert_int_equal(a->topics, b->topics);
    assert_int_equal(a->subscriptions, b->subscriptions);
    assert_int_equal(a->filters, b->filters);
    assert_int_equal(a->exchanges, b->exchanges);
    assert_int_equal(a->queue_entries, b->queue_entries);
    assert_int_equal(a->messages, b->messages);
    assert_int_equal(a->message_bytes, b->message_bytes);
    assert_int_equal(a->name_bytes, b->name_bytes);
}

/* The record is refused like that, changes nothing, and after it the good one
 * is still taken. */
static void refused(uint8_t kind, struct fields bad, enum mqttsn_status why)
{
    struct gw_engine *engine = engine_before(kind);
    struct fields f = good(kind);
    struct gw_usage before, after;

    gw_engine_usage(engine, &before);
    assert_int_equal(give(engine, kind, &bad), why);
    gw_engine_usage(engine, &after);
    assert_same_usage(&before, &after);
    assert_int_equal(give(engine, kind, &f), MQTTSN_OK);
    gw_engine_restored(engine, START);
    gw_engine_free(engine);
}

#define REFUSED(kind, change)                                                  \
    do {                                                                       \
        struct fields bad = good(GW_RECORD_##kind);                            \
        bad.change;                                                            \
        refused(GW_RECORD_##kind, bad, MQTTSN_EFIELD);                         \
    } while (0)

static void a_version_of_later_days(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fields f = good(kinds[i]);

        f.version = 2;
        refused(kinds[i], f, MQTTSN_EPROTO);
        f.version = 0; /* there never was one */
        refused(kinds[i], f, MQTTSN_EFIELD);
    }
}

static void a_session(void **unused)
{
    (void)unused;
    REFUSED(SESSION, owner = 0);
    REFUSED(SESSION, item = 1);
    REFUSED(SESSION, state = GW_LOST + 1);
    REFUSED(SESSION, family = 5);
    REFUSED(SESSION, id_len = 0);
    REFUSED(SESSION, id_len = LONG);
    REFUSED(SESSION, node_len = 253);
}

static void a_will(void **unused)
{
    (void)unused;
    REFUSED(WILL, item = 1);
    REFUSED(WILL, qos = 3);
    REFUSED(WILL, topic_octet = '#');
    REFUSED(WILL, topic_len = 0);
    REFUSED(WILL, topic_len = GW_NAME_MAX + 1);
    REFUSED(WILL, rest_len = LONG);
}

static void a_topic(void **unused)
{
    (void)unused;
    REFUSED(TOPIC, item = 0);
    REFUSED(TOPIC, item = 0xffff);
    REFUSED(TOPIC, item = 2u << 16 | 1);
    REFUSED(TOPIC, topic_octet = '+');
    REFUSED(TOPIC, topic_len = 0);
    REFUSED(TOPIC, topic_len = GW_NAME_MAX + 1);
}

static void a_subscription(void **unused)
{
    (void)unused;
    REFUSED(SUBSCRIPTION, item = 0);
    REFUSED(SUBSCRIPTION, type = 3);
    REFUSED(SUBSCRIPTION, qos = 3);
    REFUSED(SUBSCRIPTION, topic_len = 0);
    REFUSED(SUBSCRIPTION, topic_octet = '#'); /* "###" */
    REFUSED(SUBSCRIPTION, topic_len = GW_NAME_MAX + 1);
}

static void a_message(void **unused)
{
    (void)unused;
    REFUSED(MESSAGE, owner = 1);
    REFUSED(MESSAGE, item = 0);
    REFUSED(MESSAGE, topic_len = LONG);
    REFUSED(MESSAGE, topic_octet = '#');
    REFUSED(MESSAGE, rest_len = 65536);
}

static void a_place_in_a_queue(void **unused)
{
    struct fields f = good(GW_RECORD_QUEUED);

    (void)unused;
    REFUSED(QUEUED, item = 0);
    REFUSED(QUEUED, qos = 3);
    f.message = 0; /* no message has that number */
    refused(GW_RECORD_QUEUED, f, MQTTSN_ENOTFOUND);
}

static void an_exchange(void **unused)
{
    (void)unused;
    REFUSED(EXCHANGE, owner = 1);
    REFUSED(EXCHANGE, item = 0);
    REFUSED(EXCHANGE, qos = 0);
    REFUSED(EXCHANGE, qos = 3);
    REFUSED(EXCHANGE, topic_len = GW_NAME_MAX + 1);
    REFUSED(EXCHANGE, topic_octet = '#');
    REFUSED(EXCHANGE, rest_len = 65536);
    REFUSED(EXCHANGE, id_len = LONG);
    REFUSED(EXCHANGE, flags = 1 | 16); /* done, and of QoS 1 */
    REFUSED(EXCHANGE, flags = 1);      /* done, for nobody */
}

static void a_filter(void **unused)
{
    (void)unused;
    REFUSED(FILTER, owner = 1);
    REFUSED(FILTER, topic_len = 0);
    REFUSED(FILTER, topic_octet = '#');
    REFUSED(FILTER, topic_len = GW_NAME_MAX + 1);
    REFUSED(FILTER, item = 0); /* the sweep has no name */
}

/* A state that no restart can find again becomes the nearest one. */
static void states_that_do_not_outlive_the_gateway(void **unused)
{
    static const struct {
        enum gw_state was;
        uint8_t flags; /* clean 1, known 2 */
        bool stays;
        enum gw_state is;
    } rows[] = {
        {GW_AWAKE, 2, true, GW_ASLEEP},
        {GW_ASLEEP, 2, true, GW_ASLEEP},
        {GW_ACTIVE, 2, true, GW_ACTIVE},
        {GW_HALF_OPEN, 2, true, GW_DISCONNECTED},
        {GW_HALF_OPEN, 0, false, GW_LOST},
        {GW_DISCONNECTED, 1 | 2, false, GW_LOST},
        {GW_LOST, 1 | 2, false, GW_LOST},
        {GW_LOST, 2, true, GW_LOST},
        {GW_ACTIVE, 1 | 2, true, GW_ACTIVE},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_engine *engine = engine_before(GW_RECORD_SESSION);
        struct fields f = good(GW_RECORD_SESSION);
        struct gw_session_info info;
        uint32_t cursor = 0;

        f.state = (uint8_t)rows[i].was;
        f.flags = rows[i].flags | 4;
        assert_int_equal(give(engine, GW_RECORD_SESSION, &f), MQTTSN_OK);
        gw_engine_restored(engine, START);
        assert_int_equal(gw_engine_visit(engine, &cursor, 1, &info),
                         rows[i].stays ? 1 : 0);
        if (rows[i].stays)
            assert_int_equal(info.state, rows[i].is);
        gw_engine_free(engine);
    }
}

static void addresses_of_each_family(void **unused)
{
    static const uint8_t families[] = {0, 4, 6};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct gw_engine *engine = engine_before(GW_RECORD_SESSION);
        struct fields f = good(GW_RECORD_SESSION);
        struct gw_session_info info;
        uint32_t cursor = 0;

        f.family = families[i];
        assert_int_equal(give(engine, GW_RECORD_SESSION, &f), MQTTSN_OK);
        gw_engine_restored(engine, START);
        assert_int_equal(gw_engine_visit(engine, &cursor, 1, &info), 1);
        assert_int_equal(info.addr.family, families[i]);
        gw_engine_free(engine);
    }
}

static void the_last_number_of_a_message(void **unused)
{
    struct gw_engine *engine = engine_before(GW_RECORD_MESSAGE);
    struct fields f = good(GW_RECORD_MESSAGE);
    struct fields queued = good(GW_RECORD_QUEUED);

    (void)unused;
    f.item = queued.message = UINT32_MAX;
    assert_int_equal(give(engine, GW_RECORD_MESSAGE, &f), MQTTSN_OK);
    assert_int_equal(give(engine, GW_RECORD_QUEUED, &queued), MQTTSN_OK);
    f.item = 1; /* nothing comes behind the last one */
    assert_int_equal(give(engine, GW_RECORD_MESSAGE, &f), MQTTSN_EFIELD);
    gw_engine_restored(engine, START);
    gw_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_of_later_days),
        cmocka_unit_test(a_session),
        cmocka_unit_test(a_will),
        cmocka_unit_test(a_topic),
        cmocka_unit_test(a_subscription),
        cmocka_unit_test(a_message),
        cmocka_unit_test(a_place_in_a_queue),
        cmocka_unit_test(an_exchange),
        cmocka_unit_test(a_filter),
        cmocka_unit_test(addresses_of_each_family),
        cmocka_unit_test(the_last_number_of_a_message),
        cmocka_unit_test(states_that_do_not_outlive_the_gateway),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
