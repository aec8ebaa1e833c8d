/* SPDX-License-Identifier: MIT */
#include "io/disk_store.h"

#include "config_support.h"

#include "conf_identity.h"
#include "core/engine.h"

static void an_empty_file_is_the_documented_default(void **state)
{
    struct gw_config *c = load_good(*state, "");
    const struct gw_options *o = &c->options;
    struct gw_options engine;

    gw_options_default(&engine);
    assert_string_equal(((struct fixture *)*state)->reported, "");
    assert_int_equal(o->listener_count, 2);
    assert_string_equal(c->listeners[0].name, "ipv4");
    assert_int_equal(c->listeners[0].bind.family, 4);
    assert_int_equal(c->listeners[0].bind.port, 1883);
    assert_int_equal(c->listeners[1].bind.family, 6);
    assert_int_equal(o->listeners[0].port, 1883);
    assert_int_equal(o->listeners[0].max_datagram, 1024);
    assert_false(o->listeners[0].discovery);
    assert_int_equal(o->listeners[0].advertise_interval, 960000);
    assert_int_equal(c->upstream.broker_count, 1);
    assert_string_equal(c->upstream.brokers[0].uri, "tcp://127.0.0.1:1883");
    assert_string_equal(c->upstream.brokers[0].host, "127.0.0.1");
    assert_null(c->upstream.username);
    assert_null(c->upstream.password);
    assert_int_equal(c->log.level, GW_LOG_INFO);
    assert_ptr_equal(o->upstream_client_id, c->upstream.client_id);

    /* The engine's own defaults are the same. */
    assert_int_equal(o->gw_id, engine.gw_id);
    assert_int_equal(o->retry_interval, engine.retry_interval);
    assert_int_equal(o->retry_count, engine.retry_count);
    assert_int_equal(o->rebind_on_ping, engine.rebind_on_ping);
    assert_int_equal(o->sleep_keeps_topics, engine.sleep_keeps_topics);
    assert_int_equal(o->sleep_buffer_qos0, engine.sleep_buffer_qos0);
    assert_int_equal(o->strict_sleep, engine.strict_sleep);
    assert_int_equal(o->awake_max_messages, engine.awake_max_messages);
    assert_int_equal(o->awake_max_time, engine.awake_max_time);
    assert_int_equal(o->max_client_id, engine.max_client_id);
    assert_int_equal(o->max_topics_per_client, engine.max_topics_per_client);
    assert_int_equal(o->client_inflight_max, engine.client_inflight_max);
    assert_int_equal(o->client_congestion_wait, engine.client_congestion_wait);
    assert_int_equal(o->idle_max, engine.idle_max);
    assert_int_equal(o->session_expiry, engine.session_expiry);
    assert_int_equal(o->stranger_reply_rate, engine.stranger_reply_rate);
    assert_int_equal(o->source_rate, engine.source_rate);
    assert_int_equal(o->client.queue_max_messages,
                     engine.client.queue_max_messages);
    assert_int_equal(o->client.queue_max_bytes, engine.client.queue_max_bytes);
    assert_int_equal(o->client.queue_max_age, engine.client.queue_max_age);
    assert_int_equal(o->client.drop_policy, engine.client.drop_policy);
    assert_int_equal(o->paho_len_quirk, engine.paho_len_quirk);
    assert_int_equal(o->refuse_keepalive_zero, engine.refuse_keepalive_zero);
    assert_int_equal(o->gwinfo_multicast, engine.gwinfo_multicast);
    assert_int_equal(o->gw_ping, engine.gw_ping);
    assert_int_equal(o->overlapping, engine.overlapping);
    assert_int_equal(o->window, engine.window);
    assert_int_equal(o->retain_settle, engine.retain_settle);
    assert_int_equal(o->upstream_timeout, engine.upstream_timeout);
    assert_int_equal(o->upstream_down_max, engine.upstream_down_max);
    assert_int_equal(o->will_on_shutdown, engine.will_on_shutdown);
    assert_int_equal(o->qos_minus1_short, engine.qos_minus1_short);
    assert_int_equal(o->qos_minus1_retain, engine.qos_minus1_retain);
    assert_int_equal(o->qos_minus1_from_count, engine.qos_minus1_from_count);
    assert_int_equal(o->dollar_topics, engine.dollar_topics);
    assert_int_equal(o->access_publish_count, 0);
    assert_int_equal(o->uplink_max_age, engine.uplink_max_age);
    assert_int_equal(o->uplink_drop_policy, engine.uplink_drop_policy);
    assert_int_equal(o->uplink_drain_rate, engine.uplink_drain_rate);
    assert_int_equal(o->uplink_qos0, engine.uplink_qos0);
    gw_config_free(c);
}

