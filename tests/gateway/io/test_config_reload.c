/* SPDX-License-Identifier: MIT */
#include "config_support.h"

static struct gw_config *reload_text(struct fixture *f,
                                     const struct gw_config *running,
                                     const char *text)
{
    struct gw_config *config = NULL;
    enum mqttsn_status status;

    write_text(f->file, text);
    f->reported[0] = '\0';
    status = gw_config_reload(running, &f->sources, note_problem, f, &config);
    assert_int_equal(status, config == NULL ? MQTTSN_EINVAL : MQTTSN_OK);
    return config;
}

static void collect(void *user, const char *key, const struct conf_place *place)
{
    char *list = user;

    (void)place;
    strcat(list, key);
    strcat(list, "\n");
}

static void what_reloads_is_taken_over(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a = load_good(f, "[gateway]\nid = 1\n"), *b;

    b = reload_text(f, a,
                    "[gateway]\nid = 2\n[log]\nlevel = debug\n"
                    "[predefined]\n5 = x\n[client a*]\nqueue_max_age = 1s\n");
    assert_non_null(b);
    assert_string_equal(f->reported, "");
    assert_int_equal(b->options.gw_id, 2);
    assert_int_equal(b->log.level, GW_LOG_DEBUG);
    assert_int_equal(b->options.predefined_count, 1);
    assert_int_equal(b->options.client_rule_count, 1);
    gw_config_free(a);
    gw_config_free(b);
}

static char *printed(const struct gw_config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    gw_config_print(config, out);
    fclose(out);
    return text;
}

/* Also where several sources say something of one key, and with lists whose
 * order counts. */
static void a_reload_of_the_same_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const char *set[] = {"gateway.id=3", "gateway.id=4", "predefined.7=set",
                         "listener.lan.max_datagram=300"};
    char *environment[] = {VARIABLE("MQTTSN_GATEWAY_ID=2"),
                           VARIABLE("MQTTSN_LISTENER_LAN_MAX_DATAGRAM=200"),
                           VARIABLE("MQTTSN_RETRY_INTERVAL=7s"), NULL};
    char path[64], text[400], *before, *after;
    struct gw_config *a, *b;

    snprintf(path, sizeof(path), "%s/topics.csv", f->dir);
    write_text(path, "*, a/9, 9, open\nn1, a/7, 7\n");
    snprintf(text, sizeof(text),
             "[gateway]\nid = 1\n[listener wan]\nbind = 1.2.3.5\n"
             "[listener lan]\nbind = 1.2.3.4\n[predefined]\n7 = file\n"
             "8 = x, open\n[topics]\npredefined_file = %s\n"
             "[client n*]\nqueue_max_age = 1s\nsubscribe = z/# 1\n"
             "subscribe = a/+ 0\n[client *]\nqueue_max_age = 2s\n"
             "subscribe = y 2\n[log]\nlevel = debug\n",
             path);
    f->sources.environment = environment;
    f->sources.set = set;
    f->sources.set_count = ARRAY_LEN(set);
    a = load_good(f, text);
    b = reload_text(f, a, text);
    assert_string_equal(f->reported, "");
    before = printed(a);
    after = printed(b);
    assert_string_equal(before, after);
    assert_int_equal(a->options.predefined_count, b->options.predefined_count);
    assert_int_equal(a->options.client_rules[0].subscription_count, 2);
    assert_string_equal(b->options.client_rules[0].subscriptions[0].filter,
                        a->options.client_rules[0].subscriptions[0].filter);
    free(before);
    free(after);
    gw_config_free(a);
    gw_config_free(b);
}

