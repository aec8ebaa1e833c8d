/* SPDX-License-Identifier: MIT */
/*
 * config.h - from files, environment and command line to one checked struct.
 *
 * A configuration is loaded whole or not at all: what gw_config_load gives
 * back has every key in range and every list resolved; what it refuses is
 * reported with file, line and key, all of it and not only the first. Nothing
 * here opens sockets, logs, or changes the process.
 *
 * Precedence: --set, then the environment, then the file, then the default.
 * The table of all keys is conf_table.c; docs/config.md is written from it.
 *
 * A loaded configuration is read-only and owns all it points at, 'options' and
 * 'listeners' included; gw_config_free gives all of it back. Loop thread only.
 */
#ifndef GW_CONFIG_H
#define GW_CONFIG_H

#include "core/limits.h"
#include "log.h"
#include "tls.h"

#include "mqttsn/status.h"

#include <stdio.h>

#define GW_CONFIG_FILE "/etc/mqttsn-gateway/gateway.conf"

/* The socket side of [listener NAME]; what the engine wants to know of it is
 * options.listeners[] at the same index. */
struct gw_config_listener {
    const char *name;         /* "lan" of [listener lan] */
    struct gw_addr bind;      /* port 0: any free port */
    const char *interface;    /* NULL: any */
    struct gw_addr multicast; /* family 0: none */
    uint64_t receive_buffer;  /* octets; 0: as the system gives */
};

/* One broker of upstream.url, to be tried in this order. */
struct gw_config_broker {
    const char *host; /* name or address, IPv6 without brackets */
    uint16_t port;
    const char *scheme; /* "mqtt", "mqtts", "ws" or "wss" */
    const char *uri;    /* "ssl://HOST:PORT" and the like, as Paho wants it */
    bool tls;
};

enum gw_config_protocol {
    GW_CONFIG_MQTT_3_1_1,
    GW_CONFIG_MQTT_5,
    GW_CONFIG_MQTT_AUTO,
};

/* One line of upstream.credentials_file. */
struct gw_config_credentials {
    const char *pattern;
    const char *username;             /* NULL: none, only with a certificate */
    const char *password;             /* NULL: none */
    const char *cert_file, *key_file; /* NULL, or both */
};

enum gw_config_profile {
    GW_PROFILE_GENERIC,
    GW_PROFILE_AWS_IOT,
    GW_PROFILE_AZURE_EVENT_GRID,
    GW_PROFILE_HIVEMQ_CLOUD,
    GW_PROFILE_EMQX_CLOUD
};

struct gw_config_upstream {
    enum gw_config_profile profile;
    const struct gw_config_broker *brokers;
    size_t broker_count; /* at least 1 */
    enum gw_config_protocol protocol;
    mqttsn_ms session_expiry; /* whole seconds; MQTT 5 */
    bool user_properties;     /* MQTT 5 */
    const char *client_id;
    bool client_id_random;    /* made up, as there is no machine id */
    const char *topic_prefix; /* as given; options has it made out; or NULL */
    const char *username;     /* NULL: none */
    const uint8_t *password;  /* NULL: none; also ends in a NUL */
    size_t password_len;
    const char *node_client_id; /* with {client_id} once */
    const char *credentials_file;
    const struct gw_config_credentials *credentials; /* not after a reload */
    size_t credential_count;
    const char *proxy; /* "http://HOST:PORT", or NULL */
    const char *proxy_username;
    const uint8_t *proxy_password; /* also ends in a NUL */
    size_t proxy_password_len;
    mqttsn_ms keep_alive;       /* whole seconds, 5..65535 */
    mqttsn_ms connect_timeout;  /* of one attempt */
    mqttsn_ms connect_interval; /* at least, between two CONNECTs */
    mqttsn_ms return_interval;  /* between looks for the first broker; or 0 */
    /* What the broker takes; 0, NULL: anything. */
    mqttsn_ms min_keep_alive, max_keep_alive;
    uint32_t max_client_id;
    const char *client_id_characters;
    mqttsn_ms reconnect_min; /* first pause after a lost connection */
    mqttsn_ms reconnect_max; /* the pause doubles up to this, with jitter */
};

enum gw_config_store_type { GW_STORE_MEMORY, GW_STORE_SQLITE };
enum gw_config_durability { GW_DURABILITY_BATCHED, GW_DURABILITY_FULL };

struct gw_config_store {
    enum gw_config_store_type type;
    const char *path;         /* of the database */
    const char *journal_path; /* a directory; NULL: that of the database */
    mqttsn_ms flush_interval;
    enum gw_config_durability durability;
};

struct gw_config_status {
    bool enabled;
    const char *prefix; /* as given */
    const char *topic; /* the same with all words made out; no '/' at its end */
    mqttsn_ms interval;
};

