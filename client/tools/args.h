/* SPDX-License-Identifier: MIT */
/*
 * args.h - the command line, by a table.
 *
 * An option has a letter, a word, or both: "-q 1", "-q1", "--qos 1" and
 * "--qos=1" are the same. Letters without values may be joined ("-dv"). There
 * are no arguments but options and their values. A value may begin with '-'
 * ("-q -1"). Nothing is copied: texts point into argv.
 */
#ifndef ARGS_H
#define ARGS_H

#include "mqttsn/client.h"

enum {
    ARGS_TOPICS_MAX = 64,
    ARGS_OCTETS_MAX = 252, /* of a wireless node id [SN 5.5] */
    ARGS_ERROR_MAX = 256,
};

enum args_kind {
    ARGS_FLAG,    /* bool: true when given */
    ARGS_TEXT,    /* const char * */
    ARGS_NUMBER,  /* long, from 'min' to 'max' */
    ARGS_SECONDS, /* mqttsn_ms, as "1.5", of at most 'max' seconds */
    ARGS_HEX,     /* struct args_octets, as "0a01" */
    ARGS_NAME,    /* struct args_topics: one more, by name */
    ARGS_ID,      /* struct args_topics: one more, predefined */
    ARGS_SHORT,   /* struct args_topics: one more, of two octets */
};

struct args_octets {
    uint8_t octets[ARGS_OCTETS_MAX];
    size_t len; /* 0: not given */
};

struct args_topics {
    struct mqttsn_topic topics[ARGS_TOPICS_MAX];
    size_t count;
};

/* One row of the table. */
struct args_option {
    char letter;      /* 0: none */
    const char *word; /* without "--"; NULL: none */
    enum args_kind kind;
    void *into; /* what 'kind' names; untouched when the option is not given */
    long min, max;
};

/*
 * Reads 'argv' from its second element on.
 *
 * MQTTSN_EINVAL: 'ret_error' is one line that says what is wrong; what the
 *                table points at holds part of the values.
 */
MQTTSN_CHECKED enum mqttsn_status args_parse(const struct args_option *table,
                                             size_t count, int argc,
                                             char *const argv[],
                                             char ret_error[ARGS_ERROR_MAX]);

#endif
