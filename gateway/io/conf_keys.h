/* SPDX-License-Identifier: MIT */
/*
 * conf_keys.h - the one table of every key there is.
 *
 * The reader, the checks, --print-config, the sample file and the documents
 * all go by this table and know no key by themselves. A key is added here and
 * nowhere else; the struct member that it fills is named in its row.
 */
#ifndef GW_CONF_KEYS_H
#define GW_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The meaning of a key or section is for the documents, and compiled where they
 * are made (conf_documents in meson.build); NULL in the daemon. */
#ifdef CONF_DOCUMENTED
#define CONF_SAID(text_) (text_)
#else
#define CONF_SAID(text_) NULL
#endif

enum conf_type {
    CONF_BOOL,
    CONF_UINT,
    CONF_DURATION, /* kept in ms */
    CONF_SIZE,     /* kept in octets */
    CONF_CHOICE,   /* one of 'words'; kept as its index */
    CONF_TEXT,     /* at most 'max' octets */
    CONF_PATH,
    CONF_SECRET,     /* path of a file; what is kept is its content */
    CONF_ADDRESS,    /* ADDRESS[:PORT], 'min' is the port when none is given */
    CONF_FORWARDERS, /* addresses, or the word any */
    CONF_CIDRS,
    CONF_FILTERS,
    CONF_SUBSCRIPTION, /* FILTER QOS; as text and number */
    CONF_URLS,
};

enum conf_scope {
    CONF_GLOBAL,
    CONF_LISTENER,         /* 'offset' is in struct gw_config_listener */
    CONF_LISTENER_OPTIONS, /* 'offset' is in struct gw_listener_options */
    CONF_CLIENT,           /* 'offset' is in struct gw_client_settings */
};

enum conf_flag {
    CONF_RELOADS = 1,
    CONF_SECONDS = 4,  /* a duration that must be whole seconds */
    CONF_REPEATS = 16, /* may be given more than once in a section */
    CONF_DERIVED = 8,  /* 0 stands for a value that follows from others */
};

struct conf_key {
    const char *section;
    const char *name;
    enum conf_scope scope;
    enum conf_type type;
    unsigned flags;
    uint64_t min, max; /* of what is kept; 'max' entries for a list */
    const char *words; /* "a|b|c" */
    const char *value; /* the default, as one would write it; "": none */
    const char *note;  /* what the default stands for, or NULL */
    size_t offset;     /* of the member; CONF_NOWHERE: filled by hand */
    size_t width;      /* of the member */
    size_t count;      /* offset of the size_t beside a list */
    unsigned field;    /* enum gw_client_field */
    const char *meaning;
};
#define CONF_NOWHERE SIZE_MAX

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

/* Sections in the order of the documents. */
struct conf_section_row {
    const char *name;
    const char *title; /* "[listener NAME]" */
    const char *meaning;
};
extern const struct conf_section_row conf_section_rows[];
extern const size_t conf_section_count;

/* NULL when there is none. Lengths are given so that parts of a text do. */
const struct conf_section_row *conf_section_find(const char *name, size_t len);
const struct conf_key *conf_key_find(const char *section, const char *name,
                                     size_t len);

/* The nearest name, or NULL when nothing is near. */
const char *conf_section_nearest(const char *name);
const struct conf_key *conf_key_nearest(const char *section, const char *name);

/* What a key takes, in words: "a duration from 1s to 1h". Returns 'buf'. */
const char *conf_key_expects(const struct conf_key *key, char *buf, size_t cap);

/* The index of a word in 'words', or -1. */
int conf_word_index(const char *words, const char *word);
const char *conf_word(const char *words, uint64_t index, char *buf, size_t cap);

/* Numbers with the unit that suits them: "90s", "64KiB". Returns 'buf'. */
const char *conf_duration_text(uint64_t ms, char *buf, size_t cap);
const char *conf_size_text(uint64_t octets, char *buf, size_t cap);

#endif
