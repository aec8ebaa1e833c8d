/* SPDX-License-Identifier: MIT */
/*
 * conf_private.h - what the files of the configuration share.
 *
 * The way of a value: a source (conf_reader.c for the file, conf_sources.c for
 * environment and command line) names section, key and text; conf_set
 * (conf_entry.c) finds the key's row, parses the text (conf_value.c) and keeps
 * the entry, or reports why not. When all sources are read, conf_resolve
 * (conf_check.c) writes defaults and entries into the struct and checks what
 * only shows with the whole.
 */
#ifndef GW_CONF_PRIVATE_H
#define GW_CONF_PRIVATE_H

#include "conf_keys.h"
#include "config.h"

/* Longest line of a file; a list stands on one line. */
#define CONF_LINE_MAX 4096

/* In ascending precedence. */
enum conf_origin { CONF_DEFAULT, CONF_FILE, CONF_ENVIRONMENT, CONF_SET };

struct conf_place {
    enum conf_origin origin;
    const char *file; /* of the file only */
    unsigned line;
};

/* A text of its key's type. */
struct conf_value {
    uint64_t number;     /* yes/no, numbers, durations, sizes, choices */
    const char *text;    /* texts and paths; NULL when empty */
    struct gw_addr addr; /* family 0 when empty */
    const void *list;    /* lists and secrets */
    size_t count;
    bool any; /* forwarders: the word any */
};

/* [listener NAME] or [client PATTERN]. */
struct conf_section {
    const char *name;
    enum conf_scope scope; /* CONF_LISTENER or CONF_CLIENT */
    struct conf_place place;
    struct conf_section *next;
};

/* One key that some source gives. */
struct conf_entry {
    const struct conf_key *key;
    const struct conf_section *section; /* NULL for a global key */
    struct conf_place place;
    const char *text;
    struct conf_value value;
};

/* One predefined topic that some source gives. */
struct conf_topic {
    struct gw_predefined row;
    struct conf_place place;
    bool from_csv; /* of topics.predefined_file */
    bool replaced; /* by one of a higher precedence */
};

struct gw_config_private {
    struct conf_block *blocks;     /* every piece of memory but the arrays */
    struct conf_section *sections; /* in the order of their appearance */
    struct conf_entry *entries;
    size_t entry_count;
    struct conf_topic *topics;
    size_t topic_count;
    struct gw_config_listener *listeners; /* the struct's, to be filled */
    struct gw_listener_options *listener_options;
    struct gw_client_rule *rules;
    const char *last_file; /* spares a copy for each place */
};

/* One run of gw_config_load. */
struct conf_load {
    struct gw_config *config;
    const struct gw_config_sources *sources;
    const struct gw_config *running; /* of a reload, else NULL */
    bool merging; /* entries come from 'running' and its successor */
    gw_config_report *report;
    void *user;
    unsigned errors;
    bool no_memory;
};

/* ---- config.c ---- */

/* Memory that lives as long as the configuration. Without any, conf_dup gives
 * "" and conf_alloc NULL, and the load will fail. */
const char *conf_dup(struct conf_load *load, const char *text, size_t len);
void *conf_alloc(struct conf_load *load, size_t size);
void *conf_alloc_secret(struct conf_load *load, size_t size); /* wiped */

/* Room for one element more, or NULL, when the array is as it was. */
void *conf_grow(struct conf_load *load, void *array, size_t count, size_t size);

/* The place with a file name that lives as long as the configuration. */
struct conf_place conf_keep_place(struct conf_load *load,
                                  const struct conf_place *place);

void conf_error(struct conf_load *load, const struct conf_place *place,
                const char *key, const char *format, ...) MQTTSN_PRINTF(4, 5);
void conf_warn(struct conf_load *load, const struct conf_place *place,
               const char *key, const char *format, ...) MQTTSN_PRINTF(4, 5);

/* ---- conf_entry.c ---- */

/* What a section's head stands for. */
struct conf_target {
    const struct conf_section_row *row; /* NULL: unknown, its keys are passed */
    struct conf_section *section;       /* of a listener or client */
};

/* "listener lan", as it stands between brackets. Reports what is wrong. */
struct conf_target conf_open_section(struct conf_load *load,
                                     const struct conf_place *place,
                                     const char *head);

/* Takes one key; a higher precedence replaces a lower. */
void conf_set(struct conf_load *load, const struct conf_place *place,
              const struct conf_target *target, const char *name,
              const char *text);

struct conf_entry *conf_find(const struct gw_config_private *private,
                             const struct conf_key *key,
                             const struct conf_section *section);
struct conf_section *conf_section_named(const struct gw_config_private *private,
                                        enum conf_scope scope,
                                        const char *name);

/* "listener.lan.bind". Returns 'buf'. */
const char *conf_full_name(const struct conf_key *key,
                           const struct conf_section *section, char *buf,
                           size_t cap);
#define CONF_FULL_NAME_MAX 192

/* ---- the sources ---- */

void conf_read_file(struct conf_load *load);
void conf_read_environment(struct conf_load *load);
void conf_read_set(struct conf_load *load);

/* Reads a line without its end into 'buf' of CONF_LINE_MAX + 1; false at the
 * end. A line that is too long, no UTF-8 or has control characters is
 * reported and given as empty. */