/* What waits for the broker costs memory only where it may be kept. */
static void the_room_for_uplink_follows_the_store(void **state)
{
    enum { MIB = 1024 * 1024 };
    struct gw_config *c = load_good(*state, "");

    assert_int_equal(c->limits.uplink_max_messages, 0);
    assert_int_equal(c->limits.uplink_total_bytes, 4 * MIB);
    gw_config_free(c);
    if (!gw_disk_available())
        skip();
    c = load_good(*state, "[store]\ntype = sqlite\n");
    assert_int_equal(c->limits.uplink_max_bytes, 16 * MIB);
    assert_int_equal(c->limits.uplink_max_messages, 32768);
    assert_int_equal(c->limits.uplink_total_bytes, 20 * MIB);
    gw_config_free(c);
    c = load_good(*state, "[store]\ntype = sqlite\n[uplink]\n"
                          "max_bytes = 64KiB\n");
    assert_int_equal(c->limits.uplink_max_bytes, 65536);
    assert_int_equal(c->limits.uplink_max_messages, 1024);
    assert_int_equal(c->limits.uplink_total_bytes, 4 * MIB + 65536);
    gw_config_free(c);
    c = load_good(*state, "[store]\ntype = sqlite\n[uplink]\nqos0 = yes\n"
                          "max_age = 1h\ndrop_policy = newest\n"
                          "drain_rate = 9\n[limits]\n"
                          "uplink_max_messages = 7\n"
                          "uplink_total_bytes = 16MiB\n");
    assert_int_equal(c->limits.uplink_max_messages, 7);
    assert_int_equal(c->limits.uplink_total_bytes, 16 * MIB);
    assert_int_equal(c->options.uplink_max_age, 3600000);
    assert_int_equal(c->options.uplink_drop_policy, GW_DROP_NEWEST);
    assert_int_equal(c->options.uplink_drain_rate, 9);
    assert_true(c->options.uplink_qos0);
    gw_config_free(c);
}

static void limits_follow_max_sessions_unless_given(void **state)
{
    struct gw_config *c = load_good(*state, "[limits]\nmax_sessions = 1000\n"
                                            "max_exchanges = 7\n");

    assert_int_equal(c->limits.max_sessions, 1000);
    assert_int_equal(c->limits.max_topics, 4000);
    assert_int_equal(c->limits.max_subscriptions, 2000);
    assert_int_equal(c->limits.max_exchanges, 7);
    assert_int_equal(c->limits.max_queue_entries, 10000);
    assert_int_equal(c->limits.names_total_bytes, 512 * 1024);
    assert_int_equal(c->limits.queue_total_bytes, 16 * 1024 * 1024);
    gw_config_free(c);

    c = load_good(*state, "[limits]\nmax_sessions = 1\n");
    assert_int_equal(c->limits.max_topics, 1024);
    gw_config_free(c);
}

/* The file of the manual, word for word but for what belongs to a later
 * version and the files it names. */
