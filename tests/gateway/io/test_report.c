/* SPDX-License-Identifier: MIT */
/* Reports of an engine with nodes. What they say is compared as text; that it
 * is JSON is seen where another program reads it. */
#include "io/report.h"

#include <stdlib.h>

#include "check.h"
#include "io/events.h"

#include "broker.h"
#include "world.h"

struct fixture {
    struct world w;
    struct broker broker;
    struct gw_events events;
    struct gw_config *config;
    struct gw_report_source source;
    struct gw_report_query query;
    char buf[GW_REPORT_ROOM + 1];
};

static struct fixture fx;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void complain(void *user, const struct gw_config_problem *problem)
{
    (void)user;
    print_message("    %s: %s\n", problem->key, problem->text);
}

/* Any configuration, with a name of our own for the gateway. */
static struct gw_config *configure(void)
{
    static const char *const set[] = {
        "gateway.name=kitchen", "listener.lan.bind=127.0.0.1:0",
        "upstream.url=mqtt://b1, mqtts://[::1]:99", "upstream.client_id=me"};
    struct gw_config_sources sources = {
        .file = "/dev/null", .set = set, .set_count = ARRAY_LEN(set)};
    struct gw_config *config = NULL;

    assert_int_equal(gw_config_load(&sources, complain, NULL, &config),
                     MQTTSN_OK);
    return config;
}

static void begin(void)
{
    memset(&fx, 0, sizeof(fx));
    world_init(&fx.w);
    fx.w.fail = stop_test;
    broker_init(&fx.broker);
    fx.w.broker = &fx.broker;
    fx.config = configure();
    gw_report_query_init(&fx.query);
}

static void start(void)
{
    world_start(&fx.w);
    fx.source = (struct gw_report_source){
        .engine = fx.w.engine,
        .config = fx.config,
        .events = &fx.events,
        .upstream = {.connected = true, .since = fx.w.now, .connects = 1},
        .started = fx.w.now,
    };
}

static void end(void)
{
    world_stop(&fx.w);
    gw_config_free(fx.config);
}

static const char *report(enum gw_report which)
{
    struct mqttsn_span text;

    fx.source.now = fx.w.now;
    assert_int_equal(gw_report_write(&fx.source, which, &fx.query, fx.buf,
                                     GW_REPORT_ROOM, &text),
                     MQTTSN_OK);
    fx.buf[text.len] = '\0';
    return fx.buf;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no %s in %s", part, text);
}

static void connect_node(unsigned k, const char *id)
{
    struct node n = world_node(k);

    world_send(&fx.w, &n, sn_connect(id, 900, 0));
    world_forget_outputs(&fx.w);
}

static void set(const char *key, const char *value)
{
    assert_true(gw_report_query_set(&fx.query, key, mqttsn_span_text(value)));
}

static void a_client_is_one_row(void **unused)
{
    struct node n1 = world_node(1);

    (void)unused;
    begin();
    start();
    connect_node(1, "n\"7");
    world_send(&fx.w, &n1, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 1, "cmd/#"));
    world_send(&fx.w, &n1, sn_register(0, 2, "a/b"));
    world_until(&fx.w, fx.w.now + 10000);
    world_send(&fx.w, &n1, sn_disconnect(900));
    broker_publish(&fx.broker, &fx.w, "cmd/x", "123", 1, false);
    world_until(&fx.w, fx.w.now + 240000);

    assert_string_equal(
        report(GW_REPORT_CLIENTS),
        "{\"clients\":[{\"client\":\"n\\\"7\",\"state\":\"asleep\","
        "\"state_s\":240,\"address\":\"10.0.0.1:20001\",\"listener\":\"lan\","
        "\"heard_s\":240,\"duration_s\":900,\"due_s\":660,\"ends_s\":750,"
        "\"topics\":1,\"subscriptions\":1,\"queue_messages\":1,"
        "\"queue_bytes\":64,\"queue_oldest_s\":240,\"requests\":0,"
        "\"uplink_waiting\":0,\"clean\":false,\"will\":false}]}");

    CASE("in detail");
    set("client", "n\"7");
    report(GW_REPORT_CLIENT);
    assert_has(fx.buf, "\"topic_list\":[{\"client\":\"n\\\"7\",\"id\":1,"
                       "\"type\":\"normal\",\"topic\":\"a/b\",\"known\":true,"
                       "\"refused\":false}],"
                       "\"subscription_list\":[{\"client\":\"n\\\"7\","
                       "\"filter\":\"cmd/#\",\"qos\":1,\"granted\":true,"
                       "\"fixed\":false}],"
                       "\"queue_list\":[{\"topic\":\"cmd/x\","
                       "\"payload_bytes\":3,\"qos\":1,\"retain\":false,"
                       "\"age_s\":240,\"sent\":false,\"failed_wakes\":0}]}");
    CASE("its queue");
    assert_has(report(GW_REPORT_QUEUE),
               "{\"client\":\"n\\\"7\",\"queue_messages\":1,"
               "\"queue_bytes\":64,\"queue\":[{\"topic\":\"cmd/x\",");
    assert_null(strstr(fx.buf, "123"));

    CASE("overdue");
    world_until(&fx.w, fx.w.now + 700000);
    assert_has(report(GW_REPORT_CLIENTS), "\"due_s\":-40,\"ends_s\":50,");
    end();
}