struct gw_config_http {
    struct gw_addr bind;   /* family 0: there is none */
    const uint8_t *tokens; /* a file of them (http_access.h), or NULL */
    size_t tokens_len;
    const char *host_names; /* or NULL */
};

/* Where mqttsn-ctl finds the gateway, unless the configuration says another
 * place. */
#define GW_CTL_PATH "/run/mqttsn-gateway/ctl.sock"

struct gw_config_ctl {
    const char *path;  /* NULL: there is none */
    const char *group; /* NULL: as the process has it */
};

struct gw_config_log {
    enum gw_log_level level;
    enum gw_log_format format;
    enum gw_log_output output;
};

struct gw_config {
    struct gw_limits limits;
    struct gw_options options;
    const char *name; /* gateway.name, by default the host name */
    const struct gw_config_listener *listeners; /* options.listener_count */
    struct gw_config_upstream upstream;
    struct gw_tls_settings tls; /* of the brokers with 'tls' */
    struct gw_config_store store;
    struct gw_config_log log;
    struct gw_config_status status;
    struct gw_config_http http;
    struct gw_config_ctl ctl;

    struct gw_config_private *private; /* config.c and conf_*.c only */
};

/* Where a configuration comes from. All zero: the default file, nothing
 * else. Borrowed for the call. */
struct gw_config_sources {
    const char *file;       /* NULL: GW_CONFIG_FILE, which may be missing */
    const char *const *set; /* "section.key=value", in order; the last wins */
    size_t set_count;
    char *const *environment;    /* as environ, NULL-terminated; NULL: none */
    const char *machine_id_file; /* NULL: /etc/machine-id; for tests */
};

/* Something about a configuration that its author should know. */
struct gw_config_problem {
    bool warning;     /* it is loaded nevertheless */
    const char *file; /* or "--set", "environment" */
    unsigned line;    /* 0: no line to name */
    const char *key;  /* "listener.lan.bind"; "" when it is no one key's */
    const char *text; /* what is wrong and what was expected */
};

/* Called once for each problem, in the order of the lines; everything is
 * borrowed for the call. Errors beyond GW_CONFIG_PROBLEMS_MAX are summed up in
 * a last one. */
typedef void gw_config_report(void *user,
                              const struct gw_config_problem *problem);
#define GW_CONFIG_PROBLEMS_MAX 20

/* "FILE:LINE: KEY: TEXT", without what is absent, cut to fit. Returns 'buf'. */
const char *gw_config_problem_text(const struct gw_config_problem *problem,
                                   char *buf, size_t cap);

/*
 * Reads all sources.
 *
 * MQTTSN_OK:      '*ret' is new.
 * MQTTSN_EINVAL:  at least one error was reported.
 * MQTTSN_ENOSPACE: no memory.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_config_load(const struct gw_config_sources *sources,
               gw_config_report *report, void *user, struct gw_config **ret);

/*
 * As gw_config_load, for a process that runs by 'running'. The new
 * configuration describes what can be in force now: keys that need a restart
 * keep their running value, and each whose configured value is another is
 * given to 'report' as a warning ("needs a restart"). 'running' is unchanged,
 * and may be freed when nothing refers to it any more.
 */
MQTTSN_CHECKED enum mqttsn_status
gw_config_reload(const struct gw_config *running,
                 const struct gw_config_sources *sources,
                 gw_config_report *report, void *user, struct gw_config **ret);

struct conf_place;

/* Calls 'changed' with each key that differs between the two and needs a
 * restart ("upstream.url", "listener.lan"), and where it stands in 'after',
 * which only the configuration itself can read. Returns how many. */
size_t gw_config_changes(const struct gw_config *before,
                         const struct gw_config *after,
                         void (*changed)(void *user, const char *key,
                                         const struct conf_place *place),
                         void *user);

/* NULL does nothing. Passwords are overwritten first. */
void gw_config_free(struct gw_config *config);

/* ---- text -------------------------------------------------------------- */

/* The configuration in force as a file that loads to the same; every key with
 * where it comes from. Secrets are not in it, only the path of their file. */
void gw_config_print(const struct gw_config *config, FILE *out);

/* What --check-config says of a good configuration: listeners, brokers, and
 * the limits with the most memory they can come to use. */
void gw_config_print_summary(const struct gw_config *config, FILE *out);

/* Documents written from the table of keys: packaging/gateway.conf.sample,
 * docs/config.md, docs/man/mqttsn-gateway.conf.5. */
enum gw_config_document {
    GW_CONFIG_SAMPLE,
    GW_CONFIG_MARKDOWN,
    GW_CONFIG_MANUAL,
};
/* Only in a program that is built of conf_documents (meson.build). */
void gw_config_print_document(enum gw_config_document document, FILE *out);

#endif