static void the_documented_example_loads(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c = load_good(
        f, "[gateway]\n"
           "id = 1                          ; GwId, 1..255\n"
           "name = gw-kitchen               ; in logs\n"
           "[listener lan]                  ; any name after 'listener'\n"
           "bind = 0.0.0.0:1883             ; or [::]:1883\n"
           "max_datagram = 1024\n"
           "discovery = yes\n"
           "multicast = 225.1.1.1:1883\n"
           "advertise_interval = 16m\n"
           "receive_buffer = 8MiB\n"
           "forwarders = 192.168.1.9        ; addresses, or any\n"
           "[upstream]\n"
           "url = mqtt://127.0.0.1:1883\n"
           "mode = aggregating              ; or transparent\n"
           "client_id = mqttsn-gw-kitchen\n"
           "username = gw\n"
           "upstream_timeout = 30s\n"
           "[topics]\n"
           "qos_minus1_short = no\n"
           "qos_minus1_from = 127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, "
           "192.168.0.0/16, 169.254.0.0/16, fc00::/7, fe80::/10\n"
           "[predefined]                    ; or right here\n"
           "101 = site/boiler/temperature\n"
           "102 = site/door/state, open     ; also for QoS -1\n"
           "[retry]\ninterval = 10s\ncount = 3\n"
           "[limits]\n"
           "max_sessions = 10000\n"
           "max_topics_per_client = 512\n"
           "queue_max_messages = 100\n"
           "queue_max_bytes = 64KiB\n"
           "queue_total_bytes = 16MiB\n"
           "queue_max_age = 0               ; 0 = no limit\n"
           "drop_policy = oldest\n"
           "session_expiry = 7d\n"
           "[store]\n"
           "type = memory                   ; or sqlite\n"
           "path = /var/lib/mqttsn-gateway/gateway.db\n"
           "journal_path =                  ; default beside path\n"
           "flush_interval = 60s\n"
           "durability = batched            ; or full\n"
           "[log]\nlevel = info\nformat = text\n");

    assert_string_equal(f->reported, "");
    assert_string_equal(c->name, "gw-kitchen");
    assert_int_equal(c->options.listener_count, 1);
    assert_string_equal(c->listeners[0].name, "lan");
    assert_int_equal(c->listeners[0].multicast.ip[0], 225);
    assert_int_equal(c->listeners[0].receive_buffer, 8 * 1024 * 1024);
    assert_int_equal(c->options.listeners[0].forwarder_count, 1);
    assert_int_equal(c->options.listeners[0].forwarders[0].bits, 32);
    assert_int_equal(c->options.qos_minus1_from_count, 8);
    assert_string_equal(c->upstream.client_id, "mqttsn-gw-kitchen");
    assert_string_equal(c->upstream.username, "gw");
    assert_int_equal(c->options.predefined_count, 2);
    assert_int_equal(c->options.predefined[1].topic_id, 102);
    assert_string_equal(c->options.predefined[1].topic, "site/door/state");
    assert_true(c->options.predefined[1].open);
    assert_false(c->options.predefined[0].open);
    gw_config_free(c);
}

static void values_are_read_with_their_units(void **state)
{
    static const struct {
        const char *why, *text;
        uint64_t ms;
    } rows[] = {
        {"milliseconds", "retain_settle = 250ms", 250},
        {"seconds", "retain_settle = 2s", 2000},
        {"minutes", "retain_settle = 1m", 60000},
        {"nothing needs no unit", "retain_settle = 0", 0},
        {"blanks are cut", "retain_settle =\t 0s  ", 0},
        {"a blank is not needed", "retain_settle=3ms", 3},
        {"an indented key is a key", "   retain_settle = 4ms", 4},
        {"';' without a blank is no comment, but here no unit either",
         "retain_settle = 5ms ;x", 5},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        struct gw_config *c;

        CASE(rows[i].why);
        snprintf(text, sizeof(text), "[upstream]\n%s\n", rows[i].text);
        c = load_good(*state, text);
        assert_int_equal(c->options.retain_settle, rows[i].ms);
        gw_config_free(c);
    }
}

