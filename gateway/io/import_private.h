/* SPDX-License-Identifier: MIT */
/*
 * import_private.h - what reading (import_paho.c) and writing
 * (import_paho_write.c) of an import share.
 */
#ifndef GW_IMPORT_PRIVATE_H
#define GW_IMPORT_PRIVATE_H

#include "conf_private.h"

/* A line of gateway.conf. */
struct import_setting {
    char *key;
    char *value;
    unsigned line;
    bool used; /* by something that was written; else it is in a comment */
};

/* A line of predefinedTopic.conf. */
struct import_topic {
    char *client;
    char *topic;
    char *id;
};

struct import {
    FILE *err;
    const char *path;
    struct import_setting *settings;
    size_t setting_count;
    char *clients_path, *topics_path; /* NULL: not needed */
    struct conf_client *clients;
    size_t client_count;
    struct import_topic *topics;
    size_t topic_count;
};

/* The last line with a key, or NULL. */
struct import_setting *import_find(const struct import *in, const char *key);

/* Whether a switch of theirs is YES. */
bool import_is_on(const struct import *in, const char *key);

void import_write(const struct import *in, FILE *out);

#endif
