/* SPDX-License-Identifier: MIT */
/* Transparent mode: what it takes, what cannot stand beside it, and who nodes
 * are at the broker. */
#include "config_support.h"

#include "disk_store.h"

static const char *path_of(struct fixture *f, const char *name)
{
    static char path[2][80];
    static unsigned next;

    next = !next;
    snprintf(path[next], sizeof(path[0]), "%s/%s", f->dir, name);
    return path[next];
}

static const char *with_credentials(struct fixture *f, const char *lines)
{
    static char text[256];

    write_text(path_of(f, "rows"), lines);
    snprintf(text, sizeof(text),
             "[upstream]\nmode = transparent\ncredentials_file = %s\n",
             path_of(f, "rows"));
    return text;
}

static void a_password(struct fixture *f, mode_t mode)
{
    write_text(path_of(f, "word"), "sesame\n");
    assert_int_equal(chmod(path_of(f, "word"), mode), 0);
}

static void defaults_are_those_of_the_manual(void **state)
{
    struct gw_config *config =
        load_good(*state, "[upstream]\nmode = transparent\n");

    assert_int_equal(config->options.mode, GW_MODE_TRANSPARENT);
    assert_int_equal(config->limits.max_connections, 500);
    assert_string_equal(config->upstream.node_client_id, "{client_id}");
    assert_int_equal(config->upstream.credential_count, 0);
    gw_config_free(config);
}

static void credentials_come_in_the_order_of_their_lines(void **state)
{
    struct fixture *f = *state;
    struct gw_config *config;
    char rows[300];

    a_password(f, 0600);
    snprintf(rows, sizeof(rows), "# comment\n\nn1, one, %s\n  n*,many,%s  \n",
             path_of(f, "word"), path_of(f, "word"));
    config = load_good(f, with_credentials(f, rows));

    assert_int_equal(config->upstream.credential_count, 2);
    assert_string_equal(config->upstream.credentials[0].pattern, "n1");
    assert_string_equal(config->upstream.credentials[0].username, "one");
    assert_string_equal(config->upstream.credentials[0].password, "sesame");
    assert_string_equal(config->upstream.credentials[1].pattern, "n*");
    assert_string_equal(config->upstream.credentials[1].username, "many");
    gw_config_free(config);
}