static void sizes_and_long_durations_have_units_too(void **state)
{
    struct gw_config *c =
        load_good(*state, "[limits]\nqueue_max_bytes = 512B\n"
                          "queue_total_bytes = 2GiB\nsession_expiry = 2d\n"
                          "idle_max = 3h\n[listener x]\nreceive_buffer=3MiB\n");

    assert_int_equal(c->options.client.queue_max_bytes, 512);
    assert_int_equal(c->limits.queue_total_bytes, UINT64_C(2) << 30);
    assert_int_equal(c->options.session_expiry, 2 * 86400000);
    assert_int_equal(c->options.idle_max, 3 * 3600000);
    assert_int_equal(c->listeners[0].receive_buffer, 3 << 20);
    gw_config_free(c);
}

static void what_a_line_may_look_like(void **state)
{
    struct gw_config *c;

    CASE("CRLF, comments, empty lines, a mark at the start, no line feed last");
    c = load_good(*state, "\xef\xbb\xbf; a comment\r\n# another\r\n\r\n"
                          "[gateway]\r\nid = 9\r\nname = a;b#c");
    assert_int_equal(c->options.gw_id, 9);
    assert_string_equal(c->name, "a;b#c");
    gw_config_free(c);

    CASE("a value goes to the ';' after a blank");
    c = load_good(*state, "[gateway]\nname = a ;b\n[predefined]\n1 = x;y ;z\n");
    assert_string_equal(c->name, "a");
    assert_string_equal(c->options.predefined[0].topic, "x;y");
    gw_config_free(c);

    CASE("a section may be opened again");
    c = load_good(*state, "[gateway]\nid = 3\n[log]\n[gateway]\nname = x\n");
    assert_int_equal(c->options.gw_id, 3);
    assert_string_equal(c->name, "x");
    gw_config_free(c);

    CASE("'=' and ':' and '[' may be in a value");
    c = load_good(*state, "[gateway]\nname = a=b:[c]\n");
    assert_string_equal(c->name, "a=b:[c]");
    gw_config_free(c);
}

static void a_line_longer_than_inih_takes_is_whole(void **state)
{
    char text[4096] = "[listener x]\nforwarders = 10.0.0.1";
    struct gw_config *c;

    for (int i = 2; i <= GW_FORWARDERS_MAX; i++)
        sprintf(text + strlen(text), ", 10.0.0.%d", i);
    c = load_good(*state, text);
    assert_int_equal(c->options.listeners[0].forwarder_count,
                     GW_FORWARDERS_MAX);
    assert_int_equal(
        c->options.listeners[0].forwarders[GW_FORWARDERS_MAX - 1].ip[3],
        GW_FORWARDERS_MAX);
    gw_config_free(c);
}

static void urls_are_taken_apart(void **state)
{
    struct gw_config *c =
        load_good(*state, "[upstream]\nurl = mqtt://broker.example.org, "
                          "mqtt://[2001:db8::1]:1884,mqtt://10.1.2.3:9/\n");

    assert_int_equal(c->upstream.broker_count, 3);
    assert_string_equal(c->upstream.brokers[0].host, "broker.example.org");
    assert_int_equal(c->upstream.brokers[0].port, 1883);
    assert_string_equal(c->upstream.brokers[1].host, "2001:db8::1");
    assert_string_equal(c->upstream.brokers[1].uri, "tcp://[2001:db8::1]:1884");
    assert_string_equal(c->upstream.brokers[2].uri, "tcp://10.1.2.3:9");
    assert_false(c->upstream.brokers[2].tls);
    gw_config_free(c);

    c = load_good(*state, "[upstream]\nurl = mqtts://a,mqtts://[::1]:9, ws://b,"
                          "ws://b:8080/x/y, wss://c, wss://[::1]/\n");
    assert_int_equal(c->upstream.broker_count, 6);
    assert_string_equal(c->upstream.brokers[0].uri, "ssl://a:8883");
    assert_true(c->upstream.brokers[0].tls);
    assert_string_equal(c->upstream.brokers[1].uri, "ssl://[::1]:9");
    assert_string_equal(c->upstream.brokers[2].uri, "ws://b:80");
    assert_false(c->upstream.brokers[2].tls);
    assert_string_equal(c->upstream.brokers[3].uri, "ws://b:8080/x/y");
    assert_string_equal(c->upstream.brokers[4].uri, "wss://c:443");
    assert_true(c->upstream.brokers[4].tls);
    assert_string_equal(c->upstream.brokers[5].uri, "wss://[::1]:443/");
    gw_config_free(c);
}

