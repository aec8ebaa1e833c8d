/* SPDX-License-Identifier: MIT */
/*
 * Every key of the table, one at a time: a reload with another value either
 * brings it into force, or says that it needs a restart and keeps the old one;
 * which of the two is what the table says. What comes into force the engine
 * takes, and it lies where a reload looks.
 */
#include "conf_keys.h"
#include "config_support.h"
#include "core/engine.h"

#include <inttypes.h>

/* Values other than the default that suit the rest of a configuration, where
 * the type alone does not tell; 'more' are lines in front. */
static const struct {
    const char *name, *value, *more;
} by_name[] = {
    {"gateway.name", "another", ""},
    {"listener.bind", "127.0.0.1:7", ""},
    {"listener.interface", "lo", ""},
    {"listener.multicast", "225.1.1.1:7", ""},
    {"upstream.url", "mqtt://b2", ""},
    {"upstream.mode", "transparent", ""},
    {"upstream.profile", "aws-iot",
     "[upstream]\nclient_id = x\n[tls]\nca_path = /\n"},
    {"upstream.max_keep_alive", "65535s", ""},
    {"upstream.max_client_id", "250", ""},
    {"upstream.client_id_characters", "abcdefghijklmnopqrstuvwxyz-0123456789",
     ""},
    {"upstream.connect_interval", "2s", ""},
    {"upstream.client_id", "another", ""},
    {"upstream.username", "me", ""},
    {"upstream.proxy", "http://p:1", ""},
    {"upstream.proxy_username", "me", "[upstream]\nproxy = http://p:1\n"},
    {"upstream.reconnect_min", "2s", ""},
    {"upstream.reconnect_max", "61s", ""},
    {"upstream.topic_prefix", "site/", ""},
    {"transparent.client_id", "x-{client_id}", ""},
    {"tls.ca_path", "/", ""},
    {"tls.server_name", "b", ""},
    {"tls.alpn", "mqtt", ""},
    {"tls.ciphers", "HIGH", ""},
    {"limits.max_sessions", "11", ""},
    {"http.host_names", "gw", ""},
    {"http.bind", "127.0.0.1:7", ""},
    {"ctl.path", "/tmp/x", ""},
    {"ctl.group", "adm", ""},
    {"status.prefix", "x", ""},
    {"store.path", "/tmp/x", ""},
    {"store.journal_path", "/tmp", ""},
    {"uplink.max_bytes", "8KiB", ""},
};

/* Files are their content: they would have to be there. */
static bool is_of_a_file(const struct conf_key *key)
{
    return key->type == CONF_SECRET ||
           (key->type == CONF_PATH && strstr(key->name, "_file") != NULL);
}

static uint64_t another_number(const struct conf_key *key)
{
    char text[32];

    /* The default is one of the two at most; a great one may be too much. */
    snprintf(text, sizeof(text), "%" PRIu64, key->min);
    if (strcmp(key->value, text) != 0 && strcmp(key->value, "0") != 0 &&
        key->min != 0)
        return key->min;
    return key->min + 1 <= key->max ? key->min + 1 : key->max;
}

static bool another_value(const struct conf_key *key, const char *full,
                          char *buf, size_t cap, const char **ret_more)
{
    char word[48];

    *ret_more = "";
    for (size_t i = 0; i < ARRAY_LEN(by_name); i++) {
        if (strcmp(by_name[i].name, full) == 0) {
            snprintf(buf, cap, "%s", by_name[i].value);
            *ret_more = by_name[i].more;
            return true;
        }
    }
    switch (key->type) {
    case CONF_BOOL:
        snprintf(buf, cap, strcmp(key->value, "yes") == 0 ? "no" : "yes");
        return true;
    case CONF_UINT:
        snprintf(buf, cap, "%" PRIu64, another_number(key));
        return true;
    case CONF_DURATION:
        snprintf(buf, cap, "%" PRIu64 "s", (another_number(key) + 1999) / 1000);
        return true;
    case CONF_SIZE:
        snprintf(buf, cap, "%" PRIu64 "B", another_number(key));
        return true;
    case CONF_CHOICE:
        conf_word(key->words,
                  strcmp(conf_word(key->words, 0, word, sizeof(word)),
                         key->value) == 0,
                  buf, cap);
        return true;
    case CONF_CIDRS:
        snprintf(buf, cap, "10.0.0.0/8");
        return true;
    case CONF_FORWARDERS:
        snprintf(buf, cap, "any");
        return true;
    case CONF_FILTERS:
        snprintf(buf, cap, "a/#");
        return true;
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_SECRET:
    case CONF_ADDRESS:
    case CONF_SUBSCRIPTION:
    case CONF_URLS:
        break;
    }
    return false;
}

