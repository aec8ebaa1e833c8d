/* SPDX-License-Identifier: MIT */
/*
 * What is printed: the configuration in force loads to the same, and the
 * documents in the tree are what the table of keys says. After a change of the
 * table, GW_UPDATE_DOCUMENTS=1 makes this test write them.
 */
#include "config_support.h"

#include "conf_private.h"
#include "core/engine.h"

static char *print(void (*what)(const void *of, FILE *out), const void *of)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    what(of, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void config_to(const void *of, FILE *out)
{
    gw_config_print(of, out);
}

static void document_to(const void *of, FILE *out)
{
    const enum gw_config_document *document = of;

    gw_config_print_document(*document, out);
}

static void summary_to(const void *of, FILE *out)
{
    gw_config_print_summary(of, out);
}

/* Without the comments: they say where a value came from. */
static void strip_origins(char *text)
{
    char *to = text;

    while (*text != '\0') {
        if (text[0] == ' ' && text[strspn(text, " ")] == ';')
            text += strcspn(text, "\n");
        else
            *to++ = *text++;
    }
    *to = '\0';
}

static void assert_same(const struct gw_config *a, const struct gw_config *b)
{
    char *a_text = print(config_to, a), *b_text = print(config_to, b);

    strip_origins(a_text);
    strip_origins(b_text);
    assert_string_equal(a_text, b_text);
    free(a_text);
    free(b_text);
    assert_int_equal(gw_config_changes(a, b, NULL, NULL), 0);
    assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
    assert_int_equal(a->options.predefined_count, b->options.predefined_count);
    assert_int_equal(a->options.client_rule_count,
                     b->options.client_rule_count);
}

static void every_default_is_of_its_own_type(void **state)
{
    struct conf_load load = {.config = load_good(*state, "")};
    char why[CONF_WHY_MAX];

    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        struct conf_value value;

        CASE(key->name);
        assert_non_null(conf_section_find(key->section, strlen(key->section)));
        assert_ptr_equal(
            conf_key_find(key->section, key->name, strlen(key->name)), key);
        if (key->scope == CONF_CLIENT) { /* its default is another key's */
            assert_string_equal(key->value, "");
            assert_non_null(key->note);
        } else {
            assert_true(conf_parse(&load, key, key->value, &value, why));
        }
        assert_true(key->meaning != NULL && key->meaning[0] != '\0');
        assert_true(key->meaning[strlen(key->meaning) - 1] != '.');
        assert_true(key->value[0] != '\0' || key->note != NULL);
    }
    gw_config_free(load.config);
}

static void the_printed_configuration_loads_to_the_same(void **state)
{
    static const char *const files[] = {
        "",
        "[gateway]\nid = 5\nname = a;b#c\n[listener x]\nbind = [::1]\n"
        "multicast = [ff18::1]\nforwarders = any\ndiscovery = yes\n"
        "[listener y]\nbind = 10.0.0.1\nforwarders = 10.0.0.0/8, 1.2.3.4\n"
        "interface = lo\nadvertise_interval = 61s\nreceive_buffer = 1000B\n"
        "[client n[0-9]*]\nqueue_max_age = 90m\ndrop_policy = newest\n"
        "[client *]\nmax_datagram = 64\n"
        "[upstream]\nurl = mqtt://a,mqtt://[::1]:5\nusername = \xc3\xa4\n"
        "retain_settle = 1500ms\n"
        "[topics]\nqos_minus1_from =\nqos_minus1_short = yes\n"
        "[predefined]\n9 = x\n8 = y/z, open\n"
        "[limits]\nmax_sessions = 123\nnames_total_bytes = 1000001B\n"
        "[access]\npublish = a/+, b/#\n[compat]\noverlapping = each\n"
        "[log]\nlevel = debug\nformat = json\noutput = syslog\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct fixture *f = *state;
        struct gw_config *a = load_good(f, files[i]), *b;
        char *text = print(config_to, a);

        CASE(files[i]);
        b = load_good(f, text);
        assert_same(a, b);
        free(text);
        gw_config_free(a);
        gw_config_free(b);
    }
}

static void each_value_says_where_it_comes_from(void **state)
{
    struct fixture *f = *state;
    char *environment[] = {VARIABLE("MQTTSN_LOG_LEVEL=warn"), NULL};
    const char *set[] = {"log.format=json", "predefined.7=q"};
    struct gw_config *c;
    char *text;

    f->sources.environment = environment;
    f->sources.set = set;
    f->sources.set_count = 2;
    c = load_good(f, "[gateway]\nid = 2\n[predefined]\n7 = p\n");
    text = print(config_to, c);
    assert_non_null(strstr(text, "id = 2                                       "
                                 "    ; line 2\n"));
    assert_non_null(strstr(text, "level = warn "));
    assert_non_null(strstr(text, "; environment\n"));
    assert_non_null(strstr(text, "format = json                                "
                                 "    ; --set\n"));
    assert_non_null(strstr(text, "7 = q "));
    assert_null(strstr(text, "7 = p "));
    assert_non_null(strstr(text, "count = 3                                    "
                                 "    ; default\n"));
    free(text);
    gw_config_free(c);
}