static void a_profile_gives_defaults(void **state)
{
    struct gw_config *c =
        load_good(*state, "[upstream]\nprofile = aws-iot\n"
                          "url = mqtts://a:443\nmax_filters = 7\n");

    assert_int_equal(c->options.max_qos, 1);
    assert_int_equal(c->options.publish_rate, 100);
    assert_int_equal(c->options.max_filters, 7);
    assert_string_equal(c->tls.alpn, "x-amzn-mqtt-ca");
    gw_config_free(c);

    c = load_good(*state, "[upstream]\nprofile = aws-iot\n"
                          "url = mqtts://a:443\n[tls]\nalpn = mqtt\n");
    assert_string_equal(c->tls.alpn, "mqtt");
    gw_config_free(c);

    c = load_good(*state, "[upstream]\nprofile = aws-iot\nurl = mqtts://a\n");
    assert_null(c->tls.alpn);
    gw_config_free(c);

    c = load_good(*state, "[upstream]\nurl = mqtts://a:443\n");
    assert_int_equal(c->options.max_qos, 2);
    assert_int_equal(c->options.publish_rate, 0);
    assert_null(c->tls.alpn);
    gw_config_free(c);
}

static void client_rules_keep_the_order_of_the_file(void **state)
{
    struct gw_config *c = load_good(
        *state, "[client valve-[0-9]*]\nqueue_max_age = 1h\n"
                "drop_policy = latest-per-topic\n"
                "[client *]\nqueue_max_messages = 5\nmax_datagram = 128\n"
                "queue_max_bytes = 1KiB\n");
    const struct gw_client_rule *r = c->options.client_rules;

    assert_int_equal(c->options.client_rule_count, 2);
    assert_string_equal(r[0].pattern, "valve-[0-9]*");
    assert_int_equal(r[0].fields,
                     GW_CLIENT_QUEUE_MAX_AGE | GW_CLIENT_DROP_POLICY);
    assert_int_equal(r[0].settings.queue_max_age, 3600000);
    assert_int_equal(r[0].settings.drop_policy, GW_DROP_LATEST_PER_TOPIC);
    assert_string_equal(r[1].pattern, "*");
    assert_int_equal(r[1].fields, GW_CLIENT_QUEUE_MAX_MESSAGES |
                                      GW_CLIENT_MAX_DATAGRAM |
                                      GW_CLIENT_QUEUE_MAX_BYTES);
    assert_int_equal(r[1].settings.max_datagram, 128);
    assert_int_equal(r[1].settings.queue_max_bytes, 1024);
    gw_config_free(c);
}

static void set_comes_before_environment_before_file(void **state)
{
    struct fixture *f = *state;
    char *environment[] = {VARIABLE("MQTTSN_GATEWAY_ID=2"),
                           VARIABLE("MQTTSN_GATEWAY_NAME=env"),
                           VARIABLE("MQTTSN_LOG_LEVEL="),
                           VARIABLE("OTHER=1"),
                           VARIABLE("MQTTSN_UPSTREAM_PASSWORD_FILE="),
                           NULL};
    const char *set[] = {"gateway.id=3", "gateway.id=4"};
    struct gw_config *c;

    f->sources.environment = environment;
    f->sources.set = set;
    f->sources.set_count = 2;
    c = load_good(f, "[gateway]\nid = 1\nname = file\n[log]\nlevel = warn\n");
    assert_int_equal(c->options.gw_id, 4);
    assert_string_equal(c->name, "env");
    assert_int_equal(c->log.level, GW_LOG_WARN);
    assert_string_equal(f->reported, "");
    gw_config_free(c);
}