struct conf_lines {
    struct conf_load *load;
    FILE *file;
    struct conf_place place;
    size_t octets;
    bool ended;
};
bool conf_next_line(struct conf_lines *lines, char *buf);

/* Opens what is no directory; reports 'key' and the reason. */
FILE *conf_open_file(struct conf_load *load, const struct conf_place *place,
                     const char *key, const char *path, bool may_be_missing);

/* Calls 'add' with each line, trimmed, of the file 'path' that 'key' names at
 * 'given', but for empty ones and comments, which begin with '#'. */
void conf_read_rows(struct conf_load *load, const struct conf_place *given,
                    const char *key, const char *path,
                    void (*add)(struct conf_load *load,
                                const struct conf_place *place, char *line));

/* Cuts blanks off both ends, in place. */
char *conf_trim(char *text);

/* ---- conf_value.c, conf_lists.c, conf_urls.c ---- */

/* Parses 'text' as 'key' wants it. False: 'why' says what was expected. */
#define CONF_WHY_MAX 256
bool conf_parse(struct conf_load *load, const struct conf_key *key,
                const char *text, struct conf_value *ret, char *why);
bool conf_parse_number(const char *text, uint64_t *ret);

/* Reads a password that only few may read. False: 'why' says why not. */
bool conf_read_secret(struct conf_load *load, const char *path,
                      struct conf_value *ret, char *why);

/* What a configuration has for the key of a secret. */
struct conf_secret {
    const uint8_t *octets; /* NULL: none */
    size_t len;
};
struct conf_secret conf_secret_of(const struct gw_config *config,
                                  const struct conf_key *key);

bool conf_parse_address(const char *text, uint16_t port, struct gw_addr *ret);

/* The network of one address; the port does not count. */
struct gw_cidr conf_cidr_of(const struct gw_addr *addr);

/* An address without port. */
bool conf_parse_host(const char *text, struct gw_addr *ret);

/* Splits "HOST", "HOST:PORT", "[HOST]", "[HOST]:PORT", and a bare IPv6
 * address, which has several colons. '*port' stays when none is given. */
bool conf_split_port(const char *text, char *host, size_t cap, uint16_t *port);

/* How many parts, when they are not too many for the key. */
bool conf_count_list(const struct conf_key *key, const char *text,
                     size_t *ret_count, char *why);
bool conf_parse_cidrs(struct conf_load *load, const struct conf_key *key,
                      const char *text, struct conf_value *ret, char *why);
bool conf_parse_filters(struct conf_load *load, const struct conf_key *key,
                        const char *text, struct conf_value *ret, char *why);
bool conf_parse_urls(struct conf_load *load, const struct conf_key *key,
                     const char *text, struct conf_value *ret, char *why);

/* Splits a comma-separated list: copies the next part, trimmed, and moves on;
 * false at the end. */
bool conf_next_part(const char **rest, char *buf, size_t cap);

/* ---- conf_topics.c ---- */

/* One line of [predefined]. */
void conf_add_topic(struct conf_load *load, const struct conf_place *place,
                    const char *id, const char *text);

/* Reads topics.predefined_file, finds doubles, fills options.predefined. */
void conf_resolve_topics(struct conf_load *load);

/* ---- conf_clients.c ---- */

/* One line of clients.conf of the Paho gateway: "id,address[,word]...". */
struct conf_client {
    char id[CONF_LINE_MAX + 1];
    char address[64]; /* as it stands */
    bool forwarder, qos_minus1, secure, unstable;
};

/* False when it is none. */
bool conf_parse_client(const char *line, struct conf_client *ret);

/* Reads access.clients_file into forwarders and qos_minus1_from. */
void conf_resolve_clients(struct conf_load *load);

/* ---- conf_mapping.c ---- */

/* Makes out options.topic_prefix; judges the {words} in it and in [access]. */
void conf_resolve_mapping(struct conf_load *load);

/* ---- conf_nodes.c ---- */

/* Connections of nodes: what may stand together, and their credentials. */
void conf_check_nodes(struct conf_load *load);

/* ---- conf_urls.c ---- */

/* Whether upstream.proxy is one. */
void conf_check_proxy(struct conf_load *load);

/* ---- conf_profiles.c ---- */

/* What upstream.profile gives for a key, or NULL. */
const char *conf_profile_value(const struct gw_config_private *private,
                               const struct conf_key *key);

/* Whether the gateway's own connection is within what the broker takes. */
void conf_check_profile(struct conf_load *load);

/* ---- conf_tls.c ---- */

/* Whether what [tls] names can be used. */
void conf_check_tls(struct conf_load *load);

/* Whether any broker is reached by TLS. */
bool conf_wants_tls(const struct gw_config *config);

/* ---- conf_http.c ---- */

/* Whether there can be an HTTP server as configured; and its tokens. */
void conf_check_http(struct conf_load *load);

/* ---- conf_check.c ---- */

/* Where a global key is given; nowhere when it is not. */
struct conf_place conf_place_of(const struct conf_load *load,
                                const char *section, const char *name);

/* Fills the struct from all entries, and checks it. */
void conf_resolve(struct conf_load *load);

#endif