static void a_client_behind_a_forwarder_has_its_node_id(void **unused)
{
    struct node behind = world_node_behind(world_node(1), "\x00\xaf", 2);

    (void)unused;
    begin();
    world_listener(&fx.w, (struct gw_listener_options){.port = 1883,
                                                       .max_datagram = 1024,
                                                       .forwarders_any = true});
    start();
    world_send(&fx.w, &behind, sn_connect("w1", 60, 0));
    assert_has(report(GW_REPORT_CLIENTS), "\"node_id\":\"00af\"");
    end();
}

static void clients_come_in_pages(void **unused)
{
    enum { NODES = 5 };
    struct node n2 = world_node(2);
    unsigned seen = 0;

    (void)unused;
    begin();
    start();
    for (unsigned i = 1; i <= NODES; i++) {
        char id[8];

        snprintf(id, sizeof(id), "n%u", i);
        connect_node(i, id);
    }
    set("limit", "2");
    for (;;) {
        const char *at = report(GW_REPORT_CLIENTS), *next;

        for (; (at = strstr(at, "{\"client\":")) != NULL; at++)
            seen++;
        next = strstr(fx.buf, "\"next\":");
        if (next == NULL)
            break;
        fx.query.cursor = strtoul(next + 7, NULL, 10);
    }
    assert_int_equal(seen, NODES);

    CASE("of one state");
    world_send(&fx.w, &n2, sn_disconnect(60));
    fx.query.cursor = 0;
    set("state", "asleep");
    assert_has(report(GW_REPORT_CLIENTS), "{\"clients\":[{\"client\":\"n2\"");
    assert_null(strstr(fx.buf, "\"next\""));
    set("state", "lost");
    assert_string_equal(report(GW_REPORT_CLIENTS), "{\"clients\":[]}");
    end();
}

/* 36 KB of names do not fit 32. */
static void a_page_ends_where_the_buffer_does(void **unused)
{
    enum { NAMES = 40, LONG = 900 };
    struct node n1 = world_node(1);
    char small[GW_REPORT_MIN];
    unsigned seen = 0, pages = 0;

    (void)unused;
    begin();
    start();
    connect_node(1, "n1");
    for (unsigned i = 0; i < NAMES; i++) {
        char name[LONG + 1];

        memset(name, 'x', LONG);
        name[LONG] = '\0';
        snprintf(name, 8, "%u", i);
        name[strlen(name)] = 'x';
        world_send(&fx.w, &n1, sn_register(0, (uint16_t)(i + 1), name));
        world_forget_outputs(&fx.w);
    }
    set("client", "n1");
    for (;;) {
        struct mqttsn_span text;
        const char *next;

        assert_int_equal(gw_report_write(&fx.source, GW_REPORT_TOPICS,
                                         &fx.query, small, sizeof(small) - 1,
                                         &text),
                         MQTTSN_OK);
        small[text.len] = '\0';
        pages++;
        for (const char *at = small; (at = strstr(at, "{\"client\":")) != NULL;
             at++)
            seen++;
        next = strstr(small, "\"next\":");
        if (next == NULL)
            break;
        fx.query.cursor = strtoul(next + 7, NULL, 10);
    }
    assert_int_equal(seen, NAMES);
    assert_true(pages > 1);
    end();
}