static void listeners_come_from_set_and_environment(void **state)
{
    struct fixture *f = *state;
    char *environment[] = {VARIABLE("MQTTSN_LISTENER_LAN_2_MAX_DATAGRAM=200"),
                           VARIABLE("MQTTSN_LISTENER_WIFI_BIND=127.0.0.1:2000"),
                           VARIABLE("MQTTSN_PREDEFINED_7=a/b, open"), NULL};
    const char *set[] = {"listener.lan-2.bind=127.0.0.1",
                         "listener.new.bind=[::1]:5", "predefined.8=x"};
    struct gw_config *c;

    f->sources.environment = environment;
    f->sources.set = set;
    f->sources.set_count = 3;
    c = load_good(f, "[listener Lan-2]\nbind = 127.0.0.1:3\n");
    assert_string_equal(f->reported, "");
    assert_int_equal(c->options.listener_count, 4);
    assert_string_equal(c->listeners[0].name, "Lan-2");
    assert_int_equal(c->options.listeners[0].max_datagram, 200);
    assert_int_equal(c->listeners[0].bind.port, 3);
    assert_string_equal(c->listeners[1].name, "wifi");
    assert_int_equal(c->listeners[1].bind.port, 2000);
    assert_string_equal(c->listeners[2].name, "lan-2");
    assert_int_equal(c->listeners[2].bind.port, 1883);
    assert_int_equal(c->listeners[3].bind.ip[15], 1);
    assert_int_equal(c->options.predefined_count, 2);
    assert_true(c->options.predefined[0].open);
    gw_config_free(c);
}

/* The size of a small router. */
static void the_default_limits_add_up_to_less_than_64_mib(void **state)
{
    struct gw_config *c = load_good(*state, "");

    assert_true(gw_engine_size(&c->limits) < UINT64_C(64) << 20);
    gw_config_free(c);
}

static void the_client_id_hangs_on_the_machine_id(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a = load_good(f, ""), *b;

    assert_int_equal(strlen(a->upstream.client_id), strlen("mqttsn-gw-") + 12);
    assert_memory_equal(a->upstream.client_id, "mqttsn-gw-", 10);
    assert_false(a->upstream.client_id_random);
    b = load_good(f, "");
    assert_string_equal(a->upstream.client_id, b->upstream.client_id);
    gw_config_free(b);

    /* A broker knows the gateway by it: no version may change the value. */
    write_text(f->machine_id, "00112233445566778899aabbccddeeff\n");
    b = load_good(f, "");
    assert_string_equal(b->upstream.client_id, "mqttsn-gw-de7a277c6664");
    gw_config_free(b);

    write_text(f->machine_id, "ffeeddccbbaa99887766554433221100\n");
    b = load_good(f, "");
    assert_string_not_equal(b->upstream.client_id, "mqttsn-gw-de7a277c6664");
    gw_config_free(a);
    gw_config_free(b);

    write_text(f->machine_id, "uninitialized\n");
    a = load_good(f, "");
    assert_true(a->upstream.client_id_random);
    assert_non_null(
        strstr(f->reported, "warning: upstream.client_id: made up"));
    gw_config_free(a);
}

static void a_password_comes_from_its_file(void **state)
{
    static const struct {
        const char *why, *content;
        mode_t mode;
        const char *password; /* or NULL: what is reported is in 'report' */
        const char *report;
    } rows[] = {
        {"one line end does not count", "secret\n", 0600, "secret", ""},
        {"nor one of two octets", "secret\r\n", 0640, "secret", ""},
        {"but only one", "secret\n\n", 0600, "secret\n", ""},
        {"blanks count", " se cret ", 0400, " se cret ", ""},
        {"others may not read it", "secret\n", 0644, NULL,
         "3: upstream.password_file: 'P' can be read or written by everybody; "
         "expected mode 0600 or 0640\n"},
        {"it is not empty", "\n", 0600, NULL,
         "3: upstream.password_file: 'P' is empty\n"},
        {"it exists", NULL, 0600, NULL,
         "3: upstream.password_file: cannot open 'P': No such file or "
         "directory\n"},
    };
    struct fixture *f = *state;
    char path[64];

    snprintf(path, sizeof(path), "%s/password", f->dir);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256], report[512] = "";
        const char *at;
        struct gw_config *c;

        CASE(rows[i].why);
        unlink(path);
        if (rows[i].content != NULL) {
            write_text(path, rows[i].content);
            chmod(path, rows[i].mode);
        }
        snprintf(text, sizeof(text),
                 "[upstream]\nusername = u\npassword_file = %s\n", path);
        c = load_text(f, text);
        at = strchr(rows[i].report, 'P');
        if (at != NULL)
            snprintf(report, sizeof(report), "%.*s%s%s",
                     (int)(at - rows[i].report), rows[i].report, path, at + 1);
        assert_string_equal(f->reported, report);
        assert_int_equal(c != NULL, rows[i].password != NULL);
        if (c == NULL)
            continue;
        assert_int_equal(c->upstream.password_len, strlen(rows[i].password));
        assert_string_equal((const char *)c->upstream.password,
                            rows[i].password);
        gw_config_free(c);
    }
}