static void a_password_is_not_printed(void **state)
{
    struct fixture *f = *state;
    char path[64], text[160];
    struct gw_config *c;
    char *printed, *summary;

    snprintf(path, sizeof(path), "%s/password", f->dir);
    write_text(path, "geheim");
    chmod(path, 0600);
    snprintf(text, sizeof(text),
             "[upstream]\nusername = u\npassword_file = %s\n", path);
    c = load_good(f, text);
    printed = print(config_to, c);
    summary = print(summary_to, c);
    assert_non_null(strstr(printed, path));
    assert_null(strstr(printed, "geheim"));
    assert_null(strstr(summary, "geheim"));
    free(printed);
    free(summary);
    gw_config_free(c);
}

static void the_summary_adds_up_the_limits(void **state)
{
    struct gw_config *c =
        load_good(*state, "[listener a]\nbind = [::1]:5\nmulticast = "
                          "[ff18::2]\n[upstream]\nurl=mqtt://a,mqtt://b:2\n"
                          "client_id = me\n");
    char *text = print(summary_to, c), memory[80];

    assert_non_null(
        strstr(text, "listener a: [::1]:5, group [ff18::2]:1883\n"));
    assert_non_null(strstr(text, "broker: mqtt://a:1883, mqtt://b:2\n"));
    assert_non_null(strstr(text, "client id at the broker: me\n"));
    snprintf(memory, sizeof(memory), "at most %.1f MiB\n",
             (double)gw_engine_size(&c->limits) / (1 << 20));
    assert_non_null(strstr(text, memory));
    free(text);
    gw_config_free(c);
}

/* With every ';' before a key taken away. */
static void the_sample_is_the_default(void **state)
{
    enum gw_config_document document = GW_CONFIG_SAMPLE;
    char *text = print(document_to, &document), *from = text, *to = text;
    struct gw_config *a, *b;
    bool at_start = true;

    a = load_good(*state, "[listener lan]\n[predefined]\n"
                          "101 = site/boiler/temperature\n"
                          "102 = site/door/state, open\n[client sensor-*]\n"
                          "max_datagram = 1024\nqueue_max_messages = 100\n"
                          "queue_max_bytes = 64KiB\nqueue_max_age = 0\n"
                          "drop_policy = oldest\nwill = lost\n"
                          "subscribe =\nno_local = no\ntrace = no\n");
    b = load_good(*state, text); /* as it is: an empty file */
    assert_int_equal(b->options.listener_count, 2);
    gw_config_free(b);

    for (; *from != '\0'; from++) {
        if (!at_start || *from != ';')
            *to++ = *from;
        at_start = *from == '\n';
    }
    *to = '\0';
    b = load_good(*state, text);
    assert_same(a, b);
    free(text);
    gw_config_free(a);
    gw_config_free(b);
}

static char *read_all(const char *path)
{
    char *text = calloc(1, 1 << 18);
    FILE *file = fopen(path, "r");

    assert_non_null(text);
    if (file != NULL) {
        text[fread(text, 1, (1 << 18) - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

static void the_documents_in_the_tree_are_up_to_date(void **state)
{
    static const struct {
        enum gw_config_document document;
        const char *path;
    } rows[] = {
        {GW_CONFIG_SAMPLE, "packaging/gateway.conf.sample"},
        {GW_CONFIG_MARKDOWN, "docs/config.md"},
        {GW_CONFIG_MANUAL, "docs/man/mqttsn-gateway.conf.5"},
    };
    const char *root = getenv("GW_SOURCE_ROOT");

    (void)state;
    if (root == NULL)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = print(document_to, &rows[i].document), *found;
        char path[512];

        CASE(rows[i].path);
        snprintf(path, sizeof(path), "%s/%s", root, rows[i].path);
        if (getenv("GW_UPDATE_DOCUMENTS") != NULL)
            write_text(path, text);
        found = read_all(path);
        if (strcmp(text, found) != 0)
            fail_msg("'%s' is not what the table of keys says; run this test "
                     "with GW_UPDATE_DOCUMENTS=1",
                     path);
        free(text);
        free(found);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_default_is_of_its_own_type),
        TEST(the_printed_configuration_loads_to_the_same),
        TEST(each_value_says_where_it_comes_from),
        TEST(a_password_is_not_printed),
        TEST(the_summary_adds_up_the_limits),
        TEST(the_sample_is_the_default),
        TEST(the_documents_in_the_tree_are_up_to_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