static void what_needs_a_restart_keeps_its_running_value(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b, *c;
    char keys[512] = "";

    a = load_good(f, "[upstream]\nurl = mqtt://a\nkeep_alive = 10s\n"
                     "[listener lan]\nbind = 1.2.3.4\nmax_datagram = 100\n"
                     "[listener old]\nbind = 1.2.3.5\n");
    b = reload_text(f, a,
                    "[upstream]\nurl = mqtt://b\nkeep_alive = 10000ms\n"
                    "upstream_timeout = 1s\n[limits]\nmax_sessions = 7\n"
                    "[listener new]\nbind = 1.2.3.6\n"
                    "[listener lan]\nbind = 1.2.3.4:7\nmax_datagram = 200\n"
                    "[predefined]\n1 = a/b\n2 = c, open\n");
    assert_non_null(b);
    assert_string_equal(
        f->reported,
        "warning: 2: upstream.url: the new value needs a restart\n"
        "warning: 6: limits.max_sessions: the new value needs a restart\n"
        "warning: limits.max_topics: the new value needs a restart\n"
        "warning: limits.max_subscriptions: the new value needs a restart\n"
        "warning: limits.max_exchanges: the new value needs a restart\n"
        "warning: limits.max_queue_entries: the new value needs a restart\n"
        "warning: limits.names_total_bytes: the new value needs a restart\n"
        "warning: 10: listener.lan.bind: the new value needs a restart\n"
        "warning: listener.old: the new value needs a restart\n"
        "warning: 7: listener.new: the new value needs a restart\n");
    assert_string_equal(b->upstream.brokers[0].host, "a");
    assert_int_equal(b->limits.max_sessions, 10000);
    assert_int_equal(b->options.upstream_timeout, 1000);
    assert_int_equal(b->options.listener_count, 2);
    assert_string_equal(b->listeners[0].name, "lan");
    assert_int_equal(b->listeners[0].bind.port, 1883);
    assert_int_equal(b->options.listeners[0].max_datagram, 200);
    assert_string_equal(b->listeners[1].name, "old");
    assert_int_equal(b->options.predefined_count, 2);
    assert_true(b->options.predefined[1].open);
    assert_int_equal(gw_config_changes(a, b, collect, keys), 0);
    assert_string_equal(keys, "");

    CASE("the old file again: nothing waits any more");
    c = reload_text(f, b,
                    "[upstream]\nurl = mqtt://a\nkeep_alive = 10s\n"
                    "[listener lan]\nbind = 1.2.3.4\n"
                    "[listener old]\nbind = 1.2.3.5\n");
    assert_non_null(c);
    assert_string_equal(f->reported, "");
    assert_int_equal(c->options.listeners[0].max_datagram, 1024);
    gw_config_free(a);
    gw_config_free(b);
    gw_config_free(c);
}

/* Sockets, counters and the engine know a listener by its place. */
static void listeners_keep_their_places(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b;

    a = load_good(f, "[listener lan]\nbind = 1.2.3.4\n"
                     "[listener wan]\nbind = 1.2.3.5\n");
    b = reload_text(f, a,
                    "[listener wan]\nbind = 1.2.3.5\nmax_datagram = 100\n"
                    "[listener lan]\nbind = 1.2.3.4\nforwarders = 10.0.0.1\n");
    assert_non_null(b);
    assert_string_equal(f->reported, "");
    assert_string_equal(b->listeners[0].name, "lan");
    assert_int_equal(b->options.listeners[0].forwarder_count, 1);
    assert_string_equal(b->listeners[1].name, "wan");
    assert_int_equal(b->options.listeners[1].forwarder_count, 0);
    assert_int_equal(b->options.listeners[1].max_datagram, 100);
    gw_config_free(a);
    gw_config_free(b);
}

static void default_listeners_stay_when_the_file_names_some(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a = load_good(f, ""), *b;

    b = reload_text(f, a, "[listener lan]\nbind = 1.2.3.4\n");
    assert_non_null(b);
    assert_int_equal(b->options.listener_count, 2);
    assert_string_equal(b->listeners[1].name, "ipv6");
    assert_int_equal(b->listeners[1].bind.family, 6);
    gw_config_free(a);
    gw_config_free(b);
}

static void a_reload_with_an_error_gives_nothing(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a = load_good(f, "[gateway]\nid = 7\n");

    assert_null(reload_text(f, a, "[gateway]\nid = 300\n"));
    assert_string_equal(f->reported,
                        "2: gateway.id: expected a number from 1 to 255; got "
                        "'300'\n");
    assert_null(reload_text(f, a, "[upstream]\nurl = x\n"));
    assert_int_equal(a->options.gw_id, 7);
    gw_config_free(a);
}

/* The connection runs on the old one; its file may be gone by now. */
static void a_new_password_waits_for_a_restart(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b;
    char path[64], text[160];

    snprintf(path, sizeof(path), "%s/password", f->dir);
    write_text(path, "old");
    chmod(path, 0600);
    snprintf(text, sizeof(text),
             "[upstream]\nusername = u\npassword_file = %s\n", path);
    a = load_good(f, text);

    write_text(path, "new");
    b = reload_text(f, a, text);
    assert_non_null(b);
    assert_string_equal(
        f->reported,
        "warning: 3: upstream.password_file: the new value needs a restart\n");
    assert_string_equal((const char *)b->upstream.password, "old");
    gw_config_free(b);

    unlink(path);
    b = reload_text(f, a, "");
    assert_non_null(b);
    assert_string_equal((const char *)b->upstream.password, "old");
    assert_string_equal(b->upstream.username, "u");
    gw_config_free(a);
    gw_config_free(b);
}