static void topics_come_from_a_csv_file(void **state)
{
    struct fixture *f = *state;
    char path[64], text[160];
    struct gw_config *c;

    snprintf(path, sizeof(path), "%s/topics.csv", f->dir);
    snprintf(text, sizeof(text),
             "[topics]\npredefined_file = %s\n[predefined]\n1 = here\n", path);
    write_text(path, "# client, topic, id\n\n"
                     "*,  a/b,                    3,                 open\r\n"
                     "n7, a/b, 1\nn7,c;d ;e,65534");
    c = load_good(f, text);
    assert_int_equal(c->options.predefined_count, 4);
    assert_null(c->options.predefined[0].client_id);
    assert_string_equal(c->options.predefined[0].topic, "here");
    assert_int_equal(c->options.predefined[1].topic_id, 3);
    assert_true(c->options.predefined[1].open);
    assert_string_equal(c->options.predefined[2].client_id, "n7");
    assert_string_equal(c->options.predefined[3].topic, "c;d ;e");
    gw_config_free(c);

    write_text(path, "*, a/#, 3\n*, a, 65535\n*, a, 4, shut\n*, a\n, a, 5\n"
                     "*, a, 6\n*, b, 6\n*, c, 1\n*, a, 7, open            x");
    assert_null(load_text(f, text));
    assert_non_null(strstr(
        f->reported, "topics.csv:1: topics.predefined_file: expected a topic "
                     "name without wildcards, of 1 to 1900 octets; got "
                     "'a/#'\n"));
    assert_non_null(strstr(
        f->reported, "topics.csv:2: topics.predefined_file: expected a topic "
                     "id from 1 to 65534; got '65535'\n"));
    for (int line = 3; line <= 9; line += line == 5 ? 4 : 1) {
        char expected[96];

        snprintf(expected, sizeof(expected),
                 "topics.csv:%d: topics.predefined_file: expected client|*, "
                 "topic, id[, open]",
                 line);
        assert_non_null(strstr(f->reported, expected));
    }
    assert_non_null(strstr(f->reported, "topics.csv:7: topics.predefined_file: "
                                        "id 6 is given twice for every client; "
                                        "the first is in '"));
    assert_non_null(strstr(f->reported, "topics.csv:8: topics.predefined_file: "
                                        "id 1 is given twice"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_file_is_the_documented_default),
        TEST(limits_follow_max_sessions_unless_given),
        TEST(the_room_for_uplink_follows_the_store),
        TEST(the_documented_example_loads),
        TEST(values_are_read_with_their_units),
        TEST(sizes_and_long_durations_have_units_too),
        TEST(what_a_line_may_look_like),
        TEST(a_line_longer_than_inih_takes_is_whole),
        TEST(urls_are_taken_apart),
        TEST(a_profile_gives_defaults),
        TEST(client_rules_keep_the_order_of_the_file),
        TEST(set_comes_before_environment_before_file),
        TEST(listeners_come_from_set_and_environment),
        TEST(the_default_limits_add_up_to_less_than_64_mib),
        TEST(the_client_id_hangs_on_the_machine_id),
        TEST(a_password_comes_from_its_file),
        TEST(topics_come_from_a_csv_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
