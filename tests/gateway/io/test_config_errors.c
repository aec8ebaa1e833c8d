/* SPDX-License-Identifier: MIT */
/* What is refused, and in which words: file, line, key, what was expected. */
#include "io/disk_store.h"

#include "config_support.h"

#define DURATIONS ", such as 90s, 5m, 1h or 500ms; got "
#define SIZES ", such as 512B, 64KiB or 16MiB; got "
#define URL                                                                    \
    "expected SCHEME://HOST[:PORT][/PATH], SCHEME one of mqtt, mqtts, ws or "  \
    "wss, IPv6 in brackets"

static void each_error_names_line_key_and_what_was_expected(void **state)
{
    static const struct {
        const char *text, *report;
    } rows[] = {
        /* lines */
        {"id = 1\n", "1: expected a [section] before the first key\n"},
        {"[gateway\nid = 1\n", "1: expected ']' at the end of a section\n"},
        {"[gateway]\n\nnonsense\n",
         "3: expected '[section]' or 'key = value'\n"},
        {"[gateway]\nid = 1\n  2\n",
         "3: expected '[section]' or 'key = value'\n"},
        {"[gateway]\n= 1\n", "2: '' cannot be a key\n"},
        {"[gateway]\ni d = 1\n", "2: 'i d' cannot be a key\n"},
        {"[gateway]\nid: x = 1\n", "2: 'id: x' cannot be a key\n"},
        {"[gateway]\nname = \x01\n", "2: the line has a control character\n"},
        {"[gateway]\nname = \xff\n", "2: the line is not UTF-8\n"},

        /* names */
        {"[gatewya]\nid = 1\n",
         "1: gatewya: unknown section; did you mean 'gateway'?\n"},
        {"[persistence]\n", "1: persistence: unknown section\n"},
        {"[gateway x]\n", "1: gateway: expected [gateway] without a name\n"},
        {"[listener]\n",
         "1: listener: expected [listener NAME], a name of 1 to 32 letters, "
         "digits, '-' and '_'\n"},
        {"[listener a.b]\n",
         "1: listener: expected [listener NAME], a name of 1 to 32 letters, "
         "digits, '-' and '_'\n"},
        {"[client]\n", "1: client: expected [client PATTERN], a pattern of at "
                       "most 128 octets\n"},
        {"[upstream]\nulr = x\n",
         "2: upstream.ulr: unknown key; did you mean 'url'?\n"},
        {"[gateway]\nmax_sessions = 1\n",
         "2: gateway.max_sessions: unknown key; did you mean 'max_sessions' in "
         "[limits]?\n"},
        {"[gateway]\ncolour = red\n", "2: gateway.colour: unknown key\n"},
        {"[listener lan]\nbnd = x\n",
         "2: listener.lan.bnd: unknown key; did you mean 'bind'?\n"},
        {"[gateway]\nid = 1\n[log]\n[gateway]\nid = 1\n",
         "5: gateway.id: given twice; the first is in line 2\n"},

        /* values */
        {"[gateway]\nid = 0\n",
         "2: gateway.id: expected a number from 1 to 255; got '0'\n"},
        {"[gateway]\nid = 256\n",
         "2: gateway.id: expected a number from 1 to 255; got '256'\n"},
        {"[gateway]\nid = -1\n",
         "2: gateway.id: expected a number from 1 to 255; got '-1'\n"},
        {"[gateway]\nid = 1x\n",
         "2: gateway.id: expected a number from 1 to 255; got '1x'\n"},
        {"[gateway]\nid =\n",
         "2: gateway.id: expected a number from 1 to 255; got ''\n"},
        {"[gateway]\nid = 18446744073709551617\n",
         "2: gateway.id: expected a number from 1 to 255; got "
         "'18446744073709551617'\n"},
        {"[sleep]\nstrict_sleep = true\n",
         "2: sleep.strict_sleep: expected yes or no; got 'true'\n"},
        {"[retry]\ninterval = 10\n",
         "2: retry.interval: expected a duration from 10ms to 1h" DURATIONS
         "'10'\n"},
        {"[retry]\ninterval = 10 s\n",
         "2: retry.interval: expected a duration from 10ms to 1h" DURATIONS
         "'10 s'\n"},
        {"[retry]\ninterval = 2h\n",
         "2: retry.interval: expected a duration from 10ms to 1h" DURATIONS
         "'2h'\n"},
        {"[retry]\ninterval = 18446744073709551615d\n",
         "2: retry.interval: expected a duration from 10ms to 1h" DURATIONS
         "'18446744073709551615d'\n"},
        {"[upstream]\nkeep_alive = 5500ms\n",
         "2: upstream.keep_alive: expected a duration from 5s to 65535s in "
         "whole seconds" DURATIONS "'5500ms'\n"},
        {"[limits]\nqueue_max_bytes = 64KB\n",
         "2: limits.queue_max_bytes: expected a size from 0 to 1GiB" SIZES
         "'64KB'\n"},
        {"[limits]\ndrop_policy = latest\n",
         "2: limits.drop_policy: expected oldest, newest or latest-per-topic; "
         "got 'latest'\n"},
        {"[listener x]\nbind = localhost\n",
         "2: listener.x.bind: expected ADDRESS[:PORT], IPv6 in brackets; got "
         "'localhost'\n"},
        {"[listener x]\nbind = 1.2.3.4:65536\n",
         "2: listener.x.bind: expected ADDRESS[:PORT], IPv6 in brackets; got "
         "'1.2.3.4:65536'\n"},
        {"[listener x]\nbind = [::1\n",
         "2: listener.x.bind: expected ADDRESS[:PORT], IPv6 in brackets; got "
         "'[::1'\n"},
        {"[listener x]\nforwarders = 10.0.0.1, host\n",
         "2: listener.x.forwarders: expected at most 64 addresses, or any; "
         "'host' is neither an address nor a network\n"},
        {"[topics]\nqos_minus1_from = 10.0.0.1/8\n",
         "2: topics.qos_minus1_from: expected at most 32 networks as "
         "ADDRESS/BITS; '10.0.0.1/8' is neither an address nor a network\n"},
        {"[topics]\nqos_minus1_from = ::/129\n",
         "2: topics.qos_minus1_from: expected at most 32 networks as "
         "ADDRESS/BITS; '::/129' is neither an address nor a network\n"},
        {"[access]\npublish = a/#/b\n",
         "2: access.publish: expected at most 64 topic filters; 'a/#/b' is no "
         "topic filter\n"},
        {"[access]\npublish = a,,b\n",
         "2: access.publish: expected at most 64 topic filters; '' is no topic "
         "filter\n"},

        /* brokers; nothing that may be a password is repeated */
        {"[upstream]\nurl = mqtt://u:geheim@h\n",
         "2: upstream.url: no user name or password belongs in a URL; expected "
         "them in upstream.username and upstream.password_file\n"},
        {"[upstream]\nurl = http://h\n", "2: upstream.url: " URL "; got "
                                         "'http://h'\n"},
        {"[upstream]\nurl = mqtt://h/x\n", "2: upstream.url: " URL "; got "
                                           "'mqtt://h/x'\n"},
        {"[upstream]\nurl = mqtt://::1\n", "2: upstream.url: " URL "; got "
                                           "'mqtt://::1'\n"},
        {"[upstream]\nurl = mqtt://h:0\n", "2: upstream.url: " URL "; got "
                                           "'mqtt://h:0'\n"},
        {"[upstream]\nurl = mqtts://h/x\n",
         "2: upstream.url: " URL "; got 'mqtts://h/x'\n"},
        {"[upstream]\nurl = ws://h/a:b\n",
         "2: upstream.url: " URL "; got 'ws://h/a:b'\n"},
        {"[upstream]\nurl = wss://h/a b\n",
         "2: upstream.url: " URL "; got 'wss://h/a b'\n"},
        /* the proxy; nothing that may be a password is repeated */
        {"[upstream]\nproxy = http://u:geheim@h:1\n",
         "2: upstream.proxy: no user name or password belongs in a URL; "
         "expected them in upstream.proxy_username and "
         "upstream.proxy_password_file\n"},
        {"[upstream]\nproxy = http://h\n",
         "2: upstream.proxy: expected http://HOST:PORT, IPv6 in brackets; got "
         "'http://h'\n"},
        {"[upstream]\nproxy_username = u\n",
         "upstream.proxy: expected with upstream.proxy_username and "
         "upstream.proxy_password_file\n"},

        /* what the broker takes */
        {"[upstream]\nprofile = aws-iot\nkeep_alive = 1201s\n",
         "3: upstream.keep_alive: expected at most 1200s "
         "(upstream.max_keep_alive)\n"},
        {"[upstream]\nprofile = aws-iot\nkeep_alive = 29s\n",
         "3: upstream.keep_alive: expected at least 30s "
         "(upstream.min_keep_alive)\n"},
        {"[upstream]\nclient_id = abcd\nmax_client_id = 3\n",
         "2: upstream.client_id: expected at most 3 octets "
         "(upstream.max_client_id)\n"},
        {"[upstream]\nclient_id = a/b\nclient_id_characters = abc\n",
         "2: upstream.client_id: expected only characters of "
         "upstream.client_id_characters, 'abc'\n"},
        {"[upstream]\nurl =\n", "2: upstream.url: " URL "; got "
                                "''\n"},

        {"[status]\nenabled = yes\nprefix = a/+\n",
         "3: status.prefix: expected the beginning of a topic name, without "
         "'+' and '#', of at most 900 octets and 64 levels\n"},
        {"[status]\nenabled = yes\nprefix =\n",
         "3: status.prefix: expected the beginning of a topic name, without "
         "'+' and '#', of at most 900 octets and 64 levels\n"},
        {"[status]\nenabled = yes\nprefix = {name}\n",
         "3: status.prefix: expected {client_id} or {gateway} in braces; got "
         "'{name}'\n"},
        {"[client n]\ntrace = maybe\n",
         "2: client.n.trace: expected yes or no; got 'maybe'\n"},
        {"[client n]\nsubscribe = a\n",
         "2: client.n.subscribe: expected a topic filter and a QoS from 0 to "
         "2; got 'a'\n"},
        {"[client n]\nsubscribe = a 3\n",
         "2: client.n.subscribe: expected a topic filter and a QoS from 0 to "
         "2; got 'a 3'\n"},
        {"[client n]\nsubscribe = a/#/b 1\n",
         "2: client.n.subscribe: expected a topic filter and a QoS from 0 to "
         "2; got 'a/#/b 1'\n"},
        {"[client n]\nsubscribe = $share/g/a 1\n",
         "2: client.n.subscribe: expected a topic filter and a QoS from 0 to "
         "2; got '$share/g/a 1'\n"},
        {"[client n]\nsubscribe = {id}/a 1\n",
         "2: client.n.subscribe: expected {client_id} in braces; got "
         "'{id}'\n"},
        {"[client n]\nwill = yes\n",
         "2: client.n.will: expected lost, lost-or-shutdown or never; got "
         "'yes'\n"},

        /* predefined topics */
        {"[predefined]\n0 = a\n", "2: predefined.0: expected a topic id from 1 "
                                  "to 65534 as the key\n"},
        {"[predefined]\n65535 = a\n",
         "2: predefined.65535: expected a topic id from 1 to 65534 as the "
         "key\n"},
        {"[predefined]\nx = a\n", "2: predefined.x: expected a topic id from 1 "
                                  "to 65534 as the key\n"},
        {"[predefined]\n1 = a, b\n",
         "2: predefined.1: expected TOPIC or TOPIC, open\n"},
        {"[predefined]\n1 = a, open, open\n",
         "2: predefined.1: expected TOPIC or TOPIC, open\n"},
        {"[predefined]\n1 =\n",
         "2: predefined.1: expected a topic name without wildcards, of 1 to "
         "1900 octets; got ''\n"},
        {"[limits]\nmax_predefined = 1\n[predefined]\n1 = a\n2 = b\n",
         "2: limits.max_predefined: expected at least 2, the number of "
         "predefined topics\n"},

        /* what only shows with the whole */
        {"[listener a]\nbind = 1.2.3.4\n[listener b]\nbind = 1.2.3.4:1883\n",
         "4: listener.b.bind: listener 'a' has the same address already\n"},
        {"[listener a]\n[listener b]\n",
         "2: listener.b.bind: listener 'a' has the same address already\n"},
        {"[listener a]\nbind = 225.1.1.1\n",
         "2: listener.a.bind: expected an address of this machine; a group "
         "belongs in 'multicast'\n"},
        {"[listener a]\nmulticast = 10.0.0.1\n",
         "2: listener.a.multicast: expected a multicast group and a port, such "
         "as 225.1.1.1:1883 or [ff18::1]:1883\n"},
        {"[listener a]\nmulticast = [ff18::1]\n",
         "2: listener.a.multicast: expected a group of the same family as "
         "'bind', IPv4\n"},
        {"[store]\ntype = redis\n",
         "2: store.type: expected memory or sqlite; got 'redis'\n"},
        {"[upstream]\nreconnect_min = 1h\n",
         "2: upstream.reconnect_min: expected at most "
         "upstream.reconnect_max\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;

        CASE(rows[i].text);
        assert_null(load_text(f, rows[i].text));
        assert_string_equal(f->reported, rows[i].report);
    }
}

static void a_synced_store_in_memory_is_an_error(void **state)
{
    static const struct row {
        const char *text, *report;
    } rows[] = {
        {"[store]\ntype = sqlite\njournal_path = /dev/shm/gw/journal\n"
         "durability = full\n",
         "3: store.journal_path: expected a directory on a disk with "
         "store.durability = full: this one is in memory, and gone with the "
         "machine\n"},
        {"[store]\ntype = sqlite\npath = /dev/shm/gw.db\n"
         "durability = full\n",
         "3: store.path: expected a file on a disk with store.durability = "
         "full: this one is in memory, and gone with the machine\n"},
        {"[store]\ntype = sqlite\nflush_interval = 0\n",
         "3: store.flush_interval: expected a duration from 1s to 1d" DURATIONS
         ""
         "'0'\n"},
    };

    if (!gw_disk_available())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;

        CASE(rows[i].text);
        assert_null(load_text(f, rows[i].text));
        assert_string_equal(f->reported, rows[i].report);
    }
}