/* The value of a key as it is printed, without where it comes from. */
static void printed(const struct gw_config *config, const struct conf_key *key,
                    char *buf, size_t cap)
{
    char *text = NULL, *at;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    char head[64], line[64];

    assert_non_null(out);
    gw_config_print(config, out);
    fclose(out);
    snprintf(head, sizeof(head), "\n[%s%s", key->section,
             strcmp(key->section, "listener") == 0 ? " lan]\n" : "]\n");
    snprintf(line, sizeof(line), "\n%s =", key->name);
    at = strstr(text, head);
    at = at != NULL ? strstr(at + strlen(head) - 1, line) : NULL;
    if (at == NULL)
        fail_msg("%s.%s is not printed", key->section, key->name);
    snprintf(buf, cap, "%.*s", (int)strcspn(at + strlen(line), ";\n"),
             at + strlen(line));
    free(text);
}

/* Where the daemon looks when a configuration is in force anew: the engine's
 * options, the log, and what is answered over HTTP. */
static bool is_looked_at(const struct conf_key *key)
{
    size_t at = key->offset;

    if (key->offset == CONF_NOWHERE)
        return key->type == CONF_PATH; /* what is in it becomes options */
    if (key->scope == CONF_LISTENER_OPTIONS)
        return true;
    return key->scope == CONF_GLOBAL &&
           ((at >= offsetof(struct gw_config, options) &&
             at < offsetof(struct gw_config, options) +
                      sizeof(struct gw_options)) ||
            (at >= offsetof(struct gw_config, log) &&
             at < offsetof(struct gw_config, log) +
                      sizeof(struct gw_config_log)) ||
            at == offsetof(struct gw_config, http.tokens) ||
            at == offsetof(struct gw_config, http.host_names));
}

static void try_key(struct fixture *f, struct gw_engine *engine,
                    const struct gw_config *running, const struct conf_key *key,
                    unsigned *ret_tried)
{
    char full[96], value[128], before[600], after[600], text[1024], said[160];
    bool reloads = (key->flags & CONF_RELOADS) != 0;
    struct gw_config *fresh = NULL;
    struct gw_options options;
    const char *more;

    snprintf(full, sizeof(full), "%s.%s", key->section, key->name);
    CASE(full);
    assert_int_equal(reloads && !is_looked_at(key), false);
    /* The last means nothing without a durable store. */
    if (is_of_a_file(key) || strcmp(full, "limits.uplink_max_messages") == 0)
        return;
    if (!another_value(key, full, value, sizeof(value), &more))
        fail_msg("no other value for %s", full);
    snprintf(text, sizeof(text),
             "[limits]\nmax_sessions = 10\n[listener lan]\n%s[%s%s]\n%s = %s\n",
             more, key->section,
             strcmp(key->section, "listener") == 0 ? " lan" : "", key->name,
             value);
    if (strcmp(full, "limits.max_sessions") == 0)
        snprintf(text, sizeof(text), "[listener lan]\n[limits]\n%s = %s\n",
                 key->name, value);
    write_text(f->file, text);
    f->reported[0] = '\0';
    if (gw_config_reload(running, &f->sources, note_problem, f, &fresh) !=
        MQTTSN_OK)
        fail_msg("%s", f->reported);

    printed(running, key, before, sizeof(before));
    printed(fresh, key, after, sizeof(after));
    snprintf(said, sizeof(said),
             strcmp(key->section, "listener") == 0
                 ? "listener.lan.%s: the new value needs a restart"
                 : "%s: the new value needs a restart",
             strcmp(key->section, "listener") == 0 ? key->name : full);
    assert_int_equal(strcmp(before, after) != 0, reloads);
    assert_int_equal(strstr(f->reported, said) != NULL, !reloads);
    options = fresh->options;
    assert_int_equal(gw_engine_reconfigure(engine, &options, 1000 + *ret_tried),
                     MQTTSN_OK);
    ++*ret_tried;
    gw_config_free(fresh);
}

static void every_key_reloads_or_says_that_it_does_not(void **state)
{
    static const uint8_t seed[16];
    struct fixture *f = *state;
    struct gw_config *running =
        load_good(f, "[limits]\nmax_sessions = 10\n[listener lan]\n");
    struct gw_engine *engine;
    unsigned tried = 0;

    assert_int_equal(
        gw_engine_new(&running->limits, &running->options, seed, 1000, &engine),
        MQTTSN_OK);
    for (size_t k = 0; k < conf_key_count; k++) {
        /* [client] sections are taken whole. */
        if (conf_keys[k].scope == CONF_CLIENT)
            assert_true((conf_keys[k].flags & CONF_RELOADS) != 0);
        else
            try_key(f, engine, running, &conf_keys[k], &tried);
    }
    assert_true(tried > conf_key_count / 2);
    gw_engine_free(engine);
    gw_config_free(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            every_key_reloads_or_says_that_it_does_not, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