static void topics_and_subscriptions_of_all_clients(void **unused)
{
    struct node n1 = world_node(1), n2 = world_node(2);

    (void)unused;
    begin();
    world_predefine(&fx.w, NULL, 9, "p", false);
    start();
    connect_node(1, "n1");
    connect_node(2, "n2");
    world_send(&fx.w, &n1, sn_register(0, 1, "a"));
    world_send(&fx.w, &n2, sn_publish(SN_PREDEFINED, 9, 0, "x"));
    world_send(&fx.w, &n2, sn_subscribe(SN_SUBSCRIBE, 0, 1, "b"));
    assert_has(report(GW_REPORT_TOPICS), "{\"client\":\"n1\",\"id\":1,");
    assert_has(fx.buf, "{\"client\":\"n2\",\"id\":9,\"type\":\"predefined\","
                       "\"topic\":\"p\",");
    assert_has(report(GW_REPORT_SUBSCRIPTIONS),
               "{\"subscriptions\":[{\"client\":\"n2\",\"filter\":\"b\",");
    set("client", "n1");
    assert_string_equal(report(GW_REPORT_SUBSCRIPTIONS),
                        "{\"subscriptions\":[]}");
    end();
}

static void the_status_has_sums_and_every_counter(void **unused)
{
    static const char *const counters[] = {
#define NAME(name, text) "\"" #name "\":",
        GW_COUNTER_MAP(NAME)
#undef NAME
    };
    struct node n2 = world_node(2);

    (void)unused;
    begin();
    start();
    connect_node(1, "n1");
    connect_node(2, "n2");
    world_send(&fx.w, &n2, sn_disconnect(60));
    world_until(&fx.w, fx.w.now + 3000);
    fx.source.upstream.endpoint = 1;
    report(GW_REPORT_STATUS);
    assert_has(fx.buf, "{\"name\":\"kitchen\",\"gateway_id\":1,");
    assert_has(fx.buf, "\"uptime_s\":3,\"mode\":\"aggregating\","
                       "\"ready\":true,\"clients\":{\"total\":2,"
                       "\"disconnected\":0,\"connecting\":0,\"active\":1,"
                       "\"asleep\":1,\"awake\":0,\"lost\":0}");
    assert_has(fx.buf, "\"upstream\":{\"connected\":true,\"since_s\":3,"
                       "\"url\":\"mqtts://[::1]:99\",\"client_id\":\"me\","
                       "\"connects\":1,\"losses\":0,\"failures\":0,"
                       "\"state\":\"up\",\"in_flight\":0,\"window\":50,"
                       "\"waiting\":0}");
    assert_has(fx.buf, "\"store\":{\"type\":\"memory\",\"fails\":false}");
    assert_has(fx.buf, "\"sessions\":{\"used\":2,\"max\":10000}");
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        assert_has(fx.buf, counters[i]);
    assert_has(fx.buf, "\"connects_accepted\":2");

    CASE("not ready");
    fx.source.store_fails = true;
    assert_has(report(GW_REPORT_STATUS),
               "\"ready\":false,\"not_ready\":\"store\"");
    fx.source.upstream.connected = false;
    assert_has(report(GW_REPORT_STATUS),
               "\"ready\":false,\"not_ready\":\"upstream\"");
    assert_int_equal(gw_report_lacks(&fx.source),
                     GW_LACKS_UPSTREAM | GW_LACKS_STORE);
    assert_null(strstr(fx.buf, "\"url\""));
    end();
}

static void the_upstream_has_its_brokers_and_connections(void **unused)
{
    struct gw_up_event up = {.kind = GW_UP_CONNECTED, .connection = 1};

    (void)unused;
    begin();
    fx.w.broker = NULL;
    fx.w.options.mode = GW_MODE_TRANSPARENT;
    start();
    connect_node(1, "n1");
    gw_engine_on_upstream(fx.w.engine, &up, fx.w.now);
    world_pump(&fx.w);
    report(GW_REPORT_UPSTREAM);
    assert_has(fx.buf, "\"url\":\"mqtt://b1:1883\"");
    assert_has(fx.buf, "\"brokers\":[\"mqtt://b1:1883\",\"mqtts://[::1]:99\"]");
    assert_has(fx.buf, "\"nodes\":[{\"client\":\"n1\",\"state\":\"up\","
                       "\"in_flight\":0,\"window\":50,\"waiting\":0}]}");
    end();
}