/* Connections run on what was read at the start. */
static void credentials_of_the_start_may_be_gone(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b;
    char rows[64], text[160];

    snprintf(rows, sizeof(rows), "%s/rows", f->dir);
    snprintf(text, sizeof(text),
             "[upstream]\nmode = transparent\ncredentials_file = %s\n", rows);
    write_text(rows, "");
    a = load_good(f, text);

    unlink(rows);
    b = reload_text(f, a,
                    "[upstream]\nmode = transparent\n[gateway]\nid = 2\n");
    assert_string_equal(f->reported,
                        "warning: upstream.credentials_file: the new value "
                        "needs a restart\n");
    assert_non_null(b);
    assert_int_equal(b->options.gw_id, 2);
    gw_config_free(a);
    gw_config_free(b);
}

static void trusted_certificates_of_the_start_may_be_gone(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b;
    char path[64], text[160];

    if (!gw_tls_available())
        skip();
    snprintf(path, sizeof(path), "%s/trusted", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(text, sizeof(text),
             "[upstream]\nurl = mqtts://b\n[tls]\nca_path = %s\n", path);
    a = load_good(f, text);

    assert_int_equal(rmdir(path), 0);
    b = reload_text(f, a,
                    "[upstream]\nurl = mqtts://b\n[tls]\nca_path = /\n"
                    "[gateway]\nid = 2\n");
    assert_string_equal(
        f->reported,
        "warning: 4: tls.ca_path: the new value needs a restart\n");
    assert_non_null(b);
    assert_int_equal(b->options.gw_id, 2);
    gw_config_free(a);
    gw_config_free(b);
}

/* Also where another key keeps its running value. */
static void new_tokens_are_taken_over(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b;
    char path[64], text[160], other[200];

    snprintf(path, sizeof(path), "%s/tokens", f->dir);
    write_text(path, "0123456789abcdef\n");
    chmod(path, 0600);
    snprintf(text, sizeof(text), "[http]\ntoken_file = %s\n", path);
    a = load_good(f, text);

    write_text(path, "# new\nfedcba9876543210\n");
    snprintf(other, sizeof(other), "%s[upstream]\nkeep_alive = 7s\n", text);
    b = reload_text(f, a, other);
    assert_non_null(b);
    assert_string_equal(
        f->reported,
        "warning: 4: upstream.keep_alive: the new value needs a restart\n");
    assert_string_equal((const char *)b->http.tokens,
                        "# new\nfedcba9876543210");
    gw_config_free(b);

    write_text(path, "# new\n\nfedcba987654321\n");
    assert_null(reload_text(f, a, text));
    assert_string_equal(f->reported,
                        "2: http.token_file: line 3 of it: expected a token of "
                        "16 to 128 characters\n");
    write_text(path, "# none\n");
    assert_null(reload_text(f, a, text));
    assert_string_equal(f->reported,
                        "2: http.token_file: expected a token, one "
                        "on a line\n");
    gw_config_free(a);
}

static void a_made_up_client_id_stays(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a, *b, *c;

    unlink(f->machine_id);
    a = load_good(f, "");
    b = reload_text(f, a, "[gateway]\nid = 2\n");
    assert_non_null(b);
    assert_string_equal(f->reported, "");
    assert_string_equal(a->upstream.client_id, b->upstream.client_id);
    c = reload_text(f, b, "[upstream]\nclient_id = x\n");
    assert_non_null(c);
    assert_string_equal(
        f->reported,
        "warning: 2: upstream.client_id: the new value needs a restart\n");
    assert_string_equal(a->upstream.client_id, c->upstream.client_id);
    gw_config_free(a);
    gw_config_free(b);
    gw_config_free(c);
}

/* They say who this is until it starts again. */
static void what_the_machine_is_called_waits_for_a_restart(void **state)
{
    struct fixture *f = *state;
    struct gw_config *a = load_good(f, ""), *b;

    a->name = "before";
    write_text(f->machine_id, "ffeeddccbbaa99887766554433221100\n");
    b = reload_text(f, a, "[gateway]\nid = 2\n");
    assert_non_null(b);
    assert_string_equal(
        f->reported,
        "warning: gateway.name: the new value needs a restart\n"
        "warning: upstream.client_id: the new value needs a restart\n");
    assert_int_equal(b->options.gw_id, 2);
    assert_string_equal(b->name, "before");
    assert_string_equal(a->upstream.client_id, b->upstream.client_id);
    gw_config_free(a);
    gw_config_free(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_reloads_is_taken_over),
        TEST(a_reload_of_the_same_changes_nothing),
        TEST(what_needs_a_restart_keeps_its_running_value),
        TEST(listeners_keep_their_places),
        TEST(default_listeners_stay_when_the_file_names_some),
        TEST(a_reload_with_an_error_gives_nothing),
        TEST(a_new_password_waits_for_a_restart),
        TEST(credentials_of_the_start_may_be_gone),
        TEST(trusted_certificates_of_the_start_may_be_gone),
        TEST(new_tokens_are_taken_over),
        TEST(a_made_up_client_id_stays),
        TEST(what_the_machine_is_called_waits_for_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