static void uplink_keys_are_judged_with_the_store(void **state)
{
    struct fixture *f = *state;

    gw_config_free(load_text(f, "[uplink]\nmax_bytes = 1MiB\nqos0 = no\n"
                                "drain_rate = 5\n"
                                "[limits]\nuplink_max_messages = 9\n"));
    assert_string_equal(
        f->reported,
        "warning: 6: limits.uplink_max_messages: means nothing with store.type "
        "= memory: no message is acknowledged before the broker has it\n"
        "warning: 2: uplink.max_bytes: means nothing with store.type = memory: "
        "no message is acknowledged before the broker has it\n"
        "warning: 4: uplink.drain_rate: means nothing with store.type = "
        "memory: no message is acknowledged before the broker has it\n");
    if (!gw_disk_available())
        skip();
    assert_null(load_text(f, "[store]\ntype = sqlite\n"
                             "[limits]\nuplink_total_bytes = 15MiB\n"));
    assert_string_equal(f->reported,
                        "4: limits.uplink_total_bytes: expected at least "
                        "uplink.max_bytes, which is a part of it\n");
}

static void a_nul_octet_and_a_long_line_are_refused(void **state)
{
    static const char nul[] = "[gateway]\nname = a\0b\nid = 0\n";
    struct fixture *f = *state;
    char text[6000] = "[gateway]\nname = ";

    write_octets(f->file, nul, sizeof(nul) - 1);
    assert_null(load(f));
    assert_string_equal(f->reported, "2: the line has a NUL octet\n"
                                     "3: gateway.id: expected a number from 1 "
                                     "to 255; got '0'\n");

    CASE("not cut, refused");
    memset(text + strlen(text), 'x', 5000);
    strcpy(text + 5017, "\nid = 0\n");
    assert_null(load_text(f, text));
    assert_string_equal(f->reported,
                        "2: the line is longer than 4096 octets\n"
                        "3: gateway.id: expected a number from 1 to 255; got "
                        "'0'\n");
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct fixture *f = *state;
    char expected[128];

    unlink(f->file);
    assert_null(load(f));
    snprintf(expected, sizeof(expected),
             "cannot open '%s': No such file or directory\n", f->file);
    assert_string_equal(f->reported, expected);

    assert_int_equal(mkdir(f->file, 0700), 0);
    assert_null(load(f));
    snprintf(expected, sizeof(expected),
             "cannot read '%s': it is a directory\n", f->file);
    assert_string_equal(f->reported, expected);

    CASE("what has no end");
    f->sources.file = "/dev/zero";
    assert_null(load(f));
    assert_non_null(strstr(f->reported, "16 MiB"));

    CASE("nothing at all is fine when asked for");
    f->sources.file = "/dev/null";
    gw_config_free(load(f));
    assert_string_equal(f->reported, "");
}