static void events_go_on_where_one_has_stopped(void **unused)
{
    struct gw_note lost = {
        .kind = GW_NOTE_LOST,
        .addr = {.family = 4, .ip = {10, 0, 0, 1}, .port = 99},
        .value = 60,
        .reason = "keepalive",
        .client_id_len = 2,
        .client_id = "n1",
        .topic_len = 1,
        .topic = "t"};

    (void)unused;
    begin();
    start();
    assert_string_equal(report(GW_REPORT_EVENTS), "{\"events\":[],\"next\":0}");
    gw_events_note(&fx.events, &lost, fx.w.now);
    fx.w.now += 5000;
    gw_events_say(&fx.events, GW_EVENT_RELOADED, fx.w.now);
    assert_string_equal(
        report(GW_REPORT_EVENTS),
        "{\"events\":[{\"number\":1,\"ago_s\":5,\"level\":\"warn\","
        "\"event\":\"client_lost\",\"client\":\"n1\","
        "\"address\":\"10.0.0.1:99\",\"topic\":\"t\",\"duration_s\":60,"
        "\"reason\":\"keepalive\"},"
        "{\"number\":2,\"ago_s\":0,\"level\":\"info\","
        "\"event\":\"reloaded\"}],\"next\":2}");
    fx.query.cursor = 1;
    assert_has(report(GW_REPORT_EVENTS), "{\"events\":[{\"number\":2,");
    fx.query.cursor = 77; /* of another process */
    assert_has(report(GW_REPORT_EVENTS), "{\"events\":[{\"number\":1,");
    end();
}

static void a_query_is_made_of_words(void **unused)
{
    static const struct {
        const char *key, *value;
        bool good;
    } rows[] = {
        {"client", "n1", true},    {"client", "", false},
        {"state", "asleep", true}, {"state", "connecting", true},
        {"state", "tired", false}, {"limit", "1", true},
        {"limit", "1000", true},   {"limit", "0", false},
        {"limit", "1001", false},  {"limit", "-1", false},
        {"cursor", "0", true},     {"cursor", "9223372036854775807", true},
        {"cursor", "", false},     {"cursor", "9223372036854775808", false},
        {"cursor", "0x1", false},  {"cursor", "18446744073709551617", false},
        {"colour", "blue", false},
    };
    struct mqttsn_span text;

    (void)unused;
    begin();
    start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].value);
        assert_int_equal(gw_report_query_set(&fx.query, rows[i].key,
                                             mqttsn_span_text(rows[i].value)),
                         rows[i].good);
    }
    CASE("of nobody");
    assert_int_equal(gw_report_write(&fx.source, GW_REPORT_CLIENT, &fx.query,
                                     fx.buf, GW_REPORT_ROOM, &text),
                     MQTTSN_ENOTFOUND);
    gw_report_query_init(&fx.query);
    assert_int_equal(gw_report_write(&fx.source, GW_REPORT_QUEUE, &fx.query,
                                     fx.buf, GW_REPORT_ROOM, &text),
                     MQTTSN_EINVAL);
    CASE("no room");
    assert_int_equal(gw_report_write(&fx.source, GW_REPORT_STATUS, &fx.query,
                                     fx.buf, 100, &text),
                     MQTTSN_ENOSPACE);
    CASE("names");
    assert_int_equal(gw_report_named(mqttsn_span_text("events")),
                     GW_REPORT_EVENTS);
    assert_int_equal(gw_report_named(mqttsn_span_text("event")),
                     GW_REPORT_COUNT);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_one_row),
        cmocka_unit_test(a_client_behind_a_forwarder_has_its_node_id),
        cmocka_unit_test(clients_come_in_pages),
        cmocka_unit_test(a_page_ends_where_the_buffer_does),
        cmocka_unit_test(topics_and_subscriptions_of_all_clients),
        cmocka_unit_test(the_status_has_sums_and_every_counter),
        cmocka_unit_test(the_upstream_has_its_brokers_and_connections),
        cmocka_unit_test(events_go_on_where_one_has_stopped),
        cmocka_unit_test(a_query_is_made_of_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