static void wrong_lines_are_named(void **state)
{
#define FORM                                                                   \
    "expected client|pattern, username, password_file, or client|pattern, "    \
    "[username], cert_file, key_file"
    static const struct {
        const char *rows, *report;
    } rows[] = {
        {"\nn1, one\n",
         "/rows:2: upstream.credentials_file: " FORM "; got 'n1, one'\n"},
        {"n1, , /x\n",
         "/rows:1: upstream.credentials_file: " FORM "; got 'n1, , /x'\n"},
        {"n1, one, /cert, \n", "/rows:1: upstream.credentials_file: " FORM
                               "; got 'n1, one, /cert,'\n"},
        {"n1, one, /cert, /key, more\n",
         "/rows:1: upstream.credentials_file: " FORM
         "; got 'n1, one, /cert, /key, more'\n"},
        {"n1, one, /nonexistent/word\n", "/rows:1: upstream.credentials_file: "
                                         "cannot open '/nonexistent/word': No "
                                         "such file or directory\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;

        CASE(rows[i].rows);
        assert_null(load_text(f, with_credentials(f, rows[i].rows)));
        assert_non_null(strstr(f->reported, rows[i].report));
    }
}

static void a_password_that_everybody_may_read_is_refused(void **state)
{
    struct fixture *f = *state;
    char rows[200];

    a_password(f, 0644);
    snprintf(rows, sizeof(rows), "n1, one, %s\n", path_of(f, "word"));
    assert_null(load_text(f, with_credentials(f, rows)));
    assert_non_null(strstr(f->reported, "can be read or written by everybody"));
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *text, *report;
    } rows[] = {
        {"[upstream]\nmode = transparent\n[transparent]\nclient_id = x\n",
         "4: transparent.client_id: expected {client_id} in it once: no two "
         "nodes may have one id; got 'x'\n"},
        {"[upstream]\nmode = transparent\n[transparent]\n"
         "client_id = {client_id}{client_id}\n",
         "4: transparent.client_id: expected {client_id} in it once: no two "
         "nodes may have one id; got '{client_id}{client_id}'\n"},
        {"[client n*]\nno_local = yes\n[upstream]\nprotocol = 5\n",
         "2: client.no_local: expected upstream.mode = transparent: by one "
         "connection for all nodes nobody's messages can be left out\n"},
        {"[client n*]\nno_local = yes\n[upstream]\nmode = transparent\n",
         "2: client.no_local: expected upstream.protocol = 5: MQTT 3.1.1 has "
         "no such thing\n"},
        {"[upstream]\nmode = transparent\n[store]\ntype = sqlite\n",
         "2: upstream.mode: expected aggregating with store.type = sqlite: "
         "what is under way in a node's own connection does not outlive the "
         "process in this version; or store.type = memory\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;

        if (strstr(rows[i].text, "sqlite") && !gw_disk_available())
            continue;
        CASE(rows[i].text);
        assert_null(load_text(f, rows[i].text));
        assert_string_equal(f->reported, rows[i].report);
    }
}

static void what_aggregating_has_no_use_for_is_said(void **state)
{
    struct fixture *f = *state;
    struct gw_config *config =
        load_good(f, "[upstream]\ncredentials_file = /nonexistent/rows\n");

    assert_string_equal(f->reported,
                        "warning: 2: upstream.credentials_file: means nothing "
                        "with upstream.mode = aggregating: nodes have no "
                        "connections of their own\n");
    gw_config_free(config);
}

static void nodes_may_be_kept_from_their_own_messages(void **state)
{
    struct fixture *f = *state;
    struct gw_config *config =
        load_good(f, "[client n*]\nno_local = yes\n[client m*]\n"
                     "no_local = no\n[upstream]\nmode = transparent\n"
                     "protocol = 5\n");

    assert_string_equal(f->reported, "");
    assert_int_equal(config->options.client_rules[0].fields,
                     GW_CLIENT_NO_LOCAL);
    assert_true(config->options.client_rules[0].settings.no_local);
    assert_false(config->options.client_rules[1].settings.no_local);
    gw_config_free(config);

    CASE("where it may turn out to be none");
    config = load_good(f, "[client n*]\nno_local = yes\n[upstream]\n"
                          "mode = transparent\nprotocol = auto\n");
    assert_string_equal(f->reported,
                        "warning: 2: client.no_local: means nothing with a "
                        "broker that speaks no MQTT 5, which "
                        "upstream.protocol = auto takes too\n");
    gw_config_free(config);
}

static void a_certificate_is_for_tls_and_is_loaded(void **state)
{
    struct fixture *f = *state;
    struct gw_config *config =
        load_good(f, with_credentials(f, "n1, , /cert, /key\n"));
    char text[300];

    assert_non_null(strstr(f->reported, "/rows:1: upstream.credentials_file: a "
                                        "certificate means nothing without a "
                                        "URL with mqtts or wss\n"));
    assert_null(config->upstream.credentials[0].username);
    assert_string_equal(config->upstream.credentials[0].cert_file, "/cert");
    assert_string_equal(config->upstream.credentials[0].key_file, "/key");
    gw_config_free(config);

    CASE("over TLS it is looked at");
    snprintf(text, sizeof(text), "%surl = mqtts://broker.test\n",
             with_credentials(f, "n1, , /nonexistent/cert, /key\n"));
    assert_null(load_text(f, text));
    assert_non_null(strstr(f->reported,
                           "/rows:1: upstream.credentials_file: of 'n1', as "
                           "tls.cert_file: cannot open '/nonexistent/cert': "
                           "No such file or directory\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_the_manual),
        TEST(credentials_come_in_the_order_of_their_lines),
        TEST(wrong_lines_are_named),
        TEST(a_password_that_everybody_may_read_is_refused),
        TEST(what_cannot_be_is_refused),
        TEST(what_aggregating_has_no_use_for_is_said),
        TEST(nodes_may_be_kept_from_their_own_messages),
        TEST(a_certificate_is_for_tls_and_is_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