static void errors_are_counted_beyond_the_first_twenty(void **state)
{
    struct fixture *f = *state;
    char text[512] = "[gateway]\n";
    unsigned lines = 0;

    for (int i = 0; i < 25; i++)
        strcat(text, "x = 1\n");
    assert_null(load_text(f, text));
    for (const char *at = f->reported; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, GW_CONFIG_PROBLEMS_MAX + 1);
    assert_non_null(strstr(f->reported, "21: gateway.x: unknown key\n"
                                        "5 more errors\n"));
}

static void set_and_environment_are_refused_by_name(void **state)
{
    static const struct {
        const char *set, *variable, *report;
    } rows[] = {
        {"gateway.id=0", NULL,
         "--set: gateway.id: expected a number from 1 to 255; got '0'\n"},
        {"gateway.id", NULL,
         "--set: expected SECTION.KEY=VALUE, got 'gateway.id'\n"},
        {"id=1", NULL, "--set: id: expected SECTION.KEY before '='\n"},
        {"client.n1.trace=yes", NULL,
         "--set: client.n1.trace: [client PATTERN] can only stand in the "
         "file\n"},
        {"listener.bind=1.2.3.4", NULL,
         "--set: listener.bind: expected listener.NAME.KEY\n"},
        {"gateway.x.id=1", NULL,
         "--set: gateway: expected [gateway] without a name\n"},
        {"gateway.nme=1", NULL,
         "--set: gateway.nme: unknown key; did you mean 'name'?\n"},
        {"gateway.name=a\nb", NULL,
         "--set: gateway.name: expected at most 2047 octets of UTF-8 without "
         "control characters and without a ';' after a blank\n"},
        {"gateway.name=a ;b", NULL,
         "--set: gateway.name: expected at most 2047 octets of UTF-8 without "
         "control characters and without a ';' after a blank\n"},
        {NULL, "MQTTSN_GATEWAY_ID=x",
         "environment: gateway.id: expected a number from 1 to 255; got "
         "'x'\n"},
        {NULL, "MQTTSN_LISTENER_LAN_BIND=x",
         "environment: listener.lan.bind: expected ADDRESS[:PORT], IPv6 in "
         "brackets; got 'x'\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;
        char variable[64];
        char *environment[] = {variable, NULL};

        CASE(rows[i].report);
        snprintf(variable, sizeof(variable), "%s",
                 rows[i].variable != NULL ? rows[i].variable : "A=1");
        f->sources.environment = environment;
        f->sources.set = &rows[i].set;
        f->sources.set_count = rows[i].set != NULL;
        assert_null(load_text(f, ""));
        assert_string_equal(f->reported, rows[i].report);
    }
}

static void a_wrong_line_is_an_error_even_if_overridden(void **state)
{
    struct fixture *f = *state;
    const char *set[] = {"gateway.id=1"};

    f->sources.set = set;
    f->sources.set_count = 1;
    assert_null(load_text(f, "[gateway]\nid = 0\n"));
}

/* Container links put MQTTSN_GATEWAY_PORT there for a service of our name. */
static void variables_that_are_no_keys_are_only_warned_about(void **state)
{
    struct fixture *f = *state;
    char *environment[] = {VARIABLE("MQTTSN_GATEWAY_PORT=tcp://10.0.0.1"),
                           VARIABLE("MQTTSN_LISTENER_LAN_X=1"),
                           VARIABLE("MQTTSN_CLIENT_X_TRACE=yes"),
                           VARIABLE("MQTTSN_TEST=1"), NULL};

    f->sources.environment = environment;
    gw_config_free(load_good(f, ""));
    assert_string_equal(
        f->reported,
        "warning: environment: MQTTSN_GATEWAY_PORT: names no key, passed over\n"
        "warning: environment: MQTTSN_LISTENER_LAN_X: names no key, passed "
        "over\n"
        "warning: environment: MQTTSN_CLIENT_X_TRACE: names no key, passed "
        "over\n");
}

static void doubtful_settings_are_warned_about(void **state)
{
    struct fixture *f = *state;

    gw_config_free(load_good(f, "[listener a]\ndiscovery = yes\n"));
    assert_string_equal(f->reported,
                        "warning: 2: listener.a.discovery: without 'multicast' "
                        "no ADVERTISE is sent, and only a SEARCHGW sent to "
                        "this very address is answered\n");
    gw_config_free(load_good(f, "[limits]\nqueue_max_bytes = 1MiB\n"
                                "queue_total_bytes = 512KiB\n"));
    assert_string_equal(f->reported,
                        "warning: 2: limits.queue_max_bytes: more than "
                        "limits.queue_total_bytes, which is reached before\n");
}

static void sections_are_bounded(void **state)
{
    struct fixture *f = *state;
    char text[2048] = "";

    for (int i = 0; i <= GW_LISTENERS_MAX; i++)
        sprintf(text + strlen(text), "[listener l%d]\nbind=1.2.3.4:%d\n", i,
                i + 1);
    assert_null(load_text(f, text));
    assert_string_equal(f->reported,
                        "33: l16: expected at most 16 sections of this kind\n");
}

static void a_password_needs_a_user_name(void **state)
{
    struct fixture *f = *state;
    char path[64], text[128];

    snprintf(path, sizeof(path), "%s/password", f->dir);
    write_text(path, "x");
    chmod(path, 0600);
    snprintf(text, sizeof(text), "[upstream]\npassword_file = %s\n", path);
    assert_null(load_text(f, text));
    assert_string_equal(f->reported,
                        "2: upstream.password_file: expected upstream.username "
                        "too: MQTT has no password without a user name\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_error_names_line_key_and_what_was_expected),
        TEST(a_synced_store_in_memory_is_an_error),
        TEST(uplink_keys_are_judged_with_the_store),
        TEST(a_nul_octet_and_a_long_line_are_refused),
        TEST(a_file_that_cannot_be_read_is_an_error),
        TEST(errors_are_counted_beyond_the_first_twenty),
        TEST(set_and_environment_are_refused_by_name),
        TEST(a_wrong_line_is_an_error_even_if_overridden),
        TEST(variables_that_are_no_keys_are_only_warned_about),
        TEST(doubtful_settings_are_warned_about),
        TEST(sections_are_bounded),
        TEST(a_password_needs_a_user_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
